# The public names, each once: `__init__.py` loads them from here on first use, and type checkers read them here.
from .crystals import plot_momenta
from .devices import plot_device, plot_system, plot_torques
from .figures import (
    plot_ensemble,
    plot_junction,
    plot_layers,
    plot_map,
    plot_sweep,
)

__all__ = [
    "plot_device",
    "plot_ensemble",
    "plot_junction",
    "plot_layers",
    "plot_map",
    "plot_momenta",
    "plot_sweep",
    "plot_system",
    "plot_torques",
]
