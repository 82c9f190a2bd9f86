"""Mutation testing: break the library in one place, see whether a test notices. Not run in continuous integration.

    make mutation                      # 400 mutants, seed 0, two workers
    python tests/mutation.py --mutants 40 --only halves/ --tests tests/laws/test_exact.py tests/laws/test_symmetry.py

1. The suite (or ``--tests``) runs once under `coverage` with a context per test, parameters and examples told apart:
   which tests execute which line. A line that an import executes belongs to all tests that execute any of its module.
   ``--trace FOLDER`` keeps this; ``--again tests/x.py`` adds to it what a test file written since then executes.
2. Mutants are drawn with a seed, evenly over the executed lines: a comparison turned, an operator or sign exchanged, a
   constant moved, ``.conj()`` or ``abs`` dropped, ``and``/``or`` exchanged, a condition negated, ``sin`` and ``cos``
   exchanged, a keyword argument or a statement removed.
3. Each mutant is written into a private copy of the checkout; its module's examples and the tests that execute its line
   run there, one of each function before a second, fastest and nearest first, until one fails. A mutant that none
   notices survives.

A draw measures only what was not written to it: look at the survivors of one seed, then measure with another.

Mutants that change nothing a caller can see are listed with their reason in `EQUIVALENT` (by module, line of source and
kind, so that the list survives a moved line) and leave the score. ``--survivors FILE`` of an earlier report tries again
only those that survived.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PACKAGE = "kwant_spinjunc"
#: Tests tried per mutant at most, how long they took together when traced, and seconds of CPU after which they hang.
MOST_TESTS, TRACED, SECONDS = 200, 100, 100
#: (module, stripped line of source, kind, or kind and what is changed): why no caller can tell.
ONE_AXIS = "the array has two axes: the last is the second"
SQUARE, AT_ONCE = "the matrix is square", "how many are solved at once, or in how many parts"
WALK, START = "how a branch is walked, not where to", "where a fit begins, not where it ends"
MASKED = "the result is another wherever it is divided by this"
EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("kwant_spinjunc/halves/surface.py", "n = h.shape[-1]", "constant"): SQUARE,
}
EQUIVALENT |= {
    (f"kwant_spinjunc/{module}", source, kind): why
    for module, source, kind, why in (
        (
            "theory/domain_wall/relaxation.py",
            "step = solve_banded((3, 3), bands, (force - anisotropy_only).ravel()).reshape(-1, 2)",
            "operator: force - anisotropy_only",
            "spins at rest feel no anisotropy but rounding",
        ),
        (
            "halves/kinks.py",
            "owner, places = np.repeat(owner, near.sum(axis=1)), (places[:, None] + distance)[near]",
            "operator: places[:, None] + distance",
            "distances come with both signs",
        ),
        (
            "devices/solve.py",
            '_refuse_improper("the scattering region", system.hamiltonian_submatrix(sparse=True, '
            "params=dict(params or {})))",
            "drop sparse=",
            "a full matrix is refused for the same reasons",
        ),
        (
            "crystals/planes.py",
            "planes = tuple(np.flatnonzero(plane == k) for k in range(int(label[-1]) + 1))",
            "constant",
            "planes without a site are left out behind it",
        ),
        ("judging/clean.py", "c = np.linspace(-2.0, 2.0, 4001)", "constant: 4001", "one point more of a grid"),
        ("crystals/planes.py", "lead_plane = np.zeros(len(lead_side), dtype=np.int64)", "drop dtype=", "read by `int`"),
        ("model/disorder.py", "draws: ClassVar[int] = 1", "constant", "a random number that is drawn and not used"),
        ("model/disorder.py", "draws: ClassVar[int] = 3", "constant", "a random number that is drawn and not used"),
        ("devices/exchange.py", "CHANGE = 1.37", "constant", "any factor but one and minus one tells as much"),
        ("judging/remedy.py", "last = 0", "constant", "the first number of planes tried is one: none lies between"),
        (
            "halves/supercell/turned.py",
            "step = max(1, NUMBERS // (4 * self.problem.sites**2))",
            "constant",
            AT_ONCE,
        ),
        (
            "runs/validity.py",
            "trip.defect * factors.reshape(-1, 4),",
            "constant: 1",
            "any negative length is the one found",
        ),
        (
            "magnets/export/torque.py",
            'return float(si_current_density(at_90, a)) * (1 if free == "right" else -1)',
            "operator",
            "a division by a sign is a multiplication with it",
        ),
        (
            "runs/schedule.py",
            "window = 1 if pool.is_serial else 2 * pool.workers",
            "operator",
            "how many tasks wait ahead, not which",
        ),
        ("runs/tables.py", "self.fresh = False", "constant", "how often a file is written while its journal keeps all"),
        (
            "halves/pencil.py",
            '_, _, alpha, beta, _, Z = linalg.ordqz(A, B, sort=_inside, output="complex")',
            "drop output=",
            "the matrices are complex",
        ),
        (
            "halves/surface.py",
            "out = np.concatenate([surface.out, np.zeros((*shape, extra, n))], axis=-2)",
            "sign: -2",
            "four axes, (points, spins) before those of the matrix: the last but one is the one of number 2",
        ),
        (
            "transport/noise.py",
            "spins.outgoing if spins.resolved else np.full(count, -1)",
            "constant",
            "no spin has a negative number",
        ),
        (
            "transport/crystal_bias.py",
            "found, bad = observed(np.where(bad, energies + 1e-8 * np.ptp(self.mu), energies))",
            "operator: energies + 1e-08 * np.ptp(self.mu)",
            "a step aside, to either side",
        ),
        (
            "transport/pumping.py",
            "M = M + _moved(psi[..., None, :], field[..., None, :])",
            "operator",
            "products of two of them do not see the sign of both",
        ),
        (
            "transport/crystal_bias.py",
            "steps = GRID * (1 if k is None else 4)",
            "constant: 4",
            "one point more of a grid",
        ),
        ("crystals/levels.py", "GRID = 64", "constant", "one point more of a grid"),
        ("crystals/levels.py", "BETWEEN = 16", "constant", "one point more of a grid"),
        ("crystals/levels.py", "FEW, SMALL = 64, 8", "constant", AT_ONCE),
        ("crystals/problem.py", "CHUNK = 150_000", "constant", AT_ONCE),
        ("crystals/lattice.py", "BLOCK = 1024", "constant", AT_ONCE),
        (
            "crystals/zone.py",
            "value, error, estimates = lattice_mean(work, work.enough, lambda: work.room() <= 0)",
            "constant",
            "momenta of a lattice are spent by hundreds",
        ),
        (
            "transport/crystal_bias.py",
            "GRID, MESH, NEAR = 32, (65, 9), 1e-5",
            "constant: 32",
            "one point more of a grid",
        ),
        ("crystals/levels.py", "n_F, n_B = ends[0].shape[-1], ends[1].shape[-1]", "constant: 1", SQUARE),
        ("crystals/planes.py", "plane = np.where(inside, label[at], -1)", "constant", "no plane has a negative number"),
        ("halves/batch.py", "RUN = 8", "constant", AT_ONCE),
        (
            "devices/spin_order.py",
            "found.append(np.kron(tau, V) if slow else np.kron(V, tau))",
            "condition",
            "both orders are among the kinds",
        ),
        ("solved.py", "COLUMNS, PARTS = 8, 4", "constant", AT_ONCE),
        ("halves/texture.py", "chain, _, _, _ = _chain(batch, 0, block)", "constant", "a determinant from either end"),
        (
            "halves/kinks.py",
            "single = stack.rows(np.zeros(1, dtype=np.intp))",
            "constant",
            "of a single junction every row is the same, and one",
        ),
        (
            "halves/supercell/half.py",
            'half.difference = np.zeros(half.g[0].shape, order="F")',
            "constant",
            "those of both spins have one shape",
        ),
        (
            "model/disorder.py",
            "np.add.at(matrix, (sites[:, None], (sites[:, None] + offsets) % size), weights)",
            "operator: sites[:, None] + offsets",
            "offsets come with both signs and their weights are even",
        ),
        (
            "devices/solve.py",
            "COUNTED, COUNTED_SINGULAR = 200, 60",
            "constant",
            "up to how many orbitals modes are counted a second time: what that costs, not what they are",
        ),
        (
            "magnets/dynamics.py",
            "STEPS, TURN = 60, 0.3",
            "constant: 60",
            "how many steps at most to one state",
        ),
        ("magnets/dynamics.py", "step, fold = step / 2, True", "constant: 2", WALK),
        ("magnets/dynamics.py", "low, step = low + step, (step if fold else 2 * step)", "constant", WALK),
        (
            "theory/domain_wall/relaxation.py",
            "for halvings in range(12):",
            "constant",
            "how often a step is halved that lowers nothing",
        ),
        ("theory/domain_wall/relaxation.py", "fraction, step = 0.0, 1.0", "constant: 1.0", WALK),
        ("theory/domain_wall/relaxation.py", "m, fraction, step = reached, target, 2 * step", "constant", WALK),
        ("theory/domain_wall/relaxation.py", "step /= 2", "constant", WALK),
        (
            "theory/domain_wall/relaxation.py",
            "largest = np.linalg.norm(step, axis=1).max()",
            "drop axis=",
            WALK,
        ),
        (
            "theory/domain_wall/relaxation.py",
            'options = {"maxiter": limit, "fatol": 0.0, "jac_options": {"alpha": mixing, "M": 5}, "line_search": None}',
            "constant: 5",
            "how many steps are remembered to find the same solution",
        ),
        (
            "theory/tunnelling.py",
            "mean: Floats = (2 / 3) * (a * a + a * b + b * b) / np.where(a + b > 0, a + b, 1.0)",
            "constant: 1.0",
            "zero is divided by it",
        ),
        (
            "theory/tunnelling.py",
            "return np.asarray(np.where(crossed > 0, same / np.where(crossed > 0, crossed, 1.0) - 1, np.nan))",
            "constant: 1.0",
            MASKED,
        ),
        ("theory/tunnelling.py", "safe = np.where(defined, sine, 1.0)", "constant", MASKED),
        (
            "theory/tunnelling.py",
            "D = D / np.where(largest > 0, largest, 1.0)  # so that products of tiny factors stay doubles",
            "constant: 1.0",
            "zero is divided by it",
        ),
        (
            "theory/slonczewski.py",
            "return np.asarray(4 * left * right * decay**2 / np.where(denominator > 0, denominator, 1.0))",
            "constant: 1.0",
            "zero is divided by it",
        ),
        (
            "theory/julliere.py",
            "return np.asarray(np.where(product == 1, np.inf, 2 * product / np.where(product == 1, 1.0, 1 - product)))",
            "constant: 1.0",
            MASKED,
        ),
        (
            "theory/interface.py",
            "return in_series(conductance, np.where(N > 0, -0.5 / np.where(N > 0, N, 1.0), 0.0))",
            "constant: 1.0",
            MASKED,
        ),
        (
            "magnets/multiscale/run.py",
            "arriving = solution.mu + np.where(N > 0, current / (2 * np.where(N > 0, N, 1.0)), 0.0)",
            "constant: 1.0",
            MASKED,
        ),
        (
            "magnets/parameters/torque.py",
            "change = terms**2 @ (-x[:-1] * self.signs) * np.cos(self.angles) / np.where(sine == 0, 1.0, sine)",
            "constant: 1.0",
            "zero is divided by it",
        ),
        (
            "magnets/parameters/torque.py",
            "terms, u0 = _Terms(np.array([1.0, -1.0]), Phi), np.arctanh(max(abs(chi), 0.3))",
            "constant: 0.3",
            START,
        ),
        ("magnets/parameters/effective.py", "start = [R[0] / size, (R[-1] - R[0]) / size, 0.0]", "operator", START),
        ("magnets/parameters/effective.py", "start = [R[0] / size, (R[-1] - R[0]) / size, 0.0]", "constant", START),
        (
            "magnets/parameters/effective.py",
            "(G0, swing), covariance, misfit = "
            "least_squares_fit(lambda x: columns @ x, J, [J.mean(), 0.0], lambda _: columns)",
            "constant",
            START,
        ),
        (
            "magnets/parameters/interfaces.py",
            "lambda x: columns @ x, logarithm, [logarithm[0], 0.1], lambda _: columns",
            "constant",
            START,
        ),
        (
            "magnets/parameters/interfaces.py",
            "level = metal.levels(c)[..., 0]",
            "constant",
            "a metal has the same level for both spins",
        ),
        (
            "model/disorder.py",
            "pairs = max((count + 1) // 2 for *_, count in requests)",
            "constant: 1",
            "a random number that is drawn and not used",
        ),
        (
            "model/disorder.py",
            "words = (np.concatenate([p for _, p, _ in requests], axis=1, dtype=np.int64) & 0xFFFFFFFF)"
            ".astype(np.uint64)",
            "drop dtype=",
            "integers are that long on this machine",
        ),
        (
            "crystals/observe.py",
            "if solved.joint is None or crystal.across is None:",
            "and/or",
            "a cut has both or none",
        ),
        ("crystals/solve.py", "GROWTH = 1e4", "constant", "from where planes are merged, which changes no number"),
        (
            "crystals/crystal.py",
            "order = np.argmax(W, axis=0)",
            "constant: 0",
            "what is no permutation goes by W itself",
        ),
        (
            "halves/supercell/joint.py",
            'C, back = np.zeros(here.u[0].shape, order="F"), self.lu(near, s, s)  # of 1 - u w',
            "constant",
            "those of both spins have one shape",
        ),
        (
            "model/plane.py",
            "vectors.append(np.sqrt(2 / (size + 1)) * np.sin(np.outer(x + 1, q)) + 0j)",
            "operator: np.sqrt(2 / (size + 1)) * np.sin(np.outer(x + 1, q)) + 0j",
            "a complex zero, which only makes numbers complex",
        ),
        ("transport/equilibrium.py", "PILOT = 0.1", "constant", "how roughly a first look is taken"),
        (
            "transport/equilibrium.py",
            "ends = cut_into_pieces(np.zeros(rows), np.full(rows, TAIL * kT), np.full((rows, 1), 4 * kT))",
            "constant: 1",
            "cut twice at one point",
        ),
        ("transport/vector_response.py", "CHUNK = 4096", "constant", AT_ONCE),
        (
            "transport/crystal_bias.py",
            "expected: int = 0  #: Energies that the whole run will need at least.",
            "constant",
            "set before it is read",
        ),
        (
            "runs/store.py",
            'code = getattr(error, "sqlite_errorcode", 0) & 0xFF',
            "constant: 0",
            "neither number is one of those that are asked for",
        ),
        (
            "runs/tables.py",
            "with netcdf_file(destination(self.path, self.name), mmap=False) as file:",
            "constant",
            "attributes are read, no array",
        ),
    )
}
CACHE = "how many answers are remembered, and which of them is forgotten"
TUNED = "how finely something is cut or looked through: what is found is the same"
IN_PLACE = "whether an array is overwritten that nobody reads again"
EITHER = "near the edge both ways are right to rounding"
EQUIVALENT |= {
    (f"kwant_spinjunc/{module}", source, kind): why
    for why, rows in (
        (
            AT_ONCE,
            (
                ("halves/solver.py", "for block in blocks(batch.half_axes, CHUNK // 2):", "constant"),
                ("halves/solver.py", "for block in blocks(batch.half_axes, CHUNK // 2):", "operator"),
                ("halves/cut.py", "CHUNK = 8192", "constant"),
                ("halves/waves.py", "STATES_CHUNK = 2048", "constant"),
                ("halves/half.py", "NORMALIZE = 8", "constant"),
                ("halves/half.py", "F, crossed = _unit(F), 0", "constant"),
                ("halves/supercell/turned.py", "NUMBERS = 2**19", "constant"),
                ("halves/supercell/turned.py", "NUMBERS = 2**19", "operator"),
                ("halves/supercell/turned.py", "step = max(1, NUMBERS // (4 * self.problem.sites**2))", "operator"),
                ("devices/waves.py", "CHUNK = 4_000_000", "constant"),
                ("devices/waves.py", "step = CHUNK // (len(cut) + 1) + 1", "constant"),
                ("devices/waves.py", "step = CHUNK // (len(cut) + 1) + 1", "operator"),
                ("halves/batch.py", "np.empty(31 << 20, dtype=np.uint8)", "constant"),
                ("halves/batch.py", "np.empty(31 << 20, dtype=np.uint8)", "drop dtype="),
                ("halves/batch.py", "np.empty(31 << 20, dtype=np.uint8)", "drop statement"),
            ),
        ),
        (
            CACHE,
            (
                ("halves/real/border.py", "BORDERS = 8", "constant"),
                ("halves/real/border.py", "_borders.popitem(last=False)", "constant"),
                ("halves/real/border.py", "_borders.popitem(last=False)", "drop last="),
                ("halves/real/slabs.py", "PATTERNS = 6", "constant"),
                ("devices/build.py", "KEPT = 4", "constant"),
                ("devices/spin_operators.py", "LARGE = 2000", "constant"),
                (
                    "devices/spin_operators.py",
                    "make = _repeated if count < LARGE else _repeated.__wrapped__",
                    "condition",
                ),
                (
                    "devices/spin_operators.py",
                    "make = _repeated if count < LARGE else _repeated.__wrapped__",
                    "comparison",
                ),
            ),
        ),
        (
            TUNED,
            (
                ("halves/kinks.py", "GRID, SECTIONS, STEP = 8, 16, 0.25", "constant"),
                ("halves/kinks.py", "SHARP, LEVELS = 16, 13", "constant"),
                ("halves/kinks.py", "SEVERAL = 1.5", "constant"),
                ("halves/kinks.py", "pairs = 1", "constant"),
                (
                    "halves/kinks.py",
                    "steps = sharp_steps(states, np.tile(low, pairs), np.tile(high, pairs), sections=64, levels=6)",
                    "constant",
                ),
                ("halves/real/angles.py", "FEWEST = 3", "constant"),
                ("halves/real/angles.py", "ERROR, MARGIN = 1e-10, 30.0", "constant: 30.0"),
                ("halves/zone.py", "RANGE, STEP, AWAY = 3.25, 0.25, 1e-10", "constant: 3.25"),
                ("devices/audit.py", "HEIGHTS, POINTS = (2e-4, 2e-5), 8", "constant: 8"),
                (
                    "devices/audit.py",
                    "last, before = (_extrapolated(values[:count]) for count in (POINTS, POINTS - 1))",
                    "constant",
                ),
                ("devices/bias.py", "TRIED = 2", "constant"),
                ("devices/bias.py", "REFINED = 3", "constant"),
                ("devices/bias.py", "TAIL = 36.0", "constant"),
                ("devices/lead_modes.py", "DOUBLINGS = 60", "constant"),
                ("devices/spin_order.py", "SAMPLE, FEW = 400, 3", "constant"),
            ),
        ),
        (
            EITHER,
            (
                ("halves/joint.py", "POLE = 1e4", "constant"),
                ("halves/real/face.py", "PLAIN = 30.0", "constant"),
                ("halves/real/solve.py", "RESONANT = 1e3", "constant"),
                ("halves/real/solve.py", "SHIFT = 0.7", "constant"),
                ("halves/supercell/dense.py", "FEW = 40", "constant"),
                ("halves/supercell/dense.py", "LEAF, LARGEST_RESIDUAL = 50, 1e-12", "constant: 50"),
                (
                    "halves/supercell/dense.py",
                    "LARGEST_RATIO, SERIES_END, LARGEST_CONDITION = 0.25, 1e-18, 1e5",
                    "constant: 0.25",
                ),
                (
                    "halves/supercell/dense.py",
                    "LARGEST_RATIO, SERIES_END, LARGEST_CONDITION = 0.25, 1e-18, 1e5",
                    "constant: 100000.0",
                ),
                ("halves/supercell/door.py", "MANY = 4", "constant"),
                ("halves/supercell/half.py", "SMALL_DIFFERENCE = 1e-4", "constant"),
                (
                    "halves/supercell/half.py",
                    "if squared(difference) < SMALL_DIFFERENCE**2 * squared(gs[0]):",
                    "operator: SMALL_DIFFERENCE ** 2",
                ),
                ("halves/surface.py", "LEVEL = 1e5", "constant"),
                ("halves/surface.py", "SHIFT, REAL_SHIFT = 0.35 * complex(np.exp(0.7j)), 0.35", "constant"),
                ("halves/surface.py", "SHIFT, REAL_SHIFT = 0.35 * complex(np.exp(0.7j)), 0.35", "operator"),
                ("halves/surface.py", "shift = REAL_SHIFT if is_real else SHIFT", "condition"),
                ("halves/supercell/dense.py", "values, V = (None, None) if len(x) < FEW else eig(N)", "comparison"),
                ("halves/supercell/dense.py", "values, V = (None, None) if len(x) < FEW else eig(N)", "condition"),
                ("halves/supercell/dense.py", "if len(a) <= LEAF:", "comparison"),
                ("halves/supercell/dense.py", "if len(a) <= LEAF:", "condition"),
                ("halves/supercell/dense.py", "h = size // 2", "constant"),
                *(
                    (
                        "halves/supercell/dense.py",
                        "return np.asarray(np.sqrt(2) * np.cos(np.arange(size) ** 2 + 1.0))",
                        kind,
                    )
                    for kind in ("constant", "operator", "function")
                ),
                ("devices/scatter.py", "DENSE = 600", "constant"),
                *(
                    (
                        f"halves/supercell/{where}.py",
                        "halves = solve_halves(problem, cut, axes, outgoing=(False, False), keep=True)",
                        kind,
                    )
                    for where in ("turned", "waves")
                    for kind in ("drop outgoing=", "constant: False")
                ),
                (
                    "halves/supercell/door.py",
                    "halves = solve_halves(problem, cut, axes, outgoing=[any(turn is not None for turn in row) "
                    "for row in turns])",
                    "drop outgoing=",
                ),
            ),
        ),
        (
            IN_PLACE,
            (
                ("halves/supercell/dense.py", "lu, pivots, _ = factorize(a, overwrite_a=1)", "constant"),
                ("halves/supercell/dense.py", "lu, pivots, _ = factorize(a, overwrite_a=1)", "drop overwrite_a="),
                (
                    "halves/supercell/dense.py",
                    "lu, pivots, _ = factorize(np.asfortranarray(a), overwrite_a=1)",
                    "constant",
                ),
                (
                    "halves/supercell/dense.py",
                    "lu, pivots, _ = factorize(np.asfortranarray(a), overwrite_a=1)",
                    "drop overwrite_a=",
                ),
                (
                    "halves/supercell/dense.py",
                    "return np.asarray(undo(lu, pivots, lwork=int(work(len(a))[0].real), overwrite_lu=1)[0])",
                    "drop overwrite_lu=",
                ),
                (
                    "halves/supercell/dense.py",
                    "return np.asarray(undo(lu, pivots, lwork=int(work(len(a))[0].real), overwrite_lu=1)[0])",
                    "drop lwork=",
                ),
                (
                    "halves/supercell/dense.py",
                    "return np.asarray(undo(lu, pivots, lwork=int(work(len(a))[0].real), overwrite_lu=1)[0])",
                    "constant: 1",
                ),
                (
                    "halves/supercell/dense.py",
                    "inverse[:h, :h] = multiply(-1.0, y, x, trans_b=1, beta=1.0, c=corner, overwrite_c=1)",
                    "drop overwrite_c=",
                ),
                (
                    "halves/supercell/dense.py",
                    "rest = _by_blocks(multiply(-1.0, side, x, trans_a=1, beta=1.0, "
                    'c=a[h:, h:].copy(order="F"), overwrite_c=1))',
                    "drop overwrite_c=",
                ),
            ),
        ),
        (
            "BLAS says nothing of what is not finite; another library may",
            (("halves/chain.py", 'with np.errstate(invalid="ignore"):', "drop invalid="),),
        ),
        (
            "how a sparse matrix is kept",
            (
                (
                    "devices/audit.py",
                    "H = sparse.csc_matrix(system.hamiltonian_submatrix(sparse=True, params=params))",
                    "drop sparse=",
                ),
                (
                    "devices/exchange.py",
                    "matrix = system.hamiltonian_submatrix(to_sites=sites, from_sites=sites, sparse=True, "
                    "params=dict(params))",
                    "drop sparse=",
                ),
                *(
                    ("devices/spin_operators.py", source, "drop format=")
                    for source in (
                        "return sparse.kron(sparse.identity(count), np.frombuffer(data, dtype).reshape(shape), "
                        'format="csr")',
                        "return sparse.block_diag([_time_reversal(self(site), site.family) for site in sites], "
                        'format="csr")',
                        'return [sparse.block_diag([block[i] for block in blocks], format="csr") for i in range(3)]',
                    )
                ),
                *(
                    (
                        "devices/spin_channels.py",
                        'unit, none = sparse.identity(count, dtype=complex, format="csr"), np.empty(0, dtype=np.int64)',
                        f"drop {what}=",
                    )
                    for what in ("format", "dtype")
                ),
                (
                    "devices/exchange.py",
                    "return sparse.block_diag([z if b is None else b for b, z in zip(blocks, zeros, strict=True)], "
                    'format="csr"), ""',
                    "drop format=",
                ),
            ),
        ),
        (
            "in which order what is alike comes",
            (
                ("devices/waves.py", 'order = np.argsort(keys, kind="stable")', "drop kind="),
                ("halves/kinks.py", 'order = np.argsort(owner, kind="stable")', "drop kind="),
                ("halves/surface.py", 'order = np.argsort(~open_, axis=-1, kind="stable")', "drop kind="),
                (
                    "halves/surface.py",
                    "first = np.argsort(np.where(outgoing, 0, np.where(inside, 1, 2)), axis=-1, "
                    'kind="stable")[..., :n]',
                    "drop kind=",
                ),
                ("halves/surface.py", 'back = np.argsort(~incoming, axis=-1, kind="stable")[..., :most]', "drop kind="),
            ),
        ),
        (
            "where numbers lie in memory",
            (
                ("halves/half.py", "re, im = g.real.copy(), g.imag.copy()", "drop .copy()"),
                ("halves/real/face.py", 'flat = a.ravel(order="K")', "drop order="),
                (
                    "halves/supercell/dense.py",
                    'flat = a.ravel(order="K")  # numpy.vdot would copy to the other order',
                    "drop order=",
                ),
            ),
        ),
        (
            "asked twice, told once",
            (
                ("halves/kinks.py", "axes = (1,) * len(stack.shape)", "constant"),
                (
                    "halves/kinks.py",
                    "ends = np.unique(np.append(thresholds(stack, np.full((1,) * len(stack.shape), energy)), "
                    "[-2.0, 2.0]))",
                    "constant: 1",
                ),
            ),
        ),
        (
            "nothing is added or nothing is taken away: the numbers are complex then",
            tuple(
                (f"halves/{where}", source, "operator: " + what)
                for where, source, what in (
                    (
                        "surface.py",
                        "return Surface(sigma, source, out, reflection + 0j, count, doubtful, np.zeros(count.shape))",
                        "reflection + 0j",
                    ),
                    (
                        "surface.py",
                        "found: Complex = np.where(abs(lam) < TINY, TINY, lam) + 0j",
                        "np.where(abs(lam) < TINY, TINY, lam) + 0j",
                    ),
                    (
                        "supercell/modes.py",
                        "difference = None if len(self.g) == 1 else matrix(self.difference + 0j)",
                        "self.difference + 0j",
                    ),
                )
            ),
        ),
        (
            "a row that nobody reads",
            (
                ("halves/cut.py", "rows = np.empty((20, *d.shape[2:]), dtype=complex)", "constant: 20"),
                ("halves/cut.py", "rows = np.empty((26, *d.shape[2:]))", "constant: 26"),
                ("halves/cut.py", "rows = np.empty((16, *cut.d.shape[2:]))", "constant: 16"),
            ),
        ),
        (
            "-λ for λ: the moduli are the same",
            (
                ("devices/solve.py", "top = np.linalg.solve(V, np.hstack([-h, -V.conj().T]))", "sign: -h"),
                (
                    "devices/solve.py",
                    "A = np.block([[-h / scale, -V.conj().T / scale], [unit, zero]])",
                    "sign: -h",
                ),
            ),
        ),
        (
            "it is rounding, or shorter than what is rounding",
            (
                ("devices/exchange.py", 'return dependent * 0, ""', "constant"),
                (
                    "halves/zone.py",
                    "away = np.minimum(AWAY, (b - a) / 2)  # nearer to a band edge, whose part is AWAY^(3/2), rounding "
                    "decides the answer",
                    "constant",
                ),
                ("devices/result.py", "(name, *(number(value, 7) for value in row), number(count, 4))", "constant: 4"),
            ),
        ),
        (
            "there is no energy in what is asked of the sample",
            (
                (
                    "halves/supercell/sampled.py",
                    "return cut_of(Sampled(junction, 0.0, CrossSection((1, len(sample.levels[0]))), sample), "
                    "junction.magnetizations)",
                    "constant: 0.0",
                ),
            ),
        ),
        (
            "of zeros without a row nobody sees a type",
            (
                (
                    "halves/supercell/dense.py",
                    'product = np.zeros((a.shape[0], b.shape[1]), dtype=np.result_type(a, b), order="F")',
                    "drop dtype=",
                ),
            ),
        ),
    )
    for module, source, kind in rows
}
#: Tests that look at what was imported, whoever imported it: they execute no line of it.
INSPECTORS = (
    "tests/units/test_defaults.py",
    "tests/units/test_classes.py",
    "tests/units/test_small_print.py::test_what_can_be_changed_after_it_is_made_is_listed",
    "tests/laws/test_blind_spots.py::test_what_holds_arrays_is_compared_as_an_object",
)
#: Keywords that no number depends on: what both sides have the same length is known, and help is for readers.
UNSEEN = ("strict", "optimize", "digest_size", "help", "metavar", "stacklevel")

#: What makes or copies an array, whose order in memory is nobody's (that of a reshape or ravel is).
LAID_OUT = ("zeros", "empty", "copy", "array")

COMPARE = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult}
PARTNERS = {"sin": "cos", "cos": "sin", "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum"}
PARTNERS |= {"any": "all", "all": "any", "real": "imag", "imag": "real", "argmax": "argmin", "argmin": "argmax"}


@dataclass(frozen=True)
class Mutant:
    """One change: the module, where, what, and the source after it."""

    module: str
    line: int
    kind: str
    before: str
    after: str

    @property
    def label(self) -> str:
        return f"{self.module}:{self.line} {self.kind}: {self.before} -> {self.after}"


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield (kind, replacement) of one node of the syntax tree."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARE:
        yield "comparison", ast.Compare(node.left, [COMPARE[type(node.ops[0])](), *node.ops[1:]], node.comparators)
    words = isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC and not words:
        yield "operator", ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and/or", ast.BoolOp(other, node.values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield "sign" if isinstance(node.op, ast.USub) else "not", node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        moved = node.value + 1 if isinstance(node.value, int) else node.value * 1.1 + 0.1
        yield "constant", ast.Constant(moved)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "constant", ast.Constant(not node.value)
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        turned = copy.copy(node)
        turned.test = ast.UnaryOp(ast.Not(), node.test)
        yield "condition", turned
    if isinstance(node, ast.Attribute) and node.attr in PARTNERS:
        yield "function", ast.Attribute(node.value, PARTNERS[node.attr], node.ctx)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in PARTNERS:
        yield "function", ast.Name(PARTNERS[node.id], node.ctx)
    if isinstance(node, ast.Call):
        if (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in ("conj", "copy", "swapaxes")
            and not node.keywords
        ):
            yield f"drop .{node.func.attr}()", node.func.value
        if isinstance(node.func, ast.Name) and node.func.id == "abs":
            yield "drop abs", node.args[0]
        memory = ("order",) if isinstance(node.func, ast.Attribute) and node.func.attr in LAID_OUT else ()
        for number in range(len(node.keywords)):
            if node.keywords[number].arg not in (None, *UNSEEN, *memory):
                kept = node.keywords[:number] + node.keywords[number + 1 :]
                yield f"drop {node.keywords[number].arg}=", ast.Call(node.func, node.args, kept)
    if isinstance(node, (ast.AugAssign, ast.Raise)) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield "drop statement", ast.Pass()


class _Replace(ast.NodeTransformer):
    def __init__(self, target: ast.AST, value: ast.AST) -> None:
        self.target, self.value = target, value

    def visit(self, node: ast.AST) -> ast.AST:
        return self.value if node is self.target else self.generic_visit(node)


def _skipped(tree: ast.Module) -> set[int]:
    """Return ids of nodes that only type checkers, readers or printers of messages see."""
    skip: set[int] = set()
    for node in ast.walk(tree):
        hidden: list[ast.AST] = []
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            hidden += [a.annotation for a in node.args.args + node.args.kwonlyargs if a.annotation]
            hidden += ([node.returns] if node.returns else []) + node.decorator_list
        elif isinstance(node, ast.AnnAssign):
            hidden.append(node.annotation)
        elif isinstance(node, (ast.JoinedStr, ast.Import, ast.ImportFrom)):
            hidden.append(node)
        elif isinstance(node, ast.Raise) and node.exc is not None:
            hidden.append(node.exc)
        elif isinstance(node, ast.Call):
            hidden += [keyword.value for keyword in node.keywords if keyword.arg in UNSEEN]
            if isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":  # any negative length is found
                hidden += [arg.operand for arg in node.args if isinstance(arg, ast.UnaryOp)]
        elif isinstance(node, ast.ClassDef):  # of a TypedDict
            hidden += [keyword.value for keyword in node.keywords]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            hidden.append(node)
        for part in hidden:
            skip |= {id(inner) for inner in ast.walk(part)}
    return skip


def candidates(path: Path, executed: set[int]) -> Iterator[tuple[int, str, ast.AST, ast.AST]]:
    """Yield (line, kind, node, replacement) of the executed lines of a module."""
    tree = ast.parse(path.read_text())
    skip = _skipped(tree)
    for node in ast.walk(tree):
        line = getattr(node, "lineno", None)
        if line in executed and id(node) not in skip:
            for kind, replacement in changes(node):
                yield line, kind, node, ast.copy_location(replacement, node)


def mutated(path: Path, line: int, kind: str, text: str) -> str | None:
    """Return the source with one mutation of that description, laid out by `ast.unparse`."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if getattr(node, "lineno", None) == line and ast.unparse(node).split("\n")[0] == text:
            for found, replacement in changes(node):
                if found == kind:
                    new = _Replace(node, ast.copy_location(replacement, node)).visit(tree)
                    return ast.unparse(ast.fix_missing_locations(new))
    return None


