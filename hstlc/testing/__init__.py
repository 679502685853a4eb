"""Public helpers for tests: synthetic exposures and databases."""
