//! Expressions on the device: what is written out of them, held against the same expressions in f64, and how it reads.

mod common;

use acr_pinn_gpu::expressions::wgsl::{Term, emit};
use acr_pinn_gpu::expressions::{Expr, Scope, analysis, parse, split};
use acr_pinn_gpu::kernels::residuals::Reader;
use acr_pinn_gpu::lab::{Tolerance, expressions};
use acr_pinn_gpu::math::Jet;

fn scope(fields: &[&str], axes: &[&str], unknowns: &[&str]) -> Scope {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let constants = vec![("nu".to_owned(), 0.01 / std::f64::consts::PI), ("re".to_owned(), 100.0)];
    Scope { axes: owned(axes), fields: owned(fields), constants, unknowns: owned(unknowns), columns: Vec::new() }
}

fn read(texts: &[&str], scope: &Scope) -> Vec<Expr> {
    texts.iter().map(|text| parse(text, scope).unwrap_or_else(|error| panic!("{text}: {error}"))).collect()
}

/// Terms that use every operation and every function, in residuals and in what is known.
const TERMS: [&[&str]; 22] = [
    &["u_t + u*u_x - nu*u_xx"],
    &["psi_y*psi_xy - psi_x*psi_yy + v", "u_t/re - 3*psi"],
    &["u^2 - u^3 + u^4 - u^5", "v^7 + v^8"],
    &["1/(2 + u^2) + (3 + v)^-2 + (3 + u)^-3"],
    &["sin(u) + cos(v)", "sin(pi*u) - cos(2*pi*v/3)", "sin(pi*x/2 + u)*cos(3*t)"],
    &["tan(u/2)", "tan(pi*v/4)"],
    &["exp(u) + exp(-v)*u_x"],
    &["log(2 + u) - log(exp(v))", "log(1 + x^2)*u"],
    &["sqrt(2 + u)*v", "sqrt(1 + x^2 + t^2)"],
    &["tanh(u*v)", "tanh(5*x) - u"],
    &["sinh(u) - cosh(v)", "sinh(x/10)*u + cosh(t)"],
    &["abs(u)*v - abs(x)", "abs(u)^3"],
    &["min(u, v) + max(u, x)*u_x", "max(min(u, v), u_x)"],
    &["(2 + u)^1.5 - (2 + v)^x", "(3 + u)^v"],
    &["d(exp(u)*u_x, x)", "d(u*v*t, t)"],
    &["a*u_x + b^2*u - sin(a*x)", "a/(2 + b^2) - u"],
    &["u - 1", "v + 1e-3*u", "2*u_x - 0.1 - 0.2", "u/3 - v/7"],
    &["(u - v)*(u + v) - (u^2 - v^2)*x", "-(u - (v - u_x))", "u/(v + 3)/(u + 4)"],
    &["exp(sin(u*v)*u) + sin(u*v)^2 + sin(u*v)*u_t"],
    &["u*x + u_x*t + v*x*t + v_x*sin(x) + v_t*cos(t)"],
    &["pi*u + pi^2*v - nu*pi/re", "re^2*u/1e4"],
    &["x", "t*x + 1", "0*u"],
];

#[test]
fn residuals_adjoints_and_known_values_are_those_of_f64() {
    let gpu = common::gpu();
    for terms in TERMS {
        let stream = terms[0].contains("psi");
        let names: &[&str] = if stream { &["u", "v", "psi"] } else { &["u", "v"] };
        let scope = scope(names, if stream { &["x", "y", "t"][..2] } else { &["x", "t"] }, &["a", "b"]);
        let terms: Vec<String> =
            terms.iter().map(|text| if stream { text.replace("u_t", "u_y") } else { (*text).into() }).collect();
        let texts: Vec<&str> = terms.iter().map(String::as_str).collect();
        let report =
            expressions::check(&gpu, &scope, &read(&texts, &scope), Jet::Third, Tolerance::of_f32(24.0)).unwrap();
        report.finish();
    }
}

/// The comparison sees errors of single roundings.
#[test]
fn a_tolerance_below_rounding_fails() {
    let gpu = common::gpu();
    let scope = scope(&["u", "v"], &["x", "t"], &["a"]);
    let terms = read(&["sin(u)*exp(v) + a*log(2 + u*x)"], &scope);
    let report = expressions::check(&gpu, &scope, &terms, Jet::Gradient, Tolerance::of_f32(0.01)).unwrap();
    for what in ["residual[0]", "adjoint[0]", "unknown[0]"] {
        assert!(report.failures().iter().any(|failure| failure.contains(what)), "{what}: {:?}", report.failures());
    }
}

