//! `verify`: a table of every check of this adapter, its card, and how two cards differ.

use std::path::{Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::lab::card::{self, Card, Difference, Finding};
use acr_pinn_gpu::lab::verify::{self, CHECKS, Options};
use acr_pinn_gpu::math::names;
use acr_pinn_gpu::training::{files, problem_file};
use indicatif::ProgressBar;
use serde_json::json;

use super::adapter::AdapterArgs;
use super::output;
use super::progress::{MINUTE, Pulse};

/// A card is far smaller.
const CAP: u64 = 1 << 26;

/// Arguments of `verify`.
#[derive(clap::Args)]
#[command(
    after_help = "A check passes if its error is at most its limit: a number of roundings of f32, stated once for all.
The exit code is 1 if a check fails, or if two compared cards disagree about one."
)]
pub struct Args {
    /// Only what concerns these problems: names of `list`, or problem files (*.toml)
    #[arg(value_name = "PROBLEM", conflicts_with = "compare")]
    problems: Vec<String>,
    /// Full-size networks, every problem on every published form, more widths and arguments (long in software)
    #[arg(long)]
    thorough: bool,
    /// Only this kind of check; may be repeated: functions, schedule, jets, products, equations, strategies, adam, soap, random,
    /// sampler, gradients or trajectory
    #[arg(long, value_name = "CHECK")]
    only: Vec<String>,
    /// Print the card, one JSON document, instead of the table
    #[arg(long)]
    json: bool,
    /// Show where two cards differ, without checking anything
    #[arg(long, num_args = 2, value_names = ["A.json", "B.json"], conflicts_with_all = ["thorough", "only"])]
    compare: Option<Vec<PathBuf>>,
    #[command(flatten)]
    adapter: AdapterArgs,
}

/// Prints table or card.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    if let Some([a, b]) = args.compare.as_deref() {
        return Ok(compare(a, b, args.json)?);
    }
    let known = CHECKS.map(|(name, _)| name);
    if let Some(other) = args.only.iter().find(|only| !known.contains(&only.as_str())) {
        return Err(Error::Usage(names::unknown("check", other, &known)).into());
    }
    let problems = args.problems.iter().map(|word| problem_file::find(word)).collect::<Result<_>>()?;
    let gpu = args.adapter.open(quiet)?;
    let options = Options { problems, thorough: args.thorough, only: args.only.clone() };
    if !args.json {
        output::print(&format!("{:44}{:>10}{:>10}{:>10}  \n", "check", "compared", "error", "limit"));
    }
    let mut section = String::new();
    // kernels with all runtime checks compile in half the time there, and time is what limits this
    let gpu = if gpu.is_software() && !args.thorough { gpu.with_checks() } else { gpu };
    let mut pulse = Pulse::new(&ProgressBar::hidden(), quiet);
    let (mut found, mut failed) = (0, false);
    let card = verify::run(&devices(gpu)?, &options, |finding| {
        found += 1;
        failed |= !finding.passed;
        if args.json {
            pulse.beat(MINUTE, || format!("{found} checks so far, {}: {}", finding.check, finding.subject));
            return;
        }
        let mut text = String::new();
        if finding.check != section {
            section = finding.check.clone();
            let about = CHECKS.iter().find(|(name, _)| *name == section).map_or("", |(_, about)| about);
            text = format!("{section}: {about}\n");
        }
        output::print(&(text + &line(finding)));
        if output::is_broken() {
            // nobody sees what else is found
            std::process::exit(output::end(u8::from(failed)).into());
        }
    });
    if args.json {
        output::json(&serde_json::to_value(&card)?);
    } else {
        output::print(&verdict(&card));
    }
    Ok(u8::from(!card.passed))
}

/// One device per core where rendering is in software: each compiles its kernels on a thread of its own, and that
/// is what takes time.
fn devices(gpu: Gpu) -> Result<Vec<Gpu>> {
    let more =
        if gpu.is_software() { std::thread::available_parallelism().map_or(1, usize::from).min(8) - 1 } else { 0 };
    let mut devices = (0..more).map(|_| gpu.reopen()).collect::<Result<Vec<_>>>()?;
    devices.insert(0, gpu);
    Ok(devices)
}

