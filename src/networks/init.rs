//! Initial parameters. Every tensor draws from its own stream (counter [entry, 0, Initial, slot]), so
//! changing one tensor's size leaves the others as they were.

use super::{Layout, Slot};
use crate::math::rng::{self, Stream};

/// How one tensor starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// All entries equal.
    Constant(f64),
    /// Normal with deviation gain·√(2/(fan_in + fan_out)).
    Xavier {
        /// The gain γ: 5/3 for tanh layers, 1 for linear ones.
        gain: f64,
    },
    /// Normal.
    Normal {
        /// Its standard deviation.
        deviation: f64,
    },
    /// Uniform on ±bound.
    Uniform {
        /// The bound, 1/√fan_in in PyTorch's default.
        bound: f64,
    },
}

/// The initial parameters [layout.len] of a network whose tensors start as `start` says.
pub(super) fn initial(layout: &Layout, seed: u64, start: impl Fn(&Slot) -> Start) -> Vec<f32> {
    let mut parameters = Vec::with_capacity(layout.len);
    for (number, slot) in layout.slots.iter().enumerate() {
        let start = start(slot);
        parameters.extend((0..slot.len()).map(|entry| {
            let counter = [entry as u32, 0, Stream::Initial as u32, number as u32];
            draw(start, slot, rng::philox(counter, rng::key(seed))) as f32
        }));
    }
    parameters
}

/// The start of a tensor where activations are tanh: gain 5/3 for hidden matrices and 1 for that of the module `output`,
/// biases zero, residual scales 0.1.
pub(super) fn of_tanh(slot: &Slot, output: &str) -> Start {
    match slot.shape.len() {
        2 if slot.name.strip_suffix(".weight") == Some(output) => Start::Xavier { gain: 1.0 },
        2 => Start::Xavier { gain: 5.0 / 3.0 },
        _ if slot.name == "residual_scales" => Start::Constant(0.1),
        _ => Start::Constant(0.0),
    }
}

fn draw(start: Start, slot: &Slot, words: [u32; 4]) -> f64 {
    match start {
        Start::Constant(value) => value,
        Start::Xavier { gain } => {
            let deviation = gain * (2.0 / (slot.rows() + slot.columns()) as f64).sqrt();
            deviation * rng::normal(words[0], words[1])
        }
        Start::Normal { deviation } => deviation * rng::normal(words[0], words[1]),
        Start::Uniform { bound } => bound * (2.0 * f64::from(rng::uniform01(words[0])) - 1.0),
    }
}

#[cfg(test)]
mod tests {
    use crate::math::Variant;
    use crate::networks::{
        DirectInjection, FixedAverage, Fourier, Lda, Mlp, ModifiedMlp, Network, SeparateLda, Shape, SingleEncoder,
        StaticGate,
    };

    fn deviations(network: &dyn Network, variant: Variant) -> Vec<(String, f64, f64)> {
        let shape = Shape { inputs: 2, outputs: 1, width: 50, depth: 4, variant, unknowns: 0 };
        let parameters = network.initial(&shape, 19018);
        let layout = network.layout(&shape);
        layout
            .slots
            .iter()
            .map(|slot| {
                let entries = &parameters[slot.range()];
                let squares: f64 = entries.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
                let largest = entries.iter().fold(0.0_f32, |a, x| a.max(x.abs()));
                (slot.name.clone(), (squares / entries.len() as f64).sqrt(), f64::from(largest))
            })
            .collect()
    }

    /// Sampling error of a deviation from n entries is 1/√(2n); five of them are allowed.
    fn check(network: &dyn Network, variant: Variant, wanted: &[(&str, f64, usize)]) {
        let got = deviations(network, variant);
        for (name, deviation, entries) in wanted {
            let (_, value, _) = got.iter().find(|(slot, ..)| slot == name).unwrap();
            let slack = deviation * 5.0 / (2.0 * *entries as f64).sqrt();
            assert!((value - deviation).abs() <= slack, "{name}: {value} instead of {deviation} ± {slack}");
        }
    }

