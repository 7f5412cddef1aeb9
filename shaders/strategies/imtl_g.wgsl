// IMTL-G (Liu et al., ICLR 2021): all gradients have the same projection on the step, and the coefficients the sum K. The
// direction is that of ConFIG, Σ xₖ ûₖ with cosines·x = 1; xₖ / ‖gₖ‖ is scaled.
//
// provides: combine
// expects:  Gram, Coefficients, tasks (kernels/coefficients_of); Vector, measure_rows, solve, … (cosines); d_* (double)

const NOTHING = 1e-6;            // a sum below this part of the sum of sizes: no weights exist, the step is zero

fn combine(gram: Gram, index: u32) -> Coefficients {
    measure_rows(gram);
    var ones = Vector();
    for (var k = 0u; k < tasks(); k++) { ones[k].x = select(0.0, 1.0, takes_part(k)); }
    var x = solve(ALL_ROWS, ones);
    var sum = Double();
    var size = 0.0;
    for (var k = 0u; k < tasks(); k++) {
        if !takes_part(k) { continue; }
        x[k] = d_div(x[k], lengths[k]);
        sum = d_add(sum, x[k]);
        size += abs(x[k].x);
    }
    var c: Coefficients;
    if !(abs(sum.x) > NOTHING * size) { return c; }
    let scale = d_div(d_of(rows_taking_part()), sum);
    for (var k = 0u; k < tasks(); k++) {
        if takes_part(k) { c[k] = d_mul(scale, x[k]).x; }
    }
    return c;
}
