// The whole way from points to partial gradients for one tile of points at a time: jets forward, residual, its adjoint, and
// back. Workgroups share nothing that is written: each serves one term on one point set, walks over its tiles and owns one
// slab.
//
// provides: fused
// expects:  forward_layer, backward_layer (emitted for the network); shares; tile; target

@compute @workgroup_size(THREADS)
fn fused(@builtin(local_invocation_index) index: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let local = walked(index);
    let work = assigned(workgroup.x);
    enter(local, workgroup.x);
    var loss = 0.0;
    for (var tile = 0u; tile < work.tiles; tile++) {
        fresh = tile == 0u;
        load_tile(work, tile);
        barrier();
        for (var l = 0u; l < DEPTH; l++) { forward_layer(l); }
        outputs();
        barrier();
        loss += residuals(work, tile);
        barrier();
        output_gradient(local);
        outputs_adjoint_stage();
        for (var l = DEPTH; l > 0u; l--) { backward_layer(local, l - 1u); }
    }
    finish(local, loss);
}
