//! How long a study will take, from a few steps of each network: everything else is scaled by the work of a step.

use std::time::Instant;

use crate::error::Result;
use crate::gpu::Gpu;
use crate::training::Trainer;

use super::{Entry, Task, distinct};

/// Seconds, as far as a short measurement can say.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// Compiling kernels.
    pub building: f64,
    /// Steps.
    pub stepping: f64,
}

impl Estimate {
    pub fn seconds(&self) -> f64 {
        self.building + self.stepping
    }
}

/// One network, measured.
struct Sample {
    network: &'static str,
    build: f64,
    /// Seconds per unit of [`Entry::work`].
    per_work: f64,
}

/// Measures the lightest run of every network and scales the rest of `entries` by their work.
pub fn estimate(gpu: &Gpu, entries: &[Entry]) -> Result<Estimate> {
    let mut samples: Vec<Sample> = Vec::new();
    for network in distinct(entries.iter().map(|entry| entry.config.network.name())) {
        let of = entries.iter().filter(|entry| entry.config.network.name() == network);
        let Some(lightest) = of.min_by(|a, b| a.work().total_cmp(&b.work())) else { continue };
        samples.push(measure(gpu, lightest)?);
    }
    let mut estimate = Estimate::default();
    let mut kernels = String::new();
    for entry in entries {
        let Some(sample) = samples.iter().find(|s| s.network == entry.config.network.name()) else { continue };
        // a study builds anew only where the kernels differ from those of the run before
        if std::mem::replace(&mut kernels, entry.config.kernels()) != entry.config.kernels() {
            estimate.building += sample.build;
        }
        let step = sample.per_work * entry.work();
        estimate.stepping += match entry.task {
            Task::Train => entry.config.preset.steps as f64 * step,
            Task::Measure { warmup, timed } => (warmup + timed) as f64 * step,
            Task::Race { budget, .. } => budget,
        };
    }
    Ok(estimate)
}

fn measure(gpu: &Gpu, entry: &Entry) -> Result<Sample> {
    let config = &entry.config;
    let start = Instant::now();
    let mut trainer = Trainer::new(gpu, config.setup(), config.plan, &config.initial())?;
    // the first step of new kernels is not like the others
    trainer.advance(1)?;
    let build = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let mut steps = 0;
    while steps < 3 || (steps < 200 && start.elapsed().as_secs_f64() < 0.5) {
        trainer.advance(3)?;
        steps += 3;
    }
    let step = start.elapsed().as_secs_f64() / steps as f64;
    Ok(Sample { network: config.network.name(), build, per_work: step / entry.work() })
}
