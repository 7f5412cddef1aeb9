//! Alignment of the principal components (Aligned-MTL; Senushkin et al. 2023, arXiv 2305.19000, algorithm 1): the
//! gradients' principal components are made equally long.

use super::gram::dot;
use super::{Gram, Seen, Strategy};

/// M = V Λ Vᵀ, B = √λ_min V Λ^(−1/2) Vᵀ over the eigenvalues above `SMALLEST` of the largest, c = B 1. Rows of zero length,
/// and components below that, take no part.
#[derive(Clone, Copy, Debug)]
pub struct AlignedMtl;

/// Eigenvalues below this part of the largest are rounding.
const SMALLEST: f64 = 1e-6;
/// Sweeps of rotations; off-diagonal entries vanish to rounding in five or six.
const SWEEPS: usize = 12;

/// The rotation (cosine, sine) that makes ⟨p, q⟩ zero, from ‖p‖², ⟨p, q⟩ and ‖q‖² (Rutishauser).
fn rotation(pp: f64, pq: f64, qq: f64) -> (f64, f64) {
    let theta = (qq - pp) / (2.0 * pq);
    let tangent = if theta < 0.0 { -1.0 } else { 1.0 } / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    (cosine, tangent * cosine)
}

fn rotate(a: &mut [Vec<f64>], p: usize, q: usize, (cosine, sine): (f64, f64)) {
    for m in 0..a[p].len() {
        let (x, y) = (a[p][m], a[q][m]);
        (a[p][m], a[q][m]) = (cosine * x - sine * y, sine * x + cosine * y);
    }
}

/// Coefficients from eigenvalues and eigenvectors, [component][row].
fn aligned(values: &[f64], vectors: &[Vec<f64>]) -> Vec<f64> {
    let largest = values.iter().copied().fold(0.0, f64::max);
    let kept: Vec<usize> = (0..values.len()).filter(|&i| values[i] > SMALLEST * largest).collect();
    let least = kept.iter().map(|&i| values[i]).fold(f64::INFINITY, f64::min);
    let mut c = vec![0.0; values.len()];
    for i in kept {
        let share = (least / values[i]).sqrt() * vectors[i].iter().sum::<f64>();
        c.iter_mut().zip(&vectors[i]).for_each(|(c, v)| *c += share * v);
    }
    c
}

fn identity(n: usize) -> Vec<Vec<f64>> {
    (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect()
}

impl Strategy for AlignedMtl {
    fn name(&self) -> &'static str {
        "aligned-mtl"
    }
    fn title(&self) -> &'static str {
        "Principal components of equal length (Aligned-MTL)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/aligned_mtl.wgsl")
    }
    // The rows themselves are rotated until they are orthogonal (Hestenes): their squares are the eigenvalues, the
    // rotations the eigenvectors.
    fn combine(&self, rows: &[Vec<f64>], _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let (mut rotated, mut vectors) = (rows.to_vec(), identity(rows.len()));
        for _ in 0..SWEEPS {
            for p in 0..rows.len() {
                for q in p + 1..rows.len() {
                    let (a, b) = (&rotated[p], &rotated[q]);
                    let (pp, pq, qq) = (dot(a, a), dot(a, b), dot(b, b));
                    if pq.abs() > 1e-15 * (pp * qq).sqrt() {
                        let turn = rotation(pp, pq, qq);
                        rotate(&mut rotated, p, q, turn);
                        rotate(&mut vectors, p, q, turn);
                    }
                }
            }
        }
        let squares: Vec<f64> = rotated.iter().map(|row| dot(row, row)).collect();
        let c = aligned(&squares, &vectors);
        (0..rows[0].len()).map(|m| rows.iter().zip(&c).map(|(row, c)| c * row[m]).sum()).collect()
    }
    // Jacobi's rotations of the Gram matrix.
    fn coefficients(&self, gram: &Gram, _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let n = gram.len();
        let mut m: Vec<Vec<f64>> = (0..n).map(|j| (0..n).map(|k| gram.at(j, k)).collect()).collect();
        let trace: f64 = (0..n).map(|k| m[k][k]).sum();
        let mut vectors = identity(n);
        for _ in 0..SWEEPS {
            for p in 0..n {
                for q in p + 1..n {
                    if m[p][q].abs() > 1e-17 * trace {
                        let turn = rotation(m[p][p], m[p][q], m[q][q]);
                        rotate(&mut m, p, q, turn);
                        for row in &mut m {
                            let (x, y) = (row[p], row[q]);
                            (row[p], row[q]) = (turn.0 * x - turn.1 * y, turn.1 * x + turn.0 * y);
                        }
                        rotate(&mut vectors, p, q, turn);
                    }
                }
            }
        }
        aligned(&(0..n).map(|k| m[k][k]).collect::<Vec<_>>(), &vectors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orthogonal_gradients_become_as_long_as_the_shortest() {
        let g = AlignedMtl.combine(&[vec![3.0, 0.0], vec![0.0, 0.5]], &Seen::default(), &mut []);
        assert!((g[0] - 0.5).abs() < 1e-12 && (g[1] - 0.5).abs() < 1e-12, "{g:?}");
    }

    /// B M Bᵀ = λ_min 1: the aligned gradients are orthogonal and equally long.
    #[test]
    fn aligned_rows_are_orthogonal() {
        let rows = [vec![1.0, 0.0, 0.2], vec![-1.0, 1.0, 0.0], vec![-0.3, -0.8, 1.0]];
        let g = AlignedMtl.combine(&rows, &Seen::default(), &mut []);
        // of K orthogonal rows of length σ the sum has the length √K σ, whatever the rows were
        let scaled: Vec<Vec<f64>> = rows.iter().map(|row| row.iter().map(|x| 7.0 * x).collect()).collect();
        let seven = AlignedMtl.combine(&scaled, &Seen::default(), &mut []);
        assert!(g.iter().zip(seven).all(|(g, s)| (7.0 * g - s).abs() < 1e-12));
        let gram = Gram::of(&rows);
        let c = AlignedMtl.coefficients(&gram, &Seen::default(), &mut []);
        let square: f64 = (0..3).map(|i| (0..3).map(|j| c[i] * c[j] * gram.at(i, j)).sum::<f64>()).sum();
        // det(M − λ 1) = 0 at the square of that length
        let m = |i: usize, j: usize| gram.at(i, j) - if i == j { square / 3.0 } else { 0.0 };
        let minor = |i: usize, j: usize| m(1, i) * m(2, j) - m(1, j) * m(2, i);
        let det = m(0, 0) * minor(1, 2) - m(0, 1) * minor(0, 2) + m(0, 2) * minor(0, 1);
        assert!(det.abs() < 1e-12, "{det}");
    }
}
