//! A network as a program: what every hidden layer computes, stated once. The oracle runs it in f64; kernels, the
//! layout of the parameters, the count of operations and the order of the adjoint follow from it.
//!
//! A hidden layer is a list of *maps*, linear in what they read and followed by an activation, and a *join* that makes
//! the layer's output of their results.

use super::{Layout, Shape};
use crate::math::Real;

/// What a map reads; several side by side are one longer vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The normalised coordinates x̂, in every layer.
    Coordinates,
    /// The output of the layer before; the coordinates in the first layer.
    Previous,
    /// The result of an earlier map of the same layer.
    Result(usize),
}

/// A function of one number that follows a map; one file of `shaders/ops` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Tanh,
    Sigmoid,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Activation; 2] = [Activation::Tanh, Activation::Sigmoid];

    /// Its name in equations and the stem of its shader's file and functions.
    pub const fn name(self) -> &'static str {
        match self {
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
        }
    }

    fn of<T: Real>(self, z: T) -> T {
        match self {
            Activation::Tanh => z.tanh(),
            Activation::Sigmoid => z.sigmoid(),
        }
    }
}

/// y = φ(M x + b): one linear map of a hidden layer with its activation, as many rows as the layer has neurons.
#[derive(Clone, Debug)]
pub struct Map {
    /// Its result's name in equations and kernels, such as "s".
    pub name: &'static str,
    /// The linear part in the paper's letters, such as "W a + b".
    pub linear: &'static str,
    /// The module that holds weight and bias, by layer.
    pub module: fn(usize) -> String,
    /// Where its columns come from.
    pub reads: Vec<Source>,
    pub activation: Activation,
    /// Whether the weight has two branches of rows, the logits of a two-way softmax, of which only the difference acts:
    /// the first less the second is what is multiplied.
    pub difference: bool,
}

impl Map {
    /// The results of earlier maps that it reads, or the layer before: what its transpose leads to. The coordinates have
    /// no gradient.
    pub fn features(&self, layer: usize) -> Vec<Source> {
        let coordinates = |source: &&Source| match source {
            Source::Coordinates => false,
            Source::Previous => layer > 0,
            Source::Result(_) => true,
        };
        self.reads.iter().filter(coordinates).copied().collect()
    }

    /// Whether it reads the coordinates in `layer`.
    pub fn reads_coordinates(&self, layer: usize) -> bool {
        self.features(layer).is_empty()
    }

    /// The equation, as the paper has it.
    pub fn equation(&self) -> String {
        let equation = format!("{} = {}({})", self.name, self.activation.name(), self.linear);
        match self.difference {
            // the softmax over two branches, of which only the difference acts
            true => equation + " of two logits' difference",
            false => equation,
        }
    }
}

/// What makes a layer's output of the results of its maps, entry by entry; one file of `shaders/ops` each.
#[derive(Clone, Debug, PartialEq)]
pub enum Join {
    /// The result of the last map is the output.
    Last,
    /// a' = s + ρ (e₂ + w (e₁ − e₂)) with the results s, e₁, e₂, w.
    Mix { of: [usize; 4], scale: Scale },
}

impl Join {
    /// The stem of its shader's file and functions; none where nothing is computed.
    pub fn name(&self) -> Option<&'static str> {
        match self {
            Join::Last => None,
            Join::Mix { .. } => Some("mix"),
        }
    }

    /// The results it is made of.
    pub fn arguments(&self) -> &[usize] {
        match self {
            Join::Last => &[],
            Join::Mix { of, .. } => of,
        }
    }

    /// Which arguments the cotangent of argument number `argument` depends on, by number: the mix is linear in s, so
    /// its cotangent needs none of them.
    pub fn adjoint_needs(&self, argument: usize) -> &'static [usize] {
        match (self, argument) {
            (Join::Mix { .. }, 1 | 2) => &[3],
            (Join::Mix { .. }, 3) => &[1, 2],
            _ => &[],
        }
    }

    /// Which arguments the gradient of the scale depends on.
    pub fn scale_needs(&self) -> &'static [usize] {
        match self {
            Join::Last => &[],
            Join::Mix { .. } => &[1, 2, 3],
        }
    }

    /// The number that a layer scales its mix by.
    pub fn scale(&self) -> Option<Scale> {
        match self {
            Join::Last => None,
            Join::Mix { scale, .. } => Some(*scale),
        }
    }

    /// The equation, as the paper has it.
    pub fn equation(&self) -> &'static str {
        match self {
            Join::Last => "",
            Join::Mix { .. } => "a' = s + ρ (e₂ + w (e₁ − e₂))",
        }
    }
}

/// The number ρ that a layer scales its mix by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Trained: this tensor holds one number per layer.
    Trained(&'static str),
    /// Not trained: this number in every layer.
    Fixed(f32),
}

