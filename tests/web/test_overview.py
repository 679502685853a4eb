"""The first page: it counts as the database does, leads to what it names, and shows nothing of the disk."""

import html
import io
import math
import re
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from light_curve_rows import add_light_curve
from PIL import Image
from sqlalchemy import Engine, func, insert, select, update
from starlette.testclient import TestClient

from hstlc.config import Settings, load
from hstlc.db.archive_tables import Job, Leader, Notice, RemoteProduct
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.migrate import ensure_schema
from hstlc.db.overview import Place, instrument_counts, latest_curves, mission_counts, places, work
from hstlc.db.tables import JobRequest, LightCurveRow, Metadata, Output, Product, Target
from hstlc.web.app import create_app
from hstlc.web.kept import Kept
from hstlc.web.sky import MOST_MARKS, galactic_plane, hammer, sky_map, sky_marks

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture
def site_engine(site_settings: Settings) -> Any:
    engine = make_engine(site_settings.db_connection_string)
    yield engine
    engine.dispose()


def numbers(page: str, row: str) -> list[str]:
    """The cells of the row of a table that begins with a name."""
    found = re.search(rf">{re.escape(row)}</a></th>(.*?)</tr>", page)
    assert found, row
    return [re.sub(r"<.*?>", "", cell) for cell in re.findall(r"<td.*?</td>", found[1])]


def test_the_page_counts_what_the_tables_have(client: TestClient, site_engine: Engine) -> None:
    page = client.get("/").text
    with reading(site_engine) as connection:
        rows = connection.execute(select(LightCurveRow.__table__)).mappings().all()
        exposures = connection.execute(select(Metadata.__table__)).mappings().all()
    assert f"<b>{len(rows)}</b> light curves" in page
    assert f"<b>{len(exposures)}</b> exposures" in page
    for mission, title in (("hst", "Hubble Space Telescope"), ("xmm", "XMM-Newton")):
        own = [row for row in exposures if row["mission"] == mission]
        kinds = Counter(row["kind"] for row in rows if row["mission"] == mission)
        time_ks = sum(row["exptime_s"] for row in own) / 1000
        targets = len({row["targname"] for row in own})
        expected = [kinds["individual"], kinds["composite"], len(own), targets, f"{time_ks:.1f}"]
        assert numbers(page, title) == [str(value) for value in expected]


def test_what_is_new_leads_to_light_curves_that_exist_and_have_pictures(
    client: TestClient, site_engine: Engine
) -> None:
    page = client.get("/").text
    thumbnails = re.findall(r'<img src="(/curve/([^/"]+)/thumbnail.png)"', page)
    assert len(thumbnails) == 12
    with reading(site_engine) as connection:
        known = set(connection.scalars(select(LightCurveRow.filename)))
    assert {unquote(name) for _, name in thumbnails} <= known
    for address, _ in thumbnails:
        answer = client.get(address)
        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).size == (400, 150)


def test_a_mission_can_be_chosen(client: TestClient, site_engine: Engine) -> None:
    page = client.get("/", params={"mission": "xmm"}).text
    with reading(site_engine) as connection:
        of = {row[0]: row[1] for row in connection.execute(select(LightCurveRow.filename, LightCurveRow.mission))}
    shown = re.findall(r'<img src="/curve/([^/"]+)/thumbnail.png"', page)
    assert shown
    assert {of[unquote(name)] for name in shown} == {"xmm"}
    assert ">COS<" not in page
    assert page.count("<circle ") == 1  # the one target of the demonstration


def test_a_mission_that_nobody_knows_is_refused(client: TestClient) -> None:
    answer = client.get("/", params={"mission": "<b>"})
    assert answer.status_code == 400
    assert "usage.unknown-mission" in answer.text
    assert "<b>" not in answer.text


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    settings = load(None, {"HSTLC_HOME_DIR": str(tmp_path)})
    engine = make_engine(settings.db_connection_string)
    ensure_schema(engine)
    engine.dispose()
    with TestClient(create_app(settings)) as client:
        for path in ("/", "/candidates", "/findings", "/bad-data", "/runs", "/notices", "/api"):
            assert client.get(path).status_code == 200
        page = client.get("/").text
        assert client.get("/api/v1/missions").json()["rows"][0]["exposures"] == 0
    assert "hstlc ingest FOLDER" in page
    assert "No daemon is at work" in page


