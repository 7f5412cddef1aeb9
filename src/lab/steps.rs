//! Whole training steps as a run takes them: points, losses, gradient rows, Gram matrix and coefficients of the
//! first step, then the first steps of the run, each against f64. One set of kernels serves all of it, because
//! compiling them is what takes time.

use crate::error::{Error, Result};
use crate::kernels::gpu::Gpu;
use crate::kernels::network::Network;
use crate::kernels::plans::{Cuts, Keep};
use crate::kernels::raster::Raster;
use crate::kernels::{Plan, Setup, Step, Tile, default_tile};
use crate::math::rng::Seeds;
use crate::math::{Schedule, Variant};
use crate::networks::Shape;
use crate::optimisers::Optimisation;
use crate::oracle::{self, Model, Settings};
use crate::problems::{Problem, Sampling};
use crate::strategies::Strategy;
use crate::training::{StepRecord, Trainer};

use super::case::{Case, Outcome, moved_parameters, poison};
use super::eigenbases;
use super::random::{self, Drawn};
use super::report::{Report, Tolerance, norm};

/// The run of `setup` as the oracle follows it.
pub fn in_f64<'a>(setup: &Setup<'a>) -> (Model<'a>, Settings) {
    let model = Model { problem: setup.problem, network: setup.network, shape: setup.shape };
    let settings = Settings {
        points: setup.counts.clone(),
        sampling: if setup.resampled { Sampling::Resampled } else { Sampling::Fixed },
        schedule: setup.schedule,
        steps: setup.steps,
        seeds: setup.seeds,
        optimiser: setup.optimiser,
    };
    (model, settings)
}

/// Quick to compile, because little is unrolled, on any adapter.
pub const SMALL: Gpu = Gpu { lanes: 8, groups: 1, rows: 2, columns: 1, slabs: 32 };

/// Quick to compile, for the target that runs take on this adapter.
pub fn small(gpu: &crate::gpu::Gpu, setup: &Setup) -> Tile {
    match default_tile(gpu, setup) {
        Tile::Gpu(_) => Tile::Gpu(SMALL),
        Tile::Raster(tile) => Tile::Raster(Raster { span: 1, strip: 2, ..tile }),
    }
}

/// Warm-up ends and the cosine begins within the steps that are compared.
const SCHEDULE: Schedule = Schedule::WarmupCosine { rate: 1e-3, final_rate: 1e-4, warmup: 8 };
/// Steps of a run that are compared with the oracle's.
pub const STEPS: u64 = 20;
/// Seeds of which both words matter.
const SEEDS: Seeds = Seeds { initial: 19018, sample: 0x0123_4567_89ab_cdef, order: 0x0fed_cba9_8765_4321 };

/// A plan for looking at the sampler alone: from points to nothing.
pub struct NoGradients;

impl Plan for NoGradients {
    fn name(&self) -> &'static str {
        "none"
    }

    fn summary(&self) -> &'static str {
        "points alone"
    }

    fn keeps(&self) -> Keep {
        Keep::PerWorkgroup
    }

    fn cut(&self, _: &Network) -> Cuts {
        Cuts::default()
    }
}

/// How the sizes of kernels are chosen.
#[derive(Clone, Copy)]
pub enum Sizes {
    /// As for a run on this adapter.
    Default,
    /// By [`small`].
    Small,
    Of(Tile),
}

/// Which step is built.
#[derive(Clone, Copy)]
pub struct Subject {
    pub problem: &'static dyn Problem,
    pub network: &'static dyn crate::networks::Network,
    pub variant: Variant,
    pub strategy: &'static dyn Strategy,
    pub optimiser: Optimisation,
    pub plan: &'static dyn Plan,
    /// Width and depth.
    pub size: [usize; 2],
    /// Points of the first set and of each other.
    pub points: [usize; 2],
    /// How the sizes of its kernels are chosen.
    pub sizes: Sizes,
}

impl Subject {
    /// For tables.
    pub fn name(&self) -> String {
        let [width, depth] = self.size;
        let [problem, network, plan] = [self.problem.name(), self.network.name(), self.plan.name()];
        let variant = self.variant.name();
        match self.optimiser.optimiser.name() {
            "adam" => format!("{problem} {network} {variant} {width}×{depth} {plan}"),
            other => format!("{problem} {network} {variant} {width}×{depth} {plan} {other}"),
        }
    }

    fn counts(&self) -> Vec<usize> {
        let [first, other] = self.points;
        let of = |set| self.problem.count(set).unwrap_or(if set == 0 { first } else { other });
        (0..self.problem.sets().len()).map(of).collect()
    }

    /// The network's at this size.
    fn shape(&self) -> Shape {
        let asked = oracle::shape(self.problem, self.size[0], self.size[1], self.variant);
        self.network.fit(asked).unwrap_or_else(|what| panic!("{what}"))
    }

    fn setup(&self) -> Setup<'static> {
        Setup {
            problem: self.problem,
            network: self.network,
            shape: self.shape(),
            strategy: self.strategy,
            optimiser: self.optimiser,
            counts: self.counts(),
            resampled: true,
            schedule: SCHEDULE,
            steps: 2 * STEPS,
            seeds: SEEDS,
            orders: None,
        }
    }

    /// Builds the step. Whatever its kernels should write holds NaN.
    pub fn build<'a>(&self, gpu: &'a crate::gpu::Gpu) -> Result<Bench<'a>> {
        let setup = self.setup();
        let parameters = moved_parameters(self.problem, self.network, &setup.shape, SEEDS.initial);
        let tile = match self.sizes {
            Sizes::Default => default_tile(gpu, &setup),
            Sizes::Small => small(gpu, &setup),
            Sizes::Of(tile) => tile,
        };
        let trainer = Trainer::with_tile(gpu, setup, self.plan, tile, &parameters)?;
        poison(gpu, &trainer.step);
        Ok(Bench { subject: *self, trainer, parameters })
    }
}