/// A network: the same maps and join in every hidden layer, then a linear output layer.
#[derive(Clone, Debug)]
pub struct Program {
    pub maps: Vec<Map>,
    pub join: Join,
    /// The module of the output layer.
    pub output: String,
}

impl Program {
    /// A network without maps yet, whose output layer is `output`.
    pub fn new(output: String) -> Program {
        Program { maps: Vec::new(), join: Join::Last, output }
    }

    /// Appends `name` = tanh(`linear`), whose tensors are those of `module`, and returns its result.
    pub fn tanh(
        &mut self,
        name: &'static str,
        linear: &'static str,
        module: fn(usize) -> String,
        reads: &[Source],
    ) -> Source {
        self.map(Map { name, linear, module, reads: reads.to_vec(), activation: Activation::Tanh, difference: false })
    }

    /// Appends `name` = σ(r₁ − r₂), where the logits r₁ and r₂ are the two halves of a linear map, and returns its result.
    pub fn gate(
        &mut self,
        name: &'static str,
        linear: &'static str,
        module: fn(usize) -> String,
        reads: &[Source],
    ) -> Source {
        let activation = Activation::Sigmoid;
        self.map(Map { name, linear, module, reads: reads.to_vec(), activation, difference: true })
    }

    fn map(&mut self, map: Map) -> Source {
        self.maps.push(map);
        Source::Result(self.maps.len() - 1)
    }

    /// Ends the layer with the [`Join::Mix`] of these results.
    pub fn mix(&mut self, scale: Scale, of: [Source; 4]) {
        let index = |source| match source {
            Source::Result(map) => map,
            other => unreachable!("a mix is of results, not of {other:?}"),
        };
        self.join = Join::Mix { of: of.map(index), scale };
    }

    /// The parameters in the order in which they lie: layer after layer, so that a layer is one stretch of memory.
    pub fn layout(&self, shape: &Shape) -> Layout {
        let mut layout = Layout::default();
        let columns = |source: &Source, layer| match source {
            Source::Coordinates => shape.inputs,
            Source::Previous => shape.fan_in(layer),
            Source::Result(_) => shape.width,
        };
        for layer in 0..shape.depth {
            for map in &self.maps {
                let rows = if map.difference { 2 * shape.width } else { shape.width };
                let columns = map.reads.iter().map(|source| columns(source, layer)).sum();
                layout.push_linear(&(map.module)(layer), rows, columns);
            }
        }
        layout.push_linear(&self.output, shape.outputs, shape.width);
        if let Some(Scale::Trained(name)) = self.join.scale() {
            layout.push(name, &[shape.depth]);
        }
        if shape.unknowns > 0 {
            layout.push(super::UNKNOWNS, &[shape.unknowns]);
        }
        layout
    }

    /// The outputs at one normalised point `x` `[inputs]`; `see` is shown the results of every layer's maps in turn.
    pub fn run<T: Real>(
        &self,
        shape: &Shape,
        layout: &Layout,
        parameters: &[T::Scalar],
        x: &[T],
        mut see: impl FnMut(&[Vec<T>]),
    ) -> Vec<T> {
        // tensors lie in the order in which they are used, see `layout`
        let mut tensors = layout.slots.iter().map(|slot| &parameters[slot.range()]);
        let mut dense = |input: &[T]| {
            let (weight, bias) = (tensors.next(), tensors.next());
            T::dense(weight.expect("a weight for every map"), bias, input)
        };
        let mut a = x.to_vec();
        for layer in 0..shape.depth {
            let mut results: Vec<Vec<T>> = Vec::with_capacity(self.maps.len());
            for map in &self.maps {
                let parts = map.reads.iter().map(|source| match source {
                    Source::Coordinates => x,
                    Source::Previous => &a,
                    Source::Result(index) => &results[*index],
                });
                let input: Vec<T> = parts.flat_map(|part| part.iter().copied()).collect();
                let mut z = dense(&input);
                if map.difference {
                    z = (0..shape.width).map(|i| z[i] - z[shape.width + i]).collect();
                }
                results.push(z.into_iter().map(|z| map.activation.of(z)).collect());
            }
            see(&results);
            a = match &self.join {
                Join::Last => results.pop().expect("a layer has maps"),
                Join::Mix { of, scale } => {
                    let [s, e1, e2, w] = of.map(|index| &results[index]);
                    let rho = |blend: T| match scale {
                        Scale::Trained(name) => blend.scale(parameters[layout.offset(name) + layer]),
                        Scale::Fixed(rho) => blend * T::constant(f64::from(*rho)),
                    };
                    (0..shape.width).map(|i| s[i] + rho(e2[i] + w[i] * (e1[i] - e2[i]))).collect()
                }
            };
        }
        dense(&a)
    }
}
