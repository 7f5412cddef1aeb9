//! The plain sum of the gradients.

use super::{Gram, Seen, Strategy};

/// g = Σ gᵢ.
#[derive(Clone, Copy, Debug)]
pub struct Sum;

impl Strategy for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }
    fn title(&self) -> &'static str {
        "Plain sum"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/sum.wgsl")
    }
    fn combine(&self, rows: &[Vec<f64>], _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        total(rows)
    }
    fn coefficients(&self, gram: &Gram, _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        vec![1.0; gram.len()]
    }
}

/// The entry-wise sum of rows of equal length.
pub(super) fn total(rows: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = vec![0.0; rows.first().map_or(0, Vec::len)];
    for row in rows {
        for (s, g) in sum.iter_mut().zip(row) {
            *s += g;
        }
    }
    sum
}
