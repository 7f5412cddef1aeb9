//! `model.safetensors`: the weights alone, in the names and shapes of the reference implementation, so that
//! its `load_state_dict` takes them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::math::Variant;
use crate::networks::layout::Slot;
use crate::networks::program::{Map, Source, Tensors};
use crate::networks::{self, Network, Shape, UNKNOWNS};

use super::chain::hex;
use super::configuration::Config;
use super::files;
use super::problem_file;
use super::tensors::{Tensor, serialize};

/// Larger than any network this program offers.
const CAP: u64 = 1 << 28;

/// What the metadata of a file of this program says in `format`; such a file has a checksum.
const FORMAT: &str = "acr-pinn-gpu model 2";

/// The key of the checksum: nobody else's.
const CHECKSUM: &str = "acr-pinn-gpu.sha256";

/// Weights with what is known of them.
pub struct Model {
    pub network: &'static dyn Network,
    pub shape: Shape,
    /// In the layout's order.
    pub parameters: Vec<f32>,
    /// Metadata of the file: `format`, `problem`, `network`, `preset`, `step`.
    pub metadata: HashMap<String, String>,
}

impl Model {
    /// The weights of `config`'s run after `step` updates.
    pub fn of(config: &Config, parameters: Vec<f32>, step: u64) -> Model {
        let mut metadata = HashMap::from([
            ("format".to_owned(), FORMAT.to_owned()),
            ("problem".to_owned(), config.problem.name().to_owned()),
            ("network".to_owned(), config.network.name().to_owned()),
            ("preset".to_owned(), config.preset.name.to_owned()),
            ("step".to_owned(), step.to_string()),
        ]);
        let text = config.problem.file().map(|file| (problem_file::METADATA.to_owned(), file.text.clone()));
        metadata.extend(text);
        metadata.extend(config.problem.parameters().iter().map(|p| (p.name.to_owned(), p.value.to_string())));
        Model { network: config.network, shape: config.shape, parameters, metadata }
    }

    /// Writes the model atomically; the same model has the same bytes.
    pub fn save(&self, path: &Path) -> Result<()> {
        files::write(path, &self.to_bytes())
    }

    /// The bytes of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let layout = self.network.layout(&self.shape);
        let tensor = |slot: &Slot| Tensor {
            name: slot.name.clone(),
            dtype: Dtype::F32,
            shape: slot.shape.clone(),
            bytes: self.parameters[slot.range()].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>().into(),
        };
        let tensors: Vec<_> = layout.slots.iter().map(tensor).collect();
        let mut metadata: BTreeMap<_, _> = self.metadata.clone().into_iter().collect();
        metadata.remove(CHECKSUM);
        let parts = tensors.iter().map(|t| (t.name.as_str(), t.dtype, &*t.shape, &*t.bytes));
        metadata.insert(CHECKSUM.to_owned(), checksum(&metadata, parts));
        serialize(&tensors, &metadata)
    }

    /// Reads a model; network, width, depth and form follow from names and shapes.
    ///
    /// Fails with [`Error::Input`] naming the tensor that is missing, of another shape, or not finite.
    pub fn load(path: &Path) -> Result<Model> {
        Model::parse(&files::read(path, CAP)?).map_err(|what| Error::input(path, what))
    }

    /// Reads the bytes of a model's file.
    ///
    /// # Errors
    /// As [`Model::load`], without the path.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Model, String> {
        let (tensors, metadata) = open(bytes)?;
        let shapes = tensors.tensors().into_iter().map(|(name, tensor)| (name, tensor.shape().to_vec())).collect();
        let known = metadata.get("network").map(String::as_str);
        let (network, shape) =
            recognise(&shapes, known).map_err(|what| something_else(&shapes, &metadata).unwrap_or(what))?;
        let layout = network.layout(&shape);
        let mut parameters = vec![0.0; layout.len];
        for slot in &layout.slots {
            let missing = |_| format!("tensor `{}` is missing for a {} network", slot.name, network.name());
            let tensor = tensors.tensor(&slot.name).map_err(missing)?;
            parameters[slot.range()].copy_from_slice(&numbers(&slot.name, &tensor, &slot.shape)?);
        }
        if let Some(extra) = tensors.names().iter().find(|name| layout.slots.iter().all(|s| s.name != **name)) {
            return Err(format!("tensor `{extra}` does not belong to a {} network", network.name()));
        }
        Ok(Model { network, shape, parameters, metadata })
    }
}

