//! `run.json` and `diagnostics.jsonl`: what a run was told, on what it ran, how it went.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::gpu::Gpu;

use super::configuration::{Config, Options};
use super::files;
use super::history::{History, Row};
use super::trainer::Trainer;

/// What every run leaves beside its checkpoints.
const FILES: [&str; 4] = ["run.json", "history.csv", "diagnostics.jsonl", "model.safetensors"];

/// The records of a run in progress.
pub struct Journal {
    folder: PathBuf,
    document: Value,
    diagnostics: File,
    start: Instant,
}

impl Journal {
    /// Writes `run.json` with the status `running`; a resumed run appends to its diagnostics.
    pub fn start(folder: &Path, config: &Config, gpu: &Gpu, resumed_at: Option<u64>) -> Result<Journal> {
        let layout = config.network.layout(&config.shape);
        let origins: serde_json::Map<_, _> = config
            .origins
            .iter()
            .map(|(key, (value, origin))| (key.clone(), json!({"value": value, "origin": origin})))
            .collect();
        let document = json!({
            "schema": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "status": "running",
            "problem": config.problem.name(),
            "condition": config.condition,
            "configuration": origins,
            "schedule": config.preset.schedule,
            "variant": config.preset.variant.name(),
            "adapter": gpu.record(),
            "seeds": {"initial": config.seed, "sample": config.seeds().sample, "order": config.seeds().order},
            "parameters": layout.len,
            "resumed_at": resumed_at,
            "started": utc_now(),
        });
        write(folder, &document)?;
        let path = folder.join("diagnostics.jsonl");
        let mut options = File::options();
        match resumed_at {
            Some(_) => options.append(true),
            None => options.write(true).truncate(true),
        };
        let diagnostics = options.create(true).open(&path).map_err(|e| Error::output(&path, e))?;
        Ok(Journal { folder: folder.to_owned(), document, diagnostics, start: Instant::now() })
    }

    /// Appends one line to `diagnostics.jsonl`.
    pub fn diagnose(&mut self, line: &Value) -> Result<()> {
        writeln!(self.diagnostics, "{line}").map_err(|e| Error::output(self.folder.join("diagnostics.jsonl"), e))
    }

    /// Adds an entry to `run.json`, to be written with the next status.
    pub fn note(&mut self, key: &str, value: Value) {
        self.document[key] = value;
    }

    /// Notes in `run.json` why the run ended early: `diverged`, or `failed` for anything else.
    pub fn fail(&mut self, error: &Error) -> Result<()> {
        let status = if matches!(error, Error::Diverged(_)) { "diverged" } else { "failed" };
        self.document["status"] = status.into();
        self.document["error"] = error.to_string().into();
        write(&self.folder, &self.document)
    }

    /// Writes the final `run.json` of something that trained nothing.
    pub fn close(&mut self, status: &str) -> Result<()> {
        self.document["status"] = status.into();
        self.document["timings"] = json!({"seconds": self.start.elapsed().as_secs_f64()});
        write(&self.folder, &self.document)
    }

    /// Writes the final `run.json` and returns it; `reference` says what errors were measured against, if anything,
    /// and `files` are those that the caller added.
    pub fn finish(
        &mut self,
        status: &str,
        history: &History,
        trainer: &Trainer,
        reference: Option<&str>,
        files: &[String],
    ) -> Result<Value> {
        let row = |row: &Row| {
            let errors = row.errors.map(|e| e.map(Some)).unwrap_or_default();
            json!({"step": row.step, "rel_l2": errors[0], "rel_linf": errors[1], "mse": errors[2]})
        };
        let last = history.rows.last();
        let losses: serde_json::Map<_, _> = last
            .map(|row| history.terms.iter().zip(&row.losses).map(|(t, l)| ((*t).to_owned(), (*l).into())).collect())
            .unwrap_or_default();
        let elapsed = self.start.elapsed().as_secs_f64();
        let mut names: Vec<_> = FILES.map(str::to_owned).into();
        names.extend_from_slice(files);
        let fields = json!({
            "status": status,
            "losses": losses,
            "reference": reference,
            "final": last.map(row).unwrap_or_else(|| json!({"step": trainer.done()})),
            "best": history.best().map(row),
            "timings": {
                "seconds": elapsed,
                "step_ms_median": trainer.median_step().map(|t| t.as_secs_f64() * 1e3),
                "gpu_busy": trainer.busy().as_secs_f64() / elapsed.max(1e-9),
            },
            "tile": trainer.tile,
            "files": names,
        });
        if let (Value::Object(document), Value::Object(fields)) = (&mut self.document, fields) {
            document.extend(fields);
        }
        write(&self.folder, &self.document)?;
        Ok(self.document.clone())
    }
}

fn write(folder: &Path, document: &Value) -> Result<()> {
    files::write(&folder.join("run.json"), format!("{document:#}\n").as_bytes())
}

/// The problem and options a run was started with, as its `run.json` has them.
pub fn read(folder: &Path) -> Result<(String, Options)> {
    let path = folder.join("run.json");
    let bytes = files::read(&path, 1 << 24)?;
    let document: Value =
        serde_json::from_slice(&bytes).map_err(|e| Error::input(&path, format!("not readable as JSON ({e})")))?;
    let missing = |key: &str| Error::input(&path, format!("key `{key}` is missing or of the wrong kind"));
    let problem = document["problem"].as_str().ok_or_else(|| missing("problem"))?.to_owned();
    let stored = document["configuration"].as_object().ok_or_else(|| missing("configuration"))?;
    let mut options = serde_json::Map::new();
    let mut points = serde_json::Map::new();
    for (key, entry) in stored {
        match key.strip_prefix("points.") {
            Some(set) => points.insert(set.to_owned(), entry["value"].clone()),
            None => options.insert(key.clone(), entry["value"].clone()),
        };
    }
    options.insert("points".to_owned(), points.into());
    let options = serde_json::from_value(options.into())
        .map_err(|e| Error::input(&path, format!("configuration does not fit this version ({e})")))?;
    Ok((problem, options))
}

/// Now, as in 20260131T235959Z.
pub fn utc_now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, clock) = ((seconds / 86_400) as i64, seconds % 86_400);
    // days to date: Howard Hinnant's algorithm, years beginning in March
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", clock / 3600, clock / 60 % 60, clock % 60)
}
