//! Files and pictures for people: PNG figures drawn by our own small canvas, and one self-contained HTML page.
//! Nothing here knows how a run was trained, and nothing here touches the file system: a figure becomes bytes
//! ([`Figure::png`]), a page becomes a string ([`Page::render`]), and the caller writes both atomically.
//!
//! The same input gives the same bytes: no clock, no hash map, no system font, one fixed PNG filter.
//!
//! | file | what it is |
//! |---|---|
//! | `grid` | a scalar field on a regular grid, and how it is sampled between nodes |
//! | `heatmap`, `curves`, `streamlines` | one kind of figure each |
//! | `cells` | numbers over two settings as coloured cells |
//! | `flow` | streamline tracing and placement, without any drawing |
//! | `series` | one named set of points of a line plot |
//! | `scale`, `axes` | tick positions; margins, frame and labels |
//! | `colormap`, `font`, `canvas` | colours, glyphs, anti-aliased strokes and fills |
//! | `html` | the page |

pub mod axes;
pub mod canvas;
pub mod cells;
pub mod colormap;
pub mod curves;
pub mod flow;
pub mod font;
pub mod grid;
pub mod heatmap;
pub mod html;
pub mod scale;
pub mod series;
pub mod streamlines;

use std::io;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage, imageops};

pub use cells::Cells;
pub use colormap::Palette;
pub use curves::Curves;
pub use grid::Grid;
pub use heatmap::Heatmap;
pub use html::Page;
pub use series::{Marker, Series};
pub use streamlines::Streamlines;

/// A finished picture: 8-bit RGB, white background, row 0 at the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    image: RgbImage,
}

impl Figure {
    /// The pixels.
    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// The picture as the bytes of a PNG file; equal pictures give equal bytes.
    ///
    /// # Errors
    /// Only what the encoder reports; writing to memory itself does not fail.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // Fixed filter: the adaptive choice is a heuristic of the encoder and may move between its versions.
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Best, FilterType::Paeth)
            .write_image(self.image.as_raw(), self.image.width(), self.image.height(), ExtendedColorType::Rgb8)
            .map_err(io::Error::other)?;
        Ok(bytes)
    }

    /// Several figures side by side, left to right, aligned at the top: solution, prediction, error.
    pub fn row(figures: &[Figure]) -> Figure {
        let width = figures.iter().map(|figure| figure.image.width()).sum::<u32>().max(1);
        let height = figures.iter().map(|figure| figure.image.height()).max().unwrap_or(1);
        let mut image = RgbImage::from_pixel(width, height, image::Rgb([255; 3]));
        let mut left = 0;
        for figure in figures {
            imageops::replace(&mut image, &figure.image, left, 0);
            left += i64::from(figure.image.width());
        }
        Figure { image }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_as_wide_as_its_figures_and_has_a_png_signature() {
        let figure = |width, height| Figure { image: RgbImage::new(width, height) };
        let row = Figure::row(&[figure(3, 5), figure(4, 2)]);
        assert_eq!((row.image().width(), row.image().height()), (7, 5));
        assert_eq!(row.image().get_pixel(6, 4).0, [255; 3]);
        let bytes = row.png().unwrap();
        assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(bytes, row.png().unwrap());
        assert!(Figure::row(&[]).png().is_ok());
    }
}
