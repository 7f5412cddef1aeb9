//! What the fuzz targets of `tests/fuzz` do, without a nightly compiler: every parser of user files meets its
//! corpus and many thousand mutations of it, always the same ones. A parser may refuse, it must not panic.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use acr_pinn_gpu::lab::card::KIND;
use acr_pinn_gpu::math::Variant;
use acr_pinn_gpu::math::rng::philox;
use acr_pinn_gpu::networks::{self, Shape};
use acr_pinn_gpu::training::tensors::{Tensor, serialize};
use acr_pinn_gpu::training::{Checkpoint, Model};
use safetensors::tensor::Dtype;
use serde_json::json;

#[path = "fuzz/parsers.rs"]
mod parsers;

/// Mutations of each file of the corpus.
const MUTATIONS: u32 = 20_000;

/// A deterministic stream of numbers below a bound.
struct Numbers(u32, u32);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.1 += 1;
        philox([self.0, self.1, 0, 0], [77, 88])[0] as usize % bound.max(1)
    }
}

/// Bytes and pieces of text that parsers stumble over.
const PIECES: [&[u8]; 20] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"NaN",
    b"-1",
    b"1e999",
    b"18446744073709551615",
    b"null",
    b"\n",
    b"data_offsets",
    b"[[term]]\n",
    b" = ",
    b"^",
    b"((((((((((((((((",
    b"d(u, x)",
    "\u{2028}é".as_bytes(),
];

/// One to four changes: a flipped bit, another byte, a cut, a piece put in, a stretch repeated or left out.
fn mutate(bytes: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(out.len());
        match numbers.below(8) {
            _ if out.is_empty() => out.extend_from_slice(PIECES[numbers.below(PIECES.len())]),
            0 | 1 => out[at] ^= 1 << numbers.below(8),
            2 => out[at] = numbers.below(256) as u8,
            3 => out.truncate(at),
            4 => drop(out.splice(at..at, PIECES[numbers.below(PIECES.len())].iter().copied())),
            5 => {
                let end = at + numbers.below((out.len() - at).min(64) + 1);
                let stretch = out[at..end].to_vec();
                drop(out.splice(at..at, stretch));
            }
            6 => drop(out.drain(at..at + numbers.below((out.len() - at).min(64) + 1))),
            _ => {
                // the head of this file with the tail of another
                out.truncate(at);
                out.extend_from_slice(&other[numbers.below(other.len())..]);
            }
        }
    }
    out
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name)
}

/// The files that a parser starts from.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// A parser answers, whatever it gets, and soon.
fn meet(name: &str, parse: fn(&[u8]) -> bool, input: &[u8]) -> bool {
    let begun = Instant::now();
    let outcome = std::panic::catch_unwind(|| parse(input));
    let shown = || String::from_utf8_lossy(input).escape_debug().to_string();
    assert!(begun.elapsed() < Duration::from_secs(20), "{name} takes {:?} for {}", begun.elapsed(), shown());
    outcome.unwrap_or_else(|_| panic!("{name} panics on {}", shown()))
}

#[test]
fn no_parser_panics() {
    for (number, (name, parse)) in parsers::ALL.into_iter().enumerate() {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "{name} has no corpus");
        assert!(corpus.iter().any(|bytes| parse(bytes)), "{name}: the corpus holds no file that is accepted");
        assert!(corpus.iter().any(|bytes| !parse(bytes)), "{name}: the corpus holds no file that is refused");
        let mut numbers = Numbers(number as u32, 0);
        // a whole problem takes a thousand times as long as a line
        let mutations = if name == "problem" { MUTATIONS / 50 } else { MUTATIONS };
        for bytes in &corpus {
            for _ in 0..mutations {
                let other = &corpus[numbers.below(corpus.len())];
                meet(name, parse, &mutate(bytes, other, &mut numbers));
            }
        }
    }
}

/// A crude fuzzer: what a parser accepts is mutated further.
#[test]
#[ignore = "runs for ACR_PINN_FUZZ_SECONDS on the parser that ACR_PINN_FUZZ names"]
fn a_long_loop() {
    let asked = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let (wanted, seconds) = (asked("ACR_PINN_FUZZ"), asked("ACR_PINN_FUZZ_SECONDS"));
    let end = Instant::now() + Duration::from_secs(seconds.parse().unwrap());
    let (name, parse) = parsers::ALL.into_iter().find(|(name, _)| **name == *wanted).expect("a parser's name");
    let (mut corpus, mut numbers) = (corpus(name), Numbers(u32::MAX, 0));
    let (first, mut met, mut accepted) = (corpus.len(), 0, 0);
    while Instant::now() < end {
        let [at, other] = [0, 1].map(|_| numbers.below(corpus.len()));
        let input = mutate(&corpus[at], &corpus[other], &mut numbers);
        met += 1;
        if meet(name, parse, &input) {
            accepted += 1;
            // one of the earlier finds makes room
            if corpus.len() < first + 200 { corpus.push(input) } else { corpus[first + accepted % 200] = input }
        }
    }
    assert!(accepted > 0, "{met} inputs, none of them accepted");
    eprintln!("{name}: {met} inputs, {accepted} accepted");
}

