//! The typeface of all pictures, embedded: Inter (SIL Open Font License 1.1, see assets/fonts), cut down to the
//! characters that appear in them. Widths and outlines come from it, so that pictures need no font of the system.

use std::sync::LazyLock;

use ttf_parser::{Face, OutlineBuilder};

static FACES: LazyLock<[Face<'static>; 2]> = LazyLock::new(|| {
    let parse = |bytes| Face::parse(bytes, 0).expect("an embedded font; a test reads it");
    [
        parse(include_bytes!("../../assets/fonts/Inter-Regular.otf").as_slice()),
        parse(include_bytes!("../../assets/fonts/Inter-SemiBold.otf").as_slice()),
    ]
});

/// The same faces for a page: weight and bytes of a WOFF2 file.
pub const WEB: [(u16, &[u8]); 2] = [
    (400, include_bytes!("../../assets/fonts/Inter-Regular.woff2")),
    (600, include_bytes!("../../assets/fonts/Inter-SemiBold.woff2")),
];

fn face(bold: bool) -> &'static Face<'static> {
    &FACES[usize::from(bold)]
}

/// Units of the face, and what one is in pixels at `size` pixels per em.
fn unit(face: &Face, size: f64) -> f64 {
    size / f64::from(face.units_per_em())
}

/// Width of a line of text in pixels at `size` pixels per em, as the sum of its characters' widths.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    let face = face(bold);
    let advance = |c: char| face.glyph_index(c).and_then(|glyph| face.glyph_hor_advance(glyph)).unwrap_or(0);
    text.chars().map(|c| f64::from(advance(c))).sum::<f64>() * unit(face, size)
}

/// Gives `outline` the shape of every character with its position: pixels to the right of the line's beginning, and the
/// pixels that a unit of the shape measures. Shapes have y upward. Characters that the face lacks are left out.
pub fn outlines<B: OutlineBuilder>(
    text: &str,
    size: f64,
    bold: bool,
    mut builder: impl FnMut(f64, f64) -> B,
) -> Vec<B> {
    let face = face(bold);
    let unit = unit(face, size);
    let (mut x, mut shapes) = (0.0, Vec::new());
    for glyph in text.chars().filter_map(|c| face.glyph_index(c)) {
        let mut shape = builder(x, unit);
        face.outline_glyph(glyph, &mut shape);
        shapes.push(shape);
        x += f64::from(face.glyph_hor_advance(glyph).unwrap_or(0)) * unit;
    }
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_faces_know_what_pictures_say() {
        for bold in [false, true] {
            for c in "AZaz09 .,:;()[]|/·×±−–…⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂∂Δ∞√≈≤≥→÷ψφθρσ".chars()
            {
                assert!(face(bold).glyph_index(c).is_some(), "`{c}` is missing");
            }
        }
    }

    #[test]
    fn widths_grow_with_text_and_size() {
        assert_eq!(width("", 12.0, false), 0.0);
        assert!((width("loss", 24.0, false) - 2.0 * width("loss", 12.0, false)).abs() < 1e-9);
        assert!(width("losses", 12.0, true) > width("loss", 12.0, true));
        // a character of another script is no reason to fail
        assert!(width("損", 12.0, false) >= 0.0);
    }
}
