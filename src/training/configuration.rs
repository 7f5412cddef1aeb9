//! What a run does: flags before the file of `--config` before the preset, each value with its origin.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::math::names;
use crate::math::rng::Seeds;
use crate::networks::{self, Network, Shape, Slot};
use crate::plans::{self, Plan, Setup};
use crate::problems::{self, Preset, Problem, Sampling};
use crate::strategies::{self, Strategy};

/// The paper's 2×2: name, network, strategy.
pub const CONDITIONS: [(&str, &str, &str); 4] =
    [("std", "mlp", "sum"), ("gcr", "mlp", "pcgrad"), ("lda", "lda", "sum"), ("acr", "lda", "pcgrad")];

/// What to do when the numbers are not finite any more.
const ON_NAN: [&str; 2] = ["stop", "rollback"];

/// What may be asked of a run, by flags or by a file; what is left out follows from the preset.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Options {
    /// paper, revised or quick [default: paper on a GPU, quick on a CPU adapter]
    pub preset: Option<String>,
    /// std, gcr, lda or acr: the paper's pairs of network and strategy [default: acr]
    pub condition: Option<String>,
    /// mlp or lda, instead of the condition's
    pub network: Option<String>,
    /// sum or pcgrad, instead of the condition's
    pub strategy: Option<String>,
    /// Optimiser updates; the learning-rate schedule is stretched over them
    pub steps: Option<u64>,
    /// Seed of initial parameters, points and orders [default: 1234]
    pub seed: Option<u64>,
    /// Neurons of a hidden layer (4 to 512)
    pub width: Option<usize>,
    /// Hidden layers (1 to 8)
    pub depth: Option<usize>,
    /// Points of a term, such as pde=1000; may be repeated
    #[serde(with = "points_table")]
    pub points: Vec<(String, usize)>,
    /// fixed (drawn once) or resampled (new points at every step)
    pub sampling: Option<String>,
    /// How the step is cut into kernels [default: fused]
    pub plan: Option<String>,
    /// Highest learning rate; a rate that falls keeps its shape [default: the preset's]
    pub rate: Option<f64>,
    /// lda in its revised form: residual scale that every layer starts with [default: 0.1]
    pub residual_scale: Option<f64>,
    /// Klein–Gordon: end of the time interval [default: 1]
    pub horizon: Option<f64>,
    /// Cavity: Reynolds number [default: 100; no reference field for others]
    pub reynolds: Option<f64>,
    /// Steps between checkpoints [default: at evaluations, at most one in two seconds]
    pub every: Option<u64>,
    /// Steps between rows of the history [default: the preset's, or those of `every` if fewer]
    pub evaluate_every: Option<u64>,
    /// Checkpoints to keep [default: 2]
    pub keep: Option<usize>,
    /// After a divergence: stop, or rollback to the last good state with half the learning rate [default: stop]
    pub on_nan: Option<String>,
}

/// Points in a file are a table: `points = { pde = 1000 }`.
mod points_table {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(points: &[(String, usize)], s: S) -> Result<S::Ok, S::Error> {
        points.iter().cloned().collect::<BTreeMap<_, _>>().serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<(String, usize)>, D::Error> {
        Ok(BTreeMap::<String, usize>::deserialize(d)?.into_iter().collect())
    }
}

/// A run's settings with nothing left open.
#[derive(Clone)]
pub struct Config {
    pub problem: &'static dyn Problem,
    pub network: &'static dyn Network,
    pub strategy: &'static dyn Strategy,
    pub plan: &'static dyn Plan,
    pub preset: Preset,
    pub condition: String,
    pub seed: u64,
    pub shape: Shape,
    /// Steps between checkpoints; none: by the clock.
    pub every: Option<u64>,
    pub keep: usize,
    /// Go back after a divergence instead of stopping.
    pub rollback: bool,
    /// What every residual scale starts with, instead of the network's own start.
    pub residual_scale: Option<f64>,
    /// Key, value and where the value comes from: `flag`, `file` or `preset …` or `default`.
    pub origins: BTreeMap<String, (serde_json::Value, String)>,
}

impl Config {
    /// The independent seeds that follow from the run's.
    pub fn seeds(&self) -> Seeds {
        Seeds::of(self.seed)
    }

    /// What the step is built from.
    pub fn setup(&self) -> Setup<'static> {
        Setup {
            problem: self.problem,
            network: self.network,
            shape: self.shape,
            strategy: self.strategy,
            counts: self.preset.points.clone(),
            resampled: self.preset.sampling == Sampling::Resampled,
            schedule: self.preset.schedule,
            steps: self.preset.steps,
            seeds: self.seeds(),
            orders: None,
        }
    }

