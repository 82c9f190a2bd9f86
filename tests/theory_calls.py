"""Every closed form of `theory` with arguments that work, no two alike: what law holds for each is tested of all."""

import importlib
import inspect
import pkgutil
from typing import get_type_hints

import numpy as np
from numpy.typing import ArrayLike

from kwant_spinjunc import theory
from kwant_spinjunc.spin import rotation_matrix, unit_vector
from kwant_spinjunc.theory import domain_wall, interface, tunnelling
from kwant_spinjunc.theory.circuit import Contact
from kwant_spinjunc.theory.drift_diffusion import Material, tunnel_interface

#: By module and name.
FUNCTIONS = {
    f"{module.name}.{name}": function
    for module in pkgutil.iter_modules(theory.__path__)
    for name, function in vars(importlib.import_module(f"{theory.__name__}.{module.name}")).items()
    if inspect.isfunction(function)
    and function.__module__.startswith(f"{theory.__name__}.{module.name}")
    and name[0] != "_"
}
LEFT, RIGHT = unit_vector(0.7, 0.4), unit_vector(1.9, -1.1)
METALS = [
    Material(sigma=1.2, beta=0.4, D=2.0, tau=1.5, q=0.7, alpha1=0.8, alpha2=0.6, omega=0.3),
    Material(sigma=0.7, beta=-0.6, D=1.1, tau=2.5, q=1.3, alpha1=1.2, alpha2=0.9, omega=-0.8),
]
CHAIN = domain_wall.spin_chain(
    exchange=(1.3, 1.6), anisotropy=(0.1, 0.14), planes=(3, 4), theta_right=0.7, demagnetization=(0.15, 0.05)
)
FLOW = abs(np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0].reshape(2, 2, 2, 2)) ** 2
AMPLITUDES = np.array([[0.5 + 0.2j, 0.1 - 0.3j], [0.2 + 0.1j, 0.4 - 0.2j]])
TURN = rotation_matrix(LEFT, RIGHT)
#: By the name of the parameter; all others are numbers that grow with their place.
SAMPLES = {
    **dict.fromkeys(("m", "m_left"), LEFT),
    "m_right": RIGHT,
    "rotation": TURN,
    "amplitudes": AMPLITUDES,
    **dict.fromkeys(("factors", "parallel", "probabilities", "transmission"), np.array([[0.31, 0.12], [0.07, 0.22]])),
    "antiparallel": np.array([[0.21, 0.15], [0.17, 0.12]]),
    **dict.fromkeys(("k", "k_left", "dos", "dos_left", "sigma_left", "alpha"), np.array([2.1, 1.2])),
    **dict.fromkeys(("k_right", "dos_right", "sigma_right"), np.array([1.7, 0.6])),
    **dict.fromkeys(("sigma", "currents", "currents_right"), np.array([3.1, 1.3])),
    "reflection_left": tunnelling.continuum_reflection([2.1, 1.2], 0.9),
    "reflection_right": tunnelling.continuum_reflection([0.7, 1.4], 0.9),
    "amplitudes_left": AMPLITUDES[0],
    "amplitudes_right": AMPLITUDES[1],
    "conductances_left": np.array([0.7, 0.3]),
    "conductances_right": np.array([0.4, 0.9]),
    "conductances": np.array([0.7, 0.3]),
    "mixing_left": 0.8 + 0.2j,
    "mixing_right": 0.9 - 0.3j,
    "mixing": 0.6 + 0.1j,
    "mu_left": np.array([0.6, 0.35]),
    "mu_right": np.array([-0.2, -0.45]),
    "fields": (0.75, 0.35),
    "levels": np.array([2.5, 2.9, 2.7]),
    "level": 2.5,
    **dict.fromkeys(("exponent", "bracket"), 0.55),
    "conductance": interface.conductance_matrix(FLOW),
    "resistance": np.array([[0.1, 0.2], [0.15, 0.05]]),
    "response": interface.interface_response(FLOW),
    "accumulation": np.array([0.1, -0.3, 0.2]),
    "material": METALS[0],
    "chain": CHAIN,
    "side": "left",
    "J": 0.7,
    "kappa": 0.9,
    "green": 0.4 - 0.3j,
    "energy": 0.1,
    "area": 1.3,
}
SAMPLES_OF = {
    "interface": {"probabilities": FLOW, "modes": None},
    "interface.interface_resistance": {"transmission": 0.31, "modes_left": 0.9, "modes_right": 1.2},
    "interface.tunnelling_limit": {"left": np.array([0.02, 0.01]), "right": np.array([0.2, 0.13])},
    "interface.metallic_limit": {"modes": 1.3},
    "interface.sharvin_corrected": {"modes": np.array([[1.1, 0.9], [0.8, 1.2]])},
    "circuit.mixing_conductance": {
        "reflection_majority": np.array([[0.6, 0.1j], [0.2, 0.3 - 0.2j]]),
        "reflection_minority": np.array([[0.2, 0.4], [0.1 - 0.3j, 0.5]]),
        "transmission": None,
    },
    "circuit.corrected_mixing_conductance": {"modes": 1.5},
    "circuit.solve_spin_valve": {"left": Contact(0.7, 0.3, 0.6 + 0.1j), "right": Contact(0.5, 0.35, 0.55 - 0.05j)},
    "domain_wall": {"rotation": 0.1, "n": 2.0, "source": 1.0, "exchange": 1.3, "anisotropy": 0.2},
    "domain_wall.spin_chain": {"planes": 3},
    "domain_wall.interface_torque": {"left": 0.1, "right": np.array([0.01, 0.02, 0.05])},
    "domain_wall.relax": {
        "torque": 0.01 * np.sin(np.arange(7)),
        "start": None,
        "tolerance": 1e-9,
        "max_iterations": 50,
    },
    "domain_wall.self_consistent": {
        "torque_of_texture": lambda m: 0.01 * np.cross(m, [1.0, 0.2, 0.0]),
        "method": "anderson",
        "mixing": 0.5,
        "tolerance": 1e-8,
        "max_evaluations": 30,
    },
    "printed.magnetization_current": {"density_left": lambda mu: 1.1 + mu, "density_right": lambda mu: 0.8 - 0.5 * mu},
    "printed.rotation": {"rotation": 0.1},
    "printed.net_torque": {"rotation": 0.1},
    "printed.wkb_exponent": {"mu_left": 0.1, "mu_right": 0.2, "height": 1.9},
    "tunnelling.wkb_exponent": {"mu_left": 0.1, "mu_right": 0.2, "height": 1.9},
    "tunnelling.barrier_excess": {"mu_left": 0.1, "mu_right": 0.2},
    "tunnelling.conserved_magnetization_current": {"beta": np.array([1.1, 0.7])},
    "tunnelling.continuum_reflection": {"k": 1.1 + 0.1j},
    "tunnelling.lattice_reflection": {"joint": None},
    "tunnelling.tunnelling_matrix": {"exponent": np.array([[0.5, 0.7], [0.4, 0.9]])},
    "printed.tunnelling_matrix": {"bracket": np.array([[0.5, 0.7], [0.4, 0.9]])},
    "tunnelling.lattice_exponent": {"hopping": np.array([0.5, 0.6, 0.45])},
    "julliere.angular_conductance": {"parallel": 1.2, "antiparallel": 0.8},
    "slonczewski.wave_numbers": {"energy": 5.0, "band_center": 2.5, "splitting": 3.0, "hbar2_2m": 0.9},
    "angular.fit_A": {
        "xi": np.array([0.1, 1.0, 10.0]),
        "Phi": np.array([0.3, 1.0, 2.5]),
        "delta": np.array([0.1, 0.3, 0.2]),
    },
    "angular.fit_matching": {"xi": np.array([0.5, 2.0]), "Phi": np.array([0.6, 2.1]), "gamma": 0.3, "flip": None},
    "angular.conductance_ratio": {"sigma": 0.8},
    "valet_fert": {"beta": (0.5, -0.3), "r": (1.0, 2.1), "r_b": (0.4, 0.7), "gamma": (0.2, -0.5)},
    "valet_fert.contact_polarization": {"r_b": 0.4, "gamma": 0.2},
    "valet_fert.contact_accumulation": {"r_b": 0.4, "gamma": 0.2},
    "valet_fert.contact_resistance": {"r_b": 0.4, "gamma": 0.2},
    "valet_fert.profile": {
        "rho_star": (1.1, 0.8),
        "l_sf": (0.9, 1.4),
        "y": np.array([-1.0, 0.4]),
        "r_b": 0.4,
        "gamma": 0.2,
    },
    "wall_torques.wall_tilts": {"n": 2.0},
    "wall_torques.chain_threshold": {"planes": 9, "damping": 0.01, "exchange": 3.0, "anisotropy": 0.7},
    "drift_diffusion.match": {
        "left": METALS[0],
        "right": METALS[1],
        "interface": tunnel_interface(LEFT, RIGHT, *AMPLITUDES),
        "thickness": 0.4,
        "q_barrier": 0.9,
        "current": 1.1,
    },
}
#: What is left out, or given the other way, in a second call.
OTHER = {
    "interface.conductance_matrix": {"probabilities": FLOW, "modes": np.ones((2, 2)), "max_defect": 1e-8},
    "circuit.mixing_conductance": {"transmission": None},
    "tunnelling.lattice_reflection": {"joint": 0.7},
    "tunnelling.one_sided_coefficients": {"side": "right"},
    "tunnelling.magnetization_current": {"side": "right"},
    "printed.magnetization_current": {"side": "right"},
    "tunnelling.wkb_exponent": {"allowed": "zero", "height": 0.3},
    "drift_diffusion.match": {"interface": interface.tunnelling_response(SAMPLES["factors"])},
    "angular.fit_matching": {"transverse": True},
    "domain_wall.relax": {"linear": True},
    "domain_wall.self_consistent": {"method": "damped"},
}
_TWO = SAMPLES_OF["circuit.mixing_conductance"]
OTHER["circuit.mixing_conductance"] = {
    "transmission": np.array([2 - (abs(_TWO[f"reflection_{spin}"]) ** 2).sum() for spin in ("majority", "minority")])
}


def call_of(name):
    """Return the arguments of a function, all that are numbers given."""
    samples = SAMPLES | SAMPLES_OF.get(name.split(".")[0], {}) | SAMPLES_OF.get(name, {})
    arguments = {}
    for place, parameter in enumerate(inspect.signature(FUNCTIONS[name]).parameters.values()):
        if parameter.name in samples:
            arguments[parameter.name] = samples[parameter.name]
        elif parameter.default is parameter.empty or type(parameter.default) in (int, float):
            arguments[parameter.name] = 0.3 + 0.07 * place
    return arguments


CALLS = {name: call_of(name) for name in FUNCTIONS}
CALLS |= {f"{name} otherwise": CALLS[name] | given for name, given in OTHER.items()}


def function_of(name):
    return FUNCTIONS[name.partition(" ")[0]]


def arrays_of(name):
    """Return the parameters that may be arrays, with their samples."""
    hints = get_type_hints(function_of(name))
    return {p: value for p, value in CALLS[name].items() if hints.get(p) == ArrayLike and value is not None}
