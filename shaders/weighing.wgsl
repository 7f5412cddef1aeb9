// What kernels that weigh points share: squared residuals, and what the strategy keeps of every sample.
//
// provides: squared_residuals, parts, settings, recall_of, remember_of, steps_done
// expects:  WEIGHED, KEPT_AT (prelude)

@group(0) @binding(0) var<storage, read_write> squared_residuals: array<f32>; // [sample] |r|²
@group(0) @binding(1) var<storage, read_write> parts: array<f32>;           // [workgroup of `survey`]
@group(0) @binding(2) var<storage, read> control: array<u32>;               // [0]: the number of steps done
@group(0) @binding(3) var<storage, read_write> state: array<f32>;           // from KEPT_AT on [number][sample]
@group(0) @binding(5) var<storage, read> settings: array<u32>;              // for schedule.wgsl

fn recall_of(sample: u32, number: u32) -> f32 { return state[KEPT_AT + number * WEIGHED + sample]; }
fn remember_of(sample: u32, number: u32, x: f32) { state[KEPT_AT + number * WEIGHED + sample] = x; }
fn steps_done() -> u32 { return control[0]; }
