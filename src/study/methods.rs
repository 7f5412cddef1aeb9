//! Methods against each other: every network with every strategy and optimiser, over equal steps or equal time. Beside the tables of
//! the other studies it says what each choice brings by itself: everything else of a pair is the same.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::math::names;
use crate::networks;
use crate::optimisers;
use crate::report::Cells;
use crate::strategies;
use crate::training::Options;

use super::compare::{against, comparison_table, conflict_table, counts, error_table, losses_note, signed};
use super::curves::{convergence, over_time};
use super::equal_time::{protocol, race_table};
use super::table::{Table, cell};
use super::{
    Analysis, Entry, Picture, Request, Resolve, Run, Study, Task, Variation, conditions_of, distinct, problems_of,
};
use crate::math::statistics::{mean, quantile};

/// See the module.
pub struct Methods;

/// A choice that a method makes.
pub struct Axis {
    /// What one is called, and a list of them.
    pub name: &'static str,
    pub list: &'static str,
    /// What the list may hold.
    known: fn() -> Vec<&'static str>,
    /// The option of a run that it is.
    option: fn(&mut Options) -> &mut Option<String>,
}

/// All choices, in the order in which they make a method's label. The first value of each is what others are held against.
pub static AXES: [Axis; 3] = [
    Axis {
        name: "network",
        list: "networks",
        known: || networks::ALL.iter().map(|network| network.name()).collect(),
        option: |options| &mut options.network,
    },
    Axis {
        name: "strategy",
        list: "strategies",
        known: || strategies::ALL.iter().map(|strategy| strategy.name()).collect(),
        option: |options| &mut options.strategy,
    },
    Axis {
        name: "optimiser",
        list: "optimisers",
        known: || optimisers::ALL.iter().map(|optimiser| optimiser.name()).collect(),
        option: |options| &mut options.optimiser,
    },
];

/// Evaluations of a run whose length is a time; its clock stands meanwhile.
const EVALUATIONS: u32 = 20;

/// A list that stands for everything there is: what does not fit the problem is left out.
pub const ALL: &str = "all";

impl Axis {
    /// What was asked for, each once.
    fn values(&self, request: &Request) -> Result<Vec<String>> {
        let (asked, known) = (request.axes.get(self.list).cloned().unwrap_or_default(), (self.known)());
        if asked == [ALL] {
            return Ok(known.into_iter().map(str::to_owned).collect());
        }
        match asked.iter().find(|name| !known.contains(&name.as_str())) {
            Some(odd) => Err(Error::Usage(names::unknown(self.name, odd, &known))),
            None => Ok(distinct(asked.into_iter())),
        }
    }

    /// What a method chooses.
    fn of(&self, method: &Options) -> String {
        (self.option)(&mut method.clone()).clone().unwrap_or_default()
    }

    /// The same method with another choice.
    fn with(&self, method: &Options, value: String) -> Options {
        let mut other = method.clone();
        *(self.option)(&mut other) = Some(value);
        other
    }
}

