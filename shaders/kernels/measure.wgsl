// |r|² at every sample of the terms whose points a strategy weighs: forward only. The kernels that go both ways find the same
// residuals again, now with factors.
//
// provides: measure
// expects:  forward_layer (emitted for the network); residual (residuals); shares; tile; target

@group(0) @binding(3) var<storage, read_write> squared_residuals: array<f32>; // [sample]

@compute @workgroup_size(THREADS)
fn measure(@builtin(local_invocation_index) index: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let local = walked(index);
    let work = assigned(workgroup.x);
    enter(local, workgroup.x);
    for (var tile = 0u; tile < work.tiles; tile++) {
        load_tile(work, tile);
        barrier();
        for (var l = 0u; l < DEPTH; l++) { forward_layer(l); }
        outputs();
        barrier();
        square_residuals(work, tile);
    }
}

// As in `residuals`: of a point and its partner the jump counts, once.
fn square_residuals(work: Assigned, tile: u32) {
    let share = work.share;
    let first = (work.first_tile + tile) * POINTS;
    let paired = PAIRED && work.partner.axis < AXES;
    for (var place = lane; place < POINTS; place += LANES) {
        let sample = select(first + place, (first + place) / 2u, paired);
        let counts = group == 0u && sample < share.count && !(paired && (place & 1u) == 1u);
        var y: Fields;
        for (var o = 0u; o < FIELDS; o++) {
            y[o] = load(OUTPUT, o, place);
            if paired { y[o] = y[o] - load(OUTPUT, o, place ^ 1u); }
        }
        let at = share.first_sample + min(sample, share.count - 1u);
        let r = residual(share.term, y, samples[at]);
        if counts { squared_residuals[at] = dot(r, r); }
    }
}
