//! The text of a jet: a file of `shaders/jets`, or for [`Jet::Emitted`] the same functions written out from its streams
//! (`jet_algebra.rs` has the rules of differentiation). And how other texts read one stream of a jet, or make a jet of streams.

use std::fmt::Write as _;

use crate::gpu::Part;
use crate::math::{Jet, Stream};

use super::jet_algebra::{chain, multiply, multiply_adjoint};
use super::prelude::shader;

/// The text that provides `Jet` and its functions.
pub fn part(jet: Jet) -> Part {
    match jet {
        Jet::Emitted(_) => Part::new(format!("jets/{}", jet.name()), text(jet)),
        _ => shader(&format!("jets/{}", jet.name())),
    }
}

/// WGSL: the number `stream` of the jet `u`, which is a name or an element such as `u[0]`. None where `jet` does not have
/// it. Of [`Jet::Third`] the third derivatives can be read only as slopes of the Laplacian.
pub fn read(jet: Jet, u: &str, stream: Stream) -> Option<String> {
    Some(component(jet, u, jet.number_of(stream)?))
}

/// WGSL: a jet of these streams, zero where `of` has nothing; for cotangents.
pub fn make(jet: Jet, of: impl Fn(Stream) -> Option<String>) -> String {
    let numbers: Vec<String> = jet.list().into_iter().map(|s| of(s).unwrap_or_else(|| "0.0".into())).collect();
    construct(jet, &numbers)
}

/// A number's place in the type.
fn component(jet: Jet, u: &str, stream: usize) -> String {
    let letter = ["x", "y", "z", "w"][stream % jet.rows()];
    match (jet.streams(), jet.texels()) {
        (1, _) => u.to_owned(),
        (_, 1) => format!("{u}.{letter}"),
        _ => format!("{u}[{}].{letter}", stream / jet.rows()),
    }
}

/// A jet of its numbers; the last column is filled up with zeros, and stays so, because sums over a jet count them.
fn construct(jet: Jet, numbers: &[String]) -> String {
    if numbers.len() == 1 {
        return numbers[0].clone();
    }
    let mut all = numbers.to_vec();
    all.resize(jet.texels() * jet.rows(), "0.0".into());
    format!("{}({})", type_of(jet), all.join(", "))
}

/// The smallest type that has `+`, `−` and `·` of its own and room for all streams.
fn type_of(jet: Jet) -> String {
    match (jet.texels(), jet.streams()) {
        (1, 1) => "f32".into(),
        (1, n) => format!("vec{n}f"),
        (columns, _) => format!("mat{columns}x{}f", jet.rows()),
    }
}

/// A sum over as many lines as it takes.
pub(super) fn sum(terms: &[String]) -> String {
    let (mut text, mut line) = (String::new(), 0);
    for (nth, term) in terms.iter().enumerate() {
        let between = match (nth, line + term.chars().count() > 90) {
            (0, _) => "",
            (_, false) => " + ",
            (_, true) => "\n        + ",
        };
        line = if between.starts_with('\n') { 0 } else { line } + term.chars().count() + 3;
        text.push_str(between);
        text.push_str(term);
    }
    text
}

/// A stream as a name behind a letter: `u_v` is the value of u, `u_01` its derivative along axes 0 and 1, `u_l` its Laplacian.
pub(super) fn named(letter: &str, stream: Stream) -> String {
    match stream {
        Stream::Derivative(index) if index.order() == 0 => format!("{letter}_v"),
        Stream::Derivative(index) => format!("{letter}_{index}"),
        Stream::Laplacian => format!("{letter}_l"),
        Stream::SlopeOfLaplacian(axis) => format!("{letter}_{axis}l"),
    }
}

/// Statements that name the streams of the jet `u`, those for which `wanted` holds.
pub(super) fn unpack(jet: Jet, u: &str, letter: &str, wanted: impl Fn(Stream) -> bool) -> String {
    let mut text = String::new();
    for line in jet.list().into_iter().enumerate().filter(|(_, s)| wanted(*s)).collect::<Vec<_>>().chunks(4) {
        let lets: Vec<String> = line
            .iter()
            .map(|(s, stream)| format!("let {} = {};", named(letter, *stream), component(jet, u, *s)))
            .collect();
        let _ = writeln!(text, "    {}", lets.join("  "));
    }
    text
}

/// `return` of a jet whose streams are variables.
pub(super) fn packed(jet: Jet, letter: &str) -> String {
    let names: Vec<String> = jet.list().into_iter().map(|stream| named(letter, stream)).collect();
    format!("    return {};\n", construct(jet, &names))
}

fn text(jet: Jet) -> String {
    [head(jet), storage(jet), starts(jet), accessors(jet), chain(jet), multiply(jet), multiply_adjoint(jet), sums(jet)]
        .join("\n")
}

fn head(jet: Jet) -> String {
    let mut text = format!("// The jet {}, made for this problem:\n", jet.name());
    let list: Vec<String> = jet.list().iter().map(Stream::to_string).collect();
    for line in list.chunks(10) {
        let _ = writeln!(text, "//   {}", line.join("  "));
    }
    if !jet.laplacian_axes().is_empty() {
        let sum: Vec<String> = jet
            .laplacian_axes()
            .iter()
            .map(|axis| format!("LAPLACIAN[{axis}] {}", Stream::along(&[*axis, *axis])))
            .collect();
        let _ = writeln!(text, "// with the generalised Laplacian Lu = {}", sum.join(" + "));
    }
    let slopes: Vec<String> = slopes(jet).iter().map(|axis| format!("d{axis}, ")).collect();
    let laplacian = if jet.laplacian_axes().is_empty() { "" } else { "laplacian, from_laplacian, " };
    let constants = if jet.laplacian_axes().is_empty() { "SLOPES" } else { "SLOPES, LAPLACIAN" };
    text + &format!(
        "//\n// provides: Jet, TEXELS, texel, from_texels, jet_zero, jet_constant, jet_input, value, {}from_value, from_gradient,\n\
         //           {laplacian}chain, multiply, multiply_adjoint, inner, add_inner\n\
         // expects:  Derivatives (math); {constants} (prelude)\n",
        slopes.concat()
    )
}

