"""What a magnet takes, one part at a time: torques that add, motion known in closed form, errors of a straight line."""

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import kwant_spinjunc as sj
from kwant_spinjunc.halves import zone as halves_zone
from kwant_spinjunc.magnets import multiscale, wall
from kwant_spinjunc.magnets import parameters as fitted
from kwant_spinjunc.magnets.dynamics import SpinTorque, critical_torque, evolve, growth_rate, static_wall
from kwant_spinjunc.magnets.parameters import interface_parameters
from kwant_spinjunc.magnets.parameters.fits import Fit, least_squares_fit, relative_misfit, standard_error
from kwant_spinjunc.magnets.parameters.response import place_of, system_response
from kwant_spinjunc.magnets.wall import resolve_magnets, zone
from kwant_spinjunc.theory.domain_wall import ConvergenceError, relax, self_consistent, spin_chain
from systems.altermagnet_junction import altermagnet_junction

#: Two routes to the same number.
ROUTES = 1e-10
ANY = np.random.default_rng(4)


def random_directions(count):
    m = ANY.normal(size=(count, 3))
    return m / np.linalg.norm(m, axis=-1, keepdims=True)


# ---------------------------------------------------------------------- torques of the electrons
def test_torques_on_different_planes_add_and_scale():
    chain, m = spin_chain(exchange=1.0, anisotropy=0.1, planes=(2, 2)), random_directions(4)
    p = sj.unit_vector([0.3, 1.2, 2.0], [0.4, -1.0, 2.2])
    sizes = [(0.7, -0.3), (0.0, 0.5), (-0.4, 0.0)]
    parts = [
        SpinTorque.on(chain, n, polarizer=axis, damping_like=D, field_like=F)
        for n, axis, (D, F) in zip((2, 0, 3), p, sizes, strict=True)
    ]
    for n, axis, (D, F), part in zip((2, 0, 3), p, sizes, parts, strict=True):
        expected = D * np.cross(m[n], np.cross(axis, m[n])) + F * np.cross(axis, m[n])
        assert_allclose(part.at(m)[n], expected, atol=1e-15)
        assert not np.delete(part.at(m), n, axis=0).any()
    for together in (parts[0] + parts[1] + parts[2], parts[2] + (parts[1] + parts[0])):
        assert_allclose(together.at(m), sum(part.at(m) for part in parts), atol=1e-15)
        assert_allclose(together.slope(m), sum(part.slope(m) for part in parts), atol=1e-15)
        assert_allclose(together.scaled(-1.7).at(m), -1.7 * together.at(m), atol=1e-15)
    for other in (parts[0], SpinTorque.on(chain, 2, polarizer=p[1], damping_like=0.0, field_like=1e-3)):
        with pytest.raises(sj.ArgumentError, match="other planes"):
            parts[0] + other


@pytest.mark.parametrize("damping", [0.05, 0.7, 3.0])
def test_one_spin_falls_to_its_easy_axis_as_the_closed_form_says(damping):
    """m_z' = α K m_z (1 - m_z²)/(1 + α²): m_z/√(1 - m_z²) grows as exp(αKt/(1 + α²)), and m turns by K m_z/(1 + α²)."""
    K, start, time = 0.8, sj.unit_vector(1.3, 0.4), 7.0
    chain = spin_chain(exchange=1.0, anisotropy=K, planes=(0, 1))
    rest = SpinTorque.on(chain, 0, polarizer=(1.0, 0.0, 0.0), damping_like=0.0, field_like=0.0)
    motion = evolve(chain, rest, damping=damping, time=time, start=start[None], points=6)
    assert_allclose(motion.time, np.linspace(0.0, time, 6))
    grown = np.exp(damping * K * motion.time / (1 + damping**2)) / np.tan(1.3)
    assert_allclose(motion.m[:, 0, 2], grown / np.sqrt(1 + grown**2), atol=1e-8)
    # α φ' = -θ'/sin θ for free damped motion, the sign of which is that of dm/dt = m×h
    theta, phi = np.arccos(motion.m[:, 0, 2]), np.unwrap(np.arctan2(motion.m[:, 0, 1], motion.m[:, 0, 0]))
    turned = np.log(np.tan(theta / 2) / np.tan(1.3 / 2)) / damping
    assert_allclose(phi - 0.4, turned, atol=1e-7)
    size = np.linalg.norm(np.cross(motion.m[:, 0], K * motion.m[:, 0] * [0.0, 0.0, 1.0]), axis=-1)
    assert_allclose(motion.unbalanced, size, atol=1e-12)


