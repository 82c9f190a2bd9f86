"""Exchange and spin-orbit parts of a torque, against commutators with what was put into the Hamiltonian."""

import kwant
import numpy as np
import pytest
from dense import Dense
from kwant.wraparound import wraparound
from numpy.testing import assert_allclose

import kwant_spinjunc as sj
from kwant_spinjunc.spin import PAULI

#: Two routes away from band edges.
ROUTES = 1e-9

ONE = np.eye(2)
SX, SY, SZ = PAULI
UP = np.array([0.0, 0.0, 1.0])
INSIDE = {"magnet": lambda site: 2 <= site.tag[0] < 5}
ENERGY = -1.63


def field(site):
    """Exchange of the strip: across inside the magnet, along z outside."""
    return -0.4 * SX if 2 <= site.tag[0] < 5 else -0.3 * SZ


def strip(alpha=0.5, magnetic=True, length=7):
    """A Rashba strip of one cell, periodic across: a Bloch phase is the parameter ``k_y``."""
    lattice = kwant.lattice.square(norbs=2)
    syst = kwant.Builder(kwant.TranslationalSymmetry((0, 1)))

    def inside(site):
        return 2 <= site.tag[0] < 5

    syst[(lattice(x, 0) for x in range(length))] = lambda site: field(site) if magnetic else 0 * ONE
    along, across = (kwant.builder.HoppingKind(shift, lattice) for shift in ((1, 0), (0, 1)))
    syst[along] = lambda a, b: -ONE + (0.5j * alpha * SY if inside(a) and inside(b) else 0)
    syst[across] = lambda a, b: -0.4 * ONE - (0.5j * alpha * SX if inside(a) else 0)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0), (0, 1)))
    lead[lattice(0, 0)] = -0.3 * SZ if magnetic else 0 * ONE
    lead[along], lead[across] = -ONE, -0.4 * ONE
    syst = wraparound(syst, coordinate_names="y")
    for direction in (lead, lead.reversed()):
        syst.attach_lead(wraparound(direction, keep=0))
    return syst.finalized()


def baked(k):
    """The same strip at one k, its Bloch phases typed in as numbers."""
    system = strip()
    lattice = kwant.lattice.square(norbs=2)
    syst, params = kwant.Builder(), dict(k_y=k)
    sites = {site: lattice(*site.tag) for site in system.sites}
    for i, site in enumerate(system.sites):
        syst[sites[site]] = system.hamiltonian(i, i, params=params)
    for i, j in system.graph:
        if i < j:
            syst[sites[system.sites[i]], sites[system.sites[j]]] = system.hamiltonian(i, j, params=params)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    lead[lattice(0, 0)] = -0.3 * SZ - 0.8 * np.cos(k) * ONE
    lead[lattice(1, 0), lattice(0, 0)] = -ONE
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    return syst.finalized()


def by_hand(system, params, spin, exchange, energy, chosen, axes=(UP, UP)):
    """Exchange torque and flux of lead 0 from dense Green functions and the exchange matrices."""
    dense = Dense(system, energy, spin, axes, params)
    J = np.zeros_like(dense.H)
    inside = np.zeros(len(system.sites), dtype=bool)
    for i, site in enumerate(system.sites):
        if chosen(site):
            inside[i] = True
            J[np.ix_(dense.orbitals([i]), dense.orbitals([i]))] = exchange(site)
    into = [(a, b) for a, b in system.graph if inside[a] and not inside[b]]
    exchange_torque = np.array([dense.torque(J, 0, s) for s in range(2)])
    return exchange_torque, np.array([dense.flux(into, 0, s)[1:] for s in range(2)])


def sigma_of(site):
    return PAULI