/// The tensors of a safetensors file and its metadata. A file of another program needs no checksum.
///
/// # Errors
/// Not such a file, or one that does not fit the checksum in it.
pub fn open(bytes: &[u8]) -> std::result::Result<(SafeTensors<'_>, HashMap<String, String>), String> {
    if let Some(what) = another_format(bytes) {
        return Err(format!(
            "{what}, where a safetensors file is expected: `save_file` of the Python package safetensors writes one"
        ));
    }
    let unreadable =
        |e| format!("not a readable safetensors file ({e}): it is damaged or of another format, make it again");
    let tensors = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
    let metadata = header.metadata().clone().unwrap_or_default();
    let mut others: BTreeMap<_, _> = metadata.clone().into_iter().collect();
    let Some(wanted) = others.remove(CHECKSUM) else {
        return match metadata.get("format") {
            Some(format) if format == FORMAT => {
                Err(format!("its checksum `{CHECKSUM}` is gone: it was changed or damaged"))
            }
            _ => Ok((tensors, metadata)),
        };
    };
    let parts = tensors.tensors();
    let got = checksum(&others, parts.iter().map(|(name, t)| (name.as_str(), t.dtype(), t.shape(), t.data())));
    if got != wanted {
        return Err(format!(
            "it does not fit its checksum: it is damaged (copy it again), or was changed (remove the metadata \
             `format` and `{CHECKSUM}`)"
        ));
    }
    Ok((tensors, metadata))
}

/// What a file is that cannot be a safetensors file, by how it begins.
fn another_format(bytes: &[u8]) -> Option<&'static str> {
    let starts: [(&[u8], &str); 5] = [
        (b"PK\x03\x04", "it is a zip archive, as torch.save and numpy.savez make them"),
        (b"\x80\x02", "it is a pickle, as old versions of torch.save make them"),
        (b"\x93NUMPY", "it is an array of NumPy"),
        (b"\x89HDF", "it is an HDF5 file"),
        (b"\x1f\x8b", "it is compressed by gzip"),
    ];
    let is_text = || {
        let start = &bytes[..bytes.len().min(64)];
        start.iter().all(|byte| (b' '..0x7f).contains(byte) || b"\t\r\n".contains(byte))
    };
    match bytes {
        [] => Some("it is empty"),
        _ if is_text() => Some("it is a text file"),
        _ => starts.into_iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, what)| what),
    }
}

/// What a safetensors file is whose tensors are those of no network, and what to do about it.
fn something_else(shapes: &Shapes, metadata: &HashMap<String, String>) -> Option<String> {
    if metadata.get("format").is_some_and(|format| format.starts_with("acr-pinn-gpu checkpoint")) {
        return Some("it is a checkpoint: name model.safetensors in the run directory, or `resume` that".to_owned());
    }
    if shapes.contains_key("points") || shapes.contains_key("pde") {
        return Some("it holds points and no weights: name a model.safetensors".to_owned());
    }
    if shapes.keys().any(|name| name.starts_with("grad.")) {
        return Some("it is a result of `gradients` and no model: name a model.safetensors".to_owned());
    }
    // wrappers of a network put their name before those of its tensors
    let first = shapes.keys().next()?;
    let prefixes = first.match_indices('.').map(|(at, _)| &first[..=at]);
    let prefix = prefixes.filter(|prefix| shapes.keys().all(|name| name.starts_with(prefix))).find(|prefix| {
        let inner = shapes.iter().map(|(name, shape)| (name[prefix.len()..].to_owned(), shape.clone()));
        recognise(&inner.collect(), None).is_ok()
    })?;
    let (by, inner) = match prefix {
        "_orig_mod." => (", by torch.compile", "`model._orig_mod.state_dict()`"),
        "module." => (", by DataParallel", "`model.module.state_dict()`"),
        _ => ("", "the state_dict() of the network inside"),
    };
    Some(format!("the names of its tensors begin with `{prefix}`{by}: save {inner}, or take that off the names"))
}

