// Where features, weights and gradient slabs lie: in images, row by row. Software rendering loads a texel for all its
// lanes at once, but walks over them one by one for an element of a storage buffer: 13 ns against 206 ns for a vec4f
// inside a loop (benches/LOG.md).
//
// A line with $t is repeated for $t below TEXELS.
//
// provides: feature, keep_feature, memory_barrier, weight, slab_vector, keep_slab
// expects:  Jet, TEXELS, texel, from_texels (jets); IMAGE_ROW_BITS (prelude)

@group(0) @binding(10) var weights: texture_storage_2d<rgba32float, read>;         // packed parameters
@group(0) @binding(11) var scratch: texture_storage_2d<rgba32float, read_write>;   // [workgroup][slot][feature][point][TEXELS]
@group(0) @binding(12) var slabs: texture_storage_2d<rgba32float, read_write>;     // [workgroup][SLAB_VECTORS]

fn texel_at(i: u32) -> vec2u { return vec2u(i & ((1u << IMAGE_ROW_BITS) - 1u), i >> IMAGE_ROW_BITS); }

fn weight(i: u32) -> vec4f { return textureLoad(weights, texel_at(i)); }

fn feature(i: u32) -> Jet {
    return from_texels(array<vec4f, TEXELS>(
        textureLoad(scratch, texel_at(i * TEXELS + $tu)),
    ));
}
fn keep_feature(i: u32, u: Jet) {
    textureStore(scratch, texel_at(i * TEXELS + $tu), texel(u, $tu));
}
fn memory_barrier() { textureBarrier(); }

fn slab_vector(i: u32) -> vec4f { return textureLoad(slabs, texel_at(i)); }
fn keep_slab(i: u32, g: vec4f) { textureStore(slabs, texel_at(i), g); }
