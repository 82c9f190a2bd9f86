"""Spin currents and torques across noncollinear magnetic junctions, with Kwant.

A clean junction is described by a `Junction` of `Layer` objects, turned into a Kwant system by `build` and solved by
`scatter`. The paper's equations live in `kwant_spinjunc.theory`.
"""

from ._version import __version__
from .bias import bias_response
from .brillouin import IntegrationError
from .builder import build
from .cuts import between
from .devices import Device, DeviceScattering, MagnetTorque
from .disorder import (
    Anderson,
    MagneticImpurities,
    Roughness,
    SpinDependent,
    SpinOrbitScattering,
    Substitution,
)
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
    "DeviceScattering",
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
    "effective_parameters",
    "export",
    "ferromagnet",
    "linear_response",
    "normal_metal",
    "scatter",
    "sweep",
    "tunneling_response",
    "unit_vector",
]
