//! What was asked of a study, and the runs that follow from it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Result;
use crate::problems;
use crate::training::{Config, Options};

/// What a user asked of a study; each study has its own defaults.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Request {
    pub problems: Vec<String>,
    /// `std`, `gcr`, `lda`, `acr`, and `matched`: std with as many parameters as lda.
    pub conditions: Vec<String>,
    /// Instead of conditions: the values to combine along each axis of `methods`.
    pub axes: BTreeMap<&'static str, Vec<String>>,
    pub seeds: Vec<u64>,
    /// Hidden widths, depths and points of the equation to go through; empty: the preset's.
    pub widths: Vec<usize>,
    pub depths: Vec<usize>,
    pub sizes: Vec<usize>,
    /// Learning rates and initial residual scales to go through; empty: the preset's.
    pub rates: Vec<f64>,
    pub scales: Vec<f64>,
    /// Steps before and during a measurement of time.
    pub warmup: u64,
    pub timed: u64,
    /// Wall-clock seconds of a run, where its length is a time.
    pub budget: Option<f64>,
    /// The relative L2 error whose first time counts; none: the study chooses.
    pub reach: Option<f64>,
}

/// Seeds of the revised study.
pub const FIRST_SEED: u64 = 19018;

impl Request {
    /// All problems, the paper's four conditions, five seeds.
    pub fn standard() -> Request {
        Request {
            problems: problems::ALL.iter().map(|problem| problem.name().to_owned()).collect(),
            conditions: ["std", "gcr", "lda", "acr"].map(str::to_owned).into(),
            axes: BTreeMap::new(),
            seeds: (FIRST_SEED..FIRST_SEED + 5).collect(),
            widths: Vec::new(),
            depths: Vec::new(),
            sizes: Vec::new(),
            rates: Vec::new(),
            scales: Vec::new(),
            warmup: 100,
            timed: 200,
            budget: None,
            reach: None,
        }
    }

    /// Those of `wanted` that this program has, or all problems.
    pub fn problems_among(wanted: &[&str]) -> Vec<String> {
        let found: Vec<String> =
            wanted.iter().filter(|name| problems::find(name).is_ok()).map(|&name| name.to_owned()).collect();
        if found.is_empty() { Request::standard().problems } else { found }
    }

    /// Problem by problem, condition by condition, seeds innermost: runs that share kernels lie together.
    pub fn each_condition(&self) -> Vec<Variation> {
        let pairs = self.problems.iter().flat_map(|problem| self.conditions.iter().map(move |label| (problem, label)));
        pairs.map(|(problem, label)| Variation::new(problem, label)).collect()
    }

    /// `variation` once for every seed.
    pub fn each_seed(&self, variation: &Variation, task: Task, resolve: &Resolve) -> Result<Vec<Entry>> {
        let entry = |&seed| Entry::new(Variation { seed, ..variation.clone() }, task, resolve);
        self.seeds.iter().map(entry).collect()
    }
}

/// How a run differs from the options that all runs of a study share.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Variation {
    pub problem: String,
    /// The condition, `matched`, or a method's choices.
    pub label: String,
    /// What the label stands for, as options of a run.
    #[serde(skip)]
    pub method: Options,
    pub seed: u64,
    pub width: Option<usize>,
    pub depth: Option<usize>,
    /// Points of the equation.
    pub points: Option<usize>,
    /// Highest learning rate.
    pub rate: Option<f64>,
    /// Initial residual scale of every layer.
    pub residual_scale: Option<f64>,
}

impl Variation {
    /// A problem under a condition, everything else as shared.
    pub fn new(problem: &str, condition: &str) -> Variation {
        let named = |name: &str| Some(name.to_owned());
        let method = match condition {
            "matched" => Options { network: named("matched"), strategy: named("sum"), ..Options::default() },
            _ => Options { condition: named(condition), ..Options::default() },
        };
        Variation::of(problem, condition.to_owned(), method)
    }

    /// A problem by a method that is called `label`, everything else as shared.
    pub fn of(problem: &str, label: String, method: Options) -> Variation {
        Variation {
            problem: problem.to_owned(),
            label,
            method,
            seed: 0,
            width: None,
            depth: None,
            points: None,
            rate: None,
            residual_scale: None,
        }
    }

    /// Its name without the seed: what runs have in common that are averaged.
    pub fn stem(&self) -> String {
        // of a problem file the name alone
        let problem =
            Path::new(&self.problem).file_stem().map_or_else(|| self.problem.clone().into(), |s| s.to_string_lossy());
        let mut name = format!("{problem}-{}", self.label);
        for (letter, value) in [("w", self.width), ("d", self.depth), ("n", self.points)] {
            name += &value.map_or(String::new(), |value| format!("-{letter}{value}"));
        }
        for (letter, value) in [("r", self.rate), ("k", self.residual_scale)] {
            name += &value.map_or(String::new(), |value| format!("-{letter}{value:e}"));
        }
        name
    }
}

/// Turns a variation into a configuration, with the options that all runs share.
pub type Resolve<'a> = dyn Fn(&Variation) -> Result<Config> + 'a;

/// What is done with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Task {
    /// Train to the last step.
    Train,
    /// Measure the time of a step.
    Measure { warmup: u64, timed: u64 },
    /// Train for a number of seconds, with evaluations as [`super::race::race`] has them.
    Race {
        budget: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        evaluations: Option<u32>,
    },
}

/// One run of a study.
pub struct Entry {
    /// Its folder below `runs/`, stable: a continued study finds it there.
    pub name: String,
    pub variation: Variation,
    pub config: Config,
    pub task: Task,
}

impl Entry {
    /// Resolves `variation`.
    pub fn new(variation: Variation, task: Task, resolve: &Resolve) -> Result<Entry> {
        let config = resolve(&variation)?;
        Ok(Entry { name: format!("{}-s{}", variation.stem(), variation.seed), variation, config, task })
    }

    /// What decides the numbers of the run, in one line: the folder of another is not taken for this one's.
    pub fn fingerprint(&self) -> String {
        serde_json::json!({"task": self.task, "configuration": self.config.fingerprint()}).to_string()
    }

    /// How long it is, in words.
    pub fn length(&self) -> String {
        match self.task {
            Task::Train => format!("{} steps", self.config.preset.steps),
            Task::Measure { warmup, timed } => format!("{warmup} + {timed} steps"),
            Task::Race { budget, .. } => format!("{budget} s"),
        }
    }

    /// Parameters of its network.
    pub fn parameters(&self) -> usize {
        self.config.network.layout(&self.config.shape).trained()
    }

    /// Work of a step as far as it is known beforehand: samples × parameters × streams.
    pub fn work(&self) -> f64 {
        let problem = self.config.problem;
        let terms = problem.terms();
        let streams = |term: usize| problem.jet_of(term).streams().max(3);
        let samples = |term: usize| terms[term].sets.iter().map(|&set| self.config.preset.points[set]).sum::<usize>();
        let jets: usize = (0..terms.len()).map(|term| samples(term) * streams(term)).sum();
        (jets * self.parameters()) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_differs() {
        let plain = Variation::new("cavity", "acr");
        assert_eq!(plain.stem(), "cavity-acr");
        let varied =
            Variation { width: Some(8), points: Some(100), rate: Some(3e-3), residual_scale: Some(0.1), ..plain };
        assert_eq!(varied.stem(), "cavity-acr-w8-n100-r3e-3-k1e-1");
    }
}
