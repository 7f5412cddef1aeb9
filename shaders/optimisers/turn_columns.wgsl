// SOAP, 6: G′ and M′ with their columns in the eigenbasis too, the second moment V there, and the step
// U = M̂′ / (√V̂ + ε′), where ε′ keeps rounding errors from being blown up. A thread has four columns of a row.
//
// provides: turn_columns
// expects:  COLUMN_STRIPS, TERMS, BETA2, EPSILON, REST (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> column_strips: array<vec4u>;       // [thread] first parameter, how many, matrix
@group(0) @binding(1) var<storage, read> matrices: array<vec4u>;            // see turn_rows
@group(0) @binding(2) var<storage, read> turned: array<vec2f>;              // [parameter] Q_Lᵀ G, Q_Lᵀ M
@group(0) @binding(3) var<storage, read> bases: array<f32>;                 // [side][vector][component, to the pitch]
@group(0) @binding(4) var<storage, read> lengths: array<f32>;               // [matrix]
@group(0) @binding(5) var<storage, read> coefficients: array<f32>;          // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(6) var<storage, read_write> moments: array<vec2f>;       // [parameter] (m, v), v in the eigenbases
@group(0) @binding(7) var<storage, read_write> directions: array<f32>;      // [parameter]

fn direct(p: u32, gm: vec2f, rest: f32) {
    let v = BETA2 * moments[p].y + (1.0 - BETA2) * gm.x * gm.x;
    moments[p].y = v;
    directions[p] = gm.y / coefficients[TERMS + 1u] / (sqrt(v / coefficients[TERMS + 2u]) + EPSILON + rest);
}

@compute @workgroup_size(64)
fn turn_columns(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let thread = id.x + id.y * groups.x * 64u;
    if thread >= COLUMN_STRIPS { return; }
    let strip = column_strips[thread];
    if strip.z == NONE {
        direct(strip.x, turned[strip.x], 0.0);
        return;
    }
    let matrix = matrices[2u * strip.z];
    let basis = matrices[2u * strip.z + 1u];
    let rest = REST * lengths[strip.z] / sqrt(coefficients[TERMS + 2u]);
    if basis.w == 0u {
        for (var c = 0u; c < strip.y; c++) { direct(strip.x + c, turned[strip.x + c], rest); }
        return;
    }
    let j = (strip.x - matrix.x) % matrix.z;
    let row = strip.x - j;
    let q = basis.z + j * basis.w;
    var g = vec4f();
    var m = vec4f();
    for (var k = 0u; k < matrix.z; k++) {
        let c = vec4f(bases[q + k], bases[q + basis.w + k], bases[q + 2u * basis.w + k], bases[q + 3u * basis.w + k]);
        let gm = turned[row + k];
        g += gm.x * c;
        m += gm.y * c;
    }
    for (var c = 0u; c < strip.y; c++) { direct(strip.x + c, vec2f(g[c], m[c]), rest); }
}
