//! A problem from a text file: axes, fields, terms and references in TOML, equations as expressions.
//!
//! `document.rs` is the file as it is written, `reader.rs` and its neighbours say what it means: `terms.rs` what each term
//! states, `faces.rs`, `curves.rs` and `given.rs` where its points lie (as a `placement.rs`), `reference.rs` what the
//! answer is compared with. `columns.rs` reads files of numbers.

mod columns;
mod curves;
mod document;
mod faces;
mod given;
mod names;
mod placement;
mod reader;
mod reference;
mod terms;
#[cfg(test)]
mod tests;

pub use names::check_name;

use document::{Document, Fault};
use placement::Placement;
use reader::Reader;
use sha2::{Digest, Sha256};

use super::{
    Axis, Grid, Observable, PointSet, Preset, Problem, Quantity, Region, Sampling, Solution, Statement, Term, Unknown,
};
use crate::math::{Schedule, Variant};

/// Larger than any sensible problem.
const MOST_BYTES: usize = 1 << 20;

/// Reads a file that a problem file names; the error says why it cannot.
pub type Loader<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// A problem as its file states it.
pub struct FileProblem {
    name: &'static str,
    title: &'static str,
    equation: &'static str,
    axes: Vec<Axis>,
    fields: &'static [&'static str],
    unknowns: Vec<Unknown>,
    terms: Vec<Term>,
    sets: Vec<PointSet>,
    placements: Vec<Placement>,
    /// What `where`, `curve` or the name of a file add to each term's boxes.
    places: Vec<String>,
    /// Points of each set where nothing else is asked for.
    points: Vec<usize>,
    statement: &'static Statement,
    grid: Grid,
    slice: Vec<f64>,
    scattered: Vec<f64>,
    /// Steps, width and depth.
    size: [usize; 3],
    solution: Option<Solution>,
    compared: Vec<&'static str>,
    /// The table `[train]`, as TOML.
    pub train: String,
    /// The file itself.
    pub text: String,
    /// Files that it names, with what they held.
    pub files: Vec<(String, Vec<u8>)>,
}

impl FileProblem {
    /// Whether a point belongs to the domain: the first term has points there.
    pub fn covers(&self, point: &[f64]) -> bool {
        self.placements[0].contains(point)
    }

    /// What decides the numbers of a run, by name. The kind of a name is part of it: a constant may be called `rate`.
    pub fn deciding(&self) -> Vec<(String, String)> {
        let axis = |axis: &Axis| (format!("axis {}", axis.name), format!("[{}, {}]", axis.lower, axis.upper));
        let constant = |(name, value): &(String, f64)| (format!("constant {name}"), value.to_string());
        let unknown = |own: &Unknown| {
            (format!("unknown {}", own.name), format!("{} in [{}, {}]", own.start, own.lower, own.upper))
        };
        let file = |(path, bytes): &(String, Vec<u8>)| (format!("file {path}"), digest(bytes));
        let mut all = vec![("fields".to_owned(), self.fields.join(", "))];
        all.extend(self.axes.iter().map(axis));
        all.extend(self.statement.scope.constants.iter().map(constant));
        all.extend(self.unknowns.iter().map(unknown));
        all.extend((0..self.terms.len()).map(|term| (format!("term {}", self.terms[term].name), self.stated(term))));
        all.extend(self.files.iter().map(file));
        all
    }

    /// Weight, residual and place of term number `term`.
    fn stated(&self, term: usize) -> String {
        let box_ = |region: &Region| {
            let side = |(lower, upper): (&f64, &f64)| format!("[{lower}, {upper}]");
            region.lower.iter().zip(&region.upper).map(side).collect::<Vec<_>>().join(" × ")
        };
        let boxes: Vec<String> = self.sets[term].regions.iter().map(box_).collect();
        let Term { weight, partner, .. } = self.terms[term];
        let partner = partner.map_or(String::new(), |axis| format!(" periodic in {}", self.axes[axis].name));
        let residuals = self.statement.equations[term].texts.join("; ");
        format!("{weight} × ({residuals}){partner} in {}{}", boxes.join(", "), self.places[term])
    }
}

