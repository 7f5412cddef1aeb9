//! `new`: a problem file to start from.

use std::path::Path;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::math::names;
use acr_pinn_gpu::problems::file::check_name;
use acr_pinn_gpu::problems::shipped::{self, Shipped};
use acr_pinn_gpu::training::files;
use serde_json::json;

use super::{guard, output};

/// Arguments of `new`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  acr-pinn-gpu new my-equation              my-equation.toml, commented, ready to run
  acr-pinn-gpu new my-heat --from heat      a copy of a shipped file, with the files that it names
docs/TUTORIAL.md leads through such a file; docs/PROBLEM_FILES.md lists every key.")]
pub struct Args {
    /// The name of the problem; NAME.toml is written into this folder
    #[arg(value_name = "NAME")]
    name: String,
    /// A shipped problem file to copy instead of the template; see `list`
    #[arg(long, value_name = "PROBLEM")]
    from: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Writes the file.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    let name = args.name.strip_suffix(".toml").unwrap_or(&args.name);
    check_name(name).map_err(Error::Usage)?;
    let (own, text, beside) = match &args.from {
        Some(from) => {
            let Shipped { name, text, files } = original(from)?;
            (*name, *text, *files)
        }
        None => ("my-equation", shipped::TEMPLATE, &[][..]),
    };
    let text = text.replacen(&format!("name = \"{own}\""), &format!("name = \"{name}\""), 1);
    // what others share may be there already, as the same file
    let missing = beside.iter().filter(|(file, text)| !std::fs::read(file).is_ok_and(|there| there == text.as_bytes()));
    let path = format!("{name}.toml");
    let written: Vec<(&str, &str)> = missing.copied().chain([(path.as_str(), text.as_str())]).collect();
    let outputs: Vec<(&str, &Path)> = written.iter().map(|(file, _)| ("NAME", Path::new(*file))).collect();
    guard::files(&outputs, &[])?;
    for (file, text) in &written {
        files::write(Path::new(file), text.as_bytes())?;
    }
    if args.json {
        output::json(&json!({"schema": 1, "files": written.iter().map(|(file, _)| file).collect::<Vec<_>>()}));
    } else {
        output::print(&format!("{path}\n"));
    }
    if !quiet {
        output::say(&format!("train it with `acr-pinn-gpu run {path}`"));
    }
    Ok(0)
}

fn original(name: &str) -> Result<&'static Shipped> {
    shipped::ALL.iter().find(|shipped| shipped.name == name).ok_or_else(|| {
        let known: Vec<&str> = shipped::names().collect();
        Error::Usage(names::unknown("shipped problem file", name, &known))
    })
}
