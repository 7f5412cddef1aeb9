//! `report.html`: a run on one page that opens from the file system.

use acr_pinn_gpu::problems;
use acr_pinn_gpu::report::{Figure, Page};
use acr_pinn_gpu::training::{CONDITIONS, Config, History, problem_file};
use serde_json::Value;

use super::pictures::{Picture, Place};
use super::verdict::verdict;

/// What is said where no answer is known.
pub const NO_REFERENCE: &str = "no reference is known to compare with";

/// The last losses of a run document, term by term.
pub fn losses_of(document: &Value) -> String {
    let losses = document["losses"].as_object().into_iter().flatten();
    let shown = losses.filter_map(|(term, loss)| Some(format!("{term} {:.3e}", loss.as_f64()?)));
    shown.collect::<Vec<_>>().join(" · ")
}

/// The whole page; `hero` is the picture at the top where none of `pictures` is one.
pub fn render(
    config: &Config,
    document: &Value,
    history: &History,
    pictures: &[Picture],
    hero: Option<&Figure>,
) -> String {
    let verdict = verdict(config, document, history);
    let mut page = Page::new(config.problem.title()).lead(config.problem.equation());
    page = page.verdict(verdict.tone, &verdict.headline, &verdict.sentences);
    let cards = cards(config, document, history);
    let first = pictures.iter().find(|picture| picture.place == Place::Hero);
    let first = first.map(|p| (&p.figure, p.caption.as_str()));
    page = match first.or(hero.map(|figure| (figure, "The trained network."))) {
        Some((figure, caption)) => page.hero(figure, caption, &cards),
        None => page.summary(&cards),
    };
    page = page.section("The same run again").code(command(config, document));
    for (place, heading, text) in [
        (Place::Field, "Fields", ""),
        (Place::Profile, "Profiles", ""),
        (Place::Training, "Training", ""),
        (Place::Conflict, "Conflicts between the terms", CONFLICTS),
        (Place::Gate, "Gates", ""),
    ] {
        let here: Vec<&Picture> = pictures.iter().filter(|picture| picture.place == place).collect();
        if here.is_empty() {
            continue;
        }
        page = page.section(heading);
        if !text.is_empty() {
            page = page.paragraph(text);
        }
        for picture in here {
            page = match place {
                Place::Field => page.small_figure(&picture.figure, &picture.caption),
                _ => page.figure(&picture.figure, &picture.caption),
            };
        }
    }
    details(page, document, history).footer(format!("acr-pinn-gpu {}", env!("CARGO_PKG_VERSION"))).render()
}

const CONFLICTS: &str = "Each term of the loss has a gradient of its own, and a strategy makes one step of them. Where they point \
                         against each other, the plain sum serves one at the cost of another.";

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The few numbers and settings a reader came for.
fn cards(config: &Config, document: &Value, history: &History) -> Vec<(&'static str, String)> {
    let errors = |key: &str| {
        let [last, best] = ["final", "best"].map(|which| document[which][key].as_f64());
        let better = best.filter(|best| last.is_some_and(|last| *best < 0.999 * last));
        let better = better.map_or(String::new(), |best| format!(" (best {best:.3e})"));
        last.map(|last| format!("{last:.4e}{better}"))
    };
    let preset = &config.preset;
    let done = document["final"]["step"].as_u64().or(history.rows.last().map(|row| row.step)).unwrap_or(0);
    let points: Vec<_> =
        config.problem.sets().iter().zip(&preset.points).map(|(s, n)| format!("{} {n}", s.name)).collect();
    let timings = &document["timings"];
    let step = timings["step_ms_median"].as_f64().map_or(String::new(), |t| format!(", {t:.2} ms a step"));
    let adapter = &document["adapter"];
    let mut cards = Vec::new();
    cards.extend(errors("rel_l2").map(|e| ("Relative L2 error", e)));
    cards.extend(errors("rel_linf").map(|e| ("Relative L∞ error", e)));
    cards.extend(document["reference"].as_str().map(|origin| ("Reference", origin.to_owned())));
    cards.extend(Some(losses_of(document)).filter(|losses| !losses.is_empty()).map(|losses| ("Losses", losses)));
    let pair = format!("{} + {}", config.network.name(), config.strategy.name());
    let optimiser = config.optimiser.optimiser.name();
    let named = config.condition != pair.replace(' ', "");
    cards.push(("Condition", if named { format!("{}: {pair}", config.condition) } else { pair }));
    cards.push(("Optimiser", optimiser.to_owned()));
    cards.push(("Preset and steps", format!("{}, {done} of {} steps", preset.name, preset.steps)));
    let layers = format!("{} hidden layers of {}", config.shape.depth, config.shape.width);
    cards.push(("Network", format!("{layers}, {} parameters", document["parameters"])));
    cards.push(("Points", format!("{} ({})", points.join(", "), preset.sampling.name())));
    cards.push(("Seed", config.seed.to_string()));
    let since = document["resumed_at"].as_u64().map_or(String::new(), |at| format!(" since step {at}"));
    cards.extend(timings["seconds"].as_f64().map(|s| ("Time", format!("{s:.1} s{since}{step}"))));
    let place = format!("{} ({}, {})", text(&adapter["name"]), text(&adapter["kind"]), text(&adapter["backend"]));
    cards.push(("Adapter", place));
    cards
}

