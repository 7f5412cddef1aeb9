//! The fused plan: one dispatch per jet order evaluates jets, residual, adjoint and partial weight gradients
//! of a tile of points. The equation's points carry its full jets, those of all other conditions values, and slopes
//! where one of them asks for slopes.

use crate::error::Result;
use crate::gpu::Gpu;

use super::cut::{Scratch, cut};
use super::packing::Packing;
use super::step::{Gradients, Inputs, Plan, Setup};
use super::tile::Tile;
use super::work::{self, Way};

/// See the module.
pub struct Fused;

impl Plan for Fused {
    fn name(&self) -> &'static str {
        "fused"
    }

    fn summary(&self) -> &'static str {
        "one dispatch per jet order: jets, residual, adjoint and partial weight gradients of a tile of points"
    }

    fn build(&self, gpu: &Gpu, setup: &Setup, packing: &Packing, tile: &Tile, inputs: &Inputs) -> Result<Gradients> {
        let keep = if tile.split_k { Scratch::PerTile } else { Scratch::PerWorkgroup };
        cut(gpu, setup, packing, tile, inputs, keep, &|group| {
            let ways = if tile.split_k { &[Way::Forward, Way::Backward][..] } else { &Way::ALL };
            let of_point = |jet| group.all_layers(ways, jet) + work::outputs(setup, jet);
            let mut dispatches = vec![group.dispatch(&group.link("fused", |_| {})?, 1, &[], "fused", of_point)?];
            if tile.split_k {
                let kernel = group.link("weight_gradients", |_| {})?;
                let of_point = |jet| group.all_layers(&[Way::Gradient], jet);
                dispatches.push(group.dispatch(&kernel, setup.shape.depth, &[], "weight_gradients", of_point)?);
            }
            Ok(dispatches)
        })
    }
}
