//! NumPy's default generator (PCG64 seeded by SeedSequence, as in NumPy 1.26), to regenerate published test
//! points bit for bit. Runs of this program never draw from it: see [`crate::math::rng`].
//!
//! Sources: O'Neill, "PCG: a family of simple fast space-efficient statistically good algorithms for random
//! number generation", 2014 (XSL-RR 128/64); NumPy's `SeedSequence` and `Generator`.

/// Multiplier of the 128-bit linear congruential generator.
const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Pcg64 {
    state: u128,
    increment: u128,
    /// The upper half of the last word that was drawn for 32 bits.
    spare: Option<u32>,
}

impl Pcg64 {
    /// The stream of `numpy.random.Generator(PCG64(SeedSequence(entropy)))`.
    pub fn new(entropy: &[u64]) -> Self {
        let [s0, s1, i0, i1] = seed_words(entropy).map(u128::from);
        let mut stream = Self { state: 0, increment: ((i0 << 64 | i1) << 1) | 1, spare: None };
        stream.advance();
        stream.state = stream.state.wrapping_add(s0 << 64 | s1);
        stream.advance();
        stream
    }

    fn advance(&mut self) {
        self.state = self.state.wrapping_mul(MULTIPLIER).wrapping_add(self.increment);
    }

    /// 64 random bits.
    pub fn next64(&mut self) -> u64 {
        self.advance();
        let folded = (self.state >> 64) as u64 ^ self.state as u64;
        folded.rotate_right((self.state >> 122) as u32)
    }

    fn next32(&mut self) -> u32 {
        self.spare.take().unwrap_or_else(|| {
            let word = self.next64();
            self.spare = Some((word >> 32) as u32);
            word as u32
        })
    }

    /// Uniform in [0, 1) with 53 bits: `Generator.random()`.
    pub fn uniform(&mut self) -> f64 {
        (self.next64() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// `Generator.permutation(n)`: Fisher–Yates, indices by rejection under a mask.
    pub fn permutation(&mut self, n: u32) -> Vec<u32> {
        let mut list: Vec<u32> = (0..n).collect();
        for last in (1..n).rev() {
            let mask = u32::MAX >> last.leading_zeros();
            let chosen = loop {
                let draw = self.next32() & mask;
                if draw <= last {
                    break draw;
                }
            };
            list.swap(last as usize, chosen as usize);
        }
        list
    }

    /// The reference implementation's Latin hypercube of `n` points in [0, 1]^`axes`, flat [n, axes]: for each
    /// axis in turn a permutation of the strata, then the places inside them.
    pub fn hypercube(&mut self, n: u32, axes: usize) -> Vec<f32> {
        let mut points = vec![0.0; n as usize * axes];
        for axis in 0..axes {
            for (k, stratum) in self.permutation(n).into_iter().enumerate() {
                points[k * axes + axis] = ((f64::from(stratum) + self.uniform()) / f64::from(n)) as f32;
            }
        }
        points
    }
}

/// `SeedSequence(entropy).generate_state(4, uint64)`.
fn seed_words(entropy: &[u64]) -> [u64; 4] {
    let words: Vec<u32> = entropy.iter().flat_map(|&number| little_endian(number)).collect();
    let mut hash = 0x43b0_d7e5_u32;
    let mut hashmix = |word: u32| {
        let mut v = word ^ hash;
        hash = hash.wrapping_mul(0x931e_8875);
        v = v.wrapping_mul(hash);
        v ^ (v >> 16)
    };
    let mix = |x: u32, y: u32| {
        let r = x.wrapping_mul(0xca01_f9dd).wrapping_sub(y.wrapping_mul(0x4973_f715));
        r ^ (r >> 16)
    };
    let mut pool: [u32; 4] = std::array::from_fn(|i| hashmix(words.get(i).copied().unwrap_or(0)));
    for source in 0..4 {
        for target in (0..4).filter(|&target| target != source) {
            pool[target] = mix(pool[target], hashmix(pool[source]));
        }
    }
    for &word in words.iter().skip(4) {
        for slot in &mut pool {
            *slot = mix(*slot, hashmix(word));
        }
    }
    let mut out = 0x8b51_f9dd_u32;
    let mut word = |k: usize| {
        let mut v = pool[k % 4] ^ out;
        out = out.wrapping_mul(0x58f3_8ded);
        v = v.wrapping_mul(out);
        u64::from(v ^ (v >> 16))
    };
    std::array::from_fn(|i| word(2 * i) | word(2 * i + 1) << 32)
}

/// A number as 32-bit words, lowest first; zero is one word.
fn little_endian(number: u64) -> Vec<u32> {
    let (low, high) = (number as u32, (number >> 32) as u32);
    if high == 0 { vec![low] } else { vec![low, high] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_numpys() {
        let entropy = [20018, 0];
        let mut stream = Pcg64::new(&entropy);
        let words: [u64; 3] = std::array::from_fn(|_| stream.next64());
        assert_eq!(words, [0x64a8_7c6a_010b_d9bd, 0x72b2_c252_1717_c41d, 0x8f55_3ecd_5350_42b7]);
        let mut stream = Pcg64::new(&entropy);
        let uniforms: [f64; 3] = std::array::from_fn(|_| stream.uniform());
        assert_eq!(uniforms, [0.393_195_892_219_451_95, 0.448_040_146_867_326_96, 0.559_894_490_364_343_7]);
        let mut stream = Pcg64::new(&entropy);
        assert_eq!(stream.permutation(10), [4, 0, 9, 3, 8, 1, 6, 5, 7, 2]);
        let after: [f64; 2] = std::array::from_fn(|_| stream.uniform());
        assert_eq!(after, [0.499_512_572_941_332_67, 0.205_118_871_750_836_1]);
    }

    #[test]
    fn large_entropy_fills_more_than_the_pool() {
        // numpy.random.SeedSequence([1 << 40, 2, 3, 4, 5]).generate_state(4, np.uint64)
        let wanted = [0x3603_2128_ad8d_6db8, 0xc115_5701_7b56_f5b9, 0x8fce_1285_9006_a193, 0x96a3_7c87_9965_644a];
        assert_eq!(seed_words(&[1 << 40, 2, 3, 4, 5]), wanted);
    }

    /// The reference implementation's own numbers (assets/golden/test_vectors.json, `rng.fast_lhs_8x2_float32`).
    #[test]
    fn the_hypercube_is_the_reference_implementations() {
        let points = Pcg64::new(&[20018, 0]).hypercube(8, 2);
        assert_eq!(points[..4], [0.597_072_3, 0.960_591_85, 0.039_113_21, 0.053_849_317]);
        assert_eq!(points[14..], [0.719_307_24, 0.173_153_64]);
    }
}
