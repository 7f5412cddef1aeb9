//! A multilayer perceptron behind random Fourier features (Tancik et al., NeurIPS 2020): waves of the coordinates whose
//! wave numbers are drawn once and never trained, B ~ N(0, 1).
//!
//! ```text
//! φ = 2π Bᵀ x̂      a₀ = [sin φ; cos φ]      a' = tanh(W a + b)
//! ```
//! There are as many waves as a layer has neurons, which at the published width of 50 is the published number.

use super::program::{Activation, Program, Source};
use super::{Architecture, Shape, Slot, init};

/// The plain network of random waves.
#[derive(Clone, Copy, Debug)]
pub struct Fourier;

impl Architecture for Fourier {
    const NAME: &'static str = "fourier";
    const TITLE: &'static str = "MLP of fixed random Fourier features";

    fn program(shape: &Shape) -> Program {
        let mut p = Program::new(format!("backbone.net.{}", 2 * shape.depth));
        let sine = p.wave("sine", "Bᵀ x̂", Activation::Sine, "projection");
        let cosine = p.wave("cosine", "Bᵀ x̂", Activation::Cosine, "projection");
        p.input = vec![sine, cosine];
        p.tanh("a", "W a + b", |l| format!("backbone.net.{}", 2 * l), &[Source::Previous]);
        p
    }

    fn start(shape: &Shape, slot: &Slot) -> init::Start {
        match slot.trained {
            true => init::of_tanh(slot, &format!("backbone.net.{}", 2 * shape.depth)),
            false => init::Start::Normal { deviation: 1.0 },
        }
    }
}
