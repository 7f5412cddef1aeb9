// Reads every vector of a large array and writes it back, increased: what this adapter can move. One access per
// thread and no loop: loads inside loops are slow in software, and it is the memory that is asked here.
//
// provides: stream
// expects:  slab_vector, keep_slab (memory); VECTORS (prelude)

@compute @workgroup_size(64)
fn stream(
    @builtin(local_invocation_index) local: u32,
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) groups: vec3u,
) {
    let i = (workgroup.x + workgroup.y * groups.x) * 64u + local;
    if i < VECTORS { keep_slab(i, slab_vector(i) + vec4f(1.0, 2.0, 3.0, 4.0)); }
}
