"""Laws of the multiscale run: what leaves it in amperes and joules is what went in as probabilities and metals."""

from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from scipy import constants
from strategies import numbers, spin_valves

import kwant_spinjunc as sj
from kwant_spinjunc.errors import ArgumentError, NoOpenChannelError
from kwant_spinjunc.magnets import multiscale as ms
from kwant_spinjunc.theory import circuit, interface, valet_fert
from kwant_spinjunc.theory.drift_diffusion import SIEMENS_PER_METER
from systems.asymmetric_junction import asymmetric_junction
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction
from validation.compare import fit_power_law

#: A three-dimensional magnet with few carriers, and junctions of it.
IRON = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0}
valve = partial(spin_valve, spacer_onsite=4.2, **IRON)
barrier = partial(tunnel_junction, height=3.0, **IRON)
different = partial(asymmetric_junction, height=3.0, onsite_right=4.8, splitting_right=1.8, **IRON)
A = 0.25
ANGLES = np.linspace(0.3, 2.8, 4)
#: Sums of some hundred k∥ points and one matching of four unknowns.
ROUNDING = 1e-11


def cobalt_with(length):
    """Cobalt with another spin-diffusion length, nm."""
    cobalt = ms.cobalt()
    return ms.metal(
        resistivity=SIEMENS_PER_METER / cobalt.sigma,
        beta=cobalt.beta,
        spin_diffusion_length=length,
        density_of_states=cobalt.sigma / cobalt.D,
    )


def run(family, metal=None, **axes):
    return ms.multiscale(family, metal or ms.cobalt(), lattice_constant=A, **axes)


@pytest.mark.parametrize("theta", [0.0, np.pi])
def test_collinear_magnets_are_those_of_valet_and_fert(theta):
    """Interface resistances of Schep and Bauer per spin and the closed form in SI, instead of the matching."""
    found = ms.solve_interface(valve(theta=theta))
    # Transmission and channels of each electron spin; at Φ = π majority on the left is minority on the right.
    spin_right = [0, 1] if theta == 0 else [1, 0]
    T = np.array([-found.conductance[1, spin_right[s], 0, s] for s in (0, 1)])
    AR = interface.interface_resistance(T, found.modes[0], found.modes[1, spin_right], A**2 * 1e-18)
    AR = AR * constants.h / constants.e**2
    r_b, gamma = AR.sum() / 4, (AR[1] - AR[0]) / AR.sum()
    metal = ms.cobalt()
    beta = metal.beta
    r = 75e-9 * 59e-9  # ρ* l_sf
    right = beta if theta == 0 else -beta
    data = run(valve, theta=theta, current_density=2e10)
    expected = valet_fert.contact_resistance((beta, right), (r, r), r_b, gamma)
    assert data.resistance_area.item() == pytest.approx(float(expected) * 1e12, rel=1e-9)
    polarization = valet_fert.contact_polarization((beta, right), (r, r), r_b, gamma)
    assert data.magnetization_current.values[0] == pytest.approx(2e10 * float(polarization), rel=1e-9, abs=1e-2)


@pytest.mark.parametrize("family", [valve, barrier, different, partial(contact, **IRON)])
def test_spin_current_through_the_spacer_is_that_of_both_magnets(family):
    """Q·m from the wave functions equals J_M from probabilities, resistances and diffusion."""
    data = run(family, theta=ANGLES)
    assert data.spin_defect.max() < ROUNDING


@given(junction=spin_valves(), energy=numbers(-1.0, 1.0))
def test_torque_on_both_magnets_is_the_missing_spin_current(junction, energy):
    """τ_L + τ_R = (ħ/2e)(J_M^L m_L - J_M^R m_R) for any clean spin valve that conducts."""
    assume(junction.open_channels(energy).any(axis=-1).all() and 0.05 < junction.angle < 3.09)
    data = ms.multiscale(lambda: junction, ms.cobalt(), lattice_constant=A, energy=energy, turned_by=None)
    m_left, m_right = junction.magnetizations
    sine, cosine = np.sin(junction.angle), np.cos(junction.angle)
    e_left, e_right = (m_right - cosine * m_left) / sine, (m_left - cosine * m_right) / sine
    left, right = data.damping_like.values
    expected = constants.hbar / (2 * constants.e) * data.delta_J_M_vector.values
    assert left * e_left + right * e_right == pytest.approx(expected, abs=1e-9 * 1e-5)


def test_without_spin_diffusion_the_currents_are_those_of_reservoirs():
    """A metal that cannot hold a spin accumulation leaves the interface to itself: the difference is of first order."""
    lengths = np.array([1e-3, 1e-2, 1e-1])
    ballistic, diffusive = [], []
    for length in lengths:
        # Behind a barrier the Sharvin correction is of the order of the transmission, 1e-5.
        data = run(barrier, cobalt_with(length), theta=1.0)
        ballistic.append(data.ballistic_delta_J_M.item())
        diffusive.append(data.delta_J_M.item())
    defect = abs(np.array(diffusive) / ballistic - 1)
    assert defect.max() < 1e-4
    metallic = [run(valve, cobalt_with(length), theta=1.0) for length in lengths]
    accumulated = [abs(data.accumulation.values).max() for data in metallic]
    assert fit_power_law(lengths, accumulated).exponent == pytest.approx(1.0, abs=0.05)


