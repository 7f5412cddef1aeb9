//! What the program says about wrong command lines and files, word by word, with the exit codes: read
//! `tests/snapshots` as a stranger would. After a change on purpose: `INSTA_UPDATE=always cargo test --test messages`.

// the words of the operating system are those of Linux
#![cfg(target_os = "linux")]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use acr_pinn_gpu::math::Variant;
use acr_pinn_gpu::networks::{Mlp, Network, Shape, Slot};
use acr_pinn_gpu::training::tensors::{Tensor, serialize};
use acr_pinn_gpu::training::{Checkpoint, Model};
use safetensors::tensor::Dtype;

/// Wrong names and numbers.
const LINES: [&str; 35] = [
    "rum cavity",
    "train cavity",
    "cavity",
    "frobnicate",
    "run cavty",
    "run cavity --stepz 5",
    "run cavity --steps many",
    "run cavity --steps 0",
    "run cavity --preset papr",
    "run cavity --condition acc",
    "run cavity --network lad",
    "run poisson-5d --network separate-lda",
    "run cavity --network matched --width 400",
    "run cavity --optimiser sopa",
    "run cavity --betas 0.9",
    "run cavity --betas 1.2,0.9",
    "run cavity --optimiser soap --frequency 0",
    "run cavity --optimiser adam --frequency 5",
    "run cavity --plan fusd",
    "run cavity --width 3",
    "run cavity --points pde",
    "run cavity --points pd=100",
    "run helmholtz-1-4 --reynolds 400",
    "run cavity --backend vulcan",
    "run cavity --condition std --network lda",
    "run cavity --rate 0",
    "run cavity --reynolds 1e39",
    "run klein-gordon --horizon 99",
    "run cavity --seed -1",
    "run cavity --seed 18446744073709551615 --seeds 2",
    "run cavity --points pde=5 --points pde=6",
    "study core --widths 4,8",
    "study cost --width 8 --widths 4,8",
    "verify --only jet",
    "gradients --problem klein-gordon --model model.safetensors --points points.safetensors --out o --permutations 0,1",
];

/// Wrong files; see [`files`].
const FILES: [&str; 42] = [
    "run cavity --config none.toml",
    "run cavity --config key.toml",
    "run cavity --config value.toml",
    "run cavity --config both.toml",
    "run cavity --config wide.toml",
    "run cavity --config latin.toml",
    "run cavity --config pointer.safetensors",
    "run cavity --config model.safetensors",
    "resume model.safetensors",
    "evaluate compiled.safetensors",
    "evaluate model.safetensors --gates swap",
    "evaluate model.safetensors --gates swop",
    "evaluate parallel.safetensors",
    "evaluate checkpoint.safetensors",
    "evaluate pointer.safetensors",
    "evaluate points.safetensors",
    "evaluate model.pt",
    "evaluate empty",
    "compare wide.toml wide.toml",
    "compare key.toml key.toml",
    "run cavity --out run",
    "run cavity --out model.safetensors/run",
    "resume none",
    "resume run",
    "resume other",
    "run cavity --out other --force",
    "run cavity --out run --force --reference run",
    "study core --out other",
    "evaluate model.safetensors --points points.safetensors --out model.safetensors",
    "gradients --problem klein-gordon --model model.safetensors --points points.safetensors --out key.toml",
    "evaluate none.safetensors",
    "evaluate run",
    "evaluate key.toml",
    "evaluate cut.safetensors",
    "evaluate flipped.safetensors",
    "evaluate nan.safetensors",
    "evaluate foreign.safetensors",
    "evaluate model.safetensors --problem poisson-5d",
    "evaluate model.safetensors --points model.safetensors --out o",
    "gradients --problem burgers --model model.safetensors --points points.safetensors --out o",
    "verify --compare run/run.json none.json",
    "run cavity --reference run",
];

