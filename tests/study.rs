//! Studies through the binary: complete, killed and continued, extended, refused. All runs have the same tiny
//! kernels, and the parts follow each other, because compiling kernels is what takes time here.

mod common;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn study(name: &str, folder: &Path, more: &[&str]) -> Command {
    let mut command = common::program();
    command.args(["study", name, "--problems", "klein-gordon", "--preset", "quick", "--width", "4", "--depth", "1"]);
    command.args(["--points", "pde=16", "--points", "bc=8", "--points", "ic=8", "--out"]).arg(folder).args(more);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn expect(output: &Output, code: i32) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "stdout: {out}\nstderr: {err}");
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn studies_from_beginning_to_end() {
    let folder = tempfile::tempdir().unwrap();
    core(&folder.path().join("core"));
    killed_and_continued(&folder.path().join("killed"));
    measured(&folder.path().join("cost"));
    against_the_clock(&folder.path().join("race"));
    methods(&folder.path().join("methods"));
}

/// A whole study, its files, the same again, and other settings in the same folder.
fn core(folder: &Path) {
    let shared = ["--conditions", "std,gcr", "--seeds", "2", "--every", "10"];
    let asked = [&shared[..], &["--steps", "30"]].concat();
    expect(&study("core", folder, &asked).output().unwrap(), 0);
    let summary = json(&folder.join("summary.json"));
    assert_eq!((&summary["finished"], &summary["runs_in_all"]), (&4.into(), &4.into()));
    let comparison = &summary["analysis"]["comparisons"][0];
    assert_eq!((&comparison["reference"], &comparison["candidate"]), (&"std".into(), &"gcr".into()));
    assert_eq!(comparison["pairs"], 2);
    // paired seeds: both conditions of a seed begin with the same parameters on the same points
    let first_row = |run: &str| {
        let history = std::fs::read_to_string(folder.join("runs").join(run).join("history.csv")).unwrap();
        history.lines().nth(1).unwrap().to_owned()
    };
    assert_ne!(first_row("klein-gordon-std-s19018"), first_row("klein-gordon-std-s19019"));
    let seeds = |run: &str| json(&folder.join("runs").join(run).join("run.json"))["seeds"].clone();
    assert_eq!(seeds("klein-gordon-std-s19018"), seeds("klein-gordon-gcr-s19018"));
    let table = std::fs::read_to_string(folder.join("table.md")).unwrap();
    for part in ["| klein-gordon | std       | 2", "## Paired comparisons", "pde–bc"] {
        assert!(table.contains(part), "no `{part}` in {table}");
    }
    assert_eq!(std::fs::read_to_string(folder.join("summary.csv")).unwrap().lines().count(), 5);
    for picture in ["klein-gordon-error.png", "klein-gordon-loss.png"] {
        assert_eq!(&std::fs::read(folder.join("figures").join(picture)).unwrap()[..4], b"\x89PNG");
    }
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(
        page.contains("<svg ")
            && page.contains("All 4 runs finished")
            && !page.contains("http://")
            && !page.contains("<script")
    );

    let again = study("core", folder, &asked).output().unwrap();
    expect(&again, 0);
    assert_eq!(text(&again.stderr).matches("found finished").count(), 4, "{}", text(&again.stderr));
    assert_eq!(json(&folder.join("summary.json")), summary);

    let other = [&shared[..], &["--steps", "20"]].concat();
    let refused = study("core", folder, &other).output().unwrap();
    expect(&refused, 2);
    assert!(text(&refused.stderr).contains("--force"), "{}", text(&refused.stderr));
    let forced = [&other[..], &["--force", "--conditions", "std", "--seeds", "1"]].concat();
    // flags given twice are a mistake of the command line
    expect(&study("core", folder, &forced).output().unwrap(), 2);

    let listed =
        study("core", &folder.join("none"), &[&asked[..], &["--dry-run", "--json"]].concat()).output().unwrap();
    expect(&listed, 0);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 4);
    assert!(listed["estimate_s"]["all"].as_f64().unwrap() > 0.0);
    assert!(!folder.join("none").exists());
}

