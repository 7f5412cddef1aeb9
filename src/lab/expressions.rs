//! WGSL that was written out from expressions, against the expressions in f64: residuals, adjoints in fields and unknowns,
//! and known values, at random jets and points.

use crate::error::Result;
use crate::expressions::wgsl::{self, Term};
use crate::expressions::{Expr, Known, Leaf, Program, Scope, split};
use crate::gpu::{Gpu, Part};
use crate::kernels::jets;
use crate::kernels::prelude::{Prelude, shader};
use crate::kernels::residuals::Reader;
use crate::math::rng::philox;
use crate::math::{Jet, Real, Var, tape};

use super::compute::evaluate;
use super::report::{Report, Tolerance};

const CASES: usize = 64;
/// Leaves have values of up to this size.
const REACH: f64 = 1.5;

const KERNEL: &str = "
struct Answer { r: vec4f, known: vec4f, unknowns: vec4f, bar: Fields }

@group(0) @binding(0) var<storage, read> inputs: array<Fields>;           // [case]
@group(0) @binding(1) var<storage, read> given: array<vec4f>;             // [case] known values, then cotangents
@group(0) @binding(2) var<storage, read> points: array<f32>;              // [case][axis]
@group(0) @binding(3) var<storage, read_write> results: array<Answer>;    // [case]

@compute @workgroup_size(64)
fn expressions(@builtin(global_invocation_id) id: vec3u) {
    let cases = arrayLength(&inputs);
    if id.x >= cases { return; }
    var p: Point;
    for (var axis = 0u; axis < AXES; axis++) { p[axis] = points[id.x * AXES + axis]; }
    let known = given[id.x];
    let r_bar = given[cases + id.x];
    results[id.x].r = residual(0u, inputs[id.x], known);
    results[id.x].bar = residual_adjoint(0u, inputs[id.x], known, r_bar);
    results[id.x].known = data(0u, p);
    results[id.x].unknowns = of_unknowns(inputs[id.x], known, r_bar);
}
";

/// A random number for one leaf of one case, as binary32 holds it.
fn random(case: usize, kind: usize, which: usize) -> f64 {
    let word = philox([case as u32, kind as u32, which as u32, 0], [17, 4])[0];
    f64::from((REACH * (f64::from(word) / f64::from(u32::MAX / 2) - 1.0)) as f32)
}

/// The number of a leaf among the streams of the jet.
fn place(jet: Jet, leaf: &Leaf) -> Option<usize> {
    jet.number_of(leaf.stream()?)
}

/// What a leaf is in a case.
fn leaf_value(jet: Jet, case: usize, leaf: &Leaf) -> f64 {
    match *leaf {
        Leaf::Axis(axis) => random(case, 0, axis),
        Leaf::Unknown(unknown) => random(0, 1, unknown),
        Leaf::Known(known) => random(case, 2, known),
        Leaf::Cotangent(component) => random(case, 3, component),
        Leaf::Column(_) => unreachable!("columns are not emitted"),
        Leaf::Field { field, .. } | Leaf::Laplacian { field, .. } => {
            random(case, 4 + field, place(jet, leaf).expect("the jet holds it"))
        }
    }
}

/// The parts of the kernel: what a run's prelude would say, `term`, and the kernel around it.
fn parts(term: &Term, scope: &Scope, jet: Jet) -> std::result::Result<Vec<Part>, String> {
    let mut text = wgsl::emit(std::slice::from_ref(term), scope, &Reader(jet))?;
    // in a run the two belong to different kernels, and each names its constants
    let known = wgsl::emit_data(std::slice::from_ref(term), scope)?;
    let named: Vec<&str> = known.lines().filter(|line| !line.starts_with("const ") || !text.contains(line)).collect();
    let known = named.join("\n") + "\n";
    text += &known;
    let mut prelude = Prelude::default();
    prelude.u32("AXES", scope.axes.len()).u32("FIELDS", scope.fields.len());
    prelude.f32s("SLOPES", &[1.0; 5]).f32s("LAPLACIAN", &[1.0; 5]);
    prelude.line("alias Fields = array<Jet, FIELDS>;").line("alias Point = array<f32, AXES>;");
    let count = scope.unknowns.len();
    let unknowns = if count == 0 {
        "fn of_unknowns(u: Fields, data: vec4f, r_bar: vec4f) -> vec4f { return vec4f(); }\n".to_owned()
    } else {
        let values: Vec<String> = (0..count).map(|i| format!("{:?}", random(0, 1, i))).collect();
        let list: Vec<String> = (0..4).map(|i| if i < count { format!("n[{i}]") } else { "0.0".into() }).collect();
        format!(
            "alias Unknowns = array<f32, {count}>;\nconst unknowns = Unknowns({});\n\
             fn unknown(i: u32) -> f32 {{ return unknowns[i]; }}\n\
             fn of_unknowns(u: Fields, data: vec4f, r_bar: vec4f) -> vec4f {{\n    \
             let n = unknowns_adjoint(0u, u, data, r_bar);\n    return vec4f({});\n}}\n",
            values.join(", "),
            list.join(", ")
        )
    };
    let parts = [shader("math"), jets::part(jet), Part::new("residuals", text), Part::new("unknowns", unknowns)];
    Ok([prelude.part()].into_iter().chain(parts).chain([Part::new("lab", KERNEL)]).collect())
}

