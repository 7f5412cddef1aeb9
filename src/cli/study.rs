//! `study`: a matrix of runs, continued where it was left, and what the runs say together.

use std::path::{Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::math::names;
use acr_pinn_gpu::study::estimate::{Estimate, estimate};
use acr_pinn_gpu::study::execute::{Director, runs_in, state_of};
use acr_pinn_gpu::study::methods::AXES;
use acr_pinn_gpu::study::publish::{Context, finished, part, publish};
use acr_pinn_gpu::study::{self, Entry, Outcome, Request, Run, Status, Study, Variation, distinct};
use acr_pinn_gpu::training::journal::utc_now;
use acr_pinn_gpu::training::{CONDITIONS, Config, Draft, Options, Tuning, files, problem_file};
use serde_json::json;

use super::adapter::AdapterArgs;
use super::config::{self, Flags};
use super::live::Live;
use super::shard::{self, Shard};
use super::signals::Stop;
use super::tune::TuneArgs;
use super::{guard, output};

/// Arguments of `study`.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The study; see `list`
    study: String,
    /// Problems, separated by commas [default: the study's]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    problems: Vec<String>,
    /// std, gcr, lda, acr, or matched: std with as many parameters as lda [default: the study's]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    conditions: Vec<String>,
    /// methods: networks to combine, or all [default: lda]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    networks: Vec<String>,
    /// methods: rules that combine gradients, or all [default: all]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    strategies: Vec<String>,
    /// methods: optimisers to combine, or all [default: adam]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    optimisers: Vec<String>,
    /// How many seeds, counting up from --seed [default: 5 from 19018; cost: 3]
    #[arg(long, value_name = "N", value_parser = config::whole::<u64>)]
    seeds: Option<u64>,
    #[command(flatten)]
    options: Flags,
    /// cost, robustness: hidden widths to go through
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = config::whole::<usize>)]
    widths: Vec<usize>,
    /// cost: numbers of hidden layers to go through
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = config::whole::<usize>)]
    depths: Vec<usize>,
    /// cost: points of the equation to go through
    #[arg(long, value_name = "N,N", value_delimiter = ',', value_parser = config::whole::<usize>)]
    sizes: Vec<usize>,
    /// robustness: learning rates to go through
    #[arg(long, value_name = "X,X", value_delimiter = ',')]
    rates: Vec<f64>,
    /// robustness: initial residual scales to go through
    #[arg(long, value_name = "X,X", value_delimiter = ',')]
    scales: Vec<f64>,
    /// cost: steps before the clock starts [default: 100]
    #[arg(long, value_name = "N", value_parser = config::whole::<u64>)]
    warmup: Option<u64>,
    /// cost: steps that are timed [default: 200]
    #[arg(long, value_name = "N", value_parser = config::whole::<u64>)]
    timed: Option<u64>,
    /// equal-time, methods: wall-clock seconds of a run [default: 2462; methods: the preset's steps instead]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    budget: Option<f64>,
    /// equal-time, methods: the relative L2 error whose first time counts [default: 0.05; methods: what half of the
    /// runs on a problem end with]
    #[arg(long, value_name = "ERROR", allow_negative_numbers = true)]
    reach: Option<f64>,
    /// The study's directory; the same again continues it [default: studies/NAME-TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Do every N-th run only, from the I-th on; in a Slurm array the task's own part [default: all]
    #[arg(long, value_name = "I/N", value_parser = shard::parse)]
    shard: Option<Shard>,
    /// Do runs again whose folders hold other settings, leave runs out that were not asked for, and remove another study
    /// that is in --out
    #[arg(long)]
    force: bool,
    /// Print the runs and an estimate of their time from a few steps, and stop
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document at the end
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    adapter: AdapterArgs,
    #[command(flatten)]
    tune: TuneArgs,
}

const EXAMPLES: &str = "Examples:
  acr-pinn-gpu study core --preset quick --seeds 2           the paper's four conditions on every problem
  acr-pinn-gpu study core --dry-run                          which runs, and about how long
  acr-pinn-gpu study cost --problems cavity --widths 20,50   time and memory of a step
  acr-pinn-gpu study equal-time --budget 600 --out DIR       the same again continues it
  acr-pinn-gpu study methods --networks mlp,lda --strategies sum,pcgrad,config --budget 20 --seeds 2
                                                             every network with every strategy, 20 s a run
  acr-pinn-gpu study core --shard 2/8 --out DIR              one of eight processes; the same without --shard
                                                             puts everything together";

/// Each is timed by itself and kept.
const MOST_TIMED: u64 = 10_000_000;

