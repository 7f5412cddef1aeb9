// a = s + ρ e: an encoding e joins the main path s, and the cotangent of each of them, given ā.
//
// provides: add, add_s_bar, add_e_bar, add_scale_bar
// expects:  Jet, inner (jets)

fn add(rho: f32, s: Jet, e: Jet) -> Jet { return s + rho * e; }

fn add_s_bar(rho: f32, a_bar: Jet) -> Jet { return a_bar; }
fn add_e_bar(rho: f32, a_bar: Jet) -> Jet { return rho * a_bar; }

// ∂/∂ρ, of this entry at this point.
fn add_scale_bar(e: Jet, a_bar: Jet) -> f32 { return inner(a_bar, e); }