/// A file of the corpus: name and bytes.
type Named = (String, Vec<u8>);

fn floats(name: &str, shape: &[usize], values: &[f32]) -> Tensor<'static> {
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    Tensor { name: name.to_owned(), dtype: Dtype::F32, shape: shape.to_vec(), bytes: bytes.into() }
}

fn models() -> Vec<Named> {
    let mut files = Vec::new();
    for &network in networks::ALL {
        let shape = Shape { inputs: 2, outputs: 1, width: 4, depth: 1, variant: Variant::V2, unknowns: 0 };
        let (layout, parameters) = (network.layout(&shape), network.initial(&shape, 3));
        let metadata = HashMap::from(["format", "problem"].map(|key| (key.to_owned(), "klein-gordon".to_owned())));
        let tensors: Vec<_> =
            layout.slots.iter().map(|slot| floats(&slot.name, &slot.shape, &parameters[slot.range()])).collect();
        files.push((format!("{}-foreign", network.name()), serialize(&tensors, &BTreeMap::new())));
        let moments = vec![0.5; 2 * layout.len];
        let history = vec![vec![1.0, 0.25, 0.5]; 2];
        let checkpoint =
            Checkpoint { step: 7, parameters: parameters.clone(), moments, history, ..Checkpoint::default() };
        files.push((format!("{}-checkpoint", network.name()), checkpoint.to_bytes(&layout)));
        files.push((network.name().to_owned(), Model { network, shape, parameters, metadata }.to_bytes()));
    }
    let cut = files[0].1[..files[0].1.len() / 2].to_vec();
    files.push(("cut".to_owned(), cut));
    files
}

fn point_files() -> Vec<Named> {
    let numbers = [0.25, 0.5, 0.75, 1.0];
    let file = |names: &[&str], shape: &[usize]| {
        let tensors: Vec<_> = names.iter().map(|name| floats(name, shape, &numbers)).collect();
        serialize(&tensors, &BTreeMap::new())
    };
    let known = [
        ("klein-gordon", file(&["pde", "bc", "ic"], &[2, 2])),
        ("list", file(&["points"], &[2, 2])),
        ("flat", file(&["points"], &[4])),
        ("other", file(&["pde"], &[1, 4])),
    ];
    known.map(|(name, bytes)| (name.to_owned(), bytes)).into()
}

