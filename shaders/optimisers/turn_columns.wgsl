// SOAP, 6: G′ and M′ with their columns in the eigenbasis too, the second moment V there, and the step
// U = M̂′ / (√V̂ + ε′), where ε′ keeps rounding errors from being blown up.
//
// provides: turn_columns
// expects:  PARAMETERS, TERMS, BETA2, EPSILON, REST (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> matrix_of: array<u32>;             // [parameter] matrix
@group(0) @binding(1) var<storage, read> matrices: array<vec4u>;            // see turn_rows
@group(0) @binding(2) var<storage, read> turned: array<vec2f>;              // [parameter] Q_Lᵀ G, Q_Lᵀ M
@group(0) @binding(3) var<storage, read> bases: array<f32>;                 // [side][vector][component, to the pitch]
@group(0) @binding(4) var<storage, read> lengths: array<f32>;               // [matrix]
@group(0) @binding(5) var<storage, read> coefficients: array<f32>;          // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(6) var<storage, read_write> moments: array<vec2f>;       // [parameter] (m, v), v in the eigenbases
@group(0) @binding(7) var<storage, read_write> directions: array<f32>;      // [parameter]

@compute @workgroup_size(64)
fn turn_columns(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let p = id.x + id.y * groups.x * 64u;
    if p >= PARAMETERS { return; }
    let which = matrix_of[p];
    let corrections = vec2f(coefficients[TERMS + 1u], coefficients[TERMS + 2u]);
    var sum = turned[p];
    var least = EPSILON;
    if which != NONE {
        let matrix = matrices[2u * which];
        let basis = matrices[2u * which + 1u];
        if basis.w > 0u {
            let row = p - (p - matrix.x) % matrix.z;
            let column = basis.z + (p - row) * basis.w;
            sum = vec2f();
            for (var k = 0u; k < matrix.z; k++) { sum += bases[column + k] * turned[row + k]; }
        }
        least += REST * lengths[which] / sqrt(corrections.y);
    }
    let v = BETA2 * moments[p].y + (1.0 - BETA2) * sum.x * sum.x;
    moments[p].y = v;
    directions[p] = sum.y / corrections.x / (sqrt(v / corrections.y) + least);
}
