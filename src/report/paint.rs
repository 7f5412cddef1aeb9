//! The colours of pictures by their part in them. A page gives each part one colour on light and one on dark ground;
//! a PNG has the light ones.

use std::fmt::Write as _;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// What a line or an area is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Titles and tick labels.
    Text,
    /// Labels that should not call for attention.
    Soft,
    /// Frames and ticks.
    Frame,
    /// Lines behind the data.
    Grid,
    /// The ground the picture lies on.
    Ground,
    /// The data of series number n; after the last colour they begin again.
    Series(usize),
    /// The same colour everywhere: on top of a heat map, whose colours are the same everywhere too.
    Fixed(Rgb),
}

/// Name, light and dark colour of every part but series.
const PARTS: [(&str, Rgb, Rgb); 5] = [
    ("text", [0x1f, 0x23, 0x28], [0xe6, 0xed, 0xf3]),
    ("soft", [0x57, 0x60, 0x6a], [0x9a, 0xa4, 0xaf]),
    ("frame", [0x8c, 0x95, 0x9f], [0x6e, 0x78, 0x83]),
    ("grid", [0xe4, 0xe7, 0xeb], [0x2b, 0x32, 0x3b]),
    ("ground", [0xff, 0xff, 0xff], [0x15, 0x1a, 0x21]),
];

/// Distinguishable also with the common colour-vision deficiencies (after Okabe and Ito), brighter on dark ground.
const SERIES: [(Rgb, Rgb); 7] = [
    ([0x00, 0x72, 0xb2], [0x4f, 0xb0, 0xee]),
    ([0xd5, 0x5e, 0x00], [0xff, 0x8f, 0x45]),
    ([0x00, 0x8f, 0x68], [0x2f, 0xc7, 0x9c]),
    ([0xb4, 0x5a, 0x9b], [0xe0, 0x8f, 0xcb]),
    ([0xc9, 0x8a, 0x00], [0xf2, 0xc0, 0x4a]),
    ([0x2b, 0x9f, 0xd0], [0x86, 0xd4, 0xf7]),
    ([0x55, 0x55, 0x55], [0xb4, 0xba, 0xc1]),
];

impl Paint {
    /// Lengths of dash and gap of a line: when the colours begin again, lines are dashed, then dotted.
    pub fn dash(self) -> Option<[f64; 2]> {
        match self {
            Paint::Series(n) => [None, Some([6.0, 4.0]), Some([1.5, 3.0])][n / SERIES.len() % 3],
            _ => None,
        }
    }

    /// The colour on light ground.
    pub fn light(self) -> Rgb {
        match self {
            Paint::Series(n) => SERIES[n % SERIES.len()].0,
            Paint::Fixed(rgb) => rgb,
            part => PARTS[part.number()].1,
        }
    }

    /// As a value of CSS.
    pub fn css(self) -> String {
        match self {
            Paint::Series(n) => format!("var(--series{})", n % SERIES.len()),
            Paint::Fixed(rgb) => hex(rgb),
            part => format!("var(--{})", PARTS[part.number()].0),
        }
    }

    fn number(self) -> usize {
        match self {
            Paint::Soft => 1,
            Paint::Frame => 2,
            Paint::Grid => 3,
            Paint::Ground => 4,
            Paint::Text | Paint::Series(_) | Paint::Fixed(_) => 0,
        }
    }
}

/// The variables that [`Paint::css`] names, for light and dark ground.
pub fn variables() -> String {
    let list = |dark: bool| {
        let mut text = String::new();
        for (name, light, night) in PARTS {
            _ = write!(text, "--{name}: {}; ", hex(if dark { night } else { light }));
        }
        for (k, (light, night)) in SERIES.into_iter().enumerate() {
            _ = write!(text, "--series{k}: {}; ", hex(if dark { night } else { light }));
        }
        text
    };
    format!(
        ":root {{ {}}}\n.dark-only {{ display: none; }}\n@media (prefers-color-scheme: dark) {{\n  :root {{ {}}}\n  \
         .light-only {{ display: none; }}\n  .dark-only {{ display: inline; }}\n}}\n",
        list(false),
        list(true)
    )
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG's contrast of two colours.
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |[r, g, b]: Rgb| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let [a, b] = [luminance(a), luminance(b)];
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn everything_can_be_read_on_its_ground() {
        let [light, dark] = [PARTS[4].1, PARTS[4].2];
        for (name, a, b) in &PARTS[..2] {
            assert!(contrast(*a, light) > 4.5 && contrast(*b, dark) > 4.5, "{name}");
        }
        for (a, b) in SERIES {
            assert!(contrast(a, light) > 2.7 && contrast(b, dark) > 4.5, "{a:?} {b:?}");
        }
    }

    #[test]
    fn every_variable_that_is_named_is_defined() {
        let defined = variables();
        for paint in [Paint::Text, Paint::Soft, Paint::Frame, Paint::Grid, Paint::Ground, Paint::Series(9)] {
            let name = paint.css().replace("var(", "").replace(')', "");
            assert_eq!(defined.matches(&format!("{name}:")).count(), 2, "{name}");
        }
    }
}
