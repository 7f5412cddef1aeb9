//! What coefficients are compared on is worth comparing: `lab::strategies` meets conflicts of every kind.

mod common;

use acr_pinn_gpu::kernels::{self, Tile};
use acr_pinn_gpu::lab::steps::{SMALL, small};
use acr_pinn_gpu::lab::strategies::{SITUATIONS, orders, rows};
use acr_pinn_gpu::math::Variant;
use acr_pinn_gpu::networks::Mlp;
use acr_pinn_gpu::problems::{Burgers, KleinGordon};
use acr_pinn_gpu::strategies::{Gram, PcGrad, Seen, Strategy};
use acr_pinn_gpu::{lab, strategies};
use common::{Case, Report};

/// PCGrad changes most situations, and not always in the same way.
#[test]
fn situations_conflict() {
    let rates: Vec<f64> = (0..SITUATIONS)
        .map(|situation| {
            let gram = Gram::of(&rows(situation, 4));
            let c = PcGrad.coefficients(&gram, &Seen { orders: orders(situation, 4), ..Seen::default() }, &mut []);
            gram.conflicts(&c).conflict_rate
        })
        .collect();
    let conflicting = rates.iter().filter(|rate| **rate > 0.0).count();
    assert!(conflicting > SITUATIONS * 3 / 4, "{conflicting} of {SITUATIONS}");
    assert!(rates.iter().any(|rate| *rate > 0.6) && rates.contains(&0.0));
}

/// As many terms as a kernel can hold, more than any problem has, for every rule.
#[test]
fn every_rule_on_eight_terms() {
    let gpu = common::gpu();
    for &strategy in strategies::ALL {
        let report = lab::strategies::check(&gpu, strategy, 8).unwrap();
        let worst = report.worst().unwrap();
        eprintln!("{:<12} {:.1e} of {:.1e} at {}", strategy.name(), worst.error, worst.limit, worst.place);
        report.finish();
    }
}

/// Every plan on both targets measures residuals first where points have weights, and probes them where they are probed.
#[test]
fn passes_before_the_step() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let more = |strategy: &&&dyn Strategy| strategy.weighing().is_some() || strategy.probe_period().is_some();
    for &strategy in strategies::ALL.iter().filter(more) {
        for &plan in kernels::ALL {
            let case = Case::new(&Burgers, &Mlp, Variant::V2, [5, 1], &[21, 5, 3, 4]);
            for tile in [Tile::Gpu(kernels::gpu::Gpu { groups: 2, ..SMALL }), small(&gpu, &case.setup())] {
                let case = case.clone();
                Case { strategy, plan, tile: Some(tile), ..case }.verify(&gpu, &mut report);
            }
        }
    }
    report.finish();
}

/// Coefficients of a step of four terms follow from its own rows, losses and entries: what the verb `gradients` writes.
#[test]
fn every_rule_in_a_step() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    for &strategy in strategies::ALL {
        let case = Case::new(&KleinGordon::DEFAULT, &Mlp, Variant::V2, [5, 1], &[11, 5, 3]);
        let case = Case { strategy, tile: Some(small(&gpu, &case.setup())), ..case };
        case.verify(&gpu, &mut report);
    }
    report.finish();
}
