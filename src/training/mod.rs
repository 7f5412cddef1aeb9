//! A run: what it is told, parameters on the device, steps in watchdog-safe pieces, errors against the known
//! answer, and the directory that holds all of it.

mod cache;
pub mod chain;
pub mod checkpoint;
pub mod configuration;
pub mod diagnosis;
pub mod draft;
pub mod evaluation;
pub mod faults;
pub mod files;
pub mod history;
pub mod journal;
pub mod model;
pub mod observer;
mod pair;
pub mod points;
pub mod problem_file;
pub mod runner;
mod session;
pub mod tensors;
pub mod trainer;
pub mod tuning;

pub use chain::Chain;
pub use checkpoint::Checkpoint;
pub use configuration::{CONDITIONS, Config, Options, whole_of};
pub use diagnosis::diagnosis;
pub use draft::Draft;
pub use evaluation::{Evaluation, Evaluator};
pub use history::{History, Row};
pub use model::Model;
pub use observer::{Observer, Progress, Ruined, Silent, Trained};
pub use runner::{Outcome, Run, Runner};
pub use trainer::{StepRecord, Trainer};
pub use tuning::{Choice, Tuner, Tuning};
