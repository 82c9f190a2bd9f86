"""Units are defined once: CODATA values, round trips, and the lattice against the free electron."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from kwant_spinjunc import units
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.model.junction import ferromagnet
from kwant_spinjunc.theory import slonczewski

positive = st.floats(0.05, 5)


def test_constants_have_their_codata_values():
    # SciPy's tables of 2018 and 2022 differ by 1e-9.
    half_of_the_quantum, rydberg_bohr_squared = 3.874045865e-5, 13.605693123 * 0.0529177210903**2
    np.testing.assert_allclose(units.CONDUCTANCE_QUANTUM, half_of_the_quantum, rtol=1e-9)
    np.testing.assert_allclose(units.ELECTRON_HBAR2_2M, rydberg_bohr_squared, rtol=1e-8)


@given(positive, positive)
def test_hopping_of_a_mass(mass, a):
    t = units.hopping_from_mass(mass, a)
    assert t * a**2 == pytest.approx(float(units.hbar2_2m_from_mass(mass)))


@given(st.floats(-5, 5), positive, st.floats(-1, 1))
def test_band_bottom_and_onsite_meet_the_dispersion(bottom, t, t_parallel):
    onsite = units.onsite_from_band_bottom(bottom, t, t_parallel)
    layer = ferromagnet(onsite=float(onsite), hopping=t, splitting=0.0, in_plane_hopping=t_parallel)
    lowest = layer.band_edges(band_shift=2.0)[0, 0]  # k∥ = 0: cos kx a + cos kz a = 2
    assert lowest == pytest.approx(bottom, abs=1e-12)


def test_chain_and_cubic_stack_have_their_known_shifts():
    assert units.onsite_from_band_bottom(0.0, 1.0) == 2.0
    assert units.onsite_from_band_bottom(0.0, 1.0, 1.0) == 6.0


@pytest.mark.parametrize("isotropic", [False, True])
def test_free_electron_iron_has_the_published_wave_numbers_for_a_fine_grid(isotropic):
    up, down = units.IRON_WAVE_NUMBERS
    np.testing.assert_allclose([up / 10, down / 10], [1.09, 0.42])  # per Å: Stearns 1977, Slonczewski 1989
    errors = []
    for a in (0.02, 0.01):
        iron = ferromagnet(**units.free_electron_ferromagnet(lattice_constant=a, isotropic=isotropic))
        levels = iron.levels(band_shift=2.0)
        k = np.arccos(levels / (2 * iron.hopping)) / a  # E_F = 0 = level - 2t cos ka
        errors.append(k / [up, down] - 1)
    # 4t sin²(ka/2) = ħ²k²/2m holds to (ka)²/24.
    np.testing.assert_allclose(errors[1], np.array([up, down]) ** 2 * 0.01**2 / 24, rtol=0.01)
    np.testing.assert_allclose(errors[0] / errors[1], 4.0, rtol=0.02)


@pytest.mark.parametrize("isotropic", [False, True])
def test_matched_wave_numbers_are_exact_on_the_lattice(isotropic):
    values = units.free_electron_ferromagnet(
        8.0, 3.0, lattice_constant=0.3, fermi_energy=1.5, isotropic=isotropic, match="wave number"
    )
    iron = ferromagnet(**values)
    k = np.arccos((iron.levels(band_shift=2.0) - 1.5) / (2 * iron.hopping)) / 0.3
    np.testing.assert_allclose(k, [8.0, 3.0], rtol=1e-12)


def test_free_electron_levels_invert_the_wave_numbers():
    center, splitting = units.free_electron_levels(*units.IRON_WAVE_NUMBERS, effective_mass=1.3, fermi_energy=0.7)
    k = slonczewski.wave_numbers(0.7, center, splitting, float(units.hbar2_2m_from_mass(1.3)))
    np.testing.assert_allclose(k, units.IRON_WAVE_NUMBERS)


@given(st.floats(-3, 3), positive)
def test_torque_is_half_hbar_per_electron_of_the_spin_current(current, a):
    """(ħ/2e) times the current density is the torque per area."""
    expected = constants.hbar / (2 * constants.e) * units.current_density(current, a)
    assert units.torque_per_area(current, a) == pytest.approx(float(expected), rel=1e-12, abs=1e-30)
    assert units.torque_to_joule(current) == pytest.approx(current * constants.e / (4 * np.pi), rel=1e-12, abs=1e-40)
    assert units.flux_rate(current) * constants.e == pytest.approx(
        float(units.conductance_to_siemens(current)), rel=1e-12, abs=1e-40
    )


def test_resistance_area_product_of_a_ballistic_contact():
    # Sharvin: one channel of one spin in (0.2 nm)² is about 1 mΩ µm².
    assert units.resistance_area_product(1.0, 0.2) == pytest.approx(constants.h / constants.e**2 * 0.04e-6)
    assert units.conductance_per_area(2.0, 0.2) * units.resistance_area_product(2.0, 0.2) == pytest.approx(1e12)


def test_leading_axes_broadcast():
    assert units.hopping_from_mass(np.ones((2, 1)), np.ones(3)).shape == (2, 3)
    assert units.torque_per_area(np.ones((2, 1)), np.ones(3)).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: units.hopping_from_mass(0.0, 1.0), "effective_mass"),
        (lambda: units.hopping_from_mass(1.0, -1.0), "lattice_constant"),
        (lambda: units.onsite_from_band_bottom(np.nan, 1.0), "band_bottom"),
        (lambda: units.resistance_area_product(0.0, 1.0), "conductance"),
        (lambda: units.current_density(1.0, 0.0), "lattice_constant"),
        (lambda: units.free_electron_levels(1.0, 2.0), "k_majority"),
        (lambda: units.free_electron_ferromagnet(lattice_constant=0.287), "lattice_constant"),
        (lambda: units.free_electron_ferromagnet(lattice_constant=0.01, match="energy"), "match"),
    ],
)
def test_arguments_the_physics_does_not_allow_are_named(call, name):
    with pytest.raises(ArgumentError, match=f"`{name}`"):
        call()
