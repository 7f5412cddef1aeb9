//! Paired comparisons of conditions: a pair is the same problem and seed, hence the same initial points and random
//! streams. Difference = reference − candidate, so positive means that the candidate is better.

use serde_json::{Value, json};

use super::outcome::Conflicts;
use super::table::{Table, cell, spread};
use super::{Run, Status, conditions_of, distinct, final_errors, group, problems_of};
use crate::math::statistics::{bootstrap_mean, deviation, holm, mean, quantile, wilcoxon_greater};

/// The bootstrap's seed in the revised study's core experiments.
pub const BOOTSTRAP_SEED: u64 = 20_260_831;

/// One reference against one candidate on one problem.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Comparison {
    pub problem: String,
    pub reference: String,
    pub candidate: String,
    /// Seeds for which both finished.
    pub pairs: usize,
    /// Pairs in which the candidate is better.
    pub wins: usize,
    /// Mean over pairs of reference − candidate.
    pub difference: f64,
    /// 95 % percentile bootstrap interval of that mean.
    pub interval: [f64; 2],
    /// Rank sum of the positive differences.
    pub rank_sum: f64,
    pub p: f64,
    /// Adjusted for the comparisons of the same problem and family.
    pub p_holm: f64,
}

/// Final relative L2 errors of the pairs of two conditions.
fn pairs(runs: &[Run], problem: &str, reference: &str, candidate: &str) -> Vec<[f64; 2]> {
    let others = group(runs, problem, candidate);
    let found = |run: &&Run| {
        let same = others.iter().find(|other| other.entry.variation.seed == run.entry.variation.seed)?;
        Some([run.outcome.rel_l2(), same.outcome.rel_l2()]).filter(|pair| pair.iter().all(|e| e.is_finite()))
    };
    group(runs, problem, reference).iter().filter_map(found).collect()
}

/// The comparisons of the paper's conditions, in two families per problem: every condition against std, and acr against
/// every other. Comparisons without a pair are left out.
pub fn comparisons(runs: &[Run]) -> Vec<Comparison> {
    let conditions = conditions_of(runs);
    let has = |name: &str| conditions.contains(&name);
    let others = conditions.iter().filter(|_| has("acr")).map(|&c| (c, "acr"));
    let of_acr: Vec<_> = others.filter(|(c, _)| !["acr", "std"].contains(c)).collect();
    let of = |problem| [against(runs, problem, "std"), family_of(runs, problem, &of_acr)].concat();
    problems_of(runs).into_iter().flat_map(of).collect()
}

/// Every other condition against `reference` on one problem, as one family.
pub fn against(runs: &[Run], problem: &str, reference: &str) -> Vec<Comparison> {
    let others = conditions_of(runs).into_iter().filter(|condition| *condition != reference);
    family_of(runs, problem, &others.map(|condition| (reference, condition)).collect::<Vec<_>>())
}

fn family_of(runs: &[Run], problem: &str, family: &[(&str, &str)]) -> Vec<Comparison> {
    let mut found: Vec<Comparison> = family
        .iter()
        .filter_map(|(reference, candidate)| {
            let pairs = pairs(runs, problem, reference, candidate);
            let differences: Vec<f64> = pairs.iter().map(|[a, b]| a - b).collect();
            let (rank_sum, p) = wilcoxon_greater(&differences);
            (!pairs.is_empty()).then(|| Comparison {
                problem: problem.to_owned(),
                reference: (*reference).to_owned(),
                candidate: (*candidate).to_owned(),
                pairs: pairs.len(),
                wins: differences.iter().filter(|d| **d > 0.0).count(),
                difference: mean(&differences),
                interval: bootstrap_mean(&differences, BOOTSTRAP_SEED),
                rank_sum,
                p,
                p_holm: p,
            })
        })
        .collect();
    let adjusted = holm(&found.iter().map(|c| c.p).collect::<Vec<_>>());
    found.iter_mut().zip(adjusted).for_each(|(comparison, p)| comparison.p_holm = p);
    found
}

/// What came out on each problem, a sentence each: mean errors at the last step, the smallest first, beside `reference`'s.
pub fn answers(runs: &[Run], reference: &str) -> Vec<String> {
    let sentence = |problem: &str| {
        let of = |condition: &str| mean(&final_errors(&group(runs, problem, condition)));
        let base = of(reference);
        let others = conditions_of(runs).into_iter().filter(|condition| *condition != reference);
        let mut found: Vec<(&str, f64)> = others.map(|condition| (condition, of(condition))).collect();
        found.retain(|(_, error)| error.is_finite());
        found.sort_by(|a, b| a.1.total_cmp(&b.1));
        let times = |error: f64| match base / error {
            ratio if (0.95..1.05).contains(&ratio) => "about as large".to_owned(),
            ratio if ratio > 1.0 => format!("{ratio:.1} times smaller"),
            ratio => format!("{:.1} times larger", 1.0 / ratio),
        };
        let list: Vec<String> =
            found.iter().map(|(name, error)| format!("{name} {}, {}", cell(*error), times(*error))).collect();
        (base.is_finite() && !list.is_empty()).then(|| {
            format!(
                "{problem}: {reference} ends with a relative L2 error of {} on average, {}.",
                cell(base),
                list.join(", ")
            )
        })
    };
    problems_of(runs).into_iter().filter_map(sentence).collect()
}

