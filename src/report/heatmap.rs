//! A scalar field as a picture: colours, colour bar, axes. x runs to the right, y (or t) upward.

use super::axes::{self, Axis, Plot, Side};
use super::canvas::{Canvas, Rect};
use super::font::{self, Align, Style};
use super::scale::Scale;
use super::{Figure, Grid, Palette};

/// Longest side of the data rectangle in pixels, unless chosen.
const SIDE: u16 = 560;
const BAR: i32 = 20;
const BAR_GAP: i32 = 18;

/// Builder of a heat map.
#[derive(Clone, Debug)]
pub struct Heatmap {
    grid: Grid,
    title: String,
    labels: [String; 3],
    palette: Palette,
    range: Option<[f64; 2]>,
    symmetric: bool,
    nearest: bool,
    side: u16,
}

impl Heatmap {
    /// A heat map of `grid` with sequential colours over its whole range.
    pub fn new(grid: Grid) -> Self {
        let labels = ["x".into(), "y".into(), String::new()];
        let (title, palette) = (String::new(), Palette::Sequential);
        Self { grid, title, labels, palette, range: None, symmetric: false, nearest: false, side: SIDE }
    }

    /// The line above the picture.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Labels of the horizontal and the vertical axis (default `x` and `y`).
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        [self.labels[0], self.labels[1]] = [x.into(), y.into()];
        self
    }

    /// What the colours mean, written along the colour bar.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.labels[2] = label.into();
        self
    }

    /// Which colours to use.
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// Values of the first and the last colour; values outside take the nearer end's colour.
    pub fn range(mut self, lo: f64, hi: f64) -> Self {
        self.range = Some([lo, hi]);
        self
    }

    /// A signed field: diverging colours over ± the largest magnitude.
    pub fn signed(mut self) -> Self {
        (self.symmetric, self.palette) = (true, Palette::Diverging);
        self
    }

    /// Shows every node as a block of one colour instead of interpolating between nodes.
    pub fn nearest(mut self) -> Self {
        self.nearest = true;
        self
    }

    /// Longest side of the data rectangle in pixels (default 560, at least 200): about 340 for three in a row.
    pub fn side(mut self, pixels: u16) -> Self {
        self.side = pixels.max(200);
        self
    }

    /// The finished picture.
    pub fn draw(&self) -> Figure {
        let mut plot = self.paint();
        plot.finish();
        self.bar(&mut plot.canvas, plot.panel);
        plot.canvas.into_figure()
    }

    /// The colours alone, clipped to the panel: other drawings may go on top before frame and bar.
    pub(super) fn paint(&self) -> Plot {
        let axis = |k: usize, ends: [f64; 2]| Axis { scale: Scale::linear(ends), label: self.labels[k].clone() };
        let ticks = self.scale().ticks(7);
        let label = if self.bar_label(&ticks.factor).is_empty() { 0 } else { 30 };
        let right = BAR_GAP + BAR + 12 + axes::widest(&ticks).max(26) + label;
        let [x, y] = [axis(0, self.grid.x), axis(1, self.grid.y)];
        let mut plot = Plot::new(&self.title, x, y, self.pixels(), right);
        let (panel, scale) = (plot.panel, self.scale());
        for row in 0..panel.height() {
            for column in 0..panel.width() {
                let fx = (f64::from(column) + 0.5) / f64::from(panel.width());
                let fy = 1.0 - (f64::from(row) + 0.5) / f64::from(panel.height());
                let value = if self.nearest { self.grid.nearest(fx, fy) } else { self.grid.bilinear(fx, fy) };
                let color = self.palette.color(scale.unit(value));
                plot.canvas.blend(panel.left + column, panel.top + row, color.into(), 1.0);
            }
        }
        plot
    }

    /// Colour bar to the right of the panel, with ticks and label.
    pub(super) fn bar(&self, canvas: &mut Canvas, panel: Rect) {
        let (scale, bar) = (self.scale(), Rect::new(panel.right + BAR_GAP, panel.top, BAR, panel.height()));
        for row in 0..bar.height() {
            let unit = 1.0 - (f64::from(row) + 0.5) / f64::from(bar.height());
            canvas.fill(Rect::new(bar.left, bar.top + row, BAR, 1), self.palette.color(unit));
        }
        axes::frame(canvas, bar, axes::DARK);
        let mut ticks = scale.ticks(axes::per_length(bar.height(), 60));
        // Above the bar the factor would run into a long title.
        let label = self.bar_label(&std::mem::take(&mut ticks.factor));
        axes::vertical_axis(canvas, bar, &scale, &ticks, Side::Right);
        let x = bar.right + 12 + axes::widest(&ticks).max(26) + 20;
        let middle = 0.5 * (bar.top + bar.bottom) as f32;
        let style = Style { upward: true, ..axes::text(Align::Middle) };
        font::draw(canvas, &label, [x as f32, middle], &style);
    }

    fn bar_label(&self, factor: &str) -> String {
        match (self.labels[2].as_str(), factor) {
            (label, "") => label.into(),
            ("", factor) => factor.into(),
            (label, factor) => format!("{label} ({factor})"),
        }
    }

    fn scale(&self) -> Scale {
        let range = self.range.or_else(|| self.grid.range()).unwrap_or([0.0, 1.0]);
        if !self.symmetric {
            return Scale::linear(range);
        }
        let size = range[0].abs().max(range[1].abs());
        Scale::linear(if size > 0.0 { [-size, size] } else { [-1.0, 1.0] })
    }

    /// Size of the data rectangle: true to scale unless that would be a ribbon.
    fn pixels(&self) -> [i32; 2] {
        let length = |ends: [f64; 2]| (ends[1] - ends[0]).abs();
        let ratio = length(self.grid.y) / length(self.grid.x);
        let ratio = if (0.4..=1.6).contains(&ratio) { ratio } else { 0.75 };
        let scale = f64::from(self.side) / ratio.max(1.0);
        [scale.round() as i32, (scale * ratio).round() as i32]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Grid {
        // f = i + 2 j on 3 × 3 nodes: smallest at (x₀, y₀), largest at (x₂, y₂).
        let values: Vec<f32> = (0..9u8).map(|k| f32::from(k / 3) + 2.0 * f32::from(k % 3)).collect();
        Grid::new(&values, 3, 3, [0.0, 1.0], [0.0, 1.0]).unwrap()
    }

    #[test]
    fn corners_have_the_colours_of_their_nodes_with_y_upward() {
        let plot = Heatmap::new(ramp()).paint();
        let panel = plot.panel;
        let close = |x: i32, y: i32, t: f64| {
            let (got, wanted) = (plot.canvas.pixel(x, y), Palette::Sequential.color(t));
            let off = got.iter().zip(wanted).map(|(a, b)| a.abs_diff(b)).max();
            assert!(off <= Some(2), "({x}, {y}): got {got:?}, wanted {wanted:?}");
        };
        close(panel.left, panel.bottom - 1, 0.0);
        close(panel.right - 1, panel.bottom - 1, 2.0 / 6.0);
        close(panel.left, panel.top, 4.0 / 6.0);
        close(panel.right - 1, panel.top, 1.0);
    }

    #[test]
    fn the_same_field_gives_the_same_bytes() {
        let map = Heatmap::new(ramp()).title("f(x, y)").label("f").signed();
        assert_eq!(map.draw().png().unwrap(), map.draw().png().unwrap());
    }

    #[test]
    fn missing_values_are_grey_and_degenerate_fields_are_drawn() {
        let grid = |values: &[f64], nx, ny| Grid::new(values, nx, ny, [0.0, 1.0], [0.0, 0.0]).unwrap();
        let plot = Heatmap::new(grid(&[f64::NAN, 1.0], 2, 1)).nearest().paint();
        assert_eq!(plot.canvas.pixel(plot.panel.left, plot.panel.top), super::super::colormap::MISSING);
        for values in [[f64::NAN; 4], [0.0; 4], [7.0; 4], [f64::INFINITY, 0.0, 1.0, -1e308]] {
            assert!(Heatmap::new(grid(&values, 2, 2)).draw().png().is_ok());
            assert!(Heatmap::new(grid(&values, 1, 4)).signed().range(1.0, 1.0).draw().png().is_ok());
        }
    }
}
