"""`spinjunc run`: solve one junction or device."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import ArgumentError
from ..model.junction import Junction
from .options import AVERAGE, MOMENTA, add_shared, check_figure, refuse_for_device, save_figure, system_of
from .values import wave_vector

#: Planes of a magnetic lead that are drawn at least.
PLANES = 10

EXAMPLE = "spinjunc run systems/tunnel_junction.py --set theta=90deg -o layers.png"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_shared(
        parser, "k energy solver", "a Junction or Device", k=AVERAGE + MOMENTA, solver="kwant; halves for an average"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FIGURE",
        help="linear response by planes, ten of each magnet at least: spin current, torque, cumulated torque; of a "
        "Device its torques or fluxes (png, svg, pdf)",
    )


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..scattering import scatter, scatter_quietly
    from ..transport.linear import linear_response

    if options.output:
        check_figure(options.output)
    junction, _ = system_of(options)
    energy = options.energy or 0.0
    if not isinstance(junction, Junction):
        return _run_device(junction, energy, options)
    k = wave_vector(options.k)
    result = scatter(junction, energy, k, solver=options.solver)
    fields = result.fields  # so that the table shows every defect
    print(result)
    if junction.cut is None:
        print("  texture: no spacer between two collinear halves; torques are resolved by plane only")
    else:
        print(f"At a unit bias, µ_L = -µ_R = 1/2: {linear_response(result, 0.5, -0.5)}")
    if options.output:
        from ..plot.figures import plot_layers

        more = PLANES - junction.buffer if any(lead.is_magnetic for lead in junction.leads) else 0
        if more > 0:
            result = scatter_quietly(junction.padded(more), energy, k, solver=options.solver)
        save_figure(plot_layers(result), options.output)
    return 0 if fields is not None else 1


def _run_device(device: Any, energy: float, options: argparse.Namespace) -> int:
    """Print probabilities, the fluxes through the named cuts and the torques on the named magnets of a `Device`."""
    from ..crystals.scatter import RTOL
    from ..plot.devices import plot_device, plot_torques
    from ..runs.systems import at_momentum
    from ..scattering import scatter

    refuse_for_device(solver=options.solver)
    if options.k is not None:
        if options.output:
            raise ArgumentError("Argument `--output` must be left out for a Kwant system at a k, but is given.")
        print(at_momentum(device, energy, wave_vector(options.k, of_system=True), RTOL))
        return 0
    result = scatter(device, energy)
    rows = {f"flux through {cut}": result.spin_current(cut, total=True) for cut in device.cuts}
    for magnet in device.magnets:
        torque = result.torque(magnet)
        rows |= (
            {f"torque on {magnet}": torque.total}
            if torque.undivided
            else {f"exchange torque on {magnet}": torque.exchange, f"spin-orbit torque on {magnet}": torque.spin_orbit}
        )
    print(result)
    if rows:
        print("  fluxes and torques from each lead, all its channels filled, spin in ħ/2:")
        print(f"    {'':<30}{'charge':>14}{'x':>14}{'y':>14}{'z':>14}")
    for lead in range(len(result.channels)):
        for name, values in rows.items():
            numbers = "".join(f"{0.0 if abs(x) < 1e-14 else x:14.6g}" for x in values[lead])  # rounding noise as 0
            print(f"    lead {lead}: {name:<{78 - len(numbers)}}{numbers}")
    if options.output:  # torques along a wire or chain, or, where no magnet is named, the charge on the lattice
        save_figure(plot_torques(result) if device.magnets else plot_device(result), options.output)
    return 0
