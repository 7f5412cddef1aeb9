// The network at given points: forward only, a tile of points per workgroup and turn.
//
// provides: predict
// expects:  forward (passes), LAST (networks); tile; memory; a jet of STREAMS = 1 (value) or 3 (gradient) streams

@group(0) @binding(0) var<storage, read> points: array<f32>;                // [point][axis], physical
@group(0) @binding(3) var<storage, read_write> fields: array<f32>;          // [point][field][stream]
@group(0) @binding(4) var<uniform> batch: vec4u;                            // x: the first tile of this dispatch

// What the transposes of the same files would write to; this kernel never calls them.
var<private> partial: array<f32, 1>;
fn sum_partial() -> f32 { return 0.0; }

const ALL_TILES = false;                               // weight gradients are summed tile by tile

@compute @workgroup_size(THREADS)
fn predict(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3u) {
    enter(local, workgroup.x);
    for (var tile = 0u; tile < TILES; tile++) {
        let first = (batch.x + workgroup.x * TILES + tile) * POINTS;
        if group == 0u { load_inputs(0u, POINT_COUNT, first, Partner(AXES, 0.0)); }
        feature_barrier();
        forward();
        if group == 0u {
            for (var q = 0u; q < SPAN; q++) {
                let point = first + q * LANES + lane;
                let y = outputs(LAST, q * LANES + lane);
                if point < POINT_COUNT {
                    for (var o = 0u; o < FIELDS; o++) {
                        let i = STREAMS * (point * FIELDS + o);
                        fields[i] = value(y[o]);
                        if STREAMS == 3u {
                            fields[i + 1u] = d0(y[o]);
                            fields[i + 2u] = d1(y[o]);
                        }
                    }
                }
            }
        }
        feature_barrier();
    }
}
