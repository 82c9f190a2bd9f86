"""What only one place decides: bonds of a plane, signs of a defect, a default, a number that is exactly zero."""

from dataclasses import replace
from types import SimpleNamespace

import kwant
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from supercells import COPPER, ENERGY, LEFT, RIGHT

import kwant_spinjunc as sj
from kwant_spinjunc.devices import bias, build, exchange, lead_modes, solve, wannier
from kwant_spinjunc.devices.audit import audit
from kwant_spinjunc.devices.device import Device, same, snapshot
from kwant_spinjunc.devices.spin_operators import SpinOperator
from kwant_spinjunc.halves import chain as chain_of
from kwant_spinjunc.halves import kinks, solver, supercell, surface, zone
from kwant_spinjunc.halves.batch import Stack
from kwant_spinjunc.halves.real import border, face, slabs
from kwant_spinjunc.halves.real import solve as real_solve
from kwant_spinjunc.halves.supercell import dense, fields, turned
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.sample import realize
from kwant_spinjunc.spin import PAULI, sigma

ONE = np.eye(2)
ROUTES = 1e-9


def layered(levels, splittings, theta=0.0):
    """A junction of planes of given levels, hopping 1, its two ends the leads."""
    ends = (0, len(levels) - 1)
    made = [
        sj.ferromagnet(onsite=e, hopping=1.0, splitting=s, m=sj.unit_vector(theta if n else 0.0))
        if s
        else sj.normal_metal(onsite=e, hopping=1.0, **({} if n in ends else {"thickness": 1}))
        for n, (e, s) in enumerate(zip(levels, splittings, strict=True))
    ]
    return sj.Junction(made[0], made[1:-1], made[-1])


# ---------------------------------------------------------------------- exactly zero
@pytest.mark.parametrize(
    ("levels", "splittings", "theta", "energy"),
    [((-0.5, 1.0, 0.0), (0.0, 0.0, 1.0), 1.0, 2.0), ((-1.5, -0.5), (2.0, 0.0), 0.0, -2.5)],
)
def test_a_determinant_that_is_zero_is_very_small_and_no_warning(levels, splittings, theta, energy):
    junction = layered(levels, splittings, theta)
    near = solver.log_det(junction, energy + 1e-9j)
    assert -25 < near.real < -9
    assert solver.log_det(junction, energy).real < -60
    assert solver.exchange_integrand(junction, energy) == pytest.approx(
        solver.exchange_integrand(junction, energy + 1e-9j)
    )


def test_a_level_exactly_at_the_energy_is_no_warning_when_resonances_are_looked_for():
    band = dict(hopping=1.0, in_plane_hopping=1.0)
    left = sj.ferromagnet(onsite=0.0, splitting=2.0, **band)
    right = sj.ferromagnet(onsite=3.0, hopping=1.0, in_plane_hopping=0.5, splitting=1.5)
    junction = sj.Junction(left, [sj.Layer(1.0, 1.0, thickness=3, in_plane_hopping=1.0)], right)
    found = kinks.resonances(junction, 2.5)
    moved = kinks.resonances(junction, 2.5 + 1e-9)
    assert len(found) == len(moved)
    assert_allclose(found, moved, atol=1e-6)


def test_a_complex_energy_of_few_digits_is_solved_with_all():
    junction = layered((0.3, 2.5, 0.1), (0.5, 0.0, 0.7), 1.0)
    for ask in (solver.log_det, solver.exchange_integrand, solver.surface_greens):
        assert_allclose(ask(junction, np.complex64(0.25 + 0.5j)), ask(junction, 0.25 + 0.5j), rtol=1e-14)


def test_channels_are_counted_in_whole_numbers():
    junction = layered((0.3, 2.5, 0.1), (0.5, 0.0, 0.7), 1.0)
    texture = Stack.from_junction(junction).as_texture()
    for asked in (junction, texture):
        for found in (solver.solve(asked, [0.1, 2.1]), solver.states(asked, [0.1, 2.1])):
            assert found.modes.dtype.kind == "i"
            assert found.modes.tolist() == [[[1, 1], [1, 1]], [[0, 1], [0, 1]]]


def test_a_mean_at_given_momenta_has_converged():
    junction = layered((0.3, 2.5, 0.1), (0.5, 0.0, 0.7), 1.0)
    for k in (None, (0.1, 0.2)):
        found = zone.mean(lambda c: c + 1.0, junction, 0.1, k)
        assert (found.converged, found.left_out, found.points) == (True, 0.0, 1)
        assert (found.error == 0).all()


# ---------------------------------------------------------------------- bonds and planes, one at a time
def any_sample(clean=2):
    junction = sj.Junction(
        LEFT,
        [
            replace(LEFT, thickness=clean),
            replace(LEFT, thickness=1, disorder=[sj.Anderson(width=1.0)]),
            replace(COPPER, onsite=2.0, thickness=1),
            replace(RIGHT, thickness=1, disorder=[sj.Anderson(width=1.0)]),
            replace(RIGHT, thickness=clean),
        ],
        RIGHT,
    )
    section = CrossSection((2, 2), "hard wall")
    return junction, section, realize(junction, section, 2)


