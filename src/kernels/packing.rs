//! Where each parameter lies in the packed weights, in their transposes and in the gradient slabs of the
//! plans. The shaders get the same numbers as constants, so the arrangement is stated here alone.

use crate::networks::layout::Layout;
use crate::networks::program::{Scale, Tensors};
use crate::networks::{Program, Shape, UNKNOWNS};

use super::matrix::Matrix;
use super::target::{Columns, Target};

/// No place: the parameter has no such copy.
pub const NONE: u32 = u32::MAX;

/// Places of one parameter, in `f32` units. Mirrored by `places` in `optimisers/update.wgsl`; `reduce` looks the other way, by
/// [`Packing::owners`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Place {
    /// In the packed weights.
    pub packed: u32,
    /// In the packed transposes.
    pub transposed: u32,
    /// For the first branch of a difference the same element of the second; for the second branch itself.
    pub partner: u32,
    /// In a gradient slab.
    pub slab: u32,
}

/// Where one map begins, within its layer if it has one, in `vec4` units.
#[derive(Clone, Copy, Debug)]
pub struct MapPlaces {
    pub forward: usize,
    pub transpose: usize,
    /// Its gradients: against (coordinates, one), then its square blocks.
    pub slab: usize,
}

/// The arrangement of one network for one target. Sizes are in `vec4` units.
pub struct Packing {
    pub places: Vec<Place>,
    pub weights_vectors: usize,
    pub slab_vectors: usize,
    /// Shader constants: name, value and what it is.
    pub constants: Vec<(&'static str, usize, &'static str)>,
    pub maps: Vec<MapPlaces>,
    /// Numbers of the packed weights that are no parameters.
    fixed: Vec<(usize, f32)>,
    /// Places in the packed weights of parameters that are not trained, as pairs of both; updates leave them as they are.
    pub untrained: Vec<(usize, usize)>,
}

fn columns(parts: usize) -> Columns {
    match parts {
        0 => Columns::Coordinates,
        parts => Columns::Features(parts),
    }
}

/// The tensors of a map in one layer, by where they begin among the parameters.
struct Dense {
    weight: Option<usize>,
    bias: Option<usize>,
}

impl Packing {
    /// Arranges the parameters of `program` for `target`.
    pub fn new(shape: &Shape, program: &Program, target: &dyn Target) -> Packing {
        let layout = program.layout(shape);
        let nowhere = Place { packed: NONE, transposed: NONE, partner: NONE, slab: NONE };
        let mut packing = Packing {
            places: vec![nowhere; layout.len],
            weights_vectors: 0,
            slab_vectors: 0,
            constants: Vec::new(),
            maps: Vec::new(),
            fixed: Vec::new(),
            untrained: Vec::new(),
        };
        // shared maps lie behind the layers, in the weights as in a slab
        let (layer_weights, layer_slab) = packing.arrange(shape, program, target, false, [0, 0]);
        let layers_at = 1 + shape.depth;
        let behind = [shape.depth * layer_weights, layers_at + shape.depth * layer_slab];
        let (shared_weights, shared_slab) = packing.arrange(shape, program, target, true, behind);
        let (scales_at, output_at) = (behind[0] + shared_weights, behind[1] + shared_slab);
        let slab_unknowns_at = output_at + shape.width + 1;
        packing.slab_vectors = slab_unknowns_at + shape.unknowns;
        let maps = packing.maps.clone();
        for (m, places) in maps.iter().enumerate() {
            for layer in 0..if program.maps[m].shared { 1 } else { shape.depth } {
                let own = if program.maps[m].shared { 0 } else { layers_at };
                let at = MapPlaces {
                    forward: layer * layer_weights + places.forward,
                    transpose: layer * layer_weights + places.transpose,
                    slab: own + layer * layer_slab + places.slab,
                };
                packing.place_map(shape, target, &layout, program, (m, layer), &at);
            }
        }
        packing.place_scales(shape, &layout, program, scales_at);
        let weights_output_at = scales_at + shape.depth;
        packing.place_output(shape, &layout, program, weights_output_at, output_at);
        let unknowns_at = weights_output_at + shape.width + 1;
        packing.weights_vectors = (unknowns_at + shape.unknowns + target.overrun()).next_multiple_of(target.run());
        for unknown in 0..shape.unknowns {
            let packed = (4 * (unknowns_at + unknown)) as u32;
            let slab = (4 * (slab_unknowns_at + unknown)) as u32;
            let place = Place { packed, transposed: NONE, partner: NONE, slab };
            packing.put(layout.offset(UNKNOWNS) + unknown, place, None);
        }
        packing.constants.extend([
            ("LAYER_WEIGHTS", layer_weights / target.run(), "packed weights of a layer, in elements of `weights`"),
            ("SCALE_AT", scales_at, "where the layers' ρ lie among them, in vec4f"),
            ("OUTPUT_AT", weights_output_at, "the output layer's weights, in vec4f"),
            ("SLAB_LAYERS_AT", layers_at, "slabs are counted in vec4f: where layers begin,"),
            ("SLAB_LAYER", layer_slab, "a layer's part,"),
            ("INPUT_GRADIENT", target.input_gradient(shape).vectors(), "in a map's part what (coordinates, one) take,"),
            ("SLAB_OUTPUT_AT", output_at, "the output layer,"),
            ("UNKNOWNS_AT", unknowns_at, "the problem's unknowns among the weights, in vec4f,"),
            ("SLAB_UNKNOWNS_AT", slab_unknowns_at, "and in the slab"),
            ("SLAB_VECTORS", packing.slab_vectors, "a whole slab"),
        ]);
        packing
    }

