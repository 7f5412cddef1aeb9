//! WGSL from expressions: the residual of every term, its adjoint, and the known values at a point.
//!
//! A term's functions read like the paper: derivatives and coordinates have names, constants too, whatever occurs several
//! times is a `let`, and the equation stands above. Only the functions of `shaders/math.wgsl` are called, beside `sqrt`, `abs`,
//! `min`, `max`, `sign` and `select`: of these WGSL's own are exact, and its square root is within 4.5 units in the last place.

mod body;
mod operations;
mod streams;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::expr::{Expr, Leaf};
use super::scope::Scope;
use super::split::Known;
use body::Body;
pub use streams::Streams;

/// One term of the loss: one function each for residual, adjoint and known values.
pub struct Term<'a> {
    /// Its name; the functions are named after it.
    pub name: &'a str,
    /// What the argument `term` is compared with: `0u`, or a constant such as `TERM_PDE`.
    pub selector: String,
    /// The equations for the comment, one line each.
    pub equations: Vec<String>,
    /// Its components, at most four, after [`super::split`], and what is known.
    pub known: Known,
}

/// The text with `residual` and `residual_adjoint` of all terms; where there are unknowns, `unknowns_adjoint` too,
/// which returns the caller's `Unknowns`, an array of one number each.
///
/// `streams` says how fields are read from a jet and how cotangents become one. The text expects `Jet`, `Fields` and the
/// functions of `math.wgsl`.
///
/// # Errors
/// A number does not fit binary32, a term has more than four components, or the jet lacks a derivative.
pub fn emit(terms: &[Term], scope: &Scope, streams: &dyn Streams) -> Result<String, String> {
    let more = if scope.unknowns.is_empty() { "" } else { ", unknowns_adjoint" };
    let mut out = format!(
        "// What every term asks of the fields, written out from its equation.\n//\n\
         // provides: residual, residual_adjoint{more}\n\
         // expects:  a jet with what is read below; math; Fields, TERM_* (prelude)\n\n"
    );
    let head = out.len();
    out += &constants(terms.iter().flat_map(|term| &term.known.residuals), scope)?;
    for (number, term) in terms.iter().enumerate() {
        let name = function_name(term.name, number, terms);
        let in_term = |message: String| format!("term `{}`: {message}", term.name);
        if term.known.residuals.len() > 4 {
            return Err(in_term(format!("{} components: at most 4 are possible", term.known.residuals.len())));
        }
        if out.len() > head {
            out.push('\n');
        }
        for (i, equation) in term.equations.iter().enumerate() {
            let head = if i == 0 { format!("{}:  ", term.name) } else { " ".repeat(term.name.chars().count() + 3) };
            // whatever ends a line in WGSL, which is more than '\n', would end the comment
            let _ = writeln!(out, "// {head}{}", equation.replace(char::is_whitespace, " "));
        }
        out += &residual(&name, term, scope, streams).map_err(in_term)?;
        out += &adjoints(&name, term, scope, streams).map_err(in_term)?;
    }
    let chosen = |function: &str, arguments: &str, passed: &str, result: &str| {
        choice(terms, function, arguments, passed, result)
    };
    out += &chosen("residual", "u: Fields, data: vec4f", "u, data", "vec4f");
    out += &chosen("residual_adjoint", "u: Fields, data: vec4f, r_bar: vec4f", "u, data, r_bar", "Fields");
    if !scope.unknowns.is_empty() {
        out += &chosen("unknowns_adjoint", "u: Fields, data: vec4f, r_bar: vec4f", "u, data, r_bar", "Unknowns");
    }
    Ok(out)
}

/// The text with `data` of all terms: what is known at a point. It expects `Point` and the functions of `math.wgsl`.
///
/// # Errors
/// A number does not fit binary32.
pub fn emit_data(terms: &[Term], scope: &Scope) -> Result<String, String> {
    let mut out = String::from(
        "// What is known of every term at a point before the network is asked.\n//\n\
         // provides: data\n// expects:  math; Point, TERM_* (prelude)\n\n",
    );
    out += &constants(terms.iter().flat_map(|term| &term.known.columns), scope)?;
    let known: Vec<usize> = (0..terms.len()).filter(|&number| !terms[number].known.columns.is_empty()).collect();
    for &number in &known {
        let term = &terms[number];
        let name = function_name(term.name, number, terms);
        let text = data(&name, term, scope).map_err(|message| format!("term `{}`: {message}", term.name))?;
        let columns: Vec<String> = term.known.columns.iter().map(|column| column.show(scope).to_string()).collect();
        let _ = write!(out, "\n// {}:  {}\n{text}", term.name, columns.join(",  "));
    }
    out += "\nfn data(term: u32, p: Point) -> vec4f {\n";
    if !known.is_empty() {
        out += "    switch term {\n";
        for number in known {
            let name = function_name(terms[number].name, number, terms);
            let _ = writeln!(out, "        case {}: {{ return data_{name}(p); }}", terms[number].selector);
        }
        out += "        default: {}\n    }\n";
    }
    Ok(out + "    return vec4f();\n}\n")
}

/// The named constants that occur; π has its name from `math.wgsl`.
fn constants<'a>(all: impl Iterator<Item = &'a Expr>, scope: &Scope) -> Result<String, String> {
    let mut used = std::collections::BTreeMap::new();
    let steps: Vec<Expr> = all.cloned().collect();
    body::each_constant(&steps, &mut |name, value| _ = used.insert(name.to_owned(), value));
    let order = |name: &String| scope.constants.iter().position(|(own, _)| own == name);
    let mut used: Vec<(String, f64)> = used.into_iter().collect();
    used.sort_by_key(|(name, _)| order(name));
    let mut out = String::new();
    for (name, value) in used {
        let number = operations::literal(value).map_err(|message| format!("constant `{name}`: {message}"))?;
        let _ = writeln!(out, "const C_{name} = {number};");
    }
    Ok(out)
}

