//! The rows of `history.csv`: losses and errors over the steps of a run.

use super::evaluation::Evaluation;
use super::trainer::StepRecord;

/// One line of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Updates done when the errors were measured.
    pub step: u64,
    /// Loss of each term, before the last of those updates.
    pub losses: Vec<f64>,
    /// Sum of the losses.
    pub total: f64,
    /// Relative L2 error, relative maximum error, mean squared error; none without a known answer.
    pub errors: Option<[f64; 3]>,
    /// Learning rate of the last update.
    pub rate: f64,
    /// What the problem's unknowns have come to.
    pub unknowns: Vec<f64>,
}

impl Row {
    /// The row after `step` updates: losses and rate of the last one, errors and unknowns after it.
    pub fn of(step: u64, record: &StepRecord, evaluation: &Evaluation, unknowns: Vec<f64>) -> Row {
        Row {
            step,
            losses: record.losses.iter().map(|&l| f64::from(l)).collect(),
            total: record.total(),
            errors: evaluation.errors.map(|e| [e.rel_l2, e.rel_linf, e.mse]),
            rate: f64::from(record.rate),
            unknowns,
        }
    }
}

/// A run's history.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Names of the terms, in the order of the losses.
    pub terms: Vec<&'static str>,
    /// Names of the problem's unknowns.
    pub unknowns: Vec<&'static str>,
    pub rows: Vec<Row>,
}

impl History {
    /// An empty history of these terms.
    pub fn new(terms: Vec<&'static str>) -> History {
        History { terms, ..History::default() }
    }

    /// The row with the smallest relative L2 error: reported, never used to select.
    pub fn best(&self) -> Option<&Row> {
        let known = self.rows.iter().filter(|row| row.errors.is_some_and(|e| e[0].is_finite()));
        known.min_by(|a, b| a.errors.map(|e| e[0]).partial_cmp(&b.errors.map(|e| e[0])).expect("finite"))
    }

    /// As comma-separated values with a header; missing errors are empty cells.
    pub fn csv(&self) -> String {
        let unknowns: String = self.unknowns.iter().map(|name| format!(",{name}")).collect();
        let mut text = format!("step,{},total,rel_l2,rel_linf,mse,lr{unknowns}\n", self.terms.join(","));
        for row in &self.rows {
            let losses: Vec<String> = row.losses.iter().map(|l| format!("{l:e}")).collect();
            let errors = row.errors.map_or(",,".to_owned(), |e| e.map(|x| format!("{x:e}")).join(","));
            let unknowns: String = row.unknowns.iter().map(|value| format!(",{value:e}")).collect();
            text += &format!("{},{},{:e},{errors},{:e}{unknowns}\n", row.step, losses.join(","), row.total, row.rate);
        }
        text
    }

    /// Rows as numbers: step, losses, total, three errors (NaN where there are none), rate, unknowns.
    pub fn numbers(&self) -> Vec<Vec<f64>> {
        let row = |row: &Row| {
            let mut numbers = vec![row.step as f64];
            numbers.extend(&row.losses);
            numbers.push(row.total);
            numbers.extend(row.errors.unwrap_or([f64::NAN; 3]));
            numbers.push(row.rate);
            numbers.extend(&row.unknowns);
            numbers
        };
        self.rows.iter().map(row).collect()
    }

    /// The reverse of [`History::numbers`]; rows of another length are left out.
    pub fn from_numbers(terms: Vec<&'static str>, unknowns: Vec<&'static str>, numbers: &[Vec<f64>]) -> History {
        let k = terms.len();
        let rows = numbers.iter().filter(|n| n.len() == k + 6 + unknowns.len()).map(|n| {
            let errors = [n[k + 2], n[k + 3], n[k + 4]];
            Row {
                step: n[0] as u64,
                losses: n[1..=k].to_vec(),
                total: n[k + 1],
                errors: (!errors[0].is_nan()).then_some(errors),
                rate: n[k + 5],
                unknowns: n[k + 6..].to_vec(),
            }
        });
        History { rows: rows.collect(), terms, unknowns }
    }
}
