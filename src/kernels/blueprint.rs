//! A training step as a value: buffers, kernels and dispatches by name, planned for an adapter that need not be here. A
//! [`super::Step`] is made of it on a device; listings and files are made of it anywhere.

use crate::error::{Error, Result};
use crate::gpu::{Capabilities, Gpu, IMAGE_ROW_BITS, Part, Vectors};
use crate::networks::Program;
use crate::optimisers::Threads;

use super::group::{Group, groups, share_table};
use super::linking::needed;
use super::network::Network;
use super::packing::Packing;
use super::plans::{self, Cut, Cuts, Keep, Plan, Work};
use super::prelude::{Prelude, plugin, shader};
use super::residuals;
use super::sides::Sides;
use super::step::{RING, Setup, Share, Step, downstream_prelude, regions, spans};
use super::target::Target;
use super::tile::Tile;
use super::work;

/// What kind of memory a buffer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Storage,
    Uniform,
    /// An image of `vec4f`.
    Image,
}

/// Memory of a step, zeroed but for its first contents.
pub struct BufferSpec {
    pub name: String,
    pub kind: Kind,
    pub bytes: u64,
    pub contents: Vec<u8>,
}

impl BufferSpec {
    /// The same on a device, with its first contents.
    pub(super) fn realise(&self, gpu: &Gpu) -> Result<Vectors> {
        Ok(match self.kind {
            Kind::Storage => {
                let buffer = gpu.storage(&self.name, self.bytes)?;
                gpu.write(&buffer, &self.contents);
                Vectors::Buffer(buffer)
            }
            Kind::Uniform => Vectors::Buffer(gpu.uniform(&self.name, &self.contents)?),
            Kind::Image => gpu.vectors(&self.name, self.bytes.div_ceil(16), true)?,
        })
    }
}

/// A kernel as text.
pub struct KernelSpec {
    /// Its entry point.
    pub label: &'static str,
    pub parts: Vec<Part>,
    /// What it computes, an equation each.
    pub equations: Vec<String>,
}

/// How many threads a dispatch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// One per item.
    Threads(usize),
    Workgroups(usize),
}

