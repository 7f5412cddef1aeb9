// SOAP, 8: W ← W − η (Q_L U) Q_Rᵀ. A thread has a cell, as in `turn_rows`.
//
// provides: apply
// expects:  bounded (bounds); CELLS, TERMS (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> cells: array<vec4u>;               // [thread] first parameter, rows, columns, matrix
@group(0) @binding(1) var<storage, read> matrices: array<vec4u>;            // see turn_rows
@group(0) @binding(2) var<storage, read> half_back: array<f32>;             // [parameter] Q_L U
@group(0) @binding(3) var<storage, read> bases: array<vec4f>;               // [side][vector][component, to the pitch]
@group(0) @binding(4) var<storage, read> coefficients: array<f32>;          // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(5) var<storage, read_write> parameters: array<f32>;      // [parameter]

fn move_by(p: u32, step: f32) { parameters[p] = bounded(p, parameters[p] - coefficients[TERMS] * step); }

@compute @workgroup_size(64)
fn apply(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let thread = id.x + id.y * groups.x * 64u;
    if thread >= CELLS { return; }
    let cell = cells[thread];
    if cell.w == NONE {
        move_by(cell.x, half_back[cell.x]);
        return;
    }
    let matrix = matrices[2u * cell.w];
    let basis = matrices[2u * cell.w + 1u];
    if basis.w == 0u {
        for (var r = 0u; r < cell.y; r++) {
            for (var c = 0u; c < cell.z; c++) {
                let p = cell.x + r * matrix.z + c;
                move_by(p, half_back[p]);
            }
        }
        return;
    }
    let j = (cell.x - matrix.x) % matrix.z;
    let rows = cell.x - j + min(vec4u(0u, 1u, 2u, 3u), vec4u(cell.y - 1u)) * matrix.z;
    var sum = mat4x4f();
    for (var k = 0u; k < matrix.z; k++) {
        let q = bases[(basis.z + k * basis.w + j) / 4u];
        let at = rows + k;
        sum = mat4x4f(
            sum[0] + half_back[at.x] * q,
            sum[1] + half_back[at.y] * q,
            sum[2] + half_back[at.z] * q,
            sum[3] + half_back[at.w] * q,
        );
    }
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < 4u; c++) {
            if r < cell.y && c < cell.z { move_by(cell.x + r * matrix.z + c, sum[r][c]); }
        }
    }
}
