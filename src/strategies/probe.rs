//! A random look at how a term's residuals depend on the parameters: ‖∇θ Σ ± o‖² over some of its entries o, with random signs,
//! has the expectation of the trace of their tangent kernel.

use crate::math::rng;

/// Which entries of a term are looked at; they are counted over all its samples and components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Entries of the term.
    pub all: usize,
    /// From one that is looked at to the next.
    pub stride: usize,
}

impl Probe {
    /// Entries that are looked at, at most.
    pub const ENTRIES: usize = 128;
    /// Names their random numbers; see `STREAM_PROBE` of `probe.wgsl`.
    const STREAM: u32 = 7;

    /// Of a term of `all` entries.
    pub fn of(all: usize) -> Probe {
        Probe { all, stride: (all / Probe::ENTRIES).max(1) }
    }
    /// How many entries are looked at.
    pub fn entries(self) -> usize {
        self.all.div_ceil(self.stride).min(Probe::ENTRIES)
    }
    /// What a square counts: all entries over those that are looked at.
    pub fn scale(self) -> f64 {
        self.all as f64 / self.entries() as f64
    }
    /// The sign of the nth entry of `term` at `step`.
    pub fn sign(seed: u64, step: u32, term: usize, nth: usize) -> f64 {
        let word = rng::philox([nth as u32, step, Probe::STREAM, term as u32], rng::key(seed))[0];
        if word & 1 == 1 { 1.0 } else { -1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_qth_entry_is_looked_at() {
        for (all, stride, entries) in
            [(5, 1, 5), (128, 1, 128), (200, 1, 128), (256, 2, 128), (300, 2, 128), (10_000, 78, 128)]
        {
            let probe = Probe::of(all);
            assert_eq!((probe.stride, probe.entries()), (stride, entries), "{all}");
        }
        let sum: f64 = (0..1000).map(|nth| Probe::sign(7, 0, 1, nth)).sum();
        assert!(sum.abs() < 100.0, "{sum}");
    }
}
