"""Families of crystals: bands, electrons and symmetries that are known, and Kwant's transmissions."""

import kwant
import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.crystals import scatter as crystal_scatter
from kwant_spinjunc.crystals.solve import kwant_surface, slow_surface
from kwant_spinjunc.halves.matrices import dagger
from kwant_spinjunc.halves.pencil import pencil_surface
from kwant_spinjunc.halves.surface import settled, surfaces
from systems.antiferromagnet_junction import antiferromagnet_junction, sublattice_torques
from systems.bilayer_spin_valve import bilayer_spin_valve
from systems.iron_barrier import LEVELS, RYDBERG, SHELLS, SPLITTING, iron_bands, iron_barrier, two_center


def test_two_center_integrals_are_those_of_slater_and_koster():
    x, y, z = d = np.array([0.3, 0.5, -0.4]) / np.linalg.norm([0.3, 0.5, -0.4])
    V = dict(sss=0.2, sps=0.9, pps=0.8, ppp=-0.3, sds=0.6, pds=1.3, pdp=0.7, dds=1.1, ddp=0.4, ddd=0.25)
    E = two_center(3 * d, V)
    r3 = np.sqrt(3)
    assert E[1, 2] == pytest.approx(x * y * (0.8 + 0.3))
    assert E[1, 4] == pytest.approx(r3 * x * x * y * 1.3 + y * (1 - 2 * x * x) * 0.7)
    assert E[1, 7] == pytest.approx(r3 / 2 * x * (x * x - y * y) * 1.3 + x * (1 - x * x + y * y) * 0.7)
    assert E[4, 4] == pytest.approx(
        3 * x**2 * y**2 * 1.1 + (x**2 + y**2 - 4 * x**2 * y**2) * 0.4 + (z**2 + x**2 * y**2) * 0.25
    )
    assert E[7, 8] == pytest.approx(
        r3 / 2 * (x * x - y * y) * (z * z - (x * x + y * y) / 2) * 1.1
        + r3 * z * z * (y * y - x * x) * 0.4
        + r3 / 4 * (1 + z * z) * (x * x - y * y) * 0.25
    )
    # from either end
    assert two_center(-d, V) == pytest.approx(E.T)


def test_iron_holds_eight_electrons_and_only_its_majority_has_a_delta_1_band_at_the_fermi_energy():
    reciprocal = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * 2 * np.pi
    f = (np.arange(16) + 0.5) / 16
    k = np.stack(np.meshgrid(f, f, f, indexing="ij"), axis=-1).reshape(-1, 3) @ reciprocal
    electrons = 2 * (iron_bands(k, 0.0) < 0).sum() / len(k)
    assert electrons == pytest.approx(8.0, abs=0.05)
    moment = sum(s * (iron_bands(k, spin=s) < 0).sum() / len(k) for s in (1, -1))
    assert 1.5 < moment < 3.0
    # along Γ-H the Δ1 bands are those that change when the s level does
    line = np.linspace(0.05, 0.95, 91)[:, None] * np.array([2 * np.pi, 0, 0])
    levels = dict(LEVELS)
    crossing = {}
    for spin in (1, -1):
        before = iron_bands(line, spin=spin)
        LEVELS["s"] = levels["s"] + 0.02
        after = iron_bands(line, spin=spin)
        LEVELS["s"] = levels["s"]
        mixed = abs(after - before) > 1e-3
        near = abs(before) < 0.25
        crossing[spin] = bool((mixed & near).any())
    assert crossing == {1: True, -1: False}


def test_iron_barrier_equals_kwant_and_its_minority_current_avoids_the_zone_center():
    device = iron_barrier(thickness=2, planes=1)
    k = np.array([[0.1, 0.2], [1.2, 0.4]])
    s = sj.scatter(device, 0.0, k=k, turns=[0.0, np.pi / 2], behind="barrier")
    for j, (k_y, k_z) in enumerate(k):
        plain = kwant.smatrix(device.system, 0.0, params={"k_y": k_y, "k_z": k_z})
        assert s.between_leads()[0, j, 1, 0] == pytest.approx(plain.transmission(1, 0), rel=1e-7)
    center = sj.scatter(device, 0.0, k=[0.02, 0.01], turns=0.0, behind="barrier")
    # symmetry filtering: next to Γ the barrier passes Δ1 alone, which the minority lacks
    assert center.transmission((1, 1), (0, 1)) < 1e-2 * center.transmission((1, 0), (0, 0))


