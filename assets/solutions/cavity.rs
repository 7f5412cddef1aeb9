//! The steady lid-driven cavity at Re = 100 in stream function and vorticity:
//!
//! Δψ = −ω,  ψ_y ω_x − ψ_x ω_y = Δω/Re,  central differences, Thom's vorticity on the walls, Newton's method.
//!
//! Two grids share the nodes that are wanted, where Richardson's extrapolation removes the error of order h².

use rsparse::data::{Sprs, Trpl};

const REYNOLDS: f64 = 100.0;
/// An LU factor keeps the diagonal as pivot unless it is this much smaller than the largest of its column.
const PIVOT_TOLERANCE: f64 = 1e-3;
/// ψ, of size 0.1, is solved for when it changes by less.
const CONVERGED: f64 = 1e-13;
const MOST_ITERATIONS: usize = 20;

/// u and v on `wanted` + 1 nodes per side, x the outer axis, from grids of `wanted`·`refinements` intervals. The
/// embedded flow is 99 refined 2 and 3 times.
pub fn extrapolated(wanted: usize, refinements: [usize; 2]) -> [Vec<f64>; 2] {
    let [coarse, fine] = refinements.map(|every| velocity(wanted, every));
    let [a, b] = refinements.map(|every| (every * every) as f64);
    let extrapolate = |(coarse, fine): (&f64, &f64)| (b * fine - a * coarse) / (b - a);
    [0, 1].map(|i| coarse[i].iter().zip(&fine[i]).map(extrapolate).collect())
}

/// u and v on every `every`-th node of a grid of `wanted`·`every` intervals; the lid's corners belong to the lid.
fn velocity(wanted: usize, every: usize) -> [Vec<f64>; 2] {
    let grid = Grid { intervals: wanted * every };
    let unknowns = grid.solve();
    let psi = |i, j| grid.unknown(i, j).map_or(0.0, |at| unknowns[at]);
    let per_spacing = 0.5 * grid.intervals as f64;
    let at = |i: usize, j: usize| match (i, j) {
        (_, j) if j == grid.intervals => [1.0, 0.0],
        (i, j) if grid.unknown(i, j).is_none() => [0.0, 0.0],
        _ => [psi(i, j + 1) - psi(i, j - 1), psi(i - 1, j) - psi(i + 1, j)].map(|jump| jump * per_spacing),
    };
    let nodes = || (0..=wanted).flat_map(|i| (0..=wanted).map(move |j| at(i * every, j * every)));
    [nodes().map(|[u, _]| u).collect(), nodes().map(|[_, v]| v).collect()]
}

/// A square grid; inside it each node has two unknowns, ψ and then ω.
struct Grid {
    intervals: usize,
}

impl Grid {
    fn solve(&self) -> Vec<f64> {
        let mut unknowns = vec![0.0; 2 * (self.intervals - 1).pow(2)];
        for _ in 0..MOST_ITERATIONS {
            let (mut change, jacobian) = self.linearise(&unknowns);
            let by_minimum_degree = 0;
            rsparse::lusol(&jacobian, &mut change, by_minimum_degree, PIVOT_TOLERANCE).expect("a regular Jacobian");
            unknowns.iter_mut().zip(&change).for_each(|(unknown, change)| *unknown -= change);
            let largest = change.iter().step_by(2).fold(0.0_f64, |largest, psi| largest.max(psi.abs()));
            if largest < CONVERGED {
                return unknowns;
            }
        }
        panic!("Newton's method did not converge on {} intervals", self.intervals);
    }

    /// Where ψ of node (i, j) stands, ω being the next; none on the walls.
    fn unknown(&self, i: usize, j: usize) -> Option<usize> {
        let inside = 1..self.intervals;
        (inside.contains(&i) && inside.contains(&j)).then(|| 2 * ((i - 1) * (self.intervals - 1) + j - 1))
    }

    /// The equations' left-hand sides, times h², and their Jacobian.
    fn linearise(&self, unknowns: &[f64]) -> (Vec<f64>, Sprs<f64>) {
        let h = 1.0 / self.intervals as f64;
        // ω = −2 (ψ₁ − ψ_wall ± h u_wall)/h² on a wall; ψ₁ is ψ of the node whose neighbour the wall is.
        let thom = -2.0 / (h * h);
        let mut residual = vec![0.0; unknowns.len()];
        let mut jacobian = Trpl::new();
        (jacobian.m, jacobian.n) = (unknowns.len(), unknowns.len());
        for (i, j) in (1..self.intervals).flat_map(|i| (1..self.intervals).map(move |j| (i, j))) {
            let here = self.unknown(i, j).expect("an inner node");
            let (psi, omega) = (unknowns[here], unknowns[here + 1]);
            let neighbours = [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)].map(|(i, j)| self.unknown(i, j));
            let lid = if j + 1 == self.intervals { h } else { 0.0 };
            let slip = [0.0, 0.0, lid, 0.0];
            let p = neighbours.map(|at| at.map_or(0.0, |at| unknowns[at]));
            let w: [f64; 4] = std::array::from_fn(|side| match neighbours[side] {
                Some(at) => unknowns[at + 1],
                None => thom * (psi + slip[side]),
            });

            let [p_x, p_y, w_x, w_y] = [p[0] - p[1], p[2] - p[3], w[0] - w[1], w[2] - w[3]].map(|jump| 0.5 * jump);
            residual[here] = p.iter().sum::<f64>() - 4.0 * psi + h * h * omega;
            residual[here + 1] = p_y * w_x - p_x * w_y - (w.iter().sum::<f64>() - 4.0 * omega) / REYNOLDS;

            let by_p = [-w_y, w_y, w_x, -w_x].map(|slope| 0.5 * slope);
            let by_w = [p_y, -p_y, -p_x, p_x].map(|slope| 0.5 * slope - 1.0 / REYNOLDS);
            let mut by_psi = 0.0;
            for (side, neighbour) in neighbours.into_iter().enumerate() {
                match neighbour {
                    Some(at) => {
                        jacobian.append(here, at, 1.0);
                        jacobian.append(here + 1, at, by_p[side]);
                        jacobian.append(here + 1, at + 1, by_w[side]);
                    }
                    None => by_psi += thom * by_w[side],
                }
            }
            jacobian.append(here, here, -4.0);
            jacobian.append(here, here + 1, h * h);
            jacobian.append(here + 1, here, by_psi);
            jacobian.append(here + 1, here + 1, 4.0 / REYNOLDS);
        }
        (residual, jacobian.to_sprs())
    }
}
