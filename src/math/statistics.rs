//! Statistics of studies and of timings: paired by seed, one-sided, exact where few seeds leave no room for
//! approximations; order statistics and bootstrap intervals.

use super::rng::philox;

/// Arithmetic mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Standard deviation with `n − ddof` in the denominator: 0 in tables of one condition, 1 where seeds stand for
/// all seeds. NaN if that is not positive.
pub fn deviation(values: &[f64], ddof: usize) -> f64 {
    if values.len() <= ddof {
        return f64::NAN;
    }
    let center = mean(values);
    let squares: f64 = values.iter().map(|x| (x - center).powi(2)).sum();
    (squares / (values.len() - ddof) as f64).sqrt()
}

/// The quantile `q` (0 to 1) by linear interpolation between order statistics, as NumPy's default; NaN of nothing.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of_sorted(&sorted, q)
}

fn quantile_of_sorted(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    sorted[below] + (at - below as f64) * (sorted[(below + 1).min(last)] - sorted[below])
}

/// The middle value.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// One-sided Wilcoxon signed-rank test that paired differences tend to be positive: (W⁺, p).
///
/// Exact for every n: p is the share of the 2ⁿ sign patterns with a rank sum of at least W⁺. Zeros are dropped
/// first (Wilcoxon's own treatment), equal sizes get their middle rank and the distribution is that of those
/// ranks. With n = 5 the smallest possible p is 1/32. No differences left: p = 1.
pub fn wilcoxon_greater(differences: &[f64]) -> (f64, f64) {
    let mut signed: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0 && !d.is_nan()).collect();
    signed.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let n = signed.len();
    // twice the ranks, so that middle ranks are whole numbers
    let mut ranks = vec![0_usize; n];
    let mut first = 0;
    while first < n {
        let tied = signed[first..].iter().take_while(|d| d.abs() == signed[first].abs()).count();
        ranks[first..first + tied].fill(2 * first + tied + 1);
        first += tied;
    }
    let observed: usize = (0..n).filter(|&i| signed[i] > 0.0).map(|i| ranks[i]).sum();
    // chance[s]: probability that the positive ranks add up to s
    let mut chance = vec![0.0; n * (n + 1) + 1];
    chance[0] = 1.0;
    for &rank in &ranks {
        for s in (0..chance.len()).rev() {
            chance[s] = 0.5 * (chance[s] + if s >= rank { chance[s - rank] } else { 0.0 });
        }
    }
    (observed as f64 / 2.0, chance[observed..].iter().sum::<f64>().min(1.0))
}

/// Holm's adjustment of a family of p-values, in their order.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut largest = 0.0_f64;
    for (rank, &i) in order.iter().enumerate() {
        largest = largest.max((p.len() - rank) as f64 * p[i]).min(1.0);
        adjusted[i] = largest;
    }
    adjusted
}

/// Resamples of a bootstrap.
pub const RESAMPLES: u32 = 10_000;

/// Percentile bootstrap of the mean: the interval that holds 95 % of the means of [`RESAMPLES`] resamples. The
/// same values and seed give the same interval.
pub fn bootstrap_mean(values: &[f64], seed: u64) -> [f64; 2] {
    interval(&(0..RESAMPLES).map(|k| mean(&resample(values, seed, k, 0))).collect::<Vec<_>>())
}

/// The same for the median.
pub fn bootstrap_median(values: &[f64], seed: u64) -> [f64; 2] {
    interval(&(0..RESAMPLES).map(|k| median(&resample(values, seed, k, 0))).collect::<Vec<_>>())
}

/// The same for the median of `b` divided by that of `a`, each resampled by itself.
pub fn bootstrap_ratio(a: &[f64], b: &[f64], seed: u64) -> [f64; 2] {
    let ratio = |k| median(&resample(b, seed, k, 1)) / median(&resample(a, seed, k, 0));
    interval(&(0..RESAMPLES).map(ratio).collect::<Vec<_>>())
}

