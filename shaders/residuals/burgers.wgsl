// Burgers:  r = u_t + u u_x − ν u_xx,  x ∈ [−1, 1], t ∈ [0, 1], u = −sin πx at the start (paper §4; the stream L
// is ∂_xx, c = (1, 0)).
//
// provides: residual, residual_adjoint, data
// expects:  a jet with value, d0, d1, laplacian (second); sin_pi, scalar (math); Point, Fields, TERM_*, VISCOSITY (prelude)

fn residual(term: u32, u: Fields, unused: vec4f) -> vec4f {
    return scalar(d1(u[0]) + value(u[0]) * d0(u[0]) - VISCOSITY * laplacian(u[0]));
}
fn residual_adjoint(term: u32, u: Fields, r_bar: vec4f) -> Fields {
    let r = r_bar.x;
    return Fields(from_value(r * d0(u[0])) + from_gradient(r * value(u[0]), r) + from_laplacian(-VISCOSITY * r));
}

// Only the start has a right-hand side: −sin πx.
fn data(term: u32, p: Point) -> vec4f {
    return scalar(select(0.0, -sin_pi(p[0]), term == TERM_IC));
}
