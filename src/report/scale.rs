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

    /// A linear scale that contains the range and ends at round numbers.
    pub fn around(range: [f64; 2]) -> Self {
        let Self { lo, hi, log } = Self::linear(range);
        let step = nice_step((hi - lo) / 10.0);
        let [first, last] = [(lo / step + 1e-9).floor(), (hi / step - 1e-9).ceil()];
        let [lo, hi] = [first * step, last * step].map(|end| end.clamp(-LARGEST, LARGEST));
        Self { lo, hi, log }
    }

    /// A logarithmic scale that contains the positive range, and at least one decade. Its ends are 1, 2 or 5 times a
    /// power of ten.
    pub fn logarithmic(range: [f64; 2]) -> Self {
        let [lo, hi] = range.map(|end| end.clamp(1e-300, LARGEST));
        let round = |value: f64, up: bool| {
            let power = 10f64.powf(value.log10().floor());
            let marks = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
            match up {
                true => marks.into_iter().find(|mark| *mark >= value * (1.0 - 1e-9)),
                false => marks.into_iter().rev().find(|mark| *mark <= value * (1.0 + 1e-9)),
            }
            .unwrap_or(value)
        };
        let (mut lo, mut hi) = (round(lo, false), round(hi, true));
        if hi < 9.99 * lo {
            (lo, hi) = (10f64.powf((lo * 1.000_001).log10().floor()), 10f64.powf((hi * 0.999_999).log10().ceil()));
        }
        Self { lo: lo.max(1e-305), hi: hi.max(10.0 * lo.max(1e-305)).min(1e305), log: true }
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
        let size = self.lo.abs().max(self.hi.abs());
        let step = self.step(most);
        let power = if (1e-2..1e5).contains(&size) { 0 } else { size.log10().floor() as i32 };
        let unit = 10f64.powi(power);
        let decimals = decimals(step / unit);
        let (first, last) = ((self.lo / step - 1e-9).ceil() as i64, (self.hi / step + 1e-9).floor() as i64);
        let label = |value: f64, decimals: usize| {
            let text = format!("{:.decimals$}", value / unit);
            let zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
            if zero { text.replace('-', "") } else { text.replace('-', "−") }
        };
        let places = (first..=last.min(first.saturating_add(50))).map(|k| k as f64 * step);
        let mut major: Vec<_> = places.map(|value| (value, label(value, decimals))).collect();
        // an end that is far from the last tick has a tick of its own, such as π/2
        let far = |end: f64, tick: Option<&(f64, String)>| tick.is_none_or(|(at, _)| (end - at).abs() > 0.6 * step);
        // to a tenth of what ticks are told apart by
        let exact = |end: f64| label(end, if step / unit < 10.0 { decimals + 1 } else { 0 });
        if far(self.lo, major.first()) {
            major.insert(0, (self.lo, exact(self.lo)));
        }
        if far(self.hi, major.last()) {
            major.push((self.hi, exact(self.hi)));
        }
        let factor = if power == 0 { String::new() } else { format!("×10{}", raised(power)) };
        Ticks { major, minor: Vec::new(), factor }
    }

    /// The distance of ticks: of the round numbers that give few enough, the first that meets both ends.
    fn step(&self, most: usize) -> f64 {
        let length = self.hi - self.lo;
        let smallest = nice_step(length / most as f64);
        let power = 10f64.powf(smallest.log10().floor());
        let candidates = [1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 10.0, 20.0, 25.0].map(|factor| factor * power);
        let meets = |step: f64| {
            [self.lo, self.hi].iter().all(|end| (end / step - (end / step).round()).abs() < 1e-6) && length / step > 1.5
        };
        let enough = |step: &f64| *step >= smallest * (1.0 - 1e-9) || length / step <= most as f64 + 1e-9;
        candidates.into_iter().filter(enough).find(|step| meets(*step)).unwrap_or(smallest)
    }

    fn decades(&self, most: usize) -> Ticks {
        let [lo, hi] = [self.lo, self.hi].map(f64::log10);
        let (first, last) = ((lo - 1e-9).ceil() as i32, (hi + 1e-9).floor() as i32);
        let stride = ((last - first) / most as i32 + 1).max(1);
        // within a decade or two the numbers between are needed to read anything
        let spelled = last - first < 2;
        let mut ticks = Ticks::default();
        for power in first - 1..=last {
            let decade = 10f64.powi(power);
            if power >= first && power.rem_euclid(stride) == 0 {
                ticks.major.push((decade, format!("10{}", raised(power))));
            } else if power >= first {
                ticks.minor.push(decade);
            }
            for k in (2..10).filter(|_| stride == 1) {
                let value = f64::from(k) * decade;
                if !(self.lo * (1.0 - 1e-9)..=self.hi * (1.0 + 1e-9)).contains(&value) {
                    continue;
                }
                match spelled && matches!(k, 2 | 5) {
                    true => ticks.major.push((value, format!("{k}·10{}", raised(power)))),
                    false => ticks.minor.push(value),
                }
            }
        }
        ticks.major.sort_by(|a, b| a.0.total_cmp(&b.0));
        ticks
    }
}

