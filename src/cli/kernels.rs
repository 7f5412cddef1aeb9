//! `kernels`: the texts of a step as a compiler gets them, without running it and without an adapter.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::export::schema::KernelEntry;
use acr_pinn_gpu::export::{self, Package, folder};
use acr_pinn_gpu::gpu::{Capabilities, Executable, Reports, reports};
use acr_pinn_gpu::kernels::{Blueprint, Tile, tile};
use acr_pinn_gpu::training::{Config, Draft, Options, files};
use serde_json::{Value, json};

use super::adapter::AdapterArgs;
use super::config::Flags;
use super::{guard, output};

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
    if let Some(folder) = &args.out {
        guard::empty_folder(folder)?;
    }
    let offered = offered(args, quiet)?;
    let tile = Tile::default_for(&offered, &config.setup());
    let blueprint = Blueprint::new(&config.setup(), config.plan, &tile, &offered)?;
    let sheet = export::sheet(&config, &tile, &blueprint, &offered)?;
    let mut listing = Listing { config: &config, tile, sheet, reports: None };
    if args.driver {
        listing.ask_driver(args)?;
    }
    if let Some(folder) = &args.out {
        listing.write(folder)?;
        if !args.json {
            output::print(&format!("{} kernels and step.json in {}\n", listing.kernels().len(), folder.display()));
            return Ok(0);
        }
    }
    match args.json {
        true => output::json(&listing.document()?),
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
    sheet: Package,
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
    fn kernels(&self) -> &[KernelEntry] {
        &self.sheet.document.kernels
    }

    fn ask_driver(&mut self, args: &Args) -> Result<()> {
        let entries = self.kernels().iter().zip(&self.sheet.texts);
        let kernels: Vec<(&str, &str)> =
            entries.map(|(kernel, (_, text))| (kernel.entry_point.as_str(), text.as_str())).collect();
        self.reports = Some(reports(args.adapter.adapter.as_deref(), args.adapter.checked, &kernels)?);
        Ok(())
    }

    fn table(&self) -> String {
        let mut text = format!(
            "{} · {} {}×{} · plan {} · {}\n\n",
            self.config.problem.name(),
            self.config.network.name(),
            self.config.preset.depth,
            self.config.preset.width,
            self.config.plan.name(),
            acr_pinn_gpu::training::tuning::words(&self.tile)
        );
        let mut dispatched = BTreeMap::<usize, (usize, f64)>::new();
        for dispatch in &self.sheet.document.step {
            let entry = dispatched.entry(dispatch.kernel).or_default();
            *entry = (entry.0 + 1, entry.1 + dispatch.flop.unwrap_or(0.0));
        }
        let _ =
            writeln!(text, "{:<28} {:>7} {:>10} {:>8}  what it computes", "kernel", "threads", "dispatches", "GFLOP");
        for (number, kernel) in self.kernels().iter().enumerate() {
            let (times, flop) = dispatched.get(&number).copied().unwrap_or((0, 0.0));
            let flop = if flop > 0.0 { format!("{:.3}", flop / 1e9) } else { "–".into() };
            let _ = writeln!(
                text,
                "{:<28} {:>7} {times:>10} {flop:>8}  {}",
                kernel.file,
                kernel.threads,
                kernel.equations.first().map_or("", String::as_str)
            );
            for equation in kernel.equations.iter().skip(1) {
                let _ = writeln!(text, "{:<57} {equation}", "");
            }
            let bound: Vec<&str> = kernel.bindings.iter().map(|binding| binding.name.as_str()).collect();
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
        for (KernelEntry { file: name, .. }, executables) in self.kernels().iter().zip(&reports.kernels) {
            for executable in executables {
                let cells: String =
                    COLUMNS.iter().map(|(_, names)| format!(" {:>12}", cell(executable, names))).collect();
                let _ = writeln!(text, "{name:<28}{cells} {:>12}", executable.subgroup);
            }
        }
        text.push_str("everything that the driver reports, by its own names: --json\n");
    }

    fn document(&self) -> anyhow::Result<Value> {
        let mut document = serde_json::to_value(&self.sheet.document)?;
        if let Some(reports) = &self.reports {
            document["driver"] = json!({"device": reports.device, "driver": reports.driver});
            for (kernel, executables) in document["kernels"].as_array_mut().into_iter().flatten().zip(&reports.kernels)
            {
                kernel["driver"] = executables.iter().map(statistics).collect();
            }
        }
        Ok(document)
    }

    /// The same schema as `export` writes, without what only players need.
    fn write(&self, folder: &std::path::Path) -> anyhow::Result<()> {
        guard::empty_folder(folder)?;
        for (name, text) in &self.sheet.texts {
            files::write(&folder.join(name), text.as_bytes())?;
        }
        Ok(files::write(&folder.join(folder::STEP), format!("{:#}\n", self.document()?).as_bytes())?)
    }
}