def test_the_work_is_told_without_folders_of_the_disk(client: TestClient, site_engine: Engine, site_home: Path) -> None:
    now = datetime.now(UTC)
    with writing(site_engine) as connection:
        lease = {"epoch": 7, "owner": "node-1", "lease_until": now + timedelta(hours=1), "taken_at": now}
        connection.execute(insert(Leader), {"id": 1, **lease})
        rows = [
            {"name": "poll", "running_epoch": 7, "started_at": now, "finished_at": None, "status": "", "message": ""},
            {
                "name": "ingest",
                "running_epoch": None,
                "started_at": now,
                "finished_at": now,
                "status": "failed",
                "message": f"{site_home}/ingest/a b/x.fits is cut short",
            },
        ]
        connection.execute(insert(Job), rows)
        notice = {"key": "disk", "severity": "error", "message": f"the disk of {site_home}/outputs is full", "count": 1}
        connection.execute(insert(Notice), {**notice, "first_at": now, "last_at": now})
        product = select(func.min(RemoteProduct.id)).scalar_subquery()
        connection.execute(update(RemoteProduct).where(RemoteProduct.id == product).values(state="queued"))
        row = {"kind": "get", "digest": "0" * 64, "state": "queued", "user_name": "a", "requested_at": now}
        connection.execute(insert(JobRequest), row)
    page = client.get("/").text
    assert "The daemon is at work" in page
    assert re.search(r">poll</th><td><span[^>]*>running<", page)
    assert "x.fits is cut short" in page
    assert "Requests of users: 1 queued" in page
    assert re.search(r"<td>queued</td><td class=\"number\">1</td>", page)
    assert "the disk of the store is full" in html.unescape(page)
    assert str(site_home) not in html.unescape(page)


def test_names_of_targets_are_escaped_in_text_and_address(client: TestClient, site_engine: Engine) -> None:
    name = 'A/B#1?x=<script>alert(1)</script>"'
    with writing(site_engine) as connection:
        connection.execute(update(LightCurveRow).values(targname=name))
        connection.execute(update(Target).where(Target.ra_deg.is_not(None)).values(name=Target.name + name))
    page = client.get("/").text
    assert "<script>alert" not in page
    assert "A%2FB%231%3Fx%3D%3Cscript%3Ealert%281%29%3C%2Fscript%3E%22" in page


@pytest.mark.parametrize("path", ["/", "/?mission=hst", "/runs", "/api"])
def test_pages_have_no_script_and_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    page = client.get(path).text
    assert "<script" not in page
    assert not re.findall(r"\son\w+=", page)
    assert not [
        url for url in re.findall(r'(?:src|href)="(\w+:[^"]+)"', page) if not url.startswith("http://testserver")
    ]
    assert "<h1>" in page
    identities = re.findall(r'\sid="([^"]+)"', page)
    assert len(identities) == len(set(identities))


# --- thumbnails


