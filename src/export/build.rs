//! From the settings of a run to its step as a document: kernels, buffers and dispatches of the blueprint, what they
//! start with, and what the f64 oracle says should come out.

use std::collections::BTreeMap;

use super::schema::{
    About, AxisEntry, DispatchEntry, Document, Evaluation, Expected, GridEntry, KIND, ObservableEntry, Proof,
    Reference, ReferenceValues, Ring, SCHEMA, Start, Wanted,
};
use super::writer::Writer;
use crate::error::{Error, Result};
use crate::gpu::Capabilities;
use crate::kernels::blueprint::DispatchSpec;
use crate::kernels::predict::FIELDS;
use crate::kernels::step::RING;
use crate::kernels::{Blueprint, Prediction, Setup, Step, Tile, work};
use crate::lab::bench::describe;
use crate::lab::ladder::{Rung, sized};
use crate::lab::steps::in_f64;
use crate::lab::{self, Tolerance, eigenbases};
use crate::networks::Layout;
use crate::oracle;
use crate::problems::{Observable, Quantity};
use crate::training::Config;

/// A document with the files beside it.
pub struct Package {
    pub document: Document,
    /// Name and text of every kernel, in the order of the document.
    pub texts: Vec<(String, String)>,
    /// `data.bin`.
    pub data: Vec<u8>,
}

/// What is computed beside the step itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Seeds that a run may start from; the first is that of the configuration.
    pub seeds: Vec<u64>,
    /// Steps whose losses the f64 oracle predicts.
    pub expected: u32,
    /// Sizes of the tile that are not the default's, as `rows=2,groups=1`; empty for the default.
    pub with: String,
}

/// Points of one batch of an evaluation: few enough that no device is kept long.
const BATCH: usize = 2048;

/// What every WebGPU offers, for the target `gpu`.
pub fn any_webgpu() -> Capabilities {
    Capabilities { target: Some("gpu".to_owned()), ..Capabilities::webgpu() }
}

/// The tile of an exported step: the default of every WebGPU, with the sizes of `change`.
///
/// # Errors
/// What is no size of it, or what no WebGPU guarantees.
pub fn tile(config: &Config, change: &str) -> Result<Tile> {
    let (setup, offered) = (config.setup(), any_webgpu());
    let default = Tile::default_for(&offered, &setup);
    let tile = if change.is_empty() { default } else { sized(&default, change)? };
    tile.target().check(&offered, &setup.shape, setup.problem.jet())?;
    Ok(tile)
}

/// The step of `config` alone, as it is planned for an adapter: what `kernels` shows.
///
/// # Errors
/// Kernels that do not parse: a defect of this program.
pub fn sheet(config: &Config, tile: &Tile, blueprint: &Blueprint, offered: &Capabilities) -> Result<Package> {
    let mut writer = Writer::default();
    let kernels = blueprint.kernels.iter().map(|spec| writer.kernel(spec)).collect::<Result<Vec<_>>>()?;
    blueprint.buffers.iter().for_each(|spec| writer.buffer(spec, false));
    let setup = config.setup();
    let sample = writer.dispatch(&blueprint.sample, &kernels);
    let mut step: Vec<DispatchEntry> = blueprint.gradients.iter().map(|spec| writer.dispatch(spec, &kernels)).collect();
    step.extend(blueprint.update.iter().map(|spec| writer.dispatch(spec, &kernels)));
    // points that stay are drawn once
    let setup_list = if setup.resampled { Vec::new() } else { vec![sample.clone()] };
    if setup.resampled {
        step.insert(0, sample);
    }
    let terms = setup.problem.terms().len();
    let document = Document {
        schema: SCHEMA,
        kind: KIND.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        about: about(config, &setup, tile),
        limits: writer.limits(&step, offered),
        features: if matches!(tile, Tile::Raster(_)) { vec!["subgroups".to_owned()] } else { Vec::new() },
        files: BTreeMap::new(),
        buffers: writer.buffers,
        kernels: writer.kernels,
        setup: setup_list,
        step,
        evaluate: Vec::new(),
        starts: Vec::new(),
        ring: Ring {
            buffer: "ring".to_owned(),
            records: RING,
            numbers: Step::record_length(terms),
            losses: 0,
            coefficients: terms,
            gram: 2 * terms,
            rate: 2 * terms + terms * terms,
        },
        evaluation: None,
        grid: None,
        reference: None,
        expected: None,
        proof: None,
        row: None,
    };
    Ok(Package { document, texts: writer.texts, data: writer.data })
}

