//! Evenly spaced streamlines of a velocity field. Tracing and placement only; nothing is drawn here.
//!
//! Placement follows Jobard and Lefer, "Creating evenly-spaced streamlines of arbitrary density", 1997: every
//! finished line proposes seeds at a fixed distance to its sides, and a line ends where it comes too near to another.

use std::collections::VecDeque;

use super::Grid;

/// A position in pixels of the picture's data rectangle, origin at its top left corner, y downward.
pub type Place = [f64; 2];

/// Distance between two points of a line, in pixels.
pub const STEP: f64 = 1.5;
/// Lines may approach each other to this part of the distance between seeds.
const APPROACH: f64 = 0.35;
/// Slower than this part of the largest speed counts as being at rest.
const AT_REST: f64 = 1e-6;
/// Lines keep this distance to the edge, in pixels.
const EDGE: f64 = 1.5;
/// Longest line, in steps: several times around any picture.
const LONGEST: usize = 8000;

/// A velocity field seen in pixels: directions are those of the picture, speeds those of the data.
pub struct Flow<'a> {
    u: &'a Grid,
    v: &'a Grid,
    size: [f64; 2],
    fastest: f64,
}

/// A traced line; a closed one ends where it began.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Points in flow direction.
    pub points: Vec<Place>,
    /// The line came back to its beginning.
    pub closed: bool,
}

impl<'a> Flow<'a> {
    /// Velocity components on two grids of one size, in a picture of `size` (width, height) pixels.
    pub fn new(u: &'a Grid, v: &'a Grid, size: [f64; 2]) -> Self {
        let speed = u.zip(v, f64::hypot).ok().and_then(|speed| speed.range());
        Self { u, v, size, fastest: speed.map_or(0.0, |[_, hi]| hi) }
    }

    /// Direction of the flow in the picture (unit length), and speed relative to the fastest node; `None` outside,
    /// at rest and where the field is missing.
    fn at(&self, [px, py]: Place) -> Option<(Place, f64)> {
        let (fx, fy) = (px / self.size[0], 1.0 - py / self.size[1]);
        if !(0.0..=1.0).contains(&fx) || !(0.0..=1.0).contains(&fy) {
            return None;
        }
        let [u, v] = [self.u, self.v].map(|grid| grid.bilinear(fx, fy));
        let length = |ends: [f64; 2]| if ends[1] > ends[0] { ends[1] - ends[0] } else { 1.0 };
        let [dx, dy] = [u * self.size[0] / length(self.u.x), -v * self.size[1] / length(self.u.y)];
        let (norm, speed) = (dx.hypot(dy), u.hypot(v) / self.fastest);
        // Written so that NaN is refused as well.
        (norm > 0.0 && norm.is_finite() && speed > AT_REST).then_some(([dx / norm, dy / norm], speed))
    }

    /// Is there flow for this pass, and not so near to the edge that half of a line's width would be cut?
    fn admits(&self, at: Place, pass: &Pass) -> bool {
        let inside = (0..2).all(|k| at[k] >= EDGE && at[k] <= self.size[k] - EDGE);
        inside && self.at(at).is_some_and(|(_, speed)| speed < pass.slower_than)
    }

    /// One step of classical Runge–Kutta of order four along the direction field: `length` is arc length.
    pub fn step(&self, from: Place, length: f64) -> Option<Place> {
        let ahead = |d: Place, h: f64| [from[0] + h * d[0], from[1] + h * d[1]];
        let (a, _) = self.at(from)?;
        let (b, _) = self.at(ahead(a, 0.5 * length))?;
        let (c, _) = self.at(ahead(b, 0.5 * length))?;
        let (d, _) = self.at(ahead(c, length))?;
        let mean = [0, 1].map(|i| (a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]) / 6.0);
        let to = ahead(mean, length);
        self.at(to).map(|_| to)
    }
}

