//! What files come to. Their messages are held word by word in `tests/problem_files.rs`.

use super::*;
use crate::problems::find;

/// The problem that `text` states beside a file `m.csv`.
fn beside(text: &str, measured: &str) -> Result<FileProblem, String> {
    let mut load = |name: &str| match name {
        "m.csv" | "a/m.csv" => Ok(measured.as_bytes().to_vec()),
        _ => Err("there is no such file".to_owned()),
    };
    read(text, &mut load)
}

fn made(text: &str) -> FileProblem {
    beside(text, "").unwrap_or_else(|what| panic!("{what}"))
}

/// A file with `terms` in the square from −1 to 1, and the message about it.
fn square(terms: &str) -> Result<FileProblem, String> {
    let head = "name = \"s\"\nfields = [\"u\"]\n[axes]\nx = [-1, 1]\ny = [-1, 1]\n[[term]]\nname = \"pde\"\n";
    beside(&format!("{head}{terms}\n"), "x,y,u\n0,0,1\n0.5,0,2\n")
}

fn message(terms: &str) -> String {
    square(terms).err().expect("this is refused")
}

const KLEIN_GORDON: &str = r#"
name = "kg"
fields = ["u"]
[axes]
x = [0, 1]
t = [0, "4*rate"]
[constants]
rate = "1/4"
[[term]]
name = "pde"
residual = "u_tt - u_xx + u^3 - 4*rate*x"
points = 400
[[term]]
name = "bc"
residual = "u - x*cos(5*pi*t)"
on = ["x = 0", "x = 2*rate + 1/2"]
weight = 2
[[term]]
name = "ic"
residual = ["u - x", "u_t"]
on = "t = 0"
points = 20
[reference]
u = "x*cos(5*pi*t) + (x*t)^3"
[grid]
t = 11
[train]
steps = 7
"#;

#[test]
fn a_file_becomes_a_problem() {
    let problem = made(KLEIN_GORDON);
    assert_eq!((problem.name(), problem.title(), problem.fields()), ("kg", "kg", &["u"][..]));
    assert_eq!(problem.equation(), "u_tt - u_xx + u^3 - 4*rate*x");
    let built_in = find("klein-gordon").unwrap();
    assert_eq!((problem.axes(), problem.jet()), (built_in.axes(), built_in.jet()));
    assert_eq!(problem.presets()[0].points, [400, 64, 20]);
    let weights: Vec<f64> = problem.terms().iter().map(|term| term.weight).collect();
    assert_eq!((weights, problem.components_of(2)), (vec![1.0, 2.0, 1.0], 2));
    let bc = &problem.sets()[1];
    assert_eq!(bc.regions, [Region::new(&[0.0, 0.0], &[0.0, 1.0]), Region::new(&[1.0, 0.0], &[1.0, 1.0])]);
    assert_eq!(problem.data(0, &[0.5, 0.25]), [0.5]);
    assert_eq!((problem.grid().nx(), problem.grid().ny(), problem.train.trim()), (101, 11, "steps = 7"));
    let solution = problem.solution().unwrap();
    assert_eq!(solution.values[0].1[100 * 11 + 10], -1.0 + 1.0);
    assert_eq!(problem.compared(), ["u"]);
}

#[test]
fn settings_and_names_of_a_file_are_kept_apart() {
    let (keys, values): (Vec<String>, Vec<String>) = made(KLEIN_GORDON).deciding().into_iter().unzip();
    assert_eq!(keys, ["fields", "axis x", "axis t", "constant rate", "term pde", "term bc", "term ic"]);
    assert_eq!(values[3], "0.25");
    assert_eq!(values[5], "2 × (u - x*cos(5*pi*t)) in [0, 0] × [0, 1], [1, 1] × [0, 1]");
}

/// A resume must notice every change of what is trained.
#[test]
fn whatever_is_trained_decides() {
    let terms = [
        "residual = [\"u\", \"u_x\"]\non = \"x = -1\"",
        "periodic = \"x\"",
        "residual = \"u_xx\"\nwhere = \"x > 0\"",
        "residual = \"u_xx\"\nwhere = \"x > 0.001\"",
        "residual = \"u\"\ncurve = { s = [0, 1], x = \"s\", y = \"s\" }",
        "residual = \"u\"\ncurve = { s = [0, 1], x = \"s\", y = \"-s\" }",
        "data = \"m.csv\"",
        "residual = \"u\"\npoints = \"m.csv\"",
    ];
    let mut stated: Vec<String> = terms.iter().map(|term| format!("{:?}", square(term).unwrap().deciding())).collect();
    stated.sort();
    stated.dedup();
    assert_eq!(stated.len(), terms.len());
    let text = "name = \"s\"\nfields = [\"u\"]\n[axes]\nx = [-1, 1]\n[[term]]\nname = \"m\"\ndata = \"m.csv\"\n";
    let [one, other] = ["x,u\n0,1\n", "x,u\n0,1.5\n"].map(|measured| beside(text, measured).unwrap().deciding());
    assert_ne!(one, other);
}