def test_the_numbers_of_iron_are_those_of_its_source():
    assert LEVELS["s"] == pytest.approx(1.2017709017, abs=1e-9)
    assert SHELLS[0]["dds"] == -0.0508569255
    assert pytest.approx(2.2009, abs=1e-3) == SPLITTING * RYDBERG


def test_leads_of_iron_have_modes_at_every_momentum_of_the_plane():
    """Its hopping is nearly singular: at a third of momenta no surface is found by dividing by it."""
    device = iron_barrier(thickness=2, planes=1)
    rng = np.random.default_rng(3)
    k = np.concatenate([[[-1.2518388970010972, -2.1328982505848177]], rng.uniform(-np.pi, np.pi, (120, 2))])
    s = sj.scatter(device, 0.0, k=k)
    assert s.residual < 1e-9
    assert s.unitarity_defect < 1e-9
    # where Kwant's own modes fail as well
    with pytest.raises(RuntimeError, match="left- and right-propagating"):
        kwant.smatrix(device.system, 0.0, params=dict(k_y=1.6459538248221346, k_z=0.9097217526025334))


@pytest.mark.parametrize("energy", [-0.9, 0.2])
def test_real_leads_have_the_surfaces_of_complex_ones(energy):
    rng = np.random.default_rng(4)
    h, t = rng.normal(size=(2, 6, 5, 5))
    h, phase = (h + h.swapaxes(1, 2)) / 2 - energy * np.eye(5), np.exp(2j * rng.normal(size=5))
    plain = surfaces(h + 0j, t + 0j, mirrored=True)
    turned = surfaces(phase[:, None] * h * phase.conj(), phase[:, None] * t * phase.conj(), mirrored=True)
    for a, b in zip(plain, turned, strict=True):
        assert a.count.tolist() == b.count.tolist()
        assert a.count.any()
        assert not a.doubtful.any()
        assert phase[:, None] * a.sigma * phase.conj() == pytest.approx(b.sigma, abs=1e-10)


def test_a_surface_without_dividing_by_the_hopping_is_that_of_kwant():
    rng = np.random.default_rng(1)
    for n, rank in ((3, 3), (4, 2), (5, 4)):
        h = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
        h = (h + h.conj().T) / 2
        a, b, c, d = (rng.normal(size=(n, rank)) for _ in range(4))
        t = (a + 1j * b) @ (c + 1j * d).T
        (fast,) = surfaces(h[None], t[None])
        assert not fast.doubtful.any()
        ours, theirs = pencil_surface(h, t), kwant_surface(h, t)
        assert fast.sigma[0] == pytest.approx(ours[0], abs=1e-11 * abs(ours[0]).max())
        for of, product in ((0, lambda a: a), (1, lambda a: a @ a.conj().T), (2, lambda a: a.conj().T @ a)):
            assert product(ours[of]) == pytest.approx(product(theirs[of]), abs=1e-9)
    # two uncoupled equal chains have modes of one Bloch factor, outgoing and incoming alike
    h, t = 0.3 * np.eye(2, dtype=complex), -np.eye(2, dtype=complex)
    (fast,) = surfaces(h[None], t[None])
    for sigma in (fast.sigma[0], pencil_surface(h, t)[0]):
        assert sigma == pytest.approx(kwant_surface(h, t)[0], abs=1e-9)
    assert pencil_surface(2 * np.eye(2), np.eye(2)) is None  # a band edge


