//! Problems from text files: what is said about wrong ones, word by word; what right ones compute, against f64; and runs of
//! them, stopped, resumed, changed and evaluated.

#[path = "problem_files/bad.rs"]
mod bad;
mod common;

use std::collections::HashMap;
use std::path::Path;
use std::process::Output;

use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::kernels::{self, Fused, Plan as _, Tile};
use acr_pinn_gpu::lab::steps::{SMALL, small};
use acr_pinn_gpu::math::Variant;
use acr_pinn_gpu::networks::{Lda, Mlp, Network};
use acr_pinn_gpu::problems::{FileProblem, KleinGordon, Problem, file};
use common::{Case, Report, Tolerance};
use safetensors::SafeTensors;
use serde_json::Value;

/// What the program says of each wrong file. After a change on purpose: `INSTA_UPDATE=always cargo test --test problem_files`.
#[cfg(target_os = "linux")]
#[test]
fn every_wrong_file_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    for (name, bytes) in bad::NUMBERS {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let (mut said, mut failures) = (String::new(), Vec::new());
    let mut call = |label: &str, file: &str| {
        let output = common::program()
            .current_dir(folder.path())
            .args(["--quiet", "run", file, "--steps", "1"])
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code();
        let short = message.trim_end().lines().count() <= 2 && !message.contains("panicked");
        if !short || !matches!(code, Some(2 | 4)) {
            failures.push(format!("{label} ended with {code:?}: {message}"));
        }
        let shown: String = label.chars().take(160).collect();
        said += &format!("{shown}\n{}exit {}\n\n", message, code.unwrap_or(-1));
    };
    for (label, bytes) in bad::files() {
        std::fs::write(folder.path().join("p.toml"), bytes).unwrap();
        call(&label, "p.toml");
    }
    call("a file that is not there", "none.toml");
    call("a folder", "folder/");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("problem_files", said));
}

fn problem(text: &str) -> &'static dyn Problem {
    let numbers = HashMap::from([
        ("m.csv", "x,t,u,sigma\n-0.5,0.25,0.3,0.1\n0.25,0.5,-0.2,0.2\n0.75,1,0.9,0.1\n"),
        ("p.csv", "x,y\n-0.9,-0.8\n0.7,-0.3\n0.1,0.95\n0.6,0.6\n-0.55,0.7\n"),
    ]);
    let mut load = |name: &str| Ok(numbers[name].as_bytes().to_vec());
    let problem: FileProblem = file::read(text, &mut load).unwrap_or_else(|what| panic!("{what}"));
    Box::leak(Box::new(problem))
}

/// One axis, two fields, first order.
const PENDULUM: &str = r#"
name = "pendulum"
fields = ["phi", "w"]
[axes]
t = [0, 2]
[constants]
g = 9.81
[[term]]
name = "ode"
residual = ["phi_t - w", "w_t + g*sin(phi)/2"]
[[term]]
name = "start"
residual = ["phi - 1", "w"]
on = "t = 0"
"#;

/// Three axes and all faces.
const POISSON: &str = r#"
name = "poisson"
fields = ["u"]
[axes]
x = [0, 1]
y = [-1, 1]
z = [0, 2]
[[term]]
name = "pde"
residual = "laplacian(u, x, y, z) + sin(pi*x)*exp(y)*z"
[[term]]
name = "bc"
residual = "u - x*y*z"
on = "boundary"
weight = 10
"#;

/// Third order, periodic, with data.
const KDV: &str = r#"
name = "kdv"
fields = ["u"]
[axes]
x = [-1, 1]
t = [0, 1]
[constants]
d = "0.022^2"
[[term]]
name = "pde"
residual = "u_t + u*u_x + d*u_xxx"
[[term]]
name = "bc"
periodic = "x"
[[term]]
name = "ic"
residual = "u - cos(pi*x)"
on = "t = 0"
[[term]]
name = "measured"
data = "m.csv"
residual = "(u - u_x*x)/sigma"
weight = 0.5
"#;

/// Fourth order around a hole, on its rim, at points from a file.
const PLATE: &str = r#"
name = "plate"
fields = ["w"]
[axes]
x = [-1, 1]
y = [-1, 1]
[[term]]
name = "pde"
residual = "w_xxxx + 2*w_xxyy + w_yyyy - 1"
where = "x^2 + y^2 > 0.25"
[[term]]
name = "rim"
residual = ["w", "x*w_x + y*w_y"]
curve = { s = [0, 1], x = "cos(2*pi*s)/2", y = "sin(2*pi*s)/2" }
[[term]]
name = "edge"
residual = "w - tanh(x*y)"
points = "p.csv"
weight = 4
"#;

