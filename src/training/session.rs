//! The steps of a run on one device, with evaluations, diagnostics and checkpoints on the way.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::error::{Error, Result};
use crate::gpu::{Gpu, Preparing};

use super::chain::Chain;
use super::diagnosis::diagnosis;
use super::evaluation::Evaluation;
use super::faults::{self, Kind};
use super::history::{History, Row};
use super::journal::{Ending, Journal};
use super::model::Model;
use super::observer::{Observer, Progress, Trained};
use super::runner::{Built, Kept, Outcome, Run, terms, unknowns};
use super::trainer::{StepRecord, Trainer};

/// Without `every`: checkpoints are written at evaluations, this long after the one before at the earliest.
const CHECKPOINT: Duration = Duration::from_secs(2);

/// How often a run goes on after a divergence.
const MOST_ROLLBACKS: u32 = 3;

/// A run under way on a device.
pub(super) struct Session<'a> {
    run: &'a Run<'a>,
    gpu: &'a Gpu,
    built: &'a mut Built,
    journal: &'a mut Journal,
    kept: &'a mut Kept,
    history: History,
    chain: Chain,
    /// The last step.
    newest: Option<StepRecord>,
    first: u64,
    start: Instant,
    /// Until the first step is done: a driver may compile kernels only when they first run.
    preparing: Option<Preparing>,
}

