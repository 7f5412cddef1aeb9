//! Timings: a measurement on this adapter as the program makes it, the ceilings it is held against, and that a wrong
//! kernel is not timed.

mod common;

use std::path::Path;
use std::time::Duration;

use acr_pinn_gpu::kernels::{self, Setup, Tile, work};
use acr_pinn_gpu::lab::bench::{self, Protocol};
use acr_pinn_gpu::lab::ladder::Wanted;
use acr_pinn_gpu::lab::steps::SMALL;
use acr_pinn_gpu::lab::timing::{Document, Row, Verdict};
use acr_pinn_gpu::lab::trace::Trace;
use acr_pinn_gpu::lab::{Case, probe};
use acr_pinn_gpu::math::Variant;
use acr_pinn_gpu::{networks, problems};
use serde_json::json;

#[test]
fn ceilings_are_measured_in_seconds_and_confirmed() {
    let ceilings = probe::measure(&common::gpu()).unwrap();
    assert!(ceilings.remarks.is_empty(), "{:?}", ceilings.remarks);
    // the slowest processor has a tenth of this, the fastest card not ten times the larger numbers
    assert!((0.05..1e6).contains(&ceilings.gflops.unwrap()), "{ceilings:?}");
    assert!((0.005..1e5).contains(&ceilings.gbs.unwrap()), "{ceilings:?}");
}

/// A driver that ends loops early would give a ceiling out of nothing.
#[test]
fn a_probe_with_wrong_numbers_gives_no_ceiling() {
    let gpu = common::gpu().with_slip("trip < TRIPS", "trip < TRIPS / 2u");
    let ceilings = probe::measure(&gpu).unwrap();
    assert!(ceilings.gflops.is_none() && ceilings.gbs.is_some(), "{ceilings:?}");
    assert!(ceilings.remarks[0].contains("no ceiling of arithmetic"), "{ceilings:?}");
    let gpu = common::gpu().with_slip("slab_vector(i) + vec4f(1.0", "slab_vector(i) + vec4f(1.5");
    let ceilings = probe::measure(&gpu).unwrap();
    assert!(ceilings.gflops.is_some() && ceilings.gbs.is_none(), "{ceilings:?}");
}

/// The program itself: every file it writes is what it should be.
#[test]
fn a_quick_measurement_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, trace, picture) = (path("a.json"), path("trace.json"), path("roofline.png"));
    let wanted = ["bench", "klein-gordon", "--quick", "--plain", "--quiet", "--format", "md"];
    let files = ["--save", &json, "--trace", &trace, "--roofline", &picture];
    let output = common::program().args(wanted).args(files).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && err.is_empty(), "{out}\n{err}");
    assert!(out.contains("| fused ") && out.contains("measured ceilings"), "{out}");

    let document = Document::parse(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(document.rows.len(), kernels::ALL.len());
    for row in &document.rows {
        assert_eq!(row.verdict, Verdict::Valid, "{}", row.reason);
        assert_eq!(row.samples_us.len(), bench::FEWEST);
        let summary = row.summary().unwrap();
        assert!(summary.p10_us <= summary.median_us && summary.median_us <= summary.p90_us);
        assert!(row.host_us < summary.median_us && row.compile_s > 0.0 && row.memory_bytes > 0);
        assert!(row.worst_error.unwrap() < row.error_limit.unwrap());
        let dispatches: usize = row.kernels.iter().map(|kernel| kernel.dispatches).sum();
        assert_eq!(dispatches, row.dispatches);
        assert!(row.kernels.iter().all(|kernel| kernel.us > 0.0 && kernel.bytes > 0));
        let flop: f64 = row.kernels.iter().filter_map(|kernel| kernel.flop).sum();
        assert!((flop - row.flop).abs() <= 1e-9 * row.flop, "{}: {flop} of {}", row.plan, row.flop);
    }
    let trace: serde_json::Value = serde_json::from_slice(&std::fs::read(&trace).unwrap()).unwrap();
    let named = |name: &str| trace["traceEvents"].as_array().unwrap().iter().any(|event| event["name"] == name);
    assert!((named("fused (equation)") || named("fused (all terms)")) && named("reduce") && named("step 0"));
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
}

/// One sample of each rung of a small step.
fn measure(problem: &str, open: bench::Open, wanted: &Wanted) -> Vec<Row> {
    let (problem, network) = (problems::find(problem).unwrap(), networks::find("mlp").unwrap());
    let setup = Setup { orders: None, ..Case::new(problem, network, Variant::V2, [4, 1], &[16]).setup() };
    let protocol = Protocol { samples: 1, limit: Duration::ZERO, warmup: Duration::ZERO, tile: Some(Tile::Gpu(SMALL)) };
    bench::run(open, true, &setup, wanted, &protocol, &mut Trace::default(), &mut |_| true).unwrap()
}

