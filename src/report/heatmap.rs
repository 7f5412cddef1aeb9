//! A scalar field as a picture: colours, colour bar, axes. x runs to the right, y (or t) upward.

use super::axes::{self, Axis, Height, Plot, Room, Side};
use super::bitmap::Bitmap;
use super::drawing::{Drawing, Item, Rect, Stroke};
use super::paint::Paint;
use super::scale::{Scale, Ticks};
use super::{Figure, Grid, Palette};

/// Width of the figure in pixels, unless chosen: three of them stand side by side on a page.
const WIDTH: u16 = 384;
const BAR: f64 = 11.0;
const BAR_GAP: f64 = 10.0;
/// Pixels of the map per pixel of the figure: enough for what interpolation between nodes shows.
const SHARP: f64 = 1.5;

/// Builder of a heat map.
#[derive(Clone, Debug)]
pub struct Heatmap {
    grid: Grid,
    title: String,
    labels: [String; 2],
    palette: Palette,
    range: Option<[f64; 2]>,
    symmetric: bool,
    width: u16,
}

impl Heatmap {
    /// A heat map of `grid` with sequential colours over its whole range.
    pub fn new(grid: Grid) -> Self {
        let (labels, title) = (["x".into(), "y".into()], String::new());
        Self { grid, title, labels, palette: Palette::Sequential, range: None, symmetric: false, width: WIDTH }
    }

    /// The line above the picture: what the colours mean.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Labels of the horizontal and the vertical axis (default `x` and `y`).
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        self.labels = [x.into(), y.into()];
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

    /// Width of the whole figure in pixels (default 384, at least 240).
    pub fn width(mut self, pixels: u16) -> Self {
        self.width = pixels.max(240);
        self
    }

    /// The finished picture.
    pub fn draw(&self) -> Figure {
        let mut plot = self.paint();
        plot.finish();
        self.bar(&mut plot.drawing, plot.panel);
        Figure { drawing: plot.drawing }
    }

    /// The colours alone: other drawings may go on top before frame and bar.
    pub(super) fn paint(&self) -> Plot {
        let axis = |k: usize, ends: [f64; 2]| Axis { scale: Scale::linear(ends), label: self.labels[k].clone() };
        let right = BAR_GAP + BAR + 10.0 + axes::widest(&self.bar_ticks(300.0)).max(38.0) + 2.0;
        let (width, height) = (f64::from(self.width), Height::OfWidth(self.ratio()));
        let room = Room { width, height, above: 0.0, right };
        // the factor of the colour bar belongs to what the colours mean
        let title = match self.bar_ticks(300.0).factor {
            factor if factor.is_empty() => self.title.clone(),
            factor => format!("{} ({factor})", self.title),
        };
        let mut plot = Plot::new(&title, [axis(0, self.grid.x), axis(1, self.grid.y)], room);
        let (rect, scale) = (plot.panel, self.scale());
        let [across, down] = [rect.width, rect.height].map(|length| (SHARP * length).round() as u32);
        let value = |x: f64, y: f64| scale.unit(self.grid.bilinear(x, 1.0 - y));
        let bitmap = Bitmap::new(across, down, self.palette, value);
        plot.drawing.items.push(Item::Image { rect, bitmap });
        plot
    }

    /// Colour bar to the right of the panel, with ticks.
    pub(super) fn bar(&self, drawing: &mut Drawing, panel: Rect) {
        let rect = Rect { left: panel.right() + BAR_GAP, width: BAR, ..panel };
        let bitmap = Bitmap::new(1, 256, self.palette, |_, y| 1.0 - y);
        drawing.items.push(Item::Image { rect, bitmap });
        drawing.frame(rect, Stroke::new(Paint::Frame, 1.0));
        let ticks = Ticks { factor: String::new(), ..self.bar_ticks(panel.height) };
        axes::vertical_axis(drawing, rect, &self.scale(), &ticks, Side::Right);
    }

    fn bar_ticks(&self, height: f64) -> Ticks {
        self.scale().ticks(axes::per_length(height, 42.0))
    }

    fn scale(&self) -> Scale {
        let range = self.range.or_else(|| self.grid.range()).unwrap_or([0.0, 1.0]);
        if !self.symmetric {
            return Scale::linear(range);
        }
        let size = range[0].abs().max(range[1].abs());
        Scale::linear(if size > 0.0 { [-size, size] } else { [-1.0, 1.0] })
    }

    /// Height by width of the data rectangle: true to scale unless that would be a ribbon.
    fn ratio(&self) -> f64 {
        let length = |ends: [f64; 2]| (ends[1] - ends[0]).abs();
        let ratio = length(self.grid.y) / length(self.grid.x);
        if (0.4..=1.6).contains(&ratio) { ratio } else { 0.75 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::raster;
    use super::*;

    fn ramp() -> Grid {
        // f = i + 2 j on 3 × 3 nodes: smallest at (x₀, y₀), largest at (x₂, y₂)
        let values: Vec<f32> = (0..9u8).map(|k| f32::from(k / 3) + 2.0 * f32::from(k % 3)).collect();
        Grid::new(&values, 3, 3, [0.0, 1.0], [0.0, 1.0]).unwrap()
    }

    #[test]
    fn corners_have_the_colours_of_their_nodes_with_y_upward() {
        let plot = Heatmap::new(ramp()).paint();
        let (panel, image) = (plot.panel, raster::paint(&plot.drawing));
        let close = |x: f64, y: f64, t: f64| {
            let (got, wanted) = (image.at((2.0 * x) as u32, (2.0 * y) as u32), Palette::Sequential.color(t));
            let off = got.iter().zip(wanted).map(|(a, b)| a.abs_diff(b)).max();
            assert!(off <= Some(6), "({x}, {y}): got {got:?}, wanted {wanted:?}");
        };
        close(panel.left + 2.0, panel.bottom() - 2.0, 0.0);
        close(panel.right() - 2.0, panel.bottom() - 2.0, 2.0 / 6.0);
        close(panel.left + 2.0, panel.top + 2.0, 4.0 / 6.0);
        close(panel.right() - 2.0, panel.top + 2.0, 1.0);
    }

    #[test]
    fn the_same_field_gives_the_same_bytes() {
        let map = Heatmap::new(ramp()).title("f(x, y)").signed();
        assert_eq!(map.draw().png().unwrap(), map.draw().png().unwrap());
        assert_eq!(map.draw().svg("f"), map.draw().svg("f"));
    }

    #[test]
    fn degenerate_fields_are_drawn() {
        let grid = |values: &[f64], nx, ny| Grid::new(values, nx, ny, [0.0, 1.0], [0.0, 0.0]).unwrap();
        for values in [[f64::NAN; 4], [0.0; 4], [7.0; 4], [f64::INFINITY, 0.0, 1.0, -1e308]] {
            assert!(Heatmap::new(grid(&values, 2, 2)).draw().png().is_ok());
            let signed = Heatmap::new(grid(&values, 1, 4)).signed().range(1.0, 1.0).draw();
            assert!(!signed.svg("").contains("NaN"));
        }
    }
}
