//! The program as its users meet it: run directories, exit codes, messages with a remedy, and the same bits
//! after an interruption.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;

use common::program;

fn call(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A run of a second: a tiny network on few points.
const TINY: [&str; 11] =
    ["--preset", "quick", "--width", "4", "--depth", "1", "--points", "pde=16", "--points", "bc=8", "--quiet"];

fn train(folder: &Path, steps: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["run", "klein-gordon", "--steps", steps, "--every", "10", "--out"];
    let folder = folder.to_str().unwrap();
    arguments.push(folder);
    arguments.extend(TINY);
    arguments.extend(more);
    call(&arguments)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn expect(output: &Output, code: i32, parts: &[&str]) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "stdout: {out}\nstderr: {err}");
    for part in parts {
        assert!(err.contains(part), "no `{part}` in: {err}");
    }
    assert!(!err.contains("panicked") && !err.contains("backtrace"), "{err}");
}

#[test]
fn wrong_command_lines_say_what_to_do() {
    let cases: &[(&[&str], &str)] = &[
        (&["run", "cavty"], "did you mean `cavity`"),
        (&["run", "burger"], "did you mean `burgers`"),
        (&["run", "navier-stokes"], "choose one of"),
        (&["run", "cavity", "--preset", "papr"], "did you mean `paper`"),
        (&["run", "cavity", "--condition", "acrr"], "did you mean `acr`"),
        (&["run", "cavity", "--network", "ldaa"], "did you mean `lda`"),
        (&["run", "cavity", "--strategy", "mean"], "choose one of sum, pcgrad"),
        (&["run", "cavity", "--plan", "fuse"], "did you mean `fused`"),
        (&["run", "cavity", "--sampling", "fixd"], "did you mean `fixed`"),
        (&["run", "cavity", "--width", "3"], "width 3 is outside 4..512"),
        (&["run", "cavity", "--width", "1000"], "--width"),
        (&["run", "cavity", "--depth", "9"], "depth 9 is outside 1..8"),
        (&["run", "cavity", "--steps", "0"], "--steps 0"),
        (&["run", "cavity", "--steps", "many"], "--steps"),
        (&["run", "cavity", "--points", "pde=0"], "--points"),
        (&["run", "cavity", "--points", "roof=5"], "choose one of pde, lid, wall"),
        (&["run", "cavity", "--points", "pde"], "TERM=N"),
        (&["run", "cavity", "--reynolds", "-1"], "reynolds"),
        (&["run", "klein-gordon", "--horizon", "99"], "horizon must lie in"),
        (&["run", "klein-gordon", "--reynolds", "100"], "it has `horizon`"),
        (&["run", "cavity", "--every", "0"], "--every"),
        (&["run", "cavity", "--backend", "opengl"], "choose one of vulkan"),
        (&["run", "cavity", "--config", "/no/such/file.toml"], "file.toml"),
        (
            &[
                "gradients",
                "--problem",
                "cavity",
                "--model",
                "m",
                "--points",
                "p",
                "--out",
                "o",
                "--permutations",
                "0,1",
            ],
            "1 rows for 3 terms",
        ),
        (&["frobnicate"], "unknown verb `frobnicate`: choose one of run, resume"),
    ];
    for (arguments, part) in cases {
        let code = if arguments.contains(&"--config") { 4 } else { 2 };
        expect(&call(arguments), code, &[part]);
    }
}

#[test]
fn a_missing_adapter_is_named_with_the_remedy() {
    expect(&call(&["run", "cavity", "--adapter", "no such adapter"]), 3, &["no such adapter", "found"]);
    #[cfg(target_os = "linux")]
    {
        let output = program()
            .args(["run", "cavity", "--backend", "vulkan"])
            .env("VK_DRIVER_FILES", "/no/such/driver.json")
            .env("VK_ICD_FILENAMES", "/no/such/driver.json")
            .output()
            .unwrap();
        expect(&output, 3, &["no graphics adapter", "VK_DRIVER_FILES names no driver that is there", "doctor"]);
    }
}

