//! What becomes of a layer's gates before they are used: a network is evaluated with other gates than its own to see what
//! they do for it.

use crate::math::Real;

/// The weights of the first branch that a layer uses; the second has the rest.
#[derive(Clone, Copy, Debug)]
pub enum Gates<'a> {
    /// Its own.
    Native,
    /// Its own with the branches exchanged.
    Swapped,
    /// These, one per neuron, whatever the point.
    Given(&'a [f64]),
}

impl Gates<'_> {
    pub(super) fn apply<T: Real>(&self, w: &mut [T]) {
        match self {
            Gates::Native => {}
            Gates::Swapped => w.iter_mut().for_each(|w| *w = T::constant(1.0) - *w),
            Gates::Given(given) => w.iter_mut().zip(*given).for_each(|(w, &given)| *w = T::constant(given)),
        }
    }
}
