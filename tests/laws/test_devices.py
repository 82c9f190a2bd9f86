"""Laws of scattering off any Kwant system: equality with hand-written Kwant, conservation, covariance, guards."""

import ast
import multiprocessing
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import kwant
import numpy as np
import pytest
import tinyarray as ta
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from strategies import examples, junctions, scattering_problems

import kwant_spinjunc as sj
from kwant_spinjunc.devices.spin_operators import kron_order
from kwant_spinjunc.spin import PAULI, sigma

#: Two evaluations of the same Kwant numbers.
SAME = 1e-12
#: Conservation and equality of two routes away from band edges.
CONSERVATION = 1e-10

IDENTITY = np.eye(2)
SX, SY, SZ = PAULI


def middle(position):
    """A cut of all hoppings into x >= position."""
    return lambda site: site.pos[0] >= position


# ---------------------------------------------------------------------- systems of Kwant's documentation
def local_quantities(width=6, length=10, exchange=True):
    """Kwant's tutorial on local quantities: exchange with a magnetic texture, leads with a conservation law."""
    lattice = kwant.lattice.square(norbs=2)
    syst = kwant.Builder()

    def texture(site, r0, delta):
        x, y = site.pos
        r = np.hypot(x - (length - 1) / 2, y - (width - 1) / 2)
        theta = np.pi * (np.tanh((r - r0) / delta) + 1) / 2
        unit = (x - (length - 1) / 2, y - (width - 1) / 2, 1.0) if r == 0 else None
        direction = np.array([0, 0, 1.0]) if unit else np.array([x - (length - 1) / 2, y - (width - 1) / 2, 0]) / r
        return np.array([np.sin(theta) * direction[0], np.sin(theta) * direction[1], np.cos(theta)])

    def onsite(site, J, r0, delta):
        return 4 * IDENTITY + (J * sigma(texture(site, r0, delta)) if exchange else 0)

    syst[(lattice(x, y) for x in range(length) for y in range(width))] = onsite
    syst[lattice.neighbors()] = -IDENTITY
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)), conservation_law=-SZ)
    lead[(lattice(0, y) for y in range(width))] = 4 * IDENTITY
    lead[lattice.neighbors()] = -IDENTITY
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    return syst.finalized(), dict(J=1.0, r0=2.0, delta=1.0)


def spin_orbit_wire(width=4, length=8, alpha=0.5, zeeman=0.2, leads=False):
    """Kwant's tutorial 2.3.1, Rashba and Zeeman; ``leads`` carries Rashba into the leads, as the tutorial does."""
    lattice = kwant.lattice.square(norbs=2)

    def fill(syst, sites, alpha):
        syst[sites] = 4 * IDENTITY + zeeman * SZ
        syst[kwant.builder.HoppingKind((1, 0), lattice, lattice)] = -IDENTITY + 1j * alpha * SY / 2
        syst[kwant.builder.HoppingKind((0, 1), lattice, lattice)] = -IDENTITY - 1j * alpha * SX / 2

    syst = kwant.Builder()
    fill(syst, (lattice(x, y) for x in range(length) for y in range(width)), alpha)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    fill(lead, (lattice(0, y) for y in range(width)), alpha if leads else 0.0)
    # the bond into the lead belongs to the lead
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    return syst.finalized()


def spinless_wire(potential=0.0, width=5, length=8):
    """Kwant's quantum wire, and with a potential its quantum well."""
    lattice = kwant.lattice.square(norbs=1)
    syst = kwant.Builder()
    for x in range(length):
        for y in range(width):
            syst[lattice(x, y)] = 4.0 - (potential if 2 <= x < length - 2 else 0.0)
    syst[lattice.neighbors()] = -1.0
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    lead[(lattice(0, y) for y in range(width))] = 4.0
    lead[lattice.neighbors()] = -1.0
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    return syst.finalized()


def aharonov_bohm_ring(phi=0.7):
    """Kwant's Aharonov-Bohm ring, the flux as a phase on a branch cut."""
    lattice = kwant.lattice.square(norbs=1)
    syst = kwant.Builder()
    syst[lattice.shape(lambda p: 3**2 < p[0] ** 2 + p[1] ** 2 < 7**2, (0, 5))] = 4.0
    syst[lattice.neighbors()] = -1.0
    for hopping in list(syst.hoppings()):
        (x, y), (x2, _) = hopping[0].tag, hopping[1].tag
        if y < 0 and {x, x2} == {0, 1}:
            syst[hopping] = -np.exp(1j * phi * (1 if x2 < x else -1))
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    lead[(lattice(0, y) for y in range(-2, 3))] = 4.0
    lead[lattice.neighbors()] = -1.0
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    return syst.finalized()


