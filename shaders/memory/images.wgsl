// Packed weights and gradient slabs in images, row by row. Some software drivers load a texel for all lanes at once, but walk
// over them one by one for an element of a storage buffer (benches/LOG.md).
//
// provides: texel_at, weight, slab_vector, keep_slab
// expects:  IMAGE_ROW_BITS (prelude)

@group(0) @binding(10) var weights: texture_storage_2d<rgba32float, read>;         // packed parameters
@group(0) @binding(12) var slabs: texture_storage_2d<rgba32float, read_write>;     // [workgroup][SLAB_VECTORS]

fn texel_at(i: u32) -> vec2u { return vec2u(i & ((1u << IMAGE_ROW_BITS) - 1u), i >> IMAGE_ROW_BITS); }

fn weight(i: u32) -> vec4f { return textureLoad(weights, texel_at(i)); }
fn slab_vector(i: u32) -> vec4f { return textureLoad(slabs, texel_at(i)); }
fn keep_slab(i: u32, g: vec4f) { textureStore(slabs, texel_at(i), g); }
