//! Whole runs on the device: the first steps against the oracle's run in f64, and bit-for-bit repetition
//! whatever the steps are cut into.

mod common;

use acr_pinn_gpu::gpu::Gpu;
use acr_pinn_gpu::kernels::{Fused, Setup};
use acr_pinn_gpu::lab::eigenbases;
use acr_pinn_gpu::lab::steps::{in_f64, small};
use acr_pinn_gpu::math::rng::Seeds;
use acr_pinn_gpu::math::{Schedule, Variant, sampling};
use acr_pinn_gpu::networks::{Layout, Lda};
use acr_pinn_gpu::optimisers::{self, Optimisation, Optimiser, Soap};
use acr_pinn_gpu::oracle::{self, Model};
use acr_pinn_gpu::problems::{self, KleinGordon, Problem, Sampling};
use acr_pinn_gpu::strategies::{self, PcGrad};
use acr_pinn_gpu::training::{self, StepRecord, Trainer};
use common::{Report, Tolerance};

const SIZE: [usize; 2] = [7, 2];
const STEPS: u32 = 10;
const SEEDS: Seeds = Seeds::of(19018);
/// Warm-up ends and the cosine begins within the steps that are compared.
const SCHEDULE: Schedule = Schedule::WarmupCosine { rate: 1e-3, final_rate: 1e-4, warmup: 4 };

fn setup(problem: &'static dyn Problem, sampling: Sampling) -> Setup<'static> {
    Setup {
        problem,
        network: &Lda,
        shape: oracle::shape(problem, SIZE[0], SIZE[1], Variant::V2),
        strategy: &PcGrad,
        optimiser: Optimisation::default(),
        counts: [40, 12, 9, 9][..problem.sets().len()].to_vec(),
        resampled: sampling == Sampling::Resampled,
        schedule: SCHEDULE,
        steps: 20,
        seeds: SEEDS,
        orders: None,
    }
}

fn trainer<'a>(gpu: &'a Gpu, setup: Setup<'a>) -> Trainer<'a> {
    let initial = setup.network.initial(&setup.shape, setup.seeds.initial);
    // few rows at once: what is unrolled is what compilation costs
    let tile = small(gpu, &setup);
    Trainer::with_tile(gpu, setup, &Fused, tile, &initial).unwrap_or_else(|error| panic!("{error}"))
}

/// Parameters, points and moments, as the bits they are.
fn state(trainer: &Trainer) -> [Vec<u32>; 3] {
    let step = &trainer.step;
    [&step.parameters, &step.points, &step.moments].map(|b| trainer.gpu.read(b, (b.size() / 4) as usize).unwrap())
}

#[test]
fn the_first_steps_follow_the_oracle() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    for (&problem, sampling) in
        problems::ALL.iter().flat_map(|p| [Sampling::Resampled, Sampling::Fixed].map(|sampling| (p, sampling)))
    {
        let setup = setup(problem, sampling);
        let (model, settings) = in_f64(&setup);
        let wanted = oracle::trajectory(model, setup.strategy, &settings, STEPS).unwrap();
        let initial = setup.network.initial(&setup.shape, setup.seeds.initial);
        let mut trainer = trainer(&gpu, setup);
        let records = trainer.advance(STEPS.into()).unwrap();
        let name = format!("{} {}", problem.name(), sampling.name());
        for (record, wanted) in records.iter().zip(&wanted.losses) {
            for (k, term) in problem.terms().iter().enumerate() {
                let place = format!("{name} step {} `{}`", record.step, term.name);
                report.number(&place, record.losses[k].into(), wanted[k], wanted[k], Tolerance::ALONG_A_RUN);
            }
            let rate = SCHEDULE.rate(record.step, settings.steps);
            let place = format!("{name} step {} rate", record.step);
            report.number(&place, record.rate.into(), rate, rate, Tolerance::of_f32(16.0));
        }
        // how far the parameters went, not how large they are, is what ten steps decide
        let moved: Vec<f64> = wanted.parameters.iter().zip(&initial).map(|(p, i)| p - f64::from(*i)).collect();
        let parameters = trainer.parameters().unwrap();
        let got: Vec<f32> = parameters.iter().zip(&initial).map(|(p, i)| p - i).collect();
        report.vector(format_args!("{name} motion"), &got, &moved, common::norm(&moved), Tolerance::ALONG_A_RUN);
    }
    report.finish();
}

