"""Where a watch begins: what is a little too near is doubted, what is far enough on the same scale is not."""

from dataclasses import replace
from types import SimpleNamespace

import kwant
import numpy as np
import pytest
from numpy.testing import assert_allclose
from supercells import COPPER, ENERGY, LEFT, RIGHT

import kwant_spinjunc as sj
from kwant_spinjunc.devices import audit, bias, solve, spin_order
from kwant_spinjunc.devices.lead_modes import decimated
from kwant_spinjunc.devices.result import DeviceScattering
from kwant_spinjunc.halves import kinks, surface, zone
from kwant_spinjunc.halves.batch import Stack
from kwant_spinjunc.halves.pencil import pencil_surface
from kwant_spinjunc.halves.real import slabs
from kwant_spinjunc.halves.supercell import dense
from kwant_spinjunc.spin import PAULI

ONE = np.eye(2)
ROUTES = 1e-9


def chain(onsite, hopping=None, lead=None, planes=4):
    """A chain of two orbitals, its leads of the same terms unless others are given."""
    lattice, hopping = kwant.lattice.chain(norbs=2), -ONE if hopping is None else hopping
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(planes))] = onsite
    syst[lattice.neighbors()] = hopping
    for direction in (-1, 1):
        end = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        end[lattice(0)], end[lattice.neighbors()] = onsite if lead is None else lead, hopping
        syst.attach_lead(end)
    return syst.finalized()


# ---------------------------------------------------------------------- spins of leads
@pytest.mark.parametrize("size", [0.02, 0.002])
def test_a_weak_rashba_chain_conserves_no_spin_but_that_along_its_own_field(size):
    hop = -ONE - 1j * size * PAULI[0]
    for axis, resolved in (((0.0, 0.0, 1.0), False), ((1.0, 0.0, 0.0), True)):
        found = sj.scatter(chain(0.3 * ONE, hop), 0.1, magnetizations={0: axis, 1: axis})
        assert [spins.resolved for spins in found.spins] == [resolved] * 2
        assert_allclose(found.between_leads(), [[0, 2], [2, 0]], atol=ROUTES)


@pytest.mark.parametrize(("tilt", "resolved"), [(1e-3, False), (3e-9, True)])
def test_a_lead_conserves_spin_up_to_a_mixing_and_not_beyond(tilt, resolved):
    """A hopping that turns spins by twice a small angle: modes are off the axis of the levels by about as much."""
    hop = -(ONE + 1j * tilt * PAULI[0])
    found = sj.scatter(chain(0.3 * ONE - 0.3 * PAULI[2], hop), 0.1)
    assert [spins.resolved for spins in found.spins] == [resolved] * 2
    assert resolved or found.spin_mixing.min() > 1e-5


@pytest.mark.parametrize(("off", "refused"), [(1e-3, True), (1e-6, True), (1e-10, False)])
def test_a_declared_axis_is_that_of_the_exchange_field_to_rounding(off, refused):
    system = chain(0.3 * ONE - 0.3 * PAULI[2])
    declared = {0: (np.sin(off), 0.0, np.cos(off))}
    if refused:
        with pytest.raises(sj.ArgumentError, match="must be the direction of the majority spin"):
            sj.scatter(system, 0.1, magnetizations=declared)
    else:
        assert sj.scatter(system, 0.1, magnetizations=declared).probabilities[1, 0, 0, 0] == pytest.approx(1.0)


@pytest.mark.parametrize(("off", "refused"), [(1e-3, True), (1e-8, True), (1e-13, False)])
def test_matrices_that_are_no_spins_are_refused_beyond_rounding(off, refused):
    S = [*PAULI[:2], PAULI[2] * (1 + off)]
    if refused:
        with pytest.raises(sj.ArgumentError, match="algebra of Pauli matrices"):
            sj.scatter(chain(0.3 * ONE), 0.1, spin=S)
    else:
        sj.scatter(chain(0.3 * ONE), 0.1, spin=S)