@pytest.mark.skipif(not slabs.is_available(), reason="real samples need python-mumps")
@pytest.mark.parametrize("what", ["bonds", "in_plane", "levels"])
def test_one_uneven_bond_or_level_anywhere_is_seen_by_every_route(what, monkeypatch):
    monkeypatch.setattr(real_solve, "SMALLEST", 1)
    junction, section, sample = any_sample()
    values, rng = getattr(sample, what), np.random.default_rng(5)
    same = supercell.probabilities(junction, ENERGY, section, sample)
    for n in range(1, len(values) - 1):
        changed = values.copy()
        at = (n, 1) if what == "bonds" else (n, 1, 0)
        changed[at] *= 1.3
        changed[at] += 0.05 * rng.random() if what == "levels" else 0.0
        one = replace(sample, **{what: changed})
        found, by = supercell.probabilities_by(junction, ENERGY, section, one)
        assert by == "real"
        dense = supercell.probabilities(junction, ENERGY, section, one, by="complex")
        assert_allclose(found, dense, atol=ROUTES)
        general = supercell.general.General(supercell.door.Sampled(junction, ENERGY, section, one)).probabilities()
        assert_allclose(general, dense, atol=ROUTES)
        assert abs(dense - same).max() > 1e-6, n


def test_more_borders_than_are_kept_are_solved_anew():
    junction, section, sample = any_sample()
    first = [supercell.probabilities(junction, ENERGY + 0.01 * n, section, sample) for n in range(border.BORDERS + 3)]
    assert len(border._borders) <= border.BORDERS
    again = [supercell.probabilities(junction, ENERGY + 0.01 * n, section, sample) for n in range(border.BORDERS + 3)]
    assert_allclose(again, first, atol=1e-12)


@pytest.mark.parametrize("size", [1e-3, -1e-3])
@pytest.mark.parametrize("lead", [0, 1])
@pytest.mark.parametrize("component", [0, 2])
@pytest.mark.parametrize("many", [False, True])
def test_a_flux_that_misses_either_way_is_a_defect(size, lead, component, many, monkeypatch):
    """What is carried back from the far side is off by a constant: charge misses everywhere, spin at the torques."""
    junction, section, sample = any_sample(1)
    where = turned if many else fields
    exact = where.carried

    def off(of, leaving, torques):
        change = np.zeros(4)
        change[component] = size if of == lead else 0.0
        return exact(of, leaving, torques) + change

    monkeypatch.setattr(where, "carried", off)
    given = {"m_right": junction.magnetizations[1][None]} if many else {}
    found = supercell.states(junction, ENERGY, section, sample, **given)
    fewest = found.modes.reshape(-1, 2, 2)[0][lead].min()
    defects = {0: np.max(found.continuity_defect), 2: np.max(found.torque_defect)}
    assert defects[component] == pytest.approx(1e-3 / fewest, rel=1e-3)
    assert defects[2 - component] < 1e-9


# ---------------------------------------------------------------------- devices
def chain(onsite=None, norbs=2, **lead_options):
    lattice, one = kwant.lattice.chain(norbs=norbs), np.eye(norbs)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(5))] = 0.3 * one if onsite is None else onsite
    syst[lattice.neighbors()] = -one
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)), **lead_options)
        lead[lattice(0)], lead[lattice.neighbors()] = 0.3 * one, -one
        syst.attach_lead(lead)
    return syst.finalized()


@pytest.mark.parametrize("number", [2, -1, 7])
def test_a_magnetization_of_a_lead_that_there_is_not_is_refused(number):
    with pytest.raises(sj.ArgumentError, match="`magnetizations`"):
        Device(system=chain(), magnetizations={number: (0.0, 0.0, 1.0)})


@pytest.mark.parametrize("declared", ["time_reversal", "particle_hole", "chiral", None])
def test_a_lead_with_any_symmetry_is_shown_to_kwant_as_a_whole(declared):
    options = {declared: 1j * PAULI[1] if declared == "time_reversal" else PAULI[1]} if declared else {}
    onsite = 0.0 * ONE if declared in ("particle_hole", "chiral") else 0.3 * ONE
    lattice = kwant.lattice.chain(norbs=2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)), **options)
    lead[lattice(0)] = onsite
    lead[lattice.neighbors()] = -1j * PAULI[2] if declared == "chiral" else -ONE
    finalized = lead.finalized()
    (found,) = solve.look_at_leads(SimpleNamespace(leads=[finalized]), {}, [PAULI[2]])
    assert found.is_whole is (declared is not None)
    assert len(found.projectors) == (0 if declared else 2)


def test_no_hoppings_carry_no_flux_and_no_spin_where_there_is_none():
    nothing = np.zeros((0, 2), dtype=int)
    psi = np.ones((3, 10), dtype=complex)
    assert_allclose(Device(system=chain()).flux_per_mode(psi, nothing, {}), np.zeros((3, 4)))
    spinless = Device(system=chain(), spin=None).flux_per_mode(psi, nothing, {})
    assert_allclose(spinless[:, 0], 0.0)
    assert np.isnan(spinless[:, 1:]).all()


@pytest.mark.parametrize("signs", [(1, 1), (-1, -1), (1, -1)])
@pytest.mark.parametrize("sizes", [(0.3, 0.5), (0.3, 0.3)])
def test_orbitals_that_differ_in_their_exchange_are_not_divided_without_a_word(signs, sizes):
    """Whatever the signs of both: time reversal cannot be trusted where orbitals may be complex."""
    fields = np.diag(np.multiply(signs, sizes))

    def onsite(site):
        return 0.3 * np.eye(4) + (site.tag[0] in (1, 2, 3)) * np.kron(PAULI[2], fields)

    system = chain(onsite, norbs=4)
    edges, spin = np.array(list(system.graph)), SpinOperator("spin-orbital")
    part, why = exchange.divide(None, system, edges, np.array([1, 2, 3]), spin, {})
    alike = fields[0, 0] == fields[1, 1]
    assert (part is not None) is bool(alike)
    assert alike or why.startswith("Orbitals differ in how they depend on spin")
    trusted, _ = exchange.divide("time-reversal", system, edges, np.array([1, 2, 3]), spin, {})
    assert_allclose(trusted.toarray(), np.kron(np.eye(3), np.kron(PAULI[2], fields)), atol=1e-14)


