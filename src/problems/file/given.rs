//! Points and measured numbers from files.

use std::ops::Range;

use toml::Spanned;

use super::columns::Table;
use super::document::{Fault, TermText};
use super::placement::Placement;
use super::reader::Reader;
use crate::expressions::{Expr, Scope};
use crate::problems::Equation;

/// Columns of points with what was measured there.
pub(super) struct Measured {
    pub(super) table: Table,
    pub(super) names: Vec<String>,
}

impl Reader<'_> {
    pub(super) fn measured(&mut self, path: &Spanned<String>) -> Result<Measured, Fault> {
        let table = self.table(path)?;
        let names = table.names[self.axes.len()..].to_vec();
        let scope = Scope { columns: names.clone(), ..self.scope.clone() };
        scope.check().map_err(|what| Fault::new(path.span(), format!("{}: {what}", path.get_ref())))?;
        Ok(Measured { table, names })
    }

    /// A file of columns that begins with the axes. Terms may share it.
    pub(super) fn table(&mut self, path: &Spanned<String>) -> Result<Table, Fault> {
        let name = path.get_ref();
        let fault = |what: String| Fault::new(path.span(), format!("{name}: {what}"));
        let known = self.files.iter().find(|(other, _)| other == name);
        let bytes = known.map_or_else(|| (self.load)(name), |(_, bytes)| Ok(bytes.clone())).map_err(fault)?;
        let table = Table::read(&bytes, &self.scope.axes).map_err(fault)?;
        let last = |path: &str| path.rsplit(['/', '\\']).next().map(str::to_owned);
        if self.files.iter().any(|(other, _)| other != name && last(other) == last(name)) {
            let what = "another file is called the same, and a run keeps copies of both in one folder: rename one";
            return Err(fault(what.to_owned()));
        }
        if !self.files.iter().any(|(other, _)| other == name) {
            self.files.push((name.clone(), bytes));
        }
        Ok(table)
    }

    /// The rows of a file as points with what was measured there.
    pub(super) fn points_of(&self, table: &Table, path: &Spanned<String>) -> Result<Placement, Fault> {
        let fault = |what: String| Fault::new(path.span(), format!("{}: {what}", path.get_ref()));
        let placement = Placement::given(&table.rows, table.names.len(), self.axes.len()).map_err(fault)?;
        let points = placement.sample(table.len());
        match points.chunks(self.axes.len()).position(|point| !self.is_inside(point)) {
            Some(row) => {
                let point = &points[row * self.axes.len()..][..self.axes.len()];
                Err(fault(format!("row {} is the point {point:?}, outside the domain of the axes", row + 1)))
            }
            None => Ok(placement),
        }
    }

    /// The points of a term that names a file instead of their number.
    pub(super) fn points_of_a_file(&mut self, term: &TermText, path: &Spanned<String>) -> Result<Placement, Fault> {
        refuse(&others(term)[..4], "a file of points")?;
        let table = self.table(path)?;
        self.points_of(&table, path)
    }

    pub(super) fn refuse_beside_data(&self, term: &TermText) -> Result<(), Fault> {
        refuse(&others(term), "`data`")
    }

    /// Field minus column, for every column that has the name of a field.
    pub(super) fn measured_equation(&self, measured: &Measured, name: &Spanned<String>) -> Result<Equation, Fault> {
        let (mut texts, mut components) = (Vec::new(), Vec::new());
        for (column, name) in measured.names.iter().enumerate() {
            if let Some(field) = self.scope.fields.iter().position(|field| field == name) {
                texts.push(format!("{name} - column {name}"));
                components.push(Expr::field(field, &[]) - Expr::column(column));
            }
        }
        if components.is_empty() {
            let what = format!(
                "none of the columns {} has the name of a field ({}): name one so, or state a `residual`",
                measured.names.join(", "),
                self.scope.fields.join(", ")
            );
            return Err(Fault::new(name.span(), what));
        }
        Equation::new(texts, components).map_err(|what| Fault::new(name.span(), what))
    }
}

/// A key with its place, where it is given.
type Key = (&'static str, Option<Range<usize>>);

/// The keys that say where points lie.
fn others(term: &TermText) -> [Key; 5] {
    [
        ("on", term.on.as_ref().map(Spanned::span)),
        ("where", term.inside.as_ref().map(Spanned::span)),
        ("periodic", term.periodic.as_ref().map(Spanned::span)),
        ("curve", term.curve.as_ref().map(Spanned::span)),
        ("points", term.points.as_ref().map(Spanned::span)),
    ]
}

fn refuse(keys: &[Key], beside: &str) -> Result<(), Fault> {
    match keys.iter().find_map(|(key, span)| Some((key, span.clone()?))) {
        Some((key, span)) => {
            Err(Fault::new(span, format!("`{key}` beside {beside}: the file says where its points lie")))
        }
        None => Ok(()),
    }
}
