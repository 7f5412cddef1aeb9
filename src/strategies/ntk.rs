//! Weights by the trace of the neural tangent kernel (Wang, Yu, Perdikaris 2022, arXiv 2007.14527, algorithm 1), estimated by one
//! random probe: terms whose residuals hardly change with the parameters weigh more.

use super::{Gram, Seen, Strategy};

/// Every `PERIOD` steps λₖ = Σ Tⱼ / Tₖ, where Tₖ is N/m ‖∇θ Σ ± o‖² over m ≤ 128 of the N residuals o of term k; see
/// [`super::Probe`]. g = Σ λₖ gₖ. State: λ.
#[derive(Clone, Copy, Debug)]
pub struct Ntk;

/// Steps from one estimate to the next.
const PERIOD: u64 = 100;
/// No trace counts as less.
const LEAST: f64 = 1e-12;

impl Strategy for Ntk {
    fn name(&self) -> &'static str {
        "ntk"
    }
    fn title(&self) -> &'static str {
        "Terms of equal speed (traces of the neural tangent kernel)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/ntk.wgsl")
    }
    fn state_length(&self, tasks: usize) -> usize {
        tasks
    }
    fn probe_period(&self) -> Option<u64> {
        Some(PERIOD)
    }
    fn combine(&self, rows: &[Vec<f64>], seen: &Seen, state: &mut [f64]) -> Vec<f64> {
        let lambda = self.coefficients(&Gram::of(rows), seen, state);
        (0..rows[0].len()).map(|m| rows.iter().zip(&lambda).map(|(row, l)| l * row[m]).sum()).collect()
    }
    fn coefficients(&self, _gram: &Gram, seen: &Seen, state: &mut [f64]) -> Vec<f64> {
        if seen.step.is_multiple_of(PERIOD) {
            let sum: f64 = seen.traces.iter().sum();
            state.iter_mut().zip(&seen.traces).for_each(|(lambda, trace)| *lambda = sum / trace.max(LEAST));
        }
        state.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_step() {
        let mut state = vec![0.0; 3];
        let mut step = |step, traces: [f64; 3]| {
            let seen = Seen { step, traces: traces.to_vec(), ..Seen::default() };
            Ntk.coefficients(&Gram::from_entries(0, vec![]), &seen, &mut state)
        };
        for (index, traces) in [(0, [100.0, 4.0, 16.0]), (99, [0.0; 3])] {
            let lambda = step(index, traces);
            assert!(lambda.iter().zip([1.2, 30.0, 7.5]).all(|(l, w)| (l - w).abs() < 1e-12), "{lambda:?}");
        }
        assert_eq!(step(100, [1.0, 1.0, 2.0]), [4.0, 4.0, 2.0]);
    }
}
