"""Laws of crystals: every angle of a Kwant system at once equals Kwant on the system turned by hand."""

import pickle
from dataclasses import replace

import kwant
import numpy as np
import pytest
from crystal_systems import ORDERS, RandomSystem, ThreeLeads, exchange, symmetric, unit, with_spin
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from strategies import examples, repetitions

import kwant_spinjunc as sj
from kwant_spinjunc.crystals import audit as audits
from kwant_spinjunc.crystals import problem, solve
from kwant_spinjunc.crystals.audit import audit
from kwant_spinjunc.crystals.problem import Problem, unpacked
from kwant_spinjunc.crystals.scatter import CrystalSettings
from kwant_spinjunc.devices.device import Device
from kwant_spinjunc.halves import joint
from kwant_spinjunc.model import memory
from kwant_spinjunc.solved import unitarity
from kwant_spinjunc.spin import PAULI, sigma

#: Agreement of amplitudes with plain Kwant per unit incoming flux; 1e-13 typical, 6e-13 the worst of 160 systems.
AGREEMENT = 1e-10
#: The same relative to each transmission between leads: 3e-12 the worst of 480 systems at five angles.
RELATIVE = 2e-11
#: Axes of a lead that are one: labels by spin are compared only where they are.
SAME_AXIS = 1e-12
#: Complex orbitals and exchange between them may be spin-orbit coupling; here they are not.
FREE = dict(spin_orbit=False)

one, (sx, sy, sz) = np.eye(2), PAULI
square = kwant.lattice.square(norbs=2)


def draw(seed):
    """Return a random system, an energy in a band, and angles."""
    rng = np.random.default_rng(seed)
    system = RandomSystem(rng, complex=seed % 2)
    return system, float(rng.uniform(-0.5, 0.5)), np.array([0.0, np.pi, *rng.uniform(-np.pi, np.pi, 2)])


def inner_sites(syst):
    """Return a function of a site that is true where no lead touches, None if there is no such site."""
    touching = {int(i) for interface in syst.lead_interfaces for i in interface}
    names = {(s.family.norbs, tuple(s.tag)) for i, s in enumerate(syst.sites) if i not in touching}
    return (lambda site: (site.family.norbs, tuple(site.tag)) in names) if names else None


@pytest.mark.filterwarnings("ignore:The torque on")  # what of it is exchange is not asked
@examples(3, full=6)
@given(st.integers(0, 10**6))
def test_every_angle_is_what_kwant_finds_for_the_turned_system(seed):
    system, energy, angles = draw(seed)
    try:
        found = sj.scatter(
            system.build(), energy, spin=system.order, turns=angles, behind=system.behind, axis=system.axis, **FREE
        )
    except sj.NoOpenChannelError:
        return
    magnet = inner_sites(system.build())
    for i, angle in enumerate(angles):
        plain = sj.scatter(system.build(angle), energy, spin=system.order)
        assert abs(found.between_leads()[i] - plain.between_leads()).max() < AGREEMENT
        flux = found.spin_current(total=True)[i] - plain.spin_current(system.behind, total=True)
        assert abs(flux).max() < AGREEMENT
        if ((found.magnetizations[i] * plain.magnetizations).sum(axis=-1) > 1 - SAME_AXIS).all():
            assert np.nanmax(abs(found.probabilities[i] - plain.probabilities), initial=0.0) < AGREEMENT
        if magnet is not None:
            total = plain.torque(magnet).total
            assert abs(found.torque(magnet).exchange[i] - total).max() < AGREEMENT


def agreement_with_kwant(seed, wrong=1.0):
    """Return the worst relative difference of a transmission between leads to plain Kwant's, over five angles."""
    rng = np.random.default_rng(seed)
    orbitals, leads = 1 + seed % 12, 2 + seed % 3
    system = RandomSystem(rng, orbitals=orbitals, leads=leads, textured=True if seed % 4 else None, complex=seed % 3)
    energy, angles = float(rng.uniform(-0.5, 0.5)), np.array([0.0, np.pi, *rng.uniform(-np.pi, np.pi, 3)])
    found = sj.scatter(
        system.build(), energy, spin=system.order, turns=wrong * angles, behind=system.behind, axis=system.axis, **FREE
    )
    worst = 0.0
    for T, angle in zip(found.between_leads(), angles, strict=True):
        plain = kwant.smatrix(system.build(angle), energy)
        own = np.array([[plain.transmission(a, b) for b in range(leads)] for a in range(leads)])
        worst = max(worst, (abs(T - own) / np.maximum(own, 1e-12)).max())
    return worst


@pytest.mark.parametrize("seed", range(repetitions(3, 240)))
def test_systems_of_one_to_twelve_orbitals_and_two_to_four_leads_agree_with_kwant(seed):
    assert agreement_with_kwant(7 * seed) < RELATIVE