def pytest_runtest_protocol(item: object) -> None:
    """Tell coverage, when this file is a plugin of pytest, which test runs: its fixtures and examples belong to it."""
    from coverage import Coverage

    if (running := Coverage.current()) is not None:
        running.switch_context(item.nodeid)  # type: ignore[attr-defined]


def trace(folder: Path, tests: list[str]) -> None:
    """Run tests once under coverage, a context per test, into files numbered after those of earlier runs."""
    number = len(list(folder.glob("coverage*.sqlite")))
    setup, data = folder / "coveragerc", folder / f"coverage{number}.sqlite"
    setup.write_text(f"[run]\nsource = {PACKAGE}\ndata_file = {data.resolve()}\n")
    command = [sys.executable, "-m", "coverage", "run", f"--rcfile={setup.resolve()}", "-m", "pytest", "-n", "0", "-q"]
    command += ["-p", "no:cacheprovider", "-p", "mutation", "--durations=0", "--durations-min=0.0", *tests]
    environment = os.environ | {"PYTHONPATH": str(TOP / "tests")}
    with open(folder / f"durations{number}.txt", "w") as out:
        subprocess.run(command, cwd=TOP, stdout=out, check=False, env=environment)


def load(folder: Path) -> tuple[dict[str, dict[int, set[str]]], dict[str, float]]:
    """Return {module: {line: tests}} and {test: seconds} of the traces; of a file traced twice, the later one."""
    from coverage import CoverageData

    lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    seconds: dict[str, float] = defaultdict(float)
    again: set[str] = set()
    for data in sorted(folder.glob("coverage*.sqlite"), reverse=True):
        found = CoverageData(basename=str(data))
        found.read()
        old = {context for context in found.measured_contexts() if context.partition("::")[0] in again}
        for file in map(Path, found.measured_files()):
            if file.is_relative_to(TOP):
                for line, contexts in found.contexts_by_lineno(str(file)).items():
                    lines[str(file.relative_to(TOP))][line] |= {*contexts} - old
        for row in (folder / f"durations{data.stem.removeprefix('coverage')}.txt").read_text().splitlines():
            parts = row.split(maxsplit=2)
            if len(parts) == 3 and parts[1] in ("setup", "call") and parts[0].endswith("s") and parts[2] not in old:
                seconds[parts[2]] += float(parts[0][:-1])
        again |= {context.partition("::")[0] for context in found.measured_contexts() if context}
    for module, contexts in lines.items():
        everything = {c for found in contexts.values() for c in found if c}
        for line in _imported(TOP / module) & contexts.keys():
            contexts[line] = everything
        for found in contexts.values():
            found.discard("")
    return lines, seconds


