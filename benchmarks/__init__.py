"""Timings of the fast engine against Kwant on the same junctions: ``python -m benchmarks``."""
