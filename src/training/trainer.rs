//! Build once, advance as often as wanted. The device keeps the whole state of a run between steps; the
//! trainer only says how many steps to take and reads their records back afterwards.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernels::default_tile;
use crate::kernels::step::RING;
use crate::kernels::{Plan, Settings, Setup, Square, Step, Tile};
use crate::math::Schedule;
use crate::math::rng::Seeds;
use crate::problems::Term;

/// How long one submit may keep a device busy: far below every watchdog, far above the cost of a submit.
const SUBMIT: Duration = Duration::from_millis(50);

/// A loss beyond this is lost: the losses here are means of squares of numbers around one.
const RUNAWAY: f32 = 1e18;

/// Times that the median goes over: those of the last submits.
const SAMPLES: usize = 1024;

/// What the device notes of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRecord {
    /// Its number, from 0.
    pub step: u64,
    /// Loss of each term before the update.
    pub losses: Vec<f32>,
    /// Weight of each gradient row in the combined gradient.
    pub coefficients: Vec<f32>,
    /// Inner products of the gradient rows, `[term][term]` flat.
    pub gram: Vec<f32>,
    /// Learning rate of the update.
    pub rate: f32,
}

impl StepRecord {
    /// Reads one entry of the device's ring, laid out as `kernels/coefficients_of.wgsl` writes it.
    pub fn parse(step: u64, terms: usize, numbers: &[f32]) -> Self {
        let (losses, rest) = numbers.split_at(terms);
        let (coefficients, rest) = rest.split_at(terms);
        let (gram, rest) = rest.split_at(terms * terms);
        StepRecord {
            step,
            losses: losses.to_vec(),
            coefficients: coefficients.to_vec(),
            gram: gram.to_vec(),
            rate: rest[0],
        }
    }

    /// What is wrong with the step, if it left the finite numbers or is about to.
    pub fn divergence(&self, terms: &[Term]) -> Option<String> {
        // by the bits, which no compiler's or driver's idea of NaN can change
        let infinite = |x: &f32| x.to_bits() & 0x7f80_0000 == 0x7f80_0000;
        let name = |term: usize| terms[term].name;
        if let Some(k) = self.losses.iter().position(infinite) {
            return Some(format!("loss `{}` is {} at step {}", name(k), self.losses[k], self.step));
        }
        if let Some(k) = self.losses.iter().position(|&loss| loss > RUNAWAY) {
            return Some(format!("loss `{}` ran away to {:.1e} at step {}", name(k), self.losses[k], self.step));
        }
        if let Some(k) = (0..terms.len()).find(|k| infinite(&self.gram[k * terms.len() + k])) {
            return Some(format!("the gradient of `{}` is not finite at step {}", name(k), self.step));
        }
        let k = self.coefficients.iter().position(infinite)?;
        Some(format!("the coefficient of `{}` is {} at step {}", name(k), self.coefficients[k], self.step))
    }

    /// Sum of the losses, unweighted as in the paper.
    pub fn total(&self) -> f64 {
        self.losses.iter().map(|&l| f64::from(l)).sum()
    }
}

/// A network in training on one device.
pub struct Trainer<'a> {
    pub gpu: Gpu,
    pub setup: Setup<'a>,
    pub tile: Tile,
    pub step: Step,
    done: u64,
    step_time: Option<Duration>,
    /// Time per step of the last submits, for the median, and how long submits took in all.
    samples: VecDeque<Duration>,
    busy: Duration,
}

impl<'a> Trainer<'a> {
    /// Builds the step and puts `parameters` on the device. Fixed points are drawn here, once.
    pub fn new(gpu: &Gpu, setup: Setup<'a>, plan: &dyn Plan, parameters: &[f32]) -> Result<Trainer<'a>> {
        let tile = default_tile(gpu, &setup);
        Trainer::with_tile(gpu, setup, plan, tile, parameters)
    }

    /// The same with a tile shape of the caller's choice.
    pub fn with_tile(
        gpu: &Gpu,
        setup: Setup<'a>,
        plan: &dyn Plan,
        tile: Tile,
        parameters: &[f32],
    ) -> Result<Trainer<'a>> {
        let step = Step::build(gpu, &setup, plan, &tile)?;
        let trainer = Trainer {
            gpu: gpu.clone(),
            setup,
            tile,
            step,
            done: 0,
            step_time: None,
            samples: VecDeque::new(),
            busy: Duration::ZERO,
        };
        trainer.place(parameters)?;
        Ok(trainer)
    }

    /// Puts `parameters` on the device and draws fixed points.
    fn place(&self, parameters: &[f32]) -> Result<()> {
        self.step.set_parameters(&self.gpu, parameters);
        if !self.setup.resampled && self.setup.orders.is_none() {
            self.gpu.submit(std::slice::from_ref(&self.step.sample), 1);
        }
        self.gpu.wait()
    }

    /// Begins another run on the kernels of this one: other seeds, schedule, length and parameters, with the
    /// same bits as a new trainer. Only what the kernels have as constants must stay.
    pub fn restart(&mut self, seeds: Seeds, schedule: Schedule, steps: u64, parameters: &[f32]) -> Result<()> {
        self.setup = Setup { seeds, schedule, steps, ..self.setup.clone() };
        self.step.set_settings(&self.gpu, &self.setup.settings());
        self.restore(0, parameters, &vec![0.0; 2 * parameters.len()], &[], &[])?;
        // new kernels' first step is not like the others
        (self.step_time, self.samples, self.busy) = (None, VecDeque::new(), Duration::ZERO);
        self.place(parameters)
    }