def graphene_dot():
    """Kwant's graphene quantum dot with a p-n junction: two site families, leads along two directions."""
    lattice = kwant.lattice.honeycomb(norbs=1)
    a, b = lattice.sublattices
    syst = kwant.Builder()

    def potential(site):
        return 0.1 * np.tanh(np.dot(site.pos, (np.cos(np.pi / 6), np.sin(np.pi / 6))))

    syst[lattice.shape(lambda p: p[0] ** 2 + p[1] ** 2 < 5**2, (0, 0))] = potential
    syst[lattice.neighbors()] = -1.0
    for vector, inside in [
        ((-1, 0), lambda p: -2 < p[1] < 2),
        ((0, 1), lambda p: -2 < p[1] * np.sin(np.pi / 6) - p[0] * np.cos(np.pi / 6) < 2),
    ]:
        symmetry = kwant.TranslationalSymmetry(lattice.vec(vector))
        symmetry.add_site_family(a, other_vectors=[(-1, 2)])
        symmetry.add_site_family(b, other_vectors=[(-1, 2)])
        lead = kwant.Builder(symmetry)
        lead[lattice.shape(inside, (0, 0))] = 0.1
        lead[lattice.neighbors()] = -1.0
        syst.attach_lead(lead)
    return syst.finalized()


def superconductor(length=6):
    """Kwant's tutorial 2.6 in one dimension: an electron-hole conservation law is none of spin."""
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    for x in range(length):
        syst[lattice(x)] = (1.5 + (1.0 if x == 2 else 0.0)) * SZ + (0.3 * SX if x >= 4 else 0)
    syst[lattice.neighbors()] = -SZ
    left = kwant.Builder(kwant.TranslationalSymmetry((-1,)), conservation_law=-SZ)
    left[lattice(0)], left[lattice.neighbors()] = 1.5 * SZ, -SZ
    right = kwant.Builder(kwant.TranslationalSymmetry((1,)))
    right[lattice(0)], right[lattice.neighbors()] = 1.5 * SZ + 0.3 * SX, -SZ
    syst.attach_lead(left)
    syst.attach_lead(right)
    return syst.finalized()


SPINLESS = {
    "quantum wire": (spinless_wire(), 1.05),
    "quantum well": (spinless_wire(potential=0.8), 1.1),
    "Aharonov-Bohm ring": (aharonov_bohm_ring(), 1.3),
    "graphene dot": (graphene_dot(), 1.2),
    "superconductor": (superconductor(), 0.4),
}


@pytest.mark.parametrize("name", SPINLESS)
def test_totals_are_those_of_kwant_on_systems_without_spin(name):
    syst, energy = SPINLESS[name]
    found, wanted = sj.scatter(syst, energy, spin=None), kwant.smatrix(syst, energy)
    count = len(syst.leads)
    expected = [[wanted.transmission(a, b) for b in range(count)] for a in range(count)]
    assert_allclose(found.between_leads(), expected, atol=SAME)
    assert_allclose(found.conductance_matrix(), wanted.conductance_matrix(), atol=CONSERVATION)
    assert np.isnan(found.probabilities).all()
    assert "no spin" in str(found)


def test_spin_tutorial_gives_the_numbers_of_handwritten_kwant():
    syst, params = local_quantities()
    found = sj.scatter(
        syst, 1.2, params=params, cuts={"middle": middle(5)}, magnets={"texture": lambda s: 2 <= s.tag[0] < 8}
    )
    smatrix = kwant.smatrix(syst, 1.2, params=params)
    for out, s, in_, s_in in np.ndindex(2, 2, 2, 2):
        assert abs(found.probabilities[out, s, in_, s_in] - smatrix.transmission((out, s), (in_, s_in))) < SAME

    waves = kwant.wave_function(syst, 1.2, params=params)
    hoppings = [
        (a, b) for a, b in ((syst.sites[i], syst.sites[j]) for i, j in syst.graph) if a.pos[0] == 5 and b.pos[0] == 4
    ]
    for lead in range(2):
        for column, matrix in enumerate([IDENTITY, *PAULI]):
            current = kwant.operator.Current(syst, matrix, where=hoppings, sum=True).bind(params=params)
            density = kwant.operator.Density(syst, matrix).bind(params=params)
            wanted = sum(current(psi) for psi in waves(lead))
            assert abs(found.spin_current("middle", total=True)[lead, column] - wanted) < SAME
            name = ("charge", "x", "y", "z")[column]
            assert_allclose(found.density(name, lead), sum(density(psi) for psi in waves(lead)), atol=SAME)
            everywhere = kwant.operator.Current(syst, matrix).bind(params=params)
            assert_allclose(found.on_lattice(name, lead), sum(everywhere(psi) for psi in waves(lead)), atol=SAME)
        where = [site for site in syst.sites if 2 <= site.tag[0] < 8]
        for axis, matrix in enumerate(PAULI):
            source = kwant.operator.Source(syst, matrix, where=where, sum=True).bind(params=params)
            wanted = -sum(source(psi) for psi in waves(lead))
            torque = found.torque("texture")
            assert abs(torque.exchange[lead, axis] - wanted) < CONSERVATION
            assert abs(torque.spin_orbit[lead, axis]) < CONSERVATION


