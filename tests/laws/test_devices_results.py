"""What a device's result is: Kwant's grammar, copies, degenerate channels along any axis, and its second route."""

import copy
import pickle

import kwant
import numpy as np
import pytest
import tinyarray
from dense import Dense
from numpy.testing import assert_allclose

import kwant_spinjunc as sj
from kwant_spinjunc.devices import audit
from kwant_spinjunc.devices.waves import torques
from kwant_spinjunc.spin import PAULI, sigma

#: Two routes away from band edges.
ROUTES = 1e-9

ONE = np.eye(2)
SX, SY, SZ = PAULI
UP = np.array([0.0, 0.0, 1.0])
ENERGY = 0.31
MAGNET = {"magnet": lambda site: 2 <= site.tag[0] < 4}
CUT = {"cut": lambda site: site.tag[0] >= 3}


def degenerate(law=None, leads=2, copies=2):
    """Equal orbitals without splitting in the leads, magnetic in the middle: all spins and orbitals are degenerate."""
    lattice = kwant.lattice.square(norbs=2 * copies)
    orbital = np.diag(np.linspace(0.8, 1.2, copies))

    def onsite(site):
        if not 2 <= site.tag[0] < 4:
            return np.zeros((2 * copies, 2 * copies))
        mixing = 0.3 * np.kron(np.ones((copies, copies)), ONE)
        turned = sigma(sj.unit_vector(1.0 + 0.4 * site.tag[0], 0.7))
        return mixing - 0.8 * np.kron(orbital, turned)

    syst = kwant.Builder()
    syst[(lattice(x, 0) for x in range(6))] = onsite
    syst[lattice.neighbors()] = -np.eye(2 * copies)
    matrix = None if law is None else tinyarray.array(np.kron(np.eye(copies), law), complex)
    for direction in [(-1, 0), (1, 0), (0, 1)][:leads]:
        lead = kwant.Builder(kwant.TranslationalSymmetry(direction), conservation_law=matrix)
        lead[lattice(3 if direction == (0, 1) else 0, 0)] = np.zeros((2 * copies, 2 * copies))
        lead[lattice.neighbors()] = -np.eye(2 * copies)
        syst.attach_lead(lead)
    return syst.finalized()