@pytest.mark.parametrize(("part", "what"), [("law", "commute with their conservation law"), ("adjoint", "Hermitian")])
@pytest.mark.parametrize(("off", "refused"), [(1e-2, True), (1e-5, True), (1e-14, False)])
def test_a_lead_that_nearly_keeps_its_law_or_is_nearly_hermitian_is_refused(part, what, off, refused):
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(3))] = 0.3 * ONE
    syst[lattice.neighbors()] = -ONE
    for direction in (-1, 1):
        law = PAULI[2] if part == "law" else None
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)), conservation_law=law)
        lead[lattice(0)] = 0.3 * ONE + off * (PAULI[0] if part == "law" else np.array([[0, 1], [0, 0]]))
        lead[lattice.neighbors()] = -ONE
        syst.attach_lead(lead)
    if refused:
        with pytest.raises(sj.ArgumentError, match=what):
            sj.scatter(syst.finalized(), 0.1)
    else:
        sj.scatter(syst.finalized(), 0.1)


@pytest.mark.parametrize(("gap", "near"), [(3e-7, True), (1e-3, False), (0.05, False), (1e-14, False)])
def test_modes_are_nearly_degenerate_below_a_distance_of_their_momenta(gap, near):
    """On the circle of momenta, of incoming modes only, and not where they are the same to rounding."""
    for start in (0.4, np.pi - gap / 2):  # across the end of the interval
        momenta = np.array([start, start + gap, -1.0, 0.7, 0.7 + 3e-7, -0.2])
        momenta = np.where(momenta > np.pi, momenta - 2 * np.pi, momenta)
        info = SimpleNamespace(momenta=momenta)
        said = solve.diagnose(chain(0.3 * ONE), {}, SimpleNamespace(lead_info=[info]))
        assert ("nearly degenerate" in said) is near
        assert not near or f"differ by {gap:.1g}" in said


KINDS = [(slow, component, rest) for slow in (True, False) for component in (0, 1) for rest in ("one", "slow", "fast")]


@pytest.mark.parametrize("kind", KINDS)
def test_electrons_and_holes_of_every_kind_are_told_and_a_level_is_none(kind):
    """H = -U H* U† of all terms with U = τ ⊗ V or V ⊗ τ, τ = σx or σy, V = 1, σy ⊗ 1 or 1 ⊗ σy."""
    slow, component, rest = kind
    V = {"one": np.eye(4), "slow": np.kron(PAULI[1], ONE), "fast": np.kron(ONE, PAULI[1])}[rest]
    U = np.kron(PAULI[component], V) if slow else np.kron(V, PAULI[component])
    rng = np.random.default_rng(KINDS.index(kind))
    level, hop = rng.normal(size=(2, 8, 8)) + 1j * rng.normal(size=(2, 8, 8))
    level, hop = ((a - U @ a.conj() @ U.conj().T) / 4 for a in (level + level.conj().T, hop))
    for shift, is_pair in ((0.0, True), (0.01, False), (1e-13, True)):
        lattice = kwant.lattice.chain(norbs=8)
        syst = kwant.Builder()
        syst[lattice(0)], syst[lattice(1)] = level + shift * np.eye(8), level
        syst[lattice.neighbors()] = hop
        syst[lattice(2)] = 1e-9 * level  # what is small has no rounding of its own
        syst[lattice(2), lattice(1)] = hop
        system = syst.finalized()
        edges = np.array(list(system.graph))
        assert spin_order.are_electrons_and_holes(system, edges, {}) is is_pair


# ---------------------------------------------------------------------- fluxes and torques of devices
@pytest.mark.parametrize(
    ("beyond", "miss", "warned"),
    [(1e-6, 1e-7, False), (1e-10, 1e-12, True), (1e-10, 1e-14, False), (2e-8, 1e-9, False), (0.0, 1e-13, False)],
)
@pytest.mark.parametrize("lead", [0, 1])
def test_a_small_flux_is_compared_with_the_scattering_matrix(beyond, miss, warned, lead, recwarn):
    between = np.array([[2.0, beyond], [beyond, 1.0]])
    channels = np.array([1, 1])
    behind = np.array([False, True])
    charge = np.array([beyond, -beyond])
    charge[lead] += miss
    found = SimpleNamespace(_between=between, channels=channels, max_defect=1e-6)
    DeviceScattering._audit_charge(found, "cut", behind, charge)
    said = [str(one.message) for one in recwarn if one.category is sj.errors.NearSideWarning]
    assert (len(said) == 1) is warned
    assert not warned or f"From lead {lead} only {beyond:.2g}" in said[0]


