"""What flows: linear response, finite bias, occupied states, local potentials."""
