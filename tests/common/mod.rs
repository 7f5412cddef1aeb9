//! What the tests share: a device that must be there, one rule for tolerances, a list of failures, and steps
//! at given parameters and points.

// every test file is a crate of its own and uses only a part of this
#![allow(dead_code)]

use acr_pinn_gpu::gpu::{Choice, Gpu};
use acr_pinn_gpu::math::rng::{self, Seeds};
use acr_pinn_gpu::math::{Schedule, Variant, sampling};
use acr_pinn_gpu::networks::{Network, Shape};
use acr_pinn_gpu::oracle::{self, Model};
use acr_pinn_gpu::plans::fused::{self, Fused};
use acr_pinn_gpu::plans::{Setup, Step, Tile};
use acr_pinn_gpu::problems::Problem;
use acr_pinn_gpu::strategies::{Gram, PcGrad, Strategy};

/// The adapter under test, with every runtime check on. A machine without one fails here, with the remedy:
/// a test of the device that skips itself would look like one that passed.
pub fn gpu() -> Gpu {
    Gpu::open(&checked()).unwrap_or_else(|error| panic!("these tests need an adapter: {error}"))
}

/// The choice that [`gpu`] makes.
pub fn checked() -> Choice {
    Choice { checked: true, ..Choice::default() }
}

/// The one rule for tolerances: error ≤ slack × (error of plain f32 arithmetic) + floor, and never more than
/// [`Tolerance::CEILING`]. Errors are relative to the size of what is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    plain: f64,
    slack: f64,
    floor: f64,
}

impl Tolerance {
    /// No test may accept a larger relative error, whatever its slack.
    pub const CEILING: f64 = 1e-3;
    /// Losses of a step.
    pub const LOSS: Self = Self::of_f32(800.0);
    /// Gradient rows of a step.
    pub const ROW: Self = Self::of_f32(1600.0);
    /// Coefficients: quotients of inner products, so the errors of two rows meet.
    pub const COEFFICIENTS: Self = Self::of_f32(8000.0);

    /// `slack` roundings of f32.
    pub const fn of_f32(slack: f64) -> Self {
        Self { plain: f32::EPSILON as f64, slack, floor: 0.0 }
    }

    /// `slack` times an error that a plain evaluation in f32 was seen to make.
    pub const fn measured(plain: f64, slack: f64) -> Self {
        Self { plain, slack, floor: f32::EPSILON as f64 }
    }

    /// The largest relative error that passes.
    pub fn limit(self) -> f64 {
        (self.slack * self.plain + self.floor).min(Self::CEILING)
    }
}

/// Failures of many comparisons, shown together: the pattern often names the culprit.
#[derive(Default)]
pub struct Report {
    failures: Vec<String>,
    comparisons: usize,
}

impl Report {
    /// Compares a number; its error counts relative to `scale`.
    pub fn number(&mut self, place: &str, got: f64, wanted: f64, scale: f64, tolerance: Tolerance) {
        self.comparisons += 1;
        let error = (got - wanted).abs() / scale;
        // a NaN is no error below the limit
        if error.is_nan() || error > tolerance.limit() {
            let limit = tolerance.limit();
            self.failures.push(format!("{place}: got {got:e}, wanted {wanted:e}, error {error:.1e} > {limit:.1e}"));
        }
    }

    /// Compares numbers one by one, each relative to the largest of those wanted.
    pub fn entries(&mut self, place: &str, got: &[f32], wanted: &[f64], tolerance: Tolerance) {
        assert_eq!(got.len(), wanted.len(), "{place}: as many numbers as wanted");
        let scale = wanted.iter().fold(f64::MIN_POSITIVE, |a, w| a.max(w.abs()));
        for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
            self.number(&format!("{place}[{i}]"), f64::from(*g), *w, scale, tolerance);
        }
    }

    /// Compares a vector by the L2 norm of its error, relative to `scale`, which is usually its own norm.
    pub fn vector(&mut self, place: &str, got: &[f32], wanted: &[f64], scale: f64, tolerance: Tolerance) {
        assert_eq!(got.len(), wanted.len(), "{place}: as many numbers as wanted");
        self.comparisons += 1;
        let errors: Vec<f64> = got.iter().zip(wanted).map(|(g, w)| (f64::from(*g) - w).abs()).collect();
        let error = norm(&errors) / scale.max(f64::MIN_POSITIVE);
        if error.is_nan() || error > tolerance.limit() {
            let worst = (0..errors.len()).max_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
            self.failures.push(format!(
                "{place}: error {error:.1e} > {:.1e}; worst [{worst}]: got {:e}, wanted {:e}",
                tolerance.limit(),
                got[worst],
                wanted[worst]
            ));
        }
    }

    /// Notes a failure of another kind.
    pub fn check(&mut self, holds: bool, message: impl FnOnce() -> String) {
        self.comparisons += 1;
        if !holds {
            self.failures.push(message());
        }
    }

    /// Fails if anything did, or if nothing was compared at all.
    pub fn finish(self) {
        assert!(self.comparisons > 0, "nothing was compared");
        let shown: Vec<&str> = self.failures.iter().take(30).map(String::as_str).collect();
        let count = self.failures.len();
        assert!(count == 0, "{count} of {} comparisons failed:\n{}", self.comparisons, shown.join("\n"));
    }
}

