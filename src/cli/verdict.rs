//! What is to be thought of a run, in words: how well it solved the problem, whether it was done, what to try.

use acr_pinn_gpu::report::Tone;
use acr_pinn_gpu::training::{Config, History, Row};
use serde_json::Value;

/// Relative L2 errors up to which an answer is called solved, and solved roughly.
const SOLVED: f64 = 0.05;
const ROUGHLY: f64 = 0.2;
/// Rows that are needed to see a trend.
const FEWEST: usize = 8;
/// A quantity that changes by less than this factor over the last quarter is flat.
const FLAT: f64 = 0.85;

/// A headline and sentences.
#[derive(Debug, PartialEq)]
pub struct Verdict {
    pub tone: Tone,
    pub headline: String,
    pub sentences: Vec<String>,
}

/// Judges a run by its `run.json` and its history.
pub fn verdict(config: &Config, document: &Value, history: &History) -> Verdict {
    let error = document["error"].as_str().unwrap_or("the reason is not known");
    let step = document["final"]["step"].as_u64().or(history.rows.last().map(|row| row.step)).unwrap_or(0);
    match document["status"].as_str() {
        Some("diverged") => Verdict {
            tone: Tone::Bad,
            headline: format!("Diverged: {error}"),
            sentences: [seen(history), Some(remedy(config))].into_iter().flatten().collect(),
        },
        Some("failed") => Verdict {
            tone: Tone::Bad,
            headline: format!("Failed: {error}"),
            sentences: seen(history).into_iter().collect(),
        },
        Some("interrupted") => Verdict {
            tone: Tone::Plain,
            headline: format!("Stopped at step {step} of {}", config.preset.steps),
            sentences: [Some(accuracy(document)), Some("`resume` goes on from here, with the same bits.".into())]
                .into_iter()
                .flatten()
                .filter(|text| !text.is_empty())
                .collect(),
        },
        _ => finished(config, document, history),
    }
}

fn finished(config: &Config, document: &Value, history: &History) -> Verdict {
    let error = document["final"]["rel_l2"].as_f64();
    let (tone, headline) = match error {
        Some(e) if e <= SOLVED => (Tone::Good, format!("Solved to {}", percent(e))),
        Some(e) if e <= ROUGHLY => (Tone::Fair, format!("Solved roughly: {} off the reference", percent(e))),
        Some(e) => (Tone::Bad, format!("Not solved: {} off the reference", percent(e))),
        // JSON has no NaN
        None if document["reference"].is_string() => (Tone::Bad, "The prediction is not a finite number".to_owned()),
        None => (Tone::Plain, "Trained; no reference is known to compare with".to_owned()),
    };
    let mut sentences = vec![match error {
        Some(_) => accuracy(document),
        None => seen(history).unwrap_or_default(),
    }];
    let solved = error.is_some_and(|e| e <= SOLVED);
    sentences.extend(cut_short(config));
    sentences.extend(trend(config, history, solved));
    sentences.extend(error.and_then(|e| was_better(config, document, e)));
    sentences.extend(small(config, solved));
    sentences.retain(|text| !text.is_empty());
    Verdict { tone, headline, sentences }
}

/// "12 %", "0.35 %": two digits.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        p if p >= 9.95 => format!("{p:.0} %"),
        p if p >= 0.995 => format!("{p:.1} %"),
        p if p >= 0.0095 => format!("{p:.2} %"),
        p => format!("{p:.1e} %"),
    }
}

fn accuracy(document: &Value) -> String {
    let last = &document["final"];
    let (Some(l2), Some(linf)) = (last["rel_l2"].as_f64(), last["rel_linf"].as_f64()) else { return String::new() };
    format!(
        "At step {} the prediction is {} away from the reference in the relative L2 norm; the largest deviation is {} of the \
         largest value.",
        last["step"],
        percent(l2),
        percent(linf)
    )
}

/// How far the losses came.
fn seen(history: &History) -> Option<String> {
    let (first, last) = (history.rows.first()?, history.rows.last()?);
    if history.rows.len() < 2 {
        return Some(format!("The sum of the losses was {:.2e} at step {}.", last.total, last.step));
    }
    let factor = first.total / last.total;
    Some(format!(
        "The sum of the losses went from {:.2e} at step {} to {:.2e} at step {}{}.",
        first.total,
        first.step,
        last.total,
        last.step,
        match factor {
            f if f >= 10.0 => format!(", {f:.0} times less"),
            f if f > 1.0 => format!(", {f:.1} times less"),
            _ => String::new(),
        }
    ))
}

