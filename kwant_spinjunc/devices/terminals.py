"""Transmissions, conductances and currents between leads and their spins, the same for one solve and for many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import finite_array, index
from ..errors import ArgumentError


class Terminals:
    """What leads pass to each other; leading axes ``...`` of a result stay in front."""

    probabilities: Floats  #: T[α s, β s'], shape (..., leads, 2, leads, 2), NaN for a lead that does not conserve spin.

    def between_leads(self) -> Floats:
        """Return T[α, β] of both spins together, ``[lead_out, lead_in]``, also of leads that conserve no spin."""
        return np.asarray(self.probabilities.sum(axis=(-3, -1)))

    def transmission(self, out: int | tuple[int, int], in_: int | tuple[int, int]) -> Any:
        """Return the transmission (of one lead: the reflection) summed over modes, as Kwant's `SMatrix` does.

        ``out``, ``in_``: a lead, or (lead, spin), spin 0 the majority along that lead's own m. NaN if a spin is asked
        for that a lead does not conserve. The 2 × 2 block [spin_out, spin_in] of two leads is ``probabilities[...,
        out, :, in_, :]``.
        """
        (a, s), (b, r) = self._channel("out", out), self._channel("in_", in_)
        if s is None and r is None:
            found = self.between_leads()[..., a, b]
        else:
            rows, columns = (slice(None) if x is None else slice(x, x + 1) for x in (s, r))
            found = np.asarray(self.probabilities[..., a, rows, b, columns].sum(axis=(-2, -1)))
        return found if found.ndim else float(found)

    def conductance_matrix(self, *, spins: bool = False) -> Floats:
        """Return G = N δ - T in e²/h, diagonal by unitarity without cancellation.

        ``spins``: False: G[α, β] of the leads, as Kwant's, shape (..., leads, leads). True: G[α s, β s'], shape (...,
        leads, 2, leads, 2).
        """
        P = self.probabilities
        size = P.shape[-2] * (2 if spins else 1)
        G = -(P.reshape(*P.shape[:-4], size, size) if spins else self.between_leads())
        diagonal = np.arange(size)
        G[..., diagonal, diagonal] = 0.0
        G[..., diagonal, diagonal] = -G.sum(axis=-1)
        return G.reshape(P.shape) if spins else G

    def currents(self, mu: ArrayLike) -> Floats:
        r"""Return the particle currents that leave the leads into the system, I_αs = Σ G[α s, β s'] µ_βs' / h.

        ``mu``: chemical potentials of each lead, shape (leads,), or of each lead and spin, (leads, 2), along its own m.

        **Result**: Shape (..., leads) for spins in equilibrium, in every lead; (..., leads, 2) else. From differences
        of µ, so equal potentials give zero exactly. The current of lead 0 (left) is the project's J, along +y; that of
        lead 1 (right) is -J.
        """
        leads = self.probabilities.shape[-2]
        potentials = finite_array("mu", mu)
        if potentials.shape == (leads,):
            return np.asarray((self.between_leads() * (potentials[:, None] - potentials)).sum(axis=-1))
        if potentials.shape != (leads, 2):
            raise ArgumentError(
                f"Argument `mu` must have shape ({leads},) or ({leads}, 2), but its shape is {potentials.shape}."
            )
        return np.asarray((self.probabilities * (potentials[:, :, None, None] - potentials)).sum(axis=(-1, -2)))

    def _channel(self, name: str, end: Any) -> tuple[int, int | None]:
        """Return the lead and spin that an argument of `transmission` means."""
        pair = end if isinstance(end, tuple) else (end,)
        if len(pair) not in (1, 2):
            raise ArgumentError(f"Argument `{name}` must be a lead or (lead, spin), but is {end!r}.")
        lead = index(name, pair[0], self.probabilities.shape[-2], "A lead, or (lead, spin).")
        return lead, index(name, pair[1], 2, "A spin is 0 or 1.") if len(pair) == 2 else None


class SystemResult(Terminals):
    """What was solved of a Kwant system, which copies share: its functions need not copy."""

    transmissions: Floats  #: Shape (..., leads, leads): ``[lead_out, lead_in]``, both spins together.
    params: Mapping[str, Any]
    _found: dict[Any, Any]
    _shared: ClassVar[tuple[str, ...]] = ("device",)

    def between_leads(self) -> Floats:
        """Return the transmissions."""
        return self.transmissions.copy()

    def known(self, kind: str, which: Any, solve: Callable[[], Any]) -> Any:
        """Return what was solved for a cut or magnet, once where it has a name; the caller may change what it gets."""
        if not isinstance(which, str):
            return solve()
        if (kind, which) not in self._found:
            self._found[kind, which] = solve()
        return deepcopy(self._found[kind, which])

    def __copy__(self) -> Self:
        return replace(self)  # type: ignore[type-var]

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        shared = {name: getattr(self, name) for name in self._shared}
        names = (f.name for f in fields(self) if f.name not in (*shared, "params"))  # type: ignore[arg-type]
        own = {name: deepcopy(getattr(self, name), memo) for name in names}
        return type(self)(**shared, params=dict(self.params), **own)  # type: ignore[call-arg]