/// The L2 norm.
pub fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// As f64, for the oracle.
pub fn widen(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// What one evaluation of a step gives, before any update.
pub struct Outcome<T> {
    pub losses: Vec<T>,
    /// [terms][parameters].
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
    pub parameters: Vec<f32>,
    /// Flat [n, axes] per set.
    pub points: Vec<Vec<f32>>,
    pub orders: Vec<Vec<usize>>,
    /// None for what a run would take on this adapter.
    pub tile: Option<Tile>,
}

impl Case {
    /// Real initial parameters, points as a run would draw them and random orders.
    /// `counts` are the points of each set, the first of them, as many as the problem has.
    pub fn new(
        problem: &'static dyn Problem,
        network: &'static dyn Network,
        variant: Variant,
        [width, depth]: [usize; 2],
        counts: &[usize],
    ) -> Case {
        let shape = oracle::shape(problem, width, depth, variant);
        let seeds = Seeds::of(width as u64);
        let draw =
            |(set, n): (usize, usize)| sampling::points(seeds.sample, 0, set as u32, &problem.sets()[set].regions, n);
        let terms = problem.terms().len();
        Case {
            problem,
            network,
            shape,
            strategy: &PcGrad,
            parameters: network.initial(&shape, seeds.initial),
            points: counts.iter().copied().take(problem.sets().len()).enumerate().map(draw).collect(),
            orders: (0..terms).map(|task| rng::order(seeds.order, 0, task as u32, terms)).collect(),
            tile: None,
        }
    }

    /// For failures.
    pub fn name(&self) -> String {
        let Shape { width, depth, variant, .. } = self.shape;
        format!("{} {} {} {width}×{depth}", self.problem.name(), self.network.name(), variant.name())
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
            counts: self.counts(),
            resampled: false,
            schedule: Schedule::Constant { rate: 1e-3 },
            steps: 10,
            seeds: Seeds::of(1),
            orders: Some(self.orders.clone()),
        }
    }

    /// Losses, rows and coefficients on the device. Whatever the kernels should write holds NaN before.
    pub fn on_device(&self, gpu: &Gpu) -> Outcome<f32> {
        let (terms, parameters) = (self.problem.terms().len(), self.parameters.len());
        let setup = self.setup();
        let tile = self.tile.unwrap_or_else(|| fused::default_tile(gpu, &setup));
        let step = Step::build(gpu, &setup, &Fused, &tile).unwrap_or_else(|error| panic!("{error}"));
        poison(gpu, &step);
        step.set_parameters(gpu, &self.parameters);
        gpu.write(&step.points, &self.points.concat());
        gpu.submit(std::slice::from_ref(&step.sample), 1);
        gpu.submit(&step.gradients, 1);
        let rows: Vec<f32> = gpu.read(&step.rows, terms * parameters).unwrap();
        let record: Vec<f32> = gpu.read(&step.ring, Step::record_length(terms)).unwrap();
        Outcome {
            losses: record[..terms].to_vec(),
            rows: rows.chunks(parameters).map(<[f32]>::to_vec).collect(),
            coefficients: record[terms..2 * terms].to_vec(),
            gram: record[2 * terms..][..terms * terms].to_vec(),
        }
    }

    /// The same by the oracle.
    pub fn in_f64(&self) -> Outcome<f64> {
        let model = Model { problem: self.problem, network: self.network, shape: self.shape };
        let points: Vec<Vec<f64>> = self.points.iter().map(|points| widen(points)).collect();
        let oracle = oracle::gradients(model, &widen(&self.parameters), &points).unwrap();
        let gram = Gram::of(&oracle.rows);
        Outcome {
            losses: oracle.losses,
            rows: oracle.rows,
            coefficients: self.strategy.coefficients(&gram, &self.orders),
            gram: gram.entries().to_vec(),
        }
    }

    /// Compares the device with the oracle.
    pub fn verify(&self, gpu: &Gpu, report: &mut Report) {
        self.compare(&self.on_device(gpu), &self.in_f64(), report);
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
            report.number(&format!("{place} loss"), got.losses[k].into(), loss, loss, Tolerance::LOSS);
            report.vector(&format!("{place} row"), &got.rows[k], row, size, Tolerance::ROW);
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
            &format!("{name} coefficients"),
            &got.coefficients,
            &wanted.coefficients,
            Tolerance::COEFFICIENTS,
        );
    }
}

/// Fills what the kernels of `step` should write with NaN, so that nothing stale or zero can pass.
pub fn poison(gpu: &Gpu, step: &Step) {
    for buffer in [&step.parameters, &step.weights, &step.points, &step.rows, &step.ring] {
        gpu.write(buffer, &vec![f32::NAN; (buffer.size() / 4) as usize]);
    }
}
