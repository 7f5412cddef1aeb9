// How many trips of one loop does this driver run? The start of the sum keeps it from being folded away.
//
// provides: long_loops
// expects:  nothing

@group(0) @binding(0) var<storage, read_write> result: array<f32>;          // [1]

@compute @workgroup_size(1)
fn long_loops() {
    var trips = result[0];
    for (var i = 0u; i < 200000u; i++) { trips += 1.0; }
    result[0] = trips;
}
