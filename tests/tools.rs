//! What the program gives to other programs: fields as files, completion scripts, manual pages.

mod common;

use std::path::Path;
use std::process::Output;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

const TINY: &str = "--preset quick --width 4 --depth 1 --points pde=16 --steps 5 --quiet";

fn call(folder: &Path, line: &str) -> Output {
    let mut command = common::program();
    command.current_dir(folder).args(line.split(' '));
    command.output().unwrap()
}

fn expect(folder: &Path, line: &str, code: i32, parts: &[&str]) -> String {
    let output = call(folder, line);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{line}: {said}");
    assert!(parts.iter().all(|part| said.contains(part)), "{line}: no {parts:?} in {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn fields_are_written_for_other_programs() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(at, &format!("run cavity {TINY} --out run"), 0, &[]);
    let model = "run/model.safetensors";
    for name in ["grid.csv", "grid.npz", "grid.safetensors", "grid.vti"] {
        let words = format!("10000 points of the grid are in {name}");
        let errors = expect(at, &format!("evaluate {model} --out {name}"), 0, &[&words]);
        assert!(errors.contains("relative L2"), "{errors}");
    }
    let csv = std::fs::read_to_string(at.join("grid.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    let names =
        "x,y,psi,psi_x,psi_y,p,p_x,p_y,speed,u,v,speed_reference,speed_error,u_reference,u_error,v_reference,v_error";
    assert_eq!((lines.len(), lines[0]), (10_001, names));
    let row = |line: &str| line.split(',').map(|cell| cell.parse::<f32>().unwrap()).collect::<Vec<_>>();
    // the second node is above the first: the last axis is the fastest
    assert_eq!(row(lines[2])[..2], [0.0, 1.0 / 99.0]);
    for line in [lines[1], lines[5_050], lines[10_000]] {
        let v = row(line);
        assert!(v[9] == v[4] && v[10] == -v[3], "u = ψ_y, v = −ψ_x: {line}");
        assert!((v[8] - v[9].hypot(v[10])).abs() < 1e-6 && v[12] == v[8] - v[11], "{line}");
    }
    let bytes = std::fs::read(at.join("grid.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(
        (tensors.tensor("u").unwrap().shape(), tensors.tensor("x").unwrap().shape()),
        (&[100, 100][..], &[100][..])
    );
    assert!(std::fs::read(at.join("grid.npz")).unwrap().starts_with(b"PK\x03\x04"));
    let vti = std::fs::read_to_string(at.join("grid.vti")).unwrap();
    assert!(vti.contains("WholeExtent=\"0 99 0 99 0 0\"") && vti.matches("<DataArray").count() == 15);

    let points: Vec<u8> = [0.25f32, 0.5, 0.75, 1.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![2, 2], &points).unwrap();
    std::fs::write(at.join("p"), safetensors::serialize([("points", view)], None).unwrap()).unwrap();
    let document = expect(at, &format!("evaluate {model} --points p --out at.csv --json"), 0, &[]);
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(
        (&document["points"], &document["names"][0], &document["out"]),
        (&2.into(), &"psi".into(), &"at.csv".into())
    );
    let csv = std::fs::read_to_string(at.join("at.csv")).unwrap();
    assert!(csv.starts_with("x,y,psi,psi_x,psi_y,p,p_x,p_y,speed,u,v\n0.25,0.5,") && csv.lines().count() == 3, "{csv}");
    expect(at, &format!("evaluate {model} --points p --out at.npz"), 0, &["2 points → at.npz"]);
    expect(at, &format!("evaluate {model} --points p --out at.vti"), 2, &["holds a grid", "--points"]);
    expect(at, &format!("evaluate {model} --points p"), 2, &["--out"]);
    expect(at, &format!("evaluate {model} --out at.txt"), 2, &["`.txt`", ".csv, .npz, .safetensors, .vti"]);
    expect(at, &format!("evaluate {model} --out grid.vti"), 2, &["not overwritten"]);
}

/// In five axes the grid is a slice, and there are no slopes.
#[test]
fn a_slice_says_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    expect(at, &format!("run poisson-5d {TINY} --out run"), 0, &[]);
    expect(at, "evaluate run/model.safetensors --out slice.csv", 0, &[]);
    let csv = std::fs::read_to_string(at.join("slice.csv")).unwrap();
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(header[5..], ["u", "u_reference", "u_error"]);
    let third: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').nth(2).unwrap()).collect();
    assert!(third.iter().all(|x| *x == third[0]), "the slice is not flat");
}

#[test]
fn help_says_in_which_order_and_format() {
    let here = Path::new(".");
    let evaluate = expect(here, "evaluate --help", 0, &[]);
    for part in [".vti", ".npz", "psi_x", "cavity", "x (0 to 1), y (0 to 1) → psi, p"] {
        assert!(evaluate.contains(part), "no `{part}` in {evaluate}");
    }
    let run = expect(here, "run --help", 0, &[]);
    assert!(run.contains("[points]") && run.contains("reference_u.csv"), "{run}");
}

#[test]
fn every_shell_has_a_script_and_every_verb_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = expect(at, &format!("completions {shell}"), 0, &[]);
        assert!(script.contains("evaluate-every"), "{shell}");
        // the scripts of the other two have no values
        assert!(script.contains("klein-gordon") || ["powershell", "elvish"].contains(&shell), "{shell}");
    }
    expect(at, "completions bush", 2, &["bash"]);
    let page = expect(at, "man run", 0, &[]);
    assert!(page.starts_with(".ie") && page.contains(".TH") && page.contains("evaluate\\-every"), "{page}");
    expect(at, "man rum", 2, &["did you mean `run`"]);
    expect(at, "man --out pages", 0, &["pages → pages"]);
    for name in ["acr-pinn-gpu.1", "acr-pinn-gpu-run.1", "acr-pinn-gpu-evaluate.1", "acr-pinn-gpu-study.1"] {
        assert!(at.join("pages").join(name).is_file(), "{name}");
    }
    expect(at, "man --out pages", 2, &["not overwritten"]);
}
