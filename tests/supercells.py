"""Materials and kinds of disorder of the random samples that engines are compared on."""

import kwant_spinjunc as sj

#: An energy with open and closed transverse modes in every lead below, away from the edges of all sizes and k drawn.
ENERGY = 0.834

LEFT = sj.ferromagnet(onsite=0.1, hopping=1.0, splitting=0.6, in_plane_hopping=0.25)
RIGHT = sj.ferromagnet(onsite=-0.2, hopping=1.1, splitting=0.9, in_plane_hopping=0.2, m=sj.unit_vector(1.1, 0.5))
COPPER = sj.normal_metal(onsite=0.0, hopping=1.0, in_plane_hopping=0.25)

COLLINEAR = [
    sj.Anderson(width=1.5),
    sj.SpinDependent(width=0.8),
    sj.Substitution(concentration=0.3, onsite=0.8, splitting=0.4),
    sj.Roughness(amplitude=0.7, correlation_length=1.0, side="left"),
]
TURNING = [sj.MagneticImpurities(concentration=0.5, exchange=1.2), sj.SpinOrbitScattering(angle=0.6)]
