//! `kernels`: the texts of a step as a compiler gets them, without running it and without an adapter.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::gpu::{Capabilities, Executable, Reflection, Reports, join, reports};
use acr_pinn_gpu::kernels::blueprint::{DispatchSpec, Kind, Size};
use acr_pinn_gpu::kernels::{Blueprint, Tile, tile};
use acr_pinn_gpu::training::{Config, Draft, Options, files};
use serde_json::{Value, json};

use super::adapter::AdapterArgs;
use super::config::Flags;
use super::output;

/// Arguments of `kernels`.
#[derive(clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// The problem; see `list`
    problem: String,
    /// Write every kernel as NN-NAME.wgsl and the step as step.json into this new folder, instead of printing a table
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Add what the adapter's compiler says of the kernels, such as registers, spills and waves, where a Vulkan driver reports it
    #[arg(long)]
    driver: bool,
    #[command(flatten)]
    options: Flags,
    #[command(flatten)]
    adapter: AdapterArgs,
}

const EXAMPLES: &str = "Examples:
  acr-pinn-gpu kernels klein-gordon                       the kernels of a step on any WebGPU
  acr-pinn-gpu kernels cavity --plan unfused --out DIR    the texts, one op per kernel
  acr-pinn-gpu kernels burgers --adapter nvidia           as they would be on that adapter
  acr-pinn-gpu kernels klein-gordon --driver              and what its compiler makes of them";

/// Prints or writes the kernels.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    let config = Draft::new(&args.problem, &Options::from(&args.options), Options::default())?.resolve("paper")?;
    let offered = offered(args, quiet)?;
    let tile = Tile::default_for(&offered, &config.setup());
    let blueprint = Blueprint::new(&config.setup(), config.plan, &tile, &offered)?;
    let mut listing = Listing::new(&config, tile, blueprint)?;
    if args.driver {
        listing.ask_driver(args)?;
    }
    if let Some(folder) = &args.out {
        listing.write(folder)?;
        if !args.json {
            output::print(&format!("{} kernels and step.json in {}\n", listing.kernels.len(), folder.display()));
            return Ok(0);
        }
    }
    match args.json {
        true => output::json(&listing.document()),
        false => output::print(&listing.table()),
    }
    Ok(0)
}

/// What the adapter that is named offers; without one what every WebGPU does, or a software rasteriser.
fn offered(args: &Args, quiet: bool) -> Result<Capabilities> {
    if args.adapter.adapter.is_some() || args.adapter.backend.is_some() {
        match args.adapter.open(quiet) {
            Ok(gpu) => return Ok(gpu.capabilities()),
            // a driver may compile for a card that is not there, or that has no room for a device
            Err(Error::NoAdapter(what)) if args.driver => {
                if !quiet {
                    output::say(&format!("{what}\nkernels are those of any WebGPU"));
                }
            }
            Err(error) => return Err(error),
        }
    }
    match args.adapter.target.as_deref() {
        Some("raster") => Ok(Capabilities::rasteriser()),
        Some(other) => tile::known(other).map(|()| Capabilities::webgpu()).map_err(Error::Usage),
        None => Ok(Capabilities::webgpu()),
    }
}

/// A step with what a compiler reads in its kernels.
struct Listing<'a> {
    config: &'a Config,
    tile: Tile,
    blueprint: Blueprint,
    /// File name, text and reflection of each kernel.
    kernels: Vec<(String, String, Reflection)>,
    /// What the driver says of them, where it was asked.
    reports: Option<Reports>,
}

/// Columns of `--driver`, with the names that drivers have for what stands there, in small letters: RADV, ANV, NVK, Turnip and
/// NVIDIA's. Where one reports several of them, such as spills of two kinds, they are added.
const COLUMNS: [(&str, &[&str]); 6] = [
    ("registers", &["vgprs", "register count", "number of gprs", "gprs", "registers", "max live registers"]),
    ("spilled", &["spilled vgprs", "spilled sgprs", "spill count", "spills to memory", "local memory size"]),
    ("waves", &["subgroups per simd", "max waves per core", "max waves/sm", "occupancy"]),
    ("scratch B", &["scratch size", "scratch memory size", "slm size", "stack size"]),
    ("workgroup B", &["lds size", "workgroup memory size", "shared memory size"]),
    ("instructions", &["instructions", "instruction count"]),
];

