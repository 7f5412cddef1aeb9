//! Tiles that are not the adapter's default: the search, what is remembered of it, and that a run keeps its tile.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use acr_pinn_gpu::kernels::{Tile, default_tile, gpu, tune};
use acr_pinn_gpu::lab::steps::SMALL;
use acr_pinn_gpu::training::{Config, Draft, Options};
use serde_json::Value;

/// A network that compiles in seconds, on few points.
const TINY: [&str; 12] = [
    "klein-gordon",
    "--preset",
    "quick",
    "--condition",
    "gcr",
    "--width",
    "4",
    "--depth",
    "1",
    "--points",
    "pde=24",
    "--every=10",
];

/// Held by each test here: what is measured must not be disturbed by the others.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A plain network of one layer.
fn config(width: usize, points: &[(&str, usize)]) -> Config {
    let options = Options {
        condition: Some("gcr".into()),
        // the kernels of soap take as long on every tile, and hide what is compared
        optimiser: Some("adam".into()),
        width: Some(width),
        depth: Some(1),
        points: points.iter().map(|(term, count)| ((*term).to_owned(), *count)).collect(),
        ..Options::default()
    };
    Draft::new("klein-gordon", &options, Options::default()).unwrap().resolve("quick").unwrap()
}

/// In software the other target takes about twice as long on these sizes; what it takes elsewhere is left open.
#[test]
fn a_search_that_begins_with_the_other_target_comes_to_the_adapters() {
    let _turn = alone();
    let config = config(8, &[("pde", 512)]);
    let (setup, gpu) = (config.setup(), common::gpu());
    let default = default_tile(&gpu, &setup);
    let other = match default {
        // of one slab, so of one workgroup
        Tile::Raster(_) => Tile::Gpu(gpu::Gpu { slabs: 1, ..SMALL }),
        Tile::Gpu(tile) => Tile::Gpu(gpu::Gpu { groups: 1, rows: 2, ..tile }),
    };
    let mut candidates = 0;
    let mut two = |_: &_| {
        candidates += 1;
        candidates <= 2
    };
    let tuned = tune(&gpu, &setup, config.plan, other, Duration::from_secs(600), &mut two).unwrap();
    assert!(tuned.tried >= 2 && tuned.wrong == 0 && (tuned.gain > 1.0) != (tuned.tile == other), "{tuned:?}");
    if gpu.is_software() {
        assert_eq!(tuned.tile, default, "{tuned:?}");
    }
}

/// Kernels of the other target go wrong here, as if by a driver's mistake: they take half of each tile's points.
#[test]
fn a_search_ends_with_a_tile_that_works_and_discards_one_that_does_not() {
    let _turn = alone();
    let config = config(4, &[("pde", 24), ("bc", 8), ("ic", 8)]);
    let (setup, gpu) = (config.setup(), common::gpu());
    let default = default_tile(&gpu, &setup);
    let Tile::Raster(_) = default else {
        eprintln!("on this adapter both targets are the same: nothing can be told apart");
        return;
    };
    let other = Tile::of_target("gpu", &gpu.capabilities(), &setup).unwrap();
    let lanes = other.target().lanes();
    let gpu = gpu.with_slip(&format!("const LANES = {lanes}u;"), &format!("const LANES = {}u;", lanes / 2));
    let mut seen = Vec::new();
    let mut one = |tile: &_| {
        seen.push(*tile);
        seen.len() <= 1
    };
    let tuned = tune(&gpu, &setup, config.plan, default, Duration::from_secs(600), &mut one).unwrap();
    assert!(gpu.slips() > 0 && seen.contains(&other), "{seen:?}");
    assert_eq!((tuned.tried, tuned.wrong, tuned.stopped), (2, 1, true), "{tuned:?}");
    assert!(tuned.tile == default && tuned.gain == 1.0, "{tuned:?}");
    // without time nothing but the default is built
    let tuned = tune(&common::gpu(), &setup, config.plan, default, Duration::ZERO, &mut |_| true).unwrap();
    assert_eq!((tuned.tile, tuned.tried, tuned.gain, tuned.stopped), (default, 1, 1.0, false));
}

