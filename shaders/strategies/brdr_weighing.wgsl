// Balanced residual decay rate (Chen et al. 2024, arXiv 2407.01613): points whose residual falls slowly, measured by
// I = r² / √(mean of r⁴ so far), weigh more. See src/strategies/brdr.rs.
//
// provides: found, joined, factor
// expects:  recall_of, remember_of (weighing); one_minus_exp (schedule); WEIGHED (prelude)

const MEMORY = 0.999;            // β
const LOG_MEMORY = -0.0010005003335835335;
const LEAST = 1e-12;

const MOMENT = 0u;               // what is kept of a sample
const WEIGHT = 1u;

// I of a sample, from its moment of this step.
fn slowness(sample: u32, square: f32, index: u32) -> f32 {
    let mean = recall_of(sample, MOMENT) / one_minus_exp(f32(index + 1u) * LOG_MEMORY);
    return square / sqrt(mean + LEAST);
}

fn found(sample: u32, square: f32, index: u32) -> f32 {
    let before = select(recall_of(sample, MOMENT), 0.0, index == 0u);
    remember_of(sample, MOMENT, MEMORY * before + (1.0 - MEMORY) * square * square);
    return slowness(sample, square, index);
}

fn joined(a: f32, b: f32) -> f32 { return a + b; }

fn factor(sample: u32, square: f32, index: u32, whole: f32) -> f32 {
    let before = select(recall_of(sample, WEIGHT), 1.0, index == 0u);
    let usual = max(whole / f32(WEIGHED), LEAST);
    let w = MEMORY * before + (1.0 - MEMORY) * slowness(sample, square, index) / usual;
    remember_of(sample, WEIGHT, w);
    return w;
}
