//! `run.json` and `diagnostics.jsonl`: what a run was told, on what it ran, how it went.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::problems::Problem;

use super::chain::Chain;
use super::configuration::{Config, Options};
use super::files;
use super::history::{History, Row};
use super::problem_file;
use super::trainer::Trainer;
use super::tuning::Choice;

/// What every run leaves beside its checkpoints.
pub const FILES: [&str; 4] = ["run.json", "history.csv", "diagnostics.jsonl", "model.safetensors"];

/// More lines than any run writes.
const DIAGNOSTICS_CAP: u64 = 1 << 32;

/// The records of a run in progress.
pub struct Journal {
    folder: PathBuf,
    document: Value,
    diagnostics: File,
    start: Instant,
}

impl Journal {
    /// Writes `run.json` with the status `running`, and beside it the file of the problem, if it has one. A resumed run
    /// keeps what was noted before, and its diagnostics up to the step at which it goes on.
    pub fn start(folder: &Path, config: &Config, gpu: &Gpu, resumed_at: Option<u64>) -> Result<Journal> {
        let before = resumed_at.and_then(|_| document(folder).ok()).unwrap_or_default();
        let layout = config.network.layout(&config.shape);
        let mut document = json!({
            "schema": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "status": "running",
            "problem": config.problem.name(),
            "condition": config.condition,
            "configuration": origins(config, &before["configuration"]),
            "schedule": config.preset.schedule,
            "variant": config.preset.variant.name(),
            "adapter": gpu.record(),
            "seeds": {"initial": config.seed, "sample": config.seeds().sample, "order": config.seeds().order},
            "parameters": layout.trained(),
            "resumed_at": resumed_at,
            "started": before["started"].as_str().map_or_else(utc_now, str::to_owned),
            // whoever removes the run has to know them, however it ends
            "files": before["files"].as_array().map_or_else(|| json!(files_of(config.problem)), |known| json!(known)),
            "events": before["events"].as_array().cloned().unwrap_or_default(),
        });
        problem_file::keep(config.problem, folder)?;
        if let Some(step) = resumed_at {
            add_event(&mut document, json!({"kind": "resumed", "step": step}));
        }
        write(folder, &document)?;
        let diagnostics = diagnostics_up_to(folder, resumed_at.unwrap_or(0))?;
        Ok(Journal { folder: folder.to_owned(), document, diagnostics, start: Instant::now() })
    }

    /// Takes back the diagnostics after `step`.
    pub fn rewind(&mut self, step: u64) -> Result<()> {
        self.diagnostics = diagnostics_up_to(&self.folder, step)?;
        Ok(())
    }

    /// Adds an entry to the `events` of `run.json`: what happened on the way, with the time.
    pub fn event(&mut self, event: Value) -> Result<()> {
        add_event(&mut self.document, event);
        write(&self.folder, &self.document)
    }

    /// Says with which tile the run goes on, and why with that.
    pub fn tile(&mut self, choice: &Choice) -> Result<()> {
        self.document["tile"] = json!(choice.tile);
        self.document["tile_choice"] = choice.record();
        write(&self.folder, &self.document)
    }

    /// Brings the diagnostics to the disk, before a checkpoint that relies on them.
    pub fn sync(&self) -> Result<()> {
        self.diagnostics.sync_data().map_err(|e| Error::output(self.folder.join("diagnostics.jsonl"), e))
    }

    /// Appends one line to `diagnostics.jsonl`.
    pub fn diagnose(&mut self, line: &Value) -> Result<()> {
        writeln!(self.diagnostics, "{line}").map_err(|e| Error::output(self.folder.join("diagnostics.jsonl"), e))
    }

    /// Adds an entry to `run.json`, to be written with the next status.
    pub fn note(&mut self, key: &str, value: Value) {
        self.document[key] = value;
    }

    /// Notes in `run.json` why the run ended early: `diverged`, `interrupted`, or `failed` for anything else. Returns
    /// `run.json`.
    pub fn fail(&mut self, error: &Error) -> Result<Value> {
        ended_by(&mut self.document, error);
        write(&self.folder, &self.document)?;
        Ok(self.document.clone())
    }

