"""What a class of results or specifications is like: which fields it freezes, compares, prints and takes by name.

``python tests/units/test_classes.py`` writes the list anew; what is new need not be in it at once.
"""

import dataclasses
import importlib
import pkgutil
from pathlib import Path
from typing import is_typeddict

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.theory.circuit import Contact
from kwant_spinjunc.theory.drift_diffusion import Material, VectorInterface, tunnel_interface

LIST = Path(__file__).with_name("classes.txt")


def described(value):
    """Say what a dataclass does, and of which fields: ``name=`` is given by name only, ``name?`` may be left out."""
    flags = value.__dataclass_params__
    kind = [word for word in ("frozen", "eq", "order", "repr", "init") if getattr(flags, word)]
    kind += ["hashable"] if value.__hash__ else []
    fields = []
    for f in dataclasses.fields(value):
        left_out = f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING
        marks = ("=" if f.kw_only else "") + ("?" if left_out else "")
        hidden = [word for word in ("repr", "compare", "init") if not getattr(f, word)]
        fields.append(f"{f.name}{marks}" + (f"(no {', '.join(hidden)})" if hidden else ""))
    return f"{' '.join(kind)}: {' '.join(fields)}"


def classes():
    """Yield (module and name, what it is like) of every dataclass."""
    for module in pkgutil.walk_packages(sj.__path__, "kwant_spinjunc."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if not isinstance(value, type) or value.__module__ != module.name:
                continue
            if is_typeddict(value):
                optional = "may be left out" if not value.__total__ else "all needed"
                yield f"{module.name.removeprefix('kwant_spinjunc.')}.{name}", f"keywords, {optional}"
            if dataclasses.is_dataclass(value):
                yield f"{module.name.removeprefix('kwant_spinjunc.')}.{name}", described(value)


def test_a_class_that_takes_prints_compares_or_freezes_otherwise_is_said_here_too():
    found = dict(classes())
    kept = dict(line.split(" ", 1) for line in LIST.read_text().splitlines())
    there = {name: text for name, text in kept.items() if name in found}
    assert len(there) > 0.9 * len(kept)
    assert {name: found[name] for name, text in there.items() if text != found[name]} == {}


@pytest.mark.parametrize(
    "changes",
    [
        dict(frozen=False),
        dict(eq=False),
        dict(kw_only=True),
        dict(repr=False),
        dict(order=True),
    ],
)
def test_a_flag_that_changes_is_seen(changes):
    def made(field=None, **given):
        class Sample:
            pass

        Sample.__annotations__ = {"a": float, "b": float}
        Sample.b = field or dataclasses.field()
        return described(dataclasses.dataclass(**{"frozen": True, **given})(Sample))

    assert made(**changes) != made()
    for hidden in ("repr", "compare", "init"):
        assert made(dataclasses.field(**{hidden: False})) != made()
    assert made(dataclasses.field(default=1.0)) != made()


#: Specifications of integers and lists, and what they hold then.
Z = [0, 0, 1]
GIVEN = {
    sj.Layer: dict(onsite=1, hopping=2, splitting=1, m=Z, in_plane_hopping=1, thickness=2.0, disorder=[]),
    sj.Anderson: dict(width=1),
    sj.SpinDependent: dict(width=1),
    sj.Substitution: dict(concentration=1, onsite=2, splitting=1, m=Z),
    sj.MagneticImpurities: dict(concentration=1, exchange=2),
    sj.SpinOrbitScattering: dict(angle=1),
    sj.Roughness: dict(amplitude=1, correlation_length=2),
    CrossSection: dict(shape=[2.0, 3], boundary=["periodic", "hard wall"], k=[1, 0]),
    Material: dict(sigma=1, beta=0, D=2, tau=3, alpha1=1, alpha2=2, omega=1, q=1),
    Contact: dict(majority=1, minority=2, mixing=1),
    VectorInterface: dict(response=tunnel_interface(Z, Z, [1, 1], [1, 1]).response.tolist()),
}
KINDS = {
    "thickness": "int",
    "shape": "tuple of int",
    "boundary": "tuple of str",
    "m": "tuple of float",
    "k": "tuple of float",
    "mixing": "complex",
    "response": "ndarray",
    "disorder": "tuple of ",
}


@pytest.mark.parametrize("kind", GIVEN)
def test_a_specification_keeps_its_numbers_in_one_type_whatever_they_were_given_as(kind):
    made = kind(**GIVEN[kind])
    for name, given in GIVEN[kind].items():
        value = getattr(made, name)
        inner = f" of {'/'.join(sorted({type(x).__name__ for x in value}))}" if isinstance(value, tuple) else ""
        assert type(value).__name__ + inner == KINDS.get(name, "float"), name
        assert np.array_equal(value, given)
    again = kind(**{name: getattr(made, name) for name in GIVEN[kind]})
    assert kind is VectorInterface or (again == made and hash(again) == hash(made))


if __name__ == "__main__":
    LIST.write_text("".join(f"{name} {text}\n" for name, text in sorted(classes())))