/// The step of `config` with all that a player needs, for any WebGPU.
///
/// # Errors
/// Settings that no WebGPU guarantees room for, and kernels that do not parse.
pub fn package(config: &Config, extent: &Extent) -> Result<Package> {
    let (setup, offered) = (config.setup(), any_webgpu());
    let tile = tile(config, &extent.with)?;
    let blueprint = Blueprint::new(&setup, config.plan, &tile, &offered)?;
    let Package { mut document, texts, .. } = sheet(config, &tile, &blueprint, &offered)?;
    let mut writer = Writer {
        buffers: std::mem::take(&mut document.buffers),
        kernels: std::mem::take(&mut document.kernels),
        texts,
        ..Writer::default()
    };
    blueprint.buffers.iter().for_each(|spec| writer.buffer(spec, true));
    document.starts = extent.seeds.iter().map(|seed| writer.start(config, &blueprint, *seed)).collect();
    writer.evaluation(&mut document, &setup, &blueprint, &tile, &offered)?;
    document.expected = expected(config, extent.expected)?;
    let rung = Rung { plan: config.plan, checked: true, tile, change: extent.with.clone() };
    document.proof = Some(writer.proof(&setup, &rung, &offered)?);
    document.row = Some(describe(&setup, &rung));
    let all: Vec<DispatchEntry> = document.dispatches().cloned().collect();
    document.limits = writer.limits(&all, &offered);
    document.buffers = writer.buffers;
    document.kernels = writer.kernels;
    Ok(Package { document, texts: writer.texts, data: writer.data })
}

fn about(config: &Config, setup: &Setup, tile: &Tile) -> About {
    let problem = config.problem;
    let sets = problem.sets();
    About {
        problem: problem.name().to_owned(),
        title: problem.title().to_owned(),
        equation: problem.equation().to_owned(),
        network: config.network.name().to_owned(),
        variant: config.shape.variant.name().to_owned(),
        strategy: config.strategy.name().to_owned(),
        optimiser: config.optimiser.optimiser.name().to_owned(),
        condition: config.condition.clone(),
        preset: config.preset.name.to_owned(),
        width: config.shape.width,
        depth: config.shape.depth,
        points: sets.iter().zip(&setup.counts).map(|(set, n)| (set.name.to_owned(), *n)).collect(),
        sampling: config.preset.sampling.name().to_owned(),
        steps: config.preset.steps,
        seed: config.seed,
        parameters: layout(setup).len,
        terms: problem.terms().iter().map(|term| term.name.to_owned()).collect(),
        fields: problem.fields().iter().map(|&field| field.to_owned()).collect(),
        plan: config.plan.name().to_owned(),
        target: tile.target().name().to_owned(),
        tile: serde_json::to_value(tile).unwrap_or_default(),
        flop: work::flop(setup, |_| true),
    }
}

fn layout(setup: &Setup) -> Layout {
    setup.network.layout(&setup.shape)
}

/// What the oracle says of the first steps; none where nothing is asked for.
fn expected(config: &Config, steps: u32) -> Result<Option<Expected>> {
    if steps == 0 {
        return Ok(None);
    }
    let setup = config.setup();
    let (model, settings) = in_f64(&setup);
    let run = oracle::trajectory_from(&config.initial(), model, setup.strategy, &settings, steps);
    let losses = run.map_err(Error::Usage)?.losses;
    let [coarser, _] = eigenbases::coarser(setup.optimiser.optimiser);
    Ok(Some(Expected { seed: config.seed, losses, tolerance: coarser * Tolerance::ALONG_A_RUN.limit() }))
}

impl Writer {
    fn start(&mut self, config: &Config, blueprint: &Blueprint, seed: u64) -> Start {
        let mut config = config.clone();
        config.set_seed(seed);
        let mut writes = vec![self.write("settings", &config.setup().settings().words())];
        writes.extend(self.parameters(blueprint, &config.initial()));
        Start { seed, writes }
    }

