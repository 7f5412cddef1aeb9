//! The nonlinear Schrödinger equation i h_t + ½ h_xx + |h|² h = 0 with h(x, 0) = 2 sech x, periodic on −5 … 5: the
//! embedded field, made by Fourier split-step (`assets/solutions/schrodinger.rs`).

use std::f64::consts::FRAC_PI_2;

use safetensors::SafeTensors;

use crate::problems::{Grid, GridAxis};

/// Positions on the whole period and times.
const NODES: [usize; 2] = [256, 201];
/// Tensors u and v [129, 201] f64: row i ↔ x = −5 + 10 i/256, up to x = 0, column j ↔ t = π/2 · j/200.
static HALF: &[u8] = include_bytes!("../../../assets/solutions/schrodinger.safetensors");

/// The grid of the benchmark: 256 positions from −5, of which 5 itself, the same as −5, is none; 201 times 0 … π/2.
pub fn grid() -> Grid {
    let last = 5.0 - 10.0 / NODES[0] as f64;
    let x = GridAxis { name: "x", lower: -5.0, upper: last, count: NODES[0] };
    let t = GridAxis { name: "t", lower: 0.0, upper: FRAC_PI_2, count: NODES[1] };
    Grid { axes: [x, t] }
}

/// Real and imaginary part of h on [`grid`], each flat [256 · 201], x the outer axis.
///
/// # Panics
/// If the embedded asset is damaged; a test reads it.
pub fn solution() -> [Vec<f64>; 2] {
    let file = SafeTensors::deserialize(HALF).expect("embedded Schrödinger reference");
    let [positions, times] = NODES;
    ["u", "v"].map(|name| {
        let tensor = file.tensor(name).expect("embedded Schrödinger reference");
        let half: Vec<f64> = tensor.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        // h is even in x, and only its left half is stored.
        (0..positions).flat_map(|i| &half[i.min(positions - i) * times..][..times]).copied().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_field_has_the_published_values() {
        let [u, v] = solution();
        let times = NODES[1];
        // [row of x, row of t], computed independently
        let spots = [
            (128, 50, 0.3160844275, 2.5098980169),
            (128, 100, -3.6944608781, -1.5300412657),
            (100, 150, 0.9567337838, 0.2271276850),
            (156, 150, 0.9567337838, 0.2271276850),
            (128, 200, 1.4170528665, 1.4145615434),
            (0, 200, 0.0263601665, 0.0437267621),
        ];
        for (i, j, real, imaginary) in spots {
            let (p, q) = (u[i * times + j], v[i * times + j]);
            assert!((p - real).abs().max((q - imaginary).abs()) < 1e-8, "h[{i}, {j}] = {p} + {q}i");
        }
        let norm = u.iter().zip(&v).map(|(u, v)| u * u + v * v).sum::<f64>().sqrt();
        assert!((norm - 202.881888079).abs() < 1e-6, "{norm}");
    }

    #[test]
    fn it_starts_as_the_hyperbolic_secant() {
        let (grid, [u, v]) = (grid(), solution());
        for (index, (u, v)) in u.iter().zip(&v).enumerate().step_by(NODES[1]) {
            let wanted = 2.0 / grid.node(index)[0].cosh();
            assert!((u - wanted).abs() < 1e-14 && *v == 0.0, "x = {}: {u} + {v}i", grid.node(index)[0]);
        }
    }
}
