"""Flares and dips in the database: of the pipeline, replaced with their curve, gone with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from store_state import Store

from hstlc.db.engine import reading
from hstlc.testing.cos import CosExposure, Scene, write_exposure
from hstlc.testing.cos.scene import flare

QUERY = """
SELECT m.rootname, c.kind, c.dataset, c.start_mjd, c.end_mjd, c.duration_s, c.probability, c.trials, s.candidates,
       s.blocks, s.fractional_variability, s.peak_note
FROM candidate c JOIN stats s ON s.product_id = c.product_id JOIN outputs o ON o.individual_product_id = c.product_id
JOIN metadata m ON o.metadata_id = m.id ORDER BY m.rootname, c.start_mjd
"""


def rows(store: Store, query: str = QUERY) -> list[dict[str, Any]]:
    with store.open(write=False) as context, reading(context.engine) as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


@pytest.fixture(scope="module")
def flaring(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], list[Path]]:
    """A function that returns the files of an exposure, with a flare or in a later version without (0)."""

    def made(amplitude: int) -> list[Path]:
        folder = tmp_path_factory.mktemp("flaring")
        shape = flare(200.0, amplitude=float(amplitude)) if amplitude else None
        scene = Scene(rate_ct_s=20.0, shape=shape)
        exposure = CosExposure(
            rootname="lsimf1aaq", targname="SIM-FLARE", exptime_s=500.0, cal_ver=f"3.{9 - amplitude}"
        )
        return list(write_exposure(folder, exposure, scene).paths)

    return made


def test_flares_are_rows_of_their_light_curve(store: Store, flaring: Callable[[int], list[Path]]) -> None:
    store.ingest(*flaring(5))
    found = rows(store)
    assert found
    assert {row["rootname"] for row in found} == {"lsimf1aaq"}
    assert {row["candidates"] for row in found} == {len(found)}
    first = min(found, key=lambda row: row["probability"])
    assert first["kind"] == "flare"
    assert first["start_mjd"] == pytest.approx(58300.25 + 200 / 86400, abs=20 / 86400)
    assert first["duration_s"] == pytest.approx((first["end_mjd"] - first["start_mjd"]) * 86400, abs=1e-3)
    assert first["probability"] < 1e-10
    assert first["blocks"] > 1
    assert first["fractional_variability"] > 0.3


def test_statistics_made_again_replace_them(store: Store, flaring: Callable[[int], list[Path]]) -> None:
    store.ingest(*flaring(5))
    before = rows(store)
    assert store.configured(stats__interesting_p="0.01").build_statistics(everything=True).statistics == 1
    assert rows(store) == before
    assert before
    store.ingest(*flaring(0))
    assert rows(store, "SELECT candidates FROM stats") == [{"candidates": 0}]
    assert rows(store, "SELECT * FROM candidate") == []


def test_they_go_with_their_curve(store: Store, flaring: Callable[[int], list[Path]], tmp_path: Path) -> None:
    store.ingest(*flaring(5))
    assert rows(store)
    rejected = CosExposure(rootname="lsimf1aaq", targname="SIM-FLARE", exptime_s=500.0, cal_ver="4.0", shutter="Closed")
    store.ingest(*write_exposure(tmp_path, rejected, Scene()).paths)
    assert rows(store) == []
