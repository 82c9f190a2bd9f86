"""Quantities of results: what each is called, its axes and its unit, said once, and the dataset they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from .checks import is_angle

if TYPE_CHECKING:
    import xarray as xr

#: Labels of the axes that results have of themselves.
LABELS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("lead", "lead_in", "lead_out", "magnet"), ("left", "right")),
    **dict.fromkeys(("spin", "spin_in", "spin_out", "spin_left", "spin_right"), ("majority", "minority")),
    "axis": ("x", "y", "z"),
    "component": ("charge", "x", "y", "z"),
    "side": ("front", "back"),
}


#: Attributes of such axes that are numbers.
OWN_AXES = {
    "turn": {"units": "rad", "long_name": "angle by which spins behind the cut are turned"},
    "direction": {"units": "rad", "long_name": "angle between the magnets"},
    "quantile": {"units": "1", "long_name": "fraction below"},
}
#: Axes of what leads and spins pass to each other, and of a conductance between leads, which may be many.
CHANNELS, LEADS = ("lead_out", "spin_out", "lead_in", "spin_in"), ("lead_out", "lead_in")
#: Endings and axes of what is summed over the spins that come in, and of what is not.
BY_SPIN: tuple[tuple[str, tuple[str, ...]], ...] = (("", ()), ("_by_spin", ("spin_in",)))
#: First and last axis of each of these, and its words.
PER_FLUX = {
    "flux": ("cut", "component", "flux of charge and Pauli spin through a cut per unit incoming flux"),
    "exchange_torque": ("magnet", "axis", "exchange torque per unit incoming flux, as Pauli-spin flux"),
    "spin_orbit_torque": ("magnet", "axis", "spin-orbit torque per unit incoming flux, as Pauli-spin flux"),
    "total_torque": ("magnet", "axis", "total torque per unit incoming flux, as Pauli-spin flux"),
    "side_torque": ("side", "axis", "torque on a side per unit incoming flux, as Pauli-spin flux"),
}


@dataclass(frozen=True)
class Quantity:
    """What a quantity of a result is."""

    dims: tuple[str, ...]  #: Its own axes, behind the swept ones.
    units: str  #: ``{flux}`` stands for that of a current per bias, or at a bias.
    long_name: str  #: In words.


#: Every quantity of results, sweeps, maps and ensembles by its name.
QUANTITIES: dict[str, Quantity] = {
    "probabilities": Quantity(CHANNELS, "1", "scattering probability summed over modes"),
    "transmissions": Quantity(("spin_left", "spin_right"), "1", "T_ss' from left to right"),
    "modes": Quantity(("lead", "spin"), "1", "open channels"),
    "conductance": Quantity((), "{flux}", "conductance"),
    "tmr": Quantity((), "1", "magnetoresistance (G_P - G_AP)/G_AP, whatever the angle"),
    "current": Quantity((), "{flux}", "charge (particle) current"),
    "magnetization_current": Quantity(("lead",), "{flux}", "magnetization current along each lead's own m"),
    "spin_current": Quantity(("axis",), "{flux}", "Pauli-spin current through the spacer"),
    "damping_like": Quantity(("magnet",), "{torque}", "damping-like torque"),
    "field_like": Quantity(("magnet",), "{torque}", "field-like torque"),
    "equilibrium_field_like": Quantity(("magnet",), "{torque}", "field-like torque of the occupied states"),
    "error": Quantity((), "{flux}", "estimated absolute error of the bias window"),
    "equilibrium_error": Quantity((), "{flux}", "estimated absolute error of the torque of the occupied states"),
    "conductance_matrix": Quantity(
        CHANNELS, "e^2/h per cell", "conductance matrix between reservoirs, current into the interface"
    ),
    "r_left": Quantity(("lead", "spin"), "S/m^2", "effective coefficients r^L_1s (left), r^L_2s (right) of (5)"),
    "r_right": Quantity(("lead", "spin"), "S/m^2", "effective coefficients r^R_1s (left), r^R_2s (right) of (6)"),
    "mixing_real": Quantity(("magnet",), "S/m^2", "real part of the spin-mixing conductance of spacer and magnet"),
    "mixing_imag": Quantity(("magnet",), "S/m^2", "imaginary part of the spin-mixing conductance of spacer and magnet"),
    "conductance_ratio": Quantity(("lead",), "1", "xi of equation (12) with each side's metal"),
    "delta_J_M": Quantity((), "{flux}", "length of J_M^L m_L - J_M^R m_R"),
    "delta_J_M_vector": Quantity(("axis",), "{flux}", "J_M^L m_L - J_M^R m_R"),
    "ballistic_delta_J_M": Quantity((), "{flux}", "delta_J_M between reservoirs without spin accumulation"),
    "accumulation": Quantity(("lead",), "meV", "spin accumulation (mu_+ - mu_-)/2 at the faces"),
    "accumulated_moment": Quantity(("lead",), "mu_B/nm^2", "moment accumulated in each magnet"),
    "resistance_area": Quantity((), "ohm um^2", "resistance of interface and spin accumulation times area"),
    "magnetoresistance": Quantity((), "1", "resistance_area over its value at parallel magnets, minus 1"),
    "torque_efficiency": Quantity(("magnet",), "hbar/2e", "damping-like torque per charge current"),
    "spin_defect": Quantity((), "1", "difference of spin current through the spacer and J_M, per charge current"),
    "spin_mixing": Quantity(("lead",), "1", "how far the modes of a lead are from definite spin"),
    "magnetization": Quantity(("lead", "axis"), "1", "direction of the majority spin of a lead"),
    **{
        name + ending: Quantity((place, "lead_in", *spins, component), "1", words)
        for name, (place, component, words) in PER_FLUX.items()
        for ending, spins in BY_SPIN
    },
    "k_error": Quantity(CHANNELS, "1", "estimated absolute error of averaged probabilities"),
    "angle": Quantity((), "rad", "angle between the magnets"),
    "unitarity_defect": Quantity((), "1", "largest element of S†S - 1"),
    "continuity_defect": Quantity((), "1", "largest violation of charge and spin continuity per unit flux"),
    "bond_currents": Quantity(
        ("lead_in", "spin_in", "bond", "component"),
        "1",
        "charge and Pauli-spin flux of a bond per unit incoming flux, summed over incoming modes",
    ),
    "layer_torques": Quantity(
        ("lead_in", "spin_in", "plane", "axis"),
        "1",
        "torque on a plane per unit incoming flux, summed over incoming modes",
    ),
    "densities": Quantity(
        ("lead_in", "spin_in", "plane", "component"),
        "hbar per energy",
        "particle and Pauli-spin density of a plane, summed over incoming modes",
    ),
    "transmission": Quantity((), "1", "mean tunnelling factor of the channels that carry the current"),
    "decay": Quantity((), "1", "decay exp(-2κd) of the spacer for the channels that carry the current"),
    "round_trip": Quantity((), "1", "|z|, spin contrast of a round trip, of the channels that carry the current"),
    "factorization_defect": Quantity((), "1", "|D++ D-- / (D+- D-+) - 1| of the collinear data"),
}


def quantities(
    names: Iterable[str] | str, flux: str, suffix: str = "", *, torque: str | None = None
) -> dict[str, Quantity]:
    """Return quantities with the units of currents and torques filled in, and a suffix to the words of those.

    Without a unit of its own a torque is the Pauli-spin flux it takes up.
    """
    found = {}
    for name in names.split() if isinstance(names, str) else names:
        q = QUANTITIES[name]
        words = ", as Pauli-spin flux" * ("{torque}" in q.units and torque is None) + suffix * ("{" in q.units)
        found[name] = Quantity(q.dims, q.units.format(flux=flux, torque=torque or flux), q.long_name + words)
    return found


def attributes(quantity: Quantity) -> dict[str, str]:
    """Return ``units`` and ``long_name`` as a variable of a dataset has them."""
    return {"units": quantity.units, "long_name": quantity.long_name}


def axis_attributes(name: str, units: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return ``units`` and ``long_name`` of a swept parameter, with the units that its family declares."""
    if name in OWN_AXES:
        return OWN_AXES[name]
    words = name.replace("_", " ")
    if units and units.get(name):
        return {"units": units[name], "long_name": words}
    if is_angle(name):
        return {"units": "rad", "long_name": name if name == "angle" else f"angle {name}"}
    known = {
        **dict.fromkeys(("energy", "bias"), "unit of the hopping"),
        **dict.fromkeys(("thickness", "spacer", "buffer"), "planes"),
        "concentration": "1",
    }
    return {"units": known.get(name, "unit of the family"), "long_name": words}


def dataset(
    schema: Mapping[str, Quantity],
    values: Mapping[str, Any],
    axes: Mapping[str, NDArray[Any]],
    facts: Mapping[str, Any],
    labels: Mapping[str, Sequence[Any]] = LABELS,
    units: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Return an `xarray.Dataset` over swept axes; an axis that is a single number becomes a scalar coordinate.

    ``labels``: of the quantities' own axes; those that are not in it have none.
    """
    import xarray as xr

    swept = tuple(name for name, array in axes.items() if array.ndim)
    variables = {name: xr.Variable((*swept, *q.dims), values[name], attributes(q)) for name, q in schema.items()}
    used = sorted({dim for quantity in schema.values() for dim in quantity.dims if dim in labels})
    coords: dict[str, Any] = {dim: (dim, list(labels[dim]), OWN_AXES.get(dim, {})) for dim in used}
    coords |= {n: xr.Variable((n,) if v.ndim else (), v, axis_attributes(n, units)) for n, v in axes.items()}
    return xr.Dataset(variables, coords, facts)
