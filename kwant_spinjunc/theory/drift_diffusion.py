r"""Drift and diffusion of charge and magnetization on both sides of an interface: equations (7) to (11).

In a magnet of magnetization **m** (the paper's p0), with everything depending on y only, the steady state obeys

    J   = -σ V' - βD (δM·m)' - α1 D δn',                      J' = 0                            (8), (10)
    Q   = [-βσ V' - α2 βD δn'] m - D δM',                     Q' = ω δM×m - δM/τ                 (9), (7)
    V'' = -q δn,                                              ω = γH,  q = e²/(ε0 ε_r),

with particle currents along +y, V the potential energy of an electron, δn and δM = Σ_s s δn_s m + δM⊥ densities.
Inside the magnet J_M = Q·m. Two combinations do the work of the whole module (both follow from J_s = -σ_s µ_s' and
(8), (9), without further assumption):

    µ_s = V + N + s δ,      N = (D/σ) a δn,   a = (α1 - β²α2)/(1-β²),
                            δ = (D/σ) v,      v = δM·m - χ δn,   χ = β(α1-α2)/(1-β²),

so that δ = (µ_+ - µ_-)/2 is the spin accumulation, J_M = βJ - σ(1-β²) δ' and the average µ is
const - Jy/σ - βδ: the equations of Valet and Fert, driven by screening through χ alone,

    v'' = (v + χ δn)/l_sd²,   l_sd² = Dτ(1-β²).

**Matching.** Each half-space keeps the two decaying longitudinal modes, hence two unknowns, N and δ at its face; J is
given, and V follows from J. The four unknowns meet four equations: J_M on the left from (5), J_M on the right from
(6), the charge current J driven by the electrochemical drop, and the electric displacement V'/q, continuous through a
barrier without charge. The potential step is V'd in the barrier of thickness d; it is no further unknown. The charge
equation cannot be derived from the r's when reflection flips spins, so an `InterfaceResponse` holds it too. The
transverse part is clamped, δM⊥ = 0 at both faces (the paper's statement) and so everywhere, or two more complex
unknowns meet the transverse spin currents of a `VectorInterface`.

Units: any consistent set. With eV, nm and ps: σ (conductivity/e²) in 1/(eV nm ps), D in nm²/ps, densities in 1/nm³,
particle currents in 1/(nm² ps), interface conductances in 1/(eV nm² ps), q in eV nm.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.constants import e, epsilon_0, h, nano, pico

from kwant_spinjunc.arrays import Complex, Floats
from kwant_spinjunc.checks import complex_array, finite, finite_array, formula, positive
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.spin import PAULI, SIGNS, angle_between, check_unit_vector, sigma
from kwant_spinjunc.theory.interface import InterfaceResponse
from kwant_spinjunc.theory.parallel_circuit import difference_length

__all__ = [
    "AMPERE_PER_SQUARE_METER",
    "LANDAUER",
    "SIEMENS_PER_METER",
    "VACUUM_SCREENING",
    "Matching",
    "Material",
    "Modes",
    "Profile",
    "SingularMatchingError",
    "VectorInterface",
    "match",
    "node_interface",
    "per_area",
    "strong_screening_wave_numbers",
    "tunnel_interface",
    "wave_numbers",
]


#: q = e²/ε0 in eV nm, the electrostatics of an unscreened charge in vacuum.
VACUUM_SCREENING: float = e / epsilon_0 / nano

#: 1/h in 1/(eV ps): what e²/h is in the units of `InterfaceResponse` fed to `match`, before dividing by the area.
LANDAUER: float = e * pico / h

#: 1 S/m in 1/(eV nm ps), and 1 A/m² in particles/(nm² ps).
SIEMENS_PER_METER: float = nano * pico / e
AMPERE_PER_SQUARE_METER: float = nano**2 * pico / e

#: Beyond this condition number of the scaled matching equations fewer than three digits would be left.
SINGULAR = 1e13

#: Σ_s r_1s = Σ_s r_2s must hold to this relative accuracy: shifting all potentials alike drives nothing.
GAUGE_TOLERANCE = 1e-8

#: All modes of `Modes.amplitudes` are distinguishable if their k² differ relatively by more than this.
DEGENERATE = 1e-9


class SingularMatchingError(ArgumentError):
    """The interface conditions do not determine the solution."""


@dataclass(frozen=True, kw_only=True)
class Material:
    r"""A magnet or a metal in the drift-diffusion equations (8), (9).

    Longitudinal modes exp(-k|y|) obey a k⁴ - b k² + c = 0 with a = D²(α1 - β²α2), b = D[σq(1-β²) + α1/τ],
    c = σq/τ. They decay, possibly in oscillation, unless k² <= 0: that needs α1 <= β²α2 or b <= -2√(ac).

    Parameters
    ----------
    sigma
        Conductivity σ > 0 (over e²): J = -σV'.
    beta
        Current polarization β, |β| < 1; 0 in a normal metal.
    D
        Diffusion coefficient, > 0; the density of states is σ/D.
    tau
        Spin relaxation time of δM, > 0 and finite.
    alpha1, alpha2
        The paper's phenomenological parameters. Independent spin channels of equal density of states, D_s = D(1 ± β),
        are α1 = α2 = 1; symmetry of ∂µ_s/∂n_s' asks for α1 = α2 whatever the interaction.
    omega
        Precession rate ω = γH of δM⊥ about m, 1/time, any sign.
    q
        e²/(ε0 ε_r), energy × length; default vacuum, in eV nm.

    Examples
    --------
    >>> cobalt = Material(sigma=1e7 * SIEMENS_PER_METER, beta=0.46, D=800.0, tau=4.0)
    >>> round(cobalt.spin_diffusion_length, 2), round(cobalt.screening_length, 3)
    (50.23, 0.027)
    """

    sigma: float
    beta: float
    D: float
    tau: float
    alpha1: float = 1.0
    alpha2: float = 1.0
    omega: float = 0.0
    q: float = VACUUM_SCREENING

    def __post_init__(self) -> None:
        for name in ("sigma", "D", "tau", "q"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))
        for name in ("beta", "alpha1", "alpha2", "omega"):
            object.__setattr__(self, name, finite(name, getattr(self, name)))
        if abs(self.beta) >= 1:
            raise ArgumentError(
                f"Argument `beta` must lie between -1 and 1, but is {self.beta:g}. "
                "A half-metal has no finite spin-diffusion length here; approach it with |beta| < 1."
            )
        if self.stiffness <= 0:
            raise ArgumentError(
                "Argument `alpha1` must exceed beta² alpha2, but alpha1 - beta² alpha2 = "
                f"{self.alpha1:g} - {self.beta**2:g}·{self.alpha2:g} = {self.stiffness:g}: one longitudinal mode would "
                "grow or oscillate instead of decaying. Independent channels have alpha1 = alpha2 = 1."
            )
        a, b, c = self.quadratic
        if b + 2 * np.sqrt(a * c) <= 0:
            raise ArgumentError(
                f"Argument `alpha1` must make sigma q (1 - beta²) + alpha1/tau = {b / self.D:g} exceed "
                f"-2 sqrt((alpha1 - beta² alpha2) sigma q/tau) = {-2 * np.sqrt(a * c) / self.D:g}, but is "
                f"{self.alpha1:g}: both longitudinal modes would oscillate instead of decaying."
            )

    @property
    def stiffness(self) -> float:
        """α1 - β²α2, positive if density fluctuations cost energy."""
        return self.alpha1 - self.beta**2 * self.alpha2

    @property
    def charge_stiffness(self) -> float:
        """The factor a = (α1 - β²α2)/(1-β²): the average µ rises by (D/σ) a δn above V."""
        return self.stiffness / (1 - self.beta**2)

    @property
    def chi(self) -> float:
        """χ = β(α1-α2)/(1-β²): the magnetization a charge δn carries at equal µ_+ and µ_-, per charge."""
        return self.beta * (self.alpha1 - self.alpha2) / (1 - self.beta**2)

    @property
    def quadratic(self) -> tuple[float, float, float]:
        """(a, b, c) of a k⁴ - b k² + c = 0 for the two longitudinal wave numbers."""
        return (
            self.D**2 * self.stiffness,
            self.D * (self.sigma * self.q * (1 - self.beta**2) + self.alpha1 / self.tau),
            self.sigma * self.q / self.tau,
        )

    @property
    def spin_diffusion_length(self) -> float:
        """l_sd = √(Dτ(1-β²)), the strong-screening length of the spin accumulation."""
        return float(np.sqrt(self.D * self.tau * (1 - self.beta**2)))

    @property
    def screening_length(self) -> float:
        """λ = √(D(α1 - β²α2)/(σq(1-β²))), the strong-screening length of the charge."""
        return float(np.sqrt(self.D * self.charge_stiffness / (self.sigma * self.q)))

    @property
    def spin_conductance(self) -> float:
        """The conductance g = σ(1-β²)/l_sd per area: a spin accumulation δ alone carries J_M = g δ away."""
        return self.sigma * (1 - self.beta**2) / self.spin_diffusion_length

    @cached_property
    def modes(self) -> Modes:
        """The four exponentials of equation (11)."""
        return Modes.of(self)


@dataclass(frozen=True)
class Modes:
    r"""The decaying solutions of one half-space, at distance x >= 0 from its face.

    In the variables u = (δn, v), the longitudinal equations are u'' = B u with
    B = [[1/λ² + χ b, b], [χ/l_sd², 1/l_sd²]], b = -β/(τD(α1-β²α2)), whose decaying solution is exp(-√B x) u(0). Its
    entries are written so that nothing cancels, for screening however strong and for coinciding lengths.

    Attributes
    ----------
    material
        The material.
    spin, screening
        The two longitudinal wave numbers: k → 1/l_sd and k → 1/λ for strong screening, exactly so for α1 = α2 (then
        1/λ² = σq/(α1 D)). Real, or a complex pair with positive real part.
    transverse
        k = √((1/τ + iω)/D), the decay of δM⊥ along e1 plus i times δM⊥ along e2, for e1×e2 = m.

    Examples
    --------
    >>> modes = Material(sigma=2.0, beta=0.6, D=1.0, tau=4.0, omega=0.75, q=50.0).modes
    >>> round(1 / modes.spin.real, 6), round(1 / modes.screening.real, 6), round(modes.transverse.real, 6)
    (1.6, 0.1, 0.721308)
    """

    material: Material
    spin: complex
    screening: complex
    transverse: complex
    # k_spin² = B_vv - shift, k_screening² = B_nn + shift.
    shift: complex
    B_nn: float
    B_nv: float
    B_vn: float
    B_vv: float

    @classmethod
    def of(cls, material: Material) -> Modes:
        """Solve the quadratic for k² of ``material``."""
        B_nv = -material.beta / (material.tau * material.D * material.stiffness)
        B_nn = 1 / material.screening_length**2 + material.chi * B_nv
        B_vv = 1 / material.spin_diffusion_length**2
        B_vn = material.chi * B_vv
        half = (B_nn - B_vv) / 2
        product = B_nv * B_vn
        root = np.sqrt(complex(half**2 + product))
        denominator = half + root if half >= 0 else half - root
        shift = product / denominator if product else 0j
        return cls(
            material=material,
            spin=complex(np.sqrt(B_vv - shift)),
            screening=complex(np.sqrt(B_nn + shift)),
            transverse=complex(np.sqrt((1 / material.tau + 1j * material.omega) / material.D)),
            shift=complex(shift),
            B_nn=B_nn,
            B_nv=B_nv,
            B_vn=B_vn,
            B_vv=B_vv,
        )

    @property
    def wave_numbers(self) -> Complex:
        """The four k of equation (11), shape (4,): screening, spin, transverse, its conjugate."""
        return np.array([self.screening, self.spin, self.transverse, np.conj(self.transverse)])

    @property
    def total(self) -> float:
        """k_spin + k_screening, real."""
        return float((self.spin + self.screening).real)

    @property
    def product(self) -> float:
        """k_spin k_screening = √det B, real."""
        return float((self.spin * self.screening).real)

    @property
    def sheet_weights(self) -> tuple[float, float]:
        """Weights (δn, v) of ∫_0^∞ δn dx: the first row of B^(-1/2)."""
        scale = self.total * self.product
        return (self.B_vv + self.product) / scale, -self.B_nv / scale

    @property
    def slope_weights(self) -> tuple[float, float]:
        """Weights (δn, v) of -dv/dx: the second row of B^(1/2)."""
        return self.B_vn / self.total, (self.B_vv + self.product) / self.total

    @property
    def mode_ratios(self) -> tuple[complex, complex]:
        """Eigenvectors of (11): δn/δM of the spin mode, and δM/δn of the screening mode.

        Either is infinite where the two modes coincide with each other's bare length.
        """
        m = self.material
        k2, K2 = self.spin**2, self.screening**2
        bare = m.sigma * m.q - m.alpha1 * m.D * k2
        spin = m.beta * m.D * k2 / bare if bare else complex(np.inf)
        excess = K2 * m.spin_diffusion_length**2
        charge = (m.chi * excess / (excess - 1) if excess != 1 else complex(np.inf)) if m.chi else 0j
        return complex(spin), complex(charge)

    def propagator(self, x: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
        """Return the entries (nn, nv, vn, vv) of exp(-√B x), each of the shape of ``x`` >= 0."""
        x = np.asarray(x, dtype=float)
        k_v, k_n = (self.spin, self.screening) if self.shift.imag else (self.spin.real, self.screening.real)
        f_v, f_n = np.exp(-k_v * x), np.exp(-k_n * x)
        # Divided difference (f_v - f_n)/(k_v - k_n) from the slower exponential, also for equal k.
        slow, gap = (f_v, k_n - k_v) if k_v.real <= k_n.real else (f_n, k_v - k_n)
        divided = slow * np.expm1(-gap * x) / gap if gap else -x * slow
        divided = divided / self.total
        shift = self.shift if self.shift.imag else self.shift.real
        return (
            np.real(f_n - divided * shift),
            np.real(divided) * self.B_nv,
            np.real(divided) * self.B_vn,
            np.real(f_v + divided * shift),
        )

    def transverse_decay(self, x: ArrayLike) -> tuple[Floats, Floats]:
        """Return (c, s) with δM⊥(x) = c δM⊥(0) - s m×δM⊥(0)."""
        x = np.asarray(x, dtype=float)
        decay = np.exp(-self.transverse.real * x)
        return decay * np.cos(self.transverse.imag * x), decay * np.sin(self.transverse.imag * x)


@formula
def wave_numbers(material: Material) -> Complex:
    r"""Return the four wave numbers k = 1/l of equation (11): screening, spin, transverse and its conjugate.

    **Result**: shape (4,); Complex, positive real part, 1/length. Decay lengths are ``1 / k.real``. **Validity**: exact
    roots of a k⁴ - b k² + c = 0 (see `Material.quadratic`) and of D k² = 1/τ ± iω. For α1 = α2 the longitudinal pair
    factorizes for any screening, k² = 1/(Dτ(1-β²)) and k² = σq/(α1 D); only α1 ≠ α2 lets charge and spin renormalize
    each other's length, relatively by (λ/l_sd)².

    Source: the paper, equation (11) and the text after it.

    Parameters
    ----------
    material
        The material.

    Examples
    --------
    >>> bare = Material(sigma=1.0, beta=0.5, D=1.0, tau=1.0, q=1e4)
    >>> (1 / wave_numbers(bare).real).round(4).tolist()
    [0.01, 0.866, 1.0, 1.0]
    """
    return material.modes.wave_numbers


@formula
def strong_screening_wave_numbers(material: Material) -> tuple[float, float]:
    r"""Return k → √(σq(1-β²)/(D(α1-β²α2))) and √(1/(Dτ(1-β²))), the limit of `wave_numbers` for q → ∞.

    **Validity**: λ ≪ l_sd; corrections are of relative order β²(α1-α2)(λ/l_sd)². Exact for α1 = α2.

    Source: the paper, text after equation (11).

    Parameters
    ----------
    material
        The material.

    Returns
    -------
    screening, spin : float
        1/length.

    Examples
    --------
    >>> strong_screening_wave_numbers(Material(sigma=1.0, beta=0.0, D=1.0, tau=4.0, q=100.0))
    (10.0, 0.5)
    """
    return 1 / material.screening_length, 1 / material.spin_diffusion_length


@formula
def per_area(response: InterfaceResponse, area: float) -> InterfaceResponse:
    """Return the response of an interface from e²/h per ``area`` to particle conductances per area, 1/(eV nm² ps).

    **Validity**: a change of unit. Coefficients between reservoirs need their Sharvin resistance removed first
    (`kwant_spinjunc.theory.interface.sharvin_corrected`): the µ of diffusion are not those of arriving electrons.

    Parameters
    ----------
    response
        Coefficients in e²/h, e.g. of one unit cell.
    area
        The area in nm² they are given for, > 0.

    Examples
    --------
    >>> from kwant_spinjunc.theory.interface import tunnelling_response
    >>> per_area(tunnelling_response(np.eye(2)), 0.1).charge_1.round(1).tolist()
    [2418.0, 2418.0]
    """
    factor = LANDAUER / positive("area", area)
    return InterfaceResponse(**{f.name: factor * getattr(response, f.name) for f in fields(response)})


def _checked(response: InterfaceResponse) -> tuple[Floats, Floats, Floats]:
    """Return (charge, r_left, r_right), each [..., lead, spin], or refuse what is no linear response."""
    arrays = []
    for name in ("charge", "left", "right"):
        pair = [finite_array(f"{name}_{i}", getattr(response, f"{name}_{i}"), "(..., 2)") for i in (1, 2)]
        array = np.stack(np.broadcast_arrays(*pair), axis=-2)
        sums, scale = array.sum(axis=-1), np.abs(array).sum(axis=(-1, -2))
        worst = np.abs(sums[..., 0] - sums[..., 1]) - GAUGE_TOLERANCE * scale
        if np.any(worst > 0):
            first, second = sums.reshape(-1, 2)[np.argmax(worst)]
            raise ArgumentError(
                f"Argument `interface` must have equal sums over spin of {name}_1 and {name}_2, but they are {first:g} "
                f"and {second:g}. Otherwise raising all chemical potentials alike would drive a current."
            )
        arrays.append(array)
    _check_conducting(arrays[0].sum(axis=-1)[..., 0])
    charge, left, right = np.broadcast_arrays(*arrays)
    return charge, left, right


def _check_conducting(conductance: Floats) -> None:
    if np.any(conductance <= 0):
        raise SingularMatchingError(
            "Argument `interface` must have a positive charge conductance, but it is "
            f"{np.min(conductance):g}. No finite drop would drive the current through it."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class VectorInterface:
    r"""Linear response of an interface to spin accumulations of any direction.

    The spin accumulation vector is δ m + (D/σ) δM⊥ in each metal: a transverse and a longitudinal accumulation of the
    same energy are the same state to a nonmagnetic barrier.

    Parameters
    ----------
    response
        Shape (..., 2, 2, 4, 4): [side, lead, out, in]. The flux (J, Q_x, Q_y, Q_z) at the face of ``side``, positive
        along +y, is response[side, 0] f_L - response[side, 1] f_R with f = (average µ, spin accumulation vector).
    """

    response: Floats

    def __post_init__(self) -> None:
        response = finite_array("response", self.response, "(..., 2, 2, 4, 4)")
        object.__setattr__(self, "response", response)
        scale = np.abs(response).max(axis=(-1, -2, -3, -4))
        unequal = np.abs(response[..., 0, :, 0, :] - response[..., 1, :, 0, :]).max(axis=(-1, -2))
        if np.any(unequal > GAUGE_TOLERANCE * scale):
            raise ArgumentError("Argument `response` must conserve charge, but J differs between the two faces.")
        drift = np.abs(response[..., :, 0, :, 0] - response[..., :, 1, :, 0]).max(axis=(-1, -2))
        if np.any(drift > GAUGE_TOLERANCE * scale):
            raise ArgumentError(
                "Argument `response` must not respond to a common shift of all potentials, but response[:, 0, :, 0] "
                "and response[:, 1, :, 0] differ."
            )
        _check_conducting(response[..., 0, 0, 0, 0])

    @property
    def conductance(self) -> Floats:
        """Charge conductance of equal spins, shape (...)."""
        return np.asarray(self.response[..., 0, 0, 0, 0])

    def clamped(self, m_left: ArrayLike, m_right: ArrayLike) -> InterfaceResponse:
        """Return the response along the two magnetizations alone, with which δM⊥ = 0 is imposed."""
        m = np.stack(_directions(m_left, m_right), axis=-2)
        along = np.einsum("...lc,sc->...lsc", m, SIGNS[:, None])
        # A µ_s alone is (average, vector) = (µ_s/2, s µ_s m/2).
        drive = np.concatenate([np.ones((*along.shape[:-1], 1)), along], axis=-1) / 2
        flux = np.einsum("...ilab,...lsb->...ilas", self.response, drive)
        r = np.einsum("...ic,...ilcs->...ils", m, flux[..., 1:, :])
        return _response(flux[..., 0, :, 0, :], r[..., 0, :, :], r[..., 1, :, :])

    def with_mixing(
        self,
        m_left: ArrayLike,
        m_right: ArrayLike,
        *,
        left: complex | None = None,
        right: complex | None = None,
    ) -> VectorInterface:
        r"""Return a copy whose interface takes δM⊥ off each magnet with the given mixing conductance.

        Parameters
        ----------
        m_left, m_right
            Unit vectors of the two magnetizations.
        left, right
            Complex conductance per area, Re >= 0: the accumulation s⊥ of that magnet drives the spin flux
            2 Re G s⊥ - 2 Im G m×s⊥ into the interface (normalized like the conductance of one spin; the sign of Im G
            is that of `circuit.mixing_conductance`, G = Σ (δ - r_+ r_-*)). Shape (...). None keeps what ``response``
            has.
        """
        directions = _directions(m_left, m_right)
        batch = np.broadcast_shapes(self.response.shape[:-4], directions[0].shape[:-1])
        response = np.broadcast_to(self.response, (*batch, 2, 2, 4, 4)).copy()
        for side, (m, given) in enumerate(zip(directions, (left, right), strict=True)):
            if given is None:
                continue
            G: Any = np.asarray(given, dtype=complex)
            if not np.isfinite(G).all() or np.any(G.real < 0):
                raise ArgumentError(
                    f"Argument `{('left', 'right')[side]}` must be finite with a non-negative real part, but is "
                    f"{given}. An interface cannot amplify a spin accumulation."
                )
            P = np.eye(3) - m[..., :, None] * m[..., None, :]
            mixing = G.real[..., None, None] * P - G.imag[..., None, None] * _cross_matrix(m)
            own = response[..., side, side, 1:, 1:]
            # One sign for both sides: the flux into the interface is +Q_L and -Q_R, and f_R enters Q_R negatively.
            response[..., side, side, 1:, 1:] = own - P @ own @ P + 2 * mixing
        return replace(self, response=response)


def _response(charge: Floats, r_left: Floats, r_right: Floats) -> InterfaceResponse:
    """Return an `InterfaceResponse` from arrays [..., lead, spin]."""
    return InterfaceResponse(
        left_1=r_left[..., 0, :],
        left_2=r_left[..., 1, :],
        right_1=r_right[..., 0, :],
        right_2=r_right[..., 1, :],
        charge_1=charge[..., 0, :],
        charge_2=charge[..., 1, :],
    )


def _cross_matrix(m: Floats) -> Floats:
    """Return [m×], shape (..., 3, 3)."""
    x, y, z = np.moveaxis(m, -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _directions(m_left: ArrayLike, m_right: ArrayLike) -> tuple[Floats, Floats]:
    left, right = np.broadcast_arrays(check_unit_vector(m_left, "m_left"), check_unit_vector(m_right, "m_right"))
    return np.asarray(left), np.asarray(right)


def _frames(m: Floats) -> Floats:
    """Return rows (m, e1, e2) with e1×e2 = m, shape (..., 3, 3)."""
    # The coordinate axis farthest from m, so that the cross product never vanishes.
    axis = np.eye(3)[np.argmin(np.abs(m), axis=-1)]
    e1 = np.cross(axis, m)
    e1 /= np.linalg.norm(e1, axis=-1, keepdims=True)
    return np.stack([m, e1, np.cross(m, e1)], axis=-2)


@formula
def tunnel_interface(
    m_left: ArrayLike, m_right: ArrayLike, amplitudes_left: ArrayLike, amplitudes_right: ArrayLike
) -> VectorInterface:
    r"""Return the vector response of a tunnel barrier with one amplitude a spin and side.

    The transmission matrix is t = w_R w_L, w_i = Σ_s w_is |s, m_i⟩⟨s, m_i|, and the fluxes of the distribution
    matrices f = µ + s·σ are I_R = t f_L t† - {t t†, f_R}/2, I_L = {t†t, f_L}/2 - t† f_R t.

    **Validity**: lowest order in the transmission (exchange fields of order one in t, from evanescent overlap, are left
    out), many channels alike. Spin-independent amplitudes give Q = G(s_L - s_R) for all components.

    Source: Equations (2) to (4) of the paper with the coherences kept; A. Brataas, Yu. V. Nazarov, G. E. W. Bauer, Eur.
    Phys. J. B 22, 99 (2001).

    Parameters
    ----------
    m_left, m_right
        Unit vectors, shape (..., 3).
    amplitudes_left, amplitudes_right
        w_is, complex, shape (..., 2); |w_Ls w_Rs'|² = D_ss' is a conductance per area.

    Returns
    -------
    VectorInterface
        Its `VectorInterface.clamped` is equations (3), (4) with T_ss' = R_ss'² D_ss' (`tunnelling_response`).

    Examples
    --------
    >>> z = [0.0, 0.0, 1.0]
    >>> tunnel_interface(z, z, [1.0, 1.0], [1.0, 1.0]).response[0, 0].round(12).tolist()[1]
    [0.0, 2.0, 0.0, 0.0]
    """
    w = []
    for m, amplitudes, name in zip(
        _directions(m_left, m_right),
        (amplitudes_left, amplitudes_right),
        ("amplitudes_left", "amplitudes_right"),
        strict=True,
    ):
        a = complex_array(name, amplitudes, "(..., 2)")
        mean, half = a.sum(axis=-1)[..., None, None] / 2, (a @ SIGNS)[..., None, None] / 2
        w.append(mean * np.eye(2) + half * sigma(m))
    t = w[1] @ w[0]
    dagger = np.swapaxes(t.conj(), -1, -2)
    basis = np.concatenate([np.eye(2)[None], PAULI])

    def superoperator(left: NDArray[Any], right: NDArray[Any]) -> Floats:
        return np.asarray(np.einsum("aij,...jk,bkl,...li->...ab", basis, left, basis, right, optimize=True).real)

    one = np.broadcast_to(np.eye(2), t.shape)
    loss_left, loss_right = dagger @ t, t @ dagger
    response = np.stack(
        [
            np.stack(
                [(superoperator(loss_left, one) + superoperator(one, loss_left)) / 2, superoperator(dagger, t)], axis=-3
            ),
            np.stack(
                [superoperator(t, dagger), (superoperator(loss_right, one) + superoperator(one, loss_right)) / 2],
                axis=-3,
            ),
        ],
        axis=-4,
    )
    return VectorInterface(response=response)


@formula
def node_interface(
    m_left: ArrayLike,
    m_right: ArrayLike,
    conductances_left: ArrayLike,
    conductances_right: ArrayLike,
    mixing_left: ArrayLike,
    mixing_right: ArrayLike,
) -> InterfaceResponse:
    r"""Return a thin normal-metal spacer between two magnets as one interface, its spin accumulation eliminated.

    Each contact carries J_s = g_s (µ_s - µ_N - s s_N·m) along its magnet and absorbs the transverse accumulation of
    the spacer, 2 Re G s_N⊥ + 2 Im G m×s_N; the spacer conserves charge and spin.

    **Validity**: metallic multilayers, spacer thinner than its spin-diffusion length and of negligible resistance;
    magnets thicker than the transverse decoherence length.

    Source: A. Brataas, Yu. V. Nazarov, G. E. W. Bauer, Phys. Rev. Lett. 84, 2481 (2000).

    Parameters
    ----------
    m_left, m_right
        Unit vectors, shape (..., 3).
    conductances_left, conductances_right
        g_s >= 0 of each contact per area, shape (..., 2).
    mixing_left, mixing_right
        Complex spin-mixing conductance G per area, Re > 0, shape (...).

    Returns
    -------
    InterfaceResponse
        The r's of (5), (6), in the unit of the conductances, for δM⊥ = 0: all transverse spin is absorbed at the
        interface.

    Examples
    --------
    >>> z = [0.0, 0.0, 1.0]
    >>> node_interface(z, z, [2.0, 1.0], [2.0, 1.0], 1.0, 1.0).charge_1.round(12).tolist()
    [1.0, 0.5]
    """
    feeds, losses, axes = [], [], []
    for side, m, g, G in zip(
        ("left", "right"),
        _directions(m_left, m_right),
        (conductances_left, conductances_right),
        (mixing_left, mixing_right),
        strict=True,
    ):
        conductance = finite_array(f"conductances_{side}", g, "(..., 2)")
        mixing = complex_array(f"mixing_{side}", G)
        if np.any(conductance < 0):
            raise ArgumentError(f"Argument `conductances_{side}` must be non-negative, but is {conductance.tolist()}.")
        if np.any(mixing.real <= 0):
            raise ArgumentError(f"Argument `mixing_{side}` must have a positive real part, but is {G!r}.")
        shape = np.broadcast_shapes(m.shape[:-1], conductance.shape[:-1], mixing.shape)
        m = np.broadcast_to(m, (*shape, 3))
        # Column s: what µ_s feeds into the spacer; the state (µ_N, s_N) loses Σ_s of the same and the transverse part.
        state = np.concatenate(
            [np.ones((*shape, 2, 1)), SIGNS[:, None] * m[..., None, :]], axis=-1
        )  # (..., spin, component)
        feed = np.swapaxes(conductance[..., :, None] * state, -1, -2)
        loss = feed @ state
        P = np.eye(3) - m[..., :, None] * m[..., None, :]
        loss[..., 1:, 1:] += 2 * (mixing.real[..., None, None] * P - mixing.imag[..., None, None] * _cross_matrix(m))
        feeds.append(feed)
        losses.append(loss)
        axes.append(m)
    total = losses[0] + losses[1]
    _check_conducting(total[..., 0, 0])
    node_left, node_right = np.linalg.solve(total, feeds[0]), np.linalg.solve(total, feeds[1])
    flux_left = np.stack([feeds[0] - losses[0] @ node_left, losses[0] @ node_right], axis=-3)
    flux_right = np.stack([losses[1] @ node_left, feeds[1] - losses[1] @ node_right], axis=-3)
    return _response(
        flux_left[..., 0, :],
        np.einsum("...c,...lcs->...ls", axes[0], flux_left[..., 1:, :]),
        np.einsum("...c,...lcs->...ls", axes[1], flux_right[..., 1:, :]),
    )


@dataclass(frozen=True, eq=False)
class Profile:
    """Densities, potentials and currents at positions y, the last axis of scalars and the last but one of vectors.

    Attributes
    ----------
    y
        Positions, shape (points,).
    side
        0 on the left, 1 on the right, shape (points,).
    delta_n
        δn, shape (..., points).
    delta_M
        δM, shape (..., points, 3).
    V, field
        Potential energy of an electron, zero in the middle of the barrier, and -V', shape (..., points).
    mu
        Electrochemical potentials µ_s, shape (..., points, 2).
    J_M
        Magnetization current along the local m, shape (..., points).
    spin_current
        Q = J_M m + Q⊥, shape (..., points, 3).
    """

    y: Floats
    side: NDArray[np.intp]
    delta_n: Floats
    delta_M: Floats
    V: Floats
    field: Floats
    mu: Floats
    J_M: Floats
    spin_current: Floats


# +1 on the left, where y increases towards the face, -1 on the right.
_ETA = np.array([1.0, -1.0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Matching:
    """The solution of (5) to (11) for one interface; made by `match`.

    All arrays have the batch axes of the interface, directions and current first, then the side (0 = left).

    Attributes
    ----------
    left, right
        Materials.
    m
        Unit vectors, shape (..., 2, 3).
    current
        Charge (particle) current J along +y, shape (...).
    thickness, q_barrier
        Barrier thickness and its q.
    N, delta
        The unknowns at the faces, shape (..., 2): average µ minus V, and spin accumulation (µ_+ - µ_-)/2; energies.
    transverse
        (D/σ) δM⊥ at the faces, an energy, shape (..., 2, 3); zero if clamped.
    condition
        Condition number of the scaled matching equations, shape (...).
    """

    left: Material
    right: Material
    m: Floats
    current: Floats
    thickness: float
    q_barrier: float
    N: Floats
    delta: Floats
    transverse: Floats
    condition: Floats

    @property
    def materials(self) -> tuple[Material, Material]:
        """Left and right material."""
        return self.left, self.right

    def _material(self, name: str) -> Floats:
        return np.array([getattr(material, name) for material in self.materials])

    @cached_property
    def delta_n(self) -> Floats:
        """δn at the faces, shape (..., 2)."""
        return np.asarray(self.N / self._density_scale / self._material("charge_stiffness"))

    @cached_property
    def v(self) -> Floats:
        """The variable v = (σ/D) δ at the faces, shape (..., 2)."""
        return np.asarray(self.delta / self._density_scale)

    @property
    def _density_scale(self) -> Floats:
        return np.asarray(self._material("D") / self._material("sigma"))

    @property
    def delta_M(self) -> Floats:
        """δM at the faces, shape (..., 2, 3)."""
        longitudinal = self.v + self._material("chi") * self.delta_n
        return np.asarray(longitudinal[..., None] * self.m + self.transverse / self._density_scale[:, None])

    @cached_property
    def J_M(self) -> Floats:
        """J_M^L and J_M^R at the faces, each along its own m, shape (..., 2)."""
        admittances = np.array([_spin_admittance(material) for material in self.materials])
        carried = admittances[:, 0] * self.N + admittances[:, 1] * self.delta
        return np.asarray(self._material("beta") * self.current[..., None] - _ETA * carried)

    @property
    def delta_J_M(self) -> Floats:
        """J_M^L m_L - J_M^R m_R, the longitudinal spin the interface takes, shape (..., 3)."""
        flux = self.J_M[..., None] * self.m
        return np.asarray(flux[..., 0, :] - flux[..., 1, :])

    @property
    def delta_J_M_length(self) -> Floats:
        """Length of `delta_J_M`, the left side of equation (12), shape (...)."""
        angle = angle_between(self.m[..., 0, :], self.m[..., 1, :])
        return difference_length(self.J_M[..., 0], self.J_M[..., 1], angle)

    @cached_property
    def transverse_spin_current(self) -> Floats:
        """Q⊥ = ∓ σ k s⊥ at the faces, shape (..., 2, 3)."""
        k = np.array([material.modes.transverse for material in self.materials])
        s = self.transverse
        rotated = k.real[:, None] * s + k.imag[:, None] * np.cross(self.m, s)
        return np.asarray(-(_ETA * self._material("sigma"))[:, None] * rotated)

    @property
    def spin_current(self) -> Floats:
        """Q = J_M m + Q⊥ at the faces, shape (..., 2, 3)."""
        return np.asarray(self.J_M[..., None] * self.m + self.transverse_spin_current)

    @property
    def interface_torque(self) -> Floats:
        """Q(left face) - Q(right face), all spin absorbed within the interface, shape (..., 3)."""
        Q = self.spin_current
        return np.asarray(Q[..., 0, :] - Q[..., 1, :])

    @property
    def layer_torque(self) -> Floats:
        """-ω ∫ δM×m dy, what precession of δM⊥ hands to the magnetization of each side, shape (..., 2, 3)."""
        return np.asarray(-self._material("omega")[:, None] * np.cross(self.magnetization_sheet, self.m))

    @cached_property
    def displacement(self) -> Floats:
        """-V'/q at both faces and in the barrier, shape (...)."""
        weights = _charge_weights(self.left)
        driven = weights[0] * self.N[..., 0] + weights[1] * self.delta[..., 0]
        return np.asarray(self.current / (self.left.sigma * self.left.q) + driven)

    @property
    def barrier_drop(self) -> Floats:
        """V(-d/2) - V(d/2), the step of the electrostatic potential energy, shape (...)."""
        return np.asarray(self.thickness * self.q_barrier * self.displacement)

    @property
    def mu(self) -> Floats:
        """µ_s at the faces, V = 0 in the middle of the barrier, shape (..., 2, 2): [side, spin]."""
        average = _ETA / 2 * self.barrier_drop[..., None] + self.N
        return np.asarray(average[..., None] + SIGNS * self.delta[..., None])

    @property
    def drop(self) -> Floats:
        r"""Electrochemical drop of the interface and its spin accumulation, shape (...).

        The difference of the two Ohmic lines const - Jy/σ extrapolated to the faces: [µ + βδ]_L - [µ + βδ]_R.
        """
        line = self.mu.mean(axis=-1) + self._material("beta") * self.delta
        return np.asarray(line[..., 0] - line[..., 1])

    @property
    def resistance(self) -> Floats:
        """`drop` per current, resistance × area, shape (...)."""
        return np.asarray(self.drop / self.current)

    @property
    def charge_sheet(self) -> Floats:
        """∫ δn dy of each side's layer, per area, shape (..., 2)."""
        weights = np.array([material.modes.sheet_weights for material in self.materials])
        return np.asarray(weights[:, 0] * self.delta_n + weights[:, 1] * self.v)

    @property
    def magnetization_sheet(self) -> Floats:
        """∫ δM dy of each side's layer, per area, shape (..., 2, 3)."""
        return self._magnetization_moment(1)

    @property
    def charge_dipole(self) -> Floats:
        """∫ (y - y_face) δn dy of each side, shape (..., 2).

        q times it is the rise of V along +y across the layer, beyond the Ohmic line -Jy/σ.
        """
        inverse = [_inverse_root_power(material.modes, 2) for material in self.materials]
        weights = np.array([matrix[0] for matrix in inverse])
        return np.asarray(-_ETA * (weights[:, 0] * self.delta_n + weights[:, 1] * self.v))

    @property
    def magnetization_dipole(self) -> Floats:
        """∫ (y - y_face) δM dy of each side, shape (..., 2, 3)."""
        return np.asarray(-_ETA[:, None] * self._magnetization_moment(2))

    def _magnetization_moment(self, power: int) -> Floats:
        """Return ∫ x^(power-1) δM dx of each side for power 1 or 2."""
        inverse = np.array([_inverse_root_power(material.modes, power) for material in self.materials])
        moment = inverse @ np.stack([self.delta_n, self.v], axis=-1)[..., None]
        longitudinal = moment[..., 1, 0] + self._material("chi") * moment[..., 0, 0]
        k = np.array([material.modes.transverse for material in self.materials]) ** -power
        s = self.transverse / self._density_scale[:, None]
        across = k.real[:, None] * s + k.imag[:, None] * np.cross(self.m, s)
        return np.asarray(longitudinal[..., None] * self.m + across)

    def amplitudes(self, side: int) -> tuple[Complex, Complex, Complex]:
        """Return the terms of equation (11) on one side: k_i, δn_i0, δM_i0.

        Parameters
        ----------
        side
            0 = left, 1 = right.

        Returns
        -------
        k : ndarray, shape (4,)
            `Modes.wave_numbers`: screening, spin, transverse, its conjugate.
        delta_n : ndarray, shape (..., 4)
        delta_M : ndarray, shape (..., 4, 3)
            Complex; the sums over the four modes are real.
        """
        material = self.materials[side]
        modes = material.modes
        gap = modes.screening**2 - modes.spin**2
        if abs(gap) <= DEGENERATE * abs(modes.spin**2):
            raise ArgumentError(
                "Argument `side` must name a material of four distinct lengths, but its spin and screening lengths "
                f"coincide at {1 / modes.spin.real:g}. Use `profile`, which holds there."
            )
        n, v = self.delta_n[..., side], self.v[..., side]
        n_spin = (n * modes.shift - v * modes.B_nv) / gap
        v_charge = (n * modes.B_vn + v * modes.shift) / gap
        n_charge, v_spin = n - n_spin, v - v_charge
        delta_n = np.stack([n_charge, n_spin, 0 * n_spin, 0 * n_spin], axis=-1).astype(complex)
        m = self.m[..., side, :]
        s = self.transverse[..., side, :] / self._density_scale[side]
        rotating = (s - 1j * np.cross(m, s)) / 2
        delta_M = np.stack(
            [
                (v_charge + material.chi * n_charge)[..., None] * m,
                (v_spin + material.chi * n_spin)[..., None] * m,
                rotating,
                rotating.conj(),
            ],
            axis=-2,
        )
        return modes.wave_numbers, delta_n, delta_M

    def grid(self, points: int = 1000, reach: float = 8.0) -> Floats:
        """Return positions on both sides, denser towards the faces, out to ``reach`` of each side's longest length.

        The last left point is ``-thickness/2`` (-0.0 without a barrier), the first right point ``thickness/2``.
        """
        half = points // 2
        sides = []
        for material, count in zip(self.materials, (half, points - half), strict=True):
            lengths = 1 / material.modes.wave_numbers.real
            ratio = max(float(np.log(lengths.max() / lengths.min())), 1.0)
            u = np.linspace(0.0, 1.0, count)
            sides.append(reach * lengths.max() * np.expm1((ratio + 3) * u) / np.expm1(ratio + 3))
        d = self.thickness / 2
        return np.concatenate([-d - sides[0][::-1], d + sides[1]])

    def profile(self, y: ArrayLike | None = None) -> Profile:
        """Evaluate all fields at positions ``y``.

        Parameters
        ----------
        y
            Positions, shape (points,), outside the barrier; a zero counts as left if it is -0.0. Default `grid`.

        Returns
        -------
        Profile
        """
        y = self.grid() if y is None else np.atleast_1d(finite_array("y", y))
        if y.ndim != 1:
            raise ArgumentError(f"Argument `y` must be one-dimensional, but its shape is {y.shape}.")
        x = np.abs(y) - self.thickness / 2
        # A face written as -d/2 may lie a rounding inside the barrier.
        if np.any(x < -1e-12 * self.thickness):
            raise ArgumentError(
                f"Argument `y` must lie outside the barrier, |y| >= {self.thickness / 2:g}, but contains "
                f"{y[np.argmin(x)]:g}. There are no states inside; the potential is linear there."
            )
        x = np.maximum(x, 0.0)
        side = (~np.signbit(y)).astype(np.intp)
        batch = self.current.shape
        scalars = {name: np.empty((*batch, y.size)) for name in ("delta_n", "V", "field", "J_M")}
        vectors = {name: np.empty((*batch, y.size, 3)) for name in ("delta_M", "spin_current")}
        mu = np.empty((*batch, y.size, 2))
        for index in (0, 1):
            chosen = side == index
            one = self._one_side(index, x[chosen])
            for name, values in scalars.items():
                values[..., chosen] = one[name]
            for name, values in vectors.items():
                values[..., chosen, :] = one[name]
            mu[..., chosen, :] = one["mu"]
        return Profile(y=y, side=side, mu=mu, **scalars, **vectors)

    def _one_side(self, side: int, x: Floats) -> dict[str, Floats]:
        p, eta = self.materials[side], _ETA[side]
        modes = p.modes
        J = self.current[..., None]
        n0, v0 = self.delta_n[..., side, None], self.v[..., side, None]
        nn, nv, vn, vv = modes.propagator(x)
        n, v = nn * n0 + nv * v0, vn * n0 + vv * v0
        magnetization = v + p.chi * n
        # (8) integrated, y = const - eta x: V = const - (J y + βD m + α1 D n)/σ.
        ohmic = eta * J * x / p.sigma
        uniform = (p.beta * p.D * magnetization + p.alpha1 * p.D * n) / p.sigma
        at_face = (p.beta * p.D * (v0 + p.chi * n0) + p.alpha1 * p.D * n0) / p.sigma
        V = eta * self.barrier_drop[..., None] / 2 + ohmic - (uniform - at_face)
        sheet, slope = modes.sheet_weights, modes.slope_weights
        field = J / p.sigma + eta * p.q * (sheet[0] * n + sheet[1] * v)
        J_M = p.beta * J - eta * p.D * (1 - p.beta**2) * (slope[0] * n + slope[1] * v)
        average = V + p.D / p.sigma * p.charge_stiffness * n
        mu = average[..., None] + SIGNS * (p.D / p.sigma * v)[..., None]
        m = self.m[..., side, None, :]
        cosine, sine = (part[:, None] for part in modes.transverse_decay(x))

        def across(vector: Floats) -> Floats:
            return np.asarray(cosine * vector - sine * np.cross(m, vector))

        s, Q = self.transverse[..., side, None, :], self.transverse_spin_current[..., side, None, :]
        return {
            "delta_n": n,
            "delta_M": magnetization[..., None] * m + across(s) * p.sigma / p.D,
            "V": V,
            "field": field,
            "J_M": J_M,
            "mu": mu,
            "spin_current": J_M[..., None] * m + across(Q),
        }