def _imported(path: Path) -> set[int]:
    """Return the lines that an import executes, not a call."""
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.Lambda))]
    called = {line for f in functions for line in range(_first(f), (f.end_lineno or 0) + 1)}
    return {node.lineno for node in ast.walk(tree) if hasattr(node, "lineno")} - called


def _first(function: ast.FunctionDef | ast.Lambda) -> int:
    body = function.body[0] if isinstance(function, ast.FunctionDef) else function.body
    return body.lineno


def draw(lines: dict[str, dict[int, set[str]]], count: int, seed: int, only: str) -> list[Mutant]:
    """Draw mutants: lines evenly over the executed ones, then one change of each."""
    rng = random.Random(seed)
    pool: list[tuple[str, int]] = []
    by_line: dict[tuple[str, int], list[tuple[str, str, str]]] = {}
    for module in sorted(lines):
        if only not in module:
            continue
        executed = {line for line, tests in lines[module].items() if tests}
        for line, kind, node, replacement in candidates(TOP / module, executed):
            text, after = ast.unparse(node).split("\n")[0], ast.unparse(replacement).split("\n")[0]
            by_line.setdefault((module, line), []).append((kind, text, after))
    pool = sorted(by_line)
    rng.shuffle(pool)
    return [Mutant(module, line, *rng.choice(by_line[module, line])) for module, line in pool[:count]]