/// Runs the study, or what is left of it.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    let study = study::find(&args.study).map_err(Error::Usage)?;
    let shard = shard::of(args.shard, args.out.is_some(), args.dry_run, quiet)?;
    let request = request(args, study)?;
    // everything but the adapter is checked before an adapter is opened
    let planned = study.matrix(&request, &|variation| resolve(args, variation, "quick"))?;
    apart(&planned)?;
    let default = || PathBuf::from("studies").join(format!("{}-{}", study.name(), utc_now()));
    let folder = args.out.clone().unwrap_or_else(default);
    if !args.dry_run {
        guard::study(&folder, study.name(), args.force)?;
    }
    let gpu = args.adapter.open(quiet)?;
    let preset = if gpu.is_software() { "quick" } else { "revised" };
    let entries = study.matrix(&request, &|variation| resolve(args, variation, preset))?;
    output::announce(&distinct(entries.iter().flat_map(|entry| entry.config.notices.iter().cloned())), quiet);
    let names: Vec<String> = entries.iter().map(|entry| entry.name.clone()).collect();
    let entries: Vec<Entry> =
        entries.into_iter().enumerate().filter(|(k, _)| shard.is_none_or(|s| s.takes(*k))).map(|(_, e)| e).collect();
    if args.dry_run {
        return dry_run(args, study, &gpu, &entries, quiet);
    }
    let folder = match args.out {
        Some(_) => folder,
        None => guard::fresh(&folder)?,
    };
    if !args.force {
        // before anything there is replaced
        left_out(&folder, &names)?;
        entries.iter().try_for_each(|entry| state_of(&folder, entry).map(drop))?;
    }
    guard::take_for_study(&folder, study.name(), args.force, quiet)?;
    let context = Context {
        study,
        request: &request,
        adapter: json!(gpu.record()),
        command: command(std::env::args_os().map(|word| word.to_string_lossy().into_owned())),
    };
    let asked = json!({"study": study.name(), "version": env!("CARGO_PKG_VERSION"), "request": request});
    files::write(&folder.join("study.json"), format!("{asked:#}\n").as_bytes())?;
    let stop = Stop::listen()?;
    stop.ends_waiting(&gpu);
    let mut live = Live::new(&entries, &stop, quiet);
    let mut director = Director::new(&gpu, &folder, args.force, args.tune.tuning(Tuning::Usual));
    let ended = director.perform(&entries, &mut live);
    live.clear();
    let runs = gather(&folder, entries);
    // what is there is published whatever happened, but a shard knows only of its own
    let document = match shard {
        Some(shard) => Ok(part(&context, &shard.to_string(), &runs)),
        None => publish(&folder, &context, &runs),
    };
    if let (Err(_), Ok(document)) = (&ended, &document) {
        // what was done before the error is not lost
        output::beside("study", document.clone());
    }
    let stopped = ended?;
    let document = document?;
    if stopped.is_some() {
        let left = runs.len() - finished(&runs);
        output::say(&format!(
            "stopped with {left} of {} runs left: continue with the same command and --out {}",
            runs.len(),
            folder.display()
        ));
    }
    let failed: Vec<&Run> = runs.iter().filter(|run| run.outcome.status == Status::Failed).collect();
    if let Some(first) = failed.first() {
        let why = first.outcome.error.as_deref().unwrap_or("its run.json says no more");
        let (count, all, name) = (failed.len(), runs.len(), &first.entry.name);
        output::say(&format!("error: {count} of {all} runs failed, the first of them {name}: {why}"));
    }
    let fruitless = !runs.is_empty() && runs.iter().all(|run| run.outcome.status == Status::Diverged);
    if fruitless {
        output::say(&format!("error: all {} runs diverged: try a smaller --rate", runs.len()));
    }
    match (args.json, shard) {
        (true, _) => output::json(&document),
        (false, Some(shard)) => output::print(&format!(
            "shard {shard}: {} of {} runs are finished; the same command without --shard puts all together\n",
            finished(&runs),
            runs.len()
        )),
        (false, None) => output::print(&format!(
            "{}\n{}\n",
            std::fs::read_to_string(folder.join("table.md")).unwrap_or_default(),
            folder.join("report.html").display()
        )),
    }
    Ok(stopped.unwrap_or(u8::from(fruitless || !failed.is_empty())))
}

/// Each run has a folder of its own, by its name, and counts once.
fn apart(entries: &[Entry]) -> Result<()> {
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    match (1..names.len()).find(|&k| names[..k].contains(&names[k])) {
        None => Ok(()),
        Some(twice) => Err(Error::Usage(format!(
            "two runs would be called {}: name each value once, and give problem files names of their own",
            names[twice]
        ))),
    }
}