@pytest.mark.parametrize("k", [0.9, -0.4])
def test_at_a_bloch_phase_exchange_is_what_was_said_or_odd_with_the_wave_vector_reversed(k):
    # regression: time reversal at fixed k took the Rashba field 2 α sin(k) for exchange
    system, params = strip(), dict(k_y=k)
    wanted, flux = by_hand(system, params, sigma_of, field, ENERGY, INSIDE["magnet"])
    assert abs(wanted).max() > 1e-2
    assert abs(flux - wanted).max() > 1e-2
    for exchange in (field, strip(magnetic=False), None, "time-reversal"):
        torque = sj.scatter(system, ENERGY, params=params, magnets=INSIDE, exchange=exchange).torque("magnet")
        assert_allclose(torque.exchange_by_spin[0], wanted, atol=ROUTES)
        assert_allclose(torque.total_by_spin[0], flux, atol=ROUTES)
        assert_allclose(torque.exchange_by_spin + torque.spin_orbit_by_spin, torque.total_by_spin, atol=ROUTES)
    names = dict(magnets=INSIDE, exchange=lambda site, J: J * field(site))
    scaled = sj.scatter(system, ENERGY, params={**params, "J": 1.0}, **names).torque("magnet")
    assert_allclose(scaled.exchange_by_spin[0], wanted, atol=ROUTES)


def test_phases_that_are_numbers_are_not_divided_but_their_sum_stands():
    k = 0.9
    system = baked(k)
    wanted, flux = by_hand(system, {}, sigma_of, field, ENERGY, INSIDE["magnet"])
    reference, _ = by_hand(strip(), dict(k_y=k), sigma_of, field, ENERGY, INSIDE["magnet"])
    assert_allclose(wanted, reference, atol=ROUTES)
    found = sj.scatter(system, ENERGY, magnets=INSIDE)
    with pytest.warns(sj.SpinjuncWarning, match="wave vector.*Give `exchange`"):
        torque = found.torque("magnet")
    assert np.isnan(torque.exchange_by_spin).all()
    assert np.isnan(torque.site_spin_orbit).all()
    assert_allclose(torque.total_by_spin[0], flux, atol=ROUTES)
    assert_allclose(torque.site_total[0].sum(axis=0), flux.sum(axis=0), atol=ROUTES)
    assert "not divided" in str(torque)
    told = sj.scatter(system, ENERGY, magnets=INSIDE, exchange=field).torque("magnet")
    assert_allclose(told.exchange_by_spin[0], wanted, atol=ROUTES)
    with pytest.warns(
        sj.SpinjuncWarning, match="wave vector"
    ):  # one plane has no spin-orbit bond within, yet a field of it
        assert np.isnan(found.torque([site for site in system.sites if site.tag[0] == 3]).exchange_by_spin).all()
    # what is trusted against the truth is wrong: the reason why it is not the default
    trusted = sj.scatter(system, ENERGY, magnets=INSIDE, exchange="time-reversal").torque("magnet")
    assert abs(trusted.exchange_by_spin[0] - wanted).max() > 1e-2


def test_on_a_strip_too_fields_of_sites_with_spin_orbit_coupling_may_be_of_a_phase_that_is_a_number():
    # regression: on what is no chain 2 α sin(k) typed in as a number was silently taken for exchange
    lattice, k, alpha = kwant.lattice.square(norbs=2), 0.9, 0.5

    def inside(site):
        return 2 <= site.tag[0] < 5

    syst = kwant.Builder()
    syst[(lattice(x, y) for x in range(7) for y in range(2))] = lambda site: (
        field(site) - (0.8 * np.cos(k) * ONE + (alpha * np.sin(k) * SX if inside(site) else 0))
    )
    along, across = (kwant.builder.HoppingKind(shift, lattice) for shift in ((1, 0), (0, 1)))
    syst[along] = lambda a, b: -ONE + (0.5j * alpha * SY if inside(a) and inside(b) else 0)
    syst[across] = -ONE
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    lead[(lattice(0, y) for y in range(2))] = -0.3 * SZ - 0.8 * np.cos(k) * ONE
    lead[lattice.neighbors()] = -ONE
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    system = syst.finalized()
    wanted, flux = by_hand(system, {}, sigma_of, field, ENERGY, INSIDE["magnet"])
    with pytest.warns(sj.SpinjuncWarning, match="On sites with spin-orbit coupling.*Give `exchange`"):
        torque = sj.scatter(system, ENERGY, magnets=INSIDE).torque("magnet")
    assert np.isnan(torque.exchange_by_spin).all()
    assert_allclose(torque.total_by_spin[0], flux, atol=ROUTES)
    told = sj.scatter(system, ENERGY, magnets=INSIDE, exchange=field).torque("magnet")
    assert_allclose(told.exchange_by_spin[0], wanted, atol=ROUTES)
    trusted = sj.scatter(system, ENERGY, magnets=INSIDE, exchange="time-reversal").torque("magnet")
    assert abs(trusted.exchange_by_spin[0] - wanted).max() > 1e-2


