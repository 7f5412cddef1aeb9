//! `run` and `resume`: train, evaluate, draw, and leave a run directory that explains itself.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::math::rng::Seeds;
use acr_pinn_gpu::plans::Setup;
use acr_pinn_gpu::problems::{Sampling, Solution};
use acr_pinn_gpu::strategies::Gram;
use acr_pinn_gpu::training::{Checkpoint, Evaluation, Evaluator, History, Model, Row, StepRecord, Trainer, files};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::adapter::AdapterArgs;
use super::config::{self, Config, Draft, Options};
use super::record::Journal;
use super::signals::Stop;
use super::{evaluate, output, pictures};

/// Arguments of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// The problem; see `list`
    problem: String,
    #[command(flatten)]
    options: Options,
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
    let file = args.config.as_ref().map(config::read).transpose()?.unwrap_or_default();
    let draft = Draft::new(&args.problem, &args.options, file)?;
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
    for seed in first..first + args.seeds {
        config.set_seed(seed);
        let folder = run_folder(args, &config)?;
        let code = Session { gpu: &gpu, config: &config, folder: &folder, quiet, json: args.json, stop: &stop }
            .train(solution.clone(), None)?;
        if code != 0 {
            return Ok(code);
        }
    }
    Ok(0)
}

/// Continues a run from its newest valid checkpoint.
pub fn resume(args: &ResumeArgs, quiet: bool) -> anyhow::Result<u8> {
    let (problem, mut options) = super::record::read(&args.run)?;
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
    let solution = config.problem.solution();
    let code = Session { gpu: &gpu, config: &config, folder: &args.run, quiet, json: args.json, stop: &stop }
        .train(solution, Some(checkpoint))?;
    Ok(code)
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

/// One run in one directory.
struct Session<'a> {
    gpu: &'a Gpu,
    config: &'a Config,
    folder: &'a Path,
    quiet: bool,
    json: bool,
    stop: &'a Stop,
}