fn cell(executable: &Executable, names: &[&str]) -> String {
    let known = executable.statistics.iter().filter(|(name, _)| names.contains(&name.trim().to_lowercase().as_str()));
    let numbers: Vec<f64> = known.filter_map(|(_, value)| value.as_f64()).collect();
    if numbers.is_empty() { "–".into() } else { numbers.iter().sum::<f64>().to_string() }
}

fn statistics(executable: &Executable) -> Value {
    let all: serde_json::Map<String, Value> = executable.statistics.iter().cloned().collect();
    json!({"executable": executable.name, "subgroup": executable.subgroup, "statistics": all})
}

impl Listing<'_> {
    fn new(config: &Config, tile: Tile, blueprint: Blueprint) -> Result<Listing<'_>> {
        let read = |(number, spec): (usize, &acr_pinn_gpu::kernels::blueprint::KernelSpec)| {
            let text = join(&spec.parts);
            let reflection = Reflection::of(spec.label, &text)?;
            Ok((format!("{number:02}-{}.wgsl", spec.label), text, reflection))
        };
        let kernels = blueprint.kernels.iter().enumerate().map(read).collect::<Result<_>>()?;
        Ok(Listing { config, tile, blueprint, kernels, reports: None })
    }

    fn ask_driver(&mut self, args: &Args) -> Result<()> {
        let specs = self.blueprint.kernels.iter().zip(&self.kernels);
        let kernels: Vec<(&str, &str)> = specs.map(|(spec, (_, text, _))| (spec.label, text.as_str())).collect();
        self.reports = Some(reports(args.adapter.adapter.as_deref(), args.adapter.checked, &kernels)?);
        Ok(())
    }

    /// The dispatches of a step in their order.
    fn step(&self) -> Vec<&DispatchSpec> {
        let sample = self.config.setup().resampled.then_some(&self.blueprint.sample);
        sample.into_iter().chain(&self.blueprint.gradients).chain([&self.blueprint.update]).collect()
    }

    fn table(&self) -> String {
        let mut text = format!(
            "{} · {} {}×{} · plan {} · {}\n\n",
            self.config.problem.name(),
            self.config.network.name(),
            self.config.preset.width,
            self.config.preset.depth,
            self.config.plan.name(),
            acr_pinn_gpu::training::tuning::words(&self.tile)
        );
        let mut dispatched = BTreeMap::<usize, (usize, f64)>::new();
        for dispatch in self.step() {
            let entry = dispatched.entry(dispatch.kernel).or_default();
            *entry = (entry.0 + 1, entry.1 + dispatch.flop.unwrap_or(0.0));
        }
        let _ =
            writeln!(text, "{:<28} {:>7} {:>10} {:>8}  what it computes", "kernel", "threads", "dispatches", "GFLOP");
        for (number, (name, _, reflection)) in self.kernels.iter().enumerate() {
            let (times, flop) = dispatched.get(&number).copied().unwrap_or((0, 0.0));
            let flop = if flop > 0.0 { format!("{:.3}", flop / 1e9) } else { "–".into() };
            let equations = &self.blueprint.kernels[number].equations;
            let _ = writeln!(
                text,
                "{name:<28} {:>7} {times:>10} {flop:>8}  {}",
                reflection.threads,
                equations.first().map_or("", String::as_str)
            );
            for equation in equations.iter().skip(1) {
                let _ = writeln!(text, "{:<57} {equation}", "");
            }
            let bound: Vec<String> = reflection.variables().iter().map(|(name, ..)| (*name).to_owned()).collect();
            let _ = writeln!(text, "{:<57} binds {}", "", bound.join(", "));
        }
        if let Some(reports) = &self.reports {
            self.add_reports(&mut text, reports);
        }
        text
    }

    fn add_reports(&self, text: &mut String, reports: &Reports) {
        let _ = writeln!(text, "\ncompiled by {} for {}", reports.driver, reports.device);
        let head: String = COLUMNS.iter().map(|(name, _)| format!(" {name:>12}")).collect();
        let _ = writeln!(text, "{:<28}{head} {:>12}", "kernel", "subgroup");
        for ((name, ..), executables) in self.kernels.iter().zip(&reports.kernels) {
            for executable in executables {
                let cells: String =
                    COLUMNS.iter().map(|(_, names)| format!(" {:>12}", cell(executable, names))).collect();
                let _ = writeln!(text, "{name:<28}{cells} {:>12}", executable.subgroup);
            }
        }
        text.push_str("everything that the driver reports, by its own names: --json\n");
    }

    fn document(&self) -> Value {
        let dispatch = |spec: &DispatchSpec| {
            let bound = self.kernels[spec.kernel].2.variables();
            let buffers: serde_json::Map<String, Value> = spec
                .buffers
                .iter()
                .filter(|(variable, _)| bound.iter().any(|(name, ..)| name == variable))
                .map(|(variable, name)| ((*variable).to_owned(), json!(name)))
                .collect();
            let workgroups = match spec.size {
                Size::Workgroups(count) => count,
                Size::Threads(count) => count.div_ceil(self.kernels[spec.kernel].2.threads as usize),
            };
            json!({"kernel": self.kernels[spec.kernel].0, "label": spec.label, "workgroups": workgroups,
                "buffers": buffers, "flop": spec.flop})
        };
        let kernels: Vec<Value> = self
            .kernels
            .iter()
            .zip(&self.blueprint.kernels)
            .enumerate()
            .map(|(number, ((file, _, reflection), spec))| {
                let bindings: Vec<Value> = reflection
                    .variables()
                    .iter()
                    .map(|(name, binding, kind)| json!({"name": name, "binding": binding, "kind": kind}))
                    .collect();
                let mut kernel = json!({"file": file, "entry_point": spec.label, "threads": reflection.threads,
                    "equations": spec.equations, "bindings": bindings});
                if let Some(reports) = &self.reports {
                    kernel["driver"] = reports.kernels[number].iter().map(statistics).collect();
                }
                kernel
            })
            .collect();
        let buffers: Vec<Value> = self
            .blueprint
            .buffers
            .iter()
            .map(|buffer| {
                let kind = match buffer.kind {
                    Kind::Storage => "storage",
                    Kind::Uniform => "uniform",
                    Kind::Image => "image",
                };
                json!({"name": buffer.name, "kind": kind, "bytes": buffer.bytes})
            })
            .collect();
        let mut document = json!({
            "schema": 1, "problem": self.config.problem.name(), "network": self.config.network.name(),
            "width": self.config.preset.width, "depth": self.config.preset.depth, "plan": self.config.plan.name(),
            "target": self.tile.target().name(), "tile": self.tile, "buffers": buffers, "kernels": kernels,
            "sample": dispatch(&self.blueprint.sample),
            "step": self.step().into_iter().map(dispatch).collect::<Vec<_>>(),
        });
        if let Some(reports) = &self.reports {
            document["driver"] = json!({"device": reports.device, "driver": reports.driver});
        }
        document
    }

    fn write(&self, folder: &std::path::Path) -> Result<()> {
        if folder.exists() {
            return Err(Error::Usage(format!("{} exists: name a folder that does not", folder.display())));
        }
        std::fs::create_dir_all(folder).map_err(|e| Error::output(folder, e))?;
        for (name, text, _) in &self.kernels {
            files::write(&folder.join(name), text.as_bytes())?;
        }
        files::write(&folder.join("step.json"), format!("{:#}\n", self.document()).as_bytes())
    }
}