/// The axes that conditions ask for slopes along, and all others that there are slopes of.
fn slopes(jet: Jet) -> Vec<usize> {
    (0..jet.axes().max(2)).filter(|&axis| axis < 2 || jet.number_of(Stream::along(&[axis])).is_some()).collect()
}

/// The type, and how it lies in vectors of four.
fn storage(jet: Jet) -> String {
    let (texels, kind) = (jet.texels(), type_of(jet));
    let (texel, from) = match (texels, jet.rows()) {
        (1, 1) => ("vec4f(u, 0.0, 0.0, 0.0)".into(), "t[0].x".into()),
        (1, 2) => ("vec4f(u, 0.0, 0.0)".into(), "t[0].xy".into()),
        (1, 3) => ("vec4f(u, 0.0)".into(), "t[0].xyz".into()),
        (1, _) => ("u".into(), "t[0]".into()),
        (_, rows) => {
            // `t` is a constant wherever this is called: an array of columns would leave the registers
            let column = (1..texels).fold("u[0]".to_owned(), |text, t| format!("select({text}, u[{t}], t == {t}u)"));
            let part = |t| if rows == 3 { format!("t[{t}].xyz") } else { format!("t[{t}]") };
            let columns: Vec<String> = (0..texels).map(part).collect();
            let texel = if rows == 3 { format!("vec4f({column}, 0.0)") } else { column };
            (texel, format!("{kind}({})", columns.join(", ")))
        }
    };
    format!(
        "alias Jet = {kind};\n\nconst TEXELS = {texels}u;\n\
         fn texel(u: Jet, t: u32) -> vec4f {{ return {texel}; }}\n\
         fn from_texels(t: array<vec4f, TEXELS>) -> Jet {{ return {from}; }}\n"
    )
}

/// Constants and coordinates.
fn starts(jet: Jet) -> String {
    let only = |value: &str| make(jet, |stream| (stream == Stream::VALUE).then(|| value.to_owned()));
    let input = make(jet, |stream| match stream {
        Stream::VALUE => Some("x".into()),
        Stream::Derivative(index) if index.order() == 1 => {
            let axis = index.axes()[0];
            Some(format!("select(0.0, SLOPES[{axis}], axis == {axis}u)"))
        }
        _ => None,
    });
    let zero = if jet.streams() == 1 { "0.0".into() } else { format!("{}()", type_of(jet)) };
    format!(
        "fn jet_zero() -> Jet {{ return {zero}; }}\n\
         fn jet_constant(c: f32) -> Jet {{ return {}; }}\n\
         // The normalised coordinate x̂ = slope·x + offset: its derivative in *physical* x is the slope.\n\
         fn jet_input(x: f32, axis: u32) -> Jet {{\n    return {input};\n}}\n",
        only("c")
    )
}

/// Single streams, and jets of single streams. Slopes that are not carried are there so that texts for any order link.
fn accessors(jet: Jet) -> String {
    let number = |stream| read(jet, "u", stream).unwrap_or_else(|| "0.0".into());
    let only = |wanted: Stream, value: &str| make(jet, |stream| (stream == wanted).then(|| value.to_owned()));
    let mut text = format!("fn value(u: Jet) -> f32 {{ return {}; }}\n", number(Stream::VALUE));
    for axis in slopes(jet) {
        let _ = writeln!(text, "fn d{axis}(u: Jet) -> f32 {{ return {}; }}", number(Stream::along(&[axis])));
    }
    let gradient =
        make(jet, |stream| (0..2).find(|&axis| stream == Stream::along(&[axis])).map(|axis| format!("g{axis}")));
    let _ = writeln!(text, "fn from_value(v: f32) -> Jet {{ return {}; }}", only(Stream::VALUE, "v"));
    let _ = writeln!(text, "fn from_gradient(g0: f32, g1: f32) -> Jet {{ return {gradient}; }}");
    if !jet.laplacian_axes().is_empty() {
        let _ = writeln!(text, "fn laplacian(u: Jet) -> f32 {{ return {}; }}", number(Stream::Laplacian));
        let _ = writeln!(text, "fn from_laplacian(l: f32) -> Jet {{ return {}; }}", only(Stream::Laplacian, "l"));
    }
    text
}

/// Inner products over the streams.
fn sums(jet: Jet) -> String {
    let products: Vec<String> =
        (0..jet.streams()).map(|s| format!("{} * {}", component(jet, "a", s), component(jet, "b", s))).collect();
    let all = sum(&products);
    format!(
        "fn inner(a: Jet, b: Jet) -> f32 {{\n    return {all};\n}}\n\
         // sum + inner(a, b), in an order in which every term can be a multiply–add.\n\
         fn add_inner(sum: f32, a: Jet, b: Jet) -> f32 {{\n    return sum + {all};\n}}\n"
    )
}