/// The Gram matrix of a record is of that step's rows, its coefficients follow from it and from the orders of
/// that step, so a long run keeps drawing new ones.
#[test]
fn coefficients_use_the_orders_of_their_step() {
    use acr_pinn_gpu::strategies::{Gram, Seen, Strategy};
    let (gpu, mut report) = (common::gpu(), Report::default());
    let mut trainer = trainer(&gpu, setup(&KleinGordon::DEFAULT, Sampling::Resampled));
    let mut orders_matter = 0;
    for record in trainer.advance(60).unwrap() {
        let terms = record.coefficients.len();
        let gram = Gram::from_entries(terms, common::widen(&record.gram));
        let at = |step: u64| {
            let orders = oracle::orders(SEEDS.order, step as u32, terms);
            PcGrad.coefficients(&gram, &Seen { orders, ..Seen::default() }, &mut [])
        };
        let wanted = at(record.step);
        orders_matter += usize::from(wanted != at(record.step + 1));
        let place = format!("coefficients of step {}", record.step);
        report.entries(&place, &record.coefficients, &wanted, Tolerance::of_f32(64.0));
    }
    report.check(orders_matter > 5, || format!("another order changes only {orders_matter} of 60 steps"));
    report.finish();
}

/// What a strategy keeps from step to step is the oracle's, and a run that is taken up again goes on with the same bits.
#[test]
fn strategies_that_keep_something() {
    const COUNT: u32 = 12;
    let (gpu, mut report) = (common::gpu(), Report::default());
    let kg = |sampling| setup(&KleinGordon::DEFAULT, sampling);
    let keeping: Vec<_> = strategies::ALL
        .iter()
        .map(|&strategy| Setup { strategy, ..kg(Sampling::Resampled) })
        .filter(|setup| setup.state_length() > 0)
        .collect();
    assert!(keeping.len() >= 3);
    for setup in keeping {
        let strategy = setup.strategy;
        let setup = Setup { resampled: strategy.weighing().is_none(), ..setup };
        let (model, settings) = in_f64(&setup);
        let wanted = oracle::trajectory(model, strategy, &settings, COUNT).unwrap();
        let mut first = trainer(&gpu, setup.clone());
        for (record, wanted) in first.advance(COUNT.into()).unwrap().iter().zip(&wanted.losses) {
            for (k, loss) in wanted.iter().enumerate() {
                let place = format!("{} step {} loss {k}", strategy.name(), record.step);
                report.number(&place, record.losses[k].into(), *loss, *loss, Tolerance::ALONG_A_RUN);
            }
        }
        let (parameters, moments, kept) =
            (first.parameters().unwrap(), first.moments().unwrap(), first.state().unwrap());
        assert_eq!(kept.len(), wanted.state.len());
        let rest = first.advance(COUNT.into()).unwrap();
        let mut second = trainer(&gpu, setup);
        second.restore(COUNT.into(), &parameters, &moments, &kept, &[]).unwrap();
        assert!(second.advance(COUNT.into()).unwrap() == rest, "{}: other steps after a resume", strategy.name());
        assert!(state(&second) == state(&first) && second.state().unwrap() == first.state().unwrap());
        let refused = second.restore(COUNT.into(), &parameters, &moments, &[], &[]).unwrap_err().to_string();
        assert!(refused.contains(strategy.name()), "{refused}");
    }
    report.finish();
}

/// Weights of points on several point sets of a term, in systems, and where conditions travel with the equation.
#[test]
fn points_are_weighed_as_by_the_oracle() {
    const COUNT: u32 = 3;
    let (gpu, mut report) = (common::gpu(), Report::default());
    for &strategy in strategies::ALL.iter().filter(|strategy| strategy.weighing().is_some()) {
        for problem in [&KleinGordon::DEFAULT as &dyn Problem, &problems::Burgers, &problems::Cavity::DEFAULT] {
            let setup = Setup { strategy, ..setup(problem, Sampling::Fixed) };
            let (model, settings) = in_f64(&setup);
            let wanted = oracle::trajectory(model, strategy, &settings, COUNT).unwrap();
            let name = format!("{} {}", strategy.name(), problem.name());
            let mut trainer = trainer(&gpu, setup);
            for (record, wanted) in trainer.advance(COUNT.into()).unwrap().iter().zip(&wanted.losses) {
                for (k, loss) in wanted.iter().enumerate() {
                    let place = format!("{name} step {} loss {k}", record.step);
                    report.number(&place, record.losses[k].into(), *loss, *loss, Tolerance::ALONG_A_RUN);
                }
            }
            let kept = trainer.state().unwrap();
            // numbers of one kind are of one size
            let own = strategy.state_length(problem.terms().len());
            let each = (kept.len() - own) / strategy.weighing().unwrap().kept();
            report.entries(format_args!("{name} state"), &kept[..own], &wanted.state[..own], Tolerance::ALONG_A_RUN);
            for (number, (got, wanted)) in kept[own..].chunks(each).zip(wanted.state[own..].chunks(each)).enumerate() {
                report.entries(format_args!("{name} number {number}"), got, wanted, Tolerance::ALONG_A_RUN);
            }
        }
    }
    report.finish();
}

