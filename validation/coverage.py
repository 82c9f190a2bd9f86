"""Every sentence and equation of the paper, with the claim that tests it, or why none does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["COVERAGE", "Covered"]


@dataclass(frozen=True)
class Covered:
    """One sentence or equation: where it stands, what it says, the claims that test it, or why none does."""

    place: str
    says: str
    claims: tuple[str, ...] = ()
    because: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return {"place": self.place, "says": self.says, "claims": list(self.claims), "because": self.because}


def row(place: str, says: str, *claims: str, because: str = "") -> Covered:
    """Return one row."""
    return Covered(place, says, claims, because)


COVERAGE: tuple[Covered, ...] = (
    row("abstract", "The magnetization current is not conserved across a noncollinear junction.", "conservation"),
    row(
        "abstract",
        "This is due to an implicit external torque that clamps the magnetizations.",
        "torque",
        "wall-stability",
    ),
    row("(1)", "One conserved J_M = Σ(α µ_L − β µ_R) cannot always be used.", "conserved-current", "validity-map"),
    row(
        "text before 2",
        "Noncollinear magnetizations imply a current-induced torque (earlier work).",
        because="cited, not claimed",
    ),
    row("text before 2", "ρ = (1 + σ·M); diagonal along M, no phase coherence there.", because="a definition"),
    row(
        "text before 2", "One dimension along y, uniform in x and z.", because="the setting; k∥ sums are in every claim"
    ),
    row(
        "text before 2",
        "J_M is the difference of spin currents along M.",
        because="a definition; vectors in interface-response",
    ),
    row(
        "text before 2",
        "Tunnelling Hamiltonian with T_ss' between spins of both magnets.",
        "golden-rule",
        "magnetization-currents",
    ),
    row("(2)", "T_ss' is the rotation R_ss' times a factor.", "rotation-law", "disordered-barrier"),
    row("(2)", "The factor is exp of ∫√(ħ²(U…)/2m).", "tunneling-exponent", "symmetry-filtering"),
    row("(2)", "−µ_Ls + µ_Rs' − V y stands in the exponent.", "nonequilibrium-tunneling"),
    row("text after 2", "In linear response that term is absent.", "linear-term"),
    row(
        "text after 2",
        "J_M^L from ∂M_L/∂t by the tunnelling Hamiltonian (Cohen, Falicov, Phillips; Mahan).",
        "golden-rule",
    ),
    row(
        "(3), (4)",
        "Two magnetization currents Σ s|T|²(n_L − n_R), Σ s'|T|²(n_L − n_R).",
        "magnetization-currents",
        "validity-map",
    ),
    row("(3), (4)", "The prefactor 4πe and the densities n(µ).", "golden-rule"),
    row("(3), (4)", "At a finite bias.", "nonequilibrium-tunneling", "bias-dependence"),
    row("text after 4", "Collinear: T is diagonal and J_M^L = J_M^R.", "conservation"),
    row("text after 4", "In linear response T_ss' is symmetric.", "conservation"),
    row("text after 4", "J_M^L ≠ J_M^R because µ_L+ ≠ µ_L−, by spin accumulation.", "conservation"),
    row("text after 4", "Accumulation comes with charge and magnetization dipole layers.", "dipole-layers"),
    row(
        "text after 4",
        "Equal currents along one direction would need a perpendicular spin current, which is zero.",
        "dephasing",
        "conservation",
    ),
    row(
        "text after 4",
        "ρ0 has nonzero off-diagonal elements R²_+−.",
        because="print slip: the elements are R_++R_+−; used nowhere else",
    ),
    row(
        "text after 4",
        "Phase coherence is lost after the electron has moved over.",
        "dephasing",
        "disordered-coherence",
    ),
    row("text after 4", "An external torque clamps the magnetizations, by anisotropy for example.", "wall-stability"),
    row("t0", "t0 = (J_M^R − J_M^L)/(a µ_B), vectors.", "torque"),
    row("t0", "t0 = (J_M^R − J_M^L)/(a µ_B), magnitudes.", "t0-lengths"),
    row("text after t0", "There may be other contributions.", "other-torques", "bias-dependence"),
    row(
        "text after t0", "The same reasoning applies to metallic multilayers.", "torque", "metallic-limit", "multiscale"
    ),
    row(
        "text before 5",
        "For metallic multilayers (3), (4) are no longer valid.",
        "magnetization-currents",
        "validity-map",
    ),
    row(
        "text before 5",
        "J_s = σ_s E on each side, shorter than the spin-diffusion length.",
        "diffusive-metal",
        "field-division",
    ),
    row("text before 5", "J_s'^L = Σ_s |R_ss'|² J_s^R.", "metallic-limit", "diffusive-interface"),
    row("text before 5", "E_L(R) = σ_L(R) E/(σ_L + σ_R).", "field-division", "diffusive-metal"),
    row(
        "text before 5",
        "The magnetization currents differ, their magnitudes are equal.",
        "equal-magnitudes",
        "diffusive-interface",
    ),
    row(
        "(5), (6)", "With an interface resistance the response is linear with r's.", "interface-response", "multiscale"
    ),
    row(
        "text after 6",
        "Only far from the interface the directions are given; a wall is created.",
        "domain-wall",
        "wall-stability",
    ),
    row("text after 6", "δθ(y) = δθ_i exp(−|y|/d), d = √(J/K).", "domain-wall"),
    row("text after 6", "The left and right magnets rotate by −δθ_R and δθ_L.", "domain-wall"),
    row("text after 6", "t = M0 δθ_i [K − √(JK)] and δθ_i = ΔJ_M/(M0 a[K − √(JK)]).", "domain-wall"),
    row("(7)", "∂M/∂t − γM×H + ∇·J_M = −δM/τ.", "relaxation", "spin-flip"),
    row("(8), (9)", "J and J_M by Fick's law with β, D, α1, α2.", "spin-flip", "length-scales"),
    row("text after 9", "W = ∫U δn, screening found self-consistently.", "length-scales", "dipole-layers"),
    row("(10)", "∇·J = −∂δn/∂t.", "relaxation"),
    row("(11)", "Four exponentials a side; lengths renormalized; δn_i0 depend on δM_i0.", "length-scales"),
    row("(11)", "Left- and right-rotating transverse lengths.", "transverse-pair", "transverse-accumulation"),
    row("text after 11", "Longitudinal change of the order of voltage times density of states.", "dipole-layers"),
    row(
        "text after 11",
        "The transverse change is much smaller; all the torque comes at the interface.",
        "transverse-accumulation",
        "torque",
    ),
    row(
        "(12)",
        "e ΔJ_M for the same material on both sides, ξ, A1, A2 of order one.",
        "equation-12",
        "multiscale",
        "diffusive-interface",
    ),
    row("summary", "No additional torque is introduced in the metal.", "transverse-accumulation"),
)