/// A kernel with its buffers.
#[derive(Clone)]
pub struct DispatchSpec {
    /// Its number among the kernels.
    pub kernel: usize,
    /// Variable of the shader, name of the buffer.
    pub buffers: Vec<(&'static str, String)>,
    pub size: Size,
    pub label: String,
    pub flop: Option<f64>,
    /// It has something to do in every step whose number is a multiple of this; its kernel knows, too.
    pub every: u64,
}

/// A whole step.
pub struct Blueprint {
    pub buffers: Vec<BufferSpec>,
    pub kernels: Vec<KernelSpec>,
    /// Draws points and computes data.
    pub sample: DispatchSpec,
    /// From points to gradient rows, losses and coefficients.
    pub gradients: Vec<DispatchSpec>,
    /// The optimiser.
    pub update: Vec<DispatchSpec>,
    pub packing: Packing,
    pub sides: Sides,
}

/// The buffer that packed parameters are written to.
pub const PACKED: &str = "packed";

/// Buffers that are there where points have weights; see `shaders/weighing.wgsl`.
const WEIGHING: [&str; 3] = ["squared_residuals", "parts", "factors"];

/// The buffer that says of a pass that it probes residuals.
const PROBE: &str = "probe";

/// How a group's workgroups walk over its tiles.
struct Walk {
    /// Tiles of each workgroup.
    tiles: usize,
    workgroups: usize,
    /// The workgroup that begins each share, counted over all groups.
    firsts: Vec<usize>,
}

impl Blueprint {
    /// Plans the step of `setup`.
    ///
    /// # Errors
    /// A tile that `offered` cannot run, or memory that it does not have.
    pub fn new(setup: &Setup, plan: &dyn Plan, tile: &Tile, offered: &Capabilities) -> Result<Blueprint> {
        let target = tile.target();
        target.check(offered, &setup.shape, setup.jet())?;
        let program = setup.network.program(&setup.shape);
        let packing = Packing::new(&setup.shape, &program, target);
        let sides = Sides::new(&program.layout(&setup.shape), setup.optimiser.optimiser);
        let (trips, limit) = (sides.trips(target.reducers().0), offered.trip_limit.unwrap_or(usize::MAX));
        if trips > limit {
            let what = "loop trips, this driver ends loops silently after";
            let name = setup.optimiser.optimiser.name();
            return Err(Error::Usage(format!(
                "--optimiser {name} takes {trips} {what} {limit}: take adam, or a smaller --width"
            )));
        }
        let mut draft = Draft { buffers: Vec::new(), kernels: Vec::new() };
        draft.shared_buffers(setup, &packing, target);
        draft.kept_buffers(&sides, packing.places.len());
        let Passes { measures: mut gradients, both_ways, slabs } =
            draft.cut(setup, plan, target, &program, &packing, offered)?;
        let prelude = downstream_prelude(setup, &packing, &slabs, target.reducers());
        let jet = super::jets::part(setup.problem.jet());
        let data = residuals::data(setup.problem)?;
        let combine = plugin("strategies", setup.strategy.name(), setup.strategy.shader());
        let probing = setup.strategy.probe_period();
        let probes = probing.is_some();
        let bound = |draft: &mut Draft, label: &'static str, others: &[Part], size: Size, equation: &str| {
            let mut parts = vec![prelude.part(), shader("math"), jet.clone()];
            parts.extend_from_slice(others);
            let kernel = draft.kernel(label, parts, vec![equation.into()]);
            let buffers = [
                "owners",
                "regions",
                "points",
                "samples",
                "slabs",
                "places",
                "rows",
                "gram_parts",
                "control",
                "settings",
            ]
            .into_iter()
            .chain(["coefficients", "ring", "orders", "state", "parameters", "moments"])
            .chain(if setup.strategy.weighing().is_some() { &WEIGHING[..] } else { &[] }.iter().copied())
            .chain(if probes { &["probing", "traces"][..] } else { &[] }.iter().copied())
            .chain(["side_of", "upper_blocks", "sides", "cells", "matrices", "squares", "bases", "iterates", "lengths"])
            .chain(["combined", "turned", "directions", "half_back"])
            .map(|name| (name, name.to_owned()))
            .chain([("weights", PACKED.to_owned())])
            .collect();
            DispatchSpec { kernel, buffers, size, label: label.into(), flop: None, every: 1 }
        };
        let kernel = |draft: &mut Draft, label: &'static str, others: &[Part], size: Size, equation: &str| {
            let own = if label == "reduce" { residuals::reduce(probes) } else { shader(&format!("kernels/{label}")) };
            bound(draft, label, &[others, &[own]].concat(), size, equation)
        };
        let points = Size::Threads(setup.set_firsts().1);
        let sample =
            kernel(&mut draft, "sample", &[shader("rng"), data], points, "points, and the data of every term there");
        if let Some(weighing) = setup.strategy.weighing() {
            let rule = plugin("strategies", &format!("{}_weighing", setup.strategy.name()), weighing.shader());
            let others = [shader("weighing"), shader("schedule"), rule];
            let [workgroups, samples] = [Size::Workgroups(spans(setup)[1]), Size::Threads(setup.weighed_samples())];
            gradients.push(kernel(&mut draft, "survey", &others, workgroups, "the residuals' whole"));
            gradients.push(kernel(&mut draft, "weigh", &others, samples, "factors of squared residuals"));
        }
        let slabs = Size::Workgroups(packing.slab_vectors.div_ceil(target.reducers().0));
        let memory = target.memory();
        let rows = "gₖ = Σ slabs of term k, and ⟨gᵢ, gⱼ⟩";
        let others = [memory.clone(), shader("rng"), shader("probe")];
        let reduce = kernel(&mut draft, "reduce", &others[..if probes { 3 } else { 1 }], slabs, rows);
        if let Some(period) = probing {
            let probing = |dispatch: &DispatchSpec| {
                let other = |(variable, name): &(&'static str, String)| match *variable {
                    "probing" => (*variable, PROBE.to_owned()),
                    _ => (*variable, name.clone()),
                };
                let buffers = dispatch.buffers.iter().map(other).collect();
                DispatchSpec {
                    buffers,
                    label: format!("{}, {PROBE}", dispatch.label),
                    every: period,
                    ..dispatch.clone()
                }
            };
            gradients.extend(both_ways.iter().chain([&reduce]).map(probing));
            let traces = "T = N/m ‖∇Σ ± r‖²";
            let traces = kernel(&mut draft, "traces_of", &[], Size::Workgroups(1), traces);
            gradients.push(DispatchSpec { every: period, ..traces });
        }
        gradients.extend(both_ways);
        gradients.push(reduce);
        let others =
            [shader("rng"), shader("schedule"), memory, shader("double"), shader("cosines"), shader("traces"), combine];
        let coefficients = "c = strategy(⟨gᵢ, gⱼ⟩)";
        gradients.push(kernel(&mut draft, "coefficients_of", &others, Size::Workgroups(1), coefficients));
        let stages = setup.optimiser.optimiser.kernels().iter().map(|own| {
            let size = match own.threads {
                Threads::Parameters => Size::Threads(packing.places.len()),
                Threads::Blocks => Size::Threads(sides.side_of.len()),
                Threads::UpperBlocks => Size::Threads(sides.upper_blocks.len()),
                Threads::Cells => Size::Threads(sides.cells.len()),
                Threads::Sides => Size::Workgroups(sides.lines.len()),
            };
            let text = plugin("optimisers", own.label, own.text);
            let dispatch = bound(&mut draft, own.label, &[residuals::bounds(setup), text], size, own.equation);
            DispatchSpec { every: if own.renews { setup.optimiser.frequency } else { 1 }, ..dispatch }
        });
        let update = stages.collect();
        Ok(Blueprint { buffers: draft.buffers, kernels: draft.kernels, sample, gradients, update, packing, sides })
    }
}

