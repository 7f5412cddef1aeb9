//! Conflict-free updates (ConFIG; Liu, Chu, Thuerey 2024, arXiv 2408.11104, equation 2: the pseudoinverse of the unit
//! gradients): one direction that has the same cosine with every gradient.

use super::cosines::{ALL_ROWS, Cosines};
use super::directions::Directions;
use super::gram::dot;
use super::{Gram, Seen, Strategy};

/// u ∝ Ĝ⁺1 with unit rows in Ĝ, ‖u‖ = 1, and g = (Σ gᵢᵀu) u. Rows of zero length take no part, and unit rows are extended as
/// [`super::cosines::OWN`] says, which decides what happens where they are dependent.
#[derive(Clone, Copy, Debug)]
pub struct Config;

impl Strategy for Config {
    fn name(&self) -> &'static str {
        "config"
    }
    fn title(&self) -> &'static str {
        "Equal cosines with all gradients (ConFIG)"
    }
    fn shader(&self) -> &'static str {
        include_str!("../../shaders/strategies/config.wgsl")
    }
    fn combine(&self, rows: &[Vec<f64>], _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let directions = Directions::of(rows);
        let mine = directions.taking_part();
        let set = mine.iter().fold(0, |set, k| set | 1 << k);
        let u = directions.sum(&directions.shortest(set, &vec![1.0; rows.len()]));
        let size = dot(&u, &u).sqrt().max(f64::MIN_POSITIVE);
        let along = mine.iter().map(|&k| directions.lengths[k] * dot(directions.unit(k), &u) / size).sum::<f64>();
        directions.cut(u.into_iter().map(|u| along * u / size).collect())
    }
    // With cos·x = 1 the direction is Σ xₖ ûₖ; its square is xᵀ cos x = Σ xₖ, and ûᵢ has the product 1 with it.
    fn coefficients(&self, gram: &Gram, _seen: &Seen, _state: &mut [f64]) -> Vec<f64> {
        let cosines = Cosines::of(gram);
        let x = cosines.solve(ALL_ROWS, &cosines.ones());
        let scale = cosines.lengths.iter().sum::<f64>() / x.iter().sum::<f64>();
        let c = |(x, length): (&f64, &f64)| if *length > 0.0 { scale * x / length } else { 0.0 };
        x.iter().zip(&cosines.lengths).map(c).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_cosines_are_equal() {
        let rows = [vec![1.0, 0.0, 0.2], vec![-1.0, 1.0, 0.0], vec![-0.3, -0.8, 1.0]];
        let g = Config.combine(&rows, &Seen::default(), &mut []);
        let size = dot(&g, &g).sqrt();
        let cosines: Vec<f64> = rows.iter().map(|row| dot(row, &g) / size / dot(row, row).sqrt()).collect();
        assert!(cosines[0] > 0.1 && cosines.iter().all(|c| (c - cosines[0]).abs() < 1e-5), "{cosines:?}");
        // as long as the sum of what the gradients have along it
        let along: f64 = rows.iter().map(|row| dot(row, &g) / size).sum();
        assert!((along / size - 1.0).abs() < 1e-5, "{along} and {size}");
    }

    #[test]
    fn two_gradients_meet_halfway_between_their_directions() {
        let c = Config.coefficients(&Gram::of(&[vec![4.0, 0.0], vec![0.0, 1.0]]), &Seen::default(), &mut []);
        // u = (1, 1)/√2, and (4 + 1)/√2 of it
        assert!((c[0] - 2.5 / 4.0).abs() < 1e-12 && (c[1] - 2.5).abs() < 1e-12, "{c:?}");
    }
}
