//! Balanced residual decay rate (BRDR; Chen, Howard, Stinis 2024, arXiv 2407.01613): points of all terms whose residuals fall
//! slowly weigh more, and a scale keeps the loss as steep as it is high.

use super::gram::dot;
use super::sum::total;
use super::{Gram, Seen, Strategy, Weighing};

/// Of every sample m ← β m + (1 − β) r⁴, I = r² / √(m / (1 − βᵗ)) and w ← β w + (1 − β) I / mean(I), where the mean is over the
/// samples of all terms. The loss is s Σ mean(w r²). Before the update s ← (1 − η) s + 2 s L / ‖∇L‖², with the learning rate η,
/// and g is the gradient with the new s. Weights and s begin with one, moments with zero.
///
/// Where r has components r² is the sum of their squares. State: s; of every sample m and w.
#[derive(Clone, Copy, Debug)]
pub struct Brdr;

/// β, of moments and weights.
const MEMORY: f64 = 0.999;
/// No mean of r⁴, no mean of I and no square of a gradient counts as less.
const LEAST: f64 = 1e-12;
/// The square of the sum of the rows counts as no less than this share of the sum of their squares: below, rounding decides.
const ROUNDING: f64 = 1e-6;

/// The next scale, from ‖Σ gₖ‖² and Σ ‖gₖ‖², where rows and losses are without the scale.
fn scale(square: f64, lengths: f64, seen: &Seen, state: &mut [f64]) -> f64 {
    let s = if seen.step == 0 { 1.0 } else { state[0] };
    let steep = (s * s * square.max(ROUNDING * lengths)).max(LEAST);
    state[0] = (1.0 - seen.rate) * s + 2.0 * s * s * seen.losses.iter().sum::<f64>() / steep;
    state[0]
}

impl Strategy for Brdr {
    fn name(&self) -> &'static str {
        "brdr"
    }
    fn title(&self) -> &'static str {
        "Points weighed by how slowly their residuals fall (balanced residual decay rate)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/brdr.wgsl")
    }
    fn state_length(&self, _tasks: usize) -> usize {
        1
    }
    fn weighing(&self) -> Option<&dyn Weighing> {
        Some(self)
    }
    fn combine(&self, rows: &[Vec<f64>], seen: &Seen, state: &mut [f64]) -> Vec<f64> {
        let sum = total(rows);
        let s = scale(dot(&sum, &sum), rows.iter().map(|row| dot(row, row)).sum(), seen, state);
        sum.into_iter().map(|g| s * g).collect()
    }
    fn coefficients(&self, gram: &Gram, seen: &Seen, state: &mut [f64]) -> Vec<f64> {
        let lengths = (0..gram.len()).map(|k| gram.at(k, k)).sum();
        vec![scale(gram.entries().iter().sum(), lengths, seen, state); gram.len()]
    }
}

impl Weighing for Brdr {
    fn terms(&self, tasks: usize) -> usize {
        tasks
    }
    fn kept(&self) -> usize {
        2
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/brdr_weighing.wgsl")
    }
    fn factors(&self, step: u64, squares: &[Vec<f64>], kept: &mut [f64]) -> Vec<Vec<f64>> {
        let (m, w) = kept.split_at_mut(kept.len() / 2);
        if step == 0 {
            m.fill(0.0);
            w.fill(1.0);
        }
        let bias = 1.0 - MEMORY.powf(step as f64 + 1.0);
        let slowness = |(m, square): (&mut f64, &f64)| {
            *m = MEMORY * *m + (1.0 - MEMORY) * square * square;
            square / (*m / bias + LEAST).sqrt()
        };
        let slow: Vec<f64> = m.iter_mut().zip(squares.iter().flatten()).map(slowness).collect();
        let usual = (slow.iter().sum::<f64>() / slow.len() as f64).max(LEAST);
        w.iter_mut().zip(slow).for_each(|(w, slow)| *w = MEMORY * *w + (1.0 - MEMORY) * slow / usual);
        let mut rest = w.iter().copied();
        squares.iter().map(|term| rest.by_ref().take(term.len()).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_steps() {
        let mut kept = vec![f64::NAN; 6];
        let mut step = |step, squares: [Vec<f64>; 2]| {
            let factors = Brdr.factors(step, &squares, &mut kept);
            let mean = |(f, s): (&Vec<f64>, &Vec<f64>)| dot(f, s) / f.len() as f64;
            let losses: Vec<f64> = factors.iter().zip(&squares).map(mean).collect();
            (factors.concat(), losses)
        };
        let close = |got: &[f64], wanted: &[f64]| {
            assert!(got.iter().zip(wanted).all(|(g, w)| (g - w).abs() < 2e-8), "{got:?} instead of {wanted:?}");
        };
        let (w, losses) = step(0, [vec![4.0, 1.0], vec![1.0]]);
        close(&w, &[1.0; 3]);
        close(&losses, &[2.5, 1.0]);
        let seen = Seen { rate: 1e-3, losses, ..Seen::default() };
        let mut state = [f64::NAN];
        let c = Brdr.coefficients(&Gram::from_entries(2, vec![4.0, 1.0, 1.0, 1.0]), &seen, &mut state);
        close(&c, &[1.999; 2]);
        let (w, losses) = step(1, [vec![1.0, 0.81], vec![0.25]]);
        close(&w, &[0.999_652_92, 1.000_694_16, 0.999_652_92]);
        close(&[state[0] * losses.iter().sum::<f64>()], &[2.308_886_629]);
    }
}
