//! Points and data on the device: the sampler against its host twin, the known right-hand sides against the
//! problems in f64, and the elementary functions they are made of over their whole range.

mod common;

use acr_pinn_gpu::gpu::{Gpu, Kernel, Part};
use acr_pinn_gpu::kernels::Fused;
use acr_pinn_gpu::kernels::prelude::{Prelude, shader};
use acr_pinn_gpu::kernels::{Setup, Step, default_tile};
use acr_pinn_gpu::lab::equations;
use acr_pinn_gpu::math::rng::Seeds;
use acr_pinn_gpu::math::{Real, Schedule, Var, Variant, sampling};
use acr_pinn_gpu::networks::{Mlp, Network};
use acr_pinn_gpu::optimisers::Optimisation;
use acr_pinn_gpu::oracle;
use acr_pinn_gpu::problems::{self, Burgers, FieldDerivatives, Helmholtz, KleinGordon, Problem};
use acr_pinn_gpu::strategies::Sum;
use common::{Report, Tolerance};
use std::f64::consts::PI;

const COUNTS: [usize; 3] = [777, 53, 50];

/// As many numbers of points as `problem` has sets.
fn counts(problem: &dyn Problem) -> Vec<usize> {
    COUNTS.into_iter().cycle().take(problem.sets().len()).collect()
}

/// A seed of which both words matter.
const SEEDS: Seeds = Seeds { initial: 1, sample: 0x0123_4567_89ab_cdef, order: 3 };

/// The smallest step of `problem`: what is tested here does not depend on the network.
fn setup(problem: &'static dyn Problem) -> Setup<'static> {
    Setup {
        problem,
        network: &Mlp,
        shape: oracle::shape(problem, 4, 1, Variant::V2),
        strategy: &Sum,
        optimiser: Optimisation::default(),
        counts: counts(problem),
        resampled: true,
        schedule: Schedule::Constant { rate: 1e-3 },
        steps: 1,
        seeds: SEEDS,
        orders: None,
    }
}

fn build(gpu: &Gpu, setup: &Setup) -> Step {
    let tile = default_tile(gpu, setup);
    Step::build(gpu, setup, &Fused, &tile).unwrap_or_else(|error| panic!("{error}"))
}

/// The points of step number `done`, set after set.
fn draw(gpu: &Gpu, step: &Step, problem: &dyn Problem, done: u32) -> Vec<Vec<f32>> {
    gpu.write(&step.control, &[done]);
    gpu.write(&step.points, &vec![f32::NAN; (step.points.size() / 4) as usize]);
    gpu.submit(std::slice::from_ref(&step.sample), 1);
    let (counts, axes) = (counts(problem), problem.axes().len());
    let all: Vec<f32> = gpu.read(&step.points, counts.iter().sum::<usize>() * axes).unwrap();
    let mut rest = all.as_slice();
    counts
        .iter()
        .map(|count| {
            let (set, others) = rest.split_at(count * axes);
            rest = others;
            set.to_vec()
        })
        .collect()
}

#[test]
fn points_are_those_of_the_host_twin() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    for &problem in problems::ALL {
        let step = build(&gpu, &setup(problem));
        let axes = problem.axes().len();
        let mut seen = Vec::new();
        for done in [0, 1, 70_000] {
            let drawn = draw(&gpu, &step, problem, done);
            for ((set, points), (number, count)) in
                problem.sets().iter().zip(&drawn).zip(counts(problem).into_iter().enumerate())
            {
                let place = format!("{} `{}` step {done}", problem.name(), set.name);
                let twin = sampling::points(SEEDS.sample, done, number as u32, &set.regions, count);
                report.entries(&place, points, &common::widen(&twin), Tolerance::of_f32(1.0));
                check_domain(&mut report, &place, set, points, axes);
                check_strata(&mut report, &place, set, points, axes);
            }
            seen.push(drawn);
        }
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            let same = seen[a][0].iter().zip(&seen[b][0]).filter(|(x, y)| x == y).count();
            report.check(same < 5, || format!("{}: {same} coordinates of two steps agree", problem.name()));
        }
        let again = draw(&gpu, &step, problem, 1);
        report.check(again == seen[1], || format!("{}: step 1 was drawn differently again", problem.name()));
    }
    report.finish();
}

