//! The standard PINN network: a_l = tanh(W_l a_{l−1} + b_l), linear output.

use super::wiring::{Branches, Map, Reads, Wiring};
use super::{Architecture, Layout, Shape, Slot, dense, init::Start};
use crate::math::Real;

/// The plain multilayer perceptron.
#[derive(Clone, Copy, Debug)]
pub struct Mlp;

impl Architecture for Mlp {
    const NAME: &'static str = "mlp";
    const TITLE: &'static str = "Multilayer perceptron";
    const SHADER: &'static str = include_str!("../../shaders/networks/mlp.wgsl");

    // The reference implementation alternates linear layers and activations, hence the even numbers.
    fn layout(shape: &Shape) -> Layout {
        let mut layout = Layout::default();
        for layer in 0..shape.depth {
            layout.push_linear(&format!("net.{}", 2 * layer), shape.width, shape.fan_in(layer));
        }
        layout.push_linear(&format!("net.{}", 2 * shape.depth), shape.outputs, shape.width);
        layout
    }

    fn wiring(shape: &Shape) -> Wiring {
        Wiring {
            maps: vec![Map {
                weight: |l| format!("net.{}.weight", 2 * l),
                bias: |l| format!("net.{}.bias", 2 * l),
                reads: Reads::Previous,
                branches: Branches::None,
            }],
            output: (format!("net.{}.weight", 2 * shape.depth), format!("net.{}.bias", 2 * shape.depth)),
            scales: None,
            slots: [4, 1, 0],
            stages: [2, 2],
        }
    }

    // The same in both published forms: gain 5/3 for hidden layers, 1 for the output, biases zero.
    fn start(shape: &Shape, slot: &Slot) -> Start {
        let output = format!("net.{}.weight", 2 * shape.depth);
        match slot.shape.len() {
            2 if slot.name == output => Start::Xavier { gain: 1.0 },
            2 => Start::Xavier { gain: 5.0 / 3.0 },
            _ => Start::Constant(0.0),
        }
    }

    fn forward<T: Real>(shape: &Shape, layout: &Layout, parameters: &[T::Scalar], x: &[T]) -> Vec<T> {
        let mut a = x.to_vec();
        for layer in 0..shape.depth {
            a = dense(layout, parameters, 2 * layer, &a).into_iter().map(T::tanh).collect();
        }
        dense(layout, parameters, 2 * shape.depth, &a)
    }
}
