// A part of the way from points to partial gradients, for all points: what a plan that cuts the way into many dispatches
// repeats. Every tile keeps its feature vectors from dispatch to dispatch.
//
// provides: stage
// expects:  part, LOSES (emitted for the plan); shares; tile; target

@group(0) @binding(3) var<uniform> stretch: vec4u;                          // x: the hidden layer

@compute @workgroup_size(THREADS)
fn stage(@builtin(local_invocation_index) index: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let local = walked(index);
    let work = assigned(workgroup.x);
    var loss = 0.0;
    for (var tile = 0u; tile < work.tiles; tile++) {
        enter(local, workgroup.x * TILES + tile);
        fresh = tile == 0u;
        loss += part(local, stretch.x, work, tile);
    }
    if LOSES { finish(local, loss); }
}
