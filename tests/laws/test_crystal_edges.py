"""A billionth is noticed, and rounding is not: where crystals and their biases tell one case from the other."""

import kwant
import numpy as np
import pytest
from numpy.testing import assert_allclose

import kwant_spinjunc as sj
from kwant_spinjunc.crystals import crystal as crystals
from kwant_spinjunc.crystals.fourier import sampled
from kwant_spinjunc.crystals.scatter import CrystalSettings
from kwant_spinjunc.devices.device import Device
from kwant_spinjunc.spin import PAULI, sigma

ONE, (SX, SY, SZ) = np.eye(2), PAULI
SEEN, ROUNDING = 1e-9, 1e-14
HALF = dict(behind=lambda site: site.tag[0] >= 3, turns=[0.7])


def chain(*, cut=0 * ONE, back=0 * ONE, bond=0 * ONE, lead=-0.3 * SZ, norbs=2, order=None):
    """Six sites and two leads along z; what is added to the bond at the cut, to a site and a bond behind it."""
    lattice, syst, n = kwant.lattice.chain(norbs=norbs), kwant.Builder(), norbs // 2

    def full(spin):
        return np.kron(spin, np.eye(n)) if len(spin) == 2 else spin

    for x in range(6):
        syst[lattice(x)] = full(0.1 * ONE - 0.4 * SZ) + (full(back) if x == 4 else 0)
    for x in range(5):
        syst[lattice(x + 1), lattice(x)] = full(-ONE) + {2: full(cut), 3: full(bond)}.get(x, 0)
    for direction, cell in ((-1, -0.3 * SZ), (1, lead)):
        built = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        built[lattice(0)] = full(0.1 * ONE + cell)
        built[lattice.neighbors()] = full(-ONE)
        syst.attach_lead(built)
    return Device(system=syst.finalized(), spin=order or "auto")


def taken(device, **settings):
    return CrystalSettings(**settings).problem(device).crystal


#: Exchange that mixes orbitals, and what is complex without spin.
MIXED = np.kron(SZ, [[0, 1], [1, 0]])
COMPLEX = np.kron(ONE, [[0, 1j], [-1j, 0]])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (lambda x: dict(cut=x * SZ), "depends on spin"),
        (lambda x: dict(cut=1j * x * SX), "depends on spin"),
        (lambda x: dict(bond=1j * x * SX), "is spin-orbit coupling"),
        (lambda x: dict(norbs=4, order="spin-orbital", back=np.kron(SY, [[0, 1j * x], [-1j * x, 0]])), "is spin-orbit"),
        (lambda x: dict(norbs=4, order="spin-orbital", back=0.1 * MIXED + x * COMPLEX), "cannot be told"),
        (lambda x: dict(norbs=4, order="spin-orbital", back=x * MIXED + 0.1 * COMPLEX), "cannot be told"),
    ],
)
def test_what_cannot_be_turned_is_refused_from_a_billionth_on_with_its_size(parts, message):
    sj.scatter(chain(**parts(ROUNDING)), 0.2, **HALF)
    with pytest.raises(sj.ArgumentError, match=message) as refused:
        sj.scatter(chain(**parts(SEEN)), 0.2, **HALF)
    # relative to the bond that is cut, and to the largest element of the Hamiltonian, both 1
    assert "cannot" in message or "a part 1e-09 of" in str(refused.value)
    free = sj.scatter(chain(**parts(SEEN)), 0.2, spin_orbit=False, **HALF) if "depends" not in message else None
    plain = sj.scatter(chain(**parts(ROUNDING)), 0.2, spin_orbit=False, **HALF)
    if free is not None:
        assert_allclose(free.between_leads(), plain.between_leads(), atol=1e-8)


@pytest.mark.parametrize(
    ("lead", "resolved", "magnetic"),
    [
        (-0.3 * SZ, True, True),
        (-0.3 * sigma((0.0, 0.6, 0.8)), True, True),
        (SEEN * SX, True, True),
        (ROUNDING * SX, True, False),
        (0 * ONE, True, False),
    ],
)
def test_a_lead_is_magnetic_from_a_billionth_on(lead, resolved, magnetic):
    found = taken(chain(lead=lead)).leads[1]
    assert (found.resolved, found.magnetic, found.alike) == (resolved, magnetic, not magnetic)
    field = -np.array([np.trace(lead @ s).real for s in PAULI])
    assert_allclose(found.m, field / np.linalg.norm(field) if magnetic else [0, 0, 1], atol=1e-12)


@pytest.mark.parametrize(("across", "resolved"), [(SEEN, False), (ROUNDING, True)])
def test_spins_of_a_lead_are_resolved_unless_a_billionth_lies_across_its_axis(across, resolved):
    lattice, syst = kwant.lattice.chain(norbs=2), kwant.Builder()
    syst[(lattice(x) for x in range(3))] = 0.1 * ONE
    syst[lattice.neighbors()] = -ONE
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(0)] = -0.3 * SZ
        lead[lattice.neighbors()] = -ONE + (across * SX if direction > 0 else 0)
        syst.attach_lead(lead)
    device = Device(system=syst.finalized())
    crystal = taken(device)
    assert [lead.resolved for lead in crystal.leads] == [True, resolved]
    assert crystal.mixing == ([] if resolved else [1])
    assert (crystal.sides[0].m is None) == (not resolved)
    P = sj.scatter(device, [0.3]).probabilities[0]
    assert np.isfinite(P[0, :, 0]).all()
    assert np.isfinite(P[1]).all() == np.isfinite(P[:, :, 1]).all() == resolved