/// How dense, and where. Eddies of the corners are small and slow: a dense pass for closed lines in slow places
/// finds them, and comes first, before arcs of the outer flow take their room.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Distance between seeds in pixels.
    pub separation: f64,
    /// Only where the speed is below this part of the fastest.
    pub slower_than: f64,
    /// Shorter lines are dropped, in pixels.
    pub shortest: f64,
    /// Lines that do not close are dropped.
    pub closed_only: bool,
}

/// Evenly spaced lines for several passes, each aware of the lines before it.
pub fn evenly_spaced(flow: &Flow, passes: &[Pass]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for pass in passes {
        let mut taken = Crowd::new(flow.size, pass.separation);
        lines.iter().flat_map(|line| &line.points).for_each(|&point| taken.insert(point));
        // Neighbours of finished lines come first: that is what makes the spacing even.
        let (mut beside, mut anywhere) = (VecDeque::new(), lattice(flow.size, pass.separation));
        while let Some(seed) = beside.pop_front().or_else(|| anywhere.next()) {
            if !flow.admits(seed, pass) || taken.near(seed, 0.98 * pass.separation) {
                continue;
            }
            let line = trace(flow, seed, pass, &taken);
            let short = (line.points.len() as f64) * STEP < pass.shortest;
            if short || (pass.closed_only && !line.closed) {
                continue;
            }
            line.points.iter().for_each(|&point| taken.insert(point));
            beside.extend(sides(&line, pass.separation));
            lines.push(line);
        }
    }
    lines
}

/// Starting points that do not depend on any line: the centre, then a regular lattice.
fn lattice(size: [f64; 2], separation: f64) -> impl Iterator<Item = Place> {
    let [columns, rows] = size.map(|length| (length / separation).ceil() as usize);
    let cell = move |k: usize| [(k % columns) as f64 + 0.5, (k / columns) as f64 + 0.5].map(|c| c * separation);
    // A third of the height is through the middle of most vortices and not on their centre line.
    std::iter::once([0.5 * size[0], size[1] / 3.0]).chain((0..columns * rows).map(cell))
}

/// Seeds at the given distance to both sides of a line.
fn sides(line: &Line, distance: f64) -> impl Iterator<Item = Place> {
    let stride = ((distance / STEP) as usize).max(1);
    line.points.windows(2).step_by(stride).flat_map(move |pair| {
        let [dx, dy] = [pair[1][0] - pair[0][0], pair[1][1] - pair[0][1]];
        let scale = distance / dx.hypot(dy).max(1e-9);
        [1.0, -1.0].map(|side| [pair[0][0] - side * scale * dy, pair[0][1] + side * scale * dx])
    })
}

/// The line through `seed`, followed in both directions unless it closes.
fn trace(flow: &Flow, seed: Place, pass: &Pass, taken: &Crowd) -> Line {
    let (mut points, closed) = follow(flow, seed, STEP, pass, taken);
    if closed {
        points.push(seed);
    } else {
        let (mut behind, _) = follow(flow, seed, -STEP, pass, taken);
        behind.reverse();
        behind.pop();
        behind.append(&mut points);
        points = behind;
    }
    Line { points, closed }
}

/// Points from `seed` on until the flow ends or another line, or this one, is near; true if it came back to `seed`.
fn follow(flow: &Flow, seed: Place, step: f64, pass: &Pass, taken: &Crowd) -> (Vec<Place>, bool) {
    let near = APPROACH * pass.separation;
    // A line is always near its own last points, so its past counts only after a detour.
    let delay = (3.0 * pass.separation / STEP) as usize;
    let mut own = Crowd::new(flow.size, pass.separation);
    let mut points = vec![seed];
    while points.len() < LONGEST {
        let Some(next) = flow.step(points[points.len() - 1], step) else { break };
        if !flow.admits(next, pass) || taken.near(next, near) {
            break;
        }
        if points.len() > delay {
            own.insert(points[points.len() - delay - 1]);
        }
        if own.near(next, STEP) || (own.near(next, near) && distance(next, seed) < near) {
            return (points, distance(next, seed) < 2.0 * near);
        }
        if own.near(next, 0.6 * near) {
            break;
        }
        points.push(next);
    }
    (points, false)
}

