//! The pictures of a run: solution, prediction, error, curves, and the cavity's flow.

use std::path::Path;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::problems::{Problem, Solution, ghia};
use acr_pinn_gpu::report::{Curves, Figure, Grid, Heatmap, Marker, Series, Streamlines};
use acr_pinn_gpu::training::{Evaluation, History, files};

/// A picture with its file name and caption.
pub struct Picture {
    pub file: &'static str,
    pub caption: String,
    pub png: Vec<u8>,
}

/// Draws everything there is to see and writes it into `folder`.
pub fn draw(
    folder: &Path,
    problem: &dyn Problem,
    evaluation: &Evaluation,
    solution: Option<&Solution>,
    history: &History,
) -> Result<Vec<Picture>> {
    let mut figures = fields(problem, evaluation, solution).map_err(|e| Error::output(folder, e))?;
    if problem.observables()[0].name == "speed" {
        figures.extend(flow(problem, evaluation, solution).map_err(|e| Error::output(folder, e))?);
    }
    figures.extend(curves(history));
    let save = |(file, caption, figure): (&'static str, String, Figure)| -> Result<Picture> {
        let png = figure.png().map_err(|e| Error::output(folder.join(file), e))?;
        files::write(&folder.join(file), &png)?;
        Ok(Picture { file, caption, png })
    };
    figures.into_iter().map(save).collect()
}

