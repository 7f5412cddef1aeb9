//! What an optimiser keeps for the sides of weight matrices: where covariances and bases lie on the device, and what they are
//! called in files.

use crate::networks::{Layout, Slot};
use crate::optimisers::Optimiser;

use super::packing::NONE;

/// Numbers that one loop trip of `optimisers/orthonormal.wgsl` takes: columns are padded to a multiple.
const TRIP: usize = 16;

/// A square matrix that is kept for a side, row by row, without padding.
#[derive(Clone, Debug, PartialEq)]
pub struct Square {
    /// Such as "soap.rows.linear.0.weight" for a covariance, "soap.rows_basis.…" for a basis, a vector after the other.
    pub name: String,
    pub length: usize,
    pub entries: Vec<f32>,
}

/// What the name of every [`Square`] begins with.
pub const PREFIX: &str = "soap.";

/// The rows or the columns of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Side {
    /// "rows" or "columns".
    which: &'static str,
    tensor: String,
    length: usize,
    /// Where its entries begin.
    at: usize,
}

impl Side {
    fn pitch(&self) -> usize {
        self.length.next_multiple_of(TRIP)
    }

    /// Numbers of its square, with room for blocks of four rows.
    fn entries(&self) -> usize {
        self.length.next_multiple_of(4) * self.pitch()
    }

    fn words(&self, matrix: usize) -> [u32; 4] {
        [self.at, self.length, self.pitch(), 2 * matrix + usize::from(self.which == "columns")].map(|n| n as u32)
    }
}

/// The sides that an optimiser turns, and the tables that its kernels read.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    sides: Vec<Side>,
    /// Entries of all covariances, padding included; as many of all bases.
    pub entries: usize,
    /// A line per thread that turns: first parameter, rows, columns and matrix of a cell of up to 4 × 4, of one parameter and
    /// no matrix where a tensor has no basis.
    pub cells: Vec<[u32; 4]>,
    /// Two lines per matrix: first parameter, rows, columns; where the bases of rows and of columns begin, with pitch.
    pub matrices: Vec<[u32; 4]>,
    /// For every block of 4 × 4 entries its side.
    pub side_of: Vec<u32>,
    /// A line per block of 4 × 4 entries on or above a diagonal: its side, first row and first column.
    pub upper_blocks: Vec<[u32; 4]>,
    /// A line per side: first entry, length, pitch, twice the number of its matrix and one more for columns.
    pub lines: Vec<[u32; 4]>,
}

impl Sides {
    /// The sides of the tensors in `layout` that `optimiser` turns.
    pub fn new(layout: &Layout, optimiser: &dyn Optimiser) -> Sides {
        let mut all = Sides::default();
        for slot in &layout.slots {
            let turned = optimiser.turns(slot);
            let matrix = all.matrices.len() / 2;
            all.cut(slot, if turned == [false; 2] { NONE } else { matrix as u32 });
            if turned == [false; 2] {
                continue;
            }
            let mut bases = [0; 4];
            for (i, (which, length)) in [("rows", slot.rows()), ("columns", slot.columns())].into_iter().enumerate() {
                if !turned[i] {
                    continue;
                }
                let side = Side { which, tensor: slot.name.clone(), length, at: all.entries };
                bases[2 * i..2 * i + 2].copy_from_slice(&[side.at as u32, side.pitch() as u32]);
                all.entries += side.entries();
                all.side_of.resize(all.entries / 16, all.lines.len() as u32);
                let ends = (0..length).step_by(4);
                let upper = ends.clone().flat_map(|row| ends.clone().skip(row / 4).map(move |column| (row, column)));
                let number = all.lines.len();
                all.upper_blocks.extend(upper.map(|(row, column)| [number, row, column, 0].map(|n| n as u32)));
                all.lines.push(side.words(matrix));
                all.sides.push(side);
            }
            all.matrices.extend([[slot.offset, slot.rows(), slot.columns(), 0].map(|n| n as u32), bases]);
        }
        all
    }

    /// Cuts a tensor into cells.
    fn cut(&mut self, slot: &Slot, matrix: u32) {
        if matrix == NONE {
            self.cells.extend(slot.range().map(|p| [p as u32, 1, 1, NONE]));
            return;
        }
        let (rows, columns) = (slot.rows(), slot.columns());
        for row in (0..rows).step_by(4) {
            let line = |column: usize| {
                let first = slot.offset + row * columns + column;
                [first as u32, (rows - row).min(4) as u32, (columns - column).min(4) as u32, matrix]
            };
            self.cells.extend((0..columns).step_by(4).map(line));
        }
    }

