//! Colour maps as short tables of anchor colours, interpolated linearly in sRGB.

use super::paint::Rgb as Color;

/// The colour of a missing value (NaN).
const MISSING: Color = [176, 176, 176];

/// Which colours stand for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// Dark violet over green to yellow (after matplotlib's viridis, CC0): a value without a distinguished zero.
    Sequential,
    /// Blue over near-white to red: a signed value; use it with a range symmetric about zero.
    Diverging,
    /// The same on dark ground: light blue over near-black to light red.
    DivergingDark,
    /// Near-white over orange to dark brown: a magnitude that should be small, such as |error|.
    Magnitude,
}

const SEQUENTIAL: [Color; 11] = [
    [0x44, 0x01, 0x54],
    [0x48, 0x25, 0x76],
    [0x41, 0x44, 0x87],
    [0x35, 0x5f, 0x8d],
    [0x2a, 0x78, 0x8e],
    [0x21, 0x91, 0x8c],
    [0x22, 0xa8, 0x84],
    [0x44, 0xbf, 0x70],
    [0x7a, 0xd1, 0x51],
    [0xbd, 0xdf, 0x26],
    [0xfd, 0xe7, 0x25],
];

const DIVERGING: [Color; 9] = [
    [0x14, 0x3d, 0x78],
    [0x34, 0x6f, 0xb1],
    [0x77, 0xaa, 0xd4],
    [0xc3, 0xdb, 0xeb],
    [0xf6, 0xf6, 0xf4],
    [0xf8, 0xd3, 0xc3],
    [0xe6, 0x94, 0x79],
    [0xc6, 0x4a, 0x43],
    [0x86, 0x16, 0x2c],
];

const DIVERGING_DARK: [Color; 9] = [
    [0xa8, 0xd6, 0xff],
    [0x5c, 0xa6, 0xe8],
    [0x2f, 0x73, 0xb4],
    [0x1e, 0x43, 0x69],
    [0x16, 0x1b, 0x22],
    [0x5c, 0x25, 0x2a],
    [0xa8, 0x3f, 0x3e],
    [0xe6, 0x78, 0x68],
    [0xff, 0xc2, 0xb0],
];

const MAGNITUDE: [Color; 7] = [
    [0xff, 0xfb, 0xf0],
    [0xfd, 0xe3, 0xb4],
    [0xfb, 0xbd, 0x78],
    [0xf0, 0x8a, 0x4b],
    [0xd0, 0x53, 0x33],
    [0x93, 0x2a, 0x2b],
    [0x4a, 0x10, 0x22],
];

impl Palette {
    fn anchors(self) -> &'static [Color] {
        match self {
            Palette::Sequential => &SEQUENTIAL,
            Palette::Diverging => &DIVERGING,
            Palette::DivergingDark => &DIVERGING_DARK,
            Palette::Magnitude => &MAGNITUDE,
        }
    }

    /// What stands in its place on dark ground, where its middle would glare.
    pub fn on_dark(self) -> Palette {
        if self == Palette::Diverging { Palette::DivergingDark } else { self }
    }

    /// The colour at `t` in [0, 1]; values outside are clamped, NaN is grey.
    pub fn color(self, t: f64) -> Color {
        if t.is_nan() {
            return MISSING;
        }
        let anchors = self.anchors();
        let position = t.clamp(0.0, 1.0) * (anchors.len() - 1) as f64;
        let first = (position as usize).min(anchors.len() - 2);
        let weight = position - first as f64;
        let channel = |c: usize| {
            let [a, b] = [anchors[first][c], anchors[first + 1][c]].map(f64::from);
            (a + weight * (b - a)).round() as u8
        };
        [channel(0), channel(1), channel(2)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_the_anchors_and_outside_is_clamped() {
        for palette in [Palette::Sequential, Palette::Diverging, Palette::DivergingDark, Palette::Magnitude] {
            let anchors = palette.anchors();
            assert_eq!(palette.color(0.0), anchors[0]);
            assert_eq!(palette.color(1.0), anchors[anchors.len() - 1]);
            assert_eq!(palette.color(f64::NEG_INFINITY), anchors[0]);
            assert_eq!(palette.color(7.0), anchors[anchors.len() - 1]);
            assert_eq!(palette.color(f64::NAN), MISSING);
        }
        assert_eq!(Palette::Diverging.color(0.5), DIVERGING[4]);
    }

    #[test]
    fn ordered_maps_have_monotone_luminance() {
        let luminance = |[r, g, b]: Color| 0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b);
        for k in 0..100 {
            let [a, b] = [f64::from(k) / 100.0, f64::from(k + 1) / 100.0];
            assert!(luminance(Palette::Sequential.color(a)) <= luminance(Palette::Sequential.color(b)) + 0.5);
            assert!(luminance(Palette::Magnitude.color(a)) >= luminance(Palette::Magnitude.color(b)) - 0.5);
        }
    }
}
