//! Values and slopes that the device predicts, against f64; and the errors that follow from them.

mod common;

use acr_pinn_gpu::kernels::{Fused, Setup, Step, default_tile};
use acr_pinn_gpu::math::rng::Seeds;
use acr_pinn_gpu::math::{Schedule, Variant};
use acr_pinn_gpu::optimisers::Optimisation;
use acr_pinn_gpu::training::Evaluator;
use acr_pinn_gpu::{networks, oracle, problems, strategies};

/// The whole evaluation grid (several batches, several tiles per workgroup) of networks as large as the paper's.
#[test]
fn grids_are_predicted_as_in_f64() {
    let gpu = common::gpu();
    for (problem, network) in
        [("klein-gordon", "lda"), ("cavity", "lda"), ("cavity", "mlp"), ("poisson-5d", "mlp"), ("burgers", "fourier")]
    {
        let problem = problems::find(problem).unwrap();
        let network = networks::find(network).unwrap();
        let shape = oracle::shape(problem, 50, 4, Variant::V1);
        let setup = Setup {
            problem,
            network,
            shape,
            strategy: strategies::ALL[0],
            optimiser: Optimisation::default(),
            counts: vec![1; problem.sets().len()],
            resampled: false,
            schedule: Schedule::Constant { rate: 0.0 },
            steps: 1,
            seeds: Seeds::of(3),
            orders: None,
        };
        let tile = default_tile(&gpu, &setup);
        let step = Step::build(&gpu, &setup, &Fused, &tile).unwrap();
        let parameters = network.initial(&shape, 3);
        step.set_parameters(&gpu, &parameters);
        let evaluator = Evaluator::new(&gpu, &setup, &step, &tile, problem.solution()).unwrap();
        let evaluation = evaluator.evaluate(&gpu).unwrap();

        let wide: Vec<f64> = parameters.iter().map(|&p| f64::from(p)).collect();
        let model = oracle::Model { problem, network, shape };
        let set: Vec<f64> = problem.evaluation_set().points;
        let (axes, count) = (shape.inputs, set.len() / shape.inputs);
        // every 37th node: 37 shares no factor with a tile or a row of the grid
        let nodes: Vec<usize> = (0..count).step_by(37).chain([count - 1]).collect();
        let point = |i: usize| set[axes * i..axes * (i + 1)].iter().map(|&x| f64::from(x as f32));
        let points: Vec<f64> = nodes.iter().flat_map(|&i| point(i)).collect();
        for (observable, (name, got)) in problem.observables().iter().zip(&evaluation.observables) {
            assert_eq!(got.len(), count);
            let wanted = oracle::observe(model, &wide, observable.quantity, &points);
            let scale = wanted.iter().fold(0.0_f64, |m, w| m.max(w.abs()));
            for (&i, w) in nodes.iter().zip(&wanted) {
                let error = (got[i] - w).abs() / scale;
                assert!(error < 1e-5, "{} {name} at node {i}: {} instead of {w}", problem.name(), got[i]);
            }
        }
        let (got, wanted) = (evaluation.errors.unwrap(), oracle::evaluate(model, &wide).unwrap());
        assert!((got.rel_l2 / wanted.rel_l2 - 1.0).abs() < 1e-5, "{got:?} instead of {wanted:?}");
    }
}
