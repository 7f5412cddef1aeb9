//! The network at given points: values of every field, with slopes where they are wanted, for evaluation and
//! pictures.

use crate::error::Result;
use crate::gpu::{Buffer, Dispatch, Gpu, Kernel, Part, Resource};
use crate::math::Jet;

use super::blueprint::{bytes_of_tile, carrying, trips_per_tile};
use super::group::network_prelude;
use super::linking::needed;
use super::network::Grain;
use super::packing::Packing;
use super::prelude::shader;
use super::step::Setup;
use super::tile::Tile;

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
        let target = tile.target();
        let program = setup.network.program(&setup.shape);
        let network = super::network::Network { program, shape: &setup.shape, target, packing };
        let tiles = count.div_ceil(target.points());
        let per_workgroup = bytes_of_tile(&network, jet);
        // a forward pass takes less than half of the trips that the count for a whole step gives
        let limit = gpu.capabilities().trip_limit.unwrap_or(usize::MAX / 2);
        let walk = (2 * limit / trips_per_tile(setup, target, &network.program)).clamp(1, 8).min(tiles);
        let workgroups = tiles.div_ceil(walk).min((gpu.max_binding() / per_workgroup).clamp(1, 256) as usize);
        let scratch = gpu.vectors("scratch", (per_workgroup * workgroups as u64).div_ceil(16), target.images())?;
        let buffer = gpu.storage_with("points", points)?;
        let fields = gpu.storage("fields", 4 * (count * outputs * streams) as u64)?;
        let mut prelude = network_prelude(setup, &network);
        prelude.u32("TILES", walk).u32("POINT_COUNT", count).u32("STREAMS", streams);
        let mut parts = carrying(setup, &network, jet, prelude);
        let forward = network.sequence("fn forward_layer(l: u32)", &network.forward(Grain::Fused));
        parts.extend([Part::new(format!("network {}", setup.network.name()), forward), shader("kernels/predict")]);
        let kernel = Kernel::link(gpu, "predict", &needed(parts))?;
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
