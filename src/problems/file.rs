//! A problem from a text file: axes, fields, terms and references in TOML, equations as expressions. The reader of the
//! file is `document.rs`, where points lie is `placement.rs`, columns of numbers are `columns.rs`.

use std::ops::Range;

use toml::Spanned;

use super::Sampling;
use super::columns::Table;
use super::document::{CurveText, Document, Fault, Many, Number, Ordered, TermText, UnknownText};
use super::placement::{Condition, Placement};
use super::statement::{Equation, Statement};
use super::{
    Axis, EvaluationSet, Grid, GridAxis, Observable, PointSet, Preset, Problem, Quantity, Region, Solution, Term,
    Unknown,
};
use crate::expressions::{Expr, Leaf, Program, Scope, parse};
use crate::math::multi_index::MAX_AXES;
use crate::math::names;
use crate::math::{Schedule, Variant, sampling};

/// Components that the residual of a term may have, and known numbers at a point: what a `vec4f` holds.
const MOST_COMPONENTS: usize = 4;
/// Fields of a network.
const MOST_FIELDS: usize = 4;
/// Terms of a problem: strategies compare all pairs on the device.
const MOST_TERMS: usize = 8;
/// Unknowns of a problem.
const MOST_UNKNOWNS: usize = 8;
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

    /// The points at which the answer is compared, if these are not the nodes of the grid: nodes outside the domain do not
    /// count, and in more than two axes the nodes lie in one slice of it.
    fn counted(&self) -> Vec<f64> {
        const ENOUGH: usize = 4096;
        if self.axes.len() > 2 {
            let everywhere = [Placement::everywhere(&self.axes)];
            let drawn = wide(&sampling::points(0, 0, 0, &everywhere, ENOUGH));
            return drawn.chunks(self.axes.len()).filter(|point| self.covers(point)).flatten().copied().collect();
        }
        if !self.placements[0].holes() {
            return Vec::new();
        }
        let points = EvaluationSet::new(Vec::new(), &self.grid, &self.slice).points;
        points.chunks(self.axes.len()).filter(|point| self.covers(point)).flatten().copied().collect()
    }

    /// What decides the numbers of a run, by name.
    pub fn deciding(&self) -> Vec<(String, String)> {
        let scope = &self.statement.scope;
        let axes = self.axes.iter().map(|axis| (axis.name.to_owned(), format!("[{}, {}]", axis.lower, axis.upper)));
        let constants = scope.constants.iter().map(|(name, value)| (name.clone(), value.to_string()));
        let unknowns = self.unknowns.iter().map(|own| (own.name.to_owned(), format!("{own:?}")));
        let terms = self.terms.iter().zip(&self.statement.equations).zip(&self.placements);
        let terms = terms.map(|((term, equation), placement)| {
            // where points are drawn by the host, some of them tell one condition from another
            let points = placement.points(3).map_or(String::new(), |points| format!(" at {points:?}"));
            let what = format!("{} × {} in {:?}{points}", term.weight, equation.texts.join("; "), placement.regions());
            (format!("term {}", term.name), what)
        });
        axes.chain(constants).chain(unknowns).chain(terms).collect()
    }
}

/// Text that lives as long as the program, as a run and its problem do.
fn leaked(text: impl Into<String>) -> &'static str {
    Box::leak(text.into().into_boxed_str())
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
        let what = names::unknown_field(&message).unwrap_or(message);
        Fault::new(error.span().unwrap_or(0..0), what).located(text)
    })?;
    let mut reader = Reader { text, load, files: Vec::new(), scope: Scope::default() };
    reader.problem(document).map_err(|fault| fault.located(text))
}

struct Reader<'a> {
    text: &'a str,
    load: Loader<'a>,
    files: Vec<(String, Vec<u8>)>,
    scope: Scope,
}

/// Columns of points with what was measured there.
struct Measured {
    table: Table,
    names: Vec<String>,
}

