//! Construction: every expression is simplified as it is built, by rules that keep its value and look at no more than the
//! parts at hand. Numbers are combined only where the result is exact, so what is printed is what was written.

use std::collections::HashMap;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::expr::{Expr, Function, Op};

/// a ∘ b where binary64 holds it exactly.
fn exact_sum(a: f64, b: f64) -> Option<f64> {
    let sum = a + b;
    let of_b = sum - a;
    // the rounding error of a sum is itself a number (Knuth)
    ((a - (sum - of_b)) + (b - of_b) == 0.0 && sum.is_finite()).then_some(sum)
}

fn exact_product(a: f64, b: f64) -> Option<f64> {
    let product = a * b;
    (product.is_finite() && a.mul_add(b, -product) == 0.0 && (product != 0.0 || a == 0.0 || b == 0.0))
        .then_some(product)
}

fn exact_quotient(a: f64, b: f64) -> Option<f64> {
    let quotient = a / b;
    (quotient.is_finite() && quotient.mul_add(b, -a) == 0.0 && (quotient != 0.0 || a == 0.0)).then_some(quotient)
}

/// What takes part in a sum: a number times an expression, in the order of first occurrence.
#[derive(Default)]
struct Terms {
    number: f64,
    /// Before which term the number stands.
    number_at: Option<usize>,
    /// Numbers whose sum is not exact.
    loose: Vec<Expr>,
    terms: Vec<(f64, Expr)>,
    place: HashMap<Expr, usize>,
}

impl Terms {
    fn add(&mut self, factor: f64, term: &Expr) {
        match term.op() {
            Op::Number(value) => {
                self.number_at.get_or_insert(self.terms.len());
                match exact_sum(self.number, factor * value) {
                    Some(sum) => self.number = sum,
                    None => self.loose.push(Expr::number(factor * value)),
                }
            }
            Op::Sum(parts) if factor.abs() == 1.0 => parts.iter().for_each(|part| self.add(factor, part)),
            Op::Neg(x) => self.add(-factor, x),
            _ => {
                let (own, rest) = term.coefficient();
                let (factor, rest) = match exact_product(factor, own) {
                    Some(product) => (product, rest),
                    None => (factor, term.clone()),
                };
                self.collect(factor, rest);
            }
        }
    }

    /// Like terms are added up.
    fn collect(&mut self, factor: f64, rest: Expr) {
        if let Some(&place) = self.place.get(&rest)
            && let Some(sum) = exact_sum(self.terms[place].0, factor)
        {
            self.terms[place].0 = sum;
            return;
        }
        self.place.insert(rest.clone(), self.terms.len());
        self.terms.push((factor, rest));
    }

    fn finish(self) -> Expr {
        let mut parts = Vec::new();
        let mut terms = self.terms.into_iter();
        let number = Some(Expr::number(self.number)).filter(|_| self.number != 0.0);
        let scaled = |(factor, rest): (f64, Expr)| (factor != 0.0).then(|| rest.scaled(factor));
        parts.extend(terms.by_ref().take(self.number_at.unwrap_or(0)).filter_map(scaled));
        parts.extend(number.into_iter().chain(self.loose));
        parts.extend(terms.filter_map(scaled));
        if parts.is_empty() {
            parts.push(Expr::number(0.0));
        }
        if parts.len() == 1 { parts.swap_remove(0) } else { Expr::node(Op::Sum(parts)) }
    }
}

/// What takes part in a product: a number, and powers of expressions in the order of first occurrence.
struct Factors {
    number: f64,
    /// Numbers whose product is not exact.
    loose: Vec<Expr>,
    powers: Vec<(Expr, i32)>,
    place: HashMap<Expr, usize>,
}

impl Factors {
    fn multiply(&mut self, factor: &Expr) {
        match factor.op() {
            Op::Number(value) => match exact_product(self.number, *value) {
                Some(product) => self.number = product,
                None => self.loose.push(factor.clone()),
            },
            Op::Product(parts) => parts.iter().for_each(|part| self.multiply(part)),
            Op::Neg(x) => {
                self.number = -self.number;
                self.multiply(x);
            }
            Op::Pow(base, exponent) => self.collect(base, *exponent),
            _ => self.collect(factor, 1),
        }
    }

