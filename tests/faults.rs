//! Whatever happens to a run, it ends with the bytes of a run that was left alone: killed processes, signals,
//! devices that are lost, numbers that are not finite, disks that do not take a checkpoint. The faults are made by
//! `ACR_PINN_FAULT`; `scripts/endurance.sh` is the long version of the kills.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A tiny network, with random points and orders in every step, a checkpoint every ten steps and a row of the
/// history every fifty.
const TINY: [&str; 13] = [
    "klein-gordon",
    "--preset",
    "quick",
    "--width",
    "4",
    "--depth",
    "1",
    "--points",
    "pde=16",
    "--every",
    "10",
    "--evaluate-every",
    "50",
];

fn program(arguments: &[&str]) -> Command {
    let mut command = common::program();
    command.args(arguments);
    command
}

fn command(steps: &str, folder: &Path, more: &[&str]) -> Command {
    let mut command = program(&["run"]);
    command.args(TINY).args(["--steps", steps, "--out"]).arg(folder).args(more);
    command
}

fn resume(folder: &Path) -> Command {
    let mut command = program(&["resume"]);
    command.arg(folder);
    command
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn expect(command: &mut Command, code: i32, parts: &[&str]) {
    let output = command.output().unwrap();
    let text = errors(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {text}");
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

fn record(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("run.json")).unwrap()).unwrap()
}

fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("checkpoints")).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// All that a run leaves of its course.
#[derive(Debug, PartialEq)]
struct Traces {
    files: Vec<Vec<u8>>,
    trajectory: Value,
}

fn traces(folder: &Path) -> Traces {
    let names = ["model.safetensors", "history.csv", "diagnostics.jsonl"];
    let files = names.map(|name| std::fs::read(folder.join(name)).unwrap()).into();
    let record = record(folder);
    assert_eq!(record["status"], "finished");
    Traces { files, trajectory: record["trajectory"].clone() }
}

fn same(got: &Traces, wanted: &Traces, what: &str) {
    assert_eq!(got.trajectory, wanted.trajectory, "{what}: another trajectory");
    assert!(got == wanted, "{what}: other bytes in a file");
}

/// The run that is left alone.
fn undisturbed(folder: &Path, steps: &str) -> Traces {
    let whole = folder.join("whole");
    expect(&mut command(steps, &whole, &["--quiet"]), 0, &[]);
    traces(&whole)
}

/// Waits until the run in `folder` has written a checkpoint that is not in `known`, or has ended.
fn wait_for_checkpoint(child: &mut Child, folder: &Path, known: &[PathBuf]) {
    let deadline = Instant::now() + Duration::from_secs(120);
    let arrived = || {
        checkpoints(folder)
            .iter()
            .any(|file| file.extension().is_some_and(|e| e == "safetensors") && !known.contains(file))
    };
    while !arrived() && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "no checkpoint after two minutes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn kills_leave_nothing_that_resume_cannot_use() {
    killed_and_resumed("600", "adam");
    // checkpoints with covariances and bases
    killed_and_resumed("300", "soap");
}

/// Once in hundreds of kills: the last checkpoint was on the disk, and the history had not followed.
#[test]
fn the_last_rows_come_with_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = undisturbed(folder.path(), "40");
    let run = folder.path().join("whole");
    let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
    let (earlier, _) = history.trim_end().rsplit_once('\n').unwrap();
    std::fs::write(run.join("history.csv"), format!("{earlier}\n")).unwrap();
    std::fs::remove_file(run.join("model.safetensors")).unwrap();
    let mut record = record(&run);
    record["status"] = "running".into();
    std::fs::write(run.join("run.json"), record.to_string()).unwrap();
    expect(&mut resume(&run), 0, &[]);
    same(&traces(&run), &wanted, "at its end");
}

/// Another optimiser would not know what the first one has left.
#[test]
fn a_run_goes_on_with_its_own_optimiser() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    expect(&mut command("20", &run, &["--optimiser", "soap"]), 0, &[]);
    let mut record = record(&run);
    let settings = record["configuration"].as_object_mut().unwrap();
    for key in ["optimiser", "betas", "frequency"] {
        settings.remove(key).unwrap();
    }
    std::fs::write(run.join("run.json"), record.to_string()).unwrap();
    let said = ["other settings than the checkpoints", "optimiser — instead of \"soap\""];
    expect(resume(&run).args(["--steps", "30"]), 4, &said);
}

