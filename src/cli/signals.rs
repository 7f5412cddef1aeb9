//! The first signal asks the run to finish its piece of work and save, or to leave a compiler alone; the second ends the
//! program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use acr_pinn_gpu::gpu::Gpu;
#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};

/// Ctrl-C, `kill`, and a terminal or a connection that is gone.
#[cfg(unix)]
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// Whether and by which signal the program was asked to stop.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Listens from now on. The signal of a lost terminal stays ignored where it was: `nohup` promises that.
    pub fn listen() -> std::io::Result<Stop> {
        let stop = Stop::default();
        // one for all: a second signal ends the program whichever the first was
        let armed = Arc::new(AtomicBool::new(false));
        for signal in SIGNALS.into_iter().filter(|signal| !under_nohup(*signal)) {
            // order matters: the exit is armed by the first signal and taken by the second
            if ends_at_once(signal) {
                signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, armed.clone())?;
            }
            signal_hook::flag::register(signal, armed.clone())?;
            signal_hook::flag::register_usize(signal, stop.0.clone(), signal as usize)?;
        }
        Ok(stop)
    }

    /// From now on `gpu` waits for no compiler that somebody wants to stop.
    pub fn ends_waiting(&self, gpu: &Gpu) {
        let stop = self.clone();
        gpu.stop_when(move || stop.requested());
    }

    /// The exit code 128 + signal, once asked to stop.
    pub fn requested(&self) -> Option<u8> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(128 + signal as u8),
        }
    }
}

/// Whether the second signal of this kind ends the program. A lost terminal says so twice: its shell, then the system.
#[cfg(unix)]
fn ends_at_once(signal: i32) -> bool {
    signal != SIGHUP
}

#[cfg(not(unix))]
fn ends_at_once(_signal: i32) -> bool {
    true
}

/// Whether this is the signal of a lost terminal, and the process was started to ignore it. Where the system does not
/// tell that in a file, it was not.
#[cfg(unix)]
fn under_nohup(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    // bit n − 1 is signal n
    signal == SIGHUP && ignored >> (SIGHUP - 1) & 1 == 1
}

#[cfg(not(unix))]
fn under_nohup(_signal: i32) -> bool {
    false
}
