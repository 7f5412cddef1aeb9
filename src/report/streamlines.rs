//! A flow as a picture: the speed as colours, streamlines with arrow heads on top.

use std::io;

use super::axes::Plot;
use super::drawing::{Item, Point, Stroke};
use super::flow::{self, Flow, Line, Pass, STEP};
use super::paint::Paint;
use super::{Figure, Grid, Heatmap};

const PEN: Stroke = Stroke { paint: INK, width: 1.2, dash: None };
const INK: Paint = Paint::Fixed([255; 3]);
/// Distance of neighbouring lines in pixels, and of those in the slow corners.
const SEPARATION: [f64; 2] = [20.0, 7.0];
/// Where the denser lines go: an eddy of the second generation is about a hundred times slower than the first.
const SLOW: f64 = 0.02;
/// About one arrow head per this many pixels of a line.
const ARROW_EVERY: f64 = 260.0;
const ARROW: f64 = 8.0;
/// Of the points of a line every third is drawn: they lie closer than anybody sees.
const STRIDE: usize = 3;

/// Builder of a streamline picture.
#[derive(Clone, Debug)]
pub struct Streamlines {
    u: Grid,
    v: Grid,
    background: Heatmap,
}

impl Streamlines {
    /// The flow with horizontal velocity `u` and vertical velocity `v` (upward positive) on the same nodes.
    ///
    /// # Errors
    /// `InvalidInput` when the grids differ in size.
    pub fn new(u: Grid, v: Grid) -> io::Result<Self> {
        let speed = u.zip(&v, f64::hypot)?;
        Ok(Self { u, v, background: Heatmap::new(speed).width(560) })
    }

    /// Title, axis labels, range and width, as for any heat map: `|map| map.title("…")`.
    pub fn style(mut self, change: impl FnOnce(Heatmap) -> Heatmap) -> Self {
        self.background = change(self.background);
        self
    }

    /// The finished picture.
    pub fn draw(&self) -> Figure {
        let mut plot = self.background.paint();
        let pixel = |p: &[f64; 2]| [plot.panel.left + p[0], plot.panel.top + p[1]];
        let lines = self.lines(&plot);
        let paths: Vec<Vec<Point>> = lines.iter().map(|line| line.points.iter().map(pixel).collect()).collect();
        let drawn = paths.iter().map(|path| {
            let last = path.last().filter(|_| path.len() % STRIDE != 1);
            path.iter().step_by(STRIDE).chain(last).copied().collect()
        });
        plot.drawing.items.push(Item::Lines { paths: drawn.collect(), stroke: PEN });
        plot.drawing.items.extend(paths.iter().flat_map(|path| arrows(path)));
        plot.finish();
        self.background.bar(&mut plot.drawing, plot.panel);
        Figure { drawing: plot.drawing }
    }

    fn lines(&self, plot: &Plot) -> Vec<Line> {
        let size = [plot.panel.width, plot.panel.height];
        let [wide, dense] = SEPARATION;
        let passes = [
            Pass { separation: dense, slower_than: SLOW, shortest: 2.5 * dense, closed_only: true },
            Pass { separation: wide, slower_than: f64::INFINITY, shortest: 4.0 * wide, closed_only: false },
        ];
        flow::evenly_spaced(&Flow::new(&self.u, &self.v, size), &passes)
    }
}

/// Arrow heads in flow direction, spread over a line and away from its ends.
fn arrows(path: &[Point]) -> Vec<Item> {
    let length = path.len() as f64 * STEP;
    let count = (length / ARROW_EVERY).ceil() as usize;
    let size = ARROW * (length / 120.0).clamp(0.5, 1.0);
    let head = |k: usize| {
        let middle = path.len() * (2 * k + 1) / (2 * count);
        // the direction is taken over the head's own length, so that it sits well on a curved line
        let half = (0.5 * size / STEP) as usize;
        let (tail, tip) = (path[middle.saturating_sub(half)], path[(middle + half).min(path.len() - 1)]);
        let [dx, dy] = [tip[0] - tail[0], tip[1] - tail[1]];
        let norm = dx.hypot(dy).max(1e-6);
        let [dx, dy] = [dx / norm, dy / norm];
        let [cx, cy] = path[middle];
        let at = |along: f64, across: f64| [cx + along * dx - across * dy, cy + along * dy + across * dx];
        let outline = vec![at(0.6 * size, 0.0), at(-0.4 * size, 0.38 * size), at(-0.4 * size, -0.38 * size)];
        Item::Area { outline, fill: INK, opacity: 1.0, edge: None }
    };
    (0..count).map(head).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vortex_is_drawn_alike_every_time_and_stillness_without_lines() {
        let component = |f: fn(f64, f64) -> f64| {
            let values: Vec<f64> = (0..121).map(|k| f((k / 11) as f64 - 5.0, (k % 11) as f64 - 5.0)).collect();
            Grid::new(&values, 11, 11, [0.0, 2.0], [0.0, 1.0]).unwrap()
        };
        let vortex = Streamlines::new(component(|_, y| y), component(|x, _| -x)).unwrap();
        assert_eq!(vortex.draw().png().unwrap(), vortex.draw().png().unwrap());
        assert!(!vortex.lines(&vortex.background.paint()).is_empty());
        let still = Streamlines::new(component(|_, _| 0.0), component(|_, _| f64::NAN)).unwrap();
        assert!(still.style(|map| map.title("still")).draw().png().is_ok());
    }

    #[test]
    fn components_must_share_their_nodes() {
        let grid = |n: usize| Grid::new(&vec![0.0f32; n], n, 1, [0.0, 1.0], [0.0, 1.0]).unwrap();
        assert!(Streamlines::new(grid(2), grid(3)).is_err());
    }
}
