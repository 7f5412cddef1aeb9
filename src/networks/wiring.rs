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
    /// Name of the weight in the layout, by layer.
    pub weight: fn(usize) -> String,
    /// Name of the bias in the layout, by layer.
    pub bias: fn(usize) -> String,
    /// Where its input comes from.
    pub reads: Reads,
    /// What it takes of its weight and bias.
    pub branches: Branches,
}

/// What a map takes of a weight with two branches of `width` rows each, the logits of a two-way softmax. Only their
/// difference acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branches {
    /// The weight has none.
    None,
    /// The first less the second: the softmax collapsed to a sigmoid of the difference.
    Difference,
    /// Only the first (0) or only the second (1): the softmax as written.
    One(usize),
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

/// The maps of every hidden layer, in the order of the first half of their stages and of their cotangents, and what stands
/// outside the layers.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// Maps of each hidden layer.
    pub maps: Vec<Map>,
    /// Names of the output layer's weight and bias.
    pub output: (String, String),
    /// A scalar per layer: its name in the layout, or the constant that stands in for it.
    pub scales: Option<Scales>,
    /// Feature vectors of scratch that a tile needs beside a cotangent of every map: outside the layers, per hidden layer, and
    /// activations of a layer that could be computed again. The shader asserts that its own count agrees.
    pub slots: [usize; 3],
    /// Primitives that a hidden layer consists of, forward and backward: what a plan may give dispatches of their own.
    /// Forward, even stages are the maps; backward, odd ones are the transposes of those that read features, in reverse.
    /// The last one backward leads to the layer before; the shader asserts these counts too.
    pub stages: [usize; 2],
}

impl Wiring {
    /// The same network with both branches of every difference multiplied, as the softmax is written.
    pub fn written_out(mut self) -> Wiring {
        let differences = self.maps.iter().filter(|map| map.branches == Branches::Difference).count();
        let branches = |map: Map| match map.branches {
            Branches::Difference => vec![Branches::One(0), Branches::One(1)],
            other => vec![other],
        };
        let one = |map: Map| branches(map).into_iter().map(move |branches| Map { branches, ..map });
        self.maps = self.maps.into_iter().flat_map(one).collect();
        self.stages = self.stages.map(|stages| stages + 2 * differences);
        self
    }

    /// Feature vectors of scratch for a network of `depth` hidden layers: with the activations of all of them or of one,
    /// and with the cotangents of all or of one.
    pub fn slots(&self, depth: usize, activations_of_all: bool, cotangents_of_all: bool) -> usize {
        let [outside, layer, activations] = self.slots;
        let layers = |all: bool| if all { depth } else { 1 };
        outside + depth * layer + activations * layers(activations_of_all) + self.maps.len() * layers(cotangents_of_all)
    }

    /// The map that `stage` of a layer is on the way forward.
    pub fn forward_map(&self, stage: usize) -> Option<&Map> {
        if stage.is_multiple_of(2) { self.maps.get(stage / 2) } else { None }
    }

    /// The map of which `stage` of a layer is the transpose on the way back.
    pub fn backward_map(&self, stage: usize) -> Option<&Map> {
        let mut transposed = self.maps.iter().rev().filter(|map| map.squares() > 0);
        if stage % 2 == 1 { transposed.nth(stage / 2) } else { None }
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
