//! The algebra of derivative streams on the device: elementwise functions, products and their adjoints, for
//! every order. Wanted numbers come from nested duals in f64, so no formula is stated twice.

mod common;

use acr_pinn_gpu::gpu::{Gpu, Kernel, Part};
use acr_pinn_gpu::math::{Dual, Jet, Real, rng};
use acr_pinn_gpu::plans::prelude::{Prelude, shader};
use common::{Report, Tolerance};

/// Constants of the generalised Laplacian: neither equal nor of equal sign.
const LAPLACIAN: [f64; 2] = [-1.5, 0.75];
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

/// Three levels of duals over T: every derivative up to the third order in two coordinates.
type Nested<T> = Dual<Dual<Dual<T>>>;

fn lift<T: Real>(x: T) -> Nested<T> {
    let zero = T::constant(0.0);
    let second = |x| Dual::new(x, zero);
    Dual::new(Dual::new(second(x), second(zero)), Dual::new(second(zero), second(zero)))
}

/// A scalar field around the origin by its derivatives ∂ᵢⱼ: f = Σ dᵢⱼ xⁱ yʲ / (i! j!).
#[derive(Clone, Copy)]
struct Cubic<T>([T; 10]);

/// (i, j) of each entry of a [`Cubic`].
const POWERS: [(usize, usize); 10] = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3)];

impl<T: Real> Cubic<T> {
    fn at(&self, x: Nested<T>, y: Nested<T>) -> Nested<T> {
        let one = Nested::<T>::constant(1.0);
        let power = |z: Nested<T>, n: usize| (0..n).fold(one, |product, _| product * z);
        let factorial = [1.0, 1.0, 2.0, 6.0];
        self.0.iter().zip(POWERS).fold(Nested::constant(0.0), |sum, (d, (i, j))| {
            let weight = Nested::constant(1.0 / (factorial[i] * factorial[j]));
            sum + lift(*d) * weight * power(x, i) * power(y, j)
        })
    }
}

/// ∂ along `axes` (at most three) of `f` at the origin.
fn derivative<T: Real>(f: &impl Fn(Nested<T>, Nested<T>) -> Nested<T>, axes: &[usize]) -> T {
    let seed = |axis: usize, level: usize| T::constant(if axes.get(level) == Some(&axis) { 1.0 } else { 0.0 });
    let zero = T::constant(0.0);
    let variable = |axis| {
        let first = Dual::new(zero, seed(axis, 0));
        let second = Dual::new(first, Dual::new(seed(axis, 1), zero));
        Dual::new(second, Dual::new(Dual::new(seed(axis, 2), zero), Dual::new(zero, zero)))
    };
    let y = f(variable(0), variable(1));
    match axes.len() {
        0 => y.value.value.value,
        1 => y.value.value.tangent,
        2 => y.value.tangent.tangent,
        _ => y.tangent.tangent.tangent,
    }
}

/// The streams of `f` at the origin, by their definition.
fn streams<T: Real>(jet: Jet, f: impl Fn(Nested<T>, Nested<T>) -> Nested<T>) -> Vec<T> {
    let d = |axes: &[usize]| derivative(&f, axes);
    let mut streams = vec![d(&[])];
    if jet != Jet::Value {
        streams.extend([d(&[0]), d(&[1])]);
    }
    match jet {
        Jet::Value | Jet::Gradient => {}
        Jet::Second => {
            let [c0, c1] = LAPLACIAN.map(T::constant);
            streams.push(c0 * d(&[0, 0]) + c1 * d(&[1, 1]));
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
fn unit(jet: Jet, stream: usize) -> [f64; 10] {
    let mut d = [0.0; 10];
    match (jet, stream) {
        (Jet::Second, 3) => d[3] = 1.0 / LAPLACIAN[0],
        (Jet::Third, 6) => d[6] = 1.0,
        (Jet::Third, 7) => d[9] = 1.0,
        _ => d[stream] = 1.0,
    }
    d
}

/// Entries on a grid of 1/64: products with small integers stay exact, so the streams are the same in f32.
fn random(case: usize, which: usize) -> [f64; 10] {
    std::array::from_fn(|i| {
        let words = rng::philox([case as u32, which as u32, i as u32, 77], [1, 2]);
        f64::from((words[0] % 193) as i32 - 96) / 64.0
    })
}

/// A jet as the device stores it: a vec3f takes the room of a vec4f.
fn stride(jet: Jet) -> usize {
    if jet == Jet::Gradient { 4 } else { jet.streams() }
}

fn on_device(gpu: &Gpu, jet: Jet, inputs: &[Vec<f64>]) -> Vec<f32> {
    let mut prelude = Prelude::default();
    prelude.f32s("SLOPES", &[2.0, 0.5]).f32s("LAPLACIAN", &LAPLACIAN).u32("RESULTS", RESULTS.len());
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
fn moving(base: [f64; 10], along: [f64; 10]) -> Cubic<Dual<f64>> {
    Cubic(std::array::from_fn(|i| Dual::new(base[i], along[i])))
}

/// Jᵀ w entry by entry: (Jᵀ w)ₛ = ⟨J eₛ, w⟩, where J eₛ is the motion of `f` as its argument moves along stream s.
fn adjoint(
    jet: Jet,
    argument: [f64; 10],
    w: &[f64],
    f: impl Fn(Nested<Dual<f64>>, Nested<Dual<f64>>, Nested<Dual<f64>>) -> Nested<Dual<f64>>,
) -> Vec<f64> {
    (0..jet.streams())
        .map(|s| {
            let a = moving(argument, unit(jet, s));
            let moved = streams(jet, |x, y| f(a.at(x, y), x, y));
            moved.iter().zip(w).map(|(m, w)| m.tangent * w).sum()
        })
        .collect()
}

fn wanted(jet: Jet, a: [f64; 10], b: [f64; 10], w: &[f64]) -> [Vec<f64>; RESULTS.len()] {
    let (u, v) = (Cubic(a), Cubic(b));
    let still = moving(b, [0.0; 10]);
    let own = |field: Cubic<f64>| streams(jet, |x, y| field.at(x, y));
    let inner: f64 = own(u).iter().zip(own(v)).map(|(a, b)| a * b).sum();
    let mut scalar = vec![0.0; jet.streams()];
    scalar[0] = inner;
    [
        streams(jet, |x, y| u.at(x, y).tanh()),
        streams(jet, |x, y| u.at(x, y).sigmoid()),
        streams(jet, |x, y| u.at(x, y) * v.at(x, y)),
        adjoint(jet, a, w, |a, _, _| a.tanh()),
        adjoint(jet, a, w, |a, _, _| a.sigmoid()),
        adjoint(jet, a, w, |a, x, y| a * still.at(x, y)),
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
                let [a, b] = fields(case).map(|d| streams(jet, |x, y| Cubic(d).at(x, y)));
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
            }
        }
    }
    report.finish();
}
