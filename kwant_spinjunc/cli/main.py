"""The ``spinjunc`` command: run, sweep, map, show and export families of junctions from the shell.

Angles may be typed in degrees with the unit, ``theta=60deg``; plain numbers are radians.
"""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import math
import re
import sys
from collections.abc import Callable, Container, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from .._version import __version__
from ..errors import ArgumentError, NoOpenChannelError, SpinjuncError, finite
from ..model.junction import Junction

__all__ = ["load_family", "main", "parse_range", "parse_value"]

Family = Callable[..., Junction]

#: More points on one axis are a mistake, and would not fit in memory.
LONGEST_AXIS = 1_000_000


def parse_value(text: str) -> Any:
    """Return a typed value: int, float, angle in degrees (``60deg``, returned in radians), true/false, or the text.

    Examples
    --------
    >>> parse_value("4"), parse_value("0.5"), round(parse_value("180deg"), 6), parse_value("true")
    (4, 0.5, 3.141593, True)
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    number = text.removesuffix("deg")
    try:
        return math.radians(float(number)) if number != text else int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def parse_range(text: str, option: str = "--vary") -> np.ndarray[Any, Any]:
    """Return ``start:stop:count`` as that many equal steps, both ends included; integers where all steps are whole.

    Raises
    ------
    ArgumentError
        Not three parts, a count below one, or degrees on one end only (a bare 0 is fine).

    Examples
    --------
    >>> parse_range("0:5:6").tolist()
    [0, 1, 2, 3, 4, 5]
    >>> parse_range("0:180deg:3").round(4).tolist()
    [0.0, 1.5708, 3.1416]
    """
    parts = text.split(":")
    way_out = "Use start:stop:count, for example 0:180deg:13."
    if len(parts) != 3:
        raise ArgumentError(f"Argument `{option}` must be a range, but is {text!r}. {way_out}")
    start, stop, count = (parse_value(part) for part in parts)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ArgumentError(f"Argument `{option}` must have a count of at least 1, but has {parts[2]!r}. {way_out}")
    for value in (start, stop):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ArgumentError(f"Argument `{option}` must have numbers at its ends, but is {text!r}. {way_out}")
    ends = [(part, part.endswith("deg")) for part in parts[:2]]
    if ends[0][1] != ends[1][1] and not any(value == 0 for value in (start, stop)):
        raise ArgumentError(f"Argument `{option}` must have the same unit at both ends, but is {text!r}. {way_out}")
    if count > LONGEST_AXIS:
        raise ArgumentError(f"Argument `{option}` must have at most {LONGEST_AXIS} points an axis, but has {count}.")
    values: np.ndarray[Any, Any] = np.linspace(start, stop, count)
    whole = isinstance(start, int) and isinstance(stop, int) and bool(np.all(values == np.rint(values)))
    return values.astype(int) if whole else values


def _split_assignment(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise ArgumentError(f"Argument `{option}` must be name=value, but is {text!r}.")
    return name, value


def load_family(path: str | Path, name: str | None = None) -> Family:
    """Return the family function of a Python file.

    Parameters
    ----------
    path
        A file that defines a function of parameters returning a `Junction` or a `Device`.
    name
        Which function; by default the one named like the file, or ``family``, or the only one defined in the file.

    Raises
    ------
    ArgumentError
        The file does not exist or import, or has no such function.
    """
    file = Path(path)
    if not file.is_file():
        raise ArgumentError(f"Argument `FILE` must be a Python file, but {str(path)!r} does not exist.")
    spec = importlib.util.spec_from_file_location(f"_spinjunc_family_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"Argument `FILE` must be a Python file ending in .py, but is {str(path)!r}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # so that the family can be pickled and its dataclasses resolved
    sys.path.insert(0, str(file.parent.resolve()))  # a family may import what lies beside it, as a script may
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ArgumentError(
            f"Argument `FILE` must import, but {str(path)!r} raised {type(error).__name__}: {error}."
        ) from error
    finally:
        sys.path.pop(0)
    own = {
        key: value
        for key, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == spec.name and not key.startswith("_")
    }
    candidates = [name] if name is not None else [file.stem, "family", *(own if len(own) == 1 else ())]
    for candidate in candidates:
        if candidate in own:
            return own[candidate]
    raise ArgumentError(
        f"Argument `FILE` must define a family function, but {str(path)!r} has no `{candidates[0]}`"
        f"{' or `family`' if name is None else ''} (it defines {', '.join(own) or 'no function'}). Use --family NAME."
    )


# ---------------------------------------------------------------------- verbs
def _fixed(assignments: Sequence[str]) -> dict[str, Any]:
    """Return --set name=value as keyword arguments."""
    values: dict[str, Any] = {}
    for text in assignments:
        name, value = _split_assignment("--set", text)
        _check_free(name, values)
        values[name] = parse_value(value)
    return values


#: Names that options of the command line and arguments of `sweep` have taken.
RESERVED = (
    "energy",
    "bias",
    "temperature",
    "k",
    "solver",
    "resume",
    "progress",
    "family",
    "error",
    "mu_left",
    "mu_right",
    "workers",
    "executor",
)


def _check_free(name: str, taken: Container[str]) -> None:
    if name in taken:
        raise ArgumentError(f"Argument `{name}` must be given once, but is set or varied twice.")
    if name in RESERVED:
        raise ArgumentError(f"Argument `{name}` must not be a parameter of the family. Use the option --{name}.")


def _family_and_junction(options: argparse.Namespace) -> tuple[Junction, Family, dict[str, Any]]:
    from ..runs.sweep import call_family

    family = load_family(options.file, options.family)
    fixed = _fixed(options.set)
    return call_family(family, **fixed), family, fixed


def _family_and_system(options: argparse.Namespace) -> tuple[Any, Family, dict[str, Any]]:
    """Return the `Junction` or `Device` of the family, the family and its parameters."""
    from ..runs.sweep import call_any_family

    family = load_family(options.file, options.family)
    fixed = _fixed(options.set)
    return call_any_family(family, fixed), family, fixed


def _wave_vector(text: str | None) -> Any:
    if text is None or text == "average":
        return text
    parts = [parse_value(part) for part in text.split(",")]
    if len(parts) != 2 or any(isinstance(p, (bool, str)) for p in parts):
        raise ArgumentError(f"Argument `--k` must be two numbers kx,kz in 1/a or `average`, but is {text!r}.")
    return float(parts[0]), float(parts[1])


def _run(options: argparse.Namespace) -> int:
    from ..plot.figures import plot_layers
    from ..scattering import scatter
    from ..transport.linear import linear_response

    junction, _, _ = _family_and_system(options)
    if not isinstance(junction, Junction):
        return _run_device(junction, options)
    result = scatter(junction, options.energy or 0.0, _wave_vector(options.k), solver=options.solver)
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
        _save_figure(plot_layers(result), options.output)
    return 0 if fields is not None else 1


def _run_device(device: Any, options: argparse.Namespace) -> int:
    """Print probabilities, the fluxes through the named cuts and the torques on the named magnets of a `Device`."""
    from ..scattering import scatter

    _refuse_for_device(k=options.k, solver=options.solver)
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
            print(f"    lead {lead}: {'exchange torque on ' + magnet:<36}" + _columns(torque.exchange_total[lead]))
            print(f"    lead {lead}: {'spin-orbit torque on ' + magnet:<36}" + _columns(torque.spin_orbit_total[lead]))
    if options.output:
        _save_figure(_device_figure(result), options.output)
    return 0


def _device_figure(result: Any) -> Any:
    """Draw torques along a wire or chain, or where no magnet is named the charge that flows on the lattice."""
    from ..plot.devices import plot_torques
    from ..plot.figures import plot_device

    return plot_torques(result) if result.device.magnets else plot_device(result)


def _columns(values: Any) -> str:
    """Return numbers in columns, rounding noise as 0."""
    return "".join(f"{0.0 if abs(value) < 1e-14 else value:14.6g}" for value in values)


def _refuse_for_device(**options: Any) -> None:
    """Refuse options of junctions, which would be ignored."""
    for name, value in options.items():
        if value is not None:
            raise ArgumentError(
                f"Argument `--{name}` must be left out for a Device, but is {value!r}. It belongs to a Junction; a "
                "Device is a Kwant system, with its cross-section and phases built in."
            )


def _show_device(device: Any, title: str, options: argparse.Namespace) -> int:
    """Print what a `Device` consists of and draw it."""
    from ..devices.spin_operators import norbs_of
    from ..plot.devices import plot_system

    _refuse_for_device(k=options.k)
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
    _save_figure(plot_system(device, options.energy), options.output or f"{Path(options.file).stem}.png")
    return 0


def _executor(options: argparse.Namespace, stack: ExitStack) -> dict[str, Any]:
    """Return ``workers`` and ``executor`` of the options; a Dask client lives as long as the stack."""
    from ..runs.executors import dask_executor

    if options.dask is None:
        return {"workers": options.workers}
    return {"executor": stack.enter_context(dask_executor(options.dask, options.workers))}


def _shape(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ArgumentError(f"Argument `--cross-section` must be two numbers of sites, as 6x6, but is {text!r}.")
    return int(parts[0]), int(parts[1])


def _directions(text: str | None, junction: Junction) -> Any:
    """Return right magnets at these angles from the left one, in the plane of both."""
    from ..spin import torque_axes

    if text is None:
        return None
    angles = parse_range(text, "--angles")
    left, right = junction.magnetizations
    e, normal = torque_axes(left, right)
    if not normal.any():  # collinear: any plane
        e, _ = torque_axes(left, np.eye(3)[abs(left).argmin()])
    return np.cos(angles)[:, None] * left + np.sin(angles)[:, None] * e


def _ensemble(options: argparse.Namespace) -> int:
    from ..runs.ensemble import EnsembleInterrupted, ensemble

    junction, _, _ = _family_and_junction(options)
    k = _wave_vector(options.k)
    if isinstance(k, str):
        raise ArgumentError("Argument `--k` must be one wave vector, but is 'average'. Use --boundary twisted.")
    words = [word.strip() for word in options.boundary.split(",")]
    torques = options.torques
    if torques is None:  # many angles are cheap without them
        torques = options.angles is None and junction.cut is not None
    try:
        with ExitStack() as stack:
            result = ensemble(
                junction,
                options.energy or 0.0,
                cross_section=_shape(options.cross_section),
                boundary=words[0] if len(words) == 1 else (words[0], words[1]) if len(words) == 2 else options.boundary,
                k=k,
                realizations=options.realizations,
                rtol=options.rtol,
                quantity=options.quantity,
                seed=options.seed,
                m_right=_directions(options.angles, junction),
                torques=torques,
                profiles=options.profiles,
                solver=options.solver,
                store=options.output,
                **_executor(options, stack),
            )
    except EnsembleInterrupted as interruption:
        if interruption.result is not None:
            print(interruption.result)
        print("interrupted: repeat the command to go on", file=sys.stderr)
        return 130
    print(result)
    print(f"store: {options.output}")
    return 0


def _show_store(options: argparse.Namespace) -> int:
    """Print the averages of an ensemble's store, what it is of, and draw the distribution."""
    from ..plot.figures import plot_ensemble
    from ..runs.ensemble import open_ensemble

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
            _save_figure(plot_ensemble(result), options.output)
    return 0


