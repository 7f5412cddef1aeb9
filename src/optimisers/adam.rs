//! Adam (Kingma and Ba, 2015), with the constants of the paper.

use super::{EPSILON, Kernel, Optimisation, Optimiser, Threads, Update};
use crate::networks::Layout;

/// Steps of unit size in each parameter, less where its gradient changes sign.
pub struct Adam;

static KERNELS: [Kernel; 1] = [Kernel {
    label: "update",
    text: include_str!("../../shaders/optimisers/update.wgsl"),
    equation: "Adam on Σ cₖ gₖ",
    threads: Threads::Parameters,
    renews: false,
}];

impl Optimiser for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }
    fn title(&self) -> &'static str {
        "Adam: moments of each parameter's gradient"
    }
    fn betas(&self) -> [f64; 2] {
        [0.9, 0.999]
    }
    fn kernels(&self) -> &'static [Kernel] {
        &KERNELS
    }
    fn start(&self, layout: &Layout, optimisation: &Optimisation) -> Box<dyn Update> {
        Box::new(Moments::new(layout.len, optimisation.betas))
    }
}

/// Adam's state in f64.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// First moments.
    pub m: Vec<f64>,
    /// Second moments.
    pub v: Vec<f64>,
    /// Updates made.
    pub updates: i32,
    pub betas: [f64; 2],
}

impl Moments {
    /// At rest.
    pub fn new(parameters: usize, betas: [f64; 2]) -> Self {
        Self { m: vec![0.0; parameters], v: vec![0.0; parameters], updates: 0, betas }
    }

    /// 1 − β₁ᵗ and 1 − β₂ᵗ.
    pub fn corrections(&self) -> [f64; 2] {
        self.betas.map(|beta| 1.0 - beta.powi(self.updates))
    }
}

/// θ ← θ − rate · m̂ / (√v̂ + ε).
impl Update for Moments {
    fn update(&mut self, parameters: &mut [f64], gradient: &[f64], rate: f64) {
        self.updates += 1;
        let ([beta1, beta2], [first, second]) = (self.betas, self.corrections());
        for (i, (theta, g)) in parameters.iter_mut().zip(gradient).enumerate() {
            self.m[i] = beta1 * self.m[i] + (1.0 - beta1) * g;
            self.v[i] = beta2 * self.v[i] + (1.0 - beta2) * g * g;
            *theta -= rate * (self.m[i] / first) / ((self.v[i] / second).sqrt() + EPSILON);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adam_moves_by_the_rate_first_and_forgets_the_scale() {
        for scale in [1e-3, 1.0, 1e6] {
            let mut parameters = vec![0.0, 0.0];
            let mut adam = Moments::new(2, Adam.betas());
            adam.update(&mut parameters, &[3.0 * scale, -0.5 * scale], 0.1);
            assert!((parameters[0] + 0.1).abs() < 1e-5 && (parameters[1] - 0.1).abs() < 1e-5);
        }
        let mut still = vec![1.0];
        Moments::new(1, Adam.betas()).update(&mut still, &[0.0], 0.1);
        assert_eq!(still, [1.0]);
    }
}
