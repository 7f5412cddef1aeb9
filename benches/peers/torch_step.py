#!/usr/bin/env python3
"""One ACR-PINN training step in PyTorch: a peer to check results and speed against.

A step is: the losses of all terms, one gradient row per term, PCGrad in a random order, and one Adam update. Three forms
give the same numbers:

  eager    as a user of the framework writes it: torch.autograd.grad once per derivative, PCGrad on the vectors
           themselves, torch.optim.Adam
  func     forward mode in forward mode (torch.func.jvp) over all points, then one reverse pass per term; PCGrad
           through the Gram matrix, Adam on one flat vector, nothing waits for the host
  streams  the same with every layer carrying the value and its derivatives by hand: only matrix products and one
           reverse pass are left to the framework

On a CUDA device `func` and `streams` are recorded once as a CUDA graph and replayed.

examples:
  torch_step.py gradients --problem cavity --model model.safetensors --points points.safetensors --out g.safetensors
  torch_step.py time --problem klein-gordon --form streams --model model.safetensors --points points.safetensors
"""
import argparse
import random
import sys
import time

try:
    import numpy as np
    import torch
    from pinn import (PROBLEMS, check_model, load, load_points, network_at, read_orders, recognise, run_command, serve,
                      streamed_fields, use, write_gradients)
except ImportError as missing:
    sys.exit(f"torch_step.py: {missing}. Install what it needs with: pip install torch numpy safetensors")

use(torch)


def pin_precision(tf32):
    """True float32 unless TF32 is asked for by name."""
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32


# ── Form `eager` ──────────────────────────────────────────────────────────────────────────────────────────────

def eager_network(problem, params, points):
    """As the formulas are printed: the gate is a softmax over two logits."""
    network, main, depth = recognise(params)
    linear = lambda name, a: torch.nn.functional.linear(a, params[name + ".weight"], params[name + ".bias"])
    x = a = problem.normalised(points)
    for i in range(depth):
        a = torch.tanh(linear(main(i), a))
        if network != "mlp":
            e1, e2 = torch.tanh(linear(f"encoder1.{i}", x)), torch.tanh(linear(f"encoder2.{i}", x))
            logits = linear(f"gates.{i}.2", torch.tanh(linear(f"gates.{i}.0", torch.cat([a, e1, e2], 1))))
            weights = torch.softmax(logits.view(len(a), 2, -1), 1)
            mixed = weights[:, 0] * e1 + weights[:, 1] * e2
            a = a + (params["residual_scales"][i] * mixed if network == "lda-v2" else mixed)
    return linear(main(depth), a)


def eager_fields(problem, params, points, streams):
    """{stream: [n, outputs]}, one call of autograd.grad per field and derivative."""
    x = points.detach().requires_grad_()
    y = eager_network(problem, params, x)
    if streams == ("value",):
        return {"value": y}
    slope = lambda f: torch.autograd.grad(f.sum(), x, create_graph=True)[0]
    columns = []
    for o in range(y.shape[1]):
        field = {"value": y[:, o]}
        first = slope(y[:, o])
        field |= {f"d{i}": first[:, i] for i in range(problem.axes())}
        # of the stream function's problem only that field is differentiated three times
        if "second" in streams or "d0_laplacian" in streams and o == 0:
            rows = [slope(first[:, i]) for i in range(problem.axes())]
            if "second" in streams:
                field["second"] = sum(c * rows[i][:, i] for i, c in enumerate(problem.second))
            else:
                laplacian = slope(rows[0][:, 0] + rows[1][:, 1])
                field |= dict(d00=rows[0][:, 0], d01=rows[0][:, 1], d11=rows[1][:, 1],
                              d0_laplacian=laplacian[:, 0], d1_laplacian=laplacian[:, 1])
        columns.append(field)
    nothing = torch.zeros_like(y[:, 0])
    return {s: torch.stack([field.get(s, nothing) for field in columns], 1) for s in streams}


# ── Form `func` ───────────────────────────────────────────────────────────────────────────────────────────────

