//! The training step in f64, derived by machine: nested dual numbers for derivatives in the coordinates
//! over a reverse tape for derivatives in the parameters. Nothing here is differentiated by hand, so a
//! mistake in a shader's adjoint cannot be repeated on this side. It is the reference, not a trainer:
//! a point of third order on the adaptive network of 4 × 50 takes about 30 ms of one core.

mod fields;
pub mod gates;
mod training;

pub use gates::{Intervention, intervene};
pub use training::{Settings, Trajectory, orders, points, trajectory, trajectory_from};

use crate::math::{Dual, Real, Var, Variant, tape};
use crate::networks::{Gates, Network, Rule, Shape, UNKNOWNS};
use crate::problems::{Axis, Errors, FieldDerivatives, Problem, Quantity, Term};
use crate::strategies::{Probe, Seen, Strategy};
use fields::{Fields, Jump};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Losses and gradient rows at given parameters and points.
#[derive(Clone, Debug, PartialEq)]
pub struct Oracle {
    /// One per term: mean over its points of the squared residual, added up over its sets.
    pub losses: Vec<f64>,
    /// `[terms][parameters]`.
    pub rows: Vec<Vec<f64>>,
}

/// What is evaluated: a problem on a network of one shape.
#[derive(Clone, Copy)]
pub struct Model<'a> {
    /// The problem.
    pub problem: &'a dyn Problem,
    /// The network.
    pub network: &'a dyn Network,
    /// Its shape; inputs and outputs agree with the problem.
    pub shape: Shape,
}

/// The shape of a network for `problem`.
pub fn shape(problem: &dyn Problem, width: usize, depth: usize, variant: Variant) -> Shape {
    let (inputs, outputs) = (problem.axes().len(), problem.fields().len());
    Shape { inputs, outputs, width, depth, variant, unknowns: problem.unknowns().len() }
}

/// Where training of `problem` begins: the network's initial parameters, and what unknowns start with.
pub fn initial(problem: &dyn Problem, network: &dyn Network, shape: &Shape, seed: u64) -> Vec<f32> {
    let mut parameters = network.initial(shape, seed);
    if let Some(slot) = network.layout(shape).slot(UNKNOWNS) {
        let starts = problem.unknowns().iter().map(|unknown| unknown.start as f32);
        parameters[slot.range()].iter_mut().zip(starts).for_each(|(own, start)| *own = start);
    }
    parameters
}

/// Losses and gradient rows in f64. `points[s]` holds the points of set s, flat [n, axes], in physical
/// coordinates; the result does not depend on the number of threads.
///
/// # Errors
/// The number of parameters, sets or coordinates does not fit.
pub fn gradients(model: Model, parameters: &[f64], points: &[Vec<f64>]) -> Result<Oracle, String> {
    weighed_gradients(model, parameters, points, &[])
}

/// The same with a factor for the squared residual of every sample of the first terms, `[term][sample]`: their losses are means
/// over all samples of a term.
///
/// # Errors
/// As [`gradients`].
pub fn weighed_gradients(
    model: Model,
    parameters: &[f64],
    points: &[Vec<f64>],
    factors: &[Vec<f64>],
) -> Result<Oracle, String> {
    check(model, parameters, points)?;
    let jobs = jobs(model.problem, points, factors);
    let results: Vec<Mutex<(f64, Vec<f64>)>> = jobs.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    let threads = threads().min(jobs.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let taped = trained(model, tape::reset(parameters));
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = job.run(model, &taped);
                    *results[job.number].lock().expect("no job panics") = result;
                }
            });
        }
    });
    let terms = model.problem.terms().len();
    let mut oracle = Oracle { losses: vec![0.0; terms], rows: vec![vec![0.0; parameters.len()]; terms] };
    for (job, result) in jobs.iter().zip(results) {
        let (loss, row) = result.into_inner().expect("no job panics");
        oracle.losses[job.term] += loss;
        oracle.rows[job.term].iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
    }
    Ok(oracle)
}

