//! How much the result depends on what one would rather not tune: initialisation, learning rate, width, and the
//! scale with which the adaptive branch starts. A grid of rates × widths over seeds; residual scales at its middle.

use serde_json::{Value, json};

use crate::error::Result;
use crate::report::Cells;

use super::compare::losses_note;
use super::table::{Table, cell};
use super::{
    Analysis, Entry, Picture, Request, Resolve, Run, Study, Task, Variation, conditions_of, distinct, final_errors,
    group, problems_of,
};
use crate::math::statistics::{deviation, mean, median, quantile};

/// See the module.
pub struct Robustness;

/// The published initial residual scale.
const SCALE: f64 = 0.1;
/// Scales to go through when none are asked for.
const SCALES: [f64; 3] = [0.01, SCALE, 1.0];
/// Factors on the preset's learning rate and width.
const RATE_FACTORS: [f64; 3] = [0.3, 1.0, 3.0];
const WIDTH_FACTORS: [f64; 3] = [0.5, 1.0, 2.0];

impl Study for Robustness {
    fn name(&self) -> &'static str {
        "robustness"
    }

    fn summary(&self) -> &'static str {
        "spread over initialisations, learning rates, widths and initial residual scales"
    }

    fn defaults(&self) -> Request {
        let problems = Request::problems_among(&["burgers", "klein-gordon"]);
        Request { problems, conditions: ["std", "acr"].map(str::to_owned).into(), ..Request::standard() }
    }

    fn matrix(&self, request: &Request, resolve: &Resolve) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for base in request.each_condition() {
            let middle = Entry::new(base.clone(), Task::Train, resolve)?.config;
            let (rate, width) = (middle.preset.schedule.highest(), middle.preset.width);
            let mut widths = or_else(&request.widths, || {
                distinct(WIDTH_FACTORS.iter().map(|f| ((width as f64 * f) as usize).max(4)))
            });
            widths.sort_unstable();
            // rounded to two digits: it is part of a folder's name
            let mut rates = or_else(&request.rates, || RATE_FACTORS.map(|f| two_digits(rate * f)).into());
            rates.sort_by(f64::total_cmp);
            for &width in &widths {
                for &rate in &rates {
                    let variation = Variation { width: Some(width), rate: Some(rate), ..base.clone() };
                    entries.extend(request.each_seed(&variation, Task::Train, resolve)?);
                }
                let scaled = middle.network.layout(&middle.shape).slot("residual_scales").is_some();
                if !scaled || width != widths[widths.len() / 2] {
                    continue;
                }
                let rate = rates[rates.len() / 2];
                let scales = or_else(&request.scales, || SCALES.into());
                for residual_scale in
                    scales.into_iter().filter(|scale| *scale != middle.residual_scale.unwrap_or(SCALE))
                {
                    let residual_scale = Some(residual_scale);
                    let variation = Variation { width: Some(width), rate: Some(rate), residual_scale, ..base.clone() };
                    entries.extend(request.each_seed(&variation, Task::Train, resolve)?);
                }
            }
        }
        Ok(entries)
    }

    fn analyse(&self, _: &Request, runs: &[Run]) -> Analysis {
        let mut figures = Vec::new();
        let mut document = Vec::new();
        for problem in problems_of(runs) {
            let range = range_of(runs, problem);
            for condition in conditions_of(runs) {
                let group = group(runs, problem, condition);
                let title = format!("{problem} · {condition}: relative L2");
                let kinds: [(&str, Option<(Picture, Value)>); 2] =
                    [("grid", grid(&group, &title, range)), ("scales", scales(&group, &title, range))];
                for (kind, drawn) in kinds {
                    let Some((picture, numbers)) = drawn else { continue };
                    let file = format!("{problem}-{condition}-{kind}.png");
                    document.push(json!({"problem": problem, "condition": condition, "kind": kind, "cells": numbers}));
                    figures.push(Picture { file, ..picture });
                }
            }
        }
        Analysis {
            notes: ranges(runs).into_iter().chain(losses_note(runs)).collect(),
            tables: vec![spread_table(runs)],
            figures,
            document: document.into(),
        }
    }
}

