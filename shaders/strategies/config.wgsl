// ConFIG (Liu, Chu, Thuerey 2024, arXiv 2408.11104): one direction with the same cosine to every gradient, Σ xₖ ûₖ with
// cosines·x = 1, as long as all that the gradients have along it. Its square is Σ xₖ, and every ûᵢ has the product 1 with it.
//
// provides: combine
// expects:  Gram, Coefficients, tasks (kernels/coefficients_of); Vector, measure_rows, solve, … (cosines); d_* (double)

fn combine(gram: Gram, index: u32) -> Coefficients {
    measure_rows(gram);
    var ones = Vector();
    for (var k = 0u; k < tasks(); k++) { ones[k].x = select(0.0, 1.0, takes_part(k)); }
    let x = solve(ALL_ROWS, ones);
    var square = Double();
    var length = Double();
    for (var k = 0u; k < tasks(); k++) {
        square = d_add(square, x[k]);
        length = d_add(length, lengths[k]);
    }
    var c: Coefficients;
    for (var k = 0u; k < tasks(); k++) {
        if takes_part(k) { c[k] = d_div(d_mul(d_div(length, square), x[k]), lengths[k]).x; }
    }
    return c;
}
