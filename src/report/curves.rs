//! Line plots of several named series: losses over steps, errors, profiles against tabulated points.

use super::Figure;
use super::axes::{self, Axis, Plot};
use super::canvas::{Color, Ink, Point, Rect};
use super::font::{self, Align};
use super::grid::range;
use super::scale::Scale;
use super::series::{Series, dash, mark, pieces};

/// Distinguishable also with the common colour-vision deficiencies (after Okabe and Ito).
const COLORS: [Color; 7] = [
    [0x00, 0x72, 0xb2],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x9e, 0x73],
    [0xb4, 0x5a, 0x9b],
    [0xe6, 0x9f, 0x00],
    [0x3f, 0xa9, 0xdd],
    [0x55, 0x55, 0x55],
];
const LINE: f32 = 2.0;
const BAND_ALPHA: f32 = 0.2;
const LEGEND_ROW: i32 = 22;
const LEGEND_LINE: i32 = 30;
const LEGEND_PAD: i32 = 10;

/// Builder of a line plot.
#[derive(Clone, Debug)]
pub struct Curves {
    title: String,
    labels: [String; 2],
    log: [bool; 2],
    limits: [Option<[f64; 2]>; 2],
    size: [i32; 2],
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
        let labels = [String::new(), String::new()];
        Self { title: String::new(), labels, log: [false; 2], limits: [None; 2], size: [640, 420], series: Vec::new() }
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

    /// Exact ends of the x axis (default: the data).
    pub fn x_limits(mut self, lo: f64, hi: f64) -> Self {
        self.limits[0] = Some([lo, hi]);
        self
    }

    /// Exact ends of the y axis (default: the data with a little air).
    pub fn y_limits(mut self, lo: f64, hi: f64) -> Self {
        self.limits[1] = Some([lo, hi]);
        self
    }

    /// Width and height of the data rectangle in pixels (default 640 × 420, at least 240 × 160).
    pub fn size(mut self, width: u16, height: u16) -> Self {
        self.size = [i32::from(width.max(240)), i32::from(height.max(160))];
        self
    }

    /// Adds a series; later ones are drawn on top.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// The finished picture. The legend goes into a free corner, or beside the plot if there is none.
    pub fn draw(&self) -> Figure {
        let mut plot = self.paint(0);
        let legend = self.legend_size();
        let mut corner = self.free_corner(&plot, legend);
        if corner.is_none() && !self.named().is_empty() {
            plot = self.paint(legend[0] + 8);
            corner = Some([plot.panel.right + 8, plot.panel.top]);
        }
        plot.finish();
        if let Some(corner) = corner {
            self.legend(&mut plot, corner);
        }
        plot.canvas.into_figure()
    }

