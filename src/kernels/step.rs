//! A training step as a value: built once, recorded many times, nothing read back inside.

use std::collections::BTreeMap;
use std::slice::from_ref;

use crate::error::Result;
use crate::gpu::{Buffer, Dispatch, Gpu, IMAGE_ROW_BITS, Image, Kernel, Resource, Vectors};
use crate::math::rng::Seeds;
use crate::math::{Jet, Schedule};
use crate::networks::{Network, Shape};
use crate::optimisers::{EPSILON, Optimisation, soap};
use crate::problems::{Problem, Sampling};
use crate::strategies::{Probe, Strategy};

use super::blueprint::{Blueprint, DispatchSpec, KernelSpec, PACKED, Size};
use super::packing::Packing;
use super::plans::Plan;
use super::prelude::Prelude;
use super::settings::Settings;
use super::sides::Sides;
use super::tile::Tile;

/// Steps whose records the device keeps before it overwrites the oldest.
pub const RING: usize = 1024;

/// Everything that decides what a step computes.
#[derive(Clone)]
pub struct Setup<'a> {
    pub problem: &'a dyn Problem,
    pub network: &'a dyn Network,
    pub shape: Shape,
    pub strategy: &'a dyn Strategy,
    pub optimiser: Optimisation,
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

    /// Numbers that a part of the reduction leaves: products of rows, and sums and maxima of their entries where the strategy
    /// asks for them.
    pub fn numbers_of_rows(&self) -> usize {
        let terms = self.problem.terms().len();
        terms * (terms + 1) / 2 + if self.strategy.reads_entries() { 2 * terms } else { 0 }
    }

    /// How many terms have points with weights, from the first on.
    pub fn weighed_terms(&self) -> usize {
        self.strategy.weighing().map_or(0, |weighing| weighing.terms(self.problem.terms().len()))
    }

    /// How many samples those have, which are the first ones.
    pub fn weighed_samples(&self) -> usize {
        self.problem.terms()[..self.weighed_terms()]
            .iter()
            .flat_map(|term| term.sets)
            .map(|&set| self.counts[set])
            .sum()
    }

    /// How many numbers the strategy keeps from step to step: its own, then those of every sample.
    pub fn state_length(&self) -> usize {
        let of_samples = self.strategy.weighing().map_or(0, |weighing| weighing.kept() * self.weighed_samples());
        self.strategy.state_length(self.problem.terms().len()) + of_samples
    }

    /// What a squared residual of a share counts: its part of a mean, times the term's weight. The mean is that of the share, or
    /// of the whole term where points have weights.
    pub fn weight(&self, share: &Share) -> f64 {
        let term = &self.problem.terms()[share.term];
        let sets = if share.term < self.weighed_terms() { term.sets } else { &[share.set] };
        term.weight / sets.iter().map(|&set| self.counts[set]).sum::<usize>() as f64
    }

    /// Where the points of each set begin, and how many there are in all.
    pub fn set_firsts(&self) -> (Vec<usize>, usize) {
        firsts(&self.counts)
    }

    /// What all terms together need, and a tile must have room for.
    pub fn jet(&self) -> Jet {
        let statement = self.problem.statement();
        statement.all.as_ref().map_or(statement.main.jet, |all| all.jet)
    }

    /// Whether what is known of a share comes from a file, point by point; otherwise the device computes it.
    pub fn measured(&self, share: &Share) -> bool {
        self.problem.statement().equations[share.term].measured
    }

    /// Points that the host draws, flat, set after set; zeros where the device does.
    pub fn given_points(&self) -> Vec<f32> {
        let axes = self.shape.inputs;
        let of =
            |(set, &count): (usize, &usize)| self.problem.given(set, count).unwrap_or_else(|| vec![0.0; count * axes]);
        self.counts.iter().enumerate().flat_map(of).collect()
    }

    /// What is known at `points` of all sets, sample after sample, where it comes from a file; zeros elsewhere.
    pub fn measured_samples(&self, points: &[f32]) -> Vec<f32> {
        let (shares, samples) = self.shares();
        let (firsts, axes) = (self.set_firsts().0, self.shape.inputs);
        let mut known = vec![0.0; 4 * samples];
        for share in shares.iter().filter(|share| self.measured(share)) {
            for n in 0..self.counts[share.set] {
                let point: Vec<f64> =
                    points[(firsts[share.set] + n) * axes..][..axes].iter().map(|&x| x.into()).collect();
                for (c, value) in self.problem.data(share.term, &point).into_iter().enumerate() {
                    known[4 * (share.first_sample + n) + c] = value as f32;
                }
            }
        }
        known
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
    if !setup.problem.laplacian().is_empty() {
        p.f32s("LAPLACIAN", setup.problem.laplacian());
    }
    p.line("alias Point = array<f32, AXES>;");
    p.line("alias Fields = array<Jet, FIELDS>;");
    p
}

