//! `run` and `resume`: train, evaluate, draw, and leave a run directory that explains itself.

use std::path::{Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::training::journal::{self, utc_now};
use acr_pinn_gpu::training::{Checkpoint, Config, Draft, Options, Run, Runner};
use serde_json::json;

use super::adapter::AdapterArgs;
use super::config::{self, Flags};
use super::progress::Show;
use super::signals::Stop;
use super::{evaluate, output};

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// The problem; see `list`
    problem: String,
    #[command(flatten)]
    options: Flags,
    /// How many seeds to train one after the other, counting up from --seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Read options from this TOML file; flags win
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Print the merged options with their origins and stop
    #[arg(long)]
    dump_config: bool,
    /// The run directory [default: runs/PROBLEM-CONDITION-sSEED-TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write into a run directory that exists
    #[arg(long)]
    force: bool,
    /// Cavity: compare with reference_u.csv and reference_v.csv of this folder instead
    #[arg(long, value_name = "DIR")]
    reference: Option<PathBuf>,
    /// Print one JSON document at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    adapter: AdapterArgs,
}

/// Arguments of `resume`.
#[derive(clap::Args)]
pub struct ResumeArgs {
    /// A run directory
    run: PathBuf,
    /// Train to this many steps in all
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Print one JSON document at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    adapter: AdapterArgs,
}

/// Trains one run per seed.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    let file = args.config.as_deref().map(config::read).transpose()?.unwrap_or_default();
    let draft = Draft::new(&args.problem, &Options::from(&args.options), file)?;
    let probe = draft.resolve("quick")?;
    let solution = match &args.reference {
        Some(folder) => Some(evaluate::reference_in(probe.problem, folder)?),
        None => probe.problem.solution(),
    };
    if args.seeds == 0 {
        return Err(Error::Usage("--seeds must be at least 1".into()).into());
    }
    let gpu = args.adapter.open(quiet)?;
    let preset = if gpu.is_software() { "quick" } else { "paper" };
    let mut config = draft.resolve(preset)?;
    if args.dump_config {
        output::json(&json!(config.origins));
        return Ok(0);
    }
    if !quiet && config.origins["preset"].1 == "default" {
        let why = if gpu.is_software() { "a CPU adapter; --preset paper takes far longer" } else { "a GPU" };
        eprintln!("preset:  {} (the default on {why})", config.preset.name);
    }
    let stop = Stop::listen()?;
    let first = config.seed;
    let mut runner = Runner::new(&gpu);
    for seed in first..first + args.seeds {
        config.set_seed(seed);
        let folder = run_folder(args, &config)?;
        let run = Run { config: &config, folder: &folder, solution: solution.clone(), from: None };
        let outcome = runner.run(run, &mut Show::new(config.preset.steps, &stop, quiet, args.json))?;
        if let Some(code) = outcome.stopped {
            return Ok(code);
        }
    }
    Ok(0)
}

/// Continues a run from its newest valid checkpoint.
pub fn resume(args: &ResumeArgs, quiet: bool) -> anyhow::Result<u8> {
    let (problem, mut options) = journal::read(&args.run)?;
    let (found, damaged) = Checkpoint::newest(&args.run);
    for message in &damaged {
        eprintln!("warning: {message}");
    }
    let Some(checkpoint) = found else {
        return Err(Error::input(args.run.join("checkpoints"), "no valid checkpoint to continue from").into());
    };
    options.steps = args.steps.or(options.steps);
    let config = Draft::new(&problem, &options, Options::default())?.resolve("quick")?;
    if args.steps.is_none() && config.fingerprint() != checkpoint.configuration {
        let what = "run.json and the checkpoint disagree about the configuration: restore run.json as the run wrote it";
        return Err(Error::input(&args.run, what).into());
    }
    let gpu = args.adapter.open(quiet)?;
    if !quiet {
        eprintln!("resume:  from step {} of {}", checkpoint.step, config.preset.steps);
    }
    let stop = Stop::listen()?;
    let run = Run { config: &config, folder: &args.run, solution: config.problem.solution(), from: Some(checkpoint) };
    let outcome = Runner::new(&gpu).run(run, &mut Show::new(config.preset.steps, &stop, quiet, args.json))?;
    Ok(outcome.stopped.unwrap_or(0))
}

/// Where the run goes; an existing directory is refused unless forced.
fn run_folder(args: &Args, config: &Config) -> Result<PathBuf> {
    let name = || format!("{}-{}-s{}-{}", args.problem, config.condition, config.seed, utc_now());
    let folder = match &args.out {
        Some(out) if args.seeds == 1 => out.clone(),
        Some(out) => out.join(format!("s{}", config.seed)),
        None => Path::new("runs").join(name()),
    };
    if folder.join("run.json").exists() && !args.force {
        let what = format!("{} already holds a run: choose another --out, or add --force", folder.display());
        return Err(Error::Usage(what));
    }
    let fresh = || -> std::io::Result<()> {
        // an old run's checkpoints must not be mistaken for this one's
        if folder.join("checkpoints").exists() {
            std::fs::remove_dir_all(folder.join("checkpoints"))?;
        }
        std::fs::create_dir_all(&folder)
    };
    fresh().map_err(|e| Error::output(&folder, e))?;
    Ok(folder)
}
