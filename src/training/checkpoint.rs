//! Checkpoints: everything a run needs to go on with the same bits. Random streams are functions of seed and
//! step, so their counters are the step number; fixed points are drawn again from the numbers of step 0.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::kernels::Square;
use crate::kernels::sides::PREFIX;
use crate::networks::Layout;

use super::chain::{Chain, hex};
use super::faults;
use super::files;
use super::model;
use super::tensors::{Tensor, serialize};

const FORMAT: &str = "acr-pinn-gpu checkpoint 2";

/// The tensor of what the strategy keeps.
const STRATEGY: &str = "strategy.state";

/// Larger than the state of any run that a device can hold: beside parameters and moments of the optimiser there is what the
/// strategy keeps (`brdr` two numbers per point, of sixteen million in each term).
const CAP: u64 = 1 << 34;

/// A run's state after `step` updates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    pub step: u64,
    /// In the layout's order.
    pub parameters: Vec<f32>,
    /// The optimiser's m and v of each parameter, alternating; soap's v lies in the eigenbases.
    pub moments: Vec<f32>,
    /// What the strategy keeps from step to step; nothing for most.
    pub strategy: Vec<f32>,
    /// What the optimiser keeps beside the moments, by name; nothing for adam.
    pub squares: Vec<Square>,
    /// One row of numbers per row of the history.
    pub history: Vec<Vec<f64>>,
    /// Over all steps so far.
    pub chain: Chain,
    /// How often the run went back after a divergence; each time halves the learning rate.
    pub rollbacks: u32,
    /// What the run was told to do; see [`super::Config::fingerprint`].
    pub configuration: String,
    /// The tile of its kernels in JSON, which fixes the order of sums; old checkpoints have none.
    pub tile: Option<String>,
}

/// What a run directory holds.
#[derive(Default)]
pub struct Found {
    /// The newest checkpoint that verifies.
    pub newest: Option<Checkpoint>,
    /// One message per newer one that does not.
    pub damaged: Vec<String>,
}

/// `checkpoints/step-XXXXXXXX.safetensors` of a run directory.
pub fn path(folder: &Path, step: u64) -> PathBuf {
    folder.join("checkpoints").join(format!("{}.safetensors", stem(step)))
}

fn stem(step: u64) -> String {
    format!("step-{step:08}")
}

impl Checkpoint {
    /// Writes it durably, then removes all but the newest `keep`.
    pub fn save(&self, folder: &Path, layout: &Layout, keep: usize) -> Result<PathBuf> {
        let target = path(folder, self.step);
        let directory = folder.join("checkpoints");
        std::fs::create_dir_all(&directory).map_err(|e| Error::output(&directory, e))?;
        files::write_through(&target, &self.to_bytes(layout), faults::checkpoint())?;
        // later ones were found damaged, or this one would not have been written
        let (older, later): (Vec<_>, Vec<_>) =
            list(folder).into_iter().filter(|file| *file != target).partition(|file| *file < target);
        for old in later.into_iter().chain(older.into_iter().rev().skip(keep.max(1) - 1)) {
            std::fs::remove_file(&old).map_err(|e| Error::output(&old, e))?;
        }
        Ok(target)
    }