@pytest.mark.parametrize("damping", [0.1, 2.0])
def test_a_spin_at_rest_grows_by_the_eigenvalue_of_its_own_two_equations(damping):
    """S (1 + α m×) dm/dt = f with f = [[τ_D', -K_y], [K_x, τ_D']] along z: a quadratic for the rate."""
    K, K_d, D, F = 0.3, 0.5, 0.04, 0.07
    chain = spin_chain(exchange=1.0, anisotropy=K, planes=(0, 1), demagnetization=K_d)
    torque = SpinTorque.on(chain, 0, polarizer=(0.0, 0.0, -1.0), damping_like=D, field_like=F)
    # of small (x, y): m×h is (K + K_d) y x̂ - K x ŷ, p×m with p = -z is F (y x̂ - x ŷ), and m×(p×m) is D (x, y)
    f = np.array([[D, K + K_d + F], [-(K + F), D]])
    turn = np.array([[1.0, -damping], [damping, 1.0]])
    expected = np.linalg.eigvals(np.linalg.solve(turn, f))
    found = growth_rate(chain, torque, np.array([[0.0, 0.0, 1.0]]), damping=damping)
    assert_allclose(found.real, expected.real.max(), atol=1e-14)
    assert_allclose(abs(found.imag), abs(expected.imag).max(), atol=1e-14)
    assert abs(found.imag) > 0.05


def test_a_threshold_is_bracketed_by_few_solutions_and_named_by_how_the_wall_is_left(monkeypatch):
    chain = spin_chain(exchange=1.0, anisotropy=0.1, planes=(0, 2), demagnetization=0.15)
    torque = SpinTorque.on(chain, 0, polarizer=sj.unit_vector(2.5, 0.2), damping_like=1.0, field_like=0.1)
    solved = []

    def counted(*args, **given):
        solved.append(given)
        return static_wall(*args, **given)

    monkeypatch.setattr("kwant_spinjunc.magnets.dynamics.static_wall", counted)
    found = critical_torque(chain, torque, damping=0.1, largest=3.0)
    assert len(solved) < 40
    near = [torque.scaled(x * found.factor) for x in (1 - 1e-6, 1 + 1e-6)]
    rates = [growth_rate(chain, t, static_wall(chain, t, start=found.m), damping=0.1) for t in near]
    assert rates[0].real < 0 < rates[1].real
    assert found.kind == "precession"
    assert_allclose(found.frequency, abs(rates[0].imag), rtol=1e-4)
    assert_allclose(found.m, static_wall(chain, torque.scaled(found.factor), start=found.m), atol=1e-9)
    with pytest.raises(ConvergenceError, match="stable up to"):
        critical_torque(chain, torque, damping=0.1, largest=0.9 * found.factor)


def test_a_torque_that_no_static_state_holds_is_refused_with_what_is_left_of_it():
    chain = spin_chain(exchange=1.0, anisotropy=0.1, planes=(0, 1), demagnetization=0.15)
    torque = SpinTorque.on(chain, 0, polarizer=(1.0, 0.0, 0.0), damping_like=1.0, field_like=0.0)
    with pytest.raises(ConvergenceError, match="unbalanced torque of .* of the anisotropy"):
        static_wall(chain, torque)
    held = static_wall(chain, torque.scaled(0.05))
    assert_allclose(np.cross(held, chain.field(held)), -torque.scaled(0.05).at(held), atol=1e-12)


# ---------------------------------------------------------------------- chains
def test_a_chain_follows_its_branch_by_steps_to_the_end_it_names():
    """One spin under a torque τ along y: (K/2) sin 2θ = -τ has its last solution at K/2."""
    K = 0.4
    chain = spin_chain(exchange=1.0, anisotropy=K, planes=(0, 1))
    for share in (-0.99, 0.3, 0.99):
        assert_allclose(relax(chain, [share * K / 2]).theta, [np.arcsin(share) / 2], atol=1e-9)
    with pytest.raises(ConvergenceError, match=r"ends at 0\.(49|50)\d\d of it, with a tilt of 0\.7"):
        relax(chain, [K])


