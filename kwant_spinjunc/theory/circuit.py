r"""Magnetoelectronic circuit theory: mixing conductances and the angular law of a spin valve F|N|F.

A normal-metal node between two magnets holds the 2×2 chemical potential µ̂ = µ + δµ·σ, a magnet µ_F along its own m.
The current into the **magnet** through a contact is, in the normal metal next to it (Brataas, Nazarov, Bauer 2000),

    Î = G_↑ u_↑(µ̂ - µ_F)u_↑ + G_↓ u_↓(µ̂ - µ_F)u_↓ + G_mix u_↑ µ̂ u_↓ + G_mix* u_↓ µ̂ u_↑,    u_↑↓ = (1 ± m·σ)/2,

with the charge current Tr Î and the spin current (Pauli flux) Tr σÎ. In vectors, with G = G_↑ + G_↓, p = (G_↑ - G_↓)/G
and the relative mixing conductance η = 2 G_mix/G (complex),

    charge/G = µ - µ_F + p m·δµ,
    spin/G   = m [p (µ - µ_F) + m·δµ] + Re η δµ_⊥ - Im η m × δµ.

The transverse part is absorbed: it is the torque on the magnet.

Conventions: conductances in e²/h for the area at hand, chemical potentials in eV, currents in (e²/h)·V; torques are
rates of σ in the same unit, multiply by ħ/2 for angular momentum. Currents through a valve are positive from left to
right. δµ = (µ_+ - µ_-)/2 along its direction, shape (..., 3): half the splitting. ↑ is the majority spin (index 0);
``conductances`` are (G_↑, G_↓) >= 0 of a contact, shape (..., 2), ``mixing`` is its G_mix. Source, where a function
names no other: A. Brataas, Yu. V. Nazarov, G. E. W. Bauer, Phys. Rev. Lett. 84, 2481 (2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Complex, Floats
from ..checks import both_spins, complex_array, finite_array, formula, not_negative, not_negative_array, positive_array
from ..errors import ArgumentError, UnitarityError
from ..spin import check_unit_vector, cross_matrix, unit_pair


# ---------------------------------------------------------------------- from scattering amplitudes
@formula
def mixing_conductance(
    reflection_majority: ArrayLike, reflection_minority: ArrayLike, transmission: ArrayLike | None = None
) -> Complex:
    r"""Return G_mix = Σ_nm [δ_nm - r_↑,nm r*_↓,nm], the spin-mixing conductance of an N|F interface.

    ``reflection_majority``, ``reflection_minority``: r_↑, r_↓ for electrons of the normal metal, shape (..., M, M) =
    [..., out, in], in one basis of its modes ([[r]] of one mode). Sum the result over k∥.
    ``transmission``: ΣT_s of both spins into the magnet, shape (..., 2). If given, the real part is taken without
    cancellation as [Σ|r_↑ - r_↓|² + ΣT_↑ + ΣT_↓]/2, accurate behind any barrier.

    **Result**: e²/h. Re G_mix ≥ (G_↑ + G_↓)/2; it absorbs, Im G_mix turns the spin about m (exchange field of the
    magnet). **Validity**: magnet longer than the transverse coherence length, so that no transverse spin passes; for a
    normal metal that is diffusive use `corrected_mixing_conductance`. Also A. Brataas, G. E. W. Bauer, P. J. Kelly,
    Phys. Rep. 427, 157 (2006). Raises `UnitarityError`: ``transmission`` misses the number of modes (by 1e-8).
    """
    up = complex_array("reflection_majority", reflection_majority, "(..., M, M)")
    modes = up.shape[-1]
    down = complex_array("reflection_minority", reflection_minority, f"(..., {modes}, {modes})")
    product = (up * down.conj()).sum(axis=(-2, -1))
    if transmission is None:
        return np.asarray(modes - product)
    T = finite_array("transmission", transmission, "(..., 2)")
    for name, r, T_s in (("majority", up, T[..., 0]), ("minority", down, T[..., 1])):
        defect = abs(modes - (abs(r) ** 2).sum(axis=(-2, -1)) - T_s)
        if np.any(defect > 1e-8 * modes):
            raise UnitarityError(
                f"Argument `transmission` must complete the {name} reflection to {modes} modes, but misses by "
                f"{defect.max():.2g}. Give the sum over all modes of each spin."
            )
    real = ((abs(up - down) ** 2).sum(axis=(-2, -1)) + T.sum(axis=-1)) / 2
    return np.asarray(real - 1j * product.imag)


@formula
def corrected_mixing_conductance(mixing: ArrayLike, modes: ArrayLike) -> Complex:
    r"""Return G̃_mix from 1/G̃_mix = 1/G_mix - 1/(2N), the mixing conductance seen by a diffusive normal metal.

    The longitudinal counterpart, 1/G̃_s = 1/G_s - (1/N + 1/N_Fs)/2, is the inverse of `interface.interface_resistance`;
    the transverse spin lives in the normal metal only, so only its Sharvin resistance is taken off.

    ``modes``: open channels N > 0 of the normal metal, for the same area.

    **Result**: G̃_mix in e²/h; about twice G_mix for a good contact (G_mix ≈ N). **Validity**: isotropic occupations in
    the normal metal. G. E. W. Bauer, Y. Tserkovnyak, D. Huertas-Hernando, A. Brataas, Phys. Rev. B 67, 094421 (2003);
    Phys. Rep. 427, 157 (2006).
    """
    N = positive_array("modes", modes)
    G = complex_array("mixing", mixing)
    rest = 1 - G / (2 * N)
    if np.any(abs(rest) < 1e-12):
        raise ArgumentError(
            "Argument `mixing` must differ from 2N, but 1 - G_mix/(2N) = 0: nothing is left to correct."
        )
    return np.asarray(G / rest)


@formula
def polarization(conductances: ArrayLike) -> Floats:
    """Return p = (G_↑ - G_↓)/(G_↑ + G_↓).

    **Validity**: a definition.
    """
    G = both_spins("conductances", conductances)
    return np.asarray((G[..., 0] - G[..., 1]) / G.sum(axis=-1))


@formula
def relative_mixing(conductances: ArrayLike, mixing: ArrayLike) -> Complex:
    """Return η = 2 G_mix/(G_↑ + G_↓), complex.

    **Validity**: a definition. Re η ≥ 1 for bare conductances, 1 for a tunnel contact, lower with Sharvin corrections.
    """
    return np.asarray(2 * complex_array("mixing", mixing) / both_spins("conductances", conductances).sum(axis=-1))


# ---------------------------------------------------------------------- one contact
@formula
def contact_currents(
    conductances: ArrayLike,
    mixing: ArrayLike,
    m: ArrayLike,
    mu_magnet: ArrayLike,
    mu_node: ArrayLike,
    accumulation: ArrayLike,
) -> tuple[Floats, Floats]:
    r"""Return the charge current and the spin current from a normal node into a magnet.

    charge = G (µ - µ_F + p m·δµ),    spin = m G [p (µ - µ_F) + m·δµ] + 2 Re G_mix δµ_⊥ - 2 Im G_mix m × δµ.

    **Validity**: no accumulation in the magnet, which is longer than the transverse coherence length; isotropic node.

    **Result**: charge, shape (...), and spin, shape (..., 3), on the normal side; its part normal to m is the torque.
    """
    M = contact_matrix(both_spins("conductances", conductances), mixing, m)
    bias = finite_array("mu_node", mu_node) - finite_array("mu_magnet", mu_magnet)
    delta = finite_array("accumulation", accumulation, "(..., 3)")
    flux = M[..., 0] * bias[..., None] + np.sum(M[..., 1:] * delta[..., None, :], axis=-1)
    return np.asarray(flux[..., 0]), np.asarray(flux[..., 1:])


@formula
def contact_matrix(conductances: ArrayLike, mixing: ArrayLike, m: ArrayLike) -> Floats:
    """Return the matrix that gives (charge, spin) into a magnet from (µ - µ_F, δµ), shape (..., 4, 4).

    **Validity**: as `contact_currents`.
    """
    G = not_negative_array("conductances", conductances, "(..., 2)")
    G_mix, m = complex_array("mixing", mixing)[..., None, None], check_unit_vector(m)
    total, along = G.sum(axis=-1)[..., None, None], m[..., :, None] * m[..., None, :]
    M = np.empty((*np.broadcast_shapes(total.shape, G_mix.shape, along.shape)[:-2], 4, 4))
    M[..., 0, 0] = total[..., 0, 0]
    M[..., 0, 1:] = M[..., 1:, 0] = (G[..., :1] - G[..., 1:]) * m
    M[..., 1:, 1:] = total * along + 2 * (G_mix.real * (np.eye(3) - along) - G_mix.imag * cross_matrix(m))
    return M


# ---------------------------------------------------------------------- any two contacts
@dataclass(frozen=True)
class Contact:
    """A contact between a normal metal and a magnet, in e²/h."""

    #: `majority`, `minority`: G_↑, G_↓ >= 0, not both 0.
    majority: float
    minority: float
    mixing: complex  #: G_mix, Re G_mix > 0.

    def __post_init__(self) -> None:
        for name in ("majority", "minority"):
            object.__setattr__(self, name, not_negative(name, getattr(self, name)))
        if self.majority + self.minority == 0:
            raise ArgumentError("Argument `majority` or `minority` must be positive, but both are 0.")
        mixing = complex(complex_array("mixing", self.mixing))
        if mixing.real <= 0:
            raise ArgumentError(f"Argument `mixing` must have a positive real part, but it is {mixing.real:g}.")
        object.__setattr__(self, "mixing", mixing)

    @property
    def total(self) -> float:
        """G = G_↑ + G_↓ in e²/h."""
        return self.majority + self.minority


@dataclass(frozen=True, eq=False)
class SpinValve:
    """Linear response of F|N|F to a bias of 1 eV between the magnets, µ_L - µ_R = 1."""

    conductance: Floats  #: Shape (...): e²/h.
    #: Shape (..., 2, 3): Pauli flux in the node next to the left and right contact, positive from left to right, e²/h.
    #: Equal: the node neither makes nor relaxes spin.
    spin_currents: Floats
    torques: Floats  #: Shape (..., 2, 3): torque vectors on the left and right magnet, rates of σ in e²/h.
    mu: Floats  #: Shape (...): chemical potential of the node in eV, µ_L = 1/2 and µ_R = -1/2.
    accumulation: Floats  #: Shape (..., 3): δµ of the node in eV.


@formula
def solve_spin_valve(left: Contact, right: Contact, m_left: ArrayLike, m_right: ArrayLike) -> SpinValve:
    r"""Return the spin valve of two contacts at any angle from Kirchhoff's laws for charge and spin of the node.

    Σ over both contacts of `contact_currents` = 0, four equations for µ and δµ.

    **Validity**: no spin relaxation in the node; else as `contact_currents`, with corrected conductances.

    Examples
    --------
    >>> import numpy as np
    >>> contact = Contact(majority=1.5, minority=0.5, mixing=1.5)
    >>> valve = solve_spin_valve(contact, contact, [0, 0, 1], [1, 0, 0])
    >>> round(float(valve.conductance), 6), valve.torques[1].round(6).tolist()
    (0.9, [0.0, 0.0, 0.3])
    """
    axes = unit_pair(m_left, m_right)
    contacts = zip((left, right), axes, strict=True)
    M = np.stack([contact_matrix([x.majority, x.minority], x.mixing, m) for x, m in contacts], axis=-3)
    fed, total = M[..., 0] * [[0.5], [-0.5]], M.sum(axis=-3)
    if not np.all(np.linalg.cond(total) < 1e12):
        raise ArgumentError(
            "Argument `left` and `right` must fix the state of the node, but Kirchhoff's equations are singular. "
            "Give both spins a conductance in at least one contact."
        )
    node = np.linalg.solve(total, fed.sum(axis=-2)[..., None])[..., 0]
    into = (M @ node[..., None, :, None])[..., 0] - fed
    spin, m = into[..., 1:], np.stack(axes, axis=-2)
    return SpinValve(
        conductance=into[..., 1, 0],
        spin_currents=spin * [[-1.0], [1.0]],
        torques=spin - np.sum(spin * m, axis=-1, keepdims=True) * m,
        mu=node[..., 0],
        accumulation=node[..., 1:],
    )
