//! The algebra of derivative streams on the device: elementwise functions, products and their adjoints, for
//! every jet. Wanted numbers come from nested duals in f64, so no formula is stated twice; adjointness
//! ⟨Jv, w⟩ = ⟨v, Jᵀw⟩ is checked between kernels alone.

use crate::error::Result;
use crate::gpu::{Gpu, Part};
use crate::kernels::jets;
use crate::kernels::prelude::{Prelude, shader};
use crate::math::{Dual, Jet, MultiIndex, Real};

use super::compute::evaluate;
use super::fields::{Field, Nested, indices, padded, streams, streams_of_units, unpadded};
use super::report::{Report, Tolerance, norm, widen};

/// Constants of the generalised Laplacian: all different, of both signs.
const LAPLACIAN: [f64; 5] = [-1.5, 0.75, 1.25, -0.5, 2.0];
const SLOPES: [f64; 5] = [2.0, 0.5, 1.0, 4.0, 0.25];
const CASES: usize = 64;

/// A fourth derivative is a sum of up to fifteen products of both signs.
fn rounding(jet: Jet) -> Tolerance {
    Tolerance::of_f32(if jet.order() > 3 { 64.0 } else { 32.0 })
}

/// Outputs of the kernel, in its order.
const RESULTS: [&str; 9] = [
    "tanh",
    "sigmoid",
    "multiply",
    "tanh adjoint",
    "sigmoid adjoint",
    "multiply adjoint",
    "inner",
    "tanh tangent",
    "sigmoid tangent",
];
/// Maps that are their own kind of linear: (tangent Jv, v is b instead of a, adjoint Jᵀw), as indices of [`RESULTS`].
const ADJOINTS: [(&str, usize, usize, usize); 3] =
    [("tanh adjointness", 7, 1, 3), ("sigmoid adjointness", 8, 1, 4), ("multiply adjointness", 2, 0, 5)];

const KERNEL: &str = "
@group(0) @binding(0) var<storage, read> inputs: array<Jet>;          // [case] a, b, cotangent
@group(0) @binding(1) var<storage, read_write> results: array<Jet>;   // [case][RESULTS]

// φ′, whose chain is the slope field φ′(u): its product with v is the motion of φ(u) along v. Of a jet of fourth order that
// takes φ⁗′, which no kernel of a step asks for.
fn slope_of(f: Derivatives, f5: f32) -> Derivatives { return Derivatives(f.f1, f.f2, f.f3, f.f4, f5); }
fn tanh_fifth(f: Derivatives) -> f32 {
    let y = f.f0 * f.f0;
    return 8.0 * f.f1 * (2.0 + 15.0 * y * (y - 1.0));
}
fn sigmoid_fifth(f: Derivatives) -> f32 { return f.f3 * (1.0 - 12.0 * f.f1) - 12.0 * f.f2 * f.f2; }

@compute @workgroup_size(64)
fn algebra(@builtin(global_invocation_id) id: vec3u) {
    let a = inputs[3u * id.x];
    let b = inputs[3u * id.x + 1u];
    let bar = inputs[3u * id.x + 2u];
    let t = tanh_derivatives(value(a));
    let s = sigmoid_derivatives(value(a));
    let at = RESULTS * id.x;
    results[at] = tanh_jet(a);
    results[at + 1u] = sigmoid_jet(a);
    results[at + 2u] = multiply(a, b);
    results[at + 3u] = tanh_adjoint(tanh_jet(a), bar);
    results[at + 4u] = sigmoid_adjoint(sigmoid_jet(a), bar);
    results[at + 5u] = multiply_adjoint(b, bar);
    results[at + 6u] = from_value(inner(a, b));
    results[at + 7u] = multiply(chain(slope_of(t, tanh_fifth(t)), a), b);
    results[at + 8u] = multiply(chain(slope_of(s, sigmoid_fifth(s)), a), b);
}
";

/// A jet's constants and what its streams are made of.
struct Algebra {
    jet: Jet,
    laplacian: &'static [f64],
    /// For each stream a field that has only this one.
    units: Vec<Field<f64>>,
}