/// The dispatches through the network.
struct Passes {
    /// From points to residuals, where points have weights.
    measures: Vec<DispatchSpec>,
    /// From points to slabs.
    both_ways: Vec<DispatchSpec>,
    /// Which slabs belong to each term.
    slabs: Vec<[usize; 2]>,
}

/// A blueprint that is being drawn.
struct Draft {
    buffers: Vec<BufferSpec>,
    kernels: Vec<KernelSpec>,
}

impl Draft {
    fn buffer(&mut self, name: impl Into<String>, kind: Kind, bytes: u64, contents: Vec<u8>) {
        self.buffers.push(BufferSpec { name: name.into(), kind, bytes, contents });
    }

    fn words<T: bytemuck::NoUninit>(&mut self, name: &str, words: &[T]) {
        let contents = bytemuck::cast_slice(words).to_vec();
        self.buffer(name, Kind::Storage, contents.len() as u64, contents);
    }

    /// The number of the kernel of these texts, without what it does not need; one that is there already serves again.
    fn kernel(&mut self, label: &'static str, parts: Vec<Part>, equations: Vec<String>) -> usize {
        let parts = needed(parts);
        let same = |kernel: &KernelSpec| {
            kernel.label == label && kernel.parts.iter().map(|p| &p.text).eq(parts.iter().map(|p| &p.text))
        };
        self.kernels.iter().position(same).unwrap_or_else(|| {
            self.kernels.push(KernelSpec { label, parts, equations });
            self.kernels.len() - 1
        })
    }

