//! `model.safetensors`: the weights alone, in the names and shapes of the reference implementation, so that
//! its `load_state_dict` takes them.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::{Error, Result};
use crate::math::Variant;
use crate::networks::layout::Slot;
use crate::networks::{self, Network, Shape};

use super::configuration::Config;
use super::files;
use super::tensors::{Tensor, serialize};

/// Larger than any network this program offers.
const CAP: u64 = 1 << 28;

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
            ("format".to_owned(), "acr-pinn-gpu model 1".to_owned()),
            ("problem".to_owned(), config.problem.name().to_owned()),
            ("network".to_owned(), config.network.name().to_owned()),
            ("preset".to_owned(), config.preset.name.to_owned()),
            ("step".to_owned(), step.to_string()),
        ]);
        metadata.extend(config.problem.parameters().iter().map(|p| (p.name.to_owned(), p.value.to_string())));
        Model { network: config.network, shape: config.shape, parameters, metadata }
    }

    /// Writes the model atomically; the same model has the same bytes.
    pub fn save(&self, path: &Path) -> Result<()> {
        let layout = self.network.layout(&self.shape);
        let tensor = |slot: &Slot| Tensor {
            name: slot.name.clone(),
            dtype: Dtype::F32,
            shape: slot.shape.clone(),
            bytes: self.parameters[slot.range()].iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>().into(),
        };
        let tensors: Vec<_> = layout.slots.iter().map(tensor).collect();
        files::write(path, &serialize(&tensors, &self.metadata.clone().into_iter().collect()))
    }

    /// Reads a model; network, width, depth and form follow from names and shapes.
    ///
    /// Fails with [`Error::Input`] naming the tensor that is missing, of another shape, or not finite.
    pub fn load(path: &Path) -> Result<Model> {
        let bytes = files::read(path, CAP)?;
        let tensors = tensors(path, &bytes)?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| Error::input(path, e))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let (network, shape) = recognise(&tensors).map_err(|what| Error::input(path, what))?;
        let layout = network.layout(&shape);
        let mut parameters = vec![0.0; layout.len];
        for slot in &layout.slots {
            let tensor = tensors.tensor(&slot.name).map_err(|_| {
                Error::input(path, format!("tensor `{}` is missing for a {} network", slot.name, network.name()))
            })?;
            let values = numbers(&slot.name, &tensor, &slot.shape).map_err(|what| Error::input(path, what))?;
            parameters[slot.offset..slot.offset + slot.len()].copy_from_slice(&values);
        }
        if let Some(extra) = tensors.names().iter().find(|name| layout.slots.iter().all(|s| s.name != **name)) {
            return Err(Error::input(
                path,
                format!("tensor `{extra}` does not belong to a {} network", network.name()),
            ));
        }
        Ok(Model { network, shape, parameters, metadata })
    }
}

/// The tensors of a file, checked for structure.
pub fn tensors<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>> {
    SafeTensors::deserialize(bytes)
        .map_err(|e| Error::input(path, format!("not a readable safetensors file ({e}): damaged, or another format?")))
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
        other => return Err(format!("tensor `{name}` holds {other:?}; f32 is expected")),
    };
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(format!("tensor `{name}` holds {} at element {at}; every number must be finite", values[at])),
        None => Ok(values),
    }
}

/// Which network has tensors of these names and shapes.
fn recognise(tensors: &SafeTensors) -> std::result::Result<(&'static dyn Network, Shape), String> {
    let shape_of = |name: &str| tensors.tensor(name).ok().map(|t| t.shape().to_vec());
    for &network in networks::ALL {
        for variant in [Variant::V2, Variant::V1] {
            let guess = Shape { inputs: 2, outputs: 1, width: 4, depth: 1, variant };
            let hidden = network.wiring(&guess).maps[0].weight;
            let Some(first) = shape_of(&hidden(0)).filter(|s| s.len() == 2) else { continue };
            let depth = (1..=64).take_while(|&l| shape_of(&hidden(l)).is_some()).count();
            let Some(last) = shape_of(&hidden(depth)).filter(|s| s.len() == 2) else { continue };
            let shape = Shape { inputs: first[1], outputs: last[0], width: first[0], depth, variant };
            let names = network.layout(&shape).slots;
            if names.len() == tensors.len() && names.iter().all(|slot| shape_of(&slot.name).is_some()) {
                shape.validate().map_err(|what| format!("this network cannot be loaded: {what}"))?;
                return Ok((network, shape));
            }
        }
    }
    let known: Vec<_> = networks::ALL.iter().map(|n| n.name()).collect();
    Err(format!(
        "its tensors are those of no known network ({}): a tensor is missing, extra or misnamed",
        known.join(", ")
    ))
}
