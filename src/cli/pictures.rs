//! The pictures of a run's answer: prediction, reference and signed error of every field, and the cavity's flow.

use std::path::Path;

use acr_pinn_gpu::error::{Error, Result};
use acr_pinn_gpu::problems::{Problem, Solution, ghia};
use acr_pinn_gpu::report::{Curves, Figure, Grid, Heatmap, Marker, Series, Streamlines};
use acr_pinn_gpu::training::{Evaluation, files};

/// Where on the page a picture stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the top.
    Hero,
    /// Fields, three in a row.
    Field,
    /// Profiles of the flow.
    Profile,
    /// Losses, errors, learning rate.
    Training,
    /// How the terms' gradients stood to each other.
    Conflict,
    /// What the network's gates did.
    Gate,
}

/// A picture with its file name and caption.
pub struct Picture {
    pub file: String,
    pub caption: String,
    pub place: Place,
    pub figure: Figure,
}

impl Picture {
    pub fn new(file: impl Into<String>, caption: impl Into<String>, place: Place, figure: Figure) -> Picture {
        Picture { file: file.into(), caption: caption.into(), place, figure }
    }
}

/// Writes the pictures into `folder` as PNG files, which takes most of the time, so side by side. Returns their names.
pub fn save(folder: &Path, pictures: &[Picture]) -> Result<Vec<String>> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    let one = |picture: &Picture| -> Result<()> {
        let path = folder.join(&picture.file);
        files::write(&path, &picture.figure.png().map_err(|e| Error::output(&path, e))?)
    };
    let share = |first: usize| pictures.iter().skip(first).step_by(threads).try_for_each(one);
    std::thread::scope(|scope| {
        let shares: Vec<_> = (0..threads).map(|first| scope.spawn(move || share(first))).collect();
        shares.into_iter().try_for_each(|share| share.join().expect("no picture panics"))
    })?;
    Ok(pictures.iter().map(|picture| picture.file.clone()).collect())
}

/// Everything that shows the answer.
pub fn answer(
    problem: &dyn Problem,
    evaluation: &Evaluation,
    solution: Option<&Solution>,
) -> std::io::Result<Vec<Picture>> {
    if problem.axes().len() == 1 {
        return Ok(lines(problem, evaluation, solution));
    }
    let is_flow = problem.observables()[0].name == "speed";
    let mut pictures = if is_flow { flow(problem, evaluation, solution)? } else { Vec::new() };
    for (number, (name, values)) in evaluation.observables.iter().enumerate() {
        let stem = if number == 0 { String::new() } else { format!("{name}_") };
        pictures.extend(field(problem, &stem, name, values, solution)?);
    }
    Ok(pictures)
}

/// The nodes of the problem's grid; `values` holds one number per point of the whole evaluation set.
fn grid_of(problem: &dyn Problem, values: &[f64]) -> std::io::Result<Grid> {
    let g = problem.grid();
    let ends = |k: usize| [g.axes[k].lower, g.axes[k].upper];
    // the nodes come last
    Grid::new(&values[values.len().saturating_sub(g.len())..], g.nx(), g.ny(), ends(0), ends(1))
}

/// The values on the grid, without those in a hole of the domain.
fn in_the_domain(problem: &dyn Problem, values: &[f64]) -> Vec<f64> {
    let set = problem.evaluation_set();
    let inside = |point: &[f64]| problem.file().is_none_or(|file| file.covers(point));
    let points = set.points.chunks(problem.axes().len());
    points.zip(values).map(|(point, value)| if inside(point) { *value } else { f64::NAN }).collect()
}

