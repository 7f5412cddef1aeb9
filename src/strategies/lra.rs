//! Learning-rate annealing (LRA; Wang, Teng, Perdikaris 2021, arXiv 2001.04536, algorithm 1): conditions weigh so much that
//! their gradients' mean entry reaches the largest of the equation's.

use super::{Gram, Seen, Strategy};

/// Every `PERIOD` steps tᵢ = max|g₁| / mean|gᵢ|, at first λᵢ = tᵢ, later λᵢ ← 0.9 λᵢ + 0.1 tᵢ; λ₁ = 1. g = Σ λᵢ gᵢ. The first
/// term is the equation. State: λ.
#[derive(Clone, Copy, Debug)]
pub struct Lra;

/// Steps from one estimate to the next.
const PERIOD: u64 = 10;
/// How much of the weights an estimate leaves.
const MEMORY: f64 = 0.9;
/// No mean entry counts as less.
const LEAST: f64 = 1e-12;

impl Strategy for Lra {
    fn name(&self) -> &'static str {
        "lra"
    }
    fn title(&self) -> &'static str {
        "Conditions as steep as the equation (learning-rate annealing)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/lra.wgsl")
    }
    fn state_length(&self, tasks: usize) -> usize {
        tasks
    }
    fn reads_entries(&self) -> bool {
        true
    }
    fn combine(&self, rows: &[Vec<f64>], seen: &Seen, state: &mut [f64]) -> Vec<f64> {
        let lambda = self.coefficients(&Gram::of(rows), seen, state);
        (0..rows[0].len()).map(|m| rows.iter().zip(&lambda).map(|(row, l)| l * row[m]).sum()).collect()
    }
    // The products of the rows do not matter, their entries do.
    fn coefficients(&self, _gram: &Gram, seen: &Seen, state: &mut [f64]) -> Vec<f64> {
        if seen.step.is_multiple_of(PERIOD) {
            for (i, lambda) in state.iter_mut().enumerate() {
                let t = seen.entries[0].largest / seen.entries[i].mean.max(LEAST);
                *lambda = match (i, seen.step) {
                    (0, _) => 1.0,
                    (_, 0) => t,
                    _ => MEMORY * *lambda + (1.0 - MEMORY) * t,
                };
            }
        }
        state.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_steps() {
        let a = [vec![1.0, 0.0], vec![-1.0, 1.0], vec![0.5, 0.5]];
        let b = [vec![1.0, 0.0, 0.2], vec![-1.0, 1.0, 0.0], vec![-0.3, -0.8, 1.0]];
        let mut state = vec![0.0; 3];
        let mut step = |step, rows: &[Vec<f64>]| {
            let seen = Seen { step, ..Seen::of(rows, &[1.0; 3], &[]) };
            Lra.coefficients(&Gram::of(rows), &seen, &mut state)
        };
        assert_eq!(step(0, &a), [1.0, 1.0, 2.0]);
        assert_eq!(step(9, &b), [1.0, 1.0, 2.0]);
        let second = step(10, &b);
        assert!(second.iter().zip([1.0, 1.05, 1.942_857_14]).all(|(g, w)| (g - w).abs() < 1e-8), "{second:?}");
    }
}
