//! Where each parameter lies in the packed weights, in their transposes and in the gradient slabs of the
//! plans. The shaders get the same numbers as constants, so the arrangement is stated here alone.

use crate::networks::layout::Layout;
use crate::networks::program::{Map, Scale};
use crate::networks::{Program, Shape, UNKNOWNS};

use super::target::{Columns, Target};

/// No place: the parameter has no such copy.
pub const NONE: u32 = u32::MAX;

/// Places of one parameter, in `f32` units. Mirrored by `places` in `kernels/update.wgsl`; `reduce` looks the other way, by
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

/// Where one map begins within its layer, in `vec4` units.
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
    fixed: Vec<(usize, f32)>,
}

fn columns(map: &Map, layer: usize) -> Columns {
    match map.features(layer).len() {
        0 => Columns::Coordinates,
        parts => Columns::Features(parts),
    }
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
        };
        let transpose = target.transpose(shape).vectors();
        let input_gradient = target.input_gradient(shape).vectors();
        let (mut layer_weights, mut layer_slab) = (0, 0);
        for map in &program.maps {
            let forward = [0, 1].map(|layer| target.map(shape, columns(map, layer)).vectors());
            let at = layer_weights + forward[0].max(forward[1]);
            packing.maps.push(MapPlaces { forward: layer_weights, transpose: at, slab: layer_slab });
            let parts = map.features(1).len();
            layer_weights = at + parts * transpose;
            let (gradient, share) = target.gradient(shape, parts.max(1));
            layer_slab += input_gradient + parts / share * gradient.vectors();
        }
        let layers_at = 1 + shape.depth;
        let output_at = layers_at + shape.depth * layer_slab;
        let slab_unknowns_at = output_at + shape.width + 1;
        packing.slab_vectors = slab_unknowns_at + shape.unknowns;
        for layer in 0..shape.depth {
            for (map, places) in program.maps.iter().zip(packing.maps.clone()) {
                let at = MapPlaces {
                    forward: layer * layer_weights + places.forward,
                    transpose: layer * layer_weights + places.transpose,
                    slab: layers_at + layer * layer_slab + places.slab,
                };
                packing.place_map(shape, target, &layout, map, layer, &at);
            }
        }
        let scales_at = shape.depth * layer_weights;
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
            ("INPUT_GRADIENT", input_gradient, "in a map's part what (coordinates, one) take,"),
            ("SLAB_OUTPUT_AT", output_at, "the output layer,"),
            ("UNKNOWNS_AT", unknowns_at, "the problem's unknowns among the weights, in vec4f,"),
            ("SLAB_UNKNOWNS_AT", slab_unknowns_at, "and in the slab"),
            ("SLAB_VECTORS", packing.slab_vectors, "a whole slab"),
        ]);
        packing
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
        map: &Map,
        layer: usize,
        at: &MapPlaces,
    ) {
        let (width, columns) = (shape.width, columns(map, layer));
        let forward = target.map(shape, columns);
        let transpose = target.transpose(shape);
        let (gradient, share) = target.gradient(shape, map.features(1).len().max(1));
        let input_gradient = target.input_gradient(shape);
        let module = (map.module)(layer);
        let count = if columns == Columns::Coordinates { shape.inputs } else { map.features(layer).len() * width };
        let (weight, bias) = (layout.offset(&format!("{module}.weight")), layout.offset(&format!("{module}.bias")));
        let twin = map.difference.then_some(width);
        for row in 0..width {
            let place = Place {
                packed: (4 * at.forward + forward.place(row, None)) as u32,
                transposed: NONE,
                partner: NONE,
                slab: (4 * at.slab + input_gradient.place(shape.inputs, Some(row))) as u32,
            };
            self.put(bias + row, place, twin);
            for column in 0..count {
                let (part, k) = (column / width, column % width);
                let place = match columns {
                    Columns::Coordinates => Place {
                        packed: (4 * at.forward + forward.place(row, Some(column))) as u32,
                        transposed: NONE,
                        partner: NONE,
                        slab: (4 * at.slab + input_gradient.place(column, Some(row))) as u32,
                    },
                    Columns::Features(_) => {
                        let packed = forward.place(row, Some(part * target.pitch(shape) + k));
                        let transposed = 4 * part * transpose.vectors() + transpose.place(k, Some(row));
                        let within = gradient.place(row, Some(part % share * target.pitch(shape) + k));
                        let slab = 4 * (input_gradient.vectors() + part / share * gradient.vectors()) + within;
                        Place {
                            packed: (4 * at.forward + packed) as u32,
                            transposed: (4 * at.transpose + transposed) as u32,
                            partner: NONE,
                            slab: (4 * at.slab + slab) as u32,
                        }
                    }
                };
                self.put(weight + row * count + column, place, twin.map(|rows| rows * count));
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
            match program.join.scale() {
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
