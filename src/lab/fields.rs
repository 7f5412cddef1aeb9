//! Cubic fields: every derivative up to the third order is known because it is what a field is made of. They
//! are what jets and residuals are fed with, and nested duals say what should come out.

use crate::math::{Dual, Jet, Real, rng};

/// Three levels of duals over T: every mixed derivative up to the third order.
pub type Nested<T> = Dual<Dual<Dual<T>>>;

/// A scalar field around the origin by its derivatives: f = Σ d_α x^α / α!, |α| ≤ 3, in the order of [`indices`].
#[derive(Clone, Debug)]
pub struct Field<T>(pub Vec<T>);

/// The multi-indices α with |α| ≤ 3 in `axes` coordinates, as sorted lists of axes: `[]`, `[0]`, `[0, 0]`, `[0, 0, 0]`, …
pub fn indices(axes: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    let mut at = 0;
    while at < all.len() {
        if all[at].len() < 3 {
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
    let level = |x| Dual::new(x, zero);
    Dual::new(Dual::new(level(x), level(zero)), Dual::new(level(zero), level(zero)))
}

impl<T: Real> Field<T> {
    /// Its value at x.
    pub fn at(&self, x: &[Nested<T>]) -> Nested<T> {
        self.0.iter().zip(indices(x.len())).fold(Nested::constant(0.0), |sum, (d, index)| {
            let weight = Nested::constant(1.0 / factorial(&index));
            sum + index.iter().fold(lift(*d) * weight, |product, &axis| product * x[axis])
        })
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

/// ∂ along `along` (at most three axes) of `f` at the origin.
pub fn derivative<T: Real>(axes: usize, along: &[usize], f: &impl Fn(&[Nested<T>]) -> Nested<T>) -> T {
    let seed = |axis: usize, level: usize| T::constant(if along.get(level) == Some(&axis) { 1.0 } else { 0.0 });
    let zero = T::constant(0.0);
    let variable = |axis| {
        let first = Dual::new(zero, seed(axis, 0));
        let second = Dual::new(first, Dual::new(seed(axis, 1), zero));
        Dual::new(second, Dual::new(Dual::new(seed(axis, 2), zero), Dual::new(zero, zero)))
    };
    let y = f(&(0..axes).map(variable).collect::<Vec<_>>());
    match along.len() {
        0 => y.value.value.value,
        1 => y.value.value.tangent,
        2 => y.value.tangent.tangent,
        _ => y.tangent.tangent.tangent,
    }
}

/// The streams of `f` at the origin, by their definition; `laplacian` are the constants of a generalised one.
pub fn streams<T: Real>(jet: Jet, laplacian: &[f64], f: impl Fn(&[Nested<T>]) -> Nested<T>) -> Vec<T> {
    let axes = jet.axes();
    let d = |along: &[usize]| derivative(axes, along, &f);
    let mut streams = vec![d(&[])];
    if jet != Jet::Value {
        streams.extend((0..axes).map(|axis| d(&[axis])));
    }
    match jet {
        Jet::Value | Jet::Gradient => {}
        Jet::Second | Jet::Second5d => {
            let terms = laplacian.iter().enumerate().map(|(axis, &c)| T::constant(c) * d(&[axis, axis]));
            streams.push(terms.fold(T::constant(0.0), |sum, term| sum + term));
        }
        Jet::Third => streams.extend([
            d(&[0, 0]),
            d(&[0, 1]),
            d(&[1, 1]),
            d(&[0, 0, 0]) + d(&[0, 1, 1]),
            d(&[0, 0, 1]) + d(&[1, 1, 1]),
        ]),
    }
    streams
}

/// A jet is linear in a field's derivatives: the matrix [derivatives][streams] of that map.
pub fn streams_of_units(jet: Jet, laplacian: &[f64]) -> Vec<Vec<f64>> {
    let count = indices(jet.axes()).len();
    (0..count).map(|i| streams(jet, laplacian, |x| Field::unit(jet.axes(), i).at(x))).collect()
}

/// How many numbers of the device a jet takes: a vec3f the room of a vec4f, and so on.
pub const fn stride(jet: Jet) -> usize {
    jet.streams().next_power_of_two()
}

/// Streams as the device stores them.
pub fn padded(jet: Jet, streams: &[f64]) -> Vec<f32> {
    (0..stride(jet)).map(|s| streams.get(s).map_or(0.0, |&x| x as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_the_derivatives_it_is_made_of() {
        for (axes, count) in [(2, 10), (5, 56)] {
            let field = Field::random(axes, 3, 1);
            let all = indices(axes);
            assert_eq!((all.len(), field.0.len()), (count, count));
            for (index, wanted) in all.iter().zip(&field.0) {
                let got: f64 = derivative(axes, index, &|x| field.at(x));
                assert!((got - wanted).abs() < 1e-14, "{index:?}: {got} instead of {wanted}");
            }
        }
    }
}
