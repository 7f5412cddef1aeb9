//! What is trained: networks of given shape as flat parameter vectors, in f64 over any [`Real`] type. One
//! file per network; a network does not know the problem.

pub mod direct_injection;
pub mod fixed_average;
pub mod fourier;
pub mod gates;
pub mod init;
pub mod join;
pub mod layout;
pub mod lda;
pub mod matched;
pub mod mlp;
pub mod modified_mlp;
pub mod program;
mod run;
pub mod separate_lda;
pub mod single_encoder;
pub mod static_gate;

pub use direct_injection::DirectInjection;
pub use fixed_average::FixedAverage;
pub use fourier::Fourier;
pub use gates::Gates;
pub use layout::{Layout, Slot};
pub use lda::Lda;
pub use matched::Matched;
pub use mlp::Mlp;
pub use modified_mlp::ModifiedMlp;
pub use program::Program;
pub use separate_lda::SeparateLda;
pub use single_encoder::SingleEncoder;
pub use static_gate::StaticGate;

use crate::math::{Dual, Real, Var, Variant, names};

/// Every network, in the order `list` prints them.
pub static ALL: &[&dyn Network] = &[
    &Mlp,
    &Lda,
    &Matched,
    &ModifiedMlp,
    &Fourier,
    &DirectInjection,
    &SingleEncoder,
    &FixedAverage,
    &StaticGate,
    &SeparateLda,
];

/// The network called `name`; the error says what was probably meant.
pub fn find(name: &str) -> Result<&'static dyn Network, String> {
    ALL.iter().copied().find(|network| network.name() == name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|network| network.name()).collect();
        names::unknown("network", name, &known)
    })
}

/// The size of a network: every hidden layer has the same width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Coordinates.
    pub inputs: usize,
    /// Fields.
    pub outputs: usize,
    /// Neurons of a hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub depth: usize,
    /// Published form.
    pub variant: Variant,
    /// Numbers of the problem that are trained beside it.
    pub unknowns: usize,
}

/// The tensor of a problem's unknowns, the last of a layout.
pub const UNKNOWNS: &str = "unknowns";

impl Shape {
    /// Hidden widths the kernels are written for.
    pub const WIDTHS: std::ops::RangeInclusive<usize> = 4..=512;
    /// Numbers of hidden layers the kernels are written for.
    pub const DEPTHS: std::ops::RangeInclusive<usize> = 1..=8;

    /// Checks that a user's width and depth can be run.
    ///
    /// # Errors
    /// Names the number, its limits and the flag that sets it.
    pub fn validate(&self) -> Result<(), String> {
        for (what, got, limits) in [("width", self.width, Self::WIDTHS), ("depth", self.depth, Self::DEPTHS)] {
            if !limits.contains(&got) {
                let (least, most) = (limits.start(), limits.end());
                return Err(format!("{what} {got} is outside {least}..{most}: choose another --{what}"));
            }
        }
        Ok(())
    }

    /// The number of inputs of hidden layer `layer` (from 0).
    pub const fn fan_in(&self, layer: usize) -> usize {
        if layer == 0 { self.inputs } else { self.width }
    }
}

/// A network as its file states it. [`Network`] follows from it.
pub trait Architecture: Sync {
    /// The public name.
    const NAME: &'static str;
    /// The title of reports.
    const TITLE: &'static str;
    /// The map whose result is a gate between two branches, if there is one.
    const GATE: Option<usize> = None;

    /// See [`Network::fit`].
    fn fit(shape: Shape) -> Result<Shape, String> {
        Ok(shape)
    }
    /// What it computes.
    fn program(shape: &Shape) -> Program;
    /// How each tensor starts.
    fn start(shape: &Shape, slot: &Slot) -> init::Start;
}

