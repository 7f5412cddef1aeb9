//! The lid-driven cavity in velocity and pressure: the same flow as [`super::cavity`], with u_x + v_y = 0 as a third
//! equation instead of a stream function, so that second derivatives are enough.

use super::{Axis, Grid, Observable, Parameter, PointSet, Preset, Problem, Quantity, Solution, Term, cavity, texts};

/// Numbers of the fields.
const U: usize = 0;
const V: usize = 1;
const P: usize = 2;

/// The steady flow at one Reynolds number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CavityUvp {
    /// Lid speed × side / viscosity.
    pub reynolds: f64,
}

impl CavityUvp {
    /// Re = 100.
    pub const DEFAULT: Self = Self { reynolds: cavity::REFERENCE_REYNOLDS };
}

impl Problem for CavityUvp {
    fn name(&self) -> &'static str {
        "cavity-uvp"
    }
    fn title(&self) -> &'static str {
        "Lid-driven cavity, velocity and pressure"
    }
    fn equation(&self) -> &'static str {
        "(u·∇)u + ∇p = Δu/Re and ∇·u = 0"
    }
    fn axes(&self) -> Vec<Axis> {
        cavity::axes()
    }
    fn fields(&self) -> &'static [&'static str] {
        &["u", "v", "p"]
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
                "u*u_x + v*u_y + p_x - laplacian(u)/reynolds",
                "u*v_x + v*v_y + p_y - laplacian(v)/reynolds",
                "u_x + v_y",
            ],
            &["u - 1", "v"],
            &["u", "v"],
        ])
    }
    fn sets(&self) -> Vec<PointSet> {
        cavity::sets()
    }
    fn presets(&self) -> Vec<Preset> {
        vec![
            Preset::paper(20_000, &[1000, 300, 300], 3),
            Preset::revised(100_000, &[1000, 300, 300], 1000),
            Preset { width: 20, ..Preset::quick(6_000, &[128, 32, 32], 5e-3) },
        ]
    }
    fn grid(&self) -> Grid {
        cavity::grid()
    }
    fn observables(&self) -> Vec<Observable> {
        vec![
            Observable { name: "speed", quantity: Quantity::Modulus { parts: [U, V] } },
            Observable { name: "u", quantity: Quantity::Value { field: U } },
            Observable { name: "v", quantity: Quantity::Value { field: V } },
            Observable { name: "p", quantity: Quantity::Value { field: P } },
        ]
    }
    fn solution(&self) -> Option<Solution> {
        cavity::solution(self.reynolds)
    }
    fn parameters(&self) -> Vec<Parameter> {
        cavity::parameters(self.reynolds)
    }
    fn with(&self, parameter: &str, value: f64) -> Result<Box<dyn Problem>, String> {
        Ok(Box::new(Self { reynolds: cavity::reynolds_of(self.name(), parameter, value)? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Real, Var};
    use crate::problems::FieldDerivatives;

    /// Derivatives of (u, v, p) as (value, ∂x, ∂y, ∂xx, ∂yy) each.
    struct Flow([[f64; 5]; 3]);

    impl FieldDerivatives for Flow {
        fn d(&mut self, field: usize, axes: &[usize]) -> Var {
            let place = match axes {
                [] => 0,
                [axis] => 1 + axis,
                [a, b] if a == b => 3 + a,
                other => unreachable!("{other:?}"),
            };
            Var::constant(self.0[field][place])
        }
    }

    /// Rigid rotation, Poiseuille flow and a stagnation point solve the equations exactly.
    #[test]
    fn known_flows_satisfy_the_equations() {
        let problem = CavityUvp { reynolds: 37.0 };
        let (x, y) = (0.3, 0.8);
        let rotation = [[-y, 0.0, -1.0, 0.0, 0.0], [x, 1.0, 0.0, 0.0, 0.0], [0.0, x, y, 1.0, 1.0]];
        let slope = 2.0 / problem.reynolds;
        let channel = [[y * y, 0.0, 2.0 * y, 0.0, 2.0], [0.0; 5], [slope * x, slope, 0.0, 0.0, 0.0]];
        let stagnation = [[x, 1.0, 0.0, 0.0, 0.0], [-y, 0.0, -1.0, 0.0, 0.0], [0.0, -x, -y, -1.0, -1.0]];
        for flow in [rotation, channel, stagnation] {
            let residual = problem.residual_of(0, &mut Flow(flow), &problem.data(0, &[x, y]));
            assert!(residual.iter().all(|r| r.value.abs() < 1e-15), "{flow:?}");
        }
        let compressed = [[x, 1.0, 0.0, 0.0, 0.0], [0.0; 5], [0.0; 5]];
        assert_eq!(problem.residual_of(0, &mut Flow(compressed), &[0.0; 3])[2].value, 1.0);
    }

    #[test]
    fn the_lid_moves_and_the_walls_do_not() {
        let problem = CavityUvp::DEFAULT;
        let mut moving = Flow([[1.0, 0.0, 0.0, 0.0, 0.0], [0.0; 5], [9.0; 5]]);
        let mut of = |term: usize| -> Vec<f64> {
            problem.residual_of(term, &mut moving, &problem.data(term, &[0.5, 1.0])).iter().map(|r| r.value).collect()
        };
        assert_eq!((of(1), of(2)), (vec![0.0, 0.0], vec![1.0, 0.0]));
    }
}