#: Loaded once by a worker, whose copies then run one mutant each: what the package and its tests import, but not they.
PRELOADED = (
    "pytest hypothesis hypothesis.extra.numpy numpy scipy.sparse.linalg scipy.optimize scipy.integrate xarray tqdm"
)
PRELOADED += " scipy.special scipy.stats mpmath matplotlib.pyplot kwant tinyarray concurrent.futures.process sqlite3"
#: What pytest ends with where a module has no doctests and there is nothing else.
NO_TESTS = 5
#: Tests of the first look, the fastest; only what they let pass meets the others.
FIRST = 12


class Bench:
    """A private copy of the checkout, in which one mutant at a time is tried."""

    def __init__(self, place: Path, idle: bool) -> None:
        self.top, self.idle = place, idle
        ignore = shutil.ignore_patterns(
            ".git", ".venv*", ".uv", "*cache*", "validation-report", "_build", ".hypothesis"
        )
        shutil.copytree(TOP, place, ignore=ignore, symlinks=True)
        for name in PRELOADED.split():
            with contextlib.suppress(ImportError), warnings.catch_warnings(action="ignore"):
                importlib.import_module(name)
        self._tested(["--collect-only", "tests"], compiled=True)  # once for all mutants

    def run(self, mutant: Mutant, tests: list[str]) -> tuple[str, str]:
        """Return ("killed" | "survived" | "killed by time", the test) of one mutant."""
        target = self.top / mutant.module
        original, times = target.read_text(), target.stat()
        source = mutated(TOP / mutant.module, mutant.line, mutant.kind, mutant.before)
        if source is None:
            return "skipped", ""
        if self.idle:
            source = ast.unparse(ast.parse(original))
        target.write_text(source)
        try:
            for part in (tests[:FIRST], tests[FIRST:]):
                code, output = self._tested(part) if part else (0, "")
                if code == NO_TESTS:  # the module has no examples
                    code = 0
                if code is None:
                    return "killed by time", ""
                if "PytestUnraisableExceptionWarning" in output:  # raised when pytest ends: a file or process left open
                    return "killed", "what was left open"
                if code not in (0, 1, 2):  # neither passed nor failed: of the tools, not of the tests
                    raise RuntimeError(f"exit code {code}: {output[-2000:]}")
                if code:
                    failed = [row.split()[1] for row in output.splitlines() if row.startswith(("FAILED", "ERROR"))]
                    return "killed", failed[0] if failed else f"exit {code}"
            return "survived", ""
        finally:
            target.write_text(original)
            os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))  # as its bytecode knows it

    def _tested(self, tests: list[str], compiled: bool = False) -> tuple[int | None, str]:
        """Run tests in a copy of this process; return its exit code, None if it took too long, and what it printed."""
        output = self.top / "output.txt"
        pid = os.fork()
        if not pid:
            try:
                os._exit(self._child(tests, output, compiled))
            except BaseException:  # it must never go on as a worker
                traceback.print_exc()
            finally:
                os._exit(99)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        ended = (-signal.SIGXCPU, -signal.SIGALRM, -signal.SIGKILL)  # by time, or by memory
        return None if code in ended else code, output.read_text(errors="replace")

    def _child(self, tests: list[str], output: Path, compiled: bool) -> int:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))
        signal.alarm(6 * SECONDS)  # a deadlock takes no time of the processor
        os.chdir(self.top)
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.path.insert(0, str(self.top))
        sys.dont_write_bytecode = not compiled
        os.environ["PYTHONPATH"] = str(self.top)
        import pytest

        known = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of what is preloaded
        return int(pytest.main(["-n", "0", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *known, *tests]))