    /// The parameters to start with, in the layout's order.
    pub fn initial(&self) -> Vec<f32> {
        let mut parameters = self.network.initial(&self.shape, self.seeds().initial);
        if let (Some(scale), Some(slot)) = (self.residual_scale, scales(self.network, &self.shape)) {
            parameters[slot.range()].fill(scale as f32);
        }
        parameters
    }

    /// What the kernels of the step are built from: runs that agree in it can share them.
    pub fn kernels(&self) -> String {
        let parameters: Vec<_> = self.problem.parameters().iter().map(|p| (p.name, p.value)).collect();
        format!(
            "{} {parameters:?} {} {:?} {} {} {:?} {}",
            self.problem.name(),
            self.network.name(),
            self.shape,
            self.strategy.name(),
            self.plan.name(),
            self.preset.points,
            self.preset.sampling.name()
        )
    }

    /// The same run with another seed.
    pub fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
        if let Some(entry) = self.origins.get_mut("seed") {
            entry.0 = seed.into();
        }
    }

    /// What decides the numbers of a run, as JSON. A checkpoint keeps it, to be compared with
    /// [`Config::differences`].
    pub fn fingerprint(&self) -> String {
        let mut values = self.deciding();
        values.insert("steps".to_owned(), self.preset.steps.into());
        serde_json::json!(values).to_string()
    }

    fn deciding(&self) -> BTreeMap<String, Value> {
        // how often something is looked at or saved decides nothing; the length may be extended
        let free = ["steps", "every", "evaluate-every", "keep", "on-nan", "preset", "condition", "reference"];
        let given = self.origins.iter().filter(|(key, _)| !free.contains(&&***key));
        let mut values: BTreeMap<_, _> = given.map(|(key, (value, _))| (key.clone(), value.clone())).collect();
        values.insert("problem".to_owned(), self.problem.name().into());
        values.insert("schedule".to_owned(), serde_json::json!(self.preset.schedule));
        values.insert("variant".to_owned(), self.preset.variant.name().into());
        values
    }

    /// In which keys this configuration differs from the one with that fingerprint, each with both values: going on
    /// would lead elsewhere. A different number of steps is none: that is how a run is extended.
    pub fn differences(&self, fingerprint: &str) -> Vec<String> {
        let other: BTreeMap<String, Value> = serde_json::from_str(fingerprint).unwrap_or_default();
        let own = self.deciding();
        let keys: BTreeSet<_> = own.keys().chain(other.keys()).filter(|key| *key != "steps").collect();
        let shown =
            |values: &BTreeMap<String, Value>, key: &str| values.get(key).map_or("—".to_owned(), Value::to_string);
        keys.into_iter()
            .filter(|key| own.get(*key) != other.get(*key))
            .map(|key| format!("{key} {} instead of {}", shown(&own, key), shown(&other, key)))
            .collect()
    }
}

/// The first given of flag and file, with its origin.
fn pick<T: Clone>(flag: &Option<T>, file: &Option<T>) -> Option<(T, &'static str)> {
    flag.clone().map(|v| (v, "flag")).or_else(|| file.clone().map(|v| (v, "file")))
}

/// The trained residual scales of a network, if it has any.
fn scales(network: &dyn Network, shape: &Shape) -> Option<Slot> {
    network.layout(shape).slot("residual_scales").cloned()
}

/// A network's shape for `problem` at this preset's size.
fn shape_of(problem: &dyn Problem, preset: &Preset) -> Shape {
    Shape {
        inputs: problem.axes().len(),
        outputs: problem.fields().len(),
        width: preset.width,
        depth: preset.depth,
        variant: preset.variant,
    }
}

/// Looks names up and checks everything that can be checked without an adapter; the preset stays open.
pub struct Draft {
    problem: &'static dyn Problem,
    flags: Options,
    file: Options,
}

