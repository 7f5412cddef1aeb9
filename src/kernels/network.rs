//! A network's program as WGSL: one small function per stage, its equation above it, and the order in which a layer goes
//! through them. What a stage does with a row stands in `forward.rs` and `backward.rs`; how rows are multiplied
//! and shared among threads is the target's business.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::gpu::Part;
use crate::networks::program::{Activation, Source};
use crate::networks::{Program, Shape};

use super::packing::Packing;
use super::prelude::{Prelude, shader};
use super::target::{Body, Operand, Target};

pub use super::work::Way;

/// A network to be written out for a target.
pub struct Network<'a> {
    pub program: Program,
    pub shape: &'a Shape,
    pub target: &'a dyn Target,
    pub packing: &'a Packing,
}

/// How much of a layer one kernel does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// What follows a product happens to its rows while they are in registers.
    Fused,
    /// Every op writes its result to memory and the next one reads it there.
    Apart,
}

/// The layers that a stage belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    Always,
    /// The first alone: what all layers share is computed there, and its gradient completed.
    First,
    /// All but the first.
    NotFirst,
}

impl When {
    /// Whether `layer` is one of them.
    pub fn includes(self, layer: usize) -> bool {
        match self {
            When::Always => true,
            When::First => layer == 0,
            When::NotFirst => layer > 0,
        }
    }
}

/// A function of the kernel, and what it may not begin before or be followed by without a barrier.
pub struct Stage {
    /// The call, such as `s_stage(l);`.
    pub call: String,
    pub text: String,
    /// What it does, for listings.
    pub label: String,
    /// The map that it multiplies, transposes or takes the gradient of.
    pub map: Option<(usize, Way)>,
    /// Feature vectors of which it reads rows that other threads may have written.
    pub(super) reads: BTreeSet<String>,
    pub(super) writes: BTreeSet<String>,
    pub when: When,
}

