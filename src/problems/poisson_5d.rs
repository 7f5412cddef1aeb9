//! Poisson's equation in five dimensions (revision of the paper): −Δu = f on the unit cube, made so that
//! u = Σ sin(πxᵢ/2) solves it, with its values on all ten faces.

use super::{Axis, Grid, GridAxis, Observable, PointSet, Preset, Problem, Quantity, Region, Solution, Term, texts};
use crate::math::numpy::Pcg64;
use std::f64::consts::PI;

/// Dimensions of the cube.
const AXES: usize = 5;
/// Points of the published test set, and the seed of the stream they are drawn from.
const TEST_POINTS: u32 = 100_000;
const TEST_SEED: u64 = 9259;

/// The equation on [0, 1]⁵.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Poisson5d;

impl Poisson5d {
    /// u(x).
    pub fn exact(point: &[f64]) -> f64 {
        point.iter().map(|x| (0.5 * PI * x).sin()).sum()
    }
}

impl Problem for Poisson5d {
    fn name(&self) -> &'static str {
        "poisson-5d"
    }
    fn title(&self) -> &'static str {
        "Poisson equation in five dimensions"
    }
    fn equation(&self) -> &'static str {
        "−Δu = f in five dimensions"
    }
    // The network sees the coordinates as they are.
    fn axes(&self) -> Vec<Axis> {
        let axis = |name| Axis { name, lower: 0.0, upper: 1.0, slope: 1.0, offset: 0.0 };
        ["x1", "x2", "x3", "x4", "x5"].map(axis).to_vec()
    }
    fn fields(&self) -> &'static [&'static str] {
        &["u"]
    }
    fn terms(&self) -> Vec<Term> {
        vec![Term::new("pde", &[0]), Term::new("bc", &[1])]
    }
    fn residuals(&self) -> Vec<Vec<String>> {
        let exact: Vec<String> = self.axes().iter().map(|axis| format!("sin(pi*{}/2)", axis.name)).collect();
        let exact = exact.join(" + ");
        texts(&[&[&format!("-laplacian(u) - pi^2/4*({exact})")], &[&format!("u - ({exact})")]])
    }
    // The reference implementation draws one hypercube for all faces and deals the faces out at random. Here the
    // points of a face are neighbours in number; strata are dealt out at random, so both are the same in law.
    fn sets(&self) -> Vec<PointSet> {
        let face = |number: usize| {
            let (mut lower, mut upper) = ([0.0; AXES], [1.0; AXES]);
            (lower[number / 2], upper[number / 2]) = ((number % 2) as f64, (number % 2) as f64);
            Region::new(&lower, &upper)
        };
        vec![
            PointSet { name: "pde", regions: vec![Region::new(&[0.0; AXES], &[1.0; AXES])] },
            PointSet { name: "bc", regions: (0..2 * AXES).map(face).collect() },
        ]
    }
    // Not in the first publication: `paper` is `revised`.
    fn presets(&self) -> Vec<Preset> {
        let revised = Preset::revised(100_000, &[20_000, 5_000], 1000);
        vec![Preset { name: "paper", ..revised.clone() }, revised, Preset::quick(1_000, &[256, 80], 5e-3)]
    }
    fn grid(&self) -> Grid {
        let axis = |name| GridAxis { name, lower: 0.0, upper: 1.0, count: 64 };
        Grid { axes: [axis("x1"), axis("x2")] }
    }
    fn slice(&self) -> Vec<f64> {
        vec![0.5; AXES - 2]
    }
    fn scattered(&self) -> Vec<f64> {
        let points = Pcg64::new(&[TEST_SEED]).hypercube(TEST_POINTS, AXES);
        points.into_iter().map(f64::from).collect()
    }
    fn observables(&self) -> Vec<Observable> {
        vec![Observable { name: "u", quantity: Quantity::Value { field: 0 } }]
    }
    fn solution(&self) -> Option<Solution> {
        let values = self.evaluation_set().points.chunks(AXES).map(Self::exact).collect();
        let origin = "exact: u = Σ sin(πxᵢ/2), errors at 100 000 points of a Latin hypercube".into();
        Some(Solution { origin, values: vec![("u", values)] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Real, Var};
    use crate::problems::FieldDerivatives;

    /// The exact solution and its derivatives by hand.
    struct Exact([f64; AXES]);

    impl FieldDerivatives for Exact {
        fn d(&mut self, _field: usize, axes: &[usize]) -> Var {
            Var::constant(match *axes {
                [] => Poisson5d::exact(&self.0),
                [i, j] if i == j => -0.25 * PI * PI * (0.5 * PI * self.0[i]).sin(),
                _ => unreachable!("not asked for"),
            })
        }
    }

    #[test]
    fn the_exact_solution_satisfies_every_term() {
        let point = [0.3, 0.9, 0.1, 0.6, 1.0];
        for term in 0..2 {
            let data = Poisson5d.data(term, &point);
            let r = Poisson5d.residual_of(term, &mut Exact(point), &data)[0].value;
            assert!(r.abs() < 1e-14, "term {term}: {r}");
        }
    }

    /// The numbers published with the reference implementation.
    #[test]
    fn the_test_set_is_the_published_one() {
        let set = Poisson5d.evaluation_set();
        assert_eq!(set.counted, 0..100_000);
        for (got, wanted) in set.points.iter().zip([0.8900803, 0.2761738, 0.5723268, 0.2334227, 0.8756974]) {
            assert!((got - wanted).abs() < 5e-8, "{got} instead of {wanted}");
        }
        let solution = Poisson5d.solution().unwrap();
        let u = &solution.compared()[set.counted];
        let squares: f64 = u.iter().map(|u| u * u).sum();
        let largest = u.iter().fold(0.0_f64, |a, &u| a.max(u));
        assert!((squares.sqrt() - 1029.6776).abs() < 1e-3, "{}", squares.sqrt());
        assert!((largest - 4.98478).abs() < 1e-5, "{largest}");
    }

    #[test]
    fn every_face_is_a_region() {
        let faces = &Poisson5d.sets()[1].regions;
        assert_eq!(faces.len(), 10);
        for (number, face) in faces.iter().enumerate() {
            for axis in 0..AXES {
                let ends = if axis == number / 2 { [(number % 2) as f64; 2] } else { [0.0, 1.0] };
                assert_eq!([face.lower[axis], face.upper[axis]], ends, "face {number} axis {axis}");
            }
        }
    }
}
