// Both ways through the hidden layers, stage after stage. A stage is one primitive of a layer, such as a linear map or
// an activation: what a plan that fuses nothing gives a dispatch of its own.
//
// provides: forward_layer, backward_layer, forward, backward
// expects:  forward_stage, backward_stage, layer_gradients, A_BAR, LAST (networks); tile; memory;
//           FORWARD_STAGES, BACKWARD_STAGES, KEPT, SPLIT_K … (prelude)

// Stages first … end of one layer. A stage reads rows of other threads only behind a barrier of its own.
fn forward_layer(layer: u32, first: u32, end: u32) {
    if AT_ONCE {
        forward_at_once(layer);
    } else {
        for (var stage = first; stage < end; stage++) { forward_stage(layer, stage); }
    }
    row_barrier();
}

fn backward_layer(local: u32, layer: u32, first: u32, end: u32) {
    if AT_ONCE {
        backward_at_once(local, layer);
    } else {
        for (var stage = first; stage < end; stage++) { backward_stage(local, layer, stage); }
    }
    feature_barrier();
    thread_barrier();
}

fn forward() {
    for (var layer = 0u; layer < DEPTH; layer++) { forward_layer(layer, 0u, FORWARD_STAGES); }
}

// From ȳ in OUTPUT_SLOT to the slab.
fn backward(local: u32) {
    outputs_adjoint(A_BAR);
    outer_output(local, LAST);
    for (var l = 0u; l < DEPTH; l++) {
        // only the last layer's activations are still there
        if !KEPT && l > 0u { forward_layer(DEPTH - 1u - l, 0u, FORWARD_STAGES); }
        backward_layer(local, DEPTH - 1u - l, 0u, BACKWARD_STAGES);
        if !SPLIT_K {
            layer_gradients(local, DEPTH - 1u - l);
            feature_barrier();
            thread_barrier();
        }
    }
}
