"""The families that are no junctions: limits, published facts and conservation laws of each, and the command line."""

import pickle
from pathlib import Path

import kwant
import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.plot.devices import plot_system, plot_torques
from systems.graphene_spin_valve import graphene_spin_valve
from systems.rashba_junction import clean_junction, rashba_junction
from systems.three_terminal import three_terminal
from systems.two_orbital_magnet import two_orbital_magnet

SYSTEMS = Path(__file__).parents[2] / "systems"
RASHBA = str(SYSTEMS / "rashba_junction.py")
DEVICES = [rashba_junction, two_orbital_magnet, graphene_spin_valve, three_terminal]
#: Equality of two exact routes.
EXACT = 1e-10
#: What symmetry forbids, next to numbers of order one.
FORBIDDEN = 1e-12


@pytest.fixture(params=DEVICES, ids=lambda family: family.__name__)
def family(request):
    return request.param


# ---------------------------------------------------------------------- laws of every family
def test_charge_is_conserved_and_equal_potentials_drive_nothing(family):
    s = sj.scatter(family(), 0.0)
    G = s.conductance_matrix(spins=True)
    np.testing.assert_allclose(G.sum(axis=(0, 1)), 0, atol=EXACT)
    np.testing.assert_allclose(G.sum(axis=(2, 3)), 0, atol=EXACT)
    assert not s.currents(np.ones(len(s.channels))).any()


def test_every_torque_balances_the_flux_into_its_magnet(family):
    device = family()
    s = sj.scatter(device, 0.1)
    for magnet in device.magnets:
        torque = s.torque(magnet)
        balance = torque.exchange + torque.spin_orbit - torque.total
        np.testing.assert_allclose(balance, 0, atol=EXACT)
        assert abs(torque.exchange).max() > 1e-6


def test_exchange_torque_is_perpendicular_to_the_magnetization(family):
    device = family(theta=1.1)
    s = sj.scatter(device, 0.0)
    for magnet, lead in (("left", 0), ("right", 1)):
        along = s.torque(magnet).exchange @ device.magnetizations[lead]
        np.testing.assert_allclose(along, 0, atol=FORBIDDEN)


def reversed_twin(family, theta, **others):
    """Return a device with all magnetizations in the x-z plane, and the one with all of them reversed."""
    if family is rashba_junction:
        return family(theta=theta, **others), family(theta=np.pi - theta, phi=np.pi, theta_left=np.pi, **others)
    # without spin-orbit coupling spins turn freely: reversing all of them is a rotation, which is a check of it
    return family(theta=theta, **others), family(theta=theta, **others)


def test_reversing_every_magnet_transposes_scattering(family):
    device, twin = reversed_twin(family, 1.1)
    forward, backward = (sj.scatter(d, 0.0).probabilities for d in (device, twin))
    np.testing.assert_allclose(forward, backward.transpose(2, 3, 0, 1), atol=EXACT)


def test_devices_travel_to_executors(family):
    device = pickle.loads(pickle.dumps(family()))
    s, t = sj.scatter(device, 0.0), sj.scatter(family(), 0.0)
    np.testing.assert_allclose(s.probabilities, t.probabilities, atol=EXACT)


# ---------------------------------------------------------------------- Rashba interface
@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
@pytest.mark.parametrize(("width", "depth", "boundary"), [(3, 2, "hard wall"), (3, 3, "periodic"), (2, 1, "periodic")])
def test_without_rashba_the_device_is_the_junction(width, depth, boundary):
    options = dict(theta=1.1, theta_left=0.3, height=2.0)
    device = rashba_junction(alpha=0.0, width=width, depth=depth, boundary=boundary, **options)
    s = sj.scatter(device, 0.0)
    reference = sj.scatter(
        clean_junction(**options), 0.0, cross_section=(width, depth), boundary=boundary, solver="halves"
    )
    np.testing.assert_allclose(s.probabilities, reference.probabilities, atol=EXACT)
    flux = s.spin_current("barrier", total=True)
    np.testing.assert_allclose(flux, reference.bond_currents[:, 4], atol=EXACT)
    assert not s.torque("left").spin_orbit.any()


