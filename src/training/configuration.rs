//! What a run does: flags before the file of `--config` before the preset, each value with its origin.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::kernels::{Plan, Setup};
use crate::math::names;
use crate::math::rng::Seeds;
use crate::networks::{Network, Shape, Slot};
use crate::optimisers::Optimisation;
use crate::problems::{Preset, Problem, Sampling};
use crate::strategies::Strategy;

use super::files;

/// The paper's 2×2: name, network, strategy.
pub const CONDITIONS: [(&str, &str, &str); 4] =
    [("std", "mlp", "sum"), ("gcr", "mlp", "pcgrad"), ("lda", "lda", "sum"), ("acr", "lda", "pcgrad")];

/// What may be asked of a run, by flags or by a file; what is left out follows from the preset.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Options {
    /// paper, revised or quick [default: paper on a GPU, quick on a CPU adapter]
    pub preset: Option<String>,
    /// std, gcr, lda or acr: the paper's pairs of network and strategy [default: acr]
    pub condition: Option<String>,
    /// A network of `list`, instead of the condition's
    pub network: Option<String>,
    /// The rule that combines gradients, instead of the condition's: sum, pcgrad, config, … (see `list`)
    pub strategy: Option<String>,
    /// An optimiser of `list`: adam or soap [default: the preset's]
    pub optimiser: Option<String>,
    /// Decay rates of the optimiser's two moments [default: 0.9 and 0.999 for adam, 0.95 and 0.95 for soap]
    pub betas: Option<[f64; 2]>,
    /// soap: steps between two renewals of its bases [default: 10]
    #[serde(deserialize_with = "whole")]
    pub frequency: Option<u64>,
    /// Optimiser updates; the learning-rate schedule is stretched over them
    #[serde(deserialize_with = "whole")]
    pub steps: Option<u64>,
    /// Seed of initial parameters, points and orders [default: 1234]
    #[serde(deserialize_with = "whole")]
    pub seed: Option<u64>,
    /// Neurons of a hidden layer (4 to 512)
    #[serde(deserialize_with = "whole")]
    pub width: Option<usize>,
    /// Hidden layers (1 to 8)
    #[serde(deserialize_with = "whole")]
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
    /// lda in its revised form, and networks like it: residual scale that every layer starts with [default: 0.1]
    pub residual_scale: Option<f64>,
    /// Klein–Gordon: end of the time interval [default: 1]
    pub horizon: Option<f64>,
    /// Cavity: Reynolds number [default: 100; no reference field for others]
    pub reynolds: Option<f64>,
    /// Steps between checkpoints [default: at evaluations, at most one in two seconds]
    #[serde(deserialize_with = "whole")]
    pub every: Option<u64>,
    /// Steps between rows of the history [default: the preset's, or those of `every` if fewer]
    #[serde(deserialize_with = "whole")]
    pub evaluate_every: Option<u64>,
    /// Checkpoints to keep [default: 2]
    #[serde(deserialize_with = "whole")]
    pub keep: Option<usize>,
    /// After a divergence: stop, or rollback to the last good state with half the learning rate [default: stop]
    pub on_nan: Option<String>,
}

impl Options {
    /// What is asked for here, and `others` where nothing is.
    #[must_use]
    pub fn over(self, others: Options) -> Options {
        let points = if self.points.is_empty() { others.points } else { self.points };
        Options {
            preset: self.preset.or(others.preset),
            condition: self.condition.or(others.condition),
            network: self.network.or(others.network),
            strategy: self.strategy.or(others.strategy),
            optimiser: self.optimiser.or(others.optimiser),
            betas: self.betas.or(others.betas),
            frequency: self.frequency.or(others.frequency),
            steps: self.steps.or(others.steps),
            seed: self.seed.or(others.seed),
            width: self.width.or(others.width),
            depth: self.depth.or(others.depth),
            points,
            sampling: self.sampling.or(others.sampling),
            plan: self.plan.or(others.plan),
            rate: self.rate.or(others.rate),
            residual_scale: self.residual_scale.or(others.residual_scale),
            horizon: self.horizon.or(others.horizon),
            reynolds: self.reynolds.or(others.reynolds),
            every: self.every.or(others.every),
            evaluate_every: self.evaluate_every.or(others.evaluate_every),
            keep: self.keep.or(others.keep),
            on_nan: self.on_nan.or(others.on_nan),
        }
    }

