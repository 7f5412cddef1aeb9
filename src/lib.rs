//! Physics-informed neural networks trained by hand-written WGSL kernels (ACR-PINN, arXiv 2601.12971).
//!
//! A PINN is a sum of **terms**. A term is an **equation**, a set of **samples** and their **data**.
//! A **network** carries **jets** (a value with its derivatives). A **strategy** combines the terms' gradients.
//! Each of these is one Rust file that states it in f64 and one WGSL file that states it in f32 with its adjoint.
//! A **plan** cuts the training step into kernels. Kernels are those files, concatenated.
//!
//! ```text
//!                 cli                (the binary)
//!          ┌───────┴───┬─────┐
//!        study         │    lab      many runs · conformance and timings
//!          ├─── report ┤     │       files and pictures
//!          └──────┬────┴─────┘
//!              training              a run
//!               └── plans            how a step is cut into kernels
//!        ┌─────┬──────┴─┬──────────┐
//!       gpu problems networks strategies          oracle: the same in f64
//!              └────────┴────┬─────┘
//!                          math
//! ```

pub mod error;
pub mod gpu;
pub mod lab;
pub mod math;
pub mod networks;
pub mod oracle;
pub mod plans;
pub mod problems;
pub mod report;
pub mod strategies;
pub mod study;
pub mod training;
