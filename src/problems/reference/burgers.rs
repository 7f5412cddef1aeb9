//! Burgers' equation u_t + u u_x = ν u_xx with u(x, 0) = −sin πx, by the Cole–Hopf transformation.
//!
//! With y = x − √(4νt) ξ, u = −∫ sin(πy) e^{−cos(πy)/(2πν) − ξ²} dξ / ∫ e^{−cos(πy)/(2πν) − ξ²} dξ. The trapezoidal
//! rule needs no table of nodes, and on the whole line its error falls like exp(−π²/(a h²)) for an integrand that
//! grows like e^{aη²} off the real axis (Trefethen & Weideman, SIAM Review 56, 2014). Here a = 1 + πt, whatever ν.

use std::f64::consts::PI;

use crate::problems::{Grid, GridAxis};

/// The viscosity of the benchmark.
pub const VISCOSITY: f64 = 0.01 / PI;
/// An integrand this many e-foldings below the largest is no more than rounding.
const NEGLIGIBLE: f64 = 40.0;

/// u at position `x` and time `t` ≥ 0, to about 1e-13.
pub fn cole_hopf(x: f64, t: f64, viscosity: f64) -> f64 {
    let spread = (4.0 * viscosity * t).sqrt();
    let sharpness = 1.0 / (2.0 * PI * viscosity);
    let spacing = 1.0 / (3.0 * (1.0 + PI * t).sqrt());
    // The exponent at ξ = 0 is at least −sharpness and at ξ at most sharpness − ξ².
    let nodes = ((2.0 * sharpness + NEGLIGIBLE).sqrt() / spacing).ceil() as i32;
    let at = |node: i32| {
        let xi = f64::from(node) * spacing;
        let (sin, cos) = (PI * (x - spread * xi)).sin_cos();
        (sin, -sharpness * cos - xi * xi)
    };
    let largest = (-nodes..=nodes).map(|node| at(node).1).fold(f64::NEG_INFINITY, f64::max);
    let (mut above, mut below) = (0.0, 0.0);
    for (sin, exponent) in (-nodes..=nodes).map(at) {
        let weight = (exponent - largest).exp();
        above += sin * weight;
        below += weight;
    }
    -above / below
}

/// The grid of the benchmark: 256 positions on −1 … 1, 100 times 0, 0.01, … 0.99.
pub fn grid() -> Grid {
    let x = GridAxis { name: "x", lower: -1.0, upper: 1.0, count: 256 };
    let t = GridAxis { name: "t", lower: 0.0, upper: 0.99, count: 100 };
    Grid { axes: [x, t] }
}

/// u on [`grid`], flat [256 · 100], x the outer axis; a tenth of a second.
pub fn solution() -> Vec<f64> {
    let grid = grid();
    (0..grid.len()).map(|index| grid.node(index)).map(|[x, t]| cole_hopf(x, t, VISCOSITY)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_has_the_published_values() {
        let (grid, u) = (grid(), solution());
        // [row of x, row of t], computed independently by Gauss–Hermite quadrature with 200 nodes
        let spots = [
            (64, 25, 0.8056619164),
            (100, 50, 0.8769223443),
            (127, 50, 0.5320028871),
            (120, 99, 0.6987872885),
            (200, 75, -0.3993924530),
        ];
        for (i, j, wanted) in spots {
            let found = u[i * grid.ny() + j];
            assert!((found - wanted).abs() < 1e-9, "u[{i}, {j}] = {found}, not {wanted}");
        }
        let norm = u.iter().map(|u| u * u).sum::<f64>().sqrt();
        assert!((norm - 98.294002232885).abs() < 1e-8, "{norm}");
    }

    #[test]
    fn it_starts_as_a_sine_and_stays_odd() {
        assert!((cole_hopf(0.3, 0.0, VISCOSITY) + (0.3 * PI).sin()).abs() < 1e-14);
        for (x, t) in [(0.004, 0.5), (0.7, 0.99), (1.0, 0.3)] {
            assert!((cole_hopf(x, t, VISCOSITY) + cole_hopf(-x, t, VISCOSITY)).abs() < 1e-13);
        }
        assert!(cole_hopf(1.0, 0.6, VISCOSITY).abs() < 1e-13);
    }

    /// u_t + u u_x = ν u_xx by central differences, at viscosities from sharp to smooth.
    #[test]
    fn it_solves_the_equation() {
        for viscosity in [VISCOSITY, 0.05, 1.0] {
            for (x, t) in [(-0.4, 0.2), (0.2, 0.6), (0.8, 1.5)] {
                let h = 1e-4;
                let u = |i: f64, j: f64| cole_hopf(x + i * h, t + j * h, viscosity);
                let u_t = (u(0.0, 1.0) - u(0.0, -1.0)) / (2.0 * h);
                let u_x = (u(1.0, 0.0) - u(-1.0, 0.0)) / (2.0 * h);
                let u_xx = (u(1.0, 0.0) - 2.0 * u(0.0, 0.0) + u(-1.0, 0.0)) / (h * h);
                let r = u_t + u(0.0, 0.0) * u_x - viscosity * u_xx;
                assert!(r.abs() < 1e-5, "residual {r} at ({x}, {t}), viscosity {viscosity}");
            }
        }
    }
}