def test_a_check_sees_spins_that_are_exchanged_within_the_same_total():
    m = sj.unit_vector(1.0)
    axes = {0: (0.0, 0.0, 1.0), 1: m}
    system = chain(lambda site: 0.3 * ONE - 0.3 * (site.tag[0] == 1) * PAULI[2] - 0.3 * (site.tag[0] == 3) * sigma(m))
    found = sj.scatter(system, 0.1, magnetizations=axes)
    assert audit(found) < 1e-9
    wrong = found.probabilities.copy()
    wrong[1, :, 0] = wrong[1, ::-1, 0]
    assert abs(wrong - found.probabilities).max() > 1e-3
    with pytest.raises(sj.DisagreementError):
        audit(replace(found, probabilities=wrong))


# ---------------------------------------------------------------------- Wannier90
def write(path, H, weights=None):
    """Write H(R) of one cell and its neighbors along z as `_hr.dat`, the Fermi energy at zero."""
    size = len(H[0, 0, 0])
    weights = weights or [1.0] * len(H)
    lines = ["comment", str(size), str(len(H)), " ".join(str(int(w)) for w in weights)]
    for R, block in H.items():
        for n, m in np.ndindex(size, size):
            lines.append(f"{R[0]} {R[1]} {R[2]} {m + 1} {n + 1} {block[m, n].real:.9f} {block[m, n].imag:.9f}")
    path.write_text("\n".join(lines))
    return path


def model(exchange=0.3, flip=0.0, asymmetry=0.0, axis=(0.0, 0.0, 1.0)):
    levels = np.diag([0.1, 0.6])
    hop = np.array([[-1.0, 0.2], [0.1, -0.7]])
    H = {(0, 0, 0): np.kron(ONE, levels) - exchange * np.kron(sigma(axis), ONE) + 0j}
    H[0, 0, 1] = np.kron(ONE, hop) + flip * np.kron(PAULI[0], ONE)
    H[0, 0, -1] = H[0, 0, 1].conj().T.copy()
    H[0, 0, -1][0, 0] += asymmetry
    return H


def read(path, order="spin-orbital", **options):
    settings = dict(fermi_energy=0.0, vectors=np.eye(3), **options)
    return sj.read_wannier90(path, spin_order=order, **settings)


@pytest.mark.parametrize(("miss", "refused"), [(1e-3, True), (1e-5, True), (2e-6, False)])
def test_a_file_is_hermitian_to_the_rounding_of_its_digits(miss, refused, tmp_path):
    path = write(tmp_path / "a.dat", model(asymmetry=miss))
    if refused:
        with pytest.raises(sj.ArgumentError, match=f"differ by {miss:.2g}"):
            read(path)
    else:
        found = read(path)
        assert_allclose(found.hoppings[0, 0, -1], found.hoppings[0, 0, 1].conj().T, atol=0)
        assert found.hoppings[0, 0, 1][0, 0] == pytest.approx(-1.0 + miss / 2, abs=1e-9)


def test_rows_of_two_cells_that_are_exchanged_are_refused(tmp_path):
    """Both are of the same element, so that nothing else is amiss."""
    path = write(tmp_path / "a.dat", model())
    lines = path.read_text().splitlines()
    first, second = 4 + 5, 4 + 16 + 5
    assert lines[first].split()[3:5] == lines[second].split()[3:5]
    lines[first], lines[second] = lines[second], lines[first]
    path.write_text("\n".join(lines))
    with pytest.raises(sj.ArgumentError, match="rows of different cells are mixed"):
        read(path)


@pytest.mark.parametrize(("weight", "refused"), [(40, True), (20, True), (1, False)])
def test_a_sum_rule_that_misses_little_is_refused(weight, refused, tmp_path):
    H = model()
    path = write(
        tmp_path / "a.dat", {R: h * (weight if R != (0, 0, 0) else 1) for R, h in H.items()}, [1, weight, weight]
    )
    if refused:
        with pytest.raises(sj.ArgumentError, match="number of k points"):
            read(path)
    else:
        read(path)


@pytest.mark.parametrize(("size", "refused"), [(0.01, True), (2e-4, True), (5e-5, False)])
def test_exchange_against_m_is_refused_unless_there_is_none(size, refused, tmp_path):
    path = write(tmp_path / "a.dat", model(exchange=-size))
    if refused:
        with pytest.raises(sj.ArgumentError, match=r"points along \(0, 0, -1\)"):
            read(path)
    else:
        assert read(path).exchange[2] == pytest.approx(-2 * size, rel=1e-3)


@pytest.mark.parametrize(("sine", "refused"), [(0.25, True), (0.19, False), (-0.25, True)])
def test_exchange_may_be_off_m_by_what_spin_orbit_coupling_explains(sine, refused, tmp_path):
    path = write(tmp_path / "a.dat", model(axis=(sine, 0.0, np.sqrt(1 - sine**2))))
    if refused:
        with pytest.raises(sj.ArgumentError, match="points along"):
            read(path)
    else:
        assert read(path).mixing > 0.01


