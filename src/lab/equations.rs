//! A problem's shaders against the problem in f64: the residual of its differential equation and of its conditions
//! at random jets, the adjoints of those residuals, and the known right-hand side of every term.

use crate::error::Result;
use crate::gpu::{Gpu, Part};
use crate::kernels::Setup;
use crate::kernels::prelude::{Prelude, shader};
use crate::kernels::step::common_prelude;
use crate::kernels::{jets, residuals};
use crate::math::{Jet, Real, Var, Variant, sampling, tape};
use crate::networks;
use crate::problems::{Carried, FieldDerivatives, Problem};

use super::case::Case;
use super::compute::evaluate;
use super::fields::{Field, indices, padded, streams, streams_of_units, unpadded};
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
@group(0) @binding(1) var<storage, read> known: array<vec4f>;             // [term][case] data, then so cotangents
@group(0) @binding(2) var<storage, read_write> results: array<Answer>;    // [term][case]

@compute @workgroup_size(64)
fn equation(@builtin(global_invocation_id) id: vec3u) {
    let cases = arrayLength(&inputs);
    let all = arrayLength(&results);
    if id.x >= all { return; }
    let term = LAB_TERMS[id.x / cases];
    let fields = inputs[id.x % cases];
    results[id.x].r = residual(term, fields, known[id.x]);
    results[id.x].bar = residual_adjoint(term, fields, known[id.x], known[all + id.x]);
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
    /// What unknowns start with.
    unknowns: Vec<f64>,
}

impl FieldDerivatives for Taped {
    fn d(&mut self, field: usize, axes: &[usize]) -> Var {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        let which = self.indices.iter().position(|index| *index == sorted).expect("at most fourth order");
        self.variables[field * self.indices.len() + which]
    }

    fn unknown(&mut self, number: usize) -> Var {
        Var::constant(self.unknowns[number])
    }
}

/// Constants of `problem`, elementary functions, `jet`, a residual and a kernel around them.
fn parts(prelude: &Prelude, jet: Jet, residuals: &[Part], kernel: &'static str) -> Vec<Part> {
    let mut parts = vec![prelude.part(), shader("math"), jets::part(jet)];
    parts.extend_from_slice(residuals);
    parts.push(Part::new("lab", kernel));
    parts
}

