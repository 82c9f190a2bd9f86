"""What single functions answer, told whole: every check of every odd value, what is typed, printed, named and averaged.

To tell them anew: ``PYTHONPATH=tests:. python tests/units/test_records_small.py [NAME ...]``.
"""

import contextlib
import http.client
import importlib
import io
import itertools
import os
import re
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import numpy as np
import pytest
from telling import differences, told
from told_junctions import barrier, record, tell_those_named

import kwant_spinjunc as sj
from kwant_spinjunc import checks, optional, printing, quantities
from kwant_spinjunc.cli import console, options, values
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.exploring import controls
from kwant_spinjunc.runs import family, files, statistics, store, tables
from systems.disordered_barrier import disordered_barrier
from systems.rashba_junction import rashba_junction
from systems.tunnel_junction import tunnel_junction

HALF = np.float64(0.5)


class Foreign:
    """Raises whatever it is asked."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __repr__(self):
        raise RuntimeError

    def __iter__(self):
        raise RuntimeError

    def __array__(self, *args, **settings):
        raise RuntimeError


ODD = (
    *(0, 1, -2, 7, 2**63, 10**31, 10**400, True, np.True_, 0.0, 0.5, -0.0, 1.0, 2.5, -1.5, 3.0, 1e-100, 9e-101, 1e100),
    *(1.1e100, -1e101, 1e6, 1.1e6, np.inf, -np.inf, np.nan, 1j, 1 + 0j, np.float32(0.25), np.int8(-3), 2 + 0j),
    *(
        "a",
        "average",
        "1",
        b"ab",
        None,
        [],
        (),
        [1],
        [1, 2],
        (0.5, 0.25),
        (1.0, -1.0),
        [0.0, 0.0],
        [1.0, True],
        [1, "a"],
    ),
    *([[1.0, 2.0], [3.0, 4.0]], [[1.0], [2.0, 3.0]], [1.0, 1j], [1e100, 1e101], [1.0, np.nan], [10**400], [-1.0, 0.0]),
    *(
        np.zeros(3),
        np.ones((2, 2)),
        np.ones((2, 3)),
        np.ones((1, 2, 2)),
        np.array([1, 2]),
        np.array([True]),
        {},
        {"a": 1},
    ),
    *(np.ma.masked, np.ma.masked_array([1.0, 2.0], [True, False]), np.ma.masked_array([1.0, 2.0]), range(3), set()),
    *(
        np.array(["a"]),
        np.array([1.0, None]),
        np.array([0.5], dtype=object),
        Foreign(),
        dict,
        np.array(2.0),
        [0.9, 1.5],
    ),
)
CHECKS = {
    "shown": checks.shown,
    "finite_array": partial(checks.finite_array, "x"),
    "finite_array 2": lambda value: checks.finite_array("x", value, "(..., 2)"),
    "complex_array": lambda value: checks.complex_array("x", value, "(n, n)"),
    "positive_array": lambda value: checks.positive_array("x", value, hint="Use more."),
    "not_negative_array": lambda value: checks.not_negative_array("x", value, hint="Use more."),
    "both_spins": lambda value: checks.both_spins("x", value, "Use more."),
    "ratio_array": lambda value: checks.ratio_array("x", value, "Use less."),
    "ratio_array closed": lambda value: checks.ratio_array("x", value, closed=True),
    "shape_of": partial(checks.shape_of, "x"),
    "check_shape": lambda value: checks.check_shape("x", value, "(..., n, n)"),
    "check_shape 2": lambda value: checks.check_shape("x", value, "(n, 2)"),
    "number_or_axis": partial(checks.number_or_axis, "x"),
    "refuse_empty": lambda value: checks.refuse_empty("Arguments `x`", None, value),
    "finite": partial(checks.finite, "x"),
    "positive": lambda value: checks.positive("x", value, "Use more."),
    "not_negative": lambda value: checks.not_negative("x", value, "Use more."),
    "within": lambda value: checks.within("x", value, -1.5, 2.5, "Use both."),
    "integer": lambda value: checks.integer("x", value, 2, "Use more."),
    "positive_integer": lambda value: checks.positive_integer("x", value, "Use one."),
    "index": lambda value: checks.index("x", value, 2, "Count them."),
    "index none": lambda value: checks.index("x", value, 0),
    "choice": lambda value: checks.choice("x", value, ("a", "average"), "Take one."),
    "choice none": lambda value: checks.choice("x", value, ()),
    "instance": lambda value: checks.instance("x", value, dict, "Make one."),
    "instance of ours": lambda value: checks.instance("x", value, sj.Device),
    "potentials": partial(checks.potentials, "x"),
    "reservoirs": lambda value: checks.reservoirs(value, (0.25, 0.75)),
    "temperature": partial(checks.temperature, "x"),
    "is_average": partial(checks.is_average, "x"),
    "wave_vector": partial(checks.wave_vector, "x"),
    "wave_vectors": lambda value: checks.wave_vector("x", value, many=True),
    "sides": lambda value: str(checks.sides("x", value)),
    "sides alike": lambda value: str(checks.sides("x", value, alike=True)),
    "unit_word": checks.unit_word,
    "split_axes": lambda value: str(tables.split_axes({"height": value})),
    "canonical": store.canonical,
}


#: What another NumPy or another run says otherwise: scalars and places in memory.
OTHERWISE = re.compile(r"np\.\w+\(([^()]*)\)| at 0x\w+")


def here(text):
    return OTHERWISE.sub(r"\1", text)


def tried(call, *args):
    """What a call answers or refuses, and whether the answer is what was given."""
    try:
        found = call(*args)
    except sj.SpinjuncError as error:
        return f"{type(error).__name__}: {here(str(error))}"
    except Exception as error:  # in words of others
        return type(error).__name__
    if isinstance(found, Foreign):
        return "itself"
    kept = " (itself)" if any(found is one and isinstance(one, np.ndarray) for one in args) else ""
    return f"{type(found).__name__}{kept} {getattr(found, 'dtype', '')} " + here("; ".join(told(found)))


def checked():
    """Every check of every odd value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: [f"{n}: {tried(call, value)}" for n, value in enumerate(ODD)] for name, call in CHECKS.items()}


