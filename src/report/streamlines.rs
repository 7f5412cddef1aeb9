//! A flow as a picture: the speed as colours, streamlines with arrow heads on top.

use std::io;

use super::axes::Plot;
use super::canvas::{Ink, Point};
use super::flow::{self, Flow, Line, Pass, STEP};
use super::{Figure, Grid, Heatmap};

const WIDTH: f32 = 1.5;
const INK: Ink = Ink { color: [255, 255, 255], alpha: 0.92 };
/// Distance of neighbouring lines in pixels, and of those in the slow corners.
const SEPARATION: [f64; 2] = [20.0, 7.0];
/// Where the denser lines go: an eddy of the second generation is about a hundred times slower than the first.
const SLOW: f64 = 0.02;
/// About one arrow head per this many pixels of a line.
const ARROW_EVERY: f64 = 260.0;
const ARROW: f32 = 9.0;

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
        Ok(Self { u, v, background: Heatmap::new(speed).label("speed") })
    }

    /// Title, axis labels, colour bar label, range and colours, as for any heat map: `|map| map.title("…")`.
    pub fn style(mut self, change: impl FnOnce(Heatmap) -> Heatmap) -> Self {
        self.background = change(self.background);
        self
    }

    /// The finished picture.
    pub fn draw(&self) -> Figure {
        let mut plot = self.background.paint();
        let lines = self.lines(&plot);
        let origin = [plot.panel.left, plot.panel.top].map(|corner| corner as f32);
        let pixel = |p: &[f64; 2]| [origin[0] + p[0] as f32, origin[1] + p[1] as f32];
        let paths: Vec<Vec<Point>> = lines.iter().map(|line| line.points.iter().map(pixel).collect()).collect();
        plot.canvas.stroke(&paths, WIDTH, INK);
        for path in &paths {
            arrows(&mut plot, path);
        }
        plot.finish();
        self.background.bar(&mut plot.canvas, plot.panel);
        plot.canvas.into_figure()
    }

    fn lines(&self, plot: &Plot) -> Vec<Line> {
        let size = [plot.panel.width(), plot.panel.height()].map(f64::from);
        let [wide, dense] = SEPARATION;
        let passes = [
            Pass { separation: dense, slower_than: SLOW, shortest: 2.5 * dense, closed_only: true },
            Pass { separation: wide, slower_than: f64::INFINITY, shortest: 4.0 * wide, closed_only: false },
        ];
        flow::evenly_spaced(&Flow::new(&self.u, &self.v, size), &passes)
    }
}

/// Arrow heads in flow direction, spread over a line and away from its ends.
fn arrows(plot: &mut Plot, path: &[Point]) {
    let length = path.len() as f64 * STEP;
    let count = (length / ARROW_EVERY).ceil() as usize;
    let size = ARROW * (length as f32 / 120.0).clamp(0.5, 1.0);
    for k in 0..count {
        let middle = path.len() * (2 * k + 1) / (2 * count);
        // The direction is taken over the head's own length, so that it sits well on a curved line.
        let half = (0.5 * size / STEP as f32) as usize;
        let (tail, tip) = (path[middle.saturating_sub(half)], path[(middle + half).min(path.len() - 1)]);
        let [dx, dy] = [tip[0] - tail[0], tip[1] - tail[1]];
        let norm = dx.hypot(dy).max(1e-6);
        let [dx, dy] = [dx / norm, dy / norm];
        let [cx, cy] = path[middle];
        let at = |along: f32, across: f32| [cx + along * dx - across * dy, cy + along * dy + across * dx];
        plot.canvas.convex(&[at(0.6 * size, 0.0), at(-0.4 * size, 0.38 * size), at(-0.4 * size, -0.38 * size)], INK);
    }
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
