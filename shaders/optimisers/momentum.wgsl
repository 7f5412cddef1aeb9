// SOAP, 1: the combined gradient G = Σ cₖ gₖ and its momentum M, in the parameters' own coordinates.
//
// provides: momentum
// expects:  PARAMETERS, TERMS, BETA1 (prelude)

@group(0) @binding(0) var<storage, read> rows: array<f32>;                  // [term][parameter]
@group(0) @binding(1) var<storage, read> coefficients: array<f32>;          // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(2) var<storage, read_write> moments: array<vec2f>;       // [parameter] (m, v), v in the eigenbases
@group(0) @binding(3) var<storage, read_write> combined: array<vec2f>;      // [parameter] (g, m)

@compute @workgroup_size(64)
fn momentum(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let p = id.x + id.y * groups.x * 64u;
    if p >= PARAMETERS { return; }
    var g = 0.0;
    for (var k = 0u; k < TERMS; k++) { g += coefficients[k] * rows[k * PARAMETERS + p]; }
    let m = BETA1 * moments[p].x + (1.0 - BETA1) * g;
    moments[p].x = m;
    combined[p] = vec2f(g, m);
}
