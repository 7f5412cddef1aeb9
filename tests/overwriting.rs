//! Nothing that exists is overwritten, and what cannot be written is known before anything expensive begins.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn program(arguments: &[&str], folder: &Path) -> Command {
    let mut command = common::program();
    command.current_dir(folder).args(arguments);
    command
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs in `folder`, and expects this exit code and these words on standard error.
fn expect(arguments: &str, folder: &Path, code: i32, parts: &[&str]) {
    let output = program(&arguments.split(' ').collect::<Vec<_>>(), folder).output().unwrap();
    let said = errors(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments}: {said}");
    assert!(parts.iter().all(|part| said.contains(part)), "{arguments}: no {parts:?} in {said}");
}

/// Every file below `folder` with its content.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(content(&path));
        } else {
            files.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    files
}

const TINY: &str = "--preset quick --width 4 --depth 1 --points pde=16 --steps 20 --quiet";
/// Whatever would need an adapter fails with 3: what fails otherwise was noticed before.
const NONE: &str = "--adapter none-of-that-name";

#[test]
fn what_exists_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let path = |name: &str| at.join(name);
    expect(&format!("run klein-gordon {TINY} --out run"), at, 0, &[]);
    std::fs::copy(path("run/model.safetensors"), path("m")).unwrap();
    std::fs::create_dir(path("mine")).unwrap();
    // names that a run would write
    std::fs::write(path("mine/history.csv"), "years of work").unwrap();
    std::fs::write(path("mine/model.safetensors"), "more of it").unwrap();
    std::fs::create_dir(path("study")).unwrap();
    std::fs::write(path("study/study.json"), r#"{"study": "core"}"#).unwrap();
    std::fs::write(path("study/table.md"), "the result").unwrap();
    std::fs::write(path("p"), "points").unwrap();
    std::fs::write(path("c.toml"), "seed = 3\n").unwrap();
    let before = content(at);
    for (line, parts) in [
        ("evaluate m --points p --out m", &["--out m is what is read from m"][..]),
        ("evaluate m --points p --out ./p", &["what is read from p"]),
        ("evaluate m --points p --out c.toml", &["c.toml exists", "not overwritten"]),
        ("gradients --problem klein-gordon --model m --points p --out run/../m", &["what is read"]),
        ("gradients --problem klein-gordon --model m --points p --out c.toml", &["not overwritten"]),
        ("bench --trace m", &["not overwritten", "--trace"]),
        ("bench --save c.toml", &["not overwritten", "--save"]),
        ("bench --roofline p --trace new", &["not overwritten", "--roofline"]),
        ("bench --roofline new --trace ./new", &["the same file"]),
        ("run klein-gordon --out run", &["already holds a run", "--force"]),
        ("run klein-gordon --out mine", &["no run of this program"]),
        ("run klein-gordon --out mine --force", &["no run of this program"]),
        ("run klein-gordon --out study --force", &["holds the study `core`"]),
        ("run klein-gordon --config c.toml --out . --force", &["c.toml is read, and lies in --out"]),
        ("study cost --out study", &["holds the study `core`", "--force"]),
        ("study core --out run --force", &["holds a run"]),
        ("study core --problems heat,heat --out new", &["two runs would be called heat-std-s19018"]),
        ("kernels cavity --out mine", &["holds files"]),
        ("study core --out mine --force", &["no study of this program"]),
    ] {
        expect(&format!("{line} {NONE}"), at, 2, parts);
        assert!(content(at) == before, "{line} changed something");
    }
    for line in [
        "evaluate m --points p --out none/out",
        "gradients --problem klein-gordon --model m --points p --out none/out",
        "bench --trace none/trace.json",
        "bench --save none/now.json",
        "bench --json none/now.json",
        "bench --roofline run",
        "run klein-gordon --out m/run",
        "study core --out m/study",
        "kernels cavity --out m/kernels",
    ] {
        expect(&format!("{line} {NONE}"), at, 7, &["cannot write"]);
        assert!(content(at) == before, "{line} changed something");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_that_cannot_be_written_is_known_at_once() {
    // nobody can write there, whoever runs this
    let proc = Path::new("/proc");
    for line in ["run klein-gordon", "run klein-gordon --out run", "study core", "study core --out study"] {
        expect(&format!("{line} {NONE}"), proc, 7, &["cannot write"]);
    }
}

/// What becomes full while one works; results that can still be printed are.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_exit_7() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let small = "bench --quick --samples 1 --quiet --save /dev/full";
    let output = program(&small.split(' ').collect::<Vec<_>>(), at).output().unwrap();
    assert!(
        output.status.code() == Some(7) && errors(&output).contains("cannot write /dev/full"),
        "{}",
        errors(&output)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("measured ceilings"));
    let trace = small.replace("--save", "--trace");
    expect(&trace, at, 7, &["cannot write /dev/full"]);
}

#[test]
fn force_removes_the_old_run_wholly_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let run = at.join("run");
    expect(&format!("run klein-gordon {TINY} --out run"), at, 0, &[]);
    std::fs::write(run.join("notes.txt"), "mine").unwrap();
    let old: Vec<PathBuf> = content(&run).into_keys().collect();
    assert!(old.iter().any(|file| file.ends_with("error.png")));
    // the new run ends before it writes results: nothing of the old one may stand beside it
    let mut forced = format!("run klein-gordon {TINY} --out run --force").replace(" --quiet", "");
    forced += " --seed 7";
    let mut command = program(&forced.split(' ').collect::<Vec<_>>(), at);
    let output = command.env("ACR_PINN_FAULT", "nan@3").output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", errors(&output));
    assert!(errors(&output).contains("notes.txt is not of this program and stays"), "{}", errors(&output));
    let left: Vec<_> = content(&run).into_keys().map(|file| file.file_name().unwrap().to_owned()).collect();
    assert_eq!(left, ["diagnostics.jsonl", "notes.txt", "report.html", "run.json"]);
}

