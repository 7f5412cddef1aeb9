//! Elementary functions in f32 from + − × and one division, the twin of `shaders/math.wgsl`.
//!
//! WGSL allows its own `tanh`, `sin` and `exp` errors up to 5·10⁻⁴, and every driver uses that freedom
//! differently. These differ between devices only where a driver fuses a multiplication with an addition.
//! The coefficients are minimax fits made for this project (iteratively reweighted least squares in f64,
//! then a search over neighbouring f32 values); the bounds are measured in the tests below.

// Horner's rule from the highest coefficient down, in plain f32 steps like the shader.
macro_rules! horner {
    ($x:expr; $first:expr $(, $rest:expr)*) => {{
        let p = $first;
        $(let p = p * $x + $rest;)*
        p
    }};
}

/// sin(πx), |error| ≤ 2·10⁻⁷ for |x| ≤ 64. The reduction to one half-period is exact.
pub fn sin_pi(x: f32) -> f32 {
    let r = x - 2.0 * (0.5 * x).round_ties_even();
    half_wave(if r.abs() > 0.5 { 1.0_f32.copysign(r) - r } else { r })
}

/// cos(πx), |error| ≤ 2·10⁻⁷ for |x| ≤ 64.
pub fn cos_pi(x: f32) -> f32 {
    let r = x - 2.0 * (0.5 * x).round_ties_even();
    half_wave(0.5 - r.abs())
}

/// sin(πr) for |r| ≤ 1/2.
fn half_wave(r: f32) -> f32 {
    let s = r * r;
    r * horner!(s; 0.077_560_39, -0.598_242_1, 2.550_069, -5.167_71, std::f32::consts::PI)
}

/// tanh(x), relative error ≤ 3.4·10⁻⁷ at every f32 (3.1·10⁻⁷ where the steps are fused), exactly odd, never
/// beyond ±1.
pub fn tanh(x: f32) -> f32 {
    let a = x.clamp(-9.0, 9.0);
    let s = a * a;
    let p = horner!(s; 1.3714796e-8, 2.086548e-5, 0.00351106, 0.13394025, 0.99999994);
    let q = horner!(s; 7.9228414e-7, 0.00033110066, 0.025935754, 0.46727344, 0.9999999);
    (a * p / q).clamp(-1.0, 1.0)
}

/// 1 / (1 + e⁻ˣ) by way of tanh(x/2), |error| ≤ 2·10⁻⁷.
pub fn sigmoid(x: f32) -> f32 {
    0.5 + 0.5 * tanh(0.5 * x)
}

/// eˣ, relative error ≤ 3·10⁻⁷ for −87 ≤ x ≤ 88; the argument is clamped to that range.
pub fn exp(x: f32) -> f32 {
    let a = x.clamp(-87.0, 88.0);
    let k = (a * std::f32::consts::LOG2_E).round_ties_even();
    // ln 2 in two parts, the first short enough that k times it is exact.
    let r = (a - k * 0.693_359_4) - k * -2.121_944_4e-4;
    let p = horner!(r; 1.383_684_1e-3, 8.374_816e-3, 4.166_822_5e-2, 0.166_664_2, 0.499_999_9, 1.0, 1.0);
    p * f32::from_bits(((k as i32 + 127) as u32) << 23)
}

/// ln x, relative error ≤ 3·10⁻⁷ for every normal x > 0; 0 counts as the smallest normal number. NaN for x < 0.
pub fn ln(x: f32) -> f32 {
    if x < 0.0 {
        return f32::NAN;
    }
    // x = 2ᵏ (1 + f) with 1 + f between √½ and √2
    let bits = x.max(f32::MIN_POSITIVE).to_bits() as i32 - 0x3f35_04f3;
    let k = (bits >> 23) as f32;
    let f = f32::from_bits(((bits & 0x007f_ffff) + 0x3f35_04f3) as u32) - 1.0;
    // ln(1 + f) = 2 artanh s = f − f²/2 + s (f²/2 + R) with s = f/(2 + f), so that the rounding of s hardly counts
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z * horner!(z; 0.222_222_22, 0.285_714_3, 0.4, 0.666_666_7);
    let half = 0.5 * f * f;
    // ln 2 in the two parts of `exp`
    k * 0.693_359_4 + (f - (half - (s * (half + r) + k * -2.121_944_4e-4)))
}

/// sinh x, relative error ≤ 5·10⁻⁷ for |x| ≤ 88; beyond, it stays what it is there.
pub fn sinh(x: f32) -> f32 {
    let z = x * x;
    if x.abs() < 1.0 {
        return x + x * z * horner!(z; 2.755_732e-6, 1.984_127e-4, 8.333_334e-3, 0.166_666_67);
    }
    let e = exp(x.abs());
    (0.5 * (e - 1.0 / e)).copysign(x)
}

