//! `bench`: what a step takes on this adapter, by every plan and switch, and how far that is from what it could do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::gpu::{Choice, Gpu};
use acr_pinn_gpu::kernels::{self, Tile};
use acr_pinn_gpu::lab::bench::{self, Protocol};
use acr_pinn_gpu::lab::ladder::Wanted;
use acr_pinn_gpu::lab::probe::{self, Ceilings};
use acr_pinn_gpu::lab::steps::small;
use acr_pinn_gpu::lab::timing::{Document, KIND, SCHEMA, Verdict, WGPU};
use acr_pinn_gpu::lab::trace::Trace;
use acr_pinn_gpu::study::Table;
use acr_pinn_gpu::study::table::csv_line;
use acr_pinn_gpu::training::{Config, Draft, Observer, Options, Tuner, Tuning, files, problem_file};
use indicatif::ProgressBar;
use serde_json::Value;

use super::adapter::AdapterArgs;
use super::config::Flags;
use super::progress::{MINUTE, Pulse};
use super::signals::Stop;
use super::tune::TuneArgs;
use super::{bench_table, config, guard, model, output, roofline, serve};

/// Arguments of `bench`.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES, after_help = NOTES)]
pub struct Args {
    /// Problems [default: klein-gordon cavity; with --quick klein-gordon]
    problems: Vec<String>,
    /// A small network, few points and samples, of one problem by one plan unless more is asked for: in about ten seconds
    /// of software rendering it shows that everything works
    #[arg(long)]
    quick: bool,
    /// Time this change of sizes and switches, such as slabs=64,span=1; may be repeated [default: each switch alone]
    #[arg(long, value_name = "KEY=VALUE,…")]
    with: Vec<String>,
    /// Time plans as they come, without changes
    #[arg(long, conflicts_with = "with")]
    plain: bool,
    /// Samples of every rung
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = config::whole::<usize>)]
    samples: usize,
    /// Begin no round of samples later than this after the first; five are always taken
    #[arg(long, value_name = "S", default_value_t = 60)]
    seconds: u64,
    /// How the result is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Write the document with all samples, for `compare`
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Print the document with all samples
    // up to version 0.1 it took the name of a file, which is still understood
    #[arg(long, value_name = "FILE", num_args = 0..=1, hide_possible_values = true)]
    json: Option<Option<String>>,
    /// Write when every kernel ran, for Perfetto (ui.perfetto.dev) or chrome://tracing
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Draw rates over arithmetic intensity below the measured ceilings, as PNG
    #[arg(long, value_name = "FILE")]
    roofline: Option<PathBuf>,
    /// Predict a step on graphics cards that are not here, from counted operations; measures nothing and needs no adapter
    #[arg(long, conflicts_with_all = ["with", "plain", "quick", "save", "trace", "roofline"])]
    model: bool,
    /// Build one step, then time a sample for every line on standard input: for comparisons with other programs
    #[arg(long, hide = true)]
    serve: bool,
    #[command(flatten)]
    options: Flags,
    #[command(flatten)]
    adapter: AdapterArgs,
    #[command(flatten)]
    tune: TuneArgs,
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal
    Table,
    /// Markdown
    Md,
    /// One document
    Json,
    /// A line per row
    Csv,
}

const EXAMPLES: &str = "Examples:
  acr-pinn-gpu bench --quick                              does it work, in seconds
  acr-pinn-gpu bench klein-gordon --save now.json         every plan and switch, all samples kept
  acr-pinn-gpu bench cavity --plan fused --with slabs=64 --with target=gpu
  acr-pinn-gpu bench klein-gordon --model --preset paper  what graphics cards should take, without one
  acr-pinn-gpu compare before.json now.json --fail-on slower:5%";

const NOTES: &str = "Every rung is checked against the f64 oracle before it is timed; a wrong one is INVALID, \
is not timed, and makes the exit code 1. docs/BENCHMARKS.md says how times are taken and what the columns mean.";

