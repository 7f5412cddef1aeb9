//! A problem's shader against the problem in f64: the residual of its differential equation at random jets, the
//! adjoint of that residual, and the known right-hand side of every term. Conditions are shared between problems
//! and are met in whole steps.

use crate::error::Result;
use crate::gpu::{Gpu, Part};
use crate::math::{Real, Var, Variant, sampling, tape};
use crate::networks;
use crate::plans::prelude::{plugin, shader};
use crate::plans::step::common_prelude;
use crate::problems::{FieldDerivatives, Problem};

use super::case::Case;
use super::compute::evaluate;
use super::fields::{Field, indices, padded, streams, streams_of_units, stride};
use super::report::{Report, Tolerance, widen};

const CASES: usize = 64;
/// Points at which right-hand sides are compared.
const POINTS: usize = 2000;
const RESIDUAL: Tolerance = Tolerance::of_f32(32.0);
/// Right-hand sides are made of waves and powers, whose own bounds are a few roundings.
const DATA: Tolerance = Tolerance::of_f32(16.0);

const RESIDUAL_KERNEL: &str = "
struct Answer { r: vec4f, bar: Fields }

@group(0) @binding(0) var<storage, read> inputs: array<Fields>;           // [case]
@group(0) @binding(1) var<storage, read> known: array<vec4f>;             // [case] data, then [case] cotangent
@group(0) @binding(2) var<storage, read_write> results: array<Answer>;    // [case]

@compute @workgroup_size(64)
fn equation(@builtin(global_invocation_id) id: vec3u) {
    let cases = arrayLength(&results);
    if id.x >= cases { return; }
    results[id.x].r = residual(0u, inputs[id.x], known[id.x]);
    results[id.x].bar = residual_adjoint(0u, inputs[id.x], known[cases + id.x]);
}
";

const DATA_KERNEL: &str = "
@group(0) @binding(0) var<storage, read> points: array<f32>;              // [point][axis]
@group(0) @binding(1) var<storage, read_write> results: array<vec4f>;     // [term][point]

@compute @workgroup_size(64)
fn right_hand_sides(@builtin(global_invocation_id) id: vec3u) {
    let count = arrayLength(&points) / AXES;
    if id.x >= count { return; }
    var p: Point;
    for (var axis = 0u; axis < AXES; axis++) { p[axis] = points[id.x * AXES + axis]; }
    for (var term = 0u; term < TERMS; term++) { results[term * count + id.x] = data(term, p); }
}
";

/// Fields whose derivatives are variables of the tape.
struct Taped {
    indices: Vec<Vec<usize>>,
    variables: Vec<Var>,
}

impl FieldDerivatives for Taped {
    fn d(&mut self, field: usize, axes: &[usize]) -> Var {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        let which = self.indices.iter().position(|index| *index == sorted).expect("at most third order");
        self.variables[field * self.indices.len() + which]
    }
}

/// Constants, elementary functions, jets and residual of `problem`, and a kernel around them.
fn parts(problem: &'static dyn Problem, kernel: &'static str) -> Vec<Part> {
    let setup = Case::new(problem, networks::ALL[0], Variant::V2, [4, 1], &[1]).setup();
    let jet = shader(&format!("jets/{}", problem.jet().name()));
    let residual = plugin("residuals", problem.shader_name(), problem.shader());
    vec![common_prelude(&setup).part(), shader("math"), jet, residual, Part::new("lab", kernel)]
}

