"""Figures, each a new `matplotlib.figure.Figure`; loaded at their first use."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