def test_where_modes_cannot_be_told_apart_those_of_kwant_settle_it_or_nothing_does():
    """Singular values of the hopping over fourteen orders of magnitude, and a band edge."""
    rng = np.random.default_rng(0)
    h = rng.normal(size=(60, 6, 6)) + 1j * rng.normal(size=(60, 6, 6))
    h = h + dagger(h)
    u, v = (np.linalg.qr(rng.normal(size=(60, 6, 6)) + 1j * rng.normal(size=(60, 6, 6)))[0] for _ in range(2))
    t = (u * 10.0 ** rng.uniform(-14, 0.3, size=(60, 1, 6))) @ v
    (fast,) = surfaces(h, t)
    assert 0 < fast.doubtful.sum() < 60
    assert settled(fast, h, t, slow_surface).doubtful.sum() <= 1  # of one Kwant's own modes miss too, by some LAPACKs
    edge = 2 * np.eye(2)[None] + 0j, np.eye(2)[None] + 0j
    (fast,) = surfaces(*edge)
    assert settled(fast, *edge, slow_surface).doubtful.all()


# ---------------------------------------------------------------------- antiferromagnets
LINE = np.linspace(0.05, 3.1, 24)
QUARTERS = dict(turns=np.array([0.0, np.pi / 2, np.pi]), behind="barrier")


@pytest.mark.parametrize("kind", ["G", "A"])
def test_turning_an_antiferromagnet_by_half_a_turn_interchanges_its_sublattices(kind):
    k = [0.3, 0.9, 1.7]
    turned = sj.scatter(antiferromagnet_junction(kind), 0.2, k=k, **QUARTERS)
    other = sj.scatter(antiferromagnet_junction(kind, termination=1), 0.2, k=k, **QUARTERS)
    assert turned.between_leads()[::-1] == pytest.approx(other.between_leads(), abs=1e-11)
    assert abs(turned.between_leads()[0] - turned.between_leads()[2]).max() > 1e-5
    plain = kwant.smatrix(antiferromagnet_junction(kind, planes=2).system, 0.2, params={"k_y": 0.9})
    few = sj.scatter(antiferromagnet_junction(kind, planes=2), 0.2, k=0.9)
    assert few.transmission(1, 0) == pytest.approx(plain.transmission(1, 0), abs=1e-11)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_modes_of_a_g_type_lead_are_those_of_its_bands(dimensions):
    energy, splitting, onsite, k_y = 0.2, 1.0, 2.0, 0.7
    momenta = k_y if dimensions == 2 else (k_y, 0.4)
    s = sj.scatter(antiferromagnet_junction("G", dimensions=dimensions), energy, k=[momenta])
    # a doubled cell holds the momenta of two planes waves, opposite in sign of every cosine
    inner = np.sqrt((energy - onsite) ** 2 - splitting**2 / 4)
    rest = np.cos(k_y / 2) if dimensions == 2 else np.cos((k_y + 0.4) / 2) + np.cos((k_y - 0.4) / 2)
    cosines = np.array([(sign * inner / 2 - other * rest) for sign in (1, -1) for other in (1, -1)])
    # of each pair (kx, k∥), (kx + π, k∥ + Q) one lies in the zone, folded from the pair of planes
    assert s.modes[0, 0].tolist() == [(abs(cosines) < 1).sum() / 2] * 2


def test_a_compensated_plane_filters_no_spin_and_a_ferromagnetic_one_does():
    conductance = {
        kind: sj.scatter(antiferromagnet_junction(kind, "ferromagnet"), 0.2, k=LINE, **QUARTERS).between_leads()[
            ..., 1, 0
        ]
        for kind in "GA"
    }
    # shifting a G-type magnet along its plane reverses it, and the barrier and the ferromagnet do not notice
    assert abs(conductance["G"][2] - conductance["G"][0]).max() < 1e-11
    assert conductance["G"].max() > 1e-3
    assert abs(conductance["A"][0] - conductance["A"][2]).max() > 1e-5


def test_sublattices_take_a_net_and_a_staggered_torque():
    s = sj.scatter(antiferromagnet_junction("G", "antiferromagnet"), 0.2, k=[0.9], **QUARTERS)
    net, staggered = sublattice_torques(s)
    A, B = (s.torque(f"right {name}").exchange for name in "AB")
    assert net == pytest.approx(A + B)
    assert staggered == pytest.approx(A - B)
    assert abs(net[1]).max() > 1e-8
    assert abs(staggered[1]).max() > 1e-7
    # torques are across the Néel vector, which points along x after a quarter turn, and vanish for collinear ones
    assert abs(net[1, ..., 0]).max() < 1e-12
    assert abs(net[[0, 2]]).max() < 1e-12
    # of a ferromagnet the sublattices take alike what is left of the net torque
    with pytest.raises(sj.ArgumentError, match="`kind` must be G or A"):
        antiferromagnet_junction("C")


