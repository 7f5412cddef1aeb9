//! The terms of the loss: what each says, at which points, with what weight.

use std::ops::Range;

use toml::Spanned;

use super::document::{Document, Fault, Many, Number, TermText};
use super::given::Measured;
use super::leaked;
use super::names::term_name;
use super::placement::Placement;
use super::reader::Reader;
use crate::expressions::{Expr, Leaf};
use crate::math::rng::philox;
use crate::problems::{Equation, PointSet, Term};

/// Components that the residual of a term may have, and known numbers at a point: what a `vec4f` holds.
const MOST_COMPONENTS: usize = 4;
/// Terms of a problem: strategies compare all pairs on the device.
const MOST_TERMS: usize = 8;

/// Guesses at what a network says before a residual counts as no number.
const TRIES: u32 = 8;

/// What the terms have come to.
#[derive(Default)]
pub(super) struct Built {
    pub(super) terms: Vec<Term>,
    pub(super) sets: Vec<PointSet>,
    pub(super) placements: Vec<Placement>,
    pub(super) places: Vec<String>,
    pub(super) points: Vec<usize>,
    pub(super) equations: Vec<Equation>,
}

impl Reader<'_> {
    pub(super) fn terms(&mut self, document: &Document) -> Result<Built, Fault> {
        let count = document.terms.len();
        if count == 0 {
            let what = "there is no [[term]]: a problem has at least one, such as its equation";
            return Err(Fault::new(document.name.span(), what));
        }
        if let Some(term) = document.terms.get(MOST_TERMS) {
            let what = format!("{count} terms: a problem has at most {MOST_TERMS}; several residuals may share one");
            return Err(Fault::new(term.get_ref().name.span(), what));
        }
        let mut built = Built::default();
        for term in &document.terms {
            self.term(term, &mut built)?;
        }
        Ok(built)
    }

    fn term(&mut self, whole: &Spanned<TermText>, built: &mut Built) -> Result<(), Fault> {
        let term = whole.get_ref();
        let name = term_name(&term.name)?;
        if built.terms.iter().any(|other| other.name == name) {
            return Err(Fault::new(term.name.span(), format!("there are two terms `{name}`: rename one")));
        }
        let measured = term.data.as_ref().map(|path| self.measured(path)).transpose()?;
        let partner = term.periodic.as_ref().map(|axis| self.axis(axis)).transpose()?;
        let placement = match (&measured, &term.data) {
            (Some(measured), Some(path)) => {
                self.refuse_beside_data(term)?;
                self.points_of(&measured.table, path)?
            }
            _ => self.placement(whole, partner)?,
        };
        let equation = self.equation(term, partner, measured.as_ref())?;
        self.finite(&equation, &placement, term)?;
        let weight = self.weight(term)?;
        built.places.push(self.place(term));
        built.points.push(self.count(term, &placement)?);
        // every term has a point set of its own, of its own number
        let sets = Vec::leak(vec![built.sets.len()]);
        built.sets.push(PointSet { name: leaked(name), regions: placement.regions() });
        built.terms.push(Term { name: leaked(name), sets, partner, weight });
        built.placements.push(placement);
        built.equations.push(equation);
        Ok(())
    }

    fn equation(
        &self,
        term: &TermText,
        partner: Option<usize>,
        measured: Option<&Measured>,
    ) -> Result<Equation, Fault> {
        match (&term.residual, partner, measured) {
            (Some(residual), None, _) => self.written(residual, measured),
            (None, Some(axis), _) => self.periodic(axis, &term.name),
            (None, None, Some(measured)) => self.measured_equation(measured, &term.name),
            (None, None, None) => {
                let what = format!("term `{}` needs `residual`, `periodic` or `data`", term.name.get_ref());
                Err(Fault::new(term.name.span(), what))
            }
            (Some(residual), Some(_), _) => {
                let what = "`periodic` states the residual by itself: leave one of the two out";
                Err(Fault::new(residual.span(), what))
            }
        }
    }

    /// What tells the points of a term from others in the same boxes.
    fn place(&self, term: &TermText) -> String {
        let told = |key: &str, span: Option<Range<usize>>| {
            span.map_or(String::new(), |span| format!(" {key} {}", self.raw(span)))
        };
        let file = match &term.points {
            Some(points) if matches!(points.get_ref(), Number::Text(_)) => Some(points.span()),
            _ => term.data.as_ref().map(Spanned::span),
        };
        let inside = told("where", term.inside.as_ref().map(Spanned::span));
        inside + &told("on the curve", term.curve.as_ref().map(Spanned::span)) + &told("from", file)
    }

    fn weight(&self, term: &TermText) -> Result<f64, Fault> {
        let Some(weight) = &term.weight else { return Ok(1.0) };
        match self.number(weight, "a weight")? {
            value if value > 0.0 => Ok(value),
            value => Err(Fault::new(weight.span(), format!("a weight is larger than zero, not {value}"))),
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

    /// At the start a residual must be a number at its points: what is known there, and with unknowns at their starts the
    /// whole, whatever the network says.
    fn finite(&self, equation: &Equation, placement: &Placement, term: &TermText) -> Result<(), Fault> {
        let fault = |at: String| {
            let what = format!(
                "the residual of `{}` is not a finite number {at}: a division by zero, or a function outside its domain?",
                term.name.get_ref()
            );
            Err(Fault::new(term.stated(), what))
        };
        for point in placement.sample(placement.fixed().unwrap_or(256)).chunks(self.scope.axes.len()) {
            let wide: Vec<f64> = point.iter().map(|&x| f64::from(x)).collect();
            let known = equation.known_at(&wide, placement.columns(point).unwrap_or(&[]));
            let narrow = |values: &[f64]| values.iter().all(|value| (*value as f32).is_finite());
            if !narrow(&known) {
                return fault(format!("at {}", self.shown(point)));
            }
            if !(0..TRIES).any(|number| narrow(&equation.value(&mut self.guess(number), &known))) {
                let begun: Vec<String> =
                    self.unknowns.iter().map(|unknown| format!("{} = {}", unknown.name, unknown.start)).collect();
                let begun = if begun.is_empty() { String::new() } else { format!(" and {}", begun.join(", ")) };
                return fault(format!("at {}{begun}, whatever the fields are", self.shown(point)));
            }
        }
        Ok(())
    }

    /// Some number for every derivative, and the starts of unknowns.
    fn guess(&self, number: u32) -> impl FnMut(&Leaf) -> f64 {
        let mut asked = 0;
        move |leaf| match *leaf {
            Leaf::Unknown(unknown) => self.unknowns[unknown].start,
            _ => {
                asked += 1;
                f64::from(philox([number, asked, 0, 0], [17, 5])[0]) / f64::from(u32::MAX / 2) - 1.0
            }
        }
    }

    /// `x = 0.5, t = 1`.
    pub(super) fn shown(&self, point: &[f32]) -> String {
        let all: Vec<String> = self.scope.axes.iter().zip(point).map(|(axis, x)| format!("{axis} = {x}")).collect();
        all.join(", ")
    }
}