@pytest.mark.parametrize(("between", "refused"), [(0.2, True), (0.004, True), (0.0002, False)])
def test_the_other_order_is_told_from_few_flips_on(between, refused, tmp_path):
    """Hoppings between two orbitals are flips of spins if the order is taken for the other."""
    hop = np.array([[-1.0, between], [0.0, -1.0]])
    H = {(0, 0, 0): np.zeros((4, 4)) + 0j, (0, 0, 1): np.kron(hop, ONE) + 0j}  # orbitals slow, spins fast
    H[0, 0, -1] = H[0, 0, 1].conj().T
    path = write(tmp_path / "a.dat", H)
    if refused:
        with pytest.raises(sj.ArgumentError, match="`spin_order` must be that of a.dat"):
            read(path)
    else:
        read(path)
    assert read(path, "orbital-spin").mixing < 1e-9


@pytest.mark.parametrize(("stretch", "allowed"), [(1.04, True), (1.06, False), (0.94, False)])
def test_materials_may_be_strained_by_five_percent(stretch, allowed):
    own = wannier.Wannier(model(), np.eye(3), np.array([0.0, 0.0, 1.0]), np.zeros(3), 0.0)
    other = replace(own, vectors=np.eye(3) * stretch)
    for parts in ((own, other, own), (own, own, other)):
        if allowed:
            wannier.wannier_junction(*parts)
        else:
            with pytest.raises(sj.ArgumentError, match="lattice vectors of `left` in the plane, but they differ by 6%"):
                wannier.wannier_junction(*parts)


# ---------------------------------------------------------------------- parameters that may have changed
def of_module(x):
    return x


TWIN = np.array([0.1, 0.2])
ALIKE = [
    (1, 1, True),
    (1, 1.0, False),
    (1, 2, False),
    (True, 1, False),
    ("a", "a", True),
    (None, None, True),
    (None, 0, False),
    (TWIN, TWIN.copy(), True),
    (TWIN, TWIN[::-1], False),
    (TWIN, TWIN.astype(np.float32), False),
    (TWIN.astype(object), TWIN.astype(object), False),
    ([1, TWIN], [1, TWIN.copy()], True),
    ([1, 2], [1, 2, 3], False),
    ([1, 2], [1, 3], False),
    ((1, 2), [1, 2], False),
    ({"a": 1}, {"a": 1}, True),
    ({"a": 1}, {"b": 1}, False),
    ({"a": 1}, {"a": 1, "b": 2}, False),
    ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
    (of_module, of_module, True),
    (of_module, lambda x: x, False),
    (np.float64(0.1), np.float64(0.1), True),
    (np.float64(0.1), np.float64(0.2), False),
]


@pytest.mark.parametrize(("a", "b", "alike"), ALIKE)
def test_parameters_are_the_same_if_that_is_certain(a, b, alike):
    assert same({"p": a}, {"p": b}) is alike
    assert same({"p": a, "q": 1}, {"p": b, "q": 1}) is alike
    assert not same({"p": a}, {"q": b})
    thing = SimpleNamespace(size=1)
    assert not same({"p": a, "q": thing}, {"p": b, "q": thing})  # it may have changed inside


def test_parameters_are_kept_as_they_are_now_and_later_ones_hold():
    values, thing = [1, [2]], SimpleNamespace(size=1)
    found = snapshot({"a": values, "b": 1, "c": thing}, None, {"b": 2, "d": TWIN})
    values[1][0] = 7
    assert found["a"] == [1, [2]]
    assert found["b"] == 2
    assert found["c"] is thing
    assert found["d"] is not TWIN
    for wrong in ({1: 2}, [("a", 1)], "a"):
        with pytest.raises(sj.ArgumentError, match="`params` must map names"):
            snapshot({"a": 1}, wrong)


# ---------------------------------------------------------------------- means over a function with holes
def test_a_hole_takes_the_nearest_value_of_its_piece_and_that_as_its_error():
    values = np.array([[1.0, np.nan, 3.0, 4.0], [np.nan, np.inf, 7.0, 8.0], [np.nan] * 4])[..., None] * np.array(
        [1, -2]
    )
    errors = np.full(values.shape, 0.1)
    bad = ~np.isfinite(values).all(axis=2)
    found, doubt = zone._stepped_around(values, errors, bad)
    assert found[..., 0].tolist() == [[1, 1, 3, 4], [7, 7, 7, 8], [0, 0, 0, 0]]
    assert found[..., 1].tolist() == [[-2, -2, -6, -8], [-14, -14, -14, -16], [0, 0, 0, 0]]
    assert doubt[..., 0].tolist() == [[0.1, 1, 0.1, 0.1], [7, 7, 0.1, 0.1], [0, 0, 0, 0]]
    assert doubt[..., 1].tolist() == [[0.1, 2, 0.1, 0.1], [14, 14, 0.1, 0.1], [0, 0, 0, 0]]
    assert (errors == 0.1).all()


def test_what_accuracy_is_asked_of_each_component():
    """Relative to what is sure of a value, or to the largest of its kind; to an absolute one; or what it inherits."""
    value = np.array([[1.0, -4.0, 0.2, 100.0, 0.0]])
    size = np.array([[2.0, 5.0, 0.3, 200.0, 1.0]])
    error, inherited = np.array([[0.5, 0.1, 0.3, 1.0, 0.0]]), np.array([[0.0, 0.0, 0.07, 0.0, 0.0]])

    def goal(**changed):
        given = dict(rtol=1e-3, atol=np.zeros(1), floor=0.0, kinds=lambda: [0, 2]) | changed
        return zone._Goal(**given)(value, size, error, inherited)[0].tolist()

    assert goal() == pytest.approx([0.5e-3, 3.9e-3, 0.07, 99e-3, np.inf])
    assert goal(floor=0.5) == pytest.approx([2.5e-3, 3.9e-3, 0.1, 0.1, np.inf])
    assert goal(floor=0.5, kinds=lambda: [0]) == pytest.approx([0.1] * 4 + [np.inf])
    assert goal(atol=np.array([0.02])) == pytest.approx([0.02, 0.02, 0.07, 99e-3, np.inf])
    assert goal(rtol=0.0) == pytest.approx([2e-14, 5e-14, 0.07, 2e-12, np.inf])