    fn paint(&self, right: i32) -> Plot {
        let axis = |k: usize| Axis { scale: self.scale(k), label: self.labels[k].clone() };
        let mut plot = Plot::new(&self.title, axis(0), axis(1), self.size, right);
        plot.grid();
        for k in 0..self.series.len() {
            self.shade(&mut plot, k);
        }
        for (k, series) in self.series.iter().enumerate() {
            let ink = self.ink(k);
            for path in pieces(series, &plot) {
                if series.line {
                    plot.canvas.stroke(&dash(&path, series.dashed), LINE, ink);
                }
            }
            let marks = pieces(series, &plot).into_iter().flatten();
            marks.for_each(|at| series.marker.iter().for_each(|&shape| mark(&mut plot, shape, at, ink)));
        }
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
            (_, data) if k == 0 && self.series.iter().all(|series| series.marker.is_none()) => {
                Scale::linear(data.unwrap_or([0.0, 1.0]))
            }
            (_, data) => Scale::padded(data.unwrap_or([0.0, 1.0])),
        }
    }

    fn ink(&self, k: usize) -> Ink {
        self.series[k].color.unwrap_or(COLORS[k % COLORS.len()]).into()
    }

    /// The band of a series, column by column between neighbouring points.
    fn shade(&self, plot: &mut Plot, k: usize) {
        let series = &self.series[k];
        let ink = Ink { alpha: BAND_ALPHA, ..self.ink(k) };
        let edges: Vec<Option<[Point; 2]>> = (0..series.x.len())
            .map(|n| {
                let at = series.bounds(n)?.map(|y| plot.place(series.x[n], y));
                // A lower end that a logarithmic axis cannot show means "down to the bottom".
                let lower = if at[0][1].is_nan() { [at[1][0], plot.panel.bottom as f32] } else { at[0] };
                at[1].iter().all(|c| c.is_finite()).then_some([lower, at[1]])
            })
            .collect();
        for pair in edges.windows(2) {
            let (Some(a), Some(b)) = (pair[0], pair[1]) else { continue };
            let [from, to] = [a[0][0], b[0][0]].map(|x| (x - 0.5).ceil() as i32);
            for column in from.max(plot.panel.left)..to.min(plot.panel.right) {
                let t = (column as f32 + 0.5 - a[0][0]) / (b[0][0] - a[0][0]);
                let [bottom, top] = [0, 1].map(|side| a[side][1] + t * (b[side][1] - a[side][1]));
                let [first, last] = [top.min(bottom), top.max(bottom)].map(|y| y.round() as i32);
                plot.canvas.fill(Rect { left: column, right: column + 1, top: first, bottom: last }, ink);
            }
        }
    }

    fn named(&self) -> Vec<usize> {
        (0..self.series.len()).filter(|&k| !self.series[k].name.is_empty()).collect()
    }

    fn legend_size(&self) -> [i32; 2] {
        let size = axes::text(Align::Start).size;
        let names = self.named();
        let widest = names.iter().map(|&k| font::width(&self.series[k].name, size).ceil() as i32).max();
        let width = 2 * LEGEND_PAD + LEGEND_LINE + 8 + widest.unwrap_or(0);
        [width, 2 * LEGEND_PAD - 4 + LEGEND_ROW * names.len() as i32]
    }

    /// The first corner whose rectangle holds no data.
    fn free_corner(&self, plot: &Plot, [width, height]: [i32; 2]) -> Option<[i32; 2]> {
        let Rect { left, top, right, bottom } = plot.panel;
        let margin = 10;
        let columns = [right - margin - width, left + margin];
        let rows = [top + margin, bottom - margin - height];
        let corners = rows.into_iter().flat_map(|y| columns.map(|x| [x, y]));
        let fits = width + 2 * margin < plot.panel.width() && height + 2 * margin < plot.panel.height();
        let free = |&[x, y]: &[i32; 2]| {
            let untouched = |c: Color| c[0] == c[1] && c[1] == c[2];
            (y - 4..y + height + 4).all(|v| (x - 4..x + width + 4).all(|u| untouched(plot.canvas.pixel(u, v))))
        };
        corners.filter(|_| fits && !self.named().is_empty()).find(free)
    }

    fn legend(&self, plot: &mut Plot, [left, top]: [i32; 2]) {
        let [width, height] = self.legend_size();
        plot.canvas.fill(Rect::new(left, top, width, height), [255; 3]);
        axes::frame(&mut plot.canvas, Rect::new(left, top, width, height), axes::GRID);
        for (row, k) in self.named().into_iter().enumerate() {
            let (series, ink) = (&self.series[k], self.ink(k));
            let y = (top + LEGEND_PAD - 2 + LEGEND_ROW * row as i32 + LEGEND_ROW / 2) as f32;
            let [from, to] = [left + LEGEND_PAD, left + LEGEND_PAD + LEGEND_LINE].map(|x| x as f32);
            if series.spread.is_some() {
                let swatch = Rect::new(from as i32, y as i32 - 5, LEGEND_LINE, 11);
                plot.canvas.fill(swatch, Ink { alpha: BAND_ALPHA, ..ink });
            }
            if series.line {
                plot.canvas.stroke(&dash(&[[from, y + 0.5], [to, y + 0.5]], series.dashed), LINE, ink);
            }
            series.marker.iter().for_each(|&shape| mark(plot, shape, [0.5 * (from + to), y + 0.5], ink));
            let style = axes::text(Align::Start);
            font::draw(&mut plot.canvas, &series.name, [to + 8.0, y + 0.5 + 0.5 * style.size], &style);
        }
    }
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
        let lengths: Vec<usize> = pieces(&series, &curves.paint(0)).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
    }

    #[test]
    fn a_point_lands_where_its_axes_say() {
        let curves = Curves::new().x_limits(0.0, 10.0).y_limits(0.0, 1.0).size(240, 161);
        let plot = curves.series(Series::line("", &[0.0, 10.0], &[0.5, 0.5])).paint(0);
        let at = plot.place(3.0, 0.5);
        assert_eq!(plot.canvas.pixel(at[0] as i32, at[1] as i32), COLORS[0]);
        assert_eq!(plot.place(0.0, 0.0), [plot.panel.left as f32, plot.panel.bottom as f32]);
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
                assert!(curves.draw().png().is_ok());
            }
        }
        assert!(Curves::new().log_y().draw().png().is_ok());
    }

    #[test]
    fn a_crowded_plot_has_its_legend_beside_it() {
        let x: Vec<f64> = (0..200).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|x| if x % 2.0 == 0.0 { 0.0 } else { 1.0 }).collect();
        let draw = |name: &str| Curves::new().series(Series::line(name, &x, &y)).draw().image().width();
        assert!(draw("everywhere") > draw(""));
    }
}
