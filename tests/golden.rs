//! The oracle against numbers from outside: losses, gradient rows and projections computed in float64 by an
//! independent implementation with automatic differentiation (assets/golden/test_vectors.json).

use acr_pinn_gpu::math::Variant;
use acr_pinn_gpu::networks::{Layout, Lda, Mlp, Network};
use acr_pinn_gpu::oracle::{self, Model};
use acr_pinn_gpu::problems::{Burgers, Cavity, Helmholtz, KleinGordon, Poisson5d, Problem, Schrodinger};
use acr_pinn_gpu::strategies::{Gram, PcGrad, Seen, Strategy};
use serde_json::Value;

/// Relative to the largest entry of the wanted vector: both sides are f64.
const TOLERANCE: f64 = 1e-9;

fn vectors(case: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../assets/golden/test_vectors.json")).unwrap();
    all[case].clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(entries) => entries.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

fn orders(value: &Value) -> Vec<Vec<usize>> {
    rows(value).into_iter().map(|row| row.into_iter().map(|k| k as usize).collect()).collect()
}

/// Appends to `failures` where `got` strays from `wanted`.
fn compare(failures: &mut Vec<String>, place: &str, got: &[f64], wanted: &[f64]) {
    if got.len() != wanted.len() {
        failures.push(format!("{place}: {} numbers instead of {}", got.len(), wanted.len()));
        return;
    }
    let scale = wanted.iter().fold(0.0_f64, |a, w| a.max(w.abs())).max(1e-12);
    for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
        let error = (g - w).abs() / scale;
        if error.is_nan() || error > TOLERANCE {
            failures.push(format!("{place}[{i}]: got {g}, wanted {w}, error {error:e} > {TOLERANCE:e}"));
        }
    }
}

fn report(failures: &[String]) {
    let shown: Vec<&str> = failures.iter().take(20).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), shown.join("\n"));
}

/// The name of a tensor of the vectors ("W1", "k2", "rho") in the layout.
fn slot_name(tensor: &str, network: &dyn Network) -> String {
    if tensor == "rho" {
        return "residual_scales".into();
    }
    let layer = tensor[1..].parse::<usize>().unwrap() - 1;
    let (stem, part) = match &tensor[..1] {
        "W" | "b" if network.name() == "mlp" => (format!("net.{}", 2 * layer), "W"),
        "W" | "b" => (format!("linear.{layer}"), "W"),
        "U" | "c" => (format!("encoder1.{layer}"), "U"),
        "V" | "d" => (format!("encoder2.{layer}"), "V"),
        "G" | "g" => (format!("gates.{layer}.0"), "G"),
        "H" | "k" => (format!("gates.{layer}.2"), "H"),
        other => panic!("unknown tensor {other}"),
    };
    let kind = if tensor.starts_with(part) { "weight" } else { "bias" };
    format!("{stem}.{kind}")
}

/// For every position of the vectors' flat order, its index in the layout.
fn places(case: &Value, layout: &Layout, network: &dyn Network) -> Vec<usize> {
    let mut places = Vec::new();
    for tensor in case["order"].as_array().unwrap() {
        let name = slot_name(tensor[0].as_str().unwrap(), network);
        let slot = layout.slot(&name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(numbers(&tensor[1]), slot.shape.iter().map(|&n| n as f64).collect::<Vec<_>>(), "{name}");
        places.extend(slot.range());
    }
    assert_eq!(places.len(), layout.len, "every parameter has a place");
    places
}

struct Case<'a> {
    vectors: Value,
    model: Model<'a>,
    places: Vec<usize>,
    parameters: Vec<f64>,
}

fn case<'a>(name: &str, problem: &'a dyn Problem, network: &'a dyn Network, variant: Variant) -> Case<'a> {
    let vectors = vectors(name);
    let layers = numbers(&vectors["layers"]);
    let shape = oracle::shape(problem, layers[1] as usize, layers.len() - 2, variant);
    let layout = network.layout(&shape);
    let places = places(&vectors, &layout, network);
    let mut parameters = vec![0.0; layout.len];
    for (m, &place) in places.iter().enumerate() {
        parameters[place] = 0.4 * (1.7 * m as f64 + 0.3).sin();
    }
    Case { vectors, model: Model { problem, network, shape }, places, parameters }
}

