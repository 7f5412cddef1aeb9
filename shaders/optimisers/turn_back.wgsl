// SOAP, 7: the step with its rows back in the parameters' own coordinates, Q_L U. A thread has four rows of a column.
//
// provides: turn_back
// expects:  ROW_STRIPS (prelude)

const NONE = 0xffffffffu;

@group(0) @binding(0) var<storage, read> row_strips: array<vec4u>;          // [thread] first parameter, how many, matrix
@group(0) @binding(1) var<storage, read> matrices: array<vec4u>;            // see turn_rows
@group(0) @binding(2) var<storage, read> directions: array<f32>;            // [parameter] U
@group(0) @binding(3) var<storage, read> bases: array<vec4f>;               // [side][vector][component, to the pitch]
@group(0) @binding(4) var<storage, read_write> half_back: array<f32>;       // [parameter]

@compute @workgroup_size(64)
fn turn_back(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let thread = id.x + id.y * groups.x * 64u;
    if thread >= ROW_STRIPS { return; }
    let strip = row_strips[thread];
    if strip.z == NONE {
        half_back[strip.x] = directions[strip.x];
        return;
    }
    let matrix = matrices[2u * strip.z];
    let basis = matrices[2u * strip.z + 1u];
    if basis.y == 0u {
        for (var r = 0u; r < strip.y; r++) { half_back[strip.x + r * matrix.z] = directions[strip.x + r * matrix.z]; }
        return;
    }
    let i = (strip.x - matrix.x) / matrix.z;
    let column = matrix.x + (strip.x - matrix.x) % matrix.z;
    var sum = vec4f();
    for (var k = 0u; k < matrix.y; k++) {
        sum += directions[column + k * matrix.z] * bases[(basis.x + k * basis.y + i) / 4u];
    }
    for (var r = 0u; r < strip.y; r++) { half_back[strip.x + r * matrix.z] = sum[r]; }
}
