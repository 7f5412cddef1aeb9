//! Which tile is fastest on this adapter, found by measuring whole steps: a first tile and both mappings of points and
//! rows to threads, then one size or switch after the other from the best so far. Whether a result is
//! remembered, and whether there is time for a search, is not decided here.

use std::slice::from_ref;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::math::Schedule;

use super::blueprint::trips_per_tile;
use super::candidates::{DIRECTIONS, neighbours, starts};
use super::plans::Plan;
use super::step::{RING, Setup, Step};
use super::tile::Tile;

/// How long one submit may keep the device: far below every watchdog, far above the cost of a submit.
const SUBMIT: Duration = Duration::from_millis(50);
/// A candidate must be so many times as fast as the best before it.
const WORTH: f64 = 1.03;
/// Times that both sides of a comparison are measured, in turns; twice as often where the candidate seems faster.
const ROUNDS: usize = 3;
/// A candidate that takes so many times as long as the best when both are first measured is not compared any further.
const HOPELESS: f64 = 2.0;
/// How far a row of a candidate may be from that of the first tile, relative to the row's length. Tiles differ in the
/// order of their sums only; this is far above that and far below a kernel that a driver got wrong.
const TOLERANCE: f64 = 1e-3;
/// Tiles that each workgroup walks over at least, where fewer points than the run's are measured.
const TILES: usize = 3;

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub struct Tuned {
    pub tile: Tile,
    /// Tiles that were built and ran, the first among them.
    pub tried: usize,
    /// Those of them that were discarded because their gradients were not those of the first.
    pub wrong: usize,
    /// How long the search took.
    pub seconds: f64,
    /// Time of a step with the first tile over that with the best.
    pub gain: f64,
    /// Whether the caller ended it early.
    pub stopped: bool,
}

/// Looks for the fastest tile of `setup`'s step by `plan`, beginning with `first`. No candidate is begun later than `budget` after the start, and
/// none is begun once `go_on`, which is told of each, says no. A candidate that cannot run on `gpu`, that does not build or
/// whose gradients are not those of `first` is passed over. `gpu` should be a device of the search's own: candidates
/// may break it.
///
/// # Errors
/// `first` cannot be built or gives gradients that are not finite, or the device cannot be opened again after
/// a candidate broke it.
pub fn tune(
    gpu: &Gpu,
    setup: &Setup,
    plan: &dyn Plan,
    first: Tile,
    budget: Duration,
    go_on: &mut dyn FnMut(&Tile) -> bool,
) -> Result<Tuned> {
    let start = Instant::now();
    let mut search = Search::begin(gpu, setup, plan, first)?;
    let mut allowed = |tile: &Tile| start.elapsed() < budget && go_on(tile);
    for tile in starts(&gpu.capabilities(), setup) {
        search.consider(tile, &mut allowed)?;
    }
    loop {
        let before = search.best.tile;
        for direction in 0..DIRECTIONS {
            // on in this direction for as long as it gets faster
            while let Some(next) = neighbours(&search.best.tile, setup.shape.width)[direction] {
                if !search.consider(next, &mut allowed)? {
                    break;
                }
            }
        }
        if search.best.tile == before || search.ended {
            break;
        }
    }
    let stopped = search.ended && start.elapsed() < budget;
    let (tile, gain) = (search.best.tile, search.gain);
    Ok(Tuned { tile, tried: search.tried, wrong: search.wrong, seconds: start.elapsed().as_secs_f64(), gain, stopped })
}

/// A search under way.
struct Search<'a> {
    gpu: Gpu,
    setup: Setup<'a>,
    plan: &'a dyn Plan,
    best: Contender,
    /// Gradient rows of the first tile.
    rows: Vec<f32>,
    /// What was proposed already, as the plan uses it.
    seen: Vec<Tile>,
    tried: usize,
    wrong: usize,
    gain: f64,
    ended: bool,
}

