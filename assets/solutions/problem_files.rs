//! The columns of numbers beside `assets/problems/*.toml`: what their answers are compared with, and measurements.

use acr_pinn_gpu::math::rng;
use acr_pinn_gpu::problems::reference::burgers::cole_hopf;

/// The viscosity that the measurements of `burgers-inverse.toml` were made with, for its user to find.
const VISCOSITY: f64 = 0.05;
/// The standard deviation of their noise.
const NOISE: f64 = 0.01;

/// File names with their texts.
pub fn all() -> Vec<(&'static str, String)> {
    vec![
        ("allen-cahn.csv", allen_cahn()),
        ("reaction-diffusion.csv", reaction_diffusion()),
        ("lorenz.csv", lorenz()),
        ("burgers-inverse.csv", measurements()),
        ("burgers-inverse-exact.csv", burgers()),
    ]
}

/// d = 0.01, r = 2; even and periodic on [-1, 1], so that the slope vanishes at both ends.
fn allen_cahn() -> String {
    let system = System {
        ends: [-1.0, 1.0],
        diffusion: [0.01],
        start: |x| [x * x * (std::f64::consts::PI * x).cos()],
        reaction: |[u]| [2.0 * (u - u * u * u)],
    };
    system.table("x,t,u", 100, 20, 0.05)
}

fn reaction_diffusion() -> String {
    let pi = std::f64::consts::PI;
    let system = System {
        ends: [0.0, 1.0],
        diffusion: [0.02, 0.05],
        start: |x| [0.5 + 0.5 * (2.0 * pi * x).cos(), 0.25 * (pi * x).cos()],
        reaction: |[u, v]| [u - u * u * u - v, 0.5 * (u - v)],
    };
    system.table("x,t,u,v", 40, 20, 0.1)
}

/// F substances that diffuse and react between walls that nothing crosses.
struct System<const F: usize, S: Fn(f64) -> [f64; F], R: Fn([f64; F]) -> [f64; F]> {
    ends: [f64; 2],
    diffusion: [f64; F],
    start: S,
    reaction: R,
}

impl<const F: usize, S: Fn(f64) -> [f64; F], R: Fn([f64; F]) -> [f64; F]> System<F, S, R> {
    /// Rows of x, t and the fields at `cells` + 1 positions and `times` + 1 times.
    ///
    /// Central differences on two grids, four and eight times as fine, whose error of second order is removed after
    /// Richardson, and the classical Runge–Kutta method in time.
    fn table(&self, head: &str, cells: usize, times: usize, interval: f64) -> String {
        let [coarse, fine] = [4, 8].map(|factor| self.levels(cells, factor, times, interval));
        let mut text = format!("{head}\n");
        for i in 0..=cells {
            let x = self.ends[0] + (self.ends[1] - self.ends[0]) * i as f64 / cells as f64;
            for j in 0..=times {
                let fields: Vec<String> =
                    (0..F).map(|f| format!("{:.6}", (4.0 * fine[j][i][f] - coarse[j][i][f]) / 3.0)).collect();
                text += &format!("{x:.4},{:.4},{}\n", interval * j as f64, fields.join(","));
            }
        }
        text
    }

    /// The fields at `cells` + 1 positions at every time, on a grid `factor` times as fine.
    fn levels(&self, cells: usize, factor: usize, times: usize, interval: f64) -> Vec<Vec<[f64; F]>> {
        let n = cells * factor;
        let h = (self.ends[1] - self.ends[0]) / n as f64;
        let fastest = self.diffusion.iter().copied().fold(0.0, f64::max);
        // half of what is stable
        let substeps = (interval / (0.3 * h * h / fastest)).ceil() as usize;
        let dt = interval / substeps as f64;
        let mut u: Vec<[f64; F]> = (0..=n).map(|i| (self.start)(self.ends[0] + h * i as f64)).collect();
        let picked = |u: &[[f64; F]]| u.iter().step_by(factor).copied().collect::<Vec<_>>();
        let mut levels = vec![picked(&u)];
        for _ in 0..times {
            for _ in 0..substeps {
                u = runge_kutta(&u, dt, |u| self.slope(u, h));
            }
            levels.push(picked(&u));
        }
        levels
    }

