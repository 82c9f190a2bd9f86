"""Effective parameters: what the fits recover where the law holds, and that they say so where it does not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, numbers, repetitions, spin_valves

import kwant_spinjunc as sj
from kwant_spinjunc.halves.zone import mesh
from kwant_spinjunc.magnets.parameters import (
    AngularResponse,
    angular_response,
    angular_response_from,
    decay_constant,
    effective,
    effective_parameters,
    fits,
    interface_parameters,
    interfaces,
    torque,
)
from kwant_spinjunc.model.plane import band_shift
from kwant_spinjunc.theory import circuit, slonczewski, tunnelling
from systems.asymmetric_junction import asymmetric_junction
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

#: A fit of data that obey its law: least squares stop at rounding of the squared misfit.
FITTED = 1e-7
#: Two routes through the same engine.
ROUTES = 1e-10
Phi = np.linspace(0, np.pi, 13)


def given_response(current, right, left, field_like):
    """An angular response from curves: the torques on the left and right magnets and n-components on both."""
    return AngularResponse(Phi, current, np.stack([left, right], -1), np.stack([-field_like, field_like], -1))


# ---------------------------------------------------------------------- fits
@given(P=numbers(0.05, 0.9), asymmetry=numbers(0.3, 3.0), prime=numbers(-0.3, 0.3), flow=st.sampled_from([1.0, -1.0]))
@examples(12, full=25)
def test_the_law_of_slonczewski_is_recovered_from_its_own_curves(P, asymmetry, prime, flow):
    torque = 2 * slonczewski.angular_efficiency(Phi, P, asymmetry) * np.sin(Phi)
    current = flow * (1 + 0.1 * np.cos(Phi))
    found = effective_parameters(
        given_response(current, torque * current, -torque * current, prime * np.sin(Phi) * current)
    )
    for side in ("left", "right"):
        fit = found.torque(side).symmetric
        assert fit.residual < FITTED
        assert fit["P"] == pytest.approx(P, rel=1e-6)
        assert fit["Lambda"] == pytest.approx(asymmetry, rel=1e-6)
    # n = m_L×m_R of spins is m_fixed×m_free of magnetizations for a free right magnet, and dm/dt of m is that of -s
    assert found.torque("right").symmetric["epsilon_prime"] == pytest.approx(-prime / 2, abs=1e-12)
    assert found.torque("left").symmetric["epsilon_prime"] == pytest.approx(prime / 2, abs=1e-12)


@given(p_left=numbers(-0.8, 0.8), p_right=numbers(-0.8, 0.8))
@examples(12, full=25)
def test_tunnelling_gives_the_asymmetry_and_polarization_of_the_product_of_polarizations(p_left, p_right):
    """Λ² = (1 + χ)/(1 - χ) and P = P_L/(1 + χ) with χ = P_L P_R."""
    factors = np.outer([1 + p_left, 1 - p_left], [1 + p_right, 1 - p_right]) / 2
    chi = p_left * p_right
    conductance = 1 + chi * np.cos(Phi)
    left, right = slonczewski.torques_from_spin_factors(factors, Phi)
    found = effective_parameters(given_response(conductance, right, left, 0 * Phi))
    assert found.conductance["chi"] == pytest.approx(chi, abs=1e-9)
    assert found.polarizations["P_L"] == pytest.approx(p_left, abs=1e-9)
    assert found.polarizations["P_R"] == pytest.approx(p_right, abs=1e-9)
    assert abs(found.chi_defect) < 1e-9
    for side, polarization in (("right", p_left), ("left", p_right)):
        fit = found.torque(side).symmetric
        if abs(polarization) > 0.01:
            assert fit["Lambda"] ** 2 == pytest.approx((1 + chi) / (1 - chi), rel=1e-6)
            assert fit["P"] == pytest.approx(polarization / (1 + chi), rel=1e-6)


def test_two_terms_describe_a_valve_of_different_contacts_that_one_term_does_not():
    left, right = circuit.Contact(1.6, 0.4, 1.5), circuit.Contact(0.9, 0.6, 2.5)
    m_left = np.broadcast_to([0.0, 0.0, 1.0], (13, 3))
    m_right = np.stack([np.sin(Phi), 0 * Phi, np.cos(Phi)], -1)
    valve = circuit.solve_spin_valve(left, right, m_left, m_right)
    e = np.stack([np.cos(Phi), 0 * Phi, -np.sin(Phi)], -1)
    right_torque = -np.sum(valve.torques[:, 1] * e, -1)
    left_torque = valve.torques[:, 0, 0]
    found = effective_parameters(given_response(valve.conductance, right_torque, left_torque, 0 * Phi)).torque("right")
    assert found.asymmetric.residual < 1e-6
    assert found.symmetric.residual > 100 * found.asymmetric.residual


def test_standard_errors_grow_with_noise_and_cover_the_truth():
    rng = np.random.default_rng(5)
    torque = 2 * slonczewski.angular_efficiency(Phi, 0.4, 1.5) * np.sin(Phi)
    misses, errors = [], []
    for size in (1e-4, 1e-2):
        noise = size * rng.standard_normal(13) * np.sin(Phi)
        fit = (
            effective_parameters(given_response(np.ones(13), torque + noise, -torque, 0 * Phi))
            .torque("right")
            .symmetric
        )
        errors.append(fit.estimates["P"].error)
        misses.append(abs(fit["P"] - 0.4))
    assert 20 < errors[1] / errors[0] < 500
    assert all(miss < 6 * error for miss, error in zip(misses, errors, strict=True))


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e6])
def test_standard_errors_are_the_scatter_of_repeated_fits_in_any_unit(size):
    """A spread of 75 fits is known to 8 %, of 300 to 4 %; weights differ where noise of 1/G is not that of G."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(repetitions(75, 300)):
        current, torque = size * (np.array([[1.0], [0.5]]) * np.array([1 + 0.3 * np.cos(Phi), np.sin(Phi)]))
        current = current + 1e-3 * size * rng.standard_normal(13)
        found.append(effective_parameters(given_response(current, torque, -torque, 0 * Phi)))
    for names, fit in (
        (("G_0", "chi"), lambda f: f.conductance),
        (("R_P", "R_AP", "Lambda"), lambda f: f.resistance),
    ):
        for name in names:
            spread = np.std([fit(f)[name] for f in found])
            claimed = np.mean([fit(f).estimates[name].error for f in found])
            assert 0.5 < claimed / spread < 2.0, name


