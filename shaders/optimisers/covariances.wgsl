// SOAP, 2: covariances L of rows and R of columns, C ← β₂ C + (1 − β₂) Σ g gᵀ. A thread has four neighbouring entries of a
// row, and writes those on and above the diagonal to both of their places: they are equal to the last bit.
//
// provides: covariances
// expects:  SIDE_VECTORS, BETA2 (prelude)

@group(0) @binding(0) var<storage, read> side_of: array<u32>;               // [four entries] side
@group(0) @binding(1) var<storage, read> sides: array<vec4u>;               // [side] first entry, length, pitch, matrix · 2 + (0: rows, 1: columns)
@group(0) @binding(2) var<storage, read> matrices: array<vec4u>;            // [matrix] first parameter, rows, columns, 0; then see turn_rows
@group(0) @binding(3) var<storage, read> combined: array<vec2f>;            // [parameter] (g, m)
@group(0) @binding(4) var<storage, read_write> squares: array<f32>;         // [side][row][column, to the pitch]

@compute @workgroup_size(64)
fn covariances(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let vector = id.x + id.y * groups.x * 64u;
    if vector >= SIDE_VECTORS { return; }
    let side = sides[side_of[vector]];
    let within = 4u * vector - side.x;
    let i = within / side.z;
    let j = within % side.z;
    if j + 3u < i || j >= side.y { return; }
    let matrix = matrices[side.w / 2u * 2u];
    // parameters from one vector to the next, and along one
    let columns = side.w % 2u == 1u;
    let across = select(matrix.z, 1u, columns);
    let along = select(1u, matrix.z, columns);
    let count = select(matrix.z, matrix.y, columns);
    // what lies past the end is computed from the last and not kept
    let others = matrix.x + across * min(vec4u(j, j + 1u, j + 2u, j + 3u), vec4u(side.y - 1u));
    let own = matrix.x + across * i;
    var sum = vec4f();
    for (var at = 0u; at < count * along; at += along) {
        let g = vec4f(combined[others.x + at].x, combined[others.y + at].x, combined[others.z + at].x, combined[others.w + at].x);
        sum += combined[own + at].x * g;
    }
    for (var k = max(j, i); k < min(j + 4u, side.y); k++) {
        let entry = side.x + i * side.z + k;
        let updated = BETA2 * squares[entry] + (1.0 - BETA2) * sum[k - j];
        squares[entry] = updated;
        squares[side.x + k * side.z + i] = updated;
    }
}