    fn shared_buffers(&mut self, setup: &Setup, packing: &Packing, target: &dyn Target) {
        let (terms, n) = (setup.problem.terms().len(), packing.places.len());
        let orders: Vec<u32> = setup.orders.iter().flatten().flatten().map(|&i| i as u32).collect();
        let weights = 16 * packing.weights_vectors as u64;
        // an image has whole rows, and is filled with a copy of the whole buffer
        let rows = if target.images() { weights.next_multiple_of(16 << IMAGE_ROW_BITS) } else { weights };
        self.buffer(PACKED, Kind::Storage, rows, Vec::new());
        if target.images() {
            self.buffer("weights", Kind::Image, weights, Vec::new());
        }
        let parts = packing.slab_vectors.div_ceil(target.reducers().0);
        for (name, count) in [
            ("parameters", n),
            ("moments", 2 * n),
            ("rows", terms * n),
            ("control", 4),
            ("ring", RING * Step::record_length(terms)),
            ("coefficients", terms + 3),
            ("gram_parts", parts * setup.numbers_of_rows()),
            ("state", setup.state_length().max(1)),
        ] {
            self.buffer(name, Kind::Storage, 4 * count as u64, Vec::new());
        }
        let drawn = setup.given_points();
        self.words("samples", &setup.measured_samples(&drawn));
        self.words("points", &drawn);
        self.words("settings", &setup.settings().words());
        self.words("places", &packing.places);
        self.words("owners", &packing.owners());
        self.words("regions", &regions(setup.problem));
        self.words("orders", &orders);
        if setup.strategy.probe_period().is_some() {
            self.buffer("traces", Kind::Storage, 4 * terms as u64, Vec::new());
            for (name, words) in [("probing", [0u32; 4]), (PROBE, [1, 0, 0, 0])] {
                self.buffer(name, Kind::Uniform, 16, bytemuck::cast_slice(&words).to_vec());
            }
        }
        if setup.strategy.weighing().is_some() {
            self.buffer("squared_residuals", Kind::Storage, 4 * setup.weighed_samples() as u64, Vec::new());
            self.buffer("parts", Kind::Storage, 4 * spans(setup)[1] as u64, Vec::new());
            self.words("factors", &vec![1.0f32; setup.shares().1]);
        }
    }

    /// What an optimiser keeps, and hands from kernel to kernel; nothing for one without bases.
    fn kept_buffers(&mut self, sides: &Sides, n: usize) {
        if sides.is_empty() {
            return;
        }
        for (name, count) in [
            ("squares", sides.entries),
            ("iterates", sides.entries),
            ("lengths", sides.matrices.len() / 2),
            ("combined", 2 * n),
            ("turned", 2 * n),
            ("directions", n),
            ("half_back", n),
        ] {
            self.buffer(name, Kind::Storage, 4 * count as u64, Vec::new());
        }
        self.words("bases", &sides.identity());
        self.words("cells", &sides.cells);
        self.words("matrices", &sides.matrices);
        self.words("side_of", &sides.side_of);
        self.words("upper_blocks", &sides.upper_blocks);
        self.words("sides", &sides.lines);
    }

    /// The dispatches through the network, group after group.
    fn cut(
        &mut self,
        setup: &Setup,
        plan: &dyn Plan,
        target: &dyn Target,
        program: &Program,
        packing: &Packing,
        offered: &Capabilities,
    ) -> Result<Passes> {
        let groups = groups(setup, target)?;
        let paired = (0..setup.problem.terms().len()).any(|term| setup.problem.partner(term).is_some());
        if paired && target.points() % 2 == 1 {
            let points = target.points();
            return Err(Error::Usage(format!("a tile of {points} points has no room for pairs: make it even")));
        }
        let network = Network { program: program.clone(), shape: &setup.shape, target, packing };
        // slabs lie share after share, so those of a term are neighbours
        let mut slabs = vec![[usize::MAX, 0]; setup.problem.terms().len()];
        let mut slab_count = 0;
        let mut walks = Vec::new();
        for group in &groups {
            let tiles = tiles_per_workgroup(setup, group, &network, plan.keeps(), offered)?;
            let mut firsts = Vec::new();
            for share in &group.shares {
                firsts.push(slab_count);
                slab_count += work::points_of(setup, share).div_ceil(target.points()).div_ceil(tiles);
                let [first, end] = &mut slabs[share.term];
                (*first, *end) = ((*first).min(firsts[firsts.len() - 1]), slab_count);
            }
            walks.push(Walk { tiles, workgroups: slab_count - firsts[0], firsts });
        }
        let vectors = if target.images() { Kind::Image } else { Kind::Storage };
        self.buffer("slabs", vectors, 16 * (slab_count * packing.slab_vectors) as u64, Vec::new());
        let (mut measures, mut dispatches) = (Vec::new(), Vec::new());
        for (group, walk) in groups.iter().zip(&walks) {
            let tiles = if plan.keeps() == Keep::PerTile { walk.tiles } else { 1 };
            let scratch = format!("scratch of the {}", group.name);
            let bytes = bytes_of_tile(&network, group.jet) * (walk.workgroups * tiles) as u64;
            self.buffer(&scratch, vectors, bytes, Vec::new());
            let shares = format!("shares of the {}", group.name);
            let table = share_table(setup, group, &walk.firsts);
            self.buffer(&shares, Kind::Uniform, table.len() as u64, table);
            if let Some((part, walk)) = weighed_part(setup, group, walk) {
                let (piece, work) = plans::measure(&network);
                let cut = Cut { piece: 0, layer: 0, label: piece.kernel.into(), work };
                let cuts = Cuts { pieces: vec![piece], dispatches: vec![cut] };
                measures.extend(self.group(setup, &part, &walk, &network, cuts, [shares.clone(), scratch.clone()]));
            }
            let cuts = plan.cut(&network);
            dispatches.extend(self.group(setup, group, walk, &network, cuts, [shares, scratch]));
        }
        Ok(Passes { measures, both_ways: dispatches, slabs })
    }

