"""Figures of any Kwant system: what a `Device` is made of, and the torques in it against a coordinate.

`plot_device` draws maps on the lattice of a two-dimensional system.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..checks import choice, index, instance, refusal
from ..devices.device import Device
from ..devices.result import DeviceScattering
from ..devices.solve import is_transparent
from ..devices.spin_channels import lead_axis
from ..devices.spin_operators import SpinOperator
from ..errors import ArgumentError
from .figures import BESIDE, COLORS, FERMI, NOISE, new_figure, styled

#: Colors of the magnets in the order they are named, then again from the first.
MAGNETS = (COLORS["left"], COLORS["right"], COLORS["damping_like"], COLORS["field_like"])
#: Color of what is of no matter.
PALE = "#d0d7de"
#: How far eigenstates of equal energy are split to tell their spins, relative to the band width.
SPLIT = 1e-9
#: Expectation value of m·S above which a state is drawn in the color of its spin.
DEFINITE = 0.99


@styled
def plot_system(device: Device, energy: float | None = None) -> Figure:
    """Draw the sites of a device with its magnets and cuts, and the bands of its leads.

    ``device``: what to draw, with one to three coordinates a site.
    ``energy``: marked by a line in the bands, if given.
    """
    system = device.system
    transform, names = _projection(_positions(device))
    positions: NDArray[np.float64] = np.array([transform(site.pos) for site in system.sites])
    bands = [lead for lead in range(len(system.leads)) if is_transparent(system.leads[lead])]
    tall = np.ptp(positions[:, 1]) > 0.4 * np.ptp(positions[:, 0])
    heights = (3.0 if tall else 1.8, 2.6)
    figure = Figure(figsize=(6.4, sum(heights[: 1 + bool(bands)]) + 0.6), layout="constrained")
    grid = figure.add_gridspec(1 + bool(bands), max(len(bands), 1), height_ratios=heights[: 1 + bool(bands)])
    axes = figure.add_subplot(grid[0, :])

    colors = np.full(len(positions), COLORS["muted"])
    for number, name in enumerate(device.magnets):
        color = MAGNETS[number % len(MAGNETS)]
        colors[device.magnet(name)] = color
        axes.plot([], [], "o", color=color, label=f"magnet {name}")
    style = {"site_size": 0.25, "site_lw": 0.0, "hop_lw": 0.04, "lead_color": PALE, "lead_site_lw": 0.0}
    where = {"pos_transform": transform, "ax": axes, "show": False}
    _plotter().plot(system, num_lead_cells=2, unit="nn", site_color=list(colors), **style, **where)
    outline = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    for number, name in enumerate(device.cuts):
        hoppings = device.cut(name).hoppings
        for ends in positions[hoppings]:
            axes.plot(*ends.T, color="black", linewidth=2.0)
        # neighboring names at different heights
        x, y = positions[hoppings].mean(axis=(0, 1))
        y += (0.25, -0.25)[number % 2] * np.ptp(positions[hoppings][..., 1])
        axes.text(x, y, name, ha="center", va="center", path_effects=outline, zorder=10)
    if device.cuts:
        axes.plot([], [], color="black", linewidth=2.0, label="cuts")
    if device.cuts or device.magnets:
        axes.legend(**BESIDE)
    axes.set(xlabel=names[0], ylabel=names[1], aspect="equal")

    first: Any = None
    drawn: set[str] = set()
    for panel, lead in enumerate(bands):
        panel_axes = figure.add_subplot(grid[1, panel], sharey=first)
        first = first or panel_axes
        drawn |= _draw_lead_bands(panel_axes, device, lead)
        if energy is not None:
            panel_axes.axhline(energy, **FERMI)
    if first is not None:
        first.set_ylabel(f"energy ({device.unit or 'unit of the hopping'})")
        spins = [spin for spin in ("majority", "minority") if spin in drawn]
        handles = [Line2D([], [], marker="o", ls="", color=COLORS[spin]) for spin in spins]
        if handles:
            panel_axes.legend(handles, spins, **BESIDE)
    return figure


def _projection(positions: NDArray[np.float64]) -> tuple[Callable[[Any], Any], tuple[str, str]]:
    """Return the way positions are drawn: the longest axis to the right, a third coordinate obliquely behind."""
    longest = int(np.argmax(np.ptp(positions, axis=0)))
    others = [i for i in range(positions.shape[1]) if i != longest]
    paper = np.zeros((2, positions.shape[1]))
    paper[:, [longest, *others]] = np.array([[1.0, 0.0, 0.3], [0.0, 1.0, 0.35]])[:, : len(others) + 1]
    upward = ", ".join("xyz"[i] for i in others) + " behind" * (len(others) > 1)
    return lambda position: paper @ position, ("xyz"[longest], upward)


def _plotter() -> Any:
    """Return `kwant.plotter`, which warns when it is imported without plotly: Matplotlib is all that is needed here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="plotly is not available", category=RuntimeWarning)
        import kwant.plotter

        kwant.plotter.get_engine()  # loads what warns
    return kwant.plotter


