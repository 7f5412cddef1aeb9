//! The coordinates injected into every hidden layer as they are: of what lda does, repeated access to them alone.
//!
//! ```text
//! h = W a + b      p = P x̂      a' = tanh(h + p)
//! ```

use super::program::{Op, Program, Source, Tensors};
use super::{Architecture, Shape, Slot, init};

/// The network that adds a linear map of the coordinates in every layer.
#[derive(Clone, Copy, Debug)]
pub struct DirectInjection;

impl Architecture for DirectInjection {
    const NAME: &'static str = "direct-injection";
    const TITLE: &'static str = "Coordinates added inside every layer";

    fn program(shape: &Shape) -> Program {
        let mut p = Program::new(format!("linear.{}", shape.depth));
        let main = Tensors::Linear(|l| format!("linear.{l}"));
        let h = p.linear("h", "W a + b", main, &[Source::Previous]);
        let injected = Tensors::Weight(|l| format!("coordinate_projection.{l}"));
        let p_x = p.linear("p", "P x̂", injected, &[Source::Coordinates]);
        p.join(Op::TanhSum, None, &[h, p_x]);
        p
    }

    fn start(shape: &Shape, slot: &Slot) -> init::Start {
        init::of_tanh(slot, &format!("linear.{}", shape.depth))
    }
}
