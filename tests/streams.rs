//! Standard streams as users connect them: full disks, closed descriptors, readers that leave, and scripts that read
//! one JSON document whatever happens.

// what a shell does to streams is tried with a shell, and `/dev/full` is a disk without room
#![cfg(target_os = "linux")]

mod common;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The program with its arguments, in a shell that first does what `script` says with `"$@"`.
fn shell(script: &str, arguments: &[&str]) -> Output {
    let program = common::program();
    let mut shell = Command::new("bash");
    shell.args(["-c", script, "bash"]).arg(program.get_program()).args(arguments);
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// One document and nothing else.
fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {} {}", String::from_utf8_lossy(&output.stdout), errors(output));
    })
}

/// A run of a second.
const RUN: [&str; 12] =
    ["run", "klein-gordon", "--preset", "quick", "--width", "4", "--depth", "1", "--points", "pde=16", "--steps", "20"];

fn run<'a>(folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&RUN[..], &["--out", folder.to_str().unwrap()], more].concat()
}

#[test]
fn results_that_do_not_arrive_are_no_success() {
    for arguments in [&["list"][..], &["list", "--json"], &["--help"], &["run", "--help"], &["--version"]] {
        for (stream, what) in [(">/dev/full", "No space left"), (">&-", "closed")] {
            let output = shell(&format!("\"$@\" {stream}"), arguments);
            assert_eq!(code(&output), 7, "{arguments:?} {stream}");
            let said = errors(&output);
            assert!(said.contains("cannot write standard output") && said.contains(what), "{said}");
        }
        // who throws results away does so on purpose
        assert_eq!(code(&shell("\"$@\" >/dev/null", arguments)), 0);
    }
}

#[test]
fn a_reader_who_leaves_ends_the_verb_quietly() {
    // the reader is gone before the first word
    for arguments in [&["list"][..], &["list", "--json"], &["--help"]] {
        let output = shell("set -o pipefail; (sleep 0.3; \"$@\") | true", arguments);
        assert_eq!((code(&output), errors(&output).as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn nobody_needs_to_hear_what_a_run_says() {
    let folder = tempfile::tempdir().unwrap();
    let streams = ["2>/dev/full", "2>&-", "2> >(true)", "2>&1 | head -n 1", ">/dev/full 2>&-"];
    for (number, stream) in streams.iter().enumerate() {
        let run_folder = folder.path().join(number.to_string());
        let output = shell(&format!("set -o pipefail; \"$@\" {stream}"), &run(&run_folder, &["-vv"]));
        let wanted = if stream.contains(">/dev/full 2") { 7 } else { 0 };
        assert_eq!(code(&output), wanted, "{stream}: {}", errors(&output));
        let record: Value = serde_json::from_slice(&std::fs::read(run_folder.join("run.json")).unwrap()).unwrap();
        assert_eq!(record["status"], "finished", "{stream}");
    }
}

#[test]
fn json_is_one_document_whatever_happens() {
    let wrong: [(&[&str], i32, &str); 10] = [
        (&["run", "cavty", "--json"], 2, "did you mean `cavity`"),
        (&["run", "cavity", "--steps", "many", "--json"], 2, "invalid value 'many'"),
        (&["run", "cavity", "--adapter", "no such adapter", "--json"], 3, "no such adapter"),
        (&["resume", "/none", "--json"], 4, "no such file"),
        (&["evaluate", "/none", "--json"], 4, "no such file"),
        (&["study", "cor", "--json"], 2, "did you mean `core`"),
        (&["bench", "cavty", "--json"], 2, "did you mean `cavity`"),
        (&["compare", "/none", "/none", "--json"], 4, "no such file"),
        (&["verify", "--only", "jet", "--json"], 2, "did you mean `jets`"),
        (&["doctor", "--adapter", "no such adapter", "--json"], 3, "no such adapter"),
    ];
    for (arguments, wanted, part) in wrong {
        let output = common::program().args(arguments).output().unwrap();
        let error = &document(&output)["error"];
        assert_eq!((code(&output), &error["code"]), (wanted, &wanted.into()), "{arguments:?}");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
        // people read standard error
        assert!(errors(&output).contains(part), "{}", errors(&output));
    }
}

#[test]
fn several_runs_are_one_document() {
    let folder = tempfile::tempdir().unwrap();
    let both = common::program().args(run(&folder.path().join("a"), &["--json", "--seeds", "2"])).output().unwrap();
    let runs = document(&both)["runs"].clone();
    assert_eq!((code(&both), runs.as_array().unwrap().len(), &runs[1]["seeds"]["initial"]), (0, 2, &1235.into()));
    let one = common::program().args(run(&folder.path().join("b"), &["--json"])).output().unwrap();
    assert_eq!(document(&one)["status"], "finished");
    // the second one cannot be written; the first is not lost
    let mut fails = common::program();
    fails.args(run(&folder.path().join("c"), &["--json", "--seeds", "2"])).env("ACR_PINN_FAULT", "rename@2,rename@3");
    let output = fails.output().unwrap();
    let said = document(&output);
    assert_eq!((code(&output), &said["error"]["code"]), (7, &7.into()), "{said}");
    assert_eq!((said["runs"].as_array().unwrap().len(), &said["runs"][0]["status"]), (1, &"finished".into()));
}

/// Where there is no bar to be seen there are lines: of the compilation, of evaluations, of the end of none.
#[test]
fn logs_show_how_far_a_run_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = run(folder.path(), &["--evaluate-every", "1000"]);
    let steps = arguments.iter().position(|word| *word == "--steps").unwrap();
    arguments[steps + 1] = "4000";
    let output = common::program().args(arguments).output().unwrap();
    let said = errors(&output);
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("step ")).collect();
    assert!(code(&output) == 0 && said.contains("compiling kernels: fused, ") && !lines.is_empty(), "{said}");
    for part in [" of 4000 · pde ", " · L2 ", " steps/s · ", " left"] {
        assert!(lines.iter().all(|line| line.contains(part)), "no `{part}` in {said}");
    }
}

/// What `nohup` promises.
#[test]
fn a_run_under_nohup_outlives_its_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = run(folder.path(), &["--quiet", "--force"]);
    let output = shell("trap '' HUP; \"$@\" & sleep 0.7; kill -HUP $!; wait $!", &arguments);
    assert_eq!(code(&output), 0, "{}", errors(&output));
}

/// A reader of `verify` who has seen enough does not wait for the rest.
#[test]
fn a_verb_that_prints_while_it_works_stops_with_its_reader() {
    let mut verify = common::program();
    verify.args(["verify", "--only", "random", "--quiet"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = verify.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), errors(&output).contains("panicked")), (0, false), "{}", errors(&output));
}