def test_a_start_leads_to_the_equilibrium_beside_it_and_nothing_else_is_a_start():
    K, tau = 0.4, 0.05
    chain = spin_chain(exchange=1.0, anisotropy=K, planes=(0, 1))
    here = np.arcsin(2 * tau / K) / 2
    for start, theta, stable in ((0.2, here, True), (np.pi / 2 - 0.1, np.pi / 2 - here, False)):
        found = relax(chain, [tau], start=[start])
        assert_allclose(found.theta, [theta], atol=1e-9)
        assert found.stable is stable
        by_vector = relax(chain, [tau], start=3.0 * sj.unit_vector([start]))
        assert_allclose(by_vector.m, found.m, atol=1e-9)
    for start in ([0.1, 0.2], np.zeros((1, 3)), [[0.0, 1.0]]):
        with pytest.raises(sj.ArgumentError, match="`start` must be 1 angles or nonzero vectors"):
            relax(chain, [tau], start=start)


@pytest.mark.parametrize(
    ("evaluations", "words"), [(1, "too few"), (2, "shrinks by a factor"), (8, "shrinks by a factor")]
)
def test_an_unfinished_loop_says_how_far_it_came(evaluations, words):
    """A torque that answers the wall by a part of it: what is left shrinks by that part each time."""
    K, part = 0.4, 0.5
    chain = spin_chain(exchange=1.0, anisotropy=K, planes=(0, 1))
    asked = dict(method="damped", tolerance=1e-12, max_evaluations=evaluations)
    report = self_consistent(lambda m: [1e-4 - part * K * np.arctan2(m[0, 0], m[0, 2])], chain, **asked)
    assert (report.converged, report.evaluations) == (False, evaluations)
    assert words in report.reason
    if evaluations == 8:
        rate = float(re.search(r"a factor (\S+) an", report.reason)[1])
        assert_allclose(rate, part, rtol=1e-3)
        missing = int(re.search(r"about (\d+) more", report.reason)[1])
        assert_allclose(missing, np.log(1e-12 / report.residuals[-1]) / np.log(part), atol=1.1)
    done = self_consistent(
        lambda m: [1e-4 - part * K * np.arctan2(m[0, 0], m[0, 2])], chain, **asked | {"max_evaluations": 60}
    )
    assert done.converged
    assert_allclose(done.state.rotation, [1e-4 / K / (1 + part)], rtol=1e-6)


# ---------------------------------------------------------------------- fits
@pytest.mark.parametrize("size", [1e-6, 1.0])
def test_the_covariance_of_a_straight_line_is_that_of_the_textbook(size):
    x = np.array([0.0, 0.4, 1.0, 1.7, 3.0])
    y = size * (1.3 - 0.7 * x + np.array([0.02, -0.03, 0.01, 0.04, -0.05]))
    columns = np.stack([x, np.ones(5)], axis=-1)
    found, covariance, misfit = least_squares_fit(lambda p: columns @ p, y, [0.0, 0.0], lambda _: columns)
    best = np.linalg.lstsq(columns, y, rcond=None)[0]
    assert_allclose(found, best, rtol=1e-9)
    assert_allclose(misfit, columns @ best - y, atol=1e-9 * size)
    expected = np.linalg.inv(columns.T @ columns) * (misfit @ misfit) / (5 - 2)
    assert_allclose(covariance, expected, rtol=1e-7)
    for gradient in ([1, 0], [0, 1], [0.3, -2.0]):
        g = np.array(gradient)
        assert_allclose(standard_error(covariance, *gradient), np.sqrt(g @ expected @ g), rtol=1e-7)
    assert standard_error(-np.eye(2), 1.0, 0.0) == 0.0
    assert relative_misfit(np.array([0.1, -0.3]), 2.0) == 0.15
    assert (relative_misfit(np.zeros(2), 0.0), relative_misfit(np.ones(2), 0.0)) == (0.0, np.inf)


def test_as_many_numbers_as_parameters_leave_no_scatter():
    columns = np.array([[1.0, 0.0], [1.0, 2.0]])
    found, covariance, _ = least_squares_fit(lambda p: columns @ p, np.array([1.0, 3.0]), [0.0, 0.0])
    assert_allclose(found, [1.0, 1.0], atol=1e-9)
    assert abs(covariance).max() < 1e-12


