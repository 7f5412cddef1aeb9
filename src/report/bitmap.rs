//! Pixels by number, with a palette of colours: a heat map is small that way, and changes colours with the page.

use super::Palette;
use super::paint::Rgb;

/// Colours of a palette; the one after them is that of missing values.
const LEVELS: u8 = 255;

/// Numbers of colours, row by row from the top.
#[derive(Clone, Debug, PartialEq)]
pub struct Bitmap {
    pub width: u32,
    pub height: u32,
    pub numbers: Vec<u8>,
    pub palette: Palette,
}

impl Bitmap {
    /// `width` × `height` pixels; `value` of a pixel's middle, as fractions of width and height from the top left corner,
    /// is from 0 (first colour) to 1 (last), and NaN where there is none.
    pub fn new(width: u32, height: u32, palette: Palette, value: impl Fn(f64, f64) -> f64) -> Bitmap {
        let fraction = |k: u32, n: u32| (f64::from(k) + 0.5) / f64::from(n);
        let number = |unit: f64| match unit.is_nan() {
            true => LEVELS,
            false => (unit.clamp(0.0, 1.0) * f64::from(LEVELS - 1)).round() as u8,
        };
        let rows = (0..height).flat_map(|j| (0..width).map(move |i| (fraction(i, width), fraction(j, height))));
        Bitmap { width, height, numbers: rows.map(|(x, y)| number(value(x, y))).collect(), palette }
    }

    /// The colours by number, of its palette or of the one that replaces it on dark ground.
    pub fn colors(palette: Palette) -> Vec<Rgb> {
        let color = |k: u8| palette.color(f64::from(k) / f64::from(LEVELS - 1));
        (0..LEVELS).map(color).chain([palette.color(f64::NAN)]).collect()
    }

    /// As the bytes of a PNG file in the colours of `palette`.
    pub fn png(&self, palette: Palette) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(Bitmap::colors(palette).into_flattened());
        encoder.set_compression(png::Compression::Balanced);
        // neighbours differ little in value and so in number
        encoder.set_filter(png::Filter::Paeth);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&self.numbers));
        written.expect("as many pixels as it says, into memory");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_come_back_from_the_file() {
        let ramp = Bitmap::new(3, 2, Palette::Sequential, |x, y| if y > 0.5 { f64::NAN } else { x });
        let bytes = ramp.png(ramp.palette);
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let color = |t: f64| Palette::Sequential.color(t);
        let near = |at: usize, wanted: Rgb| {
            assert!(pixels[3 * at..3 * at + 3].iter().zip(wanted).all(|(a, b)| a.abs_diff(b) < 2), "pixel {at}");
        };
        near(0, color(1.0 / 6.0));
        near(2, color(5.0 / 6.0));
        near(3, color(f64::NAN));
        assert_eq!(bytes, ramp.png(ramp.palette));
    }
}
