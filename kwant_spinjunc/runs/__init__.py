"""Many of them: sweeps, maps of validity, ensembles, their stores and executors."""
