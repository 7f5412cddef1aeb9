// a = s + ρ (e₁ + e₂) / 2: the average of two encodings joins the main path s, and the cotangent of each of them, given ā.
//
// provides: average, average_s_bar, average_e1_bar, average_e2_bar, average_scale_bar
// expects:  Jet, inner (jets)

fn average(rho: f32, s: Jet, e1: Jet, e2: Jet) -> Jet { return s + (0.5 * rho) * (e1 + e2); }

fn average_s_bar(rho: f32, a_bar: Jet) -> Jet { return a_bar; }
fn average_e1_bar(rho: f32, a_bar: Jet) -> Jet { return (0.5 * rho) * a_bar; }
fn average_e2_bar(rho: f32, a_bar: Jet) -> Jet { return (0.5 * rho) * a_bar; }

// ∂/∂ρ, of this entry at this point.
fn average_scale_bar(e1: Jet, e2: Jet, a_bar: Jet) -> f32 { return 0.5 * inner(a_bar, e1 + e2); }
