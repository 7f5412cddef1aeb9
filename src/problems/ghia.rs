//! The published centreline velocities of the lid-driven cavity at Re = 100: Ghia, Ghia and Shin,
//! "High-Re solutions for incompressible flow using the Navier–Stokes equations and a multigrid method",
//! J. Comput. Phys. 48 (1982), tables I and II.

/// (y, u) on the vertical centreline x = 1/2.
pub const U: [(f64, f64); 17] = [
    (0.0, 0.0),
    (0.0547, -0.03717),
    (0.0625, -0.04192),
    (0.0703, -0.04775),
    (0.1016, -0.06434),
    (0.1719, -0.10150),
    (0.2813, -0.15662),
    (0.4531, -0.21090),
    (0.5000, -0.20581),
    (0.6172, -0.13641),
    (0.7344, 0.00332),
    (0.8516, 0.23151),
    (0.9531, 0.68717),
    (0.9609, 0.73722),
    (0.9688, 0.78871),
    (0.9766, 0.84123),
    (1.0, 1.0),
];

/// (x, v) on the horizontal centreline y = 1/2.
pub const V: [(f64, f64); 17] = [
    (0.0, 0.0),
    (0.0625, 0.09233),
    (0.0703, 0.10091),
    (0.0781, 0.10890),
    (0.0938, 0.12317),
    (0.1563, 0.16077),
    (0.2266, 0.17507),
    (0.2344, 0.17527),
    (0.5000, 0.05454),
    (0.8047, -0.24533),
    (0.8594, -0.22445),
    (0.9063, -0.16914),
    (0.9453, -0.10313),
    (0.9531, -0.08864),
    (0.9609, -0.07391),
    (0.9688, -0.05906),
    (1.0, 0.0),
];

#[cfg(test)]
mod tests {
    use crate::problems::reference;

    /// The table and the converged field are independent; they differ by what both sources publish.
    #[test]
    fn the_table_lies_on_the_converged_field() {
        let field = reference::cavity::converged();
        let profile = |name: &str, at: f64, along_x: bool| {
            let values = field.of(name).unwrap();
            let s = at * 99.0;
            let i = (s as usize).min(98);
            let node = |k: usize| {
                if along_x {
                    (values[k * 100 + 49] + values[k * 100 + 50]) / 2.0
                } else {
                    (values[4900 + k] + values[5000 + k]) / 2.0
                }
            };
            node(i) + (s - i as f64) * (node(i + 1) - node(i))
        };
        for (y, u) in super::U {
            assert!((profile("u", y, false) - u).abs() < 0.012, "u(0.5, {y})");
        }
        for (x, v) in super::V {
            assert!((profile("v", x, true) - v).abs() < 0.012, "v({x}, 0.5)");
        }
    }
}