def func_fields(problem, params, points, streams):
    """{stream: [n, outputs]}. Points do not see each other, so one tangent for all gives every point's derivative."""
    field = lambda x: network_at(problem, params, x)
    if streams == ("value",):
        return {"value": field(points)}
    axes = [torch.zeros_like(points).index_fill_(1, torch.tensor(i, device=points.device), 1.0)
            for i in range(problem.axes())]
    along = lambda f, e: lambda x: torch.func.jvp(f, (x,), (e,))
    if "second" not in streams and "d0_laplacian" not in streams:
        slopes = [along(field, e)(points) for e in axes]
        return {"value": slopes[0][0]} | {f"d{i}": slope for i, (_, slope) in enumerate(slopes)}

    def to_second_order(x):
        fields, curvatures = {}, []
        for i, e in enumerate(axes):
            (fields["value"], fields[f"d{i}"]), (_, curvature) = along(along(field, e), e)(x)
            curvatures.append(curvature)
        return fields, curvatures

    if "second" in streams:
        fields, curvatures = to_second_order(points)
        return fields | {"second": sum(c * curvature for c, curvature in zip(problem.second, curvatures))}

    def laplacian(x):
        fields, (d00, d11) = to_second_order(x)
        return d00 + d11, fields | dict(d00=d00, d11=d11)
    (_, fields), (d0_laplacian, slopes) = along(laplacian, axes[0])(points)
    _, (d1_laplacian, _) = along(laplacian, axes[1])(points)
    return fields | dict(d01=slopes["d1"], d0_laplacian=d0_laplacian, d1_laplacian=d1_laplacian)


FORMS = {"eager": eager_fields, "func": func_fields, "streams": streamed_fields}


# ── The step ──────────────────────────────────────────────────────────────────────────────────────────────────

def loss_of(problem, form, params, term, part, count):
    """This part's share of the mean over all `count` points of one set of a term."""
    fields = FORMS[form](problem, params, part, term.streams)
    if term.partner:
        axis, end = term.partner
        there = part.clone()
        there[:, axis] = end
        other = FORMS[form](problem, params, there, term.streams)
        fields = {s: fields[s] - other[s] for s in term.streams}
    return sum((r * r).sum() for r in term.residuals(part, fields)) / count


def gradient_rows(problem, form, params, points, chunk):
    """Losses [terms] and one flat gradient per term [terms, parameters]."""
    leaves, losses, rows = list(params.values()), [], []
    for term in problem.terms.values():
        loss, row = 0.0, 0.0
        for key in term.points.split():
            for part in points[key].split(chunk or len(points[key])):
                share = loss_of(problem, form, params, term, part, len(points[key]))
                grads = torch.autograd.grad(share, leaves, materialize_grads=True)
                row = row + torch.cat([g.reshape(-1) for g in grads])
                loss = loss + share.detach()
        losses.append(loss)
        rows.append(row)
    return torch.stack(losses), torch.stack(rows)


def pcgrad_coefficients(gram, orders):
    """c with combined gradient Σ c_k g_k, without a question to the host. orders [k, k] on the device."""
    k = len(gram)
    projected, own = torch.eye(k, dtype=gram.dtype, device=gram.device), torch.arange(k, device=gram.device)
    for slot in range(k):
        j = orders[:, slot]
        dot, norm = (projected * gram[j]).sum(1), gram.diagonal()[j]
        conflict = (dot < 0) & (norm > 0) & (j != own)
        amount = torch.where(conflict, dot / torch.where(norm > 0, norm, 1.0), 0.0)
        projected = projected - amount[:, None] * torch.nn.functional.one_hot(j, k).to(gram.dtype)
    return projected.sum(0)


def pcgrad_vectors(rows):
    """As it is printed: every task's gradient loses what conflicts with each other one, in a random order."""
    total = torch.zeros_like(rows[0])
    for i in range(len(rows)):
        gradient = rows[i].clone()
        for j in random.sample([j for j in range(len(rows)) if j != i], len(rows) - 1):
            dot = gradient @ rows[j]
            if dot < 0:  # the host waits for the device here
                gradient -= dot / (rows[j] @ rows[j]) * rows[j]
        total += gradient
    return total


def split(flat, params):
    """A flat vector as {name: tensor}."""
    parts = flat.split([p.numel() for p in params.values()])
    return {name: part.view_as(p) for (name, p), part in zip(params.items(), parts)}


def eager_step(problem, params, points):
    optimiser = torch.optim.Adam(params.values(), lr=1e-3)

    def step():
        _, rows = gradient_rows(problem, "eager", params, points, 0)
        for p, gradient in zip(params.values(), split(pcgrad_vectors(rows), params).values()):
            p.grad = gradient
        optimiser.step()
    return step