    #[test]
    fn deviations_are_the_published_ones() {
        let mlp = [
            ("net.0.weight", 0.326_860, 100),
            ("net.2.weight", 0.235_702, 2500),
            ("net.8.weight", 0.198_030, 50),
            ("net.0.bias", 0.0, 50),
        ];
        check(&Mlp, Variant::V1, &mlp);
        check(&Mlp, Variant::V2, &mlp);
        check(
            &Lda,
            Variant::V1,
            &[
                ("linear.0.weight", 0.196_116, 100),
                ("linear.2.weight", 0.141_421, 2500),
                ("linear.4.weight", 0.198_030, 50),
                ("encoder1.3.weight", 0.196_116, 100),
                ("gates.0.0.weight", 0.081_649_7 / 3.0_f64.sqrt(), 7500),
                ("gates.0.2.weight", 0.141_421_4 / 3.0_f64.sqrt(), 5000),
                ("gates.0.2.bias", 0.141_421_4 / 3.0_f64.sqrt(), 100),
            ],
        );
        check(
            &Lda,
            Variant::V2,
            &[
                ("linear.0.weight", 0.326_860, 100),
                ("linear.1.weight", 0.235_702, 2500),
                ("linear.4.weight", 0.198_030, 50),
                ("encoder2.1.weight", 0.326_860, 100),
                ("gates.2.0.weight", 0.166_667, 7500),
                ("gates.2.0.bias", 0.0, 50),
                ("gates.2.2.weight", 0.0, 5000),
                ("gates.2.2.bias", 0.0, 100),
                ("encoder1.0.bias", 0.0, 50),
            ],
        );
    }

    #[test]
    fn the_other_networks_start_as_published() {
        let of_lda = [("linear.0.weight", 0.326_860, 100), ("linear.2.weight", 0.235_702, 2500)];
        let output = ("linear.4.weight", 0.198_030, 50);
        let one = Variant::V1;
        check(
            &DirectInjection,
            one,
            &[of_lda[0], of_lda[1], output, ("coordinate_projection.3.weight", 0.326_860, 100)],
        );
        check(&SingleEncoder, one, &[of_lda[0], of_lda[1], output, ("encoder.0.weight", 0.326_860, 100)]);
        check(&FixedAverage, one, &[of_lda[1], output, ("encoder2.3.weight", 0.326_860, 100)]);
        check(&StaticGate, one, &[of_lda[1], output, ("static_gate_logits.2", 0.0, 100)]);
        // an encoder has one column, and gates start at one half in either form
        let separate =
            [("encoder1.2.weight", 5.0 / 3.0 * (2.0_f64 / 51.0).sqrt(), 50), ("gates.1.2.weight", 0.0, 5000)];
        check(&SeparateLda, one, &separate);
        let modified = [("encoder_u.weight", 0.326_860, 100), ("hidden.3.weight", 0.235_702, 2500)];
        check(
            &ModifiedMlp,
            one,
            &[modified[0], modified[1], ("output.weight", 0.198_030, 50), ("encoder_v.bias", 0.0, 50)],
        );
        let first = ("backbone.net.0.weight", 5.0 / 3.0 * (2.0_f64 / 150.0).sqrt(), 5000);
        check(&Fourier, one, &[("projection", 1.0, 100), first, ("backbone.net.8.weight", 0.198_030, 50)]);
        for network in [&SingleEncoder as &dyn Network, &FixedAverage, &StaticGate, &SeparateLda] {
            let (name, _, largest) = deviations(network, one).pop().unwrap();
            assert_eq!((name.as_str(), largest), ("residual_scales", f64::from(0.1_f32)), "{}", network.name());
        }
    }

    #[test]
    fn bounds_and_scales_are_kept() {
        for (name, _, largest) in deviations(&Lda, Variant::V1) {
            if name.starts_with("gates.") {
                let bound = if name.contains(".0.w") || name.contains(".0.b") { 0.081_649_7 } else { 0.141_421_4 };
                assert!(largest <= bound + 1e-6, "{name}: {largest}");
            }
        }
        let scales = deviations(&Lda, Variant::V2).pop().unwrap();
        assert_eq!((scales.0.as_str(), scales.2), ("residual_scales", f64::from(0.1_f32)));
    }

    #[test]
    fn tensors_do_not_perturb_each_other() {
        let narrow = Shape { inputs: 2, outputs: 1, width: 8, depth: 2, variant: Variant::V2, unknowns: 0 };
        let wide_out = Shape { outputs: 2, ..narrow };
        let (a, b) = (Lda.initial(&narrow, 5), Lda.initial(&wide_out, 5));
        let end = Network::layout(&Lda, &narrow).offset("linear.2.weight");
        // The output deviation differs, everything before it must not.
        assert_eq!(a[..end], b[..end]);
        assert_ne!(a, Lda.initial(&narrow, 6));
    }
}