fn distance(a: Place, b: Place) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Points sorted into square cells, to ask quickly whether one is near.
struct Crowd {
    cell: f64,
    columns: usize,
    cells: Vec<Vec<Place>>,
}

impl Crowd {
    fn new(size: [f64; 2], cell: f64) -> Self {
        let [columns, rows] = size.map(|length| (length / cell) as usize + 1);
        Self { cell, columns, cells: vec![Vec::new(); columns * rows] }
    }

    fn insert(&mut self, point: Place) {
        let [i, j] = point.map(|c| (c / self.cell) as usize);
        let at = (j * self.columns + i.min(self.columns - 1)).min(self.cells.len() - 1);
        self.cells[at].push(point);
    }

    /// Is there a point closer than `radius`, which must not exceed the cell?
    fn near(&self, point: Place, radius: f64) -> bool {
        let [i, j] = point.map(|c| (c / self.cell) as usize);
        let rows = self.cells.len() / self.columns;
        let around = |k: usize, n: usize| k.saturating_sub(1)..(k + 2).min(n);
        around(j, rows)
            .flat_map(|row| around(i, self.columns).map(move |column| row * self.columns + column))
            .any(|at| self.cells[at].iter().any(|&other| distance(point, other) < radius))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// u = −(y − ½), v = x − ½: anticlockwise rotation about the centre.
    fn rotation() -> [Grid; 2] {
        let node = |k: usize| [(k / 21) as f64 / 20.0 - 0.5, (k % 21) as f64 / 20.0 - 0.5];
        let component = |f: fn([f64; 2]) -> f64| {
            let values: Vec<f64> = (0..441).map(|k| f(node(k))).collect();
            Grid::new(&values, 21, 21, [0.0, 1.0], [0.0, 1.0]).unwrap()
        };
        [component(|[_, y]| -y), component(|[x, _]| x)]
    }

    #[test]
    fn lines_of_a_rotation_stay_on_circles_and_turn_the_right_way() {
        let [u, v] = rotation();
        let flow = Flow::new(&u, &v, [400.0, 400.0]);
        let mut at = [300.0, 200.0];
        assert!(flow.step(at, STEP).unwrap()[1] < 200.0, "anticlockwise is upward on the right");
        for _ in 0..1000 {
            at = flow.step(at, STEP).unwrap();
            assert!((distance(at, [200.0, 200.0]) - 100.0).abs() < 1e-5, "{at:?}");
        }
    }

    #[test]
    fn circles_close_and_are_evenly_spaced() {
        let [u, v] = rotation();
        let flow = Flow::new(&u, &v, [400.0, 400.0]);
        let pass = Pass { separation: 20.0, slower_than: f64::INFINITY, shortest: 30.0, closed_only: false };
        let lines = evenly_spaced(&flow, &[pass]);
        let closed: Vec<f64> =
            lines.iter().filter(|line| line.closed).map(|line| distance(line.points[0], [200.0; 2])).collect();
        assert!(closed.len() >= 7, "{closed:?}");
        for (k, a) in closed.iter().enumerate() {
            assert!(closed[..k].iter().all(|b| (a - b).abs() > 9.0), "{closed:?}");
        }
    }

    #[test]
    fn fields_without_flow_have_no_lines() {
        for value in [0.0, f64::NAN] {
            let still = Grid::new(&[value; 9], 3, 3, [0.0, 1.0], [0.0, 1.0]).unwrap();
            let flow = Flow::new(&still, &still, [100.0, 80.0]);
            let pass = Pass { separation: 10.0, slower_than: 2.0, shortest: 5.0, closed_only: false };
            assert!(evenly_spaced(&flow, &[pass]).is_empty());
        }
    }
}