/// The fields of a problem of one axis over that axis, with what they should be.
fn courses(problem: &dyn Problem, evaluation: &Evaluation, solution: Option<&Solution>) -> [Curves; 2] {
    let (set, axis) = (problem.evaluation_set(), problem.axes()[0].name);
    let mut order: Vec<usize> = (0..set.points.len()).collect();
    order.sort_by(|&a, &b| set.points[a].total_cmp(&set.points[b]));
    let sorted = |values: &[f64]| order.iter().map(|&i| values[i]).collect::<Vec<f64>>();
    let at = sorted(&set.points);
    let mut curves = Curves::new().title("Fields").axes(axis, "value");
    let mut errors = Curves::new().title("Predicted minus reference").axes(axis, "error");
    for (name, predicted) in &evaluation.observables {
        curves = curves.series(Series::line(*name, &at, &sorted(predicted)));
        let Some(known) = solution.and_then(|solution| solution.of(name)) else { continue };
        // points of a file lie between nodes of which nothing is known
        let finite = |values: Vec<f64>| -> (Vec<f64>, Vec<f64>) {
            at.iter().zip(values).filter(|(_, value)| value.is_finite()).unzip()
        };
        let (places, values) = finite(sorted(known));
        curves = curves.series(Series::line(format!("{name}, reference"), &places, &values).dashed());
        let (places, values) = finite(sorted(&predicted.iter().zip(known).map(|(p, u)| p - u).collect::<Vec<f64>>()));
        errors = errors.series(Series::line(*name, &places, &values));
    }
    [curves, errors]
}

fn lines(problem: &dyn Problem, evaluation: &Evaluation, solution: Option<&Solution>) -> Vec<Picture> {
    let [curves, errors] = courses(problem, evaluation, solution);
    let caption =
        solution.map_or("The trained network.".to_owned(), |s| format!("The trained network and {}.", s.origin));
    let mut pictures = vec![Picture::new("prediction.png", caption, Place::Field, curves.size(560, 300).draw())];
    if solution.is_some() {
        let caption = "Predicted minus reference.";
        pictures.push(Picture::new("error.png", caption, Place::Field, errors.size(560, 300).draw()));
    }
    pictures
}

/// Where the picture lies on the axes it does not show, such as " at x3 = 0.5"; empty in two axes.
fn slice(problem: &dyn Problem) -> String {
    let places =
        problem.axes().into_iter().skip(2).zip(problem.slice()).map(|(axis, x)| format!("{} = {x}", axis.name));
    let places: Vec<_> = places.collect();
    if places.is_empty() { String::new() } else { format!(" at {}", places.join(", ")) }
}

/// The letter of a field in formulas.
fn letter(name: &str) -> &str {
    match name {
        "psi" => "ψ",
        "h_abs" | "abs_h" => "|h|",
        name => name,
    }
}

/// Prediction, reference and signed error of one observable, the first two on the same colours.
fn field(
    problem: &dyn Problem,
    stem: &str,
    name: &str,
    values: &[f64],
    solution: Option<&Solution>,
) -> std::io::Result<Vec<Picture>> {
    let (letter, slice, axes) = (letter(name), slice(problem), problem.axes());
    let prediction = grid_of(problem, &in_the_domain(problem, values))?;
    let map = |grid: Grid, title: String| Heatmap::new(grid).title(title).axes(axes[0].name, axes[1].name);
    let mut shown = map(prediction.clone(), format!("{letter}, predicted"));
    let known = solution.and_then(|solution| solution.of(name)).map(|known| grid_of(problem, known)).transpose()?;
    // points of a file may lie anywhere but on the nodes
    let known = known.filter(|known| known.range().is_some());
    if let Some([low, high]) = known.as_ref().and_then(Grid::range) {
        shown = shown.range(low, high);
    }
    let picture = |kind: &str, caption: String, map: Heatmap| {
        Picture::new(format!("{stem}{kind}.png"), caption, Place::Field, map.draw())
    };
    let mut pictures = vec![picture("prediction", format!("{letter} of the trained network{slice}."), shown)];
    if let (Some(known), Some(solution)) = (known, solution) {
        let error = prediction.zip(&known, |p, u| p - u)?;
        let caption = format!("{letter} of the reference{slice}: {}.", solution.origin);
        pictures.push(picture("solution", caption, map(known, format!("{letter}, reference"))));
        let caption =
            format!("Predicted minus reference{slice}: red where the network is above, blue where it is below.");
        pictures.push(picture("error", caption, map(error, format!("error of {letter}")).signed()));
    }
    Ok(pictures)
}

