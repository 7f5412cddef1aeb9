//! Elementary functions over their whole range: worst error in units in the last place and absolutely, beside
//! what WGSL allows its own and what this adapter's own do.

use std::f64::consts::PI;

use crate::error::Result;
use crate::gpu::{Gpu, Part};
use crate::kernels::Settings;
use crate::kernels::prelude::{Prelude, shader};
use crate::math::rng::Seeds;
use crate::math::{Real, Schedule};
use crate::optimisers::{Adam, Optimiser};

use super::compute::evaluate;
use super::report::{Report, Tolerance};

/// One function: names, the range of arguments, what it should be, and how errors count.
struct Function {
    name: &'static str,
    /// Largest argument of either sign; exponents are sampled evenly up to it.
    range: [f32; 2],
    wanted: fn(f64) -> f64,
    /// Errors relative to the value, else absolute.
    relative: bool,
    /// The bound that `shaders/math.wgsl` states, or WGSL's for what the hardware does.
    bound: f64,
    /// What WGSL allows its own function of this kind.
    allowance: &'static str,
}

/// Bound of an operation of the device's own that may be wrong by this many units in the last place.
const fn ulps(count: f64) -> f64 {
    count * f32::EPSILON as f64
}

/// In the order of the kernel's results: ours first, then the device's own.
const FUNCTIONS: [Function; 14] = [
    own("tanh", [-3e38, 3e38], f64::tanh, true, 3.4e-7, "absolute 1e-5, or as sinh/cosh"),
    own("sigmoid", [-3e38, 3e38], Real::sigmoid, false, 2e-7, "as 1 / (1 + exp(-x))"),
    own("exponential", [-87.0, 88.0], f64::exp, true, 3e-7, "3 + 2|x| ULP"),
    own("sin_pi", [-64.0, 64.0], |x| (PI * x).sin(), false, 2e-7, "absolute 2^-11 in [-pi, pi]"),
    own("cos_pi", [-64.0, 64.0], |x| (PI * x).cos(), false, 2e-7, "absolute 2^-11 in [-pi, pi]"),
    own("logarithm", [1e-30, 3e38], f64::ln, true, 3e-7, "absolute 2^-21 in [0.5, 2], else 3 ULP"),
    own("hyperbolic_sine", [-88.0, 88.0], f64::sinh, true, 5e-7, "as (exp(x) - exp(-x)) / 2"),
    own("hyperbolic_cosine", [-88.0, 88.0], f64::cosh, true, 5e-7, "as (exp(x) + exp(-x)) / 2"),
    own("reciprocal", [1e-30, 1e30], |x| 1.0 / x, true, ulps(2.5), "2.5 ULP"),
    own("square root", [1e-30, 1e30], f64::sqrt, true, ulps(4.5), "as 1 / inverseSqrt, 2 + 2.5 ULP"),
    own("the adapter's tanh", [-80.0, 80.0], f64::tanh, false, f64::INFINITY, "absolute 1e-5, or as sinh/cosh"),
    own("the adapter's exp", [-87.0, 88.0], f64::exp, true, f64::INFINITY, "3 + 2|x| ULP"),
    own("the adapter's sin", [-3.1415925, 3.1415925], f64::sin, false, f64::INFINITY, "absolute 2^-11 in [-pi, pi]"),
    own("the adapter's cos", [-3.1415925, 3.1415925], f64::cos, false, f64::INFINITY, "absolute 2^-11 in [-pi, pi]"),
];

const fn own(
    name: &'static str,
    range: [f32; 2],
    wanted: fn(f64) -> f64,
    relative: bool,
    bound: f64,
    allowance: &'static str,
) -> Function {
    Function { name, range, wanted, relative, bound, allowance }
}

const KERNEL: &str = "
@group(0) @binding(0) var<storage, read> arguments: array<f32>;
@group(0) @binding(1) var<storage, read_write> results: array<array<f32, 14>>;

@compute @workgroup_size(64)
fn elementary(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.x + id.y * groups.x * 64u;
    if i >= arrayLength(&arguments) { return; }
    let x = arguments[i];
    results[i] = array<f32, 14>(hyperbolic_tangent(x), sigmoid(x), exponential(x), sin_pi(x), cos_pi(x),
        logarithm(abs(x)), hyperbolic_sine(x), hyperbolic_cosine(x),
        1.0 / x, sqrt(abs(x)), tanh(clamp(x, -80.0, 80.0)), exp(clamp(x, -87.0, 88.0)), sin(x), cos(x));
}
";

/// What is measured of a function beside its verdict.
pub struct Measured {
    pub name: &'static str,
    /// None for the device's own functions, which nothing here relies on.
    pub report: Option<Report>,
    /// Worst error in units in the last place; none where the error counts absolutely, which leaves nothing of
    /// small values.
    pub worst_ulp: Option<f64>,
    /// Worst absolute error; none for functions that grow without bound.
    pub worst_absolute: Option<f64>,
    pub allowance: &'static str,
}

