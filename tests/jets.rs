//! The algebra of derivative streams on the device: elementwise functions, products and their adjoints, for
//! every order. Wanted numbers come from nested duals in f64, so no formula is stated twice.

mod common;

use acr_pinn_gpu::gpu::{Gpu, Kernel, Part};
use acr_pinn_gpu::math::{Dual, Jet, Real, rng};
use acr_pinn_gpu::plans::prelude::{Prelude, shader};
use common::{Report, Tolerance};

/// Axes of the jet that has most.
const AXES: usize = 5;
/// Constants of the generalised Laplacian: neither equal nor of equal sign.
const LAPLACIAN: [f64; AXES] = [-1.5, 0.75, 1.25, -0.5, 2.0];
const CASES: usize = 64;
/// Outputs of the kernel, in its order.
const RESULTS: [&str; 7] =
    ["tanh", "sigmoid", "multiply", "tanh adjoint", "sigmoid adjoint", "multiply adjoint", "inner"];

const KERNEL: &str = "
@group(0) @binding(0) var<storage, read> inputs: array<Jet>;          // [case] a, b, cotangent
@group(0) @binding(1) var<storage, read_write> results: array<Jet>;   // [case][RESULTS]

@compute @workgroup_size(64)
fn algebra(@builtin(global_invocation_id) id: vec3u) {
    let a = inputs[3u * id.x];
    let b = inputs[3u * id.x + 1u];
    let bar = inputs[3u * id.x + 2u];
    let at = RESULTS * id.x;
    results[at] = chain(tanh_derivatives(value(a)), a);
    results[at + 1u] = chain(sigmoid_derivatives(value(a)), a);
    results[at + 2u] = multiply(a, b);
    results[at + 3u] = chain_adjoint(tanh_derivatives(value(a)), a, bar);
    results[at + 4u] = chain_adjoint(sigmoid_derivatives(value(a)), a, bar);
    results[at + 5u] = multiply_adjoint(b, bar);
    results[at + 6u] = from_value(inner(a, b));
}
";

/// Three levels of duals over T: every derivative up to the third order.
type Nested<T> = Dual<Dual<Dual<T>>>;
/// The coordinates.
type At<T> = [Nested<T>; AXES];

fn lift<T: Real>(x: T) -> Nested<T> {
    let zero = T::constant(0.0);
    let second = |x| Dual::new(x, zero);
    Dual::new(Dual::new(second(x), second(zero)), Dual::new(second(zero), second(zero)))
}

/// A scalar field around the origin by its derivatives: f = Σ d_p Π xᵢ^pᵢ / pᵢ!.
#[derive(Clone, Copy)]
struct Polynomial<T>([T; POWERS.len()]);

/// The exponents p of each entry of a [`Polynomial`]: all of order three in two coordinates; slopes and squares, and
/// some mixed terms, in the others.
const POWERS: [[usize; AXES]; 19] = [
    [0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0],
    [0, 1, 0, 0, 0],
    [2, 0, 0, 0, 0],
    [1, 1, 0, 0, 0],
    [0, 2, 0, 0, 0],
    [3, 0, 0, 0, 0],
    [2, 1, 0, 0, 0],
    [1, 2, 0, 0, 0],
    [0, 3, 0, 0, 0],
    [0, 0, 1, 0, 0],
    [0, 0, 0, 1, 0],
    [0, 0, 0, 0, 1],
    [0, 0, 2, 0, 0],
    [0, 0, 0, 2, 0],
    [0, 0, 0, 0, 2],
    [1, 0, 1, 0, 0],
    [0, 1, 0, 1, 0],
    [0, 0, 0, 1, 1],
];

impl<T: Real> Polynomial<T> {
    fn at(&self, x: At<T>) -> Nested<T> {
        let one = Nested::<T>::constant(1.0);
        let power = |z: Nested<T>, n: usize| (0..n).fold(one, |product, _| product * z);
        let factorial = [1.0, 1.0, 2.0, 6.0];
        self.0.iter().zip(POWERS).fold(Nested::constant(0.0), |sum, (d, powers)| {
            let weight = powers.iter().map(|&p| 1.0 / factorial[p]).product();
            let monomial = x.into_iter().zip(powers).fold(one, |product, (x, p)| product * power(x, p));
            sum + lift(*d) * Nested::constant(weight) * monomial
        })
    }
}

