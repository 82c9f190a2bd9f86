"""The junction at one's fingertips: a page with a slider for every parameter, for the command line and notebooks."""

from kwant_spinjunc.exploring.explorer import Explorer, explore

__all__ = ["Explorer", "explore"]