/// A built step.
pub struct Bench<'a> {
    subject: Subject,
    trainer: Trainer<'a>,
    parameters: Vec<f32>,
}

impl Bench<'_> {
    /// The points of step number `done`, set after set.
    fn draw(&self, done: u32) -> Result<Drawn> {
        let (gpu, step) = (&self.trainer.gpu, &self.trainer.step);
        let axes = self.subject.problem.axes().len();
        gpu.write(&step.control, &[done]);
        let mut points = self.trainer.setup.given_points();
        let drawn = |set: usize, count: usize| self.subject.problem.given(set, count).is_none();
        let mut first = 0;
        for (set, count) in self.subject.counts().into_iter().enumerate() {
            if drawn(set, count) {
                points[first..first + count * axes].fill(f32::NAN);
            }
            first += count * axes;
        }
        step.set_points(gpu, &self.trainer.setup, &points);
        gpu.submit(std::slice::from_ref(&step.sample), 1);
        let counts = self.subject.counts();
        let all: Vec<f32> = gpu.read(&step.points, counts.iter().sum::<usize>() * axes)?;
        let mut rest = all.as_slice();
        let split = |count: &usize| {
            let (set, others) = rest.split_at(count * axes);
            rest = others;
            set.to_vec()
        };
        Ok(counts.iter().map(split).collect())
    }

    /// The sampler: bits, strata, regions, and no relation between axes, sets and steps.
    pub fn check_sampler(&self) -> Result<Report> {
        let mut report = Report::default();
        let mut draws = Vec::new();
        for done in [0, 1, 2, 70_000] {
            let drawn = self.draw(done)?;
            random::check_points(&mut report, self.subject.problem, SEEDS.sample, done, &drawn);
            draws.push((format!("step {done}"), drawn));
        }
        random::check_independence(&mut report, self.subject.problem, &draws);
        let again = self.draw(1)?;
        report.check(again == draws[1].1, || format!("{}: step 1 was drawn differently again", self.subject.name()));
        Ok(report)
    }

    /// Losses, rows, Gram matrix and coefficients of the first step.
    pub fn check_gradients(&self) -> Result<Report> {
        let (gpu, step, terms) = (&self.trainer.gpu, &self.trainer.step, self.trainer.step.terms);
        let count = self.parameters.len();
        step.set_parameters(gpu, &self.parameters);
        let points = self.draw(0)?;
        gpu.submit(&step.gradients, 1);
        let rows: Vec<f32> = gpu.read(&step.rows, terms * count)?;
        let record = StepRecord::parse(0, terms, &gpu.read::<f32>(&step.ring, Step::record_length(terms))?);
        let got = Outcome {
            losses: record.losses,
            rows: rows.chunks(count).map(<[f32]>::to_vec).collect(),
            coefficients: record.coefficients,
            gram: record.gram,
        };
        let case = Case {
            problem: self.subject.problem,
            network: self.subject.network,
            shape: self.trainer.setup.shape,
            strategy: self.subject.strategy,
            plan: self.subject.plan,
            parameters: self.parameters.clone(),
            points,
            orders: oracle::orders(SEEDS.order, 0, terms),
            rate: SCHEDULE.rate(0, 2 * STEPS),
            seeds: SEEDS,
            tile: None,
        };
        let mut report = Report::default();
        case.compare(&got, &case.in_f64()?, &mut report);
        Ok(report)
    }

    /// The first steps of a run: losses and rates of each, and how far the parameters went.
    pub fn check_trajectory(&mut self) -> Result<Report> {
        let setup = self.trainer.setup.clone();
        let (model, settings) = in_f64(&setup);
        // a run begins at the network's own start
        let initial = crate::oracle::initial(setup.problem, setup.network, &setup.shape, setup.seeds.initial);
        let wanted = oracle::trajectory(model, setup.strategy, &settings, STEPS as u32).map_err(Error::Usage)?;
        self.trainer.restore(0, &initial, &vec![0.0; 2 * initial.len()], &[], &[])?;
        let records = self.trainer.advance(STEPS)?;
        let name = self.subject.name();
        let [losses, motion] = eigenbases::coarser(setup.optimiser.optimiser);
        let mut report = Report::default();
        for (record, wanted) in records.iter().zip(&wanted.losses) {
            for (k, term) in setup.problem.terms().iter().enumerate() {
                let place = format_args!("{name} step {} `{}`", record.step, term.name);
                report.number(place, record.losses[k].into(), wanted[k], losses * wanted[k], Tolerance::ALONG_A_RUN);
            }
            let rate = SCHEDULE.rate(record.step, settings.steps);
            let place = format_args!("{name} step {} rate", record.step);
            report.number(place, record.rate.into(), rate, rate, Tolerance::of_f32(16.0));
        }
        // how far the parameters went, not how large they are, is what the steps decide
        let moved: Vec<f64> = wanted.parameters.iter().zip(&initial).map(|(p, i)| p - f64::from(*i)).collect();
        let parameters = self.trainer.parameters()?;
        let got: Vec<f32> = parameters.iter().zip(&initial).map(|(p, i)| p - i).collect();
        report.vector(format_args!("{name} motion"), &got, &moved, motion * norm(&moved), Tolerance::ALONG_A_RUN);
        Ok(report)
    }
}
