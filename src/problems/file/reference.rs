//! What the answer is compared with, and where: an expression on the nodes of a grid, or the numbers of a file.

use toml::Spanned;

use super::FileProblem;
use super::document::{Fault, Number, Ordered};
use super::placement::Placement;
use super::reader::Reader;
use crate::expressions::{Leaf, Program};
use crate::math::{names, sampling};
use crate::problems::{Axis, EvaluationSet, Grid, GridAxis, Problem, Solution};

/// Nodes along one axis.
const MOST_NODES: f64 = 4096.0;
/// Nodes of a grid: each is evaluated, and kept, for every field.
const MOST_OF_A_GRID: usize = 1 << 22;

impl FileProblem {
    /// The points at which the answer is compared, if these are not the nodes of the grid: nodes outside the domain do not
    /// count, and in more than two axes the nodes lie in one slice of it.
    fn counted(&self) -> Vec<f64> {
        const ENOUGH: usize = 4096;
        let axes = self.axes.len();
        if axes <= 2 && !self.placements[0].holes() {
            return Vec::new();
        }
        let points = match axes {
            0..=2 => EvaluationSet::new(Vec::new(), &self.grid, &self.slice).points,
            _ => {
                let drawn = sampling::points(0, 0, 0, &[Placement::everywhere(&self.axes)], ENOUGH);
                drawn.into_iter().map(f64::from).collect()
            }
        };
        points.chunks(axes).filter(|point| self.covers(point)).flatten().copied().collect()
    }
}

impl Reader<'_> {
    /// The nodes on which fields are drawn and, unless a reference lies elsewhere, compared.
    pub(super) fn grid(&self, table: Option<&Spanned<Ordered<Spanned<Number>>>>) -> Result<Grid, Fault> {
        let mut counts = if self.axes.len() == 1 { vec![401] } else { vec![101, 101] };
        for (name, count) in table.map(|table| &table.get_ref().0[..]).unwrap_or_default() {
            let axis = self.axis(name)?;
            let value = self.number(count, "a number of nodes")?;
            if !(2.0..=MOST_NODES).contains(&value) || value.fract() != 0.0 {
                let what = format!("{value} nodes: a whole number from 2 to {MOST_NODES} is meant");
                return Err(Fault::new(count.span(), what));
            }
            let Some(own) = counts.get_mut(axis) else {
                let what = format!("fields are drawn over the first two axes; `{}` is another", name.get_ref());
                return Err(Fault::new(name.span(), what));
            };
            *own = value as usize;
            let all: usize = counts.iter().product();
            if all > MOST_OF_A_GRID {
                return Err(Fault::new(count.span(), format!("{all} nodes: a grid has at most {MOST_OF_A_GRID}")));
            }
        }
        let of =
            |(axis, count): (&Axis, usize)| GridAxis { name: axis.name, lower: axis.lower, upper: axis.upper, count };
        Ok(Grid::of(self.axes.iter().zip(counts).map(of).collect()))
    }

    /// What the answer is compared with.
    pub(super) fn reference(
        &mut self,
        table: Option<&Spanned<Ordered<Spanned<String>>>>,
        problem: &mut FileProblem,
    ) -> Result<(), Fault> {
        problem.scattered = problem.counted();
        let Some(table) = table else { return Ok(()) };
        let entries = &table.get_ref().0;
        if entries.is_empty() {
            let what = format!("an empty [reference]: `{} = \"…\"` or `file = \"…\"` is meant", problem.fields[0]);
            return Err(Fault::new(table.span(), what));
        }
        match entries.iter().find(|(key, _)| key.get_ref() == "file") {
            Some(_) if entries.len() > 1 => {
                Err(Fault::new(table.span(), "`file` stands alone: it has a column for each field"))
            }
            Some((_, path)) => self.reference_file(path, problem),
            None => self.exact(entries, problem),
        }
    }

    /// Expressions, one for each of some fields.
    fn exact(&self, entries: &[(Spanned<String>, Spanned<String>)], problem: &mut FileProblem) -> Result<(), Fault> {
        let (mut values, mut texts) = (Vec::new(), Vec::new());
        let points = problem.evaluation_set().points;
        for (name, text) in entries {
            let Some(field) = problem.fields.iter().find(|field| *field == name.get_ref()) else {
                return Err(Fault::new(name.span(), names::unknown("field", name.get_ref(), problem.fields)));
            };
            let exact = Program::new(&[self.parse(text.get_ref(), text.span(), &self.coordinates())?]);
            let at = |point: &[f64]| {
                exact.evaluate(&mut |leaf: &Leaf| match *leaf {
                    Leaf::Axis(axis) => point[axis],
                    _ => unreachable!("coordinates alone are in scope"),
                })[0]
            };
            // in a hole nothing is known
            let known = |point: &[f64]| if problem.covers(point) { at(point) } else { f64::NAN };
            let found: Vec<f64> = points.chunks(self.axes.len()).map(known).collect();
            let wrong = |(point, value): &(&[f64], &f64)| problem.covers(point) && !value.is_finite();
            if let Some((point, value)) = points.chunks(self.axes.len()).zip(&found).find(wrong) {
                let narrow: Vec<f32> = point.iter().map(|&x| x as f32).collect();
                return Err(Fault::new(text.span(), format!("the reference is {value} at {}", self.shown(&narrow))));
            }
            values.push((*field, found));
            texts.push(format!("{} = {}", name.get_ref(), text.get_ref()));
        }
        problem.compared = values.iter().map(|(field, _)| *field).collect();
        problem.solution = Some(Solution { origin: format!("exact: {}", texts.join(", ")), values });
        Ok(())
    }

    /// Columns of a file: a grid where its rows are one, scattered points otherwise.
    fn reference_file(&mut self, path: &Spanned<String>, problem: &mut FileProblem) -> Result<(), Fault> {
        let table = self.table(path)?;
        let axes = problem.axes.len();
        let known: Vec<(usize, &'static str)> = table.names[axes..]
            .iter()
            .enumerate()
            .filter_map(|(column, name)| Some((column, *problem.fields.iter().find(|field| *field == name)?)))
            .collect();
        if known.is_empty() {
            let what =
                format!("{} has no column with the name of a field ({})", path.get_ref(), problem.fields.join(", "));
            return Err(Fault::new(path.span(), what));
        }
        problem.compared = known.iter().map(|(_, name)| *name).collect();
        let column = |number: usize| table.iter().map(move |row| row[axes + number]);
        let nodes = if axes == 2 { table.nodes(&problem.axes) } else { None };
        if let Some((grid, order)) = nodes.filter(|_| problem.scattered.is_empty()) {
            problem.grid = grid;
            let values = known.iter().map(|&(number, name)| {
                let unordered: Vec<f64> = column(number).collect();
                (name, order.iter().map(|&row| unordered[row]).collect())
            });
            problem.solution = Some(Solution { origin: path.get_ref().clone(), values: values.collect() });
            return Ok(());
        }
        problem.scattered = table.iter().flat_map(|row| row[..axes].to_vec()).collect();
        let drawn = problem.grid.len();
        let values = known.iter().map(|&(number, name)| {
            // between the points of the file nothing is known
            (name, column(number).chain(std::iter::repeat_n(f64::NAN, drawn)).collect())
        });
        problem.solution = Some(Solution { origin: path.get_ref().clone(), values: values.collect() });
        Ok(())
    }
}