def _words(layer: dict[str, Any]) -> str:
    parts = [f"{key} {value}" for key, value in layer.items() if key not in ("type", "disorder") and value is not None]
    for disorder in layer.get("disorder", []):
        inner = ", ".join(f"{key}={value}" for key, value in disorder.items() if key != "type")
        parts.append(f"{disorder['type']}({inner})")
    return ", ".join(parts)


def _show(options: argparse.Namespace) -> int:
    from ..model.plane import band_shift
    from ..plot.figures import plot_junction
    from ..runs.store import is_store

    if is_store(options.file):
        return _show_store(options)
    junction, family, fixed = _family_and_system(options)
    settings = ", ".join(f"{name}={value}" for name, value in fixed.items())
    if not isinstance(junction, Junction):
        return _show_device(junction, f"{getattr(family, '__name__', 'family')}({settings})", options)
    print(f"{getattr(family, '__name__', 'family')}({settings}): {len(junction.planes)} planes, ", end="")
    print(f"angle {math.degrees(junction.angle):.6g} deg")
    k = _wave_vector(options.k)
    if isinstance(k, str):
        raise ArgumentError("Argument `--k` must be one wave vector to draw bands, but is 'average'.")
    print(f"  bands at k = {k or 'Γ'}  {junction.describe_bands(float(band_shift(k)))}")
    rows = [("left lead", junction.left), *((f"layer {n}", layer) for n, layer in enumerate(junction.layers))]
    for name, layer in [*rows, ("right lead", junction.right)]:
        magnet = f"splitting {layer.splitting:g}, m = ({', '.join(f'{x:.4g}' for x in layer.m)})"
        planes = "" if "lead" in name else f"{layer.thickness} planes, "
        print(
            f"  {name:<11}{planes}onsite {layer.onsite:g}, hopping {layer.hopping:g}, "
            f"in-plane hopping {layer.t_parallel:g}, {magnet if layer.is_magnetic else 'nonmagnetic'}"
        )
    output = options.output or f"{Path(options.file).stem}.png"
    _save_figure(plot_junction(junction, options.energy, k), output)
    return 0


