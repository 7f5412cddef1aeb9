//! Dual cone gradient descent (DCGD, variant "center"; Hwang and Lim 2024, arXiv 2409.18426): two gradients, that of the
//! equation and that of all conditions, and the step along the bisector between them.

use super::cosines::OWN;
use super::gram::dot;
use super::{Gram, Seen, Strategy, sum::total};

/// a = the first term's gradient, b = the sum of all others', u = a/‖a‖ + b/‖b‖, g = (uᵀ(a + b) / ‖u‖²) u. If ‖u‖² is below
/// `OPPOSITE`, the step is zero. One of zero length takes no part: the step is the other. So is b where its square is less
/// than [`OWN`] of the squares it is summed from, because what is left is rounding.
#[derive(Clone, Copy, Debug)]
pub struct Dcgd;

/// ‖u‖² of two gradients that cancel.
const OPPOSITE: f64 = 1e-12;

impl Strategy for Dcgd {
    fn name(&self) -> &'static str {
        "dcgd"
    }
    fn title(&self) -> &'static str {
        "Between equation and conditions (DCGD center)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/dcgd.wgsl")
    }
    fn combine(&self, rows: &[Vec<f64>], _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let (a, others) = rows.split_first().expect("a term");
        let mut b = total(others);
        b.resize(a.len(), 0.0);
        let summed: f64 = others.iter().map(|row| dot(row, row)).sum();
        if dot(&b, &b) <= OWN * summed {
            return a.clone();
        }
        if dot(a, a) == 0.0 {
            return b;
        }
        let [la, lb] = [a, &b].map(|x| dot(x, x).sqrt());
        let u: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a / la + b / lb).collect();
        let both: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        let square = dot(&u, &u);
        let scale = if square < OPPOSITE { 0.0 } else { dot(&u, &both) / square };
        u.into_iter().map(|u| scale * u).collect()
    }
    // uᵀ(a + b) = (‖a‖ + ‖b‖)(1 + cos) and ‖u‖² = 2 + 2 cos: the bisector is half of (‖a‖ + ‖b‖) u.
    fn coefficients(&self, gram: &Gram, _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let others = 1..gram.len();
        let along: f64 = others.clone().map(|k| gram.at(0, k)).sum();
        let b: f64 = others.clone().flat_map(|j| others.clone().map(move |k| gram.at(j, k))).sum();
        let summed: f64 = others.map(|k| gram.at(k, k)).sum();
        let a = gram.at(0, 0);
        let [first, rest] = if b <= OWN * summed {
            [1.0, 0.0]
        } else if a <= 0.0 {
            [0.0, 1.0]
        } else if 2.0 + 2.0 * along / (a * b).sqrt() < OPPOSITE {
            [0.0, 0.0]
        } else {
            let ratio = (b / a).sqrt();
            [0.5 * (1.0 + ratio), 0.5 * (1.0 + 1.0 / ratio)]
        };
        (0..gram.len()).map(|k| if k == 0 { first } else { rest }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_is_the_bisector_and_helps_both() {
        let rows = [vec![4.0, 0.0], vec![-0.5, 0.5], vec![0.0, 0.5]];
        let g = Dcgd.combine(&rows, &Seen::default(), &mut []);
        let b = [-0.5, 1.0];
        let cosine = |x: &[f64]| dot(x, &g) / dot(x, x).sqrt();
        assert!((cosine(&rows[0]) - cosine(&b)).abs() < 1e-12 && cosine(&b) > 0.0, "{g:?}");
        // as long as the sum's part along it
        assert!((dot(&g, &[3.5, 1.0]) - dot(&g, &g)).abs() < 1e-12);
    }

    #[test]
    fn what_cancels_makes_no_step() {
        let c = |rows: &[Vec<f64>]| Dcgd.coefficients(&Gram::of(rows), &Seen::default(), &mut []);
        assert_eq!(c(&[vec![1.0, 0.0], vec![-3.0, 0.0]]), [0.0, 0.0]);
        assert_eq!(c(&[vec![1.0, 0.0], vec![0.0, 2.0], vec![0.0, -2.0]]), [1.0, 0.0, 0.0]);
        assert_eq!(c(&[vec![0.0, 0.0], vec![0.0, 2.0]]), [0.0, 1.0]);
    }
}
