//! A network's program as WGSL: one small function per stage, its equation above it, and the order in which a layer goes
//! through them. What a stage does with a row stands here; how rows are multiplied and shared among threads is the
//! target's business.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::gpu::Part;
use crate::networks::program::{Activation, Map, Scale, Source};
use crate::networks::{Program, Shape};

use super::packing::Packing;
use super::prelude::{Prelude, shader};
use super::target::{Body, Product, Target};

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
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
    /// Whether layer 0 does without it.
    pub not_first: bool,
}

pub use super::work::Way;

impl Network<'_> {
    /// Feature vectors that a tile needs: those outside the layers, cotangents of a layer, results of all layers.
    pub fn vectors(&self) -> usize {
        self.layers_at() + self.shape.depth * self.results()
    }

    /// Results that a layer keeps: of every map, and of the join.
    fn results(&self) -> usize {
        self.program.maps.len() + usize::from(self.program.join.name().is_some())
    }

    /// The most feature vectors that one map reads.
    fn widest(&self) -> usize {
        self.program.maps.iter().map(|map| map.features(1).len()).fold(1, usize::max)
    }

    fn product_at(&self) -> usize {
        4 + self.widest()
    }

    fn cotangents_at(&self) -> usize {
        self.product_at() + self.widest()
    }

    fn layers_at(&self) -> usize {
        self.cotangents_at() + self.program.maps.len()
    }

    /// Numbers of feature vectors that its maps read.
    pub fn parts(&self) -> BTreeSet<usize> {
        self.program.maps.iter().map(|map| map.features(1).len()).filter(|&parts| parts > 0).collect()
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
        for (m, map) in self.program.maps.iter().enumerate() {
            let name = map.name.to_uppercase();
            prelude.u32(&name, m).note(&map.equation());
            prelude
                .u32(&format!("Z_{name}_BAR"), self.cotangents_at() + m)
                .note("cotangent of what its activation is taken of");
            let (run, linear) = (self.target.run(), map.linear);
            prelude.u32(&format!("WEIGHTS_{name}"), self.packing.maps[m].forward / run);
            prelude.note(&format!("{linear}, in a layer's weights"));
            prelude.u32(&format!("TRANSPOSE_{name}"), self.packing.maps[m].transpose / run).note("its transpose");
            prelude
                .u32(&format!("SLAB_{name}"), self.packing.maps[m].slab)
                .note("its gradients, in a layer's part of the slab");
        }
        if self.program.join.name().is_some() {
            prelude.u32("A", self.program.maps.len()).note(self.program.join.equation());
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
        if self.program.join.scale().is_some() {
            text.push_str("fn rho(l: u32) -> f32 { return weight(SCALE_AT + l).x; }\n");
        }
        Part::new("network", text)
    }

    /// The texts of the ops that the program needs.
    pub fn ops(&self) -> Vec<Part> {
        let used = |activation: &Activation| self.program.maps.iter().any(|map| map.activation == *activation);
        let activations = Activation::ALL.iter().filter(|a| used(a)).map(|a| a.name());
        activations.chain(self.program.join.name()).map(|name| shader(&format!("ops/{name}"))).collect()
    }

    fn result(&self, map: usize) -> String {
        format!("layer(l) + {}", self.program.maps[map].name.to_uppercase())
    }

    fn z_bar(&self, map: usize) -> String {
        format!("Z_{}_BAR", self.program.maps[map].name.to_uppercase())
    }

    /// What a source is called in a kernel's constants, as far as barriers are concerned.
    fn key(&self, source: Source) -> String {
        match source {
            Source::Coordinates => "x".into(),
            Source::Previous => "a".into(),
            Source::Result(map) => self.program.maps[map].name.into(),
        }
    }

    fn first_vector(&self, map: &Map) -> Option<String> {
        match map.features(1).first()? {
            Source::Coordinates => None,
            Source::Previous => Some("previous(l)".into()),
            Source::Result(first) => Some(self.result(*first)),
        }
    }

    /// The stages of a layer on the way forward.
    pub fn forward(&self, grain: Grain) -> Vec<Stage> {
        let mut stages = Vec::new();
        for m in 0..self.program.maps.len() {
            stages.push(self.map_stage(m, grain));
            if grain == Grain::Apart {
                stages.push(self.activation_stage(m));
            }
        }
        if grain == Grain::Apart && self.program.join.name().is_some() {
            stages.push(self.join_stage());
        }
        stages
    }

    fn joins_in(&self, m: usize) -> bool {
        self.program.join.name().is_some() && m + 1 == self.program.maps.len()
    }

    fn map_stage(&self, m: usize, grain: Grain) -> Stage {
        let map = &self.program.maps[m];
        let upper = map.name.to_uppercase();
        let finish = |body: &mut Body, _: usize, z: &str| {
            let y = body.set(map.name, &format!("{}_jet({z})", map.activation.name()));
            body.keep(&self.result(m), &y);
            if self.joins_in(m) {
                self.write_join(body);
            }
        };
        let joined = if grain == Grain::Fused && self.joins_in(m) { self.program.join.equation() } else { "" };
        let equation = match grain {
            Grain::Fused if joined.is_empty() => map.equation(),
            Grain::Fused => format!("{},  {joined}", map.equation()),
            Grain::Apart => format!("z = {}", map.linear),
        };
        let name = format!("{}_stage", map.name);
        let product = Product {
            name: name.clone(),
            equation: equation.clone(),
            packed: format!("weights_of(l) + WEIGHTS_{upper}"),
            vector: self.first_vector(map),
            parts: map.features(1).len(),
            coordinates_first: map.reads_coordinates(0),
            biased: true,
            into: vec![self.result(m)],
            finish: (grain == Grain::Fused).then_some(&finish),
        };
        let mut writes = BTreeSet::from([map.name.to_owned()]);
        if grain == Grain::Fused && self.joins_in(m) {
            writes.insert("a".into());
        }
        Stage {
            call: format!("{name}(l);"),
            text: self.target.product(self.shape, &product),
            label: equation,
            map: Some((m, Way::Forward)),
            reads: map.reads.iter().map(|source| self.key(*source)).collect(),
            writes,
            not_first: false,
        }
    }

    fn write_join(&self, body: &mut Body) {
        let Some(join) = self.program.join.name() else { return };
        let arguments: Vec<String> = self
            .program
            .join
            .arguments()
            .iter()
            .map(|&map| body.load(self.program.maps[map].name, &self.result(map)))
            .collect();
        let a = body.set("a", &format!("{join}(rho(l), {})", arguments.join(", ")));
        body.keep("layer(l) + A", &a);
    }

    /// A stage that treats row by row.
    fn rows_stage(&self, name: &str, equation: String, write: &dyn Fn(&mut Body)) -> Stage {
        let rows = self.target.every_row(write);
        Stage {
            call: format!("{name}(l);"),
            text: format!("// {equation}\nfn {name}(l: u32) {{\n{rows}}}\n"),
            label: equation,
            map: None,
            reads: BTreeSet::new(),
            writes: BTreeSet::new(),
            not_first: false,
        }
    }

    fn activation_stage(&self, m: usize) -> Stage {
        let map = &self.program.maps[m];
        let name = map.activation.name();
        self.rows_stage(&format!("{}_{name}", map.name), format!("{} = {name}(z)", map.name), &|body| {
            let z = body.load("z", &self.result(m));
            let y = body.set(map.name, &format!("{name}_jet({z})"));
            body.keep(&self.result(m), &y);
        })
    }

    fn join_stage(&self) -> Stage {
        let name = self.program.join.name().unwrap_or_default();
        self.rows_stage(&format!("{name}_stage"), self.program.join.equation().into(), &|body| self.write_join(body))
    }

    /// The maps whose results nothing but the join reads: their cotangents are complete as soon as ā is.
    fn complete(&self) -> Vec<usize> {
        let maps = &self.program.maps;
        let read = |m: usize| maps.iter().any(|map| map.reads.contains(&Source::Result(m)));
        (0..maps.len()).filter(|&m| !read(m)).collect()
    }

    /// What the join passes on to the result of map `m`, given ā, or nothing.
    fn write_join_bar(&self, body: &mut Body, m: usize) -> Option<String> {
        let maps = &self.program.maps;
        let Some(join) = self.program.join.name() else {
            return (m + 1 == maps.len()).then(|| body.load("a_bar", "A_BAR"));
        };
        let arguments = self.program.join.arguments();
        let place = arguments.iter().position(|&argument| argument == m)?;
        let mut given = vec!["rho(l)".to_owned()];
        for &needed in self.program.join.adjoint_needs(place) {
            let map = arguments[needed];
            given.push(body.load(maps[map].name, &self.result(map)));
        }
        given.push(body.load("a_bar", "A_BAR"));
        Some(format!("{join}_{}_bar({})", maps[m].name, given.join(", ")))
    }

    /// The last op of a cotangent's way to z̄: through the activation.
    fn write_activation_bar(&self, body: &mut Body, m: usize, y_bar: &str) {
        let map = &self.program.maps[m];
        let y = body.load(map.name, &self.result(m));
        let z = body.set(&format!("z_{}_bar", map.name), &format!("{}_adjoint({y}, {y_bar})", map.activation.name()));
        body.keep(&self.z_bar(m), &z);
    }

    fn trains_scale(&self) -> bool {
        matches!(self.program.join.scale(), Some(Scale::Trained(_)))
    }

    /// The stages of a layer on the way back, from ā to ā of the layer before, without the gradients.
    pub fn backward(&self, grain: Grain) -> Vec<Stage> {
        let mut stages = vec![];
        let join_bars = |body: &mut Body, fused: bool| {
            for m in self.complete() {
                let name = format!("{}_bar", self.program.maps[m].name);
                let Some(value) = self.write_join_bar(body, m) else { continue };
                let y_bar = body.set(&name, &value);
                match fused {
                    true => self.write_activation_bar(body, m, &y_bar),
                    false => body.keep(&self.z_bar(m), &y_bar),
                }
            }
        };
        let names: Vec<String> =
            self.complete().iter().map(|&m| format!("{}_bar", self.program.maps[m].name)).collect();
        if grain == Grain::Fused {
            let through =
                format!("z_bar of {}, from a_bar through the join and the activation", self.names(&self.complete()));
            stages.push(self.join_bar_stage("join_bar", through, self.trains_scale(), &|body| join_bars(body, true)));
        } else {
            stages.push(
                self.rows_stage("join_bar", format!("{} from a_bar", names.join(", ")), &|b| join_bars(b, false)),
            );
            if self.trains_scale() {
                let equation = "rho_bar = Σ a_bar · what ρ scales".into();
                let mut scale = self.join_bar_stage("scale_bar", equation, true, &|_| {});
                // alone in its kernel it goes straight on to the next tile, whose sum takes the same memory
                scale.call.push_str(" thread_barrier();");
                stages.push(scale);
            }
            stages.extend(self.complete().iter().map(|&m| self.activation_bar_stage(m, &self.z_bar(m))));
        }
        for m in (0..self.program.maps.len()).rev().filter(|&m| !self.program.maps[m].features(1).is_empty()) {
            stages.push(self.transpose_stage(m, grain));
            if grain == Grain::Apart {
                for (part, source) in self.program.maps[m].features(1).into_iter().enumerate() {
                    let Source::Result(of) = source else { continue };
                    let product = format!("PRODUCT + {part}u");
                    if self.join_reaches(of) {
                        let name = format!("{}_bar", self.program.maps[of].name);
                        let equation =
                            format!("{}_bar = its part of the product, and of the join", self.program.maps[of].name);
                        stages.push(self.rows_stage(&name, equation, &|body| {
                            let u = body.load("u", &product);
                            let joined = self.write_join_bar(body, of).expect("the join reaches it");
                            let sum = body.set(&name, &format!("{u} + {joined}"));
                            body.keep(&product, &sum);
                        }));
                    }
                    stages.push(self.activation_bar_stage(of, &product));
                }
            }
        }
        stages
    }

    fn join_reaches(&self, m: usize) -> bool {
        self.write_join_bar(&mut Body::new("", "", 0, ""), m).is_some()
    }

    /// Row by row from ā, and the gradient of the scale, a sum over all rows and threads.
    fn join_bar_stage(&self, name: &str, equation: String, scale: bool, write: &dyn Fn(&mut Body)) -> Stage {
        let maps = &self.program.maps;
        let rows = self.target.every_row(&|body| {
            write(body);
            if scale {
                let arguments = self.program.join.arguments();
                let needed = self.program.join.scale_needs().iter().map(|&argument| arguments[argument]);
                let mut given: Vec<String> = needed.map(|m| body.load(maps[m].name, &self.result(m))).collect();
                given.push(body.load("a_bar", "A_BAR"));
                let join = self.program.join.name().unwrap_or_default();
                body.line(&format!("scale_bar += {join}_scale_bar({});", given.join(", ")));
            }
        });
        let [before, after, label] = match scale {
            true => ["    var scale_bar = 0.0;\n", "    sum_scale(local, l, scale_bar);\n", ", and rho_bar"],
            false => ["", "", ""],
        };
        let equation = if name == "scale_bar" { equation } else { format!("{equation}{label}") };
        let mut stage = self.rows_stage(name, equation, &|_| {});
        stage.call = format!("{name}(local, l);");
        stage.text = format!("// {}\nfn {name}(local: u32, l: u32) {{\n{before}{rows}{after}}}\n", stage.label);
        stage.writes = self.complete().iter().map(|&m| self.z_bar(m)).collect();
        stage
    }

    fn activation_bar_stage(&self, m: usize, from: &str) -> Stage {
        let map = &self.program.maps[m];
        let name = format!("{}_{}_bar", map.name, map.activation.name());
        let equation = format!("z_{}_bar from {}_bar, through {}", map.name, map.name, map.activation.name());
        self.rows_stage(&name, equation, &|body| {
            let y_bar = body.load(&format!("{}_bar", map.name), from);
            self.write_activation_bar(body, m, &y_bar);
        })
    }

    fn transpose_stage(&self, m: usize, grain: Grain) -> Stage {
        let map = &self.program.maps[m];
        let sources = map.features(1);
        let finish = |body: &mut Body, part: usize, u: &str| {
            let Source::Result(of) = sources[part] else { unreachable!("the layer before has its own") };
            let name = format!("{}_bar", self.program.maps[of].name);
            let y_bar = match self.write_join_bar(body, of) {
                Some(joined) => body.set(&name, &format!("{u} + {joined}")),
                None => u.to_owned(),
            };
            self.write_activation_bar(body, of, &y_bar);
        };
        let into = sources.iter().enumerate().map(|(part, source)| match source {
            Source::Result(of) if grain == Grain::Fused => self.z_bar(*of),
            Source::Result(_) => format!("PRODUCT + {part}u"),
            _ => "A_BAR".into(),
        });
        let names: Vec<String> = sources.iter().map(|source| format!("{}_bar", self.key(*source))).collect();
        let matrix: String = map.linear.chars().take(1).collect();
        let equation = match grain {
            Grain::Fused => {
                format!(
                    "[{}] = {matrix}ᵀ z_{}_bar, and what the join adds; each goes on through its activation",
                    names.join("; "),
                    map.name
                )
            }
            Grain::Apart => format!("{matrix}ᵀ z_{}_bar", map.name),
        };
        let previous = sources.contains(&Source::Previous);
        let equation =
            if previous { format!("a_bar of the layer before = {matrix}ᵀ z_{}_bar", map.name) } else { equation };
        let name = format!("{}_transpose", map.name);
        let product = Product {
            name: name.clone(),
            equation: equation.clone(),
            packed: format!("weights_of(l) + TRANSPOSE_{}", map.name.to_uppercase()),
            vector: Some(self.z_bar(m)),
            parts: 1,
            coordinates_first: false,
            biased: false,
            into: into.collect(),
            finish: (grain == Grain::Fused && !previous).then_some(&finish),
        };
        let writes = sources.iter().filter_map(|source| match source {
            Source::Result(of) => Some(self.z_bar(*of)),
            _ => None,
        });
        Stage {
            call: format!("{name}(l);"),
            text: self.target.product(self.shape, &product),
            label: equation,
            map: Some((m, Way::Backward)),
            reads: BTreeSet::from([self.z_bar(m)]),
            writes: writes.collect(),
            not_first: previous,
        }
    }

    /// The gradients of map `m`: against (coordinates, one), which holds the bias, and of its square blocks.
    pub fn gradient(&self, m: usize) -> Stage {
        let map = &self.program.maps[m];
        let upper = map.name.to_uppercase();
        let name = format!("{}_gradient", map.name);
        let z = self.z_bar(m);
        let call = |kind: &str| format!("{kind}_gradient(local, {z}, slab_of(l) + SLAB_{upper});");
        let mut body = match [0, 1].map(|layer| map.reads_coordinates(layer)) {
            [_, true] => format!("    {}\n", call("input")),
            [true, false] => format!("    if l == 0u {{ {} }}\n    else {{ {} }}\n", call("input"), call("bias")),
            [false, false] => format!("    {}\n", call("bias")),
        };
        if let Some(first) = self.first_vector(map) {
            let slab = format!("slab_of(l) + SLAB_{upper} + INPUT_GRADIENT");
            let guard = if map.reads_coordinates(0) { "if l > 0u " } else { "" };
            let call = self.target.gradient_call(self.shape, map.features(1).len(), &z, &first, &slab);
            let _ = match guard.is_empty() {
                true => writeln!(body, "    {call}"),
                false => writeln!(body, "    {guard}{{ {call} }}"),
            };
        }
        let matrix: String = map.linear.chars().take(1).collect();
        let inputs = map.linear.split(' ').skip(1).collect::<Vec<_>>().join(" ");
        let inputs = inputs.rsplit_once(" + ").map_or(&*inputs, |(inputs, _)| inputs);
        let equation = format!("{matrix}_bar += Σ z_{}_bar ({inputs})ᵀ, and of its bias", map.name);
        Stage {
            call: format!("{name}(local, l);"),
            text: format!("// {equation}\nfn {name}(local: u32, l: u32) {{\n{body}}}\n"),
            label: equation,
            map: Some((m, Way::Gradient)),
            reads: BTreeSet::from([z]),
            writes: BTreeSet::new(),
            not_first: false,
        }
    }

    /// The gradients of all maps.
    pub fn gradients(&self) -> Vec<Stage> {
        (0..self.program.maps.len()).map(|m| self.gradient(m)).collect()
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
            match stage.not_first {
                true => {
                    let _ = writeln!(text, "    if l > 0u {{ {} }}", stage.call);
                }
                false => {
                    let _ = writeln!(text, "    {}", stage.call);
                }
            }
            written.extend(&stage.writes);
        }
        text + "    barrier();\n}\n"
    }

    fn names(&self, maps: &[usize]) -> String {
        maps.iter().map(|&m| self.program.maps[m].name).collect::<Vec<_>>().join(", ")
    }

    /// ā of the last layer.
    pub fn outputs_adjoint(&self) -> String {
        let rows = self.target.every_row(&|body| {
            let a_bar = body.set("a_bar", &format!("outputs_adjoint({}, {})", body.row.clone(), body.place.clone()));
            body.keep("A_BAR", &a_bar);
        });
        format!("// a_bar = Wᵀ y_bar of the output layer\nfn outputs_adjoint_stage() {{\n{rows}}}\n")
    }
}
