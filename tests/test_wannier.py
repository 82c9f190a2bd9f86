"""Leads read from Wannier90: the bands of the file, magnets of two files, and what is refused."""

import importlib.util
from pathlib import Path

import kwant
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kwant_spinjunc as sj
from kwant_spinjunc.wannier import wannier_lead

pytestmark = pytest.mark.skipif(importlib.util.find_spec("sisl") is None, reason="sisl is not installed")

#: The file has six digits, all of them used by the numbers below.
EXACT = 1e-10


def write(path, elements, degeneracy=1):
    """Write H(R) in the format of Wannier90: m runs fastest, elements times the degeneracy of R."""
    size = len(elements[0, 0, 0])
    counts = [f"{degeneracy:5d}"] * len(elements)
    lines = [" written on  1Jan2026 at 00:00:00", f"{size:12d}", f"{len(elements):12d}"]
    lines += ["".join(counts[i : i + 15]) for i in range(0, len(counts), 15)]
    for R, H in elements.items():
        for n, m in np.ndindex(size, size):
            value = complex(H[m, n]) * degeneracy
            lines.append("".join(f"{i:5d}" for i in (*R, m + 1, n + 1)) + f"{value.real:12.6f}{value.imag:12.6f}")
    Path(path).write_text("\n".join(lines) + "\n")


def hermitian(elements):
    """Return H(R) with H(-R) = H(R)† added."""
    H = {}
    for R, h in elements.items():
        H[R] = np.array(h, dtype=complex)
        if any(R):
            H[tuple(-i for i in R)] = H[R].conj().T
    H[0, 0, 0] = (H[0, 0, 0] + H[0, 0, 0].conj().T) / 2
    return H


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), axis=st.integers(0, 2), direction=st.sampled_from([-1, 1]))
def test_the_lead_has_the_bands_of_the_file(seed, axis, direction):
    random = np.random.default_rng(seed)
    vectors = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, -2, 1), (2, 0, -1)]
    # even multiples of 1e-4, so that halves and multiples by the degeneracy fit into six digits
    elements = {R: (random.normal(size=(2, 2)) + 1j * random.normal(size=(2, 2))).round(3) * 2 for R in vectors}
    H = hermitian(elements)
    write("random_hr.dat", H, degeneracy=3)
    k = random.uniform(-3, 3, 2)
    lead = wannier_lead("random_hr.dat", axis=axis, direction=direction, k=k).finalized()
    reach = lead.cell_size
    assert reach == max(R[axis] for R in H)
    momentum = 0.7
    full = np.insert(k, axis, momentum)
    bloch = sum(np.exp(1j * np.dot(full, R)) * h for R, h in H.items())
    # of a period of several cells, Kwant's momentum is that of the period, along the direction of the lead
    bands = kwant.physics.Bands(lead)(direction * momentum * reach)
    for energy in np.linalg.eigvalsh(bloch):
        assert abs(bands - energy).min() < EXACT


def magnet(m, in_plane=0.25):
    return sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=0.8, m=m, in_plane_hopping=in_plane)


def test_two_files_are_the_magnet_of_a_junction():
    for name, level in (("up", 0.6), ("down", 1.4)):
        H = {(0, 0, 0): [[level]], (0, 1, 0): [[-1.0]], (1, 0, 0): [[-0.25]], (0, 0, 1): [[-0.25]]}
        write(f"{name}_hr.dat", hermitian(H))
    k, axes = (0.4, 1.1), (sj.unit_vector(0.0), sj.unit_vector(1.2, 0.3))
    left, right = (
        wannier_lead("up_hr.dat", "down_hr.dat", k=k, m=m, direction=direction)
        for m, direction in zip(axes, (-1, 1), strict=True)
    )
    lattice = next(iter(left.sites())).family
    syst = kwant.Builder()
    syst.fill(left, lambda site: 0 <= site.tag[0] < 3, lattice(0))
    syst.fill(right, lambda site: 3 <= site.tag[0] < 6, lattice(3))
    syst[lattice(2), lattice(3)] = -np.eye(2)
    syst.attach_lead(left)
    syst.attach_lead(right)
    device = sj.Device(
        system=syst.finalized(),
        magnetizations=dict(enumerate(axes)),
        magnets={"left": [lattice(1), lattice(2)], "right": [lattice(3), lattice(4)]},
    )
    s = sj.scatter(device, 0.2)
    junction = sj.Junction(magnet(axes[0]), [], magnet(axes[1]), buffer=3)
    reference = sj.scatter(junction, 0.2, k, solver="halves")
    np.testing.assert_allclose(s.probabilities, reference.probabilities, atol=EXACT)
    for name, planes in (("left", slice(1, 3)), ("right", slice(3, 5))):
        torque = reference.layer_torques[:, planes].sum(axis=1)
        np.testing.assert_allclose(s.torque(name).exchange_total, torque, atol=EXACT)


def test_what_is_no_lead_is_refused():
    H = hermitian({(0, 0, 0): [[0.5]], (0, 1, 0): [[-1.0]]})
    write("chain_hr.dat", H)
    with pytest.raises(sj.ArgumentError, match="along 0 none are"):
        wannier_lead("chain_hr.dat", axis=0)
    with pytest.raises(sj.ArgumentError, match="`path` must be a file, but 'none_hr.dat' does not exist"):
        wannier_lead("none_hr.dat")
    Path("words_hr.dat").write_text("no numbers here\n")
    with pytest.raises(sj.ArgumentError, match=r"must be a seedname_hr.dat of Wannier90, but 'words_hr.dat'"):
        wannier_lead("words_hr.dat")
    write("two_hr.dat", hermitian({(0, 0, 0): np.eye(2), (0, 1, 0): -np.eye(2)}))
    with pytest.raises(sj.ArgumentError, match="`minority` must have the Wannier functions of `path`, but has 2"):
        wannier_lead("chain_hr.dat", "two_hr.dat")
    H[0, -1, 0] = -H[0, 1, 0]
    write("lossy_hr.dat", H)
    with pytest.raises(sj.ArgumentError, match="`path` must be Hermitian"):
        wannier_lead("lossy_hr.dat")
    for options, message in [
        (dict(axis=3), "`axis` must be 0, 1 or 2"),
        (dict(direction=0), "`direction` must be 1 or -1"),
        (dict(k=0.5), "`k` must be two numbers"),
        (dict(cutoff=0), "`cutoff` must be positive"),
        (dict(minority="chain_hr.dat", m=(1, 1, 0)), "`m` must be a unit vector"),
    ]:
        with pytest.raises(sj.ArgumentError, match=message):
            wannier_lead("chain_hr.dat", **options)
