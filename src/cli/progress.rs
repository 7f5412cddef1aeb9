//! What a user sees of a run: the bar while it trains, or lines where there is no terminal; then pictures, page and
//! result.

use std::time::{Duration, Instant};

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::report::Figure;
use acr_pinn_gpu::training::{Observer, Progress, Ruined, Trained, files};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use super::diagnostics::Diagnostics;
use super::live::duration;
use super::pictures::{self, Picture, Place};
use super::signals::Stop;
use super::{charts, output, page};

/// Logs are read by people who wonder whether the program still does something.
pub const MINUTE: Duration = Duration::from_secs(60);
/// Evaluations may follow each other faster than anybody reads.
const SECOND: Duration = Duration::from_secs(1);

const REPORT: &str = "report.html";

/// Lines of progress where a bar cannot be seen: in files, pipes and logs.
pub struct Pulse {
    plain: bool,
    last: Option<Instant>,
}

impl Pulse {
    /// For a program that shows `bar`, and says nothing if `quiet`.
    pub fn new(bar: &ProgressBar, quiet: bool) -> Pulse {
        Pulse { plain: bar.is_hidden() && !quiet, last: None }
    }

    /// Says `line` the first time, and then if the last line is at least `wait` old.
    pub fn beat(&mut self, wait: Duration, line: impl FnOnce() -> String) {
        if self.plain && self.last.is_none_or(|last| last.elapsed() >= wait) {
            output::say(&line());
            self.last = Some(Instant::now());
        }
    }
}

/// Shows one run.
pub struct Show<'a> {
    bar: ProgressBar,
    stop: &'a Stop,
    quiet: bool,
    /// The result is printed by the caller, as JSON.
    json: bool,
    pulse: Pulse,
    /// Rows of the history that were seen.
    rows: usize,
    pictures: Vec<Picture>,
    /// The picture at the top of the page, where none of the others is one.
    hero: Option<Figure>,
}

impl Show<'_> {
    /// A bar of `steps` steps, hidden if `quiet`; at the end the result in words, unless `json`.
    pub fn new(steps: u64, stop: &Stop, quiet: bool, json: bool) -> Show<'_> {
        let bar = ProgressBar::new(steps);
        bar.set_style(ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}").expect("a fixed template"));
        let pulse = Pulse::new(&bar, quiet);
        if quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Show { bar, stop, quiet, json, pulse, rows: 0, pictures: Vec::new(), hero: None }
    }
}

impl Observer for Show<'_> {
    fn stop(&self) -> Option<u8> {
        self.stop.requested()
    }

    fn measuring(&mut self, tile: &str) {
        self.bar.set_message(format!("measuring tiles: {tile}"));
        self.pulse.beat(MINUTE, || format!("measuring tiles: {tile}"));
    }

    fn compiling(&mut self, kernels: &str) {
        self.bar.set_message(format!("compiling kernels: {kernels}"));
        self.pulse.beat(MINUTE, || format!("compiling kernels: {kernels}"));
    }

    fn notice(&mut self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| output::say(text));
        }
    }

    fn advanced(&mut self, p: &Progress) {
        let losses = p.history.terms.iter().zip(&p.record.losses).map(|(term, loss)| format!("{term} {loss:.1e}"));
        let error = p.history.rows.last().and_then(|row| row.errors).map(|e| format!("L2 {:.3e}", e[0]));
        let rate = p.taken as f64 / p.elapsed.as_secs_f64().max(1e-9);
        let left = duration((p.steps - p.done) as f64 / rate);
        let rate = if rate < 10.0 { format!("{rate:.1} steps/s") } else { format!("{rate:.0} steps/s") };
        let mut parts = vec![losses.collect::<Vec<_>>().join(" ")];
        parts.extend(error);
        parts.extend([rate, format!("{left} left")]);
        let wait = if p.history.rows.len() > self.rows { SECOND } else { MINUTE };
        self.rows = p.history.rows.len();
        self.pulse.beat(wait, || format!("step {} of {} · {}", p.done, p.steps, parts.join(" · ")));
        // a terminal may be too narrow for all of it, and the losses are what can be missed most easily
        parts.reverse();
        self.bar.set_position(p.done);
        self.bar.set_message(parts.join(" · "));
    }

    fn draw(&mut self, t: &Trained) -> Result<Vec<String>> {
        self.bar.finish_and_clear();
        let failed = |e| Error::output(t.folder, e);
        let problem = t.config.problem;
        self.pictures = pictures::answer(problem, t.evaluation, t.solution).map_err(failed)?;
        self.hero = match self.pictures.iter().any(|picture| picture.place == Place::Hero) {
            true => None,
            false => Some(pictures::hero(problem, t.evaluation, t.solution).map_err(failed)?),
        };
        let diagnostics = Diagnostics::read(t.folder, &t.history.terms);
        self.pictures.extend(charts::draw(t.history, &diagnostics));
        let names = pictures::save(t.folder, &self.pictures)?;
        Ok([REPORT.to_owned()].into_iter().chain(names).collect())
    }

    fn failed(&mut self, r: &Ruined) -> Result<Vec<String>> {
        self.bar.finish_and_clear();
        let pictures = charts::draw(r.history, &Diagnostics::read(r.folder, &r.history.terms));
        let names = pictures::save(r.folder, &pictures)?;
        let html = page::render(r.config, r.document, r.history, &pictures, None);
        files::write(&r.folder.join(REPORT), html.as_bytes())?;
        Ok([REPORT.to_owned()].into_iter().chain(names).collect())
    }

    fn concluded(&mut self, t: &Trained, document: &Value) -> Result<()> {
        let html = page::render(t.config, document, t.history, &self.pictures, self.hero.as_ref());
        files::write(&t.folder.join(REPORT), html.as_bytes())?;
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
        text += &format!("{}\n", t.folder.join(REPORT).display());
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
