// This step's points by a Latin hypercube per point set, and the known right-hand side of every term there.
// A stratum is found by a keyed bijection, so no thread waits for another and nothing is sorted.
// Twin of math/sampling.rs.
//
// provides: sample
// expects:  data (data of a problem); philox, permute, uniform01, STREAM_* (rng); SET_*, SHARE_* (prelude)

@group(0) @binding(0) var<storage, read> control: array<u32>;               // [0]: the number of steps done
@group(0) @binding(1) var<storage, read> regions: array<f32>;               // [region][lower of each axis, upper of each axis]
@group(0) @binding(2) var<storage, read_write> points: array<f32>;          // [point][axis], physical
@group(0) @binding(3) var<storage, read_write> samples: array<vec4f>;       // [sample], the known right-hand side, one entry per component
@group(0) @binding(4) var<storage, read> settings: array<u32>;              // [0..2]: seed of the points

// One coordinate of point k of n in the unit cube, from the random numbers of one set.
fn hypercube(k: u32, n: u32, stream: u32, axis: u32, index: u32) -> f32 {
    let seed = vec2u(settings[0], settings[1]);
    let keys = philox(vec4u(stream, index, STREAM_STRATUM, axis), seed);
    let words = philox(vec4u(k, index, STREAM_SAMPLE, stream * 16u + axis / 4u), seed);
    let stratum = f32(permute(k, n, keys.xy));
    return min((stratum + uniform01(words[axis % 4u])) * (1.0 / f32(n)), 0.99999994);
}

// The regions of a set share its points in order, as evenly as integers allow.
fn region_of(k: u32, n: u32, set_index: u32) -> u32 {
    let count = SET_REGIONS[set_index];
    var region = 0u;
    for (var i = 1u; i < count; i++) { if k >= i * n / count { region = i; } }
    return SET_FIRST_REGION[set_index] + region;
}

// The point whose random numbers point k takes: where opposite regions share coordinates, that of the same place in the
// region before an odd one.
fn source_of(k: u32, n: u32, set_index: u32) -> u32 {
    let count = SET_REGIONS[set_index];
    let region = region_of(k, n, set_index) - SET_FIRST_REGION[set_index];
    if SET_OPPOSITE[set_index] == 0u || region % 2u == 0u { return k; }
    let start = region * n / count;
    return min(k - start + (region - 1u) * n / count, max(start, 1u) - 1u);
}

@compute @workgroup_size(64)
fn sample(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let point = id.x + id.y * groups.x * 64u;
    if point >= POINT_COUNT { return; }
    var set_index = 0u;
    for (var i = 1u; i < SETS; i++) { if point >= SET_FIRST[i] { set_index = i; } }
    let k = point - SET_FIRST[set_index];
    var p: Point;
    if POINTS_GIVEN || SET_GIVEN[set_index] != 0u {
        for (var axis = 0u; axis < AXES; axis++) { p[axis] = points[point * AXES + axis]; }
    } else {
        let source = source_of(k, SET_COUNT[set_index], set_index);
        let at = region_of(k, SET_COUNT[set_index], set_index) * 2u * AXES;
        for (var axis = 0u; axis < AXES; axis++) {
            let lower = regions[at + axis];
            let upper = regions[at + AXES + axis];
            p[axis] = lower + (upper - lower) * hypercube(source, SET_COUNT[set_index], SET_STREAM[set_index], axis, control[0]);
            points[point * AXES + axis] = p[axis];
        }
    }
    for (var i = 0u; i < SHARES; i++) {
        if SHARE_SET[i] == set_index && SHARE_MEASURED[i] == 0u { samples[SHARE_SAMPLE[i] + k] = data(SHARE_TERM[i], p); }
    }
}