/// ∂ along `axes` (at most three) of `f` at the origin.
fn derivative<T: Real>(f: &impl Fn(At<T>) -> Nested<T>, axes: &[usize]) -> T {
    let seed = |axis: usize, level: usize| T::constant(if axes.get(level) == Some(&axis) { 1.0 } else { 0.0 });
    let zero = T::constant(0.0);
    let y = f(std::array::from_fn(|axis| {
        let first = Dual::new(zero, seed(axis, 0));
        let second = Dual::new(first, Dual::new(seed(axis, 1), zero));
        Dual::new(second, Dual::new(Dual::new(seed(axis, 2), zero), Dual::new(zero, zero)))
    }));
    match axes.len() {
        0 => y.value.value.value,
        1 => y.value.value.tangent,
        2 => y.value.tangent.tangent,
        _ => y.tangent.tangent.tangent,
    }
}

/// The streams of `f` at the origin, by their definition.
fn streams<T: Real>(jet: Jet, f: impl Fn(At<T>) -> Nested<T>) -> Vec<T> {
    let d = |axes: &[usize]| derivative(&f, axes);
    let axes = match jet {
        Jet::Value => 0,
        Jet::Second5d => AXES,
        _ => 2,
    };
    let mut streams = vec![d(&[])];
    streams.extend((0..axes).map(|axis| d(&[axis])));
    match jet {
        Jet::Value | Jet::Gradient => {}
        Jet::Second | Jet::Second5d => {
            let terms = (0..axes).map(|axis| T::constant(LAPLACIAN[axis]) * d(&[axis, axis]));
            streams.push(terms.fold(T::constant(0.0), |sum, term| sum + term));
        }
        Jet::Third => streams.extend([
            d(&[0, 0]),
            d(&[0, 1]),
            d(&[1, 1]),
            d(&[0, 0, 0]) + d(&[0, 1, 1]),
            d(&[0, 0, 1]) + d(&[1, 1, 1]),
        ]),
    }
    streams
}

/// A field whose only stream that is not zero is number `stream`, where it is one.
fn unit(jet: Jet, stream: usize) -> [f64; POWERS.len()] {
    let mut d = [0.0; POWERS.len()];
    match (jet, stream) {
        (Jet::Second, 3) | (Jet::Second5d, 6) => d[3] = 1.0 / LAPLACIAN[0],
        // the slopes along the axes after the first two
        (Jet::Second5d, 3..=5) => d[stream + 7] = 1.0,
        (Jet::Third, 6) => d[6] = 1.0,
        (Jet::Third, 7) => d[9] = 1.0,
        _ => d[stream] = 1.0,
    }
    d
}

/// Entries on a grid of 1/64: products with small integers stay exact, so the streams are the same in f32.
fn random(case: usize, which: usize) -> [f64; POWERS.len()] {
    std::array::from_fn(|i| {
        let words = rng::philox([case as u32, which as u32, i as u32, 77], [1, 2]);
        f64::from((words[0] % 193) as i32 - 96) / 64.0
    })
}

/// A jet as the device stores it: a vec3f takes the room of a vec4f, and seven streams that of eight.
fn stride(jet: Jet) -> usize {
    if jet == Jet::Value { 1 } else { jet.streams().next_multiple_of(4) }
}