/// A variable coefficient in a flux, two coupled fields, a product of slopes.
const COUPLED: &str = r#"
name = "coupled"
fields = ["u", "v"]
[axes]
x = [0, 2]
t = [0, 1]
[[term]]
name = "pde"
residual = ["u_t - d((1 + x^2)*u_x, x) + u*v^2", "v_t - v_xx/10 - abs(u)*min(v, x)"]
[[term]]
name = "sides"
residual = ["u_x*v_x", "u - exp(-t)"]
on = ["x = 0", "x = 2"]
[[term]]
name = "start"
residual = ["u - 1", "v - x"]
on = "t = 0"
"#;

/// A case whose parameters are nowhere at rest.
fn case(text: &str, network: &'static dyn Network) -> Case {
    let mut case = Case::new(problem(text), network, Variant::V2, [5, 2], &[11, 5, 7]);
    case.parameters = acr_pinn_gpu::lab::case::moved_parameters(case.problem, network, &case.shape, 5);
    case
}

#[test]
fn right_files_agree_with_f64_on_both_targets() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let files: [(&str, &'static dyn Network); 5] =
        [(PENDULUM, &Lda), (POISSON, &Mlp), (KDV, &Lda), (PLATE, &Mlp), (COUPLED, &Mlp)];
    for (text, network) in files {
        let mut case = case(text, network);
        for tile in tiles(&gpu, &case) {
            case.tile = Some(tile);
            case.verify(&gpu, &mut report);
        }
    }
    report.finish();
}

/// The target `gpu`, and the other one where runs take it on this adapter.
fn tiles(gpu: &Gpu, case: &Case) -> Vec<Tile> {
    let own = small(gpu, &case.setup());
    let raster = matches!(own, Tile::Raster(_)).then_some(own);
    [Tile::Gpu(SMALL)].into_iter().chain(raster).collect()
}

#[test]
fn every_plan_gives_the_same_rows() {
    let gpu = common::gpu();
    let mut case = case(COUPLED, &Mlp);
    case.tile = Some(Tile::Gpu(SMALL));
    let bits = |case: &Case| {
        let got = case.on_device(&gpu).unwrap();
        let all: Vec<u32> = got.rows.concat().iter().chain(&got.losses).map(|x| x.to_bits()).collect();
        assert!(got.losses.iter().all(|loss| *loss > 0.0));
        all
    };
    let fused = bits(&case);
    for &plan in kernels::ALL.iter().filter(|plan| plan.name() != Fused.name()) {
        case.plan = plan;
        assert!(bits(&case) == fused, "{} gives other bits", plan.name());
    }
}

/// The equation of the program, from a file.
const KLEIN_GORDON: &str = r#"
name = "kg"
fields = ["u"]
[axes]
x = [0, 1]
t = [0, 1]
[[term]]
name = "pde"
residual = "u_tt - u_xx + u^3 - (d(x*cos(5*pi*t) + (x*t)^3, t, t) - d(x*cos(5*pi*t) + (x*t)^3, x, x) + (x*cos(5*pi*t) + (x*t)^3)^3)"
[[term]]
name = "bc"
residual = "u - (x*cos(5*pi*t) + (x*t)^3)"
on = ["x = 0", "x = 1"]
[[term]]
name = "ic"
residual = "u - x"
on = "t = 0"
[[term]]
name = "ic_t"
residual = "u_t"
on = "t = 0"
"#;

#[test]
fn the_built_in_equation_in_a_file_is_the_same_step() {
    let gpu = common::gpu();
    let mut built_in = Case::new(&KleinGordon::DEFAULT, &Lda, Variant::V2, [5, 2], &[11, 6, 7]);
    let mut own = case(KLEIN_GORDON, &Lda);
    // the built-in one has both initial conditions at the same points
    own.points = [0, 1, 2, 2].map(|set| built_in.points[set].clone()).into();
    own.parameters.clone_from(&built_in.parameters);
    own.orders.clone_from(&built_in.orders);
    for case in [&mut own, &mut built_in] {
        case.tile = Some(small(&gpu, &case.setup()));
    }
    let [own, built_in] = [own, built_in].map(|case| case.on_device(&gpu).unwrap());
    let mut report = Report::default();
    for (term, (own, built_in)) in own.losses.iter().zip(&built_in.losses).enumerate() {
        let wanted = f64::from(*built_in);
        report.number(format!("loss {term}"), (*own).into(), wanted, wanted, Tolerance::of_f32(16.0));
    }
    for (term, (own, built_in)) in own.rows.iter().zip(&built_in.rows).enumerate() {
        let wanted = common::widen(built_in);
        report.vector(format!("row {term}"), own, &wanted, common::norm(&wanted), Tolerance::of_f32(64.0));
    }
    report.finish();
}

/// Calls the program in `folder`.
fn call(folder: &Path, line: &str) -> Output {
    common::program().current_dir(folder).arg("--quiet").args(line.split(' ')).output().unwrap()
}

fn expect(output: &Output, code: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in: {said}");
    }
}

