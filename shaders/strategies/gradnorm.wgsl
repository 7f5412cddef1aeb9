// GradNorm (Chen et al. 2018, arXiv 1711.02257) with the signed step of the paper's authors: Ĝᵢ = wᵢ ‖gᵢ‖ is pulled to
// mean(Ĝ) ρᵢ^α, where ρᵢ is how much of its first loss term i has left, relative to the mean. See src/strategies/gradnorm.rs.
//
// provides: combine
// expects:  Gram, Coefficients, tasks, loss_of, recall, remember (kernels/coefficients_of)

const RATE = 0.025;
const LEAST = 1e-12;
const EQUAL = 1e-5;

fn combine(gram: Gram, index: u32) -> Coefficients {
    let terms = f32(tasks());
    var w: Coefficients;
    var length: Coefficients;
    var left: Coefficients;
    var usual = 0.0;
    var goal = 0.0;
    for (var i = 0u; i < tasks(); i++) {
        if index == 0u {
            remember(i, 1.0);
            remember(tasks() + i, max(loss_of(i), LEAST));
        }
        w[i] = recall(i);
        length[i] = sqrt(max(gram[i][i], LEAST));
        left[i] = loss_of(i) / recall(tasks() + i);
        usual += left[i];
        goal += w[i] * length[i];
    }
    usual = max(usual / terms, LEAST);
    goal /= terms;
    var sum = 0.0;
    for (var i = 0u; i < tasks(); i++) {
        let rho = left[i] / usual;
        let aim = goal * rho * sqrt(rho);
        let beyond = w[i] * length[i] - aim;
        if abs(beyond) > EQUAL * aim { w[i] -= RATE * sign(beyond) * length[i]; }
        w[i] = max(w[i], LEAST);
        sum += w[i];
    }
    for (var i = 0u; i < tasks(); i++) {
        w[i] *= terms / max(sum, LEAST);
        remember(i, w[i]);
    }
    return w;
}
