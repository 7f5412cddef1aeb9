//! Columns of numbers from a text file: measured data, points and references.

use crate::problems::{Axis, Grid, GridAxis};

/// Rows that a file may have.
const MOST_ROWS: usize = 1 << 22;
/// Columns that a file may have: every name is compared with every other.
const MOST_COLUMNS: usize = 64;

/// Named columns of finite numbers, the axes first.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub names: Vec<String>,
    /// Flat `[row][column]`.
    pub rows: Vec<f64>,
}

impl Table {
    /// Reads comma-separated values whose first line names the columns; every axis must be among them.
    ///
    /// # Errors
    /// Names the line and column of what is missing or no number.
    pub fn read(bytes: &[u8], axes: &[String]) -> Result<Table, String> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(bytes);
        let header = reader.headers().map_err(|error| said(&error))?.clone();
        let given: Vec<&str> = header.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
        if given.len() > MOST_COLUMNS {
            return Err(format!("{} columns: a file has at most {MOST_COLUMNS}", given.len()));
        }
        let wanted = format!("the first line names the columns: {}, then others", axes.join(", "));
        let place = |axis: &String| {
            let found = given.iter().position(|name| name == axis);
            found.ok_or_else(|| match bytes.iter().all(u8::is_ascii_whitespace) {
                true => format!("the file is empty: {wanted}"),
                false => format!("there is no column `{axis}` among {}: {wanted}", given.join(", ")),
            })
        };
        let first: Vec<usize> = axes.iter().map(place).collect::<Result<_, _>>()?;
        let order: Vec<usize> = first.iter().copied().chain((0..given.len()).filter(|i| !first.contains(i))).collect();
        let names: Vec<String> = order.iter().map(|&column| given[column].to_owned()).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| said(&error))?;
            let line = record.position().map_or(0, csv::Position::line);
            for (&column, name) in order.iter().zip(&names) {
                let text = &record[column];
                match text.parse::<f64>() {
                    Ok(value) if (value as f32).is_finite() => rows.push(value),
                    _ => return Err(format!("line {line}, column `{name}`: `{text}` is no finite number")),
                }
            }
            if rows.len() / names.len() > MOST_ROWS {
                return Err(format!("more than {MOST_ROWS} rows"));
            }
        }
        match rows.is_empty() {
            true => Err("there is no row of numbers".into()),
            false => Ok(Table { names, rows }),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len() / self.names.len()
    }

    /// One row after the other.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, f64> {
        self.rows.chunks_exact(self.names.len())
    }

    /// The grid of two axes on whose nodes the rows lie, if they do, and the row of every node in the grid's order.
    pub fn nodes(&self, axes: &[Axis]) -> Option<(Grid, Vec<usize>)> {
        let ends = |axis: usize| {
            let mut nodes: Vec<f64> = self.iter().map(|row| row[axis]).collect();
            nodes.sort_by(f64::total_cmp);
            nodes.dedup();
            let (first, last, count) = (*nodes.first()?, *nodes.last()?, nodes.len());
            let step = (last - first) / (count.max(2) - 1) as f64;
            let even = nodes.iter().enumerate().all(|(i, x)| (x - (first + i as f64 * step)).abs() < 1e-4 * step);
            (count >= 2 && even).then_some((first, last, count))
        };
        let [x, y] = [ends(0)?, ends(1)?];
        if x.2 * y.2 != self.len() {
            return None;
        }
        let node = |(first, last, count): (f64, f64, usize), at: f64| {
            ((at - first) / (last - first) * (count - 1) as f64).round() as usize
        };
        let mut order = vec![usize::MAX; self.len()];
        for (number, row) in self.iter().enumerate() {
            order[node(x, row[0]) * y.2 + node(y, row[1])] = number;
        }
        let of = |axis: &Axis, (lower, upper, count)| GridAxis { name: axis.name, lower, upper, count };
        (!order.contains(&usize::MAX)).then(|| (Grid::of(vec![of(&axes[0], x), of(&axes[1], y)]), order))
    }
}

/// What a parser found, in our words.
fn said(error: &csv::Error) -> String {
    let line = |position: &Option<csv::Position>| position.as_ref().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            format!("line {}: {len} columns, where the first line names {expected_len}", line(pos))
        }
        csv::ErrorKind::Utf8 { pos, .. } => format!("line {} is not UTF-8 text: save the file as UTF-8", line(pos)),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Table, String> {
        Table::read(text.as_bytes(), &["x".to_owned(), "t".to_owned()])
    }

    #[test]
    fn axes_come_first_whatever_the_order_of_the_file() {
        let table = read("u, t, x\n# a remark\n1, 2, 3\n4, 5, 6e-1\n").unwrap();
        assert_eq!(table.names, ["x", "t", "u"]);
        assert_eq!(table.rows, [3.0, 2.0, 1.0, 0.6, 5.0, 4.0]);
    }

    #[test]
    fn what_is_no_table_is_named() {
        assert!(read("x,u\n1,2\n").unwrap_err().starts_with("there is no column `t` among x, u"));
        assert_eq!(read("x,t,u\n1,2,3\n1,nan,3\n").unwrap_err(), "line 3, column `t`: `nan` is no finite number");
        assert_eq!(read("x,t,u\n").unwrap_err(), "there is no row of numbers");
        assert!(read("x,t,u\n1,2\n").unwrap_err().contains("line"));
        let wide = format!("x,t{}\n", ",u".repeat(100));
        assert_eq!(read(&wide).unwrap_err(), "102 columns: a file has at most 64");
    }

    #[test]
    fn a_grid_is_recognised_in_any_order() {
        let axes = [Axis::symmetric("x", 0.0, 1.0), Axis::symmetric("t", 0.0, 2.0)];
        let table = read("x,t,u\n1,2,6\n0,0,1\n0,1,2\n0,2,3\n1,0,4\n1,1,5\n").unwrap();
        let (grid, order) = table.nodes(&axes).unwrap();
        assert_eq!((grid.nx(), grid.ny(), order), (2, 3, vec![1, 2, 3, 4, 5, 0]));
        assert!(read("x,t,u\n1,2,6\n0,0,1\n0,1,2\n").unwrap().nodes(&axes).is_none());
    }
}