/// A folder with runs and a cache.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache/tiles.json")
    }

    fn run(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A run of thirty steps.
    fn start(&self, name: &str, more: &[&str]) -> Command {
        let mut command = common::program();
        command.arg("run").args(TINY).args(["--steps", "30", "--out"]).arg(self.run(name)).args(more);
        command.env("ACR_PINN_CACHE", self.cache());
        command
    }

    fn resume(&self, name: &str) -> Command {
        let mut command = common::program();
        command.arg("resume").arg(self.run(name)).env("ACR_PINN_CACHE", self.cache());
        command
    }

    fn record(&self, name: &str) -> Value {
        json(&self.run(name).join("run.json"))
    }

    /// Weights and the hash of the trajectory.
    fn traces(&self, name: &str) -> (Vec<u8>, Value) {
        let weights = std::fs::read(self.run(name).join("model.safetensors")).unwrap();
        (weights, self.record(name)["trajectory"].clone())
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The command succeeds and says all of `parts`.
fn expect(command: &mut Command, parts: &[&str]) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
}

/// The command is killed by its own doing.
fn expect_killed(command: &mut Command, fault: &str) {
    assert_eq!(command.env("ACR_PINN_FAULT", fault).output().unwrap().status.code(), None);
}

#[test]
fn a_run_keeps_the_tile_that_it_began_with() {
    let _turn = alone();
    let place = Place { folder: tempfile::tempdir().unwrap() };
    expect(&mut place.start("measured", &["--tune=1"]), &["tile:", "measured: "]);
    let choice = &place.record("measured")["tile_choice"];
    assert_eq!((&choice["from"], &choice["wrong"]), (&"measured".into(), &0.into()));
    // a tile that no adapter has by default
    let mut content = json(&place.cache());
    let tile = &mut content["tiles"][0]["tile"];
    let sizes = tile.as_object_mut().unwrap().values_mut().next().unwrap();
    sizes["slabs"] = 7.into();
    let tile = tile.clone();
    std::fs::write(place.cache(), content.to_string()).unwrap();
    expect(&mut place.start("whole", &[]), &["tile:", "7 slabs", "cached, measured 20"]);
    let record = place.record("whole");
    assert_eq!((&record["tile_choice"]["from"], &record["tile"]), (&"cache".into(), &tile));
    expect(&mut place.start("default", &["--no-tune"]), &["tile:", "the default"]);
    assert_ne!(place.record("default")["tile"], tile);
    assert_ne!(place.traces("default"), place.traces("whole"), "another tile should give other bits");

    // stopped after its second checkpoint, and before its first: goes on with its tile, whatever is remembered by then
    for (name, fault) in [("late", "kill@3"), ("early", "kill@1")] {
        expect_killed(&mut place.start(name, &[]), fault);
    }
    // the second of two runs is of a machine that has forgotten its tile
    let early = place.run("early").join("run.json");
    let text = std::fs::read_to_string(&early).unwrap();
    std::fs::remove_file(place.cache()).unwrap();
    for name in ["late", "early"] {
        expect(&mut place.resume(name), &["7 slabs", "as the run began"]);
        assert_eq!(place.traces(name), place.traces("whole"), "{name}");
        assert_eq!((&place.record(name)["tile"], &place.record(name)["tile_choice"]["from"]), (&tile, &"run".into()));
    }
    assert!(!place.cache().exists(), "resuming remembers nothing");

    // a tile that cannot be had any more
    std::fs::remove_dir_all(place.run("early").join("checkpoints")).unwrap();
    std::fs::write(&early, text.replace("\"lanes\": ", "\"lanes\": 9999")).unwrap();
    expect(&mut place.resume("early"), &["warning: the tile that this run began with cannot be used", "other bits"]);
    assert_eq!(place.traces("early"), place.traces("default"));

    // a damaged cache is no failure
    std::fs::write(place.cache(), "{\"format\"").unwrap();
    expect(&mut place.start("damaged", &[]), &["warning: ", "no readable cache of tiles", "the default"]);
    assert_eq!(place.record("damaged")["status"], "finished");
}