@pytest.mark.parametrize("lead", [0, 1])
def test_a_flux_that_misses_is_refused_beyond_the_defect_allowed_per_channel(lead):
    found = SimpleNamespace(_between=np.array([[1.5, 0.5], [0.5, 2.5]]), channels=np.array([2, 3]), max_defect=1e-6)
    behind, allowed = np.array([False, True]), 1e-6 * found.channels[lead]
    for times, refused in ((0.9, False), (1.1, True)):
        charge = np.array([0.5, -0.5])
        charge[lead] -= times * allowed
        if refused:
            with pytest.raises(sj.ContinuityError, match=f"by {1.1 * allowed:.2g}"):
                DeviceScattering._audit_charge(found, "cut", behind, charge)
        else:
            DeviceScattering._audit_charge(found, "cut", behind, charge)


@pytest.mark.parametrize(("change", "refused"), [(1e-3, True), (1e-6, True), (1e-12, False)])
def test_a_field_that_changes_after_the_solve_is_refused_beyond_rounding(change, refused):
    field = SimpleNamespace(size=0.3)
    system = chain(lambda site, field: 0.3 * ONE - field.size * PAULI[2], lead=0.3 * ONE)
    found = sj.scatter(system, 0.1, params={"field": field}, cuts={"cut": lambda site: site.tag[0] >= 2})
    field.size += change
    if refused:
        with pytest.raises(sj.ArgumentError, match="has changed since"):
            found.spin_current("cut")
    else:
        found.spin_current("cut")


@pytest.mark.parametrize(("off", "refused"), [(1e-2, True), (1e-6, True), (1e-14, False)])
def test_what_is_said_to_be_exchange_is_hermitian_to_rounding(off, refused):
    system = chain(0.3 * ONE - 0.3 * PAULI[2])
    said = -0.3 * PAULI[2] + off * np.array([[0, 1], [0, 0]])
    found = sj.scatter(system, 0.1, exchange=said, magnets={"magnet": lambda site: site.tag[0] in (1, 2)})
    if refused:
        with pytest.raises(sj.ArgumentError, match="`exchange` must be Hermitian"):
            found.torque("magnet")
    else:
        found.torque("magnet")


@pytest.mark.parametrize("size", [1e-2, 1e-4, 1e-7])
def test_a_small_field_takes_its_torque_whatever_else_the_hamiltonian_holds(size):
    """First order in the field: the torque over the field does not depend on its size."""

    def ratio(size):
        system = chain(lambda site: 0.3 * ONE - size * (site.tag[0] == 2) * PAULI[0], lead=0.3 * ONE)
        found = sj.scatter(system, 0.1, magnetizations={0: (0, 0, 1), 1: (0, 0, 1)})
        return found.torque(lambda site: site.tag[0] == 2).exchange_by_spin[0] / size

    found = ratio(size)
    assert_allclose(found, ratio(1e-5), atol=2 * size + 2e-5)
    assert abs(found).max() > 0.5


# ---------------------------------------------------------------------- the second route
def test_a_check_says_what_it_cannot_know_from_an_error_of_its_leads_on(monkeypatch):
    exact = audit._self_energy
    for error, unsure in ((2e-7, True), (0.5e-7, False)):
        monkeypatch.setattr(audit, "_self_energy", lambda *args, e=error: (exact(*args)[0], e))
        if unsure:
            with pytest.raises(sj.BandEdgeError, match="off by 2e-07"):
                sj.scatter(chain(0.3 * ONE), 0.1, check=True)
        else:
            sj.scatter(chain(0.3 * ONE), 0.1, check=True)


