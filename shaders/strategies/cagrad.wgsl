// CAGrad (Liu et al. 2021, arXiv 2110.14048, c = 0.5): the mean gradient g₀ plus Σ yₖ ûₖ of length √φ = c ‖g₀‖, which does
// most for the term that gains least. At the optimum gᵢᵀg is the same number μ for all rows with yᵢ > 0 and not smaller for
// the others; see src/strategies/cagrad.rs. Here μ is in units of the shortest row: ν = μ / ‖g_shortest‖.
//
// provides: combine
// expects:  Gram, Coefficients, tasks (kernels/coefficients_of); Vector, measure_rows, solve, … (cosines); d_* (double)

const RADIUS = 0.5;
const STEPS = 48u;              // Newton's, and as many exact ones

var<private> steep: Vector;                            // ‖g_shortest‖ / ‖gₖ‖
var<private> along: Vector;                            // ûₖᵀg₀

fn product(a: Vector, b: Vector) -> Double {
    var sum = Double();
    for (var k = 0u; k < tasks(); k++) { sum = d_add(sum, d_mul(a[k], b[k])); }
    return sum;
}

// a − s b
fn minus(a: Vector, s: Double, b: Vector) -> Vector {
    var difference = a;
    for (var k = 0u; k < tasks(); k++) { difference[k] = d_sub(a[k], d_mul(s, b[k])); }
    return difference;
}

struct Level { exists: bool, nu: Double }

// The ν for which y = ν a − b has the squared length `square`, where a and b have the products `steep` and `along` with the
// rows of the set.
fn level_of(members: u32, square: Double) -> Level {
    var ab: array<Vector, 2>;
    var right = steep;
    for (var i = 0u; i < 2u; i++) {
        ab[i] = solve(members, right);
        right = along;
    }
    let aa = product(ab[0], steep);
    let mixed = product(ab[0], along);
    let root = d_sub(d_mul(mixed, mixed), d_mul(aa, d_sub(product(ab[1], along), square)));
    if !(aa.x > 0.0) || root.x < 0.0 { return Level(false, Double()); }
    return Level(true, d_div(d_add(mixed, d_sqrt(root)), aa));
}

// No row alone reaches √φ at a smaller ν than the optimum's.
fn highest(radius: Double) -> Double {
    var nu = d_of(1e30);
    for (var k = 0u; k < tasks(); k++) {
        if !takes_part(k) { continue; }
        let single = d_div(d_add(along[k], radius), steep[k]);
        if d_less(single, nu) { nu = single; }
    }
    return nu;
}

// ‖Σ yₖ ûₖ‖² is convex in ν and grows with it: Newton's steps come down to the optimum. After each, the equation of the rows
// in use is solved exactly; if the same rows are in use there, that is the answer. Both in one loop, for the compiler's sake.
fn levels(square: Double) -> Vector {
    var nu = highest(d_sqrt(square));
    var newton = nu;
    var members = 0u;
    var exact = false;
    var y = Vector();
    for (var i = 0u; i < STEPS; i++) {
        let q = minus(along, nu, steep);
        let found = complementary(q, members);
        y = found.y;
        if exact && found.members == members { break; }
        if exact {
            exact = false;
            nu = newton;
            continue;
        }
        members = found.members;
        // the square is −yᵀq, its slope twice yᵀ`steep`
        let excess = d_add(product(y, q), square);
        newton = d_add(nu, d_div(excess, d_mul(d_of(2.0), product(y, steep))));
        let level = level_of(members, square);
        exact = level.exists;
        nu = newton;
        if exact { nu = level.nu; }
    }
    return y;
}

fn combine(gram: Gram, index: u32) -> Coefficients {
    measure_rows(gram);
    let count = d_of(max(rows_taking_part(), 1.0));
    var c: Coefficients;
    var shortest = d_of(4.0);
    var square = Double();
    var summed = 0.0;
    for (var j = 0u; j < tasks(); j++) {
        if !takes_part(j) { continue; }
        c[j] = 1.0;
        if d_less(lengths[j], shortest) { shortest = lengths[j]; }
        var sum = d_mul(lengths[j], d_sub(cosines[j][j], Double(0.0, OWN)));
        for (var k = 0u; k < tasks(); k++) {
            if k != j { sum = d_add(sum, d_mul(cosines[j][k], lengths[k])); }
        }
        along[j] = d_div(sum, count);
        square = d_add(square, d_div(d_mul(along[j], lengths[j]), count));
        summed += lengths[j].x * lengths[j].x / (count.x * count.x);
    }
    if !(square.x > OWN * summed) { return c; }        // rounding
    for (var k = 0u; k < tasks(); k++) {
        if takes_part(k) { steep[k] = d_div(shortest, lengths[k]); }
    }
    let y = levels(d_mul(square, d_of(RADIUS * RADIUS)));
    for (var k = 0u; k < tasks(); k++) {
        if takes_part(k) { c[k] = d_add(d_of(1.0), d_div(d_mul(count, y[k]), lengths[k])).x; }
    }
    return c;
}
