// A tile of points on its way through a network: which part of it a thread owns, products of packed
// matrices with jets, and outer products for the weight gradients. Knows no derivative rule: a jet is a
// vector space, and only `inner` looks inside.
//
// A tile holds POINTS = LANES·SPAN points; thread = (lane, group): lanes are points, groups share the
// rows of a matrix. A slot is one vector of STRIDE features for every point of the tile:
// scratch[workgroup][slot][feature][point]. Neighbouring lanes touch neighbouring jets.
//
// provides: enter, at, Partner, load_inputs, row_barrier, product, store, outputs and their transposes outer, outer_input,
//           outer_output, outputs_adjoint; Rows
// expects:  Jet (jets); feature, weight, slab_vector … (memory); points (kernels); LANES, SPAN, GROUPS, ROWS, STRIDE, BLOCK …
//           (prelude)

const POINTS = LANES * SPAN;
const ROW_VECTORS = (ROWS + 3u) / 4u;
const ROW_BLOCKS = (WIDTH + ROWS - 1u) / ROWS;
const BLOCKS = (WIDTH + BLOCK - 1u) / BLOCK;
const BLOCK_VECTORS = (BLOCK * BLOCK + 3u) / 4u;
const INPUTS = AXES + 1u;                              // the normalised coordinates and the constant one
const INPUT_VECTORS = (BLOCK * INPUTS + 3u) / 4u;

alias Rows = array<Jet, ROWS * SPAN>;                  // [row][point of this thread]

var<private> lane: u32;
var<private> group: u32;
var<private> tile_at: u32;                             // where this workgroup's scratch begins
var<private> slab_at: u32;                             // where this workgroup's gradient slab begins
var<private> fresh: bool;                              // the slab holds nothing yet: write, do not add

fn enter(local: u32, workgroup: u32) {
    lane = local % LANES;
    // written so that a single group is a compile-time zero, and its row loops provably uniform
    group = select(local / LANES, 0u, GROUPS == 1u);
    tile_at = workgroup * SLOTS * STRIDE * POINTS;
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

// Rows of one block of a packed matrix times the features of `parts` neighbouring slots. Packed as
// [bias?][part][feature], ROW_VECTORS vec4 each, so one load feeds 4·SPAN multiply–adds of whole jets.
fn product(packed_at: u32, biased: bool, slot: u32, parts: u32, features: u32) -> Rows {
    var sum = Rows();
    var w_at = packed_at;
    if biased {
        for (var v = 0u; v < ROW_VECTORS; v++) {
            let w = weight(w_at + v);
            for (var c = 0u; c < 4u; c++) {
                if 4u * v + c < ROWS {
                    for (var q = 0u; q < SPAN; q++) { sum[(4u * v + c) * SPAN + q] = jet_constant(w[c]); }
                }
            }
        }
        w_at += ROW_VECTORS;
    }
    for (var part = 0u; part < parts; part++) {
        var x_at = at(slot + part, 0u, 0u);
        for (var k = 0u; k < features; k++) {
            var x: array<Jet, SPAN>;
            for (var q = 0u; q < SPAN; q++) { x[q] = feature(x_at + q * LANES); }
            for (var v = 0u; v < ROW_VECTORS; v++) {
                let w = weight(w_at + v);
                for (var c = 0u; c < 4u; c++) {
                    if 4u * v + c < ROWS {
                        for (var q = 0u; q < SPAN; q++) {
                            let i = (4u * v + c) * SPAN + q;
                            sum[i] = sum[i] + w[c] * x[q];
                        }
                    }
                }
            }
            x_at += POINTS;
            w_at += ROW_VECTORS;
        }
    }
    return sum;
}

fn store(slot: u32, block: u32, rows: Rows) {
    for (var r = 0u; r < ROWS; r++) {
        for (var q = 0u; q < SPAN; q++) { keep_feature(at(slot, block * ROWS + r, q), rows[r * SPAN + q]); }
    }
}

fn accumulate(i: u32, g: vec4f) { keep_slab(i, select(slab_vector(i) + g, g, fresh)); }

// BLOCK×BLOCK entries of a weight gradient: Σ over points and streams of z̄ᵢ aⱼ. Rows and columns past
// the width are computed from whatever lies there and never read back.
fn outer(z_slot: u32, row: u32, a_slot: u32, column: u32, block_at: u32) {
    let z_at = tile_at + (z_slot * STRIDE + row) * POINTS;
    let a_at = tile_at + (a_slot * STRIDE + column) * POINTS;
    var sum: array<f32, BLOCK_VECTORS * 4u>;
    for (var p = 0u; p < POINTS; p++) {
        var z: array<Jet, BLOCK>;
        for (var r = 0u; r < BLOCK; r++) { z[r] = feature(z_at + r * POINTS + p); }
        for (var c = 0u; c < BLOCK; c++) {
            let a = feature(a_at + c * POINTS + p);
            for (var r = 0u; r < BLOCK; r++) { sum[r * BLOCK + c] += inner(z[r], a); }
        }
    }
    for (var v = 0u; v < BLOCK_VECTORS; v++) {
        accumulate(block_at + v, vec4f(sum[4u * v], sum[4u * v + 1u], sum[4u * v + 2u], sum[4u * v + 3u]));
    }
}

// The same against the inputs: BLOCK rows × (coordinates, one). The column of the constant one is the bias.
fn outer_input(z_slot: u32, row: u32, block_at: u32) {
    let z_at = tile_at + (z_slot * STRIDE + row) * POINTS;
    let a_at = tile_at + INPUT_SLOT * STRIDE * POINTS;
    var sum: array<f32, INPUT_VECTORS * 4u>;
    for (var p = 0u; p < POINTS; p++) {
        for (var c = 0u; c < INPUTS; c++) {
            let a = feature(a_at + c * POINTS + p);
            for (var r = 0u; r < BLOCK; r++) {
                sum[r * INPUTS + c] += inner(feature(z_at + r * POINTS + p), a);
            }
        }
    }
    for (var v = 0u; v < INPUT_VECTORS; v++) {
        accumulate(block_at + v, vec4f(sum[4u * v], sum[4u * v + 1u], sum[4u * v + 2u], sum[4u * v + 3u]));
    }
}

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