    fn slope(&self, u: &[[f64; F]], h: f64) -> Vec<[f64; F]> {
        let last = u.len() - 1;
        let at = |i: usize| {
            // a mirror behind each wall
            let (left, right) = (u[if i == 0 { 1 } else { i - 1 }], u[if i == last { last - 1 } else { i + 1 }]);
            let reaction = (self.reaction)(u[i]);
            std::array::from_fn(|f| reaction[f] + self.diffusion[f] * (left[f] - 2.0 * u[i][f] + right[f]) / (h * h))
        };
        (0..=last).map(at).collect()
    }
}

/// One step of the classical method of fourth order.
fn runge_kutta<const F: usize>(u: &[[f64; F]], dt: f64, slope: impl Fn(&[[f64; F]]) -> Vec<[f64; F]>) -> Vec<[f64; F]> {
    let ahead = |k: &[[f64; F]], by: f64| -> Vec<[f64; F]> {
        u.iter().zip(k).map(|(u, k)| std::array::from_fn(|f| u[f] + by * k[f])).collect()
    };
    let k1 = slope(u);
    let k2 = slope(&ahead(&k1, 0.5 * dt));
    let k3 = slope(&ahead(&k2, 0.5 * dt));
    let k4 = slope(&ahead(&k3, dt));
    let mean = |i: usize| std::array::from_fn(|f| (k1[i][f] + 2.0 * k2[i][f] + 2.0 * k3[i][f] + k4[i][f]) / 6.0);
    ahead(&(0..u.len()).map(mean).collect::<Vec<_>>(), dt)
}

/// σ = 10, ρ = 28, β = 8/3, in units of ten, from (1, 1, 2).
fn lorenz() -> String {
    let (interval, substeps) = (0.01, 100);
    let slope = |s: &[[f64; 3]]| {
        let [x, y, z] = s[0];
        vec![[10.0 * (y - x), x * (28.0 - 10.0 * z) - y, 10.0 * x * y - 8.0 / 3.0 * z]]
    };
    let mut state = vec![[1.0, 1.0, 2.0]];
    let mut text = "t,x,y,z\n".to_owned();
    for row in 0..=50 {
        let [x, y, z] = state[0];
        text += &format!("{:.2},{x:.6},{y:.6},{z:.6}\n", interval * f64::from(row));
        for _ in 0..substeps {
            state = runge_kutta(&state, interval / f64::from(substeps), slope);
        }
    }
    text
}

/// 200 velocities at random places and times, with normal noise.
fn measurements() -> String {
    let mut text = "x,t,u\n".to_owned();
    for number in 0..200 {
        let words = rng::philox([number, 0, 0, 0], rng::key(200));
        // coordinates with four digits, so that the file says exactly where the value was taken
        let rounded = |x: f64| (x * 1e4).round() / 1e4;
        let x = rounded(2.0 * f64::from(rng::uniform01(words[0])) - 1.0);
        let t = rounded(f64::from(rng::uniform01(words[1])));
        let u = cole_hopf(x, t, VISCOSITY) + NOISE * rng::normal(words[2], words[3]);
        text += &format!("{x:.4},{t:.4},{u:.5}\n");
    }
    text
}

fn burgers() -> String {
    let mut text = "x,t,u\n".to_owned();
    for i in 0..=64 {
        for j in 0..=20 {
            let (x, t) = (-1.0 + f64::from(i) / 32.0, f64::from(j) / 20.0);
            text += &format!("{x:.5},{t:.2},{:.6}\n", cole_hopf(x, t, VISCOSITY) + 0.0);
        }
    }
    text
}
