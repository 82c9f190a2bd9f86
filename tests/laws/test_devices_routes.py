"""Small devices that were once answered wrongly, each a kind: the right value by dense Green functions."""

import kwant
import numpy as np
import pytest
from dense import Dense
from kwant.wraparound import wraparound
from numpy.testing import assert_allclose

import kwant_spinjunc as sj
from kwant_spinjunc.spin import PAULI

#: Two routes away from band edges; dense inverses lose two digits more than the solver.
ROUTES = 1e-9

ONE = np.eye(2)
SX, SY, SZ = PAULI
UP = np.array([0.0, 0.0, 1.0])


def told(order):
    """S of a site as a function of it, for the reference."""
    return lambda site: [
        np.kron(s, np.eye(site.family.norbs // 2))
        if order == "spin-orbital"
        else np.kron(np.eye(site.family.norbs // 2), s)
        for s in PAULI
    ]


def chain(region, hopping, length=6, **lead):
    """A chain whose leads are like itself unless their ``onsite``, ``hopping`` or ``law`` is given."""
    lattice = kwant.lattice.chain(norbs=len(hopping))
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(length))] = region
    syst[lattice.neighbors()] = hopping
    for direction in (-1, 1):
        builder = kwant.Builder(kwant.TranslationalSymmetry((direction,)), conservation_law=lead.get("law"))
        builder[lattice(0)] = lead.get("onsite", region)
        builder[lattice.neighbors()] = lead.get("inside", hopping)
        syst.attach_lead(builder)
    return syst.finalized()


# ---------------------------------------------------------------------- the order of spin and orbital
def hopping_that_depends_on_spin(order):
    """Exchange across the middle, and hoppings that depend on the spin of the true order, but not of the other."""

    def kron(orbital, spin):
        return np.kron(spin, orbital) if order == "spin-orbital" else np.kron(orbital, spin)

    def onsite(site):
        middle = 3 <= site.tag[0] < 5
        return 0.2 * np.eye(4) + (-0.5 * kron(ONE, SX) if middle else -0.2 * kron(ONE, SZ)) + 0.1 * kron(SX, ONE)

    lead = 0.2 * np.eye(4) - 0.2 * kron(ONE, SZ) + 0.1 * kron(SX, ONE)
    return chain(onsite, -kron(ONE, ONE + 0.3 * SZ), length=8, onsite=lead)


@pytest.mark.parametrize("order", ["spin-orbital", "orbital-spin"])
def test_an_order_that_hoppings_rule_out_may_be_the_true_one(order):
    # regression: T = [[1.939, 0], [0, 1.960]] and no torque came of the order that was left over
    syst = hopping_that_depends_on_spin(order)
    with pytest.raises(sj.ArgumentError, match=r"`spin` must be given.*magnetizations"):
        sj.scatter(syst, 0.33)
    dense = Dense(syst, 0.33, told(order), [UP, UP])
    for given in (dict(spin=order), dict(magnetizations={0: UP, 1: UP})):
        found = sj.scatter(syst, 0.33, magnets={"middle": lambda site: 3 <= site.tag[0] < 5}, **given)
        assert_allclose(found.probabilities, dense.probabilities, atol=ROUTES)
        assert_allclose(found.probabilities[1, :, 0], [[1.430, 0.529], [0.529, 1.411]], atol=1e-3)
        number = {site.tag[0]: i for i, site in enumerate(syst.sites)}
        into = [(number[3], number[2]), (number[4], number[5])]
        wanted = [dense.flux(into, 0, s)[1:] for s in range(2)]
        assert_allclose(found.torque("middle").total_by_spin[0], wanted, atol=ROUTES)
        assert abs(np.linalg.norm(sum(wanted)) - 0.2325) < 1e-4
    with pytest.raises(sj.ArgumentError, match="exchange field of the lead points along"):
        sj.scatter(syst, 0.33, spin="spin-orbital" if order == "orbital-spin" else "orbital-spin", **given)


@pytest.mark.parametrize("order", ["spin-orbital", "orbital-spin"])
@pytest.mark.parametrize("splitting", [0.0, 0.4])
def test_a_conservation_law_of_an_orbital_or_a_layer_is_no_spin(order, splitting):
    def kron(orbital, spin):
        return np.kron(spin, orbital) if order == "spin-orbital" else np.kron(orbital, spin)

    lead = -splitting / 2 * kron(ONE, SX) + 0.1 * kron(SZ, ONE)  # two layers with a voltage between them
    syst = chain(
        lambda site: lead - 0.3 * kron(ONE, SY) * (site.tag[0] == 3), -np.eye(4), onsite=lead, law=kron(SZ, ONE)
    )
    with pytest.raises(sj.ArgumentError, match="`spin` must be given"):
        sj.scatter(syst, 0.33)
    found = sj.scatter(syst, 0.33, spin=order)
    axis = np.array([1.0, 0.0, 0.0]) if splitting else UP
    assert_allclose(found.magnetizations, [axis, axis], atol=1e-14)
    assert_allclose(found.probabilities, Dense(syst, 0.33, told(order), [axis] * 2).probabilities, atol=ROUTES)


def test_a_declared_axis_of_a_nonmagnetic_lead_tells_no_order():
    # σz ⊗ 1 may be a voltage between two layers as well as an exchange field along the declared axis
    syst = chain(0.1 * np.kron(SZ, ONE), -np.eye(4))
    with pytest.raises(sj.ArgumentError, match="`spin` must be given"):
        sj.scatter(syst, 0.33, magnetizations={0: -UP, 1: -UP})


HOLES = {
    "two components": (1.5 * SZ + 0.3 * SX, -SZ, 1.5 * SZ),
    "a law of electrons and holes": (1.5 * SZ + 0.3 * SX, -SZ, 1.5 * SZ),
    "a Zeeman field": (1.5 * SZ + 0.3 * SX + 0.1 * ONE, -SZ, 1.5 * SZ + 0.1 * ONE),
    "Nambu, spin": (np.kron(1.5 * SZ + 0.3 * SX, ONE), -np.kron(SZ, ONE), np.kron(1.5 * SZ, ONE)),
    "spin, Nambu": (np.kron(ONE, 1.5 * SZ + 0.3 * SX), -np.kron(ONE, SZ), np.kron(ONE, 1.5 * SZ)),
    "Rashba wire": (
        np.kron(1.5 * SZ, ONE) + 0.3 * np.kron(SX, ONE) + 0.2 * np.kron(ONE, SX),
        -np.kron(SZ, ONE) + 0.2j * np.kron(SZ, SY),
        np.kron(1.5 * SZ, ONE),
    ),
    "no time reversal in the basis": (
        np.kron(1.5 * SZ, ONE) + 0.3 * np.kron(SY, SY) + 0.2 * np.kron(SZ, SZ),
        -np.kron(SZ, ONE),
        np.kron(1.5 * SZ, ONE),
    ),
}


@pytest.mark.parametrize("name", HOLES)
@pytest.mark.parametrize("spin", ["auto", "spin-orbital", "orbital-spin"])
def test_electrons_and_holes_are_no_spins(name, spin):
    onsite, hopping, lead = HOLES[name]
    law = -SZ if "law" in name else None
    syst = chain(lambda site: onsite if site.tag[0] >= 3 else lead, hopping, onsite=lead, law=law)
    with pytest.raises(sj.ArgumentError, match=r"electrons? (and|have)|`spin` must be given"):
        sj.scatter(syst, 0.4, spin=spin)
    found = sj.scatter(syst, 0.4, spin=None)
    assert found.transmission(1, 0) == pytest.approx(kwant.smatrix(syst, 0.4).transmission(1, 0), abs=ROUTES)
    assert np.isnan(found.probabilities).all()


def test_electrons_and_holes_are_no_spins_whatever_their_parameters_are_called():
    """Regression: a coupling called k was reversed as a wave vector, and H(k) = -U H(-k)* U† did not hold."""
    onsite, hopping, lead = HOLES["Rashba wire"]
    for name in ("k", "k0", "alpha"):
        term = eval(f"lambda site, {name}: onsite + {name} * term", {"onsite": onsite, "term": np.kron(ONE, SX)})
        lattice = kwant.lattice.chain(norbs=4)
        syst = kwant.Builder()
        syst[(lattice(x) for x in range(6))] = term
        syst[lattice.neighbors()] = hopping
        wire = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
        wire[lattice(0)] = lead
        wire[lattice.neighbors()] = hopping
        syst.attach_lead(wire)
        syst.attach_lead(wire.reversed())
        with pytest.raises(sj.ArgumentError, match="electrons and holes are exchanged"):
            sj.scatter(syst.finalized(), 0.4, spin="orbital-spin", params={name: 0.3})


@pytest.mark.parametrize("spin", ["orbital-spin", "spin-orbital"])
def test_electrons_and_holes_are_no_spins_where_a_momentum_is_typed_in_as_a_number(spin):
    """Regression: Rashba terms 2 α sin k are odd, so that H(k) alone is not its own mirror image."""
    k, lattice = 0.7, kwant.lattice.chain(norbs=4)

    def term(tau, sigma):
        return np.kron(tau, sigma) if spin == "orbital-spin" else np.kron(sigma, tau)

    def wire(shift, tau, gap=0.35):
        syst = kwant.Builder()
        level = term(tau, (1.2 - np.cos(k)) * ONE) + shift * np.eye(4) + 0.3 * term(ONE, SZ)
        rashba = 0.8 * np.sin(k) * term(tau, SX)
        syst[(lattice(x) for x in range(6))] = (
            lambda site: level + rashba + gap * term(SX, ONE) * (site.tag[0] in (2, 3))
        )
        syst[lattice.neighbors()] = -term(tau, ONE) + 0.4j * term(tau, SY)
        lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
        lead[lattice(0)], lead[lattice.neighbors()] = level, -term(tau, ONE)
        syst.attach_lead(lead)
        syst.attach_lead(lead.reversed())
        return syst.finalized()

    with pytest.raises(sj.ArgumentError, match="electrons and holes are exchanged"):
        sj.scatter(wire(0.0, SZ), 0.4, spin=spin)
    # as the message says of what are orbitals; and two layers of electrons are none
    shifted = sj.scatter(wire(0.5, SZ), 0.9, spin=spin)
    plain = kwant.smatrix(wire(0.0, SZ), 0.4)
    assert shifted.transmission(1, 0) == pytest.approx(plain.transmission(1, 0), abs=ROUTES)
    assert np.isfinite(sj.scatter(wire(0.0, ONE), 0.4, spin=spin).probabilities).all()


@pytest.mark.parametrize("momentum", ["k_y", "k_b"])
@pytest.mark.parametrize("tie", ["Rashba", "oblique lattice"])
def test_electrons_and_holes_are_no_spins_at_a_fixed_momentum_either(tie, momentum):
    """Regression: H(k) = -U H(-k)* U† was looked for at one k, which odd terms and phases between sites hide."""
    onsite = np.kron(1.5 * SZ + 0.3 * SX, ONE) + 0.2 * np.kron(ONE, SX)
    along, across = -np.kron(SZ, ONE), -0.5 * np.kron(SZ, ONE)
    lattice = kwant.lattice.Monatomic([(1, 0), (0.5, 1)], norbs=4)

    def solve(onsite, along, across, tau, **settings):
        syst, leads = kwant.Builder(kwant.TranslationalSymmetry(lattice.vec((0, 1)))), []
        across = across + (0.2j * np.kron(tau, SX) if tie == "Rashba" else 0)
        for direction in (-1, 1):
            vectors = lattice.vec((direction, 0)), lattice.vec((0, 1))
            leads.append(kwant.Builder(kwant.TranslationalSymmetry(*vectors)))
        for builder, length in ((syst, 4), (leads[0], 1), (leads[1], 1)):
            builder[(lattice(x, 0) for x in range(length))] = onsite
            builder[lattice.neighbors()] = along
            for x in range(length):
                builder[lattice(x, 1), lattice(x, 0)] = across
                if tie != "Rashba" and length > 1 and x:  # a second bond, along a - b
                    builder[lattice(x, -1), lattice(x - 1, 0)] = 0.4 * along
            if tie != "Rashba" and length == 1:
                step = 1 if builder is leads[1] else -1
                builder[lattice(step, -step), lattice(0, 0)] = 0.4 * along
        name = momentum[2:]
        system = wraparound(syst, coordinate_names=name)
        for lead in leads:
            system.attach_lead(wraparound(lead, keep=0, coordinate_names=f"x{name}"))
        return sj.scatter(system.finalized(), 0.9, params={momentum: 0.7}, spin="orbital-spin", **settings)

    with pytest.raises(sj.ArgumentError, match="electrons and holes are exchanged"):
        solve(onsite, along, across, SZ)
    # two layers of electrons with the same terms are no superconductor
    electrons = np.kron(1.5 * ONE + 0.3 * SX, ONE) + 0.2 * np.kron(ONE, SX)
    assert solve(electrons, -np.kron(ONE, ONE), -0.5 * np.kron(ONE, ONE), ONE).unitarity_defect < 1e-10


def test_orbitals_of_opposite_masses_are_told_from_holes_by_the_zero_of_energy():
    # the two bands of a topological insulator exchange under -H*, which a constant breaks
    onsite, hopping = np.kron(1.5 * SZ, ONE) + 0.2 * np.kron(ONE, SX), -np.kron(SZ, ONE) + 0.3j * np.kron(SX, SZ)
    lead = dict(onsite=np.kron(1.5 * SZ, ONE), inside=-np.kron(SZ, ONE))
    with pytest.raises(sj.ArgumentError, match="add a constant to all on-site terms"):
        sj.scatter(chain(onsite, hopping, **lead), 0.4, spin="orbital-spin")
    lead["onsite"] = lead["onsite"] + 0.7 * np.eye(4)
    syst = chain(onsite + 0.7 * np.eye(4), hopping, **lead)
    found = sj.scatter(syst, 1.1, spin="orbital-spin")
    assert_allclose(found.probabilities, Dense(syst, 1.1, told("orbital-spin"), [UP, UP]).probabilities, atol=ROUTES)


# ---------------------------------------------------------------------- messages name the culprit
NAN = float("nan")
IMPROPER = {
    "a site within itself": (dict(onsite=np.array([[0.3, 0.2], [0.1, 0.3]]), lead=0.3 * ONE), "region differs"),
    "a lead within itself": (dict(onsite=0.3 * ONE, lead=np.array([[0.3, 0.2], [0.1, 0.3]])), "lead 0 differs"),
    "an absorbing lead": (dict(onsite=0.3 * ONE, lead=(0.3 - 0.1j) * ONE), "lead 0 differs.*absorbs"),
    "an absorbing site": (dict(onsite=(0.3 - 0.1j) * ONE, lead=0.3 * ONE), "region differs.*absorbs"),
    "a site that is not a number": (dict(onsite=NAN * ONE, lead=0.3 * ONE), "finite.*the scattering region"),
    "a lead that is not a number": (dict(onsite=0.3 * ONE, lead=NAN * ONE), "finite.*lead 0"),
}


@pytest.mark.parametrize("name", IMPROPER)
@pytest.mark.parametrize("spin", ["auto", None])
def test_what_is_wrong_with_a_hamiltonian_is_named(name, spin):
    values, message = IMPROPER[name]
    with pytest.raises(sj.ArgumentError, match=message):
        sj.scatter(chain(values["onsite"], -ONE, onsite=values["lead"]), 0.3, spin=spin)


def test_a_parameter_that_is_not_a_number_is_named_by_its_place():
    syst = chain(lambda site, a: a * ONE, -ONE, onsite=0.3 * ONE)
    with pytest.raises(sj.ArgumentError, match=r"scattering region has some that are NaN.*`params`"):
        sj.scatter(syst, 0.3, params=dict(a=NAN))


# ---------------------------------------------------------------------- nearly degenerate spins, edges and scales
@pytest.mark.parametrize("law", [True, False])
@pytest.mark.parametrize("splitting", [1e-4, 1e-6, 1e-9, 1e-12])
def test_a_small_zeeman_splitting_is_resolved(law, splitting):
    # regression: Kwant copies the modes of one block to the other if both pass np.allclose
    m = np.array([0.0, 0.6, 0.8])
    sigma = np.einsum("i,iab->ab", m, PAULI)
    lead = 0.3 * ONE - splitting / 2 * sigma
    syst = chain(lambda site: 0.3 * ONE - 0.7 * SX * (site.tag[0] == 3), -ONE, onsite=lead, law=-sigma if law else None)
    found = sj.scatter(syst, 0.1)
    assert_allclose(found.magnetizations, [m, m], atol=1e-3)
    k = np.arccos((0.3 - 0.1 - splitting / 2 * np.array([1, -1])) / 2)
    for lead_in, info in enumerate(found.smatrix.lead_info):
        spins = found.spins[lead_in]
        along = abs(spins.to_incoming.toarray()).argmax(axis=1)
        momenta = np.empty(2)
        momenta[spins.incoming[along]] = abs(info.momenta[:2])
        assert_allclose(momenta, k, atol=1e-14)
    assert_allclose(found.probabilities, Dense(syst, 0.1, told("orbital-spin"), [m, m]).probabilities, atol=ROUTES)


def test_modes_that_spin_orbit_coupling_hardly_splits_are_refused_by_name():
    syst = chain(0.3 * ONE - 1e-9 * SX, -ONE + 1e-9j * SZ)
    with pytest.raises(sj.UnitarityError, match="nearly degenerate .momenta differ by"):
        sj.scatter(syst, 0.3)


@pytest.mark.parametrize("distance", [0.0, 1e-15, -1e-15, 1e-14, -1e-14, 1e-13, -1e-13])
@pytest.mark.parametrize("edge", [-1.7, 2.3])
def test_channels_that_cannot_be_counted_at_a_band_edge_are_refused(distance, edge):
    with pytest.raises((sj.BandEdgeError, sj.NoOpenChannelError), match="Move the energy|no channel"):
        sj.scatter(chain(0.3 * ONE, -ONE), edge + distance)
    beside = chain(0.3 * ONE + 0.2 * SZ, -ONE)  # another channel is open
    with pytest.raises(sj.BandEdgeError, match="band edge"):
        sj.scatter(beside, edge - 0.2 * np.sign(edge) + distance)


def test_flat_bands_and_isolated_levels_are_refused_by_name():
    with pytest.raises(sj.BandEdgeError, match="flat band|no lead reaches"):
        sj.scatter(chain(np.diag([0.0, 0.4]), np.diag([-1.0, 0.0])), 0.4)
    with pytest.raises(sj.BandEdgeError, match="no lead reaches"):
        sj.scatter(chain(0.4 * ONE, np.diag([-1.0, 0.0]), onsite=ONE, inside=-ONE), 0.4)


@pytest.mark.parametrize("unit", [1.602e-19, 1e-6, 1e6])
def test_the_unit_of_energy_changes_nothing(unit):
    def solve(unit):
        onsite = unit * (0.3 * ONE - 0.2 * SX)
        syst = chain(lambda site: onsite - unit * 0.4 * SY * (site.tag[0] == 2), -unit * ONE, onsite=onsite)
        return sj.scatter(syst, 0.1 * unit)

    found, wanted = solve(unit), solve(1.0)
    assert_allclose(found.probabilities, wanted.probabilities, atol=ROUTES)
    assert_allclose(found.magnetizations, wanted.magnetizations, atol=1e-14)


# ---------------------------------------------------------------------- sites with unequal numbers of orbitals
def unequal_sites(length=9, ends=True):
    """A chain s - sd - s: two orbitals, four in the middle, and hoppings from one kind into the other."""
    s, sd = (kwant.lattice.chain(norbs=n, name=name) for n, name in ((2, "s"), (4, "sd")))
    inner = (lambda x: 3 <= x < 6) if ends else (lambda x: not 3 <= x < 6)
    sites = [(sd if inner(x) else s)(x) for x in range(length)]
    syst = kwant.Builder()
    for site in sites:
        syst[site] = -0.2 * SZ if site.family is s else 0.1 * np.kron(SZ, ONE) - 0.5 * np.kron(ONE, SX)
    into = np.array([[1.0], [0.3]])
    for a, b in zip(sites[1:], sites[:-1], strict=True):
        shape = {(2, 2): [[1.0]], (4, 4): np.eye(2), (4, 2): into, (2, 4): into.T}[a.family.norbs, b.family.norbs]
        syst[a, b] = -np.kron(shape, ONE)
    for site, direction in ((sites[0], -1), (sites[-1], 1)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        n = site.family.norbs // 2
        lead[site] = -0.2 * np.kron(np.eye(n), SZ)
        lead[site.family.neighbors()] = -np.eye(2 * n)
        syst.attach_lead(lead)
    return syst.finalized()


@pytest.mark.parametrize("ends", [True, False])
def test_fluxes_between_sites_with_unequal_orbitals_are_those_of_dense_green_functions(ends):
    # regression: kwant.operator.Current reads out of bounds in a site with more orbitals than its neighbor
    syst = unequal_sites(ends=ends)
    spin = {"s": "spin-orbital", "sd": "orbital-spin"}
    cuts = {str(x): (lambda site, x=x: site.tag[0] > x) for x in range(8)}
    magnets = {"inside": lambda site: 2 <= site.tag[0] < 7}
    found = sj.scatter(syst, 0.1, spin=spin, magnetizations={0: UP, 1: UP}, cuts=cuts, magnets=magnets)
    dense = Dense(syst, 0.1, told("orbital-spin"), [UP, UP])
    assert dense.error < ROUTES
    assert_allclose(found.probabilities, dense.probabilities, atol=ROUTES)
    number = {site.tag[0]: i for i, site in enumerate(syst.sites)}
    graph = list(syst.graph)
    for lead in range(2):
        lattice = {q: found.on_lattice(q, lead) for q in ("charge", "x", "y", "z")}
        for x in range(8):
            hopping = (number[x + 1], number[x])
            wanted = [dense.flux([hopping], lead, s) for s in range(2)]
            assert_allclose(found.spin_current(str(x))[lead], wanted, atol=ROUTES)
            for column, q in enumerate(lattice):
                assert abs(lattice[q][graph.index(hopping)] - sum(wanted)[column]) < ROUTES
        into = [(number[2], number[1]), (number[6], number[7])]
        assert_allclose(
            found.torque("inside").total_by_spin[lead], [dense.flux(into, lead, s)[1:] for s in range(2)], atol=ROUTES
        )
    charge = found.spin_current("4", total=True)[0, 0]
    assert charge == pytest.approx(found.transmission(1, 0), abs=ROUTES)


def test_densities_of_unequal_sites_are_those_of_dense_green_functions():
    syst = unequal_sites()
    found = sj.scatter(syst, 0.1, spin={"s": "spin-orbital", "sd": "orbital-spin"}, magnetizations={0: UP, 1: UP})
    dense = Dense(syst, 0.1, told("orbital-spin"), [UP, UP])
    rho = dense.states(0, 0) + dense.states(0, 1)
    for quantity, operator in zip(("charge", "x", "y", "z"), [np.eye(len(rho)), *dense.S], strict=True):
        per_orbital = np.diag(operator @ rho).real
        assert_allclose(found.density(quantity, 0), np.add.reduceat(per_orbital, dense.offsets[:-1]), atol=ROUTES)
