"""One interface and one barrier: its conductances from its scattering, its decay from its thickness."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import Floats, Side
from ...checks import finite, index, integer, is_average
from ...errors import ArgumentError, NoOpenChannelError
from ...model.junction import Junction
from ...model.plane import band_shift
from ...scattering import scatter_quietly as scatter
from ...theory import circuit
from ...transport.interface import contact_conductances
from .fits import Estimate, Fit, least_squares_fit, standard_error
from .response import side_index


@dataclass(frozen=True, eq=False)
class DecayConstant:
    """κ_eff of G ∝ e^{-2κd}, from the conductance against the thickness of the spacer."""

    #: kappa in 1/a (per plane) and log_prefactor = ln G extrapolated to d = 0; the residual is that of ln G, i.e. the
    #: largest relative misfit of G, so that oscillations with the thickness show.
    fit: Fit
    planes: NDArray[np.int64]  #: Thicknesses in planes.
    conductance: Floats  #: e²/h per cell.

    @property
    def kappa(self) -> float:
        """κ_eff in 1/a."""
        return float(self.fit["kappa"])


def decay_constant(
    junction: Junction, energy: float = 0.0, k: Any = None, *, layer: int | None = None, steps: int = 4
) -> DecayConstant:
    """Return κ_eff from the thickness dependence of the conductance at the junction's own angle.

    ``junction``: the thinnest junction.
    ``energy``, ``k``: as in `scatter`, ``k="average"`` included: the average decays with a κ_eff above that of Γ and
    not quite exponentially, which the residual tells.
    ``layer``: index of the layer in ``junction.layers`` that grows; by default the only nonmagnetic one.
    ``steps``: how many planes are added one by one, at least 2.

    Raises `NoOpenChannelError`: No channel is open.
    """
    steps = integer("steps", steps, 2, "Two show a curvature.")
    if junction.bonds is not None:
        raise ArgumentError("Argument `junction` must have default bonds, but has its own: they do not grow with it.")
    candidates = [n for n, item in enumerate(junction.layers) if not item.is_magnetic]
    if layer is None:
        if len(candidates) != 1:
            raise ArgumentError(
                f"Argument `layer` must be given: {len(candidates)} layers are nonmagnetic. Pass its index in `layers`."
            )
        layer = candidates[0]
    layer = index("layer", layer, len(junction.layers))
    start = junction.layers[layer].thickness
    planes = start + np.arange(steps + 1)
    G = []
    for thickness in planes:
        layers = list(junction.layers)
        layers[layer] = replace(layers[layer], thickness=int(thickness))
        G.append(float(scatter(replace(junction, layers=layers), energy, k, solver="halves").conductance))
    if min(G) <= 0:
        raise ArgumentError("Argument `energy` must give a conductance at every thickness, but it vanishes at some.")
    logarithm = np.log(G)
    columns = np.column_stack([np.ones(len(planes)), -2.0 * planes])
    (offset, kappa), covariance, misfit = least_squares_fit(
        lambda x: columns @ x, logarithm, [logarithm[0], 0.1], lambda _: columns
    )
    estimates = {
        "kappa": Estimate(float(kappa), standard_error(covariance, 0, 1)),
        "log_prefactor": Estimate(float(offset), standard_error(covariance, 1, 0)),
    }
    fit = Fit("ln G = ln G(0) - 2κd", estimates, float(abs(np.expm1(misfit)).max()), "the conductance", len(planes))
    return DecayConstant(fit, planes, np.array(G))


@dataclass(frozen=True, eq=False)
class InterfaceParameters:
    """Conductances of the interface between the spacer's metal and one magnet, from its scattering alone."""

    side: Side  #: "left" or "right".
    #: `majority`, `minority`: G_↑, G_↓ in e²/h per cell, Landauer conductances of each spin.
    majority: float
    minority: float
    #: G_mix = Σ(δ - r_↑ r_↓*) in e²/h per cell, phases of r taken on the spacer plane next to the interface (the plane
    #: of the cut: a shift along the spacer multiplies both r alike and cancels).
    mixing: complex
    #: `modes`, `magnet_modes`: Open channels of the metal and, per spin, of the magnet (fractional for an average).
    modes: float
    magnet_modes: tuple[float, float]
    error: float = 0.0  #: Estimated absolute error of a Brillouin-zone average, 0 without.

    @property
    def spin_asymmetry(self) -> float:
        """(G_↑ - G_↓)/(G_↑ + G_↓)."""
        return float(circuit.polarization([self.majority, self.minority]))

    @property
    def eta(self) -> complex:
        """Relative mixing conductance η = 2 G_mix/(G_↑ + G_↓)."""
        return complex(circuit.relative_mixing([self.majority, self.minority], self.mixing))

    def contact(self, *, diffusive: bool = False) -> circuit.Contact:
        """Return the contact of circuit theory; ``diffusive`` takes off the Sharvin resistances."""
        G, mixing = [self.majority, self.minority], self.mixing
        if diffusive:
            for s, N in enumerate(self.magnet_modes):
                rest = 1 - G[s] * (1 / self.modes + 1 / N) / 2 if G[s] > 0 else 1.0
                if rest <= 1e-12:
                    raise ArgumentError(
                        "Argument `diffusive` must be False for a transparent contact, but was True: nothing is left "
                        "of its resistance."
                    )
                G[s] /= rest
            mixing = complex(circuit.corrected_mixing_conductance(mixing, self.modes))
        return circuit.Contact(G[0], G[1], mixing)

    def __str__(self) -> str:
        return (
            f"{self.side} interface: G_↑ = {self.majority:.6g}, G_↓ = {self.minority:.6g}, G_mix = {self.mixing:.6g} "
            f"e²/h per cell, spin asymmetry {self.spin_asymmetry:.6g}, η = {self.eta:.6g}"
        )


