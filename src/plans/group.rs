//! The terms of a problem in groups that travel with one jet, and the kernels of a group.

use encase::ShaderType;

use crate::error::Result;
use crate::gpu::{Buffer, Dispatch, Gpu, Kernel, Part, Resource};
use crate::math::Jet;
use crate::networks::wiring::Wiring;
use crate::problems::Equation;

use super::prelude::{Prelude, plugin, shader};
use super::step::{Setup, Share};
use super::work::{self, Way};

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
pub(super) struct Group {
    /// For listings.
    pub name: &'static str,
    /// What its points carry through the network.
    pub jet: Jet,
    /// Its terms on their point sets.
    pub shares: Vec<Share>,
    /// The text of their residuals.
    pub residual: Part,
}

/// A group's kernels with their buffers.
pub(super) struct GroupKernels<'a> {
    /// Where they run.
    pub gpu: &'a Gpu,
    pub setup: &'a Setup<'a>,
    /// The wiring of the network.
    pub wiring: &'a Wiring,
    pub group: &'a Group,
    pub prelude: Prelude,
    pub parts: Vec<Part>,
    pub buffers: Vec<(&'a str, &'a dyn Resource)>,
    pub workgroups: usize,
}

impl GroupKernels<'_> {
    /// The kernel `kernels/<label>`, with more constants.
    pub fn link(&self, label: &str, constants: impl FnOnce(&mut Prelude)) -> Result<Kernel> {
        let mut prelude = self.prelude.clone();
        constants(&mut prelude);
        let mut parts = vec![prelude.part()];
        parts.extend_from_slice(&self.parts);
        parts.push(shader(&format!("kernels/{label}")));
        Kernel::link(self.gpu, label, &parts)
    }

    /// `copies` times the group's workgroups of `kernel`, with its buffers and `more`: in listings as `name`, with the
    /// arithmetic `of_point` of each of its points.
    pub fn dispatch(
        &self,
        kernel: &Kernel,
        copies: usize,
        more: &[(&str, &dyn Resource)],
        name: &str,
        of_point: impl Fn(Jet) -> f64,
    ) -> Result<Dispatch> {
        let buffers = [&self.buffers, more].concat();
        let of_share =
            |share: &Share| work::points_of(self.setup, share) as f64 * of_point(self.setup.problem.jet_of(share.term));
        let flop = self.group.shares.iter().map(of_share).sum();
        let dispatch = kernel.bind(self.gpu, &buffers)?.workgroups((copies * self.workgroups) as u32);
        Ok(dispatch.counted(format!("{name} ({})", self.group.name), flop))
    }

    /// The arithmetic of a point in all hidden layers, these ways.
    pub fn all_layers(&self, ways: &[Way], jet: Jet) -> f64 {
        (0..self.setup.shape.depth).map(|layer| self.layer(layer, ways, jet)).sum()
    }

    /// The arithmetic of a point in one hidden layer, these ways.
    pub fn layer(&self, layer: usize, ways: &[Way], jet: Jet) -> f64 {
        ways.iter().map(|&way| work::layer(self.setup, layer, way, jet)).sum()
    }
}

/// The equation with its own jet; then every other condition with values, or values and slopes where one of them
/// asks for slopes. Terms come in the problem's order, the equation first, so each kernel's slabs lie together.
pub(super) fn groups(setup: &Setup) -> Vec<Group> {
    let terms = setup.problem.terms();
    let (equation, conditions): (Vec<_>, Vec<_>) =
        setup.shares().0.into_iter().partition(|share| matches!(terms[share.term].equation, Equation::Pde));
    let slopes = conditions.iter().any(|share| setup.problem.jet_of(share.term) == Jet::Gradient);
    let jet = if slopes { Jet::Gradient } else { Jet::Value };
    let own = plugin("residuals", setup.problem.shader_name(), setup.problem.shader());
    vec![
        Group { name: "equation", jet: setup.problem.jet(), shares: equation, residual: own },
        Group { name: "conditions", jet, shares: conditions, residual: shader("residuals/conditions") },
    ]
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
pub(super) fn share_table(gpu: &Gpu, setup: &Setup, group: &Group, firsts: &[usize]) -> Result<Buffer> {
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
    gpu.uniform("shares", bytes.as_ref())
}
