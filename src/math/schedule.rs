//! Learning rates as functions of the step.

/// How the learning rate changes over a run; rates are per step, in units of Adam's normalised gradient.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The same rate for ever (first published settings).
    Constant {
        /// The rate.
        rate: f64,
    },
    /// Linear from `final_rate` to `rate` over the first `warmup` steps, then half a cosine back
    /// (revised settings).
    WarmupCosine {
        /// The highest rate, reached at the last warm-up step.
        rate: f64,
        /// The rate at the end.
        final_rate: f64,
        /// Length of the linear part in steps.
        warmup: u64,
    },
}

impl Schedule {
    /// The highest rate of a run.
    pub fn highest(&self) -> f64 {
        let (Self::Constant { rate } | Self::WarmupCosine { rate, .. }) = *self;
        rate
    }

    /// The same schedule with another highest rate; the rate at the end keeps its proportion.
    pub fn with_highest(self, rate: f64) -> Self {
        match self {
            Self::Constant { .. } => Self::Constant { rate },
            Self::WarmupCosine { rate: old, final_rate, warmup } => {
                Self::WarmupCosine { rate, final_rate: final_rate * (rate / old), warmup }
            }
        }
    }

    /// The rate of step `step` (from 0) in a run of `steps`; steps beyond the end keep the last rate.
    pub fn rate(&self, step: u64, steps: u64) -> f64 {
        match *self {
            Self::Constant { rate } => rate,
            Self::WarmupCosine { rate, final_rate, warmup } if step < warmup => {
                final_rate + (rate - final_rate) * (step + 1) as f64 / warmup as f64
            }
            Self::WarmupCosine { rate, final_rate, warmup } => {
                let length = steps.saturating_sub(warmup + 1).max(1);
                let progress = ((step - warmup) as f64 / length as f64).min(1.0);
                final_rate + 0.5 * (rate - final_rate) * (1.0 + (std::f64::consts::PI * progress).cos())
            }
        }
    }

    /// The same course with every rate times `factor`.
    pub fn scaled(&self, factor: f64) -> Schedule {
        match *self {
            Self::Constant { rate } => Self::Constant { rate: factor * rate },
            Self::WarmupCosine { rate, final_rate, warmup } => {
                Self::WarmupCosine { rate: factor * rate, final_rate: factor * final_rate, warmup }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revised_schedule_has_its_published_values() {
        let schedule = Schedule::WarmupCosine { rate: 1e-3, final_rate: 1e-4, warmup: 100 };
        let cases = [
            (0, 100_000, 1.09e-4),
            (49, 100_000, 5.5e-4),
            (99, 100_000, 1e-3),
            (100, 100_000, 1e-3),
            (99_999, 100_000, 1e-4),
            (25_000, 100_000, 8.689_451_645e-4),
            (50_000, 100_000, 5.507_004_970e-4),
            (20_000, 40_000, 5.517_538_986e-4),
            (150, 300, 8.669_397_365e-4),
            (400, 300, 1e-4),
        ];
        for (step, steps, wanted) in cases {
            let got = schedule.rate(step, steps);
            assert!((got - wanted).abs() < 1e-12, "step {step} of {steps}: {got} instead of {wanted}");
        }
        assert_eq!(Schedule::Constant { rate: 0.5 }.rate(7, 3), 0.5);
        let twice = schedule.with_highest(2.0 * schedule.highest());
        for step in [0, 100, 150, 299] {
            assert!((twice.rate(step, 300) / schedule.rate(step, 300) - 2.0).abs() < 1e-12);
        }
    }
}