def test_rashba_wire_gives_torque_to_the_lattice_and_tells_unresolved_leads():
    syst = spin_orbit_wire()
    magnets = {"inside": lambda site: 2 <= site.tag[0] < 6}
    found = sj.scatter(syst, 1.1, magnets=magnets, cuts={"end": middle(6)}, exchange=0.2 * SZ)
    torque = found.torque("inside")
    assert torque.defect < CONSERVATION
    assert abs(torque.spin_orbit).max() > 1e-3
    assert_allclose(torque.total_by_spin, torque.exchange_by_spin + torque.spin_orbit_by_spin, atol=CONSERVATION)
    assert_allclose(torque.site_exchange.sum(axis=1), torque.exchange, atol=SAME)
    assert_allclose(found.probabilities.sum(axis=(0, 1)), found.modes, atol=CONSERVATION)

    unresolved = sj.scatter(spin_orbit_wire(leads=True), 1.1, cuts={"end": middle(6)})
    assert (unresolved.spin_mixing > 1e-3).all()
    assert np.isnan(unresolved.probabilities).all()
    assert "not resolved" in str(unresolved)
    assert "do not conserve" in str(unresolved)
    smatrix = kwant.smatrix(spin_orbit_wire(leads=True), 1.1)
    assert abs(unresolved.transmission(1, 0) - smatrix.transmission(1, 0)) < SAME
    assert abs(unresolved.spin_current("end", total=True)[0, 0] - unresolved.transmission(1, 0)) < CONSERVATION


# ---------------------------------------------------------------------- random multi-orbital systems
def hermitian(rng, n):
    matrix = rng.normal(size=(n, n))
    return (matrix + matrix.T) / 2


def random_system(seed, orbitals, order, spin_orbit, law=True, gauge=None, rotation=None):
    """A random chain of two site families, exchange in random directions, a magnetic lead on each end."""
    rng = np.random.default_rng(seed)
    families = [
        kwant.lattice.Monatomic([[1, 0], [0, 1]], offset=(0, 0.1 * i), name=f"f{i}", norbs=2 * orbitals)
        for i in range(2)
    ]
    U = np.eye(2) if rotation is None else rotation

    def kron(orbital, spin):
        spin = U @ spin @ U.conj().T
        return np.kron(spin, orbital) if order == "spin-orbital" else np.kron(orbital, spin)

    def vector():
        v = rng.normal(size=3)
        return v / np.linalg.norm(v)

    def gauged(site):
        if gauge is None:
            return np.eye(2 * orbitals)
        r = np.random.default_rng([gauge, site.tag[0] + 100])
        q = r.normal(size=4)
        q /= np.linalg.norm(q)
        V = q[0] * IDENTITY + 1j * (q[1] * SX + q[2] * SY + q[3] * SZ)
        return np.kron(V, np.eye(orbitals)) if order == "spin-orbital" else np.kron(np.eye(orbitals), V)

    length = 8
    sites = [families[x % 2](x, 0) for x in range(length)]
    syst = kwant.Builder()
    axes = []
    for site in sites:
        h = kron(hermitian(rng, orbitals), IDENTITY)
        if 2 <= site.tag[0] < 6:
            h = h + kron(np.eye(orbitals) * rng.uniform(0.2, 1), -sigma(vector()))
            if spin_orbit and orbitals > 1:
                L = np.zeros((orbitals, orbitals), complex)
                L[0, 1], L[1, 0] = -1j, 1j
                h = h + 0.3 * kron(L, sigma(vector()))
        syst[site] = gauged(site) @ h @ gauged(site).conj().T
    for a, b in zip(sites[1:], sites[:-1], strict=True):
        t = kron(-np.eye(orbitals) + 0.2 * rng.normal(size=(orbitals, orbitals)), IDENTITY)
        if spin_orbit and 2 <= b.tag[0] < 5:
            t = t + kron(1j * 0.3 * rng.normal(size=(orbitals, orbitals)), sigma(vector()))
        syst[a, b] = gauged(a) @ t @ gauged(b).conj().T
    for site, direction in [(sites[0], -1), (sites[-1], 1)]:
        m = vector()
        turned = np.real([np.trace(U @ sigma(m) @ U.conj().T @ s) / 2 for s in PAULI])
        axes.append(turned)
        V = gauged(site)  # one gauge for all of a lead
        own = V @ kron(np.eye(orbitals), -sigma(m)) @ V.conj().T
        lead = kwant.Builder(
            kwant.TranslationalSymmetry((2 * direction, 0)), conservation_law=ta.array(own, complex) if law else None
        )
        other = families[1 - site.tag[0] % 2](site.tag[0] + direction, 0)
        value = V @ (kron(hermitian(rng, orbitals) * 0.3, IDENTITY)) @ V.conj().T + 0.3 * own
        lead[site] = lead[other] = value
        lead[other, site] = lead[other.family(*other.tag), site.family(site.tag[0] + 2 * direction, 0)] = -np.eye(
            2 * orbitals
        )
        syst.attach_lead(lead)
    return syst.finalized(), dict(enumerate(axes)), gauged