/// As many values as there are, drawn with replacement: resample number `k` of sample `which`.
fn resample(values: &[f64], seed: u64, k: u32, which: u32) -> Vec<f64> {
    let n = values.len();
    let key = super::rng::key(seed);
    let mut words = [0; 4];
    let draw = |i: usize| {
        if i.is_multiple_of(4) {
            words = philox([i as u32 / 4, k, which, 0], key);
        }
        values[((u64::from(words[i % 4]) * n as u64) >> 32) as usize]
    };
    (0..n).map(draw).collect()
}

/// What holds the middle 95 % of `values`.
fn interval(values: &[f64]) -> [f64; 2] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [0.025, 0.975].map(|q| quantile_of_sorted(&sorted, q))
}

/// A least-squares fit.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Fit {
    /// One per column.
    pub coefficients: Vec<f64>,
    /// The share of the variance of y that the fit explains.
    pub r_squared: f64,
}

/// Fits y ≈ Σ cᵢ xᵢ for rows x by the normal equations; a column of ones is the caller's. None if the rows do
/// not determine the coefficients.
pub fn least_squares(rows: &[Vec<f64>], y: &[f64]) -> Option<Fit> {
    let k = rows.first()?.len();
    let mut system: Vec<Vec<f64>> = (0..k)
        .map(|i| {
            let mut equation: Vec<f64> = (0..k).map(|j| rows.iter().map(|x| x[i] * x[j]).sum()).collect();
            equation.push(rows.iter().zip(y).map(|(x, y)| x[i] * y).sum());
            equation
        })
        .collect();
    let scale: Vec<f64> = (0..k).map(|i| system[i][i]).collect();
    // Gauss–Jordan; the matrix is symmetric and positive, so the diagonal serves as pivots
    for i in 0..k {
        let pivot = system[i][i];
        if pivot.is_nan() || pivot <= 1e-12 * scale[i] {
            return None;
        }
        system[i].iter_mut().for_each(|entry| *entry /= pivot);
        let row = system[i].clone();
        for (_, other) in system.iter_mut().enumerate().filter(|(j, _)| *j != i) {
            let factor = other[i];
            other.iter_mut().zip(&row).for_each(|(entry, above)| *entry -= factor * above);
        }
    }
    let coefficients: Vec<f64> = system.iter().map(|equation| equation[k]).collect();
    let center = mean(y);
    let fitted = |x: &[f64]| x.iter().zip(&coefficients).map(|(x, c)| x * c).sum::<f64>();
    let left: f64 = rows.iter().zip(y).map(|(x, y)| (y - fitted(x)).powi(2)).sum();
    let all: f64 = y.iter().map(|y| (y - center).powi(2)).sum();
    Some(Fit { r_squared: 1.0 - left / all, coefficients })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, wanted: f64) {
        assert!((got - wanted).abs() <= 1e-12 * wanted.abs().max(1.0), "{got} instead of {wanted}");
    }

    #[test]
    fn mean_deviation_and_quantiles_are_numpys() {
        let x = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        close(mean(&x), 5.0);
        close(deviation(&x, 0), 2.0);
        close(deviation(&x, 1), 2.138_089_935_299_395);
        assert!(deviation(&[1.0], 1).is_nan() && mean(&[]).is_nan() && quantile(&[], 0.5).is_nan());
        close(quantile(&[1.0, 2.0, 4.0, 8.0], 0.025), 1.075);
        close(median(&[3.0, 1.0, 2.0]), 2.0);
    }

    /// Values of `scipy.stats.wilcoxon(d, alternative='greater')` 1.17.1: `method='exact'`, and for zeros and ties
    /// `PermutationMethod(n_resamples=inf)` with `zero_method='wilcox'`.
    #[test]
    fn wilcoxon_is_scipys() {
        let cases: [(&[f64], f64, f64); 10] = [
            (&[1.0, 2.0, 3.0, 4.0, 5.0], 15.0, 0.03125),
            (&[0.1, 0.2, -0.05, 0.3, 0.4], 14.0, 0.0625),
            (&[-1.0, -2.0, -3.0], 0.0, 1.0),
            (&[1.5, -0.5, 2.5, 0.7, -3.1, 4.2, 0.9], 21.0, 0.148_437_5),
            (&[3.0, -1.0, 2.0, 5.0, -4.0, 6.0, 8.0, 7.0, -9.0, 10.0], 41.0, 0.096_679_687_5),
            (&[1.0, 1.0, 1.0, -1.0, 2.0], 12.5, 0.15625),
            (&[0.0, 1.0, 2.0, 3.0, -1.0], 8.5, 0.1875),
            (&[0.0, 0.0, 1.0, 2.0, 2.0, -2.0, 3.0], 12.0, 0.15625),
            (&[1.0; 5], 15.0, 0.03125),
            (
                &[
                    2.341, -2.256, 0.718, -0.268, -0.153, 0.084, -1.72, 0.068, -0.565, 3.623, 0.526, -0.053, 0.019,
                    -0.368, -0.755, -0.091, 0.782, 0.061, 1.258, 0.1, 0.324, 1.846, 0.845, -0.205, 0.117,
                ],
                198.0,
                0.176_259_815_692_901_6,
            ),
        ];
        for (differences, statistic, p) in cases {
            let got = wilcoxon_greater(differences);
            close(got.0, statistic);
            close(got.1, p);
        }
        assert_eq!(wilcoxon_greater(&[0.0, 0.0]), (0.0, 1.0));
        assert_eq!(wilcoxon_greater(&[]), (0.0, 1.0));
    }

    /// Against `statsmodels.stats.multitest.multipletests(p, method='holm')`.
    #[test]
    fn holm_is_monotone_and_capped() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (got, wanted) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            close(*got, wanted);
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }

    #[test]
    fn the_bootstrap_interval_is_that_of_numpy() {
        let x = [0.11, 0.32, 0.05, 0.27, 0.19];
        let interval = bootstrap_mean(&x, 20_260_831);
        // numpy, a million resamples: [0.102, 0.274]; with ten thousand the ends move by about 0.001
        assert!((interval[0] - 0.102).abs() < 4e-3 && (interval[1] - 0.274).abs() < 4e-3, "{interval:?}");
        assert_eq!(interval, bootstrap_mean(&x, 20_260_831));
        assert_eq!(bootstrap_mean(&[2.0; 3], 1), [2.0; 2]);
        assert!(bootstrap_mean(&[], 1)[0].is_nan());
        // half of all resamples of three have the middle one as their median: numpy says [1, 9] as well
        assert_eq!(bootstrap_median(&[1.0, 2.0, 9.0], 1), [1.0, 9.0]);
        assert_eq!(bootstrap_ratio(&[2.0; 4], &[3.0; 4], 1), [1.5; 2]);
        let (a, b) = ([1.0, 1.1, 0.9, 1.05], [2.0, 2.2, 1.9, 2.1]);
        let [lo, hi] = bootstrap_ratio(&a, &b, 1);
        assert!(1.7 < lo && lo < 2.0 && hi > 2.0 && hi < 2.5, "{lo}..{hi}");
    }

    /// Against `numpy.linalg.lstsq`.
    #[test]
    fn least_squares_is_numpys() {
        let rows: Vec<Vec<f64>> = [[1.0, 1.0], [1.0, 2.0], [1.0, 3.0], [1.0, 4.0]].map(Vec::from).into();
        let fit = least_squares(&rows, &[6.0, 5.0, 7.0, 10.0]).unwrap();
        close(fit.coefficients[0], 3.5);
        close(fit.coefficients[1], 1.4);
        close(fit.r_squared, 0.7);
        assert!(least_squares(&[vec![1.0, 2.0], vec![2.0, 4.0]], &[1.0, 2.0]).is_none());
        assert!(least_squares(&[], &[]).is_none());
    }
}
