//! Comparing the network with the known answer on the problem's grid.

use crate::error::Result;
use crate::gpu::Gpu;
use crate::plans::{Predictor, Setup, Step, Tile};
use crate::problems::{Errors, Observable, Solution, errors};

/// Observables on the grid, and errors where the answer is known.
pub struct Evaluation {
    /// Name and values `[nx·ny]` of every observable of the problem.
    pub observables: Vec<(&'static str, Vec<f64>)>,
    /// Errors of the compared observable.
    pub errors: Option<Errors>,
}

/// The network on the problem's grid, ready to be evaluated again and again.
pub struct Evaluator {
    predictor: Predictor,
    observables: Vec<Observable>,
    solution: Option<Solution>,
}

impl Evaluator {
    /// Prepares the evaluation of `step`'s network against `solution`, usually the problem's own.
    pub fn new(gpu: &Gpu, setup: &Setup, step: &Step, tile: &Tile, solution: Option<Solution>) -> Result<Evaluator> {
        let points: Vec<f32> = setup.problem.grid().points().iter().map(|&x| x as f32).collect();
        let predictor = Predictor::new(gpu, setup, &step.packing, tile, &step.weights, &points)?;
        Ok(Evaluator { predictor, observables: setup.problem.observables(), solution })
    }

    /// Evaluates the weights that are on the device now.
    pub fn evaluate(&self, gpu: &Gpu) -> Result<Evaluation> {
        let jets = self.predictor.run(gpu)?;
        let fields = self.predictor.outputs();
        let values = |observable: &Observable| {
            jets.chunks_exact(3 * fields)
                .map(|point| {
                    let jets: Vec<[f64; 3]> =
                        point.chunks_exact(3).map(|j| [j[0], j[1], j[2]].map(f64::from)).collect();
                    observable.quantity.of(&jets)
                })
                .collect::<Vec<f64>>()
        };
        let observables: Vec<_> = self.observables.iter().map(|o| (o.name, values(o))).collect();
        let errors = self.solution.as_ref().map(|known| errors(&observables[0].1, known.compared()));
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