def _inverse_root_power(modes: Modes, power: int) -> Floats:
    """Return B^(-power/2) for power 1 or 2, shape (2, 2)."""
    if power == 2:
        return np.array([[modes.B_vv, -modes.B_nv], [-modes.B_vn, modes.B_nn]]) / modes.product**2
    scale = modes.total * modes.product
    return np.array([modes.sheet_weights, (-modes.B_vn / scale, (modes.B_nn + modes.product) / scale)])


def _spin_admittance(material: Material) -> tuple[float, float]:
    """Return (c_N, c_δ) with J_M = βJ ∓ (c_N N + c_δ δ) at the left (right) face."""
    slope = material.modes.slope_weights
    scale = material.sigma * (1 - material.beta**2)
    return scale * slope[0] / material.charge_stiffness, scale * slope[1]


def _charge_weights(material: Material) -> tuple[float, float]:
    """Return (e_N, e_δ) with -V'/q = J/(σq) ± (e_N N + e_δ δ) at the left (right) face: the sheet charge."""
    sheet = material.modes.sheet_weights
    density = material.sigma / material.D
    return density * sheet[0] / material.charge_stiffness, density * sheet[1]


def _interface_rows(interface: InterfaceResponse | VectorInterface, m: Floats) -> Floats:
    """Return the fluxes (J, J_M^L, J_M^R, [Q⊥L (2), Q⊥R (2)]) per (µ_L, δ_L, µ_R, δ_R, [s⊥L (2), s⊥R (2)])."""
    if isinstance(interface, InterfaceResponse):
        rows = np.stack(_checked(interface), axis=-3)
        signed = rows * np.array([1.0, -1.0])[:, None]
        columns = np.stack([signed.sum(axis=-1), signed @ SIGNS], axis=-1)
        return np.asarray(columns.reshape(*columns.shape[:-2], 4))
    frames = _frames(m)
    local = np.zeros((*frames.shape[:-2], 4, 4))
    local[..., 0, 0] = 1.0
    local[..., 1:, 1:] = frames
    # Rows and columns (charge, m, e1, e2) of each side.
    flux = np.einsum("...iua,...ilab,...lwb->...iulw", local, interface.response, local, optimize=True)
    flux = flux * np.array([1.0, -1.0])[:, None]
    flux = flux.reshape(*flux.shape[:-4], 8, 8)
    # Charge and J_M of the left, J_M of the right (its charge is the same), then the transverse parts.
    return np.asarray(flux[..., [0, 1, 5, 2, 3, 6, 7], :][..., [0, 1, 4, 5, 2, 3, 6, 7]])