    /// Gives room to the maps that are shared, or to those of a layer, from `at` on in weights and slab; returns how much.
    fn arrange(
        &mut self,
        shape: &Shape,
        program: &Program,
        target: &dyn Target,
        shared: bool,
        at: [usize; 2],
    ) -> (usize, usize) {
        let transpose = target.transpose(shape).vectors();
        let input_gradient = target.input_gradient(shape).vectors();
        let [mut weights, mut slab] = at;
        self.maps.resize(program.maps.len(), MapPlaces { forward: 0, transpose: 0, slab: 0 });
        for m in (0..program.maps.len()).filter(|&m| program.maps[m].shared == shared) {
            // a layer of its own kind may take more room than the others
            let of = |layer: usize| {
                let parts = program.features(m, layer).len();
                let (gradient, share) = target.gradient(shape, parts.max(1));
                [target.map(shape, columns(parts)).vectors(), parts / share * gradient.vectors()]
            };
            let [first, others] = [of(0), of(1)];
            let forward = first[0].max(others[0]);
            self.maps[m] = MapPlaces { forward: weights, transpose: weights + forward, slab };
            weights += forward + program.pulls(m, 1).len() * transpose;
            slab += input_gradient + first[1].max(others[1]);
        }
        (weights - at[0], slab - at[1])
    }

    /// For every number of a slab the parameter whose gradient it is, and the one whose gradient is its opposite.
    pub fn owners(&self) -> Vec<[u32; 2]> {
        let mut owners = vec![[NONE; 2]; 4 * self.slab_vectors];
        for (p, place) in self.places.iter().enumerate() {
            if place.slab != NONE && place.partner != p as u32 {
                owners[place.slab as usize] = [p as u32, place.partner];
            }
        }
        owners
    }

    /// The packed copies of `parameters`, as the update kernel keeps them.
    pub fn pack(&self, parameters: &[f32]) -> Vec<f32> {
        let mut packed = vec![0.0; self.weights_vectors * 4];
        for &(at, value) in &self.fixed {
            packed[at] = value;
        }
        for &(at, p) in &self.untrained {
            packed[at] = parameters[p];
        }
        for (p, place) in self.places.iter().enumerate() {
            if place.partner == p as u32 {
                continue;
            }
            let second = if place.partner == NONE { 0.0 } else { parameters[place.partner as usize] };
            for at in [place.packed, place.transposed].into_iter().filter(|at| *at != NONE) {
                packed[at as usize] = parameters[p] - second;
            }
        }
        packed
    }

    fn place_map(
        &mut self,
        shape: &Shape,
        target: &dyn Target,
        layout: &Layout,
        program: &Program,
        (m, layer): (usize, usize),
        at: &MapPlaces,
    ) {
        let (map, width) = (&program.maps[m], shape.width);
        let (count, twin) = (program.columns(m, layer, shape), map.difference.then_some(width));
        let spot = Spot {
            shape,
            target,
            parts: program.features(m, layer).len(),
            axes: program.coordinates(m, layer, shape),
            pulled: !program.pulls(m, layer).is_empty(),
            at: *at,
        };
        if let Tensors::Fixed(name) = map.tensors {
            for (column, row) in (0..count).flat_map(|column| (0..width).map(move |row| (column, row))) {
                let packed = spot.weight(row, column).packed as usize;
                self.untrained.push((packed, layout.offset(name) + column * width + row));
            }
            return;
        }
        let Dense { weight, bias } = tensors(layout, map.tensors, layer);
        for row in 0..width {
            if let Some(bias) = bias {
                self.put(bias + row, spot.bias(row), twin);
            }
            for (column, weight) in (0..count).filter_map(|column| Some((column, weight?))) {
                self.put(weight + row * count + column, spot.weight(row, column), twin.map(|rows| rows * count));
            }
        }
    }