def test_everything_is_proportional_to_the_current():
    one, two = (run(different, theta=ANGLES, current_density=J) for J in (1e10, -3e10))
    for name in ("magnetization_current", "accumulation", "damping_like", "field_like", "delta_J_M_vector"):
        assert np.allclose(two[name], -3 * one[name], rtol=1e-12, atol=0), name
    for name in ("resistance_area", "torque_efficiency", "magnetoresistance"):
        assert np.allclose(two[name], one[name], rtol=1e-12, atol=0), name


def test_identical_magnets_feel_no_field_like_torque_and_different_ones_do():
    same, other = run(barrier, theta=ANGLES), run(different, theta=ANGLES)
    assert abs(same.field_like).max() < ROUNDING * abs(same.damping_like).max()
    assert (abs(other.field_like) > 1e-3 * abs(other.damping_like)).all()
    assert np.allclose(other.field_like.sum("magnet"), 0)


def test_numbers_are_in_the_units_they_claim():
    """RA of a tunnel junction is h/e² a²/ΣT, and the torque is ħ/2e times efficiency and current."""
    data = run(barrier, theta=1.0, current_density=1e11)
    T = -data.conductance_matrix.values[1, :, 0, :].sum()
    expected = constants.h / constants.e**2 * (A * 1e-9) ** 2 / T * 1e12
    assert data.resistance_area.item() == pytest.approx(expected, rel=1e-3)
    unit = constants.hbar / (2 * constants.e) * 1e11
    assert data.damping_like.values == pytest.approx(unit * data.torque_efficiency.values, rel=1e-12)
    assert data.angle.item() == pytest.approx(1.0)
    # Accumulation: δ = J_M leakage over the spin conductance of cobalt, 1/(ρ* l_sf).
    leak = 0.46 * 1e11 - data.magnetization_current.values
    assert data.accumulation.values * 1e-3 == pytest.approx(leak * 75e-9 * 59e-9 * np.array([1, -1]), rel=1e-6)


def test_metals_are_what_was_asked_for():
    metal = ms.metal(resistivity=1e-7, beta=0.3, spin_diffusion_length=12.0, density_of_states=100.0)
    assert metal.spin_diffusion_length == pytest.approx(12.0)
    assert metal.sigma / metal.D == pytest.approx(100.0)
    screening = np.sqrt(constants.epsilon_0 / (constants.e * 100.0 * 1e27)) * 1e9
    assert metal.screening_length == pytest.approx(screening, rel=1e-9)


# ---------------------------------------------------------------------- mixing conductances
def test_mixing_conductance_absorbs_at_least_what_passes():
    """Re G_mix >= (G_↑ + G_↓)/2, the same from the transmission-free definition, and mirror images agree."""
    left, right = ms.mixing_conductances(valve(theta=1.0))
    for contact_ in (left, right):
        assert contact_.mixing.real >= (contact_.majority + contact_.minority) / 2
        assert np.all(np.array([contact_.majority, contact_.minority]) <= np.array(contact_.magnet_modes) + 1e-12)
    assert left.mixing == pytest.approx(right.mixing, rel=1e-9)
    assert (left.majority, left.minority) == pytest.approx((right.majority, right.minority), rel=1e-9)


def test_mixing_conductance_is_that_of_kwants_reflection():
    junction, k = valve(theta=1.0), (0.3, 0.5)
    _, right = ms.mixing_conductances(junction, k=k)
    magnet = junction.right
    contact_ = sj.Junction(sj.Layer(4.2, 1.0, m=magnet.m, in_plane_hopping=1.0), [], magnet)
    s = sj.scatter(contact_, 0.0, k)
    r = [s.smatrix.submatrix((0, spin), (0, spin)) for spin in (0, 1)]
    expected = circuit.mixing_conductance(*r, s.probabilities[1, :, 0, :].sum(axis=0))
    # Kwant's modes may carry a phase each, the same for both spins up to a sign of the pair.
    assert right.mixing.real == pytest.approx(expected.real, rel=1e-9)
    assert abs(right.mixing.imag) == pytest.approx(abs(expected.imag), rel=1e-9)


def test_barriers_have_no_mixing_conductance():
    assert ms.mixing_conductances(barrier(theta=1.0)) is None
    assert ms.mixing_conductances(contact(theta=1.0, **IRON)) is None
    assert np.isnan(run(barrier, theta=1.0).mixing_real).all()


def test_diffuse_spacer_between_parallel_magnets_is_two_resistances_in_series():
    contacts = [found.contact(diffusive=True) for found in ms.mixing_conductances(valve(theta=0.0))]
    per_area = constants.e**2 / constants.h / (A * 1e-9) ** 2
    AR = sum(1 / (np.array([contact_.majority, contact_.minority]) * per_area) for contact_ in contacts)
    beta, r = 0.46, 75e-9 * 59e-9
    expected = valet_fert.contact_resistance((beta, beta), (r, r), AR.sum() / 4, (AR[1] - AR[0]) / AR.sum())
    data = run(valve, theta=0.0, transport="diffuse")
    assert data.resistance_area.item() == pytest.approx(float(expected) * 1e12, rel=1e-9)
    assert np.isnan(data.field_like).all()