/// Killed with SIGKILL in the second run: the first is not repeated, the others are finished.
fn killed_and_continued(folder: &Path) {
    let asked = ["--conditions", "std", "--seeds", "3", "--every", "500", "--steps", "6000"];
    let mut child = study("core", folder, &asked).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let run = |seed: u64| folder.join(format!("runs/klein-gordon-std-s{seed}/run.json"));
    let deadline = Instant::now() + Duration::from_secs(300);
    while !run(19019).exists() {
        assert!(Instant::now() < deadline, "the second run did not begin in time");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let first = std::fs::read(run(19018)).unwrap();
    assert_eq!(json(&run(19018))["status"], "finished");
    assert!(!run(19020).exists() && !folder.join("summary.json").exists(), "killed too late to show anything");
    let continued = study("core", folder, &asked).output().unwrap();
    expect(&continued, 0);
    let progress = text(&continued.stderr);
    assert!(progress.contains("[1/3] klein-gordon-std-s19018: found finished"), "{progress}");
    assert!(progress.contains("[3/3] klein-gordon-std-s19020: relative L2"), "{progress}");
    assert!(std::fs::read(run(19018)).unwrap() == first, "the finished run was touched");
    let summary = json(&folder.join("summary.json"));
    assert_eq!((&summary["finished"], &summary["runs"][1]["steps"]), (&3.into(), &6000.into()));
    // the time of a run is known where it went through at once
    let known = summary["runs"].as_array().unwrap().iter().filter(|run| run["seconds"].is_number()).count();
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert_eq!(page.contains(&format!(" s for {known} of 3")), known < 3, "{known}");
}

fn measured(folder: &Path) {
    let asked = ["--conditions", "std", "--seeds", "2", "--widths", "4", "--depths", "1", "--sizes", "16"];
    expect(&study("cost", folder, &[&asked[..], &["--warmup", "2", "--timed", "5"]].concat()).output().unwrap(), 0);
    let summary = json(&folder.join("summary.json"));
    let size = &summary["analysis"]["sizes"][0];
    assert!(size["step_ms"].as_f64().unwrap() > 0.0 && size["bytes"].as_f64().unwrap() > 1000.0, "{size}");
    assert_eq!(summary["runs"][1]["measured"]["steps"], 5.0);
}

fn against_the_clock(folder: &Path) {
    let asked = ["--conditions", "std", "--seeds", "1", "--budget", "1.5"];
    expect(&study("equal-time", folder, &asked).output().unwrap(), 0);
    let run = &json(&folder.join("summary.json"))["runs"][0];
    let seconds = run["measured"]["seconds"].as_f64().unwrap();
    assert!((1.5..10.0).contains(&seconds) && run["steps"].as_u64().unwrap() > 0, "{run}");
    let history = std::fs::read_to_string(folder.join("runs/klein-gordon-std-s19018/history.csv")).unwrap();
    assert!(history.lines().next().unwrap().ends_with(",lr,seconds"), "{history}");
    // the rate has come down to its end, whatever the number of steps
    let last: Vec<&str> = history.lines().last().unwrap().split(',').collect();
    assert!(last[last.len() - 2].parse::<f64>().unwrap() < 1.2e-4, "{history}");
}

/// Two strategies against the clock: killed in the second run, continued, and what it says of the gradients.
fn methods(folder: &Path) {
    let asked = ["--networks", "mlp", "--strategies", "sum,config", "--seeds", "2", "--budget", "1", "--reach", "9"];
    let mut child = study("methods", folder, &asked).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let run = |label: &str, seed: u64| folder.join(format!("runs/klein-gordon-mlp+{label}-s{seed}"));
    let deadline = Instant::now() + Duration::from_secs(300);
    while !run("sum", 19019).join("run.json").exists() {
        assert!(Instant::now() < deadline, "the second run did not begin in time");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(json(&run("sum", 19019).join("run.json"))["status"], "running");
    let first = std::fs::read(run("sum", 19018).join("run.json")).unwrap();
    let continued = study("methods", folder, &asked).output().unwrap();
    expect(&continued, 0);
    let progress = text(&continued.stderr);
    assert_eq!(progress.matches("found finished").count(), 1, "{progress}");
    assert!(std::fs::read(run("sum", 19018).join("run.json")).unwrap() == first, "the finished run was touched");
    let summary = json(&folder.join("summary.json"));
    assert_eq!((&summary["finished"], &summary["runs_in_all"]), (&4.into(), &4.into()));
    for known in summary["runs"].as_array().unwrap() {
        // the whole budget, also for the run that was killed
        assert!(known["measured"]["seconds"].as_f64().unwrap() >= 1.0, "{known}");
        let folder = folder.join("runs").join(known["run"].as_str().unwrap());
        let by_hand = alignment(&folder.join("diagnostics.jsonl"));
        let alignment = known["conflicts"]["alignment"].as_f64().unwrap();
        assert!((alignment - by_hand).abs() < 1e-12, "{alignment} instead of {by_hand}: {known}");
        let rows = std::fs::read_to_string(folder.join("history.csv")).unwrap().lines().count() - 1;
        assert_eq!(std::fs::read_to_string(folder.join("diagnostics.jsonl")).unwrap().lines().count(), rows);
    }
    let choice = &summary["analysis"]["choices"][0];
    assert_eq!(
        (&choice["choice"], &choice["instead_of"], &choice["pairs"]),
        (&"config".into(), &"sum".into(), &2.into())
    );
    let table = std::fs::read_to_string(folder.join("table.md")).unwrap();
    assert!(table.contains("| klein-gordon | mlp+config | 2") && table.contains("| 9.00 "), "{table}");
    for picture in ["overview.png", "klein-gordon-time.png"] {
        assert_eq!(&std::fs::read(folder.join("figures").join(picture)).unwrap()[..4], b"\x89PNG");
    }
}

/// 2‖mean of the unit gradients‖² − 1 from their Gram matrix, averaged over the recorded steps.
fn alignment(diagnostics: &Path) -> f64 {
    let text = std::fs::read_to_string(diagnostics).unwrap();
    let scores: Vec<f64> = text
        .lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).unwrap();
            let tasks = row["gradient_norms"].as_array().unwrap().len();
            let mut gram = vec![1.0; tasks * tasks];
            for pair in row["cosines"].as_array().unwrap() {
                let [i, j] = [0, 1].map(|side| pair[side].as_u64().unwrap() as usize);
                (gram[i * tasks + j], gram[j * tasks + i]) = (pair[2].as_f64().unwrap(), pair[2].as_f64().unwrap());
            }
            let mean: f64 = gram.iter().sum::<f64>() / (tasks * tasks) as f64;
            2.0 * mean - 1.0
        })
        .collect();
    scores.iter().sum::<f64>() / scores.len() as f64
}

