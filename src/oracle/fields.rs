//! Derivatives of the fields at a point, on the tape: one pass through the network per set of directions.

use super::Model;
use crate::math::{Dual, Real, Var};
use crate::networks::{First, Fourth, Second, Third};
use crate::problems::{Axis, FieldDerivatives};

/// A number nested in zero to four duals over the tape.
trait Nested: Real {
    /// The coordinate `x` whose derivative in direction i is `slopes[i]`, one direction per dual.
    fn seed(x: f64, slopes: &[f64]) -> Self;
    /// Lists every derivative contained: the axes it was taken along, and the number.
    fn unpack(self, axes: &[usize], taken: &mut Vec<usize>, found: &mut Vec<(Vec<usize>, Var)>);
}

impl Nested for Var {
    fn seed(x: f64, _slopes: &[f64]) -> Self {
        Self::constant(x)
    }
    fn unpack(self, _axes: &[usize], taken: &mut Vec<usize>, found: &mut Vec<(Vec<usize>, Var)>) {
        let mut key = taken.clone();
        key.sort_unstable();
        found.push((key, self));
    }
}

impl<T: Nested> Nested for Dual<T> {
    fn seed(x: f64, slopes: &[f64]) -> Self {
        let (last, rest) = slopes.split_last().expect("one direction per dual");
        Self::new(T::seed(x, rest), T::constant(*last))
    }
    fn unpack(self, axes: &[usize], taken: &mut Vec<usize>, found: &mut Vec<(Vec<usize>, Var)>) {
        let (last, rest) = axes.split_last().expect("one axis per dual");
        self.value.unpack(rest, taken, found);
        taken.push(*last);
        self.tangent.unpack(rest, taken, found);
        taken.pop();
    }
}

/// The fields at one point; each pass through the network yields all derivatives along a few axes.
pub(super) struct Fields<'a> {
    model: Model<'a>,
    parameters: &'a [Var],
    axes: Vec<Axis>,
    point: &'a [f64],
    /// Requests are completed to this order, because higher derivatives bring the lower ones along.
    order: usize,
    /// (field, sorted axes, derivative).
    known: Vec<(usize, Vec<usize>, Var)>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(model: Model<'a>, parameters: &'a [Var], point: &'a [f64], order: usize) -> Self {
        Self { model, parameters, axes: model.problem.axes(), point, order, known: Vec::new() }
    }

    fn seeds<T: Nested>(&self, along: &[usize]) -> Vec<T> {
        let seed = |(i, axis): (usize, &Axis)| {
            let slopes: Vec<f64> = along.iter().map(|&a| if a == i { axis.slope } else { 0.0 }).collect();
            T::seed(axis.slope * self.point[i] + axis.offset, &slopes)
        };
        self.axes.iter().enumerate().map(seed).collect()
    }

    fn store<T: Nested>(&mut self, along: &[usize], outputs: Vec<T>) {
        for (field, output) in outputs.into_iter().enumerate() {
            let mut found = Vec::new();
            output.unpack(along, &mut Vec::new(), &mut found);
            self.known.extend(found.into_iter().map(|(axes, number)| (field, axes, number)));
        }
    }

    fn pass(&mut self, along: &[usize]) {
        let (network, shape, parameters) = (self.model.network, &self.model.shape, self.parameters);
        match along.len() {
            0 => self.store(along, network.value_taped(shape, parameters, &self.seeds::<Var>(along))),
            1 => self.store(along, network.first_taped(shape, parameters, &self.seeds::<First>(along))),
            2 => self.store(along, network.second_taped(shape, parameters, &self.seeds::<Second>(along))),
            3 => self.store(along, network.third_taped(shape, parameters, &self.seeds::<Third>(along))),
            4 => self.store(along, network.fourth_taped(shape, parameters, &self.seeds::<Fourth>(along))),
            order => unreachable!("no equation here has derivatives of order {order}"),
        }
    }

    fn lookup(&self, field: usize, axes: &[usize]) -> Option<Var> {
        self.known.iter().find(|(f, a, _)| *f == field && a == axes).map(|(.., number)| *number)
    }
}

impl FieldDerivatives for Fields<'_> {
    fn d(&mut self, field: usize, axes: &[usize]) -> Var {
        let mut axes = axes.to_vec();
        axes.sort_unstable();
        if let Some(number) = self.lookup(field, &axes) {
            return number;
        }
        let mut along = axes.clone();
        along.resize(self.order.max(axes.len()), axes.last().copied().unwrap_or(0));
        self.pass(&along);
        self.lookup(field, &axes).expect("the pass was made for it")
    }

    fn unknown(&mut self, number: usize) -> Var {
        // they are the last parameters
        self.parameters[self.parameters.len() - self.model.shape.unknowns + number]
    }
}

/// What the fields have more at a point than at its partner.
pub(super) struct Jump<'a> {
    pub(super) here: Fields<'a>,
    pub(super) there: Fields<'a>,
}

impl FieldDerivatives for Jump<'_> {
    fn d(&mut self, field: usize, axes: &[usize]) -> Var {
        self.here.d(field, axes) - self.there.d(field, axes)
    }

    fn unknown(&mut self, number: usize) -> Var {
        self.here.unknown(number)
    }
}
