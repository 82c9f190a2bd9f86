"""A metal: its constants, and its four decaying modes of charge and spin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import e, epsilon_0, h, nano, pico

from ...arrays import Complex, Floats
from ...checks import finite, formula, positive, ratio_array
from ...errors import ArgumentError

#: q = e²/ε0 in eV nm, the electrostatics of an unscreened charge in vacuum.
VACUUM_SCREENING: float = e / epsilon_0 / nano
#: 1/h in 1/(eV ps): what e²/h is in the units of `InterfaceResponse` fed to `match`, before dividing by the area.
LANDAUER: float = e * pico / h
#: 1 S/m in 1/(eV nm ps), and 1 A/m² in particles/(nm² ps).
SIEMENS_PER_METER: float = nano * pico / e
AMPERE_PER_SQUARE_METER: float = nano**2 * pico / e
#: All modes of `Modes.amplitudes` are distinguishable if their k² differ relatively by more than this.
DEGENERATE = 1e-9
#: Signs of the adjugate of a 2×2 matrix, and the unit matrix.
ADJUGATE, ONE = np.array([[1.0, -1.0], [-1.0, 1.0]]), np.eye(2)


@dataclass(frozen=True, kw_only=True)
class Material:
    r"""A magnet or a metal in the drift-diffusion equations (8), (9).

    Longitudinal modes exp(-k|y|) obey a k⁴ - b k² + c = 0 with a = D²(α1 - β²α2), b = D[σq(1-β²) + α1/τ],
    c = σq/τ. They decay, possibly in oscillation, unless k² <= 0: that needs α1 <= β²α2 or b <= -2√(ac).

    Examples
    --------
    >>> cobalt = Material(sigma=1e7 * SIEMENS_PER_METER, beta=0.46, D=800.0, tau=4.0)
    >>> round(cobalt.spin_diffusion_length, 2), round(cobalt.screening_length, 3)
    (50.23, 0.027)
    """

    sigma: float  #: Conductivity σ > 0 (over e²): J = -σV'.
    beta: float  #: Current polarization β, |β| < 1; 0 in a normal metal.
    D: float  #: Diffusion coefficient, > 0; the density of states is σ/D.
    tau: float  #: Spin relaxation time of δM, > 0 and finite.
    #: `alpha1`, `alpha2`: The paper's phenomenological parameters. Independent spin channels of equal density of
    #: states, D_s = D(1 ± β), are α1 = α2 = 1; symmetry of ∂µ_s/∂n_s' asks for α1 = α2 whatever the interaction.
    alpha1: float = 1.0
    alpha2: float = 1.0
    omega: float = 0.0  #: Precession rate ω = γH of δM⊥ about m, 1/time, any sign.
    q: float = VACUUM_SCREENING  #: e²/(ε0 ε_r), energy × length; default vacuum, in eV nm.

    def __post_init__(self) -> None:
        for name in ("sigma", "D", "tau", "q"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))
        for name in ("beta", "alpha1", "alpha2", "omega"):
            object.__setattr__(self, name, finite(name, getattr(self, name)))
        ratio_array("beta", self.beta, "A half-metal has no finite spin-diffusion length here; approach it.")
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


@dataclass(frozen=True, eq=False)
class Modes:
    r"""The decaying solutions of one half-space, at distance x >= 0 from its face.

    In the variables u = (δn, v), the longitudinal equations are u'' = B u with
    B = [[1/λ² + χ b, b], [χ/l_sd², 1/l_sd²]], b = -β/(τD(α1-β²α2)), whose decaying solution is exp(-√B x) u(0). Its
    entries are written so that nothing cancels, for screening however strong and for coinciding lengths.

    Examples
    --------
    >>> modes = Material(sigma=2.0, beta=0.6, D=1.0, tau=4.0, omega=0.75, q=50.0).modes
    >>> round(1 / modes.spin.real, 6), round(1 / modes.screening.real, 6), round(modes.transverse.real, 6)
    (1.6, 0.1, 0.721308)
    """

    material: Material  #: The material.
    #: `spin`, `screening`: The two longitudinal wave numbers: k → 1/l_sd and k → 1/λ for strong screening, exactly so
    #: for α1 = α2 (then 1/λ² = σq/(α1 D)). Real, or a complex pair with positive real part.
    spin: complex
    screening: complex
    transverse: complex  #: k = √((1/τ + iω)/D), the decay of δM⊥ along e1 plus i times δM⊥ along e2, for e1×e2 = m.
    #: k_spin² = B_vv - shift, k_screening² = B_nn + shift.
    shift: complex
    B: Floats  #: Shape (2, 2).

    @classmethod
    def of(cls, material: Material) -> Modes:
        """Solve the quadratic for k² of ``material``."""
        b = -material.beta / (material.tau * material.D * material.stiffness)
        c = 1 / material.spin_diffusion_length**2
        B = np.array([[1 / material.screening_length**2 + material.chi * b, b], [material.chi * c, c]])
        half, product = (B[0, 0] - c) / 2, b * B[1, 0]
        root = np.sqrt(complex(half**2 + product))
        shift = product / (half + root if half >= 0 else half - root) if product else 0j
        return cls(
            material=material,
            spin=complex(np.sqrt(c - shift)),
            screening=complex(np.sqrt(B[0, 0] + shift)),
            transverse=complex(np.sqrt((1 / material.tau + 1j * material.omega) / material.D)),
            shift=complex(shift),
            B=B,
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

    def root(self, power: int) -> Floats:
        """Return B^(power/2) for power 1, -1 or -2, rows and columns (δn, v).

        -(δn, v)' = √B (δn, v), and ∫_0^∞ x^(n-1) (δn, v) dx = B^(-n/2) (δn, v)(0).
        """
        # √B = (B + √det B)/tr √B, and B^(-1/2) is the same of the adjugate: no differences
        matrix = self.B if power > 0 else self.B[::-1, ::-1].T * ADJUGATE
        if power == -2:
            return np.asarray(matrix / self.product**2)
        return np.asarray((matrix + self.product * ONE) / (self.total * (self.product if power < 0 else 1.0)))

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
        x = np.asarray(x)
        k_v, k_n = (self.spin, self.screening) if self.shift.imag else (self.spin.real, self.screening.real)
        f_v, f_n = np.exp(-k_v * x), np.exp(-k_n * x)
        # Divided difference (f_v - f_n)/(k_v - k_n) from the slower exponential, also for equal k.
        slow, gap = (f_v, k_n - k_v) if k_v.real <= k_n.real else (f_n, k_v - k_n)
        divided = slow * np.expm1(-gap * x) / gap if gap else -x * slow
        divided = divided / self.total
        return (
            np.real(f_n - divided * self.shift),
            np.real(divided) * self.B[0, 1],
            np.real(divided) * self.B[1, 0],
            np.real(f_v + divided * self.shift),
        )

    def transverse_decay(self, x: ArrayLike) -> tuple[Floats, Floats]:
        """Return (c, s) with δM⊥(x) = c δM⊥(0) - s m×δM⊥(0)."""
        x = np.asarray(x)
        decay = np.exp(-self.transverse.real * x)
        return decay * np.cos(self.transverse.imag * x), decay * np.sin(self.transverse.imag * x)


@formula
def wave_numbers(material: Material) -> Complex:
    r"""Return the four wave numbers k = 1/l of equation (11): screening, spin, transverse and its conjugate.

    **Result**: shape (4,); complex, positive real part, 1/length. Decay lengths are ``1 / k.real``. **Validity**: exact
    roots of a k⁴ - b k² + c = 0 (see `Material.quadratic`) and of D k² = 1/τ ± iω. For α1 = α2 the longitudinal pair
    factorizes for any screening, k² = 1/(Dτ(1-β²)) and k² = σq/(α1 D); only α1 ≠ α2 lets charge and spin renormalize
    each other's length, relatively by (λ/l_sd)². Source: the paper, equation (11) and the text after it.
    """
    return material.modes.wave_numbers


@formula
def strong_screening_wave_numbers(material: Material) -> tuple[float, float]:
    r"""Return k → √(σq(1-β²)/(D(α1-β²α2))) and √(1/(Dτ(1-β²))), the limit of `wave_numbers` for q → ∞.

    **Result**: 1/length. **Validity**: λ ≪ l_sd; corrections are of relative order β²(α1-α2)(λ/l_sd)². Exact for α1 =
    α2. Source: the paper, text after equation (11).
    """
    return 1 / material.screening_length, 1 / material.spin_diffusion_length
