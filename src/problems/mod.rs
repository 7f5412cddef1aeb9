//! What is solved: equations, their points and data, and what the answer is compared with. One file per
//! problem; a problem does not know the network.

pub mod burgers;
pub mod cavity;
pub mod cavity_uvp;
pub mod equations;
pub mod file;
pub mod ghia;
pub mod helmholtz;
pub mod klein_gordon;
pub mod poisson_5d;
pub mod preset;
pub mod reference;
pub mod schrodinger;
pub mod shipped;
pub mod solution;
pub mod statement;

pub use crate::math::sampling::Region;
pub use burgers::Burgers;
pub use cavity::Cavity;
pub use cavity_uvp::CavityUvp;
pub use equations::FieldDerivatives;
pub use file::FileProblem;
pub use helmholtz::Helmholtz;
pub use klein_gordon::KleinGordon;
pub use poisson_5d::Poisson5d;
pub use preset::{Preset, Sampling};
pub use schrodinger::Schrodinger;
pub use solution::{Errors, EvaluationSet, Grid, GridAxis, Observable, Quantity, Solution, errors};
pub use statement::{Carried, Equation, Statement};

use crate::math::{Jet, Var, names};

/// Every problem with its default parameters, in the order `list` prints them.
pub static ALL: &[&dyn Problem] = &[
    &Burgers,
    &Helmholtz::ONE_FOUR,
    &Helmholtz::FOUR_FOUR,
    &KleinGordon::DEFAULT,
    &Cavity::DEFAULT,
    &CavityUvp::DEFAULT,
    &Poisson5d,
    &Schrodinger,
];

/// The problem called `name`; the error says what was probably meant.
pub fn find(name: &str) -> Result<&'static dyn Problem, String> {
    ALL.iter().copied().find(|problem| problem.name() == name).ok_or_else(|| {
        let known: Vec<&str> = ALL.iter().map(|problem| problem.name()).collect();
        names::unknown("problem", name, &known)
    })
}

/// One physical coordinate and how the network sees it: x̂ = slope·x + offset.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// "x", "y" or "t".
    pub name: &'static str,
    /// The lower end of the domain.
    pub lower: f64,
    /// The upper end of the domain.
    pub upper: f64,
    /// Factor of the normalisation; every derivative stays in physical coordinates.
    pub slope: f64,
    /// Summand of the normalisation.
    pub offset: f64,
}

impl Axis {
    /// The axis `lower..upper`, mapped onto −1..1.
    pub const fn symmetric(name: &'static str, lower: f64, upper: f64) -> Self {
        let slope = 2.0 / (upper - lower);
        Self { name, lower, upper, slope, offset: -1.0 - slope * lower }
    }
}

/// An equation on one or more point sets: one loss and one gradient row. The loss is the mean over the points of
/// a set of the sum of squared components of the residual; the means of several sets are added up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// Its public name, such as "pde" or "lid".
    pub name: &'static str,
    /// The indices of its point sets, each with a mean of its own; terms may share a set.
    pub sets: &'static [usize],
    /// The axis along which its points have partners at the upper end of the domain: the residual is then that of the jump
    /// of the fields, of what they have more at a point than at its partner.
    pub partner: Option<usize>,
    /// What its loss is multiplied with.
    pub weight: f64,
}

impl Term {
    /// A term that stands for itself, of weight one.
    pub const fn new(name: &'static str, sets: &'static [usize]) -> Self {
        Self { name, sets, partner: None, weight: 1.0 }
    }
}

/// A number that is trained with the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown {
    pub name: &'static str,
    /// What it starts with.
    pub start: f64,
    /// What it stays above; −∞ where nothing is said.
    pub lower: f64,
    /// What it stays below.
    pub upper: f64,
}

/// Owned texts, one list per term.
fn texts(terms: &[&[&str]]) -> Vec<Vec<String>> {
    terms.iter().map(|components| components.iter().map(|&text| text.to_owned()).collect()).collect()
}

