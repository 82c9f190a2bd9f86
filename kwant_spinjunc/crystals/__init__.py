"""Crystals: Kwant systems taken apart at a cut, solved at all angles and momenta, averaged over the zone."""
