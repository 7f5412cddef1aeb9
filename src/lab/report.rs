//! Comparing numbers with what they should be: the tolerance rule, and a list of comparisons with the worst
//! of them and all failures.

use std::fmt::Display;

/// The one rule for tolerances: error ≤ slack × (error of plain f32 arithmetic) + floor, and never more than
/// [`Tolerance::CEILING`]. Errors are relative to the size of what is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    plain: f64,
    slack: f64,
    floor: f64,
}

impl Tolerance {
    /// No comparison may accept a larger relative error, whatever its slack.
    pub const CEILING: f64 = 1e-3;
    /// Losses of a step.
    pub const LOSS: Self = Self::of_f32(800.0);
    /// Gradient rows of a step.
    pub const ROW: Self = Self::of_f32(1600.0);
    /// Coefficients: quotients of inner products, so the errors of two rows meet.
    pub const COEFFICIENTS: Self = Self::of_f32(8000.0);
    /// Losses and motion of the parameters over the first steps of a run: rounding is amplified from step to step.
    pub const ALONG_A_RUN: Self = Self::of_f32(8000.0);

    /// `slack` roundings of f32.
    pub const fn of_f32(slack: f64) -> Self {
        Self { plain: f32::EPSILON as f64, slack, floor: 0.0 }
    }

    /// `slack` times an error that a plain evaluation in f32 was seen to make.
    pub const fn measured(plain: f64, slack: f64) -> Self {
        Self { plain, slack, floor: f32::EPSILON as f64 }
    }

    /// The largest relative error that passes.
    pub fn limit(self) -> f64 {
        (self.slack * self.plain + self.floor).min(Self::CEILING)
    }
}

/// The comparison that came closest to its limit, or went furthest beyond it.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    /// What was compared.
    pub place: String,
    /// Its relative error.
    pub error: f64,
    /// What the tolerance allows.
    pub limit: f64,
}

/// Many comparisons; failures are shown together, because their pattern often names the culprit.
#[derive(Debug, Default)]
pub struct Report {
    failures: Vec<String>,
    comparisons: usize,
    worst: Option<Worst>,
}

impl Report {
    /// Compares a number; its error counts relative to `scale`.
    pub fn number(&mut self, place: impl Display, got: f64, wanted: f64, scale: f64, tolerance: Tolerance) {
        let (error, limit) = ((got - wanted).abs() / scale, tolerance.limit());
        self.measure(error, limit, &place, || {
            format!("{place}: got {got:e}, wanted {wanted:e}, error {error:.1e} > {limit:.1e}")
        });
    }

    /// Compares numbers one by one, each relative to the largest of those wanted.
    ///
    /// # Panics
    /// If there are not as many as wanted: a mistake of the caller.
    pub fn entries(&mut self, place: impl Display, got: &[f32], wanted: &[f64], tolerance: Tolerance) {
        assert_eq!(got.len(), wanted.len(), "{place}: as many numbers as wanted");
        let scale = wanted.iter().fold(f64::MIN_POSITIVE, |a, w| a.max(w.abs()));
        for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
            self.number(format_args!("{place}[{i}]"), f64::from(*g), *w, scale, tolerance);
        }
    }

    /// Compares a vector by the L2 norm of its error, relative to `scale`, which is usually its own norm.
    ///
    /// # Panics
    /// As [`Report::entries`].
    pub fn vector(&mut self, place: impl Display, got: &[f32], wanted: &[f64], scale: f64, tolerance: Tolerance) {
        assert_eq!(got.len(), wanted.len(), "{place}: as many numbers as wanted");
        let errors: Vec<f64> = got.iter().zip(wanted).map(|(g, w)| (f64::from(*g) - w).abs()).collect();
        let (error, limit) = (norm(&errors) / scale.max(f64::MIN_POSITIVE), tolerance.limit());
        self.measure(error, limit, &place, || {
            let worst = (0..errors.len()).max_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or(0);
            let (got, wanted) = (got[worst], wanted[worst]);
            format!("{place}: error {error:.1e} > {limit:.1e}; worst [{worst}]: got {got:e}, wanted {wanted:e}")
        });
    }

    /// Compares a number that is no rounding error, such as a correlation, with its own limit.
    pub fn below(&mut self, place: impl Display, got: f64, limit: f64) {
        self.measure(got, limit, &place, || format!("{place}: {got:.3e} > {limit:.3e}"));
    }

    /// Notes a failure of another kind.
    pub fn check(&mut self, holds: bool, message: impl FnOnce() -> String) {
        self.comparisons += 1;
        if !holds {
            self.failures.push(message());
        }
    }

    fn measure(&mut self, error: f64, limit: f64, place: &impl Display, message: impl FnOnce() -> String) {
        // a NaN is no error below the limit
        let error = if error.is_nan() { f64::INFINITY } else { error };
        self.check(error <= limit, message);
        if self.worst.as_ref().is_none_or(|worst| error / limit > worst.error / worst.limit) {
            self.worst = Some(Worst { place: place.to_string(), error, limit });
        }
    }

    /// How much was compared.
    pub const fn comparisons(&self) -> usize {
        self.comparisons
    }

    /// The measured comparison closest to its limit, or furthest beyond it.
    pub const fn worst(&self) -> Option<&Worst> {
        self.worst.as_ref()
    }

    /// What failed, in the order of comparison.
    pub fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Whether something was compared and nothing failed.
    pub fn passed(&self) -> bool {
        self.comparisons > 0 && self.failures.is_empty()
    }

    /// For tests.
    ///
    /// # Panics
    /// If anything failed, or if nothing was compared at all.
    pub fn finish(self) {
        assert!(self.comparisons > 0, "nothing was compared");
        let shown: Vec<&str> = self.failures.iter().take(30).map(String::as_str).collect();
        let count = self.failures.len();
        assert!(count == 0, "{count} of {} comparisons failed:\n{}", self.comparisons, shown.join("\n"));
    }
}

/// The L2 norm.
pub fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// As f64, for the oracle.
pub fn widen(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_the_one_closest_to_its_limit() {
        let mut report = Report::default();
        assert!(!report.passed(), "nothing compared is nothing shown");
        report.number("loose", 1.0 + 5e-5, 1.0, 1.0, Tolerance::ROW);
        report.number("tight", 1.0 + 1.1e-7, 1.0, 1.0, Tolerance::of_f32(1.0));
        assert!(report.passed());
        assert_eq!(report.worst().unwrap().place, "tight");
        report.entries("list", &[1.0, f32::NAN], &[1.0, 2.0], Tolerance::ROW);
        assert_eq!((report.comparisons(), report.failures().len()), (4, 1));
        assert_eq!(report.worst().unwrap().place, "list[1]");
    }

    #[test]
    fn no_slack_is_larger_than_the_ceiling() {
        assert_eq!(Tolerance::of_f32(1e9).limit(), Tolerance::CEILING);
        assert!(Tolerance::measured(2e-7, 1.0).limit() < 4e-7);
    }
}
