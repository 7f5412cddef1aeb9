//! Convergence over seeds: on a logarithmic axis the middle is the geometric mean, and the band one standard
//! deviation of the logarithm to either side.

use crate::report::{Curves, Series};

use super::outcome::Course;
use super::{Picture, Run, conditions_of, group, problems_of};
use crate::math::statistics::{deviation, mean};

/// Numbers of a course, one per step.
pub type Pick = fn(&Course) -> &[f64];

/// The middle and the band of several runs at the steps that all of them recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    pub steps: Vec<f64>,
    pub middle: Vec<f64>,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
}

impl Band {
    /// Of `runs`, of the numbers that `pick` chooses; runs that recorded nothing are left out.
    pub fn of(runs: &[&Run], pick: Pick) -> Band {
        let courses: Vec<&Course> =
            runs.iter().map(|run| &run.outcome.course).filter(|course| !course.steps.is_empty()).collect();
        let mut band = Band::default();
        let Some(first) = courses.first() else { return band };
        for &step in &first.steps {
            let at = |course: &&Course| course.steps.iter().position(|s| *s == step).map(|k| pick(course)[k]);
            let values: Option<Vec<f64>> = courses.iter().map(at).collect();
            let Some(values) = values else { continue };
            let logs: Vec<f64> = values.iter().filter(|v| v.is_finite() && **v > 0.0).map(|v| v.ln()).collect();
            let (middle, width) = (mean(&logs), deviation(&logs, 0));
            band.steps.push(step as f64);
            band.middle.push(middle.exp());
            band.lower.push((middle - width).exp());
            band.upper.push((middle + width).exp());
        }
        band
    }
}

/// Two pictures per problem: relative L2 error (where there is a known answer) and total loss.
pub fn convergence(runs: &[Run]) -> Vec<Picture> {
    let mut pictures = Vec::new();
    for problem in problems_of(runs) {
        let kinds: [(&str, &str, Pick); 2] = [
            ("error", "relative L2 error", |course| &course.rel_l2),
            ("loss", "sum of the losses", |course| &course.total),
        ];
        for (kind, label, pick) in kinds {
            let mut curves = Curves::new().title(format!("{problem}: {label}")).axes("step", label).log_y();
            let mut drawn = 0;
            for condition in conditions_of(runs) {
                let band = Band::of(&group(runs, problem, condition), pick);
                if band.middle.iter().any(|value| value.is_finite()) {
                    curves = curves
                        .series(Series::line(condition, &band.steps, &band.middle).band(&band.lower, &band.upper));
                    drawn += 1;
                }
            }
            if drawn > 0 {
                let caption = format!(
                    "{problem}: {label}, geometric mean over seeds; the band is one standard deviation of the logarithm."
                );
                pictures.push(Picture { file: format!("{problem}-{kind}.png"), caption, figure: curves.draw() });
            }
        }
    }
    pictures
}