def test_a_parameter_that_acts_like_a_wave_vector_is_not_reversed_on_suspicion():
    lattice = kwant.lattice.square(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x, y) for x in range(7) for y in range(2))] = lambda site, q: (
        field(site) - 0.8 * np.cos(q) * ONE + 0.5 * np.sin(q) * SX * (2 <= site.tag[0] < 5)
    )
    syst[lattice.neighbors()] = -ONE
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    lead[(lattice(0, y) for y in range(2))] = lambda site, q: -0.3 * SZ - 0.8 * np.cos(q) * ONE
    lead[lattice.neighbors()] = -ONE
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    found = sj.scatter(syst.finalized(), ENERGY, params=dict(q=0.9), magnets=INSIDE)
    with pytest.warns(sj.SpinjuncWarning, match="`q` acts like a wave vector"):
        assert np.isnan(found.torque("magnet").exchange_by_spin).all()


def precessing(name):
    """Return a strip whose spin-orbit coupling is exp(i k0 σ) in its hoppings, k0 being a parameter of some name."""
    lattice = kwant.lattice.square(norbs=2)

    def hopping(matrix):
        def value(a, b, q):
            inside = INSIDE["magnet"](a) and INSIDE["magnet"](b)
            return -(np.cos(q) * ONE + 1j * np.sin(q) * matrix) if inside else -ONE

        # Kwant knows parameters by their names
        return eval(f"lambda a, b, {name}: value(a, b, {name})", {"value": value})

    syst = kwant.Builder()
    syst[(lattice(x, y) for x in range(7) for y in range(2))] = field
    for shift, matrix in (((1, 0), SY), ((0, 1), -SX)):
        syst[kwant.builder.HoppingKind(shift, lattice)] = hopping(matrix)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    lead[(lattice(0, y) for y in range(2))] = -0.3 * SZ
    lead[lattice.neighbors()] = -ONE
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    return syst.finalized()


@pytest.mark.parametrize("name", ["k", "k0", "k_0", "k_b", "q"])
def test_a_parameter_is_no_wave_vector_because_its_name_begins_with_k(name):
    """Regression: exp(i k0 σ) was reversed with k0, so that its torque was silently counted as that of exchange."""
    system, params = precessing(name), {name: 0.4}
    wanted, flux = by_hand(system, params, sigma_of, field, ENERGY, INSIDE["magnet"])
    assert abs(flux - wanted).max() > 1e-2
    with pytest.warns(sj.SpinjuncWarning, match="Give `exchange`"):
        torque = sj.scatter(system, ENERGY, params=params, magnets=INSIDE).torque("magnet")
    assert np.isnan(torque.exchange_by_spin).all()
    assert_allclose(torque.total_by_spin[0], flux, atol=ROUTES)
    for exchange in (field, "time-reversal"):
        told = sj.scatter(system, ENERGY, params=params, magnets=INSIDE, exchange=exchange).torque("magnet")
        assert_allclose(told.exchange_by_spin[0], wanted, atol=ROUTES)


