//! Many machines in one table: the same steps, whoever measured them.

use super::timing::{Document, Row, Verdict};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Standing {
    /// What is computed; rows of the same step stand together.
    pub step: String,
    /// Plan and change, which say how.
    pub plan: String,
    pub adapter: String,
    pub driver: String,
    /// Where it ran: a browser, or this program with its version.
    pub runs_in: String,
    pub us: Option<f64>,
    pub gflops: Option<f64>,
    pub worst_error: Option<f64>,
    pub verdict: Verdict,
    /// Why it is not valid.
    pub reason: String,
}

/// All rows of all documents, step after step, the fastest first and what is not valid last. Of a document that has rows as
/// the adapter chose them, changes are left out; the second number counts these.
pub fn standings(documents: &[Document]) -> (Vec<Standing>, usize) {
    let mut list = Vec::new();
    let mut left_out = 0;
    for document in documents {
        let plain = document.rows.iter().any(|row| row.change.is_empty());
        let wanted = |row: &&Row| !plain || row.change.is_empty();
        left_out += document.rows.iter().filter(|row| !wanted(row)).count();
        list.extend(document.rows.iter().filter(wanted).map(|row| standing(document, row)));
    }
    let order = |standing: &Standing| standing.us.unwrap_or(f64::INFINITY);
    list.sort_by(|a, b| a.step.cmp(&b.step).then(order(a).total_cmp(&order(b))).then(a.adapter.cmp(&b.adapter)));
    (list, left_out)
}

fn standing(document: &Document, row: &Row) -> Standing {
    let adapter = &document.adapter;
    let us = row.summary().filter(|_| row.verdict == Verdict::Valid).map(|summary| summary.median_us);
    let driver = [&adapter.driver, &adapter.driver_info].map(|part| part.trim().to_owned());
    let runs_in = document.browser.clone().unwrap_or_else(|| format!("acr-pinn-gpu {}", document.version));
    Standing {
        step: format!(
            "{} · {} {} {}×{} · {} · {} points",
            row.problem,
            row.network,
            row.variant,
            row.depth,
            row.width,
            row.rule(),
            row.point_count()
        ),
        plan: row.rung(),
        adapter: adapter.name.clone(),
        driver: driver.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "),
        runs_in: format!("{runs_in}, {}", document.os),
        us,
        // operations per microsecond are millions per second
        gflops: us.map(|us| row.flop / us / 1e3),
        worst_error: row.worst_error,
        verdict: row.verdict,
        reason: row.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::timing::tests::document;
    use super::*;

    #[test]
    fn the_fastest_comes_first_and_the_wrong_last() {
        let slow = document("slow", &[("", &[200.0, 210.0, 190.0]), ("checked=true", &[9.0])]);
        let mut page = document("fast", &[("", &[100.0, 110.0, 90.0])]);
        page.browser = Some("Browser 1".into());
        let mut wrong = document("wrong", &[("", &[1.0, 1.0])]);
        (wrong.rows[0].verdict, wrong.rows[0].reason) = (Verdict::Invalid, "row off".into());
        let only_changes = document("other", &[("training", &[150.0])]);
        let (list, left_out) = standings(&[slow, wrong, page, only_changes]);
        let names: Vec<&str> = list.iter().map(|standing| standing.adapter.as_str()).collect();
        assert_eq!((names, left_out), (vec!["fast", "other", "slow", "wrong"], 1));
        assert_eq!((list[0].us, list[3].us), (Some(100.0), None));
        assert_eq!(list[0].gflops, Some(1e9 / 100.0 / 1e3));
        assert!(list[0].runs_in.starts_with("Browser 1") && list[1].plan == "fused training");
    }
}
