#!/usr/bin/env python3
"""This program beside PyTorch and JAX: the same training step, on the same device, in turns.

All contestants get the same model.safetensors and points. First each computes losses and gradient rows there, which must
agree with float64 (PyTorch, or JAX where there is no PyTorch); one that does not is INVALID and is not timed. Then every
contestant builds its step and waits; round after round each takes steps for 50 ms, one at least, while the others are
idle. True float32 everywhere; --tf32 adds the peers with TF32 on a card, as rows of their own. The program draws points
and parameters of its own for the timing, as many and of the same kind: what a step takes does not depend on them.

examples:
  compare.py --problem klein-gordon --device cpu
  compare.py --problem klein-gordon --problem cavity --device cuda --tf32 --md peers.md --json peers.json
  compare.py --problem cavity --points pde=1000 --points lid=300 --points wall=300 --forms torch-streams,jax-streams
"""
import argparse
import importlib.util
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
    import safetensors.numpy as safetensors
    import pinn
except ImportError as missing:
    sys.exit(f"compare.py: {missing}. Install what it needs with: pip install numpy safetensors torch jax")

HERE = pathlib.Path(__file__).resolve().parent
# Relative, as in the program's own tests: 800, 1600 and 8000 roundings of f32
TOLERANCES = {"loss": 1e-4, "grad": 2e-4, "combined": 1e-3}
FORMS = ("torch-eager", "torch-func", "torch-streams", "jax-nested", "jax-streams")


