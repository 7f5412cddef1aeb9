//! The two ingredients separately and together. The 2×2 conditions are a factorial design: in logarithms of the
//! error the gain of the network, that of the strategy and their interaction add up. Problems differ in how much
//! their constraints pull against the equation, and the question is whether the strategy's gain follows that.

use serde_json::{Value, json};

use crate::error::Result;
use crate::report::{Curves, Marker, Series};

use super::compare::{answers, conflict_table, error_table, losses_note};
use super::curves::convergence;
use super::table::{Table, cell};
use super::{Analysis, Entry, Picture, Request, Resolve, Run, Study, core::Core, distinct, group, problems_of};
use crate::math::statistics::{deviation, least_squares, mean};

/// See the module.
pub struct Ablation;

impl Study for Ablation {
    fn name(&self) -> &'static str {
        "ablation"
    }

    fn summary(&self) -> &'static str {
        "LDA and PCGrad separately and together; does the gain follow the conflict between the terms?"
    }

    fn defaults(&self) -> Request {
        Request::standard()
    }

    fn matrix(&self, request: &Request, resolve: &Resolve) -> Result<Vec<Entry>> {
        Core.matrix(request, resolve)
    }

    fn analyse(&self, _: &Request, runs: &[Run]) -> Analysis {
        let (conflicts, conflict_numbers) = conflict_table(runs);
        let (errors, error_numbers) = error_table(runs, "std");
        let effects: Vec<Effects> = problems_of(runs).iter().flat_map(|problem| effects(runs, problem)).collect();
        let points = coupling(&effects);
        let mut figures: Vec<Picture> = scatter(&points).into_iter().collect();
        figures.extend(convergence(runs));
        Analysis {
            notes: answers(runs, "std").into_iter().chain(trend(&points)).chain(losses_note(runs)).collect(),
            tables: vec![effect_table(&effects), errors, conflicts],
            figures,
            document: json!({"effects": effects, "groups": error_numbers, "conflicts": conflict_numbers,
                "coupling": trend_numbers(&points)}),
        }
    }
}

/// Gains of one pair of runs, in powers of ten of the relative L2 error; positive is better.
#[derive(Clone, Debug, serde::Serialize)]
struct Effects {
    problem: String,
    seed: u64,
    /// Conflict rate of the plain condition: how much the terms work against each other before anything is done.
    conflict_rate: f64,
    /// std → gcr.
    pcgrad: f64,
    /// std → lda.
    lda: f64,
    /// std → acr.
    both: f64,
    /// both − (pcgrad + lda): positive where they help each other.
    interaction: f64,
}

fn effects(runs: &[Run], problem: &str) -> Vec<Effects> {
    let find = |condition: &str, seed: u64| {
        group(runs, problem, condition).into_iter().find(|run| run.entry.variation.seed == seed)
    };
    let log = |condition: &str, seed: u64| {
        find(condition, seed).map(|run| run.outcome.rel_l2().log10()).filter(|log| log.is_finite())
    };
    let seeds = distinct(runs.iter().map(|run| run.entry.variation.seed));
    seeds
        .into_iter()
        .filter_map(|seed| {
            let [std, gcr, lda, acr] = ["std", "gcr", "lda", "acr"].map(|condition| log(condition, seed));
            let (std, gcr, lda, acr) = (std?, gcr?, lda?, acr?);
            let conflict_rate = find("std", seed)?.outcome.conflicts.as_ref()?.rate;
            let (pcgrad, lda, both) = (std - gcr, std - lda, std - acr);
            let interaction = both - pcgrad - lda;
            Some(Effects { problem: problem.to_owned(), seed, conflict_rate, pcgrad, lda, both, interaction })
        })
        .collect()
}