impl Algebra {
    fn new(jet: Jet) -> Self {
        let laplacian = &LAPLACIAN[..jet.axes()];
        let matrix = streams_of_units(jet, laplacian);
        let count = indices(jet.axes()).len();
        let unit = |stream: usize| {
            let only = |row: &Vec<f64>| row.iter().enumerate().all(|(s, &x)| (x != 0.0) == (s == stream));
            let which = matrix.iter().position(only).expect("every stream has a field of its own");
            let mut field = Field(vec![0.0; count]);
            field.0[which] = 1.0 / matrix[which][stream];
            field
        };
        Self { jet, laplacian, units: (0..jet.streams()).map(unit).collect() }
    }

    fn streams<T: Real>(&self, f: impl Fn(&[Nested<T>]) -> Nested<T>) -> Vec<T> {
        streams(self.jet, self.laplacian, f)
    }

    /// Jᵀ w entry by entry: (Jᵀ w)ₛ = ⟨J eₛ, w⟩, where J eₛ is the motion of `f` as its argument moves along stream s.
    fn adjoint(
        &self,
        argument: &Field<f64>,
        w: &[f64],
        f: impl Fn(Nested<Dual<f64>>, &[Nested<Dual<f64>>]) -> Nested<Dual<f64>>,
    ) -> Vec<f64> {
        let motion = |unit: &Field<f64>| {
            let a = argument.moving(unit);
            self.streams(|x| f(a.at(x), x)).iter().zip(w).map(|(m, w)| m.tangent * w).sum()
        };
        self.units.iter().map(motion).collect()
    }

    fn wanted(&self, u: &Field<f64>, v: &Field<f64>, w: &[f64]) -> [Vec<f64>; RESULTS.len()] {
        let still = v.moving(&Field(vec![0.0; v.0.len()]));
        let one = Nested::<f64>::constant(1.0);
        let own = |field: &Field<f64>| self.streams(|x| field.at(x));
        let mut inner = vec![0.0; self.jet.streams()];
        inner[0] = own(u).iter().zip(own(v)).map(|(a, b)| a * b).sum();
        [
            self.streams(|x| u.at(x).tanh()),
            self.streams(|x| u.at(x).sigmoid()),
            self.streams(|x| u.at(x) * v.at(x)),
            self.adjoint(u, w, |a, _| a.tanh()),
            self.adjoint(u, w, |a, _| a.sigmoid()),
            self.adjoint(u, w, |a, x| a * still.at(x)),
            inner,
            self.streams(|x| {
                let y = u.at(x).tanh();
                (one - y * y) * v.at(x)
            }),
            self.streams(|x| {
                let y = u.at(x).sigmoid();
                y * (one - y) * v.at(x)
            }),
        ]
    }
}

/// Emitted jets of every kind that problems ask for: one to five axes, orders one to four, full and sparse, with a generalised
/// Laplacian and without, and the sets of the hand-written ones.
pub fn emitted() -> Vec<Jet> {
    let full = |axes: usize, order: usize| {
        let all = indices(axes).into_iter().filter(|index| index.len() <= order);
        all.map(|index| MultiIndex::of(&index)).collect::<Vec<_>>()
    };
    let of = |needs: &[&[usize]]| needs.iter().map(|axes| MultiIndex::of(axes)).collect::<Vec<_>>();
    let squares = |axes: usize| (0..axes).map(|axis| MultiIndex::of(&[axis, axis])).collect::<Vec<_>>();
    let all: [(Vec<MultiIndex>, &[usize]); 23] = [
        // one axis
        (of(&[&[]]), &[]),
        (full(1, 1), &[]),
        (full(1, 2), &[]),
        (full(1, 3), &[]),
        (full(1, 4), &[]),
        (Vec::new(), &[0]),
        // two: the sets of `gradient` and `second`; Korteweg–de Vries; a plate; wave and beam; a mixed derivative alone
        (full(2, 1), &[]),
        (Vec::new(), &[0, 1]),
        (full(2, 2), &[]),
        (full(2, 3), &[]),
        (full(2, 4), &[]),
        (of(&[&[0, 0, 0], &[1]]), &[]),
        (of(&[&[0, 0, 0, 0], &[0, 0, 1, 1], &[1, 1, 1, 1]]), &[]),
        (of(&[&[0, 0, 0, 0], &[1, 1]]), &[]),
        (of(&[&[0, 1]]), &[]),
        // a Laplacian of one axis beside higher derivatives along the other
        (of(&[&[1, 1, 1]]), &[0]),
        // three: Poisson, all second derivatives, heat in two dimensions
        (Vec::new(), &[0, 1, 2]),
        (full(3, 2), &[]),
        (of(&[&[2]]), &[0, 1]),
        // four and five
        (full(4, 2), &[]),
        (squares(4), &[]),
        (squares(5), &[]),
        (Vec::new(), &[0, 1, 2, 3, 4]),
    ];
    all.into_iter()
        .map(|(needs, laplacian)| Jet::emitted(&needs, laplacian).expect("at most sixteen streams"))
        .collect()
}

