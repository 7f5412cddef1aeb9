//! Flags that say how the tile of a step is chosen, shared by the verbs that train or time.

use std::time::Duration;

use acr_pinn_gpu::training::Tuning;

/// How the tile is chosen: how many points and rows each thread works on. It changes how long a step takes, and results by
/// rounding only.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct TuneArgs {
    /// Measure which tile (points and rows per thread, memory) makes steps fastest here, and remember it for such steps.
    /// [default: the remembered one; if there is none, a GPU measures, a CPU adapter does not]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        value_parser = clap::value_parser!(u64).range(1..=86_400),
        conflicts_with = "no_tune",
        help_heading = "Adapter"
    )]
    tune: Option<Option<u64>>,
    /// Take the adapter's default tile, measure nothing and look at nothing that is remembered
    #[arg(long, help_heading = "Adapter")]
    no_tune: bool,
}

impl TuneArgs {
    /// What the flags ask for; without any, `usual`.
    pub fn tuning(&self, usual: Tuning) -> Tuning {
        match self.tune {
            Some(seconds) => Tuning::Now(seconds.map(Duration::from_secs)),
            None if self.no_tune => Tuning::Never,
            None => usual,
        }
    }
}
