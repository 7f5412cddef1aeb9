// DCGD, variant "center" (Hwang and Lim 2024, arXiv 2409.18426): a = the first gradient, b = the sum of the others,
// g = ½ (‖a‖ + ‖b‖)(a/‖a‖ + b/‖b‖). What happens where one vanishes or they are opposite: src/strategies/dcgd.rs.
//
// provides: combine
// expects:  Gram, Coefficients, tasks (kernels/coefficients_of); Double, d_* (double)

const OPPOSITE = 1e-12;
const ROUNDING = 3.814697265625e-6;                    // 2⁻¹⁸

fn combine(gram: Gram, index: u32) -> Coefficients {
    var largest = 0.0;
    for (var k = 0u; k < tasks(); k++) { largest = max(largest, gram[k][k]); }
    let scale = scale_near_one(largest);
    let a = d_of(gram[0][0] * scale);
    var along = Double();
    var b = Double();
    var summed = Double();
    for (var j = 1u; j < tasks(); j++) {
        along = d_add(along, d_of(gram[0][j] * scale));
        summed = d_add(summed, d_of(gram[j][j] * scale));
        for (var k = 1u; k < tasks(); k++) { b = d_add(b, d_of(gram[j][k] * scale)); }
    }
    var first = 0.0;
    var rest = 0.0;
    if b.x <= ROUNDING * summed.x {
        first = 1.0;
    } else if !(a.x > 0.0) {
        rest = 1.0;
    } else {
        let cosine = d_div(along, d_mul(d_sqrt(a), d_sqrt(b)));
        if 2.0 * d_add(d_of(1.0), cosine).x >= OPPOSITE {
            let ratio = sqrt(b.x / a.x);
            first = 0.5 * (1.0 + ratio);
            rest = 0.5 * (1.0 + 1.0 / ratio);
        }
    }
    var c: Coefficients;
    for (var k = 0u; k < tasks(); k++) { c[k] = select(rest, first, k == 0u); }
    return c;
}
