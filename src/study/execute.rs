//! Performing the runs of a study, one after the other on one device. What is finished is left alone, what was
//! interrupted goes on from its checkpoint, what cannot be done is noted, and the study goes on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::training::journal::{self, Ending, Journal};
use crate::training::tuning::{Choice, Tuning};
use crate::training::{
    self, Checkpoint, Config, Evaluator, History, Model, Observer, Progress, Runner, Trainer, files,
};

use super::cost::measured;
use super::race::{Finish, race};
use super::{Entry, Outcome, Task};

/// How long to wait before looking again whether another process has ended its run.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What came of trying to do a run.
enum Attempt {
    /// It is over, by this process or another.
    Done,
    /// The watcher wanted to stop, with this exit code.
    Stopped(u8),
    /// Another process is at it.
    Elsewhere,
}

/// Follows a study.
pub trait Watch {
    /// The exit code to stop with, once the study should stop.
    fn stop(&self) -> Option<u8>;
    /// Run number `index` begins.
    fn begins(&mut self, index: usize);
    /// Some of it is done: a share from 0 to 1, and the relative L2 error as last seen.
    fn advances(&mut self, share: f64, error: Option<f64>);
    /// What goes on meanwhile, such as "compiling kernels: stage".
    fn working(&mut self, what: &str);
    /// Something a user should know, though the study goes on.
    fn notice(&mut self, text: &str);
    /// It is over, or was found finished (`found`).
    fn ends(&mut self, index: usize, outcome: &Outcome, found: bool);
}

