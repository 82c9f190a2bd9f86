"""What a junction is: layers, cross-section, disorder, one sample; `materials`, read by its name, comes with them."""

from . import materials

__all__ = ["materials"]
