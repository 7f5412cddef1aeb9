// Residual-based attention: what it weighs are points (rba_weighing.wgsl), the terms' gradients are summed.
//
// provides: combine
// expects:  Gram, Coefficients, tasks (kernels/coefficients_of)

fn combine(gram: Gram, index: u32) -> Coefficients {
    var c: Coefficients;
    for (var k = 0u; k < tasks(); k++) { c[k] = 1.0; }
    return c;
}
