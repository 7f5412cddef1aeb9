//! Impartial learning by gradients (IMTL-G; Liu et al., "Towards Impartial Multi-task Learning", ICLR 2021, the closed form
//! for gradients): all gradients have the same projection on the step.

use super::cosines::{ALL_ROWS, Cosines};
use super::directions::Directions;
use super::gram::dot;
use super::{Gram, Seen, Strategy};

/// g = K Σ αₖ gₖ with Σ αₖ = 1 and gᵀûᵢ the same for all i. Some α may be negative, and so may all projections be: then
/// the step goes against all gradients, as the paper's formula has it. Rows of zero length take no part and are not
/// counted; unit rows are extended as [`super::cosines::OWN`] says. Where no weights with the sum 1 exist the step is zero.
#[derive(Clone, Copy, Debug)]
pub struct ImtlG;

/// A sum of numbers below this part of the sum of their sizes is none.
const NOTHING: f64 = 1e-6;

/// Solves the square system A x = b by elimination; the largest entry of a column is its pivot.
fn eliminate(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap_or(k);
        a.swap(k, pivot);
        b.swap(k, pivot);
        let top = a[k].clone();
        for i in k + 1..n {
            let factor = a[i][k] / top[k];
            a[i].iter_mut().zip(&top).for_each(|(a, top)| *a -= factor * top);
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        b[k] = (b[k] - (k + 1..n).map(|j| a[k][j] * b[j]).sum::<f64>()) / a[k][k];
    }
    b
}

impl Strategy for ImtlG {
    fn name(&self) -> &'static str {
        "imtl-g"
    }
    fn title(&self) -> &'static str {
        "Equal projections of all gradients (IMTL-G)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/imtl_g.wgsl")
    }
    // The paper's closed form: α₂… = g₁ Uᵀ (D Uᵀ)⁻¹ with rows g₁ − gᵢ in D and û₁ − ûᵢ in U.
    fn combine(&self, rows: &[Vec<f64>], _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let directions = Directions::of(rows);
        let mine = directions.taking_part();
        let Some((&first, others)) = mine.split_first() else { return vec![0.0; rows[0].len()] };
        let row = |k: usize| -> Vec<f64> { directions.unit(k).iter().map(|u| directions.lengths[k] * u).collect() };
        let minus = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let d: Vec<Vec<f64>> = others.iter().map(|&i| minus(&row(first), &row(i))).collect();
        let u: Vec<Vec<f64>> = others.iter().map(|&i| minus(directions.unit(first), directions.unit(i))).collect();
        let transposed = u.iter().map(|u| d.iter().map(|d| dot(d, u)).collect()).collect();
        let alpha = eliminate(transposed, u.iter().map(|u| dot(&row(first), u)).collect());
        let mut x = vec![0.0; rows.len()];
        let count = mine.len() as f64;
        others.iter().zip(&alpha).for_each(|(&k, alpha)| x[k] = count * alpha * directions.lengths[k]);
        x[first] = count * (1.0 - alpha.iter().sum::<f64>()) * directions.lengths[first];
        directions.cut(directions.sum(&x))
    }
    // gᵀûᵢ is the same for all i where Σ αₖ ‖gₖ‖ ûₖ is a multiple of the Σ xₖ ûₖ with cos·x = 1.
    fn coefficients(&self, gram: &Gram, _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let cosines = Cosines::of(gram);
        let mut c = cosines.solve(ALL_ROWS, &cosines.ones());
        c.iter_mut().zip(&cosines.lengths).for_each(|(c, length)| *c = if *length > 0.0 { *c / length } else { 0.0 });
        let (sum, size) = (c.iter().sum::<f64>(), c.iter().map(|c| c.abs()).sum::<f64>());
        let scale = if sum.abs() > NOTHING * size { cosines.count() / sum } else { 0.0 };
        c.iter().map(|c| scale * c).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_projections_are_equal() {
        let rows = [vec![1.0, 0.0, 0.2], vec![-1.0, 1.0, 0.0], vec![-0.3, -0.8, 1.0]];
        let g = ImtlG.combine(&rows, &Seen::default(), &mut []);
        let projections: Vec<f64> = rows.iter().map(|row| dot(row, &g) / dot(row, row).sqrt()).collect();
        assert!(projections.iter().all(|p| (p / projections[0] - 1.0).abs() < 1e-4), "{projections:?}");
        let c = ImtlG.coefficients(&Gram::of(&rows), &Seen::default(), &mut []);
        assert!((c.iter().sum::<f64>() - 3.0).abs() < 1e-12, "{c:?}");
    }
}
