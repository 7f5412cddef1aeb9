// One dispatch from points to partial gradients: jets forward through the network, residual, adjoint,
// weight gradients. Nothing but parameters, samples and gradient slabs is shared between workgroups.
// Each workgroup serves one term on one point set, walks over its tiles and owns one slab. SPLIT_K, every tile keeps its
// scratch, and weight_gradients.wgsl goes on with it.
//
// provides: fused
// expects:  forward, backward (passes); shares; tile; memory

const ALL_TILES = false;                               // weight gradients are summed tile by tile

@compute @workgroup_size(THREADS)
fn fused(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3u) {
    enter(local, workgroup.x);
    let share = assigned(workgroup.x);
    var loss = 0.0;
    for (var tile = 0u; tile < tiles; tile++) {
        fresh = tile == 0u;
        if SPLIT_K { enter(local, workgroup.x * TILES + tile); }
        load_tile(share, tile);
        forward();
        if PAIRED { feature_barrier(); }               // the partner's outputs come from features of another lane
        loss += seed_outputs(share, tile);
        feature_barrier();
        backward(local);
    }
    finish(local, loss);
}
