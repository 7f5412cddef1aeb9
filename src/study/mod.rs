//! Many runs and what they say together: the experiments of the revised study. A study is a list of runs (problem
//! × condition × seed × size …), each in a folder of its own, and an analysis that reads those folders and nothing
//! else; so it can be interrupted anywhere, continued, extended and analysed again.
//!
//! | file | what it is |
//! |---|---|
//! | `core`, `cost`, `ablation`, `robustness`, `equal_time`, `methods` | one study each: its matrix and its analysis |
//! | `matrix` | what was asked, and the runs that follow |
//! | `outcome` | what a run's folder says about it |
//! | `execute`, `race` | performing runs: training, measuring, training against the clock |
//! | `estimate` | how long it will take |
//! | `publish` | the files beside the runs |
//! | `compare`, `curves`, `table` | the same for several studies: paired comparisons, convergence, tables |

pub mod ablation;
pub mod compare;
pub mod core;
pub mod cost;
pub mod curves;
pub mod equal_time;
pub mod estimate;
pub mod execute;
pub mod matrix;
pub mod methods;
pub mod outcome;
pub mod publish;
pub mod race;
pub mod robustness;
pub mod table;

pub use matrix::{Entry, Request, Resolve, Task, Variation};
pub use outcome::{Outcome, Status};
pub use table::Table;

use crate::error::Result;
use crate::math::names;
use crate::report::Figure;

/// Every study, in the order `list` prints them.
pub static ALL: &[&dyn Study] = &[
    &core::Core,
    &cost::Cost,
    &ablation::Ablation,
    &robustness::Robustness,
    &equal_time::EqualTime,
    &methods::Methods,
];

/// The study called `name`; the error says what was probably meant.
pub fn find(name: &str) -> std::result::Result<&'static dyn Study, String> {
    ALL.iter().copied().find(|study| study.name() == name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|study| study.name()).collect();
        names::unknown("study", name, &known)
    })
}

/// A question, the runs that answer it, and the answer.
pub trait Study: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;
    /// What it asks, in one line.
    fn summary(&self) -> &'static str;
    /// What it does when nothing else is asked for.
    fn defaults(&self) -> Request;
    /// Its runs, those that share kernels next to each other.
    fn matrix(&self, request: &Request, resolve: &Resolve) -> Result<Vec<Entry>>;
    /// What the runs say; some may be missing or have failed.
    fn analyse(&self, request: &Request, runs: &[Run]) -> Analysis;
}

/// A run with its outcome.
pub struct Run {
    pub entry: Entry,
    pub outcome: Outcome,
}

/// Pictures, tables and numbers of a study.
#[derive(Default)]
pub struct Analysis {
    /// How to read the tables, in order of importance.
    pub notes: Vec<String>,
    pub tables: Vec<Table>,
    pub figures: Vec<Picture>,
    /// The numbers behind the tables, for `summary.json`.
    pub document: serde_json::Value,
}

/// A picture with its file name and caption.
pub struct Picture {
    pub file: String,
    pub caption: String,
    pub figure: Figure,
}

/// The problems of the runs, each once, in order.
pub fn problems_of(runs: &[Run]) -> Vec<&str> {
    distinct(runs.iter().map(|run| run.entry.variation.problem.as_str()))
}

/// The conditions of the runs, each once, in order.
pub fn conditions_of(runs: &[Run]) -> Vec<&str> {
    distinct(runs.iter().map(|run| run.entry.variation.label.as_str()))
}

/// Each value once, in order of first appearance.
pub fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

/// Relative L2 errors at the last step of those of `runs` that finished.
pub fn final_errors(runs: &[&Run]) -> Vec<f64> {
    runs.iter().map(|run| run.outcome.rel_l2()).filter(|error| error.is_finite()).collect()
}

/// The runs of one problem and condition.
pub fn group<'a>(runs: &'a [Run], problem: &str, condition: &str) -> Vec<&'a Run> {
    let belongs = |run: &&Run| run.entry.variation.problem == problem && run.entry.variation.label == condition;
    runs.iter().filter(belongs).collect()
}
