// Waiting for the other threads of a workgroup: until all have arrived, and can see what the others wrote.
//
// provides: feature_barrier, thread_barrier
// expects:  memory_barrier (memory)

fn feature_barrier() { memory_barrier(); }             // features and slabs
fn thread_barrier() { workgroupBarrier(); }            // workgroup memory
