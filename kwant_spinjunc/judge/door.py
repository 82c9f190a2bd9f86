"""`judge`: checks what is given, solves it exactly over the angle, and lets every law speak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kwant_spinjunc.errors import ArgumentError, finite, finite_array, positive
from kwant_spinjunc.judge.clean import Clean
from kwant_spinjunc.judge.evidence import Evidence, InapplicableError
from kwant_spinjunc.judge.laws import RULES, Finding, Rule
from kwant_spinjunc.judge.remedy import Search
from kwant_spinjunc.judge.verdict import Judgment, Law, dismiss, pronounce
from kwant_spinjunc.junction import Junction

__all__ = ["ANGLES", "judge"]

Floats = NDArray[np.float64]

#: Angles over which laws are judged unless others are asked for.
ANGLES = np.linspace(0.0, np.pi, 37)


def judge(
    junction: Any,
    energy: float = 0.0,
    k: ArrayLike | str | None = None,
    mu_left: ArrayLike = 0.5,
    mu_right: ArrayLike = -0.5,
    angles: ArrayLike | None = None,
    tolerance: float = 0.01,
    **settings: Any,
) -> Judgment:
    chosen = ANGLES if angles is None else _angles(angles)
    problem = Clean(
        junction, finite("energy", energy), k, _mu(mu_left, mu_right), tuple(chosen.tolist())
    )
    return conclude(problem.evidence, "this junction", positive("tolerance", tolerance))


def _angles(angles):
    return np.unique(finite_array("angles", angles).ravel())


def _mu(l, r):
    return tuple(tuple(np.broadcast_to(np.asarray(x, float), (2,)).tolist()) for x in (l, r))


def conclude(e: Evidence, name: str, tolerance: float) -> Judgment:
    """Let every law speak about the evidence."""
    findings = {rule.id: _finding(rule, e) for rule in RULES}
    laws: dict[str, Law] = {}
    search = Search(e.problem, worst_errors, tolerance) if isinstance(e.problem, Clean) else None
    for rule in RULES:
        found = findings[rule.id]
        if isinstance(found, str):
            laws[rule.id] = dismiss(rule, found, e)
            continue
        law = pronounce(rule, found, e, tolerance)
        if law.verdict != "use" and rule.sought and search and law.error > tolerance:
            from dataclasses import replace
            law = replace(law, advice=f"{search.advice(rule.id)} {law.advice}")
        laws[rule.id] = law
    return Judgment(laws, name, tolerance, e)


def _finding(rule: Rule, e: Evidence) -> Finding | str:
    try:
        return rule.judge(e)
    except InapplicableError as reason:
        return str(reason)


def worst_errors(e: Evidence) -> Mapping[str, float]:
    errors = {}
    for rule in RULES:
        if rule.sought:
            found = _finding(rule, e)
            if not isinstance(found, str):
                chosen = np.isfinite(found.error) & (e.asked | found.everywhere)
                errors[rule.id] = float(found.error[chosen].max(initial=0.0))
    return errors