/// Tables of a smaller request would replace those of all runs that are there.
fn left_out(folder: &Path, asked: &[String]) -> Result<()> {
    let there = runs_in(folder);
    let left: Vec<&String> = there.iter().filter(|name| !asked.contains(name)).collect();
    let Some(first) = left.first() else { return Ok(()) };
    Err(Error::Usage(format!(
        "{} holds {} runs of this study that were not asked for now, such as {first}: ask for all, choose another --out, or \
         add --force, which leaves them out of the tables",
        folder.display(),
        left.len()
    )))
}

/// The command line without what concerns only this machine or this call.
fn command(words: impl Iterator<Item = String>) -> String {
    let mut kept = vec!["acr-pinn-gpu".to_owned()];
    let mut words = words.skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--out" | "--adapter" | "--backend" | "--shard" => drop(words.next()),
            "--force" | "--json" | "--quiet" | "-q" => {}
            other if ["--out=", "--adapter=", "--backend=", "--shard="].iter().any(|flag| other.starts_with(flag)) => {}
            _ => kept.push(word),
        }
    }
    kept.join(" ")
}

fn gather(folder: &Path, entries: Vec<Entry>) -> Vec<Run> {
    let outcome = |entry: &Entry| state_of(folder, entry).unwrap_or_else(|_| Outcome::open());
    entries.into_iter().map(|entry| Run { outcome: outcome(&entry), entry }).collect()
}

/// The study's defaults with what the flags say instead.
fn request(args: &Args, study: &dyn Study) -> Result<Request> {
    does_nothing(args, study.name())?;
    let mut request = study.defaults();
    let shared = Options::from(&args.options);
    for (flag, given) in [
        ("condition", shared.condition.is_some()),
        ("network", shared.network.is_some()),
        ("strategy", shared.strategy.is_some()),
        // one for all runs, where the study does not go through them
        ("optimiser", shared.optimiser.is_some() && request.axes.contains_key("optimisers")),
    ] {
        if given {
            let axis = AXES.iter().find(|axis| axis.name == flag && request.axes.contains_key(axis.list));
            return Err(Error::Usage(format!(
                "a study goes through conditions: use --{} A,B instead of --{flag}",
                axis.map_or("conditions", |axis| axis.list)
            )));
        }
    }
    let take = |wish: &Vec<String>, list: &mut Vec<String>| {
        if !wish.is_empty() {
            wish.clone_into(list);
        }
    };
    take(&args.problems, &mut request.problems);
    take(&args.conditions, &mut request.conditions);
    for problem in &request.problems {
        problem_file::find(problem)?;
    }
    let known: Vec<&str> = CONDITIONS.iter().map(|(name, ..)| *name).chain(["matched"]).collect();
    if let Some(odd) = request.conditions.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Error::Usage(names::unknown("condition", odd, &known)));
    }
    let asked = [&args.networks, &args.strategies, &args.optimisers];
    for (axis, asked) in AXES.iter().zip(asked).filter(|(_, asked)| !asked.is_empty()) {
        request.axes.insert(axis.list, asked.clone());
    }
    let first = shared.seed.unwrap_or(request.seeds[0]);
    let count = args.seeds.unwrap_or(request.seeds.len() as u64);
    request.seeds = config::seeds(first, count)?;
    let equation = |(term, count): &(String, usize)| (term == "pde").then_some(*count);
    let sizes = shared.points.iter().find_map(equation);
    one_of(["width", "widths"], shared.width, &args.widths, &mut request.widths)?;
    one_of(["depth", "depths"], shared.depth, &args.depths, &mut request.depths)?;
    one_of(["points pde=N", "sizes"], sizes, &args.sizes, &mut request.sizes)?;
    one_of(["rate", "rates"], shared.rate, &args.rates, &mut request.rates)?;
    one_of(["residual-scale", "scales"], shared.residual_scale, &args.scales, &mut request.scales)?;
    request.warmup = args.warmup.unwrap_or(request.warmup);
    request.timed = args.timed.unwrap_or(request.timed);
    request.budget = args.budget.or(request.budget);
    request.reach = args.reach.or(request.reach);
    if request.timed == 0 {
        return Err(Error::Usage("--timed must be at least 1".into()));
    }
    if let Some(many) = [request.warmup, request.timed].into_iter().find(|steps| *steps > MOST_TIMED) {
        return Err(Error::Usage(format!("{many} steps are more than the {MOST_TIMED} that are timed at most")));
    }
    for (flag, number, what) in [("budget", request.budget, "number of seconds"), ("reach", request.reach, "error")] {
        if let Some(odd) = number.filter(|number| !(*number > 0.0 && number.is_finite())) {
            return Err(Error::Usage(format!("--{flag} {odd} is no {what}")));
        }
    }
    Ok(request)
}

