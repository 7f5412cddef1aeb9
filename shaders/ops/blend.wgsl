// a = v + h (u − v): h blends two encodings u and v that all layers share (Wang, Teng and Perdikaris 2021), and the cotangent
// of each of them, given ā.
//
// provides: blend, blend_h_bar, blend_u_bar, blend_v_bar
// expects:  Jet, multiply, multiply_adjoint (jets)

fn blend(h: Jet, u: Jet, v: Jet) -> Jet { return v + multiply(h, u - v); }

fn blend_h_bar(u: Jet, v: Jet, a_bar: Jet) -> Jet { return multiply_adjoint(u - v, a_bar); }
fn blend_u_bar(h: Jet, a_bar: Jet) -> Jet { return multiply_adjoint(h, a_bar); }
fn blend_v_bar(h: Jet, a_bar: Jet) -> Jet { return a_bar - multiply_adjoint(h, a_bar); }