    /// Adds names to the files that `run.json` lists.
    pub fn add_files(&mut self, names: &[String]) -> Result<()> {
        if let Value::Array(files) = &mut self.document["files"] {
            let fresh: Vec<Value> = names.iter().map(|name| json!(name)).filter(|name| !files.contains(name)).collect();
            files.extend(fresh);
        }
        write(&self.folder, &self.document)
    }

    /// Writes the final `run.json` of something that trained nothing.
    pub fn close(&mut self, status: &str) -> Result<()> {
        self.document["status"] = status.into();
        self.document["timings"] = json!({"seconds": self.start.elapsed().as_secs_f64()});
        write(&self.folder, &self.document)
    }

    /// Writes the final `run.json` and returns it; `files` are those that the caller added.
    pub fn finish(&mut self, status: &str, ending: &Ending, trainer: &Trainer, files: &[String]) -> Result<Value> {
        let row = |row: &Row| {
            let errors = row.errors.map(|e| e.map(Some)).unwrap_or_default();
            json!({"step": row.step, "rel_l2": errors[0], "rel_linf": errors[1], "mse": errors[2]})
        };
        let (last, history) = (ending.last, ending.history);
        let losses = last.map_or(&[][..], |row| &row.losses);
        let losses = history.terms.iter().zip(losses).map(|(term, loss)| ((*term).to_owned(), json!(loss)));
        let elapsed = self.start.elapsed().as_secs_f64();
        let mut names = files_of(trainer.setup.problem);
        names.extend_from_slice(files);
        let unknowns = trainer.setup.problem.unknowns().iter().zip(last.map_or(&[][..], |row| &row.unknowns));
        let unknowns = unknowns.map(|(own, value)| (own.name.to_owned(), json!({"value": value, "start": own.start})));
        let unknowns = serde_json::Map::from_iter(unknowns);
        let mut fields = json!({
            "status": status,
            "losses": serde_json::Map::from_iter(losses),
            "reference": ending.reference,
            "final": last.map_or_else(|| json!({"step": trainer.done()}), row),
            "best": history.best().map(row),
            "trajectory": ending.chain.map(|chain| json!({"steps": trainer.done(), "sha256": chain.hex()})),
            "timings": {
                "seconds": elapsed,
                "step_ms_median": trainer.median_step().map(|t| t.as_secs_f64() * 1e3),
                "gpu_busy": trainer.busy().as_secs_f64() / elapsed.max(1e-9),
            },
            "memory": {"buffers": trainer.gpu.live_buffers(), "bytes": trainer.gpu.memory_in_use()},
            "files": names,
        });
        if !unknowns.is_empty() {
            fields["unknowns"] = unknowns.into();
        }
        if let (Value::Object(document), Value::Object(fields)) = (&mut self.document, fields) {
            document.extend(fields);
        }
        write(&self.folder, &self.document)?;
        Ok(self.document.clone())
    }
}

/// Notes in the `run.json` of a run that did not come to begin why it failed.
pub fn note_failure(folder: &Path, error: &Error) -> Result<()> {
    let mut document = document(folder)?;
    ended_by(&mut document, error);
    write(folder, &document)
}

fn ended_by(document: &mut Value, error: &Error) {
    let status = match error {
        Error::Diverged(_) => "diverged",
        Error::Stopped { .. } => "interrupted",
        _ => "failed",
    };
    document["status"] = status.into();
    if !matches!(error, Error::Stopped { .. }) {
        document["error"] = error.to_string().into();
    }
}

/// The files that a run of `problem` leaves beside its checkpoints and pictures.
pub fn files_of(problem: &dyn Problem) -> Vec<String> {
    FILES.map(str::to_owned).into_iter().chain(problem_file::copies(problem)).collect()
}

/// How a run ended.
pub struct Ending<'a> {
    /// The network as it was saved; an interrupted run has no row of it in its history.
    pub last: Option<&'a Row>,
    pub history: &'a History,
    /// Over its steps, where somebody kept it.
    pub chain: Option<Chain>,
    /// What errors were measured against, if anything.
    pub reference: Option<&'a str>,
}

