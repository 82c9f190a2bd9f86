"""The gate for numbers lets every finite real number of usable size through, and names what it stops."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc import checks
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.model import memory


class Rude:
    """An object that answers every conversion with an error of its own."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no")

    def __float__(self):
        raise RuntimeError("no")

    def __repr__(self):
        raise RuntimeError("no")


NO_NUMBER = {
    "text": ("1.0", "must be"),
    "bytes": (b"1.0", "must be"),
    "a truth value": (True, "must be"),
    "a truth value of NumPy": (np.True_, "must be"),
    "None": (None, "must be"),
    "an object": (object(), "must be"),
    "a rude object": (Rude(), "cannot be printed"),
    "a huge integer": (10**400, "must be at most 1e\\+100|must be below"),
    "an integer too long to print": (10**6000, "an integer of 19932 bits"),
    "infinity": (np.inf, "must be finite|must be"),
    "NaN": (float("nan"), "must be finite|must be"),
    "a complex number": (1j, "must be"),
    "a number beyond all units": (1e101, "must be at most 1e\\+100|must be"),
}
NO_ARRAY = {
    "texts": ["1", "2"],
    "truth values": np.array([True, False]),
    "a truth value among numbers": [1.0, True],
    "a truth value of NumPy among numbers": [[1.0, np.False_]],
    "None among numbers": [1.0, None],
    "ragged rows": [[1.0], [1.0, 2.0]],
    "a masked entry": np.ma.array([1.0, 2.0], mask=[0, 1]),
    "a masked entry in a row": [np.ma.array([1.0, 2.0], mask=[0, 1])],
    "dates": np.array(["2020-01-01"], dtype="datetime64[D]"),
    "a record": np.zeros(2, dtype=[("x", float)]),
    "a set": {1.0, 2.0},
    "a generator": (x for x in [1.0]),
    "objects": np.array([object(), object()]),
    "rude objects": [Rude(), Rude()],
    "huge integers": [1, 10**400],
    "NaN": [1.0, np.nan],
    "a complex entry": [1.0, 1j],
    "a complex entry among objects": np.array([1.0, 1j], dtype=object),
    "a number beyond all units": [1.0, -1e300],
    "a long double beyond doubles": np.array([np.longdouble(10) ** 4000]),
}
SCALARS = [
    lambda value: checks.finite("x", value),
    lambda value: checks.positive("x", value),
    lambda value: checks.not_negative("x", value),
    lambda value: checks.within("x", value, 0.0, 2.0),
    lambda value: checks.integer("x", value),
    lambda value: checks.positive_integer("x", value),
    lambda value: checks.temperature("x", value),
]
ARRAYS = [
    lambda value: checks.finite_array("x", value),
    lambda value: checks.positive_array("x", value),
    lambda value: checks.not_negative_array("x", value),
    lambda value: checks.potentials("x", value),
    lambda value: checks.wave_vector("x", () if value is None else value, many=True),
]


@pytest.mark.parametrize("check", SCALARS + ARRAYS)
@pytest.mark.parametrize(("value", "message"), NO_NUMBER.values(), ids=list(NO_NUMBER))
def test_what_is_no_number_is_refused_by_name(check, value, message):
    with pytest.raises(ArgumentError, match="Argument `x` must") as refused:
        check(value)
    assert len(str(refused.value)) < 250
    if check in ARRAYS[:1] + SCALARS[:1]:
        assert refused.match(message)


@pytest.mark.parametrize("check", ARRAYS + SCALARS)
@pytest.mark.parametrize("value", NO_ARRAY.values(), ids=list(NO_ARRAY))
def test_what_is_no_array_of_numbers_is_refused_by_name(check, value):
    with pytest.raises(ArgumentError, match="Argument `x` must"):
        check(value)


