"""Random junctions for hypothesis, and the energies at which they can be trusted to 1e-10."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

import kwant_spinjunc as sj

#: Scattering conserves to rounding (1e-14) except near a band edge, where the defect grows like 1e-13/sqrt(distance).
CONSERVATION = 1e-10
EDGE_DISTANCE = 1e-3


def examples(count, full=None, **other):
    """Settings of a test that draws ``count`` examples by default, in proportion more in a profile that draws more.

    At most as many as the profile draws for a test that names no number, if that is more than ``count``. With ``full``
    a profile that draws more counts from it instead of from ``count``: for laws whose examples are solved by Kwant.
    """
    drawn = settings.default.max_examples
    count = repetitions(count, full or count)
    scaled = count * drawn // settings.get_profile("default").max_examples
    return settings(max_examples=min(scaled, max(count, drawn)), **other)


def repetitions(default, full):
    """Return ``full`` in a profile that draws more than the default one, else ``default``: for repeated solves."""
    return full if settings.default.max_examples > settings.get_profile("default").max_examples else default


def numbers(low, high):
    """Floats of a range without subnormal surprises, rounded so that failures print well."""
    return st.floats(low, high).map(lambda x: round(x, 6))


unit_vectors = st.builds(lambda z, phi: sj.unit_vector(np.arccos(z), phi), numbers(-1, 1), numbers(0, 2 * np.pi))


@st.composite
def layers(draw, magnetic=None, max_thickness=3, m=None, dispersive=False):
    """One layer; ``magnetic`` True, False or None for either."""
    splitting = draw(numbers(0.1, 2.0)) if (draw(st.booleans()) if magnetic is None else magnetic) else 0.0
    return sj.Layer(
        onsite=draw(numbers(-1.5, 3.0)),
        hopping=draw(numbers(0.5, 1.5)),
        splitting=splitting,
        m=draw(unit_vectors) if m is None else m,
        in_plane_hopping=draw(numbers(-0.5, 0.5)) if dispersive else None,
        thickness=draw(st.integers(1, max_thickness)),
    )


@st.composite
def junctions(draw, max_layers=3, magnetic_layers=None, dispersive=False):
    """Any junction: magnetic or nonmagnetic leads, layers pointing anywhere, bonds of any strength."""
    junction = sj.Junction(
        left=draw(layers(dispersive=dispersive)),
        layers=draw(st.lists(layers(magnetic=magnetic_layers, dispersive=dispersive), max_size=max_layers)),
        right=draw(layers(dispersive=dispersive)),
        buffer=draw(st.integers(1, 2)),
    )
    if draw(st.booleans()):
        bond = draw(st.integers(0, len(junction.planes) - 2))
        junction = replace(junction, bonds={bond: draw(numbers(0.3, 1.5))})
    return junction


@st.composite
def spin_valves(draw, metal_leads=False):
    """Two magnets and nonmagnetic layers between them; the magnets are the leads, or layers between metal leads."""
    left, right = draw(layers(magnetic=True)), draw(layers(magnetic=True))
    spacer = draw(st.lists(layers(magnetic=False), min_size=1, max_size=2))
    if metal_leads and draw(st.booleans()):
        return sj.Junction(draw(layers(magnetic=False)), [left, *spacer, right], draw(layers(magnetic=False)))
    return sj.Junction(left, spacer, right)


@st.composite
def energies(draw, junction, k=None):
    """An energy with an open channel, at least EDGE_DISTANCE from every lead band edge."""
    from kwant_spinjunc.model.plane import band_shift

    c = float(band_shift(k))
    edges = np.concatenate([lead.band_edges(c).ravel() for lead in junction.leads])
    intervals = np.sort(edges)
    midpoint = draw(numbers(0.02, 0.98))
    choices = [
        low + midpoint * (high - low)
        for low, high in pairwise(intervals)
        if high - low > 0.1 and junction.open_channels((low + high) / 2, c).any()
    ]
    return draw(st.sampled_from(choices))


@st.composite
def scattering_problems(draw, junction_strategy, dispersive=False):
    """A junction, an energy and a k."""
    junction = draw(junction_strategy)
    k = (draw(numbers(-np.pi, np.pi)), draw(numbers(-np.pi, np.pi))) if dispersive else None
    return junction, draw(energies(junction, k)), k