impl Network<'_> {
    /// Feature vectors that a tile needs: those outside the layers, cotangents of a layer, what all layers share, results
    /// of all layers.
    pub fn vectors(&self) -> usize {
        self.layers_at() + self.shape.depth * self.results()
    }

    /// Results that a layer keeps: of every map of its own, and of the join.
    fn results(&self) -> usize {
        let own = self.program.maps.iter().filter(|map| !map.shared).count();
        own + usize::from(self.program.join.is_some())
    }

    /// The most feature vectors that one map reads.
    fn widest(&self) -> usize {
        self.program.parts().into_iter().fold(1, usize::max)
    }

    fn product_at(&self) -> usize {
        4 + self.widest()
    }

    fn cotangents_at(&self) -> usize {
        self.product_at() + self.widest()
    }

    fn shared_at(&self) -> usize {
        self.cotangents_at() + self.program.maps.len()
    }

    fn layers_at(&self) -> usize {
        self.shared_at() + self.program.maps.iter().filter(|map| map.shared).count()
    }

    /// Numbers of feature vectors that its maps read.
    pub fn parts(&self) -> BTreeSet<usize> {
        self.program.parts()
    }

    /// Constants and functions that say where everything lies.
    pub fn declarations(&self, prelude: &mut Prelude) -> Part {
        prelude.u32("INPUT", 0).note("feature vectors outside the layers: x̂,");
        prelude.u32("OUTPUT", 1).note("the fields y,").u32("OUTPUT_BAR", 2).note("ȳ,");
        prelude.u32("A_BAR", 3).note("ā of the layer at hand: a thread touches its own rows at its own points only");
        prelude.u32("SUMS", 4).note("rows that do not fit registers");
        prelude.u32("PRODUCT", self.product_at()).note("a transposed product, where it is an op of its own");
        prelude.u32("LAYERS", self.layers_at()).note("the first layer's results");
        prelude.u32("RESULTS", self.results()).note("results of a layer, in this order:");
        let [mut shared, mut own] = [self.shared_at(), 0];
        for (m, map) in self.program.maps.iter().enumerate() {
            let name = map.name.to_uppercase();
            let next = if map.shared { &mut shared } else { &mut own };
            prelude.u32(&name, *next).note(&map.equation());
            prelude
                .u32(&format!("Z_{name}_BAR"), self.cotangents_at() + m)
                .note("cotangent of what its activation is taken of");
            *next += 1;
            let (run, linear) = (self.target.run(), map.linear);
            let of = if map.shared { "the" } else { "a layer's" };
            prelude.u32(&format!("WEIGHTS_{name}"), self.packing.maps[m].forward / run);
            prelude.note(&format!("{linear}, in {of} weights"));
            prelude.u32(&format!("TRANSPOSE_{name}"), self.packing.maps[m].transpose / run).note("its transpose");
            prelude
                .u32(&format!("SLAB_{name}"), self.packing.maps[m].slab)
                .note(&format!("its gradients, in {of} part of the slab"));
        }
        if self.program.join.is_some() {
            prelude.u32("A", own).note(self.program.join.as_ref().map_or("", |join| join.op.equation()));
        }
        prelude.u32("VECTORS", self.vectors()).note("feature vectors of a tile");
        let last = self.layers_at() + self.shape.depth * self.results() - 1;
        prelude.u32("LAST", last).note("the last layer's output");
        let mut text = String::from(
            "// The results of layer l begin here. They are neighbours, so one product may run through several: [s; e₁; e₂].\n\
             fn layer(l: u32) -> u32 { return LAYERS + l * RESULTS; }\n\
             // The last of the layer before, which is that layer's output.\n\
             fn previous(l: u32) -> u32 { return layer(l) - 1u; }\n\
             // The packed weights of layer l, and its part of the slab.\n\
             fn weights_of(l: u32) -> u32 { return l * LAYER_WEIGHTS; }\n\
             fn slab_of(l: u32) -> u32 { return slab_at + SLAB_LAYERS_AT + l * SLAB_LAYER; }\n",
        );
        if self.program.scale().is_some() {
            text.push_str("fn rho(l: u32) -> f32 { return weight(SCALE_AT + l).x; }\n");
        }
        Part::new("network", text)
    }

    /// The texts of the ops that the program needs.
    pub fn ops(&self) -> Vec<Part> {
        let used = |activation: &&Activation| self.program.maps.iter().any(|map| map.activation == Some(**activation));
        let activations = Activation::ALL.iter().filter(used).map(|a| a.name());
        let join = self.program.join.iter().map(|join| join.op.name());
        activations.chain(join).map(|name| shader(&format!("ops/{name}"))).collect()
    }

    /// WGSL: the feature vector of the result of map `m`.
    pub(super) fn result(&self, m: usize) -> String {
        let map = &self.program.maps[m];
        let name = map.name.to_uppercase();
        if map.shared { name } else { format!("layer(l) + {name}") }
    }

    /// WGSL: the feature vector of the cotangent of its linear part.
    pub(super) fn z_bar(&self, m: usize) -> String {
        format!("Z_{}_BAR", self.program.maps[m].name.to_uppercase())
    }

    /// WGSL: where something of map `m` begins, `OF_NAME`, within its layer if it has one.
    pub(super) fn place(&self, m: usize, of: &str, layer: &str) -> String {
        let map = &self.program.maps[m];
        let name = format!("{of}_{}", map.name.to_uppercase());
        match (map.shared, of) {
            (false, _) => format!("{layer} + {name}"),
            (true, "SLAB") => format!("slab_at + {name}"),
            (true, _) => name,
        }
    }

    pub(super) fn when(&self, m: usize) -> When {
        if self.program.maps[m].shared { When::First } else { When::Always }
    }

    /// What a source is called in a kernel's constants, as far as barriers are concerned.
    pub(super) fn key(&self, source: Source) -> String {
        match source {
            Source::Coordinates | Source::Coordinate(_) => "x".into(),
            Source::Previous => "a".into(),
            Source::Result(map) => self.program.maps[map].name.into(),
        }
    }

    /// What map `m` multiplies in the first layer and in the others.
    pub(super) fn operands(&self, m: usize) -> [Operand; 2] {
        [0, 1].map(|layer| {
            let features = self.program.features(m, layer);
            match features.first() {
                Some(Source::Result(first)) => Operand::Vectors(self.result(*first), features.len()),
                Some(_) => Operand::Vectors("previous(l)".into(), features.len()),
                None => Operand::Coordinates,
            }
        })
    }

    /// A stage that treats row by row.
    pub(super) fn rows_stage(&self, name: &str, equation: String, write: &dyn Fn(&mut Body)) -> Stage {
        let rows = self.target.every_row(write);
        Stage {
            call: format!("{name}(l);"),
            text: format!("// {equation}\nfn {name}(l: u32) {{\n{rows}}}\n"),
            label: equation,
            map: None,
            reads: BTreeSet::new(),
            writes: BTreeSet::new(),
            when: When::Always,
        }
    }

    /// The stages as functions, and `header` as one that calls them in turn, with a barrier wherever a stage reads rows
    /// that other threads have written since the last one.
    pub fn sequence(&self, header: &str, stages: &[Stage]) -> String {
        let mut text = String::new();
        stages.iter().for_each(|stage| text.push_str(&stage.text));
        let _ = writeln!(text, "{header} {{");
        let mut written: BTreeSet<&String> = BTreeSet::new();
        for stage in stages {
            let crosses = self.target.shares_rows() || matches!(stage.map, Some((_, Way::Gradient)));
            if crosses && stage.reads.iter().any(|vector| written.contains(vector)) {
                text.push_str("    barrier();\n");
                written.clear();
            }
            let _ = match stage.when {
                When::Always => writeln!(text, "    {}", stage.call),
                When::First => writeln!(text, "    if l == 0u {{ {} }}", stage.call),
                When::NotFirst => writeln!(text, "    if l > 0u {{ {} }}", stage.call),
            };
            written.extend(&stage.writes);
        }
        text + "    barrier();\n}\n"
    }
}
