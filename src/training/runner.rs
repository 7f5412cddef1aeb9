//! One run in one directory, from its first step or a checkpoint to its end, over lost devices. Prints nothing and
//! draws nothing; whoever wants to see something brings an [`Observer`].

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::networks::Layout;
use crate::problems::Solution;

use super::checkpoint::Checkpoint;
use super::configuration::Config;
use super::evaluation::{Evaluation, Evaluator};
use super::faults;
use super::files;
use super::history::{History, Row};
use super::journal::Journal;
use super::observer::{Observer, Ruined};
use super::session::Session;
use super::trainer::Trainer;
use super::tuning::{Choice, Tuner, Tuning};

/// How often a run goes on after the device was lost.
const MOST_LOSSES: u32 = 3;

/// What to train and where.
pub struct Run<'a> {
    pub config: &'a Config,
    /// The run directory; it must exist.
    pub folder: &'a Path,
    /// What to compare with, usually the problem's own.
    pub solution: Option<Solution>,
    /// Where to go on; none: from the beginning.
    pub from: Option<Checkpoint>,
    /// The tile that the run has to begin with, in JSON; none: the runner chooses.
    pub tile: Option<String>,
}

/// How a run ended.
pub struct Outcome {
    /// The exit code that the observer stopped it with.
    pub stopped: Option<u8>,
    /// Losses and errors of the network as it was saved.
    pub last: Row,
    /// Observables and errors of the network as it was saved.
    pub evaluation: Evaluation,
    /// The run's `run.json`.
    pub document: Value,
}

/// Trains runs on one device, one after the other. The kernels of a run serve the next one if it differs in seed,
/// learning rate or length only: compiling them can take longer than a short run.
pub struct Runner {
    gpu: Gpu,
    tuner: Tuner,
    built: Option<Built>,
}

/// Kernels with what they work on.
pub(super) struct Built {
    kernels: String,
    choice: Choice,
    pub(super) trainer: Trainer<'static>,
    pub(super) evaluator: Evaluator,
}

impl Runner {
    /// Runs on `gpu`, with tiles that are chosen as `tuning` says.
    pub fn new(gpu: &Gpu, tuning: Tuning) -> Runner {
        Runner { gpu: gpu.clone(), tuner: Tuner::new(tuning), built: None }
    }

    /// What chooses its tiles.
    pub fn tuner(&mut self) -> &mut Tuner {
        &mut self.tuner
    }

    /// The device it runs on: another one after that was lost.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Trains to the last step, or until the observer wants to stop.
    ///
    /// `run.json` tells the status at any time: `running`, then `finished`, `interrupted`, `diverged` or `failed`.
    /// Whatever ends the run, its last good state is on the disk before this returns, if the disk takes it.
    pub fn run(&mut self, run: Run, observer: &mut dyn Observer) -> Result<Outcome> {
        let lock = files::Lock::of(run.folder)?;
        self.run_in(&lock, run, observer)
    }

    /// The same in a folder that is locked already.
    pub fn run_in(&mut self, _lock: &files::Lock, run: Run, observer: &mut dyn Observer) -> Result<Outcome> {
        let resumed_at = run.from.as_ref().map(|checkpoint| checkpoint.step);
        for folder in [run.folder, &run.folder.join("checkpoints")] {
            files::sweep(folder);
        }
        let mut journal = Journal::start(run.folder, run.config, &self.gpu, resumed_at)?;
        let mut kept = Kept {
            state: run.from.clone().unwrap_or_else(|| beginning(&run)),
            layout: run.config.network.layout(&run.config.shape),
            saved: resumed_at,
            last_save: Instant::now(),
            losses: 0,
            choice: None,
        };
        let ended = self.train(&run, &mut kept, &mut journal, observer).inspect_err(|error| {
            // the error itself matters more than a record that cannot be written either
            if kept.state.step > 0 || matches!(error, Error::Stopped { .. }) {
                let _ = kept.save(&run, &journal);
            }
            let _ = tell(&run, &kept, &mut journal, error, observer);
        });
        ended.map_err(|error| match error {
            Error::Stopped { code, what } => {
                let what = format!("{what}: continue with `acr-pinn-gpu resume {}`", run.folder.display());
                Error::Stopped { code, what }
            }
            other => other,
        })
    }

    /// Trains until it succeeds or fails for another reason than a lost device.
    fn train(
        &mut self,
        run: &Run,
        kept: &mut Kept,
        journal: &mut Journal,
        observer: &mut dyn Observer,
    ) -> Result<Outcome> {
        loop {
            match self.attempt(run, kept, journal, observer) {
                Err(Error::DeviceLost(why)) => self.recover(&why, kept, journal, observer)?,
                other => return other,
            }
        }
    }