def test_rashba_coupling_is_the_textbook_hamiltonian():
    device = rashba_junction(alpha=0.3, width=5, depth=4, boundary="periodic")
    plane = [i for i, site in enumerate(device.system.sites) if site.tag[1] == 3]
    H = device.system.hamiltonian_submatrix(to_sites=plane, from_sites=plane)
    kx, kz = 2 * np.pi / 5, -2 * np.pi / 4
    tags = np.array([device.system.sites[i].tag for i in plane])
    phase = np.exp(1j * (kx * tags[:, 0] + kz * tags[:, 2])) / np.sqrt(len(plane))
    bloch = np.kron(phase[:, None], np.eye(2))
    x, z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
    expected = (1.0 - 2 * np.cos(kx) - 2 * np.cos(kz)) * np.eye(2) - z / 2
    expected = expected + 0.3 * (np.sin(kx) * z - np.sin(kz) * x)
    np.testing.assert_allclose(bloch.conj().T @ H @ bloch, expected, atol=FORBIDDEN)


def test_rashba_flips_spins_between_collinear_magnets_and_the_lattice_takes_the_rest():
    collinear = dict(theta=np.pi / 2, phi=np.pi / 2, theta_left=np.pi / 2, phi_left=np.pi / 2)  # along the current
    s = sj.scatter(rashba_junction(**collinear), 0.0)
    assert s.transmission((1, 0), (0, 1)) > 1e-3
    left, right = (s.spin_current(cut, total=True)[0, 1:] for cut in ("left", "right"))
    assert abs(left - right).max() > 1e-3  # spin along m is not what comes out
    torque = s.torque("left")
    assert abs(torque.spin_orbit[0, 1]) > 1e-3  # along m, where exchange has none
    np.testing.assert_allclose(torque.exchange[:, 1], 0, atol=FORBIDDEN)
    # all spin lost between two cuts is torque: the Rashba plane is the only place that has some
    before, behind = (s.spin_current(cut, total=True)[:, 1:] for cut in ("left", "barrier"))
    plane = [site for site in s.system.sites if site.tag[1] == 3]
    taken = s.torque(plane)
    np.testing.assert_allclose(taken.exchange + taken.spin_orbit, before - behind, atol=EXACT)


def test_one_axis_of_momentum_conserves_its_rashba_spin():
    # a wire of one row has kz = 0: H_R = α kx σz conserves spin along z
    s = sj.scatter(rashba_junction(theta=0.0, depth=1, width=4), 0.0)
    assert s.transmission((1, 0), (0, 1)) < FORBIDDEN
    torque = s.torque("left")
    np.testing.assert_allclose(torque.spin_orbit[:, 2], 0, atol=FORBIDDEN)


def test_tunneling_is_anisotropic_out_of_the_plane_only():
    # Matos-Abiague and Fabian: in the plane Rashba alone gives no twofold anisotropy, Dresselhaus coupling is needed
    def conductance(theta, phi, **others):
        device = rashba_junction(theta=theta, phi=phi, theta_left=theta, phi_left=phi, **others)
        return sj.scatter(device, 0.0).transmission(1, 0)

    z, x, y = (conductance(*angles) for angles in ((0, 0), (np.pi / 2, 0), (np.pi / 2, np.pi / 2)))
    assert x == pytest.approx(z, rel=EXACT)
    assert abs(y - z) > 1e-3 * z
    narrow = [conductance(*angles, depth=2) for angles in ((0, 0), (np.pi / 2, 0))]
    assert abs(narrow[0] - narrow[1]) > 1e-4  # a flat wire tells x from z
    assert conductance(0, 0, alpha=0.0) == pytest.approx(conductance(np.pi / 2, np.pi / 2, alpha=0.0), rel=EXACT)


def test_anisotropy_and_lattice_torque_are_of_second_order_in_rashba():
    def anisotropy(alpha):
        def conductance(theta):
            angles = dict(theta=theta, phi=np.pi / 2, theta_left=theta, phi_left=np.pi / 2)
            return sj.scatter(rashba_junction(alpha=alpha, **angles), 0.0).transmission(1, 0)

        return conductance(np.pi / 2) - conductance(0.0)

    assert anisotropy(0.02) / anisotropy(0.01) == pytest.approx(4, rel=0.01)


# ---------------------------------------------------------------------- two orbitals
def chain(orbital, theta, thickness=3, height=3.0):
    onsite, splitting, hopping = {"s": (1.5, 0.4, 1.0), "d": (-0.6, 1.4, 0.2)}[orbital]
    magnet = dict(onsite=onsite, splitting=splitting, hopping=hopping)
    barrier = sj.barrier(onsite=onsite + height, hopping=hopping, thickness=thickness)
    right = sj.ferromagnet(**magnet, m=sj.unit_vector(theta))
    return sj.Junction(sj.ferromagnet(**magnet), [barrier], right, buffer=5)


