// MGDA (Sener and Koltun 2018, arXiv 1810.04650, algorithm 2): the shortest convex combination, by at most a hundred steps
// of Frank and Wolfe from equal weights. γ = 2 M w is carried along. In pairs of f32: near the optimum the slopes of the
// rows in use nearly agree, and rounding would choose other ways. Thresholds as in src/strategies/mgda.rs.
//
// provides: combine
// expects:  Gram, Coefficients, tasks (kernels/coefficients_of); Double, d_* (double)

const STEPS = 100u;
const FLAT = 1e-10;
const STRAIGHT = 1e-12;
const STILL = 1e-8;
const EQUAL = 1e-10;

var<private> products: array<array<Double, TERMS>, TERMS>;     // M times a power of two
var<private> gamma: array<Double, TERMS>;
var<private> w: array<Double, TERMS>;

// w = 1/K and its γ.
fn begin(gram: Gram) {
    var largest = 0.0;
    for (var k = 0u; k < tasks(); k++) { largest = max(largest, gram[k][k]); }
    let scale = scale_near_one(largest);
    let equal = d_div(d_of(1.0), d_of(f32(tasks())));
    for (var j = 0u; j < tasks(); j++) {
        w[j] = equal;
        var sum = Double();
        for (var k = 0u; k < tasks(); k++) {
            products[j][k] = d_of(gram[j][k] * scale);
            sum = d_add(sum, products[j][k]);
        }
        gamma[j] = 2.0 * d_mul(sum, equal);
    }
}

// The row with the smallest γ, the first of equals.
fn steepest() -> u32 {
    var least = gamma[0];
    var reach = 0.0;
    for (var k = 0u; k < tasks(); k++) {
        if d_less(gamma[k], least) { least = gamma[k]; }
        reach += EQUAL * w[k].x * sqrt(products[k][k].x);
    }
    for (var k = 0u; k < tasks(); k++) {
        if d_sub(gamma[k], least).x <= reach * sqrt(products[k][k].x) { return k; }
    }
    return 0u;
}

// One step; false when nothing moves any more.
fn advance() -> bool {
    let e = steepest();
    var twice = Double();                              // the combination's square
    for (var k = 0u; k < tasks(); k++) { twice = d_add(twice, d_mul(w[k], gamma[k])); }
    let slope = d_sub(gamma[e], twice);
    if abs(slope.x) <= FLAT * twice.x { return false; }
    let curvature = 2.0 * d_add(d_sub(products[e][e], gamma[e]), 0.5 * twice);
    var stride = d_of(1.0);
    if curvature.x > STRAIGHT * (products[e][e].x + twice.x) {
        stride = d_div(-slope, curvature);
        if stride.x < 0.0 { stride = Double(); }
        if d_less(d_of(1.0), stride) { stride = d_of(1.0); }
    }
    let rest = d_sub(d_of(1.0), stride);
    var moved = 0.0;
    for (var k = 0u; k < tasks(); k++) {
        let d = d_sub(d_of(select(0.0, 1.0, k == e)), w[k]);
        moved = max(moved, abs(stride.x * d.x));
        w[k] = d_add(w[k], d_mul(stride, d));
        gamma[k] = d_add(d_mul(rest, gamma[k]), 2.0 * d_mul(stride, products[k][e]));
    }
    return moved > STILL;
}

fn combine(gram: Gram, index: u32) -> Coefficients {
    begin(gram);
    for (var i = 0u; i < STEPS; i++) { if !advance() { break; } }
    var c: Coefficients;
    for (var k = 0u; k < tasks(); k++) { c[k] = w[k].x; }
    return c;
}
