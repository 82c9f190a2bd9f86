"""What a magnet is not asked: settings of what is solved, biases that fix no parabola, what a code does not take."""

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.magnets import parameters as fitted
from kwant_spinjunc.magnets.export import bias_law, export
from kwant_spinjunc.magnets.parameters import AngularResponse
from systems.altermagnet_junction import altermagnet_junction
from systems.tunnel_junction import tunnel_junction

PHI = np.linspace(0.0, np.pi, 5)


def curves(P=0.4):
    torque = np.stack([-P * np.sin(PHI), P * np.sin(PHI)], axis=-1)
    return AngularResponse(PHI, np.ones(5), torque, np.zeros((5, 2)))


@pytest.mark.parametrize(
    "setting",
    [
        dict(energy=0.1),
        dict(k=(0.1, 0.2)),
        dict(angles=PHI),
        dict(bias=0.1),
        dict(temperature=0.1),
        dict(behind="barrier"),
    ],
)
def test_settings_of_numbers_that_are_there_are_refused_one_by_one(setting):
    assert fitted.effective_parameters(curves()).response.current.tolist() == [1.0] * 5
    (name,) = setting
    with pytest.raises(sj.ArgumentError, match=f"`{name}` must be left out for a AngularResponse"):
        fitted.effective_parameters(curves(), **setting)


def test_a_junction_has_no_cut_to_be_turned_behind():
    with pytest.raises(sj.ArgumentError, match="`behind` must be left out for a Junction, which has no such cut"):
        fitted.effective_parameters(tunnel_junction(), behind="barrier")


@pytest.mark.parametrize("setting", [dict(bias=0.1), dict(temperature=0.1), dict(bias=0.1, temperature=0.1)])
def test_a_system_is_not_asked_at_a_bias(setting):
    with pytest.raises(sj.ArgumentError, match="`bias` and `temperature` must be left out for a Kwant system"):
        fitted.effective_parameters(altermagnet_junction(), 0.1, 0.3, **setting)


def test_a_table_over_more_than_the_angle_or_with_holes_is_no_response():
    table = sj.sweep(tunnel_junction, energy=0.0, theta=PHI, height=[2.0, 3.0], progress=False)
    with pytest.raises(sj.ArgumentError, match="must be swept over the angle alone, but has the axes"):
        fitted.angular_response_from(table)
    one = table.isel(height=0).copy(deep=True)
    assert fitted.angular_response_from(one).angles == pytest.approx(PHI)
    one["damping_like"][2, 0] = np.nan
    with pytest.raises(sj.ArgumentError, match="must be finished and without textures, but has NaN"):
        fitted.angular_response_from(one)
    for source in ([], [1.0], {}):
        with pytest.raises(sj.ArgumentError, match="must be a sweep's Dataset or Scattering results"):
            fitted.angular_response_from(source)


@pytest.mark.parametrize(
    ("biases", "taken"),
    [([-0.1, 0.1, 0.2], True), ([0.1, 0.1, 0.2], False), ([0.0, 0.1, 0.2, 0.3], False), ([0.1, 0.2], False)],
)
def test_three_biases_other_than_zero_fix_a_parabola(biases, taken):
    junction = tunnel_junction(height=3.0, thickness=2)
    if taken:
        assert bias_law(junction, biases, lattice_constant=0.25).residual < 1e-9  # three numbers, three parameters
    else:
        with pytest.raises(sj.ArgumentError, match="must be at least three values other than 0"):
            bias_law(junction, biases, lattice_constant=0.25)


@pytest.mark.parametrize(
    ("source", "target", "given", "words"),
    [
        (tunnel_junction(), "boris", dict(asymmetric=True), "`asymmetric` must be left out for BORIS"),
        (tunnel_junction(), "boris", dict(current_density=1e10), "`current_density` must be left out for BORIS"),
        (tunnel_junction(), "boris", dict(angles=PHI), "`angles` must be left out for BORIS"),
        (curves(), "boris", {}, "`source` must be a Junction, but is"),
        (curves(P=0.0), "mumax3", {}, "must have a torque for mumax3, but P = 0"),
        (curves(P=0.0), "ubermag", {}, "must have a torque for ubermag, but P = 0"),
        (curves(), "oommf", dict(biases=[0.1, 0.2, 0.3]), "`biases` must be left out for oommf"),
        (curves(), "cmtj", dict(free_thickness=1.0, saturation=0.0), "`saturation` must be positive"),
        (curves(), "oommf", dict(fixed_layer=(0.0, 1.0)), "`fixed_layer` must be"),
        (curves(), "oommf", dict(tolerance=0.0), "`tolerance` must be positive"),
    ],
)
def test_a_code_is_not_given_what_it_does_not_take(source, target, given, words):
    with pytest.raises(sj.ArgumentError, match=words):
        export(source, target, lattice_constant=0.25, **given)


@pytest.mark.parametrize("target", ["oommf", "magnumnp", "cmtj"])
def test_other_codes_take_a_torque_of_zero(target):
    layer = {"oommf": {}, "magnumnp": dict(free_thickness=1.0), "cmtj": dict(free_thickness=1.0, saturation=8e5)}[
        target
    ]
    values = export(curves(P=0.0), target, lattice_constant=0.25, **layer).values
    assert 0.0 in (values.get("P"), values.get("spinPolarisation"))
    assert values.get("beta", 0.0) == 0.0
