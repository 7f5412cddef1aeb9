//! The terms of a problem in groups that travel with one jet.

use encase::ShaderType;

use crate::error::{Error, Result};
use crate::gpu::Part;
use crate::math::Jet;
use crate::problems::Carried;

use super::network::Network;
use super::prelude::Prelude;
use super::residuals::residuals;
use super::step::{Setup, Share, common_prelude, probe_constants};
use super::target::Target;

/// A term on one of its point sets as the kernel sees it; see `Share` in `shares.wgsl`.
#[derive(Clone, Copy, Default, ShaderType)]
struct ShareEntry {
    first_point: u32,
    first_sample: u32,
    count: u32,
    first_workgroup: u32,
    weight: f32,
    term: u32,
    partner_axis: u32,
    partner_at: f32,
}

/// The shares of one kernel must fit this uniform array.
pub(super) const SHARE_SLOTS: usize = 8;

/// The terms that one kernel serves, by their shares, and the jet they travel with.
pub struct Group {
    /// For listings.
    pub name: &'static str,
    /// What its points carry through the network.
    pub jet: Jet,
    /// Its terms on their point sets.
    pub shares: Vec<Share>,
    /// The text of their residuals.
    pub residuals: Part,
}

impl Group {
    /// Whether points of it have weights.
    pub fn weighed(&self, setup: &Setup) -> bool {
        self.shares.iter().any(|share| share.term < setup.weighed_terms())
    }

    /// The constants of its kernels; its workgroups are counted from `first`, and each walks over `tiles` tiles.
    pub fn prelude(&self, setup: &Setup, network: &Network, first: usize, tiles: usize) -> Prelude {
        let mut prelude = network_prelude(setup, network);
        prelude.u32("UNKNOWNS", setup.shape.unknowns);
        probe_constants(setup, &mut prelude);
        prelude.u32("SHARE_SLOTS", SHARE_SLOTS).u32("KERNEL_SHARES", self.shares.len());
        prelude.u32("FIRST_WORKGROUP", first).note("workgroups of kernels before this one");
        prelude.u32("TILES", tiles).note("of a workgroup, at most");
        prelude.bool("PAIRED", self.shares.iter().any(|share| setup.problem.partner(share.term).is_some()));
        prelude
    }
}

/// Constants that kernels with feature vectors expect.
pub(super) fn network_prelude(setup: &Setup, network: &Network) -> Prelude {
    let mut p = common_prelude(setup);
    let target = network.target;
    p.u32("WIDTH", setup.shape.width)
        .note("neurons of a hidden layer")
        .u32("DEPTH", setup.shape.depth)
        .note("hidden layers");
    p.u32("LANES", target.lanes()).u32("GROUPS", target.groups()).u32("THREADS", target.threads());
    p.note("of a workgroup: LANES × GROUPS");
    p.u32("POINTS", target.points()).note("of a tile");
    p.u32("STRIDE", target.stride(&setup.shape)).note("rows that a feature vector takes");
    for (name, value, note) in &network.packing.constants {
        p.u32(name, *value).note(note);
    }
    p
}

/// The differential equation with its own jet, then every other term with what those need together; or all in one, where
/// a target takes them so.
///
/// # Errors
/// Terms that travel together have more derivatives than a jet holds.
pub fn groups(setup: &Setup, target: &dyn Target) -> Result<Vec<Group>> {
    let statement = setup.problem.statement();
    let group = |name: &'static str, carried: &Carried| -> Result<Group> {
        let shares = setup.shares().0.into_iter().filter(|share| carried.terms.contains(&share.term)).collect();
        Ok(Group { name, jet: carried.jet, shares, residuals: residuals(setup.problem, carried)? })
    };
    match &statement.rest {
        Some(rest) if !target.merges(statement.main.jet.streams()) => {
            Ok(vec![group("equation", &statement.main)?, group("conditions", rest)?])
        }
        _ => Ok(vec![group("all terms", statement.all.as_ref().map_err(|what| Error::Usage(what.clone()))?)?]),
    }
}

/// The table of a kernel's shares; `firsts` are the workgroups that begin each.
pub(super) fn share_table(setup: &Setup, group: &Group, firsts: &[usize]) -> Vec<u8> {
    let (set_firsts, _) = setup.set_firsts();
    assert!(group.shares.len() <= SHARE_SLOTS, "more shares than a kernel has slots for");
    let mut table = [ShareEntry::default(); SHARE_SLOTS];
    for ((slot, share), &first) in table.iter_mut().zip(&group.shares).zip(firsts) {
        let count = setup.counts[share.set];
        // an axis that does not exist: points stand alone
        let (axis, at) = setup.problem.partner(share.term).unwrap_or((setup.shape.inputs, 0.0));
        *slot = ShareEntry {
            first_point: set_firsts[share.set] as u32,
            first_sample: share.first_sample as u32,
            count: count as u32,
            first_workgroup: first as u32,
            weight: setup.weight(share) as f32,
            term: share.term as u32,
            partner_axis: axis as u32,
            partner_at: at as f32,
        };
    }
    let mut bytes = encase::UniformBuffer::new(Vec::new());
    bytes.write(&table).expect("a fixed array fits a growing vector");
    bytes.into_inner()
}
