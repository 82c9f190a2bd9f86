"""What a class of results or specifications is like: which fields it freezes, compares, prints and takes by name.

``python tests/units/test_classes.py`` writes the list anew; what is new need not be in it at once.
"""

import dataclasses
import importlib
import pkgutil
from pathlib import Path

import pytest

import kwant_spinjunc as sj

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
            if isinstance(value, type) and value.__module__ == module.name and dataclasses.is_dataclass(value):
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


if __name__ == "__main__":
    LIST.write_text("".join(f"{name} {text}\n" for name, text in sorted(classes())))
