//! How the kernels that multiply want a matrix and its gradient arranged: the twins of `shaders/products`. Offsets are in
//! `f32` units from the start of a map, a transpose, or a gradient; sizes are in `vec4` units.

use super::prelude::{Prelude, shader, unrolled};
use super::tile::Tile;
use crate::gpu::Part;
use crate::math::Jet;
use crate::networks::Shape;
use crate::networks::wiring::{Map, Wiring};

/// What the columns of a map multiply.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    /// The normalised coordinates.
    Inputs,
    /// This many feature vectors of the network's width.
    Features(usize),
}

/// One arrangement, for one width and number of axes.
pub struct Products {
    width: usize,
    axes: usize,
    tile: Tile,
    /// Feature vectors that the widest map reads.
    parts: usize,
}

/// Columns of a matrix that lie in registers at a time, at most.
const MOST_COLUMNS: usize = 150;
/// Vectors of columns, or of rows of an input gradient, that one unit has accumulators for, at most.
const MOST_VECTORS: [usize; 2] = [8, 4];

impl Products {
    /// The arrangement that `tile` asks for.
    pub fn new(shape: &Shape, wiring: &Wiring, tile: &Tile) -> Products {
        let parts = wiring.maps.iter().map(Map::squares).fold(1, usize::max);
        Products { width: shape.width, axes: shape.inputs, tile: *tile, parts }
    }

    /// The texts of these products, for jets of one kind.
    pub fn parts(&self, jet: Jet) -> Vec<Part> {
        let Tile { lanes, span, strip, broadcasts, .. } = self.tile;
        if !broadcasts {
            return vec![shader("products/blocks")];
        }
        let chunks = |word: &str, parts: usize| {
            let part = shader("products/chunks");
            let text = part.text.replace("$s", word);
            let loads = self.chunk_vectors(parts).div_ceil(lanes);
            let counts = [("k", self.columns(parts)), ("q", span), ("l", loads)];
            unrolled(Part::new(format!("{} ({word})", part.name), text), &counts)
        };
        let counts = [
            ("r", strip),
            ("v", strip.div_ceil(4)),
            ("c", self.even_vectors(MOST_VECTORS[0]) / self.vectors().div_ceil(MOST_VECTORS[0])),
            ("z", strip.div_ceil(lanes)),
            ("q", span),
            ("a", self.axes),
            ("i", (1 + self.axes).div_ceil(4)),
            ("t", jet.texels()),
        ];
        vec![chunks("narrow", 1), chunks("wide", self.parts), unrolled(shader("products/broadcasts"), &counts)]
    }

    /// Their constants.
    pub fn constants(&self, prelude: &mut Prelude) {
        let [columns, rows] = MOST_VECTORS;
        prelude.u32("MOST_COLUMN_VECTORS", columns).u32("MOST_ROW_VECTORS", rows);
        prelude.u32("ROWS", self.tile.rows).u32("BLOCK", self.tile.block).u32("STRIP", self.tile.strip);
        prelude.u32("COLUMNS_narrow", self.columns(1)).u32("PARTS_narrow", 1);
        prelude.u32("COLUMNS_wide", self.columns(self.parts)).u32("PARTS_wide", self.parts);
    }

    /// Features that a slot needs room for.
    pub fn stride(&self) -> usize {
        let Tile { lanes, rows, block, strip, broadcasts, .. } = self.tile;
        if !broadcasts {
            return self.width.next_multiple_of(rows).max(self.width.next_multiple_of(block));
        }
        let [vectors, input_vectors] = MOST_VECTORS.map(|most| self.even_vectors(most));
        let gradient_rows = self.width.next_multiple_of(strip) + lanes;
        [gradient_rows, lanes * vectors, lanes * input_vectors].into_iter().fold(self.width, usize::max)
    }

    /// `vec4`s of a packed map.
    pub fn forward_vectors(&self, columns: Columns) -> usize {
        match (self.tile.broadcasts, columns) {
            (false, Columns::Inputs) => self.row_blocks() * (1 + self.axes) * self.row_vectors(),
            (false, Columns::Features(parts)) => self.row_blocks() * (1 + parts * self.width) * self.row_vectors(),
            (true, Columns::Inputs) => self.width * (1 + self.axes).div_ceil(4),
            (true, Columns::Features(parts)) => self.chunks(parts) * self.width * self.chunk_vectors(parts),
        }
    }

    /// Of row `row` of a map: the place of its weight for `column`, or of its bias.
    pub fn forward(&self, columns: Columns, row: usize, column: Option<usize>) -> usize {
        if !self.tile.broadcasts {
            let count = match columns {
                Columns::Inputs => self.axes,
                Columns::Features(parts) => parts * self.width,
            };
            return self.lane(row, 1 + count, column.map_or(0, |c| 1 + c));
        }
        match columns {
            Columns::Inputs => 4 * row * (1 + self.axes).div_ceil(4) + column.map_or(0, |c| 1 + c),
            Columns::Features(parts) => self.chunked(parts, row, column),
        }
    }

    /// `vec4`s of a packed transpose of a map of `parts` feature vectors.
    pub fn transposed_vectors(&self, parts: usize) -> usize {
        if self.tile.broadcasts {
            return parts * self.chunks(1) * self.width * self.chunk_vectors(1);
        }
        parts * self.row_blocks() * self.width * self.row_vectors()
    }

    /// In the transpose, where a row is a feature `k` of a part and the sum runs over the map's rows.
    pub fn transposed(&self, part: usize, k: usize, row: usize) -> usize {
        if self.tile.broadcasts {
            let part_vectors = self.chunks(1) * self.width * self.chunk_vectors(1);
            return 4 * part * part_vectors + self.chunked(1, k, Some(row));
        }
        4 * part * self.row_blocks() * self.width * self.row_vectors() + self.lane(k, self.width, row)
    }

