"""Sources that several exposures see, in real databases: one name, and light curves that make composites."""

from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select

from hstlc.db.composites import CURVE, due_configurations, members_of
from hstlc.db.engine import reading, writing
from hstlc.db.exposures import ExposureRows, save_exposures
from hstlc.db.records import METADATA, OUTPUTS, RATIOS, SOURCES
from hstlc.pipeline import same_source

DAY = datetime(2026, 1, 2, tzinfo=UTC)
MADE = {"size_bytes": 1, "input_digest": "i", "step_version": 1, "settings_digest": "s", "made_at": DAY}
SETUP = {
    "filename": "f", "path": "p", "ingest_date": date(2026, 1, 2), "telescop": "T", "instrume": "CAM", "targname": "A",
    "cal_ver": "1", "obstype": "IMAGING", "cenwave": 0, "aperture": "", "detector": "D", "opt_elem": "", "fppos": 0,
    "extra": {}, "updated_at": DAY, "configuration": "whole",
}  # fmt: skip


def exposure(name: str, mjd: float, sources: dict[str, tuple[float, float]], sha256: str = "1") -> ExposureRows:
    """Return an exposure with sources at places, each with light curves in two bands."""
    common = {**MADE, "kind": "individual", "path": "o", "sha256": sha256}
    products = [{**common, "band": "", "filename": f"{name}.fits"}]
    products += [
        {**common, "source_name": source, "band": band, "filename": f"{name}{source}{band}.fits", "lead": band == "all"}
        for source in sources
        for band in ("all", "hard")
    ]
    ratio = {"hard": "hard", "soft": "soft", "ratio": 0.5, "low": 0.25, "high": 0.75}
    rows = [
        {
            "name": source, "ra_deg": ra, "dec_deg": dec, "catalogue": "list", "counts": 9, "background_counts": 1,
            "scale": 0.5, "exposure_s": 10.0, "hardness": (ratio,),
        }
        for source, (ra, dec) in sources.items()
    ]  # fmt: skip
    files = [{"kind": "evt2", "filename": name, "path": "p", "sha256": name, "size_bytes": 1, "cal_ver": ""}]
    files[0] |= {"version_key": "", "state": "current", "added_at": DAY}
    metadata = {**SETUP, "expstart_mjd": mjd}
    return ExposureRows("toy", name, metadata, files, products, (), (), rows, composes=False)


@pytest.fixture
def context(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Everything that joining sources needs of a run, with a mission whose sources are joined."""
    monkeypatch.setattr(same_source, "missions", lambda: {"toy": SimpleNamespace(source_radius_arcsec=3.0)})
    return SimpleNamespace(engine=engine)


def named(engine: Engine) -> dict[tuple[str, str], str]:
    with reading(engine) as connection:
        joined = SOURCES.join(METADATA, METADATA.c.id == SOURCES.c.metadata_id)
        rows = connection.execute(select(METADATA.c.rootname, SOURCES.c.name, SOURCES.c.same_as).select_from(joined))
        return {(row.rootname, row.name): row.same_as for row in rows}


def part_of(engine: Engine) -> dict[tuple[str, str, str], str]:
    with reading(engine) as connection:
        columns = (METADATA.c.rootname, OUTPUTS.c.source_name, OUTPUTS.c.band, OUTPUTS.c.configuration)
        rows = connection.execute(select(*columns).select_from(OUTPUTS.join(METADATA)))
        return {(row.rootname, row.source_name, row.band): row.configuration for row in rows}


ONE = {"X": (10.0, 2.0), "Y": (11.0, 2.0)}
TWO = {"Z": (10.0, 2.0 + 1 / 3600)}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_sources_of_one_place_have_one_name_whatever_came_first(context: Any, order: tuple[int, int]) -> None:
    exposures = [exposure("early", 60000.0, ONE), exposure("late", 60001.0, TWO)]
    for number in order:
        with writing(context.engine) as connection:
            save_exposures(connection, [exposures[number]])
        same_source.join_sources(context)
    assert named(context.engine) == {("early", "X"): "X", ("early", "Y"): "Y", ("late", "Z"): "X"}
    key = "toy/CAM/ALL/X/{}/0/SOURCE"
    assert part_of(context.engine) == {
        ("early", "", ""): "",
        ("early", "X", "all"): key.format("ALL"),
        ("early", "X", "hard"): key.format("HARD"),
        ("early", "Y", "all"): "",  # one exposure is no composite
        ("early", "Y", "hard"): "",
        ("late", "", ""): "",
        ("late", "Z", "all"): key.format("ALL"),
        ("late", "Z", "hard"): key.format("HARD"),
    }
    with reading(context.engine) as connection:
        assert due_configurations(connection) == {key.format("ALL"), key.format("HARD")}
        members = members_of(connection, [key.format("ALL")])[key.format("ALL")]
    assert [(row["rootname"], row["targname"], row["opt_elem"]) for row, _ in members] == [
        ("early", "X", "ALL"),
        ("late", "X", "ALL"),
    ]
    assert [[(made["kind"], made["filename"]) for made in of] for _, of in members] == [
        [(CURVE, "earlyXall.fits")],
        [(CURVE, "lateZall.fits")],
    ]


def test_a_source_that_one_exposure_is_left_of_makes_no_composite_any_more(context: Any) -> None:
    with writing(context.engine) as connection:
        save_exposures(connection, [exposure("early", 60000.0, ONE), exposure("late", 60001.0, TWO)])
    same_source.join_sources(context)
    with writing(context.engine) as connection:
        connection.execute(delete(METADATA).where(METADATA.c.rootname == "early"))
    same_source.join_sources(context)
    assert named(context.engine) == {("late", "Z"): "Z"}
    assert set(part_of(context.engine).values()) == {""}


def test_an_exposure_that_is_made_again_has_its_sources_once(context: Any) -> None:
    for sources in (ONE, TWO):
        with writing(context.engine) as connection:
            save_exposures(connection, [exposure("early", 60000.0, sources)])
        same_source.join_sources(context)
    assert named(context.engine) == {("early", "Z"): "Z"}
    assert {source for _, source, _ in part_of(context.engine)} == {"", "Z"}
    with reading(context.engine) as connection:
        assert [row.ratio for row in connection.execute(select(RATIOS))] == [0.5]
