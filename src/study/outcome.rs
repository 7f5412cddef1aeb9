//! What the folder of a run says about it: read from `run.json`, `history.csv` and `diagnostics.jsonl`, the files
//! that every run leaves, and from nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::kernels::Tile;
use crate::training::files;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Finished,
    /// Left the finite numbers; it will not be tried again.
    Diverged,
    /// Ended by another error; a continued study tries again.
    Failed,
    /// Not begun, or stopped on the way.
    Open,
}

impl Status {
    /// Whether the run needs no more work.
    pub fn is_over(self) -> bool {
        matches!(self, Status::Finished | Status::Diverged)
    }
}

/// Numbers over the steps of a run, one entry per row of its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Course {
    pub steps: Vec<u64>,
    /// Sum of the losses.
    pub total: Vec<f64>,
    /// Relative L2 and L∞ errors; NaN without a known answer.
    pub rel_l2: Vec<f64>,
    pub rel_linf: Vec<f64>,
    /// Seconds since the start; empty unless the run's length was a time.
    pub seconds: Vec<f64>,
}

impl Course {
    /// Number of the first row whose relative L2 error is at most `error`.
    pub fn reached(&self, error: f64) -> Option<usize> {
        self.rel_l2.iter().position(|rel_l2| *rel_l2 <= error)
    }
}

/// How the gradients of the terms stood to each other, averaged over the rows of the diagnostics.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Conflicts {
    /// Share of pairs with a negative cosine.
    pub rate: f64,
    /// Mean over the pairs of their cosines.
    pub cosine: f64,
    /// A = 2‖mean of the unit gradients‖² − 1 (arXiv 2502.00604): 1 where all point the same way, −1 where they
    /// cancel, and the cosine where there are two.
    pub alignment: f64,
    /// ‖g − Σ gᵢ‖ / ‖Σ gᵢ‖.
    pub projection_ratio: f64,
    /// Mean cosine of each pair of terms, by "first–second".
    pub cosines: Vec<(String, f64)>,
}

/// What is known of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub status: Status,
    /// Why it diverged or failed.
    pub error: Option<String>,
    /// Relative L2 error, relative L∞ error, mean square, at the last step.
    pub last: Option<[f64; 3]>,
    pub course: Course,
    pub conflicts: Option<Conflicts>,
    pub steps: u64,
    pub seconds: f64,
    pub step_ms: f64,
    /// Further numbers of `run.json`, key `measured`.
    pub measured: BTreeMap<String, f64>,
    /// The tile of its kernels.
    pub tile: Option<Tile>,
}

impl Outcome {
    /// A run of which nothing is known.
    pub fn open() -> Outcome {
        Outcome {
            status: Status::Open,
            error: None,
            last: None,
            course: Course::default(),
            conflicts: None,
            steps: 0,
            seconds: f64::NAN,
            step_ms: f64::NAN,
            measured: BTreeMap::new(),
            tile: None,
        }
    }

    /// Reads the folder of a run; what is missing or unreadable there counts as not begun.
    pub fn read(folder: &Path) -> Outcome {
        let text = |name: &str| files::read(&folder.join(name), 1 << 28).ok().and_then(|b| String::from_utf8(b).ok());
        let document: Value = text("run.json").and_then(|t| serde_json::from_str(&t).ok()).unwrap_or(Value::Null);
        let status = match document["status"].as_str() {
            Some("finished") => Status::Finished,
            Some("diverged") => Status::Diverged,
            Some("failed") => Status::Failed,
            _ => Status::Open,
        };
        let over = status.is_over();
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        let last = &document["final"];
        let errors = ["rel_l2", "rel_linf", "mse"].map(|key| number(&last[key]));
        let measured = document["measured"].as_object().into_iter().flatten();
        Outcome {
            status,
            error: document["error"].as_str().map(str::to_owned),
            last: (status == Status::Finished && errors[0].is_finite()).then_some(errors),
            // half a run would cut the curves of all, and its averages are none of the whole
            course: text("history.csv").filter(|_| over).map(|t| course(&t)).unwrap_or_default(),
            conflicts: text("diagnostics.jsonl").filter(|_| over).and_then(|t| conflicts(&t, &document)),
            steps: last["step"].as_u64().unwrap_or(0),
            // a run that was continued only knows how long it took since
            seconds: if document["resumed_at"].is_null() { number(&document["timings"]["seconds"]) } else { f64::NAN },
            step_ms: number(&document["timings"]["step_ms_median"]),
            measured: measured.filter_map(|(key, value)| Some((key.clone(), value.as_f64()?))).collect(),
            tile: serde_json::from_value(document["tile"].clone()).ok(),
        }
    }