    /// `vec4`s of a map's gradient against (coordinates, one), and of a square of a gradient.
    pub fn gradient_vectors(&self) -> [usize; 2] {
        let Tile { lanes, block, strip, broadcasts, .. } = self.tile;
        if !broadcasts {
            let blocks = self.width.div_ceil(block);
            return [blocks * (block * (1 + self.axes)).div_ceil(4), blocks * blocks * (block * block).div_ceil(4)];
        }
        let [columns, rows] = MOST_VECTORS.map(|most| self.even_vectors(most));
        [rows * (1 + self.axes).div_ceil(4) * lanes, self.width.div_ceil(strip) * columns * strip.div_ceil(4) * lanes]
    }

    /// Of the gradient against (coordinates, one).
    pub fn input(&self, row: usize, column: usize) -> usize {
        let Tile { lanes, block, broadcasts, .. } = self.tile;
        let inputs = 1 + self.axes;
        if !broadcasts {
            return 4 * (row / block) * (block * inputs).div_ceil(4) + row % block * inputs + column;
        }
        let vector = row / lanes * inputs.div_ceil(4) + column / 4;
        4 * (vector * lanes + row % lanes) + column % 4
    }

    /// Of a square of a gradient.
    pub fn square(&self, row: usize, column: usize) -> usize {
        let Tile { lanes, block, strip, broadcasts, .. } = self.tile;
        if !broadcasts {
            let unit = row / block * self.width.div_ceil(block) + column / block;
            return 4 * unit * (block * block).div_ceil(4) + row % block * block + column % block;
        }
        let all = self.even_vectors(MOST_VECTORS[0]);
        let blocks = self.vectors().div_ceil(MOST_VECTORS[0]);
        let each = all / blocks;
        let (vector, lane) = (column / lanes, column % lanes);
        let unit = row / strip * blocks + vector / each;
        let in_unit = row % strip / 4 * each + vector % each;
        4 * ((unit * strip.div_ceil(4) * each + in_unit) * lanes + lane) + row % strip % 4
    }

    /// Loop trips that `maps`, their transposes and their gradients take of one thread.
    pub fn trips(&self, maps: &[Map]) -> usize {
        let Tile { lanes, span, groups, rows, block, strip, broadcasts, .. } = self.tile;
        let threads = self.tile.threads();
        let points = self.tile.points();
        let row_blocks = self.row_blocks().div_ceil(groups);
        let product = |columns: Columns| match (broadcasts, columns) {
            (false, Columns::Inputs) => row_blocks * (self.axes + rows * span + 1),
            (false, Columns::Features(parts)) => row_blocks * (parts * self.width + rows * span + 1),
            (true, Columns::Inputs) => span * self.width,
            (true, Columns::Features(parts)) => self.chunks(parts) * (self.width + 1),
        };
        let mut trips = 0;
        let mut squares = 0;
        for map in maps {
            let parts = map.squares();
            trips += if parts == 0 { product(Columns::Inputs) } else { product(Columns::Features(parts)) };
            trips += parts * product(Columns::Features(1));
            squares += parts;
        }
        let blocks = self.width.div_ceil(block);
        let [units, input_units] = MOST_VECTORS.map(|most| self.vectors().div_ceil(most));
        trips
            + match broadcasts {
                false => {
                    (squares * blocks * blocks).div_ceil(threads) * (points + 1)
                        + (maps.len() * blocks).div_ceil(threads) * points * (self.axes + 1)
                }
                true => {
                    (squares * self.width.div_ceil(strip) * units + maps.len() * (input_units + self.width / lanes))
                        * (points + 1)
                }
            }
    }

    /// `vec4`s that kernels may read past the end of the packed weights.
    pub fn overrun(&self) -> usize {
        if self.tile.broadcasts { self.tile.lanes } else { 0 }
    }

    /// By blocks: entry `column` of `row` where blocks of rows hold `columns` each.
    fn lane(&self, row: usize, columns: usize, column: usize) -> usize {
        let (block, r) = (row / self.tile.rows, row % self.tile.rows);
        4 * ((block * columns + column) * self.row_vectors() + r / 4) + r % 4
    }

    /// By broadcasts: entry `column` of `row` where columns multiply `parts` feature vectors, or the bias.
    fn chunked(&self, parts: usize, row: usize, column: Option<usize>) -> usize {
        let columns = self.columns(parts);
        let chunk = column.map_or(0, |c| c / columns);
        4 * (chunk * self.width + row) * self.chunk_vectors(parts) + column.map_or(0, |c| 1 + c % columns)
    }

    fn row_blocks(&self) -> usize {
        self.width.div_ceil(self.tile.rows)
    }

    fn row_vectors(&self) -> usize {
        self.tile.rows.div_ceil(4)
    }

    /// Chunks that the columns of `parts` feature vectors come in.
    fn chunks(&self, parts: usize) -> usize {
        (parts * self.width).div_ceil(MOST_COLUMNS)
    }

    fn columns(&self, parts: usize) -> usize {
        (parts * self.width).div_ceil(self.chunks(parts))
    }

    /// `vec4`s of a row of such a chunk.
    fn chunk_vectors(&self, parts: usize) -> usize {
        (1 + self.columns(parts)).div_ceil(4)
    }

    /// Vectors of `lanes` rows or columns.
    fn vectors(&self) -> usize {
        self.width.div_ceil(self.tile.lanes)
    }

    /// The same, rounded up so that units of at most `most` are of one size.
    fn even_vectors(&self, most: usize) -> usize {
        let units = self.vectors().div_ceil(most);
        units * self.vectors().div_ceil(units)
    }
}
