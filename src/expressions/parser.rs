//! From text to expression.
//!
//! The words are read by winnow; how they bind is the recursive descent below, because a message that says what is missing
//! needs to know where in the grammar it is, and because depth and size must be bounded on the way.
//!
//! ```text
//! sum      = product { ("+" | "-") product }
//! product  = signed { ("*" | "/") signed }
//! signed   = { "+" | "-" } power
//! power    = atom [ "^" signed-power ]            from the right: 2^3^2 is 2^9, and -x^2 is -(x^2)
//! atom     = number | name | function "(" sum { "," sum } ")" | "(" sum ")"
//! ```

use super::expr::{Expr, Function, Op};
use super::lexer::{Lexeme, Token, shortened, tokens};
use super::scope::{OTHER_FUNCTIONS, Scope, is_function};
use crate::math::names;

/// Longest text, in bytes.
pub const MAX_LENGTH: usize = 20_000;
/// Deepest nesting of parentheses, functions, signs and powers.
pub const MAX_NESTING: usize = 100;
/// Most nodes of an expression after its derivatives are expanded, shared branches counted as often as they occur.
pub const MAX_SIZE: u64 = 20_000;
/// Longest way from the root to a leaf: a chain of quotients is deep without any parenthesis.
const MAX_DEPTH: u32 = 300;
/// Nodes that all derivatives of a text may have together.
const MAX_WORK: u64 = 10 * MAX_SIZE;
/// Largest integer exponent.
pub const MAX_EXPONENT: f64 = 64.0;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct ParseError {
    /// In characters, from 1.
    pub column: usize,
    /// One sentence: what is wrong, and what may stand here or is meant.
    pub message: String,
}

/// Reads an expression.
///
/// # Errors
/// The text is no expression, a name means nothing or several things, a derivative does not exist or is of too high an
/// order, or the expression is too large.
pub fn parse(text: &str, scope: &Scope) -> Result<Expr, ParseError> {
    if text.len() > MAX_LENGTH {
        let message = format!("the expression is {} bytes long: at most {MAX_LENGTH} are read", text.len());
        return Err(ParseError { column: 1, message });
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, scope, nesting: 0, work: 0 };
    let expression = parser.sum()?;
    match &parser.here().token {
        Token::End => Ok(expression),
        Token::Sign(')') => {
            Err(parser.wrong("this parenthesis closes nothing: one ( is missing, or this ) is too much"))
        }
        Token::Sign(',') => Err(parser.wrong("a comma stands between the arguments of a function only")),
        _ => Err(parser.missing_operator()),
    }
}

type Parsed = Result<Expr, ParseError>;

struct Parser<'a> {
    tokens: Vec<Lexeme>,
    at: usize,
    scope: &'a Scope,
    nesting: usize,
    work: u64,
}