/// The parameters as variables, those that are not trained as constants: their gradient is zero.
fn trained(model: Model, mut parameters: Vec<Var>) -> Vec<Var> {
    for slot in model.network.layout(&model.shape).slots.iter().filter(|slot| !slot.trained) {
        parameters[slot.range()].iter_mut().for_each(|p| *p = Var::constant(p.value));
    }
    parameters
}

fn check(model: Model, parameters: &[f64], points: &[Vec<f64>]) -> Result<(), String> {
    let (wanted, sets) = (model.network.layout(&model.shape).len, model.problem.sets());
    if parameters.len() != wanted {
        return Err(format!("{} parameters instead of {wanted}", parameters.len()));
    }
    if points.len() != sets.len() {
        return Err(format!("{} point sets instead of {}", points.len(), sets.len()));
    }
    let axes = model.shape.inputs;
    for (set, coordinates) in sets.iter().zip(points) {
        if coordinates.is_empty() || coordinates.len() % axes != 0 {
            let count = coordinates.len();
            return Err(format!("point set `{}` has {count} numbers: points of {axes} are needed", set.name));
        }
    }
    Ok(())
}

/// Some points of one term, evaluated by one thread; jobs are added up in order.
struct Job<'a> {
    number: usize,
    term: usize,
    points: &'a [f64],
    /// One over the number of points of the whole set.
    weight: f64,
    /// Of each point's squared residual; none: one.
    factors: &'a [f64],
}

/// The points that a term takes from a set are cut into at most this many jobs, so that partial rows stay small in
/// memory.
const JOBS_PER_SET: usize = 32;

fn jobs<'a>(problem: &dyn Problem, points: &'a [Vec<f64>], factors: &'a [Vec<f64>]) -> Vec<Job<'a>> {
    let axes = problem.axes().len();
    let mut jobs = Vec::new();
    for (term, spec) in problem.terms().iter().enumerate() {
        let mut rest = factors.get(term).map_or(&[][..], Vec::as_slice);
        let whole = rest.len();
        for &set in spec.sets {
            let count = points[set].len() / axes;
            let weight = spec.weight / if whole > 0 { whole } else { count } as f64;
            for chunk in points[set].chunks(count.div_ceil(JOBS_PER_SET) * axes) {
                let factors;
                (factors, rest) = rest.split_at(rest.len().min(chunk.len() / axes));
                jobs.push(Job { number: jobs.len(), term, points: chunk, weight, factors });
            }
        }
    }
    jobs
}

impl Job<'_> {
    fn run(&self, model: Model, parameters: &[Var]) -> (f64, Vec<f64>) {
        let (mut loss, mut row) = (0.0, vec![0.0; parameters.len()]);
        for (n, point) in self.points.chunks(model.shape.inputs).enumerate() {
            let squares = residual_at(model, parameters, self.term, point)
                .into_iter()
                .fold(Var::constant(0.0), |sum, r| sum + r.square());
            let share = squares * Var::constant(self.weight * self.factors.get(n).unwrap_or(&1.0));
            loss += share.value;
            let gradient = tape::gradient(share, parameters);
            row.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
            tape::rewind(parameters.len());
        }
        (loss, row)
    }
}

fn residual_at(model: Model, parameters: &[Var], term: usize, point: &[f64]) -> Vec<Var> {
    let order = model.problem.statement().equations[term].order;
    let data = model.problem.data(term, point);
    let here = Fields::new(model, parameters, point, order);
    let Some((axis, end)) = model.problem.partner(term) else {
        return model.problem.residual_of(term, &mut { here }, &data);
    };
    let mut partner = point.to_vec();
    partner[axis] = end;
    let there = Fields::new(model, parameters, &partner, order);
    model.problem.residual_of(term, &mut Jump { here, there }, &data)
}

/// The residual components of one term at one point.
pub fn residual(model: Model, parameters: &[f64], term: usize, point: &[f64]) -> Vec<f64> {
    let taped = tape::reset(parameters);
    residual_at(model, &taped, term, point).into_iter().map(|r| r.value).collect()
}

