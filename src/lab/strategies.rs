//! Coefficients on the device against the strategies in f64, on many Gram matrices in which conflicts of every
//! kind occur, and the orders in which terms meet.

use crate::error::Result;
use crate::gpu::{Gpu, Part};
use crate::kernels::linking::needed;
use crate::kernels::prelude::{Prelude, plugin, shader};
use crate::math::rng;
use crate::strategies::{Entries, Gram, Seen, Strategy};

use super::compute::evaluate;
use super::report::{Report, Tolerance, widen};

/// Gram matrices per number of terms.
pub const SITUATIONS: usize = 1024;
/// A seed of which both words matter.
const SEED: u64 = 0x0123_4567_89ab_cdef;
/// Coefficients are short sums of quotients of the same f32 numbers on both sides; differences of nearly equal ones lose some
/// digits.
const ROUNDING: Tolerance = Tolerance::of_f32(256.0);
/// Where all coefficients are smaller than this, they are zero but for rounding; plain ones are one.
const ZERO: f64 = 1e-9;

/// What `kernels/coefficients_of.wgsl` gives a strategy, with Gram matrices and all else from buffers.
const KERNEL: &str = "
alias Gram = array<array<f32, TERMS>, TERMS>;
alias Coefficients = array<f32, TERMS>;

@group(0) @binding(0) var<storage, read> grams: array<f32>;                 // [situation][term][term]
@group(0) @binding(1) var<storage, read> sizes: array<f32>;                 // [situation][loss, mean entry, largest entry][term]
@group(0) @binding(2) var<storage, read> states: array<f32>;                // [situation][number]
@group(0) @binding(3) var<storage, read_write> results: array<u32>;         // [situation][term], [task][term], [number]

var<private> situation: u32;
var<private> state: array<f32, STATE + 1u>;

// TERMS, but no compiler can tell.
fn tasks() -> u32 { return arrayLength(&grams) / (SITUATIONS * TERMS); }
fn loss_of(k: u32) -> f32 { return sizes[3u * situation * TERMS + k]; }
fn mean_entry(k: u32) -> f32 { return sizes[(3u * situation + 1u) * TERMS + k]; }
fn largest_entry(k: u32) -> f32 { return sizes[(3u * situation + 2u) * TERMS + k]; }
fn learning_rate(done: u32) -> f32 { return f32(done) / f32(2u * SITUATIONS); }
fn trace_of(k: u32) -> f32 { return loss_of((k + 1u) % TERMS); }
fn recall(i: u32) -> f32 { return state[i]; }
fn remember(i: u32, x: f32) { state[i] = x; }

fn visiting_order(index: u32, task: u32) -> array<u32, MAX_TASKS> {
    return order(vec2u(ORDER_SEED[0], ORDER_SEED[1]), index, task, TERMS);
}

@compute @workgroup_size(64)
fn combine_all(@builtin(global_invocation_id) id: vec3u) {
    situation = id.x;
    var gram: Gram;
    for (var i = 0u; i < TERMS * TERMS; i++) { gram[i / TERMS][i % TERMS] = grams[id.x * TERMS * TERMS + i]; }
    for (var i = 0u; i < STATE; i++) { state[i] = states[id.x * STATE + i]; }
    let c = combine(gram, id.x);
    let at = id.x * (TERMS + TERMS * TERMS + STATE);
    for (var k = 0u; k < TERMS; k++) {
        results[at + k] = bitcast<u32>(c[k]);
        let list = visiting_order(id.x, k);
        for (var i = 0u; i < TERMS; i++) { results[at + (k + 1u) * TERMS + i] = list[i]; }
    }
    for (var i = 0u; i < STATE; i++) { results[at + TERMS + TERMS * TERMS + i] = bitcast<u32>(state[i]); }
}
";