systems = dict(
    seed=st.integers(0, 10**6), orbitals=st.integers(1, 3), order=st.sampled_from(["spin-orbital", "orbital-spin"])
)
#: The orbitals of these systems are real and their Hamiltonians have no phases, so that time reversal tells exchange.
REAL = "time-reversal"
INSIDE = {"inside": lambda site: 2 <= site.tag[0] < 6}
CUTS = {"far": middle(7), "near": middle(1)}


@given(**systems, spin_orbit=st.booleans(), law=st.booleans())
@examples(6, full=15)
def test_random_systems_conserve_charge_and_account_for_spin(seed, orbitals, order, spin_orbit, law):
    syst, axes, _ = random_system(seed, orbitals, order, spin_orbit, law)
    found = sj.scatter(syst, 0.123, spin=order, magnetizations=axes, cuts=CUTS, magnets=INSIDE, exchange=REAL)
    assert found.unitarity_defect < CONSERVATION
    assert_allclose(found.probabilities.sum(axis=(0, 1)), found.modes, atol=CONSERVATION)
    assert_allclose(found.probabilities.sum(axis=(2, 3)), found.modes, atol=CONSERVATION)
    assert_allclose(found.conductance_matrix(spins=True).sum(axis=(2, 3)), 0, atol=SAME)
    torque = found.torque("inside")
    assert torque.defect < CONSERVATION
    if not spin_orbit:
        assert_allclose(torque.spin_orbit, 0, atol=CONSERVATION)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sj.NearSideWarning)
        near, far = found.spin_current("near", total=True), found.spin_current("far", total=True)
    assert_allclose((near - far)[:, 1:], torque.total, atol=CONSERVATION)
    beyond = found.probabilities[1, :, 0, :]
    along = found.spin_current("far")[0, :, 1:] @ found.magnetizations[1]
    assert_allclose(along, beyond[0] - beyond[1], atol=CONSERVATION)


@given(**systems)
@examples(5, full=10)
def test_spin_is_told_without_a_conservation_law_as_with_it(seed, orbitals, order):
    lawful, lawless = (random_system(seed, orbitals, order, True, law) for law in (True, False))
    first = sj.scatter(lawful[0], 0.123, spin=order, magnetizations=lawful[1])
    second = sj.scatter(lawless[0], 0.123, spin=order)  # axes inferred from the exchange of the leads
    assert_allclose(second.magnetizations, [lawful[1][0], lawful[1][1]], atol=SAME)
    assert_allclose(first.probabilities, second.probabilities, atol=CONSERVATION)
    smatrix = kwant.smatrix(lawful[0], 0.123)
    for out, s, in_, s_in in np.ndindex(2, 2, 2, 2):
        assert abs(first.probabilities[out, s, in_, s_in] - smatrix.transmission((out, s), (in_, s_in))) < CONSERVATION


@given(**systems, gauge=st.integers(0, 1000))
@examples(5, full=10)
def test_a_random_spin_gauge_on_every_site_changes_nothing(seed, orbitals, order, gauge):
    plain, axes, _ = random_system(seed, orbitals, order, True)
    turned, _, gauged = random_system(seed, orbitals, order, True, gauge=gauge)
    base = [np.kron(s, np.eye(orbitals)) if order == "spin-orbital" else np.kron(np.eye(orbitals), s) for s in PAULI]

    def local(site):
        # beyond the region a lead keeps the gauge of its last site
        x = min(max(site.tag[0], 0), 7)
        V = gauged(site.family(x, 0))
        return [V @ s @ V.conj().T for s in base]

    first = sj.scatter(plain, 0.123, spin=order, magnetizations=axes, magnets=INSIDE, exchange=REAL)
    second = sj.scatter(turned, 0.123, spin=local, magnetizations=axes, magnets=INSIDE, exchange=REAL)
    assert_allclose(first.probabilities, second.probabilities, atol=CONSERVATION)
    for part in ("exchange_by_spin", "spin_orbit_by_spin", "total_by_spin"):
        assert_allclose(
            getattr(first.torque("inside"), part), getattr(second.torque("inside"), part), atol=CONSERVATION
        )


@given(**systems, angles=st.tuples(st.floats(0, 3), st.floats(0, 3)))
@examples(5, full=10)
def test_rotating_all_spins_rotates_torques_and_leaves_probabilities(seed, orbitals, order, angles):
    U = sj.spin.spinors(sj.unit_vector(*angles))
    R = np.real([[np.trace(a @ U @ b @ U.conj().T) / 2 for b in PAULI] for a in PAULI])
    plain, axes, _ = random_system(seed, orbitals, order, True)
    turned, turned_axes, _ = random_system(seed, orbitals, order, True, rotation=U)
    first = sj.scatter(plain, 0.123, spin=order, magnetizations=axes, magnets=INSIDE, exchange=REAL)
    second = sj.scatter(turned, 0.123, spin=order, magnetizations=turned_axes, magnets=INSIDE, exchange=REAL)
    assert_allclose(first.probabilities, second.probabilities, atol=CONSERVATION)
    for part in ("exchange", "spin_orbit", "total"):
        assert_allclose(
            getattr(first.torque("inside"), part) @ R.T, getattr(second.torque("inside"), part), atol=CONSERVATION
        )


