"""The fastest Kwant we can write for a clean chain: leads whose modes are typed in, not diagonalized.

A user who knows Kwant's internals and the junction's analytic modes replaces both leads by `kwant.builder.ModesLead`;
what is left is Kwant's own assembly and sparse solution of the linear system.
"""

from __future__ import annotations

from typing import Any

from kwant_spinjunc import Junction
from kwant_spinjunc.devices.build import build
from kwant_spinjunc.devices.lead_modes import with_analytic_leads
from kwant_spinjunc.model.plane import CrossSection

__all__ = ["build_expert"]


def build_expert(junction: Junction) -> Any:
    """Return the junction as a finalized Kwant system with hand-written leads (Γ point, one site per plane)."""
    return with_analytic_leads(build(junction), junction, CrossSection()).finalized()