/// The file of a problem belongs to its run, and goes with it; a file of the same name that does not is not replaced.
#[test]
fn the_next_run_is_not_of_the_problem_before() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let tiny = "--width 4 --depth 1 --steps 20 --quiet --out run";
    expect(&format!("run reaction-diffusion {tiny}"), at, 0, &[]);
    let kept: Value = serde_json::from_slice(&std::fs::read(at.join("run/run.json")).unwrap()).unwrap();
    let names: Vec<&str> = kept["files"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(names.contains(&"problem.toml") && names.iter().any(|name| name.ends_with(".csv")), "{names:?}");
    let data = *names.iter().find(|name| name.ends_with(".csv") && **name != "history.csv").unwrap();
    expect(&format!("run klein-gordon --preset quick {tiny} --force"), at, 0, &[]);
    assert!(!at.join("run/problem.toml").exists() && !at.join("run").join(data).exists());
    expect("resume run --steps 30 --quiet", at, 0, &[]);
    std::fs::write(at.join("run").join(data), "somebody else's").unwrap();
    expect(&format!("run reaction-diffusion {tiny} --force {NONE}"), at, 2, &[data, "choose another --out"]);
}

/// Tables of a part would replace those of the whole.
#[test]
fn a_smaller_request_does_not_replace_a_study() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let line = |more: &str| format!("study core --problems klein-gordon --conditions std {more} --out study {TINY}");
    expect(&line("--seeds 2"), at, 0, &[]);
    let before = content(at);
    expect(&line("--seeds 1"), at, 2, &["holds 1 runs of this study", "klein-gordon-std-s19019", "--force"]);
    assert!(content(at) == before);
    expect(&line("--seeds 1 --force"), at, 0, &[]);
    expect(&line("--seeds 3"), at, 0, &[]);
}

#[test]
fn a_forced_study_removes_the_other_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let shared = format!("--problems klein-gordon --conditions std --seeds 1 --out study {TINY}");
    expect(&format!("study core {shared}"), at, 0, &[]);
    std::fs::write(at.join("study/notes.txt"), "mine").unwrap();
    let cost = "--warmup 1 --timed 2 --widths 4 --depths 1 --sizes 16";
    let shared = shared.replace(" --width 4 --depth 1 --points pde=16", "");
    expect(&format!("study cost {cost} {shared}"), at, 2, &["holds the study `core`"]);
    expect(&format!("study cost {cost} {shared} --force"), at, 0, &[]);
    let runs: Vec<_> = std::fs::read_dir(at.join("study/runs")).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(runs.len() == 1 && runs[0].to_str().unwrap().contains("-w4-"), "{runs:?}");
    assert!(!at.join("study/figures/klein-gordon-error.png").exists() && at.join("study/notes.txt").exists());
}

/// The settings of a run decide whether its folder is taken; a summary is not replaced before that is known.
#[test]
fn a_refused_study_leaves_its_folder_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let shared = format!("study core --problems klein-gordon --conditions std --seeds 1 --out study {TINY}");
    expect(&shared, at, 0, &[]);
    let before = content(at);
    expect(&shared.replace("--steps 20", "--steps 30"), at, 2, &["other settings"]);
    assert!(content(at) == before);
    // where folders cannot be locked this file is, by every process that waits for the run
    let lock = at.join("study/runs/klein-gordon-std-s19018/.lock");
    std::fs::write(&lock, "").unwrap();
    expect(&format!("{} --force", shared.replace("--steps 20", "--steps 30")), at, 0, &[]);
    assert!(lock.exists() && !content(at).eq(&before));
}

#[test]
fn runs_that_begin_together_go_to_different_folders() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("run klein-gordon {TINY}");
    let start = || {
        let mut command = program(&line.split(' ').collect::<Vec<_>>(), folder.path());
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let children = [start(), start(), start()];
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let runs: Vec<_> = std::fs::read_dir(folder.path().join("runs")).unwrap().flatten().collect();
    assert_eq!(runs.len(), 3);
    for run in runs {
        let record: Value = serde_json::from_slice(&std::fs::read(run.path().join("run.json")).unwrap()).unwrap();
        assert_eq!(record["status"], "finished");
    }
}

#[test]
fn every_seed_is_a_seed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let line = |more: &str| format!("run klein-gordon {TINY} --out run {more}");
    expect(&line(&format!("--seed {} --seeds 2 {NONE}", u64::MAX)), at, 2, &["passes 18446744073709551615"]);
    expect(&line(&format!("--seeds 0 {NONE}")), at, 2, &["--seeds 0 is outside 1..10000"]);
    let study = format!("study core --problems klein-gordon --conditions std --out study {TINY}");
    expect(&format!("{study} --seed {} {NONE}", u64::MAX), at, 2, &["passes 18446744073709551615"]);
    expect(&line(&format!("--seed {}", u64::MAX)), at, 0, &[]);
    let record: Value = serde_json::from_slice(&std::fs::read(at.join("run/run.json")).unwrap()).unwrap();
    assert_eq!((&record["seeds"]["initial"], &record["final"]["step"]), (&u64::MAX.into(), &20.into()));
    expect(&format!("{study} --seeds 1 --seed {}", u64::MAX), at, 0, &[]);
    let summary: Value = serde_json::from_slice(&std::fs::read(at.join("study/summary.json")).unwrap()).unwrap();
    assert_eq!((&summary["finished"], &summary["runs_in_all"]), (&1.into(), &1.into()));
}
