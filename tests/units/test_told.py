"""Magnets told whole, one route after the other: responses, exports, multiscale runs and walls of unlike halves.

As in `test_records.py`; to tell them anew, and then to read the difference:
``PYTHONPATH=tests:. python tests/units/test_told.py [NAME ...]``.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from telling import differences, told
from told_junctions import tell_those_named

import kwant_spinjunc as sj
from kwant_spinjunc.magnets import dynamics, multiscale, wall
from kwant_spinjunc.magnets import parameters as fitted
from kwant_spinjunc.magnets.export import bias_law
from kwant_spinjunc.magnets.parameters.response import system_response
from kwant_spinjunc.theory import domain_wall, drift_diffusion
from systems.altermagnet_junction import altermagnet_junction

RECORDS = Path(__file__).resolve().with_name("records")
PHI = np.linspace(0.0, np.pi, 9)
AXIS = sj.unit_vector(0.4, 0.9)


def uneven(theta=1.1, height=3.0, spacer=2, **right) -> Annotated[sj.Junction, "eV"]:
    """Unlike magnets of unlike hoppings, a barrier or metal between, bonds of its own."""
    left = sj.ferromagnet(onsite=0.9, hopping=0.9, splitting=1.1, in_plane_hopping=0.2, m=AXIS)
    oxide = sj.barrier(onsite=height, hopping=0.7, thickness=spacer, in_plane_hopping=0.1)
    iron = dict(onsite=0.8, hopping=1.1, splitting=1.4, in_plane_hopping=0.3) | right
    other = np.cos(theta) * AXIS + np.sin(theta) * sj.unit_vector(0.4 + np.pi / 2, 0.9)
    return sj.Junction(left, [oxide], sj.ferromagnet(**iron, m=other), bonds={1: 0.65}, unit="eV")


def metallic(theta=1.1, **given) -> Annotated[sj.Junction, "eV"]:
    return uneven(theta, 0.5, **given)


def free(theta=1.0):
    """A magnet of two materials on a normal lead, one of them against the other."""
    copper = sj.normal_metal(onsite=0.3, hopping=1.2, thickness=2)
    iron = dict(onsite=0.8, hopping=1.1, splitting=1.4)
    m = sj.unit_vector(theta)
    layers = [copper, sj.ferromagnet(**iron, m=m, thickness=2), sj.ferromagnet(**iron | {"onsite": 0.5}, m=-m)]
    return sj.Junction(sj.ferromagnet(onsite=0.9, hopping=0.9, splitting=1.1), layers, copper)


def curves(P=0.4, Lambda=1.5, prime=0.07, noise=0.0, flow=1.0):
    """An angular response from the law of one term, unlike on both magnets."""
    current = flow * (1 + 0.2 * np.cos(PHI))
    rough = noise * np.cos(5 * PHI) * np.sin(PHI)
    both = [
        2 * s * p * L**2 * np.sin(PHI) / (L**2 + 1 + (L**2 - 1) * np.cos(PHI)) + rough
        for s, p, L in ((-1, 0.8 * P, 1.1 * Lambda), (1, P, Lambda))
    ]
    damping_like = np.stack(both, axis=-1) * current[:, None]
    field_like = prime * (np.sin(PHI) * current)[:, None] * [-1.0, 1.0]
    return fitted.AngularResponse(PHI, current, damping_like, field_like, source="curves")


def exported(target, response, **given):
    layer = {"mumax3": dict(free_thickness=2.0), "magnumnp": dict(free_thickness=1.5)}.get(target, {})
    layer = dict(free_thickness=1.5, saturation=8e5) if target == "cmtj" else layer
    return sj.export(response, target, lattice_constant=0.25, **layer, **given)


def several(*made):
    return lambda: {f"{number}": make() for number, make in enumerate(made)}


def fits_of(found):
    """Every number fitted, with its error; told in its place it would lie too deep."""
    fits = dict(conductance=found.conductance, resistance=found.resistance, polarizations=found.polarizations)
    for torque in found.torques:
        fits |= {f"{torque.free} {law}": getattr(torque, law) for law in ("symmetric", "asymmetric")}
    errors = {
        f"{law} {name}": f"{one.value:.9g} with an error of {one.error:.9g}"
        for law, fit in fits.items()
        for name, one in fit.estimates.items()
    }
    return errors | {law: [fit.residual, fit.points, fit.residual_damping_like or 0.0] for law, fit in fits.items()}


METALS = multiscale.cobalt(), multiscale.permalloy()
RUN = dict(lattice_constant=0.25, rtol=1e-4)
CHAIN = domain_wall.spin_chain(
    exchange=(1.3, 1.7), anisotropy=(0.1, 0.14), planes=(4, 5), theta_right=0.9, demagnetization=(0.15, 0.05),
    interface_exchange=0.2,
)  # fmt: skip
PUSH = dynamics.SpinTorque.on(CHAIN, 3, polarizer=sj.unit_vector(0.9), damping_like=0.02, field_like=-0.01)
PUSH += dynamics.SpinTorque.on(CHAIN, 4, polarizer=(0.0, 0.0, 1.0), damping_like=0.03, field_like=0.02)
AWAY = dynamics.SpinTorque.on(CHAIN, 4, polarizer=-sj.unit_vector(0.9), damping_like=1.0, field_like=0.2)


def made_by_texture(m):
    return 0.02 * np.cross(m, np.roll(m, 1, axis=0)) + 0.01 * np.cross(m, [0.2, 1.0, 0.4])


MATCHED = drift_diffusion.match(
    drift_diffusion.Material(sigma=1.2, beta=0.4, D=2.0, tau=1.5, q=0.7, alpha1=0.8, alpha2=0.6, omega=0.3),
    drift_diffusion.Material(sigma=0.7, beta=-0.6, D=1.1, tau=2.5, q=1.3, alpha1=1.2, alpha2=0.9, omega=-0.8),
    drift_diffusion.tunnel_interface(AXIS, sj.unit_vector(1.3), (1.0, 0.6 + 0.1j), (0.8, 0.5 - 0.2j)).with_mixing(
        AXIS, sj.unit_vector(1.3), left=0.7 + 0.2j, right=0.4 - 0.3j
    ),
    m_left=AXIS,
    m_right=sj.unit_vector(1.3),
    thickness=0.4,
    q_barrier=0.9,
)
MADE = {
    "responses": several(
        lambda: fitted.angular_response(uneven(), 0.1, angles=PHI),
        lambda: fitted.angular_response(uneven(), 0.1, (0.3, 0.5), angles=PHI),
        lambda: fitted.angular_response(free(), 0.1, angles=PHI),
        lambda: fitted.angular_response(uneven(), 0.1, angles=PHI, bias=0.2, temperature=0.02),
    ),
    "responses from results": several(
        lambda: fitted.angular_response_from(sj.scatter(uneven(), 0.1, m_right=uneven().directions_at(PHI[::-1]))),
        lambda: fitted.angular_response_from([sj.scatter(uneven(t), 0.1, solver="halves") for t in PHI[::-1]]),
        lambda: fitted.angular_response_from(sj.sweep(uneven, energy=0.1, theta=PHI, progress=False)),
        lambda: fitted.angular_response_from(
            sj.sweep(uneven, energy=0.1, theta=PHI[::-2], bias=0.1, height=2.5, rtol=1e-2, progress=False)
        ),
    ),
    "response of a system": lambda: system_response(altermagnet_junction(), 0.1, 0.3, angles=PHI),
    "parameters uneven": several(
        lambda: fitted.effective_parameters(metallic(), 0.1, angles=PHI),
        lambda: fitted.effective_parameters(metallic(), 0.1, "average", angles=PHI[::2]),
        lambda: fitted.effective_parameters(curves(noise=0.01)),
        lambda: fitted.effective_parameters(curves(P=-0.3, Lambda=0.6, flow=-1.0)),
        lambda: fitted.effective_parameters(curves(P=0.0)),
    ),
    "errors of fits": several(
        *(
            lambda given=given: fits_of(fitted.effective_parameters(curves(**{"noise": 0.01} | given)))
            for given in (
                {},
                dict(P=-0.3, Lambda=0.6),
                dict(P=0.7, Lambda=2.5, prime=-0.2),
                dict(flow=-1.0),
                dict(P=0.0, noise=0.0),
            )
        ),
        lambda: fits_of(fitted.effective_parameters(metallic(), 0.1, angles=PHI)),
    ),
    "interfaces uneven": several(
        *(
            lambda s=s, n=n: fitted.interface_parameters(metallic(spacer=n), s, 0.1, (0.3, 0.5))
            for s in ("left", "right")
            for n in (1, 2)
        ),
        lambda: fitted.interface_parameters(free(), "right", 0.1),
        lambda: fitted.decay_constant(sj.Junction(*(getattr(uneven(), n) for n in ("left", "layers", "right"))), 0.1),
    ),
    "exports otherwise": several(
        lambda: exported("oommf", curves(noise=1e-3), asymmetric=True, current_density=3e10, name="two terms"),
        lambda: exported("oommf", curves(P=-0.3, Lambda=0.6), free="left", fixed_layer=(0.0, 3.0, -4.0)),
        lambda: exported("ubermag", curves(P=-0.3, Lambda=0.6), field_like=False),
        lambda: exported("ubermag", curves(P=-0.3), free="left"),
        lambda: exported("mumax3", curves(noise=1e-3), free="left", tolerance=0.1),
        lambda: exported("magnumnp", curves(noise=1e-3, flow=-1.0), current_density=-2e10),
        lambda: exported("cmtj", curves(noise=1e-3, prime=0.0)),
        lambda: exported("cmtj", curves(P=0.0, prime=0.0)),
        lambda: exported("cmtj", curves(noise=1e-3), tolerance=0.5),
        lambda: exported("mumax3", uneven(), bias=0.2, energy=0.1, k=(0.3, 0.5), angles=PHI, tolerance=0.5),
        lambda: sj.export(uneven(), "boris", lattice_constant=0.25, biases=[-0.2, 0.1, 0.2, 0.3], tolerance=0.1),
        lambda: sj.export(metallic(), "boris", lattice_constant=0.25, energy=0.1, k=(0.3, 0.5), name="metal"),
        lambda: bias_law(uneven(), [-0.2, 0.1, 0.2, 0.3], lattice_constant=0.25, energy=0.1),
    ),
    "multiscale uneven": several(
        lambda: multiscale.multiscale(metallic, *METALS, theta=[0.5, 1.5], onsite=[0.7, 0.9], k=(0.3, 0.5), **RUN),
        lambda: multiscale.multiscale(
            metallic, *METALS[::-1], theta=1.2, k=(0.3, 0.5), transport="diffuse", current_density=-2e10, **RUN
        ),
        lambda: multiscale.multiscale(metallic, METALS[0], k=(0, 1), turned_by=None, energy=0.1, **RUN),
    ),
    "wall uneven": lambda: wall.self_consistent_wall(
        sj.Junction(uneven().left, uneven().layers, uneven().right).turned(
            m_left=sj.unit_vector(0.4), m_right=sj.unit_vector(1.3)
        ),
        current_density=5e12,
        stiffness=(2e-11, 3e-11),
        anisotropy=(1.3e7, 1.1e7),
        demagnetization=(1e6, 2e6),
        interface_exchange=1e-5,
        lattice_constant=0.25,
        planes=(3, 5),
        k=(0.3, 0.2),
        energy=0.1,
        method="damped",
        mixing=0.8,
        tolerance=1e-6,
    ),
    "chains uneven": several(
        lambda: domain_wall.relax(CHAIN, 0.02 * np.cos(np.arange(9))),
        lambda: domain_wall.relax(CHAIN, PUSH.at(CHAIN.easy_axes), linear=True),
        lambda: domain_wall.relax(CHAIN, np.zeros(9), start=CHAIN.easy_angle + 0.3 * np.cos(np.arange(9))),
        lambda: domain_wall.self_consistent(made_by_texture, CHAIN),
        lambda: domain_wall.self_consistent(made_by_texture, CHAIN, method="damped", mixing=0.7, max_evaluations=3),
        lambda: domain_wall.self_consistent(lambda m: 40 * made_by_texture(m), CHAIN, max_evaluations=6),
        lambda: CHAIN.energy(CHAIN.easy_axes[::-1]),
    ),
    "dynamics uneven": several(
        lambda: dynamics.static_wall(CHAIN, PUSH),
        lambda: dynamics.growth_rate(CHAIN, PUSH, dynamics.static_wall(CHAIN, PUSH), damping=0.2).real,
        lambda: dynamics.evolve(CHAIN, PUSH, damping=0.2, time=3.0, points=4, start=CHAIN.easy_axes[::-1]),
        lambda: dynamics.critical_torque(CHAIN, AWAY, damping=0.05, largest=5.0, rtol=1e-6),
    ),
    "matching uneven": lambda: vars(MATCHED.profile()),
}


def telling(name):
    return list(told(MADE[name]()))


def record(name):
    return RECORDS / f"told_{name.replace(' ', '_')}.txt"


@pytest.mark.parametrize("name", MADE)
def test_what_is_told_of_magnets_is_what_was_told(name):
    assert differences(telling(name), record(name).read_text().splitlines()) == []


if __name__ == "__main__":
    tell_those_named(MADE, telling, record)
