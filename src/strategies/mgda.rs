//! Multiple-gradient descent (MGDA; Sener and Koltun 2018, arXiv 1810.04650, algorithm 2): the shortest convex combination
//! of the gradients, by the hundred steps of Frank and Wolfe that the paper's authors take.

use super::gram::dot;
use super::{Gram, Seen, Strategy};

/// w starts as 1/K. A step goes towards the row with the smallest γ = 2 M w as far as the combination gets shorter. The
/// thresholds are relative, unlike those of the authors, so the answer does not depend on the gradients' scale. A row of zero
/// length is the shortest combination: it draws all weight to itself.
#[derive(Clone, Copy, Debug)]
pub struct Mgda;

/// Steps at the most.
const STEPS: usize = 100;
/// A slope below this part of the combination's square is none.
const FLAT: f64 = 1e-10;
/// A curvature below this part of the squares that it is a difference of is none.
const STRAIGHT: f64 = 1e-12;
/// Weights that move less do not move.
const STILL: f64 = 1e-8;
/// Slopes closer than this part of what they are sums of are equal, and the first row counts: rounding must not choose.
const EQUAL: f64 = 1e-10;

/// The weights, from what makes γ of them and from the squares of the rows' lengths.
fn weights(squares: &[f64], gamma: impl Fn(&[f64]) -> Vec<f64>) -> Vec<f64> {
    let lengths: Vec<f64> = squares.iter().map(|square| square.sqrt()).collect();
    let mut w = vec![1.0 / squares.len() as f64; squares.len()];
    for _ in 0..STEPS {
        let gamma = gamma(&w);
        let least = gamma.iter().copied().fold(f64::INFINITY, f64::min);
        let reach = EQUAL * dot(&w, &lengths);
        let equal = |(gamma, length): (&f64, &f64)| gamma - least <= reach * length;
        let towards = gamma.iter().zip(&lengths).position(equal).unwrap_or(0);
        // twice the combination's square
        let twice = dot(&w, &gamma);
        let slope = gamma[towards] - twice;
        if slope.abs() <= FLAT * twice {
            break;
        }
        // 2 dᵀMd with d = e − w
        let curvature = 2.0 * (squares[towards] - gamma[towards] + 0.5 * twice);
        let is_straight = curvature <= STRAIGHT * (squares[towards] + twice);
        let step = if is_straight { 1.0 } else { (-slope / curvature).clamp(0.0, 1.0) };
        let before = w.clone();
        w.iter_mut().for_each(|w| *w *= 1.0 - step);
        w[towards] += step;
        if w.iter().zip(&before).all(|(w, b)| (w - b).abs() <= STILL) {
            break;
        }
    }
    w
}

impl Strategy for Mgda {
    fn name(&self) -> &'static str {
        "mgda"
    }
    fn title(&self) -> &'static str {
        "Shortest convex combination (MGDA)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/mgda.wgsl")
    }
    fn combine(&self, rows: &[Vec<f64>], _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let combination = |w: &[f64]| -> Vec<f64> {
            (0..rows[0].len()).map(|m| rows.iter().zip(w).map(|(row, w)| w * row[m]).sum()).collect()
        };
        let squares: Vec<f64> = rows.iter().map(|row| dot(row, row)).collect();
        let gamma = |w: &[f64]| {
            let g = combination(w);
            rows.iter().map(|row| 2.0 * dot(row, &g)).collect()
        };
        combination(&weights(&squares, gamma))
    }
    fn coefficients(&self, gram: &Gram, _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let rows = 0..gram.len();
        let squares: Vec<f64> = rows.clone().map(|k| gram.at(k, k)).collect();
        let product = |j: usize, w: &[f64]| w.iter().enumerate().map(|(k, w)| gram.at(j, k) * w).sum::<f64>();
        weights(&squares, |w| rows.clone().map(|j| 2.0 * product(j, w)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(rows: &[Vec<f64>], wanted: [f64; 3]) {
        let got = Mgda.coefficients(&Gram::of(rows), &Seen::default(), &mut []);
        assert!(got.iter().zip(wanted).all(|(g, w)| (g - w).abs() < 1e-8), "{got:?} instead of {wanted:?}");
    }

    #[test]
    fn the_published_steps() {
        let a = [vec![1.0, 0.0], vec![-1.0, 1.0], vec![0.5, 0.5]];
        close(&a, [0.566_012_81, 0.387_695_42, 0.046_291_77]);
        let b = [vec![1.0, 0.0, 0.2], vec![-1.0, 1.0, 0.0], vec![-0.3, -0.8, 1.0]];
        close(&b, [0.463_385_22, 0.341_162_29, 0.195_452_49]);
    }

    #[test]
    fn the_shorter_of_two_friends_has_all_the_weight() {
        let c = Mgda.coefficients(&Gram::of(&[vec![3.0, 1.0], vec![1.0, 0.0]]), &Seen::default(), &mut []);
        assert_eq!(c, [0.0, 1.0]);
        assert_eq!(Mgda.coefficients(&Gram::of(&[vec![0.0], vec![0.0]]), &Seen::default(), &mut []), [0.5, 0.5]);
    }
}
