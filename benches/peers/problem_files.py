#!/usr/bin/env python3
"""The equations of assets/problems/*.toml once more, in JAX: a second opinion on losses and gradient rows.

For each problem a network with random parameters and random points are written to files, the program's verb `gradients`
is asked, and its answer is compared with float64 and automatic differentiation. Nothing here is read from the TOML
files: the equations below are written from the books alone.

examples:
  problem_files.py --program target/release/acr-pinn-gpu
  problem_files.py --program target/release/acr-pinn-gpu --only plate --only lorenz --network mlp
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile
from typing import Callable, NamedTuple

try:
    import jax
    import jax.numpy as jnp
    import numpy as np
    import safetensors.numpy as safetensors
    from pinn import initialise, network_at, use
except ImportError as missing:
    sys.exit(f"problem_files.py: {missing}. Install what it needs with: pip install jax safetensors")

use(jnp)
jax.config.update("jax_enable_x64", True)
pi, exp, sin, cos, cosh, sqrt, log = jnp.pi, jnp.exp, jnp.sin, jnp.cos, jnp.cosh, jnp.sqrt, jnp.log
ASSETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../assets/problems")


class Domain(NamedTuple):
    """What `network_at` asks of a problem: the network sees each axis scaled to −1..1."""
    lower: tuple
    upper: tuple

    def normalised(self, point):
        lower, upper = jnp.array(self.lower), jnp.array(self.upper)
        return 2 * (point - lower) / (upper - lower) - 1


class Term(NamedTuple):
    residual: Callable     # (fields as functions of a point, the point, data) -> list of components
    place: Callable        # unit cube -> a point of the term
    weight: float = 1.0
    partner: tuple = ()    # (axis, coordinate): the fields are their jumps from each point to its partner there
    data: str = ""         # a file of measurements instead of points


class Problem(NamedTuple):
    domain: Domain
    outputs: int
    terms: dict
    unknowns: tuple = ()


def d(f, *axes):
    """The derivative of a function of a point, along one axis after the other."""
    for axis in axes:
        f = (lambda f, axis: lambda p: jax.jvp(f, (p,), (jnp.eye(len(p), dtype=p.dtype)[axis],))[1])(f, axis)
    return f


def laplacian(f, axes):
    return lambda p: sum(d(f, axis, axis)(p) for axis in range(axes))


# ── Where points lie ──────────────────────────────────────────────────────────────────────────────────────────

def box(domain, **fixed):
    """Points of the domain; f0=[a, b] puts those of the lower half of axis 0 at a and the others at b."""
    def place(u):
        p = np.array(domain.lower) + u * (np.array(domain.upper) - np.array(domain.lower))
        for name, values in fixed.items():
            p[int(name[1:])] = values[int(u[int(name[1:])] * len(values))]
        return p
    return place


def faces(domain):
    def place(u):
        p = box(domain)(u)
        axis = int(u[0] * 997) % len(p)
        p[axis] = (domain.lower, domain.upper)[int(u[0] * 7919) % 2][axis]
        return p
    return place


# ── The problems ──────────────────────────────────────────────────────────────────────────────────────────────

def heat():
    k, domain = 0.1, Domain((0, 0), (1, 1))
    start = lambda x: sin(pi * x) + 0.5 * sin(3 * pi * x)
    return Problem(domain, 1, {
        "pde": Term(lambda u, p, _: [d(u[0], 1)(p) - k * d(u[0], 0, 0)(p)], box(domain)),
        "bc": Term(lambda u, p, _: [u[0](p)], box(domain, f0=[0, 1])),
        "ic": Term(lambda u, p, _: [u[0](p) - start(p[0])], box(domain, f1=[0])),
    })


def wave():
    domain = Domain((0, 0), (1, 1))
    start = lambda x: sin(pi * x) + 0.5 * sin(2 * pi * x)
    return Problem(domain, 1, {
        "pde": Term(lambda u, p, _: [d(u[0], 1, 1)(p) - d(u[0], 0, 0)(p)], box(domain), weight=0.03),
        "bc": Term(lambda u, p, _: [u[0](p)], box(domain, f0=[0, 1])),
        "ic": Term(lambda u, p, _: [u[0](p) - start(p[0])], box(domain, f1=[0])),
        "ic_t": Term(lambda u, p, _: [d(u[0], 1)(p)], box(domain, f1=[0])),
    })


def advection_diffusion():
    domain = Domain((0, 0), (1, 1))
    wind, spread = (lambda p: 0.5 * (1 + p[0])), (lambda p: 0.1 * (1 + p[0] ** 2))
    exact = lambda p: exp(-p[1]) * sin(pi * p[0])

    def operator(u, p):  # what the equation does to any function; its source is what it does to the exact solution
        flux = lambda p: wind(p) * u(p) - spread(p) * d(u, 0)(p)
        return d(u, 1)(p) + d(flux, 0)(p)
    return Problem(domain, 1, {
        "pde": Term(lambda u, p, _: [operator(u[0], p) - operator(exact, p)], box(domain)),
        "bc": Term(lambda u, p, _: [u[0](p)], box(domain, f0=[0, 1])),
        "ic": Term(lambda u, p, _: [u[0](p) - sin(pi * p[0])], box(domain, f1=[0])),
    })


def reaction_diffusion():
    domain = Domain((0, 0), (1, 2))
    return Problem(domain, 2, {
        "pde": Term(lambda w, p, _: [
            d(w[0], 1)(p) - 0.02 * d(w[0], 0, 0)(p) - w[0](p) + w[0](p) ** 3 + w[1](p),
            d(w[1], 1)(p) - 0.05 * d(w[1], 0, 0)(p) - 0.5 * (w[0](p) - w[1](p))], box(domain)),
        "wall": Term(lambda w, p, _: [d(w[0], 0)(p), d(w[1], 0)(p)], box(domain, f0=[0, 1])),
        "ic": Term(lambda w, p, _: [
            w[0](p) - cos(pi * p[0]) ** 2, w[1](p) - 0.25 * cos(pi * p[0])], box(domain, f1=[0])),
    })


def allen_cahn():
    domain = Domain((-1, 0), (1, 1))
    return Problem(domain, 1, {
        "pde": Term(lambda u, p, _: [
            d(u[0], 1)(p) - 0.01 * d(u[0], 0, 0)(p) + 2 * (u[0](p) ** 3 - u[0](p))], box(domain)),
        "bc": Term(lambda jump, p, _: [jump[0](p), d(jump[0], 0)(p)], box(domain, f0=[-1]), partner=(0, 1.0)),
        "ic": Term(lambda u, p, _: [u[0](p) - p[0] ** 2 * cos(pi * p[0])], box(domain, f1=[0]), weight=20),
    })


def korteweg_de_vries():
    domain, c = Domain((-4, 0), (6, 1)), 2.0
    soliton = lambda p: c / 2 * cosh(sqrt(c) / 2 * (p[0] - c * p[1])) ** -2
    away = lambda u, p, _: [u[0](p) - soliton(p)]
    return Problem(domain, 1, {
        "pde": Term(lambda u, p, _: [d(u[0], 1)(p) + 6 * u[0](p) * d(u[0], 0)(p) + d(u[0], 0, 0, 0)(p)], box(domain)),
        "bc": Term(away, box(domain, f0=[-4, 6])),
        "bc_x": Term(lambda u, p, _: [d(u[0], 0)(p) - d(soliton, 0)(p)], box(domain, f0=[6])),
        "ic": Term(away, box(domain, f1=[0])),
    })


def plate():
    domain = Domain((0, 0), (1, 1))
    load = lambda p: sin(pi * p[0]) * sin(pi * p[1])
    return Problem(domain, 1, {
        "pde": Term(lambda u, p, _: [laplacian(laplacian(u[0], 2), 2)(p) / (4 * pi**4) - load(p)], box(domain)),
        "deflection": Term(lambda u, p, _: [u[0](p)], faces(domain)),
        "moment_x": Term(lambda u, p, _: [d(u[0], 0, 0)(p) / pi**2], box(domain, f0=[0, 1])),
        "moment_y": Term(lambda u, p, _: [d(u[0], 1, 1)(p) / pi**2], box(domain, f1=[0, 1])),
    })


def poisson_3d():
    domain = Domain((0, 0, 0), (1, 1, 1))
    exact = lambda p: sin(pi * p[0]) * sin(pi * p[1]) * sin(pi * p[2])
    scaled = lambda u, p: -laplacian(u, 3)(p) / (3 * pi**2)
    return Problem(domain, 1, {
        "pde": Term(lambda u, p, _: [scaled(u[0], p) - scaled(exact, p)], box(domain)),
        "bc": Term(lambda u, p, _: [u[0](p)], faces(domain)),
    })


def laplace_hole():
    domain, r = Domain((-1, -1), (1, 1)), 0.3
    outside = lambda u: box(domain)(u) if np.hypot(*box(domain)(u)) > r else box(domain)(0.1 * u)
    return Problem(domain, 1, {
        "pde": Term(lambda u, p, _: [laplacian(u[0], 2)(p)], outside),
        "wire": Term(lambda u, p, _: [u[0](p) - log(r)], lambda u: r * np.array([cos(2 * pi * u[0]), sin(2 * pi * u[0])])),
        "case": Term(lambda u, p, _: [u[0](p) - log(jnp.hypot(p[0], p[1]))], faces(domain)),
    })


def lorenz():
    domain, s = Domain((0,), (0.5,)), 10.0

    def ode(f, p, _):  # in lengths of one; the file counts them in tens
        x, y, z = (s * g(p) for g in f)
        x_t, y_t, z_t = (s * d(g, 0)(p) for g in f)
        return [(x_t - 10 * (y - x)) / s**2, (y_t - x * (28 - z) + y) / s**2, (z_t - x * y + 8 / 3 * z) / s**2]
    start = (1.0, 1.0, 2.0)
    return Problem(domain, 3, {
        "ode": Term(ode, box(domain)),
        "start": Term(lambda f, p, _: [g(p) - at for g, at in zip(f, start)], box(domain, f0=[0]), weight=10),
    })


def burgers_inverse():
    domain = Domain((-1, 0), (1, 1))
    return Problem(domain, 1, {
        "pde": Term(lambda u, p, _, nu: [d(u[0], 1)(p) + u[0](p) * d(u[0], 0)(p) - nu * d(u[0], 0, 0)(p)], box(domain)),
        "measured": Term(lambda u, p, data: [u[0](p) - data[0]], box(domain), weight=10, data="burgers-inverse.csv"),
    }, unknowns=(0.07,))


PROBLEMS = {"heat": heat, "wave": wave, "advection-diffusion": advection_diffusion,
            "reaction-diffusion": reaction_diffusion, "allen-cahn": allen_cahn, "korteweg-de-vries": korteweg_de_vries,
            "plate": plate, "poisson-3d": poisson_3d, "laplace-hole": laplace_hole, "lorenz": lorenz,
            "burgers-inverse": burgers_inverse}


# ── Losses and rows ───────────────────────────────────────────────────────────────────────────────────────────

def loss(problem, term, params, points, data):
    network = lambda p: network_at(problem.domain, params, p)

    def fields(which):
        if not term.partner:
            return lambda p: network(p)[which]
        axis, at = term.partner
        return lambda p: network(p)[which] - network(p + jnp.eye(len(p))[axis] * (at - problem.domain.lower[axis]))[which]
    all_fields = [fields(which) for which in range(problem.outputs)]
    unknowns = [params["unknowns"][i] for i in range(len(problem.unknowns)) if not term.data]
    at = lambda p, known: sum(r**2 for r in term.residual(all_fields, p, known, *unknowns))
    return term.weight * jnp.mean(jax.vmap(at)(points, data))


def measured(term, axes):
    with open(os.path.join(ASSETS, term.data)) as file:
        rows = np.array([[float(x) for x in row] for row in list(csv.reader(file))[1:]])
    return rows[:, :axes].astype(np.float32), rows[:, axes:]


def compare(name, program, network, count, folder):
    problem, rng = PROBLEMS[name](), np.random.default_rng(13)
    axes = len(problem.domain.lower)
    params = {key: np.asarray(value, np.float32) for key, value in
              initialise(network, 12, 2, problem.outputs, rng, inputs=axes).items()}
    if problem.unknowns:
        params["unknowns"] = np.array(problem.unknowns, np.float32)
    points, data = {}, {}
    for key, term in problem.terms.items():
        if term.data:
            points[key], data[key] = measured(term, axes)
        else:
            points[key] = np.array([term.place(rng.random(axes)) for _ in range(count)], np.float32)
            data[key] = np.zeros((count, 1))
    model, given, out = (os.path.join(folder, f) for f in ("model.safetensors", "points.safetensors", "out.safetensors"))
    safetensors.save_file(params, model)
    safetensors.save_file(points, given)
    if os.path.exists(out):
        os.remove(out)
    file = os.path.join(ASSETS, name + ".toml")
    subprocess.run([program, "--quiet", "gradients", "--problem", file, "--model", model, "--points", given, "--out", out],
                   check=True)
    answer = safetensors.load_file(out)
    wide = {key: jnp.asarray(value, jnp.float64) for key, value in params.items()}
    for number, (key, term) in enumerate(problem.terms.items()):
        value, row = jax.value_and_grad(lambda own: loss(problem, term, own, jnp.asarray(points[key], jnp.float64), data[key]))(wide)
        ours = {tensor: np.asarray(answer.get(f"grad.{key}.{tensor}", 0.0), np.float64) for tensor in params}
        apart = np.sqrt(sum(np.sum((ours[tensor] - row[tensor]) ** 2) for tensor in params))
        length = np.sqrt(sum(np.sum(np.square(row[tensor])) for tensor in params))
        yield key, float(value), abs(float(answer["loss"][number]) / float(value) - 1), apart / length


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/acr-pinn-gpu")
    parser.add_argument("--only", action="append", choices=PROBLEMS)
    parser.add_argument("--network", default="lda-v2", choices=["mlp", "lda", "lda-v2"])
    parser.add_argument("--points", type=int, default=37)
    args = parser.parse_args()
    passed = True
    print("| problem | term | loss | loss, apart | row, apart |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in args.only or PROBLEMS:
            for key, value, loss_apart, row_apart in compare(name, args.program, args.network, args.points, folder):
                good = loss_apart < 1e-5 and row_apart < 2e-4
                passed &= good
                print(f"| {name} | {key} | {value:.6g} | {loss_apart:.1e} | {row_apart:.1e} |{'' if good else ' FAILED'}", flush=True)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
