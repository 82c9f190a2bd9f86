"""Transmissions, conductances and currents between leads and their spins, the same for one solve and for many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import finite_array, index, refusal
from ..errors import ArgumentError
from ..printing import Tabled
from ..quantities import LABELS, LEADS, dataset, quantities
from .device import Device

Torque = TypeVar("Torque")
#: Why there is no flux through no cut.
NO_CUT = (
    "Argument `cut` must be given: nothing was turned behind a cut (see `turns`, `behind`). Use the name of a cut of "
    "the Device, or `between` two sets of sites."
)


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
            raise refusal("mu", f"have shape ({leads},) or ({leads}, 2)", f"its shape is {potentials.shape}")
        return np.asarray((self.probabilities * (potentials[:, :, None, None] - potentials)).sum(axis=(-1, -2)))

    def _channel(self, name: str, end: Any) -> tuple[int, int | None]:
        """Return the lead and spin that an argument of `transmission` means."""
        pair = end if isinstance(end, tuple) else (end,)
        if len(pair) not in (1, 2):
            raise ArgumentError(f"Argument `{name}` must be a lead or (lead, spin), but is {end!r}.")
        lead = index(name, pair[0], self.probabilities.shape[-2], "A lead, or (lead, spin).")
        return lead, index(name, pair[1], 2, "A spin is 0 or 1.") if len(pair) == 2 else None


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class SystemResult(Tabled, Terminals, Generic[Torque]):
    """What was solved of a Kwant system. Copies share the device: its functions need not copy."""

    _shared: ClassVar[tuple[str, ...]] = ("device",)
    device: Device | None  #: What was scattered from; None in an unpickled result.
    #: `energy`, `params`: The problem.
    energy: Any
    params: Mapping[str, Any]
    magnetizations: Floats  #: Shape (..., leads, 3): the axis of each lead, turned with it; spin 0 is its majority.
    #: Shape (..., leads, 2, leads, 2): T[α s, β s'] as ``[lead_out, spin_out, lead_in, spin_in]``, summed over modes;
    #: NaN for a lead that does not conserve spin, of which totals are there.
    probabilities: Floats
    modes: Floats  #: Shape (..., leads, 2): incoming channels of each lead and spin.
    unitarity_defect: float  #: Largest element of S†S - 1.
    max_defect: float  #: Largest defect that was accepted.
    #: With ``check=True``, the largest difference of a probability from that of a second route, see `audit`.
    check: float | None = None
    _between: Floats
    _found: dict[Any, Any] = field(default_factory=dict)

    def between_leads(self) -> Floats:
        """Return T[α, β] of both spins together, ``[lead_out, lead_in]``, also of leads that conserve no spin."""
        return self._between.copy()

    def spin_current(self, cut: Any = None, *, total: bool = False) -> Floats:
        """Return the flux of charge and spin through a cut, (1, Sx, Sy, Sz), per unit flux in each channel.

        ``cut``: name of a cut of the device, or a cut, positive from its source to its target. None: the cut behind
        which everything is turned, from front to back, of a system with angles.
        ``total``: sum over all channels of a lead, also where its spins are not resolved.

        **Result**: ``[..., lead_in, spin_in, (charge, x, y, z)]``, spin in ħ/2, summed over the modes, in the frame of
        what is not turned; an average over momenta is done anew for each cut. Across a spin-orbit bond the flux is what
        arrives at the target.

        Warns `NearSideWarning`: The flux from some lead is below what this cut can resolve.
        """
        return np.array(self._known("cut", cut, self._solve_flux)[int(total)])

    def torque(self, magnet: Any) -> Torque:
        """Return the torque on a set of sites; an average is done anew for it.

        ``magnet``: name of a magnet of the device, a list of sites or a function of a site.

        Raises `ContinuityError`: Flux and torques differ by more than ``max_defect``.

        Warns `SpinjuncWarning`: Exchange and spin-orbit torque cannot be told apart: both are NaN. See `Device` for
        ``exchange``.
        """
        found: Torque = self._known("magnet", magnet, self._solve_torque)
        return found

    def _solve_flux(self, cut: Any) -> tuple[Any, ...]:
        """Return the flux through a cut by lead and spin, and by lead."""
        raise NotImplementedError

    def _solve_torque(self, magnet: Any) -> Torque:
        raise NotImplementedError

    def _known(self, kind: str, which: Any, solve: Callable[[Any], Any]) -> Any:
        """Return what was solved for a cut or magnet, once where it has a name; the caller may change what it gets."""
        if not isinstance(which, str):
            return solve(which)
        if (kind, which) not in self._found:
            self._found[kind, which] = solve(which)
        return deepcopy(self._found[kind, which])

    def _dataset(
        self, values: Mapping[str, Any], axes: Mapping[str, Any], facts: Mapping[str, Any], labels: Mapping[str, Any]
    ) -> Any:
        """Return probabilities, conductance, modes and more as a dataset; fluxes through one cut have no axis of it."""
        values = {"probabilities": self.probabilities, "conductance": self._between, "modes": self.modes, **values}
        schema = quantities(values, "e^2/h")
        for name, quantity in schema.items():
            own = LEADS if name == "conductance" else tuple(d for d in quantity.dims if d != "cut" or "cut" in labels)
            schema[name] = replace(quantity, dims=own)
        leads = dict.fromkeys(("lead", "lead_out", "lead_in"), range(self._between.shape[-1]))
        facts = {"unitarity_defect": self.unitarity_defect, **facts}
        return dataset(schema, values, axes, facts, {**LABELS, **leads, **labels})

    def __copy__(self) -> Self:
        return replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        shared = {name: getattr(self, name) for name in self._shared}
        names = (f.name for f in fields(self) if f.name not in (*shared, "params"))
        own = {name: deepcopy(getattr(self, name), memo) for name in names}
        return type(self)(**shared, params=dict(self.params), **own)
