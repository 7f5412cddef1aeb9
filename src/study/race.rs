//! A run whose length is a time: the learning rate follows the clock, evaluations count, and the run ends at the
//! first look at the clock past the budget.

use std::time::Instant;

use crate::error::Result;
use crate::training::{Evaluator, Row, Trainer};

use super::equal_time::{CHECK_EVERY, EVALUATE_EVERY, MOST_STEPS, THRESHOLD};

/// What is known after the race.
#[derive(Clone, Debug, Default)]
pub struct Finish {
    /// Rows of the history, and the seconds at which each was there.
    pub rows: Vec<(Row, f64)>,
    /// First time and step at which the error was at most [`THRESHOLD`].
    pub reached: Option<(f64, u64)>,
    pub seconds: f64,
}

/// Trains for `budget` seconds; none if `stop` ended it before. `tick` hears seconds and the last error.
pub fn race(
    trainer: &mut Trainer,
    evaluator: &Evaluator,
    budget: f64,
    stop: &dyn Fn() -> bool,
    tick: &mut dyn FnMut(f64, Option<f64>),
) -> Result<Option<Finish>> {
    let start = Instant::now();
    let mut finish = Finish::default();
    let mut newest = None;
    while !stop() {
        let (done, elapsed) = (trainer.done(), start.elapsed().as_secs_f64());
        let over = elapsed >= budget || done >= MOST_STEPS;
        // the last evaluation is of the last step, so one more may be due at the end
        if let Some(record) = newest.take_if(|_| over || done.is_multiple_of(EVALUATE_EVERY)) {
            let row = Row::of(done, &record, &evaluator.evaluate(&trainer.gpu)?, Vec::new());
            let seconds = start.elapsed().as_secs_f64();
            if finish.reached.is_none() && row.errors.is_some_and(|e| e[0] <= THRESHOLD) {
                finish.reached = Some((seconds, done));
            }
            finish.rows.push((row, seconds));
        }
        if over {
            finish.seconds = start.elapsed().as_secs_f64();
            return Ok(Some(finish));
        }
        trainer.set_progress((elapsed / budget).min(1.0));
        let due = (done / EVALUATE_EVERY + 1) * EVALUATE_EVERY - done;
        newest = trainer.advance(piece(trainer, budget).min(due))?.pop();
        let error = finish.rows.last().and_then(|(row, _)| row.errors).map(|errors| errors[0]);
        tick(start.elapsed().as_secs_f64(), error);
    }
    Ok(None)
}

/// Steps until the next look at the clock: the protocol's, fewer where a step takes a noticeable part of the budget.
fn piece(trainer: &Trainer, budget: f64) -> u64 {
    let fit = trainer.step_time().map_or(1, |t| (0.005 * budget / t.as_secs_f64().max(1e-9)) as u64);
    fit.clamp(1, CHECK_EVERY)
}
