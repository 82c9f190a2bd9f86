"""Finite bias of Kwant systems: against junctions, linear response, plain Kwant and determinants; refusals."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import kwant
import numpy as np
import pytest
from crystal_layers import CONTACTED, between_normal_metals, layers
from crystal_systems import RandomSystem, turned
from dense import fermi_poles, surface
from numpy.testing import assert_allclose
from strategies import repetitions

import kwant_spinjunc as sj
from kwant_spinjunc import costs
from kwant_spinjunc.crystals import problem
from kwant_spinjunc.magnets.parameters import system_response
from kwant_spinjunc.transport import crystal_bias

#: Agreement with the junction's own integrals, both asked for 1e-9; 2e-10 is met.
QUADRATURE = 1e-8
ANGLES = np.array([1.0, 2.0])
LEVELS, SPLITTINGS, PLANE = [1.0, 1.0, 3.5, 3.5, 3.5, 1.3, 1.3], [1.0, 1.0, 0, 0, 0, 0.7, 0.7], 0.3
K = (0.4, 0.9)


def behind(site):
    return site.tag[0] >= 3


def in_front(site):
    return site.tag[0] < 3


def drop(site):
    """Return the linear drop over the barrier in equal steps."""
    return np.interp(site.tag[0], [1, 5], [0.5, -0.5])


def junction(theta):
    magnets = [
        sj.ferromagnet(onsite=level, hopping=1.0, splitting=split, in_plane_hopping=PLANE, m=sj.unit_vector(angle))
        for level, split, angle in ((1.0, 1.0, 0.0), (1.3, 0.7, theta))
    ]
    return sj.Junction(
        magnets[0], [sj.barrier(onsite=3.5, hopping=1.0, thickness=3, in_plane_hopping=PLANE)], magnets[1]
    )


def numbers(r, which=...):
    """Return all currents and torques of a response as one array, trailing axis."""
    parts = [r.spin_resolved, r.spin_current, r.torques.vectors, r.torques.damping_like, r.torques.field_like]
    if r.equilibrium is not None:
        torques = r.equilibrium.torques
        parts += [r.equilibrium.spin_current, torques.vectors, torques.damping_like, torques.field_like]
    own = [2, 1, 2, 1, 1, 1, 2, 1, 1]
    return np.concatenate([p.reshape(*p.shape[: p.ndim - n], -1) for p, n in zip(parts, own, strict=False)], axis=-1)[
        which
    ]


def response(syst, bias, **changed):
    given = dict(k=K, turns=ANGLES, behind=behind, profile=drop, equilibrium=True, rtol=1e-9) | changed
    return sj.bias_response(syst, bias, **given)


RESERVOIRS = [
    dict(),
    dict(energy=0.1, temperature=(0.02, 0.05), accumulation=[[0.1, -0.05], [0.0, 0.02]]),
]


@pytest.mark.parametrize("reservoirs", RESERVOIRS)
def test_at_one_momentum_it_is_the_response_of_the_junction(reservoirs):
    bias = np.array([0.3, -0.5])
    found = response(layers(LEVELS, SPLITTINGS, PLANE, dimensions=2), bias, **reservoirs)
    assert found.bias.shape == found.error.shape == (2, 2)
    for n, angle in enumerate(ANGLES):
        own = sj.bias_response(junction(angle), bias, k=K, equilibrium=True, rtol=1e-9, **reservoirs)
        size = abs(own.spin_resolved).max()
        assert_allclose(numbers(found, n), numbers(own), rtol=0, atol=QUADRATURE * size)
        assert_allclose(found.mu[n], own.mu, rtol=0, atol=1e-15)
        assert_allclose(found.m[n, 0], own.m, rtol=0, atol=1e-15)
        assert (abs(numbers(found, n) - numbers(own))[..., :7].max(axis=-1) <= found.error[n] + own.error).all()


@pytest.mark.parametrize("energy", [-1.1, 2.0])
def test_where_thermal_tails_reach_over_the_edges_of_bands_it_is_still_that_of_the_junction(energy):
    """The edges are kinks, which cost digits wherever they lie in the tails."""
    given = dict(energy=energy, temperature=0.5, equilibrium=False)
    found = response(layers(LEVELS, SPLITTINGS, PLANE, dimensions=2), 0.3, **given)
    own = sj.bias_response(junction(ANGLES[0]), 0.3, k=K, rtol=1e-9, **given)
    assert_allclose(numbers(found, 0), numbers(own), rtol=0, atol=QUADRATURE * abs(own.spin_resolved).max())


@pytest.mark.parametrize(
    "wrong",
    [
        dict(profile=lambda site: 0.5 if site.tag[0] < 3 else -0.5),
        dict(energy=0.01),
        dict(temperature=0.02),
        dict(accumulation=[[0.01, 0.0], [0.0, 0.0]]),
        dict(turns=ANGLES + 0.01),
        dict(axis=(0.0, -1.0, 0.0)),
        dict(k=(0.42, 0.9)),
    ],
)
def test_another_potential_occupation_angle_or_momentum_is_seen(wrong):
    own = sj.bias_response(junction(ANGLES[0]), 0.3, k=K, equilibrium=True, rtol=1e-9)
    found = response(layers(LEVELS, SPLITTINGS, PLANE, dimensions=2), 0.3, **wrong)
    assert abs(numbers(found, 0) - numbers(own)).max() > 1e4 * QUADRATURE * abs(own.spin_resolved).max()


def test_the_mean_over_the_zone_is_that_of_junctions():
    syst = layers(LEVELS, SPLITTINGS, PLANE)
    found = response(syst, 0.1, k="average", turns=1.0, rtol=1e-3)
    ky = (np.arange(1000) + 0.5) / 1000 * np.pi  # in one dimension cos kz is to be 0
    k = np.stack([ky, np.full_like(ky, np.pi / 2)], axis=-1)
    own = sj.bias_response(junction(1.0), 0.1, k=k, equilibrium=True, layers=False, rtol=1e-6)
    mean = numbers(own).mean(axis=0)
    miss = abs(numbers(found) - mean)
    assert miss[:7].max() <= found.error <= 1e-3 * abs(mean[:4]).max()
    assert miss[-10:].max() <= found.equilibrium.error <= 1e-3 * abs(mean).max()
    assert (
        miss.max() < 1e-7 * abs(mean).max()
    )  # kinks cost the mean of junctions that much; the claim is of a cheap rule


def test_few_digits_take_few_energies_and_claim_what_they_miss(monkeypatch):
    """By the rule of seven nodes, with tails that end at 15 kT and go on where that is not enough."""
    syst = layers(LEVELS, SPLITTINGS, PLANE)
    given = dict(k="average", turns=1.0, rtol=1e-2, equilibrium=False, temperature=0.03)
    energies, tolerances, k = [], set(), np.array([[0.3], [0.7], [1.1]])

    def mean(asked, energy, observables, rtol, **_):
        energies.append(energy)
        tolerances.add(rtol)
        found = asked.observe(np.full(len(k), energy), k, observables)
        values = {name: value.mean(axis=0) for name, value in found.values.items()}
        return SimpleNamespace(values=values, errors={name: np.zeros_like(value) for name, value in values.items()})

    monkeypatch.setattr(crystal_bias, "mean", mean)
    few = response(syst, 0.3, **given)
    spent = len(energies)
    assert max(energies) < 0.15 + 15 * 0.03
    assert tolerances == {1e-2 / 4}  # means are a part of what the window may miss
    monkeypatch.setattr(crystal_bias, "FEW", np.inf)
    many = response(syst, 0.3, **given)
    assert spent < len(energies) - spent
    miss = abs(numbers(few) - numbers(many)).max()
    assert miss <= few.error + many.error
    assert miss < 2e-5 * abs(many.spin_resolved).max()  # what lies beyond 6 kT is ten times that
    energies.clear()
    cold = {**given, "temperature": 0.0}
    many = response(syst, 0.3, **cold)
    spent = len(energies)
    monkeypatch.setattr(crystal_bias, "FEW", 0.0)
    fewer = response(syst, 0.3, **cold)
    assert len(energies) - spent <= spent / 2
    assert abs(numbers(fewer) - numbers(many)).max() <= fewer.error + many.error
    # tails that are not enough go on from where they ended
    monkeypatch.setattr(crystal_bias, "FEW_CUTS", (2.0, 3.0, 5.0, 15.0))
    energies.clear()
    again = response(syst, 0.3, **given)
    assert abs(numbers(again) - numbers(few)).max() <= few.error + again.error
    assert len(set(energies)) == len(energies)


def three_energies(function, pieces, owners, components, **_):
    """Integrate by a rule of three points that claims no error of its own."""
    low, high = pieces[1].min(), pieces[2].max()
    values, errors = function(np.zeros(1, dtype=int), low + (high - low) * np.array([[0.2, 0.5, 0.8]]))
    size = abs(values).mean(axis=1).max(axis=1) * (high - low)
    return SimpleNamespace(
        value=values.mean(axis=1) * (high - low), error=errors.mean(axis=1) * (high - low), size=size
    )


def test_energies_are_shared_among_workers_and_the_cost_is_told(monkeypatch):
    syst = layers(LEVELS, SPLITTINGS, PLANE)
    monkeypatch.setattr(crystal_bias, "integrate", three_energies)
    monkeypatch.setattr(costs, "LONG", 0.0)
    given = dict(k="average", turns=1.0, rtol=1e-2, equilibrium=False)
    with pytest.warns(sj.CostWarning, match="every energy of every bias is a mean") as told:
        alone = sj.bias_response(syst, 0.1, k="average", turns=1.0, rtol=1e-2, behind=behind, profile=drop)
    assert told[0].filename == __file__
    monkeypatch.setattr(costs, "LONG", np.inf)
    packed = []
    monkeypatch.setattr(crystal_bias, "mean", lambda *a, **kw: packed.append(a[0].crystal.device) or found(*a, **kw))
    from kwant_spinjunc.crystals.zone import mean as found

    with ThreadPoolExecutor(2) as executor:
        shared = response(syst, 0.1, executor=executor, **given)
    assert_allclose(numbers(shared), numbers(alone), rtol=0, atol=1e-14)
    assert packed.count(None) == len(packed) - 1 > 0  # all but the first, which is timed, came pickled


@pytest.mark.parametrize("reservoirs", RESERVOIRS)
def test_turning_the_left_magnet_back_is_turning_the_right_one(reservoirs):
    syst = layers(LEVELS, SPLITTINGS, PLANE, dimensions=2)
    right, left = response(syst, 0.3, **reservoirs), response(syst, 0.3, turns=-ANGLES, behind=in_front, **reservoirs)
    R = np.array([[[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]] for a in ANGLES])
    size = abs(right.spin_resolved).max()
    for name in ("spin_resolved", "current"):
        assert_allclose(getattr(left, name), getattr(right, name), rtol=0, atol=QUADRATURE * size)
    for a, b in ((left, right), (left.equilibrium, right.equilibrium)):
        assert_allclose(np.einsum("axy,ay->ax", R, a.spin_current), b.spin_current, rtol=0, atol=QUADRATURE * size)
        assert_allclose(a.torques.damping_like, b.torques.damping_like, rtol=0, atol=QUADRATURE * size)
        assert_allclose(a.torques.field_like, b.torques.field_like, rtol=0, atol=QUADRATURE * size)


def test_the_slope_at_no_bias_is_the_linear_response():
    syst = layers(LEVELS, SPLITTINGS, PLANE, dimensions=2)
    V = 1e-3
    found = response(syst, [V, -V, 0.0], equilibrium=False)
    assert not numbers(found)[:, 2].any()
    slope = (numbers(found)[:, 0] - numbers(found)[:, 1]) / (2 * V)
    s = sj.scatter(syst, 0.0, k=K, turns=ANGLES, behind=behind)
    mu = np.array([[0.5, 0.5], [-0.5, -0.5]])
    currents = s.currents(mu) * [[1], [-1]]
    Q = np.einsum("as,nasx->nx", mu, s.spin_current()[..., 1:])
    torques = np.einsum("as,nbasx->nbx", mu, s.side_torques)
    linear = np.concatenate([currents.reshape(2, 4), Q, torques.reshape(2, 6)], axis=1)
    assert_allclose(slope[:, :13], linear, rtol=0, atol=1e-5 * abs(linear).max())  # V² times a curvature of order one
    assert abs(slope[::-1, :13] - linear).max() > 1e-2 * abs(linear).max()


@pytest.mark.parametrize("m", [(0, 0, 1), (1, 0, 0), (np.sin(2.0), 0, np.cos(2.0))])
def test_between_normal_metals_torques_are_resolved_along_the_magnets(m):
    """The leads' spins are labeled along z whatever the magnets are."""
    potential = np.array([0.5, 0.5, 0.5, 0.2, -0.2, -0.5, -0.5, -0.5])
    given = dict(energy=0.1, equilibrium=True)
    syst, cut = between_normal_metals(m), dict(behind=lambda site: site.tag[0] >= 4)
    found = sj.bias_response(syst, 0.3, turns=1.1, profile=lambda s: potential[s.tag[0]], rtol=1e-8, **cut, **given)
    metal, *magnets = (
        sj.Layer(onsite=level, hopping=1.0, splitting=splitting, thickness=n, m=sj.unit_vector(angle))
        for level, splitting, n, angle in ((0.0, 0.0, 1, 0.0), (1.0, 1.0, 2, 0.0), (1.3, 0.7, 2, 1.1))
    )
    spacer = sj.Layer(onsite=CONTACTED[0][3], hopping=1.0, thickness=2)
    stack = sj.Junction(metal, [magnets[0], spacer, magnets[1]], metal)
    own = sj.bias_response(stack, 0.3, profile=potential, **given)
    assert abs(own.torques.damping_like).min() > 1e-3
    for a, b in ((found.torques, own.torques), (found.equilibrium.torques, own.equilibrium.torques)):
        assert_allclose(a.damping_like, b.damping_like, rtol=0, atol=1e-9)
        assert_allclose(a.field_like, b.field_like, rtol=0, atol=1e-9)
    exported = system_response(syst, 0.1, **cut)
    exact = sj.linear_response(sj.scatter(stack.turned(m_right=sj.unit_vector(exported.angles[5])), 0.1))
    assert_allclose(exported.damping_like[5], exact.torques.damping_like, rtol=0, atol=1e-9)
    assert_allclose(exported.field_like[5], exact.torques.field_like, rtol=0, atol=1e-9)


