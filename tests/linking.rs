//! Shaders as texts and as modules: every file says what it provides and expects, none is forgotten, no barrier
//! can be skipped by some threads, and every combination of plug-ins links.

mod common;

use acr_pinn_gpu::gpu::{Choice, Gpu};
use acr_pinn_gpu::kernels::{self, Step, Tile, gpu};
use acr_pinn_gpu::lab::steps::SMALL;
use acr_pinn_gpu::math::{Jet, Variant};
use acr_pinn_gpu::{networks, optimisers, problems, strategies};
use common::Case;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Every file below `folder` of the crate: its path from there, with `/`, and its text.
fn files_below(folder: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = BTreeMap::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

/// Every shader file: its path below `shaders/` without extension, and its text.
fn shaders() -> BTreeMap<String, String> {
    let files = files_below("shaders").into_iter();
    let found: BTreeMap<String, String> =
        files.map(|(name, text)| (name.strip_suffix(".wgsl").unwrap_or(&name).to_owned(), text)).collect();
    assert!(found.len() >= 15, "only {} shaders were found", found.len());
    found
}

#[test]
fn headers_say_what_is_provided_and_expected() {
    for (name, text) in shaders() {
        let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//")).collect();
        for word in ["provides:", "expects:"] {
            assert!(header.iter().any(|line| line.contains(word)), "shaders/{name}.wgsl: no `{word}` in its header");
        }
    }
}

/// A file that no source embeds is a leftover.
#[test]
fn every_file_is_embedded() {
    let sources: String = files_below("src").into_values().collect();
    for (name, text) in shaders() {
        // an optimiser names its kernels in a list
        let listed = optimisers::ALL.iter().flat_map(|optimiser| optimiser.kernels()).any(|own| own.text == text);
        let embedded = listed || sources.contains(&format!("/shaders/{name}.wgsl\")"));
        assert!(embedded, "no source embeds shaders/{name}.wgsl");
    }
}

/// The functions of a text: name and body. Comments are gone, braces balance.
fn functions(text: &str) -> Vec<(String, String)> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if at > 0 && !code[..at].ends_with(char::is_whitespace) {
            continue;
        }
        let rest = &code[at + 3..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let start = rest.find('{').unwrap_or(rest.len());
        let mut depth = 0;
        let end = rest[start..].find(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0
        });
        found.push((name, rest[start..start + end.expect("braces balance")].to_owned()));
    }
    found
}

/// Whether `body` calls `name`.
fn calls(body: &str, name: &str) -> Option<usize> {
    body.match_indices(&format!("{name}("))
        .find(|(at, _)| !body[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, _)| at)
}

/// WGSL compilers do not reject a barrier behind a divergent `return`, and some drivers then hang. So no
/// function that may wait returns before it has waited for the last time.
#[test]
fn no_barrier_stands_after_a_return() {
    let functions: Vec<_> = shaders()
        .iter()
        .flat_map(|(file, text)| functions(text).into_iter().map(|(name, body)| (file.clone(), name, body)))
        .collect();
    let mut waiting: BTreeSet<String> =
        ["storageBarrier", "textureBarrier", "workgroupBarrier", "subgroupBarrier", "wait"].map(str::to_owned).into();
    loop {
        let more = functions.iter().filter(|(_, _, body)| waiting.iter().any(|name| calls(body, name).is_some()));
        let more: BTreeSet<String> = more.map(|(_, name, _)| name.clone()).collect();
        let before = waiting.len();
        waiting.extend(more);
        if waiting.len() == before {
            break;
        }
    }
    assert!(
        waiting.contains("fused") && waiting.contains("sum_over_threads"),
        "the search misses barriers: {waiting:?}"
    );
    for (file, name, body) in functions {
        let Some(at) = body.find("return") else { continue };
        let later = waiting.iter().find(|barrier| calls(&body[at..], barrier).is_some());
        assert!(later.is_none(), "shaders/{file}.wgsl: `{name}` returns before it waits in `{later:?}`");
    }
}

/// All problems on all networks, with and without the compiler's runtime checks, at widths that divide
/// nothing. The strategies take turns: they meet nothing of a problem but its number of terms.
#[test]
fn every_combination_links() {
    // few rows at once: what is unrolled is what compilation costs
    let tile = Tile::Gpu(gpu::Gpu { groups: 2, ..SMALL });
    for checked in [true, false] {
        let gpu = Gpu::open(&Choice { checked, ..Choice::default() }).unwrap_or_else(|error| panic!("{error}"));
        let mut strategies = strategies::ALL.iter().cycle();
        for (p, &plan) in kernels::ALL.iter().enumerate() {
            for (&problem, size) in problems::ALL.iter().zip([[5, 1], [7, 1]].into_iter().cycle()) {
                for (&network, variant) in networks::ALL.iter().flat_map(|n| [(n, Variant::V1), (n, Variant::V2)]) {
                    // the other networks consist of the same texts and ops: checked by the gradient tests, unchecked here, one
                    // problem each
                    let place = |name: &str| networks::ALL.iter().position(|n| n.name() == name).unwrap_or(0);
                    let turn = problems::ALL[place(network.name()) % problems::ALL.len()].name() == problem.name();
                    let other = !["mlp", "lda"].contains(&network.name());
                    if other && (p > 0 || checked || variant == Variant::V1 || !turn) {
                        continue;
                    }
                    // the kernels of the other plans consist of the same texts: the first plan has tried them together
                    if p > 0 && (!checked || variant == Variant::V1 || problem.jet() != Jet::Third) {
                        continue;
                    }
                    let mut case = Case::new(problem, network, variant, size, &[3, 2, 2]);
                    case.strategy = *strategies.next().expect("a cycle has no end");
                    let name = format!("{} {} {}", plan.name(), case.strategy.name(), case.name());
                    if let Err(error) = Step::build(&gpu, &case.setup(), plan, &tile) {
                        panic!("{name}, checked: {checked}: {error}");
                    }
                }
            }
        }
        assert!(gpu.fault().is_none(), "{:?}", gpu.fault());
    }
}
