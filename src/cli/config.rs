//! The flags of a run, and the file that may give the same options.

use std::path::Path;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::training::{CONDITIONS, Config, Options, files, whole_of};

/// [`Options`] on the command line.
#[derive(clap::Args, Clone, Debug)]
pub struct Flags {
    /// paper, revised or quick [default: paper on a GPU, quick on a CPU adapter]
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// std, gcr, lda or acr: the paper's pairs of network and strategy [default: acr]
    #[arg(long, value_name = "NAME")]
    condition: Option<String>,
    /// A network of `list`, instead of the condition's
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// The rule that combines gradients, instead of the condition's: sum, pcgrad, config, … (see `list`)
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// An optimiser of `list`: adam or soap [default: soap in quick, adam elsewhere]
    #[arg(long, value_name = "NAME")]
    optimiser: Option<String>,
    /// Decay rates of the optimiser's two moments [default: 0.9,0.999 for adam, 0.95,0.95 for soap]
    #[arg(long, value_name = "B1,B2", allow_negative_numbers = true, value_parser = parse_betas)]
    betas: Option<[f64; 2]>,
    /// soap: steps between two renewals of its bases [default: 10]
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    frequency: Option<u64>,
    /// Optimiser updates; the learning-rate schedule is stretched over them
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    steps: Option<u64>,
    /// Seed of initial parameters, points and orders [default: 1234]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = parse_seed)]
    seed: Option<u64>,
    /// Neurons of a hidden layer (4 to 512)
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    width: Option<usize>,
    /// Hidden layers (1 to 8)
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    depth: Option<usize>,
    /// Points of a term, such as pde=1000; may be repeated
    #[arg(long, value_name = "TERM=N", value_parser = parse_points)]
    points: Vec<(String, usize)>,
    /// fixed (drawn once) or resampled (new points at every step)
    #[arg(long, value_name = "HOW")]
    sampling: Option<String>,
    /// How the step is cut into kernels [default: fused]
    #[arg(long, value_name = "NAME")]
    plan: Option<String>,
    /// Highest learning rate; a rate that falls keeps its shape [default: the preset's]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    rate: Option<f64>,
    /// lda in its revised form, and networks like it: residual scale that every layer starts with [default: 0.1]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    residual_scale: Option<f64>,
    /// Klein–Gordon: end of the time interval [default: 1]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    horizon: Option<f64>,
    /// Cavity: Reynolds number [default: 100; no reference field for others]
    #[arg(long, value_name = "RE", allow_negative_numbers = true)]
    reynolds: Option<f64>,
    /// Steps between checkpoints [default: at evaluations, at most one in two seconds]
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    every: Option<u64>,
    /// Steps between rows of the history [default: the preset's, or those of --every if fewer]
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    evaluate_every: Option<u64>,
    /// Checkpoints to keep [default: 2]
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    keep: Option<usize>,
    /// After a divergence: stop, or rollback to the last good state with half the learning rate [default: stop]
    #[arg(long, value_name = "HOW")]
    on_nan: Option<String>,
}

impl From<&Flags> for Options {
    // every field is named, so that none can be forgotten
    fn from(flags: &Flags) -> Options {
        let f = flags.clone();
        Options {
            preset: f.preset,
            condition: f.condition,
            network: f.network,
            strategy: f.strategy,
            optimiser: f.optimiser,
            betas: f.betas,
            frequency: f.frequency,
            steps: f.steps,
            seed: f.seed,
            width: f.width,
            depth: f.depth,
            points: f.points,
            sampling: f.sampling,
            plan: f.plan,
            rate: f.rate,
            residual_scale: f.residual_scale,
            horizon: f.horizon,
            reynolds: f.reynolds,
            every: f.every,
            evaluate_every: f.evaluate_every,
            keep: f.keep,
            on_nan: f.on_nan,
        }
    }
}

