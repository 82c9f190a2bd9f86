"""Where every equation of the paper stands: as printed, corrected, its exact counterpart, and the claim that judges it.

"As printed" is empty where the print can be used as it stands; then the corrected functions are the equation itself.
Exact counterparts are named, not imported: the theory knows no engine. Claims are files of the repository's validation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..printing import Printed


@dataclass(frozen=True, repr=False, kw_only=True)
class Equation(Printed):
    """One equation of the paper."""

    title: str  #: What it says, in words.
    formula: str  #: As the paper means it, in Unicode.
    holds: str  #: Where it holds.
    misprint: str = ""  #: What is wrong in the print; empty if nothing is.
    #: `printed`, `corrected`: Functions ``module.function`` of `kwant_spinjunc.theory`.
    printed: tuple[str, ...] = ()
    corrected: tuple[str, ...]
    exact: tuple[str, ...]  #: Its counterpart in the exact engine, ``module.name`` of `kwant_spinjunc`.
    claims: tuple[str, ...]  #: Ids of the claims that judge it.

    def __str__(self) -> str:
        """Return the equation as an aligned table."""

        def listed(names: tuple[str, ...], of: str = "") -> str:
            return ", ".join(of + name for name in names)

        theory = "kwant_spinjunc.theory."
        rows = [
            ("formula", self.formula),
            ("holds", self.holds),
            ("misprint", self.misprint or "none"),
            ("as printed", listed(self.printed, theory) or "as below"),
            ("corrected", listed(self.corrected, theory)),
            ("exact", listed(self.exact, "kwant_spinjunc.")),
            ("claims", listed(self.claims)),
        ]
        return "\n".join([self.title, *(f"  {name:<12}{text}" for name, text in rows)])


def _equation(**told: str) -> Equation:
    """Return an equation told in words; names of functions and claims are separated by blanks."""
    lists = ("corrected", "exact", "claims", "printed")
    fields: dict[str, Any] = {name: tuple(text.split()) if name in lists else text for name, text in told.items()}
    return Equation(**fields)


_DIFFUSION = "drift_diffusion.match drift_diffusion.wave_numbers drift_diffusion.strong_screening_wave_numbers"
_THREE = _equation(
    title="Magnetization current on the left",
    formula="J_M^L = (1/h) Σ_ss' s T_ss' (µ_Ls − µ_Rs')",
    holds="no spin accumulation on the left, or T ≪ 1: spin-flip reflection is left out, O(T²) behind a barrier",
    misprint="4πe Σ s |T_ss'|² (n_L(µ_Ls) − n_R(µ_Rs')) flows at equal µ if n_L ≠ n_R; the golden rule has n_L n_R",
    printed="printed.magnetization_current",
    corrected="tunnelling.magnetization_current",
    exact="transport.linear.linear_response transport.linear.tunneling_response",
    claims="magnetization-currents metallic-limit nonequilibrium-tunneling validity-map bias-dependence "
    "conservation disordered-barrier golden-rule symmetry-filtering",
)
_FIVE = _equation(
    title="General linear response of the left current",
    formula="J_M^L = Σ_s (r^L_1s δµ^L_s − r^L_2s δµ^R_s)",
    holds="accumulations along each magnet; transverse ones add terms of the same size",
    corrected="interface.interface_response interface.interface_currents",
    exact="transport.observables.interface_coefficients transport.vector_response.vector_response",
    claims="interface-response transverse-accumulation multiscale",
)

#: Number or name -> `Equation`: (1) to (12), the torque t0, the parallel circuit and the domain wall.
EQUATIONS: dict[str, Equation] = {
    "1": _equation(
        title="One conserved magnetization current: the conventional form, which the paper refutes",
        formula="J_M = Σ_s (α_s µ_Ls − β_s µ_Rs)",
        holds="collinear magnets; otherwise each side has coefficients of its own",
        corrected="tunnelling.conserved_magnetization_current tunnelling.one_sided_coefficients",
        exact="transport.linear.linear_response",
        claims="conserved-current conservation validity-map",
    ),
    "2": _equation(
        title="Tunnelling matrix: rotation of spin times decay through the barrier",
        formula="T_ss' = R_ss' exp[−∫₀ᵈ κ(y) dy],  κ = √(2m(U − µ_Ls + µ_Rs' − V y/d))/ħ",
        holds="strong barriers, up to the spin factors of both interfaces, which it leaves out",
        misprint="ħ² and 2m exchanged, no minus sign, V y for V y/d",
        printed="printed.wkb_exponent printed.tunnelling_matrix",
        corrected="tunnelling.wkb_exponent tunnelling.tunnelling_matrix tunnelling.barrier_probabilities",
        exact="scattering.scatter",
        claims="rotation-law tunneling-exponent symmetry-filtering disordered-barrier bias-dependence "
        "nonequilibrium-tunneling validity-map linear-term",
    ),
    "3": _THREE,
    "4": replace(
        _THREE,
        title="Magnetization current on the right",
        formula="J_M^R = (1/h) Σ_ss' s' T_ss' (µ_Ls − µ_Rs')",
        holds="no spin accumulation on the right, or T ≪ 1: spin-flip reflection is left out, O(T²) behind a barrier",
        misprint="as in (3)",
    ),
    "t0": _equation(
        title="Implicit torque: what the magnets must take up",
        formula="t0 = (J_M^R − J_M^L)/(a µ_B)",
        holds="as vectors J_M^α m_α it is minus the torque on both magnets, exactly; as lengths it misses what turns",
        corrected="tunnelling.implicit_torque tunnelling.vector_torque tunnelling.in_plane_torques",
        exact="transport.linear.linear_response",
        claims="torque conservation bias-dependence dephasing disordered-coherence domain-wall validity-map "
        "other-torques t0-lengths wall-stability",
    ),
    "circuit": _equation(
        title="Parallel circuit: two spin channels a side, fields in series",
        formula="J_s = σ_s E,  J^L_s' = Σ_s |R_ss'|² J^R_s,  E_L(R) = σ_R(L) E/(σ_L + σ_R)",
        holds="contacts longer than (σ_s/N) tan²(Φ/2) planes without transverse spin",
        misprint="E_L(R) = σ_L(R) E/(σ_L + σ_R) breaks σ_L E_L = σ_R E_R unless σ_L = σ_R",
        printed="printed.fields",
        corrected="parallel_circuit.series_fields parallel_circuit.rotated_spin_currents",
        exact="runs.ensemble.ensemble transport.linear.linear_response",
        claims="field-division metallic-limit diffusive-metal diffusive-interface equal-magnitudes",
    ),
    "5": _FIVE,
    "6": replace(
        _FIVE,
        title="General linear response of the right current",
        formula="J_M^R = Σ_s (r^R_1s δµ^L_s − r^R_2s δµ^R_s)",
    ),
    "wall": _equation(
        title="Domain wall: the magnets near the interface turn under the torque",
        formula="δθ = δθ_i exp(−|y|/d_i),  d_i = √(J_i/K_i),  δθ_i = ΔJ_M/{M0 a [K_i − √(J_i K_i)/a]}",
        holds="small rotations and K a² ≪ J, by the field-like torque; the damping-like one tilts out of the plane",
        misprint="K − √(JK) adds an energy per volume to one per area",
        printed="printed.net_torque printed.rotation",
        corrected="domain_wall.wall_profile domain_wall.net_torque_restored domain_wall.rotation_restored "
        "domain_wall.rotation_lattice wall_torques.wall_tilts",
        exact="magnets.wall.self_consistent_wall theory.domain_wall.relax",
        claims="domain-wall wall-stability",
    ),
    "7": _equation(
        title="Balance of magnetization: precession, relaxation, and the divergence of its current",
        formula="∂M/∂t − γ M×H + ∇·J_M = −δM/τ",
        holds="one relaxation time; steady in `drift_diffusion`, in time in `magnets.dynamics`",
        corrected=_DIFFUSION,
        exact="magnets.multiscale.multiscale",
        claims="length-scales spin-flip transverse-accumulation relaxation transverse-pair",
    ),
    "8": _equation(
        title="Charge current of drift and diffusion",
        formula="J = −σV' − βD (δM·p0)' − α1 D δn'",
        holds="metals thicker than a mean free path, small deviations; V'' = −q δn screens",
        corrected=_DIFFUSION,
        exact="magnets.multiscale.multiscale",
        claims="length-scales spin-flip multiscale",
    ),
    "9": _equation(
        title="Magnetization current of drift and diffusion",
        formula="J_M = [−βσV' − α2 βD δn'] p0 − D δM'",
        holds="metals thicker than a mean free path, small deviations",
        corrected=_DIFFUSION,
        exact="magnets.multiscale.multiscale",
        claims="length-scales spin-flip transverse-accumulation transverse-pair",
    ),
    "10": _equation(
        title="Continuity of charge",
        formula="∇·J = −∂δn/∂t, in a steady state J' = 0",
        holds="exactly",
        corrected=_DIFFUSION,
        exact="magnets.multiscale.multiscale",
        claims="length-scales spin-flip relaxation",
    ),
    "11": _equation(
        title="Four decaying exponentials a side",
        formula="D²(α1 − β²α2) k⁴ − D[σq(1−β²) + α1/τ] k² + σq/τ = 0;  transverse D k² = 1/τ ± iγH",
        holds="as (7) to (10)",
        corrected="drift_diffusion.wave_numbers drift_diffusion.strong_screening_wave_numbers",
        exact="magnets.multiscale.multiscale",
        claims="length-scales dipole-layers transverse-accumulation relaxation transverse-pair",
    ),
    "12": _equation(
        title="Length of the difference of both magnetization currents against the angle",
        formula="e ΔJ_M = βJ cos(Φ/2) sin Φ {A1 + 2√(1−β²) ξ [1 + A2 sin²(Φ/2)/(1−β²)] + 4ξ² sin²(Φ/2)}"
        " / {1 − β² + 2√(1−β²) ξ + ξ² sin²Φ}",
        holds="identical magnets; A1 = A2 = 0 for one interface conductance, strong screening, no transverse spin",
        corrected="angular.delta_J_M angular.delta_J_M_reduced angular.fit_A",
        exact="theory.drift_diffusion.match magnets.multiscale.multiscale",
        claims="equation-12 multiscale diffusive-interface",
    ),
}
