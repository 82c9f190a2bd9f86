"""A default is part of the physics: one that changes, changes numbers of those who left it out, and is said here too.

``python tests/units/test_defaults.py`` writes the list anew; what is new need not be in it at once.
"""

import importlib
import inspect
import pkgutil
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

import numpy as np

import kwant_spinjunc as sj
from kwant_spinjunc.magnets.parameters import interface_parameters
from kwant_spinjunc.runs.validity import validity_map
from kwant_spinjunc.runs.zone import zone_average

IRON = dict(onsite=1.0, hopping=1.0, splitting=1.0)
LIST = Path(__file__).with_name("defaults.txt")


def shown(value):
    """A value as text that no version of NumPy writes otherwise."""
    if inspect.isfunction(value) or inspect.isclass(value):
        return value.__name__
    if isinstance(value, (set, frozenset)):
        return repr(sorted(value))
    if isinstance(value, float):
        return repr(float(f"{value:.9g}"))
    return repr(np.round(value, 9).tolist() if isinstance(value, np.ndarray) else value)


def defaults():
    """Yield (function or result, argument, default) of everything public."""
    for module in pkgutil.walk_packages(sj.__path__, "kwant_spinjunc."):
        if any(part.startswith("_") for part in module.name.split(".")):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.startswith("_") or getattr(value, "__module__", "") != module.name:
                continue
            if inspect.isfunction(value):
                given = {n: p.default for n, p in inspect.signature(value).parameters.items()}
            elif inspect.isclass(value) and is_dataclass(value):
                given = {f.name: f.default for f in fields(value) if f.default is not MISSING}
            else:
                continue
            for argument, default in given.items():
                if default is None or default is inspect.Parameter.empty:
                    continue
                if "\n" not in (text := shown(default)) and " at 0x" not in text:
                    yield name, argument, text


def test_a_default_that_changes_is_said_here_too():
    found = {}
    for name, argument, default in defaults():
        found.setdefault((name, argument), set()).add(default)
    kept = [line.split(" ", 2) for line in LIST.read_text().splitlines()]
    there = [(name, argument, default) for name, argument, default in kept if (name, argument) in found]
    assert len(there) > 0.9 * len(kept)
    assert [row for row in there if row[2] not in found[row[:2]]] == []


def test_the_energy_is_zero_by_default_in_every_function_that_a_user_calls():
    """Required in one and left out in another would be two grammars; None is that of figures, which draw none."""
    callers = {name: getattr(sj, name) for name in sj.__all__ if inspect.isfunction(getattr(sj, name))}
    callers |= {f.__name__: f for f in (validity_map, zone_average, interface_parameters)}
    energies = {
        name: inspect.signature(function).parameters["energy"].default
        for name, function in callers.items()
        if "energy" in inspect.signature(function).parameters
    }
    assert len(energies) > 12
    assert {name: energy for name, energy in energies.items() if energy != 0.0} == {}


def test_a_verb_without_an_energy_takes_that_of_zero():
    junction = sj.Junction(sj.ferromagnet(**IRON), [], sj.ferromagnet(**IRON, m=(1.0, 0.0, 0.0)))
    assert np.array_equal(sj.scatter(junction).probabilities, sj.scatter(junction, 0.0).probabilities)
    assert sj.scatter(junction).conductance != sj.scatter(junction, -0.9).conductance  # both differ at another one


if __name__ == "__main__":
    LIST.write_text("".join(f"{' '.join(row)}\n" for row in sorted(set(defaults()))))