@formula
def match(
    left: Material,
    right: Material,
    interface: InterfaceResponse | VectorInterface,
    *,
    m_left: ArrayLike,
    m_right: ArrayLike,
    current: ArrayLike = 1.0,
    thickness: float = 0.0,
    q_barrier: float | None = None,
) -> Matching:
    r"""Solve equations (7) to (11) on both sides of an interface, at constant current.

    **Validity**: linear response, half-spaces longer than their spin-diffusion lengths, no charge in the barrier. The
    unknowns and equations are counted in the module's docstring. Passive interfaces (dissipating r's) never make the
    matching singular in exact arithmetic: each half-space is passive too. Interface conductances above about 1e12 times
    those of the metals are refused for lack of digits; 1e8 times is already a transparent contact. Raises
    `SingularMatchingError`: The interface conditions leave a combination of N and δ undetermined (condition number
    above 1e13).

    Source: the paper, equations (5) to (11). The collinear solution for α1 = α2 is that of T. Valet and A. Fert, Phys.
    Rev. B 48, 7099 (1993), whatever the screening.

    Parameters
    ----------
    left, right
        Materials of y < -d/2 and y > d/2; they may differ in everything.
    interface
        `kwant_spinjunc.theory.interface.InterfaceResponse`, the r's of (5), (6) and the charge response, with δM⊥ = 0
        at the faces; or `VectorInterface`, with δM⊥ matched as well. Conductances per area (`per_area`); the µ are
        those of (8), (9) at the faces. Leading axes broadcast.
    m_left, m_right
        Unit vectors, shape (..., 3).
    current
        Charge (particle) current J along +y, shape (...).
    thickness
        Thickness d >= 0 of the barrier.
    q_barrier
        e²/(ε0 ε_r) of the barrier; by default that of the materials, which then must agree if d > 0.

    Returns
    -------
    Matching
        Face values, currents, sheets, dipoles, and `Matching.profile`.

    Examples
    --------
    >>> from kwant_spinjunc.theory.interface import tunnelling_response
    >>> iron = Material(sigma=2.0, beta=0.6, D=1.0, tau=4.0, q=50.0)
    >>> z = [0.0, 0.0, 1.0]
    >>> solution = match(iron, iron, tunnelling_response(0.4 * np.eye(2)), m_left=z, m_right=z)
    >>> solution.J_M.round(6).tolist()   # 2ξ'β/(1 + 2ξ') with ξ' = 0.8/0.8
    [0.4, 0.4]
    """
    thickness = finite("thickness", thickness)
    if thickness < 0:
        raise ArgumentError(f"Argument `thickness` must be non-negative, but is {thickness:g}.")
    if q_barrier is None:
        if thickness > 0 and left.q != right.q:
            raise ArgumentError(
                f"Argument `q_barrier` must be given, but is None although `left.q` = {left.q:g} and `right.q` = "
                f"{right.q:g} differ. It is e²/(ε0 ε_r) of the barrier."
            )
        q_barrier = left.q
    q_barrier = positive("q_barrier", q_barrier)
    m = np.stack(_directions(m_left, m_right), axis=-2)
    flux = _interface_rows(interface, m)
    J = finite_array("current", current)
    batch = np.broadcast_shapes(flux.shape[:-2], m.shape[:-2], J.shape)
    J, m = np.broadcast_to(J, batch), np.broadcast_to(m, (*batch, 2, 3))
    flux = np.broadcast_to(flux, (*batch, *flux.shape[-2:]))
    solution, condition = _solve(*_matching_equations(left, right, flux, J, thickness * q_barrier))
    transverse = np.zeros((*batch, 2, 3))
    if isinstance(interface, VectorInterface):
        across = solution[..., 4:].reshape(*batch, 2, 2)
        transverse = np.einsum("...iu,...iuc->...ic", across, _frames(m)[..., 1:, :])
    return Matching(
        left=left,
        right=right,
        m=m,
        current=J,
        thickness=thickness,
        q_barrier=q_barrier,
        N=solution[..., [0, 2]],
        delta=solution[..., [1, 3]],
        transverse=transverse,
        condition=condition,
    )


