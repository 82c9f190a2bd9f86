"""What the judge returns: a verdict on each law, the exact numbers it rests on, and how both are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arrays import Floats
from ..printing import Printed, Table, number
from .evidence import Evidence
from .laws import Curve, Finding, Rule, Words

if TYPE_CHECKING:
    import xarray as xr

#: What a law can be told.
VERDICTS = ("use", "use with care", "do not use", "does not apply")
#: Up to this many times the tolerance a law is to be used with care.
CARE = 10.0


@dataclass(frozen=True, repr=False, kw_only=True, eq=False)
class Law(Printed, Words):
    """One law held against exact numbers; `Judgment.laws` has it by its id.

    ``error`` is the largest over the angles, at the angle ``at`` in radians, and relative to what ``unit`` says; it is
    NaN where the law does not apply. ``value`` is that of the small ``parameter`` which controls it.
    """

    error: float  #: Largest error over the angles, in ``unit``; NaN if it does not apply.
    uncertainty: float = 0.0  #: Standard error of that, of an average over samples or on lattices of momenta; 0 else.
    at: float = np.nan  #: Angle of the largest error in radians.
    #: `parameter`, `value`: The small parameter that controls the error, and its value here.
    parameter: str = ""
    value: float = np.nan
    verdict: str  #: One of `VERDICTS`.
    reason: str  #: Why, a clause.
    advice: str = ""  #: What would have to change, and what to use instead.
    errors: Floats  #: Shape (angles,): error at every angle, NaN where the law says nothing.
    curves: tuple[Curve, ...] = ()  #: What was compared.

    def __str__(self) -> str:
        lines = [f"{self.title}: {self.verdict.upper()}", self.statement, f"fed with: {self.fed}"]
        lines.append(f"against: {self.against}")
        if self.verdict != VERDICTS[3]:
            lines.append(f"error {self.percent} of {self.unit}, at {np.degrees(self.at):.4g} deg")
            lines.append(f"small parameter {number(self.value, 3)}: {self.parameter}")
        lines += [text for text in (self.reason, self.advice) if text]
        return "\n  ".join(lines)

    def row(self) -> tuple[str, ...]:
        """Title, verdict, worst error, its angle in degrees, small parameter and its name, or why it does not apply."""
        at = "-" if np.isnan(self.at) else f"{np.degrees(self.at):.4g}"
        return self.title, self.verdict, self.percent, at, number(self.value, 3), self.parameter or self.reason

    @property
    def percent(self) -> str:
        """The error in percent, with its uncertainty if it has one."""
        if np.isnan(self.error):
            return "-"
        spread = f" ± {100 * self.uncertainty:.2g}" if self.uncertainty else ""
        return f"{100 * self.error:.3g}{spread} %"


def worst(finding: Finding, e: Evidence) -> tuple[float, float]:
    """Return the largest error over the angles that were asked for, and where it is; 0 where there is none."""
    chosen = ~np.isnan(finding.error) & (e.asked | finding.everywhere)
    if not chosen.any():
        return 0.0, float(e.angles[e.asked][0])
    at = int(np.argmax(np.where(chosen, finding.error, -1.0)))
    return float(finding.error[at]), float(e.angles[at])


def pronounce(rule: Rule, finding: Finding, e: Evidence, tolerance: float, uncertainty: float = 0.0) -> Law:
    """Return the law with its verdict; advice is left to who can solve changed junctions."""
    error, at = worst(finding, e)
    if error <= tolerance and not finding.restrained:
        verdict = VERDICTS[0] if error + uncertainty <= tolerance or not uncertainty else VERDICTS[1]
    else:
        verdict = VERDICTS[1] if error <= CARE * tolerance else VERDICTS[2]
    return Law(
        **_words(rule),
        error=error,
        uncertainty=uncertainty,
        at=at,
        parameter=finding.parameter,
        value=finding.value,
        verdict=verdict,
        reason=finding.reason,
        advice="" if verdict == VERDICTS[0] else rule.instead,
        errors=finding.error,
        curves=finding.curves,
    )


def dismiss(rule: Rule, reason: str, e: Evidence) -> Law:
    """Return a law that has no meaning here."""
    nowhere = np.full(len(e.angles), np.nan)
    return Law(**_words(rule), error=np.nan, verdict=VERDICTS[3], reason=reason, errors=nowhere)


def _words(rule: Rule) -> dict[str, Any]:
    return {said.name: getattr(rule, said.name) for said in fields(Words)}


def _sentence(text: str) -> str:
    """Return a clause as a sentence; what begins with a symbol keeps it."""
    word = text.split()[0]
    return f"{text[0].upper() if word.isascii() and word.isalpha() else text[0]}{text[1:].rstrip('.')}."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


@dataclass(frozen=True, eq=False)
class Judgment:
    """Which laws may be used for a junction, and how far; printing it gives the table."""

    laws: Mapping[str, Law]  #: id -> `Law`, in the order of a report.
    name: str  #: What was judged.
    tolerance: float  #: Largest error of a law that may be used.
    evidence: Evidence = field(repr=False)  #: The exact numbers.

    @property
    def angles(self) -> Floats:
        """Angles Φ of all numbers in radians, shape (n,)."""
        return self.evidence.angles

    @property
    def tmr(self) -> float:
        """Optimistic magnetoresistance (G_P - G_AP)/G_AP, infinite if nothing flows antiparallel, NaN if unknown."""
        return np.nan if self.evidence.fixed else self.evidence.tmr

    @property
    def summary(self) -> str:
        """Two plain sentences: about the paper's own formula, and about the others."""
        return f"{self._first()} {self._second()}"

    def _first(self) -> str:
        law = self.laws["tunnelling"]
        if law.verdict == "does not apply":
            return f"The paper's equations (3) and (4) do not apply to {self.name}: {law.reason}."
        if law.error == 0 and law.reason:
            return f"The paper's equations (3) and (4) say nothing wrong about {self.name}: {law.reason}."
        may = {"use": "may be used", "use with care": "may be used with care", "do not use": "must not be used"}
        return (
            f"The paper's equations (3) and (4) {may[law.verdict]} for {self.name}: they miss the magnetization "
            f"currents by at most {law.percent} of {law.unit}, at {np.degrees(law.at):.3g} deg."
        )

    def _second(self) -> str:
        names: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
        for law in self.laws.values():
            if law.id != "tunnelling":
                names[law.verdict].append(law.title)
        parts = [f"{verdict} {_listed(names[verdict])}" for verdict in VERDICTS[:3] if names[verdict]]
        return f"Of the others {'; '.join(parts)}." if parts else "No other law has a meaning for it."

    # ------------------------------------------------------------------ shown
    def table(self) -> Table:
        """Return the verdicts as a table."""
        rows, told = [], dict[str, str]()
        for law in self.laws.values():
            again = not law.parameter and law.reason in told
            rows.append((*law.row()[:-1], f"as for {told[law.reason]}") if again else law.row())
            if not law.parameter:
                told.setdefault(law.reason, law.title)
        head = ("law", "verdict", "worst error", "at deg", "value", "small parameter, or why it does not apply")
        notes = [f"tolerance {self.tolerance:.3g}; with care up to {CARE:g} times that"]
        if not np.isnan(self.tmr):
            notes.append(f"TMR (G_P - G_AP)/G_AP = {self.tmr:.4g}")
        for law in self.laws.values():
            said = " ".join(_sentence(text) for text in (law.reason, law.advice) if text)
            if said and law.verdict != VERDICTS[3]:
                notes.append(f"{law.title}: {said}")
        return Table(f"{self.name}, {self.evidence.problem.words}", head, rows, notes, left=2, tail=1)

    def __str__(self) -> str:
        return f"{self.summary}\n\n{self.table()}"

    def __repr__(self) -> str:
        found = {verdict: sum(law.verdict == verdict for law in self.laws.values()) for verdict in VERDICTS}
        return f"<Judgment of {self.name}: {', '.join(f'{n} {verdict}' for verdict, n in found.items())}>"

    def _repr_html_(self) -> str:
        return f"<p>{self.summary}</p>{self.table()._repr_html_()}"

    def to_dataset(self) -> xr.Dataset:
        """Return errors of all laws over angle, verdicts, and the exact numbers, with ``units`` and ``long_name``."""
        import xarray as xr

        laws, e = list(self.laws.values()), self.evidence

        def of_laws(name: str) -> list[Any]:
            return [getattr(law, name) for law in laws]

        own, T = "exact magnetization current along each lead's own m", "exact transmission T_ss' left to right"
        # name -> dimensions, values, unit (none for words), what it is
        told: dict[str, tuple[tuple[str, ...], Any, str, str]] = {
            "error_at": (("law", "angle"), of_laws("errors"), "1", "error of the law at the angle"),
            "error": (("law",), of_laws("error"), "1", "largest error of the law"),
            "uncertainty": (("law",), of_laws("uncertainty"), "1", "standard error of the error"),
            "at": (("law",), of_laws("at"), "rad", "angle of the largest error"),
            "value": (("law",), of_laws("value"), "1", "small parameter of the law"),
            "verdict": (("law",), of_laws("verdict"), "", "verdict"),
            "parameter": (("law",), of_laws("parameter"), "", "what the small parameter is"),
            "error_unit": (("law",), of_laws("unit"), "", "what the error is relative to"),
            "equations": (("law",), [", ".join(law.equations) for law in laws], "", "equations of the paper"),
            "advice": (("law",), of_laws("advice"), "", "what would have to change"),
            "conductance": (("angle",), e.conductance, "e^2/h", "exact conductance"),
            "current": (("angle",), e.J, "e^2/h x V", "exact charge current"),
            "magnetization_current": (("angle", "lead"), e.J_M, "e^2/h x V", own),
            "transmissions": (("angle", "spin_left", "spin_right"), e.transmissions, "1", T),
        }
        if not any(e.unlabeled):  # a normal metal carries spin of any direction away
            words = "exact in-plane torque per bias"
            told["in_plane_torque"] = (("angle", "magnet"), e.in_plane_torques, "e^2/h", words)
        variables = {
            name: (dims, np.asarray(values, float), {"units": unit, "long_name": words})
            if unit
            else (dims, np.asarray(values, str), {"long_name": words})
            for name, (dims, values, unit, words) in told.items()
        }
        sides, spins = ["left", "right"], ["majority", "minority"]
        coords = {
            "law": of_laws("id"),
            "angle": (("angle",), self.angles, {"units": "rad", "long_name": "angle between the magnets"}),
            **{"lead": sides, "magnet": sides, "spin_left": spins, "spin_right": spins},
        }
        attributes = {
            "title": f"judgment of {self.name}",
            "of": e.problem.words,
            "tolerance": self.tolerance,
            "summary": self.summary,
            "tmr": self.tmr,
            "mu_left": e.mu[0].tolist(),
            "mu_right": e.mu[1].tolist(),
        }
        used = {dim for dims, *_ in variables.values() for dim in dims}
        return xr.Dataset(variables, {k: v for k, v in coords.items() if k in used}, attributes)

    def report(self, output: Any) -> None:
        """Write one self-contained page: verdict, drawing, table, angular figures, and blocks for other codes.

        ``output``: path of the page, ending in .html.
        """
        from .page import write_page

        write_page(self, output)
