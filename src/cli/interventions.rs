//! `evaluate --gates`: errors of a trained network with other gates than its own, and how many times its own errors they are.

use std::path::Path;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::networks;
use acr_pinn_gpu::oracle::{self, Intervention, Model as Subject, Settings};
use acr_pinn_gpu::problems::{Errors, Problem, Solution};
use acr_pinn_gpu::training::{Config, Draft, Model, Options, journal};
use serde_json::{Value, json};

use super::output;

/// The interventions called `names`, the native gates first: the others are measured by them.
///
/// # Errors
/// A name that there is not, and a network without gates.
pub fn wanted(names: &[String], model: &Model) -> Result<Vec<Intervention>> {
    let mut wanted = vec![Intervention::Native];
    for name in names {
        let found = Intervention::find(name).map_err(|what| Error::Usage(format!("--gates: {what}")))?;
        if !wanted.contains(&found) {
            wanted.push(found);
        }
    }
    if !model.network.has_gates() {
        let with: Vec<_> = networks::ALL.iter().filter(|n| n.has_gates()).map(|n| n.name()).collect();
        let (name, with) = (model.network.name(), with.join(", "));
        return Err(Error::Usage(format!("--gates: `{name}` has no gates, only {with} have: leave --gates out")));
    }
    Ok(wanted)
}

/// Evaluates and prints.
///
/// # Errors
/// A problem whose solution is not known, and a damaged run.json beside the model.
pub fn run(
    wanted: &[Intervention],
    path: &Path,
    model: &Model,
    problem: &'static dyn Problem,
    solution: Option<Solution>,
    (json, quiet): (bool, bool),
) -> Result<()> {
    let Some(solution) = solution else {
        return Err(Error::Usage(format!("--gates: no solution of `{}` is known to compare with", problem.name())));
    };
    let (config, notice) = configuration(path, model, problem)?;
    output::announce(&notice.into_iter().collect::<Vec<_>>(), quiet);
    let batch = last_points(&config, model, problem);
    let parameters: Vec<f64> = model.parameters.iter().map(|&p| f64::from(p)).collect();
    let subject = Subject { problem, network: model.network, shape: model.shape };
    let errors = |&intervention: &Intervention| {
        oracle::intervene(subject, &parameters, &solution, intervention, &batch, config.seed)
    };
    let all: Vec<Errors> = wanted.iter().map(errors).collect();
    let rows: Vec<_> = wanted.iter().zip(&all).map(|(intervention, errors)| (*intervention, *errors)).collect();
    if json {
        output::json(&document(path, model, problem, &solution, &rows));
    } else {
        output::print(&table(model, problem, &solution, &rows));
    }
    Ok(())
}

/// What the model was trained with: as the run.json beside it says, else as a run begins without flags.
fn configuration(path: &Path, model: &Model, problem: &'static dyn Problem) -> Result<(Config, Option<String>)> {
    let folder = path.parent().filter(|folder| folder.join("run.json").is_file());
    if let Some(folder) = folder {
        let stored = journal::read(folder)?;
        if stored.problem == problem.name() {
            return Ok((Draft::of(problem, &stored.options, Options::default())?.resolve("quick")?, None));
        }
    }
    let preset = model.metadata.get("preset").filter(|name| problem.preset(name).is_ok()).cloned();
    let options = Options { preset, ..Options::default() };
    let config = Draft::of(problem, &options, Options::default())?.resolve("quick")?;
    let what = format!(
        "no run.json of this run lies beside the model: permutations and mean gates are those of seed {} and of the points of \
         the preset {}",
        config.seed, config.preset.name
    );
    Ok((config, Some(what)))
}

/// The equation's points of the last training step, flat [n, axes].
fn last_points(config: &Config, model: &Model, problem: &dyn Problem) -> Vec<f64> {
    let settings = Settings {
        points: config.preset.points.clone(),
        sampling: config.preset.sampling,
        schedule: config.preset.schedule,
        steps: config.preset.steps,
        seeds: config.seeds(),
        optimiser: config.optimiser,
    };
    let steps = model.metadata.get("step").and_then(|step| step.parse().ok()).unwrap_or(config.preset.steps);
    let mut sets = oracle::points(problem, &settings, (steps.max(1) - 1) as u32);
    sets.swap_remove(problem.terms()[0].sets[0])
}

/// How many times the errors of the network as it is.
fn ratios(errors: &Errors, native: &Errors) -> [f64; 3] {
    [errors.rel_l2 / native.rel_l2, errors.rel_linf / native.rel_linf, errors.mse / native.mse]
}

type Rows = [(Intervention, Errors)];

fn document(path: &Path, model: &Model, problem: &dyn Problem, solution: &Solution, rows: &Rows) -> Value {
    let row = |(intervention, errors): &(Intervention, Errors)| {
        let [rel_l2, rel_linf, mse] = ratios(errors, &rows[0].1);
        json!({"gates": intervention.name(), "errors": errors,
            "ratios": {"rel_l2": rel_l2, "rel_linf": rel_linf, "mse": mse}})
    };
    json!({
        "schema": 1, "model": path.file_name().map(|n| n.to_string_lossy()), "problem": problem.name(),
        "network": model.network.name(), "parameters": model.network.layout(&model.shape).trained(),
        "reference": solution.origin, "errors": rows[0].1, "interventions": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

fn table(model: &Model, problem: &dyn Problem, solution: &Solution, rows: &Rows) -> String {
    let mut text = format!(
        "{} · {} · in f64\nreference      {}\n\n{:<10}{:>14}{:>14}{:>14}{:>12}\n",
        problem.name(),
        model.network.name(),
        solution.origin,
        "gates",
        "relative L2",
        "relative L∞",
        "mean square",
        "L2 ratio"
    );
    for (intervention, errors) in rows {
        let [ratio, ..] = ratios(errors, &rows[0].1);
        let [l2, linf, mse] = [errors.rel_l2, errors.rel_linf, errors.mse].map(|error| format!("{error:.6e}"));
        text += &format!("{:<10}{l2:>14}{linf:>14}{mse:>14}{ratio:>12.3}\n", intervention.name());
    }
    text
}
