//! Waiting that somebody can end: compiling kernels takes up to a minute, and who wants to stop then loses nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::Gpu;
use crate::error::{Error, Result};

/// How long a wait goes on before somebody is asked.
const PIECE: Duration = Duration::from_millis(100);

/// Who is asked whether to stop, and whether it is a time at which nothing would be lost.
#[derive(Clone, Default)]
pub(super) struct Patience(Arc<Shared>);

#[derive(Default)]
struct Shared {
    asked: OnceLock<Box<dyn Fn() -> Option<u8> + Send + Sync>>,
    preparing: AtomicUsize,
}

/// As long as it lives, its device waits for nothing that somebody wants to stop.
pub struct Preparing(Patience);

impl Drop for Preparing {
    fn drop(&mut self) {
        self.0.0.preparing.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Patience {
    /// How long to wait before asking; none where nobody is to be asked.
    pub(super) fn piece(&self) -> Option<Duration> {
        let asks = self.0.asked.get().is_some() && self.0.preparing.load(Ordering::Relaxed) > 0;
        asks.then_some(PIECE)
    }

    /// The exit code to stop with now.
    fn given_up(&self) -> Option<u8> {
        self.piece().and_then(|_| self.0.asked.get()?())
    }
}

impl Gpu {
    /// While something is prepared (see [`Gpu::preparing`]), `asked` is asked several times a second for the exit code to
    /// stop with. The first caller is the one who is asked.
    pub fn stop_when(&self, asked: impl Fn() -> Option<u8> + Send + Sync + 'static) {
        let _ = self.patience.0.asked.set(Box::new(asked));
    }

    /// From now on until the result is dropped nothing would be lost by stopping: compiling and waiting end with
    /// [`Error::Stopped`] once that is wanted. The device is not to be used after that.
    pub fn preparing(&self) -> Preparing {
        self.patience.0.preparing.fetch_add(1, Ordering::Relaxed);
        Preparing(self.patience.clone())
    }

    /// # Errors
    /// [`Error::Stopped`] if somebody wants to stop and nothing would be lost.
    pub(super) fn go_on(&self) -> Result<()> {
        let Some(code) = self.patience.given_up() else { return Ok(()) };
        // dropping a device waits for its work, which is what nobody wants to wait for
        std::mem::forget(self.clone());
        Err(Error::Stopped { code, what: "stopped while kernels were compiled".to_owned() })
    }

    /// The result of `work`, on another thread where somebody may not want to wait for it.
    pub(super) fn patiently<T: Send + 'static>(&self, work: impl FnOnce(&Gpu) -> T + Send + 'static) -> Result<T> {
        let Some(piece) = self.patience.piece() else { return Ok(work(self)) };
        self.go_on()?;
        let (gpu, (done, ends)) = (self.clone(), channel());
        let thread = std::thread::spawn(move || drop(done.send(work(&gpu))));
        loop {
            match ends.recv_timeout(piece) {
                Ok(result) => return Ok(result),
                Err(RecvTimeoutError::Timeout) => self.go_on()?,
                Err(RecvTimeoutError::Disconnected) => match thread.join() {
                    Err(panic) => std::panic::resume_unwind(panic),
                    Ok(()) => unreachable!("a thread that does not panic sends its result"),
                },
            }
        }
    }
}