/// A probe looks again after a hundred steps and not before, at every other entry of the equation here.
#[test]
fn weights_by_traces_are_found_anew() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let plain = setup(&KleinGordon::DEFAULT, Sampling::Fixed);
    let setup = Setup { strategy: &strategies::Ntk, counts: vec![300, 12, 9], ..plain };
    let (model, settings) = in_f64(&setup);
    let points = oracle::points(setup.problem, &settings, 0);
    let mut trainer = trainer(&gpu, setup);
    let lambda = |trainer: &Trainer, step: u64| -> Vec<f64> {
        let parameters = common::widen(&trainer.parameters().unwrap());
        let traces = oracle::traces(&strategies::Ntk, model, &parameters, &points, (step, SEEDS.order)).unwrap();
        traces.iter().map(|trace| traces.iter().sum::<f64>() / trace).collect()
    };
    let mut wanted = lambda(&trainer, 0);
    let first = wanted.clone();
    for _ in 0..2 {
        let records = trainer.advance(100).unwrap();
        for record in [&records[0], &records[99]] {
            for (k, wanted) in wanted.iter().enumerate() {
                let place = format!("step {} weight {k}", record.step);
                report.number(&place, record.coefficients[k].into(), *wanted, *wanted, Tolerance::COEFFICIENTS);
            }
        }
        wanted = lambda(&trainer, trainer.done());
    }
    report.check(first[0] != wanted[0], || "every probe finds the same".to_owned());
    report.finish();
}

/// The first step and the first ten with every optimiser are the oracle's, and resumed and restarted runs have the same bits.
#[test]
fn every_optimiser_follows_the_oracle_and_goes_on_with_the_same_bits() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    for &optimiser in optimisers::ALL {
        // a renewal at the first step, and others on both sides of the resume
        let own = Optimisation { frequency: 4, ..Optimisation::of(optimiser) };
        let setup = Setup { optimiser: own, ..setup(&KleinGordon::DEFAULT, Sampling::Resampled) };
        let (model, settings) = in_f64(&setup);
        let initial = setup.network.initial(&setup.shape, setup.seeds.initial);
        let mut first = trainer(&gpu, setup.clone());
        let records = first.advance(STEPS.into()).unwrap();
        let [losses, motion] = eigenbases::coarser(optimiser);
        for steps in [1, STEPS] {
            let wanted = oracle::trajectory(model, setup.strategy, &settings, steps).unwrap();
            for (record, wanted) in records.iter().zip(&wanted.losses) {
                for (k, loss) in wanted.iter().enumerate() {
                    let place = format!("{} step {} loss {k}", optimiser.name(), record.step);
                    report.number(&place, record.losses[k].into(), *loss, losses * *loss, Tolerance::ALONG_A_RUN);
                }
            }
            let mut again = trainer(&gpu, setup.clone());
            again.advance(steps.into()).unwrap();
            let moved: Vec<f64> = wanted.parameters.iter().zip(&initial).map(|(p, i)| p - f64::from(*i)).collect();
            let parameters = again.parameters().unwrap();
            let got: Vec<f32> = parameters.iter().zip(&initial).map(|(p, i)| p - i).collect();
            let place = format!("{}, motion of {steps} steps", optimiser.name());
            report.vector(place, &got, &moved, motion * common::norm(&moved), Tolerance::ALONG_A_RUN);
        }
        let (parameters, moments) = (first.parameters().unwrap(), first.moments().unwrap());
        let squares = first.squares().unwrap();
        let rest = first.advance(STEPS.into()).unwrap();
        let mut second = trainer(&gpu, setup.clone());
        second.restore(STEPS.into(), &parameters, &moments, &[], &squares).unwrap();
        assert!(second.advance(STEPS.into()).unwrap() == rest, "{}: other steps after a resume", optimiser.name());
        assert!(state(&second) == state(&first) && second.squares().unwrap() == first.squares().unwrap());
        second.restart(setup.seeds, setup.schedule, setup.steps, &initial).unwrap();
        assert_eq!(second.advance(STEPS.into()).unwrap(), records, "{}: a restart", optimiser.name());
        if optimiser.name() == Soap.name() {
            let refused = second.restore(STEPS.into(), &parameters, &moments, &[], &squares[1..]).unwrap_err();
            assert!(refused.to_string().contains("no state of `soap`"), "{refused}");
        }
    }
    report.finish();
}