/// |r|² at every sample of the first `terms` terms, `[term][sample]`, set after set.
fn squared_residuals(model: Model, parameters: &[f64], points: &[Vec<f64>], terms: usize) -> Vec<Vec<f64>> {
    let taped = tape::reset(parameters);
    let at = |term: usize, point: &[f64]| {
        let square = residual_at(model, &taped, term, point).into_iter().map(|r| r.value * r.value).sum();
        tape::rewind(parameters.len());
        square
    };
    let of = |(term, spec): (usize, &Term)| {
        let all = spec.sets.iter().flat_map(|&set| points[set].chunks(model.shape.inputs));
        all.map(|point| at(term, point)).collect()
    };
    model.problem.terms()[..terms].iter().enumerate().map(of).collect()
}

/// What `strategy` begins with, before it fills it.
pub fn state(strategy: &dyn Strategy, model: Model, points: &[Vec<f64>]) -> Vec<f64> {
    let terms = model.problem.terms();
    let samples = |term: &Term| term.sets.iter().map(|&set| points[set].len() / model.shape.inputs).sum::<usize>();
    let of_samples = strategy.weighing().map_or(0, |weighing| {
        weighing.kept() * terms[..weighing.terms(terms.len())].iter().map(samples).sum::<usize>()
    });
    vec![0.0; strategy.state_length(terms.len()) + of_samples]
}

/// Losses and gradient rows of step number `step` as `strategy` has them, with weights of points where it gives them; `state`
/// is what it keeps.
///
/// # Errors
/// As [`gradients`].
pub fn step_gradients(
    strategy: &dyn Strategy,
    model: Model,
    parameters: &[f64],
    points: &[Vec<f64>],
    step: u64,
    state: &mut [f64],
) -> Result<Oracle, String> {
    let Some(weighing) = strategy.weighing() else { return gradients(model, parameters, points) };
    check(model, parameters, points)?;
    let terms = model.problem.terms().len();
    let squares = squared_residuals(model, parameters, points, weighing.terms(terms));
    let factors = weighing.factors(step, &squares, &mut state[strategy.state_length(terms)..]);
    weighed_gradients(model, parameters, points, &factors)
}

/// What a probe of the residuals finds at `step`, a number per term; nothing in steps without one.
///
/// # Errors
/// As [`gradients`].
pub fn traces(
    strategy: &dyn Strategy,
    model: Model,
    parameters: &[f64],
    points: &[Vec<f64>],
    (step, seed): (u64, u64),
) -> Result<Vec<f64>, String> {
    check(model, parameters, points)?;
    if strategy.probe_period().is_none_or(|period| !step.is_multiple_of(period)) {
        return Ok(Vec::new());
    }
    let taped = trained(model, tape::reset(parameters));
    let trace = |(term, spec): (usize, &Term)| {
        let samples: Vec<&[f64]> = spec.sets.iter().flat_map(|&set| points[set].chunks(model.shape.inputs)).collect();
        let components = model.problem.statement().equations[term].texts.len();
        let probe = Probe::of(samples.len() * components);
        let mut row = vec![0.0; parameters.len()];
        for nth in 0..probe.entries() {
            let entry = nth * probe.stride;
            let o = residual_at(model, &taped, term, samples[entry / components])[entry % components];
            let sign = Probe::sign(seed, step as u32, term, nth);
            row.iter_mut().zip(tape::gradient(o, &taped)).for_each(|(sum, g)| *sum += sign * g);
            tape::rewind(parameters.len());
        }
        probe.scale() * row.iter().map(|g| g * g).sum::<f64>()
    };
    Ok(model.problem.terms().iter().enumerate().map(trace).collect())
}

/// Derivatives of the fields at one physical point; each request is (field, axes differentiated along).
pub fn derivatives(model: Model, parameters: &[f64], point: &[f64], requests: &[(usize, &[usize])]) -> Vec<f64> {
    let taped = tape::reset(parameters);
    let order = requests.iter().map(|(_, axes)| axes.len()).max().unwrap_or(0);
    let mut fields = Fields::new(model, &taped, point, order);
    requests.iter().map(|(field, axes)| fields.d(*field, axes).value).collect()
}

