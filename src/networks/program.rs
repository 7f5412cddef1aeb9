//! A network as a program: what every hidden layer computes, stated once. The oracle runs it in f64; kernels, the
//! layout of the parameters, the count of operations and the order of the adjoint follow from it.
//!
//! A hidden layer is a list of *maps*, linear in what they read and followed by an activation, and a *join* that makes
//! the layer's output of their results. A map may be *shared*: computed once, from the coordinates, for all layers.

use super::Shape;
pub use super::join::{Join, Op, Scale};
use crate::math::Real;

/// What a map reads; several side by side are one longer vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The normalised coordinates x̂, in every layer.
    Coordinates,
    /// The coordinate of this number alone.
    Coordinate(usize),
    /// The output of the layer before; in the first layer what the network begins with, [`Program::input`].
    Previous,
    /// The result of an earlier map, of the same layer or shared.
    Result(usize),
}

/// A function of one number that follows a map; one file of `shaders/ops` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Tanh,
    Sigmoid,
    /// sin(2π z).
    Sine,
    /// cos(2π z).
    Cosine,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Activation; 4] = [Activation::Tanh, Activation::Sigmoid, Activation::Sine, Activation::Cosine];

    /// Its name in equations and the stem of its shader's file and functions.
    pub const fn name(self) -> &'static str {
        match self {
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::Sine => "sine",
            Activation::Cosine => "cosine",
        }
    }

    pub(super) fn of<T: Real>(self, z: T) -> T {
        let turns = |z: T| z * T::constant(std::f64::consts::TAU);
        match self {
            Activation::Tanh => z.tanh(),
            Activation::Sigmoid => z.sigmoid(),
            Activation::Sine => turns(z).sin(),
            Activation::Cosine => turns(z).cos(),
        }
    }
}

/// The module that holds a map's tensors, by layer.
pub type Module = fn(usize) -> String;

/// The tensors of a map.
#[derive(Clone, Copy, Debug)]
pub enum Tensors {
    /// `{module}.weight` `[rows, columns]` and `{module}.bias` `[rows]`.
    Linear(Module),
    /// `{module}.weight` alone.
    Weight(Module),
    /// A tensor of this name alone: the bias of a map that reads nothing, [2, rows] for a difference.
    Bias(Module),
    /// [columns, rows], drawn once and never trained; maps that name the same one share it.
    Fixed(&'static str),
}

/// y = φ(M x + b): one linear map of a hidden layer with its activation, as many rows as the layer has neurons.
#[derive(Clone, Debug)]
pub struct Map {
    /// Its result's name in equations and kernels, such as "s".
    pub name: &'static str,
    /// The linear part in the paper's letters, such as "W a + b".
    pub linear: &'static str,
    pub tensors: Tensors,
    /// Where its columns come from.
    pub reads: Vec<Source>,
    /// None where the linear part is the result.
    pub activation: Option<Activation>,
    /// Whether the weight has two branches of rows, the logits of a two-way softmax, of which only the difference acts:
    /// the first less the second is what is multiplied.
    pub difference: bool,
    /// Whether it is computed once, before the first layer, for all of them.
    pub shared: bool,
}

impl Map {
    /// The equation, as the paper has it.
    pub fn equation(&self) -> String {
        match self.activation {
            Some(activation) => format!("{} = {}({})", self.name, activation.name(), self.linear),
            None => format!("{} = {}", self.name, self.linear),
        }
    }

    /// Whether its tensors are trained, and so whether a gradient comes to it at all.
    pub fn trained(&self) -> bool {
        !matches!(self.tensors, Tensors::Fixed(_))
    }
}

/// A network: the same maps and join in every hidden layer, then a linear output layer.
#[derive(Clone, Debug)]
pub struct Program {
    pub maps: Vec<Map>,
    /// None where the result of the last map is the layer's output.
    pub join: Option<Join>,
    /// What the first layer reads as the output of the layer before: the coordinates, or shared results.
    pub input: Vec<Source>,
    /// The module of the output layer.
    pub output: String,
}

impl Program {
    /// A network without maps yet, whose output layer is `output`.
    pub fn new(output: impl Into<String>) -> Program {
        Program { maps: Vec::new(), join: None, input: vec![Source::Coordinates], output: output.into() }
    }

    /// Appends `name` = tanh(`linear`), whose tensors are those of `module`, and returns its result.
    pub fn tanh(&mut self, name: &'static str, linear: &'static str, module: Module, reads: &[Source]) -> Source {
        let map = Map::new(name, linear, Tensors::Linear(module), reads);
        self.push(Map { activation: Some(Activation::Tanh), ..map })
    }

    /// Appends `name` = σ(r₁ − r₂), where the logits r₁ and r₂ are the two halves of a linear map, and returns its
    /// result. The logits of a gate that reads nothing are its bias, one per neuron, whatever the point.
    pub fn gate(&mut self, name: &'static str, linear: &'static str, module: Module, reads: &[Source]) -> Source {
        let tensors = if reads.is_empty() { Tensors::Bias(module) } else { Tensors::Linear(module) };
        let map = Map::new(name, linear, tensors, reads);
        self.push(Map { activation: Some(Activation::Sigmoid), difference: true, ..map })
    }

