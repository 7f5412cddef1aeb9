//! Is it right? Conformance of kernels with the f64 oracle: one tolerance rule, comparisons that remember the
//! worst they met, and a check for everything a kernel is made of. The integration tests use the same text.

pub mod card;
pub mod case;
mod compute;
pub mod equations;
pub mod fields;
pub mod functions;
pub mod jets;
pub mod random;
pub mod report;
pub mod steps;
pub mod strategies;
pub mod update;
pub mod verify;

pub use card::{Card, Finding};
pub use case::{Case, Outcome, poison};
pub use report::{Report, Tolerance, Worst, norm, widen};
