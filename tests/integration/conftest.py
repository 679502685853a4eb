"""Stores and files to ingest."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from browser import browser, loopback, watched_page  # noqa: F401
from store_state import Store, expose

from hstlc.testing.databases import KINDS, fresh_database


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