@given(problem=scattering_problems(junctions()))
@examples(5, full=25)
def test_a_junction_and_its_kwant_system_give_the_same(problem):
    junction, energy, _ = problem
    wanted = sj.scatter(junction, energy)
    planes = len(junction.planes)
    syst = sj.build(junction.padded(), first_plane=-1).finalized()
    found = sj.scatter(
        syst,
        energy,
        magnetizations={0: junction.left.m, 1: junction.right.m}
        if junction.left.splitting and junction.right.splitting
        else None,
        magnets={str(n): (lambda site, n=n: site.tag[1] == n) for n in range(planes)},
        cuts={str(n): (lambda site, n=n: site.tag[1] > n) for n in range(planes - 1)},
    )
    if junction.left.splitting and junction.right.splitting:
        assert_allclose(found.probabilities, wanted.probabilities, atol=CONSERVATION)
    assert_allclose(found.between_leads(), wanted.probabilities.sum(axis=(1, 3)), atol=CONSERVATION)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sj.NearSideWarning)
        for n in range(planes - 1):
            assert_allclose(found.spin_current(str(n), total=True), wanted.bond_currents[:, n], atol=CONSERVATION)
    for n in range(planes):
        assert_allclose(found.torque(str(n)).exchange, wanted.layer_torques[:, n], atol=CONSERVATION)


# ---------------------------------------------------------------------- inference, leads, results
@pytest.mark.parametrize("order", ["spin-orbital", "orbital-spin"])
def test_the_order_of_spin_and_orbitals_is_told_by_declared_magnetizations(order):
    plain, plain_axes, _ = random_system(3, 2, order, spin_orbit=False, law=False)
    lawful, lawful_axes, _ = random_system(3, 2, order, spin_orbit=True, law=True)
    for syst, axes in ((plain, plain_axes), (lawful, lawful_axes)):
        auto, told = sj.scatter(syst, 0.1, magnetizations=axes), sj.scatter(syst, 0.1, spin=order, magnetizations=axes)
        assert auto.device.spin_operator().spec == order
        assert_allclose(auto.probabilities, told.probabilities, atol=SAME)


def two_orbital_rashba(order, flux=0.0, law=None):
    """A chain of two orbitals whose Rashba hopping, read in the other order, is a mixing of orbitals."""
    lattice = kwant.lattice.chain(norbs=4)
    hop = -np.eye(2) + 0.4j * SY
    hop = np.exp(1j * flux) * (np.kron(hop, np.eye(2)) if order == "spin-orbital" else np.kron(np.eye(2), hop))
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(5))] = np.diag([0.0, 0.1, 0.2, 0.4])
    syst[lattice.neighbors()] = hop
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)), conservation_law=law)
        lead[lattice(0)], lead[lattice.neighbors()] = np.zeros((4, 4)), -np.eye(4)
        syst.attach_lead(lead)
    return syst.finalized()


@pytest.mark.parametrize("order", ["spin-orbital", "orbital-spin"])
@pytest.mark.parametrize("flux", [0.0, 0.3])
def test_an_ambiguous_order_is_refused_with_both_ways_to_write_it(order, flux):
    # regression: Rashba hopping commutes with S of the wrong order, which was taken silently
    with pytest.raises(sj.ArgumentError, match=r"np\.kron\(σ_i, np\.eye.*np\.kron\(np\.eye"):
        sj.scatter(two_orbital_rashba(order, flux), 0.1)
    # nor does a conservation law tell: it may be one of an orbital, a layer or a sublattice
    law = ta.array(-kron_order(order, 4)[2])
    with pytest.raises(sj.ArgumentError, match="`spin` must be given"):
        sj.scatter(two_orbital_rashba(order, flux, law=law), 0.1)


@pytest.mark.parametrize("order", ["spin-orbital", "orbital-spin"])
def test_hoppings_of_several_orbitals_do_not_tell_the_order(order):
    syst, axes, _ = random_system(3, 2, order, spin_orbit=True, law=False)
    with pytest.raises(sj.ArgumentError, match="`spin` must be given"):
        sj.scatter(syst, 0.1)
    assert sj.scatter(syst, 0.1, magnetizations=axes).device.spin_operator().spec == order


def test_a_nonmagnetic_lead_is_resolved_along_its_conservation_law():
    lattice = kwant.lattice.chain(norbs=2)
    m = sj.unit_vector(1.0, 0.5)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(4))] = 0.5 * sigma(sj.unit_vector(0.3, 2.0))
    syst[lattice.neighbors()] = -IDENTITY
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)), conservation_law=ta.array(-sigma(m), complex))
        lead[lattice(0)], lead[lattice.neighbors()] = 0 * IDENTITY, -IDENTITY
        syst.attach_lead(lead)
    syst = syst.finalized()
    found, smatrix = sj.scatter(syst, 0.2), kwant.smatrix(syst, 0.2)
    assert_allclose(found.magnetizations, [m, m], atol=SAME)
    for out, s, in_, s_in in np.ndindex(2, 2, 2, 2):
        assert abs(found.probabilities[out, s, in_, s_in] - smatrix.transmission((out, s), (in_, s_in))) < SAME


