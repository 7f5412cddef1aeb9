//! `report.html`: a run on one page that opens from the file system.

use acr_pinn_gpu::report::Page;
use acr_pinn_gpu::training::{Config, History};
use serde_json::Value;

use super::pictures::Picture;

/// What is said where no answer is known.
pub const NO_REFERENCE: &str = "no reference is known for these parameters of the problem";

/// The last losses of a run document, term by term.
pub fn losses_of(document: &Value) -> String {
    let losses = document["losses"].as_object().into_iter().flatten();
    let shown = losses.filter_map(|(term, loss)| Some(format!("{term} {:.3e}", loss.as_f64()?)));
    shown.collect::<Vec<_>>().join(" · ")
}

/// The whole page.
pub fn render(config: &Config, document: &Value, history: &History, pictures: &[Picture]) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let scientific = |value: &Value| value.as_f64().map_or("—".to_owned(), |x| format!("{x:.4e}"));
    let adapter = &document["adapter"];
    let summary = [
        ("Status", text(&document["status"])),
        ("Condition", format!("{} ({} + {})", config.condition, config.network.name(), config.strategy.name())),
        ("Losses", losses_of(document)),
        ("Reference", document["reference"].as_str().unwrap_or(NO_REFERENCE).to_owned()),
        ("Relative L2 error", scientific(&document["final"]["rel_l2"])),
        ("Relative L∞ error", scientific(&document["final"]["rel_linf"])),
        ("Steps", text(&document["final"]["step"])),
        ("Parameters", text(&document["parameters"])),
        ("Time", document["timings"]["seconds"].as_f64().map_or("—".to_owned(), |s| format!("{s:.1} s"))),
        (
            "Step, median",
            document["timings"]["step_ms_median"].as_f64().map_or("—".to_owned(), |t| format!("{t:.3} ms")),
        ),
        ("Adapter", format!("{} ({}, {})", text(&adapter["name"]), text(&adapter["kind"]), text(&adapter["backend"]))),
    ];
    let mut page = Page::new(config.problem.title()).summary(&summary).paragraph(config.problem.equation());
    page = page.section("Pictures");
    for picture in pictures {
        page = page.figure(&picture.png, &picture.caption);
    }
    let mut headers = vec!["step"];
    headers.extend(&history.terms);
    headers.extend(["total", "rel. L2", "rel. L∞", "rate"]);
    // a long history is in history.csv; the page shows about twenty lines of it
    let stride = history.rows.len().div_ceil(20).max(1);
    let rows: Vec<Vec<String>> = history
        .rows
        .iter()
        .rev()
        .step_by(stride)
        .map(|row| {
            let mut cells = vec![row.step.to_string()];
            cells.extend(row.losses.iter().chain([&row.total]).map(|l| format!("{l:.3e}")));
            cells.extend(
                row.errors.map_or(vec!["—".into(); 2], |e| e[..2].iter().map(|x| format!("{x:.3e}")).collect()),
            );
            cells.push(format!("{:.2e}", row.rate));
            cells
        })
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect();
    page = page.section("History").table(&headers, &rows);
    let settings: Vec<Vec<String>> =
        config.origins.iter().map(|(key, (value, origin))| vec![key.clone(), text(value), origin.clone()]).collect();
    page.section("Settings")
        .table(&["key", "value", "origin"], &settings)
        .footer(format!("acr-pinn-gpu {}", env!("CARGO_PKG_VERSION")))
        .render()
}
