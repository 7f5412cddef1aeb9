//! The roofline picture of `bench`: what kernels reach, below what this adapter can do.

use acr_pinn_gpu::lab::roofline::{Rates, Share, roof};
use acr_pinn_gpu::lab::timing::Document;
use acr_pinn_gpu::report::{Curves, Figure, Marker, Series};

/// Draws kernels whose arithmetic is known and whole steps; without ceilings there is no roof.
pub fn draw(document: &Document) -> Figure {
    let marks = marks(document);
    let mut curves = Curves::new()
        .title(format!("Roofline: {}", document.adapter.name))
        .axes("operations per byte bound", "GFLOP/s")
        .log_x()
        .log_y();
    if let (Some(gflops), Some(gbs)) = (document.ceilings.gflops, document.ceilings.gbs) {
        let ridge = gflops / gbs;
        let ends = marks.iter().map(|(_, intensity, _)| *intensity);
        let lo = ends.clone().fold(0.1 * ridge, f64::min);
        let hi = ends.fold(10.0 * ridge, f64::max);
        let x = [lo, ridge, hi];
        let y = x.map(|intensity| roof(intensity, gflops, gbs));
        curves = curves.series(Series::line("measured ceilings", &x, &y));
    }
    for (k, (name, intensity, gflops)) in marks.into_iter().enumerate() {
        let marker = [Marker::Circle, Marker::Square, Marker::Diamond][k % 3];
        curves = curves.series(Series::points(name, &[intensity], &[gflops], marker));
    }
    curves.draw()
}

/// Name, intensity and rate of everything that plans as they come have measured, and that has some arithmetic.
fn marks(document: &Document) -> Vec<(String, f64, f64)> {
    let mut marks = Vec::new();
    for row in document.rows.iter().filter(|row| row.change.is_empty()) {
        let Some(summary) = row.summary() else { continue };
        let mut mark = |name: &str, rates: Rates| {
            // above the roof is what does not touch all that it binds: its intensity is not known
            let below = rates.of_arithmetic != Share::Beyond && rates.of_bandwidth != Share::Beyond;
            if let (true, Some(intensity), Some(gflops)) = (below, rates.intensity, rates.gflops)
                && gflops > 0.0
            {
                marks.push((format!("{} {}: {name}", row.problem, row.plan), intensity, gflops));
            }
        };
        mark("step", Rates::of_step(row, summary.median_us, &document.ceilings));
        row.kernels.iter().for_each(|kernel| mark(&kernel.kernel, Rates::of_kernel(kernel, &document.ceilings)));
    }
    marks
}
