// Weights by the trace of the neural tangent kernel (Wang, Yu, Perdikaris 2022, arXiv 2007.14527): every PERIOD steps
// λₖ = Σ Tⱼ / Tₖ, where Tₖ estimates how fast the residuals of term k can change. See src/strategies/ntk.rs.
//
// provides: combine
// expects:  Gram, Coefficients, tasks, recall, remember (kernels/coefficients_of); trace_of (probe)

const PERIOD = 100u;
const LEAST = 1e-12;

fn combine(gram: Gram, index: u32) -> Coefficients {
    var sum = 0.0;
    for (var k = 0u; k < tasks(); k++) { sum += trace_of(k); }
    var c: Coefficients;
    for (var k = 0u; k < tasks(); k++) {
        if index % PERIOD == 0u { remember(k, sum / max(trace_of(k), LEAST)); }
        c[k] = recall(k);
    }
    return c;
}