fn killed_and_resumed(steps: &str, optimiser: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (broken, whole) = (folder.path().join("broken"), folder.path().join("whole"));
    let chosen = ["--optimiser", optimiser];
    expect(command(steps, &whole, &chosen).arg("--quiet"), 0, &[]);
    let wanted = traces(&whole);
    let mut killed = 0;
    for turn in 0..6_u64 {
        let known = checkpoints(&broken);
        let mut child =
            if broken.join("run.json").exists() { resume(&broken) } else { command(steps, &broken, &chosen) };
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for_checkpoint(&mut child, &broken, &known);
        // not always at the same place between two checkpoints
        std::thread::sleep(Duration::from_millis(turn * 7));
        child.kill().unwrap();
        killed += i32::from(child.wait().unwrap().code().is_none());
        let _: Value = record(&broken);
    }
    assert!(killed > 0, "every process had ended before it was killed");
    let output = resume(&broken).output().unwrap();
    assert!(output.status.success() && !errors(&output).contains("damaged"), "{}", errors(&output));
    same(&traces(&broken), &wanted, "after kills");
    let left: Vec<_> =
        checkpoints(&broken).into_iter().filter(|file| file.extension().is_some_and(|e| e == "tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Fault, exit code, what is said.
const FAULTS: [(&str, i32, &[&str]); 8] = [
    ("device-lost@33", 0, &["the device was lost", "continuing from step 30"]),
    ("device-lost@1,device-lost@2,device-lost@3,device-lost@44", 6, &["for the 4th time", "continues from step 40"]),
    ("device-gone@33", 6, &["cannot be opened again", "continues from step 30"]),
    ("nan@33", 5, &["loss `pde` is NaN at step 33", "step 30 is kept", "--on-nan rollback"]),
    ("short-write@3,short-write@4", 7, &["step-00000030.safetensors", "bytes arrived"]),
    ("enospc@3,enospc@4", 7, &["step-00000030.safetensors", "no space left"]),
    ("rename@3", 7, &["step-00000030.safetensors", "renamed"]),
    ("kill@3", -1, &[]),
];

#[test]
fn after_every_fault_the_run_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = undisturbed(folder.path(), "80");
    for (number, (fault, code, parts)) in FAULTS.iter().enumerate() {
        let run = folder.path().join(number.to_string());
        let mut command = command("80", &run, &[]);
        command.env("ACR_PINN_FAULT", fault);
        if *code == -1 {
            assert_eq!(command.output().unwrap().status.code(), None, "{fault}: not killed");
        } else {
            expect(&mut command, *code, parts);
        }
        if *code != 0 {
            let status = match code {
                -1 => "running",
                5 => "diverged",
                _ => "failed",
            };
            assert_eq!(record(&run)["status"], status, "{fault}");
            assert!(!checkpoints(&run).is_empty(), "{fault}: nothing was kept");
            expect(&mut resume(&run), 0, &["resume:  from step"]);
        } else {
            assert_eq!(record(&run)["events"][0]["kind"], "device lost");
        }
        same(&traces(&run), &wanted, fault);
    }
}

#[test]
fn a_rollback_halves_the_rate_and_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let once = folder.path().join("once");
    let mut rolled = command("80", &once, &["--on-nan", "rollback"]);
    expect(rolled.env("ACR_PINN_FAULT", "nan@33"), 0, &["loss `pde` is NaN at step 33", "back to step 30"]);
    let record = record(&once);
    let event = &record["events"][0];
    assert_eq!((&event["kind"], &event["rate_factor"]), (&Value::from("rollback"), &Value::from(0.5)));
    let rates = |folder: &Path| -> Vec<f64> {
        let text = std::fs::read_to_string(folder.join("history.csv")).unwrap();
        text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
    };
    let undisturbed = folder.path().join("undisturbed");
    expect(&mut command("80", &undisturbed, &["--quiet"]), 0, &[]);
    for (half, whole) in rates(&once).iter().zip(rates(&undisturbed)) {
        assert!((half / whole - 0.5).abs() < 1e-6, "{half} is not half of {whole}");
    }
    // at the same place again and again it gives up
    let often = folder.path().join("often");
    let mut rolled = command("80", &often, &["--on-nan", "rollback"]);
    expect(rolled.env("ACR_PINN_FAULT", "nan@33,nan@33,nan@33,nan@33"), 5, &["after 3 rollbacks", "step 30 is kept"]);
}

#[test]
fn memory_that_does_not_suffice_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let large = TINY.map(|word| if word == "pde=16" { "pde=100000" } else { word });
    let mut command = program(&["run"]);
    command.args(large).args(["--steps", "10", "--memory", "1", "--out"]).arg(folder.path().join("run"));
    expect(&mut command, 6, &["out of device memory", "needs", "in use", "--memory allows 1.0 MiB", "--points pde=N"]);
}

