//! Defects of drivers that kernels have to mind, found by trying instead of by names and versions.

use std::sync::OnceLock;

use super::kernel::{Kernel, Part};
use super::{Buffer, Gpu};
use crate::error::Result;

/// What was found out about a device, once asked.
#[derive(Default)]
pub(super) struct Defects {
    trips: OnceLock<u32>,
}

const LONG_LOOPS: &str = include_str!("../../shaders/probes/long_loops.wgsl");

impl Gpu {
    /// Trips that the probe's loop asks for: three times what the known defect allows.
    pub const TRIPS_ASKED: u32 = 200_000;

    /// Trips that this driver ran of a loop of [`Gpu::TRIPS_ASKED`]. Tried on the first call, remembered from then on.
    ///
    /// # Errors
    /// Only what makes the device useless for everything else, too.
    pub fn trips_run(&self) -> Result<u32> {
        if let Some(&trips) = self.defects.trips.get() {
            return Ok(trips);
        }
        // beside the kernels that are remembered and the buffers that are counted: nobody asked for this one
        let kernel = Kernel::compile(self, "long_loops", &super::kernel::join(&[Part::new("long_loops", LONG_LOOPS)]))?;
        let result: Buffer = self.storage("result", 4)?;
        let dispatch = kernel.bind(self, &[("result", &result)])?.workgroups(1);
        self.submit(&[dispatch], 1);
        let trips = self.read::<f32>(&result, 1)?[0] as u32;
        self.forget_allocated(result.size());
        Ok(*self.defects.trips.get_or_init(|| trips))
    }

    /// Whether this driver ends loops silently when one invocation has made many trips, as Mesa's lavapipe of Debian 12
    /// does after 65 535 in all. Where that cannot be tried, it is taken for granted: kernels that mind it work anywhere.
    pub fn ends_long_loops(&self) -> bool {
        self.trips_run().map_or(true, |trips| trips != Self::TRIPS_ASKED)
    }
}