fn residual(name: &str, term: &Term, scope: &Scope, streams: &dyn Streams) -> Result<String, String> {
    let mut body = Body::new(scope, streams, &term.known.residuals);
    let values = body.write(&term.known.residuals)?;
    Ok(format!(
        "fn residual_{name}(u: Fields, data: vec4f) -> vec4f {{\n{}    return {};\n}}\n",
        body.lines(),
        vector(&values)
    ))
}

/// r̄ᵀ ∂r/∂u of every field and, in a function of its own, of every unknown.
fn adjoints(name: &str, term: &Term, scope: &Scope, streams: &dyn Streams) -> Result<String, String> {
    let residuals = &term.known.residuals;
    let weighted = residuals.iter().enumerate().map(|(c, r)| Expr::leaf(Leaf::Cotangent(c)) * r.clone());
    let product = Expr::sum(weighted.collect());
    let leaves: BTreeSet<Leaf> = residuals.iter().flat_map(Expr::leaves).collect();
    let (streamed, unknowns): (Vec<Leaf>, Vec<Leaf>) = leaves
        .into_iter()
        .filter(|leaf| !matches!(leaf, Leaf::Known(_)))
        .partition(|leaf| !matches!(leaf, Leaf::Unknown(_)));
    let bars = product.gradient(&streamed);
    let mut body = Body::new(scope, streams, &bars);
    let values = body.write(&bars)?;
    let of_field = |field: usize| {
        let own = |leaf: &Leaf| matches!(leaf, Leaf::Field { field: f, .. } | Leaf::Laplacian { field: f, .. } if *f == field);
        let own: Vec<(Leaf, String)> =
            streamed.iter().copied().zip(values.iter().cloned()).filter(|(leaf, _)| own(leaf)).collect();
        streams.cotangent(&own)
    };
    let fields: Vec<String> = (0..scope.fields.len()).map(of_field).collect();
    let arguments = "u: Fields, data: vec4f, r_bar: vec4f";
    let mut out = format!("fn residual_adjoint_{name}({arguments}) -> Fields {{\n{}", body.lines());
    let _ = match &fields[..] {
        [one] => writeln!(out, "    return Fields({one});\n}}"),
        more => writeln!(out, "    return Fields(\n        {},\n    );\n}}", more.join(",\n        ")),
    };
    if !scope.unknowns.is_empty() {
        let bars = product.gradient(&unknowns);
        let mut body = Body::new(scope, streams, &bars);
        let values = body.write(&bars)?;
        let of = |i| unknowns.iter().position(|leaf| *leaf == Leaf::Unknown(i)).map_or("0.0", |place| &values[place]);
        let all: Vec<&str> = (0..scope.unknowns.len()).map(of).collect();
        let _ = writeln!(
            out,
            "fn unknowns_adjoint_{name}({arguments}) -> Unknowns {{\n{}    return Unknowns({});\n}}",
            body.lines(),
            all.join(", ")
        );
    }
    Ok(out)
}

fn data(name: &str, term: &Term, scope: &Scope) -> Result<String, String> {
    let columns = &term.known.columns;
    // a file's numbers are not computed from the point: the host writes such samples
    let from_file = columns.iter().any(|column| column.leaves().iter().any(|leaf| matches!(leaf, Leaf::Column(_))));
    let columns: &[Expr] = if from_file { &[] } else { columns };
    let mut body = Body::new(scope, &streams::Nothing, columns);
    let values = body.write(columns)?;
    Ok(format!("fn data_{name}(p: Point) -> vec4f {{\n{}    return {};\n}}\n", body.lines(), vector(&values)))
}

fn vector(values: &[String]) -> String {
    match values {
        [] => "vec4f()".to_owned(),
        [one] => format!("scalar({one})"),
        more => {
            let mut all: Vec<&str> = more.iter().map(String::as_str).collect();
            all.resize(4, "0.0");
            if all.iter().map(|text| text.len()).sum::<usize>() < 80 && !all.iter().any(|text| text.contains('\n')) {
                format!("vec4f({})", all.join(", "))
            } else {
                format!("vec4f(\n        {},\n    )", all.join(",\n        "))
            }
        }
    }
}

/// The function that chooses by term.
fn choice(terms: &[Term], function: &str, arguments: &str, passed: &str, result: &str) -> String {
    let name = |number: usize| function_name(terms[number].name, number, terms);
    let mut out = format!("\nfn {function}(term: u32, {arguments}) -> {result} {{\n");
    if terms.len() == 1 {
        let _ = writeln!(out, "    return {function}_{}({passed});\n}}", name(0));
        return out;
    }
    out += "    switch term {\n";
    for (number, term) in terms.iter().enumerate() {
        let _ = writeln!(out, "        case {}: {{ return {function}_{}({passed}); }}", term.selector, name(number));
    }
    out + &format!("        default: {{ return {result}(); }}\n    }}\n}}\n")
}

/// What may stand behind `residual_`; two names that become the same get their numbers.
fn function_name(name: &str, number: usize, terms: &[Term]) -> String {
    let plain =
        |name: &str| -> String { name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect() };
    let own = plain(name);
    let unique = terms.iter().filter(|term| plain(term.name) == own).count() == 1;
    // `residual_adjoint` of a term is not the residual of a term called `adjoint…`
    if unique && !own.starts_with("adjoint") && !own.is_empty() { own } else { format!("{number}_{own}") }
}
