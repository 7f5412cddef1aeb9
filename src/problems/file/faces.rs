//! Where the points of a term lie that no file gives: the interior, faces, both ends of a periodic axis, and what `where`
//! leaves of them.

use std::ops::Range;

use toml::Spanned;

use super::document::{Fault, Many, Number, TermText};
use super::placement::{Condition, Placement};
use super::reader::Reader;
use crate::problems::{Axis, Region};

impl Reader<'_> {
    /// Where the points of a term lie that are not measured; `partner` is its periodic axis.
    pub(super) fn placement(&mut self, whole: &Spanned<TermText>, partner: Option<usize>) -> Result<Placement, Fault> {
        let term = whole.get_ref();
        if let Some(path) = term.points.as_ref().and_then(path_of) {
            return self.points_of_a_file(term, &path);
        }
        let inside = term.inside.as_ref().map_or(Ok(Vec::new()), |text| self.condition(text))?;
        let axes = &self.axes;
        let regions = match (&term.curve, &term.on, partner) {
            (Some(_), Some(on), _) => {
                return Err(Fault::new(on.span(), "`on` beside `curve`: the curve says where points lie"));
            }
            (_, Some(on), Some(_)) => {
                return Err(Fault::new(on.span(), "`on` beside `periodic`: points lie at both ends of its axis"));
            }
            (Some(curve), None, Some(_)) => {
                return Err(Fault::new(curve.span(), "`curve` beside `periodic`: points lie at both ends of its axis"));
            }
            (Some(curve), None, None) => {
                let placement = self.curve(curve, inside)?;
                return enough(placement, whole);
            }
            (None, None, Some(axis)) => vec![face(axes, &[(axis, axes[axis].lower)])],
            (None, Some(on), None) => self.faces(on)?,
            (None, None, None) => vec![Placement::everywhere(axes)],
        };
        match inside.is_empty() {
            true => Ok(Placement::Boxes(regions)),
            false => enough(Placement::Inside { regions, inside }, whole),
        }
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
            let side =
                |(offset, side): (usize, &str)| self.parse(&padded(whole, at + offset, side), text.span(), &scope);
            let (left, right) = (side(left)?, side(right)?);
            condition.push(if part[sign..].starts_with('>') { left - right } else { right - left });
            at += part.len() + " and ".len();
        }
        Ok(condition)
    }

    /// The faces that `on` names.
    fn faces(&self, on: &Spanned<Many>) -> Result<Vec<Region>, Fault> {
        let (axes, mut regions) = (&self.axes, Vec::new());
        for (text, span) in on.get_ref().texts(on.span()) {
            match &*text {
                "interior" => regions.push(Placement::everywhere(axes)),
                "boundary" => {
                    let ends = |(number, axis): (usize, &Axis)| [(number, axis.lower), (number, axis.upper)];
                    regions.extend(axes.iter().enumerate().flat_map(ends).map(|end| face(axes, &[end])));
                }
                text => regions.push(self.face(text, &span)?),
            }
        }
        match regions.is_empty() {
            true => Err(Fault::new(on.span(), "an empty list: name a face, such as \"x = 0\", or leave `on` out")),
            false => Ok(regions),
        }
    }

    /// A face, an edge or a corner: `x = 0`, `x = 0, t = 0`.
    fn face(&self, text: &str, span: &Range<usize>) -> Result<Region, Fault> {
        let (axes, mut fixed, mut at) = (&self.axes, Vec::new(), 0);
        for part in text.split(',') {
            let Some((name, value)) = part.split_once('=') else {
                let what = format!(
                    "`{text}`: \"interior\", \"boundary\" or a face such as \"{} = {}\" is meant",
                    axes[0].name, axes[0].lower
                );
                return Err(Fault::new(span.clone(), what));
            };
            let axis = self.axis(&Spanned::new(span.clone(), name.trim().to_owned()))?;
            if fixed.iter().any(|&(other, _)| other == axis) {
                let what = format!("`{text}` fixes {} twice: several faces are a list of texts", axes[axis].name);
                return Err(Fault::new(span.clone(), what));
            }
            let value = self.coordinate(&padded(text, at + name.len() + 1, value), span, &axes[axis])?;
            fixed.push((axis, value));
            at += part.len() + 1;
        }
        Ok(face(axes, &fixed))
    }

    /// A number inside the range of `axis`.
    fn coordinate(&self, text: &str, span: &Range<usize>, axis: &Axis) -> Result<f64, Fault> {
        let value = self.number(&Spanned::new(span.clone(), Number::Text(text.to_owned())), "a coordinate")?;
        let Axis { name, lower, upper, .. } = axis;
        if !(*lower..=*upper).contains(&value) {
            let what = format!("{name} = {value} is outside the domain, where {name} goes from {lower} to {upper}");
            return Err(Fault::new(span.clone(), what));
        }
        Ok(value)
    }
}

/// `part`, which begins at byte `at` of `text`, behind as many spaces as there are characters before it: a mistake in it is
/// then told with its column in the whole text.
fn padded(text: &str, at: usize, part: &str) -> String {
    " ".repeat(text[..at].chars().count()) + part
}

/// A file of points rather than a number of them: `points.csv`, but not `2.5` and not `10*n`.
fn path_of(points: &Spanned<Number>) -> Option<Spanned<String>> {
    let Number::Text(text) = points.get_ref() else { return None };
    let (_, extension) = text.rsplit_once('.')?;
    extension.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| Spanned::new(points.span(), text.clone()))
}

/// Passes `placement` on, unless hardly any point is left: its set would be without points.
fn enough(placement: Placement, whole: &Spanned<TermText>) -> Result<Placement, Fault> {
    const TRIED: usize = 1000;
    let found = placement.points(TRIED).unwrap_or_default().len();
    match &whole.get_ref().inside {
        Some(inside) if found < TRIED * placement.axes() => {
            let what = "hardly any point satisfies `where`: less than one in 400 of those drawn";
            Err(Fault::new(inside.span(), what))
        }
        _ => Ok(placement),
    }
}

/// The box of the axes, with some coordinates fixed.
fn face(axes: &[Axis], fixed: &[(usize, f64)]) -> Region {
    let mut region = Placement::everywhere(axes);
    for &(axis, value) in fixed {
        (region.lower[axis], region.upper[axis]) = (value, value);
    }
    region
}
