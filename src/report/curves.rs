//! Line plots of several named series: losses over steps, errors, profiles against tabulated points.

use super::Figure;
use super::axes::{Axis, Height, Plot, Room};
use super::drawing::{Align, Item, LABEL, Point, Rect, Text};
use super::font;
use super::grid::range;
use super::paint::Paint;
use super::scale::Scale;
use super::series::{Series, dot, mark, pieces, thinned};

const BAND: f64 = 0.2;
const ROW: f64 = 19.0;
const SAMPLE: f64 = 24.0;
const BETWEEN: f64 = 18.0;

/// Builder of a line plot.
#[derive(Clone, Debug)]
pub struct Curves {
    title: String,
    labels: [String; 2],
    log: [bool; 2],
    limits: [Option<[f64; 2]>; 2],
    size: [f64; 2],
    series: Vec<Series>,
}

impl Default for Curves {
    fn default() -> Self {
        Self::new()
    }
}

impl Curves {
    /// An empty plot with linear axes.
    pub fn new() -> Self {
        let (labels, size) = ([String::new(), String::new()], [560.0, 270.0]);
        Self { title: String::new(), labels, log: [false; 2], limits: [None; 2], size, series: Vec::new() }
    }

    /// The line above the plot.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Labels of the horizontal and the vertical axis, with units.
    pub fn axes(mut self, x: impl Into<String>, y: impl Into<String>) -> Self {
        self.labels = [x.into(), y.into()];
        self
    }

    /// Logarithmic x axis; values that are not positive are left out.
    pub fn log_x(mut self) -> Self {
        self.log[0] = true;
        self
    }

    /// Logarithmic y axis; values that are not positive are left out.
    pub fn log_y(mut self) -> Self {
        self.log[1] = true;
        self
    }

    /// Exact ends of the x axis (default: round numbers around the data).
    pub fn x_limits(mut self, lo: f64, hi: f64) -> Self {
        self.limits[0] = Some([lo, hi]);
        self
    }

    /// Exact ends of the y axis (default: round numbers around the data).
    pub fn y_limits(mut self, lo: f64, hi: f64) -> Self {
        self.limits[1] = Some([lo, hi]);
        self
    }

    /// Width of the figure and height of its data rectangle in pixels (default 560 and 270).
    pub fn size(mut self, width: u16, height: u16) -> Self {
        self.size = [f64::from(width.max(240)), f64::from(height.max(80))];
        self
    }

    /// Adds a series; later ones are drawn on top.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The finished picture, with the legend in a row above the data.
    pub fn draw(&self) -> Figure {
        let mut plot = self.paint();
        plot.finish();
        // on the frame they would be cut in half
        for (k, series) in self.series.iter().enumerate() {
            let inside = |at: &Point| within(&plot.panel, at);
            let marks = pieces(series, &plot).into_iter().flatten().filter(inside);
            let items = marks.flat_map(|at| series.marker.iter().map(move |&shape| mark(shape, at, Paint::Series(k))));
            plot.drawing.items.extend(items.collect::<Vec<_>>());
            let alone = pieces(series, &plot).into_iter().filter(|piece| piece.len() == 1 && series.line);
            let dots = alone.flatten().filter(inside).map(|at| dot(at, Paint::Series(k)));
            plot.drawing.items.extend(dots.collect::<Vec<_>>());
        }
        self.legend(&mut plot);
        Figure { drawing: plot.drawing }
    }

    fn paint(&self) -> Plot {
        let axes = [0, 1].map(|k| Axis { scale: self.scale(k), label: self.labels[k].clone() });
        let above = ROW * self.places().last().map_or(0.0, |[_, row]| row + 1.0);
        let room = Room { width: self.size[0], height: Height::Pixels(self.size[1]), above, right: 0.0 };
        let mut plot = Plot::new(&self.title, axes, room);
        plot.grid();
        let mut items = Vec::new();
        for k in 0..self.series.len() {
            items.extend(self.shade(&plot, k));
        }
        for (k, series) in self.series.iter().enumerate().filter(|(_, series)| series.line) {
            let paths: Vec<_> = pieces(series, &plot).iter().filter(|p| p.len() > 1).map(|p| thinned(p)).collect();
            items.push(Item::Lines { paths, stroke: series.stroke(Paint::Series(k)) });
        }
        plot.drawing.items.push(Item::Clipped { rect: plot.panel, items });
        plot
    }

