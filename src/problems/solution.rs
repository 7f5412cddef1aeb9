//! What an answer is compared with: grids, observables, reference values and error norms.

use std::ops::Range;

/// One axis of an evaluation grid, both ends included.
#[derive(Clone, Debug, PartialEq)]
pub struct GridAxis {
    /// Name of the coordinate.
    pub name: &'static str,
    /// First node.
    pub lower: f64,
    /// Last node.
    pub upper: f64,
    /// Number of nodes.
    pub count: usize,
}

impl GridAxis {
    /// The coordinate of node `i`.
    pub fn node(&self, i: usize) -> f64 {
        self.lower + (self.upper - self.lower) * i as f64 / (self.count.max(2) - 1) as f64
    }
}

/// A rectangular grid; node (i, j) has the flat index i·ny + j, so axis 0 is the outer one.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The axes in the problem's order. A problem of one axis has a second one of a single node and without a name.
    pub axes: [GridAxis; 2],
}

impl Grid {
    /// The grid of the first two of `axes`, or of the only one.
    pub fn of(axes: Vec<GridAxis>) -> Self {
        let none = GridAxis { name: "", lower: 0.0, upper: 0.0, count: 1 };
        let mut axes = axes.into_iter();
        let first = axes.next().unwrap_or_else(|| none.clone());
        Self { axes: [first, axes.next().unwrap_or(none)] }
    }
    /// How many of its axes are the problem's.
    pub fn dimensions(&self) -> usize {
        if self.axes[1].name.is_empty() { 1 } else { 2 }
    }
    /// Nodes along axis 0.
    pub const fn nx(&self) -> usize {
        self.axes[0].count
    }
    /// Nodes along axis 1.
    pub const fn ny(&self) -> usize {
        self.axes[1].count
    }
    /// All nodes.
    pub const fn len(&self) -> usize {
        self.nx() * self.ny()
    }
    /// Never: a grid has nodes.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The physical coordinates of node number `index`.
    pub fn node(&self, index: usize) -> [f64; 2] {
        [self.axes[0].node(index / self.ny()), self.axes[1].node(index % self.ny())]
    }
    /// All nodes, flat [nx·ny, 2], or [nx, 1] for one axis.
    pub fn points(&self) -> Vec<f64> {
        let dimensions = self.dimensions();
        (0..self.len()).flat_map(|index| self.node(index).into_iter().take(dimensions)).collect()
    }
}

/// Where the network is evaluated: scattered points, if the problem has some, then the nodes of its grid.
/// Scattered points count for errors and the grid is only drawn; without any, the grid serves both.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationSet {
    /// All points, flat [n, axes].
    pub points: Vec<f64>,
    /// Numbers of the points at which errors are measured.
    pub counted: Range<usize>,
    /// Numbers of the points that are the nodes of the grid.
    pub drawn: Range<usize>,
}

impl EvaluationSet {
    /// `scattered` (flat [n, axes]), then the nodes of `grid`, continued by `slice` on the axes after the first two.
    pub fn new(scattered: Vec<f64>, grid: &Grid, slice: &[f64]) -> Self {
        let dimensions = grid.dimensions();
        let before = scattered.len() / (dimensions + slice.len());
        let all = before + grid.len();
        let mut points = scattered;
        for index in 0..grid.len() {
            points.extend(grid.node(index).into_iter().take(dimensions));
            points.extend(slice);
        }
        let counted = if before > 0 { 0..before } else { 0..all };
        Self { points, counted, drawn: before..all }
    }
}

/// How an observable follows from the fields and their first derivatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// The field itself.
    Value {
        /// Number of the field.
        field: usize,
    },
    /// ψ_y, the first velocity component of stream function `field`.
    VelocityX {
        /// Number of the field.
        field: usize,
    },
    /// −ψ_x, the second velocity component.
    VelocityY {
        /// Number of the field.
        field: usize,
    },
    /// √(ψ_x² + ψ_y²), the speed.
    Speed {
        /// Number of the field.
        field: usize,
    },
    /// √(u² + v²), the speed of a flow (u, v) or the modulus of the complex number u + iv.
    Modulus {
        /// Numbers of u and v.
        parts: [usize; 2],
    },
}

impl Quantity {
    /// Its value; `jets[f]` holds field f as (u, ∂₀u, ∂₁u).
    pub fn of(self, jets: &[[f64; 3]]) -> f64 {
        match self {
            Self::Value { field } => jets[field][0],
            Self::VelocityX { field } => jets[field][2],
            Self::VelocityY { field } => -jets[field][1],
            Self::Speed { field } => jets[field][1].hypot(jets[field][2]),
            Self::Modulus { parts: [u, v] } => jets[u][0].hypot(jets[v][0]),
        }
    }
    /// Whether first derivatives are needed.
    pub const fn needs_gradient(self) -> bool {
        !matches!(self, Self::Value { .. } | Self::Modulus { .. })
    }
}

/// Something computed from the fields, for errors or for pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observable {
    /// Its name, such as "u" or "speed".
    pub name: &'static str,
    /// How it is computed.
    pub quantity: Quantity,
}

/// Known values of observables at the points of an [`EvaluationSet`].
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// Where the values come from.
    pub origin: String,
    /// Observable name and one value per point; the first is the one that is drawn.
    pub values: Vec<(&'static str, Vec<f64>)>,
}

