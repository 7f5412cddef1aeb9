// Multilayer perceptron: a_l = tanh(W_l a_{l−1} + b_l).
//
// provides: forward, backward, LAST
// expects:  tile; tanh_derivatives (math); chain, chain_adjoint (jets); MAIN_AT, MAIN_T_AT,
//           LAYER_WEIGHTS, SLAB_LAYERS_AT, SLAB_LAYER (prelude)

const INPUT_SLOT = 0u;
const OUTPUT_SLOT = 1u;
const A_BAR = 2u;
const Z_BAR = 3u;
const LAYERS_SLOT = 4u;                                // then per layer: z, a
const LAYER_SLOTS = 2u;
const LAST = LAYERS_SLOT + DEPTH * LAYER_SLOTS - 1u;   // a of the last hidden layer
const_assert SLOTS == LAST + 1u;

fn forward() {
    for (var layer = 0u; layer < DEPTH; layer++) {
        let z_slot = LAYERS_SLOT + layer * LAYER_SLOTS;
        let source = select(z_slot - 1u, INPUT_SLOT, layer == 0u);
        let features = select(WIDTH, AXES, layer == 0u);
        let packed_at = layer * LAYER_WEIGHTS + MAIN_AT;
        for (var b = group; b < ROW_BLOCKS; b += GROUPS) {
            store(z_slot, b, product(packed_at + b * (1u + features) * ROW_VECTORS, true, source, 1u, features));
            for (var i = 0u; i < ROWS * SPAN; i++) {   // rows this thread has just written: no barrier
                let z = feature(at(z_slot, b * ROWS + i / SPAN, i % SPAN));
                keep_feature(at(z_slot + 1u, b * ROWS + i / SPAN, i % SPAN), chain(tanh_derivatives(value(z)), z));
            }
        }
        row_barrier();
    }
}

// From ȳ in OUTPUT_SLOT to the slab.
fn backward(local: u32) {
    outputs_adjoint(A_BAR);
    outer_output(local, LAST);
    for (var l = 0u; l < DEPTH; l++) {
        let layer = DEPTH - 1u - l;
        let z_slot = LAYERS_SLOT + layer * LAYER_SLOTS;
        for (var k = group; k < WIDTH; k += GROUPS) {  // the threads that wrote ā read it
            for (var q = 0u; q < SPAN; q++) {
                let z = feature(at(z_slot, k, q));
                keep_feature(at(Z_BAR, k, q), chain_adjoint(tanh_derivatives(value(z)), z, feature(at(A_BAR, k, q))));
            }
        }
        feature_barrier();
        let slab = slab_at + SLAB_LAYERS_AT + layer * SLAB_LAYER;
        for (var j = local; j < BLOCKS; j += LANES * GROUPS) {
            outer_input(Z_BAR, j * BLOCK, slab + j * INPUT_VECTORS);
        }
        if layer > 0u {
            for (var j = local; j < BLOCKS * BLOCKS; j += LANES * GROUPS) {
                outer(Z_BAR, (j / BLOCKS) * BLOCK, z_slot - 1u, (j % BLOCKS) * BLOCK,
                    slab + BLOCKS * INPUT_VECTORS + j * BLOCK_VECTORS);
            }
            let packed_at = layer * LAYER_WEIGHTS + MAIN_T_AT;
            for (var b = group; b < ROW_BLOCKS; b += GROUPS) {
                store(A_BAR, b, product(packed_at + b * WIDTH * ROW_VECTORS, false, Z_BAR, 1u, WIDTH));
            }
        }
        feature_barrier();
    }
}