/// Norms are of the rows before the step, gates are those of the parameters after it.
#[test]
fn diagnoses_agree_with_the_oracle() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    let mut trainer = trainer(&gpu, setup(&KleinGordon::DEFAULT, Sampling::Resampled));
    trainer.advance(8).unwrap();
    let before = common::widen(&trainer.parameters().unwrap());
    let record = trainer.advance(1).unwrap().remove(0);
    let line = training::diagnosis(&trainer, &record).unwrap();
    assert_eq!(line["step"], 9);

    let (setup, points) = (&trainer.setup, trainer.gpu.read::<f32>(&trainer.step.points, 2 * 61).unwrap());
    let sets = [&points[..80], &points[80..104], &points[104..]].map(common::widen);
    let model = Model { problem: setup.problem, network: setup.network, shape: setup.shape };
    let rows = oracle::gradients(model, &before, &sets).unwrap().rows;
    let layout = setup.network.layout(&setup.shape);
    for (module, tensors) in [("linear.1", 2), ("gates.0.0", 2), ("residual_scales", 1)] {
        let first = layout.slots.iter().position(|slot| slot.name.starts_with(module)).unwrap();
        let range = layout.slots[first].offset..layout.slots[first + tensors - 1].range().end;
        for (k, row) in rows.iter().enumerate() {
            let (got, wanted) = (line["module_norms"][module][k].as_f64().unwrap(), common::norm(&row[range.clone()]));
            report.number(format!("{module} term {k}"), got, wanted, common::norm(row), Tolerance::ALONG_A_RUN);
        }
    }

    let after = common::widen(&trainer.parameters().unwrap());
    let tanh_of = |module: &str, x: &[f64]| -> Vec<f64> {
        dense(&layout, &after, module, x).into_iter().map(f64::tanh).collect()
    };
    let (mut count, mut mean, mut square) = (0.0, 0.0, 0.0);
    for point in sets[0].chunks(2) {
        // Klein–Gordon up to t = 1 lives on the unit square
        let x = [2.0 * point[0] - 1.0, 2.0 * point[1] - 1.0];
        let [s, e1, e2] = ["linear.0", "encoder1.0", "encoder2.0"].map(|module| tanh_of(module, &x));
        let logits = dense(&layout, &after, "gates.0.2", &tanh_of("gates.0.0", &[s, e1, e2].concat()));
        let (first, second) = logits.split_at(SIZE[0]);
        for (r1, r2) in first.iter().zip(second) {
            let w = r1.exp() / (r1.exp() + r2.exp());
            (count, mean, square) = (count + 1.0, mean + w, square + (w - 0.5).powi(2));
        }
    }
    let gate = &line["gates"][0];
    let wanted = [("mean", mean / count), ("std", (2.0 * square / (2.0 * count - 1.0)).sqrt())];
    for (key, wanted) in wanted {
        let got = if key == "mean" { &gate[key][0] } else { &gate[key] };
        assert!((got.as_f64().unwrap() - wanted).abs() < 1e-12, "{key}: {got} instead of {wanted}");
    }
    assert_eq!((line["gates"].as_array().unwrap().len(), &gate["saturation"]), (SIZE[1], &0.0.into()));
    report.finish();
}

/// The linear map `module`, with plain loops over its tensors.
fn dense(layout: &Layout, parameters: &[f64], module: &str, x: &[f64]) -> Vec<f64> {
    let tensor = |kind: &str| &parameters[layout.slot(&format!("{module}.{kind}")).unwrap().range()];
    let row = |(row, bias): (&[f64], &f64)| row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + bias;
    tensor("weight").chunks(x.len()).zip(tensor("bias")).map(row).collect()
}