impl Solution {
    /// The values of the first observable, the one that is drawn.
    pub fn compared(&self) -> &[f64] {
        &self.values[0].1
    }
    /// Errors of predicted `observables` at the points `counted`; `compared` names the observables that make up the
    /// vector whose distance is an error, usually one.
    ///
    /// # Panics
    /// If one of them is neither known nor predicted: they belong to the same problem.
    pub fn errors(&self, compared: &[&str], counted: Range<usize>, observables: &[(&'static str, Vec<f64>)]) -> Errors {
        let of = |all: &[(&'static str, Vec<f64>)]| -> Vec<Vec<f64>> {
            let component = |name: &&str| {
                let found = all.iter().find(|(known, _)| known == name);
                found.unwrap_or_else(|| panic!("no observable `{name}`")).1[counted.clone()].to_vec()
            };
            compared.iter().map(component).collect()
        };
        vector_errors(&of(observables), &of(&self.values))
    }
    /// The values of one observable, if known.
    pub fn of(&self, name: &str) -> Option<&[f64]> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, values)| &values[..])
    }
}

/// Errors of a prediction p against a reference u, both flattened. Where a point has several components, |·| is
/// the length of their vector.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Errors {
    /// ‖p − u‖₂ / ‖u‖₂.
    pub rel_l2: f64,
    /// max|p − u| / max|u|.
    pub rel_linf: f64,
    /// mean |p − u|².
    pub mse: f64,
}

/// The three errors of the paper for one component.
///
/// # Panics
/// As [`vector_errors`].
pub fn errors(prediction: &[f64], reference: &[f64]) -> Errors {
    vector_errors(&[prediction], &[reference])
}

/// The three errors of the paper; a NaN in the prediction makes all of them NaN. Both sides hold one list of
/// values per component.
///
/// # Panics
/// If the lengths differ: they belong to the same points.
pub fn vector_errors<T: AsRef<[f64]>>(prediction: &[T], reference: &[T]) -> Errors {
    let lengths = |side: &[T]| side.iter().map(|values| values.as_ref().len()).collect::<Vec<_>>();
    assert_eq!(lengths(prediction), lengths(reference), "prediction and reference at different points");
    let points = reference[0].as_ref().len();
    let (mut squares, mut norm, mut worst, mut largest) = (0.0, 0.0, 0.0_f64, 0.0_f64);
    for i in 0..points {
        let (mut error, mut size) = (0.0, 0.0);
        for (p, u) in prediction.iter().zip(reference) {
            let (p, u) = (p.as_ref()[i], u.as_ref()[i]);
            error += (p - u) * (p - u);
            size += u * u;
        }
        squares += error;
        norm += size;
        // `max` would drop a NaN, but then `squares` is one
        worst = worst.max(error);
        largest = largest.max(size);
    }
    if squares.is_nan() {
        worst = f64::NAN;
    }
    Errors { rel_l2: (squares / norm).sqrt(), rel_linf: (worst / largest).sqrt(), mse: squares / points as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_follow_their_definitions() {
        let e = errors(&[1.0, 2.0, -1.0], &[1.0, 4.0, 2.0]);
        assert!((e.rel_l2 - (13.0_f64 / 21.0).sqrt()).abs() < 1e-15);
        assert_eq!((e.rel_linf, e.mse), (0.75, 13.0 / 3.0));
        let complex = vector_errors(&[[0.0, 1.0], [0.0, 1.0]], &[[3.0, 1.0], [4.0, 2.0]]);
        assert_eq!((complex.rel_l2, complex.rel_linf, complex.mse), ((26.0_f64 / 30.0).sqrt(), 1.0, 13.0));
        let broken = errors(&[f64::NAN, 9.0], &[1.0, 1.0]);
        assert!(broken.rel_l2.is_nan() && broken.rel_linf.is_nan() && broken.mse.is_nan());
    }

    #[test]
    fn the_outer_axis_is_axis_zero() {
        let axis = |name, count| GridAxis { name, lower: 0.0, upper: 1.0, count };
        let grid = Grid { axes: [axis("x", 3), axis("y", 5)] };
        assert_eq!(grid.node(7), [0.5, 0.5]);
        assert_eq!(grid.points()[..4], [0.0, 0.0, 0.0, 0.25]);
    }

    #[test]
    fn scattered_points_count_and_the_slice_is_drawn() {
        let axis = |name, count| GridAxis { name, lower: 0.0, upper: 1.0, count };
        let grid = Grid { axes: [axis("x", 2), axis("y", 2)] };
        let plain = EvaluationSet::new(Vec::new(), &grid, &[]);
        assert_eq!((plain.counted.clone(), plain.drawn.clone(), plain.points), (0..4, 0..4, grid.points()));
        let set = EvaluationSet::new(vec![9.0; 9], &grid, &[0.5]);
        assert_eq!((set.counted.clone(), set.drawn.clone()), (0..3, 3..7));
        assert_eq!(set.points[9..15], [0.0, 0.0, 0.5, 0.0, 1.0, 0.5]);
    }

    #[test]
    fn speed_is_the_length_of_the_velocity() {
        let jets = [[9.0, 3.0, 4.0]];
        assert_eq!(Quantity::Speed { field: 0 }.of(&jets), 5.0);
        assert_eq!(Quantity::VelocityX { field: 0 }.of(&jets), 4.0);
        assert_eq!(Quantity::VelocityY { field: 0 }.of(&jets), -3.0);
    }
}
