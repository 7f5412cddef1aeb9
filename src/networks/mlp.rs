//! The standard PINN network: a_l = tanh(W_l a_{l−1} + b_l), linear output.

use super::init::{self, Start};
use super::program::{Program, Source};
use super::{Architecture, Shape, Slot};

/// The plain multilayer perceptron.
#[derive(Clone, Copy, Debug)]
pub struct Mlp;

impl Architecture for Mlp {
    const NAME: &'static str = "mlp";
    const TITLE: &'static str = "Multilayer perceptron";

    // The reference implementation alternates linear layers and activations, hence the even numbers.
    fn program(shape: &Shape) -> Program {
        let mut p = Program::new(format!("net.{}", 2 * shape.depth));
        p.tanh("a", "W a + b", |l| format!("net.{}", 2 * l), &[Source::Previous]);
        p
    }

    // The same in both published forms: gain 5/3 for hidden layers, 1 for the output, biases zero.
    fn start(shape: &Shape, slot: &Slot) -> Start {
        init::of_tanh(slot, &format!("net.{}", 2 * shape.depth))
    }
}