def test_a_thumbnail_is_not_sent_twice(client: TestClient, site_engine: Engine) -> None:
    with reading(site_engine) as connection:
        name = connection.scalar(select(LightCurveRow.filename).where(LightCurveRow.lead).limit(1))
    first = client.get(f"/curve/{name}/thumbnail.png")
    again = client.get(f"/curve/{name}/thumbnail.png", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert "max-age" in first.headers["cache-control"]


def test_a_light_curve_without_picture_gets_a_placeholder(
    client: TestClient, site_engine: Engine, site_home: Path
) -> None:
    with reading(site_engine) as connection:
        name = connection.scalar(select(LightCurveRow.filename).where(LightCurveRow.lead).limit(1))
        curve = connection.scalar(select(LightCurveRow.product_id).where(LightCurveRow.filename == name))
        picture = select(Product.id, Product.path, Product.filename).where(Product.kind == "quicklook")
        row = connection.execute(picture.where(Product.parent_id == curve)).one()
    (site_home / row.path / row.filename).unlink()
    assert client.get(f"/curve/{name}/thumbnail.png").headers["content-type"] == "image/svg+xml"
    with writing(site_engine) as connection:
        connection.execute(update(Product).where(Product.id == row.id).values(path="../../etc", filename="passwd"))
    answer = client.get(f"/curve/{name}/thumbnail.png")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert b"root" not in answer.content


@pytest.mark.parametrize("name", ["nothing.fits", "..%2f..%2fhstlc.db", "999999999", "%00"])
def test_a_thumbnail_of_nothing_is_not_found(client: TestClient, name: str) -> None:
    assert client.get(f"/curve/{name}/thumbnail.png").status_code in (400, 404, 422)


# --- queries


def add_exposure(engine: Engine, number: int, instrument: str, target: str, kinds: tuple[str, ...]) -> None:
    """One exposure of 100 s with light curves."""
    with writing(engine) as connection:
        found = connection.scalar(select(Target.id).where(Target.name == target))
        if found is None:
            row = {"name": target, "ra_deg": 10.0 * number, "dec_deg": -5.0, "moving": False, "made_at": NOW}
            (found,) = connection.execute(insert(Target).returning(Target.id), row).one()
        row = dict.fromkeys(("telescop", "cal_ver", "obstype", "aperture", "detector", "opt_elem"), "")
        row |= {"mission": "toy", "rootname": f"e{number}", "filename": f"e{number}.fits", "path": "p", "cenwave": 0}
        row |= {"ingest_date": NOW.date(), "instrume": instrument, "targname": target, "fppos": 0, "updated_at": NOW}
        row |= {"configuration": "", "exptime_s": 100.0, "expstart_mjd": 5e4 + number, "expend_mjd": 5e4 + number + 0.5}
        row |= {"target_id": found}
        (metadata,) = connection.execute(insert(Metadata).returning(Metadata.id), row).one()
        for i, kind in enumerate(kinds):
            name = f"e{number}-{i}-{kind}.fits"
            made = NOW + timedelta(minutes=number)
            product = {"kind": kind, "key": name, "path": "p", "filename": name, "sha256": "0" * 64, "size_bytes": 1}
            product |= {"input_digest": "", "step_version": 1, "settings_digest": "", "made_at": made}
            (identity,) = connection.execute(insert(Product).returning(Product.id), product).one()
            curve = {"product_id": identity, "kind": kind, "filename": name, "path": "p", "size_bytes": 1}
            curve |= {"made_at": made, "mission": "toy", "metadata_id": metadata, "targname": target, "lead": i == 0}
            curve |= {"source_name": "", "band": "", "rootname": "", "instrume": instrument, "detector": ""}
            curve |= {"opt_elem": "", "cenwave": 0, "aperture": "", "exposures": 1, "exptime_s": 100.0}
            add_light_curve(connection, curve)
        connection.execute(insert(Output), {"metadata_id": metadata})


def test_an_exposure_with_several_light_curves_is_counted_once(engine: Engine) -> None:
    add_exposure(engine, 1, "A", "one", ("individual", "individual", "composite"))
    add_exposure(engine, 2, "A", "one", ("individual",))
    add_exposure(engine, 3, "B", "two", ("individual",))
    add_exposure(engine, 4, "C", "three", ("composite",))
    with reading(engine) as connection:
        (mission,) = mission_counts(connection)
        counts = {row.instrume: row for row in instrument_counts(connection)}
        seen = places(connection)
    assert (mission.exposures, mission.targets, mission.exposure_s) == (4, 3, 400.0)
    assert (mission.first_mjd, mission.last_mjd) == (50001.0, 50004.5)
    a = counts["A"]
    assert (a.individual, a.composite, a.exposures, a.targets, a.exposure_s) == (3, 1, 2, 1, 200.0)
    assert (counts["C"].individual, counts["C"].composite, counts["C"].exposures) == (0, 1, 0)
    assert {(place.name, place.exposures, place.ra_deg) for place in seen} == {
        ("one", 2, 10.0),
        ("three", 1, 40.0),
        ("two", 1, 30.0),
    }


def test_the_latest_light_curve_of_each_target_and_instrument_is_new(engine: Engine) -> None:
    for number in range(1, 6):
        add_exposure(engine, number, "A", "same" if number < 5 else "other", ("individual", "individual"))
    with reading(engine) as connection:
        names = [row["filename"] for row in latest_curves(connection, limit=4)]
        none = latest_curves(connection, "nothing", limit=4)
    assert names == ["e5-0-individual.fits", "e4-0-individual.fits"]
    assert none == []


def test_the_work_of_a_database_with_one_row_a_table(filled: Engine) -> None:
    with reading(filled) as connection:
        found = work(connection, NOW)
    assert found["daemon"] == "silent"  # its lease ran out in 2024
    assert [row["name"] for row in found["jobs"]] == ["poll"]
    assert found["requests"] == {"queued": 1}
    assert [row["walk_state"] for row in found["streams"]] == ["done"]
    assert found["downloads"] == []
    assert len(found["notices"]) == 1


# --- the map


def test_the_projection_is_that_of_the_fits_standard() -> None:
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---AIT", "DEC--AIT"]
    wcs.wcs.crval = [180.0, 0.0]
    wcs.wcs.cdelt = [-1.0, 1.0]
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0.001, 359.999, 500), np.degrees(np.arcsin(rng.uniform(-1, 1, 500)))
    column, row = wcs.all_world2pix(ra, dec, 0)
    x, y = hammer(ra, dec)
    assert np.degrees(x) == pytest.approx(column - wcs.wcs.crpix[0] + 1, abs=1e-9)
    assert np.degrees(y) == pytest.approx(row - wcs.wcs.crpix[1] + 1, abs=1e-9)


def test_the_plane_of_the_galaxy_is_where_astropy_has_it() -> None:
    from astropy.coordinates import SkyCoord

    ra, dec = galactic_plane()
    galactic = SkyCoord(ra, dec, unit="deg").galactic
    assert np.abs(galactic.b.deg).max() < 1e-4
    assert np.all(np.diff(np.sort(galactic.l.deg)) < 2.5)


