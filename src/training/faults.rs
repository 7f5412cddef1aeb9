//! Faults on purpose, for tests: `ACR_PINN_FAULT=device-lost@120,nan@300`. A fault happens once, when step or
//! checkpoint number `@N` of this process is reached. Without that variable nothing in here does anything.

use std::sync::{Mutex, MutexGuard};

use crate::error::{Error, Result};
use crate::math::names;

/// What can be made to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Before step N the device is destroyed.
    DeviceLost,
    /// The same, and no adapter is there when it is opened again.
    DeviceGone,
    /// Before step N a parameter becomes NaN.
    Nan,
    /// The Nth checkpoint loses its second half on the way to the disk.
    ShortWrite,
    /// While the Nth checkpoint is written, the disk is full.
    NoSpace,
    /// The Nth checkpoint cannot be renamed.
    Rename,
    /// The process ends at once between writing the Nth checkpoint and renaming it.
    Kill,
}

const KINDS: [(&str, Kind); 7] = [
    ("device-lost", Kind::DeviceLost),
    ("device-gone", Kind::DeviceGone),
    ("nan", Kind::Nan),
    ("short-write", Kind::ShortWrite),
    ("enospc", Kind::NoSpace),
    ("rename", Kind::Rename),
    ("kill", Kind::Kill),
];

struct Armed {
    faults: Vec<(Kind, u64)>,
    checkpoints: u64,
    gone: bool,
}

static ARMED: Mutex<Armed> = Mutex::new(Armed { faults: Vec::new(), checkpoints: 0, gone: false });

fn armed() -> MutexGuard<'static, Armed> {
    ARMED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Arms the faults of `text`: `KIND@N`, separated by commas.
pub fn arm(text: &str) -> Result<()> {
    armed().faults = parse(text).map_err(Error::Usage)?;
    Ok(())
}

fn parse(text: &str) -> std::result::Result<Vec<(Kind, u64)>, String> {
    let one = |fault: &str| {
        let (name, at) = fault.split_once('@').ok_or_else(|| format!("ACR_PINN_FAULT: `{fault}` is not KIND@N"))?;
        let known = KINDS.map(|(name, _)| name);
        let (_, kind) =
            KINDS.iter().find(|(known, _)| *known == name).ok_or_else(|| names::unknown("fault", name, &known))?;
        let at = at.parse().map_err(|_| format!("ACR_PINN_FAULT: `{at}` is not a number"))?;
        Ok((*kind, at))
    };
    text.split(',').map(str::trim).filter(|fault| !fault.is_empty()).map(one).collect()
}

/// The next step after `done` before which something is to happen: work is cut there.
pub fn next_step(done: u64) -> Option<u64> {
    let steps = [Kind::DeviceLost, Kind::DeviceGone, Kind::Nan];
    armed().faults.iter().filter(|(kind, at)| steps.contains(kind) && *at > done).map(|(_, at)| *at).min()
}

/// Whether `kind` is to happen now, at step `at`; it will not happen again.
pub fn take(kind: Kind, at: u64) -> bool {
    let mut armed = armed();
    let Some(index) = armed.faults.iter().position(|fault| *fault == (kind, at)) else { return false };
    armed.faults.remove(index);
    armed.gone |= kind == Kind::DeviceGone;
    true
}

/// Whether [`Kind::DeviceGone`] has happened.
pub fn adapter_is_gone() -> bool {
    armed().gone
}

/// What is to happen to the checkpoint that is about to be written.
pub fn checkpoint() -> Option<Kind> {
    let mut armed = armed();
    armed.checkpoints += 1;
    let number = armed.checkpoints;
    let kinds = [Kind::ShortWrite, Kind::NoSpace, Kind::Rename, Kind::Kill];
    let found = armed.faults.iter().position(|(kind, at)| kinds.contains(kind) && *at == number)?;
    Some(armed.faults.remove(found).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // arming is process-wide, so only the reading is tested here; `tests/faults.rs` has the rest
    #[test]
    fn faults_are_read_and_misspellings_refused() {
        assert_eq!(parse("nan@5, kill@2,").unwrap(), [(Kind::Nan, 5), (Kind::Kill, 2)]);
        assert!(parse("").unwrap().is_empty());
        assert!(parse("nan").unwrap_err().contains("KIND@N"));
        assert!(parse("nam@5").unwrap_err().contains("did you mean `nan`"));
        assert!(parse("nan@x").unwrap_err().contains("`x`"));
    }
}
