"""Where a refusal begins, looked at from both sides; what it says is the number it decided by."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

import kwant_spinjunc as sj
from kwant_spinjunc.crystals import audit
from kwant_spinjunc.model import problem
from kwant_spinjunc.runs import tables
from systems.altermagnet_junction import altermagnet_junction
from systems.tunnel_junction import tunnel_junction

LEAD = dict(onsite=0.3, hopping=0.7, in_plane_hopping=0.2)


def metal(shift=0.0, **changed):
    copper = sj.normal_metal(**{**LEAD, "onsite": LEAD["onsite"] + shift, **changed})
    return sj.Junction(copper, [copper], copper)


@pytest.mark.parametrize("cross_section", [None, (2, 1)])
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("shift", [0.0, 300.0])
def test_an_energy_is_too_near_an_edge_within_the_rounding_of_the_largest_level_and_not_beyond(
    cross_section, side, shift
):
    """NEAR times the square of level over hopping, of a hopping."""
    # k = π/2 twice, and two sites side by side with k_x = 0 and π, k_z = 0: cos k_x + cos k_z
    c = 0.0
    k = (np.pi / 2, np.pi / 2) if cross_section is None else None
    level = LEAD["onsite"] + shift - 2 * LEAD["in_plane_hopping"] * c
    edge = level + side * 2 * LEAD["hopping"]
    ratio = max(abs(edge), abs(level)) / LEAD["hopping"]
    width = 2 * LEAD["hopping"] * problem.NEAR * max(ratio, 2.0) ** 2
    where = {} if cross_section is None else {"cross_section": cross_section}
    for times, refused in ((0.6, True), (1.7, False)):
        distance = times * width
        if distance < 4 * np.spacing(abs(edge)):  # no such number
            continue
        if refused:
            with pytest.raises(sj.BandEdgeError, match="must be told from the band edges"):
                sj.scatter(metal(shift), edge - side * distance, k, solver="modes", **where)
        elif cross_section is None:
            assert sj.scatter(metal(shift), edge - side * distance, k, solver="modes").modes.sum() == 4


def test_numbers_of_unlike_size_are_doubted_from_a_factor_on():
    for factor, doubted in ((0.5, False), (2.0, True)):
        spread = problem.UNEVEN * factor
        junction = sj.Junction(
            sj.normal_metal(onsite=0.3, hopping=0.7),
            [sj.normal_metal(onsite=0.3, hopping=0.7), sj.normal_metal(onsite=0.7e-3 * spread, hopping=0.7)],
            sj.normal_metal(onsite=0.3, hopping=0.7),
            bonds={1: 0.7e-3},
        )
        asked = problem.Problem(junction=junction, energy=0.1)
        assert ("Its numbers differ by a factor" in asked.doubt) is doubted
        if doubted:
            said = float(re.search(r"by a factor ([0-9.e+]+)", asked.doubt)[1])
            assert said == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_a_table_is_refused_from_the_memory_on_that_it_needs(factor, monkeypatch):
    points = 50 * 40
    one = sj.sweep(tunnel_junction, energy=[0.0], theta=[0.1], progress=False)
    numbers = sum(array.size for array in one.data_vars.values())
    needed = tables.COPIES * 8 * numbers * points / 1e9
    axes = dict(energy=np.linspace(0, 0.1, 50), theta=np.linspace(0, 1, 40))
    monkeypatch.setattr(tables, "OVERHEAD", 0.0)
    monkeypatch.setattr(tables, "machine_memory", lambda: factor * needed)
    if factor < 1:
        with pytest.raises(sj.ArgumentError, match="Use fewer points, or several runs"):
            sj.sweep(tunnel_junction, progress=False, **axes)
    else:
        sj.sweep(tunnel_junction, progress=False, **axes)


def test_a_check_of_a_crystal_looks_at_the_first_the_middle_and_the_last(monkeypatch):
    k, turns = np.linspace(0.2, 1.0, 5), np.array([0.1, 0.4, 0.9, 1.3, 2.0])
    seen, by_kwant = [], audit._by_kwant
    monkeypatch.setattr(
        audit,
        "_by_kwant",
        lambda crystal, turn, E, at: (
            seen.append((float(at[0]), float(turn.angles[0]))),
            by_kwant(crystal, turn, E, at),
        )[1],
    )
    sj.scatter(altermagnet_junction(), 0.1, k=k, turns=turns, behind="barrier", check=True)
    assert_allclose(seen, [(k[i], turns[i]) for i in (0, 2, 4)])


@pytest.mark.parametrize("disorder", [[sj.SpinOrbitScattering(angle=0.6)], [sj.Roughness(amplitude=0.5)]])
def test_where_the_first_plane_is_changes_no_matrix(disorder):
    copper = dict(onsite=4.2, hopping=0.9, in_plane_hopping=0.7)
    inside = sj.normal_metal(**copper, thickness=2, disorder=disorder)
    other = sj.normal_metal(**{**copper, "onsite": 3.6}, thickness=1)
    end = sj.normal_metal(**copper)
    junction = sj.Junction(end, [end, inside, other], end)
    matrices = [
        sj.build(junction, cross_section=(2, 3), first_plane=first, seed=2, realization=4).finalized()
        for first in (-2, 0, 3)
    ]
    functions = [
        sj.build(junction, cross_section=(2, 3), first_plane=first, as_functions=True).finalized()
        for first in (-2, 0, 3)
    ]
    H = [syst.hamiltonian_submatrix() for syst in matrices]
    H += [syst.hamiltonian_submatrix(params=dict(seed=2, realization=4)) for syst in functions]
    for other in H[1:]:
        assert_allclose(other, H[0], atol=1e-14)
