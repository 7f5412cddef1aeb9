//! The files of a study beside its runs: `summary.json`, `summary.csv`, `table.md`, pictures and `report.html`.

use std::path::Path;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::report::{Page, Tone};
use crate::training::files;

use super::table::csv_line;
use super::{Analysis, Request, Run, Status, Study, distinct};

/// What the documents say about the study as a whole.
pub struct Context<'a> {
    pub study: &'static dyn Study,
    pub request: &'a Request,
    /// `run.json`'s record of the adapter.
    pub adapter: Value,
    /// The command line that asks for the same study.
    pub command: String,
}

/// Writes all files; pictures last, since they take longest.
pub fn publish(folder: &Path, context: &Context, runs: &[Run]) -> Result<Value> {
    let analysis = context.study.analyse(context.request, runs);
    let document = document(context, &analysis, runs);
    files::write(&folder.join("summary.json"), format!("{document:#}\n").as_bytes())?;
    files::write(&folder.join("summary.csv"), csv(runs).as_bytes())?;
    files::write(&folder.join("table.md"), markdown(context, &analysis).as_bytes())?;
    let mut page = opening(context, &analysis, runs);
    let pictures = folder.join("figures");
    std::fs::create_dir_all(&pictures).map_err(|e| Error::output(&pictures, e))?;
    if !analysis.figures.is_empty() {
        page = page.section("Pictures");
    }
    for picture in &analysis.figures {
        // a problem may be a path
        let name = picture.file.replace(['/', '\\', ':'], "-");
        let path = pictures.join(name.trim_start_matches(['-', '.']));
        files::write(&path, &picture.figure.png().map_err(|e| Error::output(&path, e))?)?;
        page = page.figure(&picture.figure, &picture.caption);
    }
    for table in analysis.tables.iter().filter(|table| !table.rows.is_empty()) {
        page = page.section(&table.title).table(&table.headers, &table.rows).paragraph(&table.note);
    }
    let headers: Vec<&str> = CSV_COLUMNS.to_vec();
    let rows: Vec<Vec<String>> = runs.iter().map(cells).collect();
    page = page.section("Details").folded(&format!("The {} runs", runs.len()), &headers, &rows);
    let footer =
        format!("acr-pinn-gpu {} · the numbers are in summary.json and summary.csv", env!("CARGO_PKG_VERSION"));
    files::write(&folder.join("report.html"), page.footer(footer).render().as_bytes())?;
    Ok(document)
}

/// What is known of some runs of a study, without its analysis: what a shard of it has done.
pub fn part(context: &Context, shard: &str, runs: &[Run]) -> Value {
    let all = document(context, &Analysis::default(), runs);
    json!({"schema": 1, "study": all["study"], "version": all["version"], "adapter": all["adapter"], "shard": shard,
        "finished": all["finished"], "runs_in_all": all["runs_in_all"], "runs": all["runs"]})
}

fn document(context: &Context, analysis: &Analysis, runs: &[Run]) -> Value {
    let run = |run: &Run| {
        let o = &run.outcome;
        let [best_l2, best_linf] = o.best();
        json!({"run": run.entry.name, "variation": run.entry.variation, "task": run.entry.task,
            "parameters": run.entry.parameters(), "status": o.status, "error": o.error, "steps": o.steps,
            "final": o.last.map(|[l2, linf, mse]| json!({"rel_l2": l2, "rel_linf": linf, "mse": mse})),
            "best": {"rel_l2": best_l2, "rel_linf": best_linf}, "conflicts": o.conflicts, "seconds": o.seconds,
            "step_ms_median": o.step_ms, "measured": o.measured, "tile": o.tile})
    };
    json!({"schema": 1, "study": context.study.name(), "version": env!("CARGO_PKG_VERSION"),
        "adapter": context.adapter, "request": context.request, "finished": finished(runs), "runs_in_all": runs.len(),
        "notes": analysis.notes, "analysis": analysis.document, "runs": runs.iter().map(run).collect::<Vec<_>>()})
}

/// Runs that need no more work.
pub fn finished(runs: &[Run]) -> usize {
    runs.iter().filter(|run| run.outcome.status.is_over()).count()
}

const CSV_COLUMNS: [&str; 20] = [
    "run",
    "problem",
    "condition",
    "seed",
    "width",
    "depth",
    "points",
    "parameters",
    "status",
    "steps",
    "rel_l2",
    "rel_linf",
    "mse",
    "best_rel_l2",
    "conflict_rate",
    "mean_cosine",
    "alignment",
    "projection_ratio",
    "seconds",
    "step_ms",
];

