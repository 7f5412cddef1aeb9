// Learning-rate annealing (Wang, Teng, Perdikaris 2021, arXiv 2001.04536): every PERIOD steps the weight of a condition moves
// towards max|g₁| / mean|gᵢ|.
//
// provides: combine
// expects:  Gram, Coefficients, tasks, mean_entry, largest_entry, recall, remember (kernels/coefficients_of)

const PERIOD = 10u;
const MEMORY = 0.9;
const LEAST = 1e-12;

fn combine(gram: Gram, index: u32) -> Coefficients {
    var c: Coefficients;
    for (var i = 0u; i < tasks(); i++) {
        if index % PERIOD == 0u {
            let t = largest_entry(0u) / max(mean_entry(i), LEAST);
            var lambda = MEMORY * recall(i) + (1.0 - MEMORY) * t;
            if index == 0u { lambda = t; }
            remember(i, select(lambda, 1.0, i == 0u));
        }
        c[i] = recall(i);
    }
    return c;
}
