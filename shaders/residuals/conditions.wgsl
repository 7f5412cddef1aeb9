// The conditions that problems share, one kind per term: what a field is on a boundary or at the start.
//   VALUE     u − data                   SLOPE_AXIS_1   ∂₁u − data
//   VELOCITY  (ψ_y − data.x, −ψ_x − data.y), the velocity of a stream function
//
// provides: residual, residual_adjoint
// expects:  a jet with value and gradient; Fields, CONDITION_* (prelude)

fn residual(term: u32, u: Fields, data: vec2f) -> vec2f {
    switch CONDITION_KIND[term] {
        case CONDITION_VELOCITY: { return vec2f(d1(u[0]), -d0(u[0])) - data; }
        case CONDITION_SLOPE_AXIS_1: { return vec2f(d1(u[0]) - data.x, 0.0); }
        default: { return vec2f(value(u[0]) - data.x, 0.0); }
    }
}
fn residual_adjoint(term: u32, u: Fields, r_bar: vec2f) -> Fields {
    var u_bar = Fields();
    switch CONDITION_KIND[term] {
        case CONDITION_VELOCITY: { u_bar[0] = from_gradient(-r_bar.y, r_bar.x); }
        case CONDITION_SLOPE_AXIS_1: { u_bar[0] = from_gradient(0.0, r_bar.x); }
        default: { u_bar[0] = from_value(r_bar.x); }
    }
    return u_bar;
}