@given(junction=spin_valves())
@examples(10, full=15)
def test_one_channel_obeys_the_law_of_slonczewski_exactly(junction):
    """At a fixed in-plane wave vector current and damping-like torque share one denominator, whatever the spacer."""
    try:
        found = effective_parameters(junction, 0.3)
    except sj.SpinjuncError:
        return  # no current, or none antiparallel
    response = found.response
    for side in ("left", "right"):
        fit = found.torque(side).symmetric
        law, _ = response.efficiencies(side)
        curve = slonczewski.angular_efficiency(response.angles, fit["P"], fit["Lambda"]) * np.sin(response.angles)
        assert abs(curve - law).max() <= 1e-5 * abs(law).max() + 1e-12


def test_a_metallic_valve_breaks_the_tunnelling_laws_and_says_so():
    found = effective_parameters(spin_valve())
    assert not found.conductance.is_valid()
    assert not found.polarizations.is_valid()
    assert "NOT VALID" in str(found)


def test_tunnelling_laws_hold_the_better_the_thicker_the_barrier():
    residuals = [effective_parameters(tunnel_junction(thickness=n)).polarizations.residual for n in (2, 4, 6)]
    assert residuals[0] > 5 * residuals[1] > 25 * residuals[2]


def test_polarizations_behind_a_thick_barrier_are_those_of_the_interfaces():
    """P = (f_+ - f_-)/(f_+ + f_-) of the lattice's interface factors."""
    junction = asymmetric_junction(thickness=8)
    found = effective_parameters(junction)
    for name, lead in zip(("P_L", "P_R"), junction.leads, strict=True):
        wall = junction.layers[0]
        green = tunnelling.surface_green_function(0.0, lead.levels(), lead.hopping)
        rho = tunnelling.lattice_reflection(green, np.arccosh(wall.onsite / (2 * wall.hopping)), wall.hopping)
        f = tunnelling.interface_factor(rho)
        assert found.polarizations[name] == pytest.approx((f[0] - f[1]) / f.sum(), rel=1e-5)


# ---------------------------------------------------------------------- where the data come from
def test_rotation_keeps_each_half_and_sets_the_angle():
    junction = replace(asymmetric_junction(theta=2.0), buffer=2)
    for angle in (0.0, 0.4, np.pi):
        turned = junction.turned(m_right=junction.directions_at(angle))
        assert turned.angle == pytest.approx(angle, abs=1e-7)
        assert turned.cut is not None
        np.testing.assert_allclose(turned.bond_hoppings, junction.bond_hoppings)
        assert [plane.onsite for plane in turned.planes] == [plane.onsite for plane in junction.planes]