def test_three_leads_of_unequal_orbitals_are_kwants_at_every_energy_momentum_and_angle():
    """All orders of axes at once, angles, energies, momenta; complex uneven blocks, spin-orbit coupling in front."""
    system = ThreeLeads()
    given = dict(spin=system.order, params={"level": 0.05})
    angles, energies, k = np.array([0.3, 1.7]), np.array([0.1, 0.4]), np.array([0.3, -1.1, 2.0])
    settings = dict(turns=angles, behind=system.behind, axis=system.axis, spin_orbit=False)
    found = sj.scatter(system.build(), energies[:, None], k=k, **given, **settings)
    assert found.probabilities.shape == (2, 2, 3, 3, 2, 3, 2)
    for at in ((0, 0, 1), (1, 1, 0), (1, 0, 2)):
        given["params"]["k_y"] = k[at[2]]
        plain = sj.scatter(system.build(angles[at[0]]), energies[at[1]], **given)
        assert_allclose(found.between_leads()[at], plain.between_leads(), atol=AGREEMENT)
        assert_allclose(
            found.spin_current(total=True)[at], plain.spin_current(system.behind, total=True), atol=AGREEMENT
        )
        magnetic = [0, 1]  # the spins of the other are alike
        own = np.ix_(magnetic, [0, 1], magnetic, [0, 1])
        assert_allclose(found.probabilities[at][own], plain.probabilities[own], atol=AGREEMENT)


def test_the_agreement_sees_a_turn_that_is_off_by_a_millionth():
    assert agreement_with_kwant(7, wrong=1 + 1e-6) > 100 * RELATIVE


def test_turning_by_the_opposite_angle_is_seen():
    # seeds whose halves are textured: the sign of the angle matters, and the law above must notice it
    missed = []
    for seed in range(4):
        system = RandomSystem(np.random.default_rng(seed), textured=True, leads=2)
        found = sj.scatter(system.build(), 0.1, spin=system.order, turns=0.8, behind=system.behind, axis=system.axis)
        plain = sj.scatter(system.build(-0.8), 0.1, spin=system.order)
        missed.append(abs(found.between_leads() - plain.between_leads()).max())
    assert max(missed) > 1e-3


# ------------------------------------------------------------------ a junction of an altermagnet
def altermagnet_junction(angle=0.0, barrier=3, planes=2, height=5.0):
    """An altermagnet, a barrier and a ferromagnet on the square lattice, periodic along y, current along x."""
    U = np.cos(angle / 2) * one - 1j * np.sin(angle / 2) * sy
    first = planes + barrier

    def onsite(x):
        if x < planes:
            return 2.5 * one
        return height * one if x < first else U @ (2.5 * one - 0.5 * sz) @ U.conj().T

    def along(x):
        return -(one + 0.4 * sz) if x < planes else -one + 0j

    def up(x):
        return -(one - 0.4 * sz) if x < planes else -one + 0j

    syst = kwant.Builder(kwant.TranslationalSymmetry((0, 1)))
    for x in range(first + planes):
        syst[square(x, 0)] = onsite(x) + 0j
        syst[square(x, 1), square(x, 0)] = up(x)
        if x:
            syst[square(x, 0), square(x - 1, 0)] = along(x)
    syst = kwant.wraparound.wraparound(syst, coordinate_names="y")
    for direction, x in ((-1, 0), (1, first + planes - 1)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0), (0, 1)))
        lead[square(x, 0)] = onsite(x) + 0j
        lead[square(x, 1), square(x, 0)] = up(x)
        lead[square(x + 1, 0), square(x, 0)] = along(x)
        syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0))
    return syst.finalized()


def behind_barrier(site):
    return site.pos[0] >= 4


def test_momenta_are_those_of_wraparound():
    k = np.linspace(-3.0, 3.0, 7)
    found = sj.scatter(altermagnet_junction(), 0.3, k=k, turns=[0.0, 1.2], behind=behind_barrier)
    assert found.probabilities.shape == (2, 7, 2, 2, 2, 2)
    for i, angle in enumerate([0.0, 1.2]):
        for j, k_y in enumerate(k):
            plain = kwant.smatrix(altermagnet_junction(angle), 0.3, params={"k_y": k_y})
            assert found.between_leads()[i, j, 1, 0] == pytest.approx(plain.transmission(1, 0), abs=1e-12)


def test_the_axis_of_an_altermagnet_is_one_all_over_the_zone():
    found = sj.scatter(altermagnet_junction(), 0.3, k=[0.2, 2.9], turns=0.0, behind=behind_barrier)
    assert found.magnetizations.tolist() == [[0, 0, 1], [0, 0, 1]]
    # majority and minority change places over the zone: at one k the spin-dependent hopping looks like a field
    assert found.modes[0, 0].tolist() != found.modes[1, 0].tolist()


