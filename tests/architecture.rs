//! The layers of the crate: who may import whom. The table is the picture in `src/lib.rs`; this test reads the
//! paths that the sources name, so that the picture cannot drift.

use std::fs;
use std::path::{Path, PathBuf};

/// Every room under `src/` with the rooms it may name. All may name `error` and themselves.
const ROOMS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("math", &[]),
    ("expressions", &["math"]),
    ("gpu", &[]),
    ("problems", &["math", "expressions"]),
    ("networks", &["math"]),
    ("strategies", &["math"]),
    ("optimisers", &["math", "networks"]),
    ("oracle", &["math", "expressions", "problems", "networks", "strategies", "optimisers"]),
    ("kernels", &["math", "expressions", "problems", "networks", "strategies", "optimisers", "gpu"]),
    (
        "training",
        &["math", "expressions", "problems", "networks", "strategies", "optimisers", "gpu", "kernels", "oracle"],
    ),
    ("report", &["math", "problems", "networks", "strategies", "training"]),
    (
        "lab",
        &[
            "math",
            "expressions",
            "problems",
            "networks",
            "strategies",
            "optimisers",
            "gpu",
            "kernels",
            "oracle",
            "training",
        ],
    ),
    ("study", &["math", "problems", "networks", "strategies", "optimisers", "gpu", "kernels", "training", "report"]),
    (
        "export",
        &["math", "problems", "networks", "strategies", "optimisers", "gpu", "kernels", "oracle", "training", "lab"],
    ),
    (
        "cli",
        &[
            "math",
            "expressions",
            "problems",
            "networks",
            "strategies",
            "optimisers",
            "gpu",
            "kernels",
            "oracle",
            "training",
            "report",
            "lab",
            "export",
            "study",
        ],
    ),
];

/// Names that may appear only under these paths.
const RESERVED: &[(&[&str], &[&str])] = &[
    (&["wgpu::", "ash::"], &["src/gpu/"]),
    (&["png::", "tiny_skia::", "ttf_parser::", "rawzip::"], &["src/report/"]),
    (&["process::exit"], &["src/cli/", "src/main.rs"]),
    // they panic where nobody listens: `cli/output.rs` does not
    (&["println!", "eprintln!", "print!(", "eprint!("], &[]),
    (&["dbg!(", "todo!(", "unimplemented!("], &[]),
];

/// A source file: its path from the root, with `/` on every system, and its lines without comments.
struct Source {
    path: String,
    lines: Vec<String>,
}

impl Source {
    /// The room it stands in: the first name below `src/`.
    fn room(&self) -> &str {
        let below = self.path.trim_start_matches("src/");
        below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    let sources: Vec<Source> = files
        .iter()
        .map(|file| {
            let path = file.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            let lines = fs::read_to_string(file).unwrap().lines().map(without_comment).collect();
            Source { path, lines }
        })
        .collect();
    assert!(sources.len() > 20, "only {} sources were found", sources.len());
    sources
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// The code of a line; `//` inside a string, as in a web address, stays.
fn without_comment(line: &str) -> String {
    let mut quoted = false;
    let bytes = line.as_bytes();
    for i in 0..bytes.len() {
        match bytes[i] {
            b'"' if i == 0 || bytes[i - 1] != b'\\' => quoted = !quoted,
            b'/' if !quoted && bytes.get(i + 1) == Some(&b'/') => return line[..i].to_owned(),
            _ => {}
        }
    }
    line.to_owned()
}

/// The rooms that a line names: `crate::room…`, or several in `crate::{room::…, room}`.
fn named_rooms(line: &str) -> Vec<String> {
    let identifier =
        |text: &str| -> String { text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let mut rooms = Vec::new();
    for (at, found) in line.match_indices("crate::") {
        let rest = &line[at + found.len()..];
        match rest.strip_prefix('{') {
            None => rooms.push(identifier(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (i, c) in list.char_indices() {
                    if start && depth == 0 {
                        rooms.push(identifier(&list[i..]));
                        start = false;
                    }
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        _ => {}
                    }
                    if depth < 0 {
                        break;
                    }
                }
            }
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

fn report(failures: &[String]) {
    assert!(failures.is_empty(), "{} breaches:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn rooms_name_only_the_rooms_below() {
    let mut failures = Vec::new();
    for source in sources() {
        let room = source.room();
        if room == "lib" || room == "main" {
            continue;
        }
        let Some((_, below)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            failures.push(format!(
                "{}: `{room}` is not in the table: give it a place there and in src/lib.rs",
                source.path
            ));
            continue;
        };
        for (number, line) in source.lines.iter().enumerate() {
            for named in named_rooms(line) {
                if named != room && named != "error" && !below.contains(&named.as_str()) {
                    failures.push(format!("{}:{}: `{room}` may not know `{named}`", source.path, number + 1));
                }
            }
        }
    }
    report(&failures);
}

#[test]
fn names_stay_in_their_rooms() {
    let mut failures = Vec::new();
    for source in sources() {
        for (names, places) in RESERVED {
            if places.iter().any(|place| source.path.starts_with(place)) {
                continue;
            }
            for (number, line) in source.lines.iter().enumerate() {
                for name in names.iter().filter(|name| names_it(line, name)) {
                    let home = places.join(" and ");
                    failures.push(format!("{}:{}: `{name}` belongs to {home}", source.path, number + 1));
                }
            }
        }
    }
    report(&failures);
}

/// Tests start the program by one function, which keeps it from what this machine's user has set or measured.
#[test]
fn tests_start_the_program_with_nothing_of_its_user() {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut files);
    let starts = |file: &&PathBuf| fs::read_to_string(file).unwrap().contains(concat!("CARGO_BIN", "_EXE"));
    let starting: Vec<_> = files.iter().filter(starts).collect();
    assert!(starting.len() == 1 && starting[0].ends_with("common/mod.rs"), "{starting:?}");
}

/// Whether `name` stands in the line as a word of its own, not as the end of a longer one.
fn names_it(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The entry of the table is only worth something if the parsing finds what it should.
#[test]
fn paths_are_read_from_every_form_of_import() {
    assert_eq!(named_rooms("use crate::math::{Jet, Real};"), ["math"]);
    assert_eq!(named_rooms("use crate::{math::{self, Jet}, gpu, kernels::Step};"), ["math", "gpu", "kernels"]);
    assert_eq!(named_rooms("    worst(x, crate::math::real::sigmoid, crate::gpu::f)"), ["math", "gpu"]);
    assert_eq!(without_comment("let a = \"http://x\"; // crate::gpu"), "let a = \"http://x\"; ");
    assert!(names_it("wgpu::Device", "wgpu::") && !names_it("acr_wgpu::Device", "wgpu::"));
}
