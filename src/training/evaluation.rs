//! Comparing the network with the known answer on the problem's evaluation set.

use std::ops::Range;

use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernels::{Predictor, Setup, Step, Tile};
use crate::problems::{Errors, Observable, Solution};

/// Observables on the evaluation set, and errors where the answer is known.
pub struct Evaluation {
    /// Name and values of every observable of the problem, one per point of its evaluation set.
    pub observables: Vec<(&'static str, Vec<f64>)>,
    /// Errors of the compared observables.
    pub errors: Option<Errors>,
}

/// The network on the problem's evaluation set, ready to be evaluated again and again.
pub struct Evaluator {
    predictor: Predictor,
    observables: Vec<Observable>,
    compared: Vec<&'static str>,
    counted: Range<usize>,
    solution: Option<Solution>,
}

impl Evaluator {
    /// Prepares the evaluation of `step`'s network against `solution`, usually the problem's own.
    pub fn new(gpu: &Gpu, setup: &Setup, step: &Step, tile: &Tile, solution: Option<Solution>) -> Result<Evaluator> {
        let set = setup.problem.evaluation_set();
        let points: Vec<f32> = set.points.iter().map(|&x| x as f32).collect();
        let observables = setup.problem.observables();
        let slopes = observables.iter().any(|o| o.quantity.needs_gradient());
        let predictor = Predictor::new(gpu, setup, &step.packing, tile, step.weights(), &points, slopes)?;
        let compared = setup.problem.compared();
        Ok(Evaluator { predictor, observables, compared, counted: set.counted, solution })
    }

    /// Evaluates the weights that are on the device now.
    pub fn evaluate(&self, gpu: &Gpu) -> Result<Evaluation> {
        let jets = self.predictor.run(gpu)?;
        let streams = self.predictor.streams();
        // slopes that nothing asks for are not predicted
        let jet = |j: &[f32]| std::array::from_fn(|s| j.get(s).copied().map_or(0.0, f64::from));
        let values = |observable: &Observable| {
            jets.chunks_exact(streams * self.predictor.outputs())
                .map(|point| observable.quantity.of(&point.chunks_exact(streams).map(jet).collect::<Vec<[f64; 3]>>()))
                .collect::<Vec<f64>>()
        };
        let observables: Vec<_> = self.observables.iter().map(|o| (o.name, values(o))).collect();
        let known = self.solution.as_ref();
        let errors = known.map(|known| known.errors(&self.compared, self.counted.clone(), &observables));
        Ok(Evaluation { observables, errors })
    }

    /// Compares with `solution` from now on.
    pub fn set_solution(&mut self, solution: Option<Solution>) {
        self.solution = solution;
    }

    /// The known answer, if there is one.
    pub fn solution(&self) -> Option<&Solution> {
        self.solution.as_ref()
    }
}