/// The settings of a run as a file that `--config` takes, each with where it comes from. `problem` is what the command line
/// calls it.
pub fn dump(config: &Config, problem: &str) -> String {
    let mut text = format!("# acr-pinn-gpu {}: run {problem} --config FILE\n", env!("CARGO_PKG_VERSION"));
    let mut points = String::new();
    for (key, (value, origin)) in &config.origins {
        // a pair without a name is said by network and strategy alone
        let unnamed = key == "condition" && CONDITIONS.iter().all(|(name, ..)| *value != **name);
        match key.strip_prefix("points.") {
            Some(set) => points += &format!("{set} = {value}  # {origin}\n"),
            None if unnamed => {}
            // names need no escapes, and numbers are written alike in JSON and TOML
            None => text += &format!("{key} = {value}  # {origin}\n"),
        }
    }
    text + "\n[points]\n" + &points
}

/// `count` seeds from `first` on.
///
/// # Errors
/// There are no so many.
pub fn seeds(first: u64, count: u64) -> Result<Vec<u64>> {
    if count == 0 || count > MOST_SEEDS {
        return Err(Error::Usage(format!("--seeds {count} is outside 1..{MOST_SEEDS}")));
    }
    let Some(last) = first.checked_add(count - 1) else {
        let what = format!("--seeds {count} from --seed {first} on passes {}, the largest seed: begin lower", u64::MAX);
        return Err(Error::Usage(what));
    };
    Ok((first..=last).collect())
}

/// More runs than anybody waits for.
const MOST_SEEDS: u64 = 10_000;

fn parse_seed(text: &str) -> std::result::Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is an integer from 0 to {}", u64::MAX))
}

/// A whole number as people write it: 20000, 20_000 or 2e4.
pub fn whole<T: TryFrom<u64>>(text: &str) -> std::result::Result<T, String> {
    let plain = || text.replace('_', "").parse::<u64>().ok().filter(|_| !text.starts_with('_') && !text.ends_with('_'));
    let number = plain().or_else(|| whole_of(text.parse().ok()?));
    let number = number.ok_or("expected a whole number, such as 20000, 20_000 or 2e4")?;
    T::try_from(number).map_err(|_| format!("{number} is too large"))
}

fn parse_betas(text: &str) -> std::result::Result<[f64; 2], String> {
    let numbers: Vec<f64> = text.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    match numbers[..] {
        [first, second] if text.split(',').count() == 2 => Ok([first, second]),
        _ => Err("expected two numbers, such as 0.9,0.999".to_owned()),
    }
}

fn parse_points(text: &str) -> std::result::Result<(String, usize), String> {
    let (term, count) = text.split_once('=').ok_or("expected TERM=N, such as pde=1000")?;
    let count = whole(count).map_err(|_| format!("`{count}` is not a number of points"))?;
    Ok((term.to_owned(), count))
}

/// Reads the options of a `--config` file.
pub fn read(path: &Path) -> Result<Options> {
    let bytes = files::read(path, 1 << 20)?;
    // a file with a wrong key is a wrong configuration, like a wrong flag
    Options::parse(&bytes).map_err(|what| Error::Usage(format!("{}: {what}", path.display())))
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    #[test]
    fn whole_numbers_are_read_as_people_write_them() {
        for (text, number) in
            [("0", 0), ("20000", 20_000), ("20_000", 20_000), ("2e4", 20_000), ("2.5e3", 2_500), ("1E6", 1_000_000)]
        {
            assert_eq!(whole::<u64>(text), Ok(number), "{text}");
        }
        assert_eq!(whole::<u64>("18446744073709551615"), Ok(u64::MAX));
        for text in ["", "many", "-3", "0.5", "1e-3", "1e30", "inf", "NaN", "_1", "1_", "1,000"] {
            assert!(whole::<u64>(text).is_err(), "{text}");
        }
        assert!(whole::<u32>("1e12").unwrap_err().contains("too large"));
    }

    /// What a command line `acr-pinn-gpu run PROBLEM …` asks for.
    pub fn parsed(command: &str) -> Options {
        let words = command.split(' ').skip(2);
        Options::from(&Line::try_parse_from(words).unwrap().flags)
    }
}
