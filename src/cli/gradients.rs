//! `gradients`: everything a step computes before the update, at parameters and points from files. For
//! checking this program from outside.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::kernels::default_tile;
use acr_pinn_gpu::kernels::{self, Plan, Setup, Step};
use acr_pinn_gpu::math::Schedule;
use acr_pinn_gpu::math::rng::Seeds;
use acr_pinn_gpu::optimisers::Optimisation;
use acr_pinn_gpu::oracle;
use acr_pinn_gpu::strategies;
use acr_pinn_gpu::training::draft::with_parameters;
use acr_pinn_gpu::training::{Model, StepRecord, files, points};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

use super::adapter::AdapterArgs;
use super::{evaluate, guard, output};

/// Arguments of `gradients`.
#[derive(clap::Args)]
pub struct Args {
    /// The problem
    #[arg(long, value_name = "NAME")]
    problem: String,
    /// A model.safetensors
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// A safetensors file with f32 [n, axes] per point set of the problem, sets and columns as below
    #[arg(long, value_name = "FILE")]
    points: PathBuf,
    /// For pcgrad: row i is the order in which term i meets the others, such as "1,0;0,1"
    #[arg(long, value_name = "ROWS")]
    permutations: Option<String>,
    /// sum, pcgrad, config, … (see `list`); of a rule that keeps numbers from step to step the first step
    #[arg(long, value_name = "NAME", default_value = "pcgrad")]
    strategy: String,
    /// How the step is cut into kernels
    #[arg(long, value_name = "NAME", default_value = "fused")]
    plan: String,
    /// Klein–Gordon: end of the time interval [default: the model's]
    #[arg(long, value_name = "T")]
    horizon: Option<f64>,
    /// Cavity: Reynolds number [default: the model's]
    #[arg(long, value_name = "RE")]
    reynolds: Option<f64>,
    /// Where the results go
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print losses, coefficients and Gram matrix as one JSON document too
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    adapter: AdapterArgs,
}

/// Computes and writes losses, rows, Gram matrix, coefficients and combined gradient.
pub fn run(args: &Args, quiet: bool) -> anyhow::Result<u8> {
    guard::files(&[("--out", &args.out)], &[&args.model, &args.points])?;
    let parameters = [("horizon", args.horizon), ("reynolds", args.reynolds)];
    let given: Vec<_> = parameters.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect();
    let problem = with_parameters(&args.problem, &given)?;
    let strategy = strategies::find(&args.strategy).map_err(Error::Usage)?;
    let plan = kernels::find(&args.plan).map_err(Error::Usage)?;
    let terms = problem.terms().len();
    // without given orders: those of step 0 with seed 0
    let orders = match &args.permutations {
        Some(text) => permutations(text, terms).map_err(Error::Usage)?,
        None => oracle::orders(Seeds::of(0).order, 0, terms),
    };
    let model = Model::load(&args.model)?;
    let problem = evaluate::as_trained(&args.problem, &model, &given)?;
    output::announce(&evaluate::trained_for_another(&model, problem), quiet);
    evaluate::fits(&model, problem, &args.model)?;
    let read = |bytes: Vec<u8>| points::sets(problem, &bytes).map_err(|what| Error::input(&args.points, what));
    let points = files::read(&args.points, points::CAP).and_then(read)?;
    let outside: Vec<_> = points
        .iter()
        .zip(problem.sets())
        .filter_map(|(set, named)| Some(format!("`{}`: {}", named.name, points::outside(problem, set)?.1)))
        .collect();
    output::announce(&outside, quiet);
    let setup = Setup {
        problem,
        network: model.network,
        shape: model.shape,
        strategy,
        optimiser: Optimisation::default(),
        counts: points.iter().map(|set| set.len() / model.shape.inputs).collect(),
        resampled: false,
        schedule: Schedule::Constant { rate: 0.0 },
        steps: 1,
        seeds: Seeds::of(0),
        orders: Some(orders),
    };
    let gpu = args.adapter.open(quiet)?;
    let (record, rows) = compute(&gpu, &setup, plan, &model.parameters, &points.concat())?;
    if let Some(term) = record.losses.iter().position(|loss| !loss.is_finite()) {
        let name = problem.terms()[term].name;
        return Err(Error::Diverged(format!(
            "loss `{name}` is {} at these parameters and points",
            record.losses[term]
        ))
        .into());
    }
    write(&args.out, &setup, &record, &rows)?;
    if args.json {
        let names: Vec<_> = problem.terms().iter().map(|term| term.name).collect();
        let gram: Vec<&[f32]> = record.gram.chunks(names.len()).collect();
        output::json(&json!({"schema": 1, "problem": problem.name(), "network": model.network.name(),
            "strategy": strategy.name(), "plan": plan.name(), "adapter": gpu.record(), "terms": names,
            "losses": record.losses, "gram": gram, "coefficients": record.coefficients,
            "out": args.out.file_name().map(|name| name.to_string_lossy())}));
    }
    Ok(0)
}

