// Waiting for the other threads of a workgroup that is one subgroup. Software rendering runs a subgroup in step; at a
// barrier of a workgroup it would put it aside and take it up again, and keep nothing in registers (benches/LOG.md).
//
// provides: feature_barrier, thread_barrier
// expects:  nothing

fn feature_barrier() { subgroupBarrier(); }            // features and slabs
fn thread_barrier() { subgroupBarrier(); }             // workgroup memory
