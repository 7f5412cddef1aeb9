//! One line of `diagnostics.jsonl`: how the terms' gradients stood to each other in the last step, how large they
//! were in each module of the network, and what the network's gates did after it.

use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::networks::{Layout, Network, Shape};
use crate::problems::{Axis, Problem};
use crate::strategies::Gram;

use super::trainer::{StepRecord, Trainer};

/// Gates are looked at on the first interior points of the last step, this many at the most (revised code).
const GATE_POINTS: usize = 1024;
/// Points that one thread looks at together: sums in fixed order do not depend on the number of threads.
const CHUNK: usize = 64;
/// Beyond this from one half a gate has decided for a branch.
const DECIDED: f64 = 0.45;
/// Keeps the logarithm of a closed gate finite.
const SMALLEST: f64 = 1e-12;

/// How the gradients stood to each other in the step of `record`: what follows from their Gram matrix alone.
pub fn conflicts(record: &StepRecord) -> Value {
    let gram = Gram::from_entries(record.losses.len(), record.gram.iter().map(|&m| f64::from(m)).collect());
    let coefficients: Vec<f64> = record.coefficients.iter().map(|&c| f64::from(c)).collect();
    let conflicts = gram.conflicts(&coefficients);
    json!({"step": record.step + 1, "lr": record.rate, "coefficients": coefficients,
        "gradient_norms": conflicts.norms, "cosines": conflicts.cosines, "conflict_rate": conflicts.conflict_rate,
        "projection_ratio": conflicts.projection_ratio})
}

/// The line after the step of `record`, which must be the trainer's last one.
///
/// # Errors
/// The device is lost.
pub fn diagnosis(trainer: &Trainer, record: &StepRecord) -> Result<Value> {
    let (setup, step, gpu) = (&trainer.setup, &trainer.step, &trainer.gpu);
    let layout = setup.network.layout(&setup.shape);
    let rows: Vec<f32> = gpu.read(&step.rows, step.terms * layout.len)?;
    let mut line = conflicts(record);
    line["module_norms"] = module_norms(&layout, &rows);
    let count = setup.counts[0].min(GATE_POINTS);
    let points: Vec<f32> = gpu.read(&step.points, count * setup.shape.inputs)?;
    let parameters: Vec<f64> = trainer.parameters()?.into_iter().map(f64::from).collect();
    let gates = gates(setup.problem, setup.network, &setup.shape, &parameters, &points);
    if !gates.is_empty() {
        line["gates"] = gates.iter().map(Gate::json).collect();
    }
    Ok(line)
}

/// Norm of each gradient row within each module: {module: [terms]}.
fn module_norms(layout: &Layout, rows: &[f32]) -> Value {
    let norm = |part: &[f32]| part.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
    let norms = layout.modules().into_iter().map(|(name, range)| {
        let of_rows: Vec<f64> = rows.chunks(layout.len).map(|row| norm(&row[range.clone()])).collect();
        (name.to_owned(), json!(of_rows))
    });
    Value::Object(Map::from_iter(norms))
}

/// Statistics of the gates of every hidden layer at physical points, flat [n, axes]; none without gates.
pub fn gates(
    problem: &dyn Problem,
    network: &dyn Network,
    shape: &Shape,
    parameters: &[f64],
    points: &[f32],
) -> Vec<Gate> {
    let axes = problem.axes();
    let seen = |points: &[f32]| -> Vec<Gate> {
        let mut gates = Vec::new();
        for point in points.chunks(axes.len()) {
            let normalised = |(axis, &x): (&Axis, &f32)| axis.slope * f64::from(x) + axis.offset;
            let x: Vec<f64> = axes.iter().zip(point).map(normalised).collect();
            let layers = network.gates(shape, parameters, &x);
            gates.resize_with(layers.len(), Gate::default);
            gates.iter_mut().zip(&layers).for_each(|(gate, layer)| layer.iter().for_each(|&w| gate.add(w)));
        }
        gates
    };
    let chunks: Vec<&[f32]> = points.chunks(CHUNK * axes.len()).collect();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let work = |chunks: &[&[f32]]| chunks.iter().map(|points| seen(points)).collect::<Vec<_>>();
    let parts: Vec<Vec<Gate>> = std::thread::scope(|scope| {
        let share = chunks.len().div_ceil(threads).max(1);
        let shares: Vec<_> = chunks.chunks(share).map(|part| scope.spawn(|| work(part))).collect();
        shares.into_iter().flat_map(|share| share.join().expect("no share panics")).collect()
    });
    parts.into_iter().reduce(|sum, part| sum.iter().zip(&part).map(|(a, b)| a.with(b)).collect()).unwrap_or_default()
}

/// Sums over the gates of one layer, all points and features: of the weight w of the first branch, of (w − ½)², of
/// the entropy in nats, and how many have decided.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gate {
    count: f64,
    weight: f64,
    square: f64,
    entropy: f64,
    decided: f64,
}

impl Gate {
    fn add(&mut self, w: f64) {
        let entropy = |w: f64| -w.max(SMALLEST) * w.max(SMALLEST).ln();
        self.count += 1.0;
        self.weight += w;
        self.square += (w - 0.5).powi(2);
        self.entropy += entropy(w) + entropy(1.0 - w);
        self.decided += f64::from((w - 0.5).abs() > DECIDED);
    }

    fn with(&self, other: &Gate) -> Gate {
        Gate {
            count: self.count + other.count,
            weight: self.weight + other.weight,
            square: self.square + other.square,
            entropy: self.entropy + other.entropy,
            decided: self.decided + other.decided,
        }
    }

    /// Mean weights of the two branches.
    pub fn mean(&self) -> [f64; 2] {
        let mean = self.weight / self.count;
        [mean, 1.0 - mean]
    }

    /// Standard deviation over the weights of both branches, whose mean is one half; unbiased.
    pub fn deviation(&self) -> f64 {
        (2.0 * self.square / (2.0 * self.count - 1.0)).sqrt()
    }

    /// Mean entropy in nats, ln 2 where both branches weigh the same.
    pub fn entropy(&self) -> f64 {
        self.entropy / self.count
    }

    /// Share of the weights below 0.05 or above 0.95.
    pub fn saturation(&self) -> f64 {
        self.decided / self.count
    }

    fn json(&self) -> Value {
        json!({"mean": self.mean(), "std": self.deviation(), "entropy": self.entropy(),
            "saturation": self.saturation()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_three_gates() {
        let mut gate = Gate::default();
        [0.5, 1.0, 0.04].into_iter().for_each(|w| gate.add(w));
        let close = |got: f64, wanted: f64| assert!((got - wanted).abs() < 1e-9, "{got} instead of {wanted}");
        close(gate.mean()[0], 1.54 / 3.0);
        close(gate.mean()[1], 1.46 / 3.0);
        // the six weights 0.5 0.5 1 0 0.04 0.96 around their mean
        close(gate.deviation(), ((0.5 + 2.0 * 0.46_f64.powi(2)) / 5.0).sqrt());
        close(gate.entropy(), (2.0_f64.ln() - 0.04 * 0.04_f64.ln() - 0.96 * 0.96_f64.ln()) / 3.0);
        close(gate.saturation(), 2.0 / 3.0);
    }
}
