//! Checkpoints: everything a run needs to go on with the same bits. Random streams are functions of seed and
//! step, so the step number is their whole state.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

use super::files;
use super::history::{History, Row};
use super::model::tensors;

/// A run's state after `step` updates.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub step: u64,
    /// In the layout's order.
    pub parameters: Vec<f32>,
    /// Adam's m and v of each parameter, alternating.
    pub moments: Vec<f32>,
    /// One row of numbers per row of the history.
    pub history: Vec<Vec<f64>>,
    /// What the run was told to do; a checkpoint of another configuration must not be continued.
    pub configuration: String,
}

const CAP: u64 = 1 << 30;

/// `checkpoints/step-XXXXXXXX.safetensors` of a run directory.
pub fn path(folder: &Path, step: u64) -> PathBuf {
    folder.join("checkpoints").join(format!("step-{step:08}.safetensors"))
}

impl Checkpoint {
    /// Writes it durably, then removes all but the newest `keep`.
    pub fn save(&self, folder: &Path, keep: usize) -> Result<PathBuf> {
        let target = path(folder, self.step);
        let directory = folder.join("checkpoints");
        std::fs::create_dir_all(&directory).map_err(|e| Error::output(&directory, e))?;
        let columns = self.history.first().map_or(0, Vec::len);
        let rows: Vec<f64> = self.history.iter().flatten().copied().collect();
        let parts: [(&str, Dtype, Vec<usize>, &[u8]); 3] = [
            ("parameters", Dtype::F32, vec![self.parameters.len()], bytemuck::cast_slice(&self.parameters)),
            ("moments", Dtype::F32, vec![self.parameters.len(), 2], bytemuck::cast_slice(&self.moments)),
            ("history", Dtype::F64, vec![self.history.len(), columns], bytemuck::cast_slice(&rows)),
        ];
        let mut metadata = HashMap::from([
            ("format".to_owned(), "acr-pinn-gpu checkpoint 1".to_owned()),
            ("step".to_owned(), self.step.to_string()),
            ("configuration".to_owned(), self.configuration.clone()),
        ]);
        metadata
            .insert("checksum".to_owned(), checksum(self.step, &self.configuration, &parts.each_ref().map(|p| p.3)));
        let views = parts.into_iter().map(|(name, dtype, shape, bytes)| {
            Ok((name, TensorView::new(dtype, shape, bytes).map_err(|e| Error::output(&target, e))?))
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        files::write(&target, &safetensors::serialize(views, Some(metadata)).map_err(|e| Error::output(&target, e))?)?;
        for old in list(folder).into_iter().rev().skip(keep.max(1)) {
            std::fs::remove_file(&old).map_err(|e| Error::output(&old, e))?;
        }
        Ok(target)
    }

    /// Reads and verifies one file.
    pub fn load(path: &Path) -> Result<Checkpoint> {
        let bytes = files::read(path, CAP)?;
        let damaged = |what: &str| Error::input(path, format!("damaged checkpoint ({what})"));
        let file = tensors(path, &bytes)?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).map_err(|e| damaged(&e.to_string()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let field = |key: &str| metadata.get(key).cloned().ok_or_else(|| damaged(&format!("no `{key}`")));
        let step: u64 = field("step")?.parse().map_err(|_| damaged("`step` is no number"))?;
        let configuration = field("configuration")?;
        let data = |name: &str| file.tensor(name).map_err(|_| damaged(&format!("no tensor `{name}`")));
        let (parameters, moments, history) = (data("parameters")?, data("moments")?, data("history")?);
        let sum = checksum(step, &configuration, &[parameters.data(), moments.data(), history.data()]);
        if sum != field("checksum")? {
            return Err(damaged("its checksum does not fit"));
        }
        let columns = history.shape().get(1).copied().unwrap_or(0).max(1);
        let numbers: Vec<f64> = bytemuck::pod_collect_to_vec(history.data());
        Ok(Checkpoint {
            step,
            parameters: bytemuck::pod_collect_to_vec(parameters.data()),
            moments: bytemuck::pod_collect_to_vec(moments.data()),
            history: numbers.chunks(columns).map(<[f64]>::to_vec).collect(),
            configuration,
        })
    }

    /// The newest checkpoint of a run directory that verifies, and messages about newer ones that do not.
    pub fn newest(folder: &Path) -> (Option<Checkpoint>, Vec<String>) {
        let mut problems = Vec::new();
        for file in list(folder).into_iter().rev() {
            match Checkpoint::load(&file) {
                Ok(found) => return (Some(found), problems),
                Err(error) => problems.push(error.to_string()),
            }
        }
        (None, problems)
    }
}

/// The checkpoint files of a run directory, oldest first.
fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("checkpoints")).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "safetensors")).collect();
    files.sort();
    files
}

fn checksum(step: u64, configuration: &str, parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    hash.update(step.to_le_bytes());
    hash.update(configuration.as_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl History {
    /// Rows as numbers: step, losses, total, three errors (NaN where unknown), rate.
    pub fn numbers(&self) -> Vec<Vec<f64>> {
        let row = |row: &Row| {
            let mut numbers = vec![row.step as f64];
            numbers.extend(&row.losses);
            numbers.push(row.total);
            numbers.extend(row.errors.unwrap_or([f64::NAN; 3]));
            numbers.push(row.rate);
            numbers
        };
        self.rows.iter().map(row).collect()
    }

    /// The reverse of [`History::numbers`]; rows of another length are left out.
    pub fn from_numbers(terms: Vec<&'static str>, numbers: &[Vec<f64>]) -> History {
        let k = terms.len();
        let rows = numbers.iter().filter(|n| n.len() == k + 6).map(|n| {
            let errors = [n[k + 2], n[k + 3], n[k + 4]];
            Row {
                step: n[0] as u64,
                losses: n[1..=k].to_vec(),
                total: n[k + 1],
                errors: (!errors[0].is_nan()).then_some(errors),
                rate: n[k + 5],
            }
        });
        History { rows: rows.collect(), terms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Checkpoint {
        Checkpoint {
            step: 42,
            parameters: vec![1.0, -2.5, 3e-9],
            moments: vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            history: vec![vec![1.0, 2.0], vec![3.0, f64::NAN]],
            configuration: "{\"seed\":1}".into(),
        }
    }

    #[test]
    fn a_checkpoint_comes_back_bit_by_bit_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        for step in [1, 2, 3] {
            Checkpoint { step, ..sample() }.save(folder.path(), 2).unwrap();
        }
        assert_eq!(list(folder.path()).len(), 2);
        let (found, problems) = Checkpoint::newest(folder.path());
        let found = found.unwrap();
        assert!(problems.is_empty());
        assert_eq!((found.step, &found.parameters, &found.moments), (3, &sample().parameters, &sample().moments));
        assert!(found.history[1][1].is_nan());
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let file = sample().save(folder.path(), 2).unwrap();
        let bytes = std::fs::read(&file).unwrap();
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << (at % 8);
            std::fs::write(&file, &broken).unwrap();
            if let Ok(read) = Checkpoint::load(&file) {
                // white space and the format's own name may change without harm
                assert_eq!(format!("{:?}", read), format!("{:?}", sample()), "byte {at}");
            }
            std::fs::write(&file, &bytes[..at]).unwrap();
            assert!(Checkpoint::load(&file).is_err(), "cut at {at}");
        }
    }
}
