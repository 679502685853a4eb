"""One folder a mission: everything that only it knows."""
