//! The names that an expression may use, and what they mean.

use std::collections::BTreeSet;

use super::expr::{Expr, Function, Leaf};
use crate::math::multi_index::{MAX_AXES, MAX_ORDER};
use crate::math::{MultiIndex, names};

/// Functions of several numbers, and those that differentiate.
pub(super) const OTHER_FUNCTIONS: [&str; 4] = ["min", "max", "d", "laplacian"];

/// The names of a problem. An axis, a field and so on is known by its place in its list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Coordinates, at most five.
    pub axes: Vec<String>,
    /// What the network computes.
    pub fields: Vec<String>,
    /// Numbers with names.
    pub constants: Vec<(String, f64)>,
    /// Numbers that are trained.
    pub unknowns: Vec<String>,
    /// Columns of a data file. One may have the name of a field, which then means the field.
    pub columns: Vec<String>,
}

impl Scope {
    /// Checks that every name can be written and means one thing.
    ///
    /// # Errors
    /// A sentence about the first name that cannot, or does not.
    pub fn check(&self) -> Result<(), String> {
        if self.axes.len() > MAX_AXES {
            return Err(format!("there are {} axes: at most {MAX_AXES} are possible", self.axes.len()));
        }
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for (kind, name) in self.named() {
            if !is_name(name) {
                return Err(format!(
                    "`{name}` cannot be the name of {kind}: a name is made of letters a–z, digits and _, and begins with a letter"
                ));
            }
            if name == "pi" || is_function(name) && name != "d" {
                return Err(format!("`{name}` cannot be the name of {kind}: it already means something"));
            }
            if let Some((other, _)) = seen.iter().find(|(_, earlier)| *earlier == name) {
                let both_fields = (kind, *other) == ("a column", "a field");
                if !both_fields {
                    return Err(format!(
                        "`{name}` is the name of {other} and of {kind}: choose another for one of them"
                    ));
                }
            }
            if let Some((field, _)) = self.derivatives(name).into_iter().next() {
                let field = &self.fields[field];
                return Err(format!(
                    "`{name}` cannot be the name of {kind}: it would be read as a derivative of `{field}`"
                ));
            }
            seen.push((kind, name));
        }
        Ok(())
    }

    /// Every name with what it is, in the order of precedence.
    fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let axes = self.axes.iter().map(|name| ("an axis", name.as_str()));
        let fields = self.fields.iter().map(|name| ("a field", name.as_str()));
        let constants = self.constants.iter().map(|(name, _)| ("a constant", name.as_str()));
        let unknowns = self.unknowns.iter().map(|name| ("an unknown", name.as_str()));
        let columns = self.columns.iter().map(|name| ("a column", name.as_str()));
        axes.chain(fields).chain(constants).chain(unknowns).chain(columns)
    }

    /// All derivatives that `name` can be read as: a field, an underscore, names of axes.
    fn derivatives(&self, name: &str) -> BTreeSet<(usize, MultiIndex)> {
        let mut found = BTreeSet::new();
        for (field, own) in self.fields.iter().enumerate() {
            let axes = name.strip_prefix(own.as_str()).and_then(|rest| rest.strip_prefix('_'));
            if let Some(axes) = axes.filter(|axes| !axes.is_empty()) {
                self.readings(axes, MultiIndex::VALUE, &mut |index| _ = found.insert((field, index)));
            }
        }
        found
    }

    /// Every way to read `text` as names of axes. Orders beyond the highest are found as one too many.
    fn readings(&self, text: &str, index: MultiIndex, found: &mut dyn FnMut(MultiIndex)) {
        if text.is_empty() {
            return found(index);
        }
        for (axis, name) in self.axes.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if let Some(rest) = text.strip_prefix(name.as_str()) {
                if index.order() > MAX_ORDER {
                    return found(index);
                }
                self.readings(rest, index.raised(axis), found);
            }
        }
    }

    /// What a name means.
    ///
    /// # Errors
    /// It means nothing, or several things.
    pub(super) fn resolve(&self, name: &str) -> Result<Expr, String> {
        let derivatives = self.derivatives(name);
        let mut meanings: Vec<String> =
            derivatives.iter().map(|&(field, index)| self.derivative_words(field, index)).collect();
        meanings.extend(self.named().filter(|(_, own)| *own == name).map(|(kind, _)| kind.to_owned()));
        // the field comes first where a column has its name
        meanings.retain(|kind| kind != "a column" || self.named().filter(|(_, own)| *own == name).count() == 1);
        if meanings.len() > 1 {
            return Err(format!("`{name}` has several meanings: {}; rename one", meanings.join(", or ")));
        }
        if let Some(&(field, index)) = derivatives.first() {
            if index.order() > MAX_ORDER {
                return Err(format!("`{name}` is a derivative of an order above {MAX_ORDER}, which is the highest"));
            }
            return Ok(Expr::leaf(Leaf::Field { field, index }));
        }
        let at = |names: &[String]| names.iter().position(|own| own == name);
        if let Some(axis) = at(&self.axes) {
            return Ok(Expr::axis(axis));
        }
        if let Some(field) = at(&self.fields) {
            return Ok(Expr::field(field, &[]));
        }
        if let Some((name, value)) = self.constants.iter().find(|(own, _)| own == name) {
            return Ok(Expr::constant(name, *value));
        }
        if let Some(unknown) = at(&self.unknowns) {
            return Ok(Expr::unknown(unknown));
        }
        if let Some(column) = at(&self.columns) {
            return Ok(Expr::column(column));
        }
        if name == "pi" { Ok(Expr::pi()) } else { Err(self.unknown_name(name)) }
    }

    /// "the derivative of `u` along x, t".
    fn derivative_words(&self, field: usize, index: MultiIndex) -> String {
        let axes: Vec<&str> = index.axes().into_iter().map(|axis| self.axes[axis].as_str()).collect();
        format!("the derivative of `{}` along {}", self.fields[field], axes.join(", "))
    }

    fn unknown_name(&self, name: &str) -> String {
        if is_function(name) {
            return format!("`{name}` is a function: write {name}(…)");
        }
        let field = self
            .fields
            .iter()
            .find(|field| name.strip_prefix(field.as_str()).is_some_and(|rest| rest.starts_with('_')));
        if let Some(field) = field {
            let axes = self.axes.join(", ");
            let rest = &name[field.len() + 1..];
            return format!(
                "`{name}`: `{rest}` is not made of axes, along which `{field}` could be differentiated ({axes})"
            );
        }
        // a column may have the name of a field
        let own =
            self.named().filter(|(kind, name)| *kind != "a column" || !self.fields.iter().any(|field| field == name));
        let known: Vec<&str> = own.map(|(_, name)| name).chain(["pi"]).collect();
        let functions = Function::WRITTEN.iter().map(|function| function.name()).chain(OTHER_FUNCTIONS);
        match names::closest(name, known.iter().copied().chain(functions)) {
            Some(near) => format!("unknown name `{name}`: did you mean `{near}`?"),
            None => format!("unknown name `{name}`: the names here are {}", known.join(", ")),
        }
    }

    /// What kind of thing a name is, for messages.
    pub(super) fn kind_of(&self, name: &str) -> Option<&'static str> {
        self.named().find(|(_, own)| *own == name).map(|(kind, _)| kind)
    }
}

/// Whether a function has this name.
pub(super) fn is_function(name: &str) -> bool {
    Function::WRITTEN.iter().any(|function| function.name() == name) || OTHER_FUNCTIONS.contains(&name)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.ends_with('_')
}
