//! What makes a layer's output of the results of its maps, entry by entry. Each op has one file in `shaders/ops` that
//! says the same for jets, with its adjoint.

use crate::math::Real;

/// A function of several results, entry by entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// a' = s + ρ (e₂ + w (e₁ − e₂)).
    Mix,
    /// a' = v + h (u − v).
    Blend,
    /// a' = s + ρ e.
    Add,
    /// a' = s + ρ (e₁ + e₂) / 2.
    Average,
    /// a' = tanh(h + p).
    TanhSum,
}

impl Op {
    /// The stem of its shader's file and functions.
    pub const fn name(self) -> &'static str {
        match self {
            Op::Mix => "mix",
            Op::Blend => "blend",
            Op::Add => "add",
            Op::Average => "average",
            Op::TanhSum => "tanh_sum",
        }
    }

    /// Its arguments, as its shader's functions call them.
    pub const fn arguments(self) -> &'static [&'static str] {
        match self {
            Op::Mix => &["s", "e1", "e2", "w"],
            Op::Blend => &["h", "u", "v"],
            Op::Add => &["s", "e"],
            Op::Average => &["s", "e1", "e2"],
            Op::TanhSum => &["h", "p"],
        }
    }

    /// Which arguments the cotangent of argument number `argument` depends on, by number; the number after the last
    /// argument stands for the result. An op that is linear in an argument needs none of them for it.
    pub const fn adjoint_needs(self, argument: usize) -> &'static [usize] {
        match (self, argument) {
            (Op::Mix, 1 | 2) => &[3],
            (Op::Mix, 3) | (Op::Blend, 0) => &[1, 2],
            (Op::Blend, _) => &[0],
            (Op::TanhSum, _) => &[2],
            _ => &[],
        }
    }

    /// Which arguments the gradient of ρ depends on; none where there is no ρ.
    pub const fn scale_needs(self) -> &'static [usize] {
        match self {
            Op::Mix => &[1, 2, 3],
            Op::Average => &[1, 2],
            Op::Add => &[1],
            Op::Blend | Op::TanhSum => &[],
        }
    }

    /// The equation, as the papers have it.
    pub const fn equation(self) -> &'static str {
        match self {
            Op::Mix => "a' = s + ρ (e₂ + w (e₁ − e₂))",
            Op::Blend => "a' = v + h (u − v)",
            Op::Add => "a' = s + ρ e",
            Op::Average => "a' = s + ρ (e₁ + e₂) / 2",
            Op::TanhSum => "a' = tanh(h + p)",
        }
    }

    /// One entry of a', given those of the arguments and what multiplies with ρ.
    ///
    /// # Panics
    /// If there are not as many as the op has arguments: the program was built with them.
    pub fn of<T: Real>(self, x: &[T], rho: impl Fn(T) -> T) -> T {
        match (self, x) {
            (Op::Mix, &[s, e1, e2, w]) => s + rho(e2 + w * (e1 - e2)),
            (Op::Blend, &[h, u, v]) => v + h * (u - v),
            (Op::Add, &[s, e]) => s + rho(e),
            (Op::Average, &[s, e1, e2]) => s + rho((e1 + e2) * T::constant(0.5)),
            (Op::TanhSum, &[h, p]) => (h + p).tanh(),
            (op, x) => panic!("{op:?} of {} arguments", x.len()),
        }
    }
}

/// An op on certain results.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    pub op: Op,
    /// The maps whose results are its arguments.
    pub of: Vec<usize>,
    /// The number ρ, for an op that has one.
    pub scale: Option<Scale>,
}

/// The number ρ that a layer scales what it adds by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Trained: this tensor holds one number per layer.
    Trained(&'static str),
    /// Not trained: this number in every layer.
    Fixed(f32),
}