def test_masked_entries_and_sizes_are_named():
    with pytest.raises(ArgumentError, match="must have no masked entries"):
        checks.finite_array("x", NO_ARRAY["a masked entry"])
    with pytest.raises(ArgumentError, match=r"must be at most 1e\+100 in size, but reaches 1e\+300. Use another unit"):
        checks.finite_array("x", [1.0, -1e300])
    with pytest.raises(ArgumentError, match="must be real, but is complex"):
        checks.finite_array("x", NO_ARRAY["a complex entry"])


@pytest.mark.parametrize(
    "value",
    [
        3, 3.0, np.float32(3), np.int8(3), np.array(3), np.array([3.0]), [3, 3.0], (3,), range(3, 5), np.longdouble(3),
        Fraction(3), Decimal(3), [Fraction(3), 3.0], np.ma.array([3.0, 4.0]), np.zeros((0, 2)), [],
    ],
    ids=repr,
)  # fmt: skip
def test_numbers_of_every_kind_pass_unchanged(value):
    array = checks.finite_array("x", value)
    assert array.dtype == float
    np.testing.assert_array_equal(array, np.array(value, dtype=float))
    assert (array.size == 0) or array.flat[0] == 3
    if np.ndim(value) == 0:
        assert checks.finite("x", value) == 3


def test_an_array_is_copied_and_a_complex_one_keeps_its_phase():
    """Who keeps it keeps the numbers that were given, whatever the caller does to the array."""
    for array in (np.linspace(0, 1, 5), np.arange(3), np.float32([1, 2])):
        kept = checks.finite_array("x", array)
        assert not np.shares_memory(kept, array)
        np.testing.assert_array_equal(kept, array)
    np.testing.assert_array_equal(checks.complex_array("x", [1j, 2]), [1j, 2])
    with pytest.raises(ArgumentError, match="array of complex numbers"):
        checks.complex_array("x", "j")


@pytest.mark.parametrize("value", [0.0, -1.0, 5e-324, 1e-300])
def test_a_scale_is_positive_and_survives_being_squared(value):
    for check in (checks.positive, checks.positive_array):
        with pytest.raises(ArgumentError, match="must be positive" if value <= 0 else r"must be at least 1e-100"):
            check("x", value)
    assert checks.positive("x", 1e-99) ** 3 > 0