_bench: list[Bench] = []


def _start(folder: str, idle: bool) -> None:
    _bench.append(Bench(Path(folder) / f"copy{os.getpid()}", idle))


def attempt(mutant: Mutant, tests: list[str]) -> dict[str, object]:
    """Return the row of one mutant in the report."""
    source = (TOP / mutant.module).read_text().splitlines()[mutant.line - 1].strip()
    kinds = mutant.kind, f"{mutant.kind}: {mutant.before}"
    reason = next((EQUIVALENT[key] for kind in kinds if (key := (mutant.module, source, kind)) in EQUIVALENT), None)
    begun = time.monotonic()
    outcome, by = _bench[0].run(mutant, tests) if reason is None else ("equivalent", reason)
    row = asdict(mutant) | {"outcome": outcome, "by": by, "seconds": round(time.monotonic() - begun, 1)}
    return row | {"source": source, "tests": len(tests)}


def covering(module: str, line: int, lines: dict[str, dict[int, set[str]]], seconds: dict[str, float]) -> list[str]:
    """Return the tests that execute a line: in turn the fastest one, and the one most of this module.

    One set of parameters of each function comes before the second of any.
    """
    found, here, everywhere = lines[module].get(line, set()), _executed(lines)[module], _executed(lines)[""]
    fastest = _in_rounds(sorted(found, key=lambda c: (seconds.get(c, 0.0), c)))
    closest = _in_rounds(sorted(found, key=lambda c: (-here[c] / everywhere[c], seconds.get(c, 0.0), c)))
    order = list(dict.fromkeys(test for pair in zip(fastest, closest, strict=True) for test in pair))
    spent, chosen = 0.0, []
    for test in order[:MOST_TESTS]:
        spent += seconds.get(test, 0.0)
        if spent <= TRACED or len(chosen) < 3:
            chosen.append(test)
    return [*INSPECTORS, *chosen] if line in _imported(TOP / module) else chosen


