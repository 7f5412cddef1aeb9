// Multilayer perceptron: a_l = tanh(W_l a_{l−1} + b_l).
//
// provides: forward_stage, forward_at_once, backward_stage, backward_at_once, layer_gradients, Errand, arrive,
//           INPUT_SLOT, OUTPUT_SLOT, A_BAR, SUMS, LAST
// expects:  tile; products; tanh_jet, tanh_adjoint (activations); MAPS_AT, TRANSPOSES_AT,
//           LAYER_WEIGHTS, SLAB_LAYERS_AT, SLAB_LAYER, AT_ONCE, SPLIT_K (prelude)

const INPUT_SLOT = 0u;
const OUTPUT_SLOT = 1u;
const A_BAR = 2u;
const SUMS = 3u;                                       // sums on their way through a product
const COTANGENTS_SLOT = 4u;                            // of the pre-activation; SPLIT_K, of every layer's
const LAYERS_SLOT = COTANGENTS_SLOT + select(1u, DEPTH, SPLIT_K);       // a of every layer
const LAST = LAYERS_SLOT + DEPTH - 1u;
const_assert SLOTS == LAST + 1u;

fn z_slot(layer: u32) -> u32 { return COTANGENTS_SLOT + select(0u, layer, SPLIT_K); }

const_assert FORWARD_STAGES == 2u;                     // the map, its activation
const_assert BACKWARD_STAGES == 2u;                    // their transposes, the activation's first

// Where the rows of a product go: the map of a layer, or its transpose.
struct Errand { layer: u32, backward: bool }

// A row fresh from a product: its activation follows at once, or, where every primitive has a dispatch of its own, in
// the next stage.
fn arrive(errand: Errand, part: u32, row: u32, q: u32, u: Jet) {
    if errand.backward {
        keep_feature(at(A_BAR, row, q), u);
    } else if AT_ONCE {
        keep_feature(at(LAYERS_SLOT + errand.layer, row, q), tanh_jet(u));
    } else {
        keep_feature(at(LAYERS_SLOT + errand.layer, row, q), u);
    }
}

fn forward_stage(layer: u32, stage: u32) {
    let a = LAYERS_SLOT + layer;
    if stage == 0u {
        let source = select(a - 1u, INPUT_SLOT, layer == 0u);
        product(Map(layer * LAYER_WEIGHTS + MAPS_AT[0], source, 1u, layer == 0u, 1u, true), Errand(layer, false));
    } else if !AT_ONCE {
        for (var i = 0u; i < OWN_ROWS; i++) {          // rows this thread has written itself: no barrier
            let row = own_row(i);
            for (var q = 0u; q < SPAN && row < ROWS_END; q++) {
                keep_feature(at(a, row, q), tanh_jet(feature(at(a, row, q))));
            }
        }
    }
}

fn backward_stage(local: u32, layer: u32, stage: u32) {
    if stage == 0u {
        for (var k = group; k < WIDTH; k += GROUPS) {
            for (var q = 0u; q < SPAN; q++) {
                let y = feature(at(LAYERS_SLOT + layer, k, q));
                keep_feature(at(z_slot(layer), k, q), tanh_adjoint(y, feature(at(A_BAR, k, q))));
            }
        }
    } else {
        row_barrier();
        let map = Map(layer * LAYER_WEIGHTS + TRANSPOSES_AT[0], z_slot(layer), 1u, false, 1u, false);
        if layer > 0u { product(map, Errand(layer, true)); }
    }
}

fn forward_at_once(layer: u32) { forward_stage(layer, 0u); }

fn backward_at_once(local: u32, layer: u32) {
    backward_stage(local, layer, 0u);
    backward_stage(local, layer, 1u);
}

// The map against (x̂, 1), which holds the bias and the first layer's W; then its square blocks.
fn layer_gradients(local: u32, layer: u32) {
    let slab = slab_at + SLAB_LAYERS_AT + layer * SLAB_LAYER;
    for (var j = first_unit(local); j < INPUT_UNITS; j += UNIT_STEP) {
        outer_input(z_slot(layer), j, slab + j * INPUT_VECTORS);
    }
    let squares = slab + INPUT_UNITS * INPUT_VECTORS;
    for (var j = first_unit(local); j < SQUARE_UNITS && layer > 0u; j += UNIT_STEP) {
        outer(z_slot(layer), LAYERS_SLOT + layer - 1u, j, squares + j * SQUARE_VECTORS);
    }
}
