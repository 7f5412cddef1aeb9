//! A trained network with other gates than its own, in f64: what its gates do for it (gate interventions of the revised
//! study). The weights of the two branches add up to one, so a gate is the weight of the first.

use super::{Model, observe_with, threads};
use crate::math::names;
use crate::math::rng::{self, Stream};
use crate::networks::Gates;
use crate::problems::{Axis, Errors, Solution};

/// Added to a run's seed for the permutations (the convention of the revised study).
const PERMUTATIONS: u64 = 9000;

/// What replaces the gates of every layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intervention {
    Native,
    Uniform,
    Swap,
    Permute,
    Mean,
}

impl Intervention {
    /// All of them, the network as it is first.
    pub const ALL: [Intervention; 5] =
        [Intervention::Native, Intervention::Uniform, Intervention::Swap, Intervention::Permute, Intervention::Mean];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Intervention::Native => "native",
            Intervention::Uniform => "uniform",
            Intervention::Swap => "swap",
            Intervention::Permute => "permute",
            Intervention::Mean => "mean",
        }
    }

    /// The one called `name`.
    ///
    /// # Errors
    /// There is none; what was probably meant.
    pub fn find(name: &str) -> Result<Intervention, String> {
        let known = Intervention::ALL.map(Intervention::name);
        let found = Intervention::ALL.into_iter().find(|i| i.name() == name);
        found.ok_or_else(|| names::unknown("intervention", name, &known))
    }
}

/// Gates by layer, of every point or of all together, `[width]` each.
enum Chosen {
    Native,
    Swapped,
    OfAll(Vec<Vec<f64>>),
    /// `[layer][point]`.
    OfEach(Vec<Vec<Vec<f64>>>),
}

impl Chosen {
    fn of(&self, point: usize, layer: usize) -> Gates<'_> {
        match self {
            Chosen::Native => Gates::Native,
            Chosen::Swapped => Gates::Swapped,
            Chosen::OfAll(layers) => Gates::Given(&layers[layer]),
            // layers behind those that are known yet
            Chosen::OfEach(layers) => layers.get(layer).map_or(Gates::Native, |points| Gates::Given(&points[point])),
        }
    }
}

/// Errors of the network's answer with the gates of `intervention`. `batch` holds the points, flat [n, axes], whose mean
/// gates stand for all, those of the last training step in the study; `seed` is the run's.
///
/// With given gates (all but `native` and `swap`) slopes take a gate for a constant.
pub fn intervene(
    model: Model,
    parameters: &[f64],
    solution: &Solution,
    intervention: Intervention,
    batch: &[f64],
    seed: u64,
) -> Errors {
    let set = model.problem.evaluation_set();
    let axes = model.shape.inputs;
    // only where errors are measured, which is where the points of a permutation come from, too
    let points = &set.points[axes * set.counted.start..axes * set.counted.end];
    let (width, depth) = (model.shape.width, model.shape.depth);
    let chosen = match intervention {
        Intervention::Native => Chosen::Native,
        Intervention::Swap => Chosen::Swapped,
        Intervention::Uniform => Chosen::OfAll(vec![vec![0.5; width]; depth]),
        Intervention::Mean => Chosen::OfAll(means(model, parameters, batch)),
        Intervention::Permute => Chosen::OfEach(permuted(model, parameters, points, seed)),
    };
    let compared = model.problem.compared();
    let observables = model.problem.observables().into_iter().filter(|o| compared.contains(&o.name));
    let gates = |point: usize, layer: usize| chosen.of(point, layer);
    let values: Vec<_> =
        observables.map(|o| (o.name, observe_with(model, parameters, o.quantity, points, &gates))).collect();
    solution.errors(&compared, 0..points.len() / axes, &values)
}

/// The mean gates over points, layer by layer.
fn means(model: Model, parameters: &[f64], points: &[f64]) -> Vec<Vec<f64>> {
    let count = (points.len() / model.shape.inputs) as f64;
    let mean = |layer: usize| {
        let mut sum = vec![0.0; model.shape.width];
        for gate in own(model, parameters, points, layer, &Chosen::Native) {
            sum.iter_mut().zip(gate).for_each(|(sum, w)| *sum += w / count);
        }
        sum
    };
    (0..model.shape.depth).map(mean).collect()
}

/// The gates of every layer exchanged among the points, by a permutation of its own for each layer; a layer's own gates are
/// those that follow from the exchanged ones before it.
fn permuted(model: Model, parameters: &[f64], points: &[f64], seed: u64) -> Vec<Vec<Vec<f64>>> {
    let count = points.len() / model.shape.inputs;
    let mut chosen = Chosen::OfEach(Vec::new());
    for layer in 0..model.shape.depth {
        let gates = own(model, parameters, points, layer, &chosen);
        let counter = [layer as u32, 0, Stream::Order as u32, 1];
        let words = rng::philox(counter, rng::key(seed.wrapping_add(PERMUTATIONS)));
        let from = |point: usize| rng::permute(point as u32, count as u32, [words[0], words[1]]) as usize;
        let exchanged = (0..count).map(|point| gates[from(point)].clone()).collect();
        if let Chosen::OfEach(layers) = &mut chosen {
            layers.push(exchanged);
        }
    }
    match chosen {
        Chosen::OfEach(layers) => layers,
        _ => unreachable!("it began as one"),
    }
}