    /// The bytes of its file.
    pub fn to_bytes(&self, layout: &Layout) -> Vec<u8> {
        let floats = |name: String, shape: &[usize], values: Vec<f32>| Tensor {
            name,
            dtype: Dtype::F32,
            shape: shape.to_vec(),
            bytes: values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>().into(),
        };
        let mut tensors = Vec::new();
        for slot in &layout.slots {
            let moment = |which: usize| slot.range().map(|i| self.moments[2 * i + which]).collect();
            tensors.push(floats(slot.name.clone(), &slot.shape, self.parameters[slot.range()].to_vec()));
            tensors.push(floats(format!("adam.m.{}", slot.name), &slot.shape, moment(0)));
            tensors.push(floats(format!("adam.v.{}", slot.name), &slot.shape, moment(1)));
        }
        if !self.strategy.is_empty() {
            tensors.push(floats(STRATEGY.to_owned(), &[self.strategy.len()], self.strategy.clone()));
        }
        let square = |s: &Square| floats(s.name.clone(), &[s.length; 2], s.entries.clone());
        tensors.extend(self.squares.iter().map(square));
        let columns = self.history.first().map_or(0, Vec::len);
        let rows: Vec<u8> = self.history.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
        let shape = vec![self.history.len(), columns];
        tensors.push(Tensor { name: "history".to_owned(), dtype: Dtype::F64, shape, bytes: rows.into() });
        let mut metadata = BTreeMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("step".to_owned(), self.step.to_string()),
            ("random_counter".to_owned(), self.step.to_string()),
            ("chain".to_owned(), self.chain.hex()),
            ("rollbacks".to_owned(), self.rollbacks.to_string()),
            ("configuration".to_owned(), self.configuration.clone()),
        ]);
        metadata.extend(self.tile.iter().map(|tile| ("tile".to_owned(), tile.clone())));
        for tensor in &tensors {
            metadata.insert(format!("sha256.{}", tensor.name), checksum(&tensor.shape, &tensor.bytes));
        }
        metadata.insert("sha256".to_owned(), checksum_of(&metadata));
        serialize(&tensors, &metadata)
    }

    /// Reads and verifies one file of a network with this layout.
    ///
    /// Fails with [`Error::Input`] naming the tensor that is missing, superfluous, of another shape, damaged or not
    /// finite.
    pub fn load(path: &Path, layout: &Layout) -> Result<Checkpoint> {
        let bytes = files::read(path, CAP)?;
        Checkpoint::parse(&bytes, layout).map_err(|what| Error::input(path, format!("damaged ({what})")))
    }

    /// Verifies the bytes of a checkpoint of a network with this layout.
    ///
    /// # Errors
    /// As [`Checkpoint::load`], without the path.
    pub fn parse(bytes: &[u8], layout: &Layout) -> std::result::Result<Checkpoint, String> {
        let metadata = metadata(bytes)?;
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let field = |key: &str| metadata.get(key).ok_or_else(|| format!("no metadata `{key}`"));
        let data = |name: &str| -> std::result::Result<TensorView, String> {
            let tensor = file.tensor(name).map_err(|_| format!("tensor `{name}` is missing"))?;
            if checksum(tensor.shape(), tensor.data()) != *field(&format!("sha256.{name}"))? {
                return Err(format!("tensor `{name}` does not fit its checksum"));
            }
            Ok(tensor)
        };
        let numbers = |name: &str, shape: &[usize]| {
            let tensor = data(name)?;
            if tensor.dtype() != Dtype::F32 {
                return Err(format!("tensor `{name}` holds {:?} instead of F32", tensor.dtype()));
            }
            model::numbers(name, &tensor, shape)
        };
        let mut found = Checkpoint {
            parameters: vec![0.0; layout.len],
            moments: vec![0.0; 2 * layout.len],
            ..Checkpoint::default()
        };
        for slot in &layout.slots {
            found.parameters[slot.range()].copy_from_slice(&numbers(&slot.name, &slot.shape)?);
            for (which, kind) in ["m", "v"].iter().enumerate() {
                let moments = numbers(&format!("adam.{kind}.{}", slot.name), &slot.shape)?;
                for (i, value) in slot.range().zip(moments) {
                    found.moments[2 * i + which] = value;
                }
            }
        }
        found.history = rows(&data("history")?)?;
        let mut expected = 3 * layout.slots.len() + 1;
        if let Ok(tensor) = file.tensor(STRATEGY) {
            found.strategy = numbers(STRATEGY, &[tensor.shape().iter().product()])?;
            expected += 1;
        }
        let mut squares: Vec<&str> = file.names().into_iter().filter(|name| name.starts_with(PREFIX)).collect();
        squares.sort_unstable();
        for name in squares {
            let length = data(name)?.shape().first().copied().unwrap_or(0);
            found.squares.push(Square { name: name.to_owned(), length, entries: numbers(name, &[length; 2])? });
            expected += 1;
        }
        if file.len() != expected {
            return Err(format!("{} tensors instead of {expected}", file.len()));
        }
        let wrong = |key: &str| format!("metadata `{key}` is no number");
        found.step = field("step")?.parse().map_err(|_| wrong("step"))?;
        found.rollbacks = field("rollbacks")?.parse().map_err(|_| wrong("rollbacks"))?;
        found.chain = Chain::parse(field("chain")?).ok_or("metadata `chain` is no hash")?;
        found.configuration = field("configuration")?.clone();
        found.tile = metadata.get("tile").cloned();
        Ok(found)
    }

    /// The configuration that the newest readable checkpoint of a run directory was made with, whatever network that
    /// is of.
    pub fn newest_configuration(folder: &Path) -> Option<String> {
        let read = |file: PathBuf| metadata(&files::read(&file, CAP).ok()?).ok()?.remove("configuration");
        list(folder).into_iter().rev().find_map(read)
    }

    /// Looks for the newest checkpoint of a run directory that verifies; there is no pointer to trust, all files
    /// are tried, newest first.
    pub fn newest(folder: &Path, layout: &Layout) -> Found {
        let mut found = Found::default();
        for file in list(folder).into_iter().rev() {
            match Checkpoint::load(&file, layout) {
                Ok(checkpoint) => {
                    found.newest = Some(checkpoint);
                    break;
                }
                Err(error) => found.damaged.push(error.to_string()),
            }
        }
        let instead = found
            .newest
            .as_ref()
            .map_or("no older one is left".to_owned(), |c| format!("using {} instead", stem(c.step)));
        found.damaged.iter_mut().for_each(|message| *message = format!("checkpoint {message}: {instead}"));
        found
    }
}

