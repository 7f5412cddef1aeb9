//! Dual numbers: a value and its derivative in one direction. Nested n deep they hold every mixed
//! derivative in n directions, so `Dual<Dual<Dual<T>>>` reaches the third order with no formula by hand.

use crate::math::Real;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// `value + ε tangent` with ε² = 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual<T> {
    /// The number itself.
    pub value: T,
    /// Its derivative in this dual's direction.
    pub tangent: T,
}

impl<T> Dual<T> {
    /// Pairs a value with its derivative.
    pub const fn new(value: T, tangent: T) -> Self {
        Self { value, tangent }
    }
}

impl<T: Real> Dual<T> {
    /// Applies a function given its value and its slope at `self.value`.
    fn chain(self, value: T, slope: T) -> Self {
        Self::new(value, slope * self.tangent)
    }
}

impl<T: Real> Add for Dual<T> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.value + other.value, self.tangent + other.tangent)
    }
}

impl<T: Real> Sub for Dual<T> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.value - other.value, self.tangent - other.tangent)
    }
}

impl<T: Real> Mul for Dual<T> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::new(self.value * other.value, self.value * other.tangent + self.tangent * other.value)
    }
}

impl<T: Real> Div for Dual<T> {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let quotient = self.value / other.value;
        Self::new(quotient, (self.tangent - quotient * other.tangent) / other.value)
    }
}

impl<T: Real> Neg for Dual<T> {
    type Output = Self;
    fn neg(self) -> Self {
        Self::new(-self.value, -self.tangent)
    }
}

impl<T: Real> Real for Dual<T> {
    type Scalar = T::Scalar;

    fn constant(value: f64) -> Self {
        Self::new(T::constant(value), T::constant(0.0))
    }
    fn primal(self) -> f64 {
        self.value.primal()
    }
    fn tanh(self) -> Self {
        let y = self.value.tanh();
        self.chain(y, T::constant(1.0) - y * y)
    }
    fn sigmoid(self) -> Self {
        let y = self.value.sigmoid();
        self.chain(y, y * (T::constant(1.0) - y))
    }
    fn sin(self) -> Self {
        self.chain(self.value.sin(), self.value.cos())
    }
    fn cos(self) -> Self {
        self.chain(self.value.cos(), -self.value.sin())
    }
    fn exp(self) -> Self {
        let y = self.value.exp();
        self.chain(y, y)
    }
    fn ln(self) -> Self {
        self.chain(self.value.ln(), T::constant(1.0) / self.value)
    }
    fn sqrt(self) -> Self {
        let y = self.value.sqrt();
        self.chain(y, T::constant(0.5) / y)
    }
    fn sinh(self) -> Self {
        self.chain(self.value.sinh(), self.value.cosh())
    }
    fn cosh(self) -> Self {
        self.chain(self.value.cosh(), self.value.sinh())
    }
    fn scale(self, factor: Self::Scalar) -> Self {
        Self::new(self.value.scale(factor), self.tangent.scale(factor))
    }
    // Linear maps act on value and tangent alike: n nested duals cost 2ⁿ streams, not 4ⁿ products.
    fn linear(weights: &[Self::Scalar], xs: &[Self]) -> Self {
        let (values, tangents) = split(xs);
        Self::new(T::linear(weights, &values), T::linear(weights, &tangents))
    }
    fn affine(weights: &[Self::Scalar], xs: &[Self], bias: Self::Scalar) -> Self {
        let (values, tangents) = split(xs);
        Self::new(T::affine(weights, &values, bias), T::linear(weights, &tangents))
    }
    // As the default would, but splits `xs` once instead of once per row.
    fn dense(weights: &[Self::Scalar], bias: Option<&[Self::Scalar]>, xs: &[Self]) -> Vec<Self> {
        let (values, tangents) = split(xs);
        let values = T::dense(weights, bias, &values);
        let tangents = T::dense(weights, None, &tangents);
        values.into_iter().zip(tangents).map(|(value, tangent)| Self::new(value, tangent)).collect()
    }
}

fn split<T: Copy>(xs: &[Dual<T>]) -> (Vec<T>, Vec<T>) {
    xs.iter().map(|x| (x.value, x.tangent)).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The variable x with unit direction at each of three nested levels.
    fn variable(x: f64) -> Dual<Dual<Dual<f64>>> {
        let zero = Dual::new(0.0, 0.0);
        Dual::new(Dual::new(Dual::new(x, 1.0), Dual::new(1.0, 0.0)), Dual::new(Dual::new(1.0, 0.0), zero))
    }

    fn derivatives(y: Dual<Dual<Dual<f64>>>) -> [f64; 4] {
        [y.value.value.value, y.value.value.tangent, y.value.tangent.tangent, y.tangent.tangent.tangent]
    }

    #[test]
    fn third_order_matches_the_closed_forms() {
        let x: f64 = 0.37;
        let y = x.tanh();
        let g = 1.0 - y * y;
        let s = 1.0 / (1.0 + (-x).exp());
        let h = s * (1.0 - s);
        let cases = [
            (derivatives(variable(x).tanh()), [y, g, -2.0 * y * g, g * (6.0 * y * y - 2.0)]),
            (derivatives(variable(x).sigmoid()), [s, h, h * (1.0 - 2.0 * s), h * (1.0 - 6.0 * h)]),
            (derivatives(variable(x).sin()), [x.sin(), x.cos(), -x.sin(), -x.cos()]),
            (derivatives(variable(x).cos()), [x.cos(), -x.sin(), -x.cos(), x.sin()]),
            (derivatives(variable(x).exp()), [x.exp(); 4]),
            (derivatives(variable(x).ln()), [x.ln(), 1.0 / x, -1.0 / (x * x), 2.0 / x.powi(3)]),
            (derivatives(variable(x).sqrt()), [x.sqrt(), 0.5 / x.sqrt(), -0.25 * x.powf(-1.5), 0.375 * x.powf(-2.5)]),
            (derivatives(variable(x).sinh()), [x.sinh(), x.cosh(), x.sinh(), x.cosh()]),
            (derivatives(variable(x).cosh()), [x.cosh(), x.sinh(), x.cosh(), x.sinh()]),
            (
                derivatives(variable(x).powi(-1) * variable(x).powi(5)),
                [x.powi(4), 4.0 * x.powi(3), 12.0 * x * x, 24.0 * x],
            ),
            (
                derivatives(variable(x) / variable(x).powi(3)),
                [x.powi(-2), -2.0 * x.powi(-3), 6.0 * x.powi(-4), -24.0 * x.powi(-5)],
            ),
            (derivatives((-variable(x)).abs()), [x, 1.0, 0.0, 0.0]),
            (derivatives(variable(x).square().minimum(variable(x))), [x * x, 2.0 * x, 2.0, 0.0]),
            (derivatives(variable(x).square().maximum(variable(x))), [x, 1.0, 0.0, 0.0]),
            (derivatives(variable(x).square() * variable(x)), [x.powi(3), 3.0 * x * x, 6.0 * x, 6.0]),
            (
                derivatives(Dual::dense(&[2.0, 3.0], Some(&[5.0, 1.0]), &[variable(x)])[1]),
                [3.0 * x + 1.0, 3.0, 0.0, 0.0],
            ),
            (derivatives(Dual::affine(&[2.0], &[variable(x)], 5.0)), [2.0 * x + 5.0, 2.0, 0.0, 0.0]),
        ];
        for (got, wanted) in cases {
            for (g, w) in got.iter().zip(wanted) {
                assert!((g - w).abs() < 1e-14 * w.abs().max(1.0), "{got:?} instead of {wanted:?}");
            }
        }
    }
}