/// A network behind a pointer: its program, its start and its value with derivatives up to the fourth order.
pub trait Network: Sync {
    /// The public name, such as "lda".
    fn name(&self) -> &'static str;
    /// The title of reports.
    fn title(&self) -> &'static str;
    /// The shape that it takes where `shape` is asked for: most take it as it is.
    ///
    /// # Errors
    /// A number of coordinates or fields that it is not made for, and what to take instead.
    fn fit(&self, shape: Shape) -> Result<Shape, String>;
    /// What it computes: kernels follow from this.
    fn program(&self, shape: &Shape) -> Program;
    /// The map of its parameters.
    fn layout(&self, shape: &Shape) -> Layout;
    /// Initial parameters [layout.len]; each tensor has its own random stream.
    fn initial(&self, shape: &Shape, seed: u64) -> Vec<f32>;
    /// Outputs `[outputs]` at a normalised point.
    fn value(&self, shape: &Shape, parameters: &[f64], x: &[f64]) -> Vec<f64>;
    /// Whether its layers choose between two branches by gates.
    fn has_gates(&self) -> bool;
    /// Weight of the first branch at a normalised point, `[gated layers][width]`; the second has the rest.
    fn gates(&self, shape: &Shape, parameters: &[f64], x: &[f64]) -> Vec<Vec<f64>> {
        self.value_with(shape, parameters, x, &|_| Gates::Native).1
    }
    /// Outputs with other gates than its own in some layers, and its own gates as those layers would have them.
    fn value_with(&self, shape: &Shape, parameters: &[f64], x: &[f64], gates: &Rule) -> (Vec<f64>, Vec<Vec<f64>>);
    /// Outputs with one derivative, with other gates than its own in some layers.
    fn slope_with(&self, shape: &Shape, parameters: &[f64], x: &[Dual<f64>], gates: &Rule) -> Vec<Dual<f64>>;
    /// Outputs with one derivative, without a tape.
    fn slope(&self, shape: &Shape, parameters: &[f64], x: &[Dual<f64>]) -> Vec<Dual<f64>>;
    /// Outputs on the tape.
    fn value_taped(&self, shape: &Shape, parameters: &[Var], x: &[Var]) -> Vec<Var>;
    /// Outputs on the tape with one derivative.
    fn first_taped(&self, shape: &Shape, parameters: &[Var], x: &[First]) -> Vec<First>;
    /// Outputs on the tape with the derivatives in two directions.
    fn second_taped(&self, shape: &Shape, parameters: &[Var], x: &[Second]) -> Vec<Second>;
    /// Outputs on the tape with the derivatives in three directions.
    fn third_taped(&self, shape: &Shape, parameters: &[Var], x: &[Third]) -> Vec<Third>;
    /// Outputs on the tape with the derivatives in four directions.
    fn fourth_taped(&self, shape: &Shape, parameters: &[Var], x: &[Fourth]) -> Vec<Fourth>;
}

/// The gates that a layer uses, by layer.
pub type Rule<'a> = dyn Fn(usize) -> Gates<'a> + 'a;

/// A taped number with one derivative.
pub type First = Dual<Var>;
/// A taped number with the derivatives in two directions.
pub type Second = Dual<First>;
/// A taped number with the derivatives in three directions.
pub type Third = Dual<Second>;
/// A taped number with the derivatives in four directions.
pub type Fourth = Dual<Third>;

impl<A: Architecture> Network for A {
    fn name(&self) -> &'static str {
        A::NAME
    }
    fn title(&self) -> &'static str {
        A::TITLE
    }
    fn fit(&self, shape: Shape) -> Result<Shape, String> {
        A::fit(shape)
    }
    fn program(&self, shape: &Shape) -> Program {
        A::program(shape)
    }
    fn layout(&self, shape: &Shape) -> Layout {
        A::program(shape).layout(shape)
    }
    fn initial(&self, shape: &Shape, seed: u64) -> Vec<f32> {
        init::initial(&self.layout(shape), seed, |slot| match slot.name.as_str() {
            // their start is the problem's business
            UNKNOWNS => init::Start::Constant(0.0),
            _ => A::start(shape, slot),
        })
    }
    fn value(&self, shape: &Shape, parameters: &[f64], x: &[f64]) -> Vec<f64> {
        outputs::<A, _>(shape, parameters, x)
    }
    fn has_gates(&self) -> bool {
        A::GATE.is_some()
    }
    fn value_with(&self, shape: &Shape, parameters: &[f64], x: &[f64], gates: &Rule) -> (Vec<f64>, Vec<Vec<f64>>) {
        with_gates::<A, _>(shape, parameters, x, gates)
    }
    fn slope_with(&self, shape: &Shape, parameters: &[f64], x: &[Dual<f64>], gates: &Rule) -> Vec<Dual<f64>> {
        with_gates::<A, _>(shape, parameters, x, gates).0
    }
    fn slope(&self, shape: &Shape, parameters: &[f64], x: &[Dual<f64>]) -> Vec<Dual<f64>> {
        outputs::<A, _>(shape, parameters, x)
    }
    fn value_taped(&self, shape: &Shape, parameters: &[Var], x: &[Var]) -> Vec<Var> {
        outputs::<A, _>(shape, parameters, x)
    }
    fn first_taped(&self, shape: &Shape, parameters: &[Var], x: &[First]) -> Vec<First> {
        outputs::<A, _>(shape, parameters, x)
    }
    fn second_taped(&self, shape: &Shape, parameters: &[Var], x: &[Second]) -> Vec<Second> {
        outputs::<A, _>(shape, parameters, x)
    }
    fn third_taped(&self, shape: &Shape, parameters: &[Var], x: &[Third]) -> Vec<Third> {
        outputs::<A, _>(shape, parameters, x)
    }
    fn fourth_taped(&self, shape: &Shape, parameters: &[Var], x: &[Fourth]) -> Vec<Fourth> {
        outputs::<A, _>(shape, parameters, x)
    }
}