# ---------------------------------------------------------------------- two layers of graphene
def test_opposite_magnets_open_the_gap_of_a_potential_between_the_layers():
    delta, gamma = 0.3, 0.4
    device = bilayer_spin_valve(np.pi, splitting=delta, interlayer=gamma, length=1)
    n = [i for i, site in enumerate(device.system.sites) if site.tag[1] == 1]

    def levels(theta):
        """Return the levels of the infinite bilayer with magnets on a mesh of momenta around the corner of its zone."""
        found = []
        made = bilayer_spin_valve(theta, splitting=delta, interlayer=gamma, length=3)
        sites = made.system.sites
        order = {tag: [i for i, s in enumerate(sites) if s.tag[1] == tag] for tag in (1, 2, 3)}
        rank = {(s.family.name, s.tag[1]): i for i, s in enumerate(sites)}
        order = {tag: [rank[sites[i].family.name, tag] for i in order[2]] for tag in (1, 2, 3)}
        for k_x in 2 * np.pi / 3 + np.linspace(-0.5, 0.5, 81):
            blocks = [
                made.system.hamiltonian_submatrix(to_sites=order[2], from_sites=order[tag], params={"k_x": k_x})
                for tag in (1, 2, 3)
            ]
            H = sum(blocks)  # the corner of the folded zone lies at k_y = 0
            found.append(np.linalg.eigvalsh(H))
        return np.array(found)

    def gap(theta):
        E = levels(theta)
        return E[E > 0].min() - E[E < 0].max()

    assert len(n) == 8
    assert gap(np.pi) == pytest.approx(delta * gamma / np.hypot(gamma, delta), rel=0.01)
    assert gap(0.0) < 0.02


def test_an_opposite_pair_of_magnets_shuts_the_valve_and_the_layers_exchange_torque():
    strong = dict(splitting=0.3, interlayer=0.3, length=10, onsite=-0.2)
    parallel, opposite = (
        sj.scatter(bilayer_spin_valve(theta, **strong), 0.0, k=LINE).transmission(1, 0).mean() for theta in (0.0, np.pi)
    )
    assert opposite < 0.5 * parallel
    s = sj.scatter(bilayer_spin_valve(np.pi / 2), 0.0, k=[2.0, 2.1])
    plain = kwant.smatrix(bilayer_spin_valve(np.pi / 2).system, 0.0, params={"k_x": 2.1})
    assert s.between_leads()[1, 1, 0] == pytest.approx(plain.transmission(1, 0), abs=1e-9)
    torques = [s.torque(f"layer {n}").exchange[1, 0] for n in (1, 2)]
    assert abs(torques[0][2]) < 1e-12  # across m_1 = z
    assert abs(torques[1][0]) < 1e-12  # across m_2 = x
    assert min(abs(torque).max() for torque in torques) > 1e-4


def fields_of_an_array():
    """A chain whose levels are an array, spin along z."""
    lat = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lat(i) for i in range(3))] = lambda site, fields: 0.3 * np.eye(2) - fields[site.tag[0]] * np.diag([1.0, -1.0])
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[lat(0)] = np.diag([-0.4, 0.6])
    for builder in (syst, lead):
        builder[lat.neighbors()] = -np.eye(2)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    return syst.finalized()


@pytest.mark.parametrize("kind", [np.array, list, lambda x: dict(enumerate(x))])
def test_parameters_that_change_inside_are_looked_at_again(kind):
    system = fields_of_an_array()
    device = sj.Device(system=system, magnets={"middle": [system.sites[1]]})
    fields = kind([0.2, 0.5, 0.1])

    def behind(site):
        return site.tag[0] >= 2

    def scatter(device):
        return sj.scatter(device, 0.1, params={"fields": fields}, turns=[0.0, 1.0], behind=behind)

    before, torque = scatter(device), sj.scatter(device, 0.1, params={"fields": fields})
    fields[1] = -1.5
    after = scatter(device)
    assert after.between_leads() == pytest.approx(scatter(sj.Device(system=system)).between_leads(), abs=1e-12)
    assert abs(after.between_leads() - before.between_leads()).max() > 0.1
    # what was solved keeps the parameters it was solved with
    assert before.params["fields"][1] == torque.params["fields"][1] == 0.5
    assert torque.torque("middle").defect < 1e-12