#[cfg(unix)]
fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn signals_stop_between_two_steps_and_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = undisturbed(folder.path(), "1000");
    let run = folder.path().join("broken");
    // under `nohup` the last one is not heard, which `tests/streams.rs` tests
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    let heard = if ignored.unwrap_or(0) & 1 == 1 { 2 } else { 3 };
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)].into_iter().take(heard) {
        let known = checkpoints(&run);
        let mut starting = if run.exists() { resume(&run) } else { command("1000", &run, &[]) };
        let mut child = starting.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for_checkpoint(&mut child, &run, &known);
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", errors(&output));
        assert!(errors(&output).contains("finishing step"), "{}", errors(&output));
        assert_eq!(record(&run)["status"], "interrupted");
    }
    expect(&mut resume(&run), 0, &[]);
    same(&traces(&run), &wanted, "after signals");
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_the_program_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let ended_at_once = (0..5).any(|turn| {
        let run = folder.path().join(turn.to_string());
        let mut child = command("1000000", &run, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for_checkpoint(&mut child, &run, &[]);
        // both before the program has a chance to react to the first; which thread takes which is up to the system
        ["-STOP", "-INT", "-TERM", "-CONT"].iter().for_each(|signal| send(signal, &child));
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(130 | 143)), "{code:?}");
        expect(&mut resume_to(&run, "1"), 2, &["--steps 1: the run is at step"]);
        record(&run)["status"] == "running"
    });
    assert!(ended_at_once, "it took the time to finish");
}

/// Nobody waits for a compiler: the run ends before its first step, and begins there.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_compilation() {
    use std::io::{BufRead, BufReader};

    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let cavity = ["run", "cavity", "--preset", "quick", "--steps", "1", "--out"];
    let mut starting = program(&cavity);
    starting.arg(&run).env("MESA_SHADER_CACHE_DISABLE", "true");
    let mut child = starting.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("compiling kernels")));
    send("-INT", &child);
    let last = said.last().unwrap_or_default();
    assert!(last.contains("stopped while kernels were compiled: continue with `acr-pinn-gpu resume"), "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let stopped = record(&run);
    assert_eq!((&stopped["status"], &stopped["final"]), (&"interrupted".into(), &Value::Null));
    expect(&mut resume(&run), 0, &["from step 0 of 1"]);
}

/// A shell that loses its terminal says so to its jobs, and the system says it once more.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_lost_may_say_so_twice() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    // heard, however this test was started
    let hears = "trap - HUP 2>/dev/null; exec \"$@\"";
    let mut child = Command::new("sh");
    let command = command("1000000", &run, &[]);
    child.args(["-c", hears, "sh"]).arg(command.get_program()).args(command.get_args());
    let mut child = child.env("ACR_PINN_CACHE", "").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for_checkpoint(&mut child, &run, &[]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ["-STOP", "-HUP", "-CONT", "-HUP"].iter().for_each(|signal| send(signal, &child));
    if ignored.unwrap_or(0) & 1 == 1 {
        // a shell cannot hear what it was started to ignore: `nohup`
        send("-KILL", &child);
        child.wait().unwrap();
        return;
    }
    assert_eq!(child.wait().unwrap().code(), Some(129));
    assert_eq!(record(&run)["status"], "interrupted");
}

fn resume_to(folder: &Path, steps: &str) -> Command {
    let mut command = resume(folder);
    command.args(["--steps", steps]);
    command
}