def test_decoupled_orbitals_are_two_junctions_side_by_side():
    s = sj.scatter(two_orbital_magnet(theta=1.1, hybridization=0.0, height=1.0), 0.0)
    parts = [sj.scatter(chain(orbital, 1.1, height=1.0), 0.0, solver="halves") for orbital in "sd"]
    np.testing.assert_allclose(s.probabilities, sum(part.probabilities for part in parts), atol=EXACT)
    np.testing.assert_allclose(s.modes, sum(part.modes for part in parts))
    flux = sum(part.bond_currents[:, 4] for part in parts)
    np.testing.assert_allclose(s.spin_current("barrier", total=True), flux, atol=EXACT)
    for magnet, planes in (("left", slice(1, 5)), ("right", slice(8, 12))):
        torque = sum(part.layer_torques[:, planes].sum(axis=1) for part in parts)
        np.testing.assert_allclose(s.torque(magnet).exchange, torque, atol=EXACT)


def test_hybridization_mixes_orbitals_and_no_spins():
    s = sj.scatter(two_orbital_magnet(theta=0.0), 0.0)
    assert s.transmission((1, 0), (0, 1)) == pytest.approx(0, abs=FORBIDDEN)
    apart = sj.scatter(two_orbital_magnet(theta=0.0, hybridization=0.0), 0.0)
    assert s.transmission((1, 0), (0, 0)) > 1.1 * apart.transmission((1, 0), (0, 0))


def test_the_other_order_of_orbitals_is_refused():
    device = two_orbital_magnet()
    with pytest.raises(sj.ArgumentError, match="the exchange field of the lead points along"):
        sj.scatter(device, 0.0, spin="orbital-spin")
    inferred = sj.scatter(sj.Device(system=device.system, magnetizations=device.magnetizations), 0.0)
    np.testing.assert_allclose(inferred.probabilities, sj.scatter(device, 0.0).probabilities, atol=EXACT)


def polarization(majority, minority):
    return (majority - minority) / (majority + minority)


def test_s_electrons_tunnel_with_a_polarization_opposite_to_the_density_of_states():
    s = sj.scatter(two_orbital_magnet(theta=0.0), 0.0)
    count = int(s.channels[0])
    speeds = abs(np.asarray(s.smatrix.lead_info[0].velocities)[:count])
    density = [(1 / speeds[s.spins[0].incoming == spin]).sum() for spin in (0, 1)]
    assert polarization(*density) < -0.5
    assert polarization(*s.probabilities[1, :, 0].diagonal()) > 0.1


# ---------------------------------------------------------------------- graphene
def test_ribbons_conduct_in_the_plateaus_of_their_edges():
    # Peres, Castro Neto and Guinea, PRB 73, 195411: zigzag edges give 4 (n + 1/2) e²/h
    options = dict(theta=0.0, splitting=0.0, onsite=0.0, length=2, magnet=1)
    seen = {
        round(sj.scatter(graphene_spin_valve(width=10, **options), energy).transmission(1, 0), 9)
        for energy in np.arange(0.03, 0.9, 0.06)
    }
    assert seen == {2, 6, 10, 14}
    # armchair edges: metallic for 3 p + 2 dimer lines, a gap otherwise
    metallic = sj.scatter(graphene_spin_valve(width=8, edge="armchair", **options), 0.03)
    assert metallic.transmission(1, 0) == pytest.approx(2)
    for width in (7, 9):
        with pytest.raises(sj.NoOpenChannelError):
            sj.scatter(graphene_spin_valve(width=width, edge="armchair", **options), 0.03)


def test_exchange_is_a_shift_of_energy_for_each_spin():
    options = dict(theta=0.0, width=7, length=3, magnet=1)
    s = sj.scatter(graphene_spin_valve(onsite=-0.4, splitting=0.3, **options), 0.0)
    for spin, shift in ((0, 0.15), (1, -0.15)):
        plain = sj.scatter(graphene_spin_valve(onsite=0.0, splitting=0.0, **options), 0.4 + shift)
        assert s.modes[0, spin] == plain.modes[0, 0]


@pytest.mark.parametrize("width", [4, 5, 6, 7])
def test_opposite_magnets_at_the_dirac_point_block_ribbons_of_an_even_number_of_lines(width):
    options = dict(width=width, onsite=0.0, channel_onsite=-0.05)
    opposite, parallel = (sj.scatter(graphene_spin_valve(theta=theta, **options), 0.0) for theta in (np.pi, 0.0))
    assert parallel.transmission(1, 0) > 0.9
    if width % 2:
        assert opposite.transmission(1, 0) > 1
    else:
        assert opposite.transmission(1, 0) < FORBIDDEN


