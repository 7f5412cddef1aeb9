// The jet of order two in two axes: (u, ∂₀u, ∂₁u, Lu) with the generalised Laplacian
// Lu = c₀ ∂₀₀u + c₁ ∂₁₁u, c constant. One such stream serves every second-order equation here,
// because L(φ(z)) = φ′ Lz + φ″ Σ cᵢ (∂ᵢz)² needs no other second derivative.
//
// provides: Jet, TEXELS, texel, from_texels, jet_zero, jet_constant, jet_input, value, d0, d1, laplacian, from_value,
//           from_gradient, from_laplacian, chain, multiply, multiply_adjoint, inner, add_inner
// expects:  Derivatives (math); SLOPES, LAPLACIAN (prelude)

alias Jet = vec4f;

const TEXELS = 1u;
fn texel(u: Jet, t: u32) -> vec4f { return u; }
fn from_texels(t: array<vec4f, TEXELS>) -> Jet { return t[0]; }

const C = vec2f(LAPLACIAN[0], LAPLACIAN[1]);

fn jet_zero() -> Jet { return vec4f(); }
fn jet_constant(c: f32) -> Jet { return vec4f(c, 0.0, 0.0, 0.0); }
// The normalised coordinate x̂ = slope·x + offset: its derivative in *physical* x is the slope.
fn jet_input(x: f32, axis: u32) -> Jet {
    return vec4f(x, select(0.0, SLOPES[0], axis == 0u), select(0.0, SLOPES[1], axis == 1u), 0.0);
}

fn value(u: Jet) -> f32 { return u.x; }
fn d0(u: Jet) -> f32 { return u.y; }
fn d1(u: Jet) -> f32 { return u.z; }
fn laplacian(u: Jet) -> f32 { return u.w; }
fn from_value(v: f32) -> Jet { return vec4f(v, 0.0, 0.0, 0.0); }
fn from_gradient(g0: f32, g1: f32) -> Jet { return vec4f(0.0, g0, g1, 0.0); }
fn from_laplacian(l: f32) -> Jet { return vec4f(0.0, 0.0, 0.0, l); }

fn chain(f: Derivatives, z: Jet) -> Jet {
    return vec4f(f.f0, f.f1 * z.yz, f.f1 * z.w + f.f2 * dot(C, z.yz * z.yz));
}

fn multiply(a: Jet, b: Jet) -> Jet {
    let l = a.x * b.w + b.x * a.w + 2.0 * dot(C, a.yz * b.yz);
    return vec4f(a.x * b.x, a.x * b.yz + b.x * a.yz, l);
}
// Cotangent of `a` in c = a·b; the product is symmetric, so it serves `b` too.
fn multiply_adjoint(b: Jet, c_bar: Jet) -> Jet {
    let slopes = b.x * c_bar.yz + (2.0 * c_bar.w) * C * b.yz;
    return vec4f(dot(b, c_bar), slopes, b.x * c_bar.w);
}

fn inner(a: Jet, b: Jet) -> f32 { return dot(a, b); }
// sum + inner(a, b), in an order in which every term can be a multiply–add.
fn add_inner(sum: f32, a: Jet, b: Jet) -> f32 { return sum + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w; }
