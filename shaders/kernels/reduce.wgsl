// Slabs to gradient rows, and each workgroup's part of the Gram matrix while the rows are at hand.
// Sums run in fixed order: a run repeats bit by bit.
//
// provides: reduce
// expects:  slab_number (memory); PARAMETERS, TERMS, PAIRS, SLAB_VECTORS, SLAB_FIRST (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(1) var<storage, read> places: array<vec4u>;              // [parameter] packed, transposed, partner, slab
@group(0) @binding(2) var<storage, read_write> rows: array<f32>;            // [term][parameter]
@group(0) @binding(3) var<storage, read_write> gram_parts: array<f32>;      // [workgroup][pair], pairs i ≤ j row by row

var<workgroup> products: array<f32, 64u * PAIRS>;

// One parameter's entry of one row. Four running sums: shorter chains, smaller rounding error.
fn entry(term: u32, place: u32) -> f32 {
    let range = vec2u(SLAB_FIRST[term], SLAB_FIRST[term + 1u]);
    var sum = vec4f();
    for (var s = range.x; s < range.y; s += 4u) {
        for (var c = 0u; c < 4u; c++) {
            let g = slab_number(min(s + c, range.y - 1u) * 4u * SLAB_VECTORS + place);
            sum[c] += select(0.0, g, s + c < range.y);
        }
    }
    return (sum.x + sum.z) + (sum.y + sum.w);
}

@compute @workgroup_size(64)
fn reduce(
    @builtin(local_invocation_index) local: u32,
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let part = workgroup.x + workgroup.y * groups.x;
    let p = part * 64u + local;
    let inside = p < PARAMETERS;
    let place = places[min(p, PARAMETERS - 1u)];
    // the second half of a collapsed softmax has the opposite gradient of the first
    let sign = select(1.0, -1.0, place.z == p);
    var g: array<f32, TERMS>;
    for (var k = 0u; k < TERMS; k++) {
        g[k] = 0.0;
        if inside {
            if place.w != NONE { g[k] = sign * entry(k, place.w); }
            rows[k * PARAMETERS + p] = g[k];
        }
    }
    var pair = 0u;
    for (var i = 0u; i < TERMS; i++) {
        for (var j = i; j < TERMS; j++) {
            products[pair * 64u + local] = g[i] * g[j];
            pair++;
        }
    }
    for (var half = 32u; half > 0u; half /= 2u) {      // a tree: pairwise sums keep near-zero dots honest
        workgroupBarrier();
        if local < half {
            for (var i = 0u; i < PAIRS; i++) { products[i * 64u + local] += products[i * 64u + local + half]; }
        }
    }
    workgroupBarrier();
    if local < PAIRS && part * 64u < PARAMETERS { gram_parts[part * PAIRS + local] = products[local * 64u]; }
}
