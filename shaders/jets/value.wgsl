// The jet of order zero: a field's value alone. For Dirichlet and initial terms and for evaluation, in any
// number of axes. Slopes are not carried: their functions are there so that texts for any order link, and a
// plan gives this jet only to terms that ask for no slope.
//
// provides: Jet, TEXELS, texel, from_texels, jet_zero, jet_constant, jet_input, value, d0, d1, from_value, from_gradient, chain,
//           multiply, multiply_adjoint, inner, add_inner
// expects:  Derivatives (math)

alias Jet = f32;

const TEXELS = 1u;
fn texel(u: Jet, t: u32) -> vec4f { return vec4f(u, 0.0, 0.0, 0.0); }
fn from_texels(t: array<vec4f, TEXELS>) -> Jet { return t[0].x; }

fn jet_zero() -> Jet { return 0.0; }
fn jet_constant(c: f32) -> Jet { return c; }
fn jet_input(x: f32, axis: u32) -> Jet { return x; }

fn value(u: Jet) -> f32 { return u; }
fn d0(u: Jet) -> f32 { return 0.0; }
fn d1(u: Jet) -> f32 { return 0.0; }
fn from_value(v: f32) -> Jet { return v; }
fn from_gradient(g0: f32, g1: f32) -> Jet { return 0.0; }

fn chain(f: Derivatives, z: Jet) -> Jet { return f.f0; }

fn multiply(a: Jet, b: Jet) -> Jet { return a * b; }
// Cotangent of `a` in c = a·b; the product is symmetric, so it serves `b` too.
fn multiply_adjoint(b: Jet, c_bar: Jet) -> Jet { return b * c_bar; }

fn inner(a: Jet, b: Jet) -> f32 { return a * b; }
// sum + inner(a, b), in an order in which every term can be a multiply–add.
fn add_inner(sum: f32, a: Jet, b: Jet) -> f32 { return sum + a * b; }