def test_pieces_of_a_mean_end_at_every_split_point_once():
    owner, low, high = zone._pieces(np.array([[0.3, 0.3 + 1e-14, -1.0, 2.0, 1e-14], [5.0, 0.5, 0.5, 0.7, -2.0]]))
    for row, ends in enumerate(([-2.0, -1.0, 0.0, 0.3, 2.0], [-2.0, 0.0, 0.5, 0.7, 2.0])):
        order = np.argsort(low[owner == row])
        assert_allclose(low[owner == row][order], np.cbrt(ends[:-1]), atol=1e-12)
        assert_allclose(high[owner == row][order], np.cbrt(ends[1:]), atol=1e-12)


# ---------------------------------------------------------------------- beside an energy that is refused
def test_beside_a_refused_energy_currents_are_the_mean_of_both_sides(monkeypatch):
    """Half of their difference is the error, and the larger one what the width left out may change."""

    def scatter(ready, energy, *args):
        if energy == 0.05:
            raise sj.BandEdgeError("at an edge")
        if abs(energy) > 10 or (side.low_only and energy > 0.05):
            raise sj.ConservationError("above it")
        size = 1.0 if energy < 0.05 else 4.0
        return SimpleNamespace(currents=lambda f: size * np.array([f[0] - f[1], f[1] - f[0]]))

    monkeypatch.setattr(bias, "scatter_device", scatter)
    ready, side = SimpleNamespace(), SimpleNamespace(low_only=False)
    points = np.array([[[0.3, 0.3], [-0.1, -0.1]]]).repeat(2, axis=0)
    for side.low_only, mean, half, largest in ((False, 2.5, 1.5, 4.0), (True, 1.0, 0.0, 1.0)):
        current = bias._Current(ready, points, 0.0, False, 1e-8, np.array([7.0, 0.4]), 0)
        values, errors = current(np.array([1]), np.array([[0.05, 0.0]]))
        assert_allclose(values[0, 0], mean * np.array([1, 1, -1, -1, 1, -1]))
        assert_allclose(values[0, 1], np.array([1, 1, -1, -1, 1, -1]))
        assert_allclose(errors, [[half, 0.0]], atol=1e-15)
        width = 2 * bias.STEPS[0] * 0.4
        assert_allclose(current.left_out, [0.0, width])
        assert_allclose(current.missed, [0.0, width * largest])
        assert current.solves == 4
    side.low_only = False
    far = bias._Current(ready, points, 0.0, False, 1e-8, np.array([7.0, 0.4]), 0)
    with pytest.raises(sj.BandEdgeError, match=r"none within 0\.0004 of 50 can\. above it"):
        far(np.array([1]), np.array([[50.0]]))


@pytest.mark.parametrize("asked", [True, False])
def test_the_cost_of_a_current_is_told_once_after_its_first_energies(asked, monkeypatch):
    monkeypatch.setattr(bias, "scatter_device", lambda *_: SimpleNamespace(currents=lambda f: np.zeros(f.shape)))
    told = []
    monkeypatch.setattr(bias, "quoted", lambda ask: told.append(ask()) or asked)
    monkeypatch.setattr(bias, "warn_if_long", lambda seconds, what, advice: told.append((seconds, what, advice)))
    points = np.zeros((1, 2, 2))
    current = bias._Current(SimpleNamespace(), points, 0.0, False, 1e-8, np.ones(1), ahead=30)
    clock = iter([10.0, 14.0])
    monkeypatch.setattr(bias.time, "process_time", lambda: next(clock))
    energies = np.linspace(0, 1, 5)[None]
    each, solves = 4.0 / bias.TRIED, 30 * bias.REFINED
    if asked:
        with pytest.raises(bias.QuotedError):
            current(np.array([0]), energies)
        assert told == [each * solves]
        return
    current(np.array([0]), energies)
    assert told[0] == told[1][0] == each * solves
    assert f"some {solves} energies of {each:.1g} s" in told[1][2]
    clock = iter([0.0, 1.0])
    current(np.array([0]), energies)
    assert len(told) == 2


# ---------------------------------------------------------------------- matrices of a plane
@pytest.mark.parametrize("count", [3, dense.FEW + 5])
@pytest.mark.parametrize("kind", ["small", "any", "defective", "nearly defective"])
def test_a_resolvent_is_right_by_a_series_by_eigenvalues_and_where_there_are_none(kind, count):
    rng = np.random.default_rng(2)
    n, x = 6, np.linspace(0, 1, count)
    U = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    N = {"small": 0.02 * U, "any": U, "defective": np.eye(n, k=1) * 3.0 + np.eye(n) * (0.4 + 0.1j)}.get(kind)
    if N is None:
        N = np.eye(n, k=1) * 3.0 + np.diag(0.4 + 1e-9 * np.arange(n)) + 0j
    rows, columns = (np.asfortranarray(rng.normal(size=shape) + 0j) for shape in ((4, n), (n, 3)))
    found = dense.resolvent(rows, np.asfortranarray(N), columns, x)
    for x_, one in zip(x, found, strict=True):
        assert_allclose(one, rows @ np.linalg.solve(np.eye(n) + x_ * N, columns), atol=1e-9)


