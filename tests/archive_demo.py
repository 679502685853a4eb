"""The tree that ``hstlc demo --archive`` makes, and copies of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Made", "copied", "demonstrate"]


@dataclass(frozen=True)
class Made:
    """A folder in which the demonstration ran, and what it printed."""

    folder: Path
    printed: str


def demonstrate(folder: Path) -> Made:
    """Run the demonstration of all missions in a folder, as a user does."""
    command = [str(Path(sys.executable).parent / "hstlc"), "demo", "--archive", str(folder)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HSTLC_")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environ)
    assert done.returncode == 0, done.stderr
    return Made(folder, done.stdout)


def copied(made: Path, home: Path) -> Path:
    """Copy a data tree with a database of its own; the files are links."""
    shutil.copytree(made, home, copy_function=os.link)
    for path in home.glob("hstlc.db*"):
        path.unlink()
        shutil.copyfile(made / path.name, path)
    return home
