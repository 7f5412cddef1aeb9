//! `evaluate`: a trained model on its problem's grid, or at any points.

use std::path::{Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::kernels::default_tile;
use acr_pinn_gpu::kernels::{self, Predictor, Setup, Step, Tile};
use acr_pinn_gpu::math::Schedule;
use acr_pinn_gpu::math::rng::Seeds;
use acr_pinn_gpu::problems::{self, Problem, Solution, reference};
use acr_pinn_gpu::strategies;
use acr_pinn_gpu::training::draft::with_parameters;
use acr_pinn_gpu::training::{Evaluator, Model, files, points};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use super::adapter::AdapterArgs;
use super::{guard, interventions, output};

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
    /// Where predictions go: one tensor [n, 3] per field with value, ∂₀, ∂₁ ([n, 1] in more than two axes)
    #[arg(long, value_name = "FILE", requires = "points")]
    out: Option<PathBuf>,
    /// Errors with other gates than the network's own, in f64 and without an adapter: native, uniform (one half), swap (the
    /// other branch), permute (those of another point), mean (over the last training points); or several
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "points")]
    gates: Vec<String>,
    /// Print one JSON document: errors, or what was predicted
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    adapter: AdapterArgs,
}

/// Prints the errors, or writes predictions.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    let inputs = [Some(&args.model), args.points.as_ref(), args.reference.as_ref()];
    let inputs: Vec<&Path> = inputs.into_iter().flatten().map(PathBuf::as_path).collect();
    guard::files(&args.out.iter().map(|out| ("--out", out.as_path())).collect::<Vec<_>>(), &inputs)?;
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
    let about = json!({
        "schema": 1, "model": args.model.file_name().map(|n| n.to_string_lossy()), "problem": problem.name(),
        "network": model.network.name(), "parameters": model.network.layout(&model.shape).trained(), "adapter": gpu.record(),
    });
    if let (Some(points), Some(out)) = (points, &args.out) {
        let streams = predict(&gpu, &setup, &step, &tile, &points, out)?;
        let axes: Vec<_> = problem.axes().iter().map(|axis| axis.name).collect();
        let count = points.len() / axes.len();
        if args.json {
            let outside = outside.map_or(0, |(count, _)| count);
            let predicted = json!({"points": count, "outside": outside, "axes": axes, "fields": problem.fields(),
                "columns": streams, "out": out.file_name().map(|n| n.to_string_lossy())});
            output::json(&joined(about, predicted));
        } else if !quiet {
            output::say(&format!("{count} points → {}", out.display()));
        }
        return Ok(0);
    }
    let evaluator = Evaluator::new(&gpu, &setup, &step, &tile, solution)?;
    let evaluation = evaluator.evaluate(&gpu)?;
    let origin = evaluator.solution().map(|s| s.origin.clone());
    if args.json {
        output::json(&joined(about, json!({"reference": origin, "errors": evaluation.errors})));
    } else {
        let mut text = format!("{} · {} · {} parameters\n", problem.name(), model.network.name(), about["parameters"]);
        match (evaluation.errors, origin) {
            (Some(e), Some(origin)) => {
                text += &format!(
                    "reference      {origin}\nrelative L2    {:.6e}\nrelative L∞    {:.6e}\n",
                    e.rel_l2, e.rel_linf
                );
                text += &format!("mean square    {:.6e}\n", e.mse);
            }
            _ => text += &format!("{}\n", super::page::NO_REFERENCE),
        }
        output::print(&text);
    }
    Ok(0)
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
    let own = problems::find(name).map_err(Error::Usage)?.parameters();
    let stored = own.iter().filter_map(|p| Some((p.name, model.metadata.get(p.name)?.parse().ok()?)));
    with_parameters(name, &stored.chain(given.iter().copied()).collect::<Vec<_>>())
}

/// The model must have the problem's coordinates and fields.
pub fn fits(model: &Model, problem: &dyn Problem, path: &Path) -> Result<()> {
    let wanted = [problem.axes().len(), problem.fields().len()];
    let got = [model.shape.inputs, model.shape.outputs];
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

/// Writes the fields at `points`, and returns how many columns each has.
fn predict(gpu: &Gpu, setup: &Setup, step: &Step, tile: &Tile, points: &[f32], out: &Path) -> Result<usize> {
    let slopes = setup.shape.inputs == 2;
    let predictor = Predictor::new(gpu, setup, &step.packing, tile, step.weights(), points, slopes)?;
    let jets = predictor.run(gpu)?;
    let (fields, streams) = (setup.problem.fields(), predictor.streams());
    let columns: Vec<Vec<f32>> = (0..fields.len())
        .map(|f| {
            let points = jets.chunks_exact(streams * fields.len());
            points.flat_map(|point| point[streams * f..streams * (f + 1)].to_vec()).collect()
        })
        .collect();
    let n = points.len() / setup.shape.inputs;
    let views = fields.iter().zip(&columns).map(|(name, values)| {
        let view = TensorView::new(Dtype::F32, vec![n, streams], bytemuck::cast_slice(values));
        Ok((*name, view.map_err(|e| Error::output(out, e))?))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    files::write(out, &safetensors::serialize(views, None).map_err(|e| Error::output(out, e))?)?;
    Ok(streams)
}