fn unreadable(error: safetensors::SafeTensorError) -> String {
    format!("not a readable safetensors file: {error}")
}

/// The metadata of a file, verified.
fn metadata(bytes: &[u8]) -> std::result::Result<BTreeMap<String, String>, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
    let mut metadata: BTreeMap<String, String> = header.metadata().clone().unwrap_or_default().into_iter().collect();
    match metadata.get("format") {
        Some(format) if format == FORMAT => {}
        Some(other) => return Err(format!("its format is `{other}`, this version reads `{FORMAT}`")),
        None => return Err("no metadata `format`".to_owned()),
    }
    let whole = metadata.remove("sha256").ok_or("no metadata `sha256`")?;
    if whole != checksum_of(&metadata) {
        return Err("its metadata does not fit its checksum".to_owned());
    }
    Ok(metadata)
}

/// The rows of the tensor `history`.
fn rows(tensor: &TensorView) -> std::result::Result<Vec<Vec<f64>>, String> {
    let (Dtype::F64, [_, columns]) = (tensor.dtype(), tensor.shape()) else {
        return Err(format!(
            "tensor `history` is {:?} {:?} instead of F64 [rows, columns]",
            tensor.dtype(),
            tensor.shape()
        ));
    };
    let number = |b: &[u8]| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
    let numbers: Vec<f64> = tensor.data().chunks_exact(8).map(number).collect();
    Ok(numbers.chunks((*columns).max(1)).map(<[f64]>::to_vec).collect())
}

/// The checkpoint files of a run directory, oldest first.
fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("checkpoints")).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "safetensors")).collect();
    files.sort();
    files
}

/// Of a tensor: its shape and its numbers.
fn checksum(shape: &[usize], bytes: &[u8]) -> String {
    let mut hash = Sha256::new();
    for length in shape {
        hash.update((*length as u64).to_le_bytes());
    }
    hash.update(bytes);
    hex(&hash.finalize())
}

