"""`spinjunc run`: solve one junction or device."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import ArgumentError
from ..model.junction import Junction
from .options import (
    add_energy,
    add_family,
    add_k,
    add_solver,
    check_figure,
    family_and_system,
    refuse_for_device,
    save_figure,
)
from .values import wave_vector

#: Planes of a magnetic lead that are drawn at least.
PLANES = 10

EXAMPLE = "spinjunc run systems/tunnel_junction.py --set theta=90deg -o layers.png"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_family(parser, "a Junction or Device")
    add_k(parser)
    add_energy(parser)
    add_solver(parser, "kwant; halves for an average")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FIGURE",
        help="linear response by planes, ten of each magnet at least: spin current, torque, cumulated torque; of a "
        "Device its torques or fluxes (png, svg, pdf)",
    )


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..runs.files import refuse_same_files
    from ..scattering import scatter, scatter_quietly
    from ..transport.linear import linear_response

    refuse_same_files({"FILE": options.file}, {"--output": options.output})
    if options.output:
        check_figure(options.output)
    junction, _, _ = family_and_system(options)
    if not isinstance(junction, Junction):
        return _run_device(junction, options)
    result = scatter(junction, options.energy or 0.0, wave_vector(options.k), solver=options.solver)
    fields = result.fields  # so that the table shows every defect
    print(result)
    if junction.cut is None:
        print("  texture: no spacer between two collinear halves; torques are resolved by plane only")
    else:
        response = linear_response(result, 0.5, -0.5)
        J_M, torques = response.magnetization, response.torques
        print("  per unit bias (µ_L = -µ_R = 1/2), in e²/h per cell:")
        print(f"    charge current J                     {response.charge[1]:16.8g}")
        print(f"    magnetization current J_M left/right {J_M[0]:16.8g}{J_M[1]:16.8g}")
        print(
            f"    damping-like torque     left/right   {torques.damping_like[0]:16.8g}{torques.damping_like[1]:16.8g}"
        )
        print(f"    field-like torque       left/right   {torques.field_like[0]:16.8g}{torques.field_like[1]:16.8g}")
    if options.output:
        from ..plot.figures import plot_layers

        more = PLANES - junction.buffer if any(lead.is_magnetic for lead in junction.leads) else 0
        if more > 0:
            result = scatter_quietly(
                junction.padded(more), options.energy or 0.0, wave_vector(options.k), solver=options.solver
            )
        save_figure(plot_layers(result), options.output)
    return 0 if fields is not None else 1


def _run_device(device: Any, options: argparse.Namespace) -> int:
    """Print probabilities, the fluxes through the named cuts and the torques on the named magnets of a `Device`."""
    from ..crystals.scatter import RTOL
    from ..runs.systems import at_momentum
    from ..scattering import scatter

    refuse_for_device(solver=options.solver)
    if options.k is not None:
        if options.output:
            raise ArgumentError("Argument `--output` must be left out for a Kwant system at a k, but is given.")
        print(at_momentum(device, options.energy or 0.0, wave_vector(options.k, of_system=True), RTOL))
        return 0
    result = scatter(device, options.energy or 0.0)
    fluxes = {cut: result.spin_current(cut, total=True) for cut in device.cuts}
    torques = {magnet: result.torque(magnet) for magnet in device.magnets}
    print(result)
    if fluxes or torques:
        print("  fluxes and torques from each lead, all its channels filled, spin in ħ/2:")
        print(f"    {'':<30}{'charge':>14}{'x':>14}{'y':>14}{'z':>14}")
    for lead in range(len(result.channels)):
        for cut, flux in fluxes.items():
            print(f"    lead {lead}: {'flux through ' + cut:<22}" + _columns(flux[lead]))
        for magnet, torque in torques.items():
            if torque.undivided:
                print(f"    lead {lead}: {'torque on ' + magnet:<36}" + _columns(torque.total[lead]))
                continue
            print(f"    lead {lead}: {'exchange torque on ' + magnet:<36}" + _columns(torque.exchange[lead]))
            print(f"    lead {lead}: {'spin-orbit torque on ' + magnet:<36}" + _columns(torque.spin_orbit[lead]))
    if options.output:
        save_figure(_device_figure(result), options.output)
    return 0


def _device_figure(result: Any) -> Any:
    """Draw torques along a wire or chain, or where no magnet is named the charge that flows on the lattice."""
    from ..plot.devices import plot_device, plot_torques

    return plot_torques(result) if result.device.magnets else plot_device(result)


def _columns(values: Any) -> str:
    """Return numbers in columns, rounding noise as 0."""
    return "".join(f"{0.0 if abs(value) < 1e-14 else value:14.6g}" for value in values)
