//! SOAP's kernels against SOAP in f64: rows and coefficients given, several updates in a row with renewals among them.

use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernels::{Setup, Step, Tile};
use crate::math::{Variant, rng};
use crate::networks::Network;
use crate::optimisers::{Optimisation, Optimiser, Soap};
use crate::problems;

use super::case::Case;
use super::report::{Report, Tolerance, norm, widen};
use super::steps::{NoGradients, SMALL};

const UPDATES: u64 = 10;
const RATE: f64 = 1e-2;

/// How much coarser parameters are compared with SOAP than with Adam, which comes to a sixteenth. Rounding errors of G′ are
/// an epsilon of ‖G‖, and where the gradient has no part they become steps of that size in units of REST ‖G‖, which is
/// sixteen epsilons.
const PARAMETERS: f64 = 64.0;
/// The same for losses, which hardly move where the gradient has no part. Of Adam's tolerance SwiftShader needed a third,
/// and WGSL lets divisions and roots be coarser than there.
const LOSSES: f64 = 4.0;

/// How much coarser the losses and the parameters of a run with `optimiser` are compared than those of one with Adam.
pub fn coarser(optimiser: &dyn Optimiser) -> [f64; 2] {
    if optimiser.frequency().is_none() { [1.0; 2] } else { [LOSSES, PARAMETERS] }
}

/// Numbers from −1 to 1.
fn random(count: usize, which: u32) -> Vec<f32> {
    (0..count).map(|i| 2.0 * rng::uniform01(rng::philox([i as u32, which, 0, 37], [5, 6])[0]) - 1.0).collect()
}

/// Parameters and packed weights after each of a few updates of a small `network`.
pub fn check(gpu: &Gpu, network: &'static dyn Network, variant: Variant) -> Result<Report> {
    let case = Case::new(problems::ALL[0], network, variant, [5, 2], &[1]);
    let setup = Setup { optimiser: Optimisation { frequency: 3, ..Optimisation::of(&Soap) }, ..case.setup() };
    let step = Step::build(gpu, &setup, &NoGradients, &Tile::Gpu(SMALL))?;
    step.set_parameters(gpu, &case.parameters);
    let (terms, count) = (step.terms, case.parameters.len());
    let [beta1, beta2] = setup.optimiser.betas;
    let mut twin = setup.optimiser.start(&network.layout(&case.shape));
    let mut wanted = widen(&case.parameters);
    let mut report = Report::default();
    for update in 1..=UPDATES {
        let name = format!("{} {}, update {update}", network.name(), variant.name());
        let rows = random(terms * count, update as u32);
        let coefficients: Vec<f64> = (0..terms).map(|k| 0.5 + 0.75 * k as f64).collect();
        let corrections = [beta1, beta2].map(|beta| 1.0 - beta.powi(update as i32));
        let given: Vec<f32> = [&coefficients[..], &[RATE], &corrections].concat().iter().map(|&x| x as f32).collect();
        gpu.write(&step.rows, &rows);
        gpu.write(&step.coefficients, &given);
        gpu.write(&step.control, &[update as u32]);
        gpu.submit(&step.update, 1);
        let entry = |p: usize| (0..terms).map(|k| coefficients[k] * f64::from(rows[k * count + p])).sum();
        let gradient: Vec<f64> = (0..count).map(entry).collect();
        let before = wanted.clone();
        twin.update(&mut wanted, &gradient, RATE);
        let got: Vec<f32> = gpu.read(&step.parameters, count)?;
        let size: Vec<f64> = wanted.iter().zip(&before).map(|(new, old)| new - old).collect();
        let scale = PARAMETERS * norm(&size) * update as f64;
        report.vector(format_args!("{name} θ"), &got, &wanted, scale, Tolerance::ALONG_A_RUN);
        let packed = step.packing.pack(&got);
        let found: Vec<f32> = gpu.read(&step.packed, packed.len())?;
        report.check(packed == found, || format!("{name}: the packed weights are not those of the parameters"));
    }
    Ok(report)
}
