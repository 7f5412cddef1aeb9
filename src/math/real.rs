//! The number type a network is written in: plain, taped (parameter gradients) or dual (input derivatives).

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A real number that may carry derivatives.
pub trait Real:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// The type of the parameters: they have no derivative with respect to the coordinates.
    type Scalar: Copy;

    /// A number whose derivatives are all zero.
    fn constant(value: f64) -> Self;
    /// The number without its derivatives, which decides where a function has two branches.
    fn primal(self) -> f64;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// 1 / (1 + e⁻ˣ).
    fn sigmoid(self) -> Self;
    /// Sine.
    fn sin(self) -> Self;
    /// Cosine.
    fn cos(self) -> Self;
    /// Exponential.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Hyperbolic sine.
    fn sinh(self) -> Self;
    /// Hyperbolic cosine.
    fn cosh(self) -> Self;
    /// The product with a parameter.
    fn scale(self, factor: Self::Scalar) -> Self;
    /// Σᵢ weightsᵢ xsᵢ; both slices have the same length.
    fn linear(weights: &[Self::Scalar], xs: &[Self]) -> Self;
    /// Σᵢ weightsᵢ xsᵢ + bias; the bias has no derivative, so it reaches the value only.
    fn affine(weights: &[Self::Scalar], xs: &[Self], bias: Self::Scalar) -> Self;

    /// A layer: the linear map of every row of `weights` [rows, xs.len()], with one bias per row if given.
    fn dense(weights: &[Self::Scalar], bias: Option<&[Self::Scalar]>, xs: &[Self]) -> Vec<Self> {
        let rows = weights.chunks_exact(xs.len());
        match bias {
            Some(bias) => rows.zip(bias).map(|(row, bias)| Self::affine(row, xs, *bias)).collect(),
            None => rows.map(|row| Self::linear(row, xs)).collect(),
        }
    }

    /// The number times itself.
    fn square(self) -> Self {
        self * self
    }

    /// An integer power by repeated multiplication, which knows no restriction on the base.
    fn powi(self, exponent: i32) -> Self {
        let one = Self::constant(1.0);
        let (mut power, mut base, mut left) = (one, self, exponent.unsigned_abs());
        while left > 0 {
            if left & 1 == 1 {
                power = power * base;
            }
            left >>= 1;
            if left > 0 {
                base = base * base;
            }
        }
        if exponent < 0 { one / power } else { power }
    }

    /// Any other power of a positive base.
    fn powf(self, exponent: Self) -> Self {
        (exponent * self.ln()).exp()
    }

    /// The sign: −1, 0 or 1. It is constant wherever it has a derivative.
    fn sign(self) -> Self {
        let x = self.primal();
        Self::constant(if x > 0.0 {
            1.0
        } else if x < 0.0 {
            -1.0
        } else {
            x.abs()
        })
    }

    /// The absolute value; its slope at 0 is taken to be 0.
    fn abs(self) -> Self {
        self * self.sign()
    }

    /// `chosen` if the number is at most `limit`, else `other`.
    fn choose(self, limit: Self, chosen: Self, other: Self) -> Self {
        if self.primal() <= limit.primal() { chosen } else { other }
    }

    /// The smaller of two; of two that are equal, this one.
    fn minimum(self, other: Self) -> Self {
        self.choose(other, self, other)
    }

    /// The larger of two; of two that are equal, this one.
    fn maximum(self, other: Self) -> Self {
        other.choose(self, self, other)
    }
}

/// 1 / (1 + e⁻ˣ) without overflow on either side.
pub(crate) fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

impl Real for f64 {
    type Scalar = Self;

    fn constant(value: f64) -> Self {
        value
    }
    fn primal(self) -> f64 {
        self
    }
    fn tanh(self) -> Self {
        self.tanh()
    }
    fn sigmoid(self) -> Self {
        sigmoid(self)
    }
    fn sin(self) -> Self {
        self.sin()
    }
    fn cos(self) -> Self {
        self.cos()
    }
    fn exp(self) -> Self {
        self.exp()
    }
    fn ln(self) -> Self {
        self.ln()
    }
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    fn sinh(self) -> Self {
        self.sinh()
    }
    fn cosh(self) -> Self {
        self.cosh()
    }
    fn scale(self, factor: Self) -> Self {
        self * factor
    }
    fn linear(weights: &[Self], xs: &[Self]) -> Self {
        // Four sums side by side: a single one would wait for itself.
        let (weights, last_weights) = weights.as_chunks::<4>();
        let (xs, last_xs) = xs.as_chunks::<4>();
        let mut sums = [0.0; 4];
        for (w, x) in weights.iter().zip(xs) {
            for lane in 0..4 {
                sums[lane] += w[lane] * x[lane];
            }
        }
        let rest: Self = last_weights.iter().zip(last_xs).map(|(w, x)| w * x).sum();
        sums[0] + sums[1] + (sums[2] + sums[3]) + rest
    }
    fn affine(weights: &[Self], xs: &[Self], bias: Self) -> Self {
        Self::linear(weights, xs) + bias
    }
}
