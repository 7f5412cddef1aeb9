//! The result of `bench` for people and for spreadsheets.

use acr_pinn_gpu::lab::roofline::{Rates, Share};
use acr_pinn_gpu::lab::timing::{Document, Row, Summary, Verdict};
use acr_pinn_gpu::study::Table;
use acr_pinn_gpu::study::table::{cell, csv_line};
use serde_json::{Value, json};

/// The document with what follows from it: a summary and the rates of every row.
pub fn document(document: &Document) -> anyhow::Result<Value> {
    let mut value = serde_json::to_value(document)?;
    for (row, shown) in document.rows.iter().zip(value["rows"].as_array_mut().into_iter().flatten()) {
        let Some(summary) = row.summary() else { continue };
        let rates = Rates::of_step(row, summary.median_us, &document.ceilings);
        shown["summary"] = serde_json::to_value(summary)?;
        shown["gflops"] = json!(rates.gflops);
        shown["percent_of_ceiling"] = json!(rates.of_arithmetic.percent());
        shown["points_per_s"] = json!(points_per_second(row, &summary));
    }
    Ok(value)
}

fn points_per_second(row: &Row, summary: &Summary) -> f64 {
    row.point_count() as f64 / summary.median_us * 1e6
}

/// Aligned columns for a terminal.
pub fn plain(document: &Document) -> String {
    head(document, "") + &aligned(&tables(document))
}

/// Tables with aligned columns.
pub fn aligned(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        text += &format!("\n{}\n", table.title);
        let rows: Vec<&Vec<String>> = [&table.headers].into_iter().chain(&table.rows).collect();
        let width = |k: usize| rows.iter().filter_map(|row| row.get(k)).map(|c| c.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..table.headers.len()).map(width).collect();
        for row in rows {
            let cells = row.iter().zip(&widths).enumerate();
            let padded = cells.map(|(k, (cell, &width))| match k {
                0 => format!("  {cell:<width$}"),
                _ => format!("  {cell:>width$}"),
            });
            text += &(padded.collect::<String>().trim_end().to_owned() + "\n");
        }
        if !table.note.is_empty() {
            text += &format!("  {}\n", table.note.replace('\n', "\n  "));
        }
    }
    text
}

/// The same as Markdown.
pub fn markdown(document: &Document) -> String {
    let tables: Vec<String> = tables(document).iter().map(Table::markdown).collect();
    format!("{}\n{}", head(document, "* "), tables.join("\n"))
}

fn head(document: &Document, bullet: &str) -> String {
    let (adapter, ceilings) = (&document.adapter, &document.ceilings);
    let rate =
        |rate: Option<f64>, unit: &str| rate.map_or("unknown".to_owned(), |rate| format!("{} {unit}", cell(rate)));
    let mut text =
        format!("{bullet}{} · {} · {} {}\n", adapter.name, adapter.backend, adapter.driver, adapter.driver_info);
    text += &format!(
        "{bullet}acr-pinn-gpu {} ({}) · wgpu {} · {}\n",
        document.version,
        document.commit.as_deref().unwrap_or("commit unknown"),
        document.wgpu,
        document.os
    );
    text += &format!(
        "{bullet}measured ceilings: {}, {} (probe, {:.1} s)\n",
        rate(ceilings.gflops, "GFLOP/s"),
        rate(ceilings.gbs, "GB/s"),
        ceilings.seconds
    );
    for remark in &ceilings.remarks {
        text += &format!("{bullet}{remark}\n");
    }
    text
}

/// A share in percent; `!` where it would be more than all.
fn share(share: Share) -> String {
    match share {
        Share::Percent(percent) => format!("{percent:.1}"),
        Share::Beyond => "!".to_owned(),
        Share::Unknown => "–".to_owned(),
    }
}

fn optional(value: Option<f64>) -> String {
    cell(value.unwrap_or(f64::NAN))
}

/// Steps of each problem, then kernels of each plan as it comes.
fn tables(document: &Document) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut problems: Vec<&str> = document.rows.iter().map(|row| row.problem.as_str()).collect();
    problems.dedup();
    for problem in problems {
        let rows: Vec<&Row> = document.rows.iter().filter(|row| row.problem == problem).collect();
        tables.push(steps(document, &rows));
        let plain = rows.iter().filter(|row| row.change.is_empty() && !row.kernels.is_empty());
        tables.extend(plain.map(|row| kernels(document, row)));
    }
    tables
}

const STEP_COLUMNS: [&str; 13] = [
    "plan and switches",
    "µs/step",
    "p10",
    "p90",
    "95 % interval",
    "device µs",
    "host µs",
    "kernels",
    "GFLOP/s",
    "% ceiling",
    "Mpoints/s",
    "compile s",
    "error",
];

fn title(row: &Row) -> String {
    let points: Vec<String> = row.points.iter().map(|(set, n)| format!("{set} {n}")).collect();
    format!(
        "{}: {} {} {}×{}, {}, {} ({})",
        row.problem,
        row.network,
        row.variant,
        row.depth,
        row.width,
        row.rule(),
        points.join(", "),
        row.sampling
    )
}

fn steps(document: &Document, rows: &[&Row]) -> Table {
    let mut table = Table::new(title(rows[0]), &STEP_COLUMNS, "");
    let mut notes = vec![tile_note(rows[0])];
    for row in rows {
        let mut cells = vec![row.rung()];
        match row.summary() {
            Some(summary) => cells.extend(step_cells(document, row, &summary)),
            None => {
                cells.push(if row.verdict == Verdict::Failed { "not built" } else { "INVALID" }.to_owned());
                notes.push(format!("{}: {}", row.rung(), row.reason));
            }
        }
        cells.resize(STEP_COLUMNS.len() - 1, String::new());
        cells.push(row.worst_error.map_or("–".to_owned(), |error| format!("{error:.1e}")));
        if row.unsteady() {
            notes.push(format!("{}: the machine was unsteady during most samples", row.rung()));
        }
        table.rows.push(cells);
    }
    table.note = notes.join("\n");
    table
}

