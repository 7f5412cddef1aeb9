//! Counter-based random numbers: Philox4x32-10 and a bijection on 0..n, both in 32-bit arithmetic so that
//! `shaders/rng.wgsl` can be the same text. Nothing here has a state: a number is a function of *where* it
//! is needed (seed, stream, step, index), so initialisation, sampling and projection order cannot perturb
//! each other and an interrupted run continues with the same numbers.
//!
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

/// What a random number is for; the third word of the Philox counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Stream {
    /// Initial parameters: counter [element, 0, Initial, slot].
    Initial = 1,
    /// Position inside a stratum: counter [point, step, Sample, set·16 + axis/4], word axis mod 4.
    Sample = 2,
    /// Order in which a task meets the others: counter [task, step, Order, 0].
    Order = 3,
    /// Keys of the strata permutations: counter [set, step, Stratum, axis], words 0 and 1.
    Stratum = 4,
}

/// A 64-bit seed as the two words of a Philox key, low word first.
pub const fn key(seed: u64) -> [u32; 2] {
    [seed as u32, (seed >> 32) as u32]
}

/// The three seeds of a run; they are independent streams even where their numbers agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// Initial parameters.
    pub initial: u64,
    /// Points.
    pub sample: u64,
    /// Orders of projection.
    pub order: u64,
}

impl Seeds {
    /// The convention of the revised study: the seed itself, + 1000 for points, + 2000 for orders.
    pub const fn of(master: u64) -> Self {
        Self { initial: master, sample: master.wrapping_add(1000), order: master.wrapping_add(2000) }
    }
}

/// Philox4x32-10: four random words for a 128-bit counter and a 64-bit key.
pub const fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let [mut a, mut b, mut c, mut d] = counter;
    let [mut k0, mut k1] = key;
    let mut round = 0;
    while round < 10 {
        let left = 0xD251_1F53_u64 * a as u64;
        let right = 0xCD9E_8D57_u64 * c as u64;
        (a, b, c, d) = ((right >> 32) as u32 ^ b ^ k0, right as u32, (left >> 32) as u32 ^ d ^ k1, left as u32);
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
        round += 1;
    }
    [a, b, c, d]
}

