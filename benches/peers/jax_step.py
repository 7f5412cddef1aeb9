#!/usr/bin/env python3
"""One ACR-PINN training step in JAX: a peer to check results and speed against.

A step is: the losses of all terms, one gradient row per term, their Gram matrix, the PCGrad coefficients in a
random order, the combined gradient and one Adam update. Two forms of the PDE derivatives give the same numbers:

  nested   plain automatic differentiation: forward mode nested in forward mode, vmapped over the points
  streams  every layer carries the value with its derivatives, so the network is a few large matrix products

examples:
  jax_step.py selftest
  jax_step.py time --problem klein-gordon --form streams --points pde=10000 --points bc=200 --points ic=200
  jax_step.py time --problem cavity --model model.safetensors --points-file points.safetensors --json step.json
  jax_step.py gradients --problem klein-gordon --model model.safetensors --points points.safetensors \\
      --permutations "3,1,0,2;0,2,3,1;1,0,3,2;2,3,1,0" --f64 --out gradients.safetensors
"""
import argparse
import json
import math
import sys
import time
from typing import Callable, NamedTuple

try:
    import jax
    import jax.numpy as jnp
    import numpy as np
    import safetensors.numpy as safetensors
    from safetensors import SafetensorError
except ImportError as missing:
    sys.exit(f"jax_step.py: {missing}. Install what it needs with: pip install jax safetensors")

jax.config.update("jax_default_matmul_precision", "highest")  # never TF32 or bfloat16 behind our back


class Refused(Exception):
    """(message, exit code): 4 for a file that cannot be used, 2 for an option."""


# ── Problems. A stream is a derivative in physical coordinates; `second` is c0 ∂00 + c1 ∂11 ───────────────────

VALUE, GRADIENT = ("value",), ("value", "d0", "d1")
SECOND = GRADIENT + ("second",)
SECOND_5D = GRADIENT + ("d2", "d3", "d4", "second")
THIRD = GRADIENT + ("d00", "d01", "d11", "d0_laplacian", "d1_laplacian")


class Term(NamedTuple):
    points: str            # keys of its point sets, each with a mean of its own
    streams: tuple         # what the network has to deliver there
    residuals: Callable    # (points [n,axes], {stream: [n,outputs]}) -> residuals; loss = Σ mean(residual²)
    partner: tuple = ()    # (axis, coordinate): the fields are their jumps from each point to its partner there


class Problem(NamedTuple):
    outputs: int
    second: tuple          # (c0, c1, …)
    counts: dict           # point sets, with the number of points of the published experiment
    place: Callable        # (key, u [n,axes] in the unit cube) -> physical points
    terms: dict
    lower: tuple = (0.0, 0.0)  # the domain, which the network sees as the cube −1..1
    upper: tuple = (1.0, 1.0)

    def slopes(self):
        return 2 / (np.array(self.upper) - np.array(self.lower))

    def axes(self):
        return len(self.lower)

    def normalised(self, points):
        return (self.slopes() * (points - np.array(self.lower)) - 1).astype(points.dtype)


def klein_gordon_exact(x, t):
    return x * jnp.cos(5 * jnp.pi * t) + (x * t) ** 3


def klein_gordon_pde(points, f):
    x, t = points.T
    forcing = (-25 * jnp.pi**2 * x * jnp.cos(5 * jnp.pi * t) + 6 * x**3 * t - 6 * x * t**3
               + klein_gordon_exact(x, t) ** 3)
    return [f["second"][:, 0] + f["value"][:, 0] ** 3 - forcing]