type Drawn = Vec<(&'static str, String, Figure)>;

/// The nodes of the problem's grid; `values` holds one number per point of the whole evaluation set.
fn grid_of(problem: &dyn Problem, values: &[f64]) -> std::io::Result<Grid> {
    let g = problem.grid();
    let ends = |k: usize| [g.axes[k].lower, g.axes[k].upper];
    // the nodes come last
    Grid::new(&values[values.len().saturating_sub(g.len())..], g.nx(), g.ny(), ends(0), ends(1))
}

/// Where the picture lies on the axes it does not show, such as " at x3 = 0.5"; empty in two axes.
fn place(problem: &dyn Problem) -> String {
    let places =
        problem.axes().into_iter().skip(2).zip(problem.slice()).map(|(axis, x)| format!("{} = {x}", axis.name));
    let places: Vec<_> = places.collect();
    if places.is_empty() { String::new() } else { format!(" at {}", places.join(", ")) }
}

/// Solution, prediction and absolute error of the compared observable, on the same colours.
fn fields(problem: &dyn Problem, evaluation: &Evaluation, solution: Option<&Solution>) -> std::io::Result<Drawn> {
    if problem.axes().len() == 1 {
        return Ok(lines(problem, evaluation, solution));
    }
    let (name, predicted) = &evaluation.observables[0];
    let axes = problem.axes();
    let prediction = grid_of(problem, &in_the_domain(problem, predicted))?;
    let place = place(problem);
    let map = |grid: Grid, title: String| Heatmap::new(grid).title(title).axes(axes[0].name, axes[1].name).label(*name);
    let mut drawn = Vec::new();
    let mut shown = map(prediction.clone(), format!("{}: prediction", problem.title()));
    // points of a file may lie anywhere but on the nodes
    let drawable = |known: &Grid| known.range().is_some();
    let known = solution.map(|solution| grid_of(problem, solution.compared())).transpose()?.filter(drawable);
    if let (Some(solution), Some(known)) = (solution, known) {
        if let Some([low, high]) = known.range() {
            shown = shown.range(low, high);
        }
        let error = known.zip(&prediction, |u, p| (p - u).abs())?;
        let title = format!("{}: solution", problem.title());
        drawn.push(("solution.png", format!("Reference{place}: {}", solution.origin), map(known, title).draw()));
        let error = map(error, format!("{}: absolute error", problem.title())).label(format!("|error| of {name}"));
        drawn.push(("error.png", format!("Absolute error of the prediction{place}"), error.draw()));
    }
    drawn.insert(drawn.len().min(1), ("prediction.png", format!("The trained network{place}"), shown.draw()));
    Ok(drawn)
}

/// The values on the grid, without those in a hole of the domain.
fn in_the_domain(problem: &dyn Problem, values: &[f64]) -> Vec<f64> {
    let set = problem.evaluation_set();
    let inside = |point: &[f64]| problem.file().is_none_or(|file| file.covers(point));
    let points = set.points.chunks(problem.axes().len());
    points.zip(values).map(|(point, value)| if inside(point) { *value } else { f64::NAN }).collect()
}

/// All fields of a problem of one axis, with what they should be.
fn lines(problem: &dyn Problem, evaluation: &Evaluation, solution: Option<&Solution>) -> Drawn {
    let (set, axis) = (problem.evaluation_set(), problem.axes()[0].name);
    let mut order: Vec<usize> = (0..set.points.len()).collect();
    order.sort_by(|&a, &b| set.points[a].total_cmp(&set.points[b]));
    let sorted = |values: &[f64]| order.iter().map(|&i| values[i]).collect::<Vec<f64>>();
    let at = sorted(&set.points);
    let mut curves = Curves::new().title(problem.title()).axes(axis, "value");
    let mut errors = Curves::new().title(format!("{}: absolute error", problem.title())).axes(axis, "|error|").log_y();
    for (name, predicted) in &evaluation.observables {
        curves = curves.series(Series::line(*name, &at, &sorted(predicted)));
        let Some(known) = solution.and_then(|solution| solution.of(name)) else { continue };
        // points of a file lie between nodes of which nothing is known
        let (places, values): (Vec<f64>, Vec<f64>) =
            at.iter().zip(sorted(known)).filter(|(_, value)| value.is_finite()).unzip();
        curves = curves.series(Series::line(format!("{name}, reference"), &places, &values).dashed());
        let error: Vec<f64> = predicted.iter().zip(known).map(|(p, u)| (p - u).abs()).collect();
        errors = errors.series(Series::line(*name, &at, &sorted(&error)));
    }
    let caption =
        solution.map_or("The trained network".to_owned(), |s| format!("The trained network and {}", s.origin));
    let mut drawn = vec![("prediction.png", caption, curves.draw())];
    if solution.is_some() {
        drawn.push(("error.png", "Absolute error of the prediction".to_owned(), errors.draw()));
    }
    drawn
}

fn flow(problem: &dyn Problem, evaluation: &Evaluation, solution: Option<&Solution>) -> std::io::Result<Drawn> {
    let of = |name: &str| evaluation.observables.iter().find(|(known, _)| *known == name).map(|(_, values)| values);
    let (Some(u), Some(v)) = (of("u"), of("v")) else { return Ok(Vec::new()) };
    let picture = Streamlines::new(grid_of(problem, u)?, grid_of(problem, v)?)?
        .style(|map| map.title("Lid-driven cavity: streamlines").label("speed").axes("x", "y"));
    let g = problem.grid();
    let (nx, ny) = (g.nx(), g.ny());
    // the centrelines lie between two nodes of an even grid
    let vertical =
        |w: &[f64]| -> Vec<f64> { (0..ny).map(|j| (w[(nx / 2 - 1) * ny + j] + w[nx / 2 * ny + j]) / 2.0).collect() };
    let horizontal =
        |w: &[f64]| -> Vec<f64> { (0..nx).map(|i| (w[i * ny + ny / 2 - 1] + w[i * ny + ny / 2]) / 2.0).collect() };
    let xs: Vec<f64> = (0..nx).map(|i| g.axes[0].node(i)).collect();
    let ys: Vec<f64> = (0..ny).map(|j| g.axes[1].node(j)).collect();
    let table = |table: &[(f64, f64)]| -> (Vec<f64>, Vec<f64>) { table.iter().copied().unzip() };
    let reynolds = problem.parameters().iter().find(|p| p.name == "reynolds").map_or(0.0, |p| p.value);
    let profile = |title: &str,
                   axes: (&str, &str),
                   s: &[f64],
                   predicted: Vec<f64>,
                   known: Option<Vec<f64>>,
                   ghia: &[(f64, f64)]| {
        let mut curves =
            Curves::new().title(title).axes(axes.0, axes.1).series(Series::line("prediction", s, &predicted));
        if let Some(known) = known {
            curves = curves.series(Series::line("reference", s, &known).dashed());
        }
        if reynolds == 100.0 {
            let (at, value) = table(ghia);
            curves = curves.series(Series::points("Ghia et al. 1982", &at, &value, Marker::Circle));
        }
        curves.draw()
    };
    let known_u = solution.and_then(|s| s.of("u")).map(vertical);
    let known_v = solution.and_then(|s| s.of("v")).map(horizontal);
    Ok(vec![
        ("streamlines.png", "Streamlines of the predicted flow over its speed".to_owned(), picture.draw()),
        (
            "centreline_u.png",
            "u on the vertical centreline".to_owned(),
            profile("u(0.5, y)", ("y", "u"), &ys, vertical(u), known_u, &ghia::U),
        ),
        (
            "centreline_v.png",
            "v on the horizontal centreline".to_owned(),
            profile("v(x, 0.5)", ("x", "v"), &xs, horizontal(v), known_v, &ghia::V),
        ),
    ])
}

fn curves(history: &History) -> Drawn {
    let steps: Vec<f64> = history.rows.iter().map(|row| row.step as f64).collect();
    let mut losses = Curves::new().title("Losses").axes("step", "loss").log_y();
    for (k, term) in history.terms.iter().enumerate() {
        let values: Vec<f64> = history.rows.iter().map(|row| row.losses[k]).collect();
        losses = losses.series(Series::line(*term, &steps, &values));
    }
    let mut drawn = vec![("losses.png", "Loss of each term".to_owned(), losses.draw())];
    if history.rows.iter().any(|row| row.errors.is_some()) {
        let mut errors = Curves::new().title("Errors").axes("step", "relative error").log_y();
        for (k, name) in ["relative L2", "relative maximum"].iter().enumerate() {
            let values: Vec<f64> = history.rows.iter().map(|row| row.errors.map_or(f64::NAN, |e| e[k])).collect();
            errors = errors.series(Series::line(*name, &steps, &values));
        }
        drawn.push(("errors.png", "Errors against the reference".to_owned(), errors.draw()));
    }
    drawn
}
