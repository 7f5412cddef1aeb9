//! One named set of points of a line plot, and how its lines and markers are drawn.

use super::axes::Plot;
use super::canvas::{self, Color, Ink, Point};

const MARKER: f32 = 4.5;

/// The shape of a tabulated point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// ○
    Circle,
    /// □
    Square,
    /// ◇
    Diamond,
}

/// One named set of points, drawn as a line, as markers, or both, in its own colour.
#[derive(Clone, Debug)]
pub struct Series {
    pub(super) name: String,
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    pub(super) spread: Option<[Vec<f64>; 2]>,
    pub(super) line: bool,
    pub(super) dashed: bool,
    pub(super) marker: Option<Marker>,
    pub(super) color: Option<Color>,
}

impl Series {
    /// A line through `(x[k], y[k])` in the order given. Points that are not finite, or not positive on a
    /// logarithmic axis, interrupt it; surplus entries of the longer slice are ignored.
    pub fn line(name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        let n = x.len().min(y.len());
        let (x, y) = (x[..n].to_vec(), y[..n].to_vec());
        Self { name: name.into(), x, y, spread: None, line: true, dashed: false, marker: None, color: None }
    }

    /// Markers without a line: tabulated values.
    pub fn points(name: impl Into<String>, x: &[f64], y: &[f64], marker: Marker) -> Self {
        Self { line: false, marker: Some(marker), ..Self::line(name, x, y) }
    }

    /// Shades between `lo[k]` and `hi[k]` at `x[k]`, for example mean ± standard deviation; `x` must ascend.
    pub fn band(mut self, lo: &[f64], hi: &[f64]) -> Self {
        self.spread = Some([lo.to_vec(), hi.to_vec()]);
        self
    }

    /// Draws the line with dashes.
    pub fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }

    /// Adds markers to the line.
    pub fn marked(mut self, marker: Marker) -> Self {
        self.marker = Some(marker);
        self
    }

    /// Overrides the colour, which otherwise follows from the position in the list.
    pub fn color(mut self, color: Color) -> Self {
        self.color = Some(color);
        self
    }

    /// Lower and upper end of the band at a point.
    pub(super) fn bounds(&self, k: usize) -> Option<[f64; 2]> {
        let [lo, hi] = self.spread.as_ref()?;
        Some([*lo.get(k)?, *hi.get(k)?])
    }
}

/// The drawable stretches of a series in pixels.
pub(super) fn pieces(series: &Series, plot: &Plot) -> Vec<Vec<Point>> {
    let places: Vec<Point> = series.x.iter().zip(&series.y).map(|(&x, &y)| plot.place(x, y)).collect();
    let drawable = |at: &Point| at.iter().all(|c| c.is_finite());
    places.split(|at| !drawable(at)).filter(|piece| !piece.is_empty()).map(<[Point]>::to_vec).collect()
}

/// A path as it is, or cut into dashes.
pub(super) fn dash(path: &[Point], dashed: bool) -> Vec<Vec<Point>> {
    if dashed { canvas::dashes(path, 8.0, 5.0) } else { vec![path.to_vec()] }
}

/// A hollow marker: the white inside keeps a line below from hiding it.
pub(super) fn mark(plot: &mut Plot, shape: Marker, [x, y]: Point, ink: Ink) {
    let turns = |n: u8, first: f32, radius: f32| -> Vec<Point> {
        let angle = move |k: u8| first + std::f32::consts::TAU * f32::from(k) / f32::from(n);
        (0..n).map(|k| [x + radius * angle(k).cos(), y + radius * angle(k).sin()]).collect()
    };
    let mut outline = match shape {
        Marker::Circle => turns(20, 0.0, MARKER),
        Marker::Square => turns(4, std::f32::consts::FRAC_PI_4, 1.3 * MARKER),
        Marker::Diamond => turns(4, 0.0, 1.35 * MARKER),
    };
    plot.canvas.convex(&outline, [255; 3]);
    outline.push(outline[0]);
    plot.canvas.stroke(&[outline], 1.6, ink);
}
