// The rows of a map, a chunk of columns at a time: features in registers, weights from the lane that loaded them. There as
// `narrow` for maps of one feature vector and as `wide` for those of several.
//
// $s stands for that word. A line with $k, or a block that begins with `// each $k`, is repeated before the text is compiled:
// for $k below COLUMNS, $q below SPAN, $l below LOADS. Loops would do, but take a driver minutes to unroll.
//
// provides: product_$s
// expects:  tile; Errand, arrive, SUMS (networks); COLUMNS_$s, PARTS_$s (prelude)

const CHUNKS_$s = (PARTS_$s * WIDTH + COLUMNS_$s - 1u) / COLUMNS_$s;    // of columns that lie in registers at a time
const ROW_VECTORS_$s = (1u + COLUMNS_$s + 3u) / 4u;    // a row of a chunk, its bias first
const LOADS_$s = (ROW_VECTORS_$s + LANES - 1u) / LANES;

// Where the features of a column begin. Columns past the last have no weight; whatever they hold must be finite.
fn column_$s(source: u32, chunk: u32, k: u32) -> u32 {
    let column = min(chunk * COLUMNS_$s + k, PARTS_$s * WIDTH - 1u);
    return at(source + column / WIDTH, column % WIDTH, 0u);
}

// All rows of a map whose columns are features. Packed as [part of rows][chunk of columns][row], ROW_VECTORS vec4 each, the
// bias first. Sums over more than one chunk wait in SUMS.
fn product_$s(map: Map, errand: Errand) {
    for (var part = 0u; part < map.row_parts; part++) {
        for (var chunk = 0u; chunk < CHUNKS_$s; chunk++) {
            let chunk_at = map.packed_at + (part * CHUNKS_$s + chunk) * WIDTH * ROW_VECTORS_$s;
            let x$k_$q = feature(column_$s(map.source, chunk, $ku) + $qu * LANES);
            for (var row = 0u; row < WIDTH; row++) {
                let w = array<vec4f, LOADS_$s>(
                    weight(chunk_at + row * ROW_VECTORS_$s + $lu * LANES + lane),
                );
                let bias = subgroupBroadcast(w[0][0], 0u);
                var sum$q = jet_constant(bias);
                if CHUNKS_$s > 1u && chunk > 0u {
                    sum$q = feature(at(SUMS, row, $qu));
                }
                {                                      // each $k
                    const n = $ku + 1u;                // behind the bias
                    let c = subgroupBroadcast(w[n / 4u / LANES][n % 4u], n / 4u % LANES);
                    sum$q = sum$q + c * x$k_$q;
                }
                if chunk + 1u < CHUNKS_$s {
                    keep_feature(at(SUMS, row, $qu), sum$q);
                } else {
                    arrive(errand, part, row, $qu, sum$q);
                }
            }
        }
    }
}
