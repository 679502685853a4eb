"""Stores and files to ingest."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from store_state import Store, expose

from hstlc.missions import registry
from hstlc.testing.databases import KINDS, fresh_database

PLUGIN = Path(__file__).parents[1] / "plugin_example"


@pytest.fixture(params=KINDS)
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """A function that returns a new store in a folder of its own; on SQLite and on PostgreSQL."""
    with ExitStack() as stack:

        def make(name: str = "home") -> Store:
            folder = tmp_path / f"database-of-{name}"
            folder.mkdir()
            return Store(tmp_path / name, stack.enter_context(fresh_database(request.param, folder)))

        yield make


@pytest.fixture
def store(new_store: Callable[..., Store]) -> Store:
    """A new store, on SQLite and on PostgreSQL."""
    return new_store()


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Files as an archive has them; nobody writes to them.

    ``pair``: both segments and the x1d of a good exposure. ``single``: another target. ``bad``: both segments of an
    interrupted exposure. ``refused``: a file that is none of FITS.
    """
    folder = tmp_path_factory.mktemp("archive")
    refused = folder / "notes.fits"
    refused.write_bytes(b"not a FITS file")
    return SimpleNamespace(
        folder=folder,
        pair=expose(folder, "lsimp1aaq", segments=("A", "B"), x1d=True),
        single=expose(folder, "lsims1aaq", targname="SIM-OTHER", seed=2),
        bad=expose(folder, "lsimb1aaq", segments=("A", "B"), expflag="INTERRUPTED", seed=3),
        refused=refused,
    )


@pytest.fixture(scope="session")
def toy_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the example of a mission of one's own was installed into, alone; its source is beside it."""
    folder = tmp_path_factory.mktemp("toy")
    source, installed = folder / "source", folder / "installed"
    shutil.copytree(PLUGIN, source, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile"]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *options),
            *("--target", str(installed), str(source)),
        ],
        check=True,
        capture_output=True,
    )
    return installed


@pytest.fixture
def toy(toy_package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Have that mission installed in this process, and two exposures of it: the folder of their files."""
    monkeypatch.syspath_prepend(str(toy_package))
    registry.missions.cache_clear()
    try:
        from hstlc_toy import simulated

        folder = toy_package.parent / "files"
        if not folder.is_dir():
            folder.mkdir()
            simulated.write_exposure(folder / "toy_0001.fits", 1)
            simulated.write_exposure(folder / "toy_0002.fits", 2, simulated.GAP)
        yield folder
    finally:
        monkeypatch.undo()
        registry.missions.cache_clear()
        for name in [name for name in sys.modules if name.partition(".")[0] == "hstlc_toy"]:
            del sys.modules[name]
