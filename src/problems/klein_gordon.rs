//! The nonlinear Klein–Gordon equation (paper §4): u_tt − u_xx + u³ = f on x ∈ [0, 1], t ∈ [0, T], made so
//! that u = x cos(5πt) + (xt)³ solves it.

use super::{
    Axis, Grid, GridAxis, Observable, Parameter, PointSet, Preset, Problem, Quantity, Region, Solution, Term, texts,
};
use std::f64::consts::PI;

/// The equation up to time `horizon`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KleinGordon {
    /// T: 1 in the core comparison, 2 and 4 in the study of long times.
    pub horizon: f64,
}

impl KleinGordon {
    /// T = 1.
    pub const DEFAULT: Self = Self { horizon: 1.0 };

    /// u(x, t).
    pub fn exact(point: &[f64]) -> f64 {
        let (x, t) = (point[0], point[1]);
        x * (5.0 * PI * t).cos() + (x * t).powi(3)
    }

    /// f(x, t) = u_tt − u_xx + u³ of the exact solution.
    pub fn forcing(point: &[f64]) -> f64 {
        let (x, t) = (point[0], point[1]);
        -25.0 * PI * PI * x * (5.0 * PI * t).cos() + 6.0 * x * t * (x * x - t * t) + Self::exact(point).powi(3)
    }
}

impl Problem for KleinGordon {
    fn name(&self) -> &'static str {
        "klein-gordon"
    }
    fn title(&self) -> &'static str {
        "Nonlinear Klein–Gordon equation"
    }
    fn equation(&self) -> &'static str {
        "u_tt − u_xx + u³ = f"
    }
    fn axes(&self) -> Vec<Axis> {
        vec![Axis::symmetric("x", 0.0, 1.0), Axis::symmetric("t", 0.0, self.horizon)]
    }
    fn fields(&self) -> &'static [&'static str] {
        &["u"]
    }
    fn terms(&self) -> Vec<Term> {
        vec![Term::new("pde", &[0]), Term::new("bc", &[1]), Term::new("ic", &[2]), Term::new("ic_t", &[2])]
    }
    fn residuals(&self) -> Vec<Vec<String>> {
        // f is what the equation makes of the exact solution
        let exact = "(x*cos(5*pi*t) + (x*t)^3)";
        let f = format!("(d({exact}, t, t) - d({exact}, x, x) + {exact}^3)");
        texts(&[&[&format!("u_tt - u_xx + u^3 - {f}")], &[&format!("u - {exact}")], &["u - x"], &["u_t"]])
    }
    fn sets(&self) -> Vec<PointSet> {
        let t = self.horizon;
        vec![
            PointSet { name: "pde", regions: vec![Region::new(&[0.0, 0.0], &[1.0, t])] },
            PointSet {
                name: "bc",
                regions: vec![Region::new(&[0.0, 0.0], &[0.0, t]), Region::new(&[1.0, 0.0], &[1.0, t])],
            },
            PointSet { name: "ic", regions: vec![Region::new(&[0.0, 0.0], &[1.0, 0.0])] },
        ]
    }
    fn presets(&self) -> Vec<Preset> {
        vec![
            Preset::paper(40_000, &[10_000, 200, 200], 4),
            Preset::revised(100_000, &[10_000, 200, 200], 1000),
            Preset::quick(3_000, &[256, 32, 32], 5e-3),
        ]
    }
    fn grid(&self) -> Grid {
        let axis = |name, upper| GridAxis { name, lower: 0.0, upper, count: 200 };
        Grid { axes: [axis("x", 1.0), axis("t", self.horizon)] }
    }
    fn observables(&self) -> Vec<Observable> {
        vec![Observable { name: "u", quantity: Quantity::Value { field: 0 } }]
    }
    fn solution(&self) -> Option<Solution> {
        let values = self.grid().points().chunks(2).map(Self::exact).collect();
        Some(Solution { origin: "exact: u = x cos(5πt) + (xt)³".into(), values: vec![("u", values)] })
    }
    fn parameters(&self) -> Vec<Parameter> {
        vec![Parameter { name: "horizon", value: self.horizon, meaning: "end of the time interval (1, 2 or 4)" }]
    }
    fn with(&self, parameter: &str, value: f64) -> Result<Box<dyn Problem>, String> {
        match parameter {
            // cos_pi is specified up to |5t| = 64.
            "horizon" if (1e-6..=12.0).contains(&value) => Ok(Box::new(Self { horizon: value })),
            "horizon" => Err(format!("horizon must lie in 1e-6 to 12, not {value}")),
            _ => Err(format!("klein-gordon has no parameter `{parameter}`: it has `horizon`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Real, Var};
    use crate::problems::FieldDerivatives;
    use crate::problems::errors;

    /// The exact solution and its derivatives by hand.
    struct Exact(f64, f64);

    impl FieldDerivatives for Exact {
        fn d(&mut self, _field: usize, axes: &[usize]) -> Var {
            let (x, t) = (self.0, self.1);
            let w = 5.0 * PI;
            Var::constant(match axes {
                [] => KleinGordon::exact(&[x, t]),
                [0, 0] => 6.0 * x * t.powi(3),
                [1, 1] => -w * w * x * (w * t).cos() + 6.0 * x.powi(3) * t,
                [1] => -w * x * (w * t).sin() + 3.0 * x.powi(3) * t * t,
                other => unreachable!("{other:?}"),
            })
        }
    }

    #[test]
    fn the_exact_solution_satisfies_every_term() {
        let problem = KleinGordon { horizon: 4.0 };
        for (term, point) in [(0, [0.3, 2.7]), (1, [1.0, 0.4]), (2, [0.6, 0.0]), (3, [0.6, 0.0])] {
            let mut u = Exact(point[0], point[1]);
            let residual = problem.residual_of(term, &mut u, &problem.data(term, &point));
            assert!(residual[0].value.abs() < 1e-10, "term {term}: {}", residual[0].value);
        }
    }

    #[test]
    fn the_solution_has_its_published_norms() {
        for (horizon, norm, largest) in
            [(1.0, 85.566_212, 1.519_487), (2.0, 246.978_934, 9.0), (4.0, 1_854.310_104, 65.0)]
        {
            let solution = KleinGordon { horizon }.solution().unwrap();
            let u = solution.compared();
            let got = u.iter().map(|v| v * v).sum::<f64>().sqrt();
            let top = u.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
            assert!((got - norm).abs() < 1e-6 && (top - largest).abs() < 1e-6, "T={horizon}: {got} {top}");
            assert_eq!(errors(u, u).rel_l2, 0.0);
        }
    }
}