def test_a_zone_average_is_the_mean_of_a_dense_mesh_and_its_claim_covers_the_error():
    angles = np.linspace(0, np.pi, 5)
    syst = altermagnet_junction()
    mean = sj.scatter(syst, 0.3, k="average", turns=angles, behind=behind_barrier, rtol=1e-6)
    mesh = (np.arange(6000) + 0.5) / 6000 * 2 * np.pi
    points = sj.scatter(syst, 0.3, k=mesh, turns=angles, behind=behind_barrier)
    T = points.probabilities.mean(axis=1)
    assert mean.points <= 400
    # a mesh of 6000 points misses square-root kinks by about 6000^-1.5
    assert abs(mean.probabilities - T)[:, 1, :, 0].max() < 1e-4 * T[:, 1, :, 0].max()
    finer = sj.scatter(syst, 0.3, k="average", turns=angles, behind=behind_barrier, rtol=1e-11)
    assert (abs(mean.probabilities - finer.probabilities) <= mean.k_error + finer.k_error).all()
    assert mean.k_error[:, 1, :, 0].max() < 1e-5 * T[:, 1, :, 0].max()


def test_what_leaves_one_side_arrives_at_the_other_and_torques_close_the_balance():
    syst = altermagnet_junction()
    s = sj.scatter(syst, 0.3, k="average", turns=[1.1], behind=behind_barrier, rtol=1e-8)
    for plane in (3, 4):
        other = s.spin_current(lambda site, x=plane: site.pos[0] >= x)
        assert other == pytest.approx(s.spin_current(), abs=1e-7 * abs(s.spin_current()).max())
    # torque on both sides is what the leads do not carry off
    lost = s.side_torques.sum(axis=1)
    leaving = np.einsum("aosix,aod->aixd", s.probabilities * np.array([1, -1])[:, None, None], s.magnetizations)
    incoming = s.modes[:, :, None] * np.array([1, -1])[None, :, None] * s.magnetizations[0][:, None, :]
    assert lost == pytest.approx(incoming - leaving, abs=1e-9)


def test_reciprocity_and_unitarity_hold_in_the_mean():
    s = sj.scatter(altermagnet_junction(), 0.3, k="average", turns=[0.4, 2.0], behind=behind_barrier)
    assert s.unitarity_defect < 1e-12
    assert s.probabilities.sum(axis=(1, 2)) == pytest.approx(np.broadcast_to(s.modes, (2, 2, 2)), abs=1e-9)
    # coplanar, no spin-orbit coupling: S is symmetric at (k, -k), and this zone is even
    assert s.probabilities == pytest.approx(np.moveaxis(s.probabilities, (1, 2), (3, 4)), abs=1e-9)
    assert s.conductance_matrix().sum(axis=-1) == pytest.approx(0.0, abs=1e-15)
    by_spin = s.conductance_matrix(spins=True)
    assert by_spin.sum(axis=(-3, -1)) == pytest.approx(s.conductance_matrix(), abs=1e-13)
    assert -by_spin[0, 1, 0, 0, 1] == s.transmission((1, 0), (0, 1))[0] > 0


def test_a_level_of_planes_by_themselves_costs_no_digits():
    # sites between cut and lead at the energy exactly, each coupled by t: every other plane is singular by itself
    lattice = kwant.lattice.chain(norbs=2)

    def build(angle):
        U = np.cos(angle / 2) * one - 1j * np.sin(angle / 2) * sy
        syst = kwant.Builder()
        for x in range(8):
            level = U @ sz @ U.conj().T * 0.5 if x >= 6 else 0 * one
            syst[lattice(x)] = level if x not in (1, 2) else 0 * one
        syst[lattice.neighbors()] = -one
        syst[lattice(1), lattice(0)] = -1e-6 * one
        for direction, x in ((-1, 0), (1, 7)):
            lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
            lead[lattice(0)] = U @ sz @ U.conj().T * 0.5 if x else 3 * one - 0.5 * sz  # nothing open on the left
            lead[lattice.neighbors()] = -one
            syst.attach_lead(lead)
        return syst.finalized()

    found = sj.scatter(build(0.0), 0.0, turns=[0.3, 2.0], behind=lambda site: site.pos[0] >= 5)
    for i, angle in enumerate([0.3, 2.0]):
        plain = sj.scatter(build(angle), 0.0)
        assert abs(found.between_leads()[i] - plain.between_leads()).max() < 1e-9
    assert found.unitarity_defect < 1e-9


def weakly_held():
    """Return a spin valve of two sites weakly held by leads, cut between them, and the energy of a level at 1 rad."""
    lattice, hold, tie, field = kwant.lattice.chain(norbs=2), 0.07, 0.3, 0.4
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(4))] = -0.4 * sz
    syst[lattice.neighbors()] = -hold * one
    syst[lattice(2), lattice(1)] = -tie * one
    for direction, x in ((-1, 0), (1, 3)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(x)], lead[lattice.neighbors()] = -0.2 * sz, -one
        syst.attach_lead(lead)
    turned = np.cos(1.0) * sz + np.sin(1.0) * sx
    levels = np.linalg.eigvalsh(np.block([[-field * sz, -tie * one], [-tie * one, -field * turned]]))
    return syst.finalized(), float(levels[0])


