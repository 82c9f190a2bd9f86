"""What a magnet takes from it: effective parameters, walls, multiscale, export."""