/// One run as a line of `summary.csv`; empty where nothing is known.
fn cells(run: &Run) -> Vec<String> {
    let (entry, o) = (&run.entry, &run.outcome);
    let number = |value: f64| if value.is_finite() { format!("{value:.6e}") } else { String::new() };
    let errors = o.last.unwrap_or([f64::NAN; 3]);
    let conflicts = o.conflicts.as_ref().map_or([f64::NAN; 4], |c| [c.rate, c.cosine, c.alignment, c.projection_ratio]);
    let status = serde_json::to_value(o.status).unwrap_or_default();
    let step_ms = o.measured.get("median_ms").copied().unwrap_or(o.step_ms);
    let mut row = vec![entry.name.clone(), entry.variation.problem.clone(), entry.variation.label.clone()];
    row.push(entry.variation.seed.to_string());
    row.extend([entry.config.shape.width, entry.config.shape.depth].map(|size| size.to_string()));
    row.extend([entry.config.preset.points[0], entry.parameters()].map(|size| size.to_string()));
    row.push(status.as_str().unwrap_or_default().to_owned());
    row.push(o.steps.to_string());
    row.extend(errors.into_iter().chain([o.best()[0]]).chain(conflicts).chain([o.seconds, step_ms]).map(number));
    row
}

fn csv(runs: &[Run]) -> String {
    let header = csv_line(&CSV_COLUMNS.map(str::to_owned));
    header + &runs.iter().map(|run| csv_line(&cells(run))).collect::<String>()
}

fn markdown(context: &Context, analysis: &Analysis) -> String {
    let mut text = format!("# Study {}\n\n{}\n", context.study.name(), sentence(context.study.summary()));
    analysis.notes.iter().for_each(|note| text += &format!("\n{note}\n"));
    for table in analysis.tables.iter().filter(|table| !table.rows.is_empty()) {
        text += &format!("\n{}", table.markdown());
    }
    text
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if text.ends_with(['?', '.']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn opening(context: &Context, analysis: &Analysis, runs: &[Run]) -> Page {
    let list = |values: Vec<String>| if values.is_empty() { "–".to_owned() } else { values.join(", ") };
    let presets = distinct(runs.iter().map(|run| run.entry.config.preset.name.to_owned()));
    let text = |key: &str| context.adapter[key].as_str().unwrap_or("–").to_owned();
    let times: Vec<f64> = runs.iter().map(|run| run.outcome.seconds).filter(|s| s.is_finite()).collect();
    // of a run that was continued only the last part was timed
    let of = if times.len() == runs.len() { String::new() } else { format!(" for {} of {}", times.len(), runs.len()) };
    let seeds = &context.request.seeds;
    let conditions = distinct(runs.iter().map(|run| run.entry.variation.label.clone()));
    let cards = [
        ("Runs", format!("{} of {}", finished(runs), runs.len())),
        ("Problems", list(context.request.problems.clone())),
        ("Conditions", list(conditions)),
        ("Seeds", format!("{} ({} …)", seeds.len(), seeds.first().copied().unwrap_or(0))),
        ("Preset", list(presets)),
        ("Length of a run", list(distinct(runs.iter().map(|run| run.entry.length())))),
        ("Time of the runs", format!("{:.0} s{of}", times.iter().sum::<f64>())),
        ("Adapter", format!("{} ({}, {})", text("name"), text("kind"), text("backend"))),
    ];
    let (tone, headline) = headline(runs);
    Page::new(format!("Study {}", context.study.name()))
        .lead(sentence(context.study.summary()))
        .verdict(tone, headline, &analysis.notes)
        .summary(&cards)
        .section("The same study again")
        .code(&context.command)
}

/// How many of the runs are there.
fn headline(runs: &[Run]) -> (Tone, String) {
    let of = |status: Status| runs.iter().filter(|run| run.outcome.status == status).count();
    let (all, done, diverged, failed) = (runs.len(), of(Status::Finished), of(Status::Diverged), of(Status::Failed));
    match all - done {
        0 => (Tone::Good, format!("All {all} runs finished")),
        missing => {
            let lost = [(diverged, "diverged"), (failed, "failed"), (missing - diverged - failed, "not done yet")];
            let lost = lost.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
            let text = format!("{done} of {all} runs finished: {}", lost.collect::<Vec<_>>().join(", "));
            (if failed > 0 || done == 0 { Tone::Bad } else { Tone::Fair }, text)
        }
    }
}