def test_precalculated_leads_are_respected():
    syst, params = local_quantities()
    wanted = sj.scatter(syst, 1.2, params=params)
    found = sj.scatter(syst.precalculate(1.2, what="modes", params=params), 1.2, params=params)
    assert_allclose(found.probabilities, wanted.probabilities, atol=SAME)
    # regression: the check asked modes for a self-energy that was not precalculated, a bare ValueError
    assert sj.scatter(syst.precalculate(1.2, what="modes", params=params), 1.2, params=params, check=True).check < SAME
    with pytest.raises(sj.ArgumentError, match="what='modes'"):
        sj.scatter(syst.precalculate(1.2, what="selfenergy", params=params), 1.2, params=params)


def test_leads_whose_modes_come_in_any_order_are_the_same_and_those_without_sites_refused():
    m = sj.unit_vector(0.4, 0.3)

    def wire(kind):
        lattice = kwant.lattice.square(norbs=2)
        syst = kwant.Builder()
        syst[(lattice(x, y) for x in range(4) for y in range(3))] = lambda site: (
            -sigma(m) / 3 - 0.2 * site.tag[1] * sigma([1.0, 0.0, 0.0])
        )
        syst[lattice.neighbors()] = -IDENTITY
        for direction in (-1, 1):
            lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0)))
            lead[(lattice(0, y) for y in range(3))] = -sigma(m) / 3
            lead[lattice.neighbors()] = -IDENTITY
            if kind == "builder":
                syst.attach_lead(lead)
                continue
            interface = [lattice(0 if direction < 0 else 3, y) for y in range(3)]
            syst.leads.append(kind(lead.finalized(), interface))
        return sj.Device(system=syst.finalized(), magnetizations={0: m, 1: m})

    def shuffled(lead, interface):
        def modes(energy, args=()):
            propagating, stabilized = lead.modes(energy)
            n = propagating.wave_functions.shape[1] // 2
            order = np.concatenate(
                [np.random.default_rng(1).permutation(n), n + np.random.default_rng(2).permutation(n)]
            )
            fields = ("wave_functions", "velocities", "momenta")
            moved = kwant.physics.PropagatingModes(*(getattr(propagating, name)[..., order] for name in fields))
            rest = np.concatenate([order, np.arange(2 * n, stabilized.vecs.shape[1])])
            columns = stabilized.vecs[:, rest], stabilized.vecslmbdainv[:, rest]
            return moved, kwant.physics.StabilizedModes(*columns, stabilized.nmodes, stabilized.sqrt_hop)

        return kwant.builder.ModesLead(modes, interface, [])

    class Bare(kwant.system.InfiniteSystem):
        def __init__(self, lead):
            self.graph, self.cell_size, self.lead = lead.graph, lead.cell_size, lead

        def hamiltonian(self, *given, **params):
            return self.lead.hamiltonian(*given, **params)

    class BareLead(kwant.builder.Lead):
        def __init__(self, lead, interface):
            self.lead, self.interface, self.padding = lead, interface, []

        def finalized(self):
            return Bare(self.lead)

    wanted, found = (sj.scatter(wire(kind), 0.3) for kind in ("builder", shuffled))
    assert np.isfinite(wanted.probabilities).all()
    assert_allclose(found.probabilities, wanted.probabilities, atol=SAME)
    with pytest.raises(sj.ArgumentError, match="leads that know their sites, but lead 0 is a low-level Bare"):
        wire(BareLead)


def test_equal_potentials_drive_nothing_and_currents_sum_to_zero():
    syst, params = local_quantities()
    found = sj.scatter(syst, 1.2, params=params)
    assert not found.currents([0.3, 0.3]).any()
    assert not found.currents([[0.3, 0.3], [0.3, 0.3]]).any()
    mu = np.array([[0.3, 0.1], [-0.2, 0.4]])
    assert abs(found.currents(mu).sum()) < CONSERVATION
    G = found.conductance_matrix(spins=True)
    assert_allclose(found.currents(mu), np.einsum("asbt,bt->as", G, mu), atol=CONSERVATION)


def test_small_bias_gives_linear_response_and_heat_alone_drives_nothing():
    syst = sj.build(sj.Junction(IRON, [sj.barrier(onsite=3.0, hopping=1.0, thickness=2)], IRON)).finalized()
    device = sj.Device(system=syst)
    mu = np.array([[5e-5, 5e-5], [-5e-5, -5e-5]])
    bias = sj.current_voltage(device, mu)
    assert_allclose(bias.charge, sj.scatter(device, 0.0).currents(mu[:, 0]), rtol=1e-6)
    assert not sj.current_voltage(device, 0 * mu, temperature=0.01).charge.any()


