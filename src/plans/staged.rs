//! The two plans that leave features in memory between dispatches. They run the same kernel on longer or shorter
//! stretches of the way: a layer at a time, or a primitive at a time, which is how frameworks execute.

use crate::error::Result;
use crate::gpu::{Dispatch, Gpu, Kernel};

use super::cut::{GroupKernels, Scratch, cut};
use super::packing::Packing;
use super::step::{Gradients, Inputs, Plan, Setup};
use super::tile::Tile;

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
        Tile { kept: true, ..tile }
    }

    fn build(&self, gpu: &Gpu, setup: &Setup, packing: &Packing, tile: &Tile, inputs: &Inputs) -> Result<Gradients> {
        cut(gpu, setup, packing, tile, inputs, Scratch::PerTile, &|group| {
            let [forward, backward] = group.wiring.stages;
            let first = staged(group, &["INPUTS", "FORWARD"])?;
            let further = staged(group, &["FORWARD"])?;
            let residual = staged(group, &["RESIDUAL"])?;
            let back = staged(group, &["BACKWARD", "GRADIENTS"])?;
            let mut dispatches = vec![stretch(group, &first, [0, 0, forward])?];
            for layer in 1..group.depth {
                dispatches.push(stretch(group, &further, [layer, 0, forward])?);
            }
            dispatches.push(stretch(group, &residual, [0, 0, 0])?);
            for layer in (0..group.depth).rev() {
                dispatches.push(stretch(group, &back, [layer, 0, backward])?);
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
        Tile { kept: true, at_once: false, ..tile }
    }

    fn build(&self, gpu: &Gpu, setup: &Setup, packing: &Packing, tile: &Tile, inputs: &Inputs) -> Result<Gradients> {
        cut(gpu, setup, packing, tile, inputs, Scratch::PerTile, &|group| {
            let [forward, backward] = group.wiring.stages;
            let ahead = staged(group, &["FORWARD"])?;
            let back = staged(group, &["BACKWARD"])?;
            let gradients = staged(group, &["GRADIENTS"])?;
            let mut dispatches = vec![stretch(group, &staged(group, &["INPUTS"])?, [0, 0, 0])?];
            for layer in 0..group.depth {
                for stage in 0..forward {
                    dispatches.push(stretch(group, &ahead, [layer, stage, stage + 1])?);
                }
            }
            dispatches.push(stretch(group, &staged(group, &["RESIDUAL"])?, [0, 0, 0])?);
            for layer in (0..group.depth).rev() {
                // the last stage leads to the layer before
                for stage in 0..backward - usize::from(layer == 0) {
                    dispatches.push(stretch(group, &back, [layer, stage, stage + 1])?);
                }
                dispatches.push(stretch(group, &gradients, [layer, 0, 0])?);
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
fn stretch(group: &GroupKernels, kernel: &Kernel, [layer, first, end]: [usize; 3]) -> Result<Dispatch> {
    let numbers = [layer, first, end, 0].map(|n| n as u32);
    let uniform = group.gpu.uniform("stretch", bytemuck::bytes_of(&numbers))?;
    group.dispatch(kernel, &[("stretch", &uniform)])
}
