//! Adam on the device against Adam in f64: rows and coefficients given, several updates in a row, packed copies
//! of the weights included.

use crate::error::Result;
use crate::gpu::{Gpu, Kernel};
use crate::kernels::packing::{NONE, Packing};
use crate::kernels::prelude::{plugin, shader};
use crate::kernels::step::{common_prelude, optimiser_constants};
use crate::kernels::{jets, residuals};
use crate::math::{Variant, rng};
use crate::networks::Network;
use crate::optimisers::{Adam, EPSILON, Moments, Optimiser, Update};
use crate::problems;

use super::case::Case;
use super::report::{Report, Tolerance, widen};
use super::steps::SMALL;

const UPDATES: u64 = 5;
const RATE: f64 = 1e-3;

/// Random numbers of very different sizes: gradients do not come in one.
fn random(count: usize, which: u32) -> Vec<f32> {
    let number = |i: usize| {
        let words = rng::philox([i as u32, which, 0, 31], [5, 6]);
        let size = 10.0_f64.powi((words[1] % 10) as i32 - 7);
        ((2.0 * f64::from(rng::uniform01(words[0])) - 1.0) * size) as f32
    };
    (0..count).map(number).collect()
}

/// Moments, parameters and packed copies after a few updates of a small `network`.
pub fn check(gpu: &Gpu, network: &'static dyn Network, variant: Variant) -> Result<Report> {
    let problem = problems::ALL[0];
    let case = Case::new(problem, network, variant, [5, 2], &[1]);
    let (terms, count) = (problem.terms().len(), case.parameters.len());
    let packing = Packing::new(&case.shape, &network.program(&case.shape), &SMALL);
    let mut prelude = common_prelude(&case.setup());
    prelude.u32("PARAMETERS", count);
    optimiser_constants(&mut prelude, &case.setup());
    let jet = jets::part(problem.jet());
    let bounds = residuals::bounds(&case.setup());
    let own = &Adam.kernels()[0];
    let text = plugin("optimisers", own.label, own.text);
    let kernel = Kernel::link(gpu, own.label, &[prelude.part(), shader("math"), jet, bounds, text])?;
    let trained = |p: usize| packing.places[p].slab != NONE;
    // what is not trained lies there from the start; all else the update must write
    let start: Vec<f32> = (0..count).map(|p| if trained(p) { 0.0 } else { case.parameters[p] }).collect();
    let weights = gpu.storage_with("weights", &packing.pack(&start))?;
    let parameters = gpu.storage_with("parameters", &case.parameters)?;
    let moments = gpu.storage_with("moments", &vec![0.0_f32; 2 * count])?;
    let places = gpu.storage_with("places", &packing.places)?;
    let mut report = Report::default();
    let mut reach = vec![0.0; count];
    let (mut wanted, mut adam) = (widen(&case.parameters), Moments::new(count, Adam.betas()));
    for update in 1..=UPDATES {
        let name = format!("{} {}, update {update}", network.name(), variant.name());
        let mut all = random(terms * count, update as u32);
        // no gradient comes to what is not trained
        for (entry, g) in all.iter_mut().enumerate() {
            *g *= f32::from(u8::from(trained(entry % count)));
        }
        let coefficients: Vec<f64> = (0..terms).map(|k| 0.5 + 0.75 * k as f64).collect();
        let corrections = adam.betas.map(|beta| 1.0 - beta.powi(update as i32));
        let given = [&coefficients[..], &[RATE], &corrections].concat();
        let given: Vec<f32> = given.iter().map(|&x| x as f32).collect();
        let rows = gpu.storage_with("rows", &all)?;
        let given = gpu.storage_with("coefficients", &given)?;
        let buffers = [
            ("rows", &rows),
            ("coefficients", &given),
            ("parameters", &parameters),
            ("moments", &moments),
            ("places", &places),
            ("weights", &weights),
        ];
        gpu.submit(&[kernel.bind(gpu, &buffers)?.threads(count as u32)], 1);
        let entry =
            |p: usize| -> Vec<f64> { (0..terms).map(|k| coefficients[k] * f64::from(all[k * count + p])).collect() };
        let gradient: Vec<f64> = (0..count).map(|p| entry(p).iter().sum()).collect();
        // what is added up, which may be far larger than the sum
        let size: Vec<f64> = (0..count).map(|p| entry(p).iter().map(|x| x.abs()).sum()).collect();
        for (sum, size) in reach.iter_mut().zip(&size) {
            *sum = adam.betas[0] * *sum + size;
        }
        adam.update(&mut wanted, &gradient, RATE);
        let got: Vec<f32> = gpu.read(&parameters, count)?;
        let moved: Vec<[f32; 2]> = gpu.read(&moments, count)?;
        for p in 0..count {
            // rounding scales with what a moment was added up from, not with what is left after cancellation
            let scale = reach[p] + f64::from(f32::MIN_POSITIVE);
            let rounding = Tolerance::of_f32(16.0);
            report.number(format_args!("{name} m[{p}]"), moved[p][0].into(), adam.m[p], scale, rounding);
            let square = adam.v[p] + size[p] * size[p] + f64::from(f32::MIN_POSITIVE);
            report.number(format_args!("{name} v[{p}]"), moved[p][1].into(), adam.v[p], square, rounding);
            let theta = wanted[p].abs() + RATE * (1.0 + scale / (adam.v[p].sqrt() + EPSILON));
            report.number(format_args!("{name} θ[{p}]"), got[p].into(), wanted[p], theta, rounding);
        }
        let packed = packing.pack(&got);
        let found: Vec<f32> = gpu.read(&weights, packed.len())?;
        let same = packed == found;
        report.check(same, || format!("{name}: the packed weights are not those of the parameters"));
    }
    Ok(report)
}