/// Table of [`comparisons`]; `families` says what Holm's adjustment goes over.
pub fn comparison_table(comparisons: &[Comparison], families: &str) -> Table {
    let mut table = Table::new(
        "Paired comparisons of the final relative L2 error",
        &["problem", "reference", "candidate", "better in", "mean difference", "95 % interval", "p", "p (Holm)"],
        format!(
            "Difference = reference − candidate over pairs with the same seed; positive: the candidate is better. \
             Interval: percentile bootstrap of the mean, 10 000 resamples. p: one-sided Wilcoxon signed-rank test, exact; \
             with n pairs it cannot be below 1/2ⁿ. Holm: within a problem{families}."
        ),
    );
    for c in comparisons {
        table.rows.push(vec![
            c.problem.clone(),
            c.reference.clone(),
            c.candidate.clone(),
            format!("{} of {}", c.wins, c.pairs),
            cell(c.difference),
            format!("{} … {}", cell(c.interval[0]), cell(c.interval[1])),
            cell(c.p),
            cell(c.p_holm),
        ]);
    }
    table
}

/// The families of [`comparisons`].
pub const OF_STD_AND_ACR: &str = ", against std and of acr separately";

/// Final and best errors of every problem and condition, with the ratio to `reference`.
pub fn error_table(runs: &[Run], reference: &str) -> (Table, Value) {
    let mut table = Table::new(
        "Errors",
        &[
            "problem",
            "condition",
            "runs",
            "relative L2, last step",
            "best",
            "relative L∞, last step",
            "best",
            &format!("{reference} ÷ this"),
        ],
        format!(
            "Mean ± standard deviation over the seeds that finished (ddof 0). Nothing is selected: the last step counts, \
             the best step is shown beside it. Last column: mean relative L2 error of {reference} divided by this one's."
        ),
    );
    let mut document = Vec::new();
    for problem in problems_of(runs) {
        let of = |condition: &str, pick: &dyn Fn(&Run) -> f64| -> Vec<f64> {
            let finished = group(runs, problem, condition).into_iter().filter(|run| run.outcome.last.is_some());
            finished.map(pick).collect()
        };
        let plain = mean(&of(reference, &|run| run.outcome.rel_l2()));
        for condition in conditions_of(runs) {
            let all = group(runs, problem, condition);
            let measures: [Vec<f64>; 4] = [
                of(condition, &|run| run.outcome.rel_l2()),
                of(condition, &|run| run.outcome.best()[0]),
                of(condition, &|run| run.outcome.last.map_or(f64::NAN, |e| e[1])),
                of(condition, &|run| run.outcome.best()[1]),
            ];
            let ratio = plain / mean(&measures[0]);
            let mut row = vec![problem.to_owned(), condition.to_owned(), counts(&all)];
            row.extend(measures.iter().map(|values| spread(mean(values), spread_of(values))));
            row.push(cell(ratio));
            table.rows.push(row);
            let names = ["rel_l2", "best_rel_l2", "rel_linf", "best_rel_linf"];
            let values: serde_json::Map<_, _> = names
                .iter()
                .zip(&measures)
                .map(|(name, v)| ((*name).to_owned(), json!({"mean": mean(v), "std": deviation(v, 0), "values": v})))
                .collect();
            document.push(json!({"problem": problem, "condition": condition, "runs": all.len(),
                "finished": measures[0].len(), "errors": values, "reference": reference, "reference_over_this": ratio}));
        }
    }
    (table, document.into())
}