/// Every setting with its origin; a setting that a resumed run took from its `run.json` keeps the origin it had there.
fn origins(config: &Config, before: &Value) -> serde_json::Map<String, Value> {
    let entry = |(key, (value, origin)): (&String, &(Value, String))| {
        let known = before.get(key).filter(|known| known["value"] == *value);
        (key.clone(), known.cloned().unwrap_or_else(|| json!({"value": value, "origin": origin})))
    };
    config.origins.iter().map(entry).collect()
}

fn add_event(document: &mut Value, mut event: Value) {
    event["time"] = utc_now().into();
    if let Value::Array(events) = &mut document["events"] {
        events.push(event);
    }
}

/// Opens `diagnostics.jsonl` after cutting it behind the last line whose step is at most `step`: a killed process
/// leaves lines, or half a line, after its last checkpoint.
fn diagnostics_up_to(folder: &Path, step: u64) -> Result<File> {
    let path = folder.join("diagnostics.jsonl");
    let failed = |e: std::io::Error| Error::output(&path, e);
    let known = if step == 0 || !path.exists() { Vec::new() } else { files::read(&path, DIAGNOSTICS_CAP)? };
    let good = |line: &&[u8]| {
        let parsed: Option<Value> = serde_json::from_slice(line).ok();
        line.ends_with(b"\n") && parsed.and_then(|value| value["step"].as_u64()).is_some_and(|at| at <= step)
    };
    let kept: usize = known.split_inclusive(|byte| *byte == b'\n').take_while(good).map(<[u8]>::len).sum();
    let mut file = File::options().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    file.set_len(kept as u64).map_err(failed)?;
    file.seek(SeekFrom::End(0)).map_err(failed)?;
    Ok(file)
}

fn write(folder: &Path, document: &Value) -> Result<()> {
    files::write(&folder.join("run.json"), format!("{document:#}\n").as_bytes())
}

fn document(folder: &Path) -> Result<Value> {
    let path = folder.join("run.json");
    let bytes = files::read(&path, 1 << 24)?;
    let text = files::text(&bytes).map_err(|what| Error::input(&path, what))?;
    serde_json::from_str(text).map_err(|e| Error::input(&path, format!("not readable as JSON ({e})")))
}

/// What a run was started with, as its `run.json` has it.
pub struct Stored {
    pub problem: String,
    pub options: Options,
    /// Where in the run directory the reference lies that it is compared with, if not the problem's own.
    pub reference: Option<PathBuf>,
    /// Name of the adapter it ran on.
    pub adapter: String,
    /// The tile of its kernels in JSON, if it came to that.
    pub tile: Option<String>,
}

/// Reads the `run.json` of a run directory.
pub fn read(folder: &Path) -> Result<Stored> {
    let path = folder.join("run.json");
    if folder.is_file() {
        return Err(Error::input(
            folder,
            "it is a file: name the run directory, which is the folder with run.json in it",
        ));
    }
    let document = document(folder)?;
    let missing = |key: &str| {
        let what = "is missing or of the wrong kind: it is damaged, or of another program; begin again with `run`";
        Error::input(&path, format!("key `{key}` {what}"))
    };
    let problem = document["problem"].as_str().ok_or_else(|| missing("problem"))?.to_owned();
    let stored = document["configuration"].as_object().ok_or_else(|| missing("configuration"))?;
    let mut options = serde_json::Map::new();
    let mut points = serde_json::Map::new();
    let mut reference = None;
    for (key, entry) in stored {
        if key == "reference" {
            reference = Some(folder.join(entry["value"].as_str().ok_or_else(|| missing("reference"))?));
            continue;
        }
        match key.strip_prefix("points.") {
            Some(set) => points.insert(set.to_owned(), entry["value"].clone()),
            None => options.insert(key.clone(), entry["value"].clone()),
        };
    }
    // network and strategy say it all, and older versions kept a condition that was not that of the two
    if options.contains_key("network") && options.contains_key("strategy") {
        options.remove("condition");
    }
    options.insert("points".to_owned(), points.into());
    let options = serde_json::from_value(options.into()).map_err(|e| {
        Error::input(
            &path,
            format!("configuration does not fit this version ({e}): restore it, or begin again with `run`"),
        )
    })?;
    let adapter = document["adapter"]["name"].as_str().unwrap_or_default().to_owned();
    let tile = document.get("tile").map(Value::to_string);
    Ok(Stored { problem, options, reference, adapter, tile })
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