/// Rows of different lengths, at scales whose squares go from 10⁻¹² to 10¹². Every other sixteen are in three dimensions,
/// where they conflict often and four depend on each other; in every sixteen, some are special.
pub fn rows(situation: usize, terms: usize) -> Vec<Vec<f64>> {
    let dimensions = if (situation / 16).is_multiple_of(2) { 3 } else { 12 };
    let scale = 10.0_f64.powi((situation * 5 % 13) as i32 - 6);
    let word = |term: usize, m: usize| {
        let words = rng::philox([situation as u32, term as u32, terms as u32, 5 + (m / 4) as u32], [3, 4]);
        words[m % 4]
    };
    let number = |term: usize, m: usize| 2.0 * f64::from(rng::uniform01(word(term, m))) - 1.0;
    let length = |term: usize| scale * 10.0_f64.powi((word(term, 15) % 5) as i32 - 2);
    let free = |term: usize| -> Vec<f64> { (0..dimensions).map(|m| length(term) * number(term, m)).collect() };
    let mut rows: Vec<Vec<f64>> = (0..terms).map(free).collect();
    // another row as one times the first of the two and a little of itself
    let [one, other] = [situation / 16 % terms, (situation / 16 + 1 + situation / 64 % (terms - 1)) % terms];
    let mut near = |times: f64, itself: f64| {
        let little = |(m, g): (usize, &f64)| times * g + itself * length(one) * number(other, m);
        rows[other] = rows[one].iter().enumerate().map(little).collect();
    };
    match situation % 16 {
        1 => rows.iter_mut().flatten().for_each(|g| *g = g.abs()),
        3 => near(1.0, 0.0),
        4 => near(-0.7, 1e-3),
        5 => near(-1.0, 0.0),
        6 => near(2.0, 1e-3),
        7 | 15 => rows[situation / 8 % terms].fill(0.0),
        // ties of every kind
        9 | 10 => rows.iter_mut().flatten().for_each(|g| *g = scale * ((*g / scale * 1e3).round() % 2.0)),
        11 => (0..terms).for_each(|term| rows[term].iter_mut().for_each(|g| *g *= scale / length(term))),
        _ => {}
    }
    if situation == SITUATIONS - 4 {
        rows.iter_mut().for_each(|row| row.fill(0.0));
    }
    rows
}

/// The orders of a situation.
pub fn orders(situation: usize, terms: usize) -> Vec<Vec<usize>> {
    (0..terms).map(|task| rng::order(SEED, situation as u32, task as u32, terms)).collect()
}

/// What a strategy sees and keeps in a situation besides the rows: losses around one, the entries' sizes, and numbers from
/// earlier steps around one; numbers of f32.
fn seen(situation: usize, rows: &[Vec<f64>], kept: usize) -> (Seen, Vec<f64>) {
    let number = |i: usize| {
        let word = rng::philox([situation as u32, i as u32, rows.len() as u32, 9], [3, 4])[0];
        10.0_f64.powf(3.0 * f64::from(rng::uniform01(word)) - 1.5)
    };
    let f32_of = |x: f64| f64::from(x as f32);
    let losses: Vec<f64> = (0..rows.len()).map(|k| f32_of(number(k))).collect();
    let mut seen = Seen::of(rows, &losses, &orders(situation, rows.len()));
    seen.step = situation as u64;
    seen.traces = seen.losses.clone();
    seen.traces.rotate_left(1);
    seen.rate = situation as f64 / (2 * SITUATIONS) as f64;
    for entries in &mut seen.entries {
        *entries = Entries { largest: f32_of(entries.largest), mean: f32_of(entries.mean) };
    }
    (seen, (0..kept).map(|i| f32_of(number(8 + i))).collect())
}

/// Losses, mean and largest entries, as the kernel reads them.
fn sizes(seen: &Seen) -> Vec<f32> {
    let entries = |of: fn(&Entries) -> f64| seen.entries.iter().map(of).collect::<Vec<_>>();
    let all = [seen.losses.clone(), entries(|e| e.mean), entries(|e| e.largest)].concat();
    all.into_iter().map(|x| x as f32).collect()
}

