//! A step at given parameters, points and orders, evaluated on the device and in f64.

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernels::packing::NONE;
use crate::kernels::{Fused, Plan, Setup, Step, Tile, default_tile};
use crate::math::rng::{self, Seeds};
use crate::math::{Schedule, Variant, sampling};
use crate::networks::{Network, Shape, Slot};
use crate::optimisers::Optimisation;
use crate::oracle::{self, Model};
use crate::problems::Problem;
use crate::strategies::{Gram, PcGrad, Seen, Strategy};

use super::report::{Report, Tolerance, norm, widen};

/// What one evaluation of a step gives, before any update.
pub struct Outcome<T> {
    pub losses: Vec<T>,
    /// `[terms][parameters]`.
    pub rows: Vec<Vec<T>>,
    pub coefficients: Vec<T>,
    /// [terms · terms].
    pub gram: Vec<T>,
}

/// A step at given parameters, points and orders, to be evaluated on the device and in f64.
#[derive(Clone)]
pub struct Case {
    pub problem: &'static dyn Problem,
    pub network: &'static dyn Network,
    pub shape: Shape,
    pub strategy: &'static dyn Strategy,
    pub plan: &'static dyn Plan,
    pub parameters: Vec<f32>,
    /// Flat [n, axes] per set.
    pub points: Vec<Vec<f32>>,
    pub orders: Vec<Vec<usize>>,
    /// Learning rate.
    pub rate: f64,
    /// Seeds of what is random in the step itself.
    pub seeds: Seeds,
    /// None for what a run would take on this adapter.
    pub tile: Option<Tile>,
}

impl Case {
    /// Real initial parameters, points as a run would draw them and random orders.
    /// `counts` are the points of each set of the problem: further ones are ignored, the last is repeated.
    ///
    /// # Panics
    /// If the network is not for such a problem: [`Network::fit`] says which is.
    pub fn new(
        problem: &'static dyn Problem,
        network: &'static dyn Network,
        variant: Variant,
        [width, depth]: [usize; 2],
        counts: &[usize],
    ) -> Case {
        let shape = network.fit(oracle::shape(problem, width, depth, variant)).unwrap_or_else(|what| panic!("{what}"));
        let seeds = Seeds::of(width as u64);
        let draw = |(set, n): (usize, usize)| {
            let drawn = || sampling::points(seeds.sample, 0, set as u32, &problem.sets()[set].regions, n);
            problem.given(set, n).unwrap_or_else(drawn)
        };
        let terms = problem.terms().len();
        Case {
            problem,
            network,
            shape,
            strategy: &PcGrad,
            plan: &Fused,
            parameters: oracle::initial(problem, network, &shape, seeds.initial),
            points: (0..problem.sets().len()).map(|set| (set, counts[set.min(counts.len() - 1)])).map(draw).collect(),
            orders: (0..terms).map(|task| rng::order(seeds.order, 0, task as u32, terms)).collect(),
            rate: 1e-3,
            seeds: Seeds::of(1),
            tile: None,
        }
    }

    /// For failures.
    pub fn name(&self) -> String {
        let Shape { width, depth, variant, .. } = self.shape;
        let [problem, network, plan] = [self.problem.name(), self.network.name(), self.plan.name()];
        format!("{problem} {network} {} {width}×{depth} {plan}", variant.name())
    }

    /// Points of each set.
    pub fn counts(&self) -> Vec<usize> {
        self.points.iter().map(|points| points.len() / self.shape.inputs).collect()
    }

