"""Quality checks: each is a value, all are run, all findings are kept."""

from hstlc.checks.check import Check, first_rejection, run_checks

__all__ = ["Check", "first_rejection", "run_checks"]
