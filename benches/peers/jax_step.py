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

try:
    import jax
    import jax.numpy as jnp
    import numpy as np
    from pinn import (NETWORKS, PROBLEMS, Refused, check_model, draw_points, initialise, layout, load, load_points,
                      network_at, read_orders, run_command, serve, streamed_fields, use, write_gradients)
except ImportError as missing:
    sys.exit(f"jax_step.py: {missing}. Install what it needs with: pip install jax safetensors")

use(jnp)
jax.config.update("jax_default_matmul_precision", "highest")  # never TF32 or bfloat16 behind our back


# ── Form `nested`: the network at one point, differentiated by JAX ────────────────────────────────────────────

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


def jet_fields(problem, params, points, streams):
    # The reverse pass keeps matrix products and recomputes elementwise work: some 5 % faster on a CPU.
    policy = jax.checkpoint_policies.dots_saveable
    layer = lambda hidden: jax.checkpoint(hidden, policy=policy, static_argnums=0)
    return streamed_fields(problem, params, points, streams, layer)


FORMS = {"nested": nested_fields, "streams": jet_fields}


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
def cast(tensors, dtype):
    return {name: jnp.asarray(value, dtype) for name, value in tensors.items()}


def command_gradients(args):
    problem, dtype = PROBLEMS[args.problem], "float64" if args.f64 else "float32"
    params, points = load(args.model), load_points(args.points, problem)
    check_model(params, problem.outputs, problem.axes())
    orders = read_orders(args.permutations, len(problem.terms))
    run = jax.jit(lambda p, x, o: acr_gradient(problem, args.form, p, x, o))
    losses, rows, gram, coefficients, combined = run(cast(params, dtype), cast(points, dtype), jnp.asarray(orders))
    write_gradients(args.out, args.problem, losses, gram, coefficients, rows, combined)


def command_serve(args):
    problem, device = PROBLEMS[args.problem], jax.devices()[0]
    params, points = load(args.model), load_points(args.points, problem)
    check_model(params, problem.outputs, problem.axes())
    params, points = cast(params, "float32"), cast(points, "float32")
    chunk = args.chunk if args.chunk is not None else 1000 if device.platform == "cpu" else 0
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    state = (params, zeros(), zeros(), jnp.zeros((), "int32"), jax.random.key(0))
    if args.tf32:
        jax.config.update("jax_default_matmul_precision", "tensorfloat32")
    step = training_step(problem, args.form, chunk)

    def advance():
        nonlocal state
        state, _ = step(state, points)
    serve({"name": f"jax {args.form}", "version": jax.__version__, "chunk": chunk,
           "device": f"{device.platform}: {device.device_kind}"}, advance, lambda: jax.block_until_ready(state))


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
    p = verbs.add_parser("serve", parents=[common], help="time a step for every line on standard input")
    p.add_argument("--model", required=True, metavar="FILE")
    p.add_argument("--points", required=True, metavar="FILE")
    p.add_argument("--chunk", type=int, help="points per pass; 0: all at once (1000 on a CPU, 0 elsewhere)")
    p.add_argument("--tf32", action="store_true", help="products in TF32, on a card that has it")
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
    commands = {"gradients": command_gradients, "time": command_time, "serve": command_serve,
                "selftest": command_selftest}
    return run_command("jax_step.py", commands, args)


if __name__ == "__main__":
    sys.exit(main())
