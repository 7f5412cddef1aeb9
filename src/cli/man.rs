//! `man`: the manual, from the same definitions as `--help`.

use std::path::PathBuf;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::math::names;
use acr_pinn_gpu::training::files;
use clap::Command;

use super::{guard, output};

/// Arguments of `man`.
#[derive(clap::Args)]
#[command(after_help = "Read one:    acr-pinn-gpu man run | man -l -\n\
                        Keep them:   acr-pinn-gpu man --out ~/.local/share/man/man1")]
pub struct Args {
    /// A verb [default: the program]
    verb: Option<String>,
    /// Write the pages of the program and of all verbs into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "verb")]
    out: Option<PathBuf>,
}

/// Prints a page, or writes all.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    let mut command = super::command();
    command.build();
    let pages: Vec<&Command> =
        std::iter::once(&command).chain(command.get_subcommands().filter(|verb| verb.get_name() != "help")).collect();
    if let Some(folder) = &args.out {
        let pages: Vec<_> = pages.iter().map(|page| (folder.join(format!("{}.1", title(page))), *page)).collect();
        std::fs::create_dir_all(folder).map_err(|e| Error::output(folder, e))?;
        guard::files(&pages.iter().map(|(path, _)| ("--out", path.as_path())).collect::<Vec<_>>(), &[])?;
        pages.iter().try_for_each(|(path, page)| files::write(path, text(page)?.as_bytes()))?;
        if !quiet {
            output::say(&format!("{} pages → {}", pages.len(), folder.display()));
        }
        return Ok(0);
    }
    let page = match &args.verb {
        None => pages[0],
        Some(verb) => pages.iter().skip(1).find(|page| page.get_name() == verb).copied().ok_or_else(|| {
            let known: Vec<&str> = pages.iter().skip(1).map(|page| page.get_name()).collect();
            Error::Usage(names::unknown("verb", verb, &known))
        })?,
    };
    output::print(&text(page)?);
    Ok(0)
}

/// "acr-pinn-gpu-run".
fn title(page: &Command) -> String {
    page.get_display_name().unwrap_or_else(|| page.get_name()).to_owned()
}

fn text(page: &Command) -> Result<String> {
    let mut bytes = Vec::new();
    clap_mangen::Man::new(page.clone()).render(&mut bytes).map_err(|e| Error::output("the page", e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