    /// Smallest relative L2 error on the way (reported, never used to select), smallest relative L∞ error.
    pub fn best(&self) -> [f64; 2] {
        [&self.course.rel_l2, &self.course.rel_linf].map(|errors| errors.iter().copied().fold(f64::NAN, f64::min))
    }

    /// The relative L2 error at the last step, NaN if there is none.
    pub fn rel_l2(&self) -> f64 {
        self.last.map_or(f64::NAN, |errors| errors[0])
    }
}

fn course(csv: &str) -> Course {
    let mut lines = csv.lines();
    let headers: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| headers.iter().position(|header| *header == name);
    let columns = ["step", "total", "rel_l2", "rel_linf", "seconds"].map(column);
    let mut course = Course::default();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |k: Option<usize>| k.and_then(|k| cells.get(k)?.parse::<f64>().ok()).unwrap_or(f64::NAN);
        let [step, total, rel_l2, rel_linf, seconds] = columns.map(number);
        if step.is_finite() {
            course.steps.push(step as u64);
            course.total.push(total);
            course.rel_l2.push(rel_l2);
            course.rel_linf.push(rel_linf);
            course.seconds.extend(Some(seconds).filter(|s| s.is_finite()));
        }
    }
    course
}

/// Averages of the diagnostics; a step that was done again after an interruption counts once.
fn conflicts(lines: &str, document: &Value) -> Option<Conflicts> {
    let rows: BTreeMap<u64, Value> = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|row| Some((row["step"].as_u64()?, row)))
        .collect();
    let terms: Vec<&str> = document["losses"].as_object()?.keys().map(String::as_str).collect();
    let mean = |of: &dyn Fn(&Value) -> Option<f64>| {
        let values: Vec<f64> = rows.values().filter_map(of).collect();
        crate::math::statistics::mean(&values)
    };
    let pairs = rows.values().next()?["cosines"].as_array()?.clone();
    let cosines = pairs.iter().enumerate().map(|(k, pair)| {
        let term = |side: usize| pair[side].as_u64().and_then(|i| terms.get(i as usize)).copied().unwrap_or("?");
        (format!("{}–{}", term(0), term(1)), mean(&|row| row["cosines"][k][2].as_f64()))
    });
    Some(Conflicts {
        cosines: cosines.collect(),
        cosine: mean(&|row| Some(crate::math::statistics::mean(&cosines_of(row)?))),
        alignment: mean(&alignment),
        rate: mean(&|row| row["conflict_rate"].as_f64()),
        projection_ratio: mean(&|row| row["projection_ratio"].as_f64()),
    })
}

/// The cosine of every pair in a line of the diagnostics.
fn cosines_of(row: &Value) -> Option<Vec<f64>> {
    row["cosines"].as_array()?.iter().map(|pair| pair[2].as_f64()).collect()
}

