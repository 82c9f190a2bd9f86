"""Spin currents and torques across noncollinear magnetic junctions, with Kwant.

A clean junction is described by a `Junction` of `Layer` objects, turned into a Kwant system by `build` and solved by
`scatter`. The paper's equations live in `kwant_spinjunc.theory`. Names are imported on first use, so that Kwant, xarray
and Matplotlib load only where they are needed; `__init__.pyi` lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
