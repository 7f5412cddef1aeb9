// A tile of points on its way through a network: which part of it a thread owns, its inputs, and the linear output layer.
// Knows no derivative rule: a jet is a vector space, and only `inner` looks inside.
//
// A tile holds POINTS = LANES·SPAN points; thread = (lane, group): lanes are points, groups share the
// rows of a matrix. A slot is one vector of STRIDE features for every point of the tile:
// scratch[place][slot][feature][point], a place being a workgroup's or a tile's own. Neighbouring lanes touch neighbouring jets.
//
// provides: POINTS, INPUTS, TILE_SIZE, tiles, enter, at, Partner, load_inputs, row_barrier, Map, summed_tiles, accumulate, outputs, outputs_adjoint,
//           outer_output
// expects:  Jet (jets); feature, weight, slab_vector … (memory); points, ALL_TILES (kernels); LANES, SPAN, GROUPS, STRIDE … (prelude)

const POINTS = LANES * SPAN;
const INPUTS = AXES + 1u;                              // the normalised coordinates and the constant one

var<private> lane: u32;
var<private> group: u32;
var<private> tile_at: u32;                             // where this workgroup's scratch begins
var<private> slab_at: u32;                             // where this workgroup's gradient slab begins
var<private> tiles: u32;                               // how many tiles this workgroup walks over
var<private> fresh: bool;                              // the slab holds nothing yet: write, do not add

const TILE_SIZE = SLOTS * STRIDE * POINTS;             // of its scratch, in features

// Takes up the scratch of number `place`.
fn enter(local: u32, place: u32) {
    lane = local % LANES;
    // written so that a single group is a compile-time zero, and its row loops provably uniform
    group = select(local / LANES, 0u, GROUPS == 1u);
    tile_at = place * TILE_SIZE;
}

fn at(slot: u32, feature: u32, q: u32) -> u32 {
    return tile_at + (slot * STRIDE + feature) * POINTS + q * LANES + lane;
}

// The partner of a point: the same point with its coordinate on `axis` moved to `at`. Even places of a tile then
// hold points and the odd ones behind them their partners. `axis` = AXES: points stand alone, one per place.
struct Partner { axis: u32, at: f32 }

// Jets of the normalised coordinates, and the constant one that biases multiply, for places
// first … first + POINTS of a set. Past its end the last point is repeated; its weight must be zero there.
fn load_inputs(set_at: u32, count: u32, first: u32, partner: Partner) {
    for (var q = 0u; q < SPAN; q++) {
        let place = first + q * LANES + lane;
        let point = set_at + min(select(place, place / 2u, partner.axis < AXES), count - 1u);
        for (var axis = 0u; axis < AXES; axis++) {
            let x = select(points[point * AXES + axis], partner.at, axis == partner.axis && (place & 1u) == 1u);
            keep_feature(at(INPUT_SLOT, axis, q), jet_input(SLOPES[axis] * x + OFFSETS[axis], axis));
        }
        keep_feature(at(INPUT_SLOT, AXES, q), jet_constant(1.0));
    }
}

// Between writing rows and reading them as features. A single group owns all rows of its points, so that
// only weight gradients, which sum over points, have to wait for other threads.
fn row_barrier() { if GROUPS > 1u { feature_barrier(); } }

// A packed matrix on its way to be multiplied with features: those of `parts` neighbouring slots side by side. A
// transpose can have several parts of rows, one after the other.
struct Map {
    packed_at: u32,
    source: u32,         // the first slot of features
    parts: u32,
    inputs: bool,        // the features are the coordinates
    row_parts: u32,
    biased: bool,
}

// How many tiles a weight gradient sums over before it is added to the slab.
fn summed_tiles() -> u32 { return select(1u, tiles, ALL_TILES); }

fn accumulate(i: u32, g: vec4f) { keep_slab(i, select(slab_vector(i) + g, g, fresh)); }

// The linear output layer at one place of the tile: y = W a + b, packed as one vec4 of fields per feature, the bias last.
fn outputs(a_slot: u32, place: u32) -> Fields {
    var y: Fields;
    let b = weight(OUTPUT_AT + WIDTH);
    for (var o = 0u; o < FIELDS; o++) { y[o] = jet_constant(b[o]); }
    for (var k = 0u; k < WIDTH; k++) {
        let w = weight(OUTPUT_AT + k);
        let a = feature(tile_at + (a_slot * STRIDE + k) * POINTS + place);
        for (var o = 0u; o < FIELDS; o++) { y[o] = y[o] + w[o] * a; }
    }
    return y;
}

// Its transpose: ā = Wᵀ ȳ for the features of this thread, with ȳ in OUTPUT_SLOT.
fn outputs_adjoint(a_bar_slot: u32) {
    for (var q = 0u; q < SPAN; q++) {
        for (var k = group; k < WIDTH; k += GROUPS) {
            let w = weight(OUTPUT_AT + k);
            var a_bar = jet_zero();
            for (var o = 0u; o < FIELDS; o++) { a_bar = a_bar + w[o] * feature(at(OUTPUT_SLOT, o, q)); }
            keep_feature(at(a_bar_slot, k, q), a_bar);
        }
    }
}

// And its weight gradient: one vec4 of fields per feature, the bias last. Features over all threads.
fn outer_output(local: u32, a_slot: u32) {
    for (var k = local; k <= WIDTH; k += LANES * GROUPS) {
        let is_bias = k == WIDTH;
        let a_at = tile_at + (select(a_slot, INPUT_SLOT, is_bias) * STRIDE + select(k, AXES, is_bias)) * POINTS;
        var sum = vec4f();
        for (var p = 0u; p < POINTS; p++) {
            let a = feature(a_at + p);
            for (var o = 0u; o < FIELDS; o++) {
                sum[o] += inner(feature(tile_at + (OUTPUT_SLOT * STRIDE + o) * POINTS + p), a);
            }
        }
        accumulate(slab_at + SLAB_OUTPUT_AT + k, sum);
    }
}