    /// Appends a linear map without activation, and returns its result.
    pub fn linear(&mut self, name: &'static str, linear: &'static str, tensors: Tensors, reads: &[Source]) -> Source {
        self.push(Map::new(name, linear, tensors, reads))
    }

    /// Appends `name` = tanh(`linear`) of the coordinates, computed once for all layers, and returns its result.
    pub fn encoder(&mut self, name: &'static str, linear: &'static str, module: Module) -> Source {
        let map = Map::new(name, linear, Tensors::Linear(module), &[Source::Coordinates]);
        self.push(Map { activation: Some(Activation::Tanh), shared: true, ..map })
    }

    /// Appends a wave of the coordinates, computed once, with the fixed wave numbers of `tensor`; returns its result.
    pub fn wave(&mut self, name: &'static str, linear: &'static str, wave: Activation, tensor: &'static str) -> Source {
        let map = Map::new(name, linear, Tensors::Fixed(tensor), &[Source::Coordinates]);
        self.push(Map { activation: Some(wave), shared: true, ..map })
    }

    fn push(&mut self, map: Map) -> Source {
        self.maps.push(map);
        Source::Result(self.maps.len() - 1)
    }

    /// Ends the layer with `op` of these results.
    pub fn join(&mut self, op: Op, scale: Option<Scale>, of: &[Source]) {
        let index = |source: &Source| match source {
            Source::Result(map) => *map,
            other => unreachable!("a join is of results, not of {other:?}"),
        };
        assert_eq!((of.len(), scale.is_some()), (op.arguments().len(), !op.scale_needs().is_empty()), "{op:?}");
        self.join = Some(Join { op, of: of.iter().map(index).collect(), scale });
    }

    /// The number ρ of the join, if it has one.
    pub fn scale(&self) -> Option<Scale> {
        self.join.as_ref().and_then(|join| join.scale)
    }

    /// What map `m` reads in `layer`.
    pub fn reads(&self, m: usize, layer: usize) -> Vec<Source> {
        let of = |source: &Source| match source {
            Source::Previous if layer == 0 => self.input.clone(),
            other => vec![*other],
        };
        self.maps[m].reads.iter().flat_map(of).collect()
    }

    /// The feature vectors among them, results of this layer, shared ones or those of the layer before. Where there are
    /// none the map is of the coordinates, or of nothing.
    pub fn features(&self, m: usize, layer: usize) -> Vec<Source> {
        let vectors = |source: &Source| matches!(source, Source::Previous | Source::Result(_));
        self.reads(m, layer).into_iter().filter(vectors).collect()
    }

    /// Those that a gradient goes back to through the transpose of map `m`: behind fixed tensors nothing is trained.
    pub fn pulls(&self, m: usize, layer: usize) -> Vec<Source> {
        let trained = |source: &Source| match source {
            Source::Result(of) => self.maps[*of].trained(),
            _ => true,
        };
        self.features(m, layer).into_iter().filter(trained).collect()
    }

    /// Numbers of feature vectors that its maps read, in any layer.
    pub fn parts(&self) -> std::collections::BTreeSet<usize> {
        let layers = |m| [0, 1].map(|layer| self.features(m, layer).len());
        (0..self.maps.len()).flat_map(layers).filter(|&parts| parts > 0).collect()
    }

    /// The columns of map `m` in `layer`.
    pub fn columns(&self, m: usize, layer: usize, shape: &Shape) -> usize {
        let of = |source: &Source| match source {
            Source::Coordinates => shape.inputs,
            Source::Coordinate(_) => 1,
            Source::Previous | Source::Result(_) => shape.width,
        };
        self.reads(m, layer).iter().map(of).sum()
    }

    /// The coordinates that map `m` reads, column by column, where it reads no feature vectors.
    pub fn coordinates(&self, m: usize, layer: usize, shape: &Shape) -> Vec<usize> {
        let of = |source: &Source| match source {
            Source::Coordinates => (0..shape.inputs).collect(),
            Source::Coordinate(axis) => vec![*axis],
            Source::Previous | Source::Result(_) => Vec::new(),
        };
        self.reads(m, layer).iter().flat_map(of).collect()
    }
}

impl Map {
    fn new(name: &'static str, linear: &'static str, tensors: Tensors, reads: &[Source]) -> Map {
        // a packed matrix is of the coordinates or of feature vectors
        let coordinates = |source: &&Source| matches!(source, Source::Coordinates | Source::Coordinate(_));
        let some = reads.iter().filter(coordinates).count();
        assert!(
            some == 0 || some == reads.len(),
            "`{name}` reads coordinates beside feature vectors: make it two maps"
        );
        Map { name, linear, tensors, reads: reads.to_vec(), activation: None, difference: false, shared: false }
    }
}
