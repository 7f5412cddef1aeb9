//! Running recorded steps: many identical steps per submit, in pieces short enough for every watchdog.

use std::time::{Duration, Instant};

use super::{Dispatch, Gpu};
use crate::error::{Error, Result};

impl Dispatch {
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.group, &[]);
        pass.dispatch_workgroups(self.workgroups[0], self.workgroups[1], 1);
    }
}

impl Gpu {
    /// Records `step` `times` times into one submit, without waiting for it.
    pub fn submit(&self, step: &[Dispatch], times: u32) {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for _ in 0..times {
                for dispatch in step {
                    dispatch.record(&mut pass);
                }
            }
        }
        self.queue.submit([encoder.finish()]);
    }

    /// Submits every dispatch of `step` by itself: for steps so long that a watchdog could mistake them for a hang.
    pub fn submit_apart(&self, step: &[Dispatch]) {
        for dispatch in step {
            self.submit(std::slice::from_ref(dispatch), 1);
        }
    }

    /// Waits for everything submitted so far.
    pub fn wait(&self) -> Result<()> {
        // `poll` panics when the device is gone, which is the user's driver, not a defect of this program
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.device.poll(wgpu::PollType::wait_indefinitely())
        }));
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        match polled {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Error::Device(format!("the device does not answer: {error}"))),
            Err(_) => Err(Error::DeviceLost("the device was lost while the program waited for it".into())),
        }
    }

    /// Runs `step` `times` times and returns how long that took, submit to finish.
    pub fn time(&self, step: &[Dispatch], times: u32) -> Result<Duration> {
        self.wait()?;
        let start = Instant::now();
        self.submit(step, times);
        self.wait()?;
        Ok(start.elapsed())
    }
}
