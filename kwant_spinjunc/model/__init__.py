"""What a junction is: layers, cross-section, disorder, one sample."""
