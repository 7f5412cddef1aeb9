//! The body of one function: a `let` for everything that is used more than once, and for every derivative and coordinate.

use std::collections::HashMap;

use super::super::expr::{Expr, Leaf, Op};
use super::super::program::Program;
use super::super::scope::Scope;
use super::operations::{Binding, Text, literal, operands, product, sum, write};
use super::streams::Streams;

/// Compilers nest their own functions as expressions nest: what is deeper than this becomes a `let`.
const DEEPEST: usize = 16;
/// So do sums and products of more parts than this.
const LONGEST: usize = 32;

/// Calls `visit` for each named constant in `expressions` that has no name in `math.wgsl`.
pub fn each_constant(expressions: &[Expr], visit: &mut dyn FnMut(&str, f64)) {
    for step in Program::new(expressions).steps() {
        match step.op() {
            Op::Constant(name, value) if &**name != "pi" => visit(name, *value),
            _ => {}
        }
    }
}

/// A function being written.
pub struct Body<'a> {
    scope: &'a Scope,
    streams: &'a dyn Streams,
    /// How often each operation is used.
    uses: HashMap<u128, usize>,
    written: HashMap<u128, Text>,
    lines: String,
    temporaries: usize,
}

impl<'a> Body<'a> {
    /// A function that computes `outputs`.
    pub fn new(scope: &'a Scope, streams: &'a dyn Streams, outputs: &[Expr]) -> Self {
        let mut uses = HashMap::new();
        for output in outputs {
            count(output, &mut uses);
        }
        Self { scope, streams, uses, written: HashMap::new(), lines: String::new(), temporaries: 0 }
    }

    /// The statements so far.
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// Writes what `outputs` need, and returns them as texts of their own.
    pub fn write(&mut self, outputs: &[Expr]) -> Result<Vec<String>, String> {
        outputs.iter().map(|output| Ok(self.text(output)?.text)).collect()
    }

    fn text(&mut self, expression: &Expr) -> Result<Text, String> {
        if let Some(text) = self.written.get(&expression.digest()) {
            return Ok(text.clone());
        }
        let text = match expression.op() {
            Op::Leaf(leaf) => self.leaf(leaf)?,
            _ => self.operation(expression)?,
        };
        self.written.insert(expression.digest(), text.clone());
        Ok(text)
    }

    fn operation(&mut self, expression: &Expr) -> Result<Text, String> {
        // what holds constants only is computed by the compiler, but must fit
        let constant = expression.as_constant();
        if let Some(value) = constant {
            let number = literal(value).map_err(|what| format!("{} {what}", expression.show(self.scope)))?;
            let written_out = match expression.op() {
                Op::Pow(x, n) => !matches!(x.op(), Op::Constant(..)) || !(2..=3).contains(n),
                op => matches!(op, Op::Number(_)),
            };
            if written_out {
                return Ok(Text::new(number, if value < 0.0 { Binding::Sign } else { Binding::Atom }));
            }
        }
        let operands = operands(expression);
        let texts: Vec<Text> = operands.iter().map(|operand| self.text(operand)).collect::<Result<_, _>>()?;
        let text = match expression.op() {
            Op::Sum(parts) if parts.len() > LONGEST => self.in_pieces(texts, sum),
            Op::Product(parts) if parts.len() > LONGEST => self.in_pieces(texts, product),
            _ => write(expression, &texts),
        };
        let often = self.uses.get(&expression.digest()).copied().unwrap_or(0) > 1;
        // a sign is no work
        let cheap = constant.is_some() || matches!(expression.op(), Op::Neg(x) if matches!(x.op(), Op::Leaf(_)));
        if (often || text.depth > DEEPEST) && !cheap { Ok(self.named(&text)) } else { Ok(text) }
    }

    /// A long sum or product by way of shorter ones.
    fn in_pieces(&mut self, mut parts: Vec<Text>, join: fn(&[Text]) -> Text) -> Text {
        while parts.len() > LONGEST {
            parts = parts.chunks(LONGEST).map(|piece| self.named(&join(piece))).collect();
        }
        join(&parts)
    }

    /// A `let` for `text`.
    fn named(&mut self, text: &Text) -> Text {
        self.temporaries += 1;
        let name = format!("e_{}", self.temporaries);
        self.line(&name, &text.text);
        Text::new(name, Binding::Atom)
    }

    fn line(&mut self, name: &str, text: &str) {
        self.lines += &format!("    let {name} = {text};\n");
    }

    fn leaf(&mut self, leaf: &Leaf) -> Result<Text, String> {
        let own = self.scope.name_of(leaf);
        let component = |i: usize| ["x", "y", "z", "w"][i];
        let (name, text) = match leaf {
            Leaf::Known(known) => return Ok(Text::new(format!("data.{}", component(*known)), Binding::Atom)),
            Leaf::Cotangent(c) => return Ok(Text::new(format!("r_bar.{}", component(*c)), Binding::Atom)),
            Leaf::Axis(axis) => (format!("p_{own}"), format!("p[{axis}]")),
            Leaf::Unknown(unknown) => (format!("n_{own}"), self.streams.unknown(*unknown)),
            Leaf::Column(_) => return Err(format!("column `{own}` is known at the points of its file only")),
            Leaf::Field { .. } | Leaf::Laplacian { .. } => {
                let text = self.streams.read(leaf).ok_or_else(|| format!("the jet does not hold {own}"))?;
                let name = match leaf {
                    Leaf::Laplacian { .. } => format!("l_{}", own.replace("L[", "").replace(']', "")),
                    _ => format!("f_{own}"),
                };
                (name, text)
            }
        };
        self.line(&name, &text);
        Ok(Text::new(name, Binding::Atom))
    }
}

/// Counts how often each branch is asked for; what lies below one that becomes a `let` is asked for once by it.
fn count(expression: &Expr, uses: &mut HashMap<u128, usize>) {
    let uses_here = uses.entry(expression.digest()).or_insert(0);
    *uses_here += 1;
    if *uses_here == 1 {
        for operand in operands(expression) {
            count(&operand, uses);
        }
    }
}