impl Study for Methods {
    fn name(&self) -> &'static str {
        "methods"
    }

    fn summary(&self) -> &'static str {
        "networks, strategies and optimisers in every combination, over equal steps or equal time, and what each choice brings"
    }

    fn defaults(&self) -> Request {
        let list = |name: &str| vec![name.to_owned()];
        Request {
            problems: Request::problems_among(&["klein-gordon", "helmholtz-1-4"]),
            conditions: Vec::new(),
            axes: [("networks", list("lda")), ("strategies", list(ALL)), ("optimisers", list("adam"))].into(),
            ..Request::standard()
        }
    }

    fn matrix(&self, request: &Request, resolve: &Resolve) -> Result<Vec<Entry>> {
        let mut methods = vec![Options::default()];
        for axis in &AXES {
            let values = axis.values(request)?;
            let each =
                |method: &Options| values.iter().map(|value| axis.with(method, value.clone())).collect::<Vec<_>>();
            methods = methods.iter().flat_map(each).collect();
        }
        let race = |budget| Task::Race { budget, evaluations: Some(EVALUATIONS) };
        let task = request.budget.map_or(Task::Train, race);
        let open = request.axes.values().any(|asked| *asked == [ALL]);
        let (mut entries, mut left_out) = (Vec::new(), Vec::new());
        for (problem, method) in request.problems.iter().flat_map(|p| methods.iter().map(move |m| (p, m))) {
            let variation = Variation::of(problem, label(method), method.clone());
            match request.each_seed(&variation, task, resolve) {
                Ok(runs) => entries.extend(runs),
                Err(Error::Usage(why)) if open => left_out.push(format!("without {}: {why}", variation.stem())),
                Err(error) => return Err(error),
            }
        }
        match entries.first_mut() {
            Some(first) => first.config.notices.extend(left_out),
            None => return Err(Error::Usage(left_out.into_iter().next().unwrap_or_default())),
        }
        Ok(entries)
    }

    fn analyse(&self, request: &Request, runs: &[Run]) -> Analysis {
        let first = conditions_of(runs).first().copied().unwrap_or_default();
        let (errors, error_numbers) = error_table(runs, first);
        let (conflicts, conflict_numbers) = conflict_table(runs);
        let comparisons: Vec<_> = problems_of(runs).iter().flat_map(|problem| against(runs, problem, first)).collect();
        let (choices, choice_numbers) = choice_table(runs);
        let evaluations = format!("{EVALUATIONS} evaluations not counted");
        let curves = request.budget.map_or_else(|| convergence(runs), |budget| over_time(runs, budget));
        Analysis {
            notes: losses_note(runs).into_iter().chain(protocol(request, &evaluations)).collect(),
            tables: vec![
                ranking(runs),
                choices,
                errors,
                race_table(runs, request.reach),
                conflicts,
                comparison_table(&comparisons, ""),
            ],
            figures: overview(runs).into_iter().chain(curves).collect(),
            document: json!({"groups": error_numbers, "choices": choice_numbers, "comparisons": comparisons,
                "conflicts": conflict_numbers}),
        }
    }
}

/// All choices of a method, as in "lda+pcgrad" and "lda+pcgrad+soap".
fn label(method: &Options) -> String {
    let choices = AXES.iter().map(|axis| axis.of(method)).filter(|choice| choice != "adam");
    choices.collect::<Vec<_>>().join("+")
}

/// Geometric mean of the final relative L2 errors, NaN where there is none.
fn final_error<'a>(runs: impl Iterator<Item = &'a Run>) -> f64 {
    let logs = runs.map(|run| run.outcome.rel_l2().ln()).filter(|log| log.is_finite());
    mean(&logs.collect::<Vec<_>>()).exp()
}

/// [`final_error`] of every problem in every condition: conditions as rows.
fn final_errors(runs: &[Run]) -> Vec<Vec<f64>> {
    let of = |condition, problem| final_error(super::group(runs, problem, condition).into_iter());
    let row = |condition| problems_of(runs).into_iter().map(|problem| of(condition, problem)).collect();
    conditions_of(runs).into_iter().map(row).collect()
}

/// Final errors as colours.
fn overview(runs: &[Run]) -> Option<Picture> {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let values = final_errors(runs).concat();
    let cells = Cells::new(&owned(problems_of(runs)), &owned(conditions_of(runs)), &values);
    values.iter().any(|error| error.is_finite()).then(|| Picture {
        file: "overview.png".into(),
        caption: "Relative L2 error at the end, geometric mean over the seeds that finished. Lighter is better.".into(),
        figure: cells.title("Relative L2 error at the end").draw(),
    })
}

