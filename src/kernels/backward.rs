//! The stages of a network on the way back: cotangents are pulled, so that nothing is stored twice, and gradients follow.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::networks::program::{Join, Scale, Source};

use super::network::{Grain, Network, Stage, Way, When};
use super::target::{Body, Operand, Product};

impl Network<'_> {
    /// The stages of a layer on the way back, from ā to ā of the layer before, without the gradients.
    pub fn backward(&self, grain: Grain) -> Vec<Stage> {
        let mut stages = self.join_bar_stages(grain);
        for m in (0..self.program.maps.len()).rev().filter(|&m| !self.program.pulls(m, 1).is_empty()) {
            stages.push(self.transpose_stage(m, grain));
            if grain == Grain::Apart {
                for (part, source) in self.program.pulls(m, 1).into_iter().enumerate() {
                    let Source::Result(of) = source else { continue };
                    stages.extend(self.pulled_stages(of, &format!("PRODUCT + {part}u")));
                }
            }
        }
        // all layers have had their part in the cotangents of what they share
        let shared = self.complete().into_iter().filter(|&m| self.program.maps[m].shared);
        for stage in shared.filter_map(|m| self.activation_bar_stage(m, &self.z_bar(m))) {
            stages.push(Stage { when: When::First, ..stage });
        }
        stages
    }

    /// From ā to the cotangents that the join completes, and the gradient of its scale.
    fn join_bar_stages(&self, grain: Grain) -> Vec<Stage> {
        let complete = self.complete();
        let names: Vec<String> = complete.iter().map(|&m| format!("{}_bar", self.program.maps[m].name)).collect();
        let from = format!("{} from a_bar, which goes through the join", names.join(", "));
        let write = |body: &mut Body| complete.iter().for_each(|&m| self.write_complete(body, m, grain));
        if grain == Grain::Fused {
            let through = format!("{from}, and on through the activation");
            return vec![self.join_bar_stage("join_bar", through, self.trains_scale(), &write)];
        }
        let mut stages = vec![self.rows_stage("join_bar", from, &write)];
        if self.trains_scale() {
            let equation = "rho_bar = Σ a_bar · what ρ scales".into();
            let mut scale = self.join_bar_stage("scale_bar", equation, true, &|_| {});
            // alone in its kernel it goes straight on to the next tile, whose sum takes the same memory
            scale.call.push_str(" thread_barrier();");
            stages.push(scale);
        }
        let own = complete.iter().filter(|&&m| !self.program.maps[m].shared);
        stages.extend(own.filter_map(|&m| self.activation_bar_stage(m, &self.z_bar(m))));
        stages
    }

    /// The trained maps whose results nothing but the join reads: their cotangents are complete as soon as ā is.
    fn complete(&self) -> Vec<usize> {
        let maps = &self.program.maps;
        let read = |m: usize| maps.iter().any(|map| map.reads.contains(&Source::Result(m)));
        (0..maps.len()).filter(|&m| maps[m].trained() && !read(m)).collect()
    }

    fn write_complete(&self, body: &mut Body, m: usize, grain: Grain) {
        let map = &self.program.maps[m];
        let Some(value) = self.write_join_bar(body, m) else { return };
        let y_bar = body.set(&format!("{}_bar", map.name), &value);
        match grain {
            // the layers behind this one have had their part
            _ if map.shared => {
                let (z_bar, sum) = (self.z_bar(m), format!("{y_bar}_sum"));
                body.line(&format!("var {sum} = {y_bar};"));
                let before = format!("load({z_bar}, {}, {})", body.row, body.place);
                body.line(&format!("if l + 1u < DEPTH {{ {sum} = {before} + {y_bar}; }}"));
                body.keep(&z_bar, &sum);
            }
            Grain::Fused => self.write_activation_bar(body, m, &y_bar),
            Grain::Apart => body.keep(&self.z_bar(m), &y_bar),
        }
    }

    /// What the join passes on to the result of map `m`, given ā, or nothing.
    fn write_join_bar(&self, body: &mut Body, m: usize) -> Option<String> {
        let Some(Join { op, of, scale }) = &self.program.join else {
            return (m + 1 == self.program.maps.len()).then(|| body.load("a_bar", "A_BAR"));
        };
        let place = of.iter().position(|&argument| argument == m)?;
        let mut given: Vec<String> = scale.iter().map(|_| "rho(l)".to_owned()).collect();
        for &needed in op.adjoint_needs(place) {
            given.push(match of.get(needed) {
                Some(&map) => body.load(self.program.maps[map].name, &self.result(map)),
                None => body.load("a", "layer(l) + A"),
            });
        }
        given.push(body.load("a_bar", "A_BAR"));
        Some(format!("{}_{}_bar({})", op.name(), op.arguments()[place], given.join(", ")))
    }

    /// The last op of a cotangent's way to z̄: through the activation.
    fn write_activation_bar(&self, body: &mut Body, m: usize, y_bar: &str) {
        let map = &self.program.maps[m];
        let Some(activation) = map.activation else { return body.keep(&self.z_bar(m), y_bar) };
        let y = body.load(map.name, &self.result(m));
        let z = body.set(&format!("z_{}_bar", map.name), &format!("{}_adjoint({y}, {y_bar})", activation.name()));
        body.keep(&self.z_bar(m), &z);
    }

    fn trains_scale(&self) -> bool {
        matches!(self.program.scale(), Some(Scale::Trained(_)))
    }

    fn join_reaches(&self, m: usize) -> bool {
        self.write_join_bar(&mut Body::new("", "", 0, ""), m).is_some()
    }

    /// What follows a transpose whose product lies in `product`, up to z̄ of map `of`.
    fn pulled_stages(&self, of: usize, product: &str) -> Vec<Stage> {
        let name = format!("{}_bar", self.program.maps[of].name);
        let mut stages = Vec::new();
        if self.join_reaches(of) {
            let equation = format!("{name} = its part of the product, and of the join");
            stages.push(self.rows_stage(&name, equation, &|body| {
                let back = body.load("back", product);
                let joined = self.write_join_bar(body, of).expect("the join reaches it");
                let sum = body.set(&name, &format!("{back} + {joined}"));
                body.keep(product, &sum);
            }));
        }
        stages.extend(self.activation_bar_stage(of, product));
        stages
    }

    /// Row by row from ā, and the gradient of the scale, a sum over all rows and threads.
    fn join_bar_stage(&self, name: &str, equation: String, scale: bool, write: &dyn Fn(&mut Body)) -> Stage {
        let maps = &self.program.maps;
        let rows = self.target.every_row(&|body| {
            write(body);
            if let Some(Join { op, of, .. }) = self.program.join.as_ref().filter(|_| scale) {
                let needed = op.scale_needs().iter().map(|&argument| of[argument]);
                let mut given: Vec<String> = needed.map(|m| body.load(maps[m].name, &self.result(m))).collect();
                given.push(body.load("a_bar", "A_BAR"));
                body.line(&format!("scale_bar += {}_scale_bar({});", op.name(), given.join(", ")));
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

    /// From ȳ of map `m` in `from` to its z̄; none where the linear part is the result and lies there already.
    fn activation_bar_stage(&self, m: usize, from: &str) -> Option<Stage> {
        let map = &self.program.maps[m];
        if map.activation.is_none() && from == self.z_bar(m) {
            return None;
        }
        let through = map.activation.map_or("nothing", |activation| activation.name());
        let name = format!("{}_{through}_bar", map.name);
        let equation = format!("z_{}_bar from {}_bar, through {through}", map.name, map.name);
        let mut stage = self.rows_stage(&name, equation, &|body| {
            let y_bar = body.load(&format!("{}_bar", map.name), from);
            self.write_activation_bar(body, m, &y_bar);
        });
        stage.writes = BTreeSet::from([self.z_bar(m)]);
        Some(stage)
    }

    fn transpose_stage(&self, m: usize, grain: Grain) -> Stage {
        let map = &self.program.maps[m];
        let sources = self.program.pulls(m, 1);
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
        let previous = sources.contains(&Source::Previous);
        let equation = match grain {
            _ if previous => format!("a_bar of the layer before = {matrix}ᵀ z_{}_bar", map.name),
            Grain::Fused => {
                let follows = "and what the join adds; each goes on through its activation";
                format!("[{}] = {matrix}ᵀ z_{}_bar, {follows}", names.join("; "), map.name)
            }
            Grain::Apart => format!("{matrix}ᵀ z_{}_bar", map.name),
        };
        let name = format!("{}_transpose", map.name);
        let operand = Operand::Vectors(self.z_bar(m), 1);
        let product = Product {
            name: name.clone(),
            equation: equation.clone(),
            packed: self.place(m, "TRANSPOSE", "weights_of(l)"),
            operands: [operand.clone(), operand],
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
            when: if previous { When::NotFirst } else { When::Always },
        }
    }

    /// The gradients of map `m`: against (coordinates, one), which holds the bias, and of its square blocks.
    fn gradient(&self, m: usize) -> Stage {
        let map = &self.program.maps[m];
        let name = format!("{}_gradient", map.name);
        let (z, slab) = (self.z_bar(m), self.place(m, "SLAB", "slab_of(l)"));
        let operands = self.operands(m);
        // where a map takes no coordinates its bias alone is summed
        let kinds = operands.each_ref().map(|operand| match operand {
            Operand::Coordinates => format!("input_gradient(local, {z}, {slab});"),
            Operand::Vectors(..) => format!("bias_gradient(local, {z}, {slab});"),
        });
        let mut body = match &kinds {
            [first, others] if first == others => format!("    {first}\n"),
            [first, others] => format!("    if l == 0u {{ {first} }}\n    else {{ {others} }}\n"),
        };
        let calls = operands.map(|operand| match operand {
            Operand::Coordinates => String::new(),
            Operand::Vectors(first, parts) => {
                self.target.gradient_call(self.shape, parts, &z, &first, &format!("{slab} + INPUT_GRADIENT"))
            }
        });
        let _ = match &calls {
            [first, others] if first == others && first.is_empty() => Ok(()),
            [first, others] if first == others => writeln!(body, "    {first}"),
            [first, others] if first.is_empty() => writeln!(body, "    if l > 0u {{ {others} }}"),
            [first, others] => writeln!(body, "    if l == 0u {{ {first} }}\n    else {{ {others} }}"),
        };
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
            when: self.when(m),
        }
    }

    /// The gradients of all maps that are trained.
    pub fn gradients(&self) -> Vec<Stage> {
        (0..self.program.maps.len()).filter(|&m| self.program.maps[m].trained()).map(|m| self.gradient(m)).collect()
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
