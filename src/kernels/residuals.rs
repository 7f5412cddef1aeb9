//! The residuals of a problem as WGSL: what its terms say, in the streams that their points carry.

use crate::error::{Error, Result};
use crate::expressions::{Leaf, wgsl};
use crate::gpu::Part;
use crate::math::{Jet, Stream};
use crate::problems::{Carried, Problem};

use super::jets;
use super::prelude::shader;
use super::step::Setup;

/// How residuals read a jet: by its functions where it has some for a stream, so that a text reads like its equation.
pub struct Reader(pub Jet);

impl wgsl::Streams for Reader {
    fn read(&self, leaf: &Leaf) -> Option<String> {
        let (Leaf::Field { field, .. } | Leaf::Laplacian { field, .. }) = leaf else { return None };
        let stream = leaf.stream()?;
        let read = jets::read(self.0, &format!("u[{field}]"), stream)?;
        Some(match stream {
            Stream::VALUE => format!("value(u[{field}])"),
            Stream::Laplacian => format!("laplacian(u[{field}])"),
            _ => match [0, 1].iter().find(|&&axis| stream == Stream::along(&[axis])) {
                Some(axis) => format!("d{axis}(u[{field}])"),
                None => read,
            },
        })
    }

    fn cotangent(&self, bars: &[(Leaf, String)]) -> String {
        if bars.is_empty() {
            return "jet_zero()".into();
        }
        jets::make(self.0, |stream| {
            bars.iter().find(|(leaf, _)| leaf.stream() == Some(stream)).map(|(_, bar)| bar.clone())
        })
    }

    fn unknown(&self, unknown: usize) -> String {
        format!("unknown({unknown}u)")
    }
}

/// What the functions for the terms of `carried` are made of.
fn terms(problem: &dyn Problem, carried: &Carried) -> Vec<wgsl::Term<'static>> {
    let statement = problem.statement();
    let term = |(&term, residuals): (&usize, &Vec<crate::expressions::Expr>)| {
        let equation = &statement.equations[term];
        let name = problem.terms()[term].name;
        let known = crate::expressions::Known { columns: equation.known.clone(), residuals: residuals.clone() };
        wgsl::Term { name, selector: format!("TERM_{}", name.to_uppercase()), equations: equation.texts.clone(), known }
    };
    carried.terms.iter().zip(&carried.residuals).map(term).collect()
}

/// `residual` and `residual_adjoint` of the terms of `carried`.
///
/// # Errors
/// A number in them is none of 32 bits.
pub fn residuals(problem: &dyn Problem, carried: &Carried) -> Result<Part> {
    let text = wgsl::emit(&terms(problem, carried), &problem.statement().scope, &Reader(carried.jet));
    text.map(|text| Part::new(format!("residuals of {}", problem.name()), text)).map_err(Error::Usage)
}

/// `shares.wgsl`: where points have weights, what a squared residual counts is multiplied with its factor; where residuals are
/// probed, signs take their place in the pass that does so, and that pass may rest.
pub fn shares(weighed: bool, probed: bool) -> Part {
    const WEIGHED: &[(&str, &str)] = &[(
        "share.weight, sample",
        "share.weight * factor_of(share.first_sample + min(sample, share.count - 1u)), sample",
    )];
    const PROBED: &[(&str, &str)] = &[
        ("min(TILES, (places", "min(select(TILES, 0u, resting()), (places"),
        ("share.weight, sample", "probe_weight(share.weight), sample"),
        (
            "let r = residual(share.term, y, data);",
            "let r = probed(residual(share.term, y, data), share.term, share.first_sample + sample);",
        ),
    ];
    let changes = if weighed { WEIGHED } else { &[] };
    changed(shader("shares"), if probed { PROBED } else { changes })
}

/// `reduce.wgsl`; with slabs of a pass that rests there is nothing to do.
pub fn reduce(probed: bool) -> Part {
    const PROBED: &[(&str, &str)] = &[("s < range.y; s += 4u", "s < select(range.y, range.x, resting()); s += 4u")];
    changed(shader("kernels/reduce"), if probed { PROBED } else { &[] })
}

fn changed(part: Part, changes: &[(&str, &str)]) -> Part {
    changes.iter().fold(part, |part, (plain, other)| {
        assert!(part.text.matches(plain).count() == 1, "{}: `{plain}`", part.name);
        Part::new(part.name, part.text.replace(plain, other))
    })
}

/// How unknowns are read, and how their gradients are summed; two empty functions where there are none.
pub fn unknowns(count: usize) -> Part {
    match count {
        0 => Part::new(
            "unknowns",
            "// This problem has no unknowns.\n\
             fn note_unknowns(term: u32, u: Fields, data: vec4f, r_bar: vec4f) {}\n\
             fn keep_unknowns(local: u32) {}\n",
        ),
        _ => shader("unknowns"),
    }
}

/// `bounded`: a parameter after its update, back inside its bounds, which unknowns may have.
pub fn bounds(setup: &Setup) -> Part {
    let first = setup.network.layout(&setup.shape).len - setup.shape.unknowns;
    let mut text = String::from("fn bounded(p: u32, x: f32) -> f32 {\n");
    for (number, unknown) in setup.problem.unknowns().iter().enumerate() {
        let ends = [unknown.lower, unknown.upper].map(|end| format!("{:?}f", end.clamp(-3e38, 3e38) as f32));
        let p = first + number;
        text += &format!("    if p == {p}u {{ return clamp(x, {}, {}); }}    // {}\n", ends[0], ends[1], unknown.name);
    }
    Part::new("bounds", text + "    return x;\n}\n")
}

/// `data`: what is known of every term at a point.
///
/// # Errors
/// As [`residuals`].
pub fn data(problem: &dyn Problem) -> Result<Part> {
    let statement = problem.statement();
    let terms = [Some(&statement.main), statement.rest.as_ref()].into_iter().flatten().flat_map(|c| terms(problem, c));
    let text = wgsl::emit_data(&terms.collect::<Vec<_>>(), &statement.scope);
    text.map(|text| Part::new(format!("data of {}", problem.name()), text)).map_err(Error::Usage)
}
