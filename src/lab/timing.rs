//! What a published timing consists of: the schema of `bench --save`, and reading it back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::probe::Ceilings;
use crate::gpu::Record;
use crate::math::statistics::{bootstrap_median, median, quantile};
use crate::training::files;

/// What a document says it is.
pub const KIND: &str = "acr-pinn-gpu bench";
/// The layout of a document, described in docs/BENCHMARKS.md.
pub const SCHEMA: u32 = 1;
/// The version of wgpu in Cargo.lock.
pub const WGPU: &str = "30.0.1";
/// Rows that a document may hold, and samples of a row: far more than anyone measures.
const MOST_ROWS: usize = 10_000;
const MOST_SAMPLES: usize = 100_000;
/// Seed of the bootstrap: the same samples give the same interval.
const SEED: u64 = 4;

/// Everything that one call of `bench` measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub schema: u32,
    pub kind: String,
    /// Of this program.
    pub version: String,
    /// Of its sources, where known.
    pub commit: Option<String>,
    /// Version of wgpu; empty where a browser computed.
    pub wgpu: String,
    /// Name and version of the browser, where one computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    pub os: String,
    pub adapter: Record,
    pub ceilings: Ceilings,
    pub rows: Vec<Row>,
}

/// How far a row may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Losses, gradient rows, Gram matrix and coefficients agree with the f64 oracle.
    Valid,
    /// They do not: nothing is timed, nothing is ranked.
    Invalid,
    /// The step could not be built or run.
    Failed,
}

/// One way to compute one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub problem: String,
    pub network: String,
    /// Published form of the network.
    pub variant: String,
    pub strategy: String,
    /// Documents from before there was a choice were made with adam.
    #[serde(default = "adam")]
    pub optimiser: String,
    pub width: usize,
    pub depth: usize,
    /// Points of each set.
    pub points: BTreeMap<String, usize>,
    pub sampling: String,
    pub plan: String,
    /// What differs from this adapter's choice, such as `checked=true`.
    pub change: String,
    pub checked: bool,
    /// Sizes and switches.
    pub tile: Value,
    pub verdict: Verdict,
    /// Why it is not valid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The error against the oracle that is closest to its limit, relative, and that limit.
    pub worst_error: Option<f64>,
    pub error_limit: Option<f64>,
    /// Building the step the first time in this process.
    pub compile_s: f64,
    /// Device memory of its buffers.
    pub memory_bytes: u64,
    pub dispatches: usize,
    pub steps_per_submit: u32,
    /// Host time per step: recording and submitting.
    pub host_us: f64,
    /// The sum of its kernels by the device's own clock; none where that is of no use.
    pub device_us: Option<f64>,
    /// Floating-point operations that the step needs.
    pub flop: f64,
    /// Microseconds per step of every sample, submit to finish; none unless the row is valid.
    pub samples_us: Vec<f64>,
    /// Time of the fixed kernel beside each sample, relative to its median.
    pub guard: Vec<f64>,
    pub kernels: Vec<KernelTime>,
}

fn adam() -> String {
    "adam".to_owned()
}

/// All dispatches of one kernel in a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelTime {
    pub kernel: String,
    pub dispatches: usize,
    /// The median.
    pub us: f64,
    /// `device` or `wall`: with the latter, what a submit costs is in it.
    pub clock: String,
    /// Floating-point operations that it has to do, where they can be told apart.
    pub flop: Option<f64>,
    /// Size of everything it binds.
    pub bytes: u64,
}

/// What the samples of a row say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub median_us: f64,
    pub p10_us: f64,
    pub p90_us: f64,
    /// Holds the median with 95 % confidence, by bootstrap.
    pub interval_us: [f64; 2],
    /// Samples that count, and those beside which the fixed kernel was slow.
    pub kept: usize,
    pub disturbed: usize,
}

/// A sample is disturbed if the fixed kernel took this much longer than usual beside it.
pub const DISTURBED: f64 = 1.15;

