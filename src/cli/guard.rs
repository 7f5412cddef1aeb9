//! What may be written where, asked before anything expensive begins.
//!
//! Nothing that exists is overwritten, unless it is a run or a study directory of this program and `--force` is given;
//! then all that the old run left goes first, so that no old picture or model stands beside new numbers. Files that
//! this program did not write are never touched. An input is never an output.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::training::{files, journal, problem_file};
use serde_json::Value;

use super::evaluate::REFERENCE_FILES;
use super::output;

/// Checks that each of `outputs` can become a new file, and is none of `inputs` or of the other outputs. Each comes
/// with the flag that names it.
pub fn files(outputs: &[(&str, &Path)], inputs: &[&Path]) -> Result<()> {
    for (number, (flag, path)) in outputs.iter().enumerate() {
        if let Some(input) = inputs.iter().find(|input| same(path, input)) {
            let what = format!("{flag} {} is what is read from {}: name another file", path.display(), input.display());
            return Err(Error::Usage(what));
        }
        if let Some((other, _)) = outputs[..number].iter().find(|(_, other)| same(path, other)) {
            let what = format!("{other} and {flag} name the same file {}: name two", path.display());
            return Err(Error::Usage(what));
        }
        file(flag, path)?;
    }
    Ok(())
}

fn file(flag: &str, path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(known) if known.is_dir() => Err(Error::output(path, "it is a directory: name a file in it")),
        // an empty file holds nothing that could be lost: `mktemp` makes such ones
        Ok(known) if known.is_file() && known.len() > 0 => {
            let what = format!("{} exists and is not overwritten: choose another {flag}, or remove it", path.display());
            Err(Error::Usage(what))
        }
        // a device or a pipe is written as it is
        Ok(known) if !known.is_file() => Ok(()),
        _ => writable(parent(path)).map_err(|error| Error::output(path, error)),
    }
}

/// Whether two paths lead to the same place, by whatever links; one of them need not be there.
fn same(a: &Path, b: &Path) -> bool {
    resolved(a) == resolved(b)
}