/// The kernel's texts.
fn parts(strategy: &dyn Strategy, terms: usize) -> Vec<Part> {
    let mut prelude = Prelude::default();
    prelude
        .u32("TERMS", terms)
        .u32("SITUATIONS", SITUATIONS)
        .u32("STATE", strategy.state_length(terms))
        .u32s("ORDER_SEED", &rng::key(SEED).map(|word| word as usize));
    let combine = plugin("strategies", strategy.name(), strategy.shader());
    let texts = [shader("rng"), shader("double"), shader("cosines"), combine, Part::new("lab", KERNEL)];
    needed(std::iter::once(prelude.part()).chain(texts).collect())
}

/// Coefficients of `strategy` for `terms` terms, what it keeps, and the orders that the device draws.
pub fn check(gpu: &Gpu, strategy: &dyn Strategy, terms: usize) -> Result<Report> {
    let mut report = Report::default();
    let kept = strategy.state_length(terms);
    let rows: Vec<_> = (0..SITUATIONS).map(|situation| rows(situation, terms)).collect();
    let seen: Vec<_> = rows.iter().enumerate().map(|(situation, rows)| seen(situation, rows, kept)).collect();
    // rounded to f32 first: both sides see the same matrix
    let grams: Vec<f32> = rows.iter().flat_map(|rows| Gram::of(rows).entries().to_vec()).map(|m| m as f32).collect();
    let sizes: Vec<f32> = seen.iter().flat_map(|(seen, _)| sizes(seen)).collect();
    // a buffer is never empty
    let states: Vec<f32> = seen.iter().flat_map(|(_, state)| state).map(|&x| x as f32).chain([0.0]).collect();
    let grams_there = gpu.storage_with("grams", &grams)?;
    let [sizes, states] = [gpu.storage_with("sizes", &sizes)?, gpu.storage_with("states", &states)?];
    let inputs = [("grams", &grams_there), ("sizes", &sizes), ("states", &states)];
    let width = terms + terms * terms + kept;
    let got: Vec<u32> = evaluate(gpu, "combine_all", &parts(strategy, terms), &inputs, SITUATIONS * width, SITUATIONS)?;
    for (situation, ((seen, mut state), got)) in seen.into_iter().zip(got.chunks(width)).enumerate() {
        let place = format!("{} of {terms} terms, situation {situation}", strategy.name());
        let met: Vec<usize> = got[terms..][..terms * terms].iter().map(|&i| i as usize).collect();
        let orders = &seen.orders;
        report.check(met == orders.concat(), || format!("{place}: orders {met:?}, wanted {orders:?}"));
        let gram = Gram::from_entries(terms, widen(&grams[situation * terms * terms..][..terms * terms]));
        let got: Vec<f32> = got.iter().map(|&bits| f32::from_bits(bits)).collect();
        let wanted = strategy.coefficients(&gram, &seen, &mut state);
        compare(&mut report, &place, &gram, &got[..terms], &wanted);
        report.entries(format_args!("{place}, kept"), &got[terms + terms * terms..], &state, ROUNDING);
    }
    Ok(report)
}

/// Compares coefficients, and what each contributes to the step: a long row's coefficient is small, its error is not.
fn compare(report: &mut Report, place: &str, gram: &Gram, got: &[f32], wanted: &[f64]) {
    let length = |k: usize| gram.at(k, k).sqrt();
    let longest = (0..wanted.len()).map(length).fold(f64::MIN_POSITIVE, f64::max);
    let largest = wanted.iter().fold(ZERO, |largest, c| largest.max(c.abs()));
    let contribution = wanted.iter().enumerate().map(|(k, c)| c.abs() * length(k)).fold(ZERO * longest, f64::max);
    for (k, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        let got = f64::from(*got);
        report.number(format_args!("{place} [{k}]"), got, *wanted, largest, ROUNDING);
        let place = format_args!("{place}, contribution [{k}]");
        report.number(place, got * length(k), wanted * length(k), contribution, ROUNDING);
    }
}