def test_sweep_results_and_junctions_give_the_same_parameters():
    dataset = sj.sweep(asymmetric_junction, energy=0.0, theta=Phi, progress=False)
    results = [sj.scatter(asymmetric_junction(theta=t), 0.0, solver="halves") for t in Phi]
    reference = angular_response(asymmetric_junction(), 0.0, angles=Phi)
    for other in (angular_response_from(dataset), angular_response_from(results), angular_response_from(results[3])):
        np.testing.assert_allclose(other.current, reference.current, rtol=ROUTES)
        np.testing.assert_allclose(
            other.damping_like, reference.damping_like, atol=ROUTES * abs(reference.current).max()
        )
        np.testing.assert_allclose(other.field_like, reference.field_like, atol=ROUTES * abs(reference.current).max())


def test_a_small_bias_gives_the_linear_response():
    """Identical parameters but for terms linear in the bias."""
    linear = effective_parameters(asymmetric_junction()).torques
    for name in ("P", "epsilon_prime"):
        exact = np.array([torque.symmetric[name] for torque in linear])
        large, small = (
            np.array([t.symmetric[name] for t in effective_parameters(asymmetric_junction(), bias=V).torques]) - exact
            for V in (1e-2, 1e-3)
        )
        np.testing.assert_allclose(large / small, 10, rtol=0.02)
        assert abs(small).max() < 1e-2 * abs(exact).max()


def test_averages_over_the_brillouin_zone_are_fitted_too():
    valve = spin_valve(in_plane_hopping=0.8)
    found = effective_parameters(valve, k="average", angles=np.linspace(0, np.pi, 7))
    assert found.torque("right").symmetric["P"] == pytest.approx(found.torque("left").symmetric["P"], rel=1e-5)
    k, weights = mesh(400)
    low, high = np.moveaxis(valve.layers[0].band_edges(band_shift(k))[..., 0, :], -1, 0)
    fraction = weights @ ((low < 0.0) & (high > 0.0))  # part of the zone has no channel in the spacer
    assert fraction < 0.75
    assert found.interfaces[0].modes == pytest.approx(fraction, abs=1e-3)  # of the mesh: 2e-4


def test_an_average_behind_a_barrier_has_no_mixing_conductance():
    """Regression: the vanishing Im G_mix of a closed spacer must not be refined forever."""
    found = effective_parameters(tunnel_junction(in_plane_hopping=0.1), k="average", angles=np.linspace(0, np.pi, 5))
    assert found.interfaces == ()
    assert found.circuit_residual is None


# ---------------------------------------------------------------------- thickness
def test_decay_is_that_of_the_lattice():
    """κ_eff → arccosh of the barrier's reduced excess, the better the thicker."""
    junction = tunnel_junction(thickness=8)
    exact = np.arccosh((junction.layers[0].onsite - 0.0) / (2 * junction.layers[0].hopping))
    found = decay_constant(junction)
    assert found.kappa == pytest.approx(exact, rel=1e-5)
    assert found.fit.is_valid()


def test_a_metal_does_not_decay_exponentially_and_the_residual_says_so():
    assert not decay_constant(spin_valve(spacer_onsite=0.7)).fit.is_valid()


# ---------------------------------------------------------------------- one interface
@pytest.mark.parametrize("side", ["left", "right"])
def test_mixing_conductance_of_an_interface_follows_from_its_reflections(side):
    """Against Kwant: r_↑ and r_↓ of N|F, the metal's own m along the magnet's so that channels are its spins."""
    junction = asymmetric_junction(thickness=3, height=-0.8)
    lead = junction.leads[("left", "right").index(side)]
    found = interface_parameters(junction, side, 0.0)
    metal = replace(junction.layers[0], thickness=1, m=lead.m)
    alone = sj.Junction(metal, [], lead, bonds=None)
    result = sj.scatter(alone, 0.0, solver="kwant")
    T = result.probabilities[1, :, 0, :].sum(axis=0)
    np.testing.assert_allclose([found.majority, found.minority], T, atol=1e-9)
    assert found.mixing.real >= (found.majority + found.minority) / 2 - 1e-12
    # |1 - G_mix| = |r_↑ r_↓*|: the phase needs both spins, the size only the probabilities
    R = [result.probabilities[0, s, 0, s] for s in (0, 1)]
    assert abs(found.modes - found.mixing) == pytest.approx(np.sqrt(R[0] * R[1]), abs=1e-9)


def test_mixing_conductance_does_not_depend_on_where_the_spacer_is_cut():
    thin, thick = (interface_parameters(spin_valve(spacer=n, spacer_onsite=0.3), "right", 0.2) for n in (1, 6))
    assert thin.mixing == pytest.approx(thick.mixing, abs=1e-12)


