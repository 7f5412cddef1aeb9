//! The charts of a run's training: losses, errors and learning rate over the steps, conflicts, gates.

use acr_pinn_gpu::report::{Curves, Series};
use acr_pinn_gpu::training::History;

use super::diagnostics::{Column, Diagnostics};
use super::pictures::{Picture, Place};

/// All charts that there are numbers for.
pub fn draw(history: &History, diagnostics: &Diagnostics) -> Vec<Picture> {
    let mut pictures = training(history);
    pictures.extend(conflicts(diagnostics));
    pictures.extend(gates(diagnostics));
    pictures
}

/// An empty chart over all steps that were recorded: from 0, so that a single evaluation is not alone on its axis.
fn over_steps(steps: &[f64], title: &str, label: &str) -> Curves {
    let last = steps.iter().copied().fold(0.0, f64::max);
    Curves::new().title(title).axes("step", label).x_limits(0.0, if last > 0.0 { last } else { 1.0 })
}

fn training(history: &History) -> Vec<Picture> {
    let rows = &history.rows;
    if rows.is_empty() {
        return Vec::new();
    }
    let steps: Vec<f64> = rows.iter().map(|row| row.step as f64).collect();
    let mut losses = over_steps(&steps, "Losses", "loss").log_y();
    for (k, term) in history.terms.iter().enumerate() {
        let values: Vec<f64> = rows.iter().map(|row| row.losses.get(k).copied().unwrap_or(f64::NAN)).collect();
        losses = losses.series(Series::line(*term, &steps, &values));
    }
    let mut pictures = Vec::new();
    if rows.iter().any(|row| row.errors.is_some()) {
        let mut errors = over_steps(&steps, "Errors against the reference", "relative error").log_y();
        for (k, name) in ["relative L2", "relative maximum"].iter().enumerate() {
            let values: Vec<f64> = rows.iter().map(|row| row.errors.map_or(f64::NAN, |e| e[k])).collect();
            errors = errors.series(Series::line(*name, &steps, &values));
        }
        let caption = "Distance from the reference on the evaluation grid: never seen by the training.";
        pictures.push(Picture::new("errors.png", caption, Place::Training, errors.draw()));
    }
    let caption = "Loss of each term before the step: the mean of the squared residual over its points.";
    pictures.push(Picture::new("losses.png", caption, Place::Training, losses.draw()));
    for (k, name) in history.unknowns.iter().enumerate() {
        let values: Vec<f64> = rows.iter().map(|row| row.unknowns.get(k).copied().unwrap_or(f64::NAN)).collect();
        let course = over_steps(&steps, &format!("Unknown {name}"), name).series(Series::line("", &steps, &values));
        let caption = format!("The course of {name}, which is trained with the network.");
        pictures.push(Picture::new(format!("unknown_{name}.png"), caption, Place::Training, course.draw()));
    }
    let rates: Vec<f64> = rows.iter().map(|row| row.rate).collect();
    let rate = over_steps(&steps, "Learning rate", "rate").log_y().series(Series::line("", &steps, &rates));
    pictures.push(Picture::new("rate.png", "Learning rate of the step.", Place::Training, rate.draw()));
    pictures
}

fn lines(chart: Curves, steps: &[f64], columns: &[Column]) -> Curves {
    columns.iter().fold(chart, |chart, (name, values)| chart.series(Series::line(name, steps, values)))
}

fn conflicts(d: &Diagnostics) -> Vec<Picture> {
    if d.cosines.is_empty() {
        return Vec::new();
    }
    let steps = &d.steps;
    let picture = |file: &str, caption: &str, chart: Curves| Picture::new(file, caption, Place::Conflict, chart.draw());
    let cosines = over_steps(steps, "Cosines of the terms' gradients", "cosine").y_limits(-1.0, 1.0);
    let caption =
        "Below zero the two terms pull against each other: a step along one's gradient makes the other's loss grow.";
    let mut pictures = vec![picture("cosines.png", caption, lines(cosines, steps, &d.cosines))];
    let moved = over_steps(steps, "Conflicts, and what the strategy does about them", "share")
        .series(Series::line("conflict rate", steps, &d.conflict_rate))
        .series(Series::line("projection ratio", steps, &d.projection_ratio));
    let largest = d.conflict_rate.iter().chain(&d.projection_ratio).copied().fold(1.0, f64::max);
    let caption = "Conflict rate: share of pairs of terms with a negative cosine. Projection ratio: how far the strategy moves the \
                   plain sum of the gradients, relative to its length; zero where it leaves the sum alone.";
    pictures.push(picture("conflicts.png", caption, moved.y_limits(0.0, largest)));
    let norms = over_steps(steps, "Norms of the terms' gradients", "norm").log_y();
    let caption = "Length of each term's gradient over all parameters: who is heard in the plain sum.";
    pictures.push(picture("norms.png", caption, lines(norms, steps, &d.norms)));
    let coefficients = over_steps(steps, "Coefficients of the combined gradient", "coefficient");
    let caption = "What the combined gradient takes of each term's: one each is the plain sum.";
    pictures.push(picture("coefficients.png", caption, lines(coefficients, steps, &d.coefficients)));
    pictures
}

fn gates(d: &Diagnostics) -> Vec<Picture> {
    if d.gates.is_empty() {
        return Vec::new();
    }
    let picture = |file: &str, caption: &str, chart: Curves| Picture::new(file, caption, Place::Gate, chart.draw());
    let means = over_steps(&d.steps, "Gates: mean weight of the first encoder", "weight").y_limits(0.0, 1.0);
    let caption = "Each feature mixes two encodings of the coordinates by a gate; one half weighs both alike. Mean over features \
                   and points.";
    let decided = over_steps(&d.steps, "Gates that have decided", "share").y_limits(0.0, 1.0);
    vec![
        picture("gates.png", caption, lines(means, &d.steps, &d.gates)),
        picture(
            "gates_decided.png",
            "Share of gates below 0.05 or above 0.95, which take one encoding alone.",
            lines(decided, &d.steps, &d.decided),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use acr_pinn_gpu::training::Row;

    use super::*;

    #[test]
    fn there_is_a_chart_for_what_there_are_numbers_for() {
        let files = |history: &History, d: &Diagnostics| -> Vec<String> {
            draw(history, d).into_iter().map(|picture| picture.file).collect()
        };
        let row = |errors| Row { step: 5, losses: vec![1.0], total: 1.0, errors, rate: 1e-3, unknowns: Vec::new() };
        let of = |errors| History { terms: vec!["pde"], unknowns: Vec::new(), rows: vec![row(errors)] };
        let column = || vec![("a".to_owned(), vec![0.5])];
        let some = Diagnostics {
            steps: vec![5.0],
            cosines: column(),
            norms: column(),
            coefficients: column(),
            conflict_rate: vec![0.5],
            projection_ratio: vec![f64::NAN],
            gates: column(),
            decided: column(),
        };
        assert!(files(&History::default(), &Diagnostics::default()).is_empty());
        assert_eq!(files(&of(None), &Diagnostics::default()), ["losses.png", "rate.png"]);
        let all =
            ["errors.png", "losses.png", "rate.png", "cosines.png", "conflicts.png", "norms.png", "coefficients.png"];
        let all: Vec<&str> = all.into_iter().chain(["gates.png", "gates_decided.png"]).collect();
        assert_eq!(files(&of(Some([0.1, 0.2, 0.3])), &some), all);
    }
}