    /// Opens the device again after it was lost, to go on from the state that the host has kept.
    fn recover(
        &mut self,
        why: &str,
        kept: &mut Kept,
        journal: &mut Journal,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let step = kept.state.step;
        self.built = None;
        if kept.losses == MOST_LOSSES {
            let what = format!("{why}, for the {}th time; `resume` continues from step {step}", kept.losses + 1);
            return Err(Error::DeviceLost(what));
        }
        kept.losses += 1;
        journal.event(json!({"kind": "device lost", "what": why, "continued_from": step}))?;
        let reopened = if faults::adapter_is_gone() {
            Err(Error::NoAdapter("no adapter is there".to_owned()))
        } else {
            self.gpu.reopen()
        };
        self.gpu = reopened.map_err(|error| {
            Error::DeviceLost(format!(
                "{why}, and it cannot be opened again ({error}); `resume` continues from step {step}"
            ))
        })?;
        observer.notice(&format!("warning: {why}; opened again, continuing from step {step}"));
        journal.rewind(step)
    }

    fn attempt(
        &mut self,
        run: &Run,
        kept: &mut Kept,
        journal: &mut Journal,
        observer: &mut dyn Observer,
    ) -> Result<Outcome> {
        let gpu = self.gpu.clone();
        let preparing = gpu.preparing();
        let built = self.build(run, kept, observer)?;
        journal.tile(&built.choice)?;
        Session::new(run, &gpu, built, journal, kept, preparing)?.train(observer)
    }

    /// The trainer at step 0 of the run, and the evaluator. A run that has begun keeps its tile, any other takes that of
    /// the kernels that are there.
    fn build(&mut self, run: &Run, kept: &mut Kept, observer: &mut dyn Observer) -> Result<&mut Built> {
        let (config, solution) = (run.config, run.solution.clone());
        let (kernels, tile) = (config.kernels(), kept.state.tile.as_deref());
        let goes_on = kept.state.step > 0 || tile.is_some();
        let recorded = || goes_on.then(|| Choice::begun(&self.gpu, &config.setup(), tile, observer));
        let begun = kept.choice.clone().or_else(recorded);
        let fits =
            |built: &Built| built.kernels == kernels && begun.as_ref().is_none_or(|c| c.tile == built.choice.tile);
        let built = match self.built.take().filter(fits) {
            Some(mut built) => {
                let (seeds, schedule) = (config.seeds(), config.preset.schedule);
                built.trainer.restart(seeds, schedule, config.preset.steps, &config.initial())?;
                built.evaluator.set_solution(solution);
                built
            }
            None => {
                let (trainer, choice) = self.tuner.build(&self.gpu, config, begun, observer)?;
                let evaluator = Evaluator::new(&self.gpu, &trainer.setup, &trainer.step, &trainer.tile, solution)?;
                // a driver may compile only now: who stops later shall not wait for that
                evaluator.evaluate(&self.gpu)?;
                Built { kernels, choice, trainer, evaluator }
            }
        };
        kept.state.tile = serde_json::to_string(&built.choice.tile).ok();
        kept.choice = Some(built.choice.clone());
        Ok(self.built.insert(built))
    }
}

/// Notes an error in `run.json` and lets the observer add what it has to say.
fn tell(run: &Run, kept: &Kept, journal: &mut Journal, error: &Error, observer: &mut dyn Observer) -> Result<()> {
    let document = journal.fail(error)?;
    if matches!(error, Error::Stopped { .. }) {
        return Ok(());
    }
    let history = History::from_numbers(terms(run.config), unknowns(run.config), &kept.state.history);
    let ruined = Ruined { config: run.config, folder: run.folder, history: &history, document: &document };
    let names = observer.failed(&ruined)?;
    journal.add_files(&names)
}

/// The state of a run before its first step.
fn beginning(run: &Run) -> Checkpoint {
    let parameters = run.config.initial();
    let moments = vec![0.0; 2 * parameters.len()];
    let (configuration, tile) = (run.config.fingerprint(), run.tile.clone());
    Checkpoint { parameters, moments, configuration, tile, ..Checkpoint::default() }
}

/// What the host keeps of a run: enough to go on, whatever happens to the device.
pub(super) struct Kept {
    /// At the last evaluation or checkpoint.
    pub(super) state: Checkpoint,
    layout: Layout,
    /// The step of the newest checkpoint on the disk.
    pub(super) saved: Option<u64>,
    pub(super) last_save: Instant,
    /// How often the device was lost.
    losses: u32,
    /// The tile that the run goes on with.
    choice: Option<Choice>,
}

impl Kept {
    /// Writes the state as a checkpoint, unless it is there already, and its history: whoever left that checkpoint may have
    /// come to its end between the two.
    pub(super) fn save(&mut self, run: &Run, journal: &Journal) -> Result<()> {
        if self.saved != Some(self.state.step) {
            journal.sync()?;
            self.state.save(run.folder, &self.layout, run.config.keep)?;
            self.saved = Some(self.state.step);
            self.last_save = Instant::now();
        }
        let history = History::from_numbers(terms(run.config), unknowns(run.config), &self.state.history);
        files::write(&run.folder.join("history.csv"), history.csv().as_bytes())
    }
}

/// Names of the terms, in the order of the losses.
pub(super) fn terms(config: &Config) -> Vec<&'static str> {
    config.problem.terms().iter().map(|term| term.name).collect()
}

/// The names of the problem's unknowns.
pub(super) fn unknowns(config: &Config) -> Vec<&'static str> {
    config.problem.unknowns().iter().map(|unknown| unknown.name).collect()
}
