//! Polynomials of degree four: every derivative up to the fourth order is known because it is what a field is made of. They
//! are what jets and residuals are fed with, and nested duals say what should come out.

use std::collections::HashMap;

use crate::math::multi_index::MAX_ORDER;
use crate::math::{Dual, Jet, Real, Stream, rng};

/// Four levels of duals over T: every mixed derivative up to the fourth order.
pub type Nested<T> = Dual<Dual<Dual<Dual<T>>>>;

/// A scalar field around the origin by its derivatives: f = Σ d_α x^α / α!, |α| ≤ 4, in the order of [`indices`].
#[derive(Clone, Debug)]
pub struct Field<T>(pub Vec<T>);

/// The multi-indices α with |α| ≤ 4 in `axes` coordinates, as sorted lists of axes: `[]`, `[0]`, `[0, 0]`, `[0, 0, 0]`, …
pub fn indices(axes: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    let mut at = 0;
    while at < all.len() {
        if all[at].len() < MAX_ORDER {
            let from = all[at].last().copied().unwrap_or(0);
            for axis in from..axes {
                let mut longer = all[at].clone();
                longer.push(axis);
                all.push(longer);
            }
        }
        at += 1;
    }
    all
}

/// α! of a sorted list of axes.
fn factorial(index: &[usize]) -> f64 {
    let repeats = |i: usize| index[..i].iter().filter(|&&axis| axis == index[i]).count() + 1;
    (0..index.len()).map(|i| repeats(i) as f64).product()
}

fn lift<T: Real>(x: T) -> Nested<T> {
    let zero = T::constant(0.0);
    Dual::new(Dual::new(Dual::new(Dual::new(x, zero), Dual::constant(0.0)), Dual::constant(0.0)), Dual::constant(0.0))
}

impl<T: Real> Field<T> {
    /// Its value at x.
    pub fn at(&self, x: &[Nested<T>]) -> Nested<T> {
        let mut powers: HashMap<Vec<usize>, Nested<T>> = HashMap::new();
        let mut sum = Nested::constant(0.0);
        for (d, index) in self.0.iter().zip(indices(x.len())) {
            // shorter lists come first
            let power = match index.split_last() {
                Some((&axis, before)) => powers[before] * x[axis],
                None => Nested::constant(1.0),
            };
            sum = sum + lift(*d * T::constant(1.0 / factorial(&index))) * power;
            powers.insert(index, power);
        }
        sum
    }
}

impl Field<f64> {
    /// Derivatives on a grid of 1/64: sums and products with small integers stay exact, so that the streams are
    /// the same in f32.
    pub fn random(axes: usize, case: usize, which: usize) -> Self {
        let entry = |i: usize| {
            let words = rng::philox([case as u32, which as u32, i as u32, 77], [1, 2]);
            f64::from((words[0] % 193) as i32 - 96) / 64.0
        };
        Field((0..indices(axes).len()).map(entry).collect())
    }

    /// A field that moves along another: the innermost tangent is the derivative of the motion.
    pub fn moving(&self, along: &Self) -> Field<Dual<f64>> {
        Field(self.0.iter().zip(&along.0).map(|(&base, &along)| Dual::new(base, along)).collect())
    }

    /// The field whose only derivative, number `which`, is one.
    pub fn unit(axes: usize, which: usize) -> Self {
        Field((0..indices(axes).len()).map(|i| f64::from(u8::from(i == which))).collect())
    }
}

/// ∂ along `along` (at most four axes) of `f` at the origin.
pub fn derivative<T: Real>(axes: usize, along: &[usize], f: &impl Fn(&[Nested<T>]) -> Nested<T>) -> T {
    derivative_at(&vec![0.0; axes], along, f)
}