@pytest.mark.parametrize(("distance", "wanted"), [(1.0, 1e-11), (1e-2, 1e-10), (1e-3, 1e-6)])
def test_self_energies_of_the_second_route_are_those_of_a_chain_to_their_error(distance, wanted):
    energy, lead = 2.3 - distance, chain(0.3 * ONE).leads[0]
    own, error = audit._self_energy(lead, energy, {})
    x = (energy - 0.3) / 2
    assert_allclose(own, (x - 1j * np.sqrt(1 - x * x)) * ONE, atol=10 * error + 1e-13)
    assert error < wanted


@pytest.mark.parametrize("width", [3e-10, 3e-8, 3e-6, 3e-4])
def test_what_is_left_out_of_a_current_is_as_wide_as_what_was_refused(width, monkeypatch):
    """The nearest step aside that is no longer refused, counted on both sides."""
    window = 0.2

    def currents(f):
        return (2 if f.ndim == 1 else 1) * np.stack([f[0] - f[1], f[1] - f[0]])  # both spins, or each

    def scatter(ready, energy, *args):
        if abs(energy) <= width * window / 2:  # the node in the middle
            raise sj.BandEdgeError("here")
        return SimpleNamespace(currents=currents)  # a perfect channel of each spin

    monkeypatch.setattr(bias, "scatter_device", scatter)
    found = sj.current_voltage(chain(0.3 * ONE), [0.1, -0.1])
    assert 2 * width * window <= found.left_out <= 10 * width * window
    assert_allclose(found.spin_resolved, window * np.array([[1, 1], [-1, -1]]), atol=1e-12)
    assert found.error == pytest.approx(2 * found.left_out, rel=1e-3)  # two channels, all of what they carry


T = np.array([[[[0.3, 0.2], [0.1, 0.4]], [[0.2, 0.6], [0.5, 0.05]], [[0.7, 0.15], [0.25, 0.35]]]] * 3).swapaxes(1, 2)
T = T * (1 + np.arange(3))[:, None, None, None]


@pytest.mark.parametrize("kT", [0.0, 0.013])
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("unresolved", [(), (1,)])
def test_currents_of_three_leads_at_several_points_are_integrals_of_occupations(kT, split, unresolved, monkeypatch):
    """Of probabilities linear in energy: ∫ f dE and ∫ E f dE are known."""
    mu = np.array([[[0.1, 0.06], [-0.1, -0.02], [0.03, 0.0]], [[0.2, 0.1], [0.0, 0.15], [-0.05, 0.1]]])
    mu = mu if split else mu[..., :1].repeat(2, axis=-1)
    asked = {}

    def scatter(ready, energy, *args):
        P = T * (1 + 0.5 * energy)

        def currents(f):
            asked[f.ndim] = True
            if f.ndim == 1:
                return (P.sum(axis=(1, 3)) * (f[:, None] - f)).sum(axis=1)
            found = (P * (f[:, :, None, None] - f)).sum(axis=(2, 3))
            found[list(unresolved)] = np.nan
            return found

        return SimpleNamespace(currents=currents)

    monkeypatch.setattr(bias, "scatter_device", scatter)
    leads = [SimpleNamespace()] * 3
    ready = SimpleNamespace(device=SimpleNamespace(system=SimpleNamespace(leads=leads), edges=None), params={})
    monkeypatch.setattr(bias, "are_electrons_and_holes", lambda *_: False)
    given = mu if split else mu[..., :1]
    found = bias.integrate_currents(ready, given, temperature=kT, rtol=1e-9)
    # ∫ (f_a - f_b) (1 + E/2) dE = (µ_a - µ_b) + (µ_a² - µ_b²)/4 at any temperature
    own = mu + mu**2 / 4
    wanted = (T * (own[:, :, :, None, None] - own[:, None, None])).sum(axis=(-1, -2))
    charge = wanted.sum(axis=-1)
    wanted[:, list(unresolved)] = np.nan
    if split:
        charge[:, list(unresolved)] = np.nan
    assert_allclose(found.spin_resolved, wanted, atol=1e-9, equal_nan=True)
    assert_allclose(found.charge, charge, atol=1e-9, equal_nan=True)
    assert found.error.shape == found.left_out.shape == (2,)
    assert (found.left_out == 0).all()
    assert found.error.max() < 1e-8
    lines = str(found)
    assert lines.count("charge and by spin") == 3
    one = bias.integrate_currents(ready, given[1], temperature=kT, rtol=1e-9)
    assert_allclose(one.charge, charge[1], atol=1e-9, equal_nan=True)
    assert one.charge.shape == (3,)
    assert "lead 2, charge and by spin" in str(one)


