// Numbers as sums of two f32, about 45 bits: for small systems whose answers are worth four digits even where the rows
// nearly depend on each other. Dekker 1971, Knuth; a sum of two f32 is exact, a product is exact.
//
// Compilers are free to simplify (a + b) − a, as if arithmetic were exact. They do not look through integers: `rounded`
// passes a number through a bitwise "or" with a zero that no compiler knows.
//
// provides: Double, d_of, d_add, d_sub, d_mul, d_div, d_sqrt, d_less, scale_near_one
// expects:  tasks (kernels/coefficients_of), at most 15

alias Double = vec2f;            // the nearest f32, and what it lacks

fn rounded(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) | (tasks() >> 4u)); }

fn d_of(x: f32) -> Double { return Double(x, 0.0); }

// a + b where |a| ≥ |b|.
fn ordered_sum(a: f32, b: f32) -> Double {
    let sum = rounded(a + b);
    return Double(sum, b - rounded(sum - a));
}

fn exact_sum(a: f32, b: f32) -> Double {
    let sum = rounded(a + b);
    let part = rounded(sum - a);
    return Double(sum, rounded(a - rounded(sum - part)) + rounded(b - part));
}

// Halves of twelve bits: their products are exact.
fn exact_product(a: f32, b: f32) -> Double {
    let a_high = bitcast<f32>(bitcast<u32>(a) & 0xfffff000u);
    let b_high = bitcast<f32>(bitcast<u32>(b) & 0xfffff000u);
    let a_low = rounded(a - a_high);
    let b_low = rounded(b - b_high);
    let product = rounded(a * b);
    let error = rounded(a_high * b_high - product) + a_high * b_low;
    return Double(product, rounded(rounded(error) + a_low * b_high) + a_low * b_low);
}

fn d_add(a: Double, b: Double) -> Double {
    let high = exact_sum(a.x, b.x);
    let low = exact_sum(a.y, b.y);
    let sum = ordered_sum(high.x, high.y + low.x);
    return ordered_sum(sum.x, sum.y + low.y);
}

fn d_sub(a: Double, b: Double) -> Double { return d_add(a, -b); }

fn d_mul(a: Double, b: Double) -> Double {
    let product = exact_product(a.x, b.x);
    return ordered_sum(product.x, product.y + (a.x * b.y + a.y * b.x));
}

// Long division with three digits of base 2²².
fn d_div(a: Double, b: Double) -> Double {
    let first = a.x / b.x;
    let rest = d_sub(a, d_mul(d_of(first), b));
    let second = rest.x / b.x;
    let third = d_sub(rest, d_mul(d_of(second), b)).x / b.x;
    let quotient = ordered_sum(first, second);
    return ordered_sum(quotient.x, quotient.y + third);
}

// Newton twice; zero for what is not positive.
fn d_sqrt(a: Double) -> Double {
    if !(a.x > 0.0) { return Double(); }
    var root = d_of(sqrt(a.x));
    for (var i = 0; i < 2; i++) {
        let rest = d_sub(a, d_mul(root, root));
        root = ordered_sum(root.x, root.y + 0.5 * rest.x / root.x);
    }
    return root;
}

fn d_less(a: Double, b: Double) -> bool { return d_sub(a, b).x < 0.0; }

// A power of two that brings a positive number between 1/2 and 4: multiplying by it is exact.
fn scale_near_one(x: f32) -> f32 {
    let exponent = clamp(bitcast<u32>(x) >> 23u, 2u, 252u);
    return bitcast<f32>((254u - exponent) << 23u);
}