/// One pass from points to coefficients, without an update.
fn compute(
    gpu: &Gpu,
    setup: &Setup,
    plan: &dyn Plan,
    parameters: &[f32],
    points: &[f32],
) -> Result<(StepRecord, Vec<f32>)> {
    let tile = default_tile(gpu, setup);
    let step = Step::build(gpu, setup, plan, &tile)?;
    step.set_parameters(gpu, parameters);
    step.set_points(gpu, setup, points);
    gpu.submit(std::slice::from_ref(&step.sample), 1);
    gpu.submit(&step.gradients, 1);
    let numbers = gpu.read(&step.ring, Step::record_length(step.terms))?;
    let rows = gpu.read(&step.rows, step.terms * parameters.len())?;
    Ok((StepRecord::parse(0, step.terms, &numbers), rows))
}

/// `"1,0;0,1"` as rows of indices, each a permutation of all terms.
fn permutations(text: &str, terms: usize) -> std::result::Result<Vec<Vec<usize>>, String> {
    let wrong =
        |why: String| format!("--permutations \"{text}\": {why}; give {terms} rows like \"{}\"", example(terms));
    let rows = text.split(';').map(|row| row.split(',').map(|i| i.trim().parse::<usize>()).collect());
    let rows: Vec<Vec<usize>> =
        rows.collect::<std::result::Result<_, _>>().map_err(|_| wrong("an entry is not a number".into()))?;
    if rows.len() != terms {
        return Err(wrong(format!("{} rows for {terms} terms", rows.len())));
    }
    for (i, row) in rows.iter().enumerate() {
        let mut sorted = row.clone();
        sorted.sort_unstable();
        if sorted != (0..terms).collect::<Vec<_>>() {
            return Err(wrong(format!("row {i} is not a permutation of 0..{}", terms - 1)));
        }
    }
    Ok(rows)
}

fn example(terms: usize) -> String {
    let row: Vec<_> = (0..terms).map(|i| i.to_string()).collect();
    vec![row.join(","); terms].join(";")
}

fn write(path: &Path, setup: &Setup, record: &StepRecord, rows: &[f32]) -> Result<()> {
    let layout = setup.network.layout(&setup.shape);
    let terms = setup.problem.terms();
    let combined: Vec<f64> = (0..layout.len)
        .map(|p| {
            let parts = record.coefficients.iter().enumerate();
            parts.map(|(k, c)| f64::from(*c) * f64::from(rows[k * layout.len + p])).sum()
        })
        .collect();
    let k = terms.len();
    let mut tensors: Vec<(String, Dtype, Vec<usize>, &[u8])> = vec![
        ("loss".into(), Dtype::F32, vec![k], bytemuck::cast_slice(&record.losses)),
        ("gram".into(), Dtype::F32, vec![k, k], bytemuck::cast_slice(&record.gram)),
        ("coefficients".into(), Dtype::F32, vec![k], bytemuck::cast_slice(&record.coefficients)),
    ];
    for slot in &layout.slots {
        for (t, term) in terms.iter().enumerate() {
            let at = t * layout.len;
            let row = &rows[at + slot.offset..at + slot.offset + slot.len()];
            let name = format!("grad.{}.{}", term.name, slot.name);
            tensors.push((name, Dtype::F32, slot.shape.clone(), bytemuck::cast_slice(row)));
        }
        let name = format!("combined.{}", slot.name);
        tensors.push((name, Dtype::F64, slot.shape.clone(), bytemuck::cast_slice(&combined[slot.range()])));
    }
    let views = tensors.into_iter().map(|(name, dtype, shape, bytes)| {
        Ok((name, TensorView::new(dtype, shape, bytes).map_err(|e| Error::output(path, e))?))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let names: Vec<_> = terms.iter().map(|term| term.name).collect();
    let metadata =
        HashMap::from([("problem".to_owned(), setup.problem.name().to_owned()), ("terms".to_owned(), names.join(","))]);
    files::write(path, &safetensors::serialize(views, Some(metadata)).map_err(|e| Error::output(path, e))?)
}
