// Products of packed matrices with jets and their transposes, by subgroup broadcasts: lanes load different weights, and
// each goes to all of them out of registers. For software rendering, where a load costs as much as ten multiply–adds and
// a broadcast next to nothing (benches/LOG.md). The lanes are one subgroup; one group owns all rows.
//
// Compilers keep an array in registers if all its indices are constants, and stop unrolling loops early. So a line with
// $r, or a block that begins with `// each $r`, is repeated before the text is compiled: for $r below STRIP, $v below
// STRIP / 4, $c below STRIP_COLUMNS, $z below STRIP_LOADS, $q below SPAN, $a below AXES, $i below INPUT_ROW_VECTORS, $t below
// TEXELS.
//
// provides: product, OWN_ROWS, ROWS_END, own_row, first_unit, UNIT_STEP, outer, SQUARE_UNITS, SQUARE_VECTORS, outer_input,
//           INPUT_UNITS, INPUT_VECTORS
// expects:  tile; product_narrow, product_wide (products/chunks); Errand, arrive (networks); STRIP, MOST_COLUMN_VECTORS,
//           MOST_ROW_VECTORS (prelude)

const INPUT_ROW_VECTORS = (INPUTS + 3u) / 4u;          // a row of a map that reads coordinates, its bias first

const OWN_ROWS = WIDTH;
const ROWS_END = WIDTH;
fn own_row(i: u32) -> u32 { return i; }

// All rows of a map; each jet goes where `arrive` takes it.
fn product(map: Map, errand: Errand) {
    if map.inputs {
        product_input(map, errand);
    } else if map.parts > 1u {
        product_wide(map, errand);
    } else {
        product_narrow(map, errand);
    }
}

fn product_input(map: Map, errand: Errand) {
    {                                                  // each $q
        let x = array<Jet, AXES>(
            feature(at(INPUT_SLOT, $au, $qu)),
        );
        for (var row = 0u; row < WIDTH; row++) {
            let w = array<vec4f, INPUT_ROW_VECTORS>(
                weight(map.packed_at + row * INPUT_ROW_VECTORS + $iu),
            );
            var sum = jet_constant(w[0][0]);
            sum = sum + w[($au + 1u) / 4u][($au + 1u) % 4u] * x[$a];
            arrive(errand, 0u, row, $qu, sum);
        }
    }
}

// Units of a weight gradient: the lanes work on each together.
const UNIT_STEP = 1u;
fn first_unit(local: u32) -> u32 { return 0u; }

const VECTORS = (WIDTH + LANES - 1u) / LANES;          // of LANES rows or columns
const COLUMN_BLOCKS = (VECTORS + MOST_COLUMN_VECTORS - 1u) / MOST_COLUMN_VECTORS;
const STRIP_COLUMNS = (VECTORS + COLUMN_BLOCKS - 1u) / COLUMN_BLOCKS;   // in vectors
const STRIPS = (WIDTH + STRIP - 1u) / STRIP;
const STRIP_LOADS = (STRIP + LANES - 1u) / LANES;
const STRIP_VECTORS = (STRIP + 3u) / 4u;
const SQUARE_UNITS = STRIPS * COLUMN_BLOCKS;
const SQUARE_VECTORS = STRIP_VECTORS * STRIP_COLUMNS * LANES;

// STRIP rows of a weight gradient, one lane per column: Σ over points and streams of z̄ᵢ aⱼ. Columns past the width are
// computed from whatever lies there and never read back.
fn outer(z_slot: u32, a_slot: u32, unit: u32, slab: u32) {
    let row = unit / COLUMN_BLOCKS * STRIP;
    let column = unit % COLUMN_BLOCKS * STRIP_COLUMNS * LANES;
    var z_at = tile_at + (z_slot * STRIDE + row + lane) * POINTS;
    var a_at = tile_at + (a_slot * STRIDE + column + lane) * POINTS;
    var sum: array<vec4f, STRIP_VECTORS * STRIP_COLUMNS>;
    for (var t = 0u; t < summed_tiles(); t++) {
        for (var p = 0u; p < POINTS; p++) {
            let z = array<Jet, STRIP_LOADS>(
                feature(z_at + $zu * LANES * POINTS + p),
            );
            let a$c = feature(a_at + $cu * LANES * POINTS + p);
            {                                              // each $r
                let b = from_texels(array<vec4f, TEXELS>(
                    subgroupBroadcast(texel(z[$r / LANES], $tu), $ru % LANES),
                ));
                sum[$r / 4u * STRIP_COLUMNS + $cu][$r % 4u] += inner(b, a$c);
            }
        }
        z_at += TILE_SIZE;
        a_at += TILE_SIZE;
    }
    {                                                  // each $v
        accumulate(slab + ($vu * STRIP_COLUMNS + $cu) * LANES + lane, sum[$vu * STRIP_COLUMNS + $cu]);
    }
}

// The same against the inputs, one lane per row. The column of the constant one is the bias.
const INPUT_UNITS = (VECTORS + MOST_ROW_VECTORS - 1u) / MOST_ROW_VECTORS;
const INPUT_ROWS = (VECTORS + INPUT_UNITS - 1u) / INPUT_UNITS;          // in vectors
const INPUT_ROW_SUMS = (INPUTS + 3u) / 4u;
const INPUT_VECTORS = INPUT_ROWS * INPUT_ROW_SUMS * LANES;

fn outer_input(z_slot: u32, unit: u32, slab: u32) {
    var z_at = tile_at + (z_slot * STRIDE + unit * INPUT_ROWS * LANES + lane) * POINTS;
    var a_at = tile_at + INPUT_SLOT * STRIDE * POINTS;
    var sum: array<vec4f, INPUT_ROWS * INPUT_ROW_SUMS>;
    for (var t = 0u; t < summed_tiles(); t++) {
        for (var p = 0u; p < POINTS; p++) {
            let a$a = feature(a_at + $au * POINTS + p);
            let one = jet_constant(1.0);
            for (var r = 0u; r < INPUT_ROWS; r++) {
                let z = feature(z_at + r * LANES * POINTS + p);
                sum[r * INPUT_ROW_SUMS + $au / 4u][$au % 4u] += inner(z, a$a);
                sum[r * INPUT_ROW_SUMS + AXES / 4u][AXES % 4u] += inner(z, one);
            }
        }
        z_at += TILE_SIZE;
        a_at += TILE_SIZE;
    }
    for (var v = 0u; v < INPUT_ROWS * INPUT_ROW_SUMS; v++) { accumulate(slab + v * LANES + lane, sum[v]); }
}
