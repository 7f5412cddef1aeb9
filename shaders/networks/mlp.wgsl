// Multilayer perceptron: a_l = tanh(W_l a_{l−1} + b_l).
//
// provides: forward_stage, backward_stage, layer_gradients, A_BAR, LAST
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

const_assert FORWARD_STAGES == 2u;                     // the map, its activation
const_assert BACKWARD_STAGES == 2u;                    // their transposes, the activation's first

fn forward_stage(layer: u32, stage: u32) {
    let z_slot = LAYERS_SLOT + layer * LAYER_SLOTS;
    let source = select(z_slot - 1u, INPUT_SLOT, layer == 0u);
    let features = select(WIDTH, AXES, layer == 0u);
    let packed_at = layer * LAYER_WEIGHTS + MAIN_AT;
    for (var b = group; b < ROW_BLOCKS; b += GROUPS) {
        if stage == 0u {
            store(z_slot, b, product(packed_at + b * (1u + features) * ROW_VECTORS, true, source, 1u, features));
        } else {
            for (var i = 0u; i < ROWS * SPAN; i++) {   // rows this thread has written itself: no barrier
                let z = feature(at(z_slot, b * ROWS + i / SPAN, i % SPAN));
                keep_feature(at(z_slot + 1u, b * ROWS + i / SPAN, i % SPAN), chain(tanh_derivatives(value(z)), z));
            }
        }
    }
}

fn backward_stage(local: u32, layer: u32, stage: u32) {
    let z_slot = LAYERS_SLOT + layer * LAYER_SLOTS;
    if stage == 0u {
        for (var k = group; k < WIDTH; k += GROUPS) {
            for (var q = 0u; q < SPAN; q++) {
                let z = feature(at(z_slot, k, q));
                keep_feature(at(Z_BAR, k, q), chain_adjoint(tanh_derivatives(value(z)), z, feature(at(A_BAR, k, q))));
            }
        }
    } else {
        row_barrier();
        let packed_at = layer * LAYER_WEIGHTS + MAIN_T_AT;
        for (var b = group; b < ROW_BLOCKS && layer > 0u; b += GROUPS) {
            store(A_BAR, b, product(packed_at + b * WIDTH * ROW_VECTORS, false, Z_BAR, 1u, WIDTH));
        }
    }
}

// The map against (x̂, 1), which holds the bias and the first layer's W; then its square blocks.
fn layer_gradients(local: u32, layer: u32) {
    let z_slot = LAYERS_SLOT + layer * LAYER_SLOTS;
    let slab = slab_at + SLAB_LAYERS_AT + layer * SLAB_LAYER;
    for (var j = local; j < BLOCKS; j += LANES * GROUPS) {
        outer_input(Z_BAR, j * BLOCK, slab + j * INPUT_VECTORS);
    }
    for (var j = local; j < BLOCKS * BLOCKS && layer > 0u; j += LANES * GROUPS) {
        outer(Z_BAR, (j / BLOCKS) * BLOCK, z_slot - 1u, (j % BLOCKS) * BLOCK,
            slab + BLOCKS * INPUT_VECTORS + j * BLOCK_VECTORS);
    }
}
