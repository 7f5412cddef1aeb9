//! Is it right, and is it fast? Conformance of kernels with the f64 oracle: one tolerance rule, comparisons that
//! remember the worst they met, and a check for everything a kernel is made of; the integration tests use the same
//! text. And timings: no time without a result that the oracle confirms.
//!
//! | file | what it is |
//! |---|---|
//! | `report`, `case`, `steps`, `card`, `verify` | tolerances, steps at given points, the conformance run and its card |
//! | `functions`, `expressions`, `jets`, `products`, `equations`, `fields`, `strategies`, `update`, `random`, `races` | one kind of check each |
//! | `probe` | what this adapter can do at best |
//! | `ladder`, `proof`, `bench`, `trace` | which steps are timed, that they are right, how they are timed, when each kernel ran |
//! | `work`, `roofline` | how much arithmetic a step is, and what share of the ceilings that makes |
//! | `model` | what a step should take on cards that are not here, counted |
//! | `timing`, `compare`, `standings` | the document of a measurement, how two of them differ, many in one table |

pub mod bench;
pub mod card;
pub mod case;
pub mod compare;
mod compute;
pub mod eigenbases;
pub mod equations;
pub mod expressions;
pub mod fields;
pub mod functions;
pub mod jets;
pub mod ladder;
pub mod model;
pub mod probe;
pub mod products;
pub mod proof;
pub mod races;
pub mod random;
pub mod report;
pub mod roofline;
pub mod standings;
pub mod steps;
pub mod strategies;
pub mod timing;
pub mod trace;
pub mod update;
pub mod verify;

pub use card::{Card, Finding};
pub use case::{Case, Outcome, poison};
pub use report::{Report, Tolerance, Worst, norm, widen};
