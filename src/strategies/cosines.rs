//! The rows by their lengths and cosines: what the rules below solve their small systems with, in Gram space.
//! Twin of `shaders/cosines.wgsl`.

use super::Gram;

/// Each unit row has a little direction of its own, √OWN long and at right angles to everything else, so rows are never
/// dependent and every system has one answer: this is the multiple of the identity that cosines are regularised with.
/// It is above what summation in f32 leaves of an eigenvalue that should be zero.
pub const OWN: f64 = 1.0 / 262_144.0;

/// A row shorter than this part of the longest takes no part, like one of length zero.
pub const SHORTEST: f64 = 1.0 / 1_099_511_627_776.0;

/// What counts as negative: far above rounding in f64, and in pairs of f32.
const NEGATIVE: f64 = -1e-11;

/// All rows, as a set of bits.
pub(super) const ALL_ROWS: u32 = u32::MAX;

/// Lengths and cosines of the rows.
pub(super) struct Cosines {
    /// Zero for rows that take no part.
    pub lengths: Vec<f64>,
    /// [j][k], 1 + OWN on the diagonal; rows that take no part are at right angles to all.
    matrix: Vec<Vec<f64>>,
}

impl Cosines {
    pub fn of(gram: &Gram) -> Self {
        let lengths = lengths((0..gram.len()).map(|k| gram.at(k, k).max(0.0).sqrt()).collect());
        let entry = |j: usize, k: usize| match lengths[j] * lengths[k] {
            _ if j == k => 1.0 + OWN,
            product if product > 0.0 => gram.at(j, k) / product,
            _ => 0.0,
        };
        let matrix = (0..gram.len()).map(|j| (0..gram.len()).map(|k| entry(j, k)).collect()).collect();
        Self { lengths, matrix }
    }

    /// Whether row k takes part.
    pub fn takes_part(&self, k: usize) -> bool {
        self.lengths[k] > 0.0
    }

    /// How many rows take part.
    pub fn count(&self) -> f64 {
        self.lengths.iter().filter(|length| **length > 0.0).count() as f64
    }

    /// One for every row that takes part.
    pub fn ones(&self) -> Vec<f64> {
        self.lengths.iter().map(|length| f64::from(u8::from(*length > 0.0))).collect()
    }

    /// Column k.
    pub fn column(&self, k: usize) -> &[f64] {
        &self.matrix[k]
    }

    /// x with Σₖ cos(j, k) xₖ = bⱼ for every j of `set`, and zero outside it.
    pub fn solve(&self, set: u32, b: &[f64]) -> Vec<f64> {
        let members: Vec<usize> = (0..b.len()).filter(|k| holds(set, *k)).collect();
        let mut work = self.matrix.clone();
        let mut x = vec![0.0; b.len()];
        members.iter().for_each(|&k| x[k] = b[k]);
        for (at, &k) in members.iter().enumerate() {
            for &i in &members[at + 1..] {
                let factor = work[i][k] / work[k][k];
                for &j in &members[at + 1..] {
                    work[i][j] -= factor * work[k][j];
                }
                x[i] -= factor * x[k];
            }
        }
        for (at, &k) in members.iter().enumerate().rev() {
            for &j in &members[at + 1..] {
                x[k] -= work[k][j] * x[j];
            }
            x[k] /= work[k][k];
        }
        x
    }

    /// The set on which y ≥ 0 solves the complementarity problem y ≥ 0, w = cos·y + q ≥ 0, yᵀw = 0, found from
    /// `set` by block principal pivoting (Júdice and Pires 1994): all rows on the wrong side change it at once, and one
    /// by one where that brings nothing. With it, y.
    pub fn complementary(&self, q: &[f64], mut set: u32) -> (u32, Vec<f64>) {
        let (mut fewest, mut chances) = (q.len() as u32 + 1, 0);
        let minus: Vec<f64> = q.iter().map(|q| -q).collect();
        for _ in 0..1 << q.len().min(8) {
            let y = self.solve(set, &minus);
            let wrong = self.wrong(set, &y, q);
            if wrong == 0 {
                return (set, y);
            }
            if wrong.count_ones() < fewest {
                (fewest, chances) = (wrong.count_ones(), 3);
            } else if chances > 0 {
                chances -= 1;
            }
            set ^= if chances > 0 { wrong } else { 1 << (31 - wrong.leading_zeros()) };
        }
        (set, self.solve(set, &minus))
    }

    /// The rows that violate y ≥ 0 inside `set` or w ≥ 0 outside.
    fn wrong(&self, set: u32, y: &[f64], q: &[f64]) -> u32 {
        let w = |k: usize| q[k] + self.matrix[k].iter().zip(y).map(|(c, y)| c * y).sum::<f64>();
        let is_wrong = |k: &usize| (if holds(set, *k) { y[*k] } else { w(*k) }) < NEGATIVE;
        (0..q.len()).filter(is_wrong).fold(0, |wrong, k| wrong | 1 << k)
    }
}

/// Lengths with those that take no part set to zero.
pub(super) fn lengths(mut lengths: Vec<f64>) -> Vec<f64> {
    let longest = lengths.iter().fold(0.0, |a: f64, b| a.max(*b));
    lengths.iter_mut().filter(|length| **length < SHORTEST * longest).for_each(|length| *length = 0.0);
    lengths
}

/// Whether `set` holds row k.
pub(super) const fn holds(set: u32, k: usize) -> bool {
    set >> k & 1 == 1
}
