//! That the very kernels which are timed compute the right thing: losses, gradient rows, Gram matrix and
//! coefficients of the step at its full number of points against f64.
//!
//! The oracle would take minutes for ten thousand points. So a set of n points consists of copies of fewer distinct
//! ones, as many as divide n: every thread has its point, and the mean over all is the mean over the distinct ones.

use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernels::Setup;
use crate::math::sampling;
use crate::oracle;

use super::case::{Case, Outcome, moved_parameters};
use super::ladder::Rung;
use super::report::Report;

/// Distinct points of a set at most: the oracle takes about a hundredth of a second for one.
const DISTINCT: usize = 64;

/// What a step must give, by the oracle: the same for every rung.
pub struct Proof {
    case: Case,
    wanted: Outcome<f64>,
}

impl Proof {
    /// Asks the oracle about the step of `setup`.
    ///
    /// # Errors
    /// Points or parameters that do not fit the problem.
    pub fn new(setup: &Setup<'static>, plan: &'static dyn crate::kernels::Plan) -> Result<Proof> {
        let sets = setup.problem.sets();
        let draw = |(set, n): (usize, &usize)| {
            setup.problem.given(set, distinct(*n)).unwrap_or_else(|| {
                sampling::points(setup.seeds.sample, 0, set as u32, &sets[set].regions, distinct(*n))
            })
        };
        let case = Case {
            problem: setup.problem,
            network: setup.network,
            shape: setup.shape,
            strategy: setup.strategy,
            plan,
            parameters: moved_parameters(setup.problem, setup.network, &setup.shape, setup.seeds.initial),
            points: setup.counts.iter().enumerate().map(draw).collect(),
            orders: oracle::orders(setup.seeds.order, 0, setup.problem.terms().len()),
            rate: setup.schedule.rate(0, setup.steps),
            seeds: setup.seeds,
            tile: None,
        };
        let copies = |(points, n): (&Vec<f32>, &usize)| points.repeat(n / (points.len() / setup.shape.inputs));
        let points = case.points.iter().zip(&setup.counts).map(copies).collect();
        let whole = Case { points, ..case.clone() };
        // a probe looks at single points, whose copies have other signs
        let wanted = case.in_f64_with(whole.traces()?)?;
        Ok(Proof { case: whole, wanted })
    }

    /// The step: parameters, points at their full number, and orders.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// What it must give, by the oracle.
    pub fn wanted(&self) -> &Outcome<f64> {
        &self.wanted
    }

    /// Compares a rung's step with the oracle. Its large kernels are those of the step that is timed, text for text,
    /// so a device that has compiled one knows the other.
    ///
    /// # Errors
    /// A step that cannot be built or run.
    pub fn check(&self, gpu: &Gpu, rung: &Rung) -> Result<Report> {
        let case = Case { plan: rung.plan, tile: Some(rung.tile), ..self.case.clone() };
        let mut report = Report::default();
        case.compare(&case.on_device(gpu)?, &self.wanted, &mut report);
        Ok(report)
    }
}

/// The largest divisor of `n` that is at most [`DISTINCT`].
fn distinct(n: usize) -> usize {
    (1..=DISTINCT.min(n)).rev().find(|d| n.is_multiple_of(*d)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::distinct;

    #[test]
    fn distinct_points_divide_all() {
        assert_eq!([10_000, 200, 300, 64, 7, 1].map(distinct), [50, 50, 60, 64, 7, 1]);
        assert_eq!(distinct(2 * 1013), 2);
    }
}
