//! Weights of points: what strategies do before there are gradients, from the residuals of the step alone.

/// A rule that multiplies the squared residual of every sample with a factor, constant in the gradient: the loss of a term is
/// mean(fₙ |rₙ|²) over all its samples, those of all its point sets together. Such a rule keeps numbers of every sample from step
/// to step, so points must stay.
///
/// The device half finds a number of every sample, joins all of them to one, and makes a factor of both:
/// `found(sample, square, index)`, `joined(a, b)`, which zero leaves alone, and `factor(sample, square, index, whole)`.
pub trait Weighing: Sync {
    /// How many terms it weighs, from the first on.
    fn terms(&self, tasks: usize) -> usize;
    /// How many numbers of every sample it keeps.
    fn kept(&self) -> usize;
    /// The text of its shader.
    fn shader(&self) -> &'static str;
    /// The factors. `squares[term][sample]` are |r|², `kept` is `[number][sample]`, samples term after term; it is filled at
    /// step 0.
    fn factors(&self, step: u64, squares: &[Vec<f64>], kept: &mut [f64]) -> Vec<Vec<f64>>;
}
