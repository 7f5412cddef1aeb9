//! How much arithmetic a step must do, counted from its sizes: the same number for every plan, so that a plan that
//! computes something twice is not credited with it.
//!
//! Only linear maps count (they are nearly everything), a multiply–add as two operations. Per point, with s streams:
//!
//! * a map of r rows that reads c features: 2·r·c·s forward, the same for its weights' gradient, the same for the
//!   cotangent of what it reads: 6·r·c·s;
//! * a map that reads the d coordinates: their slopes are constants, so 2·r·d forward and 2·r·d for the gradient;
//! * of two branches (the collapsed softmax) only the difference: r rows, not 2·r.

use crate::math::Jet;
use crate::networks::wiring::Reads;
use crate::plans::Setup;

/// Floating-point operations that terms need in one step.
pub fn flop(setup: &Setup, wanted: impl Fn(usize) -> bool) -> f64 {
    let shares = setup.shares().0;
    let served = shares.iter().filter(|share| wanted(share.term));
    served
        .map(|share| points_of(setup, share.term, share.set) * flop_per_point(setup, setup.problem.jet_of(share.term)))
        .sum()
}

/// Points whose jets are needed: a condition on pairs needs those of the partners, too.
fn points_of(setup: &Setup, term: usize, set: usize) -> f64 {
    let each = if setup.problem.partner(term).is_some() { 2 } else { 1 };
    (each * setup.counts[set]) as f64
}

/// Forward and backward for one point that carries `jet`.
fn flop_per_point(setup: &Setup, jet: Jet) -> f64 {
    let shape = &setup.shape;
    let (rows, axes, streams) = (shape.width as f64, shape.inputs as f64, jet.streams() as f64);
    let features = |rows: f64, columns: f64| 6.0 * rows * columns * streams;
    let coordinates = 4.0 * rows * axes;
    let maps = setup.network.wiring(shape).maps;
    let layer = |layer: usize| -> f64 {
        let of = |reads: Reads| match reads {
            Reads::Coordinates => coordinates,
            Reads::Previous if layer == 0 => coordinates,
            Reads::Previous => features(rows, rows),
            Reads::Features(parts) => features(rows, parts as f64 * rows),
        };
        maps.iter().map(|map| of(map.reads)).sum()
    };
    (0..shape.depth).map(layer).sum::<f64>() + features(shape.outputs as f64, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Case;
    use crate::math::Variant;
    use crate::networks;
    use crate::problems;

    fn setup(problem: &str, network: &str, size: [usize; 2], counts: &[usize]) -> Setup<'static> {
        Case::new(problems::find(problem).unwrap(), networks::find(network).unwrap(), Variant::V2, size, counts).setup()
    }

    /// Klein–Gordon, LDA 4×50: by hand, square maps 3·W + 4·(3 G + 1 H) of 50×50 and an output row, and the maps of
    /// two coordinates: W once, U and V four times. 10 000 points with four streams come to 11.4 GFLOP.
    #[test]
    fn the_count_is_that_by_hand() {
        let kg = setup("klein-gordon", "lda", [50, 4], &[10_000, 200, 200]);
        let pde = 6.0 * (19.0 * 2500.0 + 50.0) * 4.0 + 4.0 * 9.0 * 100.0;
        assert_eq!(flop(&kg, |term| term == 0), 10_000.0 * pde);
        assert!((flop(&kg, |term| term == 0) / 1e9 - 11.4).abs() < 0.05);
        // bc and ic with values, ic_t with slopes: 1 + 1 + 3 streams on 200 points each
        let conditions = 6.0 * (19.0 * 2500.0 + 50.0) * 5.0 + 3.0 * 4.0 * 9.0 * 100.0;
        assert_eq!(flop(&kg, |term| term > 0), 200.0 * conditions);
        assert_eq!(flop(&kg, |_| true), flop(&kg, |term| term == 0) + flop(&kg, |term| term > 0));
    }

    /// MLP 2×10 with two outputs and eight streams; and pairs count twice, in each of their sets.
    #[test]
    fn outputs_streams_and_pairs_count() {
        let cavity = setup("cavity", "mlp", [10, 2], &[7]);
        let pde = 6.0 * (100.0 + 20.0) * 8.0 + 4.0 * 20.0;
        assert_eq!(flop(&cavity, |term| term == 0), 7.0 * pde);
        let schrodinger = setup("schrodinger", "mlp", [10, 1], &[5]);
        let boundary = 6.0 * 20.0 * 3.0 + 4.0 * 20.0;
        assert_eq!(flop(&schrodinger, |term| term == 1), 10.0 * boundary);
    }
}
