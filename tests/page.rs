//! The exported page in a browser: trains, agrees with the oracle and with the command line, and says what is wrong with a
//! folder. Chromium computes by SwiftShader here, so a machine without a graphics card tells the same.
//!
//! These tests are ignored unless asked for, since not everybody has a browser; scripts/test.sh asks where there is one.

mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::browser::Browser;
use common::server::serve;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Longer than the slowest machine takes for what is asked here.
const LIMIT: Duration = Duration::from_secs(300);

fn export(place: &Path, arguments: &[&str]) {
    let output = common::program().arg("export").args(arguments).arg("--out").arg(place).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Opens an address, waits for the end, and returns the document.
fn played(browser: &mut Browser, address: &str) -> Value {
    browser.go(address);
    let state = browser.wait(&["done", "failed"], LIMIT);
    assert_eq!(state, "done", "{address}: {}", browser.notice());
    let result = browser.result();
    assert_eq!(browser.complaints, [""; 0], "{address}");
    result
}

fn assert_trained(result: &Value, name: &str) {
    let training = &result["training"];
    assert_eq!(training["expected"]["passed"], true, "{name}: {training}");
    assert_eq!(result["rows"][0]["verdict"], "VALID", "{name}: {result}");
}

#[test]
#[ignore = "needs Chromium"]
fn a_page_trains_like_the_command_line() {
    let place = tempfile::tempdir().unwrap();
    let (folder, run) = (place.path().join("step"), place.path().join("run"));
    let steps = ["klein-gordon", "--preset", "quick", "--steps", "100"];
    export(&folder, &steps);
    let mut browser = Browser::open();
    let address = serve(&folder);
    let result = played(&mut browser, &format!("{address}/?auto&steps=100"));
    assert_trained(&result, "klein-gordon");
    let status = common::program().arg("run").args(steps).arg("--out").arg(&run).arg("--quiet").status().unwrap();
    assert!(status.success());
    let document: Value = serde_json::from_slice(&fs::read(run.join("run.json")).unwrap()).unwrap();
    let error = |document: &Value| document["rel_l2"].as_f64().unwrap();
    let (page, own) = (error(&result["training"]["errors"]), error(&document["final"]));
    assert!((page / own - 1.0).abs() < 0.1, "error {page} in the page, {own} on the command line");

    // the result is a document of `bench`, and so is that of the bench mode
    let measured = played(&mut browser, &format!("{address}/?auto&bench"));
    let row = &measured["rows"][0];
    assert!(row["verdict"] == "VALID" && row["samples_us"].as_array().unwrap().len() >= 5, "{row}");
    let files = [("trained.json", &result), ("measured.json", &measured)].map(|(name, document)| {
        fs::write(place.path().join(name), document.to_string()).unwrap();
        place.path().join(name)
    });
    let table = common::program().args(["compare", "--table"]).args(&files).output().unwrap();
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(table.status.success() && text.contains("swiftshader") && text.contains("Chrom"), "{text}");
    let itself = common::program().arg("compare").args([&files[1], &files[1]]).output().unwrap();
    // how calm the machine is decides between the two
    let text = String::from_utf8(itself.stdout).unwrap();
    assert!(itself.status.success() && (text.contains("SAME") || text.contains("AMBIGUOUS")), "{text}");
}

#[test]
#[ignore = "needs Chromium"]
fn problems_of_other_jets_agree_with_the_oracle() {
    let place = tempfile::tempdir().unwrap();
    let mut browser = Browser::open();
    // jets of third order, of five axes, and pairs of points
    for problem in ["cavity", "poisson-5d", "schrodinger"] {
        let folder = place.path().join(problem);
        export(&folder, &[problem, "--points", "pde=64", "--width", "8", "--depth", "2"]);
        let result = played(&mut browser, &format!("{}/?auto&steps=12", serve(&folder)));
        assert_trained(&result, problem);
        assert!(result["training"]["errors"]["rel_l2"].as_f64().is_some_and(f64::is_finite), "{problem}");
    }
}

/// Changes a file, opens the page and returns what it says; the file is put back.
fn tampered(
    browser: &mut Browser,
    folder: &Path,
    address: &str,
    name: &str,
    change: &dyn Fn(Vec<u8>) -> Vec<u8>,
) -> String {
    let before = fs::read(folder.join(name)).unwrap();
    let after = change(before.clone());
    match after.is_empty() {
        true => fs::remove_file(folder.join(name)).unwrap(),
        false => fs::write(folder.join(name), after).unwrap(),
    }
    browser.go(&format!("{address}/?auto&steps=1"));
    let state = browser.wait(&["done", "failed"], LIMIT);
    assert_eq!(state, "failed", "{name} was tampered with");
    let said = browser.notice();
    assert_eq!(browser.result()["error"]["message"].as_str(), Some(said.as_str()));
    fs::write(folder.join(name), before).unwrap();
    said
}

#[test]
#[ignore = "needs Chromium"]
fn a_page_says_what_is_wrong_with_its_folder() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    export(folder, &["klein-gordon", "--points", "pde=16", "--width", "8", "--depth", "1", "--expected", "0"]);
    let address = serve(folder);
    let mut browser = Browser::open();
    let mut says = |name: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>, what: &str| {
        let said = tampered(&mut browser, folder, &address, name, change);
        assert!(said.contains(what) && said.contains("again"), "`{said}` does not say `{what}`");
    };
    let flip = |mut bytes: Vec<u8>| {
        bytes[100] ^= 1;
        bytes
    };
    says("data.bin", &flip, "its hash differs");
    says("data.bin", &|bytes| bytes[..64].to_vec(), "has 64 bytes instead of");
    says("01-sample.wgsl", &|_| Vec::new(), "01-sample.wgsl is missing");
    says("step.json", &|_| Vec::new(), "step.json is missing");
    says("step.json", &|bytes| bytes[..500].to_vec(), "step.json is damaged");
    let edited = |change: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_slice(&fs::read(folder.join("step.json")).unwrap()).unwrap();
        change(&mut document);
        document.to_string().into_bytes()
    };
    says("step.json", &|_| edited(&|d| d["schema"] = 2.into()), "has schema 2");
    says("step.json", &|_| edited(&|d| d["step"][1]["kernel"] = 99.into()), "runs kernel 99");
    // a kernel that the document vouches for, and that no compiler takes
    let path = folder.join("01-sample.wgsl");
    let before = fs::read(&path).unwrap();
    let broken = String::from_utf8(before.clone()).unwrap().replace("fn sample(", "fn sample((");
    let hash: String = Sha256::digest(broken.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(&path, &broken).unwrap();
    let vouched = edited(&|d| {
        d["files"]["01-sample.wgsl"] = serde_json::json!({"bytes": broken.len(), "sha256": hash});
    });
    says("step.json", &|_| vouched.clone(), "01-sample.wgsl does not compile, line");
    fs::write(&path, before).unwrap();
    browser.complaints.clear();
    played(&mut browser, &format!("{address}/?auto&steps=1"));
}

