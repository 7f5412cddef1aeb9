// Products of packed matrices with jets and their transposes, by register blocks: a thread computes ROWS rows for SPAN
// points at once, groups of threads share the blocks of rows, and a block of a weight gradient has a thread of its own.
// Any adapter can do this.
//
// provides: product, OWN_ROWS, ROWS_END, own_row, first_unit, UNIT_STEP, outer, SQUARE_UNITS, SQUARE_VECTORS, outer_input,
//           INPUT_UNITS, INPUT_VECTORS
// expects:  tile; Errand, arrive (networks); ROWS, BLOCK (prelude)

const ROW_VECTORS = (ROWS + 3u) / 4u;
const ROW_BLOCKS = (WIDTH + ROWS - 1u) / ROWS;
const BLOCKS = (WIDTH + BLOCK - 1u) / BLOCK;

alias Rows = array<Jet, ROWS * SPAN>;                  // [row][point of this thread]

// The rows of which a thread has computed the jets, as `own_row(0 … OWN_ROWS)`; those from ROWS_END on do not exist.
const OWN_ROWS = (ROW_BLOCKS + GROUPS - 1u) / GROUPS * ROWS;
const ROWS_END = ROW_BLOCKS * ROWS;
fn own_row(i: u32) -> u32 { return (group + i / ROWS * GROUPS) * ROWS + i % ROWS; }

// All rows of a map; each jet goes where `arrive` takes it. Packed as [part of rows][block][bias?][part][feature],
// ROW_VECTORS vec4 each, so one load feeds 4·SPAN multiply–adds of whole jets.
fn product(map: Map, errand: Errand) {
    let columns = map.parts * feature_count(map);
    for (var part = 0u; part < map.row_parts; part++) {
        for (var b = group; b < ROW_BLOCKS; b += GROUPS) {
            let packed_at = map.packed_at + (part * ROW_BLOCKS + b) * (u32(map.biased) + columns) * ROW_VECTORS;
            let rows = block_of_rows(packed_at, map);
            for (var r = 0u; r < ROWS; r++) {
                for (var q = 0u; q < SPAN; q++) { arrive(errand, part, b * ROWS + r, q, rows[r * SPAN + q]); }
            }
        }
    }
}

fn feature_count(map: Map) -> u32 { return select(WIDTH, AXES, map.inputs); }

fn block_of_rows(packed_at: u32, map: Map) -> Rows {
    var sum = Rows();
    var w_at = packed_at;
    if map.biased {
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
    for (var part = 0u; part < map.parts; part++) {
        var x_at = at(map.source + part, 0u, 0u);
        for (var k = 0u; k < feature_count(map); k++) {
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

// Units of a weight gradient: a thread takes the one of its own number, then every UNIT_STEPth.
const UNIT_STEP = LANES * GROUPS;
fn first_unit(local: u32) -> u32 { return local; }

const SQUARE_UNITS = BLOCKS * BLOCKS;
const SQUARE_VECTORS = (BLOCK * BLOCK + 3u) / 4u;
const INPUT_UNITS = BLOCKS;
const INPUT_VECTORS = (BLOCK * INPUTS + 3u) / 4u;

// BLOCK×BLOCK entries of a weight gradient: Σ over points and streams of z̄ᵢ aⱼ. Rows and columns past
// the width are computed from whatever lies there and never read back.
fn outer(z_slot: u32, a_slot: u32, unit: u32, slab: u32) {
    var z_at = tile_at + (z_slot * STRIDE + unit / BLOCKS * BLOCK) * POINTS;
    var a_at = tile_at + (a_slot * STRIDE + unit % BLOCKS * BLOCK) * POINTS;
    var sum: array<f32, SQUARE_VECTORS * 4u>;
    for (var t = 0u; t < summed_tiles(); t++) {
        for (var p = 0u; p < POINTS; p++) {
            var z: array<Jet, BLOCK>;
            for (var r = 0u; r < BLOCK; r++) { z[r] = feature(z_at + r * POINTS + p); }
            for (var c = 0u; c < BLOCK; c++) {
                let a = feature(a_at + c * POINTS + p);
                for (var r = 0u; r < BLOCK; r++) { sum[r * BLOCK + c] += inner(z[r], a); }
            }
        }
        z_at += TILE_SIZE;
        a_at += TILE_SIZE;
    }
    for (var v = 0u; v < SQUARE_VECTORS; v++) {
        accumulate(slab + v, vec4f(sum[4u * v], sum[4u * v + 1u], sum[4u * v + 2u], sum[4u * v + 3u]));
    }
}

// The same against the inputs: BLOCK rows × (coordinates, one). The column of the constant one is the bias.
fn outer_input(z_slot: u32, unit: u32, slab: u32) {
    var z_at = tile_at + (z_slot * STRIDE + unit * BLOCK) * POINTS;
    var a_at = tile_at + INPUT_SLOT * STRIDE * POINTS;
    var sum: array<f32, INPUT_VECTORS * 4u>;
    for (var t = 0u; t < summed_tiles(); t++) {
        for (var p = 0u; p < POINTS; p++) {
            for (var c = 0u; c < INPUTS; c++) {
                let a = feature(a_at + c * POINTS + p);
                for (var r = 0u; r < BLOCK; r++) {
                    sum[r * INPUTS + c] += inner(feature(z_at + r * POINTS + p), a);
                }
            }
        }
        z_at += TILE_SIZE;
        a_at += TILE_SIZE;
    }
    for (var v = 0u; v < INPUT_VECTORS; v++) {
        accumulate(slab + v, vec4f(sum[4u * v], sum[4u * v + 1u], sum[4u * v + 2u], sum[4u * v + 3u]));
    }
}
