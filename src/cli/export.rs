//! `export`: a training step as a folder that any WebGPU plays, with a page for browsers; or a whole site of them.

use std::path::{Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::export::{self, Document, Extent, folder, page};
use acr_pinn_gpu::problems;
use acr_pinn_gpu::training::{Config, Draft, Options};
use serde_json::json;

use super::config::{self, Flags};
use super::{guard, output};

/// Arguments of `export`.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES, after_help = NOTES)]
pub struct Args {
    /// The problem; see `list`
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    problem: Option<String>,
    /// A static site: every problem with its preset quick, and klein-gordon and cavity at the paper's size to be timed
    #[arg(long)]
    all: bool,
    /// The folder to write, which must be new or empty
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many seeds a run may start from, counting up from --seed
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = config::whole::<u64>)]
    seeds: u64,
    /// Steps whose losses the f64 oracle predicts [default: 10, none where that would take minutes]
    #[arg(long, value_name = "N", value_parser = config::whole::<u32>)]
    expected: Option<u32>,
    /// Other sizes of the kernels' tile than the default's, such as rows=2,groups=1: smaller ones compile faster
    #[arg(long, value_name = "KEY=VALUE,…", default_value = "", hide_default_value = true)]
    with: String,
    /// Read options from this TOML file; flags win
    #[arg(long, value_name = "FILE.toml", conflicts_with = "all")]
    config: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: Flags,
}

const EXAMPLES: &str = "Examples:
  acr-pinn-gpu export klein-gordon --out DIR        a step as files, with a page that trains it
  acr-pinn-gpu export cavity --preset paper --out DIR
  acr-pinn-gpu export --all --out site              a site for any static host
  python3 -m http.server --directory DIR            then open http://localhost:8000";

const NOTES: &str = "Needs no adapter. The step is the same that `run` takes with these options on any WebGPU (target gpu); the default preset \
is quick. docs/EXPORT.md explains every file.";

/// What the oracle may have to do by itself: points × parameters × steps. About half a minute on two cores.
const AFFORDABLE: f64 = 3e8;
/// Steps that are predicted where that is affordable.
const PREDICTED: u32 = 10;
/// Seeds of one folder: each adds its parameters twice.
const MOST_SEEDS: u64 = 100;
/// More steps than this are nothing that rounding leaves comparable.
const MOST_EXPECTED: u32 = 100;
/// Problems of the site that are timed at the paper's size.
const TIMED: [&str; 2] = ["klein-gordon", "cavity"];

/// Writes what was asked for.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    if args.seeds > MOST_SEEDS {
        return Err(Error::Usage(format!("--seeds {} is outside 1..{MOST_SEEDS}", args.seeds)).into());
    }
    if let Some(steps) = args.expected.filter(|steps| *steps > MOST_EXPECTED) {
        return Err(Error::Usage(format!("--expected {steps} is outside 0..{MOST_EXPECTED}")).into());
    }
    match &args.problem {
        Some(problem) => one(args, problem, quiet),
        None => all(args, quiet),
    }
}

fn one(args: &Args, problem: &str, quiet: bool) -> anyhow::Result<u8> {
    let file = args.config.as_deref().map(config::read).transpose()?.unwrap_or_default();
    let config = Draft::new(problem, &Options::from(&args.options), file)?.resolve("quick")?;
    output::announce(&config.notices, quiet);
    export::build::tile(&config, &args.with)?;
    guard::empty_folder(&args.out)?;
    let document = write(&config, &extent(args, &config)?, &args.out, quiet)?;
    page::write(&args.out, page::Source::Step)?;
    let bytes = page::size(&args.out)?;
    if args.json {
        output::json(
            &json!({"schema": 1, "folder": args.out.to_string_lossy(), "bytes": bytes, "kernels": document.kernels.len(),
            "expected": document.expected.map_or(0, |expected| expected.losses.len())}),
        );
    } else {
        let text = format!("{} kernels, step.json and a page in {}\n", document.kernels.len(), args.out.display());
        output::print(&(text + &serve(&args.out)));
    }
    Ok(0)
}

fn serve(folder: &Path) -> String {
    format!("python3 -m http.server --directory {}    then open http://localhost:8000\n", folder.display())
}

/// Seeds to start from and steps to predict.
fn extent(args: &Args, config: &Config) -> Result<Extent> {
    let expected = args.expected.unwrap_or_else(|| affordable(config));
    Ok(Extent { seeds: config::seeds(config.seed, args.seeds)?, expected, with: args.with.clone() })
}

fn write(config: &Config, extent: &Extent, folder: &Path, quiet: bool) -> Result<Document> {
    if !quiet {
        let shown = config.problem.name();
        output::say(&match extent.expected {
            0 => format!("{shown}: no losses of whole steps by the f64 oracle, only one step at few points"),
            steps => format!("{shown}: the losses of {steps} steps by the f64 oracle"),
        });
    }
    folder::write(folder, &export::package(config, extent)?)
}

/// How many steps the oracle may take without being asked.
fn affordable(config: &Config) -> u32 {
    let points: usize = config.preset.points.iter().sum();
    let each = (points * config.network.layout(&config.shape).len) as f64;
    if each * f64::from(PREDICTED) <= AFFORDABLE { PREDICTED } else { 0 }
}

/// The site: a folder for each quick preset, and those that are timed.
fn all(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    let options = Options::from(&args.options);
    let quick = problems::ALL.iter().map(|problem| (problem.name(), "quick"));
    let configure = |(name, preset): (&'static str, &str)| {
        let options = Options { preset: Some(preset.to_owned()), ..options.clone() };
        Draft::new(name, &options, Options::default())?.resolve(preset)
    };
    let configs = quick.chain(TIMED.map(|name| (name, "paper"))).map(configure).collect::<Result<Vec<_>>>()?;
    configs.iter().try_for_each(|config| export::build::tile(config, &args.with).map(drop))?;
    guard::empty_folder(&args.out)?;
    let mut entries = Vec::new();
    for config in &configs {
        let (bench, name) =
            (config.preset.name == "paper", format!("{}-{}", config.problem.name(), config.preset.name));
        let folder = args.out.join(&name);
        std::fs::create_dir_all(&folder).map_err(|e| Error::output(&folder, e))?;
        // what is only timed begins in one way, and is held against one step of the oracle
        let mut extent = extent(args, config)?;
        if bench {
            (extent.seeds, extent.expected) = (vec![config.seed], 0);
        }
        let document = write(config, &extent, &folder, quiet)?;
        entries.push(page::Entry { folder: name, document, bench });
    }
    page::write(&args.out, page::Source::Site)?;
    page::write_list(&args.out, &entries)?;
    let bytes = page::size(&args.out)?;
    if args.json {
        output::json(&json!({"schema": 1, "folder": args.out.to_string_lossy(), "bytes": bytes,
            "steps": entries.iter().map(|entry| &entry.folder).collect::<Vec<_>>()}));
    } else {
        let mib = bytes as f64 / f64::from(1 << 20);
        let text = format!("{} steps and a page in {}, {mib:.1} MiB\n", entries.len(), args.out.display());
        output::print(&(text + &serve(&args.out)));
    }
    Ok(0)
}
