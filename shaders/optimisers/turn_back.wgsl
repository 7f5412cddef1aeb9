// SOAP, 7: the step with its rows back in the parameters' own coordinates, Q_L U.
//
// provides: turn_back
// expects:  PARAMETERS (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> matrix_of: array<u32>;             // [parameter] matrix
@group(0) @binding(1) var<storage, read> matrices: array<vec4u>;            // see turn_rows
@group(0) @binding(2) var<storage, read> directions: array<f32>;            // [parameter] U
@group(0) @binding(3) var<storage, read> bases: array<f32>;                 // [side][vector][component, to the pitch]
@group(0) @binding(4) var<storage, read_write> half_back: array<f32>;       // [parameter]

@compute @workgroup_size(64)
fn turn_back(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let p = id.x + id.y * groups.x * 64u;
    if p >= PARAMETERS { return; }
    let which = matrix_of[p];
    var sum = directions[p];
    if which != NONE {
        let matrix = matrices[2u * which];
        let basis = matrices[2u * which + 1u];
        if basis.y > 0u {
            let i = (p - matrix.x) / matrix.z;
            let column = matrix.x + (p - matrix.x) % matrix.z;
            sum = 0.0;
            for (var k = 0u; k < matrix.y; k++) {
                sum += bases[basis.x + k * basis.y + i] * directions[column + k * matrix.z];
            }
        }
    }
    half_back[p] = sum;
}