/// Components, fields, axes and the jet that does.
type Combination<'a> = (&'a [&'a str], &'a [&'a str], &'a [&'a str], Jet);

/// The jet with the generalised Laplacian, in two and in five axes, and the slopes of a Laplacian.
#[test]
fn combinations_of_second_derivatives_are_those_of_f64() {
    let gpu = common::gpu();
    let five = ["a1", "a2", "a3", "a4", "a5"];
    let cases: [Combination; 4] = [
        (&["u_t + u*u_x - nu*u_xx"], &["u"], &["x", "t"], Jet::Second),
        (&["u_tt - u_xx + u^3 - x*cos(5*pi*t)", "k*v_tt - k*v_xx + u"], &["u", "v"], &["x", "t"], Jet::Second),
        (&["-laplacian(u) + u_a1*u_a5 - u_a4*sin(u)"], &["u"], &five, Jet::Second5d),
        (&["psi_y*psi_xy - psi_x*psi_yy + p_x - d(laplacian(psi), y)/re"], &["psi", "p"], &["x", "y"], Jet::Third),
    ];
    for (texts, fields, axes, jet) in cases {
        let scope = scope(fields, axes, &["k"]);
        let components = read(texts, &scope);
        let rewritten: Vec<Expr> = match analysis::laplacian(&[&components], axes.len()) {
            Some(c) => components.iter().map(|e| analysis::with_laplacian(e, &c)).collect(),
            None => components.iter().map(analysis::with_laplacian_slopes).collect(),
        };
        expressions::check(&gpu, &scope, &rewritten, jet, Tolerance::of_f32(24.0)).unwrap().finish();
    }
}

fn text(scope: &Scope, jet: Jet, terms: &[(&str, &[&str])]) -> String {
    let all: Vec<Vec<Expr>> = terms.iter().map(|(_, texts)| read(texts, scope)).collect();
    let components: Vec<&[Expr]> = all.iter().map(Vec::as_slice).collect();
    let c = analysis::laplacian(&components, scope.axes.len());
    let rewrite = |expression: &Expr| match &c {
        Some(c) => analysis::with_laplacian(expression, c),
        None => analysis::with_laplacian_slopes(expression),
    };
    let terms: Vec<Term> = terms
        .iter()
        .zip(&all)
        .map(|((name, texts), components)| Term {
            name,
            selector: format!("TERM_{}", name.to_uppercase()),
            equations: texts.iter().map(|&text| text.to_owned()).collect(),
            known: split(&components.iter().map(rewrite).collect::<Vec<_>>()).unwrap(),
        })
        .collect();
    emit(&terms, scope, &Reader(jet)).unwrap()
}

#[test]
fn burgers_reads_like_its_equation() {
    let scope = scope(&["u"], &["x", "t"], &[]);
    let terms: [(&str, &[&str]); 3] = [("pde", &["u_t + u*u_x - nu*u_xx"]), ("bc", &["u"]), ("ic", &["u + sin(pi*x)"])];
    insta::assert_snapshot!(text(&scope, Jet::Second, &terms));
}

#[test]
fn the_cavity_reads_like_its_equations() {
    let scope = scope(&["psi", "p"], &["x", "y"], &[]);
    let momentum: &[&str] = &[
        "psi_y*psi_xy - psi_x*psi_yy + p_x - d(laplacian(psi), y)/re",
        "psi_x*psi_xy - psi_y*psi_xx + p_y + d(laplacian(psi), x)/re",
    ];
    insta::assert_snapshot!(text(&scope, Jet::Third, &[("pde", momentum)]));
}

#[test]
fn an_inverse_problem_has_an_adjoint_for_its_unknowns() {
    let scope = scope(&["u"], &["x", "t"], &["lambda"]);
    insta::assert_snapshot!(text(&scope, Jet::Second, &[("pde", &["u_t + u*u_x - lambda*u_xx"])]));
}

#[test]
fn what_binary32_or_the_jet_cannot_hold_is_refused() {
    let scope = scope(&["u"], &["x", "t"], &[]);
    let refused = |text: &str, jet: Jet| {
        let known = split(&read(&[text], &scope)).unwrap();
        let equations = vec![text.to_owned()];
        emit(&[Term { name: "pde", selector: "0u".into(), equations, known }], &scope, &Reader(jet)).unwrap_err()
    };
    assert_eq!(refused("u_xx + u", Jet::Gradient), "term `pde`: the jet does not hold u_xx");
    assert_eq!(refused("1e300*u", Jet::Value), "term `pde`: 1e300 (1e300) is no number of binary32: at most 3.4e38 is");
    assert_eq!(
        refused("u + log(nu - nu)", Jet::Value),
        "term `pde`: log(0) (-inf) is no number of binary32: at most 3.4e38 is"
    );
}

/// A compiler accepts what is written out of long sums, many factors, deep nesting and high derivatives, too.
#[test]
fn large_expressions_are_valid_wgsl() {
    let scope = scope(&["u", "v"], &["x", "t"], &["a"]);
    let factors = |count: usize| (0..count).map(|i| format!("(u + {i}*v)")).collect::<Vec<_>>().join("*");
    let texts = [
        (0..800).map(|i| format!("{i}.5*sin({i}*u)")).collect::<Vec<_>>().join(" + "),
        factors(200),
        format!("d({}, x)", factors(40)),
        format!("{}u{}", "tanh(1 + v*".repeat(95), ")".repeat(95)),
        format!("u{}", "/(1 + v)".repeat(140)),
        format!("{}u{}", "min(x, v - ".repeat(90), ")".repeat(90)),
        "d(exp(sin(u*v)*x)^1.5*tan(u), x)".to_owned(),
        "a^2*u + min(a, u)*max(v, 1)".to_owned(),
    ];
    let prelude = "alias Fields = array<Jet, 2>;\nalias Point = array<f32, 2>;\nalias Unknowns = array<f32, 1>;\n\
                   fn unknown(i: u32) -> f32 { return 0.5; }\nconst SLOPES = array<f32, 2>(1.0, 1.0);\n";
    for text in texts {
        let known = split(&read(&[&text], &scope)).unwrap();
        let term = Term { name: "pde", selector: "0u".into(), equations: vec!["a long one".into()], known };
        let written = emit(&[term], &scope, &Reader(Jet::Gradient)).unwrap();
        let shaders = [include_str!("../shaders/math.wgsl"), include_str!("../shaders/jets/gradient.wgsl")];
        let module = format!("{prelude}{}\n{}\n{written}", shaders[0], shaders[1]);
        let parsed = naga::front::wgsl::parse_str(&module)
            .unwrap_or_else(|error| panic!("{}: {}", &text[..40.min(text.len())], error.emit_to_string(&module)));
        let mut validator =
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
        validator.validate(&parsed).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }
}
