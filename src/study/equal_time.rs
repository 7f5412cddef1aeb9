//! Equal wall time instead of equal steps: every condition gets the same number of seconds, its learning rate falls
//! with the time that has passed, and evaluations count. A slow condition takes fewer steps.

use serde_json::json;

use crate::error::Result;

use super::compare::{OF_STD_AND_ACR, comparison_table, comparisons, counts, error_table, losses_note};
use super::curves::over_time;
use super::race::EVALUATE_EVERY;
use super::table::{Table, cell, plus_minus};
use super::{Analysis, Entry, Request, Resolve, Run, Study, Task, conditions_of, group, problems_of};
use crate::math::statistics::{deviation, mean, median};

/// See the module.
pub struct EqualTime;

impl Study for EqualTime {
    fn name(&self) -> &'static str {
        "equal-time"
    }

    fn summary(&self) -> &'static str {
        "the same number of seconds for every condition: errors, steps done, time to a relative L2 of 0.05"
    }

    fn defaults(&self) -> Request {
        Request {
            problems: Request::problems_among(&["helmholtz-4-4"]),
            conditions: ["std", "gcr", "matched", "lda", "acr"].map(str::to_owned).into(),
            budget: Some(2462.0),
            reach: Some(0.05),
            ..Request::standard()
        }
    }

    fn matrix(&self, request: &Request, resolve: &Resolve) -> Result<Vec<Entry>> {
        let task = request.budget.map_or(Task::Train, |budget| Task::Race { budget, evaluations: None });
        let each = request.each_condition().into_iter();
        let entries: Result<Vec<_>> = each.map(|v| request.each_seed(&v, task, resolve)).collect();
        Ok(entries?.into_iter().flatten().collect())
    }

    fn analyse(&self, request: &Request, runs: &[Run]) -> Analysis {
        let (errors, numbers) = error_table(runs, "std");
        let comparisons = comparisons(runs);
        let evaluations = format!("evaluations every {EVALUATE_EVERY} steps included");
        Analysis {
            notes: losses_note(runs).into_iter().chain(protocol(request, &evaluations)).collect(),
            tables: vec![race_table(runs, request.reach), errors, comparison_table(&comparisons, OF_STD_AND_ACR)],
            figures: request.budget.map(|budget| over_time(runs, budget)).unwrap_or_default(),
            document: json!({"groups": numbers, "comparisons": comparisons}),
        }
    }
}

/// The rules of a race, if it is one.
pub(super) fn protocol(request: &Request, evaluations: &str) -> Option<String> {
    let budget = request.budget?;
    Some(format!(
        "Every run had {budget} s after its kernels were built, {evaluations}. The learning rate falls along half a cosine of \
         the time that has passed, after a warm-up counted in steps."
    ))
}

/// Steps, time and what was reached in it: `error`, or what half of a problem's runs end with.
pub(super) fn race_table(runs: &[Run], error: Option<f64>) -> Table {
    let mut table = Table::new(
        "Steps and time",
        &[
            "problem",
            "condition",
            "runs",
            "steps done",
            "ms per step",
            "error to reach",
            "reached by",
            "median steps to it",
            "median seconds to it",
        ],
        format!(
            "Mean ± standard deviation over seeds (ddof 1); of a step the mean of the runs' medians. Error to reach: {}. \
             Reached: seeds whose relative L2 error was at most this at some evaluation, and the medians of the first one \
             among those.",
            if error.is_some() { "as asked for" } else { "the median of what all runs on the problem end with" }
        ),
    );
    for problem in problems_of(runs) {
        let of_problem = runs.iter().filter(|run| run.entry.variation.problem == problem);
        let ends: Vec<f64> = of_problem.map(|run| run.outcome.rel_l2()).filter(|error| error.is_finite()).collect();
        let wanted = error.unwrap_or_else(|| median(&ends));
        for condition in conditions_of(runs) {
            let all = group(runs, problem, condition);
            let done: Vec<&Run> = all.iter().copied().filter(|run| run.outcome.last.is_some()).collect();
            let of = |pick: fn(&Run) -> f64| {
                let values: Vec<f64> = done.iter().map(|run| pick(run)).collect();
                plus_minus(mean(&values), deviation(&values, 1))
            };
            let first = done.iter().filter_map(|run| Some((&run.outcome.course, run.outcome.course.reached(wanted)?)));
            let (steps, seconds): (Vec<f64>, Vec<f64>) = first
                .map(|(course, k)| (course.steps[k] as f64, course.seconds.get(k).copied().unwrap_or(f64::NAN)))
                .unzip();
            table.rows.push(vec![
                problem.to_owned(),
                condition.to_owned(),
                counts(&all),
                of(|run| run.outcome.steps as f64),
                of(|run| run.outcome.step_ms),
                cell(wanted),
                format!("{} of {}", steps.len(), all.len()),
                cell(median(&steps)),
                cell(median(&seconds)),
            ]);
        }
    }
    table
}
