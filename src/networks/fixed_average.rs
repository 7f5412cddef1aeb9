//! The average of two encodings of the coordinates, scaled, added to every hidden layer: lda with its gates fixed at one
//! half.
//!
//! ```text
//! s = tanh(W a + b)      e₁ = tanh(U x̂ + c)      e₂ = tanh(V x̂ + d)      a' = s + ρ (e₁ + e₂) / 2
//! ```

use super::program::{Op, Program, Scale, Source};
use super::{Architecture, Shape, Slot, init};

/// The network with two encoders per layer and no gate.
#[derive(Clone, Copy, Debug)]
pub struct FixedAverage;

impl Architecture for FixedAverage {
    const NAME: &'static str = "fixed-average";
    const TITLE: &'static str = "The average of two encodings added to every layer";

    fn program(shape: &Shape) -> Program {
        let mut p = Program::new(format!("linear.{}", shape.depth));
        let s = p.tanh("s", "W a + b", |l| format!("linear.{l}"), &[Source::Previous]);
        let e1 = p.tanh("e1", "U x̂ + c", |l| format!("encoder1.{l}"), &[Source::Coordinates]);
        let e2 = p.tanh("e2", "V x̂ + d", |l| format!("encoder2.{l}"), &[Source::Coordinates]);
        p.join(Op::Average, Some(Scale::Trained("residual_scales")), &[s, e1, e2]);
        p
    }

    fn start(shape: &Shape, slot: &Slot) -> init::Start {
        init::of_tanh(slot, &format!("linear.{}", shape.depth))
    }
}