/// Residual of the differential equation and its adjoint.
pub fn check_residual(gpu: &Gpu, problem: &'static dyn Problem) -> Result<[Report; 2]> {
    let (jet, fields, components) = (problem.jet(), problem.fields().len(), problem.components());
    let laplacian = problem.laplacian();
    let indices = indices(jet.axes());
    // what is known at a point of the domain, and a random cotangent
    let points = widen(&sampling::points(9, 0, 0, &problem.sets()[0].regions, CASES));
    let padded_four =
        |x: &[f64]| -> [f64; 4] { std::array::from_fn(|c| x.get(c).map_or(0.0, |&x| f64::from(x as f32))) };
    let axes = problem.axes().len();
    let data = |case: usize| padded_four(&problem.data(0, &points[case * axes..][..axes]));
    let cotangent = |case| padded_four(&Field::random(jet.axes(), case, 1).0[..components]);
    let at = |case: usize| (0..fields).map(move |f| Field::random(jet.axes(), case, 10 + f));
    let flat = (0..CASES).flat_map(|case| at(case).flat_map(|field| own_streams(problem, &field)).collect::<Vec<_>>());
    let inputs = gpu.storage_with("inputs", &flat.collect::<Vec<f32>>())?;
    let known = (0..CASES).flat_map(data).chain((0..CASES).flat_map(cotangent));
    let known = gpu.storage_with("known", &known.map(|x| x as f32).collect::<Vec<f32>>())?;
    let width = 4 + fields * stride(jet);
    let bound = [("inputs", &inputs), ("known", &known)];
    let got: Vec<f32> = evaluate(gpu, "equation", &parts(problem, RESIDUAL_KERNEL), &bound, CASES * width, CASES)?;
    let matrix = streams_of_units(jet, &laplacian);
    let [mut residuals, mut adjoints] = [Report::default(), Report::default()];
    for (case, got) in got.chunks(width).enumerate() {
        let values: Vec<f64> = at(case).flat_map(|field| field.0).collect();
        let mut taped = Taped { indices: indices.clone(), variables: tape::reset(&values) };
        let r = problem.residual(&mut taped, &data(case)[..components]);
        let place = format!("{} case {case}", problem.name());
        for (c, &got) in got[..4].iter().enumerate() {
            let wanted = r.get(c).map_or(0.0, |r| r.value);
            residuals.number(
                format_args!("{place} residual[{c}]"),
                got.into(),
                wanted,
                // terms of the equation that cancel leave their rounding behind
                wanted.abs().max(1.0).max(data(case)[c].abs()),
                RESIDUAL,
            );
        }
        let products = r.iter().zip(cotangent(case)).map(|(r, bar)| *r * Var::constant(bar));
        let wanted = tape::gradient(products.fold(Var::constant(0.0), |sum, p| sum + p), &taped.variables);
        // cotangents of the streams, seen through the derivatives that the streams are made of
        let seen = |bar: &[f32], row: &[f64]| row.iter().zip(bar).map(|(m, &b)| m * f64::from(b)).sum::<f64>() as f32;
        let through: Vec<f32> =
            got[4..].chunks(stride(jet)).flat_map(|bar| matrix.iter().map(move |row| seen(bar, row))).collect();
        adjoints.entries(format_args!("{place} adjoint"), &through, &wanted, RESIDUAL);
    }
    Ok([residuals, adjoints])
}

fn own_streams(problem: &dyn Problem, field: &Field<f64>) -> Vec<f32> {
    padded(problem.jet(), &streams(problem.jet(), &problem.laplacian(), |x| field.at(x)))
}

/// The known right-hand side of every term, over the whole domain.
pub fn check_data(gpu: &Gpu, problem: &'static dyn Problem) -> Result<Report> {
    let (axes, terms) = (problem.axes().len(), problem.terms());
    let flat = sampling::points(9, 0, 0, &problem.sets()[0].regions, POINTS);
    let points = gpu.storage_with("points", &flat)?;
    let parts = parts(problem, DATA_KERNEL);
    let bound = [("points", &points)];
    let got: Vec<[f32; 4]> = evaluate(gpu, "right_hand_sides", &parts, &bound, terms.len() * POINTS, POINTS)?;
    let mut report = Report::default();
    for (k, term) in terms.iter().enumerate() {
        let wanted: Vec<Vec<f64>> = widen(&flat).chunks(axes).map(|point| problem.data(k, point)).collect();
        for component in 0..problem.components_of(k) {
            let got: Vec<f32> = got[k * POINTS..][..POINTS].iter().map(|all| all[component]).collect();
            let wanted: Vec<f64> = wanted.iter().map(|data| data[component]).collect();
            let place = format_args!("{} `{}` component {component}, point ", problem.name(), term.name);
            report.entries(place, &got, &wanted, DATA);
        }
    }
    Ok(report)
}