def test_phase_of_the_mixing_conductance_turns_the_spin_as_the_field_like_torque_does():
    """Im G_mix: a spin in the metal turns about m. Against the flux at the interface from a superposition of spins."""
    found = interface_parameters(asymmetric_junction(thickness=3, height=-0.8), "right", -1.0)  # minority closed
    assert abs(found.mixing.imag) > 1e-3  # a sign to be tested at all
    metal = replace(asymmetric_junction(height=-0.8).layers[0], thickness=1, m=(1.0, 0.0, 0.0))
    magnet = replace(asymmetric_junction().right, m=(0.0, 0.0, 1.0))
    # electrons polarized along x: the transverse flux into the magnet is Re G_mix x - Im G_mix z×x per majority channel
    result = sj.scatter(sj.Junction(metal, [], magnet, buffer=1), -1.0, solver="kwant")
    Q = result.fields.currents[0, 0, 0, 1:]
    assert Q[0] == pytest.approx(found.mixing.real, abs=1e-9)
    assert Q[1] == pytest.approx(-found.mixing.imag, abs=1e-9)


@pytest.mark.parametrize("right", [1.0, 0.7])
def test_mirror_images_are_solved_once_and_others_are_not(right, monkeypatch):
    valve = spin_valve()
    junction = replace(valve, right=replace(valve.right, splitting=right))
    each = [interface_parameters(junction, side, 0.2) for side in ("left", "right")]
    solved = []
    original = interfaces.contact_conductances
    monkeypatch.setattr(interfaces, "contact_conductances", lambda *a, **k: solved.append(a) or original(*a, **k))
    both = interfaces.both_interfaces(junction, 0.2, None)
    assert [str(x) for x in both] == [str(x) for x in each]
    assert len(solved) == (1 if right == 1.0 else 2)


def test_slopes_of_the_laws_are_their_derivatives(monkeypatch):
    """Every fit with its own derivative is at the minimum that a numerical one finds."""
    checked = []
    original = fits.least_squares_fit

    def both(model, data, start, slopes=None):
        found = original(model, data, start, slopes)
        if slopes is not None:
            x = np.asarray(found[0], dtype=float)
            steps = 1e-6 * np.eye(len(x))
            numeric = np.stack([(model(x + h) - model(x - h)) / 2e-6 for h in steps], axis=-1)
            np.testing.assert_allclose(slopes(x), numeric, atol=1e-7 * abs(numeric).max())
            checked.append(1)
        return found

    for module in (effective, torque, interfaces):
        monkeypatch.setattr(module, "least_squares_fit", both)
    effective_parameters(spin_valve(spacer_onsite=0.3), 0.2)
    assert len(checked) == 6


# ---------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: effective_parameters(3), "Argument `source` must be"),
        (lambda: angular_response(tunnel_junction(), angles=[0.1, 0.2]), "Argument `angles` must be at least 5"),
        (lambda: angular_response(tunnel_junction(), angles=np.linspace(0, 4, 9)), "must lie in"),
        (lambda: angular_response(tunnel_junction(), bias=0.0), "Argument `bias` must not be 0"),
        (lambda: angular_response(tunnel_junction(), temperature=0.1), "Argument `temperature` must be 0"),
        (lambda: effective_parameters(tunnel_junction()).torque("top"), "Argument `free` must be"),
        (
            lambda: contact(theta=0.0).turned(m_right=(1.0, 0.0, 0.0)),
            "contact of collinear magnets",
        ),
        (lambda: interface_parameters(tunnel_junction(), "left"), "metallic spacer"),
        (lambda: interface_parameters(contact(), "left"), "bare contact"),
        (lambda: decay_constant(contact()), "Argument `layer` must be given"),
        (lambda: decay_constant(tunnel_junction(), steps=1), "Argument `steps`"),
    ],
)
def test_impossible_requests_are_refused_with_the_way_out(call, words):
    with pytest.raises(sj.ArgumentError, match=words):
        call()


