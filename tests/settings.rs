//! What a run is told: flags and files that contradict each other, what wins, what is said about it, and that a run is
//! called what it trains.

mod common;

use std::path::Path;
use std::process::Output;

use serde_json::Value;

fn call(folder: &Path, line: &str) -> Output {
    common::program().current_dir(folder).args(line.split(' ')).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn expect(folder: &Path, line: &str, code: i32, parts: &[&str]) -> String {
    let output = call(folder, line);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}: {said}");
    assert!(parts.iter().all(|part| said.contains(part)), "{line}: no {parts:?} in {said}");
    text(&output.stdout)
}

const TINY: &str = "--preset quick --width 4 --depth 1 --points pde=16";

/// The values of a dump without their origins.
fn values(dump: &str) -> Vec<&str> {
    dump.lines().filter_map(|line| line.split("  # ").next().filter(|value| !value.starts_with('#'))).collect()
}

#[test]
fn what_dump_config_prints_config_takes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for flags in [
        "klein-gordon",
        "cavity --optimiser soap --betas 0.9,0.99 --frequency 7",
        "klein-gordon --condition std --horizon 2.5 --seed 18446744073709551615 --rate 3e-5 --every 7 --on-nan rollback",
        "burgers --network mlp --strategy pcgrad --points bc=9 --points pde=77 --sampling fixed --preset paper",
        "cavity --preset revised --reynolds 1e3 --residual-scale 0.25 --evaluate-every 3 --keep 9 --plan layered",
        "schrodinger --width 5 --depth 2 --steps 12",
    ] {
        let problem = flags.split(' ').next().unwrap();
        let once = expect(at, &format!("run {flags} --dump-config --quiet"), 0, &[]);
        std::fs::write(at.join("once.toml"), &once).unwrap();
        let again = expect(at, &format!("run {problem} --config once.toml --dump-config --quiet"), 0, &[]);
        assert_eq!(values(&once), values(&again), "{flags}");
        assert!(again.matches("  # file").count() > 10 && once.contains("  # preset "), "{once}{again}");
    }
}

#[test]
fn a_run_is_called_what_it_trains() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("acr.toml"), "network = \"lda\"\nstrategy = \"pcgrad\"\nsteps = 5\n").unwrap();
    let line = format!("run klein-gordon {TINY} --config acr.toml --condition std --out run");
    let replaced = ["--condition std replaces network = \"lda\"", "--condition std replaces strategy = \"pcgrad\""];
    expect(at, &line, 0, &replaced);
    let record: Value = serde_json::from_slice(&std::fs::read(at.join("run/run.json")).unwrap()).unwrap();
    let value = |key: &str| record["configuration"][key]["value"].clone();
    assert_eq!(
        (&record["condition"], value("network"), value("strategy")),
        (&"std".into(), "mlp".into(), "sum".into())
    );
    let dump = expect(at, "run cavity --network mlp --dump-config --quiet", 0, &[]);
    assert!(dump.contains("condition = \"gcr\"  # flag"), "{dump}");
}

#[test]
fn one_source_does_not_ask_for_two_things() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("both.toml"), "condition = \"std\"\nstrategy = \"pcgrad\"\n").unwrap();
    std::fs::write(at.join("twice.toml"), "points = { bc = 8, bc_lower = 5 }\n").unwrap();
    for (line, part) in [
        ("run cavity --condition std --network lda", "--network lda another network: leave one out"),
        ("run cavity --config both.toml", "`strategy = \"pcgrad\"` of the file another strategy"),
        ("run cavity --points pde=5 --points pde=6", "points of `pde` are given twice"),
        ("run burgers --config twice.toml", "points of `bc_lower` are given twice"),
        ("study cost --width 8 --widths 4,8", "--width and --widths"),
        ("study cost --points pde=8 --sizes 4,8", "--points pde=N and --sizes"),
        ("study robustness --rate 1e-3 --rates 1e-3,1e-2", "--rate and --rates"),
        ("study core --widths 4,8", "does nothing in `study core`"),
        ("study ablation --budget 3", "it belongs to equal-time"),
        ("list --quiet --verbose", "cannot be used with"),
    ] {
        expect(at, line, 2, &[part]);
    }
    // the same twice is no contradiction
    expect(at, "run cavity --condition std --network mlp --points pde=5 --points pde=5 --dump-config", 0, &[]);
}

#[test]
fn numbers_beyond_32_bits_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    for (line, part) in [
        ("run cavity --reynolds 1e39", "reynolds must lie in 1e-6 to 1e9, not 1e39"),
        ("run cavity-uvp --reynolds 1e-39", "reynolds must lie in"),
        ("run cavity --reynolds inf", "reynolds must lie in"),
        ("run klein-gordon --horizon 1e-40", "horizon must lie in"),
        ("run cavity --rate 0", "--rate 0: a learning rate is larger than 0 and at most 10"),
        ("run cavity --rate 1e-60", "changes no number of 32 bits"),
        ("run cavity --rate nan", "a learning rate is larger than 0"),
        ("run cavity --seed -1", "a seed is an integer from 0 to 18446744073709551615"),
        ("run cavity --seed 18446744073709551616", "a seed is an integer from 0 to 18446744073709551615"),
        ("study cost --warmup 18446744073709551615", "are more than the"),
        ("gradients --problem cavity --reynolds 1e39 --model m --points p --out o", "reynolds must lie in"),
    ] {
        expect(folder.path(), line, 2, &[part]);
    }
}

#[test]
fn a_schedule_that_is_cut_short_or_stretched_is_mentioned() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(at, &format!("run klein-gordon {TINY} --steps 20 --out short"), 0, &["the warm-up of 50 steps is longer"]);
    let said = ["the learning rate goes up from", "with 2000 steps instead of 200"];
    expect(at, &format!("run klein-gordon {TINY} --steps 200 --out run"), 0, &[]);
    expect(at, "resume run --steps 2000", 0, &said);
    // to the end of what was begun, and with a rate that stays, there is nothing to say
    let output = call(at, "resume run");
    assert!(output.status.success() && !text(&output.stderr).contains("learning rate"), "{}", text(&output.stderr));
}
