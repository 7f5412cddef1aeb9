//! The terms of a problem in groups that travel with one jet.

use encase::ShaderType;

use crate::error::{Error, Result};
use crate::gpu::Part;
use crate::math::Jet;
use crate::problems::{Equation, Problem};

use super::network::Network;
use super::prelude::{Prelude, plugin, shader};
use super::step::{Setup, Share, common_prelude};
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
    /// The texts of their residuals.
    pub residuals: Vec<Part>,
}

impl Group {
    /// The constants of its kernels; its workgroups are counted from `first`, and each walks over `tiles` tiles.
    pub fn prelude(&self, setup: &Setup, network: &Network, first: usize, tiles: usize) -> Prelude {
        let mut prelude = network_prelude(setup, network);
        prelude.u32("SHARE_SLOTS", SHARE_SLOTS).u32("KERNEL_SHARES", self.shares.len());
        prelude.u32("FIRST_WORKGROUP", first).note("workgroups of kernels before this one");
        prelude.u32("TILES", tiles).note("of a workgroup, at most");
        prelude.bool("PAIRED", self.shares.iter().any(|share| setup.problem.partner(share.term).is_some()));
        condition_constants(setup, &mut prelude);
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

/// The equation with its own jet; then every other condition with values, or values and slopes where one of them
/// asks for slopes. A target may have both in one. Terms come in the problem's order, the equation first, so each kernel's
/// slabs lie together.
///
/// # Errors
/// Terms that travel together have more derivatives than a jet holds.
pub fn groups(setup: &Setup, target: &dyn Target) -> Result<Vec<Group>> {
    let terms = setup.problem.terms();
    let shares = setup.shares().0;
    let own = setup.problem.jet();
    if target.merges(own.streams()) {
        let jet = jet_of_terms(setup.problem, 0..terms.len())?;
        return Ok(vec![Group { name: "all terms", jet, shares, residuals: residuals(setup.problem, true, true) }]);
    }
    let (equation, conditions): (Vec<_>, Vec<_>) =
        shares.into_iter().partition(|share| matches!(terms[share.term].equation, Equation::Pde));
    let jet = jet_of_terms(setup.problem, conditions.iter().map(|share| share.term))?;
    let all = [
        Group { name: "equation", jet: own, shares: equation, residuals: residuals(setup.problem, true, false) },
        Group { name: "conditions", jet, shares: conditions, residuals: residuals(setup.problem, false, true) },
    ];
    Ok(all.into_iter().filter(|group| !group.shares.is_empty()).collect())
}

/// The jet that all of these terms can travel with.
///
/// # Errors
/// Together they have more derivatives than a jet holds.
pub fn jet_of_terms(problem: &dyn Problem, terms: impl Iterator<Item = usize>) -> Result<Jet> {
    let jets: Vec<Jet> = terms.map(|term| problem.jet_of(term)).collect();
    Jet::joined(&jets, problem.axes().len()).map_err(Error::Usage)
}

/// The texts of the residuals of a problem's equation, of its conditions, or of both, and what chooses by term.
pub fn residuals(problem: &dyn Problem, equation: bool, conditions: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    if equation {
        parts.push(plugin("residuals", problem.shader_name(), problem.shader()));
    }
    if conditions {
        parts.push(shader("residuals/conditions"));
    }
    let branch = |own: &str, other: &str| match (equation, conditions) {
        (true, true) => format!("    if term == TERM_PDE {{ return {own}; }}\n    return {other};\n"),
        (true, _) => format!("    return {own};\n"),
        _ => format!("    return {other};\n"),
    };
    let text = format!(
        "// The residual of a term, and its adjoint.\n\
         fn term_residual(term: u32, u: Fields, data: vec4f) -> vec4f {{\n{}}}\n\
         fn term_adjoint(term: u32, u: Fields, r_bar: vec4f) -> Fields {{\n{}}}\n",
        branch("residual(term, u, data)", "condition(term, u, data)"),
        branch("residual_adjoint(term, u, r_bar)", "condition_adjoint(term, u, r_bar)")
    );
    parts.push(Part::new("terms", text));
    parts
}

/// Kind, first field, number of fields, axis and scale of each term's condition; the equation's own entry is never
/// looked at.
pub fn condition_constants(setup: &Setup, prelude: &mut Prelude) {
    const KINDS: [&str; 4] = ["CONDITION_VALUES", "CONDITION_SLOPE", "CONDITION_VELOCITY", "CONDITION_PERIODIC"];
    for (kind, name) in KINDS.iter().enumerate() {
        prelude.u32(name, kind);
    }
    let of = |equation: Equation| match equation {
        Equation::Pde => [0, 0, 0, 0],
        Equation::Values { first, count } | Equation::MeanValues { first, count } => [0, first, count, 0],
        Equation::Slope { field, axis } => [1, field, 1, axis],
        Equation::Velocity => [2, 0, 1, 0],
        Equation::Periodic { count, axis } => [3, 0, count, axis],
    };
    let terms = setup.problem.terms();
    let all: Vec<[usize; 4]> = terms.iter().map(|term| of(term.equation)).collect();
    prelude.f32s("CONDITION_SCALE", &terms.iter().map(|term| term.equation.value_scale()).collect::<Vec<_>>());
    let names = ["CONDITION_KIND", "CONDITION_FIELD", "CONDITION_COUNT", "CONDITION_AXIS"];
    for (column, name) in names.iter().enumerate() {
        prelude.u32s(name, &all.iter().map(|row| row[column]).collect::<Vec<_>>());
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
            weight: (1.0 / count as f64) as f32,
            term: share.term as u32,
            partner_axis: axis as u32,
            partner_at: at as f32,
        };
    }
    let mut bytes = encase::UniformBuffer::new(Vec::new());
    bytes.write(&table).expect("a fixed array fits a growing vector");
    bytes.into_inner()
}
