// The jet of order one in two axes: (u, ∂₀u, ∂₁u). For slopes and stream-function velocities.
//
// provides: Jet, TEXELS, texel, from_texels, jet_zero, jet_constant, jet_input, value, d0, d1, from_value, from_gradient,
//           chain, multiply, multiply_adjoint, inner, add_inner
// expects:  Derivatives (math); SLOPES (prelude)

alias Jet = vec3f;

const TEXELS = 1u;
fn texel(u: Jet, t: u32) -> vec4f { return vec4f(u, 0.0); }
fn from_texels(t: array<vec4f, TEXELS>) -> Jet { return t[0].xyz; }

fn jet_zero() -> Jet { return vec3f(); }
fn jet_constant(c: f32) -> Jet { return vec3f(c, 0.0, 0.0); }
// The normalised coordinate x̂ = slope·x + offset: its derivative in *physical* x is the slope.
fn jet_input(x: f32, axis: u32) -> Jet {
    return vec3f(x, select(0.0, SLOPES[0], axis == 0u), select(0.0, SLOPES[1], axis == 1u));
}

fn value(u: Jet) -> f32 { return u.x; }
fn d0(u: Jet) -> f32 { return u.y; }
fn d1(u: Jet) -> f32 { return u.z; }
fn from_value(v: f32) -> Jet { return vec3f(v, 0.0, 0.0); }
fn from_gradient(g0: f32, g1: f32) -> Jet { return vec3f(0.0, g0, g1); }

fn chain(f: Derivatives, z: Jet) -> Jet { return vec3f(f.f0, f.f1 * z.yz); }

fn multiply(a: Jet, b: Jet) -> Jet { return vec3f(a.x * b.x, a.x * b.yz + b.x * a.yz); }
// Cotangent of `a` in c = a·b; the product is symmetric, so it serves `b` too.
fn multiply_adjoint(b: Jet, c_bar: Jet) -> Jet { return vec3f(dot(b, c_bar), b.x * c_bar.yz); }

fn inner(a: Jet, b: Jet) -> f32 { return dot(a, b); }
// sum + inner(a, b), in an order in which every term can be a multiply–add.
fn add_inner(sum: f32, a: Jet, b: Jet) -> f32 { return sum + a.x * b.x + a.y * b.y + a.z * b.z; }
