// The packed copies of the weights, as `update` writes them: behind an optimiser whose threads move other parameters.
//
// provides: pack
// expects:  PARAMETERS (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> parameters: array<f32>;            // [parameter]
@group(0) @binding(1) var<storage, read> places: array<vec4u>;              // [parameter] packed, transposed, partner, slab
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;         // packed parameters

@compute @workgroup_size(64)
fn pack(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let p = id.x + id.y * groups.x * 64u;
    if p >= PARAMETERS { return; }
    let place = places[p];
    // of a two-way softmax only the difference of both rows is packed, in the place of the first
    if place.z == p { return; }
    var w = parameters[p];
    if place.z != NONE { w -= parameters[place.z]; }
    if place.x != NONE { weights[place.x] = w; }
    if place.y != NONE { weights[place.y] = w; }
}