impl Case<'_> {
    /// A row in the layout's order, brought into the order of the vectors.
    fn reordered(&self, row: &[f64]) -> Vec<f64> {
        self.places.iter().map(|&place| row[place]).collect()
    }
}

fn check_cavity(name: &str, network: &dyn Network, variant: Variant) -> Vec<String> {
    let problem = Cavity::DEFAULT;
    let case = case(name, &problem, network, variant);
    let v = &case.vectors;
    let mut failures = Vec::new();
    let requests: [(&str, usize, &[usize]); 13] = [
        ("psi", 0, &[]),
        ("p", 1, &[]),
        ("psi_x", 0, &[0]),
        ("psi_y", 0, &[1]),
        ("psi_xx", 0, &[0, 0]),
        ("psi_xy", 0, &[0, 1]),
        ("psi_yy", 0, &[1, 1]),
        ("psi_xxx", 0, &[0, 0, 0]),
        ("psi_xxy", 0, &[0, 0, 1]),
        ("psi_xyy", 0, &[0, 1, 1]),
        ("psi_yyy", 0, &[1, 1, 1]),
        ("p_x", 1, &[0]),
        ("p_y", 1, &[1]),
    ];
    let point = numbers(&v["point"]);
    let asked: Vec<(usize, &[usize])> = requests.iter().map(|r| (r.1, r.2)).collect();
    for (got, request) in oracle::derivatives(case.model, &case.parameters, &point, &asked).iter().zip(&requests) {
        compare(&mut failures, &format!("{name} {}", request.0), &[*got], &numbers(&v["values"][request.0]));
    }
    let residual = oracle::residual(case.model, &case.parameters, 0, &point);
    let wanted = [numbers(&v["values"]["res_u"]), numbers(&v["values"]["res_v"])].concat();
    compare(&mut failures, &format!("{name} residual"), &residual, &wanted);

    let points = ["interior", "top", "wall"].map(|key| numbers(&v[key]));
    let got = oracle::gradients(case.model, &case.parameters, &points).unwrap();
    compare(&mut failures, &format!("{name} losses"), &got.losses, &numbers(&v["losses_pde_top_wall"]));
    for (k, wanted) in rows(&v["grads"]).iter().enumerate() {
        compare(&mut failures, &format!("{name} row {k}"), &case.reordered(&got.rows[k]), wanted);
    }
    compare(&mut failures, &format!("{name} gram"), Gram::of(&got.rows).entries(), &numbers(&v["gram"]));
    let total =
        oracle::combined(&PcGrad, &got, Seen { orders: orders(&v["pcgrad_perms"]), ..Seen::default() }, &mut []);
    compare(&mut failures, &format!("{name} pcgrad"), &case.reordered(&total), &numbers(&v["pcgrad_total"]));
    failures
}

#[test]
fn cavity_on_every_network() {
    let mut failures = check_cavity("cavity_lda_v2", &Lda, Variant::V2);
    failures.extend(check_cavity("cavity_lda_v1", &Lda, Variant::V1));
    failures.extend(check_cavity("cavity_mlp", &Mlp, Variant::V2));
    report(&failures);
}

/// The axes that a derivative of u is named after: "u_xt" is along x and t.
fn axes_of(problem: &dyn Problem, key: &str) -> Vec<usize> {
    let axes = problem.axes();
    let letters = key.strip_prefix("u_").unwrap_or("").chars();
    letters.map(|letter| axes.iter().position(|axis| axis.name.starts_with(letter)).unwrap()).collect()
}

