"""What a user gets, told whole: a number, word or line of a figure that changes is said in `records/` too.

The laws of `tests/laws` say that numbers are right; this says that they are still the same, all of them: errors and
angles of every law of the judge, words of a refusal, limits of an axis. To tell them anew, and then to read the
difference: ``PYTHONPATH=tests:. python tests/units/test_records.py [NAME ...]``.
"""

import contextlib
import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from insides import INSIDES
from telling import differences, told
from told_junctions import (
    ANGLES,
    MU,
    SETTINGS,
    WORDS,
    barrier,
    decided,
    dirty,
    free,
    planar,
    record,
    tell_those_named,
    texture,
    uneven,
)

import kwant_spinjunc as sj
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.judging.page import plot_judgment
from kwant_spinjunc.magnets import dynamics, multiscale, wall
from kwant_spinjunc.magnets import parameters as fitted
from kwant_spinjunc.magnets.export import TARGETS
from kwant_spinjunc.plot import figures, plot_momenta
from kwant_spinjunc.plot.devices import plot_device, plot_system, plot_torques
from kwant_spinjunc.runs.validity import validity_map
from kwant_spinjunc.theory import (
    angular,
    circuit,
    domain_wall,
    drift_diffusion,
    interface,
    julliere,
    parallel_circuit,
    printed,
    slonczewski,
    tunnelling,
    valet_fert,
    wall_torques,
)
from kwant_spinjunc.transport.derivatives import bias_derivative
from kwant_spinjunc.transport.equilibrium import equilibrium_response
from systems.altermagnet_junction import altermagnet_junction
from systems.asymmetric_junction import asymmetric_junction
from systems.graphene_spin_valve import graphene_spin_valve
from systems.rashba_junction import rashba_junction
from systems.spin_valve import spin_valve
from systems.three_terminal import three_terminal
from systems.tunnel_junction import tunnel_junction

SYSTEMS = Path(__file__).resolve().parents[2] / "systems"
#: The Matplotlib whose figures are recorded, that of the checkout's environment.
DRAWN_BY = "3.8."
FAMILY = dict(hopping=0.9, in_plane_hopping=0.2, progress=False)


SPIN_VALVE = spin_valve, multiscale.cobalt()
COBALT = dict(lattice_constant=0.25, onsite=4.0, in_plane_hopping=1.0, spacer_onsite=3.0, rtol=1e-5)


def grid():
    """A sweep over two axes that both are too long for lines."""
    heights, energies = np.linspace(1.5, 3.5, 10), np.linspace(-0.3, 0.4, 9)
    return sj.sweep(tunnel_junction, energy=energies, height=heights, theta=0.9, progress=False)


def chain():
    return domain_wall.spin_chain(exchange=1.3, anisotropy=0.1, planes=(2, 12), demagnetization=0.15, theta_right=0.7)


def pushed(size=0.02):
    return dynamics.SpinTorque.on(chain(), 0, polarizer=sj.unit_vector(0.7), damping_like=size, field_like=0.5 * size)


def response(junction=None, energy=0.1, **options):
    return sj.linear_response(sj.scatter(junction or uneven(), energy, **options), MU["mu_left"], MU["mu_right"])


