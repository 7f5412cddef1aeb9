//! Projection of every gradient onto the cone without conflicts (UPGrad; Quinton and Rey 2024, arXiv 2406.16232): the step
//! improves every term to first order.

use super::cosines::Cosines;
use super::directions::Directions;
use super::gram::dot;
use super::{Gram, Seen, Strategy};

/// g = Σ π(gᵢ), where π(x) is the nearest vector with gⱼᵀπ ≥ 0 for all j. Rows of zero length take no part, and unit rows
/// are extended as [`super::cosines::OWN`] says: of two opposite gradients a part in 260 000 is left.
#[derive(Clone, Copy, Debug)]
pub struct UpGrad;

impl UpGrad {
    /// The nearest vector to unit row i without conflicts. It is row i without what it has in the span of some of the
    /// rows, so it is looked for among all sets of rows.
    fn projected(directions: &Directions, i: usize) -> Vec<f64> {
        let mine = directions.taking_part();
        let products: Vec<f64> =
            (0..directions.lengths.len()).map(|j| -dot(directions.unit(j), directions.unit(i))).collect();
        let candidates = directions.sets().map(|set| {
            let mut x = directions.shortest(set, &products);
            let least = x.iter().copied().fold(0.0, f64::min);
            x[i] += 1.0;
            let p = directions.sum(&x);
            let violation = mine.iter().map(|&j| dot(directions.unit(j), &p)).fold(least, f64::min);
            (violation, p)
        });
        candidates.max_by(|a, b| a.0.total_cmp(&b.0)).expect("the empty set is one").1
    }
}

impl Strategy for UpGrad {
    fn name(&self) -> &'static str {
        "upgrad"
    }
    fn title(&self) -> &'static str {
        "Projection onto the cone without conflicts (UPGrad)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/upgrad.wgsl")
    }
    fn combine(&self, rows: &[Vec<f64>], _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let directions = Directions::of(rows);
        let mut sum = vec![0.0; directions.sum(&[]).len()];
        for i in directions.taking_part() {
            let length = directions.lengths[i];
            sum.iter_mut().zip(Self::projected(&directions, i)).for_each(|(s, p)| *s += length * p);
        }
        directions.cut(sum)
    }
    // π(ûᵢ) = ûᵢ + Σ yₖ ûₖ, where y ≥ 0 minimises its length: wⱼ = ⟨ûⱼ, π⟩ ≥ 0, and zero wherever yⱼ > 0.
    fn coefficients(&self, gram: &Gram, _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let cosines = Cosines::of(gram);
        let mut c = cosines.ones();
        for i in (0..gram.len()).filter(|&i| cosines.takes_part(i)) {
            let (_, y) = cosines.complementary(cosines.column(i), 0);
            for k in (0..gram.len()).filter(|&k| cosines.takes_part(k)) {
                c[k] += cosines.lengths[i] / cosines.lengths[k] * y[k];
            }
        }
        c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_conflicting_gradients_are_projected_as_by_pcgrad() {
        let rows = [vec![1.0, 0.0], vec![-1.0, 1.0]];
        let g = UpGrad.combine(&rows, &Seen::default(), &mut []);
        assert!((g[0] - 0.5).abs() < 1e-5 && (g[1] - 1.5).abs() < 1e-5, "{g:?}");
    }

    #[test]
    fn no_conflict_remains_and_none_changes_nothing() {
        let rows = [vec![1.0, 0.0, 0.2], vec![-1.0, 1.0, 0.0], vec![-0.3, -0.8, 1.0]];
        let g = UpGrad.combine(&rows, &Seen::default(), &mut []);
        assert!(rows.iter().all(|row| dot(row, &g) > -1e-5), "{g:?}");
        let friends = Gram::of(&[vec![1.0, 0.0], vec![2.0, 1.0], vec![0.0, 0.0]]);
        assert_eq!(UpGrad.coefficients(&friends, &Seen::default(), &mut []), [1.0, 1.0, 0.0]);
    }
}
