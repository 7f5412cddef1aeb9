// SOAP, 7: the step with its rows back in the parameters' own coordinates, Q_L U. A thread has a cell, as in `turn_rows`.
//
// provides: turn_back
// expects:  CELLS (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> cells: array<vec4u>;               // [thread] first parameter, rows, columns, matrix
@group(0) @binding(1) var<storage, read> matrices: array<vec4u>;            // see turn_rows
@group(0) @binding(2) var<storage, read> directions: array<f32>;            // [parameter] U
@group(0) @binding(3) var<storage, read> bases: array<vec4f>;               // [side][vector][component, to the pitch]
@group(0) @binding(4) var<storage, read_write> half_back: array<f32>;       // [parameter]

@compute @workgroup_size(64)
fn turn_back(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let thread = id.x + id.y * groups.x * 64u;
    if thread >= CELLS { return; }
    let cell = cells[thread];
    if cell.w == NONE {
        half_back[cell.x] = directions[cell.x];
        return;
    }
    let matrix = matrices[2u * cell.w];
    let basis = matrices[2u * cell.w + 1u];
    if basis.y == 0u {
        for (var r = 0u; r < cell.y; r++) {
            for (var c = 0u; c < cell.z; c++) {
                let p = cell.x + r * matrix.z + c;
                half_back[p] = directions[p];
            }
        }
        return;
    }
    let i = (cell.x - matrix.x) / matrix.z;
    let columns = matrix.x + (cell.x - matrix.x) % matrix.z + min(vec4u(0u, 1u, 2u, 3u), vec4u(cell.z - 1u));
    var sum = mat4x4f();
    for (var k = 0u; k < matrix.y; k++) {
        let q = bases[(basis.x + k * basis.y + i) / 4u];
        let at = columns + k * matrix.z;
        let u = vec4f(directions[at.x], directions[at.y], directions[at.z], directions[at.w]);
        sum = mat4x4f(sum[0] + q.x * u, sum[1] + q.y * u, sum[2] + q.z * u, sum[3] + q.w * u);
    }
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < 4u; c++) {
            if r < cell.y && c < cell.z { half_back[cell.x + r * matrix.z + c] = sum[r][c]; }
        }
    }
}