fn texts() -> [(&'static str, Vec<Named>); 5] {
    let named = |files: &[(&str, String)]| -> Vec<Named> {
        files.iter().map(|(name, text)| ((*name).to_owned(), text.clone().into_bytes())).collect()
    };
    let full = "# all kinds of values\npreset = \"quick\"\nsteps = 5\nrate = 1e-3\non-nan = \"rollback\"\n\
                [points]\npde = 33\nbc = 4\n";
    let config = [("full", full), ("key", "stepz = 5\n"), ("value", "steps = \"many\"\n"), ("syntax", "steps == 5\n")];
    let expressions = [
        ("burgers", "u_t + u*u_x - nu*u_xx"),
        (
            "functions",
            "sin(pi*x)*exp(-u) + tanh(v_1)^2/cosh(t) - abs(min(u, m))^1.5 + log(2 + u^2)*sqrt(1e-3 + max(x, 0))",
        ),
        ("derivatives", "d(exp(x)*u_x, x) + laplacian(u*v_1, x, xi) - d(u^2/2, t) + u_xixt"),
        ("signs", "-(-u)^-3 - --x/2/(v_1 - t) + 2^-1 - u^4 + u^x"),
        ("name", "u_t + uu_x"),
        ("order", "d(u_xxx, t, t)"),
    ];
    let deep = ("deep", format!("{}u{}", "(".repeat(150), ")".repeat(150)));
    let expressions: Vec<(&str, String)> =
        expressions.map(|(name, text)| (name, text.to_owned())).into_iter().chain([deep]).collect();
    let adapter = json!({"name": "a", "backend": "vulkan", "kind": "other", "driver": "", "driver_info": "",
        "vendor": 1, "device": 2});
    let finding = json!({"check": "functions", "subject": "tanh", "passed": true, "comparisons": 3, "error": 1e-7,
        "limit": null, "place": "tanh(1)", "failures": ["x"], "measured": {"ulp": 1.5}, "wgsl_allows": "1 ULP"});
    let card = json!({"schema": 1, "kind": KIND, "version": "0", "adapter": adapter, "checked": false,
        "thorough": false, "passed": true, "seconds": 1.5, "findings": [finding, finding]});
    let other = json!({"schema": 1, "kind": "acr-pinn-gpu bench"});
    let line = vec!["0"; 100].join(",");
    let reference = vec![line; 100].join("\n");
    [
        ("config", named(&config.map(|(name, text)| (name, text.to_owned())))),
        ("card", named(&[("card", card.to_string()), ("other", other.to_string())])),
        ("expression", named(&expressions)),
        ("problem", named(&PROBLEMS.map(|(name, text)| (name, text.to_owned())))),
        ("reference", named(&[("good", reference), ("short", "1,2\n3,4\n".to_owned())])),
    ]
}

/// Problem files that use everything a problem file may have, on grids of few nodes.
const PROBLEMS: [(&str, &str); 5] = [
    (
        "heat",
        "name = \"heat\"\ntitle = \"Heat\"\nfields = [\"u\"]\n[axes]\nx = [0, \"2*pi\"]\nt = [0, 1]\n[constants]\nk = 1e-1\n\
         [[term]]\nname = \"pde\"\nresidual = \"u_t - d(k*(1 + x^2)*u_x, x) + sin(u)\"\npoints = 50\nweight = 2\n\
         [[term]]\nname = \"bc\"\nresidual = [\"u\", \"u_x\"]\non = [\"x = 0\", \"x = 2*pi, t = 0.5\"]\n\
         [[term]]\nname = \"ic\"\nresidual = \"u - sin(x)\"\non = \"t = 0\"\n\
         [reference]\nu = \"exp(-k*t)*sin(x)\"\n[grid]\nx = 5\nt = 4\n[train]\nsteps = 5\n",
    ),
    (
        "plate",
        "name = \"plate\"\nfields = [\"w\"]\n[axes]\nx = [-1, 1]\ny = [-1, 1]\n[grid]\nx = 5\ny = 5\n\
         [[term]]\nname = \"pde\"\nresidual = \"w_xxxx + 2*w_xxyy + w_yyyy\"\nwhere = \"x^2 + y^2 > 0.1 and x < 1\"\npoints = 9\n\
         [[term]]\nname = \"rim\"\nresidual = \"w\"\ncurve = { s = [0, 1], x = \"cos(2*pi*s)/4\", y = \"sin(2*pi*s)/4\" }\n\
         [[term]]\nname = \"edge\"\nresidual = \"w - 1\"\non = \"boundary\"\n",
    ),
    (
        "inverse",
        "name = \"inverse\"\nfields = [\"u\", \"v\"]\n[axes]\nx = [0, 1]\nt = [0, 1]\n\
         [unknowns]\nnu = { start = 0.1, lower = 0 }\n[grid]\nx = 5\nt = 4\n\
         [[term]]\nname = \"pde\"\nresidual = [\"u_t + u*v_x - nu*laplacian(u, x)\", \"max(v, u_xxt) - abs(x)\"]\n\
         [[term]]\nname = \"bc\"\nperiodic = \"x\"\n[[term]]\nname = \"m\"\ndata = \"m.csv\"\n\
         [[term]]\nname = \"p\"\nresidual = \"v\"\npoints = \"m.csv\"\n[reference]\nfile = \"m.csv\"\n\
         \n%%%\nx, t, u\n0, 0.5, 1e-1\n1, 0.5, 2\n",
    ),
    (
        "lorenz",
        "name = \"lorenz\"\nfields = [\"a\", \"b\", \"c\"]\n[axes]\nt = [0, 3]\n[grid]\nt = 9\n\
         [[term]]\nname = \"ode\"\nresidual = [\"a_t - 10*(b - a)\", \"b_t - a*(28 - c) + b\", \"c_t - a*b + 8*c/3\"]\n\
         [[term]]\nname = \"start\"\nresidual = [\"a - 1\", \"b\", \"c\"]\non = \"t = 0\"\n",
    ),
    ("key", "name = \"key\"\nfields = [\"u\"]\n[axis]\nx = [0, 1]\n"),
];

/// Inputs that the fuzzer found are kept beside these.
#[test]
#[ignore = "writes the corpus anew"]
fn write_the_corpus() {
    for (name, files) in texts().into_iter().chain([("model", models()), ("points", point_files())]) {
        std::fs::create_dir_all(folder(name)).unwrap();
        for (file, bytes) in files {
            std::fs::write(folder(name).join(file), bytes).unwrap();
        }
    }
}