/// Changes that make no step are rows that say why, and do not stop the others.
#[test]
fn a_rung_that_cannot_be_built_says_why() {
    let wanted = Wanted { with: vec!["lanes=1".into()], plans: vec!["fused".into()], plain: false };
    let rows = measure("schrodinger", &|_| Ok(common::gpu()), &wanted);
    let verdicts: Vec<Verdict> = rows.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Verdict::Valid, Verdict::Failed], "{}", rows[0].reason);
    assert!(rows[1].reason.contains("make it even"), "{}", rows[1].reason);
    assert!(rows[0].summary().is_some() && rows[1].summary().is_none());
}

/// No time without a right result: one factor in an adjoint is enough.
#[test]
fn a_wrong_kernel_is_not_timed() {
    let slip = |_| Ok(common::gpu().with_slip("3.0 * r_bar.x * (f_u * f_u)", "2.9 * r_bar.x * (f_u * f_u)"));
    let wanted = Wanted { plain: true, ..Wanted::default() };
    for row in measure("klein-gordon", &slip, &wanted) {
        assert_eq!(row.verdict, Verdict::Invalid);
        assert!(row.reason.contains("`pde` row"), "{}", row.reason);
        assert!(row.samples_us.is_empty() && row.kernels.is_empty() && row.worst_error > row.error_limit);
    }
}