/// Constants of a pass that probes residuals, for strategies that ask for one.
pub(super) fn probe_constants(setup: &Setup, p: &mut Prelude) {
    let Some(period) = setup.strategy.probe_period() else { return };
    let terms = setup.problem.terms();
    let components: Vec<usize> =
        setup.problem.statement().equations.iter().map(|equation| equation.texts.len()).collect();
    let samples = terms.iter().map(|term| term.sets.iter().map(|&set| setup.counts[set]).sum::<usize>());
    let samples: Vec<usize> = samples.collect();
    let probes: Vec<Probe> = samples.iter().zip(&components).map(|(n, c)| Probe::of(n * c)).collect();
    p.u32("PROBE_PERIOD", period as usize).u32("PROBE_ENTRIES", Probe::ENTRIES);
    p.u32s("PROBE_STRIDE", &probes.iter().map(|probe| probe.stride).collect::<Vec<_>>());
    p.f32s("PROBE_SCALE", &probes.iter().map(|probe| probe.scale()).collect::<Vec<_>>());
    p.u32s("TERM_SAMPLE", &firsts(&samples).0).u32s("COMPONENTS", &components);
}

/// Workgroups that look over the samples with weights, at most: each leaves a number, which every sample then reads.
const SURVEYED: usize = 64;

/// How many samples a workgroup of `survey` looks over, and how many workgroups there are.
pub(super) fn spans(setup: &Setup) -> [usize; 2] {
    let samples = setup.weighed_samples().max(1);
    let span = samples.div_ceil(SURVEYED);
    [span, samples.div_ceil(span)]
}

/// A built step with the buffers a trainer looks into.
pub struct Step {
    pub parameters: Buffer,
    pub moments: Buffer,
    /// The packed parameters, as `update` writes them.
    pub packed: Buffer,
    /// Their copy in an image, where kernels read from one.
    mirror: Option<(Dispatch, Image)>,
    pub points: Buffer,
    samples: Buffer,
    pub rows: Buffer,
    pub control: Buffer,
    pub coefficients: Buffer,
    /// What the strategy keeps from step to step; at least one number.
    pub state: Buffer,
    /// Which sides the optimiser turns, and where it keeps their covariances and bases, if any.
    pub sides: Sides,
    pub kept: Option<[Buffer; 2]>,
    settings: Buffer,
    pub ring: Buffer,
    pub packing: Packing,
    /// Draws points and computes data; part of `whole` where points are resampled.
    pub sample: Dispatch,
    /// From points to gradient rows, losses and coefficients.
    pub gradients: Vec<Dispatch>,
    /// From rows and coefficients to new parameters.
    pub update: Vec<Dispatch>,
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
    ///
    /// # Errors
    /// A tile that this adapter cannot run, memory that it does not have, or a kernel that does not compile.
    pub fn build(gpu: &Gpu, setup: &Setup, plan: &dyn Plan, tile: &Tile) -> Result<Step> {
        let blueprint = Blueprint::new(setup, plan, tile, &gpu.capabilities())?;
        Step::realise(gpu, setup, blueprint)
    }

