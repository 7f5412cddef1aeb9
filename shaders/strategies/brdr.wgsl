// Balanced residual decay rate (Chen et al. 2024, arXiv 2407.01613): the scale s of the loss, the same for all terms. The weights
// of points are in brdr_weighing.wgsl. See src/strategies/brdr.rs.
//
// provides: combine
// expects:  Gram, Coefficients, tasks, loss_of, recall, remember (kernels/coefficients_of); learning_rate (schedule); double

const LEAST = 1e-12;
const ROUNDING = 1e-6;

fn combine(gram: Gram, index: u32) -> Coefficients {
    let s = select(recall(0u), 1.0, index == 0u);
    var loss = 0.0;
    var lengths = 0.0;
    var square = Double();                             // ‖Σ gₖ‖²: terms of both signs
    for (var i = 0u; i < tasks(); i++) {
        loss += loss_of(i);
        lengths += gram[i][i];
        for (var j = 0u; j < tasks(); j++) { square = d_add(square, d_of(gram[i][j])); }
    }
    let steep = max(s * s * max(square.x, ROUNDING * lengths), LEAST);
    let next = (1.0 - learning_rate(index)) * s + 2.0 * s * s * loss / steep;
    remember(0u, next);
    var c: Coefficients;
    for (var k = 0u; k < tasks(); k++) { c[k] = next; }
    return c;
}
