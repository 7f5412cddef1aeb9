//! A table of numbers as coloured cells with the numbers written in: a result over two settings. For fields on a
//! grid of many nodes see `heatmap`.

use super::drawing::{Align, Drawing, LABEL, Rect, Stroke, Text};
use super::paint::{Paint, Rgb};
use super::scale::Scale;
use super::{Figure, Palette, font};

const WIDTH: f64 = 104.0;
/// Height of a cell where there are few rows, and where there are many.
const HEIGHTS: [f64; 2] = [48.0, 26.0];
const MANY: usize = 6;
const GAP: f64 = 10.0;
const TOP: f64 = 30.0;

/// Builder of a picture of cells; rows are listed from top to bottom.
#[derive(Clone, Debug)]
pub struct Cells {
    title: String,
    labels: [String; 2],
    columns: Vec<String>,
    rows: Vec<String>,
    values: Vec<f64>,
    range: Option<[f64; 2]>,
}

impl Cells {
    /// Cells with the names of columns and rows; `values` row by row, NaN where there is none. Colours are
    /// logarithmic, light is small; missing numbers stay empty.
    pub fn new(columns: &[String], rows: &[String], values: &[f64]) -> Self {
        let mut values = values.to_vec();
        values.resize(columns.len() * rows.len(), f64::NAN);
        let labels = [String::new(), String::new()];
        Self { title: String::new(), labels, columns: columns.to_vec(), rows: rows.to_vec(), values, range: None }
    }

    /// The line above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// What columns and rows are.
    pub fn axes(mut self, columns: impl Into<String>, rows: impl Into<String>) -> Self {
        self.labels = [columns.into(), rows.into()];
        self
    }

    /// Values of the lightest and the darkest colour (default: the data), both positive.
    pub fn range(mut self, lo: f64, hi: f64) -> Self {
        self.range = Some([lo, hi]);
        self
    }

    /// The finished picture.
    pub fn draw(&self) -> Figure {
        let widest = self.rows.iter().map(|row| font::width(row, LABEL, false)).fold(0.0, f64::max);
        let left = 2.0 * GAP + widest + if self.labels[1].is_empty() { 0.0 } else { LABEL + GAP };
        let [wide, high] = self.size_of_cell();
        let size = [self.columns.len() as f64 * wide, self.rows.len() as f64 * high];
        let panel = Rect { left, top: TOP, width: size[0], height: size[1] };
        let below = GAP + LABEL + if self.labels[0].is_empty() { GAP } else { LABEL + 2.0 * GAP };
        let heading = Text { size: 13.5, bold: true, ..Text::label(&self.title, [GAP, 15.5], Align::Start) };
        let mut drawing = Drawing::new((panel.right() + GAP).max(heading.width() + 2.0 * GAP), panel.bottom() + below);
        drawing.text(heading);
        for row in 0..self.rows.len() {
            for column in 0..self.columns.len() {
                let corner = [left + column as f64 * wide, TOP + row as f64 * high];
                self.cell(&mut drawing, corner, self.values[row * self.columns.len() + column]);
            }
        }
        drawing.frame(panel, Stroke::new(Paint::Frame, 1.0));
        let baseline = panel.bottom() + GAP + 0.73 * LABEL;
        for (k, name) in self.columns.iter().enumerate() {
            drawing.text(Text::label(name, [left + (k as f64 + 0.5) * wide, baseline], Align::Middle));
        }
        for (k, name) in self.rows.iter().enumerate() {
            let y = TOP + (k as f64 + 0.5) * high + 0.36 * LABEL;
            drawing.text(Text::label(name, [left - GAP, y], Align::End));
        }
        let soft = |text: Text| Text { paint: Paint::Soft, ..text };
        let middle = [left + 0.5 * size[0], TOP + 0.5 * size[1]];
        drawing.text(soft(Text::label(&self.labels[0], [middle[0], baseline + LABEL + 6.0], Align::Middle)));
        let rows = Text::label(&self.labels[1], [GAP + LABEL - 4.0, middle[1]], Align::Middle);
        drawing.text(soft(Text { upward: true, ..rows }));
        Figure { drawing }
    }

    fn size_of_cell(&self) -> [f64; 2] {
        [WIDTH, HEIGHTS[usize::from(self.rows.len() > MANY)]]
    }

    fn cell(&self, drawing: &mut Drawing, [left, top]: [f64; 2], value: f64) {
        let unit = if value > 0.0 { self.scale().unit(value).clamp(0.0, 1.0) } else { f64::NAN };
        let color = Palette::Magnitude.color(unit);
        let [width, height] = self.size_of_cell();
        let rect = Rect { left, top, width, height };
        drawing.fill(rect, if unit.is_nan() { Paint::Grid } else { Paint::Fixed(color) });
        let [r, g, b] = color.map(f64::from);
        const DARK: Rgb = [0x1f, 0x23, 0x28];
        let ink = match unit.is_nan() {
            true => Paint::Text,
            false if 0.3 * r + 0.59 * g + 0.11 * b > 140.0 => Paint::Fixed(DARK),
            false => Paint::Fixed([255; 3]),
        };
        let text = if value.is_finite() { format!("{value:.2e}") } else { "none".to_owned() };
        let at = [left + 0.5 * width, top + 0.5 * height + 0.36 * LABEL];
        drawing.text(Text { paint: ink, size: 12.5, ..Text::label(text, at, Align::Middle) });
    }

    fn scale(&self) -> Scale {
        let positive: Vec<f64> = self.values.iter().copied().filter(|v| v.is_finite() && *v > 0.0).collect();
        let data = [f64::min, f64::max].map(|pick| positive.iter().copied().reduce(pick).unwrap_or(1.0));
        let [lo, hi] = self.range.unwrap_or(data);
        // equal ends would make every colour NaN
        Scale { lo, hi: hi.max(1.01 * lo), log: true }
    }
}

#[cfg(test)]
mod tests {
    use super::super::raster;
    use super::*;

    #[test]
    fn cells_are_coloured_by_value_and_odd_numbers_do_not_panic() {
        let names = |count: usize| (0..count).map(|k| format!("row <{k}>")).collect::<Vec<_>>();
        let cells = Cells::new(&names(2), &names(1), &[1e-3, 1.0]).title("t").axes("a", "b");
        let image = raster::paint(&cells.draw().drawing);
        let left = 2.0 * GAP + font::width("row <0>", LABEL, false) + LABEL + GAP;
        let at = |k: f64| image.at((2.0 * (left + k * WIDTH + 4.0)) as u32, 2 * (TOP as u32 + 4));
        assert_eq!(at(0.0), Palette::Magnitude.color(0.0));
        assert_eq!(at(1.0), Palette::Magnitude.color(1.0));
        for values in [&[f64::NAN, -1.0][..], &[0.0, f64::INFINITY], &[2.0, 2.0], &[]] {
            assert!(Cells::new(&names(2), &names(1), values).draw().png().is_ok());
        }
        assert!(Cells::new(&[], &[], &[]).draw().png().is_ok());
    }
}
