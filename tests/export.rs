//! A step as files: played back from them with the bits of a run, and refused where a file is not what was exported.

mod common;

use std::fs;
use std::path::Path;

use acr_pinn_gpu::export::build::any_webgpu;
use acr_pinn_gpu::export::{self, Extent, Folder, Player, folder};
use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::kernels::{Predictor, Tile};
use acr_pinn_gpu::lab::ladder::sized;
use acr_pinn_gpu::training::{Config, Draft, Options, Trainer};
use serde_json::Value;

/// Few rows at once: what is unrolled is what compilation costs in software.
const SMALL: &str = "lanes=8,groups=1,rows=2,columns=1,slabs=32";

/// A small run of `problem`.
fn config(problem: &str, sampling: &str, plan: &str, optimiser: &str) -> Config {
    let options = Options {
        width: Some(7),
        depth: Some(2),
        points: ["pde", "bc"].map(|term| (term.to_owned(), 40)).to_vec(),
        sampling: Some(sampling.to_owned()),
        plan: Some(plan.to_owned()),
        optimiser: Some(optimiser.to_owned()),
        steps: Some(30),
        ..Options::default()
    };
    Draft::new(problem, &options, Options::default()).unwrap().resolve("quick").unwrap()
}

/// The folder of a configuration, written and read again.
fn exported(config: &Config, at: &Path) -> Folder {
    let package = export::package(config, &Extent { seeds: vec![5, 6], expected: 3, with: SMALL.to_owned() }).unwrap();
    folder::write(at, &package).unwrap();
    Folder::read(at).unwrap()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn a_folder_plays_with_the_bits_of_a_run() {
    let gpu = common::gpu();
    // resampled and fixed points, every plan, and jets of two, three and five axes' worth of streams
    let cases = [
        ("klein-gordon", "resampled", "fused", "adam"),
        ("helmholtz-1-4", "fixed", "fused", "soap"),
        ("helmholtz-1-4", "fixed", "layered", "adam"),
        ("schrodinger", "resampled", "unfused", "adam"),
    ];
    for (problem, sampling, plan, optimiser) in cases {
        let mut config = config(problem, sampling, plan, optimiser);
        let place = tempfile::tempdir().unwrap();
        config.set_seed(5);
        let mut player = Player::open(&gpu, exported(&config, place.path())).unwrap();
        for seed in [5, 6] {
            config.set_seed(seed);
            let setup = config.setup();
            let tile = sized(&Tile::default_for(&any_webgpu(), &setup), SMALL).unwrap();
            let mut trainer = Trainer::with_tile(&gpu, setup.clone(), config.plan, tile, &config.initial()).unwrap();
            let wanted = trainer.advance(20).unwrap();
            player.start(seed).unwrap();
            let got = player.advance(20).unwrap();
            assert!(wanted == got, "{problem}, seed {seed}: {:?} instead of {:?}", got.last(), wanted.last());
            assert_eq!(bits(&player.read("parameters").unwrap()), bits(&trainer.parameters().unwrap()), "{problem}");
            assert_eq!(bits(&player.evaluate().unwrap()), bits(&predicted(&gpu, &trainer, tile)), "{problem}");
        }
        agrees_with_the_oracle(&mut player);
    }
}

/// The fields at the problem's evaluation set, by the program's own way.
fn predicted(gpu: &Gpu, trainer: &Trainer, tile: Tile) -> Vec<f32> {
    let points: Vec<f32> = trainer.setup.problem.evaluation_set().points.iter().map(|&x| x as f32).collect();
    let slopes = trainer.setup.problem.observables().iter().any(|observable| observable.quantity.needs_gradient());
    let step = &trainer.step;
    let predictor = Predictor::new(gpu, &trainer.setup, &step.packing, &tile, step.weights(), &points, slopes).unwrap();
    predictor.run(gpu).unwrap()
}

/// What the folder itself says of its first steps and of its step at given points.
fn agrees_with_the_oracle(player: &mut Player) {
    let record = player.prove().unwrap();
    let document = player.document().clone();
    let (proof, expected) = (document.proof.unwrap(), document.expected.unwrap());
    let close = |got: f32, wanted: f64, scale: f64, tolerance: f64| {
        assert!((f64::from(got) - wanted).abs() <= tolerance * scale, "{got} instead of {wanted}");
    };
    for (got, wanted) in record.losses.iter().zip(&proof.losses.values) {
        close(*got, *wanted, *wanted, proof.losses.tolerance);
    }
    let largest = proof.coefficients.values.iter().fold(0.0_f64, |a, c| a.max(c.abs()));
    for (got, wanted) in record.coefficients.iter().zip(&proof.coefficients.values) {
        close(*got, *wanted, largest, proof.coefficients.tolerance);
    }
    player.start(expected.seed).unwrap();
    assert_eq!(expected.losses.len(), 3);
    for (record, losses) in player.advance(3).unwrap().iter().zip(&expected.losses) {
        assert_eq!(losses.len(), document.about.terms.len());
        record.losses.iter().zip(losses).for_each(|(got, wanted)| close(*got, *wanted, *wanted, expected.tolerance));
    }
}

/// Every limit stays within what every WebGPU has.
#[test]
fn nothing_asks_for_more_than_webgpu_guarantees() {
    let defaults = [
        ("maxBufferSize", 268_435_456),
        ("maxStorageBufferBindingSize", 134_217_728),
        ("maxUniformBufferBindingSize", 65_536),
        ("maxStorageBuffersPerShaderStage", 8),
        ("maxComputeInvocationsPerWorkgroup", 256),
        ("maxComputeWorkgroupSizeX", 256),
        ("maxComputeWorkgroupStorageSize", 16_384),
        ("maxComputeWorkgroupsPerDimension", 65_535),
    ];
    for problem in acr_pinn_gpu::problems::ALL {
        for (preset, optimiser) in [("quick", "adam"), ("paper", "adam"), ("quick", "soap"), ("paper", "soap")] {
            let options = Options { optimiser: Some(optimiser.to_owned()), ..Options::default() };
            let config = Draft::new(problem.name(), &options, Options::default()).unwrap();
            let config = config.resolve(preset).unwrap();
            let offered = any_webgpu();
            let tile = Tile::default_for(&offered, &config.setup());
            let blueprint =
                acr_pinn_gpu::kernels::Blueprint::new(&config.setup(), config.plan, &tile, &offered).unwrap();
            let document = export::sheet(&config, &tile, &blueprint, &offered).unwrap().document;
            assert!(document.features.is_empty());
            assert_eq!(document.limits.len(), defaults.len());
            for (name, most) in defaults {
                assert!(document.limits[name] <= most, "{} {preset}: {name}", problem.name());
            }
        }
    }
}

fn tampered(at: &Path, name: &str, change: impl Fn(&mut Vec<u8>)) -> String {
    let path = at.join(name);
    let before = fs::read(&path).unwrap();
    let mut bytes = before.clone();
    change(&mut bytes);
    match bytes.is_empty() {
        true => fs::remove_file(&path).unwrap(),
        false => fs::write(&path, bytes).unwrap(),
    }
    let message = match Folder::read(at) {
        Ok(_) => panic!("{name}: what was tampered with is taken"),
        Err(error) => {
            assert_eq!(error.exit_code(), 4, "{error}");
            error.to_string()
        }
    };
    fs::write(&path, before).unwrap();
    message
}

#[test]
fn what_was_tampered_with_is_named() {
    let place = tempfile::tempdir().unwrap();
    let at = place.path();
    exported(&config("klein-gordon", "resampled", "fused", "adam"), at);
    let edit = |change: fn(&mut Value)| {
        move |bytes: &mut Vec<u8>| {
            let mut document = serde_json::from_slice(bytes).unwrap();
            change(&mut document);
            *bytes = serde_json::to_vec(&document).unwrap();
        }
    };
    let says = |message: String, what: &str| assert!(message.contains(what), "`{message}` does not say `{what}`");
    says(tampered(at, "data.bin", |bytes| bytes[100] ^= 1), "hash differs");
    says(tampered(at, "data.bin", |bytes| bytes.truncate(64)), "64 bytes instead of");
    says(tampered(at, "01-sample.wgsl", Vec::clear), "no such file");
    says(tampered(at, "step.json", Vec::clear), "no such file");
    says(tampered(at, "step.json", |bytes| bytes.truncate(500)), "not an exported step");
    says(tampered(at, "step.json", edit(|d| d["schema"] = 2.into())), "schema 2");
    says(tampered(at, "step.json", edit(|d| d["kind"] = "acr-pinn-gpu bench".into())), "acr-pinn-gpu bench");
    says(tampered(at, "step.json", edit(|d| d["step"][0]["kernel"] = 99.into())), "runs kernel 99");
    says(tampered(at, "step.json", edit(|d| d["starts"][0]["writes"][0]["buffer"] = "x".into())), "no buffer `x`");
    says(
        tampered(at, "step.json", edit(|d| d["starts"][0]["writes"][0]["data"]["offset"] = u64::MAX.into())),
        "ends behind",
    );
    says(
        tampered(at, "step.json", edit(|d| d["kernels"][0]["file"] = "../etc".into())),
        "nothing of its size and hash",
    );
    Folder::read(at).unwrap();
}

#[test]
fn the_command_line_writes_a_folder_once() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("step");
    let export = |more: &[&str]| {
        let mut command = common::program();
        command.args(["export", "klein-gordon", "--width", "8", "--depth", "1", "--points", "pde=16", "--points"]);
        command.args(["bc=8", "--expected", "1", "--seeds", "2", "--out"]).arg(&out).args(more).output().unwrap()
    };
    let first = export(&["--json"]);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let said: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(said["expected"], 1);
    let folder = Folder::read(&out).unwrap();
    assert_eq!(folder.document.starts.iter().map(|start| start.seed).collect::<Vec<_>>(), [1234, 1235]);
    for name in ["index.html", "page.css", "page.js", "player.js"] {
        assert!(out.join(name).exists(), "{name}");
    }
    // a mistake leaves no folder behind
    let none = place.path().join("none");
    let wrong = common::program().args(["export", "burgers", "--with", "rowz=2", "--out"]).arg(&none).output().unwrap();
    assert!(wrong.status.code() == Some(2) && String::from_utf8_lossy(&wrong.stderr).contains("`rows`"));
    assert!(!none.exists());
    let again = export(&[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("holds files"));
}

/// What `kernels` writes is the same document without what only players need.
#[test]
fn kernels_and_export_agree_about_a_step() {
    let place = tempfile::tempdir().unwrap();
    let (kernels, step) = (place.path().join("kernels"), place.path().join("step"));
    let size = ["klein-gordon", "--preset", "quick", "--width", "8", "--depth", "1", "--out"];
    assert!(common::program().arg("kernels").args(size).arg(&kernels).status().unwrap().success());
    let status = common::program().arg("export").args(size).arg(&step).args(["--expected", "0"]).status().unwrap();
    assert!(status.success());
    let read = |at: &Path| -> Value { serde_json::from_slice(&fs::read(at.join("step.json")).unwrap()).unwrap() };
    let (listed, exported) = (read(&kernels), read(&step));
    for key in ["schema", "kind", "about", "ring", "step", "setup"] {
        assert_eq!(listed[key], exported[key], "{key}");
    }
    for kernel in listed["kernels"].as_array().unwrap() {
        let file = kernel["file"].as_str().unwrap();
        assert_eq!(fs::read(kernels.join(file)).unwrap(), fs::read(step.join(file)).unwrap(), "{file}");
    }
}
