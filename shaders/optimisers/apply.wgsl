// SOAP, 8: W ← W − η (Q_L U) Q_Rᵀ, and the packed copies of the weights, as in `update`.
//
// provides: apply
// expects:  bounded (bounds); PARAMETERS, TERMS (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> matrix_of: array<u32>;             // [parameter] matrix
@group(0) @binding(1) var<storage, read> matrices: array<vec4u>;            // see turn_rows
@group(0) @binding(2) var<storage, read> half_back: array<f32>;             // [parameter] Q_L U
@group(0) @binding(3) var<storage, read> bases: array<f32>;                 // [side][vector][component, to the pitch]
@group(0) @binding(4) var<storage, read> coefficients: array<f32>;          // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(5) var<storage, read> places: array<vec4u>;              // [parameter] packed, transposed, partner, slab
@group(0) @binding(6) var<storage, read_write> parameters: array<f32>;      // [parameter]
@group(0) @binding(7) var<storage, read_write> weights: array<f32>;         // packed parameters

fn moved(p: u32) -> f32 {
    let which = matrix_of[p];
    var sum = half_back[p];
    if which != NONE {
        let matrix = matrices[2u * which];
        let basis = matrices[2u * which + 1u];
        if basis.w > 0u {
            let j = (p - matrix.x) % matrix.z;
            sum = 0.0;
            for (var k = 0u; k < matrix.z; k++) { sum += half_back[p - j + k] * bases[basis.z + k * basis.w + j]; }
        }
    }
    let updated = bounded(p, parameters[p] - coefficients[TERMS] * sum);
    parameters[p] = updated;
    return updated;
}

@compute @workgroup_size(64)
fn apply(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let p = id.x + id.y * groups.x * 64u;
    if p >= PARAMETERS { return; }
    let place = places[p];
    // the second row of a two-way softmax belongs to the thread of the first: only their difference is packed
    if place.z == p { return; }
    var w = moved(p);
    if place.z != NONE { w -= moved(place.z); }
    if place.x != NONE { weights[place.x] = w; }
    if place.y != NONE { weights[place.y] = w; }
}