    /// Powers of one base are added up.
    fn collect(&mut self, base: &Expr, exponent: i32) {
        match self.place.get(base) {
            // positive and negative powers stay apart: a division by zero must not disappear
            Some(&place) if (self.powers[place].1 > 0) == (exponent > 0) => {
                self.powers[place].1 = self.powers[place].1.saturating_add(exponent);
            }
            _ => {
                self.place.insert(base.clone(), self.powers.len());
                self.powers.push((base.clone(), exponent));
            }
        }
    }

    fn finish(self) -> Expr {
        if self.number == 0.0 {
            return Expr::number(0.0);
        }
        let mut parts = self.loose;
        parts.extend(self.powers.into_iter().map(|(base, exponent)| base.powi(exponent)));
        let sign = if parts.is_empty() { 1.0 } else { self.number.signum() };
        let number = self.number * sign;
        if number != 1.0 || parts.is_empty() {
            parts.insert(0, Expr::number(number));
        }
        let product = if parts.len() == 1 { parts.swap_remove(0) } else { Expr::node(Op::Product(parts)) };
        if sign < 0.0 { Expr::node(Op::Neg(product)) } else { product }
    }
}

impl Expr {
    /// The sum of all `terms`.
    pub fn sum(terms: Vec<Self>) -> Self {
        let mut all = Terms::default();
        terms.iter().for_each(|term| all.add(1.0, term));
        all.finish()
    }

    /// The product of all `factors`.
    pub fn product(factors: Vec<Self>) -> Self {
        let mut all = Factors { number: 1.0, loose: Vec::new(), powers: Vec::new(), place: HashMap::new() };
        factors.iter().for_each(|factor| all.multiply(factor));
        all.finish()
    }

    /// The number in front of it and what is left: (−3, u) of −3 u.
    pub(super) fn coefficient(&self) -> (f64, Self) {
        match self.op() {
            Op::Neg(x) => {
                let (factor, rest) = x.coefficient();
                (-factor, rest)
            }
            Op::Product(parts) => match parts[0].as_number() {
                Some(number) if parts.len() == 2 => (number, parts[1].clone()),
                Some(number) => (number, Self::node(Op::Product(parts[1..].to_vec()))),
                None => (1.0, self.clone()),
            },
            _ => (1.0, self.clone()),
        }
    }

    /// The product with a number, which stands in front.
    fn scaled(&self, factor: f64) -> Self {
        if factor == 1.0 {
            return self.clone();
        }
        if factor == -1.0 {
            return -self.clone();
        }
        Self::product(vec![Self::number(factor), self.clone()])
    }

    /// An integer power.
    #[must_use]
    pub fn powi(&self, exponent: i32) -> Self {
        match (self.op(), exponent) {
            (_, 0) => Self::number(1.0),
            (_, 1) => self.clone(),
            (Op::Number(value), _) => exact_power(*value, exponent).unwrap_or_else(|| self.raised(exponent)),
            (Op::Neg(x), _) if exponent % 2 == 0 => x.powi(exponent),
            (Op::Neg(x), _) => -x.powi(exponent),
            (Op::Pow(x, inner), _) => match inner.checked_mul(exponent) {
                // an even power forgets the sign, a negative one forbids zero: only like signs may be joined
                Some(product) if *inner > 0 && exponent > 0 => x.powi(product),
                _ => self.raised(exponent),
            },
            _ => self.raised(exponent),
        }
    }

    fn raised(&self, exponent: i32) -> Self {
        Self::node(Op::Pow(self.clone(), exponent))
    }

    /// Any power: an integer one where the exponent is a whole number, a square root where it is one half.
    #[must_use]
    pub fn power(&self, exponent: Self) -> Self {
        match exponent.as_constant() {
            Some(value) if value.fract() == 0.0 && value.abs() <= 1e6 => self.powi(value as i32),
            Some(0.5) => self.call(Function::Sqrt),
            _ => Self::node(Op::Power(self.clone(), exponent)),
        }
    }

