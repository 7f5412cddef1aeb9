//! Curves and surfaces: points as the images of parameters.

use std::ops::Range;

use toml::Spanned;

use super::document::{CurveText, Fault, Ordered};
use super::placement::{Condition, Placement};
use super::reader::Reader;
use crate::expressions::{Expr, Scope};
use crate::problems::{Axis, Region};

/// A parameter with its range.
type Parameter = (String, [f64; 2]);
/// An axis, with its coordinate as an expression in the parameters.
type Coordinate<'a> = (usize, &'a String, Range<usize>);

impl Reader<'_> {
    /// The images of parameters; axes that the table does not name are free.
    pub(super) fn curve(
        &self,
        table: &Spanned<Ordered<Spanned<CurveText>>>,
        inside: Condition,
    ) -> Result<Placement, Fault> {
        let axes = &self.axes;
        let (parameters, texts) = self.curve_entries(table)?;
        let free: Vec<usize> = (0..axes.len()).filter(|axis| !texts.iter().any(|(named, ..)| named == axis)).collect();
        let names = parameters.iter().map(|(name, _)| name.clone());
        let scope = Scope {
            axes: names.chain(free.iter().map(|&axis| axes[axis].name.to_owned())).collect(),
            constants: self.scope.constants.clone(),
            ..Scope::default()
        };
        if let Some((name, _)) = parameters.iter().find(|(name, _)| self.scope.axes.contains(name)) {
            let what = format!("`{name}` is an axis: another name is needed for the parameter of the curve");
            return Err(Fault::new(table.span(), what));
        }
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
        match placement.sample(1000).chunks(axes.len()).find(|point| !self.is_inside(point)) {
            Some(point) => {
                Err(Fault::new(table.span(), format!("the curve leaves the domain at {}", self.shown(point))))
            }
            None => Ok(placement),
        }
    }

    /// Parameters and coordinates, told apart by what stands behind their names.
    fn curve_entries<'b>(
        &self,
        table: &'b Spanned<Ordered<Spanned<CurveText>>>,
    ) -> Result<(Vec<Parameter>, Vec<Coordinate<'b>>), Fault> {
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
        Ok((parameters, texts))
    }

    /// Whether a point lies in the domain; rounding may put it a little outside. NaN lies nowhere.
    pub(super) fn is_inside(&self, point: &[f32]) -> bool {
        self.axes.iter().zip(point).all(|(axis, &x)| {
            let slack = 1e-5 * (axis.upper - axis.lower);
            (axis.lower - slack..=axis.upper + slack).contains(&f64::from(x))
        })
    }
}
