//! From what a user asks for to what a run does: flags before the file of `--config` before the preset.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::kernels;
use crate::math::{Schedule, names};
use crate::networks::{self, Network, Shape};
use crate::optimisers::{self, Optimisation};
use crate::problems::{Preset, Problem, Sampling};
use crate::strategies;

use super::configuration::{Config, Options, scales};
use super::pair::{Pair, pair};
use super::problem_file;

/// What to do when the numbers are not finite any more.
const ON_NAN: [&str; 2] = ["stop", "rollback"];

/// Looks names up and checks everything that can be checked without an adapter; the preset stays open.
pub struct Draft {
    problem: &'static dyn Problem,
    flags: Options,
    file: Options,
}

impl Draft {
    /// Checks the names in `flags` and `file` for problem `name`.
    pub fn new(name: &str, flags: &Options, file: Options) -> Result<Draft> {
        Draft::of(problem_file::find(name)?, flags, file)
    }

    /// The same for a problem that is known.
    pub fn of(problem: &'static dyn Problem, flags: &Options, mut file: Options) -> Result<Draft> {
        if let Some(own) = problem.file() {
            let train = Options::of_problem_file(&own.text);
            file = file.over(train.map_err(|what| Error::Usage(format!("{}: {what}", problem.name())))?);
        }
        let mut parameters = Vec::new();
        let horizon = pick(&flags.horizon, &file.horizon);
        let reynolds = pick(&flags.reynolds, &file.reynolds);
        for (parameter, picked) in [("horizon", horizon), ("reynolds", reynolds)] {
            parameters.extend(picked.map(|(value, _)| (parameter, value)));
        }
        let problem = changed(problem, &parameters)?;
        let draft = Draft { problem, flags: flags.clone(), file };
        // everything but the adapter is checked before an adapter is opened
        let mut failed = Vec::new();
        let presets = problem.presets();
        for preset in &presets {
            failed.extend(draft.resolve(preset.name).err());
        }
        // what only some presets refuse may still fit the one that is chosen with the adapter
        match failed.len() == presets.len() {
            true => Err(failed.remove(0)),
            false => Ok(draft),
        }
    }

