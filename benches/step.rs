//! Times one training step and each of its dispatches on the adapter that `run` would choose.
//!
//! `cargo bench --bench step -- problem=klein-gordon width=50 depth=4 points=10000,200,200 samples=7`
//!
//! Prints minimum, median and maximum per dispatch and per step, and the losses of the first step: a timing
//! without them could be of anything. Other keys: `network`, `strategy`, `plan`, `target`, `json=FILE`, and every size of
//! the target's tile, such as `slabs=64`.

use acr_pinn_gpu::gpu::{Choice, Dispatch, Gpu};
use acr_pinn_gpu::kernels::{self, Setup, default_tile};
use acr_pinn_gpu::lab::ladder;
use acr_pinn_gpu::math::rng::Seeds;
use acr_pinn_gpu::math::{Schedule, Variant};
use acr_pinn_gpu::optimisers::Optimisation;
use acr_pinn_gpu::training::Trainer;
use acr_pinn_gpu::{networks, oracle, problems, strategies};
use serde_json::json;

struct Options(Vec<(String, String)>);

impl Options {
    fn parse() -> Options {
        let pairs = std::env::args().skip(1).filter(|a| a != "--bench");
        Options(
            pairs
                .map(|a| match a.split_once('=') {
                    Some((key, value)) => (key.to_owned(), value.to_owned()),
                    None => panic!("`{a}` is not KEY=VALUE; see the head of benches/step.rs"),
                })
                .collect(),
        )
    }

    fn text<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.0.iter().find(|(k, _)| k == key).map_or(default, |(_, v)| v)
    }

    fn number(&self, key: &str, default: usize) -> usize {
        self.text(key, &default.to_string()).parse().unwrap_or_else(|_| panic!("{key} is no number"))
    }
}

/// Milliseconds of `samples` runs of `step`, sorted.
fn times(gpu: &Gpu, step: &[Dispatch], samples: usize) -> Vec<f64> {
    let mut times: Vec<f64> =
        (0..samples).map(|_| gpu.time(step, 1).expect("the device answers").as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    times
}

fn main() {
    let options = Options::parse();
    let problem = problems::find(options.text("problem", "klein-gordon")).expect("a problem");
    let network = networks::find(options.text("network", "lda")).expect("a network");
    let strategy = strategies::find(options.text("strategy", "pcgrad")).expect("a strategy");
    let counts: Vec<usize> = match options.text("points", "") {
        "" => problem.preset("paper").expect("every problem has it").points,
        list => list.split(',').map(|n| n.parse().expect("points=N,N,N")).collect(),
    };
    let shape = oracle::shape(problem, options.number("width", 50), options.number("depth", 4), Variant::V2);
    let gpu = Gpu::open(&Choice {
        target: options.0.iter().find(|(k, _)| k == "target").map(|(_, v)| v.clone()),
        ..Choice::default()
    })
    .expect("an adapter: see `acr-pinn-gpu doctor`");
    let schedule = Schedule::Constant { rate: 1e-3 };
    let seeds = Seeds::of(1);
    let optimiser = Optimisation::default();
    let setup = Setup {
        problem,
        network,
        shape,
        strategy,
        optimiser,
        counts,
        resampled: true,
        schedule,
        steps: 1,
        seeds,
        orders: None,
    };
    let chosen = default_tile(&gpu, &setup);
    let own = ["problem", "network", "strategy", "points", "width", "depth", "plan", "samples", "json", "target"];
    let sizes: Vec<(&str, serde_json::Value)> = options
        .0
        .iter()
        .filter(|(key, _)| !own.contains(&key.as_str()))
        .map(|(key, value)| {
            (key.as_str(), serde_json::from_str(value).expect("a size is a number, a switch true or false"))
        })
        .collect();
    let tile = ladder::with(&chosen, &sizes).expect("sizes of a tile");
    let plan = kernels::find(options.text("plan", "fused")).expect("a plan");
    let parameters = network.initial(&shape, seeds.initial);
    let start = std::time::Instant::now();
    let mut trainer = Trainer::with_tile(&gpu, setup, plan, tile, &parameters).expect("the step links");
    let first = trainer.advance(1).expect("the step runs").remove(0);
    let built = start.elapsed().as_secs_f64();
    println!("{} · {} {}×{} · {}", problem.name(), network.name(), shape.depth, shape.width, gpu.record().name);
    println!("{tile:?}\nbuild and first step {built:.2} s · losses {:?}", first.losses);
    let samples = options.number("samples", 7).max(1);
    let show = |name: &str, t: &[f64]| {
        println!("  {name:<18} min {:9.3}  median {:9.3}  max {:9.3} ms", t[0], t[t.len() / 2], t[t.len() - 1]);
    };
    let mut rows = Vec::new();
    for dispatch in &trainer.step.whole {
        let t = times(&gpu, std::slice::from_ref(dispatch), samples);
        show(&dispatch.label, &t);
        rows.push(json!({"kernel": dispatch.label, "ms": t}));
    }
    let t = times(&gpu, &trainer.step.whole, samples);
    show("whole step", &t);
    let device = gpu.timestamps(&trainer.step.whole).expect("the device answers");
    let device: Option<f64> = device.map(|passes| passes.iter().map(|d| d.as_secs_f64() * 1e3).sum());
    match device {
        Some(ms) => println!("  by the device's own clock {ms:.3} ms"),
        None => println!("  the device's own clock is of no use here"),
    }
    if let Some((_, path)) = options.0.iter().find(|(key, _)| key == "json") {
        let document = json!({"schema": 1, "adapter": gpu.record(), "problem": problem.name(), "tile": tile,
            "losses": first.losses, "build_s": built, "kernels": rows, "step_ms": t, "device_ms": device});
        std::fs::write(path, format!("{document:#}\n")).expect("the JSON file can be written");
    }
}