/// See [`Conflicts::alignment`]: with n unit rows, n²‖mean‖² = n + 2 Σ cosines. Rows of length zero take no part.
fn alignment(row: &Value) -> Option<f64> {
    let norms = row["gradient_norms"].as_array()?.iter().map(Value::as_f64);
    let rows = norms.filter(|norm| norm.is_some_and(|norm| norm > 0.0)).count() as f64;
    let both = 2.0 * cosines_of(row)?.iter().sum::<f64>();
    (rows > 0.0).then(|| 2.0 * (rows + both) / (rows * rows) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unit rows (1, 0), (0, 1) and (0.6, 0.8) have the mean (1.6, 1.8) / 3.
    #[test]
    fn alignment_is_that_of_the_unit_rows() {
        let pairs = serde_json::json!([[0, 1, 0.0], [0, 2, 0.6], [1, 2, 0.8]]);
        let row = serde_json::json!({"gradient_norms": [3.0, 0.1, 2.0], "cosines": pairs});
        let by_hand = 2.0 * (1.6_f64.powi(2) + 1.8_f64.powi(2)) / 9.0 - 1.0;
        assert!((alignment(&row).unwrap() - by_hand).abs() < 1e-15);
        let two = |norms: [f64; 2], cosine: f64| {
            alignment(&serde_json::json!({"gradient_norms": norms, "cosines": [[0, 1, cosine]]})).unwrap()
        };
        assert!((two([1.0, 5.0], -0.25) + 0.25).abs() < 1e-15);
        assert_eq!((two([1.0, 0.0], 0.0), two([1.0, 1.0], -1.0)), (1.0, -1.0));
    }

    #[test]
    fn a_folder_is_read_and_an_empty_one_is_open() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Outcome::read(folder.path()).status, Status::Open);
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "run.json",
            r#"{"status": "finished", "losses": {"pde": 1.0, "bc": 2.0},
                "final": {"step": 4, "rel_l2": 0.25, "rel_linf": 0.5, "mse": 0.1},
                "timings": {"seconds": 1.5, "step_ms_median": 2.5}, "measured": {"bytes": 7}}"#,
        );
        write(
            "history.csv",
            "step,pde,bc,total,rel_l2,rel_linf,mse,lr\n2,1,1,2,0.2,0.9,1,1e-3\n4,1,2,3,0.25,0.5,0.1,1e-3\n",
        );
        let line = |step: u64, cosine: f64| {
            let numbers = "\"gradient_norms\":[1,2],\"conflict_rate\":1.0,\"projection_ratio\":0.5";
            format!("{{\"step\":{step},\"cosines\":[[0,1,{cosine}]],{numbers}}}\n")
        };
        // step 2 was done again after an interruption, and the last line is cut off
        write("diagnostics.jsonl", &(line(2, 0.9) + &line(2, -0.5) + &line(4, -0.1) + "{\"step\":"));
        let outcome = Outcome::read(folder.path());
        assert_eq!((outcome.status, outcome.steps, outcome.rel_l2()), (Status::Finished, 4, 0.25));
        assert_eq!(outcome.best(), [0.2, 0.5]);
        assert_eq!(outcome.course.total, [2.0, 3.0]);
        assert_eq!(outcome.measured["bytes"], 7.0);
        let conflicts = outcome.conflicts.unwrap();
        assert_eq!((conflicts.rate, conflicts.projection_ratio), (1.0, 0.5));
        assert_eq!(conflicts.cosines[0].0, "pde–bc");
        for mean in [conflicts.cosines[0].1, conflicts.cosine, conflicts.alignment] {
            assert!((mean + 0.3).abs() < 1e-15, "{mean}");
        }
        assert_eq!((outcome.course.reached(0.3), outcome.course.reached(0.1)), (Some(0), None));
    }

    #[test]
    fn a_diverged_run_has_no_final_error() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"status": "diverged", "error": "loss `pde` is NaN", "final": {"step": 3, "rel_l2": 0.1}}"#;
        std::fs::write(folder.path().join("run.json"), text).unwrap();
        let outcome = Outcome::read(folder.path());
        assert_eq!((outcome.status, outcome.last), (Status::Diverged, None));
        assert!(outcome.error.unwrap().contains("NaN"));
    }
}
