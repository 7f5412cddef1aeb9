// The factors of squared residuals, from what `survey` has found.
//
// provides: weigh
// expects:  factor, joined (strategies); squared_residuals, parts, steps_done (weighing); WEIGHED, SURVEYED (prelude)

@group(0) @binding(4) var<storage, read_write> factors: array<f32>;         // [sample]

@compute @workgroup_size(64)
fn weigh(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let sample = id.x + id.y * groups.x * 64u;
    if sample >= WEIGHED { return; }
    var whole = 0.0;
    for (var part = 0u; part < SURVEYED; part++) { whole = joined(whole, parts[part]); }
    factors[sample] = factor(sample, squared_residuals[sample], steps_done(), whole);
}