impl Reader<'_> {
    fn problem(&mut self, document: Document) -> Result<FileProblem, Fault> {
        let name = file_name(&document.name)?;
        let axes = self.axes(&document.axes)?;
        let fields = names_of(&document.fields, MOST_FIELDS, "fields")?;
        self.scope.axes = axes.iter().map(|axis| axis.name.to_owned()).collect();
        self.scope.fields = fields.clone();
        for (constant, value) in &document.constants.0 {
            let value = self.number(value, "a constant")?;
            self.scope.constants.push((constant.get_ref().clone(), value));
        }
        let unknowns = self.unknowns(&document.unknowns)?;
        self.scope.unknowns = unknowns.iter().map(|unknown| unknown.name.to_owned()).collect();
        self.scope.check().map_err(|what| Fault::new(document.name.span(), what))?;
        let count = document.terms.len();
        if count == 0 || count > MOST_TERMS {
            let what = match count {
                0 => "there is no [[term]]: a problem has at least one, such as its equation".to_owned(),
                _ => format!("{count} terms: a problem has at most {MOST_TERMS}; several residuals may share one"),
            };
            return Err(Fault::new(document.name.span(), what));
        }
        let mut built = Built::default();
        for term in &document.terms {
            self.term(&axes, term, &mut built)?;
        }
        self.trained(&document, &built)?;
        let equation = leaked(built.equations[0].texts.join(", "));
        let statement = Statement::new(self.scope.clone(), built.equations)
            .map_err(|(term, what)| Fault::new(document.terms[term].span(), what))?;
        let grid = self.grid(&axes, document.grid.as_ref())?;
        // settings of the wrong kind are complained about by those who read all of them
        let setting = |key: &str| document.train.as_ref()?.get(key)?.as_integer().filter(|value| *value > 0);
        let size = [("steps", 5000), ("width", 20), ("depth", 3)];
        let mut problem = FileProblem {
            size: size.map(|(key, usual)| setting(key).map_or(usual, |value| value as usize)),
            name: leaked(name),
            title: leaked(document.title.unwrap_or_else(|| document.name.get_ref().clone())),
            equation,
            fields: Vec::leak(fields.iter().map(|name| leaked(name.clone())).collect::<Vec<&'static str>>()),
            unknowns,
            terms: built.terms,
            sets: built.sets,
            placements: built.placements,
            points: built.points,
            statement: Box::leak(Box::new(statement)),
            slice: axes.iter().skip(2).map(|axis| 0.5 * (axis.lower + axis.upper)).collect(),
            axes,
            grid,
            scattered: Vec::new(),
            solution: None,
            compared: Vec::new(),
            train: document.train.map_or(String::new(), |table| table.to_string()),
            text: self.text.to_owned(),
            files: Vec::new(),
        };
        problem.compared = vec![problem.fields[0]];
        self.reference(document.reference.as_ref(), &mut problem)?;
        problem.files = std::mem::take(&mut self.files);
        Ok(problem)
    }

    fn axes(&mut self, table: &Spanned<Ordered<Spanned<Vec<Spanned<Number>>>>>) -> Result<Vec<Axis>, Fault> {
        let entries = &table.get_ref().0;
        if entries.is_empty() || entries.len() > MAX_AXES {
            let what = format!("{} axes: a problem has one to {MAX_AXES}, such as x = [0, 1]", entries.len());
            return Err(Fault::new(table.span(), what));
        }
        let axis = |(name, ends): &(Spanned<String>, Spanned<Vec<Spanned<Number>>>)| {
            let [lower, upper] = self.range(ends)?;
            Ok(Axis::symmetric(leaked(name.get_ref().clone()), lower, upper))
        };
        entries.iter().map(axis).collect()
    }

    /// Both ends of an interval.
    fn range(&self, ends: &Spanned<Vec<Spanned<Number>>>) -> Result<[f64; 2], Fault> {
        let [lower, upper] = &ends.get_ref()[..] else {
            let what = format!("{} numbers: an interval is [lower, upper]", ends.get_ref().len());
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
        if !(value as f32).is_finite() || value != 0.0 && value as f32 == 0.0 {
            return Err(Fault::new(number.span(), format!("{kind} is {value}, which is no number of 32 bits")));
        }
        Ok(value)
    }

    /// An expression; a mistake in it is located inside its text.
    fn parse(&self, text: &str, span: Range<usize>, scope: &Scope) -> Result<Expr, Fault> {
        parse(text, scope).map_err(|error| {
            let raw = self.text.get(span.clone()).unwrap_or_default();
            let long = raw.starts_with("\"\"\"") || raw.starts_with("'''");
            // a line that begins with the quotation marks alone is not part of the text
            let newline =
                raw.get(3..).map_or(0, |text| text.starts_with('\n') as usize + 2 * text.starts_with("\r\n") as usize);
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
            if !(lower..=upper).contains(&start) {
                let what = format!("`{}` starts at {start}, outside its bounds {lower} to {upper}", name.get_ref());
                return Err(Fault::new(unknown.span(), what));
            }
            Ok(Unknown { name: leaked(name.get_ref().clone()), start, lower, upper })
        };
        table.0.iter().map(unknown).collect()
    }

    fn term(&mut self, axes: &[Axis], term: &Spanned<TermText>, built: &mut Built) -> Result<(), Fault> {
        let (span, term) = (term.span(), term.get_ref());
        let name = term_name(&term.name)?;
        if built.terms.iter().any(|other| other.name == name) {
            return Err(Fault::new(term.name.span(), format!("there are two terms `{name}`: rename one")));
        }
        let measured = term.data.as_ref().map(|path| self.measured(path)).transpose()?;
        let partner = term.periodic.as_ref().map(|axis| self.axis(axis)).transpose()?;
        let placement = match (&measured, &term.data) {
            (Some(Measured { table, .. }), Some(path)) => {
                self.refuse_beside_data(term)?;
                Placement::given(&table.rows, table.names.len(), axes.len())
                    .map_err(|what| Fault::new(path.span(), format!("{}: {what}", path.get_ref())))?
            }
            _ => self.placement(term, axes, partner, &span)?,
        };
        let equation = match (&term.residual, partner) {
            (Some(residual), None) => self.written(residual, measured.as_ref())?,
            (None, Some(axis)) => self.periodic(axis, &term.name)?,
            (None, None) => match &measured {
                Some(measured) => self.measured_equation(measured, &term.name)?,
                None => return Err(Fault::new(span, format!("term `{name}` needs `residual`, `periodic` or `data`"))),
            },
            (Some(residual), Some(_)) => {
                let what = "`periodic` states the residual by itself: leave one of the two out";
                return Err(Fault::new(residual.span(), what));
            }
        };
        self.finite(&equation, &placement, &term.name)?;
        let weight = match &term.weight {
            Some(weight) => match self.number(weight, "a weight")? {
                value if value > 0.0 => value,
                value => return Err(Fault::new(weight.span(), format!("a weight is larger than zero, not {value}"))),
            },
            None => 1.0,
        };
        built.points.push(self.count(term, &placement)?);
        let set = built.sets.len();
        built.sets.push(PointSet { name: leaked(name), regions: placement.regions() });
        let sets = Vec::leak(vec![set]);
        built.terms.push(Term { name: leaked(name), sets, partner, weight });
        built.placements.push(placement);
        built.equations.push(equation);
        Ok(())
    }

    /// Where the points of a term lie that are not measured.
    fn placement(
        &mut self,
        term: &TermText,
        axes: &[Axis],
        partner: Option<usize>,
        span: &Range<usize>,
    ) -> Result<Placement, Fault> {
        let inside = match &term.inside {
            Some(text) => self.condition(text)?,
            None => Vec::new(),
        };
        if let Some(points) = &term.points
            && let Number::Text(path) = points.get_ref()
            && path.contains('.')
        {
            return self.points_of_a_file(term, &Spanned::new(points.span(), path.clone()));
        }
        let placement = match (&term.curve, partner) {
            (Some(curve), _) => {
                if let Some(on) = &term.on {
                    return Err(Fault::new(on.span(), "`on` beside `curve`: the curve says where points lie"));
                }
                self.curve(curve, axes, inside)?
            }
            (None, partner) => {
                let regions = match (&term.on, partner) {
                    (Some(on), Some(_)) => {
                        return Err(Fault::new(
                            on.span(),
                            "`on` beside `periodic`: points lie at both ends of its axis",
                        ));
                    }
                    (None, Some(axis)) => vec![face(axes, &[(axis, axes[axis].lower)])],
                    (Some(on), None) => self.faces(on, axes)?,
                    (None, None) => vec![Placement::everywhere(axes)],
                };
                match inside.is_empty() {
                    true => Placement::Boxes(regions),
                    false => Placement::Inside { regions, inside },
                }
            }
        };
        // a condition that hardly any point meets would leave a set without points
        const TRIED: usize = 1000;
        if placement.points(TRIED).is_some_and(|points| points.len() < TRIED * axes.len()) {
            let span = term.inside.as_ref().map_or(span.clone(), Spanned::span);
            return Err(Fault::new(span, "hardly any point satisfies `where`: less than one in 400 of those drawn"));
        }
        Ok(placement)
    }

    fn points_of_a_file(&mut self, term: &TermText, path: &Spanned<String>) -> Result<Placement, Fault> {
        let others = [term.on.as_ref().map(Spanned::span), term.inside.as_ref().map(Spanned::span)];
        if let Some(span) = others.into_iter().flatten().next() {
            return Err(Fault::new(span, "this beside a file of points: the file says where they lie"));
        }
        let table = self.table(path)?;
        Placement::given(&table.rows, table.names.len(), self.scope.axes.len())
            .map_err(|what| Fault::new(path.span(), format!("{}: {what}", path.get_ref())))
    }

    /// Comparisons of coordinates, joined by `and`, as expressions that must be positive.
    fn condition(&self, text: &Spanned<String>) -> Result<Condition, Fault> {
        let scope = self.coordinates();
        let (whole, mut at, mut condition) = (text.get_ref(), 0, Vec::new());
        for part in whole.split(" and ") {
            let Some(sign) = part.find(['<', '>']) else {
                let what = "a comparison is meant, such as x^2 + y^2 > 0.04 (several are joined by `and`)";
                return Err(Fault::new(text.span(), what));
            };
            let skipped = if part[sign + 1..].starts_with('=') { 2 } else { 1 };
            let [left, right] = [(0, &part[..sign]), (sign + skipped, &part[sign + skipped..])];
            let side = |(offset, side): (usize, &str)| {
                // its place is told as that of the text's character
                let before = whole[..at + offset].chars().count();
                let padded = " ".repeat(before) + side;
                self.parse(&padded, text.span(), &scope)
            };
            let (left, right) = (side(left)?, side(right)?);
            condition.push(if part[sign..].starts_with('>') { left - right } else { right - left });
            at += part.len() + " and ".len();
        }
        Ok(condition)
    }

    /// Axes and constants alone.
    fn coordinates(&self) -> Scope {
        Scope { fields: Vec::new(), unknowns: Vec::new(), columns: Vec::new(), ..self.scope.clone() }
    }

    /// The faces that `on` names.
    fn faces(&self, on: &Spanned<Many>, axes: &[Axis]) -> Result<Vec<Region>, Fault> {
        let mut regions = Vec::new();
        for (text, span) in on.get_ref().texts(on.span()) {
            match text.trim() {
                "interior" => regions.push(Placement::everywhere(axes)),
                "boundary" => {
                    let ends = |(number, axis): (usize, &Axis)| [(number, axis.lower), (number, axis.upper)];
                    regions.extend(axes.iter().enumerate().flat_map(ends).map(|end| face(axes, &[end])));
                }
                text => regions.push(self.face(text, &span, axes)?),
            }
        }
        match regions.is_empty() {
            true => Err(Fault::new(on.span(), "an empty list: name a face, such as \"x = 0\", or leave `on` out")),
            false => Ok(regions),
        }
    }

    /// A face, an edge or a corner: `x = 0`, `x = 0, t = 0`.
    fn face(&self, text: &str, span: &Range<usize>, axes: &[Axis]) -> Result<Region, Fault> {
        let mut fixed = Vec::new();
        for part in text.split(',') {
            let Some((name, value)) = part.split_once('=') else {
                let what = format!(
                    "`{text}`: \"interior\", \"boundary\" or a face such as \"{} = {}\" is meant",
                    axes[0].name, axes[0].lower
                );
                return Err(Fault::new(span.clone(), what));
            };
            let axis = self.axis(&Spanned::new(span.clone(), name.trim().to_owned()))?;
            let value =
                self.number(&Spanned::new(span.clone(), Number::Text(value.trim().to_owned())), "a coordinate")?;
            let Axis { name, lower, upper, .. } = &axes[axis];
            if !(*lower..=*upper).contains(&value) {
                let what = format!("{name} = {value} is outside the domain, where {name} goes from {lower} to {upper}");
                return Err(Fault::new(span.clone(), what));
            }
            fixed.push((axis, value));
        }
        Ok(face(axes, &fixed))
    }

    /// The images of a parameter; axes that it does not name are free.
    fn curve(
        &self,
        table: &Spanned<Ordered<Spanned<CurveText>>>,
        axes: &[Axis],
        inside: Condition,
    ) -> Result<Placement, Fault> {
        let (mut parameters, mut texts) = (Vec::new(), Vec::new());
        for (name, entry) in &table.get_ref().0 {
            match entry.get_ref() {
                CurveText::Range(ends) => {
                    let range = self.range(&Spanned::new(entry.span(), ends.clone()))?;
                    parameters.push((name.get_ref().clone(), range));
                }
                CurveText::Coordinate(text) => texts.push((self.axis(name)?, text, entry.span())),
            }
        }
        if parameters.is_empty() || texts.is_empty() {
            let what = "a curve has a parameter with its range and coordinates made of it, such as \
                        { s = [0, 1], x = \"cos(2*pi*s)\", y = \"sin(2*pi*s)\" }";
            return Err(Fault::new(table.span(), what));
        }
        let named = |axis: usize| texts.iter().any(|(own, ..)| *own == axis);
        let free: Vec<usize> = (0..axes.len()).filter(|&axis| !named(axis)).collect();
        let names = parameters.iter().map(|(name, _)| name.clone());
        let scope = Scope {
            axes: names.chain(free.iter().map(|&axis| axes[axis].name.to_owned())).collect(),
            constants: self.scope.constants.clone(),
            ..Scope::default()
        };
        scope.check().map_err(|what| Fault::new(table.span(), what))?;
        let mut coordinates = Vec::new();
        for axis in 0..axes.len() {
            coordinates.push(match texts.iter().find(|(own, ..)| *own == axis) {
                Some((_, text, span)) => self.parse(text, span.clone(), &scope)?,
                None => Expr::axis(parameters.len() + free.iter().position(|&own| own == axis).expect("it is free")),
            });
        }
        let ends = |end: usize, of: fn(&Axis) -> f64| -> Vec<f64> {
            parameters.iter().map(|(_, range)| range[end]).chain(free.iter().map(|&axis| of(&axes[axis]))).collect()
        };
        let parameters = Region::new(&ends(0, |axis| axis.lower), &ends(1, |axis| axis.upper));
        let placement = Placement::Curve { parameters, axes: axes.len(), coordinates, inside };
        // rounding may put a point a little outside
        let leaves = |point: &&[f32]| {
            axes.iter().zip(*point).any(|(axis, &x)| {
                let slack = 1e-5 * (axis.upper - axis.lower);
                !(axis.lower - slack..=axis.upper + slack).contains(&f64::from(x))
            })
        };
        match placement.sample(1000).chunks(axes.len()).find(leaves) {
            Some(point) => Err(Fault::new(table.span(), format!("the curve leaves the domain at {point:?}"))),
            None => Ok(placement),
        }
    }

    /// How many points a term has.
    fn count(&self, term: &TermText, placement: &Placement) -> Result<usize, Fault> {
        if let Some(fixed) = placement.fixed() {
            return Ok(fixed);
        }
        match &term.points {
            None if term.on.is_none() && term.periodic.is_none() && term.curve.is_none() => Ok(256),
            None => Ok(64),
            Some(points) => match self.number(points, "a number of points")? {
                value if value >= 1.0 && value.fract() == 0.0 && value <= f64::from(1 << 24) => Ok(value as usize),
                value => Err(Fault::new(
                    points.span(),
                    format!("{value} points: a whole number from 1 to 16777216 is meant"),
                )),
            },
        }
    }

    fn refuse_beside_data(&self, term: &TermText) -> Result<(), Fault> {
        let others = [
            ("on", term.on.as_ref().map(Spanned::span)),
            ("points", term.points.as_ref().map(Spanned::span)),
            ("where", term.inside.as_ref().map(Spanned::span)),
            ("periodic", term.periodic.as_ref().map(Spanned::span)),
            ("curve", term.curve.as_ref().map(Spanned::span)),
        ];
        match others.into_iter().find_map(|(key, span)| Some((key, span?))) {
            Some((key, span)) => {
                Err(Fault::new(span, format!("`{key}` beside `data`: the file says where its points lie")))
            }
            None => Ok(()),
        }
    }

    fn axis(&self, name: &Spanned<String>) -> Result<usize, Fault> {
        let known: Vec<&str> = self.scope.axes.iter().map(String::as_str).collect();
        let found = known.iter().position(|axis| axis == name.get_ref());
        found.ok_or_else(|| Fault::new(name.span(), names::unknown("axis", name.get_ref(), &known)))
    }

    /// The residuals of a term as they stand in the file.
    fn written(&self, residual: &Spanned<Many>, measured: Option<&Measured>) -> Result<Equation, Fault> {
        let mut scope = self.scope.clone();
        if let Some(measured) = measured {
            scope.columns.clone_from(&measured.names);
        }
        let texts = residual.get_ref().texts(residual.span());
        if texts.is_empty() || texts.len() > MOST_COMPONENTS {
            let what = format!("{} residuals: a term has one to {MOST_COMPONENTS}", texts.len());
            return Err(Fault::new(residual.span(), what));
        }
        let mut components = Vec::new();
        for (text, span) in &texts {
            let component = self.parse(text, span.clone(), &scope)?;
            let trained = |leaf: &Leaf| matches!(leaf, Leaf::Field { .. } | Leaf::Unknown(_));
            if !component.leaves().iter().any(trained) {
                let what = format!(
                    "this residual has no field: whatever the network does, it stays the same (fields: {})",
                    self.scope.fields.join(", ")
                );
                return Err(Fault::new(span.clone(), what));
            }
            components.push(component);
        }
        // one line each, whatever the file's: they stand in comments of kernels
        let texts = texts.iter().map(|(text, _)| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        Equation::new(texts, components).map_err(|what| Fault::new(residual.span(), what))
    }

    /// Values and first slopes agree at both ends of an axis.
    fn periodic(&self, axis: usize, name: &Spanned<String>) -> Result<Equation, Fault> {
        let count = self.scope.fields.len();
        if 2 * count > MOST_COMPONENTS {
            let what = format!("{count} fields: `periodic` is for at most {}", MOST_COMPONENTS / 2);
            return Err(Fault::new(name.span(), what));
        }
        let axes = &self.scope.axes[axis];
        let texts = self.scope.fields.iter().cloned().chain(self.scope.fields.iter().map(|f| format!("{f}_{axes}")));
        let values = (0..count).map(|field| Expr::field(field, &[]));
        let components = values.chain((0..count).map(|field| Expr::field(field, &[axis]))).collect();
        Equation::new(texts.collect(), components).map_err(|what| Fault::new(name.span(), what))
    }

    fn measured(&mut self, path: &Spanned<String>) -> Result<Measured, Fault> {
        let table = self.table(path)?;
        let axes = self.scope.axes.len();
        let names = table.names[axes..].to_vec();
        let scope = Scope { columns: names.clone(), ..self.scope.clone() };
        scope.check().map_err(|what| Fault::new(path.span(), format!("{}: {what}", path.get_ref())))?;
        Ok(Measured { table, names })
    }

    /// A file of columns that begins with the axes.
    fn table(&mut self, path: &Spanned<String>) -> Result<Table, Fault> {
        let fault = |what: String| Fault::new(path.span(), format!("{}: {what}", path.get_ref()));
        let bytes = (self.load)(path.get_ref()).map_err(fault)?;
        let table = Table::read(&bytes, &self.scope.axes).map_err(fault)?;
        self.files.push((path.get_ref().clone(), bytes));
        Ok(table)
    }

    /// Field minus column, for every column that has the name of a field.
    fn measured_equation(&self, measured: &Measured, name: &Spanned<String>) -> Result<Equation, Fault> {
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

    /// What is known at the points of a term must be numbers there.
    fn finite(&self, equation: &Equation, placement: &Placement, name: &Spanned<String>) -> Result<(), Fault> {
        let axes = self.scope.axes.len();
        for point in placement.sample(256).chunks(axes) {
            let columns = placement.columns(point).unwrap_or(&[]);
            let values = equation.known_at(&wide(point), columns);
            if values.iter().any(|value| !(*value as f32).is_finite()) {
                let at: Vec<String> =
                    self.scope.axes.iter().zip(point).map(|(axis, x)| format!("{axis} = {x}")).collect();
                let what = format!(
                    "the residual of `{}` is not a finite number at {}: a division by zero, or a function outside its domain?",
                    name.get_ref(),
                    at.join(", ")
                );
                return Err(Fault::new(name.span(), what));
            }
        }
        Ok(())
    }

    /// Every field and every unknown must occur in some residual.
    fn trained(&self, document: &Document, built: &Built) -> Result<(), Fault> {
        let leaves: Vec<Leaf> =
            built.equations.iter().flat_map(|equation| equation.components.iter().flat_map(Expr::leaves)).collect();
        for (field, name) in document.fields.get_ref().iter().enumerate() {
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

    fn grid(&self, axes: &[Axis], table: Option<&Spanned<Ordered<Spanned<Number>>>>) -> Result<Grid, Fault> {
        let mut counts = if axes.len() == 1 { vec![401] } else { vec![101, 101] };
        for (name, count) in table.map(|table| &table.get_ref().0[..]).unwrap_or_default() {
            let axis = self.axis(name)?;
            let value = self.number(count, "a number of nodes")?;
            if !(2.0..=4096.0).contains(&value) || value.fract() != 0.0 {
                return Err(Fault::new(count.span(), format!("{value} nodes: a whole number from 2 to 4096 is meant")));
            }
            match counts.get_mut(axis) {
                Some(own) => *own = value as usize,
                None => {
                    let what = format!("fields are drawn over the first two axes; `{}` is another", name.get_ref());
                    return Err(Fault::new(name.span(), what));
                }
            }
        }
        let axes = axes.iter().zip(counts);
        Ok(Grid::of(
            axes.map(|(axis, count)| GridAxis { name: axis.name, lower: axis.lower, upper: axis.upper, count })
                .collect(),
        ))
    }

    /// What the answer is compared with.
    fn reference(
        &mut self,
        table: Option<&Spanned<Ordered<Spanned<String>>>>,
        problem: &mut FileProblem,
    ) -> Result<(), Fault> {
        problem.scattered = problem.counted();
        let Some(table) = table else { return Ok(()) };
        let entries = &table.get_ref().0;
        if let Some((_, path)) = entries.iter().find(|(key, _)| key.get_ref() == "file") {
            if entries.len() > 1 {
                return Err(Fault::new(table.span(), "`file` stands alone: it has a column for each field"));
            }
            return self.reference_file(path, problem);
        }
        let scope = self.coordinates();
        let mut values = Vec::new();
        let (mut named, mut texts) = (Vec::new(), Vec::new());
        for (name, text) in entries {
            let Some(field) = problem.fields.iter().position(|field| field == name.get_ref()) else {
                return Err(Fault::new(name.span(), names::unknown("field", name.get_ref(), problem.fields)));
            };
            let exact = Program::new(&[self.parse(text.get_ref(), text.span(), &scope)?]);
            let points = problem.evaluation_set().points;
            let at = |point: &[f64]| {
                exact.evaluate(&mut |leaf: &Leaf| match *leaf {
                    Leaf::Axis(axis) => point[axis],
                    _ => unreachable!("coordinates alone are in scope"),
                })[0]
            };
            // in a hole nothing is known
            let known = |point: &[f64]| if problem.covers(point) { at(point) } else { f64::NAN };
            let found: Vec<f64> = points.chunks(problem.axes.len()).map(known).collect();
            let wrong = |(point, value): &(&[f64], &f64)| problem.covers(point) && !value.is_finite();
            if let Some((point, value)) = points.chunks(problem.axes.len()).zip(&found).find(wrong) {
                return Err(Fault::new(text.span(), format!("the reference is {value} at {point:?}")));
            }
            values.push((problem.fields[field], found));
            named.push(problem.fields[field]);
            texts.push(format!("{} = {}", name.get_ref(), text.get_ref()));
        }
        problem.compared = named;
        problem.solution = Some(Solution { origin: format!("exact: {}", texts.join(", ")), values });
        Ok(())
    }

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

/// What the terms have come to.
#[derive(Default)]
struct Built {
    terms: Vec<Term>,
    sets: Vec<PointSet>,
    placements: Vec<Placement>,
    points: Vec<usize>,
    equations: Vec<Equation>,
}

fn wide(point: &[f32]) -> Vec<f64> {
    point.iter().map(|&x| f64::from(x)).collect()
}

/// The box of the axes, with some coordinates fixed.
fn face(axes: &[Axis], fixed: &[(usize, f64)]) -> Region {
    let mut region = Placement::everywhere(axes);
    for &(axis, value) in fixed {
        (region.lower[axis], region.upper[axis]) = (value, value);
    }
    region
}

/// A name that may stand in a file name.
fn file_name(name: &Spanned<String>) -> Result<String, Fault> {
    let text = name.get_ref();
    check_name(text).map_err(|what| Fault::new(name.span(), what))?;
    Ok(text.clone())
}

/// Whether a problem file may state a problem of this name.
///
/// # Errors
/// Says what a name is made of, or that it is taken.
pub fn check_name(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return Err(format!(
            "`{text}`: a problem's name has 1 to 64 letters, digits, `-` and `_`; `title` may be anything"
        ));
    }
    match super::find(text) {
        Ok(_) => Err(format!("`{text}` is a problem of this program: choose another name")),
        Err(_) => Ok(()),
    }
}

/// A name that may stand in a shader.
fn term_name(name: &Spanned<String>) -> Result<&str, Fault> {
    let text = name.get_ref();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if text.len() > 32 || !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(fits) {
        let what = format!("`{text}`: a term's name has 1 to 32 letters a–z, digits and `_`, and begins with a letter");
        return Err(Fault::new(name.span(), what));
    }
    if ["total", "step", "lr", "rel_l2", "rel_linf", "mse"].contains(&text.as_str()) {
        return Err(Fault::new(name.span(), format!("`{text}` is a column of every history: choose another name")));
    }
    Ok(text)
}

fn names_of(list: &Spanned<Vec<Spanned<String>>>, most: usize, kind: &str) -> Result<Vec<String>, Fault> {
    let names: Vec<String> = list.get_ref().iter().map(|name| name.get_ref().clone()).collect();
    match names.len() {
        0 => Err(Fault::new(list.span(), format!("no {kind}: name at least one, such as [\"u\"]"))),
        count if count > most => Err(Fault::new(list.span(), format!("{count} {kind}: there may be {most}"))),
        _ => Ok(names),
    }
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
        let unmeasured = self.statement.equations[term].measured() && columns.is_none();
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