/// Of the metadata, and through the checksums of the tensors in it of the whole file.
fn checksum_of(metadata: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for text in metadata.iter().flat_map(|(key, value)| [key, value]) {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        let mut layout = Layout::default();
        layout.push_linear("a", 1, 2);
        layout.push("scales", &[1]);
        layout
    }

    fn sample() -> Checkpoint {
        Checkpoint {
            step: 42,
            parameters: vec![1.0, -2.5, 3e-9, 4.0],
            moments: vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
            strategy: vec![1.5, 0.5],
            squares: vec![Square { name: "soap.rows.a.weight".into(), length: 2, entries: vec![1.0, 0.0, 0.5, 2.0] }],
            history: vec![vec![1.0, 2.0], vec![3.0, f64::NAN]],
            chain: Chain::parse(&"0a".repeat(32)).unwrap(),
            rollbacks: 1,
            configuration: "{\"seed\":1}".into(),
            tile: Some("{\"lanes\":8}".into()),
        }
    }

    /// NaN is not equal to itself, its text is.
    fn text(checkpoint: &Checkpoint) -> String {
        format!("{checkpoint:?}")
    }

    #[test]
    fn a_checkpoint_comes_back_bit_by_bit_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        for step in [1, 2, 3] {
            Checkpoint { step, ..sample() }.save(folder.path(), &layout(), 2).unwrap();
        }
        assert_eq!(list(folder.path()), [path(folder.path(), 2), path(folder.path(), 3)]);
        let found = Checkpoint::newest(folder.path(), &layout());
        assert!(found.damaged.is_empty());
        assert_eq!(text(&found.newest.unwrap()), text(&Checkpoint { step: 3, ..sample() }));
    }

    /// `brdr` keeps two numbers per point, and a term may have sixteen million points.
    #[test]
    fn a_large_state_of_a_strategy_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let large = Checkpoint { strategy: vec![0.25; 2 << 24], ..sample() };
        large.save(folder.path(), &layout(), 1).unwrap();
        let found = Checkpoint::newest(folder.path(), &layout());
        assert!(found.damaged.is_empty(), "{:?}", found.damaged);
        assert!(found.newest.unwrap().strategy == large.strategy);
    }

    #[test]
    fn a_damaged_checkpoint_is_named_with_its_tensor_and_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        Checkpoint { step: 1, ..sample() }.save(folder.path(), &layout(), 2).unwrap();
        let newer = sample().save(folder.path(), &layout(), 2).unwrap();
        let mut bytes = std::fs::read(&newer).unwrap();
        // the numbers of `strategy.state` are the last of the file
        let end = bytes.len();
        bytes[end - 1] ^= 1;
        std::fs::write(&newer, bytes).unwrap();
        let found = Checkpoint::newest(folder.path(), &layout());
        assert_eq!(found.newest.unwrap().step, 1);
        let [message] = &found.damaged[..] else { panic!("{:?}", found.damaged) };
        for part in ["step-00000042.safetensors", "damaged (tensor `strategy.state`", "using step-00000001 instead"] {
            assert!(message.contains(part), "{message}");
        }
        // the next one takes the place of the damaged one, which is gone only then
        Checkpoint { step: 2, ..sample() }.save(folder.path(), &layout(), 2).unwrap();
        assert_eq!(list(folder.path()), [path(folder.path(), 1), path(folder.path(), 2)]);
    }

    #[test]
    fn another_network_and_numbers_that_are_not_finite_are_refused() {
        let bytes = sample().to_bytes(&layout());
        let mut other = layout();
        other.slots[0].shape = vec![2, 1];
        let error = Checkpoint::parse(&bytes, &other).unwrap_err();
        assert!(error.contains("`a.weight` has shape [1, 2] instead of [2, 1]"), "{error}");
        let mut more = layout();
        more.push("more", &[1]);
        assert!(Checkpoint::parse(&bytes, &more).unwrap_err().contains("`more` is missing"));
        let mut less = layout();
        less.slots.pop();
        assert!(Checkpoint::parse(&bytes, &less).unwrap_err().contains("12 tensors instead of 9"));
        let broken = Checkpoint { moments: vec![f32::NAN; 8], ..sample() }.to_bytes(&layout());
        assert!(Checkpoint::parse(&broken, &layout()).unwrap_err().contains("adam.m.a.weight"));
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_noticed() {
        let (layout, whole) = (layout(), text(&sample()));
        let bytes = sample().to_bytes(&layout);
        let mut harmless = 0;
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut broken = bytes.clone();
                broken[at] ^= 1 << bit;
                if let Ok(read) = Checkpoint::parse(&broken, &layout) {
                    // white space may change without harm
                    assert_eq!(text(&read), whole, "byte {at}");
                    harmless += 1;
                }
            }
            assert!(Checkpoint::parse(&bytes[..at], &layout).is_err(), "cut at {at}");
        }
        assert!(harmless < 100, "{harmless} flips of {} were not noticed", 8 * bytes.len());
    }
}
