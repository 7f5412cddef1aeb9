//! A training step as a value: built once, recorded many times, nothing read back inside.

use std::slice::from_ref;

use crate::error::Result;
use crate::gpu::{Buffer, Dispatch, Gpu, IMAGE_ROW_BITS, Image, Kernel, Part, Resource, Vectors};
use crate::math::Schedule;
use crate::math::rng::Seeds;
use crate::networks::{Network, Shape};
use crate::problems::{Problem, Sampling};
use crate::strategies::Strategy;

use super::packing::Packing;
use super::prelude::{Prelude, plugin, shader};
use super::settings::Settings;
use super::tile::Tile;

/// Adam's decay rates, as logarithms for the bias corrections.
const BETAS: [f64; 2] = [0.9, 0.999];

/// Steps whose records the device keeps before it overwrites the oldest.
pub const RING: usize = 1024;

/// Everything that decides what a step computes.
#[derive(Clone)]
pub struct Setup<'a> {
    pub problem: &'a dyn Problem,
    pub network: &'a dyn Network,
    pub shape: Shape,
    pub strategy: &'a dyn Strategy,
    /// Points of each set of the problem.
    pub counts: Vec<usize>,
    /// New points at every step, or those that lie in the buffer.
    pub resampled: bool,
    pub schedule: Schedule,
    /// Length of the run that the schedule is stretched over.
    pub steps: u64,
    /// Seeds of points and of the strategy's orders.
    pub seeds: Seeds,
    /// The order in which each term meets the others, instead of random ones.
    pub orders: Option<Vec<Vec<usize>>>,
}

impl Setup<'_> {
    /// What the device reads at run time.
    pub fn settings(&self) -> Settings {
        Settings {
            seeds: self.seeds,
            schedule: self.schedule,
            steps: self.steps,
            progress: None,
            terms: self.problem.terms().len(),
        }
    }

    /// Where the points of each set begin, and how many there are in all.
    pub fn set_firsts(&self) -> (Vec<usize>, usize) {
        firsts(&self.counts)
    }

    /// Every term on every one of its point sets, term after term, and how many samples there are in all.
    pub fn shares(&self) -> (Vec<Share>, usize) {
        let mut next = 0;
        let mut shares = Vec::new();
        for (term, spec) in self.problem.terms().iter().enumerate() {
            for &set in spec.sets {
                shares.push(Share { term, set, first_sample: next });
                next += self.counts[set];
            }
        }
        (shares, next)
    }
}

/// What a term has on one of its point sets: samples of their own and a mean of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub term: usize,
    pub set: usize,
    /// Where its samples begin.
    pub first_sample: usize,
}

fn firsts(counts: &[usize]) -> (Vec<usize>, usize) {
    let mut next = 0;
    let starts = counts
        .iter()
        .map(|count| {
            next += count;
            next - count
        })
        .collect();
    (starts, next)
}

/// What a plan reads.
pub struct Inputs<'a> {
    pub points: &'a Buffer,
    pub samples: &'a Buffer,
    pub weights: &'a dyn Resource,
}

/// What a plan leaves behind: slabs of partial gradients and losses.
pub struct Gradients {
    pub dispatches: Vec<Dispatch>,
    pub slabs: Vectors,
    /// Which slabs belong to each term: term k owns `slab_first[k]..slab_first[k + 1]`.
    pub slab_first: Vec<usize>,
}

/// A way to cut the step into kernels.
pub trait Plan: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;
    /// What it does, in one line.
    fn summary(&self) -> &'static str;
    /// The tile as this plan uses it: some of its switches may be settled by what the plan is.
    fn settled(&self, tile: Tile) -> Tile {
        tile
    }
    /// Builds the dispatches from points to slabs.
    fn build(&self, gpu: &Gpu, setup: &Setup, packing: &Packing, tile: &Tile, inputs: &Inputs) -> Result<Gradients>;
}

/// Constants that more than one kernel of a step wants.
pub fn common_prelude(setup: &Setup) -> Prelude {
    let mut p = Prelude::default();
    let axes = setup.problem.axes();
    let terms = setup.problem.terms();
    p.u32("AXES", axes.len()).u32("FIELDS", setup.shape.outputs).u32("TERMS", terms.len());
    p.f32s("SLOPES", &axes.iter().map(|a| a.slope).collect::<Vec<_>>());
    p.f32s("OFFSETS", &axes.iter().map(|a| a.offset).collect::<Vec<_>>());
    for (index, term) in terms.iter().enumerate() {
        p.u32(&format!("TERM_{}", term.name.to_uppercase()), index);
    }
    for (name, value) in setup.problem.constants() {
        p.f32(name, value);
    }
    if !setup.problem.laplacian().is_empty() {
        p.f32s("LAPLACIAN", &setup.problem.laplacian());
    }
    p.line("alias Point = array<f32, AXES>;");
    p.line("alias Fields = array<Jet, FIELDS>;");
    p
}

