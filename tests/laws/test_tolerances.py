"""A tolerance that is asked for reaches every integral: a looser one costs less, a tighter one more and is nearer."""

from dataclasses import replace

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc import quadrature
from kwant_spinjunc.halves import zone
from kwant_spinjunc.magnets import multiscale
from kwant_spinjunc.transport.derivatives import bias_derivative
from kwant_spinjunc.transport.equilibrium import equilibrium_response

IRON = dict(onsite=0.3, hopping=1.0, splitting=1.5, in_plane_hopping=0.5)
COPPER = sj.normal_metal(onsite=0.0, hopping=1.0, in_plane_hopping=0.5, thickness=12)
#: Its spacer is thick enough for resonances: no integral meets the tightest tolerance on its first pieces.
METAL = sj.Junction(sj.ferromagnet(**IRON), [COPPER], sj.ferromagnet(**IRON, m=sj.unit_vector(1.1)))
FREE = sj.Junction(COPPER, [sj.ferromagnet(**IRON, m=sj.unit_vector(0.8, 0.3), thickness=12)], COPPER)
THICK = sj.ferromagnet(**IRON, thickness=12)
RIGHT = sj.unit_vector(1.1)
#: The same of magnets that reflect electrons of the spacer at either face.
MAGNETS = sj.Junction(
    sj.ferromagnet(**IRON | {"onsite": 0.6}),
    [THICK, COPPER, replace(THICK, m=RIGHT)],
    sj.ferromagnet(**IRON | {"onsite": 0.6}, m=RIGHT),
)
LOOSE, MIDDLE, TIGHT = 1e-2, 1e-5, 1e-9


def average(rtol, junction=METAL, **options):
    return sj.scatter(junction, 0.1, "average", rtol=rtol, **options)


GIVEN = average(LOOSE)
VERBS = {
    "probabilities": lambda rtol: average(rtol).probabilities,
    "currents and torques": lambda rtol: average(rtol).layer_torques,
    "check": lambda rtol: average(rtol, check=True),
    "shot noise": lambda rtol: sj.shot_noise(average(rtol)),
    "damping": lambda rtol: sj.gilbert_damping(average(rtol, FREE), 0),
    "vectors": lambda rtol: sj.vector_response(GIVEN, rtol=rtol),
    "contact": lambda rtol: multiscale.solve_interface(METAL, 0.1, rtol=rtol),
    "mixing": lambda rtol: multiscale.mixing_conductances(MAGNETS, 0.1, rtol=rtol),
    "judge": lambda rtol: sj.judge(METAL, 0.1, "average", rtol=rtol, angles=[0.0, 1.0, np.pi], advise=False),
    "bias": lambda rtol: sj.bias_response(METAL, 0.4, rtol=rtol),
    "equilibrium of a bias": lambda rtol: sj.bias_response(METAL, 0.4, equilibrium=True, rtol=rtol),
    "bias derivative": lambda rtol: bias_derivative(METAL, 0.4, step=0.2, rtol=rtol),
    "equilibrium": lambda rtol: equilibrium_response(METAL, 0.1, rtol=rtol),
    "equilibrium average": lambda rtol: equilibrium_response(METAL, 0.1, k="average", rtol=rtol),
}


@pytest.fixture
def spent(monkeypatch):
    """Count what every integral takes: its points of the zone, or pieces of another axis."""
    counts = []
    zone_average, evaluate = zone.average, quadrature._evaluate

    def over_the_zone(*args, **options):
        found = zone_average(*args, **options)
        counts.append(found.points)
        return found

    def of_pieces(function, pieces, *rest):
        if not isinstance(function, zone.Integrand):
            counts.append(len(pieces.owner))
        return evaluate(function, pieces, *rest)

    monkeypatch.setattr(zone, "average", over_the_zone)
    monkeypatch.setattr(quadrature, "_evaluate", of_pieces)
    return counts


#: Of these so many integrals, the first ones, are over the zone, and each takes more the tighter it is asked for.
EACH = dict.fromkeys(("probabilities", "vectors", "contact", "mixing"), 1)
EACH |= dict.fromkeys(("currents and torques", "check", "shot noise", "damping", "judge"), 2)
#: By how much all take more at the tightest than at the loosest, at least: 12 and 3, where inner integrals that follow
#: leave 8 and 2 to an outer one of its own tolerance.
FACTOR = {"equilibrium average": 10.0, "equilibrium of a bias": 2.5}


@pytest.mark.parametrize("verb", VERBS)
def test_a_looser_tolerance_costs_less_and_a_tighter_one_more(verb, spent):
    """A tolerance that is not handed down leaves an integral with one of its own, the same for all three."""
    rows = []
    for rtol in (LOOSE, MIDDLE, TIGHT):
        spent.clear()
        VERBS[verb](rtol)
        rows.append(np.array(spent))
    loose, middle, tight = rows
    assert loose.sum() <= middle.sum() <= tight.sum()
    assert FACTOR.get(verb, 1.5) * loose.sum() < tight.sum()
    first = slice(EACH.get(verb, 0))
    assert len(loose[first]) == EACH.get(verb, 0)
    assert (loose[first] < middle[first]).all()
    assert (middle[first] < tight[first]).all()


def test_errors_fall_with_the_tolerance_and_cover_what_is_wrong():
    exact = average(1e-11).probabilities
    before = np.inf
    for rtol in (LOOSE, MIDDLE, TIGHT):
        found = average(rtol)
        claimed = found.k_error.max()
        assert abs(found.probabilities - exact).max() <= claimed + 1e-12
        assert claimed < before / 10
        before = claimed