def test_magnets_along_the_axis_of_the_turn_have_no_angular_response():
    with pytest.raises(sj.ArgumentError, match="parallel and perpendicular to y"):
        system_response(between_normal_metals((0, 1, 0)), 0.1, behind=lambda site: site.tag[0] >= 4)


# ---------------------------------------------------------------------- several orbitals, by hand
def drawn(seed):
    """Return a random system with two magnetic leads and a potential of its planes in units of the bias."""
    rng = np.random.default_rng(seed)
    system = RandomSystem(rng, orbitals=2, leads=2)
    inner = np.sort(rng.uniform(-0.5, 0.5, system.planes))[::-1]
    inner[0], inner[-1] = 0.5, -0.5
    return system, inner


def by_kwant(system, potential, angle, mu):
    """Return I_αs and Q of the window by Kwant's smatrix and wave functions and a Gauss rule."""
    x, w = np.polynomial.legendre.leggauss(12)
    low, high = mu[1], mu[0]
    total = 0.0
    for E, weight in zip((low + high + x * (high - low)) / 2, w * (high - low) / 2, strict=True):
        plain = sj.scatter(system.build(angle, potential), E, spin=system.order)
        cut = sj.between(lambda site: not system.behind(site), system.behind)
        flux = plain.spin_current(cut)[..., 1:]
        signs = np.array([[0.5, 0.5], [-0.5, -0.5]])
        currents = plain.currents(np.array([[1.0, 1.0], [0.0, 0.0]])) * [[1], [-1]]
        total = total + weight * np.concatenate([currents.ravel(), np.einsum("as,asx->x", signs, flux)])
    return total, plain.magnetizations


