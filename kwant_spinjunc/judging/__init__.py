"""Which laws may be used for a junction, and how far: exact scattering over the angle, and every law against it."""

from kwant_spinjunc.judging.door import ANGLES, judge
from kwant_spinjunc.judging.tmr import tmr
from kwant_spinjunc.judging.verdict import VERDICTS, Judgment, Law

__all__ = ["ANGLES", "VERDICTS", "Judgment", "Law", "judge", "tmr"]
