//! Running recorded steps: many of them per submit, in pieces short enough for every watchdog.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::kernel::Work;
use super::vectors::record_copy;
use super::{Dispatch, Gpu};
use crate::error::{Error, Result};

/// Records a sequence of dispatches, kernels that follow one another into the same pass.
struct Recorder<'e> {
    encoder: &'e mut wgpu::CommandEncoder,
    pass: Option<wgpu::ComputePass<'static>>,
}

impl Recorder<'_> {
    fn record(&mut self, dispatch: &Dispatch) {
        match &dispatch.work {
            Work::Kernel(launch) => {
                let begin = || self.encoder.begin_compute_pass(&Default::default()).forget_lifetime();
                launch.record(self.pass.get_or_insert_with(begin));
            }
            Work::Copy { buffer, texture } => {
                self.pass = None;
                record_copy(self.encoder, buffer, texture);
            }
        }
    }
}

impl Gpu {
    /// Records `step` `times` times into one submit, without waiting for it.
    pub fn submit(&self, step: &[Dispatch], times: u32) {
        self.submit_all((0..times).flat_map(|_| step));
    }

    /// Records the steps with these numbers into one submit, each without what has nothing to do in it.
    pub fn submit_steps(&self, step: &[Dispatch], numbers: Range<u64>) {
        let due = |number: u64| step.iter().filter(move |dispatch| number.is_multiple_of(dispatch.every));
        self.submit_all(numbers.flat_map(due));
    }

    fn submit_all<'d>(&self, dispatches: impl Iterator<Item = &'d Dispatch>) {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        let mut recorder = Recorder { encoder: &mut encoder, pass: None };
        dispatches.for_each(|dispatch| recorder.record(dispatch));
        drop(recorder);
        let commands = encoder.finish();
        // some drivers do the work itself here, compiling included; whoever gives that up hears it when waiting
        let _ = self.patiently(move |gpu| gpu.queue.submit([commands]));
    }

    /// Submits every dispatch of `step` by itself: for steps so long that a watchdog could mistake them for a hang.
    pub fn submit_apart(&self, step: &[Dispatch]) {
        for dispatch in step {
            self.submit(std::slice::from_ref(dispatch), 1);
        }
    }

    /// Waits for everything submitted so far.
    pub fn wait(&self) -> Result<()> {
        loop {
            // a submit that was given up would be waited for
            self.go_on()?;
            let timeout = self.patience.piece();
            // `poll` panics when the device is gone, which is the user's driver, not a defect of this program
            let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                self.device.poll(wgpu::PollType::Wait { submission_index: None, timeout })
            }));
            if let Some(fault) = self.fault() {
                return Err(fault);
            }
            match polled {
                Ok(Ok(_)) => return Ok(()),
                // some drivers compile when a kernel first runs
                Ok(Err(wgpu::PollError::Timeout)) if timeout.is_some() => {}
                Ok(Err(error)) => return Err(Error::Device(format!("the device does not answer: {error}"))),
                Err(_) => return Err(Error::DeviceLost("the device was lost while the program waited for it".into())),
            }
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