IRON = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)


def pickled_sum(device):
    """Solve in another process."""
    return sj.scatter(device, 1.0)


def test_devices_and_results_pass_between_processes():
    junction = sj.Junction(IRON, [sj.barrier(onsite=3.0, hopping=1.0, thickness=2)], IRON)
    syst = sj.build(junction.padded()).finalized()
    sites = {site.tag[1]: site for site in syst.sites}
    device = sj.Device(system=syst, cuts={"c": [(sites[2], sites[1])]}, magnets={"m": [sites[1], sites[2]]})
    with multiprocessing.get_context("fork").Pool(1) as pool:
        found = pool.apply(pickled_sum, (device,))
    wanted = sj.scatter(device, 1.0)
    assert_allclose(found.probabilities, wanted.probabilities, atol=SAME)
    assert_allclose(found.spin_current("c"), wanted.spin_current("c"), atol=SAME)
    assert_allclose(found.torque("m").exchange_by_spin, wanted.torque("m").exchange_by_spin, atol=SAME)
    table = found.to_dataset()
    assert list(table["flux_by_spin"].dims) == ["cut", "lead_in", "spin_in", "component"]
    assert_allclose(table["flux"][0], wanted.spin_current("c", total=True), atol=SAME)
    for kind in ("exchange", "spin_orbit", "total"):
        assert_allclose(table[f"{kind}_torque"][0], getattr(wanted.torque("m"), kind), atol=SAME)
    with pytest.raises(sj.ArgumentError, match="was pickled"):
        found.torque("other")
    assert pickle.loads(pickle.dumps(found)).energy == 1.0


def test_results_open_as_tables():
    pytest.importorskip("pandas")
    syst, params = local_quantities()
    found = sj.scatter(syst, 1.2, params=params)
    assert len(found.to_dataframe()) == 16
    assert found.to_dataset()["probabilities"].attrs["units"] == "1"


def test_flux_and_torque_are_drawn_on_the_lattice():
    from kwant_spinjunc.plot.devices import plot_device

    syst, params = local_quantities()
    found = sj.scatter(syst, 1.2, params=params, magnets={"texture": lambda site: 2 <= site.tag[0] < 8})
    figure = plot_device(found, "texture", axis="x")
    assert figure.axes[1].get_title(loc="left") == "Torque on texture"
    low, high = figure.axes[1].collections[0].get_clim()
    largest = abs((found.torque("texture").site_exchange + found.torque("texture").site_spin_orbit)[0, :, 0]).max()
    assert high == -low == pytest.approx(largest)
    with pytest.raises(sj.ArgumentError, match="axis"):
        plot_device(found, "texture", axis="w")


# ---------------------------------------------------------------------- guards
def test_spin_that_does_not_fit_the_orbitals_is_refused():
    syst, params = local_quantities()
    for spin, message in [
        ([np.kron(s, np.eye(2)) for s in PAULI], "norbs = 2"),
        ([s / 2 for s in PAULI], "algebra of Pauli"),
        ("upside-down", "must be one of"),
        ({"other": "spin-orbital"}, "every site family"),
    ]:
        with pytest.raises(sj.ArgumentError, match=message):
            sj.scatter(syst, 1.2, params=params, spin=spin)
    with pytest.raises(sj.ArgumentError, match="spin=None"):
        sj.scatter(spinless_wire(), 1.0)


def test_exchange_of_a_lead_across_or_against_the_declared_axis_is_refused():
    syst = sj.build(sj.Junction(IRON, [IRON], IRON)).finalized()
    for m in ([1, 0, 0], [0, 0, -1]):
        with pytest.raises(sj.ArgumentError, match="exchange field of the lead"):
            sj.scatter(syst, 0.0, magnetizations={0: m})


def test_a_conservation_law_that_does_not_commute_is_refused():
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(3))] = IDENTITY
    syst[lattice.neighbors()] = -IDENTITY
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)), conservation_law=-SZ)
    lead[lattice(0)], lead[lattice.neighbors()] = IDENTITY + 0.3 * SX, -IDENTITY
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    with pytest.raises(sj.ArgumentError, match="commute with their conservation law"):
        sj.scatter(syst.finalized(), 1.0)


def test_cuts_that_do_not_separate_the_leads_are_refused():
    syst, params = local_quantities()
    site = {tuple(s.tag): s for s in syst.sites}
    for cut in (
        [(site[5, 0], site[4, 0])],
        sj.between(lambda s: s.tag[0] == 4 and s.tag[1] < 3, lambda s: s.tag[0] == 5),
        lambda s: s.tag == (5, 3),
    ):
        with pytest.raises(sj.ArgumentError, match="must separate the leads"):
            sj.scatter(syst, 1.2, params=params).spin_current(cut)
    good = sj.between(lambda s: s.tag[0] == 4, lambda s: s.tag[0] == 5)
    found = sj.scatter(syst, 1.2, params=params)
    assert_allclose(found.spin_current(good), found.spin_current(middle(5)), atol=SAME)


