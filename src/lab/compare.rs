//! Which of two measurements is faster, and whether that can be said: row by row, from all samples.
//!
//! Rows match by what they compute (problem, network, points, plan, change), on whatever adapter. The ratio of their
//! medians has a 95 % interval by bootstrap, and the verdict is about the whole interval: beyond the tolerance on one
//! side, or inside it; anything else is not decided.

use serde::Serialize;

use super::bench::FEWEST;
use super::timing::{Document, Row, Verdict};
use crate::math::statistics::{bootstrap_ratio, median};

/// What can be said of B beside A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// B takes less time.
    Faster,
    /// B takes more time.
    Slower,
    /// They differ by less than the tolerance.
    Same,
    /// The samples do not tell, or there is nothing to compare.
    Ambiguous,
}

/// One row of A beside its match in B.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What the rows time.
    pub key: String,
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
    /// Medians in microseconds; none where a side has no valid samples.
    pub a_us: Option<f64>,
    pub b_us: Option<f64>,
    /// Median of B over median of A, with its 95 % interval.
    pub ratio: Option<f64>,
    pub interval: Option<[f64; 2]>,
    /// B is wrong or missing where A is right.
    pub lost: bool,
}

/// Differences below this share are none.
pub const TOLERANCE: f64 = 0.02;
/// Seed of the bootstrap: the same samples give the same verdict.
const SEED: u64 = 6;

/// Every row of A with its match in B, then the rows that only B has.
pub fn compare(a: &Document, b: &Document, tolerance: f64) -> Vec<Comparison> {
    let find = |document: &Document, key: &str| document.rows.iter().position(|row| row.key() == key);
    let mut list: Vec<Comparison> = a
        .rows
        .iter()
        .map(|row| {
            let other = find(b, &row.key()).map(|k| &b.rows[k]);
            of_rows(row, other, a.adapter.is_like(&b.adapter), tolerance)
        })
        .collect();
    let only = b.rows.iter().filter(|row| find(a, &row.key()).is_none());
    list.extend(only.map(|row| Comparison {
        b_us: row.summary().map(|summary| summary.median_us),
        ..undecided(row, "only B has it".to_owned())
    }));
    list
}

fn undecided(row: &Row, reason: String) -> Comparison {
    Comparison {
        key: row.key(),
        outcome: Outcome::Ambiguous,
        reason,
        a_us: None,
        b_us: None,
        ratio: None,
        interval: None,
        lost: false,
    }
}

/// Why a row cannot be compared, if so.
fn unfit(name: &str, row: &Row) -> Option<String> {
    let count = row.kept().len();
    match row.verdict {
        Verdict::Invalid => Some(format!("{name} is INVALID: {}", row.reason)),
        Verdict::Failed => Some(format!("{name} was not built: {}", row.reason)),
        Verdict::Valid if count < FEWEST => Some(format!(
            "{name} has {count} samples, a comparison needs {FEWEST}: measure with --samples {FEWEST} or more"
        )),
        Verdict::Valid => None,
    }
}

fn of_rows(a: &Row, b: Option<&Row>, same_adapter: bool, tolerance: f64) -> Comparison {
    let lost = a.verdict == Verdict::Valid && b.is_none_or(|b| b.verdict != Verdict::Valid);
    let Some(b) = b else { return Comparison { lost, ..undecided(a, "only A has it".to_owned()) } };
    let middle = |row: &Row| row.summary().map(|summary| summary.median_us);
    let sides = Comparison { a_us: middle(a), b_us: middle(b), lost, ..undecided(a, String::new()) };
    if let Some(reason) = unfit("A", a).or_else(|| unfit("B", b)) {
        return Comparison { reason, ..sides };
    }
    let (x, y) = (a.kept(), b.kept());
    let ratio = median(&y) / median(&x);
    let interval = bootstrap_ratio(&x, &y, SEED);
    let (outcome, mut reason) = verdict(interval, tolerance);
    let unsteady = [("A", a), ("B", b)].into_iter().filter(|(_, row)| row.unsteady()).map(|(name, _)| name);
    for name in unsteady {
        reason += &format!("; the machine was unsteady under {name}");
    }
    if same_adapter && a.tile != b.tile {
        reason += &format!("; other tile: {} instead of {}", b.tile, a.tile);
    }
    let outcome = if a.unsteady() || b.unsteady() { Outcome::Ambiguous } else { outcome };
    Comparison { outcome, reason, ratio: Some(ratio), interval: Some(interval), ..sides }
}

/// What an interval of the ratio says.
fn verdict([lo, hi]: [f64; 2], tolerance: f64) -> (Outcome, String) {
    let percent = |ratio: f64| format!("{:+.1} %", 100.0 * (ratio - 1.0));
    let span = format!("time of B against A: {} to {}", percent(lo), percent(hi));
    let (low, high) = (1.0 / (1.0 + tolerance), 1.0 + tolerance);
    let within = format!("±{:.1} %", 100.0 * tolerance);
    match () {
        () if hi < low => (Outcome::Faster, span),
        () if lo > high => (Outcome::Slower, span),
        () if lo >= low && hi <= high => (Outcome::Same, format!("{span}, within {within}")),
        () if lo < low && hi > high => (Outcome::Ambiguous, format!("{span}: too wide a spread, take more samples")),
        () => (Outcome::Ambiguous, format!("{span}: across the edge of {within}, take more samples")),
    }
}

/// When a comparison counts as failed: `slower` or `slower:5%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailOn {
    /// The share by which the median must be slower.
    pub margin: f64,
}

