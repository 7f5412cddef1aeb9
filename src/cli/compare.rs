//! `compare`: how measurements of `bench` differ, and whether that can be said.

use std::path::{Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::lab::compare::{self, Comparison, FailOn, Outcome};
use acr_pinn_gpu::lab::standings::{Standing, standings};
use acr_pinn_gpu::lab::timing::Document;
use acr_pinn_gpu::study::Table;
use acr_pinn_gpu::study::table::cell;
use acr_pinn_gpu::training::files;
use serde_json::json;

use super::output;

/// A document is far smaller.
const CAP: u64 = 1 << 28;

/// Arguments of `compare`.
#[derive(clap::Args)]
#[command(
    after_help = "FASTER, SLOWER and SAME are said where the 95 % interval of the ratio of medians (bootstrap over all samples)
lies beyond the tolerance or within it; else AMBIGUOUS, with the reason. Rows that are INVALID are never ranked.
Rows match by problem, network, strategy, optimiser, points, plan and change, whatever the adapter."
)]
pub struct Args {
    /// Measurements: files of `bench --save`, or results of an exported page; others are held against the first
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one table over all of them instead, step after step and the fastest first, as Markdown
    #[arg(long, conflicts_with_all = ["fail_on", "tolerance"])]
    table: bool,
    /// Exit with 1 if a row is surely slower than in A (by more than X %), or valid in A and not in B
    #[arg(long, value_name = "slower[:X%]", value_parser = FailOn::parse)]
    fail_on: Option<FailOn>,
    /// Differences below this many percent are none
    #[arg(long, value_name = "PERCENT", default_value_t = 100.0 * compare::TOLERANCE)]
    tolerance: f64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Prints every comparison; 1 if one fails.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    if !(0.0..=1000.0).contains(&args.tolerance) {
        return Err(Error::Usage(format!("--tolerance {} is outside 0..1000", args.tolerance)).into());
    }
    let mut documents = args.files.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    if args.table {
        return Ok(side_by_side(args, &documents));
    }
    let a = documents.remove(0);
    if documents.is_empty() {
        let what = "one file alone cannot be compared: name another, or add --table".to_owned();
        return Err(Error::Usage(what).into());
    }
    let others = documents;
    let (mut failed, mut compared) = (0, 0);
    let mut documents = Vec::new();
    let mut text = format!("A  {}\n", about(&a));
    for (path, b) in args.files[1..].iter().zip(&others) {
        let list = compare::compare(&a, b, args.tolerance / 100.0);
        failed += list.iter().filter(|c| args.fail_on.is_some_and(|fail| fail.fails(c))).count();
        compared += list.iter().filter(|c| c.ratio.is_some()).count();
        text += &format!("B  {}\n\n{}", about(b), table(&list));
        documents.push(
            json!({"file": path.to_string_lossy(), "adapter": b.adapter, "commit": b.commit, "comparisons": list}),
        );
    }
    // a gate that compares nothing is open to everything
    let nothing = args.fail_on.is_some() && compared == 0;
    if nothing {
        output::say("error: no row of A has a valid match: --fail-on cannot say anything, so it fails");
    }
    if args.json {
        output::json(&json!({"schema": 1, "kind": "acr-pinn-gpu compare", "adapter": a.adapter, "commit": a.commit,
            "tolerance": args.tolerance / 100.0, "failed": failed, "others": documents}));
    } else {
        if failed > 0 {
            text += &format!("{failed} comparisons fail\n");
        }
        output::print(&text);
    }
    Ok(u8::from(failed > 0 || nothing))
}

/// `--table`; 1 if nothing in it is valid.
fn side_by_side(args: &Args, documents: &[Document]) -> u8 {
    let (list, left_out) = standings(documents);
    let valid = list.iter().any(|standing| standing.us.is_some());
    if args.json {
        output::json(&json!({"schema": 1, "kind": "acr-pinn-gpu table", "rows": list, "left_out": left_out}));
        return u8::from(!valid);
    }
    let mut text = String::new();
    for same in list.chunk_by(|a, b| a.step == b.step) {
        let note = if same.iter().all(|standing| standing.reason.is_empty()) {
            ""
        } else {
            "Rows without times are never ranked."
        };
        let mut table = Table::new(&same[0].step, &COLUMNS, note);
        table.rows.extend(same.iter().map(cells));
        text += &format!("{}\n", table.markdown());
    }
    if left_out > 0 {
        text += &format!("{left_out} rows with changes of the adapter's choice are left out\n");
    }
    output::print(&text);
    u8::from(!valid)
}

const COLUMNS: [&str; 8] = ["adapter", "driver", "runs in", "plan", "µs/step", "GFLOP/s", "worst error", "verdict"];

fn cells(standing: &Standing) -> Vec<String> {
    let number = |value: Option<f64>| cell(value.unwrap_or(f64::NAN));
    let verdict = format!("{:?}", standing.verdict).to_uppercase();
    let verdict = if standing.reason.is_empty() { verdict } else { format!("{verdict}: {}", standing.reason) };
    let driver = if standing.driver.is_empty() { "–".to_owned() } else { standing.driver.clone() };
    vec![
        standing.adapter.clone(),
        driver,
        standing.runs_in.clone(),
        standing.plan.clone(),
        number(standing.us),
        number(standing.gflops),
        number(standing.worst_error),
        verdict,
    ]
}

fn read(path: &Path) -> Result<Document> {
    Document::parse(&files::read(path, CAP)?).map_err(|what| Error::input(path, what))
}

fn about(document: &Document) -> String {
    let r = &document.adapter;
    let commit = document.commit.as_deref().unwrap_or("commit unknown");
    format!("{} · {} {} {}, version {} ({commit})", r.name, r.backend, r.driver, r.driver_info, document.version)
}

/// A row each, and a count of the verdicts.
fn table(list: &[Comparison]) -> String {
    let width = list.iter().map(|c| c.key.chars().count()).max().unwrap_or(0);
    let mut text = format!("{:9}  {:width$}  {:>10}  {:>10}  {:>7}\n", "", "", "A, µs", "B, µs", "B / A");
    for c in list {
        let us = |us: Option<f64>| us.map_or("–".to_owned(), |us| format!("{us:.1}"));
        let ratio = c.ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.3}"));
        let (a, b) = (us(c.a_us), us(c.b_us));
        text += &format!("{:9}  {:width$}  {a:>10}  {b:>10}  {ratio:>7}  {}\n", name(c.outcome), c.key, c.reason);
    }
    let all = [Outcome::Faster, Outcome::Slower, Outcome::Same, Outcome::Ambiguous];
    let counts = all.map(|outcome| {
        let count = list.iter().filter(|c| c.outcome == outcome).count();
        format!("{count} {}", name(outcome).to_lowercase())
    });
    text + &format!("{}\n\n", counts.join(", "))
}

const fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Faster => "FASTER",
        Outcome::Slower => "SLOWER",
        Outcome::Same => "SAME",
        Outcome::Ambiguous => "AMBIGUOUS",
    }
}
