//! A table of numbers as coloured cells with the numbers written in: a result over two settings. For fields on a
//! grid of many nodes see `heatmap`.

use super::axes::{self, DARK};
use super::canvas::{Canvas, Rect};
use super::font::{self, Align, Style};
use super::scale::Scale;
use super::{Figure, Palette};

const CELL: [i32; 2] = [112, 58];
const GAP: i32 = 12;
const TITLE: f32 = 12.5;
const VALUE: f32 = 12.0;

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
        let style = |align| axes::text(align);
        let size = style(Align::Start).size;
        let widest = self.rows.iter().map(|row| font::width(row, size).ceil() as i32).max().unwrap_or(0);
        let left = 2 * GAP + widest + if self.labels[1].is_empty() { 0 } else { size as i32 + GAP };
        let top = 14 + TITLE as i32 + 14;
        let panel = [self.columns.len() as i32 * CELL[0], self.rows.len() as i32 * CELL[1]];
        let below = GAP + size as i32 + if self.labels[0].is_empty() { GAP } else { size as i32 + 2 * GAP };
        let title = font::width(&self.title, TITLE).ceil() as i32 + 2 * GAP;
        let mut canvas = Canvas::new((left + panel[0] + 2 * GAP).max(title), top + panel[1] + below);
        for row in 0..self.rows.len() {
            for column in 0..self.columns.len() {
                let corner = [left + column as i32 * CELL[0], top + row as i32 * CELL[1]];
                self.cell(&mut canvas, corner, self.values[row * self.columns.len() + column]);
            }
        }
        axes::frame(&mut canvas, Rect::new(left, top, panel[0], panel[1]), DARK);
        for (k, name) in self.columns.iter().enumerate() {
            let x = left + k as i32 * CELL[0] + CELL[0] / 2;
            let y = top + panel[1] + GAP;
            font::draw(&mut canvas, name, [x as f32, y as f32 + size], &style(Align::Middle));
        }
        for (k, name) in self.rows.iter().enumerate() {
            let y = top + k as i32 * CELL[1] + CELL[1] / 2;
            font::draw(&mut canvas, name, [(left - GAP) as f32, y as f32 + 0.5 * size], &style(Align::End));
        }
        let middle = [left as f32 + 0.5 * panel[0] as f32, top as f32 + 0.5 * panel[1] as f32];
        let under = (top + panel[1] + 2 * GAP) as f32 + 2.0 * size;
        font::draw(&mut canvas, &self.labels[0], [middle[0], under], &style(Align::Middle));
        let upward = Style { upward: true, ..style(Align::Middle) };
        font::draw(&mut canvas, &self.labels[1], [GAP as f32 + size, middle[1]], &upward);
        let heading = Style { size: TITLE, weight: 2.3, ..style(Align::Start) };
        font::draw(&mut canvas, &self.title, [GAP as f32, 14.0 + TITLE], &heading);
        canvas.into_figure()
    }

    fn cell(&self, canvas: &mut Canvas, [x, y]: [i32; 2], value: f64) {
        let rect = Rect::new(x + 1, y + 1, CELL[0] - 2, CELL[1] - 2);
        let unit = if value > 0.0 { self.scale().unit(value).clamp(0.0, 1.0) } else { f64::NAN };
        let color = Palette::Magnitude.color(unit);
        canvas.fill(rect, if unit.is_nan() { [245; 3] } else { color });
        let dark = color.map(f32::from);
        let bright = 0.3 * dark[0] + 0.59 * dark[1] + 0.11 * dark[2] > 140.0 || unit.is_nan();
        let ink = if bright { DARK } else { [255; 3] };
        let text = if value.is_finite() { format!("{value:.2e}") } else { "none".to_owned() };
        let style = Style { size: VALUE, ink: ink.into(), ..axes::text(Align::Middle) };
        let at = [(x + CELL[0] / 2) as f32, (y + CELL[1] / 2) as f32 + 0.5 * VALUE];
        font::draw(canvas, &text, at, &style);
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
    use super::*;

    #[test]
    fn cells_are_coloured_by_value_and_odd_numbers_do_not_panic() {
        let names = |count: usize| (0..count).map(|k| format!("row <{k}>")).collect::<Vec<_>>();
        let cells = Cells::new(&names(2), &names(1), &[1e-3, 1.0]).title("t").axes("a", "b");
        let figure = cells.draw();
        let left = 2 * GAP + font::width("row <0>", axes::text(Align::Start).size).ceil() as i32 + 11 + GAP;
        let at = |k: i32| figure.image().get_pixel((left + k * CELL[0] + 4) as u32, 45).0;
        assert_eq!(at(0), Palette::Magnitude.color(0.0));
        assert_eq!(at(1), Palette::Magnitude.color(1.0));
        for values in [&[f64::NAN, -1.0][..], &[0.0, f64::INFINITY], &[2.0, 2.0], &[]] {
            assert!(Cells::new(&names(2), &names(1), values).draw().png().is_ok());
        }
        assert!(Cells::new(&[], &[], &[]).draw().png().is_ok());
    }
}
