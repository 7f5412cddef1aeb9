// Layer-wise dynamic attention (paper §3): each hidden layer re-encodes the coordinates twice, a gate
// mixes the two encodings per feature, and the mix joins the main path.
//   s = tanh(W a + b)    e₁ = tanh(U x̂ + c)    e₂ = tanh(V x̂ + d)
//   q = tanh(G [s; e₁; e₂] + g)    w = σ(r₁ − r₂), r = H q + k    a' = s + ρ (e₂ + w (e₁ − e₂))
// The two-way softmax is collapsed: only D = H₁ − H₂ is multiplied, and ∂/∂H₂ = −∂/∂H₁.
//
// provides: forward_stage, backward_stage, layer_gradients, A_BAR, LAST
// expects:  tile; tanh_derivatives, sigmoid_derivatives (math); chain, multiply and adjoints (jets);
//           partial (kernels); *_AT, LAYER_WEIGHTS, SLAB_* (prelude)

const INPUT_SLOT = 0u;
const OUTPUT_SLOT = 1u;
const A_BAR = 2u;
const PRODUCT = 3u;                                    // rows on their way through an adjoint
const SEQ = 4u;                                        // s, e₁, e₂, q of the layer at hand
const Z_BAR = 8u;                                      // cotangents of the five pre-activations below
const LAYERS_SLOT = 13u;                               // then per layer: z_s, z_e₁, z_e₂, z_q, z_w, a
const LAYER_SLOTS = 6u;
const Q = 3u;  const W = 4u;  const A = 5u;            // places within a layer, after s, e₁, e₂
const LAST = LAYERS_SLOT + DEPTH * LAYER_SLOTS - 1u;
const_assert SLOTS == LAST + 1u;

const MAPS_AT = array<u32, 5>(MAIN_AT, ENCODER1_AT, ENCODER2_AT, GATE_AT, MIX_AT);
const TRANSPOSES_AT = array<u32, 3>(MIX_T_AT, GATE_T_AT, MAIN_T_AT);

fn tanh_jet(z: Jet) -> Jet { return chain(tanh_derivatives(value(z)), z); }
fn tanh_adjoint(z: Jet, y_bar: Jet) -> Jet { return chain_adjoint(tanh_derivatives(value(z)), z, y_bar); }

// Even stages are the five maps W, U, V, G, H in turn; one text for all keeps drivers' compile times short. Behind each
// of the first four comes its activation, behind H the mix.
const_assert FORWARD_STAGES == 10u;

fn forward_stage(layer: u32, stage: u32) {
    let z = LAYERS_SLOT + layer * LAYER_SLOTS;
    let m = stage / 2u;
    if stage == 2u * Q || m == W { row_barrier(); }
    if stage % 2u == 0u {
        var source = INPUT_SLOT;
        if m == 0u && layer > 0u { source = z - 1u; }
        if m == Q { source = SEQ; }
        if m == W { source = SEQ + Q; }
        let parts = select(1u, 3u, m == Q);
        let features = select(WIDTH, AXES, source == INPUT_SLOT);
        let packed_at = layer * LAYER_WEIGHTS + MAPS_AT[m];
        for (var b = group; b < ROW_BLOCKS; b += GROUPS) {
            store(z + m, b, product(packed_at + b * (1u + parts * features) * ROW_VECTORS, true, source, parts, features));
        }
    } else if m < W {
        for (var b = group; b < ROW_BLOCKS; b += GROUPS) {
            for (var i = 0u; i < ROWS * SPAN; i++) {
                let row = b * ROWS + i / SPAN;
                keep_feature(at(SEQ + m, row, i % SPAN), tanh_jet(feature(at(z + m, row, i % SPAN))));
            }
        }
    } else {
        join(z, weight(SCALE_AT + layer).x);
    }
}

// The mixing a' = s + ρ (e₂ + w (e₁ − e₂)).
fn join(z: u32, rho: f32) {
    for (var k = group; k < WIDTH; k += GROUPS) {
        for (var q = 0u; q < SPAN; q++) {
            let zw = feature(at(z + W, k, q));
            let w = chain(sigmoid_derivatives(value(zw)), zw);
            let e1 = feature(at(SEQ + 1u, k, q));
            let e2 = feature(at(SEQ + 2u, k, q));
            keep_feature(at(z + A, k, q), feature(at(SEQ, k, q)) + rho * (e2 + multiply(w, e1 - e2)));
        }
    }
}

