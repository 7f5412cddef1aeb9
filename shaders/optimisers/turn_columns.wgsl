// SOAP, 6: G′ and M′ with their columns in the eigenbasis too, the second moment V there, and the step
// U = M̂′ / (√V̂ + ε′), where ε′ keeps rounding errors from being blown up. A thread has a cell, as in `turn_rows`.
//
// provides: turn_columns
// expects:  CELLS, TERMS, BETA2, EPSILON, REST (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> cells: array<vec4u>;               // [thread] first parameter, rows, columns, matrix
@group(0) @binding(1) var<storage, read> matrices: array<vec4u>;            // see turn_rows
@group(0) @binding(2) var<storage, read> turned: array<vec2f>;              // [parameter] Q_Lᵀ G, Q_Lᵀ M
@group(0) @binding(3) var<storage, read> bases: array<f32>;                 // [side][vector][component, to the pitch]
@group(0) @binding(4) var<storage, read> lengths: array<f32>;               // [matrix]
@group(0) @binding(5) var<storage, read> coefficients: array<f32>;          // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(6) var<storage, read_write> moments: array<vec2f>;       // [parameter] (m, v), v in the eigenbases
@group(0) @binding(7) var<storage, read_write> directions: array<f32>;      // [parameter]

fn direct(p: u32, g: f32, m: f32, rest: f32) {
    let v = BETA2 * moments[p].y + (1.0 - BETA2) * g * g;
    moments[p].y = v;
    directions[p] = m / coefficients[TERMS + 1u] / (sqrt(v / coefficients[TERMS + 2u]) + EPSILON + rest);
}

@compute @workgroup_size(64)
fn turn_columns(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let thread = id.x + id.y * groups.x * 64u;
    if thread >= CELLS { return; }
    let cell = cells[thread];
    if cell.w == NONE {
        direct(cell.x, turned[cell.x].x, turned[cell.x].y, 0.0);
        return;
    }
    let matrix = matrices[2u * cell.w];
    let basis = matrices[2u * cell.w + 1u];
    let rest = REST * lengths[cell.w] / sqrt(coefficients[TERMS + 2u]);
    if basis.w == 0u {
        for (var r = 0u; r < cell.y; r++) {
            for (var c = 0u; c < cell.z; c++) {
                let p = cell.x + r * matrix.z + c;
                direct(p, turned[p].x, turned[p].y, rest);
            }
        }
        return;
    }
    let j = (cell.x - matrix.x) % matrix.z;
    let q = basis.z + (j + vec4u(0u, 1u, 2u, 3u)) * basis.w;
    let rows = cell.x - j + min(vec4u(0u, 1u, 2u, 3u), vec4u(cell.y - 1u)) * matrix.z;
    var g = mat4x4f();
    var m = mat4x4f();
    for (var k = 0u; k < matrix.z; k++) {
        let a = vec4f(bases[q.x + k], bases[q.y + k], bases[q.z + k], bases[q.w + k]);
        let x = turned[rows.x + k];
        let y = turned[rows.y + k];
        let z = turned[rows.z + k];
        let w = turned[rows.w + k];
        g = mat4x4f(g[0] + x.x * a, g[1] + y.x * a, g[2] + z.x * a, g[3] + w.x * a);
        m = mat4x4f(m[0] + x.y * a, m[1] + y.y * a, m[2] + z.y * a, m[3] + w.y * a);
    }
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < 4u; c++) {
            if r < cell.y && c < cell.z { direct(cell.x + r * matrix.z + c, g[r][c], m[r][c], rest); }
        }
    }
}