def fast_step(problem, form, params, points, chunk, lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """Everything on the device; Adam in place, so that the step can be recorded."""
    flat = torch.cat([p.detach().reshape(-1) for p in params.values()])
    leaves = {name: part.detach().requires_grad_() for name, part in split(flat, params).items()}  # share its memory
    m, v, t, k = torch.zeros_like(flat), torch.zeros_like(flat), torch.zeros((), device=flat.device), len(problem.terms)

    def step():
        orders = torch.rand(k, k, device=flat.device).argsort(1)
        _, rows = gradient_rows(problem, form, leaves, points, chunk)
        combined = pcgrad_coefficients(rows @ rows.T, orders) @ rows
        with torch.no_grad():
            t.add_(1)
            m.mul_(beta1).add_(combined, alpha=1 - beta1)
            v.mul_(beta2).addcmul_(combined, combined, value=1 - beta2)
            root = v.sqrt() / (1 - beta2**t).sqrt() + epsilon
            flat.sub_(lr / (1 - beta1**t) * m / root)
    return step


def recorded(step):
    """The step as a CUDA graph: what the host does is one launch."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


# ── Commands ──────────────────────────────────────────────────────────────────────────────────────────────────

def read(args, dtype=torch.float32):
    problem = PROBLEMS[args.problem]
    params, points = load(args.model), load_points(args.points, problem)
    check_model(params, problem.outputs, problem.axes())
    cast = lambda tensors: {name: torch.tensor(np.array(x), dtype=dtype, device=args.device) for name, x in tensors.items()}
    params = {name: p.requires_grad_() for name, p in cast(params).items()}
    return problem, params, cast(points)


def command_gradients(args):
    problem, params, points = read(args, torch.float64 if args.f64 else torch.float32)
    losses, rows = gradient_rows(problem, args.form, params, points, 0)
    orders = torch.tensor(read_orders(args.permutations, len(problem.terms)), device=args.device)
    gram = rows @ rows.T
    coefficients = pcgrad_coefficients(gram, orders)
    arrays = lambda flat: {name: g.cpu().numpy() for name, g in split(flat, params).items()}
    write_gradients(args.out, args.problem, losses.cpu().numpy(), gram.cpu().numpy(), coefficients.cpu().numpy(),
                    [arrays(row) for row in rows], arrays(coefficients @ rows))


def build(args):
    """(what it is, a function that takes a step, one that waits for it)"""
    problem, params, points = read(args)
    cuda = args.device.startswith("cuda")
    chunk = args.chunk if args.chunk is not None else 0 if cuda else 1000
    if args.form == "eager":
        step, chunk = eager_step(problem, params, points), 0
    else:
        step = fast_step(problem, args.form, params, points, chunk)
        step = recorded(step) if cuda else step
    device = torch.cuda.get_device_name() if cuda else f"cpu, {torch.get_num_threads()} threads"
    graph = cuda and args.form != "eager"
    record = {"name": f"torch {args.form}", "version": torch.__version__, "chunk": chunk, "device": device, "graph": graph}

    return record, step, torch.cuda.synchronize if cuda else lambda: None


def command_serve(args):
    serve(*build(args))


def command_time(args):
    record, step, wait = build(args)
    times = []
    for _ in range(args.warmup + args.samples):
        start = time.perf_counter()
        step()
        wait()
        times.append((time.perf_counter() - start) * 1e3)
    p10, median, p90 = np.percentile(times[args.warmup:], [10, 50, 90])
    print(f"{args.problem} {record['name']} {record['version']} on {record['device']}")
    print(f"step  median {median:.3f} ms  p10 {p10:.3f}  p90 {p90:.3f}  ({args.samples} samples)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--problem", choices=PROBLEMS, required=True)
    common.add_argument("--form", choices=FORMS, default="streams")
    common.add_argument("--model", required=True, metavar="FILE", help="model.safetensors")
    common.add_argument("--points", required=True, metavar="FILE", help="points.safetensors: [n, axes] per point set")
    common.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    common.add_argument("--chunk", type=int, help="points per pass, not eager; 0: all at once (1000 on a CPU, 0 elsewhere)")
    common.add_argument("--tf32", action="store_true", help="products in TF32, on a card that has it")
    p = verbs.add_parser("gradients", parents=[common], help="losses, gradient rows, Gram matrix, PCGrad, to a file")
    p.add_argument("--permutations", metavar="ROWS", help='"3,1,0,2;…": row i is the order for task i (0,1,2,…)')
    p.add_argument("--f64", action="store_true", help="compute in float64 instead of float32")
    p.add_argument("--out", required=True, metavar="FILE", help="gradients.safetensors")
    p = verbs.add_parser("time", parents=[common], help="time the step in float32")
    p.add_argument("--samples", type=int, default=10)
    p.add_argument("--warmup", type=int, default=3)
    verbs.add_parser("serve", parents=[common], help="time a step for every line on standard input")
    args = parser.parse_args()
    pin_precision(args.tf32)
    commands = {"gradients": command_gradients, "time": command_time, "serve": command_serve}
    return run_command("torch_step.py", commands, args)


if __name__ == "__main__":
    sys.exit(main())
