// How many vectors of `stream`'s array are not what so many passes leave there: every number is read, few come back.
//
// provides: stream_check
// expects:  slab_vector (memory); VECTORS (prelude)

@group(0) @binding(1) var<storage, read> passes: array<f32>;                // how often `stream` ran
@group(0) @binding(2) var<storage, read_write> wrong: array<u32>;           // [workgroup]

var<workgroup> counts: array<u32, 64>;

@compute @workgroup_size(64)
fn stream_check(
    @builtin(local_invocation_index) local: u32,
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let here = workgroup.x + workgroup.y * groups.x;
    let i = here * 64u + local;
    let wanted = passes[0] * vec4f(1.0, 2.0, 3.0, 4.0);
    counts[local] = u32(i < VECTORS && any(slab_vector(min(i, VECTORS - 1u)) != wanted));
    workgroupBarrier();
    if local == 0u {
        var sum = 0u;
        for (var k = 0u; k < 64u; k++) { sum += counts[k]; }
        if here < arrayLength(&wrong) { wrong[here] = sum; }
    }
}
