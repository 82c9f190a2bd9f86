r"""Two halves and one rotation in real arithmetic: disordered samples whose spins are real symmetric each.

Without spin-orbit bonds, fields off the axis of a half and Bloch phases, E - H of each spin of a half is real; only the
leads are complex, and only in their open modes. So a sample stays real until its last step: `slabs` eliminates what
lies inside a stack of disordered planes (sparse, by MUMPS), `face` what lies between lead and spacer, `joint` joins
both halves at any angle and brings in the open modes. `solve` watches for resonances of the real sample, where digits
are lost: there it begins again with shifted leads, and what is still in doubt is left to the complex engine of
`supercell`, which is never near a pole.
"""

from .solve import covers, probabilities

__all__ = ["covers", "probabilities"]
