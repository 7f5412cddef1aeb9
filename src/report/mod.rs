//! Pictures and pages for people. A figure is a list of shapes ([`Figure`]); a page shows it as SVG in the colours of the
//! reader's light or dark setting, and beside the page it is a PNG file. Nothing here knows how a run was trained, and
//! nothing touches the file system: a figure becomes bytes ([`Figure::png`]), a page becomes a string
//! ([`Page::render`]), and the caller writes both atomically.
//!
//! The same input gives the same bytes: no clock, no hash map, no system font, one fixed PNG filter.
//!
//! | file | what it is |
//! |---|---|
//! | `grid` | a scalar field on a regular grid, and how it is sampled between nodes |
//! | `heatmap`, `curves`, `streamlines`, `cells` | one kind of figure each |
//! | `flow` | streamline tracing and placement, without any drawing |
//! | `series` | one named set of points of a line plot |
//! | `scale`, `axes` | tick positions; margins, frame and labels |
//! | `drawing`, `bitmap` | the shapes of a picture; pixels with a palette |
//! | `svg`, `raster` | a drawing as text for a page, and as pixels |
//! | `paint`, `colormap`, `font` | colours on light and dark ground, colours of values, the typeface |
//! | `html` | the page |

pub mod axes;
pub mod bitmap;
pub mod cells;
pub mod colormap;
pub mod curves;
pub mod drawing;
pub mod fields;
pub mod flow;
pub mod font;
pub mod grid;
pub mod heatmap;
pub mod html;
pub mod paint;
pub mod raster;
pub mod scale;
pub mod series;
pub mod streamlines;
pub mod svg;

use std::io;

pub use cells::Cells;
pub use colormap::Palette;
pub use curves::Curves;
pub use drawing::Drawing;
pub use grid::Grid;
pub use heatmap::Heatmap;
pub use html::{Page, Tone};
pub use series::{Marker, Series};
pub use streamlines::Streamlines;

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    drawing: Drawing,
}

impl Figure {
    /// The shapes.
    pub fn drawing(&self) -> &Drawing {
        &self.drawing
    }

    /// The picture as an `<svg>` element whose colours follow the page; `label` is read out in its place.
    pub fn svg(&self, label: &str) -> String {
        svg::write(&self.drawing, label)
    }

    /// The picture as the bytes of a PNG file on white, two pixels per unit; equal pictures give equal bytes.
    ///
    /// # Errors
    /// Only what the encoder reports; writing to memory itself does not fail.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        raster::paint(&self.drawing).png()
    }
}
