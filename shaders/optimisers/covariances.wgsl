// SOAP, 2: covariances L of rows and R of columns, C ← β₂ C + (1 − β₂) Σ g gᵀ. A thread has a block of 4 × 4 entries on or
// above the diagonal and writes them to both of their places: these are equal to the last bit.
//
// provides: covariances
// expects:  UPPER_BLOCKS, BETA2 (prelude)

@group(0) @binding(0) var<storage, read> upper_blocks: array<vec4u>;        // [thread] side, first row, first column, 0
@group(0) @binding(1) var<storage, read> sides: array<vec4u>;               // [side] first entry, length, pitch, 2 · matrix + (0: rows, 1: columns)
@group(0) @binding(2) var<storage, read> matrices: array<vec4u>;            // [matrix] first parameter, rows, columns, 0; then see turn_rows
@group(0) @binding(3) var<storage, read> combined: array<vec2f>;            // [parameter] (g, m)
@group(0) @binding(4) var<storage, read_write> squares: array<f32>;         // [side][row][column, to the pitch]

// Four entries of the gradient, each `across` behind the one before it.
fn four(at: vec4u) -> vec4f {
    return vec4f(combined[at.x].x, combined[at.y].x, combined[at.z].x, combined[at.w].x);
}

@compute @workgroup_size(64)
fn covariances(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let thread = id.x + id.y * groups.x * 64u;
    if thread >= UPPER_BLOCKS { return; }
    let block = upper_blocks[thread];
    let side = sides[block.x];
    let i = block.y;
    let j = block.z;
    let matrix = matrices[side.w / 2u * 2u];
    // parameters from one vector to the next, and along one
    let columns = side.w % 2u == 1u;
    let across = select(matrix.z, 1u, columns);
    let along = select(1u, matrix.z, columns);
    let count = select(matrix.z, matrix.y, columns);
    // what lies past the end is computed from the last and not kept
    let own = matrix.x + across * min(i + vec4u(0u, 1u, 2u, 3u), vec4u(side.y - 1u));
    let others = matrix.x + across * min(j + vec4u(0u, 1u, 2u, 3u), vec4u(side.y - 1u));
    var sum = mat4x4f();
    for (var at = 0u; at < count * along; at += along) {
        let a = four(own + at);
        let b = four(others + at);
        sum = mat4x4f(sum[0] + a.x * b, sum[1] + a.y * b, sum[2] + a.z * b, sum[3] + a.w * b);
    }
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < 4u; c++) {
            if i + r <= j + c && j + c < side.y {
                let entry = side.x + (i + r) * side.z + j + c;
                let updated = BETA2 * squares[entry] + (1.0 - BETA2) * sum[r][c];
                squares[entry] = updated;
                squares[side.x + (j + c) * side.z + i + r] = updated;
            }
        }
    }
}