/// What is lost when a part of acr is left out, as factors of the error over pairs.
pub fn parts_table(runs: &[Run]) -> Table {
    let mut table = Table::new(
        "What each part brings",
        &["problem", "without the attention", "without conflict resolution", "without both", "conflict rate of lda"],
        "How many times the final relative L2 error grows when a part of acr is left out: error of gcr, lda and std \
         divided by that of acr, geometric mean over pairs, smallest and largest pair in brackets. Below 1 the part did \
         harm. Last column: how often terms conflict where nothing resolves it.",
    );
    for problem in problems_of(runs) {
        let factors = |without: &str| {
            let logs: Vec<f64> = pairs(runs, problem, without, "acr").iter().map(|[a, b]| (a / b).ln()).collect();
            let ends = [0.0, 1.0].map(|q| cell(quantile(&logs, q).exp()));
            match logs.len() {
                0 => None,
                1 => Some(format!("×{}", cell(mean(&logs).exp()))),
                _ => Some(format!("×{} ({} … {})", cell(mean(&logs).exp()), ends[0], ends[1])),
            }
        };
        let parts = ["gcr", "lda", "std"].map(factors);
        if parts.iter().all(Option::is_none) {
            continue;
        }
        let rates = group(runs, problem, "lda");
        let rates: Vec<f64> = rates.iter().filter_map(|run| Some(run.outcome.conflicts.as_ref()?.rate)).collect();
        let parts = parts.map(|part| part.unwrap_or_else(|| "–".into()));
        table.rows.push([problem.to_owned()].into_iter().chain(parts).chain([cell(mean(&rates))]).collect());
    }
    table
}

/// A deviation that is shown only where there is one.
fn spread_of(values: &[f64]) -> f64 {
    if values.len() > 1 { deviation(values, 0) } else { f64::NAN }
}

/// "5", or "4 of 5, 1 diverged".
pub(super) fn counts(runs: &[&Run]) -> String {
    let count = |status: Status| runs.iter().filter(|run| run.outcome.status == status).count();
    if count(Status::Finished) == runs.len() {
        return runs.len().to_string();
    }
    let others = [(Status::Diverged, "diverged"), (Status::Failed, "failed"), (Status::Open, "open")];
    let named = others.iter().filter(|(s, _)| count(*s) > 0).map(|(s, name)| format!(", {} {name}", count(*s)));
    format!("{} of {}{}", count(Status::Finished), runs.len(), named.collect::<String>())
}

/// Conflict rate, cosines and projection ratio of every problem and condition.
pub fn conflict_table(runs: &[Run]) -> (Table, Value) {
    let mut table = Table::new(
        "Conflicts between the terms' gradients",
        &[
            "problem",
            "condition",
            "conflict rate",
            "mean cosine",
            "alignment",
            "projection ratio",
            "mean cosine of each pair",
        ],
        "Averages over the recorded steps and the seeds. Conflict rate: share of pairs with a negative cosine. \
         Alignment: 2‖mean of the unit gradients‖² − 1 (arXiv 2502.00604), from −1, where they cancel, to 1, where all point \
         the same way. Projection ratio: how far the strategy moves the plain sum of gradients, relative to its length.",
    );
    let mut document = Vec::new();
    for problem in problems_of(runs) {
        for condition in conditions_of(runs) {
            let group = group(runs, problem, condition);
            let known: Vec<_> = group.iter().filter_map(|run| run.outcome.conflicts.as_ref()).collect();
            let Some(first) = known.first() else { continue };
            let average = |pick: &dyn Fn(&Conflicts) -> f64| {
                mean(&known.iter().map(|c| pick(c)).filter(|x| x.is_finite()).collect::<Vec<_>>())
            };
            let (rate, ratio) = (average(&|c| c.rate), average(&|c| c.projection_ratio));
            let (cosine, alignment) = (average(&|c| c.cosine), average(&|c| c.alignment));
            let cosines: Vec<(String, f64)> = (0..first.cosines.len())
                .map(|k| (first.cosines[k].0.clone(), average(&|c| c.cosines.get(k).map_or(f64::NAN, |c| c.1))))
                .collect();
            let shown: Vec<String> =
                cosines.iter().map(|(pair, cosine)| format!("{pair} {}", signed(*cosine))).collect();
            let row =
                [problem.to_owned(), condition.to_owned(), format!("{rate:.2}"), signed(cosine), signed(alignment)];
            table.rows.push(row.into_iter().chain([format!("{ratio:.3}"), shown.join(", ")]).collect());
            document.push(json!({"problem": problem, "condition": condition, "conflict_rate": rate,
                "mean_cosine": cosine, "alignment": alignment, "projection_ratio": ratio, "cosines": cosines}));
        }
    }
    (table, document.into())
}

/// A number between −1 and 1.
pub(super) fn signed(value: f64) -> String {
    if value.is_finite() { format!("{value:+.2}") } else { "–".into() }
}