fn remedy(config: &Config) -> String {
    let rate = config.preset.schedule.highest();
    let rollback = if config.rollback { "" } else { "`resume --on-nan rollback` goes on from the last good step; or " };
    format!("What to try: {rollback}a smaller learning rate, such as `--rate {}`.", digits(rate / 3.0))
}

fn digits(value: f64) -> String {
    format!("{:e}", format!("{value:.0e}").parse::<f64>().unwrap_or(value))
}

fn cut_short(config: &Config) -> Option<String> {
    let whole = config.problem.preset(config.preset.name).ok()?.steps;
    (config.preset.steps < whole).then(|| {
        format!(
            "Cut short: {} steps instead of the {whole} of the preset `{}`.",
            config.preset.steps, config.preset.name
        )
    })
}

/// Geometric mean of what a run is judged by, over the rows between two parts of it.
fn level(rows: &[Row], from: f64, to: f64) -> Option<f64> {
    let last = rows.last()?.step as f64;
    let within = rows.iter().filter(|row| (from * last..=to * last).contains(&(row.step as f64)));
    let logs: Vec<f64> = within.map(|row| row.errors.map_or(row.total, |e| e[0]).ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    mean.is_finite().then(|| mean.exp())
}

/// Whether more steps would help.
fn trend(config: &Config, history: &History, solved: bool) -> Option<String> {
    let rows = &history.rows;
    let known = rows.last().is_some_and(|row| row.errors.is_some());
    let what = if known { "The error" } else { "The loss" };
    if rows.len() < FEWEST {
        let count =
            if rows.len() == 1 { "One evaluation is".into() } else { format!("{} evaluations are", rows.len()) };
        return Some(format!("{count} too few to say whether it has converged (`--evaluate-every` asks for more)."));
    }
    let ratio = level(rows, 0.88, 1.0)? / level(rows, 0.63, 0.76)?;
    let more = format!("`--steps {}`", 2 * config.preset.steps);
    Some(match ratio {
        r if r < FLAT => {
            format!("{what} was still falling over the last quarter, by {}: {more} would go further.", percent(1.0 - r))
        }
        r if r > 1.0 / FLAT => format!(
            "{what} rose over the last quarter, by {}: try a smaller `--rate`, or one that falls (`--preset revised`).",
            percent(r - 1.0)
        ),
        _ if solved => format!("{what} was flat over the last quarter: it has converged."),
        _ => format!(
            "{what} was flat over the last quarter: more steps of the same will bring little. Try {}.",
            other_settings(config)
        ),
    })
}

fn other_settings(config: &Config) -> String {
    let mut ways = Vec::new();
    if config.condition != "acr" {
        ways.push("`--condition acr`".to_owned());
    }
    if config.preset.name == "quick" {
        ways.push("`--preset paper`".to_owned());
    }
    ways.push(format!("`--width {}`", 2 * config.shape.width));
    ways.push(format!("more points (`--points {}={}`)", config.problem.sets()[0].name, 4 * config.preset.points[0]));
    ways.join(", ")
}

fn was_better(config: &Config, document: &Value, error: f64) -> Option<String> {
    let best = &document["best"];
    let least = best["rel_l2"].as_f64().filter(|least| *least < 0.75 * error)?;
    let constant =
        config.preset.schedule.rate(config.preset.steps, config.preset.steps) == config.preset.schedule.highest();
    let why = if constant { "; a learning rate that falls (`--preset revised`) would keep such a gain" } else { "" };
    Some(format!(
        "It had been at {} at step {}, but no step is selected by its error{why}.",
        percent(least),
        best["step"]
    ))
}

fn small(config: &Config, solved: bool) -> Option<String> {
    let paper = config.problem.preset("paper").ok().filter(|_| config.preset.name == "quick")?;
    let advice = if solved { "" } else { ": they are `--preset paper`" };
    Some(format!(
        "The preset `quick` is a small version: {} hidden layers of {} instead of {} of {}, {} points of the equation instead of \
         {}. Its errors are not those of the published settings{advice}.",
        config.shape.depth, config.shape.width, paper.depth, paper.width, config.preset.points[0], paper.points[0]
    ))
}

#[cfg(test)]
mod tests {
    use acr_pinn_gpu::training::{Draft, Options};
    use serde_json::json;

    use super::*;

    fn config(options: Options) -> Config {
        Draft::new("klein-gordon", &options, Options::default()).unwrap().resolve("quick").unwrap()
    }

    fn history(errors: impl Iterator<Item = f64>) -> History {
        let rows = errors.enumerate().map(|(k, e)| {
            let (losses, errors) = (vec![e], (!e.is_nan()).then_some([e, 2.0 * e, e * e]));
            Row {
                step: 100 * (k as u64 + 1),
                losses,
                total: 1.0 / (k + 1) as f64,
                errors,
                rate: 1e-3,
                unknowns: Vec::new(),
            }
        });
        History { terms: vec!["pde"], unknowns: Vec::new(), rows: rows.collect() }
    }

    fn of(options: Options, status: &str, errors: &[f64]) -> Verdict {
        let history = history(errors.iter().copied());
        let row = |row: &Row| json!({"step": row.step, "rel_l2": row.errors.map(|e| e[0]), "rel_linf": row.errors.map(|e| e[1])});
        let last = history.rows.last().map(row);
        let document =
            json!({"status": status, "final": last, "best": history.best().map(row), "error": "loss `bc` is NaN"});
        verdict(&config(options), &document, &history)
    }

    #[test]
    fn solved_flat_and_falling_are_told_apart() {
        let flat: Vec<f64> = vec![0.02; 20];
        let verdict = of(Options::default(), "finished", &flat);
        assert_eq!((verdict.tone, &*verdict.headline), (Tone::Good, "Solved to 2.0 %"));
        let all = verdict.sentences.join(" ");
        assert!(all.contains("it has converged") && all.contains("The preset `quick` is a small version"), "{all}");
        let falling: Vec<f64> = (0..20).map(|k| 0.9 * 0.9_f64.powi(k)).collect();
        let verdict = of(Options::default(), "finished", &falling);
        assert_eq!((verdict.tone, &*verdict.headline), (Tone::Fair, "Solved roughly: 12 % off the reference"));
        assert!(verdict.sentences.join(" ").contains("still falling"), "{:?}", verdict.sentences);
        let stuck = of(Options { condition: Some("std".into()), ..Options::default() }, "finished", &[0.5; 20]);
        assert_eq!((stuck.tone, &*stuck.headline), (Tone::Bad, "Not solved: 50 % off the reference"));
        assert!(stuck.sentences.join(" ").contains("Try `--condition acr`, `--preset paper`"), "{:?}", stuck.sentences);
        let mut rising = vec![0.01; 12];
        rising.extend([0.04; 4]);
        let rising = of(Options::default(), "finished", &rising).sentences.join(" ");
        assert!(rising.contains("rose") && rising.contains("It had been at 1.0 % at step 100"), "{rising}");
    }

    #[test]
    fn short_and_lost_runs_are_named() {
        let short = of(Options { steps: Some(100), ..Options::default() }, "finished", &[0.7]);
        let all = short.sentences.join(" ");
        assert!(
            all.contains("Cut short: 100 steps instead of the") && all.contains("One evaluation is too few"),
            "{all}"
        );
        let lost = of(Options::default(), "diverged", &[0.7, 0.6]);
        assert_eq!((lost.tone, &*lost.headline), (Tone::Bad, "Diverged: loss `bc` is NaN"));
        let all = lost.sentences.join(" ");
        assert!(
            all.contains("1.00e0 at step 100 to 5.00e-1 at step 200, 2.0 times less") && all.contains("--rate"),
            "{all}"
        );
        let failed = of(Options::default(), "failed", &[]);
        assert_eq!((failed.headline.as_str(), failed.sentences.len()), ("Failed: loss `bc` is NaN", 0));
        let stopped = of(Options::default(), "interrupted", &[0.3]);
        assert!(stopped.headline.starts_with("Stopped at step 100 of") && stopped.tone == Tone::Plain);
        assert!(stopped.sentences.join(" ").contains("`resume` goes on"));
    }

    #[test]
    fn without_a_reference_the_losses_speak() {
        let verdict = of(Options { horizon: Some(2.0), ..Options::default() }, "finished", &[f64::NAN; 20]);
        assert_eq!((verdict.tone, &*verdict.headline), (Tone::Plain, "Trained; no reference is known to compare with"));
        let all = verdict.sentences.join(" ");
        assert!(all.contains("20 times less") && all.contains("The loss was still falling"), "{all}");
    }

    #[test]
    fn shares_are_read_at_a_glance() {
        for (share, text) in
            [(0.42, "42 %"), (0.0996, "10 %"), (0.0123, "1.2 %"), (0.0034, "0.34 %"), (2e-6, "2.0e-4 %")]
        {
            assert_eq!(percent(share), text);
        }
        assert_eq!(digits(0.01 / 3.0), "3e-3");
    }
}