impl<'a> Search<'a> {
    /// Builds the first tile, on fewer points than the run's where a step is long.
    fn begin(gpu: &Gpu, setup: &Setup<'a>, plan: &'a dyn Plan, first: Tile) -> Result<Search<'a>> {
        // the parameters stay where they are: what is measured last is the step that was measured first
        let whole = Setup { schedule: Schedule::Constant { rate: 0.0 }, ..setup.clone() };
        let mut setup =
            Setup { counts: fewer(&whole.counts, first.target().slabs(), first.target().points()), ..whole.clone() };
        let mut best = Contender::build(gpu, &setup, plan, first)?;
        let points = |setup: &Setup| setup.counts.iter().sum::<usize>() as f64;
        let longer = points(&whole) / points(&setup);
        if longer > 1.0 && best.time.mul_f64(longer) < SUBMIT {
            best = Contender::build(gpu, &whole, plan, first)?;
            setup = whole;
        }
        let rows = best.rows(gpu)?;
        if !agree(&rows, &rows, best.step.terms) {
            return Err(Error::Device("gradients of the first step are not finite".into()));
        }
        let seen = vec![first];
        let gpu = gpu.clone();
        Ok(Search { gpu, setup, plan, best, rows, seen, tried: 1, wrong: 0, gain: 1.0, ended: false })
    }

    /// Builds and measures `tile` if it is new and can run; true if it is the best from now on.
    fn consider(&mut self, tile: Tile, allowed: &mut dyn FnMut(&Tile) -> bool) -> Result<bool> {
        if self.ended || self.seen.contains(&tile) || !self.possible(&tile) {
            return Ok(false);
        }
        if !allowed(&tile) {
            self.ended = true;
            return Ok(false);
        }
        self.seen.push(tile);
        match self.attempt(tile) {
            Ok(faster) => Ok(faster),
            Err(error) => {
                tracing::debug!("{tile:?}: {error}");
                if self.gpu.fault().is_some() {
                    self.gpu = self.gpu.reopen()?;
                    self.best = Contender::build(&self.gpu, &self.setup, self.plan, self.best.tile)?;
                }
                Ok(false)
            }
        }
    }

    /// Whether kernels of `tile` can run, as far as that can be said without building them.
    fn possible(&self, tile: &Tile) -> bool {
        let (offered, target) = (self.gpu.capabilities(), tile.target());
        let program = self.setup.network.program(&self.setup.shape);
        let trips = trips_per_tile(&self.setup, target, &program);
        target.check(&offered, &self.setup.shape, self.setup.jet()).is_ok()
            && offered.trip_limit.is_none_or(|limit| trips <= limit)
    }

    fn attempt(&mut self, tile: Tile) -> Result<bool> {
        let start = Instant::now();
        let mut candidate = Contender::build(&self.gpu, &self.setup, self.plan, tile)?;
        self.tried += 1;
        tracing::debug!(built = ?start.elapsed(), step = ?candidate.time, best = ?self.best.time, "{tile:?}");
        if !agree(&candidate.rows(&self.gpu)?, &self.rows, candidate.step.terms) {
            self.wrong += 1;
            tracing::info!("{tile:?}: other gradients than those of the first");
            return Ok(false);
        }
        let Some(ratio) = self.compare(&mut candidate)? else { return Ok(false) };
        tracing::debug!("{tile:?}: {ratio:.3} times as fast");
        self.gain *= ratio;
        self.best = candidate;
        Ok(true)
    }

    /// How many times as fast as the best `candidate` is, by the shortest of several times each; none if it is not worth
    /// the change.
    fn compare(&mut self, candidate: &mut Contender) -> Result<Option<f64>> {
        let mut least = [f64::INFINITY; 2];
        for round in 0..2 * ROUNDS {
            let hopeless = round == 1 && least[1] > HOPELESS * least[0];
            if hopeless || round == ROUNDS && least[0] < WORTH * least[1] {
                break;
            }
            for (least, contender) in least.iter_mut().zip([&mut self.best, candidate]) {
                *least = least.min(contender.measure(&self.gpu)?.as_secs_f64());
            }
        }
        let ratio = least[0] / least[1];
        Ok((ratio >= WORTH).then_some(ratio))
    }
}

/// A tile with its step.
struct Contender {
    tile: Tile,
    step: Step,
    /// Of a step, as last seen.
    time: Duration,
}