impl Row {
    /// What says that two rows time the same thing, on whatever adapter.
    pub fn key(&self) -> String {
        let points: Vec<String> = self.points.iter().map(|(set, n)| format!("{set}={n}")).collect();
        format!(
            "{} · {} {} {}×{} · {} · {} {} · {}",
            self.problem,
            self.network,
            self.variant,
            self.depth,
            self.width,
            self.rule(),
            points.join(" "),
            self.sampling,
            self.rung()
        )
    }

    /// Strategy, and the optimiser where it is not adam.
    pub fn rule(&self) -> String {
        if self.optimiser == adam() { self.strategy.clone() } else { format!("{} {}", self.strategy, self.optimiser) }
    }

    /// Plan and change.
    pub fn rung(&self) -> String {
        format!("{} {}", self.plan, self.change).trim_end().to_owned()
    }

    /// The samples that count: those with an undisturbed machine, or all if most were disturbed.
    pub fn kept(&self) -> Vec<f64> {
        let calm = |k: usize| self.guard.get(k).is_none_or(|guard| *guard < DISTURBED);
        let kept: Vec<f64> = (0..self.samples_us.len()).filter(|&k| calm(k)).map(|k| self.samples_us[k]).collect();
        if 2 * kept.len() >= self.samples_us.len() { kept } else { self.samples_us.clone() }
    }

    /// Median, spread and interval; none without samples.
    pub fn summary(&self) -> Option<Summary> {
        let kept = self.kept();
        (!kept.is_empty()).then(|| Summary {
            median_us: median(&kept),
            p10_us: quantile(&kept, 0.1),
            p90_us: quantile(&kept, 0.9),
            interval_us: bootstrap_median(&kept, SEED),
            kept: kept.len(),
            disturbed: self.guard.iter().filter(|guard| **guard >= DISTURBED).count(),
        })
    }

    /// Whether more than half of the samples had a disturbed machine beside them.
    pub fn unsteady(&self) -> bool {
        2 * self.guard.iter().filter(|guard| **guard >= DISTURBED).count() > self.guard.len()
    }

    /// Points of all sets.
    pub fn point_count(&self) -> usize {
        self.points.values().sum()
    }
}

impl Document {
    /// Reads a document from bytes.
    ///
    /// # Errors
    /// Says what is not as in a document of this schema.
    pub fn parse(bytes: &[u8]) -> Result<Document, String> {
        #[derive(Deserialize)]
        struct Head {
            kind: String,
            schema: u32,
        }
        let text = files::text(bytes)?;
        let head: Head = serde_json::from_str(text)
            .map_err(|e| format!("not a result of `bench` ({e}): write one with `acr-pinn-gpu bench --save FILE`"))?;
        if head.kind != KIND {
            return Err(format!("a document of `{}`, where one of `{KIND}` is expected", head.kind));
        }
        if head.schema != SCHEMA {
            let schema = head.schema;
            return Err(format!(
                "schema {schema}, this program reads {SCHEMA}: measure again with `acr-pinn-gpu bench`"
            ));
        }
        let document: Document = serde_json::from_str(text)
            .map_err(|e| format!("damaged ({e}): measure again with `acr-pinn-gpu bench --save FILE`"))?;
        document.check()?;
        Ok(document)
    }

