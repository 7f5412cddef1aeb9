//! `bench --model`: what a step should take on graphics cards that are not here.

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::kernels::tile;
use acr_pinn_gpu::lab::model::{Count, Kernel, Model, model};
use acr_pinn_gpu::study::Table;
use acr_pinn_gpu::study::table::cell;
use acr_pinn_gpu::training::{Config, tuning};
use serde_json::{Value, json};

/// The predictions for each configuration.
pub fn predict(configs: &[Config], target: Option<&str>) -> Result<Vec<Model>> {
    configs
        .iter()
        .map(|config| {
            if let Some(name) = target.filter(|name| *name != "gpu") {
                tile::known(name).map_err(Error::Usage)?;
                return Err(Error::Usage(format!("the model knows the target gpu, not {name}: leave --target out")));
            }
            model(&config.setup(), config.plan, None)
        })
        .collect()
}

/// One document.
pub fn document(configs: &[Config], models: &[Model]) -> Result<Value> {
    let of = |(config, model): (&Config, &Model)| {
        json!({"problem": config.problem.name(), "network": config.network.name(), "width": config.preset.width,
            "depth": config.preset.depth, "points": config.preset.points, "plan": "fused", "model": model})
    };
    let all: Vec<Value> = configs.iter().zip(models).map(of).collect();
    Ok(json!({"schema": 1, "kind": "acr-pinn-gpu model", "version": env!("CARGO_PKG_VERSION"), "models": all}))
}

/// For each configuration the cards, their kernels and the stages of a tile; then the assumptions.
pub fn tables(configs: &[Config], models: &[Model]) -> Vec<Table> {
    let mut tables = Vec::new();
    for (config, model) in configs.iter().zip(models) {
        tables.push(cards(config, model));
        tables.push(kernels(config, model));
        tables.push(stages(config, model));
    }
    let mut last = Table::new("Assumptions", &["of the model"], "");
    last.rows = models.first().iter().flat_map(|model| &model.assumptions).map(|text| vec![text.clone()]).collect();
    tables.push(last);
    tables
}

fn cards(config: &Config, model: &Model) -> Table {
    let title = format!(
        "{}: {} {}×{}, points {:?}, {}: predicted",
        config.problem.name(),
        config.network.name(),
        config.preset.depth,
        config.preset.width,
        config.preset.points,
        tuning::words(&model.tile)
    );
    let note = format!(
        "{:.2} GFLOP per step. Predicted, and not compared with any graphics card yet. \
         If none waits: the same with schedulers that always find work.",
        model.flop / 1e9
    );
    let mut table = Table::new(title, &["card", "µs/step", "if none waits", "GFLOP/s", "% of peak"], note);
    for prediction in &model.cards {
        let card = &prediction.card;
        let rate = model.flop / prediction.us / 1e3;
        let peak = (card.multiprocessors * card.schedulers * 64) as f64 * card.ghz;
        let times = [prediction.us, prediction.unwaiting_us].map(|us| format!("{us:.0}"));
        let rates = [rate, 100.0 * rate / peak].map(cell);
        table.rows.push(std::iter::once(card.name.to_owned()).chain(times).chain(rates).collect());
    }
    table
}

fn kernels(config: &Config, model: &Model) -> Table {
    let headers = [
        "card",
        "kernel",
        "µs",
        "bound by",
        "issue µs",
        "lines µs",
        "memory µs",
        "latency µs",
        "workgroups",
        "resident",
        "imbalance",
        "ready %",
    ];
    let mut table = Table::new(format!("{}: kernels", config.problem.name()), &headers, "");
    for prediction in &model.cards {
        for kernel in &prediction.kernels {
            table.rows.push(row(prediction.card.name, kernel));
        }
    }
    table.note = "µs: the longest, and the launch. resident: workgroups that a multiprocessor holds at once; imbalance: tiles of the \
                  busiest multiprocessor over their mean; ready: cycles in which a scheduler finds work."
        .into();
    table
}

fn row(card: &str, kernel: &Kernel) -> Vec<String> {
    let times = [kernel.issue_us, kernel.lines_us, kernel.memory_us, kernel.latency_us];
    let mut cells = vec![card.into(), kernel.kernel.clone(), cell(kernel.us), kernel.bound.name().into()];
    cells.extend(times.map(cell));
    cells.extend([kernel.workgroups.to_string(), kernel.resident.to_string()]);
    cells.extend([format!("{:.2}", kernel.imbalance), format!("{:.0}", 100.0 * kernel.ready)]);
    cells
}

fn stages(config: &Config, model: &Model) -> Table {
    let title = format!(
        "{}: a tile of the equation, all layers, code of {}",
        config.problem.name(),
        model.cards[0].card.code.source
    );
    let headers = ["stage", "multiply–adds / 32", "instructions", "ratio", "% of instructions", "lines"];
    let mut table = Table::new(title, &headers, "");
    let total: f64 = model.stages.iter().map(|count| count.instructions).sum();
    let line = |count: &Count| {
        let adds = count.multiply_adds / 32.0;
        let share = 100.0 * count.instructions / total;
        let ratio = format!("{:.2}", adds / count.instructions);
        vec![count.stage.clone(), cell(adds), cell(count.instructions), ratio, format!("{share:.1}"), cell(count.lines)]
    };
    table.rows = model.stages.iter().map(line).collect();
    let mut sum = Count { stage: "all".into(), ..Count::default() };
    for count in &model.stages {
        sum.multiply_adds += count.multiply_adds;
        sum.instructions += count.instructions;
        sum.lines += count.lines;
    }
    table.rows.push(line(&sum));
    table
}
