//! What of a term is known before training: parts that hold coordinates, but no field and no unknown, are computed once for
//! each point and not once for each step.

use super::expr::{Expr, Holds, Leaf, Op};

/// How many numbers a sample keeps for a term: one vector of four.
pub const KNOWN: usize = 4;

/// A term in two parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// What is computed once for each point, at most [`KNOWN`] of them; they hold axes and columns only.
    pub columns: Vec<Expr>,
    /// The components with [`Leaf::Known`] in their places. They hold no axis and no column.
    pub residuals: Vec<Expr>,
}

/// Cuts the known parts out of the components of a term. The largest are taken, a sum or product losing all its known
/// parts at once; equal ones are computed once. If more than [`KNOWN`] remain, coordinates and columns themselves are known,
/// and the parts are computed anew in each step.
///
/// # Errors
/// The coordinates and columns are more than [`KNOWN`] as well.
pub fn split(residuals: &[Expr]) -> Result<Known, String> {
    let mut columns = Vec::new();
    let cut: Vec<Expr> = residuals.iter().map(|residual| cut(residual, &mut columns)).collect();
    if columns.len() <= KNOWN {
        return Ok(Known { columns, residuals: cut });
    }
    let wanted = columns.len();
    let mut columns: Vec<Expr> = Vec::new();
    let mut whole =
        |leaf: &Leaf| matches!(leaf, Leaf::Axis(_) | Leaf::Column(_)).then(|| place(&Expr::leaf(*leaf), &mut columns));
    let residuals: Vec<Expr> = residuals.iter().map(|residual| residual.with(&mut whole)).collect();
    if columns.len() > KNOWN {
        return Err(format!(
            "this term has {wanted} known parts made of coordinates or columns, and {} of those: a sample keeps {KNOWN} \
             numbers for a term, so either must be at most {KNOWN}",
            columns.len()
        ));
    }
    Ok(Known { columns, residuals })
}

/// What an expression depends on.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Numbers and constants only.
    Constant,
    /// Coordinates or columns too.
    Known,
    /// Fields or unknowns.
    Free,
}

fn kind(expression: &Expr) -> Kind {
    match expression.holds() {
        Holds { free: true, .. } => Kind::Free,
        Holds { known: true, .. } => Kind::Known,
        _ => Kind::Constant,
    }
}

/// The leaf that stands for `part`, or for its negative if that is known already.
fn place(part: &Expr, columns: &mut Vec<Expr>) -> Expr {
    let known = |place| Expr::leaf(Leaf::Known(place));
    if let Some(place) = columns.iter().position(|column| column == part) {
        return known(place);
    }
    let negative = -part.clone();
    if let Some(place) = columns.iter().position(|column| *column == negative) {
        return -known(place);
    }
    columns.push(part.clone());
    known(columns.len() - 1)
}

fn cut(expression: &Expr, columns: &mut Vec<Expr>) -> Expr {
    match (kind(expression), expression.op()) {
        (Kind::Constant, _) => expression.clone(),
        (Kind::Known, _) => place(expression, columns),
        (Kind::Free, Op::Sum(parts)) => {
            let (known, mut sum) = together(parts, columns);
            if !known.is_empty() {
                sum.push(summand(known, columns));
            }
            Expr::sum(sum)
        }
        (Kind::Free, Op::Product(parts)) => {
            let (known, mut product) = together(parts, columns);
            if !known.is_empty() {
                product.insert(0, place(&Expr::product(known), columns));
            }
            Expr::product(product)
        }
        (Kind::Free, op) => op.rebuilt(|child| cut(child, columns)),
    }
}

/// The parts that are known, with constants if there are any others to go with, and the rest, cut.
fn together(parts: &[Expr], columns: &mut Vec<Expr>) -> (Vec<Expr>, Vec<Expr>) {
    let any = parts.iter().any(|part| kind(part) == Kind::Known);
    let (known, free): (Vec<Expr>, Vec<Expr>) = parts.iter().cloned().partition(|part| any && kind(part) != Kind::Free);
    (known, free.iter().map(|part| cut(part, columns)).collect())
}

/// A right-hand side keeps its sign: of u − f it is f that is known.
fn summand(known: Vec<Expr>, columns: &mut Vec<Expr>) -> Expr {
    let subtracted =
        known.iter().all(|part| matches!(part.op(), Op::Neg(_)) || part.as_number().is_some_and(|n| n < 0.0));
    let sum = Expr::sum(known);
    if subtracted { -place(&-sum, columns) } else { place(&sum, columns) }
}

#[cfg(test)]
mod tests {
    use super::super::{Scope, parse};
    use super::*;

    fn scope(axes: &[&str]) -> Scope {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let constants = vec![("c".to_owned(), 2.0)];
        Scope {
            axes: owned(axes),
            fields: owned(&["u", "v"]),
            constants,
            unknowns: owned(&["k"]),
            columns: owned(&["m"]),
        }
    }

    fn both(texts: &[&str], axes: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let scope = scope(axes);
        let known = split(&texts.iter().map(|text| parse(text, &scope).unwrap()).collect::<Vec<_>>())?;
        let shown = |all: &[Expr]| all.iter().map(|e| e.show(&scope).to_string()).collect();
        Ok((shown(&known.columns), shown(&known.residuals)))
    }

    fn check(texts: &[&str], columns: &[&str], residuals: &[&str]) {
        let (got, rest) = both(texts, &["x", "t"]).unwrap();
        assert_eq!(
            (got, rest),
            (columns.iter().map(|&c| c.into()).collect(), residuals.iter().map(|&r| r.into()).collect())
        );
    }

    #[test]
    fn the_largest_known_parts_are_cut_out() {
        check(&["u_tt - u_xx + u^3 - x*cos(5*pi*t)"], &["x*cos(5*pi*t)"], &["u_tt - u_xx + u^3 - known[0]"]);
        check(&["u_t + x - 1 + k*u"], &["x - 1"], &["u_t + k*u + known[0]"]);
        check(&["5*x*t*u + c*u_x + 3"], &["5*x*t"], &["known[0]*u + c*u_x + 3"]);
        check(&["u*exp(x*u) - m"], &["x", "m"], &["u*exp(known[0]*u) - known[1]"]);
        check(&["x + t"], &["x + t"], &["known[0]"]);
        check(&["u_x + c"], &[], &["u_x + c"]);
    }

    #[test]
    fn equal_parts_are_known_once() {
        check(&["u - x*t", "v + x*t", "x*t*v"], &["x*t"], &["u - known[0]", "v + known[0]", "known[0]*v"]);
    }

    #[test]
    fn coordinates_are_known_where_their_functions_are_too_many() {
        let text = "sin(x)*u + cos(x)*u_x + exp(x)*u_t + t*v + x*t*v_x";
        let (columns, rest) = both(&[text], &["x", "t"]).unwrap();
        assert_eq!(columns, ["x", "t"]);
        assert!(rest[0].starts_with("sin(known[0])*u + cos(known[0])*u_x"), "{}", rest[0]);
        let five = "a*u + b*u_a + c2*u_b + e*u_e + f*v";
        let message = both(&[five], &["a", "b", "c2", "e", "f"]).unwrap_err();
        assert!(message.starts_with("this term has 5 known parts"), "{message}");
    }
}