fn or_else<T: Clone>(asked: &[T], default: impl FnOnce() -> Vec<T>) -> Vec<T> {
    if asked.is_empty() { default() } else { asked.to_vec() }
}

fn two_digits(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

/// Smallest and largest final error of a problem: its pictures share their colours.
fn range_of(runs: &[Run], problem: &str) -> [f64; 2] {
    let errors = runs.iter().filter(|run| run.entry.variation.problem == problem).map(|run| run.outcome.rel_l2());
    let errors: Vec<f64> = errors.filter(|e| e.is_finite() && *e > 0.0).collect();
    [f64::min, f64::max].map(|pick| errors.iter().copied().reduce(pick).unwrap_or(1.0))
}

/// Geometric mean over seeds of the final error; NaN where a run is missing or diverged.
fn geometric(runs: &[&Run]) -> f64 {
    let logs: Vec<f64> = runs.iter().map(|run| run.outcome.rel_l2().ln()).collect();
    mean(&logs).exp()
}

type Drawn = Option<(Picture, Value)>;

/// Rates × widths.
fn grid(group: &[&Run], title: &str, range: [f64; 2]) -> Drawn {
    let plain: Vec<&Run> = group.iter().copied().filter(|run| run.entry.variation.residual_scale.is_none()).collect();
    let mut widths = distinct(plain.iter().filter_map(|run| run.entry.variation.width));
    let mut rates = distinct(plain.iter().filter_map(|run| run.entry.variation.rate));
    widths.sort_unstable_by(|a, b| b.cmp(a));
    rates.sort_by(f64::total_cmp);
    let at = |width: usize, rate: f64| {
        let here = |run: &&&Run| {
            let v = &run.entry.variation;
            v.width == Some(width) && v.rate == Some(rate)
        };
        geometric(&plain.iter().filter(here).copied().collect::<Vec<_>>())
    };
    let values: Vec<f64> =
        widths.iter().flat_map(|&w| rates.iter().map(move |&r| (w, r))).map(|(w, r)| at(w, r)).collect();
    let columns: Vec<String> = rates.iter().map(|rate| format!("{rate:.1e}")).collect();
    let rows: Vec<String> = widths.iter().map(usize::to_string).collect();
    let cells =
        Cells::new(&columns, &rows, &values).title(title).axes("learning rate", "width").range(range[0], range[1]);
    let caption = format!("{title}, geometric mean over seeds of the error at the last step. Lighter is better.");
    let numbers = json!({"rates": rates, "widths": widths, "rel_l2": values});
    (!plain.is_empty()).then(|| (Picture { file: String::new(), caption, figure: cells.draw() }, numbers))
}

/// Initial residual scales at the middle of the grid.
fn scales(group: &[&Run], title: &str, range: [f64; 2]) -> Drawn {
    let one = group.iter().find(|run| run.entry.variation.residual_scale.is_some())?.entry.variation.clone();
    let same = |run: &&&Run| run.entry.variation.width == one.width && run.entry.variation.rate == one.rate;
    let here: Vec<&Run> = group.iter().filter(same).copied().collect();
    let scale = |run: &Run| run.entry.config.residual_scale.unwrap_or(SCALE);
    let mut scales = distinct(here.iter().map(|run| scale(run)));
    scales.sort_by(f64::total_cmp);
    let at = |wanted: f64| geometric(&here.iter().filter(|run| scale(run) == wanted).copied().collect::<Vec<_>>());
    let values: Vec<f64> = scales.iter().map(|&scale| at(scale)).collect();
    let columns: Vec<String> = scales.iter().map(f64::to_string).collect();
    let cells = Cells::new(&columns, &[String::new()], &values).title(title).axes("initial residual scale", "");
    let caption =
        format!("{title} over the scale with which the adaptive branch starts; the published one is {SCALE}.");
    let numbers = json!({"scales": scales, "rel_l2": values});
    Some((Picture { file: String::new(), caption, figure: cells.range(range[0], range[1]).draw() }, numbers))
}

/// From which to which error each condition came, over all settings and seeds.
fn ranges(runs: &[Run]) -> Vec<String> {
    let sentence = |problem: &str| {
        let range = |condition: &str| {
            let errors = final_errors(&group(runs, problem, condition));
            let text = format!("{condition} from {} to {}", cell(quantile(&errors, 0.0)), cell(quantile(&errors, 1.0)));
            (!errors.is_empty()).then_some(text)
        };
        let list: Vec<String> = conditions_of(runs).into_iter().filter_map(range).collect();
        let text =
            format!("{problem}, over all rates, widths, scales and seeds: relative L2 of {}.", list.join(", of "));
        (!list.is_empty()).then_some(text)
    };
    problems_of(runs).into_iter().filter_map(sentence).collect()
}

fn spread_table(runs: &[Run]) -> Table {
    let mut table = Table::new(
        "Spread of the final relative L2 error",
        &[
            "problem",
            "condition",
            "settings",
            "runs",
            "diverged",
            "best",
            "median",
            "90 %",
            "worst",
            "spread over seeds",
        ],
        "Settings: the middle of the grid alone, or all of it. Spread over seeds: factor of one standard deviation of the \
         logarithm (ddof 1), averaged over settings; 1 means that every initialisation ends at the same error.",
    );
    for problem in problems_of(runs) {
        for condition in conditions_of(runs) {
            let all = group(runs, problem, condition);
            let stems = distinct(all.iter().map(|run| run.entry.variation.stem()));
            let Some(middle) = middle_of(&all) else { continue };
            for (name, kept) in [("middle", vec![middle]), ("all", stems)] {
                let runs: Vec<&Run> =
                    all.iter().filter(|run| kept.contains(&run.entry.variation.stem())).copied().collect();
                let errors = final_errors(&runs);
                let diverged = runs.iter().filter(|run| run.outcome.status == super::Status::Diverged).count();
                let widths = kept.iter().map(|stem| {
                    let logs = runs.iter().filter(|run| run.entry.variation.stem() == *stem);
                    deviation(
                        &logs.map(|run| run.outcome.rel_l2().ln()).filter(|l| l.is_finite()).collect::<Vec<_>>(),
                        1,
                    )
                });
                let widths: Vec<f64> = widths.filter(|width| width.is_finite()).collect();
                let mut row = vec![problem.to_owned(), condition.to_owned(), name.to_owned()];
                row.extend([runs.len().to_string(), diverged.to_string()]);
                let numbers = [quantile(&errors, 0.0), median(&errors), quantile(&errors, 0.9), quantile(&errors, 1.0)];
                row.extend(numbers.map(cell));
                row.push(if widths.is_empty() { "–".into() } else { format!("×{:.2}", mean(&widths).exp()) });
                table.rows.push(row);
            }
        }
    }
    table
}

/// The setting in the middle of the grid.
fn middle_of(group: &[&Run]) -> Option<String> {
    let plain: Vec<_> = group.iter().map(|run| &run.entry.variation).filter(|v| v.residual_scale.is_none()).collect();
    let mut widths = distinct(plain.iter().filter_map(|v| v.width));
    let mut rates = distinct(plain.iter().filter_map(|v| v.rate));
    widths.sort_unstable();
    rates.sort_by(f64::total_cmp);
    let (width, rate) = (*widths.get(widths.len() / 2)?, *rates.get(rates.len() / 2)?);
    plain.iter().find(|v| v.width == Some(width) && v.rate == Some(rate)).map(|v| v.stem())
}
