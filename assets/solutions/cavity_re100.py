"""Regenerates cavity_re100.safetensors: steady lid-driven cavity at Re = 100, grid-converged, in float64.

Stream function and vorticity, -omega = lap psi, psi_y omega_x - psi_x omega_y = lap omega / Re, central
differences, Thom's wall vorticity, Newton's method with a sparse LU; grids of 199 and 298 nodes share the
100 x 100 nodes of the evaluation grid, where Richardson extrapolation removes the error of order h^2.

    python3 assets/solutions/cavity_re100.py        (NumPy, SciPy; about a minute)
"""

import json
import pathlib
import struct

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

REYNOLDS = 100.0
NODES = 100


def second_difference(n, h):
    return sp.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(n, n), format="csr") / h**2


def first_difference(n, h):
    return sp.diags([-1.0, 1.0], [-1, 1], shape=(n, n), format="csr") / (2 * h)


def solve(nodes):
    """psi on the interior [x, y] of a grid with `nodes` nodes per side; also its spacing."""
    n, h = nodes - 2, 1.0 / (nodes - 1)
    eye = sp.identity(n, format="csr")
    lap = sp.kron(second_difference(n, h), eye) + sp.kron(eye, second_difference(n, h))
    dx, dy = sp.kron(first_difference(n, h), eye).tocsr(), sp.kron(eye, first_difference(n, h)).tocsr()

    # omega beyond the interior: omega_wall = -2 psi_1 / h^2, and -2 (psi_1 + h) / h^2 at the lid (u = 1).
    first, last = np.zeros(n), np.zeros(n)
    first[0], last[-1] = 1.0, 1.0
    thom = -2.0 / h**2
    wall = lambda x_mask, y_mask: sp.kron(sp.diags(x_mask), sp.diags(y_mask)).tocsr() * thom
    one = np.ones(n)
    left, right = wall(first, one), wall(last, one)
    bottom, top = wall(one, first), wall(one, last)
    lid = np.kron(one, last) * (-2.0 / h)

    walls_lap = (left + right + bottom + top) / h**2
    walls_dx = (right - left) / (2 * h)
    walls_dy = (top - bottom) / (2 * h)
    lid_lap, lid_dy = lid / h**2, lid / (2 * h)

    psi, omega = np.zeros(n * n), np.zeros(n * n)
    for _ in range(40):
        u, v = dy @ psi, -(dx @ psi)
        omega_x = dx @ omega + walls_dx @ psi
        omega_y = dy @ omega + walls_dy @ psi + lid_dy
        lap_omega = lap @ omega + walls_lap @ psi + lid_lap
        r1 = lap @ psi + omega
        r2 = u * omega_x + v * omega_y - lap_omega / REYNOLDS
        du, dv = sp.diags(u), sp.diags(v)
        by_psi = (sp.diags(omega_x) @ dy - sp.diags(omega_y) @ dx + du @ walls_dx + dv @ walls_dy
                  - walls_lap / REYNOLDS)
        by_omega = du @ dx + dv @ dy - lap / REYNOLDS
        jacobian = sp.bmat([[lap, sp.identity(n * n)], [by_psi, by_omega]], format="csc")
        change = spla.spsolve(jacobian, -np.concatenate([r1, r2]))
        psi, omega = psi + change[: n * n], omega + change[n * n :]
        if np.abs(change[: n * n]).max() < 1e-13:
            break
    else:
        raise RuntimeError("Newton's method did not converge")
    return psi.reshape(n, n), h


def velocity(nodes):
    """u and v [NODES, NODES] on the shared nodes; central differences inside, exact on the walls."""
    psi, h = solve(nodes)
    full = np.pad(psi, 1)
    u, v = np.zeros_like(full), np.zeros_like(full)
    u[:, 1:-1] = (full[:, 2:] - full[:, :-2]) / (2 * h)
    v[1:-1, :] = -(full[2:, :] - full[:-2, :]) / (2 * h)
    for field in (u, v):
        field[0, :] = field[-1, :] = field[:, 0] = field[:, -1] = 0.0
    u[:, -1] = 1.0
    every = (nodes - 1) // (NODES - 1)
    return u[::every, ::every], v[::every, ::every]


def main():
    (u2, v2), (u3, v3) = velocity(199), velocity(298)
    u, v = ((9 * fine - 4 * coarse) / 5 for fine, coarse in ((u3, u2), (v3, v2)))
    header = {
        "__metadata__": {
            "format": "acr-pinn-gpu solution",
            "problem": "cavity",
            "reynolds": "100",
            "layout": "row i: x = i/99, column j: y = j/99",
            "origin": "stream function-vorticity, central differences, Newton, grids of 199 and 298 nodes,"
            " Richardson extrapolation; computed for this project in float64",
        },
        "u": {"dtype": "F32", "shape": [NODES, NODES], "data_offsets": [0, 40000]},
        "v": {"dtype": "F32", "shape": [NODES, NODES], "data_offsets": [40000, 80000]},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = u.astype("<f4").tobytes() + v.astype("<f4").tobytes()
    path = pathlib.Path(__file__).with_suffix(".safetensors")
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    print(f"{path}: smallest u at x = 1/2 is {u[49:51].mean(0).min():.5f} (published: -0.21404)")


if __name__ == "__main__":
    main()
