//! Where each parameter lies in the packed weights, in their transposes and in the gradient slabs of the
//! plans. The shaders get the same numbers as constants, so the arrangement is stated here alone.

use crate::networks::Shape;
use crate::networks::layout::Layout;
use crate::networks::wiring::{Branches, Map, Reads, Scales, Wiring};

use super::products::{Columns, Products};
use super::tile::Tile;

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
    /// For the first branch of a collapsed map the same element of the second; for the second branch itself.
    pub partner: u32,
    /// In a gradient slab.
    pub slab: u32,
}

/// The arrangement of one network for one tile shape. Sizes are in `vec4` units.
pub struct Packing {
    pub places: Vec<Place>,
    pub weights_vectors: usize,
    pub slab_vectors: usize,
    /// Shader constants: name and value.
    pub constants: Vec<(&'static str, usize)>,
    /// Where each map of a layer begins, and each transpose.
    pub maps: [Vec<usize>; 2],
    fixed: Vec<(usize, f32)>,
}

/// What the columns of `map` multiply in `layer`.
fn columns(map: &Map, layer: usize) -> Columns {
    match map.reads {
        Reads::Coordinates => Columns::Inputs,
        Reads::Previous if layer == 0 => Columns::Inputs,
        Reads::Previous => Columns::Features(1),
        Reads::Features(parts) => Columns::Features(parts),
    }
}

impl Packing {
    /// Arranges the parameters of `layout` as `wiring` says.
    pub fn new(shape: &Shape, layout: &Layout, wiring: &Wiring, tile: &Tile) -> Packing {
        let products = Products::new(shape, wiring, tile);
        let nowhere = Place { packed: NONE, transposed: NONE, partner: NONE, slab: NONE };
        let mut packing = Packing {
            places: vec![nowhere; layout.len],
            weights_vectors: 0,
            slab_vectors: 0,
            constants: Vec::new(),
            maps: [Vec::new(), Vec::new()],
            fixed: Vec::new(),
        };
        let [input_vectors, square_vectors] = products.gradient_vectors();
        let slab_layer = wiring.maps.iter().map(|map| input_vectors + map.squares() * square_vectors).sum::<usize>();
        let layers_at = 1 + shape.depth;
        let output_at = layers_at + shape.depth * slab_layer;
        packing.slab_vectors = output_at + shape.width + 1;
        let layer_weights = packing.place_maps(&products, wiring);
        for layer in 0..shape.depth {
            let slab = layers_at + layer * slab_layer;
            let mut square = slab + wiring.maps.len() * input_vectors;
            for (index, map) in wiring.maps.iter().enumerate() {
                let [forward, transposed] = [packing.maps[0][index], packing.maps[1][index]];
                let at = MapPlaces {
                    layer,
                    forward: 4 * (layer * layer_weights + forward),
                    transposed: 4 * (layer * layer_weights + transposed),
                    inputs: 4 * (slab + index * input_vectors),
                    squares: 4 * square,
                };
                packing.place_map(shape, &products, layout, map, &at);
                square += map.squares() * square_vectors;
            }
        }
        let scales_at = shape.depth * layer_weights;
        packing.place_scales(shape, layout, wiring, scales_at);
        let weights_output_at = scales_at + shape.depth;
        packing.place_output(shape, layout, wiring, weights_output_at, output_at);
        packing.weights_vectors = weights_output_at + shape.width + 1 + products.overrun();
        packing.constants.extend([
            ("LAYER_WEIGHTS", layer_weights),
            ("SCALE_AT", scales_at),
            ("OUTPUT_AT", weights_output_at),
            ("SLAB_LAYERS_AT", layers_at),
            ("SLAB_LAYER", slab_layer),
            ("SLAB_OUTPUT_AT", output_at),
            ("SLAB_VECTORS", packing.slab_vectors),
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

    /// Lays the maps of a layer and their transposes out; returns the layer's size.
    fn place_maps(&mut self, products: &Products, wiring: &Wiring) -> usize {
        let mut next = 0;
        for map in &wiring.maps {
            let sizes = [0, 1].map(|layer| products.forward_vectors(columns(map, layer)));
            let transposed = next + sizes[0].max(sizes[1]);
            self.maps[0].push(next);
            self.maps[1].push(transposed);
            next = transposed + products.transposed_vectors(map.squares());
        }
        next
    }

    fn place_map(&mut self, shape: &Shape, products: &Products, layout: &Layout, map: &Map, at: &MapPlaces) {
        let width = shape.width;
        let columns = columns(map, at.layer);
        let count = match columns {
            Columns::Inputs => shape.inputs,
            Columns::Features(parts) => parts * width,
        };
        let (first_row, twin) = match map.branches {
            Branches::None => (0, None),
            Branches::Difference => (0, Some(width)),
            Branches::One(branch) => (branch * width, None),
        };
        let weight = layout.offset(&(map.weight)(at.layer)) + first_row * count;
        let bias = layout.offset(&(map.bias)(at.layer)) + first_row;
        for row in 0..width {
            let place = Place {
                packed: (at.forward + products.forward(columns, row, None)) as u32,
                transposed: NONE,
                partner: NONE,
                slab: (at.inputs + products.input(row, shape.inputs)) as u32,
            };
            self.put(bias + row, place, twin);
            for column in 0..count {
                let packed = (at.forward + products.forward(columns, row, Some(column))) as u32;
                let (part, k) = (column / width, column % width);
                let [transposed, slab] = match columns {
                    Columns::Inputs => [NONE, (at.inputs + products.input(row, column)) as u32],
                    Columns::Features(_) => [
                        (at.transposed + products.transposed(part, k, row)) as u32,
                        (at.squares + 4 * part * products.gradient_vectors()[1] + products.square(row, k)) as u32,
                    ],
                };
                let place = Place { packed, transposed, partner: NONE, slab };
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

    fn place_scales(&mut self, shape: &Shape, layout: &Layout, wiring: &Wiring, scales_at: usize) {
        for layer in 0..shape.depth {
            let packed = 4 * (scales_at + layer);
            match wiring.scales {
                Some(Scales::Trained(name)) => {
                    let slab = 4 * (1 + layer) as u32;
                    let place = Place { packed: packed as u32, transposed: NONE, partner: NONE, slab };
                    self.put(layout.offset(name) + layer, place, None);
                }
                Some(Scales::Fixed(value)) => self.fixed.push((packed, value)),
                None => {}
            }
        }
    }

    fn place_output(&mut self, shape: &Shape, layout: &Layout, wiring: &Wiring, weights_at: usize, slab_at: usize) {
        let weight = layout.offset(&wiring.output.0);
        let bias = layout.offset(&wiring.output.1);
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

/// Where one map of one layer begins, in `f32` units.
struct MapPlaces {
    layer: usize,
    forward: usize,
    transposed: usize,
    inputs: usize,
    squares: usize,
}