@pytest.mark.parametrize("kind", ["energies", "inverses"])
def test_what_is_large_in_an_elimination_is_noted_in_its_unit(kind):
    watch = face.Watch(scale=4.0)
    a = np.asfortranarray(np.diag([0.01, 2.0, 3.0]) if kind == "inverses" else 2 * np.eye(3))
    b = np.asfortranarray(np.ones((3, 1)) if kind == "inverses" else -90.0 * np.ones((3, 1)))
    found = face.eliminate(a, b, watch)
    assert_allclose(found, b.T @ np.linalg.solve(a, b))
    assert watch.worst == pytest.approx(400.0 if kind == "inverses" else 22.5)


# ---------------------------------------------------------------------- at a pole
def test_a_half_whose_green_function_has_a_pole_at_the_energy_is_solved():
    """Its lead is closed with λ = 1/2, so that a level half a hopping below the energy is at one."""
    junction = layered((-0.5, 1.5, 3.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0, 0.8), 1.0)
    for asked in (junction, Stack.from_junction(junction).as_texture()):
        for ask in (solver.solve, solver.states, solver.probabilities):
            found, near = ask(asked, 2.0), ask(asked, 2.0 + 1e-9)
            for name in ("probabilities", "currents", "torques", "densities"):
                if hasattr(found, name):
                    assert_allclose(getattr(found, name), getattr(near, name), atol=1e-6)
        greens = solver.surface_greens(junction, 2.0)
        assert abs(greens[0]).max() > 0.3


def test_a_cut_next_to_a_level_at_the_energy_has_no_green_function_and_no_warning():
    n = 2
    t = -np.broadcast_to(np.eye(n) + 0j, (1, n, n))
    (lead,) = surface.surfaces(3.0 * np.eye(n)[None] + 0j, t)
    onsite = [np.zeros((1, n, n)) + 0j, np.eye(n)[None] + 0j]
    half = chain_of.eliminate(
        chain_of.Chain(onsite, [np.zeros((1, n, n)) + 0j], [chain_of.Attached(1, slice(n), lead)])
    )
    assert np.isinf(half.g).all()
    assert_allclose(half.D, 0.0)


def test_a_reference_changes_no_surface_in_place():
    h = np.array([np.diag([0.3, 0.9]), np.diag([0.1, 3.0])]) + 0j
    t = np.broadcast_to(-np.exp(0.4j) * np.eye(2), h.shape)
    (found,) = surface.surfaces(h, t)
    asked = replace(found, doubtful=np.array([True, False]), residual=np.array([1.0, 0.0]))
    kept = {
        name: np.copy(getattr(asked, name)) for name in ("sigma", "source", "out", "reflection", "count", "doubtful")
    }
    other = tuple(2 * getattr(found, name)[0] for name in ("sigma", "source", "out", "reflection"))
    surface.settled(asked, h, t, lambda *_: other)
    for name, value in kept.items():
        assert_allclose(getattr(asked, name), value, atol=0, err_msg=name)


@pytest.mark.parametrize("cut", [-1, 4, 5])
def test_a_bond_that_there_is_not_cuts_no_stack(cut):
    stack = Stack.from_junction(layered((0.1, 0.2, 0.3), (0.5, 0.0, 0.7), 1.0))
    with pytest.raises(sj.ArgumentError, match="`cut`"):
        replace(stack, cut=stack.planes - 1 if cut == 4 else cut)


# ---------------------------------------------------------------------- spins of leads
def test_a_closed_lead_has_spins_and_no_channels():
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(3))] = 0.3 * ONE
    syst[lattice.neighbors()] = -ONE
    for direction, level in ((-1, 0.3), (1, 0.3), (1, 9.0)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(0)], lead[lattice.neighbors()] = level * ONE, -ONE
        if level == 9.0:
            syst[lattice(3)] = 9.0 * ONE
        syst.attach_lead(lead)
    found = sj.scatter(syst.finalized(), 0.1)
    assert [spins.resolved for spins in found.spins] == [True] * 3
    assert found.modes[2].tolist() == [0.0, 0.0]
    assert found.spins[2].mixing == 0.0
    assert not np.isnan(found.probabilities).any()


@pytest.mark.parametrize("axis", [(1.0, 0.0, 0.0), (0.0, 0.6, 0.8)])
def test_a_law_of_several_orbitals_tells_the_axis_too(axis):
    law = -np.kron(sigma(axis), np.eye(2))
    found = sj.scatter(chain(norbs=4, conservation_law=law), 0.1, spin="spin-orbital")
    assert_allclose(found.magnetizations, [axis, axis], atol=1e-12)


@pytest.mark.parametrize(("unit", "off"), [(1e9, 1e-2), (1e-3, 1e-9), (1.0, 1e-9)])
def test_a_law_is_kept_to_rounding_of_large_energies_and_to_a_small_number_of_others(unit, off):
    lattice = kwant.lattice.chain(norbs=2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)), conservation_law=PAULI[2])
    lead[lattice(0)] = 0.3 * unit * ONE + off * PAULI[0]
    lead[lattice.neighbors()] = -unit * ONE
    (found,) = solve.look_at_leads(SimpleNamespace(leads=[lead.finalized()]), {})
    assert len(found.projectors) == 2
    lead[lattice(0)] = 0.3 * unit * ONE + 100 * max(unit, 1.0) * 1e-8 * PAULI[0]
    with pytest.raises(sj.ArgumentError, match="commute with their conservation law"):
        solve.look_at_leads(SimpleNamespace(leads=[lead.finalized()]), {})


