//! A scalar field on a regular grid. Not a mesh: nodes are equally spaced and include both ends of each axis.

use std::io;

/// Field values at the nodes of a regular grid: entry `[i * ny + j]` belongs to `x_i`, `y_j`, where `x_i` runs
/// from `x[0]` to `x[1]` and `y_j` from `y[0]` to `y[1]`, ends included. NaN means "no value here".
#[derive(Clone, Debug)]
pub struct Grid {
    values: Vec<f64>,
    nx: usize,
    ny: usize,
    /// First and last x, in physical units.
    pub x: [f64; 2],
    /// First and last y (or t), in physical units.
    pub y: [f64; 2],
}

impl Grid {
    /// Copies `values` (f32 or f64), ordered `[i * ny + j]` ↔ `x_i`, `y_j`.
    ///
    /// # Errors
    /// `InvalidInput` when a size is zero, when there are not exactly `nx * ny` values or when the extent is not finite and ascending.
    pub fn new<T: Copy + Into<f64>>(values: &[T], nx: usize, ny: usize, x: [f64; 2], y: [f64; 2]) -> io::Result<Self> {
        let invalid = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        if nx == 0 || ny == 0 || nx.checked_mul(ny) != Some(values.len()) {
            return invalid(format!("a picture of {nx} × {ny} nodes was given {} values", values.len()));
        }
        if !x.iter().chain(&y).all(|end| end.is_finite()) || x[0] > x[1] || y[0] > y[1] {
            return invalid(format!("the extent {x:?} × {y:?} of a picture is not finite and ascending"));
        }
        Ok(Self { values: values.iter().map(|&value| value.into()).collect(), nx, ny, x, y })
    }

    /// Number of nodes along x and y.
    pub fn size(&self) -> [usize; 2] {
        [self.nx, self.ny]
    }

    /// The value at node `(x_i, y_j)`.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.ny + j]
    }

    /// Bilinear value at a fraction of the extent: (0, 0) is the first node, (1, 1) the last one.
    pub fn bilinear(&self, fx: f64, fy: f64) -> f64 {
        let (i, i1, a) = bracket(fx, self.nx);
        let (j, j1, b) = bracket(fy, self.ny);
        blend(blend(self.at(i, j), self.at(i, j1), b), blend(self.at(i1, j), self.at(i1, j1), b), a)
    }

    /// The value of the node nearest to a fraction of the extent.
    pub fn nearest(&self, fx: f64, fy: f64) -> f64 {
        let index = |f: f64, n: usize| (f.clamp(0.0, 1.0) * (n - 1) as f64).round() as usize;
        self.at(index(fx, self.nx), index(fy, self.ny))
    }

    /// Smallest and largest finite value, if there is one.
    pub fn range(&self) -> Option<[f64; 2]> {
        range(self.values.iter().copied())
    }

    /// The field `f(self, other)`, node by node: an error, or a speed from two components.
    ///
    /// # Errors
    /// `InvalidInput` when the two grids differ in size.
    pub fn zip(&self, other: &Grid, f: impl Fn(f64, f64) -> f64) -> io::Result<Grid> {
        if self.size() != other.size() {
            let text = format!("two fields of one picture have {:?} and {:?} nodes", self.size(), other.size());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let values = self.values.iter().zip(&other.values).map(|(&a, &b)| f(a, b)).collect();
        Ok(Grid { values, ..*self })
    }
}

/// Smallest and largest finite value of a sequence, if there is one.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    values.filter(|value| value.is_finite()).fold(None, |bounds, value| match bounds {
        None => Some([value, value]),
        Some([lo, hi]) => Some([lo.min(value), hi.max(value)]),
    })
}

/// The two nodes around a fraction of an axis with `n` nodes, and the weight of the second.
fn bracket(fraction: f64, n: usize) -> (usize, usize, f64) {
    let position = fraction.clamp(0.0, 1.0) * (n - 1) as f64;
    let first = (position.floor() as usize).min(n.saturating_sub(2));
    (first, (first + 1).min(n - 1), position - first as f64)
}

/// `(1 − t) a + t b`, where an end of weight zero is not looked at: a NaN must not spread to its neighbours' nodes.
fn blend(a: f64, b: f64, t: f64) -> f64 {
    match t {
        0.0 => a,
        1.0 => b,
        _ => a + t * (b - a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bilinear_field_is_reproduced() {
        let values: Vec<f64> = (0..12).map(|k| (k / 4) as f64 * 10.0 + (k % 4) as f64).collect();
        let grid = Grid::new(&values, 3, 4, [0.0, 1.0], [0.0, 1.0]).unwrap();
        assert_eq!(grid.at(2, 1), 21.0);
        assert!((grid.bilinear(0.75, 0.5) - 16.5).abs() < 1e-12);
        assert_eq!(grid.nearest(0.9, 0.1), 20.0);
        assert_eq!(grid.range(), Some([0.0, 23.0]));
    }

    #[test]
    fn wrong_sizes_are_refused_and_single_nodes_are_constant() {
        assert!(Grid::new(&[0.0f32; 5], 2, 3, [0.0, 1.0], [0.0, 1.0]).is_err());
        assert!(Grid::new(&[0.0f32; 0], 0, 3, [0.0, 1.0], [0.0, 1.0]).is_err());
        assert!(Grid::new(&[0.0f32], 1, 1, [0.0, f64::NAN], [0.0, 1.0]).is_err());
        let one = Grid::new(&[4.0f32], 1, 1, [0.0, 1.0], [0.0, 1.0]).unwrap();
        assert_eq!(one.bilinear(0.3, 0.9), 4.0);
        let holes = Grid::new(&[1.0, f64::NAN], 2, 1, [0.0, 1.0], [0.0, 1.0]).unwrap();
        assert_eq!(holes.bilinear(0.0, 0.5), 1.0);
        assert!(holes.bilinear(0.5, 0.5).is_nan());
    }
}
