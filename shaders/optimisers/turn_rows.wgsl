// SOAP, 5: gradient and momentum with their rows in the eigenbasis, Q_Lᵀ G and Q_Lᵀ M. A thread has four rows of a column,
// or a single parameter without a basis. One of each matrix also takes the mean length of the gradient, √(tr C), for the
// next kernel.
//
// provides: turn_rows
// expects:  ROW_STRIPS (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> row_strips: array<vec4u>;          // [thread] first parameter, how many, matrix
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
    if thread >= ROW_STRIPS { return; }
    let strip = row_strips[thread];
    if strip.z == NONE {
        turned[strip.x] = combined[strip.x];
        return;
    }
    let matrix = matrices[2u * strip.z];
    let basis = matrices[2u * strip.z + 1u];
    if strip.x == matrix.x {
        if basis.y > 0u { lengths[strip.z] = length_of(basis.x, basis.y, matrix.y); }
        else { lengths[strip.z] = length_of(basis.z, basis.w, matrix.z); }
    }
    if basis.y == 0u {
        for (var r = 0u; r < strip.y; r++) { turned[strip.x + r * matrix.z] = combined[strip.x + r * matrix.z]; }
        return;
    }
    let i = (strip.x - matrix.x) / matrix.z;
    let column = matrix.x + (strip.x - matrix.x) % matrix.z;
    // rows are padded to four of them
    let q = basis.x + i * basis.y;
    var g = vec4f();
    var m = vec4f();
    for (var k = 0u; k < matrix.y; k++) {
        let c = vec4f(bases[q + k], bases[q + basis.y + k], bases[q + 2u * basis.y + k], bases[q + 3u * basis.y + k]);
        let gm = combined[column + k * matrix.z];
        g += gm.x * c;
        m += gm.y * c;
    }
    for (var r = 0u; r < strip.y; r++) { turned[strip.x + r * matrix.z] = vec2f(g[r], m[r]); }
}
