//! Conflict-averse gradient descent (CAGrad; Liu et al. 2021, arXiv 2110.14048, algorithm 1): near the mean gradient,
//! the step that does most for the term that gains least.

use super::cosines::{Cosines, OWN, holds};
use super::directions::Directions;
use super::gram::dot;
use super::{Gram, Seen, Strategy};

/// g maximises minᵢ gᵢᵀg among ‖g − g₀‖ ≤ c ‖g₀‖, where g₀ is the mean gradient; times the number of rows. By duality
/// g = g₀ + √φ g_w / ‖g_w‖, √φ = c ‖g₀‖, where w on the simplex minimises g_wᵀg₀ + √φ ‖g_w‖.
///
/// Rows of zero length take no part and are not counted; in ‖g_w‖ unit rows are extended as [`OWN`] says. A mean whose square
/// is below [`OWN`] of the squares it is made of is rounding, and g is the plain sum.
#[derive(Clone, Copy, Debug)]
pub struct CaGrad;

/// The paper's c.
const RADIUS: f64 = 0.5;

/// With v = √φ w / ‖g_w‖ the optimum says: gᵢᵀ(g₀ + Σ vₖ gₖ) is the same number μ for all rows with vᵢ > 0 and not
/// smaller for the others. On a given set of rows this is yₖ = ‖gₖ‖ vₖ = ν aₖ − bₖ, where a and b have the products
/// `steep` and `along` with the unit rows; and ‖Σ yₖ ûₖ‖ = √φ is a quadratic equation for ν.
struct Level {
    nu: f64,
    y: Vec<f64>,
}

/// The mean gradient as the unit rows see it.
struct Mean {
    /// ‖g_shortest‖ / ‖gₖ‖: lengths are relative, ν is μ in units of the shortest.
    steep: Vec<f64>,
    /// ûₖᵀg₀.
    along: Vec<f64>,
    /// √φ.
    radius: f64,
}

impl Level {
    /// `None` where no ν makes the length √φ.
    fn on_set(a: &[f64], b: &[f64], mean: &Mean) -> Option<Self> {
        let (aa, ab, bb) = (dot(a, &mean.steep), dot(b, &mean.steep), dot(b, &mean.along));
        let root = ab * ab - aa * (bb - mean.radius * mean.radius);
        if !(root >= 0.0 && aa > 0.0) {
            return None;
        }
        let nu = (ab + root.sqrt()) / aa;
        Some(Self { nu, y: a.iter().zip(b).map(|(a, b)| nu * a - b).collect() })
    }
}

/// Newton's steps at the most; two or three are usual.
const STEPS: usize = 24;

impl CaGrad {
    /// yₖ, by Newton's steps: ‖Σ yₖ ûₖ‖² is convex in ν and grows with it, and no row alone reaches √φ at a smaller ν than
    /// the optimum's.
    fn levels(cosines: &Cosines, mean: &Mean) -> Vec<f64> {
        let of_rows = |nu: f64| -> Vec<f64> { mean.along.iter().zip(&mean.steep).map(|(p, s)| p - nu * s).collect() };
        let single = |k: usize| (mean.along[k] + mean.radius) / mean.steep[k];
        let rows = (0..mean.along.len()).filter(|&k| cosines.takes_part(k));
        let mut nu = rows.map(single).fold(f64::INFINITY, f64::min);
        let mut set = 0;
        for _ in 0..STEPS {
            let q = of_rows(nu);
            let y;
            (set, y) = cosines.complementary(&q, set);
            let (a, b) = (cosines.solve(set, &mean.steep), cosines.solve(set, &mean.along));
            if let Some(level) = Level::on_set(&a, &b, mean) {
                let (same, y) = cosines.complementary(&of_rows(level.nu), set);
                if same == set {
                    return y;
                }
            }
            // the square is −yᵀq, its slope twice yᵀ`steep`
            nu += (dot(&y, &q) + mean.radius * mean.radius) / (2.0 * dot(&y, &mean.steep));
        }
        cosines.complementary(&of_rows(nu), set).1
    }
}