def test_a_diffuse_spacer_between_half_metals_is_two_resistances_in_series_for_one_spin():
    """The other spin enters neither magnet, with parallel ones nothing determines its potential in the spacer."""
    family = partial(spin_valve, onsite=2.2, splitting=4.0, in_plane_hopping=1.0)
    asked = {"energy": 0.3, "k": (1.4, 1.8)}
    left, right = (found.contact(diffusive=True) for found in ms.mixing_conductances(family(theta=0.0), **asked))
    assert left.minority == right.minority == 0 < left.majority
    per_area = constants.e**2 / constants.h / (A * 1e-9) ** 2
    through = (1 / left.majority + 1 / right.majority) / per_area
    AR = through * np.array([1.0, 1e10])  # nearly nothing, in place of nothing: worth 4e-7 of the result
    beta, r = 0.46, 75e-9 * 59e-9
    expected = valet_fert.contact_resistance((beta, beta), (r, r), AR.sum() / 4, (AR[1] - AR[0]) / AR.sum())
    data = run(family, theta=[0.0, 1.0], transport="diffuse", **asked)
    assert data.resistance_area[0].item() == pytest.approx(float(expected) * 1e12, rel=1e-6)
    assert data.magnetoresistance[1] > 0


# ---------------------------------------------------------------------- the dataset
def test_every_variable_says_what_it_is_and_survives_a_file(tmp_path):
    import xarray as xr

    family = partial(spin_valve, splitting=1.0, in_plane_hopping=1.0, spacer_onsite=4.2)
    data = run(family, theta=ANGLES, onsite=[4.8, 5.0])
    assert data.delta_J_M.dims == ("theta", "onsite")
    for variable in (*data.data_vars.values(), data.theta, data.onsite):
        assert variable.attrs["units"]
        assert variable.attrs["long_name"]
    assert data.attrs["family"] == "family"
    assert "sigma" in data.attrs["left_material"]
    data.to_netcdf(tmp_path / "run.nc", engine="scipy")
    xr.testing.assert_identical(xr.load_dataset(tmp_path / "run.nc", engine="scipy"), data)


def test_a_material_that_was_solved_with_before_is_written_as_before():
    metal, asked = ms.cobalt(), dict(lattice_constant=0.25, theta=0.5, onsite=4.0, in_plane_hopping=1.0, rtol=1e-3)
    first = ms.multiscale(spin_valve, metal, **asked)
    assert metal.modes is metal.modes  # kept with it
    assert ms.multiscale(spin_valve, metal, **asked).attrs["left_material"] == first.attrs["left_material"]


def test_magnetoresistance_starts_at_zero_and_is_undefined_for_a_perfect_crystal():
    assert run(valve, theta=[0.0, 1.0]).magnetoresistance[0].item() == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(run(partial(contact, **IRON), theta=1.0).magnetoresistance)


def test_one_wave_vector_is_not_the_average():
    one, averaged = run(valve, theta=1.0, k=(0.0, 0.0)), run(valve, theta=1.0)
    assert one.modes.sum() == 4
    assert averaged.modes.sum() < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"left": "cobalt"}, "`left` must be a Material"),
        ({"lattice_constant": 0.0}, "`lattice_constant` must be positive"),
        ({"current_density": 0.0}, "`current_density` must not be zero"),
        ({"transport": "dirty"}, "`transport` must be"),
        ({"thetta": 1.0}, "Did you mean `theta`"),
        ({"turned_by": "spacer_onsite", "theta": 1.0}, "`turned_by` must name the parameter"),
        ({"turned_by": "phi"}, "`turned_by` must be one of"),
        ({"family": partial(contact, **IRON), "theta": 0.0}, "ideal contact"),
        ({"family": barrier, "transport": "diffuse"}, "no channel of its spacer is open"),
        (
            {"family": partial(spin_valve, onsite=0.0, splitting=1e-9), "transport": "diffuse", "k": (0, 0)},
            '`transport` must be "coherent"',
        ),
        ({"family": lambda theta=1.0: sj.Junction(barrier().layers[0], [], barrier().right)}, "the left one has no"),
        (
            {
                "family": lambda theta=1.0: sj.Junction(
                    contact().left, [sj.ferromagnet(onsite=1, hopping=1, splitting=1, m=(0, 1, 0))], contact(1.0).right
                )
            },
            "is a texture",
        ),
    ],
)
def test_bad_input_is_refused_by_name(change, message):
    arguments = {"family": valve, "left": ms.cobalt(), "lattice_constant": A, **change}
    with pytest.raises(ArgumentError, match=message):
        ms.multiscale(**arguments)


def test_energy_outside_of_all_bands_is_refused():
    with pytest.raises(NoOpenChannelError, match="no channel is open"):
        run(valve, energy=-5.0, theta=1.0)
