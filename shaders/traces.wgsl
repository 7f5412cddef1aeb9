// What the last probe found, for strategies.
//
// provides: trace_of
// expects:  nothing

@group(0) @binding(8) var<storage, read> traces: array<f32>;                // [term]

fn trace_of(k: u32) -> f32 { return traces[k]; }
