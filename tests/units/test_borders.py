"""Where numbers are taken and where refused, told whole: every argument at its edges, and what it is refused with.

One argument at a time of a call that works is replaced by numbers at and beside 0 and ±1. `records/` keeps at which of
them it is taken, what it then gives, and the words of each refusal; to tell them anew, and then to read the difference:
``PYTHONPATH=tests:. python tests/units/test_borders.py [NAME ...]``.
"""

import dataclasses
import re
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from telling import NUMBER, differences, told
from theory_calls import CALLS, CHAIN, METALS, function_of
from told_junctions import tell_those_named

import kwant_spinjunc as sj
from kwant_spinjunc import spin, units
from kwant_spinjunc.errors import SpinjuncError, SpinjuncWarning
from kwant_spinjunc.magnets import dynamics, multiscale, wall
from kwant_spinjunc.magnets import parameters as fitted
from kwant_spinjunc.magnets.export import codes
from kwant_spinjunc.model import materials, memory
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.problem import Problem
from kwant_spinjunc.model.sample import realize
from kwant_spinjunc.theory.circuit import Contact
from kwant_spinjunc.theory.drift_diffusion import Material

RECORDS = Path(__file__).resolve().with_name("records")
BESIDE = 1e-9
PROBES = (-2.0, -1.0 - BESIDE, -1.0, -1.0 + BESIDE, -BESIDE, 0.0, BESIDE, 1.0 - BESIDE, 1.0, 1.0 + BESIDE, 2.0, 3.0)
#: How ill a system of equations is that has no solution, and which of its unknowns is free: rounding.
ILL = re.compile(r"condition number[^)]*\).*")
IRON = dict(onsite=0.9, hopping=0.8, splitting=1.1, m=(0.6, 0.0, 0.8), in_plane_hopping=0.3, thickness=1)
PHI = np.linspace(0.0, np.pi, 7)


def junction(**given):
    left, oxide = sj.ferromagnet(**IRON), sj.barrier(onsite=3.3, hopping=0.7, thickness=2)
    return sj.Junction(left, [oxide], sj.ferromagnet(**IRON | {"m": (0.0, 0.0, 1.0), "onsite": 0.7}), **given)


def alloy(**given):
    return sj.Substitution(concentration=0.3, onsite=1.2, **given)


def response(angle, first):
    """Angles of which one and the first current are given."""
    angles, current = PHI.copy(), 1 + 0.2 * np.cos(PHI)
    angles[3], current[0] = angle, first
    torque = np.stack([np.sin(angles), -np.sin(angles)], axis=-1)
    return fitted.AngularResponse(angles, current, torque, 0.1 * torque)


