// What depends on the step alone: learning rate (warm-up, then half a cosine) and
// Adam's bias corrections. Twin of math/schedule.rs.
//
// provides: learning_rate, one_minus_exp
// expects:  cos_pi, exponential (math); settings (kernels/coefficients_of)

// Kinds of settings[4], as plans/settings.rs numbers them.
const RATE_CONSTANT = 0u;
const RATE_BY_STEP = 1u;         // the place on the cosine follows from the step, otherwise it is settings[9]

fn learning_rate(done: u32) -> f32 {
    let rate = bitcast<f32>(settings[5]);
    if settings[4] == RATE_CONSTANT { return rate; }
    let final_rate = bitcast<f32>(settings[6]);
    let warmup = settings[7];
    if done < warmup { return final_rate + (rate - final_rate) * f32(done + 1u) / f32(warmup); }
    var progress = bitcast<f32>(settings[9]);
    if settings[4] == RATE_BY_STEP { progress = f32(done - warmup) / f32(settings[8]); }
    return final_rate + 0.5 * (rate - final_rate) * (1.0 + cos_pi(min(progress, 1.0)));
}

// 1 − eˣ for x ≤ 0. Near zero by its series: the difference would lose what 1 − β₂ᵗ has to say early on.
fn one_minus_exp(x: f32) -> f32 {
    let series = -x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0)))));
    return select(1.0 - exponential(x), series, x > -0.25);
}
