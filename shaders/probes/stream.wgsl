// Reads every number of a large buffer and writes it back, increased: what this adapter can move. One access per
// thread and no loop: loads inside loops are slow in software, and it is the memory that is asked here.
//
// provides: stream
// expects:  nothing

@group(0) @binding(0) var<storage, read_write> data: array<vec4f>;

@compute @workgroup_size(64)
fn stream(
    @builtin(local_invocation_index) local: u32,
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = (workgroup.x + workgroup.y * groups.x) * 64u + local;
    if i < arrayLength(&data) { data[i] += vec4f(1.0, 2.0, 3.0, 4.0); }
}
