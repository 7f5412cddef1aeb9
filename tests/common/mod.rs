//! What the tests share: a device that must be there, the program, and the comparisons of the verb `verify`.

// every test file is a crate of its own and uses only a part of this
#![allow(dead_code, unused_imports)]

pub mod browser;
pub mod server;

use std::process::Command;

use acr_pinn_gpu::gpu::{Choice, Gpu};
pub use acr_pinn_gpu::lab::{Case, Outcome, Report, Tolerance, norm, poison, widen};

/// The adapter under test, with every runtime check on. A machine without one fails here, with the remedy:
/// a test of the device that skips itself would look like one that passed.
pub fn gpu() -> Gpu {
    Gpu::open(&checked()).unwrap_or_else(|error| panic!("these tests need an adapter: {error}"))
}

/// The program. Nothing of the developer's own set-up leaks into it, and it remembers no tiles.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acr-pinn-gpu"));
    for name in ["ADAPTER", "BACKEND", "DUMP_SHADERS", "FAULT", "MEMORY", "TARGET"] {
        command.env_remove(format!("ACR_PINN_{name}"));
    }
    command.env_remove("RUST_LOG").env("ACR_PINN_CACHE", "");
    command
}

/// The choice that [`gpu`] makes.
pub fn checked() -> Choice {
    Choice { checked: true, ..Choice::default() }
}
