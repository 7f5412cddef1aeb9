//! One error type for the whole library. Every message says what, where, and what to do next.

use std::any::Any;
use std::io::ErrorKind;
use std::path::PathBuf;

/// What can go wrong, by the kind of remedy; each kind has one documented exit code ([`Error::exit_code`]).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value outside what the program offers: the message names the value and the choices.
    #[error("{0}")]
    Usage(String),
    /// No adapter answers, or the chosen one lacks something.
    #[error("{0}")]
    NoAdapter(String),
    /// A file that is missing, damaged or does not fit.
    #[error("{}: {what}", path.display())]
    Input { path: PathBuf, what: String },
    /// Training left the finite numbers.
    #[error("{0}")]
    Diverged(String),
    /// The device ran out of memory or reported a fault.
    #[error("{0}")]
    Device(String),
    /// The device is gone, with everything on it; another can be opened.
    #[error("{0}")]
    DeviceLost(String),
    /// A result could not be written.
    #[error("cannot write {}: {what}", path.display())]
    Output { path: PathBuf, what: String },
    /// Somebody wanted to stop before there was anything to lose: the exit code of the signal, and what to do next.
    #[error("{what}")]
    Stopped { code: u8, what: String },
    /// A kernel that does not compile: a defect of this program or of the driver.
    #[error("kernel `{kernel}` does not link: {what}\n(set ACR_PINN_DUMP_SHADERS=DIR to see the linked text)")]
    Kernel { kernel: String, what: String },
}

/// Shorthand used throughout the library.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The process exit code: 2 usage, 3 adapter, 4 input, 5 diverged, 6 device, 7 output; a signal's own.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::NoAdapter(_) => 3,
            Error::Input { .. } => 4,
            Error::Diverged(_) => 5,
            Error::Device(_) | Error::DeviceLost(_) | Error::Kernel { .. } => 6,
            Error::Output { .. } => 7,
            Error::Stopped { code, .. } => *code,
        }
    }

    /// An [`Error::Input`] about `path`.
    pub fn input(path: impl Into<PathBuf>, what: impl ToString) -> Self {
        Error::Input { path: path.into(), what: what.to_string() }
    }

    /// An [`Error::Output`] about `path`, with a remedy if `what` is an error of the file system.
    pub fn output(path: impl Into<PathBuf>, what: impl ToString + 'static) -> Self {
        let remedy = (&what as &dyn Any).downcast_ref::<std::io::Error>().map_or("", |error| remedy(error.kind()));
        Error::Output { path: path.into(), what: what.to_string() + remedy }
    }
}

fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "; make room there, or choose another place"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "; allow writing there, or choose another place",
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "; choose another place",
        _ => "",
    }
}
