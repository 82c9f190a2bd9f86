"""Which laws may be used for a junction, and how far: exact scattering over the angle, and every law against it."""

from .door import ANGLES, judge
from .tmr import tmr
from .verdict import VERDICTS, Judgment, Law

__all__ = ["ANGLES", "VERDICTS", "Judgment", "Law", "judge", "tmr"]
