//! The inner products of the gradient rows, and what they say about conflicts.

/// M with Mⱼₖ = ⟨gⱼ, gₖ⟩ over all parameters together, row-major [K, K].
#[derive(Clone, Debug, PartialEq)]
pub struct Gram {
    tasks: usize,
    entries: Vec<f64>,
}

/// How much the gradients of a step work against each other.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Conflicts {
    /// ‖gᵢ‖ per term.
    pub norms: Vec<f64>,
    /// (i, j, cosine) of every pair i < j; zero where a norm is zero.
    pub cosines: Vec<(usize, usize, f64)>,
    /// The share of pairs with a negative cosine.
    pub conflict_rate: f64,
    /// ‖g − Σ gᵢ‖ / ‖Σ gᵢ‖ of the combined gradient g.
    pub projection_ratio: f64,
}

impl Gram {
    /// The Gram matrix of rows of equal length.
    pub fn of(rows: &[Vec<f64>]) -> Self {
        let entries = rows.iter().flat_map(|a| rows.iter().map(|b| dot(a, b))).collect();
        Self { tasks: rows.len(), entries }
    }
    /// A Gram matrix from its entries, row-major [tasks, tasks].
    ///
    /// # Panics
    /// If the number of entries is not tasks².
    pub fn from_entries(tasks: usize, entries: Vec<f64>) -> Self {
        assert_eq!(entries.len(), tasks * tasks, "a Gram matrix is square");
        Self { tasks, entries }
    }
    /// The number of rows.
    pub const fn len(&self) -> usize {
        self.tasks
    }
    /// Whether there are no rows.
    pub const fn is_empty(&self) -> bool {
        self.tasks == 0
    }
    /// ⟨gⱼ, gₖ⟩.
    pub fn at(&self, j: usize, k: usize) -> f64 {
        self.entries[j * self.tasks + k]
    }
    /// All entries, row-major.
    pub fn entries(&self) -> &[f64] {
        &self.entries
    }

    /// aᵀ M b.
    fn form(&self, a: &[f64], b: &[f64]) -> f64 {
        (0..self.tasks).map(|j| a[j] * (0..self.tasks).map(|k| self.at(j, k) * b[k]).sum::<f64>()).sum()
    }

    /// Norms, cosines, conflict rate and projection ratio of the combination Σ cₖ gₖ.
    pub fn conflicts(&self, coefficients: &[f64]) -> Conflicts {
        let norms: Vec<f64> = (0..self.tasks).map(|k| self.at(k, k).max(0.0).sqrt()).collect();
        let mut cosines = Vec::new();
        for i in 0..self.tasks {
            for j in i + 1..self.tasks {
                let scale = norms[i] * norms[j];
                cosines.push((i, j, if scale > 0.0 { self.at(i, j) / scale } else { 0.0 }));
            }
        }
        let conflicting = cosines.iter().filter(|(_, _, cosine)| *cosine < 0.0).count();
        let ones = vec![1.0; self.tasks];
        let moved: Vec<f64> = coefficients.iter().map(|c| c - 1.0).collect();
        let plain = self.form(&ones, &ones).max(0.0).sqrt();
        let change = self.form(&moved, &moved).max(0.0).sqrt();
        Conflicts {
            conflict_rate: conflicting as f64 / cosines.len().max(1) as f64,
            projection_ratio: if plain > 0.0 { change / plain } else { 0.0 },
            norms,
            cosines,
        }
    }
}

/// The inner product of two vectors of equal length.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_of_a_small_example() {
        let gram = Gram::of(&[vec![1.0, 0.0], vec![-1.0, 1.0], vec![0.5, 0.5]]);
        // (1, 2) instead of (0.5, 1.5): the change (0.5, 0.5) is the third row.
        let conflicts = gram.conflicts(&[1.0, 1.0, 2.0]);
        assert!((conflicts.conflict_rate - 1.0 / 3.0).abs() < 1e-15);
        assert!((conflicts.cosines[0].2 + 0.5_f64.sqrt()).abs() < 1e-15);
        assert!((conflicts.projection_ratio - (0.5_f64 / 2.5).sqrt()).abs() < 1e-15);
        let silent = Gram::of(&[vec![0.0], vec![0.0]]).conflicts(&[1.0, 1.0]);
        assert_eq!((silent.cosines[0].2, silent.projection_ratio), (0.0, 0.0));
    }
}