# ---------------------------------------------------------------------- three terminals
def test_a_third_lead_that_is_cut_off_leaves_the_junction():
    s = sj.scatter(three_terminal(theta=1.1, coupling=0.0), 0.0)
    iron = dict(onsite=1.0, splitting=1.0, hopping=1.0, in_plane_hopping=1.0)
    spacer = sj.normal_metal(onsite=1.0, hopping=1.0, in_plane_hopping=1.0, thickness=4)
    junction = sj.Junction(sj.ferromagnet(**iron), [spacer], sj.ferromagnet(**iron, m=sj.unit_vector(1.1)), buffer=4)
    reference = sj.scatter(junction, 0.0, cross_section=(4, 1), boundary="hard wall", solver="halves")
    np.testing.assert_allclose(s.probabilities[:2, :, :2], reference.probabilities, atol=EXACT)
    np.testing.assert_allclose(s.between_leads()[2, :2], 0, atol=FORBIDDEN)
    flux = s.spin_current("left", total=True)[:2]
    np.testing.assert_allclose(flux, reference.bond_currents[:, 3], atol=EXACT)


def test_fluxes_meet_at_the_node():
    s = sj.scatter(three_terminal(theta=1.1, splitting_detector=0.4, theta_detector=0.7), 0.0)
    left, right, arm = (s.spin_current(cut, total=True) for cut in ("left", "right", "arm"))
    np.testing.assert_allclose(left, right + arm, atol=EXACT)  # charge and all of spin: the node is normal


def test_mirror_images_draw_the_same_from_the_side():
    # the mirror of the T and a turn of all spins about the bisector of both magnetizations
    s = sj.scatter(three_terminal(theta=1.1), 0.0)
    from_side = s.probabilities[:, :, 2].sum(axis=-1)
    np.testing.assert_allclose(from_side[0], from_side[1], atol=EXACT)


def test_opposite_magnets_split_spins():
    s = sj.scatter(three_terminal(theta=np.pi), 0.0)
    # spins along +z, in both leads: majority of lead 0, minority of lead 1
    first, second = s.probabilities[0, :, 2].sum(axis=-1), s.probabilities[1, :, 2].sum(axis=-1)[::-1]
    np.testing.assert_allclose(first, second[::-1], atol=EXACT)
    assert polarization(*first) > 0.1
    assert polarization(*second) < -0.1


def test_a_floating_magnet_detects_spin():
    def potential(theta):
        """Return µ of lead 1, where no current enters, with electrons driven from lead 0 to lead 2."""
        G = sj.scatter(three_terminal(theta=theta, coupling=0.5), 0.0).conductance_matrix()
        return G[1, 0] / (G[1, 0] + G[1, 2]), G

    parallel, G = potential(0.0)
    opposite, _ = potential(np.pi)
    assert parallel - opposite > 0.02  # closer to lead 0 when both magnets take the same spin
    assert G[1] @ [1.0, parallel, 0.0] == pytest.approx(0, abs=EXACT)


# ---------------------------------------------------------------------- the command line
@pytest.mark.parametrize("family", DEVICES, ids=lambda family: family.__name__)
def test_every_device_runs_and_draws_itself(family, capsys):
    path = str(SYSTEMS / f"{family.__name__}.py")
    assert main(["show", path, "--energy", "0", "-o", "drawing.png"]) == 0
    assert Path("drawing.png").stat().st_size > 10_000
    assert main(["run", path, "-o", "torques.svg"]) == 0
    printed = capsys.readouterr().out
    s = sj.scatter(family(), 0.0)
    for magnet in s.device.magnets:
        row = next(line for line in printed.splitlines() if f"lead 1: exchange torque on {magnet} " in line)
        np.testing.assert_allclose(
            [float(x) for x in row.split()[-3:]], s.torque(magnet).exchange[1], rtol=1e-5, atol=1e-13
        )
        assert f"spin-orbit torque on {magnet}" in printed
    for cut in s.device.cuts:
        assert f"lead 0: flux through {cut}" in printed
    assert "defects: unitarity" in printed


