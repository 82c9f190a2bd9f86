"""Laws of devices with several leads, against dense Green's functions, and of their currents at finite bias."""

import warnings

import kwant
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit
from strategies import examples, repetitions

import kwant_spinjunc as sj
from kwant_spinjunc.spin import PAULI, sigma

#: Two routes away from band edges; dense inverses lose two digits more than the solver.
ROUTES = 1e-10
#: Integrals over energy to the tolerance asked for.
QUADRATURE = 1e-6

ENERGY = 0.123
SLAB = {"slab": lambda site: 1 <= site.tag[0] < 5 and site.tag[1] == 0}
#: The dense reference costs a hundred times the solver.
FEW = examples(10)


def kron(order, orbital, spin):
    return np.kron(spin, orbital) if order == "spin-orbital" else np.kron(orbital, spin)


def three_terminals(seed, orbitals, order, spin_orbit=0.3, reverse=False, third=1.0):
    """A random ribbon, magnetic leads left, right and on top; ``reverse`` turns all exchange fields around."""
    rng = np.random.default_rng(seed)
    lattice = kwant.lattice.square(norbs=2 * orbitals)
    sign = -1 if reverse else 1

    def vector():
        v = rng.normal(size=3)
        return v / np.linalg.norm(v)

    def symmetric():
        matrix = rng.normal(size=(orbitals, orbitals))
        return (matrix + matrix.T) / 2

    identity, L = np.eye(orbitals), np.zeros((orbitals, orbitals), complex)
    if orbitals > 1:
        L[0, 1], L[1, 0] = -1j, 1j
    syst = kwant.Builder()
    for x in range(6):
        for y in range(2):
            syst[lattice(x, y)] = (
                kron(order, symmetric(), np.eye(2))
                - 0.5 * sign * kron(order, identity, sigma(vector()))
                + spin_orbit * kron(order, L, sigma(vector()))
            )
    for shift in ((1, 0), (0, 1)):
        for a, b in list(kwant.builder.HoppingKind(shift, lattice)(syst)):
            syst[a, b] = kron(order, -identity + 0.2 * rng.normal(size=(orbitals, orbitals)), np.eye(2))
            syst[a, b] = syst[a, b] + spin_orbit * kron(
                order, 1j * rng.normal(size=(orbitals, orbitals)), sigma(vector())
            )
    axes = {}
    for number, (direction, tags) in enumerate(
        [((-1, 0), [(0, 0), (0, 1)]), ((1, 0), [(0, 0), (0, 1)]), ((0, 1), [(2, 1), (3, 1)])]
    ):
        axes[number] = sign * vector()
        lead = kwant.Builder(kwant.TranslationalSymmetry(direction))
        for tag in tags:
            lead[lattice(*tag)] = kron(order, 0.3 * symmetric(), np.eye(2)) - 0.3 * kron(
                order, identity, sigma(axes[number])
            )
        lead[lattice.neighbors()] = -np.eye(2 * orbitals)
        added = [lattice(x, 2) for x in (2, 3)]
        if number == 2:  # the last bond before the top lead, which decouples it
            syst[added] = lead[lattice(2, 1)]
            syst[added[0], added[1]] = -np.eye(2 * orbitals)
            for site in added:
                syst[site, lattice(site.tag[0], 1)] = -third * np.eye(2 * orbitals)
        syst.attach_lead(lead)
    return syst.finalized(), axes


problems = dict(
    seed=st.integers(0, 10**6), orbitals=st.integers(1, 3), order=st.sampled_from(["spin-orbital", "orbital-spin"])
)


