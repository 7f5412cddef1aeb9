//! Random numbers and points on the device: words, permutations and orders bit for bit those of the host twin;
//! points one per stratum, inside their regions, and unrelated between axes, sets, steps and seeds.

use crate::error::Result;
use crate::gpu::{Gpu, Part};
use crate::kernels::prelude::shader;
use crate::math::{rng, sampling};
use crate::problems::{PointSet, Problem};

use super::compute::evaluate;
use super::report::{Report, Tolerance, widen};

const KERNEL: &str = "
struct Answer { words: vec4u, image: u32, order: array<u32, MAX_TASKS> }

@group(0) @binding(0) var<storage, read> counters: array<vec4u>;            // counter; w doubles as a range
@group(0) @binding(1) var<storage, read_write> results: array<Answer>;

@compute @workgroup_size(64)
fn numbers(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&counters) { return; }
    let c = counters[id.x];
    results[id.x].words = philox(c, vec2u(c.y, ~c.x));
    results[id.x].image = permute(c.x % c.w, c.w, vec2u(c.y, c.z));
    results[id.x].order = order(vec2u(c.x, c.y), c.z, c.w % MAX_TASKS, 1u + c.x % MAX_TASKS);
}
";

/// Words of Philox, images under the keyed bijection and orders of tasks: exactly those of the host.
pub fn check_numbers(gpu: &Gpu) -> Result<Report> {
    // counters of every size, from another generator's words
    let counter = |i: u32| {
        let [a, b, c, d] = rng::philox([i, 2, 3, 4], [9, 9]);
        [a >> (i % 32), b >> (i / 32 % 32), c, 1 + (d >> (2 + i % 30))]
    };
    let counters: Vec<[u32; 4]> = (0..4096).map(counter).collect();
    let buffer = gpu.storage_with("counters", &counters)?;
    let parts = [shader("rng"), Part::new("lab", KERNEL)];
    const WIDTH: usize = 16; // a vec4u, thirteen words in all, rounded up to the alignment
    let count = counters.len();
    let got: Vec<[u32; WIDTH]> = evaluate(gpu, "numbers", &parts, &[("counters", &buffer)], count, count)?;
    let mut report = Report::default();
    for ([a, b, c, d], got) in counters.into_iter().zip(&got) {
        let words = rng::philox([a, b, c, d], [b, !a]);
        report.check(got[..4] == words, || format!("philox of {:?}: {:?}, wanted {words:?}", [a, b, c, d], &got[..4]));
        let image = rng::permute(a % d, d, [b, c]);
        report.check(got[4] == image, || format!("image of {} in 0..{d}: {}, wanted {image}", a % d, got[4]));
        let tasks = 1 + a as usize % 8;
        let seed = u64::from(a) | u64::from(b) << 32;
        let order: Vec<u32> = rng::order(seed, c, d % 8, tasks).into_iter().map(|task| task as u32).collect();
        report.check(got[5..5 + tasks] == order[..], || format!("order {:?}, wanted {order:?}", &got[5..5 + tasks]));
    }
    Ok(report)
}

/// Points of one step as the sampler drew them, set after set, flat [n, axes].
pub type Drawn = Vec<Vec<f32>>;

/// Points of one step of `problem` against the host twin, and where they lie.
pub fn check_points(report: &mut Report, problem: &dyn Problem, seed: u64, step: u32, drawn: &Drawn) {
    let axes = problem.axes().len();
    for (number, (set, points)) in problem.sets().iter().zip(drawn).enumerate() {
        if problem.given(number, points.len() / axes).is_some() {
            continue;
        }
        let place = format!("{} `{}` step {step}", problem.name(), set.name);
        let twin = sampling::points(seed, step, number as u32, &set.regions, points.len() / axes);
        report.entries(&place, points, &widen(&twin), Tolerance::of_f32(1.0));
        check_domain(report, &place, set, points, axes);
        for axis in 0..axes {
            check_strata(report, &place, set, points, axis, axes);
        }
    }
}

/// Every point lies in its region, ends included.
fn check_domain(report: &mut Report, place: &str, set: &PointSet, points: &[f32], axes: usize) {
    let count = points.len() / axes;
    for (k, point) in points.chunks(axes).enumerate() {
        let region = &set.regions[sampling::region_of(k, count, set.regions.len())];
        let mut inside = point.iter().zip(region.lower.iter().zip(&region.upper));
        let inside = inside.all(|(&x, (&low, &high))| x >= low as f32 && x <= high as f32);
        report.check(inside, || format!("{place}: point {k} = {point:?} lies outside {region:?}"));
    }
}

/// Where points lie between the ends of their regions along `axis`, from 0 to 1; none if the axis is degenerate.
fn fractions(set: &PointSet, points: &[f32], axis: usize, axes: usize) -> Option<Vec<f64>> {
    let count = points.len() / axes;
    let region = |k| &set.regions[sampling::region_of(k, count, set.regions.len())];
    let extent = |k| region(k).upper[axis] - region(k).lower[axis];
    let fraction = |k: usize| (f64::from(points[k * axes + axis]) - region(k).lower[axis]) / extent(k);
    (0..count).all(|k| extent(k) != 0.0).then(|| (0..count).map(fraction).collect())
}

/// On every free axis each stratum holds one point. A point on the edge of two may be rounded into the next.
fn check_strata(report: &mut Report, place: &str, set: &PointSet, points: &[f32], axis: usize, axes: usize) {
    let Some(mut places) = fractions(set, points, axis, axes) else { return };
    let count = places.len();
    places.iter_mut().for_each(|x| *x *= count as f64);
    places.sort_by(f64::total_cmp);
    let reach = set.regions.iter().map(|r| r.lower[axis].abs().max(r.upper[axis].abs())).fold(0.0, f64::max);
    let shortest = set.regions.iter().map(|r| r.upper[axis] - r.lower[axis]).fold(f64::INFINITY, f64::min);
    let slack = 4.0 * f64::from(f32::EPSILON) * count as f64 * (1.0 + reach / shortest);
    let stray = places.iter().enumerate().find(|&(i, &x)| x < i as f64 - slack || x > (i + 1) as f64 + slack);
    report.check(stray.is_none(), || format!("{place} axis {axis}: stratum {stray:?}"));
}

/// Coordinates of different axes, sets and draws are unrelated: no correlation beyond five standard deviations
/// of chance. The numbers are the same on every device, so this passes or fails for ever.
pub fn check_independence(report: &mut Report, problem: &dyn Problem, draws: &[(String, Drawn)]) {
    let axes = problem.axes().len();
    let mut columns: Vec<(String, Vec<f64>)> = Vec::new();
    for (name, drawn) in draws {
        for (number, (set, points)) in problem.sets().iter().zip(drawn).enumerate() {
            // points that the host gives are the same in every step
            let axes = if problem.given(number, points.len() / axes).is_some() { 0 } else { axes };
            for axis in 0..axes {
                let free = fractions(set, points, axis, problem.axes().len());
                columns.extend(free.map(|column| (format!("{name} `{}` axis {axis}", set.name), column)));
            }
        }
    }
    for (i, (a, x)) in columns.iter().enumerate() {
        for (b, y) in &columns[..i] {
            let n = x.len().min(y.len());
            let r = correlation(&x[..n], &y[..n]);
            report.below(
                format_args!("{}: correlation of {a} with {b}", problem.name()),
                r.abs(),
                5.0 / (n as f64).sqrt(),
            );
        }
    }
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let product =
        |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 { x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum() };
    product(x, mx, y, my) / (product(x, mx, x, mx) * product(y, my, y, my)).sqrt()
}
