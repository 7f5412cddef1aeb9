//! Conditions that problems share: what a field is on a boundary or at the start.

use crate::math::{Real, Var};

/// The fields at one point with their derivatives in physical coordinates.
pub trait FieldDerivatives {
    /// ∂ᵃ…ᵇ of field number `field`; `axes` lists the axes differentiated along, empty for the value.
    fn d(&mut self, field: usize, axes: &[usize]) -> Var;
}

/// What holds on the points of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Equation {
    /// The problem's own differential equation.
    Pde,
    /// (u_f − data₀, u_{f+1} − data₁, …): the values of one or more fields.
    Values {
        /// Number of the first field.
        first: usize,
        /// How many fields.
        count: usize,
    },
    /// ∂u − data.
    Slope {
        /// Number of the field.
        field: usize,
        /// Axis of the derivative.
        axis: usize,
    },
    /// (ψ_y − data₀, −ψ_x − data₁): the velocity of a stream function in field 0.
    Velocity,
}

impl Equation {
    /// The value of one field.
    pub const fn value(field: usize) -> Self {
        Self::Values { first: field, count: 1 }
    }

    /// How many components the residual of a condition has.
    ///
    /// # Panics
    /// As [`Equation::residual`].
    pub fn components(self) -> usize {
        match self {
            Self::Pde => unreachable!("the differential equation belongs to its problem"),
            Self::Values { count, .. } => count,
            Self::Slope { .. } => 1,
            Self::Velocity => 2,
        }
    }

    /// The residual of a condition.
    ///
    /// # Panics
    /// On [`Equation::Pde`], which only its problem knows.
    pub fn residual(self, u: &mut dyn FieldDerivatives, data: &[f64]) -> Vec<Var> {
        match self {
            Self::Pde => unreachable!("the differential equation belongs to its problem"),
            Self::Values { first, count } => (0..count).map(|i| u.d(first + i, &[]) - Var::constant(data[i])).collect(),
            Self::Slope { field, axis } => vec![u.d(field, &[axis]) - Var::constant(data[0])],
            Self::Velocity => {
                vec![u.d(0, &[1]) - Var::constant(data[0]), -u.d(0, &[0]) - Var::constant(data[1])]
            }
        }
    }
}