    fn group(
        &mut self,
        setup: &Setup,
        group: &Group,
        walk: &Walk,
        network: &Network,
        cuts: Cuts,
        [shares, scratch]: [String; 2],
    ) -> Vec<DispatchSpec> {
        let prelude = group.prelude(setup, network, walk.firsts[0], walk.tiles);
        let kernels: Vec<(usize, &'static str)> = cuts
            .pieces
            .into_iter()
            .map(|piece| {
                let parts = linked(setup, group, network, &prelude, piece.text, piece.kernel);
                (self.kernel(piece.kernel, parts, piece.equations), piece.kernel)
            })
            .collect();
        let weights = if network.target.images() { "weights" } else { PACKED };
        cuts.dispatches
            .into_iter()
            .map(|cut| {
                let (kernel, label) = kernels[cut.piece];
                let named = |variable: &'static str| (variable, variable.to_owned());
                let mut buffers = vec![named("points"), named("samples"), named("slabs")];
                buffers.extend([
                    ("weights", weights.to_owned()),
                    ("shares", shares.clone()),
                    ("scratch", scratch.clone()),
                ]);
                if group.weighed(setup) {
                    buffers.extend([named("squared_residuals"), named("factors")]);
                }
                if setup.strategy.probe_period().is_some() {
                    buffers.extend(["control", "settings", "probing"].map(named));
                }
                if label == "stage" {
                    let stretch = format!("layer {}", cut.layer);
                    if !self.buffers.iter().any(|buffer| buffer.name == stretch) {
                        let words = bytemuck::cast_slice(&[cut.layer as u32, 0, 0, 0]).to_vec();
                        self.buffer(&stretch, Kind::Uniform, 16, words);
                    }
                    buffers.push(("stretch", stretch));
                }
                let flop: f64 = group.shares.iter().map(|share| flop_of(setup, network, share, &cut.work)).sum();
                let label = format!("{} ({})", cut.label, group.name);
                DispatchSpec {
                    kernel,
                    buffers,
                    size: Size::Workgroups(walk.workgroups),
                    label,
                    flop: (flop > 0.0).then_some(flop),
                    every: 1,
                }
            })
            .collect()
    }
}

/// Of a group the shares whose points have weights, if any, and their workgroups: they come first.
fn weighed_part(setup: &Setup, group: &Group, walk: &Walk) -> Option<(Group, Walk)> {
    let count = group.shares.iter().take_while(|share| share.term < setup.weighed_terms()).count();
    let end = walk.firsts.get(count).map_or(walk.workgroups, |first| first - walk.firsts[0]);
    let part = Group { shares: group.shares[..count].to_vec(), residuals: group.residuals.clone(), ..*group };
    let walk = Walk { tiles: walk.tiles, workgroups: end, firsts: walk.firsts[..count].to_vec() };
    (count > 0).then_some((part, walk))
}

fn flop_of(setup: &Setup, network: &Network, share: &Share, done: &[Work]) -> f64 {
    let jet = setup.problem.jet_of(share.term);
    let of_point = done.iter().map(|work| match work {
        Work::Map { map, layer, way } => work::map(setup, &network.program, (*map, *layer), *way, jet),
        Work::Outputs => work::outputs(setup, jet),
    });
    work::points_of(setup, share) as f64 * of_point.sum::<f64>()
}

/// The texts of a kernel that carries the jets of `group` through the network.
fn linked(setup: &Setup, group: &Group, network: &Network, prelude: &Prelude, text: String, kernel: &str) -> Vec<Part> {
    let mut parts = carrying(setup, network, group.jet, prelude.clone());
    parts.push(group.residuals.clone());
    parts.push(residuals::unknowns(setup.shape.unknowns));
    let probed = setup.strategy.probe_period().is_some();
    parts.push(residuals::shares(group.weighed(setup), probed));
    parts.push(shader("factors"));
    if probed {
        parts.extend([shader("rng"), shader("probe")]);
    }
    parts.push(Part::new(format!("network {}", setup.network.name()), text));
    parts.push(shader(&format!("kernels/{kernel}")));
    parts
}

/// The texts that any kernel with feature vectors begins with.
pub(super) fn carrying(setup: &Setup, network: &Network, jet: crate::math::Jet, mut prelude: Prelude) -> Vec<Part> {
    let shape = &setup.shape;
    network.target.constants(shape, jet, &network.parts(), &mut prelude);
    let places = network.declarations(&mut prelude);
    let mut parts = vec![prelude.part(), shader("math"), super::jets::part(jet)];
    parts.extend(network.target.texts(shape, jet, &network.parts()));
    parts.push(shader("tile"));
    parts.extend(network.ops());
    parts.push(places);
    parts
}

/// Bytes of feature vectors that one tile takes.
pub(super) fn bytes_of_tile(network: &Network, jet: crate::math::Jet) -> u64 {
    let jet_bytes = if network.target.images() { 16 * jet.texels() } else { super::gpu::jet_bytes(jet) };
    (jet_bytes * network.vectors() * network.target.stride(network.shape) * network.target.points()) as u64
}

/// How many tiles a workgroup walks over: enough that slabs stay few, not so many that loops pass the driver's limit
/// or that there are fewer workgroups than the machine can use; feature vectors must fit one binding.
fn tiles_per_workgroup(
    setup: &Setup,
    group: &Group,
    network: &Network,
    keep: Keep,
    offered: &Capabilities,
) -> Result<usize> {
    let target = network.target;
    let trips = trips_per_tile(setup, target, &network.program);
    let limit = offered.trip_limit.unwrap_or(usize::MAX);
    if trips > limit {
        return Err(Error::Usage(format!(
            "one tile of {} points takes about {trips} loop trips, this driver ends loops silently after {limit}: take a smaller --width or --depth",
            target.points()
        )));
    }
    let tiles: usize = group.shares.iter().map(|share| work::points_of(setup, share).div_ceil(target.points())).sum();
    let largest = if target.images() { offered.image.unwrap_or(0) } else { offered.binding };
    let room = (largest / bytes_of_tile(network, group.jet)).max(1) as usize;
    if keep == Keep::PerTile && tiles > room {
        return Err(Error::Device(format!(
            "{tiles} tiles of features do not fit this adapter's largest piece of memory, which holds {room}: \
             take --plan fused, which keeps none, fewer points or a narrower network"
        )));
    }
    let by_room = match keep {
        Keep::PerWorkgroup => tiles.div_ceil(room.saturating_sub(group.shares.len()).max(1)),
        Keep::PerTile => 1,
    };
    let by_trips = (limit / trips).max(1);
    Ok(tiles.div_ceil(target.slabs()).min(by_trips).max(by_room).max(1))
}

/// Loop trips of one thread for one tile; loops over rows, blocks and spans of a few dozen are unrolled by every compiler
/// and not counted.
pub fn trips_per_tile(setup: &Setup, target: &dyn Target, program: &Program) -> usize {
    let places = target.points() / target.lanes();
    let outputs = 6 * setup.shape.width * places + target.threads() + 2 * target.points();
    setup.shape.depth * (target.trips(&setup.shape, program) + 8) + outputs
}