/// No smaller rate would help.
#[test]
fn a_start_outside_the_domain_of_a_function_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let text = bad::GOOD.replace("u_t - k*u_xx", "u_t - k*u_xx + log(u)");
    std::fs::write(folder.path().join("p.toml"), text).unwrap();
    let run = call(folder.path(), "run p.toml --steps 5 --condition std --out r");
    expect(&run, 5, &["loss `pde` is NaN at step 0", "outside its domain", "max(u, 1e-6)"]);
}

fn tensors(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = file.names();
    names.sort();
    names.iter().map(|name| file.tensor(name).unwrap().data().to_vec()).collect()
}

#[test]
fn a_run_of_a_file_resumes_refuses_a_changed_copy_and_leaves_a_model_that_stands_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = bad::GOOD.to_owned()
        + "\n[[term]]\nname = \"measured\"\ndata = \"numbers/m.csv\"\n\n[reference]\nu = \"exp(-k*pi^2*t)*sin(pi*x)\"\n\
           [grid]\nx = 11\nt = 6\n[train]\nwidth = 4\ndepth = 1\nsteps = 20\nevery = 10\nnetwork = \"mlp\"\n";
    std::fs::create_dir(at("numbers")).unwrap();
    std::fs::write(at("heat.toml"), &text).unwrap();
    std::fs::write(at("numbers/m.csv"), "x,t,u\n0.5,0.5,0.6\n0.25,1,0.3\n").unwrap();
    expect(&call(folder.path(), "run heat.toml --out run"), 0, &[]);
    let whole = tensors(&at("run/model.safetensors"));
    // as a run would be that was killed behind its checkpoint of step 10
    std::fs::remove_file(at("run/checkpoints/step-00000020.safetensors")).unwrap();

    // the copies in the run directory are all that a resume needs
    for name in ["heat.toml", "numbers/m.csv"] {
        std::fs::remove_file(at(name)).unwrap();
    }
    assert_eq!(std::fs::read_to_string(at("run/problem.toml")).unwrap(), text);
    let changes = [
        ("problem.toml", text.replace("k = 0.1", "k = 0.2"), "constant k \"0.2\" instead of \"0.1\""),
        ("problem.toml", text.replace("u - sin(pi*x)", "u - sin(2*pi*x)"), "term ic \"1 × (u - sin(2*pi*x)) in"),
        ("m.csv", "x,t,u\n0.5,0.5,0.7\n0.25,1,0.3\n".to_owned(), "file numbers/m.csv \""),
    ];
    for (name, changed, difference) in changes {
        let path = at("run").join(name);
        let before = std::fs::read(&path).unwrap();
        std::fs::write(&path, changed).unwrap();
        expect(&call(folder.path(), "resume run"), 4, &[difference]);
        std::fs::write(&path, before).unwrap();
    }
    expect(&call(folder.path(), "resume run"), 0, &[]);
    assert!(tensors(&at("run/model.safetensors")) == whole, "other parameters after resuming");

    // a model has its problem with it, but not the files that this names
    std::fs::create_dir(at("lone")).unwrap();
    std::fs::copy(at("run/model.safetensors"), at("lone/model.safetensors")).unwrap();
    expect(&call(&at("lone"), "evaluate model.safetensors"), 4, &["the problem file in its metadata", "numbers/m.csv"]);
    std::fs::copy(at("run/m.csv"), at("lone/m.csv")).unwrap();
    let record: Value = serde_json::from_slice(&std::fs::read(at("run/run.json")).unwrap()).unwrap();
    let output = call(&at("lone"), "evaluate model.safetensors --json");
    expect(&output, 0, &[]);
    let evaluated: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(evaluated["errors"]["rel_l2"], record["final"]["rel_l2"]);
}
