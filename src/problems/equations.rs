//! What a residual is made of, for the oracle.

use crate::math::Var;

/// The fields at one point with their derivatives in physical coordinates; where points have partners, what they have more
/// than there.
pub trait FieldDerivatives {
    /// ∂ᵃ…ᵇ of field number `field`; `axes` lists the axes differentiated along, empty for the value.
    fn d(&mut self, field: usize, axes: &[usize]) -> Var;

    /// A number that is trained with the network.
    fn unknown(&mut self, _number: usize) -> Var {
        unreachable!("this problem has no unknowns")
    }
}
