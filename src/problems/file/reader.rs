//! From the tables of a file to a problem: names first, then terms, then what the answer is compared with.

use std::ops::Range;

use toml::Spanned;

use super::document::{Document, Fault, Interval, Number, Ordered, UnknownText};
use super::names::{file_name, names_of};
use super::terms::Built;
use super::{FileProblem, Loader, leaked};
use crate::expressions::{Expr, Leaf, Scope, parse};
use crate::math::multi_index::MAX_AXES;
use crate::math::names;
use crate::problems::{Axis, Statement, Unknown};

/// Fields of a network.
const MOST_FIELDS: usize = 4;
/// Unknowns of a problem.
const MOST_UNKNOWNS: usize = 8;
/// Constants of a problem: every name is compared with every other.
const MOST_CONSTANTS: usize = 64;

/// What is known of a file while it is read.
pub(super) struct Reader<'a> {
    text: &'a str,
    pub(super) load: Loader<'a>,
    /// Files that it names, as they were read.
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) axes: Vec<Axis>,
    /// All names so far.
    pub(super) scope: Scope,
    pub(super) unknowns: Vec<Unknown>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, load: Loader<'a>) -> Reader<'a> {
        Reader { text, load, files: Vec::new(), axes: Vec::new(), scope: Scope::default(), unknowns: Vec::new() }
    }

    pub(super) fn problem(mut self, document: Document) -> Result<FileProblem, Fault> {
        let name = file_name(&document.name)?;
        self.declare(&document)?;
        let built = self.terms(&document)?;
        self.trained(&document, &built)?;
        let grid = self.grid(document.grid.as_ref())?;
        let equation = leaked(built.equations[0].texts.join(", "));
        let statement = Statement::new(self.scope.clone(), built.equations)
            .map_err(|(term, what)| Fault::new(document.terms[term].get_ref().stated(), what))?;
        // settings of the wrong kind are complained about by those who read all of them
        let setting = |key: &str| document.train.as_ref()?.get(key)?.as_integer().filter(|value| *value > 0);
        let size = [("steps", 5000), ("width", 20), ("depth", 3)];
        let fields: Vec<&'static str> = self.scope.fields.iter().map(leaked).collect();
        let mut problem = FileProblem {
            size: size.map(|(key, usual)| setting(key).map_or(usual, |value| value as usize)),
            name: leaked(&name),
            title: leaked(document.title.as_ref().unwrap_or(&name)),
            equation,
            compared: vec![fields[0]],
            fields: fields.leak(),
            unknowns: std::mem::take(&mut self.unknowns),
            terms: built.terms,
            sets: built.sets,
            placements: built.placements,
            places: built.places,
            points: built.points,
            statement: Box::leak(Box::new(statement)),
            slice: self.axes.iter().skip(2).map(|axis| 0.5 * (axis.lower + axis.upper)).collect(),
            axes: self.axes.clone(),
            grid,
            scattered: Vec::new(),
            solution: None,
            train: document.train.map_or(String::new(), |table| table.to_string()),
            text: self.text.to_owned(),
            files: Vec::new(),
        };
        self.reference(document.reference.as_ref(), &mut problem)?;
        problem.files = self.files;
        Ok(problem)
    }

    /// Puts all names in scope, one kind after the other, so that a clash is found where the second name stands.
    fn declare(&mut self, document: &Document) -> Result<(), Fault> {
        let axes = &document.axes.get_ref().0;
        if axes.is_empty() || axes.len() > MAX_AXES {
            let what = format!("{} axes: a problem has one to {MAX_AXES}, such as x = [0, 1]", axes.len());
            return Err(Fault::new(document.axes.span(), what));
        }
        self.scope.axes = axes.iter().map(|(name, _)| name.get_ref().clone()).collect();
        self.check(document.axes.span())?;
        self.scope.fields = names_of(&document.fields, MOST_FIELDS, "fields")?;
        self.check(document.fields.span())?;
        if let Some((name, _)) = document.constants.0.get(MOST_CONSTANTS) {
            return Err(Fault::new(name.span(), format!("at most {MOST_CONSTANTS} constants have room")));
        }
        for (name, value) in &document.constants.0 {
            let value = self.number(value, "a constant")?;
            self.scope.constants.push((name.get_ref().clone(), value));
            self.check(name.span())?;
        }
        for (name, _) in &document.unknowns.0 {
            self.scope.unknowns.push(name.get_ref().clone());
            self.check(name.span())?;
        }
        let axis = |(name, ends): &(Spanned<String>, Spanned<Interval>)| {
            let [lower, upper] = self.range(ends)?;
            Ok(Axis::symmetric(leaked(name.get_ref()), lower, upper))
        };
        self.axes = axes.iter().map(axis).collect::<Result<_, Fault>>()?;
        self.unknowns = self.unknowns(&document.unknowns)?;
        Ok(())
    }

    /// What the file says at a place, word by word.
    pub(super) fn raw(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }

    fn check(&self, span: Range<usize>) -> Result<(), Fault> {
        self.scope.check().map_err(|what| Fault::new(span, what))
    }

    /// Both ends of an interval.
    pub(super) fn range(&self, ends: &Spanned<Interval>) -> Result<[f64; 2], Fault> {
        let [lower, upper] = &ends.get_ref().0[..] else {
            let what = format!("{} numbers: an interval is [lower, upper]", ends.get_ref().0.len());
            return Err(Fault::new(ends.span(), what));
        };
        let range = [self.number(lower, "an end of an interval")?, self.number(upper, "an end of an interval")?];
        // the coordinate of a network runs from −1 to 1, which takes a width that is a number of 32 bits
        if range[0] >= range[1] || !((range[1] - range[0]) as f32).is_normal() {
            let what = format!("the interval from {} to {} is empty: the lower end comes first", range[0], range[1]);
            return Err(Fault::new(ends.span(), what));
        }
        Ok(range)
    }

    /// A number, or the value of an expression of constants.
    pub(super) fn number(&self, number: &Spanned<Number>, kind: &str) -> Result<f64, Fault> {
        let value = match number.get_ref() {
            Number::Value(value) => *value,
            Number::Text(text) => {
                let scope = Scope { constants: self.scope.constants.clone(), ..Scope::default() };
                let expression = self.parse(text, number.span(), &scope)?;
                expression.as_constant().expect("nothing but constants is in scope")
            }
        };
        // computed in 32 bits on the device
        if !(value as f32).is_finite() || value != 0.0 && !(value as f32).is_normal() {
            let what = format!(
                "{kind} is {value:e}: numbers of 32 bits, which devices compute with, are between 1.2e-38 and 3.4e38"
            );
            return Err(Fault::new(number.span(), what));
        }
        Ok(value)
    }

    /// An expression; a mistake in it is located inside its text.
    pub(super) fn parse(&self, text: &str, span: Range<usize>, scope: &Scope) -> Result<Expr, Fault> {
        parse(text, scope).map_err(|error| {
            let raw = self.raw(span.clone());
            let long = raw.starts_with("\"\"\"") || raw.starts_with("'''");
            // a line that begins with the quotation marks alone is not part of the text
            let newline = raw
                .get(3..)
                .map_or(0, |text| usize::from(text.starts_with('\n')) + 2 * usize::from(text.starts_with("\r\n")));
            let quotes = if long { 3 + newline } else { 1 };
            let inside: usize = text.chars().take(error.column - 1).map(char::len_utf8).sum();
            Fault::new(span.start + quotes + inside..span.end, error.message)
        })
    }

    fn unknowns(&self, table: &Ordered<Spanned<UnknownText>>) -> Result<Vec<Unknown>, Fault> {
        if let Some((name, _)) = table.0.get(MOST_UNKNOWNS) {
            return Err(Fault::new(name.span(), format!("at most {MOST_UNKNOWNS} unknowns are trained")));
        }
        let unknown = |(name, unknown): &(Spanned<String>, Spanned<UnknownText>)| {
            let UnknownText { start, lower, upper } = unknown.get_ref();
            let end = |end: &Option<Spanned<Number>>, without: f64| match end {
                Some(end) => self.number(end, "a bound"),
                None => Ok(without),
            };
            let start = self.number(start, "a start")?;
            let [lower, upper] = [end(lower, f64::NEG_INFINITY)?, end(upper, f64::INFINITY)?];
            let name = name.get_ref();
            for (beyond, kind, bound) in
                [(start < lower, "below its lower", lower), (start > upper, "above its upper", upper)]
            {
                if beyond {
                    return Err(Fault::new(
                        unknown.span(),
                        format!("`{name}` starts at {start}, {kind} bound {bound}"),
                    ));
                }
            }
            Ok(Unknown { name: leaked(name), start, lower, upper })
        };
        table.0.iter().map(unknown).collect()
    }

    /// Axes and constants alone.
    pub(super) fn coordinates(&self) -> Scope {
        Scope { fields: Vec::new(), unknowns: Vec::new(), columns: Vec::new(), ..self.scope.clone() }
    }

    pub(super) fn axis(&self, name: &Spanned<String>) -> Result<usize, Fault> {
        let known: Vec<&str> = self.scope.axes.iter().map(String::as_str).collect();
        let found = known.iter().position(|axis| axis == name.get_ref());
        found.ok_or_else(|| Fault::new(name.span(), names::unknown("axis", name.get_ref(), &known)))
    }

    /// Every field and every unknown must occur in some residual.
    fn trained(&self, document: &Document, built: &Built) -> Result<(), Fault> {
        let leaves: Vec<Leaf> =
            built.equations.iter().flat_map(|equation| equation.components.iter().flat_map(Expr::leaves)).collect();
        for (field, name) in document.fields.get_ref().0.iter().enumerate() {
            if !leaves.iter().any(|leaf| matches!(leaf, Leaf::Field { field: own, .. } if *own == field)) {
                let what = format!("no residual holds the field `{}`: nothing would train it", name.get_ref());
                return Err(Fault::new(name.span(), what));
            }
        }
        for (number, (name, _)) in document.unknowns.0.iter().enumerate() {
            if !leaves.contains(&Leaf::Unknown(number)) {
                let what = format!("no residual holds the unknown `{}`: nothing would train it", name.get_ref());
                return Err(Fault::new(name.span(), what));
            }
        }
        let data = document.terms.iter().any(|term| term.get_ref().data.is_some());
        match document.unknowns.0.first() {
            Some((name, _)) if !data => {
                let what = "unknowns without a term that has `data`: nothing says what they should be";
                Err(Fault::new(name.span(), what))
            }
            _ => Ok(()),
        }
    }
}
