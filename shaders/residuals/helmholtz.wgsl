// Helmholtz:  r = u_xx + u_yy + k²u − q  on [−1, 1]², with the exact solution u = sin(a₁πx) sin(a₂πy)
// (paper §4; the stream L is ∂_xx + ∂_yy, c = (1, 1)). a₁ = WAVES_X, a₂ = WAVES_Y, k = WAVENUMBER.
//
// provides: residual, residual_adjoint, data
// expects:  a jet with value, laplacian (second); sin_pi, scalar (math); Point, Fields, TERM_*, WAVES_*, WAVENUMBER (prelude)

fn residual(term: u32, u: Fields, q: vec4f) -> vec4f {
    return scalar(laplacian(u[0]) + WAVENUMBER * WAVENUMBER * value(u[0]) - q.x);
}
fn residual_adjoint(term: u32, u: Fields, r_bar: vec4f) -> Fields {
    return Fields(from_value(WAVENUMBER * WAVENUMBER * r_bar.x) + from_laplacian(r_bar.x));
}

// The known right-hand side: q = (k² − π²(a₁² + a₂²)) u, and zero on the sides.
fn data(term: u32, p: Point) -> vec4f {
    let curvature = WAVENUMBER * WAVENUMBER - PI * PI * (WAVES_X * WAVES_X + WAVES_Y * WAVES_Y);
    let q = curvature * sin_pi(WAVES_X * p[0]) * sin_pi(WAVES_Y * p[1]);
    return scalar(select(0.0, q, term == TERM_PDE));
}