@given(**problems)
@FEW
def test_dense_greens_functions_give_the_same_probabilities_and_torques(seed, orbitals, order):
    syst, axes = three_terminals(seed, orbitals, order)
    # orbitals are real and there is no flux
    found = sj.scatter(syst, ENERGY, spin=order, magnetizations=axes, magnets=SLAB, exchange="time-reversal")
    H, n = syst.hamiltonian_submatrix(), 2 * orbitals
    everywhere = np.arange(len(H)).reshape(-1, n)
    S = [np.kron(np.eye(len(syst.sites)), kron(order, np.eye(orbitals), s)) for s in PAULI]
    total, rates = np.zeros_like(H), []
    for number, lead in enumerate(syst.leads):
        own = np.zeros_like(H)
        orbs = everywhere[syst.lead_interfaces[number]].ravel()
        own[np.ix_(orbs, orbs)] = lead.selfenergy(ENERGY)
        along = sum(x * s for x, s in zip(axes[number], S, strict=True))
        P = [(np.eye(len(H)) + sign * along) / 2 for sign in (1, -1)]
        rates.append([p @ (1j * (own - own.conj().T)) @ p for p in P])
        total += own
    G = np.linalg.inv(ENERGY * np.eye(len(H)) - H - total)
    filled = [[G @ rate @ G.conj().T for rate in own] for own in rates]
    for a, s, b, r in np.ndindex(3, 2, 3, 2):
        if a != b:
            wanted = np.vdot(rates[a][s], filled[b][r]).real  # hermitian: the trace of the product
            assert abs(found.probabilities[a, s, b, r] - wanted) < ROUTES

    torque = found.torque("slab")
    orbs = everywhere[torque.sites].ravel()
    inside = np.zeros_like(H)
    inside[np.ix_(orbs, orbs)] = H[np.ix_(orbs, orbs)]
    # orbitals are real, so that complex conjugation and a rotation by π about y reverse time
    odd = (inside - S[1] @ inside.conj() @ S[1]) / 2
    selected = np.zeros(len(H))
    selected[orbs] = 1
    for axis, s in enumerate(S):
        own = s * selected
        parts = {
            "exchange_by_spin": s @ odd - odd @ s,
            "spin_orbit_by_spin": s @ (inside - odd) - (inside - odd) @ s,
            "total_by_spin": (H - inside) @ own - own @ (H - inside),
        }
        for name, commutator in parts.items():
            for b, r in np.ndindex(3, 2):
                wanted = np.vdot(-1j * commutator.conj().T, filled[b][r]).real
                assert abs(getattr(torque, name)[b, r, axis] - wanted) < ROUTES


@given(**problems)
@FEW
def test_currents_of_three_leads_sum_to_zero(seed, orbitals, order):
    syst, axes = three_terminals(seed, orbitals, order)
    found = sj.scatter(syst, ENERGY, spin=order, magnetizations=axes)
    assert_allclose(found.probabilities.sum(axis=(0, 1)), found.modes, atol=ROUTES)
    mu = np.array([[0.2, 0.1], [-0.3, 0.4], [0.0, -0.1]])
    assert abs(found.currents(mu).sum()) < ROUTES
    assert_allclose(found.currents(mu), np.einsum("asbt,bt->as", found.conductance_matrix(spins=True), mu), atol=ROUTES)
    assert abs(found.currents([0.2, -0.3, 0.1]).sum()) < ROUTES


@given(**problems)
@FEW
def test_reversed_magnets_exchange_the_leads(seed, orbitals, order):
    first, second = (
        sj.scatter(syst, ENERGY, spin=order, magnetizations=axes).probabilities
        for syst, axes in (three_terminals(seed, orbitals, order, reverse=reverse) for reverse in (False, True))
    )
    assert_allclose(first, second.transpose(2, 3, 0, 1), atol=ROUTES)


def test_a_decoupled_third_lead_leaves_two_terminals():
    syst, axes = three_terminals(5, 2, "spin-orbital", third=0.0)
    found = sj.scatter(syst, ENERGY, spin="spin-orbital", magnetizations=axes)
    pair = found.probabilities[:2, :, :2, :]
    assert abs(found.between_leads()[2, :2]).max() < ROUTES
    assert abs(found.between_leads()[:2, 2]).max() < ROUTES
    assert_allclose(pair.sum(axis=(0, 1)), found.modes[:2], atol=ROUTES)
    joined = sj.scatter(three_terminals(5, 2, "spin-orbital")[0], ENERGY, spin="spin-orbital", magnetizations=axes)
    assert abs(joined.between_leads()[2, :2]).max() > 1e-3


@given(**problems)
@FEW
def test_a_cut_counts_from_its_source_to_its_target(seed, orbitals, order):
    syst, axes = three_terminals(seed, orbitals, order)
    cut = sj.between(lambda site: site.tag[0] < 1, lambda site: site.tag[0] >= 1)
    back = sj.between(cut.target, cut.source)
    found = sj.scatter(syst, ENERGY, spin=order, magnetizations=axes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sj.NearSideWarning)
        there, and_back = found.spin_current(cut, total=True), found.spin_current(back, total=True)
    leaving = found.between_leads()[1:, 0].sum()
    assert_allclose(there[:, 0], [leaving, -found.transmission(0, 1), -found.between_leads()[0, 2]], atol=ROUTES)
    assert_allclose(and_back[:, 0], -there[:, 0], atol=ROUTES)


