r"""The paper's strong-barrier limit: equations (1) to (4), the torque t0, and what separates them from the exact.

Reading order: the decay through the barrier (equation (2)); the tunnelling matrix, as printed and corrected; the
matching of waves at the interfaces, which (2) leaves out and without which no current is spin-polarized; the exact
transmission of a uniform barrier, whose lowest order is (2); the currents of (1), (3), (4); the torques.

Conventions: probabilities are ``T[..., s, s']`` with **s on the left and s' on the right**, each along its own
magnetization, index 0 = majority. In a coplanar junction without spin-orbit coupling both directions of transmission
have the same T. Chemical potentials are ``mu[..., s]``; a scalar stands for both spins, i.e. no spin accumulation.
Particle currents are positive along +y on both sides and carry the factor 1/h: with µ in eV, a current is in units of
(e²/h)·V per channel bundle that T describes (a unit cell of area a², say). Torques are rates of σ in the same unit:
multiply by ħ/2 for angular momentum.

Of the decay: all energies are in one unit (eV), the thickness d in the length of ``hbar2_2m`` = ħ²/2m, energy ×
length²: 0.0381 eV nm² for a free electron, t a² for a lattice of ``hopping`` t > 0. ``allowed`` says what to do where
the barrier lies below the energy: "raise" (`ClassicallyAllowedError`) or "zero" (no decay there). Of the matching:
``reflection_left`` and ``reflection_right`` are ρ_Ls and ρ_Rs', shape (..., 2); ``exponent`` is κd (κaN for N planes).
``factors`` are D_ss', ``rotation`` R_ss' and ``probabilities`` T_ss', shape (..., 2, 2) as results of two spins.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Complex, Floats, Side
from ..checks import (
    choice,
    complex_array,
    finite_array,
    formula,
    not_negative_array,
    positive,
    positive_array,
    potentials,
)
from ..errors import ArgumentError
from ..spin import SIGNS, check_unit_vector

Allowed = Literal["raise", "zero"]


class ClassicallyAllowedError(ArgumentError):
    """The barrier lies below the energy somewhere: there is no decay, and equation (2) does not apply there."""


def _forbidden(excess: Floats, allowed: Allowed) -> Floats:
    """Return the excess with classically allowed parts set to zero, or refuse them."""
    if choice("allowed", allowed, ("raise", "zero")) == "raise" and np.any(excess < 0):
        raise ClassicallyAllowedError(
            f"Argument `height` must exceed the energy throughout the barrier, but it sinks to {excess.min():g}."
            " Raise the barrier, lower the voltage, or pass allowed='zero' to count no decay in the allowed part."
        )
    return np.maximum(excess, 0.0)


def _integral_of_root(start: Floats, end: Floats, length: Any, allowed: Allowed) -> Floats:
    """Return ∫_0^length √e(y) dy for e linear from ``start`` to ``end``; the root is zero where e < 0."""
    a, b = np.sqrt(_forbidden(start, allowed)), np.sqrt(_forbidden(end, allowed))
    crosses = (start < 0) != (end < 0)
    share = np.where(crosses, (a * a - b * b) / np.where(crosses, start - end, 1.0), 1.0)
    # (2/3)(a³ - b³)/(a² - b²), free of cancellation as a -> b.
    mean: Floats = (2 / 3) * (a * a + a * b + b * b) / np.where(a + b > 0, a + b, 1.0)
    return np.asarray(length * share * mean)


@formula
def barrier_excess(
    height: ArrayLike,
    mu_left: ArrayLike = 0.0,
    mu_right: ArrayLike = 0.0,
    voltage: ArrayLike = 0.0,
    position: ArrayLike = 0.0,
) -> Floats:
    """Return U - µ_Ls + µ_Rs' - V y/d, the energy under the root of equation (2).

    ``height``: U, height of the barrier above the Fermi energy, in eV (or the unit of all other energies here).
    ``voltage``: V, the drop across the barrier as an energy.
    ``position``: y/d, from 0 to 1. (The print has V y; with V a voltage it is V y/d.)

    **Validity**: a plane barrier with a linear drop. In linear response all terms but U are absent.
    """
    left, right = finite_array("mu_left", mu_left), finite_array("mu_right", mu_right)
    drop = finite_array("voltage", voltage) * finite_array("position", position)
    return finite_array("height", height) - left + right - drop


@formula
def decay_constant(excess: ArrayLike, hbar2_2m: float, *, allowed: Allowed = "raise") -> Floats:
    r"""Return κ = √(2m·excess)/ħ, equation (2) with the dimension restored.

    ``excess``: height of the barrier above the energy, e.g. from `barrier_excess`.

    **Validity**: parabolic band. On a lattice use `lattice_decay_constant`; the two agree to order (κa)². Raises
    `ClassicallyAllowedError`: The excess is negative and ``allowed="raise"``.
    """
    # ERRATA: equation (2) prints ħ²(U - ...)/2m under the root, which is no inverse length: 2m(U - ...)/ħ² is meant.
    return np.asarray(np.sqrt(_forbidden(finite_array("excess", excess), allowed) / positive("hbar2_2m", hbar2_2m)))


@formula
def wkb_exponent(
    height: ArrayLike,
    thickness: ArrayLike,
    hbar2_2m: float,
    *,
    mu_left: ArrayLike = 0.0,
    mu_right: ArrayLike = 0.0,
    voltage: ArrayLike = 0.0,
    allowed: Allowed = "raise",
) -> Floats:
    r"""Return ∫_0^d κ(y) dy of equation (2), in closed form for a constant or linearly biased barrier.

    With e(y) = U - µ_Ls + µ_Rs' - V y/d linear in y the integral is
    (2d/3)(e_0 + √(e_0 e_d) + e_d) / ((√e_0 + √e_d) √(ħ²/2m)).

    **Result**: dimensionless, positive. **Validity**: WKB, exponent well above 1. Prefactors of order one are those of
    `interface_factor`. Raises `ClassicallyAllowedError`: The barrier sinks below the energy and ``allowed="raise"``.

    ``height``, ``mu_left``, ``mu_right``, ``voltage``: as in `barrier_excess`; for all pairs of spins pass
    ``mu_left[..., :, None]`` and ``mu_right[..., None, :]``.
    """
    start = barrier_excess(height, mu_left, mu_right)
    start, end = np.broadcast_arrays(start, start - finite_array("voltage", voltage))
    return np.asarray(
        _integral_of_root(start, end, not_negative_array("thickness", thickness), allowed)
        / np.sqrt(positive("hbar2_2m", hbar2_2m))
    )


@formula
def lattice_decay_constant(
    level: ArrayLike, energy: ArrayLike, hopping: ArrayLike, lattice_constant: float = 1.0
) -> Floats:
    r"""Return κ of a tight-binding barrier, cosh κa = (ε - E)/(2t).

    ``level``: ε, band center of the barrier at the k∥ in question.

    **Validity**: exact for a uniform barrier. κ² = (ε - 2t - E)/(t a²) [1 - (κa)²/12 + ...]: the continuum of
    `decay_constant` with ħ²/2m = t a². Raises `ClassicallyAllowedError`: The energy reaches into the band of the
    barrier, ε - 2t < E (or lies above it: no tunnel barrier).
    """
    t = positive_array("hopping", hopping)
    excess = finite_array("level", level) - 2 * t - finite_array("energy", energy)
    if np.any(excess < 0):
        raise ClassicallyAllowedError(
            f"Argument `level` must be at least energy + 2 hopping, but is {-excess.min():g} below it. "
            "The band of the barrier reaches down to level - 2 hopping."
        )
    # cosh κa - 1 = 2 sinh²(κa/2) = (ε - 2t - E)/2t: accurate also for a shallow barrier.
    return np.asarray(2 * np.arcsinh(np.sqrt(excess / (4 * t))) / positive("lattice_constant", lattice_constant))


@formula
def lattice_exponent(levels: ArrayLike, energy: ArrayLike, hopping: ArrayLike) -> Floats:
    r"""Return Σ_n κ_n a over the planes of a barrier, the lattice form of the integral in equation (2).

    **Validity**: N planes count as a thickness d = N a, the interfaces lying half a spacing outside the end planes;
    with this choice `lattice_reflection` holds. Exact decay for a uniform barrier, WKB for a slowly varying one.

    ``levels``: band center ε_n of each plane, shape (..., planes).
    """
    energies = finite_array("energy", energy)[..., None]
    return np.asarray(lattice_decay_constant(levels, energies, hopping).sum(axis=-1))


@formula
def tunnelling_matrix(rotation: ArrayLike, exponent: ArrayLike) -> Complex:
    r"""Return T_ss' = R_ss' exp(-∫κ dy), equation (2) corrected.

    **Result**: complex amplitudes (real for magnetizations in the x-z plane). **Validity**: the dependence on thickness
    and angle behind a strong barrier. What it lacks are the spin factors of the interfaces (`interface_factor`): with
    one exponent for all spins |T_++| = |T_--| and nothing is polarized.

    ``exponent``: ∫κ dy: a number for all spins, or shape (..., 2, 2).
    """
    # ERRATA: equation (2) prints exp[+∫...]: growth through a barrier. Decay is meant.
    return np.asarray(complex_array("rotation", rotation, "(..., 2, 2)") * np.exp(-finite_array("exponent", exponent)))


# ---------------------------------------------------------------------- matching of waves, exact barrier, rotation law
@formula
def continuum_reflection(k: ArrayLike, kappa: ArrayLike, mass_ratio: float = 1.0) -> Complex:
    r"""Return ρ = (κ + i r k)/(κ - i r k), the reflection of the decaying wave by an electrode of wave number k.

    Inside the barrier, measured from the interface at y = 0, the wave e^{-κy} + ρ e^{κy} joins t e^{iky} behind it.

    **Result**: Complex, |ρ| = 1 for an open channel, real for a closed one. **Validity**: parabolic bands, step at the
    interface. Source: J. C. Slonczewski, Phys. Rev. B 39, 6995 (1989), section II.

    ``k``: wave number in the electrode. A closed channel is ``1j`` times its decay constant.
    ``kappa``: decay constant κ in the barrier, same unit.
    ``mass_ratio``: r = m_barrier/m_electrode (the current k/m is continuous).
    """
    decay, wave = finite_array("kappa", kappa), positive("mass_ratio", mass_ratio) * complex_array("k", k)
    return np.asarray((decay + 1j * wave) / (decay - 1j * wave))


@formula
def surface_green_function(energy: ArrayLike, level: ArrayLike, hopping: ArrayLike) -> Complex:
    r"""Return the retarded Green function g at the end of a semi-infinite chain, 1/g = E - ε - t² g.

    ``energy``, ``level``, ``hopping``: E, ε (of each spin of a magnet ε - sΔ/2) and t > 0 in one unit.

    **Result**: -e^{ika}/t inside the band E = ε - 2t cos ka, real and decaying outside; in 1/energy. **Validity**:
    exact.
    """
    t = positive_array("hopping", hopping)
    x = (finite_array("energy", energy) - finite_array("level", level)) / (2 * t)
    root = np.sqrt(abs((1 - x) * (1 + x)))
    # Outside the band the solution of modulus below one, x ∓ √(x² - 1) written without cancellation.
    outside = 1 / (x + np.where(x < 0, -root, root))
    return np.asarray(np.where(abs(x) <= 1, x - 1j * root, outside) / t)


@formula
def lattice_reflection(
    green: ArrayLike, kappa_a: ArrayLike, hopping: ArrayLike, joint: ArrayLike | None = None
) -> Complex:
    r"""Return ρ of an electrode with surface Green function g behind a tight-binding barrier.

    Seen from the last plane of the barrier the electrode is the self-energy t_c² g. The decaying wave λⁿ (λ = e^{-κa})
    is then reflected with ρ = (x - λ)/(1 - λx), x = -t_c² g/t, at the interface half a spacing behind.

    ``green``: g, complex, in 1/energy: `surface_green_function`, or that of any stack, per spin.
    ``kappa_a``: κa in the barrier.
    ``hopping``: t in the barrier.
    ``joint``: t_c, hopping from the barrier to the electrode; by default that of the barrier.

    **Result**: Complex, |ρ| = 1 for an electrode that is a uniform chain of hopping t = t_c with an open channel.
    **Validity**: exact for a uniform barrier of N >= 1 planes and any electrode. For a chain with the hopping of the
    barrier 2 Im ρ = 2 sinh κa sin ka/(cosh κa - cos ka) and Re ρ = (cosh κa cos ka - 1)/(cosh κa - cos ka), which tend
    to `continuum_reflection` with relative corrections (κ² - k²)a²/12.
    """
    t = finite_array("hopping", hopping)
    joined = t if joint is None else finite_array("joint", joint)
    x = -(joined**2) * complex_array("green", green) / t
    decay = np.exp(-finite_array("kappa_a", kappa_a))
    return np.asarray((x - decay) / (1 - decay * x))


@formula
def interface_factor(reflection: ArrayLike) -> Floats:
    r"""Return the spin factor f = 2 Im ρ of one interface, so that D_ss' = f_Ls f_Rs' e^{-2κd}.

    ``reflection``: ρ per spin, from `continuum_reflection` or `lattice_reflection`.

    **Result**: Non-negative, zero for a closed channel; 4 k κ/(k² + κ²) in the continuum, at most 2. **Validity**:
    exact factor; D factorizes to lowest order in e^{-2κd}.
    """
    return np.asarray(2 * complex_array("reflection", reflection).imag)


@formula
def spin_factors(reflection_left: ArrayLike, reflection_right: ArrayLike, exponent: ArrayLike) -> Floats:
    r"""Return D_ss' = f_Ls f_Rs' e^{-2κd}, the tunnelling probability without the rotation, thick-barrier limit.

    With `rotation_law` it gives T_ss'(Φ). **Validity**: lowest order in e^{-2κd}; `barrier_probabilities` is exact.
    Source: the paper, equation (2), completed by the interfaces; J. C. Slonczewski, Phys. Rev. B 39, 6995 (1989).
    """
    left = interface_factor(complex_array("reflection_left", reflection_left, "(..., 2)"))
    right = interface_factor(complex_array("reflection_right", reflection_right, "(..., 2)"))
    decay = np.exp(-2 * finite_array("exponent", exponent))[..., None, None]
    return np.asarray(left[..., :, None] * right[..., None, :] * decay)


def _round_trips(rotation: ArrayLike, left: ArrayLike, right: ArrayLike, exponent: ArrayLike) -> tuple[Any, ...]:
    """Return R, the far reflection B = e^{-2κd} R ρ_R R† in the left frame, and 1/(1 - B ρ_L)."""
    R = complex_array("rotation", rotation, "(..., 2, 2)")
    decay = np.exp(-2 * finite_array("exponent", exponent))[..., None, None]
    rho_left = complex_array("reflection_left", left, "(..., 2)")[..., None, :]
    rho_right = complex_array("reflection_right", right, "(..., 2)")[..., None, :]
    far = decay * ((R * rho_right) @ np.swapaxes(R.conj(), -1, -2))
    trips = np.linalg.inv(np.eye(2) - far * rho_left)
    return R, far, trips


@formula
def barrier_probabilities(
    rotation: ArrayLike, reflection_left: ArrayLike, reflection_right: ArrayLike, exponent: ArrayLike
) -> Floats:
    r"""Return the exact T_ss' of a uniform barrier between two magnets at any angle.

    T_ss' = f_Ls f_Rs' e^{-2κd} |[(1 - e^{-2κd} R ρ_R R† ρ_L)⁻¹ R]_ss'|². The inverse sums the round trips in the
    barrier. Its lowest order is |R_ss'|² f_Ls f_Rs' e^{-2κd}: equation (2) and the spin factors of the interfaces.

    **Validity**: exact for a uniform nonmagnetic barrier between collinear electrodes at one k∥, on the lattice too.
    """
    R, _, trips = _round_trips(rotation, reflection_left, reflection_right, exponent)
    return np.asarray(spin_factors(reflection_left, reflection_right, exponent) * abs(trips @ R) ** 2)


@formula
def spin_flip_reflection(
    rotation: ArrayLike, reflection_left: ArrayLike, reflection_right: ArrayLike, exponent: ArrayLike
) -> Floats:
    r"""Return R^L_{+-} = R^L_{-+}, the reflection with spin flip on the left, which (3) and (4) leave out.

    R^L_{+-} = f_L+ f_L- |[(1 - B ρ_L)⁻¹ B]_{+-}|² with B = e^{-2κd} R ρ_R R†: the electron enters the barrier, is
    turned by the far magnet and comes back.

    **Validity**: as `barrier_probabilities`. Of order e^{-4κd}, i.e. T²: the error of (3), (4) behind a tunnel barrier.
    For the right side exchange the reflections and pass the adjoint rotation.
    """
    _, far, trips = _round_trips(rotation, reflection_left, reflection_right, exponent)
    f = interface_factor(reflection_left)
    return np.asarray(f[..., 0] * f[..., 1] * abs((trips @ far)[..., 0, 1]) ** 2)


@formula
def golden_rule_probabilities(amplitudes: ArrayLike, dos_left: ArrayLike, dos_right: ArrayLike) -> Floats:
    r"""Return T_ss' = 4π² |T_ss'|² ρ_Ls ρ_Rs', the transmission of a tunnelling Hamiltonian.

    **Validity**: golden rule, T ≪ 1. It links the paper's matrix elements to the Landauer form of (3) and (4). Source:
    M. H. Cohen, L. M. Falicov, J. C. Phillips, Phys. Rev. Lett. 8, 316 (1962); G. D. Mahan, Many-Particle Physics.

    ``amplitudes``: tunnelling matrix elements in energy, shape (..., 2, 2).
    ``dos_left``, ``dos_right``: densities of states per spin in 1/energy, shape (..., 2), or one number for both.
    """
    left, right = potentials("dos_left", dos_left), potentials("dos_right", dos_right)
    squares = abs(complex_array("amplitudes", amplitudes, "(..., 2, 2)")) ** 2
    return np.asarray(4 * np.pi**2 * squares * left[..., :, None] * right[..., None, :])


@formula
def rotation_probabilities(angle: ArrayLike) -> Floats:
    """Return |R_ss'|² = [[cos² Φ/2, sin² Φ/2], [sin² Φ/2, cos² Φ/2]].

    **Validity**: exact for spin 1/2.
    """
    cosine = np.cos(finite_array("angle", angle))[..., None, None]
    return np.asarray((1 + cosine * np.outer(SIGNS, SIGNS)) / 2)


@formula
def rotation_law(factors: ArrayLike, angle: ArrayLike) -> Floats:
    r"""Return T_ss'(Φ) = R_ss'² D_ss', the angular dependence equation (2) asserts.

    **Validity**: lowest order in the transmission; D is then independent of Φ and factorizes.
    """
    return np.asarray(rotation_probabilities(angle) * finite_array("factors", factors, "(..., 2, 2)"))


@formula
def spin_factors_from_collinear(parallel: ArrayLike, antiparallel: ArrayLike) -> Floats:
    r"""Return D_ss' from the two collinear junctions: D_ss from Φ = 0, D_s,-s from Φ = π.

    ``parallel``, ``antiparallel``: T_ss' at Φ = 0 and Φ = π, of which the other elements are not used.

    **Validity**: an identity at Φ = 0 and π; with `rotation_law` an interpolation, valid in the tunnelling limit.
    """
    P, AP = finite_array("parallel", parallel, "(..., 2, 2)"), finite_array("antiparallel", antiparallel, "(..., 2, 2)")
    return np.where(np.eye(2), P, AP)


@formula
def factorization_defect(factors: ArrayLike) -> Floats:
    r"""Return D_++ D_-- / (D_+- D_-+) - 1, zero if D_ss' is a left times a right spin factor.

    **Result**: NaN where a spin channel is closed. **Validity**: a diagnostic; it vanishes like the transmission.
    """
    D = finite_array("factors", factors, "(..., 2, 2)")
    largest = np.max(abs(D), axis=(-2, -1), keepdims=True)
    D = D / np.where(largest > 0, largest, 1.0)  # so that products of tiny factors stay doubles
    same, crossed = D[..., 0, 0] * D[..., 1, 1], D[..., 0, 1] * D[..., 1, 0]
    return np.asarray(np.where(crossed > 0, same / np.where(crossed > 0, crossed, 1.0) - 1, np.nan))


# ---------------------------------------------------------------------- the currents of (1), (3) and (4)
@formula
def conserved_magnetization_current(
    alpha: ArrayLike, beta: ArrayLike, mu_left: ArrayLike, mu_right: ArrayLike
) -> Floats:
    r"""Return J_M = Σ_s (α_s µ_Ls - β_s µ_Rs), equation (1): one magnetization current for both sides.

    **Validity**: collinear magnets. This is the conventional form the paper refutes, kept as the baseline of every
    comparison; see `collinear_coefficients` for what it means in a noncollinear junction.
    """
    a, b = finite_array("alpha", alpha, "(..., 2)"), finite_array("beta", beta, "(..., 2)")
    return np.asarray((a * potentials("mu_left", mu_left) - b * potentials("mu_right", mu_right)).sum(axis=-1))


@formula
def collinear_coefficients(probabilities: ArrayLike) -> tuple[Floats, Floats]:
    r"""Return α_s = β_s = s T_ss, the coefficients of equation (1) when only spin-conserving channels are kept.

    At Φ = 0 this is all there is; at any other angle T_ss(Φ) is kept and T_s,-s dropped.

    **Result**: shape (..., 2) each. **Validity**: exact for collinear magnets. At an angle (1) with these coefficients
    is the *mean* of (3) and (4): J_M^L = J_M + F and J_M^R = J_M - F with the dropped F = Σ_s s T_s,-s (µ_Ls - µ_R,-s).
    """
    coefficients = SIGNS * np.diagonal(finite_array("probabilities", probabilities, "(..., 2, 2)"), axis1=-2, axis2=-1)
    return coefficients, coefficients.copy()


@formula
def one_sided_coefficients(probabilities: ArrayLike, side: Side) -> tuple[Floats, Floats]:
    r"""Return α_s, β_s with which equation (1) gives the current (3) or (4) of one side.

    Left: α_s = s Σ_s' T_ss', β_s' = Σ_s s T_ss'. Right: α_s = Σ_s' s' T_ss', β_s' = s' Σ_s T_ss'.

    **Result**: shape (..., 2) each. **Validity**: as (3) and (4). No choice serves both sides unless T is diagonal.
    """
    T = finite_array("probabilities", probabilities, "(..., 2, 2)")
    if choice("side", side, ("left", "right")) == "left":
        return SIGNS * T.sum(axis=-1), SIGNS @ T
    return T @ SIGNS, SIGNS * T.sum(axis=-2)


@formula
def magnetization_current(probabilities: ArrayLike, mu_left: ArrayLike, mu_right: ArrayLike, side: Side) -> Floats:
    r"""Return J_M^L = (1/h) Σ_ss' s T_ss' (µ_Ls - µ_Rs') or J_M^R, s' in front: equations (3) and (4) in Landauer form.

    **Result**: majority minus minority particle current along the side's own m. **Validity**: exact for any junction
    without spin accumulation on that side. With it, reflection with spin flip adds Σ_ss'' s R^L_ss'' (µ_Ls - µ_Ls''),
    which (3) leaves out: of order T² behind a barrier (`spin_flip_reflection`), of order one in a metal; the mirror
    image on the right. Source: the paper, equations (3), (4), with n(µ) linear in µ and 4πe|T_ss'|² times the density
    of states read as T_ss'/h.
    """
    flux = finite_array("probabilities", probabilities, "(..., 2, 2)") * _drop(mu_left, mu_right)
    return np.asarray(flux.sum(axis=-1 if choice("side", side, ("left", "right")) == "left" else -2) @ SIGNS)


@formula
def charge_current(probabilities: ArrayLike, mu_left: ArrayLike, mu_right: ArrayLike) -> Floats:
    r"""Return J = (1/h) Σ_ss' T_ss' (µ_Ls - µ_Rs'), the particle current in the reading of (3) and (4).

    **Validity**: exact for coplanar magnets: R^L_+- = R^L_-+, so reflection with spin flip carries no charge.
    """
    flux = finite_array("probabilities", probabilities, "(..., 2, 2)") * _drop(mu_left, mu_right)
    return np.asarray(flux.sum(axis=(-1, -2)))


def _drop(mu_left: ArrayLike, mu_right: ArrayLike) -> Floats:
    """Return µ_Ls - µ_Rs' for all pairs of spins, shape (..., 2, 2)."""
    return np.asarray(potentials("mu_left", mu_left)[..., :, None] - potentials("mu_right", mu_right)[..., None, :])


# ---------------------------------------------------------------------- t0 and what is not conserved
@formula
def implicit_torque(J_M_left: ArrayLike, J_M_right: ArrayLike, lattice_constant: float = 1.0) -> Floats:
    r"""Return t0 = (J_M^R - J_M^L)/(a µ_B), the paper's implicit torque, with µ_B = 1.

    **Result**: J_M per length: what an external torque supplies to the scalar spin current; of opposite sign to that of
    a torque on the magnets. **Validity**: it sees the lengths of two vectors only. The whole torque on both magnets is
    `vector_torque`, 2 J_M sin(Φ/2) for identical magnets where t0 = 0. Source: the paper, text after equation (4).
    """
    difference = finite_array("J_M_right", J_M_right) - finite_array("J_M_left", J_M_left)
    return np.asarray(difference / positive("lattice_constant", lattice_constant))


@formula
def in_plane_torques(J_M_left: ArrayLike, J_M_right: ArrayLike, angle: ArrayLike) -> tuple[Floats, Floats]:
    r"""Return the in-plane torques (τ_L·e_L, τ_R·e_R) from the two magnetization currents.

    τ_R·e_R = (J_M^L - J_M^R cos Φ)/sin Φ with e_R = (m_L - cos Φ m_R)/sin Φ, and
    τ_L·e_L = -(J_M^R - J_M^L cos Φ)/sin Φ with e_L = (m_R - cos Φ m_L)/sin Φ.

    **Result**: zero for collinear magnets (|sin Φ| < 1e-12). **Validity**: exact if the spin current is continuous
    through the spacer (no magnetism, no spin-orbit coupling) and each magnet absorbs all of its transverse part. Near Φ
    = 0 and π errors of J_M are divided by sin Φ. Source: J. C. Slonczewski, Phys. Rev. B 71, 024411 (2005), the torque
    relations.
    """
    left, right = finite_array("J_M_left", J_M_left), finite_array("J_M_right", J_M_right)
    phi = finite_array("angle", angle)
    sine, cosine = np.sin(phi), np.cos(phi)
    defined = abs(sine) > 1e-12
    safe = np.where(defined, sine, 1.0)
    torque_left = np.where(defined, -(right - left * cosine) / safe, 0.0)
    torque_right = np.where(defined, (left - right * cosine) / safe, 0.0)
    return torque_left, torque_right


@formula
def vector_torque(J_M_left: ArrayLike, J_M_right: ArrayLike, m_left: ArrayLike, m_right: ArrayLike) -> Floats:
    r"""Return τ = J_M^L m_L - J_M^R m_R, the total torque on both magnets.

    **Result**: shape (..., 3). **Validity**: exact where the transverse spin current has dephased in both magnets. It
    has no out-of-plane part: the field-like torques on the two magnets are opposite.
    """
    left = finite_array("J_M_left", J_M_left)[..., None] * check_unit_vector(m_left, "m_left")
    right = finite_array("J_M_right", J_M_right)[..., None] * check_unit_vector(m_right, "m_right")
    return np.asarray(left - right)


@formula
def vector_difference(J_M_left: ArrayLike, J_M_right: ArrayLike, m_left: ArrayLike, m_right: ArrayLike) -> Floats:
    r"""Return J_M^R m_R - J_M^L m_L, the nonconservation of the spin current vector.

    **Result**: its length squared is (J_M^R - J_M^L)² + 4 J_M^L J_M^R sin²(Φ/2). **Validity**: a definition. Minus the
    torque on the magnets (`vector_torque`).
    """
    return -vector_torque(J_M_left, J_M_right, m_left, m_right)