/// Conditions in the order of their mean rank over the problems.
fn ranking(runs: &[Run]) -> Table {
    let mut table = Table::new(
        "Ranking",
        &["condition", "runs", "mean rank", "best on", "error ÷ best", "conflict rate", "mean cosine", "alignment"],
        "Ranks by the final relative L2 error on each problem (1 is best; what diverged comes last), then the mean over \
         problems. Error ÷ best: geometric means over seeds and problems. Alignment: 2‖mean of the unit gradients‖² − 1, \
         averaged over recorded steps, seeds and problems like the two columns before it.",
    );
    let (problems, conditions, errors) = (problems_of(runs), conditions_of(runs), final_errors(runs));
    // a missing number is behind all numbers
    let known = |error: f64| if error.is_finite() { error } else { f64::INFINITY };
    let column = |p: usize| errors.iter().map(move |row| known(row[p]));
    let rank = |row: &[f64], p: usize| 1.0 + column(p).filter(|other| *other < known(row[p])).count() as f64;
    let mut rows: Vec<(f64, Vec<String>)> = Vec::new();
    for (condition, row) in conditions.iter().zip(&errors) {
        let ranks: Vec<f64> = (0..problems.len()).map(|p| rank(row, p)).collect();
        let ratios = (0..problems.len()).map(|p| (row[p] / column(p).fold(f64::INFINITY, f64::min)).ln());
        let ratios: Vec<f64> = ratios.filter(|log| log.is_finite()).collect();
        let won = problems.iter().zip(&ranks).zip(row).filter(|((_, rank), e)| **rank == 1.0 && e.is_finite());
        let won: Vec<&str> = won.map(|((problem, _), _)| *problem).collect();
        let all: Vec<&Run> = runs.iter().filter(|run| run.entry.variation.label == *condition).collect();
        let average = |pick: fn(&super::outcome::Conflicts) -> f64| {
            let values = all.iter().filter_map(|run| run.outcome.conflicts.as_ref().map(pick));
            signed(mean(&values.filter(|value| value.is_finite()).collect::<Vec<_>>()))
        };
        let mean_rank = mean(&ranks);
        rows.push((
            mean_rank,
            vec![
                (*condition).to_owned(),
                counts(&all),
                format!("{mean_rank:.1}"),
                if won.is_empty() { "–".to_owned() } else { won.join(", ") },
                cell(mean(&ratios).exp()),
                average(|conflicts| conflicts.rate).trim_start_matches('+').to_owned(),
                average(|conflicts| conflicts.cosine),
                average(|conflicts| conflicts.alignment),
            ],
        ));
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    table.rows.extend(rows.into_iter().map(|(_, row)| row));
    table
}

/// What a choice brings: over pairs of runs that differ in it alone, the error without it divided by the error with it.
fn choice_table(runs: &[Run]) -> (Table, Value) {
    let mut table = Table::new(
        "What each choice brings",
        &["problem", "choice", "instead of", "pairs", "better in", "error shrinks", "least … most"],
        "Pairs of runs with the same seed that differ in one choice alone. Error shrinks: final relative L2 error of the \
         run without it divided by that of the run with it, geometric mean over pairs; below 1 the choice did harm. Pairs \
         of which one run diverged are left out.",
    );
    let mut document = Vec::new();
    let problems = problems_of(runs);
    let all = (problems.len() > 1).then_some("all").into_iter();
    for problem in all.chain(problems.iter().copied()) {
        let here: Vec<&Run> =
            runs.iter().filter(|run| problem == "all" || run.entry.variation.problem == problem).collect();
        for axis in &AXES {
            let values = distinct(here.iter().map(|run| axis.of(&run.entry.variation.method)));
            let Some((plain, others)) = values.split_first() else { continue };
            for value in others {
                let logs: Vec<f64> = here.iter().filter_map(|run| gain(&here, run, axis, plain, value)).collect();
                let better = logs.iter().filter(|log| **log > 0.0).count();
                let [shrinks, least, most] =
                    [mean(&logs), quantile(&logs, 0.0), quantile(&logs, 1.0)].map(|log| cell(log.exp()));
                let names = [problem, value.as_str(), plain.as_str()].map(str::to_owned);
                let numbers = [logs.len().to_string(), format!("{better} of {}", logs.len())];
                let factors = [format!("×{shrinks}"), format!("×{least} … ×{most}")];
                table.rows.push(names.into_iter().chain(numbers).chain(factors).collect());
                document.push(json!({"problem": problem, "choice": value, "instead_of": plain, "pairs": logs.len(),
                    "better": better, "error_shrinks": mean(&logs).exp()}));
            }
        }
    }
    (table, document.into())
}

/// Logarithm of the factor by which the error shrinks from `run`, if its choice is `plain`, to the run with `value` instead.
fn gain(runs: &[&Run], run: &Run, axis: &Axis, plain: &str, value: &str) -> Option<f64> {
    let from = &run.entry.variation;
    if axis.of(&from.method) != plain {
        return None;
    }
    let method = axis.with(&from.method, value.to_owned());
    let to = Variation { label: label(&method), method, ..from.clone() };
    let other = runs.iter().find(|other| other.entry.variation == to)?;
    Some((run.outcome.rel_l2() / other.outcome.rel_l2()).ln()).filter(|log| log.is_finite())
}

#[cfg(test)]
mod tests {
    use super::super::{Outcome, Status};
    use super::*;
    use crate::training::Draft;

    fn request(networks: &[&str], strategies: &[&str]) -> Request {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let axes =
            [("networks", list(networks)), ("strategies", list(strategies)), ("optimisers", list(&["adam"]))].into();
        Request { problems: list(&["klein-gordon"]), axes, seeds: vec![1, 2], ..Methods.defaults() }
    }

    fn matrix(request: &Request) -> Result<Vec<Entry>> {
        let resolve = |variation: &Variation| {
            let options = Options { seed: Some(variation.seed), ..variation.method.clone() };
            // a strategy that wants something else than the problem has
            match options.strategy.as_deref() {
                Some("lra") => Err(Error::Usage("lra does not fit".into())),
                _ => Draft::new(&variation.problem, &options, Options::default())?.resolve("quick"),
            }
        };
        Methods.matrix(request, &resolve)
    }

    #[test]
    fn the_matrix_is_the_product_of_the_lists_over_paired_seeds() {
        let entries = matrix(&request(&["mlp", "lda"], &["sum", "config"])).unwrap();
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let wanted = ["mlp+sum", "mlp+config", "lda+sum", "lda+config"];
        let wanted = wanted.iter().flat_map(|label| [1, 2].map(|seed| format!("klein-gordon-{label}-s{seed}")));
        assert_eq!(names, wanted.collect::<Vec<_>>());
        let last = &entries[7].config;
        assert_eq!((last.network.name(), last.strategy.name(), last.seed), ("lda", "config", 2));
        assert_eq!(entries[3].config.seeds().initial, last.seeds().initial);
    }

    #[test]
    fn all_leaves_out_what_does_not_fit_and_says_so() {
        let entries = matrix(&request(&["lda"], &[ALL])).unwrap();
        assert_eq!(entries.len(), 2 * (strategies::ALL.len() - 1));
        assert_eq!(entries[0].config.notices, ["without klein-gordon-lda+lra: lra does not fit"]);
        assert!(matrix(&request(&["lda"], &["sum", "lra"])).is_err());
    }

    /// mlp+config diverges with seed 2.
    fn runs() -> Vec<Run> {
        let errors = [0.8, 0.4, 0.2, f64::NAN, 0.1, 0.2, 0.1, 0.05];
        let run = |(entry, error): (Entry, f64)| {
            let mut outcome = Outcome::open();
            outcome.status = if error.is_finite() { Status::Finished } else { Status::Diverged };
            outcome.last = error.is_finite().then_some([error; 3]);
            Run { entry, outcome }
        };
        matrix(&request(&["mlp", "lda"], &["sum", "config"])).unwrap().into_iter().zip(errors).map(run).collect()
    }

    #[test]
    fn choices_are_factors_over_pairs_that_differ_in_one_thing() {
        let (table, _) = choice_table(&runs());
        let cells = |row: [&str; 7]| row.map(str::to_owned).to_vec();
        // lda for mlp: 8 and 2 with sum, 2 with config; config for sum: 4 with mlp, 1 and 4 with lda
        let wanted = [
            cells(["klein-gordon", "lda", "mlp", "3", "3 of 3", "×3.17", "×2.00 … ×8.00"]),
            cells(["klein-gordon", "config", "sum", "3", "2 of 3", "×2.52", "×1.00 … ×4.00"]),
        ];
        assert_eq!(table.rows, wanted);
    }

    #[test]
    fn a_ranking_has_what_diverged_too() {
        let mut runs = runs();
        (runs[2].outcome.status, runs[2].outcome.last) = (Status::Diverged, None);
        let ranked = ranking(&runs);
        let order: Vec<(&str, &str)> = ranked.rows.iter().map(|row| (&*row[0], &*row[1])).collect();
        let wanted = [("lda+config", "2"), ("lda+sum", "2"), ("mlp+sum", "2"), ("mlp+config", "0 of 2, 2 diverged")];
        assert_eq!(order, wanted);
        assert_eq!((&*ranked.rows[0][3], &*ranked.rows[3][4]), ("klein-gordon", "–"));
        let analysis = Methods.analyse(&request(&["mlp", "lda"], &["sum", "config"]), &runs);
        assert!(analysis.notes[0].contains("2 diverged"), "{:?}", analysis.notes);
    }
}
