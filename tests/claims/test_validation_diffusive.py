"""The claims about disordered metals, Ohm's law and spin diffusion, and the two channels they are held against."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import constants

from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.magnets.multiscale import microscopic_metal, spin_flip_conductance
from kwant_spinjunc.model.disorder import MagneticImpurities
from kwant_spinjunc.spin import PAULI, SIGNS, unit_vector
from kwant_spinjunc.theory.drift_diffusion import match, per_area
from kwant_spinjunc.theory.interface import conductance_matrix, response_of, sharvin_corrected
from kwant_spinjunc.theory.tunnelling import rotation_probabilities
from validation.claims import diffusive_metal, spin_flip
from validation.laboratory import Number
from validation.two_channels import Metal, solve, spin_diffusion_length, transmissions

#: Rounding of linear systems of some hundred nodes.
ROUNDING = 1e-10
#: Planes against a continuum: relative order 1/(12 l_sd²).
LATTICE = 2e-3
HBAR = constants.hbar / constants.e / constants.pico  # eV ps

conductivities = st.tuples(st.floats(0.5, 8.0), st.floats(0.5, 8.0))
flips = st.floats(0.0, 0.1)
MODES = np.array([0.57, 0.62])


def turning(angle, modes=MODES):
    """A contact that reflects nothing and only turns spins, equal modes on both sides."""
    mean = modes.mean()
    R2 = rotation_probabilities(angle) * mean
    P = np.zeros((2, 2, 2, 2))
    P[1, :, 0, :], P[0, :, 1, :] = R2.T, R2
    return SimpleNamespace(conductance=conductance_matrix(P), modes=np.full((2, 2), mean))


# ---------------------------------------------------------------------- the two-channel network
@given(conductivities, conductivities, flips, st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.floats(0.2, 3.0))
def test_network_conserves_charge_everywhere(left, right, flip, mu_plus, mu_minus, angle):
    metals = Metal(4, left, flip), Metal(6, right, flip / 2)
    found = solve(metals, MODES, (mu_plus, mu_minus), 0.3, turning(angle))
    charge = found.currents.sum(axis=1)
    assert_allclose(charge, charge[0], atol=ROUNDING)


@given(conductivities, st.integers(1, 30))
def test_without_spin_flip_a_metal_is_two_resistors(sigma, planes):
    T = transmissions(Metal(planes, sigma), MODES)
    assert_allclose(np.diagonal(T), 1 / (1 / MODES + planes / np.array(sigma)), rtol=ROUNDING)
    assert abs(T[0, 1]) + abs(T[1, 0]) < ROUNDING


@given(conductivities, st.floats(1e-4, 0.1), st.integers(1, 30))
def test_transmission_of_a_metal_is_symmetric(sigma, flip, planes):
    """Onsager: the metal is its own mirror image."""
    T = transmissions(Metal(planes, sigma, flip), MODES)
    assert_allclose(T, T.T, atol=ROUNDING)


@given(conductivities, conductivities)
def test_clean_contact_of_equal_bands_is_no_contact(left, right):
    """Its whole resistance between reservoirs is Sharvin's."""
    metals = Metal(3, left, 0.01), Metal(5, right, 0.02)
    without = solve(metals, MODES)
    assert_allclose(solve(metals, MODES, interface=turning(0.0)).mu, without.mu, atol=1e-8)


def test_accumulation_decays_with_the_spin_diffusion_length():
    metal = Metal(300, (5.0, 1.5), 0.02)
    mu = solve([metal], MODES, (1.0, -1.0), 0.0).mu
    difference = mu[20:50] @ SIGNS
    assert_allclose(-1 / np.diff(np.log(difference)), metal.spin_diffusion_length, rtol=1e-6)


