"""Chandra files through the pipeline: rows, products, rejections, and what happens when a part comes later."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from hstlc.config import load
from hstlc.pipeline import ingest as pipeline
from hstlc.pipeline.context import open_store
from hstlc.pipeline.results import Summary
from hstlc.pipeline.statistics import build_statistics
from hstlc.testing.chandra import ChandraObservation, ChandraScene, ChandraSource, write_evt2, write_region_products

SCENE = ChandraScene((ChandraSource(0.03),), background_ct_s=0.05)
OBSERVATION = ChandraObservation(ontime_s=5000.0, region=35)


def ingested(home: Path, paths: Sequence[Path], *questions: str) -> tuple[Summary, list[list[tuple[object, ...]]]]:
    url = f"sqlite:///{home / 'store.db'}"
    settings = load(None, {"HSTLC_HOME_DIR": str(home), "HSTLC_DB_CONNECTION_STRING": url})
    summary = Summary()
    with open_store(settings) as context:
        pipeline.ingest(context, pipeline.Options(tuple(paths)), summary)
        build_statistics(context, summary)
        with context.engine.connect() as connection:
            answers = [[tuple(row) for row in connection.execute(text(question))] for question in questions]
    assert summary.failures == []
    return summary, answers


def test_a_real_list_without_events_is_a_row_of_bad_data(real_data: Path, tmp_path: Path) -> None:
    summary, (rows,) = ingested(
        tmp_path, [real_data / "chandra" / "structure_only_evt.fits"], "SELECT rootname, reason FROM bad_data"
    )
    assert rows == [("acisf00732_000", "No events")]
    assert dict(summary.rejected) == {"No events": 1}


def test_real_lists_become_light_curves(real_data: Path, tmp_path: Path) -> None:
    for name in ("chandra_test.fits", "chandra_noener_test.fits"):
        home = tmp_path / name
        home.mkdir()
        _, (rows, findings) = ingested(
            home,
            [real_data / "chandra" / name],
            "SELECT rootname, targname, instrume, detector FROM metadata",
            "SELECT reason FROM finding",
        )
        assert rows == [("acisf10027_000", "M82", "ACIS", "ACIS-7")]
        assert ("Header mismatch",) in findings
        assert (("No energies",) in findings) == (name == "chandra_noener_test.fits")


def test_products_of_a_region_become_a_source_with_its_bands_and_statistics(tmp_path: Path) -> None:
    written = write_region_products(tmp_path, OBSERVATION, SCENE, lc3=True)
    field = write_evt2(tmp_path, replace(OBSERVATION, region=None), SCENE)
    summary, (sources, bands, indices) = ingested(
        tmp_path / "home",
        [*written.paths, *field.paths],
        "SELECT name, catalogue, number, extra FROM source",
        "SELECT band, lead FROM outputs WHERE source_name != '' ORDER BY band",
        "SELECT o.band, s.gl_index, s.arrivals FROM stats s JOIN outputs o"
        " ON s.lightcurve_filename = o.individual_filename WHERE o.source_name != '' AND o.lead",
    )
    assert summary.ingested == 2
    ((name, catalogue, number, extra),) = sources
    assert (name, catalogue, number) == ("CXOU J100000.0+020000", "reg3", "0035")
    assert json.loads(str(extra))["catalog_variability"]["b"]["VARINDEX"] == 0
    assert [(band, bool(lead)) for band, lead in bands] == [
        ("broad", True), ("hard", False), ("medium", False), ("soft", False), ("ultrasoft", False),
    ]  # fmt: skip
    ((band, index, arrivals),) = indices
    assert band == "broad"
    assert index in (0, 1, 2)
    assert arrivals == pytest.approx(0.03 * 5000 * 0.87, rel=0.3)


def test_an_ellipse_that_comes_later_makes_the_same_curves(tmp_path: Path) -> None:
    paths = write_region_products(tmp_path, OBSERVATION, SCENE).paths
    question = (
        "SELECT s.name, s.region, s.counts, p.sha256 FROM source s JOIN outputs o ON o.source_name = s.name"
        " JOIN product p ON p.id = o.individual_product_id ORDER BY o.band"
    )
    _, (together,) = ingested(tmp_path / "a", paths, question)
    ingested(tmp_path / "b", paths[:1], question)
    _, (later,) = ingested(tmp_path / "b", paths[1:], question)
    assert later == together
    assert len(later) == 5