TORQUE = dynamics.SpinTorque.on(CHAIN, 3, polarizer=(0.6, 0.0, 0.8), damping_like=0.01, field_like=0.005)
IMPURITIES, ROUGH = partial(sj.MagneticImpurities, exchange=0.7), partial(sj.Roughness, amplitude=0.7)
OTHERS = {
    "units": [
        (units.hbar2_2m_from_mass, dict(effective_mass=0.7)),
        (units.hopping_from_mass, dict(effective_mass=0.7, lattice_constant=0.2)),
        (units.onsite_from_band_bottom, dict(band_bottom=-2.1, hopping=0.9, in_plane_hopping=0.3)),
        (units.free_electron_levels, dict(k_majority=1.9, k_minority=0.7, effective_mass=0.8, fermi_energy=0.3)),
        (
            units.free_electron_ferromagnet,
            dict(k_majority=1.9, k_minority=0.7, lattice_constant=0.9, effective_mass=0.8, fermi_energy=0.3),
        ),
        (
            partial(units.free_electron_ferromagnet, match="wave number", isotropic=True),
            dict(k_majority=1.9, k_minority=0.7, lattice_constant=0.9, effective_mass=0.8, fermi_energy=0.3),
        ),
        (units.conductance_to_siemens, dict(conductance=0.7)),
        (units.conductance_per_area, dict(conductance=0.7, lattice_constant=0.3)),
        (units.resistance_area_product, dict(conductance=0.7, lattice_constant=0.3)),
        (units.flux_rate, dict(current=0.7)),
        (units.current_density, dict(current=0.7, lattice_constant=0.3)),
        (units.torque_to_joule, dict(spin_flux=0.7)),
        (units.torque_per_area, dict(spin_flux=0.7, lattice_constant=0.3)),
    ],
    "spin": [
        (spin.unit_vector, dict(theta=0.7, phi=-0.4)),
        (spin.check_unit_vector, dict(m=np.array([1.0, 0.0, 0.0]))),
        (spin.check_unit_vector, dict(m=np.array([[1.0, 0.0, 0.0], [0.6, 0.0, 0.8]]))),
        (spin.one_unit_vector, dict(m=np.array([1.0, 0.0, 0.0]))),
        (spin.rotation_matrix, dict(m_left=np.array([1.0, 0.0, 0.0]), m_right=np.array([0.6, 0.0, 0.8]))),
        (spin.angle_between, dict(a=np.array([0.3, -0.2, 0.6]), b=np.array([0.5, 0.1, -0.2]))),
    ],
    "model": [
        (sj.Layer, IRON),
        (sj.Junction, dict(left=junction().left, layers=[], right=junction().right, buffer=2)),
        (lambda bond, hopping: junction(bonds={bond: hopping}), dict(bond=1, hopping=0.6)),
        (lambda last: junction(bonds=[0.5, 0.6, last]), dict(last=0.7)),
        (junction().directions_at, dict(angles=0.7)),
        (junction().padded, dict(planes=1)),
        (junction().open_channels, dict(energy=0.2, band_shift=0.3)),
        (junction().describe_bands, dict(band_shift=0.3)),
        (sj.Anderson, dict(width=0.7)),
        (sj.SpinDependent, dict(width=0.7)),
        (alloy, dict(splitting=0.4, m=np.array([1.0, 0.0, 0.0]))),
        (sj.Substitution, dict(concentration=0.3, onsite=1.2)),
        (IMPURITIES, dict(concentration=0.3, exchange=0.7)),
        (sj.SpinOrbitScattering, dict(angle=0.3)),
        (ROUGH, dict(amplitude=0.7, correlation_length=1.3)),
        (lambda x, z: CrossSection((x, z)), dict(x=2, z=3)),
        (lambda kx, kz: CrossSection((2, 1), k=(kx, kz)), dict(kx=0.2, kz=0.3)),
        (lambda kx, kz: CrossSection((2, 1), ("hard wall", "periodic"), (kx, kz)), dict(kx=0.0, kz=0.3)),
        (lambda **given: realize(junction(), (1, 2), **given), dict(seed=2, realization=1)),
        (lambda **given: Problem.of(junction(), **given), dict(energy=0.1, rtol=1e-4, max_defect=1e-7)),
        (materials.iron, dict(lattice_constant=0.1)),
        (materials.cobalt, dict(lattice_constant=0.1, polarization=0.42)),
        (materials.fe_mgo_magnet, dict(lattice_constant=0.1)),
        (materials.mgo, dict(lattice_constant=0.1)),
        (lambda planes: memory.memory((2, 3), planes, "halves", turned=True), dict(planes=4)),
        (lambda planes: memory.memory((2, 3), planes, "halves", states=False), dict(planes=4)),
        (lambda planes: memory.memory((2, 3), planes), dict(planes=4)),
    ],
    "magnets": [
        (Material, {f.name: getattr(METALS[0], f.name) for f in dataclasses.fields(Material)}),
        (Contact, dict(majority=0.7, minority=0.3, mixing=0.6 + 0.1j)),
        (multiscale.density_of_states, dict(heat_capacity=4.7e-3, molar_volume=6.7e-6)),
        (multiscale.metal, dict(resistivity=0.7, beta=0.4, spin_diffusion_length=1.5, density_of_states=0.8)),
        (
            multiscale.spin_flip_conductance,
            dict(concentration=0.3, exchange=0.7, density_of_states=np.array([1.2, 0.7])),
        ),
        (
            lambda dl, **given: multiscale.microscopic_metal(errors=((0.1, 0.05), dl), **given),
            dict(
                conductivities=np.array([1.2, 0.7]),
                spin_diffusion_length=3.1,
                density_of_states=np.array([0.13, 0.15]),
                lattice_constant=0.7,
                dl=0.2,
            ),
        ),
        (
            partial(dynamics.SpinTorque.on, CHAIN, polarizer=(1.0, 0.0, 0.0)),
            dict(plane=3, damping_like=0.1, field_like=0.2),
        ),
        (
            lambda damping, time: dynamics.evolve(CHAIN, TORQUE, damping=damping, time=time, points=3, rtol=1e-7).m,
            dict(damping=0.4, time=1.5),
        ),
        (
            lambda damping: dynamics.growth_rate(
                CHAIN, TORQUE, dynamics.static_wall(CHAIN, TORQUE), damping=damping
            ).real,
            dict(damping=0.4),
        ),
        (codes.nanometers, dict(name="a", value=0.7)),
        (response, dict(angle=1.1, first=1.2)),
        (lambda **given: fitted.decay_constant(junction(), **given).conductance, dict(steps=3, layer=0)),
        (lambda planes: len(wall.resolve_magnets(junction(), planes).planes), dict(planes=2)),
        (lambda left, right: wall.resolve_magnets(junction(), (left, right)).plane_m, dict(left=2, right=3)),
    ],
}
#: Formulas of one module each, and what is made of numbers elsewhere.
GROUPS = {name.split(".")[0]: [] for name in CALLS}
for name, call in CALLS.items():
    GROUPS[name.split(".")[0]].append((name, function_of(name), call))
for group, calls in OTHERS.items():
    named = [getattr(getattr(f, "func", f), "__name__", "").replace("<lambda>", ", ".join(c)) for f, c in calls]
    GROUPS[group] = [(f"{number} {word}", *call) for number, (word, call) in enumerate(zip(named, calls, strict=True))]
