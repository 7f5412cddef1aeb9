//! A study as it goes on: a table that is redrawn on a terminal, one line per finished run elsewhere.

use std::time::{Duration, Instant};

use acr_pinn_gpu::math::statistics;
use acr_pinn_gpu::study::execute::Watch;
use acr_pinn_gpu::study::{Entry, Outcome, Status, distinct};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;
use super::progress::{MINUTE, Pulse};
use super::signals::Stop;

/// Shows a study.
pub struct Live<'a> {
    entries: &'a [Entry],
    outcomes: Vec<Option<Outcome>>,
    current: Option<Current>,
    stop: &'a Stop,
    bar: ProgressBar,
    /// Lines instead of a table.
    plain: bool,
    quiet: bool,
    start: Instant,
    pulse: Pulse,
    /// Runs that were done in this session, parts included.
    done: f64,
}

/// The run that goes on.
struct Current {
    index: usize,
    /// The part of it that an earlier session had done; none before it is known.
    found: Option<f64>,
    share: f64,
    /// Its last relative L2 error.
    error: Option<f64>,
}

impl Current {
    /// The part that was done in this session.
    fn done(&self) -> f64 {
        self.share - self.found.unwrap_or(0.0)
    }
}

impl<'a> Live<'a> {
    pub fn new(entries: &'a [Entry], stop: &'a Stop, quiet: bool) -> Live<'a> {
        let bar = ProgressBar::new_spinner();
        bar.set_style(ProgressStyle::with_template("{msg}").expect("a fixed template"));
        let (plain, pulse) = (bar.is_hidden(), Pulse::new(&bar, quiet));
        if quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        let outcomes = entries.iter().map(|_| None).collect();
        Live { entries, outcomes, current: None, stop, bar, plain, quiet, pulse, start: Instant::now(), done: 0.0 }
    }

    /// Takes the table away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn redraw(&self) {
        if !self.plain && !self.quiet {
            self.bar.set_message(self.table());
        }
    }

    /// Problems against conditions, the longer list as rows; a cell counts runs and shows the median of their final errors.
    fn table(&self) -> String {
        type Key = for<'e> fn(&'e Entry) -> &'e str;
        let keys: [Key; 2] = [|e| &e.variation.problem, |e| &e.variation.label];
        let mut lists = keys.map(|key| (key, distinct(self.entries.iter().map(key))));
        lists.sort_by_key(|(_, values)| std::cmp::Reverse(values.len()));
        let [(row_of, rows), (column_of, columns)] = lists;
        let wide = rows.iter().map(|row| row.len()).max().unwrap_or(0).max(18);
        let mut text = format!("{:<wide$}", "median relative L2");
        columns.iter().for_each(|column| text += &format!("{column:>18}"));
        for row in rows {
            text += &format!("\n{row:<wide$}");
            for column in &columns {
                let here: Vec<usize> = (0..self.entries.len())
                    .filter(|&k| row_of(&self.entries[k]) == row && column_of(&self.entries[k]) == *column)
                    .collect();
                let over: Vec<&Outcome> = here.iter().filter_map(|&k| self.outcomes[k].as_ref()).collect();
                let errors: Vec<f64> = over.iter().map(|o| o.rel_l2()).filter(|e| e.is_finite()).collect();
                let median =
                    if errors.is_empty() { "·".into() } else { format!("{:.2e}", statistics::median(&errors)) };
                text += &format!("{:>18}", format!("{}/{} {median}", over.len(), here.len()));
            }
        }
        text + "\n" + &self.status()
    }

    fn status(&self) -> String {
        let over = self.outcomes.iter().flatten().count();
        let Some(current) = &self.current else { return String::new() };
        let error = current.error.map_or(String::new(), |e| format!(" · L2 {e:.2e}"));
        let done = self.done + current.done();
        // a first run alone says little about the others
        let left = (done > 0.2).then(|| {
            let each = self.start.elapsed().as_secs_f64() / done;
            format!(" · about {} left", duration(each * ((self.entries.len() - over) as f64 - current.share)))
        });
        let name = &self.entries[current.index].name;
        format!(
            "[{}/{}] {name} {:.0} %{error}{}",
            current.index + 1,
            self.entries.len(),
            100.0 * current.share,
            left.unwrap_or_default()
        )
    }
}

impl Watch for Live<'_> {
    fn stop(&self) -> Option<u8> {
        self.stop.requested()
    }

    fn begins(&mut self, index: usize) {
        self.current = Some(Current { index, found: None, share: 0.0, error: None });
        self.redraw();
    }

    fn advances(&mut self, share: f64, error: Option<f64>) {
        let Some(current) = &mut self.current else { return };
        let begins = current.found.is_none();
        current.found.get_or_insert(share);
        (current.share, current.error) = (share, error);
        if !begins {
            let status = self.status();
            self.pulse.beat(MINUTE, || status);
        }
        self.redraw();
    }

    fn working(&mut self, what: &str) {
        let status = self.status();
        let line = if status.is_empty() { what.to_owned() } else { format!("{status} · {what}") };
        self.pulse.beat(MINUTE, || line.clone());
        if !self.plain && !self.quiet {
            self.bar.set_message(format!("{} · {what}", self.table()));
        }
    }

    fn notice(&mut self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| output::say(text));
        }
    }

    fn ends(&mut self, index: usize, outcome: &Outcome, found: bool) {
        // one that was found finished did not begin, and one that failed did not come to its end
        self.done += self.current.take().map_or(0.0, |mut run| {
            run.share = if outcome.status == Status::Finished { 1.0 } else { run.share };
            run.done()
        });
        if self.plain && !self.quiet {
            let what = match (outcome.status, found) {
                (_, true) => "found finished".to_owned(),
                (Status::Finished, _) => result(outcome),
                _ => outcome.error.clone().unwrap_or_else(|| "failed".into()),
            };
            output::say(&format!("[{}/{}] {}: {what}", index + 1, self.entries.len(), self.entries[index].name));
        }
        self.outcomes[index] = Some(outcome.clone());
        self.redraw();
    }
}

fn result(outcome: &Outcome) -> String {
    let time = if outcome.seconds.is_finite() { format!(", {:.1} s", outcome.seconds) } else { String::new() };
    match outcome.measured.get("median_ms") {
        Some(step) => format!("{step:.3} ms per step"),
        None => format!("relative L2 {:.3e}{time}", outcome.rel_l2()),
    }
}

/// "45 s", "12 min", "3 h 20 min".
pub fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match () {
        () if seconds < 90.0 => format!("{seconds:.0} s"),
        () if minutes < 90 => format!("{minutes} min"),
        () => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}
