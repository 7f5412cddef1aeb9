// The eight streams of a stream function in two axes, closed under linear maps, elementwise functions
// and products:   u[0] = (ψ, ∂₀, ∂₁, ∂₀₀)   u[1] = (∂₀₁, ∂₁₁, ∂₀Δ, ∂₁Δ).
// The momentum equations hold third derivatives only as ∂Δψ, so eight streams do where ten are usual.
//
// provides: Jet, TEXELS, texel, from_texels, jet_zero, jet_constant, jet_input, value, d0, d1, from_value, from_gradient,
//           chain, multiply, multiply_adjoint, inner, add_inner
// expects:  Derivatives (math); SLOPES (prelude)

alias Jet = mat2x4f;

const TEXELS = 2u;
fn texel(u: Jet, t: u32) -> vec4f { return select(u[0], u[1], t == 1u); }
fn from_texels(t: array<vec4f, TEXELS>) -> Jet { return mat2x4f(t[0], t[1]); }

fn jet_zero() -> Jet { return mat2x4f(); }
fn jet_constant(c: f32) -> Jet { return mat2x4f(vec4f(c, 0.0, 0.0, 0.0), vec4f()); }
// The normalised coordinate x̂ = slope·x + offset: its derivative in *physical* x is the slope.
fn jet_input(x: f32, axis: u32) -> Jet {
    return mat2x4f(vec4f(x, select(0.0, SLOPES[0], axis == 0u), select(0.0, SLOPES[1], axis == 1u), 0.0), vec4f());
}

fn value(u: Jet) -> f32 { return u[0].x; }
fn d0(u: Jet) -> f32 { return u[0].y; }
fn d1(u: Jet) -> f32 { return u[0].z; }
fn from_value(v: f32) -> Jet { return mat2x4f(vec4f(v, 0.0, 0.0, 0.0), vec4f()); }
fn from_gradient(g0: f32, g1: f32) -> Jet { return mat2x4f(vec4f(0.0, g0, g1, 0.0), vec4f()); }

fn chain(f: Derivatives, z: Jet) -> Jet {
    let g = z[0].yz;                                     // ∇z
    let hessian = vec3f(z[0].w, z[1].xy);                // z₀₀, z₀₁, z₁₁
    let squares = vec3f(g.x * g.x, g.x * g.y, g.y * g.y);
    let second = f.f1 * hessian + f.f2 * squares;
    let lap = hessian.x + hessian.z;
    let bend = vec2f(dot(hessian.xy, g), dot(hessian.yz, g));   // H∇z
    let third = f.f1 * z[1].zw + f.f2 * (lap * g + 2.0 * bend) + (f.f3 * dot(g, g)) * g;
    return mat2x4f(vec4f(f.f0, f.f1 * g, second.x), vec4f(second.yz, third));
}

fn multiply(a: Jet, b: Jet) -> Jet {
    let p = a[0].yz;  let q = b[0].yz;                   // ∇a, ∇b
    let m = vec3f(a[0].w, a[1].xy);  let n = vec3f(b[0].w, b[1].xy);
    let first = a[0].x * q + b[0].x * p;
    let second = a[0].x * n + b[0].x * m
        + vec3f(2.0 * p.x * q.x, p.x * q.y + p.y * q.x, 2.0 * p.y * q.y);
    let third = a[0].x * b[1].zw + b[0].x * a[1].zw + (m.x + m.z) * q + (n.x + n.z) * p
        + 2.0 * vec2f(dot(m.xy, q) + dot(n.xy, p), dot(m.yz, q) + dot(n.yz, p));
    return mat2x4f(vec4f(a[0].x * b[0].x, first, second.x), vec4f(second.yz, third));
}
// Cotangent of `a` in c = a·b; the product is symmetric, so it serves `b` too.
fn multiply_adjoint(b: Jet, c_bar: Jet) -> Jet {
    let q = b[0].yz;
    let n = vec3f(b[0].w, b[1].xy);
    let h = vec3f(c_bar[0].w, c_bar[1].xy);
    let t = c_bar[1].zw;
    let qt = dot(q, t);
    let second = b[0].x * h + vec3f(qt + 2.0 * q.x * t.x, 2.0 * (q.y * t.x + q.x * t.y), qt + 2.0 * q.y * t.y);
    let slopes = b[0].x * c_bar[0].yz + vec2f(2.0 * q.x * h.x + q.y * h.y, q.x * h.y + 2.0 * q.y * h.z)
        + (n.x + n.z) * t + 2.0 * vec2f(dot(n.xy, t), dot(n.yz, t));
    return mat2x4f(vec4f(inner(b, c_bar), slopes, second.x), vec4f(second.yz, b[0].x * t));
}

fn inner(a: Jet, b: Jet) -> f32 { return dot(a[0], b[0]) + dot(a[1], b[1]); }
// sum + inner(a, b), in an order in which every term can be a multiply–add.
fn add_inner(sum: f32, a: Jet, b: Jet) -> f32 {
    let low = sum + a[0].x * b[0].x + a[0].y * b[0].y + a[0].z * b[0].z + a[0].w * b[0].w;
    return low + a[1].x * b[1].x + a[1].y * b[1].y + a[1].z * b[1].z + a[1].w * b[1].w;
}