/// The first publication has the same times at both ends, as many as there are points there.
#[test]
fn fixed_points_of_burgers_are_opposite_each_other() {
    let gpu = common::gpu();
    let ends = |resampled: bool| -> [Vec<f32>; 2] {
        let setup = Setup { resampled, counts: vec![20, 33, 33, 5], ..setup(&Burgers) };
        let step = build(&gpu, &setup);
        gpu.submit(std::slice::from_ref(&step.sample), 1);
        let points: Vec<f32> = gpu.read(&step.points, 2 * 91).unwrap();
        let times = |first: usize| points[2 * first..][..2 * 33].chunks(2).map(|p| p[1]).collect();
        assert_eq!((points[2 * 20], points[2 * 53]), (-1.0, 1.0));
        [times(20), times(53)]
    };
    let [lower, upper] = ends(false);
    assert!(lower == upper && lower[0] != lower[1], "{lower:?} {upper:?}");
    let [lower, upper] = ends(true);
    assert!(lower.iter().zip(&upper).all(|(a, b)| a != b), "{lower:?} {upper:?}");
}

/// The first publication has the same coordinates on opposite sides.
#[test]
fn fixed_points_of_helmholtz_are_opposite_each_other() {
    let gpu = common::gpu();
    let sides = |resampled: bool| -> Vec<Vec<[f32; 2]>> {
        let setup = Setup { resampled, counts: vec![20, 36], ..setup(&Helmholtz::ONE_FOUR) };
        let step = build(&gpu, &setup);
        gpu.submit(std::slice::from_ref(&step.sample), 1);
        let points: Vec<f32> = gpu.read(&step.points, 2 * 56).unwrap();
        points[2 * 20..].chunks(2 * 9).map(|side| side.chunks(2).map(|p| [p[0], p[1]]).collect()).collect()
    };
    let fixed = sides(false);
    for (side, axis) in [(0, 0), (2, 1)] {
        for (p, other) in fixed[side].iter().zip(&fixed[side + 1]) {
            assert!(p[1 - axis] == other[1 - axis] && p[axis] == -1.0 && other[axis] == 1.0, "{p:?} {other:?}");
        }
    }
    let drawn = sides(true);
    assert!((0..9).all(|k| drawn[0][k][1] != drawn[1][k][1] && drawn[2][k][0] != drawn[3][k][0]), "{drawn:?}");
}

/// Every point lies in its region, ends included.
fn check_domain(report: &mut Report, place: &str, set: &problems::PointSet, points: &[f32], axes: usize) {
    let count = points.len() / axes;
    for (k, point) in points.chunks(axes).enumerate() {
        let region = &set.regions[sampling::region_of(k, count, set.regions.len())];
        let inside = point.iter().zip(region.lower.iter().zip(&region.upper));
        let inside = inside.into_iter().all(|(&x, (&low, &high))| x >= low as f32 && x <= high as f32);
        report.check(inside, || format!("{place}: point {k} = {point:?} lies outside {region:?}"));
    }
}

/// On every free axis each stratum holds one point. A point on the edge of two may be rounded into the next.
fn check_strata(report: &mut Report, place: &str, set: &problems::PointSet, points: &[f32], axes: usize) {
    let count = points.len() / axes;
    for axis in 0..axes {
        let region = |k| &set.regions[sampling::region_of(k, count, set.regions.len())];
        let extent = |k| region(k).upper[axis] - region(k).lower[axis];
        if (0..count).any(|k| extent(k) == 0.0) {
            continue;
        }
        let place_of = |k: usize| (f64::from(points[k * axes + axis]) - region(k).lower[axis]) / extent(k);
        let mut places: Vec<f64> = (0..count).map(|k| place_of(k) * count as f64).collect();
        places.sort_by(f64::total_cmp);
        let slack = 4.0 * f64::from(f32::EPSILON) * count as f64;
        let stray = places.iter().enumerate().find(|&(i, &x)| x < i as f64 - slack || x > (i + 1) as f64 + slack);
        report.check(stray.is_none(), || format!("{place} axis {axis}: stratum {:?}", stray));
    }
}

/// Fields that vanish everywhere.
struct Zero;

impl FieldDerivatives for Zero {
    fn d(&mut self, _field: usize, _axes: &[usize]) -> Var {
        Var::constant(0.0)
    }
}

