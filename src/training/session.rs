//! One run in one directory: train, evaluate, save, and leave the records that explain it. Prints nothing and
//! draws nothing; whoever wants to see something brings an [`Observer`].

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::problems::Solution;
use crate::strategies::Gram;

use super::checkpoint::Checkpoint;
use super::configuration::Config;
use super::evaluation::{Evaluation, Evaluator};
use super::files;
use super::history::{History, Row};
use super::journal::Journal;
use super::model::Model;
use super::observer::{Observer, Progress, Trained};
use super::trainer::{StepRecord, Trainer};

/// What to train and where.
pub struct Run<'a> {
    pub config: &'a Config,
    /// The run directory; it must exist.
    pub folder: &'a Path,
    /// What to compare with, usually the problem's own.
    pub solution: Option<Solution>,
    /// Where to go on; none: from the beginning.
    pub from: Option<Checkpoint>,
}

/// How a run ended.
pub struct Outcome {
    /// The exit code that the observer stopped it with.
    pub stopped: Option<u8>,
    /// The last row of the history.
    pub last: Option<Row>,
    /// Observables and errors of the network as it was saved.
    pub evaluation: Evaluation,
    /// The run's `run.json`.
    pub document: Value,
}

/// Trains runs on one device, one after the other. The kernels of a run serve the next one if it differs in seed,
/// learning rate or length only: compiling them can take longer than a short run.
pub struct Runner {
    gpu: Gpu,
    built: Option<Built>,
}

struct Built {
    kernels: String,
    trainer: Trainer<'static>,
    evaluator: Evaluator,
}

impl Runner {
    /// Runs on `gpu`.
    pub fn new(gpu: &Gpu) -> Runner {
        Runner { gpu: gpu.clone(), built: None }
    }

    /// Trains to the last step, or until the observer wants to stop.
    ///
    /// `run.json` tells the status at any time: `running`, then `finished`, `interrupted`, `diverged` or `failed`.
    pub fn run(&mut self, run: Run, observer: &mut dyn Observer) -> Result<Outcome> {
        let resumed_at = run.from.as_ref().map(|checkpoint| checkpoint.step);
        let mut journal = Journal::start(run.folder, run.config, &self.gpu, resumed_at)?;
        self.train(run, &mut journal, observer).inspect_err(|error| {
            // the error itself matters more than a record that cannot be written either
            let _ = journal.fail(error);
        })
    }

    fn train(&mut self, run: Run, journal: &mut Journal, observer: &mut dyn Observer) -> Result<Outcome> {
        let Run { config, folder, solution, from } = run;
        observer.compiling();
        let gpu = self.gpu.clone();
        let built = self.build(config, solution)?;
        let terms: Vec<_> = config.problem.terms().iter().map(|t| t.name).collect();
        let mut history = History::new(terms.clone());
        if let Some(c) = from {
            let expected = config.network.layout(&config.shape).len;
            if c.parameters.len() != expected || c.moments.len() != 2 * expected {
                let what =
                    format!("its checkpoint holds {} parameters, this network has {expected}", c.parameters.len());
                return Err(Error::input(folder, what));
            }
            built.trainer.restore(c.step, &c.parameters, &c.moments);
            history = History::from_numbers(terms, &c.history);
        }
        let mut session = Session { config, folder, gpu: &gpu, built, journal, history };
        let outcome = session.advance(observer);
        files::write(&folder.join("history.csv"), session.history.csv().as_bytes())?;
        session.conclude(outcome?, observer)
    }

    /// The trainer at step 0 of `config`'s run, and the evaluator.
    fn build(&mut self, config: &Config, solution: Option<Solution>) -> Result<&mut Built> {
        let parameters = config.initial();
        let kernels = config.kernels();
        let built = match self.built.take().filter(|built| built.kernels == kernels) {
            Some(mut built) => {
                built.trainer.restart(config.seeds(), config.preset.schedule, config.preset.steps, &parameters)?;
                built.evaluator.set_solution(solution);
                built
            }
            None => {
                let trainer = Trainer::new(&self.gpu, config.setup(), config.plan, &parameters)?;
                let evaluator = Evaluator::new(&self.gpu, &trainer.setup, &trainer.step, &trainer.tile, solution)?;
                Built { kernels, trainer, evaluator }
            }
        };
        Ok(self.built.insert(built))
    }
}

