// The network at given points: forward only, a tile of points per workgroup and turn.
//
// provides: predict
// expects:  forward_layer (emitted for the network); tile; target; a jet of STREAMS = 1 (value) or 3 (gradient) streams

@group(0) @binding(0) var<storage, read> points: array<f32>;                // [point][axis], physical
@group(0) @binding(3) var<storage, read_write> fields: array<f32>;          // [point][field][stream]
@group(0) @binding(4) var<uniform> batch: vec4u;                            // x: the first tile of this dispatch

@compute @workgroup_size(THREADS)
fn predict(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3u) {
    enter(local, workgroup.x);
    for (var tile = 0u; tile < TILES; tile++) {
        let first = (batch.x + workgroup.x * TILES + tile) * POINTS;
        inputs(0u, POINT_COUNT, first, Partner(AXES, 0.0));
        barrier();
        for (var l = 0u; l < DEPTH; l++) { forward_layer(l); }
        outputs();
        barrier();
        for (var i = local; i < POINTS * FIELDS; i += THREADS) {
            let point = first + i / FIELDS;
            let y = load(OUTPUT, i % FIELDS, i / FIELDS);
            if point < POINT_COUNT {
                let at = STREAMS * (point * FIELDS + i % FIELDS);
                fields[at] = value(y);
                if STREAMS == 3u {
                    fields[at + 1u] = d0(y);
                    fields[at + 2u] = d1(y);
                }
            }
        }
        barrier();
    }
}