impl FailOn {
    /// Reads `slower` or `slower:X%`.
    ///
    /// # Errors
    /// Says what is expected.
    pub fn parse(text: &str) -> Result<FailOn, String> {
        let wrong = || format!("`{text}`: expected slower or slower:X%, such as slower:5%");
        let margin = match text.strip_prefix("slower").ok_or_else(wrong)? {
            "" => 0.0,
            rest => {
                let number = rest.strip_prefix(':').and_then(|rest| rest.strip_suffix('%')).ok_or_else(wrong)?;
                number.trim().parse::<f64>().map_err(|_| wrong())? / 100.0
            }
        };
        if (0.0..1e3).contains(&margin) { Ok(FailOn { margin }) } else { Err(wrong()) }
    }

    /// Whether this comparison fails: surely slower and by more than the margin, or wrong where it was right.
    pub fn fails(self, comparison: &Comparison) -> bool {
        let slower = comparison.outcome == Outcome::Slower;
        comparison.lost || slower && comparison.ratio.is_some_and(|ratio| ratio > 1.0 + self.margin)
    }
}

#[cfg(test)]
mod tests {
    use super::super::timing::tests::document;
    use super::*;

    const CALM: [f64; 8] = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1];

    fn scaled(by: f64) -> Vec<f64> {
        CALM.iter().map(|x| x * by).collect()
    }

    /// The comparison of two documents with one row each.
    fn one(a: &[f64], b: &[f64]) -> Comparison {
        let list = compare(&document("x", &[("", a)]), &document("y", &[("", b)]), TOLERANCE);
        assert_eq!(list.len(), 1);
        list.into_iter().next().unwrap()
    }

    #[test]
    fn clear_differences_are_named() {
        let faster = one(&CALM, &scaled(0.5));
        assert_eq!(faster.outcome, Outcome::Faster);
        assert!((faster.ratio.unwrap() - 0.5).abs() < 0.02 && faster.reason.contains("-5"), "{}", faster.reason);
        assert_eq!(one(&CALM, &scaled(1.3)).outcome, Outcome::Slower);
        assert_eq!(one(&CALM, &scaled(1.001)).outcome, Outcome::Same);
        assert_eq!(one(&CALM, &CALM), one(&CALM, &CALM), "the same samples give the same verdict");
    }

    #[test]
    fn what_the_samples_do_not_tell_is_ambiguous() {
        let wide = [60.0, 150.0, 95.0, 130.0, 70.0, 110.0, 85.0, 140.0];
        let comparison = one(&CALM, &wide);
        assert_eq!(comparison.outcome, Outcome::Ambiguous);
        assert!(comparison.reason.contains("too wide"), "{}", comparison.reason);
        let edge = one(&CALM, &scaled(1.02));
        assert!(edge.outcome == Outcome::Ambiguous && edge.reason.contains("edge"), "{}", edge.reason);
        let few = one(&CALM, &[50.0; 4]);
        assert!(few.outcome == Outcome::Ambiguous && few.reason.contains("4 samples"), "{}", few.reason);
        assert!(!few.lost && few.ratio.is_none());
    }

    #[test]
    fn wrong_and_missing_rows_are_never_ranked() {
        let a = document("x", &[("", &CALM), ("groups=2", &CALM)]);
        let mut b = document("x", &[("", &scaled(0.1)), ("rows=2", &CALM)]);
        (b.rows[0].verdict, b.rows[0].reason) = (Verdict::Invalid, "row off".into());
        let list = compare(&a, &b, TOLERANCE);
        let reasons: Vec<&str> = list.iter().map(|c| c.reason.as_str()).collect();
        assert_eq!(reasons, ["B is INVALID: row off", "only A has it", "only B has it"]);
        assert!(list.iter().all(|c| c.outcome == Outcome::Ambiguous && c.ratio.is_none()));
        assert_eq!(list.iter().map(|c| c.lost).collect::<Vec<_>>(), [true, true, false]);
        let fail = FailOn::parse("slower:5%").unwrap();
        assert!(fail.fails(&list[0]) && fail.fails(&list[1]) && !fail.fails(&list[2]));
    }

    #[test]
    fn an_unsteady_machine_and_another_tile_are_said() {
        let a = document("x", &[("", &CALM)]);
        let mut b = document("x", &[("", &scaled(2.0))]);
        b.rows[0].tile = serde_json::json!({"lanes": 16});
        let comparison = compare(&a, &b, TOLERANCE).remove(0);
        assert!(comparison.outcome == Outcome::Slower && comparison.reason.contains("other tile"));
        b.rows[0].guard = vec![1.5; 8];
        let comparison = compare(&a, &b, TOLERANCE).remove(0);
        assert!(comparison.outcome == Outcome::Ambiguous && comparison.reason.contains("unsteady under B"));
    }

    #[test]
    fn failing_is_about_sure_slowness() {
        let parse = |text| FailOn::parse(text).unwrap();
        assert_eq!((parse("slower").margin, parse("slower:5%").margin), (0.0, 0.05));
        for text in ["", "faster", "slower:", "slower:5", "slower:x%", "slower:-5%", "slowerish"] {
            assert!(FailOn::parse(text).unwrap_err().contains("slower:5%"), "{text}");
        }
        let slower = one(&CALM, &scaled(1.04));
        assert!(parse("slower").fails(&slower) && parse("slower:3%").fails(&slower));
        assert!(!parse("slower:5%").fails(&slower) && !parse("slower").fails(&one(&CALM, &scaled(0.5))));
    }
}
