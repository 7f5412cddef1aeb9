//! The command line: one file per verb. Results go to standard output, everything else to standard error.

mod adapter;
mod bench;
mod bench_table;
mod charts;
mod compare;
mod completions;
mod config;
mod diagnostics;
mod doctor;
mod evaluate;
mod export;
mod fields;
mod gradients;
mod guard;
mod interventions;
mod kernels;
mod list;
mod live;
mod man;
mod model;
mod new;
mod output;
mod page;
mod pictures;
mod progress;
mod roofline;
mod run;
mod serve;
mod shard;
mod signals;
mod study;
mod tune;
mod verdict;
mod verify;

use std::io::IsTerminal;

use acr_pinn_gpu::error::Error;
use acr_pinn_gpu::math::names;
use acr_pinn_gpu::training::problem_file;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Train physics-informed neural networks with hand-written GPU kernels.
#[derive(Parser)]
#[command(name = "acr-pinn-gpu", version, max_term_width = 100, before_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// Say less: no progress, no announcements
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more (-v, -vv); RUST_LOG is respected too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

const EXAMPLES: &str = "Examples:
  acr-pinn-gpu run cavity                         train, evaluate, draw (small preset on a CPU adapter)
  acr-pinn-gpu run klein-gordon --condition std   the plain PINN on the same points
  acr-pinn-gpu run cavity --preset paper          the first published settings
  acr-pinn-gpu new my-equation                    a problem file to start from; `run my-equation.toml` trains it
  acr-pinn-gpu evaluate runs/…/model.safetensors  errors of a trained network
  acr-pinn-gpu bench cavity --save now.json       time of a step by every plan, for `compare`
  acr-pinn-gpu export cavity --out DIR            a page that trains it in a browser
  acr-pinn-gpu doctor                             which adapter, which driver, does it compute";

#[derive(Subcommand)]
enum Verb {
    /// Train a problem, evaluate it and write a run directory
    Run(Box<run::Args>),
    /// Continue a run from its newest valid checkpoint
    Resume(run::ResumeArgs),
    /// Errors of a model on its problem's grid, or its fields at given points
    Evaluate(evaluate::Args),
    /// Losses, gradient rows, Gram matrix and combined gradient at given parameters and points
    Gradients(gradients::Args),
    /// Many runs and what they say together: core, cost, ablation, robustness, equal-time, methods
    Study(Box<study::Args>),
    /// Time training steps and their kernels: every plan and switch, against this adapter's measured ceilings
    Bench(Box<bench::Args>),
    /// Which of several measurements of `bench` is faster, and whether that can be said
    Compare(compare::Args),
    /// Conformance of this adapter: every kernel against the f64 oracle
    Verify(verify::Args),
    /// Adapters, drivers, limits, the one chosen and why, and a self-test
    Doctor(doctor::Args),
    /// The WGSL of a step, what each kernel computes, and the step as a list of dispatches; needs no adapter
    Kernels(Box<kernels::Args>),
    /// A step as a folder that any WebGPU plays, with a page for browsers; needs no adapter
    Export(Box<export::Args>),
    /// Problems, networks, strategies, optimisers, plans, targets, studies, conditions and presets
    List(list::Args),
    /// Write a problem file to start from: your own equation, its conditions and data
    New(new::Args),
    /// The completion script of a shell
    Completions(completions::Args),
    /// The manual page of the program or of a verb
    Man(man::Args),
}

/// Runs the verb of the command line; the result is the exit code.
pub fn run() -> u8 {
    output::begin(std::env::args_os().skip(1));
    let code = perform().unwrap_or_else(|error| {
        let (code, message) = (exit_code(&error), format!("{error:#}"));
        let stopped = matches!(error.downcast_ref(), Some(Error::Stopped { .. }));
        output::say(&format!("{}{message}", if stopped { "" } else { "error: " }));
        output::failed(code, &message);
        code
    });
    let code = output::end(code);
    if code > 128 {
        // a compiler may still be at work on another thread, and would not survive an orderly end
        signal_hook::low_level::exit(code.into());
    }
    code
}

fn perform() -> anyhow::Result<u8> {
    let cli = match command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    listen_to_the_library(cli.quiet, cli.verbose);
    if let Ok(faults) = std::env::var("ACR_PINN_FAULT") {
        acr_pinn_gpu::training::faults::arm(&faults)?;
    }
    match cli.verb {
        Verb::Run(args) => run::run(&args, cli.quiet),
        Verb::Resume(args) => run::resume(&args, cli.quiet),
        Verb::Evaluate(args) => evaluate::run(&args, cli.quiet),
        Verb::Gradients(args) => gradients::run(&args, cli.quiet),
        Verb::Study(args) => study::run(&args, cli.quiet),
        Verb::Bench(args) => bench::run(&args, cli.quiet),
        Verb::Compare(args) => compare::run(&args),
        Verb::Verify(args) => verify::run(&args, cli.quiet),
        Verb::Doctor(args) => doctor::run(&args),
        Verb::Kernels(args) => kernels::run(&args, cli.quiet),
        Verb::Export(args) => export::run(&args, cli.quiet),
        Verb::List(args) => list::run(&args),
        Verb::New(args) => new::run(&args, cli.quiet),
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => man::run(&args, cli.quiet),
    }
}

/// Flags that say how a run is kept, which a step alone does not know.
const OF_A_RUN: [&str; 4] = ["every", "evaluate_every", "keep", "on_nan"];

