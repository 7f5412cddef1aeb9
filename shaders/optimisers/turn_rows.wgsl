// SOAP, 5: gradient and momentum with their rows in the eigenbasis, Q_Lᵀ G and Q_Lᵀ M. A thread has a cell of up to 4 × 4
// parameters, which shares what it loads, or one of a tensor without bases. One of each matrix also takes the mean length of
// the gradient, √(tr C), for the next kernel.
//
// provides: turn_rows
// expects:  CELLS (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> cells: array<vec4u>;               // [thread] first parameter, rows, columns, matrix
@group(0) @binding(1) var<storage, read> matrices: array<vec4u>;            // [matrix] first parameter, rows, columns, 0; then for rows and columns each where the basis begins, and its pitch
@group(0) @binding(2) var<storage, read> combined: array<vec2f>;            // [parameter] (g, m)
@group(0) @binding(3) var<storage, read> bases: array<f32>;                 // [side][vector][component, to the pitch]
@group(0) @binding(4) var<storage, read> squares: array<f32>;               // [side][row][column, to the pitch]
@group(0) @binding(5) var<storage, read_write> turned: array<vec2f>;        // [parameter]
@group(0) @binding(6) var<storage, read_write> lengths: array<f32>;         // [matrix]

fn length_of(at: u32, pitch: u32, length: u32) -> f32 {
    var trace = 0.0;
    for (var i = 0u; i < length; i++) { trace += squares[at + i * pitch + i]; }
    return sqrt(trace);
}

@compute @workgroup_size(64)
fn turn_rows(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let thread = id.x + id.y * groups.x * 64u;
    if thread >= CELLS { return; }
    let cell = cells[thread];
    if cell.w == NONE {
        turned[cell.x] = combined[cell.x];
        return;
    }
    let matrix = matrices[2u * cell.w];
    let basis = matrices[2u * cell.w + 1u];
    if cell.x == matrix.x {
        if basis.y > 0u { lengths[cell.w] = length_of(basis.x, basis.y, matrix.y); }
        else { lengths[cell.w] = length_of(basis.z, basis.w, matrix.z); }
    }
    if basis.y == 0u {
        for (var r = 0u; r < cell.y; r++) {
            for (var c = 0u; c < cell.z; c++) {
                let p = cell.x + r * matrix.z + c;
                turned[p] = combined[p];
            }
        }
        return;
    }
    // bases are padded to four vectors; columns past the end are computed from the last and not kept
    let q = basis.x + (cell.x - matrix.x) / matrix.z * basis.y + vec4u(0u, 1u, 2u, 3u) * basis.y;
    let columns = matrix.x + (cell.x - matrix.x) % matrix.z + min(vec4u(0u, 1u, 2u, 3u), vec4u(cell.z - 1u));
    var g = mat4x4f();
    var m = mat4x4f();
    for (var k = 0u; k < matrix.y; k++) {
        let a = vec4f(bases[q.x + k], bases[q.y + k], bases[q.z + k], bases[q.w + k]);
        let at = columns + k * matrix.z;
        let x = combined[at.x];
        let y = combined[at.y];
        let z = combined[at.z];
        let w = combined[at.w];
        let gs = vec4f(x.x, y.x, z.x, w.x);
        let ms = vec4f(x.y, y.y, z.y, w.y);
        g = mat4x4f(g[0] + a.x * gs, g[1] + a.y * gs, g[2] + a.z * gs, g[3] + a.w * gs);
        m = mat4x4f(m[0] + a.x * ms, m[1] + a.y * ms, m[2] + a.z * ms, m[3] + a.w * ms);
    }
    for (var r = 0u; r < 4u; r++) {
        for (var c = 0u; c < 4u; c++) {
            if r < cell.y && c < cell.z { turned[cell.x + r * matrix.z + c] = vec2f(g[r][c], m[r][c]); }
        }
    }
}
