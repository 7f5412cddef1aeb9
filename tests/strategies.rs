//! Coefficients on the device against the strategies in f64, on thousands of Gram matrices, and the orders in
//! which terms meet. Whole steps are compared in `gradients.rs`; here conflicts of every kind occur.

mod common;

use acr_pinn_gpu::gpu::{Gpu, Kernel, Part};
use acr_pinn_gpu::math::rng;
use acr_pinn_gpu::plans::prelude::{Prelude, plugin, shader};
use acr_pinn_gpu::strategies::{self, Gram, Strategy};
use common::{Report, Tolerance};

const SITUATIONS: usize = 512;
const SEED: u64 = 0x0123_4567_89ab_cdef;

/// What `kernels/coefficients_of.wgsl` gives a strategy, with Gram matrices from a buffer.
const KERNEL: &str = "
alias Gram = array<array<f32, TERMS>, TERMS>;
alias Coefficients = array<f32, TERMS>;

@group(0) @binding(0) var<storage, read> grams: array<f32>;             // [situation][term][term]
@group(0) @binding(1) var<storage, read_write> results: array<f32>;     // [situation][term]
@group(0) @binding(2) var<storage, read_write> met: array<u32>;         // [situation][task][term]

fn tasks() -> u32 { return TERMS; }

fn visiting_order(index: u32, task: u32) -> array<u32, MAX_TASKS> {
    return order(vec2u(ORDER_SEED[0], ORDER_SEED[1]), index, task, TERMS);
}

@compute @workgroup_size(64)
fn combine_all(@builtin(global_invocation_id) id: vec3u) {
    var gram: Gram;
    for (var i = 0u; i < TERMS * TERMS; i++) { gram[i / TERMS][i % TERMS] = grams[id.x * TERMS * TERMS + i]; }
    let c = combine(gram, id.x);
    for (var k = 0u; k < TERMS; k++) {
        results[id.x * TERMS + k] = c[k];
        let list = visiting_order(id.x, k);
        for (var i = 0u; i < TERMS; i++) { met[(id.x * TERMS + k) * TERMS + i] = list[i]; }
    }
}
";

/// Rows in few dimensions conflict often; their lengths differ as those of real terms do. Every eighth
/// situation has a row that vanishes.
fn rows(situation: usize, terms: usize) -> Vec<Vec<f64>> {
    (0..terms)
        .map(|term| {
            let words = rng::philox([situation as u32, term as u32, terms as u32, 5], [3, 4]);
            let length = 10.0_f64.powi((words[3] % 5) as i32 - 2);
            let gone = situation % 8 == 7 && term == situation / 8 % terms;
            words[..3]
                .iter()
                .map(|&w| if gone { 0.0 } else { length * (2.0 * f64::from(rng::uniform01(w)) - 1.0) })
                .collect()
        })
        .collect()
}

/// Coefficients and orders of every situation.
fn on_device(gpu: &Gpu, strategy: &dyn Strategy, terms: usize, grams: &[f32]) -> (Vec<f32>, Vec<u32>) {
    let mut prelude = Prelude::default();
    prelude.u32("TERMS", terms).u32s("ORDER_SEED", &rng::key(SEED).map(|word| word as usize));
    let combine = plugin("strategies", strategy.name(), strategy.shader());
    let parts = [prelude.part(), shader("rng"), combine, Part::new("test", KERNEL)];
    let kernel = Kernel::link(gpu, "combine_all", &parts).unwrap_or_else(|error| panic!("{error}"));
    let grams = gpu.storage_with("grams", grams).unwrap();
    let results = gpu.storage_with("results", &vec![f32::NAN; SITUATIONS * terms]).unwrap();
    let met = gpu.storage_with("met", &vec![u32::MAX; SITUATIONS * terms * terms]).unwrap();
    let bound = kernel.bind(gpu, &[("grams", &grams), ("results", &results), ("met", &met)]).unwrap();
    gpu.submit(&[bound.threads(SITUATIONS as u32)], 1);
    (gpu.read(&results, SITUATIONS * terms).unwrap(), gpu.read(&met, SITUATIONS * terms * terms).unwrap())
}

#[test]
fn coefficients_and_orders_agree_with_f64() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    for &strategy in strategies::ALL {
        for terms in [2, 3, 4, 8] {
            // rounded to f32 first: both sides see the same matrix
            let grams: Vec<f32> = (0..SITUATIONS)
                .flat_map(|situation| Gram::of(&rows(situation, terms)).entries().to_vec())
                .map(|entry| entry as f32)
                .collect();
            let (coefficients, met) = on_device(&gpu, strategy, terms, &grams);
            for situation in 0..SITUATIONS {
                let place = format!("{} of {terms} terms, situation {situation}", strategy.name());
                let entries = common::widen(&grams[situation * terms * terms..][..terms * terms]);
                let orders: Vec<Vec<usize>> =
                    (0..terms).map(|task| rng::order(SEED, situation as u32, task as u32, terms)).collect();
                let found: Vec<usize> =
                    met[situation * terms * terms..][..terms * terms].iter().map(|&i| i as usize).collect();
                report.check(found == orders.concat(), || format!("{place}: orders {found:?}, wanted {orders:?}"));
                let wanted = strategy.coefficients(&Gram::from_entries(terms, entries), &orders);
                let got = &coefficients[situation * terms..][..terms];
                report.entries(&place, got, &wanted, Tolerance::of_f32(64.0));
            }
        }
    }
    report.finish();
}

/// The situations are worth testing: PCGrad changes most of them, and not always in the same way.
#[test]
fn situations_conflict() {
    let orders = |situation| (0..4).map(|task| rng::order(SEED, situation, task, 4)).collect::<Vec<_>>();
    let rates: Vec<f64> = (0..SITUATIONS)
        .map(|situation| {
            let gram = Gram::of(&rows(situation, 4));
            let c = strategies::PcGrad.coefficients(&gram, &orders(situation as u32));
            gram.conflicts(&c).conflict_rate
        })
        .collect();
    let conflicting = rates.iter().filter(|rate| **rate > 0.0).count();
    assert!(conflicting > SITUATIONS * 3 / 4, "{conflicting} of {SITUATIONS}");
    assert!(rates.iter().any(|rate| *rate > 0.6) && rates.contains(&0.0));
}