/// A study goes through a list, or stays at the one value that all runs share.
fn one_of<T: Clone + PartialEq>(names: [&str; 2], shared: Option<T>, wish: &[T], list: &mut Vec<T>) -> Result<()> {
    match shared {
        Some(one) if !wish.is_empty() && wish != std::slice::from_ref(&one) => {
            let [one, many] = names;
            return Err(Error::Usage(format!("--{one} and --{many} ask for different things: leave one of them out")));
        }
        Some(one) => *list = vec![one],
        None if !wish.is_empty() => *list = wish.to_vec(),
        None => {}
    }
    Ok(())
}

/// Flags that only some studies know.
fn does_nothing(args: &Args, study: &str) -> Result<()> {
    let flags = [
        ("widths", !args.widths.is_empty(), &["cost", "robustness"][..]),
        ("depths", !args.depths.is_empty(), &["cost"]),
        ("sizes", !args.sizes.is_empty(), &["cost"]),
        ("rates", !args.rates.is_empty(), &["robustness"]),
        ("scales", !args.scales.is_empty(), &["robustness"]),
        ("warmup", args.warmup.is_some(), &["cost"]),
        ("timed", args.timed.is_some(), &["cost"]),
        ("budget", args.budget.is_some(), &["equal-time", "methods"]),
        ("reach", args.reach.is_some(), &["equal-time", "methods"]),
        ("networks", !args.networks.is_empty(), &["methods"]),
        ("strategies", !args.strategies.is_empty(), &["methods"]),
        ("optimisers", !args.optimisers.is_empty(), &["methods"]),
        ("conditions", !args.conditions.is_empty(), &["core", "cost", "ablation", "robustness", "equal-time"]),
    ];
    match flags.into_iter().find(|(_, given, studies)| *given && !studies.contains(&study)) {
        Some((flag, _, studies)) => Err(Error::Usage(format!(
            "--{flag} does nothing in `study {study}`: it belongs to {}",
            studies.join(" and ")
        ))),
        None => Ok(()),
    }
}

/// The shared options with what is particular to one run.
fn resolve(args: &Args, variation: &Variation, preset: &str) -> Result<Config> {
    let mut options = variation.method.clone().over(Options::from(&args.options));
    let problem = problem_file::find(&variation.problem)?;
    options.seed = Some(variation.seed);
    options.width = variation.width.or(options.width);
    options.depth = variation.depth.or(options.depth);
    options.rate = variation.rate.or(options.rate);
    options.residual_scale = variation.residual_scale.or(options.residual_scale);
    if let Some(count) = variation.points {
        let equation = problem.terms()[0].name;
        options.points.retain(|(term, _)| term != equation);
        options.points.push((equation.to_owned(), count));
    }
    Draft::new(&variation.problem, &options, Options::default())?.resolve(preset)
}

fn dry_run(args: &Args, study: &dyn Study, gpu: &Gpu, entries: &[Entry], quiet: bool) -> anyhow::Result<u8> {
    if !quiet {
        output::say("taking a few steps of each network");
    }
    let estimate = estimate(gpu, entries)?;
    if args.json {
        let runs: Vec<_> = entries
            .iter()
            .map(|e| json!({"run": e.name, "task": e.task, "steps": e.config.preset.steps, "parameters": e.parameters()}))
            .collect();
        output::json(
            &json!({"schema": 1, "study": study.name(), "adapter": gpu.record(), "runs": runs, "estimate_s": {
            "building": estimate.building, "stepping": estimate.stepping, "all": estimate.seconds()}}),
        );
        return Ok(0);
    }
    let mut text = String::new();
    for entry in entries {
        let points: Vec<_> = entry.config.preset.points.iter().map(usize::to_string).collect();
        text += &format!(
            "{:<40} {:>13}  {} {}×{}  {} parameters  {} points\n",
            entry.name,
            entry.length(),
            entry.config.network.name(),
            entry.config.shape.depth,
            entry.config.shape.width,
            entry.parameters(),
            points.join("+")
        );
    }
    output::print(&(text + &sentence(&estimate, entries.len())));
    Ok(0)
}

fn sentence(estimate: &Estimate, runs: usize) -> String {
    format!(
        "{runs} runs, about {} (of which {} compile kernels): a few steps of each network, scaled by the work of a step; \
         evaluations are not counted\n",
        super::live::duration(estimate.seconds()),
        super::live::duration(estimate.building)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_says_nothing_of_this_machine() {
        let words = "/usr/bin/acr-pinn-gpu study core --out /home/me/x --seeds 2 --adapter=nvidia --quiet --steps 30";
        let command = command(words.split(' ').map(str::to_owned));
        assert_eq!(command, "acr-pinn-gpu study core --seeds 2 --steps 30");
    }
}