/// All functions. `density` is the number of arguments per factor of two, of either sign.
pub fn check(gpu: &Gpu, density: u32) -> Result<Vec<Measured>> {
    let arguments = arguments(density);
    let buffer = gpu.storage_with("arguments", &arguments)?;
    let parts = [shader("math"), Part::new("lab", KERNEL)];
    let count = arguments.len();
    let got: Vec<[f32; FUNCTIONS.len()]> =
        evaluate(gpu, "elementary", &parts, &[("arguments", &buffer)], count, count)?;
    Ok(FUNCTIONS.iter().enumerate().map(|(which, f)| f.measure(&arguments, got.iter().map(|all| all[which]))).collect())
}

/// Normal numbers of every size and sign, and a grid where waves have their zeros.
fn arguments(density: u32) -> Vec<f32> {
    let step = (1 << 23) / density;
    let bits = (1e-30_f32.to_bits()..3e38_f32.to_bits()).step_by(step as usize);
    // one odd offset per factor of two: not the round numbers alone
    let sized = bits.map(|bits| f32::from_bits(bits + bits / 7919 % step));
    let both = sized.flat_map(|x| [x, -x]);
    both.chain((-64 * 64..=64 * 64).map(|i| i as f32 / 64.0)).collect()
}

impl Function {
    fn measure(&self, arguments: &[f32], got: impl Iterator<Item = f32>) -> Measured {
        let mut report = Report::default();
        let (mut worst_ulp, mut worst_absolute, mut largest) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (&x, got) in arguments.iter().zip(got).filter(|(x, _)| (self.range[0]..=self.range[1]).contains(*x)) {
            let wanted = (self.wanted)(f64::from(x));
            let got = f64::from(got);
            let error = (got - wanted).abs();
            let error = if error.is_nan() { f64::INFINITY } else { error };
            worst_absolute = worst_absolute.max(error);
            // below the normal numbers devices may flush to zero
            let ulp = f64::from(f32::EPSILON) * f64::from(wanted.abs().max(1.2e-38) as f32).log2().floor().exp2();
            worst_ulp = worst_ulp.max(error / ulp);
            largest = largest.max(wanted.abs());
            let scale = if self.relative { wanted.abs().max(1e-37) } else { 1.0 };
            if self.bound.is_finite() {
                let place = format_args!("{}({x:e})", self.name);
                report.number(place, got, wanted, scale, Tolerance::measured(self.bound, 1.0));
            }
        }
        let report = self.bound.is_finite().then_some(report);
        Measured {
            name: self.name,
            report,
            worst_ulp: self.relative.then_some(worst_ulp),
            worst_absolute: (largest <= 1.0).then_some(worst_absolute),
            allowance: self.allowance,
        }
    }
}

const SCHEDULE_KERNEL: &str = "
@group(0) @binding(0) var<storage, read> settings: array<u32>;
@group(0) @binding(1) var<storage, read> steps: array<u32>;
@group(0) @binding(2) var<storage, read_write> results: array<vec3f>;       // rate, 1 − β₁ᵗ, 1 − β₂ᵗ

@compute @workgroup_size(64)
fn rates(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&steps) { return; }
    let t = f32(steps[id.x] + 1u);
    results[id.x] = vec3f(learning_rate(steps[id.x]), one_minus_exp(t * LOG_BETA1), one_minus_exp(t * LOG_BETA2));
}
";

/// Learning rates and Adam's bias corrections over a run of 100 000 steps.
pub fn check_schedule(gpu: &Gpu) -> Result<Report> {
    const LENGTH: u64 = 100_000;
    let steps: Vec<u32> = (0..2000).chain((2000..LENGTH as u32).step_by(97)).collect();
    let mut report = Report::default();
    let mut prelude = Prelude::default();
    let betas = Adam.betas();
    prelude.f32("LOG_BETA1", betas[0].ln()).f32("LOG_BETA2", betas[1].ln());
    let parts = [prelude.part(), shader("math"), shader("schedule"), Part::new("lab", SCHEDULE_KERNEL)];
    for schedule in
        [Schedule::Constant { rate: 1e-3 }, Schedule::WarmupCosine { rate: 1e-3, final_rate: 1e-4, warmup: 100 }]
    {
        let settings = Settings { seeds: Seeds::of(1), schedule, steps: LENGTH, progress: None, terms: 1 };
        let words = gpu.storage_with("settings", &settings.words())?;
        let list = gpu.storage_with("steps", &steps)?;
        let bound = [("settings", &words), ("steps", &list)];
        // a vec3f takes the room of a vec4f
        let got: Vec<[f32; 4]> = evaluate(gpu, "rates", &parts, &bound, steps.len(), steps.len())?;
        for (&step, got) in steps.iter().zip(&got) {
            let rate = schedule.rate(step.into(), LENGTH);
            let t = f64::from(step) + 1.0;
            report.number(format_args!("rate of step {step}"), got[0].into(), rate, rate, Tolerance::of_f32(16.0));
            for (k, beta) in betas.into_iter().enumerate() {
                let wanted = -(t * beta.ln()).exp_m1();
                let place = format_args!("1 − {beta}^{t}");
                report.number(place, got[1 + k].into(), wanted, wanted, Tolerance::of_f32(8.0));
            }
        }
    }
    Ok(report)
}
