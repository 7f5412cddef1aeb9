// The weight gradients of the hidden layers in a dispatch of their own, which splits the points among workgroups (split-K):
// each takes one layer, sums over all points of its tiles in registers, and writes its part of the slab once.
//
// provides: weight_gradients
// expects:  layer_gradients (networks); shares; tile; memory; scratch as `fused` leaves it

const ALL_TILES = true;

@compute @workgroup_size(THREADS)
fn weight_gradients(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let walk = workgroup.x / DEPTH;                    // workgroup of the kernel `fused`
    _ = assigned(walk);
    enter(local, walk * TILES);
    fresh = true;
    layer_gradients(local, workgroup.x % DEPTH);
}
