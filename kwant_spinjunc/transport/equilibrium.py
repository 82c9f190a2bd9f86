r"""What the occupied states do without any current: interlayer exchange and the zero-bias field-like torque.

Two magnets exchange spin even in equilibrium. The states below the chemical potential carry a spin current along
m_L×m_R through the spacer, Q_eq, the torque of the interlayer exchange. It is a property of all occupied states, bound
ones included, so it is not integrated along the real axis but on a contour in the upper half plane, where the
Green's functions are smooth.

**Sign and factor.** With the cut of `halves`, D(E) = det(1 - g_L V g_R V†) and the number of states below E is
-(1/π) Im ln det(E + i0 - H), so the grand potential Ω = -∫ dE f(E) N(E) is

    Ω(Φ) = (1/π) Im ∫ dE f(E) ln D(E),                                                                         (a)

retarded Green's functions (advanced ones have the opposite sign in front). Turning the right half by dΦ about
n = m_L×m_R/sin Φ does ∂H/∂Φ = -(i/2)[n·σ_R, H_R], and in a stationary state the flux of n·σ into the right half is
taken up by its exchange field, Q·n = -(2/ħ) ∂Ω/∂Φ as a rate of σ. In the package's unit, h × rate,

    Q_eq·n = -4π ∂Ω/∂Φ = -2 sin Φ Im ∫ dE f(E) (u_+ - u_-)(w_+ - w_-)/D,                                       (b)

where ∂D/∂Φ = (sin Φ/2)(u_+ - u_-)(w_+ - w_-). The right magnet takes up τ_R = Q_eq, the left one τ_L = -Q_eq: both
turn toward the smaller Ω (`units.torque_to_joule` of τ is -∂Ω/∂Φ, in joule).

**Contour.** From below the spectrum, where D is real, on a semicircle to the chemical potential. At a temperature the
semicircle ends between the poles of the Fermi function: those below it are summed, and a line of a few kT at that
height adds the rest. No approximation is made but the quadrature's, whose error is reported.

D. M. Edwards, J. Mathon, R. B. Muniz, M. S. Phan, Phys. Rev. Lett. 67, 493 (1991); P. Bruno, Phys. Rev. B 52, 411
(1995), the ln det form; M. Brandbyge et al., Phys. Rev. B 65, 165401 (2002), the contour.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from .. import halves
from ..arrays import Complex, Floats
from ..checks import broadcast, finite_array, is_average, positive, refuse_empty, two_halves
from ..checks import temperature as check_temperature
from ..costs import quoted, warn_if_long
from ..halves import zone
from ..halves.batch import Stack, as_stack
from ..halves.kinks import window_kinks
from ..model.junction import Junction
from ..model.plane import band_shift
from ..quadrature import Integral, cut_into_pieces, integrate
from ..spin import torque_axes
from .observables import Torques

#: Unit of every current and torque, for energies in eV.
UNIT = "(e²/h)·V per unit cell"
#: Poles of the Fermi function below the end of the contour.
POLES = 8
#: The Fermi function is negligible this many kT from the chemical potential.
TAIL = 40.0
#: Tolerance of the first look at how large the integrals are.
PILOT = 0.1
#: Tolerances of an average that its inner integrals may miss together: what they claim is far above what they miss.
INNER = 2.0
#: The time of an average over that of its first look.
LOOKS = 16.0

#: (stack of n rows, energies (n, points), band shifts (n, 1)) -> F (n, points)
Function = Callable[[Stack, Complex, Floats], Complex]


@dataclass(frozen=True, eq=False)
class EquilibriumResponse:
    """The spin current and the torques of the occupied states."""

    #: Shape (..., 3): Pauli-spin flux Q_eq through the spacer, positive along +y; it points along m_L×m_R.
    spin_current: Floats
    torques: Torques  #: τ_L = -Q_eq and τ_R = Q_eq; no damping-like part.
    error: Floats  #: Shape (...): estimated absolute error of the length of Q_eq.
    unit: str = UNIT  #: Unit of all of them for energies in eV.


def equilibrium_response(
    junction: Junction | Stack,
    energy: ArrayLike = 0.0,
    *,
    temperature: ArrayLike = 0.0,
    k: ArrayLike | str | None = None,
    rtol: float = 1e-9,
) -> EquilibriumResponse:
    r"""Return the equilibrium spin current and the torques of interlayer exchange, equation (b).

    ``junction``: a junction of two collinear halves, or a stack of many.
    ``energy``: Fermi energy, the chemical potential µ, shape (...); it broadcasts with the batch of a stack.
    ``temperature``: k_B T in the unit of the energies; 0 for a sharp Fermi edge.
    ``k``: in-plane wave vector (kx, kz) in 1/a, None for Γ, or "average" for the mean over the Brillouin zone.
    ``rtol``: error to reach, relative to the integral of the modulus.

    **Result**: Batch axes in front. Multiply with `units.torque_per_area` to get J/m².

    **Validity**: exact for noninteracting electrons at one chemical potential and temperature. Bound states are
    occupied like all others.

    Examples
    --------
    >>> import numpy as np
    >>> import kwant_spinjunc as sj
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> spacer = sj.barrier(onsite=3.0, hopping=1.0, thickness=2)
    >>> junction = sj.Junction(sj.ferromagnet(**iron), [spacer], sj.ferromagnet(**iron, m=sj.unit_vector(np.pi / 2)))
    >>> exchange = equilibrium_response(junction)
    >>> bool(abs(exchange.torques.field_like.sum()) < 1e-15), exchange.torques.damping_like.tolist()
    (True, [0.0, 0.0])
    """
    stack = as_stack(junction)
    two_halves("junction", stack.cut, "Use `grand_potential` and its change with the directions.")
    shape, found = _occupied(stack, energy, temperature, k, rtol, halves.exchange_integrand)
    m_left, m_right = stack.m[..., 0, :], stack.m[..., 1, :]
    strength = -2 * found.value.reshape(shape)[..., None]
    Q = strength * np.cross(m_left, m_right)
    sine = np.linalg.norm(np.cross(m_left, m_right), axis=-1)
    return EquilibriumResponse(Q, exchange_torques(Q, m_left, m_right), 2 * found.error.reshape(shape) * sine)


def grand_potential(
    junction: Junction | Stack,
    energy: ArrayLike = 0.0,
    *,
    temperature: ArrayLike = 0.0,
    k: ArrayLike | str | None = None,
    rtol: float = 1e-9,
) -> tuple[Floats, Floats]:
    r"""Return the grand potential Ω that the junction gains by joining its halves, equation (a), and its error.

    ``junction``, ``energy``, ``temperature``, ``k``, ``rtol``: as in `equilibrium_response`. Angles go into the
    directions of a stack. Textures are accepted: what is left out of their Ω does not depend on the directions, but on
    where the contour starts.

    **Result**: value and error, shape (...), in the unit of the energies, per unit cell. ∂Ω/∂Φ = -Q_eq·n/4π.
    **Validity**: as `equilibrium_response`.
    """
    shape, found = _occupied(as_stack(junction), energy, temperature, k, rtol, halves.log_det)
    return found.value.reshape(shape) / np.pi, found.error.reshape(shape) / np.pi


def exchange_torques(spin_current: Floats, m_left: Floats, m_right: Floats) -> Torques:
    """Return the torques τ_L = -Q_eq and τ_R = Q_eq of an equilibrium spin current along m_L×m_R."""
    _, normal = torque_axes(m_left, m_right)
    along = (spin_current * normal).sum(axis=-1)
    field_like = np.stack([-along, along], axis=-1)
    return Torques(np.stack([-spin_current, spin_current], axis=-2), np.zeros(field_like.shape), field_like)


#: Takes row indices (n,), band shifts (n,), a tolerance and absolute errors that are good enough; n integrals.
AtShifts = Callable[[NDArray[np.intp], Floats, float, Any], Integral]


def over_zone(function: AtShifts, stack: Stack, levels: Floats, c: Floats | None, rtol: float) -> Integral:
    """Return integrals over energy at band shifts, or averaged over the zone, each as well as the average deserves.

    ``levels``: chemical potentials of each junction of the stack, (rows, count): where kinks are.
    ``c``: band shifts that broadcast to the shape of the stack, None for the average.
    ``rtol``: error to reach, relative to the largest component.

    Warns `CostWarning`: It will take more than half a minute, which the first look at the middle of every piece
    foretells within a factor of three.
    """
    rows = len(levels)
    if c is not None or not stack.dispersive:
        shifts = np.broadcast_to(0.0 if c is None else c, stack.shape).ravel()
        return function(np.arange(rows), shifts, rtol, 0.0)
    kinks = window_kinks(stack.rows(np.arange(rows)), levels)
    begin = time.process_time()
    pieces = cut_into_pieces(np.full(rows, -2.0), np.full(rows, 2.0), kinks)
    owner, lower, upper = pieces
    look = function(owner, (lower + upper) / 2, PILOT, 0.0)
    pilot = look.size * (upper - lower) / 4
    seconds = LOOKS * (time.process_time() - begin)
    if quoted(lambda: seconds):
        return Integral(np.zeros((rows, look.value.shape[-1])), np.zeros(rows), np.zeros(rows))
    advice = (
        f" for {rows} problem(s). A wider `rtol` or fewer planes cost less; `sweep(..., resume=FILE)` shows how it "
        "goes on and keeps what is done."
    )
    warn_if_long(seconds, "Averaging over the zone", advice)
    enough = INNER * rtol * np.bincount(owner, pilot, minlength=rows)

    def observe(c: Floats, index: NDArray[np.intp]) -> tuple[Floats, Floats]:
        inner = function(index, c, INNER * rtol, enough[index])
        return inner.value, inner.error[:, None]

    found = zone.average(observe, kinks, rtol=rtol, floor=1.0, strict=False)
    return Integral(found.value, found.error.max(axis=-1), abs(found.value).max(axis=-1))


def of_reservoirs(solve: Callable[[Floats, float], tuple[Any, ...]], mu: Floats, kT: tuple[float, float]) -> list[Any]:
    """Return the means over four reservoirs of what ``solve`` makes of level and k_B T; equal ones are solved once.

    ``mu``: shape (..., 2, 2) as [lead, spin].
    """
    known: list[tuple[Floats, float, Any]] = []
    for lead, spin in np.ndindex(2, 2):
        level, width = mu[..., lead, spin], kT[lead]
        same = [parts for old, at, parts in known if at == width and np.array_equal(old, level)]
        known.append((level, width, same[0] if same else solve(level, width)))
    return [np.mean(column, axis=0) for column in zip(*(parts for *_, parts in known), strict=True)]


def shift_of(k: Any) -> Floats | None:
    """Return the band shift of ``k``, None for the average."""
    return None if is_average("k", k) else band_shift(k)


# ---------------------------------------------------------------------- the contour
def _occupied(
    stack: Stack,
    energy: ArrayLike,
    temperature: ArrayLike,
    k: Any,
    rtol: float,
    function: Function,
) -> tuple[tuple[int, ...], Integral]:
    """Return Im ∫ dE f(E) F(E) of every member of the batch, and the batch shape."""
    mu, c = finite_array("energy", energy), shift_of(k)
    refuse_empty("Arguments `energy` and `k`", mu, c)
    kT = check_temperature("temperature", temperature)
    rtol = positive("rtol", rtol)
    names = "The batch of the junction and the arguments `energy` and `k[..., 0]`"
    shape = broadcast(names, stack.shape, mu.shape, () if c is None else c.shape)
    stack = stack.spread(shape)
    mu = np.broadcast_to(mu, shape).ravel()

    def solve(index: NDArray[np.intp], shift: Floats, rtol: float, enough: Any) -> Integral:
        rows = stack.rows(index)

        def at(owner: NDArray[np.intp], z: Complex) -> Complex:
            return function(rows.rows(owner), z, shift[owner][:, None])[..., None]

        return contour(at, mu[index], kT, _floor(rows, shift), rtol, enough)

    return shape, over_zone(solve, stack, mu[:, None], c, rtol)


def contour(
    solve: Callable[[NDArray[np.intp], Complex], Complex],
    mu: Floats,
    kT: float,
    floor: Floats,
    rtol: float,
    enough: Any = 0.0,
    components: int = 1,
) -> Integral:
    """Return Im ∫ dE f(E) F(E) of functions that are analytic above the real axis and real below their spectra.

    ``solve``: takes rows (n,) and energies (n, points), returns F, shape (n, points, components).
    ``mu``, ``floor``: chemical potential and an energy below the spectrum of each row.
    ``rtol``, ``enough``: relative and absolute error to reach.

    ∫ f F dE = ∫_arc F dz - 2πi kT Σ_n F(µ + iω_n) + ∫_0^∞ dx f(x) [F(µ + iη + x) - F(µ + iη - x)]
    with the arc ending at µ + iη, η = 2π kT p, above the first p poles ω_n = (2n + 1)π kT.
    """
    rows = len(mu)
    start = np.minimum(floor, mu - 1e-3 * (1 + abs(mu)))
    eta = 2 * np.pi * kT * POLES
    center = (mu + start) / 2 + eta * eta / (mu - start) / 2
    radius = center - start
    swept = np.pi - np.arctan2(eta, mu - center)

    def arc(owner: NDArray[np.intp], s: Floats) -> tuple[Floats, float]:
        turn = -np.exp(-1j * swept[owner][:, None] * s)  # exp(iφ), φ from π down
        z = center[owner][:, None] + radius[owner][:, None] * turn
        slope = -1j * (swept * radius)[owner][:, None] * turn
        z.imag = np.maximum(z.imag, 0.0)
        return (solve(owner, z) * slope[..., None]).imag, 0.0

    whole = np.arange(rows)
    settings: Any = {"rtol": rtol, "floor": enough}
    found = integrate(arc, (whole, np.zeros(rows), np.ones(rows)), rows, components, **settings)
    if kT == 0:
        return found

    def line(owner: NDArray[np.intp], x: Floats) -> tuple[Floats, float]:
        z = mu[owner][:, None] + 1j * eta + np.concatenate([x, -x], axis=1)
        ahead, behind = np.split(solve(owner, z), 2, axis=1)
        return expit(-x / kT)[..., None] * (ahead - behind).imag, 0.0

    ends = cut_into_pieces(np.zeros(rows), np.full(rows, TAIL * kT), np.full((rows, 1), 4 * kT))
    thermal = integrate(line, ends, rows, components, **settings)
    omega = (2 * np.arange(POLES) + 1) * np.pi * kT
    poles = -2 * np.pi * kT * solve(whole, mu[:, None] + 1j * omega).real.sum(axis=1)
    return Integral(found.value + thermal.value + poles, found.error + thermal.error, found.size)


def _floor(stack: Stack, c: Floats) -> Floats:
    """Return an energy below the spectrum of each row: Gershgorin's bound, minus one hopping."""
    levels = np.concatenate(
        [
            stack.onsite - 2 * stack.in_plane * c[:, None, None] - abs(stack.splitting) / 2,
            stack.lead_onsite - 2 * stack.lead_in_plane * c[:, None, None] - abs(stack.lead_splitting) / 2,
        ],
        axis=-1,
    )
    hopping = np.maximum(stack.bonds.max(axis=-1), stack.lead_hopping.max(axis=-1))
    return np.asarray((levels.min(axis=-1) - 3 * hopping)[:, 0])