def _sweep(options: argparse.Namespace) -> int:
    from ..plot.figures import plot_sweep
    from ..runs.files import write_atomically
    from ..runs.sweep import BIAS_VARIABLES, VARIABLES, SweepError, SweepInterrupted, sweep

    family = load_family(options.file, options.family)
    axes, energy = _axes(options)
    bias = None if options.bias is None else parse_range(options.bias, "--bias")
    if bias is not None and np.ndim(energy):
        raise ArgumentError("Argument `--vary energy` must not be given with --bias: the Fermi energy is one number.")
    if bias is None and not options.vary:
        raise ArgumentError("Argument `--vary` or `--bias` must be given: a sweep needs an axis.")
    shown = options.plot or ("conductance" if bias is None else "current")
    if shown not in (VARIABLES if bias is None else BIAS_VARIABLES):
        known = ", ".join(VARIABLES if bias is None else BIAS_VARIABLES)
        raise ArgumentError(f"Argument `--plot` must be one of {known}, but is {shown!r}.")
    if options.figure:
        _check_figure(options.figure, "--figure")
        long_axes = sum(np.size(axis) > 1 for axis in (*axes.values(), energy, bias) if axis is not None)
        if not 1 <= long_axes <= 2:
            raise ArgumentError(
                f"Argument `--figure` must show one or two swept axes, but {long_axes} have more than one point."
            )
    earlier = _earlier_result(options)
    refusal = ""
    with ExitStack() as stack:
        path = stack.enter_context(write_atomically(options.output))  # fails now if the folder cannot be written
        try:
            dataset = sweep(
                family,
                energy=energy,
                bias=bias,
                temperature=options.temperature,
                k=_wave_vector(options.k),
                solver=options.solver or "halves",
                resume=earlier,
                **_executor(options, stack),
                **axes,
            )
        except SweepInterrupted as interruption:
            dataset = interruption.dataset
        except SweepError as failure:
            dataset, refusal = failure.dataset, str(failure)
        dataset.to_netcdf(path, engine="scipy")
    done = int(np.isfinite(dataset["angle"].values).sum())
    total = dataset["angle"].size
    print(f"{options.output}: {done} of {total} points, axes {dict(dataset['angle'].sizes)}")
    if refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 1
    if not dataset.attrs["complete"]:
        print("interrupted: repeat the command with --resume to finish", file=sys.stderr)
        return 130
    if options.figure:
        _save_figure(plot_sweep(dataset, shown), options.figure)
    return 0


