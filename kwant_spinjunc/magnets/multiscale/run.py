r"""`multiscale`: every junction of a family solved, matched to its diffusive magnets, and converted to SI."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import constants

from ...arrays import Floats
from ...checks import choice, finite, instance, positive
from ...errors import ArgumentError
from ...model.junction import Junction
from ...model.problem import AVERAGE
from ...quantities import quantities
from ...runs.family import call_family, check_family, facts_of, units_of
from ...runs.tables import points_of, provenance, split_axes, table
from ...theory import drift_diffusion, interface, tunnelling
from ...theory.drift_diffusion import AMPERE_PER_SQUARE_METER, LANDAUER, Matching, Material
from ...theory.interface import InterfaceResponse
from ...units import conductance_per_area, torque_per_area
from ..parameters import InterfaceParameters
from .contacts import Interface, mixing_conductances, solve_interface

if TYPE_CHECKING:
    import xarray as xr

#: Ω µm² of a resistance-area product in eV nm² ps; S/m² of a conductance per area is as A/m² of a current.
_OHM_SQUARE_MICROMETER = 1e12 * AMPERE_PER_SQUARE_METER

#: What a run gives, in SI units.
VARIABLES = quantities(
    "conductance_matrix modes r_left r_right mixing_real mixing_imag conductance_ratio magnetization_current "
    "delta_J_M delta_J_M_vector ballistic_delta_J_M accumulation accumulated_moment resistance_area magnetoresistance "
    "damping_like field_like torque_efficiency spin_defect angle",
    "A/m^2",
    torque="J/m^2",
)


def multiscale(
    family: Callable[..., Junction],
    left: Material,
    right: Material | None = None,
    *,
    lattice_constant: float,
    current_density: float = 1e11,
    energy: float = 0.0,
    k: ArrayLike | str | None = AVERAGE,
    transport: Literal["coherent", "diffuse"] = "coherent",
    turned_by: str | None = "theta",
    rtol: float = 1e-8,
    **axes: Any,
) -> xr.Dataset:
    r"""Solve every junction of a family, match it to its diffusive magnets and return SI numbers.

    **Result**: Variables of `VARIABLES` with ``units`` and ``long_name``; provenance in ``attrs``. Mixing conductances
    are NaN where the spacer does not conduct, the magnetoresistance where parallel magnets have no resistance. Raises
    `NoOpenChannelError`: Nothing propagates at this energy.

    Parameters
    ----------
    family
        A function of parameters that returns a `Junction` with magnetic leads.
    left, right
        The metals the leads are made of, in eV, nm, ps (`cobalt`, `metal`); ``right`` defaults to ``left``.
    lattice_constant
        a in nm, the side of the in-plane unit cell.
    current_density
        Charge current density in A/m², positive for electrons from left to right.
    energy, k, rtol
        As in `solve_interface`.
    transport
        "coherent": one quantum-mechanical junction. "diffuse": its two contacts in series through a spacer that
        forgets phases (mixing conductances, circuit theory); only for a spacer that conducts.
    turned_by
        Parameter of the family that is 0 for parallel magnets, the reference of the magnetoresistance; None for none.
    **axes
        As of `sweep`.

    Notes
    -----
    ``resistance_area`` is what the junction adds to the two metals: its own resistance, diffusion-corrected, and that
    of the spin accumulation within a spin-diffusion length. ``ballistic_delta_J_M`` is the same junction between
    reservoirs, at the same current. ``field_like`` is the response to potentials measured from the electrostatic
    potential in the middle of the junction, without the equilibrium exchange.

    **Validity**: linear response; specular interface, isotropic occupation of k∥ in the magnets; transverse spin
    absorbed at the interface. See `kwant_spinjunc.theory.interface.sharvin_corrected`, `drift_diffusion.match`.
    Source: the paper, equations (5) to (12).

    Examples
    --------
    >>> import numpy as np
    >>> import kwant_spinjunc as sj
    >>> from kwant_spinjunc.magnets.multiscale import cobalt
    >>> def valve(theta=0.0):
    ...     iron = dict(onsite=5.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
    ...     copper = sj.normal_metal(onsite=4.2, hopping=1.0, in_plane_hopping=1.0, thickness=5)
    ...     return sj.Junction(sj.ferromagnet(**iron), [copper], sj.ferromagnet(**iron, m=sj.unit_vector(theta)))
    >>> data = multiscale(valve, cobalt(), lattice_constant=0.25, theta=np.linspace(0, np.pi, 5))
    >>> data.delta_J_M.dims, data.delta_J_M.attrs["units"], bool(data.delta_J_M[2] > 0)
    (('theta',), 'A/m^2', True)
    """
    right = left if right is None else right
    for name, material in (("left", left), ("right", right)):
        instance(name, material, Material, "Use `cobalt()`.")
    a, J = positive("lattice_constant", lattice_constant), finite("current_density", current_density)
    if J == 0:
        raise ArgumentError("Argument `current_density` must not be zero: everything is proportional to it.")
    taken = ("left", "right", "lattice_constant", "current_density", "energy", "k", "transport", "rtol")
    check_family(family, taken)
    choice("transport", transport, ("coherent", "diffuse"))
    swept, fixed = split_axes(axes)
    parameters = inspect.signature(family).parameters
    if turned_by is not None and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        choice("turned_by", turned_by, parameters.keys(), "Use None for a family that cannot be made parallel.")
    solver = _Solver(left, right, a, J, finite("energy", energy), k, transport, rtol)
    facts = provenance(
        title=f"multiscale run of {getattr(family, '__name__', 'family')}",
        **facts_of(family, swept, fixed),
        left_material=json.dumps(asdict(left), sort_keys=True),
        right_material=json.dumps(asdict(right), sort_keys=True),
        material_units="eV, nm, ps",
        lattice_constant_nm=a,
        current_density_A_per_m2=J,
        energy=solver.energy,
        k=json.dumps(k if k is None or isinstance(k, str) else np.asarray(k, dtype=float).tolist()),
        transport=transport,
        turned_by=json.dumps(turned_by),
        rtol=rtol,
    )
    data = table(VARIABLES, swept, facts, units=units_of(family))
    parallel: dict[tuple[int, ...], float] = {}
    for index, values in points_of(swept):
        found = solver.observe(call_family(family, **fixed, **values))
        others = tuple(i for name, i in zip(swept, index, strict=True) if name != turned_by)
        if turned_by and others not in parallel:
            parallel[others] = solver.parallel_resistance(call_family(family, **{**fixed, **values, turned_by: 0.0}))
        if parallel.get(others, 0.0) > 0:
            found["magnetoresistance"] = found["resistance_area"] / parallel[others] - 1
        for name, value in found.items():
            data[name].values[index] = value
    return data


Contacts = tuple[InterfaceParameters, InterfaceParameters] | None


@dataclass(frozen=True)
class _Solver:
    """One point: scattering, matching, conversion."""

    left: Material
    right: Material
    lattice_constant: float
    current_density: float
    energy: float
    k: Any
    transport: str
    rtol: float

    def _solve(self, junction: Junction) -> tuple[Interface, Contacts]:
        asked: dict[str, Any] = {"energy": self.energy, "k": self.k, "rtol": self.rtol}
        return solve_interface(junction, **asked), mixing_conductances(junction, **asked)

    def observe(self, junction: Junction) -> dict[str, Any]:
        """Return the variables of one junction."""
        found, mixing = self._solve(junction)
        response = self._response(found, mixing)
        solution = self._match(response, found.m)
        microscopic = self._microscopic(found, response, mixing)
        return microscopic | self._macroscopic(solution) | self._torques(found, solution)

    def parallel_resistance(self, junction: Junction) -> float:
        """Return the resistance-area product of the parallel reference, 0 for an ideal contact."""
        found, mixing = self._solve(junction)
        if found.angle > 1e-9:
            raise ArgumentError(
                f"Argument `turned_by` must name the parameter that is 0 for parallel magnets, but there the angle is "
                f"{np.degrees(found.angle):.4g} degrees."
            )
        try:
            response = self._response(found, mixing)
        except ArgumentError:  # nothing is reflected: an ideal contact has no conductance between metals
            return 0.0
        return float(self._match(response, found.m).resistance * _OHM_SQUARE_MICROMETER)

    def _response(self, found: Interface, mixing: Contacts) -> InterfaceResponse:
        """Return the coefficients of (5), (6) per area, 1/(eV nm² ps), that diffusion is matched to."""
        area = self.lattice_constant**2
        if self.transport == "coherent":
            return drift_diffusion.per_area(interface.response_of(found.between_metals), area)
        if mixing is None:
            raise ArgumentError(
                "Argument `transport` must be \"coherent\" for this junction, but is 'diffuse' and no channel of its "
                "spacer is open."
            )
        try:
            scale, contacts = LANDAUER / area, [contact.contact(diffusive=True) for contact in mixing]
        except ArgumentError as error:
            raise ArgumentError(
                "Argument `transport` must be \"coherent\" for this junction, but is 'diffuse' and one spin enters a "
                "magnet without any resistance."
            ) from error
        return drift_diffusion.node_interface(
            *found.m,
            *(scale * np.array([contact.majority, contact.minority]) for contact in contacts),
            *(scale * contact.mixing for contact in contacts),
        )

    def _match(self, response: InterfaceResponse, m: Floats) -> Matching:
        current = self.current_density * AMPERE_PER_SQUARE_METER
        return drift_diffusion.match(self.left, self.right, response, m_left=m[0], m_right=m[1], current=current)

    def _microscopic(self, found: Interface, response: InterfaceResponse, mixing: Contacts) -> dict[str, Any]:
        bare = found.bare
        J, J_L, J_R = interface.interface_currents(bare, 0.5, -0.5)
        difference = tunnelling.vector_difference(J_L, J_R, *found.m)
        G = np.sum(response.charge_1)
        per_cell = np.nan if mixing is None else np.array([contact.mixing for contact in mixing])
        mixed = per_cell * conductance_per_area(1.0, self.lattice_constant)
        return {
            "conductance_matrix": found.conductance,
            "modes": found.modes,
            "r_left": np.stack([response.left_1, response.left_2]) / AMPERE_PER_SQUARE_METER,
            "r_right": np.stack([response.right_1, response.right_2]) / AMPERE_PER_SQUARE_METER,
            "mixing_real": np.real(mixed),
            "mixing_imag": np.imag(mixed) if mixing is not None else np.nan,
            "conductance_ratio": [G * np.sqrt(p.D * p.tau) / p.sigma for p in (self.left, self.right)],
            "ballistic_delta_J_M": np.linalg.norm(difference) / J * abs(self.current_density),
            "angle": found.angle,
        }

    def _macroscopic(self, solution: Matching) -> dict[str, Any]:
        along = np.einsum("si,si->s", solution.magnetization_sheet, solution.m)
        return {
            "magnetization_current": solution.J_M / AMPERE_PER_SQUARE_METER,
            "delta_J_M": solution.delta_J_M_length / AMPERE_PER_SQUARE_METER,
            "delta_J_M_vector": solution.delta_J_M / AMPERE_PER_SQUARE_METER,
            "accumulation": solution.delta / constants.milli,
            "accumulated_moment": along,
            "resistance_area": solution.resistance * _OHM_SQUARE_MICROMETER,
        }

    def _torques(self, found: Interface, solution: Matching) -> dict[str, Any]:
        """Return the torques: in plane from J_M (Slonczewski's relations), out of plane from the spin current."""
        to_flux = self.lattice_constant**2 / LANDAUER  # 1/(nm² ps) -> (e²/h)·V per cell
        J = float(solution.current) * to_flux
        J_M = solution.J_M * to_flux
        in_plane = np.array(tunnelling.in_plane_torques(J_M[0], J_M[1], found.angle))
        variables = {
            "damping_like": torque_per_area(in_plane, self.lattice_constant),
            "torque_efficiency": in_plane / J,
        }
        if self.transport == "diffuse":
            return variables  # circuit theory keeps no spin current between the contacts to resolve
        Q = self._spacer_current(found, solution)
        normal = np.cross(*found.m)
        sine = np.linalg.norm(normal)
        out = float(Q @ normal / sine) if sine > 1e-12 else 0.0
        variables["field_like"] = torque_per_area(np.array([-out, out]), self.lattice_constant)
        variables["spin_defect"] = abs(found.m @ Q - J_M).max() / abs(J)
        return variables

    def _spacer_current(self, found: Interface, solution: Matching) -> Floats:
        """Return the spin flux through the spacer in (e²/h)·V per cell, from the electrons that arrive at it."""
        current = np.einsum("asbt,bt->as", found.between_metals, solution.mu)
        N = found.modes
        # µ of diffusion is the mean of arriving and leaving electrons; they differ by I/N.
        arriving = solution.mu + np.where(N > 0, current / (2 * np.where(N > 0, N, 1.0)), 0.0)
        return np.asarray(np.einsum("as,asi->i", arriving, found.spin_current))
