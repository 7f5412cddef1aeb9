// Layer-wise dynamic attention (paper §3): each hidden layer re-encodes the coordinates twice, a gate
// mixes the two encodings per feature, and the mix joins the main path.
//   s = tanh(W a + b)    e₁ = tanh(U x̂ + c)    e₂ = tanh(V x̂ + d)
//   q = tanh(G [s; e₁; e₂] + g)    w = σ(r₁ − r₂), r = H q + k    a' = s + ρ (e₂ + w (e₁ − e₂))
// The two-way softmax is COLLAPSED: only D = H₁ − H₂ is multiplied, and ∂/∂H₂ = −∂/∂H₁. Otherwise both are, as written.
//
// provides: forward_stage, forward_at_once, backward_stage, backward_at_once, layer_gradients, Errand, arrive,
//           INPUT_SLOT, OUTPUT_SLOT, A_BAR, SUMS, LAST
// expects:  tile; products; tanh_jet, sigmoid_jet and adjoints (activations); multiply and its adjoint (jets);
//           partial (kernels); MAPS_AT, TRANSPOSES_AT, LAYER_WEIGHTS, SLAB_*, AT_ONCE, KEPT, SPLIT_K, COLLAPSED (prelude)

const INPUT_SLOT = 0u;
const OUTPUT_SLOT = 1u;
const A_BAR = 2u;
const SUMS = 3u;                                       // sums on their way through a product
const PRODUCT = 4u;                                    // three: rows on their way to what follows a transpose
const COTANGENTS_SLOT = 7u;                            // of the pre-activations; SPLIT_K, of every layer's
const Q = 3u;  const W = 4u;  const A = 5u;            // places within a layer, after s, e₁, e₂
const LOGITS = select(2u, 1u, COLLAPSED);
const MAPS = W + LOGITS;                               // W, U, V, G, and D or H₁, H₂
const LAYERS_SLOT = COTANGENTS_SLOT + select(MAPS, MAPS * DEPTH, SPLIT_K);
                                                       // s, e₁, e₂, q, w, a of every layer; not KEPT, a alone is
const LAST = LAYERS_SLOT + select(W + DEPTH, (A + 1u) * DEPTH - 1u, KEPT);
const_assert SLOTS == LAST + 1u;

fn z_slot(layer: u32) -> u32 { return COTANGENTS_SLOT + select(0u, MAPS * layer, SPLIT_K); }
fn layer_slot(layer: u32) -> u32 { return LAYERS_SLOT + select(0u, (A + 1u) * layer, KEPT); }
const A_STEP = select(1u, A + 1u, KEPT);
fn a_slot(layer: u32) -> u32 { return LAYERS_SLOT + A + A_STEP * layer; }

// Where the rows of a product go: map `m` of a layer, or its transpose.
struct Errand { layer: u32, m: u32, backward: bool }

// A row fresh from a product. What follows it does so at once, or, where every primitive has a dispatch of its own, in
// the next stage.
fn arrive(errand: Errand, part: u32, row: u32, q: u32, u: Jet) {
    let i = at(waiting(errand) + part, row, q);
    if errand.backward && errand.m == 0u {
        keep_feature(at(A_BAR, row, q), u);
    } else if first_of_two(errand) {
        keep_feature(i, u);
    } else {
        var whole = u;
        if !COLLAPSED && errand.m >= W {               // r₁ − r₂, or H₂ᵀ z̄₂ + H₁ᵀ z̄₁
            whole = feature(i) + select(-1.0, 1.0, errand.backward) * u;
        }
        if AT_ONCE { follow(errand, part, row, q, whole); } else { keep_feature(i, whole); }
    }
}

fn waiting(errand: Errand) -> u32 {
    return select(layer_slot(errand.layer) + min(errand.m, W), PRODUCT, errand.backward);
}

// Whether nothing follows before the other branch: forward, H₁ comes before H₂, and backward, after it.
fn first_of_two(errand: Errand) -> bool {
    return !COLLAPSED && errand.m >= W && (errand.m > W) == errand.backward;
}

// What follows a map: its activation, behind H also the mix a' = s + ρ (e₂ + w (e₁ − e₂)). What follows a transpose: the
// cotangent joins that which the mix left, and passes the activation.
fn follow(errand: Errand, part: u32, row: u32, q: u32, u: Jet) {
    let slot = layer_slot(errand.layer);
    let rho = weight(SCALE_AT + errand.layer).x;
    if errand.backward {
        var m = Q;
        var y_bar = u;
        if errand.m == Q {                             // the three parts of Gᵀ z̄_q
            m = part;
            let a_bar = feature(at(A_BAR, row, q));
            let mix_bar = rho * a_bar;
            let e1_bar = multiply_adjoint(feature(at(slot + W, row, q)), mix_bar);
            if part == 0u { y_bar = y_bar + a_bar; }
            if part == 1u { y_bar = y_bar + e1_bar; }
            if part == 2u { y_bar = y_bar + (mix_bar - e1_bar); }
        }
        keep_feature(at(z_slot(errand.layer) + m, row, q), tanh_adjoint(feature(at(slot + m, row, q)), y_bar));
    } else if errand.m < W {
        keep_feature(at(slot + errand.m, row, q), tanh_jet(u));
    } else {
        let w = sigmoid_jet(u);
        let e1 = feature(at(slot + 1u, row, q));
        let e2 = feature(at(slot + 2u, row, q));
        keep_feature(at(slot + W, row, q), w);
        keep_feature(at(a_slot(errand.layer), row, q), feature(at(slot, row, q)) + rho * (e2 + multiply(w, e1 - e2)));
    }
}

