//! Gradient normalisation (GradNorm; Chen et al. 2018, arXiv 1711.02257, algorithm 1), with the plain signed step for the
//! weights that the paper's authors take: terms whose loss has fallen less get the longer gradients.

use super::gram::dot;
use super::{Gram, Seen, Strategy};

/// Ĝᵢ = wᵢ ‖gᵢ‖ is pulled to mean(Ĝ) ρᵢ^α, where ρᵢ is how much of its first loss a term still has, relative to the mean over
/// terms: wᵢ ← wᵢ − η sign(Ĝᵢ − mean(Ĝ) ρᵢ^α) ‖gᵢ‖, then all are scaled to the sum K. g = Σ wᵢ gᵢ with the new weights.
///
/// State: the weights, then the first losses. Differences below `EQUAL` of the target have no sign: rounding must not choose.
#[derive(Clone, Copy, Debug)]
pub struct GradNorm;

/// The paper's α, 3/2 here: ρ^α is ρ √ρ.
const RATE: f64 = 0.025;
/// No weight, loss, square of a length or mean counts as less.
const LEAST: f64 = 1e-12;
const EQUAL: f64 = 1e-5;

/// New weights, from the lengths of the rows.
fn weights(lengths: &[f64], seen: &Seen, state: &mut [f64]) -> Vec<f64> {
    let tasks = lengths.len();
    let (w, first) = state.split_at_mut(tasks);
    if seen.step == 0 {
        w.fill(1.0);
        first.iter_mut().zip(&seen.losses).for_each(|(first, loss)| *first = loss.max(LEAST));
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / tasks as f64;
    let left: Vec<f64> = seen.losses.iter().zip(first.iter()).map(|(loss, first)| loss / first).collect();
    let usual = mean(&left).max(LEAST);
    let weighted: Vec<f64> = w.iter().zip(lengths).map(|(w, length)| w * length).collect();
    let goal = mean(&weighted);
    for (i, w) in w.iter_mut().enumerate() {
        let rho = left[i] / usual;
        let target = goal * rho * rho.sqrt();
        let beyond = weighted[i] - target;
        let sign = if beyond.abs() <= EQUAL * target { 0.0 } else { beyond.signum() };
        *w = (*w - RATE * sign * lengths[i]).max(LEAST);
    }
    let scale = tasks as f64 / w.iter().sum::<f64>().max(LEAST);
    w.iter_mut().for_each(|w| *w *= scale);
    w.to_vec()
}

impl Strategy for GradNorm {
    fn name(&self) -> &'static str {
        "gradnorm"
    }
    fn title(&self) -> &'static str {
        "Longer gradients for terms that fall behind (GradNorm)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/gradnorm.wgsl")
    }
    fn state_length(&self, tasks: usize) -> usize {
        2 * tasks
    }
    fn combine(&self, rows: &[Vec<f64>], seen: &Seen, state: &mut [f64]) -> Vec<f64> {
        let lengths: Vec<f64> = rows.iter().map(|row| dot(row, row).max(LEAST).sqrt()).collect();
        let w = weights(&lengths, seen, state);
        (0..rows[0].len()).map(|m| rows.iter().zip(&w).map(|(row, w)| w * row[m]).sum()).collect()
    }
    fn coefficients(&self, gram: &Gram, seen: &Seen, state: &mut [f64]) -> Vec<f64> {
        let lengths: Vec<f64> = (0..gram.len()).map(|k| gram.at(k, k).max(LEAST).sqrt()).collect();
        weights(&lengths, seen, state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_steps() {
        let rows = [vec![1.0, 0.0], vec![-1.0, 1.0], vec![0.5, 0.5]];
        let mut state = vec![0.0; 6];
        let mut step = |step, losses: [f64; 3]| {
            let seen = Seen { step, ..Seen::of(&rows, &losses, &[]) };
            GradNorm.coefficients(&Gram::of(&rows), &seen, &mut state)
        };
        let close = |got: Vec<f64>, wanted: [f64; 3]| {
            assert!(got.iter().zip(wanted).all(|(g, w)| (g - w).abs() < 1e-8), "{got:?} instead of {wanted:?}");
        };
        close(step(0, [2.0, 1.0, 3.0]), [1.022_504_3, 0.962_295_91, 1.015_199_79]);
        close(step(1, [1.0, 0.9, 1.5]), [0.988_269_57, 0.988_415_17, 1.023_315_26]);
    }
}