/// Values of `quantity` at `points`, flat [n, axes], in f64.
pub fn observe(model: Model, parameters: &[f64], quantity: Quantity, points: &[f64]) -> Vec<f64> {
    observe_with(model, parameters, quantity, points, &|_, _| Gates::Native)
}

/// The gates that are used, by number of the point and of the layer.
type GatesAt<'a> = dyn Fn(usize, usize) -> Gates<'a> + Sync + 'a;

/// The same with other gates than the network's own.
fn observe_with(model: Model, parameters: &[f64], quantity: Quantity, points: &[f64], gates: &GatesAt) -> Vec<f64> {
    let axes = model.problem.axes();
    let share = (points.len() / axes.len()).div_ceil(threads()).max(1);
    let observe = |(nth, points): (usize, &[f64])| -> Vec<f64> {
        let of = |(within, x): (usize, &[f64])| {
            let rule = |layer| gates(nth * share + within, layer);
            quantity.of(&jets(model, &axes, parameters, quantity, x, &rule))
        };
        points.chunks(axes.len()).enumerate().map(of).collect()
    };
    std::thread::scope(|scope| {
        let observe = &observe;
        let parts = points.chunks(share * axes.len()).enumerate();
        let shares: Vec<_> = parts.map(|part| scope.spawn(move || observe(part))).collect();
        shares.into_iter().flat_map(|share| share.join().expect("no share panics")).collect()
    })
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Every field as (u, ∂₀u, ∂₁u), the slopes only where `quantity` needs them.
fn jets(
    model: Model,
    axes: &[Axis],
    parameters: &[f64],
    quantity: Quantity,
    point: &[f64],
    gates: &Rule,
) -> Vec<[f64; 3]> {
    let x: Vec<f64> = axes.iter().zip(point).map(|(axis, x)| axis.slope * x + axis.offset).collect();
    if !quantity.needs_gradient() {
        let (u, _) = model.network.value_with(&model.shape, parameters, &x, gates);
        return u.into_iter().map(|u| [u, 0.0, 0.0]).collect();
    }
    let mut jets = vec![[0.0; 3]; model.shape.outputs];
    for along in 0..2 {
        let slope = |i: usize| if i == along { axes[i].slope } else { 0.0 };
        let seeds: Vec<_> = x.iter().enumerate().map(|(i, &x)| Dual::new(x, slope(i))).collect();
        for (jet, u) in jets.iter_mut().zip(model.network.slope_with(&model.shape, parameters, &seeds, gates)) {
            jet[0] = u.value;
            jet[1 + along] = u.tangent;
        }
    }
    jets
}

/// Errors of the network's answer; none without a known solution.
pub fn evaluate(model: Model, parameters: &[f64]) -> Option<Errors> {
    let solution = model.problem.solution()?;
    let set = model.problem.evaluation_set();
    let compared = model.problem.compared();
    let observables = model.problem.observables().into_iter().filter(|o| compared.contains(&o.name));
    let values: Vec<_> = observables.map(|o| (o.name, observe(model, parameters, o.quantity, &set.points))).collect();
    Some(solution.errors(&compared, set.counted, &values))
}

/// The combined gradient from the rows themselves; `seen` says what the oracle does not, `state` is what the strategy keeps.
pub fn combined(strategy: &dyn Strategy, oracle: &Oracle, seen: Seen, state: &mut [f64]) -> Vec<f64> {
    let Seen { losses, entries, .. } = Seen::of(&oracle.rows, &oracle.losses, &[]);
    let seen = Seen { losses, entries, ..seen };
    strategy.combine(&oracle.rows, &seen, &mut state[..strategy.state_length(oracle.rows.len())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::{self, Lda, Mlp};
    use crate::problems::{self, KleinGordon};

    fn small(problem: &'static dyn Problem, network: &'static dyn Network) -> Model<'static> {
        Model { problem, network, shape: shape(problem, 4, 2, Variant::V2) }
    }

    fn wavy(model: Model) -> Vec<f64> {
        (0..model.network.layout(&model.shape).len).map(|m| 0.4 * (1.7 * m as f64 + 0.3).sin()).collect()
    }

    /// Seven points in the first region of every set.
    fn some_points(problem: &dyn Problem) -> Vec<Vec<f64>> {
        let sets = problem.sets();
        let draw = |(set, spec): (usize, &problems::PointSet)| {
            let points = crate::math::sampling::points(3, 0, set as u32, &spec.regions, 7);
            points.into_iter().map(f64::from).collect()
        };
        sets.iter().enumerate().map(draw).collect()
    }

    #[test]
    fn gradient_rows_match_central_differences() {
        for &problem in problems::ALL {
            let first = problems::ALL.iter().find(|other| other.jet() == problem.jet());
            let first = first.is_some_and(|first| first.name() == problem.name());
            for &network in networks::ALL {
                // further networks on one problem of each jet
                let fits = network.fit(shape(problem, 4, 2, Variant::V2)).is_ok();
                if !fits || !first && !["mlp", "lda"].contains(&network.name()) {
                    continue;
                }
                let model = small(problem, network);
                let layout = network.layout(&model.shape);
                let trained = |m: usize| layout.slots.iter().any(|slot| slot.trained && slot.range().contains(&m));
                let (parameters, points) = (wavy(model), some_points(problem));
                let rows = gradients(model, &parameters, &points).unwrap().rows;
                for m in (0..parameters.len()).step_by(7) {
                    let at = |h: f64| {
                        let mut moved = parameters.clone();
                        moved[m] += h;
                        gradients(model, &moved, &points).unwrap().losses
                    };
                    let (up, down) = (at(1e-5), at(-1e-5));
                    for (k, row) in rows.iter().enumerate() {
                        let wanted = if trained(m) { (up[k] - down[k]) / 2e-5 } else { 0.0 };
                        let scale = 1.0 + up[k].abs();
                        let place = format!("{} {} term {k} parameter {m}", problem.name(), network.name());
                        assert!((row[m] - wanted).abs() < 1e-8 * scale, "{place}: {} wanted {wanted}", row[m]);
                    }
                }
            }
        }
    }

    #[test]
    fn fourth_derivatives_match_central_differences_of_third_ones() {
        let model = small(&KleinGordon::DEFAULT, &Lda);
        let parameters = wavy(model);
        for (third, along) in [([0, 0, 0], 0), ([0, 0, 1], 1), ([1, 0, 1], 0)] {
            let at = |h: f64, axes: &[usize]| {
                let mut point = [0.3, 0.4];
                point[along] += h;
                derivatives(model, &parameters, &point, &[(0, axes)])[0]
            };
            let fourth: Vec<usize> = third.into_iter().chain([along]).collect();
            let (got, wanted) = (at(0.0, &fourth), (at(1e-5, &third) - at(-1e-5, &third)) / 2e-5);
            assert!((got - wanted).abs() < 1e-6 * wanted.abs().max(1.0), "{fourth:?}: {got} instead of {wanted}");
        }
    }

    #[test]
    fn observables_agree_with_the_tape() {
        let model = small(&problems::Cavity::DEFAULT, &Lda);
        let parameters = wavy(model);
        let point = [0.3, 0.6];
        let d = derivatives(model, &parameters, &point, &[(0, &[0]), (0, &[1]), (1, &[])]);
        let seen: Vec<f64> =
            model.problem.observables().iter().map(|o| observe(model, &parameters, o.quantity, &point)[0]).collect();
        for (got, wanted) in [(seen[0], d[0].hypot(d[1])), (seen[1], d[1]), (seen[2], -d[0]), (seen[4], d[2])] {
            assert!((got - wanted).abs() < 1e-14, "{got} instead of {wanted}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let model = small(&KleinGordon::DEFAULT, &Mlp);
        let parameters = wavy(model);
        let message = |parameters: &[f64], points: &[Vec<f64>]| gradients(model, parameters, points).unwrap_err();
        assert_eq!(message(&[0.0], &[]), "1 parameters instead of 37");
        assert_eq!(message(&parameters, &[]), "0 point sets instead of 3");
        let odd = [vec![0.0; 2], vec![0.0; 3], vec![0.0; 2]];
        assert_eq!(message(&parameters, &odd), "point set `bc` has 3 numbers: points of 2 are needed");
    }
}
