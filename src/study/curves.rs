//! Convergence over seeds: on a logarithmic axis the middle is the geometric mean, and the band one standard
//! deviation of the logarithm to either side.

use crate::report::{Curves, Series};

use super::outcome::Course;
use super::{Picture, Run, conditions_of, group, problems_of};
use crate::math::statistics::{deviation, mean};

/// Beyond this many lines bands would hide each other.
const MOST_BANDS: usize = 7;
/// Moments at which errors over time are compared.
const MOMENTS: usize = 60;

/// Numbers of a course, one per step.
pub type Pick = fn(&Course) -> &[f64];

/// The middle and the band of several runs at steps or moments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    pub at: Vec<f64>,
    pub middle: Vec<f64>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
}

impl Band {
    /// Of the numbers that `pick` chooses, at the steps that all of `runs` recorded; runs that recorded nothing are left
    /// out.
    pub fn of(runs: &[&Run], pick: Pick) -> Band {
        let courses: Vec<&Course> =
            runs.iter().map(|run| &run.outcome.course).filter(|course| !course.steps.is_empty()).collect();
        let mut band = Band::default();
        let Some(first) = courses.first() else { return band };
        for &step in &first.steps {
            let at = |course: &&Course| course.steps.iter().position(|s| *s == step).map(|k| pick(course)[k]);
            let values: Option<Vec<f64>> = courses.iter().map(at).collect();
            if let Some(values) = values {
                band.add(step as f64, &values);
            }
        }
        band
    }

    /// Of relative L2 errors over `budget` seconds. Runs look at different moments, so each is taken as it was last seen.
    pub fn over_time(runs: &[&Run], budget: f64) -> Band {
        let courses: Vec<&Course> =
            runs.iter().map(|run| &run.outcome.course).filter(|course| !course.seconds.is_empty()).collect();
        let first = courses.iter().map(|course| course.seconds[0]).fold(0.0, f64::max).min(budget);
        let mut band = Band::default();
        for k in (0..=MOMENTS).filter(|_| !courses.is_empty()) {
            let moment = first + (budget - first) * k as f64 / MOMENTS as f64;
            // the last evaluation begins when the time is up
            let until = if k == MOMENTS { f64::INFINITY } else { moment };
            let seen = courses.iter().filter_map(|course| {
                Some(course.rel_l2[course.seconds.iter().rposition(|seconds| *seconds <= until)?])
            });
            band.add(moment, &seen.collect::<Vec<_>>());
        }
        band
    }

    fn add(&mut self, at: f64, values: &[f64]) {
        let logs: Vec<f64> = values.iter().filter(|v| v.is_finite() && **v > 0.0).map(|v| v.ln()).collect();
        let (middle, width) = (mean(&logs), deviation(&logs, 0));
        self.at.push(at);
        self.middle.push(middle.exp());
        self.lower.push((middle - width).exp());
        self.upper.push((middle + width).exp());
    }
}

/// Two pictures per problem: relative L2 error (where there is a known answer) and total loss.
pub fn convergence(runs: &[Run]) -> Vec<Picture> {
    let kinds: [(&str, &str, Pick); 2] = [
        ("error", "relative L2 error", |course| &course.rel_l2),
        ("loss", "sum of the losses", |course| &course.total),
    ];
    let of =
        |problem| kinds.map(|(kind, label, pick)| picture(runs, problem, [kind, label], None, &|r| Band::of(r, pick)));
    problems_of(runs).into_iter().flat_map(of).flatten().collect()
}

/// A picture per problem: relative L2 error over `budget` seconds.
pub fn over_time(runs: &[Run], budget: f64) -> Vec<Picture> {
    let labels = ["time", "relative L2 error"];
    let of = |problem| picture(runs, problem, labels, Some(budget), &|runs| Band::over_time(runs, budget));
    problems_of(runs).into_iter().filter_map(of).collect()
}

/// A line with its band for every condition, over steps or the seconds of `budget`; none if nothing is known.
fn picture(
    runs: &[Run],
    problem: &str,
    [kind, label]: [&str; 2],
    budget: Option<f64>,
    band_of: &dyn Fn(&[&Run]) -> Band,
) -> Option<Picture> {
    let bands = conditions_of(runs).into_iter().map(|condition| (condition, band_of(&group(runs, problem, condition))));
    let bands: Vec<_> = bands.filter(|(_, band)| band.middle.iter().any(|value| value.is_finite())).collect();
    let few = bands.len() <= MOST_BANDS;
    let heading = budget.map_or_else(|| label.to_owned(), |_| format!("{label} over time"));
    let mut curves = Curves::new().title(format!("{problem}: {heading}")).log_y();
    curves = match budget {
        Some(budget) => curves.axes("seconds", label).x_limits(0.0, budget),
        None => curves.axes("step", label),
    };
    if !few {
        curves = curves.size(560, 380);
    }
    for (condition, band) in &bands {
        let line = Series::line(*condition, &band.at, &band.middle);
        curves = curves.series(if few { line.band(&band.lower, &band.upper) } else { line });
    }
    let shade = if few { "; the band is one standard deviation of the logarithm" } else { "" };
    (!bands.is_empty()).then(|| Picture {
        file: format!("{problem}-{kind}.png"),
        caption: format!("{problem}: {heading}, geometric mean over seeds{shade}."),
        figure: curves.draw(),
    })
}
