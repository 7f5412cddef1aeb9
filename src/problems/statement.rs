//! What a problem's terms say, as expressions: from these follow the residual in f64, what is known at a point before the
//! network is asked, which derivatives points carry through the network, and the kernels' residuals with their adjoints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::Problem;
use super::equations::FieldDerivatives;
use crate::expressions::{Expr, Leaf, Program, Scope, analysis, parse, split};
use crate::math::{Jet, Real, Var};

/// What holds on the points of a term: components that the network should make zero.
pub struct Equation {
    /// The components as they are written.
    pub texts: Vec<String>,
    /// In fields, coordinates, constants, unknowns and columns of data.
    pub components: Vec<Expr>,
    /// What is known at a point before the network is asked: at most four numbers.
    pub known: Vec<Expr>,
    /// The components with these numbers in their places.
    pub residuals: Vec<Expr>,
    /// The highest order of a derivative.
    pub order: usize,
    /// Whether what is known comes from a file, point by point.
    pub measured: bool,
    known_program: Program,
    program: Program,
}

impl Equation {
    /// Cuts out of `components` what is known.
    ///
    /// # Errors
    /// It is more than a sample has room for.
    pub fn new(texts: Vec<String>, components: Vec<Expr>) -> Result<Equation, String> {
        let split = split(&components)?;
        let known_program = Program::new(&split.columns);
        let program = Program::new(&split.residuals);
        let order = analysis::needed(&components).into_iter().map(|(_, index)| index.order()).max().unwrap_or(0);
        let measured = known_program.leaves().any(|leaf| matches!(leaf, Leaf::Column(_)));
        let (known, residuals) = (split.columns, split.residuals);
        Ok(Equation { texts, components, known, residuals, order, measured, known_program, program })
    }

    /// The known numbers at a point; `columns` is what was measured there.
    pub fn known_at(&self, point: &[f64], columns: &[f64]) -> Vec<f64> {
        self.known_program.evaluate(&mut |leaf: &Leaf| match *leaf {
            Leaf::Axis(axis) => point[axis],
            Leaf::Column(column) => columns[column],
            _ => unreachable!("known before the network is asked"),
        })
    }

    /// The residual in plain numbers; `leaf` is asked for derivatives of fields and for unknowns.
    pub fn value(&self, leaf: &mut dyn FnMut(&Leaf) -> f64, known: &[f64]) -> Vec<f64> {
        self.program.evaluate(&mut |own: &Leaf| match *own {
            Leaf::Known(number) => known[number],
            _ => leaf(own),
        })
    }

    /// The residual, given what is known.
    pub fn residual(&self, u: &mut dyn FieldDerivatives, known: &[f64]) -> Vec<Var> {
        self.program.evaluate(&mut |leaf: &Leaf| match *leaf {
            Leaf::Field { field, index } => u.d(field, &index.axes()),
            Leaf::Unknown(unknown) => u.unknown(unknown),
            Leaf::Known(number) => Var::constant(known[number]),
            _ => unreachable!("coordinates and columns are known"),
        })
    }
}

/// What the points of some terms carry through the network together.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The numbers of the terms.
    pub terms: Vec<usize>,
    pub jet: Jet,
    /// The constants of its generalised Laplacian, one per axis; empty where it has none.
    pub laplacian: Vec<f64>,
    /// Components of each term in the streams of the jet.
    pub residuals: Vec<Vec<Expr>>,
}

/// The equations of all terms.
pub struct Statement {
    pub scope: Scope,
    pub equations: Vec<Equation>,
    /// What each term needs by itself.
    pub own: Vec<Jet>,
    /// All terms in one; an error where a jet cannot hold what they need together.
    pub all: Result<Carried, String>,
    /// The terms of second and higher order: the differential equation. All, where there are none.
    pub main: Carried,
    /// The others, conditions mostly.
    pub rest: Option<Carried>,
}