fn effect_table(effects: &[Effects]) -> Table {
    let mut table = Table::new(
        "Gains, in powers of ten of the relative L2 error",
        &["problem", "pairs", "conflict rate of std", "PCGrad alone", "LDA alone", "both", "interaction"],
        "log₁₀(error of std ÷ error of the condition), mean ± standard deviation over seeds (ddof 1); 1 means ten times \
         better, negative means worse. Interaction: both − PCGrad − LDA, positive where they help each other. Problems \
         are sorted by the conflict rate.",
    );
    let mut problems = distinct(effects.iter().map(|e| e.problem.as_str()));
    let of = |problem: &str, pick: fn(&Effects) -> f64| -> Vec<f64> {
        effects.iter().filter(|e| e.problem == problem).map(pick).collect()
    };
    let rate = |problem: &str| mean(&of(problem, |e| e.conflict_rate));
    problems.sort_by(|a, b| rate(b).total_cmp(&rate(a)));
    let picks: [fn(&Effects) -> f64; 4] = [|e| e.pcgrad, |e| e.lda, |e| e.both, |e| e.interaction];
    for problem in problems {
        let mut row = vec![problem.to_owned(), of(problem, |e| e.both).len().to_string(), cell(rate(problem))];
        for pick in picks {
            let values = of(problem, pick);
            let deviation = deviation(&values, 1);
            let tail = if deviation.is_finite() { format!(" ± {deviation:.2}") } else { String::new() };
            row.push(format!("{:+.2}{tail}", mean(&values)));
        }
        table.rows.push(row);
    }
    table
}

/// (conflict rate, gain of PCGrad alone) of every pair, by problem.
fn coupling(effects: &[Effects]) -> Vec<(String, f64, f64)> {
    effects.iter().map(|e| (e.problem.clone(), e.conflict_rate, e.pcgrad)).collect()
}

fn scatter(points: &[(String, f64, f64)]) -> Option<Picture> {
    const MARKERS: [Marker; 3] = [Marker::Circle, Marker::Square, Marker::Diamond];
    let mut curves = Curves::new()
        .title("What resolving conflicts brings, where there are conflicts")
        .axes("conflict rate of std", "gain of PCGrad alone, powers of ten");
    for (k, problem) in distinct(points.iter().map(|p| p.0.as_str())).into_iter().enumerate() {
        let of: Vec<_> = points.iter().filter(|p| p.0 == problem).collect();
        let (x, y): (Vec<f64>, Vec<f64>) = of.iter().map(|p| (p.1, p.2)).unzip();
        curves = curves.series(Series::points(problem, &x, &y, MARKERS[k % MARKERS.len()]));
    }
    (!points.is_empty()).then(|| Picture {
        file: "coupling.png".into(),
        caption: "One point per problem and seed: log₁₀ of the error of std over that of gcr against the share of \
                  conflicting pairs in the std run."
            .into(),
        figure: curves.draw(),
    })
}

fn trend_numbers(points: &[(String, f64, f64)]) -> Value {
    let rows: Vec<Vec<f64>> = points.iter().map(|p| vec![1.0, p.1]).collect();
    let gains: Vec<f64> = points.iter().map(|p| p.2).collect();
    match least_squares(&rows, &gains).filter(|_| points.len() > 2) {
        Some(fit) => {
            json!({"intercept": fit.coefficients[0], "slope": fit.coefficients[1], "r_squared": fit.r_squared})
        }
        None => Value::Null,
    }
}

/// The straight line through all points, in words.
fn trend(points: &[(String, f64, f64)]) -> Option<String> {
    let numbers = trend_numbers(points);
    let [slope, r_squared] = ["slope", "r_squared"].map(|key| numbers[key].as_f64());
    Some(format!(
        "Straight line through all pairs: the gain of PCGrad changes by {:+.2} powers of ten from no conflict to conflict \
         everywhere (R² = {:.2}, {} pairs from {} problems).",
        slope?,
        r_squared?,
        points.len(),
        distinct(points.iter().map(|p| p.0.as_str())).len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_found_and_too_few_points_are_not() {
        let point = |rate: f64| ("cavity".to_owned(), rate, 0.1 + 2.0 * rate);
        let points: Vec<_> = [0.0, 0.25, 0.5].map(point).into();
        assert!(trend(&points).unwrap().contains("+2.00 powers of ten"), "{:?}", trend(&points));
        assert!(trend(&points[..2]).is_none() && trend(&[]).is_none());
    }
}
