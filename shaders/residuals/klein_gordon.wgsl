// Klein–Gordon:  r = u_tt − u_xx + u³ − f,  x ∈ [0, 1], t ∈ [0, T], with the exact solution
// u = x cos(5πt) + (xt)³  (paper §4; the stream L is ∂_tt − ∂_xx, c = (−1, 1)).
//
// provides: residual, residual_adjoint, data
// expects:  a jet with value, laplacian (second); cos_pi, scalar (math); Point, Fields, TERM_* (prelude)

fn residual(term: u32, u: Fields, f: vec4f) -> vec4f {
    let v = value(u[0]);
    return scalar(laplacian(u[0]) + v * v * v - f.x);
}
fn residual_adjoint(term: u32, u: Fields, r_bar: vec4f) -> Fields {
    let v = value(u[0]);
    return Fields(from_value(3.0 * v * v * r_bar.x) + from_laplacian(r_bar.x));
}

fn exact(p: Point) -> f32 {
    let xt = p[0] * p[1];
    return p[0] * cos_pi(5.0 * p[1]) + xt * xt * xt;
}
fn forcing(p: Point) -> f32 {
    let x = p[0];  let t = p[1];  let u = exact(p);
    return -25.0 * PI * PI * x * cos_pi(5.0 * t) + 6.0 * x * t * (x * x - t * t) + u * u * u;
}
// The known right-hand side of each term: f; u on the sides; u = x and u_t = 0 at the start.
fn data(term: u32, p: Point) -> vec4f {
    switch term {
        case TERM_PDE: { return scalar(forcing(p)); }
        case TERM_BC: { return scalar(exact(p)); }
        case TERM_IC: { return scalar(p[0]); }
        default: { return vec4f(); }
    }
}
