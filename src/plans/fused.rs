//! The fused plan: one dispatch per jet order evaluates jets, residual, adjoint and partial weight gradients
//! of a tile of points. The equation's points carry its full jets, those of all other conditions values, and slopes
//! where one of them asks for slopes.

use crate::error::Result;
use crate::gpu::Gpu;

use super::cut::{Scratch, cut};
use super::packing::Packing;
use super::step::{Gradients, Inputs, Plan, Setup};
use super::tile::Tile;

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
        cut(gpu, setup, packing, tile, inputs, Scratch::PerWorkgroup, &|group| {
            Ok(vec![group.dispatch(&group.link("fused", |_| {})?, &[])?])
        })
    }
}
