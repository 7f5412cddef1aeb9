//! Layer-wise dynamic attention (paper §3): every hidden layer looks at the raw coordinates again through
//! two encoders and adds their gated blend to its own output.
//!
//! ```text
//! s  = tanh(W a + b)      e₁ = tanh(U x̂ + c)      e₂ = tanh(V x̂ + d)
//! q  = tanh(G [s; e₁; e₂] + g)      r = H q + k      w = σ(r₁ − r₂)
//! a' = s + ρ (e₂ + w ⊙ (e₁ − e₂))                  ρ = 1 in v1, trainable in v2
//! ```
//! The softmax over two branches is a sigmoid of their difference, feature by feature: D = H₁ − H₂ (and k likewise) is what
//! kernels multiply, H₁ and H₂ are what is trained.

use super::program::{Op, Program, Scale, Source};
use super::{Architecture, Shape, Slot, init::Start};
use crate::math::Variant;

/// The adaptive network.
#[derive(Clone, Copy, Debug)]
pub struct Lda;

/// The program, whose two encoders read `encoded`.
pub(super) fn adaptive(shape: &Shape, encoded: [Source; 2]) -> Program {
    let mut p = Program::new(format!("linear.{}", shape.depth));
    let s = p.tanh("s", "W a + b", |l| format!("linear.{l}"), &[Source::Previous]);
    let e1 = p.tanh("e1", "U x̂ + c", |l| format!("encoder1.{l}"), &encoded[..1]);
    let e2 = p.tanh("e2", "V x̂ + d", |l| format!("encoder2.{l}"), &encoded[1..]);
    let q = p.tanh("q", "G [s; e₁; e₂] + g", |l| format!("gates.{l}.0"), &[s, e1, e2]);
    let w = p.gate("w", "D q + k", |l| format!("gates.{l}.2"), &[q]);
    let scale = match shape.variant {
        Variant::V1 => Scale::Fixed(1.0),
        Variant::V2 => Scale::Trained("residual_scales"),
    };
    p.join(Op::Mix, Some(scale), &[s, e1, e2, w]);
    p
}

impl Architecture for Lda {
    const NAME: &'static str = "lda";
    const TITLE: &'static str = "Layer-wise dynamic attention";
    const GATE: Option<usize> = Some(4);

    fn program(shape: &Shape) -> Program {
        adaptive(shape, [Source::Coordinates; 2])
    }

    fn start(shape: &Shape, slot: &Slot) -> Start {
        let gain = if shape.variant == Variant::V1 { 1.0 } else { 5.0 / 3.0 };
        let is_weight = slot.shape.len() == 2;
        if slot.name == "residual_scales" {
            return Start::Constant(0.1);
        }
        if slot.name.starts_with("gates.") {
            // G has as many rows as a layer has neurons, H twice as many.
            let is_hidden = slot.rows() == shape.width;
            return match shape.variant {
                // PyTorch's default for a linear layer, weights and biases alike.
                Variant::V1 => {
                    let fan_in = if is_hidden { 3 * shape.width } else { shape.width };
                    Start::Uniform { bound: 1.0 / (fan_in as f64).sqrt() }
                }
                Variant::V2 if is_weight && is_hidden => Start::Xavier { gain },
                // Zero logits: every gate starts at one half.
                Variant::V2 => Start::Constant(0.0),
            };
        }
        match is_weight {
            true if slot.name == format!("linear.{}.weight", shape.depth) => Start::Xavier { gain: 1.0 },
            true => Start::Xavier { gain },
            false => Start::Constant(0.0),
        }
    }
}