def _map(options: argparse.Namespace) -> int:
    from ..plot.figures import plot_map
    from ..runs.files import write_atomically
    from ..runs.validity import validity_map

    family = load_family(options.file, options.family)
    axes, energy = _axes(options)
    if sum(np.size(axis) > 1 for axis in (*axes.values(), energy)) < 2:
        raise ArgumentError("Argument `--vary` must give at least two axes of several points, the axes of the map.")
    left, right = _accumulations(options.accumulation)
    _check_figure(options.output)
    with ExitStack() as stack:  # both files appear only when everything is done, and fail now if they cannot
        figure_path = stack.enter_context(write_atomically(options.output))
        data_path = stack.enter_context(write_atomically(options.data)) if options.data else None
        dataset = validity_map(
            family,
            error=options.error,
            energy=energy,
            k=_wave_vector(options.k),
            mu_left=(0.5 + left, 0.5 - left),
            mu_right=(-0.5 + right, -0.5 - right),
            **_executor(options, stack),
            **axes,
        )
        if not np.isfinite(dataset[options.error].values).any():
            raise NoOpenChannelError(
                "No point of the map carries a current: no channel is open at any of its energies."
            )
        plot_map(dataset, options.error).savefig(figure_path, dpi=200, bbox_inches="tight")
        if data_path:
            dataset.to_netcdf(data_path, engine="scipy")
    errors = dataset[options.error]
    print(f"{errors.attrs['long_name']}, axes {dict(errors.sizes)}:")
    finite = errors.values[np.isfinite(errors.values)]
    if finite.size < errors.size:
        print(f"  {errors.size - finite.size} of {errors.size} points have no current or no torque, and no error")
    for limit in (0.01, 0.1):
        print(f"  below {limit:.0%} at {np.mean(finite < limit):.0%} of the points")
    leading = dataset[f"{options.error}_leading_order"]
    print(f"  largest {float(errors.max()):.3g}, to leading order {float(leading.max()):.3g}")
    print(f"figure: {options.output}")
    if options.data:
        print(f"data: {options.data}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from ..magnets.export import export
    from ..magnets.parameters import ANGLES
    from ..runs.files import write_atomically

    junction, family, fixed = _family_and_junction(options)
    settings = ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in fixed.items()
    )
    choices: dict[str, Any] = {
        "k": _wave_vector(options.k),
        "name": f"{getattr(family, '__name__', 'family')}({settings})",
    }
    if options.to == "boris":
        choices["biases"] = None if options.bias is None else parse_range(options.bias, "--bias")
        _refuse_for_boris(options)
    else:
        choices |= {
            "free": options.free,
            "bias": None if options.bias is None else _single_bias(options.bias),
            "current": options.current,
            "free_thickness": options.free_thickness,
            "saturation": options.saturation,
            "asymmetric": options.asymmetric,
            "field_like": not options.no_field_like,
            "angles": ANGLES if options.angles is None else np.linspace(0.0, np.pi, options.angles),
        }
    snippet = export(
        junction,
        options.to,
        lattice_constant=options.lattice_constant,
        energy=0.0 if options.energy is None else options.energy,
        tolerance=options.tolerance,
        **choices,
    )
    if not options.output:
        print(snippet, end="")
        return 0
    with write_atomically(options.output) as path:
        path.write_text(str(snippet), encoding="utf-8")
    print(f"{options.output}: {options.to}, residual {snippet.residual:.2g}")
    return 0


