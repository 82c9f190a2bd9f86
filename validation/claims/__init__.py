"""One claim of the paper a file, its text beside it; see `validation.claim`."""