    /// A function of it.
    #[must_use]
    pub fn call(&self, function: Function) -> Self {
        use Function::{Abs, Cos, Cosh, Exp, Log, Sign, Sin, Sinh, Sqrt, Tan, Tanh};
        let Some(x) = self.as_number() else { return Self::node(Op::Call(function, self.clone())) };
        let known = match (function, x) {
            (Sin | Tan | Tanh | Sinh | Sqrt, 0.0) | (Log, 1.0) => Some(0.0),
            (Cos | Cosh | Exp, 0.0) => Some(1.0),
            (Abs, x) => Some(x.abs()),
            (Sign, x) => Some(function.of(x)),
            (Sqrt, x) if x > 0.0 && x.sqrt() * x.sqrt() == x && exact_product(x.sqrt(), x.sqrt()).is_some() => {
                Some(x.sqrt())
            }
            _ => None,
        };
        known.map_or_else(|| Self::node(Op::Call(function, self.clone())), Self::number)
    }

    /// Its square.
    #[must_use]
    pub fn square(&self) -> Self {
        self.powi(2)
    }

    /// The smaller of two.
    #[must_use]
    pub fn min(&self, other: Self) -> Self {
        match (self.as_number(), other.as_number()) {
            (Some(a), Some(b)) => Self::number(a.min(b)),
            _ if *self == other => other,
            _ => Self::node(Op::Min(self.clone(), other)),
        }
    }

    /// The larger of two.
    #[must_use]
    pub fn max(&self, other: Self) -> Self {
        match (self.as_number(), other.as_number()) {
            (Some(a), Some(b)) => Self::number(a.max(b)),
            _ if *self == other => other,
            _ => Self::node(Op::Max(self.clone(), other)),
        }
    }

    /// [x, limit, chosen, other]: `chosen` if x ≤ limit, else `other`.
    pub(super) fn choose(parts: [Self; 4]) -> Self {
        let [x, limit, chosen, other] = &parts;
        match (x.as_number(), limit.as_number()) {
            _ if chosen == other => chosen.clone(),
            (Some(x), Some(limit)) => if x <= limit { chosen } else { other }.clone(),
            _ => Self::node(Op::Choose(parts)),
        }
    }
}

/// xⁿ where binary64 holds it and every power on the way exactly.
fn exact_power(x: f64, exponent: i32) -> Option<Expr> {
    let power = (0..exponent.unsigned_abs().min(64)).try_fold(1.0, |power, _| exact_product(power, x));
    let power = power.filter(|_| exponent.unsigned_abs() <= 64)?;
    let power = if exponent < 0 { exact_quotient(1.0, power)? } else { power };
    Some(Expr::number(power))
}

impl Add for Expr {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::sum(vec![self, other])
    }
}

impl Sub for Expr {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::sum(vec![self, -other])
    }
}

impl Mul for Expr {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::product(vec![self, other])
    }
}

impl Neg for Expr {
    type Output = Self;
    fn neg(self) -> Self {
        match self.op() {
            Op::Number(value) => Self::number(-value),
            Op::Neg(x) => x.clone(),
            _ => Self::node(Op::Neg(self)),
        }
    }
}

impl Div for Expr {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        if let Some(divisor) = other.as_number() {
            if let Some(quotient) = self.as_number().and_then(|number| exact_quotient(number, divisor)) {
                return Self::number(quotient);
            }
            // 2 u / 2, but u / 3 as it was written
            let (factor, rest) = self.coefficient();
            if let Some(quotient) = exact_quotient(factor, divisor).filter(|_| factor.abs() != 1.0) {
                return rest.scaled(quotient);
            }
        }
        match (self.op(), other.op()) {
            (_, Op::Number(1.0)) => self,
            (_, Op::Number(-1.0)) => -self,
            (Op::Number(0.0), _) if !other.is_zero() => Self::number(0.0),
            (Op::Neg(a), Op::Neg(b)) => a.clone() / b.clone(),
            (Op::Neg(a), _) => -(a.clone() / other),
            (_, Op::Neg(b)) => -(self / b.clone()),
            _ => Self::node(Op::Div(self, other)),
        }
    }
}

