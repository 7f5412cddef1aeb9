// The squares of the probe's rows, scaled to all entries of a term: estimates of traces. One workgroup.
//
// provides: traces_of
// expects:  REDUCERS, wait, TERMS, NUMBERS, GRAM_PARTS, PROBE_PERIOD, PROBE_SCALE (prelude)

@group(0) @binding(0) var<storage, read> gram_parts: array<f32>;            // [part][pair, …], pairs i ≤ j row by row
@group(0) @binding(1) var<storage, read_write> traces: array<f32>;          // [term]
@group(0) @binding(2) var<storage, read> control: array<u32>;               // [0]: the number of steps done

var<workgroup> squares: array<f32, REDUCERS * TERMS>;

@compute @workgroup_size(REDUCERS)
fn traces_of(@builtin(local_invocation_index) local: u32) {
    // the probe rests in other steps, and what it found stays
    let parts = select(0u, GRAM_PARTS, control[0] % PROBE_PERIOD == 0u);
    for (var k = 0u; k < TERMS; k++) {
        let pair = k * TERMS - k * (k + 1u) / 2u + k;
        var sum = 0.0;
        for (var part = local; part < parts; part += REDUCERS) { sum += gram_parts[part * NUMBERS + pair]; }
        squares[k * REDUCERS + local] = sum;
    }
    for (var half = REDUCERS / 2u; half > 0u; half /= 2u) {
        wait();
        if local < half {
            for (var k = 0u; k < TERMS; k++) { squares[k * REDUCERS + local] += squares[k * REDUCERS + local + half]; }
        }
    }
    wait();
    if local == 0u && parts > 0u {
        for (var k = 0u; k < TERMS; k++) { traces[k] = PROBE_SCALE[k] * squares[k * REDUCERS]; }
    }
}
