// Nonlinear Schrödinger for h = u + iv:  i h_t + ½ h_xx + |h|² h = 0, which is
//   r_R = −v_t + ½ u_xx + (u² + v²) u        r_I = u_t + ½ v_xx + (u² + v²) v
// (the stream L is ∂_xx, c = (1, 0)).
//
// provides: residual, residual_adjoint, data
// expects:  a jet with value, d1, laplacian (second); exponential (math); Point, Fields, TERM_* (prelude)

fn residual(term: u32, h: Fields, unused: vec4f) -> vec4f {
    let u = value(h[0]);  let v = value(h[1]);
    let m = u * u + v * v;
    return vec4f(-d1(h[1]) + 0.5 * laplacian(h[0]) + m * u, d1(h[0]) + 0.5 * laplacian(h[1]) + m * v, 0.0, 0.0);
}
fn residual_adjoint(term: u32, h: Fields, r_bar: vec4f) -> Fields {
    let u = value(h[0]);  let v = value(h[1]);
    let a = r_bar.x;  let b = r_bar.y;
    let cross = 2.0 * u * v;
    return Fields(
        from_value(a * (3.0 * u * u + v * v) + b * cross) + from_gradient(0.0, b) + from_laplacian(0.5 * a),
        from_value(a * cross + b * (u * u + 3.0 * v * v)) + from_gradient(0.0, -a) + from_laplacian(0.5 * b),
    );
}

// At the start h = 2 sech x; equation and periodicity have no right-hand side.
fn data(term: u32, p: Point) -> vec4f {
    let e = exponential(-abs(p[0]));
    return select(vec4f(), vec4f(4.0 * e / (1.0 + e * e), 0.0, 0.0, 0.0), term == TERM_IC);
}
