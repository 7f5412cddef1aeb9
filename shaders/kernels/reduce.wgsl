// Slabs to gradient rows, and each workgroup's part of the Gram matrix while the rows are at hand. A thread sums one
// vector of the slabs, which is four parameters' entries in every row. Sums run in fixed order: a run repeats bit by bit.
//
// provides: reduce
// expects:  slab_vector (memory); REDUCERS, wait, PARAMETERS, TERMS, PAIRS, SLAB_VECTORS, SLAB_FIRST (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(1) var<storage, read> owners: array<vec2u>;              // [number of a slab] parameter, partner
@group(0) @binding(2) var<storage, read_write> rows: array<f32>;            // [term][parameter]
@group(0) @binding(3) var<storage, read_write> gram_parts: array<f32>;      // [workgroup][pair], pairs i ≤ j row by row

var<workgroup> products: array<f32, REDUCERS * PAIRS>;

// One vector of one row. Four running sums: shorter chains, smaller rounding error.
fn entries(term: u32, vector: u32) -> vec4f {
    let range = vec2u(SLAB_FIRST[term], SLAB_FIRST[term + 1u]);
    var sum = array<vec4f, 4>();
    for (var s = range.x; s < range.y; s += 4u) {
        for (var c = 0u; c < 4u; c++) {
            let g = slab_vector(min(s + c, range.y - 1u) * SLAB_VECTORS + vector);
            sum[c] += select(vec4f(), g, s + c < range.y);
        }
    }
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

@compute @workgroup_size(REDUCERS)
fn reduce(
    @builtin(local_invocation_index) local: u32,
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let part = workgroup.x + workgroup.y * groups.x;
    let vector = min(part * REDUCERS + local, SLAB_VECTORS - 1u);
    let inside = part * REDUCERS + local < SLAB_VECTORS;
    var g: array<vec4f, TERMS>;
    for (var k = 0u; k < TERMS; k++) { g[k] = entries(k, vector); }
    var counted = vec4f();                             // how often an entry stands in its row
    for (var c = 0u; c < 4u; c++) {
        let owner = owners[4u * vector + c];
        if inside && owner.x != NONE {
            for (var k = 0u; k < TERMS; k++) { rows[k * PARAMETERS + owner.x] = g[k][c]; }
            counted[c] = 1.0;
            // the second half of a collapsed softmax has the opposite gradient of the first
            if owner.y != NONE {
                for (var k = 0u; k < TERMS; k++) { rows[k * PARAMETERS + owner.y] = -g[k][c]; }
                counted[c] = 2.0;
            }
        }
    }
    var pair = 0u;
    for (var i = 0u; i < TERMS; i++) {
        for (var j = i; j < TERMS; j++) {
            // numbers without an owner may be anything, even NaN
            products[pair * REDUCERS + local] = dot(counted, select(vec4f(), g[i] * g[j], counted > vec4f()));
            pair++;
        }
    }
    for (var half = REDUCERS / 2u; half > 0u; half /= 2u) {     // a tree: pairwise sums keep near-zero dots honest
        wait();
        if local < half {
            for (var i = 0u; i < PAIRS; i++) { products[i * REDUCERS + local] += products[i * REDUCERS + local + half]; }
        }
    }
    wait();
    if part * REDUCERS < SLAB_VECTORS {
        for (var i = local; i < PAIRS; i += REDUCERS) { gram_parts[part * PAIRS + i] = products[i * REDUCERS]; }
    }
}