    fn scale(&self, k: usize) -> Scale {
        let all = || self.series.iter().flat_map(|series| (0..series.x.len()).map(move |n| (series, n)));
        let usable = |value: &f64| !self.log[k] || *value > 0.0;
        let data = if k == 0 {
            range(all().map(|(series, n)| series.x[n]).filter(usable))
        } else {
            let around = all().flat_map(|(series, n)| series.bounds(n).unwrap_or([series.y[n]; 2]));
            range(around.chain(all().map(|(series, n)| series.y[n])).filter(usable))
        };
        match (self.limits[k], data) {
            (Some([lo, hi]), _) if self.log[k] && lo > 0.0 && hi > lo => Scale { lo, hi, log: true },
            (Some(limits), _) if !self.log[k] => Scale::linear(limits),
            (_, data) if self.log[k] => Scale::logarithmic(data.unwrap_or([0.1, 1.0])),
            (_, data) => Scale::around(data.unwrap_or([0.0, 1.0])),
        }
    }

    /// The band of a series, one area for each stretch without a gap.
    fn shade(&self, plot: &Plot, k: usize) -> Vec<Item> {
        let series = &self.series[k];
        let edges: Vec<Option<[Point; 2]>> = (0..series.x.len())
            .map(|n| {
                let [lower, upper] = series.bounds(n)?.map(|y| plot.place(series.x[n], y));
                // a lower end that a logarithmic axis cannot show means "down to the bottom"
                let lower = if lower[1].is_nan() { [upper[0], plot.panel.bottom()] } else { lower };
                upper.iter().chain(&lower).all(|c| c.is_finite()).then_some([lower, upper])
            })
            .collect();
        let area = |stretch: &[Option<[Point; 2]>]| {
            let known: Vec<[Point; 2]> = stretch.iter().copied().flatten().collect();
            let there = known.iter().map(|[lower, _]| *lower);
            let outline = there.chain(known.iter().rev().map(|[_, upper]| *upper)).collect();
            Item::Area { outline, fill: Paint::Series(k), opacity: BAND, edge: None }
        };
        edges.split(Option::is_none).filter(|stretch| stretch.len() > 1).map(area).collect()
    }

    fn named(&self) -> Vec<usize> {
        (0..self.series.len()).filter(|&k| !self.series[k].name.is_empty()).collect()
    }

    /// Where the entries of the legend stand: pixels from the left, and the number of the row.
    fn places(&self) -> Vec<[f64; 2]> {
        let room = self.size[0] - 60.0;
        let (mut places, mut x, mut row) = (Vec::new(), 0.0, 0.0);
        for k in self.named() {
            let width = (SAMPLE + 6.0 + font::width(&self.series[k].name, LABEL, false)).min(room);
            if x > 0.0 && x + width > room {
                (x, row) = (0.0, row + 1.0);
            }
            places.push([x, row]);
            x += width + BETWEEN;
        }
        places
    }