@checks.formula
def ratio(x: np.ndarray, of: Annotated[float, "any"] = 2.0, how: sj.Device | None = None):
    """A closed form that may fail in all ways."""
    if how is not None:
        return how.nothing
    if of == 7:
        raise ValueError("of another kind")
    return np.asarray(x) / np.asarray(of) + np.exp(np.asarray(x))


def formulas():
    """What closed forms cannot answer."""
    given = (
        (1.0,),
        (1.0, 0.0),
        (1e3,),
        ([1.0, 2.0], [1.0, 2.0, 3.0]),
        (1.0, 7),
        (1.0, 1.0, 3),
        (1.0, "a"),
        (0.0, 0.0),
        (1.0, 2.0, barrier),
    )
    unknown = (("thik",), ("thickness",), ("hopping", "z"), ("in",), ("m_",))
    names = ("thickness", "hopping", "in_plane_hopping", "m", "m_left")
    angles = [
        ("theta", 7.0),
        ("theta", 6.283),
        ("phi_left", [-9.0, 1.0]),
        ("theta", "a"),
        ("theta", []),
        ("x", 2 * np.pi),
        ("x", 6.2832),
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name, value in angles:
            checks.warn_of_degrees(name, value)
    return {
        "formula": [tried(ratio, *args) for args in given],
        "named": [ratio.__name__, ratio.__doc__],
        "unknown": [
            tried(checks.refuse_unknown, given, names, "barrier", kind)
            for given in unknown
            for kind in ("a keyword", "a word")
        ],
        "keywords": [
            checks.keywords_of(checks.ratio_array),
            tried(partial(sj.barrier, onsite=1.0, hopping=1.0, thick=2)),
        ],
        "broadcast": [
            tried(checks.broadcast, "Arguments `a` and `b`", *shapes) for shapes in (((2, 1), (3,)), ((2,), (3,)), ())
        ],
        "large": [
            tried(checks.refuse_large, "x", value)
            for value in (np.broadcast_to(1.0, 2**29), range(2**29), range(2**28), [1])
        ],
        "angles": [
            *(str(one.message) for one in caught),
            *(checks.is_angle(n) for n in ("theta", "phi_1", "angle", "angles", "thetas", "alpha_theta")),
        ],
    }


TYPED = (
    *(
        "4",
        "0.5",
        "1e3",
        "-2",
        "180deg",
        "-90deg",
        "300K",
        "xK",
        "deg",
        "true",
        "False",
        "hard wall",
        "inf",
        "nan",
        "",
        "1e400",
    ),
    *(
        "0:5:6",
        "0:1:3",
        "0:180deg:3",
        "0:180:3",
        "10:90deg:2",
        "0:0:1",
        "1:2:0",
        "1:2:x",
        "1:2:1.5",
        "0:true:2",
        "0:inf:2",
        "a:1:2",
    ),
    *(
        "0:1",
        "0:1:2:3",
        "0:1:1000001",
        "0:1:1000000000000",
        "0:9007199254740993:2",
        "0:1e20:2",
        "5:1:3",
        "0:10K:2",
        "-1:1:2",
    ),
    *(
        "1,2",
        "0.5,90deg",
        "1,2,3",
        "1,2,3,4",
        "1,a",
        "1,true",
        "average",
        "6x6",
        "2X3",
        "0x3",
        "2x",
        "2x3x4",
        "axb",
        "x=1",
        "x=",
        "=1",
        "x=y=z",
    ),
)


def typed():
    """What is made of words of the command line."""
    several = partial(values.numbers, option="--mu", counts=(1, 2), words="a number or two")
    makers = {
        "value": values.parse_value,
        "value in units": lambda text: values.parse_value(text, values.UNITS),
        "unit": values.unit_of,
        "range": values.parse_range,
        "range in units": lambda text: values.parse_range(text, "--bias", values.UNITS),
        "assignment": partial(values.split_assignment, "--set"),
        "numbers": several,
        "numbers in degrees": partial(several, units=("deg",)),
        "k": values.wave_vector,
        "momenta": partial(values.wave_vector, of_system=True),
        "number": values.number,
        "temperature": values.temperature,
        "cross-section": lambda text: values.cross_section(text, "--cross-section"),
    }
    found = {name: [f"{text}: {tried(make, text)}" for text in TYPED] for name, make in makers.items()}
    for unit in ("eV", "meV", "t"):

        def own(
            theta: float = 0.0,
            height: float = 1.0,
            width: Annotated[float, "nm"] = 1.0,
            shift: Annotated[float, "K"] = 1.0,
        ) -> Annotated[sj.Junction, unit]: ...

        found[f"--set in {unit}"] = [
            tried(options.fixed_parameters, [f"{name}={text}"], own)
            for name, text in itertools.product(("theta", "height", "width", "shift", "energy"), ("2", "2deg", "2K"))
        ]
        found[f"--bias in {unit}"] = [
            tried(options.bias_of, text, own) for text in (None, "0:2:2", "0:2K:2", "0:2deg:2")
        ]
        found[f"--temperature in {unit}"] = tried(options.refuse_kelvin, values.temperature("300K"), unit)
    found["twice"] = tried(options.fixed_parameters, ["theta=1", "theta=2"], tunnel_junction)
    return found


def printed():
    """Tables and numbers as they are printed."""
    rows = (("a", "1.5", "<b>"), ("bbb", "-22.25", "c"))
    tables_ = [
        printing.Table("T & t", ("name", "value", "what"), rows, ("a note", "<more>"), left=1, tail=1),
        printing.Table("", (), rows, left=2),
        printing.Table("none"),
        printing.Table("T", ("name", "value", "what"), ()),
    ]
    numbers = itertools.product(
        (0.0, 1.23456, -1234.5678, 9.96e5, 1.5e-9, -0.00012345, np.inf, np.nan),
        (0.0, 1e-22, 0.0123, 0.99, 0.996, 12.3, 4e-7, np.nan, np.inf),
    )
    return {
        "tables": [[str(one), one._repr_html_()] for one in tables_],
        "fields": printing.fields_of(
            "Some",
            a=1,
            long_name=[0.5, np.nan],
            words="x",
            many=np.full(9, -3.0),
            eight=np.arange(8),
            none=np.full(9, np.nan),
            flag=True,
        ),
        "numbers": [printing.number(x, d) for x in (0.123456789, np.nan, 1e-20, -123456.7) for d in (3, 6)],
        "counted": [printing.counted(n, "point") for n in (0, 1, 2)],
        "units": [printing.with_unit(*pair) for pair in (("1", "eV"), (2.5, ""))],
        "errors": [statistics.value_with_error(*pair) for pair in numbers],
        "shown": [repr(barrier()), barrier()._repr_html_()],
    }


def named():
    """What quantities, axes and packages are called."""
    axes = "energy bias theta phi_left angle thickness spacer buffer concentration height turn direction quantile"
    labels = {**quantities.LABELS, "turn": [0.0, 1.0]}
    schema = {"a": quantities.Quantity(("lead", "turn"), "1", "an a"), "b": quantities.Quantity((), "eV", "a b")}
    shape = {"a": np.arange(8.0).reshape(2, 2, 2), "b": np.arange(2.0)}
    data = quantities.dataset(
        schema, shape, {"height": np.array([1.0, 2.0]), "energy": np.array(0.5)}, {"f": 1}, labels, {"height": "nm"}
    )
    return {
        "quantities": [
            [name, vars(quantity)] for name, quantity in quantities.quantities(quantities.QUANTITIES, "F", " S").items()
        ],
        "torques": [
            vars(q) for q in quantities.quantities(["current", "damping_like"], "F", " S", torque="N").values()
        ],
        "axes": {
            name: quantities.axis_attributes(name, units) for name in axes.split() for units in ({"height": "meV"},)
        },
        "dataset": {"data": data, "facts": dict(data.attrs), "axes": [str(data.energy.attrs), str(data.height.attrs)]},
        "packages": [
            *(optional.has(name) for name in ("numpy", "no_such_package")),
            optional.version("no_such_package"),
            optional.version("numpy") == np.__version__,
            *(tried(optional.need, name) for name in ("numpy",)),
            *(optional.is_kwant(one) for one in (None, barrier(), rashba_junction(width=1, depth=1).system)),
        ],
        "missing": [missing(name) for name in optional.PACKAGES],
    }


def missing(name):
    """What is said where a package cannot be imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, name, None)
        return [optional.has(name), tried(optional.need, name)]


FAMILIES = {
    "two": "def one(): pass\ndef other(): pass\n",
    "hidden": "def _one(): pass\nfrom math import sin\n",
    "named": "def named(): pass\ndef other(): pass\n",
    "family_of": "def family(): pass\ndef other(): pass\n",
    "alone": "x = 3\ndef only(): pass\n",
    "raises": "1 / 0\n",
    "exits": "import sys; sys.exit(3)\n",
    "missing": "import no_such_package\n",
    "waits": "import distributed\n",
}


def families():
    """What files and families give, or how they are refused."""
    before, found = list(sys.path), {}
    for name, text in FAMILIES.items():
        Path(f"{name}.py").write_text(text)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "distributed", None)
            for asked in (None, "other"):
                found[f"{name} {asked}"] = tried(lambda n=name, a=asked: family.load_family(f"{n}.py", a).__qualname__)
        assert sys.path == before
    Path("plain.txt").write_text("")
    Path("table.nc").write_text("")
    found["files"] = [tried(family.load_family, name) for name in ("nothing.py", ".", "plain.txt", "table.nc")]

    def own(
        theta: float,
        height: Annotated[float, "meV"] = 2.0,
        *,
        on_site: float = 1.0,
        band_splitting=HALF,
        **more,
    ) -> Annotated[sj.Junction, 3, "eV"]:
        """Something."""

    def bare(a, b=1): ...

    many = (own, bare, tunnel_junction, partial(tunnel_junction, 1.0), lambda: 3)
    found["units"] = [tried(family.units_of, one) for one in many]
    found["facts"] = [
        tried(
            lambda f=one: {
                k: v
                for k, v in family.facts_of(f, {"height": [1.0]}, {"b": 2, "c": np.float64(1.5), "d": 1j}).items()
                if k != "family_source"
            }
        )
        for one in many
    ]
    found["called"] = [
        tried(lambda f=f, p=p: str(family.call_any_family(f, p)))
        for f, p in (
            (bare, {}), (bare, {"a": 1, "c": 2}), (bare, {"a": 1}), (lambda **k: 3, {"x": 1}),
            (lambda x: 1 / 0, {"x": 2}), (lambda: sys.exit(3), {}), (tunnel_junction, {"hight": 1}),
            (tunnel_junction, {"height": "tall"}), (lambda: barrier().left, {}), (tunnel_junction, {"thickness": 3}),
        )
    ]  # fmt: skip
    found["junctions"] = tried(lambda: family.call_family(rashba_junction, width=1))
    found["checked"] = [
        tried(family.check_family, one, ("theta", "k")) for one in (3, barrier(), tunnel_junction, bare, lambda k: k)
    ]
    found["plain"] = [tried(family.plain, one) for one in (np.float64(1.5), np.int8(2), 1j, "a")]
    found["shipped"] = [
        tried(lambda f=one: family.shipped(f).__name__)
        for one in (tunnel_junction, own, lambda: 3, partial(tunnel_junction))
    ]
    return found


def page_inputs():
    """Sliders of a family of all kinds of parameters, and what is made of what a page sends."""

    def own(
        theta, phi: Annotated[float, (-1.0, 2.0)] = 0.3, height: Annotated[float, "eV", (1.5, 6.0)] = 9.0,
        count: int = 3, few: Annotated[int, (0, 4)] = 2, less: int = -2, shift: float = -0.7, none: float = 0.0,
        on: bool = False, kind: Literal["a", "b"] = "b", name: str = "x", big: float = np.inf, **rest,
    ): ...  # fmt: skip

    made = controls.controls_of(own, {"shift": -0.4, "count": 30})
    sent = [
        {},
        {"theta": 30, "count": 2.6, "on": 1, "kind": "a"},
        {"kind": "c"},
        {"height": "x"},
        {"height": np.nan},
        {"count": True},
        {"none": None},
    ]
    return [
        [vars(one) for one in made],
        [tried(controls.checked_values, made, one) for one in sent],
        tried(controls.controls_of, own, {"hight": 1}),
        tried(controls.controls_of, lambda x: x, {}),
    ]


def stored():
    """How stores and tables of different things differ, and what a table that is kept tells."""
    one = {"a": 1, "b": {"c": [1, 2.5], "d": None}, "e": "x" * 100, "f": [1], "g": 1}
    other = {"a": 1.0, "b": {"c": [1, 2.25], "d": 0}, "e": "y", "f": [1, 2], "h": True}
    store.Store("d", one).close()
    changed = ({**one, key: other[key]} for key in "abefh")
    found = {"differences": [tried(store.Store, "d", each) for each in (*changed, other, {"a": 1})]}
    store.Store("s", {"seed": 1, "chunk": 3}).close()
    found["asked"] = [
        tried(store.Store, "s", {"seed": 2, "chunk": 4, "more": 1}),
        tried(store.Store, "none", None),
        tried(store.Store, ".", None),
    ]
    with store.Store("s", {"seed": 1, "chunk": 3}) as kept:
        for start, count in ((0, 3), (3, 3), (9, 2)):
            kept.write(start, np.full((count, 2), float(start)), {start: "failed"})
        kept.set_fact("told", [1, "µ"])
        found["rows"] = [
            kept.rows(0, 100),
            kept.rows(3, 9),
            kept.end(),
            kept.readable_end(3),
            kept.fact("told"),
            kept.fact("none"),
        ]
        kept._connection.execute("UPDATE chunks SET checksum = zeroblob(16) WHERE start = 9")
        found["damaged"] = [kept.readable_end(3), tried(kept.read, 9), tried(kept.read, 5), tried(kept.drop, 5)]
        kept._connection.execute("UPDATE facts SET value = '[2]' WHERE name = 'told'")
        found["facts"] = [tried(kept.fact, "told")]
        kept.write(10**9, np.zeros((1, 2)), {})
        found["far"] = tried(kept.readable_end, 3)
        kept.clear()
        found["cleared"] = [kept.rows(0, 10**10), kept.end(), kept.readable_end(3)]
    data = sj.sweep(tunnel_junction, height=[2.0, 3.0], thickness=[1, 2], progress=False).drop_attrs(deep=False)
    data["large"] = ("thickness",), np.array([2**40, 1])
    data["small"] = ("thickness",), np.array([-(2**31), 2**31 - 1])
    found["checksum"] = [
        str(files.with_checksum(data)[name].dtype) for name in ("large", "small", "conductance", "thickness")
    ]
    files.write_table(data, "t.nc")
    size = Path("t.nc").stat().st_size
    found["read"] = [
        tried(lambda **k: sorted(files.read_table("t.nc", **k).data_vars), *()),
        *(tried(lambda n=n: sorted(files.read_table("t.nc", nbytes=n).data_vars)) for n in (1, size)),
        *(tried(files.read_table, name) for name in ("none.nc", ".")),
        tried(files.verify_table, data, "x"),
    ]
    return found


def disordered():
    """Settings of ensembles that are refused."""
    several = (
        {"boundary": "open"},
        {"boundary": ("twisted",)},
        {"boundary": ("twisted", "periodic"), "k": (0, 0.1)},
        {"seed": -1},
        {"solver": "x"},
    )
    several += (
        {"m_right": (0, 0, 1)},
        {"m_right": []},
        {"max_defect": 0},
        {"chunk": 0},
        {"sed": 1},
        {"cross_section": (0, 1)},
        {"torques": 1},
    )
    of = sj.runs.realizations.JunctionProblem.of
    return [tried(lambda s=settings: of(disordered_barrier(), 0.3, **s).boundary) for settings in several]


class KwantError(Exception):
    """As Kwant's."""


KwantError.__module__ = "kwant._common"


class Stream(io.StringIO):
    """A console whose reader may be gone, or its disk full."""

    error: OSError | None = None

    def flush(self):
        if self.error is not None:
            raise self.error


def warned(options):
    warnings.simplefilter("always")  # of this command
    warnings.warn(sj.BarrierWarning("conducts\n  twice"), stacklevel=1)
    warnings.warn("another", UserWarning, stacklevel=1)
    for _ in range(2):
        checks.warn_of_degrees("theta", 7.0)
    print("done")
    return 5


ENDS = {
    "refused": sj.NoOpenChannelError("no channel"),
    "argument": sj.ArgumentError("Argument `x`\n  must be"),
    "other refusal": sj.SpinjuncError("no"),
    "package": optional.MissingPackageError("This needs x"),
    "file": files.FileError("The file 'x' cannot be written"),
    "no file": FileNotFoundError(2, "No such file", "x.nc"),
    "no name": OSError(28, "No space left"),
    "no reason": OSError("strange"),
    "pipe": BrokenPipeError(32, "Broken pipe"),
    "memory": MemoryError(),
    "memory of": MemoryError("8 GB"),
    "module": ModuleNotFoundError("No module named 'a.b'", name="a.b"),
    "module of no name": ModuleNotFoundError("what"),
    "interrupted": KeyboardInterrupt(),
    "Kwant": KwantError("odd"),
    "another": ZeroDivisionError("x"),
}


def ends():
    """What a command ends with and says, whatever it raises; what is left of a console."""
    module, found = importlib.import_module("kwant_spinjunc.cli.equation"), {}

    def raising(error):
        def run(options):
            raise error

        return run

    runs = {**{name: raising(error) for name, error in ENDS.items()}, "warned": warned, "done": lambda options: 0}
    cases = [(name, None) for name in runs] + [
        ("done", BrokenPipeError(32, "gone")),
        ("done", OSError(28, "full")),
        ("done", OSError("odd")),
    ]
    for name, broken in cases:
        out, err = Stream(), Stream()
        out.error = broken
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.setattr(module, "run", runs[name])
            patch.setenv("MPLBACKEND", "qt5agg")
            code = tried(main, ["equation", "3"])
            backend = os.environ["MPLBACKEND"]
        found[f"{name}, {broken}"] = [code, out.getvalue(), err.getvalue(), backend]
    found["plain"] = [
        "".join(console.PLAIN.get(c, c) for c in "µħ²±×°ΦΓκ≤∞…"),
        "aΦb\u4e00".encode("ascii", "spinjunc").decode(),
    ]
    with contextlib.redirect_stderr(io.StringIO()) as err:
        found["without"] = [tried(console.without(ModuleNotFoundError("x", name="numpy.linalg"))), err.getvalue()]
    return found


def asked_of_a_page():
    """What a page on this machine answers to any request: status, kind, length, and who else may ask."""
    page = sj.explore(tunnel_junction)
    found = {}
    try:
        parts = urlsplit(page.url)
        for method, path, body, host in (
            ("GET", "", None, None),
            ("GET", "?x=1", None, f"localhost:{parts.port}"),
            ("GET", "explore.js", None, None),
            ("GET", "explore.css", None, None),
            ("GET", "server.py", None, None),
            ("GET", "", None, "example.org"),
            ("GET", "", None, "127.0.0.1.example.org"),
            ("GET", "../", None, None),
            ("POST", "update", "[]", None),
            ("POST", "update", "{", None),
            ("POST", "nothing", "{}", None),
            ("POST", "describe", "", None),
            ("POST", "describe", "{}" + " " * 200_000, None),
            ("POST", "update", '{"values": {"energy": "x"}}', None),
            ("POST", "", "{}", None),
            ("POST", "update", '{"values": {"energy": 50}}', "example.org"),
        ):
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
            connection.request(
                method,
                parts.path[:-3] + "x" if path == "../" else f"{parts.path}{path}",
                body,
                {"Host": host} if host else {},
            )
            answer = connection.getresponse()
            text = answer.read().decode()
            shown = text if len(text) < 200 else f"{text[:15]}..."
            heads = [answer.getheader(name) for name in ("Content-Type", "Cache-Control")]
            whole = answer.getheader("Content-Length") == str(len(text.encode()))
            body = (body or "").strip()
            shown = re.sub(r'"milliseconds": [\d.]+', "", shown)
            found[f"{method} {path} {body} {(host or '').partition(':')[0]}"] = [answer.status, *heads, whole, shown]
            connection.close()
    finally:
        page.close()
    return found


MADE = {
    "checks": checked,
    "formulas": formulas,
    "typed": typed,
    "printed": printed,
    "names": named,
    "families": families,
    "page inputs": page_inputs,
    "stores": stored,
    "refused ensembles": disordered,
    "ends": ends,
    "requests": asked_of_a_page,
}


def telling(name):
    folder = str(Path.cwd())
    return [line.replace(folder, "HERE") for line in told(MADE[name]())]


@pytest.mark.parametrize("name", MADE)
def test_what_is_answered_is_what_was_answered(name):
    assert differences(telling(name), record(name).read_text().splitlines()) == []


if __name__ == "__main__":
    tell_those_named(MADE, telling)