def test_the_flux_into_an_island_is_asked_of_its_torque():
    syst, axes = three_terminals(1, 1, "spin-orbital")
    found = sj.scatter(syst, ENERGY, magnetizations=axes)
    with pytest.raises(sj.ArgumentError, match=r"encloses an island.*torque\(sites\)\.total"):
        found.spin_current(SLAB["slab"])
    with pytest.warns(
        sj.SpinjuncWarning, match="is not divided"
    ):  # no exchange was declared beside spin-orbit coupling
        assert np.isfinite(found.torque(SLAB["slab"]).total_by_spin).all()


def test_with_a_magnetic_flux_time_reversal_tells_no_exchange():
    lattice = kwant.lattice.square(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x, y) for x in range(6) for y in range(2))] = 0.3 * PAULI[0]

    def hop(to, from_):
        return -np.exp(0.4j * to.tag[1]) * (np.eye(2) + 0.3j * PAULI[1])

    syst[kwant.builder.HoppingKind((1, 0), lattice)] = hop
    syst[kwant.builder.HoppingKind((0, 1), lattice)] = -np.eye(2)
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0)))
        lead[lattice(0, 0)] = lead[lattice(0, 1)] = np.zeros((2, 2))
        lead[lattice.neighbors()] = -np.eye(2)
        syst.attach_lead(lead)
    found = sj.scatter(syst.finalized(), 0.3)
    with pytest.warns(sj.SpinjuncWarning, match="magnetic flux.*`exchange`"):
        torque = found.torque(lambda site: 1 <= site.tag[0] < 5)
    assert torque.defect < ROUTES
    assert np.isnan(torque.exchange_by_spin).all()
    assert np.isfinite(torque.total_by_spin).all()
    assert_allclose(torque.site_total.sum(axis=1), torque.total, atol=ROUTES)


@pytest.mark.parametrize("lead", [2, -1, 0.5, "0", True, None])
def test_a_lead_that_there_is_not_is_refused_by_name(lead):
    iron, copper = sj.ferromagnet(onsite=2.0, hopping=1.0, splitting=0.5), sj.normal_metal(onsite=2.0, hopping=1.0)
    s = sj.scatter(sj.build(sj.Junction(iron, [copper, copper], copper)).finalized(), 0.5)
    for ask in (s.density, s.on_lattice):
        with pytest.raises(sj.ArgumentError, match="`lead_in` must be 0 to 1, but is"):
            ask("charge", lead_in=lead)
    assert s.density("charge", lead_in=np.int64(1)).shape == (len(s.system.sites),)


def test_leads_given_by_their_modes_are_resolved_like_those_of_kwant():
    from kwant_spinjunc.devices.lead_modes import with_analytic_leads
    from kwant_spinjunc.model.plane import CrossSection

    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0, in_plane_hopping=0.4)
    junction = sj.Junction(sj.ferromagnet(**iron), [], sj.ferromagnet(**iron, m=sj.unit_vector(1.0)))
    shape = (2, 1)
    plain = sj.build(junction, cross_section=shape)
    analytic = with_analytic_leads(sj.build(junction, cross_section=shape), junction, CrossSection(shape, "periodic"))
    axes = {0: junction.left.m, 1: junction.right.m}
    wanted = sj.scatter(plain.finalized(), 0.2, magnetizations=axes)
    found = sj.scatter(analytic.finalized(), 0.2, magnetizations=axes)
    assert_allclose(found.probabilities, wanted.probabilities, atol=ROUTES)
    assert_allclose(found.modes, wanted.modes)
    prepared = plain.finalized().precalculate(0.2, what="modes")
    assert_allclose(sj.scatter(prepared, 0.2, magnetizations=axes).probabilities, wanted.probabilities, atol=ROUTES)


# ---------------------------------------------------------------------- finite bias
def spin_valve():
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    oxide = sj.barrier(onsite=3.5, hopping=1.0, thickness=2)
    return sj.Junction(sj.ferromagnet(**iron), [oxide], sj.ferromagnet(**iron, m=sj.unit_vector(1.0)))


MU = np.array([[0.08, 0.02], [-0.03, 0.01]])
KT = 0.02


def driven(kT, rtol=1e-6):
    """Currents of the valve's Kwant system, and what a junction says of them."""
    junction = spin_valve()
    found = sj.current_voltage(sj.build(junction).finalized(), MU, temperature=kT, rtol=rtol)
    of_junction = sj.bias_response(junction, 0.0, accumulation=MU, temperature=kT, layers=False)
    # a device counts what leaves its leads, a junction what flows along +y
    return found, np.array([[1], [-1]]) * of_junction.spin_resolved


