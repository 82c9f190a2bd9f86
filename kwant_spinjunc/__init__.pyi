# The public names, each once: `__init__.py` loads them from here on first use, and type checkers read them here.
from . import errors, halves, plot, spin, theory, units
from ._version import __version__
from .crystals.result import CrystalScattering
from .devices.bias import DeviceCurrents, current_voltage
from .devices.build import build
from .devices.cuts import between
from .devices.device import Device
from .devices.result import DeviceScattering, MagnetTorque
from .devices.wannier import Wannier, read_wannier90, wannier_junction
from .errors import (
    ArgumentError,
    BandEdgeError,
    BarrierWarning,
    ConservationError,
    ContinuityError,
    CostWarning,
    DegreesWarning,
    DisagreementError,
    NearSideWarning,
    NoOpenChannelError,
    SpinjuncError,
    SpinjuncWarning,
    UnitarityError,
)
from .exploring.explorer import explore
from .halves.zone import IntegrationError
from .judging.door import judge
from .judging.tmr import tmr
from .judging.verdict import Judgment, Law
from .magnets.export import export
from .magnets.multiscale import multiscale
from .magnets.parameters import effective_parameters
from .magnets.wall import self_consistent_wall
from .model import materials
from .model.disorder import (
    Anderson,
    MagneticImpurities,
    Roughness,
    SpinDependent,
    SpinOrbitScattering,
    Substitution,
)
from .model.junction import Junction, Layer, barrier, ferromagnet, normal_metal
from .optional import MissingPackageError
from .runs.averages import Ensemble
from .runs.ensemble import EnsembleInterrupted, ensemble, ensembles, open_ensemble
from .runs.sweep import SweepError, SweepInterrupted, sweep
from .runs.validity import validity_map
from .runs.zone import zone_average
from .scattering import Scattering, scatter
from .spin import unit_vector
from .transport.bias import bias_response
from .transport.linear import linear_response, tunneling_response
from .transport.local import chemical_potentials
from .transport.noise import Noise, shot_noise
from .transport.pumping import gilbert_damping
from .transport.vector_response import vector_response

__all__ = [
    "Anderson",
    "ArgumentError",
    "BandEdgeError",
    "BarrierWarning",
    "ConservationError",
    "ContinuityError",
    "CostWarning",
    "CrystalScattering",
    "DegreesWarning",
    "Device",
    "DeviceCurrents",
    "DeviceScattering",
    "DisagreementError",
    "Ensemble",
    "EnsembleInterrupted",
    "IntegrationError",
    "Judgment",
    "Junction",
    "Law",
    "Layer",
    "MagnetTorque",
    "MagneticImpurities",
    "MissingPackageError",
    "NearSideWarning",
    "NoOpenChannelError",
    "Noise",
    "Roughness",
    "Scattering",
    "SpinDependent",
    "SpinOrbitScattering",
    "SpinjuncError",
    "SpinjuncWarning",
    "Substitution",
    "SweepError",
    "SweepInterrupted",
    "UnitarityError",
    "Wannier",
    "__version__",
    "barrier",
    "between",
    "bias_response",
    "build",
    "chemical_potentials",
    "current_voltage",
    "effective_parameters",
    "ensemble",
    "ensembles",
    "errors",
    "explore",
    "export",
    "ferromagnet",
    "gilbert_damping",
    "halves",
    "judge",
    "linear_response",
    "materials",
    "multiscale",
    "normal_metal",
    "open_ensemble",
    "plot",
    "read_wannier90",
    "scatter",
    "self_consistent_wall",
    "shot_noise",
    "spin",
    "sweep",
    "theory",
    "tmr",
    "tunneling_response",
    "unit_vector",
    "units",
    "validity_map",
    "vector_response",
    "wannier_junction",
    "zone_average",
]