def is_magnetic(cell, system):
    """Tell whether turning the spins of a cell changes it."""
    site = (len(cell) // 2, system.order)
    return any(abs(turned(cell, 1.0, np.eye(3)[n], site) - cell).max() > 1e-9 for n in range(2))


def log_det(syst, z):
    """Return ln det(H - z + Σ) of all sites by plain Kwant."""
    H, _, _ = syst.hamiltonian_submatrix(return_norb=True)
    L = H - z * np.eye(len(H))
    ends = np.cumsum([0, *(site.family.norbs for site in syst.sites)])
    for lead, interface in zip(syst.leads, syst.lead_interfaces, strict=True):
        rows = np.concatenate([np.arange(ends[i], ends[i + 1]) for i in interface])
        V = lead.inter_cell_hopping()
        L[np.ix_(rows, rows)] += V.conj().T @ surface(z, lead.cell_hamiltonian(), V) @ V
    sign, value = np.linalg.slogdet(L)
    return value + 1j * np.angle(sign)


@pytest.mark.parametrize("seed", range(repetitions(1, 30)))
def test_several_orbitals_are_what_plain_kwant_and_determinants_give(seed):
    system, p = drawn(seed)
    V, angle, kT = 0.02, 1.1, 0.1
    given = dict(turns=angle, behind=system.behind, axis=system.axis, profile=lambda site: p[int(site.tag[0])])
    device = sj.Device(system=system.build(), spin=system.order)
    try:
        found = sj.bias_response(device, V, rtol=1e-8, **given)
    except sj.NoOpenChannelError:
        return
    wanted, m = by_kwant(system, lambda x: V * p[x], angle, [V / 2, -V / 2])
    size = abs(wanted).max()
    assert abs(by_kwant(system, lambda x: V * p[-1 - x], angle, [V / 2, -V / 2])[0] - wanted).max() > 1e-3 * size
    assert_allclose(np.append(found.spin_resolved, found.spin_current), wanted, rtol=0, atol=1e-6 * size)
    carried = found.magnetization[:, None] * m
    torques = [carried[0] - found.spin_current, found.spin_current - carried[1]]
    # one whose spins are alike carries transverse spin as well
    magnetic = [is_magnetic(cell, system) for _, cell, _ in system.lead_parts]
    assert_allclose(found.torques.vectors[magnetic], np.array(torques)[magnetic], rtol=0, atol=1e-8 * size)
    # the occupied states: Q·n = -4π ∂Ω/∂θ, Ω a sum over poles, its slope that of two determinants
    occupied = sj.bias_response(device, V, equilibrium=True, temperature=kT, rtol=1e-8, **given).equilibrium
    step, slope = 1e-3, 0.0
    systems = [system.build(angle + d, lambda x: V * p[x]) for d in (step, -step)]
    for mu in (V / 2, -V / 2):
        for z, residue in zip(*fermi_poles(40), strict=True):
            change = np.subtract(*(log_det(syst, mu + 1j * kT * z) for syst in systems)).real / (2 * step)
            slope += 8 * np.pi * kT * residue * change / 2
    along = float(occupied.spin_current @ system.axis)
    assert along == pytest.approx(slope, abs=1e-6 * abs(slope))
    assert abs(along) > 1e-7


# ---------------------------------------------------------------------- what is refused
def test_what_does_not_converge_is_refused_with_its_measure(monkeypatch):
    monkeypatch.setattr(crystal_bias, "integrate", three_energies)
    syst = layers(LEVELS, SPLITTINGS, PLANE)
    with pytest.raises(sj.IntegrationError, match=r"window did not reach rtol = 1e-10: its error is \S+, \S+ of"):
        response(syst, 0.05, k="average", turns=1.0, rtol=1e-10, max_points=30, equilibrium=False)


def test_energies_whose_waves_miss_the_charge_are_no_part_of_a_window(monkeypatch):
    syst, cut_flux = layers(LEVELS, SPLITTINGS, PLANE, dimensions=2), problem.cut_flux
    asked = dict(equilibrium=False, rtol=1e-2)
    clean = response(syst, 0.3, **asked)

    def damaged(*args):
        calls.append(None)
        return tuple(a + 0.1 * (len(calls) % every == 0) for a in cut_flux(*args))

    monkeypatch.setattr(problem, "cut_flux", damaged)
    calls, every = [None], 2  # every first look at energies, not that a step aside
    found = response(syst, 0.3, **asked)
    assert len(calls) > 2
    assert abs(found.spin_current - clean.spin_current).max() < 1e-5 * abs(clean.spin_current).max()
    every = 1
    with pytest.raises(sj.IntegrationError, match="did not reach"):
        response(syst, 0.3, **asked)


def spin_orbit_lead():
    """Return a chain whose right lead mixes spins."""
    lattice = kwant.lattice.chain(norbs=2)
    syst, left = kwant.Builder(), kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    right = kwant.Builder(kwant.TranslationalSymmetry((1,)))
    sx, sz = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
    for builder, sites in ((syst, range(4)), (left, [0]), (right, [3])):
        for x in sites:
            builder[lattice(x)] = np.eye(2) + (0.3 * sz if builder is right else 0.0)
        builder[lattice.neighbors()] = -np.eye(2)
    right[lattice(4), lattice(3)] = -np.eye(2) + 0.3 * sx
    syst.attach_lead(left)
    syst.attach_lead(right)
    return syst.finalized()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(k=None), "`k` must be given"),
        (dict(k=[[0.1, 0.2], [0.3, 0.4]]), "`k` must be one momentum or 'average'"),
        (dict(k="mean"), "`k` must be a wave vector, None or 'average'"),
        (dict(profile=None), "`profile` must be a function of a site"),
        (dict(profile=[0.5] * 3 + [-0.5] * 4), "`profile` must be a function of a site"),
        (dict(profile=lambda site: -drop(site)), "fall by 1 from lead 0 to lead 1, but goes from -0.5 to 0.5"),
        (dict(profile=lambda site: np.nan), "`profile` must"),
        (dict(behind=None), "`behind` must be given"),
        (dict(behind=lambda site: site.tag[0] in (2, 3)), "`behind` must leave one of two leads on each side"),
        (dict(temperature=-0.1), "`temperature` must not be negative"),
        (dict(temperature=(0.1, 0.1, 0.1)), "`temperature` must be one value or a pair"),
        (dict(energy=50.0), "no channel is open at any energy between 49.85 and 50.15"),
        (dict(bias=[]), "must not be empty"),
        (dict(bias=[0.1, 0.2], accumulation=np.zeros((3, 2, 2))), "must broadcast"),
        (dict(layers=True), "`layers` must be None or False"),
        (dict(turn=1.0), "Did you mean `turns`"),
        (dict(rtol=0.0), "`rtol` must be positive"),
        (dict(max_points=0), "`max_points` must be"),
        (dict(k=0.2), "`k` must have a trailing axis of 2"),
    ],
)
def test_bad_input_is_told_in_a_line(changed, message):
    given = dict(bias=0.3, equilibrium=False) | changed
    with pytest.raises(sj.ArgumentError, match=message) as refused:
        response(layers(LEVELS, SPLITTINGS, PLANE, dimensions=2), **given)
    assert "\n" not in str(refused.value)