def _single_bias(text: str) -> float:
    value = parse_value(text)
    if isinstance(value, (bool, str)):
        raise ArgumentError(
            f"Argument `--bias` must be one voltage for a torque, but is {text!r}. A range is for boris."
        )
    return float(value)


def _refuse_for_boris(options: argparse.Namespace) -> None:
    """Refuse the options of a torque, which would be ignored."""
    given = {
        "--free": options.free != "right",
        "--current": options.current is not None,
        "--free-thickness": options.free_thickness is not None,
        "--saturation": options.saturation is not None,
        "--asymmetric": options.asymmetric,
        "--no-field-like": options.no_field_like,
        "--angles": options.angles is not None,
    }
    for option, present in given.items():
        if present:
            raise ArgumentError(
                f"Argument `{option}` must be left out for boris, which takes conductances, but is given."
            )


def _accumulations(text: str) -> tuple[float, float]:
    parts = [parse_value(part) for part in text.split(",")]
    if len(parts) != 2 or any(isinstance(part, (bool, str)) for part in parts):
        raise ArgumentError(f"Argument `--accumulation` must be two numbers left,right, but is {text!r}.")
    return float(parts[0]), float(parts[1])


def _axes(options: argparse.Namespace) -> tuple[dict[str, Any], Any]:
    """Return the parameters of the family, fixed by --set or swept by --vary, and the energy."""
    axes: dict[str, Any] = _fixed(options.set)
    energy: Any = options.energy
    for text in options.vary:
        name, values = _split_assignment("--vary", text)
        if name == "energy":
            if energy is not None:
                raise ArgumentError("Argument `energy` must be given once, but is set or varied twice.")
            energy = parse_range(values)
        else:
            _check_free(name, axes)
            axes[name] = parse_range(values)
    return axes, 0.0 if energy is None else energy


