"""Everything Kwant: build a junction, solve any system, resolve its spins."""
