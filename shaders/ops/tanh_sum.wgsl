// a = tanh(h + p): the main path h and the coordinates' part p before their common activation, and the cotangent of each of
// them, given ā: the same for both, and of the result alone, as for tanh.
//
// provides: tanh_sum, tanh_sum_h_bar, tanh_sum_p_bar
// expects:  tanh_derivatives (math); Jet, chain, multiply, multiply_adjoint, jet_constant, value (jets)

fn tanh_sum(h: Jet, p: Jet) -> Jet {
    let z = h + p;
    return chain(tanh_derivatives(value(z)), z);
}

fn tanh_sum_h_bar(a: Jet, a_bar: Jet) -> Jet { return multiply_adjoint(jet_constant(1.0) - multiply(a, a), a_bar); }
fn tanh_sum_p_bar(a: Jet, a_bar: Jet) -> Jet { return tanh_sum_h_bar(a, a_bar); }
