//! What a run may change without building its kernels again: seeds and learning rate, in a buffer of a few
//! words. Compiling the kernels of a step can take longer than a short run, so studies build once per network.

use crate::math::Schedule;
use crate::math::rng::{Seeds, key};

/// The numbers behind `settings` in `kernels/sample.wgsl` and `kernels/coefficients_of.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Seeds of points and orders (that of the parameters is used on the host alone).
    pub seeds: Seeds,
    pub schedule: Schedule,
    /// Length of the run that the schedule is stretched over.
    pub steps: u64,
    /// Where on its cosine, from 0 to 1, the schedule is, instead of finding that from the step: for runs whose
    /// length is a time.
    pub progress: Option<f64>,
    /// Terms of the problem.
    pub terms: usize,
}

/// How the rate follows, as `schedule.wgsl` names it.
const CONSTANT: u32 = 0;
const BY_STEP: u32 = 1;
const BY_PROGRESS: u32 = 2;

impl Settings {
    /// Number of words in the buffer.
    pub const WORDS: usize = 11;

    /// In the order that the shaders read: both keys, kind of schedule, rate, final rate, warm-up, length of
    /// the cosine, progress, number of terms. Rates and progress are the bits of `f32`.
    pub fn words(&self) -> [u32; Settings::WORDS] {
        let (sample, order) = (key(self.seeds.sample), key(self.seeds.order));
        let (kind, rate, last, warmup) = match self.schedule {
            Schedule::Constant { rate } => (CONSTANT, rate, rate, 0),
            Schedule::WarmupCosine { rate, final_rate, warmup } => {
                (if self.progress.is_some() { BY_PROGRESS } else { BY_STEP }, rate, final_rate, warmup)
            }
        };
        let decay = self.steps.saturating_sub(warmup + 1).max(1);
        let bits = |x: f64| (x as f32).to_bits();
        let progress = bits(self.progress.unwrap_or(0.0));
        let [s0, s1] = sample;
        let [o0, o1] = order;
        [s0, s1, o0, o1, kind, bits(rate), bits(last), warmup as u32, decay as u32, progress, self.terms as u32]
    }
}