/// Every operation on `jet`, a report for each.
pub fn check(gpu: &Gpu, jet: Jet) -> Result<Vec<(&'static str, Report)>> {
    let algebra = Algebra::new(jet);
    let field = |case, which| Field::random(jet.axes(), case, which);
    let cotangent = |case| field(case, 2).0[..jet.streams()].to_vec();
    let own = |field: Field<f64>| algebra.streams(|x| field.at(x));
    let inputs: Vec<[Vec<f64>; 3]> =
        (0..CASES).map(|case| [own(field(case, 0)), own(field(case, 1)), cotangent(case)]).collect();
    let got = on_device(gpu, &algebra, &inputs)?;
    let mut reports: Vec<(&str, Report)> = RESULTS.map(|name| (name, Report::default())).into();
    let mut adjointness: Vec<(&str, Report)> = ADJOINTS.map(|(name, ..)| (name, Report::default())).into();
    for (case, got) in got.chunks(RESULTS.len() * jet.numbers()).enumerate() {
        let results: Vec<Vec<f32>> = got.chunks(jet.numbers()).map(|result| unpadded(jet, result)).collect();
        let w = cotangent(case);
        let wanted = algebra.wanted(&field(case, 0), &field(case, 1), &w);
        for ((name, report), (got, wanted)) in reports.iter_mut().zip(results.iter().zip(&wanted)) {
            report.entries(format_args!("{} {name}, case {case}, stream ", jet.name()), got, wanted, rounding(jet));
        }
        for ((name, report), (_, tangent, v, adjoint)) in adjointness.iter_mut().zip(ADJOINTS) {
            let (jv, jtw, v) = (widen(&results[tangent]), widen(&results[adjoint]), &inputs[case][v]);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let scale = (norm(&jv) * norm(&w)).max(norm(v) * norm(&jtw)).max(f64::MIN_POSITIVE);
            report.number(
                format_args!("{} {name}, case {case}", jet.name()),
                dot(v, &jtw),
                dot(&jv, &w),
                scale,
                rounding(jet),
            );
        }
    }
    reports.extend(adjointness);
    Ok(reports)
}

/// The texts of a kernel `algebra` that does all operations on `jet`.
pub fn texts(jet: Jet) -> Vec<Part> {
    let mut prelude = Prelude::default();
    prelude.f32s("SLOPES", &SLOPES[..jet.axes()]).f32s("LAPLACIAN", &LAPLACIAN[..jet.axes()]);
    prelude.u32("RESULTS", RESULTS.len());
    let own = [shader("math"), jets::part(jet), shader("ops/tanh"), shader("ops/sigmoid"), Part::new("lab", KERNEL)];
    std::iter::once(prelude.part()).chain(own).collect()
}

fn on_device(gpu: &Gpu, algebra: &Algebra, inputs: &[[Vec<f64>; 3]]) -> Result<Vec<f32>> {
    let jet = algebra.jet;
    let flat: Vec<f32> = inputs.iter().flatten().flat_map(|streams| padded(jet, streams)).collect();
    let inputs = gpu.storage_with("inputs", &flat)?;
    evaluate(gpu, "algebra", &texts(jet), &[("inputs", &inputs)], CASES * RESULTS.len() * jet.numbers(), CASES)
}
