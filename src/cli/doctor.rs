//! `doctor`: what there is to compute on, what would be chosen and why, and whether it computes.

use std::path::Path;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::gpu::{Adapters, Chosen, Gpu, Kernel, Loader, Manifest, Part};
use serde_json::{Value, json};

use super::adapter::AdapterArgs;
use super::output;

/// Arguments of `doctor`.
#[derive(clap::Args)]
pub struct Args {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    adapter: AdapterArgs,
}

/// Beginnings of the names of environment variables that change which adapter answers or how.
const OVERRIDES: [&str; 14] = [
    "ACR_PINN_",
    "VK_",
    "__VK_",
    "MESA_",
    "LP_",
    "GALLIUM_",
    "LIBGL_",
    "RADV_",
    "ANV_",
    "NVK_",
    "DRI_PRIME",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "DYLD_LIBRARY_PATH",
];

/// Those that other programs with the same library go by and this one does not.
const IGNORED: &str = "WGPU_";

/// What was found out.
struct Findings {
    adapters: Adapters,
    chosen: Result<Chosen>,
    /// None where no adapter is chosen.
    tests: Option<Result<Vec<Test>>>,
    loader: Option<Loader>,
    overrides: Vec<(String, String)>,
    ignored: Vec<(String, String)>,
}

/// Reports, whatever there is; exit code 0 when the chosen adapter passes its self-test, 1 when it does not, 3 without any.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    let adapters = Adapters::enumerate(args.adapter.backend.as_deref())?;
    let chosen = adapters.choose(args.adapter.adapter.as_deref());
    let tests = chosen.is_ok().then(|| args.adapter.open(true).and_then(|gpu| self_tests(&gpu)));
    let loader = Adapters::backends().contains(&"vulkan").then(Loader::look);
    let starting = |names: &[&str]| variables(|name| names.iter().any(|start| name.starts_with(start)));
    let (overrides, ignored) = (starting(&OVERRIDES), starting(&[IGNORED]));
    let findings = Findings { adapters, chosen, tests, loader, overrides, ignored };
    match args.json {
        true => output::json(&findings.json()),
        false => output::print(&findings.text()),
    }
    if let Some(error) = findings.error() {
        output::say(&format!("error: {error}"));
    }
    Ok(findings.error().map_or(u8::from(!findings.passed()), Error::exit_code))
}

/// Variables of this process's environment, by name.
fn variables(wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let all = std::env::vars_os().map(|(name, value)| [name, value].map(|text| text.to_string_lossy().into_owned()));
    let mut list: Vec<_> = all.filter(|[name, _]| wanted(name)).map(|[name, value]| (name, value)).collect();
    list.sort();
    list
}

/// A path as one may show it to others.
fn shown(path: &Path) -> String {
    let home = std::env::var_os("HOME").filter(|home| home.len() > 1);
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) => format!("~/{}", below.display()),
        None => path.display().to_string(),
    }
}

