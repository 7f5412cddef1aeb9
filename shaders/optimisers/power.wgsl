// SOAP, 3, every FREQUENCY steps: A = C Q / tr C + SHIFT Q for each covariance C, a thread per four numbers of four columns.
// Without the shift, columns of which C says nothing would be rounding errors.
//
// provides: power
// expects:  BLOCKS, FREQUENCY, SHIFT, LEAST_TRACE (prelude)

@group(0) @binding(0) var<storage, read> control: array<u32>;               // [0]: the number of this step, from 1
@group(0) @binding(1) var<storage, read> side_of: array<u32>;               // [block] side
@group(0) @binding(2) var<storage, read> sides: array<vec4u>;               // [side] first entry, length, pitch, matrix
@group(0) @binding(3) var<storage, read> squares: array<f32>;               // [side][row][column, to the pitch]
@group(0) @binding(4) var<storage, read> bases: array<f32>;                 // [side][vector][component, to the pitch]
@group(0) @binding(5) var<storage, read_write> iterates: array<f32>;        // as bases

@compute @workgroup_size(64)
fn power(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let block = id.x + id.y * groups.x * 64u;
    if block >= BLOCKS { return; }
    let side = sides[side_of[block]];
    let within = block - side.x / 16u;
    let column = side.x + within / (side.z / 4u) * 4u * side.z;
    let i = within % (side.z / 4u) * 4u;
    // a loop, because compilers of software rendering jump over loops and not over branches
    for (var turn = select(0u, 1u, (control[0] - 1u) % FREQUENCY == 0u); turn > 0u; turn--) { iterate(side, column, i); }
}

fn iterate(side: vec4u, column: u32, i: u32) {
    var trace = 0.0;
    var sum = mat4x4f();
    for (var k = 0u; k < side.y; k++) {
        // C is symmetric: its row k is its column k
        let at = side.x + k * side.z;
        let c = vec4f(squares[at + i], squares[at + i + 1u], squares[at + i + 2u], squares[at + i + 3u]);
        let q = column + k;
        sum = mat4x4f(
            sum[0] + bases[q] * c,
            sum[1] + bases[q + side.z] * c,
            sum[2] + bases[q + 2u * side.z] * c,
            sum[3] + bases[q + 3u * side.z] * c,
        );
        trace += squares[at + k];
    }
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < 4u; c++) {
            let at = column + r * side.z + i + c;
            let q = bases[at];
            iterates[at] = select(q, sum[r][c] / trace + SHIFT * q, trace >= LEAST_TRACE);
        }
    }
}