def test_sites_of_a_lead_are_refused_with_the_buffer_cell_as_way_out():
    syst, params = local_quantities()
    found = sj.scatter(syst, 1.2, params=params)
    outside = syst.leads[0].sites[0].family(-7, 0)
    for refused in (
        lambda: found.torque([outside]),
        lambda: found.torque(lambda site: site.tag[0] == 0),
        lambda: found.spin_current([(outside, outside)]),
    ):
        with pytest.raises(sj.ArgumentError, match="add_cells=1"):
            refused()


def test_energy_outside_every_band_is_refused():
    syst, params = local_quantities()
    with pytest.raises(sj.NoOpenChannelError, match="no channel is open"):
        sj.scatter(syst, -9.0, params=params)


def test_a_single_wave_function_is_refused():
    syst, params = local_quantities()
    device = sj.Device(system=syst, params=params, cuts={"middle": middle(5)})
    waves = kwant.wave_function(syst, 1.2, params=params)(0)
    assert_allclose(
        device.flux(waves, "middle"), sj.scatter(device, 1.2).spin_current("middle", total=True)[0], atol=CONSERVATION
    )
    with pytest.raises(sj.ArgumentError, match="all modes of a lead"):
        device.flux(waves[0], "middle")


def test_a_barrier_with_levels_below_the_energy_warns():
    junction = sj.Junction(IRON, [sj.barrier(onsite=3.0, hopping=1.0, thickness=3)], IRON)
    syst = sj.build(junction).finalized()
    barriers = {"oxide": lambda site: 1 <= site.tag[1] < 4}
    sj.scatter(syst, 0.5, barriers=barriers)
    with pytest.warns(sj.BarrierWarning, match="without tunneling"):
        sj.scatter(syst, 2.0, barriers=barriers)


def test_a_junction_warns_once_of_a_barrier_that_conducts_where_a_lead_does():
    low = sj.Junction(IRON, [sj.barrier(onsite=3.0, hopping=1.0, thickness=3)] * 2, IRON)
    sj.scatter(low, 0.5)
    for energy, k, solver in [(2.0, None, None), ([0.0, 2.0], None, None), (2.0, "average", None)]:
        with pytest.warns(sj.BarrierWarning, match="around the energy 2, where") as caught:
            sj.scatter(low, energy, k, solver=solver)
        assert len(caught) == 1
        assert caught[0].filename == __file__
    sj.scatter(sj.Junction(IRON, [sj.normal_metal(onsite=3.0, hopping=1.0, thickness=3)], IRON), 2.0)
    assert sj.barrier(onsite=3.0, hopping=1.0, thickness=3) == sj.Layer(3.0, 1.0, thickness=3)


def test_a_barrier_is_judged_at_the_transverse_modes_where_a_lead_is_open():
    magnet = sj.ferromagnet(onsite=0.0, hopping=0.5, splitting=0.2, in_plane_hopping=1.0)
    # the barrier conducts at Γ, where the leads are closed at this energy, and not where they are open
    layer = sj.barrier(onsite=6.0, hopping=0.5, in_plane_hopping=1.5, thickness=2)
    junction = sj.Junction(magnet, [layer], magnet)
    section = dict(cross_section=(2, 2), boundary="periodic")
    sj.scatter(junction, 0.3, **section)
    with pytest.warns(sj.BarrierWarning):
        sj.scatter(sj.Junction(magnet, [sj.barrier(onsite=0.5, hopping=0.5, thickness=2)], magnet), 0.3, **section)


def test_a_transmission_below_the_resolution_of_the_near_side_warns():
    junction = sj.Junction(IRON, [sj.barrier(onsite=40.0, hopping=1.0, thickness=8)], IRON)
    syst = sj.build(junction).finalized()
    found = sj.scatter(syst, 0.0)
    with pytest.warns(sj.NearSideWarning, match="far side"):
        found.spin_current(lambda site: site.tag[1] >= 1)


def test_builders_and_settings_of_the_other_kind_are_refused():
    junction = sj.Junction(IRON, [IRON], IRON)
    with pytest.raises(sj.ArgumentError, match="finalized"):
        sj.scatter(sj.build(junction), 0.0)
    with pytest.raises(sj.ArgumentError, match="left out for a Kwant system"):
        sj.scatter(sj.build(junction).finalized(), 0.0, solver="halves")
    with pytest.raises(sj.ArgumentError, match="left out for a Junction"):
        sj.scatter(junction, 0.0, cuts={})


# ---------------------------------------------------------------------- import
def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, kwant_spinjunc as sj; sj.Junction; sj.unit_vector; import kwant_spinjunc.theory.julliere;"
        "print([name for name in ('kwant', 'xarray', 'matplotlib', 'pandas', 'tqdm') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_resolves_and_has_one_home():
    stub = ast.parse(Path(sj.__file__).with_suffix(".pyi").read_text())
    imported = [alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(imported) == sorted(set(imported)) == sorted(set(sj.__all__) | {"__version__"})
    for name in sj.__all__:
        assert getattr(sj, name) is not None
