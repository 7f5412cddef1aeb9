//! One study by several processes: shards, a shared folder, Slurm arrays. `scripts/clusters.sh` kills some on the way and
//! starts Slurm's own daemons where they are installed.

#![cfg(unix)]

mod common;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const STUDY: &str = "study core --problems klein-gordon --conditions std,gcr --seeds 2 --preset quick --width 4 --depth 1 \
                     --points pde=16 --steps 40 --every 10";

fn study(folder: &Path, more: &[&str]) -> Command {
    let mut command = common::program();
    command.current_dir(folder).args(STUDY.split_whitespace()).args(more);
    for name in ["ID", "COUNT", "MIN", "STEP"] {
        command.env_remove(format!("SLURM_ARRAY_TASK_{name}"));
    }
    command
}

/// Standard output and standard error of a command that ends with this code.
fn expect(mut command: Command, code: i32) -> (String, String) {
    let output = command.output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(code), "{command:?}: {out}{err}");
    (out, err)
}

/// Every run's weights and history.
fn numbers(study: &Path) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let runs = std::fs::read_dir(study.join("runs")).unwrap().flatten();
    let read = |path: &Path| std::fs::read(path).unwrap();
    let mut numbers: Vec<_> = runs
        .map(|run| {
            let (name, at) = (run.file_name().into_string().unwrap(), run.path());
            (name, read(&at.join("model.safetensors")), read(&at.join("history.csv")))
        })
        .collect();
    numbers.sort();
    numbers
}

#[test]
fn shards_put_together_are_the_study() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(study(at, &["--quiet", "--out", "alone"]), 0);
    let (said, _) = expect(study(at, &["--shard", "1/3", "--quiet", "--out", "parts"]), 0);
    assert!(said.contains("shard 1/3: 2 of 2 runs are finished"), "{said}");
    assert!(!at.join("parts/summary.json").exists() && numbers(&at.join("parts")).len() == 2);
    let (document, _) = expect(study(at, &["--shard", "2/3", "--quiet", "--json", "--out", "parts"]), 0);
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(
        (&document["shard"], &document["finished"], &document["runs_in_all"]),
        (&"2/3".into(), &1.into(), &1.into())
    );
    // the third as Slurm would start it, in an array that begins at 5 and counts by two
    let mut third = study(at, &["--out", "parts"]);
    for (name, value) in [("ID", "9"), ("COUNT", "3"), ("MIN", "5"), ("STEP", "2")] {
        third.env(format!("SLURM_ARRAY_TASK_{name}"), value);
    }
    let (_, said) = expect(third, 0);
    assert!(said.contains("a Slurm array: shard 3/3") && said.contains("[1/1] klein-gordon-gcr-s19018: "), "{said}");
    let (_, said) = expect(study(at, &["--out", "parts"]), 0);
    assert_eq!(said.matches("found finished").count(), 4, "{said}");
    assert!(at.join("parts/summary.json").is_file() && at.join("parts/report.html").is_file());
    assert!(numbers(&at.join("parts")) == numbers(&at.join("alone")), "other numbers than alone");
}

#[test]
fn odd_shards_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for shard in ["0/2", "3/2", "two"] {
        let (_, said) = expect(study(folder.path(), &["--shard", shard, "--out", "x"]), 2);
        assert!(said.contains("such as 2/8"), "{said}");
    }
    let (_, said) = expect(study(folder.path(), &["--shard", "1/2"]), 2);
    assert!(said.contains("a shard needs --out"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Processes that share a folder and are killed. The script by itself also tries GNU parallel and a Slurm array of which a task is
/// put back, where they are installed: that takes minutes.
#[cfg(target_os = "linux")]
#[test]
fn the_script_for_clusters_passes() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/clusters.sh");
    let mut command = Command::new(script);
    command.env("program", common::program().get_program()).env("only", "processes");
    for name in ["ID", "COUNT", "MIN", "STEP"] {
        command.env_remove(format!("SLURM_ARRAY_TASK_{name}"));
    }
    let (said, _) = expect(command, 0);
    assert!(said.contains("processes: 4 runs") && said.ends_with("clusters: passed\n"), "{said}");
}
