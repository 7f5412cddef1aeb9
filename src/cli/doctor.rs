//! `doctor`: what there is to compute on, what would be chosen and why, and whether it computes.

use acr_pinn_gpu::error::Result;
use acr_pinn_gpu::gpu::{Adapters, Gpu, Kernel, Part};
use serde_json::json;

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

/// Environment variables that change which adapter answers or how.
const OVERRIDES: [&str; 7] = [
    "ACR_PINN_ADAPTER",
    "ACR_PINN_BACKEND",
    "ACR_PINN_DUMP_SHADERS",
    "VK_DRIVER_FILES",
    "VK_ICD_FILENAMES",
    "MESA_SHADER_CACHE_DISABLE",
    "LP_NUM_THREADS",
];

/// Reports; exit code 0 when the chosen adapter passes its self-test, 1 when it does not, 3 without any.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    let adapters = Adapters::enumerate(args.adapter.backend.as_deref())?;
    let chosen = adapters.choose(args.adapter.adapter.as_deref())?;
    let gpu = args.adapter.open(true)?;
    let tests = self_tests(&gpu)?;
    let passed = tests.iter().all(|t| t.passed || !t.fatal);
    let overrides: Vec<(&str, String)> =
        OVERRIDES.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?))).collect();
    if args.json {
        let list: Vec<_> = adapters
            .records()
            .into_iter()
            .enumerate()
            .map(|(i, record)| {
                let (limits, features) = adapters.details(i);
                let limits: serde_json::Map<_, _> = limits.into_iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
                json!({"record": record, "limits": limits, "features": features, "number": i, "chosen": i == chosen.index})
            })
            .collect();
        let tests: Vec<_> = tests
            .iter()
            .map(|t| json!({"name": t.name, "passed": t.passed, "detail": t.detail, "fatal": t.fatal}))
            .collect();
        let overrides: serde_json::Map<_, _> = overrides.into_iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
        output::json(
            &json!({"schema": 1, "adapters": list, "overrides": overrides, "self_tests": tests, "passed": passed,
                "choice": {"number": chosen.index, "reason": chosen.reason, "remark": chosen.remark}}),
        );
        return Ok(u8::from(!passed));
    }
    let mut text = String::new();
    for (i, record) in adapters.records().iter().enumerate() {
        let mark = if i == chosen.index { "→" } else { " " };
        let pci = if record.pci.is_empty() { String::new() } else { format!(" · PCI {}", record.pci) };
        text += &format!("{mark} #{i} {} · {} · {}{pci}\n", record.name, record.kind, record.backend);
        text += &format!("    driver {} {}\n", record.driver, record.driver_info);
        let (limits, features) = adapters.details(i);
        for (name, value) in limits {
            text += &format!("    {name:<42} {value}\n");
        }
        text += &format!(
            "    features: {}\n",
            if features.is_empty() { "none of those used".to_owned() } else { features.join(", ") }
        );
    }
    text += &format!("chosen: #{}, {}\n", chosen.index, chosen.reason);
    if let Some(remark) = &chosen.remark {
        text += &format!("        {remark}\n");
    }
    for (name, value) in overrides {
        text += &format!("in force: {name}={value}\n");
    }
    for test in &tests {
        let verdict = if test.passed {
            "ok    "
        } else if test.fatal {
            "FAILED"
        } else {
            "defect"
        };
        text += &format!("{verdict} {}: {}\n", test.name, test.detail);
    }
    output::print(&text);
    Ok(u8::from(!passed))
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
