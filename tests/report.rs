//! The page and the pictures of a run, as its reader meets them: for a run that went well, one that diverged, one that
//! could not begin, and one with a single evaluation.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

const TINY: &str = "--preset quick --width 4 --depth 1 --points pde=16 --quiet";

fn call(folder: &Path, line: &str, fault: Option<&str>) -> Output {
    let mut command = common::program();
    command.current_dir(folder).args(line.split(' '));
    if let Some(fault) = fault {
        command.env("ACR_PINN_FAULT", fault);
    }
    command.output().unwrap()
}

/// Runs, expects the exit code, and returns page and `run.json` of `run`.
fn page(folder: &Path, line: &str, fault: Option<&str>, code: i32) -> (String, Value) {
    let output = call(folder, line, fault);
    assert_eq!(output.status.code(), Some(code), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let run = folder.join("run");
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    let document: Value = serde_json::from_slice(&std::fs::read(run.join("run.json")).unwrap()).unwrap();
    for name in document["files"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        // a run that ended early may have no weights yet
        assert!(code != 0 || run.join(name).is_file(), "{name} is listed and not there");
    }
    let words = without_data(&page).replace("is NaN", "");
    for forbidden in ["<script", "http:", "https:", "NaN", "file:", folder.to_str().unwrap()] {
        assert!(!words.contains(forbidden), "the page of `{line}` contains {forbidden}");
    }
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    (page, document)
}

/// A page without its pixels and fonts, whose letters are anything.
fn without_data(page: &str) -> String {
    let mut parts = page.split("base64,");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "+/=".contains(c))
    })
}

/// Every PNG file of the run with its bytes.
fn pictures(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = std::fs::read_dir(folder.join("run")).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name.ends_with(".png"));
    names.map(|name| (name.clone(), std::fs::read(folder.join("run").join(name)).unwrap())).collect()
}

#[test]
fn a_cavity_shows_its_flow_its_fields_and_what_to_think_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let line = format!("run cavity {TINY} --steps 40 --evaluate-every 10 --out run");
    let (page, document) = page(at, &line, None, 0);
    for part in [
        "Not solved: ",
        "Cut short: 40 steps instead of the",
        "The preset <code>quick</code> is a small version",
        "acr-pinn-gpu run cavity --preset quick --condition acr --seed 1234 --depth 1 --evaluate-every 10 --points pde=16 \
         --steps 40 --width 4",
        "Streamlines over speed",
        "ψ, predicted",
        "p, predicted",
        "error of u",
        "Ghia, Ghia &amp; Shin 1982",
        "Cosines of the terms&#39; gradients",
        "Learning rate",
        "Gates: mean weight",
        "conflict rate",
        "prefers-color-scheme: dark",
        "class=\"dark-only\"",
    ] {
        assert!(page.contains(part), "no `{part}` on the page");
    }
    let first = pictures(at);
    let promised =
        ["solution", "prediction", "error", "streamlines", "centreline_u", "centreline_v", "losses", "errors"];
    let more =
        ["u_error", "v_error", "psi_prediction", "p_prediction", "cosines", "conflicts", "gates", "rate", "norms"];
    for name in promised.iter().chain(&more) {
        assert!(first.contains_key(&format!("{name}.png")), "no {name}.png in {:?}", first.keys());
    }
    assert!(first.values().all(|bytes| bytes.starts_with(b"\x89PNG")));
    // the same numbers, the same bytes
    let hash = |document: &Value| document["trajectory"]["sha256"].clone();
    let (again, repeated) = self::page(at, &format!("{line} --force"), None, 0);
    assert_eq!(hash(&document), hash(&repeated));
    assert_eq!(first, pictures(at));
    let drawn =
        |page: &str| page.split("<h2>Fields</h2>").nth(1).unwrap().split("<h2>Details</h2>").next().unwrap().to_owned();
    assert!(drawn(&page) == drawn(&again), "the same run gave another page");
}

#[test]
fn a_run_that_diverged_or_failed_has_a_page_too() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let line = format!("run klein-gordon {TINY} --steps 80 --every 10 --evaluate-every 10 --out run");
    let (page, document) = page(at, &line, Some("nan@33"), 5);
    assert_eq!(document["status"], "diverged");
    for part in
        ["Diverged: loss <code>pde</code> is NaN at step 33", "--on-nan rollback", "a smaller learning rate", "Losses"]
    {
        assert!(page.contains(part), "no `{part}` on the page");
    }
    let listed = document["files"].as_array().unwrap();
    assert!(pictures(at).contains_key("losses.png") && listed.contains(&"losses.png".into()), "{listed:?}");
    // whatever the page brought goes with the run
    let again = call(at, &format!("{line} --force"), None);
    assert_eq!(again.status.code(), Some(0));
    let output = call(at, &format!("{line} --force"), Some("nan@3"));
    assert_eq!(output.status.code(), Some(5));
    let page = std::fs::read_to_string(at.join("run/report.html")).unwrap();
    assert!(page.contains("Diverged") && pictures(at).is_empty(), "{:?}", pictures(at).keys());
    let (page, document) = self::page(at, &format!("{line} --force"), Some("device-gone@33"), 6);
    assert_eq!(document["status"], "failed");
    assert!(page.contains("Failed: ") && pictures(at).contains_key("losses.png"), "{:?}", pictures(at).keys());
    let large = line.replace("pde=16", "pde=100000");
    let (page, _) = self::page(at, &format!("{large} --force --memory 1"), None, 6);
    assert!(page.contains("Failed: ") && page.contains("out of device memory"));
}

#[test]
fn one_evaluation_and_no_reference_are_no_reason_for_an_odd_page() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("run cavity --reynolds 400 --condition std {TINY} --steps 5 --out run");
    let (page, document) = page(folder.path(), &line, None, 0);
    assert_eq!(document["reference"], Value::Null);
    for part in ["no reference is known to compare with", "One evaluation is too few", "--reynolds 400", "Re = 400"] {
        assert!(page.contains(part), "no `{part}` on the page");
    }
    assert!(!page.contains("Ghia") && !page.contains("<h2>Gates"));
    let names = pictures(folder.path());
    assert!(names.contains_key("losses.png") && !names.contains_key("errors.png"), "{:?}", names.keys());
}