    /// Sets the place of parameter `p`, and of its twin in the second branch `branch` elements further.
    fn put(&mut self, p: usize, place: Place, branch: Option<usize>) {
        self.places[p] = place;
        if let Some(distance) = branch {
            let twin = p + distance;
            self.places[p].partner = twin as u32;
            self.places[twin] = Place { packed: NONE, transposed: NONE, partner: twin as u32, slab: place.slab };
        }
    }

    fn place_scales(&mut self, shape: &Shape, layout: &Layout, program: &Program, scales_at: usize) {
        for layer in 0..shape.depth {
            let packed = 4 * (scales_at + layer);
            match program.scale() {
                Some(Scale::Trained(name)) => {
                    let slab = 4 * (1 + layer) as u32;
                    let place = Place { packed: packed as u32, transposed: NONE, partner: NONE, slab };
                    self.put(layout.offset(name) + layer, place, None);
                }
                Some(Scale::Fixed(value)) => self.fixed.push((packed, value)),
                None => {}
            }
        }
    }

    fn place_output(&mut self, shape: &Shape, layout: &Layout, program: &Program, weights_at: usize, slab_at: usize) {
        let weight = layout.offset(&format!("{}.weight", program.output));
        let bias = layout.offset(&format!("{}.bias", program.output));
        for field in 0..shape.outputs {
            for k in 0..=shape.width {
                let p = if k == shape.width { bias + field } else { weight + field * shape.width + k };
                let packed = (4 * (weights_at + k) + field) as u32;
                let slab = (4 * (slab_at + k) + field) as u32;
                self.put(p, Place { packed, transposed: NONE, partner: NONE, slab }, None);
            }
        }
    }
}

/// Where the entries of a map go in one layer.
struct Spot<'a> {
    shape: &'a Shape,
    target: &'a dyn Target,
    /// Feature vectors that it reads; none where it reads coordinates.
    parts: usize,
    /// The coordinates of its columns.
    axes: Vec<usize>,
    /// Whether its transpose is multiplied.
    pulled: bool,
    at: MapPlaces,
}

impl Spot<'_> {
    fn map(&self) -> Matrix {
        self.target.map(self.shape, columns(self.parts))
    }

    fn place(&self, packed: usize, slab: usize) -> Place {
        let [packed, slab] = [4 * self.at.forward + packed, 4 * self.at.slab + slab].map(|at| at as u32);
        Place { packed, transposed: NONE, partner: NONE, slab }
    }

    fn bias(&self, row: usize) -> Place {
        let inputs = self.target.input_gradient(self.shape);
        self.place(self.map().place(row, None), inputs.place(self.shape.inputs, Some(row)))
    }

    fn weight(&self, row: usize, column: usize) -> Place {
        let (shape, target) = (self.shape, self.target);
        let inputs = target.input_gradient(shape);
        if self.parts == 0 {
            let axis = self.axes[column];
            return self.place(self.map().place(row, Some(axis)), inputs.place(axis, Some(row)));
        }
        let (part, k, pitch) = (column / shape.width, column % shape.width, target.pitch(shape));
        let (transpose, (gradient, share)) = (target.transpose(shape), target.gradient(shape, self.parts));
        let packed = self.map().place(row, Some(part * pitch + k));
        let within = gradient.place(row, Some(part % share * pitch + k));
        let slab = 4 * (inputs.vectors() + part / share * gradient.vectors()) + within;
        let transposed = 4 * (self.at.transpose + part * transpose.vectors()) + transpose.place(k, Some(row));
        Place { transposed: if self.pulled { transposed as u32 } else { NONE }, ..self.place(packed, slab) }
    }
}

fn tensors(layout: &Layout, tensors: Tensors, layer: usize) -> Dense {
    let offset = |name: String| Some(layout.offset(&name));
    match tensors {
        Tensors::Linear(module) => Dense {
            weight: offset(format!("{}.weight", module(layer))),
            bias: offset(format!("{}.bias", module(layer))),
        },
        Tensors::Weight(module) => Dense { weight: offset(format!("{}.weight", module(layer))), bias: None },
        Tensors::Bias(module) => Dense { weight: None, bias: offset(module(layer)) },
        Tensors::Fixed(_) => Dense { weight: None, bias: None },
    }
}