#: Slow to solve: where its arguments are taken is told by others.
LEFT_OUT = ("domain_wall.self_consistent", "domain_wall.relax", "angular.fit_matching")


def numbers_in(result):
    """Return all numbers that something holds."""
    if isinstance(result, (bool, int, float, complex, np.ndarray, np.generic)):
        array = np.atleast_1d(result)
        return np.ravel(array.astype(complex)).view(float) if array.dtype.kind in "biufc" else np.zeros(0)
    if dataclasses.is_dataclass(result):
        result = [getattr(result, f.name) for f in dataclasses.fields(result)]
    parts = result.values() if isinstance(result, dict) else result if isinstance(result, (list, tuple)) else ()
    return np.concatenate([np.zeros(0), *map(numbers_in, parts)])


def asked(function, given):
    """Return what a call gives, or the words it is refused with."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = function(**given)
    except (SpinjuncError, SpinjuncWarning) as error:
        return f"{type(error).__name__}: {ILL.sub('condition number)', ' '.join(str(error).split()))}"
    return " ".join(told(result if isinstance(result, str) else numbers_in(result)))


def borders_of(function, call):
    """Yield lines: of each number of an argument where it is taken and what that gives, and each way it is refused."""
    for parameter, value in call.items():
        if isinstance(value, (str, type(None), bool)) or np.asarray(value).dtype.kind not in "iufc":
            continue
        whole = np.asarray(value)
        for place in range(whole.size) if whole.size < 4 else (0, whole.size - 1):
            taken, refused = [], {}
            for probe in PROBES:
                if whole.dtype.kind == "i" and probe != round(probe):
                    continue
                given = whole.astype(complex if whole.dtype.kind == "c" else float)
                given.flat[place] = probe
                new = given if given.ndim else int(probe) if whole.dtype.kind == "i" else given[()].item()
                said = asked(function, {**call, parameter: new})
                if said.startswith(": "):
                    taken.append(f"{probe:.10g}" + (f" gives{said[1:]}" if probe in (0, 2) else ""))
                else:
                    refused.setdefault(NUMBER.sub("#", said).replace(".", ""), []).append((probe, said))
            here = f"{parameter}{[int(i) for i in np.unravel_index(place, whole.shape)] if whole.ndim else ''}"
            yield f"{here}: taken at {'; '.join(taken)}"
            for found in refused.values():
                yield f"{here}: refused at {' '.join(f'{probe:.10g}' for probe, _ in found)}: {found[-1][1]}"


def telling(group):
    lines = []
    for name, function, call in GROUPS[group]:
        if name.partition(" ")[0] not in LEFT_OUT:
            lines += [f"{name}: {line}" for line in borders_of(function, call)]
            result = function(**call)
            lines += [f"{name}: {line}" for line in told(numbers_in(result) if group in OTHERS else result)]
    return lines


def record(group):
    return RECORDS / f"borders_{group.replace(' ', '_')}.txt"


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_taken_and_what_is_refused_is_what_was(group):
    assert differences(telling(group), record(group).read_text().splitlines()) == []


def test_an_edge_that_moves_is_seen():
    """Negative control: zero refused, one taken, another word."""

    def root(x):
        if x < 0:
            raise sj.ArgumentError("Argument `x` must not be negative.")
        return np.sqrt(x)

    def moved(x):
        return root(-1.0 if x == 0 else x)

    def longer(x):
        return root(x) + (x == 2)

    kept, *others = (list(borders_of(function, {"x": 0.3})) for function in (root, moved, longer))
    assert differences(kept, kept) == []
    for other in others:
        assert differences(other, kept) != []


def tilted(*angles):
    planes = [sj.ferromagnet(**IRON | {"m": sj.unit_vector(angle)}) for angle in angles]
    return sj.Junction(planes[0], planes[1:-1], planes[-1])


def test_magnets_are_collinear_to_rounding_and_not_beyond():
    assert tilted(0.0, 1e-13, 1.0).cut == 1
    assert tilted(0.0, 1e-11, 1.0).cut is None
    m = (1.0, 0.0, 0.0)
    assert tilted(0.0, 1e-11).turned(m_right=m).right.m == m
    with pytest.raises(sj.ArgumentError, match="contact of collinear magnets"):
        tilted(0.0, 1e-13).turned(m_right=m)


def test_a_stack_has_a_million_planes_and_no_more():
    left, right = junction().leads
    for buffer in (1, 3):
        most = 10**6 - 2 * buffer
        longest = sj.Junction(left, [sj.Layer(**IRON | {"thickness": most})], right, buffer=buffer)
        assert longest.layers[0].thickness == most
        with pytest.raises(sj.ArgumentError, match="must make at most 1000000 planes"):
            sj.Junction(left, [*longest.layers, left], right, buffer=buffer)


if __name__ == "__main__":
    tell_those_named(GROUPS, telling, record)
