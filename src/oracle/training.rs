//! The first steps of a run in f64: the same points, orders and rates as on the device.

use super::{Model, combined, state, step_gradients, traces};
use crate::math::rng::{self, Seeds};
use crate::math::{Schedule, sampling};
use crate::optimisers::Optimisation;
use crate::problems::{PointSet, Problem, Sampling};
use crate::strategies::{Seen, Strategy};

/// The orders of all terms at `step`, as the device draws them.
pub fn orders(seed: u64, step: u32, terms: usize) -> Vec<Vec<usize>> {
    (0..terms).map(|task| rng::order(seed, step, task as u32, terms)).collect()
}

/// The settings of a run that the oracle follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Points of each set.
    pub points: Vec<usize>,
    /// When points are drawn.
    pub sampling: Sampling,
    /// Learning rate.
    pub schedule: Schedule,
    /// The horizon of the schedule.
    pub steps: u64,
    /// Seeds.
    pub seeds: Seeds,
    pub optimiser: Optimisation,
}

/// The first steps of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// `[steps][terms]`, before each update.
    pub losses: Vec<Vec<f64>>,
    /// Parameters after the last update.
    pub parameters: Vec<f64>,
    /// What the strategy keeps then.
    pub state: Vec<f64>,
}

/// The points of every set at `step`, as the device draws them (f32 numbers in f64).
pub fn points(problem: &dyn Problem, settings: &Settings, step: u32) -> Vec<Vec<f64>> {
    let step = if settings.sampling == Sampling::Fixed { 0 } else { step };
    let draw = |(set, spec): (usize, &PointSet)| {
        let (n, stream) = (settings.points[set], problem.stream(set, settings.sampling));
        if let Some(given) = problem.given(set, n) {
            return given.into_iter().map(f64::from).collect();
        }
        let draw = if problem.opposite(set, settings.sampling) { sampling::opposite_points } else { sampling::points };
        let points = draw(settings.seeds.sample, step, stream as u32, &spec.regions, n);
        points.into_iter().map(f64::from).collect()
    };
    problem.sets().iter().enumerate().map(draw).collect()
}

/// Trains for `count` steps in f64 from the initial parameters of the run.
///
/// # Errors
/// As [`super::gradients`].
pub fn trajectory(
    model: Model,
    strategy: &dyn Strategy,
    settings: &Settings,
    count: u32,
) -> Result<Trajectory, String> {
    let initial = super::initial(model.problem, model.network, &model.shape, settings.seeds.initial);
    trajectory_from(&initial, model, strategy, settings, count)
}

/// The same from other initial parameters.
///
/// # Errors
/// As [`super::gradients`].
pub fn trajectory_from(
    initial: &[f32],
    model: Model,
    strategy: &dyn Strategy,
    settings: &Settings,
    count: u32,
) -> Result<Trajectory, String> {
    let mut parameters: Vec<f64> = initial.iter().copied().map(f64::from).collect();
    let mut optimiser = settings.optimiser.start(&model.network.layout(&model.shape));
    let mut losses = Vec::new();
    let mut state = state(strategy, model, &points(model.problem, settings, 0));
    for step in 0..count {
        let points = points(model.problem, settings, step);
        let oracle = step_gradients(strategy, model, &parameters, &points, step.into(), &mut state)?;
        let orders = orders(settings.seeds.order, step, oracle.rows.len());
        let traces = traces(strategy, model, &parameters, &points, (step.into(), settings.seeds.order))?;
        let rate = settings.schedule.rate(u64::from(step), settings.steps);
        let seen = Seen { step: step.into(), rate, traces, orders, ..Seen::default() };
        let gradient = combined(strategy, &oracle, seen, &mut state);
        optimiser.update(&mut parameters, &gradient, rate);
        let first = parameters.len() - model.shape.unknowns;
        for (own, unknown) in parameters[first..].iter_mut().zip(model.problem.unknowns()) {
            *own = own.clamp(unknown.lower, unknown.upper);
        }
        losses.push(oracle.losses);
    }
    Ok(Trajectory { losses, parameters, state })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Variant;
    use crate::networks::Lda;
    use crate::oracle::{evaluate, shape};
    use crate::problems::KleinGordon;
    use crate::strategies::PcGrad;

    #[test]
    fn a_short_run_learns_and_repeats_itself() {
        let problem = KleinGordon::DEFAULT;
        let shape = shape(&problem, 8, 2, Variant::V2);
        let model = Model { problem: &problem, network: &Lda, shape };
        let settings = Settings {
            points: vec![32, 8, 8],
            sampling: Sampling::Fixed,
            schedule: Schedule::Constant { rate: 5e-3 },
            steps: 100,
            seeds: Seeds::of(7),
            optimiser: Optimisation::default(),
        };
        let run = trajectory(model, &PcGrad, &settings, 40).unwrap();
        let (first, last) = (run.losses[0].iter().sum::<f64>(), run.losses[39].iter().sum::<f64>());
        assert!(first > 5e3 && first < 2e4, "close to the mean of f² at first: {first}");
        assert!(last < first, "{first} → {last}");
        assert!(evaluate(model, &run.parameters).unwrap().rel_l2.is_finite());
        let again = trajectory(model, &PcGrad, &settings, 5).unwrap();
        assert_eq!(again.losses[..], run.losses[..5]);
    }
}
