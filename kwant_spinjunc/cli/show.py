"""`spinjunc show`: draw a junction, a device or a store."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..model.junction import Junction
from .options import add_shared, check_figure, refuse_for_device, refuse_overwriting, save_figure, system_of
from .values import number, wave_vector

EXAMPLE = "spinjunc show systems/tunnel_junction.py --set theta=60deg --energy 0 -o junction.png"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_shared(parser, "k", file="a Junction or Device", k="")
    parser.add_argument("-o", "--output", metavar="FIGURE", help="default: FILE.png in the current folder")
    parser.add_argument("--energy", type=number, help="draw a line at this energy")


def _show_store(options: argparse.Namespace) -> int:
    """Print the averages of an ensemble's store, what it is of, and draw the distribution."""
    from ..plot.figures import plot_ensemble
    from ..runs.ensemble import open_ensemble

    refuse_overwriting(options)
    if options.output:
        check_figure(options.output)
    with open_ensemble(options.file) as result:
        print(result)
        print("of:")
        for name, value in result.store.identity.items():
            if name == "junction":
                print(f"  left lead: {_words(value['left'])}")
                for n, layer in enumerate(value["layers"]):
                    print(f"  layer {n}: {_words(layer)}")
                print(f"  right lead: {_words(value['right'])}")
            elif name != "quantities":
                print(f"  {name}: {value}")
        for name, value in (result.store.fact("provenance") or {}).items():
            print(f"  made with {name} {value}")
        if options.output:
            save_figure(plot_ensemble(result), options.output)
    return 0


def _words(layer: dict[str, Any]) -> str:
    parts = [f"{key} {value}" for key, value in layer.items() if key not in ("type", "disorder") and value is not None]
    for disorder in layer.get("disorder", []):
        inner = ", ".join(f"{key}={value}" for key, value in disorder.items() if key != "type")
        parts.append(f"{disorder['type']}({inner})")
    return ", ".join(parts)


def _show_device(device: Any, title: str, energy: float | None, k: str | None, output: str) -> int:
    """Print what a `Device` consists of and draw it."""
    from ..devices.spin_operators import norbs_of
    from ..plot.devices import plot_system

    refuse_for_device(k=k)
    system = device.system
    orbitals = sum(norbs_of(site.family) for site in system.sites)
    print(f"{title}: {len(system.sites)} sites, {orbitals} orbitals, {len(system.leads)} leads")
    for lead, (interface, _) in enumerate(zip(system.lead_interfaces, system.leads, strict=True)):
        m = device.magnetizations.get(lead)
        axis = "its exchange field, else z" if m is None else f"({', '.join(f'{x:.4g}' for x in np.asarray(m) + 0.0)})"
        print(f"  lead {lead}: joined to {len(interface)} sites, spin along {axis}")
    for cut in device.cuts:
        print(f"  cut {cut}: {len(device.cut(cut).hoppings)} hoppings")
    for magnet in device.magnets:
        print(f"  magnet {magnet}: {len(device.magnet(magnet))} sites")
    save_figure(plot_system(device, energy), output)
    return 0


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..model.plane import band_shift
    from ..plot.figures import plot_junction
    from ..runs.store import is_store

    if is_store(options.file):
        return _show_store(options)
    junction, title = system_of(options)
    output = options.output or f"{Path(options.file).stem}.png"
    check_figure(output)
    if not isinstance(junction, Junction):
        return _show_device(junction, title, options.energy, options.k, output)
    k = wave_vector(options.k)
    if isinstance(k, str):
        raise ArgumentError("Argument `--k` must be one wave vector to draw bands, but is 'average'. Use kx,kz.")
    print(f"{title}: {junction}")
    print(f"  bands at k = {k or 'Γ'}  {junction.describe_bands(float(band_shift(k)))}")
    save_figure(plot_junction(junction, options.energy, k), output)
    return 0