impl Parser<'_> {
    fn here(&self) -> &Lexeme {
        &self.tokens[self.at]
    }

    fn wrong(&self, message: impl Into<String>) -> ParseError {
        ParseError { column: self.here().column, message: message.into() }
    }

    fn missing_operator(&self) -> ParseError {
        let before = if self.at > 0 { shortened(&self.tokens[self.at - 1].text) } else { String::new() };
        let here = shortened(&self.here().text);
        self.wrong(format!("an operator is missing between `{before}` and `{here}`: a product is written with *"))
    }

    /// Takes the next token if it is this sign.
    fn sign(&mut self, sign: char) -> bool {
        let found = self.here().token == Token::Sign(sign);
        self.at += usize::from(found);
        found
    }

    /// Passes on what is small enough to be worked with.
    fn bounded(&self, expression: Expr, column: usize) -> Parsed {
        let too = |what: String| Err(ParseError { column, message: what });
        if expression.size() > MAX_SIZE {
            return too(format!(
                "the expression becomes too large: more than {MAX_SIZE} operations, derivatives written out"
            ));
        }
        if expression.depth() > MAX_DEPTH {
            return too(format!(
                "the expression is nested too deeply: more than {MAX_DEPTH} operations inside one another"
            ));
        }
        Ok(expression)
    }

    fn sum(&mut self) -> Parsed {
        let column = self.here().column;
        let mut terms = vec![self.product()?];
        loop {
            if self.sign('+') {
                terms.push(self.product()?);
            } else if self.sign('-') {
                terms.push(-self.product()?);
            } else {
                return self.bounded(if terms.len() == 1 { terms.swap_remove(0) } else { Expr::sum(terms) }, column);
            }
        }
    }

    fn product(&mut self) -> Parsed {
        let column = self.here().column;
        let mut factors = vec![self.signed()?];
        loop {
            if self.sign('*') {
                factors.push(self.signed()?);
            } else if self.sign('/') {
                let at = self.here().column;
                let divisor = self.signed()?;
                if divisor.is_zero() {
                    return Err(ParseError { column: at, message: "this divides by 0".into() });
                }
                let quotient = Expr::product(std::mem::take(&mut factors)) / divisor;
                factors.push(self.bounded(quotient, column)?);
            } else {
                return self
                    .bounded(if factors.len() == 1 { factors.swap_remove(0) } else { Expr::product(factors) }, column);
            }
        }
    }

    /// Every way back to itself leads through here, so this bounds the depth of the recursion.
    fn signed(&mut self) -> Parsed {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.wrong(format!("nested too deeply: more than {MAX_NESTING} levels")));
        }
        let parsed = if self.sign('-') {
            self.signed().map(|x| -x)
        } else if self.sign('+') {
            self.signed()
        } else {
            self.power()
        };
        self.nesting -= 1;
        parsed
    }

    fn power(&mut self) -> Parsed {
        let column = self.here().column;
        let base = self.atom()?;
        if !self.sign('^') {
            return Ok(base);
        }
        let at = self.here().column;
        let exponent = self.signed()?;
        if let Some(value) = exponent.as_constant() {
            if value.is_nan() || value.abs() > MAX_EXPONENT {
                let message = format!("an exponent of {value} is too large: it may be {MAX_EXPONENT} at most");
                return Err(ParseError { column: at, message });
            }
            if base.is_zero() && value < 0.0 {
                return Err(ParseError { column: at, message: "this divides by 0".into() });
            }
        }
        let power = base.power(exponent);
        if let Op::Pow(_, exponent) = power.op()
            && f64::from(exponent.unsigned_abs()) > MAX_EXPONENT
        {
            let message = format!("the powers make up one of {exponent}: {MAX_EXPONENT:?} is the highest");
            return Err(ParseError { column: at, message });
        }
        self.bounded(power, column)
    }

    fn atom(&mut self) -> Parsed {
        let lexeme = self.here().clone();
        match lexeme.token {
            Token::Number(value) => {
                self.at += 1;
                Ok(Expr::number(value))
            }
            Token::Name(name) => {
                self.at += 1;
                let call = self.here().token == Token::Sign('(');
                if call { self.call(&name, lexeme.column) } else { self.name(&name, lexeme.column) }
            }
            Token::Sign('(') => {
                self.at += 1;
                let inner = self.sum()?;
                self.close(lexeme.column)?;
                Ok(inner)
            }
            Token::End if self.at == 0 => Err(self.wrong("the expression is empty")),
            Token::End => {
                let before = &self.tokens[self.at - 1].text;
                Err(self.wrong(format!("the expression ends where a number, a name or ( should follow `{before}`")))
            }
            Token::Sign(sign) => Err(self.wrong(format!("unexpected `{sign}`: a number, a name or ( may stand here"))),
        }
    }

    /// The parenthesis that closes the one at `opened`.
    fn close(&mut self, opened: usize) -> Result<(), ParseError> {
        match self.here().token {
            Token::Sign(')') => {
                self.at += 1;
                Ok(())
            }
            Token::End => Err(self.wrong(format!("the parenthesis opened at column {opened} is not closed"))),
            Token::Sign(',') => Err(self.wrong("a comma stands between the arguments of a function only")),
            _ => Err(self.missing_operator()),
        }
    }

    fn name(&self, name: &str, column: usize) -> Parsed {
        self.scope.resolve(name).map_err(|message| ParseError { column, message: clipped(&message) })
    }

    /// A function with its arguments; the next token is its opening parenthesis.
    fn call(&mut self, name: &str, column: usize) -> Parsed {
        if !is_function(name) {
            return Err(ParseError { column, message: self.no_function(name) });
        }
        let opened = self.here().column;
        self.at += 1;
        if self.here().token == Token::Sign(')') {
            return Err(self.wrong(format!("`{name}` needs an argument")));
        }
        let mut arguments = vec![self.sum()?];
        let mut axes = Vec::new();
        let differentiates = name == "d" || name == "laplacian";
        while self.sign(',') {
            if differentiates {
                axes.push(self.axis(name)?);
            } else {
                arguments.push(self.sum()?);
            }
        }
        self.close(opened)?;
        self.applied(name, arguments, &axes, column)
    }

    /// The function called `name` of its arguments.
    fn applied(&mut self, name: &str, mut arguments: Vec<Expr>, axes: &[usize], column: usize) -> Parsed {
        let wrong = |message: String| Err(ParseError { column, message });
        let count = arguments.len();
        let last = arguments.pop().expect("at least one argument was read");
        let first = arguments.pop();
        match (name, first) {
            ("min", Some(first)) if count == 2 => Ok(first.min(last)),
            ("max", Some(first)) if count == 2 => Ok(first.max(last)),
            ("min" | "max", _) => wrong(format!("`{name}` takes two arguments, not {count}")),
            (_, Some(_)) => wrong(format!("`{name}` takes one argument, not {count}")),
            ("d", _) if axes.is_empty() => {
                wrong("`d` needs the axes along which it differentiates, as in d(u, x)".into())
            }
            ("d", _) => axes.iter().try_fold(last, |inner, &axis| self.along(&inner, axis, column)),
            ("laplacian", _) => self.laplacian(&last, axes, column),
            _ => {
                let function = Function::WRITTEN.into_iter().find(|function| function.name() == name);
                Ok(last.call(function.expect("its name was looked up before")))
            }
        }
    }

    /// What is said about a name before a parenthesis that is none of a function.
    fn no_function(&self, name: &str) -> String {
        if let Some(kind) = self.scope.kind_of(name) {
            return format!("`{name}` is {kind}, not a function: a product is written {name}*(…)");
        }
        let all: Vec<&str> = Function::WRITTEN.iter().map(|function| function.name()).chain(OTHER_FUNCTIONS).collect();
        let name = shortened(name);
        match names::closest(&name, all.iter().copied()) {
            Some(near) => format!("unknown function `{name}`: did you mean `{near}`?"),
            None => format!("unknown function `{name}`: there are {}", all.join(", ")),
        }
    }

    fn axis(&mut self, function: &str) -> Result<usize, ParseError> {
        let Token::Name(name) = &self.here().token else {
            return Err(self.wrong(format!("`{function}` differentiates along axes: the name of one must stand here")));
        };
        let Some(axis) = self.scope.axes.iter().position(|axis| axis == name) else {
            let axes: Vec<&str> = self.scope.axes.iter().map(String::as_str).collect();
            return Err(self.wrong(clipped(&names::unknown("axis", name, &axes))));
        };
        self.at += 1;
        Ok(axis)
    }

    fn along(&mut self, inner: &Expr, axis: usize, column: usize) -> Parsed {
        let derivative = inner.along(axis).map_err(|message| ParseError { column, message })?;
        self.work = self.work.saturating_add(derivative.size() + inner.size());
        if self.work > MAX_WORK {
            let message = format!("the derivatives become too large: more than {MAX_WORK} operations written out");
            return Err(ParseError { column, message });
        }
        self.bounded(derivative, column)
    }

    fn laplacian(&mut self, inner: &Expr, axes: &[usize], column: usize) -> Parsed {
        let all: Vec<usize> = (0..self.scope.axes.len()).collect();
        let mut sum = Vec::new();
        for &axis in if axes.is_empty() { &all } else { axes } {
            let slope = self.along(inner, axis, column)?;
            sum.push(self.along(&slope, axis, column)?);
        }
        self.bounded(Expr::sum(sum), column)
    }
}

/// A message may quote a name of any length.
fn clipped(message: &str) -> String {
    if message.chars().count() <= 300 { message.to_owned() } else { message.chars().take(299).chain(['…']).collect() }
}