/// The path without links as far as it is there, and the rest as it is given.
fn resolved(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = whole.ancestors().find_map(|part| Some((fs::canonicalize(part).ok()?, part)));
    match there {
        Some((real, part)) => real.join(whole.strip_prefix(part).unwrap_or(Path::new(""))),
        None => whole,
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Tries whether files can be made in a folder, which permissions alone do not tell.
fn writable(folder: &Path) -> std::io::Result<()> {
    let probe = files::temporary(&folder.join(".acr-pinn-gpu"));
    fs::File::options().write(true).create_new(true).open(&probe)?;
    fs::remove_file(&probe)
}

/// What lies where a run or a study is to go.
#[derive(Debug, PartialEq)]
enum Place {
    /// Nothing, or a folder without anything in it that could be lost.
    Free,
    /// A run of this program, with its `run.json`.
    Run(Value),
    /// A study of this program, with its name.
    Study(String),
    /// Something else.
    Other,
}

impl Place {
    /// Looks at `folder`, and whether it or the folder it would be made in can be written.
    ///
    /// # Errors
    /// [`Error::Output`] if not.
    fn of(folder: &Path) -> Result<Place> {
        let there = folder.ancestors().find(|part| part.as_os_str().is_empty() || part.exists());
        let there = there.filter(|part| !part.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !there.is_dir() {
            return Err(Error::output(folder, format!("{} is a file; choose another place", there.display())));
        }
        writable(there).map_err(|error| Error::output(folder, error))?;
        let document = |name: &str| -> Option<Value> {
            serde_json::from_slice(&files::read(&folder.join(name), 1 << 24).ok()?).ok()
        };
        let is_ours = |run: &Value| run["problem"].is_string() && run["configuration"].is_object();
        if let Some(run) = document("run.json").filter(is_ours) {
            return Ok(Place::Run(run));
        }
        if let Some(name) = document("study.json").and_then(|study| Some(study["study"].as_str()?.to_owned())) {
            return Ok(Place::Study(name));
        }
        Ok(if names_in(folder).is_empty() { Place::Free } else { Place::Other })
    }
}

/// All names in a folder that somebody might miss: neither hidden nor half written.
fn names_in(folder: &Path) -> Vec<OsString> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut names: Vec<_> = names
        .filter(|name| {
            let name = name.to_string_lossy();
            !name.starts_with('.') && !files::is_temporary(&name)
        })
        .collect();
    names.sort();
    names
}

/// Checks that a run may go to `folder`, and changes nothing; `copies` are names of files that it will keep there.
pub fn run(folder: &Path, force: bool, inputs: &[&Path], copies: &[String]) -> Result<()> {
    if let Some(input) = inputs.iter().find(|input| resolved(input).starts_with(resolved(folder))) {
        let what = format!("{} is read, and lies in --out {}: choose another --out", input.display(), folder.display());
        return Err(Error::Usage(what));
    }
    let shown = folder.display();
    let what = match Place::of(folder)? {
        Place::Free => return Ok(()),
        Place::Run(document) if force => {
            let own = of_a_run(&document);
            let is_others = |name: &&String| !own.contains(name) && folder.join(name).exists();
            match copies.iter().find(is_others) {
                None => return Ok(()),
                Some(name) => format!(
                    "{shown} holds {name}, which is not of the run that --force removes, and the new run would keep a file of \
                     that name: choose another --out"
                ),
            }
        }
        Place::Run(_) => {
            format!(
                "{shown} already holds a run: `resume {shown}` goes on with it; or choose another --out, or add --force"
            )
        }
        Place::Study(name) => format!("{shown} holds the study `{name}`: choose another --out"),
        Place::Other => format!("{shown} holds files that are no run of this program: choose another --out"),
    };
    Err(Error::Usage(what))
}

/// Checks that the study `name` may go to `folder`, and changes nothing. The same study goes on there.
pub fn study(folder: &Path, name: &str, force: bool) -> Result<()> {
    let shown = folder.display();
    let what = match Place::of(folder)? {
        Place::Free => return Ok(()),
        Place::Study(known) if known == name || force => return Ok(()),
        Place::Study(known) => {
            format!("{shown} holds the study `{known}`: choose another --out, or add --force, which removes it")
        }
        Place::Run(_) => format!("{shown} holds a run: choose another --out"),
        Place::Other => format!("{shown} holds files that are no study of this program: choose another --out"),
    };
    Err(Error::Usage(what))
}

/// Makes a folder for files that belong together, or takes one with nothing in it.
pub fn empty_folder(folder: &Path) -> Result<()> {
    if Place::of(folder)? != Place::Free {
        let what = format!("--out {} holds files, which are not overwritten: choose another --out", folder.display());
        return Err(Error::Usage(what));
    }
    fs::create_dir_all(folder).map_err(|e| Error::output(folder, e))
}

/// The same, and makes the folder: an old run in it goes, and a notice says what stays.
pub fn take_for_run(folder: &Path, force: bool, inputs: &[&Path], copies: &[String], quiet: bool) -> Result<()> {
    run(folder, force, inputs, copies)?;
    if let Place::Run(document) = Place::of(folder)? {
        let _owner = files::Lock::of(folder)?;
        notice(folder, &vacate_run(folder, &document)?, quiet);
    }
    fs::create_dir_all(folder).map_err(|e| Error::output(folder, e))
}

/// The same for a study.
pub fn take_for_study(folder: &Path, name: &str, force: bool, quiet: bool) -> Result<()> {
    study(folder, name, force)?;
    if Place::of(folder)? != Place::Free && Place::of(folder)? != Place::Study(name.to_owned()) {
        notice(folder, &vacate_study(folder)?, quiet);
    }
    fs::create_dir_all(folder).map_err(|e| Error::output(folder, e))
}

fn notice(folder: &Path, left: &[OsString], quiet: bool) {
    if !left.is_empty() && !quiet {
        output::say(&format!("notice:  {} is not of this program and stays in {}", list(left), folder.display()));
    }
}

/// The names of a run's files beside its folders.
fn of_a_run(document: &Value) -> Vec<String> {
    let listed = document["files"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let usual = journal::FILES.into_iter().chain(["report.html", "study-run.json", problem_file::COPY]);
    usual.chain(listed).filter(|name| is_a_name(name)).map(str::to_owned).collect()
}

/// Removes all that a run left in `folder`. Returns the names of what was not its own.
fn vacate_run(folder: &Path, document: &Value) -> Result<Vec<OsString>> {
    let own = of_a_run(document);
    // run.json comes last: what is stopped halfway is still known as a run
    let own: Vec<&str> = own.iter().map(String::as_str).filter(|name| *name != "run.json").collect();
    remove_files(folder, &own)?;
    let checkpoint = |name: &str| name.starts_with("step-") && name.ends_with(".safetensors");
    empty(&folder.join("checkpoints"), &checkpoint)?;
    empty(&folder.join("reference"), &|name| REFERENCE_FILES.contains(&name))?;
    files::sweep(folder);
    remove_files(folder, &["run.json"])?;
    Ok(names_in(folder))
}

/// Removes all that a study left in `folder`, its runs included. Returns the names of what was not its own.
fn vacate_study(folder: &Path) -> Result<Vec<OsString>> {
    let runs = folder.join("runs");
    for name in names_in(&runs) {
        let run = runs.join(name);
        if run.join("study-run.json").is_file() {
            let document = files::read(&run.join("run.json"), 1 << 24).ok();
            let document = document.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null);
            vacate_run(&run, &document)?;
            let _ = fs::remove_dir(run);
        }
    }
    let _ = fs::remove_dir(runs);
    empty(&folder.join("figures"), &|name| name.ends_with(".png") || name.ends_with(".svg"))?;
    let own = ["summary.json", "summary.csv", "table.md", "report.html", "study.json"];
    remove_files(folder, &own)?;
    files::sweep(folder);
    Ok(names_in(folder))
}

/// Whether a name from a document stays in its folder.
fn is_a_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

fn remove_files(folder: &Path, names: &[&str]) -> Result<()> {
    for path in names.iter().map(|name| folder.join(name)).filter(|path| path.is_file()) {
        fs::remove_file(&path).map_err(|e| Error::output(&path, e))?;
    }
    Ok(())
}

/// Removes those files of a folder that `own` knows, and the folder if nothing else is in it.
fn empty(folder: &Path, own: &dyn Fn(&str) -> bool) -> Result<()> {
    files::sweep(folder);
    let names = names_in(folder);
    let names: Vec<&str> = names.iter().filter_map(|name| name.to_str()).filter(|name| own(name)).collect();
    remove_files(folder, &names)?;
    // it may not be empty, and it may not be there
    let _ = fs::remove_dir(folder);
    Ok(())
}

/// Makes a folder that was not there before: `stem`, or `stem-2` and so on where somebody was faster.
///
/// # Errors
/// [`Error::Output`] if none can be made.
pub fn fresh(stem: &Path) -> Result<PathBuf> {
    let failed = |error| Error::output(stem, error);
    fs::create_dir_all(parent(stem)).map_err(failed)?;
    for number in 1.. {
        let mut name = stem.as_os_str().to_owned();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        match fs::create_dir(&name) {
            Ok(()) => return Ok(name.into()),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
    }
    unreachable!("numbers do not end")
}

fn list(names: &[OsString]) -> String {
    names.iter().map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn inputs_and_files_that_hold_something_are_no_outputs() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("full"), "1").unwrap();
        fs::write(path("empty"), "").unwrap();
        fs::create_dir(path("folder")).unwrap();
        let message = |outputs: &[(&str, &Path)], inputs: &[&Path]| files(outputs, inputs).unwrap_err().to_string();
        assert!(message(&[("--out", &path("full"))], &[]).contains("not overwritten"));
        assert!(message(&[("--out", &path("folder"))], &[]).contains("is a directory"));
        assert!(message(&[("--out", &path("none/out"))], &[]).contains("cannot write"));
        let (a, b) = (path("empty"), path("folder/../empty"));
        assert!(message(&[("--out", &a)], &[&b]).contains("what is read"));
        assert!(message(&[("--save", &a), ("--trace", &b)], &[]).contains("the same file"));
        files(&[("--save", &a), ("--trace", &path("new"))], &[&path("full")]).unwrap();
        assert_eq!(names_in(folder.path()).len(), 3);
    }

    #[test]
    fn a_place_is_what_lies_there() {
        let folder = tempfile::tempdir().unwrap();
        let place = || Place::of(folder.path()).unwrap();
        assert_eq!(place(), Place::Free);
        assert_eq!(Place::of(&folder.path().join("a/b")).unwrap(), Place::Free);
        fs::write(folder.path().join(".gitkeep"), "").unwrap();
        assert_eq!(place(), Place::Free);
        // an ending alone makes no file of this program
        fs::write(folder.path().join("data.tmp"), "mine").unwrap();
        assert_eq!(place(), Place::Other);
        fs::remove_file(folder.path().join("data.tmp")).unwrap();
        fs::write(folder.path().join("history.csv"), "mine").unwrap();
        assert_eq!(place(), Place::Other);
        assert!(Place::of(&folder.path().join("history.csv/run")).unwrap_err().exit_code() == 7);
        fs::write(folder.path().join("run.json"), r#"{"problem": "of another program"}"#).unwrap();
        assert_eq!(place(), Place::Other);
        let document = json!({"problem": "cavity", "configuration": {}});
        fs::write(folder.path().join("run.json"), document.to_string()).unwrap();
        assert_eq!(place(), Place::Run(document));
    }

    #[test]
    fn a_run_goes_wholly_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let own = ["run.json", "history.csv", "error.png", "checkpoints/step-00000010.safetensors", "report.html"];
        let others = ["notes.txt", "checkpoints/mine", "figure.png"];
        fs::create_dir(path("checkpoints")).unwrap();
        own.iter().chain(&others).for_each(|name| fs::write(path(name), "1").unwrap());
        let outside = folder.path().join("../outside-of-it");
        // a document of somebody else leads nowhere else
        let document = json!({"files": ["error.png", "../outside-of-it", "/etc/hostname", "checkpoints/mine"]});
        fs::write(&outside, "1").unwrap();
        let left = vacate_run(folder.path(), &document).unwrap();
        assert!(outside.exists());
        fs::remove_file(outside).unwrap();
        assert_eq!(list(&left), "checkpoints, figure.png, notes.txt");
        assert!(own.iter().all(|name| !path(name).exists()) && others.iter().all(|name| path(name).exists()));
    }

    #[test]
    fn fresh_folders_never_collide() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("runs/name");
        let made: Vec<PathBuf> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| fresh(&stem).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut distinct = made.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), made.len());
    }
}
