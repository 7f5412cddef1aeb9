//! How the terms' gradients become one: each strategy states it twice, on the gradient rows themselves and
//! as coefficients found from their Gram matrix alone (which is what the device does).

pub mod aligned_mtl;
pub mod brdr;
pub mod cagrad;
pub mod config;
mod cosines;
pub mod dcgd;
mod directions;
pub mod gradnorm;
pub mod gram;
pub mod imtl_g;
pub mod lra;
pub mod mgda;
pub mod ntk;
pub mod pcgrad;
mod probe;
pub mod rba;
pub mod sum;
pub mod upgrad;
pub mod weighing;

pub use aligned_mtl::AlignedMtl;
pub use brdr::Brdr;
pub use cagrad::CaGrad;
pub use config::Config;
pub use cosines::OWN;
pub use dcgd::Dcgd;
pub use gradnorm::GradNorm;
pub use gram::{Conflicts, Gram};
pub use imtl_g::ImtlG;
pub use lra::Lra;
pub use mgda::Mgda;
pub use ntk::Ntk;
pub use pcgrad::PcGrad;
pub use probe::Probe;
pub use rba::Rba;
pub use sum::Sum;
pub use upgrad::UpGrad;
pub use weighing::Weighing;

use crate::math::names;

/// Every strategy, in the order `list` prints them.
pub static ALL: &[&dyn Strategy] =
    &[&Sum, &PcGrad, &Config, &UpGrad, &CaGrad, &Mgda, &ImtlG, &AlignedMtl, &Dcgd, &GradNorm, &Lra, &Ntk, &Rba, &Brdr];

/// The strategy called `name`; the error says what was probably meant.
pub fn find(name: &str) -> Result<&'static dyn Strategy, String> {
    ALL.iter().copied().find(|strategy| strategy.name() == name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|strategy| strategy.name()).collect();
        names::unknown("strategy", name, &known)
    })
}

/// What a rule may look at besides the rows or their Gram matrix.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// Steps done before this one.
    pub step: u64,
    /// The learning rate of this step.
    pub rate: f64,
    /// `[K]`: the terms' losses.
    pub losses: Vec<f64>,
    /// `[K]`: what a probe finds ([`Strategy::probe_period`]); empty in steps without one.
    pub traces: Vec<f64>,
    /// `[K]`: how large the entries of each row are.
    pub entries: Vec<Entries>,
    /// `[K][K]`: in which order row i meets the others (itself included and skipped).
    pub orders: Vec<Vec<usize>>,
}

/// Sizes of the entries of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Entries {
    /// max |g|.
    pub largest: f64,
    /// mean |g|.
    pub mean: f64,
}

impl Seen {
    /// At the first step, with the rate zero.
    pub fn of(rows: &[Vec<f64>], losses: &[f64], orders: &[Vec<usize>]) -> Self {
        let entries = |row: &Vec<f64>| Entries {
            largest: row.iter().fold(0.0, |largest: f64, g| largest.max(g.abs())),
            mean: row.iter().map(|g| g.abs()).sum::<f64>() / row.len().max(1) as f64,
        };
        let entries = rows.iter().map(entries).collect();
        Self { losses: losses.to_vec(), entries, orders: orders.to_vec(), ..Self::default() }
    }
}

/// A rule that combines K gradient rows, from them or from their Gram matrix, from what else is [`Seen`], and from what it
/// keeps itself: `state`, of [`Strategy::state_length`] numbers, which a rule fills at step 0 and changes at every step.
pub trait Strategy: Sync {
    /// The public name: "sum" or "pcgrad".
    fn name(&self) -> &'static str;
    /// The title of reports.
    fn title(&self) -> &'static str;
    /// The text of its shader: coefficients from the Gram matrix on the device.
    fn shader(&self) -> &'static str;
    /// How many numbers it keeps from step to step.
    fn state_length(&self, _tasks: usize) -> usize {
        0
    }
    /// Whether it reads the sizes of the rows' entries, which are summed only then.
    fn reads_entries(&self) -> bool {
        false
    }
    /// Steps from one [`Probe`] of the terms' residuals to the next, if it asks for any.
    fn probe_period(&self) -> Option<u64> {
        None
    }
    /// How it weighs points, if it does.
    fn weighing(&self) -> Option<&dyn Weighing> {
        None
    }
    /// The combined gradient from the rows, as the paper prints it.
    fn combine(&self, rows: &[Vec<f64>], seen: &Seen, state: &mut [f64]) -> Vec<f64>;
    /// The coefficients c of Σ cₖ gₖ from the Gram matrix: another way to the same answer.
    fn coefficients(&self, gram: &Gram, seen: &Seen, state: &mut [f64]) -> Vec<f64>;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of different lengths whose conflicts are of every kind; every third time they are dependent.
    fn rows(seed: usize, tasks: usize) -> Vec<Vec<f64>> {
        let parameters = if seed.is_multiple_of(3) { tasks - 1 } else { 9 };
        let entry = |i: usize, m: usize| (1.3 * ((m + 1) * (i + 2 + seed)) as f64 + (i + 3 * seed) as f64).sin();
        let length = |i: usize| 10.0_f64.powi((i * 7 + seed) as i32 % 5 - 2);
        (0..tasks).map(|i| (0..parameters).map(|m| length(i) * entry(i, m)).collect()).collect()
    }

    #[test]
    fn rows_and_gram_matrix_give_the_same_gradient() {
        let orders = [vec![3, 1, 0, 2], vec![0, 2, 3, 1], vec![1, 0, 3, 2], vec![2, 3, 1, 0]];
        for (seed, strategy) in (0..60).flat_map(|seed| ALL.iter().map(move |strategy| (seed, strategy))) {
            let rows = rows(seed, 2 + seed % 3);
            let orders: Vec<Vec<usize>> =
                orders[..rows.len()].iter().map(|o| o.iter().copied().filter(|&j| j < rows.len()).collect()).collect();
            let gram = Gram::of(&rows);
            let losses: Vec<f64> = gram.entries()[..rows.len()].iter().map(|m| m.abs()).collect();
            let seen = Seen { traces: losses.clone(), ..Seen::of(&rows, &losses, &orders) };
            let mut state = [(); 2].map(|()| vec![0.0; strategy.state_length(rows.len())]);
            let combined = strategy.combine(&rows, &seen, &mut state[0]);
            let c = strategy.coefficients(&gram, &seen, &mut state[1]);
            assert_eq!(state[0].len(), state[1].len());
            let scale =
                c.iter().enumerate().map(|(k, c)| c.abs() * gram.at(k, k).sqrt()).fold(f64::MIN_POSITIVE, f64::max);
            for (m, wanted) in combined.iter().enumerate() {
                let got: f64 = c.iter().zip(&rows).map(|(c, row)| c * row[m]).sum();
                let error = (got - wanted).abs() / scale;
                assert!(error < 1e-8, "{} {seed}: {got} instead of {wanted}, {error:e}", strategy.name());
            }
        }
    }

    #[test]
    fn slips_are_named() {
        assert!(find("pcgrd").err().unwrap().contains("did you mean `pcgrad`"));
    }
}
