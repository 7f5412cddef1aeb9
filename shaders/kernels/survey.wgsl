// What a strategy finds at the samples that it weighs, joined in fixed order: a workgroup joins those of a span.
//
// provides: survey
// expects:  found, joined (strategies); squared_residuals, parts, steps_done (weighing); REDUCERS, wait, WEIGHED, SPAN (prelude)

var<workgroup> joint: array<f32, REDUCERS>;

@compute @workgroup_size(REDUCERS)
fn survey(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3u) {
    let end = min((workgroup.x + 1u) * SPAN, WEIGHED);
    var own = 0.0;
    for (var sample = workgroup.x * SPAN + local; sample < end; sample += REDUCERS) {
        own = joined(own, found(sample, squared_residuals[sample], steps_done()));
    }
    joint[local] = own;
    for (var half = REDUCERS / 2u; half > 0u; half /= 2u) {
        wait();
        if local < half { joint[local] = joined(joint[local], joint[local + half]); }
    }
    wait();
    if local == 0u { parts[workgroup.x] = joint[0]; }
}
