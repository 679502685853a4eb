"""Worlds to poll: a first run, single changes to it, and busy days in which everything happens.

Examples
--------
>>> world = first_run()
>>> len(world.visible("mast")), len({product[:6] for _, product, _ in world.expected()})
(40, 31)
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hstlc.clock import Clock
from hstlc.testing.archive.faults import FaultPlan
from hstlc.testing.archive.hst_files import EXCLUDED_TARGETS, HstDataset, Mode
from hstlc.testing.archive.mast_catalog import ARCHIVE
from hstlc.testing.archive.world import World
from hstlc.testing.archive.xray_worlds import add_cda, add_csc, add_xray_days, add_xsa

__all__ = [
    *("EARLY", "START", "TARGET", "add_hst", "busy_days", "campaign", "embargo_ends", "first_run", "renamed_column"),
    *("reprocessed", "touched", "vanishes_and_returns"),
]

#: When the datasets of a first run were archived, one an hour.
EARLY = datetime(2025, 3, 1, tzinfo=UTC)

#: When busy days begin.
START = datetime(2026, 1, 1, tzinfo=UTC)

#: A name with three observations in a first run, and its place in degrees.
TARGET = "GJ436"
_PLACE = (175.54622, 26.70657)

_NEVER = datetime(2999, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_QUIET_DAYS = 3  # at the end of busy days: time to find and fetch the last of it
_APART_DAYS = 4  # between two changes of one dataset, so that polls of a day miss none


def add_hst(
    world: World,
    dataset: HstDataset,
    *,
    made: datetime,
    archived: datetime | None = None,
    visible_from: datetime | None = None,
    release: datetime | None = None,
) -> str:
    """Put a Hubble dataset into a world, and return its name; see :meth:`World.add`."""
    world.add(
        ARCHIVE,
        dataset.key,
        dataset.columns(),
        dataset.make,
        made=made.replace(microsecond=0),
        archived=archived,
        visible_from=visible_from,
        release=release,
    )
    return dataset.key


def first_run(clock: Clock | None = None, *, xray: bool = False) -> World:
    """Return 40 datasets that have been there for long; nothing happens to them.

    31 are wanted: COS FUV of one and of both segments, COS NUV and STIS, some with several exposures or with one of
    the lamp, three of :data:`TARGET`. The others are of no target, of the lamp, of another mode, or not public. With
    ``xray`` the archives of X-ray missions have something too.
    """
    world = World(clock)
    modes: tuple[tuple[Mode, int], ...] = (("fuv-a", 10), ("fuv", 5), ("nuv", 6), ("stis", 10))
    datasets: list[HstDataset] = []
    for mode, many in modes:
        for place in range(many):
            dataset = HstDataset(
                len(datasets),
                mode,
                targname=f"SIM-{mode.upper()}-{place % 4}",
                exposures=2 if place % 5 == 4 else 1,
                wavecal=place % 4 == 1,
                association=place % 4 != 2,
            )
            datasets.append(dataset)
    for number in (0, 15, 21):
        datasets[number] = replace(datasets[number], targname=TARGET, ra_deg=_PLACE[0], dec_deg=_PLACE[1])
    datasets += [HstDataset(len(datasets) + place, targname=name) for place, name in enumerate(EXCLUDED_TARGETS)]
    datasets.append(HstDataset(37, targname="SIM-LAMP", association=False, lamp=True))
    datasets.append(HstDataset(38, "nuv", targname="SIM-ACCUM", operating_mode="ACCUM"))
    datasets.append(HstDataset(39, targname="SIM-SECRET"))
    for number, dataset in enumerate(datasets):
        made = EARLY + timedelta(hours=number)
        release = _NEVER if dataset.targname == "SIM-SECRET" else None
        observed = EARLY - timedelta(days=60 - number)
        add_hst(
            world,
            replace(dataset, observed=observed),
            made=made,
            archived=made + timedelta(minutes=20, milliseconds=number),
            release=release,
        )
    if xray:
        for add in (add_xsa, add_csc, add_cda):
            add(world, EARLY)
    return world


def reprocessed(when: datetime, clock: Clock | None = None) -> tuple[World, str]:
    """Return a first run of which one dataset is made again: the same sizes, other bytes."""
    world = first_run(clock)
    key = _first(world)
    world.reprocess(ARCHIVE, key, when)
    return world, key


def touched(when: datetime, clock: Clock | None = None) -> tuple[World, str]:
    """Return a first run of which one dataset gets new dates and the same bytes."""
    world = first_run(clock)
    key = _first(world)
    world.reprocess(ARCHIVE, key, when, change_bytes=False)
    return world, key


def embargo_ends(when: datetime, clock: Clock | None = None) -> tuple[World, str]:
    """Return a first run of which one more dataset becomes public."""
    world = first_run(clock)
    key = next(one.key for one in world.records(ARCHIVE) if one.columns["sci_targname"] == "SIM-SECRET")
    world.embargo(ARCHIVE, key, when)
    return world, key


def vanishes_and_returns(gone: datetime, back: datetime, clock: Clock | None = None) -> tuple[World, str]:
    """Return a first run of which one dataset is away for some time."""
    world = first_run(clock)
    key = _first(world)
    world.remove(ARCHIVE, key, gone)
    world.restore(ARCHIVE, key, back)
    return world, key


def renamed_column(when: datetime, clock: Clock | None = None) -> World:
    """Return a first run whose archive calls a column by another name from some time on."""
    world = first_run(clock)
    world.rename_column(ARCHIVE, "sci_targname", "sci_target_name", when=when)
    return world


def campaign(faults: FaultPlan, probability: float = 0.3) -> None:
    """Let downloads fail as they do while everything is made again: now and then there is no such file, or an error."""
    faults.storm(probability, ("status:404", "status:500"), path="retrieve_product")


def _first(world: World) -> str:
    return world.records(ARCHIVE)[0].key


def busy_days(
    days: int, seed: int = 0, clock: Clock | None = None, *, start: datetime = START, xray: bool = False
) -> World:
    """Return a world in which datasets appear, are late, are made again, become public, vanish and return.

    Parameters
    ----------
    days : int
        From ``start`` on; one or two new datasets a day. In the last three nothing happens.
    seed : int
    clock : Clock, optional
    start : datetime
        Before it there are ten datasets.
    xray : bool
        Things happen in the archives of X-ray missions too.

    Notes
    -----
    Changes of one dataset are at least four days apart: who polls once a day and misses no day meets every version,
    ``world.expected()``. Who misses days holds at least ``world.expected(every_version=False)``, and nothing that is
    not in the former; files of the lamp, which their headers alone tell apart, are in neither. Nothing is late by more
    than two days.
    """
    world = World(clock, seed)
    chance = world.random
    end = start + (days - _QUIET_DAYS) * _DAY
    number = 0
    for day in range(-10, days - _QUIET_DAYS):
        for _ in range(1 if day < 0 else chance.choice((1, 2))):
            made = start + day * _DAY + timedelta(seconds=chance.randrange(86_000))
            archived = made + timedelta(minutes=chance.randrange(1, 120), microseconds=chance.choice((0, 633_000)))
            late = chance.random() < 0.1
            visible = archived + (chance.uniform(0.3, 2.0) * _DAY if late else timedelta())
            release = archived + chance.uniform(3, 15) * _DAY if chance.random() < 0.15 else None
            if max(visible, release or visible) > end:
                visible, release = archived, None
            dataset = _dataset(world, number, made)
            key = add_hst(world, dataset, made=made, archived=archived, visible_from=visible, release=release)
            _change(world, key, max(visible, release or visible, start), end)
            number += 1
    if xray:
        add_xray_days(world, start, days - _QUIET_DAYS)
    return world


def _dataset(world: World, number: int, made: datetime) -> HstDataset:
    chance = world.random
    mode: Mode = chance.choices(("fuv-a", "stis", "nuv", "fuv"), (4, 3, 2, 1))[0]
    dataset = HstDataset(
        number,
        mode,
        targname=f"SIM-BUSY-{chance.randrange(12)}",
        exposures=2 if chance.random() < 0.1 else 1,
        wavecal=chance.random() < 0.15,
        x1d=mode in ("stis", "nuv") or number % 10 == 0,
        exptime_s=20.0,
        observed=made - timedelta(days=1),
    )
    kind = chance.random()
    if kind < 0.05:
        return replace(dataset, targname=chance.choice(EXCLUDED_TARGETS))
    if kind < 0.08:
        return replace(dataset, operating_mode="ACCUM")
    if kind < 0.24 and mode != "stis":
        return replace(dataset, association=False, wavecal=False, exposures=1, lamp=kind < 0.11)
    return dataset


def _change(world: World, key: str, since: datetime, end: datetime) -> None:
    """Let one thing or another happen to a dataset that everybody sees since some time."""
    chance = world.random
    kind = chance.random()
    when = since + chance.uniform(_APART_DAYS, 3 * _APART_DAYS) * _DAY
    later = when + chance.uniform(_APART_DAYS, 3 * _APART_DAYS) * _DAY
    if when > end:
        return
    if kind < 0.25:
        world.reprocess(ARCHIVE, key, when.replace(microsecond=0), change_bytes=chance.random() < 0.7)
        if later <= end and chance.random() < 0.3:
            world.reprocess(ARCHIVE, key, later.replace(microsecond=0))
    elif kind < 0.33:
        world.remove(ARCHIVE, key, when)
        if later <= end and chance.random() < 0.6:
            world.restore(ARCHIVE, key, later)
