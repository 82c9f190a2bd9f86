"""Which laws may be used for a junction, and how far: exact scattering over the angle, and every law against it."""

from kwant_spinjunc.judge.door import judge
from kwant_spinjunc.judge.verdict import VERDICTS, Judgment, Law

__all__ = ["VERDICTS", "Judgment", "Law", "judge"]