def test_transverse_flux_of_a_level_at_the_cut_is_many_times_what_comes_in():
    """By S alone: the flux along the axis of the turn is 2 Im S†dS/dθ, the slope of a level times how long it holds."""
    syst, energy = weakly_held()
    step = 2e-4
    angles = 1.0 + step * np.arange(-2, 3)
    s = sj.scatter(syst, energy, turns=angles, behind=lambda site: site.pos[0] >= 2, check=True)
    flux = s.spin_current(total=True)[2]
    problem = s.measurement.problem
    solved = solve.solve(problem.crystal, np.array([energy]), np.zeros((1, 0)), problem.turn)
    S = solved.S[0]
    slope = (S[0] - 8 * S[1] + 8 * S[3] - S[4]) / (12 * step)
    expected = 2 * (S[2].conj() * slope).sum(axis=0).imag @ solved.layout.by_lead
    assert abs(flux[:, 2]).max() > 10
    assert flux[:, 2] == pytest.approx(expected, rel=1e-7)
    # charge is bounded by what comes in, and seen by waves and S alike
    assert flux[0, 0] == pytest.approx(s.transmission(1, 0)[2], rel=1e-9)


@pytest.mark.parametrize("ask", [lambda s: s.spin_current(), lambda s: s.torque(lambda site: site.pos[0] >= 2)])
def test_waves_at_the_cut_that_lost_digits_are_refused(ask, monkeypatch):
    syst, energy = weakly_held()

    def asked(damage):
        join = joint.join

        def damaged(*args):
            found = join(*args)
            return replace(found, front=found.front * (1 + damage))  # S is as unitary as before

        monkeypatch.setattr(solve, "join", damaged)
        return ask(sj.scatter(syst, energy, turns=1.0, behind=lambda site: site.pos[0] >= 2))

    asked(1e-10)
    with pytest.raises(sj.ContinuityError, match="miss the transmitted charge by .*e-0"):
        asked(1e-5)


def test_a_result_pickles():
    s = sj.scatter(altermagnet_junction(), 0.3, k="average", turns=[0.4], behind=behind_barrier)
    again = pickle.loads(pickle.dumps(s))
    assert (again.probabilities == s.probabilities).all()
    assert (again.side_torques == s.side_torques).all()
    with pytest.raises(sj.ArgumentError, match="pickled"):
        again.torque(behind_barrier)


# ------------------------------------------------------------------ what is refused
def chain(hop=-one, onsite=one, lead_hop=None, behind_onsite=None, norbs=2):
    lattice = kwant.lattice.chain(norbs=norbs)
    behind_onsite = onsite if behind_onsite is None else behind_onsite
    syst = kwant.Builder()
    for x in range(6):
        syst[lattice(x)] = onsite if x < 3 else behind_onsite
    syst[lattice.neighbors()] = hop
    for direction, level in ((-1, onsite), (1, behind_onsite)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(0)] = level
        lead[lattice.neighbors()] = hop if lead_hop is None else lead_hop
        syst.attach_lead(lead)
    return syst.finalized()


HALF = {"turns": [0.1], "behind": lambda site: site.pos[0] >= 3}


@pytest.mark.parametrize(
    ("syst", "arguments", "message"),
    [
        (chain(), {"turns": [0.1]}, "`behind` must be given"),
        (chain(), {"behind": HALF["behind"]}, "must come with `turns`"),
        (chain(), {**HALF, "behind": lambda site: site.pos[0] > 9}, "contains none"),
        (chain(), {**HALF, "behind": lambda site: True}, "true of all sites"),
        (chain(), {**HALF, "behind": "barrier"}, "`behind` must be one of"),
        (chain(), {**HALF, "axis": (0, 1, 1)}, "`axis` must be a unit vector"),
        (chain(), {**HALF, "turns": [[0.1]]}, "`turns` must be a number or a 1D array"),
        (chain(), {**HALF, "k": 0.1}, "without momenta"),
        (chain(), {"k": "average"}, "without momenta"),
        (chain(), {**HALF, "momenta": ("k_y",)}, "'k_y' is none of"),
        (chain(), {**HALF, "spin": None}, "sites without spin"),
        (chain(hop=-one + 0.2j * sy), HALF, "depends on spin"),
        (chain(hop=-one + 0.1 * sz), HALF, "depends on spin"),
        (altermagnet_junction(), {"k": [[0.1, 0.2]], "turns": 0.1, "behind": behind_barrier}, "trailing axis of 1"),
        (altermagnet_junction(), {"turns": 0.1, "behind": behind_barrier}, "`k` must be given"),
        (altermagnet_junction(), {"params": {"k_y": 0.1}, "momenta": "k_y", "k": 0.2}, "leave out the momentum"),
        (altermagnet_junction(), {"k": "everywhere"}, "must be a wave vector, None or 'average'"),
        (altermagnet_junction(), {"k": "average", "solver": "halves"}, "`solver` must be left out"),
    ],
)
def test_wrong_requests_are_refused_in_one_line(syst, arguments, message):
    with pytest.raises(sj.ArgumentError, match=message) as caught:
        sj.scatter(syst, 0.5, **arguments)
    assert "\n" not in str(caught.value)