    /// The configuration, with `default_preset` where none is asked for.
    pub fn resolve(&self, default_preset: &str) -> Result<Config> {
        let (flags, file) = (&self.flags, &self.file);
        let usage = Error::Usage;
        let mut origins = BTreeMap::new();
        let mut note = |key: &str, value: serde_json::Value, origin: &str| {
            origins.insert(key.to_owned(), (value, origin.to_owned()));
        };
        let or_default = |picked: Option<(String, &'static str)>, default: &str| {
            picked.map_or((default.to_owned(), "default".to_owned()), |(v, o)| (v, o.to_owned()))
        };
        // a problem file has one preset, its own
        let presets = self.problem.presets();
        let default_preset = if presets.len() == 1 { presets[0].name } else { default_preset };
        let (preset_name, origin) = or_default(pick(&flags.preset, &file.preset), default_preset);
        let mut preset = self.problem.preset(&preset_name).map_err(usage)?;
        note("preset", preset_name.clone().into(), &origin);
        let Pair { network, strategy, condition, mut notices } = pair(flags, file).map_err(usage)?;
        for (key, (value, origin)) in [("condition", &condition), ("network", &network), ("strategy", &strategy)] {
            note(key, value.clone().into(), origin);
        }
        let (network, strategy, condition) = (network.0, strategies::find(&strategy.0).map_err(usage)?, condition.0);
        let (plan, plan_origin) = or_default(pick(&flags.plan, &file.plan), "fused");
        note("plan", plan.clone().into(), &plan_origin);
        let from_preset = format!("preset {preset_name}");
        let (optimiser, origin) = pick(&flags.optimiser, &file.optimiser)
            .map_or((preset.optimiser.to_owned(), from_preset.clone()), |(name, origin)| (name, origin.to_owned()));
        let mut optimiser = Optimisation::of(optimisers::find(&optimiser).map_err(usage)?);
        note("optimiser", optimiser.optimiser.name().into(), &origin);
        let betas = pick(&flags.betas, &file.betas);
        optimiser.betas = betas.map_or(optimiser.betas, |(betas, _)| betas);
        note("betas", optimiser.betas.to_vec().into(), betas.map_or("default", |(_, origin)| origin));
        let frequency = pick(&flags.frequency, &file.frequency);
        check_optimiser(&optimiser, frequency.map(|(frequency, _)| frequency)).map_err(usage)?;
        if optimiser.optimiser.frequency().is_some() {
            optimiser.frequency = frequency.map_or(optimiser.frequency, |(frequency, _)| frequency);
            note("frequency", optimiser.frequency.into(), frequency.map_or("default", |(_, origin)| origin));
        }
        let mut number = |key: &str, picked: Option<(u64, &str)>, default: u64, origin: &str| {
            let (value, origin) = picked.unwrap_or((default, origin));
            note(key, value.into(), origin);
            value
        };
        let wide = |picked: Option<(usize, &'static str)>| picked.map(|(v, o)| (v as u64, o));
        preset.steps = number("steps", pick(&flags.steps, &file.steps), preset.steps, &from_preset);
        preset.width =
            number("width", wide(pick(&flags.width, &file.width)), preset.width as u64, &from_preset) as usize;
        preset.depth =
            number("depth", wide(pick(&flags.depth, &file.depth)), preset.depth as u64, &from_preset) as usize;
        let every = pick(&flags.every, &file.every);
        let evaluate = every.map_or(preset.evaluate_every, |(every, _)| every.min(preset.evaluate_every));
        preset.evaluate_every =
            number("evaluate-every", pick(&flags.evaluate_every, &file.evaluate_every), evaluate, &from_preset);
        let seed = number("seed", pick(&flags.seed, &file.seed), 1234, "default");
        let keep = number("keep", wide(pick(&flags.keep, &file.keep)), 2, "default") as usize;
        if let Some((every, origin)) = every {
            note("every", every.into(), origin);
        }
        let (on_nan, origin) = or_default(pick(&flags.on_nan, &file.on_nan), "stop");
        if !ON_NAN.contains(&&*on_nan) {
            return Err(usage(names::unknown("--on-nan", &on_nan, &ON_NAN)));
        }
        note("on-nan", on_nan.clone().into(), &origin);
        if let Some((sampling, origin)) = pick(&flags.sampling, &file.sampling) {
            preset.sampling = match &*sampling {
                "fixed" => Sampling::Fixed,
                "resampled" => Sampling::Resampled,
                other => return Err(usage(names::unknown("sampling", other, &["fixed", "resampled"]))),
            };
            if strategy.weighing().is_some() && preset.sampling == Sampling::Resampled {
                let name = strategy.name();
                return Err(usage(format!(
                    "{name} keeps a weight for every point, and {sampling} points are new at every step: --sampling fixed"
                )));
            }
            note("sampling", sampling.into(), origin);
        } else if strategy.weighing().is_some() && preset.sampling == Sampling::Resampled {
            preset.sampling = Sampling::Fixed;
            let name = strategy.name();
            notices.push(format!("{name} keeps a weight for every point, so points stay: --sampling fixed"));
            note("sampling", preset.sampling.name().into(), &format!("strategy {name}"));
        } else {
            note("sampling", preset.sampling.name().into(), &from_preset);
        }
        let rate = pick(&flags.rate, &file.rate);
        let schedule = preset.schedule;
        preset.schedule = rate.map_or(schedule, |(rate, _)| schedule.with_highest(rate));
        note("rate", preset.schedule.highest().into(), rate.map_or(&from_preset, |(_, origin)| origin));
        for (points, origin) in [(&file.points, "file"), (&flags.points, "flag")] {
            let mut given = BTreeMap::new();
            for (term, count) in points {
                for (set, count) in split_points(self.problem, term, *count).map_err(usage)? {
                    let name = self.problem.sets()[set].name;
                    if given.insert(set, count).is_some_and(|before| before != count) {
                        return Err(usage(format!(
                            "points of `{name}` are given twice, with other numbers: leave one out"
                        )));
                    }
                    if let Some(fixed) = self.problem.count(set).filter(|fixed| *fixed != count) {
                        return Err(usage(format!("--points {name}={count}: its file has {fixed} points")));
                    }
                    preset.points[set] = count;
                    note(&format!("points.{}", self.problem.sets()[set].name), count.into(), origin);
                }
            }
        }
        for (set, count) in self.problem.sets().iter().zip(&preset.points) {
            origins.entry(format!("points.{}", set.name)).or_insert(((*count).into(), from_preset.clone()));
        }
        for parameter in self.problem.parameters() {
            origins.insert(parameter.name.to_owned(), (parameter.value.into(), "problem".to_owned()));
        }
        let shape = shape_of(self.problem, &preset);
        let network = networks::find(&network).map_err(usage)?;
        let shape = network.fit(shape).map_err(usage)?;
        shape.validate().map_err(usage)?;
        let every = every.map(|(every, _)| every);
        check(&preset, every).map_err(usage)?;
        let residual_scale = pick(&flags.residual_scale, &file.residual_scale);
        if let Some((scale, origin)) = residual_scale {
            check_scale(scale, network, &shape).map_err(usage)?;
            origins.insert("residual-scale".to_owned(), (scale.into(), origin.to_owned()));
        }
        notices.extend(warm_up(&preset));
        Ok(Config {
            notices,
            problem: self.problem,
            network,
            strategy,
            optimiser,
            plan: kernels::find(&plan).map_err(usage)?,
            preset,
            condition,
            seed,
            shape,
            every,
            keep,
            rollback: on_nan == "rollback",
            residual_scale: residual_scale.map(|(scale, _)| scale),
            origins,
        })
    }
}

/// The first given of flag and file, with its origin.
fn pick<T: Clone>(flag: &Option<T>, file: &Option<T>) -> Option<(T, &'static str)> {
    flag.clone().map(|v| (v, "flag")).or_else(|| file.clone().map(|v| (v, "file")))
}

/// What a schedule with a warm-up comes to in a run that is over before it.
fn warm_up(preset: &Preset) -> Option<String> {
    let Schedule::WarmupCosine { rate, warmup, .. } = preset.schedule else { return None };
    let (steps, reached) = (preset.steps, preset.schedule.rate(preset.steps - 1, preset.steps));
    (steps < warmup).then(|| {
        format!("the warm-up of {warmup} steps is longer than the run of {steps}: the learning rate comes to {reached:.1e} of {rate:.1e}")
    })
}

/// A network's shape for `problem` at this preset's size.
fn shape_of(problem: &dyn Problem, preset: &Preset) -> Shape {
    Shape {
        inputs: problem.axes().len(),
        outputs: problem.fields().len(),
        width: preset.width,
        depth: preset.depth,
        variant: preset.variant,
        unknowns: problem.unknowns().len(),
    }
}

/// Problem `name` with some of its parameters changed.
pub fn with_parameters(name: &str, parameters: &[(&str, f64)]) -> Result<&'static dyn Problem> {
    changed(problem_file::find(name)?, parameters)
}