    /// Sets the learning rate of the steps to come.
    pub fn set_schedule(&mut self, schedule: Schedule) {
        self.setup.schedule = schedule;
        self.step.set_settings(&self.gpu, &self.setup.settings());
    }

    /// Says where on its cosine the schedule is (0 to 1) for the steps to come: for runs whose length is a time.
    /// Warm-up still counts steps.
    pub fn set_progress(&self, progress: f64) {
        self.step.set_settings(&self.gpu, &Settings { progress: Some(progress), ..self.setup.settings() });
    }

    /// Steps done so far.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Time of one step, averaged over the last submits; none before the first.
    pub fn step_time(&self) -> Option<Duration> {
        self.step_time
    }

    /// Median over the last submits of the time per step, submit to read-back.
    pub fn median_step(&self) -> Option<Duration> {
        let mut sorted = Vec::from_iter(self.samples.iter().copied());
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// How long the device was at work on steps, seen from the host.
    pub fn busy(&self) -> Duration {
        self.busy
    }

    /// Takes `steps` steps and returns their records. The result does not depend on how the steps are cut
    /// into submits.
    ///
    /// Fails with [`Error::Diverged`] at the first step that left the finite numbers, naming term and step; the
    /// device is then wherever it got to, and [`Trainer::restore`] brings it back.
    pub fn advance(&mut self, steps: u64) -> Result<Vec<StepRecord>> {
        let mut records = Vec::with_capacity(steps as usize);
        let mut left = steps;
        while left > 0 {
            let fit = self.step_time.map_or(1, |t| (SUBMIT.as_secs_f64() / t.as_secs_f64().max(1e-7)) as u64);
            let count = left.min(fit.clamp(1, RING as u64));
            let start = Instant::now();
            match self.step_time {
                Some(time) if time <= SUBMIT => self.gpu.submit_steps(&self.step.whole, self.done..self.done + count),
                // a long step, or one of unknown length
                _ => self.gpu.submit_apart(&self.step.whole),
            }
            self.read_records(count, &mut records)?;
            let elapsed = start.elapsed();
            let now = elapsed / count as u32;
            self.busy += elapsed;
            self.samples.push_back(now);
            if self.samples.len() > SAMPLES {
                self.samples.pop_front();
            }
            // a quarter of the new measurement: one hiccup does not change the cut much
            self.step_time = Some(self.step_time.map_or(now, |old| old * 3 / 4 + now / 4));
            left -= count;
        }
        Ok(records)
    }

    fn read_records(&mut self, count: u64, records: &mut Vec<StepRecord>) -> Result<()> {
        let length = Step::record_length(self.step.terms);
        let numbers: Vec<f32> = self.gpu.read(&self.step.ring, RING * length)?;
        let terms = self.setup.problem.terms();
        for step in self.done..self.done + count {
            let at = (step as usize % RING) * length;
            let record = StepRecord::parse(step, self.step.terms, &numbers[at..at + length]);
            if let Some(what) = record.divergence(&terms) {
                return Err(Error::Diverged(what));
            }
            records.push(record);
        }
        self.done += count;
        Ok(())
    }

    /// The parameters as they are now, in the layout's order.
    pub fn parameters(&self) -> Result<Vec<f32>> {
        self.gpu.read(&self.step.parameters, self.step.packing.places.len())
    }

    /// The optimiser's m and v of each parameter, alternating.
    pub fn moments(&self) -> Result<Vec<f32>> {
        self.gpu.read(&self.step.moments, 2 * self.step.packing.places.len())
    }

    /// What the strategy keeps from step to step.
    pub fn state(&self) -> Result<Vec<f32>> {
        match self.setup.state_length() {
            0 => Ok(Vec::new()),
            length => self.gpu.read(&self.step.state, length),
        }
    }

    /// What the optimiser keeps beside the moments: covariances and bases.
    pub fn squares(&self) -> Result<Vec<Square>> {
        let Some(kept) = &self.step.kept else { return Ok(Vec::new()) };
        let [squares, bases] = kept.each_ref().map(|buffer| self.gpu.read(buffer, self.step.sides.entries));
        Ok(self.step.sides.named(&squares?, &bases?))
    }

    /// Puts the state after `done` steps on the device: training goes on with the same bits. `state` is the strategy's and
    /// `squares` are the optimiser's, both of which begin by themselves at step 0.
    ///
    /// # Errors
    /// Another strategy's state, or another optimiser's.
    pub fn restore(
        &mut self,
        done: u64,
        parameters: &[f32],
        moments: &[f32],
        state: &[f32],
        squares: &[Square],
    ) -> Result<()> {
        if done > 0 && state.len() != self.setup.state_length() {
            let (name, wanted) = (self.setup.strategy.name(), self.setup.state_length());
            return Err(Error::Usage(format!("{} numbers of state: `{name}` keeps {wanted}", state.len())));
        }
        if done > 0 && !state.is_empty() {
            self.gpu.write(&self.step.state, state);
        }
        let sides = &self.step.sides;
        let placed = match done {
            0 => [vec![0.0; sides.entries], sides.identity()],
            _ => sides.placed(squares).map_err(|what| {
                Error::Usage(format!("{what}: this is no state of `{}`", self.setup.optimiser.optimiser.name()))
            })?,
        };
        for (buffer, numbers) in self.step.kept.iter().flatten().zip(&placed) {
            self.gpu.write(buffer, numbers);
        }
        self.step.set_parameters(&self.gpu, parameters);
        self.gpu.write(&self.step.moments, moments);
        self.gpu.write(&self.step.control, &[done as u32, 0, 0, 0]);
        self.done = done;
        Ok(())
    }
}
