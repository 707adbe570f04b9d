"""Training: a loop one can read, and what it needs. Extra `train`."""
