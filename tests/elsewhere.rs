//! What users of other programs of this kind reported, tried on this one: `docs/RELIABILITY.md` has the list.

mod common;

use std::path::Path;
use std::process::Output;

use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

const TINY: &str = "--preset quick --width 4 --depth 1 --points pde=16 --steps 2e1 --quiet";

fn call(folder: &Path, line: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = common::program();
    command.current_dir(folder).args(line.split_whitespace()).envs(variables.iter().copied());
    command.output().unwrap()
}

fn expect(folder: &Path, line: &str, variables: &[(&str, &str)], code: i32, parts: &[&str]) -> Output {
    let output = call(folder, line, variables);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}: {said}");
    assert!(
        parts.iter().all(|part| said.contains(part)) && !said.contains("panicked"),
        "{line}: no {parts:?} in {said}"
    );
    output
}

fn save(path: &Path, name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) {
    let view = TensorView::new(dtype, shape.to_vec(), bytes).unwrap();
    std::fs::write(path, safetensors::serialize([(name, view)], None).unwrap()).unwrap();
}

/// python/cpython#78984, foundry-rs/foundry#8521: numbers as people write them. EveryVoiceTTS/EveryVoice#183: a job that is
/// started again finds its run. pykan#129, Dolphin#148: numbers of other precision.
#[test]
fn numbers_jobs_and_precisions() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(at, &format!("run klein-gordon {TINY} --evaluate-every 1_0 --out run"), &[], 0, &[]);
    let document: Value = serde_json::from_slice(&std::fs::read(at.join("run/run.json")).unwrap()).unwrap();
    assert_eq!(
        (&document["final"]["step"], &document["configuration"]["evaluate-every"]["value"]),
        (&20.into(), &10.into())
    );
    expect(at, "run cavity --steps 2.5", &[], 2, &["20000, 20_000 or 2e4"]);
    expect(at, "run cavity --points pde=1e3 --dump-config", &[], 0, &[]);
    std::fs::write(at.join("c.toml"), "steps = 2e4\nwidth = 1_6\n[points]\npde = 1e3\n").unwrap();
    let dumped = expect(at, "run cavity --config c.toml --preset quick --dump-config", &[], 0, &[]);
    assert!(String::from_utf8_lossy(&dumped.stdout).contains("steps = 20000  # file"));
    std::fs::write(at.join("d.toml"), "steps = 2.5\n").unwrap();
    expect(at, "run cavity --config d.toml", &[], 2, &["line 1", "a whole number, such as 20000"]);
    let study = "study cost --problems cavity --seeds 1e0 --widths 1e1 --depths 1 --sizes 1e3 --warmup 1e0 --timed 1_0";
    expect(at, &format!("{study} --dry-run"), &[], 0, &[]);

    expect(at, &format!("run klein-gordon {TINY} --out run"), &[], 2, &["`resume run` goes on with it"]);
    expect(at, "resume run --quiet --steps 2_1", &[], 0, &[]);

    let wide: Vec<u8> = [0.25f64, 0.5].iter().flat_map(|x| x.to_le_bytes()).collect();
    save(&at.join("wide"), "points", Dtype::F64, &[1, 2], &wide);
    expect(at, "evaluate run/model.safetensors --points wide --out a.csv --quiet", &[], 0, &[]);
    save(&at.join("half"), "points", Dtype::F16, &[1, 2], &[0, 0, 0, 0]);
    let words = ["holds F16", "`.float()` in PyTorch"];
    expect(at, "evaluate run/model.safetensors --points half --out b.csv", &[], 4, &words);
}

/// rnpgp/rnp#2213, Aider-AI/aider#5452: a home that cannot be written is no reason to fail. tlsa/libcyaml#202: neither is a locale
/// with decimal commas.
#[cfg(target_os = "linux")]
#[test]
fn homes_and_locales() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let odd = [("HOME", "/proc"), ("XDG_CACHE_HOME", "/proc/none"), ("ACR_PINN_CACHE", "/proc/none/tiles.json")];
    expect(at, &format!("run klein-gordon {TINY} --out a"), &odd, 0, &[]);
    expect(at, &format!("run klein-gordon {TINY} --out b"), &[("LC_ALL", "de_DE.UTF-8")], 0, &[]);
    let read = |run: &str| std::fs::read(at.join(run).join("history.csv")).unwrap();
    assert!(read("a") == read("b"));
}

/// esnet/iperf#370, ludwig-ai/ludwig#3129: NaN is no JSON. deepmodeling/deepmd-kit#4985: no time is spent on NaN, and no
/// checkpoint has any.
#[test]
fn documents_of_a_run_that_lost_its_numbers_are_json() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let line = format!("run klein-gordon {} --evaluate-every 5 --every 5 --json --out run", TINY.replace("2e1", "40"));
    let output = expect(at, &line, &[("ACR_PINN_FAULT", "nan@13")], 5, &["NaN at step 13"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["error"]["code"], 5);
    let run = |name: &str| std::fs::read_to_string(at.join("run").join(name)).unwrap();
    serde_json::from_str::<Value>(&run("run.json")).unwrap();
    let lines = run("diagnostics.jsonl");
    assert!(lines.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && lines.lines().count() == 2);
    assert!(!run("history.csv").contains("NaN"));
    // the newest checkpoint is from before
    expect(at, "resume run --quiet", &[], 0, &[]);
}