impl Strategy for CaGrad {
    fn name(&self) -> &'static str {
        "cagrad"
    }
    fn title(&self) -> &'static str {
        "Most for the worst term near the mean (CAGrad)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/cagrad.wgsl")
    }
    // Every set of rows is tried; the one that violates the conditions of the optimum least has it.
    fn combine(&self, rows: &[Vec<f64>], _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let directions = Directions::of(rows);
        let mine = directions.taking_part();
        let count = mine.len().max(1) as f64;
        let g0: Vec<f64> = directions.cut(directions.sum(&directions.lengths)).iter().map(|g| g / count).collect();
        let shortest = mine.iter().map(|&k| directions.lengths[k]).fold(f64::INFINITY, f64::min);
        let mut mean =
            Mean { steep: vec![0.0; rows.len()], along: vec![0.0; rows.len()], radius: RADIUS * dot(&g0, &g0).sqrt() };
        for &k in &mine {
            mean.steep[k] = shortest / directions.lengths[k];
            mean.along[k] = dot(&directions.unit(k)[..g0.len()], &g0);
        }
        let summed = dot(&directions.lengths, &directions.lengths) / (count * count);
        let is_rounding = dot(&g0, &g0) <= OWN * summed;
        let mut best = (f64::NEG_INFINITY, vec![0.0; rows.len()]);
        for set in directions.sets().skip(1).filter(|_| !is_rounding) {
            let (a, b) = (directions.shortest(set, &mean.steep), directions.shortest(set, &mean.along));
            let Some(Level { nu, y }) = Level::on_set(&a, &b, &mean) else { continue };
            let step = directions.sum(&y);
            let margin = |&k: &usize| match holds(set, k) {
                true => y[k],
                false => dot(directions.unit(k), &step) + mean.along[k] - nu * mean.steep[k],
            };
            let worst = mine.iter().map(margin).fold(f64::INFINITY, f64::min);
            if worst > best.0 {
                best = (worst, y);
            }
        }
        let step = directions.cut(directions.sum(&best.1));
        g0.iter().zip(step).map(|(mean, step)| count * (mean + step)).collect()
    }
    fn coefficients(&self, gram: &Gram, _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let mut cosines = Cosines::of(gram);
        let longest = cosines.lengths.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        cosines.lengths.iter_mut().for_each(|length| *length /= longest);
        let lengths = &cosines.lengths;
        let (mut c, count) = (cosines.ones(), cosines.count().max(1.0));
        let shortest = lengths.iter().copied().filter(|length| *length > 0.0).fold(1.0, f64::min);
        let seen = |k: usize| {
            let cosine = |j: usize| cosines.column(k)[j] - if j == k { OWN } else { 0.0 };
            if lengths[k] > 0.0 { (0..lengths.len()).map(|j| cosine(j) * lengths[j]).sum::<f64>() / count } else { 0.0 }
        };
        let along: Vec<f64> = (0..lengths.len()).map(seen).collect();
        let square = dot(&along, lengths) / count;
        let steep = lengths.iter().map(|length| if *length > 0.0 { shortest / length } else { 0.0 }).collect();
        if square > OWN * dot(lengths, lengths) / (count * count) {
            let y = Self::levels(&cosines, &Mean { steep, along, radius: RADIUS * square.sqrt() });
            for k in (0..lengths.len()).filter(|&k| lengths[k] > 0.0) {
                c[k] += count * y[k] / lengths[k];
            }
        }
        c
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// g_wᵀg₀ + √φ ‖g_w‖ is smallest at the w that belongs to the answer, and the answer is on the ball's surface.
    #[test]
    fn no_other_weights_are_better() {
        let rows = [vec![1.0, 0.0, 0.2], vec![-1.0, 1.0, 0.0], vec![-0.3, -0.8, 1.0]];
        let c = CaGrad.coefficients(&Gram::of(&rows), &Seen::default(), &mut []);
        let total: f64 = c.iter().map(|c| c - 1.0).sum();
        let combination =
            |w: [f64; 3]| -> Vec<f64> { (0..3).map(|m| (0..3).map(|k| w[k] * rows[k][m]).sum()).collect() };
        let mean = combination([1.0 / 3.0; 3]);
        let radius = RADIUS * dot(&mean, &mean).sqrt();
        let objective = |w: [f64; 3]| {
            let g = combination(w);
            dot(&g, &mean) + radius * dot(&g, &g).sqrt()
        };
        let own = objective([0, 1, 2].map(|k| (c[k] - 1.0) / total));
        for i in 0..=40 {
            for j in 0..=40 - i {
                let [a, b] = [i, j].map(|n| f64::from(n) / 40.0);
                assert!(objective([a, b, 1.0 - a - b]) > own - 1e-5);
            }
        }
        let step = combination([0, 1, 2].map(|k| (c[k] - 1.0) / 3.0));
        assert!((dot(&step, &step).sqrt() / radius - 1.0).abs() < 1e-4);
    }
}
