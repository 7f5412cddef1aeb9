//! What a user sees of a run: the bar while it trains, then pictures, page and result.

use std::time::Duration;

use acr_pinn_gpu::error::Result;
use acr_pinn_gpu::training::{Observer, Progress, Trained, files};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::pictures::{self, Picture};
use super::signals::Stop;
use super::{output, page};

/// Shows one run.
pub struct Show<'a> {
    bar: ProgressBar,
    stop: &'a Stop,
    quiet: bool,
    /// The result is printed by the caller, as JSON.
    json: bool,
    pictures: Vec<Picture>,
}

impl Show<'_> {
    /// A bar of `steps` steps, hidden if `quiet`; at the end the result in words, unless `json`.
    pub fn new(steps: u64, stop: &Stop, quiet: bool, json: bool) -> Show<'_> {
        let bar = ProgressBar::new(steps);
        bar.set_style(ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}").expect("a fixed template"));
        if quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Show { bar, stop, quiet, json, pictures: Vec::new() }
    }
}

impl Observer for Show<'_> {
    fn stop(&self) -> Option<u8> {
        self.stop.requested()
    }

    fn measuring(&mut self, tile: &str) {
        self.bar.set_message(format!("measuring tiles: {tile}"));
    }

    fn compiling(&mut self) {
        self.bar.set_message("compiling kernels");
    }

    fn notice(&mut self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| output::say(text));
        }
    }

    fn advanced(&mut self, p: &Progress) {
        let error =
            p.history.rows.last().and_then(|row| row.errors).map_or(String::new(), |e| format!(" · L2 {:.3e}", e[0]));
        let rate = p.taken as f64 / p.elapsed.as_secs_f64().max(1e-9);
        let left = (p.steps - p.done) as f64 / rate;
        self.bar.set_position(p.done);
        let losses = p.history.terms.iter().zip(&p.record.losses).map(|(term, loss)| format!("{term} {loss:.1e}"));
        let losses = losses.collect::<Vec<_>>().join(" ");
        self.bar.set_message(format!("{losses}{error} · {rate:.0} steps/s · {left:.0} s left"));
    }

    fn draw(&mut self, t: &Trained) -> Result<Vec<String>> {
        self.bar.finish_and_clear();
        self.pictures = pictures::draw(t.folder, t.config.problem, t.evaluation, t.solution, t.history)?;
        let names = self.pictures.iter().map(|picture| picture.file.to_owned());
        Ok(["report.html".to_owned()].into_iter().chain(names).collect())
    }

    fn concluded(&mut self, t: &Trained, document: &Value) -> Result<()> {
        let html = page::render(t.config, document, t.history, &self.pictures);
        files::write(&t.folder.join("report.html"), html.as_bytes())?;
        if self.json {
            return Ok(());
        }
        let mut text = String::new();
        if document["status"] == "interrupted" {
            let step = &document["final"]["step"];
            text += &format!("stopped at step {step}: continue with `acr-pinn-gpu resume {}`\n", t.folder.display());
        }
        text += &match t.evaluation.errors {
            Some(e) => {
                format!("relative L2 {:.4e} · relative L∞ {:.4e} · mean square {:.4e}\n", e.rel_l2, e.rel_linf, e.mse)
            }
            None => format!("{}: losses {}\n", page::NO_REFERENCE, page::losses_of(document)),
        };
        text += &format!("{}\n", t.folder.join("report.html").display());
        output::print(&text);
        Ok(())
    }
}

impl Drop for Show<'_> {
    /// An error must not be printed beside a bar.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