/// The command line that trains the same again: preset, condition and seed always, what else was asked for, and what
/// the problem has of its own.
pub fn command(config: &Config, document: &Value) -> String {
    let (name, word) = (config.problem.name(), problem_file::word(config.problem));
    let mut words = vec![format!("acr-pinn-gpu run {word} --preset {}", config.preset.name)];
    if CONDITIONS.iter().any(|(known, ..)| *known == config.condition) {
        words.push(format!("--condition {}", config.condition));
    } else {
        words.push(format!("--network {} --strategy {}", config.network.name(), config.strategy.name()));
    }
    words.push(format!("--seed {}", config.seed));
    let usual = problems::find(name).map(|problem| problem.parameters()).unwrap_or_default();
    for parameter in config.problem.parameters() {
        if usual.iter().all(|known| known != &parameter) {
            words.push(format!("--{} {}", parameter.name, parameter.value));
        }
    }
    for (key, entry) in document["configuration"].as_object().into_iter().flatten() {
        let asked = matches!(entry["origin"].as_str(), Some("flag" | "file"));
        if !asked || ["preset", "condition", "network", "strategy", "seed"].contains(&&**key) {
            continue;
        }
        match key.strip_prefix("points.") {
            Some(set) => words.push(format!("--points {set}={}", entry["value"])),
            // its path says something about somebody's disk
            None if key == "reference" => words.push("--reference DIR".into()),
            None if key == "betas" => {
                let betas = entry["value"].as_array().into_iter().flatten().map(Value::to_string);
                words.push(format!("--betas {}", betas.collect::<Vec<_>>().join(",")));
            }
            None => words.push(format!("--{key} {}", text(&entry["value"]))),
        }
    }
    words.join(" ")
}

/// Tables that few readers open.
fn details(page: Page, document: &Value, history: &History) -> Page {
    let mut page = page.section("Details");
    if !history.rows.is_empty() {
        // a long history is in history.csv; the page shows about twenty lines of it
        let stride = history.rows.len().div_ceil(20).max(1);
        let mut headers = vec!["step"];
        headers.extend(&history.terms);
        headers.extend(["total", "rel. L2", "rel. L∞", "rate"]);
        let mut rows: Vec<Vec<String>> = history.rows.iter().rev().step_by(stride).map(row).collect();
        rows.reverse();
        page = page.folded(&format!("History ({} of {} rows)", rows.len(), history.rows.len()), &headers, &rows);
    }
    let entries = document["configuration"].as_object().into_iter().flatten();
    let settings: Vec<Vec<String>> =
        entries.map(|(key, entry)| vec![key.clone(), text(&entry["value"]), text(&entry["origin"])]).collect();
    page = page.folded("Settings, and where each comes from", &["key", "value", "origin"], &settings);
    let events = document["events"].as_array().into_iter().flatten();
    let events: Vec<Vec<String>> =
        events.map(|event| vec![text(&event["time"]), text(&event["kind"]), event.to_string()]).collect();
    if events.is_empty() { page } else { page.folded("Events", &["time", "what", "record"], &events) }
}

fn row(row: &acr_pinn_gpu::training::Row) -> Vec<String> {
    let mut cells = vec![row.step.to_string()];
    cells.extend(row.losses.iter().chain([&row.total]).map(|l| format!("{l:.3e}")));
    cells.extend(row.errors.map_or(vec!["–".into(); 2], |e| e[..2].iter().map(|x| format!("{x:.3e}")).collect()));
    cells.push(format!("{:.2e}", row.rate));
    cells
}

#[cfg(test)]
mod tests {
    use acr_pinn_gpu::training::{Draft, Options};
    use serde_json::json;

    use super::*;

    /// The command says everything that was asked for: read back, it is the same configuration.
    #[test]
    fn the_command_trains_the_same_again() {
        let options = Options {
            network: Some("lda".into()),
            strategy: Some("sum".into()),
            steps: Some(70),
            seed: Some(7),
            width: Some(12),
            points: vec![("bc".into(), 40)],
            horizon: Some(2.5),
            on_nan: Some("rollback".into()),
            optimiser: Some("soap".into()),
            betas: Some([0.8, 0.99]),
            residual_scale: Some(0.2),
            evaluate_every: Some(10),
            ..Options::default()
        };
        let config = Draft::new("klein-gordon", &options, Options::default()).unwrap().resolve("quick").unwrap();
        let entry = |(key, (value, origin)): (&String, &(Value, String))| {
            (key.clone(), json!({"value": value, "origin": origin}))
        };
        let document = json!({"configuration": config.origins.iter().map(entry).collect::<serde_json::Map<_, _>>()});
        let command = command(&config, &document);
        let again = super::super::config::tests::parsed(&command);
        let again = Draft::new("klein-gordon", &again, Options::default()).unwrap().resolve("paper").unwrap();
        assert_eq!(again.fingerprint(), config.fingerprint(), "{command}");
        assert_eq!((again.rollback, again.preset.evaluate_every), (true, 10), "{command}");
        assert!(command.contains("--condition lda --seed 7 --horizon 2.5"), "{command}");
        let shipped = Draft::new("heat", &Options::default(), Options::default()).unwrap().resolve("file").unwrap();
        assert!(self::command(&shipped, &document).starts_with("acr-pinn-gpu run heat --preset file"));
    }
}
