//! Times training steps: every rung of the ladder is built, held against the oracle, warmed up until it is steady, and
//! then sampled in turn with all others, a fixed kernel between the samples watching the machine.

use std::time::{Duration, Instant};

use serde_json::to_value;

use crate::error::{Error, Result};
use crate::gpu::{Dispatch, Gpu};
use crate::kernels::step::RING;
use crate::kernels::{Setup, Step, Tile, default_tile, work};
use crate::math::statistics::median;
use crate::training::Trainer;

use super::ladder::{self, Rung, Wanted};
use super::probe::Fixed;
use super::proof::Proof;
use super::timing::{DISTURBED, KernelTime, Row, Verdict};
use super::trace::{Clock, Pass, Trace};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// Samples of every rung.
    pub samples: usize,
    /// After so long no further round begins, once every rung has [`FEWEST`] samples on an undisturbed machine.
    pub limit: Duration,
    /// A rung is warmed up at most this long.
    pub warmup: Duration,
    /// Begin with this tile instead of the adapter's default; with checks the other way, as much of it as can run there.
    pub tile: Option<Tile>,
}

/// Samples that a comparison needs at least.
pub const FEWEST: usize = 5;
/// How long one submit may keep the device: far below every watchdog.
const SUBMIT: Duration = Duration::from_millis(50);
/// A step is warm when so many samples in a row differ by less than the share.
const STEADY: (usize, f64) = (3, 0.05);
/// Passes of a step by the device's clock: the median counts.
const PASSES: usize = 5;

/// Hears where the measurement is, for a line of progress, and says whether it is to go on.
pub type Progress<'a> = &'a mut dyn FnMut(String) -> bool;

/// Opens the adapter once more, with the compiler's runtime checks or without.
pub type Open<'a> = &'a dyn Fn(bool) -> Result<Gpu>;

/// Times every rung of one problem, each on a device of its own, so that none finds the kernels of another. `checked`
/// says whether the adapter's choice keeps runtime checks.
///
/// A measurement that is to stop keeps the rows that have samples.
///
/// # Errors
/// Wishes that make no sense, and an adapter that does not answer. A rung that cannot be built is a row that says so.
pub fn run(
    open: Open,
    checked: bool,
    setup: &Setup<'static>,
    wanted: &Wanted,
    protocol: &Protocol,
    trace: &mut Trace,
    progress: Progress,
) -> Result<Vec<Row>> {
    let gpu = open(checked)?;
    let other = open(!checked)?;
    let tile = |gpu: &Gpu| protocol.tile.unwrap_or_else(|| default_tile(gpu, setup));
    let tiles = [&gpu, &other].map(tile);
    let rungs = ladder::rungs(wanted, tiles, checked, &gpu, setup)?;
    let problem = setup.problem.name();
    progress(format!("{problem}: f64 oracle"));
    let proof = Proof::new(setup, rungs[0].plan)?;
    let mut rows = Vec::new();
    let mut courses = Vec::new();
    for (k, rung) in rungs.iter().enumerate() {
        if !progress(format!("{problem}: building and checking {} ({} of {})", rung.name(), k + 1, rungs.len())) {
            break;
        }
        let mut row = describe(setup, rung);
        match Course::prepare(open, setup, rung, &proof, &mut row) {
            Ok(course) => courses.extend(course.map(|course| (k, course))),
            Err(Error::Stopped { .. }) => break,
            Err(error) => (row.verdict, row.reason) = (Verdict::Failed, error.to_string()),
        }
        rows.push(row);
    }
    for (k, course) in &mut courses {
        if !progress(format!("{problem}: warming up {}", rungs[*k].name())) {
            break;
        }
        course.warm_up(protocol.warmup)?;
    }
    sample(&gpu, &mut courses, protocol, &mut |done| progress(format!("{problem}: {done} of {}", protocol.samples)))?;
    let mut untimed = Vec::new();
    for (k, course) in courses {
        let goes_on = progress(format!("{problem}: kernels of {}", rungs[k].name()));
        match course.samples.is_empty() {
            true => untimed.push(k),
            false => course.finish(&mut rows[k], goes_on.then_some(&mut *trace))?,
        }
    }
    // stopped before their first sample
    untimed.into_iter().rev().for_each(|k| drop(rows.remove(k)));
    Ok(rows)
}

