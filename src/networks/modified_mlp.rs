//! The modified multilayer perceptron (Wang, Teng and Perdikaris, SIAM J. Sci. Comput. 43, 2021): two encodings of the
//! coordinates, computed once, between which every hidden layer blends feature by feature.
//!
//! ```text
//! u = tanh(E x̂ + f)      v = tanh(F x̂ + g)      once
//! h = tanh(W a + b)      a' = h ⊙ u + (1 − h) ⊙ v
//! ```

use super::program::{Op, Program, Source};
use super::{Architecture, Shape, Slot, init};

/// The network with two encodings that all layers share.
#[derive(Clone, Copy, Debug)]
pub struct ModifiedMlp;

impl Architecture for ModifiedMlp {
    const NAME: &'static str = "modified-mlp";
    const TITLE: &'static str = "Modified MLP: layers blend two encodings of the coordinates";

    fn program(_: &Shape) -> Program {
        let mut p = Program::new("output");
        let u = p.encoder("u", "E x̂ + f", |_| "encoder_u".into());
        let v = p.encoder("v", "F x̂ + g", |_| "encoder_v".into());
        let h = p.tanh("h", "W a + b", |l| format!("hidden.{l}"), &[Source::Previous]);
        p.join(Op::Blend, None, &[h, u, v]);
        p
    }

    fn start(_: &Shape, slot: &Slot) -> init::Start {
        init::of_tanh(slot, "output")
    }
}