def S_of(site):
    return [np.kron(np.eye(site.family.norbs // 2), s) for s in PAULI]


@pytest.mark.parametrize("law", [None, -SZ, -SX])
@pytest.mark.parametrize("prepared", [False, True])
def test_degenerate_channels_are_resolved_along_complex_axes(law, prepared):
    # a dropped complex conjugate of the channels' spinors shows for axes with a y component only
    system = degenerate(law)
    axes = {0: sj.unit_vector(1.1, 1.3), 1: sj.unit_vector(2.0, -0.8)}
    given = system.precalculate(ENERGY, what="modes") if prepared else system
    found = sj.scatter(
        given, ENERGY, spin="orbital-spin", magnetizations=axes, cuts=CUT, magnets=MAGNET, exchange="time-reversal"
    )
    dense = Dense(system, ENERGY, S_of, [axes[0], axes[1]])
    assert_allclose(found.probabilities, dense.probabilities, atol=ROUTES)
    x = [site.tag[0] for site in system.sites]
    hoppings = [(a, b) for a, b in system.graph if x[a] >= 3 > x[b]]
    into = [(a, b) for a, b in system.graph if 2 <= x[a] < 4 and not 2 <= x[b] < 4]
    torque = found.torque("magnet")
    for lead, s in np.ndindex(2, 2):
        assert_allclose(found.spin_current("cut")[lead, s], dense.flux(hoppings, lead, s), atol=ROUTES)
        assert_allclose(torque.total_by_spin[lead, s], dense.flux(into, lead, s)[1:], atol=ROUTES)
        assert_allclose(torque.exchange_by_spin[lead, s], torque.total_by_spin[lead, s], atol=ROUTES)
    assert abs(found.probabilities[1, 0, 0] - found.probabilities[1, 1, 0]).max() > 1e-2


@pytest.mark.parametrize("sign", [1, -1])
def test_the_sign_of_m_is_read_from_a_conservation_law(sign):
    m = sj.unit_vector(1.1, 1.3)
    found = sj.scatter(degenerate(-sign * sigma(m), copies=1), ENERGY)
    assert_allclose(found.magnetizations, [sign * m] * 2, atol=1e-13)
    told = sj.scatter(degenerate(copies=1), ENERGY, magnetizations={0: m, 1: m}).probabilities
    assert_allclose(found.probabilities, told[:, ::sign, :, ::sign], atol=ROUTES)


# ---------------------------------------------------------------------- Kwant's grammar
def test_transmission_and_conductance_are_spoken_as_in_kwant():
    system = degenerate(-SZ, leads=3, copies=1)
    found, smatrix = sj.scatter(system, ENERGY), kwant.smatrix(system, ENERGY)
    assert_allclose(found.conductance_matrix(), smatrix.conductance_matrix(), atol=ROUTES)
    assert_allclose(found.conductance_matrix(spins=True).sum(axis=(1, 3)), found.conductance_matrix(), atol=ROUTES)
    for a, b in np.ndindex(3, 3):
        assert found.transmission(a, b) == pytest.approx(smatrix.transmission(a, b), abs=ROUTES)
        for s, r in np.ndindex(2, 2):
            wanted = smatrix.transmission((a, s), (b, r))
            assert found.transmission((a, s), (b, r)) == pytest.approx(wanted, abs=ROUTES)
            assert found.probabilities[a, s, b, r] == pytest.approx(wanted, abs=ROUTES)
        assert found.transmission((a, 0), b) == pytest.approx(
            smatrix.transmission((a, 0), (b, 0)) + smatrix.transmission((a, 0), (b, 1)), abs=ROUTES
        )
    for wrong in (3, -1, (0, 2), (0, 1, 0), 1.0, True, "0"):
        with pytest.raises(sj.ArgumentError, match="`out` must"):
            found.transmission(wrong, 0)
    assert np.isnan(sj.scatter(system, ENERGY, spin=None).transmission((0, 0), 1))


# ---------------------------------------------------------------------- copies
def test_results_copy_and_pickle_whatever_the_system_holds():
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(6))] = lambda site, field: -0.3 * sigma(field(site))
    syst[lattice.neighbors()] = -ONE
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(0)], lead[lattice.neighbors()] = -0.3 * SZ, -ONE
        syst.attach_lead(lead)
    turning = lambda site: sj.unit_vector(0.3 * site.tag[0], 0.5)  # noqa: E731
    cuts = {**CUT, "no cut": [(lattice(3), lattice(5))]}
    found = sj.scatter(syst.finalized(), ENERGY, params=dict(field=turning), cuts=cuts, magnets=MAGNET)
    for twin in (copy.copy(found), copy.deepcopy(found)):  # alive: what was not named can be asked
        assert_allclose(twin.torque([lattice(3)]).total_by_spin, found.torque([lattice(3)]).total_by_spin)
        assert twin.params["field"] is turning
    deep = copy.deepcopy(found)
    deep.probabilities[:] = 0
    assert found.probabilities.any()
    read = pickle.loads(pickle.dumps(found))
    for twin in (read, pickle.loads(pickle.dumps(read)), copy.deepcopy(read), copy.copy(read)):
        assert_allclose(twin.probabilities, found.probabilities)
        assert_allclose(twin.spin_current("cut"), found.spin_current("cut"))
        assert_allclose(twin.torque("magnet").exchange_by_spin, found.torque("magnet").exchange_by_spin)
        assert "function" in twin.params["field"]
        assert str(twin).splitlines()[1:4] == str(found).splitlines()[1:4]
    torque, currents = found.torque("magnet"), sj.current_voltage(found.device, [0.1, 0.0], params=found.params)
    for value in (torque, currents):
        for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert str(twin) == str(value)
    with pytest.raises(sj.ArgumentError) as caught:
        found.spin_current("no cut")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


# ---------------------------------------------------------------------- the second route
@pytest.mark.parametrize("law", [None, -SX])
def test_a_checked_result_agrees_with_green_functions(law):
    system = degenerate(law, leads=3)
    axes = {0: UP, 1: -UP}
    found = sj.scatter(system, ENERGY, spin="orbital-spin", magnetizations=axes, cuts=CUT, check=True)
    assert found.check < 1e-10
    assert "Green functions" in str(found)
    assert sj.scatter(system, ENERGY, spin=None, check=True).check < 1e-10


