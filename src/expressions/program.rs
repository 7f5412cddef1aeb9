//! Evaluation: expressions as a list of operations in which whatever occurs several times occurs once.

use std::collections::{BTreeSet, HashMap};

use super::expr::{Expr, Leaf, Op};
use crate::math::Real;

/// Expressions in an order in which each operation follows its operands. Make it once to evaluate at many points.
pub struct Program {
    /// What is computed, and where its operands stand.
    steps: Vec<(Expr, Vec<usize>)>,
    /// Where each of the expressions stands.
    results: Vec<usize>,
}

impl Program {
    /// Puts `expressions` in order.
    pub fn new(expressions: &[Expr]) -> Self {
        let mut program = Self { steps: Vec::new(), results: Vec::new() };
        let mut places = HashMap::new();
        program.results = expressions.iter().map(|expression| program.place(expression, &mut places)).collect();
        program
    }

    fn place(&mut self, expression: &Expr, places: &mut HashMap<u128, usize>) -> usize {
        if let Some(&place) = places.get(&expression.digest()) {
            return place;
        }
        let mut operands = Vec::new();
        expression.op().children(|child| operands.push(self.place(child, places)));
        self.steps.push((expression.clone(), operands));
        places.insert(expression.digest(), self.steps.len() - 1);
        self.steps.len() - 1
    }

    /// How many operations, numbers and leaves it has.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether it computes nothing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Its operations, numbers and leaves, each behind its operands.
    pub fn steps(&self) -> impl Iterator<Item = &Expr> {
        self.steps.iter().map(|(expression, _)| expression)
    }

    /// What it takes from outside, each once.
    pub fn leaves(&self) -> impl Iterator<Item = Leaf> {
        self.steps.iter().filter_map(|(expression, _)| match expression.op() {
            Op::Leaf(leaf) => Some(*leaf),
            _ => None,
        })
    }

    /// The values of its expressions; `leaf` is asked once for each leaf.
    pub fn evaluate<T: Real>(&self, leaf: &mut dyn FnMut(&Leaf) -> T) -> Vec<T> {
        let mut values: Vec<T> = Vec::with_capacity(self.steps.len());
        for (expression, operands) in &self.steps {
            let at = |which: usize| values[operands[which]];
            let all = || operands.iter().map(|&operand| values[operand]);
            values.push(match expression.op() {
                Op::Number(value) | Op::Constant(_, value) => T::constant(*value),
                Op::Leaf(which) => leaf(which),
                Op::Sum(_) => all().skip(1).fold(at(0), |sum, x| sum + x),
                Op::Product(_) => all().skip(1).fold(at(0), |product, x| product * x),
                Op::Neg(_) => -at(0),
                Op::Div(..) => at(0) / at(1),
                Op::Pow(_, exponent) => at(0).powi(*exponent),
                Op::Power(..) => at(0).powf(at(1)),
                Op::Call(function, _) => function.of(at(0)),
                Op::Min(..) => at(0).minimum(at(1)),
                Op::Max(..) => at(0).maximum(at(1)),
                Op::Choose(_) => at(0).choose(at(1), at(2), at(3)),
            });
        }
        self.results.iter().map(|&place| values[place]).collect()
    }
}

impl Expr {
    /// What it takes from outside.
    pub fn leaves(&self) -> BTreeSet<Leaf> {
        Program::new(std::slice::from_ref(self)).leaves().collect()
    }

    /// Its value over any number type. To evaluate it often, make a [`Program`].
    pub fn evaluate<T: Real>(&self, leaf: &mut dyn FnMut(&Leaf) -> T) -> T {
        Program::new(std::slice::from_ref(self)).evaluate(leaf)[0]
    }
}