/// Tables without a number are no success.
#[test]
fn a_study_whose_runs_fail_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let mut failing = study("core", folder.path(), &["--conditions", "std", "--seeds", "2", "--steps", "5", "--json"]);
    let output = failing.args(["--memory", "1", "--points", "pde=100000"]).output().unwrap();
    // the points of the equation are given twice
    expect(&output, 2);
    let mut failing = common::program();
    failing.args(["study", "core", "--problems", "klein-gordon", "--preset", "quick", "--width", "4", "--depth", "1"]);
    failing.args(["--conditions", "std", "--seeds", "2", "--steps", "5", "--json", "--memory", "1"]);
    let output = failing.args(["--points", "pde=100000", "--out"]).arg(folder.path()).output().unwrap();
    expect(&output, 1);
    let said = text(&output.stderr);
    assert!(said.contains("2 of 2 runs failed") && said.contains("out of device memory"), "{said}");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["finished"], &document["runs"][0]["status"]), (&0.into(), &"failed".into()));
}

/// Runs that diverge are noted, whatever happened before; a study of nothing else has no result. Its log says what it does.
#[test]
fn a_study_whose_runs_diverge_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let asked = ["--conditions", "std", "--seeds", "2", "--steps", "20", "--every", "5", "--evaluate-every", "5"];
    let mut diverging = study("core", folder.path(), &asked);
    // the first run opens its device again and diverges; the second goes well
    let output = diverging.env("ACR_PINN_FAULT", "device-lost@5,nan@10").output().unwrap();
    expect(&output, 0);
    let said = text(&output.stderr);
    assert!(said.contains("[1/2] klein-gordon-std-s19018 0 % · compiling kernels: fused"), "{said}");
    let summary = json(&folder.path().join("summary.json"));
    assert_eq!(
        (&summary["runs"][0]["status"], &summary["runs"][1]["status"]),
        (&"diverged".into(), &"finished".into())
    );
    let other = folder.path().join("other");
    let one = ["--conditions", "std", "--seeds", "1", "--steps", "20", "--quiet"];
    let output = study("core", &other, &one).env("ACR_PINN_FAULT", "nan@10").output().unwrap();
    expect(&output, 1);
    assert!(text(&output.stderr).contains("all 1 runs diverged"), "{}", text(&output.stderr));
}

