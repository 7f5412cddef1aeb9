//! Residual-based attention (RBA; Anagnostopoulos et al. 2024, arXiv 2307.00379, algorithm 1): points where the equation has
//! been violated for long weigh more.

use super::sum::{Sum, total};
use super::{Gram, Seen, Strategy, Weighing};

/// aₙ ← γ aₙ + η |rₙ| / max |r| over the points of the first term, which is the equation; it begins with zero. The equation's
/// loss is mean((aₙ rₙ)²) with the new weights. g = Σ gₖ.
///
/// Where r has components |r| is its length. Weights come to η / (1 − γ) = 1 at most, so the equation begins with a millionth
/// of its plain loss.
#[derive(Clone, Copy, Debug)]
pub struct Rba;

/// γ.
const MEMORY: f64 = 0.999;
/// η.
const RATE: f64 = 0.001;
/// No largest residual counts as less.
const LEAST: f64 = 1e-12;

impl Strategy for Rba {
    fn name(&self) -> &'static str {
        "rba"
    }
    fn title(&self) -> &'static str {
        "Points weighed by their residuals (residual-based attention)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/rba.wgsl")
    }
    fn weighing(&self) -> Option<&dyn Weighing> {
        Some(self)
    }
    fn combine(&self, rows: &[Vec<f64>], _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        total(rows)
    }
    fn coefficients(&self, gram: &Gram, seen: &Seen, state: &mut [f64]) -> Vec<f64> {
        Sum.coefficients(gram, seen, state)
    }
}

impl Weighing for Rba {
    fn terms(&self, _tasks: usize) -> usize {
        1
    }
    fn kept(&self) -> usize {
        1
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/rba_weighing.wgsl")
    }
    fn factors(&self, step: u64, squares: &[Vec<f64>], a: &mut [f64]) -> Vec<Vec<f64>> {
        let largest = squares[0].iter().fold(LEAST, |largest, square| largest.max(square.sqrt()));
        for (a, square) in a.iter_mut().zip(&squares[0]) {
            let before = if step == 0 { 0.0 } else { *a };
            *a = MEMORY * before + RATE * square.sqrt() / largest;
        }
        vec![a.iter().map(|a| a * a).collect()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_steps() {
        let squares = [vec![4.0, 1.0]];
        let mut a = vec![f64::NAN; 2];
        for (step, wanted, loss) in [(0, [0.001, 0.0005], 2.125e-6), (1, [0.001_999, 0.000_999_5], 8.4915e-6)] {
            let factors = Rba.factors(step, &squares, &mut a);
            assert!(a.iter().zip(wanted).all(|(a, w)| (a - w).abs() < 1e-12), "{a:?} instead of {wanted:?}");
            let got = factors[0].iter().zip(&squares[0]).map(|(f, square)| f * square).sum::<f64>() / 2.0;
            assert!((got / loss - 1.0).abs() < 1e-5, "{got} instead of {loss}");
        }
    }
}