fn number(x: Option<f64>) -> String {
    x.map_or("–".to_owned(), |x| if x == 0.0 { "0".to_owned() } else { format!("{x:.1e}") })
}

fn line(finding: &Finding) -> String {
    let verdict = match (finding.passed, finding.comparisons) {
        (true, 0) => "",
        (true, _) => "ok",
        (false, _) => "FAILED",
    };
    let (error, limit) = (number(finding.error), number(finding.limit));
    let mut text = format!("  {:42}{:>10}{error:>10}{limit:>10}  {verdict}", finding.subject, finding.comparisons);
    let ulp = finding.measured.get("ulp").map(|ulp| format!("{ulp:.1} ULP"));
    let absolute = finding.measured.get("absolute").map(|absolute| format!("absolute {absolute:.1e}"));
    let measured: Vec<String> = [ulp, absolute].into_iter().flatten().collect();
    if !measured.is_empty() {
        text += &format!("  {} (WGSL allows {})", measured.join(", "), finding.wgsl_allows);
    }
    text = text.trim_end().to_owned() + "\n";
    for failure in &finding.failures {
        text += &format!("      {failure}\n");
    }
    text
}

fn verdict(card: &Card) -> String {
    let failed = card.findings.iter().filter(|finding| !finding.passed).count();
    let compared: usize = card.findings.iter().map(|finding| finding.comparisons).sum();
    let record = &card.adapter;
    let what = if card.passed { "conforms".to_owned() } else { format!("fails {failed} checks") };
    format!(
        "\n{} · {} {} {}: {what} ({} checks, {compared} numbers, {:.0} s)\n",
        record.name,
        record.backend,
        record.driver,
        record.driver_info,
        card.findings.len(),
        card.seconds
    )
}

fn read(path: &Path) -> Result<Card> {
    Card::parse(&files::read(path, CAP)?).map_err(|what| Error::input(path, what))
}

/// Prints where two cards differ; 1 if they disagree about a check.
fn compare(a: &Path, b: &Path, as_json: bool) -> Result<u8> {
    let (a, b) = (read(a)?, read(b)?);
    let differences = card::compare(&a, &b);
    let flips = differences.iter().filter(|difference| difference.flips).count();
    if as_json {
        output::json(&json!({"schema": 1, "a": a.adapter, "b": b.adapter, "flips": flips, "differences": differences}));
        return Ok(u8::from(flips > 0));
    }
    let about = |card: &Card| {
        let r = &card.adapter;
        format!("{} · {} {} {}, version {}", r.name, r.backend, r.driver, r.driver_info, card.version)
    };
    let mut text = format!("A  {}\nB  {}\n\n", about(&a), about(&b));
    let (differing, same): (Vec<_>, Vec<_>) = differences.iter().partition(|d| d.ratio != Some(1.0) || d.flips);
    if !differing.is_empty() {
        text += &format!("{:54}{:>10}{:>10}{:>9}\n", "check", "error A", "error B", "B / A");
    }
    differing.iter().for_each(|difference| text += &comparison(difference));
    text +=
        &format!("{} checks with the same error, {} differ, {flips} verdicts differ\n", same.len(), differing.len());
    output::print(&text);
    Ok(u8::from(flips > 0))
}

fn comparison(difference: &Difference) -> String {
    let shown = |side: Option<(Option<f64>, bool)>| side.map_or("absent".to_owned(), |(error, _)| number(error));
    let ratio = difference.ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
    let verdict = match (difference.flips, difference.a) {
        (true, Some((_, true))) => "  only B fails",
        (true, _) => "  only A fails",
        _ => "",
    };
    let name = format!("{}: {}", difference.check, difference.subject);
    format!("{name:54}{:>10}{:>10}{ratio:>9}{verdict}\n", shown(difference.a), shown(difference.b))
}
