//! `evaluate`: a trained model on its problem's grid, or at any points.

use std::path::{Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::kernels::default_tile;
use acr_pinn_gpu::kernels::{self, Setup, Step};
use acr_pinn_gpu::math::Schedule;
use acr_pinn_gpu::math::rng::Seeds;
use acr_pinn_gpu::optimisers::Optimisation;
use acr_pinn_gpu::problems::{Problem, Solution, reference};
use acr_pinn_gpu::report::fields::{FORMATS, Format};
use acr_pinn_gpu::strategies;
use acr_pinn_gpu::training::draft::with_parameters;
use acr_pinn_gpu::training::{Evaluation, Evaluator, Model, files, points, problem_file};
use serde_json::{Value, json};

use super::adapter::AdapterArgs;
use super::fields::{Network, at_points, on_grid};
use super::{guard, interventions, list, output};

/// Arguments of `evaluate`.
#[derive(clap::Args)]
pub struct Args {
    /// A model.safetensors
    model: PathBuf,
    /// The problem, where the model's metadata does not name it
    #[arg(long, value_name = "NAME")]
    problem: Option<String>,
    /// Cavity: compare with reference_u.csv and reference_v.csv of this folder instead
    #[arg(long, value_name = "DIR")]
    reference: Option<PathBuf>,
    /// Predict at the points of this safetensors file: f32 `points` [n, axes], columns in the order below
    #[arg(long, value_name = "FILE", requires = "out", conflicts_with = "reference")]
    points: Option<PathBuf>,
    /// Write what the network predicts, at --points or on the problem's grid: a .csv, .npz, .safetensors or .vti file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Errors with other gates than the network's own, in f64 and without an adapter: native, uniform (one half), swap (the
    /// other branch), permute (those of another point), mean (over the last training points); or several
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with_all = ["points", "out"])]
    gates: Vec<String>,
    /// Print one JSON document: errors, or what was predicted
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    adapter: AdapterArgs,
}

/// What files are made of.
pub fn help() -> String {
    let formats: String = FORMATS.iter().map(|(extension, _, what)| format!("  .{extension:<12} {what}\n")).collect();
    format!(
        "Formats of --out, by the ending of its name (none: .safetensors):\n{formats}\
         Columns: the coordinates; every field, such as psi, with its slopes psi_x and psi_y in two axes; what follows from\n\
         the fields, such as speed, u and v; on the grid also u_reference and u_error = u - u_reference, where that is known.\n\
         At --points a .safetensors file holds one tensor [n, 3] per field instead: value, slope, slope ([n, 1] in more\n\
         than two axes). On the grid n0 is the first axis and n1 the second; problems with more axes are cut there.\n\n{}",
        list::columns(false)
    )
}

/// Prints the errors, and writes predictions where that is asked for.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    let inputs = [Some(&args.model), args.points.as_ref(), args.reference.as_ref()];
    let inputs: Vec<&Path> = inputs.into_iter().flatten().map(PathBuf::as_path).collect();
    guard::files(&args.out.iter().map(|out| ("--out", out.as_path())).collect::<Vec<_>>(), &inputs)?;
    let out = match args.out.as_deref() {
        Some(out) => Some((out, format_of(out, args.points.is_some())?)),
        None if args.points.is_some() => {
            return Err(Error::Usage("--points needs --out FILE for the predictions".into()).into());
        }
        None => None,
    };
    let model = Model::load(&args.model)?;
    let problem = problem_of(&model, args.problem.as_deref(), &args.model)?;
    fits(&model, problem, &args.model)?;
    let gates = (!args.gates.is_empty()).then(|| interventions::wanted(&args.gates, &model)).transpose()?;
    output::announce(&trained_for_another(&model, problem), quiet);
    let solution = match &args.reference {
        Some(folder) => Some(reference_in(problem, folder)?),
        None => problem.solution(),
    };
    if let Some(gates) = gates {
        interventions::run(&gates, &args.model, &model, problem, solution, (args.json, quiet))?;
        return Ok(0);
    }
    let points = args.points.as_deref().map(|path| points_of(problem, path)).transpose()?;
    let outside = points.as_ref().and_then(|points| points::outside(problem, points));
    let outside_words: Vec<String> = outside.iter().map(|(_, what)| what.clone()).collect();
    output::announce(&outside_words, quiet);
    let gpu = args.adapter.open(quiet)?;
    let setup = bare_setup(problem, &model);
    let tile = default_tile(&gpu, &setup);
    let step = Step::build(&gpu, &setup, kernels::ALL[0], &tile)?;
    step.set_parameters(&gpu, &model.parameters);
    let network = Network { gpu: &gpu, setup: &setup, step: &step, tile: &tile };
    let about = json!({
        "schema": 1, "model": args.model.file_name().map(|n| n.to_string_lossy()), "problem": problem.name(),
        "network": model.network.name(), "parameters": model.network.layout(&model.shape).trained(), "adapter": gpu.record(),
    });
    if let (Some(points), Some((out, format))) = (points, out) {
        let predicted = at_points(&network, &points, out, format)?;
        if args.json {
            let outside = outside.map_or(0, |(count, _)| count);
            output::json(&joined(joined(about, predicted), json!({"outside": outside})));
        } else if !quiet {
            output::say(&format!("{} points → {}", predicted["points"], out.display()));
        }
        return Ok(0);
    }
    let evaluator = Evaluator::new(&gpu, &setup, &step, &tile, solution)?;
    let evaluation = evaluator.evaluate(&gpu)?;
    let mut document = joined(about, errors_of(&evaluation, evaluator.solution()));
    if let Some((out, format)) = out {
        let written = on_grid(&network, evaluator.solution(), out, format)?;
        output::announce(&[format!("{} points of the grid are in {}", written["points"], out.display())], quiet);
        document = joined(document, written);
    }
    match args.json {
        true => output::json(&document),
        false => output::print(&words(problem, &model, &evaluation, evaluator.solution())),
    }
    Ok(0)
}