impl Session<'_> {
    fn train(&self, solution: Option<Solution>, from: Option<Checkpoint>) -> Result<u8> {
        let mut journal = Journal::start(self.folder, self.config, self.gpu, from.as_ref().map(|c| c.step))?;
        self.train_and_report(&mut journal, solution, from).inspect_err(|error| {
            // the error itself matters more than a record that cannot be written either
            let _ = journal.fail(error);
        })
    }

    fn train_and_report(
        &self,
        journal: &mut Journal,
        solution: Option<Solution>,
        from: Option<Checkpoint>,
    ) -> Result<u8> {
        let config = self.config;
        let bar = self.bar();
        let parameters = config.network.initial(&config.shape, Seeds::of(config.seed).initial);
        let setup = Setup {
            problem: config.problem,
            network: config.network,
            shape: config.shape,
            strategy: config.strategy,
            counts: config.preset.points.clone(),
            resampled: config.preset.sampling == Sampling::Resampled,
            schedule: config.preset.schedule,
            steps: config.preset.steps,
            seeds: Seeds::of(config.seed),
            orders: None,
        };
        bar.set_message("compiling kernels");
        let mut trainer = Trainer::new(self.gpu, setup, config.plan, &parameters)?;
        let terms: Vec<_> = config.problem.terms().iter().map(|t| t.name).collect();
        let mut history = History::new(terms.clone());
        if let Some(c) = from {
            let expected = parameters.len();
            if c.parameters.len() != expected || c.moments.len() != 2 * expected {
                let what =
                    format!("its checkpoint holds {} parameters, this network has {expected}", c.parameters.len());
                return Err(Error::input(self.folder, what));
            }
            trainer.restore(c.step, &c.parameters, &c.moments);
            history = History::from_numbers(terms, &c.history);
        }
        let evaluator = Evaluator::new(self.gpu, &trainer.setup, &trainer.step, &trainer.tile, solution)?;
        let outcome = self.advance(&mut trainer, &evaluator, &mut history, journal, &bar);
        bar.finish_and_clear();
        files::write(&self.folder.join("history.csv"), history.csv().as_bytes())?;
        let code = outcome?;
        let status = if code == 0 { "finished" } else { "interrupted" };
        let evaluation = evaluator.evaluate(self.gpu)?;
        self.save_model(&trainer)?;
        let drawn = pictures::draw(self.folder, config.problem, &evaluation, evaluator.solution(), &history)?;
        let document = journal.finish(status, &history, &trainer, &drawn)?;
        let page = super::page::render(config, &document, &history, &drawn);
        files::write(&self.folder.join("report.html"), page.as_bytes())?;
        self.conclude(code, &evaluation, &document);
        Ok(code)
    }

    /// Steps until the end or a signal; evaluates, notes and saves on the way.
    fn advance(
        &self,
        trainer: &mut Trainer,
        evaluator: &Evaluator,
        history: &mut History,
        journal: &mut Journal,
        bar: &ProgressBar,
    ) -> Result<u8> {
        let (steps, every) = (self.config.preset.steps, self.config.preset.evaluate_every);
        let start = Instant::now();
        let first = trainer.done();
        let mut last_save = Instant::now();
        while trainer.done() < steps {
            let due = (trainer.done() / every + 1) * every;
            let mut newest = None;
            while trainer.done() < due.min(steps) && self.stop.requested().is_none() {
                // short pieces: the bar moves and a signal is heard within a fraction of a second
                let piece = trainer.step_time().map_or(1, |t| (0.25 / t.as_secs_f64().max(1e-6)) as u64).max(1);
                newest = trainer.advance(piece.min(due.min(steps) - trainer.done()))?.pop();
                self.tick(bar, trainer, newest.as_ref(), history, start.elapsed(), first);
            }
            let stopped = self.stop.requested();
            if let Some(record) = newest {
                let evaluation = evaluator.evaluate(self.gpu)?;
                history.rows.push(row(trainer.done(), &record, &evaluation));
                journal.diagnose(&diagnosis(trainer.done(), &record, &history.terms))?;
            }
            if stopped.is_some() || trainer.done() >= steps || last_save.elapsed() > Duration::from_secs(2) {
                self.save_checkpoint(trainer, history)?;
                last_save = Instant::now();
            }
            if let Some(code) = stopped {
                return Ok(code);
            }
        }
        Ok(0)
    }

    fn save_checkpoint(&self, trainer: &Trainer, history: &History) -> Result<()> {
        let checkpoint = Checkpoint {
            step: trainer.done(),
            parameters: trainer.parameters()?,
            moments: trainer.moments()?,
            history: history.numbers(),
            configuration: self.config.fingerprint(),
        };
        checkpoint.save(self.folder, self.config.keep)?;
        files::write(&self.folder.join("history.csv"), history.csv().as_bytes())
    }

    fn save_model(&self, trainer: &Trainer) -> Result<()> {
        let mut metadata = std::collections::HashMap::from([
            ("format".to_owned(), "acr-pinn-gpu model 1".to_owned()),
            ("problem".to_owned(), self.config.problem.name().to_owned()),
            ("network".to_owned(), self.config.network.name().to_owned()),
            ("preset".to_owned(), self.config.preset.name.to_owned()),
            ("step".to_owned(), trainer.done().to_string()),
        ]);
        metadata.extend(self.config.problem.parameters().iter().map(|p| (p.name.to_owned(), p.value.to_string())));
        let model = Model {
            network: self.config.network,
            shape: self.config.shape,
            parameters: trainer.parameters()?,
            metadata,
        };
        model.save(&self.folder.join("model.safetensors"))
    }

    fn bar(&self) -> ProgressBar {
        let bar = ProgressBar::new(self.config.preset.steps);
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}").expect("a fixed template");
        bar.set_style(style);
        if self.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    fn tick(
        &self,
        bar: &ProgressBar,
        trainer: &Trainer,
        record: Option<&StepRecord>,
        history: &History,
        elapsed: Duration,
        first: u64,
    ) {
        let Some(record) = record else { return };
        let error =
            history.rows.last().and_then(|row| row.errors).map_or(String::new(), |e| format!(" · L2 {:.3e}", e[0]));
        let done = trainer.done() - first;
        let rate = done as f64 / elapsed.as_secs_f64().max(1e-9);
        let left = (self.config.preset.steps - trainer.done()) as f64 / rate;
        bar.set_position(trainer.done());
        let losses = history.terms.iter().zip(&record.losses).map(|(term, loss)| format!("{term} {loss:.1e}"));
        let losses = losses.collect::<Vec<_>>().join(" ");
        bar.set_message(format!("{losses}{error} · {rate:.0} steps/s · {left:.0} s left"));
    }

    fn conclude(&self, code: u8, evaluation: &Evaluation, document: &serde_json::Value) {
        if self.json {
            output::json(document);
            return;
        }
        let mut text = String::new();
        if code != 0 {
            text += &format!(
                "stopped at step {}: continue with `acr-pinn-gpu resume {}`\n",
                document["final"]["step"],
                self.folder.display()
            );
        }
        if let Some(e) = evaluation.errors {
            text +=
                &format!("relative L2 {:.4e} · relative L∞ {:.4e} · mean square {:.4e}\n", e.rel_l2, e.rel_linf, e.mse);
        }
        text += &format!("{}\n", self.folder.join("report.html").display());
        output::print(&text);
    }
}

fn row(step: u64, record: &StepRecord, evaluation: &Evaluation) -> Row {
    Row {
        step,
        losses: record.losses.iter().map(|&l| f64::from(l)).collect(),
        total: record.total(),
        errors: evaluation.errors.map(|e| [e.rel_l2, e.rel_linf, e.mse]),
        rate: f64::from(record.rate),
    }
}

/// One line of `diagnostics.jsonl`: how the terms' gradients stood to each other in the last step.
fn diagnosis(step: u64, record: &StepRecord, terms: &[&str]) -> serde_json::Value {
    let gram = Gram::from_entries(terms.len(), record.gram.iter().map(|&m| f64::from(m)).collect());
    let coefficients: Vec<f64> = record.coefficients.iter().map(|&c| f64::from(c)).collect();
    let conflicts = gram.conflicts(&coefficients);
    json!({"step": step, "lr": record.rate, "coefficients": coefficients, "gradient_norms": conflicts.norms,
        "cosines": conflicts.cosines, "conflict_rate": conflicts.conflict_rate,
        "projection_ratio": conflicts.projection_ratio})
}

/// Now, as in 20260131T235959Z.
pub fn utc_now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, clock) = ((seconds / 86_400) as i64, seconds % 86_400);
    // days to date: Howard Hinnant's algorithm, years beginning in March
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", clock / 3600, clock / 60 % 60, clock % 60)
}
