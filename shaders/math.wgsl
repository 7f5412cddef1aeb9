// Elementary functions from + − × and one division, the twin of src/math/portable.rs. WGSL allows its own
// tanh, sin and exp errors up to 5·10⁻⁴, differently on every driver; these stay within 3.4·10⁻⁷ and differ
// between devices only where a driver fuses a multiplication with an addition. Coefficients are minimax fits, to the digits of
// f32.
// A NaN argument gives an unspecified number (clamp may swallow it): look for NaN in parameters and losses.
//
// provides: PI, scalar, sin_pi, cos_pi, hyperbolic_tangent, sigmoid, exponential, logarithm, hyperbolic_sine,
//           hyperbolic_cosine, Derivatives, tanh_derivatives, tanh_derivatives_of_value, sigmoid_derivatives, sigmoid_derivatives_of_value
// expects:  nothing

const PI = 3.14159265358979;

// A residual, or known right-hand side, of one component.
fn scalar(r: f32) -> vec4f { return vec4f(r, 0.0, 0.0, 0.0); }

// sin(πr) for |r| ≤ 1/2.
fn half_wave(r: f32) -> f32 {
    let s = r * r;
    let p = (((0.07756039 * s - 0.5982421) * s + 2.550069) * s - 5.16771) * s + 3.1415927;
    return r * p;
}
// sin(πx), |error| ≤ 2e-7 for |x| ≤ 64; the reduction is exact.
fn sin_pi(x: f32) -> f32 {
    let r = x - 2.0 * round(0.5 * x);
    return half_wave(select(r, select(1.0, -1.0, r < 0.0) - r, abs(r) > 0.5));
}
// cos(πx), |error| ≤ 2e-7 for |x| ≤ 64.
fn cos_pi(x: f32) -> f32 {
    let r = x - 2.0 * round(0.5 * x);
    return half_wave(0.5 - abs(r));
}

// tanh(x), relative error ≤ 3.4e-7, exactly odd, never beyond ±1.
fn hyperbolic_tangent(x: f32) -> f32 {
    let a = clamp(x, -9.0, 9.0);
    let s = a * a;
    let p = (((1.3714796e-8 * s + 2.086548e-5) * s + 0.00351106) * s + 0.13394025) * s + 0.99999994;
    let q = (((7.9228414e-7 * s + 0.00033110066) * s + 0.025935754) * s + 0.46727344) * s + 0.9999999;
    return clamp(a * p / q, -1.0, 1.0);
}
// 1 / (1 + e⁻ˣ), |error| ≤ 2e-7.
fn sigmoid(x: f32) -> f32 {
    return 0.5 + 0.5 * hyperbolic_tangent(0.5 * x);
}
// eˣ, relative error ≤ 3e-7 for −87 ≤ x ≤ 88; the argument is clamped to that range.
fn exponential(x: f32) -> f32 {
    let a = clamp(x, -87.0, 88.0);
    let k = round(a * 1.44269504);
    let r = (a - k * 0.6933594) - k * -2.1219444e-4;      // ln 2 in two parts: k times the first is exact
    let p = (((((1.3836841e-3 * r + 8.374816e-3) * r + 4.1668225e-2) * r + 0.1666642) * r + 0.4999999) * r + 1.0) * r + 1.0;
    return p * bitcast<f32>(u32(i32(k) + 127) << 23u);
}
// ln x, relative error ≤ 3e-7 for normal x > 0; 0 counts as the smallest normal number. Of x < 0 it is no number, as √x is none:
// a run must end there instead of training on something else.
fn logarithm(x: f32) -> f32 {
    let bits = bitcast<i32>(max(x, 1.1754944e-38)) - 0x3f3504f3;     // x = 2ᵏ (1 + f), 1 + f between √½ and √2
    let k = f32(bits >> 23u);
    let f = bitcast<f32>((bits & 0x007fffff) + 0x3f3504f3) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z * (((0.22222222 * z + 0.2857143) * z + 0.4) * z + 0.6666667);
    let half = 0.5 * f * f;                                 // ln(1 + f) = 2 artanh s = f − f²/2 + s (f²/2 + r)
    let ln = k * 0.6933594 + (f - (half - (s * (half + r) + k * -2.1219444e-4)));
    return select(ln, sqrt(x), x < 0.0);
}
// sinh x, relative error ≤ 5e-7 for |x| ≤ 88: a series where the difference of exponentials would cancel.
fn hyperbolic_sine(x: f32) -> f32 {
    let z = x * x;
    let e = exponential(abs(x));
    let series = x + x * z * (((2.755732e-6 * z + 1.984127e-4) * z + 8.333334e-3) * z + 0.16666667);
    return select(0.5 * sign(x) * (e - 1.0 / e), series, abs(x) < 1.0);
}
// cosh x, relative error ≤ 5e-7 for |x| ≤ 88.
fn hyperbolic_cosine(x: f32) -> f32 {
    let e = exponential(abs(x));
    return 0.5 * (e + 1.0 / e);
}

// A scalar function at a point: its value and four derivatives, as far as a jet of fourth order needs.
struct Derivatives { f0: f32, f1: f32, f2: f32, f3: f32, f4: f32 }

fn tanh_derivatives_of_value(y: f32) -> Derivatives {
    let f1 = 1.0 - y * y;
    return Derivatives(y, f1, -2.0 * y * f1, f1 * (6.0 * y * y - 2.0), 8.0 * y * f1 * (2.0 - 3.0 * y * y));
}
fn tanh_derivatives(x: f32) -> Derivatives {
    return tanh_derivatives_of_value(hyperbolic_tangent(x));
}
fn sigmoid_derivatives_of_value(w: f32) -> Derivatives {
    let f1 = w * (1.0 - w);
    let f2 = f1 * (1.0 - 2.0 * w);
    return Derivatives(w, f1, f2, f1 * (1.0 - 6.0 * f1), f2 * (1.0 - 12.0 * f1));
}
fn sigmoid_derivatives(x: f32) -> Derivatives {
    return sigmoid_derivatives_of_value(sigmoid(x));
}
