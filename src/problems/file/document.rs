//! A problem file as it is written: TOML tables with the places of their values, so that a message can say where.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// The whole file; [`super::file`] says what it means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub name: Spanned<String>,
    pub title: Option<String>,
    pub fields: Spanned<Names>,
    /// Name, then both ends.
    pub axes: Spanned<Ordered<Spanned<Interval>>>,
    #[serde(default)]
    pub constants: Ordered<Spanned<Number>>,
    #[serde(default)]
    pub unknowns: Ordered<Spanned<UnknownText>>,
    #[serde(default, rename = "term")]
    pub terms: Vec<Spanned<TermText>>,
    /// Field and expression, or `file` and a path.
    pub reference: Option<Spanned<Ordered<Spanned<String>>>>,
    /// Axis and number of nodes.
    pub grid: Option<Spanned<Ordered<Spanned<Number>>>>,
    /// Keys of `--config`.
    pub train: Option<toml::Table>,
}

/// A number that is trained with the network.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table such as { start = 1, lower = 0 }")]
pub struct UnknownText {
    pub start: Spanned<Number>,
    pub lower: Option<Spanned<Number>>,
    pub upper: Option<Spanned<Number>>,
}

/// A term of the loss.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermText {
    pub name: Spanned<String>,
    pub residual: Option<Spanned<Many>>,
    pub on: Option<Spanned<Many>>,
    /// A number, or the path of a file with points.
    pub points: Option<Spanned<Number>>,
    pub weight: Option<Spanned<Number>>,
    #[serde(rename = "where")]
    pub inside: Option<Spanned<String>>,
    pub periodic: Option<Spanned<String>>,
    pub data: Option<Spanned<String>>,
    /// A parameter with both ends, and coordinates as expressions of it.
    pub curve: Option<Spanned<Ordered<Spanned<CurveText>>>>,
}

/// A number, or an expression of numbers, constants and `pi`.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    Value(f64),
    Text(String),
}

/// The range of a curve's parameter, or a coordinate.
#[derive(Debug)]
pub enum CurveText {
    Range(Interval),
    Coordinate(String),
}

/// Both ends of a range, as they are written.
#[derive(Clone, Debug)]
pub struct Interval(pub Vec<Spanned<Number>>);

/// Names in quotes.
#[derive(Debug)]
pub struct Names(pub Vec<Spanned<String>>);

/// One text or a list of them, each with its place.
#[derive(Debug)]
pub enum Many {
    /// Its place is that of the whole.
    One(String),
    List(Vec<Spanned<String>>),
}

/// A table in the order of the file.
#[derive(Debug)]
pub struct Ordered<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered(Vec::new())
    }
}

impl TermText {
    /// The place of what it states: its residual, or else its name.
    pub fn stated(&self) -> Range<usize> {
        self.residual.as_ref().map_or(self.name.span(), Spanned::span)
    }
}

impl Many {
    /// The texts with their places; `whole` is the place of all.
    pub fn texts(&self, whole: Range<usize>) -> Vec<(String, Range<usize>)> {
        match self {
            Many::One(text) => vec![(text.clone(), whole)],
            Many::List(list) => list.iter().map(|text| (text.get_ref().clone(), text.span())).collect(),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Table<T> {
            type Value = Ordered<T>;
            fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
                out.write_str("a table")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry::<Spanned<String>, T>()? {
                    entries.push(entry);
                }
                // a parser may sort keys: their places tell the order
                entries.sort_by_key(|(key, _)| key.span().start);
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Table(PhantomData))
    }
}

/// What a value may be, and what it becomes.
struct Choice<T> {
    expected: &'static str,
    number: Option<fn(f64) -> T>,
    text: Option<fn(String) -> T>,
}

impl<'de, T> Visitor<'de> for Choice<T> {
    type Value = T;
    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(self.expected)
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        self.visit_f64(value as f64)
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        self.visit_f64(value as f64)
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        match self.number {
            Some(make) => Ok(make(value)),
            None => Err(E::custom(format!("a number, where {} is meant", self.expected))),
        }
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        match self.text {
            Some(make) => Ok(make(value.to_owned())),
            None => Err(E::custom(format!("a text, where {} is meant", self.expected))),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a number or an expression in quotes";
        deserializer.deserialize_any(Choice { expected, number: Some(Number::Value), text: Some(Number::Text) })
    }
}

/// Reads a list, or a text where one is meant.
struct ListOr<T, L>(fn(Vec<L>) -> T, Option<fn(String) -> T>, &'static str);

impl<'de, T, L: Deserialize<'de>> Visitor<'de> for ListOr<T, L> {
    type Value = T;
    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(self.2)
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        match self.1 {
            Some(make) => Ok(make(value.to_owned())),
            None => Err(E::custom(format!("a text, where {} is meant", self.2))),
        }
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(self.0(entries))
    }
}

impl<'de> Deserialize<'de> for Many {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOr(Many::List, Some(Many::One), "a text in quotes, or a list of them"))
    }
}

impl<'de> Deserialize<'de> for CurveText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a coordinate as an expression in quotes, or [lower, upper] of the parameter";
        deserializer.deserialize_any(ListOr(
            |list| CurveText::Range(Interval(list)),
            Some(CurveText::Coordinate),
            expected,
        ))
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOr(Interval, None, "an interval [lower, upper]"))
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOr(Names, None, "a list of names such as [\"u\"]"))
    }
}

/// What is wrong with a problem file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Bytes of the file.
    pub span: Range<usize>,
    /// What is wrong, and what is meant.
    pub what: String,
}

impl Fault {
    pub fn new(span: Range<usize>, what: impl Into<String>) -> Fault {
        Fault { span, what: what.into() }
    }

    /// `line L, column C: what`; both count from one, columns in characters.
    pub fn located(&self, text: &str) -> String {
        let before = text.get(..self.span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("line {line}, column {column}: {}", self.what)
    }
}
