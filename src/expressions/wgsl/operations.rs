//! One operation as WGSL.

use std::f64::consts::FRAC_1_PI;

use super::super::expr::{Expr, Function, Op};

/// How tightly a text binds.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Binding {
    Sum,
    Product,
    Sign,
    Atom,
}

/// A piece of WGSL.
#[derive(Clone, Debug)]
pub struct Text {
    pub text: String,
    binding: Binding,
    /// How deeply operations stand inside one another.
    pub depth: usize,
}

impl Text {
    pub fn new(text: String, binding: Binding) -> Self {
        Self { text, binding, depth: 0 }
    }

    /// In parentheses unless it binds at least as tightly as `around`.
    fn within(&self, around: Binding) -> String {
        if self.binding >= around { self.text.clone() } else { format!("({})", self.text) }
    }
}

/// Sums longer than this have a line for each part.
const LINE: usize = 100;

/// A number as a literal without a type, which a compiler rounds to binary32 once.
pub fn literal(value: f64) -> Result<String, String> {
    if !value.is_finite() || value.abs() > f64::from(f32::MAX) {
        return Err(format!("({value:e}) is no number of binary32: at most 3.4e38 is"));
    }
    // far below the smallest number of binary32, which compilers may refuse
    Ok(if value.abs() < 1e-45 { "0.0".to_owned() } else { format!("{value:?}") })
}

/// What the text of `expression` is made of, which differs from its operands where a power is a product of smaller ones
/// and where waves count in half turns. One that is used twice stands there twice.
pub fn operands(expression: &Expr) -> Vec<Expr> {
    let mut found = Vec::new();
    match expression.op() {
        Op::Pow(x, n) if *n < 0 => found.push(x.powi(-n)),
        Op::Pow(x, 2) => found.extend([x.clone(), x.clone()]),
        Op::Pow(x, 3) => found.extend([x.clone(), x.clone(), x.clone()]),
        Op::Pow(x, n) => {
            let half = x.powi(n / 2);
            found.extend([half.clone(), half]);
            if n % 2 == 1 {
                found.push(x.clone());
            }
        }
        Op::Call(Function::Sin | Function::Cos, x) => found.push(half_turns(x)),
        Op::Call(Function::Tan, x) => found.extend([half_turns(x), half_turns(x)]),
        op => op.children(|child| found.push(child.clone())),
    }
    found
}

/// The text of `expression` from those of its [`operands`].
pub fn write(expression: &Expr, operands: &[Text]) -> Text {
    let depth = 1 + operands.iter().map(|operand| operand.depth).max().unwrap_or(0);
    Text { depth, ..operation(expression, operands) }
}

fn operation(expression: &Expr, operands: &[Text]) -> Text {
    let call = |name: &str| {
        let all: Vec<&str> = operands.iter().map(|operand| operand.text.as_str()).collect();
        Text::new(format!("{name}({})", all.join(", ")), Binding::Atom)
    };
    match expression.op() {
        Op::Number(_) | Op::Leaf(_) => unreachable!("these have texts of their own"),
        Op::Constant(name, _) if &**name == "pi" => Text::new("PI".to_owned(), Binding::Atom),
        Op::Constant(name, _) => Text::new(format!("C_{name}"), Binding::Atom),
        Op::Sum(_) => sum(operands),
        Op::Product(_) => product(operands),
        Op::Neg(_) => Text::new(format!("-{}", operands[0].within(Binding::Product)), Binding::Sign),
        Op::Div(..) => {
            let (a, b) = (operands[0].within(Binding::Product), operands[1].within(Binding::Atom));
            Text::new(format!("{a} / {b}"), Binding::Product)
        }
        Op::Pow(_, n) if *n < 0 => Text::new(format!("1.0 / {}", operands[0].within(Binding::Atom)), Binding::Product),
        Op::Pow(..) => product(operands),
        Op::Power(..) => {
            let (x, e) = (&operands[0].text, operands[1].within(Binding::Product));
            Text::new(format!("exponential({e} * logarithm({x}))"), Binding::Atom)
        }
        Op::Call(Function::Tan, _) => {
            let x = &operands[0].text;
            Text::new(format!("sin_pi({x}) / cos_pi({x})"), Binding::Product)
        }
        Op::Call(function, _) => call(match function {
            Function::Sin => "sin_pi",
            Function::Cos => "cos_pi",
            Function::Exp => "exponential",
            Function::Log => "logarithm",
            Function::Tanh => "hyperbolic_tangent",
            Function::Sinh => "hyperbolic_sine",
            Function::Cosh => "hyperbolic_cosine",
            Function::Tan | Function::Sqrt | Function::Abs | Function::Sign => function.name(),
        }),
        Op::Min(..) => call("min"),
        Op::Max(..) => call("max"),
        Op::Choose(_) => {
            let [x, limit, chosen, other] = [0, 1, 2, 3].map(|i| &operands[i]);
            let (x, limit) = (x.within(Binding::Sum), limit.within(Binding::Sum));
            Text::new(format!("select({}, {}, {x} <= {limit})", other.text, chosen.text), Binding::Atom)
        }
    }
}

/// a · b · c.
pub fn product(parts: &[Text]) -> Text {
    let first = parts[0].within(Binding::Product);
    let rest: String = parts[1..].iter().map(|part| format!(" * {}", part.within(Binding::Atom))).collect();
    Text::new(first + &rest, Binding::Product)
}

/// a + b − c.
pub fn sum(parts: &[Text]) -> Text {
    let mut pieces = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        let text = part.within(Binding::Product);
        pieces.push(match text.strip_prefix('-').filter(|_| part.binding == Binding::Sign) {
            _ if i == 0 => text.clone(),
            Some(positive) => format!("- {positive}"),
            None => format!("+ {text}"),
        });
    }
    let length: usize = pieces.iter().map(|piece| piece.len() + 1).sum();
    Text::new(pieces.join(if length > LINE { "\n        " } else { " " }), Binding::Sum)
}

/// E of an angle π E.
fn half_turns(angle: &Expr) -> Expr {
    if let Some(rest) = without_pi(angle) {
        return rest;
    }
    match angle.op() {
        Op::Sum(parts) if parts.iter().any(|part| without_pi(part).is_some()) => {
            Expr::sum(parts.iter().map(half_turns).collect())
        }
        Op::Neg(x) => -half_turns(x),
        _ => Expr::number(FRAC_1_PI) * angle.clone(),
    }
}

/// An expression divided by π, where it has π as a factor.
fn without_pi(expression: &Expr) -> Option<Expr> {
    match expression.op() {
        Op::Constant(name, _) if &**name == "pi" => Some(Expr::number(1.0)),
        Op::Product(parts) => {
            let (place, rest) = parts.iter().enumerate().find_map(|(i, part)| Some((i, without_pi(part)?)))?;
            let mut parts = parts.clone();
            parts[place] = rest;
            Some(Expr::product(parts))
        }
        Op::Div(a, b) => Some(without_pi(a)? / b.clone()),
        Op::Neg(x) => Some(-without_pi(x)?),
        Op::Sum(parts) => Some(Expr::sum(parts.iter().map(without_pi).collect::<Option<_>>()?)),
        _ => None,
    }
}
