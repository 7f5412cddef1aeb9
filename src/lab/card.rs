//! The card of a conformance run: adapter, driver and what every check measured; and how two cards differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gpu::Record;
use crate::training::files;

use super::report::Report;

/// One check of one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Its kind: one of [`super::verify::CHECKS`].
    pub check: String,
    /// What was checked, such as "second: tanh adjoint".
    pub subject: String,
    pub passed: bool,
    /// Numbers compared.
    pub comparisons: usize,
    /// The relative error closest to its limit; none if nothing was measured or it is not finite.
    pub error: Option<f64>,
    /// What that comparison allows.
    pub limit: Option<f64>,
    /// Where that was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The first failures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// Further numbers, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measured: BTreeMap<String, f64>,
    /// What the language allows its own function of this kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub wgsl_allows: String,
}

/// Everything that one conformance run found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    pub schema: u32,
    pub kind: String,
    /// Of this program.
    pub version: String,
    pub adapter: Record,
    /// Whether kernels kept the shader compiler's runtime checks.
    pub checked: bool,
    pub thorough: bool,
    pub passed: bool,
    pub seconds: f64,
    pub findings: Vec<Finding>,
}

/// What a card says it is.
pub const KIND: &str = "acr-pinn-gpu verify";
/// Failures that a finding keeps.
const SHOWN: usize = 5;
/// Findings that a card may hold: far more than there are combinations.
const MOST: usize = 100_000;

impl Finding {
    /// A finding from a report.
    pub fn of(check: &str, subject: impl Into<String>, report: &Report) -> Self {
        let worst = report.worst().cloned();
        let finite = |x: f64| x.is_finite().then_some(x);
        Finding {
            check: check.to_owned(),
            subject: subject.into(),
            passed: report.passed(),
            comparisons: report.comparisons(),
            error: worst.as_ref().and_then(|w| finite(w.error)),
            limit: worst.as_ref().and_then(|w| finite(w.limit)),
            place: worst.map(|w| w.place).unwrap_or_default(),
            failures: report.failures().iter().take(SHOWN).cloned().collect(),
            measured: BTreeMap::new(),
            wgsl_allows: String::new(),
        }
    }

    /// A check that could not be made.
    pub fn broken(check: &str, subject: impl Into<String>, reason: impl ToString) -> Self {
        let mut report = Report::default();
        report.check(false, || reason.to_string());
        Finding::of(check, subject, &report)
    }
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// Says what is not as in a card.
    pub fn parse(bytes: &[u8]) -> Result<Card, String> {
        let card: Card = serde_json::from_str(files::text(bytes)?)
            .map_err(|e| format!("not a card of `verify --json` ({e}): write one with `acr-pinn-gpu verify --json`"))?;
        if card.kind != KIND || card.schema != 1 {
            let (kind, schema) = (&card.kind, card.schema);
            return Err(format!("`{kind}` of schema {schema}, where `{KIND}` of schema 1 is expected"));
        }
        if card.findings.len() > MOST {
            return Err(format!("{} findings are more than the {MOST} that a card may hold", card.findings.len()));
        }
        Ok(card)
    }
}

/// How one check differs between two cards.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    pub check: String,
    pub subject: String,
    /// Error and verdict on either side; none where a card lacks the check.
    pub a: Option<(Option<f64>, bool)>,
    pub b: Option<(Option<f64>, bool)>,
    /// Error of B over error of A, where both are known.
    pub ratio: Option<f64>,
    /// One passes and the other does not.
    pub flips: bool,
}

/// Every check of either card, those that flip first, then by how far their errors lie apart.
pub fn compare(a: &Card, b: &Card) -> Vec<Difference> {
    let key = |f: &Finding| (f.check.clone(), f.subject.clone());
    let index = |card: &Card| -> BTreeMap<_, _> {
        // the first of a name counts
        card.findings.iter().rev().map(|f| (key(f), (f.error, f.passed))).collect()
    };
    let (in_a, in_b) = (index(a), index(b));
    let mut keys: Vec<_> = a.findings.iter().map(key).collect();
    keys.extend(b.findings.iter().map(key).filter(|key| !in_a.contains_key(key)));
    let mut differences: Vec<Difference> = keys
        .into_iter()
        .map(|(check, subject)| {
            let key = (check, subject);
            let (a, b) = (in_a.get(&key).copied(), in_b.get(&key).copied());
            let (check, subject) = key;
            let ratio = match (a, b) {
                (Some((Some(a), _)), Some((Some(b), _))) if a == b => Some(1.0),
                (Some((Some(a), _)), Some((Some(b), _))) if a > 0.0 => Some(b / a),
                _ => None,
            };
            let flips = matches!((a, b), (Some((_, x)), Some((_, y))) if x != y);
            Difference { check, subject, a, b, ratio, flips }
        })
        .collect();
    let distance = |d: &Difference| d.ratio.map_or(f64::INFINITY, |r| r.max(f64::MIN_POSITIVE).ln().abs());
    differences.sort_by(|x, y| y.flips.cmp(&x.flips).then(distance(y).total_cmp(&distance(x))));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Tolerance;

    fn card(errors: &[(&str, f64)]) -> Card {
        let finding = |(subject, error): &(&str, f64)| {
            let mut report = Report::default();
            report.number("here", 1.0 + error, 1.0, 1.0, Tolerance::of_f32(10.0));
            Finding::of("functions", *subject, &report)
        };
        let findings: Vec<_> = errors.iter().map(finding).collect();
        let adapter = Record {
            name: "test".into(),
            backend: "none".into(),
            kind: "other".into(),
            driver: String::new(),
            driver_info: String::new(),
            vendor: 0,
            device: 0,
            pci: String::new(),
        };
        let passed = findings.iter().all(|f| f.passed);
        let (kind, version) = (KIND.to_owned(), "0".to_owned());
        Card { schema: 1, kind, version, adapter, checked: false, thorough: false, passed, seconds: 1.0, findings }
    }

    #[test]
    fn cards_come_back_and_others_are_refused() {
        let good = card(&[("tanh", 1e-7), ("exp", f64::NAN)]);
        assert!(!good.passed);
        let bytes = serde_json::to_vec(&good).unwrap();
        assert_eq!(Card::parse(&bytes).unwrap(), good);
        assert!(Card::parse(b"{}").unwrap_err().contains("verify --json"));
        let other = Card { kind: "acr-pinn-gpu bench".into(), ..good };
        let message = Card::parse(&serde_json::to_vec(&other).unwrap()).unwrap_err();
        assert!(message.contains("`acr-pinn-gpu bench`") && message.contains(KIND), "{message}");
    }

    #[test]
    fn flips_come_first_and_then_the_largest_ratios() {
        let a = card(&[("same", 1e-7), ("flips", 2e-7), ("far", 1e-8), ("only here", 1e-7)]);
        let b = card(&[("same", 1e-7), ("flips", 9e-6), ("far", 9e-7)]);
        let found = compare(&a, &b);
        let order: Vec<&str> = found.iter().map(|d| d.subject.as_str()).collect();
        assert_eq!(order, ["flips", "only here", "far", "same"]);
        assert!(found[0].flips && found[1].b.is_none());
        assert!((found[2].ratio.unwrap() - 90.0).abs() < 1.0);
        assert_eq!(found[3].ratio, Some(1.0));
    }
}
