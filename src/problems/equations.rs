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
    /// (u_f − data₀, u_{f+1} − data₁, …) / √count: the mean over the fields instead of their sum.
    MeanValues {
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
    /// (⟦u₀⟧ / √count, …, ⟦∂u₀⟧, …): values and slopes of the first fields are the same at both ends of an axis. ⟦u⟧ is
    /// what a point at the lower end has more than its partner at the upper one. Of the values the mean over the
    /// fields counts, of the slopes the sum.
    Periodic {
        /// How many fields, at most two.
        count: usize,
        /// The axis, along which the slopes are taken too.
        axis: usize,
    },
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
            Self::Values { count, .. } | Self::MeanValues { count, .. } => count,
            Self::Slope { .. } => 1,
            Self::Velocity => 2,
            Self::Periodic { count, .. } => 2 * count,
        }
    }

    /// What differences of values are multiplied with, so that their squares add up to a sum or to a mean.
    pub fn value_scale(self) -> f64 {
        match self {
            Self::MeanValues { count, .. } | Self::Periodic { count, .. } => 1.0 / (count as f64).sqrt(),
            _ => 1.0,
        }
    }

    /// The axis along which a point has a partner at the upper end of the domain.
    pub const fn partner_axis(self) -> Option<usize> {
        match self {
            Self::Periodic { axis, .. } => Some(axis),
            _ => None,
        }
    }

    /// The residual of a condition. Where points have partners, `u` is the jump of the fields between the two.
    ///
    /// # Panics
    /// On [`Equation::Pde`], which only its problem knows.
    pub fn residual(self, u: &mut dyn FieldDerivatives, data: &[f64]) -> Vec<Var> {
        let scale = Var::constant(self.value_scale());
        match self {
            Self::Pde => unreachable!("the differential equation belongs to its problem"),
            Self::Values { first, count } | Self::MeanValues { first, count } => {
                (0..count).map(|i| scale * (u.d(first + i, &[]) - Var::constant(data[i]))).collect()
            }
            Self::Slope { field, axis } => vec![u.d(field, &[axis]) - Var::constant(data[0])],
            Self::Velocity => {
                vec![u.d(0, &[1]) - Var::constant(data[0]), -u.d(0, &[0]) - Var::constant(data[1])]
            }
            Self::Periodic { count, axis } => {
                let values: Vec<Var> = (0..count).map(|field| scale * u.d(field, &[])).collect();
                values.into_iter().chain((0..count).map(|field| u.d(field, &[axis]))).collect()
            }
        }
    }
}
