// PCGrad (Yu et al. 2020; GCR in the paper): each task's gradient meets the others in random order and loses
// its component along those it conflicts with. Written in Gram space: pᵢ = Σ_k C_ik g_k, so that
// ⟨pᵢ, g_j⟩ = Σ_k C_ik M_kj and the projection p ← p − (δ/‖g_j‖²) g_j subtracts from one entry of C.
//
// The loops end at `tasks()`, a number that compilers do not know: unrolled, with every index of an array in turn,
// this function of four terms took Mesa's software renderer 50 s of processor time to compile.
//
// provides: combine
// expects:  Gram, Coefficients, visiting_order, tasks (kernels/coefficients_of)

fn combine(gram: Gram, index: u32) -> Coefficients {
    var total = Coefficients();
    for (var task = 0u; task < tasks(); task++) {
        // some compilers do not zero a variable anew in every turn unless told so
        var c = Coefficients();
        c[task] = 1.0;
        let others = visiting_order(index, task);
        for (var i = 0u; i < tasks(); i++) {
            let j = others[i];
            if j == task || !(gram[j][j] > 0.0) { continue; }
            var delta = 0.0;
            for (var k = 0u; k < tasks(); k++) { delta += c[k] * gram[k][j]; }
            if delta < 0.0 { c[j] -= delta / gram[j][j]; }
        }
        for (var k = 0u; k < tasks(); k++) { total[k] += c[k]; }
    }
    return total;
}
