//! Tables for people: cells are text, columns are few, and the same table becomes Markdown or a part of a page.

/// A table with a heading and a remark.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub title: String,
    pub headers: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// What the columns mean, where their names do not say it.
    pub note: String,
}

impl Table {
    /// An empty table.
    pub fn new(title: impl Into<String>, headers: &[&str], note: impl Into<String>) -> Table {
        let headers = headers.iter().map(|&header| header.to_owned()).collect();
        Table { title: title.into(), headers, rows: Vec::new(), note: note.into() }
    }

    /// As Markdown with a heading of the second order, columns aligned for readers of the text.
    pub fn markdown(&self) -> String {
        let escape = |cell: &String| cell.replace('|', "\\|").replace('\n', " ");
        let rows: Vec<Vec<String>> =
            [&self.headers].into_iter().chain(&self.rows).map(|row| row.iter().map(escape).collect()).collect();
        let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
        let widths: Vec<usize> = (0..self.headers.len()).map(|k| width(k).unwrap_or(0).max(3)).collect();
        let line = |cells: &[String]| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
        };
        let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        let mut text = format!("## {}\n\n{}{}", self.title, line(&rows[0]), line(&rule));
        rows[1..].iter().for_each(|row| text += &line(row));
        if !self.note.is_empty() {
            text += &format!("\n{}\n", self.note);
        }
        text
    }
}

/// A number as a cell: three significant digits, a dash where there is none.
pub fn cell(value: f64) -> String {
    let size = value.abs();
    match () {
        () if !value.is_finite() => "–".into(),
        () if value == 0.0 => "0".into(),
        () if (0.01..100.0).contains(&size) => {
            let digits = (2 - size.log10().floor() as i32).clamp(0, 4) as usize;
            format!("{value:.digits$}")
        }
        () if (100.0..100_000.0).contains(&size) => format!("{value:.0}"),
        () => format!("{value:.2e}"),
    }
}

/// Mean and deviation as one cell with a common power of ten, `(3.21 ± 0.40)e-2`; a single value has no deviation.
pub fn spread(mean: f64, deviation: f64) -> String {
    if !mean.is_finite() {
        return "–".into();
    }
    if !deviation.is_finite() || mean <= 0.0 {
        return format!("{mean:.2e}");
    }
    let power = mean.log10().floor() as i32;
    let unit = 10.0_f64.powi(power);
    match power {
        0 => format!("{mean:.2} ± {deviation:.2}"),
        _ => format!("({:.2} ± {:.2})e{power}", mean / unit, deviation / unit),
    }
}

/// Mean and deviation with as many decimals as give the mean three digits, `0.917 ± 0.004`.
pub fn plus_minus(mean: f64, deviation: f64) -> String {
    if !mean.is_finite() || !deviation.is_finite() {
        return cell(mean);
    }
    let digits = (2 - mean.abs().max(1e-9).log10().floor() as i32).clamp(0, 9) as usize;
    format!("{mean:.digits$} ± {deviation:.digits$}")
}

/// One line of comma-separated values; cells are quoted where they must be.
pub fn csv_line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains([',', '"', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_three_digits() {
        let cases = [
            (0.031_25, "0.0312"),
            (0.5, "0.500"),
            (12.345, "12.3"),
            (99.97, "100.0"),
            (59_655.0, "59655"),
            (1.234e-5, "1.23e-5"),
            (0.0, "0"),
            (f64::NAN, "–"),
            (-0.25, "-0.250"),
        ];
        for (value, text) in cases {
            assert_eq!(cell(value), text);
        }
        assert_eq!(spread(0.0321, 0.004), "(3.21 ± 0.40)e-2");
        assert_eq!(spread(1.329, 0.2), "1.33 ± 0.20");
        assert_eq!(plus_minus(0.9174, 0.003_83), "0.917 ± 0.004");
        assert_eq!(plus_minus(1234.0, 56.7), "1234 ± 57");
        assert_eq!(plus_minus(12.0, f64::NAN), "12.0");
        assert_eq!(spread(0.0321, f64::NAN), "3.21e-2");
        assert_eq!(spread(f64::NAN, 1.0), "–");
    }

    #[test]
    fn markdown_and_csv_survive_awkward_cells() {
        let mut table = Table::new("Errors", &["name", "value"], "Lower is better.");
        table.rows.push(vec!["a|b".into(), "1".into()]);
        let text = "## Errors\n\n| name | value |\n| ---- | ----- |\n| a\\|b | 1     |\n\nLower is better.\n";
        assert_eq!(table.markdown(), text);
        assert_eq!(csv_line(&["a,b".into(), "say \"no\"".into(), "c".into()]), "\"a,b\",\"say \"\"no\"\"\",c\n");
    }
}