/// The network's own gates in `layer` at every point, where the layers before use those that are `chosen`.
fn own(model: Model, parameters: &[f64], points: &[f64], layer: usize, chosen: &Chosen) -> Vec<Vec<f64>> {
    let axes = model.problem.axes();
    let count = points.len() / axes.len();
    let gate = |point: usize| {
        let x = &points[point * axes.len()..(point + 1) * axes.len()];
        let of = |(axis, x): (&Axis, &f64)| axis.slope * x + axis.offset;
        let x: Vec<f64> = axes.iter().zip(x).map(of).collect();
        let (_, mut gates) = model.network.value_with(&model.shape, parameters, &x, &|layer| chosen.of(point, layer));
        gates.swap_remove(layer)
    };
    std::thread::scope(|scope| {
        let gate = &gate;
        let share = count.div_ceil(threads()).max(1);
        let firsts = (0..count).step_by(share);
        let shares: Vec<_> = firsts
            .map(|first| scope.spawn(move || (first..count.min(first + share)).map(gate).collect::<Vec<_>>()))
            .collect();
        shares.into_iter().flat_map(|share| share.join().expect("no share panics")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Variant;
    use crate::networks::Lda;
    use crate::oracle::{evaluate, shape};
    use crate::problems::{Burgers, Problem};

    fn model() -> (Model<'static>, Vec<f64>, Solution) {
        let problem: &'static dyn Problem = &Burgers;
        let model = Model { problem, network: &Lda, shape: shape(problem, 5, 2, Variant::V2) };
        let count = model.network.layout(&model.shape).len;
        let wavy = (0..count).map(|m| 0.6 * (1.7 * m as f64 + 0.3).sin()).collect();
        (model, wavy, problem.solution().unwrap())
    }

    const BATCH: [f64; 6] = [0.3, 0.6, -0.5, 0.1, 0.0, 0.9];

    fn errors(parameters: &[f64], intervention: Intervention) -> f64 {
        let (model, _, solution) = model();
        intervene(model, parameters, &solution, intervention, &BATCH, 3).rel_l2
    }

    #[test]
    fn native_gates_give_the_errors_of_the_network() {
        let (model, parameters, _) = model();
        let plain = evaluate(model, &parameters).unwrap().rel_l2;
        assert!((errors(&parameters, Intervention::Native) - plain).abs() < 1e-13);
        for other in &Intervention::ALL[1..] {
            assert!((errors(&parameters, *other) - plain).abs() > 1e-6, "{other:?} changes nothing");
        }
    }

    /// Exchanged branches are those of the network whose encoders and logits are exchanged; uniform gates are those
    /// without logits.
    #[test]
    fn interventions_are_other_parameters_where_there_are_such() {
        let (model, parameters, _) = model();
        let layout = model.network.layout(&model.shape);
        let mut swapped = parameters.clone();
        let mut at_rest = parameters.clone();
        for slot in layout.slots.iter().filter(|s| s.name.starts_with("gates.") && s.name.contains(".2.")) {
            let half = slot.len() / 2;
            swapped[slot.range()].rotate_left(half);
            at_rest[slot.range()].fill(0.0);
        }
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} and {b}");
        close(errors(&parameters, Intervention::Swap), errors(&swapped, Intervention::Native));
        close(errors(&parameters, Intervention::Uniform), errors(&at_rest, Intervention::Native));
        // where gates are the same at every point, their mean and any order of them change nothing
        close(errors(&at_rest, Intervention::Mean), errors(&at_rest, Intervention::Native));
        close(errors(&at_rest, Intervention::Permute), errors(&at_rest, Intervention::Native));
    }

    #[test]
    fn a_permutation_keeps_every_gate() {
        let (model, parameters, _) = model();
        let points = &model.problem.evaluation_set().points[..200];
        let layers = permuted(model, &parameters, points, 3);
        let sorted = |mut gates: Vec<Vec<f64>>| {
            gates.sort_by(|a, b| a[0].total_cmp(&b[0]));
            gates
        };
        let first = own(model, &parameters, points, 0, &Chosen::Native);
        assert_ne!(layers[0], first);
        assert_eq!(sorted(layers[0].clone()), sorted(first));
        let once = Chosen::OfEach(vec![layers[0].clone()]);
        assert_eq!(sorted(layers[1].clone()), sorted(own(model, &parameters, points, 1, &once)));
    }
}
