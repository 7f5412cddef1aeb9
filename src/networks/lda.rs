//! Layer-wise dynamic attention (paper §3): every hidden layer looks at the raw coordinates again through
//! two encoders and adds their gated blend to its own output.
//!
//! ```text
//! s  = tanh(W a + b)      e₁ = tanh(U x̂ + c)      e₂ = tanh(V x̂ + d)
//! q  = tanh(G [s; e₁; e₂] + g)      r = H q + k      w = σ(r₁ − r₂)
//! a' = s + ρ (e₂ + w ⊙ (e₁ − e₂))                  ρ = 1 in v1, trainable in v2
//! ```
//! The softmax over two branches is a sigmoid of their difference, feature by feature.

use super::wiring::{Branches, Map, Reads, Scales, Wiring};
use super::{Architecture, Layout, Shape, Slot, dense, init::Start};
use crate::math::{Real, Variant};

/// The adaptive network.
#[derive(Clone, Copy, Debug)]
pub struct Lda;

/// Slots of a hidden layer: weight and bias of W, U, V, G and H.
const SLOTS_PER_LAYER: usize = 10;

impl Architecture for Lda {
    const NAME: &'static str = "lda";
    const TITLE: &'static str = "Layer-wise dynamic attention";
    const SHADER: &'static str = include_str!("../../shaders/networks/lda.wgsl");

    // Each hidden layer is contiguous, so that a layer's kernel reads one stretch of memory.
    fn layout(shape: &Shape) -> Layout {
        let mut layout = Layout::default();
        let h = shape.width;
        for l in 0..shape.depth {
            layout.push_linear(&format!("linear.{l}"), h, shape.fan_in(l));
            layout.push_linear(&format!("encoder1.{l}"), h, shape.inputs);
            layout.push_linear(&format!("encoder2.{l}"), h, shape.inputs);
            layout.push_linear(&format!("gates.{l}.0"), h, 3 * h);
            layout.push_linear(&format!("gates.{l}.2"), 2 * h, h);
        }
        layout.push_linear(&format!("linear.{}", shape.depth), shape.outputs, h);
        if shape.variant == Variant::V2 {
            layout.push("residual_scales", &[shape.depth]);
        }
        layout
    }

    // W, U, V, G and H.
    fn wiring(shape: &Shape) -> Wiring {
        let map = |weight, bias, reads| Map { weight, bias, reads, branches: Branches::None };
        let logits = map(|l| format!("gates.{l}.2.weight"), |l| format!("gates.{l}.2.bias"), Reads::Features(1));
        Wiring {
            maps: vec![
                map(|l| format!("linear.{l}.weight"), |l| format!("linear.{l}.bias"), Reads::Previous),
                map(|l| format!("encoder1.{l}.weight"), |l| format!("encoder1.{l}.bias"), Reads::Coordinates),
                map(|l| format!("encoder2.{l}.weight"), |l| format!("encoder2.{l}.bias"), Reads::Coordinates),
                map(|l| format!("gates.{l}.0.weight"), |l| format!("gates.{l}.0.bias"), Reads::Features(3)),
                Map { branches: Branches::Difference, ..logits },
            ],
            output: (format!("linear.{}.weight", shape.depth), format!("linear.{}.bias", shape.depth)),
            scales: Some(match shape.variant {
                Variant::V1 => Scales::Fixed(1.0),
                Variant::V2 => Scales::Trained("residual_scales"),
            }),
            slots: [7, 1, 5],
            stages: [10, 6],
        }
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

    fn forward<T: Real>(shape: &Shape, layout: &Layout, parameters: &[T::Scalar], x: &[T]) -> Vec<T> {
        pass(shape, layout, parameters, x, |_| {})
    }

    fn gates(shape: &Shape, layout: &Layout, parameters: &[f64], x: &[f64]) -> Vec<Vec<f64>> {
        let mut seen = Vec::with_capacity(shape.depth);
        pass(shape, layout, parameters, x, |w| seen.push(w.to_vec()));
        seen
    }
}

/// The outputs at `x`; `see` is shown w [width] of every hidden layer in turn.
fn pass<T: Real>(
    shape: &Shape,
    layout: &Layout,
    parameters: &[T::Scalar],
    x: &[T],
    mut see: impl FnMut(&[T]),
) -> Vec<T> {
    let h = shape.width;
    let scales = layout.slot("residual_scales").map(|slot| &parameters[slot.range()]);
    let tanh_dense = |slot: usize, input: &[T]| -> Vec<T> {
        dense(layout, parameters, slot, input).into_iter().map(T::tanh).collect()
    };
    let mut a = x.to_vec();
    for layer in 0..shape.depth {
        let first = layer * SLOTS_PER_LAYER;
        let s = tanh_dense(first, &a);
        let e1 = tanh_dense(first + 2, x);
        let e2 = tanh_dense(first + 4, x);
        let q = tanh_dense(first + 6, &[&s[..], &e1[..], &e2[..]].concat());
        let r = dense(layout, parameters, first + 8, &q);
        let w: Vec<T> = (0..h).map(|i| (r[i] - r[h + i]).sigmoid()).collect();
        see(&w);
        a = (0..h)
            .map(|i| {
                let blend = e2[i] + w[i] * (e1[i] - e2[i]);
                s[i] + scales.map_or(blend, |rho| blend.scale(rho[layer]))
            })
            .collect();
    }
    dense(layout, parameters, shape.depth * SLOTS_PER_LAYER, &a)
}