/// The format of a file that is asked for.
fn format_of(out: &Path, at_points: bool) -> Result<Format> {
    match Format::of(out) {
        Ok(Format::Vti) if at_points => Err(Error::Usage(
            "--out: a .vti file holds a grid: leave --points out, or write .csv, .npz or .safetensors".into(),
        )),
        format => format.map_err(|what| Error::Usage(format!("--out {}: {what}", out.display()))),
    }
}

fn errors_of(evaluation: &Evaluation, solution: Option<&Solution>) -> Value {
    json!({"reference": solution.map(|s| s.origin.clone()), "errors": evaluation.errors})
}

fn words(problem: &dyn Problem, model: &Model, evaluation: &Evaluation, solution: Option<&Solution>) -> String {
    let head = format!("{} · {} · {} parameters\n", problem.name(), model.network.name(), model.parameters.len());
    match (evaluation.errors, solution) {
        (Some(e), Some(solution)) => format!(
            "{head}reference      {}\nrelative L2    {:.6e}\nrelative L∞    {:.6e}\nmean square    {:.6e}\n",
            solution.origin, e.rel_l2, e.rel_linf, e.mse
        ),
        _ => format!("{head}{}\n", super::page::NO_REFERENCE),
    }
}

fn joined(mut document: Value, more: Value) -> Value {
    if let (Value::Object(document), Value::Object(more)) = (&mut document, more) {
        document.extend(more);
    }
    document
}

/// A model may be looked at with another problem's eyes, as long as that is no slip.
pub fn trained_for_another(model: &Model, problem: &dyn Problem) -> Vec<String> {
    let own = model.metadata.get("problem").filter(|own| *own != problem.name());
    own.map(|own| format!("the model was trained for `{own}`, and is taken for one of `{}`", problem.name()))
        .into_iter()
        .collect()
}

/// The problem a model belongs to: what the user says, else what the file says.
pub fn problem_of(model: &Model, wanted: Option<&str>, path: &Path) -> Result<&'static dyn Problem> {
    if let (None, Some(problem)) = (wanted, problem_file::of_model(model, path)?) {
        return Ok(problem);
    }
    let name = wanted.map(str::to_owned).or_else(|| model.metadata.get("problem").cloned());
    let Some(name) = name else {
        return Err(Error::Usage(format!(
            "{} does not say which problem it belongs to: add --problem NAME",
            path.display()
        )));
    };
    as_trained(&name, model, &[])
}

/// Problem `name` with the parameters that `model` was trained for, and with `given` ones instead.
pub fn as_trained(name: &str, model: &Model, given: &[(&str, f64)]) -> Result<&'static dyn Problem> {
    let own = problem_file::find(name)?.parameters();
    let stored = own.iter().filter_map(|p| Some((p.name, model.metadata.get(p.name)?.parse().ok()?)));
    with_parameters(name, &stored.chain(given.iter().copied()).collect::<Vec<_>>())
}

/// The model must have the problem's coordinates and fields.
pub fn fits(model: &Model, problem: &dyn Problem, path: &Path) -> Result<()> {
    let wanted = [problem.axes().len(), problem.fields().len()];
    let got = [model.shape.inputs, model.shape.outputs];
    let [own, needed] = [model.shape.unknowns, problem.unknowns().len()];
    if own != needed {
        let what =
            format!("it holds {own} trained unknowns, and `{}` has {needed}: name another --problem", problem.name());
        return Err(Error::input(path, what));
    }
    if wanted == got {
        return Ok(());
    }
    let what = format!(
        "a network from {} coordinates to {} fields; `{}` has {} and {}: name another --problem",
        got[0],
        got[1],
        problem.name(),
        wanted[0],
        wanted[1]
    );
    Err(Error::input(path, what))
}

/// The files that [`reference_in`] reads, and how large each may be.
pub const REFERENCE_FILES: [&str; 2] = ["reference_u.csv", "reference_v.csv"];
pub const REFERENCE_CAP: u64 = 1 << 24;

/// The paper's pair of reference files.
pub fn reference_in(problem: &dyn Problem, folder: &Path) -> Result<Solution> {
    if problem.observables()[0].name != "speed" {
        return Err(Error::Usage(format!("--reference is for the cavity; `{}` has a known solution", problem.name())));
    }
    let text = |name: &str| -> Result<String> {
        let path = folder.join(name);
        let bytes = files::read(&path, REFERENCE_CAP)?;
        files::text(&bytes).map(str::to_owned).map_err(|what| Error::input(&path, what))
    };
    reference::cavity::from_csv(&text(REFERENCE_FILES[0])?, &text(REFERENCE_FILES[1])?)
        .map_err(|e| Error::input(folder, e))
}

/// One point per set: enough for the kernels to link; evaluation brings its own points.
fn bare_setup(problem: &'static dyn Problem, model: &Model) -> Setup<'static> {
    Setup {
        problem,
        network: model.network,
        shape: model.shape,
        strategy: strategies::ALL[0],
        optimiser: Optimisation::default(),
        counts: vec![1; problem.sets().len()],
        resampled: false,
        schedule: Schedule::Constant { rate: 0.0 },
        steps: 1,
        seeds: Seeds::of(0),
        orders: None,
    }
}

fn points_of(problem: &dyn Problem, path: &Path) -> Result<Vec<f32>> {
    points::list(problem, &files::read(path, points::CAP)?).map_err(|what| Error::input(path, what))
}
