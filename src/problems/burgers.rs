//! Burgers' equation (paper §4): u_t + u u_x = ν u_xx with ν = 0.01/π on x ∈ [−1, 1], t ∈ [0, 1], from
//! u = −sin πx at the start and with u = 0 at both ends. A shock forms at x = 0.

use super::reference::burgers as reference;
use super::{Axis, Grid, Observable, PointSet, Preset, Problem, Quantity, Region, Sampling, Solution, Term, texts};
use crate::math::Schedule;

/// The point set at x = −1.
const LOWER: usize = 1;
/// The point set at x = 1.
const UPPER: usize = 2;

/// The equation at the benchmark's viscosity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burgers;

impl Problem for Burgers {
    fn name(&self) -> &'static str {
        "burgers"
    }
    fn title(&self) -> &'static str {
        "Burgers' equation"
    }
    fn equation(&self) -> &'static str {
        "u_t + u u_x = ν u_xx with ν = 0.01/π"
    }
    fn axes(&self) -> Vec<Axis> {
        vec![Axis::symmetric("x", -1.0, 1.0), Axis::symmetric("t", 0.0, 1.0)]
    }
    fn fields(&self) -> &'static [&'static str] {
        &["u"]
    }
    // `bc` is the sum of two means, one per end: the ends may have different numbers of points
    fn terms(&self) -> Vec<Term> {
        vec![Term::new("pde", &[0]), Term::new("bc", &[LOWER, UPPER]), Term::new("ic", &[3])]
    }
    fn constants(&self) -> Vec<(&'static str, f64)> {
        vec![("nu", reference::VISCOSITY)]
    }
    fn residuals(&self) -> Vec<Vec<String>> {
        texts(&[&["u_t + u*u_x - nu*u_xx"], &["u"], &["u + sin(pi*x)"]])
    }
    fn sets(&self) -> Vec<PointSet> {
        let set = |name, lower: [f64; 2], upper: [f64; 2]| {
            let regions = vec![Region::new(&lower, &upper)];
            PointSet { name, regions }
        };
        vec![
            set("pde", [-1.0, 0.0], [1.0, 1.0]),
            set("bc_lower", [-1.0, 0.0], [-1.0, 1.0]),
            set("bc_upper", [1.0, 0.0], [1.0, 1.0]),
            set("ic", [-1.0, 0.0], [1.0, 0.0]),
        ]
    }
    // Fixed points have the same times at both ends, as the authors' have; resampled ones are drawn for each end.
    fn stream(&self, set: usize, sampling: Sampling) -> usize {
        if sampling == Sampling::Fixed && set == UPPER { LOWER } else { set }
    }
    fn presets(&self) -> Vec<Preset> {
        let schedule = Schedule::WarmupCosine { rate: 1.5e-2, final_rate: 3e-4, warmup: 50 };
        vec![
            Preset::paper(40_000, &[10_000, 100, 100, 100], 4),
            Preset::revised(40_000, &[20_000, 250, 250, 500], 300),
            Preset { schedule, ..Preset::quick(3_000, &[256, 16, 16, 32], 1.5e-2) },
        ]
    }
    fn grid(&self) -> Grid {
        reference::grid()
    }
    fn observables(&self) -> Vec<Observable> {
        vec![Observable { name: "u", quantity: Quantity::Value { field: 0 } }]
    }
    fn solution(&self) -> Option<Solution> {
        let origin = "exact: Cole–Hopf transformation by quadrature".into();
        Some(Solution { origin, values: vec![("u", reference::solution())] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Real, Var};
    use crate::problems::FieldDerivatives;
    use reference::{VISCOSITY, cole_hopf};

    /// The exact solution, differentiated by central differences of fourth order.
    struct Exact(f64, f64);

    impl FieldDerivatives for Exact {
        fn d(&mut self, _field: usize, axes: &[usize]) -> Var {
            let h = 1e-3;
            let u = |dx: f64, dt: f64| cole_hopf(self.0 + dx * h, self.1 + dt * h, VISCOSITY);
            let slope = |u: &dyn Fn(f64) -> f64| (8.0 * (u(1.0) - u(-1.0)) - (u(2.0) - u(-2.0))) / (12.0 * h);
            let curvature = |u: &dyn Fn(f64) -> f64| {
                (16.0 * (u(1.0) + u(-1.0)) - (u(2.0) + u(-2.0)) - 30.0 * u(0.0)) / (12.0 * h * h)
            };
            Var::constant(match axes {
                [] => u(0.0, 0.0),
                [0] => slope(&|s| u(s, 0.0)),
                [1] => slope(&|s| u(0.0, s)),
                [0, 0] => curvature(&|s| u(s, 0.0)),
                other => unreachable!("{other:?}"),
            })
        }
    }

    #[test]
    fn the_exact_solution_satisfies_every_term() {
        let cases = [
            (0, [0.3, 0.7], 1e-7),
            (0, [-0.6, 0.4], 1e-7),
            (1, [-1.0, 0.4], 1e-12),
            (1, [1.0, 0.9], 1e-12),
            (2, [0.6, 0.0], 1e-12),
        ];
        for (term, point, tolerance) in cases {
            let mut u = Exact(point[0], point[1]);
            let residual = Burgers.residual_of(term, &mut u, &Burgers.data(term, &point));
            assert!(residual[0].value.abs() < tolerance, "term {term}: {}", residual[0].value);
        }
    }

    #[test]
    fn the_solution_has_its_published_size() {
        let solution = Burgers.solution().unwrap();
        let top = solution.compared().iter().fold(0.0_f64, |a, v| a.max(v.abs()));
        assert!((top - 0.999_981_027_3).abs() < 1e-9, "{top}");
    }
}
