// a = s + ρ (e₂ + w (e₁ − e₂)): what a gate w makes of two encodings e₁ and e₂ joins the main path s (paper §3), and the
// cotangent of each of them, given ā.
//
// provides: mix, mix_s_bar, mix_e1_bar, mix_e2_bar, mix_w_bar, mix_scale_bar
// expects:  Jet, multiply, multiply_adjoint, inner (jets)

fn mix(rho: f32, s: Jet, e1: Jet, e2: Jet, w: Jet) -> Jet { return s + rho * (e2 + multiply(w, e1 - e2)); }

fn mix_s_bar(rho: f32, a_bar: Jet) -> Jet { return a_bar; }
fn mix_e1_bar(rho: f32, w: Jet, a_bar: Jet) -> Jet { return multiply_adjoint(w, rho * a_bar); }
fn mix_e2_bar(rho: f32, w: Jet, a_bar: Jet) -> Jet { return rho * a_bar - multiply_adjoint(w, rho * a_bar); }
fn mix_w_bar(rho: f32, e1: Jet, e2: Jet, a_bar: Jet) -> Jet { return multiply_adjoint(e1 - e2, rho * a_bar); }

// ∂/∂ρ, of this entry at this point.
fn mix_scale_bar(e1: Jet, e2: Jet, w: Jet, a_bar: Jet) -> f32 { return inner(a_bar, e2 + multiply(w, e1 - e2)); }