#[test]
fn damaged_checkpoints_are_passed_over_and_other_settings_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("whole");
    let wanted = undisturbed(folder.path(), "60");
    let files = checkpoints(&run);
    assert_eq!(files.len(), 2);
    let good = std::fs::read(&files[1]).unwrap();
    let mut bad = good.clone();
    let end = bad.len();
    bad[end - 3] ^= 4;
    std::fs::write(&files[1], &bad).unwrap();
    expect(&mut resume(&run), 0, &["step-00000060.safetensors", "damaged (tensor `", "using step-00000050 instead"]);
    same(&traces(&run), &wanted, "from the checkpoint before");
    for file in checkpoints(&run) {
        std::fs::write(file, &good[..good.len() / 2]).unwrap();
    }
    expect(&mut resume(&run), 4, &["no valid checkpoint", "no older one is left"]);

    std::fs::write(&files[1], &good).unwrap();
    let path = run.join("run.json");
    let mut changed = record(&run);
    changed["configuration"]["seed"]["value"] = 5.into();
    changed["configuration"]["horizon"]["value"] = 2.0.into();
    std::fs::write(&path, changed.to_string()).unwrap();
    expect(&mut resume(&run), 4, &["horizon 2.0 instead of 1.0, seed 5 instead of 1234", "--force"]);
    let mut forced = resume(&run);
    expect(forced.args(["--force", "--steps", "70"]), 0, &["from step 60 of 70"]);
    changed["configuration"]["width"]["value"] = 5.into();
    std::fs::write(&path, changed.to_string()).unwrap();
    expect(&mut resume(&run), 4, &["width 5 instead of 4"]);
    expect(resume(&run).arg("--force"), 4, &["tensor `", "has shape [4, "]);
}

/// The new length is in `run.json` from the first moment: a run that is killed on the way to it still knows it.
#[test]
fn an_extension_survives_a_kill_before_its_first_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
    for run in [&once, &twice] {
        expect(&mut command("30", run, &["--quiet"]), 0, &[]);
    }
    expect(&mut resume_to(&once, "60"), 0, &[]);
    let mut killed = resume_to(&twice, "60");
    assert_eq!(killed.env("ACR_PINN_FAULT", "kill@1").output().unwrap().status.code(), None);
    expect(&mut resume(&twice), 0, &["from step 30 of 60"]);
    same(&traces(&twice), &traces(&once), "extended twice");
    assert_eq!(record(&twice)["configuration"]["width"]["origin"], "flag");
    assert_eq!(record(&twice)["configuration"]["keep"]["origin"], "default");
}

#[test]
fn a_run_stopped_before_its_first_checkpoint_begins_again() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = undisturbed(folder.path(), "40");
    let run = folder.path().join("broken");
    let mut killed = command("40", &run, &[]);
    assert_eq!(killed.env("ACR_PINN_FAULT", "kill@1").output().unwrap().status.code(), None);
    expect(&mut resume(&run), 0, &["from step 0 of 40"]);
    same(&traces(&run), &wanted, "begun again");
}

#[test]
fn the_reference_is_remembered_where_the_run_is() {
    let folder = tempfile::tempdir().unwrap();
    let given = folder.path().join("given");
    std::fs::create_dir(&given).unwrap();
    let text = vec![vec!["0.25"; 100].join(","); 100].join("\n");
    for name in ["reference_u.csv", "reference_v.csv"] {
        std::fs::write(given.join(name), &text).unwrap();
    }
    let run = folder.path().join("run");
    let mut command = program(&["run", "cavity", "--preset", "quick", "--width", "4", "--depth", "1", "--points"]);
    command.args(["pde=16", "--steps", "4", "--quiet", "--out"]).arg(&run).arg("--reference").arg(&given);
    expect(&mut command, 0, &[]);
    let before = record(&run)["final"].clone();
    std::fs::remove_dir_all(&given).unwrap();
    expect(&mut resume(&run), 0, &[]);
    assert_eq!(record(&run)["final"], before);
}

/// Nobody looks, somebody looks, somebody looks often: the same bytes. And what is alive on the device stays as much
/// as it was.
#[test]
fn watching_changes_nothing_and_nothing_piles_up() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = undisturbed(folder.path(), "200");
    let watched = folder.path().join("watched");
    let output = command("200", &watched, &["-vv"]).env("NO_COLOR", "1").output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    same(&traces(&watched), &wanted, "watched");
    let text = errors(&output);
    let seen: Vec<&str> = text.lines().filter_map(|line| line.split_once("buffers=").map(|(_, rest)| rest)).collect();
    assert!(seen.len() == 4 && seen.iter().all(|numbers| *numbers == seen[0]), "{text}");
    expect(command("200", &folder.path().join("x"), &[]).env("ACR_PINN_FAULT", "nam@3"), 2, &["did you mean `nan`"]);
}