def interface_parameters(
    junction: Junction, side: Side, energy: float = 0.0, k: Any = None, *, rtol: float = 1e-8
) -> InterfaceParameters:
    """Return G_↑, G_↓ and the complex G_mix of the interface between the spacer and one magnet.

    The spacer material at the junction's cut becomes a lead; what lies between it and the magnet's lead is kept.

    ``junction``: with a metallic spacer at its cut.
    ``energy``, ``k``: as in `scatter`; "average" is per unit cell.
    ``rtol``: relative tolerance of an average, and 1e-3 of it in e²/h per cell where a conductance vanishes.
    """
    return _of_contact(_contact(junction, side_index(side)), side, energy, k, rtol)


def both_interfaces(
    junction: Junction, energy: float, k: Any, rtol: float = 1e-8
) -> tuple[InterfaceParameters, InterfaceParameters]:
    """Return `interface_parameters` of both sides; two that are mirror images are solved once."""
    left, right = _contact(junction, 0), _contact(junction, 1)
    found = _of_contact(left, "left", energy, k, rtol)
    return found, replace(found, side="right") if left == right else _of_contact(right, "right", energy, k, rtol)


def spacer_interfaces(junction: Junction, energy: float, k: Any) -> tuple[InterfaceParameters, ...]:
    """Return `both_interfaces`, or none without a metallic spacer: these parameters do not exist then."""
    try:
        return both_interfaces(junction, energy, k)
    except ArgumentError:
        return ()


def _contact(junction: Junction, side: int) -> Junction:
    """Return the metal of the spacer in contact with one magnet, whose axis is turned to z."""
    cut = junction.cut
    if cut is None or junction.is_disordered:
        raise ArgumentError("Argument `junction` must be clean with two collinear halves, but is not.")
    planes, hoppings, magnetic = junction.planes, junction.bond_hoppings, junction.plane_splitting > 0
    # Seen from the spacer: its last plane before the cut and what lies beyond; a cut that touches the other magnet has
    # the spacer's first plane beyond it, which then is the metal and stays in between as well.
    order = list(range(len(planes))) if side else list(range(len(planes)))[::-1]
    place = order.index(cut if side else cut + 1)
    if magnetic[order[place]]:
        place += 1
        beyond = order[place:]
    else:
        beyond = order[place + 1 :]
    if magnetic[order[place]]:
        raise ArgumentError(
            "Argument `junction` must have a nonmagnetic spacer, but is a bare contact of two magnets: it has no "
            "normal metal to define r_↑ and r_↓ in."
        )
    metal_plane = planes[order[place]]
    path = [order[place], *beyond]
    bonds = [
        metal_plane.hopping if here == there else float(hoppings[min(here, there)]) for here, there in pairwise(path)
    ]
    numbers = [(p.onsite, p.t_parallel, p.splitting) for p in (metal_plane, *(planes[n] for n in beyond))]
    while len(beyond) > 1 and numbers[1] == numbers[0] and bonds[0] == metal_plane.hopping:
        beyond, bonds, numbers = beyond[1:], bonds[1:], numbers[1:]  # more of the lead's metal
    m = junction.magnetizations[side]
    # one axis for all labels, so that the metal's channels are the magnet's ↑ and ↓
    half = [replace(planes[n], m=(0.0, 0.0, -1.0 if np.dot(planes[n].m, m) < 0 else 1.0)) for n in beyond]
    metal = replace(metal_plane, m=(0.0, 0.0, 1.0))
    return Junction(metal, half, half[-1], bonds=dict(enumerate(bonds)), buffer=1)


def _of_contact(contact: Junction, side: Side, energy: float, k: Any, rtol: float) -> InterfaceParameters:
    """Return the parameters of a contact of a metal on the left and a magnet along ±z."""
    energy, metal = finite("energy", energy), contact.left
    c = np.array([-2.0, 2.0]) if is_average("k", k) else band_shift(k)
    level = metal.levels(c)[..., 0]
    if not level.min() - 2 * metal.hopping < energy < level.max() + 2 * metal.hopping:
        raise NoOpenChannelError(
            "Argument `junction` must have a metallic spacer for a mixing conductance, but the spacer has no open "
            f"channel at E = {energy:g}. Behind a barrier use the tunnelling polarizations P_L and P_R."
        )
    found = contact_conductances(contact, 0, energy, k, rtol=rtol)
    (up, down), modes = found.conductances.tolist(), found.modes_metal
    if up + down == 0:
        raise NoOpenChannelError(f"No channel of the {side} magnet is open at E = {energy:g}: it is an insulator.")
    N_up, N_down = found.modes_magnet.tolist()
    magnet = (N_down, N_up) if contact.right.m[2] < 0 else (N_up, N_down)
    return InterfaceParameters(side, up, down, found.mixing, modes, magnet, found.error)
