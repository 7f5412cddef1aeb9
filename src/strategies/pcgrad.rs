//! Gradient conflict resolution by projection (PCGrad; paper §3): a gradient that points against another
//! loses the component along it.

use super::{Gram, Seen, Strategy, gram::dot, sum::total};

/// pᵢ ← pᵢ − (⟨pᵢ, gⱼ⟩ / ‖gⱼ‖²) gⱼ wherever ⟨pᵢ, gⱼ⟩ < 0, in a random order of j; g = Σ pᵢ.
#[derive(Clone, Copy, Debug)]
pub struct PcGrad;

impl PcGrad {
    /// The projected gradients pᵢ: each starts as gᵢ and is compared with the *original* gⱼ in turn.
    pub fn projected(rows: &[Vec<f64>], orders: &[Vec<usize>]) -> Vec<Vec<f64>> {
        let mut projected = rows.to_vec();
        for (i, p) in projected.iter_mut().enumerate() {
            for &j in orders[i].iter().filter(|&&j| j != i) {
                let (along, norm) = (dot(p, &rows[j]), dot(&rows[j], &rows[j]));
                if along < 0.0 && norm > 0.0 {
                    for (p, g) in p.iter_mut().zip(&rows[j]) {
                        *p -= along / norm * g;
                    }
                }
            }
        }
        projected
    }
}

impl Strategy for PcGrad {
    fn name(&self) -> &'static str {
        "pcgrad"
    }
    fn title(&self) -> &'static str {
        "Projection of conflicting gradients"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/pcgrad.wgsl")
    }
    fn combine(&self, rows: &[Vec<f64>], seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        total(&Self::projected(rows, &seen.orders))
    }
    // With pᵢ = Σ Cᵢₖ gₖ and Mⱼₖ = ⟨gⱼ, gₖ⟩ a projection only changes Cᵢⱼ.
    fn coefficients(&self, gram: &Gram, seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let tasks = gram.len();
        let mut sum = vec![0.0; tasks];
        for (i, order) in seen.orders.iter().enumerate().take(tasks) {
            let mut c = vec![0.0; tasks];
            c[i] = 1.0;
            for &j in order.iter().filter(|&&j| j != i) {
                let along: f64 = (0..tasks).map(|k| c[k] * gram.at(k, j)).sum();
                if along < 0.0 && gram.at(j, j) > 0.0 {
                    c[j] -= along / gram.at(j, j);
                }
            }
            for (s, c) in sum.iter_mut().zip(c) {
                *s += c;
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn combined(rows: &[Vec<f64>], orders: &[Vec<usize>]) -> Vec<f64> {
        PcGrad.combine(rows, &Seen::of(rows, &[], orders), &mut [])
    }

    fn close(got: &[f64], wanted: &[f64]) {
        assert_eq!(got.len(), wanted.len());
        for (g, w) in got.iter().zip(wanted) {
            assert!((g - w).abs() < 1e-9, "{got:?} instead of {wanted:?}");
        }
    }

    #[test]
    fn small_examples_by_hand() {
        let a = vec![vec![1.0, 0.0], vec![-1.0, 1.0], vec![0.5, 0.5]];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let orders = vec![order.to_vec(); 3];
            let p = PcGrad::projected(&a, &orders);
            close(&p.concat(), &[0.5, 0.5, 0.0, 1.0, 0.5, 0.5]);
            close(&combined(&a, &orders), &[1.0, 2.0]);
        }
        let b = vec![vec![1.0, 0.0, 0.2], vec![-1.0, 1.0, 0.0], vec![-0.3, -0.8, 1.0]];
        close(&combined(&b, &vec![vec![0, 1, 2]; 3]), &[-0.204_457_537, 0.560_549_133, 1.958_448_199]);
        close(&combined(&b, &vec![vec![2, 1, 0]; 3]), &[0.157_369_942, 0.686_994_22, 1.811_994_22]);
    }

    #[test]
    fn a_vanished_gradient_divides_nothing() {
        let rows = vec![vec![1.0, 0.0], vec![0.0, 0.0]];
        close(&combined(&rows, &[vec![0, 1], vec![1, 0]]), &[1.0, 0.0]);
        let seen = Seen::of(&rows, &[], &[vec![0, 1], vec![1, 0]]);
        close(&PcGrad.coefficients(&Gram::of(&rows), &seen, &mut []), &[1.0, 1.0]);
    }
}