def test_many_targets_are_shown_as_cells_that_hold_them_all() -> None:
    rng = np.random.default_rng(2)
    ra, dec = rng.uniform(0, 360, 5000), np.degrees(np.arcsin(rng.uniform(-1, 1, 5000)))
    dec[:4] = [90, -90, 89.9, -89.9]
    ra[4:6] = [0.0, 360.0]
    targets = [Place("toy", f"t{i}", float(a), float(d), 1) for i, (a, d) in enumerate(zip(ra, dec, strict=True))]
    marks = sky_marks(targets)
    assert 400 < len(marks) < 1000
    assert sum(mark.number for mark in marks) == 5000
    from astropy.coordinates import SkyCoord

    centers = SkyCoord([mark.ra_deg for mark in marks], [mark.dec_deg for mark in marks], unit="deg")
    radii = np.array([float(re.search(r"radius=([\d.]+)", mark.href)[1]) for mark in marks])
    places_ = SkyCoord(ra, dec, unit="deg")
    inside = places_[:, None].separation(centers[None, :]).deg <= radii[None, :]
    assert inside.any(axis=1).all()
    assert (inside.sum(axis=0) >= [mark.number for mark in marks]).all()


def test_a_target_that_two_missions_saw_has_one_mark() -> None:
    both = [Place("a", "X/Y", 10.0, 20.0, 2), Place("b", "X/Y", 10.0, 20.0, 3)]
    (mark,) = sky_marks(both)
    assert (mark.number, mark.title, mark.href) == (5, "X/Y, 5 exposures", "/target/X%2FY")
    (own,) = sky_marks(both, "a")
    assert own.number == 2
    assert len(sky_marks([Place("a", f"t{i}", 1.0, 2.0, 1) for i in range(MOST_MARKS)])) == MOST_MARKS


def test_the_map_is_well_formed_and_inside_its_box() -> None:
    from xml.etree import ElementTree

    marks = sky_marks([Place("a", "<&>", float(ra), float(dec), 1) for ra in (0, 90, 359.9) for dec in (-90, 0, 90)])
    svg = str(sky_map(marks, "A < B")).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    circles = list(root.iter("{http://www.w3.org/2000/svg}circle"))
    assert circles
    for circle in circles:
        x, y, radius = (float(circle.attrib[name]) for name in ("cx", "cy", "r"))
        assert radius <= x <= width - radius
        assert radius <= y <= height - radius
    for one in re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", svg):
        assert all(map(math.isfinite, map(float, one)))


# --- kept values


def test_what_many_ask_for_is_computed_once() -> None:
    started, go, calls = threading.Event(), threading.Event(), []

    def make(key: str) -> str:
        calls.append(key)
        started.set()
        assert go.wait(30)
        return key.upper()

    kept = Kept(make, seconds=1000)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(kept.get("a").value)) for _ in range(20)]
    for thread in threads:
        thread.start()
    assert started.wait(30)
    go.set()
    for thread in threads:
        thread.join()
    assert (found, calls) == (["A"] * 20, ["a"])


def test_nobody_waits_for_a_value_that_is_renewed() -> None:
    now, calls, go, renewed = [0.0], [], threading.Event(), threading.Event()

    def make(_: None) -> int:
        calls.append(1)
        if len(calls) == 2:
            assert go.wait(30)
        if len(calls) == 3:
            renewed.set()
            raise OSError("the database is away")
        return len(calls)

    kept = Kept(make, seconds=10, clock=lambda: now[0])
    assert kept.get(None).value == 1
    now[0] = 9.0
    assert kept.get(None).value == 1
    assert len(calls) == 1
    now[0] = 10.0
    assert [kept.get(None).value for _ in range(5)] == [1] * 5  # while another thread computes
    go.set()
    wait_for(lambda: kept.get(None).value == 2)
    assert len(calls) == 2
    now[0] = 30.0
    kept.get(None)
    assert renewed.wait(30)
    assert kept.get(None).value == 2  # an error leaves what there was


def test_an_error_of_the_first_is_told_and_the_next_tries_again() -> None:
    answers = iter([OSError("away"), 5])

    def make(_: None) -> int:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    kept = Kept(make, seconds=10)
    with pytest.raises(OSError, match="away"):
        kept.get(None)
    assert kept.get(None).value == 5


def wait_for(condition: Any) -> None:
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.01)
    pytest.fail("it did not happen in 30 s")


def test_every_link_leads_somewhere(client: TestClient) -> None:
    links: set[str] = set()
    for path in ("/", "/?mission=xmm", "/candidates", "/findings", "/bad-data", "/runs", "/notices"):
        links |= {html.unescape(one) for one in re.findall(r'href="(/[^"]*)"', client.get(path).text)}
    assert len(links) > 60
    answers = {link: client.get(link).status_code for link in sorted(links)}
    assert {link: status for link, status in answers.items() if status != 200} == {}