/// Measures, prints and writes what was asked for.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    let Asked { names, format, save } = asked(args, quiet)?;
    if args.samples == 0 || args.samples > 10_000 {
        return Err(Error::Usage(format!("--samples {} is outside 1..10000", args.samples)).into());
    }
    if args.model {
        return predict(args, &names, format);
    }
    // everything but the adapter is checked before an adapter is opened
    configurations(args, &names, "quick")?;
    let outputs = [("--save", &save), ("--trace", &args.trace), ("--roofline", &args.roofline)];
    let outputs = outputs.iter().filter_map(|(flag, path)| Some((*flag, path.as_deref()?)));
    guard::files(&outputs.collect::<Vec<_>>(), &[])?;
    let gpu = args.adapter.open(quiet)?;
    let configs = configurations(args, &names, if gpu.is_software() { "quick" } else { "revised" })?;
    if args.serve {
        let tile =
            tile(&mut Tuner::new(tuning(args)), &gpu, &configs[0], &ProgressBar::hidden(), &Stop::default(), quiet);
        return serve::run(&args.adapter.choice(), &gpu, &configs[0], tile, &wanted(args));
    }
    let mut trace = Trace::default();
    let stop = Stop::listen()?;
    stop.ends_waiting(&gpu);
    let (document, ended) = measure(args, &gpu, &configs, &mut trace, &stop, quiet)?;
    let value = bench_table::document(&document)?;
    let written = write(args, save.as_deref(), &document, &value, &trace);
    match format {
        Format::Json => output::json(&value),
        Format::Table => output::print(&bench_table::plain(&document)),
        Format::Md => output::print(&bench_table::markdown(&document)),
        Format::Csv => output::print(&bench_table::csv(&document)),
    }
    // a disk that became full on the way does not take the table with it, and a device that is gone no rows
    written?;
    ended?;
    if let Some(code) = stop.requested() {
        output::say(&format!("stopped: {} rows were measured so far", document.rows.len()));
        return Ok(code);
    }
    let wrong = document.rows.iter().any(|row| row.verdict == Verdict::Invalid);
    let right = document.rows.iter().any(|row| row.verdict == Verdict::Valid);
    Ok(u8::from(wrong || !right))
}

/// The files that were asked for.
fn write(args: &Args, save: Option<&Path>, document: &Document, value: &Value, trace: &Trace) -> Result<()> {
    if let Some(path) = save {
        files::write(path, format!("{value:#}\n").as_bytes())?;
    }
    if let Some(path) = &args.trace {
        files::write(path, trace.document().to_string().as_bytes())?;
    }
    if let Some(path) = &args.roofline {
        files::write(path, &roofline::draw(document).png().map_err(|e| Error::output(path, e))?)?;
    }
    Ok(())
}

/// `--model`.
fn predict(args: &Args, names: &[String], format: Format) -> anyhow::Result<u8> {
    let configs = configurations(args, names, "paper")?;
    let models = model::predict(&configs, args.adapter.target.as_deref())?;
    let tables = model::tables(&configs, &models);
    match format {
        Format::Json => output::json(&model::document(&configs, &models)?),
        Format::Table => output::print(&bench_table::aligned(&tables)),
        Format::Md => output::print(&tables.iter().map(Table::markdown).collect::<Vec<_>>().join("\n")),
        Format::Csv => {
            let lines = |table: &Table| {
                let rows = [&table.headers].into_iter().chain(&table.rows);
                rows.map(|row| csv_line(row)).collect::<String>()
            };
            output::print(&tables.iter().map(lines).collect::<Vec<_>>().join("\n"));
        }
    }
    Ok(0)
}

/// What is to be timed, how it is printed, and where the document goes.
struct Asked {
    names: Vec<String>,
    format: Format,
    save: Option<PathBuf>,
}

/// `--json` may stand before a problem, and its old form before the name of a file.
fn asked(args: &Args, quiet: bool) -> Result<Asked> {
    let (mut names, mut save) = (args.problems.clone(), args.save.clone());
    let mut json = args.json.is_some();
    if let Some(word) = args.json.as_ref().and_then(Option::as_ref) {
        if problem_file::is_meant(word) {
            names.push(word.clone());
        } else if save.is_some() {
            return Err(Error::Usage(format!("--json {word}: the file is named by --save, and --json takes none")));
        } else {
            if !quiet {
                output::say(&format!(
                    "warning: --json {word} will be a mistake in the next version: write --save {word}"
                ));
            }
            (save, json) = (Some(PathBuf::from(word)), false);
        }
    }
    if json && args.format != Format::Table && args.format != Format::Json {
        return Err(Error::Usage("--json and --format ask for different things: choose one of them".into()));
    }
    if names.is_empty() {
        let usual: &[&str] = if args.quick { &["klein-gordon"] } else { &["klein-gordon", "cavity"] };
        names = usual.iter().map(|&name| name.to_owned()).collect();
    }
    Ok(Asked { names, format: if json { Format::Json } else { args.format }, save })
}

fn wanted(args: &Args) -> Wanted {
    let mut plans: Vec<String> = Options::from(&args.options).plan.into_iter().collect();
    let mut plain = args.plain;
    if args.quick && plans.is_empty() && !plain && args.with.is_empty() {
        // each further rung compiles for seconds
        plans.push(kernels::ALL[0].name().to_owned());
        plain = true;
    }
    Wanted { plans, with: args.with.clone(), plain }
}