@pytest.mark.parametrize(("residual", "valid"), [(0.01, True), (0.0101, False), (0.0, True)])
def test_a_law_is_valid_up_to_its_tolerance(residual, valid):
    fit = Fit("y = x", {}, residual, "one", 5)
    assert fit.is_valid() is valid
    assert fit.is_valid(residual)
    assert (": valid" in str(fit)) is valid


# ---------------------------------------------------------------------- interfaces
IRON = [
    sj.ferromagnet(onsite=0.9, hopping=0.9, splitting=1.1, m=sj.unit_vector(0.4, 0.9)),
    sj.ferromagnet(onsite=0.6, hopping=1.2, splitting=1.4, m=sj.unit_vector(1.5, -0.3)),
]
COPPER = sj.normal_metal(onsite=0.3, hopping=0.7)


def by_hand(layers, lead, bonds):
    """T_s and G_mix between the metal and given planes, by Kwant: flux into the magnet of spins along it and across."""
    metal = replace(COPPER, m=lead.m)
    alone = sj.Junction(metal, layers, lead, bonds=bonds)
    straight = sj.scatter(alone, 0.1, solver="kwant")
    # of electrons polarized along e, across m, Re G_mix e - Im G_mix m×e enters per channel
    axis = np.cross(np.cross(lead.m, (0.6, 0.0, 0.8)), lead.m)
    axis /= np.linalg.norm(axis)
    across = sj.scatter(replace(alone, left=replace(metal, m=tuple(axis))), 0.1, solver="kwant")
    Q = across.fields.currents[0, 0, 0, 1:]
    return straight.probabilities[1, :, 0, :].sum(axis=0), complex(Q @ axis, -Q @ np.cross(lead.m, axis))


@pytest.mark.parametrize("spacer", [1, 3])
@pytest.mark.parametrize("side", ["left", "right"])
def test_an_interface_of_unlike_hoppings_is_solved_as_it_stands_in_the_junction(side, spacer):
    """Its own bond, planes of another material, some of them against the lead, and no plane of the other magnet."""
    against = replace(IRON[1], onsite=0.8, splitting=0.9, m=tuple(-np.array(IRON[1].m)), thickness=2)
    layers = [replace(IRON[0], onsite=0.7), replace(COPPER, thickness=spacer), against]
    bonds = {1: 0.55, 1 + spacer: 0.45, 2 + spacer: 0.95}
    junction = sj.Junction(IRON[0], layers, IRON[1], bonds=bonds)
    found = interface_parameters(junction, side, 0.1)
    if side == "left":
        T, mixing = by_hand([layers[0]], IRON[0], [0.55, junction.bond_hoppings[0]])
    else:
        T, mixing = by_hand([against], IRON[1], [0.45, 0.95, junction.bond_hoppings[-1]])
    assert_allclose([found.majority, found.minority], T, atol=ROUTES)
    assert_allclose(found.mixing, mixing, atol=1e-9)
    assert abs(found.mixing.imag) > 1e-3
    assert abs(T[0] - T[1]) > 1e-3


@pytest.mark.parametrize("height", [-0.5, 0.3, 2.5])
@pytest.mark.parametrize("steps", [2, 3, 5])
def test_the_residual_of_a_decay_is_the_largest_miss_of_the_conductance_above_or_below(height, steps):
    spacer = sj.normal_metal(onsite=height, hopping=0.7, thickness=2)
    found = fitted.decay_constant(sj.Junction(IRON[0], [spacer], IRON[1]), 0.1, steps=steps)
    law = np.exp(found.fit["log_prefactor"] - 2 * found.kappa * found.planes)
    missed = law / found.conductance - 1
    assert_allclose(found.fit.residual, abs(missed).max(), rtol=1e-9)
    assert missed.min() < 0 < missed.max()