/// A problem with some of its parameters changed.
pub fn changed(mut problem: &'static dyn Problem, parameters: &[(&str, f64)]) -> Result<&'static dyn Problem> {
    for (parameter, value) in parameters {
        // a run lasts as long as the program, and so may its problem
        problem = Box::leak(problem.with(parameter, *value).map_err(Error::Usage)?);
    }
    // they are written into shader texts, whose compilers would refuse them in words of their own
    let odd = |x: f64| x != 0.0 && !(x as f32).is_normal();
    if let Some((constant, value)) = problem.constants().into_iter().find(|(_, value)| odd(*value)) {
        let name = problem.name();
        let what = format!("`{name}` would compute with {constant} = {value:e}, no number of 32 bits");
        return Err(Error::Usage(what + ": choose another parameter"));
    }
    Ok(problem)
}

/// The point sets that a term or set name stands for, with their numbers of points: `count` is shared out among the
/// sets of a term as evenly as possible. Terms that share points share their number.
fn split_points(problem: &dyn Problem, name: &str, count: usize) -> std::result::Result<Vec<(usize, usize)>, String> {
    if let Some(set) = problem.sets().iter().position(|set| set.name == name) {
        return Ok(vec![(set, count)]);
    }
    if let Some(term) = problem.terms().iter().find(|term| term.name == name) {
        let parts = term.sets.len();
        let share = |i: usize| count / parts + usize::from(i < count % parts);
        return Ok(term.sets.iter().enumerate().map(|(i, &set)| (set, share(i))).collect());
    }
    let known: Vec<_> = problem.terms().iter().map(|term| term.name).collect();
    Err(names::unknown("term", name, &known))
}

/// A start that the network does not have, or that no arithmetic survives.
fn check_scale(scale: f64, network: &dyn Network, shape: &Shape) -> std::result::Result<(), String> {
    if scale.is_nan() || scale.abs() > 1e3 {
        return Err(format!("--residual-scale {scale} is outside -1000..1000"));
    }
    match scales(network, shape) {
        Some(_) => Ok(()),
        None => Err(format!(
            "--residual-scale: {} in the form {} has no trained residual scales; lda has them with --preset revised or quick",
            network.name(),
            shape.variant.name()
        )),
    }
}

/// Numbers that no optimiser can use, and a frequency for one that has no bases.
fn check_optimiser(optimiser: &Optimisation, frequency: Option<u64>) -> std::result::Result<(), String> {
    let name = optimiser.optimiser.name();
    let [beta1, beta2] = optimiser.betas;
    // beyond these ends 1 − β or the logarithm of β is no number of 32 bits
    if optimiser.betas.iter().any(|beta| !(1e-6..=0.999_999).contains(beta)) {
        return Err(format!("--betas {beta1},{beta2}: each is larger than 0 and smaller than 1, as in 0.9,0.999"));
    }
    match frequency {
        Some(_) if optimiser.optimiser.frequency().is_none() => {
            Err(format!("--frequency: {name} has no bases to renew, soap has: take --optimiser soap, or leave it out"))
        }
        Some(0 | 0x8000_0000..) => Err("--frequency must be at least 1, and at most 2147483647".to_owned()),
        _ => Ok(()),
    }
}

/// Numbers that no run can use.
fn check(preset: &Preset, every: Option<u64>) -> std::result::Result<(), String> {
    /// Far below the last place of any parameter that is not zero.
    const LEAST_RATE: f64 = 1e-20;
    /// Sixteen million points: beyond it indices and memory run out long before anything is gained.
    const MOST_POINTS: usize = 1 << 24;
    if preset.steps == 0 || preset.steps > 1 << 31 {
        return Err(format!("--steps {} is outside 1..2147483648", preset.steps));
    }
    let rate = preset.schedule.highest();
    if !(rate > 0.0 && rate <= 10.0) {
        return Err(format!("--rate {rate}: a learning rate is larger than 0 and at most 10"));
    }
    if rate < LEAST_RATE {
        return Err(format!("--rate {rate:e} changes no number of 32 bits: choose {LEAST_RATE:e} or more"));
    }
    if every == Some(0) || preset.evaluate_every == 0 {
        return Err(format!("--{} must be at least 1", if every == Some(0) { "every" } else { "evaluate-every" }));
    }
    match preset.points.iter().find(|&&n| n == 0 || n > MOST_POINTS) {
        Some(n) => Err(format!("{n} points are outside 1..{MOST_POINTS}: choose another --points")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(options: Options) -> Config {
        Draft::new("klein-gordon", &options, Options::default()).unwrap().resolve("quick").unwrap()
    }

    #[test]
    fn points_with_weights_stay() {
        let asked = |sampling: Option<&str>| Options {
            strategy: Some("rba".to_owned()),
            sampling: sampling.map(str::to_owned),
            ..Options::default()
        };
        let own = config(asked(None));
        assert_eq!((own.preset.sampling, &*own.origins["sampling"].1), (Sampling::Fixed, "strategy rba"));
        assert!(own.notices.iter().any(|notice| notice.contains("--sampling fixed")), "{:?}", own.notices);
        assert_eq!(config(asked(Some("fixed"))).origins["sampling"].1, "flag");
        let refused = Draft::new("klein-gordon", &asked(Some("resampled")), Options::default()).err().unwrap();
        assert!(matches!(&refused, Error::Usage(what) if what.contains("--sampling fixed")), "{refused}");
    }

    #[test]
    fn checkpoints_may_come_more_often_than_rows_of_the_history() {
        let often = config(Options { every: Some(7), ..Options::default() });
        assert_eq!((often.every, often.preset.evaluate_every), (Some(7), 7));
        let both = config(Options { every: Some(7), evaluate_every: Some(100), ..Options::default() });
        assert_eq!((both.every, both.preset.evaluate_every), (Some(7), 100));
        let rarely = config(Options { every: Some(100_000), ..Options::default() });
        assert_eq!(rarely.preset.evaluate_every, config(Options::default()).preset.evaluate_every);
    }
}