impl Draft {
    /// Checks the names in `flags` and `file` for problem `name`.
    pub fn new(name: &str, flags: &Options, file: Options) -> Result<Draft> {
        let mut parameters = Vec::new();
        let horizon = pick(&flags.horizon, &file.horizon);
        let reynolds = pick(&flags.reynolds, &file.reynolds);
        for (parameter, picked) in [("horizon", horizon), ("reynolds", reynolds)] {
            parameters.extend(picked.map(|(value, _)| (parameter, value)));
        }
        let problem = with_parameters(name, &parameters)?;
        let draft = Draft { problem, flags: flags.clone(), file };
        // everything but the adapter is checked before an adapter is opened
        let mut failed = Vec::new();
        for preset in ["paper", "revised", "quick"] {
            failed.extend(draft.resolve(preset).err());
        }
        // what only some presets refuse may still fit the one that is chosen with the adapter
        match failed.len() {
            3 => Err(failed.remove(0)),
            _ => Ok(draft),
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
        let (preset_name, origin) = or_default(pick(&flags.preset, &file.preset), default_preset);
        let mut preset = self.problem.preset(&preset_name).map_err(usage)?;
        note("preset", preset_name.clone().into(), &origin);
        let (condition, origin) = or_default(pick(&flags.condition, &file.condition), "acr");
        let known = CONDITIONS.map(|(name, ..)| name);
        let (_, network, strategy) = *CONDITIONS
            .iter()
            .find(|(name, ..)| *name == condition)
            .ok_or_else(|| usage(names::unknown("condition", &condition, &known)))?;
        note("condition", condition.clone().into(), &origin);
        let (network, network_origin) = or_default(pick(&flags.network, &file.network), network);
        let (strategy, strategy_origin) = or_default(pick(&flags.strategy, &file.strategy), strategy);
        let (plan, plan_origin) = or_default(pick(&flags.plan, &file.plan), "fused");
        note("network", network.clone().into(), &network_origin);
        note("strategy", strategy.clone().into(), &strategy_origin);
        note("plan", plan.clone().into(), &plan_origin);
        let from_preset = format!("preset {preset_name}");
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
            note("sampling", sampling.into(), origin);
        } else {
            note("sampling", preset.sampling.name().into(), &from_preset);
        }
        let rate = pick(&flags.rate, &file.rate);
        let schedule = preset.schedule;
        preset.schedule = rate.map_or(schedule, |(rate, _)| schedule.with_highest(rate));
        note("rate", preset.schedule.highest().into(), rate.map_or(&from_preset, |(_, origin)| origin));
        for (points, origin) in [(&file.points, "file"), (&flags.points, "flag")] {
            for (term, count) in points {
                for (set, count) in split_points(self.problem, term, *count).map_err(usage)? {
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
        shape.validate().map_err(usage)?;
        let every = every.map(|(every, _)| every);
        check(&preset, every).map_err(usage)?;
        let network = networks::find(&network).map_err(usage)?;
        let residual_scale = pick(&flags.residual_scale, &file.residual_scale);
        if let Some((scale, origin)) = residual_scale {
            check_scale(scale, network, &shape).map_err(usage)?;
            origins.insert("residual-scale".to_owned(), (scale.into(), origin.to_owned()));
        }
        Ok(Config {
            problem: self.problem,
            network,
            strategy: strategies::find(&strategy).map_err(usage)?,
            plan: plans::find(&plan).map_err(usage)?,
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

/// Problem `name` with some of its parameters changed.
pub fn with_parameters(name: &str, parameters: &[(&str, f64)]) -> Result<&'static dyn Problem> {
    let mut problem = problems::find(name).map_err(Error::Usage)?;
    for (parameter, value) in parameters {
        // a run lasts as long as the program, and so may its problem
        problem = Box::leak(problem.with(parameter, *value).map_err(Error::Usage)?);
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

/// Numbers that no run can use.
fn check(preset: &Preset, every: Option<u64>) -> std::result::Result<(), String> {
    /// Sixteen million points: beyond it indices and memory run out long before anything is gained.
    const MOST_POINTS: usize = 1 << 24;
    if preset.steps == 0 || preset.steps > 1 << 31 {
        return Err(format!("--steps {} is outside 1..2147483648", preset.steps));
    }
    let rate = preset.schedule.highest();
    if !(rate > 0.0 && rate <= 10.0) {
        return Err(format!("--rate {rate} is outside 0..10"));
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
    fn differences_are_named_and_an_extension_is_none() {
        let base = config(Options::default());
        let other = Options { width: Some(8), horizon: Some(2.0), ..Options::default() };
        let differences = config(other).differences(&base.fingerprint());
        assert_eq!(differences, ["horizon 2.0 instead of 1.0", "width 8 instead of 16"]);
        let same = Options { steps: Some(9), every: Some(3), keep: Some(5), ..Options::default() };
        assert!(config(same).differences(&base.fingerprint()).is_empty());
        assert!(!base.differences("not JSON").is_empty());
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