/// Where nothing answers, the report is all the more needed.
#[cfg(target_os = "linux")]
#[test]
fn doctor_reports_without_any_adapter() {
    let without = |more: &[&str]| {
        let mut command = program();
        command.arg("doctor").args(more).env("VK_DRIVER_FILES", "/no/such/driver.json").env("WGPU_BACKEND", "gl");
        command.env_remove("VK_ICD_FILENAMES").env("LP_NUM_THREADS", "3").output().unwrap()
    };
    let output = without(&[]);
    expect(&output, 3, &["no graphics adapter found"]);
    let report = text(&output.stdout);
    for part in [
        "no adapter answers",
        "backends of this program: vulkan",
        "Vulkan loader: ",
        "/no/such/driver.json: BROKEN: there is no such file",
        "in force: LP_NUM_THREADS=3",
        "in force: VK_DRIVER_FILES=/no/such/driver.json",
        "ignored: WGPU_BACKEND=gl",
        "remedy: ",
    ] {
        assert!(report.contains(part), "no `{part}` in: {report}");
    }
    let output = without(&["--json"]);
    assert_eq!(output.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["error"]["code"], 3);
    assert_eq!((&report["passed"], &report["choice"]), (&Value::Bool(false), &Value::Null));
    assert_eq!(report["adapters"], serde_json::json!([]));
    assert_eq!(report["vulkan"]["named_by"], "VK_DRIVER_FILES");
    assert_eq!(report["vulkan"]["manifests"][0]["problem"], "there is no such file");
    assert!(report["remedy"].as_str().unwrap().len() > 20 && report["backends"][0] == "vulkan");
    assert_eq!(report["overrides"]["LP_NUM_THREADS"], "3");
    assert_eq!(report["ignored"]["WGPU_BACKEND"], "gl");
}

/// Adapters are chosen by the numbers that `doctor` prints; one that fits twice is named.
#[test]
fn adapters_are_chosen_by_number() {
    let doctor = |more: &[&str]| -> Value {
        let output = call(&[&["doctor", "--json"], more].concat());
        expect(&output, 0, &[]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let all = doctor(&[]);
    let adapters = all["adapters"].as_array().unwrap();
    for (number, adapter) in adapters.iter().enumerate() {
        assert_eq!(adapter["number"], number);
        for wanted in [format!("{number}"), format!("#{number}")] {
            let chosen = doctor(&["--adapter", &wanted]);
            assert_eq!(chosen["choice"]["number"], number, "--adapter {wanted}");
            assert_eq!(chosen["adapters"][number]["chosen"], true);
        }
    }
    let beyond = format!("#{}", adapters.len());
    expect(&call(&["doctor", "--adapter", &beyond]), 3, &["there is no adapter number", "found #0"]);
    let shown = text(&call(&["doctor"]).stdout);
    assert!(shown.contains("#0 ") && shown.contains("chosen: #"), "{shown}");
}

#[test]
fn a_configuration_file_is_checked_and_flags_win() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.toml");
    std::fs::write(&file, "stepz = 5\n").unwrap();
    let path = file.to_str().unwrap();
    expect(&call(&["run", "cavity", "--config", path]), 2, &["run.toml", "stepz", "steps"]);
    std::fs::write(&file, "steps = 5\nseed = 7\npoints = { pde = 33 }\n").unwrap();
    let output = call(&["run", "cavity", "--config", path, "--seed", "8", "--dump-config", "--json", "--quiet"]);
    expect(&output, 0, &[]);
    let merged: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(merged["steps"], serde_json::json!([5, "file"]));
    assert_eq!(merged["seed"], serde_json::json!([8, "flag"]));
    assert_eq!(merged["points.pde"], serde_json::json!([33, "file"]));
    assert_eq!(merged["points.lid"][1], "preset quick");
}

#[test]
fn a_run_leaves_everything_it_promises() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    expect(&train(&run, "20", &[]), 0, &[]);
    let record = json(&run.join("run.json"));
    assert_eq!(record["status"], "finished");
    assert_eq!(record["final"]["step"], 20);
    assert_eq!(record["configuration"]["width"]["origin"], "flag");
    for name in record["files"].as_array().unwrap() {
        assert!(run.join(name.as_str().unwrap()).is_file(), "{name}");
    }
    let history = std::fs::read_to_string(run.join("history.csv")).unwrap();
    let lines: Vec<_> = history.lines().collect();
    assert_eq!(lines[0], "step,pde,bc,ic,ic_t,total,rel_l2,rel_linf,mse,lr");
    assert_eq!((lines.len(), lines[2].split(',').next()), (3, Some("20")));
    let html = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(html.contains("data:image/png;base64,") && !html.contains("src=\"http"));

    // what the run says of its error is what `evaluate` says of its model
    let model = run.join("model.safetensors");
    let output = call(&["evaluate", model.to_str().unwrap(), "--json", "--quiet"]);
    expect(&output, 0, &[]);
    let evaluated: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(evaluated["errors"]["rel_l2"], record["final"]["rel_l2"]);

    // a second run into the same place is refused and harms nothing; forced, it repeats bit by bit
    let before = std::fs::read(&model).unwrap();
    expect(&train(&run, "20", &[]), 2, &["--force"]);
    assert_eq!(std::fs::read(&model).unwrap(), before);
    expect(&train(&run, "20", &["--force"]), 0, &[]);
    assert!(parameters(&model) == parameters_of(&before), "the same seed gave other parameters");
}