/// What the constants of a problem follow from.
fn setup(problem: &'static dyn Problem) -> Setup<'static> {
    Case::new(problem, networks::ALL[0], Variant::V2, [4, 1], &[1]).setup()
}

/// Residuals of the differential equation and their adjoints.
pub fn check_residual(gpu: &Gpu, problem: &'static dyn Problem) -> Result<[Report; 2]> {
    check_terms(gpu, problem, &problem.statement().main)
}

/// The same of every other term, if there are any, on the jet that these travel with in a run.
pub fn check_conditions(gpu: &Gpu, problem: &'static dyn Problem) -> Result<Option<[Report; 2]>> {
    problem.statement().rest.as_ref().map(|rest| check_terms(gpu, problem, rest)).transpose()
}

fn check_terms(gpu: &Gpu, problem: &'static dyn Problem, carried: &Carried) -> Result<[Report; 2]> {
    let (fields, jet, laplacian) = (problem.fields().len(), carried.jet, &carried.laplacian);
    let indices = indices(jet.axes());
    // what is known at a point of the domain, and a random cotangent
    let points = widen(&sampling::points(9, 0, 0, &problem.sets()[0].regions, CASES));
    let padded_four =
        |x: &[f64]| -> [f64; 4] { std::array::from_fn(|c| x.get(c).map_or(0.0, |&x| f64::from(x as f32))) };
    let axes = problem.axes().len();
    // what a file knows at its own points is any number elsewhere
    let known_at = |term: usize, case: usize| -> Vec<f64> {
        let known = problem.data(term, &points[case * axes..][..axes]);
        known.into_iter().map(|x| if x.is_nan() { 0.25 * case as f64 } else { x }).collect()
    };
    let data = |term: usize, case: usize| padded_four(&known_at(term, case));
    let cotangent =
        |term: usize, case| padded_four(&Field::random(jet.axes(), case, 1 + term).0[..problem.components_of(term)]);
    let at = |case: usize| (0..fields).map(move |f| Field::random(jet.axes(), case, 10 + f));
    let own_streams = |field: Field<f64>| padded(jet, &streams(jet, laplacian, |x| field.at(x)));
    let inputs = gpu.storage_with("inputs", &(0..CASES).flat_map(at).flat_map(own_streams).collect::<Vec<f32>>())?;
    let all = || carried.terms.iter().flat_map(|&term| (0..CASES).map(move |case| (term, case)));
    let known = all().flat_map(|(term, case)| data(term, case)).chain(all().flat_map(|(t, case)| cotangent(t, case)));
    let known = gpu.storage_with("known", &known.map(|x| x as f32).collect::<Vec<f32>>())?;
    let stride = jet.numbers();
    // a struct is as large as a multiple of its widest member
    let width = (4 + fields * stride).next_multiple_of(4);
    let bound = [("inputs", &inputs), ("known", &known)];
    let mut prelude = common_prelude(&setup(problem));
    prelude.u32s("LAB_TERMS", &carried.terms);
    let starts: Vec<f64> = problem.unknowns().iter().map(|unknown| unknown.start).collect();
    if !starts.is_empty() {
        prelude.f32s("STARTS", &starts).line(&format!("alias Unknowns = array<f32, {}>;", starts.len()));
        prelude.line("fn unknown(i: u32) -> f32 { return STARTS[i]; }");
    }
    let parts = parts(&prelude, jet, &[residuals::residuals(problem, carried)?], RESIDUAL_KERNEL);
    let count = carried.terms.len() * CASES;
    let got: Vec<f32> = evaluate(gpu, "equation", &parts, &bound, count * width, count)?;
    let matrix = streams_of_units(jet, laplacian);
    let [mut residuals, mut adjoints] = [Report::default(), Report::default()];
    for ((term, case), got) in all().zip(got.chunks(width)) {
        let values: Vec<f64> = at(case).flat_map(|field| field.0).collect();
        let mut taped = Taped { indices: indices.clone(), variables: tape::reset(&values), unknowns: starts.clone() };
        let r = problem.residual_of(term, &mut taped, &data(term, case));
        let place = format!("{} `{}` case {case}", problem.name(), problem.terms()[term].name);
        for (c, &got) in got[..4].iter().enumerate() {
            let wanted = r.get(c).map_or(0.0, |r| r.value);
            residuals.number(
                format_args!("{place} residual[{c}]"),
                got.into(),
                wanted,
                // terms of the equation that cancel leave their rounding behind
                wanted.abs().max(1.0).max(data(term, case)[c].abs()),
                RESIDUAL,
            );
        }
        let products = r.iter().zip(cotangent(term, case)).map(|(r, bar)| *r * Var::constant(bar));
        let wanted = tape::gradient(products.fold(Var::constant(0.0), |sum, p| sum + p), &taped.variables);
        // cotangents of the streams, seen through the derivatives that the streams are made of
        let seen = |bar: &[f32], row: &[f64]| row.iter().zip(bar).map(|(m, &b)| m * f64::from(b)).sum::<f64>() as f32;
        let bars = got[4..][..fields * stride].chunks(stride).map(|bar| unpadded(jet, bar));
        let through: Vec<f32> = bars.flat_map(|bar| matrix.iter().map(move |row| seen(&bar, row))).collect();
        adjoints.entries(format_args!("{place} adjoint"), &through, &wanted, RESIDUAL);
    }
    Ok([residuals, adjoints])
}

/// The known right-hand side of every term, over the whole domain.
///
/// None where nothing is known of any term, or a file says it.
pub fn check_data(gpu: &Gpu, problem: &'static dyn Problem) -> Result<Option<Report>> {
    let equations = &problem.statement().equations;
    if equations.iter().all(|equation| equation.known.is_empty() || equation.measured) {
        return Ok(None);
    }
    let (axes, terms) = (problem.axes().len(), problem.terms());
    let flat = sampling::points(9, 0, 0, &problem.sets()[0].regions, POINTS);
    let points = gpu.storage_with("points", &flat)?;
    let parts = parts(&common_prelude(&setup(problem)), problem.jet(), &[residuals::data(problem)?], DATA_KERNEL);
    let bound = [("points", &points)];
    let got: Vec<[f32; 4]> = evaluate(gpu, "right_hand_sides", &parts, &bound, terms.len() * POINTS, POINTS)?;
    let mut report = Report::default();
    for (k, term) in terms.iter().enumerate().filter(|(k, _)| !equations[*k].measured) {
        let wanted: Vec<Vec<f64>> = widen(&flat).chunks(axes).map(|point| problem.data(k, point)).collect();
        for component in 0..wanted[0].len() {
            let got: Vec<f32> = got[k * POINTS..][..POINTS].iter().map(|all| all[component]).collect();
            let wanted: Vec<f64> = wanted.iter().map(|data| data[component]).collect();
            let place = format_args!("{} `{}` component {component}, point ", problem.name(), term.name);
            report.entries(place, &got, &wanted, DATA);
        }
    }
    Ok(Some(report))
}
