"""Archives with many datasets, as a process: ``python -m scripts.benchmarks.archives_peer mast 100000``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from hstlc.testing.archive import File, StandIn, World
from hstlc.testing.archive.history import Make
from hstlc.testing.archive.hst_files import HstDataset
from hstlc.testing.archive.mast_catalog import ARCHIVE
from hstlc.testing.archive.xray_files import EpicExposure
from hstlc.testing.archive.xray_worlds import add_epic

__all__ = ["main"]

BEGIN = datetime(2015, 1, 1, tzinfo=UTC)
_STEP = timedelta(minutes=50)


def _mast(world: World, number: int) -> None:
    """Fill an archive with single exposures; nobody asks for their files, whose sizes alone are listed."""
    for place in range(number):
        dataset = HstDataset(place, "stis", targname=f"SIM-{place % 977}", association=False, observed=BEGIN)
        root = f"o{place:05d}010"
        columns = {**dataset.columns(), "sci_data_set_name": root.upper(), "sci_asn_id": root.upper()}
        world.add(ARCHIVE, root.upper(), columns, _two_files(root), made=BEGIN + place * _STEP)


def _two_files(root: str) -> Make:
    files = [File(f"{root}_{kind}.fits", b"0" * 2880, labels={"suffix": kind.upper()}) for kind in ("tag", "x1d")]
    return lambda *_: files


def _xsa(world: World, number: int) -> None:
    exposures = (EpicExposure("PN", "S", 3), EpicExposure("M1"), EpicExposure("M2", "S", 2))
    for place in range(number):
        add_epic(world, f"{place:010d}", exposures, made=BEGIN + place * _STEP, target=f"SIM-{place % 977}")


FILLERS: dict[str, Callable[[World, int], None]] = {"mast": _mast, "xsa": _xsa}


def main(arguments: Sequence[str]) -> None:
    """Serve until the standard input ends; the first line of the output is the address."""
    name, number = arguments
    world = World()
    FILLERS[name](world, int(number))
    with StandIn(world) as stand_in:
        print(stand_in.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