/// Where points are drawn: n of them are split over the regions in order, as evenly as possible
/// ([`crate::math::sampling::region_of`]).
#[derive(Clone, Debug, PartialEq)]
pub struct PointSet {
    /// Its key in a points file.
    pub name: &'static str,
    /// The boxes, each with one entry per axis.
    pub regions: Vec<Region>,
}

/// A number of the problem that a user may set.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its present value.
    pub value: f64,
    /// One line of explanation.
    pub meaning: &'static str,
}

/// A benchmark problem in f64: the meaning that the shaders are tested against.
pub trait Problem: Sync + Send {
    /// The public name, such as "klein-gordon".
    fn name(&self) -> &'static str;
    /// The title of reports.
    fn title(&self) -> &'static str;
    /// The equation on one line.
    fn equation(&self) -> &'static str;
    /// The coordinates in order; axis 0 is x, axis 1 is t or y.
    fn axes(&self) -> Vec<Axis>;
    /// The names of the network's outputs in order.
    fn fields(&self) -> &'static [&'static str];
    /// The terms of the loss, the differential equation first.
    fn terms(&self) -> Vec<Term>;
    /// The point sets in the order of the keys of a points file.
    fn sets(&self) -> Vec<PointSet>;
    /// The point set whose random numbers set number `set` takes. Its own by default; with another's it has the same
    /// free coordinates, as long as both have as many points.
    fn stream(&self, set: usize, _sampling: Sampling) -> usize {
        set
    }
    /// Whether regions 2r and 2r + 1 of set number `set` have the same free coordinates, place by place.
    fn opposite(&self, _set: usize, _sampling: Sampling) -> bool {
        false
    }
    /// Named numbers that the residuals may use.
    fn constants(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
    /// The residual of every term, one text per component, in the words of [`crate::expressions`].
    fn residuals(&self) -> Vec<Vec<String>>;
    /// The same as expressions, with what follows from them.
    fn statement(&self) -> &'static Statement {
        Statement::of(self)
    }
    /// Points of set number `set` that the host draws, once and for all runs; none where the device draws them.
    fn given(&self, _set: usize, _count: usize) -> Option<Vec<f32>> {
        None
    }
    /// How many points set number `set` has, where a file decides.
    fn count(&self, _set: usize) -> Option<usize> {
        None
    }
    /// Numbers that are trained with the network.
    fn unknowns(&self) -> &[Unknown] {
        &[]
    }
    /// The file that states it.
    fn file(&self) -> Option<&FileProblem> {
        None
    }
    /// The published settings and the small one, "paper" first.
    fn presets(&self) -> Vec<Preset>;
    /// The nodes on which the answer is drawn and, unless there are [scattered](Self::scattered) points, compared.
    fn grid(&self) -> Grid;
    /// What is computed from the fields; the first is the one that is drawn.
    fn observables(&self) -> Vec<Observable>;
    /// The known answer at the points of [`Problem::evaluation_set`]; none for parameters without one.
    fn solution(&self) -> Option<Solution>;

    /// Points at which the answer is compared instead of the grid's nodes, flat [n, axes]; none by default.
    fn scattered(&self) -> Vec<f64> {
        Vec::new()
    }
    /// Where the grid lies on the axes after the first two.
    fn slice(&self) -> Vec<f64> {
        Vec::new()
    }
    /// Names of the observables whose distance from the known answer is the error: the components of one vector. The
    /// first observable by default.
    fn compared(&self) -> Vec<&'static str> {
        vec![self.observables()[0].name]
    }
    /// Where the network is evaluated.
    fn evaluation_set(&self) -> EvaluationSet {
        EvaluationSet::new(self.scattered(), &self.grid(), &self.slice())
    }

    /// The numbers a user may set; none by default.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }
    /// The same problem with one parameter changed.
    ///
    /// # Errors
    /// The name is unknown or the value makes no sense.
    fn with(&self, parameter: &str, _value: f64) -> Result<Box<dyn Problem>, String> {
        Err(format!("{} has no parameter `{parameter}`: leave --{parameter} out", self.name()))
    }

    /// The preset called `name`; the error says what was probably meant.
    fn preset(&self, name: &str) -> Result<Preset, String> {
        let presets = self.presets();
        let known: Vec<&str> = presets.iter().map(|preset| preset.name).collect();
        let message = names::unknown("preset", name, &known);
        presets.into_iter().find(|preset| preset.name == name).ok_or(message)
    }
    /// How many components the residual of term number `term` has.
    fn components_of(&self, term: usize) -> usize {
        self.statement().equations[term].components.len()
    }
    /// The residual of term number `term`, given what is known there; where points have partners, `u` is the jump of the
    /// fields between the two.
    fn residual_of(&self, term: usize, u: &mut dyn FieldDerivatives, data: &[f64]) -> Vec<Var> {
        self.statement().equations[term].residual(u, data)
    }
    /// What is known of term number `term` at `point` before the network is asked, such as a right-hand side.
    fn data(&self, term: usize, point: &[f64]) -> Vec<f64> {
        self.statement().equations[term].known_at(point, &[])
    }
    /// What the points of the differential equation carry.
    fn jet(&self) -> Jet {
        self.statement().main.jet
    }
    /// The constants c of the stream Σ cᵢ ∂ᵢᵢu, one per axis; empty where nothing carries one.
    fn laplacian(&self) -> &'static [f64] {
        &self.statement().main.laplacian
    }
    /// What term number `term` needs by itself; in a run it may travel with more.
    fn jet_of(&self, term: usize) -> Jet {
        self.statement().own[term]
    }
    /// Where the points of term number `term` have their partners: the axis, and the coordinate of the partner there.
    fn partner(&self, term: usize) -> Option<(usize, f64)> {
        let axis = self.terms()[term].partner?;
        Some((axis, self.axes()[axis].upper))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_slips_are_named() {
        for problem in ALL {
            assert_eq!(find(problem.name()).unwrap().title(), problem.title());
        }
        let message = find("klein-gordan").err().unwrap();
        assert_eq!(message, "unknown problem `klein-gordan`: did you mean `klein-gordon`?");
        assert!(find("cavity").unwrap().preset("papr").unwrap_err().contains("`paper`"));
    }

    #[test]
    fn every_problem_is_consistent() {
        for problem in ALL {
            let (axes, sets, terms) = (problem.axes(), problem.sets(), problem.terms());
            for set in &sets {
                for region in &set.regions {
                    assert_eq!(region.lower.len(), axes.len());
                    assert_eq!(region.upper.len(), axes.len());
                }
            }
            for (i, term) in terms.iter().enumerate() {
                assert!(!term.sets.is_empty(), "{} `{}` has no points", problem.name(), term.name);
                for &set in term.sets {
                    let point = &sets[set].regions[0].lower;
                    assert!(problem.data(i, point).iter().all(|known| known.is_finite()));
                }
            }
            let presets = problem.presets();
            assert_eq!(presets.iter().map(|p| p.name).collect::<Vec<_>>(), ["paper", "revised", "quick"]);
            assert!(presets.iter().all(|preset| preset.points.len() == sets.len()));
            assert_eq!(problem.statement().equations.len(), terms.len());
            let jet = match problem.name() {
                "cavity" => Jet::Third,
                "poisson-5d" => Jet::Second5d,
                _ => Jet::Second,
            };
            assert_eq!(problem.jet(), jet, "{}", problem.name());
            let solution = problem.solution().expect("the defaults have a solution");
            let points = problem.evaluation_set().points.len() / axes.len();
            assert!(solution.values.iter().all(|(_, values)| values.len() == points));
            let observables = problem.observables();
            assert_eq!(solution.values[0].0, observables[0].name);
            for name in problem.compared() {
                assert!(solution.of(name).is_some() && observables.iter().any(|o| o.name == name), "{name}");
            }
        }
    }
}
