"""The original ``lightcurve`` 0.6.2, installed from the package index into an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from scripts.benchmarks.contender import ROOT, Contender, environment

__all__ = ["install", "start"]

VERSION = "0.6.2"
DRIVER = "scripts.benchmarks.peer_driver"
NEEDS = ("astropy", "numpy", "scipy", "six", "setuptools")
PROBE = "import lightcurve, scipy.signal, numba; from lightcurve import stis"

# Where numba does not install: the extraction of COS exposures calls nothing of it, it is imported alone.
NUMBA = '''\
"""Stands in for numba: functions stay as they are."""


def jit(*arguments, **options):
    if len(arguments) == 1 and callable(arguments[0]) and not options:
        return arguments[0]
    return lambda function: function


njit = vectorize = jit
prange = range
'''


def install(folder: Path, constraints: Path) -> Path:
    """Return the Python that has the original, installed on the first call.

    NumPy, SciPy and astropy are of the versions that this project has. Where ``numba`` does not install, a module takes
    its name whose decorators do nothing.

    Raises
    ------
    RuntimeError
        Nothing works; the message has what pip said.
    """
    python = folder / "bin" / "python"
    if python.exists() and _runs(python):
        return python
    print(f"Installing lightcurve {VERSION} into {folder}", file=sys.stderr, flush=True)
    venv.create(folder, with_pip=True, clear=True)
    _pip(python, "--constraint", str(constraints), *NEEDS)
    if not _pip(python, "--constraint", str(constraints), f"lightcurve=={VERSION}", required=False) or not _runs(
        python
    ):
        _pip(python, "--no-deps", f"lightcurve=={VERSION}")
        if not _pip(python, "numba", required=False) or not _runs(python):
            _stand_in(python)
    if not _runs(python):
        raise RuntimeError(f"{folder}: lightcurve {VERSION} was installed and cannot be imported")
    return python


def start(python: Path, reference: Path, log: Path) -> Contender:
    """Start the original as a contender; ``reference`` is the folder of its calibration tables."""
    variables = environment(PYTHONPATH=str(ROOT), HSTLC_BENCHMARK_LREF=str(reference))
    return Contender("original", [str(python), "-m", DRIVER], variables, log)


def _pip(python: Path, *arguments: str, required: bool = True) -> bool:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if required and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: failed\n{done.stdout}{done.stderr}")
    return not done.returncode


def _runs(python: Path) -> bool:
    return not subprocess.run([str(python), "-c", PROBE], capture_output=True, check=False).returncode


def _stand_in(python: Path) -> None:
    script = "import sysconfig; print(sysconfig.get_path('purelib'))"
    place = subprocess.run([str(python), "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    package = Path(place) / "numba"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text(NUMBA)
