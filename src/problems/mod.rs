//! What is solved: equations, their points and data, and what the answer is compared with. One file per
//! problem; a problem does not know the network.

pub mod burgers;
pub mod cavity;
pub mod cavity_uvp;
pub mod equations;
pub mod ghia;
pub mod helmholtz;
pub mod klein_gordon;
pub mod poisson_5d;
pub mod preset;
pub mod reference;
pub mod schrodinger;
pub mod solution;

pub use crate::math::sampling::Region;
pub use burgers::Burgers;
pub use cavity::Cavity;
pub use cavity_uvp::CavityUvp;
pub use equations::{Equation, FieldDerivatives};
pub use helmholtz::Helmholtz;
pub use klein_gordon::KleinGordon;
pub use poisson_5d::Poisson5d;
pub use preset::{Preset, Sampling};
pub use schrodinger::Schrodinger;
pub use solution::{Errors, EvaluationSet, Grid, GridAxis, Observable, Quantity, Solution, errors};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Its public name, such as "pde" or "lid".
    pub name: &'static str,
    /// The indices of its point sets, each with a mean of its own; terms may share a set.
    pub sets: &'static [usize],
    /// What holds there.
    pub equation: Equation,
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
    /// The streams the differential equation needs.
    fn jet(&self) -> Jet;
    /// The constants c of the stream Σ cᵢ ∂ᵢᵢu, one per axis; empty unless the jet is of second order.
    fn laplacian(&self) -> Vec<f64>;
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
    /// Numbers for the shader's prelude, named as the shader names them.
    fn constants(&self) -> Vec<(&'static str, f64)>;
    /// The text of its shader: residual, adjoint and data on the device.
    fn shader(&self) -> &'static str;
    /// The stem of the shader's file name, with `-` for `_`: the problem's own name unless problems share a file.
    fn shader_name(&self) -> &'static str {
        self.name()
    }
    /// How many components the residual of the differential equation has.
    fn components(&self) -> usize;
    /// The residual of the differential equation; `data` is what [`Problem::data`] gives there.
    fn residual(&self, u: &mut dyn FieldDerivatives, data: &[f64]) -> Vec<Var>;
    /// The known right-hand side of term number `term` at `point`, one entry per component.
    fn data(&self, term: usize, point: &[f64]) -> Vec<f64>;
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
        match self.terms()[term].equation {
            Equation::Pde => self.components(),
            condition => condition.components(),
        }
    }
    /// The residual of term number `term`, whatever its equation; where points have partners, `u` is the jump of the
    /// fields between the two.
    fn residual_of(&self, term: usize, u: &mut dyn FieldDerivatives, data: &[f64]) -> Vec<Var> {
        match self.terms()[term].equation {
            Equation::Pde => self.residual(u, data),
            condition => condition.residual(u, data),
        }
    }
    /// The streams term number `term` needs.
    fn jet_of(&self, term: usize) -> Jet {
        match self.terms()[term].equation {
            Equation::Pde => self.jet(),
            Equation::Values { .. } | Equation::MeanValues { .. } => Jet::Value,
            Equation::Slope { .. } | Equation::Velocity | Equation::Periodic { .. } => Jet::Gradient,
        }
    }
    /// Where the points of term number `term` have their partners: the axis, and the coordinate of the partner there.
    fn partner(&self, term: usize) -> Option<(usize, f64)> {
        let axis = self.terms()[term].equation.partner_axis()?;
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
            assert_eq!(terms[0].equation, Equation::Pde, "{}", problem.name());
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
                    assert_eq!(problem.data(i, point).len(), problem.components_of(i));
                }
            }
            let presets = problem.presets();
            assert_eq!(presets.iter().map(|p| p.name).collect::<Vec<_>>(), ["paper", "revised", "quick"]);
            assert!(presets.iter().all(|preset| preset.points.len() == sets.len()));
            let expected = if matches!(problem.jet(), Jet::Second | Jet::Second5d) { axes.len() } else { 0 };
            assert_eq!(problem.laplacian().len(), expected);
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
