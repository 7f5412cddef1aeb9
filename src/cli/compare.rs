//! `compare`: how measurements of `bench` differ, and whether that can be said.

use std::path::{Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::lab::compare::{self, Comparison, FailOn, Outcome};
use acr_pinn_gpu::lab::timing::Document;
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
Rows match by problem, network, strategy, points, plan and change, whatever the adapter."
)]
pub struct Args {
    /// The measurement that others are held against: a file of `bench --save`
    a: PathBuf,
    /// Other measurements
    #[arg(required = true, value_name = "B")]
    others: Vec<PathBuf>,
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
    let a = read(&args.a)?;
    let others = args.others.iter().map(|path| read(path)).collect::<Result<Vec<_>>>()?;
    let (mut failed, mut compared) = (0, 0);
    let mut documents = Vec::new();
    let mut text = format!("A  {}\n", about(&a));
    for (path, b) in args.others.iter().zip(&others) {
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
