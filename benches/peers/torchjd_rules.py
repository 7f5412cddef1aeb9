"""Our strategies against torchjd, the field's own library of such rules, on a hundred sets of gradient rows.

    pip install numpy torch "torchjd[full]"
    cargo run --release --example strategies -- 100 > rules.json
    python3 benches/peers/torchjd_rules.py rules.json

For every rule that both have: ‖ours − theirs‖ / ‖theirs‖ of the combined gradient, in float64; the exit code is 1 if it is
beyond the rule's limit anywhere where both mean the same. Differences of definition:

* torchjd averages where the rules here sum (cagrad, upgrad, imtl-g, aligned-mtl): theirs times K. mgda and config agree as
  they are; mgda stops a little earlier here.
* Rows of length zero take no part here; torchjd counts them. Rows that depend on each other (smallest eigenvalue of the
  cosines below 1e-3) are where both regularise, each in its own way: here with 2^-18 of the identity on the cosines, there
  with pseudoinverses (config, imtl-g) and with 1e-4 of the identity on M / trace(M) (upgrad, set to 1e-10 below). These sets
  are counted as "apart" and not judged.
* aligned-mtl keeps eigenvalues above 1e-6 of the largest here, above K * 2.2e-16 of it there; the same where all are above.
* pcgrad meets the others in a random order of its own there; two rows have only one.
"""

import json
import sys

import numpy as np
import torch
from torchjd.aggregation import MGDA, AlignedMTL, CAGrad, ConFIG, IMTLG, PCGrad, UPGrad
from torchjd.linalg import QuadprogProjector

# rule: theirs, factor K, limit. The regularisation here changes a combination by about 4e-6 / (smallest eigenvalue).
RULES = {
    "config": (ConFIG(), False, 1e-2),
    "upgrad": (UPGrad(projector=QuadprogProjector(norm_eps=1e-30, reg_eps=1e-10)), True, 1e-2),
    "cagrad": (CAGrad(c=0.5, norm_eps=1e-12), True, 1e-2),
    "mgda": (MGDA(epsilon=1e-12, max_iters=100), False, 1e-4),
    "imtl-g": (IMTLG(), True, 1e-2),
    "aligned-mtl": (AlignedMTL(), True, 1e-6),
    "pcgrad": (PCGrad(), False, 1e-6),
}


def judged(name, rows):
    """Whether both mean the same."""
    lengths = np.linalg.norm(rows, axis=1)
    if lengths.min() == 0.0:
        return False
    units = rows / lengths[:, None]
    eigenvalues = np.linalg.eigvalsh(rows @ rows.T)
    if name == "mgda":
        return True
    if name == "aligned-mtl":
        return eigenvalues[0] > 1e-5 * eigenvalues[-1]
    if name == "pcgrad":
        return len(rows) == 2
    return np.linalg.eigvalsh(units @ units.T)[0] > 1e-3


def main():
    situations = json.load(open(sys.argv[1]))
    failed = False
    print(f"{'rule':<12} {'judged':>6} {'apart':>6} {'median':>9} {'worst':>9} {'limit':>9}")
    for name, (theirs, sums, limit) in RULES.items():
        errors, apart = [], 0
        for number, situation in enumerate(situations):
            rows = np.array(situation["rows"])
            if not judged(name, rows):
                apart += 1
                continue
            # the rules do not depend on the scale, torchjd's thresholds do
            scale = np.abs(rows).max()
            matrix = torch.tensor(rows / scale, dtype=torch.float64)
            wanted = theirs(matrix).numpy() * (len(rows) if sums else 1.0)
            got = np.array(situation["coefficients"][name]) @ (rows / scale)
            error = np.linalg.norm(got - wanted) / max(np.linalg.norm(wanted), 1e-300)
            errors.append(error)
            if not error <= limit:
                failed = True
                print(f"  {name}, set {number}: {got} here, {wanted} there")
        if not errors:
            sys.exit(f"{name}: nothing was compared")
        print(f"{name:<12} {len(errors):>6} {apart:>6} {np.median(errors):>9.1e} {max(errors):>9.1e} {limit:>9.0e}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
