// Twelve independent chains x ← m·x + c per thread, in registers: what this adapter can multiply and add. With
// m = c = 1, which no compiler knows, a chain counts its own links, so a loop that ends early shows.
//
// provides: multiply_add
// expects:  TRIPS (prelude)

@group(0) @binding(0) var<storage, read> factors: array<f32>;               // m, c
@group(0) @binding(1) var<storage, read_write> results: array<f32>;         // [thread] sum of its chains

@compute @workgroup_size(64)
fn multiply_add(
    @builtin(local_invocation_index) local: u32,
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let m = vec4f(factors[0]);
    let k = vec4f(factors[1]);
    let start = f32(local);                            // differs by thread, or scalar units would do it once
    var a = start + vec4f(0.0, 1.0, 2.0, 3.0);
    var b = start + vec4f(4.0, 5.0, 6.0, 7.0);
    var c = start + vec4f(8.0, 9.0, 10.0, 11.0);
    for (var trip = 0u; trip < TRIPS; trip++) {        // eight links per trip: the loop itself costs little
        a = a * m + k; b = b * m + k; c = c * m + k;
        a = a * m + k; b = b * m + k; c = c * m + k;
        a = a * m + k; b = b * m + k; c = c * m + k;
        a = a * m + k; b = b * m + k; c = c * m + k;
        a = a * m + k; b = b * m + k; c = c * m + k;
        a = a * m + k; b = b * m + k; c = c * m + k;
        a = a * m + k; b = b * m + k; c = c * m + k;
        a = a * m + k; b = b * m + k; c = c * m + k;
    }
    results[(workgroup.x + workgroup.y * groups.x) * 64u + local] = dot(a + b + c, vec4f(1.0));
}