/// A network of zeros leaves only the data in its residuals: its losses are their mean squares. This reaches
/// the whole way from drawn points to losses.
#[test]
fn data_reach_the_losses() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    for &problem in problems::ALL {
        let step = build(&gpu, &setup(problem));
        let parameters = Mlp.layout(&oracle::shape(problem, 4, 1, Variant::V2)).len;
        common::poison(&gpu, &step);
        step.set_parameters(&gpu, &vec![0.0; parameters]);
        let points = draw(&gpu, &step, problem, 0);
        gpu.submit(&step.gradients, 1);
        let losses: Vec<f32> = gpu.read(&step.ring, step.terms).unwrap();
        for (k, term) in problem.terms().iter().enumerate() {
            let square = |point: &[f64]| {
                problem
                    .residual_of(k, &mut Zero, &problem.data(k, point))
                    .iter()
                    .map(|r| r.value * r.value)
                    .sum::<f64>()
            };
            let mean = |set: &usize| {
                let points = common::widen(&points[*set]);
                points.chunks(problem.axes().len()).map(square).sum::<f64>() / counts(problem)[*set] as f64
            };
            let wanted: f64 = term.sets.iter().map(mean).sum();
            let place = format!("{} `{}`", problem.name(), term.name);
            report.number(&place, losses[k].into(), wanted, wanted.max(1e-6), Tolerance::of_f32(32.0));
        }
    }
    report.finish();
}

/// Forcing and boundary values one by one, up to the longest horizon that is studied.
#[test]
fn data_agree_with_f64() {
    static LONG: KleinGordon = KleinGordon { horizon: 4.0 };
    let (gpu, mut report) = (common::gpu(), Report::default());
    for problem in problems::ALL.iter().copied().chain([&LONG as &'static dyn Problem]) {
        if let Some(found) = equations::check_data(&gpu, problem).unwrap() {
            report.check(found.passed(), || found.failures().join("; "));
        }
    }
    report.finish();
}

const MATH_KERNEL: &str = "
@group(0) @binding(0) var<storage, read> points: array<f32>;
@group(0) @binding(1) var<storage, read_write> results: array<array<f32, 5>>;

@compute @workgroup_size(64)
fn elementary(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= COUNT { return; }
    let x = points[id.x];
    results[id.x] = array<f32, 5>(sin_pi(x), cos_pi(x), hyperbolic_tangent(x), sigmoid(x), exponential(x));
}
";

/// The bounds that shaders/math.wgsl states. They hold with and without fused multiply–adds.
#[test]
fn elementary_functions_keep_their_bounds() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    // dense over the range of the waves, denser near zero, and small numbers of every size
    let wide = (-100_000..=100_000).map(|i| i as f32 * 64e-5);
    let near = (-50_000..=50_000).map(|i| i as f32 * 2e-5);
    let small = (0..1000).map(|i| 10.0_f32.powf(-30.0 + 0.03 * i as f32));
    let x: Vec<f32> = wide.chain(near).chain(small).collect();
    let mut prelude = Prelude::default();
    prelude.u32("COUNT", x.len());
    let parts = [prelude.part(), shader("math"), Part::new("test", MATH_KERNEL)];
    let got: Vec<[f32; 5]> = evaluate(&gpu, "elementary", &parts, &x, x.len(), x.len());
    for (x, got) in x.iter().zip(got) {
        let at = f64::from(*x);
        let (tanh, exp) = (at.tanh(), at.exp());
        let bounds = [
            ("sin_pi", (PI * at).sin(), 1.0, 2e-7),
            ("cos_pi", (PI * at).cos(), 1.0, 2e-7),
            ("tanh", tanh, tanh.abs().max(1e-37), 3.4e-7),
            ("sigmoid", Real::sigmoid(at), 1.0, 2e-7),
            ("exponential", exp, exp, 3e-7),
        ];
        for ((name, wanted, scale, bound), got) in bounds.into_iter().zip(got) {
            report.number(format_args!("{name}({x:e})"), got.into(), wanted, scale, Tolerance::measured(bound, 1.0));
        }
    }
    report.finish();
}

/// Runs a kernel of this file: `points` in, `count` results out, one thread for each of `threads`.
fn evaluate<T: bytemuck::Pod>(
    gpu: &Gpu,
    label: &str,
    parts: &[Part],
    points: &[f32],
    count: usize,
    threads: usize,
) -> Vec<T> {
    let kernel = Kernel::link(gpu, label, parts).unwrap_or_else(|error| panic!("{error}"));
    let points = gpu.storage_with("points", points).unwrap();
    let poison = vec![f32::NAN; count * size_of::<T>() / 4];
    let results = gpu.storage_with("results", &poison).unwrap();
    let bound = kernel.bind(gpu, &[("points", &points), ("results", &results)]).unwrap();
    gpu.submit(&[bound.threads(threads as u32)], 1);
    gpu.read(&results, count).unwrap()
}
