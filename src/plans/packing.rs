//! Where each parameter lies in the packed weights, in their transposes and in the gradient slabs of the
//! fused plan. The shaders get the same numbers as constants, so the arrangement is stated here alone.

use crate::networks::Shape;
use crate::networks::layout::Layout;
use crate::networks::wiring::{Map, Reads, Scales, Wiring};

use super::tile::Tile;

/// No place: the parameter has no such copy.
pub const NONE: u32 = u32::MAX;

/// Places of one parameter, in `f32` units. Mirrored by `places` in `kernels/update.wgsl` and `reduce.wgsl`.
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
    pub constants: Vec<(String, usize)>,
    fixed: Vec<(usize, f32)>,
}

/// Sizes that the arrangement is computed from; named as in `shaders/tile.wgsl`.
struct Sizes {
    axes: usize,
    fields: usize,
    width: usize,
    depth: usize,
    rows: usize,
    row_vectors: usize,
    row_blocks: usize,
    block: usize,
    blocks: usize,
    block_vectors: usize,
    inputs: usize,
    input_vectors: usize,
}

impl Sizes {
    fn new(shape: &Shape, tile: &Tile) -> Self {
        let inputs = shape.inputs + 1;
        Sizes {
            axes: shape.inputs,
            fields: shape.outputs,
            width: shape.width,
            depth: shape.depth,
            rows: tile.rows,
            row_vectors: tile.rows.div_ceil(4),
            row_blocks: shape.width.div_ceil(tile.rows),
            block: tile.block,
            blocks: shape.width.div_ceil(tile.block),
            block_vectors: (tile.block * tile.block).div_ceil(4),
            inputs,
            input_vectors: (tile.block * inputs).div_ceil(4),
        }
    }

    /// Parts of a map's input and features per part, in `layer`.
    fn reads(&self, map: &Map, layer: usize) -> (usize, usize) {
        match map.reads {
            Reads::Coordinates => (1, self.axes),
            Reads::Previous if layer == 0 => (1, self.axes),
            Reads::Previous => (1, self.width),
            Reads::Features(parts) => (parts, self.width),
        }
    }

    /// Does the map read coordinates in `layer`, so that its gradient lies beside the biases?
    fn reads_coordinates(&self, map: &Map, layer: usize) -> bool {
        map.reads == Reads::Coordinates || (map.reads == Reads::Previous && layer == 0)
    }

    /// `vec4`s that a packed map takes in any layer.
    fn forward_vectors(&self, map: &Map) -> usize {
        let features = [0, 1].map(|layer| self.reads(map, layer)).map(|(parts, features)| parts * features);
        self.row_blocks * (1 + features[0].max(features[1])) * self.row_vectors
    }

    /// `vec4`s of its transpose; maps that read coordinates need none.
    fn transposed_vectors(&self, map: &Map) -> usize {
        match map.reads {
            Reads::Coordinates => 0,
            Reads::Previous => self.row_blocks * self.width * self.row_vectors,
            Reads::Features(parts) => parts * self.row_blocks * self.width * self.row_vectors,
        }
    }
}