/// A sentence about runs that did not end well; none if all did.
pub fn losses_note(runs: &[Run]) -> Option<String> {
    let bad = |status: Status| -> Vec<&str> {
        runs.iter().filter(|run| run.outcome.status == status).map(|run| run.entry.name.as_str()).collect()
    };
    let kinds = [(Status::Diverged, "diverged"), (Status::Failed, "failed"), (Status::Open, "not finished yet")];
    let parts: Vec<String> = kinds
        .iter()
        .map(|(status, name)| (bad(*status), name))
        .filter(|(runs, _)| !runs.is_empty())
        .map(|(runs, name)| format!("{} {name} ({})", runs.len(), distinct(runs.iter().take(6).copied()).join(", ")))
        .collect();
    (!parts.is_empty()).then(|| format!("Of {} runs {}; the tables leave them out.", runs.len(), parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, Outcome, Task, Variation};
    use super::*;
    use crate::training::{Draft, Options};

    /// Runs of `problem` whose final relative L2 errors are given, per condition one for every seed.
    fn runs(errors: &[(&str, [Option<f64>; 5])]) -> Vec<Run> {
        let resolve = |variation: &Variation| {
            let options = Options { condition: Some(variation.label.clone()), ..Options::default() };
            Draft::new(&variation.problem, &options, Options::default())?.resolve("quick")
        };
        let mut runs = Vec::new();
        for (condition, errors) in errors {
            for (seed, error) in errors.iter().copied().enumerate() {
                let variation = Variation { seed: seed as u64, ..Variation::new("klein-gordon", condition) };
                let mut outcome = Outcome::open();
                outcome.status = if error.is_some() { Status::Finished } else { Status::Diverged };
                outcome.last = error.map(|e| [e, 2.0 * e, e * e]);
                outcome.course.rel_l2 = error.map(|e| 0.5 * e).into_iter().collect();
                outcome.course.rel_linf = error.into_iter().collect();
                runs.push(Run { entry: Entry::new(variation, Task::Train, &resolve).unwrap(), outcome });
            }
        }
        runs
    }

    fn example() -> Vec<Run> {
        runs(&[
            ("std", [0.1, 0.2, 0.3, 0.2, 0.2].map(Some)),
            ("gcr", [Some(0.05), Some(0.1), None, Some(0.3), Some(0.1)]),
            ("acr", [0.01, 0.02, 0.03, 0.02, 0.02].map(Some)),
        ])
    }

    #[test]
    fn pairs_are_of_the_same_seed_and_lost_runs_are_left_out() {
        let all = comparisons(&example());
        let named: Vec<_> = all.iter().map(|c| (&*c.reference, &*c.candidate, c.pairs, c.wins)).collect();
        assert_eq!(named, [("std", "gcr", 4, 3), ("std", "acr", 5, 5), ("gcr", "acr", 4, 4)]);
        assert!((all[1].difference - 0.18).abs() < 1e-12);
        // all five better: 1/32, and Holm doubles it in a family of two
        assert_eq!((all[1].p, all[1].p_holm), (0.03125, 0.0625));
        assert!(all[1].interval[0] > 0.09 && all[1].interval[1] < 0.27, "{:?}", all[1].interval);
    }

    #[test]
    fn parts_are_factors_over_pairs() {
        let table = parts_table(&example());
        // gcr ÷ acr: 5, 5, 15 and 5, one pair is lost; lda is not there; std ÷ acr: ten times everywhere
        let wanted = ["klein-gordon", "×6.58 (5.00 … 15.0)", "–", "×10.0 (10.0 … 10.0)", "–"];
        assert_eq!(table.rows, [wanted.map(str::to_owned).to_vec()]);
    }

    #[test]
    fn a_sentence_says_what_came_out() {
        let of = |error: f64| [Some(error); 5];
        let found = runs(&[("std", of(0.2)), ("gcr", of(0.201)), ("lda", of(0.5)), ("acr", of(0.02))]);
        let wanted = "klein-gordon: std ends with a relative L2 error of 0.200 on average, acr 0.0200, 10.0 times smaller, \
                      gcr 0.201, about as large, lda 0.500, 2.5 times larger.";
        assert_eq!(answers(&found, "std"), [wanted]);
    }

    #[test]
    fn the_table_of_errors_is_readable() {
        let (table, _) = error_table(&example(), "std");
        let text = table.markdown();
        let lines: Vec<&str> = text.lines().skip(4).take(3).collect();
        assert_eq!(
            lines,
            [
                "| klein-gordon | std       | 5                  | (2.00 ± 0.63)e-1       | (1.00 ± 0.32)e-1 | (4.00 ± 1.26)e-1       | (2.00 ± 0.63)e-1 | 1.00       |",
                "| klein-gordon | gcr       | 4 of 5, 1 diverged | (1.38 ± 0.96)e-1       | (6.88 ± 4.80)e-2 | (2.75 ± 1.92)e-1       | (1.38 ± 0.96)e-1 | 1.45       |",
                "| klein-gordon | acr       | 5                  | (2.00 ± 0.63)e-2       | (1.00 ± 0.32)e-2 | (4.00 ± 1.26)e-2       | (2.00 ± 0.63)e-2 | 10.0       |",
            ]
        );
        let note = losses_note(&example()).unwrap();
        assert_eq!(note, "Of 15 runs 1 diverged (klein-gordon-gcr-s2); the tables leave them out.");
    }
}
