//! `list`: what there is to choose from.

use acr_pinn_gpu::problems::{Problem, shipped};
use acr_pinn_gpu::training::CONDITIONS;
use acr_pinn_gpu::{kernels, networks, optimisers, problems, strategies, study};
use serde_json::json;

use super::output;

/// Arguments of `list`.
#[derive(clap::Args)]
pub struct Args {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Prints problems with their presets, networks, strategies, optimisers, plans, targets and conditions.
pub fn run(args: &Args) -> anyhow::Result<u8> {
    if args.json {
        output::json(&document());
        return Ok(0);
    }
    let mut text = String::from("Problems (presets: steps, points, network)\n");
    let files = shipped::problems();
    for (number, problem) in problems::ALL.iter().chain(&files).enumerate() {
        if number == problems::ALL.len() {
            text += "Problem files that are part of the program (`new NAME --from PROBLEM` copies one)\n";
        }
        text += &format!("  {:<16} {}\n  {:<16} {}\n", problem.name(), problem.title(), "", problem.equation());
        let terms: Vec<_> = problem.terms().iter().map(|t| t.name).collect();
        text += &format!("  {:<16} terms: {}\n", "", terms.join(", "));
        text += &format!("  {:<16} axes: {}\n", "", axes_of(*problem));
        for p in problem.presets() {
            let sets = problem.sets();
            let points: Vec<_> = sets.iter().zip(&p.points).map(|(set, n)| format!("{} {n}", set.name)).collect();
            text += &format!(
                "    {:<10} {:>7} steps, {} points ({}), {} hidden layers of {}\n",
                p.name,
                p.steps,
                p.sampling.name(),
                points.join(", "),
                p.depth,
                p.width
            );
        }
        for p in problem.parameters() {
            text += &format!("    --{} {}: {}\n", p.name, p.value, p.meaning);
        }
    }
    let named = |title: &str, rows: Vec<(&str, &str)>| {
        let rows: String = rows.iter().map(|(name, what)| format!("  {name:<16} {what}\n")).collect();
        format!("{title}\n{rows}")
    };
    text += &named("Networks", networks::ALL.iter().map(|n| (n.name(), n.title())).collect());
    text += &named("Strategies", strategies::ALL.iter().map(|s| (s.name(), s.title())).collect());
    text += &named("Optimisers", optimisers::ALL.iter().map(|o| (o.name(), o.title())).collect());
    text += &named("Plans", kernels::ALL.iter().map(|p| (p.name(), p.summary())).collect());
    text += &named("Targets", kernels::tile::TARGETS.to_vec());
    text += &named("Studies", study::ALL.iter().map(|s| (s.name(), s.summary())).collect());
    text += "Conditions\n";
    for (name, network, strategy) in CONDITIONS {
        text += &format!("  {name:<16} {network} + {strategy}\n");
    }
    output::print(&text);
    Ok(0)
}

/// "x (0 to 1), t (0 to 1) → u": coordinates in the order of the columns of points, and the fields.
fn axes_of(problem: &dyn Problem) -> String {
    let axes: Vec<_> =
        problem.axes().iter().map(|axis| format!("{} ({} to {})", axis.name, axis.lower, axis.upper)).collect();
    format!("{} → {}", axes.join(", "), problem.fields().join(", "))
}

/// For the help of verbs that read points: columns of every problem, and its point sets if these have names there.
pub fn columns(sets: bool) -> String {
    let mut text = String::from("Columns of points, in this order, and the fields that come back:\n");
    for problem in problems::ALL {
        text += &format!("  {:<14} {}\n", problem.name(), axes_of(*problem));
        if sets {
            let names: Vec<_> = problem.sets().iter().map(|set| set.name).collect();
            text += &format!("  {:<14} sets {}\n", "", names.join(", "));
        }
    }
    text + "Files are written by `save_file` of the Python package safetensors (safetensors.numpy, safetensors.torch)."
}

fn document() -> serde_json::Value {
    let described = |problem: &&dyn Problem| {
        let presets: Vec<_> = problem
            .presets()
            .iter()
            .map(|p| {
                json!({"name": p.name, "steps": p.steps, "points": p.points, "width": p.width, "depth": p.depth,
                        "variant": p.variant.name(), "sampling": p.sampling.name(), "schedule": p.schedule})
            })
            .collect();
        json!({
            "name": problem.name(), "title": problem.title(), "equation": problem.equation(),
            "terms": problem.terms().iter().map(|t| t.name).collect::<Vec<_>>(),
            "sets": problem.sets().iter().map(|s| s.name).collect::<Vec<_>>(),
            "axes": problem.axes().iter().map(|a| json!({"name": a.name, "lower": a.lower, "upper": a.upper})).collect::<Vec<_>>(),
            "fields": problem.fields(),
            "parameters": problem.parameters().iter().map(|p| json!({"name": p.name, "value": p.value})).collect::<Vec<_>>(),
            "presets": presets,
        })
    };
    json!({
        "schema": 1,
        "problems": problems::ALL.iter().map(described).collect::<Vec<_>>(),
        "problem_files": shipped::problems().iter().map(described).collect::<Vec<_>>(),
        "networks": networks::ALL.iter().map(|n| n.name()).collect::<Vec<_>>(),
        "strategies": strategies::ALL.iter().map(|s| s.name()).collect::<Vec<_>>(),
        "optimisers": optimisers::ALL.iter().map(|o| o.name()).collect::<Vec<_>>(),
        "plans": kernels::ALL.iter().map(|p| p.name()).collect::<Vec<_>>(),
        "targets": kernels::tile::TARGETS.map(|(name, _)| name),
        "studies": study::ALL.iter().map(|s| s.name()).collect::<Vec<_>>(),
        "conditions": CONDITIONS.map(|(name, network, strategy)| json!({"name": name, "network": network, "strategy": strategy})),
    })
}
