//! The network at given points: values of every field, with slopes where they are wanted, for evaluation and
//! pictures.

use crate::error::Result;
use crate::gpu::{Buffer, Capabilities, Dispatch, Gpu, Kernel, Part, Resource, Vectors};
use crate::math::Jet;

use super::blueprint::{
    BufferSpec, DispatchSpec, KernelSpec, Kind, PACKED, Size, bytes_of_tile, carrying, trips_per_tile,
};
use super::group::network_prelude;
use super::linking::needed;
use super::network::Grain;
use super::packing::Packing;
use super::prelude::shader;
use super::step::Setup;
use super::tile::Tile;

/// The evaluation at a fixed set of points as a value: planned for an adapter that need not be here.
pub struct Prediction {
    pub buffers: Vec<BufferSpec>,
    pub kernel: KernelSpec,
    /// They share their scratch; the kernel of each is number 0.
    pub batches: Vec<DispatchSpec>,
    /// Points of a batch; the last may have fewer.
    pub points_per_batch: usize,
    /// Numbers per point and field: 3 with slopes, otherwise 1.
    pub streams: usize,
    numbers: usize,
}

/// The buffer that predicted fields lie in.
pub const FIELDS: &str = "fields";
const POINTS: &str = "evaluation points";
const SCRATCH: &str = "scratch of the evaluation";

impl Prediction {
    /// Plans for `points` (flat `[n, axes]`, physical). `slopes` asks for ∂₀ and ∂₁ of every field, which two axes
    /// have. With `most`, no batch has many more points than that, so that none keeps a device long.
    pub fn new(
        setup: &Setup,
        packing: &Packing,
        tile: &Tile,
        offered: &Capabilities,
        (points, slopes): (&[f32], bool),
        most: Option<usize>,
    ) -> Prediction {
        let jet = if slopes { Jet::Gradient } else { Jet::Value };
        let streams = jet.streams();
        let count = points.len() / setup.shape.inputs;
        let target = tile.target();
        let program = setup.network.program(&setup.shape);
        let network = super::network::Network { program, shape: &setup.shape, target, packing };
        let tiles = count.div_ceil(target.points());
        let per_workgroup = bytes_of_tile(&network, jet);
        // a forward pass takes less than half of the trips that the count for a whole step gives
        let limit = offered.trip_limit.unwrap_or(usize::MAX / 2);
        let longest = if most.is_some() { 1 } else { 8 };
        let walk = (2 * limit / trips_per_tile(setup, target, &network.program)).clamp(1, longest).min(tiles);
        let widest = most.map_or(256, |most| most.div_ceil(target.points()).clamp(1, 256));
        let workgroups = tiles.div_ceil(walk).min((offered.binding / per_workgroup).clamp(1, widest as u64) as usize);
        let numbers = count * setup.shape.outputs * streams;
        let buffer = |name: &str, kind: Kind, bytes: u64, contents: Vec<u8>| BufferSpec {
            name: name.to_owned(),
            kind,
            bytes,
            contents,
        };
        let vectors = if target.images() { Kind::Image } else { Kind::Storage };
        let weights = if target.images() { "weights" } else { PACKED };
        let contents = bytemuck::cast_slice(points).to_vec();
        let mut buffers = vec![
            buffer(POINTS, Kind::Storage, contents.len() as u64, contents),
            buffer(FIELDS, Kind::Storage, 4 * numbers as u64, Vec::new()),
            buffer(SCRATCH, vectors, per_workgroup * workgroups as u64, Vec::new()),
        ];
        let mut prelude = network_prelude(setup, &network);
        prelude.u32("TILES", walk).u32("POINT_COUNT", count).u32("STREAMS", streams);
        let mut parts = carrying(setup, &network, jet, prelude);
        let forward = network.sequence("fn forward_layer(l: u32)", &network.forward(Grain::Fused));
        parts.extend([Part::new(format!("network {}", setup.network.name()), forward), shader("kernels/predict")]);
        let kernel = KernelSpec {
            label: "predict",
            parts: needed(parts),
            equations: vec!["fields at the points of the evaluation".to_owned()],
        };
        let firsts: Vec<usize> = (0..tiles).step_by(workgroups * walk).collect();
        let mut batch = |(number, first): (usize, &usize)| {
            let name = format!("batch {number}");
            let contents = bytemuck::bytes_of(&[*first as u32, 0, 0, 0]).to_vec();
            buffers.push(buffer(&name, Kind::Uniform, 16, contents));
            let named = |(variable, name): (&'static str, &str)| (variable, name.to_owned());
            let bound =
                [("points", POINTS), ("weights", weights), ("scratch", SCRATCH), (FIELDS, FIELDS), ("batch", &name)];
            let label = format!("predict ({name})");
            let size = Size::Workgroups(workgroups);
            DispatchSpec { kernel: 0, buffers: bound.map(named).to_vec(), size, label, flop: None, every: 1 }
        };
        let batches = firsts.iter().enumerate().map(&mut batch).collect();
        let points_per_batch = workgroups * walk * target.points();
        Prediction { buffers, kernel, batches, points_per_batch, streams, numbers }
    }
}

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
        let plan = Prediction::new(setup, packing, tile, &gpu.capabilities(), (points, slopes), None);
        let kernel = Kernel::link(gpu, plan.kernel.label, &plan.kernel.parts)?;
        let mut memory = Vec::new();
        for spec in &plan.buffers {
            memory.push((spec.name.as_str(), spec.realise(gpu)?));
        }
        let bind = |spec: &DispatchSpec| -> Result<Dispatch> {
            let resource = |name: &str| match memory.iter().find(|(known, _)| *known == name) {
                Some((_, vectors)) => vectors as &dyn Resource,
                None => weights,
            };
            let buffers: Vec<(&str, &dyn Resource)> =
                spec.buffers.iter().map(|(variable, name)| (*variable, resource(name))).collect();
            let bound = kernel.bind(gpu, &buffers)?;
            Ok(match spec.size {
                Size::Threads(count) => bound.threads(count as u32),
                Size::Workgroups(count) => bound.workgroups(count as u32),
            })
        };
        let batches = plan.batches.iter().map(bind).collect::<Result<_>>()?;
        let fields = memory.into_iter().find_map(|(name, vectors)| match vectors {
            Vectors::Buffer(buffer) if name == FIELDS => Some(buffer),
            _ => None,
        });
        let fields = fields.expect("a prediction has a buffer of fields");
        let outputs = setup.shape.outputs;
        Ok(Predictor { batches, fields, numbers: plan.numbers, outputs, streams: plan.streams })
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
