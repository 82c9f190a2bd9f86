"""Junctions with a known answer: closed forms, extended precision, Kwant itself, published limits."""

import kwant
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CONSERVATION, examples, junctions, numbers, scattering_problems

import kwant_spinjunc as sj
from kwant_spinjunc.model.plane import band_shift
from kwant_spinjunc.spin import rotation_matrix

CLOSED_FORM = 1e-9
EXTENDED_PRECISION = 1e-8


@examples(15, full=25)
@given(numbers(0.2, 2.9), numbers(0.2, 2.9))
def test_single_step_transmits_as_its_closed_form(k_left, k_right):
    """Equal hoppings, T = 4 sin k_L sin k_R / |1 - exp(i(k_L + k_R))|²."""
    left = sj.normal_metal(onsite=2 * np.cos(k_left), hopping=1.0)
    right = sj.normal_metal(onsite=2 * np.cos(k_right), hopping=1.0)
    expected = 4 * np.sin(k_left) * np.sin(k_right) / abs(1 - np.exp(1j * (k_left + k_right))) ** 2
    s = sj.scatter(sj.Junction(left, [], right), 0.0)
    np.testing.assert_allclose(s.transmissions, expected * np.eye(2), atol=CLOSED_FORM)


@examples(15, full=25)
@given(numbers(-5, 5), numbers(0.3, 2.8))
def test_delta_barrier_on_the_lattice_transmits_as_its_closed_form(strength, k):
    """One plane raised by U: T = 1/(1 + (U/(2 t sin k))²)."""
    metal = dict(onsite=2 * np.cos(k), hopping=1.0)
    raised = sj.normal_metal(onsite=metal["onsite"] + strength, hopping=1.0)
    s = sj.scatter(sj.Junction(sj.normal_metal(**metal), [raised], sj.normal_metal(**metal)), 0.0)
    expected = 1 / (1 + (strength / (2 * np.sin(k))) ** 2)
    np.testing.assert_allclose(s.conductance, 2 * expected, atol=CLOSED_FORM)


def extended_precision_probabilities(junction, energy, digits=60):
    """T_ss' by a dense Green's function with ``digits`` digits: Fisher-Lee with the analytic lead self-energies."""
    with mpmath.workdps(digits):
        planes, n = junction.planes, len(junction.planes)
        H = mpmath.zeros(2 * n)
        for i, plane in enumerate(planes):
            x, y, z = (mpmath.mpf(component) for component in plane.m)
            norm = mpmath.sqrt(x * x + y * y + z * z)
            half = mpmath.mpf(plane.splitting) / 2 / norm
            H[2 * i, 2 * i] = mpmath.mpf(plane.onsite) - half * z
            H[2 * i + 1, 2 * i + 1] = mpmath.mpf(plane.onsite) + half * z
            H[2 * i, 2 * i + 1] = -half * mpmath.mpc(x, -y)
            H[2 * i + 1, 2 * i] = -half * mpmath.mpc(x, y)
        for b, t in enumerate(junction.bond_hoppings):
            for s in (0, 1):
                H[2 * b + s, 2 * b + 2 + s] = H[2 * b + 2 + s, 2 * b + s] = -mpmath.mpf(t)
        gammas = []
        for lead, first in [(junction.left, 0), (junction.right, 2 * n - 2)]:
            frame = mpmath.matrix(rotation_matrix([0, 0, 1], lead.m).tolist())
            sigma_, gamma = mpmath.zeros(2), []
            for s, sign in ((0, 1), (1, -1)):
                x = (mpmath.mpf(energy) - lead.onsite + sign * mpmath.mpf(lead.splitting) / 2) / (2 * lead.hopping)
                k = mpmath.acos(-x)
                value = -lead.hopping * mpmath.exp(1j * k)
                gamma.append(-2 * value.imag)
                for i in (0, 1):
                    for j in (0, 1):
                        sigma_[i, j] += value * frame[i, s] * mpmath.conj(frame[j, s])
            for i in (0, 1):
                for j in (0, 1):
                    H[first + i, first + j] += sigma_[i, j]
            gammas.append((gamma, frame))
        G = (mpmath.mpf(energy) * mpmath.eye(2 * n) - H) ** -1
        T = np.zeros((2, 2))
        (gamma_left, left), (gamma_right, right) = gammas
        for s in (0, 1):
            for s_out in (0, 1):
                amplitude = sum(
                    mpmath.conj(right[i, s_out]) * G[2 * n - 2 + i, j] * left[j, s] for i in (0, 1) for j in (0, 1)
                )
                T[s, s_out] = float(gamma_left[s] * gamma_right[s_out] * abs(amplitude) ** 2)
        return T


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
@pytest.mark.parametrize("solver", ["kwant", "halves"])
@pytest.mark.parametrize(
    ("height", "thickness"), [(0.0, 4), (3.0, 6), (20.0, 6), (400.0, 5), (4000.0, 4)], ids="height={}".format
)
def test_transmission_keeps_eight_digits_from_one_to_1e_30(height, thickness, solver):
    junction = sj.Junction(
        sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0, m=(0.0, 0.0, 1.0)),
        [sj.barrier(onsite=1.0 + height, hopping=1.0, thickness=thickness)],
        sj.ferromagnet(onsite=0.5, hopping=1.2, splitting=1.5, m=(0.6, 0.0, 0.8)),
    )
    s = sj.scatter(junction, 0.125, solver=solver)
    expected = extended_precision_probabilities(junction, 0.125)
    np.testing.assert_allclose(s.transmissions, expected, rtol=EXTENDED_PRECISION)
    np.testing.assert_allclose(s.bond_currents[0, :, 0], expected.sum(), rtol=EXTENDED_PRECISION)
    if height == 4000.0:
        assert expected.max() < 1e-28


