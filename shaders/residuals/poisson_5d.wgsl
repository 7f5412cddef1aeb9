// Poisson in five dimensions:  r = −Δu − f,  f = (π²/4) Σ sin(πxᵢ/2),  with the exact solution
// u = Σ sin(πxᵢ/2)  (the stream L is Δ, c = (1, 1, 1, 1, 1)).
//
// provides: residual, residual_adjoint, data
// expects:  a jet with laplacian (second_5d); sin_pi, scalar (math); Point, Fields, TERM_* (prelude)

fn residual(term: u32, u: Fields, f: vec4f) -> vec4f {
    return scalar(-laplacian(u[0]) - f.x);
}
fn residual_adjoint(term: u32, u: Fields, r_bar: vec4f) -> Fields {
    return Fields(from_laplacian(-r_bar.x));
}

// The known right-hand side of each term: f; u on the faces.
fn data(term: u32, p: Point) -> vec4f {
    var u = 0.0;
    for (var axis = 0u; axis < AXES; axis++) { u += sin_pi(0.5 * p[axis]); }
    return scalar(select(u, 0.25 * PI * PI * u, term == TERM_PDE));
}
