//! Problems by name or by file: what every verb takes in place of a name, and the copy that a run keeps.

use std::path::Path;

use crate::error::{Error, Result};
use crate::math::names;
use crate::problems::{self, FileProblem, Problem, file, shipped};

use super::configuration::Options;
use super::files;
use super::model::Model;

/// Larger than any file that a problem should name.
const CAP: u64 = 1 << 28;
/// The name of the copy in a run directory.
pub const COPY: &str = "problem.toml";
/// Files of a run directory that a problem's own must not replace.
const OF_A_RUN: [&str; 6] = ["run.json", "history.csv", "diagnostics.jsonl", "model.safetensors", "report.html", COPY];
/// The key of the file's text in the metadata of a model.
pub const METADATA: &str = "problem-file";

/// Whether a word is meant as a file rather than a name.
pub fn is_path(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|extension| extension == "toml") || word.contains(std::path::MAIN_SEPARATOR)
}

/// The problem of this name, built in or of a file that is shipped, or of the file at this path.
///
/// # Errors
/// A name that is unknown, or a file that is missing or states no problem, with line and column.
pub fn find(word: &str) -> Result<&'static dyn Problem> {
    if is_path(word) {
        return load(Path::new(word));
    }
    problems::find(word)
        .ok()
        .or_else(|| shipped::find(word))
        .ok_or_else(|| Error::Usage(names::unknown("problem", word, &known())))
}

/// Whether a word is meant as a problem: a file, a name, or nearly a name.
pub fn is_meant(word: &str) -> bool {
    word.ends_with(".toml") || names::closest(word, known()).is_some()
}

/// The names of all problems that need no file of the user's.
fn known() -> Vec<&'static str> {
    problems::ALL.iter().map(|problem| problem.name()).chain(shipped::names()).collect()
}

/// The problem of a file. It lives as long as the program, as a run does.
///
/// # Errors
/// The file, or one that it names, is missing or states no problem.
pub fn load(path: &Path) -> Result<&'static dyn Problem> {
    let bytes = files::read(path, CAP)?;
    let text = files::text(&bytes).map_err(|what| Error::input(path, what))?;
    let problem = read(text, path.parent().unwrap_or(Path::new(""))).map_err(|what| Error::input(path, what))?;
    Options::of_problem_file(text).map_err(|what| Error::input(path, what))?;
    Ok(problem)
}

/// The problem that a model was trained for, if the model keeps its file.
///
/// # Errors
/// The text is damaged, or names a file that is not beside the model.
pub fn of_model(model: &Model, path: &Path) -> Result<Option<&'static dyn Problem>> {
    let Some(text) = model.metadata.get(METADATA) else { return Ok(None) };
    // the files that it names are in the program
    if let Some(shipped) = model.metadata.get("problem").and_then(|name| shipped::find(name))
        && shipped.file().is_some_and(|file| file.text == *text)
    {
        return Ok(Some(shipped));
    }
    let problem = read(text, path.parent().unwrap_or(Path::new("")));
    problem.map(Some).map_err(|what| Error::input(path, format!("the problem file in its metadata: {what}")))
}

fn read(text: &str, folder: &Path) -> std::result::Result<&'static dyn Problem, String> {
    // a run directory has copies of all files, without their folders: those that it was trained with
    let kept = folder.join("run.json").exists();
    let mut load = |name: &str| {
        let file = Path::new(name).file_name().unwrap_or_default();
        if OF_A_RUN.iter().any(|own| file == *own) {
            return Err(
                "every run has a file of this name, and keeps a copy of yours beside it: rename yours".to_owned()
            );
        }
        let (there, beside) = (folder.join(name), folder.join(file));
        let order = if kept { [&beside, &there] } else { [&there, &beside] };
        let path = order.into_iter().find(|path| path.exists()).unwrap_or(&there).clone();
        files::read(&path, CAP).map_err(|error| match error {
            Error::Input { what, .. } => what,
            other => other.to_string(),
        })
    };
    let problem: &'static FileProblem = Box::leak(Box::new(file::read(text, &mut load)?));
    Ok(problem)
}

/// Copies the file of `problem`, and those that it names, into a run directory: `resume` reads them there.
///
/// # Errors
/// They cannot be written.
pub fn keep(problem: &dyn Problem, folder: &Path) -> Result<()> {
    let Some(file) = problem.file() else { return Ok(()) };
    for (name, bytes) in &file.files {
        files::write(&folder.join(name_of(name)), bytes)?;
    }
    files::write(&folder.join(COPY), file.text.as_bytes())
}

/// What a command line in a run directory calls `problem`: its name, or the copy of a file that is the user's own.
pub fn word(problem: &dyn Problem) -> &str {
    let shipped = shipped::find(problem.name()).and_then(|shipped| shipped.file());
    match problem.file() {
        Some(own) if shipped.is_none_or(|shipped| shipped.text != own.text) => COPY,
        _ => problem.name(),
    }
}

/// The names of these copies; none for problems without a file.
pub fn copies(problem: &dyn Problem) -> Vec<String> {
    let Some(file) = problem.file() else { return Vec::new() };
    file.files.iter().map(|(name, _)| name_of(name)).chain([COPY.to_owned()]).collect()
}

/// The name of a file without its folder.
fn name_of(file: &str) -> String {
    Path::new(file).file_name().map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned())
}
