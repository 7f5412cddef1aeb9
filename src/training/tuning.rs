//! Which tile a run takes: the one it began with, the adapter's default, one that was measured before, or one that is
//! measured now. The search itself is `plans/tune.rs`, the memory `cache.rs`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernels::{self, Plan, Setup, Tile, Tuned, default_tile, tune};

use super::cache::{Cache, Key};
use super::configuration::Config;
use super::observer::Observer;
use super::trainer::Trainer;

/// What a search may take on a GPU, where a candidate compiles in a fraction of a second.
const ON_A_GPU: Duration = Duration::from_secs(20);
/// What it may take in software, where a candidate may compile for ten seconds and longer.
const IN_SOFTWARE: Duration = Duration::from_secs(180);

/// How a tile is chosen where nothing says which it must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tuning {
    /// The adapter's default, without a look at what is remembered.
    #[default]
    Never,
    /// What is remembered. Where nothing is, a search on a GPU; in software the default, because compiling takes longer than
    /// a short run would gain.
    Usual,
    /// A search, whatever is remembered; without a time, as long as is usual for the adapter.
    Now(Option<Duration>),
}

/// Where a tile comes from.
#[derive(Clone, Debug)]
enum Origin {
    /// It is the adapter's.
    Default,
    /// The run began with it.
    Begun,
    /// Measured some time ago: so many times as fast as the default.
    Remembered { gain: f64, measured: String },
    /// Measured now.
    Measured(Tuned),
}

/// A tile and where it comes from.
#[derive(Clone, Debug)]
pub struct Choice {
    pub tile: Tile,
    origin: Origin,
}

impl Choice {
    fn default(gpu: &Gpu, setup: &Setup) -> Choice {
        Choice { tile: default_tile(gpu, setup), origin: Origin::Default }
    }

    /// The tile of a run that goes on, as `record` has it in JSON; without one the adapter's default, as before tiles were
    /// chosen. The observer is told if the run cannot go on with its tile.
    pub fn begun(gpu: &Gpu, setup: &Setup, record: Option<&str>, observer: &mut dyn Observer) -> Choice {
        let Some(record) = record else { return Choice::default(gpu, setup) };
        let read = serde_json::from_str::<Tile>(record).map_err(|e| format!("it is of another version: {e}"));
        let tile = read.and_then(|tile| {
            tile.target()
                .check(&gpu.capabilities(), &setup.shape, setup.jet())
                .map(|()| tile)
                .map_err(|e| e.to_string())
        });
        match tile {
            Ok(tile) => {
                let choice = Choice { tile, origin: Origin::Begun };
                observer.notice(&choice.line());
                choice
            }
            Err(why) => {
                observer.notice(&format!(
                    "warning: the tile that this run began with cannot be used ({why}): it goes on with the default and other bits"
                ));
                Choice::default(gpu, setup)
            }
        }
    }

    /// For people: the tile and where it comes from.
    fn line(&self) -> String {
        let origin = match &self.origin {
            Origin::Default => "the default".to_owned(),
            Origin::Begun => "as the run began".to_owned(),
            Origin::Remembered { gain, measured } => {
                format!("cached, measured {measured}: {}", gained(*gain))
            }
            Origin::Measured(tuned) => measured(tuned),
        };
        format!("tile:    {} — {origin}", words(&self.tile))
    }

    /// For `run.json`.
    pub fn record(&self) -> Value {
        match &self.origin {
            Origin::Default => json!({"from": "default"}),
            Origin::Begun => json!({"from": "run"}),
            Origin::Remembered { gain, measured } => json!({"from": "cache", "gain": gain, "measured": measured}),
            Origin::Measured(t) => {
                json!({"from": "measured", "gain": t.gain, "tried": t.tried, "wrong": t.wrong, "seconds": t.seconds})
            }
        }
    }
}

fn measured(tuned: &Tuned) -> String {
    let wrong = if tuned.wrong > 0 { format!(" ({} computed wrongly)", tuned.wrong) } else { String::new() };
    format!("measured: {} tried in {:.0} s{wrong}, {}", tuned.tried, tuned.seconds, gained(tuned.gain))
}

fn gained(gain: f64) -> String {
    match gain {
        1.0 => "none faster than the default".to_owned(),
        gain => format!("{gain:.2} times as fast as the default"),
    }
}

/// A tile for people: its target and its sizes.
pub fn words(tile: &Tile) -> String {
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match tile {
        Tile::Gpu(t) => {
            let threads = format!("{} lanes × {}", t.lanes, count(t.groups, "group"));
            format!(
                "gpu, {threads}, {} at once, {} of a gradient, {} slabs",
                count(t.rows, "row"),
                count(t.columns, "column"),
                t.slabs
            )
        }
        Tile::Raster(t) => {
            let memory = if t.images { "images" } else { "buffers" };
            let points = count(t.span, "point");
            format!(
                "raster, {} lanes × {points}, strips of {}, {} slabs, {memory}",
                t.lanes,
                count(t.strip, "row"),
                t.slabs
            )
        }
    }
}