/// A built step with the buffers a trainer looks into.
pub struct Step {
    pub parameters: Buffer,
    pub moments: Buffer,
    /// The packed parameters, as `update` writes them.
    pub packed: Buffer,
    /// Their copy in an image, where kernels read from one.
    mirror: Option<(Image, Dispatch)>,
    pub points: Buffer,
    pub rows: Buffer,
    pub control: Buffer,
    settings: Buffer,
    pub ring: Buffer,
    pub packing: Packing,
    /// Draws points and computes data; part of `whole` where points are resampled.
    pub sample: Dispatch,
    /// From points to gradient rows, losses and coefficients.
    pub gradients: Vec<Dispatch>,
    /// The whole step.
    pub whole: Vec<Dispatch>,
    /// Terms of the problem.
    pub terms: usize,
}

impl Step {
    /// Numbers per step in the ring: losses, coefficients, Gram matrix row by row, learning rate.
    pub fn record_length(terms: usize) -> usize {
        2 * terms + terms * terms + 1
    }

    /// Builds the step of `setup` by `plan`.
    pub fn build(gpu: &Gpu, setup: &Setup, plan: &dyn Plan, tile: &Tile) -> Result<Step> {
        tile.check(gpu)?;
        let layout = setup.network.layout(&setup.shape);
        let packing = Packing::new(&setup.shape, &layout, &tile.wiring(setup.network, &setup.shape), tile);
        let terms = setup.problem.terms().len();
        let n = layout.len;
        let (_, points) = setup.set_firsts();
        let (_, samples) = setup.shares();
        let floats = |name: &str, count: usize| gpu.storage(name, 4 * count as u64);
        let points = floats("points", points * setup.problem.axes().len())?;
        let samples = floats("samples", 4 * samples)?;
        let (packed, mirror) = if tile.images {
            let (buffer, image) = gpu.mirrored("weights", packing.weights_vectors as u64)?;
            let copy = gpu.copy(&buffer, &image);
            (buffer, Some((image, copy)))
        } else {
            (floats("weights", 4 * packing.weights_vectors)?, None)
        };
        let weights: &dyn Resource = match &mirror {
            Some((image, _)) => image,
            None => &packed,
        };
        let parameters = floats("parameters", n)?;
        let moments = floats("moments", 2 * n)?;
        let rows = floats("rows", terms * n)?;
        let control = floats("control", 4)?;
        let settings = gpu.storage_with("settings", &setup.settings().words())?;
        let ring = floats("ring", RING * Step::record_length(terms))?;
        let coefficients = floats("coefficients", terms + 3)?;
        let places = gpu.storage_with("places", &packing.places)?;
        let regions = gpu.storage_with("regions", &regions(setup.problem))?;
        let orders: Vec<u32> = setup.orders.iter().flatten().flatten().map(|&i| i as u32).collect();
        let orders = gpu.storage_with("orders", &orders)?;

        let inputs = Inputs { points: &points, samples: &samples, weights };
        let built = plan.build(gpu, setup, &packing, &plan.settled(*tile), &inputs)?;
        let owners = gpu.storage_with("owners", &packing.owners())?;
        let parts = packing.slab_vectors.div_ceil(64);
        let gram_parts = floats("gram_parts", parts * terms * (terms + 1) / 2)?;
        let prelude = downstream_prelude(setup, &packing, &built, n);
        let memory = tile.memory(setup.problem.jet());
        let link = |label: &str, others: &[Part]| {
            let mut texts = vec![prelude.part(), shader("math")];
            texts.extend_from_slice(others);
            texts.push(shader(&format!("kernels/{label}")));
            Kernel::link(gpu, label, &texts)
        };
        let buffers: [(&str, &dyn Resource); 16] = [
            ("owners", &owners),
            ("regions", &regions),
            ("points", &points),
            ("samples", &samples),
            ("slabs", &built.slabs),
            ("places", &places),
            ("rows", &rows),
            ("gram_parts", &gram_parts),
            ("control", &control),
            ("settings", &settings),
            ("coefficients", &coefficients),
            ("ring", &ring),
            ("orders", &orders),
            ("parameters", &parameters),
            ("moments", &moments),
            ("weights", &packed),
        ];
        let jet = shader(&format!("jets/{}", setup.problem.jet().name()));
        let data = plugin("residuals", setup.problem.shader_name(), setup.problem.shader());
        let combine = plugin("strategies", setup.strategy.name(), setup.strategy.shader());
        let sampler = || -> Result<Dispatch> {
            let kernel = link("sample", &[shader("rng"), jet.clone(), data.clone()])?;
            Ok(kernel.bind(gpu, &buffers)?.threads(setup.set_firsts().1 as u32))
        };
        let sample = sampler()?;
        let mut gradients = built.dispatches;
        gradients.push(
            link("reduce", &[jet.clone(), memory.clone()])?.bind(gpu, &buffers)?.threads(packing.slab_vectors as u32),
        );
        let finish = link("coefficients_of", &[shader("rng"), shader("schedule"), jet.clone(), memory, combine])?;
        gradients.push(finish.bind(gpu, &buffers)?.workgroups(1));
        let update = link("update", from_ref(&jet))?.bind(gpu, &buffers)?.threads(n as u32);
        let mut whole = gradients.clone();
        whole.push(update);
        whole.extend(mirror.iter().map(|(_, copy)| copy.clone()));
        if setup.resampled {
            whole.insert(0, sample.clone());
        }
        Ok(Step {
            parameters,
            moments,
            packed,
            mirror,
            points,
            rows,
            control,
            settings,
            ring,
            packing,
            sample,
            gradients,
            whole,
            terms,
        })
    }