def _positions(device: Device) -> NDArray[np.float64]:
    """Return the coordinates of all sites, shape (sites, 1 to 3)."""
    positions: list[Any] = [np.atleast_1d(getattr(site, "pos", ())) for site in device.system.sites]
    dimensions = {len(position) for position in positions}
    if len(dimensions) != 1 or not dimensions <= {1, 2, 3}:
        raise refusal("device", "have one to three coordinates a site to be drawn", f"has {sorted(dimensions)}")
    return np.array(positions)


def _draw_lead_bands(axes: Any, device: Device, lead: int) -> set[str]:
    """Draw E(k) of one lead, states of definite spin along its m in the colors of majority and minority; return which.

    States of no definite spin are gray.
    """
    built = device.system.leads[lead]
    params = dict(device.params)
    H0, V = built.cell_hamiltonian(params=params), built.inter_cell_hopping(params=params)
    V = np.hstack([V, np.zeros((len(H0), len(H0) - V.shape[1]))])
    along = _along(device, lead, len(H0))
    momenta = np.linspace(-np.pi, np.pi, 101)
    width = max(float(abs(H0).max() + 2 * abs(V).max()), 1e-300)
    energies, spins = np.empty((2, len(momenta), len(H0)))
    for i, k in enumerate(momenta):
        H = H0 + V * np.exp(-1j * k) + V.conj().T * np.exp(1j * k)
        values, states = np.linalg.eigh(H if along is None else H - SPLIT * width * along)
        energies[i] = values
        spins[i] = 0.0 if along is None else np.einsum("ai,ab,bi->i", states.conj(), along, states).real
    k = np.broadcast_to(momenta[:, None] / np.pi, energies.shape)
    # minority states are drawn smaller and above, so that both are seen where they are degenerate
    kinds = {"muted": abs(spins) < DEFINITE, "majority": spins >= DEFINITE, "minority": spins <= -DEFINITE}
    for color, chosen in kinds.items():
        axes.plot(k[chosen], energies[chosen], ".", markersize=1.2 if color == "minority" else 3.5, color=COLORS[color])
    axes.set(title=f"lead {lead}", xlabel=r"$k/\pi$", xticks=[-1, 0, 1])
    return {kind for kind, chosen in kinds.items() if chosen.any()}


def _along(device: Device, lead: int, orbitals: int) -> Any:
    """Return m·S of a lead's unit cell, None where the sites have no spin."""
    spin: SpinOperator | None = device.spin_operator()
    if spin is None:
        return None
    built = device.system.leads[lead]
    m = lead_axis(device.system, lead, spin, device.magnetizations.get(lead), dict(device.params))
    blocks = spin.block_diagonal(list(built.sites[: built.cell_size]))
    along = sum(component * block for component, block in zip(m, blocks, strict=True)).toarray()
    return along if len(along) == orbitals else None