# ---------------------------------------------------------------------- walls
def test_a_plane_against_its_magnet_rests_against_it():
    iron = dict(onsite=0.8, hopping=1.1, splitting=1.4)
    m, copper = sj.unit_vector(1.1), sj.normal_metal(onsite=0.3, hopping=1.2, thickness=2)
    layers = [
        copper,
        sj.ferromagnet(**iron, m=m, thickness=2),
        sj.ferromagnet(**iron, m=-m),
        replace(copper, thickness=1),
    ]
    junction = sj.Junction(sj.ferromagnet(**iron), layers, copper)
    given = dict(stiffness=1e-13, anisotropy=1e7, lattice_constant=0.25, planes=(2, 0), k=(0.0, 0.0))  # held by itself
    found = wall.self_consistent_wall(junction, current_density=0.0, energy=0.1, **given)
    assert_allclose(found.chain.easy_angle, [0.0, 0.0, 1.1, 1.1, 1.1 - np.pi], atol=1e-12)
    assert found.chain.left_planes == 2


def test_planes_of_either_magnet_are_joined_by_its_own_hopping_and_bonds_stay_where_they_are():
    junction = sj.Junction(IRON[0], [replace(COPPER, thickness=2)], IRON[1], bonds=[0.51, 0.52, 0.53])
    resolved = resolve_magnets(junction, (2, 3))
    assert resolved.bond_hoppings.tolist() == [0.9] * 2 + [0.51, 0.52, 0.53] + [1.2] * 3
    assert [plane.onsite for plane in resolved.planes] == [0.9] * 3 + [0.3] * 2 + [0.6] * 4
    free = sj.Junction(IRON[0], [], COPPER)
    assert len(resolve_magnets(free, (3, 0)).planes) == 5
    with pytest.raises(sj.ArgumentError, match="must be 0 on the right, but is 1: that lead is not magnetic"):
        resolve_magnets(free, (3, 1))


def test_more_planes_than_are_resolved_take_as_many_more_momenta(monkeypatch):
    iron = dict(onsite=5.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
    junction = sj.Junction(sj.ferromagnet(**iron), [], sj.ferromagnet(**iron | {"onsite": 4.6}, m=(1.0, 0.0, 0.0)))
    counts = [len(zone(resolve_magnets(junction, n))[1]) for n in (34, 69, 139)]
    assert counts[1] == pytest.approx(2 * counts[0], rel=0.05)
    assert counts[2] == pytest.approx(4 * counts[0], rel=0.05)
    asked = []
    monkeypatch.setattr(
        wall, "zone", lambda junction, energy, *, step: asked.append(step) or zone(junction, energy, step=0.5)
    )
    monkeypatch.setattr(wall, "self_consistent", lambda torque, chain, **loop: asked.append(chain) or 1 / 0)
    for planes in (20, 139):
        with pytest.raises(ZeroDivisionError):
            wall.self_consistent_wall(
                junction, stiffness=2e-11, anisotropy=1e6, current_density=1e11, lattice_constant=0.25, planes=planes
            )
    assert_allclose([asked[0], asked[2]], [wall.STEP, wall.STEP / 4])


# ---------------------------------------------------------------------- angular responses
QUARTER = np.linspace(0.0, np.pi / 2, 5)


@pytest.mark.parametrize(
    ("angles", "current", "words"),
    [
        (QUARTER, np.ones(5), None),
        (QUARTER[:4] * 2, np.ones(4), "at least 5 over a range of 90 degrees, but are 4 over 135"),
        (0.99 * QUARTER, np.ones(5), "but are 5 over 89.1"),
        (QUARTER - 1e-3, np.ones(5), r"must lie in \[0, π\], but reach from -0.001"),
        (2 * QUARTER * (1 + 1e-13), np.ones(5), None),
        (2 * QUARTER * (1 + 1e-11), np.ones(5), "must lie in"),
        (QUARTER, np.zeros(5), "No current flows"),
        (QUARTER, np.array([1.0, 2.0, 1.0, 3e-12, 1.0]), None),
        (QUARTER, np.array([1.0, 2.0, 1.0, 1e-12, 1.0]), "vanishes at some"),
        (QUARTER, np.array([1.0, 2.0, -1.0, 1.0, 1.0]), "vanishes at some"),
        (QUARTER, -np.array([1.0, 2.0, 1.0, 1.0, 1.0]), None),
    ],
)
def test_a_response_has_angles_enough_and_a_current_at_each(angles, current, words):
    given = np.zeros((2, len(angles), 2))
    if words is None:
        assert fitted.AngularResponse(angles, current, *given).current is current
    else:
        with pytest.raises(sj.ArgumentError, match=words):
            fitted.AngularResponse(angles, current, *given)


@pytest.mark.parametrize(
    "given", [dict(cross_section=(2, 1)), dict(energy=[0.1, 0.2]), dict(k=[(0.1, 0.2), (0.3, 0.1)])]
)
def test_the_junction_of_a_supercell_or_a_batch_is_not_turned(given):
    layers = [replace(layer, in_plane_hopping=0.2) for layer in (IRON[0], COPPER, IRON[1])]
    junction = sj.Junction(layers[0], [layers[1]], layers[2])
    solved = sj.scatter(junction, **{"energy": 0.1, **given})
    with pytest.raises(sj.ArgumentError, match="must be of one energy and one cell per plane"):
        fitted.angular_response_from(solved)


def test_the_accuracy_that_is_asked_for_is_that_of_every_average(monkeypatch):
    layers = [replace(layer, in_plane_hopping=0.2) for layer in (IRON[0], COPPER, IRON[1])]
    junction = sj.Junction(layers[0], [layers[1]], replace(layers[2], m=(1.0, 0.0, 0.0)))
    asked, mean = [], halves_zone.mean

    def noted(*args, rtol, **given):
        asked.append(rtol)
        return mean(*args, rtol=1e-2, **given)

    monkeypatch.setattr(halves_zone, "mean", noted)
    for ask in (
        lambda **given: multiscale.solve_interface(junction, 0.1, **given),
        lambda **given: multiscale.mixing_conductances(junction, 0.1, **given),
        lambda **given: interface_parameters(junction, "left", 0.1, "average", **given),
        lambda **given: multiscale.multiscale(
            lambda: junction, multiscale.cobalt(), lattice_constant=0.25, energy=0.1, turned_by=None, **given
        ),
    ):
        ask(rtol=1e-3)
        assert set(asked) == {1e-3}
        asked.clear()
        ask()
        assert set(asked) == {1e-8}
        asked.clear()


# ---------------------------------------------------------------------- Kwant systems
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (dict(k=[0.1, 0.2]), "at one momentum or averaged"),
        (dict(k=0.3, behind=lambda site: site.pos[0] < 2), "must separate lead 0, in front of it, from lead 1"),
        (dict(k=0.3, angles=[0.1, 0.2]), "`angles` must be at least 5"),
    ],
)
def test_a_system_that_has_no_one_angular_response_is_refused(given, words):
    with pytest.raises(sj.ArgumentError, match=words):
        system_response(altermagnet_junction(), 0.1, **{"angles": np.linspace(0.0, np.pi, 5), **given})