def test_a_lead_on_both_sides_of_the_cut_is_refused():
    lattice = kwant.lattice.square(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x, y) for x in range(4) for y in range(2))] = one
    syst[lattice.neighbors()] = -one
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    lead[(lattice(0, y) for y in range(2))] = one
    lead[lattice.neighbors()] = -one
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    with pytest.raises(sj.ArgumentError, match="cuts the interface of lead 0"):
        sj.scatter(syst.finalized(), 0.5, turns=0.1, behind=lambda site: site.pos[1] >= 1)


def test_spin_orbit_coupling_behind_the_cut_is_refused_with_its_size_and_in_front_of_it_is_exact():
    lattice = kwant.lattice.chain(norbs=2)

    def build(where, angle=0.0):
        U = np.cos(angle / 2) * one - 1j * np.sin(angle / 2) * sy
        syst = kwant.Builder()
        for x in range(8):
            syst[lattice(x)] = one - (0.4 * sz if x < 4 else 0.4 * U @ sz @ U.conj().T)
        syst[lattice.neighbors()] = -one
        syst[lattice(where + 1), lattice(where)] = -one + 0.3j * sx
        for direction, turn in ((-1, one), (1, U)):
            lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
            lead[lattice(0)] = one - 0.4 * turn @ sz @ turn.conj().T
            lead[lattice.neighbors()] = -one
            syst.attach_lead(lead)
        return syst.finalized()

    def half(site):
        return site.pos[0] >= 4

    with pytest.raises(sj.ArgumentError, match=r"a part 0\.\d+ of the Hamiltonian is spin-orbit coupling"):
        sj.scatter(build(5), 0.5, turns=[1.0], behind=half)
    front = sj.scatter(build(1), 0.5, turns=[1.0], behind=half)
    assert front.probabilities[0] == pytest.approx(sj.scatter(build(1, 1.0), 0.5).probabilities, abs=1e-12)
    # what the refusal guards: turning spins there is not turning the magnet
    forced = sj.scatter(build(5), 0.5, turns=[1.0], behind=half, spin_orbit=False)
    assert abs(forced.between_leads()[0] - sj.scatter(build(5, 1.0), 0.5).between_leads()).max() > 1e-4


def test_names_of_momenta_that_differ_between_region_and_leads_are_refused():
    syst = kwant.Builder(kwant.TranslationalSymmetry((0, 1)))
    syst[(square(x, 0) for x in range(3))] = one
    syst[square.neighbors()] = -one
    syst = kwant.wraparound.wraparound(syst)  # calls its only momentum k_x
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0), (0, 1)))
    lead[square(0, 0)] = one
    lead[square.neighbors()] = -one
    for builder in (lead, lead.reversed()):
        syst.attach_lead(kwant.wraparound.wraparound(builder, keep=0))
    with pytest.raises(sj.ArgumentError, match="'k_x' is unknown to lead 0, lead 1"):
        sj.scatter(syst.finalized(), 0.5, k="average")


def test_a_parameter_that_is_no_momentum_is_refused_by_its_period():
    def level(site, k_y):
        return (1 + k_y**2) * one

    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(3))] = level
    syst[lattice.neighbors()] = -one
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[lattice(0)] = level
    lead[lattice.neighbors()] = -one
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    with pytest.raises(sj.ArgumentError, match="period 2π"):
        sj.scatter(syst.finalized(), 0.5, k=0.2)


def test_no_channel_anywhere_is_refused():
    with pytest.raises(sj.NoOpenChannelError, match="any momentum"):
        sj.scatter(altermagnet_junction(), -60.0, k="average")


def test_a_result_prints_its_quality_and_gives_a_labelled_table():
    s = sj.scatter(altermagnet_junction(), 0.3, k="average", turns=[0.0, np.pi / 2], behind=behind_barrier)
    text = str(s)
    assert "averaged over the zone" in text
    assert "90°" in text
    assert f"{s.between_leads()[1, 1, 0]:.8g}" in text
    table = s.to_dataset()
    assert table["conductance"].dims == ("turn", "lead_out", "lead_in")
    assert table.turn.attrs["units"] == "rad"
    assert "turned" in table.turn.attrs["long_name"]
    assert table["probabilities"].sel(lead_out=1, lead_in=0).sum() == pytest.approx(s.transmission(1, 0).sum())
    assert table["side_torque_by_spin"].sel(side="back", lead_in=0).shape == (2, 2, 3)
    assert table["conductance"].attrs["units"] == "e^2/h"
    points = sj.scatter(altermagnet_junction(), 0.3, k=[0.1, 0.2])
    assert points.to_dataset()["conductance"].dims == ("point_0", "lead_out", "lead_in")
    assert "shape of the points: (2,)" in str(points)


