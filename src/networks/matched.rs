//! The plain multilayer perceptron with as many parameters as lda has at the width that is asked for: what lda's gates
//! bring must be more than what so many parameters bring.

use super::program::Program;
use super::{Architecture, Lda, Mlp, Shape, Slot, init};
use crate::math::Variant;

/// The plain network, as large as lda.
#[derive(Clone, Copy, Debug)]
pub struct Matched;

impl Architecture for Matched {
    const NAME: &'static str = "matched";
    const TITLE: &'static str = "MLP with as many parameters as lda of the given width";

    fn fit(shape: Shape) -> Result<Shape, String> {
        match width(&shape) {
            width if Shape::WIDTHS.contains(&width) => Ok(Shape { width, ..shape }),
            width => Err(format!(
                "matched would be {width} wide to have the parameters of lda of width {}, at most {} are possible: \
                 choose a smaller --width",
                shape.width,
                Shape::WIDTHS.end()
            )),
        }
    }

    fn program(shape: &Shape) -> Program {
        Mlp::program(shape)
    }

    fn start(shape: &Shape, slot: &Slot) -> init::Start {
        Mlp::start(shape, slot)
    }
}

/// The width whose number of parameters is nearest to that of lda (the revised form) with `shape`, the first of equals
/// among 1..10·width.
pub fn width(shape: &Shape) -> usize {
    let count = |program: Program, shape: &Shape| program.layout(shape).trained();
    let lda = Shape { variant: Variant::V2, ..*shape };
    let wanted = count(Lda::program(&lda), &lda);
    let distance = |width: &usize| {
        let plain = Shape { width: *width, ..*shape };
        count(Mlp::program(&plain), &plain).abs_diff(wanted)
    };
    (1..=10 * shape.width).min_by_key(distance).unwrap_or(shape.width)
}
