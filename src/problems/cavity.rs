//! The lid-driven cavity in stream function and pressure (paper §4): u = ψ_y, v = −ψ_x, so that
//! u_x + v_y = 0 exactly and the momentum equations hold third derivatives of ψ.

use super::{
    Axis, Grid, GridAxis, Observable, Parameter, PointSet, Preset, Problem, Quantity, Region, Solution, Term,
    reference, texts,
};

/// Number of the stream function ψ among the fields.
const STREAM: usize = 0;
/// Number of the pressure p among the fields.
const PRESSURE: usize = 1;
/// The Reynolds number of the reference solution.
pub(super) const REFERENCE_REYNOLDS: f64 = 100.0;

/// The steady flow at one Reynolds number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cavity {
    /// Lid speed × side / viscosity.
    pub reynolds: f64,
}

impl Cavity {
    /// Re = 100.
    pub const DEFAULT: Self = Self { reynolds: REFERENCE_REYNOLDS };
}

impl Problem for Cavity {
    fn name(&self) -> &'static str {
        "cavity"
    }
    fn title(&self) -> &'static str {
        "Lid-driven cavity, stream function and pressure"
    }
    fn equation(&self) -> &'static str {
        "(u·∇)u + ∇p = Δu/Re with u = (ψ_y, −ψ_x)"
    }
    fn axes(&self) -> Vec<Axis> {
        axes()
    }
    fn fields(&self) -> &'static [&'static str] {
        &["psi", "p"]
    }
    fn terms(&self) -> Vec<Term> {
        vec![Term::new("pde", &[0]), Term::new("lid", &[1]), Term::new("wall", &[2])]
    }
    fn constants(&self) -> Vec<(&'static str, f64)> {
        vec![("reynolds", self.reynolds)]
    }
    fn residuals(&self) -> Vec<Vec<String>> {
        texts(&[
            &[
                "psi_y*psi_xy - psi_x*psi_yy + p_x - d(laplacian(psi), y)/reynolds",
                "psi_x*psi_xy - psi_y*psi_xx + p_y + d(laplacian(psi), x)/reynolds",
            ],
            &["psi_y - 1", "-psi_x"],
            &["psi_y", "-psi_x"],
        ])
    }
    fn sets(&self) -> Vec<PointSet> {
        sets()
    }
    fn presets(&self) -> Vec<Preset> {
        vec![
            Preset::paper(20_000, &[1000, 300, 300], 3),
            Preset::revised(100_000, &[1000, 300, 300], 1000),
            Preset::quick(5_000, &[128, 38, 38], 5e-3),
        ]
    }
    fn grid(&self) -> Grid {
        grid()
    }
    fn observables(&self) -> Vec<Observable> {
        vec![
            Observable { name: "speed", quantity: Quantity::Speed { field: STREAM } },
            Observable { name: "u", quantity: Quantity::VelocityX { field: STREAM } },
            Observable { name: "v", quantity: Quantity::VelocityY { field: STREAM } },
            Observable { name: "psi", quantity: Quantity::Value { field: STREAM } },
            Observable { name: "p", quantity: Quantity::Value { field: PRESSURE } },
        ]
    }
    fn solution(&self) -> Option<Solution> {
        solution(self.reynolds)
    }
    fn parameters(&self) -> Vec<Parameter> {
        parameters(self.reynolds)
    }
    fn with(&self, parameter: &str, value: f64) -> Result<Box<dyn Problem>, String> {
        Ok(Box::new(Self { reynolds: reynolds_of(self.name(), parameter, value)? }))
    }
}

// What both forms of the cavity share.

pub(super) fn axes() -> Vec<Axis> {
    vec![Axis::symmetric("x", 0.0, 1.0), Axis::symmetric("y", 0.0, 1.0)]
}

pub(super) fn sets() -> Vec<PointSet> {
    let left = Region::new(&[0.0, 0.0], &[0.0, 1.0]);
    let right = Region::new(&[1.0, 0.0], &[1.0, 1.0]);
    let bottom = Region::new(&[0.0, 0.0], &[1.0, 0.0]);
    vec![
        PointSet { name: "pde", regions: vec![Region::new(&[0.0, 0.0], &[1.0, 1.0])] },
        PointSet { name: "lid", regions: vec![Region::new(&[0.0, 1.0], &[1.0, 1.0])] },
        PointSet { name: "wall", regions: vec![left, right, bottom] },
    ]
}

pub(super) fn grid() -> Grid {
    let axis = |name| GridAxis { name, lower: 0.0, upper: 1.0, count: reference::cavity::NODES };
    Grid { axes: [axis("x"), axis("y")] }
}

pub(super) fn solution(reynolds: f64) -> Option<Solution> {
    (reynolds == REFERENCE_REYNOLDS).then(reference::cavity::converged)
}

pub(super) fn parameters(reynolds: f64) -> Vec<Parameter> {
    vec![Parameter { name: "reynolds", value: reynolds, meaning: "lid speed × side / viscosity" }]
}

/// The new Reynolds number, if that is what `parameter` names and `value` makes sense.
pub(super) fn reynolds_of(problem: &str, parameter: &str, value: f64) -> Result<f64, String> {
    match parameter {
        // far beyond any steady flow on either side, and well inside the numbers of 32 bits
        "reynolds" if (1e-6..=1e9).contains(&value) => Ok(value),
        "reynolds" => Err(format!("reynolds must lie in 1e-6 to 1e9, not {value:e}")),
        _ => Err(format!("{problem} has no parameter `{parameter}`: it has `reynolds`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Real, Var};
    use crate::problems::FieldDerivatives;

    /// Couette flow u = y over p = 0: ψ = y²/2 solves the momentum equations at every Reynolds number.
    struct Couette(f64);

    impl FieldDerivatives for Couette {
        fn d(&mut self, field: usize, axes: &[usize]) -> Var {
            Var::constant(match (field, axes) {
                (STREAM, [1]) => self.0,
                (STREAM, [1, 1]) => 1.0,
                _ => 0.0,
            })
        }
    }

    #[test]
    fn couette_flow_satisfies_the_equations_and_the_lid() {
        let problem = Cavity::DEFAULT;
        let interior = problem.residual_of(0, &mut Couette(0.3), &problem.data(0, &[0.5, 0.3]));
        let lid = problem.residual_of(1, &mut Couette(1.0), &problem.data(1, &[0.5, 1.0]));
        assert!(interior.iter().chain(&lid).all(|r| r.value == 0.0));
    }

    #[test]
    fn other_reynolds_numbers_have_no_reference() {
        assert!(Cavity::DEFAULT.with("reynolds", 400.0).unwrap().solution().is_none());
        assert!(Cavity::DEFAULT.with("reynolds", -1.0).is_err());
        assert!(Cavity::DEFAULT.with("horizon", 1.0).is_err());
    }
}