    fn legend(&self, plot: &mut Plot) {
        let places = self.places();
        let rows = places.last().map_or(0.0, |[_, row]| row + 1.0);
        // a factor of the axis stands between the legend and the data
        let top = if self.title.is_empty() { 4.0 } else { 25.5 };
        debug_assert!(top + rows * ROW <= plot.panel.top);
        for (k, [x, row]) in self.named().into_iter().zip(places) {
            let (series, paint) = (&self.series[k], Paint::Series(k));
            let [left, middle] = [plot.panel.left + x, top + ROW * row + 0.5 * ROW];
            if series.spread.is_some() {
                let corner = [left, middle - 5.0];
                let outline = [[0.0, 0.0], [SAMPLE, 0.0], [SAMPLE, 10.0], [0.0, 10.0]];
                let outline = outline.map(|[a, b]| [corner[0] + a, corner[1] + b]).to_vec();
                plot.drawing.items.push(Item::Area { outline, fill: paint, opacity: BAND, edge: None });
            }
            if series.line {
                plot.drawing.line([left, middle], [left + SAMPLE, middle], series.stroke(paint));
            }
            let marks = series.marker.iter().map(|&shape| mark(shape, [left + 0.5 * SAMPLE, middle], paint));
            plot.drawing.items.extend(marks.collect::<Vec<_>>());
            let name = Text::label(&series.name, [left + SAMPLE + 6.0, middle + 0.36 * LABEL], Align::Start);
            plot.drawing.text(name.fitting(self.size[0] - left - SAMPLE - 8.0));
        }
    }
}

fn within(panel: &Rect, at: &Point) -> bool {
    (panel.left - 1.0..=panel.right() + 1.0).contains(&at[0])
        && (panel.top - 1.0..=panel.bottom() + 1.0).contains(&at[1])
}

#[cfg(test)]
mod tests {
    use super::super::Marker;
    use super::*;

    #[test]
    fn a_log_axis_leaves_out_zeros_and_keeps_the_rest() {
        let x = [0.0, 1.0, 2.0, 3.0, 4.0];
        let series = Series::line("loss", &x, &[1.0, 0.1, 0.0, -1.0, 1e-4]);
        let curves = Curves::new().log_y().series(series.clone());
        let scale = curves.scale(1);
        assert!(scale.log && scale.lo > 1e-5 && scale.lo <= 1e-4 && scale.hi >= 1.0);
        let lengths: Vec<usize> = pieces(&series, &curves.paint()).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
    }

    /// A run with one evaluation has one point, and it can be seen.
    #[test]
    fn a_single_point_is_a_dot() {
        let one = Curves::new().log_y().x_limits(0.0, 50.0).series(Series::line("loss", &[50.0], &[0.3]));
        let blue = |figure: &Figure| {
            let image = super::super::raster::paint(&figure.drawing);
            (0..image.height)
                .flat_map(|y| (0..image.width).map(move |x| (x, y)))
                .any(|(x, y)| y > 90 && image.at(x, y) == Paint::Series(0).light())
        };
        assert!(blue(&one.draw()));
        let outside = Curves::new().x_limits(0.0, 1.0).series(Series::line("", &[50.0], &[0.3]));
        assert!(!blue(&outside.draw()));
    }

    #[test]
    fn degenerate_series_do_not_panic() {
        let nan = f64::NAN;
        let cases: [(&[f64], &[f64]); 7] = [
            (&[], &[]),
            (&[1.0], &[2.0]),
            (&[1.0, 2.0, 3.0], &[5.0; 3]),
            (&[1.0, 2.0], &[nan, nan]),
            (&[nan, f64::INFINITY, 1.0], &[1.0, 2.0, f64::NEG_INFINITY]),
            (&[0.0, 0.0], &[-1e308, 1e308]),
            (&[3.0, 1.0, 2.0], &[0.0, 0.0, 0.0]),
        ];
        for (x, y) in cases {
            for log in [false, true] {
                let line = Series::line("a <long> name", x, y).marked(Marker::Diamond).dashed();
                let curves = Curves::new().series(line.band(y, &[1.0]));
                let curves = if log { curves.log_x().log_y() } else { curves };
                assert!(curves.draw().png().is_ok() && !curves.draw().svg("").contains("NaN"));
            }
        }
        assert!(Curves::new().log_y().draw().png().is_ok());
    }

    #[test]
    fn a_long_legend_takes_rows() {
        let draw = |names: usize| {
            let plot = (0..names).fold(Curves::new(), |plot, k| {
                plot.series(Series::line(format!("the series with number {k}"), &[0.0, 1.0], &[0.0, 1.0]))
            });
            plot.draw().drawing.height
        };
        assert!(draw(1) > draw(0) && draw(9) > draw(2) + ROW);
    }
}