/// The largest picture of a page without a flow: the first observable.
pub fn hero(problem: &dyn Problem, evaluation: &Evaluation, solution: Option<&Solution>) -> std::io::Result<Figure> {
    if problem.axes().len() == 1 {
        let [curves, _] = courses(problem, evaluation, solution);
        return Ok(curves.size(560, 360).draw());
    }
    let (name, values) = &evaluation.observables[0];
    let axes = problem.axes();
    let map = Heatmap::new(grid_of(problem, &in_the_domain(problem, values))?)
        .title(format!("{}, predicted{}", letter(name), slice(problem)))
        .axes(axes[0].name, axes[1].name)
        .width(560);
    let known = solution.map(|solution| grid_of(problem, solution.compared())).transpose()?;
    Ok(match known.as_ref().and_then(Grid::range) {
        Some([low, high]) => map.range(low, high).draw(),
        None => map.draw(),
    })
}

/// The Reynolds number of the published profiles.
const PUBLISHED_REYNOLDS: f64 = 100.0;

/// A profile of the flow along a line through the middle.
struct Profile<'a> {
    file: &'a str,
    title: &'a str,
    axes: [&'a str; 2],
    places: Vec<f64>,
    predicted: Vec<f64>,
    known: Option<Vec<f64>>,
    published: Option<&'a [(f64, f64)]>,
}

impl Profile<'_> {
    fn picture(&self) -> Picture {
        let mut curves = Curves::new()
            .title(self.title)
            .axes(self.axes[0], self.axes[1])
            .size(560, 300)
            .series(Series::line("predicted", &self.places, &self.predicted));
        if let Some(known) = &self.known {
            curves = curves.series(Series::line("reference", &self.places, known).dashed());
        }
        if let Some(table) = self.published {
            let (at, value): (Vec<f64>, Vec<f64>) = table.iter().copied().unzip();
            curves = curves.series(Series::points("Ghia, Ghia & Shin 1982", &at, &value, Marker::Circle));
        }
        Picture::new(self.file, format!("{}.", self.title), Place::Profile, curves.draw())
    }
}

fn flow(problem: &dyn Problem, evaluation: &Evaluation, solution: Option<&Solution>) -> std::io::Result<Vec<Picture>> {
    let of = |name: &str| evaluation.observables.iter().find(|(known, _)| *known == name).map(|(_, values)| values);
    let (Some(u), Some(v)) = (of("u"), of("v")) else { return Ok(Vec::new()) };
    let streamlines = Streamlines::new(grid_of(problem, u)?, grid_of(problem, v)?)?
        .style(|map| map.title("Streamlines over speed, predicted").axes("x", "y"));
    let g = problem.grid();
    let (nx, ny) = (g.nx(), g.ny());
    // the centrelines lie between two nodes of an even grid
    let vertical =
        |w: &[f64]| -> Vec<f64> { (0..ny).map(|j| (w[(nx / 2 - 1) * ny + j] + w[nx / 2 * ny + j]) / 2.0).collect() };
    let horizontal =
        |w: &[f64]| -> Vec<f64> { (0..nx).map(|i| (w[i * ny + ny / 2 - 1] + w[i * ny + ny / 2]) / 2.0).collect() };
    let reynolds = problem.parameters().iter().find(|p| p.name == "reynolds").map_or(0.0, |p| p.value);
    let published = |table: &'static [(f64, f64)]| (reynolds == PUBLISHED_REYNOLDS).then_some(table);
    let along_y = Profile {
        file: "centreline_u.png",
        title: "u on the vertical centreline x = 0.5",
        axes: ["y", "u"],
        places: (0..ny).map(|j| g.axes[1].node(j)).collect(),
        predicted: vertical(u),
        known: solution.and_then(|s| s.of("u")).map(vertical),
        published: published(&ghia::U),
    };
    let along_x = Profile {
        file: "centreline_v.png",
        title: "v on the horizontal centreline y = 0.5",
        axes: ["x", "v"],
        places: (0..nx).map(|i| g.axes[0].node(i)).collect(),
        predicted: horizontal(v),
        known: solution.and_then(|s| s.of("v")).map(horizontal),
        published: published(&ghia::V),
    };
    let caption = format!(
        "The predicted flow at Re = {reynolds}: colours are the speed, lines follow the velocity, closely spaced where an eddy \
         is slow. The lid at the top moves to the right."
    );
    let first = Picture::new("streamlines.png", caption, Place::Hero, streamlines.draw());
    Ok(vec![first, along_y.picture(), along_x.picture()])
}
