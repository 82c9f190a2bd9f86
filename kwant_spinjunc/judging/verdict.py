"""What the judge returns: a verdict on each law, the exact numbers it rests on, and how both are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from kwant_spinjunc.judging.evidence import Evidence
from kwant_spinjunc.judging.laws import Curve, Finding, Rule
from kwant_spinjunc.printing import Printed, Table, number

from ..arrays import Floats

if TYPE_CHECKING:
    import xarray as xr

#: What a law can be told.
VERDICTS = ("use", "use with care", "do not use", "does not apply")
#: Up to this many times the tolerance a law is to be used with care.
CARE = 10.0


@dataclass(frozen=True, repr=False, eq=False)
class Law(Printed):
    """One law held against exact numbers.

    Attributes
    ----------
    id, title : str
        Key in `Judgment.laws`, and a few words.
    equations : tuple of str
        Numbers in the paper, and names for what has none.
    statement, fed, against : str
        What it says, what it is fed with, and the exact counterpart it is held against.
    error : float
        Largest error over the angles, in ``unit``; NaN if it does not apply.
    uncertainty : float
        Standard error of that, of an average over samples or on lattices of momenta; 0 else.
    at : float
        Angle of the largest error in radians.
    unit : str
        What the error is relative to.
    parameter, value : str, float
        The small parameter that controls the error, and its value here.
    verdict : str
        One of `VERDICTS`.
    reason : str
        Why, a clause.
    advice : str
        What would have to change, and what to use instead.
    errors : ndarray, shape (angles,)
        Error at every angle, NaN where the law says nothing.
    curves : tuple of Curve
        What was compared.
    """

    id: str
    title: str
    equations: tuple[str, ...]
    statement: str
    fed: str
    against: str
    error: float
    uncertainty: float
    at: float
    unit: str
    parameter: str
    value: float
    verdict: str
    reason: str
    advice: str
    errors: Floats = field(repr=False)
    curves: tuple[Curve, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        lines = [f"{self.title}: {self.verdict.upper()}", self.statement, f"fed with: {self.fed}"]
        lines.append(f"against: {self.against}")
        if self.verdict != VERDICTS[3]:
            lines.append(f"error {self.percent} of {self.unit}, at {np.degrees(self.at):.4g} deg")
            lines.append(f"small parameter {number(self.value, 3)}: {self.parameter}")
        lines += [text for text in (self.reason, self.advice) if text]
        return "\n  ".join(lines)

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
    return Law(
        **_words(rule),
        error=np.nan,
        uncertainty=0.0,
        at=np.nan,
        parameter="",
        value=np.nan,
        verdict=VERDICTS[3],
        reason=reason,
        advice="",
        errors=np.full(len(e.angles), np.nan),
    )


def _words(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in ("id", "title", "equations", "statement", "fed", "against", "unit")}


def _sentence(text: str) -> str:
    """Return a clause as a sentence; what begins with a symbol keeps it."""
    word = text.split()[0]
    return f"{text[0].upper() if word.isascii() and word.isalpha() else text[0]}{text[1:].rstrip('.')}."


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


@dataclass(frozen=True, eq=False)
class Judgment:
    """Which laws may be used for a junction, and how far; printing it gives the table.

    Attributes
    ----------
    laws : mapping
        id -> `Law`, in the order of a report.
    name : str
        What was judged.
    tolerance : float
        Largest error of a law that may be used.
    evidence : Evidence
        The exact numbers.
    """

    laws: Mapping[str, Law]
    name: str
    tolerance: float
    evidence: Evidence = field(repr=False)

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
            at = "-" if np.isnan(law.at) else f"{np.degrees(law.at):.4g}"
            last = law.parameter or (f"as for {told[law.reason]}" if law.reason in told else law.reason)
            if not law.parameter:
                told.setdefault(law.reason, law.title)
            rows.append((law.title, law.verdict, law.percent, at, number(law.value, 3), last))
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

        laws = list(self.laws.values())

        def text(values: list[str], name: str) -> Any:
            return xr.Variable(("law",), np.array(values, dtype=str), {"long_name": name})

        def real(dims: tuple[str, ...], values: Any, units: str, name: str) -> Any:
            return xr.Variable(dims, np.asarray(values, dtype=float), {"units": units, "long_name": name})

        e = self.evidence
        variables: dict[str, Any] = {
            "error_at": real(("law", "angle"), [law.errors for law in laws], "1", "error of the law at the angle"),
            "error": real(("law",), [law.error for law in laws], "1", "largest error of the law"),
            "uncertainty": real(("law",), [law.uncertainty for law in laws], "1", "standard error of the error"),
            "at": real(("law",), [law.at for law in laws], "rad", "angle of the largest error"),
            "value": real(("law",), [law.value for law in laws], "1", "small parameter of the law"),
            "verdict": text([law.verdict for law in laws], "verdict"),
            "parameter": text([law.parameter for law in laws], "what the small parameter is"),
            "error_unit": text([law.unit for law in laws], "what the error is relative to"),
            "equations": text([", ".join(law.equations) for law in laws], "equations of the paper"),
            "advice": text([law.advice for law in laws], "what would have to change"),
            "conductance": real(("angle",), e.conductance, "e^2/h", "exact conductance"),
            "current": real(("angle",), e.J, "e^2/h x V", "exact charge current"),
            "magnetization_current": real(
                ("angle", "lead"), e.J_M, "e^2/h x V", "exact magnetization current along each lead's own m"
            ),
            "transmissions": real(
                ("angle", "spin_left", "spin_right"), e.transmissions, "1", "exact transmission T_ss' left to right"
            ),
        }
        if not any(e.unlabeled):  # a normal metal carries spin of any direction away
            variables["in_plane_torque"] = real(
                ("angle", "magnet"), e.in_plane_torques, "e^2/h", "exact in-plane torque per bias"
            )
        coords = {
            "law": [law.id for law in laws],
            "angle": real(("angle",), self.angles, "rad", "angle between the magnets"),
            "lead": ["left", "right"],
            "magnet": ["left", "right"],
            "spin_left": ["majority", "minority"],
            "spin_right": ["majority", "minority"],
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
        used = {dim for variable in variables.values() for dim in variable.dims}
        return xr.Dataset(variables, {k: v for k, v in coords.items() if k in used}, attributes)

    def report(self, output: Any) -> None:
        """Write one self-contained page: verdict, drawing, table, angular figures, and blocks for other codes.

        ``output``: path of the page, ending in .html.
        """
        from kwant_spinjunc.judging.page import write_page

        write_page(self, output)