/// A row with everything that is known before anything is measured.
pub fn describe(setup: &Setup, rung: &Rung) -> Row {
    let sets = setup.problem.sets();
    Row {
        problem: setup.problem.name().to_owned(),
        network: setup.network.name().to_owned(),
        variant: setup.shape.variant.name().to_owned(),
        strategy: setup.strategy.name().to_owned(),
        optimiser: setup.optimiser.optimiser.name().to_owned(),
        width: setup.shape.width,
        depth: setup.shape.depth,
        points: sets.iter().zip(&setup.counts).map(|(set, n)| (set.name.to_owned(), *n)).collect(),
        sampling: if setup.resampled { "resampled" } else { "fixed" }.to_owned(),
        plan: rung.plan.name().to_owned(),
        change: rung.change.clone(),
        checked: rung.checked,
        tile: to_value(rung.tile).unwrap_or_default(),
        verdict: Verdict::Valid,
        reason: String::new(),
        worst_error: None,
        error_limit: None,
        compile_s: 0.0,
        memory_bytes: 0,
        dispatches: 0,
        steps_per_submit: 0,
        host_us: 0.0,
        device_us: None,
        flop: work::flop(setup, |_| true),
        samples_us: Vec::new(),
        guard: Vec::new(),
        kernels: Vec::new(),
    }
}

/// A rung on its device, ready to be timed.
pub struct Course {
    trainer: Trainer<'static>,
    /// Time of a step, as last seen.
    step: Duration,
    /// Steps taken, which the device counts as well.
    done: u64,
    samples: Vec<Duration>,
    guard: Vec<Duration>,
}

impl Course {
    /// Builds a rung and holds it against the oracle; none if it is wrong, which `row` then says.
    ///
    /// # Errors
    /// A step that cannot be built or run.
    pub fn prepare(
        open: Open,
        setup: &Setup<'static>,
        rung: &Rung,
        proof: &Proof,
        row: &mut Row,
    ) -> Result<Option<Course>> {
        let gpu = open(rung.checked)?;
        let _preparing = gpu.preparing();
        let parameters = crate::oracle::initial(setup.problem, setup.network, &setup.shape, setup.seeds.initial);
        let (start, before) = (Instant::now(), gpu.allocated());
        let trainer = Trainer::with_tile(&gpu, setup.clone(), rung.plan, rung.tile, &parameters)?;
        row.memory_bytes = gpu.allocated() - before;
        row.dispatches = trainer.step.whole.len();
        let mut course = Course { trainer, step: SUBMIT, done: 0, samples: Vec::new(), guard: Vec::new() };
        // some drivers compile when a kernel first runs
        course.time()?;
        let built = start.elapsed();
        row.compile_s = built.saturating_sub(course.time()?).as_secs_f64();
        let report = proof.check(&gpu, rung)?;
        let finite = |x: f64| x.is_finite().then_some(x);
        row.worst_error = report.worst().and_then(|worst| finite(worst.error));
        row.error_limit = report.worst().and_then(|worst| finite(worst.limit));
        if !report.passed() {
            row.verdict = Verdict::Invalid;
            row.reason = report.failures().first().cloned().unwrap_or_default();
            return Ok(None);
        }
        Ok(Some(course))
    }

    fn per_submit(&self) -> u32 {
        (SUBMIT.as_secs_f64() / self.step.as_secs_f64().max(1e-7)).clamp(1.0, RING as f64) as u32
    }

    /// Time per step of one submit.
    ///
    /// # Errors
    /// A device that does not answer.
    pub fn time(&mut self) -> Result<Duration> {
        let (gpu, whole, count) = (&self.trainer.gpu, &self.trainer.step.whole, self.per_submit());
        gpu.wait()?;
        let start = Instant::now();
        // a step that takes long goes piece by piece, as in a run
        if self.step > SUBMIT {
            gpu.submit_apart(whole)
        } else {
            gpu.submit_steps(whole, self.done..self.done + u64::from(count))
        }
        gpu.wait()?;
        self.step = start.elapsed() / count;
        self.done += u64::from(count);
        Ok(self.step)
    }

    /// The host's part per step: recording and submitting to an idle device, all in one submit.
    fn host(&mut self) -> Result<Duration> {
        let (gpu, count) = (&self.trainer.gpu, self.per_submit());
        gpu.wait()?;
        let start = Instant::now();
        gpu.submit_steps(&self.trainer.step.whole, self.done..self.done + u64::from(count));
        let host = start.elapsed();
        gpu.wait()?;
        self.done += u64::from(count);
        Ok(host / count)
    }

    fn warm_up(&mut self, limit: Duration) -> Result<()> {
        let start = Instant::now();
        let mut times: Vec<f64> = Vec::new();
        while start.elapsed() < limit {
            times.push(self.time()?.as_secs_f64());
            let last = &times[times.len().saturating_sub(STEADY.0)..];
            let (lo, hi) = last.iter().fold((f64::INFINITY, 0.0_f64), |(lo, hi), t| (lo.min(*t), hi.max(*t)));
            if last.len() == STEADY.0 && hi < (1.0 + STEADY.1) * lo {
                break;
            }
        }
        Ok(())
    }