/// ∂ along `along` (at most four axes) of `f` at `point`.
pub fn derivative_at<T: Real>(point: &[f64], along: &[usize], f: &impl Fn(&[Nested<T>]) -> Nested<T>) -> T {
    let variable = |(axis, &x): (usize, &f64)| {
        let seed = |level: usize| if along.get(level) == Some(&axis) { 1.0 } else { 0.0 };
        let first = Dual::new(T::constant(x), T::constant(seed(0)));
        let second = Dual::new(first, Dual::constant(seed(1)));
        let third = Dual::new(second, Dual::constant(seed(2)));
        Dual::new(third, Dual::constant(seed(3)))
    };
    let y = f(&point.iter().enumerate().map(variable).collect::<Vec<_>>());
    match along.len() {
        0 => y.value.value.value.value,
        1 => y.value.value.value.tangent,
        2 => y.value.value.tangent.tangent,
        3 => y.value.tangent.tangent.tangent,
        _ => y.tangent.tangent.tangent.tangent,
    }
}

/// The streams of `f` at the origin, by their definition; `laplacian` are the constants of a generalised one, by axis.
pub fn streams<T: Real>(jet: Jet, laplacian: &[f64], f: impl Fn(&[Nested<T>]) -> Nested<T>) -> Vec<T> {
    let d = |along: &[usize]| derivative(jet.axes(), along, &f);
    let stream = |stream| match stream {
        Stream::Derivative(index) => d(&index.axes()),
        Stream::Laplacian => {
            let terms = jet.laplacian_axes().into_iter().map(|axis| T::constant(laplacian[axis]) * d(&[axis, axis]));
            terms.fold(T::constant(0.0), |sum, term| sum + term)
        }
        Stream::SlopeOfLaplacian(axis) => d(&[axis, 0, 0]) + d(&[axis, 1, 1]),
    };
    jet.list().into_iter().map(stream).collect()
}

/// A jet is linear in a field's derivatives: the matrix [derivatives][streams] of that map.
pub fn streams_of_units(jet: Jet, laplacian: &[f64]) -> Vec<Vec<f64>> {
    let count = indices(jet.axes()).len();
    (0..count).map(|i| streams(jet, laplacian, |x| Field::unit(jet.axes(), i).at(x))).collect()
}

/// Streams as the device stores them.
pub fn padded(jet: Jet, streams: &[f64]) -> Vec<f32> {
    let mut numbers = vec![0.0; jet.numbers()];
    for (stream, &x) in streams.iter().enumerate() {
        numbers[jet.place(stream)] = x as f32;
    }
    numbers
}

/// The streams of a jet as the device stores it.
pub fn unpadded(jet: Jet, numbers: &[f32]) -> Vec<f32> {
    (0..jet.streams()).map(|stream| numbers[jet.place(stream)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_the_derivatives_it_is_made_of() {
        for (axes, count) in [(1, 5), (2, 15), (5, 126)] {
            let field = Field::random(axes, 3, 1);
            let all = indices(axes);
            assert_eq!((all.len(), field.0.len()), (count, count));
            for (index, wanted) in all.iter().zip(&field.0) {
                let got: f64 = derivative(axes, index, &|x| field.at(x));
                assert!((got - wanted).abs() < 1e-14, "{index:?}: {got} instead of {wanted}");
            }
        }
    }
    /// The one place where derivatives by duals meet another way to take them.
    #[test]
    fn fourth_derivatives_are_differences_of_third_ones() {
        let (u, v) = (Field::<f64>::random(2, 1, 0), Field::random(2, 1, 1));
        let f = |x: &[Nested<f64>]| u.at(x).tanh() * v.at(x);
        for along in [[0, 0, 0, 0], [0, 0, 1, 1], [1, 0, 1, 1]] {
            let third = |h: f64| {
                let mut point = [0.0; 2];
                point[along[3]] = h;
                derivative_at(&point, &along[..3], &f)
            };
            let (got, wanted) = (derivative(2, &along, &f), (third(1e-5) - third(-1e-5)) / 2e-5);
            assert!((got - wanted).abs() < 1e-6 * wanted.abs().max(1.0), "{along:?}: {got} instead of {wanted}");
        }
    }
}
