// UPGrad (Quinton and Rey 2024, arXiv 2406.16232): every gradient is projected onto the cone without conflicts. The
// projection of ûᵢ is ûᵢ + Σ yₖ ûₖ, where y ≥ 0 makes it shortest: ⟨ûⱼ, ·⟩ ≥ 0, and zero wherever yⱼ > 0.
//
// provides: combine
// expects:  Gram, Coefficients, tasks (kernels/coefficients_of); measure_rows, complementary, … (cosines); d_* (double)

fn combine(gram: Gram, index: u32) -> Coefficients {
    measure_rows(gram);
    var c: Coefficients;
    for (var i = 0u; i < tasks(); i++) {
        if !takes_part(i) { continue; }
        c[i] += 1.0;
        let y = complementary(cosines[i], 0u).y;
        for (var k = 0u; k < tasks(); k++) {
            if takes_part(k) { c[k] += lengths[i].x / lengths[k].x * y[k].x; }
        }
    }
    return c;
}
