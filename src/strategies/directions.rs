//! The rows as vectors, for the halves of the rules that work on the rows themselves: nothing here looks at a Gram matrix.

use super::cosines::{OWN, holds, lengths};
use super::gram::dot;

/// Unit rows, each with a coordinate of its own behind the parameters that holds √[`OWN`].
pub(super) struct Directions {
    /// Zero for rows that take no part.
    pub lengths: Vec<f64>,
    /// [row][parameters + rows].
    units: Vec<Vec<f64>>,
    parameters: usize,
}

impl Directions {
    pub fn of(rows: &[Vec<f64>]) -> Self {
        let lengths = lengths(rows.iter().map(|row| dot(row, row).sqrt()).collect());
        let parameters = rows.first().map_or(0, Vec::len);
        let unit = |(k, row): (usize, &Vec<f64>)| {
            let takes_part = lengths[k] > 0.0;
            let mut unit: Vec<f64> = row.iter().map(|g| if takes_part { g / lengths[k] } else { 0.0 }).collect();
            unit.resize(parameters + rows.len(), 0.0);
            unit[parameters + k] = if takes_part { OWN.sqrt() } else { 1.0 };
            unit
        };
        let units = rows.iter().enumerate().map(unit).collect();
        Self { lengths, units, parameters }
    }

    /// Rows that take part.
    pub fn taking_part(&self) -> Vec<usize> {
        (0..self.lengths.len()).filter(|k| self.lengths[*k] > 0.0).collect()
    }

    /// The sets of rows that take part, the empty one first.
    pub fn sets(&self) -> impl Iterator<Item = u32> {
        let silent = (0..self.lengths.len()).filter(|k| self.lengths[*k] == 0.0).fold(0, |set, k| set | 1 << k);
        (0..1_u32 << self.lengths.len()).filter(move |set| set & silent == 0)
    }

    /// Unit row k with its own coordinate.
    pub fn unit(&self, k: usize) -> &[f64] {
        &self.units[k]
    }

    /// Σ xₖ uₖ with the coordinates of their own.
    pub fn sum(&self, x: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.parameters + self.lengths.len()];
        for (x, unit) in x.iter().zip(&self.units) {
            sum.iter_mut().zip(unit).for_each(|(s, u)| *s += x * u);
        }
        sum
    }

    /// A vector without the coordinates of their own.
    pub fn cut(&self, mut vector: Vec<f64>) -> Vec<f64> {
        vector.truncate(self.parameters);
        vector
    }

    /// Numbers x on `set` for which ⟨uⱼ, Σ xₖ uₖ⟩ = bⱼ there: of all vectors with these products the shortest. With the
    /// unit rows of the set as columns, U = Q R by Gram–Schmidt, so RᵀR x = b.
    pub fn shortest(&self, set: u32, b: &[f64]) -> Vec<f64> {
        let members: Vec<usize> = (0..b.len()).filter(|k| holds(set, *k)).collect();
        let mut q: Vec<Vec<f64>> = Vec::new();
        let mut r = vec![vec![0.0; members.len()]; members.len()];
        for (j, &k) in members.iter().enumerate() {
            let mut v = self.units[k].clone();
            // twice is enough
            for _ in 0..2 {
                for (i, q) in q.iter().enumerate() {
                    let along = dot(q, &v);
                    r[i][j] += along;
                    v.iter_mut().zip(q).for_each(|(v, q)| *v -= along * q);
                }
            }
            r[j][j] = dot(&v, &v).sqrt();
            v.iter_mut().for_each(|v| *v /= r[j][j]);
            q.push(v);
        }
        let mut x: Vec<f64> = members.iter().map(|&k| b[k]).collect();
        for j in 0..x.len() {
            x[j] = (x[j] - (0..j).map(|i| r[i][j] * x[i]).sum::<f64>()) / r[j][j];
        }
        for i in (0..x.len()).rev() {
            x[i] = (x[i] - (i + 1..x.len()).map(|j| r[i][j] * x[j]).sum::<f64>()) / r[i][i];
        }
        let mut all = vec![0.0; b.len()];
        members.iter().zip(x).for_each(|(&k, x)| all[k] = x);
        all
    }
}