def test_a_disordered_junction_is_fitted_by_the_means_of_an_ensemble():
    """The way out that the refusal names; without disorder it is the way in of a clean junction."""
    copper = {"onsite": 0.4, "hopping": 1.0, "thickness": 4}
    iron = {"onsite": 1.0, "hopping": 1.0, "splitting": 1.0}
    left, right = sj.ferromagnet(**iron), sj.ferromagnet(**iron, m=(1.0, 0.0, 0.0))
    dirty, clean = (
        sj.Junction(left, [sj.normal_metal(**copper, disorder=[sj.Anderson(width=width)])], right)
        for width in (0.5, 0.0)
    )
    with pytest.raises(sj.ArgumentError, match="ensemble.*AngularResponse"):
        angular_response(dirty)
    directions = np.stack([np.sin(Phi), 0 * Phi, np.cos(Phi)], axis=-1)
    fits = []
    for junction in (dirty, clean):
        mean = sj.ensemble(junction, 0.0, realizations=repetitions(2, 4), m_right=directions, workers=1, progress=False)
        response = AngularResponse(Phi, *(mean[name].mean for name in ("conductance", "damping_like", "field_like")))
        fits.append(effective_parameters(response))
    pure = effective_parameters(sj.Junction(left, [sj.normal_metal(**copper)], right))
    for name in ("P", "Lambda"):
        value = pure.torque("right").symmetric[name]
        assert fits[1].torque("right").symmetric[name] == pytest.approx(value, rel=1e-6)
        assert fits[0].torque("right").symmetric[name] != pytest.approx(value, rel=1e-3)


def test_half_metals_antiparallel_are_refused_because_no_current_flows():
    """Torque per current at Φ = π is 0/0."""
    iron = {"onsite": 0.0, "hopping": 1.0, "splitting": 6.0}
    junction = sj.Junction(
        sj.ferromagnet(**iron), [sj.barrier(onsite=3.0, hopping=1.0, thickness=2)], sj.ferromagnet(**iron)
    )
    with pytest.raises(sj.ArgumentError, match="vanishes"):
        effective_parameters(junction, -3.0)
    found = effective_parameters(junction, -3.0, angles=np.linspace(0.0, 2.8, 12))
    assert found.polarizations["P_L"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("R_P", "R_AP", "Lambda"), [(1.0, 1.4, 1.7), (2.0, 2.1, 0.6), (0.3, 0.9, 1.0), (1.0, 0.8, 2.5)]
)
def test_the_metallic_law_is_recovered_from_its_own_curve(R_P, R_AP, Lambda):
    s2, c2 = np.sin(Phi / 2) ** 2, np.cos(Phi / 2) ** 2
    current = 1 / (R_P + (R_AP - R_P) * s2 / (1 + (Lambda**2 - 1) * c2))
    torque = np.sin(Phi) * current
    fit = effective_parameters(given_response(current, torque, -torque, 0 * Phi)).resistance
    assert [fit[name] for name in ("R_P", "R_AP", "Lambda")] == pytest.approx([R_P, R_AP, Lambda], rel=1e-9)
    assert fit.residual < FITTED


@pytest.mark.parametrize(("q_plus", "q_minus", "b"), [(0.4, 0.1, 0.6), (0.3, -0.2, 0.3), (-0.1, 0.5, 0.7)])
def test_two_terms_are_recovered_from_their_own_curve_at_every_angle(q_plus, q_minus, b):
    efficiency = slonczewski.asymmetric_efficiency(Phi, q_plus, q_minus, b)
    current = 1 + 0.1 * np.cos(Phi)
    torque = 2 * efficiency * np.sin(Phi) * current
    found = effective_parameters(given_response(current, torque, -torque, 0 * Phi))
    for side in ("left", "right"):
        fit = found.torque(side).asymmetric
        assert [fit["q_plus"], fit["q_minus"], fit["b"]] == pytest.approx([q_plus, q_minus, b], rel=1e-9)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_diffusive_contact_has_lost_half_the_sharvin_resistance_of_each_side(side):
    """1/G_s - (1/N + 1/N_s)/2 and 1/G_mix - 1/2N, by hand."""
    found = interface_parameters(spin_valve(in_plane_hopping=0.5), side, k=(0.4, 0.2))
    corrected = found.contact(diffusive=True)
    for own, G, N in zip((corrected.majority, corrected.minority), (found.majority, found.minority), found.magnet_modes,
                         strict=True):  # fmt: skip
        expected = 1 / G - (1 / found.modes + 1 / N) / 2
        assert 1 / own == pytest.approx(expected, rel=1e-12)
    assert 1 / corrected.mixing == pytest.approx(1 / found.mixing - 1 / (2 * found.modes), rel=1e-12)
    plain = found.contact()
    assert (plain.majority, plain.minority, plain.mixing) == (found.majority, found.minority, found.mixing)
    with pytest.raises(sj.ArgumentError, match="`diffusive` must be False for a transparent contact"):
        replace(found, majority=found.modes, magnet_modes=(found.modes, 1.0)).contact(diffusive=True)
