//! What a kind of machine wants of kernels: how points, rows and memory are divided among threads, and the texts that
//! multiply. Networks, residuals and plans know nothing of it; there are two, [`super::gpu`] and [`super::raster`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::error::Result;
use crate::gpu::{Capabilities, Part};
use crate::math::Jet;
use crate::networks::{Program, Shape};

use super::matrix::Matrix;
use super::prelude::Prelude;

/// What the columns of a matrix multiply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// The normalised coordinates.
    Coordinates,
    /// This many feature vectors, which lie one after the other.
    Features(usize),
}

/// One kind of machine with its sizes.
pub trait Target: Send + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;
    /// Points of a tile.
    fn points(&self) -> usize;
    /// Threads that lie side by side over points.
    fn lanes(&self) -> usize;
    /// Groups of such threads, which share the rows of a matrix.
    fn groups(&self) -> usize;
    /// Threads of a workgroup.
    fn threads(&self) -> usize {
        self.lanes() * self.groups()
    }
    /// Workgroups that a kernel spreads its tiles over, if there are that many: each has a slab of partial sums.
    fn slabs(&self) -> usize;
    /// Whether feature vectors, packed weights and slabs lie in images rather than in buffers.
    fn images(&self) -> bool;
    /// Rows that a feature vector has room for.
    fn stride(&self, shape: &Shape) -> usize;
    /// How far apart the columns of two neighbouring feature vectors are in a packed matrix.
    fn pitch(&self, shape: &Shape) -> usize;
    /// How a map is packed.
    fn map(&self, shape: &Shape, columns: Columns) -> Matrix;
    /// How the transpose of a map is packed, for each feature vector that the map reads.
    fn transpose(&self, shape: &Shape) -> Matrix;
    /// How the gradient of a map of `parts` feature vectors lies in a slab, and how many of them share one matrix: all, or each
    /// has its own.
    fn gradient(&self, shape: &Shape, parts: usize) -> (Matrix, usize);
    /// The statements that add up such a gradient of cotangents `z` and feature vectors `a` at `slab`.
    fn gradient_call(&self, shape: &Shape, parts: usize, z: &str, a: &str, slab: &str) -> String;
    /// How the gradient against (coordinates, one) lies in a slab: its transpose, one row per coordinate and then that of
    /// the bias.
    fn input_gradient(&self, shape: &Shape) -> Matrix;
    /// `vec4`s of the element that packed weights are an array of: every matrix begins with one.
    fn run(&self) -> usize {
        1
    }
    /// `vec4`s that kernels may read past the end of the packed weights.
    fn overrun(&self) -> usize {
        0
    }
    /// Threads of a workgroup that adds up slabs or parts of the Gram matrix, and how they wait for each other.
    fn reducers(&self) -> (usize, &'static str);
    /// Whether conditions travel with the equation's jet, if that has so many numbers, in one kernel with it.
    fn merges(&self, streams: usize) -> bool;
    /// Whether rows that one thread has computed are read by others: then products must wait for each other.
    fn shares_rows(&self) -> bool;
    /// Loop trips that one thread takes for a hidden layer of `program` in one tile, both ways.
    fn trips(&self, shape: &Shape, program: &Program) -> usize;
    /// Whether kernels with these sizes can run on such an adapter.
    ///
    /// # Errors
    /// [`crate::error::Error::Usage`] with the size to change.
    fn check(&self, offered: &Capabilities, shape: &Shape, jet: Jet) -> Result<()>;
    /// Constants of its texts, for kernels that carry `jet`.
    fn constants(&self, shape: &Shape, jet: Jet, parts: &BTreeSet<usize>, prelude: &mut Prelude);
    /// Its texts: memory, and what multiplies, for maps of so many feature vectors.
    fn texts(&self, shape: &Shape, jet: Jet, parts: &BTreeSet<usize>) -> Vec<Part>;
    /// The text through which other kernels reach weights and slabs.
    fn memory(&self) -> Part;
    /// The function of a product, see [`Product`].
    fn product(&self, shape: &Shape, product: &Product) -> String;
    /// A statement that does `body` for every row and place of this thread.
    fn every_row(&self, body: &dyn Fn(&mut Body)) -> String;
}

/// Writes what follows a row of a part, given the name of its sum.
pub type Finish<'a> = &'a dyn Fn(&mut Body, usize, &str);

impl Product<'_> {
    /// Of a transpose: how many feature vectors its rows make up. One otherwise.
    pub fn row_parts(&self) -> usize {
        self.into.len()
    }
}

/// What a product multiplies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    Coordinates,
    /// So many feature vectors, the first of which is this one in WGSL.
    Vectors(String, usize),
}

/// A function `name(l)` that multiplies a packed matrix of layer `l` with feature vectors and hands every row, still in
/// registers, to what follows.
pub struct Product<'a> {
    pub name: String,
    /// Its equation, for the reader.
    pub equation: String,
    /// WGSL: where the packed matrix begins, in runs ([`Target::run`]).
    pub packed: String,
    /// What it multiplies in the first layer, and in the others.
    pub operands: [Operand; 2],
    pub biased: bool,
    /// Where the rows of each part go as they are.
    pub into: Vec<String>,
    /// Writes what follows a row of a part, whose sum is the variable `z`, instead of keeping it as it is.
    pub finish: Option<Finish<'a>>,
}

/// Statements about one row at one place of the tile, with the jets that are at hand already.
pub struct Body {
    text: String,
    known: BTreeMap<String, String>,
    /// WGSL: the row.
    pub row: String,
    /// WGSL: the place.
    pub place: String,
    indent: usize,
    suffix: String,
}

impl Body {
    /// Nothing yet; `suffix` keeps names of several bodies in one scope apart.
    pub fn new(row: &str, place: &str, indent: usize, suffix: &str) -> Body {
        Body {
            text: String::new(),
            known: BTreeMap::new(),
            row: row.to_owned(),
            place: place.to_owned(),
            indent,
            suffix: suffix.to_owned(),
        }
    }

    /// The statements written.
    pub fn finish(self) -> String {
        self.text
    }

    /// A statement.
    pub fn line(&mut self, statement: &str) {
        let _ = writeln!(self.text, "{}{statement}", "    ".repeat(self.indent));
    }

    /// `let name = value;` and the name to use.
    pub fn set(&mut self, name: &str, value: &str) -> String {
        let name = format!("{name}{}", self.suffix);
        if value == name {
            return name;
        }
        self.line(&format!("let {name} = {value};"));
        name
    }

    /// The jet of feature vector `vector` at this row and place, loaded once.
    pub fn load(&mut self, name: &str, vector: &str) -> String {
        if let Some(known) = self.known.get(vector) {
            return known.clone();
        }
        let load = format!("load({vector}, {}, {})", self.row, self.place);
        let name = self.set(name, &load);
        self.known.insert(vector.to_owned(), name.clone());
        name
    }

    /// Keeps the variable `name` in feature vector `vector`.
    pub fn keep(&mut self, vector: &str, name: &str) {
        self.line(&format!("keep({vector}, {}, {}, {name});", self.row, self.place));
        self.known.insert(vector.to_owned(), name.to_owned());
    }
}
