//! A network as a list of linear maps: what a plan must know to lay weights out for its kernels, without
//! knowing the network. What happens between the maps is the business of the network's own shader.

/// Where a map's input features come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The normalised coordinates, in every layer.
    Coordinates,
    /// The features of the layer before; the coordinates in the first layer.
    Previous,
    /// This many neighbouring feature vectors of the same layer, one after the other.
    Features(usize),
}

/// One linear map of a hidden layer, with its bias: `width` rows.
#[derive(Clone, Copy, Debug)]
pub struct Map {
    /// Stem of its shader constants: `MAIN` gives `MAIN_AT`, and `MAIN_T_AT` for the transpose.
    pub constant: &'static str,
    /// Name of the weight in the layout, by layer.
    pub weight: fn(usize) -> String,
    /// Name of the bias in the layout, by layer.
    pub bias: fn(usize) -> String,
    /// Where its input comes from.
    pub reads: Reads,
    /// The map has two branches of `width` rows each of which only the difference (first − second) acts:
    /// a two-way softmax collapsed to a sigmoid.
    pub branches: bool,
}

impl Map {
    /// How many feature vectors it reads: as many width × width squares has its weight gradient.
    pub fn squares(&self) -> usize {
        match self.reads {
            Reads::Coordinates => 0,
            Reads::Previous => 1,
            Reads::Features(parts) => parts,
        }
    }
}

/// The maps of every hidden layer in the order of their cotangents, and what stands outside the layers.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// Maps of each hidden layer.
    pub maps: Vec<Map>,
    /// Names of the output layer's weight and bias.
    pub output: (String, String),
    /// A scalar per layer: its name in the layout, or the constant that stands in for it.
    pub scales: Option<Scales>,
    /// Feature vectors of scratch that a tile needs: outside the layers, per hidden layer, and activations of a layer that
    /// could be computed again. The shader asserts that its own count agrees.
    pub slots: [usize; 3],
    /// Primitives that a hidden layer consists of, forward and backward: what a plan may give dispatches of their own.
    /// The last one backward leads to the layer before; the shader asserts these counts too.
    pub stages: [usize; 2],
}

impl Wiring {
    /// Feature vectors of scratch for a network of `depth` hidden layers, with the activations of all of them or of one.
    pub fn slots(&self, depth: usize, all: bool) -> usize {
        let [outside, layer, activations] = self.slots;
        outside + depth * layer + activations * if all { depth } else { 1 }
    }
}

/// The residual scales of [`Wiring::scales`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scales {
    /// Trained: this tensor holds one number per layer.
    Trained(&'static str),
    /// Not trained: this number in every layer.
    Fixed(f32),
}