/// How many decimals write multiples of `step` exactly.
fn decimals(step: f64) -> usize {
    let whole = |d: &usize| {
        let scaled = step * 10f64.powi(*d as i32);
        scaled > 0.999 && (scaled - scaled.round()).abs() < 1e-3
    };
    (0..12).find(whole).unwrap_or(12)
}

/// The smallest of 1, 2, 2.5, 5 × 10ⁿ that is not below `raw`.
fn nice_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0].into_iter().find(|factor| factor * power >= raw * (1.0 - 1e-9));
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
    fn linear_ticks_are_round_numbers_and_meet_the_ends() {
        assert_eq!(labels(Scale::linear([0.0, 1.0]), 6), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(Scale::linear([0.0, 1.0]), 4), ["0.00", "0.25", "0.50", "0.75", "1.00"]);
        assert_eq!(labels(Scale::linear([-1.0, 1.0]), 5), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(Scale::linear([0.0, 50_000.0]), 5), ["0", "10000", "20000", "30000", "40000", "50000"]);
        assert_eq!(labels(Scale::linear([0.0, 12_000.0]), 5).last().unwrap(), "12000");
        // π/2 is not labelled beside 1.5, and 3.7 far from 3 is
        assert_eq!(labels(Scale::linear([0.0, std::f64::consts::FRAC_PI_2]), 4), ["0.0", "0.5", "1.0", "1.5"]);
        assert_eq!(labels(Scale::linear([0.0, 3.7]), 4), ["0", "1", "2", "3", "3.7"]);
        let small = Scale::linear([0.0, 3.1e-5]).ticks(4);
        assert_eq!(small.factor, "×10⁻⁵");
        assert_eq!(small.major.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    }

    #[test]
    fn scales_around_data_end_at_labels() {
        for range in [[0.13, 0.87], [-3.0, 170.0], [0.0, 12_345.0], [1e-7, 3e-7], [500.0, 12_000.0]] {
            let scale = Scale::around(range);
            assert!(scale.lo <= range[0] && scale.hi >= range[1], "{scale:?}");
            assert!(scale.hi - scale.lo < 1.35 * (range[1] - range[0]), "{scale:?}");
        }
        for range in [[2e-4, 30.0], [3.0, 3.1], [1.0, 10.0], [0.5, 0.5], [7e-3, 4e-2]] {
            let scale = Scale::logarithmic(range);
            assert!(scale.lo <= range[0] * 1.000_001 && scale.hi >= range[1] * 0.999_999, "{scale:?}");
            let ticks = scale.ticks(6);
            assert!(ticks.major.len() >= 2 && !ticks.minor.is_empty(), "{range:?}: {ticks:?}");
        }
    }

    #[test]
    fn logarithmic_ticks_are_decades_with_minor_marks() {
        let ticks = Scale::logarithmic([2e-4, 30.0]).ticks(8);
        assert_eq!(ticks.major[0].1, "10⁻³");
        assert_eq!(ticks.major.last().unwrap().1, "10¹");
        assert!(ticks.minor.iter().any(|value| (value - 2e-3).abs() < 1e-12));
        assert!(labels(Scale::logarithmic([1e-200, 1e200]), 8).len() <= 10);
        assert_eq!(labels(Scale::logarithmic([3.0, 3.1]), 8), ["10⁰", "2·10⁰", "5·10⁰", "10¹"]);
    }

    #[test]
    fn degenerate_ranges_still_have_ticks() {
        for range in [[0.0, 0.0], [5.0, 5.0], [f64::NAN, 1.0], [1.0, -1.0], [-1e308, 1e308], [1e9, 1e9 + 1e-3]] {
            for scale in [Scale::around(range), Scale::linear(range)] {
                assert!(scale.hi > scale.lo, "{range:?}");
                assert!((2..20).contains(&labels(scale, 6).len()), "{range:?} {:?}", labels(scale, 6));
            }
        }
        for range in [[0.0, 0.0], [1e-320, 1e-310], [1.0, 1.0], [f64::MIN_POSITIVE, f64::MAX]] {
            assert!(!labels(Scale::logarithmic(range), 6).is_empty(), "{range:?}");
        }
    }
}