/// A study over problem files keeps its pictures to itself, wherever these lie, and one run that cannot be is not the end.
#[test]
fn problem_files_from_other_folders() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::create_dir(at.join("sub")).unwrap();
    let mut new = common::program();
    expect(&new.current_dir(at.join("sub")).args(["new", "mine", "--from", "heat", "--quiet"]).output().unwrap(), 0);
    let file = at.join("sub/mine.toml");
    let mut command = common::program();
    command.current_dir(at).args(["study", "core", "--conditions", "std", "--seeds", "1", "--steps", "20", "--quiet"]);
    command.args(["--width", "4", "--depth", "1", "--out", "study", "--problems"]).arg(&file);
    expect(&command.output().unwrap(), 0);
    let beside: Vec<_> = std::fs::read_dir(at.join("sub")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(beside, ["mine.toml"]);
    assert!(std::fs::read_dir(at.join("study/figures")).unwrap().count() >= 2);
    // a run of a study keeps its problem, as others do
    let mut resume = common::program();
    resume.current_dir(at).args(["resume", "study/runs/mine-std-s19018", "--steps", "25", "--quiet"]);
    expect(&resume.output().unwrap(), 0);
    let page = std::fs::read_to_string(at.join("study/runs/mine-std-s19018/report.html")).unwrap();
    assert!(page.contains("acr-pinn-gpu run problem.toml --preset file"));
}

/// Checkpoints that cannot be read may be readable tomorrow: the run fails, they stay, and the next run goes on.
#[test]
fn a_study_keeps_checkpoints_that_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let asked = ["--conditions", "std", "--seeds", "2", "--steps", "200000", "--every", "200"];
    let mut child = study("core", folder.path(), &asked).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let checkpoints = folder.path().join("runs/klein-gordon-std-s19018/checkpoints");
    let listed = || -> Vec<_> {
        let found = std::fs::read_dir(&checkpoints).into_iter().flatten().flatten();
        found.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "safetensors")).collect()
    };
    let deadline = Instant::now() + Duration::from_secs(300);
    while listed().is_empty() {
        assert!(Instant::now() < deadline, "no checkpoint in time");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let damaged = listed();
    damaged.iter().for_each(|path| std::fs::write(path, "half a file").unwrap());
    // in the second run, since the first does not begin
    let mut again = study("core", folder.path(), &asked);
    let output = again.env("ACR_PINN_FAULT", "nan@5").output().unwrap();
    expect(&output, 1);
    let said = text(&output.stderr);
    assert!(said.contains("no valid checkpoint to continue from"), "{said}");
    assert!(said.contains("[2/2] klein-gordon-std-s19019: loss `pde` is NaN at step 5"), "{said}");
    // a run that failed at once says nothing about how long the others take
    assert!(!said.contains(" left ·"), "{said}");
    for path in &damaged {
        assert_eq!(std::fs::read(path).unwrap(), b"half a file");
    }
    assert_eq!(json(&folder.path().join("runs/klein-gordon-std-s19018/run.json"))["status"], "failed");
}

/// A study that is told to stop does not wait for a compiler, and goes on where it was.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_compilation() {
    use std::io::{BufRead, BufReader};

    let folder = tempfile::tempdir().unwrap();
    let mut command = common::program();
    command.args(["study", "core", "--problems", "cavity", "--preset", "quick", "--conditions", "std", "--seeds", "1"]);
    command.args(["--steps", "1", "--out"]).arg(folder.path()).env("MESA_SHADER_CACHE_DISABLE", "true");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("compiling kernels")));
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let last = said.last().unwrap_or_default();
    assert!(last.contains("stopped with 1 of 1 runs left: continue with the same command"), "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(json(&folder.path().join("summary.json"))["finished"], 0);
    expect(&command.output().unwrap(), 0);
    assert_eq!(json(&folder.path().join("summary.json"))["finished"], 1);
}

#[test]
fn wrong_requests_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str], &str); 12] = [
        ("cor", &[], "did you mean `core`"),
        ("core", &["--conditions", "std,acrr"], "did you mean `acr`"),
        ("core", &["--condition", "acr"], "use --conditions"),
        ("core", &["--seeds", "0"], "--seeds 0"),
        ("cost", &["--timed", "0"], "--timed must be at least 1"),
        ("equal-time", &["--budget", "-1"], "--budget"),
        ("robustness", &["--rates", "100"], "--rate 100"),
        ("methods", &["--strategies", "sum,pcgrd"], "did you mean `pcgrad`"),
        ("methods", &["--network", "lda"], "use --networks"),
        ("methods", &["--conditions", "std"], "belongs to core"),
        ("methods", &["--reach", "0"], "--reach 0"),
        ("core", &["--strategies", "sum"], "belongs to methods"),
    ];
    for (name, more, part) in cases {
        let output = study(name, folder.path(), more).output().unwrap();
        expect(&output, 2);
        assert!(text(&output.stderr).contains(part), "{name} {more:?}: {}", text(&output.stderr));
    }
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "a refused study left something behind");
}
