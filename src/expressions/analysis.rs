//! What expressions need of the fields, and whether a jet with fewer streams than all second or third derivatives does.

use std::collections::BTreeSet;

use super::expr::{Expr, Leaf, Op};
use crate::math::MultiIndex;

/// The derivatives of fields in `expressions`, values included: (field, index).
pub fn needed(expressions: &[Expr]) -> BTreeSet<(usize, MultiIndex)> {
    let leaves = expressions.iter().flat_map(Expr::leaves);
    leaves
        .filter_map(|leaf| match leaf {
            Leaf::Field { field, index } => Some((field, index)),
            _ => None,
        })
        .collect()
}

/// The constants c of the generalised Laplacian Lu = Σ cᵢ ∂ᵢᵢu, one for each axis, if that is all that `components`, one
/// list for each term, need of second derivatives: no mixed ones, none of higher order, and all fields in all components with
/// the same c. How Lu then occurs does not matter: ν Lu with an unknown ν, k(x) Lu and (Lu)² are all possible.
///
/// c is scaled so that its last entry that is not zero is 1: (1, 0) for u_t + u u_x − ν u_xx, (−1, 1) for u_tt − u_xx in
/// the axes x, t, and (1, 1) for −Δu. None if there are no second derivatives at all.
pub fn laplacian(components: &[&[Expr]], axes: usize) -> Option<Vec<f64>> {
    let mut common: Option<Vec<f64>> = None;
    for component in components.iter().copied().flatten() {
        for field in fields_of_order(component, 2)? {
            let seconds = (0..axes).map(|axis| second(field, axis));
            let slopes: Vec<(f64, Expr)> = seconds.map(|leaf| numeric_part(&component.derivative(leaf))).collect();
            let own = proportions(&slopes)?;
            match &common {
                Some(common) if !agree(common, &own) => return None,
                _ => common = Some(own),
            }
        }
    }
    common
}

/// `expression` with Lu in place of second derivatives; `c` is what [`laplacian`] found for it.
///
/// Where an expression depends on second derivatives through Σ cᵢ ∂ᵢᵢu alone, they may take any values with the same sum: Lu
/// itself for the last axis with cᵢ ≠ 0, whose constant is 1, and zero for all others.
#[must_use]
pub fn with_laplacian(expression: &Expr, c: &[f64]) -> Expr {
    let last = c.iter().rposition(|&c| c != 0.0);
    expression.with(&mut |leaf| match *leaf {
        Leaf::Field { field, index } if index.order() == 2 => Some(if index.axes().first().copied() == last {
            Expr::leaf(Leaf::Laplacian { field, index: MultiIndex::VALUE })
        } else {
            Expr::number(0.0)
        }),
        _ => None,
    })
}

/// Whether `components` need third derivatives in two axes, and only as the slopes ∂₀Δu and ∂₁Δu of the plain Laplacian.
/// Second derivatives are free. The velocity of a stream function has this form.
pub fn only_laplacian_slopes(components: &[&[Expr]]) -> bool {
    let mut any = false;
    for component in components.iter().copied().flatten() {
        let Some(fields) = fields_of_order(component, 3) else { return false };
        for field in fields {
            any = true;
            let slope = |axes: &[usize]| component.derivative(Leaf::Field { field, index: MultiIndex::of(axes) });
            if slope(&[0, 0, 0]) != slope(&[0, 1, 1]) || slope(&[0, 0, 1]) != slope(&[1, 1, 1]) {
                return false;
            }
        }
    }
    let axes = needed(&components.concat()).into_iter().flat_map(|(_, index)| index.axes());
    any && axes.max() <= Some(1)
}

/// `expression` with ∂₀Δu and ∂₁Δu in place of third derivatives, where [`only_laplacian_slopes`] holds.
#[must_use]
pub fn with_laplacian_slopes(expression: &Expr) -> Expr {
    expression.with(&mut |leaf| match *leaf {
        Leaf::Field { field, index } if index.order() == 3 => Some(match index.axes()[..] {
            [0, 0, 0] => Expr::leaf(Leaf::Laplacian { field, index: MultiIndex::of(&[0]) }),
            [1, 1, 1] => Expr::leaf(Leaf::Laplacian { field, index: MultiIndex::of(&[1]) }),
            _ => Expr::number(0.0),
        }),
        _ => None,
    })
}

fn second(field: usize, axis: usize) -> Leaf {
    Leaf::Field { field, index: MultiIndex::of(&[axis, axis]) }
}

/// The fields of which `component` has derivatives of this order; none if it has higher ones, or mixed second ones where
/// the order is two.
fn fields_of_order(component: &Expr, order: usize) -> Option<BTreeSet<usize>> {
    let needed = needed(std::slice::from_ref(component));
    let mixed = |index: &MultiIndex| index.order() == 2 && index.axes()[0] != index.axes()[1];
    if needed.iter().any(|(_, index)| index.order() > order || order == 2 && mixed(index)) {
        return None;
    }
    Some(needed.into_iter().filter(|(_, index)| index.order() == order).map(|(field, _)| field).collect())
}

/// The ratios of expressions that are multiples of one another, with 1 for the last that is not zero.
fn proportions(parts: &[(f64, Expr)]) -> Option<Vec<f64>> {
    let (last, rest) = parts.iter().rev().find(|(factor, _)| *factor != 0.0)?;
    let ratio = |(factor, own): &(f64, Expr)| match *factor {
        0.0 => Some(0.0),
        _ => (own == rest).then_some(factor / last).filter(|ratio| ratio.is_finite()),
    };
    parts.iter().map(ratio).collect()
}

fn agree(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-12 * a.abs().max(b.abs()))
}

