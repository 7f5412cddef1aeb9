//! One named set of points of a line plot, and how its lines and markers are drawn.

use super::axes::Plot;
use super::drawing::{Item, Point, Stroke};
use super::paint::Paint;

const MARKER: f64 = 4.0;
pub(super) const LINE: f64 = 1.8;

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
}

impl Series {
    /// A line through `(x[k], y[k])` in the order given. Points that are not finite, or not positive on a
    /// logarithmic axis, interrupt it; a point that stands alone is a dot; surplus entries of the longer slice are ignored.
    pub fn line(name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        let n = x.len().min(y.len());
        let (x, y) = (x[..n].to_vec(), y[..n].to_vec());
        Self { name: name.into(), x, y, spread: None, line: true, dashed: false, marker: None }
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

    /// Lower and upper end of the band at a point.
    pub(super) fn bounds(&self, k: usize) -> Option<[f64; 2]> {
        let [lo, hi] = self.spread.as_ref()?;
        Some([*lo.get(k)?, *hi.get(k)?])
    }

    pub(super) fn stroke(&self, paint: Paint) -> Stroke {
        Stroke { dash: self.dashed.then_some([6.0, 4.0]).or(paint.dash()), ..Stroke::new(paint, LINE) }
    }
}

/// The drawable stretches of a series in pixels.
pub(super) fn pieces(series: &Series, plot: &Plot) -> Vec<Vec<Point>> {
    let places: Vec<Point> = series.x.iter().zip(&series.y).map(|(&x, &y)| plot.place(x, y)).collect();
    let drawable = |at: &Point| at.iter().all(|c| c.is_finite());
    places.split(|at| !drawable(at)).filter(|piece| !piece.is_empty()).map(<[Point]>::to_vec).collect()
}

/// The same line without points that nobody could tell from the line between their neighbours: of those within half a
/// pixel to the right of a point, the first, the lowest, the highest and the last stay.
pub(super) fn thinned(path: &[Point]) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::new();
    let mut rest = path;
    while let Some(first) = rest.first() {
        let near = rest.iter().take_while(|at| (at[0] - first[0]).abs() < 0.5).count();
        let (column, after) = rest.split_at(near);
        let of = |better: fn(&f64, &f64) -> bool| {
            (0..near).reduce(|a, b| if better(&column[b][1], &column[a][1]) { b } else { a }).unwrap_or(0)
        };
        let mut numbers = [0, of(f64::lt), of(f64::gt), near - 1];
        numbers.sort_unstable();
        for (k, number) in numbers.iter().enumerate() {
            if k == 0 || numbers[k - 1] != *number {
                kept.push(column[*number]);
            }
        }
        rest = after;
    }
    kept
}

/// A hollow marker: the ground inside keeps a line below from hiding it.
pub(super) fn mark(shape: Marker, [x, y]: Point, paint: Paint) -> Item {
    let turns = |n: u8, first: f64, radius: f64| -> Vec<Point> {
        let angle = move |k: u8| first + std::f64::consts::TAU * f64::from(k) / f64::from(n);
        (0..n).map(|k| [x + radius * angle(k).cos(), y + radius * angle(k).sin()]).collect()
    };
    let outline = match shape {
        Marker::Circle => turns(24, 0.0, MARKER),
        Marker::Square => turns(4, std::f64::consts::FRAC_PI_4, 1.25 * MARKER),
        Marker::Diamond => turns(4, 0.0, 1.35 * MARKER),
    };
    Item::Area { outline, fill: Paint::Ground, opacity: 1.0, edge: Some(Stroke::new(paint, 1.5)) }
}

/// A full dot, for a point that is alone.
pub(super) fn dot([x, y]: Point, paint: Paint) -> Item {
    let angle = |k: u8| std::f64::consts::TAU * f64::from(k) / 24.0;
    let outline = (0..24).map(|k| [x + 3.0 * angle(k).cos(), y + 3.0 * angle(k).sin()]).collect();
    Item::Area { outline, fill: paint, opacity: 1.0, edge: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let path: Vec<Point> =
            (0..10_000).map(|k| [f64::from(k) * 0.01, if k == 5_003 { 90.0 } else { 1.0 }]).collect();
        let kept = thinned(&path);
        assert!(kept.len() < 900, "{}", kept.len());
        assert_eq!((kept[0], kept[kept.len() - 1]), (path[0], path[9_999]));
        assert!(kept.contains(&path[5_003]) && kept.is_sorted_by(|a, b| a[0] <= b[0]));
        let few = [[0.0, 1.0], [3.0, 2.0], [9.0, 1.0]];
        assert_eq!(thinned(&few), few);
        assert!(thinned(&[]).is_empty());
    }
}
