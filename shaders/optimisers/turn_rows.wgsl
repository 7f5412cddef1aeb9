// SOAP, 5: gradient and momentum with their rows in the eigenbasis, Q_Lᵀ G and Q_Lᵀ M. One thread of a matrix also takes
// the mean length of the gradient, √(tr C), for the next kernel.
//
// provides: turn_rows
// expects:  PARAMETERS (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> matrix_of: array<u32>;             // [parameter] matrix
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
    let p = id.x + id.y * groups.x * 64u;
    if p >= PARAMETERS { return; }
    let which = matrix_of[p];
    var sum = combined[p];
    if which != NONE {
        let matrix = matrices[2u * which];
        let basis = matrices[2u * which + 1u];
        let i = (p - matrix.x) / matrix.z;
        let j = (p - matrix.x) % matrix.z;
        if basis.y > 0u {
            sum = vec2f();
            for (var k = 0u; k < matrix.y; k++) {
                sum += bases[basis.x + i * basis.y + k] * combined[matrix.x + k * matrix.z + j];
            }
        }
        if p == matrix.x {
            if basis.y > 0u { lengths[which] = length_of(basis.x, basis.y, matrix.y); }
            else { lengths[which] = length_of(basis.z, basis.w, matrix.z); }
        }
    }
    turned[p] = sum;
}