class Contestant:
    """A way to take the step: how its gradients are asked for, and how it is served."""

    def __init__(self, name, gradients, serve, environment):
        self.name, self.gradients, self.serve = name, gradients, serve
        self.environment = os.environ | environment
        self.process, self.record, self.samples, self.errors, self.fault = None, {}, [], {}, ""

    def check(self, reference, out, timeout):
        """Losses and rows against the reference; sets `fault` if they do not agree."""
        done = subprocess.run([*self.gradients, "--out", out], env=self.environment, capture_output=True, text=True,
                              timeout=timeout, check=False)
        if done.returncode:
            self.fault = "no gradients: " + (done.stderr.strip().splitlines() or ["no message"])[-1]
            return
        self.errors = disagreement(safetensors.load_file(out), reference)
        for what, error in self.errors.items():
            allowed = TOLERANCES[what.split(".")[0]]
            if not error <= allowed:  # catches NaN as well
                self.fault = f"INVALID: {what} is off by {error:.1e}, {allowed:.0e} is allowed"

    def start(self):
        self.process = subprocess.Popen(self.serve, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.record = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.fault = f"ended with exit code {self.process.wait()}"
            return {}
        return json.loads(line)

    def sample(self):
        """Microseconds of a step, or nothing if the contestant is gone."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the empty answer says it
        return self.answer().get("us")

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()


def disagreement(got, wanted):
    """{what: relative error in the L2 norm} of losses and of every gradient row."""
    errors, rows = {"loss": float(np.max(np.abs(got["loss"] - wanted["loss"]) / np.abs(wanted["loss"])))}, {}
    for key in (key for key in wanted if key.startswith(("grad.", "combined."))):
        row = ".".join(key.split(".")[:2]) if key.startswith("grad.") else "combined"
        difference, size = rows.get(row, (0.0, 0.0))
        w = wanted[key].astype("f8")
        rows[row] = (difference + float(((got[key] - w) ** 2).sum()), size + float((w**2).sum()))
    return errors | {row: (difference / size) ** 0.5 if size else 0.0 for row, (difference, size) in rows.items()}


def available(form):
    return importlib.util.find_spec(form.split("-")[0]) is not None


def contestants(args, problem, files, counts):
    """Ours first, then every peer that is installed."""
    cuda = args.device == "cuda"
    network, variant = ("lda", "revised") if args.network == "lda-v2" else (args.network, "paper")
    model = ["--model", files["model"], "--points", files["points"]]
    adapter = ["--adapter", args.adapter] if args.adapter else ["--adapter", "llvmpipe"] if not cuda else []
    ours = [args.binary, "-q"]
    points = [part for key, n in counts.items() for part in ("--points", f"{key}={n}")]
    shape = ["--preset", variant, "--network", network, "--strategy", "pcgrad", "--width", str(args.width),
             "--depth", str(args.depth), "--sampling", "fixed", *points]
    orders = ["--permutations", files["orders"]]
    plans = args.plan or ["fused"]
    list_ = [Contestant(f"acr-pinn-gpu {plan}",
                        [*ours, "gradients", "--problem", problem, *model, *orders, "--plan", plan, *adapter],
                        [*ours, "bench", problem, "--serve", "--plan", plan, *shape, *adapter], {}) for plan in plans]
    for form in args.forms:
        framework, kind = form.split("-")
        script = [sys.executable, str(HERE / f"{framework}_step.py")]
        options = ["--problem", problem, "--form", kind, *model]
        device = ["--device", args.device] if framework == "torch" else []
        environment = {} if cuda else {"JAX_PLATFORMS": "cpu"}
        for tf32 in [False, True] if args.tf32 and cuda else [False]:
            list_.append(Contestant(form + (" TF32" if tf32 else ""),
                                    [*script, "gradients", *options, *device, *orders],
                                    [*script, "serve", *options, *device, *(["--tf32"] if tf32 else [])], environment))
    return list_


def prepare(args, problem, folder):
    """Model, points and orders as files, and float64 losses and rows there."""
    p, rng = pinn.PROBLEMS[problem], np.random.default_rng(args.seed)
    counts = dict(p.counts)
    for key, _, n in (item.partition("=") for item in args.points):
        if key in counts and n.isdigit() and int(n) > 0:
            counts[key] = int(n)
        elif len(args.problem) == 1:
            raise pinn.Refused(f"--points {key}={n}: wants one of {', '.join(counts)} and a number, such as pde=10000", 2)
    params = pinn.initialise(args.network, args.width, args.depth, p.outputs, rng, p.axes())
    # nothing at rest: a gradient that vanishes hides mistakes
    params = {name: (x + 0.05 * rng.normal(size=x.shape)).astype("f4") for name, x in params.items()}
    points = {key: x.astype("f4") for key, x in pinn.draw_points(p, counts, rng).items()}
    files = {name: str(folder / f"{problem}.{name}.safetensors") for name in ("model", "points", "reference")}
    safetensors.save_file(params, files["model"])
    safetensors.save_file(points, files["points"])
    tasks = len(p.terms)
    files["orders"] = ";".join(",".join(map(str, rng.permutation(tasks))) for _ in range(tasks))
    peer = ["torch_step.py", "--device", "cpu"] if available("torch") else ["jax_step.py"]
    command = [sys.executable, str(HERE / peer[0]), "gradients", "--problem", problem, "--form", "streams", "--f64",
               "--model", files["model"], "--points", files["points"], "--permutations", files["orders"],
               "--out", files["reference"], *peer[1:]]
    done = subprocess.run(command, env=os.environ | {"JAX_PLATFORMS": "cpu"}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise pinn.Refused(f"the float64 reference fails: {done.stderr.strip()}", 1)
    return counts, files, safetensors.load_file(files["reference"])


def take_turns(field, rounds, seed):
    """One sample of each in every round, in a new order; the first two rounds warm up."""
    order = random.Random(seed)
    for number in range(rounds + 2):
        for contestant in order.sample(field, len(field)):
            if contestant.fault:
                continue
            us = contestant.sample()
            if us and number >= 2:
                contestant.samples.append(us)
            time.sleep(0.05)  # threads that wait for work by turning around give up by then
        say(f"  round {number + 1} of {rounds + 2}")


def run_problem(args, problem, folder):
    say(f"{problem}: float64 reference")
    counts, files, reference = prepare(args, problem, folder)
    field = contestants(args, problem, files, counts)
    for contestant in field:
        say(f"{problem}: {contestant.name}: gradients")
        contestant.check(reference, str(folder / "gradients.safetensors"), args.timeout)
    for contestant in (c for c in field if not c.fault):
        say(f"{problem}: {contestant.name}: building")
        contestant.start()
    try:
        take_turns([c for c in field if not c.fault], args.rounds, args.seed)
    finally:
        for contestant in field:
            contestant.stop()
    return {"problem": problem, "network": args.network, "width": args.width, "depth": args.depth, "points": counts,
            "rows": [row(c, field[0]) for c in field]}


def row(contestant, first):
    result = {"name": contestant.name, "fault": contestant.fault, "errors": contestant.errors,
              "samples_us": contestant.samples, **{key: contestant.record.get(key) for key in
                                                   ("version", "device", "chunk", "graph", "compile_s")}}
    if contestant.samples and not contestant.fault:
        p10, median, p90 = np.percentile(contestant.samples, [10, 50, 90])
        result |= {"median_us": median, "p10_us": p10, "p90_us": p90}
        if first.samples and not first.fault:
            paired = zip(contestant.samples, first.samples)  # of the same round
            result["ratio"] = float(np.median([theirs / ours for theirs, ours in paired]))
    return result


def markdown(result):
    points = ", ".join(f"{key} {n}" for key, n in result["points"].items())
    text = (f"## {result['problem']}: {result['network']} {result['depth']}×{result['width']}, {points}\n\n"
            "| step | device | ms, median | p10 – p90 | time ÷ ours | build s | worst error |\n"
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n")
    for r in result["rows"]:
        error = f"{max(r['errors'].values()):.1e}" if r["errors"] else "–"
        if "median_us" in r:
            ms = [f"{r[key] / 1e3:.3g}" for key in ("median_us", "p10_us", "p90_us")]
            ratio = f"{r['ratio']:.2f}" if "ratio" in r else "–"
            cells = [ms[0], f"{ms[1]} – {ms[2]}", ratio, f"{r['compile_s']:.1f}"]
        else:
            cells = [r["fault"] or "no samples", "", "", ""]
        name = f"{r['name']} {r['version'] or ''}".strip()
        text += "| " + " | ".join([name, r["device"] or "", *cells, error]) + " |\n"
    return text


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problem", action="append", choices=pinn.PROBLEMS, required=True, help="repeatable")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--adapter", help="ours: adapter whose name contains this [llvmpipe on a cpu]")
    parser.add_argument("--network", choices=pinn.NETWORKS, default="lda-v2")
    parser.add_argument("--width", type=int, default=50)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--points", action="append", default=[], metavar="SET=N", help="repeatable, such as pde=10000")
    parser.add_argument("--rounds", type=int, default=15, help="samples of each that count (15)")
    parser.add_argument("--forms", type=lambda text: text.split(","), default=None, metavar="A,B",
                        help=f"peers [{','.join(FORMS)}, as far as installed]")
    parser.add_argument("--plan", action="append", help="ours; repeatable [fused]")
    parser.add_argument("--tf32", action="store_true", help="on a card: the peers with TF32 too")
    parser.add_argument("--binary", default=str(HERE.parents[1] / "target/release/acr-pinn-gpu"), help="our program")
    parser.add_argument("--timeout", type=int, default=900, help="seconds that one computation of gradients may take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--md", metavar="FILE", help="write the table as Markdown too")
    parser.add_argument("--json", metavar="FILE", help="write all samples")
    args = parser.parse_args()
    args.forms = args.forms if args.forms is not None else [form for form in FORMS if available(form)]
    try:
        unknown = [form for form in args.forms if form not in FORMS]
        if unknown:
            raise pinn.Refused(f"--forms {unknown[0]}: choose from {', '.join(FORMS)}", 2)
        if not pathlib.Path(args.binary).is_file():
            raise pinn.Refused(f"{args.binary} is missing: build it with cargo build --release, or name it by --binary", 2)
        with tempfile.TemporaryDirectory() as folder:
            results = [run_problem(args, problem, pathlib.Path(folder)) for problem in args.problem]
    except pinn.Refused as wrong:
        print(f"compare.py: {wrong.args[0]}", file=sys.stderr)
        return wrong.args[1]
    text = "\n".join(map(markdown, results))
    print(text, end="")
    document = {"schema": 1, "kind": "acr-pinn-gpu peers", "device": args.device, "problems": results}
    for path, content in ((args.md, text), (args.json, json.dumps(document, indent=1) + "\n")):
        if path:
            pathlib.Path(path).write_text(content, encoding="utf-8")
    return int(any(r["fault"] for result in results for r in result["rows"]))


if __name__ == "__main__":
    sys.exit(main())