/// Names of tensors with their shapes.
type Shapes = BTreeMap<String, Vec<usize>>;

/// Over all metadata and all tensors, both sorted by name.
fn checksum<'a>(
    metadata: &BTreeMap<String, String>,
    tensors: impl Iterator<Item = (&'a str, Dtype, &'a [usize], &'a [u8])>,
) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for text in metadata.iter().flat_map(|(key, value)| [key, value]) {
        add(text.as_bytes());
    }
    let mut tensors: Vec<_> = tensors.collect();
    tensors.sort_by_key(|tensor| tensor.0);
    for (name, dtype, shape, bytes) in tensors {
        add(format!("{name} {dtype:?} {shape:?}").as_bytes());
        add(bytes);
    }
    hex(&hash.finalize())
}

/// Values of a tensor that must have this shape, as `f32`; `f64` is accepted and rounded.
pub fn numbers(name: &str, tensor: &TensorView, shape: &[usize]) -> std::result::Result<Vec<f32>, String> {
    if tensor.shape() != shape {
        return Err(format!("tensor `{name}` has shape {:?} instead of {shape:?}", tensor.shape()));
    }
    let values: Vec<f32> = match tensor.dtype() {
        Dtype::F32 => tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        Dtype::F64 => tensor
            .data()
            .chunks_exact(8)
            .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32)
            .collect(),
        other => {
            let remedy = "save it as f32, by `.float()` in PyTorch or `.astype(\"float32\")` in NumPy";
            return Err(format!("tensor `{name}` holds {other:?}; f32 is expected: {remedy}"));
        }
    };
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(format!(
            "tensor `{name}` holds {} at element {at}; every number must be finite: was it saved after a divergence?",
            values[at]
        )),
        None => Ok(values),
    }
}

/// Which network has tensors of these names and shapes. Of several it is the one called `known`, if that is one of them, else
/// the first; where only names fit, the tensor of another shape will be named.
fn recognise(shapes: &Shapes, known: Option<&str>) -> std::result::Result<(&'static dyn Network, Shape), String> {
    let mut named = None;
    let first = networks::ALL.iter().filter(|network| Some(network.name()) == known);
    for &network in first.chain(networks::ALL) {
        for variant in [Variant::V2, Variant::V1] {
            for shape in sizes(network, variant, shapes) {
                // sizes come from the file: they are bounded before anything is made of them
                let most = 64;
                if shape.validate().is_err() || shape.inputs > most || shape.outputs > most {
                    let (widths, depths) = (Shape::WIDTHS, Shape::DEPTHS);
                    return Err(format!(
                        "this network cannot be loaded: {} coordinates, {} fields, width {}, depth {}, where at most {most}, {most}, widths {widths:?} and depths {depths:?} are known",
                        shape.inputs, shape.outputs, shape.width, shape.depth
                    ));
                }
                let slots = network.layout(&shape).slots;
                if slots.len() != shapes.len() || !slots.iter().all(|slot| shapes.contains_key(&slot.name)) {
                    continue;
                }
                if slots.iter().all(|slot| shapes[&slot.name] == slot.shape) {
                    return Ok((network, shape));
                }
                named = named.or(Some((network, shape)));
            }
        }
    }
    let all: Vec<_> = networks::ALL.iter().map(|n| n.name()).collect();
    named.ok_or_else(|| {
        format!(
            "its tensors are those of no known network ({}): a tensor is missing, extra or misnamed",
            all.join(", ")
        )
    })
}