def test_leads_that_mix_spins_and_keywords_of_others_are_refused():
    with pytest.raises(sj.ArgumentError, match="leads that conserve spin, but lead 1 does not"):
        sj.bias_response(
            spin_orbit_lead(), 0.1, turns=0.5, behind=lambda s: s.tag[0] >= 2, spin_orbit=False,
            profile=lambda s: np.interp(s.tag[0], [0, 3], [0.5, -0.5]),
        )  # fmt: skip
    with pytest.raises(sj.ArgumentError, match="`turns` must be left out for a Junction"):
        sj.bias_response(junction(1.0), 0.1, turns=0.5)
    for system in (junction(1.0), layers(LEVELS, SPLITTINGS, PLANE, dimensions=2)):
        with pytest.raises(sj.ArgumentError, match=r"`accumulated` must be a keyword of bias_response.*`accumulation`"):
            sj.bias_response(system, 0.1, accumulated=[[0.1, 0.0], [0.0, 0.0]])


def test_what_lies_beyond_the_window_is_part_of_the_error(monkeypatch):
    integrate = crystal_bias.integrate

    def certain(*args, **options):
        found = integrate(*args, **options)
        return dataclasses.replace(found, error=np.zeros_like(found.error))

    monkeypatch.setattr(crystal_bias, "integrate", certain)
    syst = layers(LEVELS, SPLITTINGS, PLANE, dimensions=2)
    cold = response(syst, 0.3, equilibrium=False, rtol=1e-6)
    warm = response(syst, 0.3, equilibrium=False, rtol=1e-6, temperature=0.02)
    assert (cold.error == 0).all()
    assert (warm.error > 0).all()
    assert (warm.error < 1e-6 * abs(warm.spin_resolved).max()).all()
    # of two orbitals a plane, wherever the tails end
    bounds = [16 * 2 * 0.02 * np.exp(-reach) for reach in crystal_bias.CUTS]
    assert_allclose(warm.error, min(bounds, key=lambda bound: abs(bound - warm.error.max())), rtol=1e-9)
