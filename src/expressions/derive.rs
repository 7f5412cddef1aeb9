//! Derivatives, symbolic: partial ones with respect to a leaf, total ones along an axis, and the gradient with respect to
//! all leaves at once.

use std::collections::HashMap;

use super::expr::{Expr, Function, Leaf, Op};
use crate::math::multi_index::MAX_ORDER;

impl Function {
    /// f′(x).
    fn slope(self, x: &Expr) -> Expr {
        let of = |function| x.call(function);
        match self {
            Self::Sin => of(Self::Cos),
            Self::Cos => -of(Self::Sin),
            Self::Tan => 1.0 + of(Self::Tan).powi(2),
            Self::Exp => of(Self::Exp),
            Self::Log => 1.0 / x.clone(),
            Self::Sqrt => 0.5 / of(Self::Sqrt),
            Self::Tanh => 1.0 - of(Self::Tanh).powi(2),
            Self::Sinh => of(Self::Cosh),
            Self::Cosh => of(Self::Sinh),
            Self::Abs => of(Self::Sign),
            Self::Sign => Expr::number(0.0),
        }
    }
}

/// A way through a tree that meets each branch once.
struct Walk<F> {
    of_leaf: F,
    found: HashMap<u128, Expr>,
}

impl<F: FnMut(&Leaf) -> Result<Expr, String>> Walk<F> {
    fn of(&mut self, expression: &Expr) -> Result<Expr, String> {
        if let Some(found) = self.found.get(&expression.digest()) {
            return Ok(found.clone());
        }
        let derivative = match expression.op() {
            Op::Number(_) | Op::Constant(..) => Expr::number(0.0),
            Op::Leaf(leaf) => (self.of_leaf)(leaf)?,
            Op::Sum(parts) => Expr::sum(parts.iter().map(|part| self.of(part)).collect::<Result<_, _>>()?),
            Op::Product(parts) => self.of_product(parts)?,
            Op::Neg(x) => -self.of(x)?,
            Op::Div(a, b) => self.of(a)? / b.clone() - quotient_rule(a, b, self.of(b)?),
            Op::Pow(x, n) => Expr::product(vec![f64::from(*n).into(), x.powi(n - 1), self.of(x)?]),
            Op::Power(x, e) => {
                let (slope, bend) = (self.of(x)?, self.of(e)?);
                let of_base = e.clone() * x.power(e.clone() - 1.0) * slope;
                of_base + expression.clone() * x.call(Function::Log) * bend
            }
            Op::Call(function, x) => {
                let slope = self.of(x)?;
                if slope.is_zero() { slope } else { function.slope(x) * slope }
            }
            Op::Min(a, b) => Expr::choose([a.clone(), b.clone(), self.of(a)?, self.of(b)?]),
            Op::Max(a, b) => Expr::choose([b.clone(), a.clone(), self.of(a)?, self.of(b)?]),
            Op::Choose([x, limit, chosen, other]) => {
                Expr::choose([x.clone(), limit.clone(), self.of(chosen)?, self.of(other)?])
            }
        };
        self.found.insert(expression.digest(), derivative.clone());
        Ok(derivative)
    }

    /// By halves: (L R)′ = L′ R + L R′, so that n factors make n log n and not n² of them.
    fn of_product(&mut self, parts: &[Expr]) -> Result<Expr, String> {
        let (left, right) = parts.split_at(parts.len() / 2);
        let mut of = |half: &[Expr]| if half.len() == 1 { self.of(&half[0]) } else { self.of_product(half) };
        let (left_slope, right_slope) = (of(left)?, of(right)?);
        let with = |factors: &[Expr], slope: Expr, last: bool| {
            let mut all = factors.to_vec();
            all.insert(if last { all.len() } else { 0 }, slope);
            Expr::product(all)
        };
        Ok(with(right, left_slope, false) + with(left, right_slope, true))
    }
}

/// a b′/b².
fn quotient_rule(a: &Expr, b: &Expr, slope: Expr) -> Expr {
    if slope.is_zero() { slope } else { a.clone() * slope / b.powi(2) }
}

impl Expr {
    /// The partial derivative with respect to `leaf`; all other leaves stay as they are.
    #[must_use]
    pub fn derivative(&self, leaf: Leaf) -> Self {
        let of_leaf = |other: &Leaf| Ok(Self::number(if *other == leaf { 1.0 } else { 0.0 }));
        let derivative = Walk { of_leaf, found: HashMap::new() }.of(self);
        derivative.expect("a partial derivative exists for every leaf")
    }

    /// The total derivative along an axis: that of a field is the field's next derivative.
    ///
    /// # Errors
    /// A field would be differentiated more than four times, or the expression holds what is known at single points only.
    pub fn along(&self, axis: usize) -> Result<Self, String> {
        let of_leaf = |leaf: &Leaf| match *leaf {
            Leaf::Axis(other) => Ok(Self::number(if other == axis { 1.0 } else { 0.0 })),
            Leaf::Field { index, .. } | Leaf::Laplacian { index, .. } if index.order() >= MAX_ORDER => {
                Err(format!("this takes a derivative of order {}, and {MAX_ORDER} is the highest", index.order() + 1))
            }
            Leaf::Field { field, index } => Ok(Self::leaf(Leaf::Field { field, index: index.raised(axis) })),
            Leaf::Laplacian { field, index } => Ok(Self::leaf(Leaf::Laplacian { field, index: index.raised(axis) })),
            Leaf::Unknown(_) => Ok(Self::number(0.0)),
            Leaf::Column(_) => Err("a column of a data file is known at its points only and has no derivative".into()),
            Leaf::Known(_) | Leaf::Cotangent(_) => {
                Err("what was computed for single points has no derivative along an axis".into())
            }
        };
        Walk { of_leaf, found: HashMap::new() }.of(self)
    }

