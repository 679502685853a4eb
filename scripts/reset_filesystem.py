#!/usr/bin/env python3
"""Move the ingested files back to the ingest folder and delete the light curves; the same as ``hstlc files reset``."""

from hstlc.cli.files import reset

if __name__ == "__main__":
    reset(prog_name="reset_filesystem.py")