@pytest.mark.parametrize("angle", [0.7, np.pi / 2, 2.5])
def test_long_magnets_of_the_network_are_half_spaces_of_drift_diffusion(angle):
    """Two routes to J_M at the contact: the ladder with its leads, and (7) to (9) matched by (5), (6)."""
    sigma, flip, planes = (5.0, 1.5), 0.002, 400
    contact = turning(angle)
    currents = solve([Metal(planes, sigma, flip)] * 2, MODES, interface=contact).currents
    ladder = (currents @ SIGNS / currents.sum(axis=1))[planes : planes + 2]
    found = microscopic_metal(sigma, spin_diffusion_length(sigma, flip), (0.13, 0.13))
    # the charge resistance of a contact that reflects nothing is zero: a little is added to have one
    response = per_area(response_of(sharvin_corrected(contact.conductance * (1 - 1e-5), contact.modes)), 1.0)
    solution = match(found.material, found.material, response, m_left=unit_vector(0.0), m_right=unit_vector(angle))
    assert_allclose(ladder, solution.J_M / solution.current, rtol=LATTICE)


# ---------------------------------------------------------------------- golden rule and materials
def test_golden_rule_is_the_mean_squared_flip_of_an_impurity():
    """⟨|⟨-|(J/2) n·σ|+⟩|²⟩ over the sphere, times 2π ν_+ ν_- c and h/e²'s 2π."""
    c, J, nu = 0.07, 0.9, (0.11, 0.15)
    z, weights = np.polynomial.legendre.leggauss(20)
    phi = 2 * np.pi * (np.arange(8) + 0.5) / 8
    n = np.stack(
        np.broadcast_arrays(
            np.sqrt(1 - z**2)[:, None] * np.cos(phi), np.sqrt(1 - z**2)[:, None] * np.sin(phi), z[:, None]
        )
    )
    squared = abs(J / 2 * np.einsum("izp,iab->zpab", n, PAULI)[..., 1, 0]) ** 2
    mean = (squared.mean(axis=1) @ weights) / 2
    impurities = MagneticImpurities(concentration=c, exchange=J)
    found = spin_flip_conductance(impurities.concentration, impurities.exchange, nu)
    assert found == pytest.approx(2 * np.pi * 2 * np.pi * nu[0] * nu[1] * c * mean, rel=1e-12)


@given(st.floats(0.5, 8.0), st.floats(0.05, 0.3), st.floats(0.01, 0.3), st.floats(0.1, 1.5), st.floats(0.1, 1.0))
def test_relaxation_time_of_a_normal_metal_counts_two_per_flip(sigma, nu, c, J, a):
    """1/τ of δM = (2π/ħ)(ν/3) c J², whatever the conductivity and the lattice constant."""
    g = spin_flip_conductance(c, J, (nu, nu))
    l_sd = np.sqrt(sigma / (2 * g))
    found = microscopic_metal((sigma, sigma), l_sd, (nu, nu), lattice_constant=a)
    assert found.material.tau * 2 * np.pi / HBAR * nu / 3 * c * J**2 == pytest.approx(1.0, rel=1e-9)
    assert found.material.spin_diffusion_length == pytest.approx(l_sd * a, rel=1e-9)


def test_errors_of_a_material_are_those_of_its_numbers():
    """10⁵ draws of the inputs have the standard deviations that are quoted."""
    rng = np.random.default_rng(3)
    sigma, spread, l_sd, deviation = np.array([5.0, 2.0]), np.array([0.05, 0.03]), 10.0, 0.2
    found = microscopic_metal(sigma, l_sd, (0.13, 0.15), errors=(spread, deviation))
    p, m = (sigma + spread * rng.normal(size=(100_000, 2))).T
    D = (p + m) * found.material.D / sigma.sum()
    tau = (l_sd + deviation * rng.normal(size=p.size)) ** 2 / (D * (1 - ((p - m) / (p + m)) ** 2))
    assert found.errors["beta"] == pytest.approx(np.std((p - m) / (p + m)), rel=0.03)
    assert found.errors["tau"] == pytest.approx(np.std(tau), rel=0.03)