impl Statement {
    /// Finds out what points carry.
    ///
    /// # Errors
    /// The number of a term and why no jet holds what it needs.
    pub fn new(scope: Scope, equations: Vec<Equation>) -> Result<Statement, (usize, String)> {
        let axes = scope.axes.len();
        let alone = |(term, equation)| carried(&[(term, equation)], axes).map_err(|what| (term, what));
        let own = equations.iter().enumerate().map(alone).collect::<Result<Vec<_>, _>>()?;
        let own = own.into_iter().map(|carried| carried.jet).collect();
        let every: Vec<(usize, &Equation)> = equations.iter().enumerate().collect();
        let (high, low): (Vec<_>, Vec<_>) = every.iter().copied().partition(|(_, equation)| equation.order >= 2);
        let all = carried(&every, axes);
        let main = match high.first() {
            None => all.clone().map_err(|what| (0, what))?,
            Some((first, _)) => carried(&high, axes).map_err(|what| (*first, what))?,
        };
        let rest = match (high.first(), low.first()) {
            (Some(_), Some((first, _))) => Some(carried(&low, axes).map_err(|what| (*first, what))?),
            _ => None,
        };
        Ok(Statement { scope, equations, own, all, main, rest })
    }

    /// The statement of a problem that is part of the program, made once for each set of its constants.
    ///
    /// # Panics
    /// On a mistake in one of its texts, which the tests of all problems find.
    pub fn of<P: Problem + ?Sized>(problem: &P) -> &'static Statement {
        static MADE: Mutex<BTreeMap<String, &'static Statement>> = Mutex::new(BTreeMap::new());
        let constants: Vec<(String, f64)> =
            problem.constants().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let key = format!("{} {constants:?}", problem.name());
        if let Some(made) = MADE.lock().expect("nothing panics while it is held").get(&key) {
            return made;
        }
        let scope = Scope {
            axes: problem.axes().iter().map(|axis| axis.name.to_owned()).collect(),
            fields: problem.fields().iter().map(|&name| name.to_owned()).collect(),
            constants,
            ..Scope::default()
        };
        let equation = |texts: Vec<String>| {
            let component = |text: &String| {
                parse(text, &scope).unwrap_or_else(|error| panic!("{}, {text}: {}", problem.name(), error.message))
            };
            let components = texts.iter().map(component).collect();
            Equation::new(texts, components).unwrap_or_else(|what| panic!("{}: {what}", problem.name()))
        };
        let equations = problem.residuals().into_iter().map(equation).collect();
        let made =
            Statement::new(scope.clone(), equations).unwrap_or_else(|(_, what)| panic!("{}: {what}", problem.name()));
        let mut all = MADE.lock().expect("nothing panics while it is held");
        all.entry(key).or_insert_with(|| Box::leak(Box::new(made)))
    }

    /// All of it as text: two statements with the same text have the same kernels.
    pub fn text(&self) -> String {
        let equations = self.equations.iter().map(|equation| equation.texts.join("; "));
        format!("{:?}\n{}", self.scope, equations.collect::<Vec<_>>().join("\n"))
    }
}

/// What the points of `terms` carry: of the jets that will do the one with the fewest numbers.
fn carried(terms: &[(usize, &Equation)], axes: usize) -> Result<Carried, String> {
    let components: Vec<&[Expr]> = terms.iter().map(|(_, equation)| &equation.residuals[..]).collect();
    let rewritten = |rewrite: &dyn Fn(&Expr) -> Expr| -> Vec<Vec<Expr>> {
        components.iter().map(|term| term.iter().map(rewrite).collect()).collect()
    };
    let needs = |residuals: &[Vec<Expr>]| {
        analysis::needed(&residuals.concat()).into_iter().map(|(_, index)| index).collect::<BTreeSet<_>>()
    };
    let made = |residuals: Vec<Vec<Expr>>, jet: Jet, laplacian: Vec<f64>| Carried {
        terms: terms.iter().map(|(term, _)| *term).collect(),
        jet,
        laplacian,
        residuals,
    };
    if let Some(c) = analysis::laplacian(&components, axes) {
        let residuals = rewritten(&|component| analysis::with_laplacian(component, &c));
        let of: Vec<usize> = (0..axes).filter(|&axis| c[axis] != 0.0).collect();
        let jet = Jet::covering(needs(&residuals), axes, &of)?;
        return Ok(made(residuals, jet, c));
    }
    if analysis::only_laplacian_slopes(&components) {
        return Ok(made(rewritten(&analysis::with_laplacian_slopes), Jet::Third, Vec::new()));
    }
    let residuals = rewritten(&Expr::clone);
    let jet = Jet::covering(needs(&residuals), axes, &[])?;
    Ok(made(residuals, jet, Vec::new()))
}
