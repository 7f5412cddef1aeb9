"""What the peers share: problems, networks, jets and files, written for any array module.

A peer says `use(jax.numpy)` or `use(torch)` first; what is here then computes with that. It is written from the
equations alone and shares nothing with the program that it is compared with.
"""
import json
import math
import sys
import time
from typing import Callable, NamedTuple

import numpy as np
import safetensors.numpy as safetensors
from safetensors import SafetensorError


class Arrays:
    """The array module in use."""
    module = None

    def __getattr__(self, name):
        return getattr(self.module, name)


xp = Arrays()


def use(module):
    xp.module = module


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
        scale = zip(map(float, self.slopes()), self.lower)  # Python's numbers leave the type of arrays alone
        return xp.stack([slope * (points[..., i] - lower) - 1 for i, (slope, lower) in enumerate(scale)], -1)


def klein_gordon_exact(x, t):
    return x * xp.cos(5 * math.pi * t) + (x * t) ** 3


def klein_gordon_pde(points, f):
    x, t = points.T
    forcing = (-25 * math.pi**2 * x * xp.cos(5 * math.pi * t) + 6 * x**3 * t - 6 * x * t**3
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
    return [u_t + u * u_x - 0.01 / math.pi * u_xx]


def burgers_place(key, u):
    x, t = 2 * u[:, 0] - 1, u[:, 1]
    return np.stack([{"bc_lower": 0 * x - 1, "bc_upper": 0 * x + 1}.get(key, x), 0 * t if key == "ic" else t], 1)


def helmholtz(a1, a2, interior):
    def pde(points, f):
        q = (1 - (a1**2 + a2**2) * math.pi**2) * xp.sin(a1 * math.pi * points[:, 0]) * xp.sin(a2 * math.pi * points[:, 1])
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
    x, t = 10 * u[:, 0] - 5, math.pi / 2 * u[:, 1]
    return np.stack([0 * x - 5 if key == "bc" else x, 0 * t if key == "ic" else t], 1)


def schrodinger_bc(points, jump):  # of the values the mean over both components, of the slopes the sum
    return [*(jump["value"].T / math.sqrt(2)), *jump["d0"].T]


def schrodinger_ic(points, f):
    u, v = f["value"].T / math.sqrt(2)
    return [u - math.sqrt(2) / xp.cosh(points[:, 0]), v]


def poisson_exact(points):
    return xp.sin(math.pi / 2 * points).sum(1)


def poisson_place(key, u):  # bc: a tenth each x1 = 0, x1 = 1, x2 = 0, …
    face = np.arange(len(u)) * 10 // len(u)
    return np.where((np.arange(5) == face[:, None] // 2) & (key == "bc"), face[:, None] % 2, u)


PROBLEMS = {
    "burgers": Problem(1, (1.0, 0.0), dict(pde=10000, bc_lower=100, bc_upper=100, ic=100), burgers_place, {
        "pde": Term("pde", SECOND, burgers_pde),
        "bc": Term("bc_lower bc_upper", VALUE, lambda x, f: [f["value"][:, 0]]),
        "ic": Term("ic", VALUE, lambda x, f: [f["value"][:, 0] + xp.sin(math.pi * x[:, 0])]),
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
        "pde": Term("pde", SECOND_5D, lambda x, f: [-f["second"][:, 0] - math.pi**2 / 4 * poisson_exact(x)]),
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

def sigmoid(z):
    return 0.5 + 0.5 * xp.tanh(0.5 * z)  # no exponential can overflow


def network_at(problem, params, point):
    """Outputs at one point [axes] or at many [n, axes]."""
    network, main, depth = recognise(params)
    affine = lambda name, a: a @ params[name + ".weight"].T + params[name + ".bias"]
    x = a = problem.normalised(point)
    for i in range(depth):
        a = xp.tanh(affine(main(i), a))
        if network != "mlp":
            e1, e2 = xp.tanh(affine(f"encoder1.{i}", x)), xp.tanh(affine(f"encoder2.{i}", x))
            weight, bias = logit_difference(params, i)
            gate = sigmoid(xp.tanh(affine(f"gates.{i}.0", xp.concatenate([a, e1, e2], -1))) @ weight.T + bias)
            mixed = gate * e1 + (1 - gate) * e2
            a = a + (params["residual_scales"][i] * mixed if network == "lda-v2" else mixed)
    return affine(main(depth), a)

# ── Jets: one is {stream: [n, width]}; only chain and multiply know a derivative rule ─────────────

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


def streamed_fields(problem, params, points, streams, layer=lambda hidden: hidden):
    """{stream: [n, outputs]} by carrying the streams forward through every layer; `layer` wraps a layer's function."""
    network, main, depth = recognise(params)
    c, x = problem.second, problem.normalised(points)
    tensors = lambda name: (params[name + ".weight"], params[name + ".bias"])

    def tanh(z):
        y = xp.tanh(z["value"])
        return chain((y, 1 - y * y, -2 * y * (1 - y * y), (1 - y * y) * (6 * y * y - 2)), z, streams, c)

    def sigmoid(z):
        w = 0.5 + 0.5 * xp.tanh(0.5 * z["value"])
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
        q = tanh(affine(*tensors(f"gates.{i}.0"), {s: xp.concatenate([a[s], e1[s], e2[s]], 1) for s in streams}))
        gate = sigmoid(affine(*logit_difference(params, i), q))
        mixed = multiply(gate, {s: e1[s] - e2[s] for s in streams}, c)
        scale = params["residual_scales"][i] if network == "lda-v2" else 1
        return {s: a[s] + scale * (e2[s] + mixed[s]) for s in streams}

    hidden = layer(hidden)
    a = None
    for i in range(depth):
        a = hidden(i, a)
    return affine(*tensors(main(depth)), a)



# ── Files and commands ────────────────────────────────────────────────────────────────────────────────────────────

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


def read_orders(text, count):
    """PCGrad's orders: row i is the order in which task i meets the others."""
    identity = ";".join([",".join(map(str, range(count)))] * count)
    orders = [[int(j) if j.strip().isdigit() else -1 for j in row.split(",")] for row in (text or identity).split(";")]
    if len(orders) != count or any(sorted(row) != list(range(count)) for row in orders):
        raise Refused(f"--permutations: wants {count} rows, each a permutation of 0..{count - 1}, such as {identity}", 2)
    return orders


def write_gradients(path, name, losses, gram, coefficients, rows, combined):
    """The file of the program's own verb `gradients`; `rows` and `combined` are {tensor: gradient}."""
    terms = PROBLEMS[name].terms
    tensors = {"loss": losses, "gram": gram, "coefficients": coefficients}
    tensors |= {f"grad.{term}.{key}": g for term, row in zip(terms, rows) for key, g in row.items()}
    tensors |= {f"combined.{key}": g for key, g in combined.items()}
    with open(path, "wb") as file:
        metadata = {"problem": name, "terms": ",".join(terms)}
        file.write(safetensors.save({key: np.ascontiguousarray(value) for key, value in tensors.items()}, metadata))
    for term, loss, c in zip(terms, losses, coefficients):
        print(f"{term:5} loss {float(loss):.9g}  coefficient {float(c):.9g}")


SUBMIT = 0.05  # seconds of work between two waits, as the program itself does


def serve(record, step, wait):
    """Says what was built, then times steps once for every line that comes in: as many as take 50 ms, one at least."""
    def timed(count):
        start = time.perf_counter()
        for _ in range(count):
            step()
        wait()
        return (time.perf_counter() - start) / count
    compile_s, count = timed(1), 1
    print(json.dumps(record | {"compile_s": compile_s}), flush=True)
    for _ in sys.stdin:
        seconds = timed(count)
        print(json.dumps({"us": seconds * 1e6, "steps": count}), flush=True)
        count = min(max(int(SUBMIT / seconds), 1), 1000)


def run_command(name, commands, args):
    """Runs the verb of `args`; the result is the exit code."""
    try:
        commands[args.verb](args)
    except AssertionError as wrong:
        print(f"{name}: selftest failed: {wrong}", file=sys.stderr)
        return 1
    except Refused as wrong:
        print(f"{name}: {wrong.args[0]}", file=sys.stderr)
        return wrong.args[1]
    except OSError as wrong:  # inputs are read by load, so this is an output
        print(f"{name}: cannot write: {wrong}", file=sys.stderr)
        return 7
    return 0
