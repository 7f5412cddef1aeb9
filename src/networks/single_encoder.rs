//! One encoding of the coordinates, scaled, added to every hidden layer: lda without a choice.
//!
//! ```text
//! s = tanh(W a + b)      e = tanh(U x̂ + c)      a' = s + ρ e
//! ```

use super::program::{Op, Program, Scale, Source};
use super::{Architecture, Shape, Slot, init};

/// The network with one encoder per layer.
#[derive(Clone, Copy, Debug)]
pub struct SingleEncoder;

impl Architecture for SingleEncoder {
    const NAME: &'static str = "single-encoder";
    const TITLE: &'static str = "One encoding of the coordinates added to every layer";

    fn program(shape: &Shape) -> Program {
        let mut p = Program::new(format!("linear.{}", shape.depth));
        let s = p.tanh("s", "W a + b", |l| format!("linear.{l}"), &[Source::Previous]);
        let e = p.tanh("e", "U x̂ + c", |l| format!("encoder.{l}"), &[Source::Coordinates]);
        p.join(Op::Add, Some(Scale::Trained("residual_scales")), &[s, e]);
        p
    }

    fn start(shape: &Shape, slot: &Slot) -> init::Start {
        init::of_tanh(slot, &format!("linear.{}", shape.depth))
    }
}
