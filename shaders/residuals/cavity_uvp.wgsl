// Lid-driven cavity in velocity and pressure (the stream L is the Laplacian, c = (1, 1)):
//   r_u = u u_x + v u_y + p_x − Δu/Re      r_v = u v_x + v v_y + p_y − Δv/Re      r_c = u_x + v_y
//
// provides: residual, residual_adjoint, data
// expects:  a jet with value, d0, d1, laplacian (second); scalar (math); Point, Fields, TERM_*, REYNOLDS (prelude)

fn residual(term: u32, f: Fields, unused: vec4f) -> vec4f {
    let u = f[0];  let v = f[1];  let p = f[2];
    return vec4f(
        value(u) * d0(u) + value(v) * d1(u) + d0(p) - laplacian(u) / REYNOLDS,
        value(u) * d0(v) + value(v) * d1(v) + d1(p) - laplacian(v) / REYNOLDS,
        d0(u) + d1(v),
        0.0,
    );
}
fn residual_adjoint(term: u32, f: Fields, r_bar: vec4f) -> Fields {
    let u = f[0];  let v = f[1];
    let a = r_bar.x;  let b = r_bar.y;  let c = r_bar.z;
    return Fields(
        from_value(a * d0(u) + b * d0(v)) + from_gradient(a * value(u) + c, a * value(v)) + from_laplacian(-a / REYNOLDS),
        from_value(a * d1(u) + b * d1(v)) + from_gradient(b * value(u), b * value(v) + c) + from_laplacian(-b / REYNOLDS),
        from_gradient(a, b),
    );
}

// The known velocity (u, v) on the walls; the equations have no right-hand side.
fn data(term: u32, p: Point) -> vec4f {
    return scalar(select(0.0, 1.0, term == TERM_LID));
}
