//! An expression as text: `u_t + u*u_x - nu*u_xx`. It can be read again, except for what only this program makes: the slopes of
//! `abs`, `min` and `max`, and leaves that no text names.

use std::fmt;

use super::expr::{Expr, Leaf, Op};
use super::scope::Scope;

/// How tightly an operation binds.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Binding {
    Sum,
    Product,
    Sign,
    Power,
    Atom,
}

/// An expression with the names it is printed with.
pub struct Shown<'a> {
    expression: &'a Expr,
    scope: &'a Scope,
}

impl Expr {
    /// The expression with names from `scope`; what has no name there is printed by its number.
    pub fn show<'a>(&'a self, scope: &'a Scope) -> Shown<'a> {
        Shown { expression: self, scope }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(out, self.expression, Binding::Sum)
    }
}

impl Shown<'_> {
    /// In parentheses unless it binds at least as tightly as `around`.
    fn write(&self, out: &mut fmt::Formatter<'_>, expression: &Expr, around: Binding) -> fmt::Result {
        if binding(expression) >= around {
            return self.bare(out, expression);
        }
        out.write_str("(")?;
        self.bare(out, expression)?;
        out.write_str(")")
    }

    fn bare(&self, out: &mut fmt::Formatter<'_>, expression: &Expr) -> fmt::Result {
        match expression.op() {
            Op::Number(value) => out.write_str(&number(*value)),
            Op::Constant(name, _) => out.write_str(name),
            Op::Leaf(leaf) => out.write_str(&self.scope.name_of(leaf)),
            Op::Sum(parts) => parts.iter().enumerate().try_for_each(|(i, part)| match (i, part.op()) {
                (0, Op::Neg(_)) => self.bare(out, part),
                (0, _) => self.write(out, part, Binding::Product),
                (_, Op::Neg(x)) => {
                    out.write_str(" - ")?;
                    self.write(out, x, Binding::Product)
                }
                (_, Op::Number(value)) if *value < 0.0 => write!(out, " - {}", number(-value)),
                _ => {
                    out.write_str(" + ")?;
                    self.write(out, part, Binding::Product)
                }
            }),
            Op::Product(parts) => parts.iter().enumerate().try_for_each(|(i, part)| {
                out.write_str(if i == 0 { "" } else { "*" })?;
                self.write(out, part, if i == 0 { Binding::Product } else { Binding::Power })
            }),
            Op::Neg(x) => {
                out.write_str("-")?;
                self.write(out, x, Binding::Product)
            }
            Op::Div(a, b) => {
                self.write(out, a, Binding::Product)?;
                out.write_str("/")?;
                self.write(out, b, Binding::Power)
            }
            Op::Pow(x, exponent) => {
                self.write(out, x, Binding::Atom)?;
                write!(out, "^{exponent}")
            }
            Op::Power(x, exponent) => {
                self.write(out, x, Binding::Atom)?;
                out.write_str("^")?;
                self.write(out, exponent, Binding::Atom)
            }
            Op::Call(function, x) => self.call(out, function.name(), &[x]),
            Op::Min(a, b) => self.call(out, "min", &[a, b]),
            Op::Max(a, b) => self.call(out, "max", &[a, b]),
            Op::Choose([x, limit, chosen, other]) => self.call(out, "choose", &[x, limit, chosen, other]),
        }
    }

    fn call(&self, out: &mut fmt::Formatter<'_>, name: &str, arguments: &[&Expr]) -> fmt::Result {
        write!(out, "{name}(")?;
        for (i, argument) in arguments.iter().enumerate() {
            out.write_str(if i == 0 { "" } else { ", " })?;
            self.write(out, argument, Binding::Sum)?;
        }
        out.write_str(")")
    }
}

fn binding(expression: &Expr) -> Binding {
    match expression.op() {
        Op::Sum(_) => Binding::Sum,
        Op::Product(_) | Op::Div(..) => Binding::Product,
        Op::Neg(_) => Binding::Sum,
        Op::Number(value) if *value < 0.0 => Binding::Sign,
        Op::Pow(..) | Op::Power(..) => Binding::Power,
        _ => Binding::Atom,
    }
}

/// The shortest decimal that is read as the same number.
pub(super) fn number(value: f64) -> String {
    let plain = format!("{value}");
    let scientific = format!("{value:e}");
    if plain.len() <= scientific.len() + 3 { plain } else { scientific }
}

impl Scope {
    /// How a leaf is written: `u_xt`, `x`, `nu`.
    pub fn name_of(&self, leaf: &Leaf) -> String {
        let of = |names: &[String], kind: &str, i: usize| names.get(i).cloned().unwrap_or_else(|| format!("{kind}{i}"));
        let along = |index: &crate::math::MultiIndex| -> String {
            index.axes().into_iter().map(|axis| of(&self.axes, "x", axis)).collect()
        };
        match leaf {
            Leaf::Axis(axis) => of(&self.axes, "x", *axis),
            Leaf::Field { field, index } if index.order() == 0 => of(&self.fields, "u", *field),
            Leaf::Field { field, index } => format!("{}_{}", of(&self.fields, "u", *field), along(index)),
            Leaf::Laplacian { field, index } if index.order() == 0 => format!("L[{}]", of(&self.fields, "u", *field)),
            Leaf::Laplacian { field, index } => format!("L[{}]_{}", of(&self.fields, "u", *field), along(index)),
            Leaf::Unknown(unknown) => of(&self.unknowns, "unknown", *unknown),
            Leaf::Column(column) => of(&self.columns, "column", *column),
            Leaf::Known(known) => format!("known[{known}]"),
            Leaf::Cotangent(component) => format!("bar[{component}]"),
        }
    }
}