/// A limit on the size of files acts like a disk that is full, and takes no rights to set.
#[cfg(target_os = "linux")]
fn limited(blocks: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", blocks]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_takes_nothing_more_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (steps, broken) = ("100", folder.path().join("broken"));
    let wanted = undisturbed(folder.path(), steps);
    // a new run that can write nothing
    expect(&mut limited("0", &command(steps, &broken, &[])), 7, &["cannot write", "run.json"]);
    let mut first = command(steps, &broken, &["--force"]);
    expect(first.env("ACR_PINN_FAULT", "device-gone@53"), 6, &[]);
    // blocks of 512 bytes: nothing fits, then run.json, then checkpoints too, then everything but large pictures
    let mut codes = Vec::new();
    for blocks in ["0", "2", "8", "14", "20", "32", "64"] {
        let output = limited(blocks, &resume(&broken)).output().unwrap();
        let (code, text) = (output.status.code(), errors(&output));
        assert!(code == Some(0) || code == Some(7) && text.contains("cannot write"), "{blocks}: {code:?} {text}");
        assert!(!text.contains("panicked") && !text.contains("damaged"), "{blocks}: {text}");
        let _: Value = record(&broken);
        codes.push(code);
    }
    assert_eq!(codes[0], Some(7));
    expect(&mut resume(&broken), 0, &[]);
    same(&traces(&broken), &wanted, "after a full disk");
}

/// Whatever a verb writes: where nothing fits it says so, and is no success.
#[cfg(target_os = "linux")]
#[test]
fn no_verb_takes_a_full_disk_for_success() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(&mut command("5", &at.join("run"), &["--quiet"]), 0, &[]);
    let bytes: Vec<u8> = [0.5_f32; 4].iter().flat_map(|x| x.to_le_bytes()).collect();
    let view = || safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 2], &bytes).unwrap();
    for (file, names) in [("points", &["points"][..]), ("sets", &["pde", "bc", "ic"])] {
        let tensors = names.iter().map(|name| (*name, view()));
        std::fs::write(at.join(file), safetensors::serialize(tensors, None).unwrap()).unwrap();
    }
    let model = "run/model.safetensors";
    for line in [
        format!("evaluate {model} --points points --out a.csv"),
        format!("evaluate {model} --out a.vti"),
        format!("gradients --problem klein-gordon --model {model} --points sets --out a"),
        "kernels klein-gordon --width 4 --depth 1 --out a".to_owned(),
        "export klein-gordon --width 4 --depth 1 --points pde=16 --expected 0 --out a".to_owned(),
        "new mine".to_owned(),
        "new mine --from heat".to_owned(),
        "man --out a".to_owned(),
        "study core --problems klein-gordon --conditions std --seeds 1 --steps 5 --width 4 --out a".to_owned(),
        "bench --quick --samples 1 --save a.json".to_owned(),
    ] {
        let verb = program(&line.split(' ').collect::<Vec<_>>());
        let mut full = limited("0", &verb);
        expect(full.current_dir(at), 7, &["cannot write"]);
        let left: Vec<_> = ["a", "a.csv", "a.vti", "a.json", "mine.toml"].map(|name| at.join(name)).into();
        let holds_something =
            |path: &PathBuf| std::fs::metadata(path).is_ok_and(|known| known.is_file() && known.len() > 0);
        assert!(!left.iter().any(holds_something), "{line} left something");
        let _ = std::fs::remove_dir_all(at.join("a"));
    }
}

#[test]
fn a_run_directory_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut first = command("100000000", &run, &["--quiet"]).stderr(Stdio::null()).spawn().unwrap();
    wait_for_checkpoint(&mut first, &run, &[]);
    let others = [resume(&run), command("100", &run, &["--force"])].map(|mut other| other.output().unwrap());
    first.kill().unwrap();
    first.wait().unwrap();
    for other in others {
        let text = errors(&other);
        assert_eq!(other.status.code(), Some(2), "{text}");
        assert!(text.contains("in use by another process"), "{text}");
    }
    expect(&mut command("100", &run, &["--force"]), 0, &[]);
}
