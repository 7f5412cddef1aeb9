// Aligned-MTL (Senushkin et al. 2023, arXiv 2305.19000): M = V Λ Vᵀ by Jacobi's rotations, c = √λ_min V Λ^(−1/2) Vᵀ 1 over the
// eigenvalues above SMALLEST of the largest. In pairs of f32: the smallest that count would be rounding otherwise.
//
// provides: combine
// expects:  Gram, Coefficients, tasks (kernels/coefficients_of); Double, d_* (double)

const SMALLEST = 1e-6;
const SWEEPS = 8u;
const SETTLED = 1e-13;           // an off-diagonal entry, where the largest diagonal one is about 1

var<private> m: array<array<Double, TERMS>, TERMS>;
var<private> vectors: array<array<Double, TERMS>, TERMS>;      // [component][row]

fn begin(gram: Gram) {
    var largest = 0.0;
    for (var k = 0u; k < tasks(); k++) { largest = max(largest, gram[k][k]); }
    let scale = scale_near_one(largest);
    for (var j = 0u; j < tasks(); j++) {
        for (var k = 0u; k < tasks(); k++) {
            m[j][k] = d_of(gram[j][k] * scale);
            vectors[j][k] = d_of(select(0.0, 1.0, j == k));
        }
    }
}

struct Turn { cosine: Double, sine: Double }

fn turned(t: Turn, x: Double, y: Double) -> array<Double, 2> {
    return array<Double, 2>(
        d_sub(d_mul(t.cosine, x), d_mul(t.sine, y)),
        d_add(d_mul(t.sine, x), d_mul(t.cosine, y)),
    );
}

// The rotation of rows and columns p and q that makes m[p][q] zero.
fn rotate(p: u32, q: u32) {
    let theta = d_div(d_sub(m[q][q], m[p][p]), 2.0 * m[p][q]);
    let size = theta * select(1.0, -1.0, theta.x < 0.0);
    let one = d_of(1.0);
    let tangent = d_div(d_of(select(1.0, -1.0, theta.x < 0.0)), d_add(size, d_sqrt(d_add(d_mul(theta, theta), one))));
    let cosine = d_div(one, d_sqrt(d_add(d_mul(tangent, tangent), one)));
    let t = Turn(cosine, d_mul(tangent, cosine));
    for (var k = 0u; k < tasks(); k++) {
        let row = turned(t, m[p][k], m[q][k]);
        m[p][k] = row[0];
        m[q][k] = row[1];
    }
    for (var k = 0u; k < tasks(); k++) {
        let column = turned(t, m[k][p], m[k][q]);
        m[k][p] = column[0];
        m[k][q] = column[1];
        let vector = turned(t, vectors[p][k], vectors[q][k]);
        vectors[p][k] = vector[0];
        vectors[q][k] = vector[1];
    }
}

fn combine(gram: Gram, index: u32) -> Coefficients {
    begin(gram);
    for (var sweep = 0u; sweep < SWEEPS; sweep++) {
        for (var p = 0u; p < tasks(); p++) {
            for (var q = p + 1u; q < tasks(); q++) { if abs(m[p][q].x) > SETTLED { rotate(p, q); } }
        }
    }
    var largest = 0.0;
    for (var k = 0u; k < tasks(); k++) { largest = max(largest, m[k][k].x); }
    var least = Double(largest, 0.0);
    for (var k = 0u; k < tasks(); k++) {
        if m[k][k].x > SMALLEST * largest && d_less(m[k][k], least) { least = m[k][k]; }
    }
    var c: Coefficients;
    for (var i = 0u; i < tasks(); i++) {
        if !(m[i][i].x > SMALLEST * largest) { continue; }
        var sum = Double();
        for (var k = 0u; k < tasks(); k++) { sum = d_add(sum, vectors[i][k]); }
        let share = d_mul(d_sqrt(d_div(least, m[i][i])), sum);
        for (var k = 0u; k < tasks(); k++) { c[k] += d_mul(share, vectors[i][k]).x; }
    }
    return c;
}