def test_numbers_that_no_metal_has_are_refused():
    with pytest.raises(ArgumentError, match="conductivities"):
        microscopic_metal((1.0, -1.0), 3.0, (0.1, 0.1))
    with pytest.raises(ArgumentError, match="density_of_states"):
        microscopic_metal((1.0, 1.0), 3.0, 0.1)
    with pytest.raises(ArgumentError, match="errors"):
        microscopic_metal((1.0, 1.0), 3.0, (0.1, 0.1), errors=((0.1, 0.1), -1.0))
    with pytest.raises(ArgumentError, match="concentration"):
        spin_flip_conductance(-0.1, 1.0, (0.1, 0.1))


# ---------------------------------------------------------------------- measuring
def test_error_of_a_function_is_its_slope():
    product = Number.of(lambda a, b: a * b, Number(2.0, 0.01), Number(3.0, 0.02))
    assert product.value == pytest.approx(6.0)
    assert product.error == pytest.approx(np.hypot(0.03, 0.04))


def test_straight_resistance_gives_its_conductivity():
    L = np.array([5, 10, 20])
    R = 1.7 + L[:, None] / np.array([4.0, 2.0])
    found = diffusive_metal.ohmic(L, R, np.full((3, 2), 0.01), MODES)
    assert_allclose(found.sigmas, [4.0, 2.0], rtol=1e-9)
    assert found.contact[1].value == pytest.approx(1.7)
    assert found.beta.value == pytest.approx(1 / 3)


@given(conductivities, conductivities)
def test_fields_of_a_network_are_its_slopes(left, right):
    """Without spin flip J_s = σ_s E_s on both sides, and the shares are those of channels in series."""
    found = solve([Metal(12, left), Metal(12, right)], MODES)
    E = diffusive_metal.slopes(found.mu, 12)
    assert_allclose(E * np.array([left, right]), np.tile(found.currents[0], (2, 1)), rtol=1e-8)
    assert_allclose(E[0] / E.sum(axis=0), np.array(right) / (np.array(left) + right), rtol=1e-8)


def test_fit_finds_the_metal_that_made_the_transmissions():
    sigma, flip = (3.6, 1.4), 0.011
    length = np.array([5, 9, 14, 20])
    T = np.array([transmissions(Metal(int(L), sigma, flip), MODES) for L in length])
    parameters, _, chi2 = spin_flip.fit(length, T, 0.01 * T, MODES)
    assert_allclose(parameters, [*sigma, flip], rtol=1e-4)
    assert chi2 < 1e-4


# ---------------------------------------------------------------------- judges
def test_judge_of_the_field_division_asks_the_error_bars():
    printed = [Number(0.5, 0.001), Number(0.7, 0.004)]
    assert diffusive_metal.verdict([Number(0.501, 0.004), Number(0.695, 0.004)], printed) == "holds"
    assert diffusive_metal.verdict([Number(0.501, 0.004), Number(0.3, 0.004)], printed) == "fails"
    assert diffusive_metal.verdict([Number(0.501, 0.004), Number(0.3, 0.2)], printed) == "holds"
    assert diffusive_metal.verdict([Number(0.53, 0.004), Number(0.695, 0.004)], printed) == "fails"


def relaxation(exchange, ratio):
    """A metal whose l_sd is so many times that of the golden rule, known to 2 %."""
    density = np.array([0.13, 0.13])
    g = spin_flip_conductance(spin_flip.CONCENTRATION, exchange, density) / ratio**2
    parameters = np.array([3.0, 3.0, g])
    covariance = np.diag((np.array([0.0, 0.0, 0.04]) * parameters) ** 2)
    return spin_flip.metal_of(parameters, covariance, MODES, density, 0.01, exchange)


def test_judge_of_spin_flip_asks_the_weakest_impurities():
    right, wrong = relaxation(0.6, 1.01), relaxation(2.0, 1.2)
    assert spin_flip.verdict([right, relaxation(0.5, 1.02)], [1.0]) == "holds"
    assert spin_flip.verdict([right], [1.0]) == "holds"
    assert spin_flip.verdict([wrong, right], [1.0]) == "holds in a limit"
    assert spin_flip.verdict([right], [5.0]) == "fails"
    assert spin_flip.verdict([relaxation(0.5, 1.2), wrong], [1.0]) == "fails"