    /// Reads the bytes of a TOML file.
    ///
    /// # Errors
    /// Says in which line which key is unknown, with the one that was probably meant, or what else is wrong.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Options, String> {
        let text = files::text(bytes)?;
        toml::from_str(text).map_err(|error| located(&error, text))
    }

    /// Reads the table `[train]` of a problem file.
    ///
    /// # Errors
    /// As [`Options::parse`].
    pub fn of_problem_file(text: &str) -> std::result::Result<Options, String> {
        /// The rest of the file is for others.
        #[derive(Deserialize)]
        struct Settings {
            #[serde(default)]
            train: Options,
        }
        let settings: Settings = toml::from_str(text).map_err(|error| located(&error, text))?;
        Ok(settings.train)
    }
}

/// What is wrong with a TOML file, and in which line.
fn located(error: &toml::de::Error, text: &str) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    let Some(span) = error.span() else { return message };
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count();
    let shown: String = text.lines().nth(line).unwrap_or_default().trim().chars().take(60).collect();
    match names::unknown_field(&message) {
        Some(message) => format!("line {}: {message}", line + 1),
        None => format!("line {}, `{shown}`: {message}", line + 1),
    }
}

/// Points in a file are a table: `points = { pde = 1000 }`.
mod points_table {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(points: &[(String, usize)], s: S) -> Result<S::Ok, S::Error> {
        points.iter().cloned().collect::<BTreeMap<_, _>>().serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<(String, usize)>, D::Error> {
        let points = BTreeMap::<String, super::Whole>::deserialize(d)?;
        points.into_iter().map(|(set, count)| Ok((set, super::fit(count)?))).collect()
    }
}

/// The whole number that `number` is, if it is one and no other would have been rounded to it.
pub fn whole_of(number: f64) -> Option<u64> {
    // every whole number up to here is one of 64-bit floating point
    (number.fract() == 0.0 && (0.0..=9.0e15).contains(&number)).then_some(number as u64)
}

/// A whole number in a file, also as 2e4, which TOML takes for one of floating point.
struct Whole(u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Whole, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Whole;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a whole number, such as 20000, 20_000 or 2e4")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(number))
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Whole, E> {
                u64::try_from(number).map(Whole).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Whole, E> {
                whole_of(number).map(Whole).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
            }
        }
        d.deserialize_any(Number)
    }
}

fn fit<T: TryFrom<u64>, E: serde::de::Error>(Whole(number): Whole) -> Result<T, E> {
    T::try_from(number).map_err(|_| E::custom(format!("{number} is too large")))
}

fn whole<'de, T: TryFrom<u64>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    Option::<Whole>::deserialize(d)?.map(fit).transpose()
}

/// A run's settings with nothing left open.
#[derive(Clone)]
pub struct Config {
    pub problem: &'static dyn Problem,
    pub network: &'static dyn Network,
    pub strategy: &'static dyn Strategy,
    pub optimiser: Optimisation,
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
    /// What a user should know of these settings before the run begins.
    pub notices: Vec<String>,
    /// Key, value and where the value comes from: `flag`, `file`, `preset …`, `condition …`, `strategy …`, `problem` or
    /// `default`.
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
            optimiser: self.optimiser,
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
        let mut parameters = crate::oracle::initial(self.problem, self.network, &self.shape, self.seeds().initial);
        if let (Some(scale), Some(slot)) = (self.residual_scale, scales(self.network, &self.shape)) {
            parameters[slot.range()].fill(scale as f32);
        }
        parameters
    }

    /// What the kernels of the step are built from: runs that agree in it can share them.
    pub fn kernels(&self) -> String {
        let parameters: Vec<_> = self.problem.parameters().iter().map(|p| (p.name, p.value)).collect();
        format!(
            "{} {} {parameters:?} {} {:?} {} {:?} {} {:?} {}",
            self.problem.name(),
            self.problem.statement().text(),
            self.network.name(),
            self.shape,
            self.strategy.name(),
            self.optimiser,
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

    /// What a folder of the run is called after: the condition, and the optimiser where it is not the preset's.
    pub fn label(&self) -> String {
        match self.optimiser.optimiser.name() {
            own if own == self.preset.optimiser => self.condition.clone(),
            other => format!("{}+{other}", self.condition),
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
        // checkpoints from before there was a choice say nothing of it
        if self.optimiser == Optimisation::default() {
            values.retain(|key, _| !["optimiser", "betas"].contains(&&**key));
        }
        values.insert("problem".to_owned(), self.problem.name().into());
        let stated = self.problem.file().map(crate::problems::FileProblem::deciding).unwrap_or_default();
        values.extend(stated.into_iter().map(|(key, value)| (key, value.into())));
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

/// The trained residual scales of a network, if it has any.
pub(super) fn scales(network: &dyn Network, shape: &Shape) -> Option<Slot> {
    network.layout(shape).slot("residual_scales").cloned()
}

#[cfg(test)]
mod tests {
    use super::super::Draft;
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
}
