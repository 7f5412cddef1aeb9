//! Where the points of a term lie: boxes, from which the device draws anew in each step, or points that are drawn once by
//! the host, because they lie on a curve, in what a condition leaves of a box, or in a file.

use std::collections::HashMap;

use crate::expressions::{Expr, Leaf};
use crate::math::sampling;
use crate::problems::{Axis, Region};

/// The seed of points that are drawn once: they belong to the problem, not to a run.
const SEED: u64 = 0x5e_ed0f_9015;
/// How often a whole set is drawn to fill it with points that satisfy a condition.
const ROUNDS: u32 = 400;

/// The points of one term.
#[derive(Clone)]
pub enum Placement {
    /// Boxes, on the device.
    Boxes(Vec<Region>),
    /// Those points of boxes that lie inside.
    Inside { regions: Vec<Region>, inside: Condition },
    /// The images of parameters.
    Curve { parameters: Region, axes: usize, coordinates: Vec<Expr>, inside: Condition },
    /// Points of a file, flat, with what was measured there.
    Given { points: Vec<f32>, axes: usize, columns: HashMap<Vec<u32>, Vec<f64>> },
}

/// Expressions of the coordinates that must all be positive.
pub type Condition = Vec<Expr>;

fn bits(point: &[f32]) -> Vec<u32> {
    point.iter().map(|x| x.to_bits()).collect()
}

fn holds(condition: &Condition, point: &[f64]) -> bool {
    condition.iter().all(|expression| at(expression, point) > 0.0)
}

fn at(expression: &Expr, point: &[f64]) -> f64 {
    expression.evaluate(&mut |leaf: &Leaf| match *leaf {
        Leaf::Axis(axis) => point[axis],
        _ => unreachable!("coordinates alone are in scope"),
    })
}

impl Placement {
    /// The whole box of the axes.
    pub fn everywhere(axes: &[Axis]) -> Region {
        let ends = |of: fn(&Axis) -> f64| axes.iter().map(of).collect::<Vec<f64>>();
        Region::new(&ends(|axis| axis.lower), &ends(|axis| axis.upper))
    }

    /// Points of a file; `columns` are the numbers behind the axes.
    ///
    /// # Errors
    /// Two rows of one point say different things.
    pub fn given(rows: &[f64], width: usize, axes: usize) -> Result<Placement, String> {
        let mut columns: HashMap<Vec<u32>, Vec<f64>> = HashMap::new();
        let mut points = Vec::new();
        for (number, row) in rows.chunks_exact(width).enumerate() {
            let point: Vec<f32> = row[..axes].iter().map(|&x| x as f32).collect();
            if let Some(before) = columns.insert(bits(&point), row[axes..].to_vec())
                && before != row[axes..]
            {
                return Err(format!(
                    "row {} repeats the point {point:?} with other numbers: keep one of them",
                    number + 1
                ));
            }
            points.extend(point);
        }
        Ok(Placement::Given { points, axes, columns })
    }

    /// The boxes that bound it.
    pub fn regions(&self) -> Vec<Region> {
        match self {
            Placement::Boxes(regions) | Placement::Inside { regions, .. } => regions.clone(),
            Placement::Curve { axes, .. } => vec![bounds(&self.points(256).unwrap_or_default(), *axes)],
            Placement::Given { points, axes, .. } => vec![bounds(points, *axes)],
        }
    }

    /// How many points it has, where a file decides.
    pub fn fixed(&self) -> Option<usize> {
        match self {
            Placement::Given { points, axes, .. } => Some(points.len() / axes),
            _ => None,
        }
    }

    /// Whether points of its boxes are left out.
    pub fn holes(&self) -> bool {
        matches!(self, Placement::Inside { .. })
    }

    /// Whether a point of its boxes belongs to it.
    pub fn contains(&self, point: &[f64]) -> bool {
        match self {
            Placement::Inside { inside, .. } => holds(inside, point),
            _ => true,
        }
    }

    /// `count` points, flat, where the host draws them; none where the device does. Fewer, where hardly any point lies
    /// inside, or where a file has fewer.
    pub fn points(&self, count: usize) -> Option<Vec<f32>> {
        let axes = self.axes();
        match self {
            Placement::Boxes(_) => None,
            Placement::Inside { regions, inside } => {
                Some(filled(count, axes, |round| kept(sampling::points(SEED, round, 0, regions, count), axes, inside)))
            }
            Placement::Curve { parameters, coordinates, inside, .. } => Some(filled(count, axes, |round| {
                let drawn = sampling::points(SEED, round, 0, std::slice::from_ref(parameters), count);
                let place = |parameters: &[f32]| -> Vec<f32> {
                    let parameters = wide(parameters);
                    coordinates.iter().map(|coordinate| at(coordinate, &parameters) as f32).collect()
                };
                kept(drawn.chunks(parameters.lower.len()).flat_map(place).collect(), axes, inside)
            })),
            Placement::Given { points, .. } => Some(points[..points.len().min(count * axes)].to_vec()),
        }
    }

