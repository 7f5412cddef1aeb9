// Target `raster`: a workgroup is one subgroup, which software rendering runs in step; a barrier of the workgroup would put
// it aside and take it up again, and keep nothing in registers (benches/LOG.md).
//
// provides: walked, enter, lane, group, fresh, slab_at, tile_at, at, barrier, thread_barrier
// expects:  POINTS, STRIDE, VECTORS (prelude)

const group = 0u;                                      // one group does all rows
var<private> lane: u32;
var<private> tile_at: u32;                             // where the tile's feature vectors begin
var<private> slab_at: u32;                             // where this workgroup's gradient slab begins
var<private> fresh: bool;                              // the slab holds nothing yet: write, do not add

fn walked(index: u32) -> u32 { return index; }

// Takes up the feature vectors of number `place`.
fn enter(local: u32, place: u32) {
    lane = local;
    tile_at = place * (VECTORS * STRIDE * POINTS);
}

fn at(vector: u32, row: u32, place: u32) -> u32 { return tile_at + (vector * STRIDE + row) * POINTS + place; }

fn barrier() { subgroupBarrier(); }
fn thread_barrier() { subgroupBarrier(); }