/// Chooses tiles, each once.
pub struct Tuner {
    tuning: Tuning,
    cache: Option<Cache>,
    known: Vec<(Key, Choice)>,
}

impl Tuner {
    /// Chooses as `tuning` says, and remembers where this user's caches are.
    pub fn new(tuning: Tuning) -> Tuner {
        Tuner { tuning, cache: Cache::of_user(), known: Vec::new() }
    }

    /// The tile for `setup`'s step by `plan`. The observer is told which, sees the search go on and can end it.
    pub fn choose(&mut self, gpu: &Gpu, setup: &Setup, plan: &dyn Plan, observer: &mut dyn Observer) -> Choice {
        let key = Key::of(gpu.record(), gpu.is_checked(), setup, plan);
        if let Some((_, choice)) = self.known.iter().find(|(known, _)| *known == key) {
            return choice.clone();
        }
        let remembered = self.remembered(&key, gpu, setup, observer);
        let choice = remembered.unwrap_or_else(|| match self.budget(gpu) {
            Some(budget) => self.search(&key, gpu, setup, plan, budget, observer),
            None => Choice::default(gpu, setup),
        });
        observer.notice(&choice.line());
        self.known.push((key, choice.clone()));
        choice
    }

    /// What is remembered, if that is wanted.
    fn remembered(&self, key: &Key, gpu: &Gpu, setup: &Setup, observer: &mut dyn Observer) -> Option<Choice> {
        let cache = self.cache.as_ref().filter(|_| self.tuning == Tuning::Usual)?;
        let found = cache.find(key).unwrap_or_else(|error| {
            observer.notice(&format!("warning: {error}: nothing is taken from it"));
            None
        });
        let runs = |tile: &Tile| tile.target().check(&gpu.capabilities(), &setup.shape, setup.jet()).is_ok();
        let entry = found.filter(|entry| runs(&entry.tile))?;
        Some(Choice { tile: entry.tile, origin: Origin::Remembered { gain: entry.gain, measured: entry.measured } })
    }

    /// How long a search may take where nothing is remembered; none for no search.
    fn budget(&self, gpu: &Gpu) -> Option<Duration> {
        let usual = if gpu.is_software() { IN_SOFTWARE } else { ON_A_GPU };
        match self.tuning {
            Tuning::Never => None,
            // where nothing can be remembered there would be a search at the beginning of every run
            Tuning::Usual => (!gpu.is_software() && self.cache.is_some()).then_some(usual),
            Tuning::Now(budget) => Some(budget.unwrap_or(usual)),
        }
    }

    fn search(
        &self,
        key: &Key,
        gpu: &Gpu,
        setup: &Setup,
        plan: &dyn Plan,
        budget: Duration,
        observer: &mut dyn Observer,
    ) -> Choice {
        // a device of its own: a candidate may break it
        let tuned = gpu.reopen().and_then(|own| {
            tune(&own, setup, plan, default_tile(gpu, setup), budget, &mut |tile| {
                observer.measuring(&words(tile));
                observer.stop().is_none()
            })
        });
        let tuned = match tuned {
            Ok(tuned) => tuned,
            Err(error) => {
                if !matches!(error, Error::Stopped { .. }) {
                    observer.notice(&format!("warning: tiles could not be measured ({error}): the default is taken"));
                }
                return Choice::default(gpu, setup);
            }
        };
        // a search that was cut short is no answer for the next run
        if let (Some(cache), false) = (&self.cache, tuned.stopped)
            && let Err(error) = cache.remember(key, tuned.tile, tuned.gain)
        {
            observer.notice(&format!("warning: {error}: the measured tile is not remembered"));
        }
        Choice { tile: tuned.tile, origin: Origin::Measured(tuned) }
    }

    /// The trainer at step 0 of `config`'s run with the tile of `begun`, or with one that is chosen now. A tile that turns
    /// out not to work, say because the run has more points than were measured, gives way to the default.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn build(
        &mut self,
        gpu: &Gpu,
        config: &Config,
        begun: Option<Choice>,
        observer: &mut dyn Observer,
    ) -> Result<(Trainer<'static>, Choice)> {
        let (setup, plan, parameters) = (config.setup(), config.plan, config.initial());
        let choice = begun.unwrap_or_else(|| self.choose(gpu, &setup, plan, observer));
        let default = Choice::default(gpu, &setup);
        observer.compiling(&kernels::names(gpu, &setup, plan, &choice.tile));
        match Trainer::with_tile(gpu, setup.clone(), plan, choice.tile, &parameters) {
            Err(error @ Error::Stopped { .. }) => Err(error),
            Err(error) if choice.tile != default.tile && gpu.fault().is_none() => {
                observer.notice(&format!(
                    "warning: the tile {} cannot be built ({error}): the default is taken",
                    words(&choice.tile)
                ));
                Ok((Trainer::with_tile(gpu, setup, plan, default.tile, &parameters)?, default))
            }
            other => Ok((other?, choice)),
        }
    }
}