/// A run under way.
struct Session<'a> {
    config: &'a Config,
    folder: &'a Path,
    gpu: &'a Gpu,
    built: &'a mut Built,
    journal: &'a mut Journal,
    history: History,
}

impl Session<'_> {
    /// Steps until the end or a signal, whose exit code is returned; evaluates, notes and saves on the way.
    fn advance(&mut self, observer: &mut dyn Observer) -> Result<Option<u8>> {
        let (steps, every) = (self.config.preset.steps, self.config.preset.evaluate_every);
        let start = Instant::now();
        let first = self.built.trainer.done();
        let mut last_save = Instant::now();
        while self.built.trainer.done() < steps {
            let trainer = &mut self.built.trainer;
            let due = ((trainer.done() / every + 1) * every).min(steps);
            let mut newest = None;
            while trainer.done() < due && observer.stop().is_none() {
                // short pieces: progress is seen and a signal is heard within a fraction of a second
                let piece = trainer.step_time().map_or(1, |t| (0.25 / t.as_secs_f64().max(1e-6)) as u64).max(1);
                newest = trainer.advance(piece.min(due - trainer.done()))?.pop();
                let done = trainer.done();
                let (taken, elapsed, history) = (done - first, start.elapsed(), &self.history);
                if let Some(record) = &newest {
                    observer.advanced(&Progress { done, steps, taken, elapsed, record, history });
                }
            }
            let stopped = observer.stop();
            if let Some(record) = newest {
                self.evaluate(&record)?;
            }
            let done = self.built.trainer.done();
            if stopped.is_some() || done >= steps || last_save.elapsed() > Duration::from_secs(2) {
                self.save_checkpoint()?;
                last_save = Instant::now();
            }
            if stopped.is_some() {
                return Ok(stopped);
            }
        }
        Ok(None)
    }

    /// Appends a row to the history and a line to the diagnostics.
    fn evaluate(&mut self, record: &StepRecord) -> Result<()> {
        let done = self.built.trainer.done();
        let evaluation = self.built.evaluator.evaluate(self.gpu)?;
        self.history.rows.push(Row::of(done, record, &evaluation));
        self.journal.diagnose(&diagnosis(done, record, &self.history.terms))
    }

    fn save_checkpoint(&self) -> Result<()> {
        let trainer = &self.built.trainer;
        let checkpoint = Checkpoint {
            step: trainer.done(),
            parameters: trainer.parameters()?,
            moments: trainer.moments()?,
            history: self.history.numbers(),
            configuration: self.config.fingerprint(),
        };
        checkpoint.save(self.folder, self.config.keep)?;
        files::write(&self.folder.join("history.csv"), self.history.csv().as_bytes())
    }

    fn save_model(&self) -> Result<()> {
        let trainer = &self.built.trainer;
        let model = Model::of(self.config, trainer.parameters()?, trainer.done());
        model.save(&self.folder.join("model.safetensors"))
    }

    /// Saves the weights and closes the records.
    fn conclude(&mut self, stopped: Option<u8>, observer: &mut dyn Observer) -> Result<Outcome> {
        let status = if stopped.is_none() { "finished" } else { "interrupted" };
        let evaluation = self.built.evaluator.evaluate(self.gpu)?;
        self.save_model()?;
        let trained = Trained {
            config: self.config,
            folder: self.folder,
            evaluation: &evaluation,
            solution: self.built.evaluator.solution(),
            history: &self.history,
        };
        let drawn = observer.draw(&trained)?;
        let reference = trained.solution.map(|solution| &*solution.origin);
        let document = self.journal.finish(status, &self.history, &self.built.trainer, reference, &drawn)?;
        observer.concluded(&trained, &document)?;
        Ok(Outcome { stopped, last: self.history.rows.last().cloned(), evaluation, document })
    }
}

/// One line of `diagnostics.jsonl`: how the terms' gradients stood to each other in the last step.
fn diagnosis(step: u64, record: &StepRecord, terms: &[&str]) -> serde_json::Value {
    let gram = Gram::from_entries(terms.len(), record.gram.iter().map(|&m| f64::from(m)).collect());
    let coefficients: Vec<f64> = record.coefficients.iter().map(|&c| f64::from(c)).collect();
    let conflicts = gram.conflicts(&coefficients);
    json!({"step": step, "lr": record.rate, "coefficients": coefficients, "gradient_norms": conflicts.norms,
        "cosines": conflicts.cosines, "conflict_rate": conflicts.conflict_rate,
        "projection_ratio": conflicts.projection_ratio})
}
