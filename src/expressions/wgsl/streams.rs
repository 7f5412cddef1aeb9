//! How a residual reads derivatives from a jet and gives their cotangents back.

use super::super::expr::Leaf;

/// The streams of a jet as a residual sees them.
pub trait Streams {
    /// WGSL that reads a [`Leaf::Field`] or [`Leaf::Laplacian`] from `u: Fields`; none if the jet does not hold it.
    fn read(&self, leaf: &Leaf) -> Option<String>;

    /// WGSL of the jet whose streams are `bars`, the cotangents of what was read from one field; zero elsewhere.
    fn cotangent(&self, bars: &[(Leaf, String)]) -> String;

    /// WGSL that reads an unknown.
    fn unknown(&self, unknown: usize) -> String;
}

/// Where the network is not asked.
pub(super) struct Nothing;

impl Streams for Nothing {
    fn read(&self, _leaf: &Leaf) -> Option<String> {
        None
    }

    fn cotangent(&self, _bars: &[(Leaf, String)]) -> String {
        unreachable!("no field was read")
    }

    fn unknown(&self, _unknown: usize) -> String {
        unreachable!("unknowns are not known before the network is asked")
    }
}
