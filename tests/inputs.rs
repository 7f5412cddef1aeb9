//! Files as users have them: marked and wide text, names that are no UTF-8, points beyond the domain, models of another
//! problem. What is refused, and in which words, is in `tests/messages.rs`.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::Value;

fn program(folder: &Path, line: &str) -> Command {
    let mut command = common::program();
    command.current_dir(folder).args(line.split(' ').filter(|word| !word.is_empty()));
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn expect(folder: &Path, line: &str, code: i32, parts: &[&str]) -> Output {
    let output = program(folder, line).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}: {}", said(&output));
    assert!(parts.iter().all(|part| said(&output).contains(part)), "{line}: no {parts:?} in {}", said(&output));
    output
}

const TINY: &str = "--preset quick --width 4 --depth 1 --points pde=16 --steps 5 --quiet";

fn save(path: &Path, tensors: &[(&str, [usize; 2], Vec<f32>)]) {
    let views = tensors.iter().map(|(name, shape, values)| {
        (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytemuck::cast_slice(values)).unwrap())
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn text_with_a_mark_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("marked.toml"), "\u{feff}steps = 7\r\n").unwrap();
    let output = expect(at, "run cavity --config marked.toml --dump-config --quiet", 0, &[]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("steps = 7  # file"));
}

#[test]
fn predictions_and_gradients_say_what_they_did() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(at, &format!("run klein-gordon --horizon 2 {TINY} --out run"), 0, &[]);
    save(&at.join("inside"), &[("points", [2, 2], vec![0.0, 0.0, 1.0, 2.0])]);
    save(&at.join("beyond"), &[("points", [3, 2], vec![0.5, 0.5, 0.5, 2.5, -0.1, 0.0])]);
    let model = "run/model.safetensors";
    let output = expect(at, &format!("evaluate {model} --points inside --out a --json"), 0, &[]);
    assert!(!said(&output).contains("outside"), "{}", said(&output));
    let words = ["2 of 3 points lie outside the domain", "number 1 with t = 2.5, and t goes from 0 to 2"];
    let output = expect(at, &format!("evaluate {model} --points beyond --out b --json"), 0, &words);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let value = |key: &str| document[key].clone();
    assert_eq!((value("points"), value("outside"), value("columns")), (3.into(), 2.into(), 3.into()));
    assert_eq!((value("axes"), value("fields"), value("out")), (["x", "t"].into(), ["u"].into(), "b".into()));
    expect(at, &format!("evaluate {model} --points inside --out c"), 0, &["2 points → c"]);
    expect(at, &format!("evaluate {model} --problem burgers --quiet"), 0, &[]);
    let other = ["trained for `klein-gordon`, and is taken for one of `burgers`"];
    expect(at, &format!("evaluate {model} --problem burgers"), 0, &other);

    let points = |t: f32| {
        let pairs = vec![0.3, 0.7, 0.9, t];
        [("pde", [2, 2], pairs.clone()), ("bc", [2, 2], pairs.clone()), ("ic", [2, 2], pairs)]
    };
    save(&at.join("sets"), &points(2.0));
    save(&at.join("late"), &points(3.0));
    let verb = format!("gradients --problem klein-gordon --model {model}");
    let output = expect(at, &format!("{verb} --points sets --out d --json"), 0, &[]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((document["losses"].as_array().unwrap().len(), document["gram"][3].as_array().unwrap().len()), (4, 4));
    expect(at, &format!("{verb} --points late --out e"), 0, &["`pde`: 1 of 2 points lie outside"]);
    // the model knows its own time interval
    expect(at, &format!("{verb} --horizon 2 --points sets --out f"), 0, &[]);
    expect(at, &format!("{verb} --horizon 3 --points sets --out g"), 0, &[]);
    let losses = |name: &str| {
        let bytes = std::fs::read(at.join(name)).unwrap();
        SafeTensors::deserialize(&bytes).unwrap().tensor("loss").unwrap().data().to_vec()
    };
    assert!(losses("d") == losses("f") && losses("d") != losses("g"));
}

/// A path is bytes on Unix.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_utf_8_are_names() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let name = |text: &str| std::ffi::OsStr::from_bytes(&[text.as_bytes(), b"\xe4\xff"].concat()).to_owned();
    let call = |line: &str, paths: &[&str], code: i32| {
        let mut command = program(at, line);
        command.args(paths.iter().map(|path| name(path)));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {}", said(&output));
        assert!(!said(&output).contains("panicked"), "{}", said(&output));
    };
    call(&format!("run klein-gordon {TINY} --json --out"), &["run"], 0);
    call("resume --json", &["run"], 0);
    std::fs::copy(at.join(name("run")).join("model.safetensors"), at.join(name("m"))).unwrap();
    save(&at.join(name("p")), &[("points", [1, 2], vec![0.5, 0.5])]);
    call("evaluate --json", &["m"], 0);
    let mut predict = program(at, "evaluate --json");
    predict.arg(name("m")).arg("--points").arg(name("p")).arg("--out").arg(name("out"));
    assert!(predict.output().unwrap().status.success() && at.join(name("out")).is_file());
    call("bench --quick --samples 1 --save", &["now"], 0);
    call("compare --json", &["now", "now"], 0);
    call("compare", &["now", "none"], 4);
    call("verify --json --compare", &["now", "now"], 4);
    call("run cavity --config", &["none"], 4);
    call("export klein-gordon --width 8 --depth 1 --points pde=16 --expected 0 --json --out", &["step"], 0);
    call("kernels klein-gordon --json --out", &["kernels"], 0);
    // what may be a name of `list` is text
    let mut run = program(at, "run");
    let output = run.arg(std::ffi::OsStr::from_bytes(b"\xe4.toml")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains(".toml` is not UTF-8") && said(&output).contains("link"), "{}", said(&output));
    call("frobnicate", &["x"], 2);
    let mut verb = common::program();
    assert_eq!(verb.arg(name("run")).output().unwrap().status.code(), Some(2));
    let study = "study core --problems klein-gordon --conditions std --seeds 1 --preset quick --width 4 --depth 1 \
                 --points pde=16 --steps 5 --quiet --json --out";
    call(&study.split_whitespace().collect::<Vec<_>>().join(" "), &["study"], 0);
}
