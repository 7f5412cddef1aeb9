// Combine and Adam: θ ← θ − η m̂ / (√v̂ + ε) with g = Σ_k c_k g_k, which is never stored. Writes the packed
// copies of the weights too, so that the next step needs no pass of its own for them.
//
// provides: update
// expects:  bounded (bounds); PARAMETERS, TERMS, BETA1, BETA2, EPSILON (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> rows: array<f32>;                  // [term][parameter]
@group(0) @binding(1) var<storage, read> coefficients: array<f32>;          // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(2) var<storage, read_write> parameters: array<f32>;      // [parameter]
@group(0) @binding(3) var<storage, read_write> moments: array<vec2f>;       // [parameter] (m, v)
@group(0) @binding(4) var<storage, read> places: array<vec4u>;              // [parameter] packed, transposed, partner, slab
@group(0) @binding(5) var<storage, read_write> weights: array<f32>;         // packed parameters

fn adam(p: u32) -> f32 {
    var g = 0.0;
    for (var k = 0u; k < TERMS; k++) { g += coefficients[k] * rows[k * PARAMETERS + p]; }
    let m = BETA1 * moments[p].x + (1.0 - BETA1) * g;
    let v = BETA2 * moments[p].y + (1.0 - BETA2) * g * g;
    moments[p] = vec2f(m, v);
    let rate = coefficients[TERMS];
    let m_hat = m / coefficients[TERMS + 1u];
    let v_hat = v / coefficients[TERMS + 2u];
    let updated = bounded(p, parameters[p] - rate * m_hat / (sqrt(v_hat) + EPSILON));
    parameters[p] = updated;
    return updated;
}

@compute @workgroup_size(64)
fn update(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let p = id.x + id.y * groups.x * 64u;
    if p >= PARAMETERS { return; }
    let place = places[p];
    // The second row of a two-way softmax belongs to the thread of the first: only their difference is packed.
    if place.z == p { return; }
    var w = adam(p);
    if place.z != NONE { w -= adam(place.z); }
    if place.x != NONE { weights[place.x] = w; }
    if place.y != NONE { weights[place.y] = w; }
}