/// Derivatives, right-hand side `data`, residual, loss and gradient row of the equation of one field.
fn check_scalar(name: &str, problem: &dyn Problem, keys: &[&str], data: Option<&str>) -> Vec<String> {
    let case = case(name, problem, &Lda, Variant::V2);
    let v = &case.vectors;
    let mut failures = Vec::new();
    let point = numbers(&v["point"]);
    let axes: Vec<Vec<usize>> = keys.iter().map(|key| axes_of(problem, key)).collect();
    let asked: Vec<(usize, &[usize])> = axes.iter().map(|axes| (0, &axes[..])).collect();
    for (got, key) in oracle::derivatives(case.model, &case.parameters, &point, &asked).iter().zip(keys) {
        compare(&mut failures, &format!("{name} {key}"), &[*got], &numbers(&v["values"][key]));
    }
    if let Some(key) = data {
        // a residual may hold its right-hand side with either sign; which one, the residual below shows
        let (known, wanted) = (problem.data(0, &point)[0], numbers(&v["values"][key]));
        compare(&mut failures, &format!("{name} {key}"), &[known.copysign(wanted[0])], &wanted);
    }
    let residual = oracle::residual(case.model, &case.parameters, 0, &point);
    compare(&mut failures, &format!("{name} residual"), &residual, &numbers(&v["values"]["res"]));
    // the vectors have the equation alone: one corner of their region serves the other sets
    let mut points: Vec<Vec<f64>> = problem.sets().iter().map(|set| set.regions[0].lower.clone()).collect();
    points[0] = numbers(&v["interior"]);
    let got = oracle::gradients(case.model, &case.parameters, &points).unwrap();
    compare(&mut failures, &format!("{name} loss"), &got.losses[..1], &numbers(&v["loss_pde"]));
    compare(&mut failures, &format!("{name} row"), &case.reordered(&got.rows[0]), &numbers(&v["grad"]));
    failures
}

#[test]
fn equations_of_one_field() {
    let mut failures = check_scalar("burgers_lda_v2", &Burgers, &["u", "u_x", "u_t", "u_xx"], None);
    for (name, problem) in [("helmholtz14_lda_v2", Helmholtz::ONE_FOUR), ("helmholtz44_lda_v2", Helmholtz::FOUR_FOUR)] {
        failures.extend(check_scalar(name, &problem, &["u", "u_xx", "u_yy"], Some("q")));
    }
    for (name, horizon) in [("klein_gordon_T1_lda_v2", 1.0), ("klein_gordon_T4_lda_v2", 4.0)] {
        let keys = ["u", "u_x", "u_t", "u_xx", "u_tt"];
        failures.extend(check_scalar(name, &KleinGordon { horizon }, &keys, Some("f")));
    }
    report(&failures);
}

#[test]
fn poisson_in_five_dimensions() {
    let name = "poisson5_lda_v2";
    let case = case(name, &Poisson5d, &Lda, Variant::V2);
    let v = &case.vectors;
    let mut failures = Vec::new();
    let point = numbers(&v["point"]);
    let squares: [[usize; 2]; 5] = std::array::from_fn(|i| [i, i]);
    let asked: Vec<(usize, &[usize])> = squares.iter().map(|axes| (0, &axes[..])).chain([(0, &[][..])]).collect();
    let got = oracle::derivatives(case.model, &case.parameters, &point, &asked);
    compare(&mut failures, "u", &got[5..], &numbers(&v["values"]["u"]));
    compare(&mut failures, "Δu", &[got[..5].iter().sum()], &numbers(&v["values"]["lap"]));
    compare(&mut failures, "f", &Poisson5d.data(0, &point), &numbers(&v["values"]["f"]));
    let residual = oracle::residual(case.model, &case.parameters, 0, &point);
    compare(&mut failures, "residual", &residual, &numbers(&v["values"]["res"]));

    let points = [numbers(&v["interior"]), vec![0.0, 0.5, 0.5, 0.5, 0.5]];
    let got = oracle::gradients(case.model, &case.parameters, &points).unwrap();
    compare(&mut failures, "loss", &got.losses[..1], &numbers(&v["loss_pde"]));
    compare(&mut failures, "row", &case.reordered(&got.rows[0]), &numbers(&v["grad"]));
    report(&failures);
}

