// Activations of jets and their transposes.
//
// provides: tanh_jet, sigmoid_jet, tanh_adjoint, sigmoid_adjoint
// expects:  tanh_derivatives, sigmoid_derivatives (math); chain, multiply, multiply_adjoint (jets)

fn tanh_jet(z: Jet) -> Jet { return chain(tanh_derivatives(value(z)), z); }
fn sigmoid_jet(z: Jet) -> Jet { return chain(sigmoid_derivatives(value(z)), z); }

// Jets multiply like the functions they are cut from: y = φ(z) gives dy = φ′(z) dz, jet by jet. Here φ′ is 1 − y² and
// w (1 − w), so that the transposes ask for the result alone and z need not be kept.
fn tanh_adjoint(y: Jet, y_bar: Jet) -> Jet { return multiply_adjoint(jet_constant(1.0) - multiply(y, y), y_bar); }
fn sigmoid_adjoint(w: Jet, w_bar: Jet) -> Jet { return multiply_adjoint(w - multiply(w, w), w_bar); }