# ------------------------------------------------------------------ a second route
@pytest.mark.parametrize("k", [[0.1, 0.2, 1.0], "average"])
def test_the_second_route_turns_the_system_by_hand_and_agrees(k):
    s = sj.scatter(altermagnet_junction(), 0.2, k=k, turns=[0.0, 1.0, 2.0], behind=behind_barrier, check=True)
    assert 0 < s.check < 1e-12
    assert f"second route {s.check:.1e}" in str(s)
    assert sj.scatter(altermagnet_junction(), 0.2, k=[0.3], check=True).check < 1e-12


@pytest.mark.parametrize("seed", [1, 5])
def test_the_second_route_agrees_with_textures_of_several_orbitals_and_leads(seed):
    system = RandomSystem(np.random.default_rng(seed), textured=True)
    asked = dict(spin=system.order, turns=[0.4, 1.0, 2.0], behind=system.behind, axis=system.axis, check=True)
    assert sj.scatter(system.build(), 0.1, **asked).check < 1e-11


@pytest.mark.parametrize("damage", ["angle", "sources"])
def test_the_second_route_sees_a_wrong_engine(damage, monkeypatch):
    system = RandomSystem(np.random.default_rng(2), textured=True, leads=2)
    join = solve.join

    def damaged(front, back, hopping, turn):
        if damage == "angle":
            return join(front, back, hopping, joint.Turn(-turn.angles, turn.axis))
        return join(front, back, hopping * (1 + 1e-6), turn)

    monkeypatch.setattr(solve, "join", damaged)
    with pytest.raises(sj.DisagreementError, match="the turned system differ by"):
        sj.scatter(
            system.build(), 0.1, spin=system.order, turns=0.8, behind=system.behind, axis=system.axis, check=True
        )


def test_the_second_route_that_compares_nothing_does_not_agree(monkeypatch):
    s = sj.scatter(altermagnet_junction(), 0.2, k="average", turns=[0.0, 1.0], behind=behind_barrier, rtol=1e-2)
    assert audit(s) < 1e-9
    observe = Problem.observe

    def refused(self, *args):
        found = observe(self, *args)
        found.bad[:] = True
        return found

    monkeypatch.setattr(Problem, "observe", refused)
    with pytest.raises(sj.DisagreementError, match="must find a point to compare"):
        audit(s)


@pytest.mark.parametrize("channels", [0, 1, 15, 16, 17, 30, 45])
def test_the_defect_of_unitarity_is_the_largest_element_wherever_it_is(channels):
    rng = np.random.default_rng(channels)
    S = rng.normal(size=(40, channels, channels)) + 1j * rng.normal(size=(40, channels, channels))
    is_open = rng.integers(0, 2, (40, channels)).astype(bool)
    product = S.conj().swapaxes(1, 2) @ S
    for padded, own in ((None, np.eye(channels)), (is_open, is_open[..., None] * np.eye(channels))):
        assert_allclose(unitarity(S, padded), abs(product - own).max(axis=(1, 2), initial=0.0))