fn object(pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<Value>)>) -> Value {
    Value::Object(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
}

impl Findings {
    /// Why there is no adapter to test.
    fn error(&self) -> Option<&Error> {
        match (&self.chosen, &self.tests) {
            (Err(error), _) | (_, Some(Err(error))) => Some(error),
            _ => None,
        }
    }

    fn self_tests(&self) -> &[Test] {
        match &self.tests {
            Some(Ok(tests)) => tests,
            _ => &[],
        }
    }

    fn passed(&self) -> bool {
        self.error().is_none() && self.self_tests().iter().all(|test| test.passed || !test.fatal)
    }

    fn chosen(&self) -> Option<usize> {
        self.chosen.as_ref().ok().map(|chosen| chosen.index)
    }

    /// What to do where no adapter answers.
    fn remedy(&self) -> Option<String> {
        self.loader.as_ref().filter(|_| self.adapters.records().is_empty()).map(Loader::remedy)
    }

    fn json(&self) -> Value {
        let records = self.adapters.records().into_iter().enumerate();
        let list: Vec<_> = records
            .map(|(i, record)| {
                let (limits, features) = self.adapters.details(i);
                let chosen = self.chosen() == Some(i);
                json!({"record": record, "limits": object(limits), "features": features, "number": i, "chosen": chosen})
            })
            .collect();
        let test = |t: &Test| json!({"name": t.name, "passed": t.passed, "detail": t.detail, "fatal": t.fatal});
        let tests: Vec<_> = self.self_tests().iter().map(test).collect();
        let choice = self.chosen.as_ref().ok();
        let choice = choice.map(|c| json!({"number": c.index, "reason": c.reason, "remark": c.remark}));
        let manifest = |m: &Manifest| json!({"path": shown(&m.path), "library": m.library, "problem": m.problem});
        let vulkan = self.loader.as_ref().map(|loader| {
            let folders: Vec<_> = loader.folders.iter().map(|folder| shown(folder)).collect();
            let manifests: Vec<_> = loader.manifests.iter().map(manifest).collect();
            let library = loader.library.as_deref().map(shown);
            json!({"loader": library, "named_by": loader.named_by, "folders": folders, "manifests": manifests})
        });
        let mut document = json!({
            "schema": 1,
            "adapters": list,
            "choice": choice,
            "backends": Adapters::backends(),
            "vulkan": vulkan,
            "overrides": object(self.overrides.clone()),
            "ignored": object(self.ignored.clone()),
            "self_tests": tests,
            "passed": self.passed(),
            "remedy": self.remedy(),
        });
        if let Some(error) = self.error() {
            document["error"] = json!({"code": error.exit_code(), "message": error.to_string()});
        }
        document
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (i, record) in self.adapters.records().iter().enumerate() {
            let mark = if self.chosen() == Some(i) { "→" } else { " " };
            let pci = if record.pci.is_empty() { String::new() } else { format!(" · PCI {}", record.pci) };
            text += &format!("{mark} #{i} {} · {} · {}{pci}\n", record.name, record.kind, record.backend);
            text += &format!("    driver {} {}\n", record.driver, record.driver_info);
            let (limits, features) = self.adapters.details(i);
            for (name, value) in limits {
                text += &format!("    {name:<42} {value}\n");
            }
            let features = if features.is_empty() { "none of those used".to_owned() } else { features.join(", ") };
            text += &format!("    features: {features}\n");
        }
        if let Ok(chosen) = &self.chosen {
            text += &format!("chosen: #{}, {}\n", chosen.index, chosen.reason);
            if let Some(remark) = &chosen.remark {
                text += &format!("        {remark}\n");
            }
        }
        if self.adapters.records().is_empty() {
            text += "no adapter answers\n";
        }
        text += &format!("backends of this program: {}\n", Adapters::backends().join(", "));
        text += &self.loader.as_ref().map(vulkan).unwrap_or_default();
        for (name, value) in &self.overrides {
            text += &format!("in force: {name}={value}\n");
        }
        for (name, value) in &self.ignored {
            text += &format!("ignored: {name}={value}: this program goes by --adapter, --backend and ACR_PINN_…\n");
        }
        for test in self.self_tests() {
            let verdict = match (test.passed, test.fatal) {
                (true, _) => "ok    ",
                (false, true) => "FAILED",
                (false, false) => "defect",
            };
            text += &format!("{verdict} {}: {}\n", test.name, test.detail);
        }
        if let Some(remedy) = self.remedy() {
            text += &format!("remedy: {remedy}\n");
        }
        text
    }
}

/// What Vulkan's loader would find.
fn vulkan(loader: &Loader) -> String {
    let library = loader.library.as_deref().map_or("not found".to_owned(), shown);
    let mut text = format!("Vulkan loader: {library}\n");
    let from = match &loader.named_by {
        Some(variable) => format!("named by {variable} alone"),
        None if loader.manifests.is_empty() => {
            let folders: Vec<_> = loader.folders.iter().map(|folder| shown(folder)).collect();
            format!("none in {}", folders.join(", "))
        }
        None => "in the usual folders".to_owned(),
    };
    text += &format!("Vulkan drivers announced: {from}\n");
    for manifest in &loader.manifests {
        let library = manifest.library.as_deref().unwrap_or_default();
        let about = manifest.problem.as_deref().map_or(library.to_owned(), |problem| format!("BROKEN: {problem}"));
        text += &format!("    {}: {about}\n", shown(&manifest.path));
    }
    text
}

struct Test {
    name: &'static str,
    passed: bool,
    detail: String,
    /// Whether this program cannot work where the test fails.
    fatal: bool,
}

fn self_tests(gpu: &Gpu) -> Result<Vec<Test>> {
    Ok(vec![arithmetic(gpu)?, long_loops(gpu)?])
}

/// A sum in workgroup memory behind barriers: does the driver run compute shaders at all?
fn arithmetic(gpu: &Gpu) -> Result<Test> {
    let got: Vec<f32> = probe(gpu, "arithmetic", include_str!("../../shaders/probes/arithmetic.wgsl"), 64)?;
    let wanted: Vec<f32> = (0..64).map(|i| (i * 2016) as f32).collect();
    let wrong = got.iter().zip(&wanted).filter(|(g, w)| g != w).count();
    let detail = format!("{} of 64 numbers right", 64 - wrong);
    Ok(Test { name: "compute with barriers", passed: wrong == 0, detail, fatal: true })
}

/// Some drivers end loops silently after 65 535 trips of one invocation.
fn long_loops(gpu: &Gpu) -> Result<Test> {
    let (asked, run) = (Gpu::TRIPS_ASKED, gpu.trips_run()?);
    let passed = !gpu.ends_long_loops();
    let detail = match passed {
        true => format!("a loop of {asked} trips ran them all"),
        false => format!(
            "a loop of {asked} trips ended after {run}: known of Mesa's lavapipe in Debian 12; kernels here stay below it"
        ),
    };
    Ok(Test { name: "long loops", passed, detail, fatal: false })
}

fn probe(gpu: &Gpu, label: &str, text: &'static str, count: usize) -> Result<Vec<f32>> {
    let result = gpu.storage("result", 4 * count as u64)?;
    let kernel = Kernel::link(gpu, label, &[Part::new(label, text)])?;
    let dispatch = kernel.bind(gpu, &[("result", &result)])?.workgroups(1);
    gpu.submit(&[dispatch], 1);
    gpu.read(&result, count)
}
