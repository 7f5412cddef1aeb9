//! How the terms' gradients become one: each strategy states it twice, on the gradient rows themselves and
//! as coefficients found from their Gram matrix alone (which is what the device does).

pub mod gram;
pub mod pcgrad;
pub mod sum;

pub use gram::{Conflicts, Gram};
pub use pcgrad::PcGrad;
pub use sum::Sum;

use crate::math::names;

/// Every strategy, in the order `list` prints them.
pub static ALL: &[&dyn Strategy] = &[&Sum, &PcGrad];

/// The strategy called `name`; the error says what was probably meant.
pub fn find(name: &str) -> Result<&'static dyn Strategy, String> {
    ALL.iter().copied().find(|strategy| strategy.name() == name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|strategy| strategy.name()).collect();
        names::unknown("strategy", name, &known)
    })
}

/// A rule that combines K gradient rows. `orders` `[K][K]` says in which order row i meets the others
/// (itself included and skipped); rules without an order ignore it.
pub trait Strategy: Sync {
    /// The public name: "sum" or "pcgrad".
    fn name(&self) -> &'static str;
    /// The title of reports.
    fn title(&self) -> &'static str;
    /// The text of its shader: coefficients from the Gram matrix on the device.
    fn shader(&self) -> &'static str;
    /// Whether it reads `orders`.
    fn needs_orders(&self) -> bool;
    /// The combined gradient from the rows, as the paper prints it.
    fn combine(&self, rows: &[Vec<f64>], orders: &[Vec<usize>]) -> Vec<f64>;
    /// The coefficients c of Σ cₖ gₖ from the Gram matrix: another way to the same answer.
    fn coefficients(&self, gram: &Gram, orders: &[Vec<usize>]) -> Vec<f64>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_gram_matrix_give_the_same_gradient() {
        let rows: Vec<Vec<f64>> =
            (0..4).map(|i| (0..9).map(|m| (1.3 * f64::from(m * (i + 2)) + f64::from(i)).sin()).collect()).collect();
        let orders = vec![vec![3, 1, 0, 2], vec![0, 2, 3, 1], vec![1, 0, 3, 2], vec![2, 3, 1, 0]];
        for strategy in ALL {
            let gram = Gram::of(&rows);
            let combined = strategy.combine(&rows, &orders);
            let c = strategy.coefficients(&gram, &orders);
            for (m, wanted) in combined.iter().enumerate() {
                let got: f64 = c.iter().zip(&rows).map(|(c, row)| c * row[m]).sum();
                assert!((got - wanted).abs() < 1e-13, "{}: {got} instead of {wanted}", strategy.name());
            }
        }
    }

    #[test]
    fn slips_are_named() {
        assert!(find("pcgrd").err().unwrap().contains("did you mean `pcgrad`"));
    }
}
