//! Texts that are refused and why, how operators bind, and random expressions: their values and derivatives against
//! plain arithmetic, central differences and the tape.

use std::time::{Duration, Instant};

use super::{Expr, Leaf, MAX_SIZE, Op, Program, Scope, parse};
use crate::math::rng::philox;
use crate::math::{MultiIndex, Var, tape};

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn scope() -> Scope {
    Scope {
        axes: owned(&["x", "t"]),
        fields: owned(&["u", "temp_1"]),
        constants: vec![("nu".to_owned(), 0.01), ("d".to_owned(), 2.0)],
        unknowns: owned(&["kappa"]),
        columns: owned(&["u", "weight"]),
    }
}

fn read(text: &str) -> Expr {
    parse(text, &scope()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn number(text: &str) -> f64 {
    read(text).as_constant().unwrap_or_else(|| panic!("{text} is not constant"))
}

#[test]
fn operators_bind_as_in_mathematics() {
    for (text, value) in [
        ("-2^2", -4.0),
        ("2^3^2", 512.0),
        ("12/3/2", 2.0),
        ("12/3*2", 8.0),
        ("1 - 2 - 3", -4.0),
        ("2^-1", 0.5),
        ("--3", 3.0),
        ("+3 - -4", 7.0),
        ("2*-3", -6.0),
        ("-2^2*3", -12.0),
        ("1e-4*1e4", 1.0),
        (".5 + 1. + 1E+1", 11.5),
        ("(1 + 2)*(3 - 4)", -3.0),
        ("max(1, min(5, 3)) + abs(-2) + sqrt(16)", 9.0),
        ("exp(0) + log(1) + sin(0) + cos(0)", 2.0),
        ("4^0.5", 2.0),
    ] {
        assert!((number(text) - value).abs() < 1e-15, "{text}: {} instead of {value}", number(text));
    }
    assert!((number("pi") - std::f64::consts::PI).abs() < 1e-15);
}

#[test]
fn names_are_looked_up_in_the_scope() {
    assert_eq!(read("u"), Expr::field(0, &[]));
    assert_eq!(read("u_xtx"), Expr::field(0, &[0, 0, 1]));
    assert_eq!(read("temp_1_t"), Expr::field(1, &[1]));
    assert_eq!(read("kappa*weight"), Expr::unknown(0) * Expr::column(1));
    assert_eq!(read("d*u + d(u, x)"), Expr::constant("d", 2.0) * Expr::field(0, &[]) + Expr::field(0, &[0]));
    let long = Scope { axes: owned(&["radius", "time"]), fields: owned(&["u"]), ..Scope::default() };
    assert_eq!(parse("u_radiustime", &long), Ok(Expr::field(0, &[0, 1])));
    let unclear = Scope { axes: owned(&["a", "aa"]), fields: owned(&["u"]), ..Scope::default() };
    let message = parse("u_aa", &unclear).unwrap_err().message;
    assert_eq!(
        message,
        "`u_aa` has several meanings: the derivative of `u` along aa, or the derivative of `u` along a, a; rename one"
    );
    assert_eq!(parse("d(u, aa)", &unclear), Ok(Expr::field(0, &[1])));
}

#[test]
fn scopes_are_checked() {
    assert_eq!(scope().check(), Ok(()));
    let with = |change: fn(&mut Scope)| {
        let mut scope = scope();
        change(&mut scope);
        scope.check().unwrap_err()
    };
    for (message, wanted) in [
        (
            with(|s| s.constants[0].0 = "u".into()),
            "`u` is the name of a field and of a constant: choose another for one of them",
        ),
        (with(|s| s.axes[0] = "sin".into()), "`sin` cannot be the name of an axis: it already means something"),
        (with(|s| s.unknowns[0] = "pi".into()), "`pi` cannot be the name of an unknown: it already means something"),
        (
            with(|s| s.constants[0].0 = "u_xx".into()),
            "`u_xx` cannot be the name of a constant: it would be read as a derivative of `u`",
        ),
        (
            with(|s| s.fields[1] = "ψ".into()),
            "`ψ` cannot be the name of a field: a name is made of letters a–z, digits and _, and begins with a letter",
        ),
        (with(|s| s.axes = owned(&["a", "b", "c", "e", "f", "g"])), "there are 6 axes: at most 5 are possible"),
    ] {
        assert_eq!(message, wanted);
    }
}

#[test]
fn derivatives_are_expanded() {
    for (text, wanted) in [
        ("d(u^2, x)", "2*u*u_x"),
        ("d(u_x, x, t)", "u_xxt"),
        ("d(x^2*u, x)", "2*x*u + x^2*u_x"),
        ("d(exp(x)*u_x, x)", "exp(x)*u_x + exp(x)*u_xx"),
        ("d(1/u, t)", "-u_t/u^2"),
        ("d(sin(u), x)", "cos(u)*u_x"),
        ("d(kappa*u_x, x)", "kappa*u_xx"),
        ("d(nu*x, x)", "nu"),
        ("d(abs(u), x)", "sign(u)*u_x"),
        ("d(max(u, 0), x)", "choose(0, u, u_x, 0)"),
        ("d(u/3, x)", "u_x/3"),
        ("laplacian(u)", "u_xx + u_tt"),
        ("laplacian(u, x)", "u_xx"),
        ("laplacian(laplacian(u))", "u_xxxx + 2*u_xxtt + u_tttt"),
        ("u_t + u*u_x - nu*u_xx", "u_t + u*u_x - nu*u_xx"),
    ] {
        assert_eq!(read(text).show(&scope()).to_string(), wanted, "{text}");
    }
}

#[test]
fn mistakes_are_named_where_they_are() {
    for (text, column, message) in [
        ("", 1, "the expression is empty"),
        ("u +", 4, "the expression ends where a number, a name or ( should follow `+`"),
        ("u + * x", 5, "unexpected `*`: a number, a name or ( may stand here"),
        ("2u", 2, "an operator is missing between `2` and `u`: a product is written with *"),
        ("u (x + 1)", 1, "`u` is a field, not a function: a product is written u*(…)"),
        ("(u + x", 7, "the parenthesis opened at column 1 is not closed"),
        ("u + x)", 6, "this parenthesis closes nothing: one ( is missing, or this ) is too much"),
        ("u_t = nu*u_xx", 5, "unexpected `=`: an equation is written as its residual, left side minus right side"),
        ("u**2", 2, "a power is written with ^, not **"),
        ("u − x", 3, "unexpected `−`: the minus sign of the keyboard, -, is meant"),
        ("2·u", 2, "unexpected `·`: a product is written with *"),
        ("u²", 2, "unexpected `²`: a power is written with ^, as in u^2"),
        ("sin(π*x)", 5, "unexpected `π`: write pi"),
        ("kapa*u", 1, "unknown name `kapa`: did you mean `kappa`?"),
        ("u + qqqqqq", 5, "unknown name `qqqqqq`: the names here are x, t, u, temp_1, nu, d, kappa, weight, pi"),
        ("u_y", 1, "`u_y`: `y` is not made of axes, along which `u` could be differentiated (x, t)"),
        ("u_xxxxx", 1, "`u_xxxxx` is a derivative of an order above 4, which is the highest"),
        ("x*d(u_xxt, x, t)", 3, "this takes a derivative of order 5, and 4 is the highest"),
        ("sin", 1, "`sin` is a function: write sin(…)"),
        ("sine(x)", 1, "unknown function `sine`: did you mean `sin`?"),
        ("sin(x, t)", 1, "`sin` takes one argument, not 2"),
        ("1 + max(x)", 5, "`max` takes two arguments, not 1"),
        ("sin()", 5, "`sin` needs an argument"),
        ("d(u)", 1, "`d` needs the axes along which it differentiates, as in d(u, x)"),
        ("d(u, y)", 6, "unknown axis `y`: choose one of x, t"),
        ("d(u, 2)", 6, "`d` differentiates along axes: the name of one must stand here"),
        ("d(weight, x)", 1, "a column of a data file is known at its points only and has no derivative"),
        ("u^1e9", 3, "an exponent of 1000000000 is too large: it may be 64 at most"),
        ("(u^60)^60", 8, "the powers make up one of 3600: 64.0 is the highest"),
        ("u/0", 3, "this divides by 0"),
        ("0^-1", 3, "this divides by 0"),
        ("1e400", 1, "`1e400` is too large for a number"),
        ("u, x", 2, "a comma stands between the arguments of a function only"),
        ("(u, x)", 3, "a comma stands between the arguments of a function only"),
        ("u ? x", 3, "unexpected `?`: it has no meaning in an expression"),
        ("min(u, x", 9, "the parenthesis opened at column 4 is not closed"),
    ] {
        let error = parse(text, &scope()).expect_err(text);
        assert_eq!((error.column, error.message.as_str()), (column, message), "{text}");
    }
}

/// Whatever is nested, repeated or expanded without end is refused in a moment, and long texts that are not too long are read.
#[test]
fn depth_and_size_are_bounded() {
    let started = Instant::now();
    let refused = |text: &str| parse(text, &scope()).expect_err("too much").message;
    let nested = |open: &str, count: usize, close: &str| format!("{}u{}", open.repeat(count), close.repeat(count));
    assert_eq!(refused(&nested("(", 9_999, ")")), "nested too deeply: more than 100 levels");
    assert_eq!(refused(&"-".repeat(9_999)), "nested too deeply: more than 100 levels");
    assert_eq!(refused(&"2^".repeat(9_999)), "nested too deeply: more than 100 levels");
    assert_eq!(refused(&nested("sin(", 999, ")")), "nested too deeply: more than 100 levels");
    assert!(refused(&"u".repeat(20_001)).starts_with("the expression is 20001 bytes long"));
    assert!(refused(&format!("u{}", "/x".repeat(9_999))).starts_with("the expression is nested too deeply"));
    assert!(refused(&nested("d(exp(", 49, "), x)").replace('u', "x")).contains("too large"));
    assert!(refused(&format!("d({}, x, x)", nested("sin(1/", 90, ")").replace('u', "x"))).contains("too large"));
    let many = "d(sin(x*u)*exp(x)*cos(x)*tanh(u)*log(x), x, x, x, x)+".repeat(300) + "u";
    assert!(refused(&many).contains("too large"));
    let chain = format!("u{}", "/x".repeat(290));
    assert!(refused(&format!("d({chain}, x, x, x)")).contains("too"));
    read(&format!("d({}, x)", chain.replace("/x", "/t")));
    read(&vec!["u*x^2"; 3_000].join("+"));
    read(&(0..1_500).map(|i| format!("{i}*sin(x)")).collect::<Vec<_>>().join("*"));
    let factors = read(&format!("d({}, x, x)", (0..60).map(|i| format!("(u+{i})")).collect::<Vec<_>>().join("*")));
    assert!(factors.size() < MAX_SIZE);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// A deterministic stream of numbers.
pub struct Numbers(pub u32, pub u32);

impl Numbers {
    fn below(&mut self, bound: u32) -> u32 {
        self.1 += 1;
        philox([self.0, self.1, 3, 5], [7, 11])[0] % bound
    }
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * f64::from(self.below(1 << 20)) / f64::from(1 << 20)
    }
}

/// A random text of many operations, and its value by plain arithmetic where `leaves` have these values. Divisors,
/// logarithms and roots are kept away from zero.
fn random(numbers: &mut Numbers, depth: usize, leaves: &[(&str, f64)]) -> (String, f64) {
    if depth == 0 || numbers.below(8) == 0 {
        if numbers.below(4) == 0 {
            let value = f64::from(numbers.below(9)) / 2.0;
            return (format!("{value}"), value);
        }
        let (name, value) = leaves[numbers.below(leaves.len() as u32) as usize];
        return (name.to_owned(), value);
    }
    let which = numbers.below(20);
    let (a, x) = random(numbers, depth - 1, leaves);
    let (b, y) = random(numbers, depth - 1, leaves);
    match which {
        0..=2 => (format!("({a} + {b})"), x + y),
        3 | 4 => (format!("({a} - {b})"), x - y),
        5..=7 => (format!("({a})*({b})"), x * y),
        8 => (format!("({a})/(2 + ({b})^2)"), x / (2.0 + y * y)),
        9 => (format!("-({a})"), -x),
        10 => (format!("({a})^3"), x * x * x),
        11 => (format!("sin({a})"), x.sin()),
        12 => (format!("cos(pi*({a}))"), (std::f64::consts::PI * x).cos()),
        13 => (format!("tanh({a})"), x.tanh()),
        14 => (format!("exp(sin({a}))"), x.sin().exp()),
        15 => (format!("log(1 + ({a})^2)"), (1.0 + x * x).ln()),
        16 => (format!("sqrt(1 + ({a})^2)"), (1.0 + x * x).sqrt()),
        17 => (format!("(sinh(tanh({a})) - cosh(sin({b})))"), x.tanh().sinh() - y.sin().cosh()),
        18 => (format!("(max({a}, {b}) - min({b}, abs({a})))"), x.max(y) - y.min(x.abs())),
        _ => (format!("(2 + sin({a}))^(1.5*sin({b}))"), (2.0 + x.sin()).powf(1.5 * y.sin())),
    }
}

const LEAVES: [(&str, Leaf); 6] = [
    ("x", Leaf::Axis(0)),
    ("t", Leaf::Axis(1)),
    ("u", Leaf::Field { field: 0, index: MultiIndex::VALUE }),
    ("temp_1", Leaf::Field { field: 1, index: MultiIndex::VALUE }),
    ("kappa", Leaf::Unknown(0)),
    ("weight", Leaf::Column(1)),
];

/// Random expressions with the values of their leaves.
fn random_cases(count: u32) -> impl Iterator<Item = (String, f64, [f64; 6])> {
    (0..count).map(|case| {
        let mut numbers = Numbers(case, 0);
        let values: [f64; 6] = std::array::from_fn(|_| numbers.between(-1.5, 1.5));
        let named: Vec<(&str, f64)> = LEAVES.iter().zip(values).map(|((name, _), value)| (*name, value)).collect();
        let depth = 2 + case as usize % 5;
        let (text, value) = random(&mut numbers, depth, &named);
        (text, value, values)
    })
}

fn place(leaf: &Leaf) -> usize {
    LEAVES.iter().position(|(_, own)| own == leaf).expect("one of the leaves")
}

fn close(got: f64, wanted: f64, tolerance: f64) -> bool {
    (got - wanted).abs() <= tolerance * wanted.abs().max(1.0) || !wanted.is_finite() || wanted.abs() > 1e9
}

#[test]
fn simplification_and_printing_keep_values() {
    for (text, wanted, values) in random_cases(3_000) {
        let expression = read(&text);
        let value = |expression: &Expr| expression.evaluate(&mut |leaf: &Leaf| values[place(leaf)]);
        assert!(close(value(&expression), wanted, 1e-9), "{text}: {} instead of {wanted}", value(&expression));
        let shown = expression.show(&scope()).to_string();
        let again = read(&shown);
        assert!(
            close(value(&again), wanted, 1e-9),
            "{text} is shown as {shown}: {} instead of {wanted}",
            value(&again)
        );
    }
}

#[test]
fn partial_derivatives_match_differences_and_the_tape() {
    let mut compared = 0;
    for (text, _, values) in random_cases(1_500) {
        let expression = read(&text);
        let taped = tape::reset(&values);
        let root = expression.evaluate(&mut |leaf: &Leaf| taped[place(leaf)]);
        let by_tape = tape::gradient(root, &taped);
        let leaves: Vec<Leaf> = expression.leaves().into_iter().collect();
        let gradient = Program::new(&expression.gradient(&leaves)).evaluate(&mut |leaf: &Leaf| values[place(leaf)]);
        for (leaf, together) in leaves.iter().zip(gradient) {
            let i = place(leaf);
            let alone = expression.derivative(*leaf).evaluate(&mut |leaf: &Leaf| values[place(leaf)]);
            let at = |h: f64| {
                let mut moved = values;
                moved[i] += h;
                expression.evaluate(&mut |leaf: &Leaf| moved[place(leaf)])
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(close(alone, by_tape[i], 1e-8), "{text} by {leaf:?}: {alone}, tape {}", by_tape[i]);
            assert!(close(together, by_tape[i], 1e-8), "{text} by {leaf:?}: {together}, tape {}", by_tape[i]);
            // differences lose digits where the expression is large or bends within a step
            let scale = (1.0 + at(0.0).abs()) * (1.0 + by_tape[i].abs());
            if scale < 1e3 {
                compared += 1;
                assert!(
                    (difference - alone).abs() < 1e-4 * scale,
                    "{text} by {leaf:?}: {alone}, difference {difference}"
                );
            }
        }
    }
    assert!(compared > 1_000, "{compared}");
}

/// u = sin(ax + bt) with all its derivatives, and the same for the other field.
fn wave(field: usize, index: MultiIndex, point: [f64; 2]) -> f64 {
    let (a, b) = ([0.7, -0.4][field], [0.5, 0.9][field]);
    let phase = a * point[0] + b * point[1] + std::f64::consts::FRAC_PI_2 * index.order() as f64;
    f64::powi(a, index.along(0) as i32) * f64::powi(b, index.along(1) as i32) * phase.sin()
}

#[test]
fn total_derivatives_match_differences_along_the_axes() {
    for (text, _, values) in random_cases(600) {
        let expression = read(&text);
        let at = |expression: &Expr, point: [f64; 2]| {
            expression.evaluate(&mut |leaf: &Leaf| match *leaf {
                Leaf::Axis(axis) => point[axis],
                Leaf::Field { field, index } => wave(field, index, point),
                _ => values[4],
            })
        };
        let point = [values[0], values[1]];
        for axis in 0..2 {
            let moved = |h: f64| std::array::from_fn(|i| if i == axis { point[i] + h } else { point[i] });
            match expression.along(axis) {
                Ok(derivative) => {
                    let got = at(&derivative, point);
                    let wanted = (at(&expression, moved(1e-5)) - at(&expression, moved(-1e-5))) / 2e-5;
                    let scale = (1.0 + at(&expression, point).abs()) * (1.0 + got.abs());
                    assert!(
                        scale > 1e3 || (got - wanted).abs() < 1e-4 * scale,
                        "{text} along {axis}: {got}, not {wanted}"
                    );
                }
                Err(message) => assert!(message.contains("column") && text.contains("weight"), "{text}: {message}"),
            }
        }
    }
}

#[test]
fn a_long_product_has_a_short_derivative() {
    let factors: Vec<Expr> = (0..64).map(|i| Expr::axis(0) + f64::from(i)).collect();
    let product = Expr::product(factors);
    let derivative = product.along(0).unwrap();
    assert!(derivative.size() < 20 * product.size(), "{} of {}", derivative.size(), product.size());
    let gradient = &product.gradient(&[Leaf::Axis(0)])[0];
    assert!(Program::new(std::slice::from_ref(gradient)).len() < 2_000);
    let value = |e: &Expr| e.evaluate(&mut |_: &Leaf| 0.01_f64) / product.evaluate(&mut |_: &Leaf| 0.01_f64);
    let wanted: f64 = (0..64).map(|i| 1.0 / (0.01 + f64::from(i))).sum();
    assert!(close(value(&derivative), wanted, 1e-12) && close(value(gradient), wanted, 1e-12));
}

#[test]
fn programs_compute_what_is_shared_once() {
    let shared = read("sin(u) + sin(u)^2");
    let program = Program::new(&[shared.clone(), read("sin(u)")]);
    assert_eq!((program.len(), program.leaves().count()), (4, 1));
    let taped = tape::reset(&[0.3]);
    let results: Vec<Var> = program.evaluate(&mut |_: &Leaf| taped[0]);
    assert_eq!(tape::gradient(results[1], &taped), [0.3_f64.cos()]);
    assert!(matches!(shared.op(), Op::Sum(parts) if parts.len() == 2));
}