def _matching_equations(
    left: Material, right: Material, flux: Floats, J: Floats, barrier: float
) -> tuple[Floats, Floats, Floats]:
    """Return A x = b for x = (N_L, δ_L, N_R, δ_R, [s⊥L (2), s⊥R (2)]), and the size of the terms A sums."""
    rows, size = flux.shape[-2:]
    b = np.zeros((*J.shape, size))
    # µ_L = N_L, µ_R = N_R - (potential step), V(-d/2) = 0: the step is d q_b times the displacement of the left side.
    displacement = np.zeros(size)
    displacement[:2] = _charge_weights(left)
    step = barrier * flux[..., 2, None]
    b[..., :rows] = step[..., 0] * (J / (left.sigma * left.q))[..., None]
    b[..., 0] += J
    metal = np.zeros((size, size))
    # J_M inside each metal.
    metal[1, :2] = _spin_admittance(left)
    metal[2, 2:4] = -np.array(_spin_admittance(right))
    b[..., 1] += left.beta * J
    b[..., 2] += right.beta * J
    # Q⊥ = ∓σ k s⊥ inside each metal.
    for first, material, sign in ((3, left, 1.0), (5, right, -1.0))[: (rows - 3) // 2]:
        k = material.sigma * material.modes.transverse
        metal[first : first + 2, first + 1 : first + 3] = sign * np.array([[k.real, -k.imag], [k.imag, k.real]])
    # Continuity of the displacement: the two sheet charges make up for the difference of the Ohmic fields.
    metal[-1, :2] = displacement[:2]
    metal[-1, 2:4] = _charge_weights(right)
    b[..., -1] = J * (1 / (right.sigma * right.q) - 1 / (left.sigma * left.q))
    A, size_of_terms = np.empty((2, *J.shape, size, size))
    A[...], size_of_terms[...] = metal, np.abs(metal)
    A[..., :rows, :] += flux - step * displacement
    size_of_terms[..., :rows, :] += np.abs(flux) + np.abs(step * displacement)
    return A, b, size_of_terms


def _solve(A: Floats, b: Floats, size_of_terms: Floats) -> tuple[Floats, Floats]:
    """Solve A x = b with rows and columns scaled to order one; refuse a singular system."""
    # Scales come from the terms, not from their sums: an equation whose terms cancel must not be blown up.
    row = 1 / size_of_terms.max(axis=-1, keepdims=True)
    column = 1 / (size_of_terms * row).max(axis=-2, keepdims=True)
    scaled = A * row * column
    condition = np.linalg.cond(scaled)
    if not np.all(condition < SINGULAR):
        worst = np.linalg.svd(scaled[np.unravel_index(np.argmax(condition), condition.shape)])[2][-1]
        raise SingularMatchingError(
            f"Argument `interface` must determine the accumulations, but the matching is singular (condition number "
            f"{np.max(condition):.1e}): scaled (N_L, δ_L, N_R, δ_R, ...) = {np.round(worst, 3).tolist()} is free. "
            "Compare its coefficients with the conductances of the metals: an interface far more conducting than "
            "1e10 times a metal has no digits left, use 1e8 times for a transparent contact."
        )
    x = np.linalg.solve(scaled, (b * row[..., 0])[..., None])[..., 0] * column[..., 0, :]
    return x, condition