/// cosh x, relative error ≤ 5·10⁻⁷ for |x| ≤ 88.
pub fn cosh(x: f32) -> f32 {
    let e = exp(x.abs());
    0.5 * (e + 1.0 / e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    /// The largest error of `f` against `wanted` over `samples`, relative where `relative`.
    fn worst(
        samples: impl Iterator<Item = f32>,
        f: fn(f32) -> f32,
        wanted: impl Fn(f64) -> f64,
        relative: bool,
    ) -> (f64, f32) {
        samples.fold((0.0, 0.0), |worst, x| {
            let exact = wanted(f64::from(x));
            let scale = if relative && exact != 0.0 { exact.abs() } else { 1.0 };
            let error = (f64::from(f(x)) - exact).abs() / scale;
            if error > worst.0 { (error, x) } else { worst }
        })
    }

    fn dense(limit: f32) -> impl Iterator<Item = f32> {
        (-1_000_000..=1_000_000).map(move |i| i as f32 * (limit / 1e6))
    }

    fn small() -> impl Iterator<Item = f32> {
        (0..300_000).map(|i| 10.0_f32.powf(-30.0 + i as f32 * 1e-4))
    }

    #[test]
    fn waves_are_within_their_bounds() {
        for (name, (error, at)) in [
            ("sin_pi", worst(dense(64.0), sin_pi, |x| (PI * x).sin(), false)),
            ("cos_pi", worst(dense(64.0), cos_pi, |x| (PI * x).cos(), false)),
            ("sin_pi near 0", worst(dense(1.0), sin_pi, |x| (PI * x).sin(), false)),
        ] {
            assert!(error <= 2e-7, "{name}: error {error:e} at {at}");
        }
        assert_eq!((sin_pi(0.0), sin_pi(7.0), cos_pi(0.5), cos_pi(-2.5)), (0.0, 0.0, 0.0, 0.0));
    }

    #[test]
    fn tanh_is_within_its_bound_and_odd() {
        let every_seventh = (1e-4_f32.to_bits()..9.5_f32.to_bits()).step_by(7).map(f32::from_bits);
        for (error, at) in [
            worst(every_seventh, tanh, f64::tanh, true),
            worst(dense(100.0), tanh, f64::tanh, true),
            worst(small(), tanh, f64::tanh, true),
        ] {
            assert!(error <= 3.4e-7, "error {error:e} at {at}");
        }
        for x in dense(20.0) {
            assert_eq!(tanh(-x), -tanh(x));
        }
        assert_eq!((tanh(9.5), tanh(f32::INFINITY), tanh(-1e30)), (1.0, 1.0, -1.0));
    }

    #[test]
    fn sigmoid_and_exp_are_within_their_bounds() {
        let (error, at) = worst(dense(40.0), sigmoid, crate::math::real::sigmoid, false);
        assert!(error <= 2e-7, "sigmoid: error {error:e} at {at}");
        let (error, at) = worst(dense(87.0), exp, f64::exp, true);
        assert!(error <= 3e-7, "exp: error {error:e} at {at}");
        assert_eq!((sigmoid(0.0), exp(0.0), sigmoid(100.0)), (0.5, 1.0, 1.0));
    }

    #[test]
    fn logarithms_are_within_their_bound() {
        let (error, at) = worst(dense(1e3).map(f32::abs).filter(|x| *x > 0.0), ln, f64::ln, true);
        assert!(error <= 3e-7, "ln: error {error:e} at {at}");
        let all_sizes = (f32::MIN_POSITIVE.to_bits()..f32::INFINITY.to_bits()).step_by(997).map(f32::from_bits);
        let (error, at) = worst(all_sizes, ln, f64::ln, true);
        assert!(error <= 3e-7, "ln: error {error:e} at {at}");
        let near_one = (0.5_f32.to_bits()..2.0_f32.to_bits()).step_by(7).map(f32::from_bits);
        let (error, at) = worst(near_one, ln, f64::ln, true);
        assert!(error <= 3e-7, "ln near 1: error {error:e} at {at}");
        assert_eq!((ln(1.0), ln(0.0)), (0.0, ln(f32::MIN_POSITIVE)));
        assert!(ln(-3.0).is_nan());
    }

    #[test]
    fn hyperbolic_functions_are_within_their_bounds() {
        for (name, f, wanted) in
            [("sinh", sinh as fn(f32) -> f32, f64::sinh as fn(f64) -> f64), ("cosh", cosh, f64::cosh)]
        {
            for samples in [dense(88.0), dense(2.0)] {
                let (error, at) = worst(samples, f, wanted, true);
                assert!(error <= 5e-7, "{name}: error {error:e} at {at}");
            }
        }
        let (error, at) = worst(small().filter(|x| *x < 1.0), sinh, f64::sinh, true);
        assert!(error <= 5e-7, "sinh: error {error:e} at {at}");
        assert_eq!((sinh(0.0), cosh(0.0), sinh(-3.0)), (0.0, 1.0, -sinh(3.0)));
    }
}