#[test]
fn schrodinger_with_its_periodic_term() {
    let name = "nls_lda_v2";
    let case = case(name, &Schrodinger, &Lda, Variant::V2);
    let v = &case.vectors;
    let mut failures = Vec::new();
    let point = numbers(&v["point"]);
    let keys = ["u", "v", "u_x", "v_x", "u_t", "v_t", "u_xx", "v_xx"];
    let orders: [&[usize]; 4] = [&[], &[0], &[1], &[0, 0]];
    let asked: Vec<(usize, &[usize])> = orders.iter().flat_map(|&axes| [(0, axes), (1, axes)]).collect();
    let got = oracle::derivatives(case.model, &case.parameters, &point, &asked);
    for (got, key) in got.iter().zip(keys) {
        compare(&mut failures, key, &[*got], &numbers(&v["values"][key]));
    }
    let residual = oracle::residual(case.model, &case.parameters, 0, &point);
    let wanted = [numbers(&v["values"]["res_real"]), numbers(&v["values"]["res_imag"])].concat();
    compare(&mut failures, "residual", &residual, &wanted);

    let boundary = numbers(&v["boundary_t"]).into_iter().flat_map(|t| [-5.0, t]).collect();
    let initial = numbers(&v["initial_x"]).into_iter().flat_map(|x| [x, 0.0]).collect();
    let got = oracle::gradients(case.model, &case.parameters, &[numbers(&v["interior"]), boundary, initial]).unwrap();
    compare(&mut failures, "losses", &got.losses, &numbers(&v["losses_pde_bc_ic"]));
    for (k, wanted) in rows(&v["grads"]).iter().enumerate() {
        compare(&mut failures, &format!("row {k}"), &case.reordered(&got.rows[k]), wanted);
    }
    report(&failures);
}

#[test]
fn four_conflicting_terms_of_klein_gordon() {
    let name = "kg_four_task_lda_v2";
    let case = case(name, &KleinGordon::DEFAULT, &Lda, Variant::V2);
    let v = &case.vectors;
    let points = ["interior", "boundary", "initial"].map(|key| numbers(&v[key]));
    let got = oracle::gradients(case.model, &case.parameters, &points).unwrap();
    let mut failures = Vec::new();
    compare(&mut failures, "losses", &got.losses, &numbers(&v["losses"]));
    for (k, wanted) in rows(&v["grads"]).iter().enumerate() {
        compare(&mut failures, &format!("row {k}"), &case.reordered(&got.rows[k]), wanted);
    }
    let orders = orders(&v["perms"]);
    for (k, (p, wanted)) in PcGrad::projected(&got.rows, &orders).iter().zip(rows(&v["projected"])).enumerate() {
        compare(&mut failures, &format!("projected {k}"), &case.reordered(p), &wanted);
    }
    let total = oracle::combined(&PcGrad, &got, Seen { orders: orders.clone(), ..Seen::default() }, &mut []);
    compare(&mut failures, "total", &case.reordered(&total), &numbers(&v["pcgrad_total"]));
    let gram = Gram::of(&got.rows);
    compare(&mut failures, "gram", gram.entries(), &numbers(&v["gram"]));
    let coefficients = PcGrad.coefficients(&gram, &Seen { orders, ..Seen::default() }, &mut []);
    compare(&mut failures, "coefficients", &coefficients, &numbers(&v["pcgrad_coefficients"]));
    let conflicts = gram.conflicts(&coefficients);
    compare(&mut failures, "projection ratio", &[conflicts.projection_ratio], &numbers(&v["projection_ratio"]));
    compare(&mut failures, "norms", &conflicts.norms, &numbers(&v["grad_norms"]));
    compare(&mut failures, "conflict rate", &[conflicts.conflict_rate], &[4.0 / 6.0]);
    report(&failures);
}