L = np.diag([1.0, -1.0])  # of the orbitals p+ and p-
COMPLEX = np.array([[0.3, 0.1 + 0.2j], [0.1 - 0.2j, 0.3]])


@pytest.mark.parametrize("order", ["spin-orbital", "orbital-spin"])
@pytest.mark.parametrize(
    "orbital",
    [np.eye(2), np.diag([0.3, 0.9]), COMPLEX],
    ids=["equal", "different", "complex"],
)
def test_several_orbitals_are_divided_by_what_was_said_only(order, orbital):
    def kron(a, b):
        return np.kron(b, a) if order == "spin-orbital" else np.kron(a, b)

    def exchange(site):
        return -kron(orbital, 0.6 * SX + 0.3 * SY) if 2 <= site.tag[0] < 5 else -0.3 * kron(ONE, SZ)

    lattice = kwant.lattice.chain(norbs=4)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(7))] = lambda site: exchange(site) + 0.5 * kron(L, SZ) * (2 <= site.tag[0] < 5)
    syst[lattice.neighbors()] = -np.eye(4) - 0.2 * kron(SX, ONE)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[lattice(0)], lead[lattice.neighbors()] = -0.3 * kron(ONE, SZ), -np.eye(4) - 0.2 * kron(SX, ONE)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    system = syst.finalized()
    spin = lambda site: [kron(ONE, s) for s in PAULI]  # noqa: E731
    wanted, flux = by_hand(system, {}, spin, exchange, 0.21, INSIDE["magnet"])
    told = sj.scatter(system, 0.21, spin=order, magnets=INSIDE, exchange=exchange).torque("magnet")
    assert_allclose(told.exchange_by_spin[0], wanted, atol=ROUTES)
    assert_allclose(told.spin_orbit_by_spin[0], flux - wanted, atol=ROUTES)
    with pytest.warns(sj.SpinjuncWarning, match="Orbitals differ in how they depend on spin"):
        torque = sj.scatter(system, 0.21, spin=order, magnets=INSIDE).torque("magnet")
    assert np.isnan(torque.exchange_by_spin).all()
    assert_allclose(torque.total_by_spin[0], flux, atol=ROUTES)
    # what acts on spin only in one order of the basis tells that order
    assert sj.scatter(system, 0.21, magnets=INSIDE, exchange=exchange).device.spin_operator().spec == order


def test_a_parameter_that_is_even_with_spin_too_is_no_wave_vector():
    """u² scales hopping and exchange alike: reversed it is the same system, so nothing of it is spin-orbit coupling."""
    lattice = kwant.lattice.square(norbs=2)
    syst, lead = kwant.Builder(), kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    syst[(lattice(x, y) for x in range(7) for y in range(2))] = lambda site, u: u**2 * field(site)
    syst[lattice.neighbors()] = lambda a, b, u: -(u**2) * ONE
    lead[(lattice(0, y) for y in range(2))], lead[lattice.neighbors()] = -0.3 * SZ, -ONE
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    found = sj.scatter(syst.finalized(), 0.21, params=dict(u=1.1), magnets=INSIDE).torque("magnet")
    assert abs(found.exchange_by_spin).max() > 1e-2
    assert_allclose(found.exchange_by_spin, found.total_by_spin, atol=ROUTES)


def test_what_is_no_exchange_is_refused():
    system, params = strip(), dict(k_y=0.9)
    for exchange, message in [
        (lambda site: np.eye(4), r"must give finite matrices \(2, 2\)"),
        (lambda site: np.diag([np.nan, 0.2]), r"must give finite matrices \(2, 2\)"),
        (lambda site: np.array([[0, 1], [0, 0]]), "must be Hermitian"),
        (lambda site, J: J * SX, "must have `J`"),
        ("reversal of time", "'time-reversal' if it is a text"),
        (system.leads[0], "finalized finite system"),
    ]:
        with pytest.raises(sj.ArgumentError, match=message):
            sj.scatter(system, ENERGY, params=params, magnets=INSIDE, exchange=exchange).torque("magnet")
