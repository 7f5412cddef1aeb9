// Packed weights and gradient slabs in storage buffers.
//
// provides: weight, slab_vector, keep_slab
// expects:  nothing

@group(0) @binding(10) var<storage, read> weights: array<vec4f>;            // packed parameters
@group(0) @binding(12) var<storage, read_write> slabs: array<vec4f>;        // [workgroup][SLAB_VECTORS]

fn weight(i: u32) -> vec4f { return weights[i]; }
fn slab_vector(i: u32) -> vec4f { return slabs[i]; }
fn keep_slab(i: u32, g: vec4f) { slabs[i] = g; }
