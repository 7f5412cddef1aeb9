//! How values become positions along an axis, and where its ticks are (1-2-5 rule, decades).

/// Largest magnitude an axis shows; keeps differences of limits finite.
const LARGEST: f64 = 1e300;

/// How data become a position along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Value at the left or lower end.
    pub lo: f64,
    /// Value at the right or upper end, greater than `lo`.
    pub hi: f64,
    /// Logarithmic to base ten; both ends are then positive.
    pub log: bool,
}

/// Tick positions in data units, the labels of the major ones, and a common factor such as `×10⁻⁵`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ticks {
    /// Labelled positions in ascending order.
    pub major: Vec<(f64, String)>,
    /// Unlabelled positions (logarithmic axes only).
    pub minor: Vec<f64>,
    /// What the labels are to be multiplied with; empty for one.
    pub factor: String,
}

impl Scale {
    /// A linear scale over exactly this range; an empty or invalid one is widened around its middle.
    pub fn linear(range: [f64; 2]) -> Self {
        let [mut lo, mut hi] = range.map(|end| if end.is_finite() { end.clamp(-LARGEST, LARGEST) } else { 0.0 });
        if hi < lo {
            (lo, hi) = (hi, lo);
        }
        let size = lo.abs().max(hi.abs());
        if hi - lo <= 1e-9 * size || hi == lo {
            let half = if size > 1e-290 { 0.1 * size } else { 1.0 };
            (lo, hi) = (lo - half, hi + half);
        }
        Self { lo, hi, log: false }
    }

    /// A linear scale with a little air at both ends.
    pub fn padded(range: [f64; 2]) -> Self {
        let Self { lo, hi, log } = Self::linear(range);
        let air = 0.04 * (hi - lo);
        Self { lo: lo - air, hi: hi + air, log }
    }

    /// A logarithmic scale around the positive range given, containing at least two decades' marks.
    pub fn logarithmic(range: [f64; 2]) -> Self {
        let [lo, hi] = range.map(|end| end.clamp(1e-300, LARGEST).log10());
        let air = 0.04 * (hi - lo);
        let (mut lo, mut hi) = (lo - air, hi + air);
        if hi.floor() - lo.ceil() < 1.0 {
            (lo, hi) = (lo.floor(), hi.ceil().max(lo.floor() + 1.0));
        }
        // Powers of ten beyond this are not representable.
        let [lo, hi] = [lo, hi].map(|power| 10f64.powf(power.clamp(-305.0, 305.0)));
        Self { lo, hi, log: true }
    }

    /// Position of a value: 0 at `lo`, 1 at `hi`; NaN for what the scale cannot show.
    pub fn unit(&self, value: f64) -> f64 {
        if !self.log {
            return (value - self.lo) / (self.hi - self.lo);
        }
        if value > 0.0 { (value / self.lo).log10() / (self.hi / self.lo).log10() } else { f64::NAN }
    }

    /// At most about `most` labelled positions inside the scale.
    pub fn ticks(&self, most: usize) -> Ticks {
        if self.log { self.decades(most.max(2)) } else { self.round_numbers(most.max(2)) }
    }

    fn round_numbers(&self, most: usize) -> Ticks {
        let step = nice_step((self.hi - self.lo) / most as f64);
        let size = self.lo.abs().max(self.hi.abs());
        let power = if (1e-3..1e5).contains(&size) { 0 } else { size.log10().floor() as i32 };
        let unit = 10f64.powi(power);
        let decimals = (-(step / unit).log10() - 1e-9).ceil().clamp(0.0, 12.0) as usize;
        let (first, last) = ((self.lo / step - 1e-9).ceil() as i64, (self.hi / step + 1e-9).floor() as i64);
        let label = |value: f64| format!("{:.decimals$}", value / unit).replace('-', "−");
        let major = (first..=last.min(first.saturating_add(50))).map(|k| k as f64 * step);
        let factor = if power == 0 { String::new() } else { format!("×10{}", raised(power)) };
        Ticks { major: major.map(|value| (value, label(value))).collect(), minor: Vec::new(), factor }
    }

    fn decades(&self, most: usize) -> Ticks {
        let [lo, hi] = [self.lo, self.hi].map(f64::log10);
        let (first, last) = ((lo - 1e-9).ceil() as i32, (hi + 1e-9).floor() as i32);
        let stride = ((last - first) / most as i32 + 1).max(1);
        let mut ticks = Ticks::default();
        for power in first - 1..=last {
            let decade = 10f64.powi(power);
            if power >= first && power.rem_euclid(stride) == 0 {
                ticks.major.push((decade, format!("10{}", raised(power))));
            } else if power >= first {
                ticks.minor.push(decade);
            }
            // Eight marks per decade are only readable while decades are far apart.
            if stride == 1 {
                let inside = (2..10).map(|k| f64::from(k) * decade).filter(|v| (self.lo..=self.hi).contains(v));
                ticks.minor.extend(inside);
            }
        }
        ticks
    }
}

/// The smallest of 1, 2, 5 × 10ⁿ that is not below `raw`.
fn nice_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= raw * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// An integer in superscript characters.
fn raised(number: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let sign = (number < 0).then_some('⁻');
    let digits = number.unsigned_abs().to_string().into_bytes();
    sign.into_iter().chain(digits.into_iter().map(|digit| DIGITS[usize::from(digit - b'0')])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, most: usize) -> Vec<String> {
        scale.ticks(most).major.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn linear_ticks_are_round_numbers() {
        assert_eq!(labels(Scale::linear([0.0, 1.0]), 6), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(Scale::linear([-1.0, 1.0]), 5), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(Scale::linear([0.0, 50_000.0]), 5), ["0", "10000", "20000", "30000", "40000", "50000"]);
        let small = Scale::linear([0.0, 3.1e-5]).ticks(4);
        assert_eq!(small.factor, "×10⁻⁵");
        assert_eq!(small.major.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    }

    #[test]
    fn logarithmic_ticks_are_decades_with_minor_marks() {
        let ticks = Scale::logarithmic([2e-4, 30.0]).ticks(8);
        assert_eq!(ticks.major[0].1, "10⁻³");
        assert_eq!(ticks.major.last().unwrap().1, "10¹");
        assert!(ticks.minor.iter().any(|value| (value - 2e-3).abs() < 1e-12));
        assert!(labels(Scale::logarithmic([1e-200, 1e200]), 8).len() <= 10);
        assert!(labels(Scale::logarithmic([3.0, 3.1]), 8).len() >= 2);
    }

    #[test]
    fn degenerate_ranges_still_have_ticks() {
        for range in [[0.0, 0.0], [5.0, 5.0], [f64::NAN, 1.0], [1.0, -1.0], [-1e308, 1e308], [1e9, 1e9 + 1e-3]] {
            let scale = Scale::padded(range);
            assert!(scale.hi > scale.lo, "{range:?}");
            assert!((1..20).contains(&labels(scale, 6).len()), "{range:?}");
        }
        for range in [[0.0, 0.0], [1e-320, 1e-310], [1.0, 1.0], [f64::MIN_POSITIVE, f64::MAX]] {
            assert!(!labels(Scale::logarithmic(range), 6).is_empty(), "{range:?}");
        }
    }
}
