//! Named settings of a run.

use crate::math::{Schedule, Variant};

/// When points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Once, with the numbers of step 0.
    Fixed,
    /// At every step.
    Resampled,
}

impl Sampling {
    /// "fixed" or "resampled".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Resampled => "resampled",
        }
    }
}

/// The settings of a run that belong to a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// "paper", "revised" or "quick".
    pub name: &'static str,
    /// Optimiser updates.
    pub steps: u64,
    /// Points of each set.
    pub points: Vec<usize>,
    /// Neurons of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub depth: usize,
    /// Published form of the network.
    pub variant: Variant,
    /// When points are drawn.
    pub sampling: Sampling,
    /// The name of the optimiser.
    pub optimiser: &'static str,
    /// Learning rate.
    pub schedule: Schedule,
    /// Steps between evaluations.
    pub evaluate_every: u64,
}

impl Preset {
    /// The first published settings: fixed points, constant rate 10⁻³. The authors evaluate at every step;
    /// that only serves their choice of the best step by test error, which is not made here.
    pub(super) fn paper(steps: u64, points: &[usize], depth: usize) -> Self {
        Self {
            name: "paper",
            steps,
            points: points.to_vec(),
            width: 50,
            depth,
            variant: Variant::V1,
            sampling: Sampling::Fixed,
            optimiser: "adam",
            schedule: Schedule::Constant { rate: 1e-3 },
            evaluate_every: 100,
        }
    }

    /// The revised settings: fresh points at every step, warm-up and cosine from 10⁻³ to 10⁻⁴.
    pub(super) fn revised(steps: u64, points: &[usize], evaluate_every: u64) -> Self {
        Self {
            name: "revised",
            steps,
            points: points.to_vec(),
            width: 50,
            depth: 4,
            variant: Variant::V2,
            sampling: Sampling::Resampled,
            optimiser: "adam",
            schedule: Schedule::WarmupCosine { rate: 1e-3, final_rate: 1e-4, warmup: 100 },
            evaluate_every,
        }
    }

    /// The same physics on a network small enough for two processor cores, by the optimiser that takes the least time there.
    pub(super) fn quick(steps: u64, points: &[usize], rate: f64) -> Self {
        Self {
            name: "quick",
            steps,
            points: points.to_vec(),
            width: 16,
            depth: 3,
            variant: Variant::V2,
            sampling: Sampling::Resampled,
            optimiser: "soap",
            schedule: Schedule::WarmupCosine { rate, final_rate: 1e-4, warmup: 50 },
            evaluate_every: 500,
        }
    }
}