    /// What the step is built from.
    pub fn setup(&self) -> Setup<'static> {
        Setup {
            problem: self.problem,
            network: self.network,
            shape: self.shape,
            strategy: self.strategy,
            optimiser: Optimisation::default(),
            counts: self.counts(),
            resampled: false,
            schedule: Schedule::Constant { rate: self.rate },
            steps: 10,
            seeds: self.seeds,
            orders: Some(self.orders.clone()),
        }
    }

    /// Losses, rows and coefficients on the device. Whatever the kernels should write holds NaN before.
    pub fn on_device(&self, gpu: &Gpu) -> Result<Outcome<f32>> {
        let (terms, parameters) = (self.problem.terms().len(), self.parameters.len());
        let setup = self.setup();
        let tile = self.tile.unwrap_or_else(|| default_tile(gpu, &setup));
        let step = Step::build(gpu, &setup, self.plan, &tile)?;
        poison(gpu, &step);
        step.set_parameters(gpu, &self.parameters);
        step.set_points(gpu, &setup, &self.points.concat());
        gpu.submit(std::slice::from_ref(&step.sample), 1);
        gpu.submit(&step.gradients, 1);
        let rows: Vec<f32> = gpu.read(&step.rows, terms * parameters)?;
        let record: Vec<f32> = gpu.read(&step.ring, Step::record_length(terms))?;
        Ok(Outcome {
            losses: record[..terms].to_vec(),
            rows: rows.chunks(parameters).map(<[f32]>::to_vec).collect(),
            coefficients: record[terms..2 * terms].to_vec(),
            gram: record[2 * terms..][..terms * terms].to_vec(),
        })
    }

    /// The same by the oracle.
    ///
    /// # Errors
    /// Numbers of parameters or points that do not fit the problem.
    pub fn in_f64(&self) -> Result<Outcome<f64>> {
        self.in_f64_with(self.traces()?)
    }

    /// What a probe of the residuals finds, by the oracle.
    pub(super) fn traces(&self) -> Result<Vec<f64>> {
        let model = Model { problem: self.problem, network: self.network, shape: self.shape };
        let points: Vec<Vec<f64>> = self.points.iter().map(|points| widen(points)).collect();
        let at = (0, self.seeds.order);
        oracle::traces(self.strategy, model, &widen(&self.parameters), &points, at).map_err(Error::Usage)
    }

    /// [`Case::in_f64`] with what a probe has found.
    pub(super) fn in_f64_with(&self, traces: Vec<f64>) -> Result<Outcome<f64>> {
        let model = Model { problem: self.problem, network: self.network, shape: self.shape };
        let points: Vec<Vec<f64>> = self.points.iter().map(|points| widen(points)).collect();
        let mut state = oracle::state(self.strategy, model, &points);
        let parameters = widen(&self.parameters);
        let oracle = oracle::step_gradients(self.strategy, model, &parameters, &points, 0, &mut state);
        let oracle = oracle.map_err(Error::Usage)?;
        let gram = Gram::of(&oracle.rows);
        let seen = Seen { rate: self.rate, traces, ..Seen::of(&oracle.rows, &oracle.losses, &self.orders) };
        state.truncate(self.strategy.state_length(oracle.rows.len()));
        Ok(Outcome {
            losses: oracle.losses,
            rows: oracle.rows,
            coefficients: self.strategy.coefficients(&gram, &seen, &mut state),
            gram: gram.entries().to_vec(),
        })
    }

    /// Compares the device with the oracle; a step that cannot be built or run is a failure too.
    pub fn verify(&self, gpu: &Gpu, report: &mut Report) {
        match self.on_device(gpu).and_then(|got| Ok((got, self.in_f64()?))) {
            Ok((got, wanted)) => self.compare(&got, &wanted, report),
            Err(error) => report.check(false, || format!("{}: {error}", self.name())),
        }
    }

    /// Losses and coefficients number by number, each row as a whole and again tensor by tensor: a small
    /// tensor, such as the residual scales, would vanish in the norm of its row.
    pub fn compare(&self, got: &Outcome<f32>, wanted: &Outcome<f64>, report: &mut Report) {
        let name = self.name();
        let layout = self.network.layout(&self.shape);
        for (k, term) in self.problem.terms().iter().enumerate() {
            let place = format!("{name} `{}`", term.name);
            let (loss, row) = (wanted.losses[k], &wanted.rows[k]);
            let size = norm(row);
            report.number(format_args!("{place} loss"), got.losses[k].into(), loss, loss, Tolerance::LOSS);
            report.vector(format_args!("{place} row"), &got.rows[k], row, size, Tolerance::ROW);
            for slot in &layout.slots {
                let part = &row[slot.range()];
                // rounding in a tensor scales with what flows through it, not with what is left after cancellation
                let scale = norm(part).max(1e-3 * size);
                let place = format!("{place} {}", slot.name);
                report.vector(&place, &got.rows[k][slot.range()], part, scale, Tolerance::ROW);
            }
            for j in 0..wanted.rows.len() {
                let entry = k * wanted.rows.len() + j;
                let scale = size * norm(&wanted.rows[j]);
                let place = format!("{place} gram {j}");
                report.number(&place, got.gram[entry].into(), wanted.gram[entry], scale, Tolerance::ROW);
            }
        }
        report.entries(
            format_args!("{name} coefficients"),
            &got.coefficients,
            &wanted.coefficients,
            Tolerance::COEFFICIENTS,
        );
    }
}

/// Initial parameters, with every tensor that starts as one number moved a little: where biases or gates are at
/// rest, most of their gradients vanish, and a mistake in them would too.
pub fn moved_parameters(problem: &dyn Problem, network: &dyn Network, shape: &Shape, seed: u64) -> Vec<f32> {
    let mut parameters = oracle::initial(problem, network, shape, seed);
    let constant = |slot: &&Slot, p: &[f32]| p[slot.range()].iter().all(|&x| x == p[slot.offset]);
    for slot in &network.layout(shape).slots {
        if constant(&slot, &parameters) {
            slot.range().for_each(|i| parameters[i] += (0.1 * (1.7 * i as f64).sin()) as f32);
        }
    }
    parameters
}

/// Fills what the kernels of `step` should write with NaN, so that nothing stale or zero can pass. Rows of parameters that are
/// not trained are never written, and stay zero.
pub fn poison(gpu: &Gpu, step: &Step) {
    for buffer in [&step.parameters, &step.packed, &step.points, &step.state, &step.ring] {
        gpu.write(buffer, &vec![f32::NAN; (buffer.size() / 4) as usize]);
    }
    let row = step.packing.places.iter().map(|place| if place.slab == NONE { 0.0 } else { f32::NAN });
    gpu.write(&step.rows, &row.collect::<Vec<f32>>().repeat(step.terms));
}
