//! A text as tokens with the columns where they begin.

use winnow::ascii::{digit0, digit1};
use winnow::combinator::{alt, opt};
use winnow::token::{any, one_of, take_while};
use winnow::{ModalResult, Parser};

use super::parser::ParseError;

/// A word of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Number(f64),
    Name(String),
    /// `+ - * / ^ ( ) ,`
    Sign(char),
    End,
}

/// A token, where it begins (in characters, from 1), and as it was written.
#[derive(Clone, Debug)]
pub struct Lexeme {
    pub token: Token,
    pub column: usize,
    pub text: String,
}

/// Splits `text` into tokens; the last is [`Token::End`].
pub fn tokens(text: &str) -> Result<Vec<Lexeme>, ParseError> {
    let mut rest = text;
    let mut column = 1;
    let mut found = Vec::new();
    loop {
        let trimmed = rest.trim_start();
        column += rest.chars().count() - trimmed.chars().count();
        rest = trimmed;
        if rest.is_empty() {
            found.push(Lexeme { token: Token::End, column, text: String::new() });
            return Ok(found);
        }
        let before = rest;
        let Ok(token) = token(&mut rest) else { return Err(stranger(before, column)) };
        let text = before[..before.len() - rest.len()].to_owned();
        if token == Token::Number(f64::INFINITY) {
            return Err(ParseError { column, message: format!("`{}` is too large for a number", shortened(&text)) });
        }
        let length = text.chars().count();
        if text == "*" && rest.starts_with('*') {
            return Err(ParseError { column, message: "a power is written with ^, not **".into() });
        }
        found.push(Lexeme { token, column, text });
        column += length;
    }
}

fn token(input: &mut &str) -> ModalResult<Token> {
    alt((
        number.map(Token::Number),
        name.map(|name: &str| Token::Name(name.to_owned())),
        one_of(['+', '-', '*', '/', '^', '(', ')', ',']).map(Token::Sign),
    ))
    .parse_next(input)
}

/// `12`, `0.5`, `.5`, `1.`, `1e-4`.
fn number(input: &mut &str) -> ModalResult<f64> {
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1).void();
    let digits = alt(((digit1, opt(('.', digit0))).void(), ('.', digit1).void()));
    (digits, opt(exponent)).take().try_map(str::parse).parse_next(input)
}

fn name<'a>(input: &mut &'a str) -> ModalResult<&'a str> {
    (
        any.verify(|c: &char| c.is_alphabetic() && !"πα".contains(*c) || *c == '_'),
        take_while(0.., |c: char| c.is_alphanumeric() && !"²³⁴".contains(c) || c == '_'),
    )
        .take()
        .parse_next(input)
}

/// What is said about a character that begins nothing.
fn stranger(text: &str, column: usize) -> ParseError {
    let c = text.chars().next().unwrap_or(' ');
    let meant = match c {
        '=' => "an equation is written as its residual, left side minus right side".to_owned(),
        '−' | '–' | '—' => "the minus sign of the keyboard, -, is meant".to_owned(),
        '×' | '·' | '∙' | '⋅' => "a product is written with *".to_owned(),
        '÷' => "a quotient is written with /".to_owned(),
        '²' | '³' | '⁴' => "a power is written with ^, as in u^2".to_owned(),
        'π' => "write pi".to_owned(),
        '∂' | '∇' | 'Δ' => "a derivative is written u_x, d(…, x) or laplacian(…)".to_owned(),
        '[' | ']' | '{' | '}' => "only round parentheses are used".to_owned(),
        '<' | '>' | '&' | '|' | '!' => "comparisons are not part of an expression".to_owned(),
        ';' | ':' => "arguments are separated by commas".to_owned(),
        '"' | '\'' | '`' => "names are written without quotation marks".to_owned(),
        _ => "it has no meaning in an expression".to_owned(),
    };
    ParseError { column, message: format!("unexpected `{}`: {meant}", c.escape_debug()) }
}

/// A text for a message: the beginning of a long one.
pub fn shortened(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(39).chain(['…']).collect() }
}
