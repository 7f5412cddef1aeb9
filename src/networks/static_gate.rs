//! lda with gates that are trained but the same at every point: one weight per layer and feature.
//!
//! ```text
//! s = tanh(W a + b)      e₁ = tanh(U x̂ + c)      e₂ = tanh(V x̂ + d)
//! w = σ(k₁ − k₂)         a' = s + ρ (e₂ + w ⊙ (e₁ − e₂))
//! ```

use super::program::{Op, Program, Scale, Source};
use super::{Architecture, Shape, Slot, init};

/// The network whose gates do not see the point.
#[derive(Clone, Copy, Debug)]
pub struct StaticGate;

impl Architecture for StaticGate {
    const NAME: &'static str = "static-gate";
    const TITLE: &'static str = "Two encodings mixed by a trained gate per feature, the same at every point";
    const GATE: Option<usize> = Some(3);

    fn program(shape: &Shape) -> Program {
        let mut p = Program::new(format!("linear.{}", shape.depth));
        let s = p.tanh("s", "W a + b", |l| format!("linear.{l}"), &[Source::Previous]);
        let e1 = p.tanh("e1", "U x̂ + c", |l| format!("encoder1.{l}"), &[Source::Coordinates]);
        let e2 = p.tanh("e2", "V x̂ + d", |l| format!("encoder2.{l}"), &[Source::Coordinates]);
        let w = p.gate("w", "k₁ − k₂", |l| format!("static_gate_logits.{l}"), &[]);
        p.join(Op::Mix, Some(Scale::Trained("residual_scales")), &[s, e1, e2, w]);
        p
    }

    fn start(shape: &Shape, slot: &Slot) -> init::Start {
        match slot.name.starts_with("static_gate_logits.") {
            // every gate starts at one half
            true => init::Start::Constant(0.0),
            false => init::of_tanh(slot, &format!("linear.{}", shape.depth)),
        }
    }
}
