//! What can go wrong with a device while it works, and how full it is: losing it, opening it again, memory.

use std::sync::{Arc, Mutex};

use super::{Adapters, Choice, Gpu};
use crate::error::{Error, Result};

/// The first fault a device reported; its loss outranks everything else.
#[derive(Clone, Default)]
pub(super) struct Health(Arc<Mutex<Option<Error>>>);

impl Health {
    /// Listens to `device` from now on.
    pub(super) fn of(device: &wgpu::Device) -> Health {
        let health = Health::default();
        let lost = health.clone();
        device.set_device_lost_callback(move |reason, message| {
            // without a message it was dropped by this program, which is no fault
            if reason != wgpu::DeviceLostReason::Destroyed || !message.is_empty() {
                lost.lost(&message);
            }
        });
        let reported = health.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            reported.note(Error::Device(format!("the device reports: {error}")), false);
        }));
        health
    }

    fn lost(&self, why: &str) {
        self.note(Error::DeviceLost(format!("the device was lost: {why}")), true);
    }

    fn note(&self, error: Error, replaces: bool) {
        if let Ok(mut first) = self.0.lock() {
            if replaces && !matches!(*first, Some(Error::DeviceLost(_))) {
                *first = None;
            }
            first.get_or_insert(error);
        }
    }

    fn fault(&self) -> Option<Error> {
        match self.0.lock().ok()?.as_ref()? {
            Error::DeviceLost(why) => Some(Error::DeviceLost(why.clone())),
            other => Some(Error::Device(other.to_string())),
        }
    }
}

impl Gpu {
    /// The first fault the device reported, if any: [`Error::DeviceLost`] or [`Error::Device`].
    pub fn fault(&self) -> Option<Error> {
        self.health.fault()
    }

    /// Gives the device up as if its driver had lost it; everything on it is gone. For tests of what comes then.
    pub fn destroy(&self) {
        self.device.destroy();
        self.health.lost("it was destroyed");
    }

    /// Opens the same adapter again, with the same limits, after its device was lost.
    pub fn reopen(&self) -> Result<Gpu> {
        let adapters = Adapters::enumerate(Some(&self.record().backend))?;
        let same: Vec<usize> =
            adapters.records().iter().enumerate().filter(|(_, r)| *r == self.record()).map(|(i, _)| i).collect();
        // of several that say the same of themselves, the one that stands where this one stood
        let index = same.iter().copied().find(|&i| i == self.place).or(same.first().copied()).ok_or_else(|| {
            Error::NoAdapter(format!(
                "adapter `{}` is not there any more; see `acr-pinn-gpu doctor`",
                self.record().name
            ))
        })?;
        let (checked, memory, target) = (self.checked, self.memory, self.target.clone());
        let choice = Choice { checked, memory, target, ..Choice::default() };
        let mut gpu = Gpu::request(&adapters, index, self.limits().clone(), choice)?;
        gpu.patience = self.patience.clone();
        Ok(gpu)
    }

    /// The same device, whose kernels keep every runtime check of the shader compiler from now on.
    pub fn with_checks(mut self) -> Gpu {
        self.checked = true;
        self.kernels = Arc::default();
        self
    }

    /// Buffers of this process that are alive on any device, those for reading back included. They must not become
    /// more while a run goes on.
    pub fn live_buffers(&self) -> usize {
        self.instance.generate_report().map_or(0, |report| report.hub_report().buffers.num_allocated)
    }

    /// Bytes of device memory that buffers take; none where the backend does not tell.
    pub fn memory_in_use(&self) -> Option<u64> {
        self.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// Whether `bytes` more may be taken for buffer `name`, by what the user allows.
    pub(super) fn admit(&self, name: &str, bytes: u64) -> Result<()> {
        let Some(allowed) = self.memory else { return Ok(()) };
        let used = self.memory_in_use().unwrap_or(0);
        if used + bytes <= allowed {
            return Ok(());
        }
        Err(self.out_of_memory(name, bytes, &format!("--memory allows {} in all", size(allowed))))
    }

    /// The error of a buffer that found no room; `offered` says what there was.
    pub(super) fn out_of_memory(&self, name: &str, bytes: u64, offered: &str) -> Error {
        let beside = self.memory_in_use().map_or(String::new(), |used| format!(" beside {} in use", size(used)));
        Error::Device(format!(
            "out of device memory: buffer `{name}` needs {}{beside}, {offered}; \
             try fewer points (--points pde=N) or a narrower network (--width N)",
            size(bytes)
        ))
    }
}

/// Bytes for people.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.2} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_of_a_device_outranks_what_followed_from_it() {
        let health = Health::default();
        assert!(health.fault().is_none());
        health.note(Error::Device("first".into()), false);
        health.note(Error::Device("second".into()), false);
        assert_eq!(health.fault().unwrap().to_string(), "first");
        health.lost("gone");
        health.lost("again");
        assert!(matches!(health.fault(), Some(Error::DeviceLost(why)) if why.ends_with("gone")));
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!([size(12), size(1536), size(5 << 20), size(3 << 30)], ["12 B", "1.5 KiB", "5.0 MiB", "3.00 GiB"]);
    }
}