/// An expression as a number, which contains all constants, times an expression without any in front.
fn numeric_part(expression: &Expr) -> (f64, Expr) {
    if let Some(value) = expression.as_constant() {
        return (value, Expr::number(1.0));
    }
    match expression.op() {
        Op::Neg(x) => {
            let (factor, rest) = numeric_part(x);
            (-factor, rest)
        }
        Op::Product(parts) => {
            let parts: Vec<(f64, Expr)> = parts.iter().map(numeric_part).collect();
            (
                parts.iter().map(|(factor, _)| factor).product(),
                Expr::product(parts.into_iter().map(|(_, x)| x).collect()),
            )
        }
        Op::Div(a, b) => {
            let ((above, a), (below, b)) = (numeric_part(a), numeric_part(b));
            (above / below, a / b)
        }
        _ => (1.0, expression.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Scope, parse};
    use super::*;

    fn scope(axes: &[&str], fields: &[&str]) -> Scope {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let constants = vec![("nu".to_owned(), 0.01), ("re".to_owned(), 100.0), ("dx".to_owned(), 3.0)];
        Scope { axes: owned(axes), fields: owned(fields), constants, unknowns: owned(&["k"]), columns: vec![] }
    }

    fn found(texts: &[&str], axes: &[&str], fields: &[&str]) -> (Option<Vec<f64>>, Vec<String>) {
        let scope = scope(axes, fields);
        let all: Vec<Expr> = texts.iter().map(|text| parse(text, &scope).unwrap()).collect();
        let c = laplacian(&[&all], axes.len());
        let rewritten =
            c.iter().flat_map(|c| all.iter().map(|e| with_laplacian(e, c).show(&scope).to_string())).collect();
        (c, rewritten)
    }

    #[test]
    fn the_generalised_laplacian_is_that_of_the_problems() {
        let xt = &["x", "t"];
        let one = |text: &str, axes: &[&str]| {
            let (c, texts) = found(&[text], axes, &["u"]);
            (c.unwrap(), texts[0].clone())
        };
        assert_eq!(one("u_t + u*u_x - nu*u_xx", xt), (vec![1.0, 0.0], "u_t + u*u_x - nu*L[u]".into()));
        assert_eq!(one("u_tt - u_xx + u^3 - x", xt), (vec![-1.0, 1.0], "L[u] + u^3 - x".into()));
        assert_eq!(one("-laplacian(u) - x", &["x", "y"]), (vec![1.0, 1.0], "-L[u] - x".into()));
        let five = &["a", "b", "c", "e", "f"];
        assert_eq!(one("-laplacian(u)", five), (vec![1.0; 5], "-L[u]".into()));
        assert_eq!(one("2*u_xx + dx*u_tt", xt), (vec![2.0 / 3.0, 1.0], "dx*L[u]".into()));
        // any factor that both have, and any way in which the combination occurs
        assert_eq!(one("d(exp(x)*u_x, x) - u", xt), (vec![1.0, 0.0], "exp(x)*u_x + exp(x)*L[u] - u".into()));
        assert_eq!(one("k*laplacian(u) + u", xt), (vec![1.0, 1.0], "k*L[u] + u".into()));
        assert_eq!(one("laplacian(u)^2", xt), (vec![1.0, 1.0], "L[u]^2".into()));
    }

    #[test]
    fn several_fields_need_the_same_combination() {
        let cavity = ["u*u_x + v*u_y + p_x - laplacian(u)/re", "u*v_x + v*v_y + p_y - laplacian(v)/re", "u_x + v_y"];
        let (c, texts) = found(&cavity, &["x", "y"], &["u", "v", "p"]);
        assert_eq!(c, Some(vec![1.0, 1.0]));
        assert_eq!(texts[1], "u*v_x + v*v_y + p_y - L[v]/re");
        let (c, _) = found(&["-v_t + 0.5*u_xx + (u^2 + v^2)*u", "u_t + 0.5*v_xx"], &["x", "t"], &["u", "v"]);
        assert_eq!(c, Some(vec![1.0, 0.0]));
    }

    #[test]
    fn what_needs_more_is_not_taken_for_less() {
        for texts in [
            &["u_xt + u_xx"][..],
            &["u_xxx + u_xx"],
            &["u_xx + u", "u_tt"],
            &["u_xx*u_tt"],
            &["u_xx + u*u_tt"],
            &["u_x + u"],
        ] {
            assert_eq!(found(texts, &["x", "t"], &["u"]).0, None, "{texts:?}");
        }
    }

    #[test]
    fn stream_functions_need_slopes_of_the_laplacian_only() {
        let scope = scope(&["x", "y"], &["psi", "p"]);
        let text = "psi_y*psi_xy - psi_x*psi_yy + p_x - d(laplacian(psi), y)/re";
        let all = [parse(text, &scope).unwrap()];
        assert!(only_laplacian_slopes(&[&all]));
        let shown = with_laplacian_slopes(&all[0]).show(&scope).to_string();
        assert_eq!(shown, "psi_y*psi_xy - psi_x*psi_yy + p_x - L[psi]_y/re");
        for text in ["psi_xxx", "psi_xxx + 2*psi_xyy", "psi_xx", "laplacian(laplacian(psi))"] {
            assert!(!only_laplacian_slopes(&[&[parse(text, &scope).unwrap()]]), "{text}");
        }
    }

    #[test]
    fn values_and_slopes_are_needed_once() {
        let scope = scope(&["x", "t"], &["u"]);
        let all = [parse("u*u_x - u^2 + x", &scope).unwrap()];
        assert_eq!(needed(&all).into_iter().collect::<Vec<_>>(), [(0, MultiIndex::VALUE), (0, MultiIndex::of(&[0]))]);
    }
}