    /// Makes buffers, kernels and dispatches of a plan. Kernels compile side by side: in software that takes most of the
    /// time before the first step.
    fn realise(gpu: &Gpu, setup: &Setup, blueprint: Blueprint) -> Result<Step> {
        let mut memory = BTreeMap::new();
        for spec in &blueprint.buffers {
            memory.insert(spec.name.clone(), spec.realise(gpu)?);
        }
        let kernels = compile(gpu, &blueprint)?;
        let bind = |spec: &DispatchSpec| -> Result<Dispatch> {
            // what no kernel of this step asks for is not there
            let known = |(variable, name): &(&'static str, String)| Some((*variable, memory.get(name)?));
            let buffers: Vec<(&str, &Vectors)> = spec.buffers.iter().filter_map(known).collect();
            let bound = kernels[spec.kernel].bind(gpu, &buffers)?;
            let dispatch = match spec.size {
                Size::Threads(count) => bound.threads(count as u32),
                Size::Workgroups(count) => bound.workgroups(count as u32),
            };
            Ok(dispatch.counted(&spec.label, spec.flop).every(spec.every))
        };
        let sample = bind(&blueprint.sample)?;
        let gradients: Vec<Dispatch> = blueprint.gradients.iter().map(bind).collect::<Result<_>>()?;
        let mut whole = gradients.clone();
        let update: Vec<Dispatch> = blueprint.update.iter().map(bind).collect::<Result<_>>()?;
        whole.extend_from_slice(&update);
        if setup.resampled {
            whole.insert(0, sample.clone());
        }
        let mut take = |name: &str| match memory.remove(name) {
            Some(Vectors::Buffer(buffer)) => buffer,
            _ => unreachable!("every blueprint has a buffer `{name}`"),
        };
        let packed = take(PACKED);
        let [parameters, moments, points, samples] = ["parameters", "moments", "points", "samples"].map(&mut take);
        let [rows, control, state] = ["rows", "control", "state"].map(&mut take);
        let [settings, ring, coefficients] = ["settings", "ring", "coefficients"].map(&mut take);
        let kept = (!blueprint.sides.is_empty()).then(|| ["squares", "bases"].map(&mut take));
        let mirror = match memory.remove("weights") {
            Some(Vectors::Image(image)) => Some((gpu.copy(&packed, &image), image)),
            _ => None,
        };
        whole.extend(mirror.iter().map(|(copy, _)| copy.clone()));
        Ok(Step {
            parameters,
            moments,
            packed,
            mirror,
            points,
            samples,
            rows,
            control,
            coefficients,
            state,
            sides: blueprint.sides,
            kept,
            settings,
            ring,
            packing: blueprint.packing,
            sample,
            gradients,
            update,
            whole,
            terms: setup.problem.terms().len(),
        })
    }

    /// Sets the points of all sets, flat, and what a file knows there.
    pub fn set_points(&self, gpu: &Gpu, setup: &Setup, points: &[f32]) {
        gpu.write(&self.points, points);
        gpu.write(&self.samples, &setup.measured_samples(points));
    }

    /// Sets seeds and learning rate of the steps to come.
    pub fn set_settings(&self, gpu: &Gpu, settings: &Settings) {
        gpu.write(&self.settings, &settings.words());
    }

    /// Puts `parameters` on the device, packed copies included.
    pub fn set_parameters(&self, gpu: &Gpu, parameters: &[f32]) {
        gpu.write(&self.parameters, parameters);
        gpu.write(&self.packed, &self.packing.pack(parameters));
        if let Some((copy, _)) = &self.mirror {
            gpu.submit(from_ref(copy), 1);
        }
    }

    /// The packed parameters where kernels read them.
    pub fn weights(&self) -> &dyn Resource {
        match &self.mirror {
            Some((_, image)) => image,
            None => &self.packed,
        }
    }
}

/// The kernels of a step as one would list them: those of one label together, such as "3 × stage, reduce". Empty where the
/// step cannot be planned, which building it will say.
pub fn names(gpu: &Gpu, setup: &Setup, plan: &dyn Plan, tile: &Tile) -> String {
    let Ok(blueprint) = Blueprint::new(setup, plan, tile, &gpu.capabilities()) else { return String::new() };
    let same = blueprint.kernels.chunk_by(|a, b| a.label == b.label);
    let name = |kernels: &[KernelSpec]| match kernels.len() {
        1 => kernels[0].label.to_owned(),
        count => format!("{count} × {}", kernels[0].label),
    };
    same.map(name).collect::<Vec<_>>().join(", ")
}

/// Compiles all kernels of a blueprint, each on a thread of its own.
fn compile(gpu: &Gpu, blueprint: &Blueprint) -> Result<Vec<Kernel>> {
    let link = |spec: &KernelSpec| Kernel::link(gpu, spec.label, &spec.parts);
    std::thread::scope(|scope| {
        let threads: Vec<_> = blueprint.kernels.iter().map(|spec| scope.spawn(move || link(spec))).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// Constants of sampler, reduction, coefficients and update.
pub(super) fn downstream_prelude(
    setup: &Setup,
    packing: &Packing,
    slabs: &[[usize; 2]],
    (reducers, barrier): (usize, &str),
) -> Prelude {
    let mut p = common_prelude(setup);
    p.u32("REDUCERS", reducers).line(&format!("fn wait() {{ {barrier}(); }}"));
    let terms = setup.problem.terms();
    let sets = setup.problem.sets();
    let (set_firsts, points) = setup.set_firsts();
    let (shares, _) = setup.shares();
    let column = |of: fn(&Share) -> usize| shares.iter().map(of).collect::<Vec<_>>();
    let regions: Vec<usize> = sets.iter().map(|set| set.regions.len()).collect();
    p.u32("PARAMETERS", packing.places.len()).u32("PAIRS", terms.len() * (terms.len() + 1) / 2);
    p.u32("NUMBERS", setup.numbers_of_rows()).bool("ENTRIES", setup.strategy.reads_entries());
    p.u32("GRAM_PARTS", packing.slab_vectors.div_ceil(reducers)).u32("SLAB_VECTORS", packing.slab_vectors);
    p.u32s("SLAB_FIRST", &slabs.iter().map(|[first, _]| *first).collect::<Vec<_>>());
    p.u32s("SLAB_END", &slabs.iter().map(|[_, end]| *end).collect::<Vec<_>>());
    p.u32("IMAGE_ROW_BITS", IMAGE_ROW_BITS as usize);
    probe_constants(setup, &mut p);
    let [span, surveyed] = spans(setup);
    p.u32("WEIGHED", setup.weighed_samples()).u32("SPAN", span).u32("SURVEYED", surveyed);
    p.u32("KEPT_AT", setup.strategy.state_length(terms.len()));
    p.u32("RING", RING).u32("RECORD", Step::record_length(terms.len()));
    p.u32("POINT_COUNT", points).u32("SETS", sets.len()).bool("POINTS_GIVEN", setup.orders.is_some());
    p.u32s("SET_FIRST", &set_firsts).u32s("SET_COUNT", &setup.counts);
    let sampling = if setup.resampled { Sampling::Resampled } else { Sampling::Fixed };
    p.u32s("SET_STREAM", &(0..sets.len()).map(|set| setup.problem.stream(set, sampling)).collect::<Vec<_>>());
    p.u32s(
        "SET_OPPOSITE",
        &(0..sets.len()).map(|set| setup.problem.opposite(set, sampling).into()).collect::<Vec<_>>(),
    );
    let given = |set| setup.problem.given(set, setup.counts[set]).is_some().into();
    p.u32s("SET_GIVEN", &(0..sets.len()).map(given).collect::<Vec<usize>>());
    let measured = |share: &Share| setup.measured(share).into();
    p.u32s("SHARE_MEASURED", &shares.iter().map(measured).collect::<Vec<usize>>());
    p.u32s("SET_REGIONS", &regions).u32s("SET_FIRST_REGION", &firsts(&regions).0);
    p.u32("SHARES", shares.len()).u32s("SHARE_TERM", &column(|s| s.term));
    p.u32s("SHARE_SET", &column(|s| s.set)).u32s("SHARE_SAMPLE", &column(|s| s.first_sample));
    p.bool("GIVEN_ORDERS", setup.orders.is_some());
    let [beta1, beta2] = setup.optimiser.betas;
    p.f32("LOG_BETA1", beta1.ln()).f32("LOG_BETA2", beta2.ln());
    optimiser_constants(&mut p, setup);
    p
}

/// Constants of the optimiser. Decay rates have no type: 1 − β₂ is then computed before it is rounded.
pub fn optimiser_constants(p: &mut Prelude, setup: &Setup) {
    let Optimisation { optimiser, betas: [beta1, beta2], frequency } = setup.optimiser;
    let sides = Sides::new(&setup.network.layout(&setup.shape), optimiser);
    p.line(&format!("const BETA1 = {beta1:?};")).line(&format!("const BETA2 = {beta2:?};"));
    p.f32("EPSILON", EPSILON).u32("FREQUENCY", frequency as usize).u32("BLOCKS", sides.side_of.len());
    p.u32("UPPER_BLOCKS", sides.upper_blocks.len());
    p.u32("CELLS", sides.cells.len());
    p.u32("LONGEST", sides.longest()).f32("SHIFT", soap::SHIFT).f32("REST", soap::REST);
    p.f32("LEAST_TRACE", soap::LEAST_TRACE);
}

/// Lower and upper ends of every region, set after set, flat.
pub(super) fn regions(problem: &dyn Problem) -> Vec<f32> {
    let sets = problem.sets();
    let regions = sets.iter().flat_map(|set| &set.regions);
    regions.flat_map(|r| r.lower.iter().chain(&r.upper)).map(|&x| x as f32).collect()
}
