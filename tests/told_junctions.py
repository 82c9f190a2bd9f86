"""What is told whole in `tests/units/records`: junctions of which no two sides are alike, and where each is told."""

import contextlib
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
from telling import ROUNDING, differences

import kwant_spinjunc as sj

RECORDS = Path(__file__).resolve().parent / "units" / "records"
#: No hopping is one, no angle right, no two sides alike: what is a factor of one is seen by nobody.
IRON = dict(onsite=0.9, hopping=0.9, splitting=1.1)
Z, M = (0.0, 0.0, 1.0), sj.unit_vector(1.1, -0.5)
MU = dict(mu_left=(0.6, 0.35), mu_right=(-0.2, -0.45))
ANGLES = np.linspace(0.0, np.pi, 5)
SETTINGS = dict(workers=1, progress=False)


def uneven(theta=1.1):
    """Two unlike magnets, neither along an axis, a spacer of two materials and a bond of its own."""
    layers = [sj.barrier(onsite=3.0, hopping=0.7, thickness=2), sj.normal_metal(onsite=0.4, hopping=0.8, thickness=1)]
    left = sj.ferromagnet(**IRON, m=sj.unit_vector(0.4, 0.9))
    right = sj.ferromagnet(onsite=0.8, hopping=1.1, splitting=1.4, m=sj.unit_vector(theta, -0.5))
    return sj.Junction(left, layers, right, bonds={1: 0.7})


def barrier(bonds=None):
    """A barrier of one layer between unlike magnets."""
    layers = [sj.barrier(onsite=3.3, hopping=0.8, thickness=3)]
    left, right = (
        sj.ferromagnet(onsite=x, hopping=0.9, splitting=y, m=m) for x, y, m in ((0.9, 1.1, Z), (0.7, 1.3, M))
    )
    return sj.Junction(left, layers, right, bonds=bonds)


def planar(theta=1.1, thickness=2):
    """The same kind with a band in the plane."""
    iron = dict(hopping=0.9, in_plane_hopping=0.4)
    oxide = sj.barrier(onsite=5.5, hopping=0.8, in_plane_hopping=0.3, thickness=thickness)
    left = sj.ferromagnet(**iron, onsite=1.0, splitting=1.0)
    return sj.Junction(left, [oxide], sj.ferromagnet(**iron, onsite=0.8, splitting=1.4, m=sj.unit_vector(theta)))


def dirty():
    """A conducting spacer of random levels, bonds turned by random angles, and a rough face."""
    copper = dict(onsite=0.6, hopping=0.8, in_plane_hopping=0.3, thickness=2)
    disorder = [sj.Anderson(width=0.7), sj.SpinOrbitScattering(angle=0.3)]
    iron = dict(hopping=0.9, in_plane_hopping=0.4)
    rough = sj.ferromagnet(**iron, onsite=0.8, splitting=1.4, m=M, disorder=[sj.Roughness(amplitude=0.4)])
    left = sj.ferromagnet(**iron, onsite=0.9, splitting=1.1)
    right = sj.ferromagnet(**iron, onsite=0.8, splitting=1.4, m=M)
    return sj.Junction(left, [sj.normal_metal(**copper, disorder=disorder), rough, right], right)


def texture():
    planes = [sj.ferromagnet(**IRON, m=sj.unit_vector(t, 0.3)) for t in (0.0, 0.5, 1.1, 1.4)]
    return sj.Junction(planes[0], [planes[1], sj.normal_metal(onsite=0.2, hopping=1.0), planes[2]], planes[3])


def free():
    copper = sj.normal_metal(onsite=0.3, hopping=1.1)
    return sj.Junction(copper, [sj.ferromagnet(**IRON, thickness=2, m=sj.unit_vector(0.8, 0.3))], copper)


def decided(table):
    """The table of a judgment without angles at which nothing but rounding is largest."""
    return table.assign(at=table["at"].where(table["error"] > ROUNDING))


#: Words of each law, the same for every junction, and the table of all: told once.
WORDS = re.compile(r"\.laws\.\w+\.(id|title|statement|fed|against|unit|parameter|equations)\b| as text:")


def record(name):
    return RECORDS / f"{name.replace(' ', '_')}.txt"


def tell_anew(lines, path):
    """Write lines where they differ; rounding is left as it is."""
    if not path.exists() or differences(lines, path.read_text().splitlines()):
        path.write_text("".join(f"{line}\n" for line in lines))


def tell_those_named(made, telling, record=record):
    """Tell anew those that the command line names, or all, in an empty folder."""
    with tempfile.TemporaryDirectory() as elsewhere, contextlib.chdir(elsewhere):
        for name in sys.argv[1:] or made:
            tell_anew(telling(name), record(name))