/// The names of the runs that lie in the folder `study`, in order.
pub fn runs_in(study: &Path) -> Vec<String> {
    let found = std::fs::read_dir(study.join("runs")).into_iter().flatten().flatten();
    let runs = found.filter(|found| found.path().join(LABEL).is_file());
    let mut names: Vec<String> = runs.map(|found| found.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The folder of a run.
pub fn folder_of(study: &Path, entry: &Entry) -> PathBuf {
    study.join("runs").join(&entry.name)
}

/// Names the settings of a run in its folder, before anything else is there.
const LABEL: &str = "study-run.json";

/// How far a run is, from its folder alone.
///
/// # Errors
/// The folder holds a run with other settings.
pub fn state_of(study: &Path, entry: &Entry) -> Result<Outcome> {
    let folder = folder_of(study, entry);
    let label = folder.join(LABEL);
    if !label.exists() {
        return Ok(Outcome::open());
    }
    let text: Value = serde_json::from_slice(&files::read(&label, 1 << 20)?).unwrap_or(Value::Null);
    if text["fingerprint"] != entry.fingerprint() {
        let what = "holds a run with other settings than this study now asks for: choose another --out, or add --force \
                    to do it again";
        return Err(Error::Usage(format!("{} {what}", folder.display())));
    }
    Ok(Outcome::read(&folder))
}

/// The runs of one study on one device.
pub struct Director<'a> {
    gpu: Gpu,
    study: &'a Path,
    /// Do runs again whose folders hold other settings, instead of refusing.
    force: bool,
    runner: Runner,
    built: Option<Built>,
}

/// Kernels of the last measurement or race, for the next one.
struct Built {
    kernels: String,
    choice: Choice,
    trainer: Trainer<'static>,
    evaluator: Option<Evaluator>,
    /// Device memory of the step.
    bytes: u64,
}

impl<'a> Director<'a> {
    /// Works in the folder `study`, with tiles that are chosen as `tuning` says, once for kernels of one kind.
    pub fn new(gpu: &Gpu, study: &'a Path, force: bool, tuning: Tuning) -> Director<'a> {
        Director { gpu: gpu.clone(), study, force, runner: Runner::new(gpu, tuning), built: None }
    }

    /// Performs what is left of `entries`, beside other processes that may work in the same folder: each run is done by
    /// one of them. Runs of others are waited for, and taken over if their process is gone. Returns the exit code that
    /// the watcher stopped it with.
    ///
    /// # Errors
    /// Only what concerns the whole study: a folder that cannot be written, a device that is gone. The error of a
    /// single run is noted in its `run.json`.
    pub fn perform(&mut self, entries: &[Entry], watch: &mut dyn Watch) -> Result<Option<u8>> {
        // what is over is known before anything takes time, so that the time left is that of the others
        let mut left = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if !self.is_over(index, entry, watch)? {
                left.push(index);
            }
        }
        let mut waiting = false;
        while !left.is_empty() {
            let mut busy = Vec::new();
            for index in left {
                match self.attempt(index, &entries[index], watch)? {
                    Attempt::Done => {}
                    Attempt::Stopped(code) => return Ok(Some(code)),
                    Attempt::Elsewhere => busy.push(index),
                }
            }
            if !busy.is_empty() {
                let what = format!("waiting for {} runs of other processes", busy.len());
                match std::mem::replace(&mut waiting, true) {
                    false => watch.notice(&what),
                    true => watch.working(&what),
                }
                std::thread::sleep(LOOK_AGAIN);
                if let Some(code) = watch.stop() {
                    return Ok(Some(code));
                }
            }
            left = busy;
        }
        Ok(None)
    }

    /// One run, unless it is done or another process does it now.
    fn attempt(&mut self, index: usize, entry: &Entry, watch: &mut dyn Watch) -> Result<Attempt> {
        if self.is_over(index, entry, watch)? {
            return Ok(Attempt::Done);
        }
        let folder = folder_of(self.study, entry);
        std::fs::create_dir_all(&folder).map_err(|e| Error::output(&folder, e))?;
        let Some(lock) = files::Lock::attempt(&folder) else { return Ok(Attempt::Elsewhere) };
        // another process may have ended it between the two
        if self.is_over(index, entry, watch)? {
            return Ok(Attempt::Done);
        }
        if state_of(self.study, entry).is_err() {
            self.clear(&folder)?;
        }
        watch.begins(index);
        self.label(entry, &folder)?;
        match self.one(entry, &folder, &lock, watch) {
            Ok(Some(code)) => return Ok(Attempt::Stopped(code)),
            Ok(None) => {}
            Err(Error::Stopped { code, .. }) => return Ok(Attempt::Stopped(code)),
            // a full disk
            Err(error @ Error::Output { .. }) => return Err(error),
            Err(error) if self.gpu.fault().is_some() => return Err(error),
            // noted in run.json
            Err(error) => tracing::info!("{}: {error}", entry.name),
        }
        watch.ends(index, &Outcome::read(&folder), false);
        Ok(Attempt::Done)
    }

    /// Whether a run needs no more work, which the watcher then hears.
    fn is_over(&self, index: usize, entry: &Entry, watch: &mut dyn Watch) -> Result<bool> {
        let state = match state_of(self.study, entry) {
            // it has other settings, and is done again
            Err(Error::Usage(_)) if self.force => return Ok(false),
            state => state?,
        };
        let over = state.status.is_over();
        if over {
            watch.ends(index, &state, true);
        }
        Ok(over)
    }

    /// Removes what a run with other settings has left. The folder itself stays, because it is locked.
    fn clear(&self, folder: &Path) -> Result<()> {
        let failed = |e| Error::output(folder, e);
        let found = std::fs::read_dir(folder).map_err(failed)?.flatten();
        // where folders cannot be locked, a file in it is
        for path in found.filter(|found| found.file_name() != files::LOCK).map(|found| found.path()) {
            let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.map_err(failed)?;
        }
        Ok(())
    }

    /// Says in the folder of a run whose it is.
    fn label(&self, entry: &Entry, folder: &Path) -> Result<()> {
        let label = json!({"run": entry.name, "variation": entry.variation, "fingerprint": entry.fingerprint()});
        files::write(&folder.join(LABEL), format!("{label:#}\n").as_bytes())
    }

    fn one(&mut self, entry: &Entry, folder: &Path, lock: &files::Lock, watch: &mut dyn Watch) -> Result<Option<u8>> {
        match entry.task {
            Task::Train => self.train(entry, folder, lock, watch),
            Task::Measure { warmup, timed } => self.noted(entry, folder, watch, |this, journal, watch| {
                let built = this.build(entry, watch)?;
                journal.tile(&built.choice)?;
                let Some(times) = measure(built, [warmup, timed], watch)? else { return Ok(watch.stop()) };
                journal.note("measured", measured(&times, built.bytes));
                journal.close("finished")?;
                Ok(None)
            }),
            Task::Race { budget, evaluations } => self.noted(entry, folder, watch, |this, journal, watch| {
                let built = this.build(entry, watch)?;
                journal.tile(&built.choice)?;
                let Some(finish) = run_race(built, entry, (budget, evaluations), watch)? else {
                    return Ok(watch.stop());
                };
                record_race(built, entry, folder, journal, finish)?;
                Ok(None)
            }),
        }
    }

    fn train(&mut self, entry: &Entry, folder: &Path, lock: &files::Lock, watch: &mut dyn Watch) -> Result<Option<u8>> {
        let config = &entry.config;
        let found = Checkpoint::newest(folder, &config.network.layout(&config.shape));
        found.damaged.iter().for_each(|what| watch.notice(&format!("warning: {what}")));
        let checkpoints = folder.join("checkpoints");
        if let (None, Some(what)) = (&found.newest, found.damaged.first()) {
            // a disk may only be away for a while: they stay, and `resume` refuses them too
            let error = Error::input(&checkpoints, format!("no valid checkpoint to continue from: {what}"));
            journal::note_failure(folder, &error)?;
            return Err(error);
        }
        let from = found.newest.filter(|c| c.configuration == config.fingerprint() && c.step <= config.preset.steps);
        if from.is_none() && checkpoints.exists() {
            // those of another beginning must not be mistaken for this one's
            std::fs::remove_dir_all(&checkpoints).map_err(|e| Error::output(&checkpoints, e))?;
        }
        let done = from.as_ref().map_or(0, |checkpoint| checkpoint.step);
        watch.advances(done as f64 / config.preset.steps as f64, None);
        let run = training::Run { config, folder, solution: config.problem.solution(), from, tile: None };
        let outcome = self.runner.run_in(lock, run, &mut Follow(watch));
        if self.gpu.fault().is_some() {
            // it was lost on the way and opened again
            (self.gpu, self.built) = (self.runner.gpu().clone(), None);
        }
        Ok(outcome?.stopped)
    }

    /// Keeps `run.json` around `work`, whose errors it notes.
    fn noted(
        &mut self,
        entry: &Entry,
        folder: &Path,
        watch: &mut dyn Watch,
        work: impl FnOnce(&mut Self, &mut Journal, &mut dyn Watch) -> Result<Option<u8>>,
    ) -> Result<Option<u8>> {
        watch.advances(0.0, None);
        let mut journal = Journal::start(folder, &entry.config, &self.gpu, None)?;
        work(self, &mut journal, watch).inspect_err(|error| {
            let _ = journal.fail(error);
        })
    }

    /// The trainer at step 0 of `entry`; kernels are built anew only where they differ from the last ones.
    fn build(&mut self, entry: &Entry, watch: &mut dyn Watch) -> Result<&mut Built> {
        let config = &entry.config;
        let kernels = config.kernels();
        let built = match self.built.take().filter(|built| built.kernels == kernels) {
            Some(mut built) => {
                begin(&mut built.trainer, config)?;
                built
            }
            None => {
                let _preparing = self.gpu.preparing();
                let before = self.gpu.allocated();
                let (trainer, choice) = self.runner.tuner().build(&self.gpu, config, None, &mut Follow(watch))?;
                Built { kernels, choice, trainer, evaluator: None, bytes: self.gpu.allocated() - before }
            }
        };
        Ok(self.built.insert(built))
    }
}

/// Milliseconds of each timed step; none if stopped.
fn measure(built: &Built, [warmup, timed]: [u64; 2], watch: &mut dyn Watch) -> Result<Option<Vec<f64>>> {
    let trainer = &built.trainer;
    let mut times = Vec::new();
    for step in 0..warmup + timed {
        if watch.stop().is_some() {
            return Ok(None);
        }
        // a driver may compile kernels only when they first run
        let _preparing = (step == 0).then(|| trainer.gpu.preparing());
        let elapsed = trainer.gpu.time(&trainer.step.whole, 1)?;
        if step >= warmup {
            times.push(elapsed.as_secs_f64() * 1e3);
        }
        watch.advances((step + 1) as f64 / (warmup + timed) as f64, None);
    }
    Ok(Some(times))
}

/// Puts the beginning of a run on kernels that have run already.
fn begin(trainer: &mut Trainer<'static>, config: &Config) -> Result<()> {
    trainer.restart(config.seeds(), config.preset.schedule, config.preset.steps, &config.initial())
}

fn run_race(
    built: &mut Built,
    entry: &Entry,
    (budget, evaluations): (f64, Option<u32>),
    watch: &mut dyn Watch,
) -> Result<Option<Finish>> {
    let trainer = &mut built.trainer;
    if built.evaluator.is_none() {
        let solution = entry.config.problem.solution();
        let _preparing = trainer.gpu.preparing();
        let fresh = Evaluator::new(&trainer.gpu, &trainer.setup, &trainer.step, &trainer.tile, solution)?;
        // a driver may compile kernels only when they first run: no seed of a race waits for that
        trainer.advance(1)?;
        fresh.evaluate(&trainer.gpu)?;
        begin(trainer, &entry.config)?;
        built.evaluator = Some(fresh);
    }
    let Some(evaluator) = &built.evaluator else { return Ok(None) };
    let watch = std::cell::RefCell::new(watch);
    let stop = || watch.borrow().stop().is_some();
    race(trainer, evaluator, budget, evaluations, &stop, &mut |seconds, error| {
        watch.borrow_mut().advances((seconds / budget).min(1.0), error);
    })
}

/// Leaves the files of a run: its history has the seconds as a last column.
fn record_race(built: &Built, entry: &Entry, folder: &Path, journal: &mut Journal, finish: Finish) -> Result<()> {
    let terms = entry.config.problem.terms().iter().map(|term| term.name).collect();
    let (rows, seconds): (Vec<_>, Vec<f64>) = finish.rows.into_iter().unzip();
    let history = History { terms, rows, ..History::default() };
    let column = ["seconds".to_owned()].into_iter().chain(seconds.iter().map(|s| format!("{s:.3}")));
    let csv: String = history.csv().lines().zip(column).map(|(line, cell)| format!("{line},{cell}\n")).collect();
    files::write(&folder.join("history.csv"), csv.as_bytes())?;
    let trainer = &built.trainer;
    Model::of(&entry.config, trainer.parameters()?, trainer.done()).save(&folder.join("model.safetensors"))?;
    finish.diagnostics.iter().try_for_each(|line| journal.diagnose(line))?;
    journal.note("measured", json!({"seconds": finish.seconds}));
    let reference =
        built.evaluator.as_ref().and_then(|evaluator| evaluator.solution()).map(|known| known.origin.as_str());
    let ending = Ending { last: history.rows.last(), history: &history, chain: None, reference };
    journal.finish("finished", &ending, trainer, &[])?;
    Ok(())
}

/// Hands the observer's calls on.
struct Follow<'a>(&'a mut dyn Watch);

impl Observer for Follow<'_> {
    fn stop(&self) -> Option<u8> {
        self.0.stop()
    }

    fn notice(&mut self, text: &str) {
        self.0.notice(text);
    }

    fn measuring(&mut self, tile: &str) {
        self.0.working(&format!("measuring tiles: {tile}"));
    }

    fn compiling(&mut self, kernels: &str) {
        self.0.working(&format!("compiling kernels: {kernels}"));
    }

    fn advanced(&mut self, progress: &Progress) {
        let error = progress.history.rows.last().and_then(|row| row.errors).map(|errors| errors[0]);
        self.0.advances(progress.done as f64 / progress.steps as f64, error);
    }
}
