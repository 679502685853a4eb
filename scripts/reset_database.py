#!/usr/bin/env python3
"""Remove the rows of the database: reset_database.py [production | all | TABLE]; the same as ``hstlc db reset``."""

from hstlc.cli.database import reset

if __name__ == "__main__":
    reset(prog_name="reset_database.py")