def test_integers_may_come_as_whole_floats_and_have_bounds():
    assert checks.integer("n", 0.0) == 0
    assert checks.positive_integer("n", np.int64(4)) == 4
    for value, message in [
        (0, "at least 1"),
        (2.5, "a positive integer"),
        (2**63, r"below 2\*\*63"),
        (-(10**400), "1"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            checks.positive_integer("n", value)
    with pytest.raises(ArgumentError, match="an integer >= 0"):
        checks.integer("n", 1.5)


def test_shapes_are_patterns():
    assert checks.check_shape("x", np.zeros((7, 2, 2, 3)), "(..., n, n, 3)") == {"n": 2}
    assert checks.check_shape("x", np.zeros(3), "(..., n)") == {"n": 3}
    assert checks.check_shape("x", np.zeros((4, 5)), "(m, n)") == {"m": 4, "n": 5}
    for shape, pattern in [((2, 3), "(..., n, n)"), ((3,), "(..., n, 3)"), ((1, 3), "(3)"), ((), "(..., 2)")]:
        with pytest.raises(ArgumentError, match=r"`x` must have shape \(.*\), but its shape is"):
            checks.check_shape("x", np.zeros(shape), pattern)


def test_arguments_of_one_meaning():
    assert checks.potentials("mu", 0.5).tolist() == [0.5, 0.5]
    assert checks.potentials("mu", [[1.0, 2.0]]).tolist() == [[1.0, 2.0]]
    with pytest.raises(ArgumentError, match=r"`mu` must have shape \(\.\.\., 2\)"):
        checks.potentials("mu", [1.0, 2.0, 3.0])
    for value, message in [(-1.0, "must not be negative, but is -1. It is k_B T"), (1e99, "at most 1e\\+06")]:
        with pytest.raises(ArgumentError, match=message):
            checks.temperature("kT", value)
    assert checks.wave_vector("k", None).tolist() == [0.0, 0.0]
    with pytest.raises(ArgumentError, match="must be one vector"):
        checks.wave_vector("k", [[0.0, 0.0]])
    assert checks.is_average("k", "average")
    assert not checks.is_average("k", None)
    with pytest.raises(ArgumentError, match="must be a wave vector, None or 'average', but is 'mean'"):
        checks.is_average("k", "mean")
    assert checks.choice("side", "left", ("left", "right")) == "left"
    with pytest.raises(ArgumentError, match="must be one of 'left', 'right', but is 3"):
        checks.choice("side", 3, ("left", "right"))
    assert checks.two_halves("junction", 3) == 3
    with pytest.raises(ArgumentError, match="two collinear halves.* Use `states`"):
        checks.two_halves("junction", None, "Use `states`.")


def test_a_number_of_a_thing_an_axis_a_class_and_what_goes_together():
    assert checks.index("lead", np.int64(1), 2) == 1
    for value in (2, -1, True, 1.0, None):
        with pytest.raises(ArgumentError, match="`lead` must be 0 to 1, but is"):
            checks.index("lead", value, 2)
    with pytest.raises(ArgumentError, match="`layer` must number one of several, of which there is none, but is 0"):
        checks.index("layer", 0, 0)
    assert checks.number_or_axis("energy", 0.5).shape == ()
    for value in ([[0.5]], []):
        with pytest.raises(ArgumentError, match="`energy` must be a number or a 1D array"):
            checks.number_or_axis("energy", value)
    assert checks.instance("m", 1, int) == 1
    with pytest.raises(ArgumentError, match="`m` must be an int, but is 'one'. Use 1"):
        checks.instance("m", "one", int, "Use 1.")
    assert checks.broadcast("Arguments `a` and `b`", (3, 1), (2,)) == (3, 2)
    with pytest.raises(
        ArgumentError, match=r"Arguments `a` and `b` must broadcast, but their shapes are \(3,\), \(2,\)"
    ):
        checks.broadcast("Arguments `a` and `b`", (3,), (2,))
    checks.refuse_empty("Arguments `a` and `b`", 0.0, None, [1.0])
    with pytest.raises(ArgumentError, match="Arguments `a` and `b` must not be empty"):
        checks.refuse_empty("Arguments `a` and `b`", 0.0, [])


@pytest.mark.parametrize("what", ["energy", "k", "m_right", "outer product", "list"])
def test_batches_that_no_memory_holds_are_refused_before_they_are_copied(what):
    """Regression: a bare MemoryError, of views that claim 10⁹ numbers or of axes that broadcast to them."""
    metal = sj.normal_metal(onsite=0.0, hopping=1.0)
    junction = sj.Junction(metal, [], metal)
    many = np.broadcast_to([0.0, 0.0, 1.0], (10**9, 3))
    calls = {
        "energy": lambda: sj.scatter(junction, many[:, 0]),
        "k": lambda: sj.scatter(junction, 0.1, many[:, :2]),
        "m_right": lambda: sj.scatter(junction, 0.1, m_right=many),
        "outer product": lambda: sj.scatter(junction, np.zeros((10**5, 1)), np.broadcast_to(0.0, (1, 10**5, 2))),
        "list": lambda: sj.bias_response(junction, many[:, 0], energy=0.1),
    }
    with pytest.raises(sj.ArgumentError, match=r"points need about|have at most 2.7e\+08 numbers"):
        calls[what]()


def test_fields_that_no_memory_holds_are_refused(monkeypatch):
    metal = sj.normal_metal(onsite=0.0, hopping=1.0)
    s = sj.scatter(sj.Junction(metal, [], metal), np.zeros(1000), solver="halves")
    monkeypatch.setattr(memory, "machine_memory", lambda: 1e-3)
    with pytest.raises(sj.ArgumentError, match="1e\\+03 points need about 0.0016 GB"):
        _ = s.bond_currents