fn tile_note(row: &Row) -> String {
    let fields = row.tile.as_object().into_iter().flatten();
    let sizes: Vec<String> = fields.map(|(name, value)| format!("{name} {value}")).collect();
    format!("this adapter's choice: {}; error: the one closest to its limit, against f64", sizes.join(", "))
}

fn step_cells(document: &Document, row: &Row, summary: &Summary) -> Vec<String> {
    let rates = Rates::of_step(row, summary.median_us, &document.ceilings);
    let [lo, hi] = summary.interval_us;
    vec![
        cell(summary.median_us),
        cell(summary.p10_us),
        cell(summary.p90_us),
        format!("{} – {}", cell(lo), cell(hi)),
        optional(row.device_us),
        cell(row.host_us),
        row.dispatches.to_string(),
        optional(rates.gflops),
        share(rates.of_arithmetic),
        cell(points_per_second(row, summary) / 1e6),
        cell(row.compile_s),
    ]
}

fn kernels(document: &Document, row: &Row) -> Table {
    let columns =
        ["kernel", "dispatches", "µs", "% of sum", "MFLOP", "GFLOP/s", "% ceiling", "bound MiB", "GB/s", "% bandwidth"];
    let mut table = Table::new(format!("{}: kernels of {}", row.problem, row.rung()), &columns, "");
    let sum: f64 = row.kernels.iter().map(|kernel| kernel.us).sum();
    let mut beyond = false;
    for kernel in &row.kernels {
        let rates = Rates::of_kernel(kernel, &document.ceilings);
        beyond |= rates.of_arithmetic == Share::Beyond || rates.of_bandwidth == Share::Beyond;
        table.rows.push(vec![
            kernel.kernel.clone(),
            kernel.dispatches.to_string(),
            cell(kernel.us),
            cell(100.0 * kernel.us / sum),
            optional(kernel.flop.map(|flop| flop / 1e6)),
            optional(rates.gflops),
            share(rates.of_arithmetic),
            cell(kernel.bytes as f64 / f64::from(1 << 20)),
            cell(rates.gbs),
            share(rates.of_bandwidth),
        ]);
    }
    let clock = row.kernels.first().map_or("wall", |kernel| kernel.clock.as_str());
    table.note = match clock {
        "device" => "by the device's own clock".to_owned(),
        _ => "by the host's clock, each kernel waited for: short ones mostly show what a submit costs".to_owned(),
    };
    if beyond {
        table.note += "\n!: beyond the measured ceiling; not all that is bound is touched, or a clock is wrong";
    }
    table
}

/// The columns of a published row, one line for each.
pub fn csv(document: &Document) -> String {
    const COLUMNS: [&str; 35] = [
        "gpu",
        "driver",
        "backend",
        "os",
        "commit",
        "wgpu",
        "problem",
        "network",
        "variant",
        "width",
        "depth",
        "strategy",
        "optimiser",
        "points",
        "sampling",
        "plan",
        "change",
        "checked",
        "verdict",
        "us_per_step",
        "p10_us",
        "p90_us",
        "ci_low_us",
        "ci_high_us",
        "samples",
        "disturbed",
        "device_us",
        "host_us",
        "dispatches",
        "points_per_s",
        "gflops",
        "percent_of_ceiling",
        "compile_s",
        "memory_bytes",
        "worst_error",
    ];
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let mut text = csv_line(&COLUMNS.map(str::to_owned));
    for row in &document.rows {
        let adapter = &document.adapter;
        let summary = row.summary();
        let of = |pick: fn(&Summary) -> f64| number(summary.as_ref().map(pick));
        let rates = summary.map(|summary| Rates::of_step(row, summary.median_us, &document.ceilings));
        let verdict = serde_json::to_value(row.verdict).ok().and_then(|v| v.as_str().map(str::to_owned));
        let points: Vec<String> = row.points.iter().map(|(set, n)| format!("{set}={n}")).collect();
        text += &csv_line(&[
            adapter.name.clone(),
            format!("{} {}", adapter.driver, adapter.driver_info),
            adapter.backend.clone(),
            document.os.clone(),
            document.commit.clone().unwrap_or_default(),
            document.wgpu.clone(),
            row.problem.clone(),
            row.network.clone(),
            row.variant.clone(),
            row.width.to_string(),
            row.depth.to_string(),
            row.strategy.clone(),
            row.optimiser.clone(),
            points.join(" "),
            row.sampling.clone(),
            row.plan.clone(),
            row.change.clone(),
            row.checked.to_string(),
            verdict.unwrap_or_default(),
            of(|s| s.median_us),
            of(|s| s.p10_us),
            of(|s| s.p90_us),
            of(|s| s.interval_us[0]),
            of(|s| s.interval_us[1]),
            of(|s| s.kept as f64),
            of(|s| s.disturbed as f64),
            number(row.device_us),
            row.host_us.to_string(),
            row.dispatches.to_string(),
            number(summary.as_ref().map(|s| points_per_second(row, s))),
            number(rates.and_then(|rates| rates.gflops)),
            number(rates.and_then(|rates| rates.of_arithmetic.percent())),
            row.compile_s.to_string(),
            row.memory_bytes.to_string(),
            number(row.worst_error),
        ]);
    }
    text
}
