// Target `gpu`: threads, feature vectors and barriers. A workgroup is LANES × GROUPS threads: lanes are the points of a tile, and
// a group owns blocks of ROWS rows of every feature vector. These lie in a storage buffer, points side by side, so that the
// lanes of a group touch neighbouring jets. Packed weights and gradient slabs lie in buffers, too.
//
// Two rows, and the weights of two columns, are one element: what lies inside an element is reached by a constant offset, for
// which no compiler needs an instruction. (An index `i + 1u` may wrap around, so it is worked out anew for every load.)
//
// provides: WALK, walked, enter, lane, group, fresh, slab_at, pair_of, load, keep, weights, weight, slab_vector, keep_slab,
//           barrier, thread_barrier
// expects:  Jet (jets); LANES, THREADS, POINTS, PART, STRIDE, VECTORS, PAIR_VECTORS (prelude)

// Points lie in parts of PART, because weight gradients go through them part by part.
alias RowPair = array<array<array<Jet, PART>, POINTS / PART>, 2>;
alias WeightPair = array<vec4f, PAIR_VECTORS>;         // a block's weights of two columns, the first column's first

@group(0) @binding(10) var<storage, read> weights: array<WeightPair>;       // packed parameters
@group(0) @binding(11) var<storage, read_write> scratch: array<RowPair>;    // [workgroup or tile][vector][pair of rows]
@group(0) @binding(12) var<storage, read_write> slabs: array<vec4f>;        // [workgroup][SLAB_VECTORS]

var<private> lane: u32;
var<private> group: u32;
var<private> tile_at: u32;                             // where the tile's feature vectors begin
var<private> slab_at: u32;                             // where this workgroup's gradient slab begins
var<private> fresh: bool;                              // the slab holds nothing yet: write, do not add

// Thread number `index` does the work of this number: its own, unless a test walks over the subgroups backwards (1) or swaps
// neighbours (2). The bits must stay the same; where a barrier is missing they do not.
const WALK = 0u;
const WALK_SIZE = THREADS;                             // threads of a subgroup
fn walked(index: u32) -> u32 {
    let count = THREADS / WALK_SIZE;
    let own = index / WALK_SIZE;
    var subgroup = own;
    if WALK == 1u { subgroup = count - 1u - own; }
    if WALK == 2u && (own ^ 1u) < count { subgroup = own ^ 1u; }
    return subgroup * WALK_SIZE + index % WALK_SIZE;
}

// A workgroup takes up its own feature vectors, or those of one of its tiles.
fn enter(local: u32, owner: u32) {
    lane = local % LANES;
    group = local / LANES;
    tile_at = owner * (VECTORS * STRIDE / 2u);
}

fn pair_of(vector: u32, row: u32) -> u32 { return tile_at + (vector * STRIDE + row) / 2u; }
fn load(vector: u32, row: u32, place: u32) -> Jet {
    return scratch[pair_of(vector, row)][row % 2u][place / PART][place % PART];
}
fn keep(vector: u32, row: u32, place: u32, u: Jet) {
    scratch[pair_of(vector, row)][row % 2u][place / PART][place % PART] = u;
}

fn weight(i: u32) -> vec4f { return weights[i / PAIR_VECTORS][i % PAIR_VECTORS]; }
fn slab_vector(i: u32) -> vec4f { return slabs[i]; }
fn keep_slab(i: u32, g: vec4f) { slabs[i] = g; }

fn barrier() { storageBarrier(); }                     // feature vectors: all have written what others read next
fn thread_barrier() { workgroupBarrier(); }            // workgroup memory