    /// Whether there are none: the optimiser keeps nothing but moments.
    pub fn is_empty(&self) -> bool {
        self.sides.is_empty()
    }

    /// Numbers of the longest column, padding included.
    pub fn longest(&self) -> usize {
        self.sides.iter().map(Side::pitch).max().unwrap_or(0)
    }

    /// Loop trips of one of `threads` threads that orthonormalise the longest side together.
    pub fn trips(&self, threads: usize) -> usize {
        let n = self.longest();
        let run = n / TRIP;
        let units = n.div_ceil(threads) * (1 + 8 * run);
        units + (0..n).map(|k| 1 + run.div_ceil(threads) + (n - k).div_ceil(threads) * (1 + 2 * run)).sum::<usize>()
    }

    /// The bases to begin with: the coordinates themselves.
    pub fn identity(&self) -> Vec<f32> {
        let mut bases = vec![0.0; self.entries];
        for side in &self.sides {
            (0..side.length).for_each(|i| bases[side.at + i * side.pitch() + i] = 1.0);
        }
        bases
    }

    /// Covariances and bases by their names, from what lies on the device.
    pub fn named(&self, squares: &[f32], bases: &[f32]) -> Vec<Square> {
        let square = |(side, name, all): (&Side, String, &[f32])| {
            let rows = all[side.at..].chunks(side.pitch()).take(side.length);
            Square { name, length: side.length, entries: rows.flat_map(|row| &row[..side.length]).copied().collect() }
        };
        self.names()
            .map(|(side, covariance, basis)| [(side, covariance, squares), (side, basis, bases)])
            .flat_map(|both| both.map(square))
            .collect()
    }

    /// The opposite of [`Sides::named`].
    ///
    /// # Errors
    /// One is missing, superfluous or of another size.
    pub fn placed(&self, named: &[Square]) -> Result<[Vec<f32>; 2], String> {
        let mut placed = [vec![0.0; self.entries], vec![0.0; self.entries]];
        for (side, covariance, basis) in self.names() {
            for (all, name) in placed.iter_mut().zip([covariance, basis]) {
                let known = named.iter().find(|square| square.name == name && square.length == side.length);
                let known = known.ok_or_else(|| format!("`{name}` of {0} × {0} numbers is missing", side.length))?;
                for (i, row) in known.entries.chunks(side.length).enumerate() {
                    all[side.at + i * side.pitch()..][..side.length].copy_from_slice(row);
                }
            }
        }
        match named.len() == 2 * self.sides.len() {
            true => Ok(placed),
            false => Err(format!("{} matrices of an optimiser instead of {}", named.len(), 2 * self.sides.len())),
        }
    }

    fn names(&self) -> impl Iterator<Item = (&Side, String, String)> {
        let name = |side: &Side, what: &str| format!("{PREFIX}{}{what}.{}", side.which, side.tensor);
        self.sides.iter().map(move |side| (side, name(side, ""), name(side, "_basis")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimisers::{Adam, Soap};

    #[test]
    fn what_is_kept_has_a_name_and_comes_back() {
        let mut layout = Layout::default();
        layout.push_linear("a", 3, 17);
        layout.push_linear("b", 1, 2);
        let sides = Sides::new(&layout, &Soap);
        assert!(Sides::new(&layout, &Adam).is_empty());
        assert_eq!((sides.entries, sides.longest()), (4 * 16 + 20 * 32 + 4 * 16, 32));
        assert_eq!(sides.matrices, [[0, 3, 17, 0], [0, 16, 64, 32], [54, 1, 2, 0], [0, 0, 704, 16]]);
        assert_eq!(sides.cells.len(), 5 + 3 + 1 + 1);
        assert_eq!(sides.upper_blocks.len(), 1 + 5 * 6 / 2 + 1);
        assert_eq!(sides.upper_blocks[5..7], [[1, 0, 16, 0], [1, 4, 4, 0]]);
        assert_eq!(sides.cells[4..6], [[16, 3, 1, 0], [51, 1, 1, NONE]]);
        let named = sides.named(&vec![0.0; sides.entries], &sides.identity());
        let names: Vec<&str> = named.iter().map(|square| &*square.name).collect();
        assert_eq!(names[..3], ["soap.rows.a.weight", "soap.rows_basis.a.weight", "soap.columns.a.weight"]);
        assert_eq!(named[1].entries, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(sides.placed(&named).unwrap()[1], sides.identity());
        assert!(sides.placed(&named[1..]).unwrap_err().contains("`soap.rows.a.weight` of 3 × 3"));
        assert!(Sides::default().placed(&named[..1]).unwrap_err().contains("1 matrices"));
    }
}