def test_the_check_sees_what_unitarity_does_not():
    """Negative controls: spins exchanged, axes turned, modes of another energy, all of which stay unitary."""
    system = degenerate(leads=2)
    axes = {0: sj.unit_vector(1.1, 1.3), 1: sj.unit_vector(2.0, -0.8)}
    found = sj.scatter(system, ENERGY, spin="orbital-spin", magnetizations=axes)
    found.probabilities[1, :, 0] = found.probabilities[1, ::-1, 0]
    with pytest.raises(sj.DisagreementError, match="Two routes must agree"):
        audit.audit(found)
    found = sj.scatter(system, ENERGY, spin="orbital-spin", magnetizations=axes)
    found.magnetizations[0] = sj.unit_vector(1.1, -1.3)
    with pytest.raises(sj.DisagreementError, match="Two routes must agree"):
        audit.audit(found)
    stale = system.precalculate(ENERGY + 0.2, leads=[0], what="modes")
    found = sj.scatter(stale, ENERGY, spin="orbital-spin")
    stale.leads[0] = system.leads[0]
    with pytest.raises(sj.DisagreementError, match="Two routes must agree"):
        audit.audit(found)


@pytest.mark.parametrize("axes", [{0: UP, 1: -UP}, {0: sj.unit_vector(1.1, 1.3), 1: sj.unit_vector(2.0, -0.8)}])
def test_the_check_sees_fluxes_and_torques_that_the_scattering_matrix_does_not_know(axes, monkeypatch):
    """Negative controls: each leaves all probabilities as they are."""

    def damaged(change, cuts):
        found = sj.scatter(degenerate(leads=2), ENERGY, spin="orbital-spin", magnetizations=axes, cuts=cuts)
        change(found)
        with pytest.raises(sj.DisagreementError, match="Two routes must agree"):
            audit.audit(found)
        with monkeypatch.context() as patch:  # the other rules of the check do not see it
            patch.setattr(audit, "_difference_of_spins", lambda *_: 0.0)
            assert audit.audit(found) < 1e-10

    def turn_all_spins(found):
        found._waves[0] = found._waves[0] * np.tile([1, -1], found._waves[0].shape[1] // 2)

    def exchange_axes(found):
        found.spin_current("cut")
        flux, _ = found._found["cut", "cut"]
        flux[0, :, [1, 2]] = flux[0, :, [2, 1]]

    damaged(turn_all_spins, {})
    damaged(exchange_axes, CUT)


def test_a_check_too_near_a_band_edge_says_so():
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[lattice(0)] = 0.3 * ONE
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(0)], lead[lattice.neighbors()] = 0.3 * ONE, -ONE
        syst.attach_lead(lead)
    assert sj.scatter(syst.finalized(), 2.3 - 1e-7).check is None
    with pytest.raises(sj.BandEdgeError, match="leave out `check`"):
        sj.scatter(syst.finalized(), 2.3 - 1e-7, check=True)


class Field:
    """An object among the parameters, which cannot be copied and may change."""

    def __init__(self, size):
        self.size = size

    def __deepcopy__(self, memo):
        raise TypeError


@pytest.mark.parametrize("ask", ["torque", "spin_current", "on_lattice"])
def test_what_is_asked_later_is_of_the_parameters_of_the_solve_or_refused(ask):
    """Regression: fluxes and torques read objects among the parameters, and what functions read, anew."""
    chain, tilt, bond = kwant.lattice.chain(norbs=2), Field(0.4), {"along": 0.0}
    syst = kwant.Builder()
    syst[(chain(x) for x in range(6))] = lambda site, tilt: -0.5 * sigma(sj.unit_vector(tilt.size * site.tag[0]))
    syst[chain.neighbors()] = lambda a, b: -ONE + bond["along"] * SZ
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[chain(0)], lead[chain.neighbors()] = -0.2 * SZ, -ONE
        syst.attach_lead(lead)
    calls = {
        "torque": lambda s: s.torque(lambda site: 2 <= site.tag[0] < 4).exchange,
        "spin_current": lambda s: s.spin_current(lambda site: site.tag[0] > 2),
        "on_lattice": lambda s: s.on_lattice("x"),
    }
    settings = dict(params={"tilt": tilt}, exchange="time-reversal")
    kept = sj.scatter(syst.finalized(), ENERGY, **settings)
    before = calls[ask](kept)
    if ask == "spin_current":
        bond["along"] = 0.1
    else:
        tilt.size = 0.6
    with pytest.raises(sj.ArgumentError, match="has changed since"):
        calls[ask](kept)
    assert abs(calls[ask](sj.scatter(syst.finalized(), ENERGY, **settings)) - before).max() > 1e-3
    tilt.size, bond["along"] = 0.4, 0.0
    assert_allclose(calls[ask](kept), before, atol=1e-15)


