// A part of the way from points to partial gradients, for all points: what a plan that cuts the way into many dispatches
// repeats. Every tile has scratch of its own, which keeps all intermediate features from dispatch to dispatch.
//
// provides: staged
// expects:  forward_layer, backward_layer (passes); shares; tile; memory; PASSES (prelude)

// What a dispatch may do with each tile; the bits in PASSES are what this kernel does.
const PASS_INPUTS = 1u;
const PASS_FORWARD = 2u;
const PASS_RESIDUAL = 4u;
const PASS_BACKWARD = 8u;
const PASS_GRADIENTS = 16u;

@group(0) @binding(3) var<uniform> stretch: vec4u;                          // layer, first stage, end of stages

const ALL_TILES = false;                               // weight gradients are summed tile by tile

@compute @workgroup_size(THREADS)
fn staged(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let share = assigned(workgroup.x);
    var loss = 0.0;
    for (var tile = 0u; tile < tiles; tile++) {
        enter(local, workgroup.x * TILES + tile);
        fresh = tile == 0u;
        if (PASSES & PASS_INPUTS) != 0u { load_tile(share, tile); }
        if (PASSES & PASS_FORWARD) != 0u { forward_layer(stretch.x, stretch.y, stretch.z); }
        if (PASSES & PASS_RESIDUAL) != 0u {
            loss += seed_outputs(share, tile);
            feature_barrier();
            outputs_adjoint(A_BAR);
            outer_output(local, LAST);
        }
        if (PASSES & PASS_BACKWARD) != 0u { backward_layer(local, stretch.x, stretch.y, stretch.z); }
        if (PASSES & PASS_GRADIENTS) != 0u { layer_gradients(local, stretch.x); }
    }
    if (PASSES & PASS_RESIDUAL) != 0u { finish(local, loss); }
}