def test_a_system_names_its_cut_where_there_are_several_or_none():
    device = altermagnet_junction()
    asked = dict(angles=np.linspace(0.0, np.pi, 5))
    cuts = dict(device.cuts)
    with pytest.raises(sj.ArgumentError, match="one of none so far"):
        system_response(replace(device, cuts={}), 0.1, 0.3, **asked)
    with pytest.raises(sj.ArgumentError, match="must name the cut in the spacer, one of "):
        system_response(replace(device, cuts=cuts | {"other": next(iter(cuts.values()))}), 0.1, 0.3, **asked)
    found = system_response(device, 0.1, 0.3, **asked)
    named = system_response(device, 0.1, 0.3, **asked, behind=next(iter(cuts)))
    assert_allclose(named.damping_like, found.damping_like, rtol=0)
    twice = replace(device, cuts=cuts | {"other": next(iter(cuts.values()))})
    whole = fitted.effective_parameters(twice, 0.1, 0.3, **asked, behind="other")
    assert_allclose(whole.response.damping_like, found.damping_like, rtol=0)


@pytest.mark.parametrize(
    ("k", "words"),
    [
        (None, "Γ"),
        ("average", "Brillouin-zone average"),
        (np.float64(0.3), "k = 0.3"),
        ((np.float64(0.3), 0), "k = (0.3, 0.0)"),
        (np.array([0.3, -0.5]), "k = (0.3, -0.5)"),
    ],
)
def test_momenta_are_written_as_python_writes_numbers(k, words):
    """NumPy 2 writes np.float64(0.3), which no reader of an exported file expects."""
    assert place_of(k) == words
