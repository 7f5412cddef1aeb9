//! Parse, run, say what went wrong, exit with the documented code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(cli::run())
}