/// A document of one row, as far as `compare` looks, with steps of `us` microseconds and a little spread.
fn stored(folder: &Path, name: &str, us: f64) -> String {
    let samples: Vec<f64> = (0..8).map(|k| us * (1.0 + 0.001 * f64::from(k % 3))).collect();
    let document = json!({
        "schema": 1, "kind": "acr-pinn-gpu bench", "version": "0", "commit": null, "wgpu": "30", "os": "none",
        "adapter": {"name": name, "backend": "vulkan", "kind": "other", "driver": "", "driver_info": "", "vendor": 0, "device": 0},
        "ceilings": {"gflops": null, "gbs": null, "seconds": 0.0},
        "rows": [{"problem": "cavity", "network": "lda", "variant": "v2", "strategy": "pcgrad", "width": 50, "depth": 4,
            "points": {"pde": 1000}, "sampling": "fixed", "plan": "fused", "change": "", "checked": false, "tile": {},
            "verdict": "VALID", "worst_error": 1e-6, "error_limit": 1e-4, "compile_s": 1.0, "memory_bytes": 1,
            "dispatches": 6, "steps_per_submit": 1, "host_us": 1.0, "device_us": null, "flop": 1e9,
            "samples_us": samples, "guard": vec![1.0; 8], "kernels": []}],
    });
    let path = folder.join(format!("{name}.json"));
    std::fs::write(&path, document.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn comparisons_have_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let [a, same, slow] =
        [("a", 100.0), ("same", 100.1), ("slow", 104.0)].map(|(name, us)| stored(folder.path(), name, us));
    let odd = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let card = odd("card.json", r#"{"kind": "acr-pinn-gpu verify", "schema": 1}"#);
    let old = odd("old.json", r#"{"kind": "acr-pinn-gpu bench", "schema": 0}"#);
    let cut = odd("cut.json", &std::fs::read_to_string(&a).unwrap()[..300]);
    let wrong = odd("wrong.json", &std::fs::read_to_string(&a).unwrap().replace("\"VALID\"", "\"INVALID\""));
    let step = odd("step.json", r#"{"kind": "acr-pinn-gpu step", "schema": 1}"#);
    let cases: [(&[&str], i32, &str); 15] = [
        (&[&a, &same], 0, "SAME"),
        (&[&a, &slow], 0, "SLOWER"),
        (&[&slow, &a, "--fail-on", "slower"], 0, "FASTER"),
        (&[&a, &same, &slow, "--fail-on", "slower"], 1, "1 comparisons fail"),
        (&[&a, &slow, "--fail-on", "slower:5%"], 0, "1 slower"),
        (&[&wrong, &same], 0, "AMBIGUOUS"),
        (&[&wrong, &same, "--fail-on", "slower"], 1, "--fail-on cannot say anything"),
        (&[&a, &card], 4, "`acr-pinn-gpu verify`"),
        (&[&a, &old], 4, "measure again"),
        (&[&a, &cut], 4, "not a result of `bench`"),
        (&[&a, &slow, "--fail-on", "faster"], 2, "slower:5%"),
        (&[&a], 2, "one file alone"),
        (&["--table", &slow, &a], 0, "| a       | –      | acr-pinn-gpu 0, none | fused | 100 "),
        (&["--table", &wrong], 1, "INVALID"),
        (&["--table", &step], 4, "`acr-pinn-gpu step`"),
    ];
    for (arguments, code, part) in cases {
        let output = common::program().arg("compare").args(arguments).output().unwrap();
        let text = [&output.stdout[..], &output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(output.status.code() == Some(code) && text.contains(part), "{arguments:?}: {text}");
    }
}

fn setup(problem: &str, network: &str, size: [usize; 2], counts: &[usize]) -> Setup<'static> {
    Case::new(problems::find(problem).unwrap(), networks::find(network).unwrap(), Variant::V2, size, counts).setup()
}

/// Klein–Gordon, LDA 4×50: by hand, square maps 3·W + 4·(3 G + 1 H) of 50×50 and an output row, and the maps of
/// two coordinates: W once, U and V four times. 10 000 points with four streams come to 11.4 GFLOP.
#[test]
fn the_count_is_that_by_hand() {
    let kg = setup("klein-gordon", "lda", [50, 4], &[10_000, 200, 200]);
    let pde = 6.0 * (19.0 * 2500.0 + 50.0) * 4.0 + 4.0 * 9.0 * 100.0;
    assert_eq!(work::flop(&kg, |term| term == 0), 10_000.0 * pde);
    assert!((work::flop(&kg, |term| term == 0) / 1e9 - 11.4).abs() < 0.05);
    // bc and ic with values, ic_t with a value and its slope: 1 + 1 + 2 streams on 200 points each
    let conditions = 6.0 * (19.0 * 2500.0 + 50.0) * 4.0 + 3.0 * 4.0 * 9.0 * 100.0;
    assert_eq!(work::flop(&kg, |term| term > 0), 200.0 * conditions);
    assert_eq!(work::flop(&kg, |_| true), work::flop(&kg, |term| term == 0) + work::flop(&kg, |term| term > 0));
}

/// MLP 2×10 with two outputs and eight streams; and pairs count twice, in each of their sets.
#[test]
fn outputs_streams_and_pairs_count() {
    let cavity = setup("cavity", "mlp", [10, 2], &[7]);
    let pde = 6.0 * (100.0 + 20.0) * 8.0 + 4.0 * 20.0;
    assert_eq!(work::flop(&cavity, |term| term == 0), 7.0 * pde);
    let schrodinger = setup("schrodinger", "mlp", [10, 1], &[5]);
    let boundary = 6.0 * 20.0 * 2.0 + 4.0 * 20.0;
    assert_eq!(work::flop(&schrodinger, |term| term == 1), 10.0 * boundary);
}

/// `--json` prints, whatever follows it; its old form, the name of a file, still works and says what to write instead.
#[test]
fn json_is_printed_and_files_are_named_by_save() {
    let folder = tempfile::tempdir().unwrap();
    let call = |arguments: &[&str]| {
        let small = ["bench", "--quick", "--samples", "1"];
        common::program().current_dir(folder.path()).args(small).args(arguments).output().unwrap()
    };
    let output = call(&["--json", "klein-gordon", "--quiet"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let document = Document::parse(&output.stdout).unwrap();
    // --quick is quick: one plan as it comes
    assert_eq!((document.rows.len(), &*document.rows[0].problem), (1, "klein-gordon"));
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "a file was written");
    let output = call(&["--json", "a.json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("--save a.json"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("measured ceilings"));
    Document::parse(&std::fs::read(folder.path().join("a.json")).unwrap()).unwrap();
    for (arguments, part) in [
        (&["--json", "b.json", "--save", "c.json"][..], "the file is named by --save"),
        (&["--json", "--format", "md"], "choose one of them"),
        (&["--json", "a.json"], "a.json exists and is not overwritten"),
        (&["--json", "cavty"], "did you mean `cavity`"),
    ] {
        let output = call(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(part), "{arguments:?}");
    }
    // a prediction is a document too, and goes to no file
    let predict = |more: &str| {
        let words = ["bench", "klein-gordon", "--model", "--preset", "quick"];
        common::program().current_dir(folder.path()).args(words).args(more.split(' ')).output().unwrap()
    };
    assert_eq!(predict("--save b.json").status.code(), Some(2));
    assert!(serde_json::from_slice::<serde_json::Value>(&predict("--json").stdout).unwrap().is_object());
}

#[cfg(unix)]
#[test]
fn a_stopped_measurement_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let kept = (1..6).find_map(|turn| {
        let file = folder.path().join(format!("{turn}.json"));
        let mut command = common::program();
        command.args([
            "bench",
            "klein-gordon",
            "--preset",
            "quick",
            "--condition",
            "std",
            "--width",
            "4",
            "--depth",
            "1",
        ]);
        command.args(["--plan", "fused", "--plain", "--no-tune", "--samples", "10000", "--seconds", "3600", "--quiet"]);
        let mut child = command.arg("--save").arg(&file).stdout(std::process::Stdio::null()).spawn().unwrap();
        // compiling may take any time; the samples after it take longer than this test
        std::thread::sleep(Duration::from_secs(6 * turn));
        let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        let document = Document::parse(&std::fs::read(&file).unwrap()).unwrap();
        document.rows.first().map(|row| row.samples_us.len())
    });
    assert!(kept.is_some_and(|samples| (1..10_000).contains(&samples)), "{kept:?}");
}
