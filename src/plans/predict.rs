//! The network at given points: values of every field, with slopes where they are wanted, for evaluation and
//! pictures.

use crate::error::Result;
use crate::gpu::{Buffer, Dispatch, Gpu, Kernel, Resource};
use crate::math::Jet;

use super::cut::{network_prelude, scratch, scratch_bytes, tile_parts, trips_per_tile};
use super::packing::Packing;
use super::prelude::shader;
use super::step::Setup;
use super::tile::{Tile, trip_limit};

/// A kernel ready to evaluate the network at a fixed set of points, in batches that share their scratch.
pub struct Predictor {
    batches: Vec<Dispatch>,
    fields: Buffer,
    numbers: usize,
    outputs: usize,
    streams: usize,
}

impl Predictor {
    /// Prepares for `points` (flat `[n, axes]`, physical), reading the packed `weights`. `slopes` asks for ∂₀ and
    /// ∂₁ of every field, which two axes have.
    pub fn new(
        gpu: &Gpu,
        setup: &Setup,
        packing: &Packing,
        tile: &Tile,
        weights: &dyn Resource,
        points: &[f32],
        slopes: bool,
    ) -> Result<Predictor> {
        let jet = if slopes { Jet::Gradient } else { Jet::Value };
        let streams = jet.streams();
        let count = points.len() / setup.shape.inputs;
        let outputs = setup.shape.outputs;
        // nothing goes back
        let tile = &Tile { kept: false, split_k: false, ..*tile };
        let wiring = tile.wiring(setup.network, &setup.shape);
        let tiles = count.div_ceil(tile.points());
        let per_workgroup = scratch_bytes(setup, jet, tile, &wiring);
        // a forward pass takes less than half of the trips that the count for a whole step gives
        let walk = (2 * trip_limit(gpu) / trips_per_tile(setup, tile, &wiring)).clamp(1, 8).min(tiles);
        let workgroups = tiles.div_ceil(walk).min((gpu.max_binding() / per_workgroup).clamp(1, 256) as usize);
        let scratch = scratch(gpu, setup, jet, tile, &wiring, workgroups)?;
        let buffer = gpu.storage_with("points", points)?;
        let fields = gpu.storage("fields", 4 * (count * outputs * streams) as u64)?;
        let mut prelude = network_prelude(setup, packing, tile);
        prelude.u32("TILES", walk).u32("POINT_COUNT", count).u32("STREAMS", streams);
        let mut parts = vec![prelude.part()];
        parts.extend(tile_parts(setup, jet, tile));
        parts.extend([shader("passes"), shader("kernels/predict")]);
        let kernel = Kernel::link(gpu, "predict", &parts)?;
        let batch = |first: usize| -> Result<Dispatch> {
            let batch = gpu.uniform("batch", bytemuck::bytes_of(&[first as u32, 0, 0, 0]))?;
            let buffers: [(&str, &dyn Resource); 5] = [
                ("points", &buffer),
                ("weights", weights),
                ("scratch", &scratch),
                ("fields", &fields),
                ("batch", &batch),
            ];
            Ok(kernel.bind(gpu, &buffers)?.workgroups(workgroups as u32))
        };
        let batches = (0..tiles).step_by(workgroups * walk).map(batch).collect::<Result<_>>()?;
        Ok(Predictor { batches, fields, numbers: count * outputs * streams, outputs, streams })
    }

    /// Per point and field the value, or value, ∂₀, ∂₁ — flat `[n, fields, streams]`.
    pub fn run(&self, gpu: &Gpu) -> Result<Vec<f32>> {
        for batch in &self.batches {
            gpu.submit(std::slice::from_ref(batch), 1);
        }
        gpu.read(&self.fields, self.numbers)
    }

    /// Numbers per point and field: 3 with slopes, otherwise 1.
    pub fn streams(&self) -> usize {
        self.streams
    }

    /// Fields per point.
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}
