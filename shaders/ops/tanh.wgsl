// y = tanh(z) of jets, and its transpose.
//
// provides: tanh_jet, tanh_adjoint
// expects:  tanh_derivatives (math); chain, multiply, multiply_adjoint, jet_constant, value (jets)

fn tanh_jet(z: Jet) -> Jet { return chain(tanh_derivatives(value(z)), z); }

// z̄ of ȳ. Jets multiply like the functions they are cut from, so dy = φ′(z) dz holds jet by jet; here φ′ = 1 − y², which
// asks for the result alone: z need not be kept.
fn tanh_adjoint(y: Jet, y_bar: Jet) -> Jet { return multiply_adjoint(jet_constant(1.0) - multiply(y, y), y_bar); }
