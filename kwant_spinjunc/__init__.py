"""Spin currents and torques across noncollinear magnetic junctions, with Kwant.

A clean junction is described by a `Junction` of `Layer` objects, turned into a Kwant system by `build` and solved by
`scatter`. The paper's equations live in `kwant_spinjunc.theory`.
"""

import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .bias import bias_response
    from .brillouin import IntegrationError
    from .builder import build
    from .cuts import between
    from .device_bias import DeviceCurrents, current_voltage
    from .devices import Device, DeviceScattering, MagnetTorque
    from .disorder import (
        Anderson,
        MagneticImpurities,
        Roughness,
        SpinDependent,
        SpinOrbitScattering,
        Substitution,
    )
    from .ensemble import Ensemble, EnsembleInterrupted, ensemble, open_ensemble
    from .errors import (
        ArgumentError,
        BarrierWarning,
        ConservationError,
        ContinuityError,
        NearSideWarning,
        NoOpenChannelError,
        SpinjuncError,
        SpinjuncWarning,
        UnitarityError,
    )
    from .export import export
    from .junction import Junction, Layer, barrier, ferromagnet, normal_metal
    from .local import chemical_potentials
    from .parameters import effective_parameters
    from .reservoirs import linear_response, tunneling_response
    from .scattering import Scattering, scatter
    from .spin import unit_vector
    from .sweep import sweep

__all__ = [
    "Anderson",
    "ArgumentError",
    "BarrierWarning",
    "ConservationError",
    "ContinuityError",
    "Device",
    "DeviceCurrents",
    "DeviceScattering",
    "Ensemble",
    "EnsembleInterrupted",
    "IntegrationError",
    "Junction",
    "Layer",
    "MagnetTorque",
    "MagneticImpurities",
    "NearSideWarning",
    "NoOpenChannelError",
    "Roughness",
    "Scattering",
    "SpinDependent",
    "SpinOrbitScattering",
    "SpinjuncError",
    "SpinjuncWarning",
    "Substitution",
    "UnitarityError",
    "__version__",
    "barrier",
    "between",
    "bias_response",
    "build",
    "chemical_potentials",
    "current_voltage",
    "effective_parameters",
    "ensemble",
    "export",
    "ferromagnet",
    "linear_response",
    "normal_metal",
    "open_ensemble",
    "scatter",
    "sweep",
    "tunneling_response",
    "unit_vector",
]

#: Module of every public name. Names are imported on first use (PEP 562), so that Kwant, xarray and Matplotlib load
#: only where they are needed. A name stands here, in `__all__` and among the imports for type checkers.
_HOME = {
    "bias": ("bias_response",),
    "brillouin": ("IntegrationError",),
    "builder": ("build",),
    "cuts": ("between",),
    "device_bias": (
        "DeviceCurrents",
        "current_voltage",
    ),
    "devices": (
        "Device",
        "DeviceScattering",
        "MagnetTorque",
    ),
    "disorder": (
        "Anderson",
        "MagneticImpurities",
        "Roughness",
        "SpinDependent",
        "SpinOrbitScattering",
        "Substitution",
    ),
    "ensemble": (
        "Ensemble",
        "EnsembleInterrupted",
        "ensemble",
        "open_ensemble",
    ),
    "errors": (
        "ArgumentError",
        "BarrierWarning",
        "ConservationError",
        "ContinuityError",
        "NearSideWarning",
        "NoOpenChannelError",
        "SpinjuncError",
        "SpinjuncWarning",
        "UnitarityError",
    ),
    "export": ("export",),
    "junction": (
        "Junction",
        "Layer",
        "barrier",
        "ferromagnet",
        "normal_metal",
    ),
    "local": ("chemical_potentials",),
    "parameters": ("effective_parameters",),
    "reservoirs": (
        "linear_response",
        "tunneling_response",
    ),
    "scattering": (
        "Scattering",
        "scatter",
    ),
    "spin": ("unit_vector",),
    "sweep": ("sweep",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        # modules of the package, as `kwant_spinjunc.theory`, load on first use too
        if name.startswith("_") or importlib.util.find_spec(f".{name}", __name__) is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return importlib.import_module(f".{name}", __name__)
    value = getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """Keeps the function `sweep` under its name when its module of the same name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and name in _MODULE_OF:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
