//! Equal wall time instead of equal steps: every condition gets the same number of seconds, its learning rate falls
//! with the time that has passed, and evaluations count. A slow condition takes fewer steps.

use serde_json::json;

use crate::error::Result;
use crate::report::{Curves, Series};

use super::compare::{comparison_table, comparisons, error_table, losses_note};
use super::table::{Table, cell, plus_minus};
use super::{Analysis, Entry, Picture, Request, Resolve, Run, Study, Task, conditions_of, group, problems_of};
use crate::math::statistics::{deviation, mean, median};

/// See the module.
pub struct EqualTime;

/// The error whose first time counts.
pub const THRESHOLD: f64 = 0.05;
/// Steps between evaluations, and between looks at the clock.
pub const EVALUATE_EVERY: u64 = 250;
pub const CHECK_EVERY: u64 = 25;
/// No run takes more steps than this.
pub const MOST_STEPS: u64 = 500_000;

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
            ..Request::standard()
        }
    }

    fn matrix(&self, request: &Request, resolve: &Resolve) -> Result<Vec<Entry>> {
        let task = Task::Race { budget: request.budget };
        let each = request.each_condition().into_iter();
        let entries: Result<Vec<_>> = each.map(|v| request.each_seed(&v, task, resolve)).collect();
        Ok(entries?.into_iter().flatten().collect())
    }

    fn analyse(&self, request: &Request, runs: &[Run]) -> Analysis {
        let (errors, numbers) = error_table(runs);
        let comparisons = comparisons(runs);
        let protocol = format!(
            "Every run had {} s after its kernels were built, evaluations every {EVALUATE_EVERY} steps included. The learning \
             rate falls along half a cosine of the time that has passed, after a warm-up counted in steps.",
            request.budget
        );
        Analysis {
            notes: losses_note(runs).into_iter().chain([protocol]).collect(),
            tables: vec![race_table(runs), errors, comparison_table(&comparisons)],
            figures: problems_of(runs).iter().filter_map(|problem| over_time(runs, problem, request.budget)).collect(),
            document: json!({"groups": numbers, "comparisons": comparisons}),
        }
    }
}

fn race_table(runs: &[Run]) -> Table {
    let mut table = Table::new(
        "Equal time",
        &[
            "problem",
            "condition",
            "runs",
            "steps done",
            "relative L2 at the end",
            "reached 0.05",
            "median time to it, s",
        ],
        format!(
            "Mean ± standard deviation over seeds (ddof 1). Reached: seeds whose relative L2 error was at most {THRESHOLD} at \
             some evaluation, and the median time of the first one among those."
        ),
    );
    for problem in problems_of(runs) {
        for condition in conditions_of(runs) {
            let done: Vec<&Run> =
                group(runs, problem, condition).into_iter().filter(|run| run.outcome.last.is_some()).collect();
            let steps: Vec<f64> = done.iter().map(|run| run.outcome.steps as f64).collect();
            let errors: Vec<f64> = done.iter().map(|run| run.outcome.rel_l2()).collect();
            let reached: Vec<f64> =
                done.iter().filter_map(|run| run.outcome.measured.get("reached_seconds").copied()).collect();
            let with_spread = |values: &[f64]| plus_minus(mean(values), deviation(values, 1));
            table.rows.push(vec![
                problem.to_owned(),
                condition.to_owned(),
                done.len().to_string(),
                with_spread(&steps),
                with_spread(&errors),
                format!("{} of {}", reached.len(), done.len()),
                cell(median(&reached)),
            ]);
        }
    }
    table
}

/// Relative L2 error over time. Runs look at different moments, so each is taken as it was last seen.
fn over_time(runs: &[Run], problem: &str, budget: f64) -> Option<Picture> {
    const MOMENTS: usize = 60;
    let mut curves =
        Curves::new().title(format!("{problem}: error over time")).axes("seconds", "relative L2 error").log_y();
    let mut drawn = false;
    for condition in conditions_of(runs) {
        let courses: Vec<_> = group(runs, problem, condition)
            .into_iter()
            .map(|run| &run.outcome.course)
            .filter(|course| !course.seconds.is_empty())
            .collect();
        let first = courses.iter().filter_map(|course| course.seconds.first()).copied().fold(0.0, f64::max);
        let moments = (0..=MOMENTS).map(|k| first + (budget - first) * k as f64 / MOMENTS as f64);
        let [mut x, mut middle, mut lower, mut upper] = [const { Vec::new() }; 4];
        for moment in moments.filter(|_| !courses.is_empty()) {
            let seen = courses.iter().filter_map(|course| {
                let k = course.seconds.iter().rposition(|seconds| *seconds <= moment)?;
                Some(course.rel_l2[k].ln()).filter(|log| log.is_finite())
            });
            let logs: Vec<f64> = seen.collect();
            let (center, width) = (mean(&logs), deviation(&logs, 0));
            x.push(moment);
            middle.push(center.exp());
            lower.push((center - width).exp());
            upper.push((center + width).exp());
        }
        drawn |= middle.iter().any(|value| value.is_finite());
        curves = curves.series(Series::line(condition, &x, &middle).band(&lower, &upper));
    }
    drawn.then(|| Picture {
        file: format!("{problem}-time.png"),
        caption: format!(
            "{problem}: relative L2 error over wall time, geometric mean over seeds; the band is one standard deviation of \
             the logarithm."
        ),
        figure: curves.draw(),
    })
}
