//! `completions`: a script for the shell, with the names that `list` prints.

use acr_pinn_gpu::training::CONDITIONS;
use acr_pinn_gpu::{kernels, networks, optimisers, problems, strategies, study};
use clap::Command;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

use super::output;

/// Arguments of `completions`.
#[derive(clap::Args)]
#[command(after_help = HOW)]
pub struct Args {
    /// The shell
    shell: Shell,
}

const HOW: &str = "To be read when the shell starts:
  bash        acr-pinn-gpu completions bash > ~/.local/share/bash-completion/completions/acr-pinn-gpu
  zsh         acr-pinn-gpu completions zsh > DIR/_acr-pinn-gpu, where DIR is one of $fpath
  fish        acr-pinn-gpu completions fish > ~/.config/fish/completions/acr-pinn-gpu.fish
  powershell  acr-pinn-gpu completions powershell | Out-String | Invoke-Expression";

/// Prints the script.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut with_names(super::command()), "acr-pinn-gpu", &mut script);
    output::print(&String::from_utf8_lossy(&script));
    Ok(0)
}

/// The command line with lists of names, which the program itself checks later, with better words.
fn with_names(command: Command) -> Command {
    let problems: Vec<&str> = problems::ALL.iter().map(|p| p.name()).collect();
    let lists: [(&str, Vec<&str>); 9] = [
        ("problem", problems.clone()),
        ("problems", problems),
        ("preset", vec!["paper", "revised", "quick"]),
        ("condition", CONDITIONS.iter().map(|(name, ..)| *name).collect()),
        ("network", networks::ALL.iter().map(|n| n.name()).collect()),
        ("strategy", strategies::ALL.iter().map(|s| s.name()).collect()),
        ("optimiser", optimisers::ALL.iter().map(|o| o.name()).collect()),
        ("plan", kernels::ALL.iter().map(|p| p.name()).collect()),
        ("study", study::ALL.iter().map(|s| s.name()).collect()),
    ];
    let verbs: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    verbs.into_iter().fold(command, |command, verb| {
        command.mut_subcommand(verb, |verb| {
            let known: Vec<String> = verb.get_arguments().map(|argument| argument.get_id().to_string()).collect();
            lists.iter().filter(|(name, _)| known.iter().any(|id| id == name)).fold(verb, |verb, (name, values)| {
                verb.mut_arg(*name, |argument| argument.value_parser(PossibleValuesParser::new(values.clone())))
            })
        })
    })
}
