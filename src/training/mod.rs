//! A run: parameters on the device, steps in watchdog-safe pieces, errors against the known answer, and the
//! files that hold weights.

pub mod checkpoint;
pub mod evaluation;
pub mod files;
pub mod history;
pub mod model;
pub mod trainer;

pub use checkpoint::Checkpoint;
pub use evaluation::{Evaluation, Evaluator};
pub use history::{History, Row};
pub use model::Model;
pub use trainer::{StepRecord, Trainer};
