//! The stages of a network on the way forward.

use std::collections::BTreeSet;

use crate::networks::program::Source;

use super::network::{Grain, Network, Stage, Way};
use super::target::{Body, Product};

impl Network<'_> {
    /// The stages of a layer on the way forward.
    pub fn forward(&self, grain: Grain) -> Vec<Stage> {
        let mut stages = Vec::new();
        for m in 0..self.program.maps.len() {
            stages.push(self.map_stage(m, grain));
            if grain == Grain::Apart && self.program.maps[m].activation.is_some() {
                stages.push(self.activation_stage(m));
            }
        }
        if let (Grain::Apart, Some(join)) = (grain, &self.program.join) {
            let name = format!("{}_stage", join.op.name());
            stages.push(self.rows_stage(&name, join.op.equation().into(), &|body| self.write_join(body)));
        }
        stages
    }

    /// The equation of the join, for the last map: the join follows it row by row.
    fn joins_in(&self, m: usize) -> Option<&'static str> {
        let join = self.program.join.as_ref().filter(|_| m + 1 == self.program.maps.len());
        join.map(|join| join.op.equation())
    }

    fn map_stage(&self, m: usize, grain: Grain) -> Stage {
        let map = &self.program.maps[m];
        let joined = self.joins_in(m).filter(|_| grain == Grain::Fused);
        let finish = |body: &mut Body, _: usize, z: &str| {
            let y = match map.activation {
                Some(activation) => body.set(map.name, &format!("{}_jet({z})", activation.name())),
                None => z.to_owned(),
            };
            body.keep(&self.result(m), &y);
            if joined.is_some() {
                self.write_join(body);
            }
        };
        let equation = match (grain, joined) {
            (Grain::Fused, None) => map.equation(),
            (Grain::Fused, Some(joined)) => format!("{},  {joined}", map.equation()),
            (Grain::Apart, _) => format!("z = {}", map.linear),
        };
        let follows = grain == Grain::Fused && (map.activation.is_some() || joined.is_some());
        let name = format!("{}_stage", map.name);
        let product = Product {
            name: name.clone(),
            equation: equation.clone(),
            packed: self.place(m, "WEIGHTS", "weights_of(l)"),
            operands: self.operands(m),
            biased: true,
            into: vec![self.result(m)],
            finish: follows.then_some(&finish),
        };
        let mut writes = BTreeSet::from([map.name.to_owned()]);
        if joined.is_some() {
            writes.insert("a".into());
        }
        let begins = if map.reads.contains(&Source::Previous) { &self.program.input[..] } else { &[] };
        Stage {
            call: format!("{name}(l);"),
            text: self.target.product(self.shape, &product),
            label: equation,
            map: Some((m, Way::Forward)),
            reads: map.reads.iter().chain(begins).map(|source| self.key(*source)).collect(),
            writes,
            when: self.when(m),
        }
    }

    fn write_join(&self, body: &mut Body) {
        let Some(join) = &self.program.join else { return };
        let rho = join.scale.map(|_| "rho(l)".to_owned());
        let load = |&m: &usize| body.load(self.program.maps[m].name, &self.result(m));
        let arguments: Vec<String> = rho.into_iter().chain(join.of.iter().map(load).collect::<Vec<_>>()).collect();
        let a = body.set("a", &format!("{}({})", join.op.name(), arguments.join(", ")));
        body.keep("layer(l) + A", &a);
    }

    fn activation_stage(&self, m: usize) -> Stage {
        let map = &self.program.maps[m];
        let name = map.activation.map_or("", |activation| activation.name());
        let stage = self.rows_stage(&format!("{}_{name}", map.name), format!("{} = {name}(z)", map.name), &|body| {
            let z = body.load("z", &self.result(m));
            let y = body.set(map.name, &format!("{name}_jet({z})"));
            body.keep(&self.result(m), &y);
        });
        Stage { when: self.when(m), ..stage }
    }
}
