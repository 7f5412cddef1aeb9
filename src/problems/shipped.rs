//! The problem files that are part of the program: examples to run, to read and to change.

use std::sync::OnceLock;

use super::{FileProblem, Problem, file};

/// A problem file and the files that it names.
pub struct Shipped {
    pub name: &'static str,
    pub text: &'static str,
    pub files: &'static [(&'static str, &'static str)],
}

macro_rules! shipped {
    ($($name:literal $(with $($file:literal),+)?;)*) => {
        &[$(Shipped {
            name: $name,
            text: include_str!(concat!("../../assets/problems/", $name, ".toml")),
            files: &[$($(($file, include_str!(concat!("../../assets/problems/", $file)))),+)?],
        }),*]
    };
}

/// All of them, in the order `list` prints them.
pub static ALL: &[Shipped] = shipped! {
    "heat";
    "wave";
    "advection-diffusion";
    "reaction-diffusion" with "reaction-diffusion.csv";
    "allen-cahn" with "allen-cahn.csv";
    "korteweg-de-vries";
    "plate";
    "poisson-3d";
    "laplace-hole";
    "lorenz" with "lorenz.csv";
    "burgers-inverse" with "burgers-inverse.csv", "burgers-inverse-exact.csv";
};

/// A file to start from, whose name is `my-equation`.
pub const TEMPLATE: &str = include_str!("../../assets/problems/template.toml");

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|shipped| shipped.name)
}

/// The problem of the shipped file called `name`.
pub fn find(name: &str) -> Option<&'static dyn Problem> {
    ALL.iter().position(|shipped| shipped.name == name).map(|number| problem(number) as &dyn Problem)
}

/// All of them as problems.
pub fn problems() -> Vec<&'static dyn Problem> {
    (0..ALL.len()).map(|number| problem(number) as &dyn Problem).collect()
}

/// Reads a file when it is first asked for.
fn problem(number: usize) -> &'static FileProblem {
    static READ: [OnceLock<FileProblem>; ALL.len()] = [const { OnceLock::new() }; ALL.len()];
    READ[number].get_or_init(|| {
        let Shipped { name, text, files } = &ALL[number];
        let mut load = |wanted: &str| {
            let found = files.iter().find(|(file, _)| *file == wanted);
            found.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| "it is not part of the program".to_owned())
        };
        // the tests read all of them
        file::read(text, &mut load).unwrap_or_else(|what| panic!("the shipped file of `{name}`: {what}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_states_a_problem_of_its_name_that_is_compared_with_something() {
        for (shipped, problem) in ALL.iter().zip(problems()) {
            assert_eq!(shipped.name, problem.name());
            assert!(crate::problems::find(shipped.name).is_err(), "`{}` is built in as well", shipped.name);
            assert!(problem.solution().is_some(), "{}", shipped.name);
            let named: Vec<&str> = problem.file().unwrap().files.iter().map(|(name, _)| name.as_str()).collect();
            assert!(shipped.files.iter().all(|(file, _)| named.contains(file)), "{}: {named:?}", shipped.name);
        }
        assert_eq!(file::read(TEMPLATE, &mut |_| unreachable!("it names no file")).unwrap().name(), "my-equation");
    }

    /// Reference solutions that are written as expressions solve their equations.
    #[test]
    fn exact_solutions_meet_their_conditions() {
        use crate::expressions::{Expr, Leaf, Scope, parse};
        for (name, exact) in [
            ("heat", "exp(-k*pi^2*t)*sin(pi*x) + 0.5*exp(-9*k*pi^2*t)*sin(3*pi*x)"),
            ("wave", "sin(pi*x)*cos(c*pi*t) + 0.5*sin(2*pi*x)*cos(2*c*pi*t)"),
            ("advection-diffusion", "exp(-t)*sin(pi*x)"),
            ("korteweg-de-vries", "c/2/cosh(sqrt(c)/2*(x - c*t))^2"),
            ("plate", "sin(pi*x)*sin(pi*y)"),
            ("poisson-3d", "sin(pi*x)*sin(pi*y)*sin(pi*z)"),
            ("laplace-hole", "0.5*log(x^2 + y^2)"),
        ] {
            let problem = find(name).unwrap();
            assert!(problem.solution().unwrap().origin.contains(exact), "{name} has another reference");
            let scope = Scope { fields: Vec::new(), ..problem.statement().scope.clone() };
            let u = parse(exact, &scope).unwrap();
            for (term, equation) in problem.statement().equations.iter().enumerate() {
                let set = &problem.sets()[term];
                let points =
                    problem.given(term, 20).unwrap_or_else(|| crate::math::sampling::points(1, 0, 0, &set.regions, 20));
                for point in points.chunks(problem.axes().len()) {
                    let point: Vec<f64> = point.iter().map(|&x| f64::from(x)).collect();
                    let coordinate = |leaf: &Leaf| match *leaf {
                        Leaf::Axis(axis) => point[axis],
                        _ => unreachable!("coordinates alone are in scope"),
                    };
                    let derivative = |index: crate::math::MultiIndex| {
                        let along = |u: Expr, axis| u.along(axis).unwrap();
                        index
                            .axes()
                            .into_iter()
                            .fold(u.clone(), along)
                            .evaluate(&mut { |leaf: &Leaf| coordinate(leaf) })
                    };
                    for (text, component) in equation.texts.iter().zip(&equation.components) {
                        let r: f64 = component.evaluate(&mut |leaf: &Leaf| match *leaf {
                            Leaf::Field { index, .. } => derivative(index),
                            _ => coordinate(leaf),
                        });
                        // points are numbers of 32 bits
                        assert!(r.abs() < 1e-5, "{name}: {text} is {r} at {point:?}");
                    }
                }
            }
        }
    }
}