impl Contender {
    /// Builds the step and warms it up, at the network's start and the points of step 0.
    fn build(gpu: &Gpu, setup: &Setup, plan: &dyn Plan, tile: Tile) -> Result<Contender> {
        let step = Step::build(gpu, setup, plan, &tile)?;
        step.set_parameters(gpu, &setup.network.initial(&setup.shape, setup.seeds.initial));
        gpu.submit(from_ref(&step.sample), 1);
        let mut contender = Contender { tile, step, time: 2 * SUBMIT };
        // some drivers compile when a kernel first runs
        contender.measure(gpu)?;
        contender.measure(gpu)?;
        Ok(contender)
    }

    /// Gradient rows at the points of step 0.
    fn rows(&self, gpu: &Gpu) -> Result<Vec<f32>> {
        let step = &self.step;
        gpu.write(&step.control, &[0_u32; 4]);
        gpu.submit(from_ref(&step.sample), 1);
        gpu.submit_apart(&step.gradients);
        gpu.read(&step.rows, step.terms * step.packing.places.len())
    }

    /// Time per step of one submit. A step that takes long goes piece by piece, as in a run.
    fn measure(&mut self, gpu: &Gpu) -> Result<Duration> {
        let fit = SUBMIT.as_secs_f64() / self.time.as_secs_f64().max(1e-7);
        let count = fit.clamp(1.0, RING as f64) as u32;
        gpu.wait()?;
        let start = Instant::now();
        if self.time > SUBMIT {
            gpu.submit_apart(&self.step.whole);
        } else {
            gpu.submit(&self.step.whole, count);
        }
        gpu.wait()?;
        self.time = start.elapsed() / count;
        Ok(self.time)
    }
}

/// Numbers of points in the proportions of `counts`, so few that each of `workgroups` has [`TILES`] tiles of the largest
/// set, with `points` in each; of every set as many tiles at least, or all there is.
fn fewer(counts: &[usize], workgroups: usize, points: usize) -> Vec<usize> {
    let largest = counts.iter().copied().max().unwrap_or(1).max(1);
    let enough = TILES * workgroups * points;
    let share = |count: usize| (count * enough).div_ceil(largest).max(TILES * points);
    counts.iter().map(|&count| count.min(share(count))).collect()
}

/// Whether rows of `terms` gradients are finite and those of `wanted`, up to rounding.
fn agree(rows: &[f32], wanted: &[f32], terms: usize) -> bool {
    let length = |row: &[f32]| row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let count = (wanted.len() / terms).max(1);
    let largest = wanted.chunks(count).map(length).fold(0.0, f64::max);
    rows.len() == wanted.len()
        && rows.chunks(count).zip(wanted.chunks(count)).all(|(row, wanted)| {
            let difference: Vec<f32> = row.iter().zip(wanted).map(|(a, b)| a - b).collect();
            // of a row that vanishes but for rounding nothing is left to compare; false for NaN
            length(&difference) <= TOLERANCE * length(wanted).max(1e-6 * largest)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_agree_up_to_rounding_and_not_beyond() {
        let wanted = [3.0, 4.0, 0.0, 1e-9];
        assert!(agree(&wanted, &wanted, 2));
        assert!(agree(&[3.0, 4.004, 0.0, 2e-9], &wanted, 2), "a row of nothing but rounding");
        for wrong in [[3.0, 4.01, 0.0, 1e-9], [3.0, 4.0, 0.0, 1e-2], [3.0, f32::NAN, 0.0, 1e-9], [f32::INFINITY; 4]] {
            assert!(!agree(&wrong, &wanted, 2), "{wrong:?}");
        }
        assert!(!agree(&[f32::NAN; 4], &[f32::NAN; 4], 2) && !agree(&wanted[..2], &wanted, 2));
        assert!(agree(&[0.0; 4], &[0.0; 4], 2));
    }

    #[test]
    fn fewer_points_keep_their_proportions_and_some_tiles() {
        assert_eq!(fewer(&[256, 32, 32], 32, 16), [256, 32, 32]);
        assert_eq!(fewer(&[15_360, 200, 2_000], 32, 16), [1536, 48, 200]);
    }
}
