//! Is it right? Conformance of kernels with the f64 oracle: one tolerance rule, comparisons that remember the
//! worst they met, and steps at given parameters and points. The integration tests use the same text.

pub mod case;
pub mod report;

pub use case::{Case, Outcome, poison};
pub use report::{Report, Tolerance, Worst, norm, widen};
