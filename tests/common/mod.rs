//! What the tests share: a device that must be there, and the comparisons of the verb `verify`.

// every test file is a crate of its own and uses only a part of this
#![allow(dead_code, unused_imports)]

use acr_pinn_gpu::gpu::{Choice, Gpu};
pub use acr_pinn_gpu::lab::{Case, Outcome, Report, Tolerance, norm, poison, widen};

/// The adapter under test, with every runtime check on. A machine without one fails here, with the remedy:
/// a test of the device that skips itself would look like one that passed.
pub fn gpu() -> Gpu {
    Gpu::open(&checked()).unwrap_or_else(|error| panic!("these tests need an adapter: {error}"))
}

/// The choice that [`gpu`] makes.
pub fn checked() -> Choice {
    Choice { checked: true, ..Choice::default() }
}