impl Packing {
    /// Arranges the parameters of `layout` as `wiring` says.
    pub fn new(shape: &Shape, layout: &Layout, wiring: &Wiring, tile: &Tile) -> Packing {
        let sizes = Sizes::new(shape, tile);
        let nowhere = Place { packed: NONE, transposed: NONE, partner: NONE, slab: NONE };
        let mut packing = Packing {
            places: vec![nowhere; layout.len],
            weights_vectors: 0,
            slab_vectors: 0,
            constants: Vec::new(),
            fixed: Vec::new(),
        };
        let squares: usize = wiring.maps.iter().map(|m| sizes.squares(m)).sum();
        let slab_layer = wiring.maps.len() * sizes.blocks * sizes.input_vectors
            + squares * sizes.blocks * sizes.blocks * sizes.block_vectors;
        let layers_at = 1 + shape.depth;
        let output_at = layers_at + shape.depth * slab_layer;
        packing.slab_vectors = output_at + shape.width + 1;
        let (offsets, layer_weights) = packing.map_offsets(&sizes, wiring);
        for layer in 0..shape.depth {
            let mut square = 0;
            for (index, map) in wiring.maps.iter().enumerate() {
                let (forward, transposed) = offsets[index];
                let at = MapPlaces {
                    layer,
                    forward: layer * layer_weights + forward,
                    transposed: layer * layer_weights + transposed,
                    inputs: layers_at + layer * slab_layer + index * sizes.blocks * sizes.input_vectors,
                    squares: layers_at
                        + layer * slab_layer
                        + wiring.maps.len() * sizes.blocks * sizes.input_vectors
                        + square * sizes.blocks * sizes.blocks * sizes.block_vectors,
                };
                packing.place_map(&sizes, layout, map, &at);
                square += sizes.squares(map);
            }
        }
        let scales_at = shape.depth * layer_weights;
        packing.place_scales(&sizes, layout, wiring, scales_at);
        let weights_output_at = scales_at + shape.depth;
        packing.place_output(&sizes, layout, wiring, weights_output_at, output_at);
        packing.weights_vectors = weights_output_at + shape.width + 1;
        for (name, value) in [
            ("LAYER_WEIGHTS", layer_weights),
            ("SCALE_AT", scales_at),
            ("OUTPUT_AT", weights_output_at),
            ("SLAB_LAYERS_AT", layers_at),
            ("SLAB_LAYER", slab_layer),
            ("SLAB_OUTPUT_AT", output_at),
            ("SLAB_VECTORS", packing.slab_vectors),
        ] {
            packing.constants.push((name.to_owned(), value));
        }
        packing
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

    /// Offsets of each map within a layer and the layer's size; leaves the shader constants behind.
    fn map_offsets(&mut self, sizes: &Sizes, wiring: &Wiring) -> (Vec<(usize, usize)>, usize) {
        let mut next = 0;
        let mut offsets = Vec::new();
        for map in &wiring.maps {
            let forward = next;
            let transposed = forward + sizes.forward_vectors(map);
            next = transposed + sizes.transposed_vectors(map);
            offsets.push((forward, transposed));
            self.constants.push((format!("{}_AT", map.constant), forward));
            self.constants.push((format!("{}_T_AT", map.constant), transposed));
        }
        (offsets, next)
    }

    fn place_map(&mut self, sizes: &Sizes, layout: &Layout, map: &Map, at: &MapPlaces) {
        let (parts, features) = sizes.reads(map, at.layer);
        let columns = parts * features;
        let weight = layout.offset(&(map.weight)(at.layer));
        let bias = layout.offset(&(map.bias)(at.layer));
        for row in 0..sizes.width {
            let (block, r) = (row / sizes.rows, row % sizes.rows);
            let lane = |vector: usize| (4 * (vector + r / 4) + r % 4) as u32;
            let block_at = at.forward + block * (1 + columns) * sizes.row_vectors;
            let place = Place {
                packed: lane(block_at),
                transposed: NONE,
                partner: NONE,
                slab: at.input(sizes, row, sizes.axes),
            };
            self.put(bias + row, place, map.branches.then_some(sizes.width));
            for column in 0..columns {
                let (part, k) = (column / features, column % features);
                let coordinates = sizes.reads_coordinates(map, at.layer);
                let place = Place {
                    packed: lane(block_at + (1 + column) * sizes.row_vectors),
                    transposed: if coordinates { NONE } else { at.transposed(sizes, row, part, k) },
                    partner: NONE,
                    slab: if coordinates { at.input(sizes, row, column) } else { at.square(sizes, row, part, k) },
                };
                self.put(weight + row * columns + column, place, map.branches.then_some(sizes.width * columns));
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

    fn place_scales(&mut self, sizes: &Sizes, layout: &Layout, wiring: &Wiring, scales_at: usize) {
        for layer in 0..sizes.depth {
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

    fn place_output(&mut self, sizes: &Sizes, layout: &Layout, wiring: &Wiring, weights_at: usize, slab_at: usize) {
        let weight = layout.offset(&wiring.output.0);
        let bias = layout.offset(&wiring.output.1);
        for field in 0..sizes.fields {
            for k in 0..=sizes.width {
                let p = if k == sizes.width { bias + field } else { weight + field * sizes.width + k };
                let packed = (4 * (weights_at + k) + field) as u32;
                let slab = (4 * (slab_at + k) + field) as u32;
                self.put(p, Place { packed, transposed: NONE, partner: NONE, slab }, None);
            }
        }
    }
}

impl Sizes {
    /// How many width × width products the weight gradient of a map consists of.
    fn squares(&self, map: &Map) -> usize {
        match map.reads {
            Reads::Coordinates => 0,
            Reads::Previous => 1,
            Reads::Features(parts) => parts,
        }
    }
}

/// Where one map of one layer begins, in `vec4` units.
struct MapPlaces {
    layer: usize,
    forward: usize,
    transposed: usize,
    inputs: usize,
    squares: usize,
}

impl MapPlaces {
    /// In the transpose a row is a feature and the sum runs over the map's rows.
    fn transposed(&self, sizes: &Sizes, row: usize, part: usize, k: usize) -> u32 {
        let block = part * sizes.row_blocks + k / sizes.rows;
        let r = k % sizes.rows;
        (4 * (self.transposed + (block * sizes.width + row) * sizes.row_vectors + r / 4) + r % 4) as u32
    }

    fn input(&self, sizes: &Sizes, row: usize, column: usize) -> u32 {
        let (block, r) = (row / sizes.block, row % sizes.block);
        (4 * (self.inputs + block * sizes.input_vectors) + r * sizes.inputs + column) as u32
    }

    fn square(&self, sizes: &Sizes, row: usize, part: usize, k: usize) -> u32 {
        let (row_block, r) = (row / sizes.block, row % sizes.block);
        let (column_block, c) = (k / sizes.block, k % sizes.block);
        let j = (part * sizes.blocks + row_block) * sizes.blocks + column_block;
        (4 * (self.squares + j * sizes.block_vectors) + r * sizes.block + c) as u32
    }
}
