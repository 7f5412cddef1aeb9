// y = sin(2πz) of jets. Waves stand behind wave numbers that are not trained, so no cotangent ever comes to z, and there is
// no transpose.
//
// provides: sine_jet
// expects:  Derivatives, sin_pi, cos_pi, PI (math); chain, value (jets)

fn sine_jet(z: Jet) -> Jet {
    let turn = 2.0 * PI;
    let s = sin_pi(2.0 * value(z));
    let c = turn * cos_pi(2.0 * value(z));
    return chain(Derivatives(s, c, -turn * turn * s, -turn * turn * c, turn * turn * turn * turn * s), z);
}