#[test]
fn runs_repeat_bit_by_bit_however_they_are_cut() {
    let gpu = common::gpu();
    let run = |cuts: &[u64]| -> (Vec<StepRecord>, [Vec<u32>; 3]) {
        let mut trainer = trainer(&gpu, setup(&KleinGordon::DEFAULT, Sampling::Resampled));
        let records = cuts.iter().flat_map(|&steps| trainer.advance(steps).unwrap()).collect();
        assert_eq!(trainer.done(), cuts.iter().sum::<u64>());
        (records, state(&trainer))
    };
    let whole = run(&[24]);
    assert!(whole == run(&[24]), "the same run again ends elsewhere");
    assert!(whole == run(&[1; 24]), "steps one by one end elsewhere");
    assert!(whole == run(&[5, 1, 18]), "uneven pieces end elsewhere");
    assert_eq!(whole.0.iter().map(|record| record.step).collect::<Vec<_>>(), (0..24).collect::<Vec<_>>());
}

#[test]
fn other_seeds_lead_elsewhere() {
    let gpu = common::gpu();
    let end = |seeds: Seeds| {
        let mut trainer = trainer(&gpu, Setup { seeds, ..setup(&KleinGordon::DEFAULT, Sampling::Resampled) });
        trainer.advance(3).unwrap();
        state(&trainer)[0].clone()
    };
    let base = end(SEEDS);
    assert_ne!(base, end(Seeds { initial: 1, ..SEEDS }));
    assert_ne!(base, end(Seeds { sample: 1, ..SEEDS }));
}

/// Several seeds on the kernels of one: nothing of the run before may be left, not even where that one left the
/// finite numbers.
#[test]
fn a_restarted_trainer_has_the_bits_of_a_new_one() {
    const OTHER: Seeds = Seeds::of(7);
    const FAST: Schedule = Schedule::Constant { rate: 3e-3 };
    let gpu = common::gpu();
    for (problem, sampling) in problems::ALL.iter().zip([Sampling::Resampled, Sampling::Fixed]) {
        let other = Setup { seeds: OTHER, schedule: FAST, steps: 9, ..setup(*problem, sampling) };
        let mut fresh = trainer(&gpu, other);
        let wanted = fresh.advance(6).unwrap();
        let initial = fresh.setup.network.initial(&fresh.setup.shape, OTHER.initial);
        let mut used = trainer(&gpu, setup(*problem, sampling));
        used.advance(8).unwrap();
        let broken = vec![f32::NAN; initial.len()];
        used.restart(SEEDS, SCHEDULE, 20, &broken).unwrap();
        assert!(used.advance(2).is_err(), "NaN parameters must be noticed");
        used.restart(OTHER, FAST, 9, &initial).unwrap();
        assert_eq!(used.advance(6).unwrap(), wanted, "{}", problem.name());
        assert!(state(&used) == state(&fresh), "{}: other bits at the end", problem.name());
    }
}

#[test]
fn the_rate_follows_the_progress_that_is_set() {
    let gpu = common::gpu();
    let mut trainer = trainer(&gpu, setup(&KleinGordon::DEFAULT, Sampling::Resampled));
    trainer.set_progress(0.5);
    let rates: Vec<f32> = trainer.advance(6).unwrap().iter().map(|record| record.rate).collect();
    // warm-up counts steps as ever; halfway down the cosine the rate is the mean of both ends
    for (step, wanted) in [(0, 3.25e-4), (3, 1e-3), (4, 5.5e-4), (5, 5.5e-4)] {
        assert!((rates[step] - wanted).abs() < 1e-9, "step {step}: {}", rates[step]);
    }
}

#[test]
fn fixed_points_stay() {
    let gpu = common::gpu();
    for &problem in problems::ALL {
        let setup = setup(problem, Sampling::Fixed);
        let twin = |(set, (spec, &n)): (usize, (&problems::PointSet, &usize))| {
            let stream = problem.stream(set, Sampling::Fixed) as u32;
            let opposite = problem.opposite(set, Sampling::Fixed);
            let draw = if opposite { sampling::opposite_points } else { sampling::points };
            draw(SEEDS.sample, 0, stream, &spec.regions, n)
        };
        let twin: Vec<f32> = problem.sets().iter().zip(&setup.counts).enumerate().flat_map(twin).collect();
        let mut trainer = trainer(&gpu, setup);
        let mut report = Report::default();
        let before = state(&trainer)[1].clone();
        let drawn: Vec<f32> = before[..twin.len()].iter().map(|&bits| f32::from_bits(bits)).collect();
        report.entries(problem.name(), &drawn, &common::widen(&twin), Tolerance::of_f32(1.0));
        trainer.advance(5).unwrap();
        report.check(state(&trainer)[1] == before, || format!("{}: points moved", problem.name()));
        report.finish();
    }
}