def test_run_takes_parameters_and_energies(capsys):
    assert main(["run", RASHBA, "--set", "alpha=0.5", "--set", "theta=90deg", "--energy", "0.2"]) == 0
    torque = sj.scatter(rashba_junction(alpha=0.5, theta=np.pi / 2), 0.2).torque("left").spin_orbit[0]
    row = next(x for x in capsys.readouterr().out.splitlines() if "lead 0: spin-orbit torque on left" in x)
    np.testing.assert_allclose([float(x) for x in row.split()[-3:]], torque, rtol=1e-5)


PLAIN = """
import kwant
import numpy as np

def plain(length=4, finalize=True):
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(i) for i in range(length))] = np.diag([-0.2, 0.2])
    syst[lattice.neighbors()] = -np.eye(2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    lead[lattice(0)] = np.diag([-0.2, 0.2])
    lead[lattice.neighbors()] = -np.eye(2)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    return syst.finalized() if finalize else syst
"""


def test_a_plain_kwant_system_is_a_family_too(capsys):
    Path("plain.py").write_text(PLAIN)
    assert main(["show", "plain.py"]) == 0
    assert main(["run", "plain.py", "-o", "flux.png"]) == 2
    assert "two-dimensional" in capsys.readouterr().err
    assert main(["run", "plain.py"]) == 0
    assert "2 leads" in capsys.readouterr().out
    assert main(["run", "plain.py", "--set", "finalize=false"]) == 2
    assert "must be finalized, but is a Builder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", RASHBA, "--k", "0,0"], "`k` must be left out for a system without momenta"),
        (["run", RASHBA, "--solver", "halves"], "`--solver` must be left out for a Device"),
        (["show", RASHBA, "--k", "average"], "`--k` must be left out for a Device"),
        (["run", RASHBA, "--set", "alfa=0.1"], "Did you mean `alpha`?"),
        (["run", RASHBA, "--set", "boundary=soft"], "boundary"),
        (["run", RASHBA, "--set", "width=0"], "at least 1"),
        (["run", RASHBA, "--energy", "50"], "no channel is open in any lead"),
        (["run", RASHBA, "-o", "a.docx"], "must end in one of"),
        (["sweep", RASHBA, "--vary", "alpha=0:1:3", "--solver", "modes", "-o", "a.nc"], "`solver` must be 'kwant'"),
        (["map", RASHBA, "--vary", "alpha=0:1:3", "--vary", "theta=0:1:3", "-o", "a.png"], "returned a Device"),
        (["export", RASHBA, "--to", "mumax3", "--lattice-constant", "0.25"], "must name the cut in the spacer"),
        (["run", str(SYSTEMS / "graphene_spin_valve.py"), "--set", "edge=torn"], "one of zigzag, armchair"),
        (["run", RASHBA, "--set", "magnet=0"], "`magnet` must be at least 1"),
        (["run", str(SYSTEMS / "graphene_spin_valve.py"), "--set", "width=2.5"], "`width` must be a positive integer"),
        (["run", str(SYSTEMS / "three_terminal.py"), "--set", "width=2.5"], "`width` must be a positive integer"),
        (["run", str(SYSTEMS / "three_terminal.py"), "--set", "arm=0"], "`arm` must be at least 1"),
        (["run", str(SYSTEMS / "two_orbital_magnet.py"), "--set", "thickness=0"], "`thickness` must be at least 1"),
    ],
)
def test_bad_input_of_a_device_is_one_line_and_exit_code_2(arguments, message, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert list(Path().iterdir()) == []


def test_figures_say_what_they_cannot_draw():
    device = rashba_junction(alpha=0.0)
    figure = plot_torques(sj.scatter(device, 0.0))
    assert len(figure.axes) == 1  # no spin-orbit torque, no panel of it
    assert len(plot_torques(sj.scatter(rashba_junction(), 0.0)).axes) == 2
    with pytest.raises(sj.ArgumentError, match="must name magnets"):
        plot_torques(sj.scatter(device.system, 0.0))
    with pytest.raises(sj.ArgumentError, match="`lead_in` must be 0 to 1, but is 2"):
        plot_torques(sj.scatter(device, 0.0), lead_in=2)
    lattice = kwant.lattice.general(np.eye(4), norbs=2)
    syst = kwant.Builder()
    syst[lattice(0, 0, 0, 0)] = np.eye(2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((1, 0, 0, 0)))
    lead[lattice(0, 0, 0, 0)] = np.eye(2)
    lead[lattice(1, 0, 0, 0), lattice(0, 0, 0, 0)] = -np.eye(2)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    with pytest.raises(sj.ArgumentError, match="one to three coordinates"):
        plot_system(sj.Device(system=syst.finalized()))