    /// Σ second derivatives along `axes`.
    ///
    /// # Errors
    /// As [`Expr::along`].
    pub fn laplacian(&self, axes: &[usize]) -> Result<Self, String> {
        let seconds = axes.iter().map(|&axis| self.along(axis)?.along(axis));
        Ok(Self::sum(seconds.collect::<Result<_, _>>()?))
    }

    /// With other expressions in place of leaves, simplified anew.
    #[must_use]
    pub fn with(&self, replace: &mut dyn FnMut(&Leaf) -> Option<Self>) -> Self {
        fn walk(
            expression: &Expr,
            replace: &mut dyn FnMut(&Leaf) -> Option<Expr>,
            found: &mut HashMap<u128, Expr>,
        ) -> Expr {
            if let Some(found) = found.get(&expression.digest()) {
                return found.clone();
            }
            let new = match expression.op() {
                Op::Leaf(leaf) => replace(leaf).unwrap_or_else(|| expression.clone()),
                op => op.rebuilt(|child| walk(child, replace, found)),
            };
            found.insert(expression.digest(), new.clone());
            new
        }
        walk(self, replace, &mut HashMap::new())
    }

    /// The partial derivatives with respect to all of `leaves`, by one walk from the root to the leaves: it makes a few
    /// operations for each that the expression has, however many leaves there are.
    pub fn gradient(&self, leaves: &[Leaf]) -> Vec<Self> {
        let mut order = Vec::new();
        let mut depends = HashMap::new();
        places(self, leaves, &mut depends, &mut order);
        let mut bars: HashMap<u128, Vec<Self>> = HashMap::from([(self.digest(), vec![1.0.into()])]);
        for expression in order.iter().rev() {
            let Some(parts) = bars.remove(&expression.digest()) else { continue };
            let bar = Self::sum(parts);
            if matches!(expression.op(), Op::Leaf(_)) {
                bars.insert(expression.digest(), vec![bar]);
            } else if !bar.is_zero() {
                expression.pull(&bar, &|child| depends[&child.digest()], &mut |child, part| {
                    bars.entry(child.digest()).or_default().push(part);
                });
            }
        }
        let of = |leaf: &Leaf| bars.get(&Self::leaf(*leaf).digest()).map_or(Self::number(0.0), |bar| bar[0].clone());
        leaves.iter().map(of).collect()
    }

    /// What each operand that `matters` gets of the cotangent `bar`.
    fn pull(&self, bar: &Self, matters: &dyn Fn(&Self) -> bool, give: &mut dyn FnMut(&Self, Self)) {
        let bar = || bar.clone();
        let mut to = |operand: &Self, part: &dyn Fn() -> Self| {
            if matters(operand) {
                give(operand, part());
            }
        };
        let if_at_most = |a: &Self, b: &Self| Self::choose([a.clone(), b.clone(), bar(), 0.0.into()]);
        let if_above = |a: &Self, b: &Self| Self::choose([a.clone(), b.clone(), 0.0.into(), bar()]);
        match self.op() {
            Op::Number(_) | Op::Constant(..) | Op::Leaf(_) => {}
            Op::Sum(parts) => parts.iter().for_each(|part| to(part, &bar)),
            Op::Product(parts) => pull_product(&bar(), parts, &mut |part, others| to(part, &|| others.clone())),
            Op::Neg(x) => to(x, &|| -bar()),
            Op::Div(a, b) => {
                to(a, &|| bar() / b.clone());
                to(b, &|| -(bar() * a.clone() / b.powi(2)));
            }
            Op::Pow(x, n) => to(x, &|| Self::product(vec![f64::from(*n).into(), bar(), x.powi(n - 1)])),
            Op::Power(x, e) => {
                to(x, &|| bar() * e.clone() * x.power(e.clone() - 1.0));
                to(e, &|| bar() * self.clone() * x.call(Function::Log));
            }
            Op::Call(function, x) => to(x, &|| bar() * function.slope(x)),
            Op::Min(a, b) => {
                to(a, &|| if_at_most(a, b));
                to(b, &|| if_above(a, b));
            }
            Op::Max(a, b) => {
                to(a, &|| if_at_most(b, a));
                to(b, &|| if_above(b, a));
            }
            Op::Choose([x, limit, chosen, other]) => {
                to(chosen, &|| if_at_most(x, limit));
                to(other, &|| if_above(x, limit));
            }
        }
    }
}

/// Each of n factors gets the product of all others, by halves as in the derivative.
fn pull_product(bar: &Expr, parts: &[Expr], give: &mut dyn FnMut(&Expr, &Expr)) {
    if let [only] = parts {
        return give(only, bar);
    }
    let (left, right) = parts.split_at(parts.len() / 2);
    let times = |others: &[Expr]| {
        let mut all = vec![bar.clone()];
        all.extend_from_slice(others);
        Expr::product(all)
    };
    pull_product(&times(right), left, give);
    pull_product(&times(left), right, give);
}

/// All different branches, operands first, and whether they depend on one of `leaves`.
fn places(expression: &Expr, leaves: &[Leaf], depends: &mut HashMap<u128, bool>, order: &mut Vec<Expr>) -> bool {
    if let Some(&known) = depends.get(&expression.digest()) {
        return known;
    }
    let mut any = matches!(expression.op(), Op::Leaf(leaf) if leaves.contains(leaf));
    expression.op().children(|child| any |= places(child, leaves, depends, order));
    depends.insert(expression.digest(), any);
    order.push(expression.clone());
    any
}