    /// Samples beside which the machine was undisturbed.
    fn calm(&self) -> usize {
        let guard: Vec<f64> = self.guard.iter().map(Duration::as_secs_f64).collect();
        let usual = median(&guard);
        guard.iter().filter(|t| **t < DISTURBED * usual).count()
    }

    /// Times the kernels, unless there is no time for a `trace`, and writes everything into `row`.
    fn finish(mut self, row: &mut Row, trace: Option<&mut Trace>) -> Result<()> {
        let us = |times: &[Duration]| -> Vec<f64> { times.iter().map(|t| t.as_secs_f64() * 1e6).collect() };
        row.samples_us = us(&self.samples);
        let guard = us(&self.guard);
        let usual = median(&guard);
        row.guard = guard.iter().map(|t| t / usual).collect();
        row.steps_per_submit = self.per_submit();
        if let Some(trace) = trace {
            let host = (0..self.repeats()).map(|_| self.host()).collect::<Result<Vec<_>>>()?;
            row.host_us = median(&us(&host));
            let passes = self.passes(trace)?;
            row.kernels = kernels(&self.trainer.step.whole, &passes);
            let by_device = passes.iter().all(|pass| pass.clock == Clock::Device);
            row.device_us = by_device.then(|| row.kernels.iter().map(|kernel| kernel.us).sum());
            trace.add(&row.key(), self.trainer.step.whole.iter().map(|d| d.label.clone()).collect(), passes);
        }
        // training went on all the while: a step that left the finite numbers would take another time
        let step = &self.trainer.step;
        let records = self.trainer.gpu.read::<f32>(&step.ring, RING * Step::record_length(step.terms))?;
        if !records.iter().all(|number| number.is_finite()) {
            row.verdict = Verdict::Invalid;
            row.reason = "the steps that were timed diverged: try fewer --samples or a smaller --rate".to_owned();
            row.samples_us.clear();
            row.guard.clear();
        }
        Ok(())
    }

    /// How often what needs no statistics is repeated.
    fn repeats(&self) -> usize {
        if self.step > Duration::from_secs(1) { 1 } else { PASSES }
    }

    /// The step a few times, dispatch by dispatch.
    fn passes(&self, trace: &Trace) -> Result<Vec<Pass>> {
        (0..self.repeats()).map(|_| Pass::measure(&self.trainer.gpu, &self.trainer.step.whole, trace.now())).collect()
    }
}

/// Round after round, every rung once in each, beginning with another one each time; the guard before and behind.
fn sample(
    gpu: &Gpu,
    courses: &mut [(usize, Course)],
    protocol: &Protocol,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<()> {
    if courses.is_empty() {
        return Ok(());
    }
    let fixed = Fixed::new(gpu)?;
    let start = Instant::now();
    let mut before = fixed.time(gpu)?;
    for round in 0..protocol.samples {
        let enough = courses.iter().all(|(_, course)| course.calm() >= FEWEST) || round >= 3 * FEWEST;
        if round >= FEWEST && enough && start.elapsed() > protocol.limit {
            break;
        }
        for k in 0..courses.len() {
            if !progress(round + 1) {
                return Ok(());
            }
            let course = &mut courses[(k + round) % courses.len()].1;
            let step = course.time()?;
            let behind = fixed.time(gpu)?;
            course.samples.push(step);
            course.guard.push(before.max(behind));
            before = behind;
        }
    }
    Ok(())
}

/// Dispatches of one name are one line.
fn kernels(whole: &[Dispatch], passes: &[Pass]) -> Vec<KernelTime> {
    let mut list: Vec<KernelTime> = Vec::new();
    for (k, dispatch) in whole.iter().enumerate() {
        let times: Vec<f64> = passes.iter().map(|pass| pass.duration(k).as_secs_f64() * 1e6).collect();
        let us = median(&times);
        match list.iter_mut().find(|known| known.kernel == dispatch.label) {
            Some(known) => {
                known.dispatches += 1;
                known.us += us;
                known.bytes += dispatch.bytes;
                known.flop = known.flop.zip(dispatch.flop).map(|(a, b)| a + b);
            }
            None => list.push(KernelTime {
                kernel: dispatch.label.clone(),
                dispatches: 1,
                us,
                clock: passes.first().map_or("wall", |pass| pass.clock.name()).to_owned(),
                flop: dispatch.flop,
                bytes: dispatch.bytes,
            }),
        }
    }
    list
}
