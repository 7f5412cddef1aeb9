// Plain sum of the terms' gradients: every coefficient is one.
//
// provides: combine
// expects:  Gram, Coefficients (kernels/coefficients_of)

fn combine(gram: Gram, index: u32) -> Coefficients {
    var c: Coefficients;
    for (var k = 0u; k < TERMS; k++) { c[k] = 1.0; }
    return c;
}