fn on_device(gpu: &Gpu, jet: Jet, inputs: &[Vec<f64>]) -> Vec<f32> {
    let mut prelude = Prelude::default();
    prelude.f32s("SLOPES", &[2.0, 0.5, 1.0, 1.0, 1.0]).f32s("LAPLACIAN", &LAPLACIAN).u32("RESULTS", RESULTS.len());
    let order = shader(&format!("jets/{}", jet.name()));
    let parts = [prelude.part(), shader("math"), order, Part::new("test", KERNEL)];
    let kernel = Kernel::link(gpu, "algebra", &parts).unwrap_or_else(|error| panic!("{error}"));
    let padded: Vec<f32> = inputs
        .iter()
        .flat_map(|jet_streams| (0..stride(jet)).map(|s| jet_streams.get(s).map_or(0.0, |&x| x as f32)))
        .collect();
    let count = CASES * RESULTS.len() * stride(jet);
    let inputs = gpu.storage_with("inputs", &padded).unwrap();
    let results = gpu.storage_with("results", &vec![f32::NAN; count]).unwrap();
    let bound = kernel.bind(gpu, &[("inputs", &inputs), ("results", &results)]).unwrap();
    gpu.submit(&[bound.threads(CASES as u32)], 1);
    gpu.read(&results, count).unwrap()
}

/// A field that moves along another: the tangent of the innermost dual is the derivative of the motion.
fn moving(base: [f64; POWERS.len()], along: [f64; POWERS.len()]) -> Polynomial<Dual<f64>> {
    Polynomial(std::array::from_fn(|i| Dual::new(base[i], along[i])))
}

/// Jᵀ w entry by entry: (Jᵀ w)ₛ = ⟨J eₛ, w⟩, where J eₛ is the motion of `f` as its argument moves along stream s.
fn adjoint(
    jet: Jet,
    argument: [f64; POWERS.len()],
    w: &[f64],
    f: impl Fn(Nested<Dual<f64>>, At<Dual<f64>>) -> Nested<Dual<f64>>,
) -> Vec<f64> {
    (0..jet.streams())
        .map(|s| {
            let a = moving(argument, unit(jet, s));
            let moved = streams(jet, |x| f(a.at(x), x));
            moved.iter().zip(w).map(|(m, w)| m.tangent * w).sum()
        })
        .collect()
}

fn wanted(jet: Jet, a: [f64; POWERS.len()], b: [f64; POWERS.len()], w: &[f64]) -> [Vec<f64>; RESULTS.len()] {
    let (u, v) = (Polynomial(a), Polynomial(b));
    let still = moving(b, [0.0; POWERS.len()]);
    let own = |field: Polynomial<f64>| streams(jet, |x| field.at(x));
    let inner: f64 = own(u).iter().zip(own(v)).map(|(a, b)| a * b).sum();
    let mut scalar = vec![0.0; jet.streams()];
    scalar[0] = inner;
    [
        streams(jet, |x| u.at(x).tanh()),
        streams(jet, |x| u.at(x).sigmoid()),
        streams(jet, |x| u.at(x) * v.at(x)),
        adjoint(jet, a, w, |a, _| a.tanh()),
        adjoint(jet, a, w, |a, _| a.sigmoid()),
        adjoint(jet, a, w, |a, x| a * still.at(x)),
        scalar,
    ]
}

#[test]
fn every_order_agrees_with_nested_duals() {
    let (gpu, mut report) = (common::gpu(), Report::default());
    for jet in Jet::ALL {
        let fields = |case| [random(case, 0), random(case, 1)];
        let cotangent = |case| random(case, 2)[..jet.streams()].to_vec();
        let inputs: Vec<Vec<f64>> = (0..CASES)
            .flat_map(|case| {
                let [a, b] = fields(case).map(|d| streams(jet, |x| Polynomial(d).at(x)));
                [a, b, cotangent(case)]
            })
            .collect();
        let got = on_device(&gpu, jet, &inputs);
        for (case, got) in got.chunks(RESULTS.len() * stride(jet)).enumerate() {
            let [a, b] = fields(case);
            let wanted = wanted(jet, a, b, &cotangent(case));
            for ((got, wanted), name) in got.chunks(stride(jet)).zip(&wanted).zip(RESULTS) {
                let place = format!("{} {name}, case {case}", jet.name());
                report.entries(&place, &got[..jet.streams()], wanted, Tolerance::of_f32(32.0));
                let padding = &got[jet.streams()..];
                let clean = jet != Jet::Second5d || padding == [0.0];
                report.check(clean, || format!("{place}: {padding:?} in the unused place"));
            }
        }
    }
    report.finish();
}
