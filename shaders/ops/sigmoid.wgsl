// w = σ(z) = 1 / (1 + e⁻ᶻ) of jets, and its transpose.
//
// provides: sigmoid_jet, sigmoid_adjoint
// expects:  sigmoid_derivatives (math); chain, multiply, multiply_adjoint, value (jets)

fn sigmoid_jet(z: Jet) -> Jet { return chain(sigmoid_derivatives(value(z)), z); }

// z̄ of w̄: φ′ = w (1 − w), from the result alone, as for tanh.
fn sigmoid_adjoint(w: Jet, w_bar: Jet) -> Jet { return multiply_adjoint(w - multiply(w, w), w_bar); }