    /// Sets seeds and learning rate of the steps to come.
    pub fn set_settings(&self, gpu: &Gpu, settings: &Settings) {
        gpu.write(&self.settings, &settings.words());
    }

    /// Puts `parameters` on the device, packed copies included.
    pub fn set_parameters(&self, gpu: &Gpu, parameters: &[f32]) {
        gpu.write(&self.parameters, parameters);
        gpu.write(&self.packed, &self.packing.pack(parameters));
        if let Some((_, copy)) = &self.mirror {
            gpu.submit(from_ref(copy), 1);
        }
    }

    /// The packed parameters where kernels read them.
    pub fn weights(&self) -> &dyn Resource {
        match &self.mirror {
            Some((image, _)) => image,
            None => &self.packed,
        }
    }
}

/// Constants of sampler, reduction, coefficients and update.
fn downstream_prelude(setup: &Setup, packing: &Packing, built: &Gradients, parameters: usize) -> Prelude {
    let mut p = common_prelude(setup);
    let terms = setup.problem.terms();
    let sets = setup.problem.sets();
    let (set_firsts, points) = setup.set_firsts();
    let (shares, _) = setup.shares();
    let column = |of: fn(&Share) -> usize| shares.iter().map(of).collect::<Vec<_>>();
    let regions: Vec<usize> = sets.iter().map(|set| set.regions.len()).collect();
    p.u32("PARAMETERS", parameters).u32("PAIRS", terms.len() * (terms.len() + 1) / 2);
    p.u32("GRAM_PARTS", packing.slab_vectors.div_ceil(64)).u32("SLAB_VECTORS", packing.slab_vectors);
    p.u32s("SLAB_FIRST", &built.slab_first);
    p.u32("IMAGE_ROW_BITS", IMAGE_ROW_BITS as usize);
    p.u32("RING", RING).u32("RECORD", Step::record_length(terms.len()));
    p.u32("POINT_COUNT", points).u32("SETS", sets.len()).bool("POINTS_GIVEN", setup.orders.is_some());
    p.u32s("SET_FIRST", &set_firsts).u32s("SET_COUNT", &setup.counts);
    let sampling = if setup.resampled { Sampling::Resampled } else { Sampling::Fixed };
    p.u32s("SET_STREAM", &(0..sets.len()).map(|set| setup.problem.stream(set, sampling)).collect::<Vec<_>>());
    p.u32s(
        "SET_OPPOSITE",
        &(0..sets.len()).map(|set| setup.problem.opposite(set, sampling).into()).collect::<Vec<_>>(),
    );
    p.u32s("SET_REGIONS", &regions).u32s("SET_FIRST_REGION", &firsts(&regions).0);
    p.u32("SHARES", shares.len()).u32s("SHARE_TERM", &column(|s| s.term));
    p.u32s("SHARE_SET", &column(|s| s.set)).u32s("SHARE_SAMPLE", &column(|s| s.first_sample));
    p.bool("GIVEN_ORDERS", setup.orders.is_some());
    p.f32("LOG_BETA1", BETAS[0].ln()).f32("LOG_BETA2", BETAS[1].ln());
    p
}

/// Lower and upper ends of every region, set after set, flat.
fn regions(problem: &dyn Problem) -> Vec<f32> {
    let sets = problem.sets();
    let regions = sets.iter().flat_map(|set| &set.regions);
    regions.flat_map(|r| r.lower.iter().chain(&r.upper)).map(|&x| x as f32).collect()
}
