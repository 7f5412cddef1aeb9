//! `run` and `resume`: train, evaluate, draw, and leave a run directory that explains itself.

use std::path::{Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::training::journal::{self, utc_now};
use acr_pinn_gpu::training::{Checkpoint, Config, Draft, Options, Run, Runner, Tuning, files, problem_file};
use serde_json::json;

use super::adapter::AdapterArgs;
use super::config::{self, Flags};
use super::progress::Show;
use super::signals::Stop;
use super::tune::TuneArgs;
use super::{evaluate, guard, output};

/// What files are made of.
pub const HELP: &str = "Files:
  --config FILE.toml  the flags' names as keys, points in a table; --dump-config prints such a file:
                        preset = \"quick\"
                        condition = \"acr\"
                        steps = 2000
                        [points]
                        pde = 1000
  --reference DIR     reference_u.csv and reference_v.csv: 100 lines of 100 comma-separated numbers, line i at
                      x = i/99, column j at y = j/99
  --out DIR           run.json (settings, results), history.csv (step, a loss per term, total, rel_l2, rel_linf,
                      mse, lr), diagnostics.jsonl (conflicts and gates), model.safetensors (weights by PyTorch's
                      names, [out, in]), checkpoints/, *.png, report.html
Axes in their order, and fields: `acr-pinn-gpu list`";

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// The problem: a name of `list`, or the path of a problem file (*.toml)
    problem: String,
    #[command(flatten)]
    options: Flags,
    /// How many seeds to train one after the other, counting up from --seed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = config::whole::<u64>)]
    seeds: u64,
    /// Read options from this TOML file; flags win
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Print the merged options with their origins, as a file that --config takes, and stop
    #[arg(long)]
    dump_config: bool,
    /// The run directory [default: runs/PROBLEM-CONDITION-sSEED-TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Remove the run that is in --out, wholly, and write there; other files stay
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
    #[command(flatten)]
    tune: TuneArgs,
}

/// Arguments of `resume`.
#[derive(clap::Args)]
pub struct ResumeArgs {
    /// A run directory
    run: PathBuf,
    /// Train to this many steps in all
    #[arg(long, value_name = "N", value_parser = config::whole::<u64>)]
    steps: Option<u64>,
    /// After a divergence: stop, or rollback to the last good state with half the learning rate
    #[arg(long, value_name = "HOW")]
    on_nan: Option<String>,
    /// Continue with the settings of run.json even if the checkpoint was made with others
    #[arg(long)]
    force: bool,
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
    let seeds = config::seeds(probe.seed, args.seeds)?;
    if !args.dump_config {
        let places = match &args.out {
            Some(out) => seeds.iter().map(|seed| place(args, out, *seed)).collect(),
            // only whether anything can be written there
            None => vec![default_place(&probe)],
        };
        let copies = problem_file::copies(probe.problem);
        places.iter().try_for_each(|place| guard::run(place, args.force, &inputs(args), &copies))?;
    }
    let gpu = args.adapter.open(quiet)?;
    let preset = if gpu.is_software() { "quick" } else { "paper" };
    let mut config = draft.resolve(preset)?;
    if args.dump_config {
        match args.json {
            true => output::json(&json!(config.origins)),
            false => output::print(&config::dump(&config, &args.problem)),
        }
        return Ok(0);
    }
    output::announce(&config.notices, quiet);
    if !quiet && config.origins["preset"].1 == "default" && config.problem.file().is_none() {
        let why = if gpu.is_software() { "a CPU adapter; --preset paper takes far longer" } else { "a GPU" };
        output::say(&format!("preset:  {} (the default on {why})", config.preset.name));
    }
    let stop = Stop::listen()?;
    stop.ends_waiting(&gpu);
    let (mut documents, mut stopped) = (Vec::new(), None);
    let mut runner = Runner::new(&gpu, args.tune.tuning(Tuning::Usual));
    for seed in seeds {
        config.set_seed(seed);
        let folder = run_folder(args, &config, quiet)?;
        if let Some(reference) = &args.reference {
            remember_reference(&mut config);
            keep_reference(reference, &folder)?;
        }
        let run = Run { config: &config, folder: &folder, solution: solution.clone(), from: None, tile: None };
        let outcome = runner.run(run, &mut Show::new(config.preset.steps, &stop, quiet, args.json))?;
        documents.push(outcome.document);
        if args.seeds > 1 {
            // should a later run fail, those before it are not lost
            output::beside("runs", json!(documents));
        }
        if outcome.stopped.is_some() {
            stopped = outcome.stopped;
            break;
        }
    }
    if args.json {
        output::json(&if args.seeds == 1 { documents.remove(0) } else { json!({"schema": 1, "runs": documents}) });
    }
    Ok(stopped.unwrap_or(0))
}