fn measure(
    args: &Args,
    gpu: &Gpu,
    configs: &[Config],
    trace: &mut Trace,
    stop: &Stop,
    quiet: bool,
) -> Result<(Document, Result<()>)> {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    bar.enable_steady_tick(Duration::from_millis(100));
    let mut pulse = Pulse::new(&bar, quiet);
    let mut show = |text: String| {
        pulse.beat(MINUTE, || text.clone());
        bar.set_message(text);
    };
    show("probe: what this adapter can do".to_owned());
    let preparing = gpu.preparing();
    let ceilings = match probe::measure(gpu) {
        Err(Error::Stopped { .. }) => Ceilings::default(),
        measured => measured?,
    };
    drop(preparing);
    let protocol = |tile: Tile| Protocol {
        samples: if args.quick { args.samples.min(bench::FEWEST) } else { args.samples },
        limit: Duration::from_secs(args.seconds),
        warmup: Duration::from_secs(if args.quick { 1 } else { 10 }),
        tile: Some(tile),
    };
    let open =
        |checked: bool| Gpu::open(&Choice { checked, ..args.adapter.choice() }).inspect(|gpu| stop.ends_waiting(gpu));
    let (mut rows, mut ended, mut tuner) = (Vec::new(), Ok(()), Tuner::new(tuning(args)));
    for config in configs {
        if stop.requested().is_some() {
            break;
        }
        let tile = match args.quick && gpu.is_software() && tuning(args) == Tuning::Never {
            // software rendering compiles slowly
            true => small(gpu, &config.setup()),
            false => tile(&mut tuner, gpu, config, &bar, stop, quiet),
        };
        let mut progress = |text: String| {
            show(text);
            stop.requested().is_none()
        };
        let (setup, wanted, protocol) = (config.setup(), wanted(args), protocol(tile));
        match bench::run(&open, gpu.is_checked(), &setup, &wanted, &protocol, trace, &mut progress) {
            Ok(measured) => rows.extend(measured),
            // what was measured before it is not lost
            Err(error) => {
                ended = Err(error);
                break;
            }
        }
    }
    bar.finish_and_clear();
    let document = Document {
        schema: SCHEMA,
        kind: KIND.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: commit(),
        wgpu: WGPU.to_owned(),
        browser: None,
        os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        adapter: gpu.record().clone(),
        ceilings,
        rows,
    };
    Ok((document, ended))
}

/// How the tile that rungs begin with is chosen; `--quick` should be quick.
fn tuning(args: &Args) -> Tuning {
    args.tune.tuning(if args.quick { Tuning::Never } else { Tuning::Usual })
}

/// The tile that rungs of `config` begin with.
fn tile(tuner: &mut Tuner, gpu: &Gpu, config: &Config, bar: &ProgressBar, stop: &Stop, quiet: bool) -> Tile {
    let mut announce = Announce { problem: config.problem.name(), bar, stop, quiet };
    tuner.choose(gpu, &config.setup(), config.plan, &mut announce).tile
}

/// Says which tile is taken.
struct Announce<'a> {
    problem: &'a str,
    bar: &'a ProgressBar,
    stop: &'a Stop,
    quiet: bool,
}

impl Observer for Announce<'_> {
    fn stop(&self) -> Option<u8> {
        self.stop.requested()
    }

    fn notice(&mut self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| output::say(text));
        }
    }

    fn measuring(&mut self, tile: &str) {
        self.bar.set_message(format!("{}: measuring tiles: {tile}", self.problem));
    }
}

/// The settings of each problem; `preset` where none is asked for.
fn configurations(args: &Args, names: &[String], preset: &str) -> Result<Vec<Config>> {
    let mut options = Options::from(&args.options);
    if args.quick {
        if options.network.is_none() && options.strategy.is_none() {
            options.condition.get_or_insert("gcr".to_owned());
        }
        options.width.get_or_insert(8);
        options.depth.get_or_insert(1);
    }
    let configure = |name: &String| {
        let mut config =
            Draft::new(name, &options, Options::default())?.resolve(if args.quick { "quick" } else { preset })?;
        if args.quick && options.points.is_empty() {
            config.preset.points.iter_mut().for_each(|count| *count = 64);
        }
        Ok(config)
    };
    names.iter().map(configure).collect()
}

/// The commit of the sources, where the program is called among them; `ACR_PINN_COMMIT` says it elsewhere.
fn commit() -> Option<String> {
    if let Ok(commit) = std::env::var("ACR_PINN_COMMIT") {
        return Some(commit);
    }
    let manifest = std::fs::read_to_string(Path::new("Cargo.toml")).ok()?;
    manifest.contains("name = \"acr-pinn-gpu\"").then_some(())?;
    let described =
        std::process::Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output().ok()?;
    let text = String::from_utf8(described.stdout).ok()?.trim().to_owned();
    (described.status.success() && !text.is_empty()).then_some(text)
}