def test_only_what_cannot_have_changed_is_not_taken_apart_again(monkeypatch):
    system, calls = fields_of_an_array(), []
    device = sj.Device(system=system)
    apart = crystal_scatter.take_apart
    monkeypatch.setattr(crystal_scatter, "take_apart", lambda *args: calls.append(args) or apart(*args))

    def scatter(fields):
        calls.clear()
        sj.scatter(device, 0.1, params={"fields": fields}, turns=0.3, behind=lambda site: site.tag[0] >= 2)
        return bool(calls)

    class Fields(list):
        """An object that may change inside."""

    assert scatter(np.array([0.1, 0.2, 0.3]))
    assert not scatter(np.array([0.1, 0.2, 0.3]))
    assert scatter([0.1, 0.2, 0.3])
    assert not scatter([0.1, 0.2, 0.3])
    assert scatter((0.1, 0.2, 0.4))
    assert scatter(Fields([0.1, 0.2, 0.3]))


@pytest.mark.parametrize("what", ["value function", "cut", "named cut", "list of a cut"])
def test_what_functions_read_is_looked_at_again_when_it_changes(what):
    """Regression: a device was known again by its parameters and cut by identity, whatever their functions read."""
    state, pairs = {"field": 0.5, "at": 2}, []
    chain = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    for x in range(5):  # every site its own
        syst[chain(x)] = lambda site: 0.2 * site.tag[0] * np.eye(2) - state["field"] * np.diag([1, -1])
    syst[chain.neighbors()] = -np.eye(2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[chain(0)], lead[chain.neighbors()] = -0.3 * np.diag([1, -1]), -np.eye(2)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    system = syst.finalized()

    def behind(site):
        return site.tag[0] >= state["at"]

    def move(at):
        pairs[:] = [(chain(at), chain(at - 1))]

    cuts = {"middle": behind}
    device = sj.Device(system=system, cuts=cuts)
    cut = {"named cut": "middle", "list of a cut": pairs}.get(what, behind)

    def solve(device):
        found = sj.scatter(device, [0.1], turns=[1.0], behind=cut)
        return np.array([*found.spin_current().ravel(), *found.between_leads().ravel()])

    move(2)
    before = solve(device)
    if what == "value function":
        state["field"] = -0.7
    else:
        state["at"] = 4
        move(4)
    after = solve(device)
    assert abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, solve(sj.Device(system=system, cuts=cuts)), atol=1e-13)


def test_named_cuts_are_where_their_functions_say_now():
    state = {"at": 1}
    device = sj.Device(system=fields_of_an_array(), cuts={"cut": lambda site: site.tag[0] >= state["at"]})
    for at in (1, 2):
        state["at"] = at
        assert {site for pair in device.cut("cut").hoppings for site in pair} == {at - 1, at}


def test_coarser_planes_are_of_the_same_system_or_refused():
    state = {"field": 0.5}
    chain = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(chain(x) for x in range(5))] = lambda site: -state["field"] * np.diag([1, -1])
    syst[chain.neighbors()] = -np.eye(2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[chain(0)], lead[chain.neighbors()] = np.zeros((2, 2)), -np.eye(2)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    system = syst.finalized()
    first, second = (sj.scatter(system, [0.1]).measurement.problem.crystal for _ in range(2))
    assert first.coarser is not None
    state["field"] = 0.4
    with pytest.raises(sj.ArgumentError, match="has changed since"):
        _ = second.coarser


def test_nothing_is_behind_a_crystal_without_a_cut():
    crystal = sj.scatter(fields_of_an_array(), np.array([0.1]), params={"fields": [0.2, 0.5, 0.1]}).measurement.problem
    assert crystal.crystal.spin_orbit_behind == (0.0, False)
