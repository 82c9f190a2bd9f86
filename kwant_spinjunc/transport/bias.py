r"""Finite bias and temperature: the bands of the leads move with their chemical potentials.

**Sign.** V = µ_L - µ_R is an energy, in eV. For V > 0 particles flow from left to right, along +y, and all currents
are particle currents as everywhere in the package. Electrons are negative: the *electric* current then flows along -y,
and the right electrode is at the *higher* electric potential, by V volts.

**Potential.** Each lead shifts rigidly with its µ, by +V/2 and -V/2, so it stays neutral. The potential falls linearly
over the N nonmagnetic planes between the leads, in N + 1 equal steps (one per bond that touches such a plane); without
nonmagnetic planes it falls at the interface. Any other profile can be given.

**Window and equilibrium.** With occupations f_αs of the four reservoirs and their mean f_0, every observable is

    X = ∫ dE Σ_αs x_αs(E) (f_αs - f_0)  +  ∫ dE Σ_αs x_αs(E) f_0.

The first integral, the **window**, is over energies where the reservoirs differ; at T = 0 from the lowest to the
highest µ_αs, end points included. The second is the equilibrium spin current of the biased junction, see `equilibrium`;
it carries neither charge nor a damping-like torque. Only the sum does not depend on the choice of f_0. With equal
temperatures and no spin accumulation the window part is, to first order, the linear response to µ_L = -µ_R = V/2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import halves
from ..arrays import Floats, Indices
from ..checks import (
    broadcast,
    finite,
    finite_array,
    instance,
    keywords_of,
    positive,
    refusal,
    refuse_empty,
    refuse_unknown,
    sides,
    two_halves,
)
from ..checks import temperature as check_temperature
from ..crystals.scatter import RTOL
from ..devices.device import Device, as_device
from ..errors import ArgumentError
from ..halves.batch import Stack
from ..halves.kinks import lead_edges, sharp_steps, states_below
from ..model.junction import Junction
from ..optional import is_kwant
from ..printing import Table
from ..quadrature import Integral, cut_into_pieces, integrate
from .crystal_bias import BiasedCrystal, BiasSettings
from .equilibrium import (
    UNIT,
    EquilibriumResponse,
    equilibrium_response,
    exchange_torques,
    of_reservoirs,
    over_zone,
    shift_of,
)
from .linear import DIRECTION, Response, occupation_differences
from .observables import Torques, magnet_torques, magnetization_current, resolved_torques

#: Distances from a chemical potential, in kT, at which a thermal integral is cut. e^-745 is the smallest number.
THERMAL_CUTS = np.array([6.0, 40.0, 745.0])


# ---------------------------------------------------------------------- the junction under bias
def linear_drop(junction: Junction) -> Floats:
    """Return the default potential of each plane of the scattering region in units of the bias, from 1/2 to -1/2.

    **Result**: shape (planes,): Linear over the nonmagnetic planes between the leads, in N + 1 equal steps; a step at
    the cut without any.

    Examples
    --------
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> linear_drop(Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=3)], iron)).tolist()
    [0.5, 0.25, 0.0, -0.25, -0.5]
    """
    planes, buffer = len(junction.planes), junction.buffer
    resistive = junction.plane_splitting == 0
    resistive[:buffer] = resistive[planes - buffer :] = False
    drops = resistive[:-1] | resistive[1:]
    if not drops.any():
        if junction.cut is None:
            hint = "Pass one number per plane, from 0.5 to -0.5."
            raise refusal("profile", "be given for a texture without nonmagnetic planes", "is None", hint)
        drops[junction.cut] = True
    fallen = np.concatenate([[0.0], np.cumsum(drops)]) / drops.sum()
    return np.asarray(0.5 - fallen)


def biased(junction: Junction, bias: ArrayLike, profile: ArrayLike | None = None) -> Junction | Stack:
    """Return the junction with every plane and both leads at their potential.

    ``bias``: V = µ_L - µ_R as an energy; particles flow from left to right for V > 0.
    ``profile``: potential of each plane of the scattering region in units of V, shape (..., planes); `linear_drop` by
    default. The planes that belong to the leads must share one value per side, which is also the shift of that lead
    (and of its µ), and the two must differ by 1.

    **Result**: A junction for one bias and one profile, else a stack with their shape as batch shape.

    Examples
    --------
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> junction = biased(Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=1)], iron), 0.4)
    >>> [round(plane.onsite, 12) for plane in junction.planes]
    [1.2, 3.0, 0.8]
    """
    instance("junction", junction, Junction).refuse_disorder()  # its planes at a potential would be another sample
    V, shares = finite_array("bias", bias), _checked_profile(junction, profile)
    if V.ndim or shares.ndim > 1:
        return _biased_stack(junction, V, shares)
    planes = [
        replace(plane, onsite=plane.onsite + V * share) for plane, share in zip(junction.planes, shares, strict=True)
    ]
    # each plane is a layer of its own; the end planes continue in the leads
    inner = planes[junction.buffer : len(planes) - junction.buffer]
    return Junction(planes[0], inner, planes[-1], bonds=tuple(junction.bond_hoppings), buffer=junction.buffer)


def _checked_profile(junction: Junction, profile: ArrayLike | None) -> Floats:
    if profile is None:
        return linear_drop(junction)
    shares = finite_array("profile", profile, f"(..., {len(junction.planes)})")
    ends = shares[..., : junction.buffer], shares[..., -junction.buffer :]
    if any((end != end[..., :1]).any() for end in ends) or (abs(ends[0][..., 0] - ends[1][..., -1] - 1) > 1e-12).any():
        raise ArgumentError(
            "Argument `profile` must be constant over the planes of each lead and fall by 1 in all, but goes from "
            f"{np.ravel(ends[0])[0]:g} to {np.ravel(ends[1])[-1]:g}. It is the potential in units of the bias."
        )
    return shares


def _biased_stack(junction: Junction, V: Floats, shares: Floats) -> Stack:
    stack = Stack.from_junction(junction)
    broadcast("Arguments `bias` and `profile`", V.shape, shares.shape[:-1])
    potential = V[..., None] * shares
    ends = potential[..., [0, -1]]
    return replace(stack, onsite=stack.onsite + potential, lead_onsite=stack.lead_onsite + ends)


# ---------------------------------------------------------------------- the response
@dataclass(frozen=True, repr=False, eq=False)
class BiasResponse(Response):
    """Currents and torques at finite bias; what is as in `Response` is the part of the window."""

    bias: Floats  #: Shape (...): V = µ_L - µ_R.
    mu: Floats  #: Shape (..., 2, 2): µ_αs as [lead, spin].
    temperature: tuple[float, float]  #: k_B T of both leads.
    error: Floats  #: Shape (...): estimated absolute error of the least accurate current or torque of the window.
    #: Spin current and torques of the occupied states at the mean occupation, if asked for.
    equilibrium: EquilibriumResponse | None = None
    unit: str = UNIT  #: Unit of all currents and torques for energies in eV.

    @property
    def current(self) -> Floats:
        """Charge (particle) current J, the mean of both sides, shape (...)."""
        J: Floats = self.charge.mean(axis=-1)
        return J

    @property
    def total_torques(self) -> Torques:
        """Torques of window and occupied states together."""
        if self.equilibrium is None:
            raise ArgumentError("Argument `equilibrium` must be True for the total torques, but was False.")
        window, below = self.torques, self.equilibrium.torques
        parts = ("vectors", "damping_like", "field_like")
        return Torques(**{name: getattr(window, name) + getattr(below, name) for name in parts})

    def table(self) -> Table:
        """Return the window part as a table with its own quality."""
        columns = np.broadcast_arrays(
            self.bias,
            self.current,
            *np.moveaxis(self.magnetization, -1, 0),
            self.torques.damping_like[..., 1],
            self.torques.field_like[..., 1],
            self.error,
        )
        rows = [
            (f"{V:.4g}", *(f"{value:.6g}" for value in values), f"{error:.1e}")
            for V, *values, error in zip(*(np.ravel(column) for column in columns), strict=True)
        ]
        head = ("bias", "J", "J_M left", "J_M right", "damping R", "field R", "error")
        title = f"Response to a bias, window part, in {self.unit}; k_B T = {self.temperature}"
        return Table(title, head, rows, left=0)


def bias_response(
    junction: Any,
    bias: ArrayLike,
    *,
    energy: float = 0.0,
    accumulation: ArrayLike | None = None,
    temperature: ArrayLike = 0.0,
    profile: Any = None,
    k: ArrayLike | str | None = None,
    equilibrium: bool = False,
    layers: bool | None = None,
    rtol: float | None = None,
    **crystal: Any,
) -> BiasResponse:
    r"""Return currents and torques at finite bias and temperature, coherent transport between four reservoirs.

    I_Ls = (1/h) ∫ dE Σ_βs' P[Ls, βs'](E, V) (f_Ls - f_βs'), its mirror image, and the spin current and torques of the
    same states weighted with f_αs - f_0.

    Parameters
    ----------
    junction
        The junction without bias, of two collinear halves; or a finalized Kwant system or `Device` with two leads,
        lead 0 being the left and lead 1 the right.
    bias
        V = µ_L - µ_R as an energy, shape (...); particles flow from left to right for V > 0.
    energy
        Fermi energy: the chemical potential without bias.
    accumulation
        Spin accumulation: µ_αs on top of the shift by the bias, shape (..., 2, 2) as [lead, spin]; None for none. It
        fills channels but does not shift bands; at V = 0 it is (``mu_left``, ``mu_right``) of `linear_response`.
    temperature
        k_B T as an energy, one number or (left, right).
    profile
        Potential of the planes in units of V, see `biased`. Of a Kwant system a function of a site, which falls by 1
        from lead 0 to lead 1; None for that of the `Device`.
    k
        In-plane wave vector (kx, kz) in 1/a, shape (..., 2), None for Γ, or "average" for the mean over the Brillouin
        zone, which is the result per unit cell of area a². Of a Kwant system one momentum or "average", see `scatter`.
    equilibrium
        Whether to add the torque of the occupied states.
    layers
        Whether to resolve the torque by planes. Without it ``layer_torques`` has no planes, and junctions between
        magnetic leads are solved several times faster. None: those of a junction; a Kwant system has none.
    rtol
        Error to reach, relative to the largest integral of a modulus among all currents and torques. None: 1e-8, and
        1e-4 of a Kwant system.
    **crystal
        Of a Kwant system: ``turns``, ``behind``, ``axis``, ``params``, ``momenta``, ``spin_orbit``, ``max_points`` as
        of `scatter`, ``executor`` and ``progress``, see `BiasSettings`. An array of ``turns`` is the leading axis of
        all results. Torques are those on all that lies on either side of the cut; their parts are those of the leads'
        magnetizations, next to a normal metal of the net exchange field of its side.

    Raises
    ------
    IntegrationError
        Of a Kwant system: the error is more than ``rtol`` allows.
    NoOpenChannelError
        Of a Kwant system: no channel of a lead is open in the window.

    Warns
    -----
    CostWarning
        It will take long.

    Notes
    -----
    Of a junction a window without an open channel carries no current and is no error. Bound states (outside all bands
    of both leads) are no scattering states: they count in the equilibrium part only, at the mean occupation.

    **Validity**: exact for noninteracting electrons in the given potential; no self-consistency, no inelastic
    scattering. The leads' bands move rigidly with their µ.

    References
    ----------
    I. Theodonis, N. Kioussis, A. Kalitsov, M. Chshiev, W. H. Butler, Phys. Rev. Lett. 97, 237205 (2006).

    Examples
    --------
    >>> import numpy as np
    >>> import kwant_spinjunc as sj
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> spacer = sj.barrier(onsite=3.0, hopping=1.0, thickness=4)
    >>> junction = sj.Junction(sj.ferromagnet(**iron), [spacer], sj.ferromagnet(**iron, m=sj.unit_vector(np.pi / 2)))
    >>> response = bias_response(junction, [-0.5, 0.0, 0.5])
    >>> np.sign(response.current).tolist(), response.layer_torques.shape
    ([-1.0, 0.0, 1.0], (3, 6, 3))
    """
    refuse_unknown(crystal, (*keywords_of(bias_response), *BiasSettings.__dataclass_fields__), "bias_response")
    V = finite_array("bias", bias)
    left, right = sides("temperature", temperature, alike=True)
    kT = (check_temperature("temperature", left), check_temperature("temperature", right))
    mu = np.full((2, 2), finite("energy", energy))
    if accumulation is not None:
        mu = mu + finite_array("accumulation", accumulation, "(..., 2, 2)")
    if isinstance(junction, Device) or is_kwant(junction):
        if layers:
            raise ArgumentError(
                "Argument `layers` must be None or False for a Kwant system, whose planes have no order."
            )
        system = BiasedCrystal(as_device(junction), profile, k, BiasSettings(**crystal))
        return _of_crystal(system, V, mu, kT, positive("rtol", RTOL if rtol is None else rtol), equilibrium)
    instance("junction", junction, Junction).refuse_disorder()
    if crystal:
        raise refusal(next(iter(crystal)), "be left out for a Junction", "is given: it is for a Kwant system")
    rtol = positive("rtol", 1e-8 if rtol is None else rtol)
    layers = layers is None or layers
    two_halves("junction", junction.cut)
    shares, c = _checked_profile(junction, profile), shift_of(k)
    refuse_empty("Arguments `bias` and `k`", V, c)
    mu = mu + V[..., None, None] * shares[..., [0, -1], None]
    stack = _biased_stack(junction, V, shares)
    names = "Arguments `bias`, `accumulation` and `k`"
    shape = broadcast(names, stack.shape, mu.shape[:-2], () if c is None else c.shape)
    mu = np.broadcast_to(mu, (*shape, 2, 2))
    stack = stack.spread(shape)
    waves = layers or not all(lead.is_magnetic for lead in junction.leads)
    window = _Window(stack, mu.reshape(-1, 2, 2), np.array(kT), rtol, layers, waves)
    m = np.array([lead.m for lead in junction.leads])
    occupied = _equilibrium(stack, mu, kT, k, rtol) if equilibrium else None
    found = window.integrate(c)
    currents, Q, outer, layer = np.split(found.value.reshape(*shape, -1), [4, 7, 13], axis=-1)
    outer = outer.reshape(*shape, 2, 3) if waves else np.zeros((*shape, 2, 3))
    J_M = magnetization_current(currents.reshape(*shape, 2, 2))
    for side, lead in enumerate(junction.leads):
        if lead.is_magnetic:
            outer[..., side, :] = J_M[..., side, None] * m[side]
    torques = magnet_torques(junction.magnetizations, Q, outer)
    V, error = np.broadcast_to(V, shape), found.error.reshape(shape)
    return _assembled(
        currents, Q, torques, layer, m=m, bias=V, mu=mu, temperature=kT, error=error, equilibrium=occupied
    )


def _assembled(currents: Floats, Q: Floats, torques: Torques, layer: Floats, **rest: Any) -> BiasResponse:
    """Return the response of components of a window, (..., 4), (..., 3) and (..., 3 planes), and all else."""
    batch = Q.shape[:-1]
    return BiasResponse(
        spin_resolved=currents.reshape(*batch, 2, 2),
        spin_current=Q,
        torques=torques,
        layer_torques=layer.reshape(*batch, -1, 3),
        **rest,
    )


def _equilibrium(stack: Stack, mu: Floats, kT: tuple[float, float], k: Any, rtol: float) -> EquilibriumResponse:
    """Return the equilibrium part at the mean of the four occupations."""

    def solve(level: Floats, width: float) -> tuple[Floats, Floats]:
        part = equilibrium_response(stack, level, temperature=width, k=k, rtol=rtol)
        return part.spin_current, part.error

    Q, error = of_reservoirs(solve, mu, kT)
    return EquilibriumResponse(Q, exchange_torques(Q, stack.m[..., 0, :], stack.m[..., 1, :]), error)


# ---------------------------------------------------------------------- the window
@dataclass(frozen=True, eq=False)
class _Window:
    """Integrals over the energies where reservoirs differ, for a flat batch of biased junctions.

    Components: I_αs (4), Q (3), with ``waves`` the spin flux in both leads (6), with ``layers`` the torque on each
    plane (3 planes).
    """

    stack: Stack
    mu: Floats
    kT: Floats
    rtol: float
    layers: bool
    waves: bool

    @property
    def components(self) -> int:
        return 7 + 6 * self.waves + 3 * self.stack.planes * self.layers

    def integrate(self, c: Floats | None) -> Integral:
        """Integrate at the band shifts ``c``, or averaged over the zone for None."""
        if self.kT[0] == self.kT[1] and not np.ptp(self.mu, axis=(1, 2)).any():
            rows = len(self.mu)  # equal reservoirs: nothing flows between them at any energy
            return Integral(np.zeros((rows, self.components)), np.zeros(rows), np.zeros(rows))
        return over_zone(self.at_shifts, self.stack, self.mu.reshape(-1, 4), c, self.rtol)

    def at_shifts(self, index: Indices, c: Floats, rtol: float, enough: Any) -> Integral:
        """Integrate over energy for members of the batch, each at its band shift."""
        stack = self.stack.rows(index)
        mu = self.mu[index]

        def integrand(owner: Indices, energy: Floats) -> tuple[Floats, float]:
            rows = stack.rows(owner)
            return self._weighted(rows, energy, c[owner][:, None], mu[owner][:, None]), 0.0

        pieces = self._pieces(stack, c, mu.reshape(-1, 4))
        return integrate(integrand, pieces, len(index), self.components, rtol=rtol, floor=enough)

    def _pieces(self, stack: Stack, c: Floats, mu: Floats) -> tuple[Indices, Floats, Floats]:
        """Return the pieces of the energy axis between kinks, where reservoirs differ and a channel is open."""
        edges = np.broadcast_to(lead_edges(stack, c), (len(mu), 8))
        reach = np.repeat(THERMAL_CUTS[-1] * self.kT, 2)
        low, high = (mu - reach).min(axis=-1), (mu + reach).max(axis=-1)
        low, high = np.maximum(low, edges.min(axis=-1)), np.minimum(high, edges.max(axis=-1))
        texture = stack.as_texture()

        def states(owner: Indices, energy: Floats) -> Floats:
            return states_below(texture.rows(owner), energy, c[owner][:, None])

        points = [edges, mu, sharp_steps(states, low, high, flanks=True)]
        if self.kT.any():
            offsets = np.outer(np.repeat(self.kT, 2), np.concatenate([-THERMAL_CUTS, THERMAL_CUTS]))
            points.append((mu[..., None] + offsets).reshape(len(mu), -1))
        owner, lower, upper = cut_into_pieces(low, high, np.concatenate(points, axis=-1))
        middle = (lower + upper) / 2
        bands = edges.reshape(-1, 4, 2)[owner]
        open_ = ((bands[..., 0] < middle[:, None]) & (middle[:, None] < bands[..., 1])).any(axis=-1)
        return owner[open_], lower[open_], upper[open_]

    def _weighted(self, stack: Stack, energy: Floats, c: Floats, mu: Floats) -> Floats:
        """Return the integrand, shape (n, points, components)."""
        difference = occupation_differences(energy, mu, self.kT)
        P = halves.probabilities(stack, energy, c)
        weight = difference.mean(axis=(-1, -2))
        # every term is a product of a probability and a difference of occupations, none a difference of fluxes
        found = [(P * difference).sum(axis=(-1, -2)) * DIRECTION]
        found += [np.einsum("nqas,nqas...->nq...", weight, x) for x in self._of_states(stack, energy, c)]
        return np.concatenate([x.reshape(*energy.shape, -1) for x in found], axis=-1)

    def _of_states(self, stack: Stack, energy: Floats, c: Floats) -> list[Floats]:
        """Return Q, and if asked for the outer spin fluxes and the layer torques, of each incoming state."""
        if not self.waves:
            return [halves.spacer_currents(stack, energy, c)[..., 1:]]
        states, cut = halves.states(stack, energy, c), stack.cut or 0
        outer = states.currents[..., [0, -1], 1:]
        return [states.currents[..., cut, 1:], outer, states.torques][: 3 if self.layers else 2]


def _of_crystal(
    system: BiasedCrystal, V: Floats, mu: Floats, kT: tuple[float, float], rtol: float, equilibrium: bool
) -> BiasResponse:
    """Return the response of a Kwant system, axes (angles?, points...)."""
    refuse_empty("Arguments `bias` and `accumulation`", V, mu)
    points = broadcast("Arguments `bias` and `accumulation`", V.shape, mu.shape[:-2])
    mu = mu + V[..., None, None] * system.shares[:, None]
    V = np.broadcast_to(V, points)
    solved = list(system.responses(V.ravel(), mu.reshape(-1, 2, 2), kT, rtol, equilibrium))

    def shaped(arrays: Any, *own: int) -> Floats:
        """Return arrays (points, angles, ...) with the axes of the result."""
        found = np.swapaxes(np.asarray(arrays).reshape(len(solved), -1, *own), 0, 1).reshape(-1, *points, *own)
        found = np.broadcast_to(found, (len(system.m), *found.shape[1:]))
        return found if system.listed else found[0]

    found = shaped([window.value for window, _ in solved], 13)
    m, magnets = (
        shaped(np.broadcast_to(axes, (len(solved), *axes.shape)), 2, 3) for axes in (system.m, system.magnets)
    )
    occupied = None
    if equilibrium:
        parts = [part for _, part in solved if part is not None]
        Q = shaped([part.value for part in parts], 3)
        torques = resolved_torques(magnets, np.stack([-Q, Q], axis=-2))
        occupied = EquilibriumResponse(Q, torques, shaped([part.error for part in parts]))
    currents, Q, vectors = np.split(found, [4, 7], axis=-1)
    return _assembled(
        currents,
        Q,
        resolved_torques(magnets, vectors.reshape(*vectors.shape[:-1], 2, 3)),
        vectors[..., :0],
        m=m,
        bias=shaped(V.ravel()),
        mu=shaped(mu, 2, 2),
        temperature=kT,
        error=shaped([window.error for window, _ in solved]),
        equilibrium=occupied,
    )