#[test]
fn points_lie_where_the_term_says() {
    let kept = square("residual = \"u_xx + u_yy\"\nwhere = \"x^2 + y^2 >= 0.25 and x < 1/2\"\npoints = 500").unwrap();
    let points = kept.given(0, 500).unwrap();
    assert_eq!(points.len(), 1000);
    assert!(points.chunks(2).all(|point| point[0].hypot(point[1]) >= 0.5 && point[0] < 0.5));
    // nodes in the hole do not count
    assert!(kept.scattered().chunks(2).all(|point| point[0].hypot(point[1]) >= 0.5));
    let curve = square("residual = \"u\"\ncurve = { s = [0, \"2*pi\"], x = \"cos(s)/2\", y = \"sin(s)/2\" }").unwrap();
    let points = curve.given(0, 64).unwrap();
    assert!(points.chunks(2).all(|point| (point[0].hypot(point[1]) - 0.5).abs() < 1e-6));
    let free = square("residual = \"u\"\ncurve = { s = [0, 1], x = \"s/2\" }").unwrap();
    let points = free.given(0, 64).unwrap();
    assert!(points.chunks(2).any(|point| point[1] < -0.5) && points.chunks(2).all(|point| point[0] >= 0.0));
    let boundary = square("residual = \"u\"\non = \"boundary\"").unwrap();
    assert_eq!(boundary.sets()[0].regions.len(), 4);
    let corner = square("residual = \"u\"\non = \"x = -1, y = 1\"").unwrap();
    assert_eq!(corner.sets()[0].regions, [Region::new(&[-1.0, 1.0], &[-1.0, 1.0])]);
}

#[test]
fn periodic_terms_compare_values_and_slopes() {
    let problem = square("periodic = \"y\"").unwrap();
    assert_eq!(problem.residuals(), [["u", "u_y"]]);
    assert_eq!((problem.partner(0), problem.components_of(0)), (Some((1, 1.0)), 2));
}

#[test]
fn measured_columns_become_data() {
    let problem = square("data = \"m.csv\"").unwrap();
    assert_eq!((problem.count(0), problem.given(0, 2)), (Some(2), Some(vec![0.0, 0.0, 0.5, 0.0])));
    assert_eq!(problem.data(0, &[0.5, 0.0]), [2.0]);
    assert!(problem.data(0, &[0.25, 0.0])[0].is_nan(), "nothing was measured there");
    let stated = square("data = \"m.csv\"\nresidual = \"u_x - 3*x\"").unwrap();
    assert_eq!((stated.given(0, 2), stated.data(0, &[0.5, 0.0])), (problem.given(0, 2), vec![1.5]));
    let points = square("points = \"m.csv\"\nresidual = \"u_xx\"").unwrap();
    assert_eq!((points.count(0), points.files.len()), (Some(2), 1));
}

#[test]
fn a_reference_may_be_nothing_in_a_hole() {
    let text = "residual = \"u_xx + u_yy\"\nwhere = \"x^2 + y^2 > 0.01\"\n[reference]\nu = \"log(x^2 + y^2)\"";
    let problem = square(text).unwrap();
    let (set, solution) = (problem.evaluation_set(), problem.solution().unwrap());
    assert!(solution.values[0].1[set.counted].iter().all(|value| value.is_finite()));
    let whole = message("residual = \"u_xx + u_yy\"\n[reference]\nu = \"log(x^2 + y^2)\"");
    assert_eq!(whole, "line 10, column 5: the reference is -inf at x = 0, y = 0");
}

#[test]
fn a_reference_file_is_a_grid_or_scattered() {
    let text = "name = \"s\"\nfields = [\"u\"]\n[axes]\nx = [0, 1]\ny = [0, 1]\n[[term]]\nname = \"pde\"\n\
                residual = \"u_xx\"\n[reference]\nfile = \"m.csv\"\n";
    let grid = beside(text, "x,y,u\n0,0,1\n0,1,2\n1,1,4\n1,0,3\n").unwrap();
    assert_eq!((grid.grid().len(), grid.scattered().len()), (4, 0));
    assert_eq!(grid.solution().unwrap().values, [("u", vec![1.0, 2.0, 3.0, 4.0])]);
    let scattered = beside(text, "x,y,u\n0,0,1\n0.3,0.7,2\n").unwrap();
    assert_eq!(scattered.scattered(), [0.0, 0.0, 0.3, 0.7]);
    assert_eq!(scattered.solution().unwrap().values[0].1[..2], [1.0, 2.0]);
}

#[test]
fn a_mistake_is_found_inside_its_text() {
    assert_eq!(&message("residual = \"u_xx + 2*uy\"")[..18], "line 8, column 22:");
    assert_eq!(&message("residual = \"u\"\nwhere = \"x > 0 and y < q\"")[..18], "line 9, column 24:");
    assert_eq!(&message("residual = \"u\"\non = \"x = 1, y = q\"")[..18], "line 9, column 18:");
    assert_eq!(&message("residual = [\"u\", \"é\"]")[..18], "line 8, column 19:");
}