@pytest.mark.parametrize("kind", [np.array, list])
def test_parameters_that_were_changed_in_place_are_looked_at_again(kind):
    chain = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(chain(x) for x in range(4))] = lambda site, levels: levels[0] * np.eye(2)
    syst[chain.neighbors()] = -np.eye(2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[chain(0)] = np.zeros((2, 2))
    lead[chain.neighbors()] = -np.eye(2)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    device, levels = sj.Device(system=syst.finalized()), kind([0.0])

    def passed():
        return float(sj.scatter(device, [0.3], params={"levels": levels}).transmission(1, 0)[0])

    assert passed() == pytest.approx(2.0)
    levels[0] = 2.0
    assert passed() < 1.0


def test_more_angles_than_fit_into_memory_are_refused_before_they_are_solved(monkeypatch):
    monkeypatch.setattr(memory, "machine_memory", lambda: 1e-3)
    system = RandomSystem(np.random.default_rng(1), orbitals=1)
    settings = dict(spin=system.order, behind=system.behind, axis=system.axis)
    with pytest.raises(sj.ArgumentError, match="must fit into 0.001 GB, but 100000 angles at 1 point need about"):
        sj.scatter(system.build(), 0.1, turns=np.zeros(100_000), **settings)
    sj.scatter(system.build(), 0.1, turns=np.zeros(10), **settings)


@pytest.mark.parametrize("orbitals", [1, 2])
@pytest.mark.parametrize("tie", ["fields along x and z", "spin-orbit hopping", "none"])
@pytest.mark.parametrize("order", ORDERS)
def test_leads_whose_cells_are_longer_than_their_interface_are_kwants(tie, orbitals, order):
    """Regression: with spins together the first orbitals of a cell of several sites were taken for the interface's."""
    rng = np.random.default_rng(orbitals)
    lattice = kwant.lattice.chain(norbs=2 * orbitals)

    def lead(direction):
        built = kwant.Builder(kwant.TranslationalSymmetry((2 * direction,)))
        fields = [(1, 0, 0), (0, 0, 1)] if tie == "fields along x and z" else [(0, 0.6, 0.8)] * 2
        for x, m in enumerate(fields):
            level = with_spin(symmetric(rng, orbitals) - 0.2 * x * np.eye(orbitals), order)
            built[lattice(x * direction)] = level + exchange(m, 0.4 * np.eye(orbitals), order)
        for x in (0, 1):
            hop = with_spin(-np.eye(orbitals) + 0.1 * rng.normal(size=(orbitals, orbitals)), order)
            if tie == "spin-orbit hopping":
                hop = hop + 0.3j * exchange((0, 0, 1), np.eye(orbitals), order)
            built[lattice((x + 1) * direction), lattice(x * direction)] = hop
        return built

    syst = kwant.Builder()
    for x in range(5):
        syst[lattice(x)] = with_spin(symmetric(rng, orbitals), order) + exchange(
            unit(rng), 0.5 * np.eye(orbitals), order
        )
    syst[lattice.neighbors()] = with_spin(-np.eye(orbitals), order)
    for direction in (-1, 1):
        syst.attach_lead(lead(direction))
    system = syst.finalized()
    for E in (-0.7, 0.1, 0.6):
        plain = kwant.smatrix(system, E)
        wanted = [[plain.transmission(a, b) for b in range(2)] for a in range(2)]
        found = sj.scatter(system, [E], spin=order, turns=[0.0], behind=lambda site: site.tag[0] > 2, spin_orbit=False)
        assert_allclose(found.between_leads()[0, 0], wanted, atol=1e-9)
        # of a lead that conserves spin both kinds of channels are told
        assert np.isfinite(found.probabilities).all() == (tie == "none")


def test_a_small_net_field_does_not_blur_the_axis_that_is_conserved():
    lattice, m = kwant.lattice.chain(norbs=2), np.array([0.2723, 0.8626, 0.4264])
    m /= np.linalg.norm(m)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(3))] = 0.1 * np.eye(2)
    syst[lattice.neighbors()] = -np.eye(2) - 0.2 * sigma(m)
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(0)], lead[lattice.neighbors()] = 0.1 * np.eye(2) - 5e-7 * sigma(m), -np.eye(2) - 0.2 * sigma(m)
        syst.attach_lead(lead)
    found = sj.scatter(syst.finalized(), [0.3])
    assert np.isfinite(found.probabilities).all()
    assert_allclose(found.magnetizations, [m, m], atol=1e-15)


def test_a_table_has_the_sums_also_from_a_lead_that_mixes_spins():
    one, (sx, _, sz) = np.eye(2), sj.spin.PAULI
    lattice = kwant.lattice.chain(norbs=2)
    mixing = kwant.Builder(kwant.TranslationalSymmetry((-2,)))  # a texture, which has no one axis
    mixing[lattice(0)], mixing[lattice(1)] = 0.3 * sx, 0.4 * sz
    mixing[lattice.neighbors()] = -one
    plain = kwant.Builder(kwant.TranslationalSymmetry((1,)))
    plain[lattice(0)] = 0 * one
    plain[lattice.neighbors()] = -one
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(6))] = lambda site: (site.tag[0] >= 2) * -0.5 * sz
    syst[lattice.neighbors()] = -one
    syst.attach_lead(mixing)
    syst.attach_lead(plain)
    device = sj.Device(system=syst.finalized(), magnets={"free": lambda site: site.tag[0] >= 2})
    s = sj.scatter(device, 0.9, turns=[0.0, 0.7], behind=lambda site: site.tag[0] >= 2)
    total, by_site = s.to_dataset()["side_torque"].sel(side="back"), s.torque("free").exchange
    assert abs(by_site[1, 0]).max() > 0.01
    np.testing.assert_allclose(total, by_site, atol=1e-12)  # the flux taken up, and the field on every site
    table = s.to_dataset()
    assert table["side_torque_by_spin"].sel(side="back", lead_in=0).isnull().all()
    by_spin = table["side_torque_by_spin"].sel(side="back", lead_in=1).sum("spin_in")
    np.testing.assert_allclose(by_spin, by_site[:, 1], atol=1e-12)
    assert table["side_torque"].sel(side="front").isnull().all()  # what its lead carries off is not known
    np.testing.assert_allclose(table["flux"], s.spin_current(total=True))
    np.testing.assert_allclose(table["exchange_torque"].sel(magnet="free"), by_site)
    assert table["exchange_torque_by_spin"].dims == ("turn", "magnet", "lead_in", "spin_in", "axis")


