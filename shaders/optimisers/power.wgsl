// SOAP, 3, every FREQUENCY steps: A = C Q / tr C + SHIFT Q for each covariance C, a thread per four numbers of a column.
// Without the shift, columns of which C says nothing would be rounding errors.
//
// provides: power
// expects:  SIDE_VECTORS, FREQUENCY, SHIFT, LEAST_TRACE (prelude)

@group(0) @binding(0) var<storage, read> control: array<u32>;               // [0]: the number of this step, from 1
@group(0) @binding(1) var<storage, read> side_of: array<u32>;               // [four entries] side
@group(0) @binding(2) var<storage, read> sides: array<vec4u>;               // [side] first entry, length, pitch, matrix
@group(0) @binding(3) var<storage, read> squares: array<f32>;               // [side][row][column, to the pitch]
@group(0) @binding(4) var<storage, read> bases: array<f32>;                 // [side][vector][component, to the pitch]
@group(0) @binding(5) var<storage, read_write> iterates: array<vec4f>;      // as bases

@compute @workgroup_size(64)
fn power(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let vector = id.x + id.y * groups.x * 64u;
    if vector >= SIDE_VECTORS || (control[0] - 1u) % FREQUENCY != 0u { return; }
    let side = sides[side_of[vector]];
    let within = 4u * vector - side.x;
    let column = side.x + within / side.z * side.z;
    let i = within % side.z;
    var trace = 0.0;
    var product = vec4f();
    for (var k = 0u; k < side.y; k++) {
        // C is symmetric: its row k is its column k
        let at = side.x + k * side.z;
        product += bases[column + k] * vec4f(squares[at + i], squares[at + i + 1u], squares[at + i + 2u], squares[at + i + 3u]);
        trace += squares[at + k];
    }
    let at = column + i;
    let q = vec4f(bases[at], bases[at + 1u], bases[at + 2u], bases[at + 3u]);
    iterates[vector] = select(q, product / trace + SHIFT * q, trace >= LEAST_TRACE);
}
