//! The two plans that leave features in memory between dispatches. They run the same kernel on longer or shorter
//! stretches of the way: a layer at a time, or a primitive at a time, which is how frameworks execute.

use crate::error::Result;
use crate::gpu::{Dispatch, Gpu, Kernel};
use crate::math::Jet;
use crate::networks::wiring::Map;

use super::cut::{Scratch, cut};
use super::group::GroupKernels;
use super::packing::Packing;
use super::step::{Gradients, Inputs, Plan, Setup};
use super::tile::Tile;
use super::work::{self, Way};

/// One forward and one backward dispatch per hidden layer.
pub struct Layered;

/// One dispatch per primitive: linear map, activation, mix, each transpose, weight gradients.
pub struct Unfused;

impl Plan for Layered {
    fn name(&self) -> &'static str {
        "layered"
    }

    fn summary(&self) -> &'static str {
        "one forward and one backward dispatch per hidden layer, features in memory between them"
    }

    fn settled(&self, tile: Tile) -> Tile {
        Tile { kept: true, split_k: false, ..tile }
    }

    fn build(&self, gpu: &Gpu, setup: &Setup, packing: &Packing, tile: &Tile, inputs: &Inputs) -> Result<Gradients> {
        cut(gpu, setup, packing, tile, inputs, Scratch::PerTile, &|group| {
            let [forward, backward] = group.wiring.stages;
            let first = staged(group, &["INPUTS", "FORWARD"])?;
            let further = staged(group, &["FORWARD"])?;
            let residual = staged(group, &["RESIDUAL"])?;
            let back = staged(group, &["BACKWARD", "GRADIENTS"])?;
            let mut dispatches = Vec::new();
            for layer in 0..setup.shape.depth {
                let kernel = if layer == 0 { &first } else { &further };
                let of_point = |jet| group.layer(layer, &[Way::Forward], jet);
                dispatches.push(stretch(group, kernel, [layer, 0, forward], "forward", of_point)?);
            }
            dispatches.push(stretch(group, &residual, [0; 3], "residual", |jet| work::outputs(setup, jet))?);
            for layer in (0..setup.shape.depth).rev() {
                let of_point = |jet| group.layer(layer, &[Way::Backward, Way::Gradient], jet);
                dispatches.push(stretch(group, &back, [layer, 0, backward], "backward", of_point)?);
            }
            Ok(dispatches)
        })
    }
}

impl Plan for Unfused {
    fn name(&self) -> &'static str {
        "unfused"
    }

    fn summary(&self) -> &'static str {
        "one dispatch per primitive, every intermediate in memory: how frameworks execute"
    }

    fn settled(&self, tile: Tile) -> Tile {
        Tile { kept: true, split_k: false, at_once: false, ..tile }
    }

    fn build(&self, gpu: &Gpu, setup: &Setup, packing: &Packing, tile: &Tile, inputs: &Inputs) -> Result<Gradients> {
        cut(gpu, setup, packing, tile, inputs, Scratch::PerTile, &|group| {
            let depth = setup.shape.depth;
            let [forward, backward] = group.wiring.stages;
            let inputs = staged(group, &["INPUTS"])?;
            let ahead = staged(group, &["FORWARD"])?;
            let residual = staged(group, &["RESIDUAL"])?;
            let back = staged(group, &["BACKWARD"])?;
            let gradients = staged(group, &["GRADIENTS"])?;
            let of_map = |map: Option<&Map>, layer, way, jet| map.map_or(0.0, |m| work::map(setup, m, layer, way, jet));
            let mut dispatches = vec![stretch(group, &inputs, [0; 3], "inputs", |_| 0.0)?];
            for (layer, stage) in (0..depth).flat_map(|layer| (0..forward).map(move |stage| (layer, stage))) {
                let of_point = |jet| of_map(group.wiring.forward_map(stage), layer, Way::Forward, jet);
                dispatches.push(stretch(group, &ahead, [layer, stage, stage + 1], "forward", of_point)?);
            }
            dispatches.push(stretch(group, &residual, [0; 3], "residual", |jet| work::outputs(setup, jet))?);
            for layer in (0..depth).rev() {
                // the last stage leads to the layer before
                for stage in 0..backward - usize::from(layer == 0) {
                    let of_point = |jet| of_map(group.wiring.backward_map(stage), layer, Way::Backward, jet);
                    dispatches.push(stretch(group, &back, [layer, stage, stage + 1], "backward", of_point)?);
                }
                let of_point = |jet| group.layer(layer, &[Way::Gradient], jet);
                dispatches.push(stretch(group, &gradients, [layer, 0, 0], "gradients", of_point)?);
            }
            Ok(dispatches)
        })
    }
}

/// The kernel that does `passes` and nothing else; a constant, so that compilers drop the rest.
fn staged(group: &GroupKernels, passes: &[&str]) -> Result<Kernel> {
    let bits: Vec<String> = passes.iter().map(|pass| format!("PASS_{pass}")).collect();
    group.link("staged", |prelude| {
        prelude.line(&format!("const PASSES = {};", bits.join(" | ")));
    })
}

/// `kernel` on the stages `first..end` of `layer`; passes without stages look at none of these.
fn stretch(
    group: &GroupKernels,
    kernel: &Kernel,
    [layer, first, end]: [usize; 3],
    name: &str,
    of_point: impl Fn(Jet) -> f64,
) -> Result<Dispatch> {
    let numbers = [layer, first, end, 0].map(|n| n as u32);
    let uniform = group.gpu.uniform("stretch", bytemuck::bytes_of(&numbers))?;
    group.dispatch(kernel, 1, &[("stretch", &uniform)], name, of_point)
}