fn outputs<A: Architecture, T: Real>(shape: &Shape, parameters: &[T::Scalar], x: &[T]) -> Vec<T> {
    let program = A::program(shape);
    program.run(shape, &program.layout(shape), parameters, x, |_, _| {})
}

fn with_gates<A: Architecture, T: Real>(
    shape: &Shape,
    parameters: &[T::Scalar],
    x: &[T],
    gates: &Rule,
) -> (Vec<T>, Vec<Vec<T>>) {
    let (program, mut own) = (A::program(shape), Vec::new());
    let outputs = program.run(shape, &program.layout(shape), parameters, x, |layer, results: &mut [Vec<T>]| {
        if let Some(gate) = A::GATE {
            own.push(results[gate].clone());
            gates(layer).apply(&mut results[gate]);
        }
    });
    (outputs, own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(inputs: usize, depth: usize, outputs: usize, variant: Variant) -> Shape {
        Shape { inputs, outputs, width: 50, depth, variant, unknowns: 0 }
    }

    /// (inputs, depth, outputs) of the published sizes of width 50.
    const SIZES: [(usize, usize, usize); 4] = [(2, 4, 1), (2, 4, 2), (5, 4, 1), (2, 3, 2)];

    #[test]
    fn parameter_counts_are_the_published_ones() {
        let count = |network: &dyn Network, (inputs, depth, outputs), variant| {
            let shape = network.fit(shape(inputs, depth, outputs, variant)).unwrap();
            network.layout(&shape).trained()
        };
        let table: [(&dyn Network, [usize; 4]); 8] = [
            (&Mlp, [7851, 7902, 8001, 5352]),
            (&Lda, [59655, 59706, 61005, 44205]),
            (&Matched, [59781, 59922, 61054, 44249]),
            (&ModifiedMlp, [8151, 8202, 8601, 5652]),
            (&DirectInjection, [8251, 8302, 9001, 5652]),
            (&SingleEncoder, [8455, 8506, 9205, 5805]),
            (&FixedAverage, [9055, 9106, 10405, 6255]),
            (&StaticGate, [9455, 9506, 10805, 6555]),
        ];
        for (network, counts) in table {
            for (size, wanted) in SIZES.into_iter().zip(counts) {
                assert_eq!(count(network, size, Variant::V2), wanted, "{} {size:?}", network.name());
            }
        }
        for (size, wanted) in SIZES.into_iter().zip([59651, 59702, 61001, 44202]) {
            assert_eq!(count(&Lda, size, Variant::V1), wanted, "{size:?}");
        }
        for (size, wanted) in SIZES.into_iter().zip([59255, 59306]) {
            assert_eq!(count(&SeparateLda, size, Variant::V2), wanted, "{size:?}");
        }
        for (size, wanted) in SIZES.into_iter().zip([12751, 12802, 12751, 10252]) {
            assert_eq!(count(&Fourier, size, Variant::V2), wanted, "{size:?}");
            let layout = Fourier.layout(&shape(size.0, size.1, size.2, Variant::V2));
            assert_eq!(layout.len - layout.trained(), 50 * size.0, "{size:?}");
        }
    }

    #[test]
    fn what_does_not_fit_says_so() {
        let error = SeparateLda.fit(shape(5, 4, 1, Variant::V2)).unwrap_err();
        assert!(error.contains("two coordinates, not for 5"), "{error}");
        let wide = Shape { width: 400, ..shape(2, 4, 1, Variant::V2) };
        assert!(Matched.fit(wide).unwrap_err().contains("choose a smaller --width"));
    }

    #[test]
    fn sizes_beyond_the_limits_are_refused_by_name() {
        let good = shape(2, 4, 1, Variant::V2);
        assert!(good.validate().is_ok());
        let wide = Shape { width: 513, ..good };
        assert_eq!(wide.validate().unwrap_err(), "width 513 is outside 4..512: choose another --width");
        assert!(Shape { depth: 0, ..good }.validate().unwrap_err().contains("depth 0"));
        assert!(find("lad4").is_err());
        assert!(find("ldaa").err().unwrap().contains("did you mean `lda`"));
    }

    #[test]
    fn parameters_enter_in_every_tensor() {
        for network in ALL {
            let shape = network
                .fit(Shape { inputs: 2, outputs: 2, width: 5, depth: 3, variant: Variant::V2, unknowns: 0 })
                .unwrap();
            let layout = network.layout(&shape);
            let base: Vec<f64> = (0..layout.len).map(|m| 0.4 * (1.7 * m as f64 + 0.3).sin()).collect();
            let y = network.value(&shape, &base, &[0.2, -0.4]);
            for slot in &layout.slots {
                let mut moved = base.clone();
                moved[slot.offset] += 0.1;
                assert_ne!(network.value(&shape, &moved, &[0.2, -0.4]), y, "{}", slot.name);
            }
        }
    }
}