@styled
def plot_torques(scattering: DeviceScattering, lead_in: int = 0) -> Figure:
    """Draw the torques on the named magnets along the current, exchange and spin-orbit parts side by side.

    ``scattering``: a live result whose device names magnets.
    ``lead_in``: lead that the electrons come from, all its channels.

    **Result**: Torques are summed over the sites of equal coordinate, the one along which the system is longest. The
    panel of the lattice is left out where there is no spin-orbit torque.
    """
    device = scattering.device
    if device is None or not device.magnets:
        raise ArgumentError("Argument `scattering` must be live and its device must name magnets, but it has none.")
    lead_in = index("lead_in", lead_in, len(scattering.channels))
    positions = _positions(device)
    longest = int(np.argmax(np.ptp(positions, axis=0)))
    torques = {name: scattering.torque(name) for name in device.magnets}
    parts = {"exchange": "torque on the magnetization"}
    if any(torque.undivided for torque in torques.values()):
        parts = {"torque": "torque"}  # on the magnetization and on the lattice, which cannot be told apart
    elif any(abs(torque.site_spin_orbit).max() > NOISE for torque in torques.values()):
        parts["spin_orbit"] = "torque on the lattice (spin-orbit)"
    width = 3.6 + 2.8 * (len(parts) - 1)
    figure, [panels] = new_figure(1, len(parts), width=width, height=3.2, sharey=True, squeeze=False)
    for axes, (part, title) in zip(panels, parts.items(), strict=True):
        for number, (name, torque) in enumerate(torques.items()):
            planes, member = np.unique(positions[torque.sites, longest].round(6), return_inverse=True)
            sums = np.zeros((len(planes), 3))
            np.add.at(sums, member, getattr(torque, f"site_{part}")[lead_in])
            for component, label in enumerate("xyz"):
                axes.plot(planes, sums[:, component], "o-", color=COLORS[label], label=None if number else label)
            axes.axvspan(planes[0] - 0.4, planes[-1] + 0.4, color=MAGNETS[number % len(MAGNETS)], alpha=0.08, lw=0)
            middle = (planes[0] + planes[-1]) / 2
            axes.annotate(name, (middle, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom")
        axes.axhline(0.0, color="black", linewidth=0.6)
        axes.set_title(title, pad=16)
        axes.set_xlabel("xyz"[longest])
    panels[0].set_ylabel(f"per plane (ħ/2), from lead {lead_in}")
    panels[0].ticklabel_format(axis="y", style="sci", scilimits=(-2, 4), useMathText=True)
    panels[-1].legend(**BESIDE)
    return figure


@styled
def plot_device(
    scattering: DeviceScattering, magnet: Any = None, *, quantity: str = "charge", lead_in: int = 0, axis: str = "z"
) -> Figure:
    """Draw a flux on the lattice of any Kwant system, and the torque on a magnet in it, with `kwant.plotter`.

    ``scattering``: a live result of `scatter` for a two-dimensional Kwant system or a `Device`.
    ``magnet``: name of a magnet, a list of sites or a function of a site; None draws the flux alone.
    ``quantity``: ``"charge"``, ``"x"``, ``"y"`` or ``"z"``: whose flux is drawn.
    ``lead_in``: lead that the electrons come from, all its channels.
    ``axis``: component of the torque, ``"x"``, ``"y"`` or ``"z"``.
    """
    import kwant.plotter

    instance("scattering", scattering, DeviceScattering, "For a junction use plot_layers.")
    choice("axis", axis, "xyz")
    system = scattering.system
    positions = np.array([site.pos for site in system.sites])
    if positions.shape[1] != 2:
        raise ArgumentError(
            f"Argument `scattering` must be of a two-dimensional system, but its sites have {positions.shape[1]} "
            "coordinates. Draw spin_current and torque against a coordinate."
        )
    flux = scattering.on_lattice(quantity, lead_in)
    panels = 1 if magnet is None else 2
    tall = bool(np.ptp(positions[:, 1]) > np.ptp(positions[:, 0]))  # panels side by side
    grid, (width, height) = ((1, panels), (3.2 * panels, 4.8)) if tall else ((panels, 1), (6.4, 3.0 * panels))
    figure, rows = new_figure(*grid, width=width, height=height, squeeze=False)
    rows = rows.ravel()
    field, box = kwant.plotter.interpolate_current(system, flux, relwidth=0.08)
    kwant.plotter.streamplot(field, box, ax=rows[0], show=False, colorbar=False, linecolor="#24292f", max_linewidth=2)
    what = "charge" if quantity == "charge" else f"spin {quantity}"
    rows[0].set_title(f"Flux of {what}, incoming from lead {lead_in}", loc="left")
    if magnet is not None:
        torque = scattering.torque(magnet)
        total = torque.site_total[lead_in, :, "xyz".index(axis)]
        scale = float(abs(total).max())
        if scale < NOISE:
            largest = abs(torque.site_exchange + torque.site_spin_orbit)[lead_in].max(axis=0)
            others = [c for c, size in zip("xyz", largest, strict=True) if size > NOISE]
            way_out = f"Draw {' or '.join(others)}" if others else "There is none along any axis"
            raise ArgumentError(
                f"Argument `axis` must be one along which there is a torque, but along {axis!r} it is {scale:.1g} at "
                f"most, rounding. {way_out}."
            )
        values, sizes = np.zeros(len(positions)), np.full(len(positions), 0.12)
        values[torque.sites], sizes[torque.sites] = total, 0.42
        style = {"site_lw": 0.0, "hop_color": PALE, "hop_lw": 0.04, "cmap": "PuOr", "colorbar": False}
        sites = {"site_color": values, "site_size": sizes}
        kwant.plotter.plot(system, num_lead_cells=0, **sites, **style, ax=rows[1], show=False)
        for collection in rows[1].collections:
            if collection.get_array() is not None:
                collection.set_clim(-scale, scale)
        colors, label = mpl.cm.ScalarMappable(mpl.colors.Normalize(-scale, scale), "PuOr"), "(ħ/2 per unit flux)"
        figure.colorbar(colors, ax=rows[1], orientation="horizontal", shrink=0.5, label=f"torque, {axis} {label}")
        rows[1].set_title(f"Torque on {magnet if isinstance(magnet, str) else 'the sites'}", loc="left")
    (left, low), (right, high) = positions.min(axis=0) - 0.8, positions.max(axis=0) + 0.8
    for axes in rows:
        axes.set(aspect="equal", xlim=(left, right), ylim=(low, high), xlabel="x", ylabel="y")
    return figure
