"""Presets of materials: the published numbers come back from the bands they make."""

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.model.materials import cobalt, fe_mgo_magnet, iron, mgo, single_band_barrier, single_band_magnet
from kwant_spinjunc.theory.slonczewski import effective_polarization
from kwant_spinjunc.units import ELECTRON_HBAR2_2M
from validation.published import bias_torques_2010

GAMMA = 2.0  # cos kx + cos kz


def test_iron_has_the_wave_numbers_of_stearns_at_the_fermi_energy():
    bottoms = sj.ferromagnet(**iron(lattice_constant=0.05)).band_edges(GAMMA)[:, 0]
    np.testing.assert_allclose(np.sqrt(-bottoms / ELECTRON_HBAR2_2M), [10.9, 4.2], rtol=1e-12)


def high_barrier(magnet, a, height, planes):
    wall = sj.barrier(onsite=height + 2 * magnet["hopping"], hopping=magnet["hopping"], thickness=planes)
    return sj.Junction(sj.ferromagnet(**magnet), [wall], sj.ferromagnet(**magnet))


def test_cobalt_gives_back_its_measured_splitting_where_the_channels_open():
    magnet = cobalt(lattice_constant=0.1, isotropic=False)
    junction = high_barrier(magnet, 0.1, 3.0, 5)

    def channels(E):
        return sj.scatter(junction, E).modes[0].tolist()

    minority = sj.ferromagnet(**magnet).band_edges(0.0)[1, 0]
    assert channels(minority + 1e-3) == [1, 1]
    assert channels(minority - 1e-3) == [1, 0]
    assert channels(minority - 1.1 + 1e-3) == [1, 0]  # Eastman, Himpsel, Knapp: 1.1 eV below
    with pytest.raises(sj.SpinjuncError):
        channels(minority - 1.1 - 1e-3)


@pytest.mark.parametrize("measured", [0.42, 0.35])
def test_cobalt_gives_back_its_measured_polarization_through_the_engine(measured):
    missed, a = [], 0.005
    for height in (50.0, 200.0, 800.0):  # eV: no oxide, the limit in which P is that of wave numbers alone
        magnet = cobalt(lattice_constant=a, isotropic=False, polarization=measured)
        tmr = sj.tmr(high_barrier(magnet, a, height, round(2.5 / np.sqrt(height) / a)))
        missed.append(1 - np.sqrt(tmr / (2 + tmr)) / measured)  # Julliere
    assert 0 < missed[2] < 0.002
    np.testing.assert_allclose([missed[0] / missed[1], missed[1] / missed[2]], 4.0, rtol=0.08)  # 2 k↑k↓/κ², and (ka)²


@pytest.mark.parametrize("isotropic", [True, False])
def test_the_magnet_and_the_barrier_of_effective_mass_models_have_their_edges(isotropic):
    choices = dict(lattice_constant=0.1, isotropic=isotropic)
    c = GAMMA if isotropic else 0.0
    bottoms = sj.ferromagnet(**fe_mgo_magnet(**choices)).band_edges(c)[:, 0]
    np.testing.assert_allclose(bottoms, [-2.25, -0.10], atol=1e-12)
    assert sj.barrier(**mgo(**choices), thickness=1).band_edges(c)[0, 0] == pytest.approx(1.30, abs=1e-12)


def test_the_single_band_junction_is_the_one_of_the_published_comparison():
    magnet = single_band_magnet()
    wall = sj.barrier(**single_band_barrier(), thickness=5)
    ours = sj.Junction(sj.ferromagnet(**magnet), [wall], sj.ferromagnet(**magnet, m=sj.unit_vector(1.0)))
    assert ours == bias_torques_2010.junction(1.0)


def test_thick_barriers_in_front_of_iron_tend_to_the_polarization_of_the_continuum():
    height, missed = 3.0, []
    P = effective_polarization([10.9, 4.2], np.sqrt(height / ELECTRON_HBAR2_2M))
    for a in (0.04, 0.02, 0.01):
        magnet = iron(lattice_constant=a, isotropic=False)
        top = height + 2 * magnet["hopping"]
        spacer = sj.barrier(onsite=top, hopping=magnet["hopping"], thickness=round(0.8 / a))
        junction = sj.Junction(sj.ferromagnet(**magnet), [spacer], sj.ferromagnet(**magnet))
        missed.append(abs(sj.tmr(junction) / (2 * P**2 / (1 - P**2)) - 1))
    assert missed[2] < 0.015
    np.testing.assert_allclose([missed[0] / missed[1], missed[1] / missed[2]], 4.0, rtol=0.15)  # (ka)² of the grid


@pytest.mark.parametrize("preset", [fe_mgo_magnet, mgo, iron])
@pytest.mark.parametrize("a", [10, 0.23, 0.0, -0.1])
def test_grids_coarser_than_the_wave_are_refused(preset, a):
    with pytest.raises(sj.ArgumentError, match="`lattice_constant` must be"):
        preset(lattice_constant=a)
    preset(lattice_constant=0.18)
