// A pass that probes the residuals: some entries of a term get random signs in place of their residuals, so that the term's row is
// the gradient of their sum. The same kernels serve this pass and the plain one; in most steps the probe rests.
//
// provides: probing, resting, probe_weight, probed
// expects:  philox (rng); PROBE_PERIOD, PROBE_ENTRIES, PROBE_STRIDE, TERM_SAMPLE, COMPONENTS (prelude)

const STREAM_PROBE = 7u;         // counter [entry, step, PROBE, term], the lowest bit of word 0

@group(0) @binding(5) var<storage, read> control: array<u32>;               // [0]: the number of steps done
@group(0) @binding(6) var<storage, read> settings: array<u32>;              // [2..4]: seed of the orders, and of signs
@group(0) @binding(7) var<uniform> probing: vec4u;                          // x: 1 in the pass that probes

fn resting() -> bool { return probing.x == 1u && control[0] % PROBE_PERIOD != 0u; }

// With it 2 · weight · r is the sign itself.
fn probe_weight(weight: f32) -> f32 { return select(weight, 0.5, probing.x == 1u); }

// The residual r of a sample, or its signs; entries are counted over all samples and components of a term.
fn probed(r: vec4f, term: u32, sample: u32) -> vec4f {
    if probing.x == 0u { return r; }
    var signs = vec4f();
    for (var c = 0u; c < COMPONENTS[term]; c++) {
        let entry = (sample - TERM_SAMPLE[term]) * COMPONENTS[term] + c;
        let nth = entry / PROBE_STRIDE[term];
        if entry % PROBE_STRIDE[term] == 0u && nth < PROBE_ENTRIES {
            let word = philox(vec4u(nth, control[0], STREAM_PROBE, term), vec2u(settings[2], settings[3])).x;
            signs[c] = select(-1.0, 1.0, (word & 1u) == 1u);
        }
    }
    return signs;
}
