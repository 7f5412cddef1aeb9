//! The Helmholtz equation (paper §4): u_xx + u_yy + k²u = q on [−1, 1]², made so that
//! u = sin(a₁πx) sin(a₂πy) solves it; u = 0 on the boundary.

use super::{
    Axis, Grid, GridAxis, Observable, PointSet, Preset, Problem, Quantity, Region, Sampling, Solution, Term, texts,
};
use std::f64::consts::PI;

/// The point set on the four sides.
const BOUNDARY: usize = 1;
/// k of the benchmark.
const WAVENUMBER: f64 = 1.0;

/// The equation with one pair of half-waves.
#[derive(Clone, Copy, Debug)]
pub struct Helmholtz {
    name: &'static str,
    title: &'static str,
    exact: &'static str,
    /// a₁ and a₂, the numbers of waves of the solution along x and y.
    waves: [f64; 2],
    /// Interior points of the revised settings.
    revised_points: usize,
    /// Steps, width and learning rate of the quick settings.
    quick: (u64, usize, f64),
}

impl Helmholtz {
    /// (a₁, a₂) = (1, 4).
    pub const ONE_FOUR: Self = Self {
        name: "helmholtz-1-4",
        title: "Helmholtz equation, (a₁, a₂) = (1, 4)",
        exact: "exact: u = sin(πx) sin(4πy)",
        waves: [1.0, 4.0],
        revised_points: 10_000,
        quick: (3_000, 16, 2e-2),
    };
    /// (a₁, a₂) = (4, 4).
    pub const FOUR_FOUR: Self = Self {
        name: "helmholtz-4-4",
        title: "Helmholtz equation, (a₁, a₂) = (4, 4)",
        exact: "exact: u = sin(4πx) sin(4πy)",
        waves: [4.0, 4.0],
        revised_points: 20_000,
        quick: (5_000, 20, 1e-2),
    };

    /// u(x, y).
    pub fn exact(&self, point: &[f64]) -> f64 {
        (self.waves[0] * PI * point[0]).sin() * (self.waves[1] * PI * point[1]).sin()
    }

    /// q(x, y) = u_xx + u_yy + k²u of the exact solution.
    pub fn forcing(&self, point: &[f64]) -> f64 {
        let [a1, a2] = self.waves;
        (WAVENUMBER * WAVENUMBER - PI * PI * (a1 * a1 + a2 * a2)) * self.exact(point)
    }
}

impl Problem for Helmholtz {
    fn name(&self) -> &'static str {
        self.name
    }
    fn title(&self) -> &'static str {
        self.title
    }
    fn equation(&self) -> &'static str {
        "u_xx + u_yy + u = q"
    }
    fn axes(&self) -> Vec<Axis> {
        // the network sees x and y as they are
        vec![Axis::symmetric("x", -1.0, 1.0), Axis::symmetric("y", -1.0, 1.0)]
    }
    fn fields(&self) -> &'static [&'static str] {
        &["u"]
    }
    fn terms(&self) -> Vec<Term> {
        vec![Term::new("pde", &[0]), Term::new("bc", &[BOUNDARY])]
    }
    fn constants(&self) -> Vec<(&'static str, f64)> {
        vec![("a1", self.waves[0]), ("a2", self.waves[1]), ("k", WAVENUMBER)]
    }
    fn residuals(&self) -> Vec<Vec<String>> {
        let q = "(k^2 - pi^2*(a1^2 + a2^2)) * sin(a1*pi*x) * sin(a2*pi*y)";
        texts(&[&[&format!("laplacian(u) + k^2*u - {q}")], &["u"]])
    }
    fn sets(&self) -> Vec<PointSet> {
        let side = |lower: [f64; 2], upper: [f64; 2]| Region::new(&lower, &upper);
        let sides = vec![
            side([-1.0, -1.0], [-1.0, 1.0]),
            side([1.0, -1.0], [1.0, 1.0]),
            side([-1.0, -1.0], [1.0, -1.0]),
            side([-1.0, 1.0], [1.0, 1.0]),
        ];
        vec![
            PointSet { name: "pde", regions: vec![Region::new(&[-1.0, -1.0], &[1.0, 1.0])] },
            PointSet { name: "bc", regions: sides },
        ]
    }
    // Fixed points have the same coordinates on opposite sides, as the authors' have; resampled ones are drawn for each.
    fn opposite(&self, set: usize, sampling: Sampling) -> bool {
        set == BOUNDARY && sampling == Sampling::Fixed
    }
    fn presets(&self) -> Vec<Preset> {
        let (steps, width, rate) = self.quick;
        vec![
            Preset::paper(40_000, &[10_000, 400], 4),
            Preset::revised(100_000, &[self.revised_points, 400], 1000),
            Preset { width, ..Preset::quick(steps, &[256, 64], rate) },
        ]
    }
    fn grid(&self) -> Grid {
        let axis = |name| GridAxis { name, lower: -1.0, upper: 1.0, count: 200 };
        Grid { axes: [axis("x"), axis("y")] }
    }
    fn observables(&self) -> Vec<Observable> {
        vec![Observable { name: "u", quantity: Quantity::Value { field: 0 } }]
    }
    fn solution(&self) -> Option<Solution> {
        let values = self.grid().points().chunks(2).map(|point| self.exact(point)).collect();
        Some(Solution { origin: self.exact.into(), values: vec![("u", values)] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Real, Var};
    use crate::problems::FieldDerivatives;

    /// The exact solution and its derivatives by hand.
    struct Exact(Helmholtz, [f64; 2]);

    impl FieldDerivatives for Exact {
        fn d(&mut self, _field: usize, axes: &[usize]) -> Var {
            let u = self.0.exact(&self.1);
            let curvature = |axis: usize| -(PI * self.0.waves[axis]).powi(2) * u;
            Var::constant(match axes {
                [] => u,
                [a, b] if a == b => curvature(*a),
                other => unreachable!("{other:?}"),
            })
        }
    }

    #[test]
    fn the_exact_solution_satisfies_every_term() {
        for problem in [Helmholtz::ONE_FOUR, Helmholtz::FOUR_FOUR] {
            for (term, point) in
                [(0, [0.3, -0.7]), (1, [-1.0, 0.4]), (1, [1.0, 0.1]), (1, [0.2, -1.0]), (1, [0.6, 1.0])]
            {
                let residual = problem.residual_of(term, &mut Exact(problem, point), &problem.data(term, &point));
                assert!(residual[0].value.abs() < 1e-12, "{} term {term}: {}", problem.name, residual[0].value);
            }
        }
    }

    #[test]
    fn the_solution_and_the_forcing_have_their_published_sizes() {
        for (problem, coefficient) in [(Helmholtz::ONE_FOUR, -166.783_274_8), (Helmholtz::FOUR_FOUR, -314.827_340_9)] {
            let solution = problem.solution().unwrap();
            let u = solution.compared();
            let norm = u.iter().map(|v| v * v).sum::<f64>().sqrt();
            let top = u.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
            assert!((norm - 99.5).abs() < 1e-9 && (top - 0.999_937_694_8).abs() < 1e-9, "{norm} {top}");
            let point = [0.13, 0.37];
            assert!((problem.forcing(&point) / problem.exact(&point) - coefficient).abs() < 1e-6);
        }
    }
}
