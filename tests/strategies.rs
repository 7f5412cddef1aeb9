//! What coefficients are compared on is worth comparing: `lab::strategies` meets conflicts of every kind.

use acr_pinn_gpu::lab::strategies::{SITUATIONS, orders, rows};
use acr_pinn_gpu::strategies::{Gram, PcGrad, Strategy};

/// PCGrad changes most situations, and not always in the same way.
#[test]
fn situations_conflict() {
    let rates: Vec<f64> = (0..SITUATIONS)
        .map(|situation| {
            let gram = Gram::of(&rows(situation, 4));
            let c = PcGrad.coefficients(&gram, &orders(situation, 4));
            gram.conflicts(&c).conflict_rate
        })
        .collect();
    let conflicting = rates.iter().filter(|rate| **rate > 0.0).count();
    assert!(conflicting > SITUATIONS * 3 / 4, "{conflicting} of {SITUATIONS}");
    assert!(rates.iter().any(|rate| *rate > 0.6) && rates.contains(&0.0));
}
