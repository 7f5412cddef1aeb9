//! Coefficients on the device against the strategies in f64, on many Gram matrices in which conflicts of every
//! kind occur, and the orders in which terms meet.

use crate::error::Result;
use crate::gpu::{Gpu, Part};
use crate::kernels::prelude::{Prelude, plugin, shader};
use crate::math::rng;
use crate::strategies::{Gram, Strategy};

use super::compute::evaluate;
use super::report::{Report, Tolerance, widen};

/// Gram matrices per number of terms.
pub const SITUATIONS: usize = 512;
/// A seed of which both words matter.
const SEED: u64 = 0x0123_4567_89ab_cdef;
/// Coefficients are short sums of quotients of the same f32 numbers on both sides.
const ROUNDING: Tolerance = Tolerance::of_f32(64.0);

/// What `kernels/coefficients_of.wgsl` gives a strategy, with Gram matrices from a buffer.
const KERNEL: &str = "
alias Gram = array<array<f32, TERMS>, TERMS>;
alias Coefficients = array<f32, TERMS>;

@group(0) @binding(0) var<storage, read> grams: array<f32>;                 // [situation][term][term]
@group(0) @binding(1) var<storage, read_write> results: array<u32>;         // [situation][term], then [task][term]

// TERMS, but no compiler can tell.
fn tasks() -> u32 { return arrayLength(&grams) / (SITUATIONS * TERMS); }

fn visiting_order(index: u32, task: u32) -> array<u32, MAX_TASKS> {
    return order(vec2u(ORDER_SEED[0], ORDER_SEED[1]), index, task, TERMS);
}

@compute @workgroup_size(64)
fn combine_all(@builtin(global_invocation_id) id: vec3u) {
    var gram: Gram;
    for (var i = 0u; i < TERMS * TERMS; i++) { gram[i / TERMS][i % TERMS] = grams[id.x * TERMS * TERMS + i]; }
    let c = combine(gram, id.x);
    let at = id.x * (TERMS + TERMS * TERMS);
    for (var k = 0u; k < TERMS; k++) {
        results[at + k] = bitcast<u32>(c[k]);
        let list = visiting_order(id.x, k);
        for (var i = 0u; i < TERMS; i++) { results[at + (k + 1u) * TERMS + i] = list[i]; }
    }
}
";

/// Rows in few dimensions conflict often; their lengths differ as those of real terms do. Every eighth
/// situation has a row that vanishes.
pub fn rows(situation: usize, terms: usize) -> Vec<Vec<f64>> {
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

/// The orders of a situation.
pub fn orders(situation: usize, terms: usize) -> Vec<Vec<usize>> {
    (0..terms).map(|task| rng::order(SEED, situation as u32, task as u32, terms)).collect()
}

/// Coefficients of `strategy` for `terms` terms, and the orders that the device draws.
pub fn check(gpu: &Gpu, strategy: &dyn Strategy, terms: usize) -> Result<Report> {
    let mut report = Report::default();
    // rounded to f32 first: both sides see the same matrix
    let grams: Vec<f32> = (0..SITUATIONS)
        .flat_map(|situation| Gram::of(&rows(situation, terms)).entries().to_vec())
        .map(|entry| entry as f32)
        .collect();
    let mut prelude = Prelude::default();
    prelude
        .u32("TERMS", terms)
        .u32("SITUATIONS", SITUATIONS)
        .u32s("ORDER_SEED", &rng::key(SEED).map(|word| word as usize));
    let combine = plugin("strategies", strategy.name(), strategy.shader());
    let parts = [prelude.part(), shader("rng"), combine, Part::new("lab", KERNEL)];
    let buffer = gpu.storage_with("grams", &grams)?;
    let width = terms + terms * terms;
    let got: Vec<u32> = evaluate(gpu, "combine_all", &parts, &[("grams", &buffer)], SITUATIONS * width, SITUATIONS)?;
    for (situation, got) in got.chunks(width).enumerate() {
        let place = format!("{} of {terms} terms, situation {situation}", strategy.name());
        let entries = widen(&grams[situation * terms * terms..][..terms * terms]);
        let orders = orders(situation, terms);
        let met: Vec<usize> = got[terms..].iter().map(|&i| i as usize).collect();
        report.check(met == orders.concat(), || format!("{place}: orders {met:?}, wanted {orders:?}"));
        let wanted = strategy.coefficients(&Gram::from_entries(terms, entries), &orders);
        let coefficients: Vec<f32> = got[..terms].iter().map(|&bits| f32::from_bits(bits)).collect();
        report.entries(&place, &coefficients, &wanted, ROUNDING);
    }
    Ok(report)
}