/// Continues a run from its newest valid checkpoint.
pub fn resume(args: &ResumeArgs, quiet: bool) -> anyhow::Result<u8> {
    let stored = journal::read(&args.run)?;
    let mut options = stored.options;
    let stored_steps = options.steps;
    // runs from before there was a choice
    options.optimiser.get_or_insert_with(|| "adam".into());
    options.steps = args.steps.or(options.steps);
    options.on_nan = args.on_nan.clone().or(options.on_nan);
    // a run of a problem file keeps a copy of it; a file of that name may also be another's
    let copy = args.run.join(problem_file::COPY);
    let kept = copy.exists().then(|| problem_file::load(&copy)).transpose()?;
    let problem = match kept.filter(|kept| kept.name() == stored.problem) {
        Some(kept) => kept,
        None => problem_file::find(&stored.problem)?,
    };
    let mut config = Draft::of(problem, &options, Options::default())?.resolve("quick")?;
    let solution = match &stored.reference {
        Some(folder) => {
            remember_reference(&mut config);
            Some(evaluate::reference_in(config.problem, folder)?)
        }
        None => config.problem.solution(),
    };
    let mut from = newest(args, &config, quiet)?;
    let gpu = args.adapter.open(quiet)?;
    let mut tile = stored.tile;
    if gpu.record().name != stored.adapter {
        // what is fast there may be slow here, and the bits are others in any case
        from.iter_mut().for_each(|checkpoint| checkpoint.tile = None);
        tile = None;
    }
    let step = from.as_ref().map_or(0, |checkpoint| checkpoint.step);
    if !quiet {
        output::say(&format!("resume:  from step {step} of {}", config.preset.steps));
        output::announce(&config.notices, quiet);
        warn_of_the_rate(&config, stored_steps, step);
        if gpu.record().name != stored.adapter {
            output::say(&format!(
                "warning: this run began on `{}`: on another adapter it goes on with other bits",
                stored.adapter
            ));
        }
    }
    let stop = Stop::listen()?;
    stop.ends_waiting(&gpu);
    let run = Run { config: &config, folder: &args.run, solution, from, tile };
    let outcome =
        Runner::new(&gpu, Tuning::Never).run(run, &mut Show::new(config.preset.steps, &stop, quiet, args.json))?;
    if args.json {
        output::json(&outcome.document);
    }
    Ok(outcome.stopped.unwrap_or(0))
}

/// The schedule is stretched over all steps, so that a longer run is at another place of it: in a second warm-up, almost.
fn warn_of_the_rate(config: &Config, before: Option<u64>, step: u64) {
    let (schedule, steps) = (&config.preset.schedule, config.preset.steps);
    let rate = |steps| schedule.rate(step, steps);
    let Some(before) = before.filter(|before| *before != steps) else { return };
    // a run that was over had its last rate in the step before
    let old = if step == before { schedule.rate(step.saturating_sub(1), before) } else { rate(before) };
    let factor = rate(steps) / old;
    if factor > 1.2 {
        output::say(&format!(
            "warning: with {steps} steps instead of {before} the learning rate goes up from {old:.1e} to {:.1e} here, {factor:.1} \
             times, and losses may rise with it: the schedule is stretched over all steps",
            rate(steps)
        ));
    }
}

/// The checkpoint to go on from; none if the run was stopped before it wrote any.
fn newest(args: &ResumeArgs, config: &Config, quiet: bool) -> Result<Option<Checkpoint>> {
    let made_with = Checkpoint::newest_configuration(&args.run);
    let differences = made_with.map_or(Vec::new(), |made_with| config.differences(&made_with));
    if !differences.is_empty() && !args.force {
        let what = format!(
            "run.json has other settings than the checkpoints: {}; restore run.json, or go on with it by --force",
            differences.join(", ")
        );
        return Err(Error::input(&args.run, what));
    }
    let found = Checkpoint::newest(&args.run, &config.network.layout(&config.shape));
    if let (None, Some(newest)) = (&found.newest, found.damaged.first()) {
        let what = format!("no valid checkpoint to continue from: {newest}");
        return Err(Error::input(args.run.join("checkpoints"), what));
    }
    if !quiet {
        found.damaged.iter().for_each(|message| output::say(&format!("warning: {message}")));
    }
    let Some(checkpoint) = found.newest else { return Ok(None) };
    if checkpoint.step > config.preset.steps {
        let what = format!("--steps {}: the run is at step {} already", config.preset.steps, checkpoint.step);
        return Err(Error::Usage(what));
    }
    Ok(Some(checkpoint))
}

/// Name of the folder inside a run directory that keeps the reference given by --reference.
const REFERENCE: &str = "reference";

/// `run.json` shall say that the reference lies in the run directory.
fn remember_reference(config: &mut Config) {
    config.origins.insert("reference".to_owned(), (json!(REFERENCE), "flag".to_owned()));
}

/// Copies the reference into the run directory: `resume` finds it there, wherever the original has gone.
fn keep_reference(from: &Path, run: &Path) -> Result<()> {
    let folder = run.join(REFERENCE);
    std::fs::create_dir_all(&folder).map_err(|e| Error::output(&folder, e))?;
    for name in evaluate::REFERENCE_FILES {
        files::write(&folder.join(name), &files::read(&from.join(name), evaluate::REFERENCE_CAP)?)?;
    }
    Ok(())
}

/// The folder below or at `--out` that a seed's run goes to.
fn place(args: &Args, out: &Path, seed: u64) -> PathBuf {
    if args.seeds == 1 { out.to_owned() } else { out.join(format!("s{seed}")) }
}

fn default_place(config: &Config) -> PathBuf {
    Path::new("runs").join(format!("{}-{}-s{}-{}", config.problem.name(), config.label(), config.seed, utc_now()))
}

/// What is read while the run is set up.
fn inputs(args: &Args) -> Vec<&Path> {
    let problem = problem_file::is_path(&args.problem).then(|| Path::new(&args.problem));
    args.config.as_deref().into_iter().chain(args.reference.as_deref()).chain(problem).collect()
}

/// Makes the folder of the run.
fn run_folder(args: &Args, config: &Config, quiet: bool) -> Result<PathBuf> {
    let Some(out) = &args.out else { return guard::fresh(&default_place(config)) };
    let folder = place(args, out, config.seed);
    let copies = problem_file::copies(config.problem);
    guard::take_for_run(&folder, args.force, &inputs(args), &copies, quiet)?;
    Ok(folder)
}