/// The sizes that `network` would have with tensors of these shapes; none where its main path is not there.
fn sizes(network: &dyn Network, variant: Variant, shapes: &Shapes) -> Vec<Shape> {
    let unknowns = shapes.get(UNKNOWNS).filter(|shape| shape.len() == 1 && shape[0] <= 64).map_or(0, |shape| shape[0]);
    let guess = Shape { inputs: 2, outputs: 1, width: 4, depth: 1, variant, unknowns };
    let program = network.program(&guess);
    let main = |map: &&Map| map.reads == [Source::Previous];
    let Some(&Tensors::Linear(module)) = program.maps.iter().find(main).map(|map| &map.tensors) else {
        return Vec::new();
    };
    let matrix = |name: &str| shapes.get(name).filter(|shape| shape.len() == 2);
    let hidden = |layer: usize| matrix(&format!("{}.weight", module(layer)));
    let Some(first) = hidden(0) else { return Vec::new() };
    let begins = |map: &Map| match map.tensors {
        Tensors::Fixed(name) => matrix(name).map(|shape| shape[0]),
        _ => None,
    };
    let inputs = program.maps.iter().find_map(begins).unwrap_or(first[1]);
    // the output layer may be called like one more hidden layer, or otherwise
    let last = (1..=64).take_while(|&layer| hidden(layer).is_some()).count();
    let of = |depth: usize| {
        let shape = Shape { inputs, outputs: 1, width: first[0], depth, variant, unknowns };
        let output = matrix(&format!("{}.weight", network.program(&shape).output))?;
        Some(Shape { outputs: output[0], ..shape })
    };
    // one layer alone is no network at all
    [last, last + 1].into_iter().filter(|&depth| depth > 0).filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::Mlp;

    fn model() -> Model {
        let shape = Shape { inputs: 2, outputs: 1, width: 4, depth: 1, variant: Variant::V2, unknowns: 0 };
        let metadata = HashMap::from([("format".to_owned(), FORMAT.to_owned()), ("step".to_owned(), "7".to_owned())]);
        Model { network: &Mlp, shape, parameters: Mlp.initial(&shape, 3), metadata }
    }

    fn same(a: &Model, b: &Model) -> bool {
        let known = |m: &Model| {
            let mut metadata = m.metadata.clone();
            metadata.remove(CHECKSUM);
            (m.network.name(), m.shape, m.parameters.clone(), metadata)
        };
        known(a) == known(b)
    }

    /// Names alone do not tell `matched` from `mlp`, nor `separate-lda` from `lda`.
    #[test]
    fn every_network_is_recognised() {
        for &network in networks::ALL {
            for (depth, variant) in [(1, Variant::V2), (3, Variant::V1)] {
                let asked = Shape { inputs: 2, outputs: 3, width: 5, depth, variant, unknowns: 0 };
                let shape = network.fit(asked).unwrap();
                let parameters = network.initial(&shape, 3);
                let known = HashMap::from([("network".to_owned(), network.name().to_owned())]);
                let found = |metadata: HashMap<String, String>| {
                    let model = Model { network, shape, parameters: parameters.clone(), metadata };
                    let found = Model::parse(&model.to_bytes()).unwrap();
                    assert_eq!(found.parameters, parameters, "{}", network.name());
                    assert_eq!(Shape { variant, ..found.shape }, shape, "{}", network.name());
                    found.network.name()
                };
                assert_eq!(found(known), network.name());
                let alone = if network.name() == "matched" { "mlp" } else { network.name() };
                assert_eq!(found(HashMap::new()), alone);
            }
        }
    }

    /// Harmless is a change that leaves every number, name, shape and metadata as it was: white space.
    #[test]
    fn every_flipped_bit_and_every_truncation_is_noticed() {
        let bytes = model().to_bytes();
        assert!(same(&Model::parse(&bytes).unwrap(), &model()));
        let mut harmless = 0;
        for at in 0..bytes.len() {
            assert!(Model::parse(&bytes[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut broken = bytes.clone();
                broken[at] ^= 1 << bit;
                if let Ok(read) = Model::parse(&broken) {
                    assert!(same(&read, &model()), "byte {at} bit {bit}");
                    harmless += 1;
                }
            }
        }
        assert!(harmless < 100, "{harmless} flips of {} were not noticed", 8 * bytes.len());
    }

    #[test]
    fn a_foreign_file_needs_no_checksum_and_ours_does() {
        let layout = model().network.layout(&model().shape);
        let parameters = model().parameters;
        let tensor = |slot: &Slot| Tensor {
            name: slot.name.clone(),
            dtype: Dtype::F32,
            shape: slot.shape.clone(),
            bytes: parameters[slot.range()].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>().into(),
        };
        let tensors: Vec<_> = layout.slots.iter().map(tensor).collect();
        let foreign = serialize(&tensors, &BTreeMap::from([("format".to_owned(), "pt".to_owned())]));
        assert_eq!(Model::parse(&foreign).unwrap().parameters, parameters);
        let stripped = serialize(&tensors, &BTreeMap::from([("format".to_owned(), FORMAT.to_owned())]));
        assert!(Model::parse(&stripped).err().unwrap().contains("checksum"));
    }

    #[test]
    fn files_that_are_taken_for_models_are_named() {
        let (layout, parameters) = (model().network.layout(&model().shape), model().parameters);
        let named = |rename: &dyn Fn(&str) -> String, format: &str| {
            let tensor = |slot: &Slot| Tensor {
                name: rename(&slot.name),
                dtype: Dtype::F32,
                shape: slot.shape.clone(),
                bytes: parameters[slot.range()].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>().into(),
            };
            let tensors: Vec<_> = layout.slots.iter().map(tensor).collect();
            serialize(&tensors, &BTreeMap::from([("format".to_owned(), format.to_owned())]))
        };
        let adam = |name: &str| format!("adam.m.{name}");
        for (bytes, part) in [
            (named(&|name| format!("_orig_mod.{name}"), "pt"), "`model._orig_mod.state_dict()`"),
            (named(&|name| format!("module.{name}"), "pt"), "`model.module.state_dict()`"),
            (named(&|name| format!("a.b.{name}"), "pt"), "begin with `a.b.`"),
            (named(&adam, "acr-pinn-gpu checkpoint 2"), "it is a checkpoint"),
            (named(&|name| name.replace("net.0.weight", "pde"), "pt"), "holds points"),
            (named(&|name| format!("grad.pde.{name}"), "pt"), "result of `gradients`"),
            (b"PK\x03\x04\0\0".to_vec(), "torch.save"),
            (b"\x93NUMPY\x01".to_vec(), "NumPy"),
            (b"x,t\n0.5,0.5\n".to_vec(), "text file"),
            (Vec::new(), "empty"),
        ] {
            let said = Model::parse(&bytes).err().unwrap();
            assert!(said.contains(part), "no `{part}` in {said}");
        }
    }

    #[test]
    fn sizes_beyond_measure_are_refused_before_anything_is_made_of_them() {
        let empty = |name: &str, shape: &[usize]| Tensor {
            name: name.to_owned(),
            dtype: Dtype::F32,
            shape: shape.to_vec(),
            bytes: Vec::new().into(),
        };
        let tensors = [
            empty("net.0.weight", &[usize::MAX / 2, 0]),
            empty("net.0.bias", &[0]),
            empty("net.2.weight", &[0, usize::MAX / 2]),
            empty("net.2.bias", &[0]),
        ];
        let error = Model::parse(&serialize(&tensors, &BTreeMap::new())).err().unwrap();
        assert!(error.contains("cannot be loaded"), "{error}");
    }
}
