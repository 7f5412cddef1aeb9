//! The nonlinear Schrödinger equation (revision of the paper): i h_t + ½ h_xx + |h|²h = 0 for h = u + iv,
//! periodic in x ∈ [−5, 5], with h(x, 0) = 2 sech x, up to t = π/2.

use super::{Axis, Grid, Observable, PointSet, Preset, Problem, Quantity, Region, Solution, Term, reference, texts};
use std::f64::consts::FRAC_PI_2;

/// Numbers of the real part u and the imaginary part v among the fields.
const PARTS: [usize; 2] = [0, 1];
/// The domain is −HALF … HALF in x.
const HALF: f64 = 5.0;

/// The equation as published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schrodinger;

impl Problem for Schrodinger {
    fn name(&self) -> &'static str {
        "schrodinger"
    }
    fn title(&self) -> &'static str {
        "Nonlinear Schrödinger equation"
    }
    fn equation(&self) -> &'static str {
        "i h_t + ½ h_xx + |h|²h = 0"
    }
    fn axes(&self) -> Vec<Axis> {
        vec![Axis::symmetric("x", -HALF, HALF), Axis::symmetric("t", 0.0, FRAC_PI_2)]
    }
    fn fields(&self) -> &'static [&'static str] {
        &["u", "v"]
    }
    fn terms(&self) -> Vec<Term> {
        vec![Term::new("pde", &[0]), Term { partner: Some(0), ..Term::new("bc", &[1]) }, Term::new("ic", &[2])]
    }
    fn residuals(&self) -> Vec<Vec<String>> {
        texts(&[
            &["-v_t + u_xx/2 + (u^2 + v^2)*u", "u_t + v_xx/2 + (u^2 + v^2)*v"],
            // of values the mean over both parts counts, of slopes the sum
            &["u/sqrt(2)", "v/sqrt(2)", "u_x", "v_x"],
            &["(u - 2/cosh(x))/sqrt(2)", "v/sqrt(2)"],
        ])
    }
    fn sets(&self) -> Vec<PointSet> {
        let set =
            |name, lower: [f64; 2], upper: [f64; 2]| PointSet { name, regions: vec![Region::new(&lower, &upper)] };
        vec![
            set("pde", [-HALF, 0.0], [HALF, FRAC_PI_2]),
            // the partners at x = HALF follow
            set("bc", [-HALF, 0.0], [-HALF, FRAC_PI_2]),
            set("ic", [-HALF, 0.0], [HALF, 0.0]),
        ]
    }
    // Not in the first publication: `paper` is `revised`.
    // `quick` is what fits into two minutes. With Adam it came to 0.5 only.
    fn presets(&self) -> Vec<Preset> {
        let revised = Preset::revised(100_000, &[20_000, 500, 500], 1000);
        vec![Preset { name: "paper", ..revised.clone() }, revised, Preset::quick(16_000, &[256, 16, 48], 5e-3)]
    }
    fn grid(&self) -> Grid {
        reference::schrodinger::grid()
    }
    fn observables(&self) -> Vec<Observable> {
        let part = |name, field| Observable { name, quantity: Quantity::Value { field } };
        let modulus = Observable { name: "|h|", quantity: Quantity::Modulus { parts: PARTS } };
        vec![modulus, part("u", PARTS[0]), part("v", PARTS[1])]
    }
    fn compared(&self) -> Vec<&'static str> {
        vec!["u", "v"]
    }
    fn solution(&self) -> Option<Solution> {
        let [u, v] = reference::schrodinger::solution();
        let modulus = u.iter().zip(&v).map(|(u, v)| u.hypot(*v)).collect();
        let origin = "Fourier split-step with 256 modes; errors of the complex h".into();
        Some(Solution { origin, values: vec![("|h|", modulus), ("u", u), ("v", v)] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{Real, Var};
    use crate::problems::FieldDerivatives;

    /// One soliton h = 2 sech(2(x − t)) e^{i(x + 3t/2)} of the infinite line, and its derivatives.
    struct Soliton(f64, f64);

    impl FieldDerivatives for Soliton {
        fn d(&mut self, field: usize, axes: &[usize]) -> Var {
            let (x, t) = (self.0, self.1);
            let (a, tanh) = (2.0 / (2.0 * (x - t)).cosh(), (2.0 * (x - t)).tanh());
            // h' / h along x and t as complex numbers: −2 tanh + i and 2 tanh + 3i/2
            let h = [a * (x + 1.5 * t).cos(), a * (x + 1.5 * t).sin()];
            let times = |c: [f64; 2]| [h[0] * c[0] - h[1] * c[1], h[0] * c[1] + h[1] * c[0]];
            let d = match axes {
                [] => h,
                [0] => times([-2.0 * tanh, 1.0]),
                [1] => times([2.0 * tanh, 1.5]),
                // (h'/h)² + (h'/h)' with (h'/h)' = −4 sech²
                [0, 0] => times([4.0 * tanh * tanh - 1.0 - a * a, -4.0 * tanh]),
                _ => unreachable!("not asked for"),
            };
            Var::constant(d[field])
        }
    }

    #[test]
    fn a_soliton_satisfies_the_equation() {
        for (x, t) in [(0.3, 0.1), (-1.0, 0.7), (2.0, 1.5)] {
            let r = Schrodinger.residual_of(0, &mut Soliton(x, t), &[0.0; 2]);
            assert!(r.iter().all(|r| r.value.abs() < 1e-13), "{} {}", r[0].value, r[1].value);
        }
    }

    #[test]
    fn points_have_their_partner_at_the_upper_end() {
        assert_eq!((Schrodinger.partner(0), Schrodinger.partner(1)), (None, Some((0, 5.0))));
    }
}
