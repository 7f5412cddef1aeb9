//! What every plan that cuts the way from points to slabs shares: terms in groups that travel with one jet, workgroups with
//! their tiles, slabs and scratch, and the texts that a kernel of a group is linked from.

use crate::error::{Error, Result};
use crate::gpu::{Dispatch, Gpu, IMAGE_ROW_BITS, Part, Vectors};
use crate::math::Jet;
use crate::networks::wiring::Wiring;

use super::group::{Group, GroupKernels, SHARE_SLOTS, condition_constants, groups, share_table};
use super::packing::Packing;
use super::prelude::{Prelude, plugin, shader};
use super::products::Products;
use super::step::{Gradients, Inputs, Setup, common_prelude};
use super::tile::{Tile, trip_limit};
use super::work::points_of;

/// How long the features of a tile are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scratch {
    /// Until the workgroup turns to its next tile.
    PerWorkgroup,
    /// Until the end of the step, so that other dispatches can go on with them.
    PerTile,
}

/// Builds the dispatches from points to slabs, group after group, as `dispatches` says for one. Groups compile side by
/// side: in software that takes most of the time before the first step.
pub(super) fn cut(
    gpu: &Gpu,
    setup: &Setup,
    packing: &Packing,
    tile: &Tile,
    inputs: &Inputs,
    keep: Scratch,
    dispatches_of: &(dyn Fn(&GroupKernels) -> Result<Vec<Dispatch>> + Sync),
) -> Result<Gradients> {
    let groups = groups(setup);
    let paired = (0..setup.problem.terms().len()).any(|term| setup.problem.partner(term).is_some());
    if paired && tile.points() % 2 == 1 {
        let points = tile.points();
        return Err(Error::Usage(format!("a tile of {points} points has no room for pairs: make it even")));
    }
    let wiring = tile.wiring(setup.network, &setup.shape);
    // slabs lie share after share, so those of a term are neighbours
    let mut slab_first = vec![0; setup.problem.terms().len() + 1];
    let mut slab_count = 0;
    let mut walks = Vec::new();
    for group in &groups {
        let tiles = tiles_per_workgroup(gpu, setup, group, tile, &wiring, keep)?;
        let mut firsts = Vec::new();
        for share in &group.shares {
            firsts.push(slab_count);
            slab_count += points_of(setup, share).div_ceil(tile.points()).div_ceil(tiles);
            slab_first[share.term + 1] = slab_count;
        }
        walks.push(Walk { tiles, workgroups: slab_count - firsts[0], firsts });
    }
    let slabs = gpu.vectors("slabs", (slab_count * packing.slab_vectors) as u64, tile.images)?;
    let build = &|(group, walk): (&Group, &Walk)| -> Result<Vec<Dispatch>> {
        let pieces = if keep == Scratch::PerTile { walk.workgroups * walk.tiles } else { walk.workgroups };
        let scratch = scratch(gpu, setup, group.jet, tile, &wiring, pieces)?;
        let shares = share_table(gpu, setup, group, &walk.firsts)?;
        dispatches_of(&GroupKernels {
            gpu,
            setup,
            wiring: &wiring,
            group,
            prelude: group_prelude(setup, packing, tile, group, walk),
            parts: [
                tile_parts(setup, group.jet, tile),
                vec![shader("passes"), group.residual.clone(), shader("shares")],
            ]
            .concat(),
            buffers: vec![
                ("shares", &shares),
                ("points", inputs.points),
                ("samples", inputs.samples),
                ("weights", inputs.weights),
                ("scratch", &scratch),
                ("slabs", &slabs),
            ],
            workgroups: walk.workgroups,
        })
    };
    let built: Vec<_> = std::thread::scope(|scope| {
        let start = |pair| scope.spawn(move || build(pair));
        let threads: Vec<_> = groups.iter().zip(&walks).map(start).collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    });
    let mut dispatches = Vec::new();
    for group in built {
        dispatches.extend(group.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
    }
    Ok(Gradients { dispatches, slabs, slab_first })
}

/// How a group's workgroups walk over its tiles.
struct Walk {
    /// Tiles of each workgroup.
    tiles: usize,
    workgroups: usize,
    /// The workgroup that begins each share, counted over all groups.
    firsts: Vec<usize>,
}

fn group_prelude(setup: &Setup, packing: &Packing, tile: &Tile, group: &Group, walk: &Walk) -> Prelude {
    let mut prelude = network_prelude(setup, packing, tile);
    prelude.u32("SHARE_SLOTS", SHARE_SLOTS).u32("KERNEL_SHARES", group.shares.len());
    prelude.u32("FIRST_WORKGROUP", walk.firsts[0]).u32("TILES", walk.tiles);
    prelude.bool("PAIRED", group.shares.iter().any(|share| setup.problem.partner(share.term).is_some()));
    condition_constants(setup, &mut prelude);
    prelude
}

/// Constants that `tile.wgsl` and the networks expect.
pub(super) fn network_prelude(setup: &Setup, packing: &Packing, tile: &Tile) -> Prelude {
    let wiring = tile.wiring(setup.network, &setup.shape);
    let mut p = common_prelude(setup);
    p.u32("WIDTH", setup.shape.width).u32("DEPTH", setup.shape.depth);
    p.u32("LANES", tile.lanes).u32("SPAN", tile.span).u32("GROUPS", tile.groups).u32("THREADS", tile.threads());
    products(setup, tile).constants(&mut p);
    p.bool("AT_ONCE", tile.at_once).bool("KEPT", tile.kept).bool("SPLIT_K", tile.split_k);
    p.bool("COLLAPSED", tile.collapsed).u32s("MAPS_AT", &packing.maps[0]).u32s("TRANSPOSES_AT", &packing.maps[1]);
    p.u32("FORWARD_STAGES", wiring.stages[0]).u32("BACKWARD_STAGES", wiring.stages[1]);
    p.u32("IMAGE_ROW_BITS", IMAGE_ROW_BITS as usize);
    p.u32("STRIDE", stride(setup, tile)).u32("SLOTS", tile.slots(&wiring, setup.shape.depth));
    for (name, value) in &packing.constants {
        p.u32(name, *value);
    }
    p
}

/// Features that a slot has room for: whole row blocks, whole gradient blocks, the inputs and the fields.
fn stride(setup: &Setup, tile: &Tile) -> usize {
    let features = [products(setup, tile).stride(), setup.shape.inputs + 1];
    features.into_iter().fold(setup.shape.outputs, usize::max)
}

/// The texts that carry jets of a tile through the network.
pub(super) fn tile_parts(setup: &Setup, jet: Jet, tile: &Tile) -> Vec<Part> {
    let mut parts = vec![shader("math"), shader(&format!("jets/{}", jet.name())), tile.memory(jet), tile.barriers()];
    parts.extend([shader("activations"), shader("tile")]);
    parts.extend(products(setup, tile).parts(jet));
    parts.push(plugin("networks", setup.network.name(), setup.network.shader()));
    parts
}

/// How the kernels for `tile` multiply.
pub(super) fn products(setup: &Setup, tile: &Tile) -> Products {
    Products::new(&setup.shape, &tile.wiring(setup.network, &setup.shape), tile)
}

/// Scratch for `workgroups`.
pub(super) fn scratch(
    gpu: &Gpu,
    setup: &Setup,
    jet: Jet,
    tile: &Tile,
    wiring: &Wiring,
    workgroups: usize,
) -> Result<Vectors> {
    let bytes = scratch_bytes(setup, jet, tile, wiring) * workgroups as u64;
    gpu.vectors("scratch", bytes.div_ceil(16), tile.images)
}

/// Bytes of scratch that one workgroup takes.
pub(super) fn scratch_bytes(setup: &Setup, jet: Jet, tile: &Tile, wiring: &Wiring) -> u64 {
    let jet_bytes = match jet {
        Jet::Value if tile.images => 16, // a texel of its own
        Jet::Value => 4,
        Jet::Gradient | Jet::Second => 16, // a vec3f takes the room of a vec4f
        Jet::Second5d | Jet::Third => 32,
    };
    (jet_bytes * tile.slots(wiring, setup.shape.depth) * stride(setup, tile) * tile.points()) as u64
}

/// How many tiles a workgroup walks over: enough that slabs stay few, not so many that loops pass the [`trip_limit`]
/// or that there are fewer workgroups than the machine can use; scratch must fit one binding.
fn tiles_per_workgroup(
    gpu: &Gpu,
    setup: &Setup,
    group: &Group,
    tile: &Tile,
    wiring: &Wiring,
    keep: Scratch,
) -> Result<usize> {
    let trips = trips_per_tile(setup, tile, wiring);
    if gpu.is_software() && trips > trip_limit(gpu) {
        return Err(Error::Usage(format!(
            "one tile of {} points takes about {trips} loop trips, software rendering runs {} safely; try a smaller --width or --depth",
            tile.points(),
            trip_limit(gpu)
        )));
    }
    let tiles: usize = group.shares.iter().map(|share| points_of(setup, share).div_ceil(tile.points())).sum();
    let largest = if tile.images { gpu.max_image() } else { gpu.max_binding() };
    let room = (largest / scratch_bytes(setup, group.jet, tile, wiring)).max(1) as usize;
    if keep == Scratch::PerTile && tiles > room {
        return Err(Error::Device(format!(
            "{tiles} tiles of features do not fit this adapter's largest piece of memory, which holds {room}: \
             take --plan fused, which keeps none without `split_k`, fewer points or a narrower network"
        )));
    }
    let by_room = match keep {
        Scratch::PerWorkgroup => tiles.div_ceil(room.saturating_sub(group.shares.len()).max(1)),
        Scratch::PerTile => 1,
    };
    let by_trips = (trip_limit(gpu) / trips).max(1);
    Ok(tiles.div_ceil(tile.slabs).min(by_trips).max(by_room).max(1))
}

/// Loop trips of one thread for one tile, counted from the loops of `tile.wgsl` and the networks; loops over
/// rows, blocks and spans of a few dozen are unrolled by every compiler and not counted.
pub(super) fn trips_per_tile(setup: &Setup, tile: &Tile, wiring: &Wiring) -> usize {
    let products = products(setup, tile);
    let (forward, backward) = wiring.stages.into();
    let elementwise = setup.shape.width.div_ceil(tile.groups) * tile.span;
    let layer = 8 * elementwise + products.trips(&wiring.maps);
    let outputs = 4 * setup.shape.width * tile.span + tile.threads();
    let recomputed = if tile.kept { 0 } else { layer / 2 };
    setup.shape.depth * (layer + recomputed + forward + backward) + outputs
}

/// The tile that [`Tile::for_adapter`] proposes, [`within_trips`].
pub fn default_tile(gpu: &Gpu, setup: &Setup) -> Tile {
    within_trips(gpu, setup, Tile::for_adapter(gpu, setup.shape.width, setup.problem.jet().streams()))
}

/// `tile` with fewer points and more groups until one tile's loops stay below the [`trip_limit`].
pub fn within_trips(gpu: &Gpu, setup: &Setup, mut tile: Tile) -> Tile {
    let most = gpu.max_threads() as usize;
    let wiring = tile.wiring(setup.network, &setup.shape);
    while trips_per_tile(setup, &tile, &wiring) > trip_limit(gpu) {
        if tile.span > 1 {
            tile.span /= 2;
        } else if !tile.in_step && 2 * tile.threads() <= most.min(128) {
            tile.groups *= 2;
        } else {
            break;
        }
    }
    tile
}
