// What depends on the step alone: learning rate (warm-up, then half a cosine) and
// Adam's bias corrections. Twin of math/schedule.rs.
//
// provides: learning_rate, one_minus_exp
// expects:  cos_pi, exponential (math); CONSTANT_RATE, RATE, FINAL_RATE, WARMUP, DECAY (prelude)

fn learning_rate(done: u32) -> f32 {
    if CONSTANT_RATE { return RATE; }
    if done < WARMUP { return FINAL_RATE + (RATE - FINAL_RATE) * f32(done + 1u) / f32(WARMUP); }
    let progress = min(f32(done - WARMUP) / f32(DECAY), 1.0);
    return FINAL_RATE + 0.5 * (RATE - FINAL_RATE) * (1.0 + cos_pi(progress));
}

// 1 − eˣ for x ≤ 0. Near zero by its series: the difference would lose what 1 − β₂ᵗ has to say early on.
fn one_minus_exp(x: f32) -> f32 {
    let series = -x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0)))));
    return select(1.0 - exponential(x), series, x > -0.25);
}
