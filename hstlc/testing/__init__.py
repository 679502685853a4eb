"""For tests, of this project and of others: synthetic exposures, databases, the contract of a mission."""