def klein_gordon_place(key, u):  # bc: first half at x = 0, second half at x = 1
    return u * [1, 0] if key == "ic" else u if key == "pde" else np.stack([np.arange(len(u)) * 2 // len(u), u[:, 1]], 1)


def cavity_pde(points, f, reynolds=100.0):
    psi, p_0, p_1 = {name: field[:, 0] for name, field in f.items()}, f["d0"][:, 1], f["d1"][:, 1]
    return [psi["d1"] * psi["d01"] - psi["d0"] * psi["d11"] + p_0 - psi["d1_laplacian"] / reynolds,
            psi["d0"] * psi["d01"] - psi["d1"] * psi["d00"] + p_1 + psi["d0_laplacian"] / reynolds]


def cavity_place(key, u):  # walls: a third each left, right, bottom
    side, s, zero = np.arange(len(u)) * 3 // len(u), u[:, 0], np.zeros(len(u))
    walls = [np.choose(side, [zero, zero + 1, s]), np.choose(side, [s, s, zero])]
    return u if key == "pde" else np.stack(walls if key == "wall" else [s, zero + 1], 1)


def cavity_uvp_pde(points, f, reynolds=100.0):
    (u, v), (u_x, v_x, p_x), (u_y, v_y, p_y) = f["value"].T[:2], f["d0"].T, f["d1"].T
    return [u * u_x + v * u_y + p_x - f["second"][:, 0] / reynolds,
            u * v_x + v * v_y + p_y - f["second"][:, 1] / reynolds, u_x + v_y]


def burgers_pde(points, f):
    u, u_x, u_t, u_xx = (f[stream][:, 0] for stream in SECOND)
    return [u_t + u * u_x - 0.01 / jnp.pi * u_xx]


def burgers_place(key, u):
    x, t = 2 * u[:, 0] - 1, u[:, 1]
    return np.stack([{"bc_lower": 0 * x - 1, "bc_upper": 0 * x + 1}.get(key, x), 0 * t if key == "ic" else t], 1)


def helmholtz(a1, a2, interior):
    def pde(points, f):
        q = (1 - (a1**2 + a2**2) * jnp.pi**2) * jnp.sin(a1 * jnp.pi * points[:, 0]) * jnp.sin(a2 * jnp.pi * points[:, 1])
        return [f["second"][:, 0] + f["value"][:, 0] - q]

    def place(key, u):  # bc: a quarter each x = -1, x = 1, y = -1, y = 1
        side, s = np.arange(len(u)) * 4 // len(u), 2 * u[:, 0] - 1
        edges = [np.choose(side, [0 * s - 1, 0 * s + 1, s, s]), np.choose(side, [s, s, 0 * s - 1, 0 * s + 1])]
        return 2 * u - 1 if key == "pde" else np.stack(edges, 1)

    return Problem(1, (1.0, 1.0), dict(pde=interior, bc=400), place, {
        "pde": Term("pde", SECOND, pde),
        "bc": Term("bc", VALUE, lambda x, f: [f["value"][:, 0]]),
    }, (-1.0, -1.0))


def schrodinger_pde(points, f):  # i h_t + ½ h_xx + |h|² h, real and imaginary part
    (u, v), (u_t, v_t), (u_xx, v_xx) = (f[stream].T for stream in ("value", "d1", "second"))
    return [-v_t + u_xx / 2 + (u**2 + v**2) * u, u_t + v_xx / 2 + (u**2 + v**2) * v]


def schrodinger_place(key, u):
    x, t = 10 * u[:, 0] - 5, jnp.pi / 2 * u[:, 1]
    return np.stack([0 * x - 5 if key == "bc" else x, 0 * t if key == "ic" else t], 1)


def schrodinger_bc(points, jump):  # of the values the mean over both components, of the slopes the sum
    return [*(jump["value"].T / math.sqrt(2)), *jump["d0"].T]


def schrodinger_ic(points, f):
    u, v = f["value"].T / math.sqrt(2)
    return [u - math.sqrt(2) / jnp.cosh(points[:, 0]), v]


def poisson_exact(points):
    return jnp.sin(jnp.pi / 2 * points).sum(1)


def poisson_place(key, u):  # bc: a tenth each x1 = 0, x1 = 1, x2 = 0, …
    face = np.arange(len(u)) * 10 // len(u)
    return np.where((np.arange(5) == face[:, None] // 2) & (key == "bc"), face[:, None] % 2, u)


PROBLEMS = {
    "burgers": Problem(1, (1.0, 0.0), dict(pde=10000, bc_lower=100, bc_upper=100, ic=100), burgers_place, {
        "pde": Term("pde", SECOND, burgers_pde),
        "bc": Term("bc_lower bc_upper", VALUE, lambda x, f: [f["value"][:, 0]]),
        "ic": Term("ic", VALUE, lambda x, f: [f["value"][:, 0] + jnp.sin(jnp.pi * x[:, 0])]),
    }, (-1.0, 0.0)),
    "helmholtz-1-4": helmholtz(1, 4, 10000),
    "helmholtz-4-4": helmholtz(4, 4, 10000),
    "klein-gordon": Problem(1, (-1.0, 1.0), dict(pde=10000, bc=200, ic=200), klein_gordon_place, {
        "pde": Term("pde", SECOND, klein_gordon_pde),
        "bc": Term("bc", VALUE, lambda x, f: [f["value"][:, 0] - klein_gordon_exact(*x.T)]),
        "ic": Term("ic", VALUE, lambda x, f: [f["value"][:, 0] - x[:, 0]]),
        "ic_t": Term("ic", ("value", "d1"), lambda x, f: [f["d1"][:, 0]]),
    }),
    "cavity": Problem(2, (1.0, 1.0), dict(pde=1000, lid=300, wall=300), cavity_place, {
        "pde": Term("pde", THIRD, cavity_pde),
        "lid": Term("lid", GRADIENT, lambda x, f: [f["d1"][:, 0] - 1, -f["d0"][:, 0]]),  # u = ψ_y, v = −ψ_x
        "wall": Term("wall", GRADIENT, lambda x, f: [f["d1"][:, 0], -f["d0"][:, 0]]),
    }),
    "cavity-uvp": Problem(3, (1.0, 1.0), dict(pde=1000, lid=300, wall=300), cavity_place, {
        "pde": Term("pde", SECOND, cavity_uvp_pde),
        "lid": Term("lid", VALUE, lambda x, f: [f["value"][:, 0] - 1, f["value"][:, 1]]),
        "wall": Term("wall", VALUE, lambda x, f: [f["value"][:, 0], f["value"][:, 1]]),
    }),
    "poisson-5d": Problem(1, (1.0,) * 5, dict(pde=20000, bc=5000), poisson_place, {
        "pde": Term("pde", SECOND_5D, lambda x, f: [-f["second"][:, 0] - jnp.pi**2 / 4 * poisson_exact(x)]),
        "bc": Term("bc", VALUE, lambda x, f: [f["value"][:, 0] - poisson_exact(x)]),
    }, (-1.0,) * 5, (1.0,) * 5),  # the network sees 0..1 as it is
    "schrodinger": Problem(2, (1.0, 0.0), dict(pde=20000, bc=500, ic=500), schrodinger_place, {
        "pde": Term("pde", SECOND, schrodinger_pde),
        "bc": Term("bc", GRADIENT, schrodinger_bc, (0, 5.0)),
        "ic": Term("ic", VALUE, schrodinger_ic),
    }, (-5.0, 0.0), (5.0, math.pi / 2)),
}


# ── Networks: tensors by their names in model.safetensors ─────────────────────────────────────────────────────

NETWORKS = ("mlp", "lda", "lda-v2")  # lda-v2 has a trainable scale on every residual


def layout(network, width, depth, outputs, inputs=2):
    """Names and shapes of all tensors, in the order of the flat parameter vector."""
    sizes, shapes = [inputs] + [width] * depth + [outputs], {}

    def affine(name, rows, columns):
        shapes.update({f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)})

    for i in range(depth + 1):
        affine(f"net.{2 * i}" if network == "mlp" else f"linear.{i}", sizes[i + 1], sizes[i])
    if network != "mlp":
        for name in [f"encoder{e}.{i}" for e in (1, 2) for i in range(depth)]:
            affine(name, width, inputs)
        for i in range(depth):
            affine(f"gates.{i}.0", width, 3 * width)
            affine(f"gates.{i}.2", 2 * width, width)
    return shapes | ({"residual_scales": (depth,)} if network == "lda-v2" else {})


def recognise(params):
    """(network kind, name of the main path's layer i, hidden layers), from the tensor names alone."""
    network = "mlp" if "net.0.weight" in params else "lda-v2" if "residual_scales" in params else "lda"
    main = (lambda i: f"net.{2 * i}") if network == "mlp" else (lambda i: f"linear.{i}")
    depth = 0
    while f"{main(depth + 1)}.weight" in params:
        depth += 1
    return network, main, depth


def check_model(params, outputs, inputs):
    """(network kind, width, depth); refuses a missing, additional or misshapen tensor."""
    network, main, depth = recognise(params)
    width = params[main(0) + ".bias"].size if main(0) + ".bias" in params else 0
    if not depth or not width:
        raise Refused("model: no hidden layers called net.0, net.2, … or linear.0, linear.1, …", 4)
    wanted = layout(network, width, depth, outputs, inputs)
    for name in sorted(wanted.keys() | params.keys()):
        want, have = wanted.get(name), params[name].shape if name in params else None
        if want != have:
            raise Refused(f"model: {name} has shape {have}, {network} {inputs} to {depth}x{width} to {outputs} wants {want}", 4)
    return network, width, depth


def initialise(network, width, depth, outputs, rng, inputs=2):
    """Xavier-normal, zero biases; plain LDA: gates uniform in ±1/√columns; revised LDA: gates start at one half."""
    params = {}
    for name, shape in layout(network, width, depth, outputs, inputs).items():
        gain = 1 if network == "lda" or shape[0] == outputs else 5 / 3
        params[name] = np.full(shape, 0.1 if name == "residual_scales" else 0.0)
        if name.startswith("gates") and network == "lda":
            params[name] = rng.uniform(-1, 1, shape) / math.sqrt(3 * width if ".0." in name else width)
        elif len(shape) == 2 and not (name.startswith("gates") and ".2." in name):
            params[name] = rng.normal(0, gain * math.sqrt(2 / sum(shape)), shape)
    return params


def logit_difference(params, i):
    """A softmax over two logits is a sigmoid of their difference: the halves of the last gate matrix collapse."""
    return (t[:len(t) // 2] - t[len(t) // 2:] for t in (params[f"gates.{i}.2.weight"], params[f"gates.{i}.2.bias"]))


# ── Form `nested`: the network at one point, differentiated by JAX ────────────────────────────────────────────

def network_at(problem, params, point):
    network, main, depth = recognise(params)
    affine = lambda name, a: a @ params[name + ".weight"].T + params[name + ".bias"]
    x = a = problem.normalised(point)
    for i in range(depth):
        a = jnp.tanh(affine(main(i), a))
        if network != "mlp":
            e1, e2 = jnp.tanh(affine(f"encoder1.{i}", x)), jnp.tanh(affine(f"encoder2.{i}", x))
            weight, bias = logit_difference(params, i)
            gate = jax.nn.sigmoid(jnp.tanh(affine(f"gates.{i}.0", jnp.concatenate([a, e1, e2]))) @ weight.T + bias)
            mixed = gate * e1 + (1 - gate) * e2
            a = a + (params["residual_scales"][i] * mixed if network == "lda-v2" else mixed)
    return affine(main(depth), a)


def nested_fields(problem, params, points, streams):
    """{stream: [n, outputs]}. One jvp gives a value and a slope, so nesting two gives value, slope and curvature."""
    c = problem.second

    def at(point):
        e0, e1, *others = jnp.eye(problem.axes(), dtype=point.dtype)
        along = lambda f, e: lambda x: jax.jvp(f, (x,), (e,))
        field = lambda x: network_at(problem, params, x)

        def to_second_order(x):
            (value, d0), (_, d00) = along(along(field, e0), e0)(x)
            (_, d1), (_, d11) = along(along(field, e1), e1)(x)
            return (d00 + d11, d1), dict(value=value, d0=d0, d1=d1, d00=d00, d11=d11, second=c[0] * d00 + c[1] * d11)

        if "d0_laplacian" in streams:
            _, (d0_laplacian, d01), rest = jax.jvp(to_second_order, (point,), (e0,), has_aux=True)
            _, (d1_laplacian, _) = along(lambda x: to_second_order(x)[0], e1)(point)
            return rest | dict(d01=d01, d0_laplacian=d0_laplacian, d1_laplacian=d1_laplacian)
        if "second" in streams:
            fields = to_second_order(point)[1]
            curvatures = [along(along(field, e), e)(point)[1][1] for e in others]
            return fields | dict(second=fields["second"] + sum(k * d for k, d in zip(c[2:], curvatures)))
        return dict(value=field(point), d0=along(field, e0)(point)[1], d1=along(field, e1)(point)[1])
    return jax.vmap(at)(points)  # what a term does not use, XLA removes


# ── Form `streams`: a jet is {stream: [n, width]}; only chain and multiply know a derivative rule ─────────────

def slope_product(a, b, c):
    return sum(k * a[f"d{i}"] * b[f"d{i}"] for i, k in enumerate(c))


def chain(g, z, streams, c):
    """Jet of g(z) from g and its first three derivatives. A stream that z lacks is zero (z affine in the point)."""
    g0, g1, g2, g3 = g
    y = {"value": g0} | {s: g1 * z[s] for s in streams if s != "value" and s in z}
    add = lambda s, t: y.update({s: y[s] + t if s in y else t})
    has = lambda s: z.get(s, 0.0)
    if "second" in streams:
        add("second", g2 * slope_product(z, z, c))
    if "d0_laplacian" in streams:
        for s in ("00", "01", "11"):
            add(f"d{s}", g2 * z[f"d{s[0]}"] * z[f"d{s[1]}"])
        # ∂i(g' Δz + g'' |∇z|²), without its first part g' ∂iΔz
        common = g2 * (has("d00") + has("d11")) + g3 * (z["d0"] ** 2 + z["d1"] ** 2)
        for i, p, q in (("d0", "d00", "d01"), ("d1", "d01", "d11")):
            add(i + "_laplacian", z[i] * common + 2 * g2 * (z["d0"] * has(p) + z["d1"] * has(q)))
    return y


def multiply(a, b, c):
    """Leibniz' rule for every stream that a and b carry."""
    y = {s: a["value"] * b[s] + a[s] * b["value"] for s in a} | {"value": a["value"] * b["value"]}
    if "second" in a:
        y["second"] += 2 * slope_product(a, b, c)
    if "d0_laplacian" in a:
        for s in ("00", "01", "11"):
            i, j = f"d{s[0]}", f"d{s[1]}"
            y[f"d{s}"] += a[i] * b[j] + a[j] * b[i]
        for i, p, q in (("d0", "d00", "d01"), ("d1", "d01", "d11")):
            y[i + "_laplacian"] += (a[i] * (b["d00"] + b["d11"]) + b[i] * (a["d00"] + a["d11"])
                                    + 2 * (a["d0"] * b[p] + a[p] * b["d0"] + a["d1"] * b[q] + a[q] * b["d1"]))
    return y


def streamed_fields(problem, params, points, streams):
    """{stream: [n, outputs]} by carrying the streams forward through every layer."""
    network, main, depth = recognise(params)
    c, x = problem.second, problem.normalised(points)
    tensors = lambda name: (params[name + ".weight"], params[name + ".bias"])

    def tanh(z):
        y = jnp.tanh(z["value"])
        return chain((y, 1 - y * y, -2 * y * (1 - y * y), (1 - y * y) * (6 * y * y - 2)), z, streams, c)

    def sigmoid(z):
        w = 0.5 + 0.5 * jnp.tanh(0.5 * z["value"])
        g1 = w * (1 - w)
        return chain((w, g1, g1 * (1 - 2 * w), g1 * (1 - 6 * g1)), z, streams, c)

    def affine(weight, bias, jet):
        # One product per stream: stacking the streams into one tall matrix copies them and was 1.5x slower on a CPU.
        return {s: a @ weight.T + bias if s == "value" else a @ weight.T for s, a in jet.items()}

    def encode(weight, bias):
        """Affine map of the normalised input: constant slopes, nothing above."""
        slopes = {f"d{i}": float(problem.slopes()[i]) * weight[None, :, i] for i in range(problem.axes())
                  if f"d{i}" in streams}
        return {"value": x @ weight.T + bias} | slopes

    def hidden(i, a):
        a = tanh(affine(*tensors(main(i)), a) if i else encode(*tensors(main(i))))
        if network == "mlp":
            return a
        e1, e2 = (tanh(encode(*tensors(f"encoder{e}.{i}"))) for e in (1, 2))
        q = tanh(affine(*tensors(f"gates.{i}.0"), {s: jnp.concatenate([a[s], e1[s], e2[s]], 1) for s in streams}))
        gate = sigmoid(affine(*logit_difference(params, i), q))
        mixed = multiply(gate, {s: e1[s] - e2[s] for s in streams}, c)
        scale = params["residual_scales"][i] if network == "lda-v2" else 1
        return {s: a[s] + scale * (e2[s] + mixed[s]) for s in streams}

    # The reverse pass keeps matrix products and recomputes elementwise work: some 5 % faster on a CPU.
    hidden = jax.checkpoint(hidden, policy=jax.checkpoint_policies.dots_saveable, static_argnums=0)
    a = None
    for i in range(depth):
        a = hidden(i, a)
    return affine(*tensors(main(depth)), a)


FORMS = {"nested": nested_fields, "streams": streamed_fields}


# ── The step ──────────────────────────────────────────────────────────────────────────────────────────────────

def gradient_rows(problem, form, params, points, chunk):
    """Loss and gradient of every term, one reverse pass each: their points differ, so nothing is computed twice."""
    totals = []
    for term, key in [(term, key) for term in problem.terms.values() for key in term.points.split()]:
        x = points[key]

        def share(params, part, term=term, n=len(x)):  # this part's share of the mean over all n points
            fields = FORMS[form](problem, params, part, term.streams)
            if term.partner:
                axis, end = term.partner
                there = FORMS[form](problem, params, part.at[:, axis].set(end), term.streams)
                fields = {s: fields[s] - there[s] for s in term.streams}
            return sum(jnp.sum(r * r) for r in term.residuals(part, fields)) / n

        gradient, whole = jax.value_and_grad(share), len(x) // chunk * chunk if chunk else 0
        total = gradient(params, x[whole:]) if whole < len(x) else None
        if whole:  # parts of `chunk` points, so that intermediates stay in cache
            add = lambda total, part: (jax.tree.map(jnp.add, total, gradient(params, part)), None)
            total = total or (jnp.zeros((), x.dtype), jax.tree.map(jnp.zeros_like, params))
            total = jax.lax.scan(add, total, x[:whole].reshape(-1, chunk, x.shape[1]))[0]
        # the means of several point sets of one term are added up
        totals.append(total if key == term.points.split()[0] else jax.tree.map(jnp.add, totals.pop(), total))
    losses, rows = zip(*totals)
    return jnp.stack(losses), rows


def pcgrad(gram, orders):
    """c with combined gradient Σ c_k g_k. orders[i] is the order in which task i meets the others (itself skipped)."""
    k = len(gram)
    projected = jnp.eye(k, dtype=gram.dtype)  # row i: p_i in terms of the gradient rows
    for slot in range(k):
        j = orders[:, slot]
        dot, norm = jnp.sum(projected * gram[j], 1), jnp.diag(gram)[j]
        conflict = (dot < 0) & (norm > 0) & (j != jnp.arange(k))
        amount = jnp.where(conflict, dot / jnp.where(norm > 0, norm, 1), 0)
        projected -= amount[:, None] * jax.nn.one_hot(j, k, dtype=gram.dtype)
    return projected.sum(0)


def acr_gradient(problem, form, params, points, orders, chunk=0):
    losses, rows = gradient_rows(problem, form, params, points, chunk)
    flat = jnp.stack([jnp.concatenate([g.ravel() for g in jax.tree.leaves(row)]) for row in rows])
    gram = flat @ flat.T
    coefficients = pcgrad(gram, orders)
    combined = jax.tree.map(lambda *g: sum(c * t for c, t in zip(coefficients, g)), *rows)
    return losses, rows, gram, coefficients, combined


def training_step(problem, form, chunk, lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """jit of (params, moments, moments², step number, key), points -> the same advanced by one step, losses."""
    def step(state, points):
        params, m, v, t, key = state
        key, draw = jax.random.split(key)
        k, t = len(problem.terms), t + 1
        orders = jnp.argsort(jax.random.uniform(draw, (k, k)), axis=1)
        losses, _, _, _, g = acr_gradient(problem, form, params, points, orders, chunk)
        m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, g)
        v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, g)
        rate, root = lr / (1 - beta1**t), jnp.sqrt(1 - beta2**t)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + epsilon), params, m, v)
        return (params, m, v, t, key), losses
    return jax.jit(step, donate_argnums=0)


# ── Commands ──────────────────────────────────────────────────────────────────────────────────────────────────

def load(path):
    try:
        with open(path, "rb") as file:
            return json.load(file) if path.endswith(".json") else safetensors.load(file.read())
    except (OSError, ValueError, SafetensorError) as reason:
        raise Refused(f"{path}: {getattr(reason, 'strerror', None) or reason}", 4) from None


def load_points(path, problem):
    points = load(path)
    for key in problem.counts:
        shape = points[key].shape if key in points else ()
        if len(shape) != 2 or shape[0] < 1 or shape[1] != problem.axes():
            raise Refused(f"{path}: needs a tensor `{key}` of shape [n, {problem.axes()}], has {list(shape) or 'none'}", 4)
    return {key: points[key] for key in problem.counts}


def draw_points(problem, counts, rng):
    """Latin hypercube in the unit cube, moved to where each point set lives."""
    cube = lambda n: np.stack([(rng.permutation(n) + rng.random(n)) / n for _ in range(problem.axes())], 1)
    return {key: problem.place(key, cube(n)) for key, n in counts.items()}


def cast(tensors, dtype):
    return {name: jnp.asarray(value, dtype) for name, value in tensors.items()}


def command_gradients(args):
    problem, k, dtype = PROBLEMS[args.problem], len(PROBLEMS[args.problem].terms), "float64" if args.f64 else "float32"
    params, points = load(args.model), load_points(args.points, problem)
    check_model(params, problem.outputs, problem.axes())
    identity = ";".join([",".join(map(str, range(k)))] * k)
    orders = [[int(j) if j.strip().isdigit() else -1 for j in row.split(",")]
              for row in (args.permutations or identity).split(";")]
    if len(orders) != k or any(sorted(row) != list(range(k)) for row in orders):
        raise Refused(f"--permutations: wants {k} rows, each a permutation of 0..{k - 1}, such as {identity}", 2)
    run = jax.jit(lambda p, x, o: acr_gradient(problem, args.form, p, x, o))
    losses, rows, gram, coefficients, combined = run(cast(params, dtype), cast(points, dtype), jnp.asarray(orders))
    tensors = {"loss": losses, "gram": gram, "coefficients": coefficients}
    tensors |= {f"grad.{term}.{name}": g for term, row in zip(problem.terms, rows) for name, g in row.items()}
    tensors |= {f"combined.{name}": g for name, g in combined.items()}
    metadata = {"problem": args.problem, "terms": ",".join(problem.terms)}
    with open(args.out, "wb") as file:
        file.write(safetensors.save({name: np.ascontiguousarray(value) for name, value in tensors.items()}, metadata))
    for term, loss, c in zip(problem.terms, losses, coefficients):
        print(f"{term:5} loss {float(loss):.9g}  coefficient {float(c):.9g}")


def command_time(args):
    problem, rng = PROBLEMS[args.problem], np.random.default_rng(args.seed)
    counts = dict(problem.counts)
    for key, _, n in (item.partition("=") for item in args.points):
        if key not in counts or not n.isdigit() or int(n) < 1:
            raise Refused(f"--points {key}={n}: wants one of {', '.join(counts)} and a number, such as pde=10000", 2)
        counts[key] = int(n)
    points = load_points(args.points_file, problem) if args.points_file else draw_points(problem, counts, rng)
    sizes = (args.network, args.width, args.depth, problem.outputs, rng, problem.axes())
    params = load(args.model) if args.model else initialise(*sizes)
    network, width, depth = check_model(params, problem.outputs, problem.axes())
    params, points, device = cast(params, "float32"), cast(points, "float32"), jax.devices()[0]
    chunk = args.chunk if args.chunk is not None else 1000 if device.platform == "cpu" else 0
    record = {
        "peer": f"jax {jax.__version__}", "device": f"{device.platform}: {device.device_kind}", "form": args.form,
        "problem": args.problem, "network": network, "width": width, "depth": depth, "chunk": chunk, "dtype": "f32",
        "parameters": sum(p.size for p in params.values()), "points": {key: len(x) for key, x in points.items()},
    }
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    state = (params, zeros(), zeros(), jnp.zeros((), "int32"), jax.random.key(args.seed))
    step, times, losses = training_step(problem, args.form, chunk), [], []
    for _ in range(max(args.warmup, 1) + max(args.samples, 1)):
        start = time.perf_counter()
        state, loss = jax.block_until_ready(step(state, points))
        times.append((time.perf_counter() - start) * 1e3)
        losses.append(dict(zip(problem.terms, map(float, loss))))
    samples = times[max(args.warmup, 1):]
    p10, median, p90 = np.percentile(samples, [10, 50, 90])
    record |= {"median_ms": median, "p10_ms": p10, "p90_ms": p90, "samples_ms": samples, "first_call_ms": times[0],
               "losses_first_step": losses[0], "losses_last_step": losses[-1]}
    print(f"{args.problem} {network} {depth}x{width} {args.form} on {record['device']}, points {record['points']}")
    print(f"step  median {median:.3f} ms  p10 {p10:.3f}  p90 {p90:.3f}  ({len(samples)} samples)")
    for when, loss in (("first", losses[0]), ("last", losses[-1])):
        print(f"losses of the {when} step  " + "  ".join(f"{term} {value:.6g}" for term, value in loss.items()))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)


def stored_parameters(case, network, outputs, inputs=2):
    params, at = {}, 0
    for key, shape in layout(network, case["layers"][1], len(case["layers"]) - 2, outputs, inputs).items():
        params[key] = 0.4 * np.sin(1.7 * np.arange(at, at := at + math.prod(shape)) + 0.3).reshape(shape)
    return params


def check_equations(stored, agree, evaluate):
    """Loss and gradient of the differential equation alone, where the vectors have no more."""
    for name, key in (("burgers", "burgers"), ("helmholtz-1-4", "helmholtz14"), ("helmholtz-4-4", "helmholtz44"),
                      ("poisson-5d", "poisson5")):
        if key + "_lda_v2" not in stored:
            continue
        case, problem = stored[key + "_lda_v2"], PROBLEMS[name]
        params = stored_parameters(case, "lda-v2", 1, problem.axes())
        points = {s: np.asarray(case["interior"]) for s in problem.counts}  # only the equation's are looked at
        for form in FORMS:
            losses, rows = evaluate(problem, form, params, points, [range(len(problem.terms))] * len(problem.terms))[:2]
            agree(f"{name} {form}: loss", losses[0], case["loss_pde"])
            agree(f"{name} {form}: gradient", np.concatenate([np.ravel(rows[0][n]) for n in params]), case["grad"])


def check_schrodinger(stored, agree, evaluate):
    """All three terms, the periodic one at given times."""
    for case in [stored["nls_lda_v2"]] if "nls_lda_v2" in stored else []:
        column = lambda key: np.asarray(case[key], float)
        points = {"pde": column("interior"), "bc": np.stack([0 * column("boundary_t") - 5, column("boundary_t")], 1),
                  "ic": np.stack([column("initial_x"), 0 * column("initial_x")], 1)}
        params = stored_parameters(case, "lda-v2", 2)
        for form in FORMS:
            losses, rows = evaluate(PROBLEMS["schrodinger"], form, params, points, [range(3)] * 3)[:2]
            agree(f"schrodinger {form}: losses", losses, case["losses_pde_bc_ic"])
            for row, want in zip(rows, case["grads"]):
                agree(f"schrodinger {form}: gradient", np.concatenate([np.ravel(row[n]) for n in params]), want)


def command_selftest(args):
    """In float64: the forms against each other, PCGrad against its definition, and stored vectors if given."""
    rng, errors = np.random.default_rng(0), []
    vector = lambda tree, names: np.concatenate([np.ravel(tree[name]) for name in names])

    def agree(what, got, want, tolerance=1e-9):
        errors.append(float(np.max(np.abs(np.asarray(got) - np.asarray(want))) / np.max(np.abs(want))))
        if not errors[-1] <= tolerance:
            raise AssertionError(f"{what}: relative error {errors[-1]:.3g}, tolerance {tolerance:g}")

    def evaluate(problem, form, params, points, orders, chunk=0):
        run = jax.jit(lambda p, x, o: acr_gradient(problem, form, p, x, o, chunk),
                      compiler_options={"xla_backend_optimization_level": 0})  # compiling is all the time it takes
        return run(cast(params, "float64"), cast(points, "float64"), jnp.asarray(orders))

    for name, problem, network in [(n, p, k) for n, p in PROBLEMS.items() for k in NETWORKS]:
        tasks = range(len(problem.terms))
        params = initialise(network, 5, 2, problem.outputs, rng, problem.axes())
        params = {key: p + 0.2 * rng.normal(size=p.shape) for key, p in params.items()}  # no zeros to hide behind
        points = draw_points(problem, {key: 7 for key in problem.counts}, rng)
        orders = [rng.permutation(len(tasks)) for _ in tasks]
        a, b = (evaluate(problem, f, params, points, orders, chunk) for f, chunk in (("nested", 0), ("streams", 3)))
        agree(f"{name} {network}: loss of nested and streams", b[0], a[0])
        for term, x, y in zip(problem.terms, a[1], b[1]):
            agree(f"{name} {network}: gradient of {term}, nested and streams", vector(y, params), vector(x, params))
        rows, total = [vector(row, params) for row in a[1]], 0.0
        for i in tasks:  # PCGrad as it is defined, on the vectors themselves
            p = rows[i].copy()
            for j in orders[i]:
                p -= min(p @ rows[j], 0) / (rows[j] @ rows[j]) * rows[j] if j != i else 0
            total = total + p
        agree(f"{name} {network}: PCGrad through the Gram matrix", vector(a[4], params), total)
    stored = load(args.vectors) if args.vectors else {}
    check_equations(stored, agree, evaluate)
    check_schrodinger(stored, agree, evaluate)
    for name, network in (("cavity_mlp", "mlp"), ("cavity_lda_v1", "lda"), ("cavity_lda_v2", "lda-v2"),
                          ("kg_four_task_lda_v2", "lda-v2")) if stored else ():
        case, problem = stored[name], PROBLEMS["klein-gordon" if name.startswith("kg") else "cavity"]
        sets = ("interior", "boundary", "initial") if name.startswith("kg") else ("interior", "top", "wall")
        points = {key: np.asarray(case[s]) for key, s in zip(problem.counts, sets)}
        params = stored_parameters(case, network, problem.outputs)
        for form in FORMS:
            losses, rows, gram, coefficients, combined = evaluate(
                problem, form, params, points, case.get("perms", case.get("pcgrad_perms")))
            agree(f"{name} {form}: losses", losses, case.get("losses", case.get("losses_pde_top_wall")))
            agree(f"{name} {form}: Gram matrix", gram, case["gram"])
            agree(f"{name} {form}: coefficients", coefficients, case.get("pcgrad_coefficients", np.ones(len(rows))))
            agree(f"{name} {form}: combined gradient", vector(combined, params), case["pcgrad_total"])
            for term, row, want in zip(problem.terms, rows, case["grads"]):
                agree(f"{name} {form}: gradient of {term}", vector(row, params), want)
    print(f"selftest passed: {len(errors)} comparisons, worst relative error {max(errors):.2g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--problem", choices=PROBLEMS, required=True)
    common.add_argument("--form", choices=FORMS, default="streams", help="how PDE derivatives are taken (streams)")
    p = verbs.add_parser("gradients", parents=[common], help="losses, gradient rows, Gram matrix, PCGrad, to a file")
    p.add_argument("--model", required=True, metavar="FILE", help="model.safetensors")
    p.add_argument("--points", required=True, metavar="FILE", help="points.safetensors: [n, axes] per point set")
    p.add_argument("--permutations", metavar="ROWS", help='"3,1,0,2;…": row i is the order for task i (0,1,2,…)')
    p.add_argument("--f64", action="store_true", help="compute in float64 instead of float32")
    p.add_argument("--out", required=True, metavar="FILE", help="gradients.safetensors")
    p = verbs.add_parser("time", parents=[common], help="time the jitted step in float32")
    p.add_argument("--network", choices=NETWORKS, default="lda")
    p.add_argument("--width", type=int, default=50)
    p.add_argument("--depth", type=int, default=4, help="hidden layers (4)")
    p.add_argument("--points", action="append", default=[], metavar="SET=N", help="repeatable, such as pde=10000")
    p.add_argument("--model", metavar="FILE", help="take network, width, depth and parameters from here")
    p.add_argument("--points-file", metavar="FILE", help="take the points from here instead of drawing them")
    p.add_argument("--samples", type=int, default=10)
    p.add_argument("--warmup", type=int, default=3, help="steps before the samples; the first compiles (3)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--chunk", type=int, help="points per pass; 0: all at once (1000 on a CPU, 0 elsewhere)")
    p.add_argument("--json", metavar="FILE", help="write the record with all samples")
    p = verbs.add_parser("selftest", help="both forms against each other, in float64; also spelled --selftest")
    p.add_argument("--vectors", metavar="FILE", help="also against stored test vectors (JSON)")
    args = parser.parse_args(["selftest" if a == "--selftest" else a for a in sys.argv[1:]])
    jax.config.update("jax_enable_x64", args.verb == "selftest" or getattr(args, "f64", False))
    try:
        {"gradients": command_gradients, "time": command_time, "selftest": command_selftest}[args.verb](args)
    except AssertionError as wrong:
        print(f"jax_step.py: selftest failed: {wrong}", file=sys.stderr)
        return 1
    except Refused as wrong:
        print(f"jax_step.py: {wrong.args[0]}", file=sys.stderr)
        return wrong.args[1]
    except OSError as wrong:  # inputs are read by load, so this is an output
        print(f"jax_step.py: cannot write: {wrong}", file=sys.stderr)
        return 7
    return 0


if __name__ == "__main__":
    sys.exit(main())
