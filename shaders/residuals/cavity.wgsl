// Lid-driven cavity in stream function and pressure: u = ψ_y, v = −ψ_x, so u_x + v_y = 0 exactly.
//   r_u = ψ_y ψ_xy − ψ_x ψ_yy + p_x − ∂_yΔψ / Re
//   r_v = ψ_x ψ_xy − ψ_y ψ_xx + p_y + ∂_xΔψ / Re
//
// provides: residual, residual_adjoint, data
// expects:  a jet of eight streams (third); Point, Fields, TERM_*, REYNOLDS (prelude)

fn residual(term: u32, f: Fields, unused: vec4f) -> vec4f {
    let a = f[0][0];  let b = f[0][1];      // (ψ, ψ_x, ψ_y, ψ_xx), (ψ_xy, ψ_yy, ∂_xΔψ, ∂_yΔψ)
    let p = f[1][0];
    return vec4f(
        a.z * b.x - a.y * b.y + p.y - b.w / REYNOLDS,
        a.y * b.x - a.z * a.w + p.z + b.z / REYNOLDS,
        0.0, 0.0,
    );
}
fn residual_adjoint(term: u32, f: Fields, r_bar: vec4f) -> Fields {
    let a = f[0][0];  let b = f[0][1];
    let u = r_bar.x;  let v = r_bar.y;
    let psi = mat2x4f(
        vec4f(0.0, v * b.x - u * b.y, u * b.x - v * a.w, -v * a.z),
        vec4f(u * a.z + v * a.y, -u * a.y, v / REYNOLDS, -u / REYNOLDS),
    );
    return Fields(psi, from_gradient(u, v));
}

// The known velocity (u, v) on the walls; the momentum equations have no right-hand side.
fn data(term: u32, p: Point) -> vec4f {
    return scalar(select(0.0, 1.0, term == TERM_LID));
}
