"""What the stand-in's archives of X-ray missions hold: fixed scenes, and days on which things happen.

``World.expected`` names the files of these archives as they are stored. Versions are ``N004`` and so on for Chandra;
for XMM-Newton, whose files do not say, it is the date of processing.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from hstlc.testing.archive.world import File, World
from hstlc.testing.archive.xray_files import (
    ChandraExposure,
    EpicExposure,
    chandra_events,
    csc_filename,
    csc_light_curve,
    csc_region,
    epic_events,
    epic_source_list,
    small_image,
)

__all__ = ["add_cda", "add_chandra", "add_csc", "add_detection", "add_epic", "add_xray_days", "add_xsa"]

Make = Callable[[int, datetime], Sequence[File]]

FAR_FUTURE = datetime(3000, 6, 1, tzinfo=UTC)
_PN, _M1, _M2 = EpicExposure("PN", "S", 3), EpicExposure("M1", "S", 1), EpicExposure("M2", "S", 2)
_INSTRUMENTS = {"PN": "EPN", "M1": "EMOS1", "M2": "EMOS2"}


def add_epic(
    world: World,
    observation: str,
    exposures: Sequence[EpicExposure],
    *,
    made: datetime,
    release: datetime | None = None,
    target: str = "SIM-FIELD",
    place: tuple[float, float] = (150.0, 2.0),
    visible_from: datetime | None = None,
    **columns: Any,
) -> None:
    """Add an observation with XMM-Newton.

    Parameters
    ----------
    world : World
    observation : str
        Ten digits.
    exposures : sequence of EpicExposure
    made, release, visible_from : datetime
        Processed; public; shown.
    target, place : str, tuple
        Name, and ICRS in degrees.
    **columns
        Further columns of ``v_public_observations``.
    """
    rows = [
        {
            "exposure_id": f"{exposure.flag}{exposure.number:03d}",
            "instrument": _INSTRUMENTS[exposure.camera],
            "mode_friendly_name": "Timing" if exposure.timing else "Full Frame",
            "instrument_mode_oid": 2 if exposure.timing else 1,
            "filter": "Medium",
            "is_scientific": "true",
        }
        for exposure in exposures
    ]
    start = made - timedelta(days=30)
    named = {"target": target, "ra": place[0], "dec": place[1], "start_utc": start, "duration": 2000, **columns}
    make = _epic_files(observation, exposures, wanted=bool(columns.get("with_science", True)))
    named["exposures"] = rows
    world.add("xsa", observation, named, make, made=made, release=release or made, visible_from=visible_from)


def _epic_files(observation: str, exposures: Sequence[EpicExposure], *, wanted: bool) -> Make:
    def make(number: int, made: datetime) -> Sequence[File]:  # noqa: ARG001
        lists = ((one, partial(epic_events, observation, one, number + 1)) for one in exposures)
        files = [File(one.filename(observation), blob, wanted=wanted and not one.timing) for one, blob in lists]
        if any(not one.timing for one in exposures):
            name = f"P{observation}EPX000OBSMLI0000"
            files.append(File(f"{name}.FTZ", partial(epic_source_list, observation, number + 1), wanted=wanted))
            files.append(File(f"{name}.HTM", b"<html><body>SIMULATED</body></html>", wanted=False))
        return files

    return make


def add_xsa(world: World, start: datetime) -> None:
    """Add observations with 2, 1 and no imaging exposures of pn, a proprietary one and one that will stay it."""
    second = EpicExposure("PN", "U", 2)
    add_epic(world, "0884250101", (_PN, second, _M1, _M2), made=start, target="SIM-TWO-PN", place=(10.5, -5.25))
    add_epic(world, "0301730401", (_PN, _M1, _M2), made=start + timedelta(hours=1), target="SIM-FIELD")
    add_epic(world, "0124710801", (_M1, _M2), made=start + timedelta(hours=1), target="SIM-MOS", place=(0.02, 89.9))
    timing = EpicExposure("PN", "S", 3, timing=True)
    add_epic(
        world, "0560180901", (timing, _M2), made=start + timedelta(hours=2), target="SIM-PULSAR", place=(83.6, 22.0)
    )
    add_epic(world, "0560181001", (timing,), made=start + timedelta(hours=2), target="SIM-PULSAR", place=(83.6, 22.0))
    soon, never = start + timedelta(days=10, hours=6), FAR_FUTURE
    later = start + timedelta(hours=3)
    add_epic(world, "0942190201", (_PN, _M1, _M2), made=later, release=soon, target="SIM-EMBARGO")
    add_epic(world, "0940541201", (_PN,), made=later, release=never, target="SIM-CALIBRATION")
    add_epic(world, "0111290301", (_PN,), made=later, target="SIM-SLEW", with_science=False)


def add_detection(
    world: World,
    name: str,
    exposure: ChandraExposure,
    *,
    made: datetime,
    place: tuple[float, float],
    significance: float = 20.0,
    versions: Mapping[str, int] | None = None,
    wanted: bool = True,
    **columns: Any,
) -> None:
    """Add a detection to the Chandra Source Catalog.

    Parameters
    ----------
    world : World
    name : str
        Of the source, such as ``2CXO J095550.1+694046``.
    exposure : ChandraExposure
        With the number of its region.
    made : datetime
    place : tuple of float
        Of the source, ICRS in degrees.
    significance : float
        Of the detection; that of the source is the one of its first detection.
    versions : mapping of str to int
        Version of a type of file where it is not that of the others.
    wanted : bool
        Of two detections in one observation only one is.
    **columns
        Further columns.
    """
    if exposure.region is None:
        raise ValueError("a detection has a region")
    named = {
        "name": name, "ra": place[0], "dec": place[1], "significance": significance, "obsid": exposure.obsid,
        "obi": exposure.obi, "region_id": exposure.region, "instrument": exposure.instrument,
        "detector": exposure.detector, **columns,
    }  # fmt: skip
    numbers = {"regevt3": 20, "srcreg": 21, "lightcurve": 20, **(versions or {})}
    band = "w" if exposure.instrument == "HRC" else "b"

    def make(number: int, made: datetime) -> Sequence[File]:  # noqa: ARG001
        kinds = (
            ("regevt3", "regevt3", "", chandra_events),
            *(("srcreg", "reg3", "", csc_region), ("lightcurve", "lc3", band, csc_light_curve)),
        )
        files = []
        for kind, ending, letter, write in kinds:
            version = numbers[kind] + number
            stored = f"{csc_filename(exposure, version, ending, letter)}.gz"
            labels = {"filetype": kind, "band": letter}
            blob = partial(write, exposure, version)
            fetched = wanted and kind != "lightcurve"
            files.append(File(stored, blob, wanted=fetched, version=f"N{version:03d}", labels=labels))
        return files

    key = f"{exposure.obsid:05d}_{exposure.obi:03d}_r{exposure.region:04d}"
    world.add("csc", key, named, make, made=made)


def add_csc(world: World, start: datetime) -> None:
    """Add a source with 13 observations, two of them with HRC and one with two detections, and others around it."""
    name, place = "2CXO J095550.1+694046", (148.95875, 69.67944)
    for number in range(11):
        exposure = ChandraExposure(5644 + number, detector="ACIS-S" if number % 2 else "ACIS-I", region=10 + number)
        add_detection(world, name, exposure, made=start, place=place, significance=55.0 - number)
    for obsid in (1411, 24564):
        exposure = ChandraExposure(obsid, detector="HRC-I", region=1)
        add_detection(world, name, exposure, made=start, place=place, significance=30.0)
    double = ChandraExposure(5644, detector="ACIS-I", region=77)
    add_detection(world, name, double, made=start, place=place, significance=8.0, wanted=False)
    faint = ChandraExposure(617, region=91)
    add_detection(world, "2CXO J162624.0-242448", faint, made=start, place=(246.6, -24.41333), significance=2.5)
    polar, edge = ChandraExposure(7999, region=35), ChandraExposure(8478, region=43)
    add_detection(world, "2CXO J000000.2+895400", polar, made=start, place=(0.001, 89.9), significance=12.0)
    add_detection(world, "2CXO J235959.9+010000", edge, made=start, place=(359.9996, 1.0), significance=12.0)


def add_chandra(
    world: World,
    exposure: ChandraExposure,
    *,
    made: datetime,
    release: datetime | None = None,
    place: tuple[float, float] = (150.0, 2.0),
    visible_from: datetime | None = None,
) -> None:
    """Add an observation with Chandra to its archive; its files are of version ``N004``, then ``N005`` and so on."""
    named = {
        "target_name": exposure.target.upper().replace(" ", ""), "instrument": exposure.detector,
        "ra": place[0], "dec": place[1], "start_date": made - timedelta(days=20),
    }  # fmt: skip
    lower = exposure.instrument.lower()

    def make(number: int, made: datetime) -> Sequence[File]:  # noqa: ARG001
        stem, version = f"{lower}f{exposure.obsid:05d}N{4 + number:03d}", f"N{4 + number:03d}"
        main, further = {"folder": "primary"}, {"folder": "secondary"}
        image = partial(small_image, str(exposure.obsid))
        events = partial(chandra_events, exposure, 4 + number)
        return (
            File(f"{stem}_evt2.fits.gz", events, version=version, labels=main),
            *(File(f"{stem}_{kind}.fits.gz", image, wanted=False, labels=main) for kind in ("fov1", "bpix1")),
            File("oif.fits", lambda: gzip.decompress(image()), wanted=False, labels=main),
            File(f"{stem}_msk1.fits.gz", image, wanted=False, labels=further),
        )

    key = str(exposure.obsid)
    world.add("cda", key, named, make, made=made, release=release, visible_from=visible_from)


def add_cda(world: World, start: datetime) -> None:
    """Add observations: with ACIS and HRC, one that is not public yet, and one that is processed again in place."""
    add_chandra(world, ChandraExposure(2798, target="SIM GALAXY"), made=start, place=(148.96, 69.68))
    hrc = ChandraExposure(24564, detector="HRC-I", target="SIM AR LAC")
    add_chandra(world, hrc, made=start + timedelta(hours=2), place=(332.17, 45.74))
    soon = ChandraExposure(31001, detector="ACIS-S", target="SIM EMBARGO")
    add_chandra(world, soon, made=start + timedelta(hours=3), release=start + timedelta(days=10, hours=6))
    add_chandra(world, ChandraExposure(735, detector="ACIS-S", target="SIM AGAIN"), made=start)
    world.reprocess("cda", "735", start + timedelta(days=12))


def add_xray_days(world: World, start: datetime, days: int) -> None:
    """Add what happens in the archives of X-ray missions: new, late, under embargo, made again, gone and back.

    Parameters
    ----------
    world : World
        Its random generator decides.
    start : datetime
    days : int
        About one thing happens in two days, nothing later. Nothing is made again, or comes back, in the last week:
        files of Chandra are made again without notice, and are found when their folder is looked at the next time.
    """
    random, end = world.random, start + timedelta(days=days)
    for day in range(days):
        made = start + timedelta(days=day, seconds=random.randrange(86400))
        late = made + timedelta(days=random.choice((0, 0, 0, 2)))
        release = made + timedelta(days=random.choice((0, 0, 0, 5, 400 + days)))
        if late > end or made < release <= made + timedelta(days=5) > end:
            late = release = made
        place = (round(random.uniform(0, 360), 4), round(random.uniform(-80, 80), 4))
        dates: dict[str, Any] = {"made": made, "release": release, "visible_from": late, "place": place}
        seen = late if release > end else max(late, release)
        number = len(world.records("xsa")) + len(world.records("cda"))
        chance, fate = random.random(), random.random()
        if seen > end - timedelta(days=16):
            fate = 1.0
        if chance < 0.25:
            exposures = random.choice(((_PN, _M1, _M2), (_M1, _M2), (_PN, EpicExposure("PN", "U", 2))))
            add_epic(world, f"09{number:05d}101", exposures, target=f"SIM-{number}", **dates)
            _change(world, "xsa", f"09{number:05d}101", seen, fate)
        elif chance < 0.5:
            add_chandra(world, ChandraExposure(40_000 + number, target=f"SIM {number}"), **dates)
            _change(world, "cda", str(40_000 + number), seen, fate)


def _change(world: World, archive: str, key: str, seen: datetime, fate: float) -> None:
    """Let something happen, or not, to what a daily poll has met by then."""
    if fate < 0.25:
        world.reprocess(archive, key, seen + timedelta(days=6))
    elif fate < 0.35 and archive == "xsa":
        world.reprocess(archive, key, seen + timedelta(days=6), change_bytes=False)
    elif fate < 0.5:
        world.remove(archive, key, seen + timedelta(days=4))
        world.restore(archive, key, seen + timedelta(days=9))