def test_only_what_wraparound_made_is_a_momentum_whatever_else_is_called_so():
    """Regression: a mean over the zone was one over a phase called k_b too, if its value was forgotten."""
    lattice = kwant.lattice.square(norbs=2)

    def onsite(site, k_b):
        return np.diag([0.2, 0.5]) + np.cos(k_b) * np.eye(2)

    def wrapped(vectors, columns, **options):
        builder = kwant.Builder(kwant.TranslationalSymmetry(*vectors))
        builder[(lattice(x, 0) for x in columns)] = onsite
        builder[lattice.neighbors()] = -np.eye(2)
        return kwant.wraparound.wraparound(builder, **options)

    syst = wrapped([(0, 1)], range(3), coordinate_names="y")
    for direction in (-1, 1):
        syst.attach_lead(wrapped([(direction, 0), (0, 1)], [0], keep=0, coordinate_names="xy"))
    device = sj.Device(system=syst.finalized())
    with pytest.raises(sj.ArgumentError, match="value for every parameter, but k_b has none"):
        sj.scatter(device, 0.3, k="average")
    with pytest.raises(sj.ArgumentError, match="value for every parameter, but k_b has none"):
        sj.scatter(device, 0.3, k=[0.1, 0.2])
    one = sj.scatter(device, 0.3, k=0.1, params={"k_b": 0.2})
    both = sj.scatter(device, 0.3, k=[0.2, 0.1], momenta=("k_b", "k_y"))
    np.testing.assert_allclose(one.probabilities, both.probabilities, rtol=0, atol=1e-12)


@pytest.mark.parametrize("grown", [[0, 1, 2], [1], [0, 2]])
def test_coarser_planes_give_the_same_numbers_also_in_another_process(grown, monkeypatch):
    """As where a level of planes by themselves lies at the energy; down to one plane a side, for some of the points."""
    system = ThreeLeads()
    cut = dict(turns=[0.3, 1.7], behind=system.behind, axis=system.axis, spin_orbit=False)
    asked = CrystalSettings(**cut).problem(Device(system=system.build(), spin=system.order, params={"level": 0.05}))
    E, k = np.array([0.1, 0.4, -0.2]), np.array([[0.3], [-1.1], [2.0]])
    plain, planes, solve_ = asked.observe(E, k, problem.OBSERVABLES), [], problem.solve

    def marked(crystal, energy, *rest):
        planes.append([len(side.sites) for side in crystal.sides])
        return replace(solve_(crystal, energy, *rest), grown=np.isin(energy, E[grown]))

    monkeypatch.setattr(problem, "solve", marked)
    for one in (asked, unpacked(asked.packed())):
        found = one.observe(E, k, problem.OBSERVABLES)
        assert planes == [[2, 3], [1, 2], [1, 1]]
        for name, values in plain.values.items():
            assert_allclose(found.values[name], values, rtol=0, atol=AGREEMENT)
        planes.clear()


def test_what_the_functions_of_a_lead_read_is_looked_at_again():
    chain, syst, outside = kwant.lattice.chain(norbs=2), kwant.Builder(), [0.0]
    syst[(chain(x) for x in range(4))] = 0 * one
    syst[chain.neighbors()] = -one
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[chain(0)] = lambda site: outside[0] * one
        lead[chain.neighbors()] = -one
        syst.attach_lead(lead)
    device = Device(system=syst.finalized())
    for outside[0] in (0.0, 1.1):
        plain = sj.scatter(device, 0.3)
        assert_allclose(sj.scatter(device, [0.3]).between_leads()[0], plain.between_leads(), atol=AGREEMENT)


def test_the_second_route_compares_every_number_at_the_first_the_middle_and_the_last(monkeypatch):
    system = ThreeLeads()
    k, angles = np.array([0.3, -1.1, 2.0, 0.7, 1.2]), np.array([0.3, 1.7, 0.9])
    given = dict(spin=system.order, params={"level": 0.05}, behind=system.behind, axis=system.axis, spin_orbit=False)
    s = sj.scatter(system.build(), 0.1, k=k, turns=angles, **given)
    by_kwant, met, damage = audits._by_kwant, [], []

    def damaged(crystal, turn, energy, at):
        found = by_kwant(crystal, turn, energy, at)
        met.append((energy, *at, *turn.angles))
        for number, name, place in damage:
            if len(met) == number:
                found[name] = found[name].copy()
                found[name][place] -= 1e-6
        return found

    monkeypatch.setattr(audits, "_by_kwant", damaged)
    assert audit(s) < 1e-11
    assert met == [(0.1, k[n], angles[m]) for n, m in ((0, 0), (2, 1), (4, 2))]
    for one_number in (1, "probabilities", (0, 1, 1, 0)), (2, "conductance", (2, 0)), (3, "flux", (2, 3)):
        met.clear()
        damage[:] = [one_number]
        with pytest.raises(sj.DisagreementError, match="differ by 1e-06"):
            audit(s)
    plain = kwant.lattice.chain(norbs=1)
    syst = kwant.Builder()
    syst[(plain(x) for x in range(3))] = 0.2
    syst[plain.neighbors()] = -1.0
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[plain(0)], lead[plain.neighbors()] = 0.1, -1.0
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    monkeypatch.undo()
    assert sj.scatter(syst.finalized(), [0.3, 0.4], spin=None, check=True).check < 1e-12
