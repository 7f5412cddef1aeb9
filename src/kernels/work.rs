//! How much arithmetic a step must do, counted from its sizes: the same number for every plan, so that a plan that
//! computes something twice is not credited with it.
//!
//! Only linear maps count (they are nearly everything), a multiply–add as two operations. Per point, with s streams:
//!
//! * a map of r rows that reads c features: 2·r·c·s forward, the same for its weights' gradient, the same for the
//!   cotangent of what it reads;
//! * a map that reads the d coordinates: their slopes are constants, so 2·r·d forward and 2·r·d for the gradient;
//! * of two branches (a softmax) only the difference: r rows, not 2·r;
//! * a map that all layers share counts in the first; fixed tensors have no gradient, and nothing goes back through them.

use crate::math::Jet;
use crate::networks::Program;

use super::step::{Setup, Share};

/// What is done with a linear map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is multiplied.
    Forward,
    /// Its transpose is.
    Backward,
    /// The gradient of its weight is summed up.
    Gradient,
}

impl Way {
    /// All of them.
    pub const ALL: [Way; 3] = [Way::Forward, Way::Backward, Way::Gradient];
}

/// Points whose jets a share needs: a partner takes a place of its own, beside its point.
pub fn points_of(setup: &Setup, share: &Share) -> usize {
    let each = if setup.problem.partner(share.term).is_some() { 2 } else { 1 };
    each * setup.counts[share.set]
}

/// Floating-point operations that terms need in one step.
pub fn flop(setup: &Setup, wanted: impl Fn(usize) -> bool) -> f64 {
    let program = setup.network.program(&setup.shape);
    let served = setup.shares().0.into_iter().filter(|share| wanted(share.term));
    served
        .map(|share| {
            let jet = setup.problem.jet_of(share.term);
            let layers: f64 = (0..setup.shape.depth).map(|l| layer(setup, &program, l, jet)).sum();
            points_of(setup, &share) as f64 * (layers + outputs(setup, jet))
        })
        .sum()
}

/// Of one point in all maps of a layer that carries `jet`.
fn layer(setup: &Setup, program: &Program, layer: usize, jet: Jet) -> f64 {
    let here = |m: &usize| layer == 0 || !program.maps[*m].shared;
    let maps = (0..program.maps.len()).filter(here);
    maps.flat_map(|m| Way::ALL.map(|way| map(setup, program, (m, layer), way, jet))).sum()
}

/// Of one point in one of them.
pub fn map(setup: &Setup, program: &Program, (m, layer): (usize, usize), way: Way, jet: Jet) -> f64 {
    let shape = &setup.shape;
    let parts = match way {
        Way::Backward => program.pulls(m, layer).len(),
        Way::Forward | Way::Gradient => program.features(m, layer).len(),
    };
    match (parts, way) {
        (0, Way::Backward) => 0.0,
        (_, Way::Gradient) if !program.maps[m].trained() => 0.0,
        (0, _) => 2.0 * (shape.width * program.columns(m, layer, shape)) as f64,
        (parts, _) => 2.0 * (shape.width * parts * shape.width * jet.streams()) as f64,
    }
}

/// Of one point in the output layer, all three ways.
pub fn outputs(setup: &Setup, jet: Jet) -> f64 {
    6.0 * (setup.shape.outputs * setup.shape.width * jet.streams()) as f64
}