@examples(10, full=25)
@given(scattering_problems(junctions(dispersive=True), dispersive=True))
def test_probabilities_are_those_of_kwant_on_the_built_system(problem):
    junction, energy, k = problem
    smatrix = kwant.smatrix(sj.build(junction, k).finalized(), energy)
    s = sj.scatter(junction, energy, k)
    for (a, s_out, b, s_in), value in np.ndenumerate(s.probabilities):
        np.testing.assert_allclose(value, smatrix.transmission((a, s_out), (b, s_in)), atol=CONSERVATION)
    assert [list(lead.block_nmodes) for lead in smatrix.lead_info] == s.modes.tolist()
    np.testing.assert_array_equal(s.modes, junction.open_channels(energy, band_shift(k)))


@examples(10, full=25)
@given(scattering_problems(junctions(dispersive=True), dispersive=True))
def test_the_fast_engine_gives_what_kwant_gives(problem):
    junction, energy, k = problem
    s, t = sj.scatter(junction, energy, k), sj.scatter(junction, energy, k, solver="halves")
    for name in ("probabilities", "modes", "bond_currents", "layer_torques", "spin_densities"):
        scale = max(1.0, abs(getattr(s, name)).max())
        np.testing.assert_allclose(getattr(t, name), getattr(s, name), atol=CONSERVATION * scale, err_msg=name)


LAYERED = sj.Junction(
    sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0, in_plane_hopping=0.4, m=sj.unit_vector(0.3, 0.5)),
    [sj.barrier(onsite=2.5, hopping=1.0, thickness=2, in_plane_hopping=0.2)],
    sj.ferromagnet(onsite=0.7, hopping=1.1, splitting=0.8, in_plane_hopping=0.3, m=sj.unit_vector(1.4)),
)


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 4)])
def test_a_periodic_supercell_is_the_sum_over_its_folded_wave_vectors(shape):
    twist = np.array([0.3, -0.7])
    cell = sj.scatter(LAYERED, 0.2, twist, cross_section=shape)
    parts = [
        sj.scatter(LAYERED, 0.2, twist + 2 * np.pi * np.array([a / shape[0], b / shape[1]]))
        for a in range(shape[0])
        for b in range(shape[1])
    ]
    for name in ("probabilities", "modes", "bond_currents", "layer_torques"):
        total = sum(getattr(part, name) for part in parts)
        np.testing.assert_allclose(getattr(cell, name), total, atol=CONSERVATION, err_msg=name)


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
def test_a_hard_wall_wire_is_the_sum_over_its_standing_waves():
    width, depth = 3, 2
    wire = sj.scatter(LAYERED, 0.2, cross_section=(width, depth), boundary="hard wall")
    parts = [
        sj.scatter(LAYERED, 0.2, (np.pi * a / (width + 1), np.pi * b / (depth + 1)))
        for a in range(1, width + 1)
        for b in range(1, depth + 1)
    ]
    np.testing.assert_allclose(wire.probabilities, sum(p.probabilities for p in parts), atol=CONSERVATION)
    np.testing.assert_allclose(wire.bond_currents, sum(p.bond_currents for p in parts), atol=CONSERVATION)


def free_electron_junction(a, kappa_d=6.0, k_majority=1.0, k_minority=0.4, kappa=1.3):
    """Parabolic bands discretized with lattice constant ``a`` (hopping 1/a² for ħ²/2m = 1), at E = 0, Φ = 90°."""
    t = 1 / a**2
    splitting = k_majority**2 - k_minority**2
    metal = dict(onsite=2 * t - (k_majority**2 + k_minority**2) / 2, hopping=t, splitting=splitting)
    planes = round(kappa_d / kappa / a)
    return sj.Junction(
        sj.ferromagnet(**metal),
        [sj.barrier(onsite=2 * t + kappa**2, hopping=t, thickness=planes)],
        sj.ferromagnet(**metal, m=sj.unit_vector(np.pi / 2)),
    )


def test_slonczewski_polarization_is_the_continuum_limit_with_a_quadratic_correction():
    """Slonczewski 1989: P = [(k↑-k↓)/(k↑+k↓)]·[(κ²-k↑k↓)/(κ²+k↑k↓)]; here from G(Φ) ∝ 1 + P² cos Φ by J_M/J = P."""
    k_up, k_down, kappa = 1.0, 0.4, 1.3
    expected = (k_up - k_down) / (k_up + k_down) * (kappa**2 - k_up * k_down) / (kappa**2 + k_up * k_down)
    spacings = np.array([0.2, 0.1, 0.05])
    errors = []
    for a in spacings:
        s = sj.scatter(free_electron_junction(a, kappa_d=16.0), 0.0)
        T = s.transmissions
        polarization = (T[0].sum() - T[1].sum()) / T.sum()  # of the left magnet: at 90° the right one averages out
        errors.append(abs(polarization - expected))
    slopes = np.diff(np.log(errors)) / np.diff(np.log(spacings))
    np.testing.assert_allclose(slopes, 2.0, atol=0.1)
    assert errors[-1] < 2e-3 * expected


@given(st.integers(0, 3), numbers(0.5, 2.0))
def test_bond_overrides_reach_the_hamiltonian(bond, hopping):
    iron = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    layer = [sj.normal_metal(onsite=0.5, hopping=1.0, thickness=3)]
    one = sj.Junction(iron, layer, iron, bonds={bond: hopping})
    full = np.ones(4)
    full[bond] = hopping
    assert sj.Junction(iron, layer, iron, bonds=full) == one
    values = [np.array(value)[0, 0].real for _, value in sj.build(one).hopping_value_pairs()]
    np.testing.assert_allclose(sorted(values), sorted(-full))