def test_the_spin_is_looked_at_again_with_other_parameters():
    """Regression: with spin='auto' the first parameters decided the order of spin and orbital for all others."""
    lattice = kwant.lattice.chain(norbs=4)

    def field(site, turned):
        return -0.4 * (np.kron(SZ, ONE) if turned else np.kron(ONE, SZ))

    syst = kwant.Builder()
    syst[(lattice(x) for x in range(4))] = field
    syst[lattice.neighbors()] = -np.eye(4)
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(0)], lead[lattice.neighbors()] = field, -np.eye(4)
        syst.attach_lead(lead)
    device = sj.Device(system=syst.finalized(), magnetizations={0: UP, 1: UP}, exchange=field)
    specs = [device.spin_operator({"turned": turned}).spec for turned in (False, True, False)]
    assert specs == ["orbital-spin", "spin-orbital", "orbital-spin"]


@pytest.mark.parametrize("wanted", [True, False])
def test_a_closed_lead_that_turns_spins_is_checked_but_for_its_own_axis(wanted, monkeypatch):
    """Regression: the check refused leads without channels along whose axis spin is not conserved."""
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(4))] = lambda site: -0.4 * sigma(sj.unit_vector(0.5 * site.tag[0], 0.3))
    syst[lattice.neighbors()] = -ONE
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[lattice(0)], lead[lattice.neighbors()] = 0.1 * SX, -ONE
    closed = kwant.Builder(kwant.TranslationalSymmetry((2,)))  # an antiferromagnet along x, far above
    closed[lattice(0)], closed[lattice(1)] = 6 * ONE - 1.5 * SX, 6 * ONE + 1.5 * SX
    closed[lattice.neighbors()] = -ONE
    syst.attach_lead(lead)
    syst.attach_lead(closed)
    if not wanted:  # the waves of a wrong system are still seen
        monkeypatch.setattr(audit, "torques", lambda *args: [1.01 * x for x in torques(*args)])
        with pytest.raises(sj.DisagreementError):
            sj.scatter(syst.finalized(), ENERGY, check=True)
    else:
        assert sj.scatter(syst.finalized(), ENERGY, check=True).check < 1e-9


# ---------------------------------------------------------------------- nearly degenerate spins of a junction
def test_small_splittings_are_the_same_by_every_solver():
    # regression: Kwant copied modes between blocks that pass np.allclose, -5.25e-8 for -1.118e-8
    def magnet(theta):
        return sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1e-6, m=sj.unit_vector(theta))

    junction = sj.Junction(magnet(0.0), [sj.barrier(onsite=3.5, hopping=1.0, thickness=2)], magnet(1.0))
    found = [
        np.ravel(sj.tunneling_response(sj.scatter(junction, 0.2, solver=solver), 0.5, -0.5).magnetization)
        for solver in ("kwant", "modes", "halves")
    ]
    for other in found[:2]:
        assert_allclose(other, found[2], rtol=1e-6, atol=0)
    assert abs(found[2]).max() == pytest.approx(1.118e-8, rel=1e-3)


def test_a_flux_through_no_cut_says_which_cuts_there_could_be():
    s = sj.scatter(degenerate(), ENERGY, spin="orbital-spin")
    with pytest.raises(sj.ArgumentError, match="`cut` must be given: nothing was turned behind a cut .*`between`"):
        s.spin_current()
    assert s.spin_current(CUT["cut"]).shape == (2, 2, 4)


def test_one_angle_and_one_point_are_in_the_singular():
    lattice = kwant.lattice.square(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x, 0) for x in range(4))] = ONE
    syst[lattice.neighbors()] = -ONE
    for direction in ((-1, 0), (1, 0)):
        lead = kwant.Builder(kwant.TranslationalSymmetry(direction))
        lead[lattice(0, 0)] = ONE - 0.3 * SZ
        lead[lattice.neighbors()] = -ONE
        syst.attach_lead(lead)
    one, three = (sj.scatter(syst.finalized(), ENERGY, turns=x, behind=CUT["cut"]) for x in (0.1, [0.1, 0.2, 0.3]))
    assert repr(one) == "<CrystalScattering at E = 0.31, 1 point, 1 angle>"
    assert repr(three).endswith("1 point, 3 angles>")