// Its transpose; also recomputes s, e₁, e₂, q, which later layers have overwritten. Returns this thread's part of ρ̄.
fn join_adjoint(z: u32, rho: f32) -> f32 {
    var rho_bar = 0.0;
    for (var k = group; k < WIDTH; k += GROUPS) {
        for (var q = 0u; q < SPAN; q++) {
            for (var m = 0u; m < W; m++) { keep_feature(at(SEQ + m, k, q), tanh_jet(feature(at(z + m, k, q)))); }
            let e1 = feature(at(SEQ + 1u, k, q));
            let e2 = feature(at(SEQ + 2u, k, q));
            let zw = feature(at(z + W, k, q));
            let sigma = sigmoid_derivatives(value(zw));
            let w = chain(sigma, zw);
            let a_bar = feature(at(A_BAR, k, q));
            rho_bar += inner(a_bar, e2 + multiply(w, e1 - e2));
            let mix_bar = rho * a_bar;
            let e1_bar = multiply_adjoint(w, mix_bar);
            keep_feature(at(Z_BAR + W, k, q), chain_adjoint(sigma, zw, multiply_adjoint(e1 - e2, mix_bar)));
            keep_feature(at(Z_BAR, k, q), a_bar);
            keep_feature(at(Z_BAR + 1u, k, q), e1_bar);
            keep_feature(at(Z_BAR + 2u, k, q), mix_bar - e1_bar);
        }
    }
    return rho_bar;
}

// First the mix. Then Hᵀ z̄_w, which joins nothing, the three parts of Gᵀ z̄_q, which join s̄, ē₁, ē₂, and Wᵀ z̄_s, ā of
// the layer before, each but the last followed by the transpose of an activation. A group keeps its row blocks in all
// of them: nobody else touches those rows of PRODUCT.
const_assert BACKWARD_STAGES == 10u;

fn backward_stage(local: u32, layer: u32, stage: u32) {
    let z = LAYERS_SLOT + layer * LAYER_SLOTS;
    let u = (stage - 1u) / 2u;                         // 0: Hᵀ · 1, 2, 3: Gᵀ · 4: Wᵀ
    let part = select(u - 1u, 0u, u == 0u || u == 4u);
    if stage == 0u {
        partial[local] = join_adjoint(z, weight(SCALE_AT + layer).x);
        workgroupBarrier();
        if local == 0u { accumulate(slab_at + 1u + layer, vec4f(sum_partial(), 0.0, 0.0, 0.0)); }
    } else if stage % 2u == 1u {
        row_barrier();
        let source = Z_BAR + select(select(Q, W, u == 0u), 0u, u == 4u);
        let packed_at = layer * LAYER_WEIGHTS + TRANSPOSES_AT[(u + 2u) / 3u];
        for (var b = group; b < ROW_BLOCKS && (u < 4u || layer > 0u); b += GROUPS) {
            store(select(PRODUCT, A_BAR, u == 4u), b,
                product(packed_at + (part * ROW_BLOCKS + b) * WIDTH * ROW_VECTORS, false, source, 1u, WIDTH));
        }
    } else {
        let m = select(part, Q, u == 0u);
        for (var b = group; b < ROW_BLOCKS; b += GROUPS) {
            for (var i = 0u; i < ROWS * SPAN; i++) {
                let row = b * ROWS + i / SPAN;
                let bar = at(Z_BAR + m, row, i % SPAN);
                var y_bar = feature(at(PRODUCT, row, i % SPAN));
                if u > 0u { y_bar = y_bar + feature(bar); }
                keep_feature(bar, tanh_adjoint(feature(at(z + m, row, i % SPAN)), y_bar));
            }
        }
    }
}

// All five maps against (x̂, 1), which holds every bias, both encoders and the first layer's W; then the
// square blocks of W (one), G (three) and D (one). First layer: W is already done.
fn layer_gradients(local: u32, layer: u32) {
    let slab = slab_at + SLAB_LAYERS_AT + layer * SLAB_LAYER;
    for (var j = local; j < 5u * BLOCKS; j += LANES * GROUPS) {
        outer_input(Z_BAR + j / BLOCKS, (j % BLOCKS) * BLOCK, slab + j * INPUT_VECTORS);
    }
    let squares = slab + 5u * BLOCKS * INPUT_VECTORS;
    let before = LAYERS_SLOT + layer * LAYER_SLOTS - 1u;   // a of the layer before
    for (var j = local + select(0u, BLOCKS * BLOCKS, layer == 0u); j < 5u * BLOCKS * BLOCKS; j += LANES * GROUPS) {
        let m = j / (BLOCKS * BLOCKS);                 // 0: W · 1, 2, 3: G · 4: D
        let row = (j / BLOCKS) % BLOCKS * BLOCK;
        let z_slot = Z_BAR + select(select(Q, W, m == 4u), 0u, m == 0u);
        let a_slot = select(SEQ + m - 1u, before, m == 0u);
        outer(z_slot, row, a_slot, (j % BLOCKS) * BLOCK, squares + j * BLOCK_VECTORS);
    }
}