fn parameters(path: &Path) -> Vec<Vec<u8>> {
    parameters_of(&std::fs::read(path).unwrap())
}

fn parameters_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let mut names = file.names();
    names.sort();
    names.iter().map(|name| file.tensor(name).unwrap().data().to_vec()).collect()
}

#[cfg(unix)]
#[test]
fn a_stopped_run_resumes_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    expect(&train(&whole, "2000", &[]), 0, &[]);
    let mut arguments = vec!["run", "klein-gordon", "--steps", "2000", "--every", "10", "--out"];
    arguments.push(broken.to_str().unwrap());
    arguments.extend(TINY);
    let mut child = program().args(&arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    // the diagnostics grow by a line per evaluation: by now it is training
    while std::fs::read_to_string(broken.join("diagnostics.jsonl")).map_or(0, |t| t.lines().count()) < 3 {
        assert!(Instant::now() < deadline, "the run never started");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let record = json(&broken.join("run.json"));
    assert_eq!(record["status"], "interrupted");
    assert!(record["final"]["step"].as_u64().unwrap() < 2000);
    expect(&call(&["resume", broken.to_str().unwrap(), "--quiet"]), 0, &[]);
    assert_eq!(json(&broken.join("run.json"))["status"], "finished");
    let name = "model.safetensors";
    assert!(parameters(&whole.join(name)) == parameters(&broken.join(name)), "other parameters after resuming");
    let last =
        |folder: &Path| std::fs::read_to_string(folder.join("history.csv")).unwrap().lines().last().map(str::to_owned);
    assert_eq!(last(&whole), last(&broken));
    expect(&call(&["resume", folder.path().to_str().unwrap()]), 4, &["run.json"]);
}

/// Name, shape and values.
type Tensor = (&'static str, Vec<usize>, Vec<f32>);

fn save(path: &Path, tensors: &[Tensor]) {
    let views = tensors.iter().map(|(name, shape, values)| {
        (*name, TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values)).unwrap())
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// Files for `gradients`: a model fresh from training, good points, and where the result goes.
fn files(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let run = folder.join("run");
    expect(&train(&run, "5", &[]), 0, &[]);
    let points = folder.join("points.safetensors");
    save(&points, &good_points());
    (run.join("model.safetensors"), points, folder.join("out.safetensors"))
}

fn good_points() -> Vec<Tensor> {
    vec![
        ("pde", vec![3, 2], vec![0.3, 0.7, 0.6, 0.2, 0.9, 0.1]),
        ("bc", vec![2, 2], vec![0.0, 0.4, 1.0, 0.25]),
        ("ic", vec![2, 2], vec![0.2, 0.0, 0.9, 0.0]),
    ]
}

fn gradients(model: &Path, points: &Path, out: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["gradients", "--quiet", "--problem", "klein-gordon", "--model", model.to_str().unwrap()];
    arguments.extend(["--points", points.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    arguments.extend(more);
    call(&arguments)
}

/// Gives format and checksum in the metadata of a model other names of the same length.
fn foreign(bytes: &mut [u8]) {
    for (own, other) in
        [("acr-pinn-gpu model 2", "another program's 1."), ("acr-pinn-gpu.sha256", "somebody's checksum")]
    {
        let at = bytes.windows(own.len()).position(|part| part == own.as_bytes()).unwrap();
        bytes[at..at + own.len()].copy_from_slice(other.as_bytes());
    }
}

#[test]
fn gradients_writes_what_it_promises_and_refuses_bad_files() {
    let folder = tempfile::tempdir().unwrap();
    let (model, points, out) = files(folder.path());
    let orders = ["--permutations", "3,1,0,2;0,2,3,1;1,0,3,2;2,3,1,0"];
    expect(&gradients(&model, &points, &out, &orders), 0, &[]);
    let bytes = std::fs::read(&out).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("loss").unwrap().shape(), [4]);
    assert_eq!(file.tensor("gram").unwrap().shape(), [4, 4]);
    assert_eq!(file.tensor("coefficients").unwrap().shape(), [4]);
    assert_eq!(file.tensor("grad.ic_t.gates.0.2.weight").unwrap().shape(), [8, 4]);
    assert_eq!(file.tensor("combined.residual_scales").unwrap().shape(), [1]);
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["terms"], "pde,bc,ic,ic_t");
    std::fs::remove_file(&out).unwrap();

    let bad = folder.path().join("bad.safetensors");
    let with = |change: &dyn Fn(&mut Vec<Tensor>)| {
        let mut tensors = good_points();
        change(&mut tensors);
        save(&bad, &tensors);
        gradients(&model, &bad, &out, &[])
    };
    expect(&with(&|t| t[0].2[1] = f32::NAN), 4, &["bad.safetensors", "`pde`", "NaN", "finite"]);
    expect(&with(&|t| t[1].1 = vec![4, 1]), 4, &["`bc`", "[4, 1]", "[4, 2]"]);
    expect(&with(&|t| drop(t.remove(2))), 4, &["`ic`", "missing"]);
    expect(&with(&|t| t[2].0 = "start"), 4, &["`start`", "`pde`, `bc`, `ic`"]);
    expect(&with(&|t| t[0] = ("pde", vec![0, 2], vec![])), 4, &["`pde`", "empty"]);
    expect(&gradients(&model, &points, &out, &["--permutations", "0,1,2,3;0;1;2"]), 2, &["permutation"]);
    expect(&gradients(&model, &points, &out, &["--strategy", "sums"]), 2, &["did you mean `sum`"]);
    let nowhere = folder.path().join("no/such/folder/out.safetensors");
    expect(&gradients(&model, &points, &nowhere, &[]), 7, &["cannot write"]);

    let good = std::fs::read(&model).unwrap();
    for cut in [0, 7, 100, good.len() - 1] {
        std::fs::write(&bad, &good[..cut]).unwrap();
        expect(&gradients(&bad, &points, &out, &[]), 4, &["bad.safetensors", "safetensors"]);
    }
    // a number of the last tensor becomes infinite: bits 23 to 30 set
    let mut infinite = good.clone();
    let end = infinite.len();
    infinite[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    std::fs::write(&bad, &infinite).unwrap();
    expect(&gradients(&bad, &points, &out, &[]), 4, &["checksum"]);
    // the same in a file that does not claim to be as this program wrote it
    foreign(&mut infinite);
    std::fs::write(&bad, infinite).unwrap();
    expect(&gradients(&bad, &points, &out, &[]), 4, &["inf", "finite"]);
    // huge but finite weights: u³ overflows, and the message names the term
    let mut huge = good.clone();
    let tensors = SafeTensors::deserialize(&good).unwrap();
    let output_weight = tensors.tensor("linear.1.weight").unwrap();
    let at = output_weight.data().as_ptr() as usize - good.as_ptr() as usize;
    huge[at..at + 4].copy_from_slice(&1e30_f32.to_le_bytes());
    foreign(&mut huge);
    std::fs::write(&bad, huge).unwrap();
    expect(&gradients(&bad, &points, &out, &[]), 5, &["loss `pde` is"]);
    save(&bad, &[("linear.0.weight", vec![4, 2], vec![0.0; 8])]);
    expect(&gradients(&bad, &points, &out, &[]), 4, &["no known network"]);
    assert!(!out.exists(), "a refused call left a result");
    expect(&call(&["evaluate", model.to_str().unwrap(), "--problem", "cavity"]), 4, &["1 fields", "--problem"]);
    expect(&call(&["evaluate", "/no/such/model.safetensors"]), 4, &["model.safetensors"]);
}

#[test]
fn evaluate_predicts_at_given_points() {
    let folder = tempfile::tempdir().unwrap();
    let (model, points, out) = files(folder.path());
    save(&points, &[("points", vec![3, 2], vec![0.0, 0.0, 0.5, 0.5, 1.0, 1.0])]);
    let output = call(&[
        "evaluate",
        model.to_str().unwrap(),
        "--points",
        points.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "-q",
    ]);
    expect(&output, 0, &[]);
    let bytes = std::fs::read(&out).unwrap();
    let tensor = SafeTensors::deserialize(&bytes).unwrap().tensor("u").map(|t| (t.shape().to_vec(), t.data().len()));
    assert_eq!(tensor.unwrap(), (vec![3, 3], 36));
}

/// Interventions are measured by the network as it is, which in f64 is as far from the solution as on the device.
#[test]
fn evaluate_tries_other_gates() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    expect(&train(&run, "20", &[]), 0, &[]);
    let model = run.join("model.safetensors");
    let gates = |names: &str| call(&["evaluate", model.to_str().unwrap(), "--gates", names, "--json"]);
    let output = gates("swap,uniform,mean,permute");
    expect(&output, 0, &[]);
    assert!(!text(&output.stderr).contains("seed"), "run.json lies beside the model: {}", text(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = document["interventions"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["gates"].as_str().unwrap()).collect();
    assert_eq!(names, ["native", "swap", "uniform", "mean", "permute"]);
    let device = json(&run.join("run.json"))["final"]["rel_l2"].as_f64().unwrap();
    for row in rows {
        let ratio = row["ratios"]["rel_l2"].as_f64().unwrap();
        let error = row["errors"]["rel_l2"].as_f64().unwrap();
        assert!((error / device / ratio - 1.0).abs() < 1e-4, "{row}: {device} on the device");
        assert_eq!(ratio == 1.0, row["gates"] == "native", "{row}");
    }
    // without its run.json nobody knows the seed
    std::fs::rename(run.join("run.json"), run.join("other.json")).unwrap();
    expect(&gates("mean"), 0, &["seed 1234", "preset quick"]);
    expect(&gates("swop"), 2, &["did you mean `swap`"]);
    let both = ["evaluate", model.to_str().unwrap(), "--gates", "swap", "--out", "fields.csv"];
    expect(&call(&both), 2, &["cannot be used with"]);
    // of a problem that only its file knows
    let at = folder.path();
    let within = |words: &[&str]| common::program().current_dir(at).args(words).output().unwrap();
    let new = within(&["new", "mine", "--from", "heat", "--quiet", "--json"]);
    expect(&new, 0, &[]);
    assert_eq!(serde_json::from_slice::<Value>(&new.stdout).unwrap()["files"][0], "mine.toml");
    let tiny = ["--width", "4", "--depth", "1", "--steps", "5", "--quiet", "--out", "mine"];
    expect(&within(&[&["run", "mine.toml"][..], &tiny].concat()), 0, &[]);
    expect(&within(&["evaluate", "mine/model.safetensors", "--gates", "uniform"]), 0, &[]);
    let plain = folder.path().join("plain");
    expect(&train(&plain, "1", &["--network", "mlp"]), 0, &[]);
    let output = call(&["evaluate", plain.join("model.safetensors").to_str().unwrap(), "--gates", "swap"]);
    expect(&output, 2, &["`mlp` has no gates", "separate-lda"]);
}

/// Every other network trains, is written, recognised and evaluated; what is not trained stays as it was.
#[test]
fn other_networks_train_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["matched", "fourier", "separate-lda"] {
        let run = folder.path().join(name);
        expect(&train(&run, "3", &["--network", name]), 0, &[]);
        let model = run.join("model.safetensors");
        let output = call(&["evaluate", model.to_str().unwrap(), "--json", "--quiet"]);
        expect(&output, 0, &[]);
        let evaluated: Value = serde_json::from_slice(&output.stdout).unwrap();
        let record = json(&run.join("run.json"));
        assert_eq!((&evaluated["network"], &evaluated["parameters"]), (&Value::from(name), &record["parameters"]));
        assert_eq!(evaluated["errors"]["rel_l2"], record["final"]["rel_l2"], "{name}");
    }
    let longer = folder.path().join("longer");
    expect(&train(&longer, "6", &["--network", "fourier"]), 0, &[]);
    let waves = |run: &Path| {
        let bytes = std::fs::read(run.join("model.safetensors")).unwrap();
        SafeTensors::deserialize(&bytes).unwrap().tensor("projection").unwrap().data().to_vec()
    };
    assert_eq!(waves(&longer), waves(&folder.path().join("fourier")));
    let resume = call(&["resume", folder.path().join("fourier").to_str().unwrap(), "--steps", "6", "--quiet"]);
    expect(&resume, 0, &[]);
    assert_eq!(waves(&longer), waves(&folder.path().join("fourier")));
}

#[test]
fn a_run_too_large_for_the_adapter_says_so_and_is_marked_failed() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut arguments = vec![
        "run",
        "klein-gordon",
        "--quiet",
        "--preset",
        "paper",
        "--steps",
        "1",
        "--points",
        "pde=16777216",
        "--out",
    ];
    arguments.push(run.to_str().unwrap());
    let output = call(&arguments);
    // a machine with much memory may well take it on; then it must not be called a failure
    if output.status.code() != Some(0) {
        expect(&output, 6, &["needs", "offers", "fewer points"]);
        assert_eq!(json(&run.join("run.json"))["status"], "failed");
    }
}

#[test]
fn lists_and_diagnoses_are_json() {
    let list: Value = serde_json::from_slice(&call(&["list", "--json"]).stdout).unwrap();
    let names: Vec<_> = list["problems"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"cavity") && names.contains(&"klein-gordon"));
    let shipped = list["problem_files"].as_array().unwrap();
    assert!(shipped.iter().any(|p| p["name"] == "lorenz" && p["fields"] == serde_json::json!(["x", "y", "z"])));
    let output = call(&["doctor", "--json"]);
    expect(&output, 0, &[]);
    let doctor: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(doctor["passed"], true);
    assert!(doctor["adapters"].as_array().unwrap().iter().any(|a| a["chosen"] == true));
}

#[test]
fn a_new_problem_file_states_a_problem_and_is_not_written_twice() {
    let folder = tempfile::tempdir().unwrap();
    let new = |arguments: &[&str]| program().arg("new").args(arguments).current_dir(folder.path()).output().unwrap();
    let output = new(&["mine"]);
    expect(&output, 0, &["run mine.toml"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "mine.toml\n");
    let listed =
        |file: &str| program().args(["run", file, "--dump-config"]).current_dir(folder.path()).output().unwrap();
    expect(&listed("mine.toml"), 0, &[]);
    expect(&new(&["mine"]), 2, &["mine.toml exists and is not overwritten"]);
    expect(&new(&["cavity"]), 2, &["`cavity` is a problem of this program"]);
    expect(&new(&["a/b"]), 2, &["letters, digits"]);
    // with the files that it names, which a second copy shares
    expect(&new(&["swirl", "--from", "lorenz"]), 0, &[]);
    expect(&new(&["swirl2", "--from", "lorenz"]), 0, &[]);
    assert!(folder.path().join("lorenz.csv").exists());
    expect(&listed("swirl.toml"), 0, &[]);
    std::fs::write(folder.path().join("lorenz.csv"), "other").unwrap();
    expect(&new(&["swirl3", "--from", "lorenz"]), 2, &["lorenz.csv exists"]);
    assert!(!folder.path().join("swirl3.toml").exists());
    expect(&new(&["x", "--from", "lorentz"]), 2, &["did you mean `lorenz`"]);
}