# ---------------------------------------------------------------------- surfaces of leads
def modes_of(levels, absorbing=0.0, mix=True):
    """Chains with hopping -1 and -1.1 of some levels, mixed by a unitary matrix."""
    rng = np.random.default_rng(4)
    n = len(levels)
    U = np.linalg.qr(rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n)))[0] if mix else np.eye(n)
    t = -np.diag(np.exp(0.4j) * np.linspace(1.0, 1.1, n))
    return U @ np.diag(np.array(levels) - 1j * absorbing) @ U.conj().T, U @ t @ U.conj().T


@pytest.mark.parametrize(("route", "apart"), [("pencil", 0.05), ("pencil", 1e-5), ("modes", 0.05), ("modes", 1e-3)])
def test_modes_whose_bloch_factors_are_near_each_other_are_two(route, apart):
    h = np.diag([0.3, 0.3 + apart, 5.0]) + 0j
    rng = np.random.default_rng(4)
    U = np.linalg.qr(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))[0]
    h, t = U @ h @ U.conj().T, -np.exp(0.4j) * np.eye(3) + 0j
    if route == "pencil":
        sigma, source, out, reflection = pencil_surface(h, t)
    else:
        (found,) = surface.surfaces(h[None], t[None])
        assert not found.doubtful[0]
        sigma, source, out, reflection = (getattr(found, n)[0] for n in ("sigma", "source", "out", "reflection"))
    gamma = 1j * (sigma - sigma.conj().T)
    for flux in (source @ source.conj().T, out.conj().T @ out):
        assert_allclose(flux, gamma, atol=1e-8)
    assert out.shape[0] == 2
    assert_allclose(sigma, -t @ np.linalg.solve(h + sigma, t.conj().T), atol=1e-8)
    assert_allclose(reflection @ reflection.conj().T, np.eye(2), atol=1e-6 / apart * 1e-4 + 1e-8)


def test_modes_of_one_bloch_factor_are_doubted_unless_they_cannot_be_mixed_up():
    h = np.array([np.diag([0.3, 0.3]), np.diag([0.3, 0.35])]) + 0j
    general = np.broadcast_to(-np.exp(0.4j) * np.eye(2), h.shape)
    (found,) = surface.surfaces(h, general)
    assert found.doubtful.tolist() == [True, False]
    uneven = np.broadcast_to(-np.diag([1.0, 0.05]) + 0j, h.shape)  # Hermitian and definite, though hardly
    (found,) = surface.surfaces(np.array([np.diag([0.3, 0.3 * 0.05])] * 2) + 0j, uneven)
    assert found.doubtful.tolist() == [False, False]
    assert found.count.tolist() == [2, 2]


@pytest.mark.parametrize("phase", [0.0, 0.4])
def test_a_mode_is_too_slow_within_a_distance_of_its_band_edge(phase):
    distance = np.array([1e-2, 1e-5, 1e-14, -1e-14, -1e-5, -1e-2])
    h = (2.0 - distance)[:, None, None] + 0j
    (found,) = surface.surfaces(h, np.broadcast_to(-np.exp(1j * phase), h.shape))
    assert found.doubtful.tolist() == [False, False, True, True, False, False]
    assert found.count[~found.doubtful].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(("eta", "doubtful", "count"), [(1e-14, False, 1), (2e-8, True, None), (1e-3, False, 0)])