def ran(*words):
    """What a command prints, and what it ends with."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = main([str(word) for word in words])
        except SystemExit as ended:
            code = ended.code
    return {"code": code, "printed": out.getvalue()}


def family(name):
    return SYSTEMS / f"{name}.py"


def session(*commands):
    """What commands print one after the other, in one folder."""
    lines = [ran(*(family(word) if family(word).exists() else word for word in line.split())) for line in commands]
    here = str(Path.cwd())
    said = (line["printed"].replace(str(SYSTEMS), "systems").replace(here, "HERE") for line in lines)
    return [{"code": line["code"], "printed": text} for line, text in zip(lines, said, strict=True)]


#: Torque codes, and what they take of the free layer.
LAYERS = {target: {} for target in TARGETS if target != "boris"}
LAYERS |= {"magnumnp": {"free_thickness": 2.0}, "cmtj": {"free_thickness": 2.0, "saturation": 8e5}}
SPINS = np.array([[0.31, 0.12], [0.07, 0.22]])
#: Probabilities between four channels of which no two are alike.
FLOW = abs(np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0].reshape(2, 2, 2, 2)) ** 2
K, KAPPA = np.array([1.3, 0.8]), 0.9
SIGMA = [1.4, 0.5], [0.9, 0.6]
RHO = tunnelling.continuum_reflection(K, KAPPA), tunnelling.continuum_reflection(K[::-1] * 1.1, KAPPA)
METAL = dict(sigma=1.2, beta=0.4, D=2.0, tau=1.5, q=0.7, alpha1=0.8, alpha2=0.6)
VALUES = {
    "angular": lambda: [
        angular.conductance_ratio(1.3, 0.8, 1.1, 0.9),
        angular.renormalized_ratio(1.3, 0.4),
        angular.delta_J_M(1.3, 0.9, 0.4, A1=0.3, A2=0.2),
        angular.spin_current_reduced(1.3, 0.9, 0.4, current=1.2),
        angular.delta_J_M_reduced(1.3, 0.9, 0.4),
        angular.delta_J_M_transparent(0.9, 0.4),
        angular.fit_A([0.1, 1.0, 10.0], [0.3, 1.0, 2.5], [0.1, 0.3, 0.2], beta=0.4),
    ],
    "circuit": lambda: [
        circuit.polarization([0.7, 0.3]),
        circuit.relative_mixing([0.7, 0.3], 0.6 + 0.1j),
        circuit.corrected_mixing_conductance(0.6 + 0.1j, 1.5),
        circuit.solve_spin_valve(
            circuit.Contact(0.7, 0.3, 0.6 + 0.1j),
            circuit.Contact(0.5, 0.35, 0.55 - 0.05j),
            sj.unit_vector(0.3, 0.2),
            sj.unit_vector(1.2, 1.0),
        ),
    ],
    "interface": lambda: [
        interface.response_of(interface.conductance_matrix(FLOW)),
        interface.interface_currents(interface.interface_response(FLOW), (0.2, 0.05), (-0.1, 0.02)),
        interface.dropped_response(FLOW),
        interface.tunnelling_response(SPINS),
        interface.tunnelling_limit(0.9, [0.02, 0.01], [0.2, 0.1]),
        interface.metallic_limit(0.9, 1.3),
        interface.interface_resistance(0.5, 1.0, 0.8),
        interface.in_series(interface.conductance_matrix(FLOW), 0.1 * SPINS),
        interface.sharvin_corrected(interface.conductance_matrix(FLOW), np.array([[1.0, 0.9], [0.8, 1.0]])),
    ],
    "printed": lambda: [
        printed.fields(*SIGMA),
        printed.net_torque(0.1, 0.7, 2.0, 1.1),
        printed.rotation(0.1, 0.7, 2.0, 1.1),
        parallel_circuit.series_fields(*SIGMA, 1.3),
        parallel_circuit.continuity_defect(*SIGMA, (0.6, 0.4)),
        parallel_circuit.rotated_spin_currents(SIGMA[0], 0.9),
        parallel_circuit.difference_length(0.7, 0.4, 0.9),
    ],
    "slonczewski": lambda: [
        slonczewski.wave_numbers(5.0, 2.5, 0.3, 0.9),
        slonczewski.effective_polarization(K, KAPPA),
        slonczewski.rectangular_transmission(K, K[::-1] * 1.2, KAPPA, 2.0),
        slonczewski.mean_conductance(K, K[::-1] * 1.2, KAPPA, 2.0),
        slonczewski.torques_from_spin_factors(SPINS, 0.9),
        slonczewski.angular_efficiency(0.9, 0.4, 1.5),
        slonczewski.asymmetric_efficiency(0.9, 0.3, 0.1, 0.4),
        julliere.polarization([2.0, 0.7]),
        julliere.tmr(0.5, 0.3),
        julliere.conductances_from_spin_factors(SPINS),
        julliere.angular_conductance(1.2, 0.8, 0.9),
    ],
    "tunnelling": lambda: [
        tunnelling.decay_constant(1.7, 0.8),
        tunnelling.lattice_decay_constant(3.1, 0.2, 0.9),
        tunnelling.lattice_exponent([3.1, 2.8, 3.4], 0.2, 0.9),
        tunnelling.surface_green_function([0.2, 3.1], 0.5, 0.9),
        tunnelling.spin_factors(*RHO, 1.2),
        tunnelling.barrier_probabilities(tunnelling.rotation_probabilities(0.9), *RHO, 1.2),
        tunnelling.spin_flip_reflection(np.array([[0.8, -0.6], [0.6, 0.8]]), *RHO, 0.4),
        tunnelling.rotation_law(SPINS, 0.9),
        tunnelling.factorization_defect(SPINS),
        tunnelling.in_plane_torques(0.7, 0.4, 0.9),
        tunnelling.vector_torque(0.7, 0.4, sj.unit_vector(0.3), sj.unit_vector(1.2)),
    ],
    "valet_fert": lambda: [
        valet_fert.profile([-1.0, -0.2, 0.3, 1.0], beta=(0.5, 0.3), rho_star=(1.0, 1.4), l_sf=(0.8, 1.1)),
    ],
    "walls": lambda: [
        wall_torques.wall_tilts(
            np.arange(4), damping_like=0.1, field_like=0.2, angle=0.9, exchange=1.0, anisotropy=0.1, demagnetization=0.2
        ),
        wall_torques.chain_threshold(planes=40, damping=0.01, exchange=100.0, anisotropy=1.0),
        domain_wall.relax(chain(), domain_wall.interface_torque(chain(), right=(0.01, 0.02, 0.0))),
        wall.zone(planar()),
        dynamics.static_wall(chain(), pushed()),
        dynamics.growth_rate(chain(), pushed(), dynamics.static_wall(chain(), pushed()), damping=0.05),
    ],
    "drift diffusion": lambda: [
        drift_diffusion.wave_numbers(drift_diffusion.Material(**METAL)),
        drift_diffusion.strong_screening_wave_numbers(drift_diffusion.Material(**METAL)),
        drift_diffusion.match(
            drift_diffusion.Material(**METAL),
            drift_diffusion.Material(**METAL | {"beta": 0.7}),
            interface.tunnelling_response(SPINS),
            m_left=sj.unit_vector(0.3, 0.2),
            m_right=sj.unit_vector(1.2, 1.0),
        ),
    ],
}
COMMANDS = (
    "run tunnel_junction --set in_plane_hopping=0.3 --set height=6 --k average --energy 0.1",
    "run spin_valve --set theta=60deg --solver halves",
    "sweep tunnel_junction --vary height=1:3:3 --vary theta=0:90deg:2 -o grid.nc",
    "sweep tunnel_junction --vary height=1:3:3 --vary theta=0:90deg:2 -o grid.nc --resume",
    "sweep asymmetric_junction --bias=-0.1:0.1:3 --temperature 0.02 -o bias.nc",
    "sweep altermagnet_junction --turns 0:90deg:3 --behind barrier --k 0.3 -o turns.nc",
    "map tunnel_junction --vary height=1.5:4:3 --vary thickness=1:3:3 -o map.png",
    "ensemble disordered_barrier --cross-section 2x2 --realizations 4 -o one.nc",
    "ensemble disordered_barrier --cross-section 2x2 --realizations 6 -o one.nc",
    "ensemble disordered_barrier --cross-section 2x2 --realizations 3 --angles 0:180deg:3 -o turned.nc",
    "ensemble disordered_barrier --cross-section 2x2 --realizations 2 --vary width=0.5:1:2 -o several.nc",
    "show one.nc",
    "show one.nc -o spread.doc",
    "judge tunnel_junction --k average --set in_plane_hopping=0.3 --set height=6 --angles 0:180deg:3 --no-advice",
    "export asymmetric_junction --to oommf --lattice-constant 0.25 --asymmetric --angles 7",
    "export spin_valve --to boris --lattice-constant 0.25",
    "export spin_valve --to magnumnp --lattice-constant 0.25 --free left --free-thickness 1.5 --no-field-like",
    "export spin_valve --to cmtj --lattice-constant 0.25 --free-thickness 1.5 --saturation 8e5 --current-density 1e10",
    "equation",
    "equation 6",
    "equation wall",
)
REFUSED = (
    "",
    "walk",
    "run",
    "run nothing.py",
    "run tunnel_junction --set hight=3",
    "run tunnel_junction --set height=high",
    "run tunnel_junction --family other",
    "run tunnel_junction --k 1,2,3",
    "run tunnel_junction --solver fast",
    "run tunnel_junction --enrgy 1",
    "run tunnel_junction -o figure.doc",
    "show tunnel_junction -o figure.doc",
    "show one.samples",
    "sweep tunnel_junction",
    "sweep tunnel_junction -o out.nc",
    "sweep tunnel_junction --vary height=1:3:0 -o out.nc",
    "sweep tunnel_junction --vary height=1:3:9007199254740993 -o out.nc",
    "sweep tunnel_junction --vary thickness=1:3:4 -o whole.nc",
    "sweep tunnel_junction --vary height=1:3:2 -o out.txt",
    "sweep tunnel_junction --vary height=1:3:2 -o out.nc --figure out.nc",
    "sweep tunnel_junction --vary height=1:3:2 -o out.nc --plot colour",
    "sweep tunnel_junction --vary height=1:3:2 -o out.nc --temperature 0.1",
    "sweep tunnel_junction --vary height=1:3:2 -o out.nc --rtol 0.1",
    "sweep tunnel_junction --vary height=1:3:2 -o out.nc --workers 0",
    "sweep tunnel_junction --vary height=1:3:2 -o out.nc --turns 0:1:2",
    "sweep altermagnet_junction --turns 0:90deg:3 -o out.nc",
    "plot out.nc -o figure.png",
    "plot whole.nc -o figure.doc",
    "sweep tunnel_junction --vary height=1:3:2 -o whole.nc",
    "plot tunnel_junction -o figure.png",
    "map tunnel_junction --vary height=1:3:2",
    "ensemble disordered_barrier -o /",
    "ensemble disordered_barrier --cross-section 2 -o out.nc",
    "ensemble disordered_barrier --cross-section 2x2 --boundary open -o out.nc",
    "ensemble disordered_barrier --cross-section 2x2 --k average -o out.nc",
    "ensemble disordered_barrier --cross-section 2x2 --quantity flow --rtol 0.1 -o out.nc",
    "judge tunnel_junction --angles 0:180:3",
    "judge tunnel_junction --mu-left 1,2,3",
    "judge tunnel_junction --material steel --lattice-constant 0.25",
    "judge tunnel_junction --cut barrier",
    "judge tunnel_junction --realizations 5",
    "judge tunnel_junction -o verdicts.doc",
    "export spin_valve --lattice-constant 0.25",
    "export spin_valve --to oommf",
    "export spin_valve --to paper --lattice-constant 0.25",
    "export spin_valve --to oommf --lattice-constant -1",
    "export spin_valve --to oommf --lattice-constant 0.25 --free-thickness 2",
    "export spin_valve --to cmtj --lattice-constant 0.25",
    "equation 99",
    "explore altermagnet_junction --no-browser",
)
MADE = {
    **{f"theory {name}": make for name, make in VALUES.items()},
    "scattering": lambda: sj.scatter(uneven(), 0.1),
    "scattering batch": lambda: sj.scatter(planar(), [[0.1], [0.3]], [(0.4, 0.2), (1.0, 0.3)]),
    "scattering average": lambda: sj.scatter(planar(), 0.1, "average"),
    "scattering texture": lambda: sj.scatter(texture(), 0.1, solver="halves"),
    "scattering sample": lambda: sj.scatter(dirty(), 0.3, cross_section=(2, 3), seed=3),
    "scattering kwant": lambda: sj.scatter(uneven(), 0.1, solver="kwant"),
    "scattering half metal": lambda: sj.scatter(uneven(), -1.1),
    "scattering plane waves": lambda: sj.scatter(planar(), 0.1, (0.2, 0.3), cross_section=(2, 1)),
    "vectors half metal": lambda: sj.vector_response(sj.scatter(uneven(), -1.1, solver="halves")),
    "scattering coarse": lambda: sj.scatter(planar(), 0.6, "average", rtol=1e-2),
    "linear": response,
    "linear average": lambda: response(planar(), k="average"),
    "tunneling": lambda: sj.tunneling_response(sj.scatter(uneven(), 0.1), *MU.values()),
    "vectors": lambda: sj.vector_response(sj.scatter(uneven(), 0.1, solver="halves")),
    "noise": lambda: sj.shot_noise(sj.scatter(uneven(), 0.1)),
    "noise average": lambda: sj.shot_noise(sj.scatter(planar(), 0.1, "average")),
    "damping": lambda: sj.gilbert_damping(sj.scatter(free(), 0.1), 0),
    "potentials": lambda: sj.chemical_potentials(sj.scatter(texture(), 0.1), *MU.values()),
    "bias": lambda: sj.bias_response(uneven(), [0.1, -0.2], accumulation=[[0.02, 0.0], [0.01, -0.03]], rtol=1e-6),
    "bias warm": lambda: sj.bias_response(uneven(), 0.1, temperature=0.02, equilibrium=True),
    "bias coarse": lambda: sj.bias_response(uneven(), [0.1, -0.2], temperature=0.02, equilibrium=True, rtol=1e-2),
    "bias average": lambda: sj.bias_response(planar(), 0.1, k="average", rtol=1e-2),
    "bias of a crystal": lambda: driven([0.1, -0.2], temperature=0.03),
    "bias of a crystal, cold": lambda: driven(0.1, equilibrium=True),
    "bias derivative": lambda: bias_derivative(uneven(), 0.1),
    "bias derivative coarse": lambda: bias_derivative(uneven(), 0.1, step=0.1, temperature=0.02, rtol=1e-2),
    "equilibrium coarse": lambda: equilibrium_response(uneven(), 0.1, temperature=0.03, rtol=1e-2),
    "equilibrium": lambda: equilibrium_response(uneven(), 0.1),
    "device": lambda: sj.scatter(rashba_junction(width=1, depth=1), 0.3),
    "device torque": lambda: sj.scatter(rashba_junction(width=1, depth=1), 0.3).torque("right"),
    "device terminals": lambda: sj.scatter(three_terminal(), 0.1),
    "crystal": lambda: sj.scatter(altermagnet_junction(), 0.1, k=[0.3, 1.1], turns=[0.0, 1.0], behind="barrier"),
    "crystal average": lambda: sj.scatter(
        altermagnet_junction(), 0.1, k="average", turns=[1.0], behind="barrier", rtol=1e-4
    ),
    "crystal coarse": lambda: sj.scatter(altermagnet_junction(), 0.3, k="average", rtol=3e-2),
    "ensemble several": lambda: several(),
    "sweep": lambda: sj.sweep(tunnel_junction, energy=[0.0, 0.1], theta=[0.5, 1.0], progress=False),
    "validity": lambda: validity_map(tunnel_junction, energy=0.1, height=[1.5, 3.0], thickness=[1, 3], **FAMILY),
    "validity average": lambda: validity_map(tunnel_junction, energy=0.1, k="average", height=[4.5, 5.0], **FAMILY),
    "judge barrier": lambda: sj.judge(barrier(), 0.1, angles=ANGLES, **MU),
    "judge table": lambda: decided(sj.judge(barrier(), 0.1, angles=ANGLES, advise=False).to_dataset()),
    "judge family": lambda: sj.judge(tunnel_junction, 0.1, angles=ANGLES, hopping=0.9, advise=False),
    "judge contact": lambda: sj.judge(sj.Junction(barrier().left, [], barrier().right), 0.1, angles=ANGLES),
    "judge no magnets": lambda: sj.judge(free(), 0.1, angles=ANGLES, advise=False),
    "judge first bond": lambda: sj.judge(barrier({1: 0.7}), 0.1, angles=ANGLES, advise=False),
    "judge last bond": lambda: sj.judge(barrier({2: 0.7}), 0.1, angles=ANGLES, advise=False),
    "judge uneven": lambda: sj.judge(uneven(), 0.1, angles=ANGLES, **MU),
    "judge metal": lambda: sj.judge(spin_valve(hopping=0.9), 0.1, angles=ANGLES, **MU),
    "judge average": lambda: sj.judge(planar(), 0.1, "average", angles=ANGLES, rtol=1e-4, advise=False, **MU),
    "judge metals": lambda: sj.judge(
        spin_valve(in_plane_hopping=0.3),
        0.0,
        "average",
        angles=ANGLES,
        materials=multiscale.cobalt(),
        lattice_constant=0.25,
        advise=False,
        rtol=1e-4,
    ),
    "judge samples": lambda: sj.judge(
        dirty(), 0.3, cross_section=(2, 2), realizations=4, angles=ANGLES[::2], **SETTINGS
    ),
    "judge crystal": lambda: sj.judge(altermagnet_junction(), 0.1, 0.3, angles=ANGLES, behind="barrier", advise=False),
    "parameters": lambda: sj.effective_parameters(asymmetric_junction(height=3.0)),
    "parameters of a metal": lambda: sj.effective_parameters(spin_valve()),
    "interface": lambda: fitted.interface_parameters(spin_valve(), "left", 0.0, None),
    "decay": lambda: fitted.decay_constant(planar(), 0.1, "average"),
    "multiscale": lambda: multiscale.multiscale(*SPIN_VALVE, theta=[0.5, 1.5], **COBALT),
    "metals": lambda: [multiscale.cobalt(), multiscale.permalloy()],
    "exports": lambda: [
        *(sj.export(asymmetric_junction(), target, lattice_constant=0.25, **layer) for target, layer in LAYERS.items()),
        sj.export(spin_valve(), "boris", lattice_constant=0.25),
    ],
    "torque on a texture": lambda: wall.torque_profile(wall.resolve_magnets(uneven(), (2, 4)), k=(0.0, 0.0)),
    "wall": lambda: wall.self_consistent_wall(
        tunnel_junction(hopping=0.9, theta=1.1),
        current_density=5e12,
        stiffness=2e-11,
        anisotropy=1.3e7,
        lattice_constant=0.25,
        planes=(4, 7),
        k=(0.0, 0.0),
    ),
    "wall in time": lambda: dynamics.evolve(chain(), pushed(), damping=0.3, time=5.0, points=3),
    "contacts": lambda: [
        multiscale.solve_interface(spin_valve(theta=0.8, in_plane_hopping=0.3), rtol=1e-4),
        multiscale.mixing_conductances(spin_valve(theta=0.8), k=(0.0, 0.0)),
        multiscale.microscopic_metal((1.2, 0.7), 3.0, (0.13, 0.15), errors=((0.1, 0.05), 0.2)),
    ],
    "figure junction": lambda: sj.plot.plot_junction(uneven(), energy=0.1),
    "figure layers": lambda: sj.plot.plot_layers(sj.scatter(uneven(), 0.1)),
    "figure sweep": lambda: figures.plot_sweep(
        sj.sweep(tunnel_junction, energy=0.0, theta=ANGLES, height=[2.0, 3.0], progress=False), "conductance"
    ),
    "figure sweep map": lambda: figures.plot_sweep(grid()),
    "figure sweep many": lambda: figures.plot_sweep(grid(), ["conductance", "magnetization_current"]),
    "figure texture": lambda: sj.plot.plot_junction(texture()),
    "figure dirty": lambda: sj.plot.plot_junction(dirty(), energy=0.2, k=(0.3, 0.4)),
    "figure layers right": lambda: sj.plot.plot_layers(sj.scatter(texture(), 0.1), lead_in=1),
    "figure error": lambda: figures.plot_map(
        validity_map(tunnel_junction, energy=0.0, height=[1.5, 2.0, 3.0], thickness=[1, 2, 3], progress=False),
        "factorization_defect",
    ),
    "figure charge": lambda: plot_device(sj.scatter(graphene_spin_valve(), 0.1), quantity="charge"),
    "figure map": lambda: figures.plot_map(
        validity_map(tunnel_junction, energy=0.0, height=[1.5, 2.0, 3.0], thickness=[1, 2, 3], progress=False)
    ),
    "figure ensemble": lambda: figures.plot_ensemble(
        sj.ensemble(dirty(), 0.3, cross_section=(2, 2), realizations=6, profiles=True, **SETTINGS)
    ),
    "figure system": lambda: plot_system(rashba_junction(width=2, depth=1), energy=0.3),
    "figure device": lambda: plot_device(sj.scatter(graphene_spin_valve(theta=np.pi / 2), 0.0), "right", axis="z"),
    "figure torques": lambda: plot_torques(sj.scatter(rashba_junction(width=2, depth=1), 0.3)),
    "figure momenta": lambda: plot_momenta(
        sj.scatter(altermagnet_junction(), 0.2, k=np.linspace(-3, 3, 5), turns=[0.0, 1.0], behind="barrier"), angle=1
    ),
    "figure momenta mesh": lambda: plot_momenta(
        sj.scatter(
            altermagnet_junction(dimensions=3, onsite=4.5, height=9.0),
            0.2,
            k=np.stack(np.meshgrid([-1.0, 0.2, 1.1], [-0.5, 0.3], indexing="ij"), axis=-1),
            turns=[0.0, 1.0],
            behind="barrier",
        ),
        angle=1,
        lead_out=0,
        lead_in=1,
    ),
    "figure judgment": lambda: plot_judgment(sj.judge(tunnel_junction(), angles=ANGLES, advise=False, **MU)),
    "explorer": lambda: explored(),
    "command show": lambda: ran("show", family("tunnel_junction")),
    "command run": lambda: ran("run", family("tunnel_junction"), "--set", "thickness=2"),
    "command judge": lambda: ran("judge", family("tunnel_junction"), "--angles", "0:180deg:3"),
    "command export": lambda: ran(
        "export", family("asymmetric_junction"), "--to", "mumax3", "--lattice-constant", "0.25"
    ),
    "command equation": lambda: ran("equation", 12),
    "commands": lambda: session(*COMMANDS),
    "commands refused": lambda: session(*REFUSED),
    "command sweep": lambda: ran("sweep", family("tunnel_junction"), "--vary", "theta=0:90deg:2", "-o", "out.nc"),
    **{f"inside {name}": make for name, make in INSIDES.items()},
}


def explored():
    shown = sj.explore(asymmetric_junction, energy=0.1)
    try:
        return {"controls": list(shown.controls), "shown": shown.update({}), "repr": repr(shown)}
    finally:
        shown.close()


def driven(bias, **options):
    """A crystal under a bias that falls where its middle is."""
    device = altermagnet_junction()
    x = [site.pos[0] for site in device.system.sites]
    fall = [min(x) + 1, max(x) - 1], [0.5, -0.5]
    given = dict(k=0.3, turns=[0.0, 1.0], behind="barrier", rtol=1e-2, progress=False)
    return sj.bias_response(device, bias, profile=lambda site: np.interp(site.pos[0], *fall), **given, **options)


def several():
    """Everything an ensemble of samples answers when it is asked."""
    asked = dict(cross_section=(2, 2), realizations=12, boundary="twisted", profiles=True, **SETTINGS)
    with sj.ensemble(dirty(), 0.3, store="kept", **asked) as found:
        methods = {
            "potentials": found.chemical_potentials(0.4, -0.3),
            "histogram": found.histogram("conductance", bins=3),
        }
        again = sj.open_ensemble("kept")
        again.close()
        return {"found": found, **methods, "dataset": found.to_dataset() if hasattr(found, "to_dataset") else None}


def telling(name):
    once = name == "judge barrier" or not name.startswith("judge")
    return [line for line in told(MADE[name]()) if once or not WORDS.match(line)]


@pytest.mark.parametrize("name", MADE)
def test_what_is_shown_is_what_was_shown(name):
    if name.startswith("figure") and not mpl.__version__.startswith(DRAWN_BY):
        pytest.skip("another Matplotlib places ticks and artists otherwise")
    assert differences(telling(name), record(name).read_text().splitlines()) == []


@pytest.mark.parametrize(
    ("kept", "now", "rounding"),
    [
        (["G = 0.94-7.2e-17j e²/h"], ["G = 0.94+3.1e-17j e²/h"], True),
        (["G = 0.94-7.2e-03j e²/h"], ["G = 0.94+7.2e-03j e²/h"], False),
        (["R = 6049.75 ± 2e-10, L = 2"], ["R = 6049.75 ± 4e-9, L = 2"], True),
        (["R = 6049.75 ± 2e-10, L = 2"], ["R = 6049.75 ± 4e-5, L = 2"], False),
        (["R = 6049.75 ± 2e-10, L = 2"], ["R = 6049.95 ± 2e-10, L = 2"], False),
        (["zone 7.3e-10 in 127 momenta"], ["zone 7.3e-10 in 142 momenta"], True),
        (["zone 7.3e-10 in 127 momenta"], ["zone 7.3e-10 in 635 momenta"], False),
        (["zone 7.3e-10 in 127 momenta"], ["zone 7.3e-06 in 127 momenta"], False),
        ([".points: 13.0"], [".points: 15.0"], True),
        ([".fit.points: 13.0"], [".fit.points: 15.0"], False),
        ([".t0.at: 1.57", ".t0.percent: 5e-15 %"], [".t0.at: 0.79", ".t0.percent: 7e-14 %"], True),
        ([".t0.at: 1.57", ".t0.percent: 5e-05 %"], [".t0.at: 0.79", ".t0.percent: 5e-05 %"], False),
        ([".t0.at: 1.57", ".t0.percent: 5e-15 %"], [".t0.at: 0.79", ".t0.percent: 5e-05 %"], False),
        (["t0 as a vector  use  1.02e-14 %  45  1e-16 spin"], ["t0 as a vector  use  2e-13 %  180  4e-17 spin"], True),
        (["t0 as a vector  use  1.02e-14 %  45  1e-16 spin"], ["t0 as a scalar  use  1e-14 %  45  1e-16 spin"], False),
        (["exponent  use  1.02 %  45  1e-4 spin"], ["exponent  use  1.02 %  180  1e-4 spin"], False),
        (["unitarity 1.3e-15, torque 0.0e+00"], ["unitarity 2.3e-15, torque 1.1e-16"], True),
        (["unitarity 1.3e-15, torque 0.0e+00"], ["unitarity 1.3e-15, torque 1.1e-6"], False),
        ([": (3,) 1.5 -0.25"], [": (3,) 1.5 0.25"], False),
    ],
)
def test_what_only_rounding_decides_is_no_difference_and_all_else_is(kept, now, rounding, monkeypatch):
    monkeypatch.setattr("telling.OTHER", False)
    assert (differences(now, kept) == []) == rounding


if __name__ == "__main__":
    tell_those_named(MADE, telling)
