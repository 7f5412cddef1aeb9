//! How a matrix and its gradient lie in `vec4`s: stated here once. Targets make their texts from the same statement, so
//! a kernel and the host cannot disagree about where an entry is.

/// In what order the entries of a matrix lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `[block of rows][pair of columns][column of the pair][row of the block]`: what a thread needs for two columns is one run.
    Pairs { rows: usize },
    /// `[chunk of columns][row][column of the chunk]`: a row's entries of a chunk are one run.
    Chunks { columns: usize },
    /// `[block of rows][chunk of columns][vec4 of a lane's sums][lane]`: a lane has summed up `columns` columns, `lanes` apart, of
    /// a block of rows, column after column; lanes lie side by side.
    Lanes { rows: usize, columns: usize, lanes: usize },
}

/// A matrix, and where its entries lie. Places count `f32`s, sizes `vec4`s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    pub rows: usize,
    /// Without the bias.
    pub columns: usize,
    /// Whether biases come first: a run of their own in every block of rows, or a number in every run of a chunk.
    pub bias: bool,
    pub order: Order,
}

impl Matrix {
    /// Blocks of rows, or chunks of columns.
    pub fn pieces(&self) -> usize {
        match self.order {
            Order::Pairs { rows } | Order::Lanes { rows, .. } => self.rows.div_ceil(rows),
            Order::Chunks { columns } => self.columns.div_ceil(columns),
        }
    }

    /// `vec4`s of the smallest run that is loaded or stored together: two columns of a block, a row of a chunk, the sums of
    /// a lane.
    pub fn run_vectors(&self) -> usize {
        match self.order {
            Order::Pairs { rows } => (2 * rows).div_ceil(4),
            Order::Chunks { columns } => (usize::from(self.bias) + columns).div_ceil(4),
            Order::Lanes { rows, columns, .. } => (rows * columns).div_ceil(4),
        }
    }

    /// `vec4`s of one block or chunk.
    pub fn piece_vectors(&self) -> usize {
        match self.order {
            Order::Pairs { .. } => (usize::from(self.bias) + self.columns.div_ceil(2)) * self.run_vectors(),
            Order::Chunks { .. } => self.rows * self.run_vectors(),
            Order::Lanes { columns, lanes, .. } => self.columns.div_ceil(columns * lanes) * self.run_vectors() * lanes,
        }
    }

    /// `vec4`s of the whole.
    pub fn vectors(&self) -> usize {
        self.pieces() * self.piece_vectors()
    }

    /// Where the entry of `row` and `column`, or its bias, lies.
    pub fn place(&self, row: usize, column: Option<usize>) -> usize {
        let bias = usize::from(self.bias);
        match self.order {
            Order::Pairs { rows } => {
                let (run, odd) = column.map_or((0, 0), |c| (bias + c / 2, c % 2));
                4 * (row / rows * self.piece_vectors() + run * self.run_vectors()) + odd * rows + row % rows
            }
            Order::Chunks { columns } => {
                let (chunk, within) = column.map_or((0, 0), |c| (c / columns, bias + c % columns));
                4 * (chunk * self.piece_vectors() + row * self.run_vectors()) + within
            }
            Order::Lanes { rows, columns, lanes } => {
                let column = column.expect("gradients have their biases elsewhere");
                let (chunk, within) = (column / (columns * lanes), column % (columns * lanes));
                let sum = within / lanes * rows + row % rows;
                let vector = chunk * self.run_vectors() + sum / 4;
                4 * (row / rows * self.piece_vectors() + vector * lanes + within % lanes) + sum % 4
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_has_a_place_of_its_own() {
        let orders =
            [Order::Pairs { rows: 10 }, Order::Chunks { columns: 50 }, Order::Lanes { rows: 10, columns: 2, lanes: 8 }];
        for order in orders {
            for (rows, columns, bias) in [(50, 150, true), (13, 13, false), (1, 1, false), (7, 130, true)] {
                let bias = bias && !matches!(order, Order::Lanes { .. });
                let matrix = Matrix { rows, columns, bias, order };
                let mut taken = vec![false; 4 * matrix.vectors()];
                for row in 0..rows {
                    for column in (0..columns).map(Some).chain(bias.then_some(None)) {
                        let place = matrix.place(row, column);
                        assert!(!taken[place], "{matrix:?}: {row}, {column:?}");
                        taken[place] = true;
                    }
                }
            }
        }
    }
}