fn follow_later(errand: Errand, parts: u32) {
    for (var part = 0u; part < parts && !first_of_two(errand); part++) {
        for (var i = 0u; i < OWN_ROWS; i++) {
            let row = own_row(i);
            for (var q = 0u; q < SPAN && row < ROWS_END; q++) {
                follow(errand, part, row, q, feature(at(waiting(errand) + part, row, q)));
            }
        }
    }
}

// Even stages are the maps in turn; one text for all keeps drivers' compile times short. Behind each comes what follows it.
const_assert FORWARD_STAGES == 2u * MAPS;

fn forward_stage(layer: u32, stage: u32) {
    let slot = layer_slot(layer);
    let m = stage / 2u;
    let errand = Errand(layer, m, false);
    if stage == 2u * Q || m >= W { row_barrier(); }
    if stage % 2u == 0u {
        let inputs = m == 1u || m == 2u || (m == 0u && layer == 0u);
        var source = select(a_slot(layer) - A_STEP, INPUT_SLOT, inputs);
        if m == Q { source = slot; }
        if m >= W { source = slot + Q; }
        product(Map(layer * LAYER_WEIGHTS + MAPS_AT[m], source, select(1u, 3u, m == Q), inputs, 1u, true), errand);
    } else if !AT_ONCE {
        follow_later(errand, 1u);
    }
}

// Stage numbers as constants: software rendering runs all branches, with some lanes' results thrown away.
fn forward_at_once(layer: u32) {
    forward_stage(layer, 0u);
    forward_stage(layer, 2u);
    forward_stage(layer, 4u);
    forward_stage(layer, 2u * Q);
    forward_stage(layer, 2u * W);
    if !COLLAPSED { forward_stage(layer, 2u * MAPS - 2u); }
}

// First the mix. Then Dᵀ z̄_w, or H₂ᵀ z̄₂ and H₁ᵀ z̄₁, and the three parts of Gᵀ z̄_q, each followed by the transposes of
// activations, and Wᵀ z̄_s, ā of the layer before.
const_assert BACKWARD_STAGES == 2u * (LOGITS + 2u);

fn backward_stage(local: u32, layer: u32, stage: u32) {
    if stage == 0u {
        partial[local] = join_adjoint(layer);
        thread_barrier();
        if local == 0u { accumulate(slab_at + 1u + layer, vec4f(sum_partial(), 0.0, 0.0, 0.0)); }
    } else {
        transpose_stage(layer, stage);
    }
}

fn backward_at_once(local: u32, layer: u32) {
    backward_stage(local, layer, 0u);
    for (var stage = 1u; stage < BACKWARD_STAGES; stage += 2u) { transpose_stage(layer, stage); }
}

fn transpose_stage(layer: u32, stage: u32) {
    let back = MAPS - 1u - (stage - 1u) / 2u;
    let m = select(0u, back, back >= Q);
    let parts = select(1u, 3u, m == Q);
    let errand = Errand(layer, m, true);
    if stage % 2u == 1u {
        let map = Map(layer * LAYER_WEIGHTS + TRANSPOSES_AT[m], z_slot(layer) + m, 1u, false, parts, false);
        row_barrier();
        if m > 0u || layer > 0u { product(map, errand); }
    } else if !AT_ONCE {
        follow_later(errand, parts);
    }
}

// z̄_w, which is z̄₁ = −z̄₂ of two branches, and this thread's part of ρ̄.
fn join_adjoint(layer: u32) -> f32 {
    let slot = layer_slot(layer);
    let rho = weight(SCALE_AT + layer).x;
    var rho_bar = 0.0;
    for (var k = group; k < WIDTH; k += GROUPS) {
        for (var q = 0u; q < SPAN; q++) {
            let e2 = feature(at(slot + 2u, k, q));
            let difference = feature(at(slot + 1u, k, q)) - e2;
            let w = feature(at(slot + W, k, q));
            let a_bar = feature(at(A_BAR, k, q));
            rho_bar += inner(a_bar, e2 + multiply(w, difference));
            let z_bar = sigmoid_adjoint(w, multiply_adjoint(difference, rho * a_bar));
            keep_feature(at(z_slot(layer) + W, k, q), z_bar);
            if !COLLAPSED { keep_feature(at(z_slot(layer) + MAPS - 1u, k, q), -1.0 * z_bar); }
        }
    }
    return rho_bar;
}

// All maps against (x̂, 1), which holds every bias, both encoders and the first layer's W; then the square blocks of W (one),
// G (three) and D, or H₁ and H₂ (one each). First layer: W is already done.
fn layer_gradients(local: u32, layer: u32) {
    let z_bar = z_slot(layer);
    let slab = slab_at + SLAB_LAYERS_AT + layer * SLAB_LAYER;
    for (var j = first_unit(local); j < MAPS * INPUT_UNITS; j += UNIT_STEP) {
        outer_input(z_bar + j / INPUT_UNITS, j % INPUT_UNITS, slab + j * INPUT_VECTORS);
    }
    let squares = slab + MAPS * INPUT_UNITS * INPUT_VECTORS;
    for (var j = first_unit(local) + select(0u, SQUARE_UNITS, layer == 0u); j < MAPS * SQUARE_UNITS; j += UNIT_STEP) {
        let m = j / SQUARE_UNITS;                      // 0: W · 1, 2, 3: G · 4: D or H₁ · 5: H₂
        let a = select(layer_slot(layer) + min(m - 1u, Q), a_slot(layer) - A_STEP, m == 0u);
        outer(z_bar + select(max(m, Q), 0u, m == 0u), a, j % SQUARE_UNITS, squares + j * SQUARE_VECTORS);
    }
}
