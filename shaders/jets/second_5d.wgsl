// The jet of order two in five axes, seven streams:  u[0] = (u, ∂₀u, ∂₁u, ∂₂u)   u[1] = (∂₃u, ∂₄u, Lu, 0)
// with the generalised Laplacian Lu = Σ cᵢ ∂ᵢᵢu, c constant; the rules are those of `second`. The eighth
// number stays zero, so that sums over a jet need not leave it out.
//
// provides: Jet, TEXELS, texel, from_texels, jet_zero, jet_constant, jet_input, value, d0, d1, laplacian, from_value, from_gradient, from_laplacian,
//           chain,
//           multiply, multiply_adjoint, inner, add_inner
// expects:  Derivatives (math); SLOPES, LAPLACIAN (prelude)

alias Jet = mat2x4f;

const TEXELS = 2u;
fn texel(u: Jet, t: u32) -> vec4f { return select(u[0], u[1], t == 1u); }
fn from_texels(t: array<vec4f, TEXELS>) -> Jet { return mat2x4f(t[0], t[1]); }

// The constants c in the places of the slopes they belong to.
const C0 = vec4f(0.0, LAPLACIAN[0], LAPLACIAN[1], LAPLACIAN[2]);
const C1 = vec4f(LAPLACIAN[3], LAPLACIAN[4], 0.0, 0.0);

fn jet_zero() -> Jet { return mat2x4f(); }
fn jet_constant(c: f32) -> Jet { return mat2x4f(vec4f(c, 0.0, 0.0, 0.0), vec4f()); }
// The normalised coordinate x̂ = slope·x + offset: its derivative in *physical* x is the slope.
fn jet_input(x: f32, axis: u32) -> Jet {
    let low = vec3f(SLOPES[0], SLOPES[1], SLOPES[2]);
    let high = vec2f(SLOPES[3], SLOPES[4]);
    return mat2x4f(
        vec4f(x, select(vec3f(), low, vec3u(axis) == vec3u(0u, 1u, 2u))),
        vec4f(select(vec2f(), high, vec2u(axis) == vec2u(3u, 4u)), 0.0, 0.0),
    );
}

fn value(u: Jet) -> f32 { return u[0].x; }
fn d0(u: Jet) -> f32 { return u[0].y; }
fn d1(u: Jet) -> f32 { return u[0].z; }
fn laplacian(u: Jet) -> f32 { return u[1].z; }
fn from_value(v: f32) -> Jet { return mat2x4f(vec4f(v, 0.0, 0.0, 0.0), vec4f()); }
fn from_gradient(g0: f32, g1: f32) -> Jet { return mat2x4f(vec4f(0.0, g0, g1, 0.0), vec4f()); }
fn from_laplacian(l: f32) -> Jet { return mat2x4f(vec4f(), vec4f(0.0, 0.0, l, 0.0)); }

// Σ cᵢ ∂ᵢa ∂ᵢb.
fn slope_product(a: Jet, b: Jet) -> f32 { return dot(C0, a[0] * b[0]) + dot(C1, a[1] * b[1]); }

fn chain(f: Derivatives, z: Jet) -> Jet {
    let y = f.f1 * z;
    return mat2x4f(vec4f(f.f0, y[0].yzw), vec4f(y[1].xy, y[1].z + f.f2 * slope_product(z, z), 0.0));
}

fn multiply(a: Jet, b: Jet) -> Jet {
    let c = a[0].x * b + b[0].x * a;
    let l = c[1].z + 2.0 * slope_product(a, b);
    return mat2x4f(vec4f(a[0].x * b[0].x, c[0].yzw), vec4f(c[1].xy, l, 0.0));
}
// Cotangent of `a` in c = a·b; the product is symmetric, so it serves `b` too.
fn multiply_adjoint(b: Jet, c_bar: Jet) -> Jet {
    let bend = 2.0 * c_bar[1].z;
    let low = b[0].x * c_bar[0] + bend * C0 * b[0];
    return mat2x4f(vec4f(inner(b, c_bar), low.yzw), b[0].x * c_bar[1] + bend * C1 * b[1]);
}

fn inner(a: Jet, b: Jet) -> f32 { return dot(a[0], b[0]) + dot(a[1], b[1]); }
// sum + inner(a, b), in an order in which every term can be a multiply–add.
fn add_inner(sum: f32, a: Jet, b: Jet) -> f32 {
    let low = sum + a[0].x * b[0].x + a[0].y * b[0].y + a[0].z * b[0].z + a[0].w * b[0].w;
    return low + a[1].x * b[1].x + a[1].y * b[1].y + a[1].z * b[1].z + a[1].w * b[1].w;
}