impl From<f64> for Expr {
    fn from(value: f64) -> Self {
        Self::number(value)
    }
}

macro_rules! functions {
    ($($method:ident $function:ident),*) => {
        /// For residuals that are written in Rust.
        impl Expr { $(
            #[doc = concat!("`", stringify!($method), "` of it.")]
            #[must_use]
            pub fn $method(&self) -> Self {
                self.call(Function::$function)
            }
        )* }
    };
}
functions!(sin Sin, cos Cos, tan Tan, exp Exp, log Log, sqrt Sqrt, tanh Tanh, sinh Sinh, cosh Cosh, abs Abs);

macro_rules! with_numbers {
    ($($operator:ident $method:ident),*) => { $(
        impl $operator<f64> for Expr {
            type Output = Self;
            fn $method(self, other: f64) -> Self {
                self.$method(Self::number(other))
            }
        }
        impl $operator<Expr> for f64 {
            type Output = Expr;
            fn $method(self, other: Expr) -> Expr {
                Expr::number(self).$method(other)
            }
        }
    )* };
}
with_numbers!(Add add, Sub sub, Mul mul, Div div);

#[cfg(test)]
mod tests {
    use super::*;

    fn u() -> Expr {
        Expr::field(0, &[])
    }
    fn x() -> Expr {
        Expr::axis(0)
    }

    #[test]
    fn zeros_ones_and_signs_disappear() {
        assert_eq!(u() + 0.0, u());
        assert_eq!(u() - u(), 0.0.into());
        assert_eq!(u() * 0.0, 0.0.into());
        assert_eq!(1.0 * u(), u());
        assert_eq!(-(-u()), u());
        assert_eq!(u().powi(0), 1.0.into());
        assert_eq!(u().powi(1), u());
        assert_eq!(u() / 1.0, u());
        assert_eq!(0.0 / u(), 0.0.into());
        assert_eq!(-u() * -x(), u() * x());
        assert_eq!((u() - x()) + x(), u());
        assert_eq!(u() - (u() - x()), x());
        assert_eq!((-u()).powi(3), -u().powi(3));
    }

    #[test]
    fn like_terms_and_powers_are_collected() {
        assert_eq!(u() + u(), 2.0 * u());
        assert_eq!(2.0 * (3.0 * u()), 6.0 * u());
        assert_eq!(u() * 2.0 + x() - u() * 3.0, -u() + x());
        assert_eq!(u() * u() * u(), u().powi(3));
        assert_eq!(u() * x() * u(), u().powi(2) * x());
        assert_eq!(u().power(2.0.into()), u().powi(2));
        assert_eq!(u().power(0.5.into()), u().call(Function::Sqrt));
    }

    #[test]
    fn numbers_are_combined_where_that_is_exact() {
        assert_eq!(Expr::number(0.5) + 0.25, 0.75.into());
        assert_eq!(Expr::number(1.0) / 4.0, 0.25.into());
        assert!(matches!((Expr::number(1.0) / 3.0).op(), Op::Div(..)));
        assert!(matches!((Expr::number(0.1) + 0.2).op(), Op::Sum(_)));
        assert!(matches!((Expr::number(1.0) / 0.0).op(), Op::Div(..)), "a division by zero does not disappear");
        assert!(matches!((Expr::number(1e300) * 1e300).op(), Op::Product(_)));
        assert_eq!(Expr::number(2.0).powi(10), 1024.0.into());
        assert_eq!(Expr::number(9.0).call(Function::Sqrt), 3.0.into());
        assert!(matches!(Expr::number(2.0).call(Function::Sqrt).op(), Op::Call(..)));
    }

    /// The number 0 may not be lost in a power that divides by it.
    #[test]
    fn powers_of_opposite_sign_stay_apart() {
        assert!(matches!((u() * u().powi(-1)).op(), Op::Product(_)));
        assert_eq!(Expr::number(0.0).powi(-1), Expr::number(0.0).raised(-1));
    }
}