@pytest.mark.parametrize(("across", "one_axis"), [(SEEN, False), (ROUNDING, True)])
def test_spins_of_a_side_are_apart_unless_a_billionth_lies_across_their_axis(across, one_axis):
    for site in (dict(back=across * SX), dict(bond=across * SX)):
        sides = taken(chain(**site), spin_orbit=False, **HALF).sides
        assert sides[0].m.tolist() == [0, 0, 1]
        assert (sides[1].m is None) == (not one_axis)
        assert sides[1].onsite[0].coefficients.shape[1] == (2 if one_axis else 1)


@pytest.mark.parametrize(("angle", "refused"), [(1e-4, True), (1e-6, False), (np.pi, True)])
def test_a_declared_direction_is_that_of_the_majority_within_what_is_written_down(angle, refused):
    device = chain()
    m = {1: np.array([np.sin(angle), 0.0, np.cos(angle)])}
    if refused:
        with pytest.raises(sj.ArgumentError, match=r"magnetizations\[1\]` must be the direction of the majority"):
            sj.scatter(device.system, [0.3], magnetizations=m)
    else:
        found = sj.scatter(device.system, [0.3], magnetizations=m)
        assert_allclose(found.magnetizations[1], m[1], atol=1e-15)


@pytest.mark.parametrize(("off", "refused"), [(1e-9, True), (-1e-9, True), (1e-14, False), (-1e-14, False)])
@pytest.mark.parametrize("end", [0, 5])
def test_a_potential_falls_by_one_from_lead_to_lead(off, refused, end):
    def profile(site):
        return 0.5 - (site.tag[0] > 2) + (off if site.tag[0] == end else 0.0)

    given = dict(behind=HALF["behind"], turns=0.7, rtol=1e-2, profile=profile)
    if refused:
        with pytest.raises(sj.ArgumentError, match="fall by 1 from lead 0 to lead 1, but goes from 0.5 to -0.5"):
            sj.bias_response(chain(), 0.1, **given)
    else:
        assert sj.bias_response(chain(), 0.1, **given).bias == 0.1


@pytest.mark.parametrize(("wrong", "refused"), [(1e-9, True), (1e-15, False)])
def test_what_is_no_series_in_a_momentum_is_refused_from_a_billionth_on(wrong, refused):
    def matrices(k):
        return [np.array([[np.cos(k[0]), wrong * np.cos(9 * k[0])], [0.0, np.sin(4 * k[0] - k[1])]]), np.eye(1) * 0.0]

    if refused:
        with pytest.raises(
            sj.ArgumentError,
            match=r"hoppings of at most 4 cells, but with a, b it misses its Fourier series by 5.2e-10",
        ):
            sampled(matrices, 2, ["a", "b"])
        return
    series, nothing = sampled(matrices, 2, ["a", "b"])
    assert sorted(series.translations.tolist()) == [[-4, 1], [-1, 0], [1, 0], [4, -1]]
    assert nothing.translations.tolist() == [[0, 0]]
    k = np.array([[0.3, -2.0], [1.7, 0.4]])
    assert_allclose(series.at(k), [matrices(one)[0] for one in k], atol=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
def test_regions_of_many_orbitals_are_taken_apart_as_those_of_few(sparse, monkeypatch):
    monkeypatch.setattr(crystals, "DENSE", 0 if sparse else 1000)
    device = chain(bond=0.2 * SX)
    H, built = device.system.hamiltonian_submatrix(), taken(device, spin_orbit=False, **HALF)
    sites = [plane for side in built.sides for plane in side.sites]
    for side in built.sides:
        for plane, own in zip(side.sites, side.mixed_onsite, strict=True):
            rows = (2 * plane[None] + np.array([[0], [1]])).ravel()  # spin up first
            assert_allclose(own.coefficients[0], H[np.ix_(rows, rows)], atol=0)
    assert sorted(np.concatenate(sites).tolist()) == list(range(6))


def test_levels_of_zero_do_not_make_rounding_a_part_of_the_hamiltonian():
    """The hoppings are as large as anything; spins in a turned basis leave rounding of them."""
    U = np.linalg.qr(np.random.default_rng(4).normal(size=(2, 2)) + 1j * np.random.default_rng(5).normal(size=(2, 2)))[
        0
    ]
    lattice, syst = kwant.lattice.chain(norbs=2), kwant.Builder()
    syst[(lattice(x) for x in range(6))] = 0 * ONE
    syst[lattice.neighbors()] = -U @ (ONE + 0.3 * (SZ + SX)) @ U.conj().T
    syst[lattice(3), lattice(2)] = -ONE
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[lattice(0)], lead[lattice.neighbors()] = 0 * ONE, -ONE
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    device = Device(system=syst.finalized(), spin=lambda site: [U @ s @ U.conj().T for s in PAULI])
    crystal = taken(device, **HALF)
    assert abs(crystal.sides[1].mixed_hopping[0].parts[1:].imag).max() < 1e-15
    assert crystal.spin_orbit_behind == (0.0, False)
    assert crystal.scale == pytest.approx(1.3, abs=1e-12)