def test_what_neither_propagates_nor_decays_is_doubted(eta, doubtful, count):
    """An absorbing level moves Bloch factors off the circle by η over the velocity."""
    h, t = modes_of([0.3], eta, mix=False)
    found = pencil_surface(h, t)
    assert (found is None) is doubtful
    (same,) = surface.surfaces(h[None], t[None])
    assert same.doubtful[0] or not doubtful
    if not doubtful:
        assert len(found[2]) == count
        if count == 0:
            assert_allclose(found[0], decimated(h[None], t)[0], atol=1e-10)
            assert same.count[0] == 0


def test_what_a_surface_misses_is_found_by_either_residual():
    h, t = (a[None] for a in modes_of([0.3, 0.9, 3.5]))
    (good,) = surface.surfaces(h, t)
    assert not good.doubtful[0]
    assert good.residual[0] < 1e-12
    scale = abs(good.sigma).max()
    shift = np.diag([1.0, 0.0, 0.0])[None]
    for size in (1e-3, 1e-7, 3e-10):
        broken = {
            "reactive": replace(good, sigma=good.sigma + size * shift),  # of which the flux knows nothing
            "absorbing": replace(good, sigma=good.sigma + 1j * size * shift),
            "out": replace(good, out=good.out * (1 + size)),
            "source": replace(good, source=good.source * (1 + size)),
        }
        for name, wrong in broken.items():
            seen = surface._audited(h, t, wrong)
            assert seen.doubtful[0], name
            assert 0.1 * size < seen.residual[0] * scale < 20 * size, name
        answer = tuple(getattr(broken["reactive"], n)[0] for n in ("sigma", "source", "out", "reflection"))
        asked = replace(good, sigma=good.sigma * 3, doubtful=np.array([True]), residual=np.array([1.0]))
        assert surface.settled(asked, h, t, lambda *_, answer=answer: answer).doubtful[0] == (size > 1e-8)


# ---------------------------------------------------------------------- the zone
def test_a_mean_is_refused_if_more_than_a_thousandth_of_the_zone_is_missing():
    def holed(width):
        return lambda c: np.where(abs(c - 1.0) < width / 2, np.nan, 1.0)

    found = zone.average(holed(1e-3), rtol=1e-3, strict=False, max_points=4000)
    assert found.left_out < zone.LOST
    with pytest.raises(zone.IntegrationError, match="NaN or infinity in"):
        zone.average(holed(0.2), rtol=1e-3, max_points=4000)


def test_a_kink_at_a_split_point_costs_no_more_points_than_none():
    smooth = zone.average(lambda c: c**2, [0.05, 1.0], rtol=1e-10)
    for at in (0.05, 1e-3, -1.97):
        kinked = zone.average(lambda c, at=at: abs(c - at), [at, 1.0], rtol=1e-10)
        assert kinked.points <= 2 * smooth.points
        missed = zone.average(lambda c, at=at: abs(c - at), [1.0], rtol=1e-10, strict=False)
        assert kinked.points < missed.points
        assert kinked.value == pytest.approx(missed.value, rel=1e-6)


def test_fixed_nodes_reach_rounding_at_their_own_step():
    c, w = zone.nodes([0.3])
    for power, exact in ((0, 1.0), (2, 1.0), (4, 2.25)):
        assert (w * c**power).sum() == pytest.approx(exact, abs=1e-12)
    assert (w * np.sqrt(abs(c - 0.3))).sum() == pytest.approx(
        zone.average(lambda c: np.sqrt(abs(c - 0.3)), [0.3], rtol=1e-11).value, abs=1e-10
    )


