// Where features, weights and gradient slabs lie: in storage buffers, which is what GPUs want.
//
// provides: feature, keep_feature, memory_barrier, weight, slab_vector, keep_slab
// expects:  Jet (jets)

@group(0) @binding(10) var<storage, read> weights: array<vec4f>;            // packed parameters
@group(0) @binding(11) var<storage, read_write> scratch: array<Jet>;        // [workgroup][slot][feature][point]
@group(0) @binding(12) var<storage, read_write> slabs: array<vec4f>;        // [workgroup][SLAB_VECTORS]

fn weight(i: u32) -> vec4f { return weights[i]; }

fn feature(i: u32) -> Jet { return scratch[i]; }
fn keep_feature(i: u32, u: Jet) { scratch[i] = u; }
fn memory_barrier() { storageBarrier(); }

fn slab_vector(i: u32) -> vec4f { return slabs[i]; }
fn keep_slab(i: u32, g: vec4f) { slabs[i] = g; }
