//! Races found without a GPU. The target `gpu` shares rows and workgroup memory among subgroups, and only barriers keep one from
//! reading what another has not written yet. Software runs subgroup after subgroup from barrier to barrier, always in one
//! order, so a barrier that is missing may go unnoticed for ever; walked over in another order, the bits change.

use crate::error::Result;
use crate::gpu::{Gpu, Walk};
use crate::kernels::gpu::Gpu as Target;
use crate::kernels::{Plan, Tile};
use crate::math::Variant;
use crate::networks::Network;
use crate::problems;

use super::case::{Case, Outcome, moved_parameters};
use super::report::Report;

/// Several groups, each of more than one subgroup of software rendering, two parts of a tile's points, and one workgroup for
/// all tiles: whatever is used again must wait.
pub const TILE: Target = Target { lanes: 16, groups: 3, rows: 2, columns: 1, slabs: 1 };

/// The orders that subgroups are walked over in besides the usual one.
pub const WALKS: [Walk; 2] = [Walk::Backwards, Walk::Swapped];

/// A small step of several tiles with several blocks of rows for each group.
pub fn case(network: &'static dyn Network, plan: &'static dyn Plan) -> Case {
    let case = Case::new(problems::ALL[0], network, Variant::V2, [7, 2], &[40, 20, 7]);
    let parameters = moved_parameters(case.problem, network, &case.shape, 7);
    Case { parameters, plan, tile: Some(Tile::Gpu(TILE)), ..case }
}

/// What must not depend on the order: losses and rows, bit by bit.
pub fn bits(outcome: &Outcome<f32>) -> Vec<u32> {
    outcome.losses.iter().chain(outcome.rows.iter().flatten()).map(|x| x.to_bits()).collect()
}

/// Whether `case` gives the same bits in every order.
///
/// # Errors
/// The step cannot be built or run.
pub fn check(gpu: &Gpu, case: &Case) -> Result<Report> {
    let mut report = Report::default();
    let usual = bits(&case.on_device(gpu)?);
    for walk in WALKS {
        let walked = gpu.reopen()?.with_walk(walk);
        let same = bits(&case.on_device(&walked)?) == usual;
        report.check(same, || {
            format!("{}: other bits with subgroups walked over {walk:?}: a barrier is missing", case.name())
        });
        report.check(walked.slips() >= 1, || "no kernel was walked over in another order".into());
    }
    Ok(report)
}