/// A term of these components (at most four, of at most four unknowns) on a jet that holds all that they need.
///
/// # Errors
/// The adapter refuses the kernel.
///
/// # Panics
/// The term cannot be written out: a mistake of the caller.
pub fn check(gpu: &Gpu, scope: &Scope, components: &[Expr], jet: Jet, tolerance: Tolerance) -> Result<Report> {
    let known = split(components).expect("few known parts");
    let names: Vec<String> = components.iter().map(|component| component.show(scope).to_string()).collect();
    let place = names.join("; ");
    let term = Term { name: "checked", selector: "0u".to_owned(), equations: names, known };
    let parts = parts(&term, scope, jet).unwrap_or_else(|message| panic!("{place}: {message}"));
    let (axes, fields, stride) = (scope.axes.len(), scope.fields.len(), 4 * jet.texels());
    let streams = |case| (0..fields * stride).map(move |i| random(case, 4 + i / stride, i % stride) as f32);
    let four = |kind: usize| (0..CASES).flat_map(move |case| (0..4).map(move |i| random(case, kind, i) as f32));
    let inputs = gpu.storage_with("inputs", &(0..CASES).flat_map(streams).collect::<Vec<_>>())?;
    let given = gpu.storage_with("given", &four(2).chain(four(3)).collect::<Vec<_>>())?;
    let coordinates = (0..CASES).flat_map(|case| (0..axes).map(move |axis| random(case, 0, axis) as f32));
    let points = gpu.storage_with("points", &coordinates.collect::<Vec<_>>())?;
    let bound = [("inputs", &inputs), ("given", &given), ("points", &points)];
    let width = 12 + fields * stride;
    let got: Vec<f32> = evaluate(gpu, "expressions", &parts, &bound, CASES * width, CASES)?;
    let checked = Checked { place, known: &term.known, jet, tolerance };
    let mut report = Report::default();
    for (case, got) in got.chunks(width).enumerate() {
        checked.compare(&mut report, case, got);
    }
    Ok(report)
}

/// What a kernel's answers are compared with.
struct Checked<'a> {
    place: String,
    known: &'a Known,
    jet: Jet,
    tolerance: Tolerance,
}

impl Checked<'_> {
    /// One case: everything relative to its own size, cotangents to the largest of them.
    fn compare(&self, report: &mut Report, case: usize, got: &[f32]) {
        let leaf_value = |leaf: &Leaf| leaf_value(self.jet, case, leaf);
        let columns: Vec<f64> = Program::new(&self.known.columns).evaluate(&mut |leaf: &Leaf| leaf_value(leaf));
        let program = Program::new(&self.known.residuals);
        let leaves: Vec<Leaf> = program.leaves().collect();
        let taped = tape::reset(&leaves.iter().map(leaf_value).collect::<Vec<_>>());
        let place_of = |leaf: &Leaf| leaves.iter().position(|own| own == leaf);
        let r: Vec<Var> = program.evaluate(&mut |leaf: &Leaf| taped[place_of(leaf).expect("it is one of them")]);
        let weighted = |(c, r): (usize, &Var)| *r * Var::constant(leaf_value(&Leaf::Cotangent(c)));
        let product = r.iter().enumerate().map(weighted).fold(Var::constant(0.0), |sum, part| sum + part);
        let bars = tape::gradient(product, &taped);
        let bar = |leaf: &Leaf| place_of(leaf).map_or(0.0, |place| bars[place]);
        let mut number = |what: &str, i: usize, got: f32, wanted: f64, scale: f64| {
            let place = format_args!("{}, case {case}, {what}[{i}]", self.place);
            report.number(place, got.into(), wanted, scale.abs().max(1.0), self.tolerance);
        };
        for i in 0..4 {
            let wanted = r.get(i).map_or(0.0, |r| r.value);
            number("residual", i, got[i], wanted, wanted);
            let wanted = columns.get(i).copied().unwrap_or(0.0);
            number("known", i, got[4 + i], wanted, wanted);
        }
        let largest = bars.iter().fold(1.0_f64, |largest, bar| largest.max(bar.abs()));
        for (i, &got) in got[8..12].iter().enumerate() {
            number("unknown", i, got, bar(&Leaf::Unknown(i)), largest);
        }
        let stride = 4 * self.jet.texels();
        for (i, &got) in got[12..].iter().enumerate() {
            let at = |leaf: &&Leaf| match **leaf {
                Leaf::Field { field, .. } | Leaf::Laplacian { field, .. } => {
                    field == i / stride && place(self.jet, leaf) == Some(i % stride)
                }
                _ => false,
            };
            number("adjoint", i, got, leaves.iter().find(at).map_or(0.0, bar), largest);
        }
    }
}