/// The first half of a checksum: enough to tell files apart.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Text that lives as long as the program, as a run and its problem do.
fn leaked(text: impl AsRef<str>) -> &'static str {
    Box::leak(text.as_ref().into())
}

/// The problem that `text` states.
///
/// # Errors
/// `line L, column C: …`, what is wrong there and what is meant.
pub fn read(text: &str, load: Loader) -> Result<FileProblem, String> {
    if text.len() > MOST_BYTES {
        return Err(format!("{} bytes: a problem file has at most {MOST_BYTES}", text.len()));
    }
    let document: Document = toml::from_str(text).map_err(|error| {
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        let span = error.span().unwrap_or(0..0);
        let single = message == "duplicate key" && text.get(span.clone()) == Some("term");
        let what = match message.strip_prefix("missing field ") {
            Some(key) => format!("the key {key} is missing here"),
            None if single || message == "invalid type: map, expected a sequence" => {
                "every term has a table of its own, in double brackets: [[term]]".to_owned()
            }
            None => crate::math::names::unknown_field(&message).unwrap_or(message),
        };
        Fault::new(span, what).located(text)
    })?;
    Reader::new(text, load).problem(document).map_err(|fault| fault.located(text))
}

impl Problem for FileProblem {
    fn name(&self) -> &'static str {
        self.name
    }
    fn title(&self) -> &'static str {
        self.title
    }
    fn equation(&self) -> &'static str {
        self.equation
    }
    fn axes(&self) -> Vec<Axis> {
        self.axes.clone()
    }
    fn fields(&self) -> &'static [&'static str] {
        self.fields
    }
    fn terms(&self) -> Vec<Term> {
        self.terms.clone()
    }
    fn sets(&self) -> Vec<PointSet> {
        self.sets.clone()
    }
    fn residuals(&self) -> Vec<Vec<String>> {
        self.statement.equations.iter().map(|equation| equation.texts.clone()).collect()
    }
    fn statement(&self) -> &'static Statement {
        self.statement
    }
    fn unknowns(&self) -> &[Unknown] {
        &self.unknowns
    }
    fn file(&self) -> Option<&FileProblem> {
        Some(self)
    }
    fn count(&self, set: usize) -> Option<usize> {
        self.placements[set].fixed()
    }
    fn given(&self, set: usize, count: usize) -> Option<Vec<f32>> {
        self.placements[set].points(count)
    }
    fn data(&self, term: usize, point: &[f64]) -> Vec<f64> {
        let narrow: Vec<f32> = point.iter().map(|&x| x as f32).collect();
        // every term has a point set of its own
        let columns = self.placements[term].columns(&narrow);
        let unmeasured = self.statement.equations[term].measured && columns.is_none();
        if unmeasured {
            return vec![f64::NAN; self.statement.equations[term].known.len()];
        }
        self.statement.equations[term].known_at(point, columns.unwrap_or(&[]))
    }
    fn presets(&self) -> Vec<Preset> {
        let [steps, width, depth] = self.size;
        vec![Preset {
            name: "file",
            steps: steps as u64,
            points: self.points.clone(),
            width,
            depth,
            variant: Variant::V2,
            sampling: Sampling::Resampled,
            optimiser: "adam",
            schedule: Schedule::WarmupCosine { rate: 5e-3, final_rate: 1e-4, warmup: 50 },
            evaluate_every: 500,
        }]
    }
    fn grid(&self) -> Grid {
        self.grid.clone()
    }
    fn slice(&self) -> Vec<f64> {
        self.slice.clone()
    }
    fn scattered(&self) -> Vec<f64> {
        self.scattered.clone()
    }
    fn observables(&self) -> Vec<Observable> {
        let value = |(field, &name): (usize, &&'static str)| Observable { name, quantity: Quantity::Value { field } };
        self.fields.iter().enumerate().map(value).collect()
    }
    fn compared(&self) -> Vec<&'static str> {
        self.compared.clone()
    }
    fn solution(&self) -> Option<Solution> {
        self.solution.clone()
    }
}
