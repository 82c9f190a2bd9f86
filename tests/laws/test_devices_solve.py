"""Kwant's solver in many threads: MUMPS, its sparse solver, is not re-entrant."""

import subprocess
import sys

import kwant
import numpy as np
import pytest
from strategies import repetitions

import kwant_spinjunc as sj
from kwant_spinjunc.devices.solve import block_modes
from systems.tunnel_junction import tunnel_junction

#: Each solver in eight threads, and a fork in the middle; a crash ends this process, not the tests.
SCRIPT = """
import multiprocessing, os, sys, warnings
from concurrent.futures import ThreadPoolExecutor
import numpy as np
import kwant_spinjunc as sj

warnings.simplefilter("ignore")
iron = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
tilted = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0, m=sj.unit_vector(1.0))
junction = sj.Junction(iron, [sj.barrier(onsite=3.0, hopping=1.0, thickness=3)], tilted)
system = sj.build(junction, cross_section=(2, 2)).finalized()
energies = np.linspace(0.0, 0.5, int(sys.argv[1]))
solves = {
    "kwant": lambda E: sj.scatter(junction, E, solver="kwant", cross_section=(2, 2)).probabilities,
    "modes": lambda E: sj.scatter(junction, E, solver="modes", cross_section=(2, 2)).probabilities,
    "halves": lambda E: sj.scatter(junction, E, solver="halves", cross_section=(2, 2)).probabilities,
    "device": lambda E: sj.scatter(system, E).probabilities,
}
for name, solve in solves.items():
    alone = [solve(E) for E in energies]
    with ThreadPoolExecutor(8) as pool:
        running = pool.map(solve, energies)
        if name == "device":
            with multiprocessing.get_context("fork").Pool(1) as forked:
                assert forked.apply(len, ([1],)) == 1
            child = os.fork()
            if not child:
                solve(0.1)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        found = list(running)
    assert all((a == b).all() for a, b in zip(alone, found)), name
print("same")
"""


def test_threads_give_the_same_bits_as_one():
    count = repetitions(8, 16)  # as many as threads at least
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(count)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "same"


def test_what_does_not_depend_on_the_energy_is_looked_at_once(monkeypatch):
    """Cost by counting: an I-V curve asked every lead for its symmetries and Hamiltonian at every energy."""
    system = sj.build(tunnel_junction(theta=1.0)).finalized()
    asked = []
    whole = type(system.leads[0]).discrete_symmetry
    counted = lambda lead, *args, **params: asked.append(lead) or whole(lead, *args, **params)  # noqa: E731
    monkeypatch.setattr(type(system.leads[0]), "discrete_symmetry", counted)
    found = sj.current_voltage(system, [0.05, -0.05])
    assert len(asked) <= 8 < found.solves


def phaseless(waves):
    """Every column with its largest element real: the phase of a mode is nobody's, and differs between versions."""
    if np.ndim(waves) < 2 or not np.size(waves):
        return waves
    largest = np.take_along_axis(waves, abs(waves).argmax(axis=0)[None], axis=0)
    return waves * np.exp(-1j * np.angle(largest))


@pytest.mark.parametrize("hopping", ["full", "of rank one", "none"])
@pytest.mark.parametrize("size", [1, 3])
def test_modes_of_a_block_are_those_that_kwant_returns(size, hopping):
    rng = np.random.default_rng(size)
    h, v = rng.normal(size=(2, size, size)) + 1j * rng.normal(size=(2, size, size))
    v = {"full": v, "of rank one": np.outer(v[0], v[0].conj()), "none": 0 * v}[hopping]
    h = h + h.conj().T
    for found, expected in zip(block_modes(h, v), kwant.physics.modes(h, v), strict=True):
        assert getattr(found, "block_nmodes", None) == getattr(expected, "block_nmodes", None)
        for name in ("wave_functions", "velocities", "momenta", "vecs", "vecslmbdainv", "nmodes", "sqrt_hop"):
            if hasattr(expected, name):
                np.testing.assert_allclose(
                    phaseless(getattr(found, name)), phaseless(getattr(expected, name)), atol=1e-9
                )


@pytest.mark.parametrize("other", [None, lambda cell, hop, options: pytest.fail("another function was called")])
def test_a_kwant_whose_solver_of_a_block_is_another_is_asked_for_whole_leads(other, monkeypatch):
    h, v = np.array([[0.3 + 0j]]), np.array([[-1.0 + 0j]])
    expected = kwant.physics.modes(h, v)
    monkeypatch.setattr(kwant.physics, "modes", lambda *_: expected)
    assert block_modes(h, v) is not expected  # the one that is known is called
    monkeypatch.setattr(kwant.physics.leads, "compute_block_modes", other)
    assert block_modes(h, v) is expected