def test_wave_vectors_are_those_that_wraparound_made_or_that_are_called_so():
    params = {"k_u": 0.1, "kx": 0.2, "k_y": 0.3, "q": 0.4, "k_z": True, "kz": 1, "k_x": 0.5}
    system = SimpleNamespace(_momentum_names=("k_u",), parameters={"k_u", "kx", "k_y", "q", "k_z", "kz"})
    assert exchange.wave_vectors_of(system, params) == ["k_u", "kx", "k_y", "kz"]
    assert exchange.wave_vectors_of(SimpleNamespace(parameters={"k_u", "kx"}), params) == ["kx"]


def test_fields_meet_spin_orbit_coupling_on_one_site_or_on_none():
    system = chain()
    sites = np.arange(5)

    def on(*places):
        return sparse.csr_matrix(np.diag([float(x in places) for x in range(5) for _ in (0, 1)]))

    assert exchange._meet(on(1, 2), on(2, 3), system, sites, 1e-9)
    assert not exchange._meet(on(1), on(3), system, sites, 1e-9)
    assert not exchange._meet(on(1, 2), on(2, 3), system, np.array([0, 1]), 1e-9)
    assert not exchange._meet(on(1, 2), 1e-10 * on(2, 3), system, sites, 1e-9)


def test_a_torque_that_is_not_divided_has_the_shape_of_one_that_is():
    hop = -ONE + 0.4j * PAULI[1]
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(5))] = lambda site: 0.3 * ONE - 0.3 * (site.tag[0] in (1, 2)) * PAULI[2]
    syst[lattice.neighbors()] = -ONE
    syst[lattice(2), lattice(1)] = hop
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(0)], lead[lattice.neighbors()] = 0.3 * ONE, -ONE
        syst.attach_lead(lead)
    system, where = syst.finalized(), lambda site: site.tag[0] in (1, 2)
    with pytest.warns(sj.errors.SpinjuncWarning, match="is not divided"):
        undivided = sj.scatter(system, 0.1).torque(where)
    said = sj.scatter(system, 0.1, exchange=-0.3 * PAULI[2]).torque(where)
    for name in (
        "exchange",
        "spin_orbit",
        "exchange_by_spin",
        "spin_orbit_by_spin",
        "site_exchange",
        "site_spin_orbit",
    ):
        assert getattr(undivided, name).shape == getattr(said, name).shape
        assert np.isnan(getattr(undivided, name)).all()
    assert_allclose(undivided.total, said.total, atol=1e-12)
    assert_allclose(undivided.site_total, said.site_total, atol=1e-12)


def test_sites_of_a_built_junction_are_planes():
    system = sj.build(layered((0.3, 2.5, 0.1), (0.5, 0.0, 0.7))).finalized()
    for family in (*{site.family for site in system.sites}, build._lattice.__wrapped__()):
        assert (family.name, family.norbs) == ("plane", 2)
    parts = [wannier.Wannier(model(), np.eye(3), np.array([0.0, 0.0, 1.0]), np.zeros(3), 0.0)] * 3
    system = wannier.wannier_junction(*parts).system
    assert {site.family.name for site in system.sites} == {"left", "spacer", "right"}


# ---------------------------------------------------------------------- parameters everywhere
def parametric(law=None, symmetry=None, twist=0.0):
    """A strip that holds nothing but functions of parameters, its leads too."""
    lattice = kwant.lattice.square(norbs=2)

    def onsite(site, level, field):
        return level * ONE - field * PAULI[2] + 0.2 * (site.tag[0] == 2) * field * PAULI[0]

    def cell(site, level, end):
        return level * ONE - end * PAULI[2]

    def hop(to, from_, t):
        return -t * ONE + 1j * twist * t * PAULI[1]

    syst = kwant.Builder()
    syst[(lattice(x, y) for x in range(5) for y in range(2))] = onsite
    syst[lattice.neighbors()] = hop
    for direction in (-1, 1):
        declared = {} if symmetry is None else {"time_reversal": symmetry}
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0)), conservation_law=law, **declared)
        lead[(lattice(0, y) for y in range(2))] = cell
        lead[lattice.neighbors()] = hop
        syst.attach_lead(lead)
    return syst.finalized()


NUMBERS = {"level": 0.3, "field": 0.25, "end": 0.15, "t": 0.9}


@pytest.mark.parametrize("law", [None, PAULI[2]])
@pytest.mark.parametrize("free", [False, True])
def test_parameters_reach_whatever_is_asked_of_a_system(law, free):
    numbers = NUMBERS | ({"end": 0.0} if free else {})
    where = dict(cuts={"cut": lambda s: s.tag[0] >= 3}, magnets={"one": lambda s: s.tag[0] == 2})
    given = dict(**where, exchange="time-reversal", barriers={"none": lambda s: s.tag[0] == 1})
    with pytest.warns(sj.errors.BarrierWarning):
        found = sj.scatter(parametric(law), 0.9, params=numbers, check=True, **given)
    assert found.check < 1e-8
    torque, flux = found.torque("one"), found.spin_current("cut", total=True)
    other = sj.scatter(parametric(law), 0.9, params=numbers | {"field": 0.1}, **where)
    assert abs(other.between_leads() - found.between_leads()).max() > 1e-4
    assert abs(torque.exchange).max() > 1e-3
    assert abs(flux).max() > 0.1
    assert found.on_lattice("x").any()
    assert found.density("z").any()
    with pytest.raises(sj.ArgumentError, match="must have a value for t"):
        sj.scatter(parametric(law), 0.9, params={k: v for k, v in numbers.items() if k != "t"})


