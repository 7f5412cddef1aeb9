//! lda, in its revised form, whose first encoder sees the first coordinate alone and whose second sees the second: space
//! and time, between which its gates then choose.

use super::lda::adaptive;
use super::program::{Program, Source};
use super::{Architecture, Lda, Shape, Slot, init};
use crate::math::Variant;

/// The adaptive network with an encoder for each of two coordinates.
#[derive(Clone, Copy, Debug)]
pub struct SeparateLda;

impl Architecture for SeparateLda {
    const NAME: &'static str = "separate-lda";
    const TITLE: &'static str = "lda with one encoder for space and one for time";
    const GATE: Option<usize> = Lda::GATE;

    fn fit(shape: Shape) -> Result<Shape, String> {
        match shape.inputs {
            2 => Ok(shape),
            inputs => {
                Err(format!("separate-lda has an encoder for each of two coordinates, not for {inputs}: take lda"))
            }
        }
    }

    fn program(shape: &Shape) -> Program {
        adaptive(&revised(shape), [Source::Coordinate(0), Source::Coordinate(1)])
    }

    fn start(shape: &Shape, slot: &Slot) -> init::Start {
        Lda::start(&revised(shape), slot)
    }
}

fn revised(shape: &Shape) -> Shape {
    Shape { variant: Variant::V2, ..*shape }
}