def test_cold_split_potentials_drive_the_same_currents_through_a_junction_and_its_system():
    found, wanted = driven(0.0)
    assert_allclose(found.spin_resolved, wanted, atol=1e-6 * abs(wanted).max())


def test_warm_currents_are_integrals_of_occupation_differences_and_those_of_the_junction():
    junction = spin_valve()
    found, of_junction = driven(KT, rtol=repetitions(1e-3, 1e-6))  # its quadrature reaches 5e-7 with 1e-3
    assert_allclose(found.spin_resolved, of_junction, atol=1e-6 * abs(of_junction).max())
    # equal steps are exact to rounding for what is smooth over k_B T and vanishes at both ends
    energies = np.linspace(-0.9, 0.9, 1441)
    P = sj.scatter(junction, energies, solver="halves").probabilities
    f = expit((MU - energies[:, None, None]) / KT)
    difference = f[:, :, :, None, None] - f[:, None, None]
    wanted = (P * difference).sum(axis=(0, 3, 4)) * (energies[1] - energies[0])
    assert_allclose(found.spin_resolved, wanted, atol=QUADRATURE * abs(wanted).max())
    assert_allclose(found.charge, found.spin_resolved.sum(axis=-1))


def test_two_plain_potentials_are_those_of_two_leads():
    syst = sj.build(spin_valve()).finalized()
    plain = sj.current_voltage(syst, [0.05, -0.05])
    assert_allclose(plain.charge, sj.current_voltage(syst, [[0.05, 0.05], [-0.05, -0.05]]).charge)
    assert plain.charge[0] > 0
    with pytest.raises(sj.ArgumentError, match="trailing shape"):
        sj.current_voltage(syst, np.zeros((5, 2)))


def zigzag(width=3, length=4):
    """A zigzag graphene ribbon with spin: one channel of each at every energy but zero, where its edges are flat."""
    lattice = kwant.lattice.honeycomb(norbs=2)

    def inside(position):
        return 0.3 < position[1] < width * np.sqrt(3) / 2 + 0.3

    syst = kwant.Builder()
    syst[lattice.shape(lambda p: inside(p) and 0 <= p[0] < length, (0.0, 0.6))] = np.zeros((2, 2))
    syst[lattice.neighbors()] = -np.eye(2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    lead[lattice.shape(inside, (0.0, 0.6))] = np.zeros((2, 2))
    lead[lattice.neighbors()] = -np.eye(2)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    return syst.finalized()


def test_a_flat_band_at_a_node_is_stepped_around():
    syst = zigzag()
    with pytest.raises(sj.BandEdgeError):
        sj.scatter(syst, 0.0)
    found = sj.current_voltage(syst, [0.1, -0.1])
    assert found.charge[0] == pytest.approx(0.4, abs=1e-9)
    assert 0 < found.left_out < 1e-3
    assert abs(found.charge[0] - 0.4) < found.error < 1e-6


@pytest.mark.parametrize("level", [0.0, 0.02])
def test_isolated_levels_and_band_edges_in_the_window_change_no_current(level):
    lattice, other = kwant.lattice.chain(norbs=2), kwant.lattice.chain(norbs=2, name="other")
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(4))] = np.zeros((2, 2))
    syst[lattice.neighbors()] = -np.eye(2)
    syst[other(2)] = level * np.eye(2)  # hangs on nothing
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[lattice(0)], lead[lattice.neighbors()] = np.zeros((2, 2)), -np.eye(2)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    found = sj.current_voltage(syst.finalized(), [0.1, -0.1])
    assert found.charge[0] == pytest.approx(0.4, abs=1e-9)
    edge = kwant.Builder()
    edge[(lattice(x) for x in range(4))] = 2.0 * np.eye(2)
    edge[lattice.neighbors()] = -np.eye(2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[lattice(0)], lead[lattice.neighbors()] = 2.0 * np.eye(2), -np.eye(2)
    edge.attach_lead(lead)
    edge.attach_lead(lead.reversed())
    assert sj.current_voltage(edge.finalized(), [0.1, -0.1]).charge[0] == pytest.approx(0.2, rel=QUADRATURE)


def test_currents_of_electrons_and_holes_are_refused():
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(4))] = 1.5 * PAULI[2] + 0.3 * PAULI[0]
    syst[lattice.neighbors()] = -PAULI[2]
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[lattice(0)], lead[lattice.neighbors()] = 1.5 * PAULI[2], -PAULI[2]
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    with pytest.raises(sj.ArgumentError, match="opposite charge"):
        sj.current_voltage(sj.Device(system=syst.finalized(), spin=None), [0.1, -0.1])