def test_parameters_reach_leads_that_are_solved_as_a_whole_and_the_second_route_of_mixed_spins():
    free = NUMBERS | {"end": 0.0, "field": 0.0}
    found = sj.scatter(parametric(symmetry=1j * PAULI[1]), 0.9, params=free, check=True)
    assert_allclose(found.between_leads()[0, 1], found.channels[0], atol=1e-9)
    mixed = sj.scatter(parametric(twist=0.3), 0.9, params=NUMBERS, check=True, cuts={"cut": lambda s: s.tag[0] >= 3})
    assert not any(spins.resolved for spins in mixed.spins)
    assert mixed.check < 1e-8


def test_a_wave_behind_very_many_planes_is_reflected_whole_with_its_phase():
    """A phase outlives its amplitude, which is no number any more."""
    left, right = (
        sj.ferromagnet(onsite=x, hopping=1.0, splitting=0.5, m=sj.unit_vector(t)) for x, t in ((0.1, 0), (0.3, 1))
    )
    thick = sj.Junction(left, [sj.barrier(onsite=5.0, hopping=1.0, thickness=700)], right)
    thin = sj.Junction(left, [sj.barrier(onsite=5.0, hopping=1.0, thickness=60)], right)
    found, reference = (solver.solve(junction, 0.2).amplitudes for junction in (thick, thin))
    for lead, s in np.ndindex(2, 2):
        assert found[lead, s, lead, s] == pytest.approx(reference[lead, s, lead, s], abs=1e-12)
    assert abs(found[0, :, 1]).max() < 1e-100


WRONG = {
    "m": lambda stack: stack.m * 1.001,
    "lead_m": lambda stack: stack.lead_m * 0.999,
    "bonds": lambda stack: -stack.bonds,
    "lead_hopping": lambda stack: stack.lead_hopping * [1.0, 0.0],
    "onsite": lambda stack: stack.onsite[:1],
    "splitting": lambda stack: stack.splitting * np.nan,
    "in_plane": lambda stack: stack.in_plane[:-1],
    "lead_splitting": lambda stack: stack.lead_splitting[:1],
    "lead_onsite": lambda stack: [np.inf, 0.0],
}


@pytest.mark.parametrize("name", WRONG)
def test_every_array_of_a_stack_is_looked_at(name):
    stack = Stack.from_junction(layered((0.1, 0.2, 0.3), (0.5, 0.0, 0.7), 1.0))
    with pytest.raises(sj.ArgumentError, match=f"`{name}`"):
        replace(stack, **{name: WRONG[name](stack)})


def test_directions_of_a_stack_are_normalized_to_rounding():
    stack = Stack.from_junction(layered((0.1, 0.2, 0.3), (0.5, 0.0, 0.7), 1.0))
    longer = replace(stack, m=stack.m * (1 + 3e-9), lead_m=stack.lead_m * (1 - 3e-9))
    for m in (longer.m, longer.lead_m):
        assert_allclose(np.linalg.norm(m, axis=-1), 1.0, atol=1e-15)
    with pytest.raises(sj.ArgumentError, match="leading axes"):
        replace(stack, m=np.broadcast_to(stack.m, (2, 2, 3)), onsite=np.broadcast_to(stack.onsite, (3, stack.planes)))


def test_parameters_reach_leads_that_are_given_by_their_modes():
    iron = sj.ferromagnet(onsite=0.3, hopping=1.0, splitting=0.5)
    junction = sj.Junction(iron, [sj.barrier(onsite=2.5, hopping=1.0, thickness=1)], iron)
    section = CrossSection((1, 1), "hard wall")
    builder = sj.build(junction, cross_section=(1, 1), boundary="hard wall")
    exact = lead_modes.AnalyticModes(iron, section)

    def modes(energy, args=(), *, params=None):
        return exact(energy - params["shift"])

    builder.leads = [kwant.builder.ModesLead(modes, lead.interface, ["shift"]) for lead in builder.leads]
    m = {0: (0.0, 0.0, 1.0), 1: (0.0, 0.0, 1.0)}
    found = sj.scatter(builder.finalized(), 0.2, params={"shift": 0.0}, magnetizations=m, check=True)
    assert found.check < 1e-9
    assert_allclose(found.probabilities, sj.scatter(junction, 0.2).probabilities, atol=1e-9)
    moved = sj.scatter(builder.finalized(), 0.2, params={"shift": 0.1}, magnetizations=m, check=True)
    assert abs(moved.probabilities - found.probabilities).max() > 1e-4


def test_labels_of_a_lead_along_another_axis_are_solved_for_a_table_of_directions():
    junction = layered((0.1, 0.4, 2.5, 0.3), (0.0, 0.8, 0.0, 0.7), 1.0)
    stack = Stack.from_junction(replace(junction, left=replace(junction.left, m=sj.unit_vector(0.4, 0.3))))
    m = sj.unit_vector(np.linspace(0.2, 2.0, 6).reshape(3, 2), 0.5)
    turned = stack.with_directions(sj.unit_vector(0.7), m)
    assert turned.labels_differ
    found = solver.probabilities(turned, 0.2)
    assert found.shape == (3, 2, 2, 2, 2, 2)
    assert_allclose(found, solver.solve(turned, 0.2).probabilities, atol=1e-13)
    assert_allclose(found, solver.probabilities(turned.as_texture(), 0.2), atol=1e-11)
