//! What a run shows to its caller while it goes on, and what it asks.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::error::Result;

use super::configuration::Config;
use super::evaluation::Evaluation;
use super::history::History;
use super::trainer::StepRecord;
use crate::problems::Solution;

/// How far a run is.
pub struct Progress<'a> {
    /// Steps done, and steps in all.
    pub done: u64,
    pub steps: u64,
    /// Steps that this session took, and how long it has been taking them.
    pub taken: u64,
    pub elapsed: Duration,
    /// The last step.
    pub record: &'a StepRecord,
    pub history: &'a History,
}

/// A run whose weights are saved.
pub struct Trained<'a> {
    pub config: &'a Config,
    pub folder: &'a Path,
    pub evaluation: &'a Evaluation,
    pub solution: Option<&'a Solution>,
    pub history: &'a History,
}

/// A run that an error has ended.
pub struct Ruined<'a> {
    pub config: &'a Config,
    pub folder: &'a Path,
    /// Up to the last evaluation.
    pub history: &'a History,
    /// Its `run.json`, with status and error.
    pub document: &'a Value,
}

/// Follows a run. Nothing an observer does changes the numbers; every method may be left out.
pub trait Observer {
    /// The exit code to stop with, once the run should stop; asked several times per second.
    fn stop(&self) -> Option<u8> {
        None
    }

    /// A tile is being built and measured, to find the fastest.
    fn measuring(&mut self, _tile: &str) {}

    /// Kernels are being compiled, such as "3 × stage, reduce".
    fn compiling(&mut self, _kernels: &str) {}

    /// Something a user should know, though the run goes on.
    fn notice(&mut self, _text: &str) {}

    /// Some more steps are done.
    fn advanced(&mut self, _progress: &Progress) {}

    /// Adds files to the run directory, such as pictures, and returns their names.
    fn draw(&mut self, _trained: &Trained) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// An error has ended the run. Adds files to the run directory and returns their names.
    fn failed(&mut self, _ruined: &Ruined) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// The run is over and `document` is its `run.json`.
    fn concluded(&mut self, _trained: &Trained, _document: &Value) -> Result<()> {
        Ok(())
    }
}

/// Follows a run without a word.
pub struct Silent;

impl Observer for Silent {}
