// SOAP, 8: W ← W − η (Q_L U) Q_Rᵀ, and the packed copies of the weights, as in `update`. A thread has four columns of a row.
//
// provides: apply
// expects:  bounded (bounds); COLUMN_STRIPS, TERMS (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> column_strips: array<vec4u>;       // [thread] first parameter, how many, matrix
@group(0) @binding(1) var<storage, read> matrices: array<vec4u>;            // see turn_rows
@group(0) @binding(2) var<storage, read> half_back: array<f32>;             // [parameter] Q_L U
@group(0) @binding(3) var<storage, read> bases: array<vec4f>;               // [side][vector][component, to the pitch]
@group(0) @binding(4) var<storage, read> coefficients: array<f32>;          // [term], then η, 1 − β₁ᵗ, 1 − β₂ᵗ
@group(0) @binding(5) var<storage, read> places: array<vec4u>;              // [parameter] packed, transposed, partner, slab
@group(0) @binding(6) var<storage, read_write> parameters: array<f32>;      // [parameter]
@group(0) @binding(7) var<storage, read_write> weights: array<f32>;         // packed parameters

// What comes to `count` parameters from p on.
fn steps(p: u32, count: u32, which: u32) -> vec4f {
    var sum = vec4f(half_back[p]);
    if which == NONE { return sum; }
    let matrix = matrices[2u * which];
    let basis = matrices[2u * which + 1u];
    if basis.w == 0u {
        for (var c = 1u; c < count; c++) { sum[c] = half_back[p + c]; }
        return sum;
    }
    let j = (p - matrix.x) % matrix.z;
    sum = vec4f();
    for (var k = 0u; k < matrix.z; k++) { sum += half_back[p - j + k] * bases[(basis.z + k * basis.w + j) / 4u]; }
    return sum;
}

fn moved(p: u32, step: f32) -> f32 {
    let updated = bounded(p, parameters[p] - coefficients[TERMS] * step);
    parameters[p] = updated;
    return updated;
}

@compute @workgroup_size(64)
fn apply(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let thread = id.x + id.y * groups.x * 64u;
    if thread >= COLUMN_STRIPS { return; }
    let strip = column_strips[thread];
    // the second row of a two-way softmax belongs to the thread of the first: only their difference is packed
    let partner = places[strip.x].z;
    if partner == strip.x { return; }
    let own = steps(strip.x, strip.y, strip.z);
    var other = vec4f();
    if partner != NONE { other = steps(partner, strip.y, strip.z); }
    for (var c = 0u; c < strip.y; c++) {
        let place = places[strip.x + c];
        var w = moved(strip.x + c, own[c]);
        if partner != NONE { w -= moved(partner + c, other[c]); }
        if place.x != NONE { weights[place.x] = w; }
        if place.y != NONE { weights[place.y] = w; }
    }
}