/// A verb whose help is silent about some flags that it shares with others.
fn hide(verb: clap::Command, flags: &[&str]) -> clap::Command {
    flags.iter().fold(verb, |verb, name| verb.mut_arg(name, |argument| argument.hide(true)))
}

/// The command line, with the help of verbs that share flags and mean something else by them.
fn command() -> clap::Command {
    // a study goes through conditions, and its defaults are not those of a single run
    let command = Cli::command().mut_subcommand("study", |study| {
        let study = hide(study, &["condition", "network", "strategy"]);
        let preset = "paper, revised or quick [default: revised on a GPU, quick on a CPU adapter]";
        let seed = "First seed: initial parameters, points and orders [default: 19018]";
        study.mut_arg("preset", |argument| argument.help(preset)).mut_arg("seed", |argument| argument.help(seed))
    });
    let command = command.mut_subcommand("evaluate", |evaluate| evaluate.after_help(evaluate::help()));
    let command = command.mut_subcommand("gradients", |gradients| gradients.after_help(list::columns(true)));
    let command = command.mut_subcommand("run", |run| run.after_help(run::HELP));
    // a step travels, not a run with its checkpoints
    let command = command.mut_subcommand("export", |export| {
        let export = hide(export, &OF_A_RUN);
        export.mut_arg("preset", |argument| argument.help("paper, revised or quick [default: quick]"))
    });
    let command = command.mut_subcommand("kernels", |kernels| {
        let kernels = hide(kernels, &OF_A_RUN);
        kernels.mut_arg("preset", |argument| argument.help("paper, revised or quick [default: paper]"))
    });
    // a step is timed, not a run
    command.mut_subcommand("bench", |bench| {
        let bench = hide(hide(bench, &OF_A_RUN), &["steps", "residual_scale"]);
        let preset = "paper, revised or quick [default: revised on a GPU, quick on a CPU adapter; with --model paper]";
        bench
            .mut_arg("preset", |argument| argument.help(preset))
            .mut_arg("plan", |argument| argument.help("Only this plan [default: all]"))
    })
}

/// Help and version go to standard output, mistakes to standard error.
fn unparsed(error: &clap::Error) -> anyhow::Result<u8> {
    if !error.use_stderr() {
        output::printed(error.print());
        return Ok(0);
    }
    if let (ErrorKind::InvalidSubcommand, Some(ContextValue::String(word))) =
        (error.kind(), error.get(ContextKind::InvalidSubcommand))
    {
        return Err(Error::Usage(unknown_verb(word)).into());
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // whether anybody hears it changes nothing
        let _ = error.print();
        return Ok(2);
    }
    if error.kind() == ErrorKind::InvalidUtf8 {
        return Err(Error::Usage(not_utf8()).into());
    }
    let text = error.to_string();
    let said = text.lines().filter(|line| !line.trim().starts_with("tip: to pass '-"));
    let said = said.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let said =
        said.map(str::trim).filter(|line| !line.is_empty()).fold(String::new(), |said, line| match said.as_str() {
            "" => line.trim_start_matches("error: ").to_owned(),
            known if known.ends_with(':') => format!("{known} {line}"),
            known => format!("{known}; {line}"),
        });
    Err(Error::Usage(format!("{said} (--help explains every flag)")).into())
}

/// Folders and most files may have any name; what may be a name of `list` instead may not.
fn not_utf8() -> String {
    let word = std::env::args_os().find(|word| word.to_str().is_none()).unwrap_or_default();
    format!(
        "`{}` is not UTF-8, which problems, problem files and numbers are named in: give the file such a name, by a link if it \
         must keep its own",
        word.to_string_lossy()
    )
}

/// Words that other programs have for what verbs do here.
const ELSEWHERE: [(&str, &str); 16] = [
    ("init", "new"),
    ("create", "new"),
    ("train", "run"),
    ("fit", "run"),
    ("solve", "run"),
    ("start", "run"),
    ("continue", "resume"),
    ("restart", "resume"),
    ("predict", "evaluate"),
    ("eval", "evaluate"),
    ("infer", "evaluate"),
    ("test", "verify"),
    ("check", "verify"),
    ("benchmark", "bench"),
    ("diff", "compare"),
    ("info", "doctor"),
];

/// What was probably meant by a verb that there is not.
fn unknown_verb(word: &str) -> String {
    if problem_file::find(word).is_ok() {
        return format!("`{word}` is a problem: did you mean `run {word}`?");
    }
    if acr_pinn_gpu::study::find(word).is_ok() {
        return format!("`{word}` is a study: did you mean `study {word}`?");
    }
    if let Some((_, verb)) = ELSEWHERE.iter().find(|(other, _)| *other == word) {
        return format!("unknown verb `{word}`: did you mean `{verb}`?");
    }
    let command = Cli::command();
    let verbs: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    names::unknown("verb", word, &verbs)
}

/// What the library has to say goes to standard error as well.
fn listen_to_the_library(quiet: bool, verbose: u8) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "info",
        _ => "debug",
    };
    // drivers and their wrappers are talkative: by default only this program's own words
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(format!("error,acr_pinn_gpu={level}")));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| output::Voice);
    // colours are for terminals; a file would be full of their codes
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    subscriber.with_ansi(colours).with_target(false).init();
}

/// The documented exit code of an error.
fn exit_code(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<Error>().map_or(2, Error::exit_code)
}