/// Optimisers and strategies keep more than parameters and moments, and a page that loses it goes on elsewhere.
#[test]
#[ignore = "needs Chromium"]
fn a_page_whose_device_is_lost_ends_like_one_whose_device_is_not() {
    let place = tempfile::tempdir().unwrap();
    let size = ["--points", "pde=64", "--width", "8", "--depth", "2", "--expected", "0"];
    export(place.path(), &[&["klein-gordon", "--optimiser", "soap", "--strategy", "gradnorm"], &size[..]].concat());
    let address = format!("{}/?auto&steps=300", serve(place.path()));
    let mut browser = Browser::open();
    let whole = played(&mut browser, &address);
    // its clock goes ten times as fast: the state is copied every second
    let source = "const own = GPUAdapter.prototype.requestDevice, now = performance.now.bind(performance);
        GPUAdapter.prototype.requestDevice = async function (...all) { return globalThis.device = await own.apply(this, all); };
        performance.now = () => 10 * now();";
    browser.call("Page.addScriptToEvaluateOnNewDocument", serde_json::json!({ "source": source }));
    browser.go(&address);
    browser.wait(&["running"], LIMIT);
    while !browser.evaluate("document.getElementById('status').textContent").as_str().unwrap().starts_with("Step") {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_secs(2));
    browser.evaluate("device.destroy()");
    assert_eq!(browser.wait(&["done", "failed"], LIMIT), "done", "{}", browser.notice());
    let said = browser.notice();
    assert!(said.contains("went on from step") && !said.contains("from step 0"), "{said}");
    assert_eq!(browser.result()["training"]["losses"], whole["training"]["losses"]);
}
