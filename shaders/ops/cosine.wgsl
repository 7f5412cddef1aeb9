// y = cos(2πz) of jets; without a transpose, as sine.
//
// provides: cosine_jet
// expects:  Derivatives, sin_pi, cos_pi, PI (math); chain, value (jets)

fn cosine_jet(z: Jet) -> Jet {
    let turn = 2.0 * PI;
    let c = cos_pi(2.0 * value(z));
    let s = turn * sin_pi(2.0 * value(z));
    return chain(Derivatives(c, -s, -turn * turn * c, turn * turn * s, turn * turn * turn * turn * c), z);
}