    /// The network on the problem's evaluation set, and what is known there.
    fn evaluation(
        &mut self,
        document: &mut Document,
        setup: &Setup,
        blueprint: &Blueprint,
        tile: &Tile,
        offered: &Capabilities,
    ) -> Result<()> {
        let (problem, set) = (setup.problem, setup.problem.evaluation_set());
        let points: Vec<f32> = set.points.iter().map(|&x| x as f32).collect();
        let count = points.len() / setup.shape.inputs;
        let observables = problem.observables();
        let slopes = observables.iter().any(|observable| observable.quantity.needs_gradient());
        let plan = Prediction::new(setup, &blueprint.packing, tile, offered, (&points, slopes), Some(BATCH));
        plan.buffers.iter().for_each(|spec| self.buffer(spec, true));
        let kernel = self.kernel(&plan.kernel)?;
        let batch = |(number, spec): (usize, &DispatchSpec)| {
            let first = number * plan.points_per_batch;
            let points = Some([first, plan.points_per_batch.min(count - first)]);
            DispatchEntry { points, ..self.dispatch(spec, &[kernel]) }
        };
        document.evaluate = plan.batches.iter().enumerate().map(batch).collect();
        document.evaluation = Some(Evaluation {
            buffer: FIELDS.to_owned(),
            fields: setup.shape.outputs,
            streams: plan.streams,
            observables: observables.iter().map(observable).collect(),
            compared: problem.compared().iter().map(|&name| name.to_owned()).collect(),
            counted: [set.counted.start, set.counted.len()],
        });
        let axis = |axis: &crate::problems::GridAxis| AxisEntry {
            name: axis.name.to_owned(),
            lower: axis.lower,
            upper: axis.upper,
            count: axis.count,
        };
        document.grid = Some(GridEntry {
            axes: problem.grid().axes.iter().map(axis).collect(),
            slice: problem.slice(),
            points: [set.drawn.start, set.drawn.len()],
        });
        document.reference = problem.solution().map(|solution| Reference {
            origin: solution.origin,
            values: solution
                .values
                .iter()
                .map(|(name, values)| {
                    let narrow: Vec<f32> = values.iter().map(|&x| x as f32).collect();
                    let data = self.span(bytemuck::cast_slice(&narrow));
                    ReferenceValues { observable: (*name).to_owned(), data }
                })
                .collect(),
        });
        Ok(())
    }

    /// A step at points of which many are copies, so that the oracle can know what comes out of all of them.
    fn proof(&mut self, setup: &Setup<'static>, rung: &Rung, offered: &Capabilities) -> Result<Proof> {
        let proof = lab::proof::Proof::new(setup, rung.plan)?;
        let case = proof.case();
        // kernels that do the work are the same texts; those that would draw points and orders read them instead
        let given = Setup { resampled: false, orders: Some(case.orders.clone()), ..setup.clone() };
        let blueprint = Blueprint::new(&given, rung.plan, &rung.tile, offered)?;
        blueprint.buffers.iter().for_each(|spec| self.buffer(spec, false));
        let kernels = blueprint.kernels.iter().map(|spec| self.kernel(spec)).collect::<Result<Vec<_>>>()?;
        let orders: Vec<u32> = case.orders.iter().flatten().map(|&k| k as u32).collect();
        let mut writes = self.parameters(&blueprint, &case.parameters);
        writes.push(self.write("settings", &given.settings().words()));
        writes.push(self.write("points", &case.points.concat()));
        writes.push(self.write("orders", &orders));
        let list = [&blueprint.sample].into_iter().chain(&blueprint.gradients);
        let dispatches = list.map(|spec| self.dispatch(spec, &kernels)).collect();
        let wanted =
            |values: &[f64], tolerance: Tolerance| Wanted { values: values.to_vec(), tolerance: tolerance.limit() };
        let outcome = proof.wanted();
        Ok(Proof {
            writes,
            dispatches,
            losses: wanted(&outcome.losses, Tolerance::LOSS),
            coefficients: wanted(&outcome.coefficients, Tolerance::COEFFICIENTS),
            gram: wanted(&outcome.gram, Tolerance::ROW),
        })
    }
}

fn observable(observable: &Observable) -> ObservableEntry {
    let (quantity, fields) = match observable.quantity {
        Quantity::Value { field } => ("value", vec![field]),
        Quantity::VelocityX { field } => ("velocity_x", vec![field]),
        Quantity::VelocityY { field } => ("velocity_y", vec![field]),
        Quantity::Speed { field } => ("speed", vec![field]),
        Quantity::Modulus { parts } => ("modulus", parts.to_vec()),
    };
    ObservableEntry { name: observable.name.to_owned(), quantity: quantity.to_owned(), fields }
}