def well(theta):
    iron = dict(hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
    oxide = sj.barrier(onsite=9.0, hopping=1.0, in_plane_hopping=1.0, thickness=3)
    copper = sj.normal_metal(onsite=3.6, hopping=1.0, in_plane_hopping=1.0, thickness=2)
    right = sj.ferromagnet(onsite=4.6, **iron, m=sj.unit_vector(theta))
    return sj.Junction(sj.ferromagnet(onsite=5.0, **iron), [oxide, copper, oxide], right)


def test_resonances_of_a_right_angle_are_those_of_both_alignments():
    places = {name: kinks.resonances(well(theta), 0.1) for name, theta in (("along", 0.1), ("across", np.pi / 2))}
    places["against"] = kinks.resonances(well(np.pi - 0.1), 0.1)
    assert min(map(len, places.values())) > 0
    both = np.concatenate([places["along"], places["against"]])
    for place in both:
        assert abs(places["across"] - place).min() < 1e-3
    stack = Stack.from_junction(well(0.1)).with_directions(
        sj.unit_vector(0.0), sj.unit_vector(np.array([0.1, np.pi - 0.1]))
    )
    assert_allclose(kinks.resonances(stack, 0.1), places["across"], atol=1e-12)


# ---------------------------------------------------------------------- samples
@pytest.mark.skipif(not slabs.is_available(), reason="real samples need python-mumps")
@pytest.mark.parametrize(
    ("shape", "splitting", "real"), [((5, 5), 0.6, True), ((4, 6), 0.6, False), ((5, 5), 1e-3, True)]
)
def test_real_arithmetic_is_chosen_from_a_size_on_and_for_all_but_the_weakest_magnets(shape, splitting, real):
    dirty = [sj.Anderson(width=1.0)]
    ends = [replace(x, splitting=splitting) for x in (LEFT, RIGHT)]
    left, right = (replace(x, thickness=1, disorder=dirty) for x in ends)
    spacer = replace(COPPER, onsite=2.0, thickness=1)
    junction = sj.Junction(ends[0], [left, spacer, right], ends[1])
    found = sj.scatter(junction, ENERGY, cross_section=shape)
    assert found.solver == ("halves (real)" if real else "halves")


@pytest.mark.parametrize("angle", [0.1, 1e-3])
@pytest.mark.parametrize("fields", [False, True])
def test_labels_of_a_lead_that_are_a_little_off_are_not_those_of_the_magnet(angle, fields):
    dirty = replace(LEFT, thickness=2, disorder=[sj.Anderson(width=1.0)])
    end = replace(COPPER, m=sj.unit_vector(angle))
    other = replace(RIGHT, thickness=2)
    junction = sj.Junction(end, [dirty, replace(COPPER, onsite=2.0, thickness=1), other], RIGHT)
    found, kwants = (sj.scatter(junction, ENERGY, solver=s, cross_section=(2, 2), seed=2) for s in ("halves", "kwant"))
    along = sj.scatter(
        sj.Junction(COPPER, junction.layers, RIGHT), ENERGY, solver="halves", cross_section=(2, 2), seed=2
    )
    if fields:
        for name in ("currents", "torques", "densities"):
            assert_allclose(getattr(found.fields, name), getattr(kwants.fields, name), atol=1e-8)
    else:
        assert_allclose(found.probabilities, kwants.probabilities, atol=ROUTES)
        assert abs(found.probabilities - along.probabilities).max() > 1e-3 * angle**2


@pytest.mark.parametrize("real", [True, False])
def test_an_inverse_by_blocks_that_loses_digits_is_done_again(real):
    """A corner with a level at zero: nothing is wrong with the whole."""
    rng = np.random.default_rng(3)
    a = rng.normal(size=(120, 120)) + (0 if real else 1j) * rng.normal(size=(120, 120))
    a = a + a.T
    corner = a[:60, :60]
    for rank in (1e-6, 1e-9):
        values, vectors = np.linalg.eig(corner)
        least = abs(values).argmin()
        v = vectors[:, least]
        flat = corner - (values[least] - rank) * np.outer(v, v) / (v @ v)
        b = a + 0j if not real else a.copy()
        b[:60, :60] = flat if not real else (flat + flat.T).real / 2
        found = dense.symmetric_inverse(np.asfortranarray(b.copy()))
        assert_allclose(b @ found, np.eye(120), atol=1e-10)
