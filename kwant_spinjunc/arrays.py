"""Short names of the types that annotations repeat."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
#: Positions in an array.
Indices = NDArray[np.intp]
#: Numbers of sites, channels or orbitals.
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
#: An array of whatever a matrix holds: real, complex, dense.
Matrix = NDArray[Any]
Vector = tuple[float, float, float]
Side = Literal["left", "right"]
