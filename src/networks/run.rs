//! A program's parameters, and the program run in f64.

use super::program::{Map, Program, Scale, Source, Tensors};
use super::{Layout, Shape};
use crate::math::Real;

impl Program {
    /// The parameters in the order in which they lie: what all layers share, then layer after layer, so that a layer is
    /// one stretch of memory.
    pub fn layout(&self, shape: &Shape) -> Layout {
        let mut layout = Layout::default();
        for m in (0..self.maps.len()).filter(|&m| self.maps[m].shared) {
            self.push_tensors(&mut layout, shape, m, 0);
        }
        for layer in 0..shape.depth {
            for m in (0..self.maps.len()).filter(|&m| !self.maps[m].shared) {
                self.push_tensors(&mut layout, shape, m, layer);
            }
        }
        layout.push_linear(&self.output, shape.outputs, shape.width);
        if let Some(Scale::Trained(name)) = self.scale() {
            layout.push(name, &[shape.depth]);
        }
        if shape.unknowns > 0 {
            layout.push(super::UNKNOWNS, &[shape.unknowns]);
        }
        layout
    }

    fn push_tensors(&self, layout: &mut Layout, shape: &Shape, m: usize, layer: usize) {
        let map = &self.maps[m];
        let rows = if map.difference { 2 * shape.width } else { shape.width };
        let columns = self.columns(m, layer, shape);
        match map.tensors {
            Tensors::Linear(module) => layout.push_linear(&module(layer), rows, columns),
            Tensors::Weight(module) => layout.push(format!("{}.weight", module(layer)), &[rows, columns]),
            Tensors::Bias(module) if map.difference => layout.push(module(layer), &[2, shape.width]),
            Tensors::Bias(module) => layout.push(module(layer), &[shape.width]),
            Tensors::Fixed(name) if layout.slot(name).is_none() => layout.push_fixed(name, &[columns, rows]),
            Tensors::Fixed(_) => {}
        }
    }

    /// The outputs at one normalised point `x` `[inputs]`; `see` is shown the results of all maps, layer after layer,
    /// and may change them before the join.
    pub fn run<T: Real>(
        &self,
        shape: &Shape,
        layout: &Layout,
        parameters: &[T::Scalar],
        x: &[T],
        mut see: impl FnMut(usize, &mut [Vec<T>]),
    ) -> Vec<T> {
        let results = vec![Vec::new(); self.maps.len()];
        let mut run = Run { program: self, shape, layout, parameters, next: 0, x, a: Vec::new(), results };
        for m in (0..self.maps.len()).filter(|&m| self.maps[m].shared) {
            run.results[m] = run.result(m, 0);
        }
        for layer in 0..shape.depth {
            for m in (0..self.maps.len()).filter(|&m| !self.maps[m].shared) {
                run.results[m] = run.result(m, layer);
            }
            see(layer, &mut run.results);
            run.a = run.joined(layer);
        }
        let [weight, bias] = [run.tensor(), run.tensor()];
        T::dense(weight, Some(bias), &run.a)
    }
}

/// A program on its way through the layers.
struct Run<'a, T: Real> {
    program: &'a Program,
    shape: &'a Shape,
    layout: &'a Layout,
    parameters: &'a [T::Scalar],
    /// The tensor that is used next: they lie in the order of their use, see [`Program::layout`].
    next: usize,
    x: &'a [T],
    /// The output of the layer before.
    a: Vec<T>,
    /// By map.
    results: Vec<Vec<T>>,
}

impl<'a, T: Real> Run<'a, T> {
    /// The next trained tensor.
    fn tensor(&mut self) -> &'a [T::Scalar] {
        let rest = self.layout.slots[self.next..].iter();
        let skipped = rest.take_while(|slot| !slot.trained).count();
        self.next += skipped + 1;
        &self.parameters[self.layout.slots[self.next - 1].range()]
    }

    fn input(&self, m: usize, layer: usize) -> Vec<T> {
        let of = |source| match source {
            Source::Coordinates => self.x,
            Source::Coordinate(axis) => &self.x[axis..=axis],
            Source::Previous => &self.a,
            Source::Result(of) => &self.results[of],
        };
        self.program.reads(m, layer).into_iter().flat_map(of).copied().collect()
    }

    /// The result of map `m`, whose tensors are the next ones.
    fn result(&mut self, m: usize, layer: usize) -> Vec<T> {
        let (map, width) = (&self.program.maps[m], self.shape.width);
        let mut z = self.linear(map, &self.input(m, layer));
        if map.difference {
            z = (0..width).map(|i| z[i] - z[width + i]).collect();
        }
        match map.activation {
            Some(activation) => z.into_iter().map(|z| activation.of(z)).collect(),
            None => z,
        }
    }

    fn linear(&mut self, map: &Map, input: &[T]) -> Vec<T> {
        match map.tensors {
            Tensors::Linear(_) => {
                let [weight, bias] = [self.tensor(), self.tensor()];
                T::dense(weight, Some(bias), input)
            }
            Tensors::Weight(_) => T::dense(self.tensor(), None, input),
            Tensors::Bias(_) => self.tensor().iter().map(|b| T::constant(1.0).scale(*b)).collect(),
            Tensors::Fixed(name) => {
                let (first, width) = (self.layout.offset(name), self.shape.width);
                let row = |row: usize| (0..input.len()).map(move |column| first + column * width + row);
                let weight: Vec<T::Scalar> = (0..width).flat_map(row).map(|at| self.parameters[at]).collect();
                T::dense(&weight, None, input)
            }
        }
    }

    fn joined(&self, layer: usize) -> Vec<T> {
        let Some(join) = &self.program.join else {
            return self.results.last().expect("a layer has maps").clone();
        };
        let rho = |what: T| match join.scale {
            Some(Scale::Trained(name)) => what.scale(self.parameters[self.layout.offset(name) + layer]),
            Some(Scale::Fixed(rho)) => what * T::constant(f64::from(rho)),
            None => what,
        };
        let entry = |i: usize| join.of.iter().map(|&m| self.results[m][i]).collect::<Vec<T>>();
        (0..self.shape.width).map(|i| join.op.of(&entry(i), rho)).collect()
    }
}
