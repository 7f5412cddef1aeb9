//! Physics-informed neural networks trained by hand-written WGSL kernels (ACR-PINN, arXiv 2601.12971).
//!
//! A PINN is a sum of **terms**. A term is an **equation**, a set of **samples** and their **data**.
//! A **network** carries **jets** (a value with its derivatives). A **strategy** combines the terms' gradients,
//! an **optimiser** moves the parameters. Equations, strategies and optimisers are one Rust file that states them in f64 and one WGSL file that states them in f32, with
//! adjoints; a network is a program, from which both follow. A **plan** cuts the training step into kernels, and a **target**
//! says how a kind of machine multiplies.
//!
//! ```text
//!                 cli                (the binary)
//!          ┌───────┴───┬─── export    a step as files, and the page that plays them
//!        study         │    lab      many runs · conformance and timings
//!          ├─── report ┤     │       files and pictures
//!          └──────┬────┴─────┘
//!              training              a run
//!               └── kernels          how a step becomes kernels
//!        ┌─────┬──────┴─┬──────────┬──────────┐
//!       gpu problems networks strategies optimisers          oracle: the same in f64
//!         expressions   │          │          │
//!              └────────┴────┬─────┴──────────┘
//!                          math
//! ```

pub mod error;
pub mod export;
pub mod expressions;
pub mod gpu;
pub mod kernels;
pub mod lab;
pub mod math;
pub mod networks;
pub mod optimisers;
pub mod oracle;
pub mod problems;
pub mod report;
pub mod strategies;
pub mod study;
pub mod training;
