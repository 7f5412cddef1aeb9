// Does this driver run compute shaders with workgroup memory and barriers? result[i] = i · Σ 0…63.
//
// provides: arithmetic
// expects:  nothing

@group(0) @binding(0) var<storage, read_write> result: array<f32>;          // [64]

var<workgroup> numbers: array<f32, 64>;

@compute @workgroup_size(64)
fn arithmetic(@builtin(local_invocation_index) local: u32) {
    numbers[local] = f32(local);
    workgroupBarrier();
    var sum = 0.0;
    for (var i = 0u; i < 64u; i++) { sum += numbers[i]; }
    result[local] = f32(local) * sum;
}