def _in_rounds(tests: list[str]) -> list[str]:
    rounds: Counter[str] = Counter()
    places = []
    for number, test in enumerate(tests):
        function = test.partition("[")[0]
        places.append((rounds[function], number, test))
        rounds[function] += 1
    return [test for _, _, test in sorted(places)]


_counts: dict[str, Counter[str]] = {}


def _executed(lines: dict[str, dict[int, set[str]]]) -> dict[str, Counter[str]]:
    """Return how many lines each test executes of each module, and of all under an empty name."""
    if not _counts:
        for module, found in lines.items():
            _counts[module] = Counter(context for contexts in found.values() for context in contexts)
        _counts[""] = Counter()
        for counts in list(_counts.values()):
            _counts[""].update(counts)
    return _counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=400)
    parser.add_argument("--skip", type=int, default=0, help="leave out the first ones, tried before")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of the path of the modules to mutate")
    parser.add_argument("--tests", nargs="*", default=["tests", PACKAGE], help="tests that may notice")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trace", type=Path, help="folder of an earlier trace; made there if it is not")
    parser.add_argument("--again", nargs="*", help="test files to trace into that folder")
    parser.add_argument("--report", type=Path, default=Path("mutants.json"))
    parser.add_argument("--survivors", type=Path, help="an earlier report: try again those that survived there")
    parser.add_argument("--idle", action="store_true", help="change nothing: every mutant must survive")
    parser.add_argument("--against", nargs="*", help="try every mutant with these tests and no others")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        folder = options.trace or Path(temporary)
        folder.mkdir(exist_ok=True, parents=True)
        if options.again or not list(folder.glob("coverage*.sqlite")):
            trace(folder, options.again or options.tests)
        lines, seconds = load(folder)
        if options.survivors:
            rows = json.loads(options.survivors.read_text())
            names = ("module", "line", "kind", "before", "after")
            mutants = [Mutant(*(row[name] for name in names)) for row in rows if row["outcome"] == "survived"]
        else:
            mutants = draw(lines, options.mutants, options.seed, options.only)[options.skip :]
        results: list[dict[str, object]] = []
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.workers, spawn, _start, (temporary, options.idle)) as pool:
            jobs = [
                pool.submit(attempt, m, options.against or [m.module, *covering(m.module, m.line, lines, seconds)])
                for m in mutants
            ]
            for mutant, job in zip(mutants, jobs, strict=True):
                results.append(job.result())
                options.report.write_text(json.dumps(results, indent=1))
                print(f"{len(results):4d}/{len(mutants)} {results[-1]['outcome']:14s} {mutant.label}", flush=True)
    counted = [row for row in results if row["outcome"] not in ("equivalent", "skipped")]
    killed = sum(str(row["outcome"]).startswith("killed") for row in counted)
    print(f"{killed} of {len(counted)} non-equivalent mutants killed: {killed / max(len(counted), 1):.1%}")


if __name__ == "__main__":
    main()
