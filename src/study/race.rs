//! A run whose length is a time: the learning rate follows the clock, and the run ends at the first look at the clock
//! past the budget.

use std::time::Instant;

use crate::error::Result;
use crate::training::diagnosis::conflicts;
use crate::training::{Evaluator, Row, Trainer};

/// Steps between evaluations that count.
pub const EVALUATE_EVERY: u64 = 250;
/// Steps between looks at the clock.
const CHECK_EVERY: u64 = 25;
/// No run takes more steps than this.
const MOST_STEPS: u64 = 500_000;

/// What is known after the race.
#[derive(Clone, Debug, Default)]
pub struct Finish {
    /// Rows of the history, and the seconds at which each was there.
    pub rows: Vec<(Row, f64)>,
    /// Lines of the diagnostics, one for each row.
    pub diagnostics: Vec<serde_json::Value>,
    pub seconds: f64,
}

/// Trains for `budget` seconds; none if `stop` ended it before. Evaluations come every [`EVALUATE_EVERY`] steps and count,
/// or as many as asked for are spread over the budget while the clock stands. `tick` hears seconds and the last error.
pub fn race(
    trainer: &mut Trainer,
    evaluator: &Evaluator,
    budget: f64,
    evaluations: Option<u32>,
    stop: &dyn Fn() -> bool,
    tick: &mut dyn FnMut(f64, Option<f64>),
) -> Result<Option<Finish>> {
    let mut start = Instant::now();
    let mut finish = Finish::default();
    let mut newest = None;
    // step and time of the last evaluation
    let mut seen = (0, 0.0);
    while !stop() {
        let (done, elapsed) = (trainer.done(), start.elapsed().as_secs_f64());
        let over = elapsed >= budget || done >= MOST_STEPS;
        let due = match evaluations {
            Some(count) => elapsed - seen.1 >= budget / f64::from(count),
            None => done - seen.0 >= EVALUATE_EVERY,
        };
        // the last evaluation is of the last step, so one more may be due at the end
        if let Some(record) = newest.take_if(|_| over || due) {
            let began = Instant::now();
            let row = Row::of(done, &record, &evaluator.evaluate(&trainer.gpu)?, Vec::new());
            if evaluations.is_some() {
                start += began.elapsed();
            }
            let seconds = start.elapsed().as_secs_f64();
            finish.rows.push((row, seconds));
            finish.diagnostics.push(conflicts(&record));
            seen = (done, seconds);
        }
        if over {
            finish.seconds = start.elapsed().as_secs_f64();
            return Ok(Some(finish));
        }
        trainer.set_progress((elapsed / budget).min(1.0));
        let most = if evaluations.is_some() { u64::MAX } else { seen.0 + EVALUATE_EVERY - done };
        newest = trainer.advance(piece(trainer, budget).min(most))?.pop();
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