/// Files that never end or never take anything.
const DEVICES: [&str; 2] = [
    "evaluate /dev/zero",
    "gradients --problem klein-gordon --model model.safetensors --points points.safetensors --out /dev/full",
];

fn floats(name: &str, shape: &[usize], values: &[f32]) -> Tensor<'static> {
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    Tensor { name: name.to_owned(), dtype: Dtype::F32, shape: shape.to_vec(), bytes: bytes.into() }
}

/// The files that the command lines name.
fn files(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    write("key.toml", b"seed = 3\nstepz = 5\n");
    write("both.toml", b"condition = \"std\"\nnetwork = \"lda\"\n");
    write("value.toml", b"steps = \"many\"\n");
    std::fs::create_dir(folder.join("run")).unwrap();
    let run = br#"{"status": "running", "problem": "cavity", "configuration": {"width": {"value": "wide"}}}"#;
    write("run/run.json", run);
    std::fs::create_dir(folder.join("other")).unwrap();
    write("other/run.json", b"{\"status\": \"running\"}\n");
    let shape = Shape { inputs: 2, outputs: 1, width: 4, depth: 1, variant: Variant::V2, unknowns: 0 };
    let (layout, parameters) = (Mlp.layout(&shape), Mlp.initial(&shape, 3));
    let known = [("format", "acr-pinn-gpu model 2"), ("problem", "klein-gordon")];
    let metadata = HashMap::from(known.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let model = Model { network: &Mlp, shape, parameters: parameters.clone(), metadata }.to_bytes();
    write("model.safetensors", &model);
    write("cut.safetensors", &model[..model.len() - 5]);
    let mut flipped = model.clone();
    flipped[model.len() - 5] ^= 4;
    write("flipped.safetensors", &flipped);
    let named = |prefix: &str, parameters: &[f32]| {
        let tensor = |slot: &Slot| floats(&format!("{prefix}{}", slot.name), &slot.shape, &parameters[slot.range()]);
        let tensors: Vec<_> = layout.slots.iter().map(tensor).collect();
        serialize(&tensors, &BTreeMap::new())
    };
    let foreign = |parameters: &[f32]| named("", parameters);
    write("foreign.safetensors", &foreign(&parameters));
    write("compiled.safetensors", &named("_orig_mod.", &parameters));
    write("parallel.safetensors", &named("module.", &parameters));
    let moments = vec![0.0; 2 * parameters.len()];
    let checkpoint = Checkpoint { parameters: parameters.clone(), moments, ..Checkpoint::default() };
    write("checkpoint.safetensors", &checkpoint.to_bytes(&layout));
    write("pointer.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
    write("model.pt", b"PK\x03\x04\0\0\x08\x08");
    write("empty", b"");
    let wide: Vec<u8> = "\u{feff}seed = 3\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    write("wide.toml", &wide);
    write("latin.toml", b"seed = 3 # gr\xf6\xdfer\n");
    let mut broken = parameters;
    broken[5] = f32::NAN;
    write("nan.safetensors", &foreign(&broken));
    let points = ["pde", "bc", "ic"].map(|name| floats(name, &[2, 2], &[0.25, 0.5, 0.75, 1.0]));
    write("points.safetensors", &serialize(&points, &BTreeMap::new()));
}

#[test]
fn every_message_says_what_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let mut text = String::new();
    for line in LINES.into_iter().chain(FILES).chain(DEVICES) {
        let mut command = common::program();
        command.current_dir(folder.path()).env("NO_COLOR", "1").arg("--quiet").args(line.split(' '));
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.stdout.is_empty(), "{line}: results on an error: {}", String::from_utf8_lossy(&output.stdout));
        assert!(!said.contains("panicked"), "{line}: {said}");
        let code = output.status.code().unwrap();
        assert!((2..8).contains(&code), "{line} ended with {code}: {said}");
        text += &format!("$ {line}\n{}\nexit {code}\n\n", said.trim_end());
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("messages", text));
}