impl<'a> Session<'a> {
    /// Puts the kept state on the device.
    pub(super) fn new(
        run: &'a Run<'a>,
        gpu: &'a Gpu,
        built: &'a mut Built,
        journal: &'a mut Journal,
        kept: &'a mut Kept,
        preparing: Preparing,
    ) -> Result<Session<'a>> {
        let (history, chain, first) = (History::default(), Chain::default(), kept.state.step);
        let (newest, start, preparing) = (None, Instant::now(), Some(preparing));
        let mut session = Session { run, gpu, built, journal, kept, history, chain, newest, first, start, preparing };
        session.load()?;
        Ok(session)
    }

    /// Trains to the end or to a signal, and closes the records.
    pub(super) fn train(mut self, observer: &mut dyn Observer) -> Result<Outcome> {
        let stopped = self.advance(observer)?;
        self.conclude(stopped, observer)
    }

    /// Puts the kept state on the device.
    fn load(&mut self) -> Result<()> {
        let state = &self.kept.state;
        let schedule = self.run.config.preset.schedule.scaled(0.5_f64.powi(state.rollbacks as i32));
        self.built.trainer.set_schedule(schedule);
        self.built.trainer.restore(state.step, &state.parameters, &state.moments, &state.strategy, &state.squares)?;
        self.history = History::from_numbers(terms(self.run.config), unknowns(self.run.config), &state.history);
        self.chain = state.chain;
        self.newest = None;
        Ok(())
    }

    /// Steps until the end or a signal, whose exit code is returned.
    fn advance(&mut self, observer: &mut dyn Observer) -> Result<Option<u8>> {
        while self.built.trainer.done() < self.run.config.preset.steps {
            if let Some(code) = observer.stop() {
                observer.notice(&format!("finishing step {}, saving", self.built.trainer.done()));
                return Ok(Some(code));
            }
            match self.stretch(observer) {
                Err(Error::Diverged(what)) => self.roll_back(&what, observer)?,
                other => other?,
            }
        }
        Ok(None)
    }

    /// Steps to the next evaluation or checkpoint, or until a signal comes.
    fn stretch(&mut self, observer: &mut dyn Observer) -> Result<()> {
        let config = self.run.config;
        let (steps, every) = (config.preset.steps, config.preset.evaluate_every);
        let after = |interval: u64, done: u64| (done / interval + 1) * interval;
        let done = self.built.trainer.done();
        let due = after(every, done).min(config.every.map_or(steps, |n| after(n, done))).min(steps);
        while self.built.trainer.done() < due {
            if observer.stop().is_some() {
                return Ok(());
            }
            self.take_piece(due)?;
            self.preparing = None;
            self.tell(observer);
        }
        if due % every == 0 || due == steps {
            self.evaluate()?;
            self.tell(observer);
        }
        self.snapshot()?;
        let by_clock = self.kept.last_save.elapsed() > CHECKPOINT;
        if due == steps || config.every.map_or(by_clock, |n| due % n == 0) {
            self.kept.save(self.run, self.journal)?;
        }
        Ok(())
    }

    fn tell(&self, observer: &mut dyn Observer) {
        let (done, elapsed) = (self.built.trainer.done(), self.start.elapsed());
        let (steps, taken) = (self.run.config.preset.steps, done.saturating_sub(self.first));
        if let Some(record) = &self.newest {
            observer.advanced(&Progress { done, steps, taken, elapsed, record, history: &self.history });
        }
    }

    /// A short piece on the way to step `due`: progress is seen and a signal heard within a fraction of a second.
    fn take_piece(&mut self, due: u64) -> Result<()> {
        let trainer = &mut self.built.trainer;
        inject(self.gpu, trainer)?;
        let until = faults::next_step(trainer.done()).map_or(due, |step| step.min(due));
        let piece = trainer.step_time().map_or(1, |t| (0.25 / t.as_secs_f64().max(1e-6)) as u64).max(1);
        let mut records = trainer.advance(piece.min(until - trainer.done()))?;
        records.iter().for_each(|record| self.chain.add(record));
        self.newest = records.pop();
        Ok(())
    }

    /// Appends a row to the history and a line to the diagnostics.
    fn evaluate(&mut self) -> Result<()> {
        let Some(record) = &self.newest else { return Ok(()) };
        let done = self.built.trainer.done();
        let evaluation = self.built.evaluator.evaluate(self.gpu)?;
        self.history.rows.push(Row::of(done, record, &evaluation, self.unknowns()?));
        let (buffers, bytes) = (self.gpu.live_buffers(), self.gpu.memory_in_use().unwrap_or(0));
        tracing::debug!(step = done, buffers, bytes, "evaluated");
        self.journal.diagnose(&diagnosis(&self.built.trainer, record)?)
    }

    /// What the problem's unknowns have come to: the last of the parameters.
    fn unknowns(&self) -> Result<Vec<f64>> {
        let count = self.run.config.shape.unknowns;
        if count == 0 {
            return Ok(Vec::new());
        }
        let parameters = self.built.trainer.parameters()?;
        Ok(parameters[parameters.len() - count..].iter().map(|&x| f64::from(x)).collect())
    }

    /// Brings the state of the device to the host.
    fn snapshot(&mut self) -> Result<()> {
        let trainer = &self.built.trainer;
        let (parameters, moments) = (trainer.parameters()?, trainer.moments()?);
        let (strategy, squares) = (trainer.state()?, trainer.squares()?);
        let state = &mut self.kept.state;
        (state.step, state.parameters, state.moments) = (trainer.done(), parameters, moments);
        (state.strategy, state.squares) = (strategy, squares);
        (state.history, state.chain) = (self.history.numbers(), self.chain);
        state.configuration = self.run.config.fingerprint();
        Ok(())
    }

    /// After a divergence: back to the kept state with half the learning rate, if the user wants that.
    fn roll_back(&mut self, what: &str, observer: &mut dyn Observer) -> Result<()> {
        let state = &mut self.kept.state;
        let step = state.step;
        // no smaller rate helps before the first update
        if what.ends_with("at step 0") {
            let what = format!(
                "{what}: with what the untrained network says, something is divided by zero, or a function is \
                 outside its domain; keep its argument inside, such as sqrt(max(u, 1e-6)), or start from another --seed"
            );
            return Err(Error::Diverged(what));
        }
        if !self.run.config.rollback {
            let what = format!("{what}; step {step} is kept, and `resume --on-nan rollback` goes on at half the rate");
            return Err(Error::Diverged(what));
        }
        if state.rollbacks == MOST_ROLLBACKS {
            let what = format!("{what}, after {MOST_ROLLBACKS} rollbacks; step {step} is kept: try other settings");
            return Err(Error::Diverged(what));
        }
        state.rollbacks += 1;
        // the checkpoint of this step has to know
        self.kept.saved = None;
        let factor = 0.5_f64.powi(self.kept.state.rollbacks as i32);
        self.journal.event(json!({"kind": "rollback", "what": what, "continued_from": step, "rate_factor": factor}))?;
        observer.notice(&format!("warning: {what}: back to step {step}, learning rate times {factor}"));
        self.journal.rewind(step)?;
        self.load()
    }

    fn save_model(&self) -> Result<()> {
        let trainer = &self.built.trainer;
        let model = Model::of(self.run.config, trainer.parameters()?, trainer.done());
        model.save(&self.run.folder.join("model.safetensors"))
    }

    /// Saves state and weights and closes the records.
    fn conclude(&mut self, stopped: Option<u8>, observer: &mut dyn Observer) -> Result<Outcome> {
        let status = if stopped.is_none() { "finished" } else { "interrupted" };
        self.preparing = None;
        if self.kept.state.step != self.built.trainer.done() {
            self.snapshot()?;
        }
        self.kept.save(self.run, self.journal)?;
        let evaluation = self.built.evaluator.evaluate(self.gpu)?;
        self.save_model()?;
        let trained = Trained {
            config: self.run.config,
            folder: self.run.folder,
            evaluation: &evaluation,
            solution: self.built.evaluator.solution(),
            history: &self.history,
        };
        let drawn = observer.draw(&trained)?;
        let last = self.last(&evaluation)?;
        let reference = trained.solution.map(|solution| &*solution.origin);
        let ending = Ending { last: Some(&last), history: &self.history, chain: Some(self.chain), reference };
        let document = self.journal.finish(status, &ending, &self.built.trainer, &drawn)?;
        observer.concluded(&trained, &document)?;
        Ok(Outcome { stopped, last, evaluation, document })
    }

    /// The network as it is now. An interrupted run has no row of that in its history, so that a resumed one has the
    /// same rows as one that was never interrupted.
    fn last(&self, evaluation: &Evaluation) -> Result<Row> {
        let done = self.built.trainer.done();
        if let Some(record) = &self.newest {
            return Ok(Row::of(done, record, evaluation, self.unknowns()?));
        }
        let known = self.history.rows.last().filter(|row| row.step == done);
        if let Some(known) = known {
            return Ok(known.clone());
        }
        Ok(Row {
            step: done,
            losses: Vec::new(),
            total: f64::NAN,
            errors: evaluation.errors.map(|e| [e.rel_l2, e.rel_linf, e.mse]),
            rate: f64::NAN,
            unknowns: self.unknowns()?,
        })
    }
}

/// Lets the faults happen that were armed for this step.
fn inject(gpu: &Gpu, trainer: &Trainer) -> Result<()> {
    let done = trainer.done();
    if faults::take(Kind::Nan, done) {
        let mut parameters = trainer.parameters()?;
        parameters[0] = f32::NAN;
        trainer.step.set_parameters(gpu, &parameters);
    }
    if faults::take(Kind::DeviceLost, done) || faults::take(Kind::DeviceGone, done) {
        gpu.destroy();
    }
    Ok(())
}