    /// Numbers of a point.
    pub fn axes(&self) -> usize {
        match self {
            Placement::Boxes(regions) | Placement::Inside { regions, .. } => regions[0].lower.len(),
            Placement::Curve { axes, .. } | Placement::Given { axes, .. } => *axes,
        }
    }

    /// Some of its points, wherever they come from.
    pub fn sample(&self, count: usize) -> Vec<f32> {
        match self {
            Placement::Boxes(regions) => sampling::points(SEED, 0, 0, regions, count),
            other => other.points(count).unwrap_or_default(),
        }
    }

    /// What was measured at a point of a file; none where the point is none of it.
    pub fn columns(&self, point: &[f32]) -> Option<&[f64]> {
        match self {
            Placement::Given { columns, .. } => columns.get(&bits(point)).map(Vec::as_slice),
            _ => None,
        }
    }
}

/// Rounds of points until there are `count`. Of more, every so many-th is taken: each round goes through the boxes in
/// order, and its head alone would leave the last ones out.
fn filled(count: usize, axes: usize, mut draw: impl FnMut(u32) -> Vec<f32>) -> Vec<f32> {
    let mut points = Vec::new();
    for round in 0..ROUNDS {
        points.extend(draw(round));
        if points.len() >= count * axes {
            break;
        }
    }
    let found = points.len() / axes;
    if found <= count {
        return points;
    }
    (0..count).flat_map(|number| &points[number * found / count * axes..][..axes]).copied().collect()
}

fn wide(point: &[f32]) -> Vec<f64> {
    point.iter().map(|&x| f64::from(x)).collect()
}

fn kept(points: Vec<f32>, axes: usize, inside: &Condition) -> Vec<f32> {
    points.chunks(axes).filter(|point| holds(inside, &wide(point))).flatten().copied().collect()
}

fn bounds(points: &[f32], axes: usize) -> Region {
    let end = |axis: usize, of: fn(f64, f64) -> f64, start: f64| {
        points.chunks(axes).map(|point| f64::from(point[axis])).fold(start, of)
    };
    let lower: Vec<f64> = (0..axes).map(|axis| end(axis, f64::min, f64::INFINITY)).collect();
    let upper: Vec<f64> = (0..axes).map(|axis| end(axis, f64::max, f64::NEG_INFINITY)).collect();
    Region::new(&lower, &upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outside the unit circle, in a square of twice its size.
    fn outside() -> Condition {
        vec![Expr::axis(0) * Expr::axis(0) + Expr::axis(1) * Expr::axis(1) - Expr::number(1.0)]
    }

    #[test]
    fn a_condition_leaves_as_many_points_as_asked_for() {
        let regions = vec![Region::new(&[-2.0, -2.0], &[2.0, 2.0])];
        let placement = Placement::Inside { regions, inside: outside() };
        for count in [1, 7, 1000] {
            let points = placement.points(count).unwrap();
            assert_eq!(points.len(), 2 * count);
            assert!(points.chunks(2).all(|point| point[0].hypot(point[1]) > 1.0));
        }
        assert!(placement.holes() && !placement.contains(&[0.5, 0.5]) && placement.contains(&[1.5, 0.5]));
    }

    #[test]
    fn all_boxes_keep_their_share() {
        let side = |x: f64| Region::new(&[x, -2.0], &[x, 2.0]);
        // three quarters of each side lie above −1
        let inside = vec![Expr::axis(1) + Expr::number(1.0)];
        let placement = Placement::Inside { regions: vec![side(-2.0), side(2.0)], inside };
        let points = placement.points(1000).unwrap();
        let left = points.chunks(2).filter(|point| point[0] < 0.0).count();
        assert!((450..=550).contains(&left), "{left} of 1000");
    }

    #[test]
    fn a_curve_is_the_image_of_its_parameter() {
        let s = Expr::axis(0);
        let coordinates = vec![s.clone() + s.clone(), s.clone() * s];
        let placement = Placement::Curve {
            parameters: Region::new(&[0.0], &[1.0]),
            axes: 2,
            coordinates,
            inside: vec![Expr::number(1.0) - Expr::axis(0)],
        };
        let points = placement.points(50).unwrap();
        assert_eq!(points.len(), 100);
        for point in points.chunks(2) {
            assert!(point[0] < 1.0 && (point[1] - 0.25 * point[0] * point[0]).abs() < 1e-6, "{point:?}");
        }
    }

    #[test]
    fn a_file_says_one_thing_of_a_point() {
        let placement = Placement::given(&[1.0, 5.0, 2.0, 6.0, 1.0, 5.0], 2, 1).unwrap();
        assert_eq!(placement.fixed(), Some(3));
        assert_eq!((placement.columns(&[2.0]), placement.columns(&[3.0])), (Some(&[6.0][..]), None));
        let clash = Placement::given(&[1.0, 5.0, 1.0, 6.0], 2, 1).err().unwrap();
        assert_eq!(clash, "row 2 repeats the point [1.0] with other numbers: keep one of them");
    }
}