def _earlier_result(options: argparse.Namespace) -> Any:
    """Return the earlier dataset for --resume, or refuse to overwrite an unfinished one unasked."""
    import xarray as xr

    output = Path(options.output)
    if not output.exists():
        return None
    if not options.resume and not options.overwrite:
        raise ArgumentError(
            f"Argument `--output` must not exist, but {str(output)!r} does. Use --resume to finish it, --overwrite to "
            "replace it."
        )
    if not options.resume:
        return None
    try:
        return xr.load_dataset(output, engine="scipy")
    except Exception as error:
        raise ArgumentError(
            f"Argument `--output` must be the result of a sweep, but {str(output)!r} cannot be read ({error})."
        ) from error


def _check_figure(output: str, option: str = "--output") -> None:
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    if Path(output).suffix.lstrip(".") not in known:
        raise ArgumentError(f"Argument `{option}` must end in one of {', '.join(sorted(known))}, but is {output!r}.")


def _save_figure(figure: Any, output: str) -> None:
    from ..runs.files import write_atomically

    _check_figure(output)
    with write_atomically(output) as path:
        figure.savefig(path, dpi=200, bbox_inches="tight")
    print(f"figure: {output}")


# ---------------------------------------------------------------------- the command line
def _number(text: str) -> float:
    """Return a finite number, for argparse."""
    try:
        return finite("number", float(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a finite number, but is {text!r}") from None


class _Parser(argparse.ArgumentParser):
    """One-line errors, exit code 2."""

    def error(self, message: str) -> Any:
        raise ArgumentError(f"{message}. See {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    from ..magnets.export import TARGETS
    from ..runs.validity import ERRORS
    from ..scattering import SOLVERS

    parser = _Parser(
        prog="spinjunc",
        description="Spin currents and torques across noncollinear magnetic junctions, with Kwant.",
        epilog="example: spinjunc run systems/tunnel_junction.py --set theta=60deg --set height=3",
    )
    parser.add_argument("--version", action="version", version=f"spinjunc {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def add(verb: str, function: Callable[[argparse.Namespace], int], text: str, example: str) -> Any:
        sub = verbs.add_parser(verb, help=text, description=text, epilog=f"example: {example}")
        sub.set_defaults(function=function)
        returned = "a Junction or Device" if verb in ("run", "show") else "a Junction"
        sub.add_argument("file", metavar="FILE.py", help=f"defines a function of parameters that returns {returned}")
        sub.add_argument("--family", metavar="NAME", help="which function of the file (default: named like the file)")
        sub.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="parameter of the family; angles in radians, or in degrees as 60deg; repeatable",
        )
        sub.add_argument(
            "--k",
            metavar="KX,KZ",
            help="in-plane wave vector in 1/a, or `average` over the Brillouin zone (default: Γ)",
        )
        return sub

    run = add(
        "run",
        _run,
        "Solve one junction or device: probabilities, currents, torques and their audit; figure with -o.",
        "spinjunc run systems/tunnel_junction.py --set theta=90deg -o layers.png",
    )
    run.add_argument("-o", "--output", metavar="FIGURE", help="spin current and torque of every plane (png, svg, pdf)")
    sweep = add(
        "sweep",
        _sweep,
        "Solve a family on a grid of parameters and write a NetCDF file. Ctrl-C keeps what is done.",
        "spinjunc sweep systems/tunnel_junction.py --vary height=1:5:21 --vary theta=0:180deg:13 -o out.nc",
    )
    sweep.add_argument("-o", "--output", required=True, metavar="FILE.nc", help="NetCDF file")
    sweep.add_argument("--resume", action="store_true", help="finish an interrupted sweep in the output file")
    sweep.add_argument("--overwrite", action="store_true", help="replace the output file")
    sweep.add_argument("--figure", metavar="FIGURE", help="also draw one variable (png, svg, pdf)")
    sweep.add_argument("--plot", metavar="VARIABLE", help="what to draw (default: conductance, or current with --bias)")
    map_ = add(
        "map",
        _map,
        "Map the error of the phenomenology against exact scattering, with contours at 1 and 10 percent. The first "
        "two axes are drawn, the worst over further ones.",
        "spinjunc map systems/tunnel_junction.py --vary height=0.5:6:40 --vary thickness=1:8:8 --error tunnelling "
        "-o map.png",
    )
    map_.add_argument(
        "--error",
        choices=ERRORS,
        default="tunnelling",
        help="; ".join(f"{name}: {text}" for name, text in ERRORS.items()).replace("%", "%%")
        + " (default: %(default)s)",
    )
    map_.add_argument("-o", "--output", required=True, metavar="FIGURE", help="the map (png, svg, pdf)")
    map_.add_argument(
        "--data", metavar="FILE.nc", help="also write all numbers to a NetCDF file; replaced if it exists"
    )
    map_.add_argument(
        "--accumulation",
        default="0,0",
        metavar="LEFT,RIGHT",
        help="spin accumulation (µ+ - µ-)/2 in the leads, per bias (default: %(default)s)",
    )
    sweep.add_argument(
        "--bias", metavar="START:STOP:COUNT", help="axis of V = µ_L - µ_R: currents and torques at finite bias"
    )
    sweep.add_argument(
        "--temperature", type=_number, default=0.0, metavar="KT", help="k_B T as an energy, with --bias (default: 0)"
    )
    for sub, required in [(sweep, False), (map_, True)]:
        sub.add_argument(
            "--vary",
            action="append",
            default=None if required else [],
            required=required,
            metavar="NAME=START:STOP:COUNT",
            help="axis of the grid, both ends included; `energy` or a parameter of the family; repeatable",
        )
    ensemble = add(
        "ensemble",
        _ensemble,
        "Average a junction over disorder and twisted boundaries. Goes on where the store ends; Ctrl-C keeps it.",
        "spinjunc ensemble systems/disordered_barrier.py --cross-section 6x6 --realizations 1000 --rtol 0.01 "
        "--workers 2 -o store.sqlite",
    )
    ensemble.add_argument("-o", "--output", required=True, metavar="STORE", help="file that keeps all samples")
    ensemble.add_argument("--realizations", type=int, default=100, metavar="N", help="at most (default: %(default)s)")
    ensemble.add_argument("--rtol", type=_number, help="stop at this relative error of --quantity")
    ensemble.add_argument("--quantity", default="conductance", metavar="NAME", help="default: %(default)s")
    ensemble.add_argument("--seed", type=int, default=0, metavar="N", help="of the ensemble (default: %(default)s)")
    ensemble.add_argument("--cross-section", default="1x1", metavar="WxD", help="sites of a plane, as 6x6")
    ensemble.add_argument(
        "--boundary", default="periodic", metavar="WORD", help="periodic, twisted or `hard wall`; or a pair x,z"
    )
    ensemble.add_argument(
        "--angles",
        metavar="START:STOP:COUNT",
        help="angles between the magnets, all solved with every sample, as 0:180deg:19",
    )
    ensemble.add_argument(
        "--torques", action=argparse.BooleanOptionalAction, help="average torques (default: if no --angles are given)"
    )
    ensemble.add_argument("--profiles", action="store_true", help="average currents, torques, densities by plane")
    for sub, count in [(sweep, 1), (map_, 1), (ensemble, None)]:
        sub.add_argument(
            "--workers", type=int, default=count, metavar="N", help=f"processes (default: {count or 'one per CPU'})"
        )
        sub.add_argument("--dask", metavar="ADDRESS", help="scheduler of a Dask cluster, or `local`")
    show = add(
        "show",
        _show,
        "Draw the levels of all planes, or the sites of a device, the magnetizations, and the bands of the leads.",
        "spinjunc show systems/tunnel_junction.py --set theta=60deg --energy 0 -o junction.png",
    )
    show.add_argument("-o", "--output", metavar="FIGURE", help="default: FILE.png in the current folder")
    show.add_argument("--energy", type=_number, help="draw a line at this energy")
    export = add(
        "export",
        _export,
        "Write the torque (or, for boris, the conductances) of a junction as a block for a micromagnetic code.",
        "spinjunc export systems/tunnel_junction.py --to mumax3 --set height=4 --lattice-constant 0.25 -o torque.txt",
    )
    export.add_argument("--to", required=True, choices=TARGETS, help="the code")
    export.add_argument(
        "--lattice-constant", required=True, type=_number, metavar="NM", help="edge of the unit cell in the planes"
    )
    export.add_argument("--free", choices=("right", "left"), default="right", help="the free magnet (default: right)")
    export.add_argument(
        "--angles", type=int, metavar="N", help="angles from 0 to 180 deg that are fitted (default: 13)"
    )
    export.add_argument(
        "--bias", metavar="V", help="V = µ_L - µ_R in eV instead of the linear response; for boris START:STOP:COUNT"
    )
    export.add_argument(
        "--current", type=_number, metavar="A/M2", help="J, positive for electrons from the fixed into the free magnet"
    )
    export.add_argument("--free-thickness", type=_number, metavar="NM", help="of the free layer (magnumnp, cmtj)")
    export.add_argument("--saturation", type=_number, metavar="A/M", help="M_s of the free layer (cmtj)")
    export.add_argument("--asymmetric", action="store_true", help="two terms for two different contacts (oommf)")
    export.add_argument("--no-field-like", action="store_true", help="leave the field-like torque out")
    export.add_argument(
        "--tolerance", type=_number, default=0.01, help="largest misfit of the law (default: %(default)s)"
    )
    export.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    for sub in (run, sweep, map_, export, ensemble):
        sub.add_argument("--energy", type=_number, help="energy in the family's unit (default: 0)")
    for sub, default in [(run, "kwant; halves for an average"), (sweep, "halves"), (ensemble, "halves")]:
        sub.add_argument("--solver", choices=SOLVERS, help=f"default: {default}")
    return parser


def _joined(arguments: Sequence[str]) -> list[str]:
    """Return the words with ``--bias -0.6:0.6:13`` as one, which argparse would take for two options."""
    words: list[str] = []
    for word in arguments:
        if words and re.match(r"-[0-9.]", word) and re.fullmatch(r"--[a-z-]+", words[-1]):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, 2 for bad input, 1 for a refused result, 130 after Ctrl-C."""
    try:
        options = _parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
        code: int = options.function(options)
    except ArgumentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"error: not enough memory: {error or 'make the grid or the cross-section smaller'}", file=sys.stderr)
        return 2
    except SpinjuncError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return code
