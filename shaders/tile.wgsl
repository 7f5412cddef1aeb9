// A tile of POINTS points on its way through a network: its inputs, the linear output layer with its transpose and
// gradient, and sums over the threads of the workgroup. What happens in the hidden layers is emitted for each network.
//
// A tile keeps feature vectors: `load(vector, row, place)` and `keep` of the target reach row `row` of vector number
// `vector` at place `place` of the tile. Vectors INPUT, OUTPUT, OUTPUT_BAR and A_BAR stand outside the layers.
//
// provides: Partner, inputs, outputs, outputs_adjoint, output_gradient, accumulate, sum_over_threads, sum_scale
// expects:  Jet, inner … (jets); load, keep, weight, slab_vector, keep_slab, thread_barrier, enter, lane, group, fresh, slab_at
//           (target); points (kernels); LANES, GROUPS, POINTS … (prelude)

// The partner of a point: the same point with its coordinate on `axis` moved to `at`. Even places of a tile then
// hold points and the odd ones behind them their partners. `axis` = AXES: points stand alone, one per place.
struct Partner { axis: u32, at: f32 }

// Jets of the normalised coordinates for the places of a tile that begins at place `first` of a point set. Past the set's
// end the last point is repeated; its weight must be zero there.
fn inputs(set_at: u32, count: u32, first: u32, partner: Partner) {
    if group != 0u { return; }
    for (var place = lane; place < POINTS; place += LANES) {
        let nth = first + place;
        let point = set_at + min(select(nth, nth / 2u, partner.axis < AXES), count - 1u);
        for (var axis = 0u; axis < AXES; axis++) {
            let x = select(points[point * AXES + axis], partner.at, axis == partner.axis && (nth & 1u) == 1u);
            keep(INPUT, axis, place, jet_input(SLOPES[axis] * x + OFFSETS[axis], axis));
        }
    }
}

// The linear output layer, y = W a + b; packed as one vec4 of fields per feature, the bias last.
fn outputs() {
    for (var o = group; o < FIELDS; o += GROUPS) {
        for (var place = lane; place < POINTS; place += LANES) {
            var y = jet_constant(weight(OUTPUT_AT + WIDTH)[o]);
            for (var k = 0u; k < WIDTH; k++) { y = y + weight(OUTPUT_AT + k)[o] * load(LAST, k, place); }
            keep(OUTPUT, o, place, y);
        }
    }
}

// One row of its transpose, ā = Wᵀ ȳ.
fn outputs_adjoint(row: u32, place: u32) -> Jet {
    let w = weight(OUTPUT_AT + min(row, WIDTH - 1u));
    var a_bar = jet_zero();
    for (var o = 0u; o < FIELDS; o++) { a_bar = a_bar + w[o] * load(OUTPUT_BAR, o, place); }
    return a_bar;
}

// Its gradient, W̄ = Σ ȳ aᵀ and b̄ = Σ ȳ over points and streams: a feature per thread, the bias last.
fn output_gradient(local: u32) {
    for (var k = local; k <= WIDTH; k += THREADS) {
        var sum = vec4f();
        for (var place = 0u; place < POINTS; place++) {
            var a = jet_constant(1.0);
            if k < WIDTH { a = load(LAST, k, place); }
            for (var o = 0u; o < FIELDS; o++) { sum[o] += inner(load(OUTPUT_BAR, o, place), a); }
        }
        accumulate(slab_at + SLAB_OUTPUT_AT + k, sum);
    }
}

// A workgroup's slab of partial sums: the loss, one vec4f; a layer's scale ρ each (left alone where ρ is not trained); layer after
// layer, map after map, the gradients against (coordinates, one) and then those of the squares; the output layer. What
// belongs to no parameter, say of rows past the width, may be anything: `reduce` takes the entries that have owners.
// The first tile of a workgroup writes its slab, the others add.
fn accumulate(i: u32, g: vec4f) {
    if fresh { keep_slab(i, g); } else { keep_slab(i, slab_vector(i) + g); }
}

var<workgroup> partial: array<f32, THREADS>;

// In fixed order, so that a run repeats bit by bit; for thread 0 alone.
fn sum_over_threads(local: u32, own: f32) -> f32 {
    partial[local] = own;
    thread_barrier();
    var sum = 0.0;
    if local == 0u {
        for (var i = 0u; i < THREADS; i++) { sum += partial[i]; }
    }
    return sum;
}

// The gradient of layer l's scale ρ, where it is trained.
fn sum_scale(local: u32, l: u32, own: f32) {
    let sum = sum_over_threads(local, own);
    if local == 0u { accumulate(slab_at + 1u + l, vec4f(sum, 0.0, 0.0, 0.0)); }
}