    fn check(&self) -> Result<(), String> {
        if self.rows.len() > MOST_ROWS {
            return Err(format!("{} rows are more than the {MOST_ROWS} that a document may hold", self.rows.len()));
        }
        for row in &self.rows {
            let count = row.samples_us.len();
            if count > MOST_SAMPLES {
                return Err(format!("row `{}`: {count} samples are more than {MOST_SAMPLES}", row.key()));
            }
            if let (Verdict::Valid, Some(error), Some(limit)) = (row.verdict, row.worst_error, row.error_limit)
                && error > limit
            {
                return Err(format!(
                    "row `{}` is VALID with an error of {error:e} above its limit {limit:e}",
                    row.key()
                ));
            }
            if let Some(odd) = row.samples_us.iter().find(|x| !(x.is_finite() && **x > 0.0)) {
                return Err(format!("row `{}`: a step of {odd} µs", row.key()));
            }
            if !row.guard.is_empty() && row.guard.len() != count {
                return Err(format!("row `{}`: {count} samples and {} of the guard", row.key(), row.guard.len()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A document with one row per (rung, samples).
    pub fn document(adapter: &str, rows: &[(&str, &[f64])]) -> Document {
        let row = |(change, samples): &(&str, &[f64])| Row {
            problem: "klein-gordon".into(),
            network: "lda".into(),
            variant: "v2".into(),
            strategy: "pcgrad".into(),
            optimiser: adam(),
            width: 50,
            depth: 4,
            points: BTreeMap::from([("pde".to_owned(), 10_000), ("bc".to_owned(), 200)]),
            sampling: "resampled".into(),
            plan: "fused".into(),
            change: (*change).to_owned(),
            checked: false,
            tile: serde_json::json!({"lanes": 8}),
            verdict: Verdict::Valid,
            reason: String::new(),
            worst_error: Some(1e-6),
            error_limit: Some(1e-4),
            compile_s: 1.0,
            memory_bytes: 1 << 20,
            dispatches: 6,
            steps_per_submit: 1,
            host_us: 10.0,
            device_us: None,
            flop: 1e9,
            samples_us: samples.to_vec(),
            guard: vec![1.0; samples.len()],
            kernels: Vec::new(),
        };
        let adapter = Record {
            name: adapter.into(),
            backend: "vulkan".into(),
            kind: "other".into(),
            driver: String::new(),
            driver_info: String::new(),
            vendor: 0,
            device: 0,
            pci: String::new(),
        };
        Document {
            schema: SCHEMA,
            kind: KIND.into(),
            version: "0".into(),
            commit: None,
            wgpu: "30".into(),
            browser: None,
            os: "none".into(),
            adapter,
            ceilings: Ceilings::default(),
            rows: rows.iter().map(row).collect(),
        }
    }

    fn bytes(document: &Document) -> Vec<u8> {
        serde_json::to_vec(document).unwrap()
    }

    #[test]
    fn the_version_of_wgpu_is_the_locked_one() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"wgpu\"\nversion = \"{WGPU}\"")), "state the version in `WGPU`");
    }

    #[test]
    fn documents_come_back_and_others_are_refused() {
        let good = document("a", &[("", &[1.0, 2.0]), ("checked=true", &[3.0])]);
        assert_eq!(Document::parse(&bytes(&good)).unwrap(), good);
        let refused = |document: &Document| Document::parse(&bytes(document)).unwrap_err();
        assert!(refused(&Document { kind: "acr-pinn-gpu verify".into(), ..good.clone() }).contains("verify"));
        assert!(refused(&Document { schema: 0, ..good.clone() }).contains("schema 0"));
        let mut odd = good.clone();
        odd.rows[0].samples_us[1] = -1.0;
        assert!(refused(&odd).contains("-1 µs"));
        odd.rows[0].samples_us = vec![1.0; 3];
        let mut wrong = good.clone();
        wrong.rows[0].worst_error = Some(1.0);
        assert!(refused(&wrong).contains("above its limit"));
        assert!(refused(&odd).contains("3 samples and 2"));
        for bytes in [&b""[..], b"{}", b"[1]", b"\xff\xfe", b"{\"kind\":\"acr-pinn-gpu bench\",\"schema\":1}"] {
            assert!(Document::parse(bytes).is_err());
        }
        let whole = bytes(&good);
        for end in (0..whole.len()).step_by(37) {
            assert!(Document::parse(&whole[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn disturbed_samples_do_not_count_unless_most_are() {
        let mut row = document("a", &[("", &[10.0, 11.0, 99.0, 12.0])]).rows.remove(0);
        row.guard = vec![1.0, 1.0, 1.5, 0.9];
        let summary = row.summary().unwrap();
        assert_eq!((summary.median_us, summary.kept, summary.disturbed), (11.0, 3, 1));
        assert!(!row.unsteady() && summary.interval_us[0] >= 10.0 && summary.interval_us[1] <= 12.0);
        row.guard = vec![2.0, 2.0, 2.0, 1.0];
        assert!(row.unsteady() && row.summary().unwrap().kept == 4);
        row.samples_us.clear();
        assert!(row.summary().is_none());
    }
}
