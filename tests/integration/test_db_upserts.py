"""Many rows at once: the same as one after the other, and writers wait for each other instead of deadlocking."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, Table, delete, event, func, select, text, update

from hstlc.db import composites, light_curves, records
from hstlc.db.engine import make_engine, reading, writing
from hstlc.db.exposures import ExposureRows, save_exposures
from hstlc.db.records import BAD, FILES, FINDINGS, LIGHT_CURVES, MEMBERS, METADATA, OUTPUTS, PRODUCTS, SETUPS, STATS
from hstlc.db.upserts import chunks, identities, key_chunks, upsert

NOW, DIGEST = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), "0" * 64
SETUP = {
    "telescop": "HST", "instrume": "COS", "targname": "A STAR", "cal_ver": "3.4", "obstype": "SPECTROSCOPIC",
    "cenwave": 1291, "aperture": "PSA", "detector": "FUV", "opt_elem": "G130M", "fppos": 3, "extra": {"a": [1]},
    "filename": "f", "path": "p", "ingest_date": date(2024, 5, 6), "updated_at": NOW,
}  # fmt: skip
MADE = {"size_bytes": 1, "input_digest": DIGEST, "step_version": 1, "settings_digest": DIGEST, "made_at": NOW}


def _bad(filename: str, sha256: str = DIGEST, day: int = 1, **more: Any) -> dict[str, Any]:
    where = {"filename": filename, "path": "p", "sha256": sha256, "size_bytes": 1}
    return {**where, "ingest_date": date(2024, 5, day), "reason": "Not science", **more}


def _curves(name: str, version: str, bands: Sequence[str]) -> list[dict[str, Any]]:
    one = {**MADE, "kind": "individual", "path": "o", "sha256": version}
    return [{**one, "band": band, "filename": f"{name}{band}.fits"} for band in ("", *bands)]


def _exposure(name: str, *, accepted: bool = True, bands: Sequence[str] = (), version: str = "1") -> ExposureRows:
    states = {"corrtag_a": "current" if accepted else "rejected", "x1d": "superseded"}
    files = [
        {
            "kind": kind, "filename": f"{name}_{kind}.fits", "path": "p", "sha256": f"{name}{kind}{version}".zfill(64),
            "size_bytes": 1, "cal_ver": "3", "version_key": version, "state": state, "added_at": NOW,
        }
        for kind, state in states.items()
    ]  # fmt: skip
    finding = {"filename": "", "check_name": "c", "severity": "flag", "reason": "r", "message": f"m{version}"}
    return ExposureRows(
        "hst",
        name,
        metadata={**SETUP, "configuration": f"one{version}"} if accepted else None,
        files=files,
        products=_curves(name, version, bands) if accepted else (),
        bad=[] if accepted else [_bad(files[0]["filename"], files[0]["sha256"])],
        findings=[finding] * (2 if accepted else 1),
    )


def _plain(engine: Engine, table: Table, *without: str) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        rows = connection.execute(select(table)).mappings().all()
    return sorted(({k: v for k, v in row.items() if k not in ("id", *without)} for row in rows), key=repr)


def _linked(engine: Engine) -> list[tuple[Any, ...]]:
    """Return every exposure with the key of its light curve and the number of its files, by the references."""
    joined = METADATA.outerjoin(OUTPUTS).outerjoin(PRODUCTS, PRODUCTS.c.id == OUTPUTS.c.individual_product_id)
    files = select(func.count()).where(FILES.c.metadata_id == METADATA.c.id).scalar_subquery()
    with reading(engine) as connection:
        rows = connection.execute(
            select(METADATA.c.rootname, PRODUCTS.c.key, OUTPUTS.c.individual_filename, files)
            .select_from(joined)
            .order_by(METADATA.c.rootname, PRODUCTS.c.key)
        )
        return [tuple(row) for row in rows]


def _state(engine: Engine) -> list[Any]:
    found = [_plain(engine, PRODUCTS, "metadata_id"), *(_plain(engine, table) for table in (BAD, STATS))]
    found += [_plain(engine, METADATA, "updated_at"), _plain(engine, OUTPUTS, "metadata_id", "individual_product_id")]
    return [*found, _plain(engine, FILES, "metadata_id"), _plain(engine, FINDINGS, "found_at"), _linked(engine)]


def _clear(engine: Engine) -> None:
    with writing(engine) as connection:
        for table in (FINDINGS, BAD, STATS, MEMBERS, OUTPUTS, FILES, METADATA, PRODUCTS):
            connection.execute(delete(table))


EXPOSURES = st.lists(
    st.builds(
        _exposure,
        st.sampled_from("abcd"),
        accepted=st.booleans(),
        bands=st.sampled_from(["", "C", "CN"]),
        version=st.sampled_from("12"),
    ),
    max_size=4,
    unique_by=lambda one: one.rootname,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(EXPOSURES, max_size=3))
def test_a_batch_of_exposures_gives_the_rows_of_one_after_the_other(
    engine: Engine, batches: list[list[ExposureRows]]
) -> None:
    found = []
    for size in (1, 4):
        _clear(engine)
        for batch in batches:
            for start in range(0, len(batch), size):
                with writing(engine) as connection:
                    save_exposures(connection, batch[start : start + size])
        found.append(_state(engine))
    assert found[0] == found[1]


def test_accepted_and_rejected_exposures_of_a_batch(engine: Engine) -> None:
    with writing(engine) as connection:
        save_exposures(connection, [_exposure(name) for name in "dcba"])
        save_exposures(connection, [_exposure("a", accepted=False), _exposure("b", version="2")])
        records.save_bad_data(connection, [_bad("other")])
        save_exposures(connection, [_exposure("e", accepted=False), _exposure("f")])
        save_exposures(connection, [_exposure("e")])
    assert _linked(engine) == [
        ("b", "hst/b//", "b.fits", 4),
        *((name, f"hst/{name}//", f"{name}.fits", 2) for name in "cdef"),
    ]
    assert {row["filename"] for row in _plain(engine, BAD)} == {"a_corrtag_a.fits", "other"}
    assert len(_plain(engine, PRODUCTS)) == 5
    assert {row["rootname"] for row in _plain(engine, FILES) if row["metadata_id"] is None} == {"a"}
    assert [row["message"] for row in _plain(engine, FINDINGS) if row["rootname"] in "ab"] == ["m1", "m2", "m2"]


def test_the_curves_of_all_bands_of_a_rejected_exposure_go(engine: Engine) -> None:
    with writing(engine) as connection:
        save_exposures(connection, [_exposure("a", bands="CN"), _exposure("ab")])
        save_exposures(connection, [_exposure("a", accepted=False)])
    assert [row["key"] for row in _plain(engine, PRODUCTS)] == ["hst/ab//"]


def test_a_band_that_is_not_made_any_more_goes(engine: Engine) -> None:
    with writing(engine) as connection:
        save_exposures(connection, [_exposure("a", bands="CN"), _exposure("b", bands="N")])
        save_exposures(connection, [_exposure("a", bands="C")])
    assert [row["key"] for row in _plain(engine, PRODUCTS)] == ["hst/a//", "hst/a//C", "hst/b//", "hst/b//N"]
    assert sorted(row["band"] for row in _plain(engine, OUTPUTS)) == ["", "", "C", "N"]


def test_the_curve_of_a_band_is_not_that_of_the_exposure(engine: Engine) -> None:
    keys = [("hst", name) for name in "abc"]
    with writing(engine) as connection:
        save_exposures(connection, [_exposure("a", bands="C"), _exposure("b", bands="C")])
        connection.execute(delete(OUTPUTS).where(OUTPUTS.c.band == "", OUTPUTS.c.individual_filename == "a.fits"))
        assert records.recorded_curves(connection, keys) == {("hst", "b")}


def test_rows_with_the_same_key_act_one_after_the_other(engine: Engine) -> None:
    rows = [
        _bad("b", day=1, message="first"),
        _bad("a"),
        _bad("b", day=2, message="second", kind="x1d"),
        _bad("b", day=3),
    ]
    states = []
    for batches in ([rows], [[row] for row in rows]):
        _clear(engine)
        for batch in batches:
            with writing(engine) as connection:
                upsert(connection, BAD, ("filename", "sha256"), batch, keep=("ingest_date",))
        states.append(_plain(engine, BAD))
    assert states[0] == states[1]
    assert [(row["filename"], row["ingest_date"].day, row["message"], row["kind"]) for row in states[0]] == [
        ("a", 1, "", ""),
        ("b", 1, "second", "x1d"),
    ]


def test_more_rows_than_a_statement_takes(engine: Engine) -> None:
    rows = [_bad(f"{number:05d}") for number in range(6000)]
    with writing(engine) as connection:
        for _ in range(2):
            records.save_bad_data(connection, rows)
        assert connection.scalar(select(func.count()).select_from(BAD)) == 6000
        found = identities(connection, BAD, ("sha256", "filename"), [(DIGEST, row["filename"]) for row in rows])
    assert len(set(found.values())) == 6000
    assert list(found)[:2] == [(DIGEST, "00000"), (DIGEST, "00001")]


def test_nothing_to_write(engine: Engine) -> None:
    with writing(engine) as connection:
        save_exposures(connection, [])
        light_curves.save_statistics(connection, [])
        composites.save_composites(connection, [])
    assert all(_plain(engine, table) == [] for table in (METADATA, STATS, PRODUCTS))


def test_composites_of_a_batch(engine: Engine) -> None:
    def members(names: str, dataset: int | None = 1) -> list[dict[str, Any]]:
        plain = {"dataset": dataset, "excluded_reason": "", "input_digest": DIGEST}
        return [{"metadata_id": numbers[name], **plain} for name in names]

    def saved(configuration: str, names: str, out: str = "", name: str = "") -> composites.CompositeRows:
        product = {**MADE, "path": "c", "filename": name, "sha256": DIGEST} if name else None
        return composites.CompositeRows(configuration, product, [*members(names), *members(out, None)])

    def shown() -> list[tuple[Any, ...]]:
        joined = METADATA.join(OUTPUTS).outerjoin(PRODUCTS, PRODUCTS.c.id == OUTPUTS.c.composite_product_id)
        columns = (METADATA.c.rootname, OUTPUTS.c.composite_path, OUTPUTS.c.composite_filename, PRODUCTS.c.key)
        rows = connection.execute(select(*columns).select_from(joined).order_by(METADATA.c.rootname))
        return [tuple(row) for row in rows]

    def belong(**configurations: str) -> None:
        for configuration, names in configurations.items():
            own = OUTPUTS.c.metadata_id.in_([numbers[name] for name in names])
            connection.execute(update(OUTPUTS).where(own).values(configuration=configuration))

    with writing(engine) as connection:
        save_exposures(connection, [_exposure(name) for name in "abcde"])
        numbers = {row.rootname: row.id for row in connection.execute(select(METADATA.c.rootname, METADATA.c.id))}
        belong(one="ab", two="cde")
        composites.save_composites(connection, [saved("two", "cd", "e", name="2"), saved("one", "ab", name="1")])
        nothing = (None, None, None)
        assert shown() == [
            *((n, "c", "1", "one") for n in "ab"),
            *((n, "c", "2", "two") for n in "cd"),
            ("e", *nothing),
        ]
        belong(one="b", two="acde")
        composites.save_composites(connection, [saved("one", "", "ab"), saved("two", "ac", "d", name="3")])
        assert shown() == [
            ("a", "c", "3", "two"),
            ("b", *nothing),
            ("c", "c", "3", "two"),
            ("d", *nothing),
            ("e", *nothing),
        ]
        assert set(composites.composite_products(connection)) == {"two"}
        assert set(composites.composite_products(connection, ["one", "two"])) == {"two"}
        rows = connection.execute(
            select(MEMBERS.c.configuration, MEMBERS.c.product_id.is_(None), func.count())
            .group_by(MEMBERS.c.configuration, MEMBERS.c.product_id.is_(None))
            .order_by(MEMBERS.c.configuration)
        ).all()
    assert [tuple(row) for row in rows] == [("one", True, 2), ("two", False, 3)]


def test_deliver_stays_whatever_the_statistics_become(engine: Engine) -> None:
    def rows(total: int) -> list[dict[str, Any]]:
        plain = {"lightcurve_path": "p", "lightcurve_filename": "f", "total": total, "bins_used": 1, "exposure_s": 1.5}
        made = {"curve_sha256": DIGEST, "step_version": 1, "settings_digest": DIGEST, "computed_at": NOW}
        return [{"product_id": number, **plain, **made} for number in numbers]

    with writing(engine) as connection:
        save_exposures(connection, [_exposure("a"), _exposure("b")])
        numbers = list(connection.scalars(select(PRODUCTS.c.id).order_by(PRODUCTS.c.id)))
        light_curves.save_statistics(connection, rows(1))
        connection.execute(STATS.update().where(STATS.c.product_id == numbers[1]).values(deliver=True))
        light_curves.save_statistics(connection, rows(2))
        found = connection.execute(select(STATS.c.total, STATS.c.deliver).order_by(STATS.c.product_id)).all()
    assert [tuple(row) for row in found] == [(2, False), (2, True)]


def test_a_light_curve_changes_its_setup_when_it_turns_out_to_vary(engine: Engine) -> None:
    def save(*varies: bool | None) -> list[tuple[bool, bool]]:
        plain = {"lightcurve_path": "p", "lightcurve_filename": "f", "total": 1, "bins_used": 1, "exposure_s": 1.5}
        made = {"curve_sha256": DIGEST, "step_version": 1, "settings_digest": DIGEST, "computed_at": NOW}
        rows = [{"product_id": n, "interesting": one, **plain, **made} for n, one in zip(numbers, varies, strict=True)]
        light_curves.save_statistics(connection, rows)
        assert light_curves.light_curves_differ(connection) == []
        joined = STATS.join(LIGHT_CURVES, LIGHT_CURVES.c.product_id == STATS.c.product_id)
        joined = joined.join(SETUPS, SETUPS.c.id == STATS.c.setup_id)
        same = (STATS.c.setup_id == LIGHT_CURVES.c.setup_id).label("same")
        found = connection.execute(select(SETUPS.c.interesting, same).select_from(joined).order_by(STATS.c.product_id))
        return [(bool(row[0]), bool(row[1])) for row in found]

    with writing(engine) as connection:
        save_exposures(connection, [_exposure("a"), _exposure("b")])
        numbers = list(connection.scalars(select(PRODUCTS.c.id).order_by(PRODUCTS.c.id)))
        assert save(None, None) == [(False, True), (False, True)]
        assert save(True, False) == [(True, True), (False, True)]
        assert save(False, True) == [(False, True), (True, True)]
        assert save(True, True) == [(True, True), (True, True)]
        assert connection.scalar(select(func.count()).select_from(SETUPS)) == 1
        connection.execute(STATS.delete())
        light_curves.refresh_light_curves(connection)
        assert not any(connection.scalars(select(SETUPS.c.interesting)))


def test_a_batch_takes_as_many_statements_as_an_exposure(engine: Engine) -> None:
    statements: list[str] = []
    counted: list[int] = []
    row_by_row: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    event.listen(engine, "do_executemany", lambda *call: row_by_row.append(call[1]))
    for number in (1, 40):
        statements.clear()
        with writing(engine) as connection:
            save_exposures(connection, [_exposure(f"{number}-{one}") for one in range(number)])
        counted.append(len(statements))
    assert counted[0] == counted[1] < 25
    assert not row_by_row or engine.dialect.name == "sqlite"  # which is in this process


def test_writers_take_rows_in_the_same_order(postgres_url: str) -> None:
    from hstlc.db.migrate import ensure_schema

    engine = make_engine(postgres_url)
    ensure_schema(engine)

    def write(rows: Sequence[dict[str, Any]]) -> None:
        with writing(engine) as connection:
            records.save_bad_data(connection, rows)

    write([_bad("a"), _bad("b")])
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            records.save_bad_data(connection, [_bad("a", message="1")])
            other = pool.submit(write, [_bad("b", message="2"), _bad("a", message="2")])
            with reading(engine) as watching:
                while not watching.scalar(waits) and not other.done():
                    watching.rollback()
            records.save_bad_data(connection, [_bad("b", message="1")])
        other.result()
    assert [row["message"] for row in _plain(engine, BAD)] == ["2", "2"]
    engine.dispose()


@pytest.mark.parametrize("number", [0, 1, 5000, 5001])
def test_chunks_lose_nothing(number: int) -> None:
    assert [item for chunk in chunks(range(number)) for item in chunk] == list(range(number))
    keys = [(first, f"{second:04d}") for second in range(number) for first in "ba"]
    assert [(first, second) for first, chunk in key_chunks(keys) for second in chunk] == sorted(keys)
    assert all(0 < len(chunk) <= 5000 for _, chunk in key_chunks(keys))