/// The upper 24 bits as a number in [0, 1), exact in f32.
pub fn uniform01(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// A standard normal number from two words by Box–Muller, in f64 (host only: initialisation).
pub fn normal(first: u32, second: u32) -> f64 {
    // The half keeps the logarithm finite.
    let u = (f64::from(first) + 0.5) / 4_294_967_296.0;
    let v = f64::from(second) / 4_294_967_296.0;
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

const ROUNDS: u32 = 6;
/// No walk ever gets here: a step leaves 0..n with probability below 3/4, so 1024 steps mean 10⁻¹²⁸.
const LONGEST_WALK: u32 = 1024;

/// The image of `index` under a random bijection of 0..n (1 ≤ n ≤ 2³⁰) chosen by `key`.
///
/// A balanced Feistel network permutes the next power of four; a value that falls outside 0..n is
/// permuted again until it returns (cycle walking), which keeps the map a bijection for every n.
pub fn permute(index: u32, n: u32, key: [u32; 2]) -> u32 {
    let bits = 32 - (n.max(2) - 1).leading_zeros();
    let half = bits.div_ceil(2);
    let mut walker = feistel(index, half, key);
    let mut walk = 0;
    while walker >= n && walk < LONGEST_WALK {
        walker = feistel(walker, half, key);
        walk += 1;
    }
    walker
}

fn feistel(value: u32, half: u32, key: [u32; 2]) -> u32 {
    let mask = (1 << half) - 1;
    let mut left = value >> half;
    let mut right = value & mask;
    for round in 0..ROUNDS {
        let word = if round & 1 == 0 { key[0] } else { key[1] };
        let stirred = scramble(right ^ word.wrapping_add(round.wrapping_mul(0x9E37_79B9)));
        (left, right) = (right, left ^ (stirred & mask));
    }
    (left << half) | right
}

/// The finaliser of MurmurHash3.
fn scramble(word: u32) -> u32 {
    let mut h = word;
    h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
    h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// The order in which `task` meets the `tasks` tasks (itself included) at `step`: Fisher–Yates from one
/// Philox block. Sixteen random bits per draw leave a bias below 10⁻⁴, and stay in 32-bit arithmetic.
///
/// # Panics
/// If `tasks` is above 8: one block holds eight 16-bit draws, and no problem has more terms.
pub fn order(seed: u64, step: u32, task: u32, tasks: usize) -> Vec<usize> {
    assert!(tasks <= 8, "an order is drawn for at most 8 tasks, not {tasks}");
    let words = philox([task, step, Stream::Order as u32, 0], key(seed));
    let mut order: Vec<usize> = (0..tasks).collect();
    for draw in 0..tasks.saturating_sub(1) {
        let last = tasks - 1 - draw;
        let bits = if draw < 4 { words[draw] >> 16 } else { words[draw - 4] & 0xFFFF };
        order.swap(last, (bits as usize * (last + 1)) >> 16);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_known_answers_of_random123() {
        let ones = u32::MAX;
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([ones; 4], [ones; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, wanted) in cases {
            assert_eq!(philox(counter, key), wanted);
        }
    }

    #[test]
    fn uniform_stays_below_one() {
        assert_eq!(uniform01(0), 0.0);
        assert!(uniform01(u32::MAX) < 1.0);
    }

    #[test]
    fn permute_is_a_bijection_for_every_n() {
        let sizes = (1..=300).chain([1000, 1023, 1024, 1025, 4096, 10_000, 20_000, 65_537]);
        for (i, n) in sizes.enumerate() {
            let key = key(0x1234_5678_9abc_def0 ^ i as u64);
            let mut seen = vec![false; n as usize];
            for index in 0..n {
                let image = permute(index, n, key);
                assert!(image < n, "n = {n}: {index} → {image}");
                assert!(!std::mem::replace(&mut seen[image as usize], true), "n = {n}: {image} twice");
            }
        }
    }

    #[test]
    fn permute_spreads_every_index_evenly() {
        for n in [2_u32, 3, 5, 8, 13] {
            let draws = 20_000;
            let mut counts = vec![0.0_f64; n as usize];
            for seed in 0..draws {
                let words = philox([0, seed, 9, 9], [1, 2]);
                counts[permute(1, n, [words[0], words[1]]) as usize] += 1.0;
            }
            let mean = f64::from(draws) / f64::from(n);
            for count in counts {
                assert!((count - mean).abs() < 6.0 * mean.sqrt(), "n = {n}: {count} of {mean}");
            }
        }
    }

    #[test]
    fn neighbours_are_not_kept_together() {
        let n = 1000;
        let key = [17, 23];
        let close = (1..n).filter(|&k| permute(k, n, key).abs_diff(permute(k - 1, n, key)) < 10).count();
        assert!(close < 50, "{close} of {n} neighbours stay within 10 strata; about 20 are expected");
    }

    #[test]
    fn orders_are_permutations_and_all_occur() {
        for tasks in 1..=8 {
            let mut sorted = order(7, 3, 1, tasks);
            sorted.sort_unstable();
            assert_eq!(sorted, (0..tasks).collect::<Vec<_>>());
        }
        let seen: std::collections::HashSet<_> = (0..2000).map(|step| order(1, step, 0, 4)).collect();
        assert_eq!(seen.len(), 24);
    }

    #[test]
    fn normal_has_mean_zero_and_variance_one() {
        let n = 100_000_u32;
        let draws: Vec<f64> = (0..n)
            .map(|i| {
                let w = philox([i, 0, 0, 0], [5, 6]);
                normal(w[0], w[1])
            })
            .collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|d| d * d).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }
}
