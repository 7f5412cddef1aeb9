// Every parser of user files as a function of bytes: true if the file is accepted. Shared by the fuzz targets
// and by the ordinary test that needs no fuzzer.

use acr_pinn_gpu::expressions::wgsl::{Term, emit};
use acr_pinn_gpu::expressions::{Leaf, Scope, analysis, parse, split};
use acr_pinn_gpu::kernels::residuals;
use acr_pinn_gpu::lab::{Card, timing};
use acr_pinn_gpu::math::{Jet, Variant};
use acr_pinn_gpu::networks::{Mlp, Network, Shape};
use acr_pinn_gpu::problems::{self, Problem, file, reference};
use acr_pinn_gpu::training::{Checkpoint, Model, Options, points};

/// A parser's name and whether it accepts these bytes.
pub type Parser = (&'static str, fn(&[u8]) -> bool);

pub const ALL: [Parser; 8] = [
    ("model", model),
    ("points", points),
    ("config", config),
    ("card", card),
    ("reference", reference),
    ("bench", bench),
    ("expression", expression),
    ("problem", problem),
];

/// The network of the corpus.
const SHAPE: Shape = Shape { inputs: 2, outputs: 1, width: 4, depth: 1, variant: Variant::V2, unknowns: 0 };

pub fn model(bytes: &[u8]) -> bool {
    Model::parse(bytes).is_ok() | Checkpoint::parse(bytes, &Mlp.layout(&SHAPE)).is_ok()
}

pub fn points(bytes: &[u8]) -> bool {
    problems::ALL.iter().any(|problem| points::sets(*problem, bytes).is_ok() || points::list(*problem, bytes).is_ok())
}

pub fn config(bytes: &[u8]) -> bool {
    Options::parse(bytes).is_ok()
}

pub fn card(bytes: &[u8]) -> bool {
    Card::parse(bytes).is_ok()
}

pub fn reference(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| reference::cavity::from_csv(text, text).is_ok())
}

pub fn bench(bytes: &[u8]) -> bool {
    timing::Document::parse(bytes).is_ok()
}

/// An expression, and everything that is made of one.
pub fn expression(bytes: &[u8]) -> bool {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let scope = Scope {
        axes: owned(&["x", "t", "xi"]),
        fields: owned(&["u", "v_1"]),
        constants: vec![("d".to_owned(), 0.5)],
        unknowns: owned(&["nu"]),
        columns: owned(&["m"]),
    };
    let Some(expression) = std::str::from_utf8(bytes).ok().and_then(|text| parse(text, &scope).ok()) else {
        return false;
    };
    let shown = expression.show(&scope).to_string();
    let value = expression.evaluate(&mut |_: &Leaf| 0.75_f64);
    // what is printed is long where derivatives were expanded; else it is an expression with the same value
    if let Ok(again) = parse(&shown, &scope) {
        let again = again.evaluate(&mut |_: &Leaf| 0.75_f64);
        let close = (again - value).abs() <= 1e-6 * value.abs().max(1.0);
        assert!(
            close || !value.is_finite() || value.abs() > 1e6 || !again.is_finite(),
            "{shown}: {again}, not {value}"
        );
    }
    let _ = expression.along(0);
    let components = [expression];
    let rewritten = analysis::laplacian(&[&components], 3).map(|c| analysis::with_laplacian(&components[0], &c));
    if let Ok(known) = split(&rewritten.map_or(components, |one| [one])) {
        let term = Term { name: "pde", selector: "0u".to_owned(), equations: vec![shown], known };
        let _ = emit(&[term], &scope, &residuals::Reader(Jet::Third));
    }
    true
}

/// What stands between a problem file and the file of numbers beside it.
pub const BESIDE: &str = "\n%%%\n";

/// A problem file, and everything that a run makes of it before a device is opened. Whatever files it names hold the
/// numbers behind [`BESIDE`].
pub fn problem(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let (text, numbers) = text.split_once(BESIDE).unwrap_or((text, ""));
    let Ok(problem) = file::read(text, &mut |_| Ok(numbers.as_bytes().to_vec())) else { return false };
    let statement = problem.statement();
    let _ = (problem.deciding(), problem.solution(), residuals::data(&problem));
    for carried in [Some(&statement.main), statement.rest.as_ref(), statement.all.as_ref().ok()].into_iter().flatten() {
        let _ = residuals::residuals(&problem, carried);
    }
    let axes = problem.axes().len();
    for (term, set) in problem.sets().iter().enumerate() {
        let points = problem.given(term, 5).unwrap_or_else(|| set.regions[0].lower.iter().map(|&x| x as f32).collect());
        for point in points.chunks(axes) {
            let point: Vec<f64> = point.iter().map(|&x| f64::from(x)).collect();
            assert_eq!(problem.data(term, &point).len(), statement.equations[term].known.len());
        }
    }
    true
}
